//! Telephones that share one thread and one socket for SIP: each has a call, a socket for its sound and a pace.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    ops::Range,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use dsp::Codec;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
};

use super::{
    Done, clock,
    measure::is_silence,
    recording::Heard,
    sip_text::{Dialog, Message, audio, response},
    sound::{Saying, Sound},
};

/// What the telephones speak.
const CODEC: Codec = Codec::Pcma;
const PAYLOAD_TYPE: u8 = 8;
/// Payload type of telephone-events.
const EVENTS: u8 = 101;
/// Packets of silence in a row, two seconds, that end a prompt: no pause between its words is that long.
const QUIET_PACKETS: usize = 100;
/// Bytes of the largest datagram.
const DATAGRAM_MAX: usize = 65_536;
/// Datagrams read from one socket before the others have their turn.
const DATAGRAMS_PER_TURN: usize = 64;

/// The telephones of the measurement.
pub(super) struct Exchange {
    socket: UdpSocket,
    server: SocketAddr,
    phones: Vec<Phone>,
    buffer: Vec<u8>,
    /// When a key was last pressed: only what was heard after it tells that everybody is quiet.
    typed_at: Instant,
    /// The longest time a packet left after it was due.
    lateness: Duration,
}

struct Phone {
    number: u32,
    dialog: Dialog,
    socket: UdpSocket,
    phase: Duration,
    cseq: u32,
    call: Call,
}

enum Call {
    Calling,
    Up(Box<Sound>),
    Over(String),
}

impl Exchange {
    /// Dials the server with one telephone per phase.
    pub(super) fn dial(server: SocketAddr, phases: &[Duration]) -> Done<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let phones = phases
            .iter()
            .zip(1..)
            .map(|(phase, number)| Phone::dial(&socket, server, number, *phase))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            socket,
            server,
            phones,
            buffer: vec![0; DATAGRAM_MAX],
            typed_at: clock(),
            lateness: Duration::ZERO,
        })
    }

    /// Tells whether all calls were answered.
    pub(super) fn is_up(&self) -> bool {
        self.sounds().count() == self.phones.len()
    }

    /// Tells whether everybody has pressed all keys and hears nobody speak any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.sounds().all(|sound| {
            let last = sound.heard.iter().rev().take(QUIET_PACKETS);
            let fresh = last
                .clone()
                .take_while(|packet| packet.at > self.typed_at)
                .count();
            fresh == QUIET_PACKETS && last.clone().all(is_silence)
        })
    }

    /// Presses keys on some telephones.
    pub(super) fn types(&mut self, phones: Range<usize>, keys: &str) {
        for phone in &mut self.phones[phones] {
            phone.sound().types(keys);
        }
        self.typed_at = clock();
    }

    /// Lets a telephone say something from its next packet on; returns the time.
    pub(super) fn say(&mut self, phone: usize, saying: Saying) -> Instant {
        self.phones[phone].sound().say(saying);
        clock()
    }

    /// When the packets left that a telephone sent since it was told what to say.
    pub(super) fn sent_at(&mut self, phone: usize) -> &[Instant] {
        &self.phones[phone].sound().sent_at
    }

    /// Where the server takes a telephone's sound.
    pub(super) fn media_of(&mut self, phone: usize) -> SocketAddr {
        self.phones[phone].sound().remote
    }

    /// What a telephone has received.
    pub(super) fn heard(&mut self, phone: usize) -> &[Heard] {
        &self.phones[phone].sound().heard
    }

    /// Returns the longest time a packet left after it was due.
    pub(super) fn lateness(&self) -> Duration {
        self.lateness
    }

    /// Hangs up everywhere.
    pub(super) fn hang_up(&mut self) -> io::Result<()> {
        for phone in &mut self.phones {
            phone.cseq += 1;
            let bye = phone.request("BYE", phone.cseq, "");
            self.socket.send_to(&bye, self.server)?;
        }
        Ok(())
    }

    /// Lets a time pass.
    pub(super) fn run_for(&mut self, time: Duration) -> Done<()> {
        let end = clock() + time;
        while clock() < end {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Lets time pass until something is so; fails where it takes longer than `patience`.
    pub(super) fn run_until(
        &mut self,
        what: &str,
        patience: Duration,
        check: impl Fn(&Self) -> bool,
    ) -> Done<()> {
        let end = clock() + patience;
        while !check(self) {
            if clock() >= end {
                return Err(format!("waited {patience:?} in vain for {what}").into());
            }
            self.turn(end)?;
        }
        Ok(())
    }

    fn sounds(&self) -> impl Iterator<Item = &Sound> {
        self.phones.iter().filter_map(|phone| match &phone.call {
            Call::Up(sound) => Some(&**sound),
            Call::Calling | Call::Over(_) => None,
        })
    }

    /// Sends what is due, then sleeps until something arrives or is due.
    fn turn(&mut self, end: Instant) -> Done<()> {
        for phone in &mut self.phones {
            self.lateness = self.lateness.max(phone.speak()?);
        }
        if self.sounds().any(|sound| !sound.has_typed()) {
            self.typed_at = clock();
        }
        let due = self.sounds().map(Sound::poll_timeout).min();
        let wait = due
            .map_or(end, |due| due.min(end))
            .saturating_duration_since(clock());
        let sockets = self.phones.iter().map(|phone| &phone.socket);
        let mut fds: Vec<PollFd<'_>> = sockets
            .chain([&self.socket])
            .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
            .collect();
        match ppoll(&mut fds, Some(wait.into()), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        for phone in self.phones.iter_mut().rev() {
            phone.listen(&mut self.buffer)?;
        }
        self.answer()
    }

    /// Handles what came by SIP.
    fn answer(&mut self) -> Done<()> {
        for _ in 0..DATAGRAMS_PER_TURN {
            let Some(bytes) = receive(&self.socket, &mut self.buffer)? else {
                break;
            };
            let message = Message::parse(bytes);
            let call = message.field("Call-ID");
            let mut phones = self.phones.iter_mut();
            let Some(phone) = phones.find(|phone| phone.dialog.call_id == call) else {
                continue;
            };
            if let Some(reply) = phone.handle(&message) {
                self.socket.send_to(&reply, self.server)?;
            }
            if let Call::Over(why) = &phone.call {
                return Err(why.clone().into());
            }
        }
        Ok(())
    }
}

impl Phone {
    fn dial(sip: &UdpSocket, server: SocketAddr, number: u32, phase: Duration) -> io::Result<Self> {
        let local = sip.local_addr()?;
        let socket = UdpSocket::bind((local.ip(), 0))?;
        socket.set_nonblocking(true)?;
        let target = format!("sip:bridge@{server}");
        let dialog = Dialog {
            local,
            call_id: format!("delay-{number}@{local}"),
            from: format!("<sip:{number}@{local}>;tag=delay{number}"),
            to: format!("<{target}>"),
            target,
            lines: String::new(),
        };
        let (ip, port) = (local.ip(), socket.local_addr()?.port());
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {PAYLOAD_TYPE} {EVENTS}\r\na=rtpmap:{PAYLOAD_TYPE} PCMA/8000\r\n\
             a=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        );
        let phone = Self {
            number,
            dialog,
            socket,
            phase,
            cseq: 1,
            call: Call::Calling,
        };
        sip.send_to(&phone.request("INVITE", 1, &offer), server)?;
        Ok(phone)
    }

    fn request(&self, method: &str, cseq: u32, body: &str) -> Vec<u8> {
        let branch = format!("z9hG4bK-{}-{method}-{cseq}", self.number);
        self.dialog.request(method, cseq, &branch, body)
    }

    /// Takes a message; returns what is said to it.
    fn handle(&mut self, message: &Message) -> Option<Vec<u8>> {
        let Some(status) = message.status() else {
            if message.method() == "BYE" {
                self.call = Call::Over("the server hung up".into());
            }
            return Some(response(message, 200, "OK"));
        };
        let (cseq, method) = message.cseq();
        if method != "INVITE" || status < 200 {
            return None;
        }
        if status >= 300 {
            self.call = Call::Over(format!("the server refused a call: {}", message.start));
        } else if matches!(self.call, Call::Calling) {
            self.dialog.to = message.field("To").to_owned();
            self.dialog.target = message.contact().expect("an accepted call has a Contact");
            let remote = audio(&message.body).remote;
            let sound = Sound::new(
                CODEC,
                PAYLOAD_TYPE,
                Some(EVENTS),
                remote,
                self.phase,
                clock(),
            );
            self.call = Call::Up(Box::new(sound));
        }
        Some(self.request("ACK", cseq, ""))
    }

    fn sound(&mut self) -> &mut Sound {
        match &mut self.call {
            Call::Up(sound) => sound,
            Call::Calling | Call::Over(_) => unreachable!("all calls were answered"),
        }
    }

    /// Sends what is due; returns how late it was.
    fn speak(&mut self) -> io::Result<Duration> {
        let Call::Up(sound) = &mut self.call else {
            return Ok(Duration::ZERO);
        };
        let lateness = clock().saturating_duration_since(sound.poll_timeout());
        while let Some(packet) = sound.tick(clock()) {
            self.socket.send_to(&packet, sound.remote)?;
        }
        Ok(lateness)
    }

    fn listen(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Call::Up(sound) = &mut self.call else {
            return Ok(());
        };
        for _ in 0..DATAGRAMS_PER_TURN {
            let Some(packet) = receive(&self.socket, buffer)? else {
                break;
            };
            sound.handle_rtp(packet, clock());
        }
        Ok(())
    }
}

fn receive<'a>(socket: &UdpSocket, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
    match socket.recv(buffer) {
        Ok(length) => Ok(Some(&buffer[..length])),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
