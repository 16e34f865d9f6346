//! Browsers of generators: ICE as the controlling side, DTLS as server, with one certificate for all.
//!
//! Built of the same parts as the leg it talks to, since a thousand browsers must not cost more than the server;
//! an independent implementation joins them in `load`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use bytes::BytesMut;
use rtc_dtls::{
    cipher_suite::CipherSuiteId,
    config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType},
    crypto::Certificate,
    crypto_provider::{RTCCryptoProvider, default_provider},
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::TransportProtocol;
use rtc_stun::{
    attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, Message, Setter, TransactionId},
};
use rundruf::media::api::{BrowserMedia, HashName, Opening};
use serde::{Deserialize, Serialize};
use sip::{
    redact::{Pii, Secret},
    rtp::srtp::{EXPORTER_LABEL, Opener, Profile, Sealer},
};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// What offer and answer of a browser agree on (RFC 8839, RFC 8842).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Agreed {
    /// The server's ICE user fragment and password.
    pub(crate) local: (String, String),
    /// The browser's ICE user fragment.
    pub(crate) remote_ufrag: String,
    /// SHA-256 of the browser's certificate.
    pub(crate) fingerprint: Vec<u8>,
    /// Payload type of Opus.
    pub(crate) payload_type: u8,
    /// Header extension id of the level.
    pub(crate) audio_level: Option<u8>,
    /// The server's synchronization source.
    pub(crate) ssrc: u32,
}

impl Agreed {
    /// Says how the server opens the leg.
    pub(crate) fn opening(&self) -> Opening {
        let (ufrag, password) = self.local.clone();
        Opening::Browser(BrowserMedia {
            local_ufrag: ufrag,
            local_password: Arc::new(Secret::new(password.into_bytes())),
            remote_ufrag: Pii::new(self.remote_ufrag.clone()),
            fingerprints: vec![(HashName::Sha256, self.fingerprint.clone())],
            payload_type: self.payload_type,
            redundant: None,
            audio_level: self.audio_level,
            ssrc: self.ssrc,
            legacy_srtp: false,
        })
    }
}

/// Our side of all handshakes.
pub(crate) struct Browsers {
    crypto: Arc<dyn RTCCryptoProvider>,
    endpoint: Endpoint,
    fingerprint: Vec<u8>,
}

impl Browsers {
    /// Makes the certificate.
    pub(crate) fn new() -> Done<Self> {
        let crypto = default_provider()?;
        let certificate = Certificate::generate_self_signed(["crowd".to_owned()], crypto.crypto())?;
        let der = certificate.certificate.first().ok_or("no certificate")?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        let fingerprint = digest.as_ref().to_vec();
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&crypto))
            .with_certificates(vec![certificate])
            .with_cipher_suites(vec![CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm])
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
            .build(false, None)?;
        Ok(Self {
            crypto,
            endpoint: Endpoint::new(HERE, TransportProtocol::UDP, Some(Arc::new(config))),
            fingerprint,
        })
    }

    /// Returns what a browser and the server would have agreed on.
    pub(crate) fn agree(&self, leg: u64, payload_type: u8, ssrc: u32) -> Agreed {
        Agreed {
            local: local(leg),
            remote_ufrag: REMOTE_UFRAG.to_owned(),
            fingerprint: self.fingerprint.clone(),
            payload_type,
            audio_level: Some(LEVEL_ID),
            ssrc,
        }
    }

    /// Makes the binding request that nominates a leg's path and keeps up consent.
    pub(crate) fn check(&self, leg: u64) -> Done<Vec<u8>> {
        let (ufrag, password) = local(leg);
        let username = format!("{ufrag}:{REMOTE_UFRAG}");
        let integrity = MessageIntegrity::new_raw_integrity_with_provider(
            password.into_bytes(),
            self.crypto.crypto(),
        );
        let mut request = Message::new();
        request.typ = BINDING_REQUEST;
        request.transaction_id = TransactionId([1; 12]);
        request.write_header();
        request.add(ATTR_USERNAME, username.as_bytes());
        request.add(ATTR_PRIORITY, &PRIORITY.to_be_bytes());
        request.add(ATTR_ICE_CONTROLLING, &[1; 8]);
        request.add(ATTR_USE_CANDIDATE, &[]);
        integrity.add_to(&mut request)?;
        FINGERPRINT.add_to(&mut request)?;
        Ok(request.raw)
    }

    /// Takes a flight of DTLS to a browser; returns keys once its handshake is complete.
    pub(crate) fn handle(
        &mut self,
        browser: SocketAddr,
        flight: &[u8],
        now: Instant,
    ) -> Done<Option<(Sealer, Opener)>> {
        let events = self
            .endpoint
            .read(now, browser, None, BytesMut::from(flight))?;
        let complete = |event: &EndpointEvent| matches!(event, EndpointEvent::HandshakeComplete);
        if !events.iter().any(complete) {
            return Ok(None);
        }
        let state = self.endpoint.get_connection_state(browser);
        let state = state.ok_or("a handshake without a connection")?;
        let profile = Profile::from_dtls_id(state.srtp_protection_profile() as u16);
        let profile = profile.ok_or("no SRTP profile was agreed")?;
        let material =
            state.export_keying_material(EXPORTER_LABEL, &[], profile.keying_material_len())?;
        let (ours, theirs) = profile.derive(material.as_ref(), false)?;
        Ok(Some((
            Sealer::new(profile, &ours)?,
            Opener::new(profile, &theirs)?,
        )))
    }

    /// Takes the next datagram that the browser handled last has to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<BytesMut> {
        Some(self.endpoint.poll_transmit()?.message)
    }
}

/// The server's ICE user fragment and password for a leg.
fn local(leg: u64) -> (String, String) {
    let password = format!("password-of-the-leg-{leg:08}");
    (format!("load{leg:08}"), password)
}

/// Number of the header extension that tells the level.
pub(crate) const LEVEL_ID: u8 = 1;
/// The ICE user fragment of all browsers.
const REMOTE_UFRAG: &str = "crowd";
/// The library keys associations by the peer's address; here it is the browser's own.
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
/// Any; there is one candidate.
const PRIORITY: u32 = 1;
