//! `flood KIND SIP_ADDRESS CODE SECONDS RATE`: what a flood does to a talk that runs meanwhile, over real sockets.
//!
//! KIND is `strangers` or `listed`, REGISTER, OPTIONS and INVITE by turns from an address on no trunk or on one, or `media`,
//! packets of random sources to the ports of the telephones. RATE is in datagrams a second. Telephones with A-law speak in
//! turns, one listens; as in `delay`, bursts of noise tell how much later they are heard than said, first undisturbed, then
//! during the flood. At the end one more telephone calls.
//!
//! Prints one JSON object: datagrams sent and answers to them; of both stretches the bursts said and heard and their delays;
//! the packets that the listener lacks and the longest time between two; how late a packet of ours left at most; and in
//! how many milliseconds the call at the end was answered, or null if it was not.

#[path = "../it/sim/ear.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the simulated tests")]
mod ear;
#[path = "delay/exchange.rs"]
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
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use dsp::TICK;
use exchange::Exchange;
use measure::{Said, delays, pattern};
use nix::poll::{PollFd, PollFlags, ppoll};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use recording::Heard;
use sound::Saying;

/// Telephones that speak, each with an offset of its own.
const SPEAKERS: usize = 4;
/// The telephone that listens.
const LISTENER: usize = SPEAKERS;
/// How long answers and words of the server may take.
const PATIENCE: Duration = Duration::from_secs(25);
/// The last burst is heard within this time after it was said.
const TRAILING: Duration = Duration::from_millis(200);
/// How long the undisturbed talk is listened to before.
const BEFORE: Duration = Duration::from_secs(5);
/// Who calls at the end waits no longer for an answer.
const NEXT_WITHIN: Duration = Duration::from_secs(1);
/// Media time of a packet of G.711.
const PACKET: u32 = 160;
/// Somebody on no trunk: an address of this machine.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

type Done<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, address, code, seconds, rate] = arguments.as_slice() else {
        return fail("usage: flood strangers|listed|media SIP_ADDRESS CODE SECONDS RATE");
    };
    match run(kind, address, code, seconds, rate) {
        Ok(line) => {
            let _ = writeln!(io::stdout(), "{line}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(words: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "flood: {words}");
    ExitCode::FAILURE
}

fn run(kind: &str, address: &str, code: &str, seconds: &str, rate: &str) -> Done<String> {
    let server: SocketAddr = address.parse()?;
    let mut exchange = Exchange::dial(server, &phases())?;
    exchange.run_until("the answers", PATIENCE, Exchange::is_up)?;
    exchange.types(0..LISTENER + 1, code);
    exchange.run_until("the end of the welcome", PATIENCE, Exchange::is_quiet)?;
    exchange.types(0..LISTENER, "66");
    exchange.run_until("the microphones", PATIENCE, Exchange::is_quiet)?;
    let before = talk(&mut exchange, BEFORE, 0)?;
    let ports: Vec<_> = (0..=LISTENER)
        .map(|phone| exchange.media_of(phone))
        .collect();
    let flood = Flood::begin(kind, server, ports, rate.parse()?)?;
    let during = talk(
        &mut exchange,
        Duration::from_secs(seconds.parse()?),
        before.said.len(),
    );
    let (sent, answers) = flood.end();
    let during = during?;
    exchange.hang_up()?;
    let late = exchange.lateness().as_secs_f64() * 1_000.0;
    // Only now is there time to compute.
    let [before, during] = [before, during].map(|stretch| stretch.tell(exchange.heard(LISTENER)));
    let next = next(server);
    Ok(format!(
        r#"{{"sent":{sent},"answers":{answers},"before":{before},"during":{during},"late_ms":{late:.1},"next_ms":{next}}}"#
    ))
}

/// A stretch of the talk.
struct Stretch {
    began: Instant,
    ended: Instant,
    said: Vec<Said>,
}

/// Lets the telephones speak in turns for about so long; what they say has numbers from `first` on.
fn talk(exchange: &mut Exchange, time: Duration, first: usize) -> Done<Stretch> {
    let (began, mut said) = (clock(), Vec::new());
    while clock() < began + time {
        let number = first + said.len();
        said.push(speaks(exchange, number % SPEAKERS, number as u64)?);
    }
    Ok(Stretch {
        began,
        ended: clock(),
        said,
    })
}

impl Stretch {
    /// Tells what of it was heard.
    fn tell(&self, heard: &[Heard]) -> String {
        let said = self.said.iter();
        let bursts: Vec<Vec<f64>> = said.flat_map(|said| delays(said, heard)).collect();
        let within = |packet: &&Heard| (self.began..self.ended).contains(&packet.at);
        let heard: Vec<&Heard> = heard.iter().filter(within).collect();
        summary(&bursts, &heard)
    }
}

/// Lets one telephone say its bursts.
fn speaks(exchange: &mut Exchange, speaker: usize, number: u64) -> Done<Said> {
    let samples = pattern(number);
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

fn summary(bursts: &[Vec<f64>], heard: &[&Heard]) -> String {
    let number = bursts.iter().filter(|burst| !burst.is_empty()).count();
    let mut delays: Vec<f64> = bursts.iter().flatten().copied().collect();
    delays.sort_by(f64::total_cmp);
    let share = |percent: usize| {
        let last = delays.len().checked_sub(1);
        last.map_or(f64::INFINITY, |last| delays[last * percent / 100])
    };
    let missing: u32 = heard
        .windows(2)
        .map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) / PACKET)
        .map(|packets| packets.saturating_sub(1))
        .sum();
    let gaps = heard.windows(2).map(|pair| pair[1].at - pair[0].at);
    format!(
        r#"{{"said":{},"heard":{number},"p50_ms":{:.1},"p99_ms":{:.1},"max_ms":{:.1},"missing":{missing},"gap_ms":{:.1}}}"#,
        bursts.len(),
        share(50),
        share(99),
        share(100),
        gaps.max().unwrap_or_default().as_secs_f64() * 1_000.0,
    )
}

/// Calls once more; returns after how many milliseconds that was answered.
fn next(server: SocketAddr) -> String {
    let began = clock();
    let answered = Exchange::dial(server, &[Duration::ZERO]).and_then(|mut exchange| {
        exchange.run_until("an answer", NEXT_WITHIN, Exchange::is_up)?;
        let took = clock() - began;
        exchange.hang_up()?;
        Ok(took)
    });
    answered.map_or("null".to_owned(), |took| took.as_millis().to_string())
}

/// Offsets of the telephones' packets: one at random in each of as many equal parts of a tick.
fn phases() -> Vec<Duration> {
    let part = TICK / u32::try_from(SPEAKERS + 1).expect("a few telephones");
    (0..=LISTENER)
        .zip(0_u32..)
        .map(|(_, number)| part * number + part.mul_f64(rand::random()))
        .collect()
}

/// A thread that sends until it is told to end.
struct Flood {
    over: Arc<AtomicBool>,
    thread: JoinHandle<(usize, usize)>,
}

/// What a flood consists of.
enum Kind {
    Requests(SocketAddr),
    Media(Vec<SocketAddr>),
}

impl Flood {
    fn begin(kind: &str, server: SocketAddr, ports: Vec<SocketAddr>, rate: u32) -> Done<Self> {
        let (from, kind) = match kind {
            "strangers" => (STRANGER, Kind::Requests(server)),
            "listed" => (Ipv4Addr::LOCALHOST, Kind::Requests(server)),
            "media" => (STRANGER, Kind::Media(ports)),
            _ => return Err(format!("no flood is called {kind}").into()),
        };
        let socket = UdpSocket::bind((from, 0))?;
        socket.set_nonblocking(true)?;
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let thread = std::thread::spawn(move || flood(&socket, &kind, rate, &until));
        Ok(Self { over, thread })
    }

    /// Ends it; returns how many datagrams were sent and how many came back.
    fn end(self) -> (usize, usize) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("nothing in it fails")
    }
}

fn flood(socket: &UdpSocket, kind: &Kind, rate: u32, over: &AtomicBool) -> (usize, usize) {
    let began = clock();
    let local = socket.local_addr().expect("a bound socket has an address");
    let mut rng = StdRng::seed_from_u64(5);
    let (mut sent, mut answers, mut buffer) = (0_usize, 0, [0; 2_048]);
    while !over.load(Ordering::Relaxed) {
        let due = (clock() - began).as_secs_f64() * f64::from(rate);
        while (sent as f64) < due {
            let (to, datagram) = match kind {
                Kind::Requests(server) => (*server, request(local, *server, sent)),
                Kind::Media(ports) => (ports[sent % ports.len()], garbage(&mut rng)),
            };
            let _ = socket.send_to(&datagram, to);
            sent += 1;
        }
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        let _ = ppoll(&mut fds, Some(Duration::from_millis(1).into()), None);
        while socket.recv(&mut buffer).is_ok() {
            answers += 1;
        }
    }
    (sent, answers)
}

/// REGISTER, OPTIONS and INVITE by turns, each a request of its own.
fn request(local: SocketAddr, server: SocketAddr, number: usize) -> Vec<u8> {
    let (method, body) = match number % 3 {
        0 => ("REGISTER", String::new()),
        1 => ("OPTIONS", String::new()),
        _ => {
            let ip = local.ip();
            let sdp = format!(
                "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
            );
            ("INVITE", sdp)
        }
    };
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!(
        "{method} sip:bridge@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKf{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:flood@{local}>;tag={number}\r\nTo: <sip:bridge@{server}>\r\n\
         Call-ID: f{number}@{local}\r\nCSeq: 1 {method}\r\nContact: <sip:flood@{local}>\r\n{kind}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What looks like SRTP of some source.
fn garbage(rng: &mut StdRng) -> Vec<u8> {
    let mut packet: Vec<u8> = (0..rng.random_range(12..190))
        .map(|_| rng.random())
        .collect();
    (packet[0], packet[1]) = (0x80, 8);
    packet
}

/// The one clock of all times.
#[expect(
    clippy::disallowed_methods,
    reason = "packets leave and arrive in real time"
)]
fn clock() -> Instant {
    Instant::now()
}
