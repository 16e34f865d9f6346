//! One type per identity: short random numbers that carry no meaning and may stand in logs.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hasher},
    str::FromStr,
};

use rand::{Rng, RngExt};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Draws an id; 64 bits make a repetition within one installation improbable.
            pub fn random(rng: &mut impl Rng) -> Self {
                Self(rng.random())
            }

            /// Makes an id from a number, for tests and stored rows.
            pub const fn from_u64(value: u64) -> Self {
                Self(value)
            }

            /// Returns the number, for storage and wire formats.
            pub const fn as_u64(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:016x})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                u64::from_str_radix(text, 16).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A tenant: an organisation whose rooms no other tenant can see.
    TenantId
}
id! {
    /// A room: what is booked and stored.
    RoomId
}
id! {
    /// A conference: one running call of many (RFC 4353 §2).
    ConferenceId
}
id! {
    /// A participant: a person in the roster (RFC 4575: user).
    ParticipantId
}
id! {
    /// A person who was invited to a room by name.
    PersonId
}
id! {
    /// A seat that a page finds again when it comes back.
    SeatId
}
id! {
    /// A call that was made out of a conference, as it is noted.
    DialId
}
id! {
    /// A leg: one call or connection of a participant (RFC 4575: endpoint).
    LegId
}

/// A table by legs, for the path of every packet: a look-up costs a multiplication. Its order means nothing.
pub type LegMap<T> = HashMap<LegId, T, BuildHasherDefault<IdHasher>>;

/// Spreads ids over a table. Ids are our own random numbers, so nobody can choose them to collide.
#[derive(Debug, Clone, Copy, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        // Tests count their ids from one: the golden ratio spreads those too, and the table looks at both ends of a hash.
        let product = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl TenantId {
    /// The tenant that a single-tenant installation consists of.
    pub const DEFAULT: Self = Self::from_u64(1);
}
