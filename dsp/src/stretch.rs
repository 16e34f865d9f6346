//! Time-stretch: takes a pitch period out of the sound that waits, or puts one in, so that neither is heard.
//!
//! Both cross-fade the sound with itself shifted by a period, over that period (WSOLA). The period is the shift at which the
//! sound is most like itself; where it is like itself at none, nothing is done. In quiet any shift will do.
use crate::{conceal::mix, ready::Ready};

/// What may be stretched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// Only where the sound repeats itself.
    Repeating,
    /// Anywhere, because it is quiet.
    Anywhere,
}

/// Takes up to `most` samples out of what waits and leaves at least `keep`; returns how many.
pub(crate) fn shorten(
    ready: &mut Ready,
    milli: usize,
    most: usize,
    keep: usize,
    place: Where,
) -> usize {
    let spare = ready.len().saturating_sub(keep);
    let longest = most.min(spare).min(ready.len() / 2).min(ready.past().len());
    let samples = ready.waiting();
    let Some(lag) = lag(milli, longest, place, |lag| {
        let window = lag.max(milli * WINDOW).min(samples.len() - lag);
        likeness(&samples[..window], &samples[lag..][..window], milli)
    }) else {
        return 0;
    };
    let (first, second) = samples[..2 * lag].split_at_mut(lag);
    for (at, (sample, &later)) in first.iter_mut().zip(second.iter()).enumerate() {
        *sample = mix(*sample, later, at, lag);
    }
    ready.cut(lag, lag);
    lag
}

/// Puts up to `most` samples in at the beginning of what waits; returns how many.
pub(crate) fn lengthen(ready: &mut Ready, milli: usize, most: usize, place: Where) -> usize {
    let longest = most
        .min(ready.len())
        .min(ready.past().len())
        .min(ready.space().len());
    let past = ready.past().len();
    let all = ready.all();
    let Some(lag) = lag(milli, longest, place, |lag| {
        let window = lag.max(milli * WINDOW).min(all.len() - past);
        likeness(&all[past - lag..][..window], &all[past..][..window], milli)
    }) else {
        return 0;
    };
    ready.insert(lag);
    let all = ready.all();
    // What waits lies `lag` later; before it comes a period that begins as it does and ends as the past does.
    for at in 0..lag {
        all[past + at] = mix(all[past + lag + at], all[past + at - lag], at, lag);
    }
    lag
}

/// Finds the shift to stretch by.
fn lag(
    milli: usize,
    longest: usize,
    place: Where,
    likeness: impl Fn(usize) -> f32,
) -> Option<usize> {
    let shortest = milli * SHORTEST / 2;
    match place {
        Where::Anywhere => (longest > 0).then_some(longest),
        Where::Repeating if longest < shortest => None,
        Where::Repeating => {
            let step = (milli / 8).max(1);
            let best = (shortest..=longest)
                .step_by(step)
                .map(|lag| (lag, likeness(lag)))
                .max_by(|a, b| a.1.total_cmp(&b.1))?;
            let around = best.0.saturating_sub(step).max(shortest)..=(best.0 + step).min(longest);
            let best = around
                .map(|lag| (lag, likeness(lag)))
                .fold(
                    best,
                    |best, other| if other.1 > best.1 { other } else { best },
                );
            (best.1 >= ALIKE).then_some(best.0)
        }
    }
}

/// Normalised cross-correlation, on every few samples.
fn likeness(a: &[i16], b: &[i16], milli: usize) -> f32 {
    let step = (milli / 8).max(1);
    let (mut product, mut first, mut second) = (0.0_f32, 1.0_f32, 1.0_f32);
    for (&a, &b) in a.iter().step_by(step).zip(b.iter().step_by(step)) {
        let (a, b) = (f32::from(a), f32::from(b));
        product += a * b;
        first += a * a;
        second += b * b;
    }
    product / (first * second).sqrt()
}

/// Half milliseconds of the shortest shift.
const SHORTEST: usize = 5;

/// Milliseconds compared at least.
const WINDOW: usize = 10;

/// Likeness of sound that repeats itself.
const ALIKE: f32 = 0.8;

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "a sample is small")]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::Codec;

    fn ready(codec: Codec, frequency: f64, samples: usize) -> Ready {
        let mut ready = Ready::new(codec);
        let rate = f64::from(codec.sample_rate());
        let past = ready.past().len();
        for (at, sample) in ready.space()[..past + samples].iter_mut().enumerate() {
            *sample = (10_000.0 * (TAU * frequency * at as f64 / rate).sin()) as i16;
        }
        ready.grow(past + samples);
        ready.advance(past);
        ready
    }

    /// The largest step between neighbours, over the past and what waits.
    fn step(ready: &mut Ready) -> i32 {
        let end = ready.past().len() + ready.len();
        let pairs = ready.all()[..end].windows(2);
        pairs
            .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs())
            .max()
            .unwrap()
    }

    #[test]
    fn a_tone_is_stretched_by_whole_periods_without_a_step() {
        for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
            let milli = codec.sample_rate() as usize / 1_000;
            for frequency in [100.0, 180.0, 310.0] {
                let mut waits = ready(codec, frequency, milli * 40);
                let clean = step(&mut waits);
                let cut = shorten(&mut waits, milli, milli * 15, milli * 20, Where::Repeating);
                assert!(cut >= milli * 5 / 2, "{codec:?} {frequency}: {cut}");
                assert_eq!(waits.len(), milli * 40 - cut);
                assert!(step(&mut waits) <= clean * 5 / 4, "{codec:?} {frequency}");
                let mut waits = ready(codec, frequency, milli * 20);
                let put = lengthen(&mut waits, milli, milli * 15, Where::Repeating);
                assert!(put >= milli * 5 / 2, "{codec:?} {frequency}: {put}");
                assert_eq!(waits.len(), milli * 20 + put);
                assert!(step(&mut waits) <= clean * 5 / 4, "{codec:?} {frequency}");
            }
        }
    }

    #[test]
    fn what_does_not_repeat_is_left_alone_unless_it_is_quiet() {
        let mut waits = ready(Codec::Pcma, 0.0, 320);
        let mut noise = 1_u32;
        for sample in waits.waiting() {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (noise >> 16) as i16;
        }
        assert_eq!(shorten(&mut waits, 8, 120, 160, Where::Repeating), 0);
        assert_eq!(lengthen(&mut waits, 8, 120, Where::Repeating), 0);
        assert_eq!(shorten(&mut waits, 8, 100, 160, Where::Anywhere), 100);
        assert_eq!(lengthen(&mut waits, 8, 90, Where::Anywhere), 90);
        assert_eq!(waits.len(), 310);
    }
}
