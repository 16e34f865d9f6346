//! The spoken catalogue as clips, known to the workers by number.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use dsp::Recording;
use rust_embed::RustEmbed;
use tracing::error;

use super::{names::SpokenNames, speech::Speech};
use crate::{
    conference::{
        event::{Clip, Event, Language, Length, Piece, Voice, Wording},
        keyplan::KeyPlan,
    },
    media::{Clips, api::ClipId},
};

/// The rendered prompts that come with the binary.
#[derive(RustEmbed)]
#[folder = "deploy/prompts/"]
#[include = "*/*.opus"]
struct Rendered;

/// A prompt that cannot be loaded; paths are below the folder, such as `de/hello.opus`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither the binary nor the operator's folder has the file.
    #[error("the prompt {0} is missing")]
    Missing(String),
    /// The file is no Ogg Opus or too long.
    #[error("the prompt {0} cannot be decoded: {1}")]
    Broken(String, dsp::CodecError),
    /// The operator's folder or recording cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// A file of the operator's replaces no prompt.
    #[error("there is no prompt {0}")]
    Unknown(String),
}

impl Error {
    /// Says in one sentence what is in the way.
    pub fn told(&self, language: Language) -> String {
        match (self, language) {
            (Self::Missing(name), Language::De) => {
                format!("Die Ansage {name} fehlt in diesem Programm; bitte neu bauen.")
            }
            (Self::Missing(name), Language::En) => {
                format!("The prompt {name} is missing in this program; please build it again.")
            }
            (Self::Broken(name, error), Language::De) => format!(
                "Die Ansage {name} (media.prompts) ist kein Ogg Opus in einem Kanal oder ist zu lang: {error}."
            ),
            (Self::Broken(name, error), Language::En) => format!(
                "The prompt {name} (media.prompts) is no Ogg Opus of one channel, or too long: {error}."
            ),
            (Self::Unreadable(name, error), Language::De) => {
                format!("{name} (media.prompts) lässt sich nicht lesen: {error}.")
            }
            (Self::Unreadable(name, error), Language::En) => {
                format!("{name} (media.prompts) cannot be read: {error}.")
            }
            (Self::Unknown(name), Language::De) => format!(
                "{name} (media.prompts) ersetzt keine Ansage: Die Dateien heißen wie die in deploy/prompts."
            ),
            (Self::Unknown(name), Language::En) => format!(
                "{name} (media.prompts) replaces no prompt: the files are named as those in deploy/prompts."
            ),
        }
    }
}

/// All clips, and which are played for an event; clip ids count through wordings and clips.
///
/// A clip is decoded and encoded when it is said for the first time: no start waits for words that nobody hears.
#[derive(Debug, Clone)]
pub struct Prompts {
    /// Which keys are spoken of.
    plan: Arc<KeyPlan>,
    source: Arc<Source>,
    /// What speaks names, if anything does.
    speech: Option<Speech>,
    /// How many numbers were given out for sounds beside the catalogue.
    learned: Arc<AtomicU32>,
}

/// Where the sound of the clips comes from.
#[derive(Debug)]
struct Source {
    table: Clips,
    /// What may be said over the talk.
    asides: BTreeSet<ClipId>,
    recordings: Recordings,
}

#[derive(Debug)]
enum Recordings {
    /// Those in the binary, but for the operator's, which are known by the paths of ours.
    Rendered {
        operators: BTreeMap<String, Recording>,
    },
    /// One for all clips.
    Alike(Recording),
}

impl Prompts {
    /// Finds all prompts; a file in the operator's `folder` replaces the one of the same name.
    ///
    /// # Errors
    ///
    /// Fails when a prompt cannot be had, or a file of the operator's would never be heard.
    pub fn load(folder: Option<&Path>, plan: KeyPlan) -> Result<Self, Error> {
        let operators = match folder {
            Some(folder) => read_operators(folder)?,
            None => BTreeMap::new(),
        };
        for wording in Wording::ALL {
            let paths = Clip::ALL.iter().map(|clip| clip.path(wording));
            for path in paths.filter(|path| !operators.contains_key(path)) {
                if Rendered::get(&path).is_none() {
                    return Err(Error::Missing(path));
                }
            }
        }
        Ok(Self::of(Recordings::Rendered { operators }, plan))
    }

    /// The catalogue with the same sound for every clip, for simulated runs.
    pub fn alike(recording: Recording, plan: KeyPlan) -> Self {
        Self::of(Recordings::Alike(recording), plan)
    }

    fn of(recordings: Recordings, plan: KeyPlan) -> Self {
        let asides = asides(&plan);
        Self {
            plan: Arc::new(plan),
            source: Arc::new(Source {
                table: Clips::with_places(Wording::ALL.len() * Clip::ALL.len()),
                asides,
                recordings,
            }),
            speech: None,
            learned: Arc::default(),
        }
    }

    /// Speaks names by this.
    #[must_use]
    pub fn with_speech(self, speech: Speech) -> Self {
        Self {
            speech: Some(speech),
            ..self
        }
    }

    /// What speaks names, if anything does.
    pub(super) fn speech(&self) -> Option<&Speech> {
        self.speech.as_ref()
    }

    /// Draws a number for a sound beside the catalogue, none of which is given out twice; none when they are used up.
    pub(super) fn next_learned(&self) -> Option<ClipId> {
        let drawn = self
            .learned
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |drawn| {
                (drawn < u32::MAX - ClipId::LEARNED.0).then(|| drawn + 1)
            });
        drawn.ok().map(|drawn| ClipId(ClipId::LEARNED.0 + drawn))
    }

    /// The keys that are spoken of, which are those that count.
    pub fn plan(&self) -> &Arc<KeyPlan> {
        &self.plan
    }

    /// The table that the workers play from.
    pub fn table(&self) -> Clips {
        self.source.table.clone()
    }

    /// Returns the clips that speak an event, ready to be heard.
    pub fn clips(&self, event: Event, voice: Voice) -> Vec<ClipId> {
        let clips = spoken(event, voice, &self.plan).into_iter();
        clips
            .map(|clip| self.source.prepare(clip, clip.said_in(voice)))
            .collect()
    }

    /// The clips that speak an event in which people are called by these names; by their number where one is no sound.
    pub fn clips_naming(&self, event: Event, names: &SpokenNames, voice: Voice) -> Vec<ClipId> {
        let language = voice.wording.language();
        let sound = |whom| names.sound(whom, language);
        let pieces = event.pieces(voice.length, |whom| sound(whom).is_some());
        let said = |piece: Piece| match piece {
            Piece::Clip(clip) => {
                let clips = clip.with_keys(&self.plan).into_iter();
                clips
                    .map(|clip| self.source.prepare(clip, clip.said_in(voice)))
                    .collect()
            }
            Piece::Name(whom) => sound(whom).into_iter().collect::<Vec<_>>(),
        };
        pieces.into_iter().flat_map(said).collect()
    }
}

impl Source {
    /// Makes a clip ready to be heard.
    fn prepare(&self, clip: Clip, wording: Wording) -> ClipId {
        let id = id(clip, wording);
        self.table.prepare(id, self.asides.contains(&id), || {
            self.read(clip, wording).unwrap_or_else(|error| {
                error!(%error, "a prompt is left out");
                Recording::from(Vec::new())
            })
        });
        id
    }

    fn read(&self, clip: Clip, wording: Wording) -> Result<Recording, Error> {
        let operators = match &self.recordings {
            Recordings::Rendered { operators } => operators,
            Recordings::Alike(recording) => return Ok(recording.clone()),
        };
        let path = clip.path(wording);
        if let Some(recording) = operators.get(&path) {
            return Ok(recording.clone());
        }
        let file = Rendered::get(&path).ok_or_else(|| Error::Missing(path.clone()))?;
        decode(&path, &file.data)
    }
}

/// Returns the clips that speak an event.
fn spoken(event: Event, voice: Voice, plan: &KeyPlan) -> Vec<Clip> {
    let clips = event.clips_in(voice.length).into_iter();
    clips.flat_map(|clip| clip.with_keys(plan)).collect()
}

/// Returns the clips that are said over the talk.
fn asides(plan: &KeyPlan) -> BTreeSet<ClipId> {
    let clips: BTreeSet<Clip> = Event::asides()
        .flat_map(|event| Length::ALL.map(|length| (event, length)))
        .flat_map(|(event, length)| {
            let voice = Voice {
                length,
                ..Voice::default()
            };
            spoken(event, voice, plan)
        })
        .collect();
    let ids = clips
        .into_iter()
        .flat_map(|clip| Wording::ALL.map(|wording| id(clip, wording)));
    ids.collect()
}

fn id(clip: Clip, wording: Wording) -> ClipId {
    let wording = clip.recorded_in(wording);
    let mut wordings = Wording::ALL.iter();
    let position = wordings.position(|known| *known == wording);
    let id = position.unwrap_or_default() * Clip::ALL.len() + clip.index();
    ClipId(u32::try_from(id).expect("there are few clips"))
}

fn decode(path: &str, bytes: &[u8]) -> Result<Recording, Error> {
    dsp::read_ogg_opus(bytes).map_err(|error| Error::Broken(path.to_owned(), error))
}

/// Reads the operator's recordings. Those that have the name of no prompt are refused, for they would never be heard.
fn read_operators(folder: &Path) -> Result<BTreeMap<String, Recording>, Error> {
    let unreadable = |path: &Path, error| Error::Unreadable(path.display().to_string(), error);
    // The folder itself must be there, else a slip in its name would go unnoticed; one of a wording need not.
    fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut recordings = BTreeMap::new();
    for wording in Wording::ALL {
        let inner = folder.join(wording.tag());
        let files = match fs::read_dir(&inner) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&inner, error)),
        };
        for file in files {
            let file = file.map_err(|error| unreadable(&inner, error))?;
            let name = format!("{}/{}", wording.tag(), file.file_name().to_string_lossy());
            if !name.ends_with(".opus") {
                continue;
            }
            if !Clip::ALL.iter().any(|clip| clip.path(wording) == name) {
                return Err(Error::Unknown(name));
            }
            let bytes = fs::read(file.path()).map_err(|error| unreadable(&file.path(), error))?;
            let recording = decode(&name, &bytes)?;
            recordings.insert(name, recording);
        }
    }
    Ok(recordings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::WORDS_OVER_TALK_MAX;

    fn load(folder: Option<&Path>) -> Result<Prompts, Error> {
        Prompts::load(folder, KeyPlan::default())
    }

    fn sound(prompts: &Prompts, clip: Clip, wording: Wording) -> Recording {
        prompts.source.read(clip, wording).unwrap()
    }

    /// A recording of the operator's takes the place of ours, in its wording only; what would not be heard is refused.
    #[test]
    fn an_operators_recording_replaces_ours() {
        let folder = tempfile::tempdir().unwrap();
        let german = folder.path().join("de");
        fs::create_dir(&german).unwrap();
        let [clip, other] = [Clip::HELLO, Clip::THANKS];
        let recording = Rendered::get(&other.path(Wording::De)).unwrap();
        let name = clip.path(Wording::De);
        fs::write(folder.path().join(&name), &recording.data).unwrap();
        let ours = load(None).unwrap();
        let theirs = load(Some(folder.path())).unwrap();
        assert_eq!(
            sound(&theirs, clip, Wording::De),
            sound(&ours, other, Wording::De)
        );
        for wording in [Wording::En, Wording::DeDu, Wording::DeEinfach] {
            let [theirs, ours] = [&theirs, &ours].map(|all| sound(all, clip, wording));
            assert_eq!(theirs, ours, "{wording:?}");
        }

        fs::write(folder.path().join(&name), b"no sound").unwrap();
        let error = load(Some(folder.path())).unwrap_err();
        assert!(
            matches!(&error, Error::Broken(broken, _) if *broken == name),
            "{error}"
        );
        fs::remove_file(folder.path().join(&name)).unwrap();
        fs::write(german.join("wellcome.opus"), &recording.data).unwrap();
        let error = load(Some(folder.path())).unwrap_err();
        assert!(
            error.told(Language::De).contains("de/wellcome.opus"),
            "{error}"
        );
        let missing = folder.path().join("nowhere");
        let error = load(Some(&missing)).unwrap_err();
        assert!(matches!(error, Error::Unreadable(..)), "{error}");
    }

    /// What is not said differently with du is one recording for both, and all of it can be heard.
    #[test]
    fn wordings_share_what_they_say_alike() {
        let prompts = load(None).unwrap();
        let clips = |event, wording: Wording| prompts.clips(event, wording.into());
        let alike = |event| clips(event, Wording::De) == clips(event, Wording::DeDu);
        assert!(alike(Event::Locked) && !alike(Event::MicrophoneOn));
        assert_ne!(
            clips(Event::Locked, Wording::De),
            clips(Event::Locked, Wording::DeEinfach)
        );
        let [german, easy] = [Wording::De, Wording::DeEinfach]
            .map(|wording| sound(&prompts, Clip::LOCKED, wording).frames.len());
        assert!(german > 0 && easy > 0);
    }

    #[test]
    fn every_recording_can_be_played_and_sent_as_it_is() {
        let prompts = load(None).unwrap();
        for wording in Wording::ALL {
            for clip in Clip::ALL {
                let recording = sound(&prompts, *clip, wording);
                // Encoding as Opus would take most of the time.
                assert!(recording.opus.is_some(), "{}", clip.path(wording));
            }
        }
    }

    #[test]
    fn numbers_of_sounds_are_drawn_once_and_have_an_end() {
        let prompts = load(None).unwrap();
        let other = prompts.clone();
        let drawn = [&prompts, &other, &prompts].map(|prompts| prompts.next_learned().unwrap());
        assert!(drawn.iter().all(|clip| clip.is_learned()));
        assert!(drawn.is_sorted() && drawn[0] != drawn[1] && drawn[1] != drawn[2]);
        let most = Wording::ALL.len() * Clip::ALL.len();
        assert!(most < ClipId::LEARNED.0 as usize);
        prompts
            .learned
            .store(u32::MAX - ClipId::LEARNED.0, Ordering::Relaxed);
        assert_eq!(prompts.next_learned(), None);
    }

    #[test]
    fn what_is_said_over_the_talk_is_short_and_as_loud_as_speech_should_be() {
        let prompts = load(None).unwrap();
        let asides = &prompts.source.asides;
        let all = Wording::ALL.map(|wording| Clip::ALL.iter().map(move |clip| (*clip, wording)));
        let own = all
            .into_iter()
            .flatten()
            .filter(|(clip, wording)| clip.recorded_in(*wording) == *wording);
        let own: Vec<_> = own
            .filter(|(clip, wording)| asides.contains(&id(*clip, *wording)))
            .collect();
        assert_eq!(own.len(), asides.len());
        for (clip, wording) in own {
            let sound = sound(&prompts, clip, wording).frames;
            let path = clip.path(wording);
            let length = dsp::TICK * u32::try_from(sound.len()).unwrap();
            assert!(length < WORDS_OVER_TALK_MAX, "{path}: {length:?}");
            let mut meter = dsp::SpeechMeter::new();
            sound.iter().for_each(|frame| meter.hear(&frame.samples));
            let level = meter.level().unwrap().dbov;
            let right = if clip.is_tone() {
                -36.0..=-30.0
            } else {
                -29.0..=-24.0
            };
            assert!(right.contains(&level), "{path}: {level} dBov");
        }
    }
}
