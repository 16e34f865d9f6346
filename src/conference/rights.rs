//! Who may do what: one table of standing and action, for keys, page and API alike.
//!
//! Opening somebody else's microphone is not in the table because it does not exist: it is opened by its person alone.

use crate::conference::participant::{Role, Status};

/// Whose rights are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Somebody in the waiting room or being called, whatever their role will be inside.
    Waiting,
    /// Somebody in the waiting room with whom a moderator talks alone.
    Addressed,
    /// A guest.
    Guest,
    /// A moderator.
    Moderator,
}

impl Standing {
    /// All standings.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Addressed, Self::Guest, Self::Moderator];

    /// A participant's standing, as long as nobody talks with them who wait.
    pub const fn of(role: Role, status: Status) -> Self {
        match (status, role) {
            (Status::Pending | Status::DialingOut | Status::Alerting, _) => Self::Waiting,
            (Status::Connected | Status::OnHold, Role::Guest) => Self::Guest,
            (Status::Connected | Status::OnHold, Role::Moderator) => Self::Moderator,
        }
    }
}

/// Defines [`Action`] together with the table, so that no action can be without a row.
macro_rules! rights {
    ($($(#[$doc:meta])* $action:ident => [$($standing:ident),*];)*) => {
        /// What rights are given for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// Every action, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// Who may take it.
            const fn standings(self) -> &'static [Standing] {
                match self {
                    $(Self::$action => &[$(Standing::$standing,)*],)*
                }
            }
        }
    };
}

rights! {
    /// Hearing the help, and hearing louder or softer.
    OwnListening => [Waiting, Addressed, Guest, Moderator];
    /// Being heard louder or softer.
    OwnLoudness => [Addressed, Guest, Moderator];
    /// Switching one's own microphone on and off.
    OwnMicrophone => [Addressed, Guest, Moderator];
    /// Having one's own sound left as it is.
    OriginalSound => [Guest, Moderator];
    /// Raising and lowering one's own hand.
    OwnHand => [Guest, Moderator];
    /// Writing for all to read as one types, with the floor where people ask to speak: the microphone in writing.
    TypedText => [Guest, Moderator];
    /// Writing to all by chat.
    Chat => [Guest, Moderator];
    /// Writing to one person by chat, who alone reads it.
    PrivateChat => [Guest, Moderator];
    /// Having a telephone as the sound of one's page: the code for it, and the word on whose it is.
    OwnTelephone => [Guest, Moderator];
    /// Asking who is here.
    WhoIsHere => [Guest, Moderator];
    /// Seeing or hearing who waits.
    SeeWaiting => [Moderator];
    /// Letting in who waits.
    Admit => [Moderator];
    /// Turning away who waits.
    TurnAway => [Moderator];
    /// Talking with one who waits, alone.
    TalkApart => [Moderator];
    /// Deciding who has to wait.
    Lobby => [Moderator];
    /// Letting people in again after PINs were guessed.
    LiftAlarm => [Moderator];
    /// Switching somebody's microphone off.
    Mute => [Moderator];
    /// Switching the microphones of all guests off.
    MuteAll => [Moderator];
    /// Asking somebody to switch their microphone on.
    AskToUnmute => [Moderator];
    /// Lowering somebody's hand.
    LowerHand => [Moderator];
    /// Deciding whether guests have to ask before they speak.
    AskToSpeak => [Moderator];
    /// Giving the floor to who asks for it.
    GiveFloor => [Moderator];
    /// Letting nobody else in, or letting people in again.
    Lock => [Moderator];
    /// Deciding what is heard of people who come and go.
    EntrySignal => [Moderator];
    /// Deciding whom people may write to by chat.
    ChatRule => [Moderator];
    /// Having somebody called.
    Invite => [Moderator];
    /// Calling somebody by another name.
    Rename => [Moderator];
    /// Sending somebody away.
    Remove => [Moderator];
    /// Sending somebody away for as long as the conference lasts.
    Ban => [Moderator];
    /// Making somebody a moderator.
    MakeModerator => [Moderator];
    /// Ending the conference for all.
    End => [Moderator];
}

/// Tells whether the standing gives the right to the action.
pub fn may(standing: Standing, action: Action) -> bool {
    action.standings().contains(&standing)
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! cells {
        ($($test:ident: $standing:ident $action:ident $expected:literal;)*) => {
            $(#[test]
            fn $test() {
                assert_eq!(may(Standing::$standing, Action::$action), $expected);
            })*
        };
    }

    /// Whatever a guest may a moderator may too.
    #[test]
    fn a_moderator_may_do_everything() {
        for action in Action::ALL {
            assert!(may(Standing::Moderator, *action), "{action:?}");
        }
    }

    /// The waiting room is no way to anything inside.
    #[test]
    fn who_waits_may_do_nothing_but_listen() {
        let may = |action: &&Action| may(Standing::Waiting, **action);
        let allowed: Vec<&Action> = Action::ALL.iter().filter(may).collect();
        assert_eq!(allowed, [&Action::OwnListening]);
    }

    /// Who is talked to may answer, and no more.
    #[test]
    fn who_is_addressed_may_only_hear_and_be_heard() {
        let may = |action: &&Action| may(Standing::Addressed, **action);
        let allowed: Vec<&Action> = Action::ALL.iter().filter(may).collect();
        let own = [
            &Action::OwnListening,
            &Action::OwnLoudness,
            &Action::OwnMicrophone,
        ];
        assert_eq!(allowed, own);
    }

    #[test]
    fn a_role_counts_inside_only() {
        for role in [Role::Guest, Role::Moderator] {
            assert_eq!(Standing::of(role, Status::Pending), Standing::Waiting);
        }
        let held = Standing::of(Role::Moderator, Status::OnHold);
        assert_eq!(held, Standing::Moderator);
    }

    cells! {
        a_guest_switches_their_own_microphone: Guest OwnMicrophone true;
        a_guest_has_their_own_sound_left_as_it_is: Guest OriginalSound true;
        a_guest_raises_their_own_hand: Guest OwnHand true;
        a_guest_types_text: Guest TypedText true;
        a_guest_chats_with_all: Guest Chat true;
        a_guest_chats_with_one: Guest PrivateChat true;
        a_guest_asks_who_is_here: Guest WhoIsHere true;
        a_guest_has_a_telephone_as_their_sound: Guest OwnTelephone true;
        who_waits_has_no_telephone_as_their_sound: Waiting OwnTelephone false;
        a_moderator_has_a_telephone_as_their_sound: Moderator OwnTelephone true;
        a_guest_does_not_mute_all: Guest MuteAll false;
        a_guest_asks_nobody_to_unmute: Guest AskToUnmute false;
        a_guest_lowers_nobodys_hand: Guest LowerHand false;
        a_guest_does_not_make_people_ask: Guest AskToSpeak false;
        a_guest_gives_nobody_the_floor: Guest GiveFloor false;
        a_guest_does_not_lock: Guest Lock false;
        a_guest_does_not_mute: Guest Mute false;
        a_guest_does_not_remove: Guest Remove false;
        a_guest_does_not_end: Guest End false;
        a_guest_does_not_see_who_waits: Guest SeeWaiting false;
        a_guest_lets_nobody_in: Guest Admit false;
        a_guest_turns_nobody_away: Guest TurnAway false;
        a_guest_talks_with_nobody_who_waits: Guest TalkApart false;
        a_guest_makes_nobody_wait: Guest Lobby false;
        a_guest_lifts_no_alarm: Guest LiftAlarm false;
        a_guest_changes_no_entry_signal: Guest EntrySignal false;
        a_guest_does_not_switch_the_chat: Guest ChatRule false;
        a_guest_has_nobody_called: Guest Invite false;
        a_guest_renames_nobody: Guest Rename false;
        a_guest_bans_nobody: Guest Ban false;
        a_guest_makes_nobody_a_moderator: Guest MakeModerator false;
        a_moderator_switches_their_own_microphone: Moderator OwnMicrophone true;
        a_moderator_has_their_own_sound_left_as_it_is: Moderator OriginalSound true;
        a_moderator_types_text: Moderator TypedText true;
        a_moderator_chats_with_all: Moderator Chat true;
        a_moderator_chats_with_one: Moderator PrivateChat true;
        a_moderator_switches_the_chat: Moderator ChatRule true;
        who_waits_types_no_text: Waiting TypedText false;
        who_waits_does_not_chat_with_all: Waiting Chat false;
        who_waits_does_not_chat_with_one: Waiting PrivateChat false;
        who_waits_does_not_switch_the_chat: Waiting ChatRule false;
        a_moderator_mutes: Moderator Mute true;
        a_moderator_removes: Moderator Remove true;
        a_moderator_makes_moderators: Moderator MakeModerator true;
        a_moderator_ends: Moderator End true;
    }
}
