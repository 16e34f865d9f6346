//! `rundruf serve`: opens everything in order, tells how to get in, waits, and leaves within a bounded time.
//!
//! ```text
//!   limits ─ database, key ─ prompts ─ media workers ─ server ─ doors ─ card, ready.json ─ wait ─ drain
//! ```

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    path::Path,
    sync::Arc,
};

use rand::Rng;
use sip::rtp::Discard;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    browser::{served::Served, session},
    card::{Card, Invitation, Reach, Ready},
    cli::Books,
    clock::{Clock, System},
    conference::event::Language,
    config::{self, Auto, Config},
    http::{self, Kind, Listeners, Metric, Sample, Scheme, Site},
    limit,
    media::{
        Clips, Counter,
        leg::secure::{NoCertificate, SecureContext},
        pool::{Pool, PoolConfig, PortRange},
    },
    phone,
    server::{
        Parts, Server,
        prompts::{self, Prompts},
    },
    start::{self, Obstacle},
    store,
};

/// How to run.
#[derive(Debug)]
pub struct Orders<'a> {
    /// The settings.
    pub config: &'a Config,
    /// Where the settings came from.
    pub file: Option<&'a Path>,
    /// Make a fresh room and tell how to get in.
    pub demo: bool,
    /// What the card is written in.
    pub language: Language,
}

/// The server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator can remove the cause.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// The spoken catalogue is not complete.
    #[error("prompts: {0}")]
    Prompts(#[from] prompts::Error),
    /// There is no certificate for media.
    #[error("media: {0}")]
    Media(#[from] NoCertificate),
    /// The system refuses something else.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Runs the server until the process is told to end.
///
/// # Errors
///
/// Fails when something that is needed cannot be had; nothing is left open.
pub async fn serve(orders: &Orders<'_>, out: &mut impl Write) -> Result<(), Error> {
    let config = orders.config;
    let mut rng = rand::rng();
    start::raise_file_limit(config)?;
    let media = start::media_addresses(&config.media.addresses);
    let web = Listeners::bind(&config.web.listen_https, &config.web.listen_http)
        .map_err(|error| Obstacle::web(error, config))?;
    let tls = certificate(config, &media)?;
    let books = Books::open(config, &mut rng).await?;
    let mut tasks = JoinSet::new();
    let server = server(config, &books, media.clone(), &mut tasks, &mut rng)?;
    let phone = phone::Door::bind(door(config), server.clone())
        .await
        .map_err(|error| Obstacle::sip(error.address, error.source, config))?;
    let (udp, tcp) = (first(&phone.udp_addresses()), first(&phone.tcp_addresses()));
    let reach = Reach::new(
        config,
        web.addresses(Scheme::Https).next(),
        web.addresses(Scheme::Http).next(),
        udp.or(tcp),
    );
    let mut invitations = Vec::new();
    if orders.demo {
        let at = System.since_epoch();
        let room = books.demo_room(orders.language, &mut rng, at).await?;
        invitations.push(books.invitation(&room, &reach));
    }

    let stop = CancellationToken::new();
    let site = site(&server, &phone, &reach, &stop);
    let (web_stop, phone_stop) = (stop.clone(), stop.clone());
    tasks.spawn(async move {
        if let Err(error) = web.serve(&site, tls, web_stop, limit::DRAIN).await {
            tracing::error!(%error, "web sockets failed");
        }
    });
    tasks.spawn(phone.run(phone_stop));

    let ready = Ready::new(&reach, udp, tcp, &invitations).to_json();
    let ready_file = config.store.ready_file();
    store::write_private(&ready_file, ready.as_bytes())?;
    tell(orders, &reach, &media, &invitations, out)?;
    tracing::info!("server started");

    told_to_end().await?;
    tracing::info!("server stops");
    let _ = std::fs::remove_file(&ready_file);
    server.stop().await;
    stop.cancel();
    drop(server);
    let ended = async { while tasks.join_next().await.is_some() {} };
    if timeout(limit::DRAIN, ended).await.is_err() {
        tracing::warn!("some calls did not end in time");
    }
    Ok(())
}

/// Waits until the process is told to end, by Ctrl-C or by its supervisor.
async fn told_to_end() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn tell(
    orders: &Orders<'_>,
    reach: &Reach,
    media: &[IpAddr],
    invitations: &[Invitation],
    out: &mut impl Write,
) -> io::Result<()> {
    let settings = orders
        .file
        .map_or_else(|| String::from("—"), |file| file.display().to_string());
    for invitation in invitations {
        let card = Card {
            invitation,
            reach,
            media,
            settings: &settings,
        };
        out.write_all(card.render(orders.language).as_bytes())?;
    }
    out.flush()
}

fn certificate(config: &Config, media: &[IpAddr]) -> Result<Arc<rustls::ServerConfig>, Obstacle> {
    let mut hosts = vec![String::from("localhost")];
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    hosts.extend(name.map(|name| name.trim().to_owned()));
    hosts.extend(media.iter().map(IpAddr::to_string));
    let (certificate, key) = (&config.store.certificate, &config.store.certificate_key);
    Ok(http::load_or_create(certificate, key, &hosts)?)
}

fn server(
    config: &Config,
    books: &Books<'_>,
    addresses: Vec<IpAddr>,
    tasks: &mut JoinSet<()>,
    rng: &mut impl Rng,
) -> Result<Server, Error> {
    let (prompts, clips) = Prompts::load(None)?;
    let secure = SecureContext::new()?;
    let fingerprint = secure.fingerprint().to_owned();
    let workers = match config.media.workers {
        Auto::Derived => None,
        Auto::Set(workers) => Some(NonZeroUsize::from(workers)),
    };
    let pool = PoolConfig {
        workers,
        addresses,
        port: config.media.port,
        realtime: true,
        clips: Clips::new(clips),
        secure,
        clock: Arc::new(System),
    };
    let (pool, events) = Pool::spawn(&pool, rng).map_err(|source| Obstacle::Media {
        port: config.media.port,
        source,
    })?;
    let (store, keys) = books.parts();
    let parts = Parts {
        store,
        keys,
        prompts,
        pool: Arc::new(pool),
        events,
        ports: PortRange::new(config.media.rtp_ports.range())
            .expect("settings give room for a pair of ports"),
        fingerprint,
    };
    Ok(Server::start(parts, tasks))
}

fn door(config: &Config) -> phone::DoorConfig {
    let trunk = |trunk: &config::Trunk| phone::Trunk {
        peers: trunk.peers.clone(),
        numbers: trunk.numbers.iter().map(called).collect(),
        language: trunk.language,
    };
    phone::DoorConfig {
        udp: config.sip.listen_udp.clone(),
        tcp: config.sip.listen_tcp.clone(),
        user_agent: config.sip.user_agent.clone(),
        trunks: config.trunk.iter().map(trunk).collect(),
    }
}

fn called(number: &config::Number) -> phone::Called {
    match number {
        config::Number::Rooms => phone::Called::Rooms,
        config::Number::Bridge => phone::Called::Bridge,
        config::Number::Dialled(number) => phone::Called::Dialled(number.clone()),
    }
}

fn site(server: &Server, phone: &phone::Door, reach: &Reach, stop: &CancellationToken) -> Site {
    let served = Served::new(server.clone(), &reach.sip_host);
    let (server, sip) = (server.clone(), phone.counters());
    Site {
        socket: session::routes(served, stop.clone()),
        metrics: Arc::new(move || metrics(&server, *sip.borrow())),
    }
}

fn first(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    addresses.first().copied()
}

/// Gathers what is counted, for whoever runs the machine.
fn metrics(server: &Server, sip: sip::Counters) -> Vec<Metric> {
    let census = server.census();
    let media = server.pool().counters();
    let labelled = |label, values: Vec<(&'static str, u64)>| {
        let sample = |(word, value)| Sample {
            label: Some((label, word)),
            value,
        };
        values.into_iter().map(sample).collect()
    };
    let gauge = |counter| matches!(counter, Counter::Legs | Counter::Conferences);
    vec![
        Metric::single(
            "rundruf_participants",
            "Participants.",
            Kind::Gauge,
            census.participants(),
        ),
        Metric::single(
            "rundruf_conferences",
            "Conferences.",
            Kind::Gauge,
            census.conferences(),
        ),
        Metric::single(
            "rundruf_legs",
            "Legs on media workers.",
            Kind::Gauge,
            media.of(Counter::Legs),
        ),
        Metric::single(
            "rundruf_admitted_total",
            "Participants admitted.",
            Kind::Counter,
            census.admitted(),
        ),
        Metric::single(
            "rundruf_wrong_codes_total",
            "Codes judged wrong.",
            Kind::Counter,
            census.wrong_codes(),
        ),
        Metric {
            name: "rundruf_media_total",
            help: "What happened on media workers.",
            kind: Kind::Counter,
            samples: labelled(
                "what",
                Counter::ALL
                    .into_iter()
                    .filter(|counter| !gauge(*counter))
                    .map(|counter| (counter.name(), media.of(counter)))
                    .collect(),
            ),
        },
        Metric {
            name: "rundruf_packets_discarded_total",
            help: "Media packets that were of no use.",
            kind: Kind::Counter,
            samples: labelled(
                "reason",
                Discard::ALL
                    .into_iter()
                    .map(|reason| (reason.name(), media.discarded(reason)))
                    .collect(),
            ),
        },
        Metric {
            name: "rundruf_sip_total",
            help: "What happened at the telephone door.",
            kind: Kind::Counter,
            samples: labelled(
                "what",
                vec![
                    ("requests", sip.requests),
                    ("responses", sip.responses),
                    ("malformed", sip.malformed),
                    ("dropped", sip.dropped),
                    ("retransmissions", sip.retransmissions),
                    ("stray", sip.stray),
                    ("overloaded", sip.overloaded),
                    ("silenced", sip.silenced),
                    ("closed", sip.closed),
                ],
            ),
        },
    ]
}
