//! TLS for all doors: which suites are spoken, who we are, and whom we believe.
//!
//! ```text
//! Identity ─ certificate and key from their files, read again on demand ─┬─ web_server_config    https
//! Client authorities ─ who may call in by certificate ───────────────────┼─ SipServer            SIP, coming in
//! Authorities ─ whose word we take for a server's name ──────────────────┴─ sip_client_config    SIP, going out
//! ```
//!
//! SIP speaks what TR-02102-2 of the BSI recommends; browsers may also choose ChaCha20 and X25519, which some of them do
//! where a processor has no instructions for AES. Whoever is connected stays connected when a certificate changes.

mod identity;
mod peer;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CipherSuite, ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{self, kx_group},
    },
    pki_types::{CertificateDer, pem::PemObject},
    server::NoServerSessionStorage,
    version::{TLS12, TLS13},
};

use self::peer::{ClientVerifier, Clients, ServerVerifier};
pub use self::{
    identity::{CertificateError, Identity},
    peer::{ClientAuthority, Demand},
};

/// Certificates of those who vouch for others: a server or client is believed if one of them signed for its name.
#[derive(Debug, Clone)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Reads a file of PEM certificates; such as cannot be used are left out.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read or has no usable certificate.
    pub fn read(file: &Path) -> Result<Self, CertificateError> {
        let content = identity::read(file)?;
        let mut store = RootCertStore::empty();
        let certificates = CertificateDer::pem_slice_iter(&content).flatten();
        let (usable, _) = store.add_parsable_certificates(certificates);
        if usable == 0 {
            return Err(CertificateError::NotPem(file.to_owned()));
        }
        Ok(Self(Arc::new(store)))
    }

    /// Returns the file in which the system keeps them.
    pub fn system() -> PathBuf {
        let there = |file: &&&str| fs::metadata(file).is_ok();
        let [usual, ..] = SYSTEM_FILES;
        PathBuf::from(SYSTEM_FILES.iter().find(there).unwrap_or(&usual))
    }
}

/// Settings for https.
///
/// # Errors
///
/// Fails when the library contradicts itself.
pub fn web_server_config(identity: &Arc<Identity>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(identity) as _);
    // A WebSocket begins as HTTP/1.1 (RFC 6455); nothing else here would gain from HTTP/2.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// How SIP connections that come in are taken: whose certificates count, and settings for each [`Demand`].
#[derive(Debug, Clone)]
pub struct SipServer {
    clients: Arc<Clients>,
    nothing: Arc<ServerConfig>,
    wish: Arc<ServerConfig>,
    must: Arc<ServerConfig>,
}

impl SipServer {
    /// Makes the settings; the order of the clients is that in which [`SipServer::known`] counts.
    ///
    /// # Errors
    ///
    /// Fails when the library contradicts itself, or a client's authorities are none.
    pub fn new(
        identity: &Arc<Identity>,
        clients: Vec<ClientAuthority>,
    ) -> Result<Self, rustls::Error> {
        let clients = Arc::new(Clients::new(clients)?);
        let config = |demand| sip_server_config(identity, &clients, demand);
        Ok(Self {
            nothing: config(Demand::Nothing)?,
            wish: config(Demand::Wish)?,
            must: config(Demand::Must)?,
            clients,
        })
    }

    /// Returns the settings for a client of whom this is demanded.
    pub fn config(&self, demand: Demand) -> Arc<ServerConfig> {
        Arc::clone(match demand {
            Demand::Nothing => &self.nothing,
            Demand::Wish => &self.wish,
            Demand::Must => &self.must,
        })
    }

    /// Returns which of the clients a chain of certificates proves its holder to be, `since_epoch` after 1970-01-01 UTC.
    pub fn known(&self, chain: &[CertificateDer<'_>], since_epoch: Duration) -> Vec<usize> {
        self.clients.known(chain, since_epoch)
    }
}

/// A session is never resumed, so that a certificate is looked at each time.
fn sip_server_config(
    identity: &Arc<Identity>,
    clients: &Arc<Clients>,
    demand: Demand,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(sip_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?;
    let builder = match demand {
        Demand::Nothing => builder.with_no_client_auth(),
        Demand::Wish | Demand::Must => {
            builder.with_client_cert_verifier(Arc::new(ClientVerifier::new(clients, demand)))
        }
    };
    let mut config = builder.with_cert_resolver(Arc::clone(identity) as _);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Settings for SIP connections of ours: the server must have a certificate for the name it is asked by, and gets ours if
/// it wants to see one.
///
/// # Errors
///
/// Fails when the library contradicts itself.
pub fn sip_client_config(
    identity: &Arc<Identity>,
    authorities: &Authorities,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(sip_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(authorities)))
        .with_client_cert_resolver(Arc::clone(identity) as _);
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// What TR-02102-2 recommends and the library has.
fn sip_provider() -> CryptoProvider {
    let all = aws_lc_rs::default_provider();
    CryptoProvider {
        cipher_suites: all
            .cipher_suites
            .into_iter()
            .filter(|suite| SIP_SUITES.contains(&suite.suite()))
            .collect(),
        kx_groups: SIP_GROUPS.to_vec(),
        ..all
    }
}

const SIP_SUITES: [CipherSuite; 6] = [
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];
/// Hybrids of a curve with ML-KEM, which hold if either part does, and curves. A client of ours sends the shares of the
/// first hybrid and of its curve at once.
const SIP_GROUPS: [&dyn SupportedKxGroup; 4] = [
    kx_group::SECP256R1MLKEM768,
    kx_group::X25519MLKEM768,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
];
/// Where distributions keep the authorities that they trust: Debian, Fedora, Alpine.
const SYSTEM_FILES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

#[cfg(test)]
pub(crate) mod tests;
