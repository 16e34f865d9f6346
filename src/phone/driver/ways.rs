//! Where the requests of calls go whose route sets lead elsewhere than the peer's requests come from (RFC 3261 §12.2.1.1).
//!
//! A peer may name any address there, so it is followed only to those of its own trunk, and else stays: nobody can have us
//! send to a third party. A name is located as RFC 3263 has it. Datagrams need nothing more; a connection is made once to each
//! address and serves all calls that lead there.

use std::{collections::BTreeMap, net::SocketAddr};

use rand::RngExt;
use sip::{
    CallRef, Command, Flow, Protocol,
    locate::{Hop, Place},
};
use tokio::task::{JoinError, JoinSet};

use super::{Connecting, Door, clock};
use crate::{
    limit::{WAY_CONNECTIONS_MAX, WAY_LOOKUPS_MAX},
    pii::Pii,
};

/// The ways that route sets lead.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// Places that are being located, for a call whose peer's requests come over this flow.
    pub(super) lookups: JoinSet<(CallRef, Flow, Vec<Hop>)>,
    /// Connections that are being made, to where, and which calls wait for them.
    begun: BTreeMap<u64, (SocketAddr, Vec<CallRef>)>,
    /// Connections that were made.
    open: BTreeMap<SocketAddr, Flow>,
    /// Calls that stay where they are although their route sets lead elsewhere.
    pub(super) off_route: u64,
}

impl Ways {
    /// Takes it that a connection is gone.
    pub(super) fn closed(&mut self, flow: Flow) {
        self.open.retain(|_, open| *open != flow);
    }
}

impl Door {
    /// Looks for where a call's route set leads.
    pub(super) fn led_elsewhere(&mut self, call: CallRef, flow: Flow, place: Pii<Place>) {
        if !self.calls.contains_key(&call) {
            // It was refused.
            return;
        }
        if self.ways.lookups.len() >= WAY_LOOKUPS_MAX {
            self.ways.off_route += 1;
            return;
        }
        let (names, random) = (self.names.clone(), self.server.rng().random());
        let place = place.into_inner();
        self.ways
            .lookups
            .spawn(async move { (call, flow, names.locate(place, random).await) });
    }

    /// Takes where that is.
    pub(super) fn way_located(&mut self, found: Result<(CallRef, Flow, Vec<Hop>), JoinError>) {
        let Ok((call, flow, hops)) = found else {
            self.ways.off_route += 1;
            return;
        };
        let Some(trunk) = self.calls.get(&call).map(|line| line.trunk) else {
            return;
        };
        let remote = flow.remote.ip().to_canonical();
        let is_there = |hop: &Hop| hop.address.ip().to_canonical() == remote;
        if flow.protocol.is_stream() && hops.iter().any(is_there) {
            // The connection that the peer has made leads there.
            return;
        }
        let listed = |hop: &&Hop| {
            hop.protocol != Protocol::Tls && self.trunks.is_of(trunk, hop.address.ip())
        };
        match hops.iter().find(listed).cloned() {
            Some(hop) => self.take_way(call, hop),
            None => self.ways.off_route += 1,
        }
    }

    fn take_way(&mut self, call: CallRef, hop: Hop) {
        let address = hop.address;
        if hop.protocol == Protocol::Tcp {
            if let Some(way) = self.ways.open.get(&address).copied() {
                return self.go_by(call, way);
            }
            let mut begun = self.ways.begun.values_mut();
            if let Some((_, calls)) = begun.find(|(to, _)| *to == address) {
                return calls.push(call);
            }
            if self.ways.begun.len() + self.ways.open.len() >= WAY_CONNECTIONS_MAX {
                self.ways.off_route += 1;
                return;
            }
        }
        match self.transport.connect(hop, None) {
            Connecting::Done(way) => self.go_by(call, way),
            Connecting::Begun(id) => {
                self.ways.begun.insert(id, (address, vec![call]));
            }
            Connecting::Failed(_) => self.ways.off_route += 1,
        }
    }

    fn go_by(&mut self, call: CallRef, mut way: Flow) {
        way.advertised = self.trunks.public(&way, &[]).unwrap_or(way.advertised);
        let order = Command::GoBy { call, way };
        self.endpoint.handle(order, clock());
    }

    /// Takes a connection that was made; one that nobody waits for is closed.
    pub(super) fn way_connected(&mut self, flow: Flow) {
        let Some((address, calls)) = self.ways.begun.remove(&flow.id) else {
            return self.transport.close(flow);
        };
        self.ways.open.insert(address, flow);
        for call in calls {
            self.go_by(call, flow);
        }
    }

    /// Takes it that a connection was not made.
    pub(super) fn way_failed(&mut self, id: u64) {
        if let Some((_, calls)) = self.ways.begun.remove(&id) {
            self.ways.off_route += calls.len() as u64;
        }
    }
}
