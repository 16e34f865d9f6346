//! The part of a conference's task that is about coming back: to a seat, and after the server was gone.

use std::time::Instant;

use super::{
    super::{joining::Page, keeper::Remains},
    Task, clock,
};
use crate::{
    conference::{claim::Claim, focus::Input, kept::Kept},
    id::SeatId,
    limit::SEAT_RENEWAL,
};

/// What of a conference outlives the server.
#[derive(Default)]
pub(super) struct Shelved {
    last: Option<Kept>,
    /// When it is to be kept again; at once where none.
    due: Option<Instant>,
    /// The server stops, and nothing that comes of it counts.
    pub(super) stopping: bool,
}

impl Task {
    /// Has kept what outlives the server, where it has changed, and now and then to say that it is so still.
    pub(super) fn shelve(&mut self) {
        if let Some(kept) = self.focus.kept() {
            self.kept.last = Some(kept);
            self.kept.due = None;
        }
        let due = self.kept.due.is_none_or(|due| due <= clock());
        let Some(kept) = self
            .kept
            .last
            .clone()
            .filter(|_| due && !self.kept.stopping)
        else {
            return;
        };
        let remains = Remains {
            conference: self.id,
            kept,
        };
        if self.means.keeper.keep(self.room, remains) {
            self.kept.due = Some(clock() + SEAT_RENEWAL);
        }
    }

    /// Finds the seat of a page, and ends another page that has it.
    pub(super) async fn make_way(&mut self, page: Option<Page>) -> (Option<SeatId>, Option<Claim>) {
        let Some(page) = page else {
            return (None, None);
        };
        let Some(claim) = page.claim.filter(|claim| claim.conference == self.id) else {
            return (Some(page.fresh), None);
        };
        let seat = claim.seat;
        self.focus.handle(Input::GiveWay { seat }, clock());
        self.drain().await;
        (Some(seat), Some(claim))
    }
}
