//! Locating a SIP server (RFC 3263): from a domain name to the addresses to try, in their order, by DNS as a pure machine.
//!
//! ```text
//! Place ─ NAPTR ─ SRV per protocol ─ addresses per target ─ Hops
//!   │               ▲                  ▲
//!   ├ protocol given┘                  │
//!   └ port given ──────────────────────┘   (an address literal needs no query)
//! ```
//!
//! The machine says what to ask and is told the answers; it neither resolves nor caches. An answer that never comes counts
//! as an empty one, so that what was found until then can be used at any time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
};

use crate::{endpoint::Protocol, limit};

/// What is to be located: the host part of a URI, with what the URI or the operator says about the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A domain name, or an address literal; IPv6 with or without brackets.
    pub host: String,
    /// The port, if one is given; then there is no SRV to ask for.
    pub port: Option<u16>,
    /// The protocol, if one is given; then there is no NAPTR to ask for.
    pub protocol: Option<Protocol>,
    /// Whether only TLS will do, as for `sips:`. With UDP given as the protocol, nothing is found.
    pub secure: bool,
}

/// A question for the resolver. Names are absolute, without the dot at their end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// The NAPTR records of a name (RFC 3403).
    Naptr(String),
    /// The SRV records of a name (RFC 2782).
    Srv(String),
    /// The A and AAAA records of a name.
    Addresses(String),
}

/// A part of an answer of the resolver. What does not fit its query is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// NAPTR.
    Naptr {
        /// Lower values come first.
        order: u16,
        /// Among equal orders, lower values come first.
        preference: u16,
        /// Only `s` leads to an SRV record.
        flags: String,
        /// Such as `SIPS+D2T`.
        service: String,
        /// The name to ask for SRV records.
        replacement: String,
    },
    /// SRV.
    Srv {
        /// Lower values come first.
        priority: u16,
        /// The share among equal priorities.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; `.` or nothing says that the service is not to be had.
        target: String,
    },
    /// A or AAAA. Only addresses of families that this machine can reach should be given.
    Address(IpAddr),
}

/// An address to try.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// The protocol.
    pub protocol: Protocol,
    /// Address and port.
    pub address: SocketAddr,
    /// The name that the certificate must carry: that of the service, never that of a target, which an attacker of the DNS
    /// could choose (RFC 5922 §4).
    pub server_name: String,
}

/// Locates one place.
#[derive(Debug)]
pub struct Locate {
    place: Place,
    dice: Dice,
    queries: VecDeque<Query>,
    open: BTreeSet<Query>,
    services: Vec<Service>,
    addresses: BTreeMap<String, Vec<IpAddr>>,
    /// Whether no SRV record was found so far.
    unserved: bool,
}

/// A protocol by which the place is served, and the targets that serve it in the order to try them.
#[derive(Debug)]
struct Service {
    protocol: Protocol,
    /// The name whose SRV records are asked for.
    name: String,
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    host: Host,
    port: u16,
}

#[derive(Debug)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl Locate {
    /// Begins to locate `place`; `random` decides among equals (RFC 2782) and should differ from one time to the next.
    pub fn new(place: Place, random: u64) -> Self {
        let host = place.host.trim_end_matches('.').to_ascii_lowercase();
        let mut locate = Self {
            place: Place { host, ..place },
            dice: Dice(random),
            queries: VecDeque::new(),
            open: BTreeSet::new(),
            services: Vec::new(),
            addresses: BTreeMap::new(),
            unserved: true,
        };
        locate.begin();
        locate
    }

    /// Returns the next question; several may be asked at once.
    pub fn poll_query(&mut self) -> Option<Query> {
        self.queries.pop_front()
    }

    /// Takes the answer to a question; nothing found is an empty answer. An answer to what was not asked, or to what was
    /// answered already, is ignored.
    pub fn handle(&mut self, query: &Query, records: &[Record]) {
        if !self.open.remove(query) {
            return;
        }
        match query {
            Query::Naptr(_) => self.handle_naptr(records),
            Query::Srv(name) => self.handle_srv(name, records),
            Query::Addresses(name) => {
                let usable = records.iter().filter_map(usable_address);
                let addresses = usable.take(limit::HOPS).collect();
                self.addresses.insert(name.clone(), addresses);
            }
        }
    }

    /// Returns whether every question has its answer.
    pub fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    /// Returns the addresses to try, best first, at most [`HOPS`](limit::HOPS); none if nothing was found.
    pub fn into_hops(self) -> Vec<Hop> {
        let mut hops: Vec<Hop> = Vec::new();
        for service in &self.services {
            for target in &service.targets {
                let addresses = match &target.host {
                    Host::Address(address) => std::slice::from_ref(address),
                    Host::Name(name) => self.addresses.get(name).map_or(&[][..], Vec::as_slice),
                };
                for address in addresses {
                    let hop = Hop {
                        protocol: service.protocol,
                        address: SocketAddr::new(*address, target.port),
                        server_name: self.place.host.clone(),
                    };
                    if hops.len() < limit::HOPS && !hops.contains(&hop) {
                        hops.push(hop);
                    }
                }
            }
        }
        hops
    }

    fn begin(&mut self) {
        let Some(protocols) = self.protocols() else {
            return;
        };
        let literal = self.place.host.trim_matches(['[', ']']).parse::<IpAddr>();
        if let Ok(address) = literal {
            self.place.host = address.to_string();
            self.serve_directly(Host::Address(address));
        } else if !is_name(&self.place.host) {
            // Nobody can be asked for it.
        } else if self.place.port.is_some() {
            self.serve_directly(Host::Name(self.place.host.clone()));
        } else if self.place.protocol.is_some() {
            self.ask_for_services(protocols);
        } else {
            self.ask(Query::Naptr(self.place.host.clone()));
        }
    }

    /// The protocols that will do, best first without a word of NAPTR; none when the place contradicts itself.
    fn protocols(&self) -> Option<&'static [Protocol]> {
        match (self.place.protocol, self.place.secure) {
            (Some(Protocol::Udp), true) => None,
            (None | Some(Protocol::Tcp), true) | (Some(Protocol::Tls), _) => Some(&[Protocol::Tls]),
            (Some(Protocol::Udp), false) => Some(&[Protocol::Udp]),
            (Some(Protocol::Tcp), false) => Some(&[Protocol::Tcp]),
            (None, false) => Some(&[Protocol::Udp, Protocol::Tcp, Protocol::Tls]),
        }
    }

    /// Takes the host itself for the server (§4.2).
    fn serve_directly(&mut self, host: Host) {
        let Some(&protocol) = self.protocols().and_then(<[_]>::first) else {
            return;
        };
        let port = self.place.port.unwrap_or(default_port(protocol));
        if let Host::Name(name) = &host {
            self.ask(Query::Addresses(name.clone()));
        }
        self.services.push(Service {
            protocol,
            name: String::new(),
            targets: vec![Target { host, port }],
        });
    }

    fn ask_for_services(&mut self, protocols: &[Protocol]) {
        for protocol in protocols {
            let name = format!("{}.{}", service_label(*protocol), self.place.host);
            self.expect_service(*protocol, name);
        }
    }

    fn expect_service(&mut self, protocol: Protocol, name: String) {
        let known = |service: &Service| service.protocol == protocol && service.name == name;
        if self.services.iter().any(known) {
            return;
        }
        self.ask(Query::Srv(name.clone()));
        self.services.push(Service {
            protocol,
            name,
            targets: Vec::new(),
        });
    }

    fn ask(&mut self, query: Query) {
        if self.open.insert(query.clone()) {
            self.queries.push_back(query);
        }
    }

    /// Takes the services that the domain names, in its order (§4.1); without any that we know, asks for all we know.
    fn handle_naptr(&mut self, records: &[Record]) {
        let protocols = self.protocols().unwrap_or_default();
        let mut named: Vec<(u16, u16, Protocol, String)> = records
            .iter()
            .take(limit::NAPTR_RECORDS)
            .filter_map(|record| match record {
                Record::Naptr {
                    order,
                    preference,
                    flags,
                    service,
                    replacement,
                } => {
                    let protocol = named_protocol(service)?;
                    let name = absolute(replacement);
                    let usable = flags.eq_ignore_ascii_case("s")
                        && is_name(&name)
                        && protocols.contains(&protocol);
                    usable.then_some((*order, *preference, protocol, name))
                }
                Record::Srv { .. } | Record::Address(_) => None,
            })
            .collect();
        named.sort_by_key(|(order, preference, ..)| (*order, *preference));
        if named.is_empty() {
            return self.ask_for_services(protocols);
        }
        for (_, _, protocol, name) in named {
            self.expect_service(protocol, name);
        }
    }

    fn handle_srv(&mut self, name: &str, records: &[Record]) {
        let found: Vec<Srv> = records
            .iter()
            .filter_map(Srv::of)
            .take(limit::SRV_RECORDS)
            .collect();
        self.unserved &= found.is_empty();
        let ordered = self.dice.order(found);
        for srv in &ordered {
            let is_asked = self.addresses.len() + self.open.len() < limit::HOPS;
            if is_asked && srv.is_served() && !self.addresses.contains_key(&srv.target) {
                self.ask(Query::Addresses(srv.target.clone()));
            }
        }
        let asked = |service: &&mut Service| service.name == name;
        for service in self.services.iter_mut().filter(asked) {
            let served = ordered.iter().filter(|srv| srv.is_served());
            service.targets = served.map(Srv::target).collect();
        }
        let waits = self.open.iter().any(|query| matches!(query, Query::Srv(_)));
        if self.unserved && !waits {
            self.serve_directly(Host::Name(self.place.host.clone()));
        }
    }
}

/// An SRV record.
#[derive(Debug, Clone)]
struct Srv {
    priority: u16,
    weight: u16,
    port: u16,
    /// Empty when the service is decidedly not available (RFC 2782).
    target: String,
}

impl Srv {
    fn of(record: &Record) -> Option<Self> {
        match record {
            Record::Srv {
                priority,
                weight,
                port,
                target,
            } => {
                let target = absolute(target);
                (target.is_empty() || is_name(&target)).then_some(Self {
                    priority: *priority,
                    weight: *weight,
                    port: *port,
                    target,
                })
            }
            Record::Naptr { .. } | Record::Address(_) => None,
        }
    }

    fn is_served(&self) -> bool {
        !self.target.is_empty()
    }

    fn target(&self) -> Target {
        Target {
            host: Host::Name(self.target.clone()),
            port: self.port,
        }
    }
}

/// Numbers drawn from one random number (SplitMix64); what they decide needs no secrecy.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// A number from 0 to `most`.
    fn throw(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let drawn = mixed % (u64::from(most) + 1);
        u32::try_from(drawn).unwrap_or(most)
    }

    /// Orders targets by priority, and among equals by chance according to their weights (RFC 2782, "Weight").
    fn order(&mut self, mut left: Vec<Srv>) -> Vec<Srv> {
        // Those of weight 0 stand first, so that they have a small chance too.
        left.sort_by_key(|srv| (srv.priority, srv.weight != 0));
        let mut ordered = Vec::with_capacity(left.len());
        while let Some(first) = left.first() {
            let priority = first.priority;
            let equals = left.iter().take_while(|srv| srv.priority == priority);
            let sum = equals.map(|srv| u32::from(srv.weight)).sum();
            let drawn = self.throw(sum);
            let mut running = 0;
            let chosen = left.iter().position(|srv| {
                running += u32::from(srv.weight);
                running >= drawn
            });
            ordered.push(left.remove(chosen.unwrap_or(0)));
        }
        ordered
    }
}

fn usable_address(record: &Record) -> Option<IpAddr> {
    match record {
        Record::Address(address) => {
            let address = address.to_canonical();
            (!address.is_multicast() && !address.is_unspecified()).then_some(address)
        }
        Record::Naptr { .. } | Record::Srv { .. } => None,
    }
}

/// What a NAPTR service field stands for (RFC 3263 §4.1).
fn named_protocol(service: &str) -> Option<Protocol> {
    match service.to_ascii_uppercase().as_str() {
        "SIP+D2U" => Some(Protocol::Udp),
        "SIP+D2T" => Some(Protocol::Tcp),
        "SIPS+D2T" => Some(Protocol::Tls),
        _ => None,
    }
}

const fn service_label(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Udp => "_sip._udp",
        Protocol::Tcp => "_sip._tcp",
        Protocol::Tls => "_sips._tcp",
    }
}

/// Where SIP listens unless it says otherwise (RFC 3261 §19.1.2).
const fn default_port(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Udp | Protocol::Tcp => 5060,
        Protocol::Tls => 5061,
    }
}

fn absolute(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a resolver can be asked for it: labels of letters, digits, hyphens and underscores (RFC 1035 §2.3.4).
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=LABEL_CHARS).contains(&label.len()) && label.bytes().all(usual)
    };
    name.len() <= NAME_CHARS && name.split('.').all(is_label)
}

/// Characters of a domain name, and of a part between its dots (RFC 1035 §2.3.4).
const NAME_CHARS: usize = 253;
const LABEL_CHARS: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str, port: Option<u16>, protocol: Option<Protocol>, secure: bool) -> Place {
        Place {
            host: host.to_owned(),
            port,
            protocol,
            secure,
        }
    }

    fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Record {
        Record::Naptr {
            order,
            preference,
            flags: "S".to_owned(),
            service: service.to_owned(),
            replacement: replacement.to_owned(),
        }
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Record {
        Record::Srv {
            priority,
            weight,
            port,
            target: target.to_owned(),
        }
    }

    fn address(text: &str) -> Record {
        Record::Address(text.parse().unwrap())
    }

    /// A zone of the DNS: every record of a name, whatever its kind.
    fn zone<'a>(rows: &'a [(&'a str, Record)]) -> impl Fn(&Query) -> Vec<Record> + 'a {
        move |query| {
            let (Query::Naptr(asked) | Query::Srv(asked) | Query::Addresses(asked)) = query;
            let of_name = rows.iter().filter(|(name, _)| name == asked);
            of_name.map(|(_, record)| record.clone()).collect()
        }
    }

    /// The questions asked and the hops found, in a few words each.
    fn located(place: Place, rows: &[(&str, Record)]) -> (Vec<String>, Vec<String>) {
        let zone = zone(rows);
        let mut locate = Locate::new(place, 1);
        let mut asked = Vec::new();
        while let Some(query) = locate.poll_query() {
            asked.push(match &query {
                Query::Naptr(name) => format!("NAPTR {name}"),
                Query::Srv(name) => format!("SRV {name}"),
                Query::Addresses(name) => format!("A {name}"),
            });
            locate.handle(&query, &zone(&query));
        }
        assert!(locate.is_done());
        let hops = locate.into_hops().into_iter();
        let hops =
            hops.map(|hop| format!("{:?} {} {}", hop.protocol, hop.address, hop.server_name));
        (asked, hops.collect())
    }

    #[test]
    fn the_domain_says_by_which_protocols_it_is_served() {
        let rows = [
            (
                "example.com",
                naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com."),
            ),
            (
                "example.com",
                naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
            ),
            (
                "example.com",
                naptr(10, 1, "SIP+D2S", "_sip._sctp.example.com"),
            ),
            (
                "_sip._tcp.example.com",
                srv(0, 1, 5060, "Server1.example.com."),
            ),
            (
                "_sips._tcp.example.com",
                srv(2, 1, 5061, "server2.example.com"),
            ),
            (
                "_sips._tcp.example.com",
                srv(1, 1, 5063, "server1.example.com"),
            ),
            ("server1.example.com", address("192.0.2.1")),
            ("server1.example.com", address("2001:db8::1")),
            ("server2.example.com", address("192.0.2.2")),
        ];
        let (asked, hops) = located(place("Example.com.", None, None, false), &rows);
        assert_eq!(
            asked,
            [
                "NAPTR example.com",
                "SRV _sips._tcp.example.com",
                "SRV _sip._tcp.example.com",
                "A server1.example.com",
                "A server2.example.com"
            ]
        );
        assert_eq!(
            hops,
            [
                "Tls 192.0.2.1:5063 example.com",
                "Tls [2001:db8::1]:5063 example.com",
                "Tls 192.0.2.2:5061 example.com",
                "Tcp 192.0.2.1:5060 example.com",
                "Tcp [2001:db8::1]:5060 example.com",
            ]
        );
        let (_, hops) = located(place("example.com", None, None, true), &rows);
        assert_eq!(hops.len(), 3, "only TLS will do: {hops:?}");
    }

    #[test]
    fn what_is_given_need_not_be_asked() {
        let rows = [("h.example", address("192.0.2.9"))];
        let (udp, tcp, tls) = (Protocol::Udp, Protocol::Tcp, Protocol::Tls);
        type Row = (Place, &'static [&'static str], &'static [&'static str]);
        let cases: [Row; 9] = [
            (
                place("192.0.2.1", None, None, false),
                &[],
                &["Udp 192.0.2.1:5060 192.0.2.1"],
            ),
            (
                place("192.0.2.1", Some(9), Some(tcp), true),
                &[],
                &["Tls 192.0.2.1:9 192.0.2.1"],
            ),
            (
                place("[2001:db8::1]", None, Some(tls), false),
                &[],
                &["Tls [2001:db8::1]:5061 2001:db8::1"],
            ),
            (
                place("h.example", Some(5080), None, false),
                &["A h.example"],
                &["Udp 192.0.2.9:5080 h.example"],
            ),
            (
                place("h.example", Some(5080), None, true),
                &["A h.example"],
                &["Tls 192.0.2.9:5080 h.example"],
            ),
            (
                place("h.example", None, Some(tcp), false),
                &["SRV _sip._tcp.h.example", "A h.example"],
                &["Tcp 192.0.2.9:5060 h.example"],
            ),
            (
                place("h.example", None, None, false),
                &[
                    "NAPTR h.example",
                    "SRV _sip._udp.h.example",
                    "SRV _sip._tcp.h.example",
                    "SRV _sips._tcp.h.example",
                    "A h.example",
                ],
                &["Udp 192.0.2.9:5060 h.example"],
            ),
            (place("h.example", None, Some(udp), true), &[], &[]),
            (place("no name", None, None, false), &[], &[]),
        ];
        for (place, questions, expected) in cases {
            let (asked, hops) = located(place.clone(), &rows);
            assert_eq!(
                (asked.as_slice(), hops.as_slice()),
                (
                    questions
                        .iter()
                        .map(|text| (*text).to_owned())
                        .collect::<Vec<_>>()
                        .as_slice(),
                    expected
                        .iter()
                        .map(|text| (*text).to_owned())
                        .collect::<Vec<_>>()
                        .as_slice(),
                ),
                "{place:?}"
            );
        }
    }

    #[test]
    fn a_service_that_is_not_to_be_had_is_not_looked_for_elsewhere() {
        let rows = [
            ("_sips._tcp.h.example", srv(0, 0, 0, ".")),
            ("h.example", address("192.0.2.9")),
        ];
        let (asked, hops) = located(place("h.example", None, Some(Protocol::Tls), false), &rows);
        assert_eq!(asked, ["SRV _sips._tcp.h.example"]);
        assert_eq!(hops, Vec::<String>::new());
    }

    #[test]
    fn what_was_found_can_be_used_before_everything_is_answered() {
        let mut locate = Locate::new(place("h.example", None, Some(Protocol::Tls), false), 1);
        let query = locate.poll_query().unwrap();
        locate.handle(
            &query,
            &[srv(0, 1, 5061, "a.example"), srv(1, 1, 5061, "b.example")],
        );
        locate.handle(
            &Query::Addresses("b.example".to_owned()),
            &[address("192.0.2.2")],
        );
        locate.handle(
            &Query::Addresses("c.example".to_owned()),
            &[address("192.0.2.3")],
        );
        assert!(!locate.is_done());
        let hops = locate.into_hops();
        assert_eq!(hops.len(), 1);
        assert_eq!(hops[0].address, "192.0.2.2:5061".parse().unwrap());
    }

    #[test]
    fn weights_decide_the_share_and_priorities_the_order() {
        let share = |random| {
            let mut dice = Dice(random);
            let of = |priority, weight, target: &str| {
                Srv::of(&srv(priority, weight, 1, target)).unwrap()
            };
            let ordered = dice.order(vec![
                of(5, 90, "c"),
                of(1, 0, "n"),
                of(1, 25, "b"),
                of(1, 75, "a"),
            ]);
            let order: Vec<String> = ordered.into_iter().map(|srv| srv.target).collect();
            assert_eq!(order.len(), 4);
            assert_eq!(order[3], "c");
            order[0].clone()
        };
        let first: Vec<String> = (0..10_000).map(share).collect();
        let count = |name: &str| first.iter().filter(|first| *first == name).count();
        assert!((7_200..7_700).contains(&count("a")), "{}", count("a"));
        assert!((2_200..2_800).contains(&count("b")), "{}", count("b"));
        assert!((20..300).contains(&count("n")), "{}", count("n"));
    }

    #[test]
    fn a_hostile_zone_costs_a_bounded_number_of_questions() {
        let many = |target: &str| -> Vec<Record> {
            (0..1_000)
                .map(|n| srv(n, 1, 1, &format!("{target}{n}.example")))
                .collect()
        };
        let naptrs: Vec<Record> = (0..1_000)
            .map(|n| naptr(n, 0, "SIP+D2U", &format!("n{n}.example")))
            .collect();
        let addresses: Vec<Record> = (0..=255_u8)
            .map(|n| Record::Address(IpAddr::from([192, 0, 2, n])))
            .chain([address("0.0.0.0"), address("224.0.0.1"), address("::")])
            .collect();
        let mut locate = Locate::new(place("h.example", None, None, false), 1);
        let mut asked = 0;
        while let Some(query) = locate.poll_query() {
            asked += 1;
            match &query {
                Query::Naptr(_) => locate.handle(&query, &naptrs),
                Query::Srv(name) => locate.handle(&query, &many(name)),
                Query::Addresses(_) => locate.handle(&query, &addresses),
            }
        }
        assert!(asked <= 1 + limit::NAPTR_RECORDS + limit::HOPS, "{asked}");
        assert_eq!(locate.into_hops().len(), limit::HOPS);
    }
}
