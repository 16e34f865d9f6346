//! The spoken catalogue as clips: loaded at start, known to the workers by number.

use std::{collections::BTreeSet, path::Path};

use rust_embed::RustEmbed;

use crate::{
    conference::event::{Clip, Event, Language},
    media::api::ClipId,
};

/// The rendered prompts that come with the binary.
#[derive(RustEmbed)]
#[folder = "deploy/prompts/"]
#[include = "*/*.opus"]
struct Rendered;

/// A prompt that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither the binary nor the operator's folder has the file.
    #[error("the prompt {0} is missing")]
    Missing(String),
    /// The file is no Ogg Opus or too long.
    #[error("the prompt {0} cannot be decoded: {1}")]
    Broken(String, dsp::CodecError),
    /// The operator's recording cannot be read.
    #[error("the prompt {0} cannot be read: {1}")]
    Unreadable(String, std::io::Error),
}

/// All clips, as frames for the workers; clip ids count through languages and clips.
#[derive(Debug, Clone)]
pub struct Prompts {
    clips: usize,
}

impl Prompts {
    /// Decodes all prompts; a file in the operator's `folder` replaces the one of the same name.
    pub fn load(folder: Option<&Path>) -> Result<(Self, Vec<Vec<dsp::Frame>>), Error> {
        let mut frames = Vec::with_capacity(Language::ALL.len() * Clip::ALL.len());
        for language in Language::ALL {
            for clip in Clip::ALL {
                let name = clip.path(language);
                let bytes = bytes_of(&name, folder)?;
                let clip =
                    dsp::decode_ogg_opus(&bytes).map_err(|error| Error::Broken(name, error))?;
                frames.push(clip);
            }
        }
        Ok((
            Self {
                clips: Clip::ALL.len(),
            },
            frames,
        ))
    }

    /// The catalogue without its sound, for simulated runs that bring their own or need none.
    pub fn unspoken() -> Self {
        Self {
            clips: Clip::ALL.len(),
        }
    }

    /// The clips that are said over the talk.
    pub fn asides(&self) -> BTreeSet<ClipId> {
        let asides = Event::SAMPLES.iter().filter(|event| event.is_aside());
        let spoken = asides.flat_map(|event| {
            let languages = Language::ALL.into_iter();
            languages.flat_map(|language| self.clips(*event, language))
        });
        spoken.collect()
    }

    /// The clips that speak an event.
    pub fn clips(&self, event: Event, language: Language) -> Vec<ClipId> {
        let position = Language::ALL.iter().position(|known| *known == language);
        let offset = position.unwrap_or_default() * self.clips;
        let id = |clip: Clip| {
            ClipId(u16::try_from(offset + clip.index()).expect("there are fewer clips than 65,536"))
        };
        event.clips().into_iter().map(id).collect()
    }
}

fn bytes_of(name: &str, folder: Option<&Path>) -> Result<Vec<u8>, Error> {
    if let Some(path) = folder
        .map(|folder| folder.join(name))
        .filter(|path| path.exists())
    {
        return std::fs::read(path).map_err(|error| Error::Unreadable(name.to_owned(), error));
    }
    let file = Rendered::get(name).ok_or_else(|| Error::Missing(name.to_owned()))?;
    Ok(file.data.into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limit::WORDS_OVER_TALK_MAX;

    #[test]
    fn what_is_said_over_the_talk_is_short_and_as_loud_as_speech_should_be() {
        let (prompts, sounds) = Prompts::load(None).unwrap();
        let mut whole = Duration::ZERO;
        for ClipId(clip) in prompts.asides() {
            let sound = &sounds[usize::from(clip)];
            let length = dsp::TICK * u32::try_from(sound.len()).unwrap();
            assert!(length < WORDS_OVER_TALK_MAX, "{clip}: {length:?}");
            let mut meter = dsp::SpeechMeter::new();
            sound.iter().for_each(|frame| meter.hear(&frame.samples));
            let level = meter.level().unwrap().dbov;
            assert!((-28.0..=-24.0).contains(&level), "{clip}: {level} dBov");
            whole += length;
        }
        // 96 kB of sound per second are kept.
        assert!(whole < Duration::from_secs(75), "{whole:?}");
    }
}
