//! AES in counter mode with HMAC-SHA1-80 (RFC 3711), for one protocol in one direction: for browsers and telephones
//! without AES-GCM.
//!
//! The tag covers the ciphertext and is checked before anything is decrypted.

use aws_lc_rs::{cipher::EncryptingKey, hmac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{INDEX_LEN, RTCP_CLEAR_LEN, index_word, kdf};
use crate::{redact::Secret, rtp::packet::u32_at};

/// Bytes of a master or session salt.
pub(super) const SALT_LEN: usize = 14;

/// Bytes of a tag: 80 bits.
pub(super) const TAG_LEN: usize = 10;

/// Bytes of the session key for authentication.
const AUTHENTICATION_KEY_LEN: usize = 20;

pub(super) struct Cm {
    key: EncryptingKey,
    salt: Secret<[u8; SALT_LEN]>,
    authentication: hmac::Key,
}

impl Cm {
    /// Derives the session keys; the lengths have been checked.
    pub(super) fn new(master_key: &[u8], master_salt: &[u8], labels: kdf::Labels) -> Self {
        let mut key = Zeroizing::new([0; 16]);
        kdf::derive(master_key, master_salt, labels.encryption, &mut *key);
        let mut authentication = Zeroizing::new([0; AUTHENTICATION_KEY_LEN]);
        kdf::derive(
            master_key,
            master_salt,
            labels.authentication,
            &mut *authentication,
        );
        let mut salt = [0; SALT_LEN];
        kdf::derive(master_key, master_salt, labels.salt, &mut salt);
        Self {
            key: kdf::ctr(&*key),
            salt: Secret::new(salt),
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*authentication),
        }
    }

    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (plain, tag) = packet.split_last_chunk_mut::<TAG_LEN>()?;
        self.cipher(ssrc, index, &mut plain[header_len..]);
        *tag = self.tag(plain, &rollover(index));
        Some(())
    }

    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (sealed, tag) = packet.split_last_chunk_mut::<TAG_LEN>()?;
        self.verify(sealed, &rollover(index), tag)?;
        self.cipher(ssrc, index, &mut sealed[header_len..]);
        Some(())
    }

    pub(super) fn seal_rtcp(&self, packet: &mut [u8], index: u64) -> Option<()> {
        let ssrc = u32_at(packet, 4);
        let (rest, tag) = packet.split_last_chunk_mut::<TAG_LEN>()?;
        let (plain, word) = rest.split_last_chunk_mut::<INDEX_LEN>()?;
        *word = index_word(index);
        self.cipher(ssrc, index, &mut plain[RTCP_CLEAR_LEN..]);
        *tag = self.tag(plain, word);
        Some(())
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], index: u64) -> Option<()> {
        let ssrc = u32_at(packet, 4);
        let (rest, tag) = packet.split_last_chunk_mut::<TAG_LEN>()?;
        let (sealed, word) = rest.split_last_chunk_mut::<INDEX_LEN>()?;
        self.verify(sealed, word, tag)?;
        self.cipher(ssrc, index, &mut sealed[RTCP_CLEAR_LEN..]);
        Some(())
    }

    /// Encrypts or decrypts (RFC 3711 §4.1.1): the counter starts at salt, SSRC and index, XORed at their places.
    fn cipher(&self, ssrc: u32, index: u64, body: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..SALT_LEN].copy_from_slice(self.salt.expose());
        for (byte, ssrc) in iv[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
            *byte ^= ssrc;
        }
        for (byte, index) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= index;
        }
        kdf::keystream(&self.key, &iv, body);
    }

    fn tag(&self, sealed: &[u8], behind: &[u8; 4]) -> [u8; TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(sealed);
        context.update(behind);
        let tag = context.sign();
        *tag.as_ref().first_chunk().expect("HMAC-SHA1 has 20 bytes")
    }

    fn verify(&self, sealed: &[u8], behind: &[u8; 4], tag: &[u8; TAG_LEN]) -> Option<()> {
        bool::from(self.tag(sealed, behind).ct_eq(tag)).then_some(())
    }
}

/// The rollover counter as it is authenticated behind an RTP packet (RFC 3711 §4.2).
fn rollover(index: u64) -> [u8; 4] {
    let [_, _, roc @ .., _, _] = index.to_be_bytes();
    roc
}
