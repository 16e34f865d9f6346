//! The focus (RFC 4353): decides who is in, who hears whom and when it ends. Told inputs, tells effects.
//!
//! After each [`Focus::handle`], drain [`Focus::poll`]. Effects come in this order: [`Effect::Publish`] (one delta for all
//! changes since the last drain), [`Effect::Seats`], then what is said to single participants in the order it happened,
//! at last [`Effect::Ended`]. Roster and seats are both made from the one table of participants, so the legs in the mix
//! are the legs in the roster.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    conference::{
        error::{Dismissal, Refusal},
        event::Event,
        participant::{Disturbance, Door, Participant, Role, Status},
        policy::Speakers,
        rights::{self, Action},
        roster::{ConferenceState, Delta, Snapshot},
    },
    id::{LegId, ParticipantId},
    limit::{LINGER, PARTICIPANTS_MAX},
    pii::Name,
};

/// What a conference is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusConfig {
    /// How long it waits for somebody when nobody is there.
    pub linger: Duration,
    /// How many participants it takes.
    pub capacity: usize,
    /// How many of them are heard at a time, until the room's owner decides otherwise.
    pub speakers: Speakers,
}

impl Default for FocusConfig {
    fn default() -> Self {
        Self {
            linger: LINGER,
            capacity: PARTICIPANTS_MAX,
            speakers: Speakers::default(),
        }
    }
}

/// What a focus is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody with the right secret comes in.
    Join {
        /// Who.
        participant: ParticipantId,
        /// Their leg.
        leg: LegId,
        /// Their name; a telephone's is not taken, for it could hold a number.
        name: Option<Name>,
        /// The role their secret gives.
        role: Role,
        /// The way in.
        door: Door,
    },
    /// Somebody leaves.
    Leave {
        /// Who.
        participant: ParticipantId,
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
    /// A leg whose microphone is off was spoken into.
    SpokeMuted {
        /// The leg.
        leg: LegId,
    },
    /// A leg is gone on the media side.
    LegGone {
        /// The leg.
        leg: LegId,
    },
    /// The room's owner says how many are heard at a time.
    Speakers(Speakers),
    /// The room is no more.
    Withdraw,
    /// The server stops.
    Close,
    /// The conference's media failed.
    Fail,
}

/// What a participant can ask for. There is no verb that opens somebody else's microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Switch the own microphone on or off.
    SetMicrophone(bool),
    /// Switch the own microphone over.
    ToggleMicrophone,
    /// Have the own sound left as it is, or treated again. For browsers: a telephone line needs the treatment.
    SetOriginalSound(bool),
    /// Raise the own hand or lower it.
    SetHand(bool),
    /// Raise the own hand, or lower it if it is raised.
    ToggleHand,
    /// Be told who is here.
    WhoIsHere,
    /// Switch somebody's microphone off.
    Mute(ParticipantId),
    /// Switch the microphones of all guests off; each may switch theirs on again.
    MuteAll,
    /// Ask somebody to switch their microphone on.
    AskToUnmute(ParticipantId),
    /// Lower somebody's hand.
    LowerHand(ParticipantId),
    /// Let guests speak only with the floor, or everybody again.
    SetAskToSpeak(bool),
    /// Give somebody the floor, and take it from who had it.
    GiveFloor(ParticipantId),
    /// Let guests speak only with the floor; where that is so, give it to who asked first.
    NextHand,
    /// Let nobody but moderators in, or everybody again.
    SetLock(bool),
    /// Lock the conference, or open it if it is locked.
    ToggleLock,
    /// Send somebody away.
    Remove(ParticipantId),
    /// End the conference for all.
    End,
}

impl Verb {
    /// Returns what the role must give a right to.
    pub const fn action(self) -> Action {
        match self {
            Self::SetMicrophone(_) | Self::ToggleMicrophone => Action::OwnMicrophone,
            Self::SetOriginalSound(_) => Action::OriginalSound,
            Self::SetHand(_) | Self::ToggleHand => Action::OwnHand,
            Self::WhoIsHere => Action::WhoIsHere,
            Self::Mute(_) => Action::Mute,
            Self::MuteAll => Action::MuteAll,
            Self::AskToUnmute(_) => Action::AskToUnmute,
            Self::LowerHand(_) => Action::LowerHand,
            Self::SetAskToSpeak(_) => Action::AskToSpeak,
            Self::GiveFloor(_) | Self::NextHand => Action::GiveFloor,
            Self::SetLock(_) | Self::ToggleLock => Action::Lock,
            Self::Remove(_) => Action::Remove,
            Self::End => Action::End,
        }
    }
}

/// A leg's place in the conference's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seat {
    /// The others hear it.
    pub speaks: bool,
    /// It hears the others.
    pub hears: bool,
}

/// What a focus tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send the delta to all participants.
    Publish(Delta),
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
    gone: BTreeSet<ParticipantId>,
    state: bool,
    seats: bool,
}

impl Focus {
    /// Begins a conference in which nobody is yet.
    pub fn new(config: FocusConfig, now: Instant) -> Self {
        let until = now + config.linger;
        Self {
            config,
            state: State::Waiting { until },
            participants: BTreeMap::new(),
            legs: BTreeMap::new(),
            ordinals: BTreeMap::new(),
            hinted: BTreeSet::new(),
            conference: ConferenceState::default(),
            hands: 0,
            nobody_asked: None,
            version: 0,
            unpublished: Unpublished::default(),
            notices: VecDeque::new(),
        }
    }

    /// Takes an input. Whoever is unknown is refused or ignored.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Join {
                participant,
                leg,
                name,
                role,
                door,
            } => self.join(participant, leg, name, role, door),
            Input::Leave { participant } => {
                self.take_out(participant, now);
            }
            Input::Act { by, verb } => self.act(by, verb, now),
            Input::Hold { leg, held } => self.hold(leg, held),
            Input::Speaking { leg, speaking } => self.speaking(leg, speaking),
            Input::Disturbs { leg, disturbance } => self.disturbs(leg, disturbance),
            Input::SpokeMuted { leg } => self.spoke_muted(leg),
            Input::LegGone { leg } => {
                if let Some(&participant) = self.legs.get(&leg) {
                    self.dismiss(participant, Dismissal::Lost, now);
                }
            }
            Input::Speakers(speakers) => self.set_speakers(speakers),
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
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Running | State::Over { .. } => None,
        }
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
        if self.unpublished.changed.is_empty() && self.unpublished.gone.is_empty() && !state {
            return None;
        }
        self.version += 1;
        let changed = std::mem::take(&mut self.unpublished.changed);
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
        }))
    }

    fn seats(&mut self) -> Option<Effect> {
        std::mem::take(&mut self.unpublished.seats).then(|| {
            let seat = |participant: &Participant| (participant.leg, Seat::of(participant));
            Effect::Seats(self.participants.values().map(seat).collect())
        })
    }

    fn join(&mut self, id: ParticipantId, leg: LegId, name: Option<Name>, role: Role, door: Door) {
        if let Err(refusal) = self.admits(id, leg, role) {
            self.refuse(id, refusal);
            return;
        }
        let ordinal = self.ordinals.entry(door).or_default();
        *ordinal += 1;
        let participant = Participant {
            id,
            leg,
            name: name.filter(|_| door == Door::Browser),
            ordinal: *ordinal,
            role,
            door,
            status: Status::Connected,
            microphone: false,
            speaking: false,
            original_sound: false,
            hand: None,
            floor: false,
            disturbs: None,
        };
        self.participants.insert(id, participant);
        self.legs.insert(leg, id);
        self.state = State::Running;
        self.unpublished.gone.remove(&id);
        self.changed(id, true);
        let present = u32::try_from(self.participants.len()).unwrap_or(u32::MAX);
        self.tell(id, Event::Admitted { present });
    }

    fn admits(&self, id: ParticipantId, leg: LegId, role: Role) -> Result<(), Refusal> {
        if matches!(self.state, State::Over { .. }) {
            Err(Refusal::Over)
        } else if self.participants.contains_key(&id) || self.legs.contains_key(&leg) {
            Err(Refusal::AlreadyHere)
        } else if self.conference.locked && role != Role::Moderator {
            Err(Refusal::Locked)
        } else if self.participants.len() >= self.config.capacity {
            Err(Refusal::Full)
        } else {
            Ok(())
        }
    }

    fn act(&mut self, by: ParticipantId, verb: Verb, now: Instant) {
        let Some(actor) = self.participants.get(&by) else {
            return;
        };
        let (microphone, hand) = (actor.microphone, actor.hand.is_some());
        if !rights::may(actor.role, verb.action()) {
            self.refuse(by, Refusal::NotAllowed);
            return;
        }
        match verb {
            Verb::SetMicrophone(on) => self.set_microphone(by, on),
            Verb::ToggleMicrophone => self.set_microphone(by, !microphone),
            Verb::SetOriginalSound(on) => self.set_original_sound(by, on),
            Verb::SetHand(up) => self.set_hand(by, up),
            Verb::ToggleHand => self.set_hand(by, !hand),
            Verb::WhoIsHere => self.call_roll(by),
            Verb::Mute(target) => self.mute(by, target),
            Verb::MuteAll => self.mute_all(by),
            Verb::AskToUnmute(target) => self.ask_to_unmute(by, target),
            Verb::LowerHand(target) => self.lower_hand(by, target),
            Verb::SetAskToSpeak(on) => self.set_ask_to_speak(by, on),
            Verb::GiveFloor(target) => self.give_floor(by, target),
            Verb::NextHand => self.next_hand(by, now),
            Verb::SetLock(locked) => self.set_lock(by, locked),
            Verb::ToggleLock => self.set_lock(by, !self.conference.locked),
            Verb::Remove(target) if self.participants.contains_key(&target) => {
                self.dismiss(target, Dismissal::Removed, now);
            }
            Verb::Remove(_) => self.refuse(by, Refusal::NotHere),
            Verb::End => self.end(Dismissal::Ended, now),
        }
    }

    fn set_microphone(&mut self, id: ParticipantId, on: bool) {
        if on && !self.may_speak(id) {
            self.set_hand(id, true);
            return;
        }
        if !self.switch(id, on) {
            return;
        }
        let music = self
            .participants
            .get(&id)
            .is_some_and(Participant::is_music);
        let event = match (on, music) {
            (true, false) => Event::MicrophoneOn,
            (true, true) => Event::MusicMuted,
            (false, _) => Event::MicrophoneOff,
        };
        self.tell(id, event);
    }

    fn mute(&mut self, by: ParticipantId, target: ParticipantId) {
        if by == target {
            self.set_microphone(by, false);
        } else if !self.participants.contains_key(&target) {
            self.refuse(by, Refusal::NotHere);
        } else if self.switch(target, false) {
            self.tell(target, Event::MicrophoneOffByModerator);
        }
    }

    /// Switches a microphone; returns whether that changed anything.
    fn switch(&mut self, id: ParticipantId, on: bool) -> bool {
        let Some(participant) = self.participants.get_mut(&id) else {
            return false;
        };
        if participant.microphone == on {
            return false;
        }
        participant.microphone = on;
        participant.speaking = false;
        self.changed(id, true);
        true
    }

    fn set_original_sound(&mut self, id: ParticipantId, on: bool) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.door == Door::Phone {
            self.refuse(id, Refusal::NotAllowed);
        } else if participant.original_sound != on {
            participant.original_sound = on;
            let leg = participant.leg;
            self.changed(id, false);
            self.notices.push_back(Effect::OriginalSound { leg, on });
        }
    }

    fn hold(&mut self, leg: LegId, held: bool) {
        let status = if held {
            Status::OnHold
        } else {
            Status::Connected
        };
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        if participant.status != status {
            participant.status = status;
            participant.speaking = false;
            let id = participant.id;
            self.changed(id, true);
        }
    }

    fn speaking(&mut self, leg: LegId, speaking: bool) {
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        let speaking = speaking && Seat::of(participant).speaks && !participant.is_music();
        if participant.speaking != speaking {
            participant.speaking = speaking;
            let id = participant.id;
            self.changed(id, false);
        }
    }

    /// Shows what a leg disturbs with. The mixer mutes music by itself and listens on, so no seat changes: when the music
    /// ends, the microphone is what its person made it.
    fn disturbs(&mut self, leg: LegId, disturbance: Option<Disturbance>) {
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        if participant.disturbs == disturbance {
            return;
        }
        let before = std::mem::replace(&mut participant.disturbs, disturbance);
        participant.speaking &= !participant.is_music();
        let (id, speaks) = (participant.id, Seat::of(participant).speaks);
        self.changed(id, false);
        if let Some(event) = disturbing(before, disturbance).filter(|_| speaks)
            && (!event.is_hint() || self.hinted.insert(id))
        {
            self.tell(id, event);
        }
    }

    fn set_speakers(&mut self, speakers: Speakers) {
        if self.config.speakers != speakers {
            self.config.speakers = speakers;
            self.notices.push_back(Effect::Speakers(speakers));
        }
    }

    fn by_leg(&mut self, leg: LegId) -> Option<&mut Participant> {
        self.participants.get_mut(self.legs.get(&leg)?)
    }

    fn dismiss(&mut self, id: ParticipantId, why: Dismissal, now: Instant) {
        let Some(leg) = self.take_out(id, now) else {
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
    }

    fn take_out(&mut self, id: ParticipantId, now: Instant) -> Option<LegId> {
        let participant = self.participants.remove(&id)?;
        self.legs.remove(&participant.leg);
        self.hinted.remove(&id);
        self.unpublished.changed.remove(&id);
        self.unpublished.gone.insert(id);
        self.unpublished.seats = true;
        if self.participants.is_empty() {
            // Who comes next finds it open, not what people have left behind who are gone.
            self.conference = ConferenceState::default();
            self.state = State::Waiting {
                until: now + self.config.linger,
            };
        }
        Some(participant.leg)
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
        self.notices.push_back(Effect::Tell { participant, event });
    }

    fn refuse(&mut self, participant: ParticipantId, refusal: Refusal) {
        self.notices.push_back(Effect::Refuse {
            participant,
            refusal,
        });
    }
}

/// Returns what the person is told whose leg disturbs otherwise than before.
const fn disturbing(before: Option<Disturbance>, after: Option<Disturbance>) -> Option<Event> {
    match (before, after) {
        (_, Some(Disturbance::Music)) => Some(Event::MusicMuted),
        (Some(Disturbance::Music), _) => Some(Event::MusicOver),
        (_, Some(Disturbance::SteadyNoise)) => Some(Event::LineHums),
        (_, Some(Disturbance::Echo)) => Some(Event::LineEchoes),
        (_, None) => None,
    }
}

impl Seat {
    /// Returns the seat that a participant's entry in the roster stands for.
    fn of(participant: &Participant) -> Self {
        let hears = participant.status == Status::Connected;
        Self {
            speaks: hears && participant.microphone,
            hears,
        }
    }
}

mod floor;

#[cfg(test)]
mod tests;
