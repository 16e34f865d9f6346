//! AES-GCM for SRTP and SRTCP (RFC 7714), for one protocol in one direction.
//!
//! The initialisation vectors of §8.1 and §9.1 have one shape: two zero bytes, the SSRC and the index in 48 bits, XORed
//! with the salt.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{INDEX_LEN, RTCP_CLEAR_LEN, index_word, kdf};
use crate::{redact::Secret, rtp::packet::u32_at};

/// Bytes of a master or session salt.
pub(super) const SALT_LEN: usize = 12;

/// Bytes of a tag.
pub(super) const TAG_LEN: usize = 16;

/// Bytes of the additional data of SRTCP: the clear header and the index word.
const RTCP_AAD_LEN: usize = RTCP_CLEAR_LEN + INDEX_LEN;

pub(super) struct Gcm {
    key: LessSafeKey,
    salt: Secret<[u8; SALT_LEN]>,
}

impl Gcm {
    /// Derives the session keys; the lengths have been checked.
    pub(super) fn new(master_key: &[u8], master_salt: &[u8], labels: kdf::Labels) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let key = &mut key[..master_key.len()];
        kdf::derive(master_key, master_salt, labels.encryption, key);
        let mut salt = [0; SALT_LEN];
        kdf::derive(master_key, master_salt, labels.salt, &mut salt);
        Self::from_session_keys(key, salt)
    }

    /// Takes session keys as they are.
    pub(super) fn from_session_keys(key: &[u8], salt: [u8; SALT_LEN]) -> Self {
        let algorithm = if key.len() == 32 {
            &AES_256_GCM
        } else {
            &AES_128_GCM
        };
        let key = UnboundKey::new(algorithm, key)
            .expect("an AES key of the algorithm's length is accepted");
        Self {
            key: LessSafeKey::new(key),
            salt: Secret::new(salt),
        }
    }

    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (header, rest) = packet.split_at_mut(header_len);
        let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        self.seal(self.nonce(ssrc, index), header, body, tag)
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (header, body) = packet.split_at_mut(header_len);
        self.open(self.nonce(ssrc, index), header, body)
    }

    pub(super) fn seal_rtcp(&self, packet: &mut [u8], index: u64) -> Option<()> {
        let ssrc = u32_at(packet, 4);
        let aad = rtcp_aad(packet, index);
        let (_, rest) = packet.split_at_mut(RTCP_CLEAR_LEN);
        let (rest, word) = rest.split_last_chunk_mut::<INDEX_LEN>()?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        *word = index_word(index);
        self.seal(self.nonce(ssrc, index), &aad, body, tag)
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], index: u64) -> Option<()> {
        let ssrc = u32_at(packet, 4);
        let aad = rtcp_aad(packet, index);
        let end = packet.len() - INDEX_LEN;
        self.open(
            self.nonce(ssrc, index),
            &aad,
            &mut packet[RTCP_CLEAR_LEN..end],
        )
    }

    fn seal(
        &self,
        nonce: Nonce,
        aad: &[u8],
        body: &mut [u8],
        tag: &mut [u8; TAG_LEN],
    ) -> Option<()> {
        let sealed = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(aad), body)
            .ok()?;
        tag.copy_from_slice(sealed.as_ref());
        Some(())
    }

    /// `body` ends with the tag.
    fn open(&self, nonce: Nonce, aad: &[u8], body: &mut [u8]) -> Option<()> {
        self.key
            .open_in_place(nonce, Aad::from(aad), body)
            .ok()
            .map(|_| ())
    }

    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = *self.salt.expose();
        for (byte, ssrc) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
            *byte ^= ssrc;
        }
        for (byte, index) in nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= index;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

fn rtcp_aad(packet: &[u8], index: u64) -> [u8; RTCP_AAD_LEN] {
    let mut aad = [0; RTCP_AAD_LEN];
    aad[..RTCP_CLEAR_LEN].copy_from_slice(&packet[..RTCP_CLEAR_LEN]);
    aad[RTCP_CLEAR_LEN..].copy_from_slice(&index_word(index));
    aad
}
