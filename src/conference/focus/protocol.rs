//! The protocol of acts at work: what is done is shown to everybody inside, at once and to each as far as it is theirs to see.
//!
//! The focus keeps none of it but the last of the deeds of which who is here is told.

use super::*;
use crate::conference::acts::{Act, Actor, Affected, Done, Relation, Sight, sight};

impl Focus {
    /// Shows what a moderator did, and to whom.
    pub(super) fn did(&mut self, by: ParticipantId, act: Act, to: Option<ParticipantId>) {
        self.show(Actor::Moderator, Some(by), act, to);
    }

    /// Shows what no participant did.
    pub(super) fn happened(&mut self, actor: Actor, act: Act, to: Option<ParticipantId>) {
        self.show(actor, None, act, to);
    }

    /// Shows that a moderator sends somebody away who is inside. Of who only waits, or is called, nobody is told.
    pub(super) fn sends_away(&mut self, by: ParticipantId, act: Act, to: ParticipantId) {
        if self.is_inside(to) {
            self.did(by, act, Some(to));
        }
    }

    fn show(
        &mut self,
        actor: Actor,
        by: Option<ParticipantId>,
        act: Act,
        to: Option<ParticipantId>,
    ) {
        let affected = to
            .and_then(|id| self.participants.get(&id))
            .map(Affected::from);
        let (mut some, mut all) = (Vec::new(), Vec::new());
        for who in self.participants.values() {
            let standing = Standing::of(who.role, who.status);
            match sight(standing, Relation::of(who.id, by, to)) {
                Sight::Nothing => {}
                Sight::Act if affected.is_some() => some.push(who.id),
                Sight::Act | Sight::Affected => all.push(who.id),
            }
        }
        for (seers, to) in [(all, affected), (some, None)] {
            if !seers.is_empty() {
                let done = Done { act, actor, to };
                self.notices.push_back(Effect::Done { done, seers });
            }
        }
    }

    /// Notes what of the acts shown since concerns all; what is no longer so is not told any more.
    pub(super) fn note_deed(&mut self, since: usize, now: Instant) {
        let acts = self.notices.range(since..).filter_map(|effect| {
            if let Effect::Done { done, .. } = effect {
                Some(done.act)
            } else {
                None
            }
        });
        for act in acts {
            match act.deed() {
                Some(deed) => self.deed = Some((deed, now)),
                None if act == Act::Locked && matches!(self.deed, Some((Deed::Unlocked, _))) => {
                    self.deed = None;
                }
                None => {}
            }
        }
    }
}
