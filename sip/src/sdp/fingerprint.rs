//! Certificate fingerprints in session descriptions (RFC 8122).

use super::{Description, Media};
use crate::limit::FINGERPRINTS;

/// Hash functions a certificate fingerprint may use (RFC 8122 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashName {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashName {
    /// Returns the bytes of a digest.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// Reads `sha-256 AB:CD:…`; none where the hash is unknown or the digest has another length.
pub fn fingerprint(value: &str) -> Option<(HashName, Vec<u8>)> {
    let (name, digits) = value.split_once(' ')?;
    let hash = match name.to_ascii_lowercase().as_str() {
        "sha-256" => HashName::Sha256,
        "sha-384" => HashName::Sha384,
        "sha-512" => HashName::Sha512,
        _ => return None,
    };
    let is_byte = |byte: &str| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
    let digest: Option<Vec<u8>> = digits
        .split(':')
        .map(|byte| {
            is_byte(byte)
                .then(|| u8::from_str_radix(byte, 16).ok())
                .flatten()
        })
        .collect();
    Some((hash, digest?)).filter(|(hash, digest)| digest.len() == hash.digest_len())
}

/// Reads the fingerprints of a line: its own, else the session's.
pub(super) fn fingerprints(peer: &Description, media: &Media) -> Vec<(HashName, Vec<u8>)> {
    let attributes = if media.has(FINGERPRINT) {
        &media.attributes
    } else {
        &peer.attributes
    };
    attributes
        .iter()
        .filter(|attribute| attribute.name == FINGERPRINT)
        .filter_map(|attribute| attribute.value.as_deref())
        .take(FINGERPRINTS)
        .filter_map(fingerprint)
        .collect()
}

/// The attribute's name.
pub(super) const FINGERPRINT: &str = "fingerprint";
