//! What happened in a simulated world, as a ladder.

use std::{cell::RefCell, rc::Rc, time::Instant};

use super::now;

/// What happened, line by line, with times.
#[derive(Clone)]
pub struct Ladder {
    epoch: Instant,
    lines: Rc<RefCell<Vec<(Instant, String)>>>,
}

impl Ladder {
    /// An empty one, whose times count from here.
    pub fn new(epoch: Instant) -> Self {
        let lines = Rc::default();
        Self { epoch, lines }
    }

    pub fn tell(&self, line: &str) {
        self.lines.borrow_mut().push((now(), line.to_owned()));
    }

    /// All lines, each with its time in seconds.
    pub fn timed(&self) -> String {
        let line = |(at, line): &(Instant, String)| {
            format!("{:9.3} {line}\n", (*at - self.epoch).as_secs_f64())
        };
        self.lines.borrow().iter().map(line).collect()
    }

    /// All lines.
    pub fn plain(&self) -> String {
        let lines = self.lines.borrow();
        lines.iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    /// What was said to somebody, prompt by prompt.
    pub fn said_to(&self, name: &str) -> Vec<String> {
        let prefix = format!("{name} ♪ ");
        let lines = self.lines.borrow();
        let said = lines
            .iter()
            .filter_map(|(_, line)| line.strip_prefix(&prefix));
        said.map(str::to_owned).collect()
    }

    /// When the last line with this text was told.
    pub fn at(&self, text: &str) -> Option<Instant> {
        let lines = self.lines.borrow();
        lines
            .iter()
            .rev()
            .find(|(_, line)| line.contains(text))
            .map(|(at, _)| *at)
    }
}
