//! The sound side of a telephone: what it says every 20 ms, the keys it presses, and what it hears.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use dsp::{Codec, Encoder, FRAME_SAMPLES, Frame, SAMPLE_RATE, TICK};
use sip::rtp::{Format, Received, Session, SessionConfig, telephone_event::Report};

use super::{ear::Voice, recording::Heard};

/// Packets of a key press, its end not counted: 100 ms.
const PRESS_PACKETS: u32 = 5;
/// Ticks of sound between two presses.
const PAUSE_TICKS: u32 = 4;

/// What a telephone puts into its packets.
#[derive(Debug, Clone, PartialEq)]
pub enum Saying {
    /// No packets at all.
    Nothing,
    /// Packets of silence.
    Silence,
    /// A voice.
    Voice(Voice),
    /// These samples at 48 kHz, then silence.
    Samples(std::rc::Rc<[i16]>),
}

/// Everything between answer and hang-up.
pub struct Sound {
    pub codec: Codec,
    pub remote: SocketAddr,
    pub saying: Saying,
    session: Session,
    encoder: Encoder,
    keys: VecDeque<char>,
    press: VecDeque<Report>,
    pause: u32,
    next_tick: Instant,
    position: u64,
    /// What arrived, and when.
    pub heard: Vec<Heard>,
    /// When each packet of sound left, since something else was last said.
    pub sent_at: Vec<Instant>,
}

impl Sound {
    /// Begins; the first packet leaves `phase` after now.
    pub fn new(
        codec: Codec,
        payload_type: u8,
        telephone_event: Option<u8>,
        remote: SocketAddr,
        phase: Duration,
        now: Instant,
    ) -> Self {
        let config = SessionConfig {
            ssrc: 0x5eed_0000 + u32::from(remote.port()),
            first_sequence: 65_500,
            first_timestamp: u32::MAX - 48_000,
            format: Format {
                payload_type,
                telephone_event,
                clock_rate: codec.clock_rate(),
                ticks_per_packet: codec.ticks(),
            },
            audio_level: None,
            redundant: None,
            cname: [7; 12],
            seed: 7,
        };
        Self {
            codec,
            remote,
            saying: Saying::Silence,
            session: Session::new(config, now),
            encoder: Encoder::new(codec).unwrap(),
            keys: VecDeque::new(),
            press: VecDeque::new(),
            pause: 0,
            next_tick: now + phase,
            position: 0,
            heard: Vec::new(),
            sent_at: Vec::new(),
        }
    }

    /// Changes the codec, as a re-INVITE agreed; sequence numbers and media time go on.
    pub fn recode(&mut self, codec: Codec, payload_type: u8, telephone_event: Option<u8>) {
        self.codec = codec;
        self.encoder = Encoder::new(codec).unwrap();
        self.session.reconfigure(Format {
            payload_type,
            telephone_event,
            clock_rate: codec.clock_rate(),
            ticks_per_packet: codec.ticks(),
        });
    }

    /// Presses keys, one after another.
    pub fn types(&mut self, keys: &str) {
        self.keys.extend(keys.chars());
    }

    /// Tells whether all keys have been pressed.
    pub fn has_typed(&self) -> bool {
        self.keys.is_empty() && self.press.is_empty()
    }

    /// When the next packet is due.
    pub fn poll_timeout(&self) -> Instant {
        self.next_tick
    }

    /// Takes a packet from the network.
    pub fn handle_rtp(&mut self, bytes: &[u8], now: Instant) {
        if let Ok(Received::Audio(audio)) = self.session.handle_rtp(bytes, now) {
            self.heard.push(Heard {
                at: now,
                sequence: audio.sequence,
                timestamp: audio.timestamp,
                payload: audio.payload.to_vec(),
                codec: self.codec,
            });
        }
    }

    /// Takes a report from the network.
    pub fn handle_rtcp(&mut self, bytes: &[u8], now: Instant) {
        self.session.handle_rtcp(bytes, now).unwrap();
    }

    /// Returns the report that is due.
    pub fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.session.poll_timeout().filter(|due| *due <= now)?;
        let mut out = [0; 256];
        let wall = Duration::from_secs(1_800_000_000);
        let length = self.session.write_rtcp(wall, now, &mut out);
        Some(out[..length].to_vec())
    }

    /// Returns the packet that is due, where the telephone sends one.
    pub fn tick(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next_tick {
            return None;
        }
        self.next_tick += TICK;
        let mut out = [0; 1_400];
        let length = match self.key() {
            Some(report) => self.session.write_event(&report, &mut out),
            None => self.speak(&mut out, now),
        };
        (length > 0).then(|| out[..length].to_vec())
    }

    fn key(&mut self) -> Option<Report> {
        if self.press.is_empty() {
            if self.pause > 0 {
                self.pause -= 1;
                return None;
            }
            let press = self.session.press(self.keys.pop_front()?, PRESS_PACKETS);
            self.press = press.expect("a key of a telephone").collect();
            self.pause = PAUSE_TICKS;
        }
        self.press.pop_front()
    }

    fn speak(&mut self, out: &mut [u8], now: Instant) -> usize {
        let start = self.position;
        self.position += FRAME_SAMPLES as u64;
        let frame = match &self.saying {
            Saying::Nothing => {
                self.session.skip_tick();
                return 0;
            }
            Saying::Silence => Frame::SILENCE,
            Saying::Voice(voice) => frame(&voice.render(SAMPLE_RATE, start, FRAME_SAMPLES)),
            Saying::Samples(samples) => {
                let start = usize::try_from(start).unwrap().min(samples.len());
                let end = (start + FRAME_SAMPLES).min(samples.len());
                frame(&samples[start..end])
            }
        };
        let mut payload = [0; dsp::MAX_PAYLOAD];
        let length = self.encoder.encode(&frame, &mut payload).unwrap();
        self.sent_at.push(now);
        self.session.write_rtp(&payload[..length], out)
    }

    /// Says something else from here on.
    pub fn say(&mut self, saying: Saying) {
        self.saying = saying;
        self.position = 0;
        self.sent_at.clear();
    }
}

fn frame(samples: &[i16]) -> Frame {
    let mut frame = Frame::SILENCE;
    frame.samples[..samples.len()].copy_from_slice(samples);
    frame
}
