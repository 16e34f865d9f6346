//! Carries media events to whom they concern: a leg's door and the conference it is in.
//!
//! One task owns the table of legs. A leg whose door is gone without closing it is closed here, so that no leg can be
//! left over by a task that failed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::conference;
use crate::{
    id::{ConferenceId, LegId},
    limit::ROUTER_SWEEP_INTERVAL,
    media::{
        api::{Command, Echoed, Event, Gone, Review},
        pool::Pool,
        worker::{self, Envelope},
    },
};

/// What a door learns of its leg.
#[derive(Debug)]
pub enum LegNews {
    /// A browser's media may flow.
    Connected,
    /// A key was pressed.
    Digit(char),
    /// The clips of the order with this token were played to their end.
    Played(u64),
    /// The words of the order with this token are not said over what the leg hears.
    Unplayed(u64),
    /// What the leg said after the order with this token was played back to it and is wiped.
    Echoed(u64, Echoed),
    /// The leg was listened to for a name; something was said, and is kept, or not.
    Recorded(bool),
    /// A telephone that should be sending has sent nothing for this long.
    Quiet(Duration),
    /// What can be said of the leg's sound, as was asked.
    Reviewed(Review),
    /// The leg has ended.
    Gone(Gone),
}

/// What a leg's door is told.
#[derive(Debug)]
pub(super) enum Told {
    /// It is for the door's owner.
    News(LegNews),
    /// The worker gave the leg up; another one adopts it by this.
    Released(Box<Envelope>),
}

/// What the router is told.
pub(super) enum Note {
    /// A leg exists on a worker; its news go to this door.
    Opened {
        leg: LegId,
        worker: usize,
        door: mpsc::Sender<Told>,
    },
    /// A leg moved to another worker.
    Moved { leg: LegId, worker: usize },
    /// A leg joined a conference, which hears of it from here on.
    Joined {
        leg: LegId,
        conference: mpsc::Sender<conference::Message>,
    },
    /// A leg was closed by its door.
    Closed { leg: LegId },
    /// A conference has a bus; it hears of its failure.
    Started {
        conference: ConferenceId,
        inbox: mpsc::Sender<conference::Message>,
    },
    /// A conference is over.
    Ended { conference: ConferenceId },
}

struct Entry {
    worker: usize,
    door: mpsc::Sender<Told>,
    conference: Option<mpsc::Sender<conference::Message>>,
}

/// The task's state.
pub(super) struct Router {
    legs: BTreeMap<LegId, Entry>,
    conferences: BTreeMap<ConferenceId, mpsc::Sender<conference::Message>>,
    pool: Arc<Pool>,
}

impl Router {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self {
            legs: BTreeMap::new(),
            conferences: BTreeMap::new(),
            pool,
        }
    }

    /// Runs until the workers have ended.
    pub(super) async fn run(
        mut self,
        mut notes: mpsc::Receiver<Note>,
        mut events: mpsc::Receiver<worker::Notice>,
    ) {
        let mut sweep = tokio::time::interval(ROUTER_SWEEP_INTERVAL);
        loop {
            tokio::select! {
                // Notes first: a leg is known before its events are looked at.
                biased;
                Some(note) = notes.recv() => self.note(note),
                event = events.recv() => match event {
                    Some(notice) => self.event(notice),
                    None => return,
                },
                _ = sweep.tick() => self.sweep().await,
            }
        }
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Opened { leg, worker, door } => {
                self.legs.insert(
                    leg,
                    Entry {
                        worker,
                        door,
                        conference: None,
                    },
                );
            }
            Note::Moved { leg, worker } => {
                if let Some(entry) = self.legs.get_mut(&leg) {
                    entry.worker = worker;
                }
            }
            Note::Joined { leg, conference } => {
                if let Some(entry) = self.legs.get_mut(&leg) {
                    entry.conference = Some(conference);
                }
            }
            Note::Closed { leg } => {
                self.legs.remove(&leg);
            }
            Note::Started { conference, inbox } => {
                self.conferences.insert(conference, inbox);
            }
            Note::Ended { conference } => {
                self.conferences.remove(&conference);
            }
        }
    }

    fn event(&mut self, notice: worker::Notice) {
        let worker = notice.worker;
        match notice.event {
            Event::Connected { leg } => self.tell(leg, LegNews::Connected),
            Event::Digit { leg, digit } => self.tell(leg, LegNews::Digit(digit)),
            Event::Played { leg, token } => self.tell(leg, LegNews::Played(token)),
            Event::Echoed { leg, token, echoed } => {
                self.tell(leg, LegNews::Echoed(token, echoed));
            }
            Event::Recorded { leg, heard } => {
                // The conference first: what its moderators may hear is known before anybody hears that it is noted.
                self.pass_on(leg, conference::Message::Recorded { leg, heard });
                self.tell(leg, LegNews::Recorded(heard));
            }
            Event::Unplayed { leg, token, why } => {
                tracing::debug!(%leg, ?why, "words were not said over the talk");
                self.tell(leg, LegNews::Unplayed(token));
            }
            Event::Announced {
                conference,
                outcome,
                ..
            } => tracing::debug!(%conference, ?outcome, "announced"),
            Event::Reviewed { leg, review } => self.tell(leg, LegNews::Reviewed(review)),
            Event::Quiet { leg, since } => self.tell(leg, LegNews::Quiet(since)),
            Event::Released { id, leg } => {
                let sockets = notice.sockets;
                let command = Command::Adopt { leg };
                let envelope = Box::new(Envelope { command, sockets });
                self.tell_door(id, Told::Released(envelope));
            }
            // A lost change of speaking or disturbing is made good by the next one.
            Event::Speaking { leg, speaking } => {
                self.pass_on(leg, conference::Message::Speaking { leg, speaking });
            }
            Event::Disturbs { leg, disturbance } => {
                self.pass_on(leg, conference::Message::Disturbs { leg, disturbance });
            }
            Event::Quality { leg, quality } => {
                self.pass_on(leg, conference::Message::Quality { leg, quality });
            }
            Event::SpokeMuted { leg } => {
                self.pass_on(leg, conference::Message::SpokeMuted { leg });
            }
            Event::Gone { leg, reason } => self.gone(leg, reason),
            Event::BusFailed { conference } => {
                if let Some(inbox) = self.conferences.get(&conference) {
                    let _ = inbox.try_send(conference::Message::BusFailed);
                }
            }
            Event::Resync { legs } => self.resync(worker, &legs),
        }
    }

    /// Tells the conference that a leg is in.
    fn pass_on(&self, leg: LegId, message: conference::Message) {
        let entry = self.legs.get(&leg);
        if let Some(conference) = entry.and_then(|entry| entry.conference.as_ref()) {
            let _ = conference.try_send(message);
        }
    }

    fn tell(&self, leg: LegId, news: LegNews) {
        self.tell_door(leg, Told::News(news));
    }

    fn tell_door(&self, leg: LegId, told: Told) {
        if let Some(entry) = self.legs.get(&leg) {
            // A door that does not keep up loses key presses of its own caller, nobody else's.
            let _ = entry.door.try_send(told);
        }
    }

    fn gone(&mut self, leg: LegId, reason: Gone) {
        let Some(entry) = self.legs.remove(&leg) else {
            return;
        };
        if let Some(conference) = &entry.conference {
            let _ = conference.try_send(conference::Message::LegGone { leg });
        }
        let _ = entry.door.try_send(Told::News(LegNews::Gone(reason)));
    }

    /// After lost events: what the worker no longer has is gone.
    fn resync(&mut self, worker: usize, existing: &[LegId]) {
        let lost: Vec<LegId> = self
            .legs
            .iter()
            .filter(|(leg, entry)| entry.worker == worker && !existing.contains(leg))
            .map(|(leg, _)| *leg)
            .collect();
        for leg in lost {
            self.gone(leg, Gone::Failed);
        }
    }

    /// Closes legs whose door has ended without closing them.
    async fn sweep(&mut self) {
        let orphans: Vec<(LegId, usize)> = self
            .legs
            .iter()
            .filter(|(_, e)| e.door.is_closed())
            .map(|(leg, e)| (*leg, e.worker))
            .collect();
        for (leg, worker) in orphans {
            if let Some(conference) = self.legs.remove(&leg).and_then(|entry| entry.conference) {
                let _ = conference.try_send(conference::Message::LegGone { leg });
            }
            self.pool.send(worker, Command::Close { leg }).await;
        }
    }
}
