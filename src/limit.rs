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
