//! What people say: speech-like sound and the noise of open microphones, as payloads made once and said in a loop.
//!
//! A voice has pulses of a wandering pitch, three formants that change with each syllable, and pauses between phrases;
//! no two stretches of it are alike, so that a stretch can be found again in what is heard.
//!
//! A conversation is two such voices that begin and end as in Rec. ITU-T P.59, artificial conversational speech: one talks,
//! both talk, or neither does, for times that are exponentially distributed. Its means and chances are that
//! Recommendation's; what comes of them (each talks 42 % of the time, both 7 %, neither 22 %) is a little more talk than the
//! averages of real conversations that it gives (38.5, 6.6 and 22.5 %).

use std::f64::consts::{PI, TAU};

use dsp::{Encoder, FRAME_SAMPLES, Frame, MAX_PAYLOAD};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{Done, wire::Kind};

/// 20 ms of a script.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    /// The payload.
    pub(crate) payload: Vec<u8>,
    /// The level as −dBov, as RFC 6464 tells it.
    pub(crate) level: u8,
}

/// Packets that are said in a loop.
#[derive(Debug)]
pub(crate) struct Script {
    /// The packets.
    pub(crate) packets: Vec<Packet>,
}

impl Script {
    /// A talker's speech of ten seconds.
    pub(crate) fn speech(kind: Kind, seed: u64) -> Done<Self> {
        Self::encode(
            kind,
            &frames(&voice(seed, SECONDS, Some(BREATH)), SPEECH_DBOV),
        )
    }

    /// What two say to each other in thirty seconds, through microphones that stay open.
    pub(crate) fn conversation(kind: Kind, seed: u64) -> Done<[Self; 2]> {
        let turns = turns(seed, CONVERSATION_SECONDS * 50);
        let [one, other] = [0, 1].map(|partner| {
            let seed = 2 * seed + partner as u64;
            let voice = frames(&voice(seed, CONVERSATION_SECONDS, None), SPEECH_DBOV);
            let room = frames(&room(seed, CONVERSATION_SECONDS), ROOM_DBOV);
            let talks = turns.iter().map(|turn| turn[partner]);
            Self::encode(kind, &spoken(voice, &room, talks))
        });
        Ok([one?, other?])
    }

    /// What an open microphone says of a quiet room.
    pub(crate) fn open_microphone(kind: Kind, seed: u64) -> Done<Self> {
        Self::encode(kind, &frames(&room(seed, SECONDS), ROOM_DBOV))
    }

    fn encode(kind: Kind, frames: &[Frame]) -> Done<Self> {
        let mut encoder = Encoder::new(kind.codec())?;
        let mut out = [0; MAX_PAYLOAD];
        let mut packets = Vec::with_capacity(frames.len());
        for frame in frames {
            let len = encoder.encode(frame, &mut out)?;
            packets.push(Packet {
                payload: out[..len].to_vec(),
                level: frame.level().as_rfc6464(),
            });
        }
        Ok(Self { packets })
    }
}

/// Seconds of a script.
pub(crate) const SECONDS: usize = 10;
/// Seconds of a conversation.
const CONVERSATION_SECONDS: usize = 30;

/// Which of two talk in each tick, after the model of Rec. ITU-T P.59.
fn turns(seed: u64, ticks: usize) -> Vec<[bool; 2]> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut turns = Vec::with_capacity(ticks);
    let mut talking = [true, false];
    while turns.len() < ticks {
        let (mean, after) = match talking {
            [true, true] => (DOUBLE_TALK, None),
            [false, false] => (MUTUAL_SILENCE, None),
            [..] => (SINGLE_TALK, Some([rng.random_bool(INTERRUPTED); 2])),
        };
        let time = -mean * (1.0 - rng.random_range(0.0..1.0_f64)).ln();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few seconds in ticks"
        )]
        let until = turns.len() + (time * 50.0).round() as usize;
        turns.resize(until.min(ticks), talking);
        talking = after.unwrap_or_else(|| {
            let one = rng.random_bool(0.5);
            [one, !one]
        });
    }
    turns
}

/// Lays a voice over the noise of its room where it talks, with edges that do not click.
fn spoken(voice: Vec<Frame>, room: &[Frame], talks: impl Iterator<Item = bool>) -> Vec<Frame> {
    let mut was = false;
    let ticks = voice.into_iter().zip(room).zip(talks);
    let sound = ticks.map(|((mut frame, room), talks)| {
        let (from, to) = (f64::from(was), f64::from(talks));
        was = talks;
        for (at, (sample, room)) in frame.samples.iter_mut().zip(&room.samples).enumerate() {
            let part = from + (to - from) * (at as f64 / EDGE as f64).min(1.0);
            #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
            let sum = (f64::from(*sample) * part + f64::from(*room)).round() as i16;
            *sample = sum;
        }
        frame
    });
    sound.collect()
}

/// Speech-like sound, not scaled; now and then it stops for so many samples.
fn voice(seed: u64, seconds: usize, breath: Option<usize>) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut formants = [Resonator::default(); 3];
    let (mut pitch, mut phase) = (rng.random_range(90.0..200.0), 0.0);
    let mut sound = Vec::with_capacity(seconds * RATE);
    while sound.len() < seconds * RATE {
        let voiced = rng.random_range(0..10) < 8;
        let length = rng.random_range(RATE / 8..RATE / 3);
        for (resonator, (low, high)) in formants.iter_mut().zip(FORMANTS) {
            resonator.tune(rng.random_range(low..high));
        }
        let glide = rng.random_range(-0.4..0.4) / RATE as f64;
        for n in 0..length {
            pitch = f64::clamp(pitch * (1.0 + glide), 80.0, 260.0);
            phase += pitch / RATE as f64;
            let pulse = if phase >= 1.0 { 8.0 } else { 0.0 };
            phase %= 1.0;
            let breath = rng.random_range(-0.3..0.3);
            let source = if voiced { pulse + breath } else { 2.0 * breath };
            let shape = (PI * n as f64 / length as f64).sin();
            sound.push(shape * formants.iter_mut().map(|f| f.pass(source)).sum::<f64>());
        }
        if let Some(breath) = breath
            && rng.random_range(0..6) == 0
        {
            sound.resize(sound.len() + breath, 0.0);
        }
    }
    sound.truncate(seconds * RATE);
    sound
}

/// The low noise of a room, not scaled: most of it below 500 Hz.
fn room(seed: u64, seconds: usize) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut low = 0.0;
    let noise = (0..seconds * RATE).map(|_| {
        let white: f64 = rng.random_range(-1.0..1.0);
        low += 0.06 * (white - low);
        low + 0.05 * white
    });
    noise.collect()
}

/// Scales a sound to a level and cuts it into frames.
fn frames(sound: &[f64], dbov: f64) -> Vec<Frame> {
    let power = sound.iter().map(|sample| sample * sample).sum::<f64>() / sound.len() as f64;
    let gain = 32_768.0 * 10_f64.powf(dbov / 20.0) / power.sqrt();
    let cut = sound.chunks_exact(FRAME_SAMPLES).map(|chunk| {
        let mut frame = Frame::SILENCE;
        for (out, sample) in frame.samples.iter_mut().zip(chunk) {
            #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
            let value = (sample * gain).round() as i16;
            *out = value;
        }
        frame
    });
    cut.collect()
}

/// A formant.
#[derive(Debug, Clone, Copy, Default)]
struct Resonator {
    a: f64,
    b: f64,
    last: [f64; 2],
}

impl Resonator {
    fn tune(&mut self, frequency: f64) {
        let radius = (-PI * BANDWIDTH / RATE as f64).exp();
        self.a = 2.0 * radius * (TAU * frequency / RATE as f64).cos();
        self.b = -radius * radius;
    }

    fn pass(&mut self, input: f64) -> f64 {
        let output = input + self.a * self.last[0] + self.b * self.last[1];
        self.last = [output, self.last[0]];
        output
    }
}

/// Samples per second.
const RATE: usize = dsp::SAMPLE_RATE as usize;
/// Ranges of the first three formants of vowels.
const FORMANTS: [(f64, f64); 3] = [(300.0, 800.0), (900.0, 2_200.0), (2_400.0, 3_200.0)];
const BANDWIDTH: f64 = 90.0;
/// Samples a talker stops for between phrases: a quarter of a second.
const BREATH: usize = RATE / 4;
/// Mean seconds of the states of a conversation, and the chance that it is the other's beginning that ends single talk.
const SINGLE_TALK: f64 = 0.854;
const DOUBLE_TALK: f64 = 0.226;
const MUTUAL_SILENCE: f64 = 0.456;
const INTERRUPTED: f64 = 0.4;
/// Samples over which a talker's voice comes and goes: 5 ms.
const EDGE: usize = RATE / 200;
/// A usual telephone talker, pauses included.
const SPEECH_DBOV: f64 = -28.0;
/// An open microphone in a quiet room.
const ROOM_DBOV: f64 = -63.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_and_rooms_have_their_levels() {
        let speech = frames(&voice(1, 2, Some(BREATH)), SPEECH_DBOV);
        let loudest = speech.iter().map(|frame| frame.level().as_dbov()).max();
        assert!((-25..=-12).contains(&loudest.unwrap()), "{loudest:?}");
        for frame in frames(&room(1, 1), ROOM_DBOV) {
            let level = frame.level().as_dbov();
            assert!((-70..=-57).contains(&level), "{level}");
        }
    }

    #[test]
    fn a_conversation_is_as_p59_has_it() {
        let turns = turns(1, 50 * 3_600 * 4);
        let ticks = |state: [bool; 2]| turns.iter().filter(|turn| **turn == state).count() as f64;
        let (both, neither) = (ticks([true; 2]), ticks([false; 2]));
        let all = turns.len() as f64;
        // Of both partners together, as they are alike.
        let talk = all - neither + both;
        let pairs = || turns.windows(2);
        let begins = |who: usize| pairs().filter(move |pair| !pair[0][who] && pair[1][who]);
        let spurts = (begins(0).count() + begins(1).count()) as f64;
        for (value, expected) in [
            (both / all, 0.074),
            (neither / all, 0.225),
            (talk / 2.0 / all, 0.425),
            (talk / 50.0 / spurts, 1.035),
        ] {
            assert!((value / expected - 1.0).abs() < 0.1, "{value} {expected}");
        }
    }

    #[test]
    fn partners_talk_in_their_turns_through_open_microphones() {
        let scripts = Script::conversation(Kind::Pcma, 1).unwrap();
        let turns = turns(1, CONVERSATION_SECONDS * 50);
        for (partner, script) in scripts.iter().enumerate() {
            assert_eq!(script.packets.len(), turns.len());
            // The tick after a talk-spurt still holds its last edge.
            let pairs = turns.windows(2).zip(&script.packets[1..]);
            let mut silent = pairs.filter(|(turns, _)| turns.iter().all(|turn| !turn[partner]));
            assert!(silent.all(|(_, packet)| (57..=70).contains(&packet.level)));
            let loud = script.packets.iter().filter(|packet| packet.level < 40);
            let talks = turns.iter().filter(|turn| turn[partner]);
            let share = loud.count() as f64 / talks.count() as f64;
            assert!((0.7..=1.0).contains(&share), "{share}");
        }
    }

    #[test]
    fn a_script_says_of_each_packet_how_loud_it_is() {
        let script = Script::open_microphone(Kind::Pcma, 1).unwrap();
        assert_eq!(script.packets.len(), SECONDS * 50);
        assert!(script.packets.iter().all(|p| p.payload.len() == 160));
        assert!(script.packets.iter().all(|p| (57..=70).contains(&p.level)));
    }
}
