//! The registration at a registrar (RFC 3261 §10.2, RFC 5626 §4.5) as a pure machine: what a REGISTER says, what its
//! response means, and when the next one is due.
//!
//! ```text
//! Waiting ─▶ Asking ─▶ Registered ─▶ (half of the time granted) ─▶ Asking …
//!    ▲          ├ 401, 407, 423, moved ─▶ at once again
//!    ├──────────┤ 5xx, silence: 30 s · 2ⁿ, or Retry-After
//!    └──────────┘ 403, 404, wrong password: 20 min
//! ```

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use sipx_sip::{Address, HeaderName, Headers, Response, Via, headers::Expires};

use crate::{
    auth::{Account, Digest},
    endpoint::{
        Flow, Protocol, Unregistered,
        request::{printable, split_quoted},
        write::{Head, written},
    },
    limit,
    redact::{Carriage, Pii, Secret},
};

/// As what, and where, to register. Values that cannot stand in a SIP message are written without what does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registrar {
    /// The domain of the registrar.
    pub domain: String,
    /// Who we are there: a SIP URI.
    pub address_of_record: Pii<String, Carriage>,
    /// The user part of our Contact. It should be random, because who knows it can call us by it.
    pub contact_user: Secret<String>,
    /// For how long to register; the registrar may shorten it, and ask for longer.
    pub expires: Duration,
    /// What proves who we are.
    pub account: Account,
    /// The URI of a proxy that the REGISTER and our calls go through, to be named in Route.
    pub proxy: Option<String>,
    /// What identifies this machine over restarts (RFC 5626 §4.1).
    pub instance: Option<[u8; 16]>,
    /// Whether to negotiate the security of media as German carriers want it: `mediasec`, an extension of RFC 3329.
    pub mediasec: bool,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Registration {
    registrar: Registrar,
    state: State,
    digest: Digest,
    call_id: String,
    tag: String,
    cseq: u32,
    expires: Duration,
    contact: SocketAddr,
    /// The address told before, which the next REGISTER removes.
    moved_from: Option<SocketAddr>,
    service_routes: Vec<Vec<u8>>,
    security_servers: Vec<Vec<u8>>,
    /// How often waiting was of no avail since the last success.
    rounds: u32,
    /// How often the request was repeated at once.
    repeats: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be tried at that time.
    Waiting { at: Instant },
    /// The REGISTER is out.
    Asking { transaction: Option<u64> },
    /// The registrar knows where we are; to be told again at that time.
    Registered { refresh_at: Instant },
    /// The account is refused; to be tried at that time.
    Refused { at: Instant },
    /// The REGISTER that makes the registrar forget us is out.
    Leaving { transaction: Option<u64> },
    /// Nothing is to be done any more.
    Off,
}

/// What follows from a response or its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing to be told.
    Nothing,
    /// The REGISTER goes out again at once.
    Again,
    /// The registrar knows where we are.
    Registered {
        /// For how long.
        expires: Duration,
        /// Where it sees us.
        public: Option<SocketAddr>,
    },
    /// It does not.
    Unregistered(Unregistered),
}

impl Registration {
    /// Begins to register over `flow` at once; the two names are fresh.
    pub(crate) fn new(
        registrar: Registrar,
        flow: Flow,
        call_id: String,
        tag: String,
        now: Instant,
    ) -> Self {
        let expires = registrar.expires;
        Self {
            registrar,
            state: State::Waiting { at: now },
            digest: Digest::default(),
            call_id,
            tag,
            cseq: 0,
            expires: expires.clamp(limit::REGISTRATION_MIN, limit::REGISTRATION_MAX),
            contact: flow.advertised,
            moved_from: None,
            service_routes: Vec::new(),
            security_servers: Vec::new(),
            rounds: 0,
            repeats: 0,
        }
    }

    /// Uses another flow, at once. The binding before is left to expire: whom to tell is not known any more.
    pub(crate) fn rebind(&mut self, flow: Flow, now: Instant) {
        self.contact = flow.advertised;
        self.moved_from = None;
        match self.state {
            State::Leaving { .. } | State::Off => self.state = State::Off,
            State::Waiting { .. }
            | State::Asking { .. }
            | State::Registered { .. }
            | State::Refused { .. } => self.state = State::Waiting { at: now },
        }
    }

    /// Whether the time for a REGISTER has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.poll_timeout().is_some_and(|at| at <= now);
        if due {
            if matches!(self.state, State::Waiting { .. }) {
                self.rounds = self.rounds.saturating_add(1);
            }
            self.renew();
            self.state = State::Asking { transaction: None };
        }
        due
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { at } | State::Refused { at } => Some(at),
            State::Registered { refresh_at } => Some(refresh_at),
            State::Asking { .. } | State::Leaving { .. } | State::Off => None,
        }
    }

    /// Stops registering; whether a REGISTER must go out to be forgotten.
    pub(crate) fn leave(&mut self) -> bool {
        let known = matches!(self.state, State::Registered { .. } | State::Asking { .. });
        self.renew();
        self.state = if known {
            State::Leaving { transaction: None }
        } else {
            State::Off
        };
        known
    }

    /// Notes the transaction of the REGISTER sent.
    pub(crate) fn asked(&mut self, sent: u64) {
        match &mut self.state {
            State::Asking { transaction } | State::Leaving { transaction } => {
                *transaction = Some(sent);
            }
            State::Waiting { .. }
            | State::Registered { .. }
            | State::Refused { .. }
            | State::Off => {}
        }
    }

    /// The transaction of the REGISTER that is out.
    pub(crate) fn transaction(&self) -> Option<u64> {
        match self.state {
            State::Asking { transaction } | State::Leaving { transaction } => transaction,
            State::Waiting { .. }
            | State::Registered { .. }
            | State::Refused { .. }
            | State::Off => None,
        }
    }

    pub(crate) fn is_registered(&self) -> bool {
        matches!(self.state, State::Registered { .. })
    }

    pub(crate) fn is_off(&self) -> bool {
        matches!(self.state, State::Off)
    }

    /// Begins the next REGISTER, with the names that are its own, and the header fields that it needs.
    pub(crate) fn write(
        &mut self,
        flow: Flow,
        branch: String,
        cnonce: &str,
    ) -> (Head, Vec<(&'static str, Vec<u8>)>) {
        self.cseq += 1;
        let uri = uri(&format!("sip:{}", self.registrar.domain));
        let aor = self.address_of_record();
        let head = Head {
            flow,
            branch,
            uri: uri.clone().into_bytes(),
            routes: self.proxy().into_iter().collect(),
            from: format!("<{aor}>;tag={}", self.tag).into_bytes(),
            to: format!("<{aor}>").into_bytes(),
            call_id: self.call_id.clone().into_bytes(),
            cseq: self.cseq,
        };
        let expires = match self.state {
            State::Leaving { .. } => 0,
            State::Waiting { .. }
            | State::Asking { .. }
            | State::Registered { .. }
            | State::Refused { .. }
            | State::Off => self.expires.as_secs(),
        };
        let mut fields = vec![("Contact", self.binding(flow, self.contact, expires))];
        if let Some(before) = self.moved_from {
            fields.push(("Contact", self.binding(flow, before, 0)));
        }
        fields.push(("Expires", expires.to_string().into_bytes()));
        fields.push(("Supported", b"path, outbound".to_vec()));
        fields.extend(self.security());
        let account = &self.registrar.account;
        fields.extend(self.digest.authorize(account, "REGISTER", &uri, cnonce));
        (head, fields)
    }

    /// Takes the final response; `chance` spreads the next try.
    pub(crate) fn handle_response(
        &mut self,
        response: &Response,
        flow: Flow,
        chance: u64,
        now: Instant,
    ) -> Next {
        if self.is_off() {
            return Next::Nothing;
        }
        let status = response.status.code();
        self.heed_security(&response.headers);
        // These come after the proof was looked at. That they do not repeat without end, `again` sees to.
        if matches!(status, 200..300 | 423 | 494) {
            self.digest.renew();
        }
        if matches!(self.state, State::Leaving { .. }) {
            let asks = matches!(status, 401 | 407);
            if asks && self.authenticates(response) {
                return self.again(status, chance, now);
            }
            self.state = State::Off;
            return Next::Unregistered(Unregistered::Left);
        }
        match status {
            200..300 => self.succeed(response, flow, chance, now),
            401 | 407 if self.authenticates(response) => self.again(status, chance, now),
            401 | 407 => self.refuse(Unregistered::Credentials, now),
            403 | 404 => self.refuse(Unregistered::Refused(status), now),
            423 if self.lengthen(&response.headers) => self.again(status, chance, now),
            // Security Agreement Required (RFC 3329 §2.3.1): now it is known what the peer wants verified.
            494 if self.registrar.mediasec && !self.security_servers.is_empty() => {
                self.again(status, chance, now)
            }
            _ => {
                let later = retry_after(&response.headers).filter(|_| status == 503);
                self.fail(Unregistered::Failed(status), later, chance, now)
            }
        }
    }

    /// Takes it that nobody answers, or that the connection is gone; `chance` spreads the next try.
    pub(crate) fn handle_no_response(&mut self, chance: u64, now: Instant) -> Next {
        match self.state {
            State::Off => Next::Nothing,
            State::Leaving { .. } => {
                self.state = State::Off;
                Next::Unregistered(Unregistered::Left)
            }
            State::Waiting { .. }
            | State::Asking { .. }
            | State::Registered { .. }
            | State::Refused { .. } => self.fail(Unregistered::Unreachable, None, chance, now),
        }
    }

    /// The Route rows of requests that begin something over this registration (RFC 3608 §6.1).
    pub(crate) fn routes(&self) -> Vec<Vec<u8>> {
        if self.service_routes.is_empty() {
            return self.proxy().into_iter().collect();
        }
        self.service_routes.clone()
    }

    /// What `mediasec` adds to a request that begins something.
    pub(crate) fn security(&self) -> Vec<(&'static str, Vec<u8>)> {
        if !self.registrar.mediasec {
            return Vec::new();
        }
        let verify = self.security_servers.iter().cloned();
        [
            ("Security-Client", b"sdes-srtp;mediasec".to_vec()),
            ("Require", b"mediasec".to_vec()),
            ("Proxy-Require", b"mediasec".to_vec()),
        ]
        .into_iter()
        .chain(verify.map(|row| ("Security-Verify", row)))
        .collect()
    }

    pub(crate) fn account(&self) -> &Account {
        &self.registrar.account
    }

    /// Our Contact, as the registrar knows it.
    pub(crate) fn contact(&self, flow: Flow) -> Vec<u8> {
        self.contact_at(flow, self.contact).into_bytes()
    }

    fn contact_at(&self, flow: Flow, address: SocketAddr) -> String {
        let user = user(self.registrar.contact_user.expose());
        let transport = match flow.protocol {
            Protocol::Udp => "",
            Protocol::Tcp => ";transport=tcp",
            Protocol::Tls => ";transport=tls",
        };
        format!("<sip:{user}@{}{transport}>", written(address))
    }

    fn binding(&self, flow: Flow, address: SocketAddr, expires: u64) -> Vec<u8> {
        let contact = self.contact_at(flow, address);
        let mut text = format!("{contact};expires={expires}");
        if let Some(instance) = self.registrar.instance {
            let uuid = uuid(instance);
            text.push_str(&format!(";+sip.instance=\"<urn:uuid:{uuid}>\";reg-id=1"));
        }
        text.into_bytes()
    }

    fn address_of_record(&self) -> String {
        uri(self.registrar.address_of_record.expose())
    }

    fn proxy(&self) -> Option<Vec<u8>> {
        let proxy = self.registrar.proxy.as_ref()?;
        Some(format!("<{};lr>", uri(proxy)).into_bytes())
    }

    fn renew(&mut self) {
        self.digest.renew();
        self.repeats = 0;
    }

    fn authenticates(&mut self, response: &Response) -> bool {
        let account = &self.registrar.account;
        self.digest.handle_challenge(response, account).is_ok()
    }

    /// Repeats the REGISTER at once, but not without end.
    fn again(&mut self, status: u16, chance: u64, now: Instant) -> Next {
        self.repeats += 1;
        if self.repeats > limit::REGISTER_REPEATS {
            return self.fail(Unregistered::Failed(status), None, chance, now);
        }
        Next::Again
    }

    fn succeed(&mut self, response: &Response, flow: Flow, chance: u64, now: Instant) -> Next {
        let public = public_address(response, flow);
        let expires = self.granted(&response.headers);
        if expires.is_zero() {
            let status = response.status.code();
            return self.fail(Unregistered::Failed(status), None, chance, now);
        }
        self.service_routes = service_routes(&response.headers);
        self.rounds = 0;
        if self.registrar.account.realm.is_none() {
            self.registrar.account.realm = self.digest.realm().map(str::to_owned);
        }
        if let Some(public) = public.filter(|public| *public != self.contact)
            && self.moved_from.is_none()
        {
            self.moved_from = Some(std::mem::replace(&mut self.contact, public));
            return self.again(response.status.code(), chance, now);
        }
        self.moved_from = None;
        let refresh = (expires / 2).max(limit::REGISTRATION_REFRESH_MIN);
        self.state = State::Registered {
            refresh_at: now + refresh,
        };
        Next::Registered { expires, public }
    }

    /// For how long the registrar knows our Contact. Other machines may be registered beside us, and registrars rewrite
    /// the host; so ours is the one with our user part.
    fn granted(&self, headers: &Headers) -> Duration {
        let own = user(self.registrar.contact_user.expose());
        let rows: Vec<_> = headers.get_all(&HeaderName::Contact).collect();
        let values = rows.iter().map(|row| row.value());
        let ours = values
            .flat_map(|value| {
                let addresses = split_quoted(&value, b',')
                    .filter_map(|text| Address::parse(text, "Contact").ok());
                addresses.collect::<Vec<_>>()
            })
            .filter(|address| address.uri.user() == Some(own.as_bytes()));
        let said = ours.filter_map(|address| number(address.param("expires")?));
        let granted = said
            .max()
            .or_else(|| Some(u64::from(headers.typed::<Expires>()?.ok()?.0)));
        granted
            .map_or(self.expires, Duration::from_secs)
            .min(limit::REGISTRATION_MAX)
    }

    /// Asks for the longer time that a 423 names; false if there is none.
    fn lengthen(&mut self, headers: &Headers) -> bool {
        let least = headers.value(&HeaderName::MinExpires);
        let least = least
            .and_then(|value| number(&value))
            .map(Duration::from_secs);
        let longer =
            least.filter(|least| self.expires < *least && *least <= limit::REGISTRATION_MAX);
        if let Some(longer) = longer {
            self.expires = longer;
        }
        longer.is_some()
    }

    fn refuse(&mut self, why: Unregistered, now: Instant) -> Next {
        self.state = State::Refused {
            at: now + limit::REGISTER_REFUSED_RETRY,
        };
        self.moved_from = None;
        Next::Unregistered(why)
    }

    /// Waits: as long as the registrar says, or between half of and the whole of 30 s · 2ⁿ (RFC 5626 §4.5).
    fn fail(
        &mut self,
        why: Unregistered,
        later: Option<Duration>,
        chance: u64,
        now: Instant,
    ) -> Next {
        let doubled = limit::REGISTER_RETRY.saturating_mul(1 << self.rounds.min(16));
        let most = doubled.min(limit::REGISTER_RETRY_MAX);
        let spread = most / 2 + most / 2_000 * u32::try_from(chance % 1_000).unwrap_or(0);
        let (least, longest) = (limit::REGISTRATION_REFRESH_MIN, limit::REGISTER_RETRY_MAX);
        let wait = later.map_or(spread, |later| later.clamp(least, longest));
        self.state = State::Waiting { at: now + wait };
        self.moved_from = None;
        Next::Unregistered(why)
    }

    fn heed_security(&mut self, headers: &Headers) {
        if !self.registrar.mediasec {
            return;
        }
        let rows = headers.iter().filter(|header| {
            let name = header.name().canonical();
            name.eq_ignore_ascii_case(b"Security-Server")
        });
        let rows: Vec<Vec<u8>> = rows
            .map(|row| printable(row.value().into_owned()))
            .filter(|row| row.len() <= limit::SECURITY_SERVER_BYTES)
            .take(limit::SECURITY_SERVERS)
            .collect();
        if !rows.is_empty() {
            self.security_servers = rows;
        }
    }
}

/// Our address as the peer saw it (RFC 3581 §4). Of a connection only the address counts: its port leads nowhere but into
/// that connection.
fn public_address(response: &Response, flow: Flow) -> Option<SocketAddr> {
    let via = response.headers.typed::<Via>()?.ok()?;
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
    let received: Option<IpAddr> = via
        .received()
        .and_then(text)
        .and_then(|value| value.trim_matches(['[', ']']).parse().ok());
    let rport = via.rport().flatten().and_then(text);
    let rport = rport.and_then(|value| value.parse().ok());
    if received.is_none() && rport.is_none() {
        return None;
    }
    let advertised = written(flow.advertised);
    let address = received.map_or(advertised.ip(), |address| address.to_canonical());
    let port = rport.filter(|port| *port != 0 && !flow.protocol.is_stream());
    let usable = !address.is_unspecified() && !address.is_multicast();
    usable.then(|| SocketAddr::new(address, port.unwrap_or(advertised.port())))
}

/// The Service-Route rows (RFC 3608 §5), one value each; none at all when one is malformed or there are too many, because
/// half a route leads nowhere.
fn service_routes(headers: &Headers) -> Vec<Vec<u8>> {
    let mut routes = Vec::new();
    for row in headers.get_all(&HeaderName::ServiceRoute) {
        let value = row.value();
        if Address::parse_list(&value, "Service-Route").is_err() {
            return Vec::new();
        }
        routes
            .extend(split_quoted(&value, b',').map(|route| printable(route.trim_ascii().to_vec())));
    }
    let octets: usize = routes.iter().map(Vec::len).sum();
    if routes.len() > limit::ROUTES || octets > limit::ROUTE_BYTES {
        routes.clear();
    }
    routes
}

/// Seconds after which to try again; comment and parameters (RFC 3261 §20.33) do not matter.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let value = headers.value(&HeaderName::RetryAfter)?;
    let digits = value
        .split(|byte| !byte.is_ascii_digit())
        .next()
        .and_then(number)?;
    Some(Duration::from_secs(digits))
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value.trim_ascii()).ok()?.parse().ok()
}

/// A URI of the settings, free of what could end it or its header field.
pub(crate) fn uri(text: &str) -> String {
    text.chars()
        .filter(|character| character.is_ascii_graphic() && !matches!(character, '<' | '>' | '"'))
        .collect()
}

/// A user part that needs no escaping.
fn user(text: &str) -> String {
    text.chars()
        .filter(|character| character.is_ascii_alphanumeric() || "-_.!~*'()+".contains(*character))
        .collect()
}

/// The text form of an instance (RFC 9562 §4).
fn uuid(instance: [u8; 16]) -> String {
    let hex: String = instance.iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}
