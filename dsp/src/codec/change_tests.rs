//! A listener begins to speak and comes back: what changing encoders does to what they hear.
//!
//! The others talk without end. The listener hears them through the encoder that everybody shares, speaks for a while
//! served by a copy of it, and comes back when the hand-over says so. Measured is every tick of the 200 ms after a
//! change, against a decoder that was fed by the encoder changed to all along, relative to the others' level of speech.
//! Another encoder of the same sound would not do as the measure of a return: what two lossy encoders make of it differs
//! by their noise for as long as it goes on, change or no change.
#![cfg(test)]

use super::{copy_tests::payload, opus::Tuning, opus_state::Application, *};
use crate::{
    Alike, Handover, MAX_PAYLOAD, Mixer, Served,
    material::{amplified, prompts},
};

#[test]
fn speaker_changes_without_click() {
    let errors = changes(Codec::Opus.into(), Tuning::of(LossClass::Low));
    errors.stay_below(-20.0);
}

#[test]
fn speaker_changes_without_click_with_error_correction() {
    let settings = EncoderSettings::new(Codec::Opus, LossClass::Medium);
    changes(settings, Tuning::of(LossClass::Medium)).stay_below(-20.0);
}

#[test]
fn speaker_changes_without_click_in_voip_mode() {
    let settings = EncoderSettings::new(Codec::Opus, LossClass::Medium);
    let tuning = Tuning {
        application: Application::Voip,
        ..Tuning::of(LossClass::Medium)
    };
    changes(settings, tuning).stay_below(-20.0);
}

#[test]
fn speaker_changes_without_click_in_the_codecs_of_telephones() {
    for codec in [Codec::Pcma, Codec::Pcmu] {
        changes(codec.into(), Tuning::of(LossClass::Low)).stay_below(EXACT);
    }
}

#[test]
fn speaker_changes_without_click_in_g722() {
    for gain in GAINS {
        let errors = changes_at(gain, Codec::G722.into(), Tuning::of(LossClass::Low));
        assert!(errors.of_returning[VISITS - 1] < -60.0, "{gain} {errors:?}");
        errors.stay_below(-20.0);
        let [usual, longest] = [VISITS / 2, VISITS - 1].map(|at| errors.back_after[at]);
        println!("{gain} dB: back after {usual} ticks, at most {longest}");
        // The fainter the talk, the coarser the steps against it, and the longer two predictors differ.
        assert!(usual <= 250 && longest <= 1_500, "{gain} {errors:?}");
    }
}

/// Before they come back they hear what the shared encoder made of the mix encoded once more: as near to it as two
/// encoders of the same mix come to each other.
#[test]
fn who_comes_back_to_a_shared_g722_encoder_hears_what_the_others_hear() {
    for gain in GAINS {
        let Errors { of_following, .. } =
            changes_at(gain, Codec::G722.into(), Tuning::of(LossClass::Low));
        assert!(of_following[VISITS - 1] < -18.0, "{gain} {of_following:?}");
    }
}

#[test]
fn an_encoder_that_is_no_copy_clicks() {
    for settings in [
        EncoderSettings::new(Codec::Opus, LossClass::Medium),
        Codec::G722.into(),
    ] {
        let scene = Scene::new(0.0, settings, Tuning::of(settings.loss));
        let errors = scene.listeners.into_iter().map(|mut listener| {
            listener.private = Encoder::new(settings).unwrap();
            decibels(listener.speak(&scene.talk) / scene.talk.level)
        });
        let worst = errors.fold(f64::MIN, f64::max);
        assert!(worst > -10.0, "{settings:?} {worst}");
    }
}

/// Lets a hundred listeners speak for a while, each beginning at another tick.
fn changes(settings: EncoderSettings, tuning: Tuning) -> Errors {
    changes_at(0.0, settings, tuning)
}

/// The same with everybody louder by so many dB.
fn changes_at(gain: f64, settings: EncoderSettings, tuning: Tuning) -> Errors {
    let Scene { talk, listeners } = Scene::new(gain, settings, tuning);
    let mut errors = Errors::default();
    for mut listener in listeners {
        let leaving = listener.speak(&talk);
        let back = listener.listen_again(&talk);
        errors.of_leaving.push(decibels(leaving / talk.level));
        errors.of_returning.push(decibels(back.error / talk.level));
        errors.of_following.push(decibels(back.unlike / talk.level));
        errors.back_after.push(back.after);
    }
    errors.of_leaving.sort_by(f64::total_cmp);
    errors.of_returning.sort_by(f64::total_cmp);
    errors.of_following.sort_by(f64::total_cmp);
    errors.back_after.sort_unstable();
    errors
}

/// Of a hundred visits, the least first; errors in dB relative to the speech.
#[derive(Debug, Default)]
struct Errors {
    /// The worst tick after each change.
    of_leaving: Vec<f64>,
    of_returning: Vec<f64>,
    /// How what was heard between the last word and the return differed from what the others heard.
    of_following: Vec<f64>,
    /// Ticks from the last word to the return.
    back_after: Vec<usize>,
}

/// How a listener came back.
struct Back {
    /// Power of the worst tick after the change, against a decoder of the shared encoder all along.
    error: f64,
    /// Mean power of the difference to what that one heard, before the change.
    unlike: f64,
    after: usize,
}

impl Errors {
    fn stay_below(&self, bound: f64) {
        let last = VISITS - 1;
        // A copy makes the same payloads, so nothing differs at all.
        assert!(self.of_leaving[last] < EXACT, "{self:?}");
        assert!(self.of_returning[last] <= bound, "{self:?}");
    }
}

struct Scene {
    talk: Talk,
    listeners: Vec<Listener>,
}

impl Scene {
    /// Codes the talk of the others; each listener is as they stand at the tick they begin to speak.
    fn new(gain: f64, settings: EncoderSettings, tuning: Tuning) -> Self {
        let mut random = Random(1);
        let mut listeners: Vec<Listener> = (0..VISITS)
            .map(|_| Listener::new(settings, tuning, &mut random))
            .collect();
        let mut talk = Talk::new(gain);
        let mut encoder = Encoder::tuned(settings, tuning).unwrap();
        let mut decoder = Decoder::new(settings.codec).unwrap();
        for tick in 0..TICKS {
            for listener in listeners.iter_mut().filter(|who| who.begin == tick) {
                listener.shared.copy_from(&encoder).unwrap();
                listener.private.copy_from(&encoder).unwrap();
                listener.decoder.copy_from(&decoder);
            }
            let payload = payload(&mut encoder, talk.others(tick));
            talk.heard.push(heard(&mut decoder, &payload));
            talk.payloads.push(payload);
        }
        talk.level = level(&talk.heard);
        Self { talk, listeners }
    }
}

/// What is said, and how the others sound to somebody who never speaks.
struct Talk {
    others: Vec<Frame>,
    own: Vec<Frame>,
    payloads: Vec<Vec<u8>>,
    heard: Vec<Vec<i16>>,
    level: f64,
}

impl Talk {
    fn new(gain: f64) -> Self {
        Self {
            others: amplified(&prompts(["en/privacy", "en/help-code"]), gain),
            own: amplified(&prompts(["de/privacy"]), gain),
            payloads: Vec::new(),
            heard: Vec::new(),
            level: 0.0,
        }
    }

    /// What the others say; they begin anew where they come to the end.
    fn others(&self, tick: usize) -> &Frame {
        &self.others[tick % self.others.len()]
    }

    fn everyone(&self, tick: usize) -> Frame {
        let mut mixer = Mixer::new();
        mixer.add(self.others(tick));
        mixer.add(&self.own[tick % self.own.len()]);
        let mut mix = Frame::SILENCE;
        mixer.everyone(&mut mix);
        mix
    }
}

/// Somebody who speaks from one tick to another.
struct Listener {
    begin: usize,
    end: usize,
    shared: Encoder,
    private: Encoder,
    decoder: Decoder,
}

impl Listener {
    fn new(settings: EncoderSettings, tuning: Tuning, random: &mut Random) -> Self {
        let encoder = || Encoder::tuned(settings, tuning).unwrap();
        let begin = random.between(20, 320);
        Self {
            begin,
            end: begin + random.between(5, 25),
            shared: encoder(),
            private: encoder(),
            decoder: Decoder::new(settings.codec).unwrap(),
        }
    }

    /// Changes to the copy, which codes the others alone; returns the worst error.
    fn speak(&mut self, talk: &Talk) -> f64 {
        let mut decoder = Decoder::new(self.decoder.codec()).unwrap();
        decoder.copy_from(&self.decoder);
        let errors = (self.begin..self.begin + LEAVING).map(|tick| {
            let payload = payload(&mut self.private, talk.others(tick));
            difference(&heard(&mut decoder, &payload), &talk.heard[tick])
        });
        errors.fold(0.0, f64::max)
    }

    /// Speaks to the end and returns to the shared encoder.
    fn listen_again(&mut self, talk: &Talk) -> Back {
        let mut handover = Handover::new();
        let mut alike = Alike::Unknown;
        let mut all_along = Decoder::new(self.decoder.codec()).unwrap();
        all_along.copy_from(&self.decoder);
        let (mut errors, mut unlike) = (Vec::new(), Vec::new());
        for tick in self.begin.. {
            let contributes = tick < self.end;
            let everyone = contributes.then(|| talk.everyone(tick));
            let mix = everyone.as_ref().unwrap_or_else(|| talk.others(tick));
            let served = handover.handle_tick(contributes, mix.level(), alike);
            let shared = payload(&mut self.shared, mix);
            let reference = heard(&mut all_along, &shared);
            if served == Served::Shared {
                errors.push(difference(&heard(&mut self.decoder, &shared), &reference));
                if errors.len() == RETURNING {
                    break;
                }
                continue;
            }
            let payload;
            (payload, alike) = self.alone(talk, tick, &shared);
            let heard = heard(&mut self.decoder, &payload);
            if !contributes {
                unlike.push(difference(&heard, &reference));
            }
        }
        Back {
            error: errors.into_iter().fold(0.0, f64::max),
            unlike: unlike.iter().sum::<f64>() / unlike.len() as f64,
            after: unlike.len(),
        }
    }

    /// What the listener is sent alone while others are sent a payload, and how the encoders stand then.
    fn alone(&mut self, talk: &Talk, tick: usize, shared: &[u8]) -> (Vec<u8>, Alike) {
        let encoded = tick < self.begin + LEAVING;
        if encoded || self.private.codec() != Codec::G722 {
            // The copy codes what the encoder of the talk codes, so its payloads are those of the talk.
            return (talk.payloads[tick].clone(), Alike::Unknown);
        }
        if tick < self.end {
            return (
                payload(&mut self.private, talk.others(tick)),
                Alike::Unknown,
            );
        }
        let mut out = [0; MAX_PAYLOAD];
        let (len, alike) = self
            .private
            .approach(&self.shared, shared, &mut out)
            .unwrap();
        let alike = if alike {
            Alike::Yes
        } else {
            Alike::Approaching
        };
        (out[..len].to_vec(), alike)
    }
}

/// Mean power of the ticks that are speech: those not 16 dB below the mean of all, as ITU-T P.56 draws the line.
fn level(heard: &[Vec<i16>]) -> f64 {
    let mean = |powers: &[f64]| powers.iter().sum::<f64>() / powers.len() as f64;
    let powers: Vec<f64> = heard
        .iter()
        .map(|samples| power(samples.iter().map(|&sample| f64::from(sample))))
        .collect();
    let least = mean(&powers) / 40.0;
    let speech: Vec<f64> = powers.into_iter().filter(|&power| power > least).collect();
    mean(&speech)
}

/// Numbers that are the same in every run.
struct Random(u32);

impl Random {
    fn between(&mut self, low: usize, high: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        low + (self.0 >> 8) as usize % (high - low)
    }
}

fn heard(decoder: &mut Decoder, payload: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; decoder.codec().frame_samples()];
    decoder.decode(payload, &mut samples).unwrap();
    samples
}

fn difference(a: &[i16], b: &[i16]) -> f64 {
    power(a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)))
}

fn power(samples: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = samples.len() as f64;
    samples.map(|sample| sample * sample).sum::<f64>() / count
}

fn decibels(ratio: f64) -> f64 {
    10.0 * ratio.max(1e-15).log10()
}

/// Who speaks and comes back.
const VISITS: usize = 100;

/// Ticks of the talk: the last listener begins before 320, speaks for 25, waits for 75 and is measured for 10.
const TICKS: usize = 440;

/// Ticks measured after the change to a copy: were they not the same, the first would show it.
const LEAVING: usize = 3;

/// Ticks measured after the return.
const RETURNING: usize = 10;

/// The others at about −26, −38 and −50 dBov, in dB.
const GAINS: [f64; 3] = [0.0, -12.0, -24.0];

/// No difference at all, in dB.
const EXACT: f64 = -100.0;
