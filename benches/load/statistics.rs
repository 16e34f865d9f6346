//! Numbers from many measurements.

/// Returns the value below which `share` of the values lie (nearest rank); none of nothing.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank within the values"
    )]
    let rank = (share * values.len() as f64).ceil() as usize;
    Some(values[rank.saturating_sub(1).min(last)])
}

/// Returns the middle value; none of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    percentile(&mut values.to_vec(), 0.5)
}

/// Returns the bound of the bucket below which `share` of what a histogram counts lies; the last bound where it lies
/// beyond. None of nothing.
pub(crate) fn bucket_percentile(buckets: &[(u64, u64)], share: f64) -> Option<u64> {
    let total: u64 = buckets.iter().map(|(_, count)| count).sum();
    let mut below = 0;
    let bucket = buckets.iter().find(|(_, count)| {
        below += count;
        below > 0 && below as f64 >= share * total as f64
    });
    bucket.map(|(bound, _)| *bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), Some(50.0));
        assert_eq!(percentile(&mut values, 0.99), Some(99.0));
        assert_eq!(percentile(&mut values, 1.0), Some(100.0));
        assert_eq!(percentile(&mut [7.0], 0.0), Some(7.0));
        assert_eq!(percentile(&mut [], 0.5), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    }

    #[test]
    fn a_histogram_tells_the_bound_of_the_bucket() {
        let buckets = [(100, 0), (200, 98), (500, 1), (1_000, 1)];
        assert_eq!(bucket_percentile(&buckets, 0.5), Some(200));
        assert_eq!(bucket_percentile(&buckets, 0.99), Some(500));
        assert_eq!(bucket_percentile(&buckets, 1.0), Some(1_000));
        assert_eq!(bucket_percentile(&buckets, 0.0), Some(200));
        assert_eq!(bucket_percentile(&[(100, 0)], 0.5), None);
    }
}
