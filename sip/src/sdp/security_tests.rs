//! Offers with keys as phones and exchanges send them, and how they are answered.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::sdp::{Agreed, AudioCodec, Bindings, Hidden, Local, offer_answer};

/// Of 30, 28 and 44 bytes.
const CM: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
const GCM_128: &str = "AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCw==";
const GCM_256: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AAQIDBAUGBwgJCgs=";
const DIGEST: &str = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

static RING: LazyLock<Keyring> = LazyLock::new(|| Keyring::draw(&mut StdRng::seed_from_u64(1)));

fn local<'a>(policy: Policy, current: &'a Security) -> Local<'a> {
    Local {
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        rtp_port: 30_000,
        session_id: 7,
        session_version: 1,
        codecs: &[AudioCodec::Pcma],
        keying: Keying {
            policy,
            ring: &RING,
            fingerprint: Some(DIGEST),
            current,
            mediasec: false,
        },
        allowed: &|address| address == IpAddr::V6(Ipv6Addr::LOCALHOST),
        hidden: Hidden::default(),
    }
}

/// A description whose lines after the session part are these; the names of keys stand for keys.
fn description(lines: &str) -> Description {
    let lines = lines
        .replace("{CM}", &format!("AES_CM_128_HMAC_SHA1_80 inline:{CM}"))
        .replace("{GCM_128}", &format!("AEAD_AES_128_GCM inline:{GCM_128}"))
        .replace("{GCM_256}", &format!("AEAD_AES_256_GCM inline:{GCM_256}"))
        .replace("{HEX}", DIGEST)
        .replace("{DIGEST}", &format!("a=fingerprint:sha-256 {DIGEST}"));
    let head = "v=0|o=- 1 1 IN IP4 198.51.100.7|s=-|c=IN IP4 198.51.100.7|t=0 0|";
    let text: String = (head.to_owned() + &lines)
        .split('|')
        .map(|line| format!("{}\r\n", line.replace('¦', "|")))
        .collect();
    Description::parse(text.as_bytes()).unwrap()
}

fn answer(lines: &str, policy: Policy) -> Result<(Description, Agreed), Refusal> {
    offer_answer::answer(&description(lines), &local(policy, &Security::Plain))
}

/// The lines of an answer that tell of protection, without their keys, or the refusal.
fn told(lines: &str, policy: Policy) -> String {
    match answer(lines, policy) {
        Err(refusal) => format!("{refusal:?}"),
        Ok((answer, agreed)) => {
            let line = |media: &Media| {
                let mut text = format!("{} {}", media.port, media.protocol);
                for attribute in &media.attributes {
                    let value = attribute.value.as_deref().unwrap_or_default();
                    match attribute.name.as_str() {
                        CRYPTO => {
                            text += &format!(" crypto:{}", value.split_once(" inline").unwrap().0)
                        }
                        SETUP => text += &format!(" {value}"),
                        FINGERPRINT => text += " fingerprint",
                        "acfg" => text += &format!(" acfg:{value}"),
                        _ => {}
                    }
                }
                text
            };
            let lines: Vec<String> = answer.media.iter().map(line).collect();
            let kind = match agreed.security {
                Security::Plain => "plain".to_owned(),
                Security::Sdes(sdes) => format!("{:?}", sdes.profile),
                Security::Dtls(peer) => format!("dtls {}", peer.fingerprints.len()),
            };
            format!("{kind}: {}", lines.join(", "))
        }
    }
}

#[test]
fn offers_are_answered_by_what_the_trunk_asks_for() {
    let mut table = String::new();
    for offer in OFFERS.iter().copied() {
        table += &format!("{offer}\n");
        for policy in [Policy::Required, Policy::Preferred, Policy::Off] {
            let told = told(offer, policy);
            table += &format!("    {:10} {told}\n", format!("{policy:?}"));
        }
    }
    insta::assert_snapshot!(table);
}

/// What our offers and answers say besides where `mediasec` was negotiated: as often as they have keys.
#[test]
fn lines_with_keys_ask_for_protection_to_the_access_edge() {
    let asked = |said: &Description| {
        let asked = said.media[0].values(ACCESS_EDGE).collect::<Vec<_>>();
        asked == ["requested"]
    };
    for mediasec in [true, false] {
        let of = |policy| {
            let mut local = local(policy, &Security::Plain);
            local.keying.mediasec = mediasec;
            local
        };
        let ours = |policy| offer_answer::offer(&of(policy), &Bindings::default());
        assert_eq!(asked(&ours(Policy::Required)), mediasec);
        assert_eq!(asked(&ours(Policy::Preferred)), mediasec);
        assert!(!asked(&ours(Policy::Off)));
        let answered = |lines: &str| {
            let offer = description(lines);
            offer_answer::answer(&offer, &of(Policy::Preferred))
                .unwrap()
                .0
        };
        let keys = "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}";
        assert_eq!(asked(&answered(keys)), mediasec);
        assert_eq!(
            asked(&answered(&format!("{keys}|a=3ge2ae:requested"))),
            mediasec
        );
        assert!(!asked(&answered("m=audio 4000 RTP/AVP 8")));
        let dtls = "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:actpass|{DIGEST}";
        assert!(!asked(&answered(dtls)));
    }
}

#[test]
fn the_answer_brings_our_key_under_the_offers_tag() {
    let offer = "m=audio 4000 RTP/AVP 8|a=crypto:7 {GCM_128}|a=crypto:9 {CM}";
    let (answer, agreed) = answer(offer, Policy::Required).unwrap();
    let ours = RING.of(Profile::AeadAes128Gcm);
    let line = answer.media[0].values(CRYPTO).next().unwrap();
    let line = CryptoLine::parse(line).unwrap();
    assert_eq!((line.tag, &line.keys), (7, ours));
    let Security::Sdes(sdes) = agreed.security else {
        panic!("no keys")
    };
    assert_eq!((sdes.profile, &sdes.ours), (Profile::AeadAes128Gcm, ours));
    assert_eq!(sdes.theirs.key.expose()[..3], [0, 1, 2]);
    assert_eq!(sdes.theirs.salt.expose()[..3], [0, 1, 2]);
}

/// The key that counts is the one of the configuration that the answer names (RFC 5939 §3.6.2).
#[test]
fn a_potential_configuration_is_answered_as_if_it_had_been_offered() {
    let offer =
        "m=audio 4000 RTP/AVP 8|a=tcap:1 RTP/SAVP|a=acap:4 crypto:7 {GCM_128}|a=pcfg:3 t=1 a=4";
    let (answer, agreed) = answer(offer, Policy::Required).unwrap();
    let media = &answer.media[0];
    assert_eq!(media.protocol, "RTP/SAVP");
    assert_eq!(media.values("acfg").collect::<Vec<_>>(), ["3 t=1 a=4"]);
    assert!(!media.has("pcfg") && !media.has("acap"));
    let line = CryptoLine::parse(media.values(CRYPTO).next().unwrap()).unwrap();
    assert_eq!(line.tag, 7);
    let Security::Sdes(sdes) = agreed.security else {
        panic!("no keys")
    };
    assert_eq!(sdes.theirs.key.expose()[..3], [0, 1, 2]);
}

#[test]
fn our_offer_is_concluded_by_what_the_answer_makes_of_it() {
    let conclude = |policy, answer: &str| {
        let plain = Security::Plain;
        let local = local(policy, &plain);
        let offer = offer_answer::offer(&local, &Bindings::default());
        let agreed = offer_answer::conclude(&offer, &description(answer), &local)?;
        Ok::<_, Refusal>(match agreed.security {
            Security::Sdes(sdes) => Some((sdes.profile, sdes.ours == *RING.of(sdes.profile))),
            Security::Plain => None,
            Security::Dtls(_) => panic!("nobody offered DTLS"),
        })
    };
    use Policy::{Off, Preferred, Required};
    let cm = Ok(Some((Profile::AesCm128HmacSha1_80, true)));
    let gcm = Ok(Some((Profile::AeadAes256Gcm, true)));
    let plain = "m=audio 4000 RTP/AVP 8";
    for (policy, answer, expected) in [
        (Required, "m=audio 4000 RTP/SAVP 8|a=crypto:3 {CM}", cm),
        (
            Required,
            "m=audio 4000 RTP/SAVP 8|a=crypto:1 {GCM_256}",
            gcm,
        ),
        (Preferred, "m=audio 4000 RTP/AVP 8|a=crypto:3 {CM}", cm),
        (Preferred, plain, Ok(None)),
        (Off, plain, Ok(None)),
        (Required, plain, Err(Refusal::Unprotected)),
        (
            Required,
            "m=audio 4000 RTP/SAVP 8",
            Err(Refusal::NoCommonKeying),
        ),
        // A key that we did not offer a place for.
        (
            Required,
            "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}",
            Err(Refusal::Mismatch),
        ),
        (
            Required,
            "m=audio 4000 RTP/SAVP 8|a=crypto:4 {CM}",
            Err(Refusal::Mismatch),
        ),
        (
            Required,
            "m=audio 4000 RTP/SAVP 8|a=crypto:3 {CM}¦1:4",
            Err(Refusal::NoCommonKeying),
        ),
        (
            Off,
            "m=audio 4000 RTP/SAVP 8|a=crypto:3 {CM}",
            Err(Refusal::NoCommonKeying),
        ),
    ] {
        assert_eq!(conclude(policy, answer), expected, "{policy:?} {answer}");
    }
}

#[test]
fn a_session_over_dtls_stays_with_it() {
    let peer = DtlsPeer {
        fingerprints: Vec::new(),
        association: None,
    };
    let current = Security::Dtls(Box::new(peer));
    let local = local(Policy::Required, &current);
    let offer = offer_answer::offer(&local, &Bindings::default());
    let media = &offer.media[0];
    assert_eq!(media.protocol, "UDP/TLS/RTP/SAVP");
    assert_eq!(media.values(SETUP).next(), Some("actpass"));
    assert!(!media.has(CRYPTO));
    let conclude = |setup: &str| {
        let lines = format!("m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:{setup}|{{DIGEST}}");
        let agreed = offer_answer::conclude(&offer, &description(&lines), &local)?;
        Ok::<_, Refusal>(agreed.security.is_protected())
    };
    assert_eq!(conclude("passive"), Ok(true));
    assert_eq!(conclude("active"), Err(Refusal::NoCommonKeying));
}

/// Who goes on with an association may say what it likes of who begins; another name of it is another one.
#[test]
fn an_association_that_goes_on_needs_nobody_to_begin() {
    let line = "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:actpass|a=tls-id:first|{DIGEST}";
    let (_, before) = answer(line, Policy::Required).unwrap();
    let local = local(Policy::Required, &before.security);
    let offer = offer_answer::offer(&local, &Bindings::default());
    for (name, expected) in [("first", Some(true)), ("second", None)] {
        let lines =
            format!("m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:active|a=tls-id:{name}|{{DIGEST}}");
        let agreed = offer_answer::conclude(&offer, &description(&lines), &local);
        let same = agreed.ok().map(|agreed| agreed.security == before.security);
        assert_eq!(same, expected, "{name}");
    }
    let renamed = line.replace("first", "second");
    let (_, after) = offer_answer::answer(&description(&renamed), &local).unwrap();
    assert_ne!(after.security, before.security, "another handshake");
}

/// A call that was agreed on as SRTP and nothing else is offered so in mid-call, too, where the trunk only prefers it.
#[test]
fn a_line_for_srtp_alone_stays_one_in_the_middle_of_a_call() {
    for (asked, expected) in [
        ("m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}", "RTP/SAVP"),
        ("m=audio 4000 RTP/AVP 8|a=crypto:1 {CM}", "RTP/AVP"),
        ("m=audio 4000 RTP/AVP 8", "RTP/AVP"),
    ] {
        let asked = description(&asked.replace('|', "\n"));
        let (answer, agreed) =
            offer_answer::answer(&asked, &local(Policy::Preferred, &Security::Plain)).unwrap();
        let mut session = Bindings::default();
        session.note(&asked);
        session.note(&answer);
        let local = local(Policy::Preferred, &agreed.security);
        let ours = offer_answer::offer(&local, &session);
        assert_eq!(ours.media[0].protocol, expected);
        let plain = description("m=audio 4000 RTP/AVP 8");
        let concluded = offer_answer::conclude(&ours, &plain, &local).map(|agreed| agreed.security);
        let refused = (expected == "RTP/SAVP").then_some(Refusal::Unprotected);
        assert_eq!(concluded.err(), refused, "an answer in the clear");
    }
}

#[test]
fn special_addresses_of_ipv6_are_refused_in_every_spelling() {
    let plain = Security::Plain;
    let local = Local {
        address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ..local(Policy::Off, &plain)
    };
    let answer = |address: &str| {
        let lines = format!("m=audio 4000 RTP/AVP 8|c=IN IP6 {address}");
        offer_answer::answer(&description(&lines), &local).map(|_| ())
    };
    for address in [
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:198.51.100.7",
        "::127.0.0.1",
        "::2",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:1::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "0:0:0:0:0:FFFF:0A00:0001",
    ] {
        assert_eq!(answer(address), Err(Refusal::UnusableAddress), "{address}");
    }
    for address in ["2001:db8::1", "2a00::1", "::1"] {
        assert_eq!(answer(address), Ok(()), "{address}");
    }
}

/// What is offered after the session part.
const OFFERS: [&str; 44] = [
    "m=audio 4000 RTP/AVP 8",
    "m=audio 4000 RTP/AVPF 8",
    "m=audio 4000 RTP/SAVP 8",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}",
    "m=audio 4000 RTP/SAVPF 8|a=crypto:1 {GCM_128}",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {GCM_256}|a=crypto:2 {CM}",
    // The first usable one, in the order of the offer.
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}|a=crypto:2 {GCM_256}",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:x|a=crypto:2 {CM}",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM} UNENCRYPTED_SRTP|a=crypto:2 {CM}",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM} UNENCRYPTED_SRTCP",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}¦2^31",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}¦2^31¦1:1",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}¦1:4|a=crypto:2 {CM}",
    // RFC 8643, and with the capabilities of RFC 5939 beside it.
    "m=audio 4000 RTP/AVP 8|a=crypto:1 {CM}",
    "m=audio 4000 RTP/AVPF 8|a=crypto:1 {CM}",
    "m=audio 4000 RTP/AVP 8|a=tcap:1 RTP/SAVP|a=pcfg:1 t=1|a=crypto:1 {CM}",
    "m=audio 4000 RTP/AVP 8|a=tcap:1 RTP/SAVP|a=acap:1 crypto:1 {CM}|a=pcfg:1 t=1 a=1",
    "m=audio 4000 RTP/AVP 8|a=tcap:1 RTP/SAVPF RTP/SAVP|a=acap:1 crypto:1 x|a=acap:2 crypto:2 {CM}|a=pcfg:1 t=1¦2 a=1¦2",
    "m=audio 4000 RTP/AVP 8|a=tcap:1 RTP/SAVP|a=acap:1 crypto:1 {CM} UNENCRYPTED_SRTP|a=pcfg:1 t=1 a=1",
    "m=audio 4000 RTP/AVP 8|a=tcap:1 RTP/SAVP|a=acap:1 crypto:1 {CM}|a=pcfg:1 t=1",
    "m=audio 4000 RTP/AVP 8|a=creq:med-v0|a=tcap:1 RTP/SAVP|a=acap:1 crypto:1 {CM}|a=pcfg:1 t=1 a=1",
    "m=audio 4000 RTP/AVP 18|a=rtpmap:18 G729/8000|a=tcap:1 RTP/SAVP|a=acap:1 crypto:1 {CM}|a=pcfg:1 t=1 a=1",
    "m=audio 4000 RTP/AVP 8|a=tcap:1 UDP/TLS/RTP/SAVP|a=acap:1 setup:actpass|a=acap:2 fingerprint:sha-256 {HEX}|a=pcfg:1 t=1 a=1,2",
    "m=audio 4000 RTP/AVP 8|a=acap:1 crypto:1 {CM}|a=pcfg:1 a=1",
    "m=audio 4000 RTP/AVP 8|a=crypto:1 {CM} UNENCRYPTED_SRTP",
    "m=audio 4000 RTP/AVP 8|a=setup:actpass|{DIGEST}",
    // Two lines for the same sound.
    "m=audio 4000 RTP/AVP 8|m=audio 4002 RTP/SAVP 8|a=crypto:1 {CM}",
    "m=audio 4000 RTP/SAVP 8|a=crypto:1 {CM}|m=audio 4002 RTP/AVP 8",
    "m=audio 4000 RTP/SAVP 18|a=crypto:1 {CM}|m=audio 4002 RTP/AVP 8",
    "m=audio 4000 RTP/AVP 8|m=video 4002 RTP/SAVP 31|a=crypto:1 {CM}",
    // DTLS.
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:actpass|{DIGEST}",
    "m=audio 4000 UDP/TLS/RTP/SAVPF 8|a=setup:passive|{DIGEST}",
    "{DIGEST}|a=setup:actpass|m=audio 4000 UDP/TLS/RTP/SAVP 8",
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:active|{DIGEST}",
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:holdconn|{DIGEST}",
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|{DIGEST}",
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:actpass",
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:actpass|a=fingerprint:sha-1 00:11",
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=setup:actpass|a=fingerprint:sha-1 00:11|{DIGEST}|{DIGEST}",
    "m=audio 4000 UDP/TLS/RTP/SAVP 8|a=crypto:1 {CM}",
    "m=audio 4000 RTP/SAVP 8|a=setup:actpass|{DIGEST}|a=crypto:1 {CM}",
    "m=audio 4000 RTP/SAVP 8|a=setup:active|{DIGEST}|a=crypto:1 {CM}",
    "m=audio 4000 RTP/SAVP 8|a=setup:actpass|{DIGEST}",
    "m=audio 4000 TCP/TLS/RTP/SAVP 8|a=setup:actpass|{DIGEST}",
];
