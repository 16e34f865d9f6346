//! The catalogue is whole: every event, clip, word and recording, in every language.

use std::{collections::BTreeSet, path::PathBuf};

use super::*;
use crate::conference::{
    keyplan::{Control, KeyPlan},
    participant::Door,
    rollcall::{Deed, Listed, Others, Speaking},
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
        for wording in Wording::ALL {
            let shown = event.shown(wording);
            assert!(
                !shown.trim().is_empty() && !shown.contains(['{', '}']),
                "{event:?}: {shown}"
            );
            for clip in event.clips() {
                let words = clip.words(wording);
                assert!(words.ends_with(['.', '!', '?', ':']), "{words}");
            }
        }
    }
}

/// Every event with all that its words depend on.
fn events() -> impl Iterator<Item = Event> {
    let both = [Asked::Code, Asked::Pin];
    let turned = [Turned::Louder, Turned::Softer, Turned::Limit];
    let samples = Event::SAMPLES.iter().copied();
    samples
        .chain(offering(|asked, offers_language| Event::Greeting {
            asked,
            offers_language,
        }))
        .chain(offering(|asked, offers_language| Event::TakeYourTime {
            asked,
            offers_language,
        }))
        .chain(both.map(|asked| Event::LanguageTaken { asked }))
        .chain((0..=21).map(|present| Event::Admitted { present }))
        .chain([Role::Guest, Role::Moderator].map(|role| Event::AskToSpeak { role }))
        .chain([Role::Guest, Role::Moderator].map(|role| Event::Help { role }))
        .chain(turned.map(|turned| Event::VolumeTurned { turned }))
        .chain(roll_calls().map(|rollcall| Event::WhoIsHere { rollcall }))
        .chain(
            [Knowledge::Of, Knowledge::OfOthers, Knowledge::Nobodys]
                .map(|known| Event::Waiting { known }),
        )
        .chain(labels().map(waits))
        .chain(labels().map(|whom| Event::Waits {
            whom,
            perhaps_removed: true,
        }))
        .chain(Event::announcements())
        .chain([true, false].map(|slow| Event::Pace { slow }))
        .chain([true, false].map(|muted| Event::TalkBegun { muted }))
        .chain(Length::ALL.map(|length| Event::LengthChosen { length }))
        .chain(Facts::all().map(|facts| Event::PrivacyInFull { facts, asked: None }))
        .chain(SoundTest::all().map(|said| Event::SoundTest { said }))
}

/// What is said of somebody who waits and of whom nothing has to be said.
fn waits(whom: Label) -> Event {
    Event::Waits {
        whom,
        perhaps_removed: false,
    }
}

/// What is said where the other language is offered, and where it is not.
fn offering(event: impl Fn(Asked, bool) -> Event) -> impl Iterator<Item = Event> {
    [
        (Asked::Code, true),
        (Asked::Code, false),
        (Asked::Pin, true),
        (Asked::Pin, false),
    ]
    .map(|(asked, offers)| event(asked, offers))
    .into_iter()
}

/// The offer is made in the language that it is about, and is short.
#[test]
fn the_other_language_is_offered_in_itself() {
    for house in Wording::ALL {
        let mut voice = Voice::from(house);
        let offer = Clip::THIS_LANGUAGE;
        let offered = offer.said_in(voice);
        assert_ne!(offered.language(), house.language());
        assert!(offer.words(offered).split(' ').count() <= 8);
        assert_eq!(Clip::HELLO.said_in(voice), house);
        voice.change_language();
        assert_eq!(voice.wording, offered);
        assert_eq!(offer.said_in(voice), house, "and the way back");
        voice.change_language();
        assert_eq!(voice, house.into());
    }
}

#[test]
fn who_has_chosen_a_language_keeps_it_where_they_come_to() {
    let mut voice = Voice::from(Wording::De);
    voice.come_to(Wording::DeDu);
    assert_eq!(voice.wording, Wording::DeDu, "nothing was chosen");
    voice.change_language();
    for room in [Wording::De, Wording::DeEinfach, Wording::En] {
        let mut there = voice;
        there.come_to(room);
        assert_eq!((there.wording, there.house), (Wording::En, room));
    }
    let mut voice = Voice::from(Wording::En);
    voice.change_language();
    voice.come_to(Wording::DeDu);
    assert_eq!(
        voice.wording,
        Wording::DeDu,
        "it is the language that they chose"
    );
}

#[test]
fn every_clip_is_part_of_an_event() {
    let spoken: BTreeSet<Clip> = events()
        .flat_map(Event::clips)
        .chain(Clip::replacements())
        .collect();
    assert_eq!(spoken, Clip::ALL.iter().copied().collect());
}

/// What is not among them is kept as no sound and said instead of the talk.
#[test]
fn all_that_is_said_over_the_talk_is_known_beforehand() {
    let known: BTreeSet<Event> = Event::asides().collect();
    for event in events().filter(|event| event.is_aside()) {
        assert!(known.contains(&event), "{event:?}");
    }
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
        own: Listed {
            label: Label::SAMPLE,
            named: false,
        },
        others: Others {
            phones: u32::try_from(number % 22).unwrap(),
            browsers: u32::try_from((number + 1) % 22).unwrap(),
            ..Others::default()
        },
        speaking,
        hands: u32::try_from(number % 7).unwrap(),
        locked: number % 2 == 0,
        waiting: number % 3 == 0,
        deed: Deed::ALL.get(number % 5).copied(),
    })
}

/// A roll call as it is said to who sees nothing, where these people's names are sounds: each is an ellipsis.
fn called(rollcall: Rollcall, wording: Wording, length: Length, sounds: &[Label]) -> String {
    let event = Event::WhoIsHere { rollcall };
    let pieces = event.pieces(length, |whom| sounds.contains(&whom));
    let words = pieces.into_iter().map(|piece| match piece {
        Piece::Clip(clip) => clip.words(wording).to_owned(),
        Piece::Name(whom) => format!("…{}.", whom.ordinal),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn phone(ordinal: u32) -> Label {
    Label {
        door: Door::Phone,
        ordinal,
    }
}

fn guest(ordinal: u32) -> Label {
    Label {
        door: Door::Browser,
        ordinal,
    }
}

/// Twelve people: Telefon 2, who asks, five others by telephone, the last of whom has a name, and six guests of whom two have.
fn twelve() -> Rollcall {
    let mut others = Others {
        phones: 5,
        browsers: 6,
        ..Others::default()
    };
    for (place, label) in others.named.iter_mut().zip([phone(6), guest(1), guest(4)]) {
        *place = Some(label);
    }
    Rollcall {
        present: 12,
        own: Listed {
            label: phone(2),
            named: false,
        },
        others,
        speaking: Speaking::One(phone(3)),
        hands: 2,
        locked: true,
        waiting: false,
        deed: Some(Deed::MutedAll),
    }
}

#[test]
fn a_roll_call_says_who_speaks_what_was_done_and_who_is_here() {
    let said = |wording, length, sounds: &[Label]| called(twelve(), wording, length, sounds);
    let sounds = [phone(6), guest(1), guest(4)];
    assert_eq!(
        said(Wording::De, Length::Full, &sounds),
        "Zwölf Personen sind da. Es spricht Telefon drei. Zwei Wortmeldungen. Die Konferenz ist geschlossen. \
         Niemand kommt mehr herein. Alle außer der Leitung sind stumm geschaltet. Sie sind hier: Telefon zwei. \
         Außer Ihnen: …6. …1. …4. Außerdem: Vier am Telefon. Vier im Browser."
    );
    for length in [Length::Short, Length::Tones] {
        let deed = match length {
            Length::Full | Length::Short => "Alle stumm.",
            Length::Tones => "Hoher Ton.",
        };
        assert_eq!(
            said(Wording::De, length, &sounds),
            format!(
                "Zwölf Personen sind da. Es spricht Telefon drei. Zwei Wortmeldungen. Geschlossen. {deed} \
                 Sie sind hier: Telefon zwei. Außer Ihnen: …6. …1. …4. Außerdem: Vier am Telefon. Vier im Browser."
            )
        );
    }
    let quiet = Rollcall {
        hands: 0,
        locked: false,
        deed: None,
        speaking: Speaking::Nobody,
        ..twelve()
    };
    let said = |wording, sounds: &[Label]| called(quiet, wording, Length::Full, sounds);
    assert_eq!(
        said(Wording::DeDu, &sounds[1..2]),
        "Zwölf Personen sind da. Gerade spricht niemand. Du bist hier: Telefon zwei. Außer dir: …1. Außerdem: \
         Fünf am Telefon. Fünf im Browser."
    );
    assert_eq!(
        said(Wording::DeEinfach, &[]),
        "Zwölf Menschen sind da. Gerade spricht niemand. Sie heißen hier: Telefon zwei. Außer Ihnen sind da: \
         Fünf Menschen am Telefon. Sechs Menschen im Internet."
    );
    assert_eq!(
        said(Wording::En, &sounds),
        "Twelve people are here. Nobody is speaking. You are: Phone two. Apart from you: …6. …1. …4. And also: \
         Four on the phone. Four in the browser."
    );
}

/// Counted is what is not named, in the grammar of the number; who is alone hears of nobody else.
#[test]
fn a_roll_call_counts_grammatically_and_names_nobody_twice() {
    let room = |phones, browsers| Rollcall {
        present: 1 + phones + browsers,
        own: Listed {
            label: phone(1),
            named: false,
        },
        others: Others {
            named: [Some(guest(1)), None, None, None, None, None, None, None],
            phones,
            browsers,
        },
        speaking: Speaking::Nobody,
        hands: 0,
        locked: false,
        waiting: false,
        deed: None,
    };
    let said = |rollcall, sounds: &[Label]| called(rollcall, Wording::De, Length::Full, sounds);
    let begin = "Gerade spricht niemand. Sie sind hier: Telefon eins.";
    let alone = Rollcall {
        others: Others::default(),
        ..room(0, 0)
    };
    assert_eq!(
        said(alone, &[]),
        format!("Im Moment sind nur Sie da. {begin}")
    );
    for (phones, browsers, sounds, rest) in [
        (0, 1, &[guest(1)][..], "…1."),
        (0, 1, &[], "Eine Person im Browser."),
        (1, 1, &[guest(1)], "…1. Außerdem: Eine Person am Telefon."),
        (
            20,
            2,
            &[guest(1)],
            "…1. Außerdem: Zwanzig am Telefon. Eine Person im Browser.",
        ),
        (
            21,
            22,
            &[guest(1)],
            "…1. Außerdem: Mehr als zwanzig am Telefon. Mehr als zwanzig im Browser.",
        ),
    ] {
        let said = said(room(phones, browsers), sounds);
        assert!(
            said.ends_with(&format!(" {begin} Außer Ihnen: {rest}")),
            "{said}"
        );
    }
}

/// Who has a name hears that name; where it is no sound, not the number that nobody sees.
#[test]
fn who_asks_hears_what_the_others_see_of_them() {
    let named = Rollcall {
        own: Listed {
            label: phone(2),
            named: true,
        },
        ..twelve()
    };
    let said = |rollcall, sounds: &[Label]| called(rollcall, Wording::De, Length::Full, sounds);
    assert!(said(named, &[phone(2)]).contains("Sie sind hier: …2. Außer Ihnen"));
    assert!(!said(named, &[]).contains("Sie sind hier"));
    assert_eq!(
        Event::WhoIsHere { rollcall: named }.names(),
        [phone(2), phone(3), phone(6), guest(1), guest(4)]
    );
}

/// Where there is a sound for a name it stands where the number stood, in every event that names somebody.
#[test]
fn a_name_takes_the_place_of_the_number() {
    let whom = guest(21);
    let around = |event: Event| -> Vec<&str> {
        let pieces = event.pieces(Length::Full, |label| label == whom);
        let key = |piece| match piece {
            Piece::Clip(clip) => Clip::key(clip),
            Piece::Name(_) => "…",
        };
        pieces.into_iter().map(key).collect()
    };
    assert_eq!(around(Event::Came { whom }), ["came", "…"]);
    assert_eq!(around(Event::Went { whom }), ["went", "…"]);
    assert_eq!(around(waits(whom)), ["waits", "…", "decide"]);
    assert_eq!(around(Event::RemovedLast { whom }), ["removed-last", "…"]);
    assert_eq!(
        around(Event::Invited { by: whom }),
        ["invited", "…", "invited-keys"]
    );
    let rollcall = Rollcall {
        speaking: Speaking::One(whom),
        ..Rollcall::SAMPLE
    };
    let said = around(Event::WhoIsHere { rollcall });
    assert_eq!(said[..3], ["present-4", "speaks-named", "…"]);
    for event in Event::SAMPLES {
        let pieces = event.pieces(Length::Full, |_| true);
        let named = pieces.iter().any(|piece| matches!(piece, Piece::Name(_)));
        assert_eq!(named, !event.names().is_empty(), "{event:?}");
    }
}

/// Whoever wants it short hears nothing longer than before, and by tones alone nobody misses what a tone cannot say.
#[test]
fn what_is_said_in_short_is_shorter() {
    for wording in Wording::ALL {
        let recordings = recordings(wording);
        for clip in Clip::ALL {
            let seconds = |length| recordings[&clip.in_length(length)].seconds;
            let [full, short, tones] = Length::ALL.map(seconds);
            let path = clip.path(wording);
            assert!(short <= full, "{path}: {short} s instead of {full} s");
            assert!(tones <= full.max(0.6), "{path}: {tones} s by tones");
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
    let said = |event: Event, wording| {
        let plan = other_keys();
        let clips = event
            .clips()
            .into_iter()
            .flat_map(|clip| clip.with_keys(&plan));
        let words: Vec<_> = clips.map(|clip| clip.words(wording)).collect();
        words.join(" ")
    };
    assert_eq!(
        said(Event::YouAreMuted, Wording::De),
        "Man hört Sie nicht, Ihr Mikrofon ist aus. Mikrofon. Zweimal. Eins."
    );
    assert_eq!(
        said(Event::SomebodyWaits, Wording::En),
        "Somebody is in the waiting room. Waiting room. Star. Six. Eight. Three."
    );
    let help = said(
        Event::Help {
            role: Role::Moderator,
        },
        Wording::De,
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
    let german = [Wording::De, Wording::DeDu, Wording::DeEinfach];
    let clips = Clip::ALL
        .iter()
        .flat_map(|clip| german.map(|wording| (clip, wording)));
    for (clip, wording) in clips {
        let words = clip.words(wording);
        let names = [
            "zweimal die",
            "Stern Acht",
            "Stern Sieben",
            "Stern und Sieben",
        ];
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
            .map(|clip| clip.words(Wording::De))
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
            .shown(Wording::En)
            .contains("137")
    );
}

#[test]
fn every_clip_has_its_recording() {
    for wording in Wording::ALL {
        for clip in Clip::ALL {
            let path = clip.path(wording);
            let bytes = std::fs::read(prompts().join(&path)).unwrap_or_default();
            assert!(bytes.starts_with(b"OggS"), "{path} is no recording");
        }
    }
}

#[test]
fn recordings_were_made_from_the_words_of_the_catalogue() {
    for wording in Wording::ALL {
        let manifest = manifest(wording);
        let own = Clip::ALL
            .iter()
            .filter(|clip| clip.recorded_in(wording) == wording);
        assert_eq!(manifest.len(), own.clone().count(), "{}", wording.tag());
        for clip in own {
            let recording = &manifest[clip.key()];
            let path = clip.path(wording);
            assert_eq!(
                recording.text,
                sha256(clip.words(wording).as_bytes()),
                "{path} is to be rendered again"
            );
            let bytes = std::fs::read(prompts().join(&path)).unwrap();
            assert_eq!(recording.file, sha256(&bytes), "{path} was exchanged");
        }
    }
}

/// A wording says differently only what there is to say, and nobody who is called du is called Sie in the next sentence.
#[test]
fn wordings_differ_in_what_they_say_and_stay_with_du_or_sie() {
    for wording in [Wording::DeDu, Wording::DeEinfach] {
        let own = wording.own_words().unwrap();
        for (key, words) in own {
            let clip = Clip::ALL.iter().find(|clip| clip.key() == key);
            let clip = clip.unwrap_or_else(|| panic!("{key} is no clip"));
            let usual = clip.words(Wording::De);
            assert!(wording == Wording::DeEinfach || words != usual, "{key}");
        }
    }
    for clip in Clip::ALL {
        for wording in GERMAN {
            let words = clip.words(wording);
            assert!(
                !misaddresses(words, wording),
                "{}: {words}",
                clip.path(wording)
            );
        }
    }
}

/// The wordings that say du or Sie.
pub(super) const GERMAN: [Wording; 3] = [Wording::De, Wording::DeDu, Wording::DeEinfach];

/// Tells whether a German wording calls somebody Sie who is called du by it, or the other way round. At the beginning of a
/// sentence "Sie" may be a third person; no text has it so.
pub(super) fn misaddresses(text: &str, wording: Wording) -> bool {
    let never: &[&str] = if wording == Wording::DeDu {
        &[
            "Sie", "Ihr", "Ihre", "Ihrem", "Ihren", "Ihrer", "Ihres", "Ihnen",
        ]
    } else {
        &[
            "du", "dich", "dir", "dein", "deine", "deinem", "deinen", "deiner", "deines", "Du",
            "Dein", "Deine",
        ]
    };
    text.split(|char: char| !char.is_alphabetic())
        .any(|word| never.contains(&word))
}

/// Easy German: short sentences, without the words that need explaining.
#[test]
fn easy_words_make_short_sentences() {
    const WORDS_MAX: usize = 14;
    for words in Wording::DeEinfach.own_words().unwrap().values() {
        for sentence in words.split_inclusive(['.', '?', '!']) {
            let count = sentence.split_whitespace().count();
            assert!(count <= WORDS_MAX, "{count} words: {sentence}");
        }
        for hard in [
            "Moderation",
            "Konferenz",
            "Datenschutz",
            "Wortmeldung",
            "verschlüsselt",
            "Protokoll",
        ] {
            assert!(!words.contains(hard), "{words}");
        }
    }
}

#[test]
fn recordings_last_as_long_as_a_person_listens() {
    for wording in Wording::ALL {
        // Who needs easy words gets slow ones, and more of them.
        let (longest_clip, longest_event) = match wording {
            Wording::De | Wording::En | Wording::DeDu => (20.0, 40.0),
            Wording::DeEinfach => (25.0, 60.0),
        };
        let recordings = recordings(wording);
        // Which room it is to be is not known while its code is asked for.
        let facts = Facts::all().map(|facts| Event::PrivacyInFull {
            facts,
            asked: (!facts.shows_digits).then_some(Asked::Code),
        });
        for event in Event::SAMPLES.iter().copied().chain(facts) {
            let clips = event.clips();
            let seconds: f64 = clips.iter().map(|clip| recordings[clip].seconds).sum();
            assert!(
                (0.5..=longest_event).contains(&seconds),
                "{event:?} takes {seconds} s in {}",
                wording.tag()
            );
        }
        for (clip, recording) in &recordings {
            assert!(
                (0.3..=longest_clip).contains(&recording.seconds),
                "{} takes {} s",
                clip.path(wording),
                recording.seconds
            );
        }
    }
}

/// What the renderer noted of one recording.
#[derive(Clone, Deserialize)]
struct Recording {
    text: String,
    file: String,
    seconds: f64,
}

fn manifest(wording: Wording) -> BTreeMap<String, Recording> {
    let path = prompts().join(wording.tag()).join("manifest.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What is played of each clip in a wording.
fn recordings(wording: Wording) -> BTreeMap<Clip, Recording> {
    let manifests = Wording::ALL.map(|wording| (wording, manifest(wording)));
    let noted = |clip: Clip| {
        let mut all = manifests.iter();
        let (_, manifest) = all
            .find(|(one, _)| *one == clip.recorded_in(wording))
            .unwrap();
        manifest[clip.key()].clone()
    };
    Clip::ALL.iter().map(|clip| (*clip, noted(*clip))).collect()
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
