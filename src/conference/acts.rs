//! The protocol of acts (C57): what moderators, the room's owner and the server itself do to people and to the conference, and
//! who is shown how much of it.
//!
//! Each act is shown when it happens, to those who are inside, and kept nowhere: who comes later sees what is done from then on.
//! That somebody was turned away from the waiting room is no act: nobody inside is to know who wanted in.

use serde::Serialize;

use crate::{
    conference::{
        participant::{Door, Participant},
        policy::{ChatRule, EntrySignal, Lobby},
        rights::Standing,
        rollcall::Deed,
    },
    id::ParticipantId,
    pii::Name,
};

/// Defines [`Act`] together with what is told of each to who asks who is here, so that no act can be forgotten.
macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident => $deed:expr,)*) => {
        /// A use of a moderator's power, or of the server's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Act {
            $($(#[$doc])* $act,)*
        }

        impl Act {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$act,)*];

            /// Returns what of it is told to who asks who is here: what concerns all.
            pub const fn deed(self) -> Option<Deed> {
                match self {
                    $(Self::$act => $deed,)*
                }
            }
        }
    };
}

acts! {
    /// Somebody was let in who waited.
    Admitted => None,
    /// All were let in who waited.
    AdmittedAll => None,
    /// A moderator talks with somebody who waits, alone.
    TalkedApart => None,
    /// Somebody's microphone was switched off.
    Muted => None,
    /// The microphones of all guests were switched off.
    MutedAll => Some(Deed::MutedAll),
    /// Somebody was asked to switch their microphone on.
    AskedToUnmute => None,
    /// Somebody's hand was lowered.
    HandLowered => None,
    /// All hands were lowered.
    HandsLowered => None,
    /// Guests speak only with the floor.
    AskToSpeak => Some(Deed::AskToSpeak),
    /// Everybody may speak again.
    AllMaySpeak => Some(Deed::AllMaySpeak),
    /// Somebody was given the floor.
    FloorGiven => None,
    /// Nobody but moderators is let in.
    Locked => None,
    /// People are let in again.
    Unlocked => Some(Deed::Unlocked),
    /// Nobody has to wait.
    LobbyOff => None,
    /// Guests have to wait.
    LobbyGuests => None,
    /// Everybody has to wait.
    LobbyAll => None,
    /// A tone tells who comes and goes.
    EntryTones => None,
    /// Who comes and goes is named.
    EntryNames => None,
    /// Nothing is heard of who comes and goes.
    EntryOff => None,
    /// People may write to all by chat, and to one person alone.
    ChatAll => None,
    /// They may write to all.
    ChatPublic => None,
    /// They may write to one person alone.
    ChatPrivate => None,
    /// There is no chat.
    ChatOff => None,
    /// Somebody has another name.
    Renamed => None,
    /// Somebody was sent away.
    Removed => None,
    /// Somebody was sent away for as long as the conference lasts.
    Banned => None,
    /// Somebody is being called.
    Invited => None,
    /// Somebody was made a moderator.
    MadeModerator => None,
    /// PINs are guessed, and newcomers wait.
    Alarm => None,
    /// Newcomers are trusted again.
    AlarmLifted => None,
    /// Callers wait, since the server was gone and does not know any more who was sent away.
    CallersWait => None,
    /// They are trusted again.
    CallersTrusted => None,
    /// The conference ended for all.
    Ended => None,
    /// Music came from somebody's line, and they are not heard until it ends.
    MusicMuted => None,
}

impl From<Lobby> for Act {
    fn from(lobby: Lobby) -> Self {
        match lobby {
            Lobby::Off => Self::LobbyOff,
            Lobby::Guests => Self::LobbyGuests,
            Lobby::All => Self::LobbyAll,
        }
    }
}

impl From<ChatRule> for Act {
    fn from(rule: ChatRule) -> Self {
        match rule {
            ChatRule::All => Self::ChatAll,
            ChatRule::Public => Self::ChatPublic,
            ChatRule::Private => Self::ChatPrivate,
            ChatRule::Off => Self::ChatOff,
        }
    }
}

impl From<EntrySignal> for Act {
    fn from(signal: EntrySignal) -> Self {
        match signal {
            EntrySignal::Tones => Self::EntryTones,
            EntrySignal::Names => Self::EntryNames,
            EntrySignal::Off => Self::EntryOff,
        }
    }
}

/// In which role somebody acts. Which person it was stands in no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A moderator.
    Moderator,
    /// The room's owner, from outside.
    Owner,
    /// The server, by itself.
    Server,
}

/// Somebody an act was done to, as they were called then: they may be gone when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// Who.
    pub id: ParticipantId,
    /// Their name, if they had one.
    pub name: Option<Name>,
    /// Their way in.
    pub door: Door,
    /// Their number among those who came the same way.
    pub ordinal: u32,
}

impl From<&Participant> for Affected {
    fn from(who: &Participant) -> Self {
        Self {
            id: who.id,
            name: who.name.clone(),
            door: who.door,
            ordinal: who.ordinal,
        }
    }
}

/// An act that was done. When it was is told by whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What.
    pub act: Act,
    /// By whom.
    pub actor: Actor,
    /// To whom, if it was done to one person, and to whoever may know that.
    pub to: Option<Affected>,
}

/// How somebody is related to an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// They did it.
    Actor,
    /// It was done to them.
    Affected,
    /// Neither.
    Other,
}

impl Relation {
    /// Somebody's relation to what one did to another.
    pub fn of(
        who: ParticipantId,
        actor: Option<ParticipantId>,
        affected: Option<ParticipantId>,
    ) -> Self {
        if actor == Some(who) {
            Self::Actor
        } else if affected == Some(who) {
            Self::Affected
        } else {
            Self::Other
        }
    }
}

/// How much of an act somebody is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// Nothing.
    Nothing,
    /// What was done, and in which role.
    Act,
    /// Also to whom.
    Affected,
}

/// Decides how much of an act somebody is shown. That there was one is for all inside; to whom it was done is for those who can
/// see it anyway.
pub const fn sight(standing: Standing, relation: Relation) -> Sight {
    match (standing, relation) {
        (Standing::Waiting | Standing::Addressed, _) => Sight::Nothing,
        (Standing::Moderator, _) | (Standing::Guest, Relation::Actor | Relation::Affected) => {
            Sight::Affected
        }
        (Standing::Guest, Relation::Other) => Sight::Act,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sees_what_of_an_act() {
        use {Relation::*, Standing::*};
        let cells = [
            (Waiting, Actor, Sight::Nothing),
            (Waiting, Affected, Sight::Nothing),
            (Waiting, Other, Sight::Nothing),
            (Addressed, Affected, Sight::Nothing),
            (Guest, Actor, Sight::Affected),
            (Guest, Affected, Sight::Affected),
            (Guest, Other, Sight::Act),
            (Moderator, Actor, Sight::Affected),
            (Moderator, Affected, Sight::Affected),
            (Moderator, Other, Sight::Affected),
        ];
        for (standing, relation, expected) in cells {
            let seen = sight(standing, relation);
            assert_eq!(seen, expected, "{standing:?} {relation:?}");
        }
    }

    #[test]
    fn who_does_something_to_themself_did_it() {
        let id = ParticipantId::from_u64;
        let of = |who, actor, affected| Relation::of(id(who), actor, affected);
        assert_eq!(of(1, Some(id(1)), Some(id(1))), Relation::Actor);
        assert_eq!(of(2, Some(id(1)), Some(id(2))), Relation::Affected);
        assert_eq!(of(3, Some(id(1)), Some(id(2))), Relation::Other);
        assert_eq!(of(3, None, None), Relation::Other);
    }

    /// Whoever asks who is here is told of a deed by its act.
    #[test]
    fn every_deed_is_an_act() {
        let deeds: Vec<Deed> = Act::ALL.iter().copied().filter_map(Act::deed).collect();
        assert_eq!(deeds, Deed::ALL);
    }
}
