//! The task that owns the SIP endpoint: network in, messages out, one task per call.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use rand::RngExt;
use sip::{
    CallRef, Cause, Command, Ended, Endpoint, EndpointConfig, Event, Flow, TrunkRef, locate::Hop,
    sdp::Description,
};
use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use self::ways::Ways;
use super::{
    call::{Call, Invite, News, Outgoing, Rules},
    dial_out::{Budget, DialOut},
    findings::{Findings, Latest},
    numbers::Entry,
    resolve::Names,
    status::Refusal,
    transport::{Transport, Wire},
    trunk::{Admitted, Trunk, TrunkCounts, TrunkIndex, Trunks},
};
use crate::{
    conference::Refusal as Refused,
    dscp::Dscp,
    limit::{CALL_INBOX_MAX, CALL_ORDERS_MAX, CALLS_MAX, SOUND_TESTS_MAX},
    server::{Dialling, Server, conference::until},
    store::Dial,
    tls::SipServer,
};

mod network;
mod ways;

/// What the door is built from.
#[derive(Debug, Clone)]
pub struct DoorConfig {
    /// Where SIP over UDP listens.
    pub udp: Vec<SocketAddr>,
    /// Where SIP over TCP listens.
    pub tcp: Vec<SocketAddr>,
    /// Where SIP over TLS listens.
    pub tls: Vec<SocketAddr>,
    /// How connections over TLS are taken; without it, none is.
    pub server: Option<SipServer>,
    /// What the Server header field says.
    pub user_agent: String,
    /// Who may call.
    pub trunks: Vec<Trunk>,
    /// The addresses at which media may be received, beside the one a call came to.
    pub media: Vec<IpAddr>,
    /// How SIP is marked.
    pub dscp: Dscp,
    /// Who knows where the servers of trunks are.
    pub names: Names,
    /// What may be called; nothing without it.
    pub dial_out: Option<DialOut>,
}

/// How often what happened at the door.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// In the endpoint.
    pub sip: sip::Counters,
    /// Messages and connections from addresses on no trunk, which get no answer.
    pub strangers: u64,
    /// Connections of peers that were closed at once since there were too many, in all or from their address.
    pub refused: u64,
    /// Calls whose requests did not go where their route sets lead, which is on none of their trunk's addresses or is not
    /// reached: they went where the peer's came from, or where the connection with it was gone, nowhere.
    pub off_route: u64,
    /// On each trunk, in the order of the settings.
    pub trunks: Vec<TrunkCounts>,
}

/// An address that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {source}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// The telephone door, bound and ready to run.
pub struct Door {
    endpoint: Endpoint,
    transport: Transport,
    trunks: Trunks,
    rules: Arc<Rules>,
    server: Server,
    calls: BTreeMap<CallRef, Line>,
    /// Those of them that lead to the sound test.
    sound_tests: BTreeSet<CallRef>,
    /// Those of them that we make, with what is noted of them.
    dialled: BTreeMap<CallRef, Dial>,
    /// Those of these whose INVITE has not been sent.
    unsent: BTreeSet<CallRef>,
    /// What moderators wish to be called, and what that may cost; none where nobody is called.
    dial_out: Option<(mpsc::Receiver<Dialling>, Budget<CallRef>)>,
    strangers: u64,
    tasks: JoinSet<Option<(TrunkIndex, Findings)>>,
    names: Names,
    lookups: JoinSet<(TrunkRef, Vec<Hop>)>,
    /// The connections that are being made, and for which trunks.
    connecting: BTreeMap<u64, TrunkRef>,
    ways: Ways,
    orders: (mpsc::Sender<Command>, mpsc::Receiver<Command>),
    counters: watch::Sender<Counts>,
    /// What was found about the latest calls of each trunk, in the order of the settings.
    latest: watch::Sender<Vec<Latest>>,
}

/// A call as the driver sees it.
struct Line {
    inbox: mpsc::Sender<News>,
    task: Id,
    trunk: TrunkIndex,
    /// The answer by which its task refused it, or the change of it that was asked for last.
    refused: Option<u16>,
}

impl Door {
    /// Binds the door's sockets.
    pub async fn bind(config: DoorConfig, server: Server) -> Result<Self, BindError> {
        let DoorConfig { udp, tcp, tls, .. } = &config;
        let ours = (config.server.clone(), config.dscp);
        let transport = Transport::bind(udp, tcp, tls, ours)
            .await
            .map_err(|(address, source)| BindError { address, source })?;
        Ok(Self::new(config, transport, server))
    }

    /// Makes a door whose network is in memory, for whole conferences in simulated time.
    pub fn simulated(config: DoorConfig, server: Server) -> (Self, Wire) {
        let local = config.udp.first().copied().unwrap_or(NOWHERE);
        let listening = (config.tcp.as_slice(), config.tls.as_slice());
        let (transport, wire) = Transport::simulated(config.server.clone(), local, listening);
        (Self::new(config, transport, server), wire)
    }

    fn new(config: DoorConfig, transport: Transport, server: Server) -> Self {
        let seed: [u8; 32] = server.rng().random();
        let endpoint = Endpoint::new(EndpointConfig {
            user_agent: config.user_agent,
            ..EndpointConfig::new(seed)
        });
        let latest = vec![Latest::default(); config.trunks.len()];
        let dial_out = config.dial_out.map(|rules| {
            let dials = server.dials(rules.prefixes.clone().into());
            (dials, Budget::new(rules))
        });
        Self {
            endpoint,
            transport,
            trunks: Trunks::new(config.trunks, || server.rng().random(), clock()),
            rules: Arc::new(Rules {
                media: config.media,
            }),
            server,
            calls: BTreeMap::new(),
            sound_tests: BTreeSet::new(),
            dialled: BTreeMap::new(),
            unsent: BTreeSet::new(),
            dial_out,
            strangers: 0,
            tasks: JoinSet::new(),
            names: config.names,
            lookups: JoinSet::new(),
            connecting: BTreeMap::new(),
            ways: Ways::default(),
            orders: mpsc::channel(CALL_ORDERS_MAX),
            counters: watch::channel(Counts::default()).0,
            latest: watch::channel(latest).0,
        }
    }

    /// The bound UDP addresses.
    pub fn udp_addresses(&self) -> Vec<SocketAddr> {
        self.transport.udp_addresses()
    }

    /// The bound TCP addresses.
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.transport.tcp_addresses()
    }

    /// The bound TLS addresses.
    pub fn tls_addresses(&self) -> Vec<SocketAddr> {
        self.transport.tls_addresses()
    }

    /// Follows the door's counters.
    pub fn counters(&self) -> watch::Receiver<Counts> {
        self.counters.subscribe()
    }

    /// Follows what is found about the calls of each trunk, in the order of the settings.
    pub fn latest(&self) -> watch::Receiver<Vec<Latest>> {
        self.latest.subscribe()
    }

    /// Runs until `stop`; then says BYE to every call and returns when all have ended and their farewells are sent.
    pub async fn run(mut self, stop: CancellationToken) {
        self.recall().await;
        let mut stopping = false;
        let mut over: Option<Instant> = None;
        while over.is_none_or(|over| clock() < over && self.says_goodbye()) {
            tokio::select! {
                // A flood from the network comes last, so that it holds up neither deadlines nor calls.
                biased;
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    for line in self.calls.values() {
                        let _ = line.inbox.try_send(News::Stop);
                    }
                    self.trunks.links().for_each(|(_, link)| link.leave());
                }
                () = until(over) => {}
                () = until(self.endpoint.poll_timeout()) => self.endpoint.handle_timeout(clock()),
                () = until(self.trunks.poll_timeout()) => {
                    let now = clock();
                    self.trunks.links().for_each(|(_, link)| link.handle_timeout(now));
                }
                () = until(self.spent_at()) => self.end_spent(),
                Some(dialling) = wish(&mut self.dial_out), if !stopping => self.dial(dialling),
                Some(found) = self.lookups.join_next() => self.located(found),
                Some(found) = self.ways.lookups.join_next() => self.way_located(found),
                Some(ended) = self.tasks.join_next_with_id() => self.task_ended(ended),
                Some(order) = self.orders.1.recv() => self.ordered(order),
                arrival = self.transport.arrival() => self.arrived(arrival),
            }
            self.drain(stopping);
            if stopping && over.is_none() && self.calls.is_empty() && self.tasks.is_empty() {
                over = Some(clock() + FAREWELL_MAX);
            }
        }
        let _ = tokio::time::timeout(FAREWELL_MAX, self.transport.finish()).await;
    }

    /// Whether calls are being hung up, or answers repeated.
    fn says_goodbye(&self) -> bool {
        self.endpoint.transactions() > 0 || self.endpoint.cut_off() > 0
    }

    /// A call's task leaves what it found; one that failed leaves its call to be ended here.
    fn task_ended(&mut self, ended: Result<(Id, Option<(TrunkIndex, Findings)>), JoinError>) {
        let (task, failed) = match ended {
            Ok((task, found)) => {
                if let Some((trunk, findings)) = found {
                    self.found(trunk, findings);
                }
                (task, None)
            }
            Err(error) => (error.id(), Some(error)),
        };
        let call = self.calls.iter().find(|(_, line)| line.task == task);
        let call = call.map(|(call, _)| *call);
        // The endpoint knows nothing of a call whose INVITE it was not given.
        if let Some(call) = call
            && self.unsent.contains(&call)
        {
            return self.over(call, None);
        }
        let Some(error) = failed else { return };
        tracing::error!(%error, "call task failed");
        if let Some(call) = call {
            self.endpoint.handle(
                Command::Bye {
                    call,
                    cause: Some(Cause::TEMPORARY_FAILURE),
                },
                clock(),
            );
        }
    }

    fn found(&self, trunk: TrunkIndex, findings: Findings) {
        self.latest.send_modify(|latest| {
            if let Some(latest) = latest.get_mut(trunk.get()) {
                latest.add(findings);
            }
        });
    }

    /// Hands on what a call's task wants.
    fn ordered(&mut self, order: Command) {
        if let Command::Reject { call, status, .. } = &order
            && let Some(line) = self.calls.get_mut(call)
        {
            line.refused = Some(*status);
        }
        // One whose task has ended before it was sent is not made: nobody would be there to end it.
        if let Command::Invite { call, .. } = &order
            && !self.unsent.remove(call)
        {
            return;
        }
        self.endpoint.handle(order, clock());
    }

    /// Takes everything the endpoint and the links have to give.
    fn drain(&mut self, stopping: bool) {
        loop {
            while let Some(event) = self.endpoint.poll_event() {
                self.event(event, stopping);
            }
            // What is said last on a connection is said before that is closed.
            self.transmit();
            let closed = self.close_connections();
            if !self.keep_up() && !closed {
                break;
            }
        }
        self.transmit();
        self.counters.send_modify(|counts| {
            counts.sip = self.endpoint.counters();
            counts.strangers = self.strangers;
            counts.refused = self.transport.refused();
            counts.off_route = self.ways.off_route;
            counts.trunks.clear();
            counts.trunks.extend(self.trunks.counts());
        });
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.transport.send(transmit.flow, &transmit.bytes);
        }
    }

    fn event(&mut self, event: Event, stopping: bool) {
        match event {
            Event::Invite {
                call,
                flow,
                asked,
                offer,
            } => {
                if stopping || self.calls.len() >= CALLS_MAX {
                    let peer = self.transport.peer(&flow);
                    let refusal = self.trunks.overrun(&flow, peer);
                    return self.refuse(call, refusal);
                }
                let peer = self.transport.peer(&flow);
                match self.trunks.admit(call, &flow, peer, &asked, clock()) {
                    Ok(admitted) if self.is_crowded(&admitted) => {
                        let refusal = Refusal::UNAVAILABLE;
                        self.trunks
                            .ended(admitted.trunk, Some(call), Some(refusal.status));
                        self.refuse(call, refusal);
                    }
                    Ok(admitted) => self.begin(call, flow, admitted, offer),
                    Err(refusal) => self.refuse(call, refusal),
                }
            }
            Event::Trunk { trunk, what } => {
                tracing::debug!(trunk = trunk.0, ?what, "trunk");
                self.with_link(trunk, |link| link.told(&what, clock()));
            }
            Event::Ringing { call } => self.tell(call, News::Ringing),
            Event::Early { call, answer } => self.tell(call, News::Early(answer)),
            Event::Answered { call, answer } => {
                if let Some((_, budget)) = &mut self.dial_out {
                    budget.answered(call, clock());
                    self.note_going();
                }
                self.tell(call, News::Answered(answer));
            }
            Event::Elsewhere { call, flow, place } => self.led_elsewhere(call, flow, place),
            Event::Disconnected {
                call,
                flow,
                place,
                alone,
            } => self.cut_off(call, (flow, alone), place),
            Event::Unasked { call } => self.tell(call, News::Unasked),
            Event::Established { call, answer } => {
                self.trunks.acknowledged(call);
                self.tell(call, News::Established(answer));
            }
            Event::Reinvite { call, offer } => self.tell(call, News::Reinvite(offer)),
            Event::Renegotiated { call, answer } => self.tell(call, News::Renegotiated(answer)),
            Event::Key { call, digit } => self.tell(call, News::Key(digit)),
            Event::Alive { call } => self.tell(call, News::Alive),
            Event::Ended {
                call,
                reason,
                cause,
            } => {
                tracing::debug!(?reason, ?cause, "call ended");
                self.tell(call, News::Ended(reason));
                self.over(call, Some(reason));
            }
        }
    }

    /// A call is over, for this reason if it was begun at all.
    fn over(&mut self, call: CallRef, reason: Option<Ended>) {
        // Without its sender the call's inbox ends, even if the news did not fit.
        self.sound_tests.remove(&call);
        self.unsent.remove(&call);
        if let Some(line) = self.calls.remove(&call) {
            let refused = line.refused.filter(|_| reason == Some(Ended::Rejected));
            self.trunks.ended(line.trunk, Some(call), refused);
            self.ways.part(call, line.trunk, &self.endpoint);
        }
        let minutes = self
            .dial_out
            .as_mut()
            .and_then(|(_, budget)| budget.end(call, clock()));
        if let Some(dial) = self.dialled.remove(&call)
            && let Some(minutes) = minutes
        {
            self.note(dial, minutes);
        }
    }

    /// Notes how the calls go on that we make, so that a crash loses a minute of them at the most.
    fn note_going(&mut self) {
        let Some((_, budget)) = &self.dial_out else {
            return;
        };
        let going: Vec<(CallRef, u32)> = budget.going(clock()).collect();
        for (call, minutes) in going {
            if let Some(dial) = self.dialled.get(&call).cloned() {
                self.note(dial, minutes);
            }
        }
    }

    fn note(&mut self, dial: Dial, minutes: u32) {
        let server = self.server.clone();
        self.tasks.spawn(async move {
            server.note_dial(dial, minutes).await;
            None
        });
    }

    /// Counts what calls of the last day have cost, which were before the server started.
    async fn recall(&mut self) {
        let Some((_, budget)) = &mut self.dial_out else {
            return;
        };
        let now = clock();
        for past in self.server.past_dials().await {
            let ended = now.checked_sub(past.ended_ago);
            budget.remember(
                now.checked_sub(past.began_ago),
                ended.map(|ended_at| (ended_at, past.minutes)),
            );
        }
    }

    /// When calls of ours may have cost what they may.
    fn spent_at(&self) -> Option<Instant> {
        self.dial_out.as_ref()?.1.poll_timeout(clock())
    }

    /// Ends the calls of ours that may not go on.
    fn end_spent(&mut self) {
        let over = match &mut self.dial_out {
            Some((_, budget)) => budget.over(clock()),
            None => Vec::new(),
        };
        self.note_going();
        for call in over {
            self.tell(call, News::Spent);
        }
    }

    /// Calls somebody because a moderator wishes it; whatever is against it is told them.
    fn dial(&mut self, dialling: Dialling) {
        if let Err(refusal) = self.try_dial(dialling) {
            tracing::info!(?refusal, "somebody was not called");
        }
    }

    fn try_dial(&mut self, dialling: Dialling) -> Result<(), Refused> {
        let now = clock();
        let Some((_, budget)) = &mut self.dial_out else {
            return Ok(());
        };
        let found = match self.calls.len() < CALLS_MAX {
            true => {
                let typed = dialling.number().expose();
                self.trunks.way_out(typed, budget.rules(), now)
            }
            false => Err(Refused::TooManyCalls),
        };
        let (index, callable, way, terms) = match found {
            Ok(found) => found,
            Err(refusal) => {
                dialling.refuse(refusal);
                return Err(refusal);
            }
        };
        if let Err(refusal) = budget.begin(now) {
            self.trunks.ended(index, None, Some(503));
            dialling.refuse(refusal);
            return Err(refusal);
        }
        let ring = budget.rules().ring;
        let call = self.endpoint.reserve();
        let dial = self.server.new_dial(dialling.room(), callable.country);
        self.dialled.insert(call, dial.clone());
        self.unsent.insert(call);
        let outgoing = Outgoing {
            dialling,
            dial,
            number: callable.number,
            trunk: index.get(),
            way,
            terms,
            ring,
        };
        let (inbox, task) = self.task(call);
        let task = self
            .tasks
            .spawn(async move { Some((index, task.call_out(outgoing).await)) })
            .id();
        self.line(call, inbox, task, index);
        Ok(())
    }

    fn task(&self, call: CallRef) -> (mpsc::Sender<News>, Call) {
        let (inbox, news) = mpsc::channel(CALL_INBOX_MAX);
        let orders = self.orders.0.clone();
        let (server, rules) = (self.server.clone(), Arc::clone(&self.rules));
        (inbox, Call::new(call, orders, news, server, rules))
    }

    fn line(&mut self, call: CallRef, inbox: mpsc::Sender<News>, task: Id, trunk: TrunkIndex) {
        let line = Line {
            inbox,
            task,
            trunk,
            refused: None,
        };
        self.calls.insert(call, line);
    }

    /// Tells whether as many calls lead to the sound test as may, and this one would too.
    fn is_crowded(&self, admitted: &Admitted) -> bool {
        let test = admitted.destination.entry == Entry::SoundTest;
        test && self.sound_tests.len() >= SOUND_TESTS_MAX
    }

    fn begin(&mut self, call: CallRef, flow: Flow, admitted: Admitted, offer: Option<Description>) {
        let Admitted {
            trunk,
            destination,
            language,
            offers_language,
            caller,
            terms,
            session_expires,
        } = admitted;
        self.endpoint.handle(
            Command::SessionInterval {
                call,
                interval: session_expires,
            },
            clock(),
        );
        if destination.entry == Entry::SoundTest {
            self.sound_tests.insert(call);
        }
        let invite = Invite {
            flow,
            destination,
            language,
            offers_language,
            caller,
            terms,
            offer,
        };
        let (inbox, task) = self.task(call);
        let task = self
            .tasks
            .spawn(async move { Some((trunk, task.run(invite).await)) })
            .id();
        self.line(call, inbox, task, trunk);
    }

    fn tell(&mut self, call: CallRef, news: News) {
        let Some(line) = self.calls.get(&call) else {
            return;
        };
        if matches!(
            line.inbox.try_send(news),
            Err(mpsc::error::TrySendError::Full(_))
        ) {
            self.endpoint.handle(
                Command::Bye {
                    call,
                    cause: Some(Cause::TEMPORARY_FAILURE),
                },
                clock(),
            );
        }
    }

    fn refuse(&mut self, call: CallRef, refusal: Refusal) {
        let Refusal {
            status,
            reason,
            retry_after,
            cause,
        } = refusal;
        self.endpoint.handle(
            Command::Reject {
                call,
                status,
                reason,
                retry_after,
                cause: Some(cause),
            },
            clock(),
        );
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}

/// The next wish that somebody is called; never, where nobody is.
async fn wish<B>(dial_out: &mut Option<(mpsc::Receiver<Dialling>, B)>) -> Option<Dialling> {
    match dial_out {
        Some((dials, _)) => dials.recv().await,
        None => std::future::pending().await,
    }
}

/// How long, after the last call has ended, its farewell may be repeated and written.
const FAREWELL_MAX: Duration = Duration::from_millis(600);
/// Where a simulated door is that has no socket.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn clock() -> Instant {
    crate::server::conference::clock()
}
