//! The buffer alone, packet by packet.

use super::*;

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

/// What was taken, with the bytes.
#[derive(Debug, PartialEq, Eq)]
enum Took {
    Payload(Vec<u8>),
    Conceal { units: u32, next: Option<Vec<u8>> },
    Silence,
}

fn took(buffer: &mut JitterBuffer, wanted: u32, now: Instant) -> Took {
    match buffer.take(wanted, now) {
        Play::Payload(payload) => {
            let bytes = buffer.payload(&payload.place).to_vec();
            buffer.free(&payload.place);
            Took::Payload(bytes)
        }
        Play::Conceal { units, copy } => {
            let next = buffer.next_payload().filter(|_| copy);
            Took::Conceal {
                units,
                next: next.map(<[u8]>::to_vec),
            }
        }
        Play::Silence { .. } => Took::Silence,
    }
}

/// A buffer at 8 kHz that plays: the first packet went out at 10 ms.
fn playing(start: Instant) -> JitterBuffer {
    let mut buffer = JitterBuffer::new(8_000);
    buffer.put(1, 0, 160, &[1], None, start);
    assert_eq!(
        took(&mut buffer, 160, start + Duration::from_millis(10)),
        Took::Payload(vec![1])
    );
    buffer
}

fn tick(number: u32) -> Duration {
    Duration::from_millis(10) + TICK * number
}

#[test]
fn a_stretch_starts_at_the_first_tick_with_a_margin() {
    let start = t0();
    let mut buffer = JitterBuffer::new(8_000);
    assert_eq!(took(&mut buffer, 160, start), Took::Silence);
    buffer.put(1, 0, 160, &[1], None, start);
    assert_eq!(
        took(&mut buffer, 160, start + Duration::from_millis(4)),
        Took::Silence
    );
    assert_eq!(
        took(&mut buffer, 160, start + Duration::from_millis(24)),
        Took::Payload(vec![1])
    );
}

#[test]
fn a_late_packet_still_plays_and_the_hold_has_grown() {
    let start = t0();
    let mut buffer = playing(start);
    assert_eq!(
        took(&mut buffer, 160, start + tick(1)),
        Took::Conceal {
            units: 160,
            next: None
        }
    );
    buffer.put(2, 160, 160, &[2], None, start + tick(1));
    assert_eq!(
        took(&mut buffer, 160, start + tick(2)),
        Took::Payload(vec![2])
    );
    assert_eq!((buffer.stats().lost, buffer.stats().late), (0, 0));
}

#[test]
fn a_lost_packet_does_not_grow_the_hold() {
    let start = t0();
    let mut buffer = playing(start);
    assert_eq!(
        took(&mut buffer, 160, start + tick(1)),
        Took::Conceal {
            units: 160,
            next: None
        }
    );
    buffer.put(3, 320, 160, &[3], None, start + tick(1));
    assert_eq!(
        took(&mut buffer, 160, start + tick(2)),
        Took::Payload(vec![3])
    );
    buffer.put(2, 160, 160, &[2], None, start + tick(2));
    assert_eq!((buffer.stats().lost, buffer.stats().late), (1, 1));
}

#[test]
fn a_packet_without_sound_is_not_lost() {
    let start = t0();
    let mut buffer = playing(start);
    buffer.skip(2);
    buffer.skip(2);
    buffer.skip(3);
    buffer.put(4, 480, 160, &[4], None, start + tick(3));
    assert_eq!(
        took(&mut buffer, 160, start + tick(3)),
        Took::Payload(vec![4])
    );
    assert_eq!(buffer.stats().lost, 0);
    buffer.skip(5);
    buffer.put(7, 960, 160, &[7], None, start + tick(6));
    let later = start + tick(7);
    assert!(matches!(
        took(&mut buffer, 160, later),
        Took::Conceal { .. }
    ));
    assert!((0..3).any(|_| took(&mut buffer, 160, later) == Took::Payload(vec![7])));
    assert_eq!(buffer.stats().lost, 1);
}

#[test]
fn a_gap_before_a_packet_at_hand_offers_its_copy() {
    let start = t0();
    let mut buffer = playing(start);
    buffer.put(3, 320, 160, &[3], None, start + tick(0));
    let next = Some(vec![3]);
    assert_eq!(
        took(&mut buffer, 160, start + tick(1)),
        Took::Conceal { units: 160, next }
    );
    assert_eq!(
        took(&mut buffer, 160, start + tick(2)),
        Took::Payload(vec![3])
    );
}

#[test]
fn a_stopped_sender_is_concealed_for_60_ms_and_silent_then() {
    let start = t0();
    let mut buffer = playing(start);
    let concealed = (1..10).filter(|&n| took(&mut buffer, 160, start + tick(n)) != Took::Silence);
    assert_eq!(concealed.count(), 3);
}

#[test]
fn too_many_packets_push_out_the_oldest() {
    let start = t0();
    let mut buffer = JitterBuffer::new(8_000);
    for number in 0..60 {
        buffer.put(number, u32::from(number) * 80, 80, &[7], None, start);
    }
    assert_eq!(buffer.stats().overflow, 10);
    assert_eq!(buffer.depth(), MAX_DEPTH);
    // Payloads as large as can be fill the store before anything else.
    let mut buffer = JitterBuffer::new(48_000);
    for number in 0..20 {
        buffer.put(
            number,
            u32::from(number) * 960,
            960,
            &[7; MAX_RECEIVED_PAYLOAD],
            None,
            start,
        );
    }
    assert_eq!(buffer.stats().overflow, 15);
}

#[test]
fn every_sequence_number_is_taken_once() {
    let start = t0();
    let mut buffer = JitterBuffer::new(8_000);
    for number in [65_534_u16, 0, 65_535, 0, 65_534, 65_535, 1] {
        let timestamp = u32::from(number.wrapping_add(10)) * 160;
        buffer.put(
            number,
            timestamp,
            160,
            &[number.to_be_bytes()[1]],
            None,
            start,
        );
    }
    assert_eq!(buffer.stats().duplicate, 3);
    let later = start + Duration::from_millis(10);
    for expected in [254, 255, 0, 1] {
        assert_eq!(took(&mut buffer, 160, later), Took::Payload(vec![expected]));
    }
}
