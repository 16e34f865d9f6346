//! The most people that floor and server do without loss or overrun, and whom the server would let in.
//!
//! ```text
//! probes of 4 s: up by a quarter or down by half, then between ─ to a sixteenth
//!     └─ the largest that was good ─ confirmed over a minute, else a sixteenth fewer
//! ```
//!
//! How a search ended says what its number is worth: only where the program was at its limit it is the program's.

use std::{fmt, time::Duration};

use rundruf::limit::LEGS_MAX;
use serde::{Deserialize, Serialize};

use crate::{
    Done, machine,
    result::Figures,
    round::{self, Scripts},
    scenario::Scenario,
    verdict::{GENERATOR_LATE_US, OVERRUN_MAX},
    wire::Program,
};

/// What the searches found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Largest {
    /// Most people on the floor.
    pub(crate) floor: Found,
    /// Most people on the server.
    pub(crate) server: Found,
    /// With how many people at most the server would still let somebody in.
    pub(crate) admitted: Option<Found>,
}

/// The result of one search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// People.
    pub(crate) people: usize,
    /// Why there are no more.
    pub(crate) end: End,
    /// The same with numbers, for the reader.
    pub(crate) detail: String,
    /// It was measured for long enough to judge overruns by.
    pub(crate) confirmed: bool,
}

/// Why a search goes no higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    /// The program lost packets, overran, left talkers out or lets nobody in.
    Program,
    /// The generator was late itself.
    Generator,
    /// The time of the search was over.
    Time,
    /// More cannot be tried: legs of a server, or open files.
    Cap,
    /// The measurement itself failed.
    Failed,
}

impl End {
    /// Says it in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Program => "it was at its limit",
            Self::Generator => "the generator was at its limit",
            Self::Time => "the time of the search was over",
            Self::Cap => "more cannot be tried",
            Self::Failed => "a measurement failed",
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.end != End::Program {
            out.write_str("at least ")?;
        }
        write!(out, "{}", self.people)?;
        if self.confirmed {
            Ok(())
        } else {
            out.write_str(" (unconfirmed)")
        }
    }
}

/// Why a measurement was not clean.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    end: End,
    detail: String,
}

impl Trouble {
    const fn new(end: End, detail: String) -> Self {
        Self { end, detail }
    }
}

/// What a search knows so far.
#[derive(Debug)]
struct Bounds {
    /// The most people that were good.
    good: usize,
    /// The fewest that were not, and why.
    bad: Option<(usize, Trouble)>,
    most: usize,
}

impl Bounds {
    const fn new(most: usize) -> Self {
        Self {
            good: 0,
            bad: None,
            most,
        }
    }

    /// Returns how many to try next, until the largest number is known to a sixteenth.
    fn next(&self) -> Option<usize> {
        let next = match (self.good, &self.bad) {
            (0, None) => SEARCH_FROM.min(self.most),
            (good, None) if good == self.most => return None,
            (good, None) => (good * 5 / 4).min(self.most),
            (good, Some((bad, _))) if bad - good <= good / 16 + 1 => return None,
            (good, Some((bad, _))) => good.midpoint(*bad),
        };
        (next >= SEARCH_LEAST.min(self.most)).then_some(next)
    }

    fn note(&mut self, people: usize, trouble: Option<Trouble>) {
        match trouble {
            None => self.good = self.good.max(people),
            Some(trouble) => {
                self.bad = Some((people, trouble));
                if self.good >= people {
                    self.good = people - people / 16 - 1;
                }
            }
        }
    }

    /// Says what was found; `cut` is why the search ended early, if it did.
    fn found(self, cut: Option<Trouble>, confirmed: bool) -> Found {
        let most = self.most;
        let cap = || Trouble::new(End::Cap, format!("the search ends at {most}"));
        let trouble = cut.unwrap_or_else(|| self.bad.map_or_else(cap, |(_, trouble)| trouble));
        Found {
            people: self.good,
            end: trouble.end,
            detail: trouble.detail,
            confirmed,
        }
    }
}

/// Searches on floor and server.
pub(crate) fn largest(scenario: &Scenario) -> Done<Largest> {
    let scripts = Scripts::new(scenario)?;
    let most = (machine::files()? / 2 - FILES_KEPT).min(LEGS_MAX);
    let search = |program| Search {
        program,
        scenario,
        scripts: &scripts,
        most,
        admissions: Vec::new(),
    };
    let floor = search(Program::Floor).most_that_fit();
    let mut server = search(Program::Server);
    Ok(Largest {
        floor,
        server: server.most_that_fit(),
        admitted: server.most_admitted(),
    })
}

/// A search on one program.
struct Search<'a> {
    program: Program,
    scenario: &'a Scenario,
    scripts: &'a Scripts,
    most: usize,
    /// With how many people somebody more would have been let in at the end of a measurement, and with how many not.
    admissions: Vec<(usize, bool)>,
}

impl Search<'_> {
    fn most_that_fit(&mut self) -> Found {
        let until = machine::now() + SEARCH_TIME;
        let mut bounds = Bounds::new(self.most);
        while let Some(people) = bounds.next() {
            if machine::now() > until {
                let detail = format!("{} s were over before {people}", SEARCH_TIME.as_secs());
                let confirmed = self.confirm(&mut bounds);
                return bounds.found(Some(Trouble::new(End::Time, detail)), confirmed);
            }
            let trouble = self.trouble_with(people);
            bounds.note(people, trouble);
        }
        let confirmed = self.confirm(&mut bounds);
        bounds.found(None, confirmed)
    }

    /// Tells what went wrong with so many people. A machine disturbs a measurement but never betters it, so what fails is
    /// tried once more.
    fn trouble_with(&mut self, people: usize) -> Option<Trouble> {
        let mut trouble = None;
        for _ in 0..PROBES {
            trouble = Some(self.measure(people, PROBE, 1)?);
        }
        trouble
    }

    /// Measures what was found long enough to tell one overrun in a thousand; goes down where that fails.
    fn confirm(&mut self, bounds: &mut Bounds) -> bool {
        for _ in 0..CONFIRM_TRIES {
            if bounds.good == 0 {
                return false;
            }
            let people = bounds.good;
            let trouble = self.measure(people, CONFIRM, CONFIRM_ROUNDS);
            if trouble.is_none() {
                return true;
            }
            bounds.note(people, trouble);
        }
        false
    }

    /// Measures some rounds with so many people; tells what was wrong in all of them together.
    fn measure(&mut self, people: usize, time: Duration, rounds: usize) -> Option<Trouble> {
        let scenario = Scenario {
            people,
            ..*self.scenario
        };
        let mut outcomes = Vec::new();
        for _ in 0..rounds {
            match round::measure(self.program, &scenario, self.scripts, time) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    let detail = format!("at {people}: {error}");
                    return Some(Trouble::new(End::Failed, detail));
                }
            }
        }
        let figures = Figures::of(&outcomes, people)?;
        self.admissions.push((people, !figures.full_at_end));
        trouble_in(&figures, &scenario)
    }

    /// Searches between what is known of the admission from the measurements before.
    fn most_admitted(&mut self) -> Option<Found> {
        let until = machine::now() + ADMISSION_TIME;
        loop {
            let bounds = admission(&self.admissions, self.most)?;
            // Above what the server carries nobody would look.
            let Some(people) = bounds.next().filter(|_| bounds.bad.is_some()) else {
                return Some(self.found_admitted(bounds, None));
            };
            if machine::now() > until {
                let detail = format!("{} s were over before {people}", ADMISSION_TIME.as_secs());
                let cut = Trouble::new(End::Time, detail);
                return Some(self.found_admitted(bounds, Some(cut)));
            }
            let known = self.admissions.len();
            let trouble = self.measure(people, PROBE, 1);
            if self.admissions.len() == known {
                return Some(self.found_admitted(bounds, trouble));
            }
        }
    }

    fn found_admitted(&self, bounds: Bounds, cut: Option<Trouble>) -> Found {
        let tried = self.admissions.iter().map(|(people, _)| *people).max();
        let highest = |tried| Trouble::new(End::Cap, format!("nobody more was tried than {tried}"));
        let untried = bounds.bad.is_none().then(|| highest(tried.unwrap_or(0)));
        bounds.found(cut.or(untried), true)
    }
}

/// Sorts out with how many people somebody more is let in; none where nothing was measured.
fn admission(known: &[(usize, bool)], most: usize) -> Option<Bounds> {
    let refused = known.iter().filter(|(_, admits)| !admits);
    let refused = refused.map(|(people, _)| *people).min();
    let admitted = known
        .iter()
        .filter(|(people, admits)| *admits && refused.is_none_or(|refused| *people < refused));
    let admitted = admitted.map(|(people, _)| *people).max();
    if refused.is_none() && admitted.is_none() {
        return None;
    }
    Some(Bounds {
        good: admitted.unwrap_or(0),
        bad: refused.map(|people| {
            let detail = format!("at {people} nobody more is let in");
            (people, Trouble::new(End::Program, detail))
        }),
        most,
    })
}

/// Tells what was lost, late or left out, if anything.
fn trouble_in(figures: &Figures, scenario: &Scenario) -> Option<Trouble> {
    let people = scenario.people;
    let program = |text: String| Some(Trouble::new(End::Program, format!("at {people}: {text}")));
    let (lost, dropped) = (figures.loss.lost, figures.dropped);
    let unheard = figures.strain.unheard(scenario.talkers);
    if figures.generator_is_late() {
        let late = figures.generator_late_us / 1e3;
        let most = GENERATOR_LATE_US / 1e3;
        let detail =
            format!("at {people}: the generator was {late:.1} ms late, {most} are allowed");
        Some(Trouble::new(End::Generator, detail))
    } else if lost + dropped > 0 {
        program(format!(
            "{lost} packets lost, {dropped} dropped by full buffers"
        ))
    } else if figures.overrun_share > OVERRUN_MAX {
        let share = figures.overrun_share * 100.0;
        program(format!("{share:.1} % of ticks overran"))
    } else if unheard > 0 {
        program(format!("{unheard} talkers had no place"))
    } else {
        None
    }
}

/// Time of one step of the search, and how often it is tried.
const PROBE: Duration = Duration::from_secs(4);
const PROBES: usize = 2;
/// Time of the confirmation: a minute has 3,000 ticks, of which three may overrun.
const CONFIRM: Duration = Duration::from_secs(20);
const CONFIRM_ROUNDS: usize = 3;
/// How often a number is confirmed, each time with fewer people, before it stays unconfirmed.
const CONFIRM_TRIES: usize = 6;
/// Time after which a program's search takes no further steps, beside the confirmation.
const SEARCH_TIME: Duration = Duration::from_secs(300);
/// The same of the search for whom the server lets in.
const ADMISSION_TIME: Duration = Duration::from_secs(120);
/// People the search begins with, and below which it gives up.
const SEARCH_FROM: usize = 1_000;
const SEARCH_LEAST: usize = 25;
/// Open files that are not sockets of legs.
const FILES_KEPT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_the_most_people_to_a_few_percent() {
        for limit in [60, 400, 999, 1_000, 1_300, 2_100, 3_999] {
            let (found, probes) = search(8_000, limit);
            assert!(found.people <= limit, "{found} of {limit}");
            assert!(
                found.people + found.people / 16 + 2 > limit,
                "{found} of {limit}"
            );
            assert!(probes <= 12, "{probes} probes for {limit}");
            assert_eq!(found.end, End::Program);
        }
        let (found, _) = search(4_000, 5_000);
        assert_eq!((found.people, found.end), (4_000, End::Cap));
        assert_eq!(search(4_000, 0).0.people, 0);
    }

    #[test]
    fn what_was_not_confirmed_is_not_claimed() {
        let mut bounds = Bounds::new(4_000);
        bounds.note(1_000, None);
        bounds.note(1_060, Some(trouble()));
        assert_eq!(bounds.next(), None);
        bounds.note(1_000, Some(trouble()));
        assert_eq!(bounds.good, 937);
        let found = bounds.found(None, false);
        assert_eq!(found.to_string(), "937 (unconfirmed)");
        let cut = Some(Trouble::new(End::Time, String::new()));
        let found = Bounds::new(10).found(cut, true);
        assert_eq!(found.to_string(), "at least 0");
    }

    #[test]
    fn an_admission_once_refused_is_not_believed_above() {
        let bounds = admission(&[(500, true), (1_000, false), (1_250, true)], 4_000);
        let bounds = bounds.unwrap();
        assert_eq!((bounds.good, bounds.bad.as_ref().unwrap().0), (500, 1_000));
        assert_eq!(bounds.next(), Some(750));
        assert!(admission(&[], 4_000).is_none());
        let open = admission(&[(500, true)], 4_000).unwrap();
        assert_eq!((open.good, open.bad), (500, None));
    }

    fn search(most: usize, limit: usize) -> (Found, usize) {
        let (mut bounds, mut probes) = (Bounds::new(most), 0);
        while let Some(people) = bounds.next() {
            probes += 1;
            bounds.note(people, (people > limit).then(trouble));
        }
        (bounds.found(None, true), probes)
    }

    fn trouble() -> Trouble {
        Trouble::new(End::Program, "it was too much".to_owned())
    }
}
