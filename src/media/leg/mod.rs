//! A leg: one call or connection, with its transport, jitter buffer and codecs. Moves between shards as a whole.
//!
//! ```text
//! datagram ─ Phone | Secure ─ Playout ┄┄ due ─ claim ─ the bus ┄ chosen? decode ─ frame
//!                                                        the bus ┄ payload ─ send ─ Phone | Secure ─ outbox
//! ```
//!
//! Invariants: a leg sends the sound of one tick in each, whatever it hears; its sequence numbers go on wherever it is.
//! This is the only place that asks whether a leg is a telephone or a browser.

mod aloud;
mod armour;
mod claimed;
mod coming;
mod echo;
mod keys;
mod line;
mod listening;
mod loss;
mod manner;
mod phone;
mod recording;
mod review;
pub mod secure;
mod unheard;

use std::{net::SocketAddr, time::Instant};

use dsp::{
    Codec, EncoderSettings, Frame, Level, LineNoise, LossClass, Playout, PlayoutStats, SpeechGate,
    TICK, Taken,
};
use sip::{
    redact::Pii,
    rtp::{Discard, Received, Silence},
};

use self::{
    coming::Coming,
    echo::Echo,
    keys::Keys,
    line::Line,
    loss::PathLoss,
    manner::Manner,
    phone::{Identity, Inbound as FromPhone, Phone},
    recording::Recording,
    review::Seen,
    secure::{Dropped, Inbound, Path, Payload, Secure, SecureContext},
    unheard::Unheard,
};
use super::{
    api::{ClipId, Event, Gone, ListeningGain, Opening},
    common::Common,
    counters::{Counter, Counters},
    encoders::Stream,
    outbox::Outbox,
    player::{Player, Spot},
    shard::SocketId,
    tick::ticks,
};
use crate::{
    id::{ConferenceId, LegId},
    limit::{COPIES_REACH, SERVE_INTERVAL, SKIPPED_TICKS_MAX},
};

/// A leg's whole media state; moves between workers.
#[derive(Debug)]
pub struct Leg {
    id: LegId,
    transport: Transport,
    playout: Playout,
    noise: LineNoise,
    gate: SpeechGate,
    unheard: Unheard,
    manner: Manner,
    /// What the sound that comes is coded with.
    coming: Coming,
    hearing: Hearing,
    keys: Keys,
    player: Option<Player>,
    echo: Option<Box<Echo>>,
    recording: Option<Box<Recording>>,
    /// What a sound that was learned is coded with, while it is said.
    aloud: Option<Box<Stream>>,
    /// Where on the grid its last tick lay.
    ticked_at: Option<Instant>,
    /// When the transport is to be looked after.
    serve_at: Instant,
    /// What the shard's counters know of the playout.
    counted: PlayoutStats,
    seen: Seen,
    line: Line,
    /// The bus it is attached to.
    conference: Option<ConferenceId>,
    /// The next datagram panics.
    fault: bool,
}

/// How a leg hears.
#[derive(Debug)]
struct Hearing {
    codec: Codec,
    gain: ListeningGain,
    path: PathLoss,
    /// The peer takes copies of earlier payloads (RFC 2198).
    redundant: bool,
    /// Ticks in a row in each of which media time went on by one packet.
    steady: u8,
}

/// What a leg is sent in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ear {
    /// Nothing; media time passes.
    Closed,
    /// Silence: it holds the call, or there is nothing to hear.
    Silence,
    /// A prompt.
    Prompt(Spot),
    /// The mix, in this encoding.
    Mix(Key),
}

/// What distinguishes one encoding of the same mix from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) settings: EncoderSettings,
    pub(super) gain: ListeningGain,
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
    ) -> Result<Self, Gone> {
        let codec = match &opening {
            Opening::Phone(media) => media.format.codec,
            Opening::Browser(_) => Codec::Opus,
        };
        let redundant = match &opening {
            Opening::Phone(_) => false,
            Opening::Browser(media) => media.redundant.is_some(),
        };
        let keys = match &opening {
            Opening::Phone(media) => Keys::of(&media.format),
            Opening::Browser(_) => Keys::Events,
        };
        let transport = match opening {
            Opening::Phone(media) => {
                let phone = Phone::new(media, Identity::draw(rng), context, now)?;
                Transport::Phone(Box::new(phone))
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
            playout: Playout::new(codec).map_err(|_| Gone::Failed)?,
            noise: LineNoise::new(),
            gate: SpeechGate::new(),
            unheard: Unheard::default(),
            manner: Manner::new(codec, None),
            coming: Coming::new(codec),
            hearing: Hearing {
                codec,
                gain: ListeningGain::default(),
                path: PathLoss::new(),
                redundant,
                steady: 0,
            },
            keys,
            player: None,
            echo: None,
            recording: None,
            aloud: None,
            ticked_at: None,
            serve_at: now,
            counted: PlayoutStats::default(),
            seen: Seen::default(),
            line: Line::new(),
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
            (Transport::Phone(phone), SocketId::Rtp(_) | SocketId::Rtcp(_)) => {
                match phone.handle_datagram(self.id, socket, from, bytes, common, now) {
                    FromPhone::Media(received) => self.handle_received(received, common, now),
                    FromPhone::Handshake => self.serve_at = now,
                    FromPhone::Foreign => {
                        self.seen.note_foreign();
                        common.counters.count(Counter::Strangers);
                    }
                }
                false
            }
            (Transport::Browser(browser), SocketId::Browser(socket)) => {
                let path = Path {
                    socket,
                    remote: Pii::new(from),
                };
                let handshakes = &mut common.handshakes;
                match browser.secure.handle_datagram(path, bytes, handshakes, now) {
                    Inbound::Media(received) => {
                        self.handle_received(Ok(received), common, now);
                        false
                    }
                    inbound @ (Inbound::Nothing | Inbound::Bound) => {
                        let bound = inbound == Inbound::Bound;
                        self.serve_at = now;
                        self.settle(common);
                        bound
                    }
                }
            }
            _ => {
                common.counters.count(Counter::Strangers);
                false
            }
        }
    }

    /// Begins a prompt in place of the one being played, or of what is listened to; no clips stop it.
    pub(super) fn play(&mut self, clips: Vec<ClipId>, token: u64) {
        self.echo = None;
        self.recording = None;
        self.aloud = None;
        self.player = (!clips.is_empty()).then(|| Player::new(clips, token));
    }

    /// Tells whether it hears a prompt.
    pub(super) const fn is_prompted(&self) -> bool {
        self.player.is_some()
    }

    /// Sets how loud the leg hears the others.
    pub(super) const fn set_gain(&mut self, gain: ListeningGain) {
        self.hearing.gain = gain;
    }

    /// Returns the kinds of encoders the leg may come to need.
    pub(super) fn settings(&self) -> impl Iterator<Item = EncoderSettings> + use<> {
        let codec = self.hearing.codec;
        let classes = match codec {
            Codec::Opus => &[LossClass::Low, LossClass::Medium, LossClass::High][..],
            Codec::Pcmu | Codec::Pcma | Codec::G722 => &[LossClass::Low],
        };
        classes
            .iter()
            .map(move |loss| EncoderSettings::new(codec, *loss))
    }

    /// Begins a tick that lies at `at` on the grid of the leg's group: serves the transport's deadlines. False if the
    /// tick comes too soon after the last one.
    ///
    /// Too soon, or one tick too late, happens once when a leg changes to another grid; the latter is made up, so that
    /// the peer gets its 50 packets a second. Over a longer gap media time jumps.
    pub(super) fn begin_tick(&mut self, at: Instant, common: &mut Common, now: Instant) -> bool {
        if let Some(last) = self.ticked_at
            && at != last + TICK
        {
            self.hearing.steady = 0;
            let passed = ticks(at.saturating_duration_since(last) + TICK / 2);
            if passed == 0 {
                return false;
            }
            if passed == 2 {
                let ear = self.silent_ear();
                self.send_ear(ear, common);
            } else {
                (1..passed.min(SKIPPED_TICKS_MAX)).for_each(|_| self.skip());
            }
        }
        self.hearing.steady = self.hearing.steady.saturating_add(1);
        self.ticked_at = Some(at);
        if let Transport::Phone(phone) = &mut self.transport {
            phone.begin_tick();
        }
        if now >= self.serve_at {
            self.serve(common, now);
        }
        true
    }

    /// Takes a key that the telephone has told in signalling.
    pub(super) fn press(&mut self, digit: char, common: &mut Common, now: Instant) {
        if self.keys.handle_signalled(digit, now) {
            let leg = self.id;
            common.tell(Event::Digit { leg, digit });
        }
    }

    /// Decodes what [`Self::due`] took, as it was said.
    pub(super) fn decode(&mut self, sound: &mut Frame, common: &mut Common) -> Taken {
        let taken = match &self.keys {
            Keys::Events => {
                common.counters.count(Counter::FramesDecoded);
                self.playout.decode(sound)
            }
            Keys::Heard(keys) => keys.give(sound),
        };
        if taken == Taken::Concealed {
            common.counters.count(Counter::FramesConcealed);
        }
        taken
    }

    /// Judges how loud the leg is in this tick, and tells if its speaking begins or ends.
    pub(super) fn judge(&mut self, level: Level, common: &mut Common) {
        if let Some(speaking) = self.gate.handle(level) {
            common.tell(Event::Speaking {
                leg: self.id,
                speaking,
            });
        }
    }

    /// Notices that the leg is spoken into although it may not speak; not while it does not listen to the talk: then its
    /// person is elsewhere, or hears a prompt, which may say the same.
    pub(super) fn judge_unheard(
        &mut self,
        claim: Option<Level>,
        may_speak: bool,
        listens: bool,
        common: &mut Common,
    ) {
        let noticed = if may_speak || !listens {
            self.unheard.reset();
            false
        } else {
            self.unheard.handle(claim)
        };
        if noticed {
            common.tell(Event::SpokeMuted { leg: self.id });
        }
    }

    /// Returns what the leg is to be sent in this tick, which a prompt takes a step in.
    pub(super) fn ear(&mut self, deaf: bool, common: &mut Common) -> Ear {
        let spot = self.player.is_some().then(|| self.prompt(common)).flatten();
        match (self.silent_ear(), spot) {
            (Ear::Closed, _) => Ear::Closed,
            (silent, _) if self.is_on_hold() => silent,
            (_, Some(spot)) => Ear::Prompt(spot),
            (silent, None) if deaf => silent,
            (_, None) => Ear::Mix(Key {
                settings: EncoderSettings::new(self.hearing.codec, self.hearing.path.class()),
                gain: self.hearing.gain,
            }),
        }
    }

    fn silent_ear(&self) -> Ear {
        if self.is_sending() {
            Ear::Silence
        } else {
            Ear::Closed
        }
    }

    /// Takes the prompt's next step, where one is played, and tells its end.
    fn prompt(&mut self, common: &mut Common) -> Option<Spot> {
        let player = self.player.as_mut()?;
        let spot = player.take(&common.clips);
        if spot.is_none() {
            let token = player.token();
            self.player = None;
            self.fall_silent(&mut common.encoders);
            common.tell(Event::Played {
                leg: self.id,
                token,
            });
        }
        spot
    }

    /// Sends what a stream has coded: with copies of its earlier payloads where the path loses and the peer takes them.
    ///
    /// Copies are told by how much earlier they were sent, so they need media time that went on with the stream's.
    pub(super) fn send_coded(
        &mut self,
        stream: &mut Stream,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        if self.hearing.redundant
            && usize::from(self.hearing.steady) > COPIES_REACH
            && let Transport::Browser(browser) = &mut self.transport
            && let Some(blocks) = stream.redundant()
        {
            counters.count(Counter::PacketsRedundant);
            return browser.send(Payload::Redundant(blocks), outbox, counters);
        }
        self.send(stream.payload(), outbox, counters);
    }

    /// Sends one packet; none where there is no payload.
    pub(super) fn send(&mut self, payload: &[u8], outbox: &mut Outbox, counters: &mut Counters) {
        if payload.is_empty() {
            return self.skip();
        }
        match &mut self.transport {
            Transport::Phone(phone) => phone.send(self.id, payload, outbox, counters),
            Transport::Browser(browser) => {
                browser.send(Payload::Single(payload), outbox, counters);
            }
        }
    }

    /// Says goodbye to the peer.
    pub(super) fn close(&mut self, common: &mut Common, now: Instant) {
        self.take_stock(&mut common.counters);
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
    pub(super) fn attach(&mut self, conference: Option<ConferenceId>, common: &mut Common) {
        self.rest(common);
        if conference.is_some() {
            self.echo = None;
            self.recording = None;
        }
        self.conference = conference;
        self.line.forget_told();
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
    pub(super) fn skip(&mut self) {
        match &mut self.transport {
            Transport::Phone(phone) => phone.skip(),
            Transport::Browser(browser) => browser.secure.skip_audio(),
        }
    }

    fn handle_received(
        &mut self,
        received: Result<Received<'_>, Discard>,
        common: &mut Common,
        now: Instant,
    ) {
        let silent = match received {
            Ok(Received::Audio(audio)) => return self.put(audio, common, now),
            Ok(Received::Digit { digit, silent }) => {
                common.tell(Event::Digit {
                    leg: self.id,
                    digit,
                });
                silent
            }
            Ok(Received::Silence { sequence, holds }) => {
                common.counters.count(match holds {
                    Silence::ComfortNoise => Counter::PacketsOfComfortNoise,
                    Silence::Empty => Counter::PayloadsEmpty,
                });
                Some(sequence)
            }
            Ok(Received::Nothing { silent }) => silent,
            Err(discard) => return common.counters.discard(discard),
        };
        if let Some(sequence) = silent {
            self.playout.skip(sequence);
        }
    }

    /// Looks after the transport and what its peer reports.
    fn serve(&mut self, common: &mut Common, now: Instant) {
        match &mut self.transport {
            Transport::Phone(phone) => {
                phone.handle_timeout(self.id, common, now);
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
                    browser.secure.handle_timeout(&mut common.handshakes, now);
                    browser.report(common, now);
                }
                self.settle(common);
            }
        }
        self.take_stock(&mut common.counters);
        self.judge_line(common, now);
        let transport = match &self.transport {
            Transport::Phone(phone) => Some(phone.poll_timeout()),
            Transport::Browser(browser) => browser.secure.poll_timeout(),
        };
        let regularly = now + SERVE_INTERVAL;
        self.serve_at = transport.map_or(regularly, |at| at.min(regularly));
    }

    /// Counts what has happened to the leg's packets, and heeds what its peer says of ours.
    fn take_stock(&mut self, counters: &mut Counters) {
        let stats = self.playout.stats();
        let before = std::mem::replace(&mut self.counted, stats);
        counters.count_playout(&stats, &before);
        self.line.note_playout(&stats, &before);
        let session = match &self.transport {
            Transport::Phone(phone) => Some(phone.stats()),
            Transport::Browser(browser) => browser.secure.stats(),
        };
        if let Some(report) = session.and_then(|session| session.remote) {
            self.hearing.path.handle(report);
            self.seen.note_report(report);
            self.line.note_report(report);
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
    fn send(&mut self, payload: Payload<'_>, outbox: &mut Outbox, counters: &mut Counters) {
        let Ok(room) = outbox.room() else {
            self.secure.skip_audio();
            counters.count(Counter::OutboxFull);
            return;
        };
        if let Some((path, len)) = self.secure.write_audio(payload, room) {
            let socket = SocketId::Browser(path.socket);
            outbox.commit(socket, *path.remote.expose(), len);
        }
    }

    /// Sends the report that is due, if one is.
    fn report(&mut self, common: &mut Common, now: Instant) {
        let wall = common.wall(now);
        let Ok(room) = common.outbox.room() else {
            return common.counters.count(Counter::OutboxFull);
        };
        if let Some((path, len)) = self.secure.write_report(wall, now, room) {
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
