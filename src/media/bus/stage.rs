//! Whose sound a tick consists of: of all that may speak the loudest few are decoded, before any sound exists.
//!
//! ```text
//! listen   every leg: what its packets claim, unless it is the noise of its line ─ candidates
//! choose   [`Selector`] ─ the chosen: decode ─ [`Witness`] ─ shape ─ level;  the others' packets pass
//! ```
//!
//! Whoever plays music, as a telephone system does to those who hold, loses the place and is left out of every mix, but
//! decoded on, so that its end is noticed. Where many do, they are listened to in turns.
//!
//! Who speaks beside the conference and not into it, to one or two, has a place of their own: the loudest of the conference take
//! none from them, nor they from those.
//!
//! Invariants: nobody else is decoded who is not chosen, and of those left out no more than [`WATCHED_MAX`] in a tick; a leg
//! without a seat to speak from is no candidate; the focus bounds how many speak beside the conference.

use dsp::{
    ComfortFill, Finding, Frame, Level, Nominee, Selector, Taken, Witness,
    limit::{DEFAULT_SPEAKERS, MAX_SPEAKERS},
};

use super::{Place, announce::Words, row::Member};
use crate::{
    id::LegId,
    limit::{WATCH_TICKS, WATCHED_MAX},
    media::{
        api::{Channels, Disturbance, Event},
        common::Common,
        counters::Counter,
        legs::{Legs, Slot},
    },
};

/// The speakers of one conference.
#[derive(Debug)]
pub(super) struct Stage {
    selector: Selector,
    /// How many are heard at a time, if the worker's load allows.
    places: u8,
    candidates: Vec<Candidate>,
    /// Ordered by leg.
    talkers: Vec<Box<Talker>>,
    spare: Vec<Box<Talker>>,
    ticks: usize,
}

/// One who may speak in this tick.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    leg: LegId,
    slot: Slot,
    place: Place,
    speaks: Channels,
    /// What its packets say; none where that is nothing and it merely has a place yet.
    nomination: Option<Nomination>,
}

/// What is known of a tick before it is decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nomination {
    /// How loud it claims to be.
    pub(super) claim: Level,
    /// How loud that is with the gain of its leg.
    pub(super) as_heard: Level,
    /// It is as loud as the line was for a second or more.
    pub(super) steady: bool,
}

/// One who is heard.
#[derive(Debug)]
pub(in crate::media) struct Talker {
    leg: LegId,
    /// Where it is among the members; none where it takes no part in this tick.
    place: Option<Place>,
    /// Where it is heard in this tick; nowhere while it is silent, or so faint that the noise of a pause covers it.
    pub(super) speaks: Channels,
    /// What it says in this tick.
    pub(super) sound: Frame,
    /// How loud that is.
    pub(super) level: Level,
    /// What it was sent in the tick before.
    heard: Frame,
    /// Ticks in a row in which it said nothing.
    silent: u16,
    /// It is decoded in this tick although it is left out of every mix.
    watched: bool,
    /// It speaks beside the conference and keeps its place for as long as it may speak.
    beside: bool,
    witness: Witness,
}

impl Candidate {
    /// Tells whether it speaks beside the conference only.
    const fn is_beside(&self) -> bool {
        !self.speaks.meets(Channels::MAIN)
    }
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            selector: Selector::new(),
            places: DEFAULT_SPEAKERS,
            candidates: Vec::new(),
            talkers: Vec::new(),
            spare: Vec::with_capacity(usize::from(MAX_SPEAKERS)),
            ticks: 0,
        }
    }

    /// Sets how many are heard at a time.
    pub(super) fn set_places(&mut self, places: u8) {
        self.places = places.clamp(1, MAX_SPEAKERS);
    }

    /// Makes room for so many legs, so that the tick need not.
    pub(super) fn make_room(&mut self, legs: usize) {
        let more = legs.saturating_sub(self.candidates.len());
        self.candidates.reserve(more);
        if self.talkers.len() + self.spare.len() < legs.min(usize::from(MAX_SPEAKERS)) {
            self.spare.push(Box::new(Talker::new()));
        }
        let more = legs.saturating_sub(self.talkers.len());
        self.talkers.reserve(more);
    }

    /// Forgets a leg that has left or may no more speak.
    pub(super) fn remove(&mut self, leg: LegId, common: &mut Common) {
        self.selector.remove(leg.as_u64());
        if let Ok(at) = self.find(leg) {
            self.step_down(at, common);
        }
    }

    /// Begins a tick.
    pub(super) fn begin(&mut self) {
        self.candidates.clear();
        for talker in &mut self.talkers {
            talker.speaks = Channels::NONE;
            talker.place = None;
        }
        self.watch();
    }

    /// Decides who of those left out is listened to in this tick.
    fn watch(&mut self) {
        let left_out = self.talkers.iter().filter(|talker| talker.is_banned());
        let count = left_out.count();
        let turn = self.ticks / WATCH_TICKS;
        let first = (turn * WATCHED_MAX).checked_rem(count).unwrap_or(0);
        self.ticks = self.ticks.wrapping_add(1);
        let left_out = self.talkers.iter_mut().filter(|talker| talker.is_banned());
        for (number, talker) in left_out.enumerate() {
            talker.watched = (number + count - first) % count < WATCHED_MAX;
        }
    }

    /// Where one who has a place is, or would be.
    fn find(&self, leg: LegId) -> Result<usize, usize> {
        self.talkers.binary_search_by_key(&leg, |talker| talker.leg)
    }

    /// Hears what a leg's packets say; tells whether it is a candidate.
    pub(super) fn nominate(
        &mut self,
        member: &Member,
        place: Place,
        nomination: Option<Nomination>,
    ) -> bool {
        let nomination = nomination.filter(|nomination| nomination.claim >= FAINTEST);
        let talker = self.find(member.leg);
        if nomination.is_none() && talker.is_err() {
            return false;
        }
        let banned = talker.is_ok_and(|at| self.talkers[at].is_banned());
        self.candidates.push(Candidate {
            leg: member.leg,
            slot: member.slot,
            place,
            speaks: member.speaks,
            nomination: nomination.filter(|_| !banned),
        });
        true
    }

    /// Chooses the speakers of the tick and decodes them.
    pub(super) fn choose(&mut self, legs: &mut Legs, common: &mut Common) {
        let places = self.places.min(common.effort.speakers);
        if self.selector.places() != usize::from(places) {
            self.selector.set_places(places);
        }
        let nominees = self.candidates.iter().filter_map(|candidate| {
            let nomination = candidate.nomination.filter(|_| !candidate.is_beside())?;
            Some(Nominee {
                id: candidate.leg.as_u64(),
                level: nomination.as_heard,
                steady: nomination.steady,
            })
        });
        self.selector.choose(nominees);
        self.dismiss(common);
        let mut candidates = std::mem::take(&mut self.candidates);
        common.each(
            &mut candidates,
            |candidate| candidate.leg,
            |candidate, common| {
                self.hear(candidate, legs, common);
            },
        );
        self.candidates = candidates;
    }

    /// Returns who is heard in this tick.
    pub(super) fn talkers(&self) -> impl Iterator<Item = &Talker> {
        let talkers = self.talkers.iter();
        talkers
            .map(|talker| &**talker)
            .filter(|talker| talker.speaks != Channels::NONE)
    }

    /// Turns those down who speak into the conference itself, beneath words that are said to all.
    pub(super) fn turn_down(&mut self, words: &Words) {
        let talkers = self.talkers.iter_mut();
        for talker in talkers.filter(|talker| talker.speaks.meets(Channels::MAIN)) {
            words.turn_down(&mut talker.sound);
        }
    }

    /// Returns where those are who have places and take part in this tick, heard or not.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, Place)> {
        let talkers = self.talkers.iter().enumerate();
        talkers.filter_map(|(at, talker)| Some((at, talker.place?)))
    }

    /// Keeps what one who is heard was sent.
    pub(super) fn note_heard(&mut self, at: usize, sound: &Frame) {
        self.talkers[at].heard.clone_from(sound);
    }

    /// Returns one who is heard.
    pub(super) fn talker(&self, at: usize) -> &Talker {
        &self.talkers[at]
    }

    fn hear(&mut self, candidate: &Candidate, legs: &mut Legs, common: &mut Common) {
        let Some(leg) = legs.at(candidate.slot) else {
            return;
        };
        let Some(talker) = self.seat(candidate, common) else {
            let claim = candidate.nomination.map(|nomination| nomination.claim);
            let passed = u64::from(claim.is_some());
            common.counters.add(Counter::FramesPassed, passed);
            leg.rest(common);
            return leg.judge(claim.unwrap_or(Level::SILENCE), common);
        };
        if talker.is_banned() && !talker.watched && leg.is_judged() {
            return leg.judge(Level::SILENCE, common);
        }
        if talker.pauses(candidate.nomination.is_none()) && leg.is_judged() {
            talker.testify(Taken::Silent, true, common);
            return leg.judge(Level::SILENCE, common);
        }
        let taken = leg.decode(&mut talker.sound, common);
        let was_banned = talker.is_banned();
        // Where there is no time to suppress noise there is none to seek echoes; but music would go to everybody. Who was
        // found to disturb is judged as before, so that the end is noticed.
        let wholly = common.effort.noise_suppression || talker.witness.found().is_some();
        if leg.is_judged() {
            talker.testify(taken, wholly, common);
        } else {
            talker.acquit(common);
        }
        let level = if taken == Taken::Silent || talker.is_banned() {
            Level::SILENCE
        } else {
            let level = leg.shape(&mut talker.sound, &talker.heard, common);
            talker.level = talker.sound.level();
            if !ComfortFill::covers(talker.level) {
                talker.speaks = candidate.speaks;
            }
            level
        };
        if talker.is_banned() && !was_banned {
            self.selector.remove(candidate.leg.as_u64());
        }
        leg.judge(level, common);
    }

    /// Returns the place of one who is chosen or listened to, which is kept from tick to tick.
    fn seat(&mut self, candidate: &Candidate, common: &mut Common) -> Option<&mut Talker> {
        let at = match self.find(candidate.leg) {
            Ok(at) => at,
            Err(at) if candidate.is_beside() || self.selector.is_chosen(candidate.leg.as_u64()) => {
                let spare = self.spare.pop().or_else(|| common.talkers.pop());
                let mut talker = spare.unwrap_or_else(|| Box::new(Talker::new()));
                talker.leg = candidate.leg;
                talker.beside = candidate.is_beside();
                self.talkers.insert(at, talker);
                at
            }
            Err(_) => return None,
        };
        let talker = &mut self.talkers[at];
        talker.place = Some(candidate.place);
        Some(talker)
    }

    /// Takes the places of those who are not chosen.
    fn dismiss(&mut self, common: &mut Common) {
        for at in (0..self.talkers.len()).rev() {
            let talker = &self.talkers[at];
            let chosen = talker.beside || self.selector.is_chosen(talker.leg.as_u64());
            if !chosen && !talker.is_banned() {
                self.step_down(at, common);
            }
        }
    }

    fn step_down(&mut self, at: usize, common: &mut Common) {
        let mut talker = self.talkers.remove(at);
        talker.acquit(common);
        talker.forget();
        if self.spare.len() < usize::from(MAX_SPEAKERS) {
            self.spare.push(talker);
        }
    }
}

impl Talker {
    pub(in crate::media) fn new() -> Self {
        Self {
            leg: LegId::from_u64(0),
            place: None,
            speaks: Channels::NONE,
            sound: Frame::SILENCE,
            level: Level::SILENCE,
            heard: Frame::SILENCE,
            silent: 0,
            watched: true,
            beside: false,
            witness: Witness::new(),
        }
    }

    /// Hears whether it says something; tells whether it has said nothing for so long that what it would say is the noise
    /// of its line, which need not be decoded. Its place is kept, as is its decoder warm.
    fn pauses(&mut self, silent: bool) -> bool {
        self.silent = if silent {
            self.silent.saturating_add(1)
        } else {
            0
        };
        self.silent > PAUSE && self.witness.found().is_none()
    }

    fn forget(&mut self) {
        self.speaks = Channels::NONE;
        self.heard = Frame::SILENCE;
        self.silent = 0;
        self.watched = true;
        self.beside = false;
        self.witness = Witness::new();
    }

    /// Ends what the witness found, unless it ended by itself.
    fn acquit(&mut self, common: &mut Common) {
        if self.witness.found().is_some() {
            self.witness = Witness::new();
            common.tell(Event::Disturbs {
                leg: self.leg,
                disturbance: None,
            });
        }
    }

    /// Tells whether it is left out of every mix.
    fn is_banned(&self) -> bool {
        self.witness.found() == Some(dsp::Disturbance::Music)
    }

    /// Lets the witness hear the tick, with what came before it or without, and tells what it found.
    fn testify(&mut self, taken: Taken, wholly: bool, common: &mut Common) {
        let finding = match taken {
            Taken::Played if wholly => self.witness.hear(&self.sound, &self.heard),
            Taken::Played => self.witness.hear_alone(&self.sound),
            // What is made up testifies to nothing: it holds a tone where speech would not.
            Taken::Concealed | Taken::Silent => self.witness.pass(),
        };
        if let Some(finding) = finding {
            common.tell(Event::Disturbs {
                leg: self.leg,
                disturbance: match finding {
                    Finding::Begins(found) => Some(named(found)),
                    Finding::Ends(_) => None,
                },
            });
        }
    }
}

const fn named(disturbance: dsp::Disturbance) -> Disturbance {
    match disturbance {
        dsp::Disturbance::SteadyNoise => Disturbance::SteadyNoise,
        dsp::Disturbance::Echo => Disturbance::Echo,
        dsp::Disturbance::Music => Disturbance::Music,
    }
}

/// Ticks of nothing but a line's noise that are heard behind speech: 200 ms, for the end of a word may be as faint.
const PAUSE: u16 = 10;

/// The faintest claim that makes a candidate: what is below is a line without a voice, whatever the gain.
const FAINTEST: Level = Level::from_rfc6464(65);
