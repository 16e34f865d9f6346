//! What is kept of a scenario: numbers in a file of JSON, and what they mean for the bar.

use std::{collections::BTreeMap, fs, path::PathBuf};

use rundruf::media::Counter;
use serde::{Deserialize, Serialize};

use crate::{
    Done,
    crowd::Loss,
    delay::Stretches,
    machine::Origin,
    round::{Outcome, Overruns, Window},
    scenario::Scenario,
    search::Largest,
    statistics::{bucket_percentile, median, percentile},
    verdict::{FLOOR_MAX, GENERATOR_LATE_US, Verdict},
    wire::Strain,
};

/// All there is to know of a scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scene {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) about: String,
    /// Name of the file it is kept in: that of the scenario, or another where it was not measured as usual.
    pub(crate) file: String,
    /// Machine and sources.
    pub(crate) origin: Origin,
    /// People.
    pub(crate) people: usize,
    /// Talkers per room.
    pub(crate) talkers: usize,
    /// Seconds of each round.
    pub(crate) seconds: f64,
    /// Rounds, of floor and server in turns.
    pub(crate) rounds: usize,
    /// The floor.
    pub(crate) floor: Figures,
    /// The server, or why it could not do it at all.
    pub(crate) server: Result<Figures, String>,
    /// The server while others joined.
    pub(crate) joining: Option<Figures>,
    /// Most people without loss or overrun.
    pub(crate) largest: Option<Largest>,
    /// The same beside Janus, with as many people as it can be expected to carry.
    pub(crate) beside: Option<Beside>,
    /// How browsers of an independent implementation fared.
    pub(crate) foreign: Option<Foreign>,
    /// Bytes of an encoder's and of a decoder's state, mean over the people.
    pub(crate) codec_bytes: (f64, f64),
}

/// What a program's rounds came to: medians of the rounds, but for what must not happen, which is summed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// CPU milliseconds per second and leg.
    pub(crate) cpu_ms: f64,
    /// Least and most of the rounds.
    pub(crate) cpu_ms_range: (f64, f64),
    /// The bare loop's.
    pub(crate) bare_ms: Option<f64>,
    /// Bytes of memory per leg.
    pub(crate) resident_bytes: f64,
    /// Packets that did not arrive.
    pub(crate) loss: Loss,
    /// Datagrams that did not fit a buffer of the program.
    pub(crate) dropped: u64,
    /// Datagrams that did not fit a buffer of the generator.
    #[serde(default)]
    pub(crate) dropped_elsewhere: u64,
    /// Frames the server made up.
    pub(crate) concealed: u64,
    /// Ticks and overruns.
    pub(crate) overruns: Overruns,
    /// Share of ticks that overran, without those the host took.
    pub(crate) overrun_share: f64,
    /// Lateness of ticks in µs: p50 and p99 as bounds of buckets, and the largest.
    pub(crate) late_us: (u64, u64, u64),
    /// Delay added in ms: p50, p99; what was not found counts as 300 ms.
    pub(crate) delay_ms: Option<(f64, f64)>,
    /// How much of what the observed talkers said was found.
    pub(crate) found: Option<Heard>,
    /// The worst of the worker's load.
    pub(crate) strain: Strain,
    /// At the end of the last round nobody more would have been let in.
    pub(crate) full_at_end: bool,
    /// Seconds the host took.
    pub(crate) stolen_seconds: f64,
    /// The generator's own lateness in µs, p99 of the worst round.
    pub(crate) generator_late_us: f64,
}

/// How much of what talkers said was found in what listeners heard.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// Of all talkers.
    pub(crate) all: Stretches,
    /// The share of the talker of whom least was found.
    pub(crate) least: f64,
}

impl Heard {
    /// Sums up stretches by talker.
    fn of(windows: &[&Window]) -> Option<Self> {
        let mut talkers = BTreeMap::<usize, Stretches>::new();
        let mut all = Stretches::default();
        for (talker, stretches) in windows.iter().flat_map(|window| &window.stretches) {
            *talkers.entry(*talker).or_default() += *stretches;
            all += *stretches;
        }
        // Who said nothing loud in the time of a measurement was not sought.
        let sought = talkers.into_values().filter(|of| of.sought > 0);
        let shares = sought.map(Stretches::share);
        Some(Self {
            all,
            least: shares.min_by(f64::total_cmp)?,
        })
    }
}

/// The server and Janus in turns, over plain RTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Beside {
    /// People.
    pub(crate) people: usize,
    /// The server.
    pub(crate) server: Figures,
    /// Janus.
    pub(crate) janus: Figures,
}

/// Browsers of an independent implementation on the same server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Foreign {
    /// How many there were.
    pub(crate) browsers: usize,
    /// The least packets any of them heard.
    pub(crate) heard_least: u64,
    /// Packets the server sent each meanwhile, about.
    pub(crate) due: u64,
}

impl Figures {
    /// Sums up rounds.
    pub(crate) fn of(outcomes: &[Outcome], people: usize) -> Option<Self> {
        let windows: Vec<&Window> = outcomes.iter().map(|outcome| &outcome.calm).collect();
        let bare: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.bare).collect();
        let resident: Vec<f64> = outcomes.iter().map(|outcome| outcome.resident).collect();
        let figures = Self::of_windows(&windows, people)?;
        Some(Self {
            bare_ms: median(&bare),
            resident_bytes: median(&resident)?,
            ..figures
        })
    }

    /// Sums up stretches of time.
    pub(crate) fn of_windows(windows: &[&Window], people: usize) -> Option<Self> {
        let cpu = windows.iter().map(|window| {
            window.cpu.as_secs_f64() * 1e3 / window.time.as_secs_f64() / people as f64
        });
        let mut cpu: Vec<f64> = cpu.collect();
        let mut delays: Vec<f64> = windows.iter().flat_map(|w| w.delays.clone()).collect();
        let mut late = windows.first()?.report.lateness.clone();
        for window in &windows[1..] {
            let more = window.report.lateness.iter();
            late.iter_mut().zip(more).for_each(|(a, b)| a.1 += b.1);
        }
        let reports = windows.iter().map(|window| &window.report);
        let latest = reports.map(|report| report.late_most_us).max().unwrap_or(0);
        let late_at = |share| bucket_percentile(&late, share).unwrap_or(0).min(latest);
        let mut overruns = Overruns::default();
        windows.iter().for_each(|w| overruns += w.overruns());
        let strains = windows.iter().map(|window| window.report.strain);
        let sum = |of: fn(&Window) -> u64| windows.iter().map(|window| of(window)).sum();
        let worst = |of: fn(&Window) -> f64| windows.iter().map(|w| of(w)).fold(0.0, f64::max);
        Some(Self {
            cpu_ms: median(&cpu)?,
            cpu_ms_range: (percentile(&mut cpu, 0.0)?, percentile(&mut cpu, 1.0)?),
            bare_ms: None,
            resident_bytes: 0.0,
            loss: Loss {
                expected: sum(|window| window.loss.expected),
                lost: sum(|window| window.loss.lost),
            },
            dropped: sum(|window| window.dropped),
            dropped_elsewhere: sum(|window| window.dropped_elsewhere),
            concealed: sum(|window| window.report.of("frames_concealed")),
            overruns,
            overrun_share: overruns.share(),
            late_us: (late_at(0.5), late_at(0.99), latest),
            delay_ms: percentile(&mut delays, 0.5).zip(percentile(&mut delays, 0.99)),
            found: Heard::of(windows),
            strain: strains.fold(Strain::default(), Strain::max),
            full_at_end: windows.last()?.report.of(Counter::LoadFull.name()) > 0,
            stolen_seconds: windows.iter().map(|w| w.stolen.as_secs_f64()).sum(),
            generator_late_us: worst(|window| window.generator_late_us),
        })
    }
}

impl Figures {
    /// Tells whether the generator was so late itself that delays and loss are not the program's alone.
    pub(crate) fn generator_is_late(&self) -> bool {
        self.generator_late_us > GENERATOR_LATE_US
    }
}

impl Scene {
    /// Begins the scene of a scenario.
    pub(crate) fn new(scenario: &Scenario, seconds: u64, rounds: usize, floor: Figures) -> Self {
        Self {
            name: scenario.name.to_owned(),
            about: scenario.about.to_owned(),
            file: scenario.name.to_owned(),
            origin: Origin::default(),
            people: scenario.people,
            talkers: scenario.talkers,
            seconds: seconds as f64,
            rounds,
            floor,
            server: Err("it was not measured".to_owned()),
            joining: None,
            largest: None,
            beside: None,
            foreign: None,
            codec_bytes: (0.0, 0.0),
        }
    }

    /// Tells whether the floor is low enough to measure by. With few legs it hardly ever is: the slots' own wake-ups weigh
    /// more than they do.
    pub(crate) fn floor_is_valid(&self) -> bool {
        self.floor_to_bare().is_some_and(|ratio| ratio <= FLOOR_MAX)
    }

    /// Returns the floor's cost in terms of the bare loop's.
    pub(crate) fn floor_to_bare(&self) -> Option<f64> {
        Some(self.floor.cpu_ms / self.floor.bare_ms?)
    }

    /// Returns the server's cost in terms of the floor's.
    pub(crate) fn ratio(&self) -> Option<f64> {
        Some(self.server.as_ref().ok()?.cpu_ms / self.floor.cpu_ms)
    }

    /// Writes the scene to its file, with what it means.
    pub(crate) fn store(&self) -> Done<PathBuf> {
        fs::create_dir_all(folder()?)?;
        let file = folder()?.join(format!("{}.json", self.file));
        let stored = Stored {
            scene: self,
            floor_is_valid: self.floor_is_valid(),
            verdicts: self.verdicts(),
        };
        fs::write(&file, serde_json::to_vec_pretty(&stored)?)?;
        Ok(file)
    }

    /// Reads the scene of a scenario, if it was ever measured as usual.
    pub(crate) fn load(name: &str) -> Option<Self> {
        let file = folder().ok()?.join(format!("{name}.json"));
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }
}

/// A scene as it is written: who reads it elsewhere has no bar to compare with.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(flatten)]
    scene: &'a Scene,
    floor_is_valid: bool,
    verdicts: Vec<Verdict>,
}

/// Where results are: `bench` in the target directory this program was built into.
pub(crate) fn folder() -> Done<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("no target directory")?;
    Ok(target.join("bench"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        let scene = scene(0.25, 0.35);
        let stored = Stored {
            scene: &scene,
            floor_is_valid: true,
            verdicts: scene.verdicts(),
        };
        let text = serde_json::to_string(&stored).unwrap();
        assert!(text.contains("\"state\":\"Met\""), "{text}");
        let again: Scene = serde_json::from_str(&text).unwrap();
        assert_eq!(again.verdicts(), scene.verdicts());
        assert_eq!(again.server.unwrap().late_us, (50, 100, 200));
    }

    #[test]
    fn a_floor_far_above_the_bare_loop_is_no_floor() {
        assert!(scene(0.27, 0.3).floor_is_valid());
        assert!(!scene(0.29, 0.3).floor_is_valid());
    }

    pub(crate) fn scene(floor: f64, server: f64) -> Scene {
        let figures = |cpu_ms| Figures {
            cpu_ms,
            cpu_ms_range: (cpu_ms, cpu_ms),
            bare_ms: Some(0.2),
            resident_bytes: 30_000.0,
            loss: Loss {
                expected: 1_000,
                lost: 0,
            },
            dropped: 0,
            dropped_elsewhere: 0,
            concealed: 0,
            overruns: Overruns::default(),
            overrun_share: 0.0,
            late_us: (50, 100, 200),
            delay_ms: Some((30.0, 50.0)),
            found: Some(Heard {
                all: Stretches {
                    sought: 200,
                    found: 199,
                },
                least: 0.99,
            }),
            strain: Strain::default(),
            full_at_end: false,
            stolen_seconds: 0.0,
            generator_late_us: 50.0,
        };
        let scenario = crate::scenario::Name::Phones.scenario();
        let mut scene = Scene::new(&scenario, 10, 3, figures(floor));
        scene.server = Ok(figures(server));
        scene
    }
}
