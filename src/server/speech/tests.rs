//! Names that are orders to nobody, engines that fail or hang, and the real one.

use dsp::{SpeechMeter, tone};

use super::*;

const ENGINE: &str = "/usr/bin/espeak-ng";

fn cleaned(name: &str) -> Option<String> {
    speakable(name).map(|text| text.to_string())
}

#[test]
fn names_are_spoken_as_they_are_written() {
    for (name, spoken) in [
        ("Anna", "Anna"),
        ("Jürgen Müller-Lüdenscheidt", "Jürgen Müller Lüdenscheidt"),
        ("  Zoe\u{308}  2 ", "Zoe 2"),
        ("李小龍", "李小龍"),
        ("O'Brien", "O Brien"),
    ] {
        assert_eq!(cleaned(name).as_deref(), Some(spoken));
    }
}

/// R15: what would be markup, phonemes or orders to an engine is letters and spaces.
#[test]
fn no_name_is_an_order_to_the_engine() {
    for (name, spoken) in [
        ("<script>alert(1)</script>", "script alert 1 script"),
        ("[[h@'loU]]", "h loU"),
        (
            "<speak><audio src=\"file:///etc/passwd\"/>",
            "speak audio src file etc passwd",
        ),
        ("\u{1}50S fast", "50S fast"),
        ("--help", "help"),
        ("-f /etc/passwd", "f etc passwd"),
        ("a\nb\0c\r\n", "a b c"),
        ("$(reboot); `id`", "reboot id"),
        ("{{x}} |y| &amp;", "x y amp"),
    ] {
        assert_eq!(cleaned(name).as_deref(), Some(spoken), "{name:?}");
    }
    for name in ["", " ", "!?", "👩‍🚀", "\u{301}\u{302}", "…—"] {
        assert_eq!(cleaned(name), None, "{name:?}");
    }
}

#[test]
fn a_long_name_is_cut() {
    let long = cleaned(&"ä".repeat(10 * SPOKEN_NAME_CHARS_MAX)).unwrap();
    assert_eq!(long, "ä".repeat(SPOKEN_NAME_CHARS_MAX));
    let long = cleaned(&"b ".repeat(10_000)).unwrap();
    assert!(long.chars().count() <= SPOKEN_NAME_CHARS_MAX);
}

#[test]
fn what_an_engine_makes_is_as_loud_as_the_prompts_and_no_longer_than_it_may_be() {
    let samples = |dbov, ticks| -> Vec<i16> {
        let frames = tone::sine(400.0, dbov, ticks);
        frames.iter().flat_map(|frame| frame.samples).collect()
    };
    for dbov in [-12.0, -40.0] {
        let utterance = utter(&wav::write(48_000, &samples(dbov, 60))).unwrap();
        close_to_prompts(&utterance);
    }
    let long = utter(&wav::write(48_000, &samples(-20.0, 400))).unwrap();
    assert_eq!(long.frames().len(), 150);
    for wave in [
        Vec::new(),
        b"RIFF".to_vec(),
        wav::write(48_000, &[]),
        wav::write(22_050, &[0; 22_050]),
        wav::write(3, &[1; 100]),
    ] {
        assert_eq!(utter(&wave), None);
    }
}

/// R15 and more: arguments and environment of the process are the same for every name.
#[test]
fn nothing_of_a_name_is_in_arguments_or_environment() {
    let speech = Speech::by(Path::new("/bin/sh")).unwrap();
    let Source::Engine(engine) = &speech.0.source else {
        panic!("an engine was named")
    };
    let command = engine.command(Language::De);
    let command = command.as_std();
    let arguments: Vec<_> = command
        .get_args()
        .map(|part| part.to_str().unwrap())
        .collect();
    assert_eq!(
        arguments,
        [
            "-n", "19", "/bin/sh", "--stdin", "--stdout", "-b", "1", "-v", "de"
        ]
    );
    assert_eq!(command.get_envs().count(), 0);
}

#[test]
fn what_is_no_program_is_no_engine() {
    for path in ["/nowhere/espeak-ng", "/etc/passwd", "/usr/bin"] {
        assert!(Speech::by(Path::new(path)).is_err(), "{path}");
    }
}

/// An engine that tells what it was given: its arguments, its environment and its standard input.
#[tokio::test]
async fn an_engine_is_given_the_name_by_standard_input_and_no_environment() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let script = format!(
        "#!/bin/sh\n{{ echo \"$@\"; tr '\\0' ' ' </proc/$$/environ; echo; cat; echo; }} >{}\n",
        seen.display()
    );
    let engine = program(folder.path(), &script);
    assert_eq!(refusal(&engine, "Zilpzalp").await, Unspoken::Failed);
    let seen = fs::read_to_string(seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines, ["--stdin --stdout -b 1 -v de", "", "Zilpzalp"]);
}

#[tokio::test]
async fn an_engine_that_fails_or_floods_makes_no_sound() {
    let folder = tempfile::tempdir().unwrap();
    for script in [
        "#!/bin/sh\nexit 3\n",
        "#!/bin/sh\necho no wave\n",
        "#!/bin/sh\nexec cat /dev/zero\n",
        "no program at all",
    ] {
        let engine = program(folder.path(), script);
        assert_eq!(refusal(&engine, "Anna").await, Unspoken::Failed, "{script}");
    }
}

/// Time is simulated, so that it is over at once: the engine waits for ever.
#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = program(folder.path(), "#!/bin/sh\nexec sleep 1000\n");
    assert_eq!(refusal(&engine, "Anna").await, Unspoken::Late);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_has_an_end_and_what_is_given_back_counts_again() {
    let given = |_: &str, _| Given {
        takes: Duration::ZERO,
        wave: wav::write(48_000, &[3_000; 9_600]),
    };
    let speech = Speech::given(given);
    let speak = || speech.speak(Name::new("Anna".to_owned()), Language::De);
    let mut kept = Vec::new();
    for _ in 0..SPOKEN_NAMES_MAX {
        kept.push(speak().await.unwrap());
    }
    assert_eq!(speak().await.unwrap_err(), Unspoken::Busy);
    kept.pop();
    assert!(speak().await.is_ok());
}

/// With Debian's espeak-ng: a voice of its own for each language, as loud as the prompts.
#[tokio::test]
async fn espeak_speaks_names() {
    let Ok(speech) = Speech::by(Path::new(ENGINE)) else {
        eprintln!("Note: {ENGINE} is not installed; names were not spoken.");
        return;
    };
    let speech = speech.patient(Duration::from_secs(60));
    let speak = |name: &str, language| {
        let (speech, name) = (speech.clone(), Name::new(name.to_owned()));
        async move { speech.speak(name, language).await.unwrap().utterance }
    };
    let german = speak("Jürgen Müller", Language::De).await;
    let english = speak("Jürgen Müller", Language::En).await;
    for utterance in [&german, &english] {
        let ticks = utterance.frames().len();
        assert!((25..=100).contains(&ticks), "{ticks} ticks");
        close_to_prompts(utterance);
    }
    assert_ne!(german, english);
    assert_ne!(german, speak("Anna", Language::De).await);
    // Orders are not carried out: what is spoken are the letters in them.
    let order = speak("[[h@'loU]]", Language::De).await;
    assert_eq!(order, speak("h loU", Language::De).await);
    let longest = speak(&"Donaudampfschifffahrt ".repeat(3), Language::De).await;
    assert!(longest.frames().len() <= 150);
}

fn close_to_prompts(utterance: &Utterance) {
    let mut meter = SpeechMeter::new();
    let frames = utterance.frames().iter();
    frames.for_each(|frame| meter.hear(&frame.samples));
    let level = meter.level().unwrap().dbov;
    assert!((-28.0..=-25.0).contains(&level), "{level} dBov");
}

/// Writes a program that stands for an engine.
fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("engine");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

async fn refusal(engine: &Path, name: &str) -> Unspoken {
    let speech = Speech::by(engine).unwrap();
    let name = Name::new(name.to_owned());
    let said = speech.speak(name, Language::De).await;
    said.expect_err("no sound was made")
}
