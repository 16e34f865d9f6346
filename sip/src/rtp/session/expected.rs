//! What a peer may send, under which payload types, and what of it comes.
//!
//! Whoever answers an offer may send every format that both descriptions name, and change between them from packet to packet
//! (RFC 3264 §6.1), under the numbers of the offer (§5.1), which need not be those of the answer.

use std::time::Instant;

use super::Format;
use crate::limit::{EXPECTED_AUDIO_MAX, EXPECTED_EVENTS_MAX, RTP_FORMAT_STAYS};

/// What a peer may send, and under which payload types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Payload types of audio, with the ticks of their media clocks per second.
    audio: [Option<(u8, u32)>; EXPECTED_AUDIO_MAX],
    events: [Option<u8>; EXPECTED_EVENTS_MAX],
}

impl Expected {
    /// Makes one that is what the peer is sent, too.
    pub fn of(format: &Format) -> Self {
        let audio = Self::default().and_audio(format.payload_type, format.clock_rate);
        format
            .telephone_event
            .map_or(audio, |it| audio.and_events(it))
    }

    /// Takes audio under one more payload type, unless it has a meaning or there is no room.
    #[must_use]
    pub fn and_audio(mut self, payload_type: u8, clock_rate: u32) -> Self {
        if self.clock_rate(payload_type).is_none()
            && let Some(free) = self.audio.iter_mut().find(|it| it.is_none())
        {
            *free = Some((payload_type, clock_rate));
        }
        self
    }

    /// Takes telephone-events under one more payload type, unless there is no room.
    #[must_use]
    pub fn and_events(mut self, payload_type: u8) -> Self {
        if !self.is_event(payload_type)
            && let Some(free) = self.events.iter_mut().find(|it| it.is_none())
        {
            *free = Some(payload_type);
        }
        self
    }

    pub(super) fn is_event(&self, payload_type: u8) -> bool {
        self.events.contains(&Some(payload_type))
    }

    /// The media clock of audio under a payload type; none if it is no audio that is expected.
    pub(super) fn clock_rate(&self, payload_type: u8) -> Option<u32> {
        let mut audio = self.audio.iter().flatten();
        let (_, clock_rate) = audio.find(|(number, _)| *number == payload_type)?;
        Some(*clock_rate)
    }
}

/// What of it comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coming {
    payload_type: u8,
    /// When it began to come; none before anything has.
    since: Option<Instant>,
    /// What the last packet was, if it was something else.
    next: Option<u8>,
}

impl Coming {
    /// Before anything comes, what is sent is what comes.
    pub(super) const fn new(payload_type: u8) -> Self {
        Self {
            payload_type,
            since: None,
            next: None,
        }
    }

    pub(super) const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// Takes what a packet is; tells whether its sound is of use. Another format than before is followed at its second packet
    /// in a row, since one that was overtaken on the way may come alone; and only once that before has lasted a while, since
    /// a change costs whoever decodes a new decoder.
    pub(super) fn follow(&mut self, payload_type: u8, now: Instant) -> bool {
        if payload_type == self.payload_type {
            self.next = None;
            self.since.get_or_insert(now);
            return true;
        }
        let follows = self.since.is_none_or(|since| {
            let lasted = now.saturating_duration_since(since) >= RTP_FORMAT_STAYS;
            lasted && self.next == Some(payload_type)
        });
        if follows {
            *self = Self::new(payload_type);
            self.since = Some(now);
        } else {
            self.next = Some(payload_type);
        }
        follows
    }
}
