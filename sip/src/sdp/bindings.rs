//! What the payload types of a running session mean (RFC 3264 §8.3.2).

use super::{
    AudioCodec, Description,
    formats::{Format, Formats},
};

/// The meaning of every payload type that a session's descriptions have named so far. An offer made in the middle of a
/// call must not give another meaning to a number in use: packets with the old one may still be under way.
#[derive(Debug, Clone, Default)]
pub struct Bindings(Vec<Format>);

impl Bindings {
    /// Notes the payload types of the audio lines of an offer or answer, whoever wrote it. The later meaning stands.
    pub fn note(&mut self, description: &Description) {
        let audio = description.media.iter();
        for media in audio.filter(|media| media.kind == "audio" && media.port != 0) {
            for format in Formats::of(media).into_inner() {
                self.bind(format);
            }
        }
    }

    /// The number under which to offer a codec, and binds it: the one it has, else `wanted`, else the first that is
    /// free. `None` when all are taken.
    pub(super) fn codec(&mut self, codec: AudioCodec, wanted: u8) -> Option<u8> {
        let is = |format: &Format| format.codec() == Some(codec);
        self.number(is, Format::of(codec, wanted))
    }

    /// The number under which to offer telephone-events at a clock, likewise.
    pub(super) fn events(&mut self, clock: u32, wanted: u8) -> Option<u8> {
        let is = |format: &Format| format.is_event() && format.clock == clock;
        self.number(is, Format::event(clock, wanted))
    }

    fn number(&mut self, is: impl Fn(&Format) -> bool, mut new: Format) -> Option<u8> {
        if let Some(format) = self.0.iter().find(|format| is(format)) {
            return Some(format.payload_type);
        }
        let free = std::iter::once(new.payload_type)
            .chain(DYNAMIC)
            .find(|number| self.0.iter().all(|format| format.payload_type != *number))?;
        new.payload_type = free;
        self.bind(new);
        Some(free)
    }

    /// At most 128 numbers exist, which bounds the list.
    fn bind(&mut self, format: Format) {
        let of_number = |known: &&mut Format| known.payload_type == format.payload_type;
        match self.0.iter_mut().find(of_number) {
            Some(known) => *known = format,
            None => self.0.push(format),
        }
    }
}

/// The dynamic payload types (RFC 3551 §6).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;
