//! Every limit of the house, named, with unit, reason and what happens when it is hit.
use std::time::Duration;

// --- telephone door

/// Arrivals that may wait for the SIP driver; beyond, the readers wait and the kernel drops.
pub const SIP_ARRIVALS_MAX: usize = 1_024;
/// The largest datagram UDP can carry.
pub const SIP_DATAGRAM_BYTES_MAX: usize = 65_535;
/// Bytes read from a SIP stream at once.
pub const SIP_STREAM_CHUNK_BYTES: usize = 16_384;
/// Writes that may wait on one SIP connection; beyond, the peer does not read and the connection is closed.
pub const SIP_STREAM_WRITES_MAX: usize = 64;
/// SIP connections at a time; further ones are closed at once.
pub const SIP_CONNECTIONS_MAX: usize = 512;
/// SIP connections from one address; further ones are closed at once.
pub const SIP_CONNECTIONS_PER_SOURCE_MAX: usize = 64;
/// A connection that got no answer for this long is closed, whatever it sends.
pub const SIP_CONNECTION_SILENT_MAX: Duration = Duration::from_secs(30);
/// A connection that sends nothing for this long is closed; trunks keep theirs alive more often.
pub const SIP_CONNECTION_IDLE_MAX: Duration = Duration::from_secs(3_600);
/// Things that may wait for one call's task; beyond, the call is ended.
pub const CALL_INBOX_MAX: usize = 64;
/// Calls at a time; further ones are answered 503.
pub const CALLS_MAX: usize = 2_000;
/// Orders of all calls that may wait for the SIP driver; beyond, the calls wait.
pub const CALL_ORDERS_MAX: usize = 1_024;
/// A goodbye may be spoken this long before the call is ended anyway.
pub const GOODBYE_MAX: Duration = Duration::from_secs(12);
/// A held telephone is asked this often whether it is there.
pub const HELD_PING_INTERVAL: Duration = Duration::from_secs(30);

// --- server

/// Messages that may wait for a conference's task; beyond, the doors wait.
pub const CONFERENCE_INBOX_MAX: usize = 1_024;
/// Notices that may wait for one participant; beyond, the next is a whole roster.
pub const NOTICES_MAX: usize = 256;
/// News that may wait for one leg's door.
pub const LEG_NEWS_MAX: usize = 64;
/// Notes and requests that may wait for the router or the factory.
pub const SERVER_QUEUE_MAX: usize = 4_096;
/// How often a conference looks for participants whose door has ended.
pub const CONFERENCE_SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often the router looks for legs whose door has ended.
pub const ROUTER_SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Conferences at a time; a further one is refused.
pub const CONFERENCES_MAX: usize = 1_000;
/// How long a stop waits for goodbyes.
pub const STOP_MAX: Duration = Duration::from_millis(2_500);
