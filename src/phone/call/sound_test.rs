//! A number that leads to the sound test: no room, no PIN; the caller hears themself, and how it came through.

use dsp::Codec;
use sip::Command;

use super::{Call, Exit, Talk};
use crate::{
    conference::{
        event::{Band, Loss, Passage},
        sound_test::{Effect, SoundCheck},
    },
    media::api::Echoed,
    server::{
        LegNews,
        conference::{clock, until},
    },
};

impl Call {
    /// Lets the caller hear themself, until they hang up or it is over.
    pub(super) async fn test_sound(&mut self, talk: &mut Talk) -> Exit {
        let mut check = SoundCheck::new(clock());
        let (mut saying, mut listening) = (None, None);
        let mut ping = self.next_ping();
        loop {
            while let Some(effect) = check.poll() {
                match effect {
                    Effect::Say(event) => saying = Some(talk.say(event).await),
                    Effect::Listen => listening = Some(talk.leg.echo().await),
                    Effect::End(event) => return Exit::Goodbye(event),
                }
            }
            tokio::select! {
                biased;
                news = talk.leg.next() => match news {
                    Some(LegNews::Digit(digit)) => check.handle_digit(digit, clock()),
                    Some(LegNews::Played(token)) if saying == Some(token) => check.handle_played(clock()),
                    Some(LegNews::Echoed(token, echoed)) if listening == Some(token) => {
                        check.handle_echoed(passage(talk, echoed), clock());
                    }
                    Some(LegNews::Gone(_)) | None => return Exit::Leave,
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
                    return exit;
                },
                () = until(ping) => {
                    self.order(Command::Ping { call: self.call }).await;
                    ping = self.next_ping();
                }
                () = until(check.poll_timeout()) => check.handle_timeout(clock()),
            }
        }
    }
}

fn passage(talk: &Talk, echoed: Echoed) -> Passage {
    Passage {
        heard: echoed.heard,
        band: match talk.session.codec() {
            Some(Codec::Opus) => Band::Full,
            Some(Codec::G722) => Band::Wide,
            Some(Codec::Pcma | Codec::Pcmu) | None => Band::Narrow,
        },
        protection: talk.session.protection(),
        loss: Loss::of(echoed.lost, echoed.expected),
    }
}
