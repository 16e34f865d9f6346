//! What the mixer and the legs say of the sound: who speaks, what disturbs, and whose line carries speech badly.

use super::*;

impl Focus {
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
