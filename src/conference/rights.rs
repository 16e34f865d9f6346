//! Who may do what: one table of role and action, for keys, page and API alike.
//!
//! Opening somebody else's microphone is not in the table because it does not exist: it is opened by its person alone.

use crate::conference::participant::Role;

/// Defines [`Action`] together with the table, so that no action can be without a row.
macro_rules! rights {
    ($($(#[$doc:meta])* $action:ident => [$($role:ident),*];)*) => {
        /// What rights are given for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// Every action, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// The roles that may take it.
            const fn roles(self) -> &'static [Role] {
                match self {
                    $(Self::$action => &[$(Role::$role,)*],)*
                }
            }
        }
    };
}

rights! {
    /// Switching one's own microphone on and off.
    OwnMicrophone => [Guest, Moderator];
    /// Having one's own sound left as it is.
    OriginalSound => [Guest, Moderator];
    /// Raising and lowering one's own hand.
    OwnHand => [Guest, Moderator];
    /// Asking who is here.
    WhoIsHere => [Guest, Moderator];
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
    /// Sending somebody away.
    Remove => [Moderator];
    /// Ending the conference for all.
    End => [Moderator];
}

/// Tells whether the role gives the right to the action.
pub fn may(role: Role, action: Action) -> bool {
    action.roles().contains(&role)
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! cells {
        ($($test:ident: $role:ident $action:ident $expected:literal;)*) => {
            $(#[test]
            fn $test() {
                assert_eq!(may(Role::$role, Action::$action), $expected);
            })*
        };
    }

    /// Whatever a guest may a moderator may too.
    #[test]
    fn a_moderator_may_do_everything() {
        for action in Action::ALL {
            assert!(may(Role::Moderator, *action), "{action:?}");
        }
    }

    cells! {
        a_guest_switches_their_own_microphone: Guest OwnMicrophone true;
        a_guest_has_their_own_sound_left_as_it_is: Guest OriginalSound true;
        a_guest_raises_their_own_hand: Guest OwnHand true;
        a_guest_asks_who_is_here: Guest WhoIsHere true;
        a_guest_does_not_mute_all: Guest MuteAll false;
        a_guest_asks_nobody_to_unmute: Guest AskToUnmute false;
        a_guest_lowers_nobodys_hand: Guest LowerHand false;
        a_guest_does_not_make_people_ask: Guest AskToSpeak false;
        a_guest_gives_nobody_the_floor: Guest GiveFloor false;
        a_guest_does_not_lock: Guest Lock false;
        a_guest_does_not_mute: Guest Mute false;
        a_guest_does_not_remove: Guest Remove false;
        a_guest_does_not_end: Guest End false;
        a_moderator_switches_their_own_microphone: Moderator OwnMicrophone true;
        a_moderator_has_their_own_sound_left_as_it_is: Moderator OriginalSound true;
        a_moderator_mutes: Moderator Mute true;
        a_moderator_removes: Moderator Remove true;
        a_moderator_ends: Moderator End true;
    }
}
