//! Copies of encoders: what goes on from a copy goes on as if nothing had happened.
#![cfg(test)]

use super::{opus::Tuning, opus_state::Application, *};
use crate::{MAX_PAYLOAD, tone};

const LOSSES: [LossClass; 3] = [LossClass::Low, LossClass::Medium, LossClass::High];

/// Makes encoders of every codec, loss class and application.
pub(super) fn encoders() -> Vec<(EncoderSettings, Tuning)> {
    let applications = [Application::Voip, Application::Audio];
    let opus = LOSSES.into_iter().flat_map(|loss| {
        applications.map(|application| {
            let tuning = Tuning {
                application,
                ..Tuning::of(loss)
            };
            (EncoderSettings::new(Codec::Opus, loss), tuning)
        })
    });
    let others = [Codec::G722, Codec::Pcma, Codec::Pcmu]
        .map(|codec| (codec.into(), Tuning::of(LossClass::Low)));
    opus.chain(others).collect()
}

pub(super) fn payload(encoder: &mut Encoder, frame: &Frame) -> Vec<u8> {
    let mut payload = [0; MAX_PAYLOAD];
    let len = encoder.encode(frame, &mut payload).unwrap();
    payload[..len].to_vec()
}

#[test]
fn a_copy_makes_the_same_payloads() {
    let past = tone::sine(300.0, -15.0, 50);
    let other_past = tone::sine(1_100.0, -25.0, 20);
    let future = tone::dtmf('5', -20.0, 50).unwrap();
    for (settings, tuning) in encoders() {
        let [mut encoder, mut copy] = [(); 2].map(|()| Encoder::tuned(settings, tuning).unwrap());
        encoder.set_complexity(Complexity::new(2));
        past.iter()
            .for_each(|frame| drop(payload(&mut encoder, frame)));
        other_past
            .iter()
            .for_each(|frame| drop(payload(&mut copy, frame)));
        copy.copy_from(&encoder).unwrap();
        for frame in &future {
            assert_eq!(
                payload(&mut encoder, frame),
                payload(&mut copy, frame),
                "{tuning:?}"
            );
        }
    }
}

#[test]
fn without_a_copy_the_payloads_differ() {
    let past = tone::sine(300.0, -15.0, 50);
    let future = tone::dtmf('5', -20.0, 1).unwrap();
    for (settings, tuning) in encoders() {
        let [mut encoder, mut fresh] = [(); 2].map(|()| Encoder::tuned(settings, tuning).unwrap());
        past.iter()
            .for_each(|frame| drop(payload(&mut encoder, frame)));
        assert_ne!(
            payload(&mut encoder, &future[0]),
            payload(&mut fresh, &future[0]),
            "{tuning:?}"
        );
    }
}

#[test]
fn a_copy_needs_equal_settings() {
    let pairs: [(EncoderSettings, EncoderSettings); 3] = [
        (Codec::Opus.into(), Codec::G722.into()),
        (Codec::Pcma.into(), Codec::Pcmu.into()),
        (
            EncoderSettings::new(Codec::Opus, LossClass::High),
            Codec::Opus.into(),
        ),
    ];
    for (mine, other) in pairs {
        let mut encoder = Encoder::new(mine).unwrap();
        assert!(matches!(
            encoder.copy_from(&Encoder::new(other).unwrap()),
            Err(CodecError::Library(_))
        ));
    }
}

#[test]
fn a_reset_encoder_is_as_new() {
    let past = tone::sine(300.0, -15.0, 50);
    let future = tone::dtmf('5', -20.0, 50).unwrap();
    for (settings, tuning) in encoders() {
        let [mut fresh, mut used] = [(); 2].map(|()| Encoder::tuned(settings, tuning).unwrap());
        past.iter()
            .for_each(|frame| drop(payload(&mut used, frame)));
        used.reset();
        for frame in &future {
            assert_eq!(
                payload(&mut fresh, frame),
                payload(&mut used, frame),
                "{tuning:?}"
            );
        }
    }
}
