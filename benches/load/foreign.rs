//! Browsers of an independent implementation (`str0m`) on the same media worker: what the lean browsers of `secure`
//! and the worker agree on, a stranger must understand too.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use rundruf::{
    browser::negotiate::{Local, negotiate},
    media::api::BrowserMedia,
};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::SdpAnswer,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};

use crate::{
    Done,
    child::Ours,
    machine,
    result::Foreign,
    script::Script,
    secure::Agreed,
    wire::{Answer, Ask, Kind, Leg},
};

/// Lets a few of them talk for a while; tells what they heard.
pub(crate) fn check() -> Done<Foreign> {
    str0m::crypto::from_feature_flags().install_process_default();
    let (mut child, ready) = Ours::start("server")?;
    let Answer::Ready {
        browsers,
        fingerprint,
    } = ready
    else {
        return Err("the server is not ready".into());
    };
    let script = Script::speech(Kind::Browser, 1)?;
    let (mut pages, mut legs) = (Vec::new(), Vec::new());
    for number in 0..BROWSERS {
        let (page, leg) = Page::offer(number, browsers, &fingerprint)?;
        pages.push(page);
        legs.push(leg);
    }
    child.ask(&Ask::Open(legs))?;
    let patience = machine::now() + PATIENCE;
    while !pages.iter().all(|page| page.rtc.is_connected()) {
        if machine::now() > patience {
            return Err("not all browsers of str0m could connect".into());
        }
        round(&mut pages, &script)?;
    }
    pages.iter_mut().for_each(|page| page.heard = 0);
    let begin = machine::now();
    while machine::now() < begin + TALK {
        round(&mut pages, &script)?;
    }
    Ok(Foreign {
        browsers: pages.len(),
        heard_least: pages.iter().map(|page| page.heard).min().unwrap_or(0),
        due: u64::try_from((machine::now() - begin).as_millis() / 20)?,
    })
}

fn round(pages: &mut [Page], script: &Script) -> Done<()> {
    let now = machine::sleep_until(machine::now() + Duration::from_millis(1));
    pages
        .iter_mut()
        .try_for_each(|page| page.round(script, now))
}

/// One browser.
struct Page {
    rtc: Rtc,
    mid: Mid,
    payload_type: u8,
    socket: UdpSocket,
    said: u64,
    next: Instant,
    heard: u64,
}

impl Page {
    /// Offers, and answers as the browsers' door does.
    fn offer(number: u64, server: SocketAddr, fingerprint: &str) -> Done<(Self, Leg)> {
        let now = machine::now();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        let mut change = rtc.sdp_api();
        let mid = change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = change.apply().ok_or("nothing to offer")?;
        let local = Local {
            candidates: &[server],
            tcp_candidates: &[],
            fingerprint,
            legacy_srtp: false,
        };
        let negotiated = negotiate(
            &offer.to_sdp_string(),
            &local,
            &mut StdRng::seed_from_u64(number),
        )
        .map_err(|refusal| format!("the offer was refused: {refusal:?}"))?;
        let answer = SdpAnswer::from_sdp_string(negotiated.answer.expose())?;
        rtc.sdp_api().accept_answer(pending, answer)?;
        let page = Self {
            rtc,
            mid,
            payload_type: negotiated.media.payload_type,
            socket,
            said: 1,
            next: now,
            heard: 0,
        };
        let leg = Leg {
            number: number + 1,
            room: 1,
            kind: Kind::Browser,
            remote: address,
            browser: Some(agreed(negotiated.media)?),
        };
        Ok((page, leg))
    }

    fn round(&mut self, script: &Script, now: Instant) -> Done<()> {
        let mut buffer = [0; 2_048];
        while let Ok((len, source)) = self.socket.recv_from(&mut buffer) {
            let receive = Receive {
                proto: Protocol::Udp,
                source,
                destination: self.socket.local_addr()?,
                contents: buffer[..len].try_into()?,
            };
            self.rtc.handle_input(Input::Receive(now, receive))?;
            self.drain()?;
        }
        self.rtc.handle_input(Input::Timeout(now))?;
        self.drain()?;
        if self.rtc.is_connected() && now >= self.next {
            self.say(script, now)?;
            self.next = now.max(self.next + dsp::TICK);
        }
        Ok(())
    }

    fn say(&mut self, script: &Script, now: Instant) -> Done<()> {
        let place = usize::try_from(self.said)? % script.packets.len();
        let packet = RtpWrite::new(
            self.payload_type.into(),
            self.said.into(),
            u32::try_from(self.said * 960)?,
            now,
            script.packets[place].payload.clone(),
        );
        self.said += 1;
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.mid, None);
        stream.ok_or("no stream to send")?.write_rtp(packet);
        self.drain()
    }

    fn drain(&mut self) -> Done<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(_) => return Ok(()),
                Output::Transmit(transmit) => {
                    self.socket
                        .send_to(&transmit.contents, transmit.destination)?;
                }
                Output::Event(Event::RtpPacket(_)) => self.heard += 1,
                Output::Event(_) => {}
            }
        }
    }
}

fn agreed(media: BrowserMedia) -> Done<Agreed> {
    let (_, fingerprint) = media.fingerprints.first().ok_or("no fingerprint")?.clone();
    let password = String::from_utf8(media.local_password.expose().clone())?;
    Ok(Agreed {
        local: (media.local_ufrag, password),
        remote_ufrag: media.remote_ufrag.expose().clone(),
        fingerprint,
        payload_type: media.payload_type,
        audio_level: media.audio_level,
        ssrc: media.ssrc,
    })
}

const BROWSERS: u64 = 10;
/// Time until all are connected, and in which they talk.
const PATIENCE: Duration = Duration::from_secs(10);
const TALK: Duration = Duration::from_secs(3);
