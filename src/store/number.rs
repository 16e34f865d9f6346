//! Room numbers: random, prefix-free, never starting with 0.
//!
//! The first digit tells the length, so that a code is complete at its last digit and nobody learns from the length of a
//! dialogue whether a room exists: 1–7 has 4 digits, 8 has 5, 9 has 6.

use std::fmt;

use rand::{Rng, RngExt};

use crate::limit;

/// The number of a room, as dialled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomNumber(String);

impl RoomNumber {
    /// Reads a number as dialled; what no room can have is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let length = text.bytes().next().and_then(length_by_first)?;
        (digits && text.len() == length).then(|| Self(text.to_owned()))
    }

    /// Draws a number for an installation that has so many rooms with 4 and with 5 digits.
    pub(super) fn draw(with_four: u32, with_five: u32, rng: &mut impl Rng) -> Self {
        let range = if with_four <= limit::ROOMS_PER_LENGTH {
            1000..=7999
        } else if with_five <= limit::ROOMS_PER_LENGTH {
            80_000..=89_999
        } else {
            900_000..=999_999_u32
        };
        Self(rng.random_range(range).to_string())
    }

    /// Takes a number from the database, whose constraints let only such numbers in.
    pub(super) const fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn length_by_first(first: u8) -> Option<usize> {
    match first {
        b'1'..=b'7' => Some(4),
        b'8' => Some(5),
        b'9' => Some(6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn every_drawn_number_is_one_a_room_can_have() {
        let mut rng = StdRng::seed_from_u64(1);
        for (four, five, length) in [(0, 0, 4), (4000, 0, 4), (4001, 0, 5), (4001, 4001, 6)] {
            for _ in 0..1000 {
                let number = RoomNumber::draw(four, five, &mut rng);
                assert_eq!(number.as_str().len(), length);
                assert_eq!(RoomNumber::parse(number.as_str()), Some(number));
            }
        }
    }

    #[test]
    fn no_number_begins_another() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut draw = |four, five| RoomNumber::draw(four, five, &mut rng);
        let numbers: BTreeSet<_> = (0..3000)
            .map(|round| match round % 3 {
                0 => draw(0, 0),
                1 => draw(4001, 0),
                _ => draw(4001, 4001),
            })
            .collect();
        // In sorted order a number that begins others stands directly before one of them.
        let sorted: Vec<_> = numbers.iter().collect();
        for pair in sorted.windows(2) {
            assert!(!pair[1].as_str().starts_with(pair[0].as_str()), "{pair:?}");
        }
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut last_digits = [0_u32; 10];
        let mut first_digits = [0_u32; 10];
        let draws = 70_000;
        for _ in 0..draws {
            let number = RoomNumber::draw(0, 0, &mut rng);
            let digits = number.as_str().as_bytes();
            first_digits[usize::from(digits[0] - b'0')] += 1;
            last_digits[usize::from(digits[3] - b'0')] += 1;
        }
        // Five standard deviations.
        for count in last_digits {
            assert!(count.abs_diff(7000) < 400, "{last_digits:?}");
        }
        for count in &first_digits[1..8] {
            assert!(count.abs_diff(10_000) < 470, "{first_digits:?}");
        }
        assert_eq!([first_digits[0], first_digits[8], first_digits[9]], [0; 3]);
    }

    #[test]
    fn what_no_room_can_have_is_no_number() {
        for text in [
            "",
            "0123",
            "123",
            "12345",
            "8123",
            "9123",
            "81234567",
            "912345678",
            "12a4",
            "１２３４",
            "+123",
            "12 3",
        ] {
            assert_eq!(RoomNumber::parse(text), None, "{text}");
        }
    }
}
