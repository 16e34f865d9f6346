//! The inbound path in simulated time: networks that lose, delay, reorder and drift.
#![expect(
    clippy::cast_possible_truncation,
    reason = "simulated times and tones are small"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    f64::consts::TAU,
    time::{Duration, Instant},
};

use dsp::{
    Codec, Encoder, Frame, Level, MAX_PAYLOAD, Playout, PlayoutStats, SAMPLE_RATE, TICK, Taken,
    tone,
};

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

#[derive(Clone)]
struct Packet {
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
    sent: Duration,
}

/// Encodes frames into packets of `per` frames each; the first timestamps lie just before the wrap.
fn packets(codec: Codec, frames: &[Frame], per: usize) -> Vec<Packet> {
    let mut encoder = Encoder::new(codec).unwrap();
    let mut out = Vec::new();
    for (number, frames) in frames.chunks_exact(per).enumerate() {
        let mut payload = Vec::new();
        for frame in frames {
            let mut bytes = [0; MAX_PAYLOAD];
            let len = encoder.encode(frame, &mut bytes).unwrap();
            payload.extend_from_slice(&bytes[..len]);
        }
        out.push(Packet {
            sequence: 65_530_u16.wrapping_add(number as u16),
            timestamp: (u32::MAX - 500).wrapping_add(number as u32 * per as u32 * codec.ticks()),
            payload,
            sent: TICK * (number as u32 + 1) * per as u32,
        });
    }
    out
}

/// Cuts packets of a codec of one byte per unit to 10 ms.
fn halved(packets: &[Packet]) -> Vec<Packet> {
    let halves = packets.iter().enumerate().flat_map(|(number, packet)| {
        let middle = packet.payload.len() / 2;
        [
            (0, &packet.payload[..middle]),
            (1, &packet.payload[middle..]),
        ]
        .map(|(half, bytes)| Packet {
            sequence: (number * 2 + half) as u16,
            timestamp: packet.timestamp.wrapping_add((half * middle) as u32),
            payload: bytes.to_vec(),
            sent: packet.sent + ms(10 * half as u64),
        })
    });
    halves.collect()
}

/// Joins so many packets of a codec of one byte per unit to one.
fn joined(packets: &[Packet], parts: usize) -> Vec<Packet> {
    let chunks = packets.chunks_exact(parts).enumerate();
    let joined = chunks.map(|(number, parts)| Packet {
        sequence: number as u16,
        timestamp: parts[0].timestamp,
        payload: parts.iter().flat_map(|part| part.payload.clone()).collect(),
        sent: parts[parts.len() - 1].sent,
    });
    joined.collect()
}

struct Heard {
    frames: Vec<Frame>,
    taken: Vec<Taken>,
    depths: Vec<u32>,
    stats: PlayoutStats,
}

impl Heard {
    fn count(&self, what: Taken) -> usize {
        self.taken.iter().filter(|taken| **taken == what).count()
    }

    fn samples(&self) -> Vec<i16> {
        self.frames.iter().flat_map(|frame| frame.samples).collect()
    }
}

/// Delivers packets at their arrival and takes a frame at every tick, the first one `phase` after the start.
fn run(codec: Codec, arrivals: &[(Duration, Packet)], phase: Duration, ticks: u32) -> Heard {
    let start = t0();
    let mut playout = Playout::new(codec).unwrap();
    let mut arrivals: Vec<_> = arrivals.iter().collect();
    arrivals.sort_by_key(|(at, _)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut heard = Heard {
        frames: Vec::new(),
        taken: Vec::new(),
        depths: Vec::new(),
        stats: PlayoutStats::default(),
    };
    for tick in 0..ticks {
        let now = TICK * tick + phase;
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
            playout.put(
                packet.sequence,
                packet.timestamp,
                &packet.payload,
                None,
                start + *at,
            );
        }
        let mut frame = Frame::SILENCE;
        heard.taken.push(playout.take(&mut frame, start + now));
        heard.frames.push(frame);
        heard.depths.push(playout.stats().depth_ms);
    }
    heard.stats = playout.stats();
    heard
}

fn on_time(packets: &[Packet]) -> Vec<(Duration, Packet)> {
    packets
        .iter()
        .map(|packet| (packet.sent, packet.clone()))
        .collect()
}

/// Silence but for a click every `period` frames, so that delay can be measured.
fn clicks(frames: usize, period: usize) -> Vec<Frame> {
    let mut out = vec![Frame::SILENCE; frames];
    for frame in out.iter_mut().skip(3).step_by(period) {
        for (at, sample) in frame.samples.iter_mut().enumerate().take(48) {
            *sample = (20_000.0 * (TAU * at as f64 / 48.0).sin()) as i16;
        }
    }
    out
}

/// Mean delay in milliseconds from the end of a packet's sending to the beginning of its sound at the far end, where
/// the sender's frame ends.
fn click_delay(heard: &Heard, phase: Duration, frames: &[Frame]) -> f64 {
    let peak = |samples: &[i16]| {
        (0..samples.len())
            .max_by_key(|&at| samples[at].unsigned_abs())
            .unwrap()
    };
    let sent: Vec<_> = frames.iter().flat_map(|frame| frame.samples).collect();
    let samples = heard.samples();
    let mut delays = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        if *frame == Frame::SILENCE {
            continue;
        }
        let at = number * 960;
        let spoken = (at + peak(&sent[at..at + 960])) as f64 / 48.0;
        let end = (at + 48_00 * 2).min(samples.len());
        let heard_at = (at + peak(&samples[at..end])) as f64 / 48.0 + phase.as_secs_f64() * 1e3;
        // A packet leaves 20 ms after its first sample: that is the phone's delay, not ours.
        delays.push(heard_at - spoken - 20.0);
    }
    delays.iter().sum::<f64>() / delays.len() as f64
}

#[test]
fn a_clean_link_plays_everything_with_little_delay() {
    for codec in Codec::ALL {
        let frames = clicks(300, 25);
        let sent = packets(codec, &frames, 1);
        let mut delays = Vec::new();
        for phase in (0..20).step_by(2) {
            let heard = run(codec, &on_time(&sent), ms(phase), 300);
            assert_eq!(heard.count(Taken::Concealed), 0, "{codec:?} {phase}");
            assert!(heard.count(Taken::Played) >= 296, "{codec:?} {phase}");
            delays.push(click_delay(&heard, ms(phase), &frames));
        }
        delays.sort_by(f64::total_cmp);
        println!("{codec:?}: inbound delay per phase of the tick {delays:.1?} ms");
        assert!(
            delays[5] <= 25.0 && delays[9] <= 32.0,
            "{codec:?} {delays:?}"
        );
    }
}

#[test]
fn every_packet_length_plays_without_a_gap() {
    let frames = tone::sine(440.0, -20.0, 300);
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        let single = packets(codec, &frames, 1);
        let mut lengths: Vec<_> = [1, 2, 3].map(|per| packets(codec, &frames, per)).into();
        lengths.push(halved(&single));
        // 30 and 50 ms.
        for parts in [3, 5] {
            lengths.push(joined(&halved(&single), parts));
        }
        for sent in lengths {
            for phase in [0, 3, 8, 13, 19] {
                let heard = run(codec, &on_time(&sent), ms(phase), 290);
                let bytes = sent[0].payload.len();
                assert_eq!(
                    heard.count(Taken::Concealed),
                    0,
                    "{codec:?} {bytes} bytes {phase}"
                );
                assert_eq!(
                    heard.stats.lost + heard.stats.late + heard.stats.overflow,
                    0
                );
                let quiet = heard.frames[20..]
                    .iter()
                    .filter(|f| f.level() < Level::from_rfc6464(22))
                    .count();
                assert_eq!(quiet, 0, "{codec:?} {bytes} bytes {phase}");
            }
        }
    }
}

#[test]
fn opus_packets_of_several_frames_play() {
    let mut encoder =
        opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Voip).unwrap();
    for millis in [10, 40, 60] {
        let samples = 48 * millis as usize;
        let stereo: Vec<i16> = (0..samples * 50)
            .flat_map(|at| [(8_000.0 * (TAU * 440.0 * at as f64 / 48_000.0).sin()) as i16; 2])
            .collect();
        let sent: Vec<_> = stereo
            .chunks_exact(samples * 2)
            .enumerate()
            .map(|(number, chunk)| Packet {
                sequence: number as u16,
                timestamp: (number * samples) as u32,
                payload: encoder.encode_vec(chunk, 1_500).unwrap(),
                sent: ms(millis) * (number as u32 + 1),
            })
            .collect();
        let ticks = (millis * 50 / 20) as u32;
        let heard = run(Codec::Opus, &on_time(&sent), ms(7), ticks);
        assert_eq!(
            heard.count(Taken::Concealed) as u64 + heard.stats.malformed.total(),
            0,
            "{millis} ms"
        );
        let loud = heard
            .frames
            .iter()
            .filter(|f| f.level() > Level::from_rfc6464(20))
            .count();
        assert!(loud + 10 > ticks as usize, "{millis} ms: {loud} of {ticks}");
    }
}

#[test]
fn reordering_and_duplicates_within_the_hold_are_not_heard() {
    let sent = packets(Codec::Pcma, &tone::sine(440.0, -20.0, 500), 1);
    let arrivals: Vec<_> = sent
        .iter()
        .enumerate()
        .flat_map(|(number, packet)| {
            // Every fifth packet comes after its successor, every seventh twice.
            let delay = if number % 5 == 4 { ms(25) } else { ms(0) };
            let copies = if number % 7 == 6 { 2 } else { 1 };
            vec![(packet.sent + delay, packet.clone()); copies]
        })
        .collect();
    let heard = run(Codec::Pcma, &arrivals, ms(9), 500);
    assert!(heard.stats.duplicate >= 70, "{:?}", heard.stats);
    let late = heard.taken[50..]
        .iter()
        .filter(|taken| **taken != Taken::Played)
        .count();
    assert_eq!(late, 0, "{:?}", heard.stats);
}

#[test]
fn loss_is_concealed_counted_and_fades() {
    let sent = packets(Codec::Pcmu, &tone::sine(250.0, -15.0, 400), 1);
    let kept = sent
        .iter()
        .enumerate()
        .filter(|(n, _)| n % 20 != 10 && !(200..300).contains(n));
    let kept = kept.collect::<Vec<_>>();
    let arrivals: Vec<_> = kept
        .iter()
        .map(|(_, packet)| (packet.sent, (*packet).clone()))
        .collect();
    let heard = run(Codec::Pcmu, &arrivals, ms(5), 400);
    assert_eq!(heard.stats.lost, 15 + 100);
    assert_eq!(heard.stats.concealed, 15 + 3);
    assert_eq!(heard.stats.late, 0);
    // A single gap in a tone is bridged at nearly full strength; a long one ends in silence.
    let first_gap = heard
        .taken
        .iter()
        .position(|taken| *taken == Taken::Concealed)
        .unwrap();
    assert!(
        heard.frames[first_gap].level() > Level::from_rfc6464(18),
        "{:?}",
        heard.frames[first_gap]
    );
    assert_eq!(heard.frames[230], Frame::SILENCE);
    assert_eq!(heard.taken[230], Taken::Silent);
    assert_eq!(heard.taken[330], Taken::Played);
}

#[test]
fn a_concealed_tone_has_no_clicks() {
    let sent = packets(Codec::Pcma, &tone::sine(230.0, -15.0, 100), 1);
    let arrivals = on_time(&sent)
        .into_iter()
        .enumerate()
        .filter(|(n, _)| n % 10 != 7);
    let arrivals: Vec<_> = arrivals.map(|(_, arrival)| arrival).collect();
    let heard = run(Codec::Pcma, &arrivals, ms(5), 95);
    let samples = heard.samples().split_off(960 * 10);
    let step = samples
        .windows(2)
        .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs())
        .max()
        .unwrap();
    let clean = (32_768.0 * 10_f64.powf(-12.0 / 20.0) * TAU * 230.0 / 48_000.0) as i32;
    assert!(step < clean * 3, "{step} against {clean}");
}

#[test]
fn opus_waits_for_the_copies_while_the_path_is_lossy() {
    let sent = packets(Codec::Opus, &talking(1_500), 1);
    let lossy = on_time(&sent).into_iter().enumerate();
    let lossy: Vec<_> = lossy
        .filter(|(n, _)| *n > 700 || n % 20 != 5)
        .map(|(_, arrival)| arrival)
        .collect();
    let heard = run(Codec::Opus, &lossy, ms(9), 1_490);
    let mean = |depths: &[u32]| f64::from(depths.iter().sum::<u32>()) / depths.len() as f64;
    let (before, during) = (mean(&heard.depths[10..20]), mean(&heard.depths[400..700]));
    let after = mean(&heard.depths[1_300..]);
    assert!(
        before < 5.0 && (15.0..30.0).contains(&during) && after < 5.0,
        "{before} {during} {after}"
    );
    assert_eq!(heard.stats.lost, 35);
    let concealed = heard.taken[1_000..1_480]
        .iter()
        .filter(|taken| **taken == Taken::Concealed);
    assert_eq!(concealed.count(), 0);
}

#[test]
fn concealed_speech_of_the_vectors_is_nearer_to_the_truth_than_silence() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/vectors/speech/short_nb_voice.wav"
    );
    let bytes = std::fs::read(path).unwrap_or_else(|error| {
        panic!("{path}: {error}. Without the published vectors leave out what has `vectors` in its name.")
    });
    let (rate, speech) = dsp::wav::parse(&bytes).unwrap();
    assert_eq!(rate, 8_000);
    let mut up = dsp::Interpolator::new(dsp::Ratio::Six);
    let frames: Vec<_> = speech
        .chunks_exact(160)
        .map(|chunk| {
            let mut frame = Frame::SILENCE;
            up.process(chunk, &mut frame.samples);
            frame
        })
        .collect();
    let sent = packets(Codec::Pcma, &frames, 1);
    let ticks = sent.len() as u32;
    let whole = run(Codec::Pcma, &on_time(&sent), ms(9), ticks);
    let lossy: Vec<_> = on_time(&sent)
        .into_iter()
        .enumerate()
        .filter(|(n, _)| n % 20 != 7)
        .collect();
    let heard = run(
        Codec::Pcma,
        &lossy
            .into_iter()
            .map(|(_, arrival)| arrival)
            .collect::<Vec<_>>(),
        ms(9),
        ticks,
    );
    // Onsets and hisses cannot be guessed; what is voiced can, and is half of speech.
    let (mut gaps, mut nearer) = (0, 0);
    for (number, taken) in heard.taken.iter().enumerate() {
        if *taken == Taken::Concealed && whole.taken[number] == Taken::Played {
            let truth = &whole.frames[number].samples[..480];
            let pairs = truth.iter().zip(&heard.frames[number].samples);
            let error: f64 = pairs
                .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
                .sum();
            let power: f64 = truth.iter().map(|&sample| f64::from(sample).powi(2)).sum();
            gaps += 1;
            nearer += usize::from(error < power);
        }
    }
    println!("concealed speech: {nearer} of {gaps} gaps nearer to the truth than silence");
    assert!(gaps >= 25 && nearer * 2 >= gaps, "{nearer} of {gaps}");
}

/// Harmonics of a wandering pitch in syllables of 200 ms.
fn speechlike(frames: usize) -> Vec<Frame> {
    let mut out = vec![Frame::SILENCE; frames];
    let mut phase = 0.0;
    for (number, frame) in out.iter_mut().enumerate() {
        for (at, sample) in frame.samples.iter_mut().enumerate() {
            let time = (number * 960 + at) as f64 / f64::from(SAMPLE_RATE);
            phase += TAU * (140.0 + 30.0 * (TAU * 0.7 * time).sin()) / f64::from(SAMPLE_RATE);
            let voice: f64 = (1..12)
                .map(|n| (f64::from(n) * phase).sin() / f64::from(n))
                .sum();
            *sample = (5_000.0 * voice * (TAU * 2.5 * time).sin().abs()) as i16;
        }
    }
    out
}

/// Words of a second with pauses of a second.
fn talking(frames: usize) -> Vec<Frame> {
    let mut out = speechlike(frames);
    for (number, frame) in out.iter_mut().enumerate() {
        if number / 50 % 2 == 1 {
            *frame = Frame::SILENCE;
        }
    }
    out
}

/// A small generator, so that a run is the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn jitter_is_learnt_and_forgotten() {
    let sent = packets(Codec::Pcma, &talking(3_000), 1);
    let mut dice = Dice(7);
    let arrivals: Vec<_> = sent
        .iter()
        .map(|packet| {
            let jittery = packet.sent < ms(20_000);
            let jitter = if jittery {
                dice.below(60_000)
            } else {
                dice.below(2_000)
            };
            (packet.sent + us(jitter), packet.clone())
        })
        .collect();
    let heard = run(Codec::Pcma, &arrivals, ms(9), 3_000);
    // After the first seconds jitter is not heard …
    let gaps = heard.taken[250..1_000]
        .iter()
        .filter(|taken| **taken == Taken::Concealed)
        .count();
    assert!(gaps <= 15, "{gaps} gaps");
    // … and when it is gone the buffer is short again.
    let mean = |depths: &[u32]| f64::from(depths.iter().sum::<u32>()) / depths.len() as f64;
    let during = mean(&heard.depths[500..1_000]);
    // Five seconds of calm after the last late packet, and from then on.
    let after: Vec<_> = heard.depths[1_250..].chunks(50).map(mean).collect();
    assert!(
        during > 20.0 && after.iter().all(|after| *after < 8.0),
        "{during} ms, then {after:.1?} ms"
    );
}

#[test]
fn a_hold_never_exceeds_the_limit() {
    let sent = packets(Codec::G722, &speechlike(1_500), 1);
    let mut dice = Dice(3);
    let arrivals: Vec<_> = sent
        .iter()
        .map(|p| (p.sent + ms(dice.below(900)), p.clone()))
        .collect();
    let heard = run(Codec::G722, &arrivals, ms(5), 1_500);
    assert!(
        heard.depths.iter().all(|depth| *depth <= 540),
        "{:?}",
        heard.depths.iter().max()
    );
    assert!(heard.stats.lost > 0);
}

#[test]
fn a_gap_in_timestamps_alone_is_silence_not_loss() {
    let mut sent = packets(Codec::Pcmu, &tone::sine(300.0, -20.0, 200), 1);
    // The sender pauses for a second: sequence numbers go on, timestamps and time leap.
    for packet in &mut sent[100..] {
        packet.timestamp = packet.timestamp.wrapping_add(8_000);
        packet.sent += ms(1_000);
    }
    let heard = run(Codec::Pcmu, &on_time(&sent), ms(5), 255);
    assert_eq!(
        (heard.stats.lost, heard.stats.late),
        (0, 0),
        "{:?}",
        heard.stats
    );
    // Three at the pause and three at the end, when nobody can know yet.
    assert!(heard.count(Taken::Concealed) <= 6);
    assert_eq!(heard.taken[130], Taken::Silent);
    assert_eq!(heard.taken[200], Taken::Played);
    assert_eq!(heard.count(Taken::Played), 200);
}

#[test]
fn a_restarted_stream_is_taken_up_at_once() {
    // Timestamps that leap wildly, ones that stand still over a hold, and another sequence altogether.
    for (sequence, timestamp, pause) in [
        (0, 123_456_789, 0),
        (0, 0, 5_000),
        (20_000, 55, 40),
        (40_000, 0, 3_000),
    ] {
        let mut sent = packets(Codec::Pcma, &tone::sine(300.0, -20.0, 200), 1);
        for packet in &mut sent[100..] {
            packet.sequence = packet.sequence.wrapping_add(sequence);
            packet.timestamp = packet.timestamp.wrapping_add(timestamp);
            packet.sent += ms(pause);
        }
        let ticks = 205 + pause as u32 / 20;
        let heard = run(Codec::Pcma, &on_time(&sent), ms(5), ticks);
        assert!(
            heard.count(Taken::Played) >= 196,
            "{sequence} {timestamp} {pause}: {:?}",
            heard.stats
        );
        // Another sequence is believed at its second packet.
        let strays = u64::from(sequence != 0);
        let counted = (heard.stats.late, heard.stats.stray, heard.stats.restarts);
        assert_eq!(counted, (0, strays, 1), "{sequence} {timestamp} {pause}");
        let last = ticks as usize - 20;
        assert_eq!(
            heard.taken[last],
            Taken::Played,
            "{sequence} {timestamp} {pause}"
        );
        assert!(
            heard.depths[last] <= 40,
            "{sequence} {timestamp} {pause}: {}",
            heard.depths[last]
        );
    }
}

#[test]
fn one_stray_packet_does_not_disturb() {
    let sent = packets(Codec::Pcma, &tone::sine(300.0, -20.0, 100), 1);
    let mut arrivals = on_time(&sent);
    let mut stray = sent[50].clone();
    stray.sequence = stray.sequence.wrapping_add(30_000);
    arrivals.push((stray.sent, stray));
    let heard = run(Codec::Pcma, &arrivals, ms(5), 100);
    let stats = &heard.stats;
    assert_eq!(heard.count(Taken::Concealed), 0);
    assert_eq!((stats.late, stats.stray, stats.restarts), (0, 1, 0));
}

#[test]
fn a_stalled_network_catches_up() {
    let sent = packets(Codec::Pcma, &talking(1_500), 1);
    for stall in [100, 300, 1_000] {
        let stalled = |at: Duration| {
            if (ms(2_000)..ms(2_000 + stall)).contains(&at) {
                ms(2_000 + stall)
            } else {
                at
            }
        };
        let arrivals: Vec<_> = sent.iter().map(|p| (stalled(p.sent), p.clone())).collect();
        let heard = run(Codec::Pcma, &arrivals, ms(5), 1_500);
        assert!(heard.depths.iter().all(|depth| *depth <= 500));
        let late: Vec<_> = heard.depths[1_300..].to_vec();
        assert!(late.iter().all(|depth| *depth <= 40), "{stall}: {late:?}");
    }
}

/// Says the same again and again: so many packets from a few, `parts` of a million slower than the ticks.
fn repeated(codec: Codec, few: &[Packet], count: usize, parts: i64) -> Vec<(Duration, Packet)> {
    let numbered = few.iter().cycle().take(count).enumerate();
    let drifted = numbered.map(|(number, packet)| {
        let packet = Packet {
            sequence: number as u16,
            timestamp: number as u32 * codec.ticks(),
            ..packet.clone()
        };
        (
            us((number as i64 * 20 * (1_000_000 + parts) / 1_000) as u64),
            packet,
        )
    });
    drifted.collect()
}

#[test]
fn drifting_clocks_stay_in_step() {
    let (minutes, ticks) = (2, 6_000);
    for codec in [Codec::Pcma, Codec::Opus] {
        let few = packets(codec, &talking(500), 1);
        for parts in [-500, 500] {
            let arrivals = repeated(codec, &few, ticks, parts);
            let heard = run(codec, &arrivals, ms(5), ticks as u32 - 20);
            let deepest = heard.depths.iter().max().unwrap();
            assert!(*deepest <= 80, "{codec:?} {parts} ppm: {deepest} ms");
            assert_eq!(heard.stats.overflow, 0);
            assert!(
                heard.stats.concealed <= 3 * minutes * 4,
                "{codec:?} {parts} ppm: {:?}",
                heard.stats
            );
        }
    }
}

/// How late a drifting stream is heard, in milliseconds, once a minute.
///
/// The delay runs from when a packet is put to when its sound is played. The packets of `source` come round and round, `parts`
/// of a million slower than the ticks.
fn delays_under_drift(codec: Codec, source: &[Frame], minutes: usize, parts: i64) -> Vec<f64> {
    let few = packets(codec, source, 1);
    let said = narrow(source);
    let start = t0();
    let mut playout = Playout::new(codec).unwrap();
    let mut next = 0;
    let arrival = |number: usize| us((number as i64 * 20 * (1_000_000 + parts) / 1_000) as u64);
    let (mut window, mut delays) = (Vec::new(), Vec::new());
    for tick in 0..minutes * 3_000 + 1_000 {
        let now = TICK * tick as u32 + ms(9);
        while arrival(next) <= now {
            let (sequence, timestamp) = (next as u16, (next as u32).wrapping_mul(codec.ticks()));
            let payload = &few[next % few.len()].payload;
            playout.put(sequence, timestamp, payload, None, start + arrival(next));
            next += 1;
        }
        let mut frame = Frame::SILENCE;
        playout.take(&mut frame, start + now);
        // The first second of each minute but for the first ten, in which the buffer settles.
        if (500..500 + MEASURED).contains(&(tick % 3_000)) {
            window.push(frame);
        }
        if window.len() == MEASURED {
            let begins = (TICK * (tick + 1 - MEASURED) as u32 + ms(9)).as_secs_f64() * 1e3;
            let pace = 1.0 + parts as f64 / 1e6;
            let heard = narrow(&window);
            let best = (0..LONGEST_DELAY).max_by_key(|&delay| {
                let from = ((begins - f64::from(delay)) / pace * 8.0) as usize;
                likeness(&heard, &said, from)
            });
            delays.push(f64::from(best.unwrap()));
            window.clear();
        }
    }
    assert!(playout.stats().concealed <= 1, "{:?}", playout.stats());
    delays
}

/// Ticks in which a delay is measured: half a second.
const MEASURED: usize = 25;

/// Delays looked for, in milliseconds.
const LONGEST_DELAY: u32 = 300;

/// Frames at 8 kHz.
fn narrow(frames: &[Frame]) -> Vec<i32> {
    let samples = frames
        .iter()
        .flat_map(|frame| frame.samples.chunks_exact(6));
    let means = samples.map(|six| six.iter().map(|x| i32::from(*x)).sum::<i32>() / 6);
    means.collect()
}

/// Correlates a sound with what comes round and round, from a sample on.
fn likeness(heard: &[i32], said: &[i32], from: usize) -> i64 {
    let (end, begin) = said.split_at(from % said.len());
    let pairs = heard.iter().zip(begin.iter().chain(end));
    pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum()
}

fn assert_steady(codec: Codec, parts: i64, delays: &[f64]) {
    let mean = |delays: &[f64]| delays.iter().sum::<f64>() / delays.len() as f64;
    let (first, last) = (mean(&delays[..3]), mean(&delays[delays.len() - 3..]));
    assert!(
        (last - first).abs() <= 20.0 && delays.iter().all(|delay| *delay <= 60.0),
        "{codec:?} {parts} ppm: {first:.1} ms at first, {last:.1} at last, {delays:?}"
    );
}

#[test]
fn ten_minutes_of_drift_leave_the_delay_as_it_was() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        for parts in [-500, 500] {
            let delays = delays_under_drift(codec, &speechlike(500), 10, parts);
            assert_steady(codec, parts, &delays);
        }
    }
}

#[test]
fn two_hours_of_drift_leave_the_delay_as_it_was() {
    let delays = delays_under_drift(Codec::Pcma, &speechlike(500), 120, -500);
    assert_steady(Codec::Pcma, -500, &delays);
}

#[test]
fn drift_without_a_pause_is_stretched_away() {
    // Ten times the drift of a bad clock, under a loud tone in which no moment is quiet.
    for parts in [-5_000_i64, 5_000] {
        let sent = packets(Codec::Pcma, &tone::sine(330.0, -10.0, 4_500), 1);
        let drifted =
            |at: Duration| us((at.as_micros() as i64 * (1_000_000 + parts) / 1_000_000) as u64);
        let arrivals: Vec<_> = sent.iter().map(|p| (drifted(p.sent), p.clone())).collect();
        let heard = run(Codec::Pcma, &arrivals, ms(5), 4_400);
        let deepest = *heard.depths.iter().max().unwrap();
        assert!(deepest <= 60, "{parts}: {deepest}");
        let stats = &heard.stats;
        let stretched = if parts < 0 {
            stats.accelerated
        } else {
            stats.expanded
        };
        assert!(
            stretched >= 20 && stats.concealed <= 5,
            "{parts}: {stats:?}"
        );
        assert!(
            heard.count(Taken::Silent) <= 3,
            "{parts}: {:?}",
            heard.stats
        );
    }
}

#[test]
fn reset_begins_another_stream_and_keeps_the_counters() {
    let sent = packets(Codec::Pcma, &tone::sine(300.0, -20.0, 50), 1);
    let start = t0();
    let mut playout = Playout::new(Codec::Pcma).unwrap();
    let mut frame = Frame::SILENCE;
    for round in 0..2_u32 {
        let begin = start + ms(1_000) * round;
        for packet in &sent {
            playout.put(
                packet.sequence.wrapping_mul(7),
                packet.timestamp / 3,
                &packet.payload,
                None,
                begin + packet.sent,
            );
        }
        playout.reset();
        assert_eq!(playout.stats().depth_ms, 0);
        playout.put(9, 9, &sent[0].payload, None, begin + ms(500));
        assert_eq!(playout.take(&mut frame, begin + ms(510)), Taken::Played);
    }
    assert_eq!(playout.stats().received, 102);
}
