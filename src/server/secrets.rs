//! PINs and links: derived from a key file, never stored.
//!
//! ```text
//! PIN   = HMAC-SHA256(key, "pin"  ‖ tenant ‖ room ‖ holder ‖ epoch) mod 10⁸, as 8 digits
//! link  = HMAC-SHA256(key, "link" ‖ tenant ‖ room ‖ holder ‖ epoch), first 128 bits, as base64url
//! ```
//!
//! Ids are 8 bytes, the epoch 4 (big-endian); a holder is one byte, 0 guest or 1 moderator, or 2 and the id of a person
//! who was invited by name. A new epoch is a new secret.
//! Whoever holds only the database, or a copy of it, learns no PIN and no link: a link's row is found by its SHA-256.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::{digest, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng;
use subtle::ConstantTimeEq;

use crate::{
    conference::{
        event::Wording,
        participant::{Protection, Role},
        policy::{ChatRule, Entrances, Level, Lobby},
    },
    id::{PersonId, RoomId, TenantId},
    pii::Secret,
    store::{self, ByRole, LinkHash, NewRoom, Person, Room, Title},
};

/// Whose a PIN is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Everybody's with this role.
    Role(Role),
    /// This person's alone.
    Person(PersonId),
}

/// The key that all PINs and links of an installation are derived from.
#[derive(Clone)]
pub struct Keys {
    hmac: hmac::Key,
}

impl Keys {
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
        Self {
            hmac: hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()),
        }
    }

    /// Derives a role's PIN: 8 digits.
    pub fn derive_pin(
        &self,
        tenant: TenantId,
        room: RoomId,
        role: Role,
        epoch: u32,
    ) -> Secret<String> {
        self.derive_holders_pin(tenant, room, Holder::Role(role), epoch)
    }

    /// Derives the PIN of a person who was invited by name: 8 digits.
    pub fn derive_persons_pin(
        &self,
        tenant: TenantId,
        room: RoomId,
        person: PersonId,
        epoch: u32,
    ) -> Secret<String> {
        self.derive_holders_pin(tenant, room, Holder::Person(person), epoch)
    }

    fn derive_holders_pin(
        &self,
        tenant: TenantId,
        room: RoomId,
        holder: Holder,
        epoch: u32,
    ) -> Secret<String> {
        let tag = self.derive(b"pin", tenant, room, holder, epoch);
        let pin = tag
            .as_ref()
            .iter()
            .fold(0, |rest, &byte| (rest * 256 + u64::from(byte)) % PINS);
        Secret::new(format!("{pin:0PIN_DIGITS$}"))
    }

    /// Derives a role's link token: 22 characters that carry 128 bits.
    pub fn derive_link(
        &self,
        tenant: TenantId,
        room: RoomId,
        role: Role,
        epoch: u32,
    ) -> Secret<String> {
        let tag = self.derive(b"link", tenant, room, Holder::Role(role), epoch);
        Secret::new(URL_SAFE_NO_PAD.encode(&tag.as_ref()[..LINK_BYTES]))
    }

    /// Draws a room with its first secrets.
    pub fn new_room(
        &self,
        tenant: TenantId,
        title: Title,
        wording: Wording,
        rng: &mut impl Rng,
    ) -> NewRoom {
        let id = RoomId::random(rng);
        let link_epochs = ByRole::default();
        NewRoom {
            id,
            tenant,
            title,
            wording,
            speakers: None,
            lobby: Lobby::Off,
            level: Level::Normal,
            protection: Protection::None,
            entrances: Entrances::USUAL,
            chat: ChatRule::All,
            shows_digits: false,
            pin_epochs: self.settle_pins(tenant, id, ByRole::default(), &[]),
            link_epochs,
            link_hashes: self.link_hashes(tenant, id, link_epochs),
            demo: false,
        }
    }

    /// Returns the epochs of the next PINs of a room; they differ from each other and from those of the people invited.
    pub fn next_pins(&self, room: &Room, people: &[Person]) -> ByRole<u32> {
        let next = ByRole {
            guest: room.pin_epochs.guest.wrapping_add(1),
            moderator: room.pin_epochs.moderator.wrapping_add(1),
        };
        self.settle_pins(room.tenant, room.id, next, people)
    }

    /// Returns the epochs of the next links of a room and the hashes to store with them.
    pub fn next_links(&self, room: &Room) -> (ByRole<u32>, ByRole<LinkHash>) {
        let next = ByRole {
            guest: room.link_epochs.guest.wrapping_add(1),
            moderator: room.link_epochs.moderator.wrapping_add(1),
        };
        (next, self.link_hashes(room.tenant, room.id, next))
    }

    /// Returns the PIN that opens a room for a role.
    pub fn pin(&self, room: &Room, role: Role) -> Secret<String> {
        self.derive_pin(room.tenant, room.id, role, *room.pin_epochs.get(role))
    }

    /// Returns the token of the link that opens a room for a role.
    pub fn link(&self, room: &Room, role: Role) -> Secret<String> {
        self.derive_link(room.tenant, room.id, role, *room.link_epochs.get(role))
    }

    /// Returns the PIN of somebody who is invited to a room.
    pub fn persons_pin(&self, room: &Room, person: &Person) -> Secret<String> {
        self.derive_persons_pin(room.tenant, room.id, person.id, person.pin_epoch)
    }

    /// Returns the first epoch from one on whose PIN is nobody else's in the room.
    pub fn settle_person(&self, room: &Room, person: &Person, others: &[Person]) -> u32 {
        let mut newcomer = person.clone();
        let others = others.iter().filter(|other| other.id != person.id);
        let taken: Vec<Secret<String>> = [Role::Guest, Role::Moderator]
            .map(|role| self.pin(room, role))
            .into_iter()
            .chain(others.map(|other| self.persons_pin(room, other)))
            .collect();
        while taken.contains(&self.persons_pin(room, &newcomer)) {
            newcomer.pin_epoch = newcomer.pin_epoch.wrapping_add(1);
        }
        newcomer.pin_epoch
    }

    /// Tells whose PIN it is in a room, if anybody's.
    ///
    /// The work is the same for every PIN: all of the room are derived and compared in constant time. For a number
    /// without a room the caller asks about [`Room::nowhere`] and ignores the answer.
    pub fn holder_of_pin(
        &self,
        room: &Room,
        people: &[Person],
        pin: &Secret<String>,
    ) -> Option<Holder> {
        let given = canonical(pin);
        let is = |pin: &Secret<String>| given.ct_eq(&canonical(pin));
        let roles = [Role::Guest, Role::Moderator]
            .map(|role| (Holder::Role(role), is(&self.pin(room, role))));
        let people = people.iter().map(|person| {
            let holder = Holder::Person(person.id);
            (holder, is(&self.persons_pin(room, person)))
        });
        // No early end: whose PIN it is, and whether it is one, takes the same time.
        roles.into_iter().chain(people).fold(
            None,
            |found, (holder, right)| {
                if right.into() { Some(holder) } else { found }
            },
        )
    }

    /// Raises the moderators' epoch until the two PINs differ, and both until they are no person's.
    fn settle_pins(
        &self,
        tenant: TenantId,
        room: RoomId,
        mut epochs: ByRole<u32>,
        people: &[Person],
    ) -> ByRole<u32> {
        let taken: Vec<Secret<String>> = people
            .iter()
            .map(|person| self.derive_persons_pin(tenant, room, person.id, person.pin_epoch))
            .collect();
        let mut guest = self.derive_pin(tenant, room, Role::Guest, epochs.guest);
        while taken.contains(&guest) {
            epochs.guest = epochs.guest.wrapping_add(1);
            guest = self.derive_pin(tenant, room, Role::Guest, epochs.guest);
        }
        let mut moderator = self.derive_pin(tenant, room, Role::Moderator, epochs.moderator);
        while moderator == guest || taken.contains(&moderator) {
            epochs.moderator = epochs.moderator.wrapping_add(1);
            moderator = self.derive_pin(tenant, room, Role::Moderator, epochs.moderator);
        }
        epochs
    }

    fn link_hashes(&self, tenant: TenantId, room: RoomId, epochs: ByRole<u32>) -> ByRole<LinkHash> {
        let hash = |role| link_hash(&self.derive_link(tenant, room, role, *epochs.get(role)));
        ByRole {
            guest: hash(Role::Guest),
            moderator: hash(Role::Moderator),
        }
    }

    fn derive(
        &self,
        label: &[u8],
        tenant: TenantId,
        room: RoomId,
        holder: Holder,
        epoch: u32,
    ) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.hmac);
        context.update(label);
        context.update(&tenant.as_u64().to_be_bytes());
        context.update(&room.as_u64().to_be_bytes());
        match holder {
            Holder::Role(Role::Guest) => context.update(&[0]),
            Holder::Role(Role::Moderator) => context.update(&[1]),
            Holder::Person(person) => {
                context.update(&[2]);
                context.update(&person.as_u64().to_be_bytes());
            }
        }
        context.update(&epoch.to_be_bytes());
        context.sign()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(‹redacted›)")
    }
}

/// Reads a key from its file, or makes both, for their owner's eyes only.
pub(super) fn key_in(
    file: &Path,
    rng: &mut impl Rng,
) -> Result<Secret<[u8; KEY_LENGTH]>, KeyError> {
    let failed = |source| KeyError::Unreadable {
        file: file.to_owned(),
        source,
    };
    match File::open(file) {
        Ok(opened) => read(opened, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(file, rng).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

fn read(mut opened: File, file: &Path) -> Result<Secret<[u8; KEY_LENGTH]>, KeyError> {
    let failed = |source| KeyError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let metadata = opened.metadata().map_err(failed)?;
    if metadata.permissions().mode() & OTHERS != 0 {
        return Err(KeyError::Exposed(file.to_owned()));
    }
    if metadata.len() != KEY_LENGTH as u64 {
        return Err(KeyError::NotAKey(file.to_owned()));
    }
    let mut bytes = [0; KEY_LENGTH];
    opened.read_exact(&mut bytes).map_err(failed)?;
    Ok(Secret::new(bytes))
}

fn create(file: &Path, rng: &mut impl Rng) -> io::Result<Secret<[u8; KEY_LENGTH]>> {
    let mut bytes = [0; KEY_LENGTH];
    rng.fill_bytes(&mut bytes);
    let bytes = Secret::new(bytes);
    store::write_private(file, bytes.expose())?;
    Ok(bytes)
}

/// Returns what a link's room is found by.
pub fn link_hash(token: &Secret<String>) -> LinkHash {
    LinkHash::new(digest::digest(&digest::SHA256, token.expose().as_bytes()).as_ref())
}

/// Returns a code as it is told to people: number and PIN in groups of four, `4711 2468 1357`.
pub fn code_in_groups(number: &str, pin: &Secret<String>) -> Secret<String> {
    let (first, second) = pin.expose().split_at(pin.expose().len() / 2);
    Secret::new(format!("{number} {first} {second}"))
}

/// The key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the key file {} cannot be read or made: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error("the key file {} may be read by others than its owner", .0.display())]
    Exposed(PathBuf),
    /// It is not a key.
    #[error("the file {} is not a key", .0.display())]
    NotAKey(PathBuf),
}

/// A PIN in the one form that is compared: 8 digits, or 8 zero bytes, which no derived PIN is.
fn canonical(pin: &Secret<String>) -> [u8; PIN_DIGITS] {
    pin.expose()
        .as_bytes()
        .try_into()
        .ok()
        .filter(|digits: &[u8; PIN_DIGITS]| digits.iter().all(u8::is_ascii_digit))
        .unwrap_or_default()
}

/// 256 bits: as long as the HMAC's output.
pub(super) const KEY_LENGTH: usize = 32;

/// Digits of a PIN (BSI KONF.11.4: not to be guessed).
const PIN_DIGITS: usize = 8;

/// How many PINs there are.
const PINS: u64 = 100_000_000;

/// 128 bits: a link cannot be guessed.
const LINK_BYTES: usize = 16;

/// Mode bits of everyone but the owner.
const OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn pins_and_links_follow_the_formula() {
        let key = key();
        let derive = |role, epoch| {
            let (tenant, room) = (TenantId::DEFAULT, RoomId::from_u64(0x0102_0304_0506_0708));
            (
                key.derive_pin(tenant, room, role, epoch).expose().clone(),
                key.derive_link(tenant, room, role, epoch).expose().clone(),
            )
        };
        assert_eq!(
            [
                derive(Role::Guest, 0),
                derive(Role::Moderator, 0),
                derive(Role::Guest, 1)
            ],
            GOLDEN.map(|(pin, link)| (pin.to_owned(), link.to_owned()))
        );
    }

    #[test]
    fn pins_are_spread_evenly_and_seldom_repeat() {
        let key = key();
        let pins: Vec<_> = (0..10_000)
            .map(|room| key.derive_pin(TenantId::DEFAULT, RoomId::from_u64(room), Role::Guest, 0))
            .collect();
        for place in 0..PIN_DIGITS {
            let mut counts = [0_u32; 10];
            for pin in &pins {
                counts[usize::from(pin.expose().as_bytes()[place] - b'0')] += 1;
            }
            // Five standard deviations.
            for count in counts {
                assert!(count.abs_diff(1000) < 150, "{counts:?}");
            }
        }
        let distinct: BTreeSet<_> = pins.iter().map(Secret::expose).collect();
        assert!(distinct.len() > 9_990);
    }

    #[test]
    fn only_the_room_s_own_pins_open_it() {
        let key = key();
        let room = room(&key);
        for role in [Role::Guest, Role::Moderator] {
            let pin = key.pin(&room, role);
            let holder = key.holder_of_pin(&room, &[], &pin);
            assert_eq!(holder, Some(Holder::Role(role)));
            let mut later = room.clone();
            later.pin_epochs = key.next_pins(&room, &[]);
            assert_eq!(key.holder_of_pin(&later, &[], &pin), None);
        }
    }

    #[test]
    fn nothing_but_eight_digits_is_a_pin() {
        let key = key();
        let room = room(&key);
        let right = key.pin(&room, Role::Guest).expose().clone();
        for wrong in [
            String::new(),
            String::from("#"),
            String::from("********"),
            String::from("\0\0\0\0\0\0\0\0"),
            format!("{right}0"),
            format!("0{right}"),
            format!("{right}#"),
            format!(" {right}"),
            right[1..].to_owned(),
            // Arabic-Indic digits of the right value.
            right
                .bytes()
                .map(|digit| char::from_u32(0x0660 + u32::from(digit - b'0')).unwrap())
                .collect(),
        ] {
            assert_eq!(
                key.holder_of_pin(&room, &[person(1)], &Secret::new(wrong.clone())),
                None,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_collision_of_the_roles_pins_raises_an_epoch() {
        let key = key();
        let (tenant, room) = (TenantId::DEFAULT, RoomId::from_u64(9));
        let settled = key.settle_pins(tenant, room, ByRole::default(), &[]);
        assert_ne!(
            key.derive_pin(tenant, room, Role::Guest, settled.guest),
            key.derive_pin(tenant, room, Role::Moderator, settled.moderator)
        );
    }

    #[test]
    fn a_persons_pin_follows_the_formula_and_names_them() {
        let key = key();
        let mut room = room(&key);
        room.id = RoomId::from_u64(0x0102_0304_0506_0708);
        let people = [person(0x1122_3344_5566_7788), person(2)];
        let pins = people.each_ref().map(|who| key.persons_pin(&room, who));
        assert_eq!(pins[0].expose(), GOLDEN_PERSON);
        for (who, pin) in people.iter().zip(&pins) {
            let holder = key.holder_of_pin(&room, &people, pin);
            assert_eq!(holder, Some(Holder::Person(who.id)));
            assert_eq!(key.holder_of_pin(&room, &[], pin), None);
        }
    }

    /// PINs that are equal by chance are kept apart by another epoch.
    #[test]
    fn no_two_of_a_room_have_the_same_pin() {
        let key = key();
        let room = room(&key);
        let (newcomer, other) = (person(1), person(2));
        assert_eq!(key.settle_person(&room, &newcomer, &[other]), 0);
        // A person is not in their own way.
        assert_eq!(
            key.settle_person(&room, &newcomer, std::slice::from_ref(&newcomer)),
            0
        );
        let twin = Person {
            id: PersonId::from_u64(1),
            ..person(1)
        };
        let taken = key.persons_pin(&room, &twin);
        let epochs = key.settle_pins(room.tenant, room.id, ByRole::default(), &[twin]);
        for role in [Role::Guest, Role::Moderator] {
            let pin = key.derive_pin(room.tenant, room.id, role, *epochs.get(role));
            assert_ne!(pin, taken);
        }
    }

    fn person(id: u64) -> Person {
        Person {
            id: PersonId::from_u64(id),
            room: RoomId::from_u64(1),
            name: store::PersonName::default(),
            role: Role::Guest,
            pin_epoch: 0,
            window: store::Window::default(),
        }
    }

    #[test]
    fn a_link_carries_128_bits_in_22_characters() {
        let key = key();
        let room = room(&key);
        let guest = key.link(&room, Role::Guest);
        assert_eq!(guest.expose().len(), 22);
        assert_eq!(URL_SAFE_NO_PAD.decode(guest.expose()).unwrap().len(), 16);
        assert_ne!(guest, key.link(&room, Role::Moderator));
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("var/key");
        let mut rng = StdRng::seed_from_u64(1);
        let first = Keys::load_or_create(&file, &mut rng).unwrap();
        let again = Keys::load_or_create(&file, &mut rng).unwrap();
        let pin =
            |key: &Keys| key.derive_pin(TenantId::DEFAULT, RoomId::from_u64(1), Role::Guest, 0);
        assert_eq!(pin(&first), pin(&again));
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        store::write_private(&file, &[1; KEY_LENGTH]).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let refused = Keys::load_or_create(&file, &mut rng).unwrap_err();
        assert!(matches!(refused, KeyError::Exposed(_)));
    }

    #[test]
    fn a_file_of_another_length_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        store::write_private(&file, &[1; KEY_LENGTH - 1]).unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        let refused = Keys::load_or_create(&file, &mut rng).unwrap_err();
        assert!(matches!(refused, KeyError::NotAKey(_)));
    }

    #[test]
    fn a_code_is_told_in_groups() {
        let pin = Secret::new(String::from("24681357"));
        assert_eq!(code_in_groups("4711", &pin).expose(), "4711 2468 1357");
    }

    fn key() -> Keys {
        Keys::from_bytes(&Secret::new([7; KEY_LENGTH]))
    }

    fn room(key: &Keys) -> Room {
        let mut rng = StdRng::seed_from_u64(4);
        let title = Title::new(String::from("Test"));
        let new = key.new_room(TenantId::DEFAULT, title, Wording::De, &mut rng);
        Room {
            id: new.id,
            pin_epochs: new.pin_epochs,
            ..Room::nowhere()
        }
    }

    /// Computed apart from this code, with Python's `hmac`.
    const GOLDEN_PERSON: &str = "56908559";

    /// Computed apart from this code, with Python's `hmac`.
    const GOLDEN: [(&str, &str); 3] = [
        ("43905124", "ctbJawUEHOuMuxL25QDuzg"),
        ("82068878", "ckLzme5DLJRyzBvqt14TAA"),
        ("93802451", "DCBrKoEcTqU-tV7Wnhsu3A"),
    ];
}
