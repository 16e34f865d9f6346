//! The catalogue is whole: every event, clip, word and recording, in every language.

use std::{collections::BTreeSet, path::PathBuf};

use super::*;
use crate::conference::{
    keyplan::{Control, KeyPlan},
    participant::Door,
    rollcall::Speaking,
};

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
        .chain([Role::Guest, Role::Moderator].map(|role| Event::AskToSpeak { role }))
        .chain(
            [Turned::Louder, Turned::Softer, Turned::Limit]
                .map(|turned| Event::VolumeTurned { turned }),
        )
        .chain(roll_calls().map(|rollcall| Event::WhoIsHere { rollcall }))
        .chain([true, false].map(|led| Event::Waiting { led }))
        .chain(labels().map(|whom| Event::Waits { whom }))
        .chain(Event::announcements())
        .chain([true, false].map(|slow| Event::Pace { slow }))
        .chain(Length::ALL.map(|length| Event::LengthChosen { length }))
        .chain(Facts::all().map(|facts| Event::PrivacyInFull { facts, asked: None }))
        .chain(SoundTest::all().map(|said| Event::SoundTest { said }))
        .flat_map(Event::clips)
        .chain(Clip::replacements())
        .collect();
    assert_eq!(spoken, Clip::ALL.iter().copied().collect());
}

/// Everybody whose number is said, and one beyond through each door.
fn labels() -> impl Iterator<Item = Label> {
    let doors = [Door::Phone, Door::Browser].into_iter();
    doors.flat_map(|door| (1..=21).map(move |ordinal| Label { door, ordinal }))
}

#[test]
fn everybody_whose_number_is_said_can_be_announced() {
    let announced: BTreeSet<Event> = Event::announcements().collect();
    for whom in labels() {
        assert!(announced.contains(&Event::Came { whom }), "{whom:?}");
        assert!(announced.contains(&Event::Went { whom }), "{whom:?}");
    }
    assert_eq!(announced.len(), 2 + 2 * labels().count());
}

/// Roll calls with every speaker, number of hands and state.
fn roll_calls() -> impl Iterator<Item = Rollcall> {
    let speakers = labels()
        .map(Speaking::One)
        .chain([Speaking::Nobody, Speaking::Several]);
    speakers.enumerate().map(|(number, speaking)| Rollcall {
        present: 3,
        speaking,
        hands: u32::try_from(number % 7).unwrap(),
        locked: number % 2 == 0,
        waiting: number % 3 == 0,
    })
}

#[test]
fn a_roll_call_says_who_is_here_who_speaks_and_who_asks_to() {
    let rollcall = Rollcall {
        present: 12,
        speaking: Speaking::One(Label {
            door: Door::Phone,
            ordinal: 3,
        }),
        hands: 2,
        locked: true,
        waiting: false,
    };
    let said = |rollcall: Rollcall, language| {
        let clips = Event::WhoIsHere { rollcall }.clips();
        let words: Vec<_> = clips.iter().map(|clip| clip.words(language)).collect();
        words.join(" ")
    };
    assert_eq!(
        said(rollcall, Language::De),
        "Zwölf Personen sind da. Es spricht Telefon drei. Zwei Wortmeldungen. Die Konferenz ist geschlossen. \
         Niemand kommt mehr herein."
    );
    let rollcall = Rollcall {
        hands: 0,
        locked: false,
        speaking: Speaking::Nobody,
        ..rollcall
    };
    assert_eq!(
        said(rollcall, Language::En),
        "Twelve people are here. Nobody is speaking."
    );
}

/// Whoever wants it short hears nothing longer than before, and by tones alone nobody misses what a tone cannot say.
#[test]
fn what_is_said_in_short_is_shorter() {
    for language in Language::ALL {
        let manifest = manifest(language);
        for clip in Clip::ALL {
            let seconds = |length| manifest[clip.in_length(length).key()].seconds;
            let [full, short, tones] = Length::ALL.map(seconds);
            assert!(short <= full, "{clip:?}: {short} s instead of {full} s");
            assert!(tones <= full.max(0.6), "{clip:?}: {tones} s by tones");
        }
    }
    let mut length = Length::Full;
    for expected in Length::ALL {
        assert_eq!(length, expected);
        length = length.next();
    }
    assert_eq!(length, Length::Full);
    let by_tones = |event: Event| event.clips_in(Length::Tones);
    assert_eq!(by_tones(Event::MicrophoneOn), [Clip::TONE_ON]);
    assert_eq!(
        by_tones(Event::MicrophoneOffByModerator),
        [Clip::MICROPHONE_OFF_BY_MODERATOR]
    );
    assert_eq!(by_tones(Event::YouAreMuted), [Clip::YOU_ARE_MUTED_SHORT]);
}

/// A plan in which no key is where it usually is.
fn other_keys() -> KeyPlan {
    let keys = [
        "11", "*69", "*53", "22", "*70", "*681", "*682", "*683", "*684", "*685", "*686", "*99",
    ];
    let place = |control| Control::ALL.iter().position(|one| *one == control);
    KeyPlan::new(|control| place(control).map(|place| keys[place])).unwrap()
}

#[test]
fn where_keys_are_others_it_is_those_that_are_spoken_of() {
    let said = |event: Event, language| {
        let plan = other_keys();
        let clips = event
            .clips()
            .into_iter()
            .flat_map(|clip| clip.with_keys(&plan));
        let words: Vec<_> = clips.map(|clip| clip.words(language)).collect();
        words.join(" ")
    };
    assert_eq!(
        said(Event::YouAreMuted, Language::De),
        "Man hört Sie nicht, Ihr Mikrofon ist aus. Mikrofon. Zweimal. Eins."
    );
    assert_eq!(
        said(Event::SomebodyWaits, Language::En),
        "Somebody is in the waiting room. Waiting room. Star. Six. Eight. Three."
    );
    let help = said(
        Event::Help {
            role: Role::Moderator,
        },
        Language::De,
    );
    for part in [
        "Mikrofon. Zweimal. Eins.",
        "Lautstärke. Stern. Sieben. Null.",
        "Konferenz beenden. Stern. Neun. Neun.",
    ] {
        assert!(help.contains(part), "{help}");
    }
    let usual = KeyPlan::default();
    for clip in Clip::ALL {
        assert_eq!(clip.with_keys(&usual), [*clip]);
    }
}

/// Whatever names a key that may be another is put together where it is.
#[test]
fn no_words_name_keys_that_may_be_others() {
    let plan = other_keys();
    for clip in Clip::ALL {
        let words = clip.words(Language::De);
        let names = ["zweimal die", "Stern Acht", "Stern Sieben"];
        if names.iter().any(|name| words.contains(name)) {
            assert_ne!(clip.with_keys(&plan), [*clip], "{words}");
        }
    }
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
        let facts = Facts::all().map(|facts| Event::PrivacyInFull {
            facts,
            asked: Some(Asked::Code),
        });
        for event in Event::SAMPLES.iter().copied().chain(facts) {
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
