//! The certificate for https: read from its files, or made and signed by itself on first start.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::{TLS12, TLS13},
};

use crate::store::write_private;

/// Reads the certificate and its key, or makes a self-signed pair when both files are missing, and returns the settings
/// of TLS: 1.2 and 1.3, one provider.
///
/// # Errors
///
/// Fails when the files cannot be read, made, or do not belong together.
pub fn load_or_create(
    certificate: &Path,
    key: &Path,
    hosts: &[String],
) -> Result<Arc<ServerConfig>, CertificateError> {
    if !certificate.exists() && !key.exists() {
        create(certificate, key, hosts).map_err(|source| CertificateError::Unreadable {
            file: certificate.to_owned(),
            source,
        })?;
    }
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| CertificateError::NotPem(certificate.to_owned()))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| CertificateError::NotPem(key.to_owned()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, secret)
        })
        .map_err(|source| CertificateError::Unusable {
            file: certificate.to_owned(),
            source,
        })?;
    // A WebSocket begins as HTTP/1.1 (RFC 6455); nothing else here would gain from HTTP/2.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
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

fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
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
        load_or_create(&certificate, &key, &hosts()).unwrap();
        let first = fs::read(&certificate).unwrap();
        load_or_create(&certificate, &key, &hosts()).unwrap();
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
        load_or_create(&certificate, &key, &hosts()).unwrap();
        fs::remove_file(&key).unwrap();
        let refused = load_or_create(&certificate, &key, &hosts()).unwrap_err();
        assert!(refused.to_string().contains("key.pem"), "{refused}");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = files(folder.path());
        let (other, other_key) = files(&folder.path().join("other"));
        load_or_create(&certificate, &key, &hosts()).unwrap();
        load_or_create(&other, &other_key, &hosts()).unwrap();
        let refused = load_or_create(&certificate, &other_key, &hosts()).unwrap_err();
        assert!(matches!(refused, CertificateError::Unusable { .. }));
    }

    #[test]
    fn a_file_without_pem_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = files(folder.path());
        fs::write(&certificate, "certificate").unwrap();
        fs::write(&key, "key").unwrap();
        let refused = load_or_create(&certificate, &key, &hosts()).unwrap_err();
        assert!(refused.to_string().contains("certificate.pem"));
    }

    fn files(folder: &Path) -> (PathBuf, PathBuf) {
        (folder.join("certificate.pem"), folder.join("key.pem"))
    }

    fn hosts() -> Vec<String> {
        ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec()
    }
}
