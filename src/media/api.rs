//! The whole language between the control plane and the data plane: [`Command`] down, [`Event`] up.
//!
//! Nothing else crosses. Commands are applied between ticks, never inside. Both travel over bounded queues; the sender
//! of a command waits, an event that does not fit is counted and followed by [`Event::Resync`].

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use sip::redact::Pii;

pub use sip::sdp::{DtlsPeer, HashName, Sdes, Security};

pub use super::utterance::{Lesson, Utterance};
pub use crate::conference::participant::{Disturbance, Quality};
use crate::{
    id::{ConferenceId, LegId},
    media::leg::Leg,
    network::Network,
};

/// Channels a leg speaks into or hears: one row or column of the who-hears-whom matrix, a bit per channel.
///
/// A leg hears another exactly if the one's `hears` and the other's `speaks` share a channel; nobody hears themself.
/// Channel 0 is the conference itself; the others are for conversations beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Channels(pub u64);

impl Channels {
    /// No channel: waiting, muted or on hold.
    pub const NONE: Self = Self(0);
    /// The conference itself.
    pub const MAIN: Self = Self(1);

    /// Tells whether the two share a channel.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A leg's place in the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seat {
    /// Where the leg's sound goes; [`Channels::NONE`] while muted or waiting.
    pub speaks: Channels,
    /// What the leg hears.
    pub hears: Channels,
}

/// How loud a leg hears the others, in steps of 6 dB from −2 to 2; 0 leaves the mix as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ListeningGain(i8);

impl ListeningGain {
    /// The quietest.
    pub const MIN: Self = Self(-2);
    /// As it is.
    pub(crate) const UNCHANGED: Self = Self(0);
    /// The loudest.
    pub const MAX: Self = Self(2);

    /// Makes a gain of so many steps; what is beyond the ends counts as the end.
    pub fn of_steps(steps: i8) -> Self {
        Self(steps.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns the steps.
    pub const fn steps(self) -> i8 {
        self.0
    }

    /// Makes a gain of so many steps more or fewer; the same where that is beyond the end.
    #[must_use]
    pub fn turned(self, steps: i8) -> Self {
        Self::of_steps(self.0.saturating_add(steps))
    }

    /// Returns what samples are multiplied by, in 1/1,024: −12, −6, 0, 6 or 12 dB.
    pub(crate) const fn factor(self) -> i32 {
        match self.0 {
            ..=-2 => 257,
            -1 => 513,
            0 => 1_024,
            1 => 2_043,
            2.. => 4_077,
        }
    }
}

/// A clip: of the catalogue, as an index into the table of clips that was loaded at start, or from [`ClipId::LEARNED`] on
/// a sound that was learned since. No number of those is given out twice, so that one that was forgotten stays silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClipId(pub u32);

impl ClipId {
    /// The first that is no clip of the catalogue.
    pub const LEARNED: Self = Self(1 << 16);

    /// Tells whether it is no clip of the catalogue.
    pub const fn is_learned(self) -> bool {
        self.0 >= Self::LEARNED.0
    }
}

/// An audio codec with its RTP payload type for one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The codec that is sent.
    pub codec: dsp::Codec,
    /// Its RTP payload type.
    pub payload_type: u8,
    /// Payload type of telephone-events (RFC 4733), where they were negotiated.
    pub telephone_event: Option<u8>,
}

/// What a telephone may send, under which payload types; those of telephone-events included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The codecs. The one that is sent is among them.
    pub codecs: Vec<(dsp::Codec, u8)>,
    /// The payload types of telephone-events.
    pub events: Vec<u8>,
}

impl Incoming {
    /// What is sent, and nothing else.
    pub fn of(format: &Format) -> Self {
        Self {
            codecs: vec![(format.codec, format.payload_type)],
            events: format.telephone_event.into_iter().collect(),
        }
    }

    /// The codec under a payload type, if it is one.
    pub fn codec(&self, payload_type: u8) -> Option<dsp::Codec> {
        let mut codecs = self.codecs.iter();
        let (codec, _) = codecs.find(|(_, number)| *number == payload_type)?;
        Some(*codec)
    }
}

/// What SDP says of a telephone's media, and what its trunk says of the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneMedia {
    /// Codec and payload types of what is sent.
    pub format: Format,
    /// What may come.
    pub incoming: Incoming,
    /// Where RTP goes and, without a latch, the only address it is accepted from.
    pub remote: Pii<SocketAddr>,
    /// What the phone calls its address behind an address translator: it tells whether the phone is another now.
    pub hidden: Option<Pii<SocketAddr>>,
    /// Where RTCP goes and comes from.
    pub remote_rtcp: Pii<SocketAddr>,
    /// The phone should be sending: `sendrecv` or `sendonly` as it sees it.
    pub receives: bool,
    /// The phone wants to hear: neither `sendonly`, `inactive` nor `c=0.0.0.0`. When false the phone is on hold; we keep
    /// sending (silence).
    pub sends: bool,
    /// How RTP and RTCP are protected.
    pub security: Security,
    /// Whether the addresses above may be those of a network behind an address translator.
    pub nat: Nat,
    /// How much sound a packet to the phone carries, in milliseconds: 10, 20, 30, 40 or 60; 20 with Opus.
    pub ptime: u32,
}

/// Whether a telephone's media may come from elsewhere than its SDP says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Nat {
    /// It may not.
    #[default]
    No,
    /// It may, and is answered there: what is protected, from wherever it proves to come; what is plain, from these
    /// networks only.
    Latch(Arc<[Network]>),
}

/// A browser's transport parameters: its offer's and those our answer carries (RFC 8839, RFC 8842).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserMedia {
    /// Our ICE user fragment; finds the leg among all on a socket.
    pub local_ufrag: String,
    /// Our ICE password.
    pub local_password: Arc<sip::redact::Secret<Vec<u8>>>,
    /// The browser's ICE user fragment.
    pub remote_ufrag: Pii<String>,
    /// The browser's certificate fingerprints: hash name in lower case and digest; one must match.
    pub fingerprints: Vec<(HashName, Vec<u8>)>,
    /// Opus payload type.
    pub payload_type: u8,
    /// Payload type of redundant audio data (RFC 2198), where the browser takes it.
    pub redundant: Option<u8>,
    /// Header extension id of the audio level (RFC 6464), where it was negotiated.
    pub audio_level: Option<u8>,
    /// Our synchronization source, as the answer says.
    pub ssrc: u32,
    /// Offer AES-CM only, for a browser whose first try with AES-GCM failed.
    pub legacy_srtp: bool,
}

/// How a leg begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// A telephone over RTP or SRTP.
    Phone(PhoneMedia),
    /// A browser over ICE, DTLS and SRTP.
    Browser(BrowserMedia),
}

/// Why a leg ended on the media side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gone {
    /// No authenticated binding request for 30 s (RFC 7675), or the set-up took too long.
    ConsentLost,
    /// The peer closed DTLS or its handshake failed.
    Closed,
    /// The leg's own processing failed.
    Failed,
    /// The leg was in a mix without a roster entry.
    NotInRoster,
}

/// Where an injected panic strikes; fault injection for the test of the blast radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// In the leg's next datagram.
    Leg(LegId),
    /// In the bus's next tick or command.
    Bus(ConferenceId),
    /// In the worker itself, at once.
    Worker,
}

/// What the control plane asks of a shard.
#[derive(Debug)]
pub enum Command {
    /// Begins a leg. A phone's sockets come beside the command ([`crate::media::worker`]).
    Open {
        /// The leg's id.
        leg: LegId,
        /// Its kind and transport.
        opening: Box<Opening>,
    },
    /// Changes a telephone's media after a re-INVITE; the codec may change.
    Update {
        /// The leg.
        leg: LegId,
        /// What the new offer/answer says.
        media: PhoneMedia,
    },
    /// Ends a leg; idempotent.
    Close {
        /// The leg.
        leg: LegId,
    },
    /// Plays clips to one leg, one after another, instead of what it hears; replaces what is playing or whispered.
    Play {
        /// The leg.
        leg: LegId,
        /// The clips; empty stops.
        clips: Vec<ClipId>,
        /// Comes back in [`Event::Played`].
        token: u64,
    },
    /// Says clips to one leg over what it hears, which goes on beneath, quieter; in place of what is whispered to it. Where
    /// it hears no mix or a prompt, this is [`Command::Play`].
    Whisper {
        /// The leg.
        leg: LegId,
        /// The clips.
        clips: Vec<ClipId>,
        /// Comes back in [`Event::Played`] or [`Event::Unplayed`].
        token: u64,
    },
    /// Says clips to all who hear the conference itself, over what is said, which goes on beneath, quieter; after those
    /// that were announced before. It takes no speaker's place.
    Announce {
        /// The conference.
        conference: ConferenceId,
        /// The clips.
        clips: Vec<ClipId>,
        /// They are soft themselves: the talk goes on as loud as it is.
        softly: bool,
        /// Comes back in [`Event::Announced`].
        token: u64,
    },
    /// Learns a sound that may be said in a conference from here on. A conference that ends takes its sounds with it.
    Learn(Lesson),
    /// Listens to a leg in no conference for up to [`RECORDED_NAME_MAX`](crate::limit::RECORDED_NAME_MAX), and keeps what it
    /// said as a sound that was learned; [`Event::Recorded`] follows. A prompt to the leg or a conference ends that before,
    /// and nothing is kept.
    Record {
        /// The leg.
        leg: LegId,
        /// The conference in which it may be said.
        conference: ConferenceId,
        /// What it is known by; no clip of the catalogue.
        clip: ClipId,
    },
    /// Wipes a sound that was learned; where it is being said it breaks off.
    Forget {
        /// The sound.
        clip: ClipId,
    },
    /// Begins a conference's bus.
    Start {
        /// The conference.
        conference: ConferenceId,
    },
    /// Sets how many speakers of a conference are heard at a time, 1 to 8.
    Speakers {
        /// The conference.
        conference: ConferenceId,
        /// How many.
        most: u8,
    },
    /// Ends a conference's bus; its legs stay, unattached.
    End {
        /// The conference.
        conference: ConferenceId,
    },
    /// Attaches a leg to a bus; it hears and speaks only once a roster seats it.
    Join {
        /// The leg.
        leg: LegId,
        /// The conference.
        conference: ConferenceId,
    },
    /// Detaches a leg from its bus; it stays and may hear clips.
    Leave {
        /// The leg.
        leg: LegId,
    },
    /// The roster as all participants see it: legs with their seats. A leg on the bus that is not in it is cut.
    Roster {
        /// The conference.
        conference: ConferenceId,
        /// All seats.
        seats: Vec<(LegId, Seat)>,
    },
    /// A partial notification (RFC 4575 §3) of the roster: what has changed since the last [`Command::Roster`] or
    /// [`Command::Seats`]. Costs what it names, however many are in.
    Seats {
        /// The conference.
        conference: ConferenceId,
        /// Who came or has another seat.
        changed: Vec<(LegId, Seat)>,
        /// Who is no longer in the roster; cut if still on the bus.
        gone: Vec<LegId>,
    },
    /// Sets how loud a leg hears the others.
    Listen {
        /// The leg.
        leg: LegId,
        /// How loud.
        gain: ListeningGain,
    },
    /// Sets how loud a leg is heard, beside what brings all to one level.
    BeHeard {
        /// The leg.
        leg: LegId,
        /// How loud.
        gain: ListeningGain,
    },
    /// Tells a key that a telephone has signalled (SIP INFO). It counts where no telephone-events were agreed, and comes
    /// back as [`Event::Digit`] unless the same press was heard already.
    Press {
        /// The leg.
        leg: LegId,
        /// The key: `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// Asks what can be said of a leg's sound until now; [`Event::Reviewed`] follows.
    Review {
        /// The leg.
        leg: LegId,
    },
    /// Listens to a leg in no conference for up to [`ECHO_MAX`](crate::limit::ECHO_MAX), plays what it said back to it once,
    /// and wipes it. A prompt or a conference ends that before.
    Echo {
        /// The leg.
        leg: LegId,
        /// Comes back in [`Event::Echoed`].
        token: u64,
    },
    /// Sets what is done to a leg's sound before it is mixed. A leg with no treatment at all is not judged either: it may
    /// play music.
    Shape {
        /// The leg.
        leg: LegId,
        /// Which treatments; the worker's load may leave some out.
        shaping: dsp::Shaping,
    },
    /// Detaches a leg from its worker and hands it over as [`Event::Released`].
    Release {
        /// The leg.
        leg: LegId,
    },
    /// Takes over a leg that another worker released.
    Adopt {
        /// The leg, with its state.
        leg: Box<Leg>,
    },
    /// Injects a panic.
    Inject(Fault),
}

impl Command {
    /// Returns the leg and the conference that the command is about, where it is about one.
    pub(super) const fn concerns(&self) -> (Option<LegId>, Option<ConferenceId>) {
        match self {
            Self::Open { leg, .. }
            | Self::Update { leg, .. }
            | Self::Close { leg }
            | Self::Play { leg, .. }
            | Self::Whisper { leg, .. }
            | Self::Leave { leg }
            | Self::Listen { leg, .. }
            | Self::BeHeard { leg, .. }
            | Self::Press { leg, .. }
            | Self::Review { leg }
            | Self::Echo { leg, .. }
            | Self::Shape { leg, .. }
            | Self::Release { leg } => (Some(*leg), None),
            Self::Adopt { leg } => (Some(leg.id()), None),
            Self::Join { leg, conference }
            | Self::Record {
                leg, conference, ..
            } => (Some(*leg), Some(*conference)),
            Self::Announce { conference, .. }
            | Self::Start { conference }
            | Self::Speakers { conference, .. }
            | Self::End { conference }
            | Self::Roster { conference, .. }
            | Self::Seats { conference, .. } => (None, Some(*conference)),
            Self::Learn(lesson) => (None, Some(lesson.conference)),
            Self::Forget { .. } | Self::Inject(_) => (None, None),
        }
    }
}

/// Why clips are not said over the talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unplayed {
    /// They last longer than [`WORDS_OVER_TALK_MAX`](crate::limit::WORDS_OVER_TALK_MAX).
    TooLong,
    /// Too many wait.
    TooMany,
    /// The sound of one of them is not kept.
    NotKept,
}

/// What can be said of a leg's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Review {
    /// Packets of sound that came.
    pub received: u64,
    /// Packets that were missing when their sound was due, and had no copy.
    pub lost: u64,
    /// Datagrams from other addresses than the leg's, which were dropped.
    pub foreign: u64,
    /// Packets go where they came from, instead of where the session description said.
    pub latched: bool,
    /// How many of a thousand packets of ours were lost, by the peer's reports.
    pub lost_there_permille: u64,
    /// By the peer's reports our packets arrived there, and went on arriving.
    pub heard_there: bool,
}

/// What is known of a leg's sound once it was played back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Echoed {
    /// Something was said, so that there was something to play back.
    pub heard: bool,
    /// Packets that should have come meanwhile.
    pub expected: u64,
    /// Those of them that were missing when their sound was due, and had no copy.
    pub lost: u64,
}

/// What a shard tells the control plane.
#[derive(Debug)]
pub enum Event {
    /// A browser's or telephone's DTLS handshake is complete and media may flow.
    Connected {
        /// The leg.
        leg: LegId,
    },
    /// A key was pressed, exactly once per press: as telephone-event (RFC 4733), else signalled or heard.
    Digit {
        /// The leg.
        leg: LegId,
        /// The key: `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// The clips of a [`Command::Play`] or [`Command::Whisper`] have been played to their end; not sent if they were
    /// replaced.
    Played {
        /// The leg.
        leg: LegId,
        /// The token of the command.
        token: u64,
    },
    /// The answer to [`Command::Review`].
    Reviewed {
        /// The leg.
        leg: LegId,
        /// What can be said of it.
        review: Review,
    },
    /// What a [`Command::Echo`] has kept was played back and is wiped; not sent if it was ended before.
    Echoed {
        /// The leg.
        leg: LegId,
        /// The token of the command.
        token: u64,
        /// What is known of it.
        echoed: Echoed,
    },
    /// A [`Command::Record`] is over; not sent if it was ended before.
    Recorded {
        /// The leg.
        leg: LegId,
        /// Something was said, and is kept.
        heard: bool,
    },
    /// The clips of a [`Command::Whisper`] are not played.
    Unplayed {
        /// The leg.
        leg: LegId,
        /// The token of the command.
        token: u64,
        /// Why.
        why: Unplayed,
    },
    /// The clips of a [`Command::Announce`] have been played to their end, or are not played; not sent if the conference
    /// ended meanwhile.
    Announced {
        /// The conference.
        conference: ConferenceId,
        /// The token of the command.
        token: u64,
        /// Why they are not played.
        outcome: Result<(), Unplayed>,
    },
    /// A seated leg began or ceased to speak, by measured level with hysteresis.
    Speaking {
        /// The leg.
        leg: LegId,
        /// Whether it speaks.
        speaking: bool,
    },
    /// A seated leg began to disturb the others, or ceased to. A leg that plays music is left out of every mix by the bus,
    /// which listens on to notice its end.
    Disturbs {
        /// The leg.
        leg: LegId,
        /// With what; none when it ceased.
        disturbance: Option<Disturbance>,
    },
    /// The line of an attached leg carries speech otherwise than was told, in either direction; from time to time it is told
    /// again.
    Quality {
        /// The leg.
        leg: LegId,
        /// How well.
        quality: Quality,
    },
    /// An attached leg that may not speak was spoken into; told once until it may again.
    SpokeMuted {
        /// The leg.
        leg: LegId,
    },
    /// A telephone that should be sending has not sent for the duration; repeated while it lasts.
    Quiet {
        /// The leg.
        leg: LegId,
        /// How long nothing came.
        since: Duration,
    },
    /// The leg has ended.
    Gone {
        /// The leg.
        leg: LegId,
        /// Why.
        reason: Gone,
    },
    /// A bus failed and was dropped; its legs stay, unattached.
    BusFailed {
        /// The conference.
        conference: ConferenceId,
    },
    /// A leg that a [`Command::Release`] asked for.
    Released {
        /// The leg's id.
        id: LegId,
        /// The leg, with its state.
        leg: Box<Leg>,
    },
    /// Events were lost; these legs exist.
    Resync {
        /// All legs of the shard.
        legs: Vec<LegId>,
    },
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConsentLost => "consent-lost",
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::NotInRoster => "not-in-roster",
        })
    }
}
