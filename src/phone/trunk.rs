//! The trunks of the door: which one a call came over, whether it may be answered, and what has become of its calls.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use sip::{Asked, Assertion, Flow, Identity, Shown, TrunkRef, sdp::Policy};

use super::{
    call::OutgoingWay,
    dial_out::{Callable, DialOut, judge},
    link::{Link, Standing, Upkeep},
    negotiate::{Codecs, Terms},
    numbers::{Called, Destination, Directory},
    route::caller_address,
    spelling::{DialPlan, digits},
    status::Refusal,
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
    /// Our address as its other side reaches it, if the settings say so; ports are forwarded as they are.
    fn external(&self, flow: &Flow) -> Option<SocketAddr> {
        let external = self.media.external?;
        let same = external.is_ipv4() == flow.local.ip().to_canonical().is_ipv4();
        same.then(|| SocketAddr::new(external, flow.local.port()))
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
    pub(super) const fn get(self) -> usize {
        self.0
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
    pub(super) fn public(&self, flow: &Flow, clients: &[usize]) -> Option<SocketAddr> {
        let listing = self
            .owner(flow)
            .or_else(|| Some(self.listing(flow, clients)?.0));
        let external = listing.and_then(|index| self.0[index].trunk.external(flow));
        let address = flow.remote.ip().to_canonical();
        let mut links = self.0.iter().filter_map(|state| state.link.as_ref());
        external
            .or_else(|| links.find_map(|link| link.public(flow).filter(|_| link.is_at(address))))
    }

    /// Notes on a flow how its peer reaches us, and whose it is: all addresses of a trunk share what one may use up.
    pub(super) fn mark(&self, flow: &mut Flow, clients: &[usize]) {
        flow.advertised = self.public(flow, clients).unwrap_or(flow.advertised);
        let trunk = self.listing(flow, clients).map(|(index, _)| index + 1);
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
    pub(super) fn is_on(
        &self,
        TrunkIndex(index): TrunkIndex,
        flow: &Flow,
        clients: &[usize],
    ) -> bool {
        match self.owner(flow) {
            Some(owner) => owner == index,
            None => {
                let state = self.0.get(index);
                state.is_some_and(|state| state.admits(flow.remote.ip().to_canonical(), clients))
            }
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

    /// Our address as the settings of a trunk say that it is seen.
    pub(super) fn external(&self, TrunkRef(index): TrunkRef, flow: &Flow) -> Option<SocketAddr> {
        self.0.get(usize::from(index))?.trunk.external(flow)
    }

    /// Tells whether a peer is on a trunk, by its address or by what it has proved to be.
    pub(super) fn know(&self, flow: &Flow, clients: &[usize]) -> bool {
        self.listing(flow, clients).is_some()
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
        flow: &Flow,
        clients: &[usize],
        asked: &Asked,
    ) -> Result<Admitted, Refusal> {
        let Some((first, address)) = self.listing(flow, clients) else {
            return Err(Refusal::NOT_FOUND);
        };
        let admits = |index: &usize| match self.owner(flow) {
            Some(owner) => owner == *index,
            None => self.0[*index].admits(address, clients),
        };
        let listing: Vec<usize> = (first..self.0.len()).filter(admits).collect();
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
        let State {
            trunk,
            terms,
            counts,
            ..
        } = &mut self.0[index];
        if usize::try_from(counts.calls).is_ok_and(|calls| calls >= trunk.max_calls) {
            counts.refuse(Refusal::UNAVAILABLE.status);
            return Err(Refusal::UNAVAILABLE);
        }
        counts.calls += 1;
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
    ) -> Result<(TrunkIndex, Callable, OutgoingWay, Arc<Terms>), Refused> {
        let callers = || {
            let states = self.0.iter().enumerate();
            states.filter(|(_, state)| state.trunk.outward.is_some())
        };
        let (_, first) = callers().next().ok_or(Refused::NoDialOut)?;
        let callable = judge(typed, &first.trunk.plan, rules)?;
        let free = |state: &&State| {
            usize::try_from(state.counts.calls).is_ok_and(|calls| calls < state.trunk.max_calls)
        };
        let mut ways = callers().filter(|(_, state)| free(state));
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
    pub(super) fn overrun(&mut self, flow: &Flow, clients: &[usize]) -> Refusal {
        if let Some((first, _)) = self.listing(flow, clients) {
            self.0[first].counts.refuse(Refusal::UNAVAILABLE.status);
        }
        Refusal::UNAVAILABLE
    }

    /// A call is over; one that was refused says how.
    pub(super) fn ended(&mut self, TrunkIndex(index): TrunkIndex, refused: Option<u16>) {
        let counts = &mut self.0[index].counts;
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

    /// Finds the trunk whose own connection a flow is.
    fn owner(&self, flow: &Flow) -> Option<usize> {
        let owns = |state: &State| state.link.as_ref().is_some_and(|link| link.owns(flow));
        self.0.iter().position(owns)
    }

    /// Finds the first trunk that a peer is on, and by which address it is.
    fn listing(&self, flow: &Flow, clients: &[usize]) -> Option<(usize, IpAddr)> {
        let by = |address| {
            let mut states = self.0.iter();
            let index = states.position(|state| state.admits(address, clients))?;
            Some((index, address))
        };
        if let Some(owner) = self.owner(flow) {
            return Some((owner, flow.remote.ip().to_canonical()));
        }
        by(flow.remote.ip().to_canonical()).or_else(|| by(caller_address(flow)))
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

    /// Tells whether the Request-URI is the address that we have registered.
    fn is_called(&self, asked: &Asked) -> bool {
        let user = asked.target.user.as_ref();
        let contact = self.link.as_ref().map(Link::contact);
        user.zip(contact)
            .is_some_and(|(user, contact)| *contact == Secret::new(user.expose().clone()))
    }
}

#[cfg(test)]
mod tests {
    use sip::{Caller, Protocol, Scheme, Target, redact::Pii};

    use super::*;
    use crate::phone::Dialled;

    fn trunk(peer: &str, number: &str, max_calls: usize) -> Trunk {
        Trunk {
            peers: vec![peer.parse().unwrap()],
            client: None,
            numbers: vec![Called::Number(Dialled::new(number))],
            language: Wording::De,
            offers_language: true,
            plan: DialPlan::default(),
            max_calls,
            session_expires: Duration::from_secs(1_800),
            media: MediaRules::default(),
            upkeep: None,
            outward: None,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn all(trunks: Vec<Trunk>) -> Trunks {
        let mut numbers = 1..;
        Trunks::new(trunks, || numbers.next().unwrap(), Instant::now())
    }

    fn from(address: &str) -> Flow {
        Flow::new(
            Protocol::Udp,
            "192.0.2.1:5060".parse().unwrap(),
            SocketAddr::new(address.parse().unwrap(), 5060),
            0,
        )
    }

    fn asked(user: &str) -> Asked {
        Asked {
            target: Target {
                scheme: Scheme::Sip,
                user: Some(Pii::new(user.to_owned())),
                context: None,
                urn: None,
            },
            called_party: None,
            to: None,
            caller: Caller::default(),
            asserted: None,
            private: false,
        }
    }

    #[test]
    fn trunks_of_one_address_are_told_apart_by_the_number() {
        let mut trunks = all(vec![
            trunk("203.0.113.1", "+491", 9),
            trunk("198.51.100.0/24", "+492", 9),
            trunk("198.51.100.7", "+493", 9),
        ]);
        let mut admit = |address, number| {
            let admitted = trunks.admit(&from(address), &[], &asked(number));
            admitted.map(|admitted| admitted.trunk)
        };
        assert_eq!(admit("198.51.100.7", "+493"), Ok(TrunkIndex(2)));
        assert_eq!(admit("198.51.100.7", "+492"), Ok(TrunkIndex(1)));
        assert_eq!(admit("198.51.100.8", "+493"), Err(Refusal::NOT_FOUND));
        assert_eq!(admit("198.51.100.7", "+491"), Err(Refusal::NOT_FOUND));
        assert_eq!(admit("192.0.2.99", "+491"), Err(Refusal::NOT_FOUND));
        let unknown: Vec<u64> = trunks.counts().map(|counts| counts.unknown).collect();
        assert_eq!(unknown, [0, 2, 0]);
    }

    #[test]
    fn a_caller_is_who_the_trunk_says_unless_they_wish_to_be_nobody() {
        let nobody = crate::server::caller::Caller::default();
        let who = |number: &str| crate::server::caller::Caller {
            number: Some(Pii::new(number.to_owned())),
            ..nobody.clone()
        };
        let read = |from: &str, asserted: Option<&str>, private| {
            let sip = |number: &str| Caller {
                number: Some(Pii::new(number.to_owned())),
                name: None,
            };
            let asked = Asked {
                caller: sip(from),
                asserted: asserted.map(sip),
                private,
                ..asked("+491")
            };
            let plan = DialPlan {
                country: "49".to_owned(),
                area: String::new(),
            };
            caller(&asked, &plan, 0)
        };
        assert_eq!(read("030 123", None, false), who("+4930123"));
        let mut vouched = who("+4930124");
        vouched.vouched = true;
        assert_eq!(read("030123", Some("0049-30-124"), false), vouched);
        let mut withheld = nobody.clone();
        withheld.withheld = true;
        assert_eq!(read("030123", Some("+4930124"), true), withheld);
        assert_eq!(read("anonymous", Some("+4930124"), true), withheld);
        assert_eq!(read("anonymous", None, true), nobody);
        assert_eq!(read("alice", None, false), nobody);
    }

    #[test]
    fn a_full_trunk_leaves_the_others_alone() {
        let mut trunks = all(vec![
            trunk("203.0.113.1", "+491", 2),
            trunk("198.51.100.7", "+491", 2),
        ]);
        let (one, other) = (from("203.0.113.1"), from("198.51.100.7"));
        let first = trunks.admit(&one, &[], &asked("+491")).unwrap().trunk;
        let second = trunks.admit(&one, &[], &asked("+491")).unwrap().trunk;
        let third = trunks.admit(&one, &[], &asked("+491"));
        assert_eq!(third, Err(Refusal::UNAVAILABLE));
        assert_eq!(
            trunks.admit(&one, &[], &asked("+499")),
            Err(Refusal::NOT_FOUND),
            "what is unknown is unknown at any time"
        );
        assert!(trunks.admit(&other, &[], &asked("+491")).is_ok());
        trunks.ended(first, None);
        trunks.ended(second, Some(488));
        assert!(trunks.admit(&one, &[], &asked("+491")).is_ok());
        assert_eq!(trunks.overrun(&one, &[]), Refusal::UNAVAILABLE);
        let counts = trunks.counts().next().unwrap();
        let expected = TrunkCounts {
            calls: 1,
            taken: 1,
            unknown: 1,
            full: 2,
            unusable: 1,
            ..TrunkCounts::default()
        };
        assert_eq!(counts, expected);
    }

    #[test]
    fn a_certificate_makes_a_peer_only_of_who_has_it() {
        let by_certificate = Trunk {
            peers: Vec::new(),
            client: Some(0),
            ..trunk("192.0.2.1", "+491", 9)
        };
        let by_both = Trunk {
            client: Some(1),
            ..trunk("198.51.100.0/24", "+492", 9)
        };
        let by_address = trunk("203.0.113.1", "+493", 9);
        let mut trunks = all(vec![by_certificate, by_both, by_address]);
        let (far, near, listed) = (
            from("192.0.2.99"),
            from("198.51.100.7"),
            from("203.0.113.1"),
        );
        assert!(!trunks.know(&far, &[]) && !trunks.know(&near, &[]) && !trunks.know(&far, &[1]));
        assert!(trunks.know(&far, &[0]) && trunks.know(&near, &[1]) && trunks.know(&listed, &[]));
        assert_eq!(trunks.demand(&far), Some(Demand::Must));
        assert_eq!(trunks.demand(&near), Some(Demand::Must));
        assert_eq!(trunks.demand(&listed), Some(Demand::Wish));
        let mut admit = |flow, clients: &[usize], number| {
            let admitted = trunks.admit(flow, clients, &asked(number));
            admitted.map(|admitted| admitted.trunk)
        };
        assert_eq!(admit(&near, &[0, 1], "+492"), Ok(TrunkIndex(1)));
        assert_eq!(admit(&near, &[0], "+492"), Err(Refusal::NOT_FOUND));
        assert_eq!(admit(&listed, &[], "+491"), Err(Refusal::NOT_FOUND));
        assert_eq!(admit(&listed, &[0], "+491"), Ok(TrunkIndex(0)));

        let trunks = all(vec![trunk("203.0.113.1", "+493", 9)]);
        assert_eq!(trunks.demand(&listed), Some(Demand::Nothing));
        assert_eq!(trunks.demand(&far), None);
    }
}
