//! A scenario from beginning to end: floor and server in turns, the search for the most people, and what is told of it.

use std::{fs, io::Write, time::Duration};

use dsp::{Decoder, Encoder};

use crate::{
    Arguments, Done, ROUNDS, SECONDS, foreign, janus,
    machine::{self, Origin},
    result::{Beside, Figures, Scene, folder},
    round::{self, Scripts},
    scenario::{Name, Scenario},
    search::{self, Largest},
    svg,
    verdict::{BAR_PEOPLE, effort},
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
        let usual = name.scenario();
        let scenario = usual.with_people(arguments.people.unwrap_or(usual.people));
        let mut scene = run(&scenario, arguments)?;
        scene.origin = Origin::of(&folder()?.join("../.."));
        if !is_usual(arguments) {
            scene.file = file_of(&scene, arguments);
        }
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
            scene.largest = Some(search::largest(&scenario)?);
        }
        valid &= scene.people < BAR_PEOPLE || scene.floor_is_valid();
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
        let file = scene.store()?;
        writeln!(std::io::stdout(), "  kept in {}", file.display())?;
    }
    for picture in svg::draw_all()? {
        writeln!(std::io::stdout(), "Picture: {}", picture.display())?;
    }
    Ok(valid)
}

/// Tells whether a run is one that others are compared with.
fn is_usual(arguments: &Arguments) -> bool {
    let (seconds, rounds) = (arguments.seconds, arguments.rounds);
    arguments.people.is_none() && !arguments.quick && (seconds, rounds) == (SECONDS, ROUNDS)
}

/// Names the file of a run that is none of those, which must not take the place of one.
fn file_of(scene: &Scene, arguments: &Arguments) -> String {
    let (people, rounds, seconds) = (scene.people, arguments.rounds, arguments.seconds);
    let quick = if arguments.quick { "-quick" } else { "" };
    format!("{}-{people}-people-{rounds}x{seconds}s{quick}", scene.name)
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
    row("tick late max, µs", &|f| f.late_us.2.to_string())?;
    row("overrun, % of ticks", &|f| {
        format!("{:.2}", f.overrun_share * 100.0)
    })?;
    row("  overrun and skipped", &|f| f.overruns.overrun.to_string())?;
    row("  excused by the host", &|f| f.overruns.excused.to_string())?;
    row("load at most, %", &|f| {
        format!("{:.1}", f.strain.peak_permille as f64 / 10.0)
    })?;
    row("effort reduced, steps", &|f| f.strain.steps.to_string())?;
    row("nobody more admitted", &|f| {
        if f.strain.full { "yes" } else { "no" }.to_owned()
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
    if let Ok(server) = &scene.server {
        writeln!(out, "  the server was measured {}", effort(server.strain))?;
    }
    if let Some(largest) = &scene.largest {
        tell_largest(largest, &mut out)?;
    }
    tell_floor(scene, &mut out)?;
    for verdict in scene.verdicts() {
        writeln!(out, "  {:14} {}", verdict.state.word(), verdict.text)?;
    }
    match &scene.beside {
        Some(beside) => tell_beside(beside, &mut out),
        None => Ok(()),
    }
}

fn tell_largest(largest: &Largest, out: &mut impl Write) -> Done<()> {
    let mut row = |name: &str, found: &search::Found| {
        let (words, detail) = (found.end.words(), &found.detail);
        writeln!(out, "  {name:30} {found}; {words}: {detail}")
    };
    row("largest N carried, floor", &largest.floor)?;
    row("largest N carried, server", &largest.server)?;
    if let Some(admitted) = &largest.admitted {
        row("largest N admission lets in", admitted)?;
    }
    Ok(())
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
            false => "; it is too high to measure by",
        };
        writeln!(
            out,
            "  bare recv and sendto: {bare:.3} ms/s per leg; the floor is at {ratio:.2}× of it{valid}"
        )?;
    }
    match scene.ratio() {
        Some(ratio) if scene.floor_is_valid() => {
            writeln!(out, "  the server is at {ratio:.2}× the floor")?;
        }
        Some(_) => writeln!(out, "  server and floor are not comparable")?,
        None => {}
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let (least, most) = scene.floor.cpu_ms_range;
    let spread = (most - least) / scene.floor.cpu_ms * 100.0;
    writeln!(
        out,
        "  noise: the floor varied by {spread:.0} % from round to round; the machine's load was {load}"
    )?;
    let server_is_late = scene.server.as_ref().is_ok_and(Figures::generator_is_late);
    if scene.floor.generator_is_late() || server_is_late {
        writeln!(
            out,
            "  the generator was late itself: delays and loss are not the program's alone"
        )?;
    }
    Ok(())
}

fn bound(us: u64) -> String {
    format!("≤ {us}")
}

/// Codecs made for measuring their memory.
const MANY: u16 = 400;
