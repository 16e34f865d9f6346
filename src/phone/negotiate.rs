//! Session descriptions to media: what a telephone's offer or answer means for its leg.

use std::{net::IpAddr, sync::Arc};

use rand::CryptoRng;
use sip::sdp::{
    Agreed, AudioCodec, Bindings, Description, Hidden, Keying, Keyring, Local, Policy, Refusal,
    Security, offer_answer,
};

use super::route::source_towards;
use crate::{
    conference::participant::Protection,
    media::api::{Format, Incoming, Nat, PhoneMedia},
    network::Network,
};

/// What a trunk says of its calls' media.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Terms {
    /// Whether media is to be protected.
    pub(super) policy: Policy,
    /// Whether media may come from elsewhere than its SDP says.
    pub(super) nat: Nat,
    /// The networks whose addresses media may have even if they mean something else elsewhere, such as private ones.
    pub(super) networks: Vec<Network>,
    /// The address by which the other side reaches us, where that is not the one that we have.
    pub(super) external: Option<IpAddr>,
    /// What media may be coded with.
    pub(super) codecs: Codecs,
    /// What is at the other end is the device itself, not a carrier or exchange in between.
    pub(super) to_device: bool,
    /// How media is protected was negotiated by `mediasec`. It is where the setting says so: its registration requires it.
    pub(super) mediasec: bool,
}

impl Terms {
    /// The address by which the other side reaches an address of ours.
    pub(super) fn reached_at(&self, address: IpAddr) -> IpAddr {
        let same = |external: &IpAddr| external.is_ipv4() == address.is_ipv4();
        self.external.filter(same).unwrap_or(address)
    }
}

/// Where a call is, for its session descriptions.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The address its media is received at.
    pub(super) address: IpAddr,
    /// The port RTP is received at.
    pub(super) rtp_port: u16,
    /// The call comes from this machine, whose addresses are its own whatever they mean elsewhere.
    pub(super) here: bool,
    /// Nobody on the way can read its session descriptions, which carry keys or what proves whose they are.
    pub(super) confidential: bool,
    /// The digest of our certificate.
    pub(super) fingerprint: String,
}

/// Our side of one call's negotiations.
#[derive(Debug, Clone)]
pub(super) struct Session {
    place: Place,
    terms: Arc<Terms>,
    session_id: u64,
    /// Our offer that waits for its answer.
    offered: Option<Description>,
    /// What we have said last, which the endpoint repeats to keep the session alive.
    described: Option<Description>,
    bindings: Bindings,
    ring: Keyring,
    /// One of these keys has protected media.
    spent: bool,
    /// How media is protected by what was agreed last.
    current: Security,
    /// The codec that was agreed last, if one was.
    codec: Option<dsp::Codec>,
    /// The room demands protection, whatever the trunk says.
    demanded: bool,
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
    /// Begins; `rng` makes the keys and must be the system's, outside tests.
    pub(super) fn new(
        place: Place,
        terms: Arc<Terms>,
        session_id: u64,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self {
            place,
            terms,
            session_id,
            offered: None,
            described: None,
            bindings: Bindings::default(),
            ring: Keyring::draw(rng),
            spent: false,
            current: Security::Plain,
            codec: None,
            demanded: false,
        }
    }

    /// Answers an offer. Our keys stay as long as the peer's do (RFC 4568 §7.1.4): who changes theirs has begun anew and
    /// would not know how far our packets have counted.
    pub(super) fn answer(
        &mut self,
        offer: &Description,
        rng: &mut impl CryptoRng,
    ) -> Result<Outcome, Refusal> {
        self.draw_again(rng);
        let (mut answer, mut agreed) =
            self.with_local(|local| offer_answer::answer(offer, local))?;
        if let (Security::Sdes(before), Security::Sdes(now)) = (&self.current, &agreed.security)
            && before.theirs != now.theirs
        {
            self.ring = Keyring::draw(rng);
            (answer, agreed) = self.with_local(|local| offer_answer::answer(offer, local))?;
        }
        self.bindings.note(offer);
        self.bindings.note(&answer);
        self.described = Some(answer.clone());
        let media = self.agree(agreed);
        Ok(Outcome { answer, media })
    }

    /// Draws other keys where media went without those of before for a while: how far our packets have counted under them is
    /// forgotten, and no key may protect two packets of one index (RFC 3711 §9.1).
    fn draw_again(&mut self, rng: &mut impl CryptoRng) {
        if self.spent && !matches!(self.current, Security::Sdes(_)) {
            self.ring = Keyring::draw(rng);
            self.spent = false;
        }
    }

    /// Makes our offer, for an INVITE that carried none.
    pub(super) fn offer(&mut self, rng: &mut impl CryptoRng) -> Description {
        self.draw_again(rng);
        let offer = self.with_local(|local| offer_answer::offer(local, &self.bindings));
        self.bindings.note(&offer);
        self.offered = Some(offer.clone());
        self.described = Some(offer.clone());
        offer
    }

    /// Reads the answer to our offer, or to what we have said last: the peer may name another address, for example, when
    /// the session is only to be kept alive (RFC 4028 §7.4).
    pub(super) fn conclude(&mut self, answer: &Description) -> Result<PhoneMedia, Refusal> {
        let offered = self.offered.take().or_else(|| self.described.clone());
        let offered = offered.ok_or(Refusal::Mismatch)?;
        let agreed = self.with_local(|local| offer_answer::conclude(&offered, answer, local))?;
        self.bindings.note(answer);
        Ok(self.agree(agreed))
    }

    /// Tells whether an offer of ours waits for its answer.
    pub(super) const fn is_asked(&self) -> bool {
        self.offered.is_some()
    }

    /// Tells whether media waits for a DTLS handshake.
    pub(super) const fn shakes_hands(&self) -> bool {
        matches!(self.current, Security::Dtls(_))
    }

    /// Returns the codec that was agreed last; none before the first agreement.
    pub(super) const fn codec(&self) -> Option<dsp::Codec> {
        self.codec
    }

    /// Returns how far media is protected by what was agreed last.
    pub(super) fn protection(&self) -> Protection {
        match self.current {
            Security::Sdes(_) | Security::Dtls(_) if self.place.confidential => {
                match self.terms.to_device {
                    true => Protection::ToDevice,
                    false => Protection::ToCarrier,
                }
            }
            Security::Plain | Security::Sdes(_) | Security::Dtls(_) => Protection::None,
        }
    }

    /// Agrees from here on to nothing that is less protected than a room demands.
    pub(super) fn demand(&mut self, protection: Protection) {
        self.demanded = protection > Protection::None;
    }

    fn agree(&mut self, agreed: Agreed) -> PhoneMedia {
        self.current = agreed.security.clone();
        self.spent |= matches!(self.current, Security::Sdes(_));
        let media = media(agreed, self.terms.nat.clone());
        self.codec = Some(media.format.codec);
        media
    }

    fn with_local<R>(&self, work: impl FnOnce(&Local<'_>) -> R) -> R {
        let allowed = |address: IpAddr| {
            let listed = self.terms.networks.iter().any(|it| it.contains(address));
            listed || (self.place.here && source_towards(address) == Some(address))
        };
        work(&Local {
            address: self.place.address,
            rtp_port: self.place.rtp_port,
            session_id: self.session_id,
            // The endpoint counts versions up as descriptions change.
            session_version: 1,
            codecs: &self.terms.codecs.0,
            keying: Keying {
                policy: match self.demanded {
                    true => Policy::Required,
                    false => self.terms.policy,
                },
                ring: &self.ring,
                fingerprint: Some(&self.place.fingerprint),
                current: &self.current,
                mediasec: self.terms.mediasec,
            },
            allowed: &allowed,
            hidden: match &self.terms.nat {
                Nat::No => Hidden::No,
                // Plain media is answered in these networks alone.
                Nat::Latch(networks) if networks.is_empty() => Hidden::Proven,
                Nat::Latch(_) => Hidden::Always,
            },
        })
    }
}

fn media(agreed: Agreed, nat: Nat) -> PhoneMedia {
    let codecs = agreed.incoming.codecs.iter();
    PhoneMedia {
        format: Format {
            codec: codec(agreed.codec),
            payload_type: agreed.payload_type,
            telephone_event: agreed.telephone_event,
        },
        incoming: Incoming {
            codecs: codecs.map(|(it, number)| (codec(*it), *number)).collect(),
            events: agreed.incoming.events,
        },
        remote: agreed.remote_rtp,
        hidden: agreed.hidden,
        remote_rtcp: agreed.remote_rtcp,
        receives: agreed.phone_sends,
        sends: agreed.phone_hears,
        security: agreed.security,
        nat,
        ptime: agreed.ptime,
    }
}

const fn codec(agreed: AudioCodec) -> dsp::Codec {
    match agreed {
        AudioCodec::Opus => dsp::Codec::Opus,
        AudioCodec::G722 => dsp::Codec::G722,
        AudioCodec::Pcma => dsp::Codec::Pcma,
        AudioCodec::Pcmu => dsp::Codec::Pcmu,
    }
}

/// What media may be coded with, best first; by default all that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codecs(Vec<AudioCodec>);

impl Codecs {
    /// Takes codecs in any order.
    pub fn of(codecs: &[AudioCodec]) -> Self {
        let allowed = |codec: &AudioCodec| codecs.contains(codec);
        Self(PREFERENCE.into_iter().filter(allowed).collect())
    }
}

impl Default for Codecs {
    fn default() -> Self {
        Self(PREFERENCE.to_vec())
    }
}

/// Wide band first; A-law before µ-law, as in German networks.
const PREFERENCE: [AudioCodec; 4] = [
    AudioCodec::Opus,
    AudioCodec::G722,
    AudioCodec::Pcma,
    AudioCodec::Pcmu,
];

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const KEYED: &str = "RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";
    const PLAIN: &str = "RTP/AVP 8\r\n";

    fn offer(media: &str) -> Description {
        audio(4_000, media)
    }

    fn audio(port: u16, media: &str) -> Description {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio {port} {media}"
        );
        Description::parse(text.as_bytes()).unwrap()
    }

    fn session(policy: Policy, confidential: bool, to_device: bool) -> Session {
        let place = Place {
            address: IpAddr::from([127, 0, 0, 1]),
            rtp_port: 20_000,
            here: false,
            confidential,
            fingerprint: String::new(),
        };
        let terms = Terms {
            policy,
            networks: vec!["192.0.2.0/24".parse().unwrap()],
            to_device,
            ..Terms::default()
        };
        Session::new(place, Arc::new(terms), 1, &mut rng())
    }

    fn rng() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    #[test]
    fn keys_protect_as_far_as_the_trunk_says_and_only_if_nobody_on_the_way_reads_them() {
        let protected = |media, confidential, to_device| {
            let mut session = session(Policy::Preferred, confidential, to_device);
            session.answer(&offer(media), &mut rng()).unwrap();
            session.protection()
        };
        assert_eq!(protected(KEYED, true, false), Protection::ToCarrier);
        assert_eq!(protected(KEYED, true, true), Protection::ToDevice);
        assert_eq!(protected(KEYED, false, true), Protection::None);
        assert_eq!(protected(PLAIN, true, true), Protection::None);
    }

    #[test]
    fn an_offer_of_ours_in_a_call_with_several_lines_keeps_them_all() {
        let lines = "RTP/AVP 8\r\nm=audio 4002 RTP/AVP 8\r\nm=video 5000 RTP/AVP 31\r\n";
        let mut session = session(Policy::Off, false, false);
        let first = session.answer(&offer(lines), &mut rng()).unwrap();
        let ports = |said: &Description| -> Vec<_> {
            said.media
                .iter()
                .map(|line| (line.kind.clone(), line.port))
                .collect()
        };
        let expected = [("audio", 20_000), ("audio", 0), ("video", 0)];
        let expected = expected.map(|(kind, port)| (kind.to_owned(), port));
        assert_eq!(ports(&first.answer), expected);
        assert_eq!(ports(&session.offer(&mut rng())), expected);
        let off = "RTP/AVP 8\r\nm=audio 0 RTP/AVP 8\r\nm=video 0 RTP/AVP 31\r\n";
        let agreed = session.conclude(&audio(4_004, off)).unwrap();
        assert_eq!(agreed.remote.expose().port(), 4_004);
        assert_eq!(ports(&session.offer(&mut rng())), expected);
        assert!(
            session.conclude(&offer(PLAIN)).is_err(),
            "lines are missing"
        );
    }

    /// Our keys of a session, as its media have them.
    fn ours(
        session: &mut Session,
        said: &Description,
        rng: &mut StdRng,
    ) -> Option<sip::rtp::srtp::Keys> {
        match session.answer(said, rng).unwrap().media.security {
            Security::Sdes(sdes) => Some(sdes.ours),
            Security::Plain | Security::Dtls(_) => None,
        }
    }

    /// Between two agreements on keys media were plain: the count of packets began anew, and so must the keys.
    #[test]
    fn no_key_protects_media_again_after_an_interlude_without_it() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut session = session(Policy::Preferred, true, false);
        let first = ours(&mut session, &offer(KEYED), &mut rng);
        assert_eq!(
            ours(&mut session, &offer(KEYED), &mut rng),
            first,
            "a refresh"
        );
        assert_eq!(ours(&mut session, &offer(PLAIN), &mut rng), None);
        let second = ours(&mut session, &offer(KEYED), &mut rng);
        assert!(second.is_some() && second != first);
        assert_eq!(ours(&mut session, &offer(PLAIN), &mut rng), None);
        // The same in an offer of ours.
        session.offer(&mut rng);
        let third = ours(&mut session, &offer(KEYED), &mut rng);
        assert!(third.is_some() && third != second && third != first);
    }

    #[test]
    fn what_a_room_demands_is_not_given_up_in_mid_call() {
        let mut session = session(Policy::Preferred, true, false);
        session.answer(&offer(KEYED), &mut rng()).unwrap();
        session.demand(Protection::ToCarrier);
        assert!(session.answer(&offer(PLAIN), &mut rng()).is_err());
        assert_eq!(session.protection(), Protection::ToCarrier);
        session.answer(&offer(KEYED), &mut rng()).unwrap();
        session.demand(Protection::None);
        session.answer(&offer(PLAIN), &mut rng()).unwrap();
        assert_eq!(session.protection(), Protection::None);
    }

    /// On a trunk with `latch`; what is plain only where it is known from which networks it may come.
    #[test]
    fn a_telephone_behind_an_address_translator_is_taken() {
        let lines = |media: &str| format!("c=IN IP4 192.168.77.5\r\n{media}");
        let agreed = |nat: Nat, media: &str| {
            let mut session = session(Policy::Preferred, true, false);
            Arc::make_mut(&mut session.terms).nat = nat;
            let (line, rest) = media.split_once("\r\n").unwrap();
            let offer = audio(4_000, &format!("{line}\r\n{}", lines(rest)));
            session
                .answer(&offer, &mut rng())
                .map(|outcome| outcome.media)
        };
        let nowhere = Nat::Latch([].into());
        let somewhere = Nat::Latch(["198.51.100.0/24".parse().unwrap()].into());
        assert!(agreed(Nat::No, PLAIN).is_err());
        assert!(agreed(nowhere.clone(), PLAIN).is_err());
        let media = agreed(somewhere, PLAIN).unwrap();
        assert!(media.remote.expose().ip().is_unspecified() && media.sends);
        assert!(agreed(Nat::No, KEYED).is_err());
        assert!(agreed(nowhere, KEYED).unwrap().sends);
    }

    #[test]
    fn the_answer_to_a_refresh_of_ours_is_heeded() {
        let mut session = session(Policy::Off, false, false);
        assert!(session.conclude(&offer(PLAIN)).is_err(), "nothing was said");
        let agreed = session.answer(&offer(PLAIN), &mut rng()).unwrap().media;
        assert_eq!(agreed.remote.expose().port(), 4_000);
        for port in [4_000, 4_002] {
            let agreed = session.conclude(&audio(port, PLAIN)).unwrap();
            assert_eq!(agreed.remote.expose().port(), port);
            assert_eq!(agreed.format.payload_type, 8);
        }
    }
}
