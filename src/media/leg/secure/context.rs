//! What legs share: the process's certificate and, per shard, the places for half-open handshakes.

use std::{collections::VecDeque, fmt, sync::Arc, time::Instant};

use rtc_dtls::{
    cipher_suite::CipherSuiteId,
    config::{ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    crypto::Certificate,
    crypto_provider::{RTCCryptoProvider, default_provider},
    extension::extension_use_srtp::SrtpProtectionProfile,
    state::State,
};
use rtc_shared::error::Error;
use sip::redact::Secret;

use super::fingerprint::{Fingerprints, sha256_text};
use crate::limit::{HALF_OPEN_EXPIRY, HALF_OPEN_MAX};

/// Certificate or randomness could not be had.
#[derive(Debug, thiserror::Error)]
#[error("no DTLS certificate: {0}")]
pub struct NoCertificate(String);

/// What all legs of a process share: the certificate and the cryptography.
#[derive(Clone)]
pub struct SecureContext {
    crypto: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    fingerprint: Arc<str>,
    resumption: Arc<Resumption>,
}

/// Which protection a leg offers for its media. The server chooses, and may choose the weakest it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media::leg) enum Profiles {
    /// AES-GCM alone.
    Gcm,
    /// AES-CM alone, for browsers whose first try with AES-GCM failed.
    Legacy,
    /// All, for telephones, which have one try.
    All,
}

/// What an established association needs beside what was kept of it.
pub(in crate::media::leg) struct Resumption {
    crypto: Arc<dyn RTCCryptoProvider>,
    config: Arc<HandshakeConfig>,
}

impl Resumption {
    /// Restores the library's state from what was kept of it.
    pub(super) fn state(&self, kept: &Secret<Vec<u8>>) -> Option<State> {
        let mut state = State::new(Arc::clone(&self.crypto), true);
        state.unmarshal_binary(kept.expose()).ok()?;
        Some(state)
    }

    pub(super) fn config(&self) -> Arc<HandshakeConfig> {
        Arc::clone(&self.config)
    }
}

impl SecureContext {
    /// Makes a certificate; once per process.
    pub fn new() -> Result<Self, NoCertificate> {
        let crypto = default_provider().map_err(|error| NoCertificate(error.to_string()))?;
        let certificate = Certificate::generate_self_signed([SUBJECT.to_owned()], crypto.crypto())
            .map_err(|error| NoCertificate(error.to_string()))?;
        let fingerprint = certificate.certificate.first().map(|der| sha256_text(der));
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&crypto))
            .with_cipher_suites(SUITES.to_vec())
            .with_server_name(SUBJECT.to_owned())
            .build(true, None)
            .map_err(|error| NoCertificate(error.to_string()))?;
        Ok(Self {
            resumption: Arc::new(Resumption {
                crypto: Arc::clone(&crypto),
                config: Arc::new(config),
            }),
            crypto,
            certificate,
            fingerprint: fingerprint
                .ok_or_else(|| NoCertificate("empty".to_owned()))?
                .into(),
        })
    }

    /// Returns the certificate's SHA-256 digest as the answer's `a=fingerprint:sha-256` writes it: `AB:CD:…`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(super) fn crypto(&self) -> Arc<dyn RTCCryptoProvider> {
        Arc::clone(&self.crypto)
    }

    pub(in crate::media::leg) fn resumption(&self) -> Arc<Resumption> {
        Arc::clone(&self.resumption)
    }

    /// Draws random bytes; None where the system has none.
    pub(super) fn random<const N: usize>(&self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.crypto.random().fill(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Makes the configuration of a leg's handshake.
    pub(in crate::media::leg) fn config(
        &self,
        fingerprints: Fingerprints,
        profiles: Profiles,
    ) -> Result<HandshakeConfig, Error> {
        let verify = move |chain: &[Vec<u8>], _: &[_]| match chain.first() {
            Some(certificate) if fingerprints.match_one(certificate) => Ok(()),
            _ => Err(Error::ErrNoMatchingCertificateFingerprint),
        };
        let profiles: &[_] = match profiles {
            Profiles::Gcm => &ALL[..2],
            Profiles::Legacy => &ALL[2..],
            Profiles::All => &ALL,
        };
        ConfigBuilder::default()
            .with_crypto_provider(self.crypto())
            .with_certificates(vec![self.certificate.clone()])
            .with_cipher_suites(SUITES.to_vec())
            .with_srtp_protection_profiles(profiles.to_vec())
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            // There is no authority to ask; the callback compares with the fingerprint of the offer instead.
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(verify)))
            .with_server_name(SUBJECT.to_owned())
            .build(true, None)
    }
}

impl fmt::Debug for SecureContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureContext")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// The half-open handshakes of one shard, at most [`HALF_OPEN_MAX`] at a time; owned by the shard.
///
/// A place is given back when its handshake ends. One that was lost with its leg expires.
#[derive(Debug, Default)]
pub struct Handshakes {
    /// In order of their expiry.
    places: VecDeque<(Place, Instant)>,
    next: u64,
}

/// The right to have a handshake half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media::leg) struct Place(u64);

impl Handshakes {
    /// Returns how many places are taken.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Tells whether no place is taken.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes a place; None while there is none.
    pub(in crate::media::leg) fn begin(&mut self, now: Instant) -> Option<Place> {
        while self.places.front().is_some_and(|(_, until)| *until <= now) {
            self.places.pop_front();
        }
        if self.places.len() >= HALF_OPEN_MAX {
            return None;
        }
        let place = Place(self.next);
        self.next += 1;
        self.places.push_back((place, now + HALF_OPEN_EXPIRY));
        Some(place)
    }

    /// Gives a place back.
    pub(in crate::media::leg) fn end(&mut self, place: Place) {
        self.places.retain(|(taken, _)| *taken != place);
    }
}

/// Common name of the certificate; it says nothing about the installation.
const SUBJECT: &str = "media";
/// What browsers authenticate with, ECDSA first; nothing but AES-GCM.
const SUITES: [CipherSuiteId; 2] = [
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256,
];
/// Strongest first; the last is for peers without AES-GCM in SRTP.
const ALL: [SrtpProtectionProfile; 3] = [
    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
];
