//! Telephones around two shards, in simulated time: the other side of every call, with real codecs and RTP.

use std::{
    collections::{BTreeMap, VecDeque},
    f64::consts::TAU,
    net::SocketAddr,
    time::{Duration, Instant},
};

use dsp::{Codec, Encoder, FRAME_SAMPLES, Frame, Playout, TICK};
use sip::{
    redact::Pii,
    rtp::{
        Discard, Packet, Received, Session, SessionConfig,
        packet::is_rtcp,
        srtp::{Keys, Opener, Profile, Sealer},
    },
};

use crate::{
    id::{ConferenceId, LegId},
    media::{
        Clips, Counter, Shard, ShardConfig, SocketId,
        api::{
            Channels, Command, Event, Format, Incoming, Nat, Opening, PhoneMedia, Seat, Security,
        },
        leg::secure::SecureContext,
    },
};

pub(super) const ROOM: ConferenceId = ConferenceId::from_u64(100);
pub(super) const ANNA: LegId = LegId::from_u64(1);
pub(super) const BERT: LegId = LegId::from_u64(2);
pub(super) const CARL: LegId = LegId::from_u64(3);

pub(super) const OPEN: Seat = Seat {
    speaks: Channels::MAIN,
    hears: Channels::MAIN,
};
pub(super) const MUTED: Seat = Seat {
    speaks: Channels::NONE,
    hears: Channels::MAIN,
};

/// The steps of the simulation.
const STEP: Duration = Duration::from_millis(2);

pub(super) struct World {
    pub(super) shards: [Shard; 2],
    pub(super) now: Instant,
    pub(super) phones: BTreeMap<LegId, Phone>,
    pub(super) events: Vec<Event>,
}

/// A telephone: a tone generator and an ear.
pub(super) struct Phone {
    pub(super) shard: usize,
    pub(super) media: PhoneMedia,
    /// The tone it speaks in; none where it sends nothing at all.
    pub(super) says: Option<f64>,
    /// What of the sound it plays comes back.
    pub(super) echo: Option<Echo>,
    pub(super) heard: Vec<i16>,
    /// Sequence number, media time and arrival of each RTP packet.
    pub(super) packets: Vec<(u16, u32, Instant)>,
    /// The payload of each.
    pub(super) payloads: Vec<Vec<u8>>,
    pub(super) reports: usize,
    /// Where its packets come from, if its SDP does not say so.
    pub(super) sends_from: Option<SocketAddr>,
    /// Where else it can be reached.
    pub(super) also_at: Option<SocketAddr>,
    pub(super) armour: Option<Armour>,
    /// Its side of a DTLS handshake.
    pub(super) dtls: Option<dimpl::Dtls>,
    speaks_at: Instant,
    voice: Voice,
    session: Session,
    encoder: Encoder,
    playout: Playout,
}

/// The SRTP of a telephone.
pub(super) struct Armour {
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
}

/// The way from a telephone's loudspeaker to its microphone.
pub(super) struct Echo {
    factor: f64,
    line: VecDeque<i16>,
}

/// What a telephone has yet to say.
struct Voice {
    /// Sound that is said before the tone.
    script: VecDeque<Frame>,
    phase: f64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_clips(Clips::default())
    }

    pub(super) fn with_clips(clips: Clips) -> Self {
        let now = t0();
        let secure = SecureContext::new().unwrap();
        let shard = |seed| {
            let config = ShardConfig {
                clips: clips.clone(),
                secure: secure.clone(),
                seed: [seed; 32],
            };
            Shard::new(config, now)
        };
        Self {
            shards: [shard(1), shard(2)],
            // Between two points of the grid, so that no count depends on which side of one a step lies.
            now: now + STEP / 2,
            phones: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// A conference of open microphones; each leg says its own tone.
    pub(super) fn conference(legs: &[(LegId, f64)]) -> Self {
        let mut world = Self::new();
        world.start(ROOM);
        for (leg, tone) in legs {
            world.call(*leg, Codec::Pcma);
            world.join(*leg, ROOM);
            world.phone(*leg).says = Some(*tone);
        }
        world.seat(
            ROOM,
            &legs.iter().map(|(leg, _)| (*leg, OPEN)).collect::<Vec<_>>(),
        );
        world
    }

    pub(super) fn call(&mut self, leg: LegId, codec: Codec) {
        self.dial(leg, media(leg, codec));
    }

    /// A call with this agreed.
    pub(super) fn dial(&mut self, leg: LegId, media: PhoneMedia) {
        let phone = Phone::new(leg, media, self.now);
        let opening = Box::new(Opening::Phone(phone.media.clone()));
        self.phones.insert(leg, phone);
        self.tell(Command::Open { leg, opening });
        // Tones are no speech: what treats speech would take them away.
        let shaping = dsp::Shaping::NONE;
        self.tell(Command::Shape { leg, shaping });
    }

    pub(super) fn start(&mut self, conference: ConferenceId) {
        self.tell(Command::Start { conference });
    }

    pub(super) fn join(&mut self, leg: LegId, conference: ConferenceId) {
        self.tell(Command::Join { leg, conference });
    }

    pub(super) fn seat(&mut self, conference: ConferenceId, seats: &[(LegId, Seat)]) {
        let seats = seats.to_vec();
        self.tell(Command::Roster { conference, seats });
    }

    /// Tells the first shard.
    pub(super) fn tell(&mut self, command: Command) {
        self.tell_to(0, command);
    }

    pub(super) fn tell_to(&mut self, shard: usize, command: Command) {
        self.shards[shard].handle(command, self.now);
        self.drain(shard);
    }

    /// Changes a phone's media as a re-INVITE does.
    pub(super) fn reinvite(&mut self, leg: LegId, change: impl FnOnce(&mut PhoneMedia)) {
        let media = &mut self.phone(leg).media;
        change(media);
        let media = media.clone();
        self.tell(Command::Update { leg, media });
    }

    pub(super) fn phone(&mut self, leg: LegId) -> &mut Phone {
        self.phones.get_mut(&leg).unwrap()
    }

    pub(super) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.now < until {
            self.now += STEP;
            self.speak();
            self.shake_hands();
            for shard in 0..self.shards.len() {
                let due = self.shards[shard].poll_timeout();
                if due.is_some_and(|due| due <= self.now) {
                    self.shards[shard].handle_timeout(self.now);
                    self.drain(shard);
                    self.shards[shard].restock();
                }
            }
        }
    }

    /// Lets time pass in which the shards get no turn.
    pub(super) fn stall(&mut self, duration: Duration) {
        self.now += duration;
    }

    /// Lets a datagram arrive at a socket of the first shard.
    pub(super) fn deliver(&mut self, socket: SocketId, from: SocketAddr, bytes: &[u8]) {
        self.shards[0].handle_datagram(socket, from, &mut bytes.to_vec(), self.now);
        self.drain(0);
    }

    /// Forgets what was heard so far, for instance while buffers filled.
    pub(super) fn forget(&mut self) {
        for phone in self.phones.values_mut() {
            phone.heard.clear();
            phone.packets.clear();
            phone.payloads.clear();
        }
    }

    /// Returns the first shard.
    pub(super) fn shard(&self) -> &Shard {
        &self.shards[0]
    }

    pub(super) fn count(&self, counter: Counter) -> u64 {
        self.shards[0].counters().of(counter)
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Every phone sends 20 ms at its own time within the 20 ms.
    fn speak(&mut self) {
        let now = self.now;
        for (leg, phone) in &mut self.phones {
            let Some(packet) = phone.speak(now) else {
                continue;
            };
            let from = phone.sends_from.unwrap_or(*phone.media.remote.expose());
            let mut bytes = packet;
            self.shards[phone.shard].handle_datagram(SocketId::Rtp(*leg), from, &mut bytes, now);
        }
        for shard in 0..self.shards.len() {
            self.drain(shard);
        }
    }

    /// Sends what the phones' DTLS has to send.
    fn shake_hands(&mut self) {
        for (leg, phone) in &mut self.phones {
            let from = phone.sends_from.unwrap_or(*phone.media.remote.expose());
            for mut bytes in phone.flights(self.now) {
                let socket = SocketId::Rtp(*leg);
                self.shards[phone.shard].handle_datagram(socket, from, &mut bytes, self.now);
            }
        }
        for shard in 0..self.shards.len() {
            self.drain(shard);
        }
    }

    fn drain(&mut self, shard: usize) {
        while let Some(transmit) = self.shards[shard].poll_transmit() {
            let (SocketId::Rtp(leg) | SocketId::Rtcp(leg)) = transmit.socket else {
                panic!("no browser takes part");
            };
            let phone = self.phones.get_mut(&leg).unwrap();
            assert_eq!(phone.shard, shard, "the sockets are elsewhere");
            let remote = *phone.media.remote.expose();
            let held = remote.ip().is_unspecified() && transmit.to == address(leg, 4_000);
            let here = transmit.to == remote || held || phone.also_at == Some(transmit.to);
            if here && matches!(transmit.bytes.first(), Some(20..=63)) {
                let dtls = phone.dtls.as_mut().expect("a phone with DTLS");
                dtls.handle_packet(transmit.bytes).unwrap();
            } else if here && !is_rtcp(transmit.bytes) {
                phone.hear(transmit.bytes, self.now);
            } else {
                let rtcp = *phone.media.remote_rtcp.expose();
                let beside = phone
                    .also_at
                    .map(|at| SocketAddr::new(at.ip(), rtcp.port()));
                assert!(transmit.to == rtcp || Some(transmit.to) == beside);
                phone.report(transmit.bytes);
            }
        }
        while let Some(event) = self.shards[shard].poll_event() {
            self.events.push(event);
        }
    }
}

impl Phone {
    fn new(leg: LegId, media: PhoneMedia, now: Instant) -> Self {
        let codec = media.format.codec;
        let config = SessionConfig {
            ssrc: 7,
            first_sequence: 65_500,
            first_timestamp: 1,
            format: rtp_format(codec, &media),
            audio_level: None,
            redundant: None,
            cname: [0; 12],
            seed: 1,
        };
        Self {
            shard: 0,
            armour: Armour::of(&media),
            sends_from: None,
            also_at: None,
            dtls: None,
            media,
            says: None,
            echo: None,
            heard: Vec::new(),
            packets: Vec::new(),
            payloads: Vec::new(),
            reports: 0,
            // Each phone has its own time within the 20 ms.
            speaks_at: now + STEP * u32::try_from(leg.as_u64() * 3 % 10).unwrap(),
            voice: Voice {
                script: VecDeque::new(),
                phase: 0.0,
            },
            session: Session::new(config, now),
            encoder: Encoder::new(codec).unwrap(),
            playout: Playout::new(codec).unwrap(),
        }
    }

    /// Says a sound in place of any other, frame by frame, before it goes on with its tone.
    pub(super) fn recites(&mut self, sound: Vec<Frame>) {
        self.voice.script = sound.into();
    }

    /// Returns the level of a tone in what was heard, in dBov.
    pub(super) fn hears(&self, tone: f64) -> f64 {
        level_at(&self.heard, tone)
    }

    /// Returns the packets of a key being pressed.
    pub(super) fn press(&mut self, digit: char) -> Vec<Vec<u8>> {
        let key = self.session.press(digit, 5).unwrap();
        let packets = key.map(|report| {
            let mut packet = vec![0; 100];
            let len = self.session.write_event(&report, &mut packet);
            packet.truncate(len);
            packet
        });
        packets.collect()
    }

    /// Returns a packet of its stream with another payload, in the place of sound.
    pub(super) fn packet(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 100];
        let len = self.session.write_rtp(payload, &mut packet);
        packet.truncate(len);
        packet[1] = packet[1] & 0x80 | payload_type;
        packet
    }

    /// Changes to another codec, as its side of a re-INVITE.
    pub(super) fn change_codec(&mut self, codec: Codec) {
        self.media = media(LegId::from_u64(0), codec);
        self.session.reconfigure(rtp_format(codec, &self.media));
        self.encoder = Encoder::new(codec).unwrap();
        self.playout = Playout::new(codec).unwrap();
    }

    /// Returns the next packet of its tone.
    pub(super) fn speak_at_once(&mut self) -> Vec<u8> {
        self.speaks_at -= TICK;
        self.speak(self.speaks_at + 2 * TICK).unwrap()
    }

    fn speak(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.speaks_at {
            return None;
        }
        self.speaks_at = now + TICK;
        let scripted = self.voice.script.pop_front();
        let own = scripted.or_else(|| self.says.map(|tone| self.voice.tone(tone)));
        let frame = match &mut self.echo {
            Some(echo) => echo.over(own.unwrap_or(Frame::SILENCE)),
            None => own?,
        };
        let mut payload = [0; dsp::MAX_PAYLOAD];
        let len = self.encoder.encode(&frame, &mut payload).unwrap();
        let mut packet = vec![0; 1_500];
        let len = self.session.write_rtp(&payload[..len], &mut packet);
        let len = match &mut self.armour {
            Some(armour) => armour.sealer.seal_rtp(&mut packet, len).unwrap(),
            None => len,
        };
        packet.truncate(len);
        Some(packet)
    }

    /// The source that is sent to it.
    pub(super) fn source(&self) -> Option<u32> {
        self.session.remote_ssrc()
    }

    /// Takes new keys, as its side of a re-INVITE.
    pub(super) fn rekey(&mut self) {
        self.armour = Armour::of(&self.media);
    }

    /// Takes a report, which must be one.
    fn report(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        if let Some(armour) = &mut self.armour {
            let len = armour.opener.open_rtcp(&mut bytes).unwrap();
            bytes.truncate(len);
        }
        assert!(is_rtcp(&bytes));
        self.reports += 1;
    }

    /// Takes what its DTLS has to send.
    fn flights(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut flights = Vec::new();
        let Some(dtls) = &mut self.dtls else {
            return flights;
        };
        dtls.handle_timeout(now).unwrap();
        let mut buffer = [0; 2_048];
        loop {
            let output = dtls.poll_output(&mut buffer);
            if let dimpl::Output::Timeout(_) = output {
                return flights;
            } else if let dimpl::Output::Packet(packet) = output {
                flights.push(packet.to_vec());
            } else if let dimpl::Output::KeyingMaterial(material, profile) = output {
                let profile = srtp_profile(profile);
                let (ours, theirs) = profile.derive(&material, false).unwrap();
                self.armour = Some(Armour::new(profile, &ours, &theirs));
            }
        }
    }

    fn hear(&mut self, bytes: &[u8], now: Instant) {
        let mut bytes = bytes.to_vec();
        if let Some(armour) = &mut self.armour {
            let len = armour.opener.open_rtp(&mut bytes).unwrap();
            bytes.truncate(len);
        }
        let bytes = bytes.as_slice();
        let packet = Packet::parse(bytes).unwrap();
        self.packets.push((packet.sequence, packet.timestamp, now));
        self.payloads.push(packet.payload.to_vec());
        // The first packet of another source is only noted.
        let received = match self.session.handle_rtp(bytes, now) {
            Err(Discard::UnknownSource) => return,
            received => received.unwrap(),
        };
        if let Received::Audio(audio) = received {
            self.playout
                .put(audio.sequence, audio.timestamp, audio.payload, None, now);
        }
        let mut frame = Frame::SILENCE;
        self.playout.take(&mut frame, now);
        self.heard.extend_from_slice(&frame.samples);
        if let Some(echo) = &mut self.echo {
            echo.line.extend(frame.samples);
        }
    }
}

fn srtp_profile(profile: dimpl::SrtpProfile) -> Profile {
    use dimpl::SrtpProfile as Theirs;
    let known = [
        (Theirs::AEAD_AES_256_GCM, Profile::AeadAes256Gcm),
        (Theirs::AEAD_AES_128_GCM, Profile::AeadAes128Gcm),
        (Theirs::AES128_CM_SHA1_80, Profile::AesCm128HmacSha1_80),
    ];
    let found = known.into_iter().find(|(theirs, _)| *theirs == profile);
    found.unwrap().1
}

impl Armour {
    fn new(profile: Profile, ours: &Keys, theirs: &Keys) -> Self {
        Self {
            sealer: Sealer::new(profile, ours).unwrap(),
            opener: Opener::new(profile, theirs).unwrap(),
        }
    }

    /// The other side of what a leg has.
    pub(super) fn of(media: &PhoneMedia) -> Option<Self> {
        match &media.security {
            Security::Sdes(sdes) => Some(Self::new(sdes.profile, &sdes.theirs, &sdes.ours)),
            Security::Plain | Security::Dtls(_) => None,
        }
    }
}

impl Echo {
    /// Makes one that takes so long and loses so many dB.
    pub(super) fn new(delay: Duration, loss: f64) -> Self {
        Self {
            factor: 10_f64.powf(-loss / 20.0),
            line: vec![0; delay.as_millis() as usize * 48].into(),
        }
    }

    /// Adds the next 20 ms to what is said in them.
    #[expect(clippy::cast_possible_truncation, reason = "an echo is fainter")]
    fn over(&mut self, mut said: Frame) -> Frame {
        for (said, echo) in said
            .samples
            .iter_mut()
            .zip(self.line.drain(..FRAME_SAMPLES.min(self.line.len())))
        {
            *said = said.saturating_add((self.factor * f64::from(echo)) as i16);
        }
        said
    }
}

impl Voice {
    #[expect(clippy::cast_possible_truncation, reason = "the amplitude fits")]
    fn tone(&mut self, tone: f64) -> Frame {
        let mut frame = Frame::SILENCE;
        for sample in &mut frame.samples {
            *sample = (AMPLITUDE * self.phase.sin()) as i16;
            self.phase = (self.phase + TAU * tone / 48_000.0) % TAU;
        }
        frame
    }
}

/// Amplitude of the phones' tones: −13 dBov.
const AMPLITUDE: f64 = 10_000.0;

pub(super) fn media(leg: LegId, codec: Codec) -> PhoneMedia {
    let payload_type = match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
        Codec::G722 => 9,
        Codec::Opus => 111,
    };
    let format = Format {
        codec,
        payload_type,
        telephone_event: Some(101),
    };
    PhoneMedia {
        format,
        incoming: Incoming::of(&format),
        remote: Pii::new(address(leg, 4_000)),
        hidden: None,
        remote_rtcp: Pii::new(address(leg, 4_001)),
        receives: true,
        sends: true,
        security: Security::Plain,
        nat: Nat::No,
        ptime: 20,
    }
}

fn rtp_format(codec: Codec, media: &PhoneMedia) -> sip::rtp::Format {
    sip::rtp::Format {
        payload_type: media.format.payload_type,
        telephone_event: media.format.telephone_event,
        clock_rate: codec.clock_rate(),
        ticks_per_packet: codec.ticks(),
    }
}

pub(super) fn address(leg: LegId, port: u16) -> SocketAddr {
    let [.., network, host] = leg.as_u64().to_be_bytes();
    SocketAddr::from(([192, 0, 2 + network, host], port))
}

/// Speech as nobody has it: a tone in frames, for prompts.
pub(super) fn tone_clip(tone: f64, frames: usize) -> Vec<Frame> {
    dsp::tone::sine(tone, -13.0, frames)
}

/// The level of one frequency in dBov, by correlation over whole frames.
#[expect(clippy::cast_precision_loss, reason = "a level needs three digits")]
pub(super) fn level_at(samples: &[i16], tone: f64) -> f64 {
    assert!(samples.len() >= FRAME_SAMPLES, "nothing was heard");
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = TAU * tone * n as f64 / 48_000.0;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    let amplitude = 2.0 * f64::hypot(real, imaginary) / samples.len() as f64;
    20.0 * (amplitude.max(1e-3) / 32_768.0).log10() - 3.0
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
