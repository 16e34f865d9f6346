//! The words between the endpoint and its door. None of them prints a number, an address or a name.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;

use super::Cause;
use crate::{
    limit,
    locate::Place,
    redact::{Carriage, Naming, Pii, Secret},
    registration::Registrar,
    sdp::Description,
};

/// The transport protocol of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// A stream connection.
    Tcp,
    /// A stream connection within TLS.
    Tls,
}

impl Protocol {
    /// Tells whether it is a connection, which does not lose messages and has to be cut into them.
    pub const fn is_stream(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls => true,
        }
    }

    /// How Via calls it (RFC 3261 §25.1).
    pub const fn via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// The path between one of our sockets and a peer. It is the same one whatever address of ours the peer reads.
#[derive(Clone, Copy)]
pub struct Flow {
    /// The transport protocol.
    pub protocol: Protocol,
    /// Our address, by which our socket is found.
    pub local: SocketAddr,
    /// Our address as the peer must read it, in Contact and Via: behind address translation not the same.
    pub advertised: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Identifies the connection of a stream; 0 for datagrams.
    pub id: u64,
    /// Whom the door takes the peer to belong to, so that all addresses of one party share what one may use up; 0 where it does
    /// not say, and each address counts for itself.
    pub party: u16,
}

impl Flow {
    /// Makes a flow whose peer reaches us at the address that our socket has.
    pub const fn new(protocol: Protocol, local: SocketAddr, remote: SocketAddr, id: u64) -> Self {
        Self {
            protocol,
            local,
            advertised: local,
            remote,
            id,
            party: 0,
        }
    }
}

impl Flow {
    /// To whom what is used up is charged.
    pub(crate) fn origin(&self) -> Origin {
        match self.party {
            0 => Origin::Address(self.remote.ip().to_canonical()),
            party => Origin::Party(party),
        }
    }

    const fn path(&self) -> (Protocol, SocketAddr, SocketAddr, u64) {
        (self.protocol, self.local, self.remote, self.id)
    }
}

impl PartialEq for Flow {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

impl Eq for Flow {}

impl PartialOrd for Flow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flow {
    fn cmp(&self, other: &Self) -> Ordering {
        self.path().cmp(&other.path())
    }
}

impl Hash for Flow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path().hash(state);
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("protocol", &self.protocol)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Octets to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to send them.
    pub flow: Flow,
    /// One datagram, or a piece of a stream.
    pub bytes: Bytes,
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit")
            .field("flow", &self.flow)
            .field("len", &self.bytes.len())
            .finish()
    }
}

/// The handle of one call: an INVITE and all that follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallRef(pub(crate) u64);

/// The handle of one trunk, chosen by the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrunkRef(pub u16);

/// How to make an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// What the Server and User-Agent header fields say; control characters are dropped.
    pub user_agent: String,
    /// How much state strangers may cause.
    pub limits: Limits,
    /// The session interval we ask for (RFC 4028), between [`SESSION_INTERVAL_MIN`](limit::SESSION_INTERVAL_MIN) and
    /// [`SESSION_INTERVAL_MAX`](limit::SESSION_INTERVAL_MAX); beyond, it is clipped.
    pub session_interval: Duration,
    /// From this, branches and tags are derived; 32 octets of randomness.
    pub seed: Secret<[u8; 32]>,
}

impl EndpointConfig {
    /// The usual configuration.
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            user_agent: "Rundruf".to_owned(),
            limits: Limits::default(),
            session_interval: limit::SESSION_INTERVAL,
            seed: Secret::new(seed),
        }
    }
}

/// Somebody whose use of what there is is bounded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// An address.
    Address(IpAddr),
    /// All addresses of a party.
    Party(u16),
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(_) => f.write_str("‹redacted›"),
            Self::Party(party) => write!(f, "Party({party})"),
        }
    }
}

/// How much state strangers may cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transactions at once; beyond, 503.
    pub transactions: usize,
    /// Server transactions of one party or address at once; beyond, 503.
    pub transactions_per_source: usize,
    /// Calls in of one party or address that are not acknowledged yet; beyond, 503.
    pub unacknowledged_per_source: usize,
    /// Calls at once; beyond, 503.
    pub dialogs: usize,
    /// Stream connections at once; beyond, closed.
    pub streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions: limit::TRANSACTIONS,
            transactions_per_source: limit::TRANSACTIONS_PER_SOURCE,
            unacknowledged_per_source: limit::UNACKNOWLEDGED_PER_SOURCE,
            dialogs: limit::DIALOGS,
            streams: limit::STREAMS,
        }
    }
}

/// The scheme of a Request-URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// `urn:service:…` (RFC 5031)
    Urn,
}

/// Who is being called: the Request-URI, or another field that names the one called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The scheme.
    pub scheme: Scheme,
    /// The user part, percent-decoded and without parameters, or the number of a `tel:` URI without visual separators.
    pub user: Option<Pii<String, Carriage>>,
    /// Where a local number is valid: `phone-context` (RFC 3966 §5.1.5), without visual separators, in which it is the
    /// beginning of a global number with its `+`, or a domain name.
    pub context: Option<Pii<String, Carriage>>,
    /// What follows `urn:`, lower case, such as `service:sos`.
    pub urn: Option<Pii<String, Carriage>>,
}

/// Everything an INVITE says of who calls whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The Request-URI.
    pub target: Target,
    /// P-Called-Party-ID (RFC 7315 §5.2): who was called before the Request-URI became the address of our registration.
    /// A peer that is not trusted may not say it.
    pub called_party: Option<Target>,
    /// To: who was called in the beginning.
    pub to: Option<Target>,
    /// From: who calls by their own word.
    pub caller: Caller,
    /// P-Asserted-Identity (RFC 3325 §9.1): who calls by the word of the peer, who may not say it unless it is trusted.
    pub asserted: Option<Caller>,
    /// The caller wishes to be anonymous: by Privacy (RFC 3323 §4.2) or by a From that is nobody's.
    pub private: bool,
}

/// Who calls: From or P-Asserted-Identity, cleaned of control and bidirectional characters and shortened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// The user part of the URI, usually a number; absent for anonymous callers.
    pub number: Option<Pii<String, Carriage>>,
    /// The display name.
    pub name: Option<Pii<String, Naming>>,
}

/// What the door must know. For every `Invite`, the event and the command, there is exactly one `Ended`, and it is the
/// call's last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Someone calls; 100 Trying is on its way. Answer with `Accept`, `Reject` or `Bye`.
    Invite {
        /// The new call.
        call: CallRef,
        /// Where it came from.
        flow: Flow,
        /// Who calls whom.
        asked: Box<Asked>,
        /// The offer; without one, `Accept` carries ours and `Established` the answer.
        offer: Option<Description>,
    },
    /// Whom we call is being alerted.
    Ringing {
        /// The call.
        call: CallRef,
    },
    /// Whom we call, or a branch of a call that was forked, answers our offer before it answers the call: there is sound
    /// to be heard, such as an announcement. `Answered` may come from another branch.
    Early {
        /// The call.
        call: CallRef,
        /// The answer.
        answer: Description,
    },
    /// Whom we call has answered, and our ACK is on its way.
    Answered {
        /// The call.
        call: CallRef,
        /// The answer to our offer.
        answer: Description,
    },
    /// What happened to a trunk.
    Trunk {
        /// The trunk.
        trunk: TrunkRef,
        /// What.
        what: TrunkEvent,
    },
    /// The ACK of our 200 arrived.
    Established {
        /// The call.
        call: CallRef,
        /// The answer, if the offer was ours.
        answer: Option<Description>,
    },
    /// The peer wants to change the session, by re-INVITE or UPDATE (RFC 3311). Answer with `Accept` or `Reject`.
    Reinvite {
        /// The call.
        call: CallRef,
        /// The new offer; without one, `Accept` carries ours and `Renegotiated` the answer.
        offer: Option<Description>,
    },
    /// The change of the session is agreed: the ACK of our 200 to a re-INVITE arrived, or our 200 to an UPDATE went out.
    Renegotiated {
        /// The call.
        call: CallRef,
        /// The answer, if the offer was ours.
        answer: Option<Description>,
    },
    /// The route set of the call, or without one its remote target, is another place than where the peer's requests come from
    /// (RFC 3261 §12.2.1.1). If it is to be trusted, reach it and say `GoBy`; until then our requests go where the peer's
    /// come from. May be told again, when the peer changes its target.
    Elsewhere {
        /// The call.
        call: CallRef,
        /// Where the peer's requests come from.
        flow: Flow,
        /// Where the route set leads.
        place: Pii<Place>,
    },
    /// The connection with the peer of a call is gone, and something is to be asked there. If this place, where the route set or
    /// else the remote target leads, is to be trusted, reach it and say `GoBy`, else `NoWay`; meanwhile it waits.
    Disconnected {
        /// The call; it may have been told to be over, and be hung up.
        call: CallRef,
        /// The connection over which the peer's requests came last.
        flow: Flow,
        /// Where the peer is to be found.
        place: Pii<Place>,
        /// That connection was the only one with its address when it was lost, so that a later one from there may be the peer's;
        /// else it may as well be somebody else's.
        alone: bool,
    },
    /// The peer could not be asked whether it is there, for want of a way. That is no answer: what its media say holds.
    Unasked {
        /// The call.
        call: CallRef,
    },
    /// The peer told a key by INFO (`application/dtmf-relay` or `application/dtmf`).
    Key {
        /// The call.
        call: CallRef,
        /// The key: `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// The peer answered a `Ping`.
    Alive {
        /// The call.
        call: CallRef,
    },
    /// The call is over.
    Ended {
        /// The call.
        call: CallRef,
        /// Why.
        reason: Ended,
        /// What the peer gave as the cause when it hung up or gave up (RFC 3326).
        cause: Option<Cause>,
    },
}

/// What happened to a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrunkEvent {
    /// The registrar knows where we are.
    Registered {
        /// For how long; it is told again in time.
        expires: Duration,
        /// Our address as the registrar sees it, if it says so; by then it is told that address. Other requests should
        /// advertise it too.
        public: Option<Pii<SocketAddr>>,
    },
    /// The registrar does not know where we are, or will not for long; it is told again after a while.
    Unregistered(Unregistered),
    /// Somebody answered our question whether the trunk is there.
    Alive {
        /// How long the answer took.
        round_trip: Duration,
    },
    /// Nobody answered that question for several times, or once at a registrar that did before.
    Silent,
    /// What came of sounding another flow.
    Sounded {
        /// Whether somebody answered.
        answers: bool,
    },
    /// The flow leads nowhere: `Rebind` to the next address, or to a new connection to the same one.
    WantsFlow,
}

/// Why a registrar does not know where we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unregistered {
    /// The account is refused by this status, usually 403 or 404. It is tried again seldom, lest it be locked.
    Refused(u16),
    /// Name or password are wrong, or the challenge is none that the account may answer; tried again as seldom.
    Credentials,
    /// The registrar failed with this status.
    Failed(u16),
    /// Nobody answered, or the connection is gone.
    Unreachable,
    /// The door said `Unregister`.
    Left,
}

/// Why a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Whom we called refused by this status, or sent us elsewhere (3xx), where we do not go.
    Refused(u16),
    /// The peer hung up.
    Bye,
    /// The peer gave up before we answered.
    Cancelled,
    /// Our 200 was never acknowledged.
    AckTimeout,
    /// The peer does not answer, or does not know the call any more.
    Unreachable,
    /// The session was not refreshed in time (RFC 4028 §10).
    Expired,
    /// The peer's answer to our offer was missing or broken.
    BadAnswer,
    /// The door did not answer the INVITE in time, or nobody answered ours.
    Unanswered,
    /// The door said `Reject`.
    Rejected,
    /// The door said `Bye`.
    Left,
}

/// What the door wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Call somebody. `Ringing`, `Early` and `Answered` follow, or `Ended`.
    Invite {
        /// The call, from [`Endpoint::reserve`](super::Endpoint::reserve).
        call: CallRef,
        /// Who calls whom.
        dial: Box<Dial>,
    },
    /// See to a trunk.
    Trunk {
        /// The trunk.
        trunk: TrunkRef,
        /// What.
        command: TrunkCommand,
    },
    /// Ask for another session interval on a call than on others (RFC 4028), from the next `Accept` on.
    SessionInterval {
        /// The call.
        call: CallRef,
        /// The interval, clipped as that of [`EndpointConfig`].
        interval: Duration,
    },
    /// Send the requests of a call this way, which is open; over a connection for as long as it is there.
    GoBy {
        /// The call.
        call: CallRef,
        /// Where its route set leads.
        way: Flow,
    },
    /// There is no way to the peer of a call that was `Disconnected`.
    NoWay {
        /// The call.
        call: CallRef,
    },
    /// Answer an INVITE, re-INVITE or UPDATE with 200.
    Accept {
        /// The call.
        call: CallRef,
        /// The answer, or the offer when the INVITE carried none; its version is kept consistent by the endpoint.
        sdp: Description,
    },
    /// Refuse an INVITE (which ends the call), or a re-INVITE or UPDATE (which leave it as it was).
    Reject {
        /// The call.
        call: CallRef,
        /// The status code, 300 to 699.
        status: u16,
        /// The reason phrase.
        reason: &'static str,
        /// Seconds after which to try again.
        retry_after: Option<u32>,
        /// Why, for exchanges that ask the number of the cause.
        cause: Option<Cause>,
    },
    /// Hang up.
    Bye {
        /// The call.
        call: CallRef,
        /// Why, for exchanges that ask the number of the cause.
        cause: Option<Cause>,
    },
    /// Ask whether the peer is still there, by OPTIONS within the dialog.
    Ping {
        /// The call.
        call: CallRef,
    },
}

/// A call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// The flow to call over: one that something came over, or that a trunk was told of.
    pub flow: Flow,
    /// The trunk whose registration, if it has one, lends the call its account and its route.
    pub trunk: Option<TrunkRef>,
    /// Whom to call: a SIP URI.
    pub target: Pii<String, Carriage>,
    /// Who calls: a SIP URI.
    pub from: Pii<String, Carriage>,
    /// Who calls as the carrier is told, if it is told apart from `from`.
    pub identity: Option<Identity>,
    /// Our offer.
    pub sdp: Description,
    /// How long it may ring; then we give up.
    pub within: Duration,
    /// The session interval that we ask for (RFC 4028), where it is not the endpoint's.
    pub session_interval: Option<Duration>,
}

/// Who calls, as a carrier is told that passes it on or keeps it to itself (RFC 3325).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who: a SIP URI of a number that is the trunk's.
    pub uri: Pii<String, Carriage>,
    /// By whose word.
    pub assertion: Assertion,
    /// Whether whom we call is to be told, too, or not: `Privacy: id` (RFC 3325 §9.3).
    pub shown: Shown,
}

/// By whose word somebody is who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assertion {
    /// Ours, which the carrier checks: P-Preferred-Identity (RFC 3325 §9.2).
    Preferred,
    /// Ours, which the carrier believes: P-Asserted-Identity (RFC 3325 §9.1).
    Asserted,
}

/// Whether whom we call is told who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// What the door wants of a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrunkCommand {
    /// Register and stay registered, over a flow that is open.
    Register {
        /// As what, where.
        registrar: Box<Registrar>,
        /// The flow.
        flow: Flow,
    },
    /// Ask again and again whether the trunk is there, by OPTIONS over a flow that is open.
    Probe {
        /// Whom to ask: a SIP URI.
        uri: String,
        /// The flow.
        flow: Flow,
    },
    /// Ask once whether somebody is there, by OPTIONS over a flow that is open and not the trunk's; `Sounded` follows.
    Sound {
        /// Whom to ask: a SIP URI.
        uri: String,
        /// The flow.
        flow: Flow,
    },
    /// Use another flow, which is open, for registration and probes.
    Rebind {
        /// The flow.
        flow: Flow,
        /// Whether the calls over the flow before go on over this one: where that leads nowhere any more. Else they stay with the
        /// server that has them (RFC 3261 §12.2.1.1).
        moves_calls: bool,
    },
    /// Stop asking, and let the registrar forget us; `Unregistered` follows if it knew us.
    Unregister,
}

/// How often what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests taken.
    pub requests: u64,
    /// Responses taken.
    pub responses: u64,
    /// Messages that broke the grammar and were answered 400 or similar.
    pub malformed: u64,
    /// Octets that were no answerable SIP and were dropped.
    pub dropped: u64,
    /// Retransmissions that a transaction absorbed.
    pub retransmissions: u64,
    /// Responses and ACKs that belong to nothing.
    pub stray: u64,
    /// Requests refused with 503 because a limit was reached.
    pub overloaded: u64,
    /// Requests met with silence because even refusals were too many, and messages that were not sent because who they are for
    /// has not proved to be there.
    pub silenced: u64,
    /// Stream connections closed because they broke the framing or a limit.
    pub closed: u64,
}
