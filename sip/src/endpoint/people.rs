//! Who calls and who is called, read from the From header field and the Request-URI.

use sipx_sip::{Address, HeaderName, Request, Uri};

use super::{Caller, Scheme, Target};
use crate::{limit, redact::Pii};

impl Target {
    /// Reads the Request-URI; `None` is a scheme that we do not know (416).
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let scheme = match uri.scheme().as_bytes().to_ascii_lowercase().as_slice() {
            b"sip" => Scheme::Sip,
            b"sips" => Scheme::Sips,
            b"tel" => Scheme::Tel,
            b"urn" => Scheme::Urn,
            _ => return None,
        };
        if scheme == Scheme::Urn {
            let name = String::from_utf8_lossy(uri.opaque()?).to_ascii_lowercase();
            return name.starts_with("service:").then(|| Self {
                scheme,
                user: None,
                urn: Some(Pii::new(name)),
            });
        }
        Some(Self {
            scheme,
            user: user(uri).map(Pii::new),
            urn: None,
        })
    }
}

impl Caller {
    /// Reads the From header field of a valid request.
    pub(crate) fn of(request: &Request) -> Self {
        let value = request.headers.value(&HeaderName::From).unwrap_or_default();
        let Ok(address) = Address::parse(&value, "From") else {
            return Self::default();
        };
        let number = user(&address.uri).and_then(|user| clean(&user));
        let name = address
            .display_name
            .and_then(|name| clean(&String::from_utf8_lossy(&name)));
        Self {
            number: number.filter(|number| !is_anonymous(number)).map(Pii::new),
            name: name.filter(|name| !is_anonymous(name)).map(Pii::new),
        }
    }
}

/// The user part, or the number of a `tel:` URI without visual separators.
fn user(uri: &Uri) -> Option<String> {
    if let Some(parts) = uri.tel_parts() {
        let visual = |byte: &u8| matches!(byte, b'-' | b'.' | b'(' | b')');
        let digits: Vec<u8> = parts
            .subscriber()
            .iter()
            .copied()
            .filter(|byte| !visual(byte))
            .collect();
        return Some(String::from_utf8_lossy(&digits).into_owned());
    }
    let user = uri.decoded_user()?;
    Some(String::from_utf8_lossy(&user).into_owned())
}

fn is_anonymous(text: &str) -> bool {
    text.eq_ignore_ascii_case("anonymous")
}

/// Removes what could break or reverse a line on a screen, trims, and shortens.
fn clean(text: &str) -> Option<String> {
    let kept: String = text
        .chars()
        .filter(|character| !is_unseen(*character))
        .collect();
    let short: String = kept.trim().chars().take(limit::NAME_CHARS).collect();
    let short = short.trim_end();
    (!short.is_empty()).then(|| short.to_owned())
}

/// Control characters, line separators, zero-width and bidirectional formatting (UAX #9), and the replacement character.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffd}'
        )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn target(uri: &str) -> Option<Target> {
        Target::of(&Uri::parse(Bytes::copy_from_slice(uri.as_bytes())).unwrap())
    }

    #[test]
    fn a_target_is_read_from_each_scheme() {
        let user = |uri| {
            target(uri)
                .and_then(|target| target.user)
                .map(Pii::into_inner)
        };
        assert_eq!(user("sip:%34711@h;x=y").as_deref(), Some("4711"));
        assert_eq!(
            user("sips:user;par=u%40example.net@h").as_deref(),
            Some("user;par=u@example.net")
        );
        assert_eq!(
            user("tel:+49-30-(1).2;phone-context=x").as_deref(),
            Some("+493012")
        );
        assert_eq!(user("sip:h"), None);
        let urn = target("urn:service:SOS.police").unwrap();
        assert_eq!(
            (urn.scheme, urn.urn.map(Pii::into_inner).as_deref()),
            (Scheme::Urn, Some("service:sos.police"))
        );
        assert_eq!(target("urn:isbn:1"), None);
        assert_eq!(target("soap.beep:x"), None);
    }

    #[test]
    fn names_are_cleaned() {
        assert_eq!(clean(" A\u{202e}n\u{0}na\r\n ").as_deref(), Some("Anna"));
        assert_eq!(clean("\u{200f}\u{7}"), None);
        assert_eq!(
            clean(&"ä".repeat(100)).unwrap().chars().count(),
            limit::NAME_CHARS
        );
    }
}
