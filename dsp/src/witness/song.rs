//! Finds songs: a band behind a voice that drowns its notes.
//!
//! The voice is most of the power, and it glides; what the [`music`](super::music) judge looks for lies beneath it. A window
//! four times as long brings it out: in 256 ms the partials of a chord stand as needles where those of a voice smear. Three
//! kinds of evidence must meet, each of the last ten seconds:
//!
//! ```text
//! tick ─ to 4 kHz ─ each fifth: spectrum of 256 ms ─ needles ─ held over three spectra: notes ─ how many, new, on one scale?
//!                                                                                            └─ how much of the power?
//!      └ level ─ how often far below the usual? a band fills the pauses of the voice
//! ```
//!
//! Speech has up to ten such notes in ten seconds, a crowd up to five. A hum has many, but none that are new. Who
//! sings or hums alone has some thirty, which lie beside the scale, and breathes. A voice before a radio falls back to it
//! between two words, and where the noise of a car fills these, the radio is too little of the power: it is far enough below
//! where it is twelve decibels fainter than the voice.

use std::{f32::consts::TAU, fmt, sync::LazyLock};

use super::{
    Features, NARROW_SAMPLES,
    spectrum::{Peak, Transform},
};
use crate::power::{decibels, squares};

/// Judges whether a leg plays songs.
#[derive(Clone)]
pub(super) struct SongJudge {
    /// The last 256 ms at 4 kHz.
    line: [f32; WINDOW],
    /// What the half-band filter remembers of the tick before, at 8 kHz.
    before: [f32; TAPS - 1],
    /// Needles of the last spectra, and those that were held in the last.
    needles: [Needles; HELD - 1],
    held: Needles,
    notes: Notes,
    /// The usual power, and of how many ticks it is the mean.
    usual: f32,
    heard: u8,
    second: Second,
    /// The last seconds, the latest in the lowest bit: was there a band, and would it do for one that is known?
    seconds: [u8; 2],
    met: bool,
}

/// Frequencies in bins, from the lowest; 0 is none.
type Needles = [f32; NEEDLES];

/// What a second has shown.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    ticks: u8,
    /// Ticks that were far below the usual, those that were not to be heard included.
    falls: u8,
    passed: u8,
    /// Spectra in which something was held.
    held: u8,
}

/// What the last ten seconds have shown, the older the less.
#[derive(Debug, Clone, Copy, Default)]
struct Notes {
    count: f32,
    /// The sum of unit vectors in the direction of the notes' places within a semitone.
    places: [f32; 2],
    /// Notes that were none of the last.
    fresh: f32,
    recent: [f32; RECENT],
    ticks: f32,
    falls: f32,
    /// The sum over the spectra of the shares of power in what was held.
    share: f32,
}

impl SongJudge {
    pub(super) fn new() -> Self {
        LazyLock::force(&TRANSFORM);
        Self {
            line: [0.0; WINDOW],
            before: [0.0; TAPS - 1],
            needles: [[0.0; NEEDLES]; HELD - 1],
            held: [0.0; NEEDLES],
            notes: Notes::default(),
            usual: 0.0,
            heard: 0,
            second: Second::default(),
            seconds: [0; 2],
            met: false,
        }
    }

    /// Hears a tick.
    pub(super) fn handle(&mut self, sound: &Features) {
        let power = squares(&sound.narrow) / NARROW_SAMPLES as f32;
        self.heard = self.heard.saturating_add(1).min(USUAL_TICKS);
        self.usual += (power - self.usual) / f32::from(self.heard);
        if decibels(power) < decibels(self.usual) - FALL {
            self.second.falls += 1;
        }
        self.take(&sound.narrow);
    }

    /// Is told of a tick that is not to be heard: it is a pause, but a lost packet ends no chord.
    pub(super) fn pass(&mut self) {
        self.second.falls += 1;
        self.second.passed += 1;
        self.take(&[0.0; NARROW_SAMPLES]);
    }

    pub(super) const fn is_met(&self) -> bool {
        self.met
    }

    /// Takes a tick into the line, and looks at it in its turn.
    fn take(&mut self, narrow: &[f32; NARROW_SAMPLES]) {
        self.halve(narrow);
        self.second.ticks += 1;
        if self.second.ticks.is_multiple_of(STEP) {
            self.look();
        }
        if self.second.ticks == SECOND {
            self.judge();
        }
    }

    /// Puts a tick into the line at half its rate.
    fn halve(&mut self, narrow: &[f32; NARROW_SAMPLES]) {
        let mut both = [0.0; TAPS - 1 + NARROW_SAMPLES];
        both[..TAPS - 1].copy_from_slice(&self.before);
        both[TAPS - 1..].copy_from_slice(narrow);
        self.before.copy_from_slice(&both[NARROW_SAMPLES..]);
        self.line.copy_within(NARROW_SAMPLES / 2.., 0);
        let fresh = &mut self.line[WINDOW - NARROW_SAMPLES / 2..];
        for (at, sample) in fresh.iter_mut().enumerate() {
            let taps = &both[2 * at..2 * at + TAPS];
            let [a, b, c, d] = HALF_BAND;
            *sample = a * (taps[0] + taps[10])
                + b * (taps[2] + taps[8])
                + c * (taps[4] + taps[6])
                + d * taps[5];
        }
    }

    /// Judges the second that ends.
    fn judge(&mut self) {
        let second = std::mem::take(&mut self.second);
        self.notes.ticks += f32::from(second.ticks);
        self.notes.falls += f32::from(second.falls);
        let filled = second.falls <= FALLS && second.passed <= PASSED;
        let goes_on = filled && second.held >= GOES_ON;
        let begins = filled && second.held > 0 && self.notes.are_music();
        self.notes.fade();
        for (seconds, so) in self.seconds.iter_mut().zip([begins, goes_on]) {
            *seconds = *seconds << 1 | u8::from(so);
        }
        let [began, went_on] = self.seconds;
        self.met = if self.met {
            (went_on & LAST_FOUR).count_ones() >= 2
        } else {
            begins && (began & LAST_EIGHT).count_ones() >= ENOUGH
        };
    }

    /// Looks at the spectrum: what is held, and what begins to be.
    fn look(&mut self) {
        let (spectrum, total) = TRANSFORM.powers(&self.line, RUMBLE);
        if total < FAINTEST {
            return self.forget();
        }
        let mut found = [0.0; NEEDLES];
        let mut held = [0.0; NEEDLES];
        let (mut count, mut power) = (0, 0.0);
        for (slot, needle) in found.iter_mut().zip(needles(&spectrum, total)) {
            let frequency = needle.frequency;
            *slot = frequency;
            let strays = STRAYS.max(frequency * STRAYS_SHARE);
            if self.needles.iter().all(|list| has(list, frequency, strays)) {
                if !has(&self.held, frequency, 1.5 * strays) {
                    self.notes.hear(frequency);
                }
                held[count] = frequency;
                count += 1;
                power += needle.power;
            }
        }
        self.needles.rotate_right(1);
        self.needles[0] = found;
        self.held = held;
        self.second.held += u8::from(count > 0);
        self.notes.share += power / total;
    }

    fn forget(&mut self) {
        self.needles = [[0.0; NEEDLES]; HELD - 1];
        self.held = [0.0; NEEDLES];
    }
}

impl fmt::Debug for SongJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SongJudge")
            .field("notes", &self.notes)
            .field("seconds", &self.seconds)
            .field("met", &self.met)
            .finish_non_exhaustive()
    }
}

impl Notes {
    fn hear(&mut self, frequency: f32) {
        let (sine, cosine) = (TAU * (12.0 * frequency.log2()).fract()).sin_cos();
        self.count += 1.0;
        self.places[0] += cosine;
        self.places[1] += sine;
        if !has(&self.recent, frequency, APART) {
            self.fresh += 1.0;
            self.recent.rotate_right(1);
            self.recent[0] = frequency;
        }
    }

    /// Many, on one scale, some of them new, no mere background, and hardly a pause between them.
    fn are_music(&self) -> bool {
        let [x, y] = self.places;
        // Of notes that lie anywhere this is one in the mean, however many they are (Rayleigh).
        let in_tune = (x * x + y * y) / self.count.max(1.0);
        self.count >= MANY
            && in_tune >= IN_TUNE
            && self.fresh >= FRESH
            && self.share * f32::from(STEP) >= SHARE * self.ticks
            && self.falls <= FALLEN * self.ticks
    }

    /// Forgets a tenth, each second.
    fn fade(&mut self) {
        let Self {
            count,
            places: [x, y],
            fresh,
            recent: _,
            ticks,
            falls,
            share,
        } = self;
        for sum in [count, x, y, fresh, ticks, falls, share] {
            *sum *= REMEMBERS;
        }
    }
}

/// Tells whether one of the frequencies is as near as that.
fn has(frequencies: &[f32], wanted: f32, within: f32) -> bool {
    frequencies
        .iter()
        .any(|frequency| (frequency - wanted).abs() <= within)
}

/// What stands out of the spectrum as a tone does that has not moved, from the lowest.
fn needles(spectrum: &[f32; BINS], total: f32) -> impl Iterator<Item = Peak> {
    let faint = total * FAINT;
    (LOWEST..HIGHEST).filter_map(move |bin| {
        let around = &spectrum[bin - 5..=bin + 5];
        let [a, b, c] = [around[4], around[5], around[6]];
        if b < faint || b < a || b <= c {
            return None;
        }
        let beside: f32 = around[..3].iter().chain(&around[8..]).sum();
        if 6.0 * b < SHARP * beside {
            return None;
        }
        Some(Peak::at(bin, [a, b, c]))
    })
}

static TRANSFORM: LazyLock<Transform<WINDOW, BINS>> = LazyLock::new(Transform::new);

/// Samples of the spectrum's window: 256 ms at 4 kHz.
const WINDOW: usize = 1_024;

/// Bins of 3.9 Hz.
const BINS: usize = WINDOW / 2 + 1;

/// The filter before every second sample is left out: flat to 1.4 kHz, 20 dB down at 2.6. Every other weight is nought.
const TAPS: usize = 11;
const HALF_BAND: [f32; 4] = [0.005_5, -0.036_5, 0.280_4, 0.501_2];

/// Ticks from one spectrum to the next: 100 ms.
const STEP: u8 = 5;

/// Spectra in a row in which a needle is a note: 456 ms of sound.
const HELD: usize = 3;

/// Needles looked at, from the lowest.
const NEEDLES: usize = 28;

/// Below 80 Hz nothing counts; needles are sought from 120 Hz to 1.9 kHz.
const RUMBLE: usize = 20;
const LOWEST: usize = 30;
const HIGHEST: usize = 486;

/// The share of the power below which nothing is a needle.
const FAINT: f32 = 0.000_5;

/// How far a needle stands out from the mean of the bins three to five beside it, by power.
const SHARP: f32 = 10.0;

/// How far it may stray from spectrum to spectrum: 1.2 Hz, or eight hundredths of a semitone.
const STRAYS: f32 = 0.307;
const STRAYS_SHARE: f32 = 0.004_63;

/// How far a note lies from all of the last to be new: 3 Hz.
const APART: f32 = 0.77;

/// Notes remembered.
const RECENT: usize = 12;

/// The sum of the spectrum of what has −60 dBov.
const FAINTEST: f32 = 0.2;

/// Ticks over which the usual power is taken: 4 s.
const USUAL_TICKS: u8 = 200;

/// A tick so many decibels below the usual power is a fall; where more than half of a second's are, there is no band.
const FALL: f32 = 8.5;
const FALLS: u8 = 25;

/// Ticks of a second that may be lost; more are pauses.
const PASSED: u8 = 4;

/// The share of falls in ten seconds. Speech has a third, three who talk at once a tenth, songs up to it.
const FALLEN: f32 = 0.17;

/// Notes in ten seconds, partials counted. Songs have 50 to 250.
const MANY: f32 = 40.0;

/// How much they are in tune. Who sings alone has up to 25, songs 30 to 100.
const IN_TUNE: f32 = 28.0;

/// The share of the power that is held, over ten seconds. Songs have 8 % and more, a radio twelve decibels below a voice 2
/// to 5 %, be it in a car whose noise fills the pauses.
const SHARE: f32 = 0.07;

/// New notes in ten seconds.
const FRESH: f32 = 5.0;

/// What remains after a second: the sums are of ten.
const REMEMBERS: f32 = 0.905;

/// Ticks of a second.
const SECOND: u8 = 50;

/// Spectra of a second's ten that hold something while a song goes on.
const GOES_ON: u8 = 3;

/// Seconds among the last eight before a song is named.
const ENOUGH: u32 = 6;
const LAST_EIGHT: u8 = 0xff;
const LAST_FOUR: u8 = 0xf;

#[cfg(test)]
mod tests;
