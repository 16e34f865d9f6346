//! The sound of those inside: microphones, legs on hold, who speaks, what disturbs, and whose line carries speech badly.

use super::*;

impl Focus {
    pub(super) fn set_microphone(&mut self, id: ParticipantId, on: bool) {
        if on && !self.may_speak(id) {
            self.set_hand(id, true);
            return;
        }
        if !self.switch(id, on) {
            return;
        }
        let music = self
            .participants
            .get(&id)
            .is_some_and(Participant::is_music);
        let event = match (on, music) {
            (true, false) => Event::MicrophoneOn,
            (true, true) => Event::MusicMuted,
            (false, _) => Event::MicrophoneOff,
        };
        self.tell(id, event);
    }

    pub(super) fn mute(&mut self, by: ParticipantId, target: ParticipantId) {
        if by == target {
            self.set_microphone(by, false);
        } else if self.switch(target, false) {
            self.tell(target, Event::MicrophoneOffByModerator);
            self.did(by, Act::Muted, Some(target));
        }
    }

    /// Switches a microphone; returns whether that changed anything.
    pub(super) fn switch(&mut self, id: ParticipantId, on: bool) -> bool {
        let Some(participant) = self.participants.get_mut(&id) else {
            return false;
        };
        if participant.microphone == on {
            return false;
        }
        participant.microphone = on;
        participant.speaking = false;
        self.changed(id, true);
        true
    }

    pub(super) fn set_original_sound(&mut self, id: ParticipantId, on: bool) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        if participant.door == Door::Phone || participant.telephone.is_some() {
            self.refuse(id, Refusal::NotAllowed);
        } else if participant.original_sound != on {
            participant.original_sound = on;
            let leg = participant.leg;
            self.changed(id, false);
            self.notices.push_back(Effect::OriginalSound { leg, on });
        }
    }

    pub(super) fn hold(&mut self, leg: LegId, held: bool) {
        let status = if held {
            Status::OnHold
        } else {
            Status::Connected
        };
        self.waiting.hold(leg, held && self.legs.contains_key(&leg));
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        if !participant.is_inside() {
            let talks = participant.apart.is_some();
            self.unpublished.seats |= talks;
        } else if participant.status != status {
            participant.status = status;
            participant.speaking = false;
            let id = participant.id;
            self.changed(id, true);
        }
    }

    pub(super) fn speaking(&mut self, leg: LegId, speaking: bool) {
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        let speaking = speaking && Seat::of(participant).speaks && !participant.is_music();
        if participant.speaking != speaking {
            participant.speaking = speaking;
            let id = participant.id;
            self.unpublished.voices.insert(id);
        }
    }

    /// Shows what a leg disturbs with. The mixer mutes music by itself and listens on, so no seat changes: when the music
    /// ends, the microphone is what its person made it.
    pub(super) fn disturbs(&mut self, leg: LegId, disturbance: Option<Disturbance>) {
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        if participant.disturbs == disturbance || !participant.is_inside() {
            return;
        }
        let before = std::mem::replace(&mut participant.disturbs, disturbance);
        participant.speaking &= !participant.is_music();
        let (id, speaks) = (participant.id, Seat::of(participant).speaks);
        self.changed(id, false);
        if speaks && disturbance == Some(Disturbance::Music) {
            self.happened(Actor::Server, Act::MusicMuted, Some(id));
        }
        if let Some(event) = disturbing(before, disturbance).filter(|_| speaks)
            && (!event.is_hint() || self.hinted.insert(id))
        {
            self.tell(id, event);
        }
    }

    /// Shows how well a line carries speech. Of those inside it is told by ids alone, as their speaking is: where the network
    /// of many turns bad at once it cannot bear more.
    pub(super) fn judge_line(&mut self, leg: LegId, quality: Quality) {
        let Some(participant) = self.by_leg(leg) else {
            return;
        };
        if participant.quality == quality {
            return;
        }
        participant.quality = quality;
        let (id, inside) = (participant.id, participant.is_inside());
        if inside {
            self.unpublished.lines.insert(id);
        } else {
            self.changed(id, false);
        }
    }
}

/// Returns what the person is told whose leg disturbs otherwise than before.
const fn disturbing(before: Option<Disturbance>, after: Option<Disturbance>) -> Option<Event> {
    match (before, after) {
        (_, Some(Disturbance::Music)) => Some(Event::MusicMuted),
        (Some(Disturbance::Music), _) => Some(Event::MusicOver),
        (_, Some(Disturbance::SteadyNoise)) => Some(Event::LineHums),
        (_, Some(Disturbance::Echo)) => Some(Event::LineEchoes),
        (_, None) => None,
    }
}
