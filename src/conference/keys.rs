//! What a telephone's keys mean in a conference.
//!
//! ```text
//!          66 99 55 00 (the same key twice within 3 s)
//!   Idle ───────────────────────────────────────────────▶ microphone, hand, who is here, help
//!    │ *          6 9 5 0                 ▲
//!    ├───▶ Star ──────────────────────────┘
//!    │      │ 0, 00 ──▶ help, and Menu: 1 language · 2 more time · 3 shorter words · 4 privacy, 4 again in full
//!    │      │                           └ 9 and 5 to 8 ──▶ Pairing: the other four digits of a pairing code
//!    │      │ 7 ──▶ Volume: 2 8 the others, 6 4 the own voice; any other key ends it
//!    │      │ 8 ──▶ Moderator: 1 mute all · 2 lock · 4 remove the last guest · 5 next hand · 6 entry tones · 9 ──▶ ConfirmEnd: 1
//!    │      │        └ 3 ──▶ Deciding about who waits: 1 let in · 4 talk · 3 the next · 0 again · 2 ──▶ Refusing: 1 2 3
//!    │      └ 6 s without a key: "which key?", once, and 6 s more
//! ```
//!
//! These are the usual keys; which ones an installation has stands in its [`KeyPlan`]. The keys of menus are always the same.
//!
//! While the help is spoken, and some time after it, 1 to 4 are its menu; all other keys mean what they always mean, so that
//! what was just explained can be tried at once. A pairing code is typed there, too: twice the nine begins none. In no menu does a star belong to it: who presses one begins something else.
//!
//! `*1` to `*4`, `**`, `##` and `*#` mean nothing here: callers' own exchanges take them for themselves. A single key,
//! pressed by a cheek or by mistake, does nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    conference::{
        ivr::begins_pairing,
        keyplan::{Control, KeyPlan, Sequence},
        pairing::PairingDigits,
        policy::Reason,
    },
    limit::{
        DECIDE_KEY, DOUBLE_PRESS, HELP_KEY, MENU_KEY, MENU_KEY_SLOW, PAIRING_KEY, STAR_KEY,
        STAR_KEY_SLOW,
    },
};

/// What a caller asks for by keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Switch the microphone.
    ToggleMicrophone,
    /// Raise the hand, or lower it.
    ToggleHand,
    /// Say who is here.
    WhoIsHere,
    /// Speak the help.
    Help,
    /// Speak another language, one after the other.
    NextLanguage,
    /// Give more time for keys, or the usual time again.
    TogglePace,
    /// Say things in fewer words, or in all again, one way after the other.
    NextLength,
    /// Say in short what happens with their data.
    Privacy,
    /// Say it in full.
    PrivacyInFull,
    /// Say how the volume is changed.
    Volume,
    /// Hear the others louder or softer, in steps.
    Hear(i8),
    /// Be heard louder or softer, in steps.
    BeHeard(i8),
    /// Have the keys mean what they meant before.
    Back,
    /// Mute everybody.
    MuteAll,
    /// Lock the conference, or open it.
    ToggleLock,
    /// Let people ask to speak; give the floor to the next.
    NextHand,
    /// Say who waits.
    HearWaiting,
    /// Say who waits next.
    HearNextWaiting,
    /// Let in the one that was said last.
    AdmitHeard,
    /// Talk with the one that was said last, or end the talk.
    TalkWithHeard,
    /// Ask for the reason to turn away the one that was said last.
    AskReason,
    /// Turn them away.
    TurnAwayHeard(Reason),
    /// Send the guest away who came in last.
    RemoveLast,
    /// Have something else be heard of people who come and go.
    NextEntrySignal,
    /// Ask whether the conference is to end.
    AskEnd,
    /// End the conference for all.
    End,
    /// Let it go on.
    GoOn,
    /// Ask which key was meant.
    Which,
    /// Say that the key means nothing.
    Unknown,
    /// Be the sound of the page that had shown this code: its digits after the nine.
    Pair(PairingDigits),
}

/// Recognises what the keys of one telephone ask for.
#[derive(Debug, Clone, Default)]
pub struct Keypad {
    plan: Arc<KeyPlan>,
    state: State,
    slow: bool,
}

/// What the keys before mean for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Idle,
    /// A digit that counts if it comes again.
    Once(char, Instant),
    /// A star, and what followed.
    Star {
        typed: Sequence,
        until: Instant,
        /// It was asked which key is meant.
        asked: bool,
    },
    Volume(Instant),
    /// What belongs to the help.
    Menu {
        until: Instant,
        /// What was said of privacy is to be said in full when it is asked for again.
        privacy: bool,
    },
    /// A nine after the help: half of a double key, or the beginning of a pairing code.
    MenuNine(Instant, Instant),
    /// A pairing code, of which this was typed.
    Pairing(PairingDigits, Instant),
    /// About somebody who waits.
    Deciding(Instant),
    /// Why somebody who waits is turned away.
    Refusing(Instant),
    ConfirmEnd(Instant),
}

impl Keypad {
    /// Makes a keypad on which nothing was pressed.
    pub fn new(plan: Arc<KeyPlan>) -> Self {
        Self {
            plan,
            state: State::Idle,
            slow: false,
        }
    }

    /// Tells whether there is more time for keys.
    pub const fn is_slow(&self) -> bool {
        self.slow
    }

    /// Gives more time for keys, or the usual time.
    pub const fn set_slow(&mut self, slow: bool) {
        self.slow = slow;
    }

    /// Forgets the keys that were pressed.
    pub const fn reset(&mut self) {
        self.state = State::Idle;
    }

    /// Ends a menu about somebody who waits: there is nobody.
    pub const fn end_decision(&mut self) {
        if matches!(self.state, State::Deciding(_) | State::Refusing(_)) {
            self.state = State::Idle;
        }
    }

    /// Takes a key press; returns what it asks for, if it completes something. What is no key of a telephone is ignored.
    pub fn handle_digit(&mut self, digit: char, now: Instant) -> Option<Key> {
        if !matches!(digit, '0'..='9' | '*' | '#') {
            return None;
        }
        let late = self.poll_timeout().is_some_and(|until| until < now);
        let state = std::mem::take(&mut self.state);
        match state {
            State::Menu { until, .. } if !late && digit == '9' => {
                self.state = State::MenuNine(now, until);
                None
            }
            State::MenuNine(..) if !late && begins_pairing(&format!("9{digit}")) => {
                self.pair(PairingDigits::default(), digit, now)
            }
            State::Pairing(typed, _) if !late && digit.is_ascii_digit() => {
                self.pair(typed, digit, now)
            }
            State::Pairing(..) if !late && digit == '#' => Some(Key::Unknown),
            State::MenuNine(at, _) | State::Once('9', at)
                if digit == '9' && now.saturating_duration_since(at) <= DOUBLE_PRESS =>
            {
                self.double(digit, now)
            }
            State::Once(first, at)
                if first == digit && now.saturating_duration_since(at) <= DOUBLE_PRESS =>
            {
                self.double(digit, now)
            }
            State::Star { typed, .. } if !late => self.after_star(typed, digit, now),
            // No menu knows a star: it begins something else, and whatever the menu was about is left as it is.
            State::Volume(_) | State::Deciding(_) | State::Refusing(_) | State::Pairing(..)
                if digit == '*' =>
            {
                self.begin(digit, now)
            }
            State::Volume(_) if !late => Some(self.turn(digit, now)),
            State::Menu { privacy, .. } if !late => self.choose(digit, privacy, now),
            State::Deciding(_) if !late => Some(self.decide(digit, now)),
            State::Refusing(_) if !late => Some(refuse(digit)),
            State::ConfirmEnd(_) if !late => Some(self.confirm(digit, now)),
            State::Idle
            | State::Once(..)
            | State::Star { .. }
            | State::Volume(_)
            | State::Menu { .. }
            | State::MenuNine(..)
            | State::Pairing(..)
            | State::Deciding(_)
            | State::Refusing(_)
            | State::ConfirmEnd(_) => self.begin(digit, now),
        }
    }

    /// Tells whether a key belongs to what was pressed before, or to a menu.
    pub const fn awaits(&self, digit: char) -> bool {
        match self.state {
            State::Idle => false,
            State::Once(first, _) => first == digit,
            // All other keys than those of the help's menu mean what they always mean.
            State::Menu { .. } => matches!(digit, '1'..='4' | '#'),
            State::MenuNine(..) => matches!(digit, '5'..='9'),
            State::Pairing(..)
            | State::Star { .. }
            | State::Volume(_)
            | State::Deciding(_)
            | State::Refusing(_)
            | State::ConfirmEnd(_) => true,
        }
    }

    /// Takes the report that what was asked for has been said to its end: the time of a menu begins.
    pub fn handle_played(&mut self, now: Instant) {
        let until = now + self.menu_time();
        match &mut self.state {
            State::Volume(at) | State::Menu { until: at, .. } => *at = until,
            State::Idle
            | State::Once(..)
            | State::Star { .. }
            | State::MenuNine(..)
            | State::Pairing(..)
            | State::Deciding(_)
            | State::Refusing(_)
            | State::ConfirmEnd(_) => {}
        }
    }

    /// Lets a deadline pass; returns what is to be said of it.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Key> {
        if self.poll_timeout().is_none_or(|until| now < until) {
            return None;
        }
        let until = now + self.star_time();
        let (state, key) = match self.state {
            State::Star {
                typed,
                asked: false,
                ..
            } => {
                let asked = true;
                let star = State::Star {
                    typed,
                    until,
                    asked,
                };
                (star, Some(Key::Which))
            }
            State::ConfirmEnd(_) => (State::Idle, Some(Key::GoOn)),
            State::Pairing(..) => (State::Idle, Some(Key::Unknown)),
            State::Idle
            | State::Once(..)
            | State::Star { .. }
            | State::Volume(_)
            | State::Menu { .. }
            | State::MenuNine(..)
            | State::Deciding(_)
            | State::Refusing(_) => (State::Idle, None),
        };
        self.state = state;
        key
    }

    /// Returns when [`Self::handle_timeout`] is due.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle | State::Once(..) => None,
            State::Star { until, .. }
            | State::Volume(until)
            | State::Menu { until, .. }
            | State::MenuNine(_, until)
            | State::Pairing(_, until)
            | State::Deciding(until)
            | State::Refusing(until)
            | State::ConfirmEnd(until) => Some(until),
        }
    }

    const fn star_time(&self) -> Duration {
        if self.slow { STAR_KEY_SLOW } else { STAR_KEY }
    }

    const fn menu_time(&self) -> Duration {
        if self.slow { MENU_KEY_SLOW } else { MENU_KEY }
    }

    /// Takes a key before which nothing counts.
    fn begin(&mut self, digit: char, now: Instant) -> Option<Key> {
        self.state = match digit {
            '*' => self.star(Sequence::STAR, now),
            _ => State::Once(digit, now),
        };
        None
    }

    fn star(&self, typed: Sequence, now: Instant) -> State {
        State::Star {
            typed,
            until: now + self.star_time(),
            asked: false,
        }
    }

    /// Takes a digit of a pairing code; asks for what it stands for when it is whole.
    fn pair(&mut self, mut typed: PairingDigits, digit: char, now: Instant) -> Option<Key> {
        if typed.push(digit) {
            return Some(Key::Pair(typed));
        }
        self.state = State::Pairing(typed, now + PAIRING_KEY);
        None
    }

    /// What a digit means twice in a row.
    fn double(&mut self, digit: char, now: Instant) -> Option<Key> {
        let control = self.plan.control(&Sequence::twice(digit))?;
        Some(self.ask(control, now))
    }

    /// Asks for something, and begins the menu that belongs to it.
    fn ask(&mut self, control: Control, now: Instant) -> Key {
        let (state, key) = match control {
            Control::Microphone => (State::Idle, Key::ToggleMicrophone),
            Control::Hand => (State::Idle, Key::ToggleHand),
            Control::WhoIsHere => (State::Idle, Key::WhoIsHere),
            Control::Help => {
                let menu = State::Menu {
                    until: now + HELP_KEY,
                    privacy: false,
                };
                (menu, Key::Help)
            }
            Control::Volume => (State::Volume(now + self.menu_time()), Key::Volume),
            Control::MuteAll => (State::Idle, Key::MuteAll),
            Control::Lock => (State::Idle, Key::ToggleLock),
            Control::Waiting => (State::Deciding(now + DECIDE_KEY), Key::HearWaiting),
            Control::RemoveLast => (State::Idle, Key::RemoveLast),
            Control::NextHand => (State::Idle, Key::NextHand),
            Control::EntrySignal => (State::Idle, Key::NextEntrySignal),
            Control::End => (State::ConfirmEnd(now + self.menu_time()), Key::AskEnd),
        };
        self.state = state;
        key
    }

    /// What a digit means in the menu that belongs to the help.
    fn choose(&mut self, digit: char, privacy: bool, now: Instant) -> Option<Key> {
        let key = match digit {
            '1' => Key::NextLanguage,
            '2' => Key::TogglePace,
            '3' => Key::NextLength,
            '4' if privacy => Key::PrivacyInFull,
            '4' => Key::Privacy,
            '#' => return Some(Key::Back),
            _ => return self.begin(digit, now),
        };
        self.state = State::Menu {
            until: now + HELP_KEY,
            privacy: key == Key::Privacy,
        };
        Some(key)
    }

    fn after_star(&mut self, typed: Sequence, digit: char, now: Instant) -> Option<Key> {
        if digit == '*' {
            return self.begin(digit, now);
        }
        let next = typed.with(digit).filter(|next| self.plan.begins(next));
        match next {
            Some(next) => match self.plan.control(&next) {
                Some(control) => Some(self.ask(control, now)),
                None => {
                    self.state = self.star(next, now);
                    None
                }
            },
            // What an exchange may have meant for itself; nobody needs to hear of it.
            None if typed == Sequence::STAR && matches!(digit, '#' | '1'..='4') => None,
            None => Some(Key::Unknown),
        }
    }

    /// What a digit means after the question whether the conference is to end.
    fn confirm(&mut self, digit: char, now: Instant) -> Key {
        if digit == '*' {
            self.begin(digit, now);
        }
        if digit == '1' { Key::End } else { Key::GoOn }
    }

    fn turn(&mut self, digit: char, now: Instant) -> Key {
        let key = match digit {
            '2' => Key::Hear(1),
            '8' => Key::Hear(-1),
            '6' => Key::BeHeard(1),
            '4' => Key::BeHeard(-1),
            _ => return Key::Back,
        };
        self.state = State::Volume(now + self.menu_time());
        key
    }

    fn decide(&mut self, digit: char, now: Instant) -> Key {
        let until = now + DECIDE_KEY;
        let (state, key) = match digit {
            '1' => (State::Idle, Key::AdmitHeard),
            '2' => (State::Refusing(until), Key::AskReason),
            '3' => (State::Deciding(until), Key::HearNextWaiting),
            '4' => (State::Idle, Key::TalkWithHeard),
            '0' => (State::Deciding(until), Key::HearWaiting),
            _ => (State::Idle, Key::Back),
        };
        self.state = state;
        key
    }
}

/// What a digit means after the question for the reason.
const fn refuse(digit: char) -> Key {
    match digit {
        '1' => Key::TurnAwayHeard(Reason::NotExpected),
        '2' => Key::TurnAwayHeard(Reason::NoPlace),
        '3' => Key::TurnAwayHeard(Reason::ComeLater),
        _ => Key::Back,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::pii::Secret;

    #[test]
    fn a_pairing_code_is_typed_after_the_help_and_twice_the_nine_is_the_hand() {
        let now = t0();
        let press = |keypad: &mut Keypad, keys: &str, now| {
            let pressed = keys.chars().map(|key| keypad.handle_digit(key, now));
            pressed.last().flatten()
        };
        for help in ["*0", "00"] {
            let mut keypad = Keypad::default();
            press(&mut keypad, help, now);
            let Some(Key::Pair(typed)) = press(&mut keypad, "951284", now) else {
                panic!("no code: {keypad:?}");
            };
            assert_eq!(typed.code(), Secret::new("951284".to_owned()));
            assert!(!format!("{typed:?}").contains("1284"));
            press(&mut keypad, help, now);
            assert_eq!(press(&mut keypad, "99", now), Some(Key::ToggleHand));
        }
        // Without the help these are other keys, and a code that is given up stands in nobody's way.
        let mut keypad = Keypad::default();
        assert_eq!(press(&mut keypad, "951284", now), None);
        press(&mut keypad, "*09512", now);
        let late = now + PAIRING_KEY;
        assert_eq!(keypad.poll_timeout(), Some(late));
        assert_eq!(keypad.handle_timeout(late), Some(Key::Unknown));
        assert_eq!(press(&mut keypad, "66", late), Some(Key::ToggleMicrophone));
        press(&mut keypad, "*09512", now);
        assert_eq!(press(&mut keypad, "*6", now), Some(Key::ToggleMicrophone));
    }

    #[test]
    fn a_key_belongs_to_what_was_pressed_before() {
        for (keys, digit, awaited) in [
            ("", '1', false),
            ("6", '1', false),
            ("1", '1', true),
            ("*", '1', true),
            ("*7", '1', true),
            ("00", '1', true),
            ("00", '6', false),
            ("66", '1', false),
        ] {
            let mut keypad = Keypad::default();
            let now = t0();
            for key in keys.chars() {
                keypad.handle_digit(key, now);
            }
            assert_eq!(keypad.awaits(digit), awaited, "{keys} {digit}");
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    const FAST: Duration = Duration::from_millis(150);
    const SLOW: Duration = Duration::from_millis(2_900);

    /// Presses keys with a pause between them, then waits until nothing is asked any more; returns what was asked for, in order.
    fn press(keys: &str, pause: Duration) -> String {
        press_on(Keypad::default(), keys, pause)
    }

    fn press_on(mut keypad: Keypad, keys: &str, pause: Duration) -> String {
        let mut now = t0();
        let mut asked = String::new();
        let mut note = |key: Option<Key>| {
            if let Some(key) = key {
                write!(asked, "{key:?} ").unwrap();
            }
        };
        for digit in keys.chars() {
            pass(&mut keypad, &mut now, pause, &mut note);
            note(keypad.handle_digit(digit, now));
        }
        pass(&mut keypad, &mut now, Duration::from_secs(61), &mut note);
        assert_eq!(keypad.poll_timeout(), None, "{keys}");
        asked.trim_end().to_owned()
    }

    fn pass(
        keypad: &mut Keypad,
        now: &mut Instant,
        time: Duration,
        note: &mut impl FnMut(Option<Key>),
    ) {
        let until = *now + time;
        while let Some(at) = keypad.poll_timeout().filter(|at| *at < until) {
            note(keypad.handle_timeout(at));
        }
        *now = until;
    }

    #[test]
    fn every_key_fast_and_slow() {
        for (keys, expected) in [
            ("66", "ToggleMicrophone"),
            ("*6", "ToggleMicrophone"),
            ("99", "ToggleHand"),
            ("*9", "ToggleHand"),
            ("55", "WhoIsHere"),
            ("*5", "WhoIsHere"),
            ("00", "Help"),
            ("*0", "Help"),
            ("*01", "Help NextLanguage"),
            (
                "001123",
                "Help NextLanguage NextLanguage TogglePace NextLength",
            ),
            ("*0444", "Help Privacy PrivacyInFull Privacy"),
            ("*0434", "Help Privacy NextLength Privacy"),
            ("*0#1", "Help Back"),
            ("*7#", "Volume Back"),
            (
                "*72286641",
                "Volume Hear(1) Hear(1) Hear(-1) BeHeard(1) BeHeard(1) BeHeard(-1) Back",
            ),
            ("*81", "MuteAll"),
            ("*82", "ToggleLock"),
            ("*831", "HearWaiting AdmitHeard"),
            ("*8331", "HearWaiting HearNextWaiting AdmitHeard"),
            ("*8300#", "HearWaiting HearWaiting HearWaiting Back"),
            ("*83", "HearWaiting"),
            ("*83466", "HearWaiting TalkWithHeard ToggleMicrophone"),
            ("*8321", "HearWaiting AskReason TurnAwayHeard(NotExpected)"),
            ("*8322", "HearWaiting AskReason TurnAwayHeard(NoPlace)"),
            ("*8323", "HearWaiting AskReason TurnAwayHeard(ComeLater)"),
            ("*832#", "HearWaiting AskReason Back"),
            ("*84", "RemoveLast"),
            ("*85", "NextHand"),
            ("*86", "NextEntrySignal"),
            ("*891", "AskEnd End"),
            ("*896", "AskEnd GoOn"),
            ("*89", "AskEnd GoOn"),
            // A star begins anew, wherever it comes.
            ("*7*6", "Volume ToggleMicrophone"),
            ("*72*6", "Volume Hear(1) ToggleMicrophone"),
            ("*83*6", "HearWaiting ToggleMicrophone"),
            ("*83*81", "HearWaiting MuteAll"),
            ("*832*6", "HearWaiting AskReason ToggleMicrophone"),
            ("*89*6", "AskEnd GoOn ToggleMicrophone"),
            ("*89*891", "AskEnd GoOn AskEnd End"),
            ("*0*6", "Help ToggleMicrophone"),
        ] {
            for pause in [FAST, SLOW] {
                assert_eq!(press(keys, pause), expected, "{keys} every {pause:?}");
            }
        }
    }

    #[test]
    fn a_third_press_begins_a_pair_of_its_own() {
        assert_eq!(
            press("666666", FAST),
            "ToggleMicrophone ToggleMicrophone ToggleMicrophone"
        );
        assert_eq!(press("66 6", FAST), "ToggleMicrophone");
    }

    #[test]
    fn presses_of_different_keys_are_no_pair() {
        assert_eq!(press("60606#6#7706#6", FAST), "");
    }

    #[test]
    fn the_second_press_has_three_seconds() {
        assert_eq!(press("66", Duration::from_secs(3)), "ToggleMicrophone");
        assert_eq!(press("66", Duration::from_millis(3_001)), "");
        assert_eq!(press("666", Duration::from_millis(3_001)), "");
    }

    #[test]
    fn after_a_star_there_are_six_seconds_and_then_it_is_asked_once() {
        assert_eq!(
            press("*6", Duration::from_millis(6_000)),
            "ToggleMicrophone"
        );
        assert_eq!(press("*", FAST), "Which");
        // The answer to the question.
        assert_eq!(
            press("*6", Duration::from_millis(6_001)),
            "Which ToggleMicrophone"
        );
        assert_eq!(press("*6", Duration::from_millis(12_001)), "Which");
        assert_eq!(press("*8", FAST), "Which");
        assert_eq!(
            press("*81", Duration::from_millis(6_001)),
            "Which Which MuteAll"
        );
    }

    /// Keys that exchanges take for themselves, and those that mean nothing.
    #[test]
    fn what_exchanges_intercept_does_nothing() {
        for keys in [
            "#", "##", "*#", "*1", "*2", "*3", "*4", "1", "11", "22", "88", "77",
        ] {
            assert_eq!(press(keys, FAST), "", "{keys}");
        }
        assert_eq!(press("**6", FAST), "ToggleMicrophone");
        assert_eq!(press("*8*6", FAST), "ToggleMicrophone");
        for keys in ["*80", "*87", "*8#"] {
            assert_eq!(press(keys, FAST), "Unknown", "{keys}");
        }
    }

    #[test]
    fn menus_end_by_themselves() {
        assert_eq!(press("*766", Duration::from_millis(10_001)), "Which Volume");
        assert_eq!(press("*7", FAST), "Volume");
    }

    #[test]
    fn what_the_help_explains_can_be_tried_at_once() {
        assert_eq!(press("0066", FAST), "Help ToggleMicrophone");
        assert_eq!(press("00*6", FAST), "Help ToggleMicrophone");
        assert_eq!(press("0000", FAST), "Help Help");
        // The first of the two has left the menu.
        assert_eq!(press("0061", FAST), "Help");
        assert_eq!(press("0078", FAST), "Help");
    }

    /// The menu's time begins when the words are over, however long they took.
    #[test]
    fn the_menu_of_the_help_waits_for_the_end_of_its_words() {
        let menu = |words: u64, wait: u64| {
            let mut keypad = Keypad::default();
            let now = t0();
            for digit in "*0".chars() {
                keypad.handle_digit(digit, now);
            }
            let said = now + Duration::from_secs(words);
            keypad.handle_played(said);
            let at = said + Duration::from_secs(wait);
            keypad.handle_digit('1', at)
        };
        assert_eq!(menu(40, 10), Some(Key::NextLanguage));
        assert_eq!(menu(40, 11), None);
        assert_eq!(menu(2, 11), None);
    }

    #[test]
    fn who_asked_for_more_time_has_it() {
        let slowly = |keys, seconds, millis| {
            let mut keypad = Keypad::default();
            keypad.set_slow(true);
            let pause = Duration::from_secs(seconds) + Duration::from_millis(millis);
            press_on(keypad, keys, pause)
        };
        assert_eq!(slowly("*6", 10, 0), "ToggleMicrophone");
        assert_eq!(slowly("*81", 10, 0), "MuteAll");
        assert_eq!(slowly("*6", 10, 1), "Which ToggleMicrophone");
        assert_eq!(slowly("*72", 10, 0), "Volume Hear(1)");
        assert_eq!(slowly("*722", 10, 1), "Which Volume Hear(1) Hear(1)");
    }

    /// WCAG 2.2.1: a decision has time.
    #[test]
    fn who_decides_has_half_a_minute() {
        let keypad = |wait: u64| {
            let mut keypad = Keypad::default();
            let now = t0();
            for digit in "*83".chars() {
                keypad.handle_digit(digit, now);
            }
            keypad.handle_digit('1', now + Duration::from_secs(wait))
        };
        assert_eq!(keypad(30), Some(Key::AdmitHeard));
        assert_eq!(keypad(31), None);
    }

    #[test]
    fn a_decision_about_nobody_is_over() {
        let mut keypad = Keypad::default();
        for digit in "*83".chars() {
            keypad.handle_digit(digit, t0());
        }
        keypad.end_decision();
        assert_eq!(keypad.poll_timeout(), None);
        assert_eq!(keypad.handle_digit('1', t0()), None);
    }

    /// What the settings say counts, and nothing else does.
    #[test]
    fn an_installation_has_the_keys_of_its_plan() {
        let others: [(Control, &[&'static str]); 5] = [
            (Control::Microphone, &["11", "*69"]),
            (Control::Hand, &["*68"]),
            (Control::Help, &["*5"]),
            (Control::WhoIsHere, &["*0"]),
            (Control::MuteAll, &["*991"]),
        ];
        let plan = KeyPlan::new(|control| {
            let other = others.iter().find(|(one, _)| *one == control);
            other.map_or(control.usual(), |(_, keys)| keys).to_vec()
        });
        let plan = Arc::new(plan.unwrap());
        let press = |keys| press_on(Keypad::new(Arc::clone(&plan)), keys, FAST);
        for (keys, expected) in [
            ("11", "ToggleMicrophone"),
            ("*69", "ToggleMicrophone"),
            ("*68", "ToggleHand"),
            ("*51", "Help NextLanguage"),
            ("*0", "WhoIsHere"),
            ("*991", "MuteAll"),
            ("*82", "ToggleLock"),
            ("66", ""),
            ("99", ""),
            ("00", ""),
            ("*67", "Unknown"),
            ("*81", "Unknown"),
            ("*99", "Which"),
            ("*1", ""),
        ] {
            assert_eq!(press(keys), expected, "{keys}");
        }
    }

    #[test]
    fn foreign_characters_are_no_keys() {
        assert_eq!(press("٦٦６６A\u{0}B", FAST), "");
        assert_eq!(press("*A6", FAST), "ToggleMicrophone");
    }
}
