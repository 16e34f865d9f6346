//! Who we are in TLS: a certificate and its key, read from their files, or made and signed by itself on first start.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::store::write_private;

/// A certificate with its key, and the files in which they are renewed.
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Identity {
    /// Reads the certificate and its key, or makes a self-signed pair for `hosts` when both files are missing.
    ///
    /// # Errors
    ///
    /// Fails when the files cannot be read, made, or do not belong together.
    pub fn load_or_create(
        certificate: &Path,
        key: &Path,
        hosts: &[String],
    ) -> Result<Self, CertificateError> {
        if !certificate.exists() && !key.exists() {
            create(certificate, key, hosts).map_err(|source| CertificateError::Unreadable {
                file: certificate.to_owned(),
                source,
            })?;
        }
        Ok(Self {
            current: RwLock::new(load(certificate, key)?),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Reads the files again. Connections that come get the new certificate, those there are keep theirs.
    ///
    /// # Errors
    ///
    /// Fails when the files cannot be read or do not belong together; then the certificate stays as it was.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let renewed = load(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or made.
    #[error("{} cannot be read or made: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or holds something else.
    #[error("{} holds no PEM of the right kind", .0.display())]
    NotPem(PathBuf),
    /// Certificate and key do not belong together.
    #[error("{} cannot be used: {source}", file.display())]
    Unusable {
        /// The certificate's file.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

fn load(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| CertificateError::NotPem(certificate.to_owned()))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| CertificateError::NotPem(key.to_owned()))?;
    let pair = CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider());
    pair.map(Arc::new)
        .map_err(|source| CertificateError::Unusable {
            file: certificate.to_owned(),
            source,
        })
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(file).map_err(|source| CertificateError::Unreadable {
        file: file.to_owned(),
        source,
    })
}

fn create(certificate: &Path, key: &Path, hosts: &[String]) -> io::Result<()> {
    let failed = |error: rcgen::Error| io::Error::other(error.to_string());
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::new(hosts).map_err(failed)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    let signed = params.self_signed(&pair).map_err(failed)?;
    write_private(key, pair.serialize_pem().as_bytes())?;
    write_private(certificate, signed.pem().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pair_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = files(folder.path());
        Identity::load_or_create(&certificate, &key, &hosts()).unwrap();
        let first = fs::read(&certificate).unwrap();
        Identity::load_or_create(&certificate, &key, &hosts()).unwrap();
        assert_eq!(fs::read(&certificate).unwrap(), first);
        for file in [certificate, key] {
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_lone_certificate_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = files(folder.path());
        Identity::load_or_create(&certificate, &key, &hosts()).unwrap();
        fs::remove_file(&key).unwrap();
        let refused = Identity::load_or_create(&certificate, &key, &hosts()).unwrap_err();
        assert!(refused.to_string().contains("key.pem"), "{refused}");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = files(folder.path());
        let (other, other_key) = files(&folder.path().join("other"));
        Identity::load_or_create(&certificate, &key, &hosts()).unwrap();
        Identity::load_or_create(&other, &other_key, &hosts()).unwrap();
        let refused = Identity::load_or_create(&certificate, &other_key, &hosts()).unwrap_err();
        assert!(matches!(refused, CertificateError::Unusable { .. }));
    }

    #[test]
    fn a_renewed_pair_is_taken_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = files(folder.path());
        let identity = Identity::load_or_create(&certificate, &key, &hosts()).unwrap();
        let first = identity.current();
        create(&certificate, &key, &hosts()).unwrap();
        identity.reload().unwrap();
        let renewed = identity.current();
        assert_ne!(renewed.cert, first.cert);
        fs::write(&certificate, "certificate").unwrap();
        identity.reload().unwrap_err();
        assert_eq!(identity.current().cert, renewed.cert);
    }

    #[test]
    fn a_file_without_pem_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = files(folder.path());
        fs::write(&certificate, "certificate").unwrap();
        fs::write(&key, "key").unwrap();
        let refused = Identity::load_or_create(&certificate, &key, &hosts()).unwrap_err();
        assert!(refused.to_string().contains("certificate.pem"));
    }

    fn files(folder: &Path) -> (PathBuf, PathBuf) {
        (folder.join("certificate.pem"), folder.join("key.pem"))
    }

    fn hosts() -> Vec<String> {
        ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec()
    }
}
