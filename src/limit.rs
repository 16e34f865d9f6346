//! Every limit of the house, named, with unit, reason and what happens when it is hit.

use std::time::Duration;

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

/// Bytes of a message from a browser, an offer included; the connection of a longer one is closed.
pub const BROWSER_MESSAGE_BYTES: usize = 64 * 1024;

/// Messages a browser may send at once, pings included; then [`BROWSER_MESSAGES_PER_SECOND`]. The connection of a
/// browser that sends more is closed.
pub const BROWSER_MESSAGE_BURST: u32 = 60;

/// Messages a browser may send for long, each second.
pub const BROWSER_MESSAGES_PER_SECOND: u32 = 10;

/// Time for a browser's first message; then its connection is closed.
pub const BROWSER_HELLO: Duration = Duration::from_secs(10);

/// Time between the link and coming in, to type a name and try the microphone; then the connection is closed.
pub const BROWSER_LOBBY: Duration = Duration::from_secs(60 * 60);

/// How often a browser is pinged.
pub const BROWSER_PING: Duration = Duration::from_secs(15);

/// A browser that is silent for so long, pings unanswered, is gone.
pub const BROWSER_DEAD: Duration = Duration::from_secs(30);

/// Time for one message to leave towards a browser; a browser that takes longer is gone. Meanwhile its notices wait in
/// the conference's queue, and a whole roster makes good what that queue cannot hold.
pub const BROWSER_SEND: Duration = Duration::from_secs(10);

/// Time a browser has to answer the close of its connection.
pub const BROWSER_CLOSE: Duration = Duration::from_secs(1);
