//! Copies of a stream's earlier payloads (RFC 2198), put together once for all who hear it.
//!
//! Which copies a packet carries is the loss class's affair. Every payload of Opus for a path that loses holds a coarse copy
//! of the sound before it too, so that each copy makes up for two packets.

use dsp::{Codec, EncoderSettings};
use sip::rtp::red;

use crate::limit::{COPIES_REACH, COPY_BYTES_MAX, REDUNDANT_BYTES_MAX};

/// The latest payloads of a stream, and what was made of them in this tick.
#[derive(Debug)]
pub(super) struct Redundancy(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many packets back the copies lie, the farthest first.
    distances: &'static [u8],
    /// The payloads; one that is too long is none.
    past: [Past; COPIES_REACH + 1],
    /// Where the newest lies.
    newest: usize,
    made: [u8; REDUNDANT_BYTES_MAX],
    /// Nothing was made yet in this tick.
    len: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Past {
    bytes: [u8; COPY_BYTES_MAX],
    len: usize,
}

impl Redundancy {
    /// Makes the copies of a stream of this kind; none where its paths do not lose.
    pub(super) fn new(settings: EncoderSettings) -> Option<Self> {
        let distances = settings.loss.copies();
        let wanted = settings.codec == Codec::Opus && !distances.is_empty();
        wanted.then(|| {
            Self(Box::new(Inner {
                distances,
                past: [Past::NONE; COPIES_REACH + 1],
                newest: 0,
                made: [0; REDUNDANT_BYTES_MAX],
                len: None,
            }))
        })
    }

    /// Takes over what another stream of the same kind has sent.
    pub(super) fn follow(&mut self, other: &Self) {
        self.0.past = other.0.past;
        self.0.newest = other.0.newest;
        self.0.len = None;
    }

    /// Forgets what was sent.
    pub(super) fn clear(&mut self) {
        self.0.past = [Past::NONE; COPIES_REACH + 1];
        self.0.len = None;
    }

    /// Begins a tick with its payload; nothing where there is none.
    pub(super) fn keep(&mut self, payload: &[u8]) {
        let inner = &mut *self.0;
        inner.newest = (inner.newest + 1) % inner.past.len();
        inner.len = None;
        let past = &mut inner.past[inner.newest];
        past.len = 0;
        if let Some(place) = past.bytes.get_mut(..payload.len()) {
            place.copy_from_slice(payload);
            past.len = payload.len();
        }
    }

    /// Returns the tick's payload with the copies there are; `None` where there are none, or all of it is too long.
    pub(super) fn around(&mut self, payload: &[u8]) -> Option<&[u8]> {
        let Inner {
            distances,
            past,
            newest,
            made,
            len,
        } = &mut *self.0;
        let len = *len.get_or_insert_with(|| {
            let copies = distances.iter().filter_map(|distance| {
                let back = usize::from(*distance);
                let past = &past[(*newest + past.len() - back) % past.len()];
                let offset = u16::from(*distance) * TICKS_PER_PACKET;
                (past.len > 0).then_some((offset, &past.bytes[..past.len]))
            });
            match copies.clone().count() {
                0 => 0,
                _ => red::write(copies, payload, made),
            }
        });
        (len > 0).then_some(&made[..len])
    }
}

impl Past {
    const NONE: Self = Self {
        bytes: [0; COPY_BYTES_MAX],
        len: 0,
    };
}

/// Ticks of Opus's media clock in a packet of 20 ms (RFC 7587 §4.1).
const TICKS_PER_PACKET: u16 = 960;

#[cfg(test)]
mod tests {
    use dsp::LossClass;
    use sip::rtp::red::Blocks;

    use super::*;

    fn made(redundancy: &mut Redundancy, payload: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
        redundancy.keep(payload);
        let blocks = Blocks::parse(redundancy.around(payload)?).unwrap();
        let newest = (0, blocks.payload.to_vec());
        let copies = blocks
            .copies
            .map(|copy| (copy.offset, copy.payload.to_vec()));
        Some(copies.chain([newest]).collect())
    }

    fn opus(loss: LossClass) -> Option<Redundancy> {
        Redundancy::new(EncoderSettings::new(Codec::Opus, loss))
    }

    #[test]
    fn copies_are_as_far_back_as_the_class_says() {
        for class in [LossClass::Medium, LossClass::High] {
            let mut redundancy = opus(class).unwrap();
            assert_eq!(made(&mut redundancy, &[0]), None);
            for number in 1..20_u8 {
                let expected = class.copies().iter().filter_map(|distance| {
                    let copied = number.checked_sub(*distance)?;
                    Some((960 * u16::from(*distance), vec![copied]))
                });
                let expected: Vec<_> = expected.chain([(0, vec![number])]).collect();
                let made = made(&mut redundancy, &[number]);
                assert_eq!(made.unwrap_or_else(|| vec![(0, vec![number])]), expected);
            }
        }
    }

    #[test]
    fn only_lossy_paths_of_opus_have_copies() {
        assert!(opus(LossClass::Low).is_none());
        let telephone = EncoderSettings::new(Codec::Pcma, LossClass::High);
        assert!(Redundancy::new(telephone).is_none());
        for class in [LossClass::Low, LossClass::Medium, LossClass::High] {
            let mut copies = class.copies().iter();
            assert!(copies.all(|distance| (1..=COPIES_REACH).contains(&usize::from(*distance))));
        }
    }

    #[test]
    fn what_is_too_long_or_was_not_sent_has_no_copy() {
        let mut redundancy = opus(LossClass::High).unwrap();
        for payload in [&[1; COPY_BYTES_MAX + 1][..], &[]] {
            for _ in 0..=COPIES_REACH {
                assert_eq!(made(&mut redundancy, payload), None);
            }
        }
        made(&mut redundancy, &[1]);
        redundancy.clear();
        assert_eq!(made(&mut redundancy, &[2]), None);
    }

    #[test]
    fn packets_stay_below_what_a_path_takes() {
        let mut redundancy = opus(LossClass::High).unwrap();
        for _ in 0..=COPIES_REACH {
            redundancy.keep(&[1; COPY_BYTES_MAX]);
        }
        assert!(redundancy.around(&[1; COPY_BYTES_MAX]).is_some());
        assert!(
            redundancy.around(&[1; REDUNDANT_BYTES_MAX]).is_some(),
            "made once in a tick"
        );
        redundancy.keep(&[1; REDUNDANT_BYTES_MAX]);
        assert_eq!(redundancy.around(&[1; REDUNDANT_BYTES_MAX]), None);
    }

    #[test]
    fn who_follows_another_stream_has_its_copies() {
        let mut first = opus(LossClass::High).unwrap();
        (0..9).for_each(|number| first.keep(&[number]));
        let mut second = opus(LossClass::High).unwrap();
        second.follow(&first);
        assert_eq!(made(&mut second, &[9]), made(&mut first, &[9]));
    }
}
