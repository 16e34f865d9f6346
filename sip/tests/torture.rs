//! Messages that are hard to read: RFC 4475, RFC 5118, recorded call flows, mutations, and a second parser's opinion.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod world;

use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};

use proptest::prelude::*;
use sip::{Endpoint, Event, sdp::Description};
use world::{Message, SDP, endpoint, events, status, t0, transmits, udp};

/// What may come of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The door is asked.
    Invited,
    /// A final response.
    Answered(u16),
    /// Nothing is sent.
    Silence,
}

/// The phrases of `expect.csv`, each with what it allows.
fn is_expected(phrase: &str, outcome: Outcome) -> bool {
    let Outcome::Answered(status) = outcome else {
        let silent = outcome == Outcome::Silence;
        return match phrase {
            "parse" | "drop" => silent,
            _ => !silent && accepts(phrase),
        };
    };
    match phrase {
        "400" => status == 400,
        "400 (may tolerate)" => status == 400 || status == 200,
        "200" => status == 200,
        "200 or 400" => status == 200 || status == 400,
        "200 or 404" => status == 200 || status == 404,
        "420 with Unsupported" => status == 420,
        "415 with Accept" => status == 415,
        "416" => status == 416,
        "501 or 405" => status == 501 || status == 405,
        "401 or 403/405" => matches!(status, 401 | 403 | 405),
        "one response only" => (200..700).contains(&status),
        "not 400" | "not 400 (403/404/405/501 if no registrar)" | "not 400 (405/415 allowed)" => {
            status != 400
        }
        "400 or accept" => true,
        _ if accepts(phrase) => status != 400,
        _ => panic!("unknown phrase in expect.csv: {phrase}"),
    }
}

/// "accept", also with a section in front and a remark behind.
fn accepts(phrase: &str) -> bool {
    phrase.split([' ', ';']).any(|word| word == "accept")
}

/// The folder of published vectors of that name, if it is there.
fn found(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vectors")
        .join(name);
    path.is_dir().then_some(path)
}

/// The same for tests that cannot do without it: they have `vectors` in their names.
fn vectors(name: &str) -> PathBuf {
    found(name).unwrap_or_else(|| {
        panic!("../shared/vectors/{name} is absent. Without the published vectors leave out what has `vectors` in its name.")
    })
}

/// Splits one line of `expect.csv`; only the last column is quoted and contains commas.
fn expectations(folder: &std::path::Path, column: usize) -> Vec<(String, String)> {
    let table = fs::read_to_string(folder.join("expect.csv")).unwrap();
    let rows = table.lines().skip(1).filter(|line| !line.is_empty());
    rows.map(|line| {
        let mut fields = line.split(',');
        let file = fields.next().unwrap().to_owned();
        (file, fields.nth(column - 1).unwrap().to_owned())
    })
    .collect()
}

/// Feeds one datagram to a fresh endpoint.
fn feed(bytes: &[u8], now: Instant) -> (Endpoint, Outcome, Vec<String>) {
    let mut endpoint = endpoint();
    endpoint.handle_datagram(udp(), bytes, now);
    let sent = transmits(&mut endpoint);
    let invited = events(&mut endpoint)
        .iter()
        .any(|event| matches!(event, Event::Invite { .. }));
    let finals: Vec<u16> = sent
        .iter()
        .map(|text| status(text))
        .filter(|status| *status >= 200)
        .collect();
    assert!(finals.len() <= 1, "one response at most");
    let outcome = match finals.first() {
        Some(status) => Outcome::Answered(*status),
        None if invited => Outcome::Invited,
        None => Outcome::Silence,
    };
    (endpoint, outcome, sent)
}

/// Whatever came before, the next caller is served.
fn serves_the_next(endpoint: &mut Endpoint, now: Instant) {
    let options = Message::new("OPTIONS", 1, "control-options").text();
    endpoint.handle_datagram(udp(), options.as_bytes(), now);
    assert_eq!(world::statuses(endpoint), [200]);
    let invite = Message {
        body: SDP,
        ..Message::new("INVITE", 1, "control-invite")
    };
    endpoint.handle_datagram(udp(), invite.text().as_bytes(), now);
    assert_eq!(world::statuses(endpoint), [100]);
    assert!(matches!(
        events(endpoint)[..],
        [Event::Invite { offer: Some(_), .. }]
    ));
}

fn run(name: &str, column: usize, repair: impl Fn(Vec<u8>) -> Vec<u8>) {
    let folder = vectors(name);
    let now = t0();
    let cases = expectations(&folder, column);
    assert!(!cases.is_empty());
    let mut wrong = BTreeMap::new();
    for (file, phrase) in &cases {
        let bytes = repair(fs::read(folder.join(file)).unwrap());
        let (mut endpoint, outcome, sent) = feed(&bytes, now);
        let mut right = is_expected(phrase, outcome);
        if let Some((_, wanted)) = phrase.split_once(" with ") {
            right &= sent.iter().any(|text| world::field(text, wanted).is_some());
        }
        if !right {
            wrong.insert(file, (phrase, outcome));
        }
        serves_the_next(&mut endpoint, now);
    }
    eprintln!(
        "{name}: {} of {} as expected",
        cases.len() - wrong.len(),
        cases.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn with_crlf(bytes: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    let text = if text.contains("\n\n") {
        text
    } else {
        text + "\n"
    };
    text.replace('\n', "\r\n").into_bytes()
}

#[test]
fn vectors_of_rfc_4475_are_answered_as_the_rfc_expects() {
    run("rfc4475", 3, |bytes| bytes);
}

#[test]
fn vectors_of_rfc_5118_are_answered_as_the_rfc_expects() {
    run("rfc5118", 1, with_crlf);
}

fn files(folder: PathBuf) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths {
            let is_note = path
                .extension()
                .is_some_and(|end| end == "md" || end == "csv");
            match path.is_dir() {
                true => folders.push(path),
                false if is_note => {}
                false => found.push(fs::read(path).unwrap()),
            }
        }
    }
    found
}

#[test]
fn recorded_call_flows_of_the_vectors_survive_parsing_and_printing() {
    let now = t0();
    let flows = files(vectors("sip-callflows"));
    for bytes in &flows {
        let (mut endpoint, ..) = feed(bytes, now);
        serves_the_next(&mut endpoint, now);
        let limits = sipx_sip::Limits::datagram();
        let parse = |bytes: &[u8]| {
            sipx_sip::parse_datagram(bytes::Bytes::copy_from_slice(bytes), &limits).unwrap()
        };
        let message = parse(bytes);
        let again = parse(&message.to_bytes());
        let rows = |message: &sipx_sip::Message| -> Vec<(String, Vec<u8>)> {
            let headers = message.headers().iter();
            headers
                .map(|header| (header.name().to_string(), header.value().into_owned()))
                .collect()
        };
        assert_eq!(
            (rows(&message), message.body()),
            (rows(&again), again.body())
        );
        if message.body().starts_with(b"v=0") {
            let description = Description::parse(message.body()).unwrap();
            assert_eq!(
                Description::parse(description.print().as_bytes()),
                Ok(description)
            );
        }
    }
    eprintln!("sip-callflows: {} of {}", flows.len(), flows.len());
    assert_eq!(flows.len(), 143);
}

/// Method, Request-URI, Call-ID and CSeq as two parsers read them.
#[test]
fn a_second_parser_reads_ordinary_messages_alike() {
    let methods = ["INVITE", "ACK", "BYE", "OPTIONS", "CANCEL"];
    let texts = methods.map(|method| Message::new(method, 17, "x").text());
    assert_eq!(read_alike(texts.into()), methods.len());
}

#[test]
fn a_second_parser_reads_the_requests_of_the_vectors_alike() {
    let texts = files(vectors("sip-callflows")).into_iter();
    let texts = texts.map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(read_alike(texts.collect()) > 30);
}

/// Asserts that two parsers read the requests among these alike; returns how many they are.
fn read_alike(texts: Vec<String>) -> usize {
    use rsip::prelude::{HeadersExt, UntypedHeader};
    let mut compared = 0;
    for text in texts {
        let Ok(theirs) = rsip::Request::try_from(text.as_bytes()) else {
            continue;
        };
        let limits = sipx_sip::Limits::datagram();
        let ours = sipx_sip::parse_datagram(bytes::Bytes::from(text.clone()), &limits).unwrap();
        let ours = ours.as_request().unwrap();
        let cseq = ours.headers.typed::<sipx_sip::CSeq>().unwrap().unwrap();
        let call_id = ours.headers.typed::<sipx_sip::CallId>().unwrap().unwrap();
        assert_eq!(theirs.method.to_string(), ours.method.to_string());
        // One of them writes the transport in capitals.
        assert_eq!(
            theirs.uri.to_string().to_ascii_lowercase(),
            ours.uri.to_string().to_ascii_lowercase()
        );
        assert_eq!(
            theirs.call_id_header().unwrap().value().as_bytes(),
            call_id.0
        );
        assert_eq!(theirs.cseq_header().unwrap().seq().unwrap(), cseq.sequence);
        compared += 1;
    }
    compared
}

/// The texts that mutations start from: our own, and where they are there the published ones, too.
fn seeds() -> Vec<Vec<u8>> {
    let methods = [
        "INVITE", "ACK", "BYE", "OPTIONS", "CANCEL", "INFO", "UPDATE", "PRACK",
    ];
    let own = methods.map(|method| Message {
        body: SDP,
        ..Message::new(method, 1, "seed")
    });
    let mut seeds: Vec<Vec<u8>> = own
        .iter()
        .map(|message| message.text().into_bytes())
        .collect();
    seeds.extend(found("rfc4475").into_iter().flat_map(files));
    let more = found("rfc5118").into_iter().flat_map(files);
    seeds.extend(more.map(with_crlf));
    seeds
}

/// What a peer may send in a call: the n-th step of it, with our tag and in answer to our last OPTIONS.
fn company(kind: usize, number: usize, tag: &str, asked: &str) -> String {
    let cseq = u32::try_from(number).unwrap() + 1;
    let branch = format!("b{number}");
    let within = |method, cseq, body| {
        Message {
            to_tag: tag,
            body,
            ..Message::new(method, cseq, &branch)
        }
        .text()
    };
    match kind {
        0 => Message {
            body: SDP,
            ..Message::new("INVITE", cseq, &branch)
        }
        .text(),
        1 => within("ACK", cseq.saturating_sub(1), ""),
        2 => within("ACK", cseq.saturating_sub(1), SDP),
        3 => within("INVITE", cseq, SDP),
        4 => within("INVITE", cseq, ""),
        5 => within("BYE", cseq, ""),
        6 => Message::new(
            "CANCEL",
            cseq - 1,
            &format!("b{}", number.saturating_sub(1)),
        )
        .text(),
        7 => within("UPDATE", cseq, SDP),
        8 => Message {
            to_tag: tag,
            extra: "Contact: <sip:anna@198.51.100.7>\r\nSupported: timer\r\nSession-Expires: 90\r\nAllow: UPDATE\r\n",
            ..Message::new("UPDATE", cseq, &branch)
        }
        .text(),
        9 => within("PRACK", cseq, ""),
        _ => world::phone_answer(asked),
    }
}

/// What the door does about an event, differently from step to step.
fn reaction(event: &Event, number: usize) -> Option<sip::Command> {
    let (Event::Invite { call, offer, .. } | Event::Reinvite { call, offer }) = event else {
        let (Event::Established { call, .. } | Event::Renegotiated { call, .. }) = event else {
            return None;
        };
        return Some(sip::Command::Ping { call: *call });
    };
    let call = *call;
    match number % 4 {
        0 => None,
        1 => Some(sip::Command::Reject {
            call,
            status: 486,
            reason: "Busy Here",
            retry_after: None,
            cause: None,
        }),
        _ => {
            let answer = |offer| sip::sdp::offer_answer::answer(offer, &world::local()).ok();
            let sdp = match offer {
                Some(offer) => answer(offer)?.0,
                None => world::described(None),
            };
            Some(sip::Command::Accept { call, sdp })
        }
    }
}

/// One change to a message.
#[derive(Debug, Clone)]
enum Mutation {
    Set(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn mutations() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (
            any::<usize>(),
            proptest::sample::select(&b"\r\n;:,<>\"@%[]= \t\0"[..])
        )
            .prop_map(|(at, byte)| Mutation::Set(at, byte)),
        any::<usize>().prop_map(Mutation::Cut),
        (any::<usize>(), 1..40_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (any::<usize>(), 1..400_usize).prop_map(|(at, length)| Mutation::Repeat(at, length)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let length = bytes.len().max(1);
    match *mutation {
        Mutation::Set(at, byte) => {
            if let Some(old) = bytes.get_mut(at % length) {
                *old = byte;
            }
        }
        Mutation::Cut(at) => bytes.truncate(at % length),
        Mutation::Remove(at, count) => {
            let start = (at % length).min(bytes.len());
            let end = (start + count).min(bytes.len());
            bytes.drain(start..end);
        }
        Mutation::Repeat(at, count) => {
            let start = (at % length).min(bytes.len());
            let end = (start + count).min(bytes.len());
            let piece = bytes[start..end].to_vec();
            bytes.splice(start..start, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_messages_are_survived(
        seed in proptest::sample::select(seeds()),
        mutations in proptest::collection::vec(mutations(), 1..6),
        cut in any::<usize>(),
    ) {
        let now = t0();
        let mut bytes = seed;
        mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
        let (mut endpoint, ..) = feed(&bytes, now);
        let (left, right) = bytes.split_at(cut % (bytes.len() + 1));
        endpoint.handle_stream(world::tcp(), left, now);
        endpoint.handle_stream(world::tcp(), right, now);
        for _ in 0..100 {
            let Some(next) = endpoint.poll_timeout() else { break };
            endpoint.handle_timeout(next);
        }
        events(&mut endpoint);
        let sent = transmits(&mut endpoint);
        prop_assert!(sent.len() < 100);
    }

    /// However broken the peer's side of a call is, the door hears of its end once, and in the end nothing is left.
    #[test]
    fn a_call_in_broken_company_ends_once(
        steps in proptest::collection::vec((0..11_usize, proptest::collection::vec(mutations(), 0..3), 0..9_u64), 1..12),
    ) {
        let mut now = t0();
        let (mut endpoint, mut told) = (endpoint(), Vec::new());
        let (mut tag, mut asked) = (String::new(), String::new());
        for (number, (kind, mutations, pause)) in steps.iter().enumerate() {
            let mut bytes = company(*kind, number, &tag, &asked).into_bytes();
            mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
            endpoint.handle_datagram(udp(), &bytes, now);
            now += std::time::Duration::from_secs(*pause);
            while endpoint.poll_timeout().is_some_and(|next| next <= now) {
                endpoint.handle_timeout(now);
            }
            for event in events(&mut endpoint) {
                if let Some(command) = reaction(&event, number) {
                    endpoint.handle(command, now);
                }
                told.push(event);
            }
            for text in transmits(&mut endpoint) {
                if let Some((_, found)) = world::field(&text, "To").and_then(|to| to.split_once(";tag=")) {
                    tag = found.to_owned();
                }
                if text.starts_with("OPTIONS") {
                    asked = text;
                }
            }
        }
        for call in told.iter().filter_map(world::invited).collect::<Vec<_>>() {
            endpoint.handle(sip::Command::Bye { call, cause: None }, now);
        }
        while let Some(next) = endpoint.poll_timeout() {
            endpoint.handle_timeout(next);
        }
        told.extend(events(&mut endpoint));
        for call in told.iter().filter_map(world::invited) {
            let ends = told.iter().filter(|event| matches!(event, Event::Ended { call: ended, .. } if *ended == call));
            prop_assert_eq!(ends.count(), 1);
        }
        prop_assert_eq!((endpoint.calls(), endpoint.transactions()), (0, 0));
    }

    #[test]
    fn noise_is_never_answered(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let (endpoint, outcome, _) = feed(&bytes, t0());
        prop_assert_eq!(outcome, Outcome::Silence);
        prop_assert_eq!(endpoint.poll_timeout(), None);
    }
}
