//! Session descriptions to media: what a telephone's offer or answer means for its leg.

use std::net::IpAddr;

use sip::sdp::{Agreed, AudioCodec, Bindings, Description, Local, Refusal, offer_answer};

use crate::media::api::{Format, PhoneMedia};

/// Our side of one call's negotiations.
#[derive(Debug, Clone)]
pub(super) struct Session {
    address: IpAddr,
    rtp_port: u16,
    session_id: u64,
    offered: Option<Description>,
    bindings: Bindings,
}

/// What a negotiation yields.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// What we answer.
    pub(super) answer: Description,
    /// What the leg does.
    pub(super) media: PhoneMedia,
}

impl Session {
    /// Begins with the address and port the leg receives at.
    pub(super) fn new(address: IpAddr, rtp_port: u16, session_id: u64) -> Self {
        Self {
            address,
            rtp_port,
            session_id,
            offered: None,
            bindings: Bindings::default(),
        }
    }

    /// Answers an offer.
    pub(super) fn answer(&mut self, offer: &Description) -> Result<Outcome, Refusal> {
        let (answer, agreed) = offer_answer::answer(offer, &self.local())?;
        self.bindings.note(offer);
        Ok(Outcome {
            answer,
            media: media(&agreed),
        })
    }

    /// Makes our offer, for an INVITE that carried none.
    pub(super) fn offer(&mut self) -> Description {
        let offer = offer_answer::offer(&self.local(), &self.bindings);
        self.bindings.note(&offer);
        self.offered = Some(offer.clone());
        offer
    }

    /// Reads the answer to our offer.
    pub(super) fn conclude(&mut self, answer: &Description) -> Result<PhoneMedia, Refusal> {
        let offered = self.offered.take().ok_or(Refusal::Mismatch)?;
        let agreed = offer_answer::conclude(&offered, answer)?;
        self.bindings.note(answer);
        Ok(media(&agreed))
    }

    fn local(&self) -> Local<'static> {
        Local {
            address: self.address,
            rtp_port: self.rtp_port,
            session_id: self.session_id,
            // The endpoint counts versions up as descriptions change.
            session_version: 1,
            codecs: &PREFERENCE,
        }
    }
}

fn media(agreed: &Agreed) -> PhoneMedia {
    let codec = match agreed.codec {
        AudioCodec::Opus => dsp::Codec::Opus,
        AudioCodec::G722 => dsp::Codec::G722,
        AudioCodec::Pcma => dsp::Codec::Pcma,
        AudioCodec::Pcmu => dsp::Codec::Pcmu,
    };
    let format = Format {
        codec,
        payload_type: agreed.payload_type,
        telephone_event: agreed.telephone_event,
    };
    PhoneMedia {
        format,
        remote: agreed.remote_rtp,
        remote_rtcp: agreed.remote_rtcp,
        receives: agreed.phone_sends,
        sends: agreed.phone_hears,
    }
}

/// Wide band first; A-law before µ-law, as in German networks.
const PREFERENCE: [AudioCodec; 4] = [
    AudioCodec::Opus,
    AudioCodec::G722,
    AudioCodec::Pcma,
    AudioCodec::Pcmu,
];
