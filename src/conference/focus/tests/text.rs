//! Typed text and chat as ladders: who reads what of whom.

use super::*;
use crate::{
    conference::{
        policy::{ChatRule, Lobby},
        text::{ChatLine, TypedLine, Typing},
    },
    limit::TYPED_LINE_GRAPHEMES_MAX,
    pii::Words,
};

#[test]
fn all_inside_with_a_page_read_a_line_grow_shrink_and_end() {
    let mut room = two_pages_and_a_telephone();
    room.types(1, "Gt");
    room.types(1, "G");
    room.types(1, "Guten Tag");
    room.ends(1, "Guten Tag.");
    room.types(1, "Ich");
    room.types(2, "Ja");
    insta::assert_snapshot!(room.ladder, @r"
    1 types Gt
      1 typed line 1 'Gt' to 1 2
    1 types G
      1 typed line 1 'G' to 1 2
    1 types Guten Tag
      1 typed line 1 'Guten Tag' to 1 2
    1 ends Guten Tag.
      1 typed line 1 'Guten Tag.' ended to 1 2
    1 types Ich
      1 typed line 2 'Ich' to 1 2
    2 types Ja
      2 typed line 1 'Ja' to 1 2
    ");
}

/// The microphone is another medium: who is muted may type, and typing switches nothing on.
#[test]
fn whoever_is_muted_may_type() {
    let mut room = two_pages_and_a_telephone();
    room.act(1, Verb::SetMicrophone(true));
    room.act(2, Verb::Mute(id(1)));
    room.act(2, Verb::MuteAll);
    room.ladder.clear();
    room.ends(1, "Hallo");
    assert_eq!(
        room.ladder,
        "1 ends Hallo\n  1 typed line 1 'Hallo' ended to 1 2\n"
    );
    assert!(!room.entry(1).microphone);
}

#[test]
fn where_people_ask_to_speak_a_guest_types_only_with_the_floor() {
    let mut room = two_pages_and_a_telephone();
    room.join(4, Role::Guest, Door::Browser);
    room.types(1, "Ich wollte");
    room.ladder.clear();
    room.act(2, Verb::SetAskToSpeak(true));
    assert!(
        room.ladder
            .contains("  1 typed line 1 'Ich wollte' ended to 1 2 4\n"),
        "{}",
        room.ladder
    );
    room.ladder.clear();
    room.ends(1, "Ich wollte sagen");
    room.ends(2, "Bitte");
    room.act(2, Verb::GiveFloor(id(1)));
    room.types(1, "Danke");
    insta::assert_snapshot!(room.ladder, @r"
    1 ends Ich wollte sagen
      refuse 1 NoFloor
    2 ends Bitte
      2 typed line 1 'Bitte' ended to 1 2 4
    2 asks GiveFloor(ParticipantId(0000000000000001))
      publish v6: 1
      tell 1 floor-given
      tell 2 floor-passed
    1 types Danke
      1 typed line 2 'Danke' to 1 2 4
    ");
    room.ladder.clear();
    room.act(2, Verb::GiveFloor(id(4)));
    assert!(
        room.ladder
            .ends_with("  1 typed line 2 'Danke' ended to 1 2 4\n"),
        "{}",
        room.ladder
    );
}

/// Chat is no turn in the talk, so it does not take the floor.
#[test]
fn chat_needs_no_floor() {
    let mut room = two_pages_and_a_telephone();
    room.act(2, Verb::SetAskToSpeak(true));
    room.ladder.clear();
    room.chats(1, None, "Frage");
    assert_eq!(room.posts(), "  1 chat 'Frage' to 1 2\n");
}

#[test]
fn a_private_line_reaches_exactly_two() {
    let mut room = two_pages_and_a_telephone();
    room.join(4, Role::Guest, Door::Browser);
    room.join(5, Role::Moderator, Door::Browser);
    room.ladder.clear();
    room.chats(1, Some(4), "unter uns");
    assert_eq!(room.posts(), "  1 chat alone 4 'unter uns' to 1 4\n");
    room.ladder.clear();
    room.chats(4, None, "an alle");
    assert_eq!(room.posts(), "  4 chat 'an alle' to 1 2 4 5\n");
}

#[test]
fn a_telephone_reads_nothing_and_who_writes_to_it_is_told_so() {
    let mut room = two_pages_and_a_telephone();
    room.chats(1, Some(3), "hallo?");
    room.chats(1, Some(9), "hallo?");
    room.types(3, "kann nicht sein");
    room.chats(3, None, "kann nicht sein");
    insta::assert_snapshot!(room.ladder, @r"
    1 chats with 3 hallo?
      refuse 1 NoText
    1 chats with 9 hallo?
      refuse 1 NotHere
    3 types kann nicht sein
      refuse 3 NotAllowed
    3 chats kann nicht sein
      refuse 3 NotAllowed
    ");
    let seen = [1, 3].map(|number| room.entry(number).text);
    assert_eq!(seen, [true, false]);
}

#[test]
fn who_waits_reads_and_writes_nothing() {
    let mut room = two_pages_and_a_telephone();
    room.act(2, Verb::SetLobby(Lobby::Guests));
    room.join(4, Role::Guest, Door::Browser);
    room.ladder.clear();
    room.types(1, "drinnen");
    room.chats(1, None, "drinnen");
    assert_eq!(
        room.posts(),
        "  1 typed line 1 'drinnen' to 1 2\n  1 chat 'drinnen' to 1 2\n"
    );
    room.ladder.clear();
    room.chats(2, Some(4), "warten Sie");
    room.types(4, "hallo");
    room.chats(4, None, "hallo");
    room.chats(4, Some(2), "hallo");
    assert_eq!(room.posts(), "");
    assert_eq!(room.ladder.matches("refuse 4 Waiting").count(), 3);
    assert!(room.ladder.contains("refuse 2 NotHere"), "{}", room.ladder);
}

/// Whoever comes in while a line is typed reads the next one: of this one a part was written before they came.
#[test]
fn a_late_joiner_reads_nothing_that_began_before() {
    let mut room = two_pages_and_a_telephone();
    room.types(1, "über");
    room.join(4, Role::Guest, Door::Browser);
    room.ladder.clear();
    room.ends(1, "über Vier");
    room.types(1, "Hallo Vier");
    assert_eq!(
        room.posts(),
        "  1 typed line 1 'über Vier' ended to 1 2\n  1 typed line 2 'Hallo Vier' to 1 2 4\n"
    );
}

#[test]
fn leaving_ends_a_line_and_nothing_is_left_of_it() {
    let mut room = two_pages_and_a_telephone();
    room.types(1, "Ich ge");
    room.types(2, "Wie");
    room.ladder.clear();
    room.leave(1);
    assert!(
        room.ladder
            .contains("  1 typed line 1 'Ich ge' ended to 2\n"),
        "{}",
        room.ladder
    );
    room.join(1, Role::Guest, Door::Browser);
    room.ladder.clear();
    room.types(1, "wieder da");
    room.ends(2, "Wie schön");
    assert_eq!(
        room.posts(),
        "  1 typed line 1 'wieder da' to 1 2\n  2 typed line 1 'Wie schön' ended to 2\n",
        "a reader who came back is another"
    );
}

#[test]
fn the_chat_can_be_off_in_part_and_altogether() {
    for rule in ChatRule::ALL {
        let mut room = two_pages_and_a_telephone();
        room.act(2, Verb::SetChatRule(rule));
        assert_eq!(room.roster.state.chat, rule);
        room.ladder.clear();
        room.chats(1, None, "alle");
        let public = room.ladder.contains("chat 'alle'");
        assert_eq!(public, rule.allows_public(), "{rule:?}");
        room.ladder.clear();
        room.chats(1, Some(2), "Sie");
        assert_eq!(room.ladder.contains("chat alone 2"), rule.allows_private());
        let refused = room.ladder.contains("refuse 1 ChatOff");
        assert_eq!(refused, !rule.allows_private(), "{rule:?}");
        room.ladder.clear();
        room.types(1, "Text ist kein Chat");
        assert!(!room.posts().is_empty(), "{rule:?}");
    }
}

#[test]
fn the_owner_decides_about_the_chat_until_a_moderator_does() {
    let policy = |chat| Policy {
        chat,
        ..Policy::default()
    };
    let mut room = two_pages_and_a_telephone();
    room.handle("owner", Input::Policy(policy(ChatRule::Public)));
    assert_eq!(room.roster.state.chat, ChatRule::Public);
    room.act(2, Verb::SetChatRule(ChatRule::Off));
    // What the owner has not changed stays as the moderator made it.
    room.handle("owner", Input::Policy(policy(ChatRule::Public)));
    assert_eq!(room.roster.state.chat, ChatRule::Off);
    for number in 1..=3 {
        room.leave(number);
    }
    room.join(4, Role::Guest, Door::Browser);
    assert_eq!(room.roster.state.chat, ChatRule::Public);
}

#[test]
fn what_is_written_is_cleaned_and_cut_before_anybody_reads_it() {
    let mut room = two_pages_and_a_telephone();
    room.types(1, " \u{202e} ");
    room.chats(1, None, "\u{200b}");
    assert_eq!(room.posts(), "", "nothing to read is nothing");
    room.types(1, "a\u{202e}b\nc");
    room.types(1, "");
    room.chats(1, None, "a\u{202e}b\nc");
    assert_eq!(
        room.posts(),
        "  1 typed line 1 'ab c' to 1 2\n  1 typed line 1 '' to 1 2\n  1 chat 'ab c' to 1 2\n"
    );
    room.ladder.clear();
    room.types(1, &"👩‍🚀".repeat(2_000));
    let shown = room.ladder.matches("👩‍🚀").count() - 2_000;
    assert!((1..=TYPED_LINE_GRAPHEMES_MAX).contains(&shown), "{shown}");
}

/// What effects of writing look like in a ladder.
pub(super) fn line(to: &[ParticipantId], post: &Post) -> String {
    let readers: String = to.iter().map(|id| format!(" {}", id.as_u64())).collect();
    match post {
        Post::Typed(TypedLine {
            from,
            line,
            words,
            ended,
        }) => {
            let (from, words) = (from.as_u64(), words.expose());
            let ended = if *ended { " ended" } else { "" };
            format!("{from} typed line {line} '{words}'{ended} to{readers}")
        }
        Post::Chat(ChatLine { from, to, words }) => {
            let (from, words) = (from.as_u64(), words.expose());
            let alone = to.map_or_else(String::new, |to| format!(" alone {}", to.as_u64()));
            format!("{from} chat{alone} '{words}' to{readers}")
        }
    }
}

/// A guest and a moderator with pages, 1 and 2, and a telephone, 3.
fn two_pages_and_a_telephone() -> Room {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Browser);
    room.join(2, Role::Moderator, Door::Browser);
    room.join(3, Role::Guest, Door::Phone);
    room.ladder.clear();
    room
}

impl Room {
    fn types(&mut self, number: u64, words: &str) {
        self.typing(number, words, false);
    }

    fn ends(&mut self, number: u64, words: &str) {
        self.typing(number, words, true);
    }

    fn typing(&mut self, number: u64, words: &str, ended: bool) {
        let typing = Typing {
            words: Words::new(words.to_owned()),
            ended,
        };
        let verb = if ended { "ends" } else { "types" };
        let (by, verb, line) = (
            id(number),
            Verb::Type(typing),
            format!("{number} {verb} {words}"),
        );
        self.handle(&line, Input::Act { by, verb });
    }

    fn chats(&mut self, number: u64, to: Option<u64>, words: &str) {
        let with = to.map_or_else(String::new, |to| format!(" with {to}"));
        let line = format!("{number} chats{with} {words}");
        let words = Words::new(words.to_owned());
        let verb = match to {
            None => Verb::Chat(words),
            Some(to) => Verb::ChatWith(id(to), words),
        };
        let by = id(number);
        self.handle(&line, Input::Act { by, verb });
    }

    /// What was written, without what else happened.
    fn posts(&self) -> String {
        let lines = self.ladder.lines();
        let posts = lines.filter(|line| line.starts_with("  ") && line.contains('\''));
        posts.map(|line| format!("{line}\n")).collect()
    }
}
