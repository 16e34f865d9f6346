//! What is typed of a pairing code in a conference.

use crate::{conference::ivr::PAIRING_LENGTH, pii::Secret};

/// What was typed of a pairing code after the nine that all begin with; cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PairingDigits {
    typed: [u8; PAIRING_LENGTH - 1],
    length: usize,
}

impl PairingDigits {
    /// Adds a digit; returns whether the code is whole.
    pub(super) fn push(&mut self, digit: char) -> bool {
        if let (Some(place), Ok(digit)) = (self.typed.get_mut(self.length), u8::try_from(digit)) {
            *place = digit;
            self.length += 1;
        }
        self.length == self.typed.len()
    }

    /// Returns the code.
    pub fn code(self) -> Secret<String> {
        let typed = self.typed.iter().copied().map(char::from);
        Secret::new(['9'].into_iter().chain(typed).collect())
    }
}

impl std::fmt::Debug for PairingDigits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairingDigits(‹redacted›)")
    }
}
