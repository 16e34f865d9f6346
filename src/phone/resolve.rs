//! Where SIP servers are: the questions of [`sip::locate`], asked of this machine's resolver.
//!
//! Answers are kept for as long as they may be, within bounds, by the resolver. What is not answered in time counts as not
//! found; what was found until then is used.

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc};

use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, RecordType},
};
use sip::locate::{Hop, Locate, Place, Query, Record};
use tokio::{task::JoinSet, time::timeout};

use super::route::source_towards;
use crate::limit::{
    DNS_ANSWERS_CACHED, DNS_ATTEMPTS, DNS_NOT_FOUND_CACHED, DNS_TIMEOUT, DNS_TTL_MAX, DNS_TTL_MIN,
    LOCATE_MAX,
};

/// Who knows where names lead.
#[derive(Clone)]
pub struct Names(Source);

#[derive(Clone)]
enum Source {
    /// Name servers, and the system's list of hosts.
    System(Box<TokioResolver>),
    /// A list, and nobody else.
    Listed(Arc<BTreeMap<Query, Vec<Record>>>),
}

impl Names {
    /// Asks whom the system's settings name (`/etc/resolv.conf`, `/etc/hosts`); where those cannot be read, nobody is
    /// asked and only addresses are found.
    pub fn system() -> Self {
        Self::of(TokioResolver::builder_tokio().and_then(build))
    }

    /// Asks this name server, and the system's list of hosts.
    pub fn asking(server: SocketAddr) -> Self {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut of| {
            of.port = server.port();
            of
        });
        let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let provider = TokioRuntimeProvider::default();
        Self::of(build(TokioResolver::builder_with_config(config, provider)))
    }

    fn of(resolver: Result<TokioResolver, NetError>) -> Self {
        match resolver {
            Ok(resolver) => Self(Source::System(Box::new(resolver))),
            Err(error) => {
                tracing::warn!(%error, "the settings for DNS cannot be used");
                Self::listed(BTreeMap::new())
            }
        }
    }

    /// Knows these answers only.
    pub fn listed(answers: BTreeMap<Query, Vec<Record>>) -> Self {
        Self(Source::Listed(Arc::new(answers)))
    }

    /// Locates a place; `random` decides among equals.
    pub(super) async fn locate(&self, place: Place, random: u64) -> Vec<Hop> {
        let mut locate = Locate::new(place, random);
        let _ = timeout(LOCATE_MAX, self.ask(&mut locate)).await;
        locate.into_hops()
    }

    /// Answers all questions, many at a time.
    async fn ask(&self, locate: &mut Locate) {
        let mut asked = JoinSet::new();
        loop {
            while let Some(query) = locate.poll_query() {
                let source = self.0.clone();
                asked.spawn(async move {
                    let records = source.answer(&query).await;
                    (query, records)
                });
            }
            match asked.join_next().await {
                Some(Ok((query, records))) => locate.handle(&query, &records),
                // Its question stays open, which counts as not found.
                Some(Err(_)) => {}
                None => return,
            }
        }
    }
}

impl Source {
    async fn answer(&self, query: &Query) -> Vec<Record> {
        let resolver = match self {
            Self::System(resolver) => resolver,
            Self::Listed(answers) => return answers.get(query).cloned().unwrap_or_default(),
        };
        // With its dot a name is not looked for among the domains of this machine.
        match query {
            Query::Addresses(name) => {
                let found = resolver.lookup_ip(format!("{name}.")).await;
                let found = found.iter().flat_map(|found| found.iter());
                let reachable = found.filter(|address| source_towards(*address).is_some());
                reachable.map(Record::Address).collect()
            }
            Query::Srv(name) => records(resolver, name, RecordType::SRV).await,
            Query::Naptr(name) => records(resolver, name, RecordType::NAPTR).await,
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System(_) => "Names::system",
            Source::Listed(_) => "Names::listed",
        })
    }
}

/// Makes a resolver within our limits.
fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<TokioResolver, NetError> {
    let options = builder.options_mut();
    options.timeout = DNS_TIMEOUT;
    options.attempts = DNS_ATTEMPTS;
    options.cache_size = DNS_ANSWERS_CACHED;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.positive_min_ttl = Some(DNS_TTL_MIN);
    options.positive_max_ttl = Some(DNS_TTL_MAX);
    options.negative_min_ttl = Some(DNS_NOT_FOUND_CACHED);
    options.negative_max_ttl = Some(DNS_NOT_FOUND_CACHED);
    builder.build()
}

async fn records(resolver: &TokioResolver, name: &str, kind: RecordType) -> Vec<Record> {
    let Ok(found) = resolver.lookup(format!("{name}."), kind).await else {
        return Vec::new();
    };
    let answers = found.answers().iter();
    answers.filter_map(|answer| record(&answer.data)).collect()
}

fn record(data: &RData) -> Option<Record> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    if let RData::SRV(srv) = data {
        return Some(Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        });
    }
    let RData::NAPTR(naptr) = data else {
        return None;
    };
    Some(Record::Naptr {
        order: naptr.order,
        preference: naptr.preference,
        flags: text(&naptr.flags),
        service: text(&naptr.services),
        replacement: naptr.replacement.to_ascii(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hickory_resolver::proto::{
        op::{Message, OpCode, ResponseCode},
        rr::{
            Name, Record as Answer,
            rdata::{A, NAPTR, SRV},
        },
    };
    use sip::Protocol;
    use tokio::{net::UdpSocket, time::Instant};

    use super::*;

    fn place(host: &str) -> Place {
        Place {
            host: host.to_owned(),
            port: None,
            protocol: None,
            secure: false,
        }
    }

    fn naptr(service: &str, replacement: &str) -> RData {
        let name = Name::from_ascii(replacement).unwrap();
        let [flags, service, pattern] =
            ["s", service, ""].map(|text| text.as_bytes().to_vec().into_boxed_slice());
        RData::NAPTR(NAPTR::new(10, 20, flags, service, pattern, name))
    }

    fn srv(port: u16, target: &str) -> RData {
        RData::SRV(SRV::new(1, 2, port, Name::from_ascii(target).unwrap()))
    }

    /// A name server that knows these records and counts what it is asked.
    async fn name_server(rows: Vec<(&'static str, RData)>) -> (SocketAddr, Arc<AtomicUsize>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::Relaxed);
                let request = Message::from_vec(&buffer[..length]).unwrap();
                let query = request.queries[0].clone();
                let name = query.name().to_ascii().to_ascii_lowercase();
                let mut response = Message::response(request.metadata.id, OpCode::Query);
                response.metadata.recursion_available = true;
                response.add_query(query.clone());
                for (_, data) in rows.iter().filter(|(of, _)| *of == name) {
                    if data.record_type() == query.query_type() {
                        let answer = Answer::from_rdata(query.name().clone(), 1, data.clone());
                        response.add_answer(answer);
                    }
                }
                if rows.iter().all(|(of, _)| *of != name) {
                    response.metadata.response_code = ResponseCode::NXDomain;
                }
                let bytes = response.to_vec().unwrap();
                socket.send_to(&bytes, from).await.unwrap();
            }
        });
        (address, asked)
    }

    #[tokio::test]
    async fn what_the_dns_says_leads_to_addresses() {
        let (server, asked) = name_server(vec![
            ("tel.example.", naptr("SIPS+D2T", "_sips._tcp.tel.example.")),
            ("_sips._tcp.tel.example.", srv(5_061, "One.tel.example.")),
            ("one.tel.example.", RData::A(A([127, 0, 0, 7].into()))),
        ])
        .await;
        let names = Names::asking(server);
        for _ in 0..3 {
            let hops = names.locate(place("tel.example"), 1).await;
            let found: Vec<_> = hops.iter().map(|hop| (hop.protocol, hop.address)).collect();
            assert_eq!(
                found,
                [(Protocol::Tls, SocketAddr::from(([127, 0, 0, 7], 5_061)))]
            );
            assert_eq!(hops[0].server_name, "tel.example");
        }
        let questions = asked.load(Ordering::Relaxed);
        assert_eq!(questions, 4, "NAPTR, SRV, A and AAAA; then it is known");
        assert!(names.locate(place("other.example"), 1).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_server_that_is_silent_is_not_waited_for_long() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let names = Names::asking(silent.local_addr().unwrap());
        let begun = Instant::now();
        assert!(names.locate(place("tel.example"), 1).await.is_empty());
        assert!(begun.elapsed() <= LOCATE_MAX + DNS_TIMEOUT);
    }

    #[tokio::test]
    async fn an_address_is_found_without_a_question() {
        let names = Names::listed(BTreeMap::new());
        let hops = names.locate(place("192.0.2.9"), 1).await;
        assert_eq!(hops[0].address, SocketAddr::from(([192, 0, 2, 9], 5_060)));
    }

    /// Fails where the system's list of hosts is not looked at.
    #[tokio::test]
    async fn the_system_s_own_hosts_are_known() {
        let (server, _) = name_server(Vec::new()).await;
        let localhost = Place {
            port: Some(5_080),
            ..place("localhost")
        };
        let hops = Names::asking(server).locate(localhost, 1).await;
        let found = hops.iter().any(|hop| hop.address.ip().is_loopback());
        assert!(found, "{hops:?}");
    }
}
