//! One conference's mix: who hears whom is the focus's word, what they hear is computed here.
//!
//! ```text
//! listen   every leg: what its packets claim, how it hears        no sound yet
//! choose   the loudest few of those who may speak: decode          [`stage`]
//! advance  what is said over them                                  [`announce`]
//! speak    each row of the matrix: sum, encode once per key,
//!          copy behind every listener's RTP header                 [`row`]
//! ```
//!
//! The bus keeps the roster as all participants see it, whole or by partial notifications (RFC 4575 §3), and a change
//! costs what it names, however many are in. There is no second opinion on who is in: an attached leg that the roster
//! does not name is cut, and one that waits for its first roster neither hears nor is heard.

mod announce;
mod row;
mod stage;

pub(super) use self::stage::Talker;

use std::time::Instant;

use self::{
    announce::Announcer,
    row::{Member, Row},
    stage::Stage,
};
use super::{
    api::{Channels, Event, Gone, Seat},
    common::Common,
    counters::Counter,
    legs::{Legs, Slot},
    player::Player,
    probes::ProbeQueue,
    tick::Clock,
};
use crate::id::{ConferenceId, LegId, LegMap};

/// The mix of one conference.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) clock: Clock,
    rows: Vec<Row>,
    /// Where each attached leg is.
    places: LegMap<Place>,
    /// The roster as all participants see it.
    roster: LegMap<Seat>,
    /// Attached legs that no roster has named yet.
    arriving: Vec<LegId>,
    stage: Stage,
    announcer: Announcer,
    queue: ProbeQueue,
    /// The next tick or command panics.
    fault: bool,
}

/// Where a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    row: usize,
    at: usize,
}

impl Bus {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            rows: Vec::new(),
            places: LegMap::default(),
            roster: LegMap::default(),
            arriving: Vec::new(),
            stage: Stage::new(),
            announcer: Announcer::default(),
            queue: ProbeQueue::default(),
            fault: false,
        }
    }

    /// Attaches a leg.
    pub(super) fn join(&mut self, leg: LegId, slot: Slot, now: Instant) {
        assert!(!self.fault, "injected fault");
        let seat = self.roster.get(&leg).copied();
        if seat.is_none() {
            self.arriving.push(leg);
        }
        let seat = seat.unwrap_or_default();
        self.sit_down(Member::new(leg, slot, seat.speaks), seat.hears);
        self.stage.make_room(self.places.len());
        self.clock.start(now);
    }

    /// Detaches a leg.
    pub(super) fn leave(&mut self, leg: LegId, common: &mut Common) {
        self.stage.remove(leg, common);
        self.announcer.forget(leg);
        self.arriving.retain(|arriving| *arriving != leg);
        self.stand_up(leg, common);
        if self.places.is_empty() {
            self.clock.stop();
        }
    }

    /// Takes the whole roster.
    pub(super) fn handle_roster(&mut self, seats: Vec<(LegId, Seat)>, common: &mut Common) {
        assert!(!self.fault, "injected fault");
        self.arriving.clear();
        self.roster = seats.iter().copied().collect();
        for (leg, seat) in seats {
            self.reseat(leg, seat, common);
        }
        for leg in self.members().collect::<Vec<_>>() {
            if !self.roster.contains_key(&leg) {
                cut(leg, common);
            }
        }
    }

    /// Takes the entries of the roster that have changed and those that are gone.
    pub(super) fn handle_changes(
        &mut self,
        changed: Vec<(LegId, Seat)>,
        gone: &[LegId],
        common: &mut Common,
    ) {
        for leg in gone {
            self.roster.remove(leg);
            if self.places.contains_key(leg) {
                cut(*leg, common);
            }
        }
        for (leg, seat) in changed {
            self.roster.insert(leg, seat);
            self.reseat(leg, seat, common);
        }
        for leg in std::mem::take(&mut self.arriving) {
            if !self.roster.contains_key(&leg) {
                cut(leg, common);
            }
        }
    }

    /// Sets how many are heard at a time.
    pub(super) fn set_speakers(&mut self, most: u8) {
        self.stage.set_places(most);
    }

    /// Says clips to all, over the talk.
    pub(super) fn announce(
        &mut self,
        own: ConferenceId,
        player: Player,
        softly: bool,
        common: &mut Common,
    ) {
        let token = player.token();
        let said = self.announcer.announce(own, player, softly, &common.clips);
        if let Err(why) = said {
            common.counters.count(Counter::WordsRefused);
            common.tell(Event::Announced {
                conference: own,
                token,
                outcome: Err(why),
            });
        }
    }

    /// Says clips to a leg that hears a mix, over that.
    pub(super) fn whisper(&mut self, leg: LegId, player: Player, common: &mut Common) {
        let token = player.token();
        if let Err(why) = self.announcer.whisper(leg, player, &common.clips) {
            common.counters.count(Counter::WordsRefused);
            common.tell(Event::Unplayed { leg, token, why });
        }
    }

    /// Breaks off what is whispered to a leg.
    pub(super) fn hush(&mut self, leg: LegId) {
        self.announcer.hush(leg);
    }

    /// Tells whether an attached leg hears others.
    pub(super) fn hears(&self, leg: LegId) -> bool {
        let place = self.places.get(&leg);
        place.is_some_and(|place| self.rows[place.row].hears != Channels::NONE)
    }

    /// Returns the attached legs.
    pub(super) fn members(&self) -> impl Iterator<Item = LegId> {
        let members = self.rows.iter().flat_map(|row| &row.members);
        members.map(|member| member.leg)
    }

    /// Returns how many legs are attached.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Lets the next tick or command panic.
    pub(super) const fn inject_fault(&mut self) {
        self.fault = true;
    }

    /// Runs the tick that lies at `at`.
    pub(super) fn tick(&mut self, at: Instant, legs: &mut Legs, common: &mut Common, now: Instant) {
        assert!(!self.fault, "injected fault");
        let Self {
            rows,
            places,
            stage,
            announcer,
            queue,
            ..
        } = self;
        common.hush.begin(at);
        stage.begin();
        common.probes.begin_tick(*queue);
        for (number, row) in rows.iter_mut().enumerate() {
            row.listen(number, at, stage, legs, common, now);
        }
        *queue = common.probes.end_tick();
        stage.choose(legs, common);
        for (talker, place) in stage.places() {
            rows[place.row].members[place.at].talks = Some(talker);
        }
        announcer.advance(common);
        for (whisper, leg) in announcer.whispers() {
            if let Some(place) = places.get(&leg) {
                rows[place.row].members[place.at].whisper = Some(whisper);
            }
        }
        if let Some(words) = announcer.announcement() {
            stage.turn_down(words);
        }
        for row in rows {
            row.speak(stage, announcer, legs, common);
        }
    }

    /// Moves a leg to the seat the roster gives it.
    fn reseat(&mut self, leg: LegId, seat: Seat, common: &mut Common) {
        let Some(place) = self.places.get(&leg).copied() else {
            return;
        };
        let before = self.rows[place.row].members[place.at].speaks;
        let into = |speaks: Channels| speaks.meets(Channels::MAIN);
        // Whoever speaks elsewhere gives up their place among the loudest.
        if seat.speaks == Channels::NONE || into(seat.speaks) != into(before) {
            self.stage.remove(leg, common);
        }
        let row = &mut self.rows[place.row];
        if row.hears == seat.hears {
            row.members[place.at].speaks = seat.speaks;
        } else if let Some(mut member) = self.stand_up(leg, common) {
            member.speaks = seat.speaks;
            self.sit_down(member, seat.hears);
        }
    }

    fn sit_down(&mut self, member: Member, hears: Channels) {
        let found = self.rows.iter().position(|row| row.hears == hears);
        let vacant = || self.rows.iter().position(|row| row.members.is_empty());
        let number = found.or_else(vacant).unwrap_or(self.rows.len());
        if number == self.rows.len() {
            self.rows.push(Row::new(hears));
        }
        let row = &mut self.rows[number];
        row.hears = hears;
        let place = Place {
            row: number,
            at: row.members.len(),
        };
        self.places.insert(member.leg, place);
        row.members.push(member);
    }

    fn stand_up(&mut self, leg: LegId, common: &mut Common) -> Option<Member> {
        let place = self.places.remove(&leg)?;
        let row = &mut self.rows[place.row];
        let member = row.remove(place.at, common);
        if let Some(moved) = row.members.get(place.at) {
            self.places.insert(moved.leg, place);
        }
        Some(member)
    }
}

fn cut(leg: LegId, common: &mut Common) {
    common.counters.count(Counter::LegsWithoutRoster);
    common.gone.push((leg, Gone::NotInRoster));
}
