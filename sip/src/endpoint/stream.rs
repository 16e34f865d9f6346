//! Cutting a stream into messages (RFC 3261 §18.3) and its keep-alives (RFC 5626 §3.5.1).

use bytes::{Bytes, BytesMut};

use crate::limit;

/// The end of the header section.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// What the stream holds next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// One whole message.
    Message(Bytes),
    /// A keep-alive that wants a pong.
    Ping,
    /// The head of a message that says it is longer than any we take: it can be answered, then the connection must go.
    TooLong(Bytes),
    /// A message without an end in sight: it can be answered once, then the connection must go.
    Broken(Bytes),
}

/// The unfinished octets of one connection.
#[derive(Default)]
pub(crate) struct Framer {
    buffer: BytesMut,
    scanned: usize,
}

impl std::fmt::Debug for Framer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer")
            .field("len", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

impl Framer {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a message has begun that is not complete.
    pub(crate) fn is_pending(&self) -> bool {
        !BLANK_LINE.starts_with(&self.buffer)
    }

    /// Takes the next frame, if there is a whole one.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            if self.buffer.starts_with(BLANK_LINE) {
                self.skip(BLANK_LINE.len());
                return Some(Frame::Ping);
            }
            if BLANK_LINE.starts_with(&self.buffer) {
                return None;
            }
            if !self.buffer.starts_with(b"\r\n") {
                return self.message();
            }
            self.skip(2);
        }
    }

    fn message(&mut self) -> Option<Frame> {
        let Some(head) = self.head_end() else {
            self.scanned = self.buffer.len().saturating_sub(BLANK_LINE.len() - 1);
            return (self.buffer.len() > limit::MESSAGE_BYTES).then(|| self.broken());
        };
        match content_length(&self.buffer[..head]) {
            Some(body) if body <= limit::MESSAGE_BYTES.saturating_sub(head) => {
                let whole = head + body;
                if self.buffer.len() < whole {
                    return None;
                }
                self.scanned = 0;
                Some(Frame::Message(self.buffer.split_to(whole).freeze()))
            }
            Some(_) if head <= limit::MESSAGE_BYTES => Some(Frame::TooLong(self.take_all(head))),
            _ => Some(self.broken()),
        }
    }

    /// The octets up to and including the blank line.
    fn head_end(&self) -> Option<usize> {
        self.buffer[self.scanned..]
            .windows(BLANK_LINE.len())
            .position(|window| window == BLANK_LINE)
            .map(|at| self.scanned + at + BLANK_LINE.len())
    }

    fn broken(&mut self) -> Frame {
        Frame::Broken(self.take_all(limit::MESSAGE_BYTES))
    }

    /// Takes what is there, of which the first `keep` octets matter.
    fn take_all(&mut self, keep: usize) -> Bytes {
        self.scanned = 0;
        let mut bytes = self.buffer.split().freeze();
        bytes.truncate(keep);
        bytes
    }

    fn skip(&mut self, octets: usize) {
        let _ = self.buffer.split_to(octets);
        self.scanned = 0;
    }
}

/// The only Content-Length of a header section. A second one or a sign would let two elements cut differently. A number
/// beyond what can be counted is as good as the greatest.
fn content_length(head: &[u8]) -> Option<usize> {
    let mut found = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = line[..colon].trim_ascii();
        let known = name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l");
        known.then(|| line[colon + 1..].trim_ascii())
    });
    let value = found.next()?;
    if value.is_empty() || found.next().is_some() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(value).ok()?;
    Some(digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\nab\r\nBYE sip:a SIP/2.0\r\nl : 0\r\n\r\n\r\n\r\n";

    fn frames(chunks: &[&[u8]]) -> Vec<Frame> {
        let mut framer = Framer::default();
        let mut frames = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            frames.extend(std::iter::from_fn(|| framer.next()));
        }
        frames
    }

    #[test]
    fn messages_are_cut_wherever_the_stream_is_split() {
        let whole = frames(&[TWO]);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[2], Frame::Ping);
        for at in 0..TWO.len() {
            let (left, right) = TWO.split_at(at);
            assert_eq!(frames(&[left, right]), whole, "split at {at}");
        }
    }

    #[test]
    fn a_message_that_cannot_be_cut_breaks_the_stream() {
        let no_length = b"OPTIONS sip:a SIP/2.0\r\n\r\n".as_slice();
        let two_lengths = b"OPTIONS sip:a SIP/2.0\r\nl:0\r\nl:1\r\n\r\n".as_slice();
        let signed = b"OPTIONS sip:a SIP/2.0\r\nl:-1\r\n\r\n".as_slice();
        let empty = b"OPTIONS sip:a SIP/2.0\r\nl:\r\n\r\n".as_slice();
        for bytes in [no_length, two_lengths, signed, empty] {
            assert!(matches!(frames(&[bytes])[..], [Frame::Broken(_)]));
        }
        let endless = vec![b'x'; limit::MESSAGE_BYTES + 1];
        assert!(matches!(frames(&[&endless])[..], [Frame::Broken(_)]));
    }

    #[test]
    fn of_a_message_that_says_it_is_too_long_the_head_is_kept() {
        let many = limit::MESSAGE_BYTES.to_string();
        for length in [many.as_str(), "99999999999999999999"] {
            let head = format!("OPTIONS sip:a SIP/2.0\r\nl: {length}\r\n\r\n");
            let sent = format!("{head}v=0");
            let expected = Frame::TooLong(Bytes::from(head));
            assert_eq!(frames(&[sent.as_bytes()]), [expected]);
        }
    }
}
