//! How loud a tick is, told from its packets before anything is decoded.
//!
//! The sender's word (RFC 6464) comes first, as long as it holds: each tick that was decoded, and for G.711 and G.722 each
//! tick, is compared with what it said. A word that is off by more than 10 dB for a second is believed no more, nor
//! is one that is off in every second tick for two: only a row of true ticks redeems. Without it
//! G.711 is measured by a table, G.722 by its step's logarithm, and Opus is guessed from its packets: whether libopus found
//! voice (the flags at the front of SILK's part, RFC 6716 §4.2.3), or how long they are among their like, and how loud such
//! packets of this leg were when they were decoded.
//!
//! Before anything of a leg was decoded nothing is known of what its active packets hold; then the first of them are decoded
//! before they claim anything ([`Claims::is_unknown`]). Many lines of which nothing is known would otherwise all be
//! candidates together, and who really speaks would wait until the last of them was heard to be noise.
//!
//! A word too quiet would keep a leg from ever being decoded, as would a guess learned of a line's noise keep the voice that
//! comes after it. So a leg whose packets contradict a word of silence, or look like sound that is guessed to be noise, is
//! probed: a tick of it is decoded now and then although nobody hears it.

use crate::{
    Codec, Level,
    codec::{g711::Law, g722::StepTrack, opus::Look},
};

/// What the packets say of a tick's loudness, whether it is decoded or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// How loud the tick is.
    pub level: Level,
    /// False if the sender was found to claim levels that are not so; then the level is our own estimate.
    pub trusted: bool,
}

/// Makes the claims of one leg.
#[derive(Debug)]
pub(crate) struct Claims {
    meter: Meter,
    tick: Tick,
    word: Word,
    /// What was claimed last: made-up sound goes on as loud.
    last: Level,
}

impl Claims {
    pub(crate) fn new(codec: Codec) -> Self {
        Self {
            meter: match codec {
                Codec::Pcmu => Meter::G711(Law::Mu),
                Codec::Pcma => Meter::G711(Law::A),
                Codec::G722 => Meter::G722(StepTrack::default()),
                Codec::Opus => Meter::Opus(Guess::new()),
            },
            tick: Tick::default(),
            word: Word::default(),
            last: Level::SILENCE,
        }
    }

    /// Looks at a payload that is wholly or partly of this tick.
    ///
    /// `part` are the bytes of the tick where a byte is a unit of time.
    pub(crate) fn look(
        &mut self,
        payload: &[u8],
        part: std::ops::Range<usize>,
        header: Option<Level>,
    ) {
        let tick = &mut self.tick;
        let part = payload.get(part).unwrap_or(payload);
        match &mut self.meter {
            Meter::G711(law) => {
                tick.sum += law.energy(part);
                tick.bytes += part.len();
            }
            Meter::G722(track) => {
                tick.sum += track.hear(part);
                tick.bytes += part.len();
            }
            Meter::Opus(guess) => {
                let look = crate::codec::opus::look(payload);
                if look == Look::Nothing {
                    return;
                }
                tick.active |= guess.is_active(look, payload.len());
            }
        }
        tick.sounds = true;
        tick.header = tick.header.max(header);
    }

    /// Hears sound of this tick that was decoded before.
    pub(crate) fn hear(&mut self, level: Level) {
        self.tick.sounds = true;
        self.tick.decoded = self.tick.decoded.max(Some(level));
    }

    /// Hears that sound of this tick has to be made up.
    pub(crate) fn miss(&mut self) {
        self.tick.sounds = true;
        self.tick.decoded = self.tick.decoded.max(Some(self.last));
    }

    /// Makes the claim of this tick; none if nothing was looked at that sounds.
    pub(crate) fn claim(&mut self) -> Option<Claim> {
        let tick = std::mem::take(&mut self.tick);
        if !tick.sounds {
            self.last = Level::SILENCE;
            self.word.said = None;
            return None;
        }
        if let Meter::Opus(guess) = &mut self.meter {
            guess.active = tick.active;
        }
        let own = self.meter.level(&tick);
        let exact = !matches!(self.meter, Meter::Opus(_));
        if let (Some(said), Some(own), true) = (tick.header, own, exact) {
            self.word.compare(said, own);
        }
        self.word.said = tick.header;
        if !exact {
            self.word.doubt(tick.active, own);
        }
        let word = tick.header.filter(|_| !self.word.broken);
        let level = word.or(own).max(tick.decoded).unwrap_or(self.last);
        self.last = level;
        Some(Claim {
            level,
            trusted: !self.word.broken,
        })
    }

    /// Learns how loud the tick of the last claim was when it was decoded.
    pub(crate) fn learn(&mut self, level: Level) {
        self.word.doubts = 0;
        if let Meter::Opus(guess) = &mut self.meter {
            guess.learn(level);
            if let Some(said) = self.word.said {
                self.word.compare(said, level);
            }
        }
    }

    /// Tells whether the claim just made is a guess of which nothing was learned yet, and therefore worth nothing.
    pub(crate) const fn is_unknown(&self) -> bool {
        self.is_new(1)
    }

    /// Tells whether so little was learned for the claim just made that the tick had better be decoded first.
    pub(crate) const fn wants_look(&self) -> bool {
        self.is_new(FIRST_LOOKS)
    }

    const fn is_new(&self, looks: u16) -> bool {
        let has_word = self.word.said.is_some() && !self.word.broken;
        match &self.meter {
            Meter::Opus(guess) => !has_word && guess.active && guess.looks < looks,
            Meter::G711(_) | Meter::G722(_) => false,
        }
    }

    /// Learns how loud the tick of the claim just made is, before anybody is chosen by it.
    pub(crate) fn learn_look(&mut self, level: Level) {
        self.learn(level);
        self.last = level;
    }

    /// Tells whether a tick should be decoded although nobody hears it, to see whether the sender's silence is none; and if
    /// so, how many ticks of doubt there are more than it takes.
    pub(crate) const fn wants_probe(&self) -> Option<u16> {
        self.word.doubts.checked_sub(self.word.patience())
    }

    /// Learns how loud a probe was.
    pub(crate) fn learn_probe(&mut self, level: Level) {
        self.word.confirmed = if i32::from(level.as_dbov()) <= QUIET {
            self.word.confirmed.saturating_add(1).min(MOST_CONFIRMED)
        } else {
            0
        };
        for _ in 0..PROBE_WEIGHT {
            self.learn(level);
        }
    }

    /// Tells whether the sender's word is believed no more.
    pub(crate) const fn is_broken(&self) -> bool {
        self.word.broken
    }

    /// Forgets the stream.
    pub(crate) fn reset(&mut self) {
        self.tick = Tick::default();
        // Who was found to claim what is not so is not believed again by beginning anew.
        self.word = Word {
            against: self.word.against,
            broken: self.word.broken,
            ..Word::default()
        };
        self.last = Level::SILENCE;
        match &mut self.meter {
            Meter::G711(_) => {}
            Meter::G722(track) => *track = StepTrack::default(),
            Meter::Opus(guess) => *guess = Guess::new(),
        }
    }
}

/// What was seen of one tick.
#[derive(Debug, Default)]
struct Tick {
    sounds: bool,
    header: Option<Level>,
    /// Of what was decoded before or is made up.
    decoded: Option<Level>,
    sum: u64,
    bytes: usize,
    active: bool,
}

#[derive(Debug)]
enum Meter {
    G711(Law),
    G722(StepTrack),
    Opus(Guess),
}

impl Meter {
    fn level(&self, tick: &Tick) -> Option<Level> {
        match self {
            Self::G711(_) => (tick.bytes > 0).then(|| Level::of_energy(tick.sum, tick.bytes)),
            Self::G722(_) => {
                let mean = tick.sum.checked_div(tick.bytes as u64)?;
                // 6 dB to the octave of 2,048.
                let above = u8::try_from(mean * 602 / 204_800).unwrap_or(u8::MAX);
                Some(Level::from_rfc6464(G722_LEAST.saturating_sub(above)))
            }
            Self::Opus(guess) => Some(guess.level(tick.active)),
        }
    }
}

/// The sender's word on its loudness.
#[derive(Debug, Default)]
struct Word {
    /// What it said of this tick.
    said: Option<Level>,
    /// What was measured in the tick before: sound lies up to a tick later in the packets than the sender measured it.
    before: Option<Level>,
    /// Ticks that contradicted it, less those of a row that did not.
    against: u8,
    /// Ticks in a row that did not contradict it.
    agreed: u8,
    broken: bool,
    /// Ticks that look like sound and are claimed to be none, since one was decoded.
    doubts: u16,
    /// Probes in a row that found silence.
    confirmed: u8,
}

impl Word {
    /// How many doubts a probe takes: the more it has proved true, the more. Our own guess is worth less than a word.
    const fn patience(&self) -> u16 {
        if self.said.is_some() && !self.broken {
            DOUBTS << self.confirmed
        } else {
            DOUBTS_OF_GUESS
        }
    }

    fn compare(&mut self, said: Level, measured: Level) {
        let before = self.before.replace(measured).unwrap_or(measured);
        let dbov = |level: Level| i32::from(level.as_dbov()).max(QUIET);
        let (low, high) = (
            dbov(measured.min(before)) - TOLERANCE,
            dbov(measured.max(before)) + TOLERANCE,
        );
        if (low..=high).contains(&dbov(said)) {
            self.agreed = self.agreed.saturating_add(1);
            self.against -= u8::from(self.agreed > REDEEMS && self.against > 0);
            return;
        }
        self.agreed = 0;
        self.against += 1;
        if self.against >= BREAKS {
            self.broken = true;
            self.against = 0;
        }
    }

    /// Counts a tick that looks like sound against a word of near silence; without a word to believe, against our own guess,
    /// which may have been learned of noise.
    fn doubt(&mut self, active: bool, own: Option<Level>) {
        let (level, quiet) = match self.said {
            Some(said) if !self.broken => (Some(said), QUIET),
            _ => (own, SURELY_SOUND),
        };
        let quiet = level.is_some_and(|level| i32::from(level.as_dbov()) <= quiet);
        if quiet && active {
            self.doubts = self.doubts.saturating_add(1);
        } else {
            self.doubts = self.doubts.saturating_sub(1);
        }
    }
}

/// What Opus packets of a leg look like, and how loud they were.
#[derive(Debug)]
struct Guess {
    /// Bytes of the shortest and longest packets of late, in sixteenths.
    shortest: u32,
    longest: u32,
    /// Loudness of ticks that looked active and that did not, in hundredths of a dBov.
    levels: [i32; 2],
    /// Active ticks that were decoded.
    looks: u16,
    active: bool,
}

impl Guess {
    const fn new() -> Self {
        Self {
            shortest: u32::MAX,
            longest: 0,
            levels: [-65_00, -30_00],
            looks: 0,
            active: false,
        }
    }

    fn is_active(&mut self, look: Look, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(0) * 16;
        self.shortest = self.shortest.saturating_add(2).min(bytes);
        self.longest = self.longest.saturating_sub(2).max(bytes);
        match look {
            Look::Nothing | Look::Quiet => false,
            Look::Voice => true,
            // Packets all of a length say nothing: what cannot be told apart counts as sound.
            Look::Unknown => {
                self.longest < self.shortest * 2
                    || bytes > self.shortest + (self.longest - self.shortest) / 3
            }
        }
    }

    fn level(&self, active: bool) -> Level {
        let most = if active { FAINTEST_ACTIVE } else { 127 };
        let level = self.levels[usize::from(active)] / -100;
        Level::from_rfc6464(u8::try_from(level.clamp(0, most)).unwrap_or(127))
    }

    /// Learns what such packets hold: a voice at once, and its pauses slowly, so that its words hold together. Of the first
    /// active ones it is their mean.
    fn learn(&mut self, level: Level) {
        let mut slowest = i32::MAX;
        if self.active {
            self.looks = self.looks.saturating_add(1);
            slowest = i32::from(self.looks);
        }
        let known = &mut self.levels[usize::from(self.active)];
        let more = i32::from(level.as_dbov()) * 100 - *known;
        *known += more / if more > 0 { RISE } else { FALL }.min(slowest);
    }
}

/// dB by which a word may differ from the measurement.
const TOLERANCE: i32 = 10;

/// dBov at or below which all is quiet, however different.
const QUIET: i32 = -60;

/// Ticks of contradiction that break a word: a second.
const BREAKS: u8 = 50;

/// Ticks in a row that have to agree before further ones count for a word: who lies as often as that is found out, and honest
/// senders, who differ where a sound begins or ends, have longer rows between.
const REDEEMS: u8 = 4;

/// Ticks that look like sound under a word of silence before a probe: a second.
const DOUBTS: u16 = 50;

/// Doublings of that where probe after probe finds silence: half a minute. A room of open microphones is silent for long.
const MOST_CONFIRMED: u8 = 5;

/// Ticks a probe counts for.
const PROBE_WEIGHT: u8 = 17;

/// The same under a guess: what a faint voice may lose of its first syllable.
const DOUBTS_OF_GUESS: u16 = 8;

/// Active ticks of a leg that are decoded before their claim is worth something, where there is time for it: the first may
/// be the faint beginning of a word.
const FIRST_LOOKS: u16 = 3;

/// Parts of the way to what is measured that a guess goes with one tick, up and down.
const RISE: i32 = 4;
const FALL: i32 = 16;

/// −dBov that what looks active is claimed at least, however faint it was: no more than a line's noise, which may look so
/// too, so that lines without a voice hold no places and are not decoded.
const FAINTEST_ACTIVE: i32 = 60;

/// dBov above which a guess is sound that no [`LineNoise`](crate::LineNoise) hides, and needs no probe.
const SURELY_SOUND: i32 = -50;

/// −dBov of G.722 at its smallest step.
const G722_LEAST: u8 = 65;
