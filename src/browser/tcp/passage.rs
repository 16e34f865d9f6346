//! What passes over one connection once its browser is known: when it ends, how much it takes, what may not pass.

use std::time::Instant;

use super::{
    Outcome,
    framing::{Incoming, Outgoing, TooLong},
};
use crate::{
    browser::budget::Budget,
    limit::{ICE_TCP_FRAMES_BURST, ICE_TCP_FRAMES_PER_SECOND, ICE_TCP_IDLE_MAX, ICE_TCP_PAUSE},
    media::leg::secure::stun_ufrag,
};

/// A connection between a browser and its leg.
#[derive(Debug)]
pub(super) struct Passage {
    /// The leg's user fragment.
    ufrag: String,
    incoming: Incoming,
    outgoing: Outgoing,
    budget: Budget,
    /// When it ends, unless a packet comes.
    until: Instant,
    /// Nothing more is taken from the stream before: it brings more than anybody's sound.
    pausing_until: Option<Instant>,
}

impl Passage {
    /// Begins for the leg of a user fragment; the first packets have come.
    pub(super) fn new(ufrag: String, incoming: Incoming, now: Instant) -> Self {
        Self {
            ufrag,
            incoming,
            outgoing: Outgoing::default(),
            budget: Budget::new(ICE_TCP_FRAMES_BURST, ICE_TCP_FRAMES_PER_SECOND, now),
            until: now + ICE_TCP_IDLE_MAX,
            pausing_until: None,
        }
    }

    /// Returns where octets of the stream go, once there is no packet to take; none while there is a pause, in which the sender
    /// has to wait as well.
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        match self.pausing_until {
            Some(_) => None,
            None => Some(self.incoming.room()),
        }
    }

    /// Notes that so many octets came.
    pub(super) fn came(&mut self, count: usize) {
        self.incoming.came(count);
    }

    /// Takes the next packet for the leg, if there is one and no pause.
    ///
    /// # Errors
    ///
    /// Fails where the connection is to be ended.
    pub(super) fn poll_packet(&mut self, now: Instant) -> Result<Option<&[u8]>, Outcome> {
        if self.pausing_until.is_some() {
            return Ok(None);
        }
        if !self.budget.take(now) {
            self.pausing_until = Some(now + ICE_TCP_PAUSE);
            return Ok(None);
        }
        let Some(packet) = self.incoming.take().map_err(|TooLong| Outcome::Malformed)? else {
            self.budget.give_back();
            return Ok(None);
        };
        self.until = now + ICE_TCP_IDLE_MAX;
        // A worker finds the leg of a check by what it names. This connection may name none but its own.
        if stun_ufrag(packet).is_some_and(|named| named != self.ufrag) {
            return Err(Outcome::Astray);
        }
        Ok(Some(packet))
    }

    /// Takes a packet of the leg's; tells whether one had to be left out.
    pub(super) fn handle_packet(&mut self, packet: &[u8]) -> bool {
        self.outgoing.push(packet)
    }

    /// Returns the octets to write next; none where nothing waits.
    pub(super) fn next(&self) -> &[u8] {
        self.outgoing.next()
    }

    /// Notes that so many of these octets are written.
    pub(super) fn wrote(&mut self, count: usize) {
        self.outgoing.wrote(count);
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    ///
    /// Fails where the connection is to be ended.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Outcome> {
        if self.until <= now {
            return Err(Outcome::Idle);
        }
        self.pausing_until = self.pausing_until.filter(|until| *until > now);
        Ok(())
    }

    /// Returns when [`Self::handle_timeout`] is next due.
    pub(super) fn poll_timeout(&self) -> Instant {
        let pausing = self.pausing_until.into_iter();
        pausing.fold(self.until, Instant::min)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MEDIA: &[u8] = &[0x80, 111, 0, 1];

    #[test]
    fn it_ends_when_no_whole_packet_has_come_for_a_while() {
        let start = t0();
        let mut passage = passage(start);
        assert_eq!(passage.poll_timeout(), start + ICE_TCP_IDLE_MAX);
        let later = start + ICE_TCP_IDLE_MAX / 2;
        feed(&mut passage, &framed(MEDIA));
        assert_eq!(passage.poll_packet(later), Ok(Some(MEDIA)));
        assert_eq!(passage.poll_timeout(), later + ICE_TCP_IDLE_MAX);
        // An octet now and then is no sign of life.
        for octet in framed(MEDIA).iter().take(3) {
            feed(&mut passage, &[*octet]);
            assert_eq!(
                passage.poll_packet(later + Duration::from_secs(9)),
                Ok(None)
            );
        }
        let end = later + ICE_TCP_IDLE_MAX;
        assert_eq!(
            passage.handle_timeout(end - Duration::from_millis(1)),
            Ok(())
        );
        assert_eq!(passage.handle_timeout(end), Err(Outcome::Idle));
    }

    #[test]
    fn a_sound_passes_without_a_pause_even_where_a_stall_lets_it_come_at_once() {
        let start = t0();
        let mut passage = passage(start);
        // Fifty packets of sound a second, and the checks and reports beside them.
        for n in 0..60 * 60_u32 {
            let now = start + Duration::from_secs(1) / 60 * n;
            feed(&mut passage, &framed(MEDIA));
            assert_eq!(passage.poll_packet(now), Ok(Some(MEDIA)), "{n}");
        }
        let now = start + Duration::from_secs(60);
        for n in 0..120 {
            feed(&mut passage, &framed(MEDIA));
            assert_eq!(passage.poll_packet(now), Ok(Some(MEDIA)), "{n}");
        }
    }

    #[test]
    fn who_sends_more_than_any_sound_has_to_wait() {
        let start = t0();
        let mut passage = passage(start);
        let (mut now, mut passed) = (start, 0);
        while now < start + Duration::from_secs(10) {
            if passage.poll_packet(now).unwrap().is_some() {
                passed += 1;
            } else if passage.room().is_some() {
                feed(&mut passage, &framed(MEDIA));
            } else {
                now = passage.poll_timeout();
                passage.handle_timeout(now).unwrap();
            }
        }
        let most = ICE_TCP_FRAMES_BURST + 10 * ICE_TCP_FRAMES_PER_SECOND;
        assert!((most - 10..=most).contains(&passed), "{passed}");
    }

    #[test]
    fn no_check_passes_that_names_another_leg() {
        let start = t0();
        for (ufrag, expected) in [("anna", true), ("bert", false), ("ann", false), ("", false)] {
            let mut passage = passage(start);
            let request = binding(ufrag);
            feed(&mut passage, &framed(&request));
            let outcome = passage.poll_packet(start);
            let passes = outcome == Ok(Some(&*request));
            assert_eq!(passes, expected, "{ufrag}: {outcome:?}");
            assert!(expected || outcome == Err(Outcome::Astray));
        }
    }

    #[test]
    fn what_is_no_such_stream_is_ended() {
        let mut passage = passage(t0());
        feed(&mut passage, &[0xff; 40]);
        assert_eq!(passage.poll_packet(t0()), Err(Outcome::Malformed));
    }

    /// A binding request that names a leg and signs nothing.
    fn binding(ufrag: &str) -> Vec<u8> {
        let username = format!("{ufrag}:page");
        let padded = username.len().next_multiple_of(4);
        let mut request = vec![0, 1, 0, u8::try_from(4 + padded).unwrap()];
        request.extend_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        request.extend_from_slice(&[7; 12]);
        request.extend_from_slice(&[0, 6, 0, u8::try_from(username.len()).unwrap()]);
        request.extend_from_slice(username.as_bytes());
        request.resize(20 + 4 + padded, 0);
        request
    }

    fn framed(packet: &[u8]) -> Vec<u8> {
        let mut frame = u16::try_from(packet.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(packet);
        frame
    }

    fn feed(passage: &mut Passage, octets: &[u8]) {
        passage.room().unwrap()[..octets.len()].copy_from_slice(octets);
        passage.came(octets.len());
    }

    fn passage(now: Instant) -> Passage {
        Passage::new(String::from("anna"), Incoming::new(), now)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }
}
