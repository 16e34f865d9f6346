//! Sessions over real sockets on loopback, with a double of the house behind the door.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use axum::{body::Body, http::Request};
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::mpsc, task::yield_now};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message as Frame,
        client::IntoClientRequest,
        handshake::client::Response as Handshake,
        http::{HeaderName, HeaderValue},
    },
};
use tower::ServiceExt;

use super::*;
use crate::{
    browser::wire::{DialIn, Failed, Named, Privacy},
    conference::roster::{ConferenceState, Delta, Snapshot},
    conference::{
        Dismissal,
        acts::{Act, Actor, Affected, Done},
        event::{Event, Wording},
        participant::{Door as Way, Participant, Role},
        text::{ChatLine, Post, TypedLine},
    },
    id::ParticipantId,
    pii::{Name, Pii, Words},
};

mod messages;
mod writing;

#[tokio::test]
async fn a_guest_comes_in_is_told_and_leaves() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    page.say(json!({"type": "microphone", "on": true})).await;
    assert_eq!(world.did().await, "SetMicrophone(true)");
    world.tell(News::Connected).await;
    assert_eq!(page.hear().await, json!({"type": "connected"}));
    let delta = Delta {
        version: 2,
        state: ConferenceState::default(),
        entries: vec![entry(2)],
        ..Delta::default()
    };
    world.tell(News::Delta(Arc::new(delta))).await;
    let heard = page.hear().await;
    assert_eq!(
        (&heard["type"], &heard["version"]),
        (&json!("delta"), &json!(2))
    );
    page.say(json!({"type": "leave"})).await;
    assert_eq!(world.did().await, "left");
    assert_eq!(page.closed().await, Some(1000));
}

#[tokio::test]
async fn every_wrong_link_has_the_same_answer() {
    let world = World::start().await;
    for token in ["", "wrong", "#", &"a".repeat(60_000), "‹right›"] {
        let mut page = world.open().await;
        page.say(hello(token)).await;
        let heard = page.hear().await;
        assert_eq!(
            heard,
            json!({"type": "unwelcome", "reason": "unknown-link"})
        );
        assert_eq!(page.closed().await, Some(1000));
    }
}

/// R3: ten thousand links at random from one address have the same answer, and keep nobody out who shares the address.
#[tokio::test]
async fn ten_thousand_links_at_random_learn_nothing_and_keep_nobody_out() {
    let thief: SocketAddr = "203.0.113.66:4000".parse().unwrap();
    let world = World::start_for(Some(thief)).await;
    for number in 0..10_000_u32 {
        let mut page = world.open().await;
        let token = format!(
            "{:022x}",
            u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        );
        page.say(hello(&token)).await;
        let heard = page.hear().await;
        let unknown = json!({"type": "unwelcome", "reason": "unknown-link"});
        assert_eq!(heard, unknown);
    }
    world.inside().await;
    let looked_up = world.links.judged.load(Ordering::Relaxed);
    assert_eq!(
        looked_up, 10_002,
        "a link is judged again when its page joins"
    );
}

#[tokio::test]
async fn links_of_an_address_that_tries_are_looked_up_one_after_the_other() {
    const PAGES: u32 = 100;
    let thief: SocketAddr = "203.0.113.66:4000".parse().unwrap();
    let world = World::start_for(Some(thief)).await;
    let began = Instant::now();
    for _ in 0..limit::WRONG_LINK_BURST {
        let mut page = world.open().await;
        page.say(hello("wrong")).await;
        page.hear().await;
    }
    world.links.slow.store(true, Ordering::Relaxed);
    let mut pages = Vec::new();
    for number in 0..PAGES {
        let mut page = world.open().await;
        let token = if number % 10 == 9 { "right" } else { "wrong" };
        page.say(hello(token)).await;
        pages.push((page, token));
    }
    for (page, token) in &mut pages {
        let told = if *token == "right" {
            "welcome"
        } else {
            "unwelcome"
        };
        assert_eq!(page.hear().await["type"], told);
    }
    // For each second that passes one more may be judged beside them.
    let seconds = u32::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let most = world.links.most_at_once.load(Ordering::Relaxed);
    assert!(most <= 1 + seconds, "{most} of {PAGES} in {seconds} s");
}

#[tokio::test]
async fn a_link_replaced_while_the_page_waits_admits_nobody() {
    let world = World::start().await;
    let mut page = world.welcomed().await;
    world.links.replaced.store(true, Ordering::Relaxed);
    page.say(json!({"type": "join", "name": "Anna", "offer": "v=0"}))
        .await;
    let heard = page.hear().await;
    assert_eq!(
        heard,
        json!({"type": "unwelcome", "reason": "unknown-link"})
    );
    assert_eq!(page.closed().await, Some(1000));
}

#[tokio::test]
async fn a_house_that_cannot_judge_says_busy() {
    let world = World::start().await;
    let mut page = world.open().await;
    page.say(hello("busy")).await;
    let heard = page.hear().await;
    assert_eq!(heard, json!({"type": "unwelcome", "reason": "busy"}));
}

#[tokio::test]
async fn a_refused_offer_is_told() {
    let world = World::start().await;
    let mut page = world.welcomed().await;
    page.say(json!({"type": "join", "name": null, "offer": "nonsense"}))
        .await;
    let heard = page.hear().await;
    assert_eq!(heard, json!({"type": "failed", "reason": "malformed"}));
    assert_eq!(page.closed().await, Some(1000));
}

#[tokio::test]
async fn nonsense_at_any_stage_closes_the_session_alone() {
    let mut world = World::start().await;
    let mut bystander = world.welcomed().await;
    for nonsense in [
        "",
        "{",
        "[]",
        "{\"type\":\"hello\"}",
        "{\"type\":\"hello\",\"token\":\"right\"}",
        "{\"type\":\"hello\",\"token\":\"right\",\"seat\":null,\"more\":1}",
        "{\"type\":\"leave\",\"more\":1}",
        "{\"type\":\"fly\"}",
        "{\"type\":\"microphone\",\"on\":true}",
    ] {
        let mut page = world.open().await;
        page.socket.send(Frame::text(nonsense)).await.unwrap();
        assert_eq!(page.closed().await, Some(4000), "{nonsense}");
    }
    let mut page = world.welcomed().await;
    page.say(hello("right")).await;
    assert_eq!(page.closed().await, Some(4000));
    let mut page = world.inside().await;
    page.socket.send(Frame::binary(vec![1])).await.unwrap();
    assert_eq!(page.closed().await, Some(4000));
    assert_eq!(world.did().await, "left");
    bystander
        .say(json!({"type": "join", "name": "Anna", "offer": "v=0"}))
        .await;
    assert_eq!(bystander.hear().await["type"], "joined");
}

#[tokio::test]
async fn an_oversized_message_ends_the_connection() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    let long = "a".repeat(limit::BROWSER_MESSAGE_BYTES + 1);
    let _ = page.socket.send(Frame::text(long)).await;
    assert_eq!(world.did().await, "lost");
}

#[tokio::test]
async fn a_flood_ends_the_session() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    for _ in 0..limit::BROWSER_MESSAGE_BURST * 2 {
        let _ = page.socket.send(Frame::Ping(Vec::new().into())).await;
    }
    assert_eq!(world.did().await, "left");
    assert_eq!(page.closed().await, Some(4002));
}

#[tokio::test]
async fn of_a_lost_connection_the_seat_is_kept() {
    let mut world = World::start().await;
    let page = world.inside().await;
    drop(page);
    assert_eq!(world.did().await, "lost");
    let mut page = world.inside().await;
    page.socket.close(None).await.unwrap();
    assert_eq!(world.did().await, "lost", "as a page that is loaded again");
}

/// What a page is told before it is in does not depend on why its token is none.
#[tokio::test]
async fn a_token_leads_back_and_every_other_is_as_none() {
    let world = World::start().await;
    for (seat, returns) in [
        (json!(null), false),
        (json!(""), false),
        (json!("forged"), false),
        (json!("a".repeat(60_000)), false),
        (json!("seat of 1"), true),
    ] {
        let mut page = world.open().await;
        let hello = json!({"type": "hello", "token": "right", "seat": seat});
        page.say(hello).await;
        let heard = page.hear().await;
        assert_eq!(heard["type"], "welcome");
        assert_eq!(heard["returns"], returns);
        let join = json!({"type": "join", "name": "Anna", "offer": "v=0"});
        page.say(join).await;
        let heard = page.hear().await;
        assert_eq!(heard["seat"], "seat of 1");
        assert_eq!(heard["spoke"], returns);
    }
}

#[tokio::test]
async fn a_token_is_given_anew() {
    let world = World::start().await;
    let mut page = world.inside().await;
    world
        .tell(News::Seat(Secret::new("another".to_owned())))
        .await;
    let heard = page.hear().await;
    assert_eq!(heard, json!({"type": "seat", "seat": "another"}));
}

#[tokio::test]
async fn the_dismissed_are_told_why() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    world.tell(News::Dismissed(Dismissal::Removed)).await;
    let heard = page.hear().await;
    assert_eq!(heard, json!({"type": "dismissed", "reason": "removed"}));
    assert_eq!(page.closed().await, Some(1000));
    assert_eq!(world.did().await, "left");
}

#[tokio::test]
async fn an_event_is_told_with_its_text_in_every_wording() {
    let world = World::start().await;
    let mut page = world.inside().await;
    world.tell(News::Told(Event::Stopping)).await;
    let heard = page.hear().await;
    assert_eq!(heard["event"], Event::Stopping.key());
    for wording in Wording::ALL {
        assert_eq!(
            heard["shown"][wording.tag()],
            Event::Stopping.shown(wording)
        );
    }
}

#[tokio::test]
async fn a_whole_roster_becomes_the_change_that_leads_to_it() {
    let world = World::start().await;
    let mut page = world.inside().await;
    let roster = Snapshot {
        version: 9,
        state: ConferenceState::default(),
        entries: vec![entry(3)],
    };
    world.tell(News::Roster(roster)).await;
    let heard = page.hear().await;
    assert_eq!(heard["version"], 9);
    assert_eq!(heard["entries"][0]["id"], "0000000000000003");
    assert_eq!(heard["gone"], json!(["0000000000000001"]));
}

/// Changes that come at once are told at once, and before whatever follows from them.
#[tokio::test]
async fn changes_soon_after_another_are_told_together_and_before_other_news() {
    let world = World::start().await;
    let mut page = world.inside().await;
    let delta = |version: u64, number| Delta {
        version,
        entries: vec![entry(number)],
        ..Delta::default()
    };
    for version in 2..=5 {
        let change = delta(version, u32::try_from(version).unwrap());
        world.tell(News::Delta(Arc::new(change))).await;
    }
    assert_eq!(page.hear().await["version"], 2);
    let together = page.hear().await;
    assert_eq!(together["version"], 5);
    assert_eq!(together["entries"].as_array().unwrap().len(), 3);
    world.tell(News::Delta(Arc::new(delta(6, 6)))).await;
    world.tell(News::Told(Event::LetIn { present: 6 })).await;
    assert_eq!(page.hear().await["version"], 6);
    assert_eq!(page.hear().await["event"], "let-in");
}

#[tokio::test]
async fn what_was_done_is_told_with_its_time() {
    let world = World::start().await;
    let mut page = world.inside().await;
    let done = |to| Done {
        act: Act::MadeModerator,
        actor: Actor::Moderator,
        to,
    };
    let affected = Affected::from(&Participant {
        name: Some(Name::new("Anna".to_owned())),
        ..entry(7)
    });
    let at = Duration::from_millis(1_790_000_000_900);
    for to in [Some(affected), None] {
        let named = to.is_some();
        world.tell(News::Done(Arc::new(done(to)), at)).await;
        let whom = named.then(
            || json!({"id": "0000000000000007", "name": "Anna", "door": "browser", "ordinal": 7}),
        );
        let told = json!({
            "type": "act", "act": "made-moderator", "actor": "moderator", "at": 1_790_000_000, "to": whom
        });
        assert_eq!(page.hear().await, told);
    }
}

#[tokio::test]
async fn the_stop_reaches_those_who_wait() {
    let world = World::start().await;
    let mut page = world.welcomed().await;
    world.stop.cancel();
    assert_eq!(page.closed().await, Some(1001));
}

#[tokio::test]
async fn who_says_no_hello_is_closed() {
    let world = World::start().await;
    let mut page = world.open().await;
    tokio::time::pause();
    assert_eq!(page.closed().await, Some(4001));
}

#[tokio::test]
async fn who_is_heard_stays() {
    let mut world = World::start().await;
    let mut page = world.inside().await;
    for _ in 0..5 {
        tokio::time::pause();
        tokio::time::advance(limit::BROWSER_PING).await;
        tokio::time::resume();
        let frame = page.socket.next().await;
        assert!(matches!(frame, Some(Ok(Frame::Ping(_)))), "{frame:?}");
        page.say(json!({"type": "microphone", "on": true})).await;
        assert_eq!(world.did().await, "SetMicrophone(true)");
    }
}

#[tokio::test]
async fn who_answers_no_ping_is_gone() {
    let mut world = World::start().await;
    let _page = world.inside().await;
    tokio::time::pause();
    let lost = timeout(limit::BROWSER_DEAD * 2, world.did()).await;
    assert_eq!(lost.as_deref(), Ok("lost"));
}

#[tokio::test]
async fn pages_of_others_and_other_protocols_are_refused() {
    let world = World::start().await;
    let host = format!("127.0.0.1:{}", world.port);
    for (origin, protocol, status) in [
        ("https://evil.example", "rundruf.1", 403),
        ("null", "rundruf.1", 403),
        ("http://127.0.0.1", "rundruf.1", 403),
        (&*format!("http://{host}.evil.example"), "rundruf.1", 403),
        (&*format!("http://{host}"), "rundruf.2", 400),
        (&*format!("http://{host}"), "rundruf.1", 101),
    ] {
        let headers = [("origin", origin), ("sec-websocket-protocol", protocol)];
        let answered = match world.connect(&headers).await {
            Ok((_, handshake)) => handshake.status(),
            Err(Error::Http(refused)) => refused.status(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(answered, status, "{origin} {protocol}");
    }
}

#[tokio::test]
async fn who_opens_no_socket_is_told_a_code() {
    for (method, status, code) in [
        ("GET", StatusCode::BAD_REQUEST, "malformed"),
        ("POST", StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
    ] {
        let (_, news) = mpsc::channel(1);
        let (acts, _) = mpsc::channel(1);
        let (alive, _) = mpsc::channel(1);
        let double = Double {
            news: Arc::new(Mutex::new(Some(news))),
            acts,
            links: Arc::default(),
        };
        let request = Request::builder().method(method).uri("/ws");
        let request = request.body(Body::empty()).unwrap();
        let routes = routes(double, CancellationToken::new(), alive);
        let answer = routes.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&*bytes, format!("{{\"error\":\"{code}\"}}\n").as_bytes());
    }
}

#[test]
fn an_origin_is_compared_with_its_port() {
    for (origin, host, same) in [
        ("https://example.org", "example.org", true),
        ("https://example.org", "example.org:443", true),
        ("https://Example.org:443", "example.org", true),
        ("http://localhost:8080", "localhost:8080", true),
        ("http://localhost:8080", "localhost:8443", false),
        ("http://[::1]:8080", "[::1]:8080", true),
        ("file://", "", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers.insert(header::HOST, host.parse().unwrap());
        assert_eq!(same_origin(&headers), same, "{origin} {host}");
    }
}

/// A server with the double behind its door.
struct World {
    port: u16,
    stop: CancellationToken,
    did: mpsc::Receiver<String>,
    news: mpsc::Sender<News>,
    links: Arc<Links>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl World {
    async fn start() -> Self {
        Self::start_for(None).await
    }

    /// All who come seem to come from there.
    async fn start_for(from: Option<SocketAddr>) -> Self {
        let (news, queue) = mpsc::channel(16);
        let (acts, did) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let double = Double {
            news: Arc::new(Mutex::new(Some(queue))),
            acts,
            links: Arc::default(),
        };
        let links = Arc::clone(&double.links);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (alive, _) = mpsc::channel(1);
        let mut routes = routes(double, stop.clone(), alive);
        if let Some(from) = from {
            routes = routes.layer(Extension(ConnectInfo(from)));
        }
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            port,
            stop,
            did,
            news,
            links,
        }
    }

    async fn connect(&self, headers: &[(&str, &str)]) -> Result<(Socket, Handshake), Error> {
        let mut request = format!("ws://127.0.0.1:{}/ws", self.port)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).unwrap());
        }
        connect_async(request).await
    }

    async fn open(&self) -> Page {
        let protocol = [("sec-websocket-protocol", SUBPROTOCOL)];
        let (socket, _) = self.connect(&protocol).await.unwrap();
        Page { socket }
    }

    async fn welcomed(&self) -> Page {
        let mut page = self.open().await;
        page.say(hello("right")).await;
        let heard = page.hear().await;
        assert_eq!(heard["type"], "welcome");
        assert_eq!(heard["dial_in"]["pin"], "24681357");
        page
    }

    async fn inside(&self) -> Page {
        let mut page = self.welcomed().await;
        page.say(json!({"type": "join", "name": "Anna", "offer": "v=0"}))
            .await;
        let heard = page.hear().await;
        assert_eq!(heard["type"], "joined");
        assert_eq!(heard["answer"], "v=0 to Anna");
        page
    }

    async fn tell(&self, news: News) {
        self.news.send(news).await.unwrap();
    }

    async fn did(&mut self) -> String {
        self.did.recv().await.unwrap()
    }
}

/// A page as a bare WebSocket.
struct Page {
    socket: Socket,
}

impl Page {
    async fn say(&mut self, message: Value) {
        self.socket
            .send(Frame::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
                Frame::Ping(_) | Frame::Pong(_) => {}
                other @ (Frame::Binary(_) | Frame::Close(_) | Frame::Frame(_)) => {
                    panic!("{other:?}")
                }
            }
        }
    }

    /// Waits for the close; returns its code, whose reason is JSON.
    async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.socket.next().await? {
                Ok(Frame::Close(frame)) => {
                    let frame = frame?;
                    let reason: Value = serde_json::from_str(&frame.reason).unwrap();
                    assert!(reason["reason"].is_string());
                    return Some(frame.code.into());
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

/// A house whose only link is `right`; the first to join is told the world's news.
#[derive(Clone)]
struct Double {
    news: Arc<Mutex<Option<mpsc::Receiver<News>>>>,
    acts: mpsc::Sender<String>,
    links: Arc<Links>,
}

/// What becomes of links, and how they were judged.
#[derive(Default)]
struct Links {
    replaced: AtomicBool,
    /// Judging one takes a while.
    slow: AtomicBool,
    judged: AtomicU32,
    at_once: AtomicU32,
    most_at_once: AtomicU32,
}

impl Links {
    async fn judge(&self) {
        self.judged.fetch_add(1, Ordering::Relaxed);
        let at_once = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::Relaxed);
        if self.slow.load(Ordering::Relaxed) {
            for _ in 0..100 {
                yield_now().await;
            }
        }
        self.at_once.fetch_sub(1, Ordering::Relaxed);
    }
}

impl House for Double {
    type Admission = ();
    type Presence = Here;

    async fn check_link(&self, token: &Secret<String>) -> Result<Option<()>, Unavailable> {
        self.links.judge().await;
        match token.expose().as_str() {
            "busy" => Err(Unavailable),
            _ if self.links.replaced.load(Ordering::Relaxed) => Ok(None),
            token => Ok((token == "right").then_some(())),
        }
    }

    fn welcome(&self, (): &()) -> Welcome {
        Welcome {
            role: Role::Guest,
            title: Pii::new(String::from("Jour fixe")),
            language: Wording::DeDu,
            dial_in: Some(DialIn {
                number: String::from("4711"),
                pin: Secret::new(String::from("24681357")),
                sip: String::from("sip:4711@localhost"),
                lines: Vec::new(),
            }),
            dial_out: vec!["+49".to_owned()],
            privacy: Privacy {
                named: Named::default(),
                seat_minutes: 5,
                dials_days: Some(7),
                shows_digits: false,
            },
        }
    }

    async fn expects(&self, (): &(), seat: &Secret<String>) -> bool {
        seat.expose() == "seat of 1"
    }

    async fn join(
        &self,
        (): &(),
        name: Option<Name>,
        seat: Option<&Secret<String>>,
        offer: &Pii<String>,
    ) -> Result<Entrance<Here>, Failed> {
        if offer.expose() != "v=0" {
            return Err(Failed::Malformed);
        }
        let name = name.map(Pii::into_inner).unwrap_or_default();
        Ok(Entrance {
            participant: ParticipantId::from_u64(1),
            answer: Pii::new(format!("v=0 to {name}")),
            roster: Snapshot {
                version: 1,
                state: ConferenceState::default(),
                entries: vec![entry(1)],
            },
            seat: Secret::new("seat of 1".to_owned()),
            spoke: seat.is_some_and(|seat| seat.expose() == "seat of 1"),
            relay: None,
            presence: Here {
                news: self.news.lock().unwrap().take(),
                acts: self.acts.clone(),
            },
        })
    }
}

struct Here {
    news: Option<mpsc::Receiver<News>>,
    acts: mpsc::Sender<String>,
}

impl Presence for Here {
    async fn act(&self, verb: Verb) {
        self.acts.send(format!("{verb:?}")).await.unwrap();
    }

    async fn next(&mut self) -> Option<News> {
        match &mut self.news {
            Some(news) => news.recv().await,
            None => std::future::pending().await,
        }
    }

    async fn leave(self) {
        let _ = self.acts.send(String::from("left")).await;
    }

    async fn lose(self) {
        let _ = self.acts.send(String::from("lost")).await;
    }
}

/// What a page says first that comes for the first time.
fn hello(token: &str) -> Value {
    json!({"type": "hello", "token": token, "seat": null})
}

fn entry(id: u32) -> Participant {
    Participant::guest(id, Way::Browser)
}
