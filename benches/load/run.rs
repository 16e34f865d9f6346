//! A scenario from beginning to end: floor and server in turns, the search for the most people, and what is told of it.

use std::{fs, io::Write, time::Duration};

use dsp::{Decoder, Encoder};
use rundruf::limit::LEGS_MAX;

use crate::{
    Arguments, Done, foreign, janus, machine,
    result::{Beside, Figures, Largest, OVERRUN_MAX, Scene},
    round::{self, Outcome, Scripts},
    scenario::{Name, Scenario},
    svg,
    wire::{Kind, Program},
};

/// Runs the scenarios that are asked for; false if a floor was too high to measure by.
pub(crate) fn all(arguments: &Arguments) -> Done<bool> {
    machine::pin(machine::GENERATOR_CORE)?;
    machine::allow_files()?;
    let mut valid = true;
    let states = Kind::ALL.map(codec_bytes);
    let states = states.into_iter().collect::<Done<Vec<_>>>()?;
    for name in arguments.scenarios() {
        let mut scenario = name.scenario();
        scenario = scenario.with_people(arguments.people.unwrap_or(scenario.people));
        let mut scene = run(&scenario, arguments)?;
        if *name == Name::Browsers {
            scene.foreign = Some(foreign::check()?);
        }
        let share = 1.0 / scenario.kinds.len() as f64;
        for (kind, (encoder, decoder)) in Kind::ALL.iter().zip(&states) {
            if scenario.kinds.contains(kind) {
                scene.codec_bytes.0 += encoder * share;
                scene.codec_bytes.1 += decoder * share;
            }
        }
        if searches(*name) && !arguments.quick && scene.server.is_ok() {
            scene.largest = Some(largest(&scenario)?);
        }
        valid &= scene.floor_is_valid();
        let beside = match scenario.for_janus() {
            Some(_) if !janus::is_installed() => Some(Err("it is not installed".into())),
            Some(scenario) => Some(beside_janus(&scenario, arguments)),
            None => None,
        };
        match beside {
            Some(Ok(beside)) => scene.beside = Some(beside),
            Some(Err(error)) => {
                writeln!(
                    std::io::stdout(),
                    "Nothing is compared with Janus: {error}."
                )?;
            }
            None => {}
        }
        tell(&scene)?;
        scene.store()?;
    }
    for picture in svg::draw_all()? {
        writeln!(std::io::stdout(), "Picture: {}", picture.display())?;
    }
    Ok(valid)
}

fn run(scenario: &Scenario, arguments: &Arguments) -> Done<Scene> {
    let scripts = Scripts::new(scenario)?;
    let time = Duration::from_secs(arguments.seconds);
    let (mut floor, mut server) = (Vec::new(), Vec::new());
    let mut failure = None;
    for _ in 0..arguments.rounds {
        floor.push(round::measure(Program::Floor, scenario, &scripts, time)?);
        // What the server cannot do at all it need not try again.
        if failure.is_none() {
            match round::measure(Program::Server, scenario, &scripts, time) {
                Ok(outcome) => server.push(outcome),
                Err(error) => failure = Some(error.to_string()),
            }
        }
    }
    let people = scenario.people;
    let figures = Figures::of(&floor, people).ok_or("no rounds")?;
    let mut scene = Scene::new(scenario, arguments.seconds, arguments.rounds, figures);
    if let Some(failure) = failure {
        scene.server = Err(failure);
        return Ok(scene);
    }
    scene.server = Figures::of(&server, people).ok_or_else(|| "no rounds".to_owned());
    let joining = server.iter().filter_map(|outcome| outcome.joining.as_ref());
    let joining: Vec<_> = joining.collect();
    scene.joining = Figures::of_windows(&joining, people + scenario.joining);
    Ok(scene)
}

/// Runs the server and Janus in turns with what Janus can carry.
fn beside_janus(scenario: &Scenario, arguments: &Arguments) -> Done<Beside> {
    let scripts = Scripts::new(scenario)?;
    let time = Duration::from_secs(arguments.seconds);
    let (mut server, mut janus) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        server.push(round::measure(Program::Server, scenario, &scripts, time)?);
        janus.push(round::measure(Program::Janus, scenario, &scripts, time)?);
    }
    let people = scenario.people;
    Ok(Beside {
        people,
        server: Figures::of(&server, people).ok_or("no rounds")?,
        janus: Figures::of(&janus, people).ok_or("no rounds")?,
    })
}

const fn searches(name: Name) -> bool {
    matches!(name, Name::Phones | Name::Browsers)
}

/// Finds the most people that floor and server do without loss or overrun.
fn largest(scenario: &Scenario) -> Done<Largest> {
    let scripts = Scripts::new(scenario)?;
    let most = (machine::files()? / 2 - FILES_KEPT).min(LEGS_MAX);
    let search = |program: Program| {
        let mut end = format!("the search ends at {most}");
        let until = machine::now() + SEARCH_TIME;
        let people = most_that_fit(most, |people| {
            let scenario = Scenario {
                people,
                ..*scenario
            };
            let trouble = if machine::now() > until {
                Some("the time of the search was over".to_owned())
            } else {
                trouble_with(program, &scenario, &scripts)
            };
            if let Some(trouble) = &trouble {
                end = format!("at {people}: {trouble}");
            }
            trouble.is_none()
        });
        (people, end)
    };
    let ((floor, floor_end), (server, server_end)) =
        (search(Program::Floor), search(Program::Server));
    Ok(Largest {
        floor,
        floor_end,
        server,
        server_end,
    })
}

/// Tells what was lost or late with so many people. A machine disturbs a measurement but never betters it, so what fails
/// is tried once more.
fn trouble_with(program: Program, scenario: &Scenario, scripts: &Scripts) -> Option<String> {
    let mut trouble = None;
    for _ in 0..PROBES {
        trouble = match round::measure(program, scenario, scripts, PROBE) {
            Ok(outcome) => Some(trouble_in(&outcome)?),
            Err(error) => Some(error.to_string()),
        };
    }
    trouble
}

/// Tells what was lost or late, if anything.
fn trouble_in(outcome: &Outcome) -> Option<String> {
    let calm = &outcome.calm;
    let overrun = calm.overrun_share();
    if calm.generator_late_us > GENERATOR_LATE_US {
        let late = calm.generator_late_us / 1e3;
        Some(format!("the generator itself was {late:.1} ms late"))
    } else if calm.loss.lost + calm.dropped > 0 {
        let (lost, dropped) = (calm.loss.lost, calm.dropped);
        Some(format!(
            "{lost} packets lost, {dropped} dropped by full buffers"
        ))
    } else if overrun > OVERRUN_MAX {
        Some(format!("{:.1} % of ticks overran", overrun * 100.0))
    } else {
        None
    }
}

/// Searches the largest number that fits, to a sixteenth: up by a quarter or down by half, then between.
fn most_that_fit(most: usize, mut fits: impl FnMut(usize) -> bool) -> usize {
    let (mut good, mut bad) = (0, most + 1);
    let mut next = SEARCH_FROM.min(most);
    while next >= SEARCH_LEAST && bad - good > good / 16 + 1 {
        if fits(next) {
            good = next;
        } else {
            bad = next;
        }
        next = match (good, bad) {
            (good, bad) if bad > most => (good * 5 / 4).min(most),
            (good, bad) => good.midpoint(bad),
        };
    }
    good
}

/// Returns the bytes an encoder and a decoder take, measured by making many.
fn codec_bytes(kind: Kind) -> Done<(f64, f64)> {
    let before = machine::resident(std::process::id())?;
    let encoders = (0..MANY).map(|_| Encoder::new(kind.codec()));
    let encoders = encoders.collect::<Result<Vec<_>, _>>()?;
    let between = machine::resident(std::process::id())?;
    let decoders = (0..MANY).map(|_| Decoder::new(kind.codec()));
    let decoders = decoders.collect::<Result<Vec<_>, _>>()?;
    let after = machine::resident(std::process::id())?;
    drop((encoders, decoders));
    let each = |more: u64| more as f64 / f64::from(MANY);
    Ok((
        each(between.saturating_sub(before)),
        each(after.saturating_sub(between)),
    ))
}

fn tell(scene: &Scene) -> Done<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\n{} · {} people · {}\n  medians of {} rounds of {} s, floor and server in turns",
        scene.name, scene.people, scene.about, scene.rounds, scene.seconds
    )?;
    writeln!(out, "  {:24} {:>12} {:>12}", "", "floor", "server")?;
    let mut row = |name: &str, value: &dyn Fn(&Figures) -> String| {
        let server = scene.server.as_ref().map_or_else(|_| "–".to_owned(), value);
        writeln!(out, "  {name:24} {:>12} {server:>12}", value(&scene.floor))
    };
    row("CPU, ms/s per leg", &|f| format!("{:.3}", f.cpu_ms))?;
    row("  least–most", &|f| {
        format!("{:.3}–{:.3}", f.cpu_ms_range.0, f.cpu_ms_range.1)
    })?;
    row("memory, kB per leg", &|f| {
        format!("{:.1}", f.resident_bytes / 1e3)
    })?;
    row("tick late p50, µs", &|f| bound(f.late_us.0))?;
    row("tick late p99, µs", &|f| bound(f.late_us.1))?;
    row("tick late max, µs", &|f| bound(f.late_us.2))?;
    row("overrun, % of ticks", &|f| {
        format!("{:.2}", f.overrun_share * 100.0)
    })?;
    row("packets lost", &|f| format!("{}", f.loss.lost))?;
    row("frames concealed", &|f| format!("{}", f.concealed))?;
    row("delay p50, p99, ms", &|f| match f.delay_ms {
        Some((p50, p99)) => format!("{p50:.0}, {p99:.0}"),
        None => "–".to_owned(),
    })?;
    row("host took, s", &|f| format!("{:.2}", f.stolen_seconds))?;
    row("generator late p99, µs", &|f| {
        format!("{:.0}", f.generator_late_us)
    })?;
    if let Some(largest) = &scene.largest {
        let Largest { floor, server, .. } = largest;
        writeln!(
            out,
            "  {:24} {floor:>12} {server:>12}",
            "most people, clean"
        )?;
        writeln!(out, "    the floor's search: {}", largest.floor_end)?;
        writeln!(out, "    the server's search: {}", largest.server_end)?;
    }
    tell_floor(scene, &mut out)?;
    for verdict in scene.verdicts() {
        let word = if verdict.met { "met   " } else { "MISSED" };
        writeln!(out, "  {word} {}", verdict.text)?;
    }
    match &scene.beside {
        Some(beside) => tell_beside(beside, &mut out),
        None => Ok(()),
    }
}

fn tell_beside(beside: &Beside, out: &mut impl Write) -> Done<()> {
    writeln!(
        out,
        "  beside Janus's AudioBridge: {} people, plain RTP, in turns",
        beside.people
    )?;
    for (name, figures) in [("server", &beside.server), ("Janus", &beside.janus)] {
        let (p50, p99) = figures.delay_ms.unwrap_or_default();
        writeln!(
            out,
            "    {name:8} {:.2} ms/s and {:.0} kB per leg, delay {p50:.0} and {p99:.0} ms, {} of {} packets lost",
            figures.cpu_ms,
            figures.resident_bytes / 1e3,
            figures.loss.lost,
            figures.loss.expected
        )?;
    }
    Ok(())
}

fn tell_floor(scene: &Scene, out: &mut impl Write) -> Done<()> {
    if let (Some(bare), Some(ratio)) = (scene.floor.bare_ms, scene.floor_to_bare()) {
        let valid = match scene.floor_is_valid() {
            true => "",
            false => "; the floor is too high, the ratio is INVALID",
        };
        writeln!(
            out,
            "  bare recv and sendto: {bare:.3} ms/s per leg; the floor is at {ratio:.2}× of it{valid}"
        )?;
    }
    if let Some(ratio) = scene.ratio() {
        writeln!(out, "  the server is at {ratio:.2}× the floor")?;
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let (least, most) = scene.floor.cpu_ms_range;
    let spread = (most - least) / scene.floor.cpu_ms * 100.0;
    writeln!(
        out,
        "  noise: the floor varied by {spread:.0} % from round to round; the machine's load was {load}"
    )?;
    if scene
        .floor
        .generator_late_us
        .max(scene.server.as_ref().map_or(0.0, |s| s.generator_late_us))
        > GENERATOR_LATE_US
    {
        writeln!(
            out,
            "  the generator was late itself: delays and loss are not the server's alone"
        )?;
    }
    Ok(())
}

fn bound(us: u64) -> String {
    if us == u64::MAX {
        "> 20000".to_owned()
    } else {
        format!("≤ {us}")
    }
}

/// Time of one step of the search, and how often it is tried.
const PROBE: Duration = Duration::from_secs(4);
const PROBES: usize = 2;
/// Time after which a program's search takes no further steps.
const SEARCH_TIME: Duration = Duration::from_secs(300);
/// People the search begins with, and below which it gives up.
const SEARCH_FROM: usize = 1_000;
const SEARCH_LEAST: usize = 25;
/// Open files that are not sockets of legs.
const FILES_KEPT: usize = 100;
/// Codecs made for measuring their memory.
const MANY: u16 = 400;
/// Lateness of the generator from which it disturbs what it measures.
const GENERATOR_LATE_US: f64 = 2_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_the_most_people_to_a_few_percent() {
        for limit in [60, 400, 999, 1_000, 1_300, 2_100, 3_999] {
            let mut probes = 0;
            let found = most_that_fit(8_000, |people| {
                probes += 1;
                people <= limit
            });
            assert!(found <= limit, "{found} of {limit}");
            assert!(found + found / 16 + 2 > limit, "{found} of {limit}");
            assert!(probes <= 12, "{probes} probes for {limit}");
        }
        assert!(most_that_fit(4_000, |_| true) > 3_750);
        assert_eq!(most_that_fit(4_000, |_| false), 0);
    }
}
