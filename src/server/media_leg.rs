//! A leg on a media worker, as its door holds it.

use std::{cmp::Ordering, collections::VecDeque};

use tokio::{sync::mpsc, time::timeout};

use super::{
    Error, Server,
    conference::Message,
    names::SpokenNames,
    router::{LegNews, Note, Told},
};
use crate::{
    conference::{
        event::{Event, Turned, Voice},
        participant::Door,
    },
    id::LegId,
    limit::{LEG_NEWS_MAX, REVIEW_MAX},
    media::{
        api::{Command, ListeningGain, PhoneMedia, Review},
        worker::Envelope,
    },
};

/// A leg on a media worker, as its door holds it.
#[derive(Debug)]
pub struct MediaLeg {
    pub(super) id: LegId,
    pub(super) worker: usize,
    pub(super) news: News,
    pub(super) server: Server,
    /// It has ended.
    pub(super) over: bool,
    /// Orders to speak so far.
    pub(super) plays: u64,
    /// How loud it hears the others, and is heard.
    pub(super) hears: ListeningGain,
    pub(super) is_heard: ListeningGain,
}

/// What happens to a leg, in order.
#[derive(Debug)]
pub(super) struct News {
    queue: mpsc::Receiver<Told>,
    /// What came while the leg's envelope was waited for, the oldest first.
    kept: VecDeque<LegNews>,
}

impl News {
    pub(super) const fn new(queue: mpsc::Receiver<Told>) -> Self {
        Self {
            queue,
            kept: VecDeque::new(),
        }
    }

    /// Waits for the next news; none when the server has stopped.
    async fn next(&mut self) -> Option<LegNews> {
        if let Some(news) = self.kept.pop_front() {
            return Some(news);
        }
        loop {
            // An envelope that nobody asked for is that of a leg whose move was given up.
            if let Told::News(news) = self.queue.recv().await? {
                return Some(news);
            }
        }
    }

    /// Waits for what another worker adopts the leg by; none if the leg has ended. What else happens until then is kept,
    /// [`LEG_NEWS_MAX`] at most.
    async fn envelope(&mut self) -> Option<Envelope> {
        loop {
            match self.queue.recv().await? {
                Told::Released(envelope) => return Some(*envelope),
                Told::News(LegNews::Gone(_)) => return None,
                Told::News(news) if self.kept.len() < LEG_NEWS_MAX => self.kept.push_back(news),
                Told::News(_) => {}
            }
        }
    }
}

impl MediaLeg {
    /// The leg's id.
    pub fn id(&self) -> LegId {
        self.id
    }

    /// Waits for the next news; none when the server has stopped.
    pub async fn next(&mut self) -> Option<LegNews> {
        let news = self.news.next().await;
        self.over |= matches!(news, Some(LegNews::Gone(_)) | None);
        news
    }

    /// Speaks an event to this leg alone, instead of what it hears; returns the token that comes back when it is said.
    pub async fn say(&mut self, event: Event, voice: Voice) -> u64 {
        self.plays += 1;
        let clips = self.server.inner.prompts.clips(event, voice);
        let play = Command::Play {
            leg: self.id,
            clips,
            token: self.plays,
        };
        self.server.inner.pool.send(self.worker, play).await;
        self.plays
    }

    /// Speaks an event in which people are called by their names, or by their number where one is no sound in the language.
    pub async fn say_naming(&mut self, event: Event, names: &SpokenNames, voice: Voice) -> u64 {
        self.plays += 1;
        let inner = &self.server.inner;
        let language = voice.wording.language();
        inner.census.names_were_not_spoken(names.lacking(language));
        let play = Command::Play {
            leg: self.id,
            clips: inner.prompts.clips_naming(event, names, voice),
            token: self.plays,
        };
        inner.pool.send(self.worker, play).await;
        self.plays
    }

    /// Speaks an event to this leg alone, over what it hears; returns the token that comes back when it is said, or when it
    /// is not.
    pub async fn whisper(&mut self, event: Event, voice: Voice) -> u64 {
        self.plays += 1;
        let whisper = Command::Whisper {
            leg: self.id,
            clips: self.server.inner.prompts.clips(event, voice),
            token: self.plays,
        };
        self.server.inner.pool.send(self.worker, whisper).await;
        self.plays
    }

    /// Lets the leg hear once what it says in the next seconds; returns the token that comes back when that is wiped.
    pub async fn echo(&mut self) -> u64 {
        self.plays += 1;
        let (leg, token) = (self.id, self.plays);
        let echo = Command::Echo { leg, token };
        self.server.inner.pool.send(self.worker, echo).await;
        self.plays
    }

    /// Lets the leg hear the others louder or softer by so many steps; returns what became of it.
    pub async fn hear(&mut self, steps: i8) -> Turned {
        let (leg, before) = (self.id, self.hears);
        let gain = before.turned(steps);
        self.hears = gain;
        self.turn(Command::Listen { leg, gain }, before, gain).await
    }

    /// Lets the others hear the leg louder or softer by so many steps; returns what became of it.
    pub async fn be_heard(&mut self, steps: i8) -> Turned {
        let (leg, before) = (self.id, self.is_heard);
        let gain = before.turned(steps);
        self.is_heard = gain;
        self.turn(Command::BeHeard { leg, gain }, before, gain)
            .await
    }

    async fn turn(&self, command: Command, before: ListeningGain, after: ListeningGain) -> Turned {
        self.server.inner.pool.send(self.worker, command).await;
        match after.cmp(&before) {
            Ordering::Less => Turned::Softer,
            Ordering::Equal => Turned::Limit,
            Ordering::Greater => Turned::Louder,
        }
    }

    /// Passes on a key that the telephone has signalled; if it counts it comes back as [`LegNews::Digit`].
    pub async fn press(&self, digit: char) {
        let leg = self.id;
        let press = Command::Press { leg, digit };
        self.server.inner.pool.send(self.worker, press).await;
    }

    /// Stops what is being spoken.
    pub async fn hush(&mut self) {
        self.plays += 1;
        let play = Command::Play {
            leg: self.id,
            clips: Vec::new(),
            token: self.plays,
        };
        self.server.inner.pool.send(self.worker, play).await;
    }

    /// Changes a telephone's media after a new offer and answer.
    pub async fn update(&self, media: PhoneMedia) {
        self.server
            .inner
            .pool
            .send(
                self.worker,
                Command::Update {
                    leg: self.id,
                    media,
                },
            )
            .await;
    }

    /// Leaves the leg's sound as it is: what a network plays before it answers is no speech.
    pub(super) async fn leave_as_it_is(&self) {
        self.shape(dsp::Shaping::NONE).await;
    }

    /// Treats the telephone's sound as that of others again.
    pub async fn treat_as_usual(&self) {
        self.shape(self.server.inner.sound.shaping(Door::Phone))
            .await;
    }

    async fn shape(&self, shaping: dsp::Shaping) {
        let leg = self.id;
        let shape = Command::Shape { leg, shaping };
        self.server.inner.pool.send(self.worker, shape).await;
    }

    /// Tells a conference from here on what happens to the leg.
    pub(super) async fn belongs_to(&self, conference: mpsc::Sender<Message>) {
        let leg = self.id;
        let joined = Note::Joined { leg, conference };
        let _ = self.server.inner.notes.send(joined).await;
    }

    /// Spares the leg's sound what the operator wants it spared.
    pub(super) async fn treat(&self, door: Door) {
        if let Some(shaping) = self.server.inner.sound.unusual(door) {
            let leg = self.id;
            let shape = Command::Shape { leg, shaping };
            self.server.inner.pool.send(self.worker, shape).await;
        }
    }

    /// Asks what can be said of the leg's sound until now; none if it has ended, or nobody answers in time. News that come
    /// meanwhile are lost, so this is for legs whose end has come.
    pub async fn review(&mut self) -> Option<Review> {
        if self.over {
            return None;
        }
        let review = Command::Review { leg: self.id };
        self.server.inner.pool.send(self.worker, review).await;
        let answer = async {
            loop {
                let news = self.news.next().await?;
                if let LegNews::Reviewed(review) = news {
                    return Some(review);
                }
                if let LegNews::Gone(_) = news {
                    return None;
                }
            }
        };
        timeout(REVIEW_MAX, answer).await.ok().flatten()
    }

    /// Ends the leg.
    pub async fn close(self) {
        let _ = self
            .server
            .inner
            .notes
            .send(Note::Closed { leg: self.id })
            .await;
        self.server
            .inner
            .pool
            .send(self.worker, Command::Close { leg: self.id })
            .await;
    }

    /// Moves the leg to another worker; key presses meanwhile are kept for the caller of [`MediaLeg::next`].
    pub(super) async fn move_to(&mut self, worker: usize) -> Result<(), Error> {
        if worker == self.worker {
            return Ok(());
        }
        let inner = &self.server.inner;
        inner
            .pool
            .send(self.worker, Command::Release { leg: self.id })
            .await;
        let envelope = self.news.envelope().await.ok_or(Error::NoWorker)?;
        let moved = Note::Moved {
            leg: self.id,
            worker,
        };
        // Nobody takes notes only when the server has stopped.
        let _ = inner.notes.send(moved).await;
        inner.pool.send(worker, envelope).await;
        self.worker = worker;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::api::Gone;

    fn released() -> Told {
        let command = Command::Close {
            leg: LegId::from_u64(1),
        };
        Told::Released(Box::new(Envelope {
            command,
            sockets: None,
        }))
    }

    #[tokio::test]
    async fn keys_pressed_during_a_move_come_after_it_in_order() {
        let (door, queue) = mpsc::channel(LEG_NEWS_MAX);
        let mut news = News::new(queue);
        for told in [
            Told::News(LegNews::Digit('6')),
            Told::News(LegNews::Played(1)),
            released(),
            Told::News(LegNews::Digit('9')),
        ] {
            door.send(told).await.unwrap();
        }
        assert!(news.envelope().await.is_some());
        let mut after = Vec::new();
        for _ in 0..3 {
            after.push(format!("{:?}", news.next().await.unwrap()));
        }
        assert_eq!(after, ["Digit('6')", "Played(1)", "Digit('9')"]);
    }

    #[tokio::test]
    async fn a_leg_that_ends_during_a_move_has_no_envelope() {
        let (door, queue) = mpsc::channel(LEG_NEWS_MAX);
        let mut news = News::new(queue);
        door.send(Told::News(LegNews::Gone(Gone::Closed)))
            .await
            .unwrap();
        assert!(news.envelope().await.is_none());
    }
}
