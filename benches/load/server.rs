//! The child that is a real media worker, without doors and conferences: legs are opened by its commands.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};

use rundruf::{
    clock,
    dscp::Dscp,
    id::{ConferenceId, LegId},
    limit::{LOAD_WINDOW, NOTICES_WAITING},
    media::{
        Clips, Counter, ShardConfig,
        api::{Channels, Command, Format, Incoming, Nat, Opening, PhoneMedia, Seat, Security},
        leg::secure::SecureContext,
        load::Effort,
        worker::{Envelope, PhoneSockets, Worker, WorkerConfig},
    },
};
use sip::redact::Pii;
use tokio::{runtime::Runtime, sync::mpsc};

use crate::{
    Done, machine,
    wire::{Answer, Ask, Leg, Report, Strain},
};

/// Telephones agree on telephone-events, as nearly all do: without, each of their sounds would be searched for keys.
const TELEPHONE_EVENT: u8 = 101;

/// The worker and what was opened on it.
pub(crate) struct Server {
    worker: Arc<Worker>,
    /// The worst of the worker's load since the last report.
    strain: Arc<Mutex<Strain>>,
    runtime: Runtime,
    rooms: BTreeSet<u64>,
    legs: u64,
    fingerprint: String,
}

impl Server {
    /// Starts the worker.
    pub(crate) fn start() -> Done<Self> {
        let secure = SecureContext::new()?;
        let fingerprint = secure.fingerprint().to_owned();
        let (notices, mut inbox) = mpsc::channel(NOTICES_WAITING);
        let worker = Arc::new(Worker::spawn(WorkerConfig {
            index: 0,
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            port: 0,
            dscp: Dscp::NONE,
            realtime: true,
            shard: ShardConfig {
                clips: Clips::default(),
                secure,
                seed: [7; 32],
            },
            clock: Arc::new(clock::System),
            notices,
        })?);
        // The server has a reader too; what it would do with the notices is no part of the media path.
        thread::spawn(move || while inbox.blocking_recv().is_some() {});
        let strain = Arc::default();
        let (watched, noted) = (Arc::downgrade(&worker), Arc::clone(&strain));
        thread::spawn(move || watch(&watched, &noted));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Self {
            worker,
            strain,
            runtime,
            rooms: BTreeSet::new(),
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
        self.seat(legs)?;
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
        if self.rooms.insert(leg.room) {
            self.send(Command::Start { conference }.into())?;
        }
        let (opening, sockets) = match &leg.browser {
            Some(agreed) => (agreed.opening(), None),
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

    /// Names who came, as a conference does, however many are in.
    fn seat(&self, legs: &[Leg]) -> Done<()> {
        let open = Seat {
            speaks: Channels::MAIN,
            hears: Channels::MAIN,
        };
        let mut changed: BTreeMap<u64, Vec<(LegId, Seat)>> = BTreeMap::new();
        for leg in legs {
            let came = changed.entry(leg.room).or_default();
            came.push((LegId::from_u64(leg.number), open));
        }
        changed.into_iter().try_for_each(|(room, changed)| {
            let seats = Command::Seats {
                conference: ConferenceId::from_u64(room),
                changed,
                gone: Vec::new(),
            };
            self.send(seats.into())
        })
    }

    fn send(&self, envelope: Envelope) -> Done<()> {
        self.runtime
            .block_on(self.worker.commands().send(envelope))?;
        Ok(())
    }

    fn report(&self) -> Report {
        let counters = self.worker.counters();
        let mut lateness = self.worker.lateness();
        let mut noted = self.strain.lock().unwrap_or_else(PoisonError::into_inner);
        let strain = std::mem::take(&mut *noted).max(strain_of(&self.worker));
        drop(noted);
        Report {
            counters: Counter::ALL
                .into_iter()
                .map(|counter| (counter.name().to_owned(), counters.of(counter)))
                .collect(),
            lateness: Report::buckets(&lateness),
            overruns: lateness.overruns(),
            late_most_us: Report::microseconds(lateness.take_most()),
            strain,
        }
    }
}

/// Notes the worst of the load for as long as the worker lives: the gauges show a moment, and nobody asks often enough.
fn watch(worker: &Weak<Worker>, noted: &Mutex<Strain>) {
    while let Some(worker) = worker.upgrade() {
        let now = strain_of(&worker);
        drop(worker);
        let mut worst = noted.lock().unwrap_or_else(PoisonError::into_inner);
        *worst = worst.max(now);
        drop(worst);
        machine::sleep_until(machine::now() + LOAD_WINDOW);
    }
}

fn strain_of(worker: &Worker) -> Strain {
    let counters = worker.counters();
    let steps = counters.of(Counter::EffortReduced);
    let effort = Effort::reduced_by(usize::try_from(steps).unwrap_or(usize::MAX));
    Strain {
        steps,
        places_lost: u64::from(Effort::FULL.speakers - effort.speakers),
        share_permille: counters.of(Counter::LoadPermille),
        peak_permille: counters.of(Counter::LoadPeakPermille),
        full: counters.of(Counter::LoadFull) > 0,
    }
}

fn phone(leg: &Leg) -> Done<(Opening, Option<PhoneSockets>)> {
    let sockets = PhoneSockets {
        rtp: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
        rtcp: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
    };
    let format = Format {
        codec: leg.kind.codec(),
        payload_type: leg.kind.payload_type(),
        telephone_event: Some(TELEPHONE_EVENT),
    };
    let media = PhoneMedia {
        format,
        incoming: Incoming::of(&format),
        remote: Pii::new(leg.remote),
        hidden: None,
        remote_rtcp: Pii::new(leg.remote),
        receives: true,
        sends: true,
        security: Security::Plain,
        nat: Nat::No,
        ptime: 20,
    };
    Ok((Opening::Phone(media), Some(sockets)))
}
