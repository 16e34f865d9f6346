//! The witness listens to one leg and names what disturbs the talk: steady noise, the echo of the mix, music on hold.
//!
//! It hears the leg's decoded sound *before* any shaping, and beside it what was sent to the leg in the same tick. Four
//! judges look at cheap features of a tick; each has its own patience, so that a verdict is rare, late by seconds and
//! worth acting upon. A tick whose sound is not decoded is told as such: it is a pause for music and nothing for the rest.
//!
//! Invariants: at most one disturbance is named at a time and every beginning is followed by its end; a tick costs a
//! transform of 512 points, each fifth one of 1,024, and some sums, whatever is heard.

mod echo;
mod music;
mod song;
mod spectrum;
mod steady;

use self::{echo::EchoJudge, music::MusicJudge, song::SongJudge, steady::SteadyJudge};
use crate::{
    FRAME_SAMPLES, Frame,
    power::{decibels, squares},
};

/// What a leg does to the talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disturbance {
    /// Noise or a held tone above −45 dBov for five seconds, without speech.
    SteadyNoise,
    /// It returns what it was sent, for three seconds.
    Echo,
    /// Music for eight seconds, without a pause.
    Music,
}

/// A change a [`Witness`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finding {
    /// The leg disturbs from here on.
    Begins(Disturbance),
    /// It has ceased to.
    Ends(Disturbance),
}

/// Listens to one leg.
#[derive(Debug, Clone)]
pub struct Witness {
    steady: SteadyJudge,
    echo: EchoJudge,
    music: MusicJudge,
    song: SongJudge,
    found: Option<Disturbance>,
}

impl Witness {
    /// Makes a witness that has heard nothing.
    pub fn new() -> Self {
        Self {
            steady: SteadyJudge::new(),
            echo: EchoJudge::new(),
            music: MusicJudge::new(),
            song: SongJudge::new(),
            found: None,
        }
    }

    /// Hears a tick of the leg before shaping, and the mix it was sent; returns what changed.
    pub fn hear(&mut self, frame: &Frame, mix: &Frame) -> Option<Finding> {
        let sound = self.judge(frame);
        self.echo.handle(&sound, &Features::of(mix));
        self.report()
    }

    /// Hears a tick of the leg alone, so that echoes are not sought, which costs a third less; returns what changed.
    pub fn hear_alone(&mut self, frame: &Frame) -> Option<Finding> {
        self.judge(frame);
        self.report()
    }

    fn judge(&mut self, frame: &Frame) -> Features {
        let sound = Features::of(frame);
        let changes = self.music.handle(&sound);
        self.song.handle(&sound);
        self.steady.handle(loudness(frame), changes);
        sound
    }

    /// Is told of a tick of the leg that was not decoded; returns what changed.
    pub fn pass(&mut self) -> Option<Finding> {
        self.music.pass();
        self.song.pass();
        self.report()
    }

    /// Returns what disturbs at present.
    pub const fn found(&self) -> Option<Disturbance> {
        self.found
    }

    /// Tells whether it plays music, sung or not.
    const fn is_music(&self) -> bool {
        self.music.is_met() || self.song.is_met()
    }

    fn report(&mut self) -> Option<Finding> {
        if let Some(found) = self.found {
            let lasts = match found {
                Disturbance::SteadyNoise => self.steady.is_met(),
                Disturbance::Echo => self.echo.is_met(),
                Disturbance::Music => self.is_music(),
            };
            if lasts {
                return None;
            }
            self.found = None;
            return Some(Finding::Ends(found));
        }
        // An echo of music is an echo; what is steady is no music.
        self.found = if self.echo.is_met() {
            Some(Disturbance::Echo)
        } else if self.steady.is_met() {
            Some(Disturbance::SteadyNoise)
        } else if self.is_music() {
            Some(Disturbance::Music)
        } else {
            None
        };
        self.found.map(Finding::Begins)
    }
}

impl Default for Witness {
    fn default() -> Self {
        Self::new()
    }
}

/// What the judges look at: the tick at 8 kHz and the loudness of its two halves of the band.
#[derive(Debug)]
struct Features {
    narrow: [f32; NARROW_SAMPLES],
    /// Below and above some 900 Hz, in dBov.
    bands: [f32; 2],
}

impl Features {
    fn of(frame: &Frame) -> Self {
        let mut narrow = [0.0; NARROW_SAMPLES];
        for (narrow, six) in narrow.iter_mut().zip(frame.samples.chunks_exact(FACTOR)) {
            let sum: i32 = six.iter().map(|&sample| i32::from(sample)).sum();
            *narrow = sum as f32 / (FACTOR as f32 * 32_768.0);
        }
        let mut means = [0.0; NARROW_SAMPLES / 4];
        for (mean, four) in means.iter_mut().zip(narrow.chunks_exact(4)) {
            *mean = four.iter().sum::<f32>() / 4.0;
        }
        let low = 4.0 * squares(&means);
        // What the means leave out; rounding must not make it negative.
        let high = (squares(&narrow) - low).max(0.0);
        let bands = [low, high].map(|sum| decibels(sum / NARROW_SAMPLES as f32));
        Self { narrow, bands }
    }
}

/// The level of the whole band in dBov.
fn loudness(frame: &Frame) -> f32 {
    let mut line = [0.0; FRAME_SAMPLES];
    for (line, &sample) in line.iter_mut().zip(&frame.samples) {
        *line = f32::from(sample);
    }
    decibels(squares(&line) / (FRAME_SAMPLES as f32 * 32_768.0 * 32_768.0))
}

/// From 48 to 8 kHz.
const FACTOR: usize = 6;

/// Samples of a tick at 8 kHz.
const NARROW_SAMPLES: usize = FRAME_SAMPLES / FACTOR;

#[cfg(test)]
mod tests;
