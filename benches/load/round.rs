//! One measurement after another: a child is started, people come in, time passes, and what it cost is told.

use std::{io::Write, sync::Arc, time::Duration};

use crate::{
    Done,
    child::Measured,
    crowd::Crowd,
    machine,
    script::Script,
    statistics::{bucket_percentile, median, percentile},
    wire::{Answer, Ask, Kind, Leg, Program, Report},
};

/// What one measurement yields.
#[derive(Debug)]
struct Outcome {
    /// CPU milliseconds per second and leg.
    cpu: f64,
    /// Bytes of memory per leg.
    resident: f64,
    /// That of the bare loop.
    bare: Option<f64>,
    lost: u64,
    expected: u64,
    dropped: u64,
    report: Report,
    stolen: Duration,
    generator_late_us: f64,
}

/// One room of telephones.
pub(crate) fn phones(people: usize, seconds: u64, rounds: usize) -> Done<()> {
    machine::pin(machine::GENERATOR_CORE)?;
    machine::allow_files()?;
    let mut out = std::io::stdout();
    let mut cost = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (n, program) in [Program::Floor, Program::Server].into_iter().enumerate() {
            let outcome = measure(program, people, Duration::from_secs(seconds))?;
            cost[n].push(outcome.cpu);
            let ticks = &outcome.report.lateness;
            writeln!(
                out,
                "{program:?}: {:.3} ms/s per leg, bare {:?}, {:.1} kB per leg, lost {} of {}, dropped by buffers {}, late p99 {:?} µs, overruns {}, stolen {:?}, generator late p99 {:.0} µs",
                outcome.cpu,
                outcome.bare,
                outcome.resident / 1e3,
                outcome.lost,
                outcome.expected,
                outcome.dropped,
                bucket_percentile(ticks, 0.99),
                outcome.report.overruns,
                outcome.stolen,
                outcome.generator_late_us,
            )?;
        }
    }
    if let (Some(floor), Some(server)) = (median(&cost[0]), median(&cost[1])) {
        writeln!(
            out,
            "median: floor {floor:.3}, server {server:.3}, ratio {:.2}",
            server / floor
        )?;
    }
    Ok(())
}

fn measure(program: Program, people: usize, time: Duration) -> Done<Outcome> {
    let (mut child, _) = Measured::start(program)?;
    let mut crowd = Crowd::new();
    let kind = Kind::Pcma;
    let talkers: Vec<_> = (0..3)
        .map(|seed| Script::speech(kind, seed).map(Arc::new))
        .collect::<Done<_>>()?;
    let microphone = Arc::new(Script::open_microphone(kind, 9)?);
    let empty = machine::resident(child.id())?;
    for number in 0..people {
        let leg = Leg {
            number: number as u64 + 1,
            room: 1,
            kind,
            remote: crowd.address()?,
        };
        // One by one is slow; a batch has the size of a host.
        let answer = child.ask(&Ask::Open {
            legs: vec![leg],
            fingerprint: Vec::new(),
        })?;
        let Answer::Opened { sockets } = answer else {
            return Err("no legs were opened".into());
        };
        let script = talkers.get(number).unwrap_or(&microphone);
        crowd.enter(kind, script, sockets[0])?;
    }
    let bare = match program {
        Program::Floor => Some(bare(&mut child, &mut crowd)?),
        Program::Server => None,
    };
    crowd.resume();
    crowd.run(WARM_UP)?;
    let resident = machine::resident(child.id())?;
    crowd.count_anew();
    let (cpu, stolen, dropped) = (
        machine::cpu(child.id())?,
        machine::stolen(machine::MEASURED_CORE)?,
        machine::datagrams_dropped()?,
    );
    crowd.run(time)?;
    let cpu = machine::cpu(child.id())? - cpu;
    let loss = crowd.loss(time);
    let Answer::Report(report) = child.ask(&Ask::Report)? else {
        return Err("no report".into());
    };
    let legs = people as f64;
    Ok(Outcome {
        cpu: cpu.as_secs_f64() * 1e3 / time.as_secs_f64() / legs,
        resident: resident.saturating_sub(empty) as f64 / legs,
        bare,
        lost: loss.lost,
        expected: loss.expected,
        dropped: machine::datagrams_dropped()? - dropped,
        report,
        stolen: machine::stolen(machine::MEASURED_CORE)? - stolen,
        generator_late_us: percentile(&mut crowd.lateness_us, 0.99).unwrap_or(0.0),
    })
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
