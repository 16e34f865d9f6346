//! What is kept of a scenario: numbers in a file of JSON, and what they mean for the bar.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Done,
    crowd::Loss,
    round::{Outcome, Window},
    scenario::Scenario,
    statistics::{bucket_percentile, median, percentile},
};

/// All there is to know of a scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scene {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) about: String,
    /// People.
    pub(crate) people: usize,
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
    /// Datagrams that did not fit a buffer.
    pub(crate) dropped: u64,
    /// Frames the server made up.
    pub(crate) concealed: u64,
    /// Share of ticks that overran, without those the host took.
    pub(crate) overrun_share: f64,
    /// Lateness of ticks in µs: p50, p99, max, as bounds of buckets.
    pub(crate) late_us: (u64, u64, u64),
    /// Delay added in ms: p50, p99.
    pub(crate) delay_ms: Option<(f64, f64)>,
    /// Seconds the host took.
    pub(crate) stolen_seconds: f64,
    /// The generator's own lateness in µs, p99 of the worst round.
    pub(crate) generator_late_us: f64,
}

/// Most people without loss or overrun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Largest {
    /// On the floor.
    pub(crate) floor: usize,
    /// What ended the search there.
    pub(crate) floor_end: String,
    /// On the server.
    pub(crate) server: usize,
    /// What ended the search there.
    pub(crate) server_end: String,
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

/// One demand of the bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What is demanded and what was measured.
    pub(crate) text: String,
    /// Whether it is met.
    pub(crate) met: bool,
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
        let late_at = |share| bucket_percentile(&late, share).unwrap_or(0);
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
            concealed: sum(|window| window.report.of("frames_concealed")),
            overrun_share: windows.iter().map(|w| w.overrun_share()).sum::<f64>()
                / windows.len() as f64,
            late_us: (late_at(0.5), late_at(0.99), late_at(1.0)),
            delay_ms: percentile(&mut delays, 0.5).zip(percentile(&mut delays, 0.99)),
            stolen_seconds: windows.iter().map(|w| w.stolen.as_secs_f64()).sum(),
            generator_late_us: worst(|window| window.generator_late_us),
        })
    }
}

impl Scene {
    /// Begins the scene of a scenario.
    pub(crate) fn new(scenario: &Scenario, seconds: u64, rounds: usize, floor: Figures) -> Self {
        Self {
            name: scenario.name.to_owned(),
            about: scenario.about.to_owned(),
            people: scenario.people,
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

    /// Tells whether the floor is low enough to measure by; with few legs the slots' own wake-ups weigh more than they
    /// do, and the bar is not about them.
    pub(crate) fn floor_is_valid(&self) -> bool {
        self.people < BAR_PEOPLE || self.floor_to_bare().is_some_and(|ratio| ratio <= FLOOR_MAX)
    }

    /// Returns the floor's cost in terms of the bare loop's.
    pub(crate) fn floor_to_bare(&self) -> Option<f64> {
        Some(self.floor.cpu_ms / self.floor.bare_ms?)
    }

    /// Returns the server's cost in terms of the floor's.
    pub(crate) fn ratio(&self) -> Option<f64> {
        Some(self.server.as_ref().ok()?.cpu_ms / self.floor.cpu_ms)
    }

    /// Compares with the bar.
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        let server = match &self.server {
            Ok(server) => server,
            Err(failure) => {
                return vec![Verdict::new(format!("the scenario runs: {failure}"), false)];
            }
        };
        let mut verdicts = Vec::new();
        if let Some(ratio) = self.ratio().filter(|_| self.people >= BAR_PEOPLE) {
            let text =
                format!("CPU per leg ≤ {RATIO_MAX}× the floor (goal {RATIO_GOAL}×): {ratio:.2}×");
            verdicts.push(Verdict::new(text, ratio <= RATIO_MAX));
        }
        if let Some(Largest { floor, server, .. }) = &self.largest {
            let share = *server as f64 / *floor.max(&1) as f64;
            let text =
                format!("largest N ≥ {SHARE_MIN}× the floor's: {server} of {floor}, {share:.2}×");
            verdicts.push(Verdict::new(text, share >= SHARE_MIN));
        }
        verdicts.extend(quality("", server));
        if let Some(joining) = &self.joining {
            verdicts.extend(quality("while others join: ", joining));
        }
        if let Some(foreign) = self.foreign {
            let Foreign {
                browsers,
                heard_least,
                due,
            } = foreign;
            let text = format!(
                "{browsers} browsers of str0m connect and hear: each at least {heard_least} of {due} packets"
            );
            verdicts.push(Verdict::new(text, heard_least * 100 >= due * 98));
        }
        let kilobytes = server.resident_bytes / 1e3;
        let (encoder, decoder) = (self.codec_bytes.0 / 1e3, self.codec_bytes.1 / 1e3);
        let text = format!(
            "memory ≤ {RESIDENT_MAX_KB} kB per leg beside codec state: {kilobytes:.1} kB in all; a decoder has \
             {decoder:.1} kB, an encoder {encoder:.1} kB"
        );
        // With few legs what the process has anyway weighs more than they do.
        if self.people >= BAR_PEOPLE {
            verdicts.push(Verdict::new(text, kilobytes - decoder <= RESIDENT_MAX_KB));
        }
        verdicts
    }

    /// Writes the scene to its file.
    pub(crate) fn store(&self) -> Done<()> {
        fs::create_dir_all(folder()?)?;
        let file = folder()?.join(format!("{}.json", self.name));
        fs::write(file, serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    /// Reads the scene of a scenario, if it was ever measured.
    pub(crate) fn load(name: &str) -> Option<Self> {
        let file = folder().ok()?.join(format!("{name}.json"));
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }
}

impl Verdict {
    const fn new(text: String, met: bool) -> Self {
        Self { text, met }
    }
}

/// Where results are: `bench` in the target directory this program was built into.
pub(crate) fn folder() -> Done<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or("no target directory")?;
    Ok(target.join("bench"))
}

fn quality(when: &str, figures: &Figures) -> Vec<Verdict> {
    let lost = figures.loss.lost + figures.dropped;
    let mut verdicts = vec![
        Verdict::new(
            format!(
                "{when}no loss: {} of {} packets, {} dropped by full buffers",
                figures.loss.lost, figures.loss.expected, figures.dropped
            ),
            lost == 0,
        ),
        Verdict::new(
            format!(
                "{when}overrun ≤ {:.1} % of ticks: {:.2} %",
                OVERRUN_MAX * 100.0,
                figures.overrun_share * 100.0
            ),
            figures.overrun_share <= OVERRUN_MAX,
        ),
    ];
    if let Some((p50, p99)) = figures.delay_ms {
        let text = format!(
            "{when}delay added p50 ≤ {DELAY_P50_MAX} ms, p99 ≤ {DELAY_P99_MAX} ms: {p50:.0} and {p99:.0} ms"
        );
        verdicts.push(Verdict::new(
            text,
            p50 <= DELAY_P50_MAX && p99 <= DELAY_P99_MAX,
        ));
    }
    verdicts
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
/// Delay added in ms.
pub(crate) const DELAY_P50_MAX: f64 = 45.0;
pub(crate) const DELAY_P99_MAX: f64 = 60.0;
/// Kilobytes per leg.
pub(crate) const RESIDENT_MAX_KB: f64 = 40.0;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again() {
        let scene = scene(0.25, 0.35);
        let text = serde_json::to_string(&scene).unwrap();
        let again: Scene = serde_json::from_str(&text).unwrap();
        assert_eq!(again.verdicts(), scene.verdicts());
        assert_eq!(again.server.unwrap().late_us, (50, 100, 200));
    }

    #[test]
    fn the_bar_is_met_or_missed_by_the_ratio() {
        let met = |scene: Scene| scene.verdicts()[0].met;
        assert!(met(scene(0.25, 0.39)));
        assert!(!met(scene(0.25, 0.41)));
        assert!(
            scene(0.25, 0.3)
                .verdicts()
                .iter()
                .all(|verdict| verdict.met)
        );
        let failed = Scene {
            server: Err("nobody could connect".to_owned()),
            ..scene(0.25, 0.3)
        };
        let verdicts = failed.verdicts();
        assert!(!verdicts[0].met && verdicts[0].text.contains("nobody could connect"));
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
            concealed: 0,
            overrun_share: 0.0,
            late_us: (50, 100, 200),
            delay_ms: Some((30.0, 50.0)),
            stolen_seconds: 0.0,
            generator_late_us: 50.0,
        };
        let scenario = crate::scenario::Name::Phones.scenario();
        let mut scene = Scene::new(&scenario, 10, 3, figures(floor));
        scene.server = Ok(figures(server));
        scene
    }
}
