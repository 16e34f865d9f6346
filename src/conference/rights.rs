//! Who may do what: one table of role and action, for keys, page and API alike.
//!
//! Opening somebody else's microphone is not in the table because it does not exist: it is opened by its person alone.

use crate::conference::participant::Role;

/// What rights are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Switching one's own microphone on and off.
    OwnMicrophone,
    /// Having one's own sound left as it is.
    OriginalSound,
    /// Switching somebody's microphone off.
    Mute,
    /// Sending somebody away.
    Remove,
    /// Ending the conference for all.
    End,
}

/// The table: an action and the roles that may take it.
const RIGHTS: [(Action, &[Role]); 5] = [
    (Action::OwnMicrophone, &[Role::Guest, Role::Moderator]),
    (Action::OriginalSound, &[Role::Guest, Role::Moderator]),
    (Action::Mute, &[Role::Moderator]),
    (Action::Remove, &[Role::Moderator]),
    (Action::End, &[Role::Moderator]),
];

/// Tells whether the role gives the right to the action.
pub fn may(role: Role, action: Action) -> bool {
    RIGHTS
        .iter()
        .any(|(listed, roles)| *listed == action && roles.contains(&role))
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

    cells! {
        a_guest_switches_their_own_microphone: Guest OwnMicrophone true;
        a_guest_has_their_own_sound_left_as_it_is: Guest OriginalSound true;
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
