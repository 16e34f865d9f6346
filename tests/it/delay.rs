//! How long sound stays in the house: from telephone to telephone on a clean link.
//!
//! One telephone says white noise, the other records. The lag between what was said and what was heard, in samples, is
//! where the two correlate best. A sample `s` of the speaker left in the speaker's packet `s / 160`; it is sample
//! `s + lag` of the listener's stream and so in the listener's packet `(s + lag) / 160`. The network takes no time, so
//! the delay of the sample is the time between the two packets. Resampling's and the codec's own delay is in the lag;
//! waiting for the tick and in the jitter buffer is in it too, and
//! so is the speaker's own resampling from 48 kHz: the house is a little faster than is measured. Each phase between speaker and tick is tried once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{rc::Rc, time::Duration};

use dsp::SAMPLE_RATE;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rundruf::conference::participant::Role;
use rustfft::{FftPlanner, num_complex::Complex};

use crate::sim::{net::Link, now, party::comes_in, phone::Phone, sound::Saying, world::World};

#[tokio::test(start_paused = true)]
async fn sound_takes_at_most_45_ms_through_the_house() {
    let mut delays: Vec<f64> = Vec::new();
    for phase in 0..PHASES {
        delays.extend(delays_at(Duration::from_millis(phase)).await);
    }
    delays.sort_by(f64::total_cmp);
    let share = |percent: usize| delays[delays.len() * percent / 100];
    let (median, p99) = (share(50), share(99));
    println!("telephone to telephone: median {median:.1} ms, p99 {p99:.1} ms");
    assert!(median <= 45.0, "{median}");
    assert!(p99 <= 60.0, "{p99}");
    // The tick alone takes 10 ms in the mean; less would be a mistake of the measurement.
    assert!(median >= 10.0 && delays[0] >= 0.0, "{median}");
}

/// Measures the delay in ms of each sample of a speaker whose packets leave in this phase.
async fn delays_at(phase: Duration) -> Vec<f64> {
    let mut world = World::new(1);
    world.net.up = Link::clean(Duration::ZERO);
    world.net.down = Link::clean(Duration::ZERO);
    let bob = comes_in(&mut world, "bob").await;
    // The answer comes at a whole multiple of 5 ms; so the phase of the call is the phase to the tick, but for a constant.
    let alice = world.phone("alice");
    alice.set_phase(phase);
    alice.dials("4711");
    world.run_until(|_| alice.is_up()).await;
    world.run_for(Duration::from_millis(100)).await;
    alice.types(&world.room().pin(Role::Guest));
    world.run_for(Duration::from_secs(4)).await;
    alice.types("66");
    // The stream has run for a while, as in a call; what counts is where the buffer has settled.
    world.run_for(Duration::from_secs(5)).await;
    let noise = noise();
    alice.say(Saying::Samples(Rc::clone(&noise)));
    let from = now();
    world.run_for(Duration::from_secs(2)).await;
    measure(&alice, &bob, &noise, from)
}

fn measure(alice: &Phone, bob: &Phone, noise: &[i16], from: std::time::Instant) -> Vec<f64> {
    let said: Vec<f32> = noise.chunks(6).map(|six| f32::from(six[0])).collect();
    let recording = bob.heard_since(from);
    let heard: Vec<f32> = recording.samples.iter().map(|s| f32::from(*s)).collect();
    let lag = lag(&said, &heard);
    let left = alice.sound(|sound| sound.sent_at.clone());
    let arrived: Vec<std::time::Instant> = bob.sound(|sound| {
        let after = sound.heard.iter().filter(|packet| packet.at >= from);
        after.map(|packet| packet.at).collect()
    });
    (PACKET * 5..PACKET * 45)
        .map(|sample| {
            let (said, heard) = (sample / PACKET, (sample + lag) / PACKET);
            (arrived[heard] - left[said]).as_secs_f64() * 1_000.0
        })
        .collect()
}

/// Finds by how many samples `heard` is behind `said`: the peak of their correlation, computed by FFT.
fn lag(said: &[f32], heard: &[f32]) -> usize {
    let length = (said.len() + heard.len()).next_power_of_two();
    let mut planner = FftPlanner::new();
    let forward = planner.plan_fft_forward(length);
    let spectrum = |samples: &[f32]| {
        let mut buffer: Vec<Complex<f32>> = samples.iter().map(|s| Complex::new(*s, 0.0)).collect();
        buffer.resize(length, Complex::default());
        forward.process(&mut buffer);
        buffer
    };
    let (said, heard) = (spectrum(said), spectrum(heard));
    let mut product: Vec<Complex<f32>> =
        heard.iter().zip(&said).map(|(h, s)| h * s.conj()).collect();
    planner.plan_fft_inverse(length).process(&mut product);
    let values = product[..length / 2].iter().map(|value| value.re);
    let peak = values.clone().fold(0.0, f32::max);
    let mean = values.clone().map(f32::abs).sum::<f32>() / (length / 2) as f32;
    assert!(peak > 20.0 * mean, "the noise is not heard");
    values.clone().position(|value| value == peak).unwrap()
}

/// One second of noise below 3.4 kHz at 48 kHz: each value is held for six samples and smoothed, as an 8 kHz source.
#[expect(clippy::cast_possible_truncation, reason = "the values are small")]
fn noise() -> Rc<[i16]> {
    let mut rng = StdRng::seed_from_u64(11);
    let coarse: Vec<f64> = (0..8_002)
        .map(|_| rng.random_range(-4_000.0..4_000.0))
        .collect();
    (0..usize::try_from(SAMPLE_RATE).unwrap())
        .map(|n| {
            let (index, part) = (n / 6, (n % 6) as f64 / 6.0);
            (coarse[index] * (1.0 - part) + coarse[index + 1] * part) as i16
        })
        .collect()
}

/// Samples of a packet of G.711.
const PACKET: usize = 160;
/// Offsets of the speaker's packets to the tick, in ms: all there are.
const PHASES: u64 = 20;
