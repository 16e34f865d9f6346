//! A request as the endpoint needs it: validated, with what matches it to transactions and dialogs, and with the header
//! fields every response to it repeats.

use sipx_sip::{
    CSeq, CallId, Finding, HeaderName, Method, Request, Via,
    headers::{From as FromHeader, To, first_hop_end},
    validate_request,
};

use super::Flow;
use crate::limit;

/// What every response repeats (RFC 3261 §8.2.6), and where it goes.
#[derive(Clone)]
pub(crate) struct Heads {
    /// The Via rows; the first hop carries `received` and `rport`.
    pub(crate) vias: Vec<Vec<u8>>,
    /// From.
    pub(crate) from: Vec<u8>,
    /// To, as received.
    pub(crate) to: Vec<u8>,
    /// Call-ID.
    pub(crate) call_id: Vec<u8>,
    /// CSeq.
    pub(crate) cseq: Vec<u8>,
    /// Timestamp.
    pub(crate) timestamp: Vec<u8>,
    /// Where responses go: always the address the request came from (RFC 3261 §18.2.2, RFC 3581).
    pub(crate) reply_to: Flow,
}

impl std::fmt::Debug for Heads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heads")
            .field("reply_to", &self.reply_to)
            .finish_non_exhaustive()
    }
}

/// What makes a repeated request belong to its transaction (RFC 3261 §17.2.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TransactionKey {
    /// The branch was made by an element that knows RFC 3261.
    Cookie {
        /// The branch.
        branch: Vec<u8>,
        /// Host and port of the topmost Via.
        sent_by: Vec<u8>,
        /// The method; INVITE for an ACK.
        method: Vec<u8>,
    },
    /// RFC 2543: the branch says nothing.
    Legacy {
        /// The Request-URI.
        uri: Vec<u8>,
        /// The tag of From.
        from_tag: Vec<u8>,
        /// The Call-ID.
        call_id: Vec<u8>,
        /// The number of CSeq.
        cseq: u32,
        /// The topmost Via.
        via: Vec<u8>,
        /// The method; INVITE for an ACK.
        method: Vec<u8>,
    },
}

impl std::fmt::Debug for TransactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TransactionKey")
    }
}

impl TransactionKey {
    /// The key of the INVITE that a CANCEL with this key cancels (RFC 3261 §9.2).
    pub(crate) fn of_invite(mut self) -> Self {
        match &mut self {
            Self::Cookie { method, .. } | Self::Legacy { method, .. } => {
                *method = b"INVITE".to_vec()
            }
        }
        self
    }
}

/// What merged requests have in common (RFC 3261 §8.2.2.2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MergeKey {
    from_tag: Vec<u8>,
    call_id: Vec<u8>,
    cseq: u32,
}

impl std::fmt::Debug for MergeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MergeKey")
    }
}

/// What a method means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// INVITE.
    Invite,
    /// ACK.
    Ack,
    /// CANCEL.
    Cancel,
    /// BYE.
    Bye,
    /// OPTIONS.
    Options,
    /// INFO.
    Info,
    /// PRACK (RFC 3262).
    Prack,
    /// UPDATE (RFC 3311).
    Update,
    /// A method of an RFC that we do not serve.
    Unserved,
    /// A method nobody has heard of.
    Unknown,
}

impl Verb {
    fn of(method: &Method) -> Self {
        match method.as_bytes() {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"CANCEL" => Self::Cancel,
            b"BYE" => Self::Bye,
            b"OPTIONS" => Self::Options,
            b"INFO" => Self::Info,
            b"PRACK" => Self::Prack,
            b"UPDATE" => Self::Update,
            _ if matches!(method, Method::Other(_)) => Self::Unknown,
            _ => Self::Unserved,
        }
    }
}

/// A request that may be acted upon.
pub(crate) struct Incoming {
    /// The message.
    pub(crate) request: Request,
    /// What responses repeat.
    pub(crate) heads: Heads,
    /// Matches the transaction.
    pub(crate) key: TransactionKey,
    /// The tag of From; empty from elements of RFC 2543.
    pub(crate) from_tag: Vec<u8>,
    /// The tag of To: present within a dialog.
    pub(crate) to_tag: Option<Vec<u8>>,
    /// The Call-ID.
    pub(crate) call_id: Vec<u8>,
    /// The number of CSeq.
    pub(crate) cseq: u32,
}

impl Incoming {
    /// Validates a request that parsed; the error is the status to answer with.
    pub(crate) fn new(request: Request, heads: Heads) -> Result<Self, Box<(Heads, u16)>> {
        let worst = validate_request(&request)
            .iter()
            .filter(|finding| !finding.is_repairable())
            .map(Finding::status)
            .max();
        if let Some(status) = worst {
            return Err(Box::new((heads, status)));
        }
        let Some(parts) = Parts::of(&request) else {
            return Err(Box::new((heads, 400)));
        };
        let key = transaction_key(&request, &parts);
        Ok(Self {
            request,
            heads,
            key,
            from_tag: parts.from_tag,
            to_tag: parts.to_tag,
            call_id: parts.call_id,
            cseq: parts.cseq,
        })
    }

    pub(crate) fn verb(&self) -> Verb {
        Verb::of(&self.request.method)
    }

    pub(crate) fn merge_key(&self) -> MergeKey {
        MergeKey {
            from_tag: self.from_tag.clone(),
            call_id: self.call_id.clone(),
            cseq: self.cseq,
        }
    }
}

/// The typed header fields of a valid request.
struct Parts {
    via: Via,
    from_tag: Vec<u8>,
    to_tag: Option<Vec<u8>>,
    call_id: Vec<u8>,
    cseq: u32,
}

impl Parts {
    fn of(request: &Request) -> Option<Self> {
        let headers = &request.headers;
        let from = headers.typed::<FromHeader>()?.ok()?;
        let to = headers.typed::<To>()?.ok()?;
        let CallId(call_id) = headers.typed::<CallId>()?.ok()?;
        Some(Self {
            via: headers.typed::<Via>()?.ok()?,
            from_tag: from.0.tag().unwrap_or_default().to_vec(),
            to_tag: to.0.tag().map(<[u8]>::to_vec),
            call_id,
            cseq: headers.typed::<CSeq>()?.ok()?.sequence,
        })
    }
}

fn transaction_key(request: &Request, parts: &Parts) -> TransactionKey {
    let method = if request.method == Method::Ack {
        b"INVITE".to_vec()
    } else {
        request.method.as_bytes().to_vec()
    };
    let mut sent_by = parts.via.host.to_bytes().to_ascii_lowercase();
    if let Some(port) = parts.via.port {
        sent_by.extend_from_slice(format!(":{port}").as_bytes());
    }
    match parts.via.branch() {
        Some(branch) if parts.via.has_rfc3261_branch() && branch.len() > COOKIE_CHARS => {
            TransactionKey::Cookie {
                branch: branch.to_vec(),
                sent_by,
                method,
            }
        }
        branch => TransactionKey::Legacy {
            uri: request.uri.to_bytes().to_vec(),
            from_tag: parts.from_tag.clone(),
            call_id: parts.call_id.clone(),
            cseq: parts.cseq,
            via: [&sent_by, b";".as_slice(), branch.unwrap_or_default()].concat(),
            method,
        },
    }
}

impl Heads {
    /// Gathers the header fields of a request that parsed.
    pub(crate) fn of(request: &Request, flow: Flow) -> Option<Self> {
        Self::gather(
            request
                .headers
                .iter()
                .map(|header| (header.name().clone(), header.value().into_owned())),
            flow,
        )
    }

    /// Gathers what can be found in a request that does not parse, so that it can be answered 400. Anything that is not
    /// recognisably a SIP request yields nothing, lest we answer noise.
    pub(crate) fn salvage(bytes: &[u8], flow: Flow) -> Option<Self> {
        let mut lines = bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii_end);
        let start = lines.next()?;
        let is_request = start.ends_with(b" SIP/2.0")
            && !start.starts_with(b"SIP/")
            && !start.starts_with(b"ACK ");
        if !is_request {
            return None;
        }
        let mut rows: Vec<(HeaderName, Vec<u8>)> = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            match (line.first(), rows.last_mut()) {
                (Some(b' ' | b'\t'), Some((_, value))) => {
                    value.push(b' ');
                    value.extend_from_slice(line.trim_ascii());
                }
                _ => rows.extend(split_row(line)),
            }
        }
        Self::gather(rows.into_iter(), flow)
    }

    /// Whether To carries a tag already.
    pub(crate) fn is_tagged(&self) -> bool {
        split_quoted(&self.to, b';').skip(1).any(|part| {
            let name = part.split(|byte| *byte == b'=').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(b"tag")
        })
    }

    fn gather(rows: impl Iterator<Item = (HeaderName, Vec<u8>)>, flow: Flow) -> Option<Self> {
        let mut heads = Self {
            vias: Vec::new(),
            from: Vec::new(),
            to: Vec::new(),
            call_id: Vec::new(),
            cseq: Vec::new(),
            timestamp: Vec::new(),
            reply_to: flow,
        };
        for (name, value) in rows {
            let value = printable(value);
            let slot = match name.canonical() {
                b"Via" => {
                    heads.vias.push(value);
                    continue;
                }
                b"From" => &mut heads.from,
                b"To" => &mut heads.to,
                b"Call-ID" => &mut heads.call_id,
                b"CSeq" => &mut heads.cseq,
                b"Timestamp" => &mut heads.timestamp,
                _ => continue,
            };
            if slot.is_empty() {
                *slot = value;
            }
        }
        let top = heads.vias.first_mut()?;
        if !top.get(..3)?.eq_ignore_ascii_case(b"SIP") {
            return None;
        }
        heads.reply_to = route_back(top, flow);
        let fields = [
            &heads.from,
            &heads.to,
            &heads.call_id,
            &heads.cseq,
            &heads.timestamp,
        ];
        let octets: usize = heads.vias.iter().chain(fields).map(Vec::len).sum();
        (!heads.cseq.is_empty() && octets <= limit::REPEATED_BYTES).then_some(heads)
    }
}

/// One header line as name and value.
fn split_row(line: &[u8]) -> Option<(HeaderName, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::parse(&bytes::Bytes::copy_from_slice(line[..colon].trim_ascii()));
    Some((name, line[colon + 1..].trim_ascii().to_vec()))
}

/// What is copied into responses must not contain line ends or other control characters.
fn printable(mut value: Vec<u8>) -> Vec<u8> {
    for byte in &mut value {
        if byte.is_ascii_control() && *byte != b'\t' {
            *byte = b'?';
        }
    }
    value
}

/// Notes in the topmost Via where the request came from, and says where its responses go: over the same connection, or
/// to the source address at the source port (`rport`) or the port of `sent-by`.
fn route_back(row: &mut Vec<u8>, flow: Flow) -> Flow {
    let end = first_hop_end(row);
    let Ok(via) = Via::parse_one(&row[..end]) else {
        return flow;
    };
    let mut hop: Vec<u8> = Vec::with_capacity(row.len() + 48);
    for (index, part) in split_quoted(&row[..end], b';').enumerate() {
        let name = part
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        let ours = name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport");
        if index == 0 || !ours {
            hop.extend_from_slice(if index == 0 { b"" } else { b";" });
            hop.extend_from_slice(part);
        }
    }
    let address = flow.remote.ip().to_canonical();
    let asked = via.rport().is_some();
    if asked || via.host.to_bytes().as_ref() != address.to_string().as_bytes() {
        hop.extend_from_slice(format!(";received={address}").as_bytes());
    }
    if asked {
        hop.extend_from_slice(format!(";rport={}", flow.remote.port()).as_bytes());
    }
    hop.extend_from_slice(&row[end..]);
    *row = hop;
    let mut reply_to = flow;
    if !flow.protocol.is_stream() && !asked {
        reply_to.remote.set_port(via.port.unwrap_or(SIP_PORT));
    }
    reply_to
}

/// Splits at a separator that stands neither in quotes nor in angle brackets.
pub(crate) fn split_quoted(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    value.split(move |byte| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'\\' if quoted => escaped = !was_escaped,
            b'"' if !was_escaped => quoted = !quoted,
            b'<' if !quoted => bracketed = true,
            b'>' if !quoted => bracketed = false,
            _ => {}
        }
        *byte == separator && !quoted && !bracketed
    })
}

/// The characters of the magic cookie `z9hG4bK`; a branch of nothing else identifies nothing.
const COOKIE_CHARS: usize = 7;
/// Where SIP listens unless it says otherwise.
const SIP_PORT: u16 = 5060;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Protocol;

    fn flow() -> Flow {
        Flow::new(
            Protocol::Udp,
            "192.0.2.1:5060".parse().unwrap(),
            "198.51.100.7:40000".parse().unwrap(),
            0,
        )
    }

    #[test]
    fn responses_go_to_the_source_address_only() {
        let cases = [
            (
                "SIP/2.0/UDP h;rport;branch=z9",
                40_000,
                "SIP/2.0/UDP h;branch=z9;received=198.51.100.7;rport=40000",
            ),
            (
                "SIP/2.0/UDP 203.0.113.9:6000",
                6_000,
                "SIP/2.0/UDP 203.0.113.9:6000;received=198.51.100.7",
            ),
            (
                "SIP/2.0/UDP h;received=203.0.113.9",
                5_060,
                "SIP/2.0/UDP h;received=198.51.100.7",
            ),
            (
                "SIP/2.0/UDP h;maddr=203.0.113.9",
                5_060,
                "SIP/2.0/UDP h;maddr=203.0.113.9;received=198.51.100.7",
            ),
            (
                "SIP/2.0/UDP 198.51.100.7, SIP/2.0/TCP b",
                5_060,
                "SIP/2.0/UDP 198.51.100.7, SIP/2.0/TCP b",
            ),
            (
                "SIP/2.0/UDP h;a=\";,\"",
                5_060,
                "SIP/2.0/UDP h;a=\";,\";received=198.51.100.7",
            ),
        ];
        for (before, port, after) in cases {
            let mut row = before.as_bytes().to_vec();
            let reply_to = route_back(&mut row, flow());
            assert_eq!(reply_to.remote.ip(), flow().remote.ip());
            assert_eq!(
                (
                    reply_to.remote.port(),
                    String::from_utf8(row).unwrap().as_str()
                ),
                (port, after)
            );
        }
    }

    #[test]
    fn noise_is_not_salvaged() {
        for noise in [
            "",
            "\r\n\r\n",
            "GET / HTTP/1.1\r\nVia: x\r\n\r\n",
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n",
        ] {
            assert!(Heads::salvage(noise.as_bytes(), flow()).is_none());
        }
        let broken = "INVITE <sip:a> SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 INVITE\r\nTo: a\r\n b\rc\r\n\r\n";
        let heads = Heads::salvage(broken.as_bytes(), flow()).unwrap();
        assert_eq!(heads.to, b"a b?c");
    }
}
