//! Peers that send what no peer should: nothing panics, and nobody hears more of it than was damaged.
#![expect(
    clippy::cast_possible_truncation,
    reason = "simulated times and tones are small"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeMap,
    f64::consts::TAU,
    time::{Duration, Instant},
};

use dsp::{
    Codec, Encoder, Frame, Level, MAX_PAYLOAD, Malformed, Playout, Shaper, ShaperPool, Shaping,
    TICK, Taken, Witness, tone,
};
use proptest::{prelude::*, test_runner::RngSeed};

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

#[test]
fn garbage_is_counted_and_harmless() {
    let start = t0();
    for codec in Codec::ALL {
        let mut playout = Playout::new(codec).unwrap();
        let oversize = vec![0x55; 1_501];
        playout.put(1, 0, &[], None, start);
        playout.put(2, codec.ticks(), &oversize, None, start);
        let counted = playout.stats().malformed;
        let expected = Malformed {
            empty: 1,
            too_long: 1,
            corrupt: 0,
        };
        assert_eq!(counted, expected, "{codec:?}");
    }
    // Packets that announce more frames than they hold, or more than there may be.
    let mut playout = Playout::new(Codec::Opus).unwrap();
    playout.put(1, 0, &[0x78 | 0x03, 0x86], None, start);
    playout.put(2, 960, &[0xff; 40], None, start);
    for tick in 0..20 {
        playout.take(&mut Frame::SILENCE.clone(), start + TICK * tick);
    }
    assert_eq!(
        playout.stats().malformed.corrupt,
        2,
        "{:?}",
        playout.stats()
    );
}

/// Decoders make whole numbers, so that no NaN comes in; nor may the arithmetic behind them make one of what does, for it
/// would stay in a filter for as long as the leg lives.
#[test]
fn no_sound_leaves_a_leg_deaf() {
    let mut random = 1_u32;
    let mut draw = move |most: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % most
    };
    let mut pool = ShaperPool::new(1);
    for codec in Codec::ALL.into_iter().cycle().take(20) {
        let mut shaper = Shaper::new(codec, Shaping::TELEPHONE);
        let mut witness = Witness::new();
        pool.equip(&mut shaper);
        let mut hear = |mut frame: Frame, heard: &Frame| {
            witness.hear(&frame, heard);
            shaper.shape(&mut frame, heard);
            frame.level()
        };
        for _ in 0..200 {
            let (sound, sent) = (extreme(&mut draw), extreme(&mut draw));
            hear(sound, &sent);
        }
        let voice = tone::sine(300.0, -20.0, 150);
        let levels = voice.into_iter().enumerate().map(|(tick, frame)| {
            let pause = tick % 12 > 8;
            hear(if pause { Frame::SILENCE } else { frame }, &Frame::SILENCE)
        });
        let loudest = levels.skip(100).max().unwrap();
        assert!(loudest.as_dbov() > -45, "{codec:?}: {loudest:?}");
        assert!(shaper.gain_db().is_finite());
        pool.strip(&mut shaper);
    }
}

/// A frame as far from a voice as can be.
fn extreme(draw: &mut impl FnMut(u32) -> u32) -> Frame {
    let (kind, period) = (draw(6), 1 + draw(960) as usize);
    let mut wave = |at: usize| match kind {
        0 => 0,
        1 => i16::MIN,
        2 => i16::MAX,
        3 if (at / period).is_multiple_of(2) => i16::MAX,
        3 => i16::MIN,
        4 if at == period => i16::MIN,
        4 => 0,
        _ => (draw(65_536) as u16).cast_signed(),
    };
    Frame {
        samples: std::array::from_fn(&mut wave),
    }
}

/// What becomes of a packet on its way.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Sound,
    Lost,
    Twice,
    /// After the one that follows it.
    Swapped,
    Empty,
    Oversize,
    /// Some other bytes in its place.
    Corrupt(Vec<u8>),
    /// Comfort noise (RFC 3389) that nobody announced.
    ComfortNoise,
    /// Sound, and with it a packet of no timeline known.
    WithStray(u16, u32),
    /// Sound, and from here on other sequence numbers and timestamps.
    Leap(u16, u32),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        40 => Just(Fate::Sound),
        2 => Just(Fate::Lost),
        2 => Just(Fate::Twice),
        1 => Just(Fate::Swapped),
        1 => Just(Fate::Empty),
        1 => Just(Fate::Oversize),
        2 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Fate::Corrupt),
        1 => Just(Fate::ComfortNoise),
        2 => (4_000_u16..60_000, any::<u32>()).prop_map(|(s, t)| Fate::WithStray(s, t)),
        1 => (4_000_u16..60_000, any::<u32>()).prop_map(|(s, t)| Fate::Leap(s, t)),
    ]
}

/// What a leg does with its ticks.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Decode,
    Pass,
    /// Neither: the next tick begins.
    Leave,
}

/// Sound of a voice, 40 ms of it again and again, in packets of so many halves of a tick each.
fn voice(codec: Codec, halves: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
    let mut frames = [Frame::SILENCE; 2];
    let samples = frames.iter_mut().flat_map(|frame| &mut frame.samples);
    for (at, sample) in samples.enumerate() {
        *sample = (8_000.0 * (TAU * 200.0 * at as f64 / 48_000.0).sin()) as i16;
    }
    let mut encoder = Encoder::new(codec).unwrap();
    let mut bytes = [0; MAX_PAYLOAD];
    let mut coded = (0..).flat_map(|number: usize| {
        let len = encoder.encode(&frames[number % 2], &mut bytes).unwrap();
        let payload = bytes[..len].to_vec();
        match codec {
            Codec::Opus => vec![payload],
            Codec::Pcmu | Codec::Pcma | Codec::G722 => {
                payload.chunks(80).map(<[u8]>::to_vec).collect()
            }
        }
    });
    halves
        .map(|halves| match codec {
            Codec::Opus => 1,
            Codec::Pcmu | Codec::Pcma | Codec::G722 => halves,
        })
        .map(|pieces| coded.by_ref().take(pieces).flatten().collect())
        .collect()
}

/// A stream on its way to one leg.
struct Stream {
    codec: Codec,
    /// Timestamp units of the packet sent last.
    units: u32,
    sequence: u16,
    timestamp: u32,
    /// Ticks in which sound may be made up.
    damaged: u64,
    in_damage: bool,
    waiting: Option<(u16, u32, Vec<u8>)>,
}

impl Stream {
    /// Sends a packet as its fate wants.
    fn send(&mut self, playout: &mut Playout, payload: &[u8], fate: &Fate, now: Instant) {
        if let &Fate::Leap(sequence, timestamp) = fate {
            self.sequence = self.sequence.wrapping_add(sequence);
            self.timestamp = self.timestamp.wrapping_add(timestamp);
        }
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        self.sequence = sequence.wrapping_add(1);
        let units = self.codec.duration(payload).unwrap();
        self.lengthen(units);
        self.timestamp = timestamp.wrapping_add(self.units);
        self.damage(fate);
        let mut put = |sequence, timestamp, payload: &[u8]| {
            playout.put(sequence, timestamp, payload, None::<Level>, now);
        };
        match fate {
            Fate::Lost => {}
            Fate::Swapped => {
                self.waiting
                    .get_or_insert((sequence, timestamp, payload.to_vec()));
                return;
            }
            Fate::Empty => put(sequence, timestamp, &[]),
            Fate::Oversize => put(sequence, timestamp, &[0x55; 1_501]),
            Fate::Corrupt(bytes) => put(sequence, timestamp, bytes),
            Fate::ComfortNoise => playout.skip(sequence),
            Fate::Sound | Fate::Leap(..) => put(sequence, timestamp, payload),
            Fate::Twice => [(); 2]
                .iter()
                .for_each(|()| put(sequence, timestamp, payload)),
            &Fate::WithStray(far, leap) => {
                put(
                    sequence.wrapping_add(far),
                    timestamp.wrapping_add(leap),
                    payload,
                );
                put(sequence, timestamp, payload);
            }
        }
        if let Some((sequence, timestamp, payload)) = self.waiting.take() {
            playout.put(sequence, timestamp, &payload, None, now);
        }
    }

    /// Learns how long the next packet is: one longer than those before is late by the difference.
    fn lengthen(&mut self, units: u32) {
        let before = std::mem::replace(&mut self.units, units);
        if (1..units).contains(&before) {
            self.damaged += u64::from((units - before).div_ceil(self.codec.ticks())) + 1;
        }
    }

    /// Counts the ticks a fate may spoil, and one beyond for each stretch of damage.
    fn damage(&mut self, fate: &Fate) {
        let ticks = |units: u32| u64::from(units.div_ceil(self.codec.ticks()));
        let spoilt = match fate {
            Fate::Sound | Fate::Twice | Fate::WithStray(..) => 0,
            Fate::Lost | Fate::Swapped | Fate::Empty | Fate::Oversize | Fate::ComfortNoise => {
                ticks(self.units)
            }
            // What it says of itself is believed.
            Fate::Corrupt(bytes) => ticks(self.codec.duration(bytes).unwrap_or(0).max(self.units)),
            // The packet that leaps is taken for a stray one.
            Fate::Leap(..) => ticks(2 * self.units),
        };
        self.damaged += spoilt + u64::from(spoilt > 0 && !self.in_damage);
        self.in_damage = spoilt > 0;
    }
}

/// Some telephones change the length with each packet. A packet longer than all before it is late by the difference, of
/// which nobody could know; from there on every length is expected.
#[test]
fn packets_of_every_length_mixed_cost_no_more_than_each_first_longer_one() {
    for seed in 0..40_u64 {
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut throw = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            [1, 2, 4, 6][(dice >> 33) as usize % 4]
        };
        let lengths: Vec<usize> = (0..120).map(|_| throw()).collect();
        let start = t0();
        let mut playout = Playout::new(Codec::Pcma).unwrap();
        let mut out = Frame::SILENCE;
        let (mut timestamp, mut end, mut tick) = (0_u32, Duration::ZERO, us(seed % 20 * 1_000));
        let (mut longest, mut late) = (lengths[0], 0);
        let payloads = voice(Codec::Pcma, lengths.iter().copied());
        let mut concealed = Vec::new();
        for (number, payload) in payloads.iter().enumerate() {
            end += TICK * lengths[number] as u32 / 2;
            while tick < end {
                playout.take(&mut out, start + tick);
                tick += TICK;
            }
            concealed.push(playout.stats().concealed);
            playout.put(number as u16, timestamp, payload, None, start + end);
            timestamp += payload.len() as u32;
            if lengths[number] > longest {
                late += (lengths[number] - longest).div_ceil(2) as u64 + 1;
                longest = lengths[number];
            }
        }
        let stats = playout.stats();
        assert!(stats.concealed <= late, "{seed}: {late} {stats:?}");
        let known = lengths.iter().position(|length| *length == longest);
        let after = stats.concealed - concealed[known.unwrap() + 3];
        assert_eq!(after, 0, "{seed}: {concealed:?}");
        assert_eq!(stats.lost + stats.late, 0, "{seed}: {stats:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn nothing_a_peer_sends_breaks_the_bounds(
        codec in prop::sample::select(Codec::ALL.to_vec()),
        script in prop::collection::vec((any::<u16>(), any::<u32>(), 0_usize..1_600, any::<u8>(), 0_u8..8), 1..200),
    ) {
        let start = t0();
        let mut playout = Playout::new(codec).unwrap();
        let mut frame = Frame::SILENCE;
        let (mut now, mut sequence, mut timestamp) = (start, 0_u16, 0_u32);
        let mut taken: BTreeMap<u8, u32> = BTreeMap::new();
        for (noise, leap, len, byte, what) in script {
            // Mostly near the line, at times anywhere.
            match what {
                0 => (sequence, timestamp) = (noise, leap),
                1 => now += us(u64::from(leap % 400_000)),
                2 => sequence = sequence.wrapping_sub(noise % 8),
                _ => {
                    sequence = sequence.wrapping_add(1 + u16::from(byte % 16 == 0));
                    timestamp = timestamp.wrapping_add(codec.ticks() * (1 + leap % 3) / 2);
                }
            }
            let payload: Vec<u8> = (0..len).map(|at| byte.wrapping_mul(at as u8 | 1)).collect();
            let payload = if what == 7 { &payload[..] } else { &payload[..len.min(160)] };
            playout.put(sequence, timestamp, payload, None, now);
            if what > 4 {
                // Copies of anything, mostly of the packets before.
                let offset = if what == 5 { leap } else { codec.ticks() * u32::from(byte % 6) };
                playout.put_redundant(timestamp, offset, payload, now);
            }
            if byte % 3 > 0 {
                *taken.entry(playout.take(&mut frame, now) as u8).or_default() += 1;
                now += TICK;
            }
            let stats = playout.stats();
            prop_assert!(stats.depth_ms <= 500 + 140, "{:?}", stats);
        }
        let counted = playout.stats();
        prop_assert!(counted.malformed.total() + counted.duplicate + counted.late <= counted.received * 2);
    }

    #[test]
    fn no_more_is_made_up_than_was_damaged(
        codec in prop::sample::select(Codec::ALL.to_vec()),
        halves in prop::collection::vec(1_usize..=6, 1..4),
        fates in prop::collection::vec(fate(), 60),
        turns in prop::collection::vec(prop_oneof![
            4 => Just(Turn::Decode), 1 => Just(Turn::Pass), 1 => Just(Turn::Leave),
        ], 400),
        always in any::<bool>(),
        phase in 0_u64..20_000,
    ) {
        let halves = if codec == Codec::Opus { vec![2] } else { halves };
        let mut stream = Stream {
            codec,
            units: 0,
            sequence: 65_500,
            timestamp: u32::MAX - 900,
            damaged: 0,
            in_damage: false,
            waiting: None,
        };
        // Whole packets before and after, so that the stream is known and is seen to recover.
        let fates = [vec![Fate::Sound; RUN], fates, vec![Fate::Sound; 5 * RUN]].concat();
        let lengths: Vec<_> = (0..fates.len()).map(|number| halves[number / RUN % halves.len()]).collect();
        let payloads = voice(codec, lengths.iter().copied());
        let start = t0();
        let mut playout = Playout::new(codec).unwrap();
        let mut out = Frame::SILENCE;
        let ends = lengths.iter().scan(Duration::ZERO, |end, halves| {
            *end += TICK * *halves as u32 / 2;
            Some(*end)
        });
        let ends: Vec<_> = ends.collect();
        let mut sent = fates.iter().zip(&payloads).zip(&ends).peekable();
        let ticks = ends[ends.len() - 1].as_millis() as usize / 20;
        let mut last = Vec::new();
        for (tick, turn) in turns.iter().cycle().enumerate().take(ticks) {
            let now = TICK * tick as u32 + us(phase);
            while let Some(((fate, payload), end)) = sent.next_if(|(_, end)| **end <= now) {
                stream.send(&mut playout, payload, fate, start + *end);
            }
            playout.due(start + now);
            match turn {
                Turn::Pass if !always => playout.pass(),
                Turn::Leave if !always => {}
                Turn::Decode | Turn::Pass | Turn::Leave => last.push(playout.decode(&mut out)),
            }
        }
        let stats = playout.stats();
        prop_assert!(stats.concealed <= stream.damaged, "{} {stats:?}", stream.damaged);
        let recovered = last.iter().rev().take(5).all(|taken| *taken == Taken::Played);
        prop_assert!(recovered, "{stats:?}");
        let sent = |wanted: &Fate| fates.iter().filter(|fate| *fate == wanted).count() as u64;
        prop_assert_eq!(stats.malformed.empty, sent(&Fate::Empty));
        prop_assert!(stats.malformed.too_long >= sent(&Fate::Oversize));
    }
}

/// Packets of one length in a row.
const RUN: usize = 20;

/// Scripts tried in each run.
const CASES: u32 = 100;
