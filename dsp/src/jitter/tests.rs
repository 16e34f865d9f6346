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
fn packets_without_sound_behind_ones_that_wait_are_not_lost() {
    let start = t0();
    let mut buffer = playing(start);
    buffer.put(2, 160, 160, &[2], None, start + tick(0));
    for sequence in 3..9 {
        buffer.skip(sequence);
    }
    let first = took(&mut buffer, 160, start + tick(1));
    buffer.put(9, 1_280, 160, &[9], None, start + TICK * 8);
    let second = took(&mut buffer, 160, start + tick(8));
    assert_eq!(
        [first, second],
        [2, 9].map(|byte| Took::Payload(vec![byte]))
    );
    assert_eq!(buffer.stats().lost, 0);
}

#[test]
fn a_long_row_without_sound_is_not_lost_but_for_what_is_missing_in_it() {
    let start = t0();
    let mut buffer = playing(start);
    for sequence in (2..1_000).filter(|sequence| *sequence != 70 && *sequence != 500) {
        buffer.skip(sequence);
    }
    buffer.put(1_000, 999 * 160, 160, &[7], None, start + TICK * 999);
    let taken = (0..3).map(|n| took(&mut buffer, 160, start + tick(999 + n)));
    assert!(taken.last() == Some(Took::Silence) || buffer.packets.is_empty());
    assert_eq!(buffer.stats().lost, 2);
}

#[test]
fn copies_fill_the_holes_of_lost_packets() {
    let start = t0();
    let mut buffer = playing(start);
    buffer.put(4, 480, 160, &[4], None, start + tick(0));
    for (timestamp, byte) in [(0, 11), (160, 12), (320, 13), (480, 14)] {
        buffer.put_redundant(timestamp, 160, &[byte], start + tick(0));
    }
    buffer.put(5, 640, 160, &[5], None, start + tick(0));
    buffer.put_redundant(480, 160, &[24], start + tick(0));
    for (number, expected) in [12, 13, 4, 5].into_iter().enumerate() {
        let at = start + tick(u32::try_from(number).unwrap() + 1);
        assert_eq!(took(&mut buffer, 160, at), Took::Payload(vec![expected]));
    }
    let stats = buffer.stats();
    assert_eq!((stats.recovered, stats.lost, stats.received), (2, 0, 3));
    assert_eq!((stats.late, stats.duplicate, stats.overflow), (0, 0, 0));
}

#[test]
fn a_packet_whose_copy_waits_is_not_played_twice() {
    let start = t0();
    let mut buffer = playing(start);
    buffer.put(3, 320, 160, &[3], None, start + tick(0));
    buffer.put_redundant(160, 160, &[12], start + tick(0));
    buffer.put(2, 160, 160, &[2], None, start + tick(0));
    for (number, expected) in [(1, 12), (2, 3)] {
        let taken = took(&mut buffer, 160, start + tick(number));
        assert_eq!(taken, Took::Payload(vec![expected]));
    }
    let stats = buffer.stats();
    assert_eq!((stats.lost, stats.late, stats.duplicate), (0, 0, 0));
}

#[test]
fn a_copy_taken_for_the_wrong_packet_gives_way() {
    let start = t0();
    let mut buffer = playing(start);
    // Packets of 10 ms after one of 20: two are missing, and one copy of 20 ms is taken for the second.
    buffer.put(4, 480, 160, &[4], None, start + tick(0));
    buffer.put_redundant(320, 160, &[13], start + tick(0));
    buffer.put(3, 400, 80, &[3], None, start + tick(0));
    buffer.put(2, 160, 240, &[2], None, start + tick(0));
    for expected in [2, 3, 4] {
        let taken = took(&mut buffer, 160, start + tick(1));
        assert_eq!(taken, Took::Payload(vec![expected]));
    }
    assert_eq!(buffer.stats().recovered, 0);
}

#[test]
fn copies_of_what_was_not_sent_or_has_been_are_dropped() {
    let start = t0();
    let mut buffer = JitterBuffer::new(8_000);
    buffer.put_redundant(0, 160, &[9], start);
    buffer.put(1, 160, 160, &[1], None, start);
    // Before the first packet, over it, after it, far away, of no length.
    for timestamp in [0, 160, 320, 1 << 31, 160_u32.wrapping_sub(16_383)] {
        buffer.put_redundant(timestamp, 160, &[9], start);
    }
    assert_eq!(
        took(&mut buffer, 160, start + tick(0)),
        Took::Payload(vec![1])
    );
    // The sender paused: a gap in time, none in sequence.
    buffer.put(2, 960, 160, &[2], None, start + tick(4));
    for (timestamp, duration) in [(160, 160), (320, 160), (800, 160), (800, 0)] {
        buffer.put_redundant(timestamp, duration, &[9], start + tick(4));
    }
    // One is missing, but not where these copies lie.
    buffer.put(4, 1_280, 160, &[4], None, start + tick(4));
    for (timestamp, duration) in [(960, 160), (1_040, 160), (1_120, 240)] {
        buffer.put_redundant(timestamp, duration, &[9], start + tick(4));
    }
    assert_eq!(buffer.packets.len(), 2);
    buffer.put_redundant(1_120, 160, &[3], start + tick(4));
    buffer.put_redundant(1_120, 160, &[9], start + tick(4));
    assert_eq!(buffer.packets.len(), 3);
}

#[test]
fn copies_push_nothing_out() {
    let start = t0();
    let mut buffer = playing(start);
    for number in (3..120_u16).step_by(2) {
        let timestamp = u32::from(number - 1) * 40;
        buffer.put(number, timestamp, 40, &[7], None, start);
        buffer.put_redundant(timestamp - 40, 40, &[9], start);
    }
    assert!(buffer.packets.len() <= MAX_PACKETS);
    let copies = buffer.packets.iter().filter(|packet| packet.copy).count();
    assert!(copies > 0 && buffer.stats().overflow > 0);
}

#[test]
fn copies_are_waited_for_on_a_lossy_path() {
    let start = t0();
    let mut buffer = JitterBuffer::new(8_000).with_copies();
    let mut target = 0;
    for number in (0..300_u16).filter(|number| number % 50 != 7) {
        let (at, timestamp) = (start + TICK * u32::from(number), u32::from(number) * 160);
        buffer.put(number, timestamp, 160, &[7; 9], None, at);
        if number > 2 {
            buffer.expect_redundant(320);
            buffer.put_redundant(timestamp - 320, 160, &[7; 9], at);
        }
        took(&mut buffer, 160, at + Duration::from_millis(10));
        target = buffer.target_ms();
    }
    // One loss is an accident.
    assert_eq!((target, buffer.stats().lost), (45, 1));
    assert_eq!(buffer.stats().recovered, 5);
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

/// Packets missing before it are made up, one for one; nothing is for what was never said.
#[test]
fn a_stretch_ends_where_a_packet_says_that_there_is_no_more_sound() {
    for (missing, expected) in [(0, 0), (1, 1), (2, 2), (9, 3)] {
        let start = t0();
        let mut buffer = playing(start);
        buffer.skip(2 + missing);
        let made_up = (1..10).filter(|&n| took(&mut buffer, 160, start + tick(n)) != Took::Silence);
        assert_eq!(made_up.count(), expected, "{missing} missing");
    }
}

#[test]
fn a_packet_without_sound_that_is_late_ends_what_is_made_up() {
    let start = t0();
    let mut buffer = playing(start);
    assert!(matches!(
        took(&mut buffer, 160, start + tick(1)),
        Took::Conceal { .. }
    ));
    buffer.skip(2);
    assert_eq!(took(&mut buffer, 160, start + tick(2)), Took::Silence);
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
