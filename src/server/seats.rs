//! Tokens of seats: what lets a page that broke off come back to its seat, and nothing else.
//!
//! ```text
//! token = base64url( nonce ‖ AES-256-GCM-SIV(key, "rundruf seat 1", content) ‖ tag )
//! ```
//!
//! Nobody but the server can read a token or make one. Its key lies beside that of PINs and links, so that tokens outlive
//! the process. A token alone opens nothing: its page needs the link, too, and the conference must know the seat.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::secrets::{KEY_LENGTH, KeyError, key_in};
use crate::{
    conference::{claim::Claim, participant::Role},
    id::{ConferenceId, RoomId, SeatId},
    limit::{RESUME_MAX, SEAT_RENEWAL, SEAT_TOKEN_MAX},
    pii::{Name, Secret},
};

/// The key of tokens.
#[derive(Clone)]
pub struct Seals {
    key: Arc<RandomizedNonceKey>,
}

/// By which link somebody came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// Of this room.
    pub(super) room: RoomId,
    /// It gives this role.
    pub(super) link: Role,
}

/// What a token holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    room: RoomId,
    link: Role,
    /// Seconds since 1970-01-01 00:00 UTC.
    issued: u64,
    conference: ConferenceId,
    seat: SeatId,
    role: Role,
    ordinal: u32,
    name: Option<String>,
    hand: Option<u32>,
    inside: bool,
    microphone: bool,
}

impl Seals {
    /// Reads the key file, or makes it on first start, for its owner's eyes only.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read or made, has another length, or others may read it.
    pub fn load_or_create(file: &Path, rng: &mut impl Rng) -> Result<Self, KeyError> {
        key_in(file, rng).map(|bytes| Self::from_bytes(&bytes))
    }

    /// Makes a key from bytes.
    pub fn from_bytes(bytes: &Secret<[u8; KEY_LENGTH]>) -> Self {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, bytes.expose());
        Self {
            key: Arc::new(key.expect("the key has the length of AES-256")),
        }
    }

    /// Seals a claim for the page that has the seat.
    pub(super) fn seal(&self, claim: &Claim, way: Way, wall: Duration) -> Secret<String> {
        let content = Content {
            room: way.room,
            link: way.link,
            issued: wall.as_secs(),
            conference: claim.conference,
            seat: claim.seat,
            role: claim.role,
            ordinal: claim.ordinal,
            name: claim.name.as_ref().map(|name| name.expose().clone()),
            hand: claim.hand,
            inside: claim.inside,
            microphone: claim.microphone,
        };
        let plain = serde_json::to_vec(&content).expect("a claim can be written as JSON");
        let sealed = self.close(PURPOSE, plain);
        Secret::new(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a token that comes with a link; of everything that is none of this link's the answer is the same.
    pub(super) fn open(&self, token: &Secret<String>, way: Way, wall: Duration) -> Option<Claim> {
        let token = token.expose();
        if token.len() > SEAT_TOKEN_MAX {
            return None;
        }
        let plain = self.disclose(PURPOSE, URL_SAFE_NO_PAD.decode(token).ok()?)?;
        let content: Content = serde_json::from_slice(&plain).ok()?;
        let from = Way {
            room: content.room,
            link: content.link,
        };
        let age = wall.as_secs().abs_diff(content.issued);
        (from == way).then(|| Claim {
            seat: content.seat,
            conference: content.conference,
            role: content.role,
            ordinal: content.ordinal,
            name: content.name.map(Name::new),
            hand: content.hand,
            inside: content.inside,
            microphone: content.microphone,
            fresh: age <= (RESUME_MAX + SEAT_RENEWAL).as_secs(),
        })
    }

    /// Encrypts something for a purpose.
    pub(super) fn close(&self, purpose: &[u8], plain: Vec<u8>) -> Vec<u8> {
        let mut sealed = plain;
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(purpose), &mut sealed)
            .expect("a short text can be sealed");
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        whole
    }

    /// Decrypts what was encrypted for a purpose.
    pub(super) fn disclose(
        &self,
        purpose: &[u8],
        mut sealed: Vec<u8>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(purpose), text)
            .ok()?;
        Some(Zeroizing::new(plain.to_vec()))
    }
}

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seals(‹redacted›)")
    }
}

/// What tokens are bound to beside their key.
const PURPOSE: &[u8] = b"rundruf seat 1";

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: Way = Way {
        room: RoomId::from_u64(1),
        link: Role::Guest,
    };
    const WALL: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn a_token_leads_back_and_shows_nothing() {
        let (seals, claim) = (seals(1), claim());
        let token = seals.seal(&claim, WAY, WALL);
        assert_eq!(seals.open(&token, WAY, WALL), Some(claim.clone()));
        assert_ne!(token, seals.seal(&claim, WAY, WALL), "no two look alike");
        let bytes = URL_SAFE_NO_PAD.decode(token.expose()).unwrap();
        for plain in ["Ada", "guest", "0000000000000002"] {
            let mut windows = bytes.windows(plain.len());
            assert!(!windows.any(|window| window == plain.as_bytes()), "{plain}");
        }
        assert!(!format!("{seals:?} {claim:?} {token:?}").contains("Ada"));
        let mut longest = claim;
        longest.name = Some(Name::new("\u{10ffff}".repeat(crate::limit::NAME_CHARS_MAX)));
        let token = seals.seal(&longest, WAY, WALL);
        assert_eq!(seals.open(&token, WAY, WALL), Some(longest));
    }

    #[test]
    fn nothing_but_the_server_s_own_token_of_the_same_link_is_one() {
        let (seals, claim) = (seals(1), claim());
        let token = seals.seal(&claim, WAY, WALL).expose().clone();
        let open = |token: &str| seals.open(&Secret::new(token.to_owned()), WAY, WALL);
        assert!(open(&token).is_some());
        for place in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(open(&forged), None, "{place}");
        }
        for cut in 0..token.len() {
            assert_eq!(open(&token[..cut]), None);
        }
        assert_eq!(open(&"A".repeat(SEAT_TOKEN_MAX + 1)), None);
        assert_eq!(open("‹no base64›"), None);
        let token = Secret::new(token);
        assert_eq!(self::seals(2).open(&token, WAY, WALL), None, "another key");
        let elsewhere = Way {
            room: RoomId::from_u64(9),
            ..WAY
        };
        let above = Way {
            link: Role::Moderator,
            ..WAY
        };
        assert_eq!(seals.open(&token, elsewhere, WALL), None);
        assert_eq!(seals.open(&token, above, WALL), None);
    }

    #[test]
    fn an_old_token_is_no_longer_believed() {
        let (seals, claim) = (seals(1), claim());
        let token = seals.seal(&claim, WAY, WALL);
        let fresh = |later| {
            let claim = seals.open(&token, WAY, WALL + Duration::from_secs(later));
            claim.unwrap().fresh
        };
        assert!(fresh(0) && fresh(360));
        assert!(!fresh(361));
        let before = seals.open(&token, WAY, WALL - Duration::from_secs(3_600));
        assert!(!before.unwrap().fresh);
    }

    #[test]
    fn the_key_outlives_the_process_and_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rundruf.seats");
        let mut rng = rand::rng();
        let first = Seals::load_or_create(&file, &mut rng).unwrap();
        let again = Seals::load_or_create(&file, &mut rng).unwrap();
        let token = first.seal(&claim(), WAY, WALL);
        assert_eq!(again.open(&token, WAY, WALL), Some(claim()));
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    fn seals(key: u8) -> Seals {
        Seals::from_bytes(&Secret::new([key; KEY_LENGTH]))
    }

    fn claim() -> Claim {
        Claim {
            seat: SeatId::from_u64(3),
            conference: ConferenceId::from_u64(2),
            role: Role::Guest,
            ordinal: 4,
            name: Some(Name::new("Ada".to_owned())),
            hand: Some(7),
            inside: true,
            microphone: true,
            fresh: true,
        }
    }
}
