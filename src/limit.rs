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
/// How long a server may leave octets of ours unacknowledged on a connection that we made; then it counts as lost.
pub const SIP_CONNECTION_DEAD_MAX: Duration = Duration::from_secs(30);
/// How long locating a trunk's server may take; then what was found until then is used.
pub const LOCATE_MAX: Duration = Duration::from_secs(15);
/// How long a name server may take to answer; then it is asked again, or another is.
pub const DNS_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a name server is asked again.
pub const DNS_ATTEMPTS: usize = 2;
/// Answers of name servers that are kept; a further one displaces the one least used.
pub const DNS_ANSWERS_CACHED: u64 = 256;
/// For how long an answer is kept at least, whatever it says itself.
pub const DNS_TTL_MIN: Duration = Duration::from_secs(30);
/// For how long an answer is kept at most, whatever it says itself.
pub const DNS_TTL_MAX: Duration = Duration::from_secs(3_600);
/// For how long it is kept that there is no answer.
pub const DNS_NOT_FOUND_CACHED: Duration = Duration::from_secs(30);
/// After all addresses of a trunk's server failed, they are tried again after half of this or up to the whole; after each
/// further failure the time doubles (RFC 5626 §4.5). So it is with the way back from a second address to the first.
pub const LINK_RETRY: Duration = Duration::from_secs(30);
/// That time at most.
pub const LINK_RETRY_MAX: Duration = Duration::from_secs(30 * 60);
/// A connection to a trunk's server that was of use for this long is made again at once when it is lost.
pub const LINK_SETTLED: Duration = Duration::from_secs(60);
/// How often at least something is sent over a connection to a trunk's server (RFC 5626 §4.4.1).
pub const LINK_KEEP_ALIVE_STREAM: Duration = Duration::from_secs(90);
/// How long a server that answers keep-alives may take to (RFC 5626 §4.4.1); then the connection counts as lost.
pub const LINK_PONG_WITHIN: Duration = Duration::from_secs(10);
/// How often at most a datagram is sent that keeps the way from a registrar open; address translators forget after 30 s.
pub const LINK_KEEP_ALIVE_DATAGRAM: Duration = Duration::from_secs(20);
/// By how much it is sent later.
pub const LINK_KEEP_ALIVE_DATAGRAM_SPREAD: Duration = Duration::from_secs(5);
/// Places that are located at a time to which calls' route sets lead; further calls are answered where they come from.
pub const WAY_LOOKUPS_MAX: usize = 64;
/// Connections that are made to such places; calls that lead to further ones are answered where they come from, if that is still
/// there.
pub const WAY_CONNECTIONS_MAX: usize = 32;
/// TLS handshakes at a time; whoever connects meanwhile is closed at once.
pub const SIP_HANDSHAKES_MAX: usize = 64;
/// Of these, handshakes with one address, so that one that begins them and does not go on leaves the others theirs.
pub const SIP_HANDSHAKES_PER_SOURCE_MAX: usize = 16;
/// How long connecting may take, the TLS handshake included; then the connection is closed.
pub const SIP_HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long a connection closed from here is still read, so that our last answer reaches a peer that is sending.
pub const SIP_LINGER: Duration = Duration::from_secs(2);
/// Connections that are read on like that; beyond, the system resets them at once.
pub const SIP_LINGERING_MAX: usize = 64;
/// How long a call that has ended waits to hear what can be said of its sound.
pub const REVIEW_MAX: Duration = Duration::from_millis(500);
/// A call of which no sound came is a fault of its trunk only if it lasted this long: who hangs up at once may never have sent any.
pub const SOUND_AWAITED: Duration = Duration::from_secs(4);
/// Things that are noted about one call; beyond, nothing more is.
pub const FINDINGS_MAX: usize = 32;
/// Calls of a trunk about which that is remembered.
pub const CALLS_REMEMBERED: usize = 16;
/// Things that may wait for one call's task; beyond, the call is ended.
pub const CALL_INBOX_MAX: usize = 64;
/// Calls at a time; further ones are answered 503.
pub const CALLS_MAX: usize = 2_000;
/// Orders of all calls that may wait for the SIP driver; beyond, the calls wait.
pub const CALL_ORDERS_MAX: usize = 1_024;
/// Calls to the sound test at a time, each of which keeps a megabyte and needs an encoder; further ones are answered 503.
pub const SOUND_TESTS_MAX: usize = 10;
/// How long a call to the sound test may last, whatever its caller presses; then it ends with a goodbye.
pub const SOUND_TEST_LASTS_MAX: Duration = Duration::from_secs(180);
/// How long somebody who was called may take to press the key by which they take part; then we hang up. A voicemail never
/// presses it.
pub const INVITED_KEY: Duration = Duration::from_secs(45);
/// How long after the words they are said again.
pub const INVITED_REPEAT: Duration = Duration::from_secs(4);
/// A goodbye may be spoken this long before the call is ended anyway.
pub const GOODBYE_MAX: Duration = Duration::from_secs(12);
/// A held telephone is asked this often whether it is there.
pub const HELD_PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long a telephone may neither send sound nor be asked, for want of a way, whether it is there; then its call is ended. It is
/// tried to be asked two or three times in that time.
pub const UNASKED_MAX: Duration = Duration::from_secs(25);

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
/// How often the server looks whether the rooms of running conferences still exist.
pub const ROOMS_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How often the log is brought in line with the load of the media workers.
pub const LOAD_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Conferences at a time; a further one is refused.
pub const CONFERENCES_MAX: usize = 1_000;

/// Wrong PINs of a room at once, and per hour; past it PINs that many have lead to the waiting room, and moderators are told.
pub const WRONG_PINS_OF_ROOM: u32 = 30;

/// PINs of a room that are judged at once, and per hour, if they are wrong; past it the one that guests share is answered as
/// wrong ones are: an attack of two hours guesses it once in 370,000 times, and then it leads to the waiting room.
pub const WRONG_PINS_OF_ROOM_JUDGED: u32 = 90;

/// Wrong PINs of a room at once, and per hour; past it the PIN that moderators share is answered as a wrong one (an attack of two
/// hours guesses it once in 37,000 times), and a person's own PIN, too, leads to the waiting room where its caller was not
/// let in before, for it may have been guessed. It is never refused. So many that nobody reaches it who only wants a room's
/// people to wait: 300 calls. Where 100 people are invited, one of 1,000 attacks has found a PIN by then.
pub const WRONG_PINS_OF_ROOM_TRUSTED: u32 = 900;

/// Wrong PINs of a caller at once, and per hour: three calls' worth; past it verdicts wait.
pub const WRONG_PINS_OF_CALLER: u32 = 9;

/// Wrong PINs over a trunk at once, and per hour; past it verdicts take as long as they may, for calls over that trunk.
pub const WRONG_PINS_OF_TRUNK: u32 = 600;

/// Wrong PINs of the whole server at once, and per hour; past it likewise, for all calls.
pub const WRONG_PINS_OF_SERVER: u32 = 3_000;

/// For how long the first verdict waits past a caller's limit; each further one waits twice as long.
pub const WRONG_PIN_DELAY: Duration = Duration::from_secs(2);

/// For how long a verdict waits at most; [`VERDICT_TIMEOUT`] must not come first.
pub const WRONG_PIN_DELAY_MAX: Duration = Duration::from_secs(8);

/// Rooms, callers and so on that wrong PINs are counted of; a further one displaces the one that is forgotten first.
pub const GUARD_ENTRIES_MAX: usize = 10_000;

/// Wishes of moderators to have somebody called that may wait for the telephone door; a further one is refused.
pub const DIALS_WAITING_MAX: usize = 16;

/// How often it is looked whether what is noted of calls that were made is old enough to be deleted.
pub const DIALS_SWEEP_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Characters of a name that are spoken; the rest is left out.
pub const SPOKEN_NAME_CHARS_MAX: usize = 40;

/// How long a spoken name may last; a longer one fades out then. It takes 96 kB per second.
pub const SPOKEN_NAME_LASTS_MAX: Duration = Duration::from_secs(3);

/// Octets that are read of what a speech engine makes of a name: [`SPOKEN_NAME_LASTS_MAX`] and a second of silence at 48 kHz.
/// Of more the rest is not read.
pub const SPEECH_BYTES_MAX: usize = 4 * 2 * 48_000 + 1_024;

/// How long a speech engine may take for a name; then it is killed, and people are called by their number.
pub const SPEECH_TAKES_MAX: Duration = Duration::from_secs(3);

/// Speech engines that run at a time; further names wait.
pub const SPEECH_ENGINES_MAX: usize = 2;

/// Names that wait for a speech engine; whoever has a further one is called by their number.
pub const SPEECH_WAITING_MAX: usize = 256;

/// Spoken names that are kept at a time, of all conferences, 144 MB at the most; whoever has a further one is called by
/// their number.
pub const SPOKEN_NAMES_MAX: usize = 500;

/// People of a conference whose names are spoken; further ones are called by their number.
pub const SPOKEN_NAMES_OF_CONFERENCE_MAX: usize = 50;

/// Names that are spoken to who asks who is here, of [`SPOKEN_NAME_LASTS_MAX`] each at most; who comes after them in the roster
/// is counted.
pub const ROLL_NAMES_MAX: usize = 8;

/// How long an announcement waits for the name that belongs to it; then somebody is called by their number.
pub const SPOKEN_NAME_LATE: Duration = Duration::from_secs(1);

/// How long the sound of a name is kept of somebody who has left, so that it can be said that they have: as long as the
/// announcements before it may take.
pub const SPOKEN_NAME_KEPT: Duration = Duration::from_secs(20);

/// How often at most the file is written that tells how the trunks stand.
pub const TRUNKS_FILE_INTERVAL: Duration = Duration::from_secs(1);

/// For how long a refused call is a fault of its trunk in `rundruf trunk check`, which calls it the last hour; counted by the minute.
pub const REFUSALS_JUDGED: Duration = Duration::from_secs(60 * 60);

/// Characters of a trunk's name in the metrics; longer names are cut.
pub const TRUNK_LABEL_CHARS_MAX: usize = 64;

// --- store

/// Connections to the database; a query beyond them waits for a free one, 5 s at most.
pub const STORE_CONNECTIONS: u32 = 4;

/// Rooms an installation gives numbers of one length to, so that a guessed number is seldom a room's; beyond it new
/// rooms get a digit more.
pub const ROOMS_PER_LENGTH: u32 = 4000;

/// For how long it is kept which country was called for how long, as evidence against toll fraud; then it is deleted.
pub const DIALS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Characters of a room's title; longer titles are cut.
pub const TITLE_CHARS_MAX: usize = 64;

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

/// Bytes of a message from a browser, an offer included; the connection of a longer one is closed.
pub const BROWSER_MESSAGE_BYTES: usize = 64 * 1024;

/// Bytes read from a browser's connection at once, and the room a connection has for that from its beginning, before
/// anybody is known behind it.
pub const BROWSER_READ_BYTES: usize = 4 * 1024;

/// Bytes written to a browser's connection that may wait to be sent together.
pub const BROWSER_WRITE_BYTES: usize = 4 * 1024;

/// Bytes that may wait to be written to a browser, the roster of a full conference included; the connection of a
/// browser that would need more is closed.
pub const BROWSER_WRITE_BYTES_MAX: usize = 1024 * 1024;

/// Messages a browser may send at once, pings included; then [`BROWSER_MESSAGES_PER_SECOND`]. The connection of a
/// browser that sends more is closed.
pub const BROWSER_MESSAGE_BURST: u32 = 60;

/// Bytes of a message from which on it counts as two, then as three and so on: an offer is some of them, a line of chat that
/// all have to read at most three.
pub const BROWSER_TOKEN_BYTES: usize = 2 * 1024;

/// Longest line that the settings give to the notice on privacy, in characters.
pub const NOTICE_LINE_CHARS_MAX: usize = 300;

/// Messages a browser may send for long, each second.
pub const BROWSER_MESSAGES_PER_SECOND: u32 = 10;

/// Wrong links from one address that are judged side by side; beyond, all links from there are judged one after the other.
pub const WRONG_LINK_BURST: u32 = 50;

/// Wrong links from one address that are judged side by side for long, each second.
pub const WRONG_LINKS_PER_SECOND: u32 = 1;

/// Time a link waits for those before it in its address's line, three times what all connections that an address may have
/// need at half a millisecond each; then the page is told to come back later.
pub const LINK_PATIENCE: Duration = Duration::from_secs(10);

/// Addresses whose wrong links are counted; beyond, the counts of those that tried little are forgotten, then all.
pub const WRONG_LINK_SOURCES_MAX: usize = 4_096;

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

/// Time from one change of the roster that a page is told to the next; what changes meanwhile is told together.
pub const ROSTER_UPDATE_PAUSE: Duration = Duration::from_millis(100);

/// For how long a call that nobody has acknowledged takes a place of its trunk: whoever calls does so within a round trip, and the
/// telephone's own repetitions cover what is lost on the way.
pub const UNPROVEN_COUNTS: Duration = Duration::from_secs(2);

/// Lines of the roster in one change that a page is told of its own accord; further ones come with the next, so that a change
/// of hundreds at once (all muted, a network gone) is read piece by piece.
pub const ENTRIES_AT_ONCE_MAX: usize = 10;

/// Time that each line of a change puts the next change off, which keeps a page under 20 kB a second at some 350 bytes a line.
pub const ROSTER_ENTRY_PAUSE: Duration = Duration::from_millis(20);

/// People of whom a page is told in one message that they began to speak, and as many that they ceased to, or how well their
/// lines carry speech; further ones come with the next.
pub const VOICES_AT_ONCE_MAX: usize = 64;

// --- conference

/// Characters of a display name; longer names are cut.
pub const NAME_CHARS_MAX: usize = 64;

/// Characters, as readers count them, of a line that somebody types for all; what is beyond is left out.
pub const TYPED_LINE_GRAPHEMES_MAX: usize = 500;

/// Bytes of such a line, since all of it goes to everybody three times a second: four to a character, so that only a line of
/// little but emoji sequences is cut sooner.
pub const TYPED_LINE_BYTES_MAX: usize = 4 * TYPED_LINE_GRAPHEMES_MAX;

/// Characters, as readers count them, of a line of chat; what is beyond is left out.
pub const CHAT_LINE_GRAPHEMES_MAX: usize = 1_000;

/// Bytes of a line of chat, measured as those of a typed line.
pub const CHAT_LINE_BYTES_MAX: usize = 4 * CHAT_LINE_GRAPHEMES_MAX;

/// Marks in a row, such as accents, upon one character of a line to be shown; more are left out, since a pile of them
/// would cover the lines above and below. Living scripts seldom need more.
pub const MARKS_IN_A_ROW_MAX: usize = 2;

/// Keys of a sequence that asks for something; a longer one is refused as a setting.
pub const SEQUENCE_KEYS_MAX: usize = 4;

/// Sequences of keys that ask for the same; more are refused as a setting.
pub const SEQUENCES_PER_CONTROL_MAX: usize = 4;

/// Time between the two presses of a double press; later the second counts as a first.
pub const DOUBLE_PRESS: Duration = Duration::from_secs(3);

/// Time for the key that follows a star; then the caller is asked which.
pub const STAR_KEY: Duration = Duration::from_secs(6);

/// The same for who asked for more time.
pub const STAR_KEY_SLOW: Duration = Duration::from_secs(10);

/// Time for the next key of a menu; then keys mean again what they meant before.
pub const MENU_KEY: Duration = Duration::from_secs(10);

/// The same for who asked for more time: twice as long, and what WCAG 2.2.1 asks for.
pub const MENU_KEY_SLOW: Duration = Duration::from_secs(20);

/// Time for a key while the help is spoken, which takes up to 40 s; at its end the time of a menu begins.
pub const HELP_KEY: Duration = Duration::from_secs(60);

/// Time in which a moderator who found nobody asking for the floor lets everybody speak by asking again.
pub const NOBODY_ASKS_AGAIN: Duration = Duration::from_secs(30);

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

/// Time somebody may wait to be let in; then they are asked, with the words of a refusal, to come later.
pub const LOBBY_WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// How often a caller who waits is told that they do.
pub const WAITING_STATUS: Duration = Duration::from_secs(60);

/// Time a moderator has for a key that decides about somebody, after the words: WCAG 2.2.1 asks for 20 s at the least, and
/// the words take ten.
pub const DECIDE_KEY: Duration = Duration::from_secs(30);

/// Time for which newcomers with a shared PIN wait after PINs were guessed, since the last wrong one; a moderator may end
/// it sooner.
pub const ALARM_MAX: Duration = Duration::from_secs(60 * 60);

/// Time for which a dropped caller's number, name and hand are kept; afterwards they are somebody new.
pub const RETURN_MAX: Duration = Duration::from_secs(10 * 60);

/// Time for which somebody whose page broke off stays in the roster, silent; then the others hear that they went.
pub const AWAY_MAX: Duration = Duration::from_secs(10);

/// Time for which a pairing code can be typed; afterwards it is a wrong one.
pub const PAIRING_MAX: Duration = Duration::from_secs(5 * 60);

/// Pairing codes that are open at once, of all conferences; who asks for a further one is asked to wait. Of 40,000 that there
/// are, a guess finds one in 400 at the most.
pub const PAIRINGS_MAX: usize = 100;

/// Wrong pairing codes of all callers, at once and per hour, past which none is judged that is typed before a room is known.
pub const WRONG_PAIRINGS: u32 = 90;

/// Time for each further digit of a pairing code that is typed in a conference.
pub const PAIRING_KEY: Duration = Duration::from_secs(20);

/// Time for which the seat of a page that broke off is kept, from that moment on; afterwards it comes as somebody new.
pub const RESUME_MAX: Duration = Duration::from_secs(5 * 60);

/// How often a page is given its seat's token anew, so that one it holds when the server is gone is no older.
pub const SEAT_RENEWAL: Duration = Duration::from_secs(60);

/// Characters of the longest token of a seat that is looked at.
pub const SEAT_TOKEN_MAX: usize = 2_048;

/// Dropped callers of a conference whose seats are kept; a further one displaces who dropped out first.
pub const SEATS_KEPT: usize = 1_000;

/// People inside a room up to which it is heard that somebody comes or goes, where the room does not say: above that it would
/// disturb more than it tells.
pub const QUIET_ABOVE_DEFAULT: u16 = 20;

/// Time from one tone for people who come or go to the next, which stands for all in between.
pub const ENTRY_TONE_PAUSE: Duration = Duration::from_secs(1);

/// Time from one name of somebody who comes or goes to the next: the words take two seconds.
pub const ENTRY_NAME_PAUSE: Duration = Duration::from_secs(4);

/// Announcements of people who come or go that wait in a conference; a further one is not made, the roster shows them.
pub const ENTRIES_WAITING_MAX: usize = 3;

/// Speakers of a conference that are heard at a time where neither its room nor the settings say otherwise.
pub const SPEAKERS_DEFAULT: u8 = 5;

/// Speakers of a conference that may be heard at a time; more are refused as a setting.
pub const SPEAKERS_MAX: u8 = 8;

/// Moderators of a conference who talk with somebody who waits at a time; a further one is refused. Each talk has a channel of
/// its own, of which there are as many as a word has bits, the conference itself and calls out of it included.
pub const TALKS_APART_MAX: usize = 16;

/// Calls that a conference makes at a time, until they are answered and joined; a further one is refused.
pub const CALLS_OUT_MAX: usize = 8;

/// Participants of one conference; more are refused with [`Refusal::Full`](crate::conference::Refusal::Full).
pub const PARTICIPANTS_MAX: usize = 1000;

// --- browser transport

/// Bytes of the largest datagram a leg sends; room for SRTP's tag is included. A larger payload is not sent.
pub const PACKET_MAX: usize = 1_400;

/// Packets back from which a copy of a payload may come (RFC 2198): as many as the longest sound that is made up, and one.
pub const COPIES_REACH: usize = 4;

/// Bytes of a payload that is copied into later packets; a longer one is not. Three times the mean of a path that loses.
pub const COPY_BYTES_MAX: usize = 360;

/// Bytes of a payload with its copies, all of which fits the smallest datagram that IPv6 paths take; a longer one is sent
/// without copies.
pub const REDUNDANT_BYTES_MAX: usize = 1_120;
/// Handshakes that may be half open on one shard; a further one waits for a place.
pub const HALF_OPEN_MAX: usize = 256;
/// How long a half-open handshake keeps its place, should its leg vanish without giving it back.
pub const HALF_OPEN_EXPIRY: Duration = SETUP_EXPIRY;
/// When a handshake that found no place looks for one again.
pub const HALF_OPEN_RETRY: Duration = Duration::from_millis(100);
/// Time from a leg's beginning to a complete handshake; later the leg is gone.
pub const SETUP_EXPIRY: Duration = Duration::from_secs(15);
/// Time without an authenticated binding request after which a leg is gone (RFC 7675 §5.1).
pub const CONSENT_EXPIRY: Duration = Duration::from_secs(30);
/// Bytes of the largest STUN message that is looked at; browsers send about 100.
pub const STUN_MAX: usize = 548;
/// Bytes of the largest DTLS handshake message that is put together; a larger one is dropped. Browsers' are below 1,000.
pub const HANDSHAKE_MESSAGE_MAX: usize = 8_192;
/// Incomplete handshake messages kept per leg; one more displaces the oldest. Browsers' messages come whole.
pub const HANDSHAKE_PARTS_MAX: usize = 4;
/// Protected records that a handshake may look at; further ones are dropped. A browser sends one per try.
pub const HANDSHAKE_SEALED_MAX: usize = 4_096;
/// Bytes of the largest protected DTLS record that is looked at: a Finished is 61, an alert 39.
pub const SEALED_RECORD_MAX: usize = 128;
/// Time to the first repeat of a DTLS flight; each further one waits twice as long.
pub const FLIGHT_REPEAT_FIRST: Duration = Duration::from_millis(200);
/// Longest time between two repeats of a DTLS flight.
pub const FLIGHT_REPEAT_MAX: Duration = Duration::from_secs(4);
/// Repeats of a DTLS flight; after the last the handshake waits for its end. The library fails at the eighth.
pub const FLIGHT_REPEATS_MAX: u32 = 7;
/// How long a handshake goes on after a plaintext alert or a foreign certificate, either of which may be forged.
pub const REFUSAL_GRACE: Duration = Duration::from_secs(2);
/// Datagrams of ICE, DTLS and RTCP that wait to be sent on one leg; a further one is dropped.
pub const LEG_TRANSMITS_MAX: usize = 32;

// --- telephone transport

/// Packets from elsewhere than a telephone's known address that are tried on its keys in one tick, where its trunk allows
/// it to be elsewhere; further ones count as strangers'. A telephone that has moved sends one.
pub const LATCH_TRIES_PER_TICK: u8 = 32;

/// Silence of a telephone's plain media after which its stream may go on from another address.
pub const LATCH_SILENCE: Duration = Duration::from_secs(2);

/// How long a peer's key is kept after it was changed, for packets under way and for the time until the peer has our answer.
pub const FORMER_KEYS_KEPT: Duration = Duration::from_secs(2);

// --- media

/// Missed ticks that a bus makes up; of a longer gap the oldest are left out, and media time jumps over them.
pub const MAKE_UP_TICKS: u32 = 3;

/// Phases of the 20 ms; each bus ticks in one of them, so that a worker's load is spread.
pub const PHASES: usize = 10;

/// A phase's length, and the worker's step: arrivals are seen with this resolution, finer than a jitter buffer needs.
pub const SLOT: Duration = Duration::from_millis(2);

/// How late a tick may begin before it counts as an overrun: more eats up the margin of the listeners' jitter buffers.
pub const LATE_TICK: Duration = Duration::from_millis(5);

/// How long a call waits for the keys of its media; then it is ended. A handshake takes some round trips.
pub const SHAKEN_WITHIN: Duration = Duration::from_secs(60);

/// Silence on a telephone's RTP after which it is reported, again and again while it lasts.
pub const QUIET_AFTER: Duration = Duration::from_secs(15);

/// Ticks of media time that a leg jumps over at most, a minute's worth: after a longer standstill it just goes on.
pub const SKIPPED_TICKS_MAX: u32 = 3_000;

/// Legs on one shard; a further one ends at once as failed. Doors refuse calls long before.
pub const LEGS_MAX: usize = 8_192;

/// Buses on one shard; a further one fails at once.
pub const BUSES_MAX: usize = 8_192;

/// Events that wait for the control plane beside those of the legs; more are lost, and a resync follows.
pub const EVENTS_BASE: usize = 64;

/// Events that wait per leg of the shard: a few keys, a change of speech and an end.
pub const EVENTS_PER_LEG: usize = 8;

/// Bytes that wait to be sent by one shard; a datagram beyond is dropped. Four ticks of 8,000 Opus legs.
pub const OUTBOX_BYTES_MAX: usize = 8 << 20;

/// Legs that nobody hears of which a shard decodes a tick, for each of its rounds, to compare it with the level they claim: a
/// twentieth of a millisecond each. Who comes too late has to wait; what is not heard meanwhile is who lies to their own harm,
/// or whose noise cannot be told from a voice. As many again may be legs of which nothing is known yet.
pub const PROBES_PER_ROUND: u8 = 2;

/// What may be saved up of that for the round in which a large conference ticks: a millisecond.
pub const PROBES_MAX: u8 = 20;

/// Legs of a conference that are left out for their music and decoded in one tick all the same, so that its end is noticed.
pub const WATCHED_MAX: usize = 8;

/// Ticks for which they are, where more than that are left out and take turns: longer than the end takes to be noticed.
pub const WATCH_TICKS: usize = 400;

/// How often a leg's counters are added to the shard's and its peer's reports are heeded.
pub const SERVE_INTERVAL: Duration = Duration::from_secs(1);

/// How long what is known of a leg's line is gathered before it is judged.
pub const LINE_STRETCH: Duration = Duration::from_secs(2);

/// Time after which it is told again how well a line carries speech, in case that was lost.
pub const LINE_TOLD_AGAIN: Duration = Duration::from_secs(30);

/// Streams of one kind that are kept ready for who begins to speak; when there is none, the tick makes one.
pub const SPARE_STREAMS: usize = 3;

/// Workshops for the sound of speakers that are kept ready on a shard; a speaker for whom there is none is heard with gain
/// alone, until the next tick.
pub const SPARE_WORKSHOPS: usize = 8;

/// Places for speakers that are kept ready on a shard for conferences that have used up their own.
pub const SPARE_TALKERS: usize = 2;

/// Streams of one kind that are kept for later; further ones are dropped.
pub const SPARE_STREAMS_MAX: usize = 32;

/// What a sound test keeps of what is said, at most; then it is played back. It takes 96 kB per second.
pub const ECHO_MAX: Duration = Duration::from_secs(10);

/// Silence after speech that ends what a sound test keeps.
pub const ECHO_PAUSE: Duration = Duration::from_secs(2);

/// How long what a moderator did is told to who asks who is here.
pub const DEED_TOLD: Duration = Duration::from_secs(2 * 60);

/// Digits of a telephone number that a room may show to its moderators.
pub const DIGITS_SHOWN: usize = 3;

/// Digits of a number of which that is too much to show: an extension could be guessed.
pub const DIGITS_NEVER_SHOWN: usize = 6;

/// What is kept of a name that somebody says in the waiting room, at most; then it is over. It takes 96 kB per second.
pub const RECORDED_NAME_MAX: Duration = Duration::from_secs(3);

/// Silence after a name that ends what is kept of it.
pub const RECORDED_NAME_PAUSE: Duration = Duration::from_secs(1);

/// Clips of one prompt; more are left out. The longest sentence of the catalogue has about ten.
pub const CLIPS_PER_PROMPT: usize = 64;

/// Sounds beside the catalogue that a shard knows at a time; a further one is not learned and stays silent. The server makes
/// fewer ([`SPOKEN_NAMES_MAX`]).
pub const UTTERANCES_MAX: usize = 1_024;

/// Longest words that are said over the talk; longer ones are refused: nobody can follow two voices for longer.
pub const WORDS_OVER_TALK_MAX: Duration = Duration::from_secs(10);

/// Announcements that wait in a conference while another is made; a further one is refused.
pub const ANNOUNCEMENTS_WAITING_MAX: usize = 4;

/// Legs of a conference that something is whispered to at a time, each of which needs an encoding of its own, and for up
/// to 1.5 s more until it is like the shared one again. A further one waits.
pub const WHISPERS_MAX: usize = 8;

/// Whispers that wait in a conference; a further one is refused, and its door says it instead of what the leg hears.
pub const WHISPERS_WAITING_MAX: usize = 32;

/// Addresses a browser's datagrams may come from at a time; a further one displaces the oldest.
pub const PATHS_PER_LEG: usize = 8;

/// Commands that wait for a worker; the sender waits when there are more.
pub const COMMANDS_WAITING: usize = 1_024;

/// Commands a worker takes between two looks at its deadline.
pub const COMMANDS_PER_SLOT: usize = 64;

/// Notices of all workers that wait for the control plane; then events wait in the shard.
pub const NOTICES_WAITING: usize = 8_192;

/// Sockets whose readiness a worker learns at once: room for the RTP of all telephones a core can serve.
pub const READY_PER_SLOT: usize = 4_096;

/// Datagrams a worker takes from a telephone's socket that is ready again and again, between two looks at its deadline: about what the system queues,
/// so that noise from strangers cannot crowd out the caller's one packet in 20 ms.
pub const PHONE_DATAGRAMS_PER_SLOT: usize = 256;

/// Datagrams a worker takes from one browser socket between two looks at its deadline: 10,000 legs' worth.
pub const DATAGRAMS_PER_SLOT: usize = 1_024;

/// Datagrams a worker sends between two looks at what has arrived: half a slot's worth.
pub const DATAGRAMS_SENT_AT_ONCE: usize = 256;

/// How often a worker does that in one round: two ticks of a full shard. What remains is sent in the next round.
pub const SENDS_PER_ROUND: usize = 2 * LEGS_MAX / DATAGRAMS_SENT_AT_ONCE;

/// Datagrams that one call to the system receives or sends: their buffers fit a core's own cache.
pub const BATCH: usize = 64;

/// Bytes of the largest datagram received; of a longer one the rest is cut off and authentication or parsing refuses it.
pub const DATAGRAM_MAX: usize = 2_048;

/// Bytes of kernel buffer asked for on a browser socket: 100 ms of 2,000 legs. The system may grant less.
pub const SOCKET_BUFFER: usize = 4 << 20;

/// Ports tried for one telephone before the range counts as exhausted.
pub const PORT_TRIES: usize = 128;

/// Ephemeral ports tried until one is free on every address.
pub const BIND_TRIES: usize = 16;

/// Workers of one process.
pub const WORKERS_MAX: usize = 64;

/// A key that a telephone signals so soon after the same one was heard is the same press.
pub const SIGNALLED_WITHIN: Duration = Duration::from_secs(2);

// --- load of a worker

/// Over how long a worker's share of its core is measured: five ticks, so that a tick of a large room is no peak.
pub const LOAD_WINDOW: Duration = Duration::from_millis(100);

/// Latest windows that peaks are looked for in: two seconds.
pub const LOAD_WINDOWS: usize = 20;

/// Smoothed share of a core, in thousandths, from which on a worker takes each step down, in their order: the sound of
/// fewer voices last, and beyond [`LOAD_REFUSE_PERMILLE`], since only those inside can bring it about.
pub const LOAD_REDUCE_PERMILLE: [u32; 4] = [650, 720, 850, 920];

/// Smoothed share, in thousandths, up to which a worker is calm enough to undo each step: what is undone may cost a
/// third as much again (a fifth, where voices come back) and stays below [`LOAD_REDUCE_PERMILLE`].
pub const LOAD_CALM_PERMILLE: [u32; 4] = [480, 550, 700, 770];

/// Share of a single window, in thousandths, that leaves no room for a hiccup; [`LOAD_CROWDED_WINDOWS`] of them lower
/// the effort too, by [`LOAD_PEAK_STEPS`] at most.
pub const LOAD_PEAK_PERMILLE: u32 = 850;

/// Windows over [`LOAD_PEAK_PERMILLE`] among [`LOAD_WINDOWS`] that count as load; fewer are a hiccup of the machine.
pub const LOAD_CROWDED_WINDOWS: usize = 3;

/// Steps that peaks alone may bring about. They are those of many who come at once, which voices given up do not lower.
pub const LOAD_PEAK_STEPS: usize = 2;

/// Time from one step down to the next: by then [`LOAD_WINDOWS`] show nothing from before it.
pub const LOAD_REDUCE_DWELL: Duration = Duration::from_secs(2);

/// Calm after which a step is undone; doubled, up to [`LOAD_RESTORE_AFTER_MAX`], each time that proves premature.
pub const LOAD_RESTORE_AFTER: Duration = Duration::from_secs(10);

/// The longest calm that is waited for before a step is undone.
pub const LOAD_RESTORE_AFTER_MAX: Duration = Duration::from_secs(600);

/// A step down so soon after a step up shows that the step up was premature.
pub const LOAD_RESTORE_PROBATION: Duration = Duration::from_secs(30);

/// Share that a worker would have with one leg more, in thousandths, from which on it takes none: doors refuse with a
/// time to retry. The fifth above it is for those inside, who may begin to speak.
pub const LOAD_REFUSE_PERMILLE: u32 = 800;

/// Share below which a worker that was full takes legs again, in thousandths.
pub const LOAD_ADMIT_PERMILLE: u32 = 750;

/// Legs that a worker's share is divided by at the least to guess the cost of one more: with fewer, most of the share is
/// the worker's own.
pub const LOAD_LEGS_BASIS: u16 = 50;

/// Legs that may be opened on one worker at once; then [`LEG_OPENINGS_PER_SECOND`]. A further one is refused with a time
/// to retry.
pub const LEG_OPENINGS_BURST: u32 = 400;

/// Legs that may be opened on one worker each second, so that what came is measured before many more come.
pub const LEG_OPENINGS_PER_SECOND: u32 = 200;

// --- negotiation with browsers

/// Bytes of the largest offer; a larger one is refused. Browsers' offers of one audio line have about 1,500 to 4,000.
pub const OFFER_MAX: usize = 16 * 1024;
/// Media lines of an offer; one with more is refused.
pub const OFFER_MEDIA_MAX: usize = 8;
/// Fingerprints of an offer that are looked at; browsers send one.
pub const OFFER_FINGERPRINTS_MAX: usize = 8;

/// TURN servers that browsers are told of; more are refused in the settings. A browser asks each of them as it joins, and
/// Firefox warns of five.
pub const TURN_SERVERS_MAX: usize = 4;

// --- browsers by TCP (RFC 6544)

/// Bytes of the largest packet that a browser frames; a connection with a longer one is ended. Browsers keep to 1,200.
pub const ICE_TCP_FRAME_BYTES_MAX: usize = 1_500;
/// How long a connection may take to prove by its first packet whose browser it is; then it is ended.
pub const ICE_TCP_PROVED_WITHIN: Duration = Duration::from_secs(5);
/// Connections that have not proved it yet; a further one displaces the oldest.
pub const ICE_TCP_STRANGERS_MAX: usize = 256;
/// Of these, connections from one address; a further one displaces the oldest of them.
pub const ICE_TCP_STRANGERS_PER_SOURCE_MAX: usize = 64;
/// Connections that have; a further one is ended. Each takes two files, and those whose datagrams pass make some, too.
pub const ICE_TCP_KNOWN_MAX: usize = WEB_CONNECTIONS;
/// Of these, connections to one leg; a further one is ended. A browser makes one for each pair of its networks and our addresses.
pub const ICE_TCP_KNOWN_PER_LEG_MAX: usize = PATHS_PER_LEG;
/// A connection on which no packet comes for this long is ended, as the consent to send to it would (RFC 7675).
pub const ICE_TCP_IDLE_MAX: Duration = CONSENT_EXPIRY;
/// Packets that a connection may bring at once, such as after a stall: several seconds of sound.
pub const ICE_TCP_FRAMES_BURST: u32 = 500;
/// Packets that it may bring for long, each second: three times those of sound. Beyond, nothing is read for [`ICE_TCP_PAUSE`].
pub const ICE_TCP_FRAMES_PER_SECOND: u32 = 200;
/// How long nothing is read from a connection that brings more.
pub const ICE_TCP_PAUSE: Duration = Duration::from_millis(20);
/// Packets that wait for a connection to take them, half a second of sound; of more the oldest are left out.
pub const ICE_TCP_FRAMES_WAITING_MAX: usize = 25;
/// Bytes that the kernel may hold of a connection towards its browser, what it counts beside them included: as much again.
pub const ICE_TCP_SEND_BUFFER: usize = 16 << 10;
/// Bytes that it may hold of what came and was not read.
pub const ICE_TCP_RECEIVE_BUFFER: usize = 32 << 10;

// --- serve

/// Time from being told to end to having ended; what is left of calls and connections then is dropped.
pub const DRAIN: Duration = Duration::from_millis(2_500);
