//! Digest authentication towards registrars and proxies (RFC 7616, RFC 8760, RFC 3261 §22), as the side that is asked.
//!
//! Only requests that begin something, REGISTER and the INVITE of a call of ours, own a [`Digest`]. Requests within a
//! dialog have none, so whoever has got into a call cannot make us prove the password to him.

use sipx_sip::{
    HeaderName, Response,
    auth::{Challenge, Credentials, respond, strongest},
};

use crate::{
    limit,
    redact::{Carriage, Pii, Secret},
};

/// What proves to a registrar or proxy who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user name of the account, which need not be the number.
    pub user: Pii<String, Carriage>,
    /// The password.
    pub password: Secret<String>,
    /// The only realm that is answered; without one, whichever realm the peer names, until a registrar has accepted what
    /// was answered: then its realm alone. Whoever is called through a proxy that lets it pass could otherwise ask for a
    /// proof too, and try passwords against it.
    pub realm: Option<String>,
}

/// The challenges of one registrar or proxy and how often they were answered.
#[derive(Default)]
pub(crate) struct Digest {
    registrar: Side,
    proxy: Side,
}

/// One of the two that may ask: the server itself by 401, a proxy by 407.
#[derive(Default)]
struct Side {
    challenge: Option<Challenge>,
    nonce_count: u32,
    /// Answers since the request began that carried no new right to try.
    tries: u8,
}

/// A challenge that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswerable {
    /// The credentials were sent, and are wrong.
    Refused,
    /// It is missing, malformed, of an unknown algorithm, or for another realm.
    Unusable,
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

impl Digest {
    /// Gives every right to try back, while what is known goes on being used: for a new request, and where one that carried
    /// our proof was accepted or refused for another reason than the proof. The server may want another nonce for the next
    /// one all the same, and need not call the one before stale: the password was right (RFC 3261 §22.2).
    pub(crate) fn renew(&mut self) {
        self.registrar.tries = 0;
        self.proxy.tries = 0;
    }

    /// The realm of the server itself that was answered last.
    pub(crate) fn realm(&self) -> Option<&str> {
        let challenge = self.registrar.challenge.as_ref()?;
        Some(&challenge.realm)
    }

    /// Takes the challenge of a 401 or 407; afterwards the request is to be sent again with [`Self::authorize`]. It is
    /// answered once, and a second time if only the nonce was stale (RFC 7616 §3.3).
    pub(crate) fn handle_challenge(
        &mut self,
        response: &Response,
        account: &Account,
    ) -> Result<(), Unanswerable> {
        let from_proxy = response.status.code() == 407;
        let (side, name) = if from_proxy {
            (&mut self.proxy, HeaderName::ProxyAuthenticate)
        } else {
            (&mut self.registrar, HeaderName::WwwAuthenticate)
        };
        let rows = response.headers.get_all(&name).take(limit::CHALLENGES);
        let usable = rows
            .filter_map(|row| read(&row.value(), from_proxy))
            .filter(|challenge| is_wanted(challenge, account));
        let challenge = strongest(usable.collect()).ok_or(Unanswerable::Unusable)?;
        let tries_max = if challenge.stale { 2 } else { 1 };
        if side.tries >= tries_max {
            return Err(Unanswerable::Refused);
        }
        side.tries += 1;
        if side
            .challenge
            .as_ref()
            .is_none_or(|held| held.nonce != challenge.nonce)
        {
            side.nonce_count = 0;
        }
        side.challenge = Some(challenge);
        Ok(())
    }

    /// The header fields that answer what was asked so far; none before the first challenge. `cnonce` is fresh.
    pub(crate) fn authorize(
        &mut self,
        account: &Account,
        method: &str,
        uri: &str,
        cnonce: &str,
    ) -> Vec<(&'static str, Vec<u8>)> {
        let credentials = Credentials::new(account.user.expose(), account.password.expose());
        let mut fields = Vec::new();
        for (name, side) in [
            ("Authorization", &mut self.registrar),
            ("Proxy-Authorization", &mut self.proxy),
        ] {
            let Some(challenge) = &side.challenge else {
                continue;
            };
            side.nonce_count = side.nonce_count.saturating_add(1);
            let value = respond(
                challenge,
                &credentials,
                method,
                uri,
                side.nonce_count,
                cnonce,
            );
            fields.push((name, value.into_bytes()));
        }
        fields
    }
}

/// Reads one challenge. What could not be repeated in a header field is none.
fn read(value: &[u8], from_proxy: bool) -> Option<Challenge> {
    if value.len() > limit::CHALLENGE_BYTES {
        return None;
    }
    let mut challenge = Challenge::parse(value, from_proxy)?;
    for text in [&mut challenge.realm, &mut challenge.nonce]
        .into_iter()
        .chain(&mut challenge.opaque)
    {
        *text = in_utf8(text);
        if text.contains(char::is_control) {
            return None;
        }
    }
    Some(challenge)
}

/// The parser takes each octet of a quoted string for a character. The hash and the echo need the text that was meant.
fn in_utf8(text: &str) -> String {
    let octets: Option<Vec<u8>> = text
        .chars()
        .map(|character| u8::try_from(character).ok())
        .collect();
    octets
        .and_then(|octets| String::from_utf8(octets).ok())
        .unwrap_or_else(|| text.to_owned())
}

fn is_wanted(challenge: &Challenge, account: &Account) -> bool {
    account
        .realm
        .as_ref()
        .is_none_or(|realm| *realm == challenge.realm)
}

#[cfg(test)]
mod tests {
    use sipx_sip::{Limits, Message, parse_datagram};

    use super::*;

    fn account(realm: Option<&str>) -> Account {
        Account {
            user: Pii::new("Mufasa".to_owned()),
            password: Secret::new("Circle of Life".to_owned()),
            realm: realm.map(str::to_owned),
        }
    }

    fn challenged(status: u16, rows: &str) -> Response {
        let text = format!(
            "SIP/2.0 {status} Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{rows}Content-Length: 0\r\n\r\n"
        );
        match parse_datagram(text.into(), &Limits::datagram()).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => panic!("a response was written"),
        }
    }

    fn answer(digest: &mut Digest, method: &str, uri: &str, cnonce: &str) -> String {
        let fields = digest.authorize(&account(None), method, uri, cnonce);
        let fields = fields
            .into_iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8(value).unwrap()));
        fields.collect::<Vec<_>>().join("\n")
    }

    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    const OPAQUE: &str = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS";
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    /// RFC 7616 §3.9.1, which asks with both algorithms at once.
    #[test]
    fn the_examples_of_rfc_7616_are_answered() {
        let row = |algorithm: &str| {
            format!(
                "WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
                 algorithm={algorithm}, nonce=\"{NONCE}\", opaque=\"{OPAQUE}\"\r\n"
            )
        };
        let (sha, md5) = (row("SHA-256"), row("MD5"));
        for (rows, algorithm, response) in [
            (
                format!("{md5}{sha}"),
                "SHA-256",
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            (md5.clone(), "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ] {
            let mut digest = Digest::default();
            let challenge = challenged(401, &rows);
            digest.handle_challenge(&challenge, &account(None)).unwrap();
            assert_eq!(
                answer(&mut digest, "GET", "/dir/index.html", CNONCE),
                format!(
                    "Authorization: Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"{NONCE}\", \
                     uri=\"/dir/index.html\", response=\"{response}\", qop=auth, nc=00000001, cnonce=\"{CNONCE}\", \
                     algorithm={algorithm}, opaque=\"{OPAQUE}\""
                )
            );
        }
    }

    #[test]
    fn a_challenge_is_answered_once_and_a_stale_one_twice() {
        let row = |nonce: &str, stale: &str| {
            let row = format!(
                "WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"{stale}\r\n"
            );
            challenged(401, &row)
        };
        let mut digest = Digest::default();
        let account = account(None);
        assert_eq!(digest.handle_challenge(&row("1", ""), &account), Ok(()));
        let first = answer(&mut digest, "REGISTER", "sip:r", "c");
        assert!(first.contains("nc=00000001"), "{first}");
        let refused = Err(Unanswerable::Refused);
        assert_eq!(digest.handle_challenge(&row("2", ""), &account), refused);
        let stale = row("2", ", stale=TRUE");
        assert_eq!(digest.handle_challenge(&stale, &account), Ok(()));
        assert_eq!(digest.handle_challenge(&stale, &account), refused);

        digest.renew();
        for count in 1..=2 {
            let again = answer(&mut digest, "REGISTER", "sip:r", "c");
            assert!(again.contains(&format!("nc=0000000{count}")), "{again}");
        }
        assert_eq!(digest.handle_challenge(&row("3", ""), &account), Ok(()));
    }

    #[test]
    fn server_and_proxy_are_answered_side_by_side() {
        let mut digest = Digest::default();
        let proxy = challenged(
            407,
            "Proxy-Authenticate: Digest realm=\"p\", nonce=\"1\"\r\n",
        );
        let server = challenged(401, "WWW-Authenticate: Digest realm=\"s\", nonce=\"2\"\r\n");
        assert_eq!(digest.handle_challenge(&proxy, &account(None)), Ok(()));
        assert_eq!(digest.handle_challenge(&server, &account(None)), Ok(()));
        let both = answer(&mut digest, "INVITE", "sip:r", "c");
        assert!(both.starts_with("Authorization: Digest username=\"Mufasa\", realm=\"s\""));
        assert!(both.contains("\nProxy-Authorization: Digest username=\"Mufasa\", realm=\"p\""));
    }

    #[test]
    fn only_the_own_realm_is_answered_and_nothing_malformed() {
        let unusable = [
            "",
            "WWW-Authenticate: Basic realm=\"r\"\r\n",
            "WWW-Authenticate: Digest\r\n",
            "WWW-Authenticate: Digest realm=\"r\"\r\n",
            "WWW-Authenticate: Digest nonce=\"n\"\r\n",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-1\r\n",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n",
            "WWW-Authenticate: Digest realm=\"r\\\u{1}\", nonce=\"n\"\r\n",
            "WWW-Authenticate: Digest realm=\"other\", nonce=\"n\"\r\n",
            "WWW-Authenticate: Digest realm=\"r, nonce=n\r\n",
            "WWW-Authenticate: Digest ,,,=,\"\r\n",
            "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n",
        ];
        let account = account(Some("r"));
        let unusable = unusable.map(str::to_owned).into_iter().chain([format!(
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"{}\"\r\n",
            "n".repeat(limit::CHALLENGE_BYTES)
        )]);
        for rows in unusable {
            let mut digest = Digest::default();
            let response = challenged(401, &rows);
            let outcome = digest.handle_challenge(&response, &account);
            assert_eq!(outcome, Err(Unanswerable::Unusable), "{rows}");
            assert_eq!(answer(&mut digest, "REGISTER", "sip:r", "c"), "");
        }
    }

    #[test]
    fn a_realm_is_echoed_as_it_was_written() {
        let mut digest = Digest::default();
        let row = "WWW-Authenticate: Digest realm=\"Büro \\\"Süd\\\"\", nonce=\"n\"\r\n";
        let account = account(Some("Büro \"Süd\""));
        let outcome = digest.handle_challenge(&challenged(401, row), &account);
        assert_eq!(outcome, Ok(()));
        let answer = answer(&mut digest, "REGISTER", "sip:r", "c");
        assert!(answer.contains("realm=\"Büro \\\"Süd\\\"\""), "{answer}");
    }

    #[test]
    fn nothing_of_an_account_is_printed() {
        let printed = format!("{:?}", account(None));
        assert!(!printed.contains("Mufasa") && !printed.contains("Circle"));
    }
}
