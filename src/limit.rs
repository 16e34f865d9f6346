//! Every limit of the house, named, with unit, reason and what happens when it is hit.

// --- store

/// Connections to the database; a query beyond them waits for a free one, 5 s at most.
pub const STORE_CONNECTIONS: u32 = 4;

/// Rooms an installation gives numbers of one length to, so that a guessed number is seldom a room's; beyond it new
/// rooms get a digit more.
pub const ROOMS_PER_LENGTH: u32 = 4000;

/// Draws of a random room number before giving up; with 4,000 of 7,000 taken all fail once in 10^15 times.
pub const ROOM_NUMBER_TRIES: u32 = 64;
