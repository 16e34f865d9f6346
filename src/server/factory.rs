//! The conference factory (RFC 4579): makes a room's conference when the first comes, and finds it for the next.

use std::{collections::BTreeMap, time::Instant};

use rand::rngs::StdRng;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    Error,
    caller::Marks,
    conference::{Means, Message, Task, clock, until},
    keeper::Remains,
};
use crate::{
    conference::policy::Policy,
    id::{ConferenceId, RoomId},
    limit::{CONFERENCE_INBOX_MAX, CONFERENCES_MAX, RESUME_MAX},
};

/// A running conference as the server knows it.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) worker: usize,
    pub(super) inbox: mpsc::Sender<Message>,
}

/// What a room has of a conference.
pub(super) enum Found {
    /// One that runs.
    Live(Live),
    /// One that outlived the server, and goes on with who comes first.
    Remains(Remains),
    /// None.
    Nothing,
}

/// What the factory is asked.
pub(super) enum Request {
    /// The room's conference, made if there is none, after its owner's wishes.
    Open {
        room: RoomId,
        policy: Policy,
        reply: oneshot::Sender<Result<Live, Error>>,
    },
    /// The room's conference, if there is one.
    Find {
        room: RoomId,
        reply: oneshot::Sender<Found>,
    },
    /// The rooms that have a conference.
    List { reply: oneshot::Sender<Vec<RoomId>> },
    /// What the room's owner has decided.
    Adjust { room: RoomId, policy: Policy },
    /// Somebody guesses PINs of the room.
    Guessed { room: RoomId },
    /// The room is no more: its conference ends.
    Remove { room: RoomId },
    /// All conferences end and no other begins.
    Stop,
}

/// The task's state.
pub(super) struct Factory {
    live: BTreeMap<RoomId, Live>,
    /// What outlived the server and has not gone on yet, and until when it may.
    remains: BTreeMap<RoomId, Remains>,
    remains_until: Option<Instant>,
    tasks: JoinSet<RoomId>,
    means: Means,
    rng: StdRng,
    stopping: bool,
}

impl Factory {
    pub(super) fn new(means: Means, remains: BTreeMap<RoomId, Remains>, rng: StdRng) -> Self {
        Self {
            live: BTreeMap::new(),
            remains_until: (!remains.is_empty()).then(|| clock() + RESUME_MAX),
            remains,
            tasks: JoinSet::new(),
            means,
            rng,
            stopping: false,
        }
    }

    /// Runs until a stop is carried out or nobody can ask any more.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(Request::Open { room, policy, reply }) => {
                        let _ = reply.send(self.open(room, policy));
                    }
                    Some(Request::Find { room, reply }) => {
                        let _ = reply.send(self.find(room));
                    }
                    Some(Request::Adjust { room, policy }) => {
                        if let Some(live) = self.live.get(&room) {
                            let _ = live.inbox.send(Message::Policy(policy)).await;
                        }
                    }
                    Some(Request::Guessed { room }) => {
                        if let Some(live) = self.live.get(&room) {
                            let _ = live.inbox.send(Message::Guessed).await;
                        }
                    }
                    Some(Request::List { reply }) => {
                        let _ = reply.send(self.live.keys().copied().collect());
                    }
                    Some(Request::Remove { room }) => {
                        if let Some(live) = self.live.get(&room) {
                            let _ = live.inbox.send(Message::Withdraw).await;
                        }
                    }
                    Some(Request::Stop) => {
                        self.stop().await;
                        if self.tasks.is_empty() { break }
                    }
                    None => break,
                },
                () = until(self.remains_until) => self.give_up_remains().await,
                Some(ended) = self.tasks.join_next() => {
                    match ended {
                        Ok(room) => self.forget(room),
                        Err(error) => {
                            tracing::error!(%error, "conference task failed");
                            self.live.retain(|_, live| !live.inbox.is_closed());
                        }
                    }
                    if self.stopping && self.tasks.is_empty() { break }
                },
            }
        }
    }

    fn find(&self, room: RoomId) -> Found {
        let live = self.live.get(&room).filter(|live| !live.inbox.is_closed());
        match (live, self.remains.get(&room)) {
            (Some(live), _) => Found::Live(live.clone()),
            (None, Some(remains)) => Found::Remains(remains.clone()),
            (None, None) => Found::Nothing,
        }
    }

    /// Forgets the conferences to which nobody has come back.
    async fn give_up_remains(&mut self) {
        self.remains_until = None;
        for (room, _) in std::mem::take(&mut self.remains) {
            self.means.keeper.forget(room).await;
        }
    }

    fn open(&mut self, room: RoomId, policy: Policy) -> Result<Live, Error> {
        if self.stopping {
            return Err(Error::Stopping);
        }
        if let Some(live) = self.live.get(&room).filter(|live| !live.inbox.is_closed()) {
            return Ok(live.clone());
        }
        if self.live.len() >= CONFERENCES_MAX {
            return Err(Error::Full);
        }
        let placed = |worker| {
            let here = |live: &&Live| live.worker == worker;
            self.live.values().filter(here).count()
        };
        let worker = self.means.pool.least_loaded(placed);
        if !self.means.pool.admits(worker) {
            self.means.pool.count_refused(worker);
            return Err(Error::Overloaded);
        }
        let (inbox, messages) = mpsc::channel(CONFERENCE_INBOX_MAX);
        let (id, kept) = match self.remains.remove(&room) {
            Some(remains) => (remains.conference, Some(remains.kept)),
            None => (ConferenceId::random(&mut self.rng), None),
        };
        let marks = Marks::random(&mut self.rng);
        let means = self.means.clone();
        let task = Task::new((id, room), worker, means, (policy, kept), marks);
        self.tasks.spawn(task.run(inbox.clone(), messages));
        let live = Live { worker, inbox };
        self.live.insert(room, live.clone());
        Ok(live)
    }

    /// Drops the entry of an ended conference, unless the room has another one already.
    fn forget(&mut self, room: RoomId) {
        if self
            .live
            .get(&room)
            .is_some_and(|live| live.inbox.is_closed())
        {
            self.live.remove(&room);
        }
    }

    async fn stop(&mut self) {
        self.stopping = true;
        for live in self.live.values() {
            let _ = live.inbox.send(Message::Close).await;
        }
    }
}
