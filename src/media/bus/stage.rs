//! Whose sound a tick consists of: of all that may speak the loudest few are decoded, before any sound exists.
//!
//! ```text
//! listen   every leg: what its packets claim ─ candidates
//! choose   [`Selector`] ─ the chosen: decode ─ level;  the others' packets pass
//! ```
//!
//! Invariants: nobody is decoded who is not chosen; a leg without a seat to speak from is no candidate.

use dsp::{
    Frame, Level, Nominee, Selector, Taken,
    limit::{DEFAULT_SPEAKERS, MAX_SPEAKERS},
};

use super::{Place, row::Member};
use crate::{
    id::LegId,
    media::{
        api::Channels,
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
    talkers: Vec<Box<Talker>>,
    spare: Vec<Box<Talker>>,
}

/// One who may speak in this tick.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    leg: LegId,
    slot: Slot,
    place: Place,
    speaks: Channels,
    /// What its packets claim; none where it says nothing and merely has a place yet.
    claim: Option<Level>,
}

/// One who is heard.
#[derive(Debug)]
pub(super) struct Talker {
    leg: LegId,
    place: Place,
    /// Where it is heard in this tick; nowhere while it is silent.
    pub(super) speaks: Channels,
    /// What it says in this tick.
    pub(super) sound: Frame,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            selector: Selector::new(),
            places: DEFAULT_SPEAKERS,
            candidates: Vec::new(),
            talkers: Vec::new(),
            spare: Vec::new(),
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
            self.spare.push(Box::new(Talker::SILENT));
        }
        self.talkers.reserve(usize::from(MAX_SPEAKERS));
    }

    /// Forgets a leg that has left or may no more speak.
    pub(super) fn remove(&mut self, leg: LegId) {
        self.selector.remove(leg.as_u64());
        self.dismiss();
    }

    /// Begins a tick.
    pub(super) fn begin(&mut self) {
        self.candidates.clear();
        for talker in &mut self.talkers {
            talker.speaks = Channels::NONE;
        }
    }

    /// Hears what a leg's packets claim; tells whether it is a candidate.
    pub(super) fn nominate(&mut self, member: &Member, place: Place, claim: Option<Level>) -> bool {
        let claim = claim.filter(|level| *level >= FAINTEST);
        if claim.is_none() && !self.selector.is_chosen(member.leg.as_u64()) {
            return false;
        }
        self.candidates.push(Candidate {
            leg: member.leg,
            slot: member.slot,
            place,
            speaks: member.speaks,
            claim,
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
            Some(Nominee {
                id: candidate.leg.as_u64(),
                level: candidate.claim?,
            })
        });
        self.selector.choose(nominees);
        self.dismiss();
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

    /// Returns the places of those who are heard in this tick.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, Place)> {
        let talkers = self.talkers.iter().enumerate();
        talkers
            .filter(|(_, talker)| talker.speaks != Channels::NONE)
            .map(|(at, talker)| (at, talker.place))
    }

    /// Returns one who is heard.
    pub(super) fn talker(&self, at: usize) -> &Talker {
        &self.talkers[at]
    }

    fn hear(&mut self, candidate: &Candidate, legs: &mut Legs, common: &mut Common) {
        let Some(leg) = legs.at(candidate.slot) else {
            return;
        };
        if !self.selector.is_chosen(candidate.leg.as_u64()) {
            common.counters.count(Counter::FramesPassed);
            return leg.judge(candidate.claim.unwrap_or(Level::SILENCE), common);
        }
        let talker = self.seat(candidate);
        let taken = leg.decode(&mut talker.sound, common);
        let level = if taken == Taken::Silent {
            Level::SILENCE
        } else {
            talker.speaks = candidate.speaks;
            talker.sound.level()
        };
        leg.judge(level, common);
    }

    /// Gives a chosen one its place, which it keeps from tick to tick.
    fn seat(&mut self, candidate: &Candidate) -> &mut Talker {
        let mut talkers = self.talkers.iter();
        let found = talkers.position(|talker| talker.leg == candidate.leg);
        let at = found.unwrap_or_else(|| {
            let spare = self.spare.pop();
            self.talkers
                .push(spare.unwrap_or_else(|| Box::new(Talker::SILENT)));
            self.talkers.len() - 1
        });
        let talker = &mut self.talkers[at];
        talker.leg = candidate.leg;
        talker.place = candidate.place;
        talker
    }

    /// Takes the places of those who are not chosen.
    fn dismiss(&mut self) {
        let mut at = 0;
        while at < self.talkers.len() {
            if self.selector.is_chosen(self.talkers[at].leg.as_u64()) {
                at += 1;
            } else {
                self.spare.push(self.talkers.remove(at));
            }
        }
    }
}

impl Talker {
    const SILENT: Self = Self {
        leg: LegId::from_u64(0),
        place: Place { row: 0, at: 0 },
        speaks: Channels::NONE,
        sound: Frame::SILENCE,
    };
}

/// The faintest claim that makes a candidate: what is below is a line without a voice, whatever the gain.
const FAINTEST: Level = Level::from_rfc6464(65);
