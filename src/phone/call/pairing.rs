//! A pairing code that is typed in a conference, until it is told what became of it.

use std::time::Instant;

use super::{Talk, admission::Origin};
use crate::{
    conference::event::Event,
    id::{ParticipantId, RoomId},
    limit::VERDICT_DELAY,
    pii::Secret,
    server::{Attendance, Judged, Server, TypedAt, caller::Caller, conference::clock},
};

/// What is typed in the conference of a room.
pub(super) struct Pairing {
    room: RoomId,
    /// Whose code it is, if it is one, and when that takes effect.
    verdict: Option<(Option<ParticipantId>, Instant)>,
}

impl Pairing {
    pub(super) const fn in_room(room: RoomId) -> Self {
        Self {
            room,
            verdict: None,
        }
    }

    /// When the verdict takes effect.
    pub(super) fn due(&self) -> Option<Instant> {
        self.verdict.map(|(_, due)| due)
    }

    /// Judges a code that is whole; while a verdict waits no other is judged.
    pub(super) async fn judge(
        &mut self,
        code: Option<Secret<String>>,
        server: &Server,
        origin: Origin<'_>,
    ) {
        let Some(code) = code.filter(|_| self.verdict.is_none()) else {
            return;
        };
        let nobody = Caller::default();
        let caller = match origin {
            Origin::Theirs(caller) => caller,
            Origin::Ours => &nobody,
        };
        let judged = server.check_pairing(&code, TypedAt::Inside(self.room), caller);
        self.verdict = Some(match judged.await {
            Ok(Judged { admission, delay }) => {
                let person = admission.and_then(|admission| admission.pairs_with);
                (person, clock() + delay.max(VERDICT_DELAY))
            }
            Err(error) => {
                tracing::error!(%error, "a pairing code could not be judged");
                (None, clock() + VERDICT_DELAY)
            }
        });
    }

    /// Lets the verdict take effect.
    pub(super) async fn tell(&mut self, talk: &mut Talk, attendance: &Attendance) {
        match self.verdict.take() {
            Some((Some(person), _)) => attendance.pair(person).await,
            Some((None, _)) | None => talk.tell(Event::PairingFailed).await,
        }
    }
}
