//! What is known of a conference's names as sound: who has one, what is yet to be spoken, and when it is wiped.
//!
//! Told of the roster and of what became of each name, it tells what is to be spoken, learned and forgotten; after each
//! `handle_*`, drain `Names::poll`. A sound lasts as long as its person is here under that name, and a little longer,
//! because it is said that they have left.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use tokio::sync::OwnedSemaphorePermit;

use super::speech::{Spoken, Unspoken};
use crate::{
    conference::{event::Language, rollcall::Label, roster::Delta},
    id::ParticipantId,
    limit::{SPOKEN_NAME_KEPT, SPOKEN_NAMES_OF_CONFERENCE_MAX},
    media::api::{ClipId, Utterance},
    pii::Name,
};

/// The names of one conference.
#[derive(Debug, Default)]
pub(super) struct Names {
    people: BTreeMap<Label, Person>,
    steps: VecDeque<Step>,
    /// Names that were to be spoken so far, each in each language.
    asked: u64,
}

/// Somebody with a name.
#[derive(Debug)]
struct Person {
    id: ParticipantId,
    name: Name,
    /// In the order of [`Language::ALL`].
    sounds: [Sound; Language::ALL.len()],
    /// They are gone; the sounds are wiped then.
    wiped_at: Option<Instant>,
}

/// A name in a language.
#[derive(Debug)]
enum Sound {
    /// It is yet to be spoken.
    Asked(u64),
    /// It can be said.
    Known(
        ClipId,
        #[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit,
    ),
    /// It cannot.
    None,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Step {
    /// Have a name spoken; what becomes of it is told under this number.
    Speak {
        number: u64,
        name: Name,
        language: Language,
    },
    /// Let the conference's worker learn a sound.
    Learn { clip: ClipId, utterance: Utterance },
    /// Let it forget one.
    Forget { clip: ClipId },
}

/// A name as sound, in the languages in which there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpokenName([Option<ClipId>; Language::ALL.len()]);

impl SpokenName {
    /// A sound that is the same in every language.
    pub(super) const fn in_every_language(clip: ClipId) -> Self {
        Self([Some(clip); Language::ALL.len()])
    }

    /// Returns the sound in a language.
    pub fn in_language(self, language: Language) -> Option<ClipId> {
        self.0[place(language)]
    }
}

/// The names as sound of those who are named in one event. Who has no name is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpokenNames(Vec<(Label, SpokenName)>);

impl SpokenNames {
    /// Returns the sound of somebody's name in a language.
    pub fn sound(&self, whom: Label, language: Language) -> Option<ClipId> {
        let mut names = self.0.iter().filter(|(label, _)| *label == whom);
        names.find_map(|(_, name)| name.in_language(language))
    }

    /// Returns how many have a name that is no sound in a language.
    pub fn lacking(&self, language: Language) -> usize {
        let lacks = |(_, name): &&(Label, SpokenName)| name.in_language(language).is_none();
        self.0.iter().filter(lacks).count()
    }

    /// Tells whether nobody has a name.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Label, SpokenName)> for SpokenNames {
    fn from_iter<T: IntoIterator<Item = (Label, SpokenName)>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

impl Names {
    /// Hears what has changed in the roster.
    pub(super) fn handle_roster(&mut self, delta: &Delta, now: Instant) {
        for gone in delta.all_gone() {
            let mut people = self.people.values_mut();
            if let Some(person) = people.find(|person| person.id == gone) {
                person.wiped_at = Some(now + SPOKEN_NAME_KEPT);
            }
        }
        for entry in &delta.entries {
            self.meet(Label::of(entry), entry.id, entry.name.as_ref());
        }
    }

    /// Hears what became of a name; a sound is given this number, if it is of use.
    pub(super) fn handle_spoken(
        &mut self,
        number: u64,
        said: Result<Spoken, Unspoken>,
        clip: impl FnOnce() -> Option<ClipId>,
    ) {
        let sounds = self
            .people
            .values_mut()
            .flat_map(|person| &mut person.sounds);
        let mut asked =
            sounds.filter(|sound| matches!(sound, Sound::Asked(asked) if *asked == number));
        // Nobody has asked any more where they have left or are called otherwise; then what was said is wiped here.
        let Some(sound) = asked.next() else {
            return;
        };
        *sound = Sound::None;
        if let Ok(Spoken { utterance, place }) = said
            && let Some(clip) = clip()
        {
            *sound = Sound::Known(clip, place);
            self.steps.push_back(Step::Learn { clip, utterance });
        }
    }

    /// Lets a deadline pass.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let due = |person: &Person| person.wiped_at.is_some_and(|at| at <= now);
        let gone = self.people.iter().filter(|(_, person)| due(person));
        let gone: Vec<Label> = gone.map(|(label, _)| *label).collect();
        for label in gone {
            self.forget(label);
        }
    }

    /// Returns what is to be done next, until there is nothing.
    pub(super) fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// Returns when [`Names::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let wiped = self.people.values().filter_map(|person| person.wiped_at);
        wiped.min()
    }

    /// Returns what somebody is called, as sound; none of those without a name.
    pub(super) fn spoken(&self, whom: Label) -> Option<SpokenName> {
        let person = self.people.get(&whom)?;
        let mut clips = SpokenName::default();
        for (clip, sound) in clips.0.iter_mut().zip(&person.sounds) {
            *clip = match sound {
                Sound::Known(known, _) => Some(*known),
                Sound::Asked(_) | Sound::None => None,
            };
        }
        Some(clips)
    }

    /// Tells whether somebody's name is about to be there.
    pub(super) fn awaits(&self, whom: Label, language: Language) -> bool {
        let person = self.people.get(&whom);
        person.is_some_and(|person| matches!(person.sounds[place(language)], Sound::Asked(_)))
    }

    /// Hears what somebody is called who is here.
    fn meet(&mut self, label: Label, id: ParticipantId, name: Option<&Name>) {
        if let Some(person) = self.people.get_mut(&label) {
            if Some(&person.name) == name {
                person.id = id;
                person.wiped_at = None;
                return;
            }
            self.forget(label);
        }
        let Some(name) = name else { return };
        if self.people.len() >= SPOKEN_NAMES_OF_CONFERENCE_MAX {
            return;
        }
        let sounds = Language::ALL.map(|language| {
            self.asked += 1;
            self.steps.push_back(Step::Speak {
                number: self.asked,
                name: name.clone(),
                language,
            });
            Sound::Asked(self.asked)
        });
        let person = Person {
            id,
            name: name.clone(),
            sounds,
            wiped_at: None,
        };
        self.people.insert(label, person);
    }

    fn forget(&mut self, label: Label) {
        let Some(person) = self.people.remove(&label) else {
            return;
        };
        for sound in person.sounds {
            if let Sound::Known(clip, _) = sound {
                self.steps.push_back(Step::Forget { clip });
            }
        }
    }
}

fn place(language: Language) -> usize {
    let mut languages = Language::ALL.iter();
    let place = languages.position(|known| *known == language);
    place.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::conference::participant::{Door, Participant};

    const SECOND: Duration = Duration::from_secs(1);

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_name_is_spoken_in_every_language_and_wiped_a_while_after_its_person_has_left() {
        let (mut names, now) = (Names::default(), t0());
        names.handle_roster(&came(1, Some("Anna")), now);
        assert_eq!(steps(&mut names), ["speak 1 De", "speak 2 En"]);
        assert!(names.awaits(label(1), Language::De));
        says(&mut names, 1, Some(7));
        says(&mut names, 2, None);
        assert_eq!(steps(&mut names), ["learn 7"]);
        let spoken = names.spoken(label(1)).unwrap();
        assert_eq!(spoken.in_language(Language::De), Some(ClipId(7)));
        assert_eq!(spoken.in_language(Language::En), None);
        assert!(!names.awaits(label(1), Language::De));
        assert_eq!(names.poll_timeout(), None);
        names.handle_roster(&went(1), now);
        let due = names.poll_timeout().unwrap();
        assert_eq!(due, now + SPOKEN_NAME_KEPT);
        names.handle_timeout(due - SECOND);
        assert_eq!(steps(&mut names), [""; 0]);
        names.handle_timeout(due);
        assert_eq!(steps(&mut names), ["forget 7"]);
        assert_eq!((names.spoken(label(1)), names.poll_timeout()), (None, None));
    }

    #[test]
    fn who_comes_back_in_time_is_not_forgotten() {
        let (mut names, now) = (Names::default(), t0());
        names.handle_roster(&came(1, Some("Anna")), now);
        says(&mut names, 1, Some(7));
        names.handle_roster(&went(1), now);
        names.handle_roster(&came(1, Some("Anna")), now + SECOND);
        names.handle_timeout(now + 60 * SECOND);
        assert_eq!(steps(&mut names), ["speak 1 De", "speak 2 En", "learn 7"]);
        assert!(names.spoken(label(1)).is_some());
    }

    #[test]
    fn who_is_renamed_is_spoken_anew_and_what_comes_too_late_is_of_no_use() {
        let (mut names, now) = (Names::default(), t0());
        names.handle_roster(&came(1, Some("Anna")), now);
        says(&mut names, 1, Some(7));
        names.handle_roster(&came(1, Some("Berta")), now);
        says(&mut names, 2, Some(8));
        let told = steps(&mut names);
        assert_eq!(
            told[3..],
            ["forget 7", "speak 3 De", "speak 4 En"],
            "{told:?}"
        );
        assert_eq!(names.spoken(label(1)), Some(SpokenName::default()));
        names.handle_roster(&came(1, None), now);
        assert_eq!(names.spoken(label(1)), None);
        says(&mut names, 3, Some(9));
        assert_eq!(steps(&mut names), [""; 0]);
    }

    #[test]
    fn who_has_no_name_is_not_spoken_and_there_is_an_end_to_who_is() {
        let (mut names, now) = (Names::default(), t0());
        names.handle_roster(&came(1, None), now);
        assert_eq!(steps(&mut names), [""; 0]);
        for ordinal in 1..=100 {
            names.handle_roster(&came(ordinal, Some("Anna")), now);
        }
        let asked = steps(&mut names).len();
        assert_eq!(asked, Language::ALL.len() * SPOKEN_NAMES_OF_CONFERENCE_MAX);
    }

    #[test]
    fn nothing_of_a_name_is_printed() {
        let mut names = Names::default();
        names.handle_roster(&came(1, Some("Zilpzalp")), t0());
        assert!(!format!("{names:?}").contains("Zilpzalp"));
    }

    fn label(ordinal: u32) -> Label {
        Label {
            door: Door::Browser,
            ordinal,
        }
    }

    fn came(ordinal: u32, name: Option<&str>) -> Delta {
        Delta {
            entries: vec![Participant {
                name: name.map(|name| Name::new(name.to_owned())),
                ..Participant::guest(ordinal, Door::Browser)
            }],
            ..Delta::default()
        }
    }

    fn went(ordinal: u64) -> Delta {
        Delta {
            gone: vec![ParticipantId::from_u64(ordinal)],
            ..Delta::default()
        }
    }

    /// Tells that a name was spoken, under this number of a clip, or not.
    fn says(names: &mut Names, number: u64, clip: Option<u32>) {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let said = clip.map(|_| Spoken {
            utterance: Utterance::new(Vec::new()),
            place,
        });
        names.handle_spoken(number, said.ok_or(Unspoken::Late), || clip.map(ClipId));
    }

    fn steps(names: &mut Names) -> Vec<String> {
        let told = std::iter::from_fn(|| names.poll());
        let step = |step| match step {
            Step::Speak {
                number, language, ..
            } => format!("speak {number} {language:?}"),
            Step::Learn { clip, .. } => format!("learn {}", clip.0),
            Step::Forget { clip } => format!("forget {}", clip.0),
        };
        told.map(step).collect()
    }
}
