//! The trunks of the door: which one a call came over, whether it may be answered, and what has become of its calls.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use sip::{Asked, Assertion, CallRef, Flow, Identity, Shown, TrunkRef, sdp::Policy};

use super::{
    call::OutgoingWay,
    dial_out::{Callable, DialOut, judge},
    link::{Link, Standing, Upkeep},
    negotiate::{Codecs, Terms},
    numbers::{Called, Destination, Directory},
    route::caller_address,
    spelling::{DialPlan, digits},
    status::Refusal,
    transport::{Behalf, Peer},
    unproven::Unproven,
};
use crate::{
    conference::{Refusal as Refused, event::Wording},
    media::api::Nat,
    network::Network,
    pii::{Pii, Secret},
    server::caller::Caller,
    tls::Demand,
};

/// Who may call in, and which numbers lead where.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Where its calls come from; with a certificate, none means from anywhere.
    pub peers: Vec<Network>,
    /// Its place among the clients of [`SipServer`](crate::tls::SipServer), if it calls in by certificate; then nothing
    /// else but a connection over TLS with that certificate is its own.
    pub client: Option<usize>,
    /// What it may reach.
    pub numbers: Vec<Called>,
    /// What callers hear before their room is known.
    pub language: Wording,
    /// Whether they are offered the other language before the code.
    pub offers_language: bool,
    /// How its exchange dials.
    pub plan: DialPlan,
    /// Calls at a time; further ones are answered 503.
    pub max_calls: usize,
    /// For how long its calls last without a sign of life (RFC 4028): what we ask for.
    pub session_expires: Duration,
    /// What holds for the media of its calls.
    pub media: MediaRules,
    /// The server of it that the door keeps a way to, if it does: its calls come from there too.
    pub upkeep: Option<Upkeep>,
    /// As whom calls are made over it, if any are.
    pub outward: Option<Outward>,
}

/// As whom a trunk's calls are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outward {
    /// A number of the trunk, in full.
    pub caller: String,
    /// By whose word.
    pub assertion: Assertion,
    /// Whether who is called is told.
    pub shown: Shown,
}

/// What holds for the media of a trunk's calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaRules {
    /// Whether it is to be protected.
    pub policy: Policy,
    /// Whether it is answered where it comes from, instead of where its session description says.
    pub latch: bool,
    /// Where it may come from beside the peers' addresses, if those are addresses of special meaning, such as private
    /// ones; and from where plain media may come that is answered there.
    pub networks: Vec<Network>,
    /// The address by which its other side reaches us, where that is not the one that we have.
    pub external: Option<IpAddr>,
    /// What it may be coded with.
    pub codecs: Codecs,
    /// Where it is protected, it is so as far as the device that somebody speaks into; else as far as the carrier or
    /// exchange at the other end of the trunk.
    pub to_device: bool,
    /// How it is protected is negotiated with the registration, in the way of German carriers (`mediasec`).
    pub mediasec: bool,
}

impl Trunk {
    /// Our address as its other side reaches it, if the settings say so; ports that we listen on are forwarded as they are.
    fn external(&self, flow: &Flow) -> Option<SocketAddr> {
        let external = self.media.external?;
        let same = external.is_ipv4() == flow.local.ip().to_canonical().is_ipv4();
        same.then(|| SocketAddr::new(external, flow.advertised.port()))
    }

    fn terms(&self, found: impl Iterator<Item = IpAddr>) -> Terms {
        let MediaRules {
            policy,
            latch,
            networks,
            external,
            codecs,
            to_device,
            mediasec,
        } = &self.media;
        Terms {
            policy: *policy,
            nat: match latch {
                true => Nat::Latch(networks.clone().into()),
                false => Nat::No,
            },
            networks: [networks.as_slice(), &self.peers]
                .concat()
                .into_iter()
                .chain(found.map(Network::from))
                .collect(),
            external: *external,
            codecs: codecs.clone(),
            to_device: *to_device,
            mediasec: *mediasec,
        }
    }
}

impl Outward {
    fn way(
        &self,
        callable: &Callable,
        domain: &str,
        flow: Flow,
        trunk: TrunkRef,
        session_expires: Duration,
    ) -> OutgoingWay {
        let at = |user: &str| Pii::new(format!("sip:{user}@{domain};user=phone"));
        OutgoingWay {
            flow,
            trunk,
            target: at(callable.number.expose()),
            from: match self.shown {
                Shown::Yes => at(&self.caller),
                // RFC 3323 §4.1.1.3.
                Shown::No => Pii::new("sip:anonymous@anonymous.invalid".to_owned()),
            },
            identity: Identity {
                uri: at(&self.caller),
                assertion: self.assertion,
                shown: self.shown,
            },
            session_expires,
        }
    }
}

/// What has become of a trunk's calls since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrunkCounts {
    /// Calls there are, those that ring included.
    pub calls: u64,
    /// Calls there have been, refused ones left out.
    pub taken: u64,
    /// Refused because the number is none of ours or of no room: 404.
    pub unknown: u64,
    /// Refused because there were too many calls, or too much to do: 503.
    pub full: u64,
    /// Refused because their session descriptions had nothing in common with ours: 488.
    pub unusable: u64,
    /// Refused for any other reason.
    pub other: u64,
    /// How the way to its server stands.
    pub standing: Standing,
    /// How often its registrar has said that it knows us.
    pub registrations: u64,
    /// For how long it said so the last time.
    pub expires: Duration,
}

impl TrunkCounts {
    fn refuse(&mut self, status: u16) {
        *match status {
            404 => &mut self.unknown,
            503 => &mut self.full,
            488 => &mut self.unusable,
            _ => &mut self.other,
        } += 1;
    }
}

/// The place of a trunk among the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TrunkIndex(usize);

impl TrunkIndex {
    /// The first of the settings.
    #[cfg(test)]
    pub(super) const FIRST: Self = Self(0);

    pub(super) const fn get(self) -> usize {
        self.0
    }
}

impl From<TrunkRef> for TrunkIndex {
    fn from(TrunkRef(index): TrunkRef) -> Self {
        Self(usize::from(index))
    }
}

/// A call that may begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    pub(super) trunk: TrunkIndex,
    pub(super) destination: Destination,
    /// What callers hear on this trunk where neither number nor room says otherwise.
    pub(super) language: Wording,
    /// Whether the other language is offered on this trunk where the number does not say so itself.
    pub(super) offers_language: bool,
    /// Who calls.
    pub(super) caller: Caller,
    pub(super) terms: Arc<Terms>,
    /// Our session interval for the call.
    pub(super) session_expires: Duration,
}

/// All trunks, in the order of the settings.
#[derive(Debug)]
pub(super) struct Trunks(Vec<State>);

#[derive(Debug)]
struct State {
    trunk: Trunk,
    terms: Arc<Terms>,
    directory: Directory,
    counts: TrunkCounts,
    unproven: Unproven,
    link: Option<Link>,
}

impl Trunks {
    /// Takes the settings, and begins to keep up what they say; `random` gives numbers that nobody can guess.
    pub(super) fn new(trunks: Vec<Trunk>, mut random: impl FnMut() -> u128, now: Instant) -> Self {
        let state = |mut trunk: Trunk| {
            let link = trunk.upkeep.take().map(|upkeep| {
                let contact = Secret::new(format!("{:032x}", random()));
                let chance = u64::try_from(random() >> 64).unwrap_or(0);
                Link::new(upkeep, contact, chance, now)
            });
            State {
                terms: Arc::new(trunk.terms(std::iter::empty())),
                directory: Directory::new(&trunk.numbers, &trunk.plan),
                counts: TrunkCounts::default(),
                unproven: Unproven::default(),
                trunk,
                link,
            }
        };
        Self(trunks.into_iter().map(state).collect())
    }

    /// The ways to servers that are kept up.
    pub(super) fn links(&mut self) -> impl Iterator<Item = (TrunkRef, &mut Link)> {
        self.0.iter_mut().enumerate().filter_map(|(index, state)| {
            let index = u16::try_from(index).ok()?;
            Some((TrunkRef(index), state.link.as_mut()?))
        })
    }

    /// The way to the server of one trunk.
    pub(super) fn link(&mut self, TrunkRef(index): TrunkRef) -> Option<&mut Link> {
        self.0.get_mut(usize::from(index))?.link.as_mut()
    }

    /// Takes it that a trunk's server was located: sound may come from there too.
    pub(super) fn found(&mut self, TrunkRef(index): TrunkRef) {
        if let Some(state) = self.0.get_mut(usize::from(index))
            && let Some(link) = &state.link
        {
            state.terms = Arc::new(state.trunk.terms(link.addresses()));
        }
    }

    /// When one of the links wants its time.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let links = self.0.iter().filter_map(|state| state.link.as_ref());
        links.filter_map(Link::poll_timeout).min()
    }

    /// Our address as the peer of a flow must read it, where that is another than ours: as the settings of its trunk say,
    /// else as its registrar sees us.
    pub(super) fn public(&self, flow: &Flow, peer: Peer<'_>) -> Option<SocketAddr> {
        let listing = self.listing(flow, peer);
        let external = listing.and_then(|(index, _)| self.0[index].trunk.external(flow));
        let address = flow.remote.ip().to_canonical();
        let mut links = self.0.iter().filter_map(|state| state.link.as_ref());
        external
            .or_else(|| links.find_map(|link| link.public(flow).filter(|_| link.is_at(address))))
    }

    /// Notes on a flow how its peer reaches us, and whose it is: all addresses of a trunk share what one may use up.
    pub(super) fn mark(&self, flow: &mut Flow, peer: Peer<'_>) {
        flow.advertised = self.public(flow, peer).unwrap_or(flow.advertised);
        let trunk = self.listing(flow, peer).map(|(index, _)| index + 1);
        flow.party = trunk
            .and_then(|party| party.try_into().ok())
            .unwrap_or_default();
    }

    /// Tells whether an address is one of a trunk's, by its settings or as its server was found: requests may be sent there.
    pub(super) fn is_of(&self, TrunkIndex(index): TrunkIndex, address: IpAddr) -> bool {
        let state = self.0.get(index);
        state.is_some_and(|state| state.names(address.to_canonical()))
    }

    /// Tells whether a connection that is open belongs to a trunk.
    pub(super) fn is_on(&self, TrunkIndex(index): TrunkIndex, flow: &Flow, peer: Peer<'_>) -> bool {
        self.lets_in(index, flow, flow.remote.ip().to_canonical(), peer)
    }

    /// For whom a connection of a trunk is made.
    pub(super) fn behalf(&self, trunk: TrunkIndex) -> Behalf {
        let link = self.0.get(trunk.0).and_then(|state| state.link.as_ref());
        Behalf {
            trunk,
            listens: !link.is_some_and(Link::registers),
        }
    }

    /// How a trunk's addresses are connected to over TLS, and the name that their certificate must carry; none where the trunk
    /// has no server of its own.
    pub(super) fn secured(
        &self,
        TrunkIndex(index): TrunkIndex,
    ) -> Option<(Arc<rustls::ClientConfig>, String)> {
        self.0.get(index)?.link.as_ref()?.secured()
    }

    /// The flow over which a trunk is registered now.
    pub(super) fn registered_over(&self, TrunkIndex(index): TrunkIndex) -> Option<Flow> {
        let link = self.0.get(index)?.link.as_ref()?;
        link.flow().filter(|_| link.registers())
    }

    /// Our address as the settings of a trunk say that it is seen.
    pub(super) fn external(&self, TrunkRef(index): TrunkRef, flow: &Flow) -> Option<SocketAddr> {
        self.0.get(usize::from(index))?.trunk.external(flow)
    }

    /// Tells whether a peer is on a trunk: by its address, by what it has proved to be, or since we have connected to it.
    pub(super) fn know(&self, flow: &Flow, peer: Peer<'_>) -> bool {
        self.listing(flow, peer).is_some()
    }

    /// What a peer that connects has to show to be on a trunk; nothing makes one out of a stranger.
    pub(super) fn demand(&self, flow: &Flow) -> Option<Demand> {
        let may_call = |by_certificate: bool| {
            self.0.iter().any(|state| {
                let trunk = &state.trunk;
                let addresses = [flow.remote.ip().to_canonical(), caller_address(flow)];
                trunk.client.is_some() == by_certificate
                    && addresses.into_iter().any(|address| state.lists(address))
            })
        };
        match (may_call(false), may_call(true)) {
            (true, false) => Some(Demand::Nothing),
            (true, true) => Some(Demand::Wish),
            (false, true) => Some(Demand::Must),
            (false, false) => None,
        }
    }

    /// Decides about a new call: its trunk is the first that its peer is on and that has the number. What goes to the
    /// address of a registration belongs to that, and what comes over its connection too.
    ///
    /// What the peer asserts is believed because it is on the trunk; who calls in otherwise can assert nothing.
    pub(super) fn admit(
        &mut self,
        call: CallRef,
        flow: &Flow,
        peer: Peer<'_>,
        asked: &Asked,
        now: Instant,
    ) -> Result<Admitted, Refusal> {
        let Some((first, address)) = self.listing(flow, peer) else {
            return Err(Refusal::NOT_FOUND);
        };
        let admits = |index: &usize| self.lets_in(*index, flow, address, peer);
        let listing: Vec<usize> = (0..self.0.len()).filter(admits).collect();
        let registered = listing
            .iter()
            .find(|index| self.0[**index].is_called(asked));
        let registered = registered.copied();
        let found = match registered {
            Some(index) => {
                let directory = &self.0[index].directory;
                let destination = directory.destination(asked);
                destination
                    .or_else(|| directory.own(asked))
                    .map(|destination| (index, destination))
            }
            None => listing.iter().find_map(|&index| {
                let destination = self.0[index].directory.destination(asked)?;
                Some((index, destination))
            }),
        };
        let Some((index, destination)) = found else {
            let first = registered.unwrap_or(first);
            self.0[first].counts.refuse(Refusal::NOT_FOUND.status);
            return Err(Refusal::NOT_FOUND);
        };
        let state = &mut self.0[index];
        if !state.has_room(now) {
            state.counts.refuse(Refusal::UNAVAILABLE.status);
            return Err(Refusal::UNAVAILABLE);
        }
        state.unproven.begin(call, now);
        state.counts.calls += 1;
        let State { trunk, terms, .. } = state;
        Ok(Admitted {
            trunk: TrunkIndex(index),
            destination,
            language: trunk.language,
            offers_language: trunk.offers_language,
            caller: caller(asked, &trunk.plan, index),
            terms: Arc::clone(terms),
            session_expires: trunk.session_expires,
        })
    }

    /// Finds the way to a number that somebody typed: over the first trunk that calls are made over and whose server is there.
    pub(super) fn way_out(
        &mut self,
        typed: &str,
        rules: &DialOut,
        now: Instant,
    ) -> Result<(TrunkIndex, Callable, OutgoingWay, Arc<Terms>), Refused> {
        let callers = || {
            let states = self.0.iter().enumerate();
            states.filter(|(_, state)| state.trunk.outward.is_some())
        };
        let (_, first) = callers().next().ok_or(Refused::NoDialOut)?;
        let callable = judge(typed, &first.trunk.plan, rules)?;
        let mut ways = callers().filter(|(_, state)| state.has_room(now));
        let found = ways.find_map(|(index, state)| {
            let trunk = TrunkRef(u16::try_from(index).ok()?);
            let link = state.link.as_ref()?;
            let outward = state.trunk.outward.as_ref()?;
            let mut flow = link.flow()?;
            let public = state.trunk.external(&flow).or_else(|| link.public(&flow));
            flow.advertised = public.unwrap_or(flow.advertised);
            let expires = state.trunk.session_expires;
            let way = outward.way(&callable, &link.domain(), flow, trunk, expires);
            Some((index, way, Arc::clone(&state.terms)))
        });
        let (index, way, terms) = found.ok_or(Refused::NoLine)?;
        self.0[index].counts.calls += 1;
        Ok((TrunkIndex(index), callable, way, terms))
    }

    /// A call is refused because the server takes no further ones, over whatever trunk and to whatever number.
    pub(super) fn overrun(&mut self, flow: &Flow, peer: Peer<'_>) -> Refusal {
        if let Some((first, _)) = self.listing(flow, peer) {
            self.0[first].counts.refuse(Refusal::UNAVAILABLE.status);
        }
        Refusal::UNAVAILABLE
    }

    /// Who calls has acknowledged it.
    pub(super) fn acknowledged(&mut self, call: CallRef) {
        for state in &mut self.0 {
            state.unproven.settle(call);
        }
    }

    /// A call is over, or none came of it; one that was refused says how.
    pub(super) fn ended(
        &mut self,
        TrunkIndex(index): TrunkIndex,
        call: Option<CallRef>,
        refused: Option<u16>,
    ) {
        let State {
            counts, unproven, ..
        } = &mut self.0[index];
        if let Some(call) = call {
            unproven.settle(call);
        }
        counts.calls = counts.calls.saturating_sub(1);
        match refused {
            Some(status) => counts.refuse(status),
            None => counts.taken += 1,
        }
    }

    /// What has become of the calls, trunk by trunk.
    pub(super) fn counts(&self) -> impl Iterator<Item = TrunkCounts> {
        self.0.iter().map(|state| {
            let link = state.link.as_ref();
            let (registrations, expires) = link.map(Link::registrations).unwrap_or_default();
            TrunkCounts {
                standing: link.map(Link::standing).unwrap_or_default(),
                registrations,
                expires,
                ..state.counts
            }
        })
    }

    /// Tells whether what a peer sends may be a trunk's. Over the way that is kept up to a trunk's server comes nothing else;
    /// any other connection of ours is its trunk's too, and else the address counts, and what was proved.
    fn lets_in(&self, index: usize, flow: &Flow, address: IpAddr, peer: Peer<'_>) -> bool {
        let own = peer.trunk();
        let kept = own.and_then(|TrunkIndex(own)| self.0.get(own));
        let kept = kept.is_some_and(|state| state.keeps(flow));
        let admits = |state: &State| state.admits(address, peer.clients());
        own == Some(TrunkIndex(index)) || (!kept && self.0.get(index).is_some_and(admits))
    }

    /// Finds the first trunk that a peer is on, and by which address it is: where we have connected to it, that for which we did.
    fn listing(&self, flow: &Flow, peer: Peer<'_>) -> Option<(usize, IpAddr)> {
        let by = |address| {
            let mut states = self.0.iter();
            let index = states.position(|state| state.admits(address, peer.clients()))?;
            Some((index, address))
        };
        let remote = flow.remote.ip().to_canonical();
        match peer.trunk() {
            Some(TrunkIndex(own)) => Some((own, remote)),
            None => by(remote).or_else(|| by(caller_address(flow))),
        }
    }
}

/// Who calls: by the word of the trunk, else by their own. Who wishes to be anonymous is.
fn caller(asked: &Asked, plan: &DialPlan, trunk: usize) -> Caller {
    let vouched = asked.asserted.as_ref().and_then(|who| who.number.as_ref());
    let number = vouched.or(asked.caller.number.as_ref());
    let number = number.and_then(|number| digits(number.expose()));
    let withheld = asked.private && number.is_some();
    let number = number.filter(|_| !asked.private);
    Caller {
        withheld,
        vouched: vouched.is_some() && number.is_some(),
        number: number.map(|number| Pii::new(plan.canonical(&number))),
        trunk,
    }
}

impl State {
    /// Tells whether it takes another call.
    fn has_room(&self, now: Instant) -> bool {
        let calls = usize::try_from(self.counts.calls).unwrap_or(usize::MAX);
        calls.saturating_sub(self.unproven.stale(now)) < self.trunk.max_calls
    }

    fn admits(&self, address: IpAddr, clients: &[usize]) -> bool {
        let client = self.trunk.client;
        let proved = client.is_none_or(|client| clients.contains(&client));
        proved && self.lists(address)
    }

    fn lists(&self, address: IpAddr) -> bool {
        let Trunk { client, peers, .. } = &self.trunk;
        let anywhere = client.is_some() && peers.is_empty();
        anywhere || self.names(address)
    }

    /// Tells whether an address is one of the settings', or where the server was found.
    fn names(&self, address: IpAddr) -> bool {
        let found = || self.link.as_ref().is_some_and(|link| link.is_at(address));
        let mut peers = self.trunk.peers.iter();
        peers.any(|peer| peer.contains(address)) || found()
    }

    /// Tells whether a flow is the way that is kept up to the server.
    fn keeps(&self, flow: &Flow) -> bool {
        self.link.as_ref().is_some_and(|link| link.owns(flow))
    }

    /// Tells whether the Request-URI is the address that we have registered.
    fn is_called(&self, asked: &Asked) -> bool {
        let user = asked.target.user.as_ref();
        let contact = self.link.as_ref().map(Link::contact);
        user.zip(contact)
            .is_some_and(|(user, contact)| *contact == Secret::new(user.expose().clone()))
    }
}

#[cfg(test)]
mod tests;
