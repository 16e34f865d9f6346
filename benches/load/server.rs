//! The child that is a real media worker, without doors and conferences: legs are opened by its commands.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    thread,
    time::Duration,
};

use rundruf::{
    clock,
    id::{ConferenceId, LegId},
    limit::NOTICES_WAITING,
    media::{
        Clips, Counter, ShardConfig,
        api::{BrowserMedia, Channels, Command, Format, HashName, Opening, PhoneMedia, Seat},
        leg::secure::SecureContext,
        worker::{Envelope, PhoneSockets, Worker, WorkerConfig},
    },
};
use sip::redact::{Pii, Secret};
use tokio::{runtime::Runtime, sync::mpsc};

use crate::{
    Done, machine,
    wire::{Answer, Ask, Browser, Leg, Report},
};

/// The worker and what was opened on it.
pub(crate) struct Server {
    worker: Worker,
    runtime: Runtime,
    rooms: BTreeMap<u64, Vec<LegId>>,
    legs: u64,
    fingerprint: String,
}

impl Server {
    /// Starts the worker.
    pub(crate) fn start() -> Done<Self> {
        let secure = SecureContext::new()?;
        let fingerprint = secure.fingerprint().to_owned();
        let (notices, mut inbox) = mpsc::channel(NOTICES_WAITING);
        let worker = Worker::spawn(WorkerConfig {
            index: 0,
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            port: 0,
            realtime: true,
            shard: ShardConfig {
                clips: Clips::default(),
                secure,
                seed: [7; 32],
            },
            clock: Arc::new(clock::System),
            notices,
        })?;
        // The server has a reader too; what it would do with the notices is no part of the media path.
        thread::spawn(move || while inbox.blocking_recv().is_some() {});
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Self {
            worker,
            runtime,
            rooms: BTreeMap::new(),
            legs: 0,
            fingerprint,
        })
    }

    /// Tells that the worker runs.
    pub(crate) fn ready(&self) -> Answer {
        Answer::Ready {
            browsers: self.worker.addresses()[0],
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// Answers a question.
    pub(crate) fn handle(&mut self, ask: Ask) -> Done<Answer> {
        match ask {
            Ask::Open(legs) => {
                let sockets = self.open(&legs)?;
                Ok(Answer::Opened { sockets })
            }
            Ask::Report => Ok(Answer::Report(self.report())),
            Ask::Hold | Ask::Bare => Err("the bare loop is the floor's".into()),
        }
    }

    fn open(&mut self, legs: &[Leg]) -> Done<Vec<SocketAddr>> {
        let mut sockets = Vec::new();
        for leg in legs {
            sockets.push(self.open_one(leg)?);
        }
        let rooms: BTreeSet<u64> = legs.iter().map(|leg| leg.room).collect();
        for room in rooms {
            self.seat(room)?;
        }
        self.legs += legs.len() as u64;
        let patience = machine::now() + Duration::from_secs(10);
        while self.worker.counters().of(Counter::Legs) < self.legs {
            if machine::now() > patience {
                return Err("the worker did not open all legs".into());
            }
            machine::sleep_until(machine::now() + Duration::from_millis(1));
        }
        Ok(sockets)
    }

    fn open_one(&mut self, leg: &Leg) -> Done<SocketAddr> {
        let id = LegId::from_u64(leg.number);
        let conference = ConferenceId::from_u64(leg.room);
        if !self.rooms.contains_key(&leg.room) {
            self.send(Command::Start { conference }.into())?;
        }
        self.rooms.entry(leg.room).or_default().push(id);
        let (opening, sockets) = match &leg.browser {
            Some(agreed) => (browser(agreed), None),
            None => phone(leg)?,
        };
        let address = match &sockets {
            Some(sockets) => sockets.rtp.local_addr()?,
            None => self.worker.addresses()[0],
        };
        self.send(Envelope {
            command: Command::Open {
                leg: id,
                opening: Box::new(opening),
            },
            sockets,
        })?;
        self.send(
            Command::Join {
                leg: id,
                conference,
            }
            .into(),
        )?;
        Ok(address)
    }

    fn seat(&self, room: u64) -> Done<()> {
        let open = Seat {
            speaks: Channels::MAIN,
            hears: Channels::MAIN,
        };
        let legs = self.rooms.get(&room).into_iter().flatten();
        let roster = Command::Roster {
            conference: ConferenceId::from_u64(room),
            seats: legs.map(|leg| (*leg, open)).collect(),
        };
        self.send(roster.into())
    }

    fn send(&self, envelope: Envelope) -> Done<()> {
        self.runtime
            .block_on(self.worker.commands().send(envelope))?;
        Ok(())
    }

    fn report(&self) -> Report {
        let counters = self.worker.counters();
        let lateness = self.worker.lateness();
        Report {
            counters: Counter::ALL
                .into_iter()
                .map(|counter| (counter.name().to_owned(), counters.of(counter)))
                .collect(),
            lateness: Report::buckets(&lateness),
            overruns: lateness.overruns(),
        }
    }
}

fn phone(leg: &Leg) -> Done<(Opening, Option<PhoneSockets>)> {
    let sockets = PhoneSockets {
        rtp: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
        rtcp: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
    };
    let media = PhoneMedia {
        format: Format {
            codec: leg.kind.codec(),
            payload_type: leg.kind.payload_type(),
            telephone_event: None,
        },
        remote: Pii::new(leg.remote),
        remote_rtcp: Pii::new(leg.remote),
        receives: true,
        sends: true,
    };
    Ok((Opening::Phone(media), Some(sockets)))
}

fn browser(browser: &Browser) -> Opening {
    let (ufrag, password) = browser.local.clone();
    Opening::Browser(BrowserMedia {
        local_ufrag: ufrag,
        local_password: Arc::new(Secret::new(password.into_bytes())),
        remote_ufrag: Pii::new(browser.remote_ufrag.clone()),
        fingerprints: vec![(HashName::Sha256, browser.fingerprint.clone())],
        payload_type: browser.payload_type,
        redundant: None,
        audio_level: browser.audio_level,
        ssrc: browser.ssrc,
        legacy_srtp: false,
    })
}
