//! Where the requests of calls go whose route sets lead elsewhere than the peer's requests come from, or whose connections are
//! gone (RFC 3261 §12.2.1.1).
//!
//! A peer may name any address there, so it is followed only to those of its own trunk, and else stays: nobody can have us
//! send to a third party. A name is located as RFC 3263 has it. Datagrams need nothing more; a connection is made once to each
//! address and serves all calls of a trunk that lead there. Over TLS it must be that trunk's service that answers.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use rand::RngExt;
use sip::{
    CallRef, Command, Endpoint, Flow, Protocol,
    locate::{Hop, Place},
};
use tokio::task::{JoinError, JoinSet};

use super::{Door, TrunkIndex, clock};
use crate::{
    limit::{WAY_CONNECTIONS_MAX, WAY_LOOKUPS_MAX},
    phone::transport::Connecting,
    pii::Pii,
};

/// The ways that route sets lead.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// Places that are being located.
    pub(super) lookups: JoinSet<(Seeker, Vec<Hop>)>,
    /// Those whose turn comes later, one at most for each call that is cut off.
    later: VecDeque<(Seeker, Place)>,
    /// Connections that are being made, to where, and which calls wait for them.
    begun: BTreeMap<u64, (Goal, Vec<Seeker>)>,
    /// Connections that were made.
    open: BTreeMap<Goal, Flow>,
    /// Calls that are over, and whose peers have yet to hear it.
    parting: BTreeMap<CallRef, TrunkIndex>,
    /// Calls that stay where they are although their route sets lead elsewhere.
    pub(super) off_route: u64,
}

/// A call for which a way is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeker {
    call: CallRef,
    trunk: TrunkIndex,
    /// Where its peer's requests come from, or came from.
    flow: Flow,
    /// Whether that connection is gone, so that its requests wait.
    cut_off: bool,
    /// Whether it was the only one with that address, so that a later one from there may be the peer's.
    alone: bool,
}

/// What a connection is made to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Goal {
    trunk: TrunkIndex,
    protocol: Protocol,
    address: SocketAddr,
}

impl Ways {
    /// Takes it that a connection is gone.
    pub(super) fn closed(&mut self, flow: Flow) {
        self.open.retain(|_, open| *open != flow);
    }

    /// Remembers whose trunk a call was on that is over, for as long as its peer has yet to hear it.
    pub(super) fn part(&mut self, call: CallRef, trunk: TrunkIndex, endpoint: &Endpoint) {
        self.parting.retain(|call, _| endpoint.knows(*call));
        if endpoint.knows(call) {
            self.parting.insert(call, trunk);
        }
    }
}

impl Door {
    /// Looks for where a call's route set leads.
    pub(super) fn led_elsewhere(&mut self, call: CallRef, flow: Flow, place: Pii<Place>) {
        let Some(trunk) = self.calls.get(&call).map(|line| line.trunk) else {
            // It was refused.
            return;
        };
        if self.ways.lookups.len() >= WAY_LOOKUPS_MAX {
            self.ways.off_route += 1;
            return;
        }
        let seeker = Seeker {
            call,
            trunk,
            flow,
            cut_off: false,
            alone: false,
        };
        self.look_up(seeker, place.into_inner());
    }

    /// Looks for where the peer of a call is whose connection is gone.
    pub(super) fn cut_off(
        &mut self,
        call: CallRef,
        (flow, alone): (Flow, bool),
        place: Pii<Place>,
    ) {
        let line = self.calls.get(&call).map(|line| line.trunk);
        let Some(trunk) = line.or_else(|| self.ways.parting.get(&call).copied()) else {
            return self.give_up(call);
        };
        let seeker = Seeker {
            call,
            trunk,
            flow,
            cut_off: true,
            alone,
        };
        self.ways.later.push_back((seeker, place.into_inner()));
        self.look_further();
    }

    fn look_further(&mut self) {
        while self.ways.lookups.len() < WAY_LOOKUPS_MAX
            && let Some((seeker, place)) = self.ways.later.pop_front()
        {
            self.look_up(seeker, place);
        }
    }

    fn look_up(&mut self, seeker: Seeker, place: Place) {
        let (names, random) = (self.names.clone(), self.server.rng().random());
        self.ways
            .lookups
            .spawn(async move { (seeker, names.locate(place, random).await) });
    }

    /// Takes where that is.
    pub(super) fn way_located(&mut self, found: Result<(Seeker, Vec<Hop>), JoinError>) {
        match found {
            Ok((seeker, hops)) => self.choose_way(seeker, &hops),
            // Whose it was is not known; a call that waits does so for a while only.
            Err(_) => self.ways.off_route += 1,
        }
        self.look_further();
    }

    fn choose_way(&mut self, seeker: Seeker, hops: &[Hop]) {
        let Seeker { flow, cut_off, .. } = seeker;
        let remote = flow.remote.ip().to_canonical();
        let is_there = |hop: &Hop| hop.address.ip().to_canonical() == remote;
        if !cut_off && flow.protocol.is_stream() && hops.iter().any(is_there) {
            // The connection that the peer has made leads there.
            return;
        }
        let fits = |hop: &Hop| match flow.protocol {
            Protocol::Tls => hop.protocol == Protocol::Tls,
            Protocol::Tcp => cut_off || hop.protocol != Protocol::Tls,
            Protocol::Udp => hop.protocol != Protocol::Tls,
        };
        // Who was connected from an address was there, and may be called back.
        let listed = |hop: &Hop| {
            (cut_off && is_there(hop)) || self.trunks.is_of(seeker.trunk, hop.address.ip())
        };
        let found = hops.iter().find(|hop| fits(hop) && listed(hop));
        match found.cloned() {
            Some(hop) => self.take_way(seeker, hop),
            None => self.go_through_registrar(seeker),
        }
    }

    fn take_way(&mut self, seeker: Seeker, mut hop: Hop) {
        let trunk = seeker.trunk;
        let goal = Goal {
            trunk,
            protocol: hop.protocol,
            address: hop.address,
        };
        if hop.protocol.is_stream() {
            if let Some(way) = self.ways.open.get(&goal).copied() {
                return self.go_by(seeker.call, way);
            }
            let mut begun = self.ways.begun.values_mut();
            if let Some((_, seekers)) = begun.find(|(to, _)| *to == goal) {
                return seekers.push(seeker);
            }
            if self.ways.begun.len() + self.ways.open.len() >= WAY_CONNECTIONS_MAX {
                return self.not_reached(seeker, goal);
            }
        }
        let secured = self.trunks.secured(trunk);
        let secured = secured.filter(|_| hop.protocol == Protocol::Tls);
        let client = secured.map(|(client, name)| {
            hop.server_name = name;
            client
        });
        let behalf = self.trunks.behalf(trunk);
        match self.transport.connect(hop, behalf, client) {
            Connecting::Done(way) => self.go_by(seeker.call, way),
            Connecting::Begun(id) => {
                self.ways.begun.insert(id, (goal, vec![seeker]));
            }
            Connecting::Failed(_) => self.not_reached(seeker, goal),
        }
    }

    /// Where the peer wants to be called there is nobody. It may have come back by itself, if what came from its address since
    /// can be told from others'.
    fn not_reached(&mut self, seeker: Seeker, goal: Goal) {
        let back = self.came_back(goal);
        match back.filter(|_| seeker.cut_off && seeker.alone && goal.protocol.is_stream()) {
            Some(way) => self.go_by(seeker.call, way),
            None => self.go_through_registrar(seeker),
        }
    }

    /// A carrier reaches the peers of its calls by whatever server we are registered at; else there is no way.
    fn go_through_registrar(&mut self, seeker: Seeker) {
        let way = self.trunks.registered_over(seeker.trunk);
        match way.filter(|_| seeker.cut_off) {
            Some(way) => self.go_by(seeker.call, way),
            None => self.give_up(seeker.call),
        }
    }

    /// The latest connection from an address.
    fn came_back(&self, goal: Goal) -> Option<Flow> {
        let fits = |flow: &Flow| {
            let peer = self.transport.peer(flow);
            flow.protocol == goal.protocol && self.trunks.is_on(goal.trunk, flow, peer)
        };
        let from = self.endpoint.connections(goal.address.ip());
        from.filter(fits).max_by_key(|flow| flow.id)
    }

    /// There is no way.
    fn give_up(&mut self, call: CallRef) {
        self.ways.off_route += 1;
        self.endpoint.handle(Command::NoWay { call }, clock());
    }

    fn go_by(&mut self, call: CallRef, mut way: Flow) {
        let public = self.trunks.public(&way, self.transport.peer(&way));
        way.advertised = public.unwrap_or(way.advertised);
        let order = Command::GoBy { call, way };
        self.endpoint.handle(order, clock());
    }

    /// Takes a connection that was made; one that nobody waits for is closed.
    pub(super) fn way_connected(&mut self, flow: Flow) {
        let Some((goal, seekers)) = self.ways.begun.remove(&flow.id) else {
            return self.close(flow);
        };
        self.ways.open.insert(goal, flow);
        for seeker in seekers {
            self.go_by(seeker.call, flow);
        }
    }

    /// Takes it that a connection was not made.
    pub(super) fn way_failed(&mut self, id: u64) {
        let Some((goal, seekers)) = self.ways.begun.remove(&id) else {
            return;
        };
        for seeker in seekers {
            self.not_reached(seeker, goal);
        }
    }
}
