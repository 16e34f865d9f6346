//! The conference factory (RFC 4579): makes a room's conference when the first comes, and finds it for the next.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    Error,
    caller::Marks,
    conference::{Means, Message, Task},
};
use crate::{
    conference::policy::Policy,
    id::{ConferenceId, RoomId},
    limit::{CONFERENCE_INBOX_MAX, CONFERENCES_MAX},
};

/// A running conference as the server knows it.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) worker: usize,
    pub(super) inbox: mpsc::Sender<Message>,
}

/// What the factory is asked.
pub(super) enum Request {
    /// The room's conference, made if there is none, after its owner's wishes.
    Open {
        room: RoomId,
        policy: Policy,
        reply: oneshot::Sender<Result<Live, Error>>,
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
    tasks: JoinSet<RoomId>,
    means: Means,
    rng: StdRng,
    stopping: bool,
}

impl Factory {
    pub(super) fn new(means: Means, rng: StdRng) -> Self {
        Self {
            live: BTreeMap::new(),
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
        let id = ConferenceId::random(&mut self.rng);
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
        let task = Task::new(
            id,
            room,
            worker,
            self.means.clone(),
            policy,
            Marks::random(&mut self.rng),
        );
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
