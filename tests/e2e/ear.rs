//! `ear` for scripts: writes a voice as a WAV file and measures recordings, for the tests with real telephones.
//!
//! `ear make VOICE RATE SECONDS FILE` · `ear hear VOICE FILE [FROM_SECONDS [TO_SECONDS]]` and `ear tone HERTZ FILE …`
//! print one JSON object.

#[path = "../it/sim/ear.rs"]
#[expect(unreachable_pub, reason = "shared with the simulated tests")]
mod ear;

use std::{io::Write, process::ExitCode};

use ear::{Voice, heard, level_dbfs};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["make", voice, rate, seconds, file] => make(voice, rate, seconds, file),
        ["hear", voice, file, times @ ..] => hear(Sought::Voice(voice), file, times),
        ["tone", hertz, file, times @ ..] => hear(Sought::Tone(hertz), file, times),
        _ => {
            Err("usage: ear make VOICE RATE SECONDS FILE | ear hear VOICE FILE [FROM [TO]]".into())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "ear: {error}");
            ExitCode::FAILURE
        }
    }
}

type Done = Result<(), Box<dyn std::error::Error>>;

fn make(voice: &str, rate: &str, seconds: &str, file: &str) -> Done {
    let rate: u32 = rate.parse()?;
    let length = f64::from(rate) * seconds.parse::<f64>()?;
    let samples = Voice(voice.parse()?).render(rate, 0, whole(length));
    Ok(std::fs::write(file, dsp::wav::write(rate, &samples))?)
}

/// What is listened for.
enum Sought<'a> {
    Voice(&'a str),
    Tone(&'a str),
}

fn hear(sought: Sought<'_>, file: &str, times: &[&str]) -> Done {
    let (rate, samples) =
        dsp::wav::parse(&std::fs::read(file)?).map_err(|e| format!("{file}: {e:?}"))?;
    let at = |seconds: &str| -> Result<usize, std::num::ParseFloatError> {
        Ok(whole(seconds.parse::<f64>()? * f64::from(rate)).min(samples.len()))
    };
    let from = times.first().map_or(Ok(0), |t| at(t))?;
    let to = times.get(1).map_or(Ok(samples.len()), |t| at(t))?;
    let part = samples.get(from..to).unwrap_or_default();
    let heard = match sought {
        Sought::Voice(number) => Voice(number.parse()?).heard_in(part, rate),
        Sought::Tone(hertz) => heard(&[hertz.parse()?], part, rate),
    };
    writeln!(
        std::io::stdout(),
        r#"{{"seconds":{:.2},"level":{:.1},"rest":{:.1},"over":{:.1},"total":{:.1}}}"#,
        part.len() as f64 / f64::from(rate),
        heard.level_dbfs,
        heard.rest_dbfs,
        heard.over_rest_db(),
        level_dbfs(part),
    )?;
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of samples of a short file"
)]
fn whole(samples: f64) -> usize {
    samples.max(0.0) as usize
}
