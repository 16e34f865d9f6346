//! Time and everybody in it: always the next thing that is due, and between two of them the server's tasks until they
//! have nothing more to do.
//!
//! The clock is tokio's, paused; it advances only while all tasks wait, so each step happens at exactly its time. All
//! deadlines are rounded up to whole milliseconds, the resolution of tokio's timers.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rundruf::{
    browser::{call_in::CallIn, relay::Relays, served::Served, wire::Named},
    clock::Virtual,
    conference::{
        event::{Clip, Wording},
        keyplan::KeyPlan,
        participant::{Protection, Role},
        policy::{Level, Lobby, Policy as RoomPolicy},
    },
    id::{ConferenceId, LegId, PersonId, RoomId, TenantId},
    media::{
        Counter, Counters, Shard, ShardConfig, SocketId,
        api::{ClipId, Command, Event},
        leg::secure::SecureContext,
        load::{Effort, Load},
        pool::{Pool, PortRange},
        worker::{Envelope, Notice, PhoneSockets, Simulated},
    },
    phone::{Counts, Door, DoorConfig, Latest, Trunk, Wire},
    pii::Secret,
    server::{
        Listed, Parts, Server, Sound, prompts::Prompts, seats::Seals, secrets::Keys,
        secrets::link_hash,
    },
    store::{ByRole, Person, PersonName, Room, Title, Window},
};
use sip::{Flow, Protocol, locate::Hop};
use tokio::{io::DuplexStream, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    browser::Browser,
    clip::{clip, clip_key},
    net::{Datagram, Net},
    now,
    phone::Phone,
};
pub use super::{
    ladder::Ladder,
    trunks::{door_config, everybody},
};

/// Where the server's SIP is; the address must be one of this machine, since media sockets are bound to name ports.
pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);
/// Where the workers' browser sockets are.
const BROWSER_SOCKETS: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7_001),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7_002),
];
/// Wall time at the beginning.
pub const WALL: Duration = Duration::from_secs(1_800_000_000);
/// With what servers seal seats and what outlives them.
pub const SEALING_KEY: [u8; 32] = [8; 32];

/// A worker without its thread.
struct Bench {
    worker: Simulated,
    shard: Shard,
    sockets: BTreeMap<LegId, PhoneSockets>,
    address: SocketAddr,
    load: Load,
    /// The share of its core that the worker needs, and the legs that it needs it for beside its own.
    burden: (f32, u64),
    weighed: Instant,
}

/// A room of the server.
#[derive(Clone)]
pub struct TestRoom {
    pub room: Room,
    /// Frieda, whose PIN is always right, and Gustav, who comes too late.
    people: Vec<Person>,
    keys: Keys,
}

impl TestRoom {
    pub fn pin(&self, role: Role) -> String {
        self.keys.pin(&self.room, role).expose().clone()
    }

    /// The PIN of somebody who is invited by name.
    pub fn persons_pin(&self, name: &str) -> String {
        let mut people = self.people.iter();
        let person = people.find(|person| person.name.expose() == name);
        let pin = self.keys.persons_pin(&self.room, person.expect("a person"));
        pin.expose().clone()
    }

    /// What a guest types.
    pub fn code(&self) -> String {
        self.room.number.clone() + &self.pin(Role::Guest)
    }

    pub fn link(&self, role: Role) -> Secret<String> {
        self.keys.link(&self.room, role)
    }
}

pub struct World {
    pub server: Server,
    pub net: Net,
    pub ladder: Ladder,
    pub rooms: Vec<TestRoom>,
    epoch: Instant,
    seed: u64,
    stop: CancellationToken,
    door: tokio::task::JoinHandle<()>,
    _tasks: JoinSet<()>,
    wire: Wire,
    benches: Vec<Bench>,
    notices: mpsc::Sender<Notice>,
    phones: Vec<Phone>,
    browsers: Vec<Browser>,
    /// The conferences that began, in order.
    pub conferences: Vec<ConferenceId>,
    /// The debug form of all commands and events, where a test asks for it.
    pub printed: Option<String>,
    /// Where datagrams went that reached nobody.
    pub nowhere: Vec<SocketAddr>,
    /// To whom words were said, and in which language.
    pub spoken: Vec<(String, Wording)>,
    /// What the telephone door has sent.
    pub departed: Vec<Datagram>,
    /// What has happened at the telephone door.
    pub counts: tokio::sync::watch::Receiver<Counts>,
    pub latest: tokio::sync::watch::Receiver<Vec<Latest>>,
}

/// What rooms are where a scenario says nothing else: open, since its telephones are not protected and need not hear so.
pub fn open() -> RoomPolicy {
    RoomPolicy {
        level: Level::Open,
        ..RoomPolicy::default()
    }
}

impl World {
    /// The server as browsers find it.
    pub fn served(&self) -> Served {
        self.served_with(None)
    }

    /// The server as browsers find it, with a way round firewalls.
    pub fn served_with(&self, relays: Option<Relays>) -> Served {
        let call_in = CallIn {
            sip_host: "localhost".to_owned(),
            lines: Vec::new(),
        };
        Served::new(self.server.clone(), call_in, Named::default(), relays)
    }

    /// Makes a server with two rooms and nobody in them.
    pub fn new(seed: u64) -> Self {
        Self::with_sound(seed, Sound::default())
    }

    /// Makes one that goes on from what lies in a folder, and keeps there what outlives it.
    pub fn keeping(seed: u64, folder: &Path) -> Self {
        let door = door_config(vec![everybody()]);
        let prompts = Prompts::alike(clip().into(), KeyPlan::default());
        let kept = Some(folder.to_owned());
        Self::begin((seed, kept), Sound::default(), door, open(), prompts)
    }

    /// Makes one whose operator has decided about the sound.
    pub fn with_sound(seed: u64, sound: Sound) -> Self {
        let door = door_config(vec![everybody()]);
        Self::with(seed, sound, door, open())
    }

    /// Makes one that these may call.
    pub fn with_trunks(seed: u64, trunks: Vec<Trunk>) -> Self {
        Self::with_door(seed, door_config(trunks))
    }

    /// Makes one with this telephone door.
    pub fn with_door(seed: u64, door: DoorConfig) -> Self {
        Self::with(seed, Sound::default(), door, open())
    }

    /// Makes one in whose rooms these wait.
    pub fn with_lobby(seed: u64, lobby: Lobby) -> Self {
        Self::with_policy(seed, RoomPolicy { lobby, ..open() })
    }

    /// Makes one whose rooms' owner has decided so.
    pub fn with_policy(seed: u64, policy: RoomPolicy) -> Self {
        let door = door_config(vec![everybody()]);
        Self::with(seed, Sound::default(), door, policy)
    }

    /// Makes one whose telephones have these keys.
    pub fn with_keys(seed: u64, plan: KeyPlan) -> Self {
        let door = door_config(vec![everybody()]);
        let prompts = Prompts::alike(clip().into(), plan);
        Self::speaking(seed, Sound::default(), door, open(), prompts)
    }

    /// Makes one that these may call, and whose rooms, of the usual level, demand protection.
    pub fn with_protection(seed: u64, trunks: Vec<Trunk>, protection: Protection) -> Self {
        let policy = RoomPolicy {
            protection,
            ..RoomPolicy::default()
        };
        Self::with(seed, Sound::default(), door_config(trunks), policy)
    }

    fn with(seed: u64, sound: Sound, door: DoorConfig, policy: RoomPolicy) -> Self {
        Self::speaking(
            seed,
            sound,
            door,
            policy,
            Prompts::alike(clip().into(), KeyPlan::default()),
        )
    }

    /// Makes one that speaks by these prompts.
    pub fn speaking(
        seed: u64,
        sound: Sound,
        door: DoorConfig,
        policy: RoomPolicy,
        prompts: Prompts,
    ) -> Self {
        Self::begin((seed, None), sound, door, policy, prompts)
    }

    fn begin(
        (seed, kept): (u64, Option<PathBuf>),
        sound: Sound,
        door: DoorConfig,
        policy: RoomPolicy,
        prompts: Prompts,
    ) -> Self {
        let epoch = now();
        let keys = Keys::from_bytes(&Secret::new([7; 32]));
        let rooms: Vec<TestRoom> = ["4711", "4712"]
            .into_iter()
            .zip(1..)
            .map(|(number, id)| test_room(number, id, policy, &keys))
            .collect();
        let secure = SecureContext::new().unwrap();
        let addresses = BROWSER_SOCKETS.map(|address| vec![address]).to_vec();
        let (pool, workers) = Pool::simulated(addresses).unwrap();
        let benches = workers
            .into_iter()
            .zip(BROWSER_SOCKETS)
            .enumerate()
            .map(|(index, (worker, address))| {
                let config = ShardConfig {
                    clips: prompts.table(),
                    secure: secure.clone(),
                    seed: [u8::try_from(seed % 250).unwrap() + u8::try_from(index).unwrap(); 32],
                };
                Bench::new(worker, config, address)
            })
            .collect();
        let (notices, events) = mpsc::channel(8_192);
        let mut tasks = JoinSet::new();
        let parts = Parts {
            store: rooms.iter().map(|room| listed(room, &keys)).collect(),
            keys,
            seals: Seals::from_bytes(&Secret::new(SEALING_KEY)),
            kept,
            prompts,
            pool: Arc::new(pool),
            events,
            ports: PortRange::new(20_000..=29_999).unwrap(),
            fingerprint: secure.fingerprint().to_owned(),
            sound,
            clock: Arc::new(Virtual(WALL)),
        };
        let server = Server::simulated(parts, seed, &mut tasks);
        let (door, wire) = Door::simulated(door, server.clone());
        let (counts, latest) = (door.counters(), door.latest());
        let stop = CancellationToken::new();
        let door = tokio::spawn(door.run(stop.clone()));
        Self {
            server,
            net: Net::new(seed),
            ladder: Ladder::new(epoch),
            rooms,
            epoch,
            seed,
            stop,
            door,
            _tasks: tasks,
            wire,
            benches,
            notices,
            phones: Vec::new(),
            browsers: Vec::new(),
            conferences: Vec::new(),
            printed: None,
            nowhere: Vec::new(),
            spoken: Vec::new(),
            departed: Vec::new(),
            counts,
            latest,
        }
    }

    /// Adds a telephone.
    pub fn phone(&mut self, name: &str) -> Phone {
        let number = u8::try_from(self.phones.len() + 1).unwrap();
        let ip = IpAddr::V4(Ipv4Addr::new(198, 51, 100, number));
        let phone = Phone::new(name, Phone::sip_address(ip), SERVER, self.ladder.clone());
        self.phones.push(phone.clone());
        phone
    }

    /// Adds a telephone on the server's own machine.
    pub fn softphone(&mut self, name: &str) -> Phone {
        let number = u8::try_from(self.phones.len() + 2).unwrap();
        let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, number));
        let phone = Phone::new(name, Phone::sip_address(ip), SERVER, self.ladder.clone());
        self.phones.push(phone.clone());
        phone
    }

    /// Adds a browser.
    pub fn browser(&mut self, name: &str) -> Browser {
        let number = u8::try_from(self.browsers.len() + 1).unwrap();
        let ip = IpAddr::V4(Ipv4Addr::new(203, 0, 113, number));
        let address = SocketAddr::new(ip, 40_000);
        let browser = Browser::new(name, address, self.ladder.clone());
        self.browsers.push(browser.clone());
        browser
    }

    /// The first room.
    pub fn room(&self) -> TestRoom {
        self.rooms[0].clone()
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        now() - self.epoch
    }

    /// Lets time pass.
    pub async fn run_for(&mut self, time: Duration) {
        let limit = now() + time;
        while now() < limit {
            self.step(limit).await;
        }
    }

    /// Lets time pass until something is true.
    pub async fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        let limit = now() + Duration::from_secs(300);
        while !done(self) {
            assert!(now() < limit, "nothing came of it\n{}", self.ladder.timed());
            self.step(limit).await;
        }
    }

    /// Tells the server and the door to stop.
    pub async fn stop(&self) {
        self.ladder.tell("the server stops");
        self.stop.cancel();
        self.server.stop().await;
    }

    /// Tells whether the door's task has ended.
    pub fn door_is_closed(&self) -> bool {
        self.door.is_finished()
    }

    /// The sum of both shards' counters.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for bench in &self.benches {
            sum.merge(bench.shard.counters());
        }
        sum
    }

    /// How many legs each shard has.
    pub fn legs(&self) -> Vec<usize> {
        let legs = |bench: &Bench| bench.shard.legs().len();
        self.benches.iter().map(legs).collect()
    }

    /// The leg of a telephone, with its shard.
    pub fn leg_of(&self, phone: &Phone) -> (usize, LegId) {
        let port = phone.remote().expect("a call").port();
        self.benches
            .iter()
            .enumerate()
            .find_map(|(index, bench)| Some((index, bench.socket(port)?.0)))
            .expect("a leg")
    }

    /// Gives a shard a command that no server would.
    pub fn command(&mut self, shard: usize, command: Command) {
        self.apply(shard, command.into());
    }

    /// Makes a worker need this share of its core from here on, as if it had a hundred legs more.
    pub fn burden(&mut self, worker: usize, share: f32) {
        self.benches[worker].weigh();
        self.benches[worker].burden = (share, 100);
    }

    /// The effort of a worker's shard.
    pub fn effort(&self, worker: usize) -> Effort {
        self.benches[worker].shard.effort()
    }

    /// Tells the server something as if a worker had.
    pub fn notice(&mut self, worker: usize, event: Event) {
        let notice = Notice {
            worker,
            event,
            sockets: None,
        };
        self.notices.try_send(notice).expect("room for a notice");
    }

    /// Lets a datagram travel that none of the devices has sent.
    pub fn inject(&mut self, datagram: Datagram) {
        self.net.send_media(datagram, true, now());
    }

    /// Lets somebody connect to the telephone door; returns their end.
    pub fn connect(&self, flow: Flow) -> DuplexStream {
        self.wire.connect(flow)
    }

    /// Takes the other end of the next connection that the telephone door has made, and where it leads.
    pub fn connected(&mut self) -> Option<(Hop, DuplexStream)> {
        self.wire.connected()
    }

    /// What every telephone is told of a play of clips: `alice ♪ hello ask-code`.
    fn tell_play(&mut self, shard: usize, leg: LegId, clips: &[ClipId]) {
        let keys: Vec<&str> = clips.iter().map(|id| clip_key(*id)).collect();
        let port = self.benches[shard].port(leg);
        let phone = self
            .phones
            .iter()
            .find(|phone| phone.remote().map(|remote| remote.port()) == port);
        let name = phone.map_or("?".to_owned(), Phone::name);
        let words = if keys.is_empty() {
            "hush".to_owned()
        } else {
            keys.join(" ")
        };
        self.ladder.tell(&format!("{name} ♪ {words}"));
        let wording = |id: &ClipId| Wording::ALL.get(id.0 as usize / Clip::ALL.len());
        let spoken = |id| Some((name.clone(), *wording(id)?));
        self.spoken.extend(clips.iter().filter_map(spoken));
    }

    /// Goes to the next thing that is due, at most to `limit`.
    async fn step(&mut self, limit: Instant) {
        self.fire();
        self.settle().await;
        let due = self.poll_timeout().map_or(limit, |due| due.min(limit));
        let due = self.whole_millisecond(due.max(now()));
        let benches = &mut self.benches;
        tokio::select! {
            biased;
            Some((flow, bytes)) = self.wire.departure() => self.departed(flow, bytes),
            (shard, envelope) = command(benches) => self.apply(shard, envelope),
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }

    fn whole_millisecond(&self, at: Instant) -> Instant {
        let micros = u64::try_from((at - self.epoch).as_micros()).unwrap();
        self.epoch + Duration::from_millis(micros.div_ceil(1_000))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let shards = self.benches.iter().filter_map(|b| b.shard.poll_timeout());
        let phones = self.phones.iter().filter_map(Phone::poll_timeout);
        let browsers = self.browsers.iter().filter_map(Browser::poll_timeout);
        let all = shards.chain(phones).chain(browsers);
        all.chain(self.net.poll_timeout()).min()
    }

    /// Does what is due.
    fn fire(&mut self) {
        let now = now();
        while let Some(datagram) = self.net.arrived(now) {
            self.deliver(datagram, now);
        }
        for bench in &mut self.benches {
            bench.shard.handle_timeout(now);
            bench.shard.restock();
        }
        for phone in &self.phones {
            phone.handle_timeout(now);
        }
        for browser in &self.browsers {
            browser.handle_timeout(now);
        }
        let stray = self.counters().of(Counter::LegsWithoutRoster);
        assert_eq!(stray, 0, "a leg in the mix is not in the roster");
    }

    fn deliver(&mut self, mut datagram: Datagram, now: Instant) {
        let Datagram { from, to, .. } = datagram;
        if let Some(phone) = self.phones.iter().find(|phone| phone.is_at(to)) {
            phone.handle_datagram(&datagram, now);
        } else if let Some(browser) = self.browsers.iter().find(|browser| browser.is_at(to)) {
            browser.handle_datagram(&datagram, now);
        } else if to == SERVER {
            let flow = Flow::new(Protocol::Udp, to, from, 0);
            self.wire.arrive(flow, datagram.bytes);
        } else {
            for bench in &mut self.benches {
                let socket = match bench.address == to {
                    true => Some(SocketId::Browser(0)),
                    false => bench.socket(to.port()).map(|(_, socket)| socket),
                };
                if let Some(socket) = socket {
                    bench
                        .shard
                        .handle_datagram(socket, from, &mut datagram.bytes, now);
                    return;
                }
            }
            self.nowhere.push(to);
        }
    }

    /// Takes what everybody has to send and to tell.
    async fn settle(&mut self) {
        for index in 0..self.benches.len() {
            self.settle_bench(index);
        }
        for phone in &self.phones {
            for datagram in phone.outbox() {
                if datagram.to == SERVER {
                    self.net.send_signalling(datagram, now());
                } else {
                    self.net.send_media(datagram, true, now());
                }
            }
        }
        for browser in &self.browsers {
            for datagram in browser.outbox() {
                self.net.send_media(datagram, true, now());
            }
            if let Some(leg) = browser.listen_to_server() {
                leg.close().await;
            }
        }
    }

    fn settle_bench(&mut self, index: usize) {
        let bench = &mut self.benches[index];
        while let Some(transmit) = bench.shard.poll_transmit() {
            let from = match transmit.socket {
                SocketId::Browser(_) => bench.address,
                SocketId::Rtp(leg) => bench.sockets[&leg].rtp.local_addr().unwrap(),
                SocketId::Rtcp(leg) => bench.sockets[&leg].rtcp.local_addr().unwrap(),
            };
            let datagram = Datagram {
                from,
                to: transmit.to,
                bytes: transmit.bytes.to_vec(),
            };
            self.net.send_media(datagram, false, now());
        }
        while let Some(leg) = bench.shard.poll_closed() {
            bench.sockets.remove(&leg);
        }
        while let Some(event) = bench.shard.poll_event() {
            if let Some(printed) = &mut self.printed {
                *printed += &format!("{event:?}\n");
            }
            let sockets = match &event {
                Event::Released { id, .. } => bench.sockets.remove(id),
                _ => None,
            };
            let notice = Notice {
                worker: index,
                event,
                sockets,
            };
            self.notices.try_send(notice).expect("room for a notice");
        }
        bench.weigh();
        let mut counters = *bench.shard.counters();
        bench.load.report(&mut counters);
        bench.worker.counters.publish(&counters);
    }

    fn departed(&mut self, flow: Flow, bytes: Vec<u8>) {
        let datagram = Datagram {
            from: flow.local,
            to: flow.remote,
            bytes,
        };
        self.departed.push(datagram.clone());
        self.net.send_signalling(datagram, now());
    }

    fn apply(&mut self, shard: usize, envelope: Envelope) {
        if let Some(printed) = &mut self.printed {
            *printed += &format!("{envelope:?}\n");
        }
        let Envelope { command, sockets } = envelope;
        let leg = match &command {
            Command::Open { leg, .. } => Some(*leg),
            Command::Adopt { leg } => Some(leg.id()),
            _ => None,
        };
        if let (Some(leg), Some(sockets)) = (leg, sockets) {
            self.benches[shard].sockets.insert(leg, sockets);
        }
        match &command {
            Command::Play { leg, clips, .. } | Command::Whisper { leg, clips, .. } => {
                self.tell_play(shard, *leg, clips);
            }
            Command::Announce { clips, .. } => {
                let keys: Vec<_> = clips.iter().map(|id| clip_key(*id)).collect();
                self.ladder.tell(&format!("all ♪ {}", keys.join(" ")));
            }
            Command::Start { conference } => self.conferences.push(*conference),
            _ => {}
        }
        self.benches[shard].shard.handle(command, now());
        self.settle_bench(shard);
    }
}

impl Bench {
    fn new(worker: Simulated, config: ShardConfig, address: SocketAddr) -> Self {
        let mut shard = Shard::new(config, now());
        shard.set_wall(now(), WALL);
        Self {
            worker,
            shard,
            sockets: BTreeMap::new(),
            address,
            load: Load::new(now()),
            burden: (0.0, 0),
            weighed: now(),
        }
    }

    /// Tells the load what the time since the last call has cost.
    fn weigh(&mut self) {
        let passed = now() - std::mem::replace(&mut self.weighed, now());
        let (share, others) = self.burden;
        let legs = self.shard.counters().of(Counter::Legs) + others;
        self.load.handle_round(passed.mul_f32(share), legs, now());
        self.shard.set_effort(self.load.effort());
    }

    /// Finds the socket with this port.
    fn socket(&self, port: u16) -> Option<(LegId, SocketId)> {
        self.sockets.iter().find_map(|(leg, sockets)| {
            let of = |socket: &std::net::UdpSocket| socket.local_addr().unwrap().port();
            if of(&sockets.rtp) == port {
                return Some((*leg, SocketId::Rtp(*leg)));
            }
            (of(&sockets.rtcp) == port).then_some((*leg, SocketId::Rtcp(*leg)))
        })
    }

    fn port(&self, leg: LegId) -> Option<u16> {
        let sockets = self.sockets.get(&leg)?;
        Some(sockets.rtp.local_addr().unwrap().port())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("seed {}\n{}", self.seed, self.ladder.timed());
        }
    }
}

/// Waits for the next command to any worker.
async fn command(benches: &mut [Bench]) -> (usize, Envelope) {
    std::future::poll_fn(|context| {
        for (index, bench) in benches.iter_mut().enumerate() {
            if let std::task::Poll::Ready(Some(envelope)) = bench.worker.commands.poll_recv(context)
            {
                return std::task::Poll::Ready((index, envelope));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

fn test_room(number: &str, id: u64, policy: RoomPolicy, keys: &Keys) -> TestRoom {
    let room = Room {
        id: RoomId::from_u64(id),
        tenant: TenantId::DEFAULT,
        number: number.to_owned(),
        title: Title::new("Canary".to_owned()),
        wording: Wording::De,
        speakers: None,
        lobby: policy.lobby,
        level: policy.level,
        protection: policy.protection,
        entrances: policy.entrances,
        chat: policy.chat,
        shows_digits: policy.shows_digits,
        pin_epochs: ByRole::default(),
        link_epochs: ByRole::default(),
        demo: false,
        created_at: WALL,
    };
    let invited = |id, name: &str, window| Person {
        id: PersonId::from_u64(id),
        room: room.id,
        name: PersonName::new(name.to_owned()),
        role: Role::Guest,
        pin_epoch: 0,
        window,
    };
    let over = Window {
        opens_at: None,
        closes_at: Some(WALL),
    };
    let people = vec![
        invited(1, "Frieda", Window::default()),
        invited(2, "Gustav", over),
    ];
    TestRoom {
        room,
        people,
        keys: keys.clone(),
    }
}

fn listed(room: &TestRoom, keys: &Keys) -> Listed {
    let hash = |role| link_hash(&keys.link(&room.room, role));
    Listed {
        room: room.room.clone(),
        link_hashes: ByRole {
            guest: hash(Role::Guest),
            moderator: hash(Role::Moderator),
        },
        people: room.people.clone(),
    }
}
