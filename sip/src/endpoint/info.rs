//! INFO with a key in it, as gateways without telephone-events send it: `application/dtmf-relay`, `application/dtmf`.
//!
//! Neither is a standard; RFC 6086 calls such use of INFO legacy. INFO is therefore not announced in `Allow`, and heeded
//! where it comes. Info packages are none of ours.

use sipx_sip::{HeaderName, Request, headers::ContentType};

use super::{CallRef, Endpoint, Event, request::Incoming, write::Reply};
use crate::limit::INFO_BODY;

impl Endpoint {
    /// Tells the key of an INFO within a call; returns the answer.
    pub(super) fn handle_info(&mut self, call: CallRef, incoming: &Incoming) -> Reply {
        match key_of(&incoming.request) {
            Ok(key) => {
                if let Some(digit) = key {
                    self.outbox.events.push_back(Event::Key { call, digit });
                }
                Reply::new(200)
            }
            Err(reply) => reply,
        }
    }
}

/// Returns the key in an INFO: none where it has no body, or signals what is no key (a hook flash).
fn key_of(request: &Request) -> Result<Option<char>, Reply> {
    let is_package = |name: &HeaderName| name.canonical().eq_ignore_ascii_case(b"Info-Package");
    if request
        .headers
        .iter()
        .any(|header| is_package(header.name()))
    {
        return Err(Reply::new(469).with("Recv-Info", ""));
    }
    let body = request.body();
    if body.is_empty() {
        return Ok(None);
    }
    let content = request.headers.typed::<ContentType>().and_then(Result::ok);
    let is = |kind| {
        content
            .as_ref()
            .is_some_and(|content| content.is("application", kind))
    };
    let (relay, plain) = (is("dtmf-relay"), is("dtmf"));
    if !relay && !plain {
        return Err(Reply::new(415).with("Accept", KEYS));
    }
    if body.len() > INFO_BODY {
        return Err(Reply::new(413));
    }
    let text = std::str::from_utf8(body).map_err(|_| Reply::new(400))?;
    let signal = text.lines().find_map(signal_of);
    let signal = signal.or_else(|| plain.then(|| text.trim()));
    match signal {
        Some(signal) if !signal.is_empty() => Ok(key(signal)),
        _ => Err(Reply::new(400)),
    }
}

/// Returns the value of a line `Signal=5`; some write spaces around it.
fn signal_of(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    name.trim()
        .eq_ignore_ascii_case("Signal")
        .then(|| value.trim())
}

/// Reads a key: as it is printed, or by its number in RFC 4733 §3.2.
fn key(signal: &str) -> Option<char> {
    let mut characters = signal.chars();
    if let (Some(only), None) = (characters.next(), characters.next()) {
        let key = only.to_ascii_uppercase();
        return matches!(key, '0'..='9' | '*' | '#' | 'A'..='D').then_some(key);
    }
    match signal {
        "10" => Some('*'),
        "11" => Some('#'),
        "12" => Some('A'),
        "13" => Some('B'),
        "14" => Some('C'),
        "15" => Some('D'),
        _ => None,
    }
}

/// Bodies with keys.
const KEYS: &str = "application/dtmf-relay, application/dtmf";
