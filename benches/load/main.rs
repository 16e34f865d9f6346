//! `load` for `make bench`: named scenarios against a media worker and, in the same run, against the floor.
//!
//! ```text
//! core 1: generator ── UDP on loopback ── core 0: child, either `child server` (a real media worker)
//!         (crowd)                                 or `child floor` (same sockets and slots, no mixing)
//!             └────── questions, answers: JSON lines over the child's standard input and output
//! ```
//!
//! What a machine can do varies from minute to minute; ratios between two programs that take turns vary little.

mod child;
mod crowd;
mod delay;
mod floor;
mod foreign;
mod janus;
mod machine;
mod result;
mod round;
mod run;
mod scenario;
mod script;
mod search;
#[path = "../world/browsers.rs"]
mod secure;
mod server;
mod statistics;
mod svg;
mod verdict;
mod wire;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

/// What anything here may fail with; there is nobody to handle it but the reader of the message.
type Done<T> = Result<T, Box<dyn std::error::Error>>;

/// Seconds of a usual measurement, and rounds: a minute in all, which overruns are judged by.
const SECONDS: u64 = 20;
const ROUNDS: usize = 3;

/// Measures the media worker against the floor.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    /// What is measured; everything where nothing is said.
    scenarios: Vec<scenario::Name>,
    /// People, instead of the scenario's own number.
    #[arg(long)]
    people: Option<usize>,
    /// Seconds of each measurement; those of all rounds together are what overruns are judged by.
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// Rounds of floor and server in turns.
    #[arg(long, default_value_t = ROUNDS)]
    rounds: usize,
    /// Leaves out the search for the most people.
    #[arg(long)]
    quick: bool,
}

impl Arguments {
    fn scenarios(&self) -> &[scenario::Name] {
        if self.scenarios.is_empty() {
            scenario::Name::value_variants()
        } else {
            &self.scenarios
        }
    }
}

#[derive(Debug, Subcommand)]
enum Task {
    /// What is measured, on the first core; started by the generator.
    #[command(hide = true)]
    Child {
        /// Which program it is.
        program: wire::Program,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.task {
        Some(Task::Child { program }) => child::serve(program),
        None => run::all(&arguments).and_then(|valid| {
            let word =
                "a floor was above 1.4× of its bare loop: what was measured against it is invalid";
            valid.then_some(()).ok_or_else(|| word.into())
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stderr(), "load: {error}");
            ExitCode::FAILURE
        }
    }
}
