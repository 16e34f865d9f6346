//! The dialogue as ladders: seconds since the call was answered, and what the caller gets.

use std::{fmt::Write, time::Duration};

use proptest::prelude::*;

use super::*;

const NUMBER: &str = "4711";
const PIN: &str = "24681357";
const PAIRING: &str = "951284";
const KEY_PAUSE: Duration = Duration::from_millis(400);

#[test]
fn a_code_is_complete_at_its_last_digit() {
    let mut call = Call::new(Entry::Code);
    call.played(3.0).press("471124681357").wait(1.0);
    insta::assert_snapshot!(call.ladder, @r"
     0.00 say greeting
     7.80 check 4711 24681357
     8.05 admit
    ");
}

#[test]
fn keys_count_during_the_greeting() {
    let mut call = Call::new(Entry::Code);
    call.press("471124681357").wait(1.0);
    insta::assert_snapshot!(call.ladder, @r"
     0.00 say greeting
     0.40 hush
     4.80 check 4711 24681357
     5.05 admit
    ");
}

#[test]
fn the_number_dialled_leaves_the_pin_to_be_typed() {
    let mut call = Call::new(Entry::PinFor {
        number: Secret::new(NUMBER.to_owned()),
    });
    call.press(PIN).wait(1.0);
    insta::assert_snapshot!(call.ladder, @r"
     0.00 say greeting (pin)
     0.40 hush
     3.20 check 4711 24681357
     3.45 admit
    ");
}

#[test]
fn a_pairing_code_in_place_of_a_dial_in_code_is_complete_at_its_last_digit() {
    let mut call = Call::new(Entry::Code);
    call.played(3.0).press(PAIRING).wait(1.0);
    insta::assert_snapshot!(call.ladder, @r"
     0.00 say greeting
     5.40 check pairing 951284
     5.65 admit
    ");
}

#[test]
fn where_the_pin_alone_is_asked_for_a_pairing_code_ends_with_a_pound_and_a_pin_may_begin_like_one()
{
    let entry = || Entry::PinFor {
        number: Secret::new(NUMBER.to_owned()),
    };
    let mut call = Call::new(entry());
    call.press(PAIRING).press("#");
    assert_eq!(call.last(), "check pairing 951284");
    let mut call = Call::new(entry());
    call.press("95128400");
    assert_eq!(call.last(), "check 4711 95128400");
    let mut call = Call::new(entry());
    call.press("124684#");
    assert_eq!(call.last(), "say too-short (pin)");
}

#[test]
fn a_wrong_pairing_code_is_a_wrong_code_and_the_third_ends_the_call() {
    let mut call = Call::new(Entry::Code);
    call.press("951285").wait(1.0);
    assert_eq!(call.last(), "say wrong-code");
    call.press("951286").wait(1.0);
    call.press("471100000000").wait(1.0);
    assert_eq!(call.last(), "say too-many-tries");
}

#[test]
fn digits_after_a_pairing_code_make_it_a_wrong_one() {
    let mut call = Call::new(Entry::Code);
    call.check_takes = KEY_PAUSE;
    call.press(PAIRING);
    call.press("1").wait(2.0);
    assert_eq!(call.last(), "say wrong-code");
}

#[test]
fn a_pin_may_begin_with_zero() {
    let mut call = Call::new(Entry::PinFor {
        number: Secret::new(NUMBER.to_owned()),
    });
    call.press("02468135");
    assert_eq!(call.last(), "check 4711 02468135");
}

#[test]
fn the_first_digit_tells_the_length_of_a_number() {
    let lengths: Vec<_> = "0123456789".chars().map(number_length).collect();
    let four = Some(4);
    assert_eq!(
        lengths,
        [
            None,
            four,
            four,
            four,
            four,
            four,
            four,
            four,
            Some(5),
            Some(6)
        ]
    );
    for (typed, check) in [
        ("7111", "check 7111 24681357"),
        ("81111", "check 81111 24681357"),
        ("911111", "check 911111 24681357"),
    ] {
        let mut call = Call::new(Entry::Code);
        call.press(typed).press(PIN);
        assert_eq!(call.last(), check);
    }
}

#[test]
fn a_pound_after_number_or_code_is_swallowed() {
    let mut call = Call::new(Entry::Code);
    call.pause = Duration::from_millis(100);
    call.press("#4711#")
        .wait(3.0)
        .press("24681357#")
        .wait(1.0)
        .press("#");
    insta::assert_snapshot!(call.ladder, @r"
      0.00 say greeting
      0.20 hush
      4.40 check 4711 24681357
      4.65 admit
    ");
}

#[test]
fn a_late_pound_after_a_wrong_code_neither_interrupts_nor_counts() {
    let mut call = Call::new(Entry::Code);
    call.press("471100000000").wait(1.0).press("###");
    assert_eq!(call.last(), "say wrong-code");
    call.press("471124681357").wait(1.0);
    assert_eq!(call.last(), "admit");
}

#[test]
fn too_few_digits_and_pound_are_no_try() {
    let mut call = Call::new(Entry::Code);
    for typed in ["47#", "4711246#", "47112468135#", "4#"] {
        call.press(typed);
        assert_eq!(call.last(), "say too-short");
    }
    call.press("471124681357").wait(1.0);
    assert_eq!(call.last(), "admit");
}

#[test]
fn star_begins_again() {
    let mut call = Call::new(Entry::Code);
    call.press("4712*");
    assert_eq!(call.last(), "say ask");
    call.press("471124681357").wait(1.0);
    assert_eq!(call.last(), "admit");
}

/// Who does not understand the greeting need not have typed a code first, and can go back.
#[test]
fn a_star_after_the_offer_takes_the_other_language() {
    let mut call = Call::offering(Entry::Code);
    call.press("*").played(4.0).press("*").played(4.0);
    call.wait(20.0)
        .press("*4711*")
        .press("471124681357")
        .wait(1.0);
    insta::assert_snapshot!(call.ladder, @r"
     0.00 say greeting (language)
     0.40 change language
     0.40 say language-taken (language)
     4.80 change language
     4.80 say language-taken (language)
    28.80 say take-your-time (language)
    29.20 change language
    29.20 say language-taken (language)
    29.60 hush
    31.20 say ask
    31.60 hush
    36.00 check 4711 24681357
    36.25 admit
    ");
}

#[test]
fn who_is_asked_for_the_pin_is_offered_the_other_language_too() {
    let mut call = Call::offering(Entry::PinFor {
        number: Secret::new(NUMBER.to_owned()),
    });
    call.press("*").press(PIN).wait(1.0);
    insta::assert_snapshot!(call.ladder, @r"
    0.00 say greeting (pin) (language)
    0.40 change language
    0.40 say language-taken (pin) (language)
    0.80 hush
    3.60 check 4711 24681357
    3.85 admit
    ");
}

/// Who has begun to type, or has typed wrongly, means to begin anew, as they are told.
#[test]
fn a_star_takes_no_language_that_was_not_just_offered() {
    for typed in ["4712", "471100000000", "47#", "0"] {
        let mut call = Call::offering(Entry::Code);
        call.press(typed).wait(1.0).press("*");
        assert_eq!(call.last(), "say ask", "{typed}");
        assert!(!call.ladder.contains("change language"));
    }
    let mut call = Call::offering(Entry::Code);
    call.press("47").wait(20.0);
    assert_eq!(
        call.last(),
        "say take-your-time",
        "digits are kept, and nothing offered"
    );
    let mut call = Call::new(Entry::Code);
    call.press("*");
    assert_eq!(call.last(), "say ask", "the number offers none");
}

#[test]
fn zero_at_the_beginning_is_help_and_elsewhere_a_digit() {
    let mut call = Call::new(Entry::Code);
    call.press("0");
    assert_eq!(call.last(), "say admission-help");
    call.press("400000000000");
    assert_eq!(call.last(), "check 4000 00000000");
}

#[test]
fn privacy_in_full_is_one_key_further_than_the_help() {
    let mut call = Call::new(Entry::Code);
    call.press("0").played(30.0).press("0");
    assert_eq!(call.last(), "say privacy-in-full");
    call.press("0");
    assert_eq!(call.last(), "say admission-help");
    // Who has begun anew begins with the help anew.
    call.press("*0");
    assert_eq!(call.last(), "say admission-help");
    call.press("0471124681357").wait(1.0);
    assert_eq!(call.last(), "admit");
}

/// A PIN may begin with 0, so waiting leads to help and privacy, and on to all of it.
#[test]
fn who_waits_for_help_with_the_pin_hears_privacy_in_full_next() {
    let mut call = Call::new(Entry::PinFor {
        number: Secret::new(NUMBER.to_owned()),
    });
    call.played(5.0);
    for _ in 0..3 {
        call.wait(20.0).played(30.0);
    }
    insta::assert_snapshot!(call.ladder, @r"
       0.00 say greeting (pin)
      25.00 say take-your-time (pin)
      75.00 say privacy-in-full (pin)
     125.00 say take-your-time (pin)
    ");
}

#[test]
fn three_wrong_codes_end_the_call() {
    let mut call = Call::new(Entry::Code);
    call.press("471100000000")
        .wait(1.0)
        .press("123424681357")
        .wait(1.0);
    call.press("888882468135")
        .press("7")
        .wait(1.0)
        .press("471124681357")
        .played(5.0);
    insta::assert_snapshot!(call.ladder, @r"
      0.00 say greeting
      0.40 hush
      4.80 check 4711 00000000
      5.05 say wrong-code
      6.20 hush
     10.60 check 1234 24681357
     10.85 say wrong-code
     12.00 hush
     16.80 check 88888 24681357
     17.05 say too-many-tries
     27.60 leave
    ");
}

#[test]
fn a_goodbye_that_is_never_reported_as_played_ends_all_the_same() {
    let mut call = Call::new(Entry::Code);
    for _ in 0..TRIES_MAX {
        call.press("471100000000").wait(1.0);
    }
    assert_eq!(call.last(), "say too-many-tries");
    call.wait(PROMPT_TIMEOUT.as_secs_f64());
    assert_eq!(call.last(), "leave");
}

#[test]
fn a_verdict_takes_effect_at_the_same_time_however_long_the_check_took() {
    for (took, expected) in [
        (0, 250),
        (1, 250),
        (249, 250),
        (250, 250),
        (251, 500),
        (1700, 1750),
    ] {
        for right in [true, false] {
            let mut call = Call::new(Entry::Code);
            call.check_takes = Duration::from_millis(took);
            call.press(if right {
                "471124681357"
            } else {
                "999999246813"
            });
            call.press(if right { "" } else { "57" });
            let asked = call.now;
            call.wait_for_effect();
            let waited = call.now.saturating_duration_since(asked);
            assert_eq!(
                waited,
                Duration::from_millis(expected),
                "{took} ms, {right}"
            );
        }
    }
}

#[test]
fn a_code_that_is_too_long_is_wrong_even_if_it_begins_right() {
    let mut call = Call::new(Entry::Code);
    call.pause = Duration::from_millis(160);
    call.press("471124681357999").wait(1.0);
    insta::assert_snapshot!(call.ladder, @r"
     0.00 say greeting
     0.16 hush
     1.92 check 4711 24681357
     2.65 say wrong-code
    ");
}

#[test]
fn characters_that_are_no_keys_are_nothing() {
    let mut call = Call::new(Entry::Code);
    call.press("٤٧١١４７１１४A\0é");
    assert_eq!(call.last(), "say greeting");
    call.press("471124681357").wait(1.0);
    assert_eq!(call.last(), "admit");
}

#[test]
fn silence_repeats_the_prompt_and_ends_with_a_goodbye() {
    let mut call = Call::new(Entry::Code);
    call.played(3.0);
    for _ in 0..6 {
        call.wait(20.0).played(2.0);
    }
    insta::assert_snapshot!(call.ladder, @r"
       0.00 say greeting
      23.00 say take-your-time
      45.00 say take-your-time
      67.00 say take-your-time
      89.00 say take-your-time
     111.00 say take-your-time
     133.00 say too-long-silent
     135.00 leave
    ");
}

#[test]
fn digits_survive_a_silence() {
    let mut call = Call::new(Entry::Code);
    call.press("4711").wait(20.0);
    assert_eq!(call.last(), "say take-your-time");
    call.press("24681357").wait(1.0);
    assert_eq!(call.last(), "admit");
}

#[test]
fn whoever_keeps_pressing_keys_is_not_kept_forever() {
    let mut call = Call::new(Entry::Code);
    while call.ivr.poll_timeout().is_some() && call.ladder.len() < 100_000 {
        call.press("*").wait(15.0);
    }
    assert_eq!(call.last(), "leave");
    let most = ADMISSION_TIMEOUT + PROMPT_TIMEOUT + Duration::from_secs(20);
    assert!(call.now <= call.start + most);
}

#[test]
fn a_check_without_an_answer_ends_with_an_apology() {
    let mut call = Call::new(Entry::Code);
    call.check_takes = Duration::from_secs(3600);
    call.press("471124681357")
        .wait(VERDICT_TIMEOUT.as_secs_f64());
    assert_eq!(call.last(), "say fault");
    call.played(3.0);
    assert_eq!(call.last(), "leave");
}

#[test]
fn a_fault_is_no_try_and_ends_with_an_apology() {
    let mut call = Call::new(Entry::Code);
    call.press("471124681357");
    call.ivr.handle_fault(call.now);
    call.drain();
    assert_eq!(call.last(), "say fault");
}

#[test]
fn codes_do_not_appear_in_what_is_printed() {
    let mut call = Call::new(Entry::PinFor {
        number: Secret::new(NUMBER.to_owned()),
    });
    call.press("2468135");
    let printed = format!("{:?}", call.ivr);
    assert!(
        !printed.contains("2468") && !printed.contains(NUMBER),
        "{printed}"
    );
}

#[test]
fn an_hour_of_callers_failing_their_pin_needs_no_waiting() {
    let mut effects = 0;
    for caller in 0..200_u32 {
        let mut call = Call::new(Entry::Code);
        call.wait(f64::from(caller) * 18.0 % 15.0);
        for _ in 0..TRIES_MAX {
            call.press(&format!("4711{:08}", 90_000_000 + caller))
                .wait(1.0);
        }
        call.played(5.0);
        assert_eq!(call.last(), "leave");
        effects += call.ladder.lines().count();
    }
    assert_eq!(effects, 200 * 11);
}

proptest! {
    #[test]
    fn only_the_right_code_admits_and_every_call_ends(
        steps in prop::collection::vec((0_usize..16, 0_u64..30_000), 0..200)
    ) {
        let mut call = Call::new(Entry::Code);
        for (key, pause) in steps {
            call.pause = Duration::from_millis(pause);
            match "0123456789*#\u{661}".chars().nth(key) {
                Some(digit) => call.press(&digit.to_string()),
                None if key == 15 => call.press(NUMBER).press(PIN),
                None => call.played(1.0),
            };
        }
        call.wait((ADMISSION_TIMEOUT + PROMPT_TIMEOUT + VERDICT_TIMEOUT).as_secs_f64());
        prop_assert_eq!(call.ivr.poll_timeout(), None);
        let admitted = call.ladder.matches("admit").count();
        let left = call.ladder.matches("leave").count();
        prop_assert_eq!(admitted + left, 1);
        prop_assert!(admitted == 0 || call.ladder.contains("check 4711 24681357"));
        prop_assert!(call.ladder.matches("check").count() <= 3);
    }
}

/// A call to an installation with one room, in simulated time.
struct Call {
    ivr: Ivr,
    start: Instant,
    now: Instant,
    pause: Duration,
    check_takes: Duration,
    answer: Option<(bool, Instant)>,
    ladder: String,
}

impl Call {
    fn new(entry: Entry) -> Self {
        Self::begin(entry, false)
    }

    /// A call to a number that offers the other language.
    fn offering(entry: Entry) -> Self {
        Self::begin(entry, true)
    }

    fn begin(entry: Entry, offers_language: bool) -> Self {
        let start = t0();
        let mut call = Self {
            ivr: Ivr::new(entry, Facts::SAMPLE, offers_language, start),
            start,
            now: start,
            pause: KEY_PAUSE,
            check_takes: Duration::from_millis(3),
            answer: None,
            ladder: String::new(),
        };
        call.drain();
        call
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        for digit in keys.chars() {
            self.run_until(self.now + self.pause);
            self.ivr.handle_digit(digit, self.now);
            self.drain();
        }
        self
    }

    fn played(&mut self, seconds: f64) -> &mut Self {
        self.wait(seconds);
        self.ivr.handle_played(self.now);
        self.drain();
        self
    }

    fn wait(&mut self, seconds: f64) -> &mut Self {
        self.run_until(self.now + Duration::from_secs_f64(seconds));
        self
    }

    fn wait_for_effect(&mut self) {
        let before = self.ladder.len();
        while self.ladder.len() == before {
            let due = self.due().expect("something is to happen");
            self.run_until(due);
        }
    }

    fn due(&self) -> Option<Instant> {
        let answer = self.answer.map(|(_, at)| at);
        self.ivr.poll_timeout().into_iter().chain(answer).min()
    }

    fn run_until(&mut self, end: Instant) {
        while let Some(due) = self.due().filter(|due| *due <= end) {
            self.now = due;
            if let Some((right, _)) = self.answer.take_if(|(_, at)| *at <= due) {
                self.ivr.handle_verdict(right, due);
            }
            self.ivr.handle_timeout(due);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(effect) = self.ivr.poll() {
            let line = match effect {
                Effect::Say(event) => {
                    let clips = event.clips();
                    let marks = [
                        (Clip::ASK_PIN, " (pin)"),
                        (Clip::THIS_LANGUAGE, " (language)"),
                    ];
                    let marks = marks.into_iter().filter(|(clip, _)| clips.contains(clip));
                    let marks: String = marks.map(|(_, mark)| mark).collect();
                    format!("say {}{marks}", event.key())
                }
                Effect::ChangeLanguage => "change language".to_owned(),
                Effect::Hush => "hush".to_owned(),
                Effect::Check { number, pin } => {
                    let right = number.expose() == NUMBER && pin.expose() == PIN;
                    self.answer = Some((right, self.now + self.check_takes));
                    format!("check {} {}", number.expose(), pin.expose())
                }
                Effect::CheckPairing { code } => {
                    let right = code.expose() == PAIRING;
                    self.answer = Some((right, self.now + self.check_takes));
                    format!("check pairing {}", code.expose())
                }
                Effect::Admit => "admit".to_owned(),
                Effect::Leave => "leave".to_owned(),
            };
            let at = self.now.saturating_duration_since(self.start).as_secs_f64();
            writeln!(self.ladder, "{at:7.2} {line}").unwrap();
        }
    }

    fn last(&self) -> &str {
        self.ladder
            .lines()
            .last()
            .and_then(|line| line.get(8..))
            .unwrap_or_default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
