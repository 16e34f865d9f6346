//! Keys of SRTP in session descriptions (RFC 4568, RFC 7714 §14.1): the lines `a=crypto`.
//!
//! A line is usable as a whole or not at all: what it asks for beside a cipher and a key, such as a part of the packets
//! without encryption, is never granted by ignoring it.

use std::fmt::Write;

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rand::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::rtp::srtp::{Keys, Profile};

/// A line `a=crypto`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CryptoLine {
    /// Names the line in the answer.
    pub(super) tag: u32,
    pub(super) profile: Profile,
    /// Its author's, for what its author sends.
    pub(super) keys: Keys,
}

/// Why a line cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Unusable {
    #[error("malformed")]
    Malformed,
    #[error("unknown suite")]
    Suite,
    #[error("the key's length is not the suite's")]
    Length,
    /// Packets would name which of several keys protects them, which is not supported.
    #[error("master key identifier")]
    Mki,
    /// It asks for less protection, or for something unknown that must not be ignored (RFC 4568 §6.3.7).
    #[error("session parameter")]
    Parameter,
}

impl CryptoLine {
    /// Reads the attribute's value.
    pub(super) fn parse(value: &str) -> Result<Self, Unusable> {
        let mut fields = value.split_ascii_whitespace();
        let mut field = || fields.next().ok_or(Unusable::Malformed);
        let (tag, suite, parameters) = (field()?, field()?, field()?);
        let is_tag =
            (1..=TAG_DIGITS).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_digit());
        if !is_tag {
            return Err(Unusable::Malformed);
        }
        let tag = tag.parse().map_err(|_| Unusable::Malformed)?;
        let profile = Profile::ALL
            .into_iter()
            .find(|profile| suite.eq_ignore_ascii_case(name(*profile)))
            .ok_or(Unusable::Suite)?;
        let keys = keys(profile, parameters)?;
        if !fields.all(is_harmless) {
            return Err(Unusable::Parameter);
        }
        Ok(Self { tag, profile, keys })
    }

    /// Writes the attribute's value.
    pub(super) fn print(&self) -> String {
        let mut key = Zeroizing::new(self.keys.key.expose().clone());
        key.extend_from_slice(self.keys.salt.expose());
        let mut text = format!("{} {} inline:", self.tag, name(self.profile));
        let key = Zeroizing::new(BASE64.encode(&*key));
        // A string takes everything.
        let _ = text.write_str(&key);
        text
    }
}

/// Reads `inline:` with one key, which may say for how many packets it is good: more than a call has.
fn keys(profile: Profile, parameters: &str) -> Result<Keys, Unusable> {
    // Several keys are told apart by their identifiers.
    if parameters.contains(';') {
        return Err(Unusable::Mki);
    }
    let (method, information) = parameters.split_once(':').ok_or(Unusable::Malformed)?;
    if !method.eq_ignore_ascii_case("inline") {
        return Err(Unusable::Malformed);
    }
    let mut parts = information.split('|');
    let text = parts.next().unwrap_or_default();
    for part in parts {
        if part.contains(':') {
            return Err(Unusable::Mki);
        }
        if !is_lifetime(part) {
            return Err(Unusable::Malformed);
        }
    }
    let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| Unusable::Malformed)?);
    if bytes.len() != profile.key_len() + profile.salt_len() {
        return Err(Unusable::Length);
    }
    let (key, salt) = bytes.split_at(profile.key_len());
    Ok(Keys::new(key, salt))
}

/// `2^31` or a number.
fn is_lifetime(text: &str) -> bool {
    let digits = text.strip_prefix("2^").unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether a session parameter (RFC 4568 §6.3) changes nothing for us.
fn is_harmless(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match name {
        // Keys are derived once.
        "KDR" => value == "0",
        // A hint.
        "WSH" => true,
        _ => name.starts_with('-'),
    }
}

/// The suite's registered name.
const fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::AeadAes256Gcm => "AEAD_AES_256_GCM",
        Profile::AeadAes128Gcm => "AEAD_AES_128_GCM",
        Profile::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
    }
}

/// Our keys of one call, for what we send: one for each profile, since a key is never used with two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring([Keys; Profile::ALL.len()]);

impl Keyring {
    /// Draws new keys; `rng` must be the system's, outside tests.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        Self(Profile::ALL.map(|profile| {
            let mut bytes = Zeroizing::new(vec![0; profile.key_len() + profile.salt_len()]);
            rng.fill_bytes(&mut bytes);
            let (key, salt) = bytes.split_at(profile.key_len());
            Keys::new(key, salt)
        }))
    }

    /// Returns the key of a profile.
    pub const fn of(&self, profile: Profile) -> &Keys {
        &self.0[profile as usize]
    }
}

/// Digits of a tag (RFC 4568 §9.1).
const TAG_DIGITS: usize = 9;
/// Some write no padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// RFC 4568 §6.1: 16 bytes of key and 14 of salt.
    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20");
        let line = CryptoLine::parse(&line).unwrap();
        assert_eq!((line.tag, line.profile), (1, Profile::AesCm128HmacSha1_80));
        assert_eq!(line.keys.key.expose().as_slice(), b"wDfvg&T+)xG7@fb5");
        assert_eq!(line.keys.salt.expose().as_slice(), b"jU,RaA}\\|p0%*#");
        assert_eq!(
            line.print(),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")
        );
    }

    #[test]
    fn what_is_written_is_read() {
        let ring = Keyring::draw(&mut StdRng::seed_from_u64(1));
        for (tag, profile) in (1..).zip(Profile::ALL) {
            let keys = ring.of(profile).clone();
            assert_eq!(keys.key.expose().len(), profile.key_len());
            let line = CryptoLine { tag, profile, keys };
            assert_eq!(CryptoLine::parse(&line.print()), Ok(line.clone()));
            let bare = line.print().trim_end_matches('=').to_lowercase();
            let bare = bare.split_once(" inline:").unwrap().0;
            let key = line.print();
            let key = key.split_once("inline:").unwrap().1.trim_end_matches('=');
            let spelled = format!("{bare}  INLINE:{key}");
            assert_eq!(CryptoLine::parse(&spelled), Ok(line));
        }
    }

    #[test]
    fn a_line_is_usable_as_a_whole_or_not_at_all() {
        use Unusable::{Length, Malformed, Mki, Parameter, Suite};
        for (line, expected) in [
            ("1 CM inline:KEY", Ok(())),
            ("123456789 cm inline:KEY|2^31", Ok(())),
            ("1 CM inline:KEY|1048576", Ok(())),
            ("1 CM inline:KEY KDR=0 WSH=64", Ok(())),
            ("1 CM inline:KEY -whatever=1", Ok(())),
            ("", Err(Malformed)),
            ("1", Err(Malformed)),
            ("1 CM", Err(Malformed)),
            ("x CM inline:KEY", Err(Malformed)),
            ("+1 CM inline:KEY", Err(Malformed)),
            ("1234567890 CM inline:KEY", Err(Malformed)),
            ("1 AES_CM_128_HMAC_SHA1_32 inline:KEY", Err(Suite)),
            ("1 F8_128_HMAC_SHA1_80 inline:KEY", Err(Suite)),
            ("1 AEAD_AES_128_GCM inline:KEY", Err(Length)),
            ("1 CM inline:", Err(Length)),
            ("1 CM inline:d0Rm", Err(Length)),
            ("1 CM inline:*", Err(Malformed)),
            ("1 CM KEY", Err(Malformed)),
            ("1 CM uri:KEY", Err(Malformed)),
            ("1 CM inline:KEY|soon", Err(Malformed)),
            ("1 CM inline:KEY|1:4", Err(Mki)),
            ("1 CM inline:KEY|2^31|1:1", Err(Mki)),
            ("1 CM inline:KEY;inline:KEY", Err(Mki)),
            ("1 CM inline:KEY UNENCRYPTED_SRTP", Err(Parameter)),
            ("1 CM inline:KEY UNENCRYPTED_SRTCP", Err(Parameter)),
            ("1 CM inline:KEY UNAUTHENTICATED_SRTP", Err(Parameter)),
            ("1 CM inline:KEY KDR=1", Err(Parameter)),
            ("1 CM inline:KEY FEC_ORDER=FEC_SRTP", Err(Parameter)),
            ("1 CM inline:KEY unheard=of", Err(Parameter)),
        ] {
            let written = line
                .replace(" CM", " AES_CM_128_HMAC_SHA1_80")
                .replace(" cm", " aes_cm_128_hmac_sha1_80")
                .replace("KEY", KEY);
            let found = CryptoLine::parse(&written).map(|_| ());
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let line = CryptoLine::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")).unwrap();
        let printed = format!("{line:?}");
        assert!(
            !printed.contains("119") && !printed.contains("wDfv"),
            "{printed}"
        );
    }
}
