//! What a participant can ask for, by key and page alike, and the right that each takes.

use crate::{
    conference::{
        policy::{ChatRule, EntrySignal, Lobby, Reason},
        rights::Action,
        text::Typing,
    },
    id::ParticipantId,
    pii::{Name, Pii, Words},
};

/// What a participant can ask for. There is no verb that opens somebody else's microphone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Switch the own microphone on or off.
    SetMicrophone(bool),
    /// Switch the own microphone over.
    ToggleMicrophone,
    /// Have the own sound left as it is, or treated again. For browsers: a telephone line needs the treatment.
    SetOriginalSound(bool),
    /// Raise the own hand or lower it.
    SetHand(bool),
    /// Raise the own hand, or lower it if it is raised.
    ToggleHand,
    /// Have all read what is typed.
    Type(Typing),
    /// Have all read a line of chat.
    Chat(Words),
    /// Have one person read a line of chat.
    ChatWith(ParticipantId, Words),
    /// Decide whom people may write to by chat.
    SetChatRule(ChatRule),
    /// Be told who is here.
    WhoIsHere,
    /// Be told who has waited longest.
    HearWaiting,
    /// Be told who waits after the one that was told last.
    HearNextWaiting,
    /// Let the one in that was told last.
    AdmitHeard,
    /// Turn the one away that was told last.
    TurnAwayHeard(Reason),
    /// Hear the name that somebody has said who waits.
    HearName(ParticipantId),
    /// Let somebody in.
    Admit(ParticipantId),
    /// Let everybody in who waits.
    AdmitAll,
    /// Turn somebody away who waits.
    TurnAway(ParticipantId, Reason),
    /// Talk with somebody who waits, alone.
    TalkWith(ParticipantId),
    /// Talk with the one that was told last, alone; end the talk if there is one.
    TalkWithHeard,
    /// End the talk with somebody who waits.
    EndTalk,
    /// Decide who has to wait.
    SetLobby(Lobby),
    /// Let people in again without waiting after PINs were guessed.
    LiftAlarm,
    /// Switch somebody's microphone off.
    Mute(ParticipantId),
    /// Switch the microphones of all guests off; each may switch theirs on again.
    MuteAll,
    /// Ask somebody to switch their microphone on.
    AskToUnmute(ParticipantId),
    /// Lower somebody's hand.
    LowerHand(ParticipantId),
    /// Lower all hands.
    LowerHands,
    /// Let guests speak only with the floor, or everybody again.
    SetAskToSpeak(bool),
    /// Give somebody the floor, and take it from who had it.
    GiveFloor(ParticipantId),
    /// Let guests speak only with the floor; where that is so, give it to who asked first.
    NextHand,
    /// Let nobody but moderators in, or everybody again.
    SetLock(bool),
    /// Lock the conference, or open it if it is locked.
    ToggleLock,
    /// Decide what is heard of people who come and go.
    SetEntrySignal(EntrySignal),
    /// Have something else be heard of people who come and go, one after the other.
    NextEntrySignal,
    /// Have somebody called at this number, as it was typed.
    Invite(Pii<String>),
    /// Call somebody by this name, or by their number again.
    Rename(ParticipantId, Option<Name>),
    /// Send somebody away.
    Remove(ParticipantId),
    /// Send the guest away who came in last.
    RemoveLast,
    /// Send somebody away and let them not come back as long as the conference lasts, as far as they can be known again.
    Ban(ParticipantId),
    /// Make somebody a moderator who is inside.
    MakeModerator(ParticipantId),
    /// Have a code by which a telephone becomes one's sound.
    AskPairingCode,
    /// Say that the telephone that is one's sound is one's own, or have it go.
    AnswerForTelephone(bool),
    /// End the conference for all.
    End,
}

impl Verb {
    /// Returns what the role must give a right to.
    pub const fn action(&self) -> Action {
        match self {
            Self::SetMicrophone(_) | Self::ToggleMicrophone => Action::OwnMicrophone,
            Self::SetOriginalSound(_) => Action::OriginalSound,
            Self::SetHand(_) | Self::ToggleHand => Action::OwnHand,
            Self::Type(_) => Action::TypedText,
            Self::Chat(_) => Action::Chat,
            Self::ChatWith(..) => Action::PrivateChat,
            Self::SetChatRule(_) => Action::ChatRule,
            Self::WhoIsHere => Action::WhoIsHere,
            Self::HearWaiting | Self::HearNextWaiting | Self::HearName(_) => Action::SeeWaiting,
            Self::AdmitHeard | Self::Admit(_) | Self::AdmitAll => Action::Admit,
            Self::TurnAwayHeard(_) | Self::TurnAway(..) => Action::TurnAway,
            Self::TalkWith(_) | Self::TalkWithHeard | Self::EndTalk => Action::TalkApart,
            Self::SetLobby(_) => Action::Lobby,
            Self::LiftAlarm => Action::LiftAlarm,
            Self::Mute(_) => Action::Mute,
            Self::MuteAll => Action::MuteAll,
            Self::AskToUnmute(_) => Action::AskToUnmute,
            Self::LowerHand(_) | Self::LowerHands => Action::LowerHand,
            Self::SetAskToSpeak(_) => Action::AskToSpeak,
            Self::GiveFloor(_) | Self::NextHand => Action::GiveFloor,
            Self::SetLock(_) | Self::ToggleLock => Action::Lock,
            Self::SetEntrySignal(_) | Self::NextEntrySignal => Action::EntrySignal,
            Self::Invite(_) => Action::Invite,
            Self::Rename(..) => Action::Rename,
            Self::Remove(_) | Self::RemoveLast => Action::Remove,
            Self::Ban(_) => Action::Ban,
            Self::MakeModerator(_) => Action::MakeModerator,
            Self::AskPairingCode | Self::AnswerForTelephone(_) => Action::OwnTelephone,
            Self::End => Action::End,
        }
    }

    /// Returns whom it is about who has to be inside for it.
    pub(super) const fn about_inside(&self) -> Option<ParticipantId> {
        match self {
            Self::Mute(id)
            | Self::AskToUnmute(id)
            | Self::LowerHand(id)
            | Self::GiveFloor(id)
            | Self::MakeModerator(id)
            | Self::ChatWith(id, _) => Some(*id),
            Self::SetMicrophone(_)
            | Self::ToggleMicrophone
            | Self::SetOriginalSound(_)
            | Self::SetHand(_)
            | Self::ToggleHand
            | Self::Type(_)
            | Self::Chat(_)
            | Self::SetChatRule(_)
            | Self::WhoIsHere
            | Self::HearWaiting
            | Self::HearNextWaiting
            | Self::AdmitHeard
            | Self::TurnAwayHeard(_)
            | Self::HearName(_)
            | Self::Admit(_)
            | Self::AdmitAll
            | Self::TurnAway(..)
            | Self::TalkWith(_)
            | Self::TalkWithHeard
            | Self::EndTalk
            | Self::SetLobby(_)
            | Self::LiftAlarm
            | Self::MuteAll
            | Self::LowerHands
            | Self::SetAskToSpeak(_)
            | Self::NextHand
            | Self::SetLock(_)
            | Self::ToggleLock
            | Self::SetEntrySignal(_)
            | Self::NextEntrySignal
            | Self::Invite(_)
            | Self::Rename(..)
            | Self::Remove(_)
            | Self::RemoveLast
            | Self::Ban(_)
            | Self::AskPairingCode
            | Self::AnswerForTelephone(_)
            | Self::End => None,
        }
    }

    /// One of each verb, about somebody: what tests of the rights go through.
    pub fn samples(about: ParticipantId) -> Vec<Self> {
        vec![
            Self::SetMicrophone(true),
            Self::ToggleMicrophone,
            Self::SetOriginalSound(true),
            Self::SetHand(true),
            Self::ToggleHand,
            Self::Type(Typing {
                words: Pii::new("Guten Tag".to_owned()),
                ended: false,
            }),
            Self::Chat(Pii::new("Guten Tag".to_owned())),
            Self::ChatWith(about, Pii::new("Guten Tag".to_owned())),
            Self::SetChatRule(ChatRule::Off),
            Self::WhoIsHere,
            Self::HearWaiting,
            Self::HearNextWaiting,
            Self::AdmitHeard,
            Self::TurnAwayHeard(Reason::ComeLater),
            Self::HearName(about),
            Self::Admit(about),
            Self::AdmitAll,
            Self::TurnAway(about, Reason::NotExpected),
            Self::TalkWith(about),
            Self::TalkWithHeard,
            Self::EndTalk,
            Self::SetLobby(Lobby::All),
            Self::LiftAlarm,
            Self::Mute(about),
            Self::MuteAll,
            Self::AskToUnmute(about),
            Self::LowerHand(about),
            Self::LowerHands,
            Self::SetAskToSpeak(true),
            Self::GiveFloor(about),
            Self::NextHand,
            Self::SetLock(true),
            Self::ToggleLock,
            Self::SetEntrySignal(EntrySignal::Names),
            Self::NextEntrySignal,
            Self::Invite(Pii::new("030123456".to_owned())),
            Self::Rename(about, None),
            Self::Remove(about),
            Self::RemoveLast,
            Self::Ban(about),
            Self::MakeModerator(about),
            Self::AskPairingCode,
            Self::AnswerForTelephone(true),
            Self::End,
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// An action that no verb asks for is the door's alone: how one hears and is heard.
    #[test]
    fn every_action_but_the_doors_own_has_a_verb() {
        let samples = Verb::samples(ParticipantId::from_u64(1));
        let asked: BTreeSet<Action> = samples.iter().map(Verb::action).collect();
        let doors = BTreeSet::from([Action::OwnListening, Action::OwnLoudness]);
        let all: BTreeSet<Action> = Action::ALL.iter().copied().collect();
        assert_eq!(&all - &asked, doors);
    }
}
