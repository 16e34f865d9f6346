//! Known answers, interplay of sealer and opener, and hostile input.

use proptest::prelude::*;

use super::*;
use crate::{
    limit::{SRTP_REPLAY_WINDOW, SRTP_SOURCES_GONE_MAX, SRTP_SOURCES_MAX},
    rtp::vectors,
};

#[test]
fn gcm_rtp_answers_as_the_vectors_of_rfc_7714() {
    let text = vectors::text("rfc7714-srtp-gcm", "rtp-vectors.txt");
    for (key_len, chapter) in [(16, "16.1"), (32, "16.2")] {
        let plain = packet_behind(&text, chapter, 1, "Encrypting the following packet");
        let sealed = packet_behind(&text, chapter, 1, "Encrypted and tagged packet");
        let mut buf = plain.clone();
        buf.resize(plain.len() + OVERHEAD_MAX, 0);
        let len = rfc7714_sealer(key_len)
            .seal_rtp(&mut buf, plain.len())
            .unwrap();
        assert_eq!(buf[..len], sealed);

        let mut buf = packet_behind(&text, chapter, 2, "Decrypting the following packet");
        let len = rfc7714_opener(key_len).open_rtp(&mut buf).unwrap();
        assert_eq!(buf[..len], plain);
    }
}

#[test]
fn gcm_tags_as_the_vectors_of_rfc_7714() {
    let text = vectors::text("rfc7714-srtp-gcm", "rtp-vectors.txt");
    for (key_len, chapter) in [(16, "16.1"), (32, "16.2")] {
        let mut buf = packet_behind(&text, chapter, 3, "Tagging the following packet");
        let len = buf.len();
        let tagged = packet_behind(&text, chapter, 3, "Tagged packet");
        buf.resize(tagged.len(), 0);
        let (gcm, ssrc) = (rfc7714_gcm(key_len), u32_at(&buf, 8));
        gcm.seal_rtp(&mut buf, len, ssrc, 0xf17b).unwrap();
        assert_eq!(buf, tagged);

        let mut buf = packet_behind(&text, chapter, 4, "Verifying the following packet");
        assert!(gcm.open_rtp(&mut buf, len, ssrc, 0xf17b).is_some());
    }
}

#[test]
fn gcm_rtcp_answers_as_the_vectors_of_rfc_7714() {
    let text = vectors::text("rfc7714-srtp-gcm", "rtcp-vectors.txt");
    let plain = packet_behind(&text, "17", 1, "Encrypting the following packet");
    let sealed = packet_behind(&text, "17", 1, "Encrypted and tagged packet");
    let mut buf = plain.clone();
    buf.resize(plain.len() + OVERHEAD_MAX, 0);
    let len = rfc7714_sealer(16).seal_rtcp(&mut buf, plain.len()).unwrap();
    assert_eq!(buf[..len], sealed);

    let mut buf = packet_behind(&text, "17", 2, "Decrypting the following packet");
    let plain = packet_behind(&text, "17", 2, "Verified and decrypted packet");
    let len = rfc7714_opener(32).open_rtcp(&mut buf).unwrap();
    assert_eq!(buf[..len], plain);
}

#[test]
fn rtcp_of_the_vectors_without_encryption_is_refused() {
    let text = vectors::text("rfc7714-srtp-gcm", "rtcp-vectors.txt");
    let mut tagged = packet_behind(&text, "17", 3, "Tagged packet");
    assert_eq!(
        rfc7714_opener(16).open_rtcp(&mut tagged),
        Err(Discard::NotEncrypted)
    );
    let mut tagged = packet_behind(&text, "17", 4, "Verifying the following packet");
    assert_eq!(
        rfc7714_opener(32).open_rtcp(&mut tagged),
        Err(Discard::NotEncrypted)
    );
}

#[test]
fn counter_mode_answers_as_the_vectors_of_rfc_3711() {
    let text = vectors::text("srtp-rfc3711", "rfc3711.json");
    let iv: [u8; 16] = field(&text, "session_salt").try_into().unwrap();
    let mut stream = [0; 48];
    kdf::keystream(&kdf::ctr(&field(&text, "session_key")), &iv, &mut stream);
    assert_eq!(stream[..], field(&text, "keystream_first_48"));

    let (key, salt) = (field(&text, "master_key"), field(&text, "master_salt"));
    for (label, name) in [(0, "cipher_key"), (1, "auth_key_94"), (2, "cipher_salt")] {
        let expected = field(&text, name);
        let mut derived = vec![0xaa; expected.len()];
        kdf::derive(&key, &salt, label, &mut derived);
        assert_eq!(derived, expected, "{name}");
    }

    let keys = Keys::new(&field(&text, "key"), &field(&text, "salt"));
    let (plain, protected) = (field(&text, "plain"), field(&text, "protected"));
    let mut buf = plain.clone();
    buf.resize(plain.len() + OVERHEAD_MAX, 0);
    let mut sealer = Sealer::new(Profile::AesCm128HmacSha1_80, &keys).unwrap();
    let len = sealer.seal_rtp(&mut buf, plain.len()).unwrap();
    assert_eq!(buf[..len], protected);
    let mut opener = Opener::new(Profile::AesCm128HmacSha1_80, &keys).unwrap();
    let len = opener.open_rtp(&mut buf[..len]).unwrap();
    assert_eq!(buf[..len], plain);
}

#[test]
fn what_is_sealed_opens_across_the_wrap() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        for sequence in (65_000..=65_535).chain(0..600) {
            let plain = packet(sequence, 7);
            assert_eq!(
                open(&mut opener, &seal(&mut sealer, &plain)),
                Ok(plain),
                "{profile:?} {sequence}"
            );
        }
    }
}

#[test]
fn late_packets_around_the_wrap_are_accepted_once() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let sealed: Vec<_> = (65_530..=65_535)
            .chain(0..6)
            .map(|s| seal(&mut sealer, &packet(s, 7)))
            .collect();
        for place in [0, 8, 1, 5, 6, 11, 4, 7, 2, 3, 10, 9] {
            assert!(
                open(&mut opener, &sealed[place]).is_ok(),
                "{profile:?} {place}"
            );
        }
        for packet in &sealed {
            assert_eq!(open(&mut opener, packet), Err(Discard::Replayed));
        }
    }
}

#[test]
fn a_packet_of_another_rollover_is_not_authentic() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        seal(&mut sealer, &packet(40_000, 7));
        seal(&mut sealer, &packet(65_535, 7));
        let sealed = seal(&mut sealer, &packet(0, 7));
        assert_eq!(
            open(&mut opener, &sealed),
            Err(Discard::NotAuthentic),
            "{profile:?}"
        );
    }
}

#[test]
fn packets_behind_the_window_are_late() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes256Gcm);
    let window = u16::try_from(SRTP_REPLAY_WINDOW).unwrap();
    let sealed: Vec<_> = (0..=window)
        .map(|s| seal(&mut sealer, &packet(s, 7)))
        .collect();
    assert!(open(&mut opener, &sealed[usize::from(window)]).is_ok());
    assert_eq!(open(&mut opener, &sealed[0]), Err(Discard::Late));
    assert!(open(&mut opener, &sealed[1]).is_ok());
}

#[test]
fn the_rollover_counter_passes_65_535() {
    for profile in [Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1_80] {
        let (mut sealer, mut opener) = pair(profile);
        // Three packets per rollover are the fewest that leave no doubt about it.
        for round in 0..=65_540_u32 {
            for sequence in [100, 22_000, 44_000] {
                let sealed = seal(&mut sealer, &packet(sequence, 7));
                assert!(open(&mut opener, &sealed).is_ok(), "{profile:?} {round}");
            }
        }
        assert_eq!(opener.sources.find(7).unwrap().unwrap().top() >> 16, 65_540);
    }
}

#[test]
fn an_index_is_never_used_twice() {
    let (mut sealer, _) = pair(Profile::AeadAes256Gcm);
    seal(&mut sealer, &packet(100, 7));
    for sequence in [100, 99, 40_000] {
        let mut buf = packet(sequence, 7);
        let len = buf.len();
        buf.resize(len + OVERHEAD_MAX, 0);
        assert_eq!(sealer.seal_rtp(&mut buf, len), None, "{sequence}");
    }
    seal(&mut sealer, &packet(101, 7));
}

#[test]
fn a_used_up_key_seals_nothing() {
    let (mut sealer, _) = pair(Profile::AeadAes256Gcm);
    sealer.sources.put(7, RTP_INDEX_MAX);
    sealer.rtcp_next = RTCP_INDEX_MAX;
    let mut buf = packet(0, 7);
    let len = buf.len();
    buf.resize(len + OVERHEAD_MAX, 0);
    assert_eq!(sealer.seal_rtp(&mut buf, len), None);
    assert!(sealer.seal_rtcp(&mut buf, len).is_some());
    assert_eq!(sealer.seal_rtcp(&mut buf, len), None);
}

#[test]
fn a_changed_bit_anywhere_is_noticed_and_costs_nothing() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        assert!(open(&mut opener, &seal(&mut sealer, &packet(1, 7))).is_ok());
        let sealed = seal(&mut sealer, &packet(2, 7));
        let before = (opener.sources.clone(), opener.rtcp_sources.clone());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(
                open(&mut opener, &changed).is_err(),
                "{profile:?} bit {bit}"
            );
        }
        assert!(before == (opener.sources.clone(), opener.rtcp_sources.clone()));
        assert!(open(&mut opener, &sealed).is_ok());
    }
}

#[test]
fn reports_open_once_and_only_whole() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        for round in 0..300 {
            let plain = report(round);
            let sealed = seal_rtcp(&mut sealer, &plain);
            let mut changed = sealed.clone();
            let bit = usize::from(round) % (sealed.len() * 8);
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(
                opener.open_rtcp(&mut changed).is_err(),
                "{profile:?} {round}"
            );
            let mut buf = sealed.clone();
            let len = opener.open_rtcp(&mut buf).unwrap();
            assert_eq!(buf[..len], plain);
            assert_eq!(
                opener.open_rtcp(&mut sealed.clone()),
                Err(Discard::Replayed)
            );
        }
    }
}

#[test]
fn garbage_of_many_sources_leaves_no_trace() {
    for profile in [Profile::AeadAes256Gcm, Profile::AesCm128HmacSha1_80] {
        let (mut sealer, mut opener) = pair(profile);
        assert!(open(&mut opener, &seal(&mut sealer, &packet(1, 7))).is_ok());
        let before = (opener.sources.clone(), opener.rtcp_sources.clone());
        let mut random = 1_u64;
        for _ in 0..300_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let [s0, s1, rest @ ..] = random.to_be_bytes();
            let [a, b, c, d, ..] = rest;
            let mut garbage = packet(
                u16::from_be_bytes([s0, s1]),
                u32::from_be_bytes([a, b, c, d]),
            );
            assert_eq!(opener.open_rtp(&mut garbage), Err(Discard::NotAuthentic));
        }
        assert!(before == (opener.sources.clone(), opener.rtcp_sources.clone()));
        assert!(open(&mut opener, &seal(&mut sealer, &packet(2, 7))).is_ok());
    }
}

/// A stream of one source of its own; a sealer takes few.
fn sealed_by(ssrc: u32, sequence: u16) -> Vec<u8> {
    let (mut sealer, _) = pair(Profile::AeadAes256Gcm);
    seal(&mut sealer, &packet(sequence, ssrc))
}

/// As with an exchange that plays music while it holds: another source each time, under one key.
#[test]
fn a_call_outlives_any_number_of_sources_and_what_one_sent_is_not_replayed() {
    let (_, mut opener) = pair(Profile::AeadAes256Gcm);
    let many = u32::try_from(SRTP_SOURCES_MAX + SRTP_SOURCES_GONE_MAX).unwrap();
    for ssrc in 0..many {
        for sequence in [1, 2] {
            let opened = open(&mut opener, &sealed_by(ssrc, sequence));
            assert_eq!(opened, Ok(packet(sequence, ssrc)), "{ssrc}");
        }
    }
    let last = many - 1;
    assert_eq!(
        open(&mut opener, &sealed_by(last, 2)),
        Err(Discard::Replayed)
    );
    let one_more = open(&mut opener, &sealed_by(many, 3));
    assert_eq!(one_more, Err(Discard::TooManySources));
    for gone in [0, many - 1 - u32::try_from(SRTP_SOURCES_MAX).unwrap()] {
        for old in [1, 2] {
            let opened = open(&mut opener, &sealed_by(gone, old));
            assert_eq!(opened, Err(Discard::Replayed), "{gone}");
        }
        // A talker after many pieces of music, in the same sequence.
        assert!(open(&mut opener, &sealed_by(gone, 3)).is_ok(), "{gone}");
        let again = open(&mut opener, &sealed_by(gone, 3));
        assert_eq!(again, Err(Discard::Replayed), "{gone}");
    }
    // Whoever is heard stays, however many others come.
    let (_, mut opener) = pair(Profile::AeadAes256Gcm);
    for ssrc in 1..20 {
        let sequence = u16::try_from(ssrc).unwrap();
        assert!(open(&mut opener, &sealed_by(0, sequence)).is_ok());
        assert!(open(&mut opener, &sealed_by(ssrc, 1)).is_ok());
    }
}

#[test]
fn a_fifth_source_of_ours_is_not_sealed() {
    let known = u32::try_from(SRTP_SOURCES_MAX).unwrap();
    let (mut sealer, _) = pair(Profile::AeadAes256Gcm);
    for ssrc in 0..=known {
        let mut buf = packet(1, ssrc);
        let len = buf.len();
        buf.resize(len + OVERHEAD_MAX, 0);
        assert_eq!(sealer.seal_rtp(&mut buf, len).is_some(), ssrc < known);
    }
}

#[test]
fn dtls_material_is_divided_as_rfc_5764_says() {
    let material: Vec<u8> = (0..60).collect();
    let (client, server) = Profile::AesCm128HmacSha1_80
        .derive(&material, true)
        .unwrap();
    assert_eq!(client, Keys::new(&material[..16], &material[32..46]));
    assert_eq!(server, Keys::new(&material[16..32], &material[46..60]));
    let swapped = Profile::AesCm128HmacSha1_80
        .derive(&material, false)
        .unwrap();
    assert_eq!(swapped, (server, client));
    assert_eq!(
        Profile::AeadAes256Gcm.derive(&material, true),
        Err(KeyError::Length)
    );
    for profile in Profile::ALL {
        assert_eq!(Profile::from_dtls_id(profile.dtls_id()), Some(profile));
    }
}

#[test]
fn keys_of_another_profile_are_refused() {
    let keys = Keys::new(&[1; 16], &[2; 14]);
    assert_eq!(
        Sealer::new(Profile::AeadAes128Gcm, &keys).err(),
        Some(KeyError::Length)
    );
    assert_eq!(
        Opener::new(Profile::AeadAes256Gcm, &keys).err(),
        Some(KeyError::Length)
    );
}

#[test]
fn nothing_secret_is_printed() {
    let keys = Keys::new(&[0x5a; 32], &[0x5b; 12]);
    let sealer = Sealer::new(Profile::AeadAes256Gcm, &keys).unwrap();
    let opener = Opener::new(Profile::AeadAes256Gcm, &keys).unwrap();
    let printed = format!("{keys:?} {sealer:?} {opener:?}");
    for secret in ["90", "91", "5a", "5A", "5b", "5B"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn a_buffer_without_room_is_refused() {
    for profile in Profile::ALL {
        let (mut sealer, _) = pair(profile);
        let mut buf = packet(1, 7);
        let len = buf.len();
        assert_eq!(sealer.seal_rtp(&mut buf, len), None);
        assert_eq!(sealer.seal_rtcp(&mut buf, len), None);
        assert_eq!(sealer.seal_rtp(&mut buf, len + 1), None);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), v2: bool) {
        for profile in Profile::ALL {
            let (mut sealer, mut opener) = pair(profile);
            let mut bytes = bytes.clone();
            if let (true, Some(first)) = (v2, bytes.first_mut()) {
                *first = 0x80 | *first & 0x3f;
            }
            prop_assert!(opener.open_rtp(&mut bytes.clone()).is_err());
            prop_assert!(opener.open_rtcp(&mut bytes.clone()).is_err());
            let len = bytes.len();
            bytes.resize(len + OVERHEAD_MAX, 0);
            let _ = sealer.seal_rtp(&mut bytes.clone(), len);
            let _ = sealer.seal_rtcp(&mut bytes, len);
        }
    }
}

fn pair(profile: Profile) -> (Sealer, Opener) {
    let keys = Keys::new(&vec![3; profile.key_len()], &vec![5; profile.salt_len()]);
    (
        Sealer::new(profile, &keys).unwrap(),
        Opener::new(profile, &keys).unwrap(),
    )
}

/// A packet with an extension, so that its header is longer than the fixed one.
fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x90, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
    packet.extend([sequence.to_be_bytes()[1]; 60]);
    packet
}

fn report(round: u16) -> Vec<u8> {
    let mut report = vec![0x80, 200, 0, 6, 0, 0, 0, 7];
    report.extend([round.to_be_bytes()[1]; 20]);
    report
}

fn seal(sealer: &mut Sealer, plain: &[u8]) -> Vec<u8> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + OVERHEAD_MAX, 0);
    let len = sealer.seal_rtp(&mut buf, plain.len()).unwrap();
    buf.truncate(len);
    buf
}

fn seal_rtcp(sealer: &mut Sealer, plain: &[u8]) -> Vec<u8> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + OVERHEAD_MAX, 0);
    let len = sealer.seal_rtcp(&mut buf, plain.len()).unwrap();
    buf.truncate(len);
    buf
}

fn open(opener: &mut Opener, sealed: &[u8]) -> Result<Vec<u8>, Discard> {
    let mut buf = sealed.to_vec();
    let len = opener.open_rtp(&mut buf)?;
    buf.truncate(len);
    Ok(buf)
}

/// The session key and salt of RFC 7714's examples.
fn rfc7714_gcm(key_len: u8) -> Gcm {
    let key: Vec<u8> = (0..key_len).collect();
    Gcm::from_session_keys(&key, *b"Quid pro quo")
}

fn rfc7714_sealer(key_len: u8) -> Sealer {
    let (mut sealer, _) = pair(Profile::AeadAes256Gcm);
    sealer.rtp = Cipher::Gcm(rfc7714_gcm(key_len));
    sealer.rtcp = Cipher::Gcm(rfc7714_gcm(key_len));
    sealer.rtcp_next = 0x5d4;
    sealer
}

fn rfc7714_opener(key_len: u8) -> Opener {
    let (_, mut opener) = pair(Profile::AeadAes256Gcm);
    opener.rtp = Cipher::Gcm(rfc7714_gcm(key_len));
    opener.rtcp = Cipher::Gcm(rfc7714_gcm(key_len));
    opener
}

/// Reads the lines of hexadecimal words behind a heading of a section such as `16.1.2.`.
fn packet_behind(text: &str, chapter: &str, section: u8, heading: &str) -> Vec<u8> {
    let (_, section) = text.split_once(&format!("\n{chapter}.{section}.")).unwrap();
    let (_, packet) = section.split_once(&format!("{heading}:")).unwrap();
    let lines = packet.lines().skip_while(|line| line.trim().is_empty());
    let words: String = lines.take_while(|line| !line.trim().is_empty()).collect();
    hex(&words)
}

/// Reads a string of hexadecimal digits from JSON; the first of its name.
fn field(text: &str, name: &str) -> Vec<u8> {
    let (_, value) = text.split_once(&format!("\"{name}\": \"")).unwrap();
    hex(value.split_once('"').unwrap().0)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks_exact(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}
