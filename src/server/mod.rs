//! What a door may ask: is this code or link right, open a leg, let somebody in.
//!
//! Behind it: `factory` makes conferences, `conference` drives each, `gate` keeps workers from being overloaded,
//! `router` carries media events, [`secrets`] derives PINs and links. Doors hold an [`Attendance`]; dropping it is leaving.

pub mod census;
pub mod prompts;
pub mod secrets;

pub(crate) mod conference;

mod chance;
mod factory;
mod gate;
mod media_leg;
mod rooms;
mod router;
mod sound;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use dsp::Codec;
use rand::rngs::StdRng;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use self::{
    census::Census,
    chance::Chance,
    conference::{Joining, Message},
    factory::{Factory, Live, Request},
    gate::Gate,
    media_leg::News,
    prompts::Prompts,
    rooms::Rooms,
    router::{Note, Router},
    secrets::Keys,
};
pub use self::{
    media_leg::MediaLeg,
    rooms::Listed,
    router::LegNews,
    sound::{Sound, Spared},
};
use crate::{
    conference::{
        error::{Dismissal, Refusal},
        event::{Event, Language},
        focus::Verb,
        participant::{Door, Role},
        policy::Speakers,
        roster::{Delta, Snapshot},
    },
    id::{LegId, ParticipantId, RoomId},
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
    /// The room's language.
    pub language: Language,
    /// How many are heard at a time in the room.
    pub speakers: Speakers,
    /// The room's title, for those who may enter.
    pub title: Title,
    /// The room's number.
    pub number: String,
    /// The PIN of the same role, to show as a way to call in.
    pub pin: Arc<Secret<String>>,
}

/// What a participant is told.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The whole roster.
    Roster(Snapshot),
    /// Changes to the roster.
    Delta(Arc<Delta>),
    /// An event of the catalogue, for this participant.
    Told(Event),
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
    pool: Arc<Pool>,
    gate: Gate,
    prompts: Prompts,
    ports: PortRange,
    fingerprint: String,
    sound: Sound,
    census: Arc<Census>,
    notes: mpsc::Sender<Note>,
    requests: mpsc::Sender<Request>,
}

/// What a server is made of.
#[derive(Debug)]
pub struct Parts<R = Store> {
    /// Rooms.
    pub store: R,
    /// The key of PINs and links.
    pub keys: Keys,
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
}

impl Server {
    /// Starts the server's tasks on the current runtime; they belong to `tasks`.
    pub fn start(parts: Parts, tasks: &mut JoinSet<()>) -> Self {
        Self::begin(parts, Rooms::Stored, Chance::system(), tasks)
    }

    /// Starts a server for a simulated run: with the rooms of a list, and the same after the same seed.
    pub fn simulated(parts: Parts<Vec<Listed>>, seed: u64, tasks: &mut JoinSet<()>) -> Self {
        Self::begin(parts, Rooms::Listed, Chance::seeded(seed), tasks)
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
            prompts,
            pool,
            events,
            ports,
            fingerprint,
            sound,
        } = parts;
        let (notes, notes_queue) = mpsc::channel(SERVER_QUEUE_MAX);
        let (requests, requests_queue) = mpsc::channel(SERVER_QUEUE_MAX);
        tasks.spawn(Router::new(Arc::clone(&pool)).run(notes_queue, events));
        let census = Arc::new(Census::default());
        let factory = Factory::new(
            Arc::clone(&pool),
            notes.clone(),
            Arc::clone(&census),
            sound,
            chance.rng(),
        );
        tasks.spawn(factory.run(requests_queue));
        let server = Self {
            inner: Arc::new(Inner {
                rooms: rooms(store),
                chance,
                keys,
                gate: Gate::new(Arc::clone(&pool)),
                pool,
                prompts,
                ports,
                fingerprint,
                sound,
                census,
                notes,
                requests,
            }),
        };
        tasks.spawn(server.clone().watch_rooms());
        tasks.spawn(server.clone().watch_load());
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
    ) -> Result<Option<Admission>, Error> {
        let room = self.inner.rooms.by_number(number.expose()).await?;
        let judged = room.clone().unwrap_or_else(Room::nowhere);
        let role = self.inner.keys.role_of_pin(&judged, pin);
        if room.is_none() || role.is_none() {
            self.inner.census.code_was_wrong();
        }
        Ok(room
            .zip(role)
            .map(|(room, role)| self.admission(&room, role)))
    }

    /// Judges a link's token.
    pub async fn check_link(&self, token: &Secret<String>) -> Result<Option<Admission>, Error> {
        let hash = secrets::link_hash(token);
        let found = self.inner.rooms.by_link(&hash).await?;
        Ok(found.map(|(room, role)| self.admission(&room, role)))
    }

    /// The language of the room with this number, if there is one; for trunks that lead to every room.
    pub async fn room_language(&self, number: &str) -> Result<Option<Language>, Error> {
        let room = self.inner.rooms.by_number(number).await?;
        Ok(room.map(|room| room.language))
    }

    fn admission(&self, room: &Room, role: Role) -> Admission {
        Admission {
            room: room.id,
            role,
            language: room.language,
            speakers: self.speakers(room),
            title: room.title.clone(),
            number: room.number.clone(),
            pin: Arc::new(self.inner.keys.pin(room, role)),
        }
    }

    /// How many are heard at a time in a room, if it says so, or as the settings say.
    fn speakers(&self, room: &Room) -> Speakers {
        room.speakers.unwrap_or(self.inner.sound.speakers)
    }

    /// Host addresses of the worker that serves the room, for a browser's candidates. Begins the room's conference where
    /// there is none, so that the worker stays the same: for who is about to join.
    pub async fn browser_addresses(&self, admission: &Admission) -> Result<Vec<SocketAddr>, Error> {
        let live = self.live(admission).await?;
        Ok(self.inner.pool.addresses(live.worker).to_vec())
    }

    /// Fingerprint of the certificate that all legs over DTLS present.
    pub fn fingerprint(&self) -> &str {
        &self.inner.fingerprint
    }

    /// Opens a browser's leg and lets its participant in.
    pub async fn join_browser(
        &self,
        admission: &Admission,
        name: Option<Name>,
        media: BrowserMedia,
    ) -> Result<(Attendance, MediaLeg), Error> {
        let live = self.live(admission).await?;
        self.inner.gate.admit(live.worker)?;
        let leg = self
            .open(live.worker, Opening::Browser(media), None)
            .await?;
        leg.treat(Door::Browser, Codec::Opus).await;
        let attendance = match self.join(live, admission, name, Door::Browser, &leg).await {
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
                tracing::warn!(%error, "a caller got no media ports");
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
        let codec = media.format.codec;
        let leg = self
            .open(place.worker, Opening::Phone(media), Some(sockets))
            .await?;
        leg.treat(Door::Phone, codec).await;
        Ok(leg)
    }

    async fn open(
        &self,
        worker: usize,
        opening: Opening,
        sockets: Option<PhoneSockets>,
    ) -> Result<MediaLeg, Error> {
        let id = LegId::random(&mut self.rng());
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
            server: self.clone(),
            plays: 0,
            hears: ListeningGain::default(),
            is_heard: ListeningGain::default(),
        })
    }

    /// Lets a caller in with the leg they have, moving it to the conference's worker.
    pub async fn join_phone(
        &self,
        admission: &Admission,
        leg: &mut MediaLeg,
    ) -> Result<Attendance, Error> {
        let live = self.live(admission).await?;
        if live.worker != leg.worker {
            self.inner.gate.admit(live.worker)?;
        }
        leg.move_to(live.worker).await?;
        self.join(live, admission, None, Door::Phone, leg).await
    }

    async fn join(
        &self,
        mut live: Live,
        admission: &Admission,
        name: Option<Name>,
        door: Door,
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
                name: name.clone(),
                role: admission.role,
                door,
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
                let roster = outcome.map_err(Error::Refused)?;
                return Ok(Attendance {
                    participant,
                    leg: leg.id,
                    roster,
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
            speakers: admission.speakers,
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
                        speakers: self.speakers(&found),
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

/// Room for a telephone's leg.
#[derive(Debug)]
pub struct Place {
    worker: usize,
}

/// A participant's presence in a conference; dropping it is leaving.
#[derive(Debug)]
pub struct Attendance {
    /// Who.
    pub participant: ParticipantId,
    /// The roster at the moment of joining.
    pub roster: Snapshot,
    leg: LegId,
    inbox: mpsc::Sender<Message>,
    notices: mpsc::Receiver<Notice>,
}

impl Attendance {
    /// Does something, as far as the participant's role allows.
    pub async fn act(&self, verb: Verb) {
        let _ = self
            .inbox
            .send(Message::Act {
                by: self.participant,
                verb,
            })
            .await;
    }

    /// Says that the telephone is on hold or back.
    pub async fn hold(&self, held: bool) {
        let _ = self
            .inbox
            .send(Message::Hold {
                leg: self.leg,
                held,
            })
            .await;
    }

    /// Waits for the next notice; none when the conference is gone.
    pub async fn next(&mut self) -> Option<Notice> {
        self.notices.recv().await
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        // A full inbox loses this; the conference's sweep then finds the closed queue of notices.
        let _ = self.inbox.try_send(Message::Leave {
            participant: self.participant,
        });
    }
}
