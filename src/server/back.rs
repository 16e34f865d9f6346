//! Pages that come back: what the browsers' door asks about seats and their tokens.

use tokio::sync::oneshot;

use super::{
    Admission, Attendance, Error, Server,
    conference::Message,
    factory::{Found, Request},
    seats::Way,
};
use crate::{
    conference::{claim::Claim, roster::Entry},
    id::{ConferenceId, SeatId},
    pii::Secret,
};

/// A seat, and the link by which its page came in: what a token is made of beside the roster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chair {
    pub(super) seat: SeatId,
    pub(super) conference: ConferenceId,
    pub(super) way: Way,
}

impl Admission {
    /// The link that gave this right, for who came by one.
    pub(super) const fn way(&self) -> Way {
        Way {
            room: self.room,
            link: self.role,
        }
    }
}

impl Server {
    /// Tells whether a token leads back to a seat that is kept. Whatever it is that does not, the answer is the same.
    pub async fn expects(&self, admission: &Admission, token: &Secret<String>) -> bool {
        let Some(claim) = self.claim(admission, token) else {
            return false;
        };
        let live = match self.found(admission).await {
            Ok(Found::Live(live)) => live,
            Ok(Found::Remains(remains)) => {
                let kept = remains.kept.seats.contains_key(&claim.seat);
                return claim.fresh && claim.conference == remains.conference && kept;
            }
            Ok(Found::Nothing) | Err(_) => return false,
        };
        let (reply, answer) = oneshot::channel();
        let asked = Message::Expects {
            claim: Box::new(claim),
            reply,
        };
        live.inbox.send(asked).await.is_ok() && answer.await.unwrap_or(false)
    }

    pub(super) fn claim(&self, admission: &Admission, token: &Secret<String>) -> Option<Claim> {
        let wall = self.inner.wall.since_epoch();
        self.inner.seals.open(token, admission.way(), wall)
    }

    /// Seals the seat of a page that is in a roster like this; none for a telephone.
    pub fn token(&self, attendance: &Attendance, entry: &Entry) -> Option<Secret<String>> {
        let claim = attendance.claim(entry)?;
        let way = attendance.chair?.way;
        let wall = self.inner.wall.since_epoch();
        Some(self.inner.seals.seal(&claim, way, wall))
    }

    /// The room's conference, if there is one.
    async fn found(&self, admission: &Admission) -> Result<Found, Error> {
        let (reply, answer) = oneshot::channel();
        let find = Request::Find {
            room: admission.room,
            reply,
        };
        let asked = self.inner.requests.send(find).await;
        asked.map_err(|_| Error::Stopping)?;
        answer.await.map_err(|_| Error::Stopping)
    }
}

impl Attendance {
    /// What the token of this page's seat says of it; none for a telephone.
    pub fn claim(&self, entry: &Entry) -> Option<Claim> {
        let chair = self.chair?;
        Some(Claim::of(entry, chair.seat, chair.conference))
    }

    /// Goes without a word, as a page whose connection broke off: its seat is kept.
    pub async fn lose(mut self) {
        self.lost = true;
        let lose = Message::Lose {
            participant: self.participant,
            leg: self.leg,
        };
        let _ = self.inbox.send(lose).await;
    }
}
