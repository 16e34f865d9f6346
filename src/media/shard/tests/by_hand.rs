//! Streams whose packets are written by hand, and somebody who hears them.

use dsp::{Codec, Encoder, MAX_PAYLOAD};
use sip::rtp::Header;

use super::{
    LOW,
    world::{ANNA, Armour, BERT, OPEN, ROOM, World, address, tone_clip},
};
use crate::media::{SocketId, api::PhoneMedia};

/// A stream that is written by hand.
pub(super) struct Stream {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Whether the next packet says that sound begins.
    pub(super) begins: bool,
    armour: Option<Armour>,
}

impl Stream {
    pub(super) fn new(ssrc: u32, sequence: u16, media: &PhoneMedia) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp: ssrc,
            begins: false,
            armour: Armour::of(media),
        }
    }

    /// The next packet, of eight octets of sound a millisecond.
    pub(super) fn packet(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            marker: std::mem::take(&mut self.begins),
            payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let samples = u32::try_from(payload.len()).unwrap();
        self.timestamp = self.timestamp.wrapping_add(samples);
        let mut packet = vec![0; 12 + payload.len() + 40];
        let head = header.write(&mut packet);
        packet[head..head + payload.len()].copy_from_slice(payload);
        let plain = head + payload.len();
        let length = self.armour.as_mut().map_or(plain, |armour| {
            armour.sealer.seal_rtp(&mut packet, plain).unwrap()
        });
        packet.truncate(length);
        packet
    }
}

/// Anna, and Bert, who hears her.
pub(super) fn pair(anna: PhoneMedia) -> World {
    let mut world = World::new();
    world.start(ROOM);
    world.dial(ANNA, anna);
    world.call(BERT, Codec::Pcma);
    for leg in [ANNA, BERT] {
        world.join(leg, ROOM);
    }
    world.seat(ROOM, &[(ANNA, OPEN), (BERT, OPEN)]);
    world
}

/// A packet of Anna's arrives.
pub(super) fn say(world: &mut World, packet: &[u8]) {
    world.deliver(SocketId::Rtp(ANNA), address(ANNA, 4_000), packet);
}

/// Two seconds of a tone as G.711 or G.722: eight octets a millisecond.
pub(super) fn coded(codec: Codec) -> Vec<u8> {
    let mut encoder = Encoder::new(codec).unwrap();
    let mut payload = [0; MAX_PAYLOAD];
    let frames = tone_clip(LOW, 100);
    let coded = frames.iter().flat_map(|frame| {
        let length = encoder.encode(frame, &mut payload).unwrap();
        payload[..length].to_vec()
    });
    coded.collect()
}
