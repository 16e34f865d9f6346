//! Writing responses and requests. Every value comes from a parsed message or from ourselves, free of line ends.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Cause, Flow, request::Heads};
use crate::redact::Pii;

/// A message of ours, which repeats names and addresses and is for the wire only.
pub(crate) type Wire = Pii<Bytes>;

/// The methods we serve.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO";
/// The extensions we know: session timers (RFC 4028), and `100rel` (RFC 3262), which costs nothing: it asks for reliable
/// provisional responses, and we send none but 100, which is exempt.
pub(crate) const SUPPORTED: &str = "timer, 100rel";
/// The bodies we read.
pub(crate) const ACCEPT: &str = "application/sdp, multipart/mixed";
/// The only body that we send.
const SDP: &str = "application/sdp";

/// The beginning of a request of ours: all that its CANCEL and the ACK of its refusal repeat (RFC 3261 §9.1, §17.1.1.3).
#[derive(Clone)]
pub(crate) struct Head {
    /// Where it goes; our Via says so.
    pub(crate) flow: Flow,
    /// The branch of our Via.
    pub(crate) branch: String,
    /// The Request-URI.
    pub(crate) uri: Vec<u8>,
    /// The Route rows.
    pub(crate) routes: Vec<Vec<u8>>,
    /// From, with our tag.
    pub(crate) from: Vec<u8>,
    /// To.
    pub(crate) to: Vec<u8>,
    /// The Call-ID.
    pub(crate) call_id: Vec<u8>,
    /// The number of CSeq.
    pub(crate) cseq: u32,
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head")
            .field("flow", &self.flow)
            .field("cseq", &self.cseq)
            .finish_non_exhaustive()
    }
}

impl Head {
    /// Writes the request, with further header fields.
    pub(crate) fn write(
        &self,
        method: &str,
        fields: &[(&str, Vec<u8>)],
        body: Option<&str>,
        agent: &str,
    ) -> Wire {
        let mut out = BytesMut::with_capacity(1_024);
        out.put_slice(method.as_bytes());
        out.put_u8(b' ');
        out.put_slice(&self.uri);
        out.put_slice(b" SIP/2.0\r\n");
        put(&mut out, "Via", &via(self.flow, &self.branch));
        put(&mut out, "Max-Forwards", b"70");
        for route in &self.routes {
            put(&mut out, "Route", route);
        }
        put(&mut out, "From", &self.from);
        put(&mut out, "To", &self.to);
        put(&mut out, "Call-ID", &self.call_id);
        let cseq = format!("{} {method}", self.cseq);
        put(&mut out, "CSeq", cseq.as_bytes());
        for (name, value) in fields {
            put(&mut out, name, value);
        }
        put(&mut out, "User-Agent", agent.as_bytes());
        finish(&mut out, body);
        Wire::new(out.freeze())
    }
}

/// Our Via on a flow (RFC 3261 §18.1.1, RFC 3581 §3).
fn via(flow: Flow, branch: &str) -> Vec<u8> {
    let via = flow.protocol.via();
    let sent_by = written(flow.advertised);
    format!("SIP/2.0/{via} {sent_by};branch={branch};rport").into_bytes()
}

/// An address as the peer must read it: IPv4 behind a socket for both families as IPv4, IPv6 without a zone.
pub(crate) fn written(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A response apart from what it repeats of the request.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The reason phrase.
    pub(crate) reason: &'static str,
    /// Further header fields.
    pub(crate) fields: Vec<(&'static str, Vec<u8>)>,
    /// The body, always SDP.
    pub(crate) body: Option<String>,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            reason: reason(status),
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Names the cause, if there is one.
    pub(crate) fn caused_by(self, cause: Option<Cause>) -> Self {
        match cause.and_then(Cause::value) {
            Some(cause) => self.with("Reason", cause),
            None => self,
        }
    }

    /// Writes the response; `tag` is put on a To that has none.
    pub(crate) fn write(&self, heads: &Heads, tag: Option<&str>, agent: &str) -> Wire {
        let mut out = BytesMut::with_capacity(1_024);
        out.put_slice(format!("SIP/2.0 {} {}\r\n", self.status, self.reason).as_bytes());
        for via in &heads.vias {
            put(&mut out, "Via", via);
        }
        put(&mut out, "From", &heads.from);
        match tag {
            Some(tag) if !heads.to.is_empty() => {
                put(
                    &mut out,
                    "To",
                    &[&heads.to, b";tag=".as_slice(), tag.as_bytes()].concat(),
                );
            }
            _ => put(&mut out, "To", &heads.to),
        }
        put(&mut out, "Call-ID", &heads.call_id);
        put(&mut out, "CSeq", &heads.cseq);
        if self.status == 100 {
            put(&mut out, "Timestamp", &heads.timestamp);
        }
        for (name, value) in &self.fields {
            out.put_slice(format!("{name}: ").as_bytes());
            out.put_slice(value);
            out.put_slice(b"\r\n");
        }
        put(&mut out, "Server", agent.as_bytes());
        finish(&mut out, self.body.as_deref());
        Wire::new(out.freeze())
    }
}

/// Appends a header field unless it is empty.
pub(crate) fn put(out: &mut BytesMut, name: &str, value: &[u8]) {
    if !value.is_empty() {
        out.put_slice(name.as_bytes());
        out.put_slice(b": ");
        out.put_slice(value);
        out.put_slice(b"\r\n");
    }
}

/// Appends the length, the blank line and the body.
pub(crate) fn finish(out: &mut BytesMut, body: Option<&str>) {
    if let Some(body) = body {
        put(out, "Content-Type", SDP.as_bytes());
        out.put_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    } else {
        out.put_slice(b"Content-Length: 0\r\n\r\n");
    }
}

/// The reason phrases of RFC 3261 §21 for what we say on our own account.
const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        200 => "OK",
        400 => "Bad Request",
        405 => "Method Not Allowed",
        413 => "Request Entity Too Large",
        406 => "Not Acceptable",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        422 => "Session Interval Too Small",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        _ => "Refused",
    }
}
