//! Wall time, for rows, certificates and sender reports. The only file that asks the system for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells wall time; deadlines never come from here.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Time since 1970-01-01 00:00 UTC.
    fn since_epoch(&self) -> Duration;
}

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads wall time"
    )]
    fn since_epoch(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }
}

/// A clock that stands where a test puts it.
#[derive(Debug, Clone, Copy)]
pub struct Virtual(pub Duration);

impl Clock for Virtual {
    fn since_epoch(&self) -> Duration {
        self.0
    }
}
