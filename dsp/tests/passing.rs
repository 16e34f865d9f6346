//! Ticks that are claimed, passed and decoded by turns.
#![expect(
    clippy::cast_possible_truncation,
    reason = "simulated times and tones are small"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    f64::consts::TAU,
    time::{Duration, Instant},
};

use dsp::{Claim, Codec, Due, Encoder, Frame, Level, MAX_PAYLOAD, Playout, TICK, Taken};

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

/// Harmonics of a wandering pitch that swell and fade in syllables, `loud` in full.
fn speechlike(frames: usize, loud: f64) -> Vec<Frame> {
    let mut out = vec![Frame::SILENCE; frames];
    let mut phase = 0.0;
    for (number, frame) in out.iter_mut().enumerate() {
        for (at, sample) in frame.samples.iter_mut().enumerate() {
            let time = (number * 960 + at) as f64 / 48_000.0;
            phase += TAU * (140.0 + 30.0 * (TAU * 0.7 * time).sin()) / 48_000.0;
            let voice: f64 = (1..20)
                .map(|n| (f64::from(n) * phase).sin() / f64::from(n))
                .sum();
            *sample = (loud * voice * (0.1 + (TAU * 2.5 * time).sin().abs())) as i16;
        }
    }
    out
}

/// Encodes frames to packets of `per` of them.
fn payloads(codec: Codec, frames: &[Frame], per: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec).unwrap();
    let mut bytes = [0; MAX_PAYLOAD];
    let mut singles = frames.iter().map(|frame| {
        let len = encoder.encode(frame, &mut bytes).unwrap();
        bytes[..len].to_vec()
    });
    let count = frames.len() / per;
    (0..count)
        .map(|_| singles.by_ref().take(per).flatten().collect())
        .collect()
}

/// A leg whose packets come 8 ms before a tick.
struct Leg {
    playout: Playout,
    codec: Codec,
    start: Instant,
    per: u32,
    tick: u32,
    payloads: std::vec::IntoIter<Vec<u8>>,
}

impl Leg {
    fn new(codec: Codec, payloads: Vec<Vec<u8>>, per: u32) -> Self {
        Self {
            playout: Playout::new(codec).unwrap(),
            codec,
            start: t0(),
            per,
            tick: 0,
            payloads: payloads.into_iter(),
        }
    }

    fn due(&mut self, header: Option<Level>) -> Due {
        let now = self.start + TICK * self.tick;
        if self.tick.is_multiple_of(self.per) {
            let number = self.tick / self.per;
            if let Some(payload) = self.payloads.next() {
                self.playout.put(
                    number as u16,
                    number * self.per * self.codec.ticks(),
                    &payload,
                    header,
                    now,
                );
            }
        }
        self.tick += 1;
        self.playout.due(now + Duration::from_millis(8))
    }

    fn decode(&mut self) -> (Taken, Frame) {
        let mut frame = Frame::SILENCE;
        let taken = self.playout.decode(&mut frame);
        (taken, frame)
    }
}

fn claimed(due: Due) -> Claim {
    match due {
        Due::Sound(claim) => claim,
        Due::Silence => panic!("nothing is due"),
    }
}

#[test]
fn claims_without_a_header_are_near_the_truth() {
    for (codec, bound) in [(Codec::Pcma, 1), (Codec::Pcmu, 1), (Codec::G722, 9)] {
        for loud in [300.0, 3_000.0, 9_000.0] {
            let frames = speechlike(200, loud);
            let mut leg = Leg::new(codec, payloads(codec, &frames, 1), 1);
            let mut errors = Vec::new();
            for number in 0..199 {
                let due = leg.due(None);
                let (taken, frame) = leg.decode();
                if number < 3 {
                    continue;
                }
                assert_eq!(taken, Taken::Played);
                let claim = claimed(due);
                assert!(claim.trusted);
                errors.push(i32::from(claim.level.as_dbov()) - i32::from(frame.level().as_dbov()));
            }
            errors.sort_unstable();
            println!(
                "{codec:?} at {loud}: {:?}",
                [errors[0], errors[20], errors[98], errors[175], errors[195]]
            );
            assert!(
                errors[20].abs() <= bound + 2 && errors[175].abs() <= bound + 2,
                "{codec:?} at {loud}: {errors:?}"
            );
        }
    }
}

#[test]
fn a_leg_heard_after_passing_sounds_as_if_it_had_been_heard_all_along() {
    for (codec, per, bound) in [
        (Codec::Pcma, 1, 60.0),
        (Codec::Pcma, 3, 60.0),
        (Codec::G722, 1, 10.0),
        (Codec::G722, 3, 10.0),
        (Codec::Opus, 1, 10.0),
    ] {
        for heard_from in (60..80).step_by(4) {
            let frames = speechlike(120, 5_000.0);
            let sent = payloads(codec, &frames, per);
            let mut all_along = Leg::new(codec, sent.clone(), per as u32);
            let mut passing = Leg::new(codec, sent, per as u32);
            let (mut power, mut error) = (0.0, 0.0);
            for number in 0..90 {
                all_along.due(None);
                passing.due(None);
                let (_, truth) = all_along.decode();
                if number < heard_from {
                    passing.playout.pass();
                    continue;
                }
                let (taken, frame) = passing.decode();
                assert_eq!(taken, Taken::Played, "{codec:?} {heard_from}");
                // The fade over the first milliseconds is meant.
                let skipped = if number == heard_from { 48 * 4 } else { 0 };
                if number < heard_from + 3 {
                    for (&a, &b) in truth.samples.iter().zip(&frame.samples).skip(skipped) {
                        power += f64::from(a).powi(2);
                        error += (f64::from(a) - f64::from(b)).powi(2);
                    }
                }
            }
            let ratio = 10.0 * (power / (error + 1.0)).log10();
            assert!(
                ratio > bound,
                "{codec:?} {per} from {heard_from}: {ratio} dB"
            );
        }
    }
}

#[test]
fn the_beginning_of_a_heard_stretch_has_no_step() {
    for codec in Codec::ALL {
        let mut leg = Leg::new(
            codec,
            payloads(codec, &dsp::tone::sine(300.0, -10.0, 100), 1),
            1,
        );
        for _ in 0..50 {
            leg.due(None);
            leg.playout.pass();
        }
        leg.due(None);
        let (_, frame) = leg.decode();
        let clean = 32_768.0 * 10_f64.powf(-7.0 / 20.0) * TAU * 300.0 / 48_000.0;
        let step = std::iter::once(0)
            .chain(frame.samples)
            .zip(frame.samples)
            .map(|(a, b)| (i32::from(a) - i32::from(b)).abs())
            .max()
            .unwrap();
        assert!(
            f64::from(step) < clean * 1.3,
            "{codec:?}: {step} against {clean}"
        );
    }
}

/// A leg whose every packet claims `header`; returns the claims once they had time to settle, and what was found untrue.
fn claims_of(codec: Codec, loud: f64, header: Option<Level>, heard: bool) -> (Vec<Claim>, u64) {
    let frames = speechlike(500, loud);
    let mut leg = Leg::new(codec, payloads(codec, &frames, 1), 1);
    let mut claims = Vec::new();
    for number in 0..499 {
        let due = leg.due(header);
        if heard {
            leg.decode();
        } else {
            if leg.playout.wants_probe().is_some() {
                leg.playout.probe();
            }
            leg.playout.pass();
        }
        if number >= 400 {
            claims.push(claimed(due));
        }
    }
    (claims, leg.playout.stats().untrusted)
}

#[test]
fn who_always_claims_to_be_the_loudest_is_found_out() {
    for codec in Codec::ALL {
        let (claims, untrusted) = claims_of(codec, 10.0, Some(Level::from_rfc6464(0)), true);
        assert_eq!(untrusted, 1, "{codec:?}");
        for claim in claims {
            assert!(
                !claim.trusted && claim.level < Level::from_rfc6464(50),
                "{codec:?}: {claim:?}"
            );
        }
    }
}

#[test]
fn who_always_claims_silence_is_probed_and_found_out() {
    let (claims, untrusted) = claims_of(Codec::Opus, 5_000.0, Some(Level::SILENCE), false);
    assert_eq!(untrusted, 1);
    let loud = claims
        .iter()
        .filter(|claim| claim.level > Level::from_rfc6464(40));
    assert!(loud.count() * 2 > claims.len());
}

#[test]
fn who_was_found_out_is_not_believed_by_beginning_anew() {
    let frames = speechlike(4_000, 10.0);
    let mut leg = Leg::new(Codec::Opus, payloads(Codec::Opus, &frames, 1), 1);
    let loudest = Some(Level::from_rfc6464(0));
    let mut trusted = 0;
    for tick in 0..3_900 {
        let due = leg.due(loudest);
        leg.decode();
        // Before a second of falsehood is full.
        if tick % 45 == 44 {
            leg.playout.restart();
        }
        if tick > 200
            && let Due::Sound(claim) = due
        {
            trusted += usize::from(claim.trusted);
        }
    }
    assert_eq!(trusted, 0);
}

/// Levels claimed from the moment a voice of `loud` comes after eight seconds of noise, of which the first three are
/// heard, on a line whose packets say `header` and that nobody hears.
fn claims_after_noise(header: Option<Level>, loud: f64) -> Vec<Claim> {
    let noise = 400;
    let frames = [speechlike(noise, 10.0), speechlike(400, loud)].concat();
    let mut leg = Leg::new(Codec::Opus, payloads(Codec::Opus, &frames, 1), 1);
    let mut claims = Vec::new();
    for number in 0..noise + 399 {
        let due = leg.due(header);
        if number < 150 {
            leg.decode();
        } else {
            if leg.playout.wants_probe().is_some() {
                leg.playout.probe();
            }
            leg.playout.pass();
        }
        if number >= noise {
            claims.push(claimed(due));
        }
    }
    assert_eq!(
        leg.playout.stats().untrusted,
        u64::from(header.is_some()),
        "{header:?}"
    );
    claims
}

/// Who says nothing of their loudness, or is not believed, is known by what was learned of their packets; if that was noise,
/// a voice looks like it.
#[test]
fn a_voice_after_noise_is_found_by_probes() {
    for header in [None, Some(Level::from_rfc6464(0))] {
        for (loud, least) in [(5_000.0, 30), (150.0, 54)] {
            let claims = claims_after_noise(header, loud);
            let found = claims
                .iter()
                .position(|claim| claim.level > Level::from_rfc6464(least));
            assert!(
                found.is_some_and(|tick| tick <= 12),
                "{header:?}, {loud}: {found:?}"
            );
            let loud = claims
                .iter()
                .filter(|claim| claim.level > Level::from_rfc6464(least));
            assert!(loud.count() * 4 > claims.len() * 3, "{claims:?}");
        }
    }
}

#[test]
fn an_honest_header_is_trusted_and_taken_as_it_is() {
    let frames = speechlike(500, 4_000.0);
    let mut leg = Leg::new(Codec::Opus, payloads(Codec::Opus, &frames, 1), 1);
    for (number, frame) in frames.iter().enumerate().take(499) {
        let header = frame.level();
        let due = leg.due(Some(header));
        leg.decode();
        if number > 3 {
            let claim = claimed(due);
            assert_eq!(
                claim,
                Claim {
                    level: header,
                    trusted: true
                },
                "{number}"
            );
        }
    }
    assert_eq!(leg.playout.stats().untrusted, 0);
}

/// Words of a second and a half with pauses of half a second.
fn talk(frames: usize) -> Vec<Frame> {
    let mut talk = speechlike(frames, 4_000.0);
    for turn in talk.chunks_mut(100) {
        turn[75..].fill(Frame::SILENCE);
    }
    talk
}

/// Lets a leg say frames; `say` makes each packet's header of the tick's number and its level. Returns how often the sender
/// was found to be untrue.
fn untrue(codec: Codec, frames: &[Frame], say: impl Fn(usize, Level) -> Level) -> u64 {
    let mut leg = Leg::new(codec, payloads(codec, frames, 1), 1);
    for (number, frame) in frames.iter().enumerate() {
        leg.due(Some(say(number, frame.level())));
        leg.decode();
    }
    leg.playout.stats().untrusted
}

#[test]
fn honest_headers_are_trusted_through_a_minute_of_words_and_pauses() {
    let frames = talk(3_000);
    for codec in Codec::ALL {
        assert_eq!(untrue(codec, &frames, |_, level| level), 0, "{codec:?}");
    }
}

#[test]
fn who_lies_now_and_then_is_found_out() {
    let frames = talk(500);
    for codec in Codec::ALL {
        for every in 2..=4 {
            let lies = |number: usize, level| {
                if number.is_multiple_of(every) {
                    Level::from_rfc6464(0)
                } else {
                    level
                }
            };
            assert_eq!(untrue(codec, &frames, lies), 1, "{codec:?}, every {every}");
        }
    }
}

#[test]
fn a_pause_by_discontinuous_transmission_is_silence_and_not_loss() {
    let mut sent = payloads(Codec::Opus, &speechlike(100, 4_000.0), 1);
    sent.truncate(60);
    // A packet of its table of contents alone: nothing more comes for a while.
    sent.push(vec![0x48]);
    let mut leg = Leg::new(Codec::Opus, sent, 1);
    let dues: Vec<_> = (0..80)
        .map(|_| {
            let due = leg.due(None);
            leg.decode();
            due
        })
        .collect();
    assert!(matches!(dues[58], Due::Sound(_)), "{:?}", dues[58]);
    assert!(dues[62..].iter().all(|due| *due == Due::Silence));
    let stats = leg.playout.stats();
    assert_eq!((stats.lost, stats.concealed), (0, 0), "{stats:?}");
}
