//! What the inbound path of one leg costs per tick: buffer, decoder, concealment and resampling together.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use dsp::{Codec, Encoder, Frame, JitterBuffer, MAX_PAYLOAD, Playout, TICK, tone};

/// The instant simulated time begins at.
#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

fn playout(criterion: &mut Criterion) {
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(codec).expect("an encoder needs only memory");
        let mut payload = [0; MAX_PAYLOAD];
        let frame = &tone::sine(440.0, -20.0, 1)[0];
        let len = encoder
            .encode(frame, &mut payload)
            .expect("the buffer holds any payload");
        for (name, lost_each) in [("clean", u16::MAX), ("loss_of_a_tenth", 10)] {
            let mut playout = Playout::new(codec).expect("a decoder needs only memory");
            let (mut sequence, mut now, mut out) = (0_u16, t0(), Frame::SILENCE);
            criterion.bench_function(&format!("playout/{codec:?}/{name}"), |bencher| {
                bencher.iter(|| {
                    sequence = sequence.wrapping_add(1);
                    now += TICK;
                    if sequence % lost_each != 0 {
                        let timestamp = u32::from(sequence) * codec.ticks();
                        playout.put(
                            sequence,
                            timestamp,
                            &payload[..len],
                            now - Duration::from_millis(8),
                        );
                    }
                    playout.take(&mut out, now)
                });
            });
        }
    }
}

fn buffer(criterion: &mut Criterion) {
    let (mut buffer, mut sequence, mut now) = (JitterBuffer::new(8_000), 0_u16, t0());
    criterion.bench_function("jitter/put_and_take", |bencher| {
        bencher.iter(|| {
            sequence = sequence.wrapping_add(1);
            now += TICK;
            buffer.put(
                sequence,
                u32::from(sequence) * 160,
                160,
                &[0x55; 160],
                now - Duration::from_millis(8),
            );
            matches!(buffer.take(160, now), dsp::jitter::Play::Payload(_))
        });
    });
}

criterion_group!(benches, playout, buffer);
criterion_main!(benches);
