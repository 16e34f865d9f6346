//! Trunks: the registrations and probes that the door wants kept up, and the flows they use.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sipx_sip::Response;

use super::{
    Endpoint, Event, Flow, TrunkCommand, TrunkEvent, TrunkRef, Unregistered,
    client::{Asker, Purpose},
    timers::Owner,
    write::{ACCEPT, Head, written},
};
use crate::{
    dialog::Dialog,
    limit,
    redact::Pii,
    registration::{Next, Registrar, Registration, uri},
};

/// All trunks. The door chooses their handles, so there are as many as it has settings.
#[derive(Debug, Default)]
pub(super) struct Trunks {
    all: BTreeMap<TrunkRef, Trunk>,
}

#[derive(Debug)]
struct Trunk {
    flow: Flow,
    registration: Option<Registration>,
    probe: Option<Probe>,
}

/// The question whether a trunk is there.
#[derive(Debug)]
struct Probe {
    uri: String,
    state: Probing,
    /// Whether it was answered over the flow in use.
    answered: bool,
    /// Questions without answer since the last answer.
    lost: u32,
}

#[derive(Debug, Clone, Copy)]
enum Probing {
    /// To be asked at that time.
    Waiting { at: Instant },
    /// The question is out.
    Asking {
        since: Instant,
        transaction: Option<u64>,
    },
}

impl Trunks {
    pub(super) fn registration(&self, trunk: TrunkRef) -> Option<&Registration> {
        self.all.get(&trunk)?.registration.as_ref()
    }

    fn registration_mut(&mut self, trunk: TrunkRef) -> Option<(&mut Registration, Flow)> {
        let trunk = self.all.get_mut(&trunk)?;
        Some((trunk.registration.as_mut()?, trunk.flow))
    }

    fn probe_mut(&mut self, trunk: TrunkRef) -> Option<(&mut Probe, Flow)> {
        let trunk = self.all.get_mut(&trunk)?;
        Some((trunk.probe.as_mut()?, trunk.flow))
    }

    fn entry(&mut self, trunk: TrunkRef, flow: Flow) -> &mut Trunk {
        let found = self.all.entry(trunk).or_insert(Trunk {
            flow,
            registration: None,
            probe: None,
        });
        found.flow = flow;
        found
    }

    /// The trunks that are registered over a flow.
    fn registered_over(&self, flow: Flow) -> Vec<TrunkRef> {
        let registered = |trunk: &Trunk| {
            let registration = trunk.registration.as_ref();
            trunk.flow == flow && registration.is_some_and(Registration::is_registered)
        };
        let found = self.all.iter().filter(|(_, trunk)| registered(trunk));
        found.map(|(id, _)| *id).collect()
    }
}

impl Endpoint {
    pub(super) fn handle_trunk(&mut self, trunk: TrunkRef, command: TrunkCommand, now: Instant) {
        match command {
            TrunkCommand::Register { registrar, flow } => {
                self.register(trunk, *registrar, flow, now);
            }
            TrunkCommand::Probe { uri, flow } => self.probe(trunk, uri, flow, now),
            TrunkCommand::Sound { uri, flow } => self.sound(trunk, &uri, flow, now),
            TrunkCommand::Rebind { flow, moves_calls } => {
                self.rebind(trunk, flow, moves_calls, now)
            }
            TrunkCommand::Unregister => self.unregister(trunk, now),
        }
    }

    fn register(&mut self, trunk: TrunkRef, registrar: Registrar, flow: Flow, now: Instant) {
        self.open(flow);
        self.drop_registrations_request(trunk);
        let (call_id, tag) = (self.names.fresh(), self.names.fresh());
        let registration = Registration::new(registrar, flow, call_id, tag, now);
        self.trunks.entry(trunk, flow).registration = Some(registration);
        self.settle_registration(trunk);
    }

    fn probe(&mut self, trunk: TrunkRef, text: String, flow: Flow, now: Instant) {
        self.open(flow);
        self.drop_probes_request(trunk);
        self.trunks.entry(trunk, flow).probe = Some(Probe {
            uri: uri(&text),
            state: Probing::Waiting { at: now },
            answered: false,
            lost: 0,
        });
        self.settle_probe(trunk);
    }

    /// Uses another flow. Where the one before leads nowhere the established calls go with it: their peers are behind the same
    /// carrier, and it reaches us where we are registered.
    fn rebind(&mut self, trunk: TrunkRef, flow: Flow, moves_calls: bool, now: Instant) {
        let Some(found) = self.trunks.all.get(&trunk) else {
            return;
        };
        let before = found.flow;
        self.open(flow);
        self.drop_registrations_request(trunk);
        self.drop_probes_request(trunk);
        let found = self.trunks.entry(trunk, flow);
        if let Some(registration) = &mut found.registration {
            registration.rebind(flow, now);
        }
        if let Some(probe) = &mut found.probe {
            probe.state = Probing::Waiting { at: now };
            (probe.answered, probe.lost) = (false, 0);
        }
        if moves_calls {
            self.calls.move_to(before, flow);
        }
        self.take_ways(now);
        self.settle_registration(trunk);
        self.settle_probe(trunk);
    }

    fn unregister(&mut self, trunk: TrunkRef, now: Instant) {
        self.drop_probes_request(trunk);
        self.drop_registrations_request(trunk);
        let Some(found) = self.trunks.all.get_mut(&trunk) else {
            return;
        };
        found.probe = None;
        let leaves = found.registration.as_mut().is_some_and(Registration::leave);
        self.settle_probe(trunk);
        self.settle_registration(trunk);
        if leaves {
            self.ask_registrar(trunk, now);
        }
    }

    pub(super) fn handle_registration_timeout(&mut self, trunk: TrunkRef, now: Instant) {
        let Some((registration, _)) = self.trunks.registration_mut(trunk) else {
            return;
        };
        if registration.handle_timeout(now) {
            self.ask_registrar(trunk, now);
        }
        self.settle_registration(trunk);
    }

    pub(super) fn handle_registered(&mut self, trunk: TrunkRef, response: &Response, now: Instant) {
        let chance = self.names.chance();
        let Some((registration, flow)) = self.trunks.registration_mut(trunk) else {
            return;
        };
        let next = registration.handle_response(response, flow, chance, now);
        self.follow(trunk, next, now);
    }

    /// The REGISTER that is out, or the next one, reaches nobody.
    pub(super) fn handle_not_registered(&mut self, trunk: TrunkRef, now: Instant) {
        let chance = self.names.chance();
        let Some((registration, _)) = self.trunks.registration_mut(trunk) else {
            return;
        };
        let next = registration.handle_no_response(chance, now);
        self.follow(trunk, next, now);
    }

    /// A connection is gone that trunks are registered over.
    pub(super) fn lose_registrations(&mut self, flow: Flow, now: Instant) {
        for trunk in self.trunks.registered_over(flow) {
            self.handle_not_registered(trunk, now);
        }
    }

    fn follow(&mut self, trunk: TrunkRef, next: Next, now: Instant) {
        let what = match next {
            Next::Nothing => None,
            Next::Again => {
                self.ask_registrar(trunk, now);
                None
            }
            Next::Registered { expires, public } => Some(TrunkEvent::Registered {
                expires,
                public: public.map(Pii::new),
            }),
            Next::Unregistered(why) => Some(TrunkEvent::Unregistered(why)),
        };
        self.settle_registration(trunk);
        let Some(what) = what else {
            return;
        };
        let elsewhere = matches!(
            what,
            TrunkEvent::Unregistered(Unregistered::Failed(500..600) | Unregistered::Unreachable)
        );
        self.tell(Event::Trunk { trunk, what });
        if elsewhere {
            let what = TrunkEvent::WantsFlow;
            self.tell(Event::Trunk { trunk, what });
        }
    }

    fn ask_registrar(&mut self, trunk: TrunkRef, now: Instant) {
        let (branch, cnonce) = (self.branch(), self.names.fresh());
        let Some((registration, flow)) = self.trunks.registration_mut(trunk) else {
            return;
        };
        let (head, fields) = registration.write(flow, branch, &cnonce);
        let asker = Asker::Trunk(trunk);
        match self.ask(&head, asker, Purpose::Register, &fields, None, now) {
            Some(sent) => {
                if let Some((registration, _)) = self.trunks.registration_mut(trunk) {
                    registration.asked(sent);
                }
            }
            None => self.handle_not_registered(trunk, now),
        }
    }

    /// Asks once over another flow than the trunk's.
    fn sound(&mut self, trunk: TrunkRef, text: &str, flow: Flow, now: Instant) {
        self.open(flow);
        let sent = self.ask_options(trunk, Purpose::Sound, &uri(text), flow, now);
        if sent.is_none() {
            self.handle_sounded(trunk, None);
        }
    }

    /// Takes the status with which somebody answered over that flow, if anybody did.
    pub(super) fn handle_sounded(&mut self, trunk: TrunkRef, status: Option<u16>) {
        let answers = status.is_some_and(is_answer);
        let what = TrunkEvent::Sounded { answers };
        self.tell(Event::Trunk { trunk, what });
    }

    /// Sends OPTIONS outside any dialog, as [`Self::ask`] does.
    fn ask_options(
        &mut self,
        trunk: TrunkRef,
        purpose: Purpose,
        uri: &str,
        flow: Flow,
        now: Instant,
    ) -> Option<u64> {
        let (branch, call_id, tag) = (self.branch(), self.names.fresh(), self.names.fresh());
        let from = written(flow.advertised);
        let head = Head {
            flow,
            branch,
            uri: uri.as_bytes().to_vec(),
            routes: Vec::new(),
            from: format!("<sip:{from}>;tag={tag}").into_bytes(),
            to: format!("<{uri}>").into_bytes(),
            call_id: call_id.into_bytes(),
            cseq: 1,
        };
        let fields = [
            ("Contact", Dialog::contact_of(flow, false)),
            ("Accept", ACCEPT.into()),
        ];
        self.ask(&head, Asker::Trunk(trunk), purpose, &fields, None, now)
    }

    pub(super) fn handle_probe_timeout(&mut self, trunk: TrunkRef, now: Instant) {
        let Some((probe, flow)) = self.trunks.probe_mut(trunk) else {
            return;
        };
        probe.state = Probing::Asking {
            since: now,
            transaction: None,
        };
        let uri = probe.uri.clone();
        match self.ask_options(trunk, Purpose::Probe, &uri, flow, now) {
            Some(sent) => {
                if let Some((probe, _)) = self.trunks.probe_mut(trunk)
                    && let Probing::Asking { transaction, .. } = &mut probe.state
                {
                    *transaction = Some(sent);
                }
                self.settle_probe(trunk);
            }
            None => self.handle_not_probed(trunk, false, now),
        }
    }

    /// Asks at once whether the trunks are there that use a flow over which somebody does not answer.
    pub(super) fn suspect(&mut self, flow: Flow, now: Instant) {
        let mut suspected = Vec::new();
        for (id, trunk) in &mut self.trunks.all {
            if trunk.flow == flow
                && let Some(probe) = &mut trunk.probe
                && matches!(probe.state, Probing::Waiting { .. })
            {
                probe.state = Probing::Waiting { at: now };
                suspected.push(*id);
            }
        }
        for trunk in suspected {
            self.settle_probe(trunk);
        }
    }

    pub(super) fn handle_probed(&mut self, trunk: TrunkRef, status: u16, now: Instant) {
        if !is_answer(status) {
            return self.handle_not_probed(trunk, false, now);
        }
        let Some((probe, _)) = self.trunks.probe_mut(trunk) else {
            return;
        };
        let round_trip = match probe.state {
            Probing::Asking { since, .. } => now.saturating_duration_since(since),
            Probing::Waiting { .. } => Duration::ZERO,
        };
        (probe.answered, probe.lost) = (true, 0);
        probe.state = Probing::Waiting {
            at: now + limit::PROBE_INTERVAL,
        };
        self.settle_probe(trunk);
        let what = TrunkEvent::Alive { round_trip };
        self.tell(Event::Trunk { trunk, what });
    }

    /// A question is not answered, or by nobody but a proxy; `silent` says that it went out and nothing came.
    ///
    /// Where we are registered, calls are lost that nobody knows of until the next REGISTER. So a single question that is not
    /// answered, eleven times sent, is enough there (RFC 5626 §4.4.2 waits for less), if the server has answered before over
    /// the same flow: not every registrar answers OPTIONS. One that answers at all is left to its registration.
    pub(super) fn handle_not_probed(&mut self, trunk: TrunkRef, silent: bool, now: Instant) {
        let registered = self.trunks.registration(trunk).is_some();
        let Some((probe, _)) = self.trunks.probe_mut(trunk) else {
            return;
        };
        probe.lost = probe.lost.saturating_add(1);
        probe.state = Probing::Waiting {
            at: now + limit::PROBE_INTERVAL,
        };
        let gone = match registered {
            true => silent && std::mem::take(&mut probe.answered),
            false => probe.lost == limit::PROBES_LOST,
        };
        self.settle_probe(trunk);
        if gone {
            for what in [TrunkEvent::Silent, TrunkEvent::WantsFlow] {
                self.tell(Event::Trunk { trunk, what });
            }
        }
    }

    /// Notes that a connection which the door opened is open.
    pub(super) fn open(&mut self, flow: Flow) {
        if flow.protocol.is_stream() {
            self.streams.entry(flow).or_default();
        }
    }

    fn drop_registrations_request(&mut self, trunk: TrunkRef) {
        let registration = self.trunks.registration(trunk);
        let sent = registration.and_then(Registration::transaction);
        self.drop_request(sent);
    }

    fn drop_probes_request(&mut self, trunk: TrunkRef) {
        if let Some((probe, _)) = self.trunks.probe_mut(trunk)
            && let Probing::Asking { transaction, .. } = probe.state
        {
            self.drop_request(transaction);
        }
    }

    fn drop_request(&mut self, transaction: Option<u64>) {
        if let Some(id) = transaction {
            self.clients.remove(id);
            self.schedule.set(Owner::Client(id), None);
        }
    }

    fn settle_registration(&mut self, trunk: TrunkRef) {
        let registration = self.trunks.registration(trunk);
        let deadline = registration.and_then(Registration::poll_timeout);
        let over = registration.is_some_and(Registration::is_off);
        self.schedule.set(Owner::Registration(trunk), deadline);
        if over && let Some(found) = self.trunks.all.get_mut(&trunk) {
            found.registration = None;
        }
    }

    fn settle_probe(&mut self, trunk: TrunkRef) {
        let deadline = match self.trunks.probe_mut(trunk).map(|(probe, _)| probe.state) {
            Some(Probing::Waiting { at }) => Some(at),
            Some(Probing::Asking { .. }) | None => None,
        };
        self.schedule.set(Owner::Probe(trunk), deadline);
    }
}

/// Any final response says that somebody is there, but for those that a proxy gives in his place.
const fn is_answer(status: u16) -> bool {
    !matches!(status, 408 | 503)
}
