//! How telephone numbers are written on their way: in full, with the prefixes of a country's dial plan, or as dialled
//! within an area (RFC 3966 §5, ITU-T E.164).
//!
//! ```text
//!   +4930123456 ─ 004930123456 ─ 4930123456 ─ 030123456 ─ 123456
//!   global        international  bare         national    local
//! ```
//!
//! Every number of ours is spelled out when the server starts, and a called number is looked up among the spellings. A
//! spelling that is not unmistakably ours leads nowhere: better a call too few than somebody else's.

use std::collections::BTreeSet;

use sip::Target;

/// How numbers are dialled where a trunk's exchange stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialPlan {
    /// The country code in whose place a 0 may be written, such as `49`; empty where there is no such habit.
    pub country: String,
    /// The area code that is left out within the area, such as `30`; empty where there is none.
    pub area: String,
}

impl DialPlan {
    /// Returns a number in full, with its `+`, where it is written with the prefixes of this plan; else as it is.
    pub fn canonical(&self, number: &str) -> String {
        if let Some(global) = number.strip_prefix(INTERNATIONAL) {
            return format!("+{global}");
        }
        match number.strip_prefix(NATIONAL) {
            Some(national) if !self.country.is_empty() => format!("+{}{national}", self.country),
            Some(_) | None => number.to_owned(),
        }
    }

    /// Returns all spellings of a number; of one that is not a global number, such as an extension, there is but one.
    pub fn spellings(&self, number: &str) -> BTreeSet<String> {
        let number = self.canonical(number);
        let mut spellings = BTreeSet::from([number.clone()]);
        if let Some(digits) = number.strip_prefix('+') {
            spellings.insert(format!("{INTERNATIONAL}{digits}"));
            spellings.insert(digits.to_owned());
        }
        if let Some(national) = self.national(&number) {
            spellings.insert(format!("{NATIONAL}{national}"));
        }
        spellings.extend(self.local(&number).map(str::to_owned));
        spellings
    }

    /// Tells whether a number is, in whatever spelling, one that people dial in need or one of a service: no number of
    /// an installation, and never to be answered as one.
    pub fn is_service(&self, number: &str) -> bool {
        let full = self.canonical(number);
        let parts = [
            self.local(&full),
            self.national(&full),
            // Behind digits for the outside line, too.
            Some(number.trim_start_matches(NATIONAL)),
        ];
        let everywhere = SERVICES_EVERYWHERE.iter();
        let here = SERVICES
            .iter()
            .filter(|(country, _)| *country == self.country);
        let mut services = everywhere.chain(here.flat_map(|(_, services)| *services));
        services.any(|service| parts.iter().flatten().any(|part| fits(part, service)))
    }

    /// Reads the number that a target names: in full with its `+`, or as dialled.
    ///
    /// A local number with a global `phone-context` is completed by it, whatever our own plan is. RFC 3966 §5.1.5 warns
    /// that the result need not exist; then it is none of ours either.
    pub(super) fn read(&self, target: &Target) -> Option<String> {
        let user = target.user.as_ref()?.expose();
        let dialled = digits(user)?;
        let context = target.context.as_ref().map(|context| context.expose());
        match context.and_then(|context| context.strip_prefix('+')) {
            Some(context) if !dialled.starts_with('+') => self.completed(&dialled, context),
            Some(_) | None => Some(dialled),
        }
    }

    fn completed(&self, dialled: &str, context: &str) -> Option<String> {
        if context.is_empty() || !context.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let within = !self.country.is_empty() && context.starts_with(&self.country);
        let country = if within { &self.country } else { context };
        Some(if let Some(global) = dialled.strip_prefix(INTERNATIONAL) {
            format!("+{global}")
        } else if let Some(national) = dialled.strip_prefix(NATIONAL) {
            format!("+{country}{national}")
        } else {
            format!("+{context}{dialled}")
        })
    }

    fn national<'a>(&self, number: &'a str) -> Option<&'a str> {
        let national = number
            .strip_prefix('+')?
            .strip_prefix(self.country.as_str())?;
        (!self.country.is_empty() && !national.is_empty()).then_some(national)
    }

    fn local<'a>(&self, number: &'a str) -> Option<&'a str> {
        let local = self.national(number)?.strip_prefix(self.area.as_str())?;
        (!self.area.is_empty() && local.len() >= LOCAL_DIGITS_MIN).then_some(local)
    }
}

/// Returns a dialled number without visual separators; `None` for what is no number.
pub(super) fn digits(text: &str) -> Option<String> {
    let mut digits = String::new();
    for character in text.chars() {
        match character {
            '+' if digits.is_empty() => digits.push('+'),
            '0'..='9' => digits.push(character),
            '-' | '.' | '(' | ')' | '/' | ' ' => {}
            _ => return None,
        }
        if digits.len() > DIALLED_CHARS_MAX {
            return None;
        }
    }
    digits
        .bytes()
        .any(|byte| byte.is_ascii_digit())
        .then_some(digits)
}

fn fits(number: &str, pattern: &str) -> bool {
    let mut both = number.bytes().zip(pattern.bytes());
    number.len() == pattern.len() && both.all(|(digit, wanted)| wanted == b'#' || digit == wanted)
}

/// Before a number in full, in most of the world (ITU-T E.164 §7.3).
const INTERNATIONAL: &str = "00";
/// Before an area code, where there is a prefix at all and it is not written differently (ITU-T E.123).
const NATIONAL: &str = "0";
/// Shorter rests of a number are no local numbers, and might be those of services.
const LOCAL_DIGITS_MIN: usize = 3;
/// Characters of the longest spelling: `00` or `+`, and 15 digits.
const DIALLED_CHARS_MAX: usize = 17;

/// Emergency numbers that networks connect anywhere (3GPP TS 22.101 §10.1); 110 for its many callers.
const SERVICES_EVERYWHERE: [&str; 4] = ["110", "112", "911", "999"];

/// Emergency and service numbers by country code; each `#` stands for any digit.
const SERVICES: [(&str, &[&str]); 3] = [
    ("49", &["115", "116###", "118##", "19222"]),
    (
        "43",
        &[
            "116###", "118##", "122", "133", "140", "141", "142", "144", "147",
        ],
    ),
    ("41", &["116###", "117", "118#", "143", "144", "145", "147"]),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn berlin() -> DialPlan {
        DialPlan {
            country: "49".to_owned(),
            area: "30".to_owned(),
        }
    }

    #[test]
    fn a_number_is_spelled_in_all_ways() {
        let spelled = |plan: &DialPlan, number: &str| {
            let all: Vec<_> = plan.spellings(number).into_iter().collect();
            all.join(" ")
        };
        let full = "+4930123456 004930123456 030123456 123456 4930123456";
        for number in ["+4930123456", "004930123456", "030123456"] {
            assert_eq!(spelled(&berlin(), number), full, "{number}");
        }
        let country = DialPlan {
            area: String::new(),
            ..berlin()
        };
        assert_eq!(
            spelled(&country, "+4930123456"),
            "+4930123456 004930123456 030123456 4930123456"
        );
        assert_eq!(
            spelled(&DialPlan::default(), "+4930123456"),
            "+4930123456 004930123456 4930123456"
        );
        // Another area, another country, an extension.
        assert_eq!(
            spelled(&berlin(), "+4940123456"),
            "+4940123456 004940123456 040123456 4940123456"
        );
        assert_eq!(
            spelled(&berlin(), "+43123456"),
            "+43123456 0043123456 43123456"
        );
        assert_eq!(spelled(&berlin(), "620"), "620");
        assert_eq!(
            spelled(&berlin(), "+493012"),
            "+493012 00493012 03012 493012"
        );
    }

    #[test]
    fn numbers_of_need_and_services_are_known_in_all_spellings() {
        for number in [
            "110",
            "112",
            "0112",
            "00112",
            "911",
            "19222",
            "115",
            "116117",
            "11833",
            "+49112",
            "0049110",
            "+4930112",
            "030110",
            "+493019222",
            "+49116117",
        ] {
            assert!(berlin().is_service(number), "{number}");
        }
        for number in [
            "+4930123456",
            "+4930112233",
            "4711",
            "+493011",
            "620",
            "144",
            "1161171",
            "+43112233",
        ] {
            assert!(!berlin().is_service(number), "{number}");
        }
        let vienna = DialPlan {
            country: "43".to_owned(),
            area: "1".to_owned(),
        };
        assert!(vienna.is_service("144") && vienna.is_service("+431144"));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "", "+", "-", "bridge", "12+3", "++49", "٤٧١١", "12\u{0}", "+49x", "*620",
        ] {
            assert_eq!(digits(text), None, "{text}");
        }
        assert_eq!(digits(&"1".repeat(18)), None);
        assert_eq!(digits("(+49) 30/12-34.56").as_deref(), Some("+4930123456"));
    }

    /// A number of the country whose dial plan the tests have: 7 to 11 digits behind +49.
    fn number() -> impl Strategy<Value = String> {
        "[1-9][0-9]{6,10}".prop_map(|national| format!("+49{national}"))
    }

    /// Writes a number as a person might, with separators in it.
    fn separated(text: &str, at: usize, separator: char) -> String {
        let mut text = text.to_owned();
        let at = 1 + at % text.len();
        text.insert(at.min(text.len()), separator);
        text
    }

    proptest! {
        #[test]
        fn every_spelling_of_a_number_leads_to_it(
            number in number(),
            at in 0..20usize,
            separator in prop::sample::select(vec!['-', '.', '(', ')', ' ', '/']),
        ) {
            let plan = berlin();
            let spellings = plan.spellings(&number);
            for spelling in &spellings {
                let read = digits(&separated(spelling, at, separator));
                prop_assert!(read.is_some_and(|read| spellings.contains(&read)));
            }
        }

        #[test]
        fn no_spelling_of_another_number_does(ours in number(), other in number()) {
            prop_assume!(ours != other);
            let plan = berlin();
            let ours = plan.spellings(&ours);
            for spelling in plan.spellings(&other) {
                // Without any prefix a number in full may look like a local one; what is written is then ours.
                let clear = spelling.starts_with(['+', '0']);
                prop_assert!(!clear || !ours.contains(&spelling));
            }
        }

        #[test]
        fn whatever_is_dialled_is_read_without_panic(text in ".{0,40}") {
            let _ = digits(&text);
            let _ = berlin().is_service(&text);
            let _ = berlin().spellings(&text);
        }
    }
}
