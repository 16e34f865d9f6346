//! The WebSocket door: one session per connection, from the first message to the close.
//!
//! ```text
//!   upgrade ── origin, subprotocol
//!      │
//!   Hello ──── link right? ─ no ─▶ unwelcome, close
//!      │ welcome
//!   Join ───── link still right? ─ no ─▶ unwelcome, close
//!      │       offer, name ─ refused ─▶ failed, close
//!      │ joined
//!   inside ─── messages ⇄ news, ping every 15 s ── leave, dismissed, silence, nonsense ─▶ close, leave
//! ```
//!
//! Whatever ends the session, the leg in the conference ends with it. Of a browser that is gone without a word the seat is
//! kept, and a token leads back to it. One that sends nonsense or too much harms only itself.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::{
        ConnectInfo, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    conference::{focus::Verb, text::Typing},
    id::ParticipantId,
    limit,
    pii::Secret,
    server::conference::{clock, until},
};

use super::{
    budget::Budget,
    house::{Entrance, House, News, Presence, Unavailable, Welcome},
    sources::Sources,
    updates::Updates,
    wire::{ClientMessage, ServerMessage, Unwelcome},
};

/// Returns the route `/ws`; sessions end when told to stop. Each holds a clone of `alive` until it has said goodbye.
pub fn routes<H: House>(
    house: H,
    stop: CancellationToken,
    alive: mpsc::Sender<Infallible>,
) -> Router {
    Router::new()
        .route("/ws", any(upgrade::<H>))
        .with_state(Door {
            house,
            stop,
            alive,
            sources: Arc::default(),
        })
}

#[derive(Clone)]
struct Door<H> {
    house: H,
    stop: CancellationToken,
    alive: mpsc::Sender<Infallible>,
    sources: Arc<Sources>,
}

async fn upgrade<H: House>(
    State(door): State<Door<H>>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !same_origin(&headers) {
        return refuse(StatusCode::FORBIDDEN, "foreign-origin");
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(WebSocketUpgradeRejection::MethodNotGet(_)) => {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed");
        }
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "malformed"),
    };
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(limit::BROWSER_MESSAGE_BYTES)
        .max_frame_size(limit::BROWSER_MESSAGE_BYTES)
        .read_buffer_size(limit::BROWSER_READ_BYTES)
        .write_buffer_size(limit::BROWSER_WRITE_BYTES)
        .max_write_buffer_size(limit::BROWSER_WRITE_BYTES_MAX);
    if upgrade.selected_protocol().is_none() {
        return refuse(StatusCode::BAD_REQUEST, "unknown-subprotocol");
    }
    let from = from.map(|Extension(ConnectInfo(from))| from.ip());
    upgrade.on_upgrade(move |socket| run(door, from, socket))
}

/// Tells whether the page that opens the socket came from here. Only browsers say where a page came from; who says
/// nothing is no page.
fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    let (Some(host), Some((scheme, authority))) = (host, origin) else {
        return false;
    };
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let bare = |authority: &str| {
        let lower = authority.to_ascii_lowercase();
        lower
            .strip_suffix(default_port)
            .map_or(lower.clone(), str::to_owned)
    };
    bare(authority) == bare(host)
}

fn refuse(status: StatusCode, code: &str) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, format!("{{\"error\":\"{code}\"}}\n")).into_response()
}

async fn run<H: House>(door: Door<H>, from: Option<IpAddr>, socket: WebSocket) {
    let mut session = Session::new(socket, door.stop.clone(), door.sources.clone(), from);
    let end = session.attend(&door.house).await;
    tracing::debug!(?end, "browser session ended");
    session.close(end).await;
    drop(door.alive);
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The browser left or was sent away, and knows it.
    Done,
    /// The connection is gone.
    Gone,
    /// The browser sent what it must not send.
    Malformed,
    /// The browser sent nothing in time.
    Silent,
    /// The browser sent too much.
    Flood,
    /// The server stops.
    Stopping,
}

impl End {
    /// Returns the close code (RFC 6455 §7.4.2: 4000 and above are ours) and the reason.
    const fn told(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone => None,
            Self::Done => Some((1000, "done")),
            Self::Stopping => Some((1001, "stopping")),
            Self::Malformed => Some((4000, "malformed")),
            Self::Silent => Some((4001, "silent")),
            Self::Flood => Some((4002, "flood")),
        }
    }
}

/// One connection.
struct Session {
    socket: WebSocket,
    stop: CancellationToken,
    sources: Arc<Sources>,
    /// Where it comes from, if that is counted.
    from: Option<IpAddr>,
    budget: Budget,
    ping: Interval,
    heard_at: Instant,
}

impl Session {
    fn new(
        socket: WebSocket,
        stop: CancellationToken,
        sources: Arc<Sources>,
        from: Option<IpAddr>,
    ) -> Self {
        let now = Instant::now();
        let mut ping = interval(limit::BROWSER_PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        Self {
            socket,
            stop,
            sources,
            from,
            budget: Budget::new(
                limit::BROWSER_MESSAGE_BURST,
                limit::BROWSER_MESSAGES_PER_SECOND,
                now.into_std(),
            ),
            ping,
            heard_at: now,
        }
    }

    /// Goes through the stages; returns why there is no further one.
    async fn attend<H: House>(&mut self, house: &H) -> End {
        match self.stages(house).await {
            Ok(()) => End::Done,
            Err(end) => end,
        }
    }

    async fn stages<H: House>(&mut self, house: &H) -> Result<(), End> {
        let hello = self.message_within(limit::BROWSER_HELLO).await?;
        let ClientMessage::Hello { token, seat } = hello else {
            return Err(End::Malformed);
        };
        let Some(admission) = self.judge(house, &token).await? else {
            return Ok(());
        };
        let returns = match &seat {
            Some(seat) => house.expects(&admission, seat).await,
            None => false,
        };
        self.greet(house.welcome(&admission), returns).await?;
        let (name, offer) = match self.message_within(limit::BROWSER_LOBBY).await? {
            ClientMessage::Join { name, offer } => (name, offer),
            ClientMessage::Leave {} => return Ok(()),
            ClientMessage::Hello { .. }
            | ClientMessage::Microphone { .. }
            | ClientMessage::OriginalSound { .. }
            | ClientMessage::Hand { .. }
            | ClientMessage::TypedText { .. }
            | ClientMessage::Chat { .. }
            | ClientMessage::ChatRule { .. }
            | ClientMessage::MuteAll {}
            | ClientMessage::AskToUnmute { .. }
            | ClientMessage::LowerHand { .. }
            | ClientMessage::LowerHands {}
            | ClientMessage::AskToSpeak { .. }
            | ClientMessage::GiveFloor { .. }
            | ClientMessage::Lock { .. }
            | ClientMessage::HearName { .. }
            | ClientMessage::Admit { .. }
            | ClientMessage::AdmitAll {}
            | ClientMessage::TurnAway { .. }
            | ClientMessage::TalkWith { .. }
            | ClientMessage::EndTalk {}
            | ClientMessage::Lobby { .. }
            | ClientMessage::EntrySignal { .. }
            | ClientMessage::LiftAlarm {}
            | ClientMessage::Invite { .. }
            | ClientMessage::Rename { .. }
            | ClientMessage::Ban { .. }
            | ClientMessage::Mute { .. }
            | ClientMessage::Remove { .. }
            | ClientMessage::MakeModerator { .. }
            | ClientMessage::PairingCode {}
            | ClientMessage::OwnTelephone { .. }
            | ClientMessage::End {} => return Err(End::Malformed),
        };
        // Links may be replaced and rooms removed while a page waits in the lobby.
        let Some(admission) = self.judge(house, &token).await? else {
            return Ok(());
        };
        let joined = house.join(&admission, name, seat.as_ref(), &offer);
        match joined.await {
            Ok(entrance) => self.inside(entrance).await,
            Err(reason) => self.send(&ServerMessage::Failed { reason }).await,
        }
    }

    /// Returns the right to enter that the link gives; who has none is told so.
    async fn judge<H: House>(
        &mut self,
        house: &H,
        token: &Secret<String>,
    ) -> Result<Option<H::Admission>, End> {
        let reason = match look_up(house, &self.sources, self.from, token).await {
            Ok(Some(admission)) => return Ok(Some(admission)),
            Ok(None) => Unwelcome::UnknownLink,
            Err(Unavailable) => Unwelcome::Busy,
        };
        self.send(&ServerMessage::Unwelcome { reason }).await?;
        Ok(None)
    }

    async fn greet(&mut self, welcome: Welcome, returns: bool) -> Result<(), End> {
        self.send(&ServerMessage::Welcome {
            role: welcome.role,
            title: welcome.title,
            language: welcome.language,
            dial_in: welcome.dial_in,
            dial_out: welcome.dial_out,
            privacy: Box::new(welcome.privacy),
            returns,
        })
        .await
    }

    /// Carries messages and news until one side ends it; whatever ends it, the leg is given back.
    async fn inside<P: Presence>(&mut self, entrance: Entrance<P>) -> Result<(), End> {
        let mut presence = entrance.presence;
        let mut updates = Updates::new(&entrance.roster, clock());
        let joined = ServerMessage::Joined {
            participant: entrance.participant,
            answer: entrance.answer,
            roster: (&entrance.roster).into(),
            seat: entrance.seat,
            spoke: entrance.spoke,
            relay: entrance.relay,
        };
        let mut outcome = self.send(&joined).await.map(|()| true);
        while let Ok(true) = outcome {
            outcome = tokio::select! {
                news = presence.next() => match news {
                    Some(news) => self.tell(news, entrance.participant, &mut updates).await,
                    None => Err(End::Stopping),
                },
                () = until(updates.poll_timeout()) => {
                    self.send_all(updates.poll(clock())).await.map(|()| true)
                }
                message = self.message() => match message {
                    Ok(message) => obey(message, &presence).await,
                    Err(end) => Err(end),
                },
            };
        }
        match outcome {
            Err(End::Gone | End::Silent) => presence.lose().await,
            Ok(_) | Err(End::Done | End::Malformed | End::Flood | End::Stopping) => {
                presence.leave().await;
            }
        }
        outcome.map(|_| ())
    }

    /// Passes news on; returns whether the session goes on.
    async fn tell(
        &mut self,
        news: News,
        own: ParticipantId,
        updates: &mut Updates,
    ) -> Result<bool, End> {
        let mut concerned = [own; 2];
        let message = match news {
            News::Delta(delta) => {
                updates.handle_delta(&delta);
                return self.send_all(updates.poll(clock())).await.map(|()| true);
            }
            News::Roster(snapshot) => {
                updates.handle_roster(snapshot);
                return self.send_all(updates.poll(clock())).await.map(|()| true);
            }
            // It tells of the roster nothing, so what is pending may go on waiting.
            News::Done(done, at) => {
                let done = ServerMessage::done(&done, at);
                return self.send(&done).await.map(|()| true);
            }
            News::Told(event) => ServerMessage::Told {
                event: event.key().to_owned(),
                shown: event.into(),
            },
            News::Written(post) => {
                concerned[1] = post.author();
                ServerMessage::from(&*post)
            }
            News::PairingCode(code, open) => ServerMessage::PairingCode {
                code,
                seconds: open.as_secs(),
            },
            News::Refused(reason) => ServerMessage::Refused { reason },
            News::Seat(seat) => ServerMessage::Seat { seat },
            News::Connected => ServerMessage::Connected,
            News::Dismissed(reason) => {
                self.send(&ServerMessage::Dismissed { reason }).await?;
                return Ok(false);
            }
        };
        self.send_all(updates.flush(&concerned, clock())).await?;
        self.send(&message).await.map(|()| true)
    }

    async fn send_all(&mut self, messages: Vec<ServerMessage>) -> Result<(), End> {
        for message in messages {
            self.send(&message).await?;
        }
        Ok(())
    }

    async fn message_within(&mut self, patience: Duration) -> Result<ClientMessage, End> {
        let stop = self.stop.clone();
        tokio::select! {
            message = timeout(patience, self.message()) => message.unwrap_or(Err(End::Silent)),
            () = stop.cancelled() => Err(End::Stopping),
        }
    }

    /// Waits for a message, keeping the connection alive meanwhile. May be given up without losing a message.
    async fn message(&mut self) -> Result<ClientMessage, End> {
        loop {
            tokio::select! {
                frame = self.socket.recv() => {
                    let Some(Ok(frame)) = frame else {
                        return Err(End::Gone);
                    };
                    if let Some(message) = self.read(&frame)? {
                        return Ok(message);
                    }
                }
                now = self.ping.tick() => {
                    if now.saturating_duration_since(self.heard_at) >= limit::BROWSER_DEAD {
                        return Err(End::Silent);
                    }
                    self.write(Message::Ping(Default::default())).await?;
                }
            }
        }
    }

    /// Reads a frame; pings and pongs carry nothing.
    fn read(&mut self, frame: &Message) -> Result<Option<ClientMessage>, End> {
        self.heard_at = Instant::now();
        if !self.budget.take_many(cost(frame), self.heard_at.into_std()) {
            return Err(End::Flood);
        }
        match frame {
            Message::Text(text) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| End::Malformed),
            Message::Binary(_) => Err(End::Malformed),
            Message::Ping(_) | Message::Pong(_) => Ok(None),
            Message::Close(_) => Err(End::Gone),
        }
    }

    async fn send(&mut self, message: &ServerMessage) -> Result<(), End> {
        let text = serde_json::to_string(message).expect("a message can be written as JSON");
        self.write(Message::Text(text.into())).await
    }

    async fn write(&mut self, frame: Message) -> Result<(), End> {
        match timeout(limit::BROWSER_SEND, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Says why, and waits a moment for the browser to have heard it.
    async fn close(mut self, end: End) {
        let Some((code, reason)) = end.told() else {
            return;
        };
        let frame = CloseFrame {
            code,
            reason: format!("{{\"reason\":\"{reason}\"}}").into(),
        };
        let said = self.write(Message::Close(Some(frame))).await;
        let heard = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        if said.is_ok() {
            let _ = timeout(limit::BROWSER_CLOSE, heard).await;
        }
    }
}

/// What a frame takes of the budget: what is long costs more, since all may have to read it.
fn cost(frame: &Message) -> u32 {
    let bytes = match frame {
        Message::Text(text) => text.len(),
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) => 0,
    };
    u32::try_from(1 + bytes / limit::BROWSER_TOKEN_BYTES).unwrap_or(u32::MAX)
}

/// Asks the house about a link, when it is its turn.
async fn look_up<H: House>(
    house: &H,
    sources: &Sources,
    from: Option<IpAddr>,
    token: &Secret<String>,
) -> Result<Option<H::Admission>, Unavailable> {
    let Some(from) = from else {
        return house.check_link(token).await;
    };
    let now = Instant::now().into_std();
    let turn = sources.turn(from, now).await?;
    let found = house.check_link(token).await?;
    if found.is_some() {
        sources.take_back(&turn, from, now);
    }
    Ok(found)
}

/// Does what a browser inside asks; returns whether the session goes on.
async fn obey(message: ClientMessage, presence: &impl Presence) -> Result<bool, End> {
    let verb = match message {
        ClientMessage::Microphone { on } => Verb::SetMicrophone(on),
        ClientMessage::OriginalSound { on } => Verb::SetOriginalSound(on),
        ClientMessage::Hand { up } => Verb::SetHand(up),
        ClientMessage::TypedText { text, ended } => Verb::Type(Typing { words: text, ended }),
        ClientMessage::Chat { to: None, text } => Verb::Chat(text),
        ClientMessage::Chat { to: Some(to), text } => Verb::ChatWith(to, text),
        ClientMessage::ChatRule { rule } => Verb::SetChatRule(rule),
        ClientMessage::MuteAll {} => Verb::MuteAll,
        ClientMessage::AskToUnmute { participant } => Verb::AskToUnmute(participant),
        ClientMessage::LowerHand { participant } => Verb::LowerHand(participant),
        ClientMessage::LowerHands {} => Verb::LowerHands,
        ClientMessage::AskToSpeak { on } => Verb::SetAskToSpeak(on),
        ClientMessage::GiveFloor { participant } => Verb::GiveFloor(participant),
        ClientMessage::Lock { on } => Verb::SetLock(on),
        ClientMessage::HearName { participant } => Verb::HearName(participant),
        ClientMessage::Admit { participant } => Verb::Admit(participant),
        ClientMessage::AdmitAll {} => Verb::AdmitAll,
        ClientMessage::TurnAway {
            participant,
            reason,
        } => Verb::TurnAway(participant, reason),
        ClientMessage::TalkWith { participant } => Verb::TalkWith(participant),
        ClientMessage::EndTalk {} => Verb::EndTalk,
        ClientMessage::Lobby { who } => Verb::SetLobby(who),
        ClientMessage::EntrySignal { signal } => Verb::SetEntrySignal(signal),
        ClientMessage::LiftAlarm {} => Verb::LiftAlarm,
        ClientMessage::Invite { number } => Verb::Invite(number),
        ClientMessage::Rename { participant, name } => Verb::Rename(participant, name),
        ClientMessage::Ban { participant } => Verb::Ban(participant),
        ClientMessage::Mute { participant } => Verb::Mute(participant),
        ClientMessage::Remove { participant } => Verb::Remove(participant),
        ClientMessage::MakeModerator { participant } => Verb::MakeModerator(participant),
        ClientMessage::PairingCode {} => Verb::AskPairingCode,
        ClientMessage::OwnTelephone { own } => Verb::AnswerForTelephone(own),
        ClientMessage::End {} => Verb::End,
        ClientMessage::Leave {} => return Ok(false),
        ClientMessage::Hello { .. } | ClientMessage::Join { .. } => return Err(End::Malformed),
    };
    presence.act(verb).await;
    Ok(true)
}

/// The subprotocol both sides must speak.
const SUBPROTOCOL: &str = "rundruf.1";

#[cfg(test)]
mod tests;
