//! The catalogue: everything a person is ever told. One entry per event, four renderings.
//!
//! *Spoken*: clips, played to telephones. *Shown*: text in a browser. *Typed* (real-time text on telephones) and
//! *announced* (to screen readers) are foreseen in the same entry. The words stand in `catalogue/{de,en}.toml`; the clips
//! are rendered from them beforehand (`deploy/prompts`), so that no person's words ever pass a speech engine.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// A language the catalogue speaks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// German, with *Sie*.
    #[default]
    De,
    /// English.
    En,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::De, Self::En];

    /// Returns the language's tag (RFC 5646).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }

    fn catalogue(self) -> &'static Catalogue {
        static DE: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue::parse(include_str!("catalogue/de.toml")));
        static EN: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue::parse(include_str!("catalogue/en.toml")));
        match self {
            Self::De => &DE,
            Self::En => &EN,
        }
    }
}

/// What a caller is asked to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// The whole dial-in code.
    Code,
    /// The PIN alone; the number was dialled.
    Pin,
}

/// Defines [`Event`] so that no variant can lack a key or be missing from [`Event::SAMPLES`].
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $({ $field:ident: $type:ty = $sample:expr })? => $key:literal,)*) => {
        /// Something a person is told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$doc])* $variant $({
                /// What the words depend on.
                $field: $type,
            })?,)*
        }

        impl Event {
            /// Every event once, in the order of the catalogue.
            pub const SAMPLES: &[Self] = &[$(Self::$variant $({ $field: $sample })?,)*];

            /// Returns the key of the event's entry in the catalogue; also its name on the wire.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $key,)*
                }
            }
        }
    };
}

events! {
    /// A call was answered.
    Greeting { asked: Asked = Asked::Code } => "greeting",
    /// The caller began again.
    Ask { asked: Asked = Asked::Code } => "ask",
    /// Nothing was typed for a while.
    TakeYourTime { asked: Asked = Asked::Code } => "take-your-time",
    /// `#` came before the code was complete.
    TooShort { asked: Asked = Asked::Code } => "too-short",
    /// The code is wrong; the same whether or not its room exists.
    WrongCode { asked: Asked = Asked::Code } => "wrong-code",
    /// The code was wrong too often; the call ends.
    TooManyTries => "too-many-tries",
    /// Nothing was typed for too long; the call ends.
    TooLongSilent => "too-long-silent",
    /// Help and privacy before admission.
    AdmissionHelp => "admission-help",
    /// The person is in the conference, together with so many people, counting themself.
    Admitted { present: u32 = 4 } => "admitted",
    /// They switched their microphone on.
    MicrophoneOn => "microphone-on",
    /// They switched their microphone off.
    MicrophoneOff => "microphone-off",
    /// A moderator switched their microphone off.
    MicrophoneOffByModerator => "microphone-off-by-moderator",
    /// Music came from their line, and they are not heard until it ends.
    MusicMuted => "music-muted",
    /// The music from their line has ended, and they are heard again.
    MusicOver => "music-over",
    /// Their line hums or hisses.
    LineHums => "line-hums",
    /// Their line brings the conference back as an echo.
    LineEchoes => "line-echoes",
    /// Help in the conference.
    Help => "help",
    /// A moderator removed them.
    Removed => "removed",
    /// A moderator ended the conference.
    Ended => "ended",
    /// The server stops.
    Stopping => "stopping",
    /// The conference has no place left.
    RoomFull => "room-full",
    /// The server has as much to do as it can carry.
    Busy => "busy",
    /// Something of ours failed.
    Fault => "fault",
}

impl Event {
    /// Returns what is played for it, in order.
    pub fn clips(self) -> Vec<Clip> {
        match self {
            Self::Greeting { asked } => vec![Clip::HELLO, Clip::ask(asked)],
            Self::Ask { asked } => vec![Clip::ask(asked)],
            // A PIN may begin with 0, so help cannot be asked for by key; waiting brings it.
            Self::TakeYourTime { asked: Asked::Pin } => {
                vec![
                    Clip::TAKE_YOUR_TIME,
                    Clip::HELP_PIN,
                    Clip::PRIVACY,
                    Clip::ASK_PIN,
                ]
            }
            Self::TakeYourTime { asked: Asked::Code } => vec![Clip::TAKE_YOUR_TIME, Clip::ASK_CODE],
            Self::TooShort { asked } => vec![Clip::TOO_SHORT, Clip::ask(asked)],
            Self::WrongCode { asked } => vec![Clip::WRONG_CODE, Clip::ask(asked)],
            Self::TooManyTries => vec![Clip::TOO_MANY_TRIES],
            Self::TooLongSilent => vec![Clip::TOO_LONG_SILENT],
            Self::AdmissionHelp => vec![Clip::HELP_CODE, Clip::PRIVACY, Clip::ASK_CODE],
            Self::Admitted { present } => vec![
                Clip::THANKS,
                Clip::present(present),
                Clip::NOT_RECORDED,
                Clip::NOT_HEARD_YET,
            ],
            Self::MicrophoneOn => vec![Clip::MICROPHONE_ON],
            Self::MicrophoneOff => vec![Clip::MICROPHONE_OFF],
            Self::MicrophoneOffByModerator => vec![Clip::MICROPHONE_OFF_BY_MODERATOR],
            Self::MusicMuted => vec![Clip::MUSIC_MUTED],
            Self::MusicOver => vec![Clip::MUSIC_OVER],
            Self::LineHums => vec![Clip::LINE_HUMS],
            Self::LineEchoes => vec![Clip::LINE_ECHOES],
            Self::Help => vec![Clip::HELP],
            Self::Removed => vec![Clip::REMOVED],
            Self::Ended => vec![Clip::ENDED],
            Self::Stopping => vec![Clip::STOPPING],
            Self::RoomFull => vec![Clip::ROOM_FULL],
            Self::Busy => vec![Clip::BUSY],
            Self::Fault => vec![Clip::FAULT],
        }
    }

    /// Tells whether it only helps to be heard better, so that once is enough.
    pub const fn is_hint(self) -> bool {
        matches!(self, Self::LineHums | Self::LineEchoes)
    }

    /// Tells whether a caller hears it over the talk, which goes on beneath: what is short and changes nothing but how they
    /// are heard. Help is asked for and long, and a goodbye is the last there is: these are said instead of the talk.
    pub const fn is_aside(self) -> bool {
        matches!(
            self,
            Self::MicrophoneOn
                | Self::MicrophoneOff
                | Self::MicrophoneOffByModerator
                | Self::MusicMuted
                | Self::MusicOver
                | Self::LineHums
                | Self::LineEchoes
        )
    }

    /// Returns the text a browser shows for it.
    pub fn shown(self, language: Language) -> String {
        let text = &language
            .catalogue()
            .event
            .get(self.key())
            .expect("every event has an entry in every language, which a test holds")
            .shown;
        if let Self::Admitted { present } = self {
            text.replace("{present}", &present.to_string())
        } else {
            text.clone()
        }
    }
}

/// A recorded piece of speech, known by its key in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clip(&'static str);

/// Defines the clips as constants together with [`Clip::ALL`].
macro_rules! clips {
    ([$($count:literal)*] $($(#[$doc:meta])* $name:ident = $key:literal;)*) => {
        impl Clip {
            $($(#[$doc])* pub const $name: Self = Self($key);)*

            /// "So many people are here", from one person on.
            const PRESENT: &[Self] = &[$(Self($count),)*];

            /// Every clip, in an order that only changes with the catalogue; the place in it is the clip's index.
            pub const ALL: &[Self] = &[$(Self::$name,)* $(Self($count),)*];
        }
    };
}

clips! {
    [
        "present-1" "present-2" "present-3" "present-4" "present-5" "present-6" "present-7" "present-8" "present-9"
        "present-10" "present-11" "present-12" "present-13" "present-14" "present-15" "present-16" "present-17"
        "present-18" "present-19" "present-20"
    ]
    /// The greeting.
    HELLO = "hello";
    /// Asks for the dial-in code.
    ASK_CODE = "ask-code";
    /// Asks for the PIN.
    ASK_PIN = "ask-pin";
    /// Reassures the slow.
    TAKE_YOUR_TIME = "take-your-time";
    /// Digits are missing.
    TOO_SHORT = "too-short";
    /// The code is wrong.
    WRONG_CODE = "wrong-code";
    /// Goodbye after the last try.
    TOO_MANY_TRIES = "too-many-tries";
    /// Goodbye after long silence.
    TOO_LONG_SILENT = "too-long-silent";
    /// How to type the code.
    HELP_CODE = "help-code";
    /// How to type the PIN.
    HELP_PIN = "help-pin";
    /// Privacy in short.
    PRIVACY = "privacy";
    /// Thanks for the right code.
    THANKS = "thanks";
    /// More people are here than are counted aloud.
    PRESENT_MANY = "present-many";
    /// Nothing is recorded.
    NOT_RECORDED = "not-recorded";
    /// The microphone is off, and how to switch it on.
    NOT_HEARD_YET = "not-heard-yet";
    /// The microphone is on.
    MICROPHONE_ON = "microphone-on";
    /// The microphone is off.
    MICROPHONE_OFF = "microphone-off";
    /// A moderator switched the microphone off.
    MICROPHONE_OFF_BY_MODERATOR = "microphone-off-by-moderator";
    /// Music comes from the line, so it is not heard.
    MUSIC_MUTED = "music-muted";
    /// The music is over.
    MUSIC_OVER = "music-over";
    /// The line hums.
    LINE_HUMS = "line-hums";
    /// The line echoes.
    LINE_ECHOES = "line-echoes";
    /// Help in the conference.
    HELP = "help";
    /// Goodbye to the removed.
    REMOVED = "removed";
    /// Goodbye when a moderator ends the conference.
    ENDED = "ended";
    /// Goodbye when the server stops.
    STOPPING = "stopping";
    /// There is no place left.
    ROOM_FULL = "room-full";
    /// Goodbye when the server has too much to do.
    BUSY = "busy";
    /// Apology for a fault of ours.
    FAULT = "fault";
}

impl Clip {
    const fn ask(asked: Asked) -> Self {
        match asked {
            Asked::Code => Self::ASK_CODE,
            Asked::Pin => Self::ASK_PIN,
        }
    }

    fn present(count: u32) -> Self {
        usize::try_from(count.max(1) - 1)
            .ok()
            .and_then(|index| Self::PRESENT.get(index))
            .copied()
            .unwrap_or(Self::PRESENT_MANY)
    }

    /// Returns the clip's key: the name of its entry in the catalogue and of its file.
    pub const fn key(self) -> &'static str {
        self.0
    }

    /// Returns the clip's place in [`Clip::ALL`].
    pub fn index(self) -> usize {
        Self::ALL
            .iter()
            .position(|clip| *clip == self)
            .expect("clips are made from the table alone")
    }

    /// Returns the clip's file below the folder of prompts.
    pub fn path(self, language: Language) -> String {
        format!("{}/{}.opus", language.tag(), self.0)
    }

    /// Returns the words of the recording.
    pub fn words(self, language: Language) -> &'static str {
        language
            .catalogue()
            .clip
            .get(self.0)
            .expect("every clip has its words in every language, which a test holds")
    }
}

/// One language's part of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    clip: BTreeMap<String, String>,
    event: BTreeMap<String, Renderings>,
}

/// The renderings of one event that are text; the spoken one is made of clips.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Renderings {
    shown: String,
}

impl Catalogue {
    fn parse(text: &str) -> Self {
        toml::from_str(text).expect("the built-in catalogue is well-formed, which a test holds")
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::PathBuf};

    use super::*;

    #[test]
    fn catalogue_and_events_have_the_same_keys_in_every_language() {
        let events: BTreeSet<&str> = Event::SAMPLES.iter().map(|event| event.key()).collect();
        assert_eq!(events.len(), Event::SAMPLES.len());
        for language in Language::ALL {
            let entries: BTreeSet<&str> = language
                .catalogue()
                .event
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(events, entries, "{}", language.tag());
        }
    }

    #[test]
    fn catalogue_and_clips_have_the_same_keys_in_every_language() {
        let clips: BTreeSet<&str> = Clip::ALL.iter().map(|clip| clip.key()).collect();
        assert_eq!(clips.len(), Clip::ALL.len());
        for language in Language::ALL {
            let entries: BTreeSet<&str> = language
                .catalogue()
                .clip
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(clips, entries, "{}", language.tag());
        }
    }

    #[test]
    fn every_event_is_spoken_and_shown() {
        for event in Event::SAMPLES {
            assert!(!event.clips().is_empty(), "{event:?}");
            for language in Language::ALL {
                let shown = event.shown(language);
                assert!(
                    !shown.trim().is_empty() && !shown.contains(['{', '}']),
                    "{event:?}: {shown}"
                );
                for clip in event.clips() {
                    assert!(clip.words(language).ends_with(['.', '!', '?']), "{clip:?}");
                }
            }
        }
    }

    #[test]
    fn every_clip_is_part_of_an_event() {
        let both = [Asked::Code, Asked::Pin];
        let spoken: BTreeSet<Clip> = Event::SAMPLES
            .iter()
            .copied()
            .chain(both.map(|asked| Event::Greeting { asked }))
            .chain(both.map(|asked| Event::TakeYourTime { asked }))
            .chain((0..=21).map(|present| Event::Admitted { present }))
            .flat_map(Event::clips)
            .collect();
        assert_eq!(spoken, Clip::ALL.iter().copied().collect());
    }

    #[test]
    fn an_index_leads_back_to_its_clip() {
        for (index, clip) in Clip::ALL.iter().enumerate() {
            assert_eq!(clip.index(), index);
        }
    }

    #[test]
    fn the_admitted_hear_how_many_are_here_and_that_they_are_not_heard() {
        let words = |present: u32| -> String {
            let clips = Event::Admitted { present }.clips();
            clips
                .iter()
                .map(|clip| clip.words(Language::De))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            words(4),
            "Danke. Vier Personen sind da. Es wird nicht aufgezeichnet. Man hört Sie noch nicht. Zum Sprechen zweimal die Sechs."
        );
        assert!(words(20).contains("Zwanzig Personen sind da."));
        assert!(words(21).contains("Mehr als zwanzig Personen sind da."));
        assert!(words(u32::MAX).contains("Mehr als zwanzig"));
        assert_eq!(words(0), words(1));
    }

    #[test]
    fn numbers_are_shown_in_figures() {
        assert!(
            Event::Admitted { present: 137 }
                .shown(Language::En)
                .contains("137")
        );
    }

    #[test]
    fn every_clip_has_its_recording() {
        for language in Language::ALL {
            for clip in Clip::ALL {
                let path = prompts().join(clip.path(language));
                let bytes = std::fs::read(&path).unwrap_or_default();
                assert!(
                    bytes.starts_with(b"OggS"),
                    "{} is no recording",
                    clip.path(language)
                );
            }
        }
    }

    #[test]
    fn recordings_were_made_from_the_words_of_the_catalogue() {
        for language in Language::ALL {
            let manifest = manifest(language);
            assert_eq!(manifest.len(), Clip::ALL.len(), "{}", language.tag());
            for clip in Clip::ALL {
                let recording = &manifest[clip.key()];
                assert_eq!(
                    recording.text,
                    sha256(clip.words(language).as_bytes()),
                    "{} is to be rendered again",
                    clip.path(language)
                );
                let bytes = std::fs::read(prompts().join(clip.path(language))).unwrap();
                assert_eq!(
                    recording.file,
                    sha256(&bytes),
                    "{} was exchanged",
                    clip.path(language)
                );
            }
        }
    }

    #[test]
    fn recordings_last_as_long_as_a_person_listens() {
        for language in Language::ALL {
            let manifest = manifest(language);
            for event in Event::SAMPLES {
                let seconds: f64 = event
                    .clips()
                    .iter()
                    .map(|clip| manifest[clip.key()].seconds)
                    .sum();
                assert!(
                    (0.5..=40.0).contains(&seconds),
                    "{event:?} takes {seconds} s"
                );
            }
            for (clip, recording) in &manifest {
                assert!(
                    (0.3..=20.0).contains(&recording.seconds),
                    "{clip} takes {} s",
                    recording.seconds
                );
            }
        }
    }

    /// What the renderer noted of one recording.
    #[derive(Deserialize)]
    struct Recording {
        text: String,
        file: String,
        seconds: f64,
    }

    fn manifest(language: Language) -> BTreeMap<String, Recording> {
        let path = prompts().join(language.tag()).join("manifest.toml");
        toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn prompts() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/prompts")
    }

    fn sha256(bytes: &[u8]) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
