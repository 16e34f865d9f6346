//! Offers as phones send them, and what we answer.

use std::{net::Ipv4Addr, sync::LazyLock};

use rand::{SeedableRng, rngs::StdRng};

use super::{super::security::Policy, *};
use crate::sdp::Keyring;

static RING: LazyLock<Keyring> = LazyLock::new(|| Keyring::draw(&mut StdRng::seed_from_u64(1)));

/// Our side under a policy; the network of the documentation's example hosts is a private one of ours too.
fn local(policy: Policy) -> Local<'static> {
    Local {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        rtp_port: 30_000,
        session_id: 7,
        session_version: 1,
        codecs: &AudioCodec::ALL,
        keying: Keying {
            policy,
            ring: &RING,
            fingerprint: Some("AB:CD"),
            current: &Security::Plain,
            mediasec: false,
        },
        allowed: &|address| address == IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)),
        hidden: Hidden::default(),
    }
}

fn description(lines: &[&str]) -> Description {
    let head = [
        "v=0",
        "o=phone 1 1 IN IP4 198.51.100.7",
        "s=-",
        "c=IN IP4 198.51.100.7",
        "t=0 0",
    ];
    let text: String = head
        .iter()
        .chain(lines)
        .map(|line| format!("{line}\r\n"))
        .collect();
    Description::parse(text.as_bytes()).unwrap()
}

fn agreed(lines: &[&str]) -> Agreed {
    answer(&description(lines), &local(Policy::Off)).unwrap().1
}

fn refusal(lines: &[&str]) -> Refusal {
    answer(&description(lines), &local(Policy::Off)).unwrap_err()
}

#[test]
fn one_codec_is_answered_by_our_preference() {
    let offer = description(&[
        "m=audio 4000 RTP/AVP 0 8 9 111 101 110",
        "a=rtpmap:111 OPUS/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:110 telephone-event/48000",
    ]);
    let (answer, agreed) = answer(&offer, &local(Policy::Off)).unwrap();
    assert_eq!(
        (agreed.codec, agreed.payload_type, agreed.telephone_event),
        (AudioCodec::Opus, 111, Some(110))
    );
    assert_eq!(
        answer.print(),
        "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 30000 RTP/AVP 111 110\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
         a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn static_payload_types_need_no_mapping() {
    for (offer, codec, payload_type) in [
        ("m=audio 4000 RTP/AVP 0 8 9", AudioCodec::G722, 9),
        ("m=audio 4000 RTP/AVP 0 8", AudioCodec::Pcma, 8),
        ("m=audio 4000 RTP/AVP 18 0", AudioCodec::Pcmu, 0),
    ] {
        let agreed = agreed(&[offer]);
        assert_eq!(
            (agreed.codec, agreed.payload_type, agreed.telephone_event),
            (codec, payload_type, None)
        );
    }
}

#[test]
fn old_telephone_events_are_taken_beside_opus() {
    let lines = [
        "m=audio 4000 RTP/AVP 96 101",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
    ];
    assert_eq!(agreed(&lines).telephone_event, Some(101));
    let lines = [
        "m=audio 4000 RTP/AVP 8 101",
        "a=rtpmap:101 telephone-event/48000",
    ];
    assert_eq!(agreed(&lines).telephone_event, None);
}

#[test]
fn foreign_lines_are_refused_in_their_place() {
    let offer = description(&[
        "m=video 5000 RTP/AVP 31",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 RTP/AVPF 0",
        "m=audio 4002 RTP/AVP 0",
        "m=image 4004 udptl t38",
    ]);
    let (answer, agreed) = answer(&offer, &local(Policy::Off)).unwrap();
    assert_eq!(agreed.remote_rtp.expose().port(), 4000);
    let lines: Vec<String> = answer
        .media
        .iter()
        .map(|media| format!("{} {} {}", media.kind, media.port, media.protocol))
        .collect();
    assert_eq!(
        lines,
        [
            "video 0 RTP/AVP",
            "audio 0 RTP/AVP",
            "audio 30000 RTP/AVPF",
            "audio 0 RTP/AVP",
            "image 0 udptl"
        ]
    );
}

#[test]
fn what_cannot_be_served_is_refused_with_its_reason() {
    assert_eq!(refusal(&[]), Refusal::NoAudio);
    assert_eq!(refusal(&["m=video 5000 RTP/AVP 31"]), Refusal::NoAudio);
    assert_eq!(
        refusal(&["m=audio 4000 RTP/SAVP 0", "a=crypto:1 x inline:y"]),
        Refusal::Protected
    );
    assert_eq!(
        refusal(&["m=audio 4000 RTP/AVP 18"]),
        Refusal::NoCommonCodec
    );
    assert_eq!(
        refusal(&["m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000"]),
        Refusal::NoCommonCodec
    );
    assert_eq!(
        refusal(&["m=audio 4000 RTP/AVP 0", "a=rtpmap:0 G729/8000"]),
        Refusal::NoCommonCodec
    );
}

#[test]
fn only_single_hosts_are_media_targets() {
    for address in [
        "IP4 224.2.1.1/127",
        "IP4 255.255.255.255",
        "IP4 0.1.2.3",
        "IP6 ff02::1",
        "IP6 2001:db8::1",
        "IP6 ::ffff:255.255.255.255",
        // Of special meaning, in all spellings.
        "IP4 127.0.0.1",
        "IP4 127.1.2.3",
        "IP4 10.1.2.4",
        "IP4 172.16.0.1",
        "IP4 172.31.255.255",
        "IP4 192.168.178.1",
        "IP4 169.254.169.254",
        "IP4 100.64.0.1",
        "IP4 100.127.255.255",
        "IP4 192.0.0.8",
        "IP4 192.88.99.1",
        "IP4 198.18.0.1",
        "IP4 240.0.0.1",
        "IP4 phone.example.com",
    ] {
        let connection = format!("c=IN {address}");
        assert_eq!(
            refusal(&["m=audio 4000 RTP/AVP 0", &connection]),
            Refusal::UnusableAddress,
            "{address}"
        );
    }
}

#[test]
fn hold_is_understood_in_all_its_forms() {
    let cases = [
        ("a=sendrecv", true, true, "sendrecv"),
        ("a=sendonly", true, false, "recvonly"),
        ("a=recvonly", false, true, "sendonly"),
        ("a=inactive", false, false, "inactive"),
        ("c=IN IP4 0.0.0.0", true, false, "recvonly"),
    ];
    for (line, sends, hears, ours) in cases {
        let (answer, agreed) = answer(
            &description(&["m=audio 4000 RTP/AVP 0", line]),
            &local(Policy::Off),
        )
        .unwrap();
        assert_eq!(
            (agreed.phone_sends, agreed.phone_hears),
            (sends, hears),
            "{line}"
        );
        assert_eq!(answer.direction(&answer.media[0]).name(), ours);
    }
}

#[test]
fn rtcp_follows_rtp_unless_told_otherwise() {
    let rtcp = |line: &str| {
        *agreed(&["m=audio 4000 RTP/AVP 0", line])
            .remote_rtcp
            .expose()
    };
    assert_eq!(rtcp("a=x").to_string(), "198.51.100.7:4001");
    assert_eq!(rtcp("a=rtcp-mux").to_string(), "198.51.100.7:4000");
    assert_eq!(rtcp("a=rtcp:5001").to_string(), "198.51.100.7:5001");
    assert_eq!(
        rtcp("a=rtcp:5001 IN IP4 198.51.100.8").to_string(),
        "198.51.100.8:5001"
    );
    assert_eq!(
        rtcp("a=rtcp:5001 IN IP4 224.0.0.1").to_string(),
        "198.51.100.7:5001"
    );
    assert_eq!(rtcp("a=rtcp:0").to_string(), "198.51.100.7:4001");
    let edge = agreed(&["m=audio 65535 RTP/AVP 0"]);
    assert_eq!(edge.remote_rtcp.expose().port(), 65_535);
}

#[test]
fn our_offer_is_concluded_by_the_phones_answer() {
    let offer = offer(&local(Policy::Off), &Bindings::default());
    assert_eq!(Description::parse(offer.print().as_bytes()).unwrap(), offer);
    let answer = description(&[
        "m=audio 4000 RTP/AVP 8 101",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtcp-mux",
    ]);
    let agreed = conclude(&offer, &answer, &local(Policy::Off)).unwrap();
    assert_eq!(
        (agreed.codec, agreed.telephone_event, agreed.rtcp_mux),
        (AudioCodec::Pcma, Some(101), true)
    );
    let conclude =
        |lines: &[&str]| conclude(&offer, &description(lines), &local(Policy::Off)).unwrap_err();
    assert_eq!(conclude(&[]), Refusal::Mismatch);
    assert_eq!(conclude(&["m=audio 0 RTP/AVP 8"]), Refusal::NoCommonCodec);
    assert_eq!(
        conclude(&["m=audio 4000 RTP/AVP 18"]),
        Refusal::NoCommonCodec
    );
    assert_eq!(
        conclude(&["m=audio 4000 RTP/AVP 8", "m=video 1 RTP/AVP 31"]),
        Refusal::Mismatch
    );
}

/// Whoever answers may send any format that both name, under our numbers, and is sent its first (RFC 3264 §5.1, §6.1).
#[test]
fn all_that_is_answered_may_come() {
    let offer = offer(&local(Policy::Off), &Bindings::default());
    let conclude =
        |lines: &[&str]| conclude(&offer, &description(lines), &local(Policy::Off)).unwrap();
    let concluded = conclude(&[
        "m=audio 4000 RTP/AVP 8 0 111 18 101 110",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:110 telephone-event/48000",
    ]);
    assert_eq!(
        (concluded.codec, concluded.payload_type),
        (AudioCodec::Pcma, 8)
    );
    let Incoming { codecs, events } = concluded.incoming;
    let both = [
        (AudioCodec::Opus, 96),
        (AudioCodec::Pcma, 8),
        (AudioCodec::Pcmu, 0),
    ];
    assert_eq!(codecs[..3], both);
    assert_eq!(
        codecs[3..],
        [(AudioCodec::Opus, 111)],
        "as it has said itself"
    );
    assert_eq!(events, [97, 101, 110]);
    // Their number for Opus is ours for events, of which they take none.
    let crossed = conclude(&["m=audio 4000 RTP/AVP 97", "a=rtpmap:97 opus/48000/2"]);
    assert_eq!(
        (crossed.codec, crossed.payload_type),
        (AudioCodec::Opus, 97)
    );
    let both = [(AudioCodec::Opus, 96), (AudioCodec::Opus, 97)];
    assert_eq!(crossed.incoming.codecs, both);
    // Their number for keys is ours for Opus, which they do not take: keys come under either.
    let keys = conclude(&[
        "m=audio 4000 RTP/AVP 8 96",
        "a=rtpmap:96 telephone-event/8000",
    ]);
    assert_eq!(keys.incoming.codecs, [(AudioCodec::Pcma, 8)]);
    assert_eq!(keys.incoming.events, [101, 96]);
    // Where they take both, it is what our number says.
    let taken = conclude(&[
        "m=audio 4000 RTP/AVP 98 96",
        "a=rtpmap:98 opus/48000/2",
        "a=rtpmap:96 telephone-event/8000",
    ]);
    assert_eq!(
        taken.incoming.codecs,
        [(AudioCodec::Opus, 96), (AudioCodec::Opus, 98)]
    );
    assert_eq!(taken.incoming.events, [101]);
    // After an answer of ours, nothing comes but what we chose.
    let asked = agreed(&["m=audio 4000 RTP/AVP 0 8 9"]);
    assert_eq!(asked.incoming.codecs, [(asked.codec, asked.payload_type)]);
}

/// The fingerprint of a certificate.
const DIGEST: &str = "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

/// A telephone behind an address translator names the address that it has, which is another host's here.
#[test]
fn a_private_address_is_taken_for_none_where_media_shows_from_where_it_comes() {
    let at = |address: &str, protection: &[&str], hidden| {
        let connection = format!("c=IN IP4 {address}");
        let protocol = if protection.is_empty() {
            "RTP/AVP"
        } else {
            "UDP/TLS/RTP/SAVP"
        };
        let line = format!("m=audio 4000 {protocol} 8");
        let lines: Vec<&str> = [line.as_str(), connection.as_str()]
            .into_iter()
            .chain(protection.iter().copied())
            .collect();
        let local = Local {
            hidden,
            ..local(Policy::Preferred)
        };
        answer(&description(&lines), &local).map(|(_, agreed)| agreed)
    };
    for address in ["192.168.77.5", "172.20.1.2", "100.64.0.7"] {
        assert_eq!(
            at(address, &[], Hidden::No).unwrap_err(),
            Refusal::UnusableAddress
        );
        let agreed = at(address, &[], Hidden::Always).unwrap();
        let [rtp, rtcp] = [agreed.remote_rtp, agreed.remote_rtcp].map(|it| it.expose().to_string());
        assert_eq!(
            (rtp.as_str(), rtcp.as_str()),
            ("0.0.0.0:4000", "0.0.0.0:4001")
        );
        assert!(
            agreed.phone_hears && agreed.phone_sends,
            "it is not on hold"
        );
        let dtls = [DIGEST, "a=setup:passive"];
        assert_eq!(
            at(address, &dtls, Hidden::Always).unwrap_err(),
            Refusal::UnusableAddress,
            "we begin the handshake"
        );
    }
    for address in [
        "127.0.0.1",
        "224.0.0.1",
        "169.254.1.1",
        "198.18.0.1",
        "255.255.255.255",
    ] {
        assert_eq!(
            at(address, &[], Hidden::Always).unwrap_err(),
            Refusal::UnusableAddress,
            "{address}"
        );
    }
    assert!(!at("0.0.0.0", &[], Hidden::Always).unwrap().phone_hears);
}

/// The kinds and ports of lines.
fn lines(description: &Description) -> Vec<(&str, u16)> {
    let lines = description.media.iter();
    lines.map(|line| (line.kind.as_str(), line.port)).collect()
}

const KEY: &str =
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

/// A plain line beside a protected one, of which we take the second, and a picture.
const THREE: [&str; 4] = [
    "m=audio 4000 RTP/AVP 8",
    "m=audio 4002 RTP/SAVP 0 8",
    KEY,
    "m=video 4004 RTP/AVP 31",
];

#[test]
fn an_offer_in_mid_call_has_every_line_of_the_session_in_its_place() {
    let (asked, local) = (description(&THREE), local(Policy::Preferred));
    let (answer, agreed) = answer(&asked, &local).unwrap();
    assert!(agreed.security.is_protected());
    let expected = [("audio", 0), ("audio", 30_000), ("video", 0)];
    assert_eq!(lines(&answer), expected);
    let mut session = Bindings::default();
    session.note(&asked);
    session.note(&answer);
    let ours = offer(&local, &session);
    assert_eq!(lines(&ours), expected);
    assert_eq!(ours.media[2].formats, ["31"]);
    assert!(ours.media[2].attributes.is_empty());
    // Their answer, and what comes after it.
    let key = ours.media[1].values("crypto").next().unwrap();
    let key = format!("a=crypto:{key}");
    let theirs = description(&[
        "m=audio 0 RTP/AVP 8",
        "m=audio 4008 RTP/AVP 8",
        &key,
        "m=video 0 RTP/AVP 31",
    ]);
    let agreed = conclude(&ours, &theirs, &local).unwrap();
    assert_eq!(agreed.remote_rtp.expose().port(), 4_008);
    assert!(agreed.security.is_protected());
    session.note(&theirs);
    assert_eq!(lines(&offer(&local, &session)), expected);
}

#[test]
fn a_session_of_two_lines_stays_one_of_two() {
    let local = local(Policy::Off);
    for (two, expected) in [
        (
            ["m=audio 4000 RTP/AVP 8", "m=video 4002 RTP/AVP 31"],
            [("audio", 30_000), ("video", 0)],
        ),
        (
            ["m=video 4002 RTP/AVP 31", "m=audio 4000 RTP/AVP 8"],
            [("video", 0), ("audio", 30_000)],
        ),
    ] {
        let asked = description(&two);
        let (said, _) = answer(&asked, &local).unwrap();
        let mut session = Bindings::default();
        session.note(&asked);
        session.note(&said);
        let ours = offer(&local, &session);
        assert_eq!(lines(&ours), expected);
        // The answer to our offer, and that to our answer when it is sent again to keep the session alive.
        for said in [&ours, &said] {
            let agreed = conclude(said, &asked, &local).unwrap();
            assert_eq!(agreed.remote_rtp.expose().port(), 4_000);
        }
        let turned = description(&[two[1], two[0]]);
        assert_eq!(conclude(&ours, &turned, &local), Err(Refusal::Mismatch));
        let one = description(&["m=audio 4000 RTP/AVP 8"]);
        assert_eq!(conclude(&ours, &one, &local), Err(Refusal::Mismatch));
    }
}

#[test]
fn sound_takes_the_place_of_a_line_that_is_off_or_comes_at_the_end() {
    let ours = |lines: &[&str]| {
        let mut session = Bindings::default();
        session.note(&description(lines));
        offer(&local(Policy::Off), &session)
    };
    let off = ours(&["m=video 4002 RTP/AVP 31", "m=audio 0 RTP/AVP 18"]);
    assert_eq!(lines(&off), [("video", 0), ("audio", 30_000)]);
    let silent = ours(&["m=video 4002 RTP/AVP 31"]);
    assert_eq!(lines(&silent), [("video", 0), ("audio", 30_000)]);
}

#[test]
fn the_version_grows_only_with_a_change() {
    let first = offer(&local(Policy::Off), &Bindings::default());
    let again = Local {
        session_version: 99,
        ..local(Policy::Off)
    };
    let again = offer(&again, &Bindings::default());
    assert_eq!(again.revise(&first), first);
    let moved = Local {
        rtp_port: 30_002,
        ..local(Policy::Off)
    };
    let moved = offer(&moved, &Bindings::default()).revise(&first);
    assert_eq!(
        (moved.origin.session_id, moved.origin.session_version),
        (7, 2)
    );
}

/// The `m=` line and the mappings of an offer of ours in a session in which these lines were said.
fn offered_after(lines: &[&str]) -> String {
    let mut bindings = Bindings::default();
    bindings.note(&description(lines));
    let text = offer(&local(Policy::Off), &bindings).print();
    let kept = |line: &&str| line.starts_with("m=") || line.starts_with("a=rtpmap:");
    text.lines().filter(kept).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_offer_in_mid_call_keeps_what_payload_types_mean() {
    assert_eq!(
        offered_after(&[
            "m=audio 4000 RTP/AVP 111 98 8 96 97",
            "a=rtpmap:111 opus/48000/2",
            "a=rtpmap:98 G722/8000",
            "a=rtpmap:96 telephone-event/8000",
            "a=rtpmap:97 AMR-WB/16000",
        ]),
        "m=audio 30000 RTP/AVP 111 98 8 0 99 96\na=rtpmap:111 opus/48000/2\na=rtpmap:98 G722/8000\n\
         a=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:99 telephone-event/48000\n\
         a=rtpmap:96 telephone-event/8000"
    );
    let first = offered_after(&[]);
    assert!(first.starts_with("m=audio 30000 RTP/AVP 96 9 8 0 97 101\n"));
    let refused = offered_after(&["m=audio 0 RTP/AVP 96", "a=rtpmap:96 AMR-WB/16000"]);
    assert_eq!(refused, first, "a line that is off binds nothing");
}

#[test]
fn what_finds_no_number_is_not_offered() {
    let numbers: Vec<String> = (96..128).map(|number| number.to_string()).collect();
    let mut lines = vec![format!("m=audio 4000 RTP/AVP {}", numbers.join(" "))];
    lines.extend((96..128).map(|number| format!("a=rtpmap:{number} AMR-WB/16000")));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(offered_after(&lines).starts_with("m=audio 30000 RTP/AVP 9 8 0\n"));
}

#[test]
fn packets_have_the_length_the_phone_asks_for() {
    let ptime = |codecs: &str, line: &str| {
        let media = format!("m=audio 4000 RTP/AVP {codecs}");
        let lines: Vec<&str> = line.split('|').collect();
        let lines = [
            &[media.as_str(), "a=rtpmap:96 opus/48000/2"],
            lines.as_slice(),
        ]
        .concat();
        let (answer, agreed) = answer(&description(&lines), &local(Policy::Off)).unwrap();
        let told = answer.media[0].values("ptime").next().unwrap().to_owned();
        assert_eq!(told, agreed.ptime.to_string());
        (agreed.codec, agreed.ptime)
    };
    use AudioCodec::{Opus, Pcma};
    for (codecs, line, expected) in [
        ("8", "a=x", (Pcma, 20)),
        ("8", "a=ptime:10", (Pcma, 10)),
        ("8", "a=ptime:30", (Pcma, 30)),
        ("8", "a=ptime:40", (Pcma, 40)),
        ("8", "a=ptime:60", (Pcma, 60)),
        ("8", "a=ptime:200", (Pcma, 60)),
        ("8", "a=ptime:50", (Pcma, 40)),
        ("8", "a=ptime:5", (Pcma, 10)),
        ("8", "a=ptime:0", (Pcma, 20)),
        ("8", "a=ptime:many", (Pcma, 20)),
        ("8", "a=ptime:60|a=maxptime:40", (Pcma, 40)),
        ("8", "a=maxptime:150", (Pcma, 20)),
        ("8", "a=maxptime:10", (Pcma, 10)),
        ("8", "a=ptime:20|a=maxptime:0", (Pcma, 20)),
        ("96 8", "a=ptime:60", (Opus, 20)),
        ("96 8", "a=maxptime:10", (Pcma, 10)),
        ("96 8", "a=maxptime:20", (Opus, 20)),
    ] {
        assert_eq!(ptime(codecs, line), expected, "{codecs} {line}");
    }
    let small = refusal(&[
        "m=audio 4000 RTP/AVP 96",
        "a=rtpmap:96 opus/48000/2",
        "a=maxptime:10",
    ]);
    assert_eq!(small, Refusal::NoCommonCodec);
}

#[test]
fn an_address_of_special_meaning_is_taken_from_where_it_is_allowed() {
    let rtcp = "a=rtcp:5001 IN IP4 10.9.9.9";
    let lines = ["m=audio 4000 RTP/AVP 0", "c=IN IP4 10.1.2.3", rtcp];
    let agreed = agreed(&lines);
    assert_eq!(agreed.remote_rtp.expose().to_string(), "10.1.2.3:4000");
    assert_eq!(agreed.remote_rtcp.expose().to_string(), "10.1.2.3:5001");
}
