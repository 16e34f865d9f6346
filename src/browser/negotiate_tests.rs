//! Offers as browsers send them, hostile ones, and random changes to either.

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

const CHROMIUM: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS 6a1c\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2122260223 3c1b2f1e-0d6a-4a5e-9f52-0d6c1f0c3a11.local 51000 typ host generation 0 network-cost 999\r\na=ice-ufrag:Xk3d\r\na=ice-pwd:u2vJ0z6b4Q0k9nCwJt8sYd1L\r\na=ice-options:trickle\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\na=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=msid:6a1c 77ab\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\na=ssrc:1234567 cname:abc\r\n";

const FIREFOX: &str = "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 7019531285733129342 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=sendrecv\r\na=fingerprint:sha-256 A0:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\na=msid-semantic:WMS *\r\nm=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\nc=IN IP4 0.0.0.0\r\na=candidate:0 1 UDP 2122252543 0c3f0e31-0d5f-4f6e-8b8e-8a9a3b9f5a77.local 40000 typ host\r\na=sendrecv\r\na=end-of-candidates\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level\r\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\na=fmtp:101 0-15\r\na=ice-pwd:0123456789abcdef0123456789abcdef\r\na=ice-ufrag:9f8e7d6c\r\na=mid:0\r\na=msid:{0a} {0b}\r\na=rtcp-mux\r\na=rtpmap:109 opus/48000/2\r\na=rtpmap:9 G722/8000/1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000/1\r\na=setup:actpass\r\na=ssrc:3000000 cname:{0c}\r\n";

const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";
const DATA: &str =
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n";

fn answer(offer: &str) -> Result<Negotiated, Refusal> {
    let candidates = [
        "192.0.2.1:5000".parse().unwrap(),
        "[2001:db8::1]:5000".parse().unwrap(),
    ];
    let local = Local {
        candidates: &candidates,
        tcp_candidates: &["192.0.2.1:443".parse().unwrap()],
        fingerprint: "AB:CD",
        legacy_srtp: false,
    };
    negotiate(offer, &local, &mut StdRng::seed_from_u64(7))
}

fn has(negotiated: &Negotiated, line: &str) -> bool {
    let mut lines = negotiated.answer.expose().split("\r\n");
    lines.any(|l| l == line)
}

#[test]
fn redundant_audio_data_is_agreed_on_where_it_holds_opus() {
    for (what, offer, expected) in [
        ("as Chromium offers it", CHROMIUM.to_owned(), Some(63)),
        ("Firefox", FIREFOX.to_owned(), None),
        (
            "three of a kind",
            CHROMIUM.replace("111/111", "111/111/111"),
            Some(63),
        ),
        (
            "of another codec",
            CHROMIUM.replace("111/111", "111/0"),
            None,
        ),
        ("of nothing", CHROMIUM.replace("111/111", ""), None),
        (
            "without parameters",
            CHROMIUM.replace("a=fmtp:63 111/111\r\n", ""),
            None,
        ),
        (
            "not in the line",
            CHROMIUM.replace("111 63 9", "111 9"),
            None,
        ),
        (
            "at another rate",
            CHROMIUM.replace("red/48000/2", "red/8000"),
            None,
        ),
        (
            "of Opus's own number",
            CHROMIUM
                .replace("rtpmap:63", "rtpmap:111")
                .replace("fmtp:63", "fmtp:111"),
            None,
        ),
    ] {
        let negotiated = answer(&offer).unwrap();
        assert_eq!(negotiated.media.redundant, expected, "{what}");
        let answered = negotiated.answer.expose().contains("red/");
        assert_eq!(answered, expected.is_some(), "{what}");
    }
}

#[test]
fn chromium_gets_an_answer() {
    let negotiated = answer(CHROMIUM).unwrap();
    let media = &negotiated.media;
    assert_eq!(media.payload_type, 111);
    assert_eq!(media.redundant, Some(63));
    assert_eq!(media.audio_level, Some(1));
    assert_eq!(media.remote_ufrag.expose(), "Xk3d");
    assert_eq!(media.fingerprints.len(), 1);
    assert_eq!(media.fingerprints[0].1[..3], [0, 0x11, 0x22]);
    for line in [
        "v=0",
        "a=ice-lite",
        "a=group:BUNDLE 0",
        "m=audio 5000 UDP/TLS/RTP/SAVPF 111 63",
        "c=IN IP4 192.0.2.1",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=setup:active",
        "a=fingerprint:sha-256 AB:CD",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 5000 typ host",
        "a=candidate:3 1 tcp 1520435199 192.0.2.1 443 typ host tcptype passive",
        "a=end-of-candidates",
        &format!("a=ice-ufrag:{}", media.local_ufrag),
        &format!("a=ssrc:{} cname:mix", media.ssrc),
    ] {
        assert!(has(&negotiated, line), "{line}");
    }
}

#[test]
fn firefox_announces_its_fingerprint_for_the_session() {
    let negotiated = answer(FIREFOX).unwrap();
    assert_eq!(negotiated.media.payload_type, 109);
    assert_eq!(negotiated.media.fingerprints[0].1[0], 0xa0);
    assert!(has(&negotiated, "m=audio 5000 UDP/TLS/RTP/SAVPF 109"));
}

#[test]
fn other_lines_keep_their_place_and_are_refused() {
    let offer = CHROMIUM
        .replace("BUNDLE 0", "BUNDLE 1 0 2")
        .replace("m=audio", &format!("{VIDEO}m=audio"))
        + DATA;
    let negotiated = answer(&offer).unwrap();
    let lines: Vec<_> = negotiated
        .answer
        .expose()
        .split("\r\n")
        .filter(|line| line.starts_with("m="))
        .collect();
    assert_eq!(
        lines,
        [
            "m=video 0 UDP/TLS/RTP/SAVPF 96",
            "m=audio 5000 UDP/TLS/RTP/SAVPF 111 63",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
        ]
    );
    assert!(has(&negotiated, "a=group:BUNDLE 0"));
}

#[test]
fn directions_are_mirrored() {
    for (theirs, ours) in [
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ] {
        let offer = CHROMIUM.replace("a=sendrecv", &format!("a={theirs}"));
        assert!(has(&answer(&offer).unwrap(), &format!("a={ours}")));
    }
}

#[test]
fn credentials_differ_between_legs() {
    let mut rng = StdRng::seed_from_u64(1);
    let local = Local {
        candidates: &[],
        tcp_candidates: &[],
        fingerprint: "",
        legacy_srtp: true,
    };
    let one = negotiate(CHROMIUM, &local, &mut rng).unwrap();
    let two = negotiate(CHROMIUM, &local, &mut rng).unwrap();
    assert_ne!(one.media.local_ufrag, two.media.local_ufrag);
    assert_ne!(one.media.local_password, two.media.local_password);
    assert_eq!(one.media.local_password.expose().len(), 24);
    assert!(one.media.legacy_srtp);
}

#[test]
fn refusals_name_what_is_wrong() {
    let long_mid = format!("a=mid:{}\r\n", "x".repeat(65));
    for (offer, refusal) in [
        (String::new(), Refusal::Malformed("version")),
        ("v=0\r\ns=-\r\n".to_owned(), Refusal::NoAudio),
        ("v=0\r\nnonsense\r\n".to_owned(), Refusal::Malformed("line")),
        ("v=0\r\nm=\r\n".to_owned(), Refusal::Malformed("media line")),
        (CHROMIUM.replace("m=audio 9", "m=audio 0"), Refusal::NoAudio),
        (CHROMIUM.replace("opus", "speex"), Refusal::NoCommonCodec),
        (
            CHROMIUM.replace("rtpmap:111", "rtpmap:72"),
            Refusal::NoCommonCodec,
        ),
        (
            CHROMIUM.replace("a=rtcp-mux\r\n", ""),
            Refusal::Unsupported("rtcp-mux"),
        ),
        (
            CHROMIUM.replace("actpass", "active"),
            Refusal::Unsupported("setup"),
        ),
        (
            CHROMIUM.replace("s=-\r\n", "s=-\r\na=ice-lite\r\n"),
            Refusal::Unsupported("ice-lite"),
        ),
        (
            CHROMIUM.replace("sha-256", "sha-1"),
            Refusal::Unsupported("fingerprint"),
        ),
        (
            CHROMIUM.replace("00:11:", "+0:11:"),
            Refusal::Unsupported("fingerprint"),
        ),
        (
            CHROMIUM.replace("a=fingerprint", "a=x"),
            Refusal::Malformed("no fingerprint"),
        ),
        (
            CHROMIUM.replace("ufrag:Xk3d", "ufrag:X:3d"),
            Refusal::Malformed("ice-ufrag"),
        ),
        (
            CHROMIUM.replace("u2vJ0z6b4Q0k9nCwJt8sYd1L", "short"),
            Refusal::Malformed("ice-pwd"),
        ),
        (
            CHROMIUM.replace("a=mid:0\r\n", &long_mid),
            Refusal::Malformed("mid"),
        ),
        (CHROMIUM.to_owned() + &VIDEO.repeat(8), Refusal::TooLarge),
        (
            CHROMIUM.to_owned() + &"a=x\r\n".repeat(4_000),
            Refusal::TooLarge,
        ),
    ] {
        assert_eq!(answer(&offer).unwrap_err(), refusal);
    }
}

#[test]
fn nothing_personal_is_printed() {
    let text = format!("{:?}", answer(CHROMIUM).unwrap());
    for secret in ["Xk3d", "192.0.2.1", "ice-pwd"] {
        assert!(!text.contains(secret));
    }
}

#[test]
fn collected_offers_of_the_vectors_are_answered_or_refused() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/vectors/webrtc-corpora/sdp-corpus"
    );
    let files = std::fs::read_dir(path).unwrap_or_else(|error| {
        panic!("{path}: {error}. Without the published vectors leave out what has `vectors` in its name.")
    });
    let mut count = 0;
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let _ = answer(&String::from_utf8_lossy(&bytes));
        count += 1;
    }
    assert!(count > 10);
}

proptest! {
    #[test]
    fn changed_offers_never_panic(
        firefox in any::<bool>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..20usize, "\\PC{0,6}|\r\n|a=|m=| "), 1..8),
    ) {
        let mut offer: Vec<char> = if firefox { FIREFOX } else { CHROMIUM }.chars().collect();
        for (at, length, text) in cuts {
            let at = at.index(offer.len());
            let until = (at + length).min(offer.len());
            offer.splice(at..until, text.chars());
        }
        let offer: String = offer.into_iter().collect();
        if let Ok(negotiated) = answer(&offer) {
            // Whatever was echoed, the answer has one accepted line and one line per offered line.
            let media = |text: &str| text.lines().filter(|line| line.starts_with("m=")).count();
            prop_assert_eq!(media(negotiated.answer.expose()), media(&offer));
            prop_assert!(negotiated.answer.expose().split("\r\n").all(|line| !line.contains(['\r', '\n'])));
        }
    }

    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}") {
        let _ = answer(&text);
    }
}
