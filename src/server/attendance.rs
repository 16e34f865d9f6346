//! Being in a conference, as a door holds it: what one may say there, and what one is told.

use tokio::sync::mpsc;

use super::{Notice, back::Chair, conference::Message};
use crate::{
    conference::{
        focus::Verb,
        participant::{Protection, Status},
        roster::Snapshot,
    },
    id::{LegId, ParticipantId},
};

/// A participant's presence in a conference; dropping it is leaving.
#[derive(Debug)]
pub struct Attendance {
    /// Who.
    pub participant: ParticipantId,
    /// The roster at the moment of joining.
    pub roster: Snapshot,
    /// They came back, and their microphone was on before; it is off.
    pub spoke: bool,
    pub(super) leg: LegId,
    /// The seat of a page.
    pub(super) chair: Option<Chair>,
    /// It broke off, which the conference knows.
    pub(super) lost: bool,
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) notices: mpsc::Receiver<Notice>,
}

impl Attendance {
    /// Does something, as far as the participant's role allows.
    pub async fn act(&self, verb: Verb) {
        let _ = self
            .inbox
            .send(Message::Act {
                by: self.participant,
                leg: self.leg,
                verb,
            })
            .await;
    }

    /// Has a telephone be the sound of somebody's page.
    pub async fn pair(&self, person: ParticipantId) {
        let pair = Message::Pair {
            telephone: self.participant,
            leg: self.leg,
            person,
        };
        let _ = self.inbox.send(pair).await;
    }

    /// Has the participant listened to, who waits and is about to say their name; [`LegNews::Recorded`](super::LegNews::Recorded) tells the end.
    pub async fn record_name(&self) {
        let participant = self.participant;
        let _ = self.inbox.send(Message::RecordName { participant }).await;
    }

    /// Says that the telephone is on hold or back.
    pub async fn hold(&self, held: bool) {
        let _ = self
            .inbox
            .send(Message::Hold {
                leg: self.leg,
                held,
            })
            .await;
    }

    /// Says how far the telephone's leg is protected from here on.
    pub async fn protect(&self, protection: Protection) {
        let leg = self.leg;
        let _ = self
            .inbox
            .send(Message::Protection { leg, protection })
            .await;
    }

    /// Tells whether the participant came into the waiting room, as it was at the moment of joining.
    pub fn waits(&self) -> bool {
        let mut entries = self.roster.entries.iter();
        entries.any(|entry| entry.id == self.participant && entry.status == Status::Pending)
    }

    /// Waits for the next notice; none when the conference is gone.
    pub async fn next(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if self.lost {
            return;
        }
        // A full inbox loses this; the conference's sweep then finds the closed queue of notices.
        let _ = self.inbox.try_send(Message::Leave {
            participant: self.participant,
            leg: self.leg,
        });
    }
}
