//! G.722 at 64 kbit/s (mode 1): a filter bank and two adaptive predictors, bit-exact to the ITU's reference (G.191).
//!
//! Names follow the Recommendation's blocks: *det* is the quantiser's step, *nb* its logarithm, *a* and *b* the
//! coefficients of the poles and zeros, *p*, *r* and *d* the signals they work on.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the recommendation saturates to 16 bits before each cast"
)]

use wide::{i16x8, i32x4};

/// Encodes 16 kHz; keeps the predictors of both bands.
#[derive(Debug, Clone)]
pub(crate) struct G722Out {
    low: Band,
    high: Band,
    bank: Bank,
    /// Both bands as they stood before the last frame.
    before: [Band; 2],
}

impl G722Out {
    pub(crate) const fn new() -> Self {
        Self {
            low: Band::new(LOW_STEP),
            high: Band::new(HIGH_STEP),
            bank: Bank::new(),
            before: [Band::new(LOW_STEP), Band::new(HIGH_STEP)],
        }
    }

    /// Encodes pairs of samples to one byte each.
    pub(crate) fn encode(&mut self, samples: &[i16], out: &mut [u8]) {
        self.before = [self.low.clone(), self.high.clone()];
        let (mut lows, mut highs) = ([0; PAIRS], [0; PAIRS]);
        let chunks = samples.chunks(2 * PAIRS).zip(out.chunks_mut(PAIRS));
        for (samples, out) in chunks {
            let pairs = samples.len() / 2;
            self.bank.analyse(samples, &mut lows, &mut highs);
            for ((out, &low), &high) in out.iter_mut().zip(&lows[..pairs]).zip(&highs) {
                let low = self.low_code(low);
                let high = self.high_code(high);
                *out = high << 6 | low;
            }
        }
    }

    /// Encodes what a decoder makes of another encoder's last codes, and so that both encoders come to stand alike: the
    /// other's codes are taken wherever they serve nearly as well as the best. Returns whether both stand alike now, from
    /// where on they make the same codes of the same samples.
    ///
    /// Two encoders of the same samples never meet, for each quantises on its own. But of a signal that came out of a
    /// quantiser the same one makes the same codes, and while the codes are the same the predictors forget how they
    /// differed, to the last bit.
    pub(crate) fn approach(&mut self, other: &Self, codes: &[u8], out: &mut [u8]) -> bool {
        let [mut low, mut high] = other.before.clone();
        for (&code, out) in codes.iter().zip(out) {
            let fine = low.fine(code & 0x3f);
            low.adapt_low(code & 0x3f);
            let sample = high.adapt_high(code >> 6);
            let low = self.low.approach_low(low.r[0], fine, code & 0x3f);
            *out = self.high.approach_high(sample, code >> 6) << 6 | low;
        }
        self.bank.clone_from(&other.bank);
        self.low == other.low && self.high == other.high
    }

    fn low_code(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.low.estimate);
        let magnitude = if error < 0 { !error } else { error };
        // A decision level lies at or below the magnitude, in steps of *det*/4096, where it is no more than this quotient.
        let steps = ((magnitude + 1) * 4_096 - 1) / self.low.det;
        let interval = LOW_INTERVALS[steps.min(HIGHEST_DECISION) as usize];
        let code = match (error < 0, interval) {
            (true, 1..=2) => 64 - interval,
            (true, _) => 34 - interval,
            (false, _) => 62 - interval,
        };
        self.low.adapt_low(code);
        code
    }

    fn high_code(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.high.estimate);
        let magnitude = if error < 0 { !error } else { error };
        let far = magnitude >= (HIGH_DECISION * self.high.det) >> 12;
        let code = match (error < 0, far) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.high.adapt_high(code);
        code
    }
}

/// Decodes to 16 kHz; keeps the predictors of both bands.
#[derive(Debug, Clone)]
pub(crate) struct G722In {
    low: Band,
    high: Band,
    bank: Bank,
}

impl G722In {
    pub(crate) const fn new() -> Self {
        Self {
            low: Band::new(LOW_STEP),
            high: Band::new(HIGH_STEP),
            bank: Bank::new(),
        }
    }

    /// Decodes every byte to two samples.
    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut [i16]) {
        let mut line = [0; 2 * PAIRS];
        for (payload, out) in payload.chunks(PAIRS).zip(out.chunks_mut(2 * PAIRS)) {
            for (&byte, pair) in payload.iter().zip(line.chunks_exact_mut(2)) {
                let code = byte & 0x3f;
                let low = self.low.fine(code);
                self.low.adapt_low(code);
                let high = limit(self.high.adapt_high(byte >> 6));
                pair[0] = (low + high) as i16;
                pair[1] = (low - high) as i16;
            }
            self.bank.synthesise(&line[..2 * payload.len()], out);
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }
}

/// Follows the logarithm of the low band's step through the codes alone. Its recursion leaks, so it falls into step with
/// the encoder from any beginning within some milliseconds. It goes by four codes at once, which is near enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepTrack(i32);

impl StepTrack {
    /// Hears codes; returns the sum of the logarithms, 2,048 to the octave.
    pub(crate) fn hear(&mut self, payload: &[u8]) -> u64 {
        let mut sum = 0;
        for four in payload.chunks(4) {
            let growth = four
                .iter()
                .map(|&byte| COARSE_GROWTH[usize::from(byte >> 2 & 0x0f)])
                .sum::<i32>();
            self.0 = (((self.0 * FOUR_LEAKS) >> 15) + growth).clamp(0, 18_432);
            sum += u64::from(self.0.unsigned_abs()) * four.len() as u64;
        }
        sum
    }
}

/// The quadrature mirror filter: the last 22 samples of the past, the newest last, then the chunk being worked on.
#[derive(Debug, Clone)]
struct Bank([i16; PAST + 2 * PAIRS]);

impl Bank {
    const fn new() -> Self {
        Self([0; PAST + 2 * PAIRS])
    }

    /// Splits samples into bands of half the rate.
    fn analyse(&mut self, samples: &[i16], lows: &mut [i32; PAIRS], highs: &mut [i32; PAIRS]) {
        self.take(samples);
        let windows = self.0.array_windows().step_by(2);
        let bands = lows.iter_mut().zip(highs).take(samples.len() / 2);
        for (window, (low, high)) in windows.zip(bands) {
            *low = limit(dot(window, &SUM) >> 14);
            *high = limit(dot(window, &DIFFERENCE) >> 14);
        }
        self.forget(samples.len());
    }

    /// Joins pairs of the bands' sum and difference.
    fn synthesise(&mut self, pairs: &[i16], out: &mut [i16]) {
        self.take(pairs);
        let windows = self.0.array_windows().step_by(2);
        for (window, out) in windows.zip(out.chunks_exact_mut(2)) {
            out[0] = saturate(dot(window, &EVEN) >> 11) as i16;
            out[1] = saturate(dot(window, &ODD) >> 11) as i16;
        }
        self.forget(pairs.len());
    }

    fn take(&mut self, samples: &[i16]) {
        self.0[PAST..PAST + samples.len()].copy_from_slice(samples);
    }

    fn forget(&mut self, samples: usize) {
        self.0.copy_within(samples..samples + PAST, 0);
    }
}

fn dot(window: &[i16; TAPS], taps: &[i16; TAPS]) -> i32 {
    let (window, taps) = (window.as_chunks().0, taps.as_chunks().0);
    let products = window
        .iter()
        .zip(taps)
        .map(|(&a, &b)| i16x8::new(a).dot(i16x8::new(b)));
    products
        .fold(i32x4::ZERO, |sum, part| sum + part)
        .reduce_add()
}

/// One band's adaptive quantiser and predictor.
#[derive(Debug, Clone, PartialEq)]
struct Band {
    /// What the next sample is thought to be.
    estimate: i32,
    /// The part of it from the zeros.
    zeros: i32,
    det: i32,
    nb: i32,
    a: [i32; 2],
    /// Six of eight, which processors take at once; the rest is zero or has no effect.
    b: [i16; 8],
    d: [i16; 8],
    p: [i32; 2],
    r: [i32; 2],
}

impl Band {
    const fn new(det: i32) -> Self {
        Self {
            estimate: 0,
            zeros: 0,
            det,
            nb: 0,
            a: [0; 2],
            b: [0; 8],
            d: [0; 8],
            p: [0; 2],
            r: [0; 2],
        }
    }

    /// The sample a decoder makes of a code of the low band.
    fn fine(&self, code: u8) -> i32 {
        let difference = (self.det * fine_difference(code)) >> 15;
        limit(saturate(self.estimate + difference))
    }

    /// What the upper four bits of a code of the low band add to the estimate.
    fn low_difference(&self, coarse: u8) -> i32 {
        (self.det * LOW_DIFFERENCES[usize::from(coarse)] * 8) >> 15
    }

    /// What a code of the high band adds to the estimate.
    fn high_difference(&self, code: u8) -> i32 {
        (self.det * HIGH_DIFFERENCES[usize::from(code)] * 8) >> 15
    }

    /// Takes another encoder's code of the low band where it serves, else the nearest: the upper bits by the predictor's
    /// sample, the lower ones by the decoder's.
    fn approach_low(&mut self, sample: i32, fine: i32, theirs: u8) -> u8 {
        let error = |coarse: u8| {
            let ours = saturate(self.estimate + self.low_difference(coarse));
            (ours - sample).abs()
        };
        let theirs = theirs >> 2;
        let coarse = if error(theirs) <= self.tolerance(LOW_TOLERANCE) {
            theirs
        } else {
            // The first of the sixteen is no code of an encoder.
            (1..16)
                .min_by_key(|&coarse| error(coarse))
                .unwrap_or(theirs)
        };
        let codes = coarse << 2..=coarse << 2 | 3;
        let code = codes.min_by_key(|&code| (self.fine(code) - fine).abs());
        let code = code.unwrap_or(coarse << 2);
        self.adapt_low(code);
        code
    }

    /// The same for the high band, whose decoder hears what the predictor does.
    fn approach_high(&mut self, sample: i32, theirs: u8) -> u8 {
        let error = |code: u8| {
            let ours = saturate(self.estimate + self.high_difference(code));
            (limit(ours) - limit(sample)).abs()
        };
        let code = if error(theirs) <= self.tolerance(HIGH_TOLERANCE) {
            theirs
        } else {
            (0..4).min_by_key(|&code| error(code)).unwrap_or(theirs)
        };
        self.adapt_high(code);
        code
    }

    /// How far from its sample a code may be that another encoder has chosen.
    fn tolerance(&self, steps: i32) -> i32 {
        ((self.det * steps) >> 12).max(UNHEARD)
    }

    /// Adapts to a code of the low band, of which only the upper four bits count.
    fn adapt_low(&mut self, code: u8) {
        let coarse = usize::from(code >> 2);
        let difference = self.low_difference(code >> 2);
        self.nb = (((self.nb * 32_512) >> 15) + COARSE_GROWTH[coarse]).clamp(0, 18_432);
        self.det = step(self.nb, 8);
        self.predict(difference);
    }

    /// Adapts to a code of the high band; returns the sample.
    fn adapt_high(&mut self, code: u8) -> i32 {
        let difference = self.high_difference(code);
        let code = usize::from(code);
        self.nb = (((self.nb * 32_512) >> 15) + HIGH_GROWTH[code]).clamp(0, 22_528);
        self.det = step(self.nb, 10);
        self.predict(difference);
        self.r[0]
    }

    /// Moves the coefficients along the gradient and estimates the next sample.
    fn predict(&mut self, d: i32) {
        let p = saturate(d + self.zeros);
        let r = saturate(self.estimate + d);
        self.follow(d as i16);
        let slope = saturate(self.a[0] << 2);
        let slope = saturate(towards(-slope, p, self.p[0])) >> 7;
        let a2 = slope + towards(128, p, self.p[1]) + ((self.a[1] * 32_512) >> 15);
        let a2 = a2.clamp(-12_288, 12_288);
        let a1 = towards(192, p, self.p[0]) + ((self.a[0] * 32_640) >> 15);
        self.a = [a1.clamp(a2 - 15_360, 15_360 - a2), a2];
        self.p = [p, self.p[0]];
        self.r = [r, self.r[0]];
        self.d = [
            d as i16, self.d[0], self.d[1], self.d[2], self.d[3], self.d[4], 0, 0,
        ];
        self.zeros = self.sum_of_zeros();
        let poles = saturate(product(r, self.a[0]) + product(self.r[1], self.a[1]));
        self.estimate = saturate(poles + self.zeros);
    }

    /// Moves the coefficients of the zeros: each loses a 256th and gains 128 where the difference has the sign of the one
    /// it stands for.
    fn follow(&mut self, d: i16) {
        let push = if d == 0 { 0 } else { 128 };
        for (b, &before) in self.b.iter_mut().zip(&self.d) {
            let opposed = (d ^ before) >> 15;
            let loss = (*b >> 8) + i16::from(*b & 255 != 0);
            *b = (*b - loss).saturating_add((push ^ opposed) - opposed);
        }
    }

    /// Sums from the oldest on, saturated at each step; where all together fit, no step can saturate.
    fn sum_of_zeros(&self) -> i32 {
        let mut products = [0; 8];
        for ((product, &d), &b) in products.iter_mut().zip(&self.d).zip(&self.b) {
            *product = (i32::from(d.saturating_add(d)) * i32::from(b)) >> 15;
        }
        if products.iter().map(|product| product.abs()).sum::<i32>() <= i32::from(i16::MAX) {
            return products.iter().sum();
        }
        let oldest_first = products.iter().rev();
        oldest_first.fold(0, |sum, &product| saturate(sum + product))
    }
}

/// The value if both signals have the same sign, else its opposite; zero counts as positive.
const fn towards(value: i32, one: i32, other: i32) -> i32 {
    if (one < 0) == (other < 0) {
        value
    } else {
        -value
    }
}

/// Twice a signal times a coefficient of 14 bits after the point.
fn product(signal: i32, coefficient: i32) -> i32 {
    (saturate(signal * 2) * coefficient) >> 15
}

/// The step whose logarithm is `nb`.
const fn step(nb: i32, octaves: i32) -> i32 {
    let mantissa = POWERS[((nb >> 6) & 31) as usize];
    let shift = octaves - (nb >> 11);
    (if shift < 0 {
        mantissa << -shift
    } else {
        mantissa >> shift
    }) << 2
}

/// The difference all six bits of a low code stand for, in units of the step.
fn fine_difference(code: u8) -> i32 {
    let (negative, interval) = match code {
        0..=3 => (true, 0),
        4..=31 => (true, 33 - code),
        32..=61 => (false, 61 - code),
        _ => (true, 63_u8.saturating_sub(code)),
    };
    let difference = LOW_FINE[usize::from(interval)] * 8;
    if negative { -difference } else { difference }
}

fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// Each band has 15 bits.
fn limit(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

/// The fourth power of what one code leaves of the logarithm, 127/128, with 15 bits after the point.
const FOUR_LEAKS: i32 = 31_756;

const LOW_STEP: i32 = 32;
const HIGH_STEP: i32 = 8;

/// Every second coefficient of the filter; the second half of the symmetric filter is the first read backwards.
const FILTER: [i16; 12] = [3, -11, 12, 32, -210, 951, 3_876, -805, 362, -156, 53, -11];

const TAPS: usize = 24;
/// Samples of the past that the filter still sees.
const PAST: usize = TAPS - 2;
/// Pairs of samples worked on at once: 20 ms.
const PAIRS: usize = 160;

/// The filter over a window of samples, the oldest first: for the newer of each pair, for the older.
const EVEN: [i16; TAPS] = taps(0, 1);
const ODD: [i16; TAPS] = taps(1, 0);
/// The sum and the difference of both.
const SUM: [i16; TAPS] = taps(1, 1);
const DIFFERENCE: [i16; TAPS] = taps(-1, 1);

/// Spreads the filter over the older and the newer samples of pairs, each times a factor.
const fn taps(older: i16, newer: i16) -> [i16; TAPS] {
    let mut taps = [0; TAPS];
    let mut at = 0;
    while at < TAPS / 2 {
        taps[2 * at] = older * FILTER[at];
        taps[2 * at + 1] = newer * FILTER[TAPS / 2 - 1 - at];
        at += 1;
    }
    taps
}

/// Where one interval of the low band's quantiser ends and the next begins.
const LOW_DECISIONS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023,
    1_121, 1_219, 1_339, 1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
];

const HIGHEST_DECISION: i32 = LOW_DECISIONS[28];

/// In which interval a magnitude lies, in steps.
const LOW_INTERVALS: [u8; HIGHEST_DECISION as usize + 1] = {
    let mut intervals = [0; HIGHEST_DECISION as usize + 1];
    let (mut steps, mut interval) = (0, 0);
    while steps < intervals.len() {
        while interval < LOW_DECISIONS.len() && LOW_DECISIONS[interval] as usize <= steps {
            interval += 1;
        }
        intervals[steps] = interval as u8 + 1;
        steps += 1;
    }
    intervals
};

/// What the 30 intervals of six bits stand for.
const LOW_FINE: [i32; 30] = [
    17, 54, 91, 130, 170, 211, 254, 300, 347, 396, 447, 501, 558, 618, 682, 750, 822, 899, 982,
    1_072, 1_170, 1_279, 1_399, 1_535, 1_689, 1_873, 2_088, 2_376, 2_738, 3_101,
];

/// What the upper four bits stand for, from which both sides predict.
const LOW_DIFFERENCES: [i32; 16] = [
    0, -2_557, -1_612, -1_121, -786, -530, -323, -150, 2_557, 1_612, 1_121, 786, 530, 323, 150, 0,
];

/// How the step grows after a difference, from the smallest to the largest.
const LOW_GROWTH: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1_198, 3_042];

/// The same for each value of the upper four bits.
const COARSE_GROWTH: [i32; 16] = {
    let mut growth = [0; 16];
    let mut coarse = 0;
    while coarse < 16 {
        growth[coarse] = LOW_GROWTH[if coarse < 8 {
            (8 - coarse) % 8
        } else {
            15 - coarse
        }];
        coarse += 1;
    }
    growth
};

const HIGH_DECISION: i32 = 564;
const HIGH_DIFFERENCES: [i32; 4] = [-926, -202, 926, 202];
const HIGH_GROWTH: [i32; 4] = [798, -214, 798, -214];

/// How far from its sample a code may be that another encoder has chosen, in 4,096ths of the step: about as much as the
/// nearest may be off.
const LOW_TOLERANCE: i32 = 150;
const HIGH_TOLERANCE: i32 = 300;

/// The same where the step is small, in units of 15 bits: −72 dBov.
const UNHEARD: i32 = 4;

/// 2,048 times the powers of the 32nd root of two.
const POWERS: [i32; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656,
    2_714, 2_774, 2_834, 2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520,
    3_597, 3_676, 3_756, 3_838, 3_922, 4_008,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::vectors;

    /// The reference's codes lie in the file as words with their bytes swapped.
    fn reference_codes() -> Vec<u8> {
        let mut codes = vectors::bytes("g722-stl", "codsp.cod");
        codes.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        codes
    }

    #[test]
    fn encoding_equals_the_vectors() {
        let (source, codes) = (vectors::words("g722-stl", "inpsp.bin"), reference_codes());
        let mut ours = vec![0; source.len() / 2];
        G722Out::new().encode(&source, &mut ours);
        let differing = ours
            .iter()
            .zip(&codes)
            .filter(|(ours, theirs)| ours != theirs);
        assert_eq!((differing.count(), ours.len()), (0, 48_768));
    }

    #[test]
    fn decoding_equals_the_vectors() {
        let (codes, decoded) = (reference_codes(), vectors::words("g722-stl", "outsp1.bin"));
        let mut ours = vec![0; codes.len() * 2];
        G722In::new().decode(&codes, &mut ours);
        let differing = ours
            .iter()
            .zip(&decoded)
            .filter(|(ours, theirs)| ours != theirs);
        assert_eq!((differing.count(), ours.len()), (0, 97_536));
    }

    #[test]
    fn a_decoder_hears_what_was_encoded() {
        let source: Vec<i16> = (0..3_200)
            .map(|at| (8_000.0 * (f64::from(at) * 0.4).sin()) as i16)
            .collect();
        let (mut codes, mut heard) = ([0; 1_600], [0; 3_200]);
        G722Out::new().encode(&source, &mut codes);
        G722In::new().decode(&codes, &mut heard);
        let (mut power, mut error) = (0.0, 0.0);
        for (&source, &heard) in source[400..3_000].iter().zip(&heard[422..]) {
            power += f64::from(source).powi(2);
            error += (f64::from(source) - f64::from(heard)).powi(2);
        }
        assert!(
            power > 100.0 * error,
            "{} dB",
            10.0 * (power / error).log10()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_overflow(codes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let mut out = vec![0; codes.len() * 2];
            G722In::new().decode(&codes, &mut out);
        }

        #[test]
        fn no_samples_overflow(samples in prop::collection::vec(prop_oneof![Just(i16::MIN), Just(i16::MAX), any::<i16>()], 0..2_000)) {
            let mut out = vec![0; samples.len() / 2];
            G722Out::new().encode(&samples, &mut out);
        }
    }
}
