//! What the inbound path of one leg costs per tick: buffer, decoder, concealment and resampling together.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use dsp::{Codec, Encoder, Frame, MAX_PAYLOAD, Playout, TICK, tone};

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
        for (name, lost_each) in [("clean", None), ("loss_of_a_tenth", Some(10))] {
            let mut playout = Playout::new(codec).expect("a decoder needs only memory");
            let (mut sequence, mut timestamp) = (0_u16, 0_u32);
            let (mut ticks, mut lost) = (0_u64, 0);
            let (mut now, mut out) = (t0(), Frame::SILENCE);
            criterion.bench_function(&format!("playout/{codec:?}/{name}"), |bencher| {
                bencher.iter(|| {
                    sequence = sequence.wrapping_add(1);
                    timestamp = timestamp.wrapping_add(codec.ticks());
                    now += TICK;
                    ticks += 1;
                    if lost_each.is_some_and(|each| ticks.is_multiple_of(each)) {
                        lost += 1;
                    } else {
                        playout.put(
                            sequence,
                            timestamp,
                            &payload[..len],
                            None,
                            now - Duration::from_millis(8),
                        );
                    }
                    playout.take(&mut out, now)
                });
            });
            let stats = playout.stats();
            assert!(
                stats.late + stats.overflow == 0 && stats.lost <= lost,
                "{name} {codec:?} fell out of step: {stats:?}"
            );
        }
    }
}

/// What a leg costs that is not chosen.
fn passed(criterion: &mut Criterion) {
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(codec).expect("an encoder needs only memory");
        let mut payload = [0; MAX_PAYLOAD];
        let frame = &tone::sine(440.0, -20.0, 1)[0];
        let len = encoder
            .encode(frame, &mut payload)
            .expect("the buffer holds any payload");
        let mut playout = Playout::new(codec).expect("a decoder needs only memory");
        let (mut sequence, mut timestamp, mut now) = (0_u16, 0_u32, t0());
        criterion.bench_function(&format!("playout/{codec:?}/due_and_pass"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for _ in 0..rounds {
                    sequence = sequence.wrapping_add(1);
                    timestamp = timestamp.wrapping_add(codec.ticks());
                    now += TICK;
                    let arrival = now - Duration::from_millis(8);
                    playout.put(sequence, timestamp, &payload[..len], None, arrival);
                    spent += timed(|| {
                        std::hint::black_box(playout.due(now));
                        playout.pass();
                    });
                }
                spent
            });
        });
    }
}

/// Returns how long something takes.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed(what: impl FnOnce()) -> Duration {
    let before = Instant::now();
    what();
    before.elapsed()
}

criterion_group! {
    name = benches;
    // Short, because it is the ratios within one run that count.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(2000));
    targets = playout, passed
}
criterion_main!(benches);
