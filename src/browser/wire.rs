//! The messages between browser and server: JSON over one WebSocket, subprotocol `rundruf.1`.
//!
//! `web/src/wire.ts` is made from the shapes in `typescript`; tests hold shapes, types and file equal. Whatever a
//! browser sends beyond these messages is malformed. Names and session descriptions cannot be printed.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    conference::{
        Dismissal, Refusal,
        acts::{self, Act, Actor},
        event::{Event, Wording},
        participant::{Disturbance, Door, Protection, Quality, Role, Status, Telephone},
        policy::{ChatRule, EntrySignal, Lobby, Reason},
        roster::{self, ConferenceState},
        text::{ChatLine, Post, TypedLine},
    },
    id::ParticipantId,
    pii::{Ending, Name, Pii, Purpose, Secret, Words},
};

#[cfg(test)]
pub(super) mod typescript;

/// What a browser says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClientMessage {
    /// First of all: the secret of the link.
    Hello {
        /// The token after `#` in the link.
        #[serde(deserialize_with = "secret")]
        token: Secret<String>,
        /// The token of the seat it had; none for a page that comes for the first time.
        #[serde(deserialize_with = "secret_if_any")]
        seat: Option<Secret<String>>,
    },
    /// Comes in, with an offer for the sound.
    Join {
        /// Display name as typed; none for the nameless.
        #[serde(deserialize_with = "named")]
        name: Option<Name>,
        /// The session description.
        #[serde(deserialize_with = "redacted")]
        offer: Pii<String>,
    },
    /// Switches the own microphone.
    Microphone {
        /// On or off.
        on: bool,
    },
    /// Has the own sound left as it is, or treated again.
    OriginalSound {
        /// As it is.
        on: bool,
    },
    /// Raises the own hand, or lowers it.
    Hand {
        /// Raised or not.
        up: bool,
    },
    /// Writes for all to read while it is typed: three times a second and at the end of a line, which the budget allows.
    TypedText {
        /// The whole line as it is at this moment.
        #[serde(deserialize_with = "written")]
        text: Words,
        /// It is ended; what is typed next is another.
        ended: bool,
    },
    /// Writes a line of chat.
    Chat {
        /// To whom alone; none to all.
        #[serde(deserialize_with = "Option::deserialize")]
        to: Option<ParticipantId>,
        /// The line.
        #[serde(deserialize_with = "written")]
        text: Words,
    },
    /// Decides whom people may write to by chat.
    ChatRule {
        /// Whom.
        rule: ChatRule,
    },
    /// Switches the microphones of all guests off.
    MuteAll {},
    /// Asks somebody to switch their microphone on.
    AskToUnmute {
        /// Whom.
        participant: ParticipantId,
    },
    /// Lowers somebody's hand.
    LowerHand {
        /// Whose.
        participant: ParticipantId,
    },
    /// Lowers all hands.
    LowerHands {},
    /// Lets guests speak only with the floor, or everybody again.
    AskToSpeak {
        /// Only with the floor.
        on: bool,
    },
    /// Gives somebody the floor.
    GiveFloor {
        /// Whom.
        participant: ParticipantId,
    },
    /// Lets nobody but moderators in, or everybody again.
    Lock {
        /// Nobody else.
        on: bool,
    },
    /// Hears the name that somebody has said who waits.
    HearName {
        /// Whose.
        participant: ParticipantId,
    },
    /// Lets somebody in who waits.
    Admit {
        /// Whom.
        participant: ParticipantId,
    },
    /// Lets everybody in who waits.
    AdmitAll {},
    /// Turns somebody away who waits.
    TurnAway {
        /// Whom.
        participant: ParticipantId,
        /// Why.
        reason: Reason,
    },
    /// Talks with somebody who waits, alone.
    TalkWith {
        /// With whom.
        participant: ParticipantId,
    },
    /// Ends that talk.
    EndTalk {},
    /// Decides who has to wait.
    Lobby {
        /// Who.
        who: Lobby,
    },
    /// Decides what is heard of people who come and go.
    EntrySignal {
        /// What.
        signal: EntrySignal,
    },
    /// Lets people in again without waiting after PINs were guessed.
    LiftAlarm {},
    /// Has somebody called.
    Invite {
        /// The number as typed.
        #[serde(deserialize_with = "redacted")]
        number: Pii<String>,
    },
    /// Calls somebody by a name, or by their number again.
    Rename {
        /// Whom.
        participant: ParticipantId,
        /// The name as typed.
        #[serde(deserialize_with = "named")]
        name: Option<Name>,
    },
    /// Sends somebody away for as long as the conference lasts.
    Ban {
        /// Whom.
        participant: ParticipantId,
    },
    /// Switches somebody's microphone off.
    Mute {
        /// Whose.
        participant: ParticipantId,
    },
    /// Sends somebody away.
    Remove {
        /// Whom.
        participant: ParticipantId,
    },
    /// Makes somebody a moderator.
    MakeModerator {
        /// Whom.
        participant: ParticipantId,
    },
    /// Has a code by which a telephone becomes the sound of the page.
    PairingCode {},
    /// Says that the telephone that is the sound of the page is one's own, or has it go.
    OwnTelephone {
        /// It is.
        own: bool,
    },
    /// Ends the conference for all.
    End {},
    /// Leaves.
    Leave {},
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ServerMessage {
    /// The link is right.
    Welcome {
        /// The role that the link gives.
        role: Role,
        /// The room's title.
        #[serde(serialize_with = "exposed")]
        title: Pii<String>,
        /// How the room speaks to people.
        language: Wording,
        /// How to call in with the same role.
        dial_in: Option<DialIn>,
        /// How the numbers begin that moderators may have called; none where they may have called none.
        dial_out: Vec<String>,
        /// What the notice on privacy says.
        privacy: Box<Privacy>,
        /// Their seat is kept, so that they may come in without being asked anything.
        returns: bool,
    },
    /// The link is not right, or cannot be judged.
    Unwelcome {
        /// Why.
        reason: Unwelcome,
    },
    /// They are in.
    Joined {
        /// Who they are in the roster.
        participant: ParticipantId,
        /// The session description.
        #[serde(serialize_with = "exposed")]
        answer: Pii<String>,
        /// Everybody.
        roster: Roster,
        /// The token that leads back to their seat.
        #[serde(serialize_with = "told")]
        seat: Secret<String>,
        /// They came back, and their microphone was on before; it is off.
        spoke: bool,
        /// The way round strict firewalls, where there is one.
        relay: Option<Relay>,
    },
    /// The token that leads back to their seat has changed.
    Seat {
        /// The token.
        #[serde(serialize_with = "told")]
        seat: Secret<String>,
    },
    /// The roster changed.
    Delta {
        /// The version that the change leads to.
        version: u64,
        /// What holds for all, as a whole.
        state: ConferenceState,
        /// Those who came or changed, each as a whole.
        entries: Vec<Entry>,
        /// Those who are gone.
        gone: Vec<ParticipantId>,
    },
    /// These began or ceased to speak, of whom nothing else has changed.
    Speaking {
        /// Who began.
        began: Vec<ParticipantId>,
        /// Who ceased.
        ceased: Vec<ParticipantId>,
    },
    /// The lines of these carry speech otherwise than before.
    Quality {
        /// Whose line does well.
        good: Vec<ParticipantId>,
        /// Whose line loses some of it.
        fair: Vec<ParticipantId>,
        /// Whose line loses much of it.
        poor: Vec<ParticipantId>,
    },
    /// Something was done to somebody or to the conference.
    Act {
        /// What.
        act: Act,
        /// In which role.
        actor: Actor,
        /// When, in seconds since 1970-01-01 00:00 UTC.
        at: u64,
        /// To whom, for those who may know.
        to: Option<Affected>,
    },
    /// An event for this participant.
    Told {
        /// Its key in the catalogue.
        event: String,
        /// Its text.
        shown: Shown,
    },
    /// What somebody types, the recipient's own lines included: as the others read it.
    TypedText {
        /// Who.
        from: ParticipantId,
        /// The line's number among theirs, from 1.
        line: u32,
        /// The whole line as it is at this moment.
        #[serde(serialize_with = "exposed")]
        text: Words,
        /// It is ended and changes no more.
        ended: bool,
    },
    /// A line of chat, the recipient's own included.
    Chat {
        /// Who wrote it.
        from: ParticipantId,
        /// To whom alone; none to all.
        to: Option<ParticipantId>,
        /// The line.
        #[serde(serialize_with = "exposed")]
        text: Words,
    },
    /// The code by which a telephone becomes the sound of the page.
    PairingCode {
        /// The code.
        #[serde(serialize_with = "told")]
        code: Secret<String>,
        /// For how long it can be typed.
        seconds: u64,
    },
    /// What they asked for is refused.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// Sound flows.
    Connected,
    /// They are out.
    Dismissed {
        /// Why.
        reason: Dismissal,
    },
    /// Joining failed.
    Failed {
        /// Why.
        reason: Failed,
    },
}

/// Why a link does not lead in. Every wrong link has the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unwelcome {
    /// The link leads nowhere.
    UnknownLink,
    /// The server cannot judge it at the moment.
    Busy,
}

/// Why joining failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failed {
    /// The offer makes no sense.
    Malformed,
    /// The offer lacks what a browser has: Opus over ICE and DTLS.
    NoCommonCodec,
    /// The conference has as many participants as it may have.
    Full,
    /// The conference lets nobody else in.
    Locked,
    /// A moderator has banned them.
    Banned,
    /// The server has no room for another leg.
    Busy,
    /// Policy says no.
    Refused,
    /// Our fault.
    Internal,
}

/// What the notice on privacy says that is not so everywhere (Art. 13 GDPR).
#[derive(Debug, Serialize)]
pub struct Privacy {
    /// Whom it names.
    #[serde(flatten)]
    pub named: Named,
    /// For how many minutes a page finds its seat again.
    pub seat_minutes: u64,
    /// For how many days it is kept which country was called for how long; none where nobody is called.
    pub dials_days: Option<u64>,
    /// Moderators see the last digits of the numbers of telephones.
    pub shows_digits: bool,
}

/// Whom the notice on privacy names; what the operator has not said is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Who is responsible, with an address.
    pub controller: Option<String>,
    /// How they are reached.
    pub contact: Option<String>,
    /// How their data protection officer is reached.
    pub officer: Option<String>,
    /// On what basis in law they hold conferences.
    pub basis: Option<String>,
    /// The authority to complain to.
    pub authority: Option<String>,
}

/// How to call in.
#[derive(Debug, Serialize)]
pub struct DialIn {
    /// The room's number.
    pub number: String,
    /// The PIN of the role.
    #[serde(serialize_with = "told")]
    pub pin: Secret<String>,
    /// The SIP address.
    pub sip: String,
    /// The telephone numbers.
    pub lines: Vec<DialInLine>,
}

/// A telephone number at which people come in.
#[derive(Debug, Serialize)]
pub struct DialInLine {
    /// The number in full, with spaces.
    pub number: String,
    /// What callers hear there first.
    pub language: Wording,
    /// It leads to this room alone, and the PIN suffices.
    pub pin_only: bool,
}

/// The way round strict firewalls: TURN servers, and credentials for them that end (`RTCIceServer` in browsers).
#[derive(Debug, Serialize)]
pub struct Relay {
    /// The servers, as `turns:` URIs.
    pub urls: Vec<String>,
    /// As whom; it names nobody, but stands in what the server writes of a connection.
    #[serde(serialize_with = "exposed")]
    pub username: Pii<String>,
    /// The password.
    #[serde(serialize_with = "told")]
    pub credential: Secret<String>,
}

/// Somebody to whom something was done, as they were called then.
#[derive(Debug, Serialize)]
pub struct Affected {
    /// Who.
    pub id: ParticipantId,
    /// Display name; none for those of whom the page makes a label.
    #[serde(serialize_with = "exposed_if_any")]
    pub name: Option<Name>,
    /// The way in.
    pub door: Door,
    /// Their number among those who came through the same door.
    pub ordinal: u32,
}

impl From<&acts::Affected> for Affected {
    fn from(affected: &acts::Affected) -> Self {
        Self {
            id: affected.id,
            name: affected.name.clone(),
            door: affected.door,
            ordinal: affected.ordinal,
        }
    }
}

impl ServerMessage {
    /// Tells what was done, and when: the time since 1970-01-01 00:00 UTC.
    pub fn done(done: &acts::Done, at: Duration) -> Self {
        Self::Act {
            act: done.act,
            actor: done.actor,
            at: at.as_secs(),
            to: done.to.as_ref().map(Affected::from),
        }
    }
}

/// The text of an event in every wording: the page shows the one that is chosen there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shown {
    /// In German, with *Sie*.
    pub de: String,
    /// In German, with *du*.
    pub de_du: String,
    /// In easy German.
    pub de_einfach: String,
    /// In English.
    pub en: String,
}

impl From<Event> for Shown {
    fn from(event: Event) -> Self {
        Self {
            de: event.shown(Wording::De),
            de_du: event.shown(Wording::DeDu),
            de_einfach: event.shown(Wording::DeEinfach),
            en: event.shown(Wording::En),
        }
    }
}

/// The roster as a whole.
#[derive(Debug, Serialize)]
pub struct Roster {
    /// Its version.
    pub version: u64,
    /// What holds for all.
    pub state: ConferenceState,
    /// Everybody.
    pub entries: Vec<Entry>,
}

/// A participant in the roster.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Who.
    pub id: ParticipantId,
    /// Display name; none for the nameless and for telephones, whose label the page makes of door and ordinal.
    #[serde(serialize_with = "exposed_if_any")]
    pub name: Option<Name>,
    /// The way in.
    pub door: Door,
    /// Their number among those who came through the same door.
    pub ordinal: u32,
    /// The last digits of their telephone number, for moderators of rooms that show them.
    #[serde(serialize_with = "exposed_if_any")]
    pub ending: Option<Ending>,
    /// Role.
    pub role: Role,
    /// Status.
    pub status: Status,
    /// How far their sound is protected on its way.
    pub protection: Protection,
    /// The microphone is on.
    pub microphone: bool,
    /// They speak.
    pub speaking: bool,
    /// Their sound is left as it is.
    pub original_sound: bool,
    /// They ask to speak, the lower number first.
    pub hand: Option<u32>,
    /// They were given the floor.
    pub floor: bool,
    /// They wait and have said their name; moderators may hear it.
    pub said_name: bool,
    /// What their line disturbs the others with; by music they are not heard.
    pub disturbs: Option<Disturbance>,
    /// How well their line carries speech, as the server has it.
    pub quality: Quality,
    /// They can read what others write, and write; on a telephone they cannot.
    pub text: bool,
    /// Their page broke off and may be back in a moment.
    pub away: bool,
    /// A telephone is the sound of their page.
    pub telephone: Option<Telephone>,
    /// They talk with one other alone, through the door of the waiting room.
    pub apart: bool,
    /// With whom, for moderators.
    pub apart_with: Option<ParticipantId>,
}

impl From<&roster::Entry> for Entry {
    fn from(entry: &roster::Entry) -> Self {
        Self {
            id: entry.id,
            name: entry.name.clone(),
            door: entry.door,
            ordinal: entry.ordinal,
            ending: entry.ending.clone(),
            role: entry.role,
            status: entry.status,
            protection: entry.protection,
            microphone: entry.microphone,
            speaking: entry.speaking,
            original_sound: entry.original_sound,
            hand: entry.hand,
            floor: entry.floor,
            said_name: entry.said_name,
            disturbs: entry.disturbs,
            quality: entry.quality,
            text: entry.text,
            away: entry.away,
            telephone: entry.telephone,
            apart: entry.apart.is_some(),
            apart_with: entry.apart_with(),
        }
    }
}

impl From<&roster::Snapshot> for Roster {
    fn from(snapshot: &roster::Snapshot) -> Self {
        Self {
            version: snapshot.version,
            state: snapshot.state,
            entries: snapshot.entries.iter().map(Entry::from).collect(),
        }
    }
}

impl From<&roster::Delta> for ServerMessage {
    fn from(delta: &roster::Delta) -> Self {
        Self::Delta {
            version: delta.version,
            state: delta.state,
            entries: delta.entries.iter().map(Entry::from).collect(),
            gone: delta.all_gone().collect(),
        }
    }
}

impl From<&Post> for ServerMessage {
    fn from(post: &Post) -> Self {
        match post {
            Post::Typed(TypedLine {
                from,
                line,
                words,
                ended,
            }) => Self::TypedText {
                from: *from,
                line: *line,
                text: words.clone(),
                ended: *ended,
            },
            Post::Chat(ChatLine { from, to, words }) => Self::Chat {
                from: *from,
                to: *to,
                text: words.clone(),
            },
        }
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn secret_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret<String>>, D::Error> {
    let secret = Option::<String>::deserialize(deserializer)?;
    Ok(secret.map(Secret::new))
}

fn redacted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pii<String>, D::Error> {
    String::deserialize(deserializer).map(Pii::new)
}

fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Words, D::Error> {
    String::deserialize(deserializer).map(Words::new)
}

fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Name>, D::Error> {
    let raw = Option::<String>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| crate::conference::participant::clean_name(&raw)))
}

fn exposed<P: Purpose, S: Serializer>(
    value: &Pii<String, P>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.expose())
}

fn exposed_if_any<S: Serializer>(value: &Option<Name>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Pii::expose).serialize(serializer)
}

fn told<S: Serializer>(value: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.expose())
}
