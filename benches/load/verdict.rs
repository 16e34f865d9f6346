//! The bar, and how a scenario's figures stand to it.

use serde::Serialize;

use crate::{
    crowd::Loss,
    result::{Figures, Foreign, Scene},
    search::{End, Largest},
    wire::Strain,
};

/// One demand of the bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// What is demanded and what was measured.
    pub(crate) text: String,
    /// How the two stand to each other.
    pub(crate) state: State,
}

/// How a demand stands to what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// It is met.
    Met,
    /// It is missed.
    Missed,
    /// What it is measured by was not found out.
    NotComparable,
    /// The generator disturbed the measurement.
    NotValid,
}

impl State {
    /// Returns the word for the reader.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::NotComparable => "not comparable",
            Self::NotValid => "not valid",
        }
    }

    const fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    /// Returns the same where what it says is worth something.
    const fn only_if(self, valid: bool, otherwise: Self) -> Self {
        if valid { self } else { otherwise }
    }
}

impl Verdict {
    const fn new(text: String, state: State) -> Self {
        Self { text, state }
    }
}

impl Scene {
    /// Compares with the bar.
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        let server = match &self.server {
            Ok(server) => server,
            Err(failure) => {
                let text = format!("the scenario runs: {failure}");
                return vec![Verdict::new(text, State::Missed)];
            }
        };
        let mut verdicts = Vec::new();
        if let Some(ratio) = self.ratio().filter(|_| self.people >= BAR_PEOPLE) {
            let text = format!(
                "CPU per leg ≤ {RATIO_MAX}× the floor (goal {RATIO_GOAL}×): {ratio:.2}×, {}",
                effort(server.strain)
            );
            let state = State::of(ratio <= RATIO_MAX);
            let state = state.only_if(self.floor_is_valid(), State::NotComparable);
            verdicts.push(Verdict::new(text, state));
        }
        verdicts.extend(self.largest.as_ref().map(most));
        verdicts.extend(quality("", server, self.talkers));
        if let Some(joining) = &self.joining {
            verdicts.extend(quality("while others join: ", joining, self.talkers));
        }
        verdicts.extend(self.foreign.map(strangers));
        // With few legs what the process has anyway weighs more than they do.
        if self.people >= BAR_PEOPLE {
            verdicts.push(memory(server, self.codec_bytes));
        }
        verdicts
    }
}

/// Says what a worker gave up.
pub(crate) fn effort(strain: Strain) -> String {
    match strain {
        Strain { steps: 0, .. } => "at full effort".to_owned(),
        Strain {
            steps,
            places_lost: 0,
            ..
        } => format!("with the EFFORT REDUCED by {steps}"),
        Strain {
            steps, places_lost, ..
        } => format!("with the EFFORT REDUCED by {steps}, {places_lost} places fewer"),
    }
}

/// Only a floor that was itself the reason for the end of its search tells what can be reached; a server that was not
/// reaches at least what was found.
fn most(largest: &Largest) -> Verdict {
    let Largest { floor, server, .. } = largest;
    let share = server.people as f64 / floor.people.max(1) as f64;
    let text = format!("largest N ≥ {SHARE_MIN}× the floor's: {server} of {floor}, {share:.2}×");
    let reached = share >= SHARE_MIN;
    let is_known = floor.end == End::Program && floor.confirmed && floor.people > 0;
    let server_is_known = server.confirmed && (reached || server.end == End::Program);
    let state = State::of(reached).only_if(is_known && server_is_known, State::NotComparable);
    Verdict::new(text, state)
}

fn quality(when: &str, figures: &Figures, talkers: usize) -> Vec<Verdict> {
    let Loss { lost, expected } = figures.loss;
    let undisturbed = !figures.generator_is_late();
    let mut verdicts = vec![Verdict::new(
        format!(
            "{when}no loss: {lost} of {expected} packets, {} dropped by full buffers, {} by the generator's",
            figures.dropped, figures.dropped_elsewhere
        ),
        State::of(lost + figures.dropped == 0).only_if(
            undisturbed && (lost == 0 || figures.dropped_elsewhere == 0),
            State::NotValid,
        ),
    )];
    let unheard = figures.strain.unheard(talkers);
    verdicts.push(Verdict::new(
        format!(
            "{when}everybody who talks has a place: {unheard} without one, {}, load at most {:.1} %{}",
            effort(figures.strain),
            figures.strain.peak_permille as f64 / 10.0,
            if figures.strain.full {
                ", nobody more ADMITTED"
            } else {
                ""
            }
        ),
        State::of(unheard == 0),
    ));
    let overruns = figures.overruns;
    verdicts.push(Verdict::new(
        format!(
            "{when}overrun ≤ {:.1} % of ticks: {:.2} %; {} of {} ({} skipped), {} excused by the host",
            OVERRUN_MAX * 100.0,
            figures.overrun_share * 100.0,
            overruns.overrun,
            overruns.ticks,
            overruns.skipped,
            overruns.excused
        ),
        State::of(figures.overrun_share <= OVERRUN_MAX),
    ));
    if let Some(found) = figures.found {
        let text = format!(
            "{when}each talker found in ≥ {:.0} % of what they said: {:.1} % of the least, {} of {} in all",
            FOUND_MIN * 100.0,
            found.least * 100.0,
            found.all.found,
            found.all.sought
        );
        let state = State::of(found.least >= FOUND_MIN);
        verdicts.push(Verdict::new(
            text,
            state.only_if(undisturbed, State::NotValid),
        ));
    }
    if let Some((p50, p99)) = figures.delay_ms {
        let text = format!(
            "{when}delay added p50 ≤ {DELAY_P50_MAX} ms, p99 ≤ {DELAY_P99_MAX} ms: {p50:.0} and {p99:.0} ms"
        );
        let state = State::of(p50 <= DELAY_P50_MAX && p99 <= DELAY_P99_MAX);
        verdicts.push(Verdict::new(
            text,
            state.only_if(undisturbed, State::NotValid),
        ));
    }
    verdicts
}

fn strangers(foreign: Foreign) -> Verdict {
    let Foreign {
        browsers,
        heard_least,
        due,
    } = foreign;
    let text = format!(
        "{browsers} browsers of str0m connect and hear: each at least {heard_least} of {due} packets"
    );
    Verdict::new(text, State::of(heard_least * 100 >= due * 98))
}

fn memory(server: &Figures, codec_bytes: (f64, f64)) -> Verdict {
    let kilobytes = server.resident_bytes / 1e3;
    let (encoder, decoder) = (codec_bytes.0 / 1e3, codec_bytes.1 / 1e3);
    let text = format!(
        "memory ≤ {RESIDENT_MAX_KB} kB per leg beside codec state: {kilobytes:.1} kB in all; a decoder has \
         {decoder:.1} kB, an encoder {encoder:.1} kB"
    );
    Verdict::new(text, State::of(kilobytes - decoder <= RESIDENT_MAX_KB))
}

/// The bar is about this many people.
pub(crate) const BAR_PEOPLE: usize = 1_000;
/// The floor's cost in terms of the bare loop's, at most.
pub(crate) const FLOOR_MAX: f64 = 1.4;
/// The server's cost in terms of the floor's, at most, and better.
pub(crate) const RATIO_MAX: f64 = 1.6;
const RATIO_GOAL: f64 = 1.3;
/// Most people on the server in terms of most people on the floor, at least.
pub(crate) const SHARE_MIN: f64 = 0.6;
/// Share of ticks that may overrun.
pub(crate) const OVERRUN_MAX: f64 = 0.001;
/// Share of a talker's loud stretches that is found where all is well.
const FOUND_MIN: f64 = 0.95;
/// Delay added in ms.
pub(crate) const DELAY_P50_MAX: f64 = 45.0;
pub(crate) const DELAY_P99_MAX: f64 = 60.0;
/// Kilobytes per leg.
pub(crate) const RESIDENT_MAX_KB: f64 = 40.0;
/// Lateness of the generator from which it disturbs what it measures.
pub(crate) const GENERATOR_LATE_US: f64 = 2_000.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{result::tests::scene, search::Found};

    #[test]
    fn the_bar_is_met_or_missed_by_the_ratio_if_the_floor_is_one() {
        let state = |floor, server| scene(floor, server).verdicts()[0].state;
        assert_eq!(state(0.25, 0.39), State::Met);
        assert_eq!(state(0.25, 0.41), State::Missed);
        assert_eq!(state(0.29, 0.3), State::NotComparable);
        let verdicts = scene(0.25, 0.3).verdicts();
        assert!(verdicts.iter().all(|verdict| verdict.state == State::Met));
        let failed = Scene {
            server: Err("nobody could connect".to_owned()),
            ..scene(0.25, 0.3)
        };
        let verdicts = failed.verdicts();
        assert_eq!(verdicts[0].state, State::Missed);
        assert!(verdicts[0].text.contains("nobody could connect"));
    }

    #[test]
    fn a_floor_that_was_not_the_end_of_its_search_is_no_measure() {
        let found = |people, end| Found {
            people,
            end,
            detail: String::new(),
            confirmed: true,
        };
        let state = |floor, server| {
            let admitted = None;
            most(&Largest {
                floor,
                server,
                admitted,
            })
            .state
        };
        let floor = found(2_000, End::Program);
        assert_eq!(state(floor.clone(), found(1_200, End::Program)), State::Met);
        assert_eq!(state(floor.clone(), found(1_200, End::Cap)), State::Met);
        let missed = state(floor.clone(), found(1_100, End::Program));
        assert_eq!(missed, State::Missed);
        for end in [End::Generator, End::Time, End::Cap, End::Failed] {
            let few = state(floor.clone(), found(1_100, end));
            assert_eq!(few, State::NotComparable);
            let cut_short = state(found(2_000, end), found(2_000, End::Program));
            assert_eq!(cut_short, State::NotComparable);
        }
        let unconfirmed = Found {
            confirmed: false,
            ..floor
        };
        let state = state(unconfirmed, found(2_000, End::Program));
        assert_eq!(state, State::NotComparable);
    }

    #[test]
    fn a_late_generator_leaves_no_verdict_on_loss_and_delay() {
        let mut scene = scene(0.25, 0.3);
        let server = scene.server.as_mut().unwrap();
        server.generator_late_us = GENERATOR_LATE_US + 1.0;
        server.loss.lost = 1;
        let of = |word: &str| {
            let verdicts = scene.verdicts();
            verdicts
                .iter()
                .find(|v| v.text.contains(word))
                .unwrap()
                .state
        };
        assert_eq!(
            (of("loss"), of("delay")),
            (State::NotValid, State::NotValid)
        );
        assert_eq!(of("overrun"), State::Met);
    }

    #[test]
    fn talkers_without_a_place_are_a_miss() {
        let mut scene = scene(0.25, 0.3);
        let server = scene.server.as_mut().unwrap();
        server.strain = Strain {
            steps: 4,
            places_lost: 6,
            ..Strain::default()
        };
        let verdicts = scene.verdicts();
        assert!(verdicts[0].text.contains("EFFORT REDUCED by 4"));
        let place = verdicts.iter().find(|v| v.text.contains("has a place"));
        assert_eq!(place.unwrap().state, State::Missed);
    }
}
