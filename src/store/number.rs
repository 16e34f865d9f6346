//! Room numbers: random, prefix-free, never starting with 0.
//!
//! The first digit tells the length, so that a code is complete at its last digit and nobody learns from the length of a
//! dialogue whether a room exists: 1–7 has 4 digits, 8 has 5, 9 has 6. None begins with 95 to 99: pairing codes
//! do, so that no string of digits is both.

use rand::{Rng, RngExt};

use crate::limit;

/// Draws a number for an installation that has so many rooms with 4 and with 5 digits.
pub(super) fn draw(with_four: u32, with_five: u32, rng: &mut impl Rng) -> String {
    let range = if with_four <= limit::ROOMS_PER_LENGTH {
        1000..=7999
    } else if with_five <= limit::ROOMS_PER_LENGTH {
        80_000..=89_999
    } else {
        900_000..=949_999_u32
    };
    rng.random_range(range).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::conference::ivr::{PAIRING_LENGTH, begins_pairing, number_length};

    #[test]
    fn numbers_grow_with_the_installation() {
        let mut rng = StdRng::seed_from_u64(1);
        for (four, five, length) in [(0, 0, 4), (4000, 0, 4), (4001, 0, 5), (4001, 4001, 6)] {
            for _ in 0..1000 {
                let number = draw(four, five, &mut rng);
                assert_eq!(number.len(), length);
                // The dialogue knows from the first digit when the number is complete.
                let first = number.chars().next().unwrap();
                assert_eq!(number_length(first), Some(length));
            }
        }
    }

    #[test]
    fn no_number_begins_another() {
        let mut rng = StdRng::seed_from_u64(2);
        let numbers: BTreeSet<_> = (0..3000)
            .map(|round| match round % 3 {
                0 => draw(0, 0, &mut rng),
                1 => draw(4001, 0, &mut rng),
                _ => draw(4001, 4001, &mut rng),
            })
            .collect();
        // In sorted order a number that begins others stands directly before one of them.
        let sorted: Vec<_> = numbers.iter().collect();
        for pair in sorted.windows(2) {
            assert!(!pair[1].starts_with(pair[0].as_str()), "{pair:?}");
        }
    }

    proptest! {
        /// No string of digits is both a pairing code and what begins a dial-in code, or is one, or a room's number.
        #[test]
        fn no_dial_in_code_begins_as_a_pairing_code_does(
            seed in any::<u64>(),
            with_four in prop_oneof![Just(0), Just(4001)],
            with_five in prop_oneof![Just(0), Just(4001)],
            pin in "[0-9]{8}",
        ) {
            let number = draw(with_four, with_five, &mut StdRng::seed_from_u64(seed));
            let code = format!("{number}{pin}");
            prop_assert!(!begins_pairing(&number));
            prop_assert!(!begins_pairing(&code[..PAIRING_LENGTH]));
        }
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut last_digits = [0_u32; 10];
        let mut first_digits = [0_u32; 10];
        for _ in 0..70_000 {
            let number = draw(0, 0, &mut rng);
            let digits = number.as_bytes();
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
}
