//! What an offer in the middle of a session is bound to: what payload types mean, and which media lines there are (RFC 3264
//! §8, §8.3.2).

use super::{
    AudioCodec, Description, Media,
    formats::{Format, Formats},
};

/// What a session's descriptions have said so far and an offer made in the middle of a call keeps. It must not give another
/// meaning to a payload type in use: packets with the old one may still be under way. And it has every media line that
/// there was, in its place.
#[derive(Debug, Clone, Default)]
pub struct Bindings {
    formats: Vec<Format>,
    /// The lines of the description noted last; as many as a description may have.
    lines: Vec<Media>,
}

impl Bindings {
    /// Notes the lines of an offer or answer, whoever wrote it, and the payload types of those for audio. The later meaning
    /// stands: an answer is to be noted after its offer, because it says which lines are taken.
    pub fn note(&mut self, description: &Description) {
        self.lines.clone_from(&description.media);
        let audio = description.media.iter();
        for media in audio.filter(|media| media.is_audio() && media.port != 0) {
            for format in Formats::of(media).into_inner() {
                self.bind(format);
            }
        }
    }

    /// The audio line that is in use, if one is.
    pub(super) fn audio(&self) -> Option<&Media> {
        let mut lines = self.lines.iter();
        lines.find(|line| line.is_audio() && line.port != 0)
    }

    /// All lines of an offer in which ours is `audio`: it stands where the session's audio is, else in the place of an audio line
    /// that was refused, else at the end (RFC 3264 §8.1). The others stay, refused.
    pub(super) fn with_lines(&self, audio: Media) -> Vec<Media> {
        let place = |is: &dyn Fn(&Media) -> bool| self.lines.iter().position(is);
        let taken = place(&|line| line.is_audio() && line.port != 0);
        let place = taken
            .or_else(|| place(&Media::is_audio))
            .unwrap_or(self.lines.len());
        let mut lines: Vec<Media> = self.lines.iter().map(Media::refused).collect();
        match lines.get_mut(place) {
            Some(line) => *line = audio,
            None => lines.push(audio),
        }
        lines
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
        if let Some(format) = self.formats.iter().find(|format| is(format)) {
            return Some(format.payload_type);
        }
        let free = std::iter::once(new.payload_type)
            .chain(DYNAMIC)
            .find(|number| {
                self.formats
                    .iter()
                    .all(|format| format.payload_type != *number)
            })?;
        new.payload_type = free;
        self.bind(new);
        Some(free)
    }

    /// At most 128 numbers exist, which bounds the list.
    fn bind(&mut self, format: Format) {
        let of_number = |known: &&mut Format| known.payload_type == format.payload_type;
        match self.formats.iter_mut().find(of_number) {
            Some(known) => *known = format,
            None => self.formats.push(format),
        }
    }
}

/// The dynamic payload types (RFC 3551 §6).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;
