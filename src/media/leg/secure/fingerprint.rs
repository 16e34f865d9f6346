//! Certificate fingerprints (RFC 8122): the only thing that ties a DTLS handshake to the offer.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use std::{fmt::Write, sync::Arc};
use subtle::ConstantTimeEq;

use crate::media::api::HashName;

/// The fingerprints an offer announced; one must match.
#[derive(Debug, Clone)]
pub(in crate::media::leg) struct Fingerprints(Arc<[(HashName, Vec<u8>)]>);

impl Fingerprints {
    pub(in crate::media::leg) fn new(announced: Vec<(HashName, Vec<u8>)>) -> Self {
        Self(announced.into())
    }

    /// Tells whether a certificate in DER is the announced one.
    pub(super) fn match_one(&self, certificate: &[u8]) -> bool {
        self.0.iter().any(|(hash, announced)| {
            let algorithm = match hash {
                HashName::Sha256 => &SHA256,
                HashName::Sha384 => &SHA384,
                HashName::Sha512 => &SHA512,
            };
            digest(algorithm, certificate)
                .as_ref()
                .ct_eq(announced)
                .into()
        })
    }
}

/// Writes a certificate's SHA-256 digest as SDP does: `AB:CD:…`.
pub(super) fn sha256_text(certificate: &[u8]) -> String {
    let mut text = String::with_capacity(95);
    for (index, byte) in digest(&SHA256, certificate).as_ref().iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        write!(text, "{colon}{byte:02X}").expect("a string takes everything");
    }
    text
}
