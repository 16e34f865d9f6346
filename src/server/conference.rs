//! The task of one conference: drives a [`Focus`], tells its participants, and keeps the bus equal to the roster.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use dsp::Shaping;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    Notice, Sound,
    caller::Marks,
    census::Census,
    dial_out::{Dialling, Switchboard},
    guard::Guard,
    joining::{Entered, Joining},
    keeper::Keeper,
    names::{Names, SpokenName},
    pairing::Pairings,
    prompts::Prompts,
    recordings::Recordings,
    router::Note,
    speech::{Spoken, Unspoken},
};
use crate::limit::{CONFERENCE_SWEEP_INTERVAL, SPOKEN_NAME_LATE};
use crate::{
    clock::Clock,
    conference::{
        acts::Done,
        claim::Claim,
        error::Refusal,
        event::Event,
        focus::{Effect, Focus, FocusConfig, Input, Newcomer, Progress, Seat, Verb},
        kept::Kept,
        participant::{Disturbance, Door, Protection, Quality},
        policy::{Policy, Speakers},
        rollcall::Label,
        roster::{Audience, Delta},
        text::Post,
    },
    id::{ConferenceId, LegId, ParticipantId, RoomId},
    media::{
        api::{self, Channels, Command},
        pool::Pool,
    },
    pii::Pii,
};
use back::Shelved;

mod back;
mod names;
mod pairing;

/// What a conference's task is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// Somebody with the right secret comes in.
    Join(Box<Joining>),
    /// A participant does something, if this is their leg.
    Act {
        by: ParticipantId,
        leg: LegId,
        verb: Verb,
    },
    /// A participant leaves, if this is their leg.
    Leave {
        participant: ParticipantId,
        leg: LegId,
    },
    /// A participant's page broke off, if this is their leg.
    Lose {
        participant: ParticipantId,
        leg: LegId,
    },
    /// Would a claim lead back to a seat?
    Expects {
        claim: Box<Claim>,
        reply: oneshot::Sender<bool>,
    },
    /// A telephone that is in the conference becomes somebody's sound, if this is its leg.
    Pair {
        telephone: ParticipantId,
        leg: LegId,
        person: ParticipantId,
    },
    /// Somebody who waits is about to say their name.
    RecordName { participant: ParticipantId },
    /// A leg was listened to for a name.
    Recorded { leg: LegId, heard: bool },
    /// A telephone is put on hold or taken back.
    Hold { leg: LegId, held: bool },
    /// A leg is protected otherwise than before.
    Protection { leg: LegId, protection: Protection },
    /// A leg began or ceased to speak.
    Speaking { leg: LegId, speaking: bool },
    /// A leg began or ceased to disturb the others.
    Disturbs {
        leg: LegId,
        disturbance: Option<Disturbance>,
    },
    /// A leg's line carries speech better or worse.
    Quality { leg: LegId, quality: Quality },
    /// A leg that may not speak was spoken into.
    SpokeMuted { leg: LegId },
    /// A call out of the conference goes on.
    Called {
        participant: ParticipantId,
        progress: Progress,
    },
    /// A call out of the conference is not made.
    NotDialled { by: ParticipantId, refusal: Refusal },
    /// What is somebody called as sound, at this moment?
    NameOf {
        whom: Label,
        reply: oneshot::Sender<Option<SpokenName>>,
    },
    /// A leg has ended on the media side.
    LegGone { leg: LegId },
    /// The bus failed; nobody can hear anybody.
    BusFailed,
    /// The room's owner has decided.
    Policy(Policy),
    /// Somebody guesses PINs of the room.
    Guessed,
    /// The room is no more.
    Withdraw,
    /// The server stops.
    Close,
}

struct Member {
    notices: mpsc::Sender<Notice>,
    /// Missed a delta because its queue was full; the next notice is a whole roster.
    behind: bool,
    /// For whose eyes what they know is; where that changes, the next notice is a whole roster too.
    audience: Option<Audience>,
}

/// What every conference uses of the server.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) pool: Arc<Pool>,
    pub(super) notes: mpsc::Sender<Note>,
    pub(super) census: Arc<Census>,
    pub(super) prompts: Prompts,
    pub(super) sound: Sound,
    pub(super) guard: Arc<Mutex<Guard>>,
    pub(super) pairings: Arc<Mutex<Pairings>>,
    /// The time of day at which something is done.
    pub(super) wall: Arc<dyn Clock>,
    pub(super) keeper: Keeper,
    pub(super) switchboard: Arc<Switchboard>,
}

/// The task's state.
pub(super) struct Task {
    id: ConferenceId,
    room: RoomId,
    worker: usize,
    means: Means,
    policy: Policy,
    marks: Marks,
    focus: Focus,
    members: BTreeMap<ParticipantId, Member>,
    /// The seats as the bus knows them.
    seated: BTreeMap<LegId, Seat>,
    /// The seats have changed since the bus was given all of them.
    unchecked: bool,
    names: Names,
    recordings: Recordings,
    /// Names that are being spoken.
    speaking: JoinSet<(u64, Result<Spoken, Unspoken>)>,
    /// What is yet to be announced, with the time until which it waits for the name in it.
    announcements: VecDeque<(Event, Instant)>,
    ended: bool,
    /// What outlives the server.
    kept: Shelved,
    /// The way back here for calls that are made; it does not keep the conference alive.
    own: Option<mpsc::WeakSender<Message>>,
}

impl Task {
    /// Makes the task of a room's conference, which may have outlived the server.
    pub(super) fn new(
        (id, room): (ConferenceId, RoomId),
        worker: usize,
        means: Means,
        (policy, kept): (Policy, Option<Kept>),
        marks: Marks,
    ) -> Self {
        let config = FocusConfig {
            policy,
            ..FocusConfig::default()
        };
        let focus = match kept {
            Some(kept) => Focus::restored(config, kept, clock()),
            None => Focus::new(config, clock()),
        };
        Self {
            id,
            room,
            worker,
            means,
            policy,
            marks,
            focus,
            members: BTreeMap::new(),
            seated: BTreeMap::new(),
            unchecked: false,
            names: Names::default(),
            recordings: Recordings::default(),
            speaking: JoinSet::new(),
            announcements: VecDeque::new(),
            ended: false,
            kept: Shelved::default(),
            own: None,
        }
    }

    /// Runs the conference to its end; returns its room for the factory.
    pub(super) async fn run(
        mut self,
        own: mpsc::Sender<Message>,
        mut inbox: mpsc::Receiver<Message>,
    ) -> RoomId {
        tracing::info!(conference = %self.id, "conference began");
        self.means.census.conference_began();
        let _ = self
            .means
            .notes
            .send(Note::Started {
                conference: self.id,
                inbox: own.clone(),
            })
            .await;
        self.own = Some(own.downgrade());
        drop(own);
        self.means
            .pool
            .send(
                self.worker,
                Command::Start {
                    conference: self.id,
                },
            )
            .await;
        self.hear(self.policy.speakers).await;
        let mut sweep = tokio::time::interval(CONFERENCE_SWEEP_INTERVAL);
        while !self.ended {
            tokio::select! {
                biased;
                () = until(self.poll_timeout()) => {
                    self.focus.handle_timeout(clock());
                    self.names.handle_timeout(clock());
                }
                Some(spoken) = self.speaking.join_next() => self.spoken(spoken),
                _ = sweep.tick() => {
                    self.sweep();
                    self.check().await;
                }
                message = inbox.recv() => match message {
                    Some(message) => self.message(message).await,
                    None => break,
                },
            }
            self.drain().await;
            self.shelve();
        }
        if !self.kept.stopping {
            self.means.keeper.forget(self.room).await;
        }
        self.means
            .pool
            .send(
                self.worker,
                Command::End {
                    conference: self.id,
                },
            )
            .await;
        let _ = self
            .means
            .notes
            .send(Note::Ended {
                conference: self.id,
            })
            .await;
        self.means.census.roster_changed(self.seated.len(), 0);
        self.means.census.conference_ended();
        tracing::info!(conference = %self.id, "conference ended");
        self.room
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let focus = self.focus.poll_timeout().into_iter();
        let announcement = self.announcements.front().map(|(_, until)| *until);
        focus
            .chain(self.names.poll_timeout())
            .chain(announcement)
            .min()
    }

    async fn message(&mut self, message: Message) {
        let input = match message {
            Message::Join(joining) => return self.join(*joining).await,
            Message::RecordName { participant } => return self.record(participant).await,
            Message::NameOf { whom, reply } => {
                let _ = reply.send(self.names.spoken(whom));
                return;
            }
            Message::Recorded { leg, heard } => {
                let over = self.recordings.handle_recorded(leg, heard);
                self.forget(over).await;
                Input::SaidName(leg, heard)
            }
            // Who has come back with another leg is not gone, and asks for nothing by the one before.
            Message::Act {
                by: participant,
                leg,
                ..
            }
            | Message::Leave { participant, leg }
            | Message::Lose { participant, leg }
            | Message::Pair {
                telephone: participant,
                leg,
                ..
            } if self.focus.leg_of(participant) != Some(leg) => {
                return;
            }
            Message::Act { by, verb, .. } => Input::Act { by, verb },
            Message::Pair {
                telephone, person, ..
            } => Input::Pair { telephone, person },
            Message::Leave { participant, .. } => Input::Leave { participant },
            Message::Lose { participant, .. } => Input::Lose { participant },
            Message::Expects { claim, reply } => {
                let own = claim.conference == self.id;
                let _ = reply.send(own && self.focus.expects(&claim, clock()));
                return;
            }
            Message::Hold { leg, held } => Input::Hold { leg, held },
            Message::Protection { leg, protection } => Input::Protection { leg, protection },
            Message::Speaking { leg, speaking } => Input::Speaking { leg, speaking },
            Message::Disturbs { leg, disturbance } => Input::Disturbs { leg, disturbance },
            Message::Quality { leg, quality } => Input::Quality { leg, quality },
            Message::SpokeMuted { leg } => Input::SpokeMuted { leg },
            Message::Called {
                participant,
                progress,
            } => Input::Called {
                participant,
                progress,
            },
            Message::NotDialled { by, refusal } => Input::NotDialled { by, refusal },
            Message::LegGone { leg } => Input::LegGone { leg },
            Message::BusFailed => Input::Fail,
            Message::Policy(policy) => {
                self.policy = policy;
                if !policy.level.asks_names() {
                    self.forget_said_names().await;
                }
                Input::Policy(policy)
            }
            Message::Guessed => Input::Guessed,
            Message::Withdraw => Input::Withdraw,
            Message::Close => {
                // Whoever was here finds it again when the server is back.
                self.kept.stopping = true;
                Input::Close
            }
        };
        self.focus.handle(input, clock());
    }

    /// Lets somebody in: attached to the bus first, heard only once the roster names them.
    async fn join(&mut self, joining: Joining) {
        let Joining {
            participant,
            leg,
            name,
            role,
            door,
            protection,
            person,
            caller,
            trust,
            invited_by,
            pairs_with,
            page,
            notices,
            reply,
        } = joining;
        let (seat, claim) = self.make_way(page).await;
        let participant = seat
            .and_then(|seat| self.focus.away_from(seat))
            .unwrap_or(participant);
        self.members.insert(
            participant,
            Member {
                notices,
                behind: false,
                // Who comes back in a moment was here all the time, and so was whose sound this is.
                audience: self
                    .focus
                    .audience(participant)
                    .or(pairs_with.map(|_| Audience::Inside)),
            },
        );
        let newcomer = Newcomer {
            participant,
            leg,
            name,
            role,
            door,
            protection,
            known: self.marks.known(&caller, person, seat),
            claim,
            ending: caller.ending(),
            trust,
            invited_by,
            pairs_with,
        };
        self.focus.handle(Input::Join(newcomer), clock());
        if let Some(refusal) = self.drain().await {
            self.members.remove(&participant);
            let _ = reply.send(Err(refusal));
            return;
        }
        let roster = self.focus.audience(participant).map(|audience| {
            let roster = self.focus.snapshot();
            roster.seen_by(audience)
        });
        let _ = reply.send(Ok(Entered {
            participant,
            roster: roster.unwrap_or_default(),
            seat: seat.map(|seat| (seat, self.id)),
            spoke: self.focus.spoke(participant),
        }));
    }

    /// Carries out all effects; returns the last refusal, which is a join's answer.
    async fn drain(&mut self) -> Option<Refusal> {
        let mut refused = None;
        while let Some(effect) = self.focus.poll() {
            match effect {
                Effect::Publish(delta) => {
                    if self.means.prompts.speech().is_some() {
                        self.names.handle_roster(&delta, clock());
                    }
                    let over = self.recordings.handle_roster(&delta);
                    self.void_pairings(&delta);
                    self.publish(&delta);
                    self.forget(over).await;
                }
                Effect::Announce(event) => {
                    let until = clock() + SPOKEN_NAME_LATE;
                    self.announcements.push_back((event, until));
                }
                Effect::Seats(seats) => self.seat(seats).await,
                Effect::Done { done, seers } => self.show(done, seers),
                Effect::OriginalSound { leg, on } => self.treat(leg, on).await,
                Effect::Speakers(speakers) => self.hear(speakers).await,
                Effect::Tell { participant, event } => {
                    let names = self.spoken_names(event);
                    let told = if names.is_empty() {
                        Notice::Told(event)
                    } else {
                        Notice::Naming(event, names)
                    };
                    self.tell(participant, told);
                }
                Effect::Write { to, post } => self.write(&to, post),
                Effect::Refuse {
                    participant,
                    refusal,
                } => {
                    self.tell(participant, Notice::Refused(refusal));
                    refused = Some(refusal);
                }
                Effect::Dismiss {
                    participant,
                    leg: _,
                    why,
                } => {
                    self.tell(participant, Notice::Dismissed(why));
                    self.members.remove(&participant);
                }
                Effect::Dial {
                    by,
                    inviter,
                    number,
                } => self.dial(by, inviter, number),
                Effect::OfferPairing { participant } => self.offer_pairing(participant),
                Effect::HearName { leg, whom } => self.play_said_name(leg, whom).await,
                Effect::AlarmLifted => self.forget_guesses(),
                Effect::Ended => self.ended = true,
            }
        }
        self.care_for_names().await;
        self.announce().await;
        refused
    }

    /// Says to all who are inside what is to be announced, as far as nobody is named in it whose name is about to be a sound.
    async fn announce(&mut self) {
        let wording = self.policy.wording;
        let language = wording.language();
        while let Some((event, until)) = self.announcements.front().copied() {
            let awaits = |whom| self.names.awaits(whom, language);
            if clock() < until && event.names().into_iter().any(awaits) {
                return;
            }
            self.announcements.pop_front();
            let names = self.spoken_names(event);
            let lacking = names.lacking(language);
            self.means.census.names_were_not_spoken(lacking);
            let prompts = &self.means.prompts;
            let clips = prompts.clips_naming(event, &names, wording.into());
            let announce = Command::Announce {
                conference: self.id,
                clips,
                softly: event.is_tone(),
                token: 0,
            };
            self.means.pool.send(self.worker, announce).await;
        }
    }

    /// Hands the wish that somebody is called to the door that calls; why it is not called is told at the next drain.
    fn dial(&mut self, by: ParticipantId, inviter: Label, number: Pii<String>) {
        let own = self.own.as_ref().and_then(mpsc::WeakSender::upgrade);
        let dialled = own.ok_or(Refusal::Over).and_then(|inbox| {
            self.means.switchboard.dial(Dialling {
                number,
                by,
                inviter,
                room: self.room,
                worker: self.worker,
                protection: self.policy.protection,
                inbox,
            })
        });
        if let Err(refusal) = dialled {
            self.focus
                .handle(Input::NotDialled { by, refusal }, clock());
        }
    }

    /// Leaves a browser's sound as it is, or treats it again.
    async fn treat(&self, leg: LegId, original: bool) {
        let shaping = if original {
            Shaping::NONE
        } else {
            self.means.sound.shaping(Door::Browser)
        };
        let shape = Command::Shape { leg, shaping };
        self.means.pool.send(self.worker, shape).await;
    }

    /// Lets the bus hear so many at a time.
    async fn hear(&self, speakers: Speakers) {
        let set = Command::Speakers {
            conference: self.id,
            most: speakers.get(),
        };
        self.means.pool.send(self.worker, set).await;
    }

    /// Seats exactly the legs of the roster that was just published, by naming what has changed; those no longer in it
    /// leave the bus first.
    async fn seat(&mut self, seats: Vec<(LegId, Seat)>) {
        let present: BTreeMap<LegId, Seat> = seats.into_iter().collect();
        let before = std::mem::take(&mut self.seated);
        let gone: Vec<LegId> = before
            .keys()
            .filter(|leg| !present.contains_key(leg))
            .copied()
            .collect();
        let mut changed = Vec::new();
        for &leg in &gone {
            self.means
                .pool
                .send(self.worker, Command::Leave { leg })
                .await;
        }
        let conference = self.id;
        for (&leg, &seat) in &present {
            let known = before.get(&leg);
            if known.is_none() {
                let join = Command::Join { leg, conference };
                self.means.pool.send(self.worker, join).await;
            }
            if known != Some(&seat) {
                changed.push((leg, matrix(seat)));
            }
        }
        self.means
            .census
            .roster_changed(before.len(), present.len());
        self.seated = present;
        self.unchecked = true;
        let seats = Command::Seats {
            conference,
            changed,
            gone,
        };
        self.means.pool.send(self.worker, seats).await;
    }

    /// Gives the bus all seats, so that it cuts whoever should not be there: a check of all the changes before.
    async fn check(&mut self) {
        if !std::mem::take(&mut self.unchecked) {
            return;
        }
        let seats = self.seated.iter();
        let roster = Command::Roster {
            conference: self.id,
            seats: seats.map(|(leg, seat)| (*leg, matrix(*seat))).collect(),
        };
        self.means.pool.send(self.worker, roster).await;
    }

    /// Sends each the part of a change that is for their eyes; who missed one, or sees with other eyes than before, gets the
    /// whole roster.
    fn publish(&mut self, delta: &Delta) {
        let inside = Arc::new(delta.seen_by(Audience::Inside));
        let moderators = Arc::new(delta.seen_by(Audience::Moderators));
        let mut whole = None;
        for (id, member) in &mut self.members {
            let Some(audience) = self.focus.audience(*id) else {
                continue;
            };
            let before = member.audience.replace(audience);
            let was_inside = matches!(before, Some(Audience::Inside | Audience::Moderators));
            if !was_inside && audience != Audience::Waiting(*id) {
                self.means.census.participant_admitted();
            }
            let notice = if member.behind || before.is_some_and(|before| before != audience) {
                let whole = whole.get_or_insert_with(|| self.focus.snapshot());
                Notice::Roster(whole.seen_by(audience))
            } else {
                Notice::Delta(match audience {
                    Audience::Inside => Arc::clone(&inside),
                    Audience::Moderators => Arc::clone(&moderators),
                    Audience::Waiting(_) => Arc::new(delta.seen_by(audience)),
                })
            };
            member.behind = member.notices.try_send(notice).is_err();
        }
    }

    /// Shows people what was done; whoever misses it because too much waits for them has missed it.
    fn show(&mut self, done: Done, seers: Vec<ParticipantId>) {
        let at = self.means.wall.since_epoch();
        let done = Arc::new(done);
        for participant in seers {
            self.tell(participant, Notice::Done(Arc::clone(&done), at));
        }
    }

    /// Forgets what was counted against the room's PINs.
    fn forget_guesses(&self) {
        let guard = self.means.guard.lock();
        let mut guard = guard.unwrap_or_else(PoisonError::into_inner);
        guard.lift(self.room);
    }

    fn tell(&mut self, participant: ParticipantId, notice: Notice) {
        if let Some(member) = self.members.get_mut(&participant) {
            member.behind |= member.notices.try_send(notice).is_err();
        }
    }

    /// Passes on what somebody has written. Whoever has fallen behind misses it, since nothing that is written is kept; of a
    /// line that is being typed the next message has all.
    fn write(&self, to: &[ParticipantId], post: Post) {
        let post = Arc::new(post);
        for member in to.iter().filter_map(|id| self.members.get(id)) {
            let _ = member.notices.try_send(Notice::Written(Arc::clone(&post)));
        }
    }

    /// Takes out members whose door has ended without leaving, and catches up those that fell behind.
    fn sweep(&mut self) {
        let lost: Vec<ParticipantId> = self
            .members
            .iter()
            .filter(|(_, m)| m.notices.is_closed())
            .map(|(id, _)| *id)
            .collect();
        for participant in lost {
            self.members.remove(&participant);
            self.focus.handle(Input::Lose { participant }, clock());
        }
        if self.members.values().any(|member| member.behind) {
            let snapshot = self.focus.snapshot();
            let behind = self.members.values_mut().filter(|member| member.behind);
            for (member, audience) in behind.filter_map(|m| m.audience.map(|a| (m, a))) {
                let roster = Notice::Roster(snapshot.seen_by(audience));
                member.behind = member.notices.try_send(roster).is_err();
            }
        }
    }
}

/// The focus's words in the mixer's matrix.
fn matrix(seat: Seat) -> api::Seat {
    // Channel 0 is the conference itself; the focus counts the others from 1.
    let channels = |main: bool, beside: u64| Channels(beside & !1 | u64::from(main));
    api::Seat {
        speaks: channels(seat.speaks, seat.speaks_beside),
        hears: channels(seat.hears, seat.hears_beside),
    }
}

/// Waits for a deadline; for ever without one.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// The monotonic clock of the control plane's drivers; the runtime's, so that a simulated run can hold it.
pub(crate) fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}
