//! Who calls and who is called, read from the Request-URI and from the header fields that name people.
//!
//! All of it is what the peer says. Whether a peer may be believed is the door's decision, by the address that it speaks
//! from; here only what contradicts itself is left out.

use sipx_sip::{
    Address, HeaderName, Request, Scheme as UriScheme, Uri,
    headers::{PAssertedIdentityList, To},
};

use super::{Asked, Caller, Scheme, Target};
use crate::{limit, redact::Pii};

impl Asked {
    /// Reads what a valid request asks for, whose Request-URI is read already.
    pub(crate) fn of(request: &Request, target: Target) -> Self {
        let from = request.headers.value(&HeaderName::From).unwrap_or_default();
        let from = Address::parse(&from, "From").ok();
        Self {
            target,
            called_party: called_party(request),
            to: request
                .headers
                .typed::<To>()
                .and_then(Result::ok)
                .and_then(|to| Target::of(&to.0.uri)),
            caller: from.as_ref().map(Caller::of).unwrap_or_default(),
            asserted: asserted(request),
            private: wants_privacy(request) || from.is_some_and(|from| is_hidden(&from.uri)),
        }
    }

    /// Drops what only a peer within the same trust domain may say (RFC 3325 §2.4, RFC 7315 §4.2).
    #[must_use]
    pub fn without_assertions(self) -> Self {
        Self {
            called_party: None,
            asserted: None,
            ..self
        }
    }
}

impl Target {
    /// Reads the Request-URI or another URI of somebody called; `None` is a scheme that we do not know (416).
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
                context: None,
                urn: Some(Pii::new(name)),
            });
        }
        let (user, context) = user(uri).unzip();
        Some(Self {
            scheme,
            user: user.map(Pii::new),
            context: context.flatten().map(Pii::new),
            urn: None,
        })
    }
}

impl Caller {
    /// Reads an address such as that of From.
    fn of(address: &Address) -> Self {
        let number = user(&address.uri).and_then(|(user, _)| clean(&user));
        let number = number.filter(|number| !is_anonymous(number) && !is_hidden(&address.uri));
        let name = address
            .display_name
            .as_ref()
            .and_then(|name| clean(&String::from_utf8_lossy(name)))
            .filter(|name| !is_anonymous(name));
        Self {
            number: number.map(Pii::new),
            name: name.map(Pii::new),
        }
    }
}

/// Reads P-Called-Party-ID (RFC 7315 §5.2). It has one value; of several none can be believed.
fn called_party(request: &Request) -> Option<Target> {
    let mut rows = request.headers.iter().filter(|header| {
        header
            .name()
            .canonical()
            .eq_ignore_ascii_case(P_CALLED_PARTY_ID)
    });
    let (row, further) = (rows.next()?, rows.next());
    let address = Address::parse(&row.value(), "P-Called-Party-ID").ok()?;
    Target::of(&address.uri).filter(|_| further.is_none())
}

/// Reads P-Asserted-Identity (RFC 3325 §9.1): one SIP address, one `tel:` address, or one of each.
///
/// Values beyond these, or two different numbers, are what remains when somebody upstream adds his word without removing
/// the caller's own. Then it cannot be told whose is whose, and none is taken.
fn asserted(request: &Request) -> Option<Caller> {
    let list = PAssertedIdentityList::from_headers(&request.headers).ok()??;
    if list.requires_rewrite() {
        return None;
    }
    let read = |value: &Address| Caller::of(value);
    let is_tel = |value: &Address| matches!(value.uri.scheme(), UriScheme::Tel);
    let values: Vec<&Address> = list.values().iter().map(|value| value.address()).collect();
    let tel = values.iter().find(|value| is_tel(value)).map(|v| read(v));
    let sip = values.iter().find(|value| !is_tel(value)).map(|v| read(v));
    match (tel, sip) {
        (Some(tel), Some(sip)) => {
            let digits = |caller: &Caller| {
                let number = caller
                    .number
                    .as_ref()?
                    .expose()
                    .strip_prefix('+')?
                    .to_owned();
                number
                    .bytes()
                    .all(|byte| byte.is_ascii_digit())
                    .then_some(number)
            };
            let contradicts = digits(&sip).is_some_and(|number| digits(&tel) != Some(number));
            (!contradicts).then(|| Caller {
                name: tel.name.or(sip.name),
                number: tel.number,
            })
        }
        (tel, sip) => tel.or(sip),
    }
}

/// Whether Privacy asks for anything (RFC 3323 §4.2). What is not understood counts as asked for: too much privacy harms
/// nobody.
fn wants_privacy(request: &Request) -> bool {
    request.headers.get_all(&HeaderName::Privacy).any(|row| {
        let value = row.value();
        let mut values = value.split(|byte| matches!(byte, b';' | b','));
        values.any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"none"))
    })
}

/// Whether a URI hides who it is: the user `anonymous`, which carriers send without a word on privacy beside it,
/// `anonymous.invalid` (RFC 3323 §4.1.1.3) or another host that is nobody's (RFC 2606).
fn is_hidden(uri: &Uri) -> bool {
    let user = uri.decoded_user();
    let is_anonymous = user.is_some_and(|user| user.eq_ignore_ascii_case(ANONYMOUS));
    is_anonymous || is_nobodys(uri)
}

fn is_nobodys(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| {
        let host = host.to_bytes().to_ascii_lowercase();
        host.ends_with(b".invalid") || host == b"invalid"
    })
}

/// The user part of who does not want to be known (RFC 3323 §4.1.1.3).
const ANONYMOUS: &[u8] = b"anonymous";

/// The user part without its parameters, or the number of a `tel:` URI, with the `phone-context` of a local number
/// (RFC 3966 §5.1.5). In a SIP URI the parameters of a number stand in the user part (RFC 3261 §19.1.6).
///
/// `None` without a user part, or when two contexts leave open which number is meant.
fn user(uri: &Uri) -> Option<(String, Option<String>)> {
    let (text, parameters) = if let Some(parts) = uri.tel_parts() {
        let subscriber = String::from_utf8_lossy(parts.subscriber()).into_owned();
        let parameters = parts.parameters().unwrap_or_default();
        (
            without_separators(&subscriber),
            String::from_utf8_lossy(parameters).into_owned(),
        )
    } else {
        let user = uri.decoded_user()?;
        let user = String::from_utf8_lossy(&user).into_owned();
        match user.split_once(';') {
            Some((user, parameters)) => (user.to_owned(), parameters.to_owned()),
            None => (user, String::new()),
        }
    };
    let mut contexts = parameters.split(';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let named = name.eq_ignore_ascii_case("phone-context");
        named.then(|| match value.starts_with('+') {
            true => without_separators(value),
            false => value.to_owned(),
        })
    });
    let (context, further) = (contexts.next(), contexts.next());
    further.is_none().then_some((text, context))
}

/// Removes the visual separators of RFC 3966 §5.1.1.
fn without_separators(number: &str) -> String {
    number.replace(['-', '.', '(', ')'], "")
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

/// The one header field here that the parser knows no name for.
const P_CALLED_PARTY_ID: &[u8] = b"P-Called-Party-ID";

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
            Some("user")
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
