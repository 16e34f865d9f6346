//! A child that is measured: how it is started and asked, and how it answers.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{
    Done, floor,
    janus::Janus,
    machine, server,
    wire::{Answer, Ask, Program, Report},
};

/// A program that is measured; dropping it ends it.
pub(crate) enum Measured {
    /// One of ours.
    Ours(Ours),
    /// Janus, which counts nothing.
    Janus(Janus),
}

/// A running child.
pub(crate) struct Ours {
    process: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Measured {
    /// Starts a program and waits until it is ready.
    pub(crate) fn start(program: Program) -> Done<Self> {
        Ok(match program {
            Program::Server => Self::Ours(Ours::start("server")?.0),
            Program::Floor => Self::Ours(Ours::start("floor")?.0),
            Program::Janus => Self::Janus(Janus::start()?),
        })
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Done<Answer> {
        match (self, ask) {
            (Self::Ours(child), ask) => child.ask(ask),
            (Self::Janus(janus), Ask::Open(legs)) => Ok(Answer::Opened {
                sockets: janus.open(legs)?,
            }),
            (Self::Janus(_), Ask::Report) => Ok(Answer::Report(Report::default())),
            (Self::Janus(_), Ask::Hold | Ask::Bare) => Err("Janus is no floor".into()),
        }
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Ours(child) => child.process.id(),
            Self::Janus(janus) => janus.id(),
        }
    }
}

impl Ours {
    /// Starts a program and waits until it is ready; also tells what it says then.
    pub(crate) fn start(name: &str) -> Done<(Self, Answer)> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["child", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asks = process.stdin.take();
        let answers = process.stdout.take().ok_or("a child without output")?;
        let mut measured = Self {
            process,
            asks,
            answers: BufReader::new(answers),
        };
        let ready = measured.answer()?;
        Ok((measured, ready))
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Done<Answer> {
        let asks = self.asks.as_mut().ok_or("the child is ending")?;
        serde_json::to_writer(&mut *asks, ask)?;
        asks.write_all(b"\n")?;
        asks.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> Done<Answer> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the measured program ended".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // The end of its input ends a child.
        self.asks = None;
        let _ = self.process.wait();
    }
}

/// Is the child: answers questions until there are no more.
pub(crate) fn serve(program: Program) -> Done<()> {
    machine::pin(machine::MEASURED_CORE)?;
    let _ = machine::realtime(machine::CONTROL_PRIORITY);
    machine::allow_files()?;
    match program {
        Program::Server => {
            let mut server = server::Server::start()?;
            tell(&server.ready())?;
            converse(|ask| server.handle(ask))
        }
        Program::Floor => {
            let floor = floor::Floor::start()?;
            tell(&floor.ready())?;
            converse(|ask| floor.handle(ask))
        }
        Program::Janus => Err("Janus is a program of its own".into()),
    }
}

fn converse(mut handle: impl FnMut(Ask) -> Done<Answer>) -> Done<()> {
    for line in std::io::stdin().lock().lines() {
        tell(&handle(serde_json::from_str(&line?)?)?)?;
    }
    Ok(())
}

fn tell(answer: &Answer) -> Done<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}
