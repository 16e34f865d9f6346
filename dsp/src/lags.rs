//! Which delay stands out, when one sound is compared with another at many.
//!
//! Whatever repeats itself (a ring, a beat, a test signal) follows anything with the same rhythm at several delays. An echo
//! follows at one.

/// Returns the index of the highest agreement and the agreement, if none further off than `apart` comes near it.
pub(crate) fn outstanding(agreements: &[f32], apart: usize) -> Option<(usize, f32)> {
    let best = |agreements: &mut dyn Iterator<Item = (usize, f32)>| {
        agreements.fold((0, f32::NEG_INFINITY), |best, next| {
            if next.1 > best.1 { next } else { best }
        })
    };
    let all = || agreements.iter().copied().enumerate();
    let (at, highest) = best(&mut all());
    let (_, other) = best(&mut all().filter(|(other, _)| other.abs_diff(at) > apart));
    (highest - other.max(0.0) >= LEAD).then_some((at, highest))
}

/// How far the best has to lead.
const LEAD: f32 = 0.12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peak_stands_out_and_two_do_not() {
        assert_eq!(
            outstanding(&[0.1, 0.7, 0.9, 0.8, 0.3, 0.2], 2),
            Some((2, 0.9))
        );
        assert_eq!(outstanding(&[0.1, 0.9, 0.2, 0.1, 0.0, 0.85], 2), None);
        assert_eq!(outstanding(&[], 2), None);
    }
}
