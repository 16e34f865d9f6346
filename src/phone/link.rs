//! The way to a trunk's server, kept up: located, connected to, and bound to what the endpoint does over it. A pure machine.
//!
//! ```text
//! Waiting ─▶ Locating ─▶ Connecting ─▶ Up ─ Registered, Alive …
//!    ▲           ▲           │ failed   │ connection lost, or the endpoint wants another flow
//!    │           │           ▼          ▼
//!    │           │        next hop ◀────┤
//!    │           └── was up for long ◀──┘
//!    └── no hop left: 30 s · 2ⁿ ≤ 30 min
//! ```
//!
//! Up at another hop than the first, it asks now and then whether a better one is there, and then goes *back*; what it has is
//! kept until then.
//!
//! A server that answers, though by an error, is left alone when no other is there: the endpoint tries it again when the
//! server has said, or later and later, and the machine *rests* until that fails too.

mod back;
mod keep_alive;

use std::{
    collections::{BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::ClientConfig;
use sip::{
    Account, Flow, Registrar, TrunkCommand, TrunkEvent, Unregistered,
    limit::REGISTER_REFUSED_RETRY,
    locate::{Hop, Place},
    redact::Carriage,
};

use self::{back::Back, keep_alive::Pong};
use super::server_uri::ServerUri;
use crate::{
    limit::{LINK_RETRY, LINK_RETRY_MAX, LINK_SETTLED},
    pii::{Pii, Secret},
};

/// A server of a trunk that the door keeps a way to.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// Where it is: the registrar, or the proxy before it, or the server that is asked whether it is there.
    pub server: ServerUri,
    /// How it is connected to over TLS; without it, not at all.
    pub client: Option<Arc<ClientConfig>>,
    /// What is to be done there.
    pub duty: Duty,
}

/// What the door does at a trunk's server.
#[derive(Debug, Clone)]
pub enum Duty {
    /// It registers, so that calls come.
    Register(Box<Registering>),
    /// It asks now and then whether the server is there, by OPTIONS.
    Probe,
}

/// As what a trunk registers.
#[derive(Debug, Clone)]
pub struct Registering {
    /// The registrar.
    pub registrar: ServerUri,
    /// The proxy before it, if REGISTER is to go through one.
    pub proxy: Option<ServerUri>,
    /// The user part of our address there.
    pub user: Pii<String, Carriage>,
    /// What proves who we are.
    pub account: Account,
    /// For how long.
    pub expires: Duration,
    /// Whether the security of media is negotiated in the way of German carriers (`mediasec`).
    pub mediasec: bool,
}

/// How the way to a trunk's server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// None is kept.
    #[default]
    Unasked,
    /// The server is looked for.
    Locating,
    /// It is connected to.
    Connecting,
    /// It is asked for the first time.
    Asking,
    /// It is there: registered at, or it answers.
    Up,
    /// It refuses the account with this status.
    Refused(u16),
    /// It refuses user or password, or asks for them in a way that is not answered.
    Credentials,
    /// It is not to be had.
    Down(Fault),
}

/// Why a trunk's server is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its name leads nowhere.
    NotFound,
    /// It cannot be connected to.
    Unreachable,
    /// Its certificate is for another name.
    WrongName,
    /// Its certificate is not believed, or has expired.
    Untrusted,
    /// It does not answer, or the connection to it was lost.
    Silent,
    /// It fails with this status.
    Failed(u16),
}

/// What the machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Locate this; [`Link::located`] takes what was found.
    Locate(Place),
    /// Connect to this; [`Link::connected`] or [`Link::failed`] follows.
    Connect(Hop),
    /// Tell the endpoint this.
    Order(TrunkCommand),
    /// Send what keeps translators and firewalls on the way open (RFC 5626 §4.4).
    KeepAlive(Flow),
    /// Close this connection.
    Close(Flow),
}

/// The machine.
#[derive(Debug)]
pub(super) struct Link {
    upkeep: Upkeep,
    /// The user part of our Contact, by which only the registrar should know us.
    contact: Secret<String>,
    state: State,
    hops: VecDeque<Hop>,
    /// The hop that is tried or in use.
    hop: Option<Hop>,
    /// The hop not to be tried first, because it has just failed.
    shunned: Option<Hop>,
    /// Where the server was found to be.
    addresses: BTreeSet<IpAddr>,
    /// Where it was found to be before, if elsewhere: calls from there may go on.
    former: BTreeSet<IpAddr>,
    /// The flow that the endpoint uses.
    flow: Option<Flow>,
    /// Whether the endpoint knows what to do over a flow.
    introduced: bool,
    /// Whether it asks beside that if the registrar is there.
    probed: bool,
    /// The hop that the DNS puts first.
    first: Option<Hop>,
    /// How often all hops were tried in vain.
    rounds: u32,
    /// How often a better hop was looked for since the first one was of use for long.
    returns: u32,
    standing: Standing,
    registrations: u64,
    expires: Duration,
    /// Our address as the registrar sees it.
    public: Option<SocketAddr>,
    effects: VecDeque<Effect>,
    /// Spreads times, so that servers that restart are not asked by all at once.
    chance: u64,
}

#[derive(Debug)]
enum State {
    /// To be located at that time.
    Waiting { at: Instant },
    /// Somebody looks for it.
    Locating,
    /// Somebody connects.
    Connecting,
    /// The endpoint has a flow.
    Up {
        since: Instant,
        keep_alive_at: Instant,
        pong: Pong,
        /// Whether it was of use.
        proven: bool,
        /// Whether every hop fails, and the endpoint alone tries again.
        rested: bool,
        /// Whether it goes back to a better hop.
        back: Box<Back>,
    },
    /// It is over.
    Off,
}

impl Link {
    /// Begins at once; `contact` is random and `chance` any number.
    pub(super) fn new(upkeep: Upkeep, contact: Secret<String>, chance: u64, now: Instant) -> Self {
        Self {
            upkeep,
            contact,
            state: State::Waiting { at: now },
            hops: VecDeque::new(),
            hop: None,
            shunned: None,
            addresses: BTreeSet::new(),
            former: BTreeSet::new(),
            flow: None,
            introduced: false,
            probed: false,
            first: None,
            rounds: 0,
            returns: 0,
            standing: Standing::Locating,
            registrations: 0,
            expires: Duration::ZERO,
            public: None,
            effects: VecDeque::new(),
            chance,
        }
    }

    /// Returns what is to be done next, if anything is.
    pub(super) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting { at } => Some(*at),
            State::Up {
                keep_alive_at,
                pong,
                back,
                ..
            } => {
                let answer = pong.due();
                let look = back.due();
                [Some(*keep_alive_at), answer, look]
                    .into_iter()
                    .flatten()
                    .min()
            }
            State::Locating | State::Connecting | State::Off => None,
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match &self.state {
            State::Waiting { at } if *at <= now => self.locate(),
            State::Up { pong, .. } if pong.due().is_some_and(|until| until <= now) => {
                self.give_up_flow(now);
            }
            State::Up { keep_alive_at, .. } if *keep_alive_at <= now => self.keep_alive(now),
            State::Up { back, .. } if back.due().is_some_and(|at| at <= now) => self.look_back(),
            State::Waiting { .. }
            | State::Up { .. }
            | State::Locating
            | State::Connecting
            | State::Off => {}
        }
    }

    /// Takes where the server was found to be; nowhere, if it was not.
    pub(super) fn located(&mut self, hops: Vec<Hop>, now: Instant) {
        let returns =
            matches!(&self.state, State::Up { back, .. } if matches!(**back, Back::Locating));
        if !returns && !matches!(self.state, State::Locating) {
            return;
        }
        if !hops.is_empty() {
            let found: BTreeSet<_> = hops.iter().map(|hop| hop.address.ip()).collect();
            if found != self.addresses {
                self.former = std::mem::replace(&mut self.addresses, found);
            }
            self.first = hops.first().cloned();
        } else if self.flow.is_none() {
            self.fail(Fault::NotFound);
        }
        if returns {
            let hops = hops.into_iter();
            let better = hops.take_while(|hop| Some(hop) != self.hop.as_ref());
            return self.try_better(better.collect(), now);
        }
        self.hops = hops.into();
        if let Some(shunned) = self.shunned.take() {
            let before = self.hops.len();
            self.hops.retain(|hop| *hop != shunned);
            // Where the endpoint still tries it there is no need to begin with it again.
            if self.hops.len() < before && !self.may_rest() {
                self.hops.push_back(shunned);
            }
        }
        self.next_hop(now);
    }

    /// Takes the flow that leads to the hop.
    pub(super) fn connected(&mut self, flow: Flow, now: Instant) {
        if let Some((hop, left)) = self.connecting_back() {
            let uri = self.upkeep.server.to_string();
            let order = Effect::Order(TrunkCommand::Sound { uri, flow });
            self.effects.push_back(order);
            self.set_back(Back::Sounding { hop, flow, left });
        } else if matches!(self.state, State::Connecting) {
            let before = self.bind(flow, true, now);
            self.close(before);
        } else {
            self.close(Some(flow));
        }
    }

    /// Lets the endpoint use a flow, for the calls over the one before too if that is lost; returns the one before.
    fn bind(&mut self, flow: Flow, moves_calls: bool, now: Instant) -> Option<Flow> {
        let before = self.flow.replace(flow);
        let command = match (&self.upkeep.duty, self.introduced) {
            (_, true) => TrunkCommand::Rebind { flow, moves_calls },
            (Duty::Register(as_what), false) => TrunkCommand::Register {
                registrar: Box::new(self.registrar(as_what)),
                flow,
            },
            (Duty::Probe, false) => TrunkCommand::Probe {
                uri: self.upkeep.server.to_string(),
                flow,
            },
        };
        self.introduced = true;
        self.effects.push_back(Effect::Order(command));
        self.enter(flow, false, now);
        self.progress(Standing::Asking);
        before.filter(|before| *before != flow)
    }

    /// Has the registrar asked, from the first registration on, whether it is there. By datagrams nothing else tells in time that
    /// it is not; over connections keep-alives and the kernel do.
    fn begin_to_probe(&mut self) {
        let flow = self.flow.filter(|flow| !flow.protocol.is_stream());
        if let Some(flow) = flow.filter(|_| !self.probed)
            && matches!(self.upkeep.duty, Duty::Register(_))
        {
            self.probed = true;
            let uri = self.upkeep.server.to_string();
            let order = Effect::Order(TrunkCommand::Probe { uri, flow });
            self.effects.push_back(order);
        }
    }

    fn close(&mut self, flow: Option<Flow>) {
        if let Some(flow) = flow.filter(|flow| flow.protocol.is_stream()) {
            self.effects.push_back(Effect::Close(flow));
        }
    }

    /// Takes it that the hop cannot be connected to.
    pub(super) fn failed(&mut self, fault: Fault, now: Instant) {
        if let Some((_, left)) = self.connecting_back() {
            self.try_better(left, now);
        } else if matches!(self.state, State::Connecting) {
            self.fail(fault);
            self.next_hop(now);
        }
    }

    /// Takes it that a connection is gone.
    pub(super) fn closed(&mut self, flow: Flow, now: Instant) {
        if self.flow != Some(flow) {
            return;
        }
        self.flow = None;
        let State::Up { .. } = self.state else {
            return;
        };
        if matches!(self.standing, Standing::Refused(_) | Standing::Credentials) {
            // Another connection would mean another try, and too many of them lock an account.
            let at = now + REGISTER_REFUSED_RETRY;
            self.state = State::Waiting { at };
            return;
        }
        self.fail(Fault::Silent);
        if self.leave_flow(now) {
            return;
        }
        if self.is_settled(now) {
            self.locate();
        } else {
            self.next_hop(now);
        }
    }

    /// Takes what the endpoint tells.
    pub(super) fn told(&mut self, what: &TrunkEvent, now: Instant) {
        if matches!(self.state, State::Off) {
            return;
        }
        match what {
            TrunkEvent::Registered { expires, public } => {
                self.registrations += 1;
                self.expires = *expires;
                self.public = public.as_ref().map(|public| *public.expose());
                self.prove(now);
                self.begin_to_probe();
            }
            // At a registrar it is the registration that counts.
            TrunkEvent::Alive { .. } if matches!(self.upkeep.duty, Duty::Register(_)) => {}
            TrunkEvent::Alive { .. } => self.prove(now),
            TrunkEvent::Sounded { answers } => self.sounded(*answers, now),
            TrunkEvent::Unregistered(why) => match why {
                Unregistered::Refused(status) => self.standing = Standing::Refused(*status),
                Unregistered::Credentials => self.standing = Standing::Credentials,
                Unregistered::Failed(status) => self.fail(Fault::Failed(*status)),
                Unregistered::Unreachable => self.fail(Fault::Silent),
                Unregistered::Left => self.standing = Standing::Unasked,
            },
            TrunkEvent::Silent => self.fail(Fault::Silent),
            TrunkEvent::WantsFlow => self.give_another(now),
        }
    }

    /// Stops, and lets the registrar forget us.
    pub(super) fn leave(&mut self) {
        if self.introduced && !matches!(self.state, State::Off) {
            let order = Effect::Order(TrunkCommand::Unregister);
            self.effects.push_back(order);
        }
        self.state = State::Off;
        self.standing = Standing::Unasked;
    }

    /// Tells whether a flow is this one: the trunk's own connection, which nothing else comes over.
    pub(super) fn owns(&self, flow: &Flow) -> bool {
        flow.protocol.is_stream() && self.flow.as_ref() == Some(flow)
    }

    /// Tells whether the server was found at an address, this time or the time before.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.former.contains(&address)
    }

    /// The flow over which the server can be called, if it is there.
    pub(super) fn flow(&self) -> Option<Flow> {
        self.flow.filter(|_| self.standing == Standing::Up)
    }

    /// The domain whose numbers it has.
    pub(super) fn domain(&self) -> String {
        match &self.upkeep.duty {
            Duty::Register(as_what) => as_what.registrar.host(),
            Duty::Probe => self.upkeep.server.host(),
        }
    }

    /// Where the server was found to be.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.union(&self.former).copied()
    }

    /// The user part of our Contact.
    pub(super) const fn contact(&self) -> &Secret<String> {
        &self.contact
    }

    /// Whether we register there.
    pub(super) const fn registers(&self) -> bool {
        matches!(self.upkeep.duty, Duty::Register(_))
    }

    /// How connections over TLS are made.
    pub(super) fn client(&self) -> Option<Arc<ClientConfig>> {
        self.upkeep.client.clone()
    }

    /// The same, with the name that the certificate must carry: that of the service (RFC 5922 §4).
    pub(super) fn secured(&self) -> Option<(Arc<ClientConfig>, String)> {
        let name = self.upkeep.server.place().host.clone();
        Some((self.client()?, name))
    }

    /// Our address as peers beyond an address translator must read it, if the registrar has told and `flow` leads there.
    pub(super) fn public(&self, flow: &Flow) -> Option<SocketAddr> {
        let same = self.flow.as_ref().is_some_and(|own| {
            own.protocol == flow.protocol && own.local.is_ipv4() == flow.local.is_ipv4()
        });
        self.public.filter(|_| same && !flow.protocol.is_stream())
    }

    pub(super) const fn standing(&self) -> Standing {
        self.standing
    }

    /// How often the registrar has said that it knows us, and for how long the last time.
    pub(super) const fn registrations(&self) -> (u64, Duration) {
        (self.registrations, self.expires)
    }

    fn registrar(&self, as_what: &Registering) -> Registrar {
        let domain = as_what.registrar.host();
        let user = as_what.user.expose();
        Registrar {
            address_of_record: Pii::new(format!("sip:{user}@{domain}")),
            domain,
            contact_user: self.contact.clone(),
            expires: as_what.expires,
            account: as_what.account.clone(),
            proxy: as_what.proxy.as_ref().map(ToString::to_string),
            instance: None,
            mediasec: as_what.mediasec,
        }
    }

    fn locate(&mut self) {
        self.state = State::Locating;
        self.progress(Standing::Locating);
        let place = self.upkeep.server.place().clone();
        self.effects.push_back(Effect::Locate(place));
    }

    /// Goes to the next hop; without one, rests or waits.
    fn next_hop(&mut self, now: Instant) {
        if let Some(hop) = self.hops.pop_front() {
            self.state = State::Connecting;
            self.progress(Standing::Connecting);
            self.hop = Some(hop.clone());
            self.effects.push_back(Effect::Connect(hop));
        } else if let Some(flow) = self.flow.filter(|_| self.may_rest()) {
            self.enter(flow, true, now);
        } else {
            let wait = self.wait_after(self.rounds);
            self.rounds = self.rounds.saturating_add(1);
            self.state = State::Waiting { at: now + wait };
        }
    }

    /// How long to wait after so many times in vain.
    fn wait_after(&mut self, times: u32) -> Duration {
        let doubled = LINK_RETRY.saturating_mul(1 << times.min(16));
        self.spread(doubled.min(LINK_RETRY_MAX) / 2, doubled.min(LINK_RETRY_MAX))
    }

    /// Whether the server that the endpoint has a flow to answers, if only by errors.
    const fn may_rest(&self) -> bool {
        self.flow.is_some() && matches!(self.standing, Standing::Down(Fault::Failed(_)))
    }

    fn give_another(&mut self, now: Instant) {
        let State::Up { rested, .. } = self.state else {
            return;
        };
        if self.leave_flow(now) {
            return;
        }
        if rested || self.is_settled(now) {
            self.shunned = self.hop.clone();
            self.locate();
        } else {
            self.next_hop(now);
        }
    }

    /// Whether the flow was of use for long enough not to be taken for one that comes and goes.
    fn is_settled(&self, now: Instant) -> bool {
        match self.state {
            State::Up { since, proven, .. } => proven && now >= since + LINK_SETTLED,
            State::Waiting { .. } | State::Locating | State::Connecting | State::Off => false,
        }
    }

    fn prove(&mut self, now: Instant) {
        self.standing = Standing::Up;
        self.rounds = 0;
        if self.is_settled(now) && self.hop == self.first {
            self.returns = 0;
        }
        match (&mut self.state, self.flow) {
            (State::Up { proven, rested, .. }, _) => (*proven, *rested) = (true, false),
            // The endpoint has tried once more by itself, over the flow that it has.
            (State::Waiting { .. } | State::Locating, Some(flow)) => {
                self.enter(flow, false, now);
                if let State::Up { proven, .. } = &mut self.state {
                    *proven = true;
                }
            }
            (State::Waiting { .. } | State::Locating | State::Connecting | State::Off, _) => {}
        }
    }

    fn enter(&mut self, flow: Flow, rested: bool, now: Instant) {
        let back = match rested {
            true => Back::No,
            false => self.back_later(now),
        };
        self.state = State::Up {
            since: now,
            keep_alive_at: now + self.keep_alive_interval(flow),
            pong: Pong::Unknown,
            proven: false,
            rested,
            back: Box::new(back),
        };
    }

    /// Any time between two.
    fn spread(&mut self, least: Duration, most: Duration) -> Duration {
        // A step of a linear congruential generator (Knuth, MMIX); what it decides needs no secrecy.
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let thousandths = u32::try_from((self.chance >> 33) % 1_000).unwrap_or(0);
        least + most.saturating_sub(least) / 1_000 * thousandths
    }

    /// Notes how far it has come. Until it is up, what went wrong the last time says more.
    fn progress(&mut self, standing: Standing) {
        match self.standing {
            Standing::Unasked | Standing::Locating | Standing::Connecting | Standing::Asking => {
                self.standing = standing;
            }
            Standing::Up | Standing::Refused(_) | Standing::Credentials | Standing::Down(_) => {}
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.standing = Standing::Down(fault);
    }
}

#[cfg(test)]
mod tests;
