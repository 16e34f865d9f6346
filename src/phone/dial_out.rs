//! Which numbers may be called, and how much: the gate before every call of ours (KONF.11.7.2.1, toll fraud).
//!
//! ```text
//!   typed ─ a number? ─ of need, of a service, premium? ─ in full ─ on the list? ─ budget? ─▶ INVITE
//!             │                    │                                   │            │
//!         no-number            emergency                           not-listed   no-minutes, too-many-calls
//! ```
//!
//! What is not unmistakably an ordinary number of an allowed country is refused; better a call too few. Numbers of need and
//! of services are refused before the list is looked at, so that no setting can let them through. Pure; told the time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::spelling::{DialPlan, digits};
use crate::{conference::Refusal, pii::Pii};

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialOut {
    /// How numbers must begin, in full with their `+`; none allows none.
    pub prefixes: Vec<String>,
    /// Minutes of all calls in 24 hours, begun ones counted as whole ones; calls that would exceed them end.
    pub minutes_per_day: u32,
    /// Calls begun in an hour, answered or not.
    pub calls_per_hour: usize,
    /// How long a call may last.
    pub longest: Duration,
    /// How long it may ring.
    pub ring: Duration,
}

/// A number that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Callable {
    /// In full, with its `+`.
    pub(super) number: Pii<String>,
    /// The code of its country, such as `49`; all that is ever stored of it.
    pub(super) country: &'static str,
}

/// Reads what somebody typed as a number that may be called.
pub(super) fn judge(typed: &str, plan: &DialPlan, rules: &DialOut) -> Result<Callable, Refusal> {
    let dialled = dialled(typed).ok_or(Refusal::NoNumber)?;
    // Without any prefix it could be meant in full all the same.
    let plain = dialled.trim_start_matches('+').to_owned();
    let bare = format!("+{plain}");
    let full = plan.canonical(&dialled);
    let readings = [&plain, &bare, &full];
    let needed = |number: &&String| plan.is_service(number) || is_special(number, plan);
    if readings.into_iter().any(|number| needed(&number)) {
        return Err(Refusal::Emergency);
    }
    let (country, national) = split(&full).ok_or(Refusal::NoNumber)?;
    let zero = national.starts_with('0') && country != KEEPS_ITS_ZERO;
    let fits = (NATIONAL_DIGITS_MIN..=E164_DIGITS_MAX - country.len()).contains(&national.len());
    if zero || !fits {
        return Err(Refusal::NoNumber);
    }
    if !rules.prefixes.iter().any(|prefix| full.starts_with(prefix)) {
        return Err(Refusal::NotListed);
    }
    Ok(Callable {
        number: Pii::new(full),
        country,
    })
}

/// Tells whether a text can stand in the list: a `+`, a whole country code, and perhaps more of a number.
pub fn is_prefix(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits = (1..=E164_DIGITS_MAX).contains(&digits.len());
    fits && digits.bytes().all(|byte| byte.is_ascii_digit()) && split(text).is_some()
}

/// Returns the digits of what somebody typed or copied from a letterhead; none for what is no number.
fn dialled(typed: &str) -> Option<String> {
    if typed.chars().count() > TYPED_CHARS_MAX {
        return None;
    }
    let plain: String = typed
        .trim()
        .chars()
        .map(|character| match character {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            character if character.is_whitespace() => ' ',
            character => character,
        })
        .collect();
    let plain = match plain.get(..SCHEME.len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => plain[SCHEME.len()..].to_owned(),
        Some(_) | None => plain,
    };
    // The 0 that is dialled within the country alone, as in +49 (0)30.
    let full = plain.starts_with('+') || plain.starts_with("00");
    digits(&if full {
        plain.replacen("(0)", "", 1)
    } else {
        plain
    })
}

/// Cuts a number in full into the code of its country and the rest.
fn split(full: &str) -> Option<(&'static str, &str)> {
    let digits = full.strip_prefix('+')?;
    let code = COUNTRY_CODES.iter().find(|code| digits.starts_with(**code));
    if let Some(code) = code {
        return Some((code, &digits[code.len()..]));
    }
    let code = THREE_DIGIT_CODES
        .iter()
        .find(|code| digits.starts_with(**code))?;
    Some((code, &digits[code.len()..]))
}

/// Tells whether a number is one of need or of a service in its own country, or costs more than an ordinary call.
fn is_special(number: &str, plan: &DialPlan) -> bool {
    let Some((country, national)) = split(number) else {
        return false;
    };
    let trimmed = national.trim_start_matches('0');
    let needed = NEED.contains(&trimmed);
    // Within an area they are reached with its code as well; whole numbers are seldom so short.
    let of_area = (AREAS.contains(&country) || country == plan.country)
        && trimmed.len() <= AREA_DIGITS_MAX + 3
        && [NEED[0], NEED[1]]
            .iter()
            .any(|need| trimmed.ends_with(need));
    let mut special = SPECIAL.iter().filter(|(of, _)| *of == country);
    needed || of_area || special.any(|(_, begins)| begins.iter().any(|it| national.starts_with(it)))
}

/// What calls have cost, and may yet.
#[derive(Debug)]
pub(super) struct Budget<Id> {
    rules: DialOut,
    /// When calls were begun, in the last hour.
    begun: VecDeque<Instant>,
    /// When calls ended and how many minutes they had, in the last day.
    ended: VecDeque<(Instant, u32)>,
    /// Since when calls are answered that go on.
    running: BTreeMap<Id, Instant>,
    /// Those of them that were told to end, which takes them some words.
    ending: BTreeSet<Id>,
}

impl<Id: Copy + Ord> Budget<Id> {
    pub(super) const fn new(rules: DialOut) -> Self {
        Self {
            rules,
            begun: VecDeque::new(),
            ended: VecDeque::new(),
            running: BTreeMap::new(),
            ending: BTreeSet::new(),
        }
    }

    pub(super) const fn rules(&self) -> &DialOut {
        &self.rules
    }

    /// Counts a call that was made before the server started.
    pub(super) fn remember(&mut self, began_at: Option<Instant>, ended: Option<(Instant, u32)>) {
        self.ended.extend(ended);
        if let Some(began_at) = began_at {
            let place = self.begun.partition_point(|at| *at <= began_at);
            self.begun.insert(place, began_at);
        }
    }

    /// Counts a call that is about to be made; refuses it where that would be too much.
    pub(super) fn begin(&mut self, now: Instant) -> Result<(), Refusal> {
        self.forget(now);
        if self.begun.len() >= self.rules.calls_per_hour {
            return Err(Refusal::TooManyCalls);
        }
        // Each that goes on has begun a minute that is spent, and so would this one.
        if self.spent(now) >= u64::from(self.rules.minutes_per_day) {
            return Err(Refusal::NoMinutes);
        }
        self.begun.push_back(now);
        Ok(())
    }

    /// A call was answered, and costs from here on.
    pub(super) fn answered(&mut self, call: Id, now: Instant) {
        self.running.entry(call).or_insert(now);
    }

    /// A call is over; returns its minutes, none if it never was answered.
    pub(super) fn end(&mut self, call: Id, now: Instant) -> Option<u32> {
        let since = self.running.remove(&call)?;
        self.ending.remove(&call);
        let minutes = minutes(now.saturating_duration_since(since));
        self.ended.push_back((now, minutes));
        Some(minutes)
    }

    /// The calls that go on, and how many minutes they have begun.
    pub(super) fn going(&self, now: Instant) -> impl Iterator<Item = (Id, u32)> {
        let running = self.running.iter();
        running.map(move |(call, since)| {
            let lasted = now.saturating_duration_since(*since);
            (*call, minutes(lasted))
        })
    }

    /// The calls that must end now, each once: they have lasted as long as they may, or nothing is left for the minute that
    /// begins.
    pub(super) fn over(&mut self, now: Instant) -> Vec<Id> {
        self.forget(now);
        let left = u64::from(self.rules.minutes_per_day);
        let exhausted = self.spent(now) > left;
        let longest = self.rules.longest;
        let running = self.running.iter();
        let over = running.filter(|(call, since)| {
            !self.ending.contains(call) && (exhausted || now >= **since + longest)
        });
        let over: Vec<Id> = over.map(|(call, _)| *call).collect();
        self.ending.extend(&over);
        over
    }

    /// When [`Self::over`] is to be asked next.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let going = self.running.iter();
        let going = going.filter(|(call, _)| !self.ending.contains(call));
        let next = going.map(|(_, since)| {
            let begun = minutes(now.saturating_duration_since(*since));
            (*since + MINUTE * begun + MOMENT).min(*since + self.rules.longest)
        });
        next.min()
    }

    /// Minutes of the last day, those that have begun included.
    fn spent(&self, now: Instant) -> u64 {
        let ended = self.ended.iter().map(|(_, minutes)| u64::from(*minutes));
        let running = self.running.values();
        let running =
            running.map(|since| u64::from(minutes(now.saturating_duration_since(*since))));
        ended.chain(running).sum()
    }

    fn forget(&mut self, now: Instant) {
        while self.begun.front().is_some_and(|at| *at + HOUR <= now) {
            self.begun.pop_front();
        }
        self.ended.retain(|(at, _)| now < *at + DAY);
    }
}

/// Minutes as they are charged: begun ones are whole ones, and every answered call has one.
fn minutes(lasted: Duration) -> u32 {
    let minutes = lasted.as_millis().div_ceil(MINUTE.as_millis()).max(1);
    u32::try_from(minutes).unwrap_or(u32::MAX)
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A minute is begun a moment after the last one is over.
const MOMENT: Duration = Duration::from_millis(1);

/// Characters that a number may be typed in: E.164 with separators everywhere.
const TYPED_CHARS_MAX: usize = 40;
/// The scheme of a number that was copied from a page (RFC 3966).
const SCHEME: &str = "tel:";
/// E.164 §6: digits of the longest number, the code of its country included.
const E164_DIGITS_MAX: usize = 15;
/// Shorter rests of numbers are no ordinary numbers.
const NATIONAL_DIGITS_MIN: usize = 7;
/// Digits of the longest area code.
const AREA_DIGITS_MAX: usize = 5;
/// The country whose numbers begin with a 0 in full, too.
const KEEPS_ITS_ZERO: &str = "39";

/// Numbers of need, the two that are dialled here first.
const NEED: [&str; 4] = ["110", "112", "911", "999"];

/// Countries with area codes of different lengths, where a number may be dialled without.
const AREAS: [&str; 2] = ["49", "43"];

/// How numbers begin that are no ordinary ones, by country: services, shared cost, premium, prefixes of other carriers.
/// The networks that belong to no country are among them where nothing else is behind them.
const SPECIAL: [(&str, &[&str]); 9] = [
    ("49", &["10", "11", "12", "13", "18", "19", "900"]),
    ("43", &["11", "71", "72", "73", "74", "81", "82", "9"]),
    ("41", &["11", "14", "18", "84", "90"]),
    ("44", &["118", "70", "84", "87", "9"]),
    ("1", &["900", "976"]),
    ("33", &["1000", "118", "81", "82", "89"]),
    ("31", &["84", "87", "90"]),
    ("39", &["1", "89", "7", "4"]),
    ("979", &[""]),
];

/// Codes of countries of one and two digits (ITU-T E.164, list of assigned codes); all others have three.
const COUNTRY_CODES: [&str; 46] = [
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45",
    "46", "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
    "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Codes of countries and of networks of three digits.
const THREE_DIGIT_CODES: [&str; 169] = [
    "211", "212", "213", "216", "218", "220", "221", "222", "223", "224", "225", "226", "227",
    "228", "229", "230", "231", "232", "233", "234", "235", "236", "237", "238", "239", "240",
    "241", "242", "243", "244", "245", "246", "247", "248", "249", "250", "251", "252", "253",
    "254", "255", "256", "257", "258", "260", "261", "262", "263", "264", "265", "266", "267",
    "268", "269", "290", "291", "297", "298", "299", "350", "351", "352", "353", "354", "355",
    "356", "357", "358", "359", "370", "371", "372", "373", "374", "375", "376", "377", "378",
    "380", "381", "382", "383", "385", "386", "387", "389", "420", "421", "423", "500", "501",
    "502", "503", "504", "505", "506", "507", "508", "509", "590", "591", "592", "593", "594",
    "595", "596", "597", "598", "599", "670", "672", "673", "674", "675", "676", "677", "678",
    "679", "680", "681", "682", "683", "685", "686", "687", "688", "689", "690", "691", "692",
    "800", "808", "850", "852", "853", "855", "856", "870", "878", "880", "881", "882", "883",
    "886", "888", "960", "961", "962", "963", "964", "965", "966", "967", "968", "970", "971",
    "972", "973", "974", "975", "976", "977", "979", "992", "993", "994", "995", "996", "998",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> DialPlan {
        DialPlan {
            country: "49".to_owned(),
            area: "30".to_owned(),
        }
    }

    fn rules(prefixes: &[&str]) -> DialOut {
        DialOut {
            prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
            minutes_per_day: 60,
            calls_per_hour: 10,
            longest: HOUR,
            ring: MINUTE,
        }
    }

    fn judged(typed: &str, prefixes: &[&str]) -> Result<String, Refusal> {
        let callable = judge(typed, &berlin(), &rules(prefixes))?;
        assert!(
            callable
                .number
                .expose()
                .starts_with(&format!("+{}", callable.country))
        );
        Ok(callable.number.into_inner())
    }

    /// Every list that an operator could write, the widest included.
    const EVERYWHERE: &[&str] = &[
        "+1", "+49", "+43", "+41", "+44", "+39", "+33", "+45", "+979", "+881",
    ];

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for typed in [
            "+4930123456",
            "004930123456",
            "030123456",
            "+49 30 123456",
            "+49 (0)30 123456",
            "0049 30 / 12 34 56",
            "(030) 12 34 56",
            "030/123456",
            "030-12.34.56",
            " 030\u{a0}123\u{2013}456\t",
            "tel:+49-30-123456",
            "TEL:030123456",
        ] {
            assert_eq!(
                judged(typed, &["+49"]),
                Ok("+4930123456".to_owned()),
                "{typed}"
            );
        }
        assert_eq!(
            judged("+39 06 1234567", &["+39"]),
            Ok("+39061234567".to_owned())
        );
        assert_eq!(
            judged("0045 33 12 31 12", &["+45"]),
            Ok("+4533123112".to_owned())
        );
    }

    /// Numbers of need and of services, in every spelling that came to mind.
    const OF_NEED: &[&str] = &[
        "110",
        "112",
        "911",
        "999",
        "0110",
        "0112",
        "00110",
        "00112",
        "000112",
        "1 1 2",
        "1-1-0",
        "(112)",
        "1/1/2",
        "+110",
        "+112",
        "+49110",
        "+49 112",
        "+49 (0)112",
        "0049110",
        "0049 112",
        "+490112",
        "00490110",
        "49110",
        "49112",
        "tel:110",
        "TEL:112",
        "tel:+49112",
        "1\u{a0}1\u{a0}2",
        "1\u{2013}1\u{2013}0",
        "030110",
        "030 112",
        "+4930110",
        "+4930112",
        "004930112",
        "+49 (0)30 112",
        "040110",
        "+49 89 112",
        "03305 112",
        "+49 33055 112",
        "+43112",
        "+43 1 112",
        "+43 316 112",
        "+1911",
        "001 911",
        "+44999",
        "+44 112",
        "115",
        "+49115",
        "030115",
        "116117",
        "+49116117",
        "11833",
        "+4911833",
        "11880",
        "19222",
        "030 19222",
        "+493019222",
        "0900 1 234567",
        "+49 900 1234567",
        "0137 7123456",
        "+491377123456",
        "0180 5 123456",
        "+49 180 5123456",
        "01033 030 123456",
        "0190 123456",
        "+43 900 123456",
        "+43 930 123456",
        "+41 900 123 456",
        "+44 909 8790000",
        "+1 900 555 1234",
        "+979 1 2345678",
        "00979112345678",
    ];

    #[test]
    fn numbers_of_need_and_services_are_refused_in_every_spelling_before_the_list() {
        for typed in OF_NEED {
            assert_eq!(
                judged(typed, EVERYWHERE),
                Err(Refusal::Emergency),
                "{typed}"
            );
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        for typed in [
            "",
            " ",
            "+",
            "4711",
            "123456",
            "30123456",
            "4930123456",
            "++4930123456",
            "+49",
            "+49301",
            "+49 030 123456",
            "sip:030123456",
            "sip:112@example.net",
            "112@example.net",
            "030123456;ext=1",
            "tel:030123456;phone-context=+49",
            "tel:112;phone-context=+49",
            "030123456,112",
            "030123456p112",
            "030123456#",
            "*31#030123456",
            "#31#110",
            "**112",
            "\u{661}\u{661}\u{662}",
            "\u{ff11}\u{ff11}\u{ff12}",
            "\u{661}\u{660}30123456",
            "112\u{200b}",
            "1\u{200d}12",
            "eins eins zwei",
            "0O30123456",
            "+49301234567890123",
            "+49\u{0}30123456",
            "%2B4930123456",
            "+49 30 123456 +",
            "+0 30 123456",
            "+999 123456789",
            "+210 123456789",
            "1\u{202e}12",
        ] {
            assert_eq!(
                judged(typed, EVERYWHERE),
                Err(Refusal::NoNumber),
                "{typed:?}"
            );
        }
        assert_eq!(
            judged(&" ".repeat(1_000), EVERYWHERE),
            Err(Refusal::NoNumber)
        );
    }

    #[test]
    fn the_list_alone_says_which_numbers_are_called() {
        for (typed, prefixes, expected) in [
            ("+4930123456", &[][..], Err(Refusal::NotListed)),
            ("+4930123456", &["+4930"], Ok(())),
            ("+4940123456", &["+4930"], Err(Refusal::NotListed)),
            ("+12025550123", &["+49"], Err(Refusal::NotListed)),
            ("+12025550123", &["+49", "+1202"], Ok(())),
            ("+881612345678", &["+8816"], Ok(())),
            ("+8821234567890", &["+881"], Err(Refusal::NotListed)),
            // Numbers that only look like one of need.
            ("+4930112233", &["+49"], Ok(())),
            ("+49304110112", &["+49"], Ok(())),
            ("+4915112345678", &["+49"], Ok(())),
        ] {
            assert_eq!(
                judged(typed, prefixes).map(|_| ()),
                expected,
                "{typed} {prefixes:?}"
            );
        }
    }

    #[test]
    fn a_prefix_has_a_whole_country_code() {
        for prefix in ["+49", "+1", "+4930", "+881"] {
            assert!(is_prefix(prefix), "{prefix}");
        }
        for prefix in [
            "",
            "+",
            "49",
            "+4",
            "+88",
            "+49x",
            "+999",
            "0049",
            "+49 30",
            "+4930123456789012",
        ] {
            assert!(!is_prefix(prefix), "{prefix}");
        }
    }

    #[test]
    fn no_more_calls_are_begun_than_an_hour_may_have() {
        let now = t0();
        let mut budget = Budget::<u8>::new(rules(&[]));
        for number in 0..10 {
            assert_eq!(budget.begin(now + MINUTE * number), Ok(()));
        }
        assert_eq!(budget.begin(now + MINUTE * 59), Err(Refusal::TooManyCalls));
        assert_eq!(budget.begin(now + HOUR), Ok(()));
        assert_eq!(budget.begin(now + HOUR), Err(Refusal::TooManyCalls));
    }

    #[test]
    fn calls_before_a_restart_are_calls_of_the_hour() {
        let now = t0() + HOUR;
        let mut budget = Budget::<u8>::new(rules(&[]));
        for ago in [3, 58, 40, 1] {
            budget.remember(Some(now - MINUTE * ago), None);
        }
        for _ in 0..6 {
            assert_eq!(budget.begin(now), Ok(()));
        }
        assert_eq!(budget.begin(now), Err(Refusal::TooManyCalls));
        // The first of them was an hour ago by then, and the next is not.
        assert_eq!(budget.begin(now + 2 * MINUTE), Ok(()));
        let refused = budget.begin(now + 2 * MINUTE);
        assert_eq!(refused, Err(Refusal::TooManyCalls));
    }

    #[test]
    fn what_goes_on_is_known_by_its_begun_minutes() {
        let now = t0();
        let mut budget = Budget::<u8>::new(rules(&[]));
        budget.answered(1, now);
        budget.answered(2, now + MINUTE);
        let going = |at| budget.going(at).collect::<Vec<_>>();
        assert_eq!(going(now + MINUTE + MOMENT), [(1, 2), (2, 1)]);
    }

    #[test]
    fn minutes_are_counted_as_they_are_charged_for_a_day() {
        let now = t0();
        let mut budget = Budget::<u8>::new(rules(&[]));
        budget.answered(1, now);
        assert_eq!(budget.end(1, now), Some(1));
        budget.answered(2, now);
        assert_eq!(budget.end(2, now + Duration::from_secs(61)), Some(2));
        assert_eq!(budget.end(3, now), None, "never answered");
        budget.remember(None, Some((now, 56)));
        assert_eq!(budget.begin(now + MINUTE), Ok(()));
        budget.answered(4, now + MINUTE);
        assert_eq!(budget.begin(now + MINUTE), Err(Refusal::NoMinutes));
        assert_eq!(budget.end(4, now + MINUTE), Some(1));
        assert_eq!(budget.begin(now + DAY), Ok(()));
    }

    #[test]
    fn calls_end_when_the_minutes_are_spent_or_they_have_lasted_long_enough() {
        let now = t0();
        let mut budget = Budget::<u8>::new(DialOut {
            minutes_per_day: 5,
            ..rules(&[])
        });
        budget.answered(1, now);
        budget.answered(2, now);
        let mut at = now;
        let over = loop {
            at = budget.poll_timeout(at).unwrap();
            let over = budget.over(at);
            if !over.is_empty() {
                break over;
            }
            assert!(at < now + HOUR);
        };
        // Two minutes of each are spent, and the third would be the sixth of both.
        assert_eq!((over, at), (vec![1, 2], now + 2 * MINUTE + MOMENT));
        assert_eq!(budget.poll_timeout(at), None, "they are told once");
        assert_eq!(budget.over(at + HOUR), Vec::<u8>::new());

        let mut budget = Budget::<u8>::new(DialOut {
            longest: Duration::from_secs(90),
            ..rules(&[])
        });
        budget.answered(7, now);
        let mut at = now;
        while budget.over(at).is_empty() {
            at = budget.poll_timeout(at).unwrap();
        }
        assert_eq!(at, now + Duration::from_secs(90));
        assert_eq!(budget.end(7, at), Some(2));
        assert_eq!(budget.poll_timeout(at), None);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
