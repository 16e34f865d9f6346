//! Finds music: notes that stand still, one after the other, on the steps of a scale.
//!
//! Voices glide: hardly any of their partials keeps its frequency for 160 ms, and never do many in ten seconds. The notes
//! of instruments do, drums or no drums, and they lie whole semitones apart: by how much of a semitone each is off, as an
//! angle, all of them point the same way. Who sings alone holds notes too, but lies anywhere between the steps. A tone
//! that never changes is no music, nor is one that is switched on and off. Everything is measured at 8 kHz, so that a
//! telephone's music is found like any other.
//!
//! ```text
//! tick ─ spectrum of 64 ms ─ peaks ─ tracks, over a drum's gaps ─ notes: how many, how many new, how much in tune
//!                                      └─ per second: share of the energy that is held, pauses
//! ```
//!
//! Not found is a singer before a band, whose notes the voice drowns, which the [`song`](super::song) judge is for, and half of
//! what is more drums than notes.

use std::{f32::consts::TAU, fmt, sync::LazyLock};

use super::{
    Features, NARROW_SAMPLES,
    spectrum::{Peak, Transform},
};
use crate::power::{decibels, squares};

/// Judges whether a leg plays music.
#[derive(Clone)]
pub(super) struct MusicJudge {
    /// The last 64 ms at 8 kHz.
    line: [f32; WINDOW],
    tracks: [Track; TRACKS],
    /// Partials that have stood, and notes that were held.
    stood: Recent<STOOD>,
    notes: Recent<NOTES>,
    score: Score,
    /// The usual level of a tick, in dBov.
    usual: f32,
    second: Second,
    /// The last seconds, the latest in the lowest bit: was it musical?
    seconds: u16,
    met: bool,
}

/// A partial that is being followed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Track {
    /// In bins; 0 is no track.
    frequency: f32,
    /// Where it has stood since it began to.
    stands_at: f32,
    ticks: u8,
    /// Those of them in a row, wherever it went.
    unbroken: u8,
    /// Ticks since it was last seen.
    missed: u8,
}

/// What a second has shown.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    ticks: u8,
    pauses: u8,
    /// The sum of the shares of energy in held notes.
    held: f32,
}

/// What the notes of the last ten seconds have shown, the older the less.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    notes: f32,
    /// Those that were none of the last.
    fresh: f32,
    /// The sum of the notes' weights, and of as long vectors in the direction of their place within a semitone.
    weight: f32,
    places: [f32; 2],
}

/// The last frequencies that differ, in bins.
#[derive(Debug, Clone)]
struct Recent<const N: usize>([f32; N]);

impl MusicJudge {
    pub(super) fn new() -> Self {
        LazyLock::force(&TRANSFORM);
        Self {
            line: [0.0; WINDOW],
            tracks: [Track::NONE; TRACKS],
            stood: Recent([0.0; STOOD]),
            notes: Recent([0.0; NOTES]),
            score: Score::default(),
            usual: FAINTEST,
            second: Second::default(),
            seconds: 0,
            met: false,
        }
    }

    /// Hears a tick; returns whether a tone has begun that was not there before.
    pub(super) fn handle(&mut self, sound: &Features) -> bool {
        self.line.copy_within(NARROW_SAMPLES.., 0);
        self.line[WINDOW - NARROW_SAMPLES..].copy_from_slice(&sound.narrow);
        let dbov = decibels(squares(&sound.narrow) / NARROW_SAMPLES as f32).max(FAINTEST - 10.0);
        self.usual += (dbov - self.usual) / USUAL_TICKS;
        if dbov < FAINTEST || dbov < self.usual - PAUSE {
            self.second.pauses += 1;
        }
        let changes = dbov >= FAINTEST && self.follow();
        self.count_tick();
        changes
    }

    pub(super) fn pass(&mut self) {
        self.second.pauses += 1;
        self.tracks = [Track::NONE; TRACKS];
        self.count_tick();
    }

    pub(super) const fn is_met(&self) -> bool {
        self.met
    }

    fn count_tick(&mut self) {
        self.second.ticks += 1;
        if self.second.ticks < SECOND {
            return;
        }
        let second = std::mem::take(&mut self.second);
        let musical = second.pauses <= PAUSES
            && second.held >= HELD_SHARE * f32::from(SECOND)
            && self.score.is_music();
        self.score.fade();
        self.seconds = self.seconds << 1 | u16::from(musical);
        self.met = if self.met {
            (self.seconds & LAST_FOUR).count_ones() >= 2
        } else {
            (self.seconds & LAST_TEN).count_ones() >= ENOUGH && musical
        };
    }

    /// Follows the peaks of the spectrum and counts the notes; returns whether one has begun that is none of the last.
    fn follow(&mut self) -> bool {
        let (spectrum, total) = TRANSFORM.powers(&self.line, LOWEST);
        let before = std::mem::replace(&mut self.tracks, [Track::NONE; TRACKS]);
        let mut seen = [false; TRACKS];
        let (mut held, mut changes, mut count) = (0.0, false, 0);
        for peak in peaks(&spectrum, total).take(PEAKS) {
            let near = before
                .iter()
                .enumerate()
                .filter(|(_, track)| track.is_near(peak.frequency));
            let known = near.max_by_key(|(_, track)| track.ticks);
            let track = known.map_or(Track::at(peak.frequency), |(at, track)| {
                seen[at] = true;
                track.moved(peak.frequency)
            });
            if track.ticks >= HOLDS {
                held += peak.power;
            }
            if peak.power >= total * PROMINENT {
                if track.unbroken == STANDS {
                    changes |= self.stood.is_new(peak.frequency);
                }
                if track.ticks == HOLDS && peak.frequency >= LOWEST_NOTE {
                    let fresh = self.notes.is_new(peak.frequency);
                    let share = peak.power / total;
                    self.score.hear(peak.frequency, share, fresh);
                }
            }
            self.tracks[count] = track;
            count += 1;
        }
        let hidden = before
            .iter()
            .zip(seen)
            .filter(|(track, seen)| !seen && track.frequency > 0.0 && track.missed < GAP);
        for (slot, (track, _)) in self.tracks[count..].iter_mut().zip(hidden) {
            *slot = Track {
                missed: track.missed + 1,
                ..*track
            };
        }
        self.second.held += (held / total.max(f32::MIN_POSITIVE)).min(1.0);
        changes
    }
}

impl fmt::Debug for MusicJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MusicJudge")
            .field("seconds", &self.seconds)
            .field("met", &self.met)
            .finish_non_exhaustive()
    }
}

impl Track {
    const NONE: Self = Self::at(0.0);

    const fn at(frequency: f32) -> Self {
        Self {
            frequency,
            stands_at: frequency,
            ticks: 0,
            unbroken: 0,
            missed: 0,
        }
    }

    fn is_near(&self, frequency: f32) -> bool {
        (self.frequency - frequency).abs() <= STRAYS * f32::from(1 + self.missed)
    }

    /// The track a tick later; one that leaves its place begins to stand anew.
    fn moved(&self, frequency: f32) -> Self {
        let stays = (frequency - self.stands_at).abs() <= STRAYS;
        let ticks = self.ticks.saturating_add(1);
        Self {
            frequency,
            stands_at: if stays { self.stands_at } else { frequency },
            ticks: if stays { ticks } else { ticks.min(STANDS) },
            unbroken: if self.missed == 0 {
                self.unbroken.saturating_add(1)
            } else {
                0
            },
            missed: 0,
        }
    }
}

impl<const N: usize> Recent<N> {
    /// Tells whether a frequency is none of the last, and remembers it.
    fn is_new(&mut self, frequency: f32) -> bool {
        let known = |before: &f32| (before - frequency).abs() <= 2.0 * STRAYS;
        let new = !self.0.iter().any(known);
        if new {
            self.0.rotate_right(1);
            self.0[0] = frequency;
        }
        new
    }
}

impl Score {
    fn hear(&mut self, frequency: f32, share: f32, fresh: bool) {
        let weight = share.sqrt();
        let (sine, cosine) = (TAU * (12.0 * frequency.log2()).fract()).sin_cos();
        self.notes += 1.0;
        self.fresh += f32::from(u8::from(fresh));
        self.weight += weight;
        self.places[0] += weight * cosine;
        self.places[1] += weight * sine;
    }

    /// Many notes in tune, or so many that no voice holds them.
    fn is_music(&self) -> bool {
        let [x, y] = self.places;
        let in_tune = x.hypot(y) / self.weight.max(f32::MIN_POSITIVE);
        let enough = |notes, tuned| self.notes >= notes && in_tune >= tuned;
        self.fresh >= FRESH && (enough(FEW_NOTES, TUNED) || enough(MANY_NOTES, HALF_TUNED))
    }

    /// Forgets a tenth, each second.
    fn fade(&mut self) {
        let Self {
            notes,
            fresh,
            weight,
            places: [x, y],
        } = self;
        for sum in [notes, fresh, weight, x, y] {
            *sum *= REMEMBERS;
        }
    }
}

/// The peaks of a spectrum, from the lowest, with the power of the three bins around each.
fn peaks(spectrum: &[f32; BINS], total: f32) -> impl Iterator<Item = Peak> {
    let faint = total * FAINT_PEAK;
    (LOWEST + 2..BINS - 3).filter_map(move |bin| {
        let around = &spectrum[bin - 3..=bin + 3];
        let [a, b, c] = [around[2], around[3], around[4]];
        let stands_out = b > SHARP * (around[0] + around[6]);
        if b < faint || b < a || b <= c || !stands_out {
            return None;
        }
        Some(Peak::at(bin, [a, b, c]))
    })
}

static TRANSFORM: LazyLock<Transform<WINDOW, BINS>> = LazyLock::new(Transform::new);

/// Samples of the spectrum's window: 64 ms at 8 kHz.
const WINDOW: usize = 512;

/// Bins of 15.6 Hz.
const BINS: usize = WINDOW / 2 + 1;

/// The lowest bin looked at: 78 Hz.
const LOWEST: usize = 5;

/// Peaks followed, from the lowest.
const PEAKS: usize = 24;

/// Partials followed, those a drum hides included.
const TRACKS: usize = 32;

/// Partials and notes remembered.
const STOOD: usize = 4;
const NOTES: usize = 6;

/// How far a partial may stray in a tick, and from its place for as long as it stands, in bins: 4 Hz.
const STRAYS: f32 = 0.25;

/// Ticks a partial may be hidden and still go on.
const GAP: u8 = 2;

/// Ticks in a row after which a partial is no noise: 80 ms. More do not count where it has left its place.
const STANDS: u8 = 4;

/// Ticks after which a partial is a held note: 160 ms.
const HOLDS: u8 = 8;

/// The share of the power a partial needs to be a note.
const PROMINENT: f32 = 0.05;

/// The lowest note, in bins: below, a twentieth of a bin is too much of a semitone.
const LOWEST_NOTE: f32 = 9.0;

/// The share of the power below which a peak is not followed.
const FAINT_PEAK: f32 = 0.003;

/// How far a peak stands out from the bins three beside it, by power.
const SHARP: f32 = 4.0;

/// What remains of the notes after a second: they count for ten.
const REMEMBERS: f32 = 0.905;

/// Notes in ten seconds that make music if they are in tune. Speech has up to seven.
const FEW_NOTES: f32 = 9.0;

/// How much they point the same way, from 0 to 1. Instruments have 0.9 and more, who sings alone up to 0.8.
const TUNED: f32 = 0.85;

/// Notes that make music, in tune or not: plucked strings have a hundred, who sings alone up to 55.
const MANY_NOTES: f32 = 70.0;
const HALF_TUNED: f32 = 0.5;

/// New notes in ten seconds, without which it is a signal that repeats.
const FRESH: f32 = 1.5;

/// The share of a second's energy that music holds.
const HELD_SHARE: f32 = 0.05;

/// Ticks so far below the usual are a pause, in dB; more than half a second of them are no music.
const PAUSE: f32 = 14.0;
const PAUSES: u8 = 25;

/// The level below which nothing is followed, in dBov.
const FAINTEST: f32 = -60.0;

/// Ticks over which the usual power is taken: 3 s.
const USUAL_TICKS: f32 = 150.0;

/// Ticks of a second.
const SECOND: u8 = 50;

/// Musical seconds among the last ten before it is named.
const ENOUGH: u32 = 8;
const LAST_TEN: u16 = 0x3ff;
const LAST_FOUR: u16 = 0xf;
