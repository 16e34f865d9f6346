//! What a door may ask: is this code or link right, open a leg, let somebody in.
//!
//! Behind it: `factory` makes conferences, `conference` drives each, `gate` keeps workers from being overloaded,
//! `router` carries media events, [`secrets`] derives PINs and links, [`seats`] seals what pages come back with. Doors hold an [`Attendance`]; dropping it is leaving.

pub mod caller;
pub mod census;
pub mod names;
pub mod prompts;
pub mod seats;
pub mod secrets;
pub mod speech;

pub(crate) mod conference;

mod attendance;
mod back;
mod chance;
mod dial_out;
mod factory;
mod gate;
mod guard;
mod joining;
mod keeper;
mod media_leg;
mod pairing;
mod recordings;
mod rooms;
mod router;
mod sound;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rand::rngs::StdRng;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

pub use self::{
    attendance::Attendance,
    dial_out::{Dialling, PastDial},
    media_leg::MediaLeg,
    pairing::TypedAt,
    rooms::Listed,
    router::LegNews,
    sound::{Sound, Spared},
};
use self::{
    back::Chair,
    caller::Caller,
    census::Census,
    chance::Chance,
    conference::{Means, Message},
    dial_out::Switchboard,
    factory::{Factory, Live, Request},
    gate::Gate,
    guard::{Guard, Stand},
    joining::{Entered, Joining, Page},
    keeper::{Keeper, Remains, Shelf},
    media_leg::News,
    names::SpokenNames,
    pairing::Pairings,
    prompts::Prompts,
    rooms::Rooms,
    router::{Note, Router},
    seats::Seals,
    secrets::{Holder, Keys},
};
use crate::{
    clock::Clock,
    conference::{
        acts::Done,
        error::{Dismissal, Refusal},
        event::{Event, Wording},
        focus::Trust,
        keyplan::KeyPlan,
        participant::{Door, Protection, Role},
        policy::Policy,
        roster::{Delta, Snapshot},
        text::Post,
    },
    id::{LegId, ParticipantId, PersonId, RoomId, SeatId},
    limit::{
        LEG_NEWS_MAX, LOAD_CHECK_INTERVAL, NOTICES_MAX, ROOMS_CHECK_INTERVAL, SERVER_QUEUE_MAX,
    },
    media::{
        api::{BrowserMedia, Command, ListeningGain, Opening, PhoneMedia},
        pool::{NoPorts, Pool, PortRange},
        worker::{self, Envelope, PhoneSockets},
    },
    pii::{Name, Secret},
    store::{self, Room, Store, Title},
};

/// Why the server cannot do what a door asks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Policy says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// There are as many conferences as there may be.
    #[error("no further conference fits")]
    Full,
    /// The range of media ports is used up.
    #[error("no media port is free")]
    NoPort,
    /// No media worker takes the leg.
    #[error("no media worker is available")]
    NoWorker,
    /// The media worker has as much to do as it can carry.
    #[error("the media worker has no room for another leg")]
    Overloaded,
    /// The server is about to leave.
    #[error("the server stops")]
    Stopping,
    /// The database failed.
    #[error("store: {0}")]
    Store(#[from] store::Error),
}

/// A right to enter: what a code or link stands for.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The room.
    pub room: RoomId,
    /// The role the secret gives.
    pub role: Role,
    /// In which words the room speaks to people.
    pub wording: Wording,
    /// What the room's owner has decided.
    pub policy: Policy,
    /// The room's title, for those who may enter.
    pub title: Title,
    /// The room's number.
    pub number: String,
    /// The PIN of the same role, to show as a way to call in.
    pub pin: Arc<Secret<String>>,
    /// Whose PIN it is, if it is one person's, and what they are called.
    pub person: Option<(PersonId, Name)>,
    /// What the secret is worth while PINs are guessed.
    pub trust: Trust,
    /// Whose page it is whose sound they are to be, who have typed a pairing code.
    pub pairs_with: Option<ParticipantId>,
}

/// What became of a dial-in code.
#[derive(Debug)]
pub struct Judged {
    /// The right that it gives, if it is right.
    pub admission: Option<Admission>,
    /// For how long the verdict is to be kept back.
    pub delay: Duration,
}

/// What a participant is told.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The whole roster.
    Roster(Snapshot),
    /// Changes to the roster.
    Delta(Arc<Delta>),
    /// What was done, and when: the time since 1970-01-01 00:00 UTC.
    Done(Arc<Done>, Duration),
    /// An event of the catalogue, for this participant.
    Told(Event),
    /// The same, where people are named in it whose names may be sounds.
    Naming(Event, SpokenNames),
    /// What somebody has written, they themself included.
    Written(Arc<Post>),
    /// Their page shows this code for a while, by which a telephone becomes its sound.
    PairingCode(Secret<String>, Duration),
    /// Something they asked for is refused.
    Refused(Refusal),
    /// They are out; the door says why and hangs up.
    Dismissed(Dismissal),
}

/// The server, as every door holds it.
#[derive(Debug, Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rooms: Rooms,
    chance: Chance,
    keys: Keys,
    seals: Seals,
    pool: Arc<Pool>,
    gate: Gate,
    prompts: Prompts,
    ports: PortRange,
    fingerprint: String,
    sound: Sound,
    census: Arc<Census>,
    guard: Arc<Mutex<Guard>>,
    pairings: Arc<Mutex<Pairings>>,
    wall: Arc<dyn Clock>,
    notes: mpsc::Sender<Note>,
    requests: mpsc::Sender<Request>,
    switchboard: Arc<Switchboard>,
}

/// What a server is made of.
#[derive(Debug)]
pub struct Parts<R = Store> {
    /// Rooms.
    pub store: R,
    /// The key of PINs and links.
    pub keys: Keys,
    /// The key of the tokens by which pages come back, and of what outlives the server.
    pub seals: Seals,
    /// The folder of what outlives the server; none where nothing does.
    pub kept: Option<PathBuf>,
    /// The spoken catalogue.
    pub prompts: Prompts,
    /// The media workers.
    pub pool: Arc<Pool>,
    /// What the workers tell.
    pub events: mpsc::Receiver<worker::Notice>,
    /// Where telephones' media is received.
    pub ports: PortRange,
    /// Fingerprint of the certificate that browser legs present.
    pub fingerprint: String,
    /// What the operator decides about the sound.
    pub sound: Sound,
    /// Wall time: when PINs open a room, and when a day is over.
    pub clock: Arc<dyn Clock>,
}

impl Server {
    /// Starts the server's tasks on the current runtime; they belong to `tasks`.
    pub fn start(parts: Parts, tasks: &mut JoinSet<()>) -> Self {
        Self::begin(parts, Rooms::Stored, Chance::system(), tasks)
    }

    /// Starts a server for a simulated run: with the rooms of a list, and the same after the same seed.
    pub fn simulated(parts: Parts<Vec<Listed>>, seed: u64, tasks: &mut JoinSet<()>) -> Self {
        let rooms = |rooms| Rooms::Listed(rooms, Mutex::default());
        Self::begin(parts, rooms, Chance::seeded(seed), tasks)
    }

    fn begin<R>(
        parts: Parts<R>,
        rooms: impl FnOnce(R) -> Rooms,
        chance: Chance,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let Parts {
            store,
            keys,
            seals,
            kept,
            prompts,
            pool,
            events,
            ports,
            fingerprint,
            sound,
            clock: wall,
        } = parts;
        let (notes, notes_queue) = mpsc::channel(SERVER_QUEUE_MAX);
        let (requests, requests_queue) = mpsc::channel(SERVER_QUEUE_MAX);
        tasks.spawn(Router::new(Arc::clone(&pool)).run(notes_queue, events));
        let census = Arc::new(Census::default());
        let guard = Arc::new(Mutex::new(Guard::new(chance.rng())));
        let pairings = Arc::new(Mutex::new(Pairings::new(chance.rng())));
        let switchboard = Arc::new(Switchboard::default());
        let (keeper, remains) = keep(kept, &seals, &wall, tasks);
        let means = Means {
            keeper,
            switchboard: Arc::clone(&switchboard),
            pool: Arc::clone(&pool),
            notes: notes.clone(),
            census: Arc::clone(&census),
            prompts: prompts.clone(),
            sound,
            guard: Arc::clone(&guard),
            pairings: Arc::clone(&pairings),
            wall: Arc::clone(&wall),
        };
        let factory = Factory::new(means, remains, chance.rng());
        tasks.spawn(factory.run(requests_queue));
        let server = Self {
            inner: Arc::new(Inner {
                rooms: rooms(store),
                chance,
                keys,
                seals,
                gate: Gate::new(Arc::clone(&pool)),
                pool,
                prompts,
                ports,
                fingerprint,
                sound,
                census,
                guard,
                pairings,
                wall,
                notes,
                requests,
                switchboard,
            }),
        };
        tasks.spawn(server.clone().watch_rooms());
        tasks.spawn(server.clone().watch_load());
        tasks.spawn(server.clone().watch_dials());
        server
    }

    /// Ends all conferences; everybody in them is told, and no other begins.
    pub async fn stop(&self) {
        let _ = self.inner.requests.send(Request::Stop).await;
    }

    /// How many are here.
    pub fn census(&self) -> &Census {
        &self.inner.census
    }

    /// Wall time, since 1970-01-01 00:00 UTC.
    pub fn since_epoch(&self) -> Duration {
        self.inner.wall.since_epoch()
    }

    /// The prompts, as clips the workers know.
    pub fn prompts(&self) -> &Prompts {
        &self.inner.prompts
    }

    /// The media workers.
    pub fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    /// Judges a dial-in code. The work is the same whether or not the room exists.
    pub async fn check_code(
        &self,
        number: &Secret<String>,
        pin: &Secret<String>,
        caller: &Caller,
    ) -> Result<Judged, Error> {
        let number = number.expose();
        let stand = self
            .guard(|guard, now| guard.count(number, caller, self.inner.wall.since_epoch(), now));
        let room = self.rooms().by_number(number).await?;
        let judged = room.clone().unwrap_or_else(Room::nowhere);
        let people = self.rooms().people(judged.id).await?;
        let holder = self.inner.keys.holder_of_pin(&judged, &people, pin);
        let admission = room
            .as_ref()
            .zip(holder)
            .and_then(|(room, holder)| match holder {
                Holder::Role(role) if stand.refuses(role) => None,
                Holder::Role(role) => Some(Admission {
                    trust: stand.trust,
                    ..self.admission(room, role)
                }),
                Holder::Person(id) => {
                    let person = people.iter().find(|person| person.id == id)?;
                    let open = person.window.is_open(self.inner.wall.since_epoch());
                    open.then(|| Admission {
                        person: Some((id, person.shown_name())),
                        trust: stand.own,
                        ..self.admission(room, person.role)
                    })
                }
            });
        if let Some(Admission { trust, .. }) = admission {
            self.guard(|guard, now| guard.right(number, caller, trust, now));
        } else {
            self.wrong_code(number, room.map(|room| room.id), stand)
                .await;
        }
        Ok(Judged {
            admission,
            delay: stand.delay,
        })
    }

    /// Notes a wrong code; where a room's PINs are guessed its moderators are told.
    async fn wrong_code(&self, number: &str, room: Option<RoomId>, stand: Stand) {
        if stand.unjudged {
            self.inner.census.code_was_not_judged();
        } else {
            self.inner.census.code_was_wrong();
        }
        let Some(room) = room else { return };
        let (guessed, fresh) = self.guard(|guard, now| guard.wrong(number, room, now));
        if fresh {
            tracing::warn!(%room, "PINs of a room are guessed");
        }
        if guessed {
            let _ = self.inner.requests.send(Request::Guessed { room }).await;
        }
    }

    fn guard<R>(&self, ask: impl FnOnce(&mut Guard, Instant) -> R) -> R {
        let mut guard = self
            .inner
            .guard
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ask(&mut guard, conference::clock())
    }

    /// Judges a link's token.
    pub async fn check_link(&self, token: &Secret<String>) -> Result<Option<Admission>, Error> {
        let hash = secrets::link_hash(token);
        let found = self.rooms().by_link(&hash).await?;
        Ok(found.map(|(room, role)| self.admission(&room, role)))
    }

    /// In which words the room with this number speaks to people, if there is one; for trunks that lead to every room.
    pub async fn room_wording(&self, number: &str) -> Result<Option<Wording>, Error> {
        let room = self.rooms().by_number(number).await?;
        Ok(room.map(|room| room.wording))
    }

    /// The rooms, to look something up that somebody asks for.
    fn rooms(&self) -> &Rooms {
        self.inner.census.looked_up();
        &self.inner.rooms
    }

    fn admission(&self, room: &Room, role: Role) -> Admission {
        Admission {
            room: room.id,
            role,
            wording: room.wording,
            policy: self.policy(room),
            title: room.title.clone(),
            number: room.number.clone(),
            pin: Arc::new(self.inner.keys.pin(room, role)),
            person: None,
            trust: Trust::Full,
            pairs_with: None,
        }
    }

    /// What a room says, or the settings where it does not.
    fn policy(&self, room: &Room) -> Policy {
        Policy {
            speakers: room.speakers.unwrap_or(self.inner.sound.speakers),
            lobby: room.lobby,
            level: room.level,
            protection: room.protection,
            entrances: room.entrances,
            chat: room.chat,
            shows_digits: room.shows_digits,
            wording: room.wording,
        }
    }

    /// Host addresses of the worker that serves the room, for a browser's candidates. Begins the room's conference where
    /// there is none, so that the worker stays the same: for who is about to join.
    pub async fn browser_addresses(&self, admission: &Admission) -> Result<Vec<SocketAddr>, Error> {
        let live = self.live(admission).await?;
        Ok(self.inner.pool.addresses(live.worker).to_vec())
    }

    /// What the keys of telephones ask for.
    pub fn key_plan(&self) -> Arc<KeyPlan> {
        Arc::clone(self.inner.prompts.plan())
    }

    /// Fingerprint of the certificate that all legs over DTLS present.
    pub fn fingerprint(&self) -> &str {
        &self.inner.fingerprint
    }

    /// Opens a browser's leg and lets its participant in, to the seat that a token leads back to.
    pub async fn join_browser(
        &self,
        admission: &Admission,
        name: Option<Name>,
        token: Option<&Secret<String>>,
        media: BrowserMedia,
    ) -> Result<(Attendance, MediaLeg), Error> {
        let live = self.live(admission).await?;
        self.inner.gate.admit(live.worker)?;
        let leg = self
            .open(live.worker, Opening::Browser(media), None)
            .await?;
        leg.treat(Door::Browser).await;
        let who = Who {
            name,
            caller: Caller::default(),
            door: Door::Browser,
            protection: Protection::ToDevice,
            page: Some(Page {
                fresh: SeatId::random(&mut self.rng()),
                claim: token.and_then(|token| self.claim(admission, token)),
            }),
        };
        let joined = self.join(live, admission, who, &leg);
        let attendance = match joined.await {
            Ok(attendance) => attendance,
            Err(error) => {
                leg.close().await;
                return Err(error);
            }
        };
        Ok((attendance, leg))
    }

    /// Binds ports for a telephone's media; returns them with the one for RTP.
    pub fn media_sockets(&self, address: IpAddr) -> Result<(PhoneSockets, u16), Error> {
        let sockets = self
            .inner
            .ports
            .bind(address, &mut self.rng())
            .map_err(|error| {
                // Who floods must not fill the log, too; such calls are counted as refused.
                tracing::debug!(%error, "a caller got no media ports");
                match error {
                    NoPorts::Exhausted | NoPorts::Bind(_) => Error::NoPort,
                }
            })?;
        let port = sockets.rtp.local_addr().map_err(|_| Error::NoPort)?.port();
        Ok((sockets, port))
    }

    /// Finds room for a telephone's leg, before its call is answered.
    pub fn room_for_phone(&self) -> Result<Place, Error> {
        let worker = self.inner.pool.least_loaded(|_| 0);
        self.inner.gate.admit(worker)?;
        Ok(Place { worker })
    }

    /// Opens a telephone's leg where room was found for it, in no conference yet.
    pub async fn open_phone(
        &self,
        place: Place,
        media: PhoneMedia,
        sockets: PhoneSockets,
    ) -> Result<MediaLeg, Error> {
        let leg = self
            .open(place.worker, Opening::Phone(media), Some(sockets))
            .await?;
        leg.treat(Door::Phone).await;
        Ok(leg)
    }

    async fn open(
        &self,
        worker: usize,
        opening: Opening,
        sockets: Option<PhoneSockets>,
    ) -> Result<MediaLeg, Error> {
        let id = LegId::random(&mut self.rng());
        self.open_as(id, worker, opening, sockets).await
    }

    async fn open_as(
        &self,
        id: LegId,
        worker: usize,
        opening: Opening,
        sockets: Option<PhoneSockets>,
    ) -> Result<MediaLeg, Error> {
        let (door, news) = mpsc::channel(LEG_NEWS_MAX);
        let _ = self
            .inner
            .notes
            .send(Note::Opened {
                leg: id,
                worker,
                door,
            })
            .await;
        let command = Command::Open {
            leg: id,
            opening: Box::new(opening),
        };
        if !self
            .inner
            .pool
            .send(worker, Envelope { command, sockets })
            .await
        {
            return Err(Error::NoWorker);
        }
        Ok(MediaLeg {
            id,
            worker,
            news: News::new(news),
            over: false,
            server: self.clone(),
            plays: 0,
            hears: ListeningGain::default(),
            is_heard: ListeningGain::default(),
        })
    }

    /// Lets a caller in with the leg they have, protected as far as it is, moving it to the conference's worker.
    pub async fn join_phone(
        &self,
        admission: &Admission,
        caller: &Caller,
        protection: Protection,
        leg: &mut MediaLeg,
    ) -> Result<Attendance, Error> {
        let live = self.live(admission).await?;
        if live.worker != leg.worker {
            self.inner.gate.admit(live.worker)?;
        }
        leg.move_to(live.worker).await?;
        let who = Who {
            name: admission.person.as_ref().map(|(_, name)| name.clone()),
            caller: caller.clone(),
            door: Door::Phone,
            protection,
            page: None,
        };
        self.join(live, admission, who, leg).await
    }

    async fn join(
        &self,
        mut live: Live,
        admission: &Admission,
        who: Who,
        leg: &MediaLeg,
    ) -> Result<Attendance, Error> {
        let participant = ParticipantId::random(&mut self.rng());
        let (notices, queue) = mpsc::channel(NOTICES_MAX);
        // A conference may end between being found and being joined; then there is a fresh one, once.
        for _ in 0..2 {
            let (reply, answer) = oneshot::channel();
            let joining = Joining {
                participant,
                leg: leg.id,
                name: who.name.clone(),
                role: admission.role,
                door: who.door,
                protection: who.protection,
                person: admission.person.as_ref().map(|(id, _)| *id),
                caller: who.caller.clone(),
                trust: admission.trust,
                invited_by: None,
                pairs_with: admission.pairs_with,
                page: who.page.clone(),
                notices: notices.clone(),
                reply,
            };
            let note = Note::Joined {
                leg: leg.id,
                conference: live.inbox.clone(),
            };
            let _ = self.inner.notes.send(note).await;
            if live
                .inbox
                .send(Message::Join(Box::new(joining)))
                .await
                .is_ok()
                && let Ok(outcome) = answer.await
            {
                let entered: Entered = outcome.map_err(Error::Refused)?;
                return Ok(Attendance {
                    participant: entered.participant,
                    leg: leg.id,
                    roster: entered.roster,
                    spoke: entered.spoke,
                    chair: entered.seat.map(|(seat, conference)| Chair {
                        seat,
                        conference,
                        way: admission.way(),
                    }),
                    lost: false,
                    inbox: live.inbox,
                    notices: queue,
                });
            }
            live = self.live(admission).await?;
            if live.worker != leg.worker {
                return Err(Error::NoWorker);
            }
        }
        Err(Error::NoWorker)
    }

    async fn live(&self, admission: &Admission) -> Result<Live, Error> {
        let (reply, answer) = oneshot::channel();
        let open = Request::Open {
            room: admission.room,
            policy: admission.policy,
            reply,
        };
        if self.inner.requests.send(open).await.is_err() {
            return Err(Error::Stopping);
        }
        answer.await.map_err(|_| Error::Stopping)?
    }

    /// Makes a generator of random numbers.
    pub(crate) fn rng(&self) -> StdRng {
        self.inner.chance.rng()
    }

    /// Says in the log when a worker begins or ceases to be short of its core, for as long as the server runs.
    async fn watch_load(self) {
        let mut round = tokio::time::interval(LOAD_CHECK_INTERVAL);
        let mut watch = gate::Watch::default();
        while !self.inner.requests.is_closed() {
            round.tick().await;
            watch.look(&self.inner.pool);
        }
    }

    /// Ends conferences whose room was removed and heeds what owners change, for as long as the server runs.
    async fn watch_rooms(self) {
        let mut round = tokio::time::interval(ROOMS_CHECK_INTERVAL);
        loop {
            round.tick().await;
            let (reply, answer) = oneshot::channel();
            if self
                .inner
                .requests
                .send(Request::List { reply })
                .await
                .is_err()
            {
                return;
            }
            for room in answer.await.unwrap_or_default() {
                let request = match self.inner.rooms.by_id(room).await {
                    Ok(Some(found)) => Request::Adjust {
                        room,
                        policy: self.policy(&found),
                    },
                    Ok(None) => Request::Remove { room },
                    // While the database cannot say, the conference goes on.
                    Err(_) => continue,
                };
                let _ = self.inner.requests.send(request).await;
            }
        }
    }
}

/// Begins to keep what outlives the server, in a folder where there is one; returns what is left there of before, too.
fn keep(
    folder: Option<PathBuf>,
    seals: &Seals,
    clock: &Arc<dyn Clock>,
    tasks: &mut JoinSet<()>,
) -> (Keeper, BTreeMap<RoomId, Remains>) {
    let shelf = folder.map(|folder| Shelf {
        folder,
        seals: seals.clone(),
        clock: Arc::clone(clock),
    });
    let remains = shelf.as_ref().map(Shelf::read).unwrap_or_default();
    let keeper = match shelf.map(Keeper::on) {
        Some((keeper, writing)) => {
            tasks.spawn(writing);
            keeper
        }
        None => Keeper::none(),
    };
    (keeper, remains)
}

/// Who comes in, as their door knows them.
struct Who {
    name: Option<Name>,
    caller: Caller,
    door: Door,
    protection: Protection,
    page: Option<Page>,
}

/// Room for a telephone's leg.
#[derive(Debug)]
pub struct Place {
    worker: usize,
}
