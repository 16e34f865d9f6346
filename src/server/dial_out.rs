//! Calls out of conferences, between the conference that wants them and the telephone door that makes them.
//!
//! A conference hands over what a moderator asks for, by a queue that only the telephone door reads; without such a door, or
//! with one that makes no calls, it is refused. No other way leads there, so nothing that comes in makes a call.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::{
    Attendance, Error, MediaLeg, Server, caller::Caller, conference::Message, joining::Joining,
    names::SpokenNames,
};
use crate::{
    conference::{
        Refusal,
        event::Wording,
        focus::{Progress, Trust},
        participant::{Door, Protection, Role},
        rollcall::Label,
    },
    id::{DialId, LegId, ParticipantId, RoomId, TenantId},
    limit::{DIALS_SWEEP_INTERVAL, DIALS_WAITING_MAX, NOTICES_MAX},
    media::{
        api::{Opening, PhoneMedia},
        worker::PhoneSockets,
    },
    pii::Pii,
    store::Dial,
};

/// The way from conferences to the door that makes calls.
#[derive(Debug, Default)]
pub(super) struct Switchboard(Mutex<Option<Line>>);

#[derive(Debug)]
struct Line {
    door: mpsc::Sender<Dialling>,
    /// How numbers that are called begin, as people are told.
    prefixes: Arc<[String]>,
}

impl Switchboard {
    /// Hands a wish over.
    pub(super) fn dial(&self, dialling: Dialling) -> Result<(), Refusal> {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line.as_ref().ok_or(Refusal::NoDialOut)?;
        line.door.try_send(dialling).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::TooManyCalls,
            mpsc::error::TrySendError::Closed(_) => Refusal::NoDialOut,
        })
    }

    fn connect(&self, prefixes: Arc<[String]>) -> mpsc::Receiver<Dialling> {
        let (door, dials) = mpsc::channel(DIALS_WAITING_MAX);
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *line = Some(Line { door, prefixes });
        dials
    }

    fn prefixes(&self) -> Arc<[String]> {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = line.as_ref().filter(|line| !line.door.is_closed());
        open.map(|line| Arc::clone(&line.prefixes))
            .unwrap_or_default()
    }
}

/// What is known of a call that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastDial {
    /// How long ago it was made.
    pub began_ago: Duration,
    /// How long ago it ended, or was last known to go on.
    pub ended_ago: Duration,
    /// Its minutes, begun ones as whole ones; none where nobody answered.
    pub minutes: u32,
}

/// A moderator's wish that somebody is called.
#[derive(Debug)]
pub struct Dialling {
    /// What they typed.
    pub(super) number: Pii<String>,
    pub(super) by: ParticipantId,
    pub(super) inviter: Label,
    pub(super) room: RoomId,
    pub(super) worker: usize,
    pub(super) protection: Protection,
    pub(super) inbox: mpsc::Sender<Message>,
}

impl Dialling {
    /// What was typed as the number.
    pub const fn number(&self) -> &Pii<String> {
        &self.number
    }

    /// Who wishes it, as callers are told.
    pub const fn inviter(&self) -> Label {
        self.inviter
    }

    /// What they are called as sound, if they have such a name; whoever is called can hear it on their conference's worker. It
    /// is asked for when it is said, since it is wiped when they have left.
    pub async fn inviters_name(&self) -> SpokenNames {
        let (reply, answer) = oneshot::channel();
        let whom = self.inviter;
        let ask = Message::NameOf { whom, reply };
        let name = match self.inbox.send(ask).await {
            Ok(()) => answer.await.ok().flatten(),
            Err(_) => None,
        };
        name.map(|name| (whom, name)).into_iter().collect()
    }

    /// The room, which answers for the call.
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// How far the room demands a leg to be protected.
    pub const fn protection(&self) -> Protection {
        self.protection
    }

    /// Tells whoever wished it why it is not done.
    pub fn refuse(&self, refusal: Refusal) {
        let by = self.by;
        // A conference that has no room for this is over or about to be.
        let _ = self.inbox.try_send(Message::NotDialled { by, refusal });
    }
}

impl Server {
    /// Takes the wishes of moderators that somebody is called from here on; `prefixes` is what people are told of which
    /// numbers are.
    pub fn dials(&self, prefixes: Arc<[String]>) -> mpsc::Receiver<Dialling> {
        self.inner.switchboard.connect(prefixes)
    }

    /// How numbers begin that moderators can have called; none where none is.
    pub fn dial_prefixes(&self) -> Arc<[String]> {
        self.inner.switchboard.prefixes()
    }

    /// Shows in the conference that somebody is being called, who is known by their number as callers are.
    pub async fn begin_dial(
        &self,
        dialling: &Dialling,
        callee: &Caller,
    ) -> Result<Attendance, Error> {
        let (participant, leg) = {
            let mut rng = self.rng();
            (ParticipantId::random(&mut rng), LegId::random(&mut rng))
        };
        let (notices, queue) = mpsc::channel(NOTICES_MAX);
        let (reply, answer) = oneshot::channel();
        let joining = Joining {
            participant,
            leg,
            name: None,
            role: Role::Guest,
            door: Door::Phone,
            protection: Protection::None,
            person: None,
            caller: callee.clone(),
            trust: Trust::Full,
            invited_by: Some(dialling.by),
            pairs_with: None,
            page: None,
            notices,
            reply,
        };
        let inbox = dialling.inbox.clone();
        let join = Message::Join(Box::new(joining));
        inbox.send(join).await.map_err(|_| Error::Stopping)?;
        let entered = answer.await.map_err(|_| Error::Stopping)?;
        Ok(Attendance {
            participant,
            leg,
            roster: entered.map_err(Error::Refused)?.roster,
            spoke: false,
            chair: None,
            lost: false,
            inbox,
            notices: queue,
        })
    }

    /// Opens the leg of somebody who was called, where their conference is.
    pub async fn open_callee(
        &self,
        dialling: &Dialling,
        attendance: &Attendance,
        media: PhoneMedia,
        sockets: PhoneSockets,
    ) -> Result<MediaLeg, Error> {
        let leg = self
            .open_as(
                attendance.leg,
                dialling.worker,
                Opening::Phone(media),
                Some(sockets),
            )
            .await?;
        leg.belongs_to(dialling.inbox.clone()).await;
        leg.leave_as_it_is().await;
        Ok(leg)
    }

    /// Finds room for the leg of somebody who is to be called, before they are.
    pub fn room_for_callee(&self, dialling: &Dialling) -> Result<(), Error> {
        self.inner.gate.admit(dialling.worker)
    }

    /// In which words a room speaks to people; in the usual ones where there is no such room any more.
    pub async fn wording_of(&self, room: RoomId) -> Wording {
        let room = self.inner.rooms.by_id(room).await.ok().flatten();
        room.map(|room| room.wording).unwrap_or_default()
    }

    /// Returns what is to be noted of a call that is made now, without its number.
    pub fn new_dial(&self, room: RoomId, country: &str) -> Dial {
        let now = self.inner.wall.since_epoch();
        Dial {
            id: DialId::random(&mut self.rng()),
            tenant: TenantId::DEFAULT,
            room,
            country: country.to_owned(),
            minutes: 0,
            began_at: now,
            ended_at: now,
        }
    }

    /// Notes that a call has lasted so many minutes until now.
    pub async fn note_dial(&self, dial: Dial, minutes: u32) {
        let noted = Dial {
            minutes,
            ended_at: self.inner.wall.since_epoch(),
            ..dial
        };
        if let Err(error) = self.inner.rooms.note_dial(noted).await {
            tracing::error!(%error, "a call that was made is not noted");
        }
    }

    /// What was noted of the last day's calls.
    pub async fn past_dials(&self) -> Vec<PastDial> {
        let now = self.inner.wall.since_epoch();
        let since = now.saturating_sub(Duration::from_secs(24 * 60 * 60));
        let dials = self.inner.rooms.dials_since(since).await;
        let dials = dials.unwrap_or_else(|error| {
            tracing::error!(%error, "the last day's calls are not known");
            Vec::new()
        });
        let past = |dial: &Dial| PastDial {
            began_ago: now.saturating_sub(dial.began_at),
            ended_ago: now.saturating_sub(dial.ended_at),
            minutes: dial.minutes,
        };
        dials.iter().map(past).collect()
    }

    /// Deletes what was noted of calls as soon as it is old enough, for as long as the server runs.
    pub(super) async fn watch_dials(self) {
        let mut round = tokio::time::interval(DIALS_SWEEP_INTERVAL);
        while !self.inner.requests.is_closed() {
            round.tick().await;
            let now = self.inner.wall.since_epoch();
            if let Err(error) = self.inner.rooms.sweep_dials(now).await {
                tracing::error!(%error, "what was noted of calls could not be deleted");
            }
        }
    }
}

impl Attendance {
    /// Says how the call goes by which somebody is to come in.
    pub async fn progress(&self, progress: Progress) {
        let participant = self.participant;
        let _ = self
            .inbox
            .send(Message::Called {
                participant,
                progress,
            })
            .await;
    }
}
