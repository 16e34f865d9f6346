//! Key derivation of SRTP (RFC 3711 §4.3): session keys are the AES-CM keystream of the master key, one per label.
//!
//! Salts of 96 bits stand left-aligned in the 112 bits of the formula (RFC 7714 §11). The key derivation rate is 0: one
//! set of session keys for the life of the master key.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};

/// Labels of the session keys of one protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Labels {
    pub(super) encryption: u8,
    pub(super) authentication: u8,
    pub(super) salt: u8,
}

/// Labels of SRTP.
pub(super) const RTP: Labels = Labels {
    encryption: 0,
    authentication: 1,
    salt: 2,
};

/// Labels of SRTCP.
pub(super) const RTCP: Labels = Labels {
    encryption: 3,
    authentication: 4,
    salt: 5,
};

/// Fills `out` with the session key of `label`. The caller has checked the lengths and wipes `out`.
pub(super) fn derive(master_key: &[u8], master_salt: &[u8], label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..master_salt.len()].copy_from_slice(master_salt);
    iv[7] ^= label;
    out.fill(0);
    keystream(&ctr(master_key), &iv, out);
}

/// Makes a counter-mode key of 16 or 32 bytes.
pub(super) fn ctr(key: &[u8]) -> EncryptingKey {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .expect("an AES key of the algorithm's length is accepted")
}

/// Adds the keystream that begins at `iv`.
pub(super) fn keystream(key: &EncryptingKey, iv: &[u8; 16], in_out: &mut [u8]) {
    key.less_safe_encrypt(in_out, EncryptionContext::Iv128(iv.into()))
        .expect("counter mode takes any length");
}
