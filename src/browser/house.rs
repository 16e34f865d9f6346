//! What a session asks of the house behind the door: the server, or the double of a test.

use std::{future::Future, sync::Arc, time::Duration};

use crate::{
    conference::{
        Dismissal, Refusal,
        acts::Done,
        event::{Event, Wording},
        focus::Verb,
        participant::Role,
        roster::{Delta, Snapshot},
        text::Post,
    },
    id::ParticipantId,
    pii::{Name, Pii, Secret},
};

use super::wire::{DialIn, Failed, Privacy, Relay};

/// The house.
pub trait House: Clone + Send + Sync + 'static {
    /// A right to enter.
    type Admission: Send + Sync;
    /// Being in a conference; dropping it is leaving.
    type Presence: Presence;

    /// Judges a link's token; the work is the same for every wrong one.
    fn check_link(
        &self,
        token: &Secret<String>,
    ) -> impl Future<Output = Result<Option<Self::Admission>, Unavailable>> + Send;

    /// Tells what the page shows before coming in.
    fn welcome(&self, admission: &Self::Admission) -> Welcome;

    /// Tells whether a page's token leads back to a seat; the answer is the same for every one that does not.
    fn expects(
        &self,
        admission: &Self::Admission,
        seat: &Secret<String>,
    ) -> impl Future<Output = bool> + Send;

    /// Negotiates sound and comes in, back to its seat if a token leads there.
    fn join(
        &self,
        admission: &Self::Admission,
        name: Option<Name>,
        seat: Option<&Secret<String>>,
        offer: &Pii<String>,
    ) -> impl Future<Output = Result<Entrance<Self::Presence>, Failed>> + Send;
}

/// Being in a conference.
pub trait Presence: Send + Sync {
    /// Does something, as far as the role allows.
    fn act(&self, verb: Verb) -> impl Future<Output = ()> + Send;

    /// Waits for news; none when the conference is gone. Nothing is lost when the wait is given up.
    fn next(&mut self) -> impl Future<Output = Option<News>> + Send;

    /// Leaves and gives the leg back.
    fn leave(self) -> impl Future<Output = ()> + Send;

    /// Gives the leg back of a page that broke off without a word; its seat is kept.
    fn lose(self) -> impl Future<Output = ()> + Send;
}

/// The house cannot judge at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// What the page shows before coming in.
#[derive(Debug)]
pub struct Welcome {
    /// The role that the link gives.
    pub role: Role,
    /// The room's title.
    pub title: Pii<String>,
    /// How the room speaks to people.
    pub language: Wording,
    /// How to call in instead.
    pub dial_in: Option<DialIn>,
    /// How the numbers begin that they may have called.
    pub dial_out: Vec<String>,
    /// What the notice on privacy says.
    pub privacy: Privacy,
}

/// What coming in yields.
#[derive(Debug)]
pub struct Entrance<P> {
    /// Who they are in the roster.
    pub participant: ParticipantId,
    /// The session description for the browser.
    pub answer: Pii<String>,
    /// Everybody.
    pub roster: Snapshot,
    /// The token that leads back to their seat.
    pub seat: Secret<String>,
    /// They came back, and their microphone was on before; it is off.
    pub spoke: bool,
    /// The way round strict firewalls, where there is one.
    pub relay: Option<Relay>,
    /// Their presence.
    pub presence: P,
}

/// What a participant is told.
#[derive(Debug, Clone)]
pub enum News {
    /// The whole roster, after changes that were missed.
    Roster(Snapshot),
    /// Changes to the roster.
    Delta(Arc<Delta>),
    /// What was done, and when: the time since 1970-01-01 00:00 UTC.
    Done(Arc<Done>, Duration),
    /// An event of the catalogue.
    Told(Event),
    /// What somebody has written.
    Written(Arc<Post>),
    /// The code by which a telephone becomes their sound, and for how long it can be typed.
    PairingCode(Secret<String>, Duration),
    /// What they asked for is refused.
    Refused(Refusal),
    /// The token that leads back to their seat, in place of the one before.
    Seat(Secret<String>),
    /// Sound flows.
    Connected,
    /// They are out.
    Dismissed(Dismissal),
}
