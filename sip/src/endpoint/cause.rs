//! Why a call ended or was refused, in the Reason header field (RFC 3326; in responses, RFC 6432).

use sipx_sip::{Headers, Reason, ReasonValue};

/// Why a call ended or was refused: the number that Reason names. The text beside it is free and is never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A status code of SIP, from 100 to 699; others are not written.
    Sip(u16),
    /// A cause value of ITU-T Q.850, from 0 to 127; others are not written.
    Q850(u8),
}

impl Cause {
    /// The called number leads nowhere.
    pub const UNALLOCATED: Self = Self::Q850(1);
    /// Somebody hung up.
    pub const NORMAL_CLEARING: Self = Self::Q850(16);
    /// The call is not wanted.
    pub const REJECTED: Self = Self::Q850(21);
    /// Something failed on our side.
    pub const TEMPORARY_FAILURE: Self = Self::Q850(41);
    /// We have no room for the call.
    pub const CONGESTION: Self = Self::Q850(42);
    /// Nothing that is offered can be spoken here.
    pub const NOT_IMPLEMENTED: Self = Self::Q850(65);
    /// The peer did not answer in time.
    pub(super) const TIMEOUT: Self = Self::Sip(408);
    /// The peer's answer to our offer cannot be used.
    pub(super) const NOT_ACCEPTABLE: Self = Self::Sip(488);

    /// Reads the first cause that the header fields name in a protocol we know; what is broken or unknown is skipped.
    pub(super) fn of(headers: &Headers) -> Option<Self> {
        let reasons = headers.typed_all::<Reason>().flatten();
        reasons
            .flat_map(|Reason(values)| values)
            .find_map(|value| Self::read(&value))
    }

    /// The value of Reason; none if the number is none of its protocol's.
    pub(super) fn value(self) -> Option<String> {
        match self {
            Self::Sip(status) => (100..700)
                .contains(&status)
                .then(|| format!("SIP;cause={status}")),
            Self::Q850(value) => (value < 128).then(|| format!("Q.850;cause={value}")),
        }
    }

    fn read(value: &ReasonValue) -> Option<Self> {
        let is = |protocol: &[u8]| value.protocol().eq_ignore_ascii_case(protocol);
        if is(b"SIP") {
            Some(Self::Sip(value.cause()))
        } else if is(b"Q.850") {
            u8::try_from(value.cause()).ok().map(Self::Q850)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use sipx_sip::{Limits, Message, parse_datagram};

    use super::*;

    fn cause(fields: &str) -> Option<Cause> {
        let text = format!(
            "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 1 BYE\r\n{fields}Content-Length: 0\r\n\r\n"
        );
        match parse_datagram(text.into(), &Limits::datagram()).unwrap() {
            Message::Request(request) => Cause::of(&request.headers),
            Message::Response(_) => panic!("a request was written"),
        }
    }

    #[test]
    fn the_first_cause_of_a_known_protocol_is_read() {
        let cases = [
            ("", None),
            (
                "Reason: Q.850;cause=16;text=\"Normal, all clear\"\r\n",
                Some(Cause::NORMAL_CLEARING),
            ),
            (
                "Reason: sip ;cause=200 ;text=\"Call completed elsewhere\"\r\n",
                Some(Cause::Sip(200)),
            ),
            (
                "Reason: X.1;cause=7, q.850;cause=26\r\n",
                Some(Cause::Q850(26)),
            ),
            (
                "Reason: SIP;cause=99\r\nReason: Q.850;cause=127\r\n",
                Some(Cause::Q850(127)),
            ),
            ("Reason: Q.850;cause=128\r\n", None),
            ("Reason: Q.850;cause=99999999999999999999\r\n", None),
            ("Reason: Q.850;cause=\r\n", None),
            ("Reason: Q.850;text=\"16\"\r\n", None),
            ("Reason: \r\n", None),
        ];
        for (fields, expected) in cases {
            assert_eq!(cause(fields), expected, "{fields}");
        }
    }

    #[test]
    fn what_is_no_cause_is_not_written() {
        for (cause, expected) in [
            (Cause::Sip(408), Some("SIP;cause=408")),
            (Cause::Sip(99), None),
            (Cause::Sip(700), None),
            (Cause::CONGESTION, Some("Q.850;cause=42")),
            (Cause::Q850(128), None),
        ] {
            assert_eq!(cause.value().as_deref(), expected);
        }
    }
}
