//! The limits of this crate: each with its unit, its reason and what happens at it.

use std::time::Duration;

// --- rtp

/// Synchronization sources an SRTP direction keeps state for. A leg sends one stream, and a fifth of ours would be a mistake: it
/// is not sealed. A fifth of the peer's takes the place of the one heard longest ago.
pub const SRTP_SOURCES_MAX: usize = 4;

/// Sources of a peer that have been replaced, under one key; with more, packets of another are dropped. An exchange draws one with
/// each piece of music and each transfer.
pub const SRTP_SOURCES_GONE_MAX: usize = 1_024;

/// Packets back from the highest index that a late SRTP packet may lie (RFC 3711 §3.3.2 asks for 64 at least); older
/// ones are dropped. 128 packets are 2.5 s at 20 ms, more than a jitter buffer waits, and one machine word pair.
pub const SRTP_REPLAY_WINDOW: u64 = 128;

/// Sequence numbers a stream may jump ahead before it counts as restarted (RFC 3550 A.1): a minute at 20 ms.
pub const RTP_DROPOUT_MAX: u16 = 3000;

/// Sequence numbers a packet may be late before the stream counts as restarted (RFC 3550 A.1): two seconds at 20 ms.
pub const RTP_MISORDER_MAX: u16 = 100;

/// Silence of the current source after which another one is taken at its first packet; before, at its second.
pub const RTP_SOURCE_QUIET: Duration = Duration::from_millis(100);

/// For how long what comes in one format is not taken in another, where a peer may send several.
pub const RTP_FORMAT_STAYS: Duration = Duration::from_millis(200);

/// Payload types of audio that a peer may send: each codec under the offer's number and under the answer's.
pub const EXPECTED_AUDIO_MAX: usize = 8;

/// Payload types of telephone-events that a peer may send: at two clocks, under the offer's number and under the answer's.
pub const EXPECTED_EVENTS_MAX: usize = 4;

/// Copies of earlier payloads in one packet (RFC 2198); a packet with more is malformed. Browsers send one to four.
pub const RED_COPIES_MAX: usize = 8;

/// Mean time between two RTCP reports of a leg (RFC 3550 §6.2, the minimum for small sessions).
pub const RTCP_INTERVAL: Duration = Duration::from_secs(5);

/// RTCP packets in one compound datagram; a longer one is malformed. Real ones hold two to five.
pub const RTCP_PACKETS_MAX: usize = 32;

/// Sender reports remembered for the round-trip time: the peer answers one of the last two, rarely an older one.
pub const RTCP_SENT_MAX: usize = 4;

/// Bytes of the largest compound RTCP datagram written: sender report with one block, SDES with CNAME, BYE.
pub const RTCP_WRITTEN_MAX: usize = 128;

// --- signalling

/// Octets of one SIP message on a stream, as in the largest datagram; a longer one closes the connection.
pub const MESSAGE_BYTES: usize = 65_535;

/// Octets by which the Content-Length of a datagram may exceed it; with more missing, the answer is 400.
pub const MISSING_OCTETS: usize = 32;

/// Octets of one header field; a message with a longer one is answered 400. A name of ten thousand is cut instead.
pub const HEADER_BYTES: usize = 16 * 1024;

/// Octets of one session description; a longer one is answered 413.
pub const DESCRIPTION_BYTES: usize = 16 * 1024;

/// Parts of a body of several (RFC 5621); with more, the answer is 413. Gateways send two or three.
pub const BODY_PARTS: usize = 8;

/// Levels of parts within parts that are looked into; what is deeper is of a type that we do not know.
pub const BODY_LEVELS: usize = 2;

/// Header fields of a part of a body that are looked at; further ones are ignored.
pub const PART_FIELDS: usize = 16;

/// Media lines of one session description; more are answered 488.
pub const MEDIA_LINES: usize = 8;

/// Lines with keys of one media line that are looked at; further ones are ignored. Phones send two to six.
pub const CRYPTO_LINES: usize = 16;

/// Lines that name capabilities of one media line (RFC 5939) that are looked at, of each kind; further ones are ignored.
pub const CAPABILITIES: usize = 32;

/// Potential configurations of one media line (RFC 5939) that are looked at; further ones are ignored. Phones offer one or two.
pub const CONFIGURATIONS: usize = 8;

/// Longest name of a DTLS association (RFC 8842 §5 asks for at most 255 characters); a longer one is none.
pub const ASSOCIATION_NAME_MAX: usize = 255;

/// Certificate fingerprints of one media line that are looked at; further ones are ignored. Phones send one.
pub const FINGERPRINTS: usize = 8;

/// Server and client transactions held at once; beyond, requests are refused with 503.
pub const TRANSACTIONS: usize = 8_192;

/// Calls in that one party or address has not acknowledged yet; beyond, its further ones are refused with 503. Whoever forges the
/// address of a peer acknowledges none, and each is held for 64·T1 (RFC 3261 §13.3.1.4): half of the calls is left to others, and
/// beside 30 forged ones a second the peer itself still calls.
pub const UNACKNOWLEDGED_PER_SOURCE: usize = 1_024;

/// Server transactions held at once for one party or address; beyond, its new calls are refused with 503, so that a trunk that floods
/// leaves as much to all others. Over UDP the INVITE and the BYE of a call are remembered for 64·T1 each (RFC 3261 §17.2.2,
/// RFC 6026 §7.1), so that 50 calls a second hold 3,200.
pub const TRANSACTIONS_PER_SOURCE: usize = 4_096;

/// Answers to requests within a call that are remembered, each for 64·T1 (RFC 3261 §17.2.2); beyond, the oldest is forgotten, so that
/// no call takes the transactions of all others, whatever it asks, changes of the session included. Its requests are numbered: one that
/// comes again later is out of order.
pub const ANSWERS_WITHIN_CALL: usize = 4;

/// Calls held at once; beyond, an INVITE is refused with 503.
pub const DIALOGS: usize = 2_048;

/// Stream connections whose octets are being framed; beyond, the connection is closed.
pub const STREAMS: usize = 4_096;

/// Refusals 503 sent per second without a transaction; beyond, a flood meets silence.
pub const OVERLOAD_ANSWERS_PER_SECOND: u32 = 200;

/// The same to one party or address, so that others are refused in words while one floods.
pub const OVERLOAD_ANSWERS_PER_SOURCE: u32 = 100;

/// Answers sent per second that no transaction remembers, such as those to OPTIONS; beyond, requests meet silence. A
/// few hundred trunks that ask once a second whether we live need half of it.
pub const STATELESS_ANSWERS_PER_SECOND: u32 = 1_000;

/// Of these, answers to one party or address; beyond, it meets silence while others are answered.
pub const STATELESS_ANSWERS_PER_SOURCE: u32 = 250;

/// Octets that may be sent by datagrams to an address, beyond what came from there, before somebody there has proved to get
/// them; then there is silence. Enough for three calls at once whose 200 gets lost time and again.
pub const UNPROVEN_OCTETS: usize = 32 * 1024;

/// Octets by which that fills again in a second: a peer that asks once a second whether we live gets longer answers than
/// its questions.
pub const UNPROVEN_OCTETS_PER_SECOND: usize = 256;

/// Octets by which it fills with each proof: more than a call takes until its ACK.
pub const PROVEN_OCTETS: usize = 4 * 1024;

/// Addresses that have such a purse of their own; further ones share one.
pub const PURSES: usize = 4_096;

/// Octets of the header fields that every response repeats; a request with more is dropped, because each of its
/// transactions would hold them several times.
pub const REPEATED_BYTES: usize = 16 * 1024;

/// Octets of the Record-Route rows of one INVITE; with more it is answered 400.
pub const ROUTE_BYTES: usize = 8 * 1024;

/// Route header fields kept of one dialog; an INVITE with more is answered 400.
pub const ROUTES: usize = 32;

/// Characters kept of a display name or number after cleaning.
pub const NAME_CHARS: usize = 64;

/// Bytes of the body of an INFO with a key; a longer one is answered 413.
pub const INFO_BODY: usize = 256;

/// Messages that may wait for `poll_transmit`; beyond, they are dropped and counted, as a network would.
pub const QUEUED_TRANSMITS: usize = 16_384;

/// How long the door may think about an INVITE; then it is answered 480.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long the door may think about an UPDATE; then it is answered 504. The peer gives up after 32 s.
pub const UPDATE_WITHIN: Duration = Duration::from_secs(10);

/// The session interval that we ask for (RFC 4028 §4), unless the endpoint is told another: seldom enough to cost nothing,
/// often enough for a call that nobody is in not to last an afternoon.
pub const SESSION_INTERVAL: Duration = Duration::from_secs(1_800);

/// The shortest session interval (RFC 4028 §5); below it a request is answered 422, because each refresh is work.
pub const SESSION_INTERVAL_MIN: Duration = Duration::from_secs(90);

/// The longest session interval; longer ones are shortened to it.
pub const SESSION_INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long our refresh waits at least before it is tried again.
pub const REFRESH_RETRY: Duration = Duration::from_secs(1);

/// How long a message on a stream may take to arrive completely; then the connection is closed.
pub const MESSAGE_WITHIN: Duration = Duration::from_secs(32);

/// Seconds named in the Retry-After of a 503.
pub const RETRY_AFTER_SECONDS: u32 = 10;

/// How often a request within a call is sent again because its connection was lost before the peer answered; then it counts as
/// unanswered. A peer that takes connections only to close them is not called for ever.
pub const CUTS: u8 = 2;

// --- locating servers

/// NAPTR records heeded of a domain; further ones are ignored. There are three services that we know.
pub const NAPTR_RECORDS: usize = 8;

/// SRV records heeded of a service; further ones are ignored.
pub const SRV_RECORDS: usize = 16;

/// Addresses that a place leads to at most, and host names asked for them; further ones are ignored.
pub const HOPS: usize = 32;

// --- being a client

/// Challenges heeded of one 401 or 407; further ones are ignored. Real ones hold one per algorithm.
pub const CHALLENGES: usize = 8;

/// Octets of one challenge, which our answer repeats; a longer one is ignored.
pub const CHALLENGE_BYTES: usize = 2_048;

/// Shortest and longest time asked of a registrar; what the settings say is clipped to it.
pub const REGISTRATION_MIN: Duration = Duration::from_secs(60);

/// The longest time a registrar may make us ask for by 423, and the longest we rely on.
pub const REGISTRATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How soon a registration is refreshed or tried again at the earliest, whatever the registrar says.
pub const REGISTRATION_REFRESH_MIN: Duration = Duration::from_secs(5);

/// REGISTER requests repeated at once for credentials, a longer time, a new address or a security agreement; then it
/// counts as failed. Real registrars need up to three, and one whose nonces count once asks for another after each: seven.
pub const REGISTER_REPEATS: usize = 8;

/// How long a refused account is left alone; carriers lock accounts that insist.
pub const REGISTER_REFUSED_RETRY: Duration = Duration::from_secs(20 * 60);

/// After what time a registration that failed is tried again; it doubles (RFC 5626 §4.5).
pub const REGISTER_RETRY: Duration = Duration::from_secs(30);

/// Up to what time it doubles, and how long a registrar may make us wait.
pub const REGISTER_RETRY_MAX: Duration = Duration::from_secs(30 * 60);

/// Security-Server rows heeded, of so many octets each; further and longer ones are ignored. Carriers send three.
pub const SECURITY_SERVERS: usize = 8;

/// Octets of one Security-Server row.
pub const SECURITY_SERVER_BYTES: usize = 512;

/// How often a trunk is asked whether it is there.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// Questions without answer in succession after which a trunk counts as gone.
pub const PROBES_LOST: u32 = 3;

/// Early dialogs of one call of ours, and branches hung up on that answer too late; further ones are ignored.
pub const FORKS: usize = 8;

/// How long a call of ours may ring at most.
pub const RING_WITHIN: Duration = Duration::from_secs(300);
