//! One measurement: a child is started, people come in, time passes, and what it cost is told.

use std::{
    collections::BTreeMap,
    io::Write,
    ops::AddAssign,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use rundruf::media::Counter;
use serde::{Deserialize, Serialize};

use crate::{
    Done,
    child::Measured,
    crowd::{Crowd, Loss, Part, spread},
    delay::Stretches,
    machine,
    scenario::{Scenario, Talk},
    script::Script,
    statistics::{median, percentile},
    wire::{Answer, Ask, Kind, Leg, Program, Report},
};

/// What one measurement yields.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// CPU milliseconds per second and leg of the bare loop.
    pub(crate) bare: Option<f64>,
    /// Bytes of memory per leg.
    pub(crate) resident: f64,
    /// The measured time, with the people of the scenario.
    pub(crate) calm: Window,
    /// The time in which others joined.
    pub(crate) joining: Option<Window>,
}

/// What was seen in a stretch of time.
#[derive(Debug)]
pub(crate) struct Window {
    /// How long it was.
    pub(crate) time: Duration,
    /// CPU time of the program.
    pub(crate) cpu: Duration,
    /// What did not reach the people of the scenario.
    pub(crate) loss: Loss,
    /// Datagrams that did not fit a buffer of the program.
    pub(crate) dropped: u64,
    /// Datagrams that did not fit another buffer, which is the generator's unless the machine does something else.
    pub(crate) dropped_elsewhere: u64,
    /// What the program counted.
    pub(crate) report: Report,
    /// CPU time the host took.
    pub(crate) stolen: Duration,
    /// How late the generator was, 99th percentile.
    pub(crate) generator_late_us: f64,
    /// Delays of sound in ms; what was not found is among them.
    pub(crate) delays: Vec<f64>,
    /// What was found of each observed talker.
    pub(crate) stretches: BTreeMap<usize, Stretches>,
}

/// Ticks, and those that could be heard to fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overruns {
    /// Ticks that were due.
    pub(crate) ticks: u64,
    /// Those that overran, and those that were left out because the clock was too far behind.
    pub(crate) overrun: u64,
    /// Those that were left out.
    pub(crate) skipped: u64,
    /// Those that the host may have caused.
    pub(crate) excused: u64,
}

impl Overruns {
    /// Returns the share of ticks that overran and are not excused.
    pub(crate) fn share(self) -> f64 {
        (self.overrun - self.excused) as f64 / self.ticks.max(1) as f64
    }
}

impl AddAssign for Overruns {
    fn add_assign(&mut self, other: Self) {
        self.ticks += other.ticks;
        self.overrun += other.overrun;
        self.skipped += other.skipped;
        self.excused += other.excused;
    }
}

impl Window {
    /// Returns the overruns. The host that took a slice of time may have delayed every tick that was due in that slice, but
    /// no more than those.
    pub(crate) fn overruns(&self) -> Overruns {
        let skipped = self.report.of(Counter::SkippedTicks.name());
        let ticks = self.report.ticks() + skipped;
        let overrun = self.report.overruns + skipped;
        let stolen = u128::from(ticks) * self.stolen.as_nanos() / self.time.as_nanos().max(1);
        Overruns {
            ticks,
            overrun,
            skipped,
            excused: u64::try_from(stolen).unwrap_or(u64::MAX).min(overrun),
        }
    }
}

/// What everybody says.
pub(crate) struct Scripts(BTreeMap<(Kind, bool), Vec<Arc<Script>>>);

impl Scripts {
    /// Makes the scripts of a scenario.
    pub(crate) fn new(scenario: &Scenario) -> Done<Self> {
        let mut scripts = BTreeMap::new();
        for kind in scenario.kinds {
            let speech: Vec<_> = match scenario.talk {
                Talk::AtOnce => (0..VOICES)
                    .map(|seed| Script::speech(*kind, seed).map(Arc::new))
                    .collect::<Done<_>>()?,
                Talk::InTurns => (0..CONVERSATIONS)
                    .map(|seed| Script::conversation(*kind, seed))
                    .collect::<Done<Vec<_>>>()?
                    .into_iter()
                    .flatten()
                    .map(Arc::new)
                    .collect(),
            };
            scripts.insert((*kind, true), speech);
            let open = Script::open_microphone(*kind, VOICES)?;
            scripts.insert((*kind, false), vec![Arc::new(open)]);
        }
        Ok(Self(scripts))
    }

    /// Returns the script of a person; talkers of a room have different voices, as far as there are any.
    fn of(&self, scenario: &Scenario, number: usize) -> Done<Part> {
        let place = scenario.place(number);
        let choice = self.0.get(&(place.kind, place.talks));
        let choice = choice.ok_or("nothing to say")?;
        let (within, room) = (number / scenario.rooms, number % scenario.rooms);
        // Partners have the two halves of a conversation, and are at the same point of it.
        let (which, begins) = match (scenario.talk, place.talks) {
            (Talk::InTurns, true) => (2 * room + within, room),
            (Talk::InTurns, false) | (Talk::AtOnce, _) => (within, number),
        };
        let script = Arc::clone(&choice[which % choice.len()]);
        Ok(Part {
            position: spread(begins, script.packets.len()),
            script,
        })
    }
}

/// Measures a program once, and says so before: a scenario with its searches takes a quarter of an hour.
pub(crate) fn measure(
    program: Program,
    scenario: &Scenario,
    scripts: &Scripts,
    time: Duration,
) -> Done<Outcome> {
    writeln!(
        std::io::stderr(),
        "{}: {}, {} people, {} s …",
        scenario.name,
        program.name(),
        scenario.people,
        time.as_secs()
    )?;
    let mut child = Measured::start(program)?;
    // Where it is refused, the generator's lateness tells whether that mattered.
    let _ = machine::realtime(machine::WORKER_PRIORITY);
    let mut crowd = Crowd::new()?;
    let empty = machine::resident(child.id())?;
    enter(&mut child, &mut crowd, scenario, scripts)?;
    crowd.resume();
    let bare = match program {
        Program::Floor => {
            crowd.agree()?;
            Some(bare(&mut child, &mut crowd)?)
        }
        Program::Server => {
            if let Err(error) = crowd.shake_hands() {
                return Err(with_load(&error, &report(&mut child)?));
            }
            None
        }
        Program::Janus => None,
    };
    crowd.resume();
    crowd.run(WARM_UP)?;
    let resident = machine::resident(child.id())?.saturating_sub(empty);
    let observed = observe(&mut crowd, scenario, program);
    let calm = window(&mut child, &mut crowd, scenario, &observed, |_, crowd| {
        crowd.run(time)?;
        Ok(time)
    })?;
    let joining = if scenario.joining > 0 && program == Program::Server {
        let joining = window(
            &mut child,
            &mut crowd,
            scenario,
            &observed,
            |child, crowd| join(child, crowd, scenario, scripts),
        )?;
        Some(joining)
    } else {
        None
    };
    Ok(Outcome {
        bare,
        resident: resident as f64 / scenario.people as f64,
        calm,
        joining,
    })
}

/// What a child and the machine have used so far.
struct Usage {
    cpu: Duration,
    stolen: Duration,
    /// Of the child's sockets, and of all.
    dropped: (u64, u64),
}

impl Usage {
    fn of(child: &Measured) -> Done<Self> {
        Ok(Self {
            cpu: machine::cpu(child.id())?,
            stolen: machine::stolen(machine::MEASURED_CORE)?,
            dropped: machine::datagrams_dropped(child.id())?,
        })
    }
}

/// Talkers whose voices are sought in what a listener hears.
type Observed = [(usize, Vec<usize>)];

/// Lets `pass` let time pass and tells what was seen meanwhile.
fn window(
    child: &mut Measured,
    crowd: &mut Crowd,
    scenario: &Scenario,
    observed: &Observed,
    pass: impl FnOnce(&mut Measured, &mut Crowd) -> Done<Duration>,
) -> Done<Window> {
    let report_before = report(child)?;
    let before = Usage::of(child)?;
    crowd.resume();
    crowd.run(Duration::from_millis(40))?;
    crowd.count_anew();
    let time = pass(child, crowd)?;
    let after = Usage::of(child)?;
    let loss = crowd.loss(scenario.people, time);
    // A socket that was closed meanwhile takes its count with it.
    let dropped = after.dropped.0.saturating_sub(before.dropped.0);
    let all = after.dropped.1 - before.dropped.1;
    let time = time + Duration::from_millis(40);
    let (delays, stretches) = delays(crowd, observed)?;
    Ok(Window {
        time,
        cpu: after.cpu.saturating_sub(before.cpu),
        loss,
        dropped,
        dropped_elsewhere: all.saturating_sub(dropped),
        report: report(child)?.since(&report_before),
        stolen: after.stolen.saturating_sub(before.stolen),
        generator_late_us: percentile(&mut crowd.lateness_us, 0.99).unwrap_or(0.0),
        delays,
        stretches,
    })
}

fn enter(
    child: &mut Measured,
    crowd: &mut Crowd,
    scenario: &Scenario,
    scripts: &Scripts,
) -> Done<()> {
    let legs = legs(crowd, scenario, 0..scenario.people)?;
    let kinds: Vec<Kind> = legs.iter().map(|leg| leg.kind).collect();
    let sockets = open(child, legs)?;
    for (number, (kind, socket)) in kinds.into_iter().zip(sockets).enumerate() {
        crowd.enter(kind, scripts.of(scenario, number)?, socket)?;
    }
    Ok(())
}

fn legs(crowd: &mut Crowd, scenario: &Scenario, numbers: std::ops::Range<usize>) -> Done<Vec<Leg>> {
    let legs = numbers.map(|number| crowd.leg(number, scenario.place(number)));
    legs.collect()
}

fn open(child: &mut Measured, legs: Vec<Leg>) -> Done<Vec<std::net::SocketAddr>> {
    let Answer::Opened { sockets } = child.ask(&Ask::Open(legs))? else {
        return Err("no legs were opened".into());
    };
    Ok(sockets)
}

/// Lets others join, evenly over two seconds and browsers with their handshakes, while the crowd goes on; tells how long it watched.
fn join(
    child: &mut Measured,
    crowd: &mut Crowd,
    scenario: &Scenario,
    scripts: &Scripts,
) -> Done<Duration> {
    let begin = machine::now();
    let end = begin + JOIN_TIME + JOIN_AFTERMATH;
    let mut next = scenario.people;
    let all = next + scenario.joining;
    let each = scenario.joining.div_ceil(JOIN_STEPS);
    let mut batches = Vec::new();
    while next < all {
        let upto = (next + each).min(all);
        batches.push(legs(crowd, scenario, next..upto)?);
        next = upto;
    }
    let (opened, inbox) = mpsc::channel();
    let step = JOIN_TIME / u32::try_from(batches.len())?;
    thread::scope(|scope| {
        scope.spawn(move || {
            for (n, batch) in (0..).zip(batches) {
                machine::sleep_until(begin + step * n);
                let kinds: Vec<Kind> = batch.iter().map(|leg| leg.kind).collect();
                let sockets = open(child, batch);
                let sockets = sockets.map_err(|error| error.to_string());
                let sent = opened.send(sockets.map(|sockets| (kinds, sockets)));
                if sent.is_err() {
                    return;
                }
            }
        });
        let mut number = scenario.people;
        while machine::now() < end {
            crowd.run(Duration::from_millis(5))?;
            for batch in inbox.try_iter() {
                let (kinds, sockets) = batch?;
                for (kind, socket) in kinds.into_iter().zip(sockets) {
                    crowd.enter(kind, scripts.of(scenario, number)?, socket)?;
                    number += 1;
                }
                crowd.begin_handshakes()?;
            }
        }
        match crowd.connecting() {
            0 if number == all => Ok(machine::now() - begin),
            0 => Err("not all could join in time".into()),
            left => Err(format!("{left} of those who joined could not connect in time").into()),
        }
    })
}

/// Chooses whom delays are measured of: some listeners, with the talkers of their rooms.
fn observe(crowd: &mut Crowd, scenario: &Scenario, program: Program) -> Vec<(usize, Vec<usize>)> {
    if program == Program::Floor || scenario.talkers > VOICES_FOUND {
        return Vec::new();
    }
    let listeners = scenario.talkers * scenario.rooms..scenario.people;
    let mut observed = Vec::new();
    for listener in listeners.take(LISTENERS) {
        let room = listener % scenario.rooms;
        let talkers = (0..scenario.talkers).map(|n| n * scenario.rooms + room);
        let talkers: Vec<usize> = talkers.collect();
        crowd.observe(listener, false);
        talkers
            .iter()
            .for_each(|talker| crowd.observe(*talker, true));
        observed.push((listener, talkers));
    }
    observed
}

fn delays(crowd: &Crowd, observed: &Observed) -> Done<(Vec<f64>, BTreeMap<usize, Stretches>)> {
    let (mut delays, mut stretches) = (Vec::new(), BTreeMap::<_, Stretches>::new());
    for (listener, talkers) in observed {
        let recording = crowd.recording(*listener)?;
        for talker in talkers {
            let (more, seen) = crowd.voice(*talker)?.delays(&recording);
            delays.extend(more);
            *stretches.entry(*talker).or_default() += seen;
        }
    }
    Ok((delays, stretches))
}

/// Says with what went wrong how busy the worker is: one that has too much to do answers nobody in time.
fn with_load(error: &dyn std::fmt::Display, report: &Report) -> Box<dyn std::error::Error> {
    let of = |name: &str| report.counters.get(name).copied().unwrap_or_default();
    let (share, steps) = (of("load_permille"), of("effort_reduced"));
    format!("{error}; the worker is busy for {share} ‰ of the time, its effort reduced by {steps}")
        .into()
}

fn report(child: &mut Measured) -> Done<Report> {
    let Answer::Report(report) = child.ask(&Ask::Report)? else {
        return Err("no report".into());
    };
    Ok(report)
}

/// Returns the CPU milliseconds per second and leg of the bare loop.
fn bare(child: &mut Measured, crowd: &mut Crowd) -> Done<f64> {
    let mut costs = Vec::new();
    for _ in 0..BARE_ROUNDS {
        let Answer::Held = child.ask(&Ask::Hold)? else {
            return Err("the floor does not stand still".into());
        };
        crowd.hear();
        crowd.burst();
        let Answer::Bare {
            nanoseconds,
            packets,
        } = child.ask(&Ask::Bare)?
        else {
            return Err("no bare loop".into());
        };
        crowd.hear();
        costs.push(nanoseconds as f64 / packets.max(1) as f64 * 50.0 / 1e6);
    }
    Ok(median(&costs).unwrap_or(0.0))
}

/// Jitter buffers settle before anything counts.
const WARM_UP: Duration = Duration::from_secs(3);
const BARE_ROUNDS: usize = 15;
/// Different voices, and conversations of two more.
const VOICES: u64 = 8;
const CONVERSATIONS: u64 = 6;
/// Listeners whose delays are measured.
const LISTENERS: usize = 8;
/// Voices at once among which each can be found.
const VOICES_FOUND: usize = 3;
/// Time in which others join, in how many steps, and how long the consequences are watched.
const JOIN_TIME: Duration = Duration::from_secs(2);
const JOIN_STEPS: usize = 100;
const JOIN_AFTERMATH: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_ticks_overrun_and_the_host_excuses_what_was_due_meanwhile() {
        let window = |overruns, stolen| Window {
            time: Duration::from_secs(20),
            cpu: Duration::ZERO,
            loss: Loss {
                expected: 0,
                lost: 0,
            },
            dropped: 0,
            dropped_elsewhere: 0,
            report: Report {
                counters: [("skipped_ticks".to_owned(), 10)].into(),
                lateness: vec![(50, 980), (u64::MAX, 10)],
                overruns,
                ..Report::default()
            },
            stolen: Duration::from_millis(stolen),
            generator_late_us: 0.0,
            delays: Vec::new(),
            stretches: BTreeMap::new(),
        };
        let told = window(20, 70).overruns();
        assert_eq!(
            (told.ticks, told.overrun, told.skipped, told.excused),
            (1_000, 30, 10, 3)
        );
        assert!((told.share() - 0.027).abs() < 1e-9);
        assert_eq!(window(0, 5_000).overruns().share(), 0.0);
    }
}
