//! The dialogue of one call before admission: a dial-in code, typed digit by digit.
//!
//! ```text
//!               complete        verdict: right                    Leave
//!   Collecting ─────────▶ Judging ───────────▶ Done     Goodbye ────────▶ Done
//!     ▲  │ ▲               │  │                           ▲ ▲
//!     │  └─┘ * # 0 silence │  └─ third wrong, fault ──────┘ │
//!     └────────────────────┘                                │
//!     │      wrong                                          │
//!     └──────────────────────── too many silences, too long ┘
//! ```
//!
//! A code is a room's number and a PIN. A number's length follows from its first digit, so a code is complete at its last
//! digit without the machine knowing which rooms exist. A pairing code, by which a telephone becomes the sound of a page, may
//! stand in its place: its first two digits begin no number, so it is complete at its sixth. Where the PIN alone is asked for,
//! which may begin with any digits, it is ended by `#`.
//!
//! Every code is judged alike: the same check, the same words, at the
//! same time after the last key. Keys interrupt prompts. A `#` after a number or a code is a habit and swallowed.
//!
//! A `*` begins anew. Where the other language has just been offered and nothing was typed since there is nothing to begin
//! anew: then it takes that language. No code begins with it, and it is the key that callers know from the words already.

use std::{collections::VecDeque, fmt, time::Instant};

use zeroize::Zeroize;

use crate::{
    conference::{
        event::{Asked, Clip, Event},
        privacy::Facts,
    },
    limit::{
        ADMISSION_TIMEOUT, PROMPT_TIMEOUT, SILENCE, SILENCES_MAX, TRIES_MAX, VERDICT_DELAY,
        VERDICT_TIMEOUT,
    },
    pii::Secret,
};

/// Digits of a PIN.
pub const PIN_LENGTH: usize = 8;

/// Digits of the longest room number.
const NUMBER_LENGTH_MAX: usize = 6;

/// Returns how many digits a room number has that begins with this one; `None` where none begins.
pub const fn number_length(first: char) -> Option<usize> {
    match first {
        '1'..='7' => Some(4),
        '8' => Some(5),
        '9' => Some(NUMBER_LENGTH_MAX),
        _ => None,
    }
}

/// Digits of a pairing code.
pub const PAIRING_LENGTH: usize = 6;

/// Tells whether digits begin a pairing code, and so no room number: 95 to 98.
///
/// 99 begins neither, for twice the nine is a key of its own while the help is spoken, after which codes are typed, too.
pub fn begins_pairing(digits: &str) -> bool {
    let mut digits = digits.chars();
    digits.next() == Some('9') && matches!(digits.next(), Some('5'..='8'))
}

/// How a call comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// To the dial-in number: the caller types the whole code.
    Code,
    /// To a room's number: the caller types the PIN alone.
    PinFor {
        /// The number.
        number: Secret<String>,
    },
}

/// What the dialogue asks of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Play the event's clips instead of what is playing, and report [`Ivr::handle_played`] at their end.
    Say(Event),
    /// Speak the other language from here on.
    ChangeLanguage,
    /// Stop playing.
    Hush,
    /// Look the code up and report [`Ivr::handle_verdict`] or [`Ivr::handle_fault`].
    Check {
        /// The room's number.
        number: Secret<String>,
        /// The PIN.
        pin: Secret<String>,
    },
    /// The same for a pairing code.
    CheckPairing {
        /// The code.
        code: Secret<String>,
    },
    /// The code is right: let the caller in, with what the check found. Nothing follows.
    Admit,
    /// End the call. Nothing follows.
    Leave,
}

/// The dialogue of one call.
#[derive(Debug)]
pub struct Ivr {
    entry: Entry,
    facts: Facts,
    offers_language: bool,
    state: State,
    tries: u32,
    deadline: Instant,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
enum State {
    /// Digits come in.
    Collecting {
        typed: Typed,
        playing: bool,
        silences: u32,
        until: Instant,
        /// The help was asked for, and privacy in full is one key further.
        helped: bool,
        /// The other language was offered, and nothing typed since.
        offered: bool,
    },
    /// The code is complete; the check runs.
    Judging(Judging),
    /// A last prompt plays.
    Goodbye { until: Instant },
    /// It is over.
    Done,
}

#[derive(Debug)]
struct Judging {
    last_key: Instant,
    fault_at: Instant,
    /// More digits came than a code has.
    too_long: bool,
    verdict: Option<(bool, Instant)>,
}

impl Ivr {
    /// Begins the dialogue with the greeting, which may offer the other language; the facts are what is said of privacy.
    pub fn new(entry: Entry, facts: Facts, offers_language: bool, now: Instant) -> Self {
        let mut ivr = Self {
            entry,
            facts,
            offers_language,
            state: State::Done,
            tries: 0,
            deadline: now + ADMISSION_TIMEOUT,
            effects: VecDeque::new(),
        };
        let asked = ivr.asked();
        let greeting = Event::Greeting {
            asked,
            offers_language,
        };
        ivr.collect(greeting, now);
        ivr
    }

    /// Takes a key press. What is no key of a telephone is ignored.
    pub fn handle_digit(&mut self, digit: char, now: Instant) {
        match &mut self.state {
            State::Collecting { .. } => match digit {
                '0'..='9' => self.collect_digit(digit, now),
                '*' => self.collect_star(now),
                '#' => self.collect_pound(now),
                _ => {}
            },
            State::Judging(judging) if digit.is_ascii_digit() => {
                judging.too_long = true;
                judging.last_key = now;
            }
            State::Judging(_) | State::Goodbye { .. } | State::Done => {}
        }
    }

    /// Takes the report that the last [`Effect::Say`] was played to its end.
    pub fn handle_played(&mut self, now: Instant) {
        match &mut self.state {
            State::Collecting { playing, until, .. } => {
                if std::mem::take(playing) {
                    *until = now + SILENCE;
                }
            }
            State::Goodbye { .. } => self.leave(),
            State::Judging(_) | State::Done => {}
        }
    }

    /// Takes the answer to [`Effect::Check`]; it takes effect when its time has come.
    pub fn handle_verdict(&mut self, right: bool, now: Instant) {
        if let State::Judging(judging) = &mut self.state {
            judging.verdict.get_or_insert((right, now));
        }
    }

    /// Takes the report that [`Effect::Check`] could not be answered.
    pub fn handle_fault(&mut self, now: Instant) {
        if matches!(self.state, State::Judging(_)) {
            self.say_goodbye(Event::Fault, now);
        }
    }

    /// Lets deadlines pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        match &mut self.state {
            State::Goodbye { .. } => self.leave(),
            State::Judging(judging) => match judging.release() {
                Some((right, due)) if due <= now => self.judge(right, now),
                _ => self.say_goodbye(Event::Fault, now),
            },
            State::Collecting { .. } if self.deadline <= now => {
                self.say_goodbye(Event::TooLongSilent, now)
            }
            State::Collecting { .. } => self.collect_silence(now),
            State::Done => {}
        }
    }

    /// Returns the next effect, until there is none.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Returns when [`Ivr::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Collecting { until, .. } => Some(self.deadline.min(*until)),
            State::Judging(judging) => Some(
                judging
                    .release()
                    .map_or(judging.fault_at, |(_, due)| due.min(judging.fault_at)),
            ),
            State::Goodbye { until } => Some(*until),
            State::Done => None,
        }
    }

    const fn asked(&self) -> Asked {
        match self.entry {
            Entry::Code => Asked::Code,
            Entry::PinFor { .. } => Asked::Pin,
        }
    }

    /// Says something and waits for a code from its first digit on.
    fn collect(&mut self, event: Event, now: Instant) {
        self.effects.push_back(Effect::Say(event));
        self.state = State::Collecting {
            typed: Typed::new(),
            playing: true,
            silences: 0,
            until: now + PROMPT_TIMEOUT + SILENCE,
            helped: event == Event::AdmissionHelp,
            offered: event.clips().contains(&Clip::THIS_LANGUAGE),
        };
    }

    const fn privacy(&self) -> Event {
        Event::PrivacyInFull {
            facts: self.facts,
            asked: Some(self.asked()),
        }
    }

    fn collect_digit(&mut self, digit: char, now: Instant) {
        let (asked, privacy) = (self.asked(), self.privacy());
        let State::Collecting {
            typed,
            playing,
            silences,
            until,
            helped,
            offered,
        } = &mut self.state
        else {
            return;
        };
        if asked == Asked::Code && digit == '0' && typed.as_str().is_empty() {
            let said = if *helped {
                privacy
            } else {
                Event::AdmissionHelp
            };
            self.collect(said, now);
            return;
        }
        typed.push(digit);
        *offered = false;
        *silences = 0;
        *until = now + SILENCE;
        if std::mem::take(playing) {
            self.effects.push_back(Effect::Hush);
        }
        let number_length = typed.number_length(asked);
        if asked == Asked::Code && typed.is_pairing() {
            self.check_pairing(now);
        } else if typed.as_str().len() == number_length + PIN_LENGTH {
            self.check(number_length, now);
        }
    }

    fn check(&mut self, number_length: usize, now: Instant) {
        let State::Collecting { typed, .. } = &self.state else {
            return;
        };
        let (number, pin) = typed.as_str().split_at(number_length);
        let number = match &self.entry {
            Entry::Code => Secret::new(number.to_owned()),
            Entry::PinFor { number } => number.clone(),
        };
        let pin = Secret::new(pin.to_owned());
        self.effects.push_back(Effect::Check { number, pin });
        self.await_verdict(now);
    }

    fn check_pairing(&mut self, now: Instant) {
        let State::Collecting { typed, .. } = &self.state else {
            return;
        };
        let code = Secret::new(typed.as_str().to_owned());
        self.effects.push_back(Effect::CheckPairing { code });
        self.await_verdict(now);
    }

    fn await_verdict(&mut self, now: Instant) {
        self.state = State::Judging(Judging {
            last_key: now,
            fault_at: now + VERDICT_TIMEOUT,
            too_long: false,
            verdict: None,
        });
    }

    fn collect_star(&mut self, now: Instant) {
        let asked = self.asked();
        if matches!(self.state, State::Collecting { offered: true, .. }) {
            self.effects.push_back(Effect::ChangeLanguage);
            self.collect(Event::LanguageTaken { asked }, now);
        } else {
            self.collect(Event::Ask { asked }, now);
        }
    }

    /// A `#` ends nothing that its digits have not ended: after nothing and after a whole number it is swallowed.
    fn collect_pound(&mut self, now: Instant) {
        let asked = self.asked();
        let State::Collecting { typed, .. } = &self.state else {
            return;
        };
        let length = typed.as_str().len();
        if typed.is_pairing() {
            self.check_pairing(now);
        } else if length != 0 && length != typed.number_length(asked) {
            self.collect(Event::TooShort { asked }, now);
        }
    }

    fn collect_silence(&mut self, now: Instant) {
        let (asked, privacy) = (self.asked(), self.privacy());
        let State::Collecting {
            typed,
            playing,
            silences,
            until,
            offered,
            ..
        } = &mut self.state
        else {
            return;
        };
        *silences += 1;
        if *silences >= SILENCES_MAX {
            self.say_goodbye(Event::TooLongSilent, now);
            return;
        }
        *playing = true;
        *until = now + PROMPT_TIMEOUT + SILENCE;
        // A PIN may begin with 0, so it is waiting that leads on: to the help, and then to privacy in full.
        let said = match (asked, *silences) {
            (Asked::Pin, 2) => privacy,
            (Asked::Pin | Asked::Code, _) => Event::TakeYourTime {
                asked,
                offers_language: self.offers_language && typed.as_str().is_empty(),
            },
        };
        *offered = said.clips().contains(&Clip::THIS_LANGUAGE);
        self.effects.push_back(Effect::Say(said));
    }

    fn judge(&mut self, right: bool, now: Instant) {
        if right {
            self.effects.push_back(Effect::Admit);
            self.state = State::Done;
            return;
        }
        self.tries += 1;
        if self.tries >= TRIES_MAX {
            self.say_goodbye(Event::TooManyTries, now);
        } else {
            self.collect(
                Event::WrongCode {
                    asked: self.asked(),
                },
                now,
            );
        }
    }

    fn say_goodbye(&mut self, event: Event, now: Instant) {
        self.effects.push_back(Effect::Say(event));
        self.state = State::Goodbye {
            until: now + PROMPT_TIMEOUT,
        };
    }

    fn leave(&mut self) {
        self.effects.push_back(Effect::Leave);
        self.state = State::Done;
    }
}

impl Judging {
    /// Returns the verdict and when it takes effect: at the first multiple of the delay after the last key.
    fn release(&self) -> Option<(bool, Instant)> {
        let (right, at) = self.verdict?;
        let taken = at.saturating_duration_since(self.last_key);
        let delays = taken.as_nanos().div_ceil(VERDICT_DELAY.as_nanos()).max(1);
        let delay = VERDICT_DELAY * u32::try_from(delays).unwrap_or(u32::MAX);
        Some((right && !self.too_long, self.last_key + delay))
    }
}

/// Digits typed so far: wiped when dropped, never printed.
struct Typed(String);

impl Typed {
    /// Holds a whole code without growing, so that no copy is left behind.
    fn new() -> Self {
        Self(String::with_capacity(NUMBER_LENGTH_MAX + PIN_LENGTH))
    }

    fn push(&mut self, digit: char) {
        self.0.push(digit);
    }

    fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether they are a pairing code.
    fn is_pairing(&self) -> bool {
        self.0.len() == PAIRING_LENGTH && begins_pairing(&self.0)
    }

    /// Returns how many of the digits are a room's number.
    fn number_length(&self, asked: Asked) -> usize {
        match asked {
            Asked::Code => self.0.chars().next().and_then(number_length).unwrap_or(0),
            Asked::Pin => 0,
        }
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Typed(‹redacted›)")
    }
}

#[cfg(test)]
mod tests;
