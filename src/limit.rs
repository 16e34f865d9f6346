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

// --- store

/// Connections to the database; a query beyond them waits for a free one, 5 s at most.
pub const STORE_CONNECTIONS: u32 = 4;

/// Rooms an installation gives numbers of one length to, so that a guessed number is seldom a room's; beyond it new
/// rooms get a digit more.
pub const ROOMS_PER_LENGTH: u32 = 4000;

/// Draws of a random room number before giving up; with 4,000 of 7,000 taken all fail once in 10^15 times.
pub const ROOM_NUMBER_TRIES: u32 = 64;

// --- http and browser

/// TCP connections to the web at one time; a further one is closed at once.
pub const WEB_CONNECTIONS: usize = 8192;

/// TCP connections to the web from one address, so that one address alone cannot take them all; a further one is closed
/// at once. Many people may share an address.
pub const WEB_CONNECTIONS_PER_ADDRESS: usize = 6144;

/// Time for a TLS handshake, and time for a request's headers; then the connection is closed.
pub const WEB_HANDSHAKE: Duration = Duration::from_secs(10);

/// A web connection on which nothing moves for this long is closed; a WebSocket moves with every ping.
pub const WEB_IDLE: Duration = Duration::from_secs(25);

/// Bytes of a request's headers; more are answered 431.
pub const WEB_HEADER_BYTES: usize = 16 * 1024;

/// Headers of a request; more are answered 431.
pub const WEB_HEADERS: usize = 64;
// --- conference

/// Characters of a display name; longer names are cut.
pub const NAME_CHARS_MAX: usize = 64;

/// Time between the two presses of a double press; later the second counts as a first.
pub const DOUBLE_PRESS: Duration = Duration::from_secs(3);

/// Wrong codes a caller may enter; then a spoken goodbye.
pub const TRIES_MAX: u32 = 3;

/// A verdict on a code is withheld until this long after the last key, or a multiple of it if the check took longer, so
/// that its time says nothing about the room.
pub const VERDICT_DELAY: Duration = Duration::from_millis(250);

/// A check that has not answered by then counts as our fault: spoken apology, end of call.
pub const VERDICT_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence of a caller after which the prompt is repeated.
pub const SILENCE: Duration = Duration::from_secs(20);

/// Silences in a row; the last ends with a goodbye instead of the prompt. Two minutes at the least.
pub const SILENCES_MAX: u32 = 6;

/// Longest time a prompt may take to be played; afterwards it counts as played, so that nothing waits for a lost report.
pub const PROMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Time a caller may spend before admission, whatever they press; then a goodbye.
pub const ADMISSION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Time an empty conference waits for somebody to come back; then it ends.
pub const LINGER: Duration = Duration::from_secs(30);

/// Participants of one conference; more are refused with [`Refusal::Full`](crate::conference::Refusal::Full).
pub const PARTICIPANTS_MAX: usize = 1000;
