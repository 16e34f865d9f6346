//! What participants ask for: by one table of rights, whichever door they came through.

use super::*;
use crate::conference::acts::Act;

impl Focus {
    /// Does what somebody asks for, if they may.
    pub(super) fn act(&mut self, by: ParticipantId, verb: Verb, now: Instant) {
        let Some((person, standing)) = self.asker(by) else {
            return;
        };
        self.answering(by, |focus| focus.do_as(person, standing, verb, now));
    }

    fn do_as(&mut self, by: ParticipantId, standing: Standing, verb: Verb, now: Instant) {
        let Some(actor) = self.participants.get(&by) else {
            return;
        };
        let (microphone, hand) = (actor.microphone, actor.hand.is_some());
        if !rights::may(standing, verb.action()) {
            let refusal = match standing {
                Standing::Waiting | Standing::Addressed => Refusal::Waiting,
                Standing::Guest | Standing::Moderator => Refusal::NotAllowed,
            };
            self.refuse(by, refusal);
            return;
        }
        if let Some(about) = verb.about_inside()
            && !self.is_inside(about)
        {
            self.refuse(by, Refusal::NotHere);
            return;
        }
        let shown = self.notices.len();
        match verb {
            Verb::SetMicrophone(on) => self.set_microphone(by, on),
            Verb::ToggleMicrophone => self.set_microphone(by, !microphone),
            Verb::SetOriginalSound(on) => self.set_original_sound(by, on),
            Verb::SetHand(up) => self.set_hand(by, up),
            Verb::ToggleHand => self.set_hand(by, !hand),
            Verb::Type(typing) => self.type_text(by, &typing),
            Verb::Chat(words) => self.chat(by, None, &words),
            Verb::ChatWith(target, words) => self.chat(by, Some(target), &words),
            Verb::SetChatRule(rule) => self.decide_chat(by, rule),
            Verb::WhoIsHere => self.call_roll(by, now),
            Verb::Mute(target) => self.mute(by, target),
            Verb::MuteAll => self.mute_all(by),
            Verb::AskToUnmute(target) => self.ask_to_unmute(by, target),
            Verb::LowerHand(target) => self.lower_hand(by, target),
            Verb::LowerHands => self.lower_hands(by),
            Verb::SetAskToSpeak(on) => self.set_ask_to_speak(by, on),
            Verb::GiveFloor(target) => self.give_floor(by, target),
            Verb::NextHand => self.next_hand(by, now),
            Verb::SetLock(locked) => self.set_lock(by, locked),
            Verb::ToggleLock => self.set_lock(by, !self.conference.locked),
            Verb::HearWaiting => self.hear_waiting(by),
            Verb::HearNextWaiting => self.hear_next_waiting(by),
            Verb::AdmitHeard => self.admit_heard(by, now),
            Verb::TurnAwayHeard(reason) => self.turn_away_heard(by, reason, now),
            Verb::HearName(target) => self.hear_name(by, target),
            Verb::Admit(target) => self.admit(by, target, now),
            Verb::AdmitAll => self.admit_all(by, now),
            Verb::TurnAway(target, reason) => self.turn_away(by, target, reason, now),
            Verb::TalkWith(target) => self.talk_with(by, target),
            Verb::TalkWithHeard => self.talk_with_heard(by),
            Verb::EndTalk => self.end_talk(by),
            Verb::SetLobby(lobby) => self.decide_lobby(by, lobby),
            Verb::LiftAlarm => self.lift_alarm(by),
            Verb::SetEntrySignal(signal) => self.set_entry_signal(by, signal),
            Verb::NextEntrySignal => {
                self.set_entry_signal(by, self.conference.entry_signal.next());
            }
            Verb::Invite(number) => self.invite(by, number),
            Verb::Rename(target, name) => self.rename(by, target, name),
            Verb::Remove(target) => self.remove(by, target, now),
            Verb::RemoveLast => self.remove_last(by, now),
            Verb::Ban(target) => self.ban(by, target, now),
            Verb::MakeModerator(target) => self.make_moderator(by, target),
            Verb::AskPairingCode => self.ask_pairing_code(by),
            Verb::AnswerForTelephone(own) => self.answer_for_telephone(by, own, now),
            Verb::End => self.end_for_all(by, now),
        }
        self.settle_lines();
        self.note_deed(shown, now);
    }

    /// Sends somebody away.
    fn remove(&mut self, by: ParticipantId, target: ParticipantId, now: Instant) {
        if self.participants.contains_key(&target) {
            self.sends_away(by, Act::Removed, target);
            self.dismiss(target, Dismissal::Removed, now);
        } else {
            self.refuse(by, Refusal::NotHere);
        }
    }

    /// Ends the conference for all, who are shown that it was a moderator.
    fn end_for_all(&mut self, by: ParticipantId, now: Instant) {
        self.did(by, Act::Ended, None);
        self.end(Dismissal::Ended, now);
    }
}
