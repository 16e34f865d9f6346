//! A browser that joins: `str0m` as an independent implementation of ICE, DTLS-SRTP and SDP, and what its page is told.

use std::{
    cell::RefCell,
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    sync::Once,
    time::{Duration, Instant},
};

use dsp::{Codec, Encoder, FRAME_SAMPLES, Frame, SAMPLE_RATE, TICK};
use futures_util::FutureExt;
use rand::{SeedableRng, rngs::StdRng};
use rundruf::{
    browser::{
        house::{House, Presence},
        negotiate::{Local, negotiate},
        served::Served,
        wire::{Failed, Relay},
    },
    conference::{
        acts::Done,
        error::{Dismissal, Refusal},
        event::Event as Told,
        focus::Verb,
        participant::{Quality, Role, Status, Telephone, clean_name},
        roster::{Entry, Snapshot},
        text::Post,
    },
    id::ParticipantId,
    pii::{Pii, Secret},
    server::{Attendance, LegNews, MediaLeg, Notice},
};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpWrite},
};

use super::{
    ear::Voice,
    net::Datagram,
    now,
    recording::{Heard, Recording},
    world::{Ladder, TestRoom, World},
};

/// A browser of the world; clones are the same one.
#[derive(Clone)]
pub struct Browser(Rc<RefCell<Page>>);

struct Page {
    name: String,
    address: SocketAddr,
    ladder: Ladder,
    connection: Option<Connection>,
    attendance: Option<Attendance>,
    leg: Option<MediaLeg>,
    roster: Snapshot,
    told: Vec<Told>,
    done: Vec<(Done, Duration)>,
    read: Vec<Post>,
    refused: Vec<Refusal>,
    /// What it shows for a telephone to become its sound.
    pairing: Option<Secret<String>>,
    dismissed: Option<Dismissal>,
    /// What leads back to its seat.
    token: Option<Secret<String>>,
    spoke: bool,
    /// Sends and receives nothing any more, as after a lost network.
    dead: bool,
    voice: Option<Voice>,
    /// The level its packets claim in dBov, whatever they hold; else none.
    claims: Option<i8>,
    heard: Vec<Heard>,
    outbox: VecDeque<Datagram>,
}

struct Connection {
    rtc: Rtc,
    mid: Mid,
    payload_type: u8,
    due: Instant,
    next_tick: Instant,
    encoder: Encoder,
    ticks: u64,
    connected: bool,
}

impl Browser {
    pub fn new(name: &str, address: SocketAddr, ladder: Ladder) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| str0m::crypto::from_feature_flags().install_process_default());
        Self(Rc::new(RefCell::new(Page {
            name: name.to_owned(),
            address,
            ladder,
            connection: None,
            attendance: None,
            leg: None,
            roster: Snapshot::default(),
            told: Vec::new(),
            done: Vec::new(),
            read: Vec::new(),
            refused: Vec::new(),
            pairing: None,
            dismissed: None,
            token: None,
            spoke: false,
            dead: false,
            voice: None,
            claims: None,
            heard: Vec::new(),
            outbox: VecDeque::new(),
        })))
    }

    /// Joins a room by a role's link, as the browsers' door does it, with its token if it has one.
    pub async fn joins(&self, world: &World, room: &TestRoom, role: Role) {
        let failed = self.tries(world, room, role).await.err();
        assert!(failed.is_none(), "{failed:?}");
    }

    /// The same; returns why it is not let in.
    pub async fn tries(
        &self,
        world: &World,
        room: &TestRoom,
        role: Role,
    ) -> Result<(), rundruf::server::Error> {
        let (name, address, token) = {
            let page = self.0.borrow();
            (page.name.clone(), page.address, page.token.clone())
        };
        let server = &world.server;
        let admission = server.check_link(&room.link(role)).await.unwrap();
        let admission = admission.expect("a link that leads somewhere");
        let candidates = server.browser_addresses(&admission).await.unwrap();
        let (mut rtc, mid, offer, pending) = offer(address);
        let local = Local {
            candidates: &candidates,
            tcp_candidates: &[],
            fingerprint: server.fingerprint(),
            legacy_srtp: false,
        };
        let seed = address.to_string().bytes().map(u64::from).sum();
        let negotiated = negotiate(&offer, &local, &mut StdRng::seed_from_u64(seed)).unwrap();
        let answer = SdpAnswer::from_sdp_string(negotiated.answer.expose()).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let connection = Connection {
            rtc,
            mid,
            payload_type: negotiated.media.payload_type,
            due: now(),
            next_tick: now(),
            encoder: Encoder::new(Codec::Opus).unwrap(),
            ticks: 1,
            connected: false,
        };
        let (attendance, leg) = server
            .join_browser(
                &admission,
                clean_name(&name),
                token.as_ref(),
                negotiated.media,
            )
            .await?;
        let mut page = self.0.borrow_mut();
        page.ladder.tell(&format!("{name} joins"));
        page.roster = attendance.roster.clone();
        page.spoke = attendance.spoke;
        page.connection = Some(connection);
        page.attendance = Some(attendance);
        page.leg = Some(leg);
        page.dismissed = None;
        Ok(())
    }

    /// Keeps the token of its seat as it is.
    pub fn keeps_token(&self, world: &World) -> Secret<String> {
        let mut page = self.0.borrow_mut();
        let attendance = page.attendance.as_ref().expect("a conference");
        let mut entries = page.roster.entries.iter();
        let own = entries.find(|entry| entry.id == attendance.participant);
        let token = world.server.token(attendance, own.expect("its own line"));
        page.token = token.clone();
        token.expect("a page has a seat")
    }

    /// Leaves by the button, and keeps its token all the same.
    pub async fn leaves_with_token(&self, world: &World) {
        self.keeps_token(world);
        self.leaves().await;
    }

    /// Gives its token away.
    pub fn keeps_nothing(&self) -> Secret<String> {
        self.0.borrow_mut().token.take().expect("a token")
    }

    /// Has this token from now on, wherever it came from.
    pub fn has_token(&self, token: Secret<String>) {
        self.0.borrow_mut().token = Some(token);
    }

    /// Breaks off without a word, as a page whose network is gone or which is loaded again.
    pub async fn breaks_off(&self, world: &World) {
        self.keeps_token(world);
        let (leg, attendance) = {
            let mut page = self.0.borrow_mut();
            page.connection = None;
            page.ladder.tell(&format!("{} breaks off", page.name));
            (page.leg.take(), page.attendance.take())
        };
        attendance.expect("a conference").lose().await;
        leg.expect("a leg").close().await;
    }

    /// Comes back to its seat by its token and is connected.
    pub async fn returns(&self, world: &mut World, role: Role) {
        let room = world.room();
        self.joins(world, &room, role).await;
        world.run_until(|_| self.is_connected()).await;
        world.run_for(Duration::from_millis(200)).await;
    }

    /// Tells whether the server would know the page again, before it comes in.
    pub async fn is_expected(&self, world: &World, role: Role) -> bool {
        let link = world.room().link(role);
        let admission = world.server.check_link(&link).await.unwrap().unwrap();
        let token = self.0.borrow().token.clone().expect("a token");
        world.server.expects(&admission, &token).await
    }

    /// Tells whether it was told that its microphone was on before it came back.
    pub fn spoke(&self) -> bool {
        self.0.borrow().spoke
    }

    /// Knocks at the browsers' door; returns why it is not let in.
    pub async fn is_refused(&self, world: &World, room: &TestRoom) -> Option<Failed> {
        self.knocks(world, room, &world.served()).await.err()
    }

    /// Knocks at a door, and leaves at once if it is let in; returns the way round firewalls that it was told of.
    pub async fn knocks(
        &self,
        world: &World,
        room: &TestRoom,
        door: &Served,
    ) -> Result<Option<Relay>, Failed> {
        let address = self.0.borrow().address;
        let admission = world.server.check_link(&room.link(Role::Guest)).await;
        let admission = admission.unwrap().expect("a link that leads somewhere");
        let (_, _, offer, _) = offer(address);
        let entrance = door.join(&admission, None, None, &Pii::new(offer)).await?;
        entrance.presence.leave().await;
        Ok(entrance.relay)
    }

    /// Closes the page.
    pub async fn leaves(&self) {
        let (leg, attendance) = {
            let mut page = self.0.borrow_mut();
            page.connection = None;
            (page.leg.take(), page.attendance.take())
        };
        drop(attendance);
        leg.expect("a leg").close().await;
    }

    /// Asks for something.
    pub async fn does(&self, verb: Verb) {
        let attendance = self.0.borrow_mut().attendance.take().expect("a conference");
        attendance.act(verb).await;
        self.0.borrow_mut().attendance = Some(attendance);
    }

    pub fn says(&self, voice: Voice) {
        self.0.borrow_mut().voice = Some(voice);
    }

    /// Claims a level in the header of each packet (RFC 6464), whatever it holds; sends silence without a voice.
    pub fn claims(&self, level: i8) {
        self.0.borrow_mut().claims = Some(level);
    }

    /// Loses its network without a word.
    pub fn dies(&self) {
        self.0.borrow_mut().dead = true;
    }

    /// Tells whether media may flow, as this side sees it.
    pub fn is_connected(&self) -> bool {
        self.0
            .borrow()
            .connection
            .as_ref()
            .is_some_and(|c| c.connected)
    }

    /// The roster as the page shows it.
    pub fn roster(&self) -> Vec<Entry> {
        self.0.borrow().roster.entries.clone()
    }

    /// The roster in a line: `carol M mic · Telefon 1 hold`.
    pub fn roster_line(&self) -> String {
        let entries = self.roster();
        let lines: Vec<String> = entries.iter().map(entry_line).collect();
        lines.join(" · ")
    }

    pub fn told(&self) -> Vec<Told> {
        self.0.borrow().told.clone()
    }

    /// What the page was shown that was done, and when.
    pub fn done(&self) -> Vec<(Done, Duration)> {
        self.0.borrow().done.clone()
    }

    /// What was written, as the page was given it.
    pub fn read(&self) -> Vec<Post> {
        self.0.borrow().read.clone()
    }

    /// Who it is in the roster.
    pub fn id(&self) -> ParticipantId {
        let page = self.0.borrow();
        page.attendance.as_ref().expect("a conference").participant
    }

    pub fn refused(&self) -> Vec<Refusal> {
        self.0.borrow().refused.clone()
    }

    /// The pairing code that it shows.
    pub fn pairing_code(&self) -> String {
        let page = self.0.borrow();
        let code = page.pairing.as_ref().expect("a pairing code");
        code.expose().clone()
    }

    pub fn dismissed(&self) -> Option<Dismissal> {
        self.0.borrow().dismissed
    }

    pub fn heard_since(&self, from: Instant) -> Recording {
        Recording::of(&self.0.borrow().heard, from, now())
    }

    pub fn address(&self) -> SocketAddr {
        self.0.borrow().address
    }

    pub fn is_at(&self, address: SocketAddr) -> bool {
        self.0.borrow().address == address
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let page = self.0.borrow();
        let connection = page.connection.as_ref().filter(|_| !page.dead)?;
        Some(connection.due.min(connection.next_tick))
    }

    pub fn handle_timeout(&self, now: Instant) {
        self.0.borrow_mut().handle_timeout(now);
    }

    pub fn handle_datagram(&self, datagram: &Datagram, now: Instant) {
        self.0.borrow_mut().handle_datagram(datagram, now);
    }

    pub fn outbox(&self) -> VecDeque<Datagram> {
        std::mem::take(&mut self.0.borrow_mut().outbox)
    }

    /// Takes what the server tells the page; returns the leg if the page is out.
    pub fn listen_to_server(&self) -> Option<MediaLeg> {
        self.0.borrow_mut().listen_to_server()
    }
}

impl Page {
    fn handle_timeout(&mut self, now: Instant) {
        let (dead, voice, claims) = (self.dead, self.voice, self.claims);
        let Some(connection) = self.connection.as_mut().filter(|_| !dead) else {
            return;
        };
        if connection.due <= now {
            connection.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        if connection.next_tick <= now {
            connection.next_tick += TICK;
            connection.speak(voice, claims, now);
        }
        self.drain(now);
    }

    fn handle_datagram(&mut self, datagram: &Datagram, now: Instant) {
        let dead = self.dead;
        let Some(connection) = self.connection.as_mut().filter(|_| !dead) else {
            return;
        };
        let Ok(contents) = datagram.bytes.as_slice().try_into() else {
            return;
        };
        let receive = Receive {
            proto: Protocol::Udp,
            source: datagram.from,
            destination: datagram.to,
            contents,
        };
        let input = Input::Receive(now, receive);
        connection.rtc.handle_input(input).unwrap();
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        loop {
            match connection.rtc.poll_output().unwrap() {
                Output::Timeout(due) => {
                    connection.due = due.max(now + Duration::from_millis(1));
                    return;
                }
                Output::Transmit(transmit) => self.outbox.push_back(Datagram {
                    from: self.address,
                    to: transmit.destination,
                    bytes: transmit.contents.to_vec(),
                }),
                Output::Event(Event::RtpPacket(packet)) => self.heard.push(Heard {
                    at: now,
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    payload: packet.payload.to_vec(),
                    codec: Codec::Opus,
                }),
                Output::Event(Event::Connected) => connection.connected = true,
                Output::Event(_) => {}
            }
        }
    }

    fn listen_to_server(&mut self) -> Option<MediaLeg> {
        while let Some(notice) = self.next_notice() {
            match notice {
                Notice::Roster(snapshot) => self.roster = snapshot,
                Notice::Delta(delta) => {
                    let is_next = self.roster.apply(&delta);
                    assert!(is_next, "a version of the roster is missing");
                }
                Notice::Done(done, at) => self.done.push(((*done).clone(), at)),
                Notice::Told(event) | Notice::Naming(event, _) => {
                    self.ladder
                        .tell(&format!("{} ♪ {}", self.name, event.key()));
                    self.told.push(event);
                }
                Notice::Written(post) => self.read.push((*post).clone()),
                Notice::PairingCode(code, _) => self.pairing = Some(code),
                Notice::Refused(refusal) => self.refused.push(refusal),
                Notice::Dismissed(why) => {
                    self.ladder.tell(&format!("{} out: {why:?}", self.name));
                    self.dismissed = Some(why);
                    self.attendance = None;
                    return self.leg.take();
                }
            }
        }
        let gone = self.leg.as_mut().and_then(|leg| leg.next().now_or_never());
        if let Some(Some(LegNews::Gone(_))) = gone {
            self.attendance = None;
            return self.leg.take();
        }
        None
    }

    fn next_notice(&mut self) -> Option<Notice> {
        self.attendance.as_mut()?.next().now_or_never()?
    }
}

impl Connection {
    fn speak(&mut self, voice: Option<Voice>, claims: Option<i8>, now: Instant) {
        let start = self.ticks * FRAME_SAMPLES as u64;
        self.ticks += 1;
        if !self.connected || (voice.is_none() && claims.is_none()) {
            return;
        }
        let mut frame = Frame::SILENCE;
        if let Some(voice) = voice {
            let samples = voice.render(SAMPLE_RATE, start, FRAME_SAMPLES);
            frame.samples.copy_from_slice(&samples);
        }
        let mut payload = [0; dsp::MAX_PAYLOAD];
        let length = self.encoder.encode(&frame, &mut payload).unwrap();
        let packet = RtpWrite::new(
            self.payload_type.into(),
            self.ticks.into(),
            u32::try_from(start).unwrap(),
            now,
            payload[..length].to_vec(),
        );
        let packet = packet.ext_vals(ExtensionValues {
            audio_level: claims,
            voice_activity: claims.map(|_| true),
            ..ExtensionValues::default()
        });
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None);
        stream.expect("our stream").write_rtp(packet);
    }
}

/// What a page offers: one audio line with Opus.
fn offer(address: SocketAddr) -> (Rtc, Mid, String, SdpPendingOffer) {
    let mut rtc = Rtc::builder()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, false)
        .build(now());
    rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
    let mut changes = rtc.sdp_api();
    let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
    let (offer, pending) = changes.apply().unwrap();
    (rtc, mid, offer.to_sdp_string(), pending)
}

fn entry_line(entry: &Entry) -> String {
    let name = entry.name.as_ref().map_or_else(
        || format!("{:?} {}", entry.door, entry.ordinal),
        |name| name.expose().clone(),
    );
    let mut line = name;
    if entry.role == Role::Moderator {
        line += " moderator";
    }
    if entry.status == Status::OnHold {
        line += " on-hold";
    }
    match entry.status {
        Status::Pending => line += " waits",
        Status::DialingOut => line += " dialing-out",
        Status::Alerting => line += " alerting",
        Status::Connected | Status::OnHold => {}
    }
    if entry.microphone {
        line += " mic";
    }
    if entry.away {
        line += " away";
    }
    match entry.telephone {
        Some(Telephone::Unconfirmed) => line += " telephone?",
        Some(Telephone::Confirmed) => line += " telephone",
        None => {}
    }
    if entry.original_sound {
        line += " original";
    }
    if let Some(hand) = entry.hand {
        line += &format!(" hand {hand}");
    }
    if entry.floor {
        line += " floor";
    }
    if let Some(disturbance) = entry.disturbs {
        line += &format!(" {disturbance:?}");
    }
    if entry.quality != Quality::Good {
        line += &format!(" {:?}", entry.quality);
    }
    line
}
