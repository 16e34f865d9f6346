//! Broad bands over the bins of a spectrum, narrow where the ear is: for what is remembered or compared coarsely.

/// Bands.
pub(super) const COUNT: usize = 21;

/// Writes the mean of the bins of each band.
pub(super) fn mean(bins: &[f32], bands: &mut [f32; COUNT]) {
    for (band, edges) in bands.iter_mut().zip(EDGES.windows(2)) {
        let own = &bins[edges[0].min(bins.len())..edges[1].min(bins.len())];
        *band = own.iter().sum::<f32>() / own.len().max(1) as f32;
    }
}

/// Writes each band's value to its bins.
pub(super) fn spread(bands: &[f32; COUNT], bins: &mut [f32]) {
    for (band, edges) in bands.iter().zip(EDGES.windows(2)) {
        let last = bins.len();
        bins[edges[0].min(last)..edges[1].min(last)].fill(*band);
    }
}

/// The first bin of each band, 75 Hz each; 54 is 4 kHz, 107 is 8 kHz, the end is 12 kHz.
const EDGES: [usize; COUNT + 1] = [
    0, 2, 4, 6, 8, 10, 12, 14, 17, 20, 24, 28, 33, 39, 46, 54, 64, 76, 90, 107, 130, 160,
];
