//! The sound that comes: what it is coded with, and what decodes it.
//!
//! After an answer of ours that is the one codec we chose. After an offer of ours it is any that was answered, and another from
//! one packet to the next (RFC 3264 §6.1).

use std::time::Instant;

use dsp::{Codec, Level, Playout, PlayoutStats};
use sip::rtp::Audio;

use super::{Leg, Transport, manner::Manner, secure::SecureContext};
use crate::media::{
    api::{Gone, PhoneMedia},
    common::Common,
};

/// What the sound that comes is coded with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coming {
    codec: Codec,
    /// The payload type under which it came last; none before anything came, and after what they mean has changed.
    payload_type: Option<u8>,
}

impl Coming {
    /// Before anything has come.
    pub(super) const fn new(codec: Codec) -> Self {
        Self {
            codec,
            payload_type: None,
        }
    }
}

impl Leg {
    /// Changes a telephone's media; a browser's does not change.
    pub(in crate::media) fn update(
        &mut self,
        media: PhoneMedia,
        context: &SecureContext,
        common: &mut Common,
        now: Instant,
    ) -> Result<(), Gone> {
        let Transport::Phone(phone) = &mut self.transport else {
            return Ok(());
        };
        let format = media.format;
        let mut codecs = media.incoming.codecs.iter();
        let goes_on = codecs.any(|(codec, _)| *codec == self.coming.codec);
        phone.update(media, context, common, now)?;
        self.hearing.codec = format.codec;
        self.keys.update(&format);
        self.coming.payload_type = None;
        if !goes_on {
            self.decode_as(format.codec, common)?;
        }
        self.serve_at = now;
        Ok(())
    }

    /// Takes a packet of sound for the playout.
    pub(super) fn put(&mut self, audio: Audio<'_>, common: &mut Common, now: Instant) {
        if self.coming.payload_type != Some(audio.payload_type) {
            self.coming.payload_type = Some(audio.payload_type);
            if self.follow(audio.payload_type, common).is_err() {
                return common.gone.push((self.id, Gone::Failed));
            }
        }
        if audio.restarted {
            self.playout.restart();
        }
        let header = audio.level.map(Level::from_rfc6464);
        self.playout
            .put(audio.sequence, audio.timestamp, audio.payload, header, now);
        for copy in audio.copies {
            self.playout
                .put_redundant(audio.timestamp, copy.offset.into(), copy.payload, now);
        }
    }

    /// Decodes what comes under another payload type than before.
    fn follow(&mut self, payload_type: u8, common: &mut Common) -> Result<(), Gone> {
        let codec = match &self.transport {
            Transport::Phone(phone) => phone.codec(payload_type),
            Transport::Browser(_) => None,
        };
        match codec.filter(|codec| *codec != self.coming.codec) {
            Some(codec) => self.decode_as(codec, common),
            None => Ok(()),
        }
    }

    /// Begins to decode with another codec. What was told of the playout counts, and what was learned of the speaker is lost.
    fn decode_as(&mut self, codec: Codec, common: &mut Common) -> Result<(), Gone> {
        let stats = self.playout.stats();
        common.counters.count_playout(&stats, &self.counted);
        self.playout = Playout::new(codec).map_err(|_| Gone::Failed)?;
        self.counted = PlayoutStats::default();
        self.coming.codec = codec;
        self.rest(common);
        self.manner = Manner {
            loudness: self.manner.loudness,
            ..Manner::new(codec, self.manner.asked)
        };
        Ok(())
    }
}
