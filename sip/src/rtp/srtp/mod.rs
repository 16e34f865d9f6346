//! SRTP and SRTCP (RFC 3711) with AES-GCM (RFC 7714) and AES-CM with HMAC-SHA1, in place, without allocation.
//!
//! ```text
//! Sealer   header │ payload            →  header │ ciphertext │ tag
//! Opener   header │ ciphertext │ tag   →  header │ payload
//! ```
//!
//! Invariants: a direction's state (rollover counter, replay window, table of sources) changes only after a packet has
//! authenticated, so that garbage costs neither memory nor a call. The replay window cannot be switched off. SRTCP must
//! be encrypted. The sealer never uses an index twice. Keys are wiped when dropped and cannot be printed.

mod cm;
mod gcm;
mod kdf;
mod window;

use std::fmt;

use self::{
    cm::Cm,
    gcm::Gcm,
    kdf::Labels,
    window::{Heard, Sources, Window},
};
use super::{
    Discard,
    packet::{header_len, u16_at, u32_at},
};
use crate::redact::Secret;

/// Label for exporting keying material from DTLS (RFC 5764 §4.2).
pub const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// Room a buffer must have behind a packet for sealing it, in bytes: the tag and the SRTCP index.
pub const OVERHEAD_MAX: usize = gcm::TAG_LEN + INDEX_LEN;

/// Bytes of an SRTCP packet that stay readable: first word and SSRC.
const RTCP_CLEAR_LEN: usize = 8;

/// Bytes of the SRTCP index with its encryption flag.
const INDEX_LEN: usize = 4;

/// The encryption flag of SRTCP.
const ENCRYPTED: u32 = 0x8000_0000;

/// Last index of SRTCP: 31 bits.
const RTCP_INDEX_MAX: u64 = 0x7fff_ffff;

/// Last index of SRTP: rollover counter and sequence number, 48 bits.
const RTP_INDEX_MAX: u64 = (1 << 48) - 1;

/// How packets are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// AES-256 in Galois/Counter Mode (RFC 7714).
    AeadAes256Gcm,
    /// AES-128 in Galois/Counter Mode (RFC 7714).
    AeadAes128Gcm,
    /// AES-128 in counter mode with an 80-bit HMAC-SHA1 tag (RFC 3711).
    AesCm128HmacSha1_80,
}

impl Profile {
    /// All profiles, strongest first.
    pub const ALL: [Self; 3] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::AesCm128HmacSha1_80,
    ];

    /// Returns the length of the master key in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 => 16,
        }
    }

    /// Returns the length of the master salt in bytes.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => gcm::SALT_LEN,
            Self::AesCm128HmacSha1_80 => cm::SALT_LEN,
        }
    }

    /// Returns the length of the authentication tag in bytes.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => gcm::TAG_LEN,
            Self::AesCm128HmacSha1_80 => cm::TAG_LEN,
        }
    }

    /// Returns how many bytes [`Profile::derive`] needs.
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// Returns the profile's number in the `use_srtp` extension of DTLS (RFC 5764 §4.1.2, RFC 7714 §14.2).
    pub const fn dtls_id(self) -> u16 {
        match self {
            Self::AesCm128HmacSha1_80 => 0x0001,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// Finds the profile with this number in the `use_srtp` extension of DTLS.
    pub fn from_dtls_id(id: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.dtls_id() == id)
    }

    /// Divides what DTLS exported (RFC 5764 §4.2) into our keys, for sealing, and the peer's, for opening.
    ///
    /// `is_client` says whether we are the DTLS client.
    pub fn derive(self, keying_material: &[u8], is_client: bool) -> Result<(Keys, Keys), KeyError> {
        if keying_material.len() < self.keying_material_len() {
            return Err(KeyError::Length);
        }
        let (client_key, rest) = keying_material.split_at(self.key_len());
        let (server_key, rest) = rest.split_at(self.key_len());
        let (client_salt, rest) = rest.split_at(self.salt_len());
        let client = Keys::new(client_key, client_salt);
        let server = Keys::new(server_key, &rest[..self.salt_len()]);
        Ok(if is_client {
            (client, server)
        } else {
            (server, client)
        })
    }
}

/// The master key and salt of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The master key.
    pub key: Secret<Vec<u8>>,
    /// The master salt.
    pub salt: Secret<Vec<u8>>,
}

impl Keys {
    /// Copies a key and a salt.
    pub fn new(key: &[u8], salt: &[u8]) -> Self {
        Self {
            key: Secret::new(key.to_vec()),
            salt: Secret::new(salt.to_vec()),
        }
    }
}

/// Why keys cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Key, salt or keying material have the wrong length for the profile.
    #[error("key or salt of the wrong length")]
    Length,
}

/// Protects the packets of one direction.
pub struct Sealer {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    sources: Sources<u64>,
    rtcp_next: u64,
}

impl Sealer {
    /// Derives the session keys.
    pub fn new(profile: Profile, keys: &Keys) -> Result<Self, KeyError> {
        Ok(Self {
            profile,
            rtp: Cipher::new(profile, keys, kdf::RTP)?,
            rtcp: Cipher::new(profile, keys, kdf::RTCP)?,
            sources: Sources::default(),
            rtcp_next: 0,
        })
    }

    /// Protects the RTP packet `buf[..len]` in place and returns its length with tag.
    ///
    /// Returns `None` where `buf` has no room for the tag, the packet is malformed, its sequence number does not
    /// follow the last one, a fifth source appears or the key is used up: such a packet must not be sent.
    pub fn seal_rtp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        let total = len + self.profile.tag_len();
        let header_len = header_len(buf.get(..len)?)?;
        let packet = buf.get_mut(..total)?;
        let (sequence, ssrc) = (u16_at(packet, 2), u32_at(packet, 8));
        let index = match self.sources.find(ssrc) {
            None if self.sources.is_full() => return None,
            None => u64::from(sequence),
            Some(&last) => window::estimate(last, sequence).filter(|&index| index > last)?,
        };
        if index > RTP_INDEX_MAX {
            return None;
        }
        self.rtp.seal_rtp(packet, header_len, ssrc, index)?;
        self.sources.put(ssrc, index);
        Some(total)
    }

    /// Protects the compound RTCP packet `buf[..len]` in place and returns its length with tag and index.
    ///
    /// Returns `None` where `buf` has no room, the packet is shorter than its own header or the key is used up.
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        let total = len + self.profile.tag_len() + INDEX_LEN;
        if len < RTCP_CLEAR_LEN || self.rtcp_next > RTCP_INDEX_MAX {
            return None;
        }
        let packet = buf.get_mut(..total)?;
        self.rtcp.seal_rtcp(packet, self.rtcp_next)?;
        self.rtcp_next += 1;
        Some(total)
    }
}

/// Checks and decrypts the packets of one direction.
pub struct Opener {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    sources: Heard,
    rtcp_sources: Heard,
}

impl Opener {
    /// Derives the session keys.
    pub fn new(profile: Profile, keys: &Keys) -> Result<Self, KeyError> {
        Ok(Self {
            profile,
            rtp: Cipher::new(profile, keys, kdf::RTP)?,
            rtcp: Cipher::new(profile, keys, kdf::RTCP)?,
            sources: Heard::default(),
            rtcp_sources: Heard::default(),
        })
    }

    /// Opens an SRTP packet in place and returns the length of the plain RTP packet at the start of `packet`.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Discard> {
        let header_len = header_len(packet).ok_or(Discard::Malformed)?;
        let plain_len = packet.len().checked_sub(self.profile.tag_len());
        let plain_len = plain_len
            .filter(|&len| len >= header_len)
            .ok_or(Discard::Malformed)?;
        let (sequence, ssrc) = (u16_at(packet, 2), u32_at(packet, 8));
        let (index, window) = match self.sources.find(ssrc)? {
            None => (u64::from(sequence), None),
            Some(window) => {
                let index = window::estimate(window.top(), sequence).ok_or(Discard::Late)?;
                (index, Some(window))
            }
        };
        if index > RTP_INDEX_MAX {
            return Err(Discard::Late);
        }
        let marked = Window::mark(window, index)?;
        self.rtp
            .open_rtp(packet, header_len, ssrc, index)
            .ok_or(Discard::NotAuthentic)?;
        self.sources.put(ssrc, marked);
        Ok(plain_len)
    }

    /// Opens an SRTCP packet in place and returns the length of the plain compound at the start of `packet`.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Discard> {
        let overhead = self.profile.tag_len() + INDEX_LEN;
        let plain_len = packet.len().checked_sub(overhead);
        let plain_len = plain_len
            .filter(|&len| len >= RTCP_CLEAR_LEN)
            .ok_or(Discard::Malformed)?;
        let word = match self.rtp {
            Cipher::Gcm(_) => u32_at(packet, packet.len() - INDEX_LEN),
            Cipher::Cm(_) => u32_at(packet, plain_len),
        };
        if word & ENCRYPTED == 0 {
            return Err(Discard::NotEncrypted);
        }
        let (ssrc, index) = (u32_at(packet, 4), u64::from(word & !ENCRYPTED));
        let window = self.rtcp_sources.find(ssrc)?;
        let marked = Window::mark(window, index)?;
        self.rtcp
            .open_rtcp(packet, index)
            .ok_or(Discard::NotAuthentic)?;
        self.rtcp_sources.put(ssrc, marked);
        Ok(plain_len)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// The session keys of RTP or RTCP. The packets it is given have their final length: with room for tag and index.
enum Cipher {
    Gcm(Gcm),
    Cm(Box<Cm>),
}

impl Cipher {
    fn new(profile: Profile, keys: &Keys, labels: Labels) -> Result<Self, KeyError> {
        let (key, salt) = (keys.key.expose(), keys.salt.expose());
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(KeyError::Length);
        }
        Ok(match profile {
            Profile::AeadAes256Gcm | Profile::AeadAes128Gcm => {
                Self::Gcm(Gcm::new(key, salt, labels))
            }
            Profile::AesCm128HmacSha1_80 => Self::Cm(Box::new(Cm::new(key, salt, labels))),
        })
    }

    fn seal_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: u32, index: u64) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtp(packet, header_len, ssrc, index),
            Self::Cm(cm) => cm.seal_rtp(packet, header_len, ssrc, index),
        }
    }

    fn open_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: u32, index: u64) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(packet, header_len, ssrc, index),
            Self::Cm(cm) => cm.open_rtp(packet, header_len, ssrc, index),
        }
    }

    fn seal_rtcp(&self, packet: &mut [u8], index: u64) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtcp(packet, index),
            Self::Cm(cm) => cm.seal_rtcp(packet, index),
        }
    }

    fn open_rtcp(&self, packet: &mut [u8], index: u64) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtcp(packet, index),
            Self::Cm(cm) => cm.open_rtcp(packet, index),
        }
    }
}

/// The SRTCP index with its encryption flag, as it stands in a packet.
fn index_word(index: u64) -> [u8; INDEX_LEN] {
    let index = u32::try_from(index).expect("an SRTCP index has 31 bits");
    (ENCRYPTED | index).to_be_bytes()
}

#[cfg(test)]
mod tests;
