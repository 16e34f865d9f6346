//! Names as sound, by a speech engine that the operator has named: a process of its own for each name, never a service.
//!
//! ```text
//!   name ─ cleaned ─ standard input ─▶ engine ─ standard output ─▶ wave ─ 48 kHz, trimmed, −26 dBov ─ Utterance
//! ```
//!
//! The name goes by standard input alone, so that no list of processes, no environment and no file has it; the engine gets no
//! shell, no environment, the last place among the processes, and is killed when it takes too long. What may be spoken is
//! letters, digits and spaces, so that nothing in a name is an order to the engine: neither markup nor phonemes. All copies
//! of name and sound on the way are wiped.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use dsp::{TICK, speech, wav};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use crate::{
    conference::event::Language,
    limit::{
        SPEECH_BYTES_MAX, SPEECH_ENGINES_MAX, SPEECH_TAKES_MAX, SPEECH_WAITING_MAX,
        SPOKEN_NAME_CHARS_MAX, SPOKEN_NAME_LASTS_MAX, SPOKEN_NAMES_MAX,
    },
    media::api::Utterance,
    pii::Name,
};

/// Speaks names.
#[derive(Clone)]
pub struct Speech(Arc<Inner>);

struct Inner {
    source: Source,
    /// For how long a name may be on its way to sound.
    patience: Duration,
    /// For engines that run.
    running: Semaphore,
    /// For names that wait for one, or are with one.
    waiting: Semaphore,
    /// For sounds that are kept.
    kept: Arc<Semaphore>,
}

enum Source {
    Engine(Engine),
    Given(fn(&str, Language) -> Given),
}

/// What stands for an engine in a simulated run.
#[derive(Debug)]
pub struct Given {
    /// How long it takes.
    pub takes: Duration,
    /// The wave that it makes.
    pub wave: Vec<u8>,
}

/// A name as sound, with the place that it takes among all.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) utterance: Utterance,
    pub(super) place: OwnedSemaphorePermit,
}

/// Why a name is not spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unspoken {
    /// Nothing in it can be.
    #[error("there is nothing to speak")]
    Unspeakable,
    /// Too many wait or are kept.
    #[error("too many names are spoken")]
    Busy,
    /// The engine took too long.
    #[error("the engine took too long")]
    Late,
    /// The engine failed, or made no sound.
    #[error("the engine made no sound")]
    Failed,
}

impl Speech {
    /// Takes the engine at a path, if there is a program.
    ///
    /// # Errors
    ///
    /// Fails when there is none, or it may not be run.
    pub fn by(program: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(program)?;
        if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "not a program",
            ));
        }
        let nice = ["/usr/bin/nice", "/bin/nice"].map(PathBuf::from);
        Ok(Self::of(Source::Engine(Engine {
            program: program.to_owned(),
            nice: nice.into_iter().find(|nice| nice.is_file()),
        })))
    }

    /// Takes sounds that are given, for simulated runs.
    pub fn given(given: fn(&str, Language) -> Given) -> Self {
        Self::of(Source::Given(given))
    }

    fn of(source: Source) -> Self {
        Self(Arc::new(Inner {
            source,
            patience: SPEECH_TAKES_MAX,
            running: Semaphore::new(SPEECH_ENGINES_MAX),
            waiting: Semaphore::new(SPEECH_WAITING_MAX),
            kept: Arc::new(Semaphore::new(SPOKEN_NAMES_MAX)),
        }))
    }

    /// The same, with another limit of the time that a name may take: a real engine on a busy machine is not the test of that.
    #[cfg(test)]
    fn patient(self, patience: Duration) -> Self {
        let mut inner = Arc::into_inner(self.0).expect("nobody else has it yet");
        inner.patience = patience;
        Self(Arc::new(inner))
    }

    /// Speaks a name.
    pub(super) async fn speak(&self, name: Name, language: Language) -> Result<Spoken, Unspoken> {
        let text = speakable(name.expose()).ok_or(Unspoken::Unspeakable)?;
        let place = Arc::clone(&self.0.kept).try_acquire_owned();
        let place = place.map_err(|_| Unspoken::Busy)?;
        let waits = self.0.waiting.try_acquire();
        let _waits = waits.map_err(|_| Unspoken::Busy)?;
        let runs = self.0.running.acquire().await;
        let _runs = runs.map_err(|_| Unspoken::Busy)?;
        let utterance = match &self.0.source {
            Source::Engine(engine) => {
                let said = timeout(self.0.patience, engine.run(&text, language)).await;
                let wave = said.map_err(|_| Unspoken::Late)?;
                let wave = wave.map_err(|_| Unspoken::Failed)?;
                spawn_blocking(move || utter(&wave)).await.ok().flatten()
            }
            Source::Given(given) => {
                let Given { takes, wave } = given(&text, language);
                let said = timeout(self.0.patience, sleep(takes)).await;
                said.map_err(|_| Unspoken::Late)?;
                utter(&wave)
            }
        };
        let utterance = utterance.ok_or(Unspoken::Failed)?;
        Ok(Spoken { utterance, place })
    }
}

impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Speech")
    }
}

/// A program that takes the arguments of espeak-ng, text on its standard input, and makes a wave on its standard output.
struct Engine {
    program: PathBuf,
    /// The program that gives another the last place.
    nice: Option<PathBuf>,
}

impl Engine {
    /// What is run. No name is in it.
    fn command(&self, language: Language) -> Command {
        let mut command = match &self.nice {
            Some(nice) => {
                let mut command = Command::new(nice);
                command.args(["-n", "19"]).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command
            // The text is UTF-8, whatever the environment, of which there is none, says.
            .args(["--stdin", "--stdout", "-b", "1", "-v", voice(language)])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, text: &str, language: Language) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut engine = self.command(language).spawn()?;
        let (Some(mut input), Some(output)) = (engine.stdin.take(), engine.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        input.write_all(text.as_bytes()).await?;
        drop(input);
        // Larger than what is read, so that it never moves.
        let mut wave = Zeroizing::new(Vec::with_capacity(SPEECH_BYTES_MAX + 1_024));
        let mut output = output.take(SPEECH_BYTES_MAX as u64);
        output.read_to_end(&mut wave).await?;
        let whole = wave.len() < SPEECH_BYTES_MAX;
        if whole && !engine.wait().await?.success() {
            return Err(io::ErrorKind::Other.into());
        }
        Ok(wave)
    }
}

/// The engine's name for a voice of the language.
const fn voice(language: Language) -> &'static str {
    match language {
        Language::De => "de",
        Language::En => "en",
    }
}

/// Returns what of a name may be spoken: letters, digits and single spaces, [`SPOKEN_NAME_CHARS_MAX`] at most.
fn speakable(name: &str) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(4 * SPOKEN_NAME_CHARS_MAX + 4));
    let mut spoken = 0;
    for letter in name.chars().filter(|letter| !is_accent(*letter)) {
        if spoken == SPOKEN_NAME_CHARS_MAX {
            break;
        }
        if letter.is_alphanumeric() {
            text.push(letter);
            spoken += 1;
        } else if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
            spoken += 1;
        }
    }
    let length = text.trim_end().len();
    text.truncate(length);
    (!text.is_empty()).then_some(text)
}

/// Accents that stand beside their letter, which is spoken without them.
const fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// Makes of an engine's wave what can be said beside the prompts.
fn utter(wave: &[u8]) -> Option<Utterance> {
    let (rate, samples) = wav::parse(wave).ok()?;
    let samples = Zeroizing::new(samples);
    let sound = Zeroizing::new(speech::at_48_khz(&samples, rate)?);
    let mut kept = Zeroizing::new(speech::trimmed(&sound).to_vec());
    speech::bring_to(&mut kept, PROMPT_DBOV);
    let most = SPOKEN_NAME_LASTS_MAX.as_millis() / TICK.as_millis();
    let frames = speech::in_ticks(&kept, usize::try_from(most).ok()?);
    (!frames.is_empty()).then(|| Utterance::new(frames))
}

/// How loud prompts are while they speak, in dBov.
const PROMPT_DBOV: f64 = -26.0;

#[cfg(test)]
mod tests;
