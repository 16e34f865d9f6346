//! Two sessions talk to each other, and one is told what no peer should say.

use proptest::prelude::*;

use super::*;
use crate::limit::{RTCP_WRITTEN_MAX, RTP_FORMAT_STAYS};

/// Time between packets.
const TICK: Duration = Duration::from_millis(20);

/// Wall time of the tests, since the Unix epoch.
const WALL: Duration = Duration::new(1_800_000_000, 500_000_000);

#[test]
fn audio_arrives_with_sequence_and_media_time() {
    let (mut alice, mut bob, now) = pair();
    for tick in 0..5 {
        let mut buf = [0; 200];
        let len = alice.write_rtp(&[tick; 160], &mut buf);
        let audio = bob.handle_rtp(&buf[..len], now).unwrap();
        let expected = Received::Audio(Audio {
            sequence: 65_534_u16.wrapping_add(u16::from(tick)),
            timestamp: (u32::MAX - 200).wrapping_add(160 * u32::from(tick)),
            payload_type: 8,
            payload: &[tick; 160],
            level: None,
            restarted: false,
            copies: Copies::default().of(8),
        });
        assert_eq!(audio, expected);
        assert_eq!(buf[1] & 0x80 != 0, tick == 0, "marker");
    }
    assert_eq!(bob.stats().reception.unwrap().received, 5);
    assert_eq!(
        (alice.stats().packets_sent, alice.stats().octets_sent),
        (5, 800)
    );
}

#[test]
fn a_skipped_tick_lets_media_time_pass_and_marks_the_next_packet() {
    let (mut alice, _, _) = pair();
    let first = written(&mut alice, &[1]);
    alice.skip_tick();
    let second = written(&mut alice, &[1]);
    let (first, second) = (
        Packet::parse(&first).unwrap(),
        Packet::parse(&second).unwrap(),
    );
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert_eq!(second.timestamp, first.timestamp.wrapping_add(320));
    assert!(second.marker);
}

#[test]
fn a_packet_without_room_is_lost_but_its_time_passes() {
    let (mut alice, _, _) = pair();
    assert_eq!(alice.write_rtp(&[0; 160], &mut [0; 171]), 0);
    let sent = written(&mut alice, &[1]);
    let sent = Packet::parse(&sent).unwrap();
    assert_eq!((sent.sequence, sent.timestamp), (65_534, u32::MAX - 40));
}

#[test]
fn the_level_is_told_where_it_was_negotiated() {
    let (_, mut bob, now) = pair();
    let mut packet = vec![
        0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0,
    ];
    packet.extend([0xd5; 160]);
    assert!(matches!(
        bob.handle_rtp(&packet, now),
        Ok(Received::Audio(Audio { level: None, .. }))
    ));
    bob.config.audio_level = Some(1);
    packet[3] = 2;
    assert!(matches!(
        bob.handle_rtp(&packet, now),
        Ok(Received::Audio(Audio { level: Some(5), .. }))
    ));
}

#[test]
fn copies_come_with_the_audio_where_they_were_negotiated() {
    let (mut alice, mut bob, now) = pair();
    let mut blocks = [0; 64];
    let len = red::write(
        [(320, &[1, 2][..]), (160, &[3])].into_iter(),
        &[4, 5, 6],
        &mut blocks,
    );
    let blocks = &blocks[..len];
    let mut packet = [0; 100];
    assert_eq!(alice.write_redundant(blocks, &mut packet), 0);
    (alice.config.redundant, bob.config.redundant) = (Some(63), Some(63));
    bob.config.audio_level = Some(1);
    let len = alice.write_redundant(blocks, &mut packet);
    assert_eq!(packet[1] & 0x7f, 63);
    let Ok(Received::Audio(audio)) = bob.handle_rtp(&packet[..len], now) else {
        panic!("audio was sent");
    };
    assert_eq!((audio.payload, audio.level), (&[4, 5, 6][..], None));
    let copies: Vec<_> = audio.copies.collect();
    let copy = |offset, payload| red::Block {
        payload_type: 8,
        offset,
        payload,
    };
    assert_eq!(copies, [copy(320, &[1, 2][..]), copy(160, &[3][..])]);
    // One tick passed unsent.
    assert_eq!(audio.timestamp, (u32::MAX - 200).wrapping_add(160));
}

#[test]
fn redundant_audio_data_of_other_kinds_is_not_taken_for_audio() {
    let (mut alice, mut bob, now) = pair();
    let packet = |alice: &mut Session, payload: &[u8]| {
        let mut packet = written(alice, payload);
        packet[1] = packet[1] & 0x80 | 63;
        packet
    };
    let early = packet(&mut alice, &[8, 1]);
    assert_eq!(
        bob.handle_rtp(&early, now),
        Err(Discard::UnknownPayloadType)
    );
    bob.config.redundant = Some(63);
    for (what, payload, expected) in [
        (
            "another codec",
            &[9, 1][..],
            Err(Discard::UnknownPayloadType),
        ),
        (
            "in itself",
            &[63, 63, 8, 1],
            Err(Discard::UnknownPayloadType),
        ),
        ("cut off", &[0x88, 0, 0, 9, 8, 1], Err(Discard::Malformed)),
    ] {
        let sent = packet(&mut alice, payload);
        assert_eq!(bob.handle_rtp(&sent, now), expected, "{what}");
    }
    for (payload, what) in [
        (&[8][..], Silence::Empty),
        (&[13, 40], Silence::ComfortNoise),
    ] {
        let sent = packet(&mut alice, payload);
        let received = bob.handle_rtp(&sent, now);
        assert!(matches!(
            received,
            Ok(Received::Silence { holds, .. }) if holds == what
        ));
    }
    let other = packet(&mut alice, &[0x89, 0, 0, 1, 0x88, 0, 0, 1, 8, 1, 2, 3]);
    let Ok(Received::Audio(audio)) = bob.handle_rtp(&other, now) else {
        panic!("audio was sent");
    };
    let copies: Vec<_> = audio.copies.map(|copy| copy.payload).collect();
    assert_eq!((copies, audio.payload), (vec![&[2][..]], &[3][..]));
}

#[test]
fn a_key_is_one_digit_and_audio_goes_on() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    let mut digits = String::new();
    for report in alice.press('#', 5).unwrap() {
        let mut buf = [0; 16];
        let len = alice.write_event(&report, &mut buf);
        if let Received::Digit { digit, .. } = bob.handle_rtp(&buf[..len], now).unwrap() {
            digits.push(digit);
        }
    }
    assert_eq!(digits, "#");
    assert_eq!(talk(&mut alice, &mut bob, 3, now), 0);
    assert_eq!(bob.stats().reception.unwrap().lost, 0);
}

#[test]
fn keys_of_a_source_beside_the_audio_do_not_change_the_source() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    let mut gateway = Session::new(config(0xbbbb), now);
    for report in gateway.press('5', 3).unwrap() {
        let mut buf = [0; 16];
        let len = gateway.write_event(&report, &mut buf);
        bob.handle_rtp(&buf[..len], now).unwrap();
    }
    assert_eq!(bob.remote_ssrc(), Some(0xaaaa));
    assert_eq!(talk(&mut alice, &mut bob, 3, now), 0);
}

#[test]
fn unexpected_payload_types_are_told_and_change_nothing() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    let before = bob.stats();
    let mut packet = written(&mut alice, &[0; 160]);
    packet[1] = 9;
    assert_eq!(
        bob.handle_rtp(&packet, now),
        Err(Discard::UnknownPayloadType)
    );
    assert_eq!(bob.stats(), before);
}

#[test]
fn comfort_noise_and_empty_packets_are_silence_of_either_kind() {
    let (mut alice, mut bob, now) = pair();
    let mut noise = written(&mut alice, &[40]);
    noise[1] = COMFORT_NOISE;
    let silence = |sequence, holds| Ok(Received::Silence { sequence, holds });
    assert_eq!(
        bob.handle_rtp(&noise, now),
        silence(65_534, Silence::ComfortNoise)
    );
    let empty = written(&mut alice, &[]);
    assert_eq!(bob.handle_rtp(&empty, now), silence(65_535, Silence::Empty));
    assert_eq!(bob.stats().reception.unwrap().received, 2);
}

#[test]
fn another_source_is_followed_at_its_second_packet() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    let mut carol = Session::new(config(0xcccc), now);
    let first = written(&mut carol, &[1]);
    assert_eq!(bob.handle_rtp(&first, now), Err(Discard::UnknownSource));
    assert_eq!(talk(&mut carol, &mut bob, 3, now), 1);
    assert_eq!(bob.remote_ssrc(), Some(0xcccc));
}

#[test]
fn another_source_is_followed_at_once_when_the_first_is_silent() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    let mut carol = Session::new(config(0xcccc), now);
    assert_eq!(talk(&mut carol, &mut bob, 1, now + RTP_SOURCE_QUIET), 1);
}

#[test]
fn stray_sources_do_not_interrupt() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 1, now);
    for ssrc in 1..1000 {
        let stray = written(&mut Session::new(config(ssrc), now), &[1]);
        assert_eq!(bob.handle_rtp(&stray, now), Err(Discard::UnknownSource));
        assert_eq!(talk(&mut alice, &mut bob, 1, now), 0);
    }
}

#[test]
fn two_sources_in_turns_do_not_alternate() {
    let (mut alice, mut bob, now) = pair();
    let mut carol = Session::new(config(0xcccc), now);
    talk(&mut alice, &mut bob, 1, now);
    for _ in 0..10 {
        let other = written(&mut carol, &[1]);
        assert_eq!(bob.handle_rtp(&other, now), Err(Discard::UnknownSource));
        assert_eq!(talk(&mut alice, &mut bob, 1, now), 0);
    }
}

#[test]
fn a_report_about_another_source_forgets_the_first_ones_report() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 1, now);
    send_report(&mut alice, &mut bob, now, now);
    assert_ne!(bob.block(now).unwrap().last_sender_report, 0);
    let mut carol = Session::new(config(0xcccc), now);
    talk(&mut carol, &mut bob, 1, now + RTP_SOURCE_QUIET);
    let block = bob.block(now).unwrap();
    assert_eq!((block.ssrc, block.last_sender_report), (0xcccc, 0));
}

#[test]
fn a_restart_of_the_sequence_is_told_once() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    alice.outgoing.sequence = 20_000;
    let first = written(&mut alice, &[1]);
    assert_eq!(bob.handle_rtp(&first, now), Err(Discard::OutOfSequence));
    assert_eq!(talk(&mut alice, &mut bob, 3, now), 1);
}

#[test]
fn a_restart_within_a_press_is_told_with_the_next_audio() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    alice.outgoing.sequence = 20_000;
    for report in alice.press('1', 3).unwrap() {
        let mut buf = [0; 16];
        let len = alice.write_event(&report, &mut buf);
        bob.handle_rtp(&buf[..len], now).unwrap();
    }
    assert_eq!(talk(&mut alice, &mut bob, 3, now), 1);
}

#[test]
fn a_source_that_begins_anew_is_another_one_whose_media_time_goes_on() {
    let (mut from, mut to, now) = pair();
    talk(&mut from, &mut to, 3, now);
    let before =
        Packet::parse(&written(&mut from, &[1; 160])).map(|packet| (packet.ssrc, packet.timestamp));
    let (ssrc, timestamp) = before.unwrap();
    from.begin_anew(ssrc ^ 1, 7);
    let bytes = written(&mut from, &[1; 160]);
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!((packet.ssrc, packet.sequence), (ssrc ^ 1, 7));
    assert!(packet.marker && packet.timestamp == timestamp + 160);
    assert_eq!(from.ssrc(), ssrc ^ 1);
}

#[test]
fn another_codec_goes_on_with_sequence_and_media_time() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 2, now);
    let opus = Format {
        payload_type: 111,
        telephone_event: None,
        clock_rate: 48_000,
        ticks_per_packet: 960,
    };
    alice.reconfigure(opus);
    let first = written(&mut alice, &[1]);
    assert_eq!(
        bob.handle_rtp(&first, now),
        Err(Discard::UnknownPayloadType)
    );
    bob.reconfigure(opus);
    assert_eq!(talk(&mut alice, &mut bob, 2, now), 0);
    let second = written(&mut alice, &[1]);
    let (first, second) = (
        Packet::parse(&first).unwrap(),
        Packet::parse(&second).unwrap(),
    );
    assert!(first.marker);
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 3 * 960);
    assert_eq!(second.sequence.wrapping_sub(first.sequence), 3);
}

/// Where an offer of ours was answered with several formats, the peer may change between them (RFC 3264 §6.1), and sends them
/// under our numbers, not under those it is sent.
#[test]
fn whatever_was_answered_may_come_and_change() {
    let (mut alice, mut bob, mut now) = pair();
    let opus = Format {
        payload_type: 111,
        telephone_event: None,
        clock_rate: 48_000,
        ticks_per_packet: 960,
    };
    bob.reconfigure(opus);
    let expected = Expected::default()
        .and_audio(96, 48_000)
        .and_audio(8, 8_000);
    bob.expect(expected.and_events(101));
    let mut says = |payload_type, now| {
        alice.config.format.payload_type = payload_type;
        match bob.handle_rtp(&written(&mut alice, &[1]), now) {
            Ok(Received::Audio(audio)) => Some(audio.payload_type),
            Err(Discard::UnknownPayloadType) => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(says(111, now), None, "nothing was said of that number");
    assert_eq!(says(8, now), Some(8), "the first to come");
    assert_eq!(says(96, now), None, "8 has only begun");
    assert_eq!(says(96, now), None);
    assert_eq!(says(8, now), Some(8));
    now += RTP_FORMAT_STAYS;
    assert_eq!(says(96, now), None, "one alone may have been overtaken");
    assert_eq!(says(8, now), Some(8));
    assert_eq!(says(96, now), None);
    assert_eq!(says(96, now), Some(96));
    assert_eq!(says(96, now), Some(96));
    assert_eq!(says(8, now), None);
    bob.reconfigure(config(1).format);
    assert_eq!(
        talk(&mut alice, &mut bob, 2, now),
        0,
        "8 alone was agreed upon"
    );
}

#[test]
fn reports_tell_round_trip_loss_and_jitter() {
    let (mut alice, mut bob, start) = pair();
    for tick in 0..100_u32 {
        let sent = written(&mut alice, &[0; 160]);
        if tick % 4 != 3 {
            bob.handle_rtp(&sent, start + TICK * tick).unwrap();
        }
    }
    let (way, held) = (Duration::from_millis(70), Duration::from_millis(1500));
    let news = send_report(&mut alice, &mut bob, start, start + way);
    assert_eq!(news, RtcpNews::default());
    let answered = start + way + held;
    let news = send_report(&mut bob, &mut alice, answered, answered + way);
    let round_trip = news.round_trip.unwrap();
    assert!(
        round_trip.abs_diff(2 * way) < Duration::from_millis(1),
        "{round_trip:?}"
    );
    let remote = alice.stats().remote.unwrap();
    assert_eq!((remote.number, remote.fraction_lost), (0, 62));
    assert_eq!(alice.stats().round_trip, Some(round_trip));
}

#[test]
fn a_peer_that_rounds_up_is_near() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    send_report(&mut alice, &mut bob, now, now);
    let answered = now + Duration::from_secs(1);
    let news = send_report(
        &mut bob,
        &mut alice,
        answered,
        answered - Duration::from_millis(2),
    );
    assert_eq!(news.round_trip, Some(Duration::ZERO));
}

#[test]
fn a_sender_report_says_what_was_sent_and_when() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 7, now);
    let mut buf = [0; RTCP_WRITTEN_MAX];
    let len = alice.write_rtcp(WALL, now, &mut buf);
    let first = Compound::parse(&buf[..len]).unwrap().next().unwrap();
    let RtcpPacket::Sender { ssrc, sent, .. } = first else {
        panic!("{first:?}");
    };
    let expected = SenderInfo {
        ntp: (1_800_000_000 + NTP_OFFSET) << 32 | 0x8000_0000,
        timestamp: (u32::MAX - 200).wrapping_add(7 * 160),
        packets: 7,
        octets: 7,
    };
    assert_eq!((ssrc, sent), (0xaaaa, expected));
    let len = alice.write_rtcp(WALL, now, &mut buf);
    let silent = Compound::parse(&buf[..len]).unwrap().next().unwrap();
    assert!(matches!(silent, RtcpPacket::Receiver { ssrc: 0xaaaa, .. }));
}

#[test]
fn made_up_round_trips_do_not_count() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 3, now);
    send_report(&mut alice, &mut bob, now, now);
    let sent = alice.reports.sent[0].unwrap().0;
    for (last_sender_report, delay) in [(0, 0), (sent + 1, 0), (sent, u32::MAX)] {
        let block = Block {
            ssrc: 0xaaaa,
            last_sender_report,
            delay,
            ..Block::default()
        };
        let mut buf = [0; 64];
        let mut writer = Writer::new(&mut buf);
        writer.report(1, None, Some(&block));
        let len = writer.finish();
        assert_eq!(alice.handle_rtcp(&buf[..len], now), Ok(RtcpNews::default()));
    }
}

#[test]
fn only_the_goodbye_of_the_source_counts() {
    let (mut alice, mut bob, now) = pair();
    let mut buf = [0; RTCP_WRITTEN_MAX];
    let len = alice.write_bye(WALL, now, &mut buf);
    assert!(
        !bob.handle_rtcp(&buf[..len], now).unwrap().bye,
        "before there is a source"
    );
    talk(&mut alice, &mut bob, 3, now);
    let foreign = Session::new(config(0xdddd), now).write_bye(WALL, now, &mut buf);
    assert!(!bob.handle_rtcp(&buf[..foreign], now).unwrap().bye);
    let len = alice.write_bye(WALL, now, &mut buf);
    assert!(bob.handle_rtcp(&buf[..len], now).unwrap().bye);
}

#[test]
fn the_longest_compound_fits_its_limit() {
    let (mut alice, mut bob, now) = pair();
    talk(&mut alice, &mut bob, 1, now);
    talk(&mut bob, &mut alice, 1, now);
    let mut buf = [0; RTCP_WRITTEN_MAX];
    assert!(alice.write_bye(WALL, now, &mut buf) > 0);
}

#[test]
fn reports_come_every_five_seconds_and_not_in_step() {
    let (_, _, start) = pair();
    let sum: Duration = (0..200).map(|seed| interval(seed, start)).sum();
    assert!((sum / 200).abs_diff(RTCP_INTERVAL) < Duration::from_millis(300));
    let first: Vec<_> = (0..5).map(|seed| interval(seed, start)).collect();
    assert!(
        first
            .iter()
            .any(|interval| interval.abs_diff(first[0]) > Duration::from_millis(500))
    );
}

#[test]
fn nothing_is_due_before_its_time() {
    let (alice, _, start) = pair();
    let due = alice.poll_timeout().unwrap();
    assert!(due >= start + RTCP_INTERVAL / 4 && due <= start + RTCP_INTERVAL);
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(
        datagrams in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..40), 0..3_u8), 0..20),
    ) {
        let (mut alice, mut bob, now) = pair();
        talk(&mut alice, &mut bob, 1, now);
        for (mut bytes, shape) in datagrams {
            if let ([first, second, ..], 1..) = (&mut bytes[..], shape) {
                *first = 0x80 | *first & 0x1f;
                *second = if shape == 1 { 8 } else { 101 };
            }
            let _ = bob.handle_rtp(&bytes, now);
            let _ = bob.handle_rtcp(&bytes, now);
        }
    }
}

/// Two ends of a telephone call with A-law, and a moment.
fn pair() -> (Session, Session, Instant) {
    let now = t0();
    (
        Session::new(config(0xaaaa), now),
        Session::new(config(0xb0b0), now),
        now,
    )
}

fn config(ssrc: u32) -> SessionConfig {
    SessionConfig {
        ssrc,
        first_sequence: 65_534,
        first_timestamp: u32::MAX - 200,
        format: Format {
            payload_type: 8,
            telephone_event: Some(101),
            clock_rate: 8000,
            ticks_per_packet: 160,
        },
        audio_level: None,
        redundant: None,
        cname: [0xc5; 12],
        seed: u64::from(ssrc),
    }
}

/// Sends packets from one to the other; returns how often the stream began anew.
fn talk(from: &mut Session, to: &mut Session, packets: u32, now: Instant) -> usize {
    let restarts = (0..packets).map(
        |_| match to.handle_rtp(&written(from, &[1]), now).unwrap() {
            Received::Audio(audio) => usize::from(audio.restarted),
            Received::Digit { .. } | Received::Silence { .. } | Received::Nothing { .. } => {
                panic!("audio was sent")
            }
        },
    );
    restarts.sum()
}

fn written(session: &mut Session, payload: &[u8]) -> Vec<u8> {
    let mut buf = [0; 200];
    let len = session.write_rtp(payload, &mut buf);
    buf[..len].to_vec()
}

fn send_report(from: &mut Session, to: &mut Session, sent: Instant, arrived: Instant) -> RtcpNews {
    let mut buf = [0; RTCP_WRITTEN_MAX];
    let len = from.write_rtcp(WALL, sent, &mut buf);
    to.handle_rtcp(&buf[..len], arrived).unwrap()
}

/// Returns the time from one report of a session to the next.
fn interval(seed: u64, start: Instant) -> Duration {
    let mut session = Session::new(SessionConfig { seed, ..config(1) }, start);
    let first = session.poll_timeout().unwrap();
    session.write_rtcp(WALL, first, &mut [0; RTCP_WRITTEN_MAX]);
    session.poll_timeout().unwrap().duration_since(first)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
