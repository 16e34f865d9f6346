//! From INVITE to ACK: where the call leads, what was agreed, and its leg.

use std::{pin::pin, sync::Arc};

use sip::{
    Cause, Command,
    sdp::{Description, Policy},
};
use tokio::time::sleep;

use super::{
    super::{
        findings::Finding,
        negotiate::{Outcome, Place, Session},
        numbers::{Destination, Entry},
        route::{caller_address, is_confidential, media_address},
        status::Refusal,
    },
    Call, Exit, Invite, News, Talk, Way,
};
use crate::{
    conference::{event::Wording, ivr},
    limit,
    pii::Secret,
    server::{LegNews, MediaLeg},
};

impl Call {
    /// Answers the INVITE and waits for the ACK; none if the caller gave up meanwhile.
    pub(super) async fn answer(
        &mut self,
        invite: Invite,
    ) -> Result<Option<(MediaLeg, Session, Way, Wording)>, Refusal> {
        let (way, language) = self.destination(&invite).await?;
        // Keys that anybody on the way can read protect nothing.
        let confidential = is_confidential(&invite.flow);
        if invite.terms.policy == Policy::Required && !confidential {
            self.findings.note(Finding::Readable);
            return Err(Refusal::NOT_ACCEPTABLE);
        }
        let place = self.server.room_for_phone().map_err(|error| {
            self.findings.note(Finding::Full);
            Refusal::from(&error)
        })?;
        let signalling = invite.flow.local.ip().to_canonical();
        let address = media_address(invite.offer.as_ref(), &self.rules.media, signalling);
        let (sockets, port) = self
            .server
            .media_sockets(address)
            .map_err(|e| Refusal::from(&e))?;
        let at = Place {
            address: invite.terms.reached_at(address),
            rtp_port: port,
            here: caller_address(&invite.flow).is_loopback(),
            confidential,
            fingerprint: self.server.fingerprint().to_owned(),
        };
        let mut rng = self.server.rng();
        let mut session = Session::new(at, Arc::clone(&invite.terms), self.session_id(), &mut rng);
        let (sdp, media) = match &invite.offer {
            Some(offer) => {
                let Outcome { answer, media } =
                    session.answer(offer, &mut rng).map_err(|refusal| {
                        self.findings.note(refusal.into());
                        Refusal::NOT_ACCEPTABLE
                    })?;
                (answer, Some(media))
            }
            None => (session.offer(&mut rng), None),
        };
        self.order(Command::Accept {
            call: self.call,
            sdp,
        })
        .await;
        let Some(answer) = self.established().await else {
            return Ok(None);
        };
        let media = match (media, answer) {
            (Some(media), _) => media,
            (None, Some(answer)) => match session.conclude(&answer) {
                Ok(media) => media,
                Err(refusal) => {
                    self.findings.note(refusal.into());
                    self.hang_up(Cause::NOT_IMPLEMENTED).await;
                    return Ok(None);
                }
            },
            (None, None) => {
                self.hang_up(Cause::NOT_IMPLEMENTED).await;
                return Ok(None);
            }
        };
        self.heed(&media);
        match self.server.open_phone(place, media, sockets).await {
            Ok(leg) => Ok(Some((leg, session, way, language))),
            Err(error) => {
                tracing::warn!(%error, "no leg for an answered call");
                self.hang_up(Cause::TEMPORARY_FAILURE).await;
                Ok(None)
            }
        }
    }

    /// Finds what the called number asks for, and in which words: the number's own, else those of the room that it belongs to,
    /// else the trunk's.
    async fn destination(&self, invite: &Invite) -> Result<(Way, Wording), Refusal> {
        let Destination {
            entry,
            language,
            offers_language,
        } = &invite.destination;
        let offers_language = offers_language.unwrap_or(invite.offers_language);
        let code = |entry| Way::Code {
            entry,
            offers_language,
        };
        let pin_for = |number: &String| ivr::Entry::PinFor {
            number: Secret::new(number.clone()),
        };
        let (way, house) = match entry {
            Entry::Code => (code(ivr::Entry::Code), invite.language),
            Entry::SoundTest => (Way::SoundTest, invite.language),
            Entry::Extension(number) => (code(pin_for(number)), invite.language),
            Entry::Room(number) => {
                let room = self.server.room_wording(number).await;
                let room = room.map_err(|e| Refusal::from(&e))?;
                (code(pin_for(number)), room.ok_or(Refusal::NOT_FOUND)?)
            }
        };
        Ok((way, language.unwrap_or(house)))
    }

    /// Waits for the ACK; none if the call ended first.
    async fn established(&mut self) -> Option<Option<Description>> {
        loop {
            match self.news.recv().await? {
                News::Established(answer) => return Some(answer),
                News::Ended(_) => return None,
                News::Stop => self.hang_up(Cause::NORMAL_CLEARING).await,
                News::Reinvite(_)
                | News::Renegotiated(_)
                | News::Key(_)
                | News::Alive
                | News::Unasked
                | News::Ringing
                | News::Early(_)
                | News::Answered(_)
                | News::Spent => {}
            }
        }
    }

    /// Waits for the keys of a DTLS handshake, if the media needs them: before, nothing that is said can be heard. Not for ever: a
    /// peer that names no address for it, as on hold, would have a call without end.
    pub(super) async fn shaken(&mut self, talk: &mut Talk) -> Result<(), Exit> {
        let mut patience = pin!(sleep(limit::SHAKEN_WITHIN));
        while talk.session.shakes_hands() {
            tokio::select! {
                biased;
                () = &mut patience => {
                    self.findings.note(Finding::Unshaken);
                    return Err(Exit::Leave);
                }
                news = talk.leg.next() => match news {
                    Some(LegNews::Connected) => return Ok(()),
                    Some(LegNews::Gone(_)) | None => {
                        self.findings.note(Finding::Unshaken);
                        return Err(Exit::Leave);
                    }
                    Some(_) => {}
                },
                news = self.news.recv() => if let Some(exit) = self.signalled(talk, news, None).await {
                    return Err(exit);
                },
            }
        }
        Ok(())
    }
}
