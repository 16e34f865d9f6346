//! `delay SIP_ADDRESS CODE` for `make bench`: how long a running server keeps sound, from telephone to telephone.
//!
//! Telephones with A-law dial in over UDP. One listens, the others have their microphones on, and their packets leave at
//! offsets spread over the 20 ms of a tick, because how long a packet waits for the tick depends on nothing else. They are
//! many so that each keeps its offset for the whole call, as telephones do: a stream that jumped would be jitter, and
//! jitter is answered with a deeper buffer. One after another says bursts of noise that are all different.
//!
//! For each burst, the lag between the samples in the packets said and those in the packets heard is where both correlate
//! best. The delay of a sample is the time from just before its packet is sent to just after the packet is received that
//! carries it `lag` samples on: what the server adds, and the loopback's and this process's scheduling on top. Both times
//! are of one clock. The time a telephone takes to fill a packet and to play it is the telephone's and not in it.
//!
//! Prints one JSON object: the number of bursts, the median, the 99th percentile and the maximum over all samples, and how
//! late a packet left at most. On a busy machine packets leave late, which the server takes for jitter and rightly answers
//! with a deeper buffer.

#[path = "../it/sim/ear.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the simulated tests")]
mod ear;
#[path = "delay/exchange.rs"]
#[expect(dead_code, reason = "shared with the floods")]
mod exchange;
#[path = "delay/measure.rs"]
mod measure;
#[path = "../it/sim/recording.rs"]
#[expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared with the simulated tests"
)]
mod recording;
#[path = "../it/sim/sip_text.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared with the simulated tests"
)]
mod sip_text;
#[path = "../it/sim/sound.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared with the simulated tests"
)]
mod sound;

use std::{
    io::Write,
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

use dsp::TICK;
use exchange::Exchange;
use measure::{Said, delays, pattern};
use sound::Saying;

/// Telephones that speak, each with an offset of its own.
const SPEAKERS: usize = 16;
/// The telephone that listens.
const LISTENER: usize = SPEAKERS;
/// How long answers and words of the server may take.
const PATIENCE: Duration = Duration::from_secs(25);
/// The last burst is heard within this time after it was said.
const TRAILING: Duration = Duration::from_millis(200);
/// Bursts below which percentiles say nothing.
const BURSTS_MIN: usize = 50;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, code] = arguments.as_slice() else {
        return fail("usage: delay SIP_ADDRESS CODE");
    };
    let result = address
        .parse()
        .map_err(Into::into)
        .and_then(|server| run(server, code));
    match result {
        Ok(line) => {
            let _ = writeln!(std::io::stdout(), "{line}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(words: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "delay: {words}");
    ExitCode::FAILURE
}

fn run(server: SocketAddr, code: &str) -> Done<String> {
    let mut exchange = Exchange::dial(server, &phases())?;
    exchange.run_until("the answers", PATIENCE, Exchange::is_up)?;
    exchange.types(0..LISTENER + 1, code);
    exchange.run_until("the end of the welcome", PATIENCE, Exchange::is_quiet)?;
    exchange.types(0..LISTENER, "66");
    exchange.run_until("the microphones", PATIENCE, Exchange::is_quiet)?;
    let said = (0..SPEAKERS)
        .map(|speaker| speaks(&mut exchange, speaker))
        .collect::<Done<Vec<Said>>>()?;
    exchange.hang_up()?;
    let heard = exchange.heard(LISTENER);
    let bursts: Vec<Vec<f64>> = said.iter().flat_map(|said| delays(said, heard)).collect();
    summary(&bursts, exchange.lateness())
}

/// Lets one telephone say its bursts.
fn speaks(exchange: &mut Exchange, speaker: usize) -> Done<Said> {
    let samples = pattern(speaker as u64);
    let length = TICK * u32::try_from(samples.len() / dsp::FRAME_SAMPLES)?;
    let from = exchange.say(speaker, Saying::Samples(samples.clone()));
    exchange.run_for(length + TRAILING)?;
    let left = exchange.sent_at(speaker).to_vec();
    Ok(Said {
        samples,
        from,
        left,
    })
}

/// Offsets of the telephones' packets: one at random in each of as many equal parts of a tick.
fn phases() -> Vec<Duration> {
    let part = TICK / u32::try_from(SPEAKERS + 1).expect("a few telephones");
    (0..=LISTENER)
        .zip(0_u32..)
        .map(|(_, number)| part * number + part.mul_f64(rand::random()))
        .collect()
}

fn summary(bursts: &[Vec<f64>], lateness: Duration) -> Done<String> {
    let number = bursts.iter().filter(|burst| !burst.is_empty()).count();
    if number < BURSTS_MIN {
        return Err(format!("only {number} of {} bursts were heard", bursts.len()).into());
    }
    let mut delays: Vec<f64> = bursts.iter().flatten().copied().collect();
    delays.sort_by(f64::total_cmp);
    let share = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    Ok(format!(
        r#"{{"n":{number},"p50_ms":{:.1},"p99_ms":{:.1},"max_ms":{:.1},"late_ms":{:.1}}}"#,
        share(50),
        share(99),
        share(100),
        lateness.as_secs_f64() * 1_000.0,
    ))
}

/// The one clock of all times.
#[expect(
    clippy::disallowed_methods,
    reason = "packets leave and arrive in real time"
)]
fn clock() -> Instant {
    Instant::now()
}
