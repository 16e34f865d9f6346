//! How people come in by telephone, as they are told beside the way by browser.

use crate::conference::event::Wording;

/// How people come in by telephone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallIn {
    /// What SIP addresses end with.
    pub sip_host: String,
    /// The telephone numbers.
    pub lines: Vec<Line>,
}

/// A telephone number at which people come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The number (ITU-T E.164) with spaces after country and area code, where it is known what these are.
    pub number: String,
    /// What callers hear there before their room is known.
    pub language: Wording,
    /// The number of the only room it leads to, whose PIN is asked for; else the whole code is.
    pub room: Option<String>,
}

impl CallIn {
    /// Returns the telephone numbers at which people come into a room.
    pub fn lines_of<'a>(&'a self, room: &'a str) -> impl Iterator<Item = &'a Line> {
        let leads = move |line: &&Line| line.room.as_deref().is_none_or(|only| only == room);
        self.lines.iter().filter(leads)
    }

    /// Returns the SIP address of a room's number or of `bridge`.
    pub fn sip(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.sip_host)
    }
}
