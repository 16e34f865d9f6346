//! Making somebody inside a moderator, which only a moderator can: whoever comes first is none, and nobody becomes one by
//! waiting.

use super::*;
use crate::conference::acts::Act;

impl Focus {
    /// Makes somebody a moderator who is inside. From then on everything is as if they had come as one.
    pub(super) fn make_moderator(&mut self, by: ParticipantId, target: ParticipantId) {
        let before = self.moderators();
        let Some(participant) = self.participants.get_mut(&target) else {
            return;
        };
        if std::mem::replace(&mut participant.role, Role::Moderator) == Role::Moderator {
            return;
        }
        let whom = Label::of(participant);
        if self.conference.ask_to_speak {
            // Whoever may speak at any time asks for nothing.
            participant.hand = None;
        }
        self.waiting.is_no_guest(target);
        self.memory.promote(target);
        self.changed(target, false);
        self.tell(target, Event::MadeModerator);
        self.brief(target);
        for moderator in before {
            self.tell(moderator, Event::NewModerator { whom });
        }
        self.did(by, Act::MadeModerator, Some(target));
    }

    /// Lowers all hands.
    pub(super) fn lower_hands(&mut self, by: ParticipantId) {
        let asking = self.participants.values().filter(|who| who.hand.is_some());
        let asking: Vec<ParticipantId> = asking.map(|who| who.id).collect();
        if asking.is_empty() {
            return;
        }
        for id in asking {
            self.hold_hand(id, false);
            let event = if id == by {
                Event::HandDown
            } else {
                Event::HandLowered
            };
            self.tell(id, event);
        }
        self.did(by, Act::HandsLowered, None);
    }
}
