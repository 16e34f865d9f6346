//! What is said to a caller: over the talk, instead of it, or later.

use std::collections::VecDeque;

use super::super::negotiate::Session;
use crate::{
    conference::{
        event::{Event, Voice, Wording},
        rights::Standing,
    },
    server::{MediaLeg, names::SpokenNames},
};

/// The media side of an answered call.
pub(super) struct Talk {
    pub(super) leg: MediaLeg,
    pub(super) session: Session,
    pub(super) voice: Voice,
    /// What was said last, with its token, unless it was interrupted.
    pub(super) saying: Option<(Event, u64)>,
    /// The token of what is being said.
    pub(super) playing: Option<u64>,
    /// What is said when that is over.
    later: VecDeque<Event>,
    /// The caller waits and may say their name by a key.
    pub(super) may_name: bool,
    /// The caller waits, and a moderator talks with them.
    pub(super) addressed: bool,
    /// Moderators of the room they came to see the last digits of their number.
    pub(super) shows_digits: bool,
}

impl Talk {
    pub(super) fn new(leg: MediaLeg, session: Session, wording: Wording) -> Self {
        Self {
            leg,
            session,
            voice: wording.into(),
            saying: None,
            playing: None,
            later: VecDeque::new(),
            may_name: false,
            addressed: false,
            shows_digits: false,
        }
    }

    pub(super) async fn say(&mut self, event: Event) -> u64 {
        let token = if event.is_aside() {
            self.leg.whisper(event, self.voice).await
        } else {
            self.leg.say(event, self.voice).await
        };
        self.saying = Some((event, token));
        self.playing = Some(token);
        token
    }

    /// Says something in which people are called by their names. It is asked for and long, so it is said instead of the talk.
    pub(super) async fn say_naming(&mut self, event: Event, names: &SpokenNames) -> u64 {
        let token = self.leg.say_naming(event, names, self.voice).await;
        self.saying = Some((event, token));
        self.playing = Some(token);
        token
    }

    /// Says what the conference tells; news wait until other words are said.
    pub(super) async fn pass_on(&mut self, event: Event) {
        if event.is_news() && self.playing.is_some() {
            if !self.later.contains(&event) {
                self.later.push_back(event);
            }
        } else {
            self.say(event).await;
        }
    }

    /// Offers somebody who waits to say their name, once what they are told first is said.
    pub(super) fn offer_naming(&mut self) {
        self.may_name = true;
        self.later.push_back(Event::SayName);
    }

    /// Takes the offer back.
    pub(super) fn end_naming(&mut self) {
        self.may_name = false;
        self.later.retain(|event| *event != Event::SayName);
    }

    /// Lets the caller hear a moderator, over whose voice it is said that they do: no sound of waiting, and no question for a name
    /// by which one would be known who is spoken to.
    pub(super) async fn begin_addressed(&mut self) {
        self.addressed = true;
        self.end_naming();
        self.hush().await;
    }

    /// Asks for the name of somebody who takes the offer.
    pub(super) async fn ask_for_name(&mut self) {
        self.later.retain(|event| *event != Event::SayName);
        self.say(Event::SayNameNow).await;
    }

    /// Tells whether the words before a name have been said to their end; then nothing more is said until it is told what
    /// became of the name.
    pub(super) fn is_name_due(&mut self, token: u64) -> bool {
        let due = self.playing == Some(token)
            && matches!(self.saying, Some((Event::SayNameNow, said)) if said == token);
        if due {
            self.playing = None;
        }
        due
    }

    /// Says what became of a name; who said nothing is asked again.
    pub(super) async fn note_name(&mut self, heard: bool) {
        if self.is_naming() {
            let told = if heard {
                Event::NameNoted
            } else {
                Event::SayName
            };
            self.say(told).await;
        }
    }

    /// Tells whether a name is being listened to.
    pub(super) fn is_naming(&self) -> bool {
        self.playing.is_none() && self.is_asking_for_name()
    }

    /// Tells whether a name is asked for or being listened to.
    pub(super) const fn is_asking_for_name(&self) -> bool {
        matches!(self.saying, Some((Event::SayNameNow, _)))
    }

    /// Goes on when something has been said: with what waits to be said, or with the sound of waiting.
    pub(super) async fn played(&mut self, token: u64, standing: Standing) {
        if self.playing != Some(token) {
            return;
        }
        self.playing = None;
        if let Some(event) = self.later.pop_front() {
            self.say(event).await;
        } else if standing == Standing::Waiting {
            self.say(Event::WaitingSound).await;
        }
    }

    /// Stops what is being said; who waits hears the sound of waiting instead, which goes on.
    pub(super) async fn interrupt(&mut self, standing: Standing) {
        if standing != Standing::Waiting {
            self.hush().await;
        } else if !matches!(self.saying, Some((Event::WaitingSound, _))) {
            self.say(Event::WaitingSound).await;
        }
    }

    /// Says something whose end nobody waits for.
    pub(super) async fn tell(&mut self, event: Event) {
        self.say(event).await;
    }

    /// Says instead of the talk what could not be said over it.
    pub(super) async fn insist(&mut self, token: u64) {
        if let Some((event, _)) = self.saying.filter(|(_, said)| *said == token) {
            let token = self.leg.say(event, self.voice).await;
            self.saying = Some((event, token));
            self.playing = Some(token);
        }
    }

    pub(super) async fn hush(&mut self) {
        self.saying = None;
        self.playing = None;
        self.leg.hush().await;
    }
}
