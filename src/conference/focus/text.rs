//! What people write: typed text, with the rights of the voice, and chat.
//!
//! Where people ask to speak a guest types only with the floor. A microphone that is off forbids nothing: it is another medium.
//! A line is for those who were inside when it began, so that nobody reads what was typed before they came.

use super::*;
use crate::{
    conference::{
        policy::ChatRule,
        text::{ChatLine, TypedLine, Typing, clean_chat, clean_typed},
    },
    pii::Words,
};

/// What is being typed, by whom.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<ParticipantId, Typist>);

/// Somebody who has typed.
#[derive(Debug, Default)]
struct Typist {
    /// Lines begun so far.
    begun: u32,
    open: Option<OpenLine>,
}

/// A line that is not ended: all that is kept of what people write.
#[derive(Debug)]
struct OpenLine {
    words: Words,
    readers: BTreeSet<ParticipantId>,
}

impl Lines {
    /// Those whose line is not ended.
    fn typing(&self) -> impl Iterator<Item = ParticipantId> {
        let open = self.0.iter().filter(|(_, typist)| typist.open.is_some());
        open.map(|(id, _)| *id)
    }
}

impl Focus {
    /// Has all read what somebody types.
    pub(super) fn type_text(&mut self, by: ParticipantId, typing: &Typing) {
        if !self.has_text(by) {
            return self.refuse(by, Refusal::NotAllowed);
        }
        if !self.may_speak(by) {
            return self.refuse(by, Refusal::NoFloor);
        }
        let words = clean_typed(&typing.words);
        let readers = self.readers();
        let typist = self.lines.0.entry(by).or_default();
        match &mut typist.open {
            Some(open) => open.words = words,
            // Where there is nothing to read no line begins.
            None if words.expose().is_empty() => return,
            None => {
                typist.begun = typist.begun.saturating_add(1);
                typist.open = Some(OpenLine { words, readers });
            }
        }
        self.show_line(by, typing.ended);
    }

    /// Shows a line as it is to those who were inside when it began and still are.
    fn show_line(&mut self, by: ParticipantId, ended: bool) {
        let Some(mut typist) = self.lines.0.remove(&by) else {
            return;
        };
        if let Some(open) = typist.open.take() {
            let post = Post::Typed(TypedLine {
                from: by,
                line: typist.begun,
                words: open.words.clone(),
                ended,
            });
            self.write(open.readers.iter().copied(), post);
            typist.open = (!ended).then_some(open);
        }
        self.lines.0.insert(by, typist);
    }

    /// Ends the lines of those who may not go on, as they are.
    pub(super) fn settle_lines(&mut self) {
        let typing: Vec<ParticipantId> = self.lines.typing().collect();
        for id in typing {
            if !self.may_speak(id) {
                self.show_line(id, true);
            }
        }
    }

    /// Ends the line of somebody whose page broke off, as it is; they begin another where they come back.
    pub(super) fn break_line(&mut self, id: ParticipantId) {
        self.show_line(id, true);
    }

    /// Ends the line of somebody who is gone, as it is, and forgets it.
    pub(super) fn forget_typist(&mut self, id: ParticipantId) {
        self.show_line(id, true);
        self.lines.0.remove(&id);
        let open = self.lines.0.values_mut().filter_map(|it| it.open.as_mut());
        for line in open {
            line.readers.remove(&id);
        }
    }

    /// Has all read a line of chat, or one person alone and whoever wrote it.
    pub(super) fn chat(&mut self, by: ParticipantId, to: Option<ParticipantId>, words: &Words) {
        let rule = self.conference.chat;
        let allowed = match to {
            None => rule.allows_public(),
            Some(_) => rule.allows_private(),
        };
        if !self.has_text(by) {
            return self.refuse(by, Refusal::NotAllowed);
        }
        if !allowed {
            return self.refuse(by, Refusal::ChatOff);
        }
        if to.is_some_and(|to| !self.has_text(to)) {
            return self.refuse(by, Refusal::NoText);
        }
        // Nothing is kept for them until they are back.
        if to.is_some_and(|to| self.is_away(to)) {
            return self.refuse(by, Refusal::NotHere);
        }
        let Some(words) = clean_chat(words) else {
            return;
        };
        let readers = match to {
            None => self.readers(),
            Some(to) => BTreeSet::from([by, to]),
        };
        let line = ChatLine {
            from: by,
            to,
            words,
        };
        self.write(readers, Post::Chat(line));
    }

    /// Decides whom people may write to by chat.
    pub(super) fn decide_chat(&mut self, by: ParticipantId, rule: ChatRule) {
        if self.set_chat_rule(rule) {
            self.did(by, rule.into(), None);
        }
    }

    /// Notes whom people may write to by chat; returns whether that changed anything.
    pub(super) fn set_chat_rule(&mut self, rule: ChatRule) -> bool {
        let changes = self.conference.chat != rule;
        self.conference.chat = rule;
        self.unpublished.state |= changes;
        changes
    }

    fn write(&mut self, readers: impl IntoIterator<Item = ParticipantId>, post: Post) {
        let here = readers.into_iter().filter(|id| self.is_inside(*id));
        let to: Vec<ParticipantId> = here.collect();
        if !to.is_empty() {
            self.notices.push_back(Effect::Write { to, post });
        }
    }

    /// Everybody inside who can read.
    fn readers(&self) -> BTreeSet<ParticipantId> {
        let inside = self.participants.values().filter(|who| who.is_inside());
        inside.filter(|who| who.text).map(|who| who.id).collect()
    }

    fn is_away(&self, id: ParticipantId) -> bool {
        self.participants.get(&id).is_some_and(|who| who.away)
    }

    fn has_text(&self, id: ParticipantId) -> bool {
        self.participants.get(&id).is_some_and(|who| who.text)
    }
}
