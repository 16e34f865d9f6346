//! What of a browser's DTLS datagrams the library gets to see while the handshake runs.
//!
//! Before the server's Finished nothing in DTLS 1.2 is authenticated (RFC 6347 §4.1.2.7), so whoever can send from the
//! browser's address can send records. The library therefore never sees a record as it came: handshake messages are
//! put together here, within bounds, checked for being what the handshake expects at that place, and handed over as one
//! whole flight in records of our own making. It never sees fragments, alerts, repeats or half a flight.
//!
//! ```text
//! Hello     ServerHello, Certificate, ServerKeyExchange, CertificateRequest?, ServerHelloDone ─ one datagram ─► library
//! Finished  ChangeCipherSpec, then records of epoch 1                                         ─ as they come ─► library
//! ```
//!
//! Invariants: memory is bounded by [`HANDSHAKE_PARTS_MAX`] and [`HANDSHAKE_MESSAGE_MAX`]; a message of an earlier
//! flight means that our answer to it was lost.

use crate::{
    limit::{HANDSHAKE_MESSAGE_MAX, HANDSHAKE_PARTS_MAX, HANDSHAKE_SEALED_MAX, SEALED_RECORD_MAX},
    media::leg::secure::fingerprint::Fingerprints,
};

/// What a datagram meant for the handshake.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Nothing of use yet.
    Nothing,
    /// The peer repeats a flight that was answered: the answer was lost.
    Repeated,
    /// The peer's flight is complete: a datagram for the library, to which it answers with a flight.
    Flight(Vec<u8>),
    /// Records of the peer's last flight: a datagram for the library.
    Last(Vec<u8>),
}

/// Collects a server's flights.
#[derive(Debug)]
pub(super) struct Flights {
    fingerprints: Fingerprints,
    /// Sequence number of the flight's first message.
    next: u16,
    /// Sequence number of the next record we make.
    record: u64,
    awaits: Awaits,
    /// The peer seems to refuse: a plaintext alert or a foreign certificate came, either of which may be forged.
    suspect: bool,
}

#[derive(Debug)]
enum Awaits {
    Hello(Assembly),
    Finished { keys_changed: bool, sealed: usize },
}

/// A flight being put together: whole messages by place, and messages of which parts are missing.
#[derive(Debug, Default)]
struct Assembly {
    whole: [Option<Message>; PLACES],
    partial: Vec<Partial>,
}

#[derive(Debug)]
struct Message {
    kind: u8,
    body: Vec<u8>,
}

#[derive(Debug)]
struct Partial {
    place: usize,
    message: Message,
    present: Vec<bool>,
}

/// A handshake fragment (RFC 6347 §4.2.2).
struct Fragment<'a> {
    kind: u8,
    length: usize,
    sequence: u16,
    offset: usize,
    bytes: &'a [u8],
}

/// A record (RFC 6347 §4.1).
struct Record<'a> {
    kind: u8,
    epoch: u16,
    body: &'a [u8],
    whole: &'a [u8],
}

impl Flights {
    pub(super) fn new(fingerprints: Fingerprints) -> Self {
        Self {
            fingerprints,
            next: 0,
            record: 0,
            awaits: Awaits::Hello(Assembly::default()),
            suspect: false,
        }
    }

    /// Tells, once, whether something came that says the peer will not go on; forged or not.
    pub(super) const fn take_suspicion(&mut self) -> bool {
        std::mem::replace(&mut self.suspect, false)
    }

    /// Takes a datagram.
    pub(super) fn handle(&mut self, datagram: &[u8]) -> Admitted {
        let mut repeated = false;
        let mut last = Vec::new();
        let mut rest = datagram;
        while let Some(record) = take_record(&mut rest) {
            match (record.kind, record.epoch) {
                (HANDSHAKE, 0) => repeated |= self.handle_fragments(record.body),
                (CHANGE_CIPHER_SPEC, 0) => self.handle_change(record.body, &mut last),
                (HANDSHAKE, 1) => self.handle_sealed(&record, &mut last),
                (ALERT, 0) => self.suspect |= record.body.first() == Some(&FATAL),
                _ => {}
            }
        }
        if let Some(flight) = self.take_flight() {
            return Admitted::Flight(flight);
        }
        match (last.is_empty(), repeated) {
            (false, _) => Admitted::Last(last),
            (true, true) => Admitted::Repeated,
            (true, false) => Admitted::Nothing,
        }
    }

    /// Takes the fragments of a plaintext record; tells whether one belongs to a flight that was answered.
    fn handle_fragments(&mut self, mut body: &[u8]) -> bool {
        let mut repeated = false;
        while let Some(fragment) = take_fragment(&mut body) {
            let Some(place) = fragment.sequence.checked_sub(self.next) else {
                repeated = true;
                continue;
            };
            let place = usize::from(place);
            if let Awaits::Hello(assembly) = &mut self.awaits
                && may_stand_at(place, fragment.kind)
                && fragment.length <= HANDSHAKE_MESSAGE_MAX
                && let Some(message) = assembly.add(place, &fragment)
            {
                match check(&message, &self.fingerprints) {
                    Verdict::Good => assembly.keep(place, message),
                    Verdict::Foreign => self.suspect = true,
                    Verdict::Broken => {}
                }
            }
        }
        repeated
    }

    fn handle_change(&mut self, body: &[u8], last: &mut Vec<u8>) {
        if let Awaits::Finished { keys_changed, .. } = &mut self.awaits
            && !*keys_changed
            && body == [1]
        {
            *keys_changed = true;
            let sequence = self.next_record();
            write_record(last, CHANGE_CIPHER_SPEC, sequence, body);
        }
    }

    fn handle_sealed(&mut self, record: &Record<'_>, last: &mut Vec<u8>) {
        if let Awaits::Finished {
            keys_changed: true,
            sealed,
        } = &mut self.awaits
            && *sealed < HANDSHAKE_SEALED_MAX
            && record.whole.len() <= SEALED_RECORD_MAX
        {
            *sealed += 1;
            last.extend_from_slice(record.whole);
        }
    }

    /// Takes the flight as one datagram, once its last message has come.
    fn take_flight(&mut self) -> Option<Vec<u8>> {
        let Awaits::Hello(assembly) = &mut self.awaits else {
            return None;
        };
        let count = assembly.complete()?;
        let messages: Vec<Message> = assembly.whole[..count]
            .iter_mut()
            .filter_map(Option::take)
            .collect();
        let verify = messages[0].kind == HELLO_VERIFY_REQUEST;
        let mut datagram = Vec::new();
        for message in messages {
            let record = self.next_record();
            write_message(&mut datagram, record, self.next, &message);
            self.next += 1;
        }
        self.awaits = if verify {
            Awaits::Hello(Assembly::default())
        } else {
            Awaits::Finished {
                keys_changed: false,
                sealed: 0,
            }
        };
        Some(datagram)
    }

    /// Bytes held for messages under way.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        let Awaits::Hello(assembly) = &self.awaits else {
            return 0;
        };
        let bytes = |message: &Message| 2 * message.body.len();
        let partial = assembly.partial.iter().map(|partial| &partial.message);
        assembly
            .whole
            .iter()
            .flatten()
            .chain(partial)
            .map(bytes)
            .sum()
    }

    const fn next_record(&mut self) -> u64 {
        let record = self.record;
        self.record += 1;
        record
    }
}

/// Tells whether a datagram may pass once the handshake is complete: one protected alert and nothing else.
///
/// A client needs nothing of epoch 0 once it has the server's Finished, and there is no data beside the media.
pub(super) fn is_sealed_alert(mut datagram: &[u8]) -> bool {
    let record = take_record(&mut datagram);
    datagram.is_empty()
        && record.is_some_and(|record| {
            record.kind == ALERT && record.epoch == 1 && record.whole.len() <= SEALED_RECORD_MAX
        })
}

impl Assembly {
    /// Adds a fragment and returns the message it completes.
    fn add(&mut self, place: usize, fragment: &Fragment<'_>) -> Option<Message> {
        if self.whole[place].is_some() {
            return None;
        }
        if fragment.bytes.len() == fragment.length {
            return Some(Message {
                kind: fragment.kind,
                body: fragment.bytes.to_vec(),
            });
        }
        let index = self.partial_of(place, fragment);
        let partial = &mut self.partial[index];
        let range = fragment.offset..fragment.offset + fragment.bytes.len();
        partial.message.body[range.clone()].copy_from_slice(fragment.bytes);
        partial.present[range].fill(true);
        let is_whole = partial.present.iter().all(|present| *present);
        is_whole.then(|| self.partial.swap_remove(index).message)
    }

    /// Finds the message a fragment belongs to, or begins one in the place of the oldest.
    ///
    /// Messages that differ in kind or length are kept apart, so that a forged fragment does not spoil a true message.
    fn partial_of(&mut self, place: usize, fragment: &Fragment<'_>) -> usize {
        let same = |partial: &Partial| {
            partial.place == place
                && partial.message.kind == fragment.kind
                && partial.message.body.len() == fragment.length
        };
        if let Some(index) = self.partial.iter().position(same) {
            return index;
        }
        if self.partial.len() == HANDSHAKE_PARTS_MAX {
            self.partial.remove(0);
        }
        self.partial.push(Partial {
            place,
            message: Message {
                kind: fragment.kind,
                body: vec![0; fragment.length],
            },
            present: vec![false; fragment.length],
        });
        self.partial.len() - 1
    }

    fn keep(&mut self, place: usize, message: Message) {
        self.partial.retain(|partial| partial.place != place);
        self.whole[place] = Some(message);
    }

    /// Returns how many messages make the flight, once all are there.
    fn complete(&self) -> Option<usize> {
        let mut count = 0;
        for message in &self.whole {
            count += 1;
            match message.as_ref()?.kind {
                SERVER_HELLO_DONE | HELLO_VERIFY_REQUEST => return Some(count),
                _ => {}
            }
        }
        None
    }
}

/// How a whole message looks.
enum Verdict {
    Good,
    /// Well formed, but not the certificate that was announced.
    Foreign,
    Broken,
}

/// Checks the little that can be checked before anything is authenticated.
fn check(message: &Message, fingerprints: &Fingerprints) -> Verdict {
    let body = &message.body;
    let good = match message.kind {
        HELLO_VERIFY_REQUEST => {
            body.len() >= 3 && body[0] == 0xfe && body.len() == 3 + usize::from(body[2])
        }
        SERVER_HELLO => is_server_hello(body),
        CERTIFICATE => match first_certificate(body) {
            Some(certificate) if fingerprints.match_one(certificate) => true,
            Some(_) => return Verdict::Foreign,
            None => false,
        },
        // RFC 8422 §5.4: a named curve, its point, a signature.
        SERVER_KEY_EXCHANGE => body.len() > 40 && body[0] == 3 && body[1] == 0,
        CERTIFICATE_REQUEST => body.len() > 4 && usize::from(body[0]) + 5 <= body.len(),
        SERVER_HELLO_DONE => body.is_empty(),
        _ => false,
    };
    if good { Verdict::Good } else { Verdict::Broken }
}

/// RFC 5246 §7.4.1.3: version 1.2 of DTLS, a random, a session id, one of our cipher suites, no compression.
fn is_server_hello(body: &[u8]) -> bool {
    let id_len = body.get(34).map_or(usize::MAX, |len| usize::from(*len));
    id_len <= 32
        && body[..2] == [0xfe, 0xfd]
        && body
            .get(35 + id_len..38 + id_len)
            .is_some_and(|rest| SUITES.contains(&[rest[0], rest[1]]) && rest[2] == 0)
}

/// RFC 5246 §7.4.2: a list of certificates, each with 24 bits of length; the first is the peer's own.
fn first_certificate(body: &[u8]) -> Option<&[u8]> {
    let length = number(body.get(3..6)?);
    body.get(6..6 + length)
}

fn may_stand_at(place: usize, kind: u8) -> bool {
    FLIGHT.get(place).is_some_and(|kinds| kinds.contains(&kind))
}

fn take_record<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let header = rest.get(..RECORD_HEADER)?;
    let length = RECORD_HEADER + number(&header[11..13]);
    let whole = rest.get(..length)?;
    // RFC 6347 §4.1: 254.253 is 1.2; a server that has not settled the version may say 254.255.
    if !matches!(header[1..3], [0xfe, 0xfd | 0xff]) {
        return None;
    }
    *rest = &rest[length..];
    Some(Record {
        kind: header[0],
        epoch: u16::from_be_bytes([header[3], header[4]]),
        body: &whole[RECORD_HEADER..],
        whole,
    })
}

/// Takes the next fragment that adds something; None at the end or at the first nonsense.
fn take_fragment<'a>(body: &mut &'a [u8]) -> Option<Fragment<'a>> {
    let header = body.get(..MESSAGE_HEADER)?;
    let (length, offset, taken) = (
        number(&header[1..4]),
        number(&header[6..9]),
        number(&header[9..12]),
    );
    let bytes = body.get(MESSAGE_HEADER..MESSAGE_HEADER + taken)?;
    if offset + taken > length || (taken == 0 && length > 0) {
        return None;
    }
    *body = &body[MESSAGE_HEADER + taken..];
    Some(Fragment {
        kind: header[0],
        length,
        sequence: u16::from_be_bytes([header[4], header[5]]),
        offset,
        bytes,
    })
}

fn write_message(out: &mut Vec<u8>, record: u64, sequence: u16, message: &Message) {
    let length = &message.body.len().to_be_bytes()[size_of::<usize>() - 3..];
    let mut body = Vec::with_capacity(MESSAGE_HEADER + message.body.len());
    body.push(message.kind);
    body.extend_from_slice(length);
    body.extend_from_slice(&sequence.to_be_bytes());
    body.extend_from_slice(&[0; 3]);
    body.extend_from_slice(length);
    body.extend_from_slice(&message.body);
    write_record(out, HANDSHAKE, record, &body);
}

fn write_record(out: &mut Vec<u8>, kind: u8, sequence: u64, body: &[u8]) {
    let length = u16::try_from(body.len()).expect("a message is shorter than a record may be");
    out.push(kind);
    out.extend_from_slice(&[0xfe, 0xfd, 0, 0]);
    out.extend_from_slice(&sequence.to_be_bytes()[2..]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
}

/// Reads a big-endian number of two or three bytes.
fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

const RECORD_HEADER: usize = 13;
const MESSAGE_HEADER: usize = 12;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const FATAL: u8 = 2;

const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;

/// Messages of a server's flight at most.
const PLACES: usize = 5;
/// Which kinds may stand where in a server's flight (RFC 6347 §4.2.4, flights 2 and 4).
const FLIGHT: [&[u8]; PLACES] = [
    &[SERVER_HELLO, HELLO_VERIFY_REQUEST],
    &[CERTIFICATE],
    &[SERVER_KEY_EXCHANGE],
    &[CERTIFICATE_REQUEST, SERVER_HELLO_DONE],
    &[SERVER_HELLO_DONE],
];
/// The cipher suites we offer: ECDHE with AES-128-GCM, authenticated by ECDSA or RSA.
const SUITES: [[u8; 2]; 2] = [[0xc0, 0x2b], [0xc0, 0x2f]];
