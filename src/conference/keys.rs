//! What a telephone's keys mean in a conference.
//!
//! `*6`, or `6` twice, switches the microphone; `*0`, or `0` twice, speaks the help. Both presses within
//! [`DOUBLE_PRESS`]; a single key, pressed by a cheek or by mistake, does nothing.

use std::time::Instant;

use crate::limit::DOUBLE_PRESS;

/// What a caller asks for by keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Switch the microphone.
    ToggleMicrophone,
    /// Speak the help.
    Help,
}

/// Recognises the double presses of one telephone.
#[derive(Debug, Clone, Default)]
pub struct Keypad {
    first: Option<(char, Instant)>,
}

impl Keypad {
    /// Makes a keypad on which nothing was pressed.
    pub const fn new() -> Self {
        Self { first: None }
    }

    /// Takes a key press; returns what it asks for, if it completes something. A press completes at most one pair.
    pub fn handle_digit(&mut self, digit: char, now: Instant) -> Option<Key> {
        let first = self
            .first
            .take()
            .filter(|(_, at)| now.saturating_duration_since(*at) <= DOUBLE_PRESS);
        let key = match (first, digit) {
            (Some(('*' | '6', _)), '6') => Some(Key::ToggleMicrophone),
            (Some(('*' | '0', _)), '0') => Some(Key::Help),
            _ => None,
        };
        if key.is_none() {
            self.first = Some((digit, now));
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    /// Presses keys with a pause between them and returns what each asked for, as one character.
    fn press(keys: &str, pause: Duration) -> String {
        let mut keypad = Keypad::new();
        let mut now = t0();
        keys.chars()
            .map(|digit| {
                now += pause;
                match keypad.handle_digit(digit, now) {
                    Some(Key::ToggleMicrophone) => 'm',
                    Some(Key::Help) => 'h',
                    None => '.',
                }
            })
            .collect()
    }

    #[test]
    fn star_six_and_double_six_switch_the_microphone() {
        assert_eq!(press("*6 66", Duration::from_millis(300)), ".m..m");
    }

    #[test]
    fn star_zero_and_double_zero_ask_for_help() {
        assert_eq!(press("*0 00", Duration::from_millis(300)), ".h..h");
    }

    #[test]
    fn a_third_press_begins_a_pair_of_its_own() {
        assert_eq!(press("666666", Duration::from_millis(300)), ".m.m.m");
        assert_eq!(press("66 6", Duration::from_millis(300)), ".m..");
    }

    #[test]
    fn presses_of_different_keys_are_no_pair() {
        assert_eq!(
            press("60606#6*7706**6", Duration::from_millis(300)),
            "..............m"
        );
    }

    #[test]
    fn the_second_press_has_three_seconds() {
        assert_eq!(press("66", Duration::from_secs(3)), ".m");
        assert_eq!(press("66", Duration::from_millis(3001)), "..");
        assert_eq!(press("666", Duration::from_millis(3001)), "...");
        assert_eq!(press("*6", Duration::from_millis(3001)), "..");
    }

    #[test]
    fn foreign_characters_are_no_keys() {
        assert_eq!(
            press("٦٦６６A\u{0}B", Duration::from_millis(300)),
            "......."
        );
    }
}
