//! Packets of another length than a tick: what is coded 20 ms at a time leaves in packets of 10 to 60 ms.
//!
//! G.711 and G.722 are streams of bytes that may be cut anywhere, eight of them to a millisecond. Opus is not, and leaves
//! as it is coded.

use dsp::Codec;

/// Cuts a stream of payloads into packets.
#[derive(Debug)]
pub(super) struct Packer {
    cut: Option<Cut>,
}

/// How a stream of bytes is cut.
#[derive(Debug)]
struct Cut {
    packet: usize,
    held: Vec<u8>,
}

impl Packer {
    /// Makes one for packets of `ptime` milliseconds.
    pub(super) fn new(codec: Codec, ptime: u32) -> Self {
        let is_stream = match codec {
            Codec::Opus => false,
            Codec::G722 | Codec::Pcma | Codec::Pcmu => true,
        };
        let cut = (is_stream && ptime != TICK_MS).then(|| Cut {
            packet: ptime as usize * BYTES_PER_MS,
            held: Vec::with_capacity(ROOM),
        });
        Self { cut }
    }

    /// How much media time a packet takes, in ticks of the RTP clock.
    pub(super) fn ticks_per_packet(&self, codec: Codec) -> u32 {
        match &self.cut {
            None => codec.ticks(),
            // The clock of these codecs has a tick for each byte.
            Some(cut) => u32::try_from(cut.packet).unwrap_or(u32::MAX),
        }
    }

    /// Takes the payload of a tick and hands over the packets that are complete.
    pub(super) fn pack(&mut self, payload: &[u8], mut send: impl FnMut(&[u8])) {
        let Some(cut) = &mut self.cut else {
            return send(payload);
        };
        if cut.held.len() + payload.len() > ROOM {
            // No tick codes that much.
            return;
        }
        cut.held.extend_from_slice(payload);
        let mut rest = cut.held.as_slice();
        while let Some((packet, further)) = rest.split_at_checked(cut.packet) {
            send(packet);
            rest = further;
        }
        let sent = cut.held.len() - rest.len();
        cut.held.drain(..sent);
    }

    /// Drops what waits for its packet; returns how much media time that is, in ticks of the RTP clock.
    pub(super) fn drop_held(&mut self) -> u32 {
        let Some(cut) = &mut self.cut else { return 0 };
        let held = u32::try_from(cut.held.len()).unwrap_or(u32::MAX);
        cut.held.clear();
        held
    }
}

/// Milliseconds of a tick.
const TICK_MS: u32 = 20;
/// Bytes of G.711 and G.722 in a millisecond.
const BYTES_PER_MS: usize = 8;
/// Bytes that are held at most: the longest packet and a tick.
const ROOM: usize = (60 + 20) * BYTES_PER_MS;

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the packets of each tick.
    fn packed(codec: Codec, ptime: u32, ticks: u8) -> (Vec<Vec<usize>>, Vec<u8>) {
        let mut packer = Packer::new(codec, ptime);
        let mut all = Vec::new();
        let each = (0..ticks)
            .map(|tick| {
                let mut lengths = Vec::new();
                packer.pack(&[tick; 160], |packet| {
                    lengths.push(packet.len());
                    all.extend_from_slice(packet);
                });
                lengths
            })
            .collect();
        (each, all)
    }

    #[test]
    fn packets_have_the_length_that_was_asked_for() {
        for (ptime, expected) in [
            (10, vec![vec![80, 80]; 3]),
            (20, vec![vec![160]; 3]),
            (30, vec![vec![], vec![240], vec![240]]),
            (40, vec![vec![], vec![320], vec![]]),
            (60, vec![vec![], vec![], vec![480]]),
        ] {
            for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
                let (each, all) = packed(codec, ptime, 3);
                assert_eq!(each, expected, "{ptime}");
                let said: Vec<u8> = (0..3).flat_map(|tick| [tick; 160]).collect();
                assert_eq!(all, said[..all.len()], "{ptime}");
            }
        }
        assert_eq!(packed(Codec::Opus, 60, 2).0, [[160], [160]]);
    }

    #[test]
    fn what_is_dropped_is_told_in_media_time() {
        let mut packer = Packer::new(Codec::Pcma, 60);
        assert_eq!(packer.ticks_per_packet(Codec::Pcma), 480);
        packer.pack(&[0; 160], |_| panic!("too early"));
        packer.pack(&[0; 160], |_| panic!("too early"));
        assert_eq!((packer.drop_held(), packer.drop_held()), (320, 0));
        let mut opus = Packer::new(Codec::Opus, 20);
        assert_eq!(
            (opus.drop_held(), opus.ticks_per_packet(Codec::Opus)),
            (0, 960)
        );
    }
}
