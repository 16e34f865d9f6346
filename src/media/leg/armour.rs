//! What stands between a telephone's socket and its RTP: nothing, or SRTP with keys from SDP or DTLS.

use std::{fmt, time::Instant};

use sip::rtp::{
    Discard,
    srtp::{KeyError, Keys, Opener, Profile, Sealer},
};

use crate::limit::{DATAGRAM_MAX, FORMER_KEYS_KEPT};

/// The protection of a leg's packets.
#[derive(Debug)]
pub(super) enum Armour {
    /// None is wanted.
    Plain,
    /// Keys are wanted and not there yet: nothing comes in and nothing goes out.
    Keyless,
    /// SRTP.
    Sealed(Box<Sealed>),
}

/// What becomes of the stream that is sent when keys are agreed upon again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Sending {
    /// It goes on.
    GoesOn,
    /// The other side has another key and our own stays, as after an offer of ours that another telephone answers. It does not know how
    /// far our packets have counted, so they must come from another source (RFC 3711 §3.2.3), from which nothing was ever sealed
    /// by this key.
    BeginsAnew,
}

/// Both directions of SRTP.
pub(super) struct Sealed {
    profile: Profile,
    ours: Keys,
    theirs: Keys,
    sealer: Sealer,
    opener: Opener,
    /// The key before the present one, for packets that were under way when it changed.
    former: Option<(Opener, Instant)>,
}

impl Armour {
    /// Makes SRTP of two keys.
    pub(super) fn sealed(profile: Profile, ours: &Keys, theirs: &Keys) -> Result<Self, KeyError> {
        Ok(Self::Sealed(Box::new(Sealed::new(profile, ours, theirs)?)))
    }

    /// Takes other keys. Where both stay, packets are counted on: the rollover counter is in no message.
    pub(super) fn rekey(
        &mut self,
        profile: Profile,
        ours: &Keys,
        theirs: &Keys,
        now: Instant,
    ) -> Result<Sending, KeyError> {
        let Self::Sealed(sealed) = self else {
            *self = Self::sealed(profile, ours, theirs)?;
            return Ok(Sending::GoesOn);
        };
        let same_profile = sealed.profile == profile;
        let ours_stays = same_profile && sealed.ours == *ours;
        let theirs_stays = same_profile && sealed.theirs == *theirs;
        if !ours_stays || !theirs_stays {
            sealed.sealer = Sealer::new(profile, ours)?;
            sealed.ours = ours.clone();
        }
        if !theirs_stays {
            let opener = Opener::new(profile, theirs)?;
            let former = std::mem::replace(&mut sealed.opener, opener);
            sealed.former = Some((former, now + FORMER_KEYS_KEPT));
            sealed.theirs = theirs.clone();
        }
        sealed.profile = profile;
        Ok(if ours_stays && !theirs_stays {
            Sending::BeginsAnew
        } else {
            Sending::GoesOn
        })
    }

    /// Tells whether packets may go out.
    pub(super) const fn is_ready(&self) -> bool {
        !matches!(self, Self::Keyless)
    }

    /// Tells whether what comes in proves from whom it comes.
    pub(super) const fn proves(&self) -> bool {
        matches!(self, Self::Sealed(_))
    }

    /// Opens an RTP packet in place; returns its plain length.
    pub(super) fn open_rtp(&mut self, packet: &mut [u8], now: Instant) -> Result<usize, Discard> {
        match self {
            Self::Plain => Ok(packet.len()),
            Self::Keyless => Err(Discard::NotAuthentic),
            Self::Sealed(sealed) => sealed.open(packet, now, Opener::open_rtp),
        }
    }

    /// Opens a compound RTCP packet in place; returns its plain length.
    pub(super) fn open_rtcp(&mut self, packet: &mut [u8], now: Instant) -> Result<usize, Discard> {
        match self {
            Self::Plain => Ok(packet.len()),
            Self::Keyless => Err(Discard::NotAuthentic),
            Self::Sealed(sealed) => sealed.open(packet, now, Opener::open_rtcp),
        }
    }

    /// Seals the RTP packet `room[..len]` in place; returns its length, or 0 where it must not be sent.
    pub(super) fn seal_rtp(&mut self, room: &mut [u8], len: usize) -> usize {
        match self {
            _ if len == 0 => 0,
            Self::Plain => len,
            Self::Keyless => 0,
            Self::Sealed(sealed) => sealed.sealer.seal_rtp(room, len).unwrap_or(0),
        }
    }

    /// Seals the compound RTCP packet `room[..len]` in place; returns its length, or 0 where it must not be sent.
    pub(super) fn seal_rtcp(&mut self, room: &mut [u8], len: usize) -> usize {
        match self {
            _ if len == 0 => 0,
            Self::Plain => len,
            Self::Keyless => 0,
            Self::Sealed(sealed) => sealed.sealer.seal_rtcp(room, len).unwrap_or(0),
        }
    }
}

impl Sealed {
    fn new(profile: Profile, ours: &Keys, theirs: &Keys) -> Result<Self, KeyError> {
        Ok(Self {
            profile,
            ours: ours.clone(),
            theirs: theirs.clone(),
            sealer: Sealer::new(profile, ours)?,
            opener: Opener::new(profile, theirs)?,
            former: None,
        })
    }

    fn open(
        &mut self,
        packet: &mut [u8],
        now: Instant,
        open: impl Fn(&mut Opener, &mut [u8]) -> Result<usize, Discard>,
    ) -> Result<usize, Discard> {
        self.former.take_if(|(_, until)| *until <= now);
        let Some((former, _)) = &mut self.former else {
            return open(&mut self.opener, packet);
        };
        // A key that does not fit leaves nothing of a packet.
        let mut copy = [0; DATAGRAM_MAX];
        let copy = copy.get_mut(..packet.len()).ok_or(Discard::Malformed)?;
        copy.copy_from_slice(packet);
        open(&mut self.opener, packet).or_else(|discard| {
            let len = open(former, copy).map_err(|_| discard)?;
            packet.copy_from_slice(copy);
            Ok(len)
        })
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ROOM: usize = 200;

    fn keys(profile: Profile, byte: u8) -> Keys {
        Keys::new(
            &vec![byte; profile.key_len()],
            &vec![byte; profile.salt_len()],
        )
    }

    fn packet(sequence: u16) -> ([u8; ROOM], usize) {
        let mut room = [7; ROOM];
        room[..2].copy_from_slice(&[0x80, 8]);
        room[2..4].copy_from_slice(&sequence.to_be_bytes());
        (room, 172)
    }

    #[expect(clippy::disallowed_methods, reason = "the base instant of a test")]
    fn t0() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_direction_whose_key_stays_goes_on_where_it_is() {
        for profile in Profile::ALL {
            let (ours, theirs) = (keys(profile, 1), keys(profile, 2));
            let mut armour = Armour::sealed(profile, &ours, &theirs).unwrap();
            let mut opener = Opener::new(profile, &ours).unwrap();
            for sequence in [65_534_u16, 65_535, 0, 1, 2] {
                let rekeyed = armour.rekey(profile, &ours, &theirs, t0());
                assert_eq!(rekeyed.unwrap(), Sending::GoesOn);
                let (mut room, len) = packet(sequence);
                let sealed = armour.seal_rtp(&mut room, len);
                let opened = opener.open_rtp(&mut room[..sealed]);
                assert_eq!(opened, Ok(len), "{profile:?} {sequence}");
            }
        }
    }

    /// A telephone that a call was transferred to knows our key, not how far we have counted.
    #[test]
    fn whoever_has_another_key_is_sent_a_stream_that_begins_anew() {
        for profile in Profile::ALL {
            let (ours, theirs, next) = (keys(profile, 1), keys(profile, 2), keys(profile, 3));
            let mut armour = Armour::sealed(profile, &ours, &theirs).unwrap();
            for sequence in [65_535, 0] {
                let (mut room, len) = packet(sequence);
                assert!(armour.seal_rtp(&mut room, len) > 0);
            }
            let rekeyed = armour.rekey(profile, &ours, &next, t0()).unwrap();
            assert_eq!(rekeyed, Sending::BeginsAnew);
            let mut opener = Opener::new(profile, &ours).unwrap();
            let (mut room, len) = packet(7);
            room[8..12].copy_from_slice(&[9; 4]);
            let sealed = armour.seal_rtp(&mut room, len);
            assert_eq!(opener.open_rtp(&mut room[..sealed]), Ok(len), "{profile:?}");
            let both = armour.rekey(profile, &next, &theirs, t0()).unwrap();
            assert_eq!(both, Sending::GoesOn, "our key is another one");
        }
    }

    #[test]
    fn the_former_key_opens_for_a_while() {
        let profile = Profile::AeadAes256Gcm;
        let (ours, theirs, next) = (keys(profile, 1), keys(profile, 2), keys(profile, 3));
        let now = t0();
        let mut armour = Armour::sealed(profile, &ours, &theirs).unwrap();
        let _ = armour.rekey(profile, &ours, &next, now).unwrap();
        let sealed = |keys: &Keys, sequence| {
            let (mut room, len) = packet(sequence);
            let mut sealer = Sealer::new(profile, keys).unwrap();
            let len = sealer.seal_rtp(&mut room, len).unwrap();
            room[..len].to_vec()
        };
        let plain = packet(5).0[..172].to_vec();
        let mut late = sealed(&theirs, 5);
        assert_eq!(armour.open_rtp(&mut late, now), Ok(172));
        assert_eq!(late[..172], plain);
        let later = now + FORMER_KEYS_KEPT;
        let mut late = sealed(&theirs, 6);
        assert_eq!(
            armour.open_rtp(&mut late, later),
            Err(Discard::NotAuthentic)
        );
        let mut new = sealed(&next, 7);
        assert_eq!(
            armour.open_rtp(&mut new, later + Duration::from_secs(1)),
            Ok(172)
        );
    }

    #[test]
    fn without_keys_nothing_passes() {
        let mut armour = Armour::Keyless;
        let (mut room, len) = packet(1);
        assert_eq!(armour.seal_rtp(&mut room, len), 0);
        assert_eq!(armour.seal_rtcp(&mut room, len), 0);
        assert!(
            armour.open_rtp(&mut room, t0()).is_err() && armour.open_rtcp(&mut room, t0()).is_err()
        );
        assert!(!armour.is_ready() && !armour.proves());
    }
}
