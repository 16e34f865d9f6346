//! What an operator may know of a trunk's calls: how each was carried, and what was wrong with it, in closed words.
//!
//! Nothing tells who called, whom, or when: a finding is one of a few, and of each call at most one of a kind is kept.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sip::sdp;

use crate::{
    conference::participant::Protection,
    limit::{CALLS_REMEMBERED, FINDINGS_MAX},
};

/// Something that was found about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Finding {
    /// Its sound was coded like this.
    Coded {
        /// In what.
        codec: Codec,
    },
    /// Its sound was protected as far as this.
    Protected {
        /// How far.
        protection: Protection,
    },
    /// No telephone-events were agreed upon: its keys came by SIP INFO or as sound.
    NoEvents,
    /// It was refused: the signalling can be read on the way, and the trunk demands encryption.
    Readable,
    /// It was refused, or given up, for what its session description says.
    Unacceptable {
        /// What.
        why: Why,
    },
    /// It was refused because the server could take no more.
    Full,
    /// Its keys for the sound were never agreed upon (DTLS).
    Unshaken,
    /// Sound came.
    Came,
    /// Our sound arrived there: the peer's reports say so, or keys were pressed as our words had asked.
    HeardThere,
    /// No sound ever came.
    NeverHeard,
    /// The sound stopped coming, though it should have come, and the peer did not say that it is there.
    FellSilent,
    /// No sound came for a while from a peer that was there: many send none while nobody speaks.
    Paused,
    /// Sound came from another address than the call had named, and was not believed.
    Strangers,
    /// Sound came from another address than the call had named, and was answered there.
    Latched,
    /// More than one packet in a hundred was lost on the way here.
    Lost,
    /// More than one packet in a hundred was lost on the way there.
    LostThere,
    /// Music was taken out of the talk.
    Music,
    /// Its caller knew no right code.
    NoCode,
}

/// What sound is coded in (RFC 3551, RFC 7587).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// Opus.
    Opus,
    /// G.722.
    G722,
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
}

impl Codec {
    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "Opus",
            Self::G722 => "G.722",
            Self::Pcma | Self::Pcmu => "G.711",
        }
    }
}

impl From<dsp::Codec> for Codec {
    fn from(codec: dsp::Codec) -> Self {
        match codec {
            dsp::Codec::Opus => Self::Opus,
            dsp::Codec::G722 => Self::G722,
            dsp::Codec::Pcma => Self::Pcma,
            dsp::Codec::Pcmu => Self::Pcmu,
        }
    }
}

/// What a session description has that we cannot use, or lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Sound, in a way that we know.
    Sound,
    /// A codec in common.
    Codec,
    /// Encryption.
    Encryption,
    /// An offer without encryption, which is switched off here.
    Plain,
    /// Keys that we can use.
    Keys,
    /// An address that sound may be sent to.
    Address,
    /// It does not fit what we had offered.
    Fit,
}

impl Why {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Sound,
        Self::Codec,
        Self::Encryption,
        Self::Plain,
        Self::Keys,
        Self::Address,
        Self::Fit,
    ];
}

impl From<sdp::Refusal> for Finding {
    fn from(refusal: sdp::Refusal) -> Self {
        let why = match refusal {
            sdp::Refusal::NoAudio | sdp::Refusal::NoCommonTransport => Why::Sound,
            sdp::Refusal::NoCommonCodec => Why::Codec,
            sdp::Refusal::Unprotected => Why::Encryption,
            sdp::Refusal::Protected => Why::Plain,
            sdp::Refusal::NoCommonKeying => Why::Keys,
            sdp::Refusal::UnusableAddress => Why::Address,
            sdp::Refusal::Mismatch => Why::Fit,
        };
        Self::Unacceptable { why }
    }
}

/// What was found about one call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds what was found, unless that is known already; what changes in a call is said anew.
    pub fn note(&mut self, finding: Finding) {
        self.0
            .retain(|it| std::mem::discriminant(it) != std::mem::discriminant(&finding));
        if self.0.len() < FINDINGS_MAX {
            self.0.push(finding);
        }
    }

    /// Takes back what has turned out to be otherwise.
    pub fn take_back(&mut self, finding: Finding) {
        self.0.retain(|it| *it != finding);
    }

    /// Tells whether something was found.
    pub fn has(&self, wanted: impl Fn(Finding) -> bool) -> bool {
        self.0.iter().copied().any(wanted)
    }

    /// Everything that was found, in order.
    pub fn iter(&self) -> impl Iterator<Item = Finding> {
        self.0.iter().copied()
    }
}

/// The latest calls of a trunk, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Latest(VecDeque<Findings>);

impl Latest {
    /// Adds a call that has ended; beyond [`CALLS_REMEMBERED`] the oldest is forgotten.
    pub fn add(&mut self, findings: Findings) {
        if self.0.len() == CALLS_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(findings);
    }

    /// The calls.
    pub fn iter(&self) -> impl Iterator<Item = &Findings> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_the_latest_is_kept() {
        let mut findings = Findings::default();
        let coded = |codec| Finding::Coded { codec };
        for finding in [
            coded(Codec::G722),
            Finding::FellSilent,
            coded(Codec::Pcma),
            Finding::FellSilent,
        ] {
            findings.note(finding);
        }
        let kept: Vec<_> = findings.iter().collect();
        assert_eq!(kept, [coded(Codec::Pcma), Finding::FellSilent]);
    }

    #[test]
    fn calls_beyond_the_limit_are_forgotten() {
        let mut latest = Latest::default();
        let mut silent = Findings::default();
        silent.note(Finding::NeverHeard);
        latest.add(silent);
        for _ in 0..CALLS_REMEMBERED {
            latest.add(Findings::default());
        }
        assert_eq!(latest.iter().count(), CALLS_REMEMBERED);
        assert!(latest.iter().all(|call| *call == Findings::default()));
    }
}
