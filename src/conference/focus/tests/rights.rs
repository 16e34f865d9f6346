//! The table of rights at work: every verb by everybody.

use super::*;
use crate::conference::policy::Lobby;
use crate::conference::rights::{Standing, may};

/// R30: allowed means not refused for want of a right; refused means that nothing changes.
#[test]
fn every_verb_by_everybody_is_as_the_table_says() {
    for standing in Standing::ALL {
        for verb in Verb::samples(id(9)) {
            let mut room = Room::new(10);
            room.join(9, Role::Guest, Door::Browser);
            room.join(1, Role::Moderator, Door::Browser);
            let who = match standing {
                Standing::Moderator => 1,
                Standing::Guest => 2,
                Standing::Waiting => 3,
                Standing::Addressed => 4,
            };
            room.join(2, Role::Guest, Door::Browser);
            room.act(1, Verb::SetLobby(Lobby::All));
            room.join(3, Role::Moderator, Door::Browser);
            room.join(4, Role::Moderator, Door::Browser);
            room.act(1, Verb::TalkWith(id(4)));
            let before = room.roster.clone();
            room.ladder.clear();
            room.act(who, verb.clone());
            let refused = ["NotAllowed", "Waiting"]
                .iter()
                .any(|why| room.ladder.contains(&format!("refuse {who} {why}\n")));
            let allowed = may(standing, verb.action());
            assert_eq!(refused, !allowed, "{standing:?} {verb:?}: {}", room.ladder);
            assert!(allowed || room.roster == before, "{standing:?} {verb:?}");
        }
    }
}
