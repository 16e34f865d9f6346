//! The spoken catalogue as clips: loaded at start, known to the workers by number.

use std::{collections::BTreeSet, fs, io, num::NonZeroUsize, path::Path, sync::Arc, thread};

use dsp::Recording;
use rust_embed::RustEmbed;

use crate::{
    conference::{
        event::{Clip, Event, Language, Length, Voice},
        keyplan::KeyPlan,
    },
    media::api::ClipId,
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

/// All clips, as frames for the workers; clip ids count through languages and clips.
#[derive(Debug, Clone)]
pub struct Prompts {
    clips: usize,
    /// Which keys are spoken of.
    plan: Arc<KeyPlan>,
}

impl Prompts {
    /// Decodes all prompts; a file in the operator's `folder` replaces the one of the same name.
    ///
    /// # Errors
    ///
    /// Fails when a prompt cannot be had, or a file of the operator's would never be heard.
    pub fn load(folder: Option<&Path>) -> Result<(Self, Vec<Recording>), Error> {
        if let Some(folder) = folder {
            refuse_unknown(folder)?;
        }
        let names: Vec<String> = Language::ALL
            .into_iter()
            .flat_map(|language| Clip::ALL.iter().map(move |clip| clip.path(language)))
            .collect();
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = names.len().div_ceil(threads).max(1);
        let read = |name: &String| {
            let bytes = bytes_of(name, folder)?;
            dsp::read_ogg_opus(&bytes).map_err(|error| Error::Broken(name.clone(), error))
        };
        let shares: Vec<Result<Vec<Recording>, Error>> = thread::scope(|scope| {
            let shares = names.chunks(share);
            let tasks: Vec<_> = shares
                .map(|names| scope.spawn(move || names.iter().map(read).collect()))
                .collect();
            let joined = tasks.into_iter().map(|task| task.join());
            joined
                .collect::<Result<_, _>>()
                .expect("reading does not panic")
        });
        let mut recordings = Vec::with_capacity(names.len());
        for share in shares {
            recordings.extend(share?);
        }
        Ok((Self::unspoken(), recordings))
    }

    /// The catalogue without its sound, for simulated runs that bring their own or need none.
    pub fn unspoken() -> Self {
        Self {
            clips: Clip::ALL.len(),
            plan: Arc::default(),
        }
    }

    /// Speaks of these keys.
    #[must_use]
    pub fn with_keys(self, plan: KeyPlan) -> Self {
        Self {
            plan: Arc::new(plan),
            ..self
        }
    }

    /// The keys that are spoken of, which are those that count.
    pub fn plan(&self) -> &Arc<KeyPlan> {
        &self.plan
    }

    /// The clips that are said over the talk.
    pub fn asides(&self) -> BTreeSet<ClipId> {
        let asides = Event::SAMPLES.iter().filter(|event| event.is_aside());
        let events = asides.copied().chain(Event::announcements());
        let spoken = events.flat_map(|event| {
            let voices =
                Language::ALL.map(|language| Length::ALL.map(|length| Voice { language, length }));
            let voices = voices.into_iter().flatten();
            voices.flat_map(move |voice| self.clips(event, voice))
        });
        spoken.collect()
    }

    /// The clips that speak an event.
    pub fn clips(&self, event: Event, voice: Voice) -> Vec<ClipId> {
        let mut languages = Language::ALL.iter();
        let position = languages.position(|known| *known == voice.language);
        let offset = position.unwrap_or_default() * self.clips;
        let id = |clip: Clip| {
            ClipId(u16::try_from(offset + clip.index()).expect("there are fewer clips than 65,536"))
        };
        let clips = event.clips_in(voice.length).into_iter();
        let spoken = clips.flat_map(|clip| clip.with_keys(&self.plan));
        spoken.map(id).collect()
    }
}

fn bytes_of(name: &str, folder: Option<&Path>) -> Result<Vec<u8>, Error> {
    if let Some(folder) = folder {
        match fs::read(folder.join(name)) {
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::Unreadable(name.to_owned(), error)),
        }
    }
    let file = Rendered::get(name).ok_or_else(|| Error::Missing(name.to_owned()))?;
    Ok(file.data.into_owned())
}

/// Refuses recordings in a folder that have the name of no prompt, for they would never be heard.
fn refuse_unknown(folder: &Path) -> Result<(), Error> {
    let unreadable = |path: &Path, error| Error::Unreadable(path.display().to_string(), error);
    // The folder itself must be there, else a slip in its name would go unnoticed; one of a language need not.
    fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    for language in Language::ALL {
        let inner = folder.join(language.tag());
        let files = match fs::read_dir(&inner) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&inner, error)),
        };
        for file in files {
            let file = file.map_err(|error| unreadable(&inner, error))?;
            let name = format!("{}/{}", language.tag(), file.file_name().to_string_lossy());
            let is_known = Clip::ALL.iter().any(|clip| clip.path(language) == name);
            if name.ends_with(".opus") && !is_known {
                return Err(Error::Unknown(name));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limit::WORDS_OVER_TALK_MAX;

    /// A recording of the operator's takes the place of ours, in its language only; what would not be heard is refused.
    #[test]
    fn an_operators_recording_replaces_ours() {
        let folder = tempfile::tempdir().unwrap();
        let german = folder.path().join("de");
        fs::create_dir(&german).unwrap();
        let [clip, other] = [Clip::ALL[0], Clip::ALL[1]];
        let recording = Rendered::get(&other.path(Language::De)).unwrap();
        let name = clip.path(Language::De);
        fs::write(folder.path().join(&name), &recording.data).unwrap();
        let (_, ours) = Prompts::load(None).unwrap();
        let (_, theirs) = Prompts::load(Some(folder.path())).unwrap();
        assert_eq!(theirs[0], ours[1]);
        assert_eq!(theirs[1..], ours[1..]);

        fs::write(folder.path().join(&name), b"no sound").unwrap();
        let error = Prompts::load(Some(folder.path())).unwrap_err();
        assert!(
            matches!(&error, Error::Broken(broken, _) if *broken == name),
            "{error}"
        );
        fs::remove_file(folder.path().join(&name)).unwrap();
        fs::write(german.join("wellcome.opus"), &recording.data).unwrap();
        let error = Prompts::load(Some(folder.path())).unwrap_err();
        assert!(
            error.told(Language::De).contains("de/wellcome.opus"),
            "{error}"
        );
        let missing = folder.path().join("nowhere");
        let error = Prompts::load(Some(&missing)).unwrap_err();
        assert!(matches!(error, Error::Unreadable(..)), "{error}");
    }

    #[test]
    fn what_is_said_over_the_talk_is_short_and_as_loud_as_speech_should_be() {
        let (prompts, sounds) = Prompts::load(None).unwrap();
        // Encoding as Opus takes most of the time of a start.
        assert!(sounds.iter().all(|recording| recording.opus.is_some()));
        let mut whole = Duration::ZERO;
        for ClipId(clip) in prompts.asides() {
            let sound = &sounds[usize::from(clip)].frames;
            let length = dsp::TICK * u32::try_from(sound.len()).unwrap();
            assert!(length < WORDS_OVER_TALK_MAX, "{clip}: {length:?}");
            let mut meter = dsp::SpeechMeter::new();
            sound.iter().for_each(|frame| meter.hear(&frame.samples));
            let level = meter.level().unwrap().dbov;
            let right = if Clip::ALL[usize::from(clip) % Clip::ALL.len()].is_tone() {
                -36.0..=-30.0
            } else {
                -29.0..=-24.0
            };
            assert!(right.contains(&level), "{clip}: {level} dBov");
            whole += length;
        }
        // 96 kB of sound per second are kept.
        assert!(whole < Duration::from_secs(310), "{whole:?}");
    }
}
