//! A telephone that is called: it rings, plays what networks play, answers or does not.

use std::time::Instant;

use super::{Device, Phone, RTP_PORT, Sound, State};
use crate::sim::{
    sip_text::{Dialog, Message, audio, response},
    sound::Saying,
};

impl Phone {
    /// The INVITE that came, if one did.
    pub fn asked(&self) -> Option<Message> {
        self.0.borrow().asked.clone()
    }

    pub fn is_called(&self) -> bool {
        self.state() == State::Called
    }

    pub fn rings(&self) {
        self.0.borrow_mut().reply(180, "Ringing", false);
    }

    /// Lets something be heard before the answer.
    pub fn plays(&self, saying: Saying, now: Instant) {
        let mut device = self.0.borrow_mut();
        device.reply(183, "Session Progress", true);
        device.listen(now);
        device.sound.as_mut().expect("a call").say(saying);
    }

    pub fn answers(&self, now: Instant) {
        let mut device = self.0.borrow_mut();
        device.reply(200, "OK", true);
        device.listen(now);
        device.state = State::Up;
    }

    /// Refuses by this status.
    pub fn declines(&self, status: u16) {
        let mut device = self.0.borrow_mut();
        device.reply(status, "No", false);
        device.state = State::Refused(status);
    }
}

impl Device {
    /// Takes an INVITE; repeated ones change nothing.
    pub(super) fn called(&mut self, request: &Message) {
        if self.asked.is_some() {
            return;
        }
        self.tell("← INVITE");
        self.state = State::Called;
        self.asked = Some(request.clone());
        self.send(response(request, 100, "Trying"));
    }

    /// The caller gives up.
    pub(super) fn given_up(&mut self, request: &Message) {
        self.tell("← CANCEL");
        self.send(response(request, 200, "OK"));
        if self.state == State::Called {
            self.reply(487, "Request Terminated", false);
            self.state = State::Idle;
            self.asked = None;
        }
    }

    fn reply(&mut self, status: u16, reason: &str, described: bool) {
        let asked = self.asked.clone().expect("an INVITE");
        self.tell(&format!("→ {status} INVITE"));
        let ip = self.address.ip();
        let body = match described {
            true => format!(
                "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {RTP_PORT} RTP/AVP 8 0 101\r\n\
                 a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n\
                 a=sendrecv\r\n"
            ),
            false => String::new(),
        };
        let name = &self.name;
        let plain = String::from_utf8(response(&asked, status, reason)).expect("text");
        let (head, _) = plain.split_once("Content-Length").expect("a head");
        let to = format!("To: {}", asked.field("To"));
        let head = head.replacen(&to, &format!("{to};tag={name}"), 1);
        let kind = match described {
            true => "Content-Type: application/sdp\r\n",
            false => "",
        };
        let contact = format!("Contact: <sip:phone@{}>\r\n", self.address);
        let length = body.len();
        let text = format!("{head}{contact}{kind}Content-Length: {length}\r\n\r\n{body}");
        self.send(text.into_bytes());
    }

    /// Begins to hear and to be heard, and knows what to say BYE to.
    fn listen(&mut self, now: Instant) {
        if self.sound.is_some() {
            return;
        }
        let asked = self.asked.clone().expect("an INVITE");
        let offered = audio(&asked.body);
        self.dialog = Some(Dialog {
            local: self.address,
            call_id: asked.field("Call-ID").to_owned(),
            from: format!("{};tag={}", asked.field("To"), self.name),
            to: asked.field("From").to_owned(),
            target: asked.contact().expect("a Contact"),
            lines: String::new(),
        });
        let remote = offered.remote;
        self.audio = Some(offered);
        self.sound = Some(Sound::new(
            dsp::Codec::Pcma,
            8,
            Some(101),
            remote,
            self.phase,
            now,
        ));
    }
}
