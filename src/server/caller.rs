//! Who calls, as far as it matters: the number for which a mark stands.
//!
//! A mark is a keyed hash, so that the number cannot be computed from it, and its key is drawn here: one per conference to
//! know who comes back, and one per day to count wrong PINs. Keys and marks are in memory alone and cannot be written down: who
//! had both would have the number, by trying all there are.

use aws_lc_rs::hmac;
use rand::Rng;
use zeroize::Zeroizing;

use crate::{
    conference::participant::{Known, Mark},
    id::{PersonId, SeatId},
    limit::{DIGITS_NEVER_SHOWN, DIGITS_SHOWN},
    pii::{Ending, Pii},
};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// Their number, in full where the trunk's dial plan says how; none for who wishes to be anonymous.
    pub number: Option<Pii<String>>,
    /// A number came, but the caller wishes to be anonymous; it was dropped.
    pub withheld: bool,
    /// The number is the trunk's word, not the caller's.
    pub vouched: bool,
    /// Over which trunk, in the order of the settings.
    pub trunk: usize,
}

impl Caller {
    /// Tells whether the number has last digits that may be shown.
    pub fn has_ending(&self) -> bool {
        self.ending().is_some()
    }

    /// Returns the last digits of the number; none of a short one, of which they would say too much.
    pub(super) fn ending(&self) -> Option<Ending> {
        let number = self.number.as_ref()?.expose();
        let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
        let ending = digits.last_chunk::<DIGITS_SHOWN>()?;
        (digits.len() > DIGITS_NEVER_SHOWN).then(|| Ending::new(ending.iter().collect()))
    }
}

/// Makes marks; forgotten, they are nobody's any more.
pub(super) struct Marks {
    key: hmac::Key,
}

impl Marks {
    /// Draws a key.
    pub(super) fn random(rng: &mut impl Rng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *key);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
        }
    }

    /// Returns what stands for a number.
    pub(super) fn of(&self, number: &Pii<String>) -> Mark {
        let tag = hmac::sign(&self.key, number.expose().as_bytes());
        let (first, _) = tag
            .as_ref()
            .split_first_chunk()
            .expect("an HMAC-SHA256 has 32 bytes");
        Mark(u64::from_be_bytes(*first))
    }

    /// By what somebody can be known again: who entered with this person's PIN, if it was a person's, or whose page has this
    /// seat.
    pub(super) fn known(
        &self,
        caller: &Caller,
        person: Option<PersonId>,
        seat: Option<SeatId>,
    ) -> Known {
        Known {
            seat,
            person,
            caller: caller.number.as_ref().map(|number| self.of(number)),
            vouched: caller.vouched,
        }
    }
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Marks(‹redacted›)")
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_mark_is_the_same_for_a_number_and_another_key_makes_another() {
        let mut rng = StdRng::seed_from_u64(1);
        let (one, other) = (Marks::random(&mut rng), Marks::random(&mut rng));
        let number = |number: &str| Pii::new(number.to_owned());
        assert_eq!(one.of(&number("+4930123")), one.of(&number("+4930123")));
        assert_ne!(one.of(&number("+4930123")), one.of(&number("+4930124")));
        assert_ne!(one.of(&number("+4930123")), other.of(&number("+4930123")));
        assert_eq!(format!("{one:?}"), "Marks(‹redacted›)");
    }

    #[test]
    fn of_a_long_number_three_digits_may_be_seen_and_of_a_short_one_none() {
        for (number, ending) in [
            (Some("+4930123456"), Some("456")),
            (Some("+4930555"), Some("555")),
            (Some("0301234"), Some("234")),
            (Some("123456"), None),
            (Some("620"), None),
            (Some("anonymous"), None),
            (None, None),
        ] {
            let caller = Caller {
                number: number.map(|number| Pii::new(number.to_owned())),
                ..Caller::default()
            };
            let seen = caller.ending();
            assert!(!format!("{seen:?}").contains("456"), "{seen:?}");
            assert_eq!(seen.as_ref().map(|seen| seen.expose().as_str()), ending);
        }
    }

    #[test]
    fn an_anonymous_caller_has_no_mark() {
        let marks = Marks::random(&mut StdRng::seed_from_u64(1));
        let known = marks.known(&Caller::default(), None, None);
        assert_eq!(known, Known::default());
    }
}
