//! The focus (RFC 4353): decides who is in, who hears whom and when it ends. Told inputs, tells effects.
//!
//! After each [`Focus::handle`], drain [`Focus::poll`]. Effects come in this order: [`Effect::Publish`] (one delta for all
//! changes since the last drain), [`Effect::Seats`], then what is said to all or to single participants in the order it
//! happened, at last [`Effect::Ended`]. Roster and seats are both made from the one table of participants, so the legs in the mix
//! are the legs in the roster.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    conference::{
        acts::{Act, Actor, Done},
        error::{Dismissal, Refusal},
        event::Event,
        participant::{
            Disturbance, Door, Participant, Protection, Quality, Role, Status, Telephone,
        },
        policy::{Policy, Speakers},
        rights::{self, Standing},
        rollcall::{Deed, Label},
        roster::{Audience, ConferenceState, Delta, Snapshot},
        text::Post,
    },
    id::{LegId, ParticipantId, SeatId},
    limit::{LINGER, PARTICIPANTS_MAX},
    pii::{Name, Pii},
};
use apart::Talks;
use away::Away;
use back::{Memory, Parting};
use entry::Entries;
use invite::Invited;
use kept::Keeping;
use lobby::Waiting;
use pair::Pairs;
use text::Lines;

pub use {
    arrival::{Newcomer, Trust},
    invite::{Progress, Unreached},
    verb::Verb,
};

/// What a conference is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusConfig {
    /// How long it waits for somebody when nobody is there.
    pub linger: Duration,
    /// How many participants it takes.
    pub capacity: usize,
    /// What the room's owner has decided, until they decide otherwise.
    pub policy: Policy,
}

impl Default for FocusConfig {
    fn default() -> Self {
        Self {
            linger: LINGER,
            capacity: PARTICIPANTS_MAX,
            policy: Policy::default(),
        }
    }
}

/// What a focus is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody with the right secret comes in.
    Join(Newcomer),
    /// Somebody leaves.
    Leave {
        /// Who.
        participant: ParticipantId,
    },
    /// Somebody's page broke off without a word.
    Lose {
        /// Who.
        participant: ParticipantId,
    },
    /// Another page comes for this seat: whoever has it gives way.
    GiveWay {
        /// The seat.
        seat: SeatId,
    },
    /// A telephone that is in the conference has come by the code that this person's page had shown.
    Pair {
        /// The telephone.
        telephone: ParticipantId,
        /// Whose sound it is to be.
        person: ParticipantId,
    },
    /// Somebody asks for something.
    Act {
        /// Who.
        by: ParticipantId,
        /// For what.
        verb: Verb,
    },
    /// A telephone was put on hold or taken off it.
    Hold {
        /// Its leg.
        leg: LegId,
        /// On hold.
        held: bool,
    },
    /// A leg is protected otherwise than before.
    Protection {
        /// The leg.
        leg: LegId,
        /// How far.
        protection: Protection,
    },
    /// A leg began or ceased to speak.
    Speaking {
        /// The leg.
        leg: LegId,
        /// It speaks.
        speaking: bool,
    },
    /// A leg began to disturb the others, or ceased to.
    Disturbs {
        /// The leg.
        leg: LegId,
        /// With what; none when it ceased.
        disturbance: Option<Disturbance>,
    },
    /// A leg's line carries speech better or worse than before.
    Quality {
        /// The leg.
        leg: LegId,
        /// How well.
        quality: Quality,
    },
    /// Somebody who waits has said their name into this leg, and it is kept, or not.
    SaidName(LegId, bool),
    /// A leg whose microphone is off was spoken into.
    SpokeMuted {
        /// The leg.
        leg: LegId,
    },
    /// A call out of the conference goes on.
    Called {
        /// Who is called.
        participant: ParticipantId,
        /// How.
        progress: Progress,
    },
    /// A call out of the conference is not made.
    NotDialled {
        /// Who asked for it.
        by: ParticipantId,
        /// Why.
        refusal: Refusal,
    },
    /// A leg is gone on the media side.
    LegGone {
        /// The leg.
        leg: LegId,
    },
    /// What the room's owner has decided; what moderators have changed stays, but for what the owner changes too.
    Policy(Policy),
    /// Somebody guesses PINs of the room.
    Guessed,
    /// The room is no more.
    Withdraw,
    /// The server stops.
    Close,
    /// The conference's media failed.
    Fail,
}

/// A leg's place in the conference's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seat {
    /// The others hear it.
    pub speaks: bool,
    /// It hears the others.
    pub hears: bool,
    /// What it speaks into beside the conference, a bit for each channel.
    pub speaks_beside: u64,
    /// What it hears beside the conference.
    pub hears_beside: u64,
}

/// What a focus tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send the delta to all participants.
    Publish(Delta),
    /// Say something to all who are inside, over the talk.
    Announce(Event),
    /// Give the mixer these seats, which are all of them.
    Seats(Vec<(LegId, Seat)>),
    /// Leave a leg's sound as it is, or treat it again.
    OriginalSound {
        /// The leg.
        leg: LegId,
        /// As it is.
        on: bool,
    },
    /// Let the mixer hear so many at a time; until the first of these it is what the conference was made with.
    Speakers(Speakers),
    /// Show what was done to these, who are inside.
    Done {
        /// What.
        done: Done,
        /// Whom to show it.
        seers: Vec<ParticipantId>,
    },
    /// Pass on what somebody has written to these, who are inside and can read.
    Write {
        /// To whom; who wrote it is among them.
        to: Vec<ParticipantId>,
        /// What.
        post: Post,
    },
    /// Tell a participant something.
    Tell {
        /// Whom; a goodbye goes to one who has left the roster.
        participant: ParticipantId,
        /// What.
        event: Event,
    },
    /// Tell a participant that they do not get what they asked for.
    Refuse {
        /// Whom.
        participant: ParticipantId,
        /// Why.
        refusal: Refusal,
    },
    /// End a participant's leg, after the goodbye that was told before.
    Dismiss {
        /// Whom.
        participant: ParticipantId,
        /// The leg.
        leg: LegId,
        /// Why.
        why: Dismissal,
    },
    /// Have somebody called; [`Input::NotDialled`] or a [`Newcomer`] who is invited follows.
    Dial {
        /// Who asks for it.
        by: ParticipantId,
        /// What callers are told of who that is.
        inviter: Label,
        /// What they typed.
        number: Pii<String>,
    },
    /// Show somebody a code by which a telephone becomes their sound.
    OfferPairing {
        /// Whom.
        participant: ParticipantId,
    },
    /// Let a leg, and it alone, hear the name that somebody has said who waits.
    HearName {
        /// Whose leg hears it.
        leg: LegId,
        /// Whose name it is.
        whom: Label,
    },
    /// A moderator trusts newcomers again: what was counted against the room is forgotten.
    AlarmLifted,
    /// The conference has ended; nothing follows.
    Ended,
}

/// One conference.
#[derive(Debug)]
pub struct Focus {
    config: FocusConfig,
    state: State,
    participants: BTreeMap<ParticipantId, Participant>,
    legs: BTreeMap<LegId, ParticipantId>,
    ordinals: BTreeMap<Door, u32>,
    /// Who has been told that their line disturbs; once is enough.
    hinted: BTreeSet<ParticipantId>,
    /// What holds for all.
    conference: ConferenceState,
    /// Hands raised so far: the next one's number.
    hands: u32,
    /// Who found nobody asking for the floor last, and when.
    nobody_asked: Option<(ParticipantId, Instant)>,
    /// What a moderator did last that concerns all, and when.
    deed: Option<(Deed, Instant)>,
    /// Who waits to be let in.
    waiting: Waiting,
    /// Who is being called.
    calls: BTreeMap<ParticipantId, Invited>,
    /// Who talks with somebody who waits.
    talks: Talks,
    /// Who was here, and who may not come again.
    memory: Memory,
    /// What is to outlive the server has changed, or not.
    kept: Keeping,
    /// Who broke off and is likely back in a moment.
    away: Away,
    /// Whose sound is a telephone.
    pairs: Pairs,
    /// What is yet to be said of people who come and go.
    entries: Entries,
    /// What is being typed.
    lines: Lines,
    /// Newcomers with a shared PIN wait until then, because PINs are guessed.
    alarm_until: Option<Instant>,
    version: u64,
    unpublished: Unpublished,
    notices: VecDeque<Effect>,
}

/// Where the conference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody is there; it ends at the instant.
    Waiting { until: Instant },
    /// Somebody is there.
    Running,
    /// It has ended.
    Over { told: bool },
}

/// What the next drain publishes.
#[derive(Debug, Default)]
struct Unpublished {
    changed: BTreeSet<ParticipantId>,
    /// Who began or ceased to speak.
    voices: BTreeSet<ParticipantId>,
    /// Whose line carries speech otherwise.
    lines: BTreeSet<ParticipantId>,
    gone: BTreeSet<ParticipantId>,
    gone_waiting: BTreeSet<ParticipantId>,
    state: bool,
    seats: bool,
}

impl Focus {
    /// Begins a conference in which nobody is yet.
    pub fn new(config: FocusConfig, now: Instant) -> Self {
        let until = now + config.linger;
        let conference = beginning(&config.policy);
        Self {
            config,
            state: State::Waiting { until },
            participants: BTreeMap::new(),
            legs: BTreeMap::new(),
            ordinals: BTreeMap::new(),
            hinted: BTreeSet::new(),
            conference,
            hands: 0,
            nobody_asked: None,
            deed: None,
            waiting: Waiting::default(),
            calls: BTreeMap::new(),
            talks: Talks::default(),
            memory: Memory::default(),
            kept: Keeping::default(),
            away: Away::default(),
            pairs: Pairs::default(),
            entries: Entries::default(),
            lines: Lines::default(),
            alarm_until: None,
            version: 0,
            unpublished: Unpublished::default(),
            notices: VecDeque::new(),
        }
    }

    /// Takes an input. Whoever is unknown is refused or ignored.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Join(newcomer) => self.join(newcomer, now),
            Input::Leave { participant } => self.leave(participant, now),
            Input::Lose { participant } => self.lose(participant, now),
            Input::GiveWay { seat } => self.give_way(seat, now),
            Input::Pair { telephone, person } => self.pair_inside(telephone, person),
            Input::Act { by, verb } => self.act(by, verb, now),
            Input::Hold { leg, held } => self.hold(leg, held),
            Input::Protection { leg, protection } => self.protect(leg, protection, now),
            Input::Speaking { leg, speaking } => self.speaking(leg, speaking),
            Input::Disturbs { leg, disturbance } => self.disturbs(leg, disturbance),
            Input::Quality { leg, quality } => self.judge_line(leg, quality),
            Input::SaidName(leg, kept) => self.said_name(leg, kept),
            Input::SpokeMuted { leg } => self.spoke_muted(leg),
            Input::Called {
                participant,
                progress,
            } => self.progress(participant, progress, now),
            Input::NotDialled { by, refusal } if self.participants.contains_key(&by) => {
                self.refuse(by, refusal);
            }
            Input::NotDialled { .. } => {}
            Input::LegGone { leg } => self.leg_gone(leg, now),
            Input::Policy(policy) => self.set_policy(policy, now),
            Input::Guessed => self.raise_alarm(now),
            // To those inside it is as if a moderator had ended it: whoever removed the room may.
            Input::Withdraw => self.end(Dismissal::Ended, now),
            Input::Close => self.end(Dismissal::Stopping, now),
            Input::Fail => self.end(Dismissal::Failed, now),
        }
    }

    /// Lets a deadline pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Waiting { until } = self.state
            && until <= now
        {
            self.state = State::Over { told: false };
        }
        if self.alarm_until.is_some_and(|until| until <= now) {
            self.outlive_alarm();
        }
        self.give_up_absent(now);
        self.send_home_who_waited_too_long(now);
        self.announce_entries(now);
    }

    /// Returns the next effect, until there is none.
    pub fn poll(&mut self) -> Option<Effect> {
        self.publish()
            .or_else(|| self.seats())
            .or_else(|| self.notices.pop_front())
            .or_else(|| match &mut self.state {
                State::Over { told: told @ false } => {
                    *told = true;
                    Some(Effect::Ended)
                }
                State::Over { told: true } | State::Waiting { .. } | State::Running => None,
            })
    }

    /// Returns when [`Focus::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Running => {
                let waited = self.waiting.longest_until().into_iter();
                let alarm = self.alarm_until.into_iter();
                let said = self.entries.next_at().into_iter();
                let away = self.away.next_at().into_iter().chain(self.pairs.next_at());
                waited.chain(alarm).chain(said).chain(away).min()
            }
            State::Over { .. } => None,
        }
    }

    /// Returns for whose eyes a participant's roster is; none if they are not here.
    pub fn audience(&self, id: ParticipantId) -> Option<Audience> {
        let person = self.pairs.person_of(id).unwrap_or(id);
        let audience = self.participants.get(&person).map(Audience::of);
        // A telephone shows no roster; what its call knows is for anybody's eyes who is inside.
        audience.map(|audience| {
            if person == id {
                audience
            } else {
                Audience::Inside
            }
        })
    }

    /// Returns the roster as it is; to be taken after draining, so that it has the version that was published last.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            version: self.version,
            state: self.conference,
            entries: self.participants.values().cloned().collect(),
        };
        snapshot.sort();
        snapshot
    }

    fn publish(&mut self) -> Option<Effect> {
        let state = std::mem::take(&mut self.unpublished.state);
        self.kept.stale |= state;
        let Unpublished {
            changed,
            voices,
            lines,
            gone,
            gone_waiting,
            ..
        } = &self.unpublished;
        let nobody = changed.is_empty() && voices.is_empty() && lines.is_empty();
        if nobody && gone.is_empty() && gone_waiting.is_empty() && !state {
            return None;
        }
        self.version += 1;
        let changed = std::mem::take(&mut self.unpublished.changed);
        let voices = std::mem::take(&mut self.unpublished.voices);
        let voices = voices.difference(&changed);
        let lines = std::mem::take(&mut self.unpublished.lines);
        let lines = lines.difference(&changed);
        let lines = lines.filter_map(|id| Some((*id, self.participants.get(id)?.quality)));
        let (began, ceased) = voices
            .filter_map(|id| self.participants.get(id))
            .partition::<Vec<&Participant>, _>(|who| who.speaking);
        let ids = |those: Vec<&Participant>| those.into_iter().map(|who| who.id).collect();
        Some(Effect::Publish(Delta {
            version: self.version,
            state: self.conference,
            entries: changed
                .iter()
                .filter_map(|id| self.participants.get(id))
                .cloned()
                .collect(),
            gone: std::mem::take(&mut self.unpublished.gone)
                .into_iter()
                .collect(),
            gone_waiting: std::mem::take(&mut self.unpublished.gone_waiting)
                .into_iter()
                .collect(),
            began: ids(began),
            ceased: ids(ceased),
            lines: lines.collect(),
        }))
    }

    fn seats(&mut self) -> Option<Effect> {
        std::mem::take(&mut self.unpublished.seats).then(|| {
            let seat = |participant: &Participant| {
                let apart = self.seat_apart(participant);
                let seat = apart.unwrap_or_else(|| {
                    let (speaks_beside, hears_beside) = self.beside(participant);
                    Seat {
                        speaks_beside,
                        hears_beside,
                        ..Seat::of(participant)
                    }
                });
                (participant.leg, seat)
            };
            let all = self.participants.values();
            let inside = all.filter(|who| who.is_inside() && !who.away);
            let seated = inside.chain(self.heard_early()).chain(self.addressed());
            Effect::Seats(seated.map(seat).collect())
        })
    }

    fn rename(&mut self, by: ParticipantId, target: ParticipantId, name: Option<Name>) {
        let Some(participant) = self.participants.get_mut(&target) else {
            self.refuse(by, Refusal::NotHere);
            return;
        };
        if participant.name != name {
            participant.name = name;
            self.changed(target, false);
            self.did(by, Act::Renamed, Some(target));
        }
    }

    fn set_policy(&mut self, policy: Policy, now: Instant) {
        let before = std::mem::replace(&mut self.config.policy, policy);
        if before.speakers != policy.speakers {
            self.notices.push_back(Effect::Speakers(policy.speakers));
        }
        if before.lobby != policy.lobby && self.set_lobby(policy.lobby) {
            self.happened(Actor::Owner, policy.lobby.into(), None);
        }
        if before.chat != policy.chat && self.set_chat_rule(policy.chat) {
            self.happened(Actor::Owner, policy.chat.into(), None);
        }
        if !policy.shows_digits {
            self.forget_digits();
        }
        let signal = policy.entrances.signal;
        if before.entrances.signal != signal && self.change_entry_signal(signal) {
            self.happened(Actor::Owner, signal.into(), None);
        }
        if before.entrances.quiet_above != policy.entrances.quiet_above {
            self.conference.quiet_above = policy.entrances.quiet_above;
            self.unpublished.state = true;
        }
        self.dismiss_unprotected(now);
        self.warn_of_norm(before.level);
    }

    fn is_inside(&self, id: ParticipantId) -> bool {
        self.participants
            .get(&id)
            .is_some_and(Participant::is_inside)
    }

    /// The moderators who are inside.
    fn moderators(&self) -> Vec<ParticipantId> {
        let moderates = |who: &&Participant| who.role == Role::Moderator && who.is_inside();
        let moderators = self.participants.values().filter(moderates);
        moderators.map(|who| who.id).collect()
    }

    fn by_leg(&mut self, leg: LegId) -> Option<&mut Participant> {
        self.participants.get_mut(self.legs.get(&leg)?)
    }

    /// Takes somebody out who leaves; of a page and the telephone that is its sound, both where the page leaves.
    fn leave(&mut self, id: ParticipantId, now: Instant) {
        if let Some(person) = self.pairs.person_of(id) {
            self.unpair(person, now);
            return;
        }
        let parted = self.part(id, Parting::Left);
        self.take_out(id, Parting::Left, now);
        if let Some(parted) = parted {
            self.dismiss_telephone(parted, Dismissal::LeftAtPage);
        }
    }

    /// Takes out or marks whose leg is gone.
    fn leg_gone(&mut self, leg: LegId, now: Instant) {
        if let Some(person) = self.pairs.person_by_page(leg) {
            self.break_off(person, Dismissal::Lost, now);
        } else if let Some(&id) = self.legs.get(&leg)
            && !self.put_out(id, Dismissal::Lost, now)
        {
            if self.memory.has_seat(id) {
                self.break_off(id, Dismissal::Lost, now);
            } else {
                self.dismiss(id, Dismissal::Lost, now);
            }
        }
    }

    fn dismiss(&mut self, id: ParticipantId, why: Dismissal, now: Instant) {
        let parted = self.part(id, why.into());
        let Some(leg) = self.take_out(id, why.into(), now) else {
            return;
        };
        if let Some(event) = why.event() {
            self.tell(id, event);
        }
        self.notices.push_back(Effect::Dismiss {
            participant: id,
            leg,
            why,
        });
        if let Some(parted) = parted {
            self.dismiss_telephone(parted, why);
        }
    }

    fn forget_digits(&mut self) {
        for participant in self.participants.values_mut() {
            if participant.ending.take().is_some() {
                self.unpublished.changed.insert(participant.id);
            }
        }
    }

    fn take_out(&mut self, id: ParticipantId, parting: Parting, now: Instant) -> Option<LegId> {
        match parting {
            // Everybody goes, and is told so.
            Parting::Over => {
                self.come_back(id);
            }
            Parting::Left | Parting::Lost | Parting::SentAway => self.leave_talk(id),
        }
        let participant = self.participants.remove(&id)?;
        let leg = participant.leg;
        self.legs.remove(&leg);
        self.hinted.remove(&id);
        self.waiting.forget(id, leg);
        self.forget_call(id);
        self.forget_typist(id);
        self.unpublished.changed.remove(&id);
        self.unpublished.voices.remove(&id);
        self.unpublished.lines.remove(&id);
        if participant.is_inside() {
            self.unpublished.gone.insert(id);
            self.unpublished.seats = true;
        } else if participant.is_called() {
            self.unpublished.gone.insert(id);
        } else {
            self.unpublished.gone_waiting.insert(id);
        }
        let broke_off = self.away.forget(id);
        self.memory.part(&participant, parting, broke_off, now);
        if participant.is_inside() && parting != Parting::Over {
            self.went(&participant, now);
        }
        self.kept.stale = true;
        let nobody = !self.participants.values().any(Participant::is_inside);
        if nobody && !self.memory.awaits(now) {
            // Who comes next finds it open, not what people have left behind who are gone.
            self.deed = None;
            self.conference = ConferenceState {
                alarm: self.conference.alarm,
                callers_wait: self.conference.callers_wait,
                ..beginning(&self.config.policy)
            };
            self.give_up_calls(now);
        }
        if self.participants.is_empty() {
            let until = now + self.config.linger;
            // Whose page broke off finds their conference again, even if they were alone in it.
            let until = self.memory.pages_until().map_or(until, |at| at.max(until));
            self.state = State::Waiting { until };
        }
        Some(leg)
    }

    fn end(&mut self, why: Dismissal, now: Instant) {
        if matches!(self.state, State::Over { .. }) {
            return;
        }
        let everybody: Vec<ParticipantId> = self.participants.keys().copied().collect();
        for id in everybody {
            self.dismiss(id, why, now);
        }
        self.state = State::Over { told: false };
    }

    fn changed(&mut self, id: ParticipantId, seats: bool) {
        self.unpublished.changed.insert(id);
        self.unpublished.seats |= seats;
    }

    fn tell(&mut self, participant: ParticipantId, event: Event) {
        let hearers = self.hearers(participant, Some(event));
        let tell = |participant| Effect::Tell { participant, event };
        self.notices.extend(hearers.map(tell));
    }

    fn refuse(&mut self, participant: ParticipantId, refusal: Refusal) {
        let hearers = self.hearers(participant, None);
        let refuse = |participant| Effect::Refuse {
            participant,
            refusal,
        };
        self.notices.extend(hearers.map(refuse));
    }
}

/// What holds for all where no moderator has decided otherwise.
fn beginning(policy: &Policy) -> ConferenceState {
    ConferenceState {
        lobby: policy.lobby,
        entry_signal: policy.entrances.signal,
        quiet_above: policy.entrances.quiet_above,
        chat: policy.chat,
        ..ConferenceState::default()
    }
}

impl Seat {
    /// Returns the seat that a participant's entry in the roster stands for.
    fn of(participant: &Participant) -> Self {
        let hears = participant.status == Status::Connected && participant.apart.is_none();
        Self {
            speaks: hears && participant.microphone,
            hears,
            ..Self::default()
        }
    }
}

mod act;
mod apart;
mod arrival;
mod away;
mod back;
mod entry;
mod floor;
mod invite;
mod kept;
mod lobby;
mod pair;
mod promote;
mod protection;
mod protocol;
mod sound;
mod text;
mod verb;

#[cfg(test)]
mod tests;
