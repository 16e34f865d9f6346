//! Whom we believe in TLS: certificates of SIP servers and of SIP peers that call in (RFC 5922).
//!
//! A certificate speaks for a SIP domain by a `sip:` URI without a user part or by a DNS name among its alternative names.
//! Wildcards speak for nobody (RFC 5922 §7.2), nor does the common name.

use std::{sync::Arc, time::Duration};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{
        WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ParsedCertificate, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use webpki::EndEntityCert;

use super::Authorities;

/// Who may call in by certificate.
#[derive(Debug, Clone)]
pub struct ClientAuthority {
    /// The name that the certificate must carry: a DNS name or an address.
    pub name: ServerName<'static>,
    /// Who may vouch for it.
    pub authorities: Authorities,
}

/// All who may call in by certificate.
#[derive(Debug)]
pub(super) struct Clients {
    all: Vec<(ClientAuthority, Arc<dyn ClientCertVerifier>)>,
}

/// Whether a client has to show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// It is not asked.
    Nothing,
    /// It is asked, and taken without one, or with one that proves nothing.
    Wish,
    /// Without a certificate of one of the clients the handshake fails.
    Must,
}

impl Clients {
    /// Makes the list; it fails when the authorities of a client are none.
    pub(super) fn new(clients: Vec<ClientAuthority>) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = |client: ClientAuthority| {
            let roots = Arc::clone(&client.authorities.0);
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
                    .build()
                    .map_err(|error| Error::General(error.to_string()))?;
            Ok((client, verifier))
        };
        let all = clients
            .into_iter()
            .map(verifier)
            .collect::<Result<_, Error>>()?;
        Ok(Self { all })
    }

    /// Returns which of the clients a chain of certificates proves its holder to be, `since_epoch` after 1970-01-01 UTC.
    pub(super) fn known(&self, chain: &[CertificateDer<'_>], since_epoch: Duration) -> Vec<usize> {
        let now = UnixTime::since_unix_epoch(since_epoch);
        let Some((end_entity, intermediates)) = chain.split_first() else {
            return Vec::new();
        };
        let is = |client: &(ClientAuthority, Arc<dyn ClientCertVerifier>)| {
            prove(client, end_entity, intermediates, now).is_ok()
        };
        (0..self.all.len())
            .filter(|index| is(&self.all[*index]))
            .collect()
    }
}

/// Public authorities sign certificates of servers only, and peers show those when they call, so that both uses will do.
fn prove(
    (client, verifier): &(ClientAuthority, Arc<dyn ClientCertVerifier>),
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let roots = &client.authorities.0;
    if vouched(roots, end_entity, intermediates, now).is_err() {
        verifier.verify_client_cert(end_entity, intermediates, now)?;
    }
    speaks_for(end_entity, &client.name)
}

fn vouched(
    roots: &RootCertStore,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let parsed = ParsedCertificate::try_from(end_entity)?;
    let algorithms = algorithms().all;
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)
}

fn speaks_for(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    let certificate = EndEntityCert::try_from(certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let text = name.to_str();
    let by_name = || {
        let listed = || {
            let mut names = certificate.valid_dns_names();
            names.any(|listed| listed.eq_ignore_ascii_case(&text))
        };
        let address = matches!(name, ServerName::IpAddress(_));
        certificate.verify_is_valid_for_subject_name(name).is_ok() && (address || listed())
    };
    let mut uris = certificate.valid_uri_names();
    if by_name() || uris.any(|uri| domain(uri).is_some_and(|host| host.eq_ignore_ascii_case(&text)))
    {
        return Ok(());
    }
    Err(Error::InvalidCertificate(CertificateError::NotValidForName))
}

/// The domain for which a `sip:` URI speaks; one with a user speaks for that user only.
fn domain(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let whole = scheme.eq_ignore_ascii_case("sip") && !rest.contains('@');
    let host = rest.split([':', ';', '?']).next()?;
    (whole && !host.is_empty()).then_some(host)
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

/// Looks at the certificate of a server of ours.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    authorities: Authorities,
}

impl ServerVerifier {
    pub(super) fn new(authorities: &Authorities) -> Self {
        Self {
            authorities: authorities.clone(),
        }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        vouched(&self.authorities.0, end_entity, intermediates, now)?;
        speaks_for(end_entity, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

/// Looks at the certificates of those who call in.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    clients: Arc<Clients>,
    demand: Demand,
}

impl ClientVerifier {
    pub(super) fn new(clients: &Arc<Clients>, demand: Demand) -> Self {
        Self {
            clients: Arc::clone(clients),
            demand,
        }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.demand == Demand::Must
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Whoever has a certificate should show it.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.demand != Demand::Must {
            // What it proves is asked afterwards, by `Clients::known`.
            return Ok(ClientCertVerified::assertion());
        }
        let mut refused = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        for client in &self.clients.all {
            match prove(client, end_entity, intermediates, now) {
                Ok(()) => return Ok(ClientCertVerified::assertion()),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sip_uri_speaks_for_its_domain_alone() {
        for (uri, expected) in [
            ("sip:example.net", Some("example.net")),
            ("SIP:example.net;transport=tls", Some("example.net")),
            ("sip:example.net:5061", Some("example.net")),
            ("sip:alice@example.net", None),
            ("sips:example.net", None),
            ("https:example.net", None),
            ("sip:", None),
            ("example.net", None),
        ] {
            assert_eq!(domain(uri), expected, "{uri}");
        }
    }
}
