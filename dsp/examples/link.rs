//! Sends speech through a bad link in simulated time and writes what is heard at its end.
//!
//! `link <folder of 16 kHz WAV files> <folder for the results>`. Each file is coded, sent twice over a link that loses and
//! delays packets, the same for every codec, and played out; what is heard the second time is written, when the link is
//! known. Opus is sent as to one who takes copies of earlier payloads (RFC 2198), and as to one who does not.
//! `tests/pesq/measure.py` judges the results.
#![expect(clippy::print_stdout, reason = "a program that reports")]
#![expect(clippy::cast_possible_truncation, reason = "simulated times are small")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use dsp::{
    Codec, Decimator, Decoder, Encoder, EncoderSettings, Frame, Interpolator, LossClass,
    MAX_PAYLOAD, Playout, PlayoutStats, Ratio, TICK, wav,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("two folders are wanted: speech and results".into());
    };
    let mut files: Vec<_> = fs::read_dir(from)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        let name = file.file_name();
        let name = name.to_string_lossy();
        let name = name.strip_suffix(".wav").ok_or("only WAV files are read")?;
        let (rate, samples) = wav::parse(&fs::read(file.path())?)?;
        if rate != 16_000 {
            return Err(format!("{name} is not sampled at 16 kHz").into());
        }
        send(name, &samples, Path::new(&to))?;
    }
    Ok(())
}

/// Sends one file over every link with every codec.
fn send(name: &str, samples: &[i16], to: &Path) -> Result<(), Failure> {
    let once = raised(samples);
    let frames = [&once[..], &once[..]].concat();
    write(to, &format!("{name}.said"), &once)?;
    write(
        to,
        &format!("{name}.coded"),
        &decoded(&frames)?[once.len()..],
    )?;
    for (way, codec, copies) in WAYS {
        let class = LossClass::Medium;
        let payloads = coded(EncoderSettings::new(codec, class), &frames)?;
        let copies = if copies { class.copies() } else { &[] };
        for link in [Link::Clean, Link::Random, Link::Bursts] {
            for seed in 0..link.seeds() {
                let mut dice = Dice::new(name, link, seed);
                let fates = link.fates(payloads.len(), &mut dice);
                let (heard, stats) = played(codec, &payloads, copies, &fates, dice.below(20))?;
                let case = format!("{name}.{way}.{link:?}.{seed}");
                write(to, &case, &heard[once.len()..])?;
                let lost = fates
                    .iter()
                    .map(|fate| if fate.is_none() { b'1' } else { b'0' });
                fs::write(to.join(format!("{case}.lost")), lost.collect::<Vec<_>>())?;
                println!("{case}: {stats:?}");
            }
        }
    }
    Ok(())
}

/// What is sent, by the name of its results; with copies or without.
const WAYS: [(&str, Codec, bool); 4] = [
    ("Pcmu", Codec::Pcmu, false),
    ("G722", Codec::G722, false),
    ("Opus", Codec::Opus, false),
    ("OpusRed", Codec::Opus, true),
];

/// Raises 16 kHz to frames.
fn raised(samples: &[i16]) -> Vec<Frame> {
    let mut up = Interpolator::new(Ratio::Three);
    let chunks = samples.chunks_exact(320).map(|chunk| {
        let mut frame = Frame::SILENCE;
        up.process(chunk, &mut frame.samples);
        frame
    });
    chunks.collect()
}

fn coded(settings: EncoderSettings, frames: &[Frame]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut encoder = Encoder::new(settings)?;
    let mut bytes = [0; MAX_PAYLOAD];
    let mut payloads = Vec::new();
    for frame in frames {
        let len = encoder.encode(frame, &mut bytes)?;
        payloads.push(bytes[..len].to_vec());
    }
    Ok(payloads)
}

/// Codes with G.711 and decodes at once: what the reference for concealment starts from.
fn decoded(frames: &[Frame]) -> Result<Vec<Frame>, Failure> {
    let mut decoder = Decoder::new(Codec::Pcmu)?;
    let mut up = Interpolator::new(Ratio::Six);
    let mut out = Vec::new();
    for payload in coded(Codec::Pcmu.into(), frames)? {
        let (mut samples, mut frame) = ([0; 160], Frame::SILENCE);
        decoder.decode(&payload, &mut samples)?;
        up.process(&samples, &mut frame.samples);
        out.push(frame);
    }
    Ok(out)
}

/// Plays packets out whose fates are their delays; none is lost for good.
fn played(
    codec: Codec,
    payloads: &[Vec<u8>],
    copies: &[u8],
    fates: &[Option<Duration>],
    phase: u64,
) -> Result<(Vec<Frame>, PlayoutStats), Failure> {
    let start = t0();
    let mut arrivals: Vec<_> = (0..payloads.len())
        .filter_map(|number| Some((TICK * (number as u32 + 1) + fates[number]?, number)))
        .collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut playout = Playout::new(codec)?;
    let mut heard = Vec::new();
    for tick in 0..payloads.len() as u32 {
        let now = TICK * tick + Duration::from_millis(phase);
        while let Some((at, number)) = arrivals.next_if(|(at, _)| *at <= now) {
            let timestamp = number as u32 * codec.ticks();
            playout.put(
                number as u16,
                timestamp,
                &payloads[number],
                None,
                start + at,
            );
            for distance in copies {
                if let Some(copied) = number.checked_sub(usize::from(*distance)) {
                    let offset = u32::from(*distance) * codec.ticks();
                    playout.put_redundant(timestamp, offset, &payloads[copied], start + at);
                }
            }
        }
        let mut frame = Frame::SILENCE;
        playout.take(&mut frame, start + now);
        heard.push(frame);
    }
    Ok((heard, playout.stats()))
}

/// Writes frames at 16 kHz and at 8 kHz.
fn write(to: &Path, name: &str, frames: &[Frame]) -> Result<(), Failure> {
    for (ratio, rate) in [(Ratio::Three, 16_000), (Ratio::Six, 8_000)] {
        let mut down = Decimator::new(ratio);
        let mut samples = Vec::new();
        for frame in frames {
            let mut lowered = vec![0; rate / 50];
            down.process(&frame.samples, &mut lowered);
            samples.extend(lowered);
        }
        let path = to.join(format!("{name}.{}.wav", rate / 1_000));
        fs::write(path, wav::write(rate as u32, &samples))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Link {
    Clean,
    /// One packet in twenty is lost.
    Random,
    /// Three of a hundred are lost, in bursts of two and a half in the mean; the others are delayed by up to 80 ms.
    Bursts,
}

impl Link {
    const fn seeds(self) -> u64 {
        match self {
            Self::Clean => 1,
            Self::Random | Self::Bursts => 5,
        }
    }

    fn fates(self, count: usize, dice: &mut Dice) -> Vec<Option<Duration>> {
        let mut bad = false;
        let mut fate = |_| match self {
            Self::Clean => Some(Duration::ZERO),
            Self::Random => (dice.below(100) >= 5).then_some(Duration::ZERO),
            Self::Bursts => {
                bad = if bad {
                    dice.below(1_000) >= 400
                } else {
                    dice.below(100_000) < 1_237
                };
                let delay = Duration::from_micros(dice.below(80_000));
                (!bad).then_some(delay)
            }
        };
        (0..count).map(&mut fate).collect()
    }
}

/// A small generator, so that a run is the same every time.
struct Dice(u64);

impl Dice {
    fn new(name: &str, link: Link, seed: u64) -> Self {
        let name = name.bytes().fold(7, |sum: u64, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let mut dice = Self(name ^ (seed << 20) ^ ((link as u64) << 40));
        for _ in 0..8 {
            dice.below(2);
        }
        dice
    }

    const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
