//! The question for the code, until it is right.

use sip::Command;

use super::{super::findings::Finding, Call, Exit, Talk};
use crate::{
    conference::{
        ivr::{self, Ivr},
        privacy::{Facts, Number},
    },
    server::{
        Admission, Error, Judged, LegNews, TypedAt,
        caller::Caller,
        conference::{clock, until},
    },
};

impl Call {
    /// Asks for the code until it is right.
    pub(super) async fn admit(
        &mut self,
        talk: &mut Talk,
        (entry, offers_language): (ivr::Entry, bool),
        caller: &Caller,
    ) -> Result<Admission, Exit> {
        let facts = facts(talk, Origin::Theirs(caller));
        let typed_at = match &entry {
            ivr::Entry::Code => TypedAt::Anywhere,
            ivr::Entry::PinFor { number } => TypedAt::Number(number.clone()),
        };
        let mut ivr = Ivr::new(entry, facts, offers_language, clock());
        let mut saying = None;
        let mut admission = None;
        let mut ping = self.next_ping();
        loop {
            while let Some(effect) = ivr.poll() {
                match effect {
                    ivr::Effect::Say(event) => saying = Some(talk.say(event).await),
                    ivr::Effect::ChangeLanguage => talk.voice.change_language(),
                    ivr::Effect::Hush => talk.hush().await,
                    ivr::Effect::Check { number, pin } => {
                        // Who enters a whole code has heard that one is asked for.
                        self.findings.note(Finding::HeardThere);
                        let judged = self.server.check_code(&number, &pin, caller).await;
                        admission = verdict(&mut ivr, judged);
                    }
                    ivr::Effect::CheckPairing { code } => {
                        self.findings.note(Finding::HeardThere);
                        let judged = self
                            .server
                            .check_pairing(&code, typed_at.clone(), caller)
                            .await;
                        admission = verdict(&mut ivr, judged);
                    }
                    ivr::Effect::Admit => return admission.ok_or(Exit::Leave),
                    ivr::Effect::Leave => {
                        self.findings.note(Finding::NoCode);
                        return Err(Exit::Leave);
                    }
                }
            }
            tokio::select! {
                biased;
                news = talk.leg.next() => match news {
                    Some(LegNews::Digit(digit)) => ivr.handle_digit(digit, clock()),
                    Some(LegNews::Played(token)) if saying == Some(token) => ivr.handle_played(clock()),
                    Some(LegNews::Gone(_)) | None => return Err(Exit::Leave),
                    Some(LegNews::Quiet(since)) => self.quiet(since).await,
                    Some(
                        LegNews::Connected
                        | LegNews::Played(_)
                        | LegNews::Unplayed(_)
                        | LegNews::Echoed(..)
                        | LegNews::Recorded(_)
                        | LegNews::Reviewed(_),
                    ) => {}
                },
                news = self.news.recv() => if let Some(exit) = self.signalled(talk, news, None).await {
                    return Err(exit);
                },
                () = until(ping) => {
                    self.order(Command::Ping { call: self.call }).await;
                    ping = self.next_ping();
                }
                () = until(ivr.poll_timeout()) => ivr.handle_timeout(clock()),
            }
        }
    }
}

/// Tells the dialogue what became of a code; returns the right that it gives.
fn verdict(ivr: &mut Ivr, judged: Result<Judged, Error>) -> Option<Admission> {
    match judged {
        Ok(Judged { admission, delay }) => {
            ivr.handle_verdict(admission.is_some(), clock() + delay);
            admission
        }
        Err(error) => {
            tracing::error!(%error, "a code could not be judged");
            ivr.handle_fault(clock());
            None
        }
    }
}

/// How a call came about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// This caller made it.
    Theirs(&'a Caller),
    /// We made it, to a number that we know.
    Ours,
}

/// What is so of a caller's data.
pub(super) fn facts(talk: &Talk, origin: Origin<'_>) -> Facts {
    Facts {
        protection: talk.session.protection(),
        number: match origin {
            Origin::Theirs(caller) if caller.number.is_some() => Number::Marked,
            Origin::Theirs(caller) if caller.withheld => Number::Withheld,
            Origin::Theirs(_) => Number::Unsent,
            Origin::Ours => Number::Marked,
        },
        shows_digits: talk.shows_digits,
        called: matches!(origin, Origin::Ours),
    }
}
