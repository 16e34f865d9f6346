//! Message bodies: which part is the session description, and what may be left aside (RFC 3261 §20.11, RFC 5621).
//!
//! ```text
//! application/sdp ────────────────────────── the description
//! multipart/… ─┬─ application/sdp ────────── the description, which there may be once
//!              ├─ handling=optional ──────── left aside: a location, the ISUP of a gateway
//!              └─ anything else ──────────── 415
//! ```
//!
//! Each octet is looked at a fixed number of times: once for each level of parts, and parts are as many as
//! [`limit::BODY_PARTS`] on each of [`limit::BODY_LEVELS`].

use std::borrow::Cow;

use sipx_sip::{HeaderName, Headers, TypedHeader, headers::ContentType};

use super::{
    request::split_quoted,
    write::{ACCEPT, Reply},
};
use crate::{error::DescriptionError, limit, sdp::Description};

/// The session description of a body, if it has one (RFC 3261 §8.2.3); the refusal, if it has what we would have to
/// understand.
pub(super) fn description(headers: &Headers, body: &[u8]) -> Result<Option<Description>, Reply> {
    if body.is_empty() {
        return Ok(None);
    }
    let part = Part::of_message(headers, body);
    if part.content.is_none() {
        return Err(Reply::new(400));
    }
    let described = part.description(limit::BODY_LEVELS)?;
    described.map(parsed).transpose()
}

fn parsed(text: &[u8]) -> Result<Description, Reply> {
    Description::parse(text).map_err(|error| {
        Reply::new(match error {
            DescriptionError::TooLong => 413,
            DescriptionError::TooManyMedia => 488,
            DescriptionError::Malformed(_) => 400,
        })
    })
}

/// A body or a part of one.
struct Part<'a> {
    /// `Content-Type`.
    content: Option<Cow<'a, [u8]>>,
    /// `Content-Disposition`.
    disposition: Option<Cow<'a, [u8]>>,
    /// `Content-Encoding`.
    encoding: Option<Cow<'a, [u8]>>,
    /// `Content-Transfer-Encoding`, which only parts have.
    transfer: Option<Cow<'a, [u8]>>,
    /// A part with a `Content-ID` is there for who refers to it.
    has_id: bool,
    bytes: &'a [u8],
}

impl<'a> Part<'a> {
    fn of_message(headers: &'a Headers, bytes: &'a [u8]) -> Self {
        Self {
            content: headers.value(&HeaderName::ContentType),
            disposition: headers.value(&HeaderName::ContentDisposition),
            encoding: headers.value(&HeaderName::ContentEncoding),
            transfer: None,
            has_id: false,
            bytes,
        }
    }

    /// Reads a part of a body: header fields, an empty line, and the rest.
    fn of_multipart(text: &'a [u8]) -> Self {
        let mut fields: Vec<(&[u8], Vec<u8>)> = Vec::new();
        let (mut rest, mut kept) = (text, false);
        loop {
            let (line, after) = first_line(rest);
            rest = after;
            let line = line.trim_ascii_end();
            if line.is_empty() {
                break;
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                if let Some((_, value)) = fields.last_mut().filter(|_| kept) {
                    value.push(b' ');
                    value.extend_from_slice(line.trim_ascii());
                }
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':');
            let colon = colon.filter(|_| fields.len() < limit::PART_FIELDS);
            kept = colon.is_some();
            if let Some(colon) = colon {
                let (name, value) = line.split_at(colon);
                fields.push((name.trim_ascii(), value[1..].trim_ascii().to_vec()));
            }
        }
        let field = |wanted: &str| {
            let is = |name: &[u8]| name.eq_ignore_ascii_case(wanted.as_bytes());
            let found = fields.iter().find(|(name, _)| is(name));
            found.map(|(_, value)| Cow::Owned(value.clone()))
        };
        Self {
            content: field("Content-Type"),
            disposition: field("Content-Disposition"),
            encoding: field("Content-Encoding"),
            transfer: field("Content-Transfer-Encoding"),
            has_id: field("Content-ID").is_some(),
            bytes: rest,
        }
    }

    /// The text of the session description in it, with so many levels of parts to be looked into.
    fn description(&self, levels: usize) -> Result<Option<&'a [u8]>, Reply> {
        let found = self.described(levels);
        match found {
            Err(_) if self.is_optional() => Ok(None),
            found => found,
        }
    }

    fn described(&self, levels: usize) -> Result<Option<&'a [u8]>, Reply> {
        let content = self.content.as_ref();
        let content = content.and_then(|value| ContentType::decode(value).ok());
        match content {
            Some(content) if content.is("application", "sdp") && self.is_of_session() => {
                self.readable().map(Some)
            }
            Some(content) if content.media_type == b"multipart" && levels > 0 => {
                let boundary = content.param("boundary").ok_or_else(|| Reply::new(400))?;
                let parts = parts(self.bytes, boundary)?;
                let parts = parts.into_iter().map(Part::of_multipart);
                match content.subtype.as_slice() {
                    b"alternative" => best(parts, levels - 1),
                    // What is no other kind that we know is treated as mixed (RFC 2046 §5.1.3).
                    _ => only(parts, levels - 1),
                }
            }
            _ => Err(Reply::new(415).with("Accept", ACCEPT)),
        }
    }

    /// The octets, unless they are coded.
    fn readable(&self) -> Result<&'a [u8], Reply> {
        let is = |value: &[u8], plain: &[&str]| {
            let value = value.trim_ascii();
            plain
                .iter()
                .any(|plain| value.eq_ignore_ascii_case(plain.as_bytes()))
        };
        let encoding = self.encoding.as_ref();
        if encoding.is_some_and(|value| !is(value, &["identity"])) {
            return Err(Reply::new(415).with("Accept-Encoding", "identity"));
        }
        let transfer = self.transfer.as_ref();
        if transfer.is_some_and(|value| !is(value, &["binary", "8bit", "7bit"])) {
            return Err(Reply::new(415).with("Accept", ACCEPT));
        }
        Ok(self.bytes)
    }

    /// A description may be of something else than the session: of early media (RFC 3959), for example.
    fn is_of_session(&self) -> bool {
        let kind = self.disposition.as_ref().map(|value| kind_of(value));
        kind.is_none_or(|kind| {
            kind.eq_ignore_ascii_case(b"session") || kind.eq_ignore_ascii_case(b"render")
        })
    }

    /// Whether it may be left aside. It may not where nothing is said (RFC 3261 §20.11), but for what is only there to be
    /// referred to (RFC 5621 §5.2), by a header field that we do not heed: locations come so (RFC 6442 §4).
    fn is_optional(&self) -> bool {
        let Some(disposition) = &self.disposition else {
            return self.has_id;
        };
        if kind_of(disposition).eq_ignore_ascii_case(b"by-reference") {
            return true;
        }
        let handling = split_quoted(disposition, b';')
            .skip(1)
            .find_map(|parameter| {
                let equals = parameter.iter().position(|byte| *byte == b'=')?;
                let (name, value) = parameter.split_at(equals);
                let value = value[1..].trim_ascii();
                name.trim_ascii()
                    .eq_ignore_ascii_case(b"handling")
                    .then_some(value)
            });
        handling.is_some_and(|handling| handling.eq_ignore_ascii_case(b"optional"))
    }
}

/// The one description of parts that all count. Two of them would leave open which is meant.
fn only<'a>(
    mut parts: impl Iterator<Item = Part<'a>>,
    levels: usize,
) -> Result<Option<&'a [u8]>, Reply> {
    parts.try_fold(None, |found: Option<&'a [u8]>, part| {
        match (found, part.description(levels)?) {
            (Some(_), Some(_)) => Err(Reply::new(400)),
            (found, described) => Ok(found.or(described)),
        }
    })
}

/// The last of parts that say the same which we understand (RFC 2046 §5.1.4).
fn best<'a>(
    parts: impl Iterator<Item = Part<'a>>,
    levels: usize,
) -> Result<Option<&'a [u8]>, Reply> {
    let refused = Err(Reply::new(415).with("Accept", ACCEPT));
    parts.fold(refused, |best, part| {
        let found = part.described(levels);
        if found.is_ok() { found } else { best }
    })
}

/// The type of a `Content-Disposition`.
fn kind_of(disposition: &[u8]) -> &[u8] {
    let end = disposition.iter().position(|byte| *byte == b';');
    disposition[..end.unwrap_or(disposition.len())].trim_ascii()
}

/// Splits a body at the lines with its boundary (RFC 2046 §5.1.1). What is before the first and after the last of them is
/// nothing; without a last one the body's end is the end.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Result<Vec<&'a [u8]>, Reply> {
    if !(1..=BOUNDARY_MAX).contains(&boundary.len()) {
        return Err(Reply::new(400));
    }
    let mut parts = Vec::new();
    let mut begun = None;
    let mut at = 0;
    while at <= body.len() {
        let (line, _) = first_line(&body[at..]);
        let delimiter = match line.is_empty() {
            true => Some(Delimiter::Last),
            false => Delimiter::of(line, boundary),
        };
        if let Some(delimiter) = delimiter {
            if let Some(begun) = begun {
                parts.push(without_break(&body[begun..at]));
            }
            begun = Some(at + line.len());
            if delimiter == Delimiter::Last {
                break;
            }
            if parts.len() >= limit::BODY_PARTS {
                return Err(Reply::new(413));
            }
        }
        at += line.len();
    }
    if parts.is_empty() {
        return Err(Reply::new(400));
    }
    Ok(parts)
}

/// What a line with the boundary says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    /// A part follows.
    Next,
    /// Nothing follows.
    Last,
}

impl Delimiter {
    fn of(line: &[u8], boundary: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
        match rest.strip_prefix(b"--") {
            Some(rest) if rest.trim_ascii().is_empty() => Some(Self::Last),
            None if rest.trim_ascii().is_empty() => Some(Self::Next),
            _ => None,
        }
    }
}

/// The first line with its end, and what follows.
fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n');
    text.split_at(end.map_or(text.len(), |end| end + 1))
}

/// The line break before a boundary belongs to the boundary.
fn without_break(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// How long a boundary may be (RFC 2046 §5.1.1).
const BOUNDARY_MAX: usize = 70;
