//! The part of a conference's task that is about names as sound: those an engine speaks, and those that people say who wait.

use tokio::task::JoinError;

use super::{
    super::{
        Notice,
        names::{SpokenNames, Step},
        speech::{Spoken, Unspoken},
    },
    Task, clock,
};
use crate::{
    conference::{event::Event, focus::Input, rollcall::Label},
    id::{LegId, ParticipantId},
    media::api::{ClipId, Command, Lesson},
};

impl Task {
    /// The names as sound of those whom an event names. What somebody has said who waits is told to moderators alone, by the
    /// events that are theirs.
    pub(super) fn spoken_names(&self, event: Event) -> SpokenNames {
        let waits = matches!(event, Event::Waits { .. } | Event::RemovedLast { .. });
        let spoken = |whom| {
            let said = self.recordings.spoken(whom).filter(|_| waits);
            said.or_else(|| self.names.spoken(whom))
        };
        let named = event.names().into_iter();
        named
            .filter_map(|whom| Some((whom, spoken(whom)?)))
            .collect()
    }

    /// Plays to one leg what somebody has said who waits, instead of the talk, as telephones hear it.
    pub(super) async fn play_said_name(&self, leg: LegId, whom: Label) {
        let language = self.policy.wording.language();
        let said = self.recordings.spoken(whom);
        let clips: Vec<ClipId> = said
            .and_then(|name| name.in_language(language))
            .into_iter()
            .collect();
        if !clips.is_empty() {
            // Nobody waits for its end.
            let token = 0;
            let play = Command::Play { leg, clips, token };
            self.means.pool.send(self.worker, play).await;
        }
    }

    /// Forgets what was said in the waiting room.
    pub(super) async fn forget_said_names(&mut self) {
        for (leg, clip) in self.recordings.end_all() {
            self.focus.handle(Input::SaidName(leg, false), clock());
            self.forget([clip]).await;
        }
    }

    /// Has somebody listened to who waits and is about to say their name. Where nobody is asked for it any more they go on
    /// waiting.
    pub(super) async fn record(&mut self, participant: ParticipantId) {
        let roster = self.focus.snapshot();
        let mut waiting = roster.entries.iter().filter(|entry| !entry.is_inside());
        let Some(entry) = waiting.find(|entry| entry.id == participant) else {
            return;
        };
        if !self.policy.level.asks_names() {
            return self.tell(participant, Notice::Told(Event::StillWaiting));
        }
        let Some(clip) = self.means.prompts.next_learned() else {
            return;
        };
        let before = self.recordings.begin(entry, clip);
        let kept = Input::SaidName(entry.leg, false);
        self.focus.handle(kept, clock());
        self.forget(before).await;
        let record = Command::Record {
            leg: entry.leg,
            conference: self.id,
            clip,
        };
        self.means.pool.send(self.worker, record).await;
    }

    pub(super) async fn forget(&self, clips: impl IntoIterator<Item = ClipId>) {
        for clip in clips {
            let forget = Command::Forget { clip };
            self.means.pool.send(self.worker, forget).await;
        }
    }

    /// Hears what became of a name. Where its task has failed nobody waits for it for longer than for one that is late.
    pub(super) fn spoken(&mut self, said: Result<(u64, Result<Spoken, Unspoken>), JoinError>) {
        let Ok((number, said)) = said else { return };
        if let Err(why) = &said {
            tracing::debug!(%why, "a name was not spoken");
        }
        let prompts = &self.means.prompts;
        self.names
            .handle_spoken(number, said, || prompts.next_learned());
    }

    /// Has names spoken, and lets the worker learn and forget them.
    pub(super) async fn care_for_names(&mut self) {
        while let Some(step) = self.names.poll() {
            let command = match step {
                Step::Speak {
                    number,
                    name,
                    language,
                } => {
                    if let Some(speech) = self.means.prompts.speech().cloned() {
                        self.speaking
                            .spawn(async move { (number, speech.speak(name, language).await) });
                    }
                    continue;
                }
                Step::Learn { clip, utterance } => Command::Learn(Lesson {
                    conference: self.id,
                    clip,
                    utterance,
                }),
                Step::Forget { clip } => Command::Forget { clip },
            };
            self.means.pool.send(self.worker, command).await;
        }
    }
}
