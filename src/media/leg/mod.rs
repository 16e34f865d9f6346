//! A leg: one call or connection, with its transport, jitter buffer and codecs. Moves between shards as a whole.
//!
//! ```text
//! datagram ─ Phone | Secure ─ Playout ┄┄ listen ─ frame ─ the bus ─ send ┄┄ Encoder ─ Phone | Secure ─ outbox
//! ```
//!
//! Invariants: a leg sends one packet per tick whatever it hears; its sequence numbers go on wherever it is. This is the
//! only place that asks whether a leg is a telephone or a browser.

mod phone;
pub mod secure;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use dsp::{Codec, CodecError, Encoder, Frame, Level, Playout, SpeechGate, TICK, Taken};
use sip::{
    redact::Pii,
    rtp::{Discard, Received},
};

use self::{
    phone::{Identity, Phone},
    secure::{Dropped, Inbound, Path, Secure, SecureContext},
};
use super::{
    api::{ClipId, Event, Opening, PhoneMedia},
    common::Common,
    counters::{Counter, Counters},
    player::{Clips, Player},
    shard::SocketId,
    tick::ticks,
};
use crate::{
    id::{ConferenceId, LegId},
    limit::SKIPPED_TICKS_MAX,
};

/// A leg's whole media state; moves between workers.
#[derive(Debug)]
pub struct Leg {
    id: LegId,
    transport: Transport,
    playout: Playout,
    encoder: Encoder,
    gate: SpeechGate,
    /// What the leg said in the present tick.
    frame: Frame,
    player: Option<Player>,
    /// Where on the grid its last tick lay.
    ticked_at: Option<Instant>,
    /// The bus it is attached to.
    conference: Option<ConferenceId>,
    /// The next datagram panics.
    fault: bool,
}

#[derive(Debug)]
enum Transport {
    Phone(Box<Phone>),
    Browser(Box<Browser>),
}

#[derive(Debug)]
struct Browser {
    secure: Secure,
    /// That media may flow has been told.
    connected: bool,
    /// What the shard's counters know of.
    counted: Dropped,
}

impl Leg {
    /// Returns the leg's id.
    pub const fn id(&self) -> LegId {
        self.id
    }

    /// Tells whether the leg is a telephone, which brings its own sockets.
    pub const fn is_phone(&self) -> bool {
        matches!(self.transport, Transport::Phone(_))
    }

    /// Begins a leg.
    pub(super) fn open(
        id: LegId,
        opening: Opening,
        context: &SecureContext,
        rng: &mut impl rand::Rng,
        now: Instant,
    ) -> Result<Self, CodecError> {
        let codec = match &opening {
            Opening::Phone(media) => media.format.codec,
            Opening::Browser(_) => Codec::Opus,
        };
        let transport = match opening {
            Opening::Phone(media) => {
                Transport::Phone(Box::new(Phone::new(media, Identity::draw(rng), now)))
            }
            Opening::Browser(media) => Transport::Browser(Box::new(Browser {
                secure: Secure::new(media, context, now),
                connected: false,
                counted: Dropped::default(),
            })),
        };
        Ok(Self {
            id,
            transport,
            playout: Playout::new(codec)?,
            encoder: Encoder::new(codec)?,
            gate: SpeechGate::new(),
            frame: Frame::SILENCE,
            player: None,
            ticked_at: None,
            conference: None,
            fault: false,
        })
    }

    /// Takes a datagram; tells whether its path is this leg's from here on.
    pub(super) fn handle_datagram(
        &mut self,
        socket: SocketId,
        from: SocketAddr,
        bytes: &mut [u8],
        common: &mut Common,
        now: Instant,
    ) -> bool {
        assert!(!std::mem::take(&mut self.fault), "injected fault");
        match (&mut self.transport, socket) {
            (Transport::Phone(phone), _) if phone.accepts(socket, from) => {
                let received = phone.handle_datagram(socket, bytes, now);
                self.handle_received(received, common, now);
                false
            }
            (Transport::Browser(browser), SocketId::Browser(socket)) => {
                let path = Path {
                    socket,
                    remote: Pii::new(from),
                };
                let handshakes = &mut common.handshakes;
                let inbound = browser.secure.handle_datagram(path, bytes, handshakes, now);
                let bound = inbound == Inbound::Bound;
                self.handle_inbound(inbound, now);
                self.settle(common);
                bound
            }
            _ => {
                common.counters.count(Counter::Strangers);
                false
            }
        }
    }

    /// Changes a telephone's media; a browser's does not change.
    pub(super) fn update(&mut self, media: PhoneMedia, now: Instant) -> Result<(), CodecError> {
        if let Transport::Phone(phone) = &mut self.transport {
            if self.encoder.codec() != media.format.codec {
                self.playout = Playout::new(media.format.codec)?;
                self.encoder = Encoder::new(media.format.codec)?;
            }
            phone.update(media, now);
        }
        Ok(())
    }

    /// Begins a prompt in place of the one being played; no clips stop it.
    pub(super) fn play(&mut self, clips: Vec<ClipId>, token: u64) {
        self.player = (!clips.is_empty()).then(|| Player::new(clips, token));
    }

    /// Begins a tick that lies at `at` on the grid of the leg's group: serves the transport's deadlines. False if the
    /// tick comes too soon after the last one.
    ///
    /// Too soon, or one tick too late, happens once when a leg changes to another grid; the latter is made up, so that
    /// the peer gets its 50 packets a second. Over a longer gap media time jumps.
    pub(super) fn begin_tick(&mut self, at: Instant, common: &mut Common, now: Instant) -> bool {
        if let Some(last) = self.ticked_at {
            let passed = ticks(at.saturating_duration_since(last) + TICK / 2);
            if passed == 0 {
                return false;
            }
            if passed == 2 {
                self.send(&Frame::SILENCE, common);
            } else {
                (1..passed.min(SKIPPED_TICKS_MAX)).for_each(|_| self.skip());
            }
        }
        self.ticked_at = Some(at);
        self.handle_timeout(common, now);
        true
    }

    /// Takes what the leg says in this tick; tells whether it is anything. On hold it says nothing.
    pub(super) fn listen(&mut self, common: &mut Common, now: Instant) -> bool {
        let taken = self.playout.take(&mut self.frame, now);
        if taken == Taken::Concealed {
            common.counters.count(Counter::FramesConcealed);
        }
        taken != Taken::Silent && !self.is_on_hold()
    }

    /// Returns what [`Self::listen`] took.
    pub(super) const fn said(&self) -> &Frame {
        &self.frame
    }

    /// Judges what is heard of the leg in this tick, and tells if its speaking begins or ends.
    pub(super) fn judge(&mut self, heard: bool, common: &mut Common) {
        let level = if heard {
            self.frame.level()
        } else {
            Level::SILENCE
        };
        if let Some(speaking) = self.gate.handle(level) {
            common.tell(Event::Speaking {
                leg: self.id,
                speaking,
            });
        }
    }

    /// Ends a tick: sends the prompt where one is played, else the sound.
    pub(super) fn utter(&mut self, sound: &Frame, common: &mut Common) {
        if self.player.is_some() {
            let clips = common.clips.clone();
            if let Some(frame) = self.prompt(&clips, common) {
                return self.send(frame, common);
            }
        }
        self.send(sound, common);
    }

    /// Takes the prompt's next frame, where one is played, and tells its end.
    fn prompt<'a>(&mut self, clips: &'a Clips, common: &mut Common) -> Option<&'a Frame> {
        let player = self.player.as_mut()?;
        let frame = player.take(clips);
        if frame.is_none() {
            let token = player.token();
            self.player = None;
            common.tell(Event::Played {
                leg: self.id,
                token,
            });
        }
        frame
    }

    /// Sends one packet. On hold it is silence.
    fn send(&mut self, frame: &Frame, common: &mut Common) {
        if !self.is_sending() {
            return self.skip();
        }
        let frame = if self.is_on_hold() {
            &Frame::SILENCE
        } else {
            frame
        };
        let mut payload = [0; dsp::MAX_PAYLOAD];
        let Ok(len) = self.encoder.encode(frame, &mut payload) else {
            common.counters.count(Counter::EncodeFailed);
            return self.skip();
        };
        match &mut self.transport {
            Transport::Phone(phone) => phone.send(self.id, &payload[..len], common),
            Transport::Browser(browser) => browser.send(&payload[..len], common),
        }
    }

    /// Says goodbye to the peer.
    pub(super) fn close(&mut self, common: &mut Common, now: Instant) {
        match &mut self.transport {
            Transport::Phone(phone) => phone.close(self.id, common, now),
            Transport::Browser(browser) => {
                browser.secure.close(&mut common.handshakes, now);
                browser.flush(common);
            }
        }
    }

    /// Returns the bus the leg is attached to.
    pub(super) const fn conference(&self) -> Option<ConferenceId> {
        self.conference
    }

    /// Attaches the leg to a bus or to none.
    pub(super) const fn attach(&mut self, conference: Option<ConferenceId>) {
        self.conference = conference;
    }

    /// Lets the next datagram panic.
    pub(super) const fn inject_fault(&mut self) {
        self.fault = true;
    }

    /// Returns the browser's ICE user fragment of our side.
    pub(super) fn local_ufrag(&self) -> Option<&str> {
        match &self.transport {
            Transport::Phone(_) => None,
            Transport::Browser(browser) => Some(browser.secure.local_ufrag()),
        }
    }

    /// Lets media time pass without a packet.
    fn skip(&mut self) {
        match &mut self.transport {
            Transport::Phone(phone) => phone.skip(),
            Transport::Browser(browser) => browser.secure.skip_audio(),
        }
    }

    fn handle_inbound(&mut self, inbound: Inbound<'_>, now: Instant) {
        match inbound {
            Inbound::Nothing | Inbound::Bound => {}
            Inbound::Audio {
                sequence,
                timestamp,
                payload,
                level,
                restarted,
            } => self.put(sequence, timestamp, payload, level, restarted, now),
        }
    }

    fn put(
        &mut self,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
        level: Option<u8>,
        restarted: bool,
        now: Instant,
    ) {
        if restarted {
            self.playout.reset();
        }
        let header = level.map(Level::from_rfc6464);
        self.playout.put(sequence, timestamp, payload, header, now);
    }

    fn handle_received(
        &mut self,
        received: Result<Received<'_>, Discard>,
        common: &mut Common,
        now: Instant,
    ) {
        match received {
            Ok(Received::Audio {
                sequence,
                timestamp,
                payload,
                level,
                restarted,
                ..
            }) => self.put(sequence, timestamp, payload, level, restarted, now),
            Ok(Received::Digit(digit)) => common.tell(Event::Digit {
                leg: self.id,
                digit,
            }),
            Ok(Received::Nothing) => {}
            Err(discard) => common.counters.discard(discard),
        }
    }

    fn handle_timeout(&mut self, common: &mut Common, now: Instant) {
        match &mut self.transport {
            Transport::Phone(phone) => {
                if let Some(since) = phone.take_quiet(now) {
                    common.tell(Event::Quiet {
                        leg: self.id,
                        since,
                    });
                }
                phone.report(self.id, common, now);
            }
            Transport::Browser(browser) => {
                if is_due(browser.secure.poll_timeout(), now) {
                    let wall: Duration = common.wall(now);
                    browser
                        .secure
                        .handle_timeout(&mut common.handshakes, wall, now);
                }
                self.settle(common);
            }
        }
    }

    /// Passes on what a browser's transport has to say.
    fn settle(&mut self, common: &mut Common) {
        let Transport::Browser(browser) = &mut self.transport else {
            return;
        };
        browser.flush(common);
        browser.count(&mut common.counters);
        if browser.secure.is_connected() && !browser.connected {
            browser.connected = true;
            common.tell(Event::Connected { leg: self.id });
        }
        if let Some(reason) = browser.secure.gone() {
            common.gone.push((self.id, reason));
        }
    }

    fn is_on_hold(&self) -> bool {
        match &self.transport {
            Transport::Phone(phone) => phone.is_on_hold(),
            Transport::Browser(_) => false,
        }
    }

    fn is_sending(&self) -> bool {
        match &self.transport {
            Transport::Phone(phone) => phone.is_sending(),
            Transport::Browser(browser) => browser.connected,
        }
    }
}

impl Browser {
    fn send(&mut self, payload: &[u8], common: &mut Common) {
        let Ok(room) = common.outbox.room() else {
            self.secure.skip_audio();
            common.counters.count(Counter::OutboxFull);
            return;
        };
        if let Some((path, len)) = self.secure.write_audio(payload, room) {
            let socket = SocketId::Browser(path.socket);
            common.outbox.commit(socket, *path.remote.expose(), len);
        }
    }

    /// Counts what the transport has dropped since.
    fn count(&mut self, counters: &mut Counters) {
        let dropped = *self.secure.dropped();
        let before = std::mem::replace(&mut self.counted, dropped);
        if dropped == before {
            return;
        }
        counters.add(Counter::StunDropped, dropped.stun - before.stun);
        counters.add(Counter::DtlsDropped, dropped.dtls - before.dtls);
        counters.add(Counter::StrayDropped, dropped.stray - before.stray);
        counters.add(Counter::OutboxFull, dropped.transmits - before.transmits);
        counters.discard_more(&dropped.media, &before.media);
    }

    fn flush(&mut self, common: &mut Common) {
        while let Some(transmit) = self.secure.poll_transmit() {
            let socket = SocketId::Browser(transmit.path.socket);
            let to = *transmit.path.remote.expose();
            if common.outbox.push(socket, to, &transmit.bytes).is_err() {
                common.counters.count(Counter::OutboxFull);
            }
        }
    }
}

fn is_due(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}
