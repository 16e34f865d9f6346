//! `rundruf serve`: opens everything in order, tells how to get in, waits, and leaves within a bounded time.
//!
//! ```text
//!   limits ─ database, key ─ prompts ─ media workers ─ server ─ doors ─ card, ready.json ─ wait ─ drain
//! ```

use std::{
    convert::Infallible,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    path::Path,
    sync::Arc,
};

use rand::Rng;
use sip::{Account, Protocol};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{MissedTickBehavior, timeout},
};
use tokio_util::sync::CancellationToken;

pub use self::{metrics::metrics, trunk_labels::TrunkLabels};
use crate::{
    browser::{
        served::Served,
        session,
        tcp::{Tcp, Ways},
        wire::Named,
    },
    card::{Card, Invitation, Reach, Ready},
    cli::{Books, Standing},
    clock::{Clock, System},
    conference::event::Language,
    config::{self, Auto, Config},
    http::{Listeners, Scheme, Site},
    limit,
    media::{
        leg::secure::{NoCertificate, SecureContext},
        pool::{Pool, PoolConfig, PortRange},
    },
    phone,
    pii::Pii,
    server::{Parts, Server, Sound, Spared, prompts::Prompts, seats::Seals, speech::Speech},
    start::{self, Obstacle},
    store,
    tls::{self, Authorities, ClientAuthority, Identity, SipServer},
};

mod lateness;
mod metrics;
mod trunk_labels;

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
    /// There is no certificate for media.
    #[error("media: {0}")]
    Media(#[from] NoCertificate),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
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
    warn(config);
    let media = start::media_addresses(&config.media.addresses);
    let web = Listeners::bind(&config.web.listen_https, &config.web.listen_http)
        .map_err(|error| Obstacle::web(error, config))?;
    let identity = Arc::new(identity(config, &media)?);
    let tls = tls::web_server_config(&identity)?;
    let relays = start::relays(&config.turn)?;
    let secure = SecureContext::new()?;
    let tcp = start::tcp(&config.media, &media, &secure)?;
    let books = Books::open(config, &mut rng).await?;
    let mut tasks = JoinSet::new();
    let speech = start::speech(&config.speech.engine, orders.language);
    let heard = (media.clone(), secure, speech.clone().ok().flatten());
    let server = server(config, &books, heard, &mut tasks, &mut rng)?;
    let phone = phone::Door::bind(door(config, &identity, &media)?, server.clone())
        .await
        .map_err(|error| Obstacle::sip(error.address, error.source, config))?;
    let sip = sip_addresses(&phone);
    let reach = Reach::new(
        config,
        web.addresses(Scheme::Https).next(),
        web.addresses(Scheme::Http).next(),
        sip[0].or(sip[1]),
    );
    let invitations = invitations(orders, &books, &reach, &mut rng).await?;

    let stop = CancellationToken::new();
    let (alive, mut sessions) = mpsc::channel(1);
    let labels = TrunkLabels::new(config.trunk.iter().map(|trunk| &*trunk.name));
    let named = named(&config.privacy);
    let served = Served::new(server.clone(), reach.call_in.clone(), named, relays);
    let served = (served, tcp.ways());
    let site = site(served, &server, (&phone, labels), &stop, alive);
    let mut doors = JoinSet::new();
    doors.spawn(serve_tcp(tcp, stop.clone()));
    let (web_stop, phone_stop) = (stop.clone(), stop.clone());
    doors.spawn(serve_web(web, site, tls, web_stop));
    let (counts, latest) = (phone.counters(), phone.latest());
    doors.spawn(phone.run(phone_stop));

    let ready = Ready::new(&reach, sip, &invitations).to_json();
    let ready_file = config.store.ready_file();
    store::write_private(&ready_file, ready.as_bytes())?;
    tell(orders, &reach, &media, &invitations, out)?;
    if let Err(unspoken) = speech {
        start::complain(&unspoken);
    }
    tracing::info!("server started");

    let trunks_file = config.store.trunks_file();
    tokio::select! {
        told = told_to_end() => told?,
        failed = renew_when_told(&identity) => return Err(failed.into()),
        never = tell_of_trunks(&config.trunk, &counts, &latest, &trunks_file) => match never {},
    }
    tracing::info!("server stops");
    for file in [ready_file, trunks_file] {
        let _ = std::fs::remove_file(&file);
    }
    server.stop().await;
    stop.cancel();
    let ended = async {
        while doors.join_next().await.is_some() {}
        // Nothing is ever sent: the queue closes with the last session.
        let _ = sessions.recv().await;
    };
    drain(ended, tasks, &books).await;
    Ok(())
}

async fn serve_web(
    web: Listeners,
    site: Site,
    tls: Arc<rustls::ServerConfig>,
    stop: CancellationToken,
) {
    if let Err(error) = web.serve(&site, tls, stop, limit::DRAIN).await {
        tracing::error!(%error, "web sockets failed");
    }
}

async fn serve_tcp(tcp: Tcp, stop: CancellationToken) {
    if let Err(error) = tcp.run(stop).await {
        tracing::error!(%error, "sockets for sound by TCP failed");
    }
}

async fn drain(ended: impl Future<Output = ()>, mut tasks: JoinSet<()>, books: &Books<'_>) {
    if timeout(limit::DRAIN, ended).await.is_err() {
        tracing::warn!("some calls did not end in time");
    }
    // Once nobody asks the database any more it can be closed.
    tasks.shutdown().await;
    if timeout(limit::DRAIN, books.close()).await.is_err() {
        tracing::warn!("the database was not closed in time");
    }
}

/// The demo's room, if there is to be one.
async fn invitations(
    orders: &Orders<'_>,
    books: &Books<'_>,
    reach: &Reach,
    rng: &mut impl Rng,
) -> Result<Vec<Invitation>, Error> {
    if !orders.demo {
        return Ok(Vec::new());
    }
    let room = books
        .demo_room(orders.language, rng, System.since_epoch())
        .await?;
    Ok(vec![books.invitation(&room, reach)])
}

/// Whoever is reached by others owes them a notice on privacy that says who is responsible (Art. 13 GDPR).
fn warn_of_nobody_named(config: &Config) {
    let mut web = config.web.listen_https.iter();
    if config.privacy.controller.0.is_none() && web.any(|address| !address.ip().is_loopback()) {
        tracing::warn!("the notice on privacy says of nobody that they are responsible: [privacy]");
    }
}

fn warn(config: &Config) {
    warn_of_nobody_named(config);
    for trunk in config.trunk.iter().filter(|trunk| trunk.is_exposed()) {
        tracing::warn!(trunk = trunk.name, "calls travel unencrypted");
    }
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

/// Reads the certificate again whenever the process is told to (SIGHUP), as those who renew certificates do. It goes on for
/// ever; what is returned is why it cannot.
async fn renew_when_told(identity: &Identity) -> io::Error {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => return error,
    };
    while hangup.recv().await.is_some() {
        match identity.reload() {
            Ok(()) => tracing::info!("certificate read again"),
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }
    std::future::pending().await
}

/// Writes how the trunks stand, whenever that has changed, for `rundruf trunk`.
async fn tell_of_trunks(
    trunks: &[config::Trunk],
    counts: &watch::Receiver<phone::Counts>,
    latest: &watch::Receiver<Vec<phone::Latest>>,
    file: &Path,
) -> Infallible {
    let mut standing = Standing::new(trunks);
    let mut written = None;
    let mut interval = tokio::time::interval(limit::TRUNKS_FILE_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        standing.update(&counts.borrow(), &latest.borrow(), System.since_epoch());
        if written.as_ref() == Some(&standing) {
            continue;
        }
        let (to, content) = (file.to_owned(), standing.to_json());
        let writing = move || store::write_private(&to, content.as_bytes());
        // A full disk is no reason to end calls; it is tried again at the next change.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(writing).await {
            tracing::warn!(%error, "how the trunks stand cannot be written");
        }
        written = Some(standing.clone());
    }
}

fn tell(
    orders: &Orders<'_>,
    reach: &Reach,
    media: &[IpAddr],
    invitations: &[Invitation],
    out: &mut impl Write,
) -> io::Result<()> {
    let settings = orders.file.map_or_else(
        || String::from("deploy/config.toml"),
        |file| file.display().to_string(),
    );
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

fn identity(config: &Config, media: &[IpAddr]) -> Result<Identity, Obstacle> {
    let mut hosts = vec![String::from("localhost")];
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    hosts.extend(name.map(|name| name.trim().to_owned()));
    hosts.extend(media.iter().map(IpAddr::to_string));
    let (certificate, key) = (&config.store.certificate, &config.store.certificate_key);
    Ok(Identity::load_or_create(certificate, key, &hosts)?)
}

fn server(
    config: &Config,
    books: &Books<'_>,
    (addresses, secure, speech): (Vec<IpAddr>, SecureContext, Option<Speech>),
    tasks: &mut JoinSet<()>,
    rng: &mut impl Rng,
) -> Result<Server, Error> {
    let folder = match &config.media.prompts {
        Auto::Derived => None,
        Auto::Set(folder) => Some(folder.as_path()),
    };
    let plan = config.keys.plan();
    let plan = plan.expect("settings are refused where their keys are no plan");
    let mut prompts = Prompts::load(folder, plan).map_err(Obstacle::Prompts)?;
    if let Some(speech) = speech {
        prompts = prompts.with_speech(speech);
    }
    let fingerprint = secure.fingerprint().to_owned();
    let workers = match config.media.workers {
        Auto::Derived => None,
        Auto::Set(workers) => Some(NonZeroUsize::from(workers)),
    };
    let pool = PoolConfig {
        workers,
        addresses,
        port: config.media.port,
        dscp: config.media.dscp,
        realtime: true,
        clips: prompts.table(),
        secure,
        clock: Arc::new(System),
    };
    let (pool, events) = Pool::spawn(&pool, rng).map_err(|source| Obstacle::Media {
        port: config.media.port,
        source,
    })?;
    let (store, keys) = books.parts();
    let seals = Seals::load_or_create(&config.store.seats_key(), rng).map_err(Obstacle::from)?;
    let parts = Parts {
        store,
        keys,
        seals,
        kept: Some(config.store.kept()),
        prompts,
        pool: Arc::new(pool),
        events,
        ports: PortRange::new(config.media.rtp_ports.range())
            .expect("settings give room for a pair of ports")
            .marked(config.media.dscp),
        fingerprint,
        sound: sound(&config.media),
        clock: Arc::new(System),
    };
    Ok(Server::start(parts, tasks))
}

fn sound(media: &config::Media) -> Sound {
    let off = |treatment| treatment == config::Treatment::Off;
    Sound {
        phones: Spared {
            noise_suppression: off(media.noise_suppression_phones),
            echo_suppression: off(media.echo_suppression_phones),
        },
        browsers: Spared {
            noise_suppression: off(media.noise_suppression_browsers),
            echo_suppression: false,
        },
        speakers: media.speakers,
    }
}

/// Makes of settings what the telephone door is built from; sound may be received at the media addresses.
///
/// # Errors
///
/// Fails when a file that a trunk names cannot be used.
pub fn door(
    config: &Config,
    identity: &Arc<Identity>,
    media: &[IpAddr],
) -> Result<phone::DoorConfig, Error> {
    let mut clients = Vec::new();
    let mut trunks = Vec::new();
    for trunk in &config.trunk {
        let client = trunk.certificate.get().map(|_| clients.len());
        if let Some(name) = trunk.certificate.get() {
            clients.push(ClientAuthority {
                name: name.clone(),
                authorities: authorities(config, trunk)?,
            });
        }
        trunks.push(phone::Trunk {
            peers: trunk.peers.clone(),
            client,
            numbers: trunk.numbers.iter().map(called).collect(),
            language: trunk.language,
            offers_language: trunk.offers_language,
            plan: trunk.plan(),
            max_calls: trunk.max_calls.get(),
            session_expires: match trunk.session_expires {
                Auto::Derived => config.sip.session_expires.get(),
                Auto::Set(own) => own.get(),
            },
            media: media_rules(trunk),
            upkeep: upkeep(config, trunk, identity)?,
            outward: trunk.outward(),
        });
    }
    Ok(phone::DoorConfig {
        udp: config.sip.listen_udp.clone(),
        tcp: config.sip.listen_tcp.clone(),
        tls: config.sip.listen_tls.clone(),
        server: Some(SipServer::new(identity, clients)?),
        user_agent: config.sip.user_agent.clone(),
        trunks,
        media: media.to_vec(),
        dscp: config.media.dscp.of_signalling(),
        dial_out: config.dial_out.rules(),
        names: match config.sip.name_server {
            Auto::Derived => phone::Names::system(),
            Auto::Set(server) => phone::Names::asking(server),
        },
    })
}

/// What is to be done at the server of a trunk, if it names one.
fn upkeep(
    config: &Config,
    trunk: &config::Trunk,
    identity: &Arc<Identity>,
) -> Result<Option<phone::Upkeep>, Error> {
    let (server, duty) = match (&trunk.registrar, &trunk.probe) {
        (Some(registrar), _) => {
            let server = trunk.proxy.as_ref().unwrap_or(registrar);
            (
                server,
                phone::Duty::Register(Box::new(registering(trunk, registrar)?)),
            )
        }
        (None, Some(server)) => (server, phone::Duty::Probe),
        (None, None) => return Ok(None),
    };
    let place = server.place();
    let believed = || -> Result<_, Error> {
        let authorities = authorities(config, trunk)?;
        Ok(tls::sip_client_config(identity, &authorities)?)
    };
    let client = match place.protocol {
        _ if place.secure => Some(believed()?),
        Some(Protocol::Tls) => Some(believed()?),
        Some(Protocol::Udp | Protocol::Tcp) => None,
        // The DNS will tell; without authorities TLS is left out.
        None => believed().ok(),
    };
    Ok(Some(phone::Upkeep {
        server: server.clone(),
        client,
        duty,
    }))
}

fn registering(
    trunk: &config::Trunk,
    registrar: &phone::ServerUri,
) -> Result<phone::Registering, Obstacle> {
    let file = &trunk.password_file;
    let password = store::read_secret(file).map_err(|source| Obstacle::Password {
        file: file.clone(),
        source,
    })?;
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Ok(phone::Registering {
        registrar: registrar.clone(),
        proxy: trunk.proxy.clone(),
        user: Pii::new(trunk.user.clone()),
        account: Account {
            user: Pii::new(given(&trunk.auth_user).unwrap_or_else(|| trunk.user.clone())),
            password,
            realm: given(&trunk.realm),
        },
        expires: trunk.expires.get(),
        mediasec: trunk.mediasec,
    })
}

fn media_rules(trunk: &config::Trunk) -> phone::MediaRules {
    phone::MediaRules {
        policy: match trunk.encryption {
            config::Encryption::Required => phone::Policy::Required,
            config::Encryption::Preferred => phone::Policy::Preferred,
            config::Encryption::Off => phone::Policy::Off,
        },
        latch: trunk.latch,
        networks: trunk.media_networks.clone(),
        external: trunk.external_address,
        codecs: phone::Codecs::of(&trunk.codecs.iter().map(codec).collect::<Vec<_>>()),
        to_device: trunk.protects == config::Protects::Device,
        mediasec: trunk.mediasec,
    }
}

const fn codec(codec: &config::Codec) -> phone::AudioCodec {
    match codec {
        config::Codec::Opus => phone::AudioCodec::Opus,
        config::Codec::G722 => phone::AudioCodec::G722,
        config::Codec::Pcma => phone::AudioCodec::Pcma,
        config::Codec::Pcmu => phone::AudioCodec::Pcmu,
    }
}

/// Reads who vouches for the other side of a trunk.
fn authorities(config: &Config, trunk: &config::Trunk) -> Result<Authorities, Obstacle> {
    let own = Some(&trunk.authority).filter(|file| !file.as_os_str().is_empty());
    let file = match (own, &config.sip.authorities) {
        (Some(file), _) | (None, Auto::Set(file)) => file.clone(),
        (None, Auto::Derived) => Authorities::system(),
    };
    Ok(Authorities::read(&file)?)
}

fn called(number: &config::Number) -> phone::Called {
    match number {
        config::Number::Rooms => phone::Called::Rooms,
        config::Number::Bridge => phone::Called::Bridge,
        config::Number::SoundTest => phone::Called::SoundTest,
        config::Number::Dialled(dialled) => phone::Called::Number(phone::Dialled {
            number: dialled.number.clone(),
            language: dialled.language,
            offers_language: dialled.offers_language,
            leads: match &dialled.room {
                _ if dialled.sound_test => phone::Lead::SoundTest,
                Some(room) => phone::Lead::Room(room.clone()),
                None => phone::Lead::Code,
            },
        }),
    }
}

/// Whom the notice on privacy names.
fn named(privacy: &config::Privacy) -> Named {
    let config::Privacy {
        controller,
        contact,
        officer,
        basis,
        authority,
    } = privacy.clone();
    Named {
        controller: controller.0,
        contact: contact.0,
        officer: officer.0,
        basis: basis.0,
        authority: authority.0,
    }
}

fn site(
    (served, ways): (Served, Ways),
    server: &Server,
    (phone, labels): (&phone::Door, TrunkLabels),
    stop: &CancellationToken,
    alive: mpsc::Sender<Infallible>,
) -> Site {
    let workers = server.clone();
    let (server, sip) = (server.clone(), phone.counters());
    let served = served.with_tcp(ways.clone());
    Site {
        socket: session::routes(served, stop.clone(), alive),
        metrics: Arc::new(move || {
            let mut metrics = metrics(&server, &sip.borrow(), &labels);
            metrics.extend(metrics::of_tcp(&ways));
            metrics
        }),
        healthy: Arc::new(move || workers.pool().alive().all(|alive| alive)),
    }
}

/// The first address of SIP by UDP, TCP and TLS.
fn sip_addresses(phone: &phone::Door) -> [Option<SocketAddr>; 3] {
    let all = [
        phone.udp_addresses(),
        phone.tcp_addresses(),
        phone.tls_addresses(),
    ];
    all.map(|addresses| addresses.first().copied())
}
