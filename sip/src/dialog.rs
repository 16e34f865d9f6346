//! Dialogs (RFC 3261 §12): who speaks to whom, in which order, along which route.

use std::net::IpAddr;

use bytes::Bytes;
use sipx_sip::{Address, HeaderName, Headers, Response, Uri};

use crate::{
    endpoint::{
        Flow, Protocol,
        request::{Incoming, printable, split_quoted},
        write::{Head, written},
    },
    limit,
    locate::Place,
};

/// Identifies a dialog (RFC 3261 §12), seen from us.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DialogId {
    /// The Call-ID.
    pub(crate) call_id: Vec<u8>,
    /// Our tag.
    pub(crate) local_tag: Vec<u8>,
    /// The peer's tag; empty from elements of RFC 2543.
    pub(crate) remote_tag: Vec<u8>,
}

impl std::fmt::Debug for DialogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DialogId")
    }
}

impl DialogId {
    /// The dialog a request names, if it names one.
    pub(crate) fn of(incoming: &Incoming) -> Option<Self> {
        Some(Self {
            call_id: incoming.call_id.clone(),
            local_tag: incoming.to_tag.clone()?,
            remote_tag: incoming.from_tag.clone(),
        })
    }
}

/// One dialog.
pub(crate) struct Dialog {
    /// Its identity.
    pub(crate) id: DialogId,
    /// Where the peer's requests come from. Ours go there too unless the door has found another way: a peer behind address
    /// translation is reachable there and nowhere else, and nobody can make us send to a third party.
    pub(crate) flow: Flow,
    /// Its connection is gone, and was the only one with its address then: one from there that comes later is likely its own.
    pub(crate) alone: bool,
    /// Where our requests go by the route set, if that is elsewhere and the door knows who is there.
    way: Option<Flow>,
    /// Where the route set led when the door was asked last.
    asked: Option<Place>,
    /// The highest CSeq of the peer.
    pub(crate) remote_cseq: u32,
    /// Whether the call asked for `sips:` (RFC 3261 §12.1.1).
    pub(crate) secure: bool,
    /// Whether the call is ours, and so its Call-ID.
    pub(crate) ours: bool,
    local: Vec<u8>,
    remote: Vec<u8>,
    target: Vec<u8>,
    routes: Vec<Route>,
    local_cseq: u32,
}

impl std::fmt::Debug for Dialog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialog")
            .field("flow", &self.flow)
            .finish_non_exhaustive()
    }
}

/// One element of the route set.
struct Route {
    /// `<uri>` with parameters, as the proxy wrote it.
    text: Vec<u8>,
    /// The URI alone.
    uri: Vec<u8>,
    /// Whether it routes loosely.
    loose: bool,
}

impl Dialog {
    /// Makes the dialog of an INVITE, with our tag; `None` when Contact or Record-Route are unusable (400).
    pub(crate) fn of_invite(incoming: &Incoming, tag: &str, flow: Flow) -> Option<Self> {
        let request = &incoming.request;
        Some(Self {
            id: DialogId {
                call_id: incoming.call_id.clone(),
                local_tag: tag.as_bytes().to_vec(),
                remote_tag: incoming.from_tag.clone(),
            },
            flow,
            alone: false,
            way: None,
            asked: None,
            remote_cseq: incoming.cseq,
            secure: request.uri.scheme().is_secure(),
            ours: false,
            local: [&incoming.heads.to, b";tag=".as_slice(), tag.as_bytes()].concat(),
            remote: incoming.heads.from.clone(),
            target: contact(&request.headers)?,
            routes: routes(&request.headers)?,
            local_cseq: 0,
        })
    }

    /// Makes the dialog that a response to our INVITE opens (RFC 3261 §12.1.2); `None` when its Record-Route is
    /// unusable. Without a usable Contact the requests go to the address that was invited.
    pub(crate) fn of_response(head: &Head, response: &Response) -> Option<Self> {
        let to = response.headers.value(&HeaderName::To)?;
        let mut routes = routes(&response.headers)?;
        routes.reverse();
        Some(Self {
            id: DialogId {
                call_id: head.call_id.clone(),
                local_tag: tag(&head.from)?,
                remote_tag: remote_tag(response).unwrap_or_default(),
            },
            flow: head.flow,
            alone: false,
            way: None,
            asked: None,
            remote_cseq: 0,
            secure: head.uri.starts_with(b"sips:"),
            ours: true,
            local: head.from.clone(),
            remote: printable(to.trim_ascii().to_vec()),
            target: contact(&response.headers).unwrap_or_else(|| head.uri.clone()),
            routes,
            local_cseq: head.cseq,
        })
    }

    /// Takes the new Contact of a target refresh request (RFC 3261 §12.2.2) or of the 2xx to one (§12.2.1.2).
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Some(target) = contact(headers) {
            self.target = target;
        }
    }

    /// The flow of our requests.
    pub(crate) fn outward(&self) -> Flow {
        self.way.unwrap_or(self.flow)
    }

    /// Where the route set leads (RFC 3261 §12.2.1.1), or without one the remote target, if that is another place than our
    /// requests go to and than the door was asked for last. What is asked for anew is a new way.
    ///
    /// A connection stays: what it leads to is the place of the route set, or has opened it to be called over it (RFC 5923), and
    /// a call over TLS goes on over TLS.
    pub(crate) fn leads_elsewhere(&mut self) -> Option<Place> {
        let uri = self.routes.first().map_or(&self.target, |route| &route.uri);
        let place = place(uri).filter(|place| !self.is_there(place));
        if place == self.asked {
            return None;
        }
        self.way = None;
        self.asked.clone_from(&place);
        place
    }

    /// Where the peer is to be found once its connection is gone (RFC 3261 §12.2.1.1), as it was before unless it says
    /// otherwise; a call over TLS goes on over TLS.
    pub(crate) fn place_again(&self) -> Option<Place> {
        let uri = self.routes.first().map_or(&self.target, |route| &route.uri);
        let mut place = place(uri)?;
        if self.flow.protocol == Protocol::Tls {
            place.protocol = Some(Protocol::Tls);
        }
        place.protocol.get_or_insert(self.flow.protocol);
        Some(place)
    }

    fn is_there(&self, place: &Place) -> bool {
        let Ok(address) = place.host.parse::<IpAddr>() else {
            return self.flow.protocol == Protocol::Tls;
        };
        let remote = self.flow.remote;
        let protocol = place.protocol.unwrap_or(Protocol::Udp);
        match self.flow.protocol {
            Protocol::Tls => true,
            Protocol::Udp if protocol == Protocol::Udp => {
                let port = place.port.unwrap_or(SIP_PORT);
                remote.ip().to_canonical() == address.to_canonical() && remote.port() == port
            }
            Protocol::Udp | Protocol::Tcp => remote.ip().to_canonical() == address.to_canonical(),
        }
    }

    /// Sends our requests this way from here on.
    pub(crate) fn go_by(&mut self, way: Flow) {
        self.way = Some(way);
    }

    /// Sends our requests where the peer's come from again, if they go by a way that is no more. Of the peer's own connection it
    /// is noted whether it was the only one with its address.
    pub(crate) fn lose_way(&mut self, way: Flow, alone: bool) {
        if self.way == Some(way) {
            self.way = None;
        }
        if self.flow == way {
            self.alone = alone;
        }
    }

    /// The call moves to another flow of its trunk, whose carrier reaches the peer by it.
    pub(crate) fn move_to(&mut self, flow: Flow) {
        self.flow = flow;
        self.way = None;
    }

    /// Our Contact in this dialog.
    pub(crate) fn contact(&self, flow: Flow) -> Vec<u8> {
        Self::contact_of(flow, self.secure)
    }

    /// Our Contact on a flow; `secure` asks for `sips:`.
    pub(crate) fn contact_of(flow: Flow, secure: bool) -> Vec<u8> {
        let scheme = if secure { "sips" } else { "sip" };
        let transport = match flow.protocol {
            Protocol::Udp => "",
            Protocol::Tcp => ";transport=tcp",
            // `sips:` says it already, and there the parameter would name what carries TLS (RFC 3261 §26.2.2).
            Protocol::Tls if secure => "",
            Protocol::Tls => ";transport=tls",
        };
        format!("<{scheme}:{}{transport}>", written(flow.advertised)).into_bytes()
    }

    /// Begins our next request (RFC 3261 §12.2.1.1).
    pub(crate) fn next_head(&mut self, branch: String) -> Head {
        self.local_cseq += 1;
        self.head(self.local_cseq, branch)
    }

    /// Begins a request of this number: that of an ACK is its INVITE's (RFC 3261 §13.2.2.4).
    pub(crate) fn head(&self, cseq: u32, branch: String) -> Head {
        let strict = self.routes.first().filter(|route| !route.loose);
        let further = self.routes.iter().skip(usize::from(strict.is_some()));
        let last = strict.map(|_| [b"<".as_slice(), &self.target, b">"].concat());
        Head {
            flow: self.outward(),
            branch,
            uri: strict.map_or(&self.target, |first| &first.uri).clone(),
            routes: further
                .map(|route| route.text.clone())
                .chain(last)
                .collect(),
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.id.call_id.clone(),
            cseq,
        }
    }

    /// Takes over from the early dialog that a 2xx confirms: the numbers of its requests go on (RFC 3261 §13.2.2.4).
    pub(crate) fn continue_from(&mut self, early: &Self) {
        self.local_cseq = self.local_cseq.max(early.local_cseq);
        self.remote_cseq = early.remote_cseq;
    }
}

/// Where a URI of the route set or of a remote target leads.
fn place(uri: &[u8]) -> Option<Place> {
    let uri = Uri::parse(Bytes::copy_from_slice(uri)).ok()?;
    let param = |name| uri.params()?.get(name)?.value();
    let host = match param("maddr") {
        Some(address) => address.to_vec(),
        None => uri.host()?.to_bytes().to_vec(),
    };
    let host = String::from_utf8(host).ok()?;
    let protocol = match param("transport")
        .map(<[u8]>::to_ascii_lowercase)
        .as_deref()
    {
        None => None,
        Some(b"udp") => Some(Protocol::Udp),
        Some(b"tcp") => Some(Protocol::Tcp),
        Some(_) => Some(Protocol::Tls),
    };
    Some(Place {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: uri.port(),
        protocol,
        secure: uri.scheme().is_secure(),
    })
}

/// The tag that the peer put on To of its response; elements of RFC 2543 put none.
pub(crate) fn remote_tag(response: &Response) -> Option<Vec<u8>> {
    tag(&response.headers.value(&HeaderName::To)?)
}

/// The tag of a From or To.
fn tag(value: &[u8]) -> Option<Vec<u8>> {
    let address = Address::parse(value, "To").ok()?;
    address.tag().map(<[u8]>::to_vec)
}

/// The URI of the first Contact, without header components, which a Request-URI must not have.
fn contact(headers: &Headers) -> Option<Vec<u8>> {
    let value = headers.value(&HeaderName::Contact)?;
    let first = split_quoted(&value, b',').next()?;
    let uri = Address::parse(first, "Contact").ok()?.uri;
    if !uri.scheme().is_sip() {
        return None;
    }
    Some(uri_text(&uri))
}

fn uri_text(uri: &Uri) -> Vec<u8> {
    let text = uri.to_bytes();
    text.split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default()
        .to_vec()
}

/// The route set: Record-Route in its order, which for the side that answers is right (RFC 3261 §12.1.1).
fn routes(headers: &Headers) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    for header in headers.get_all(&HeaderName::RecordRoute) {
        for text in split_quoted(&header.value(), b',') {
            let uri = Address::parse(text, "Record-Route").ok()?.uri;
            routes.push(Route {
                text: text.trim_ascii().to_vec(),
                uri: uri_text(&uri),
                loose: uri.params().is_some_and(|params| params.contains("lr")),
            });
        }
    }
    let octets: usize = routes.iter().map(|route| route.text.len()).sum();
    (routes.len() <= limit::ROUTES && octets <= limit::ROUTE_BYTES).then_some(routes)
}

/// Where SIP listens unless it says otherwise.
const SIP_PORT: u16 = 5060;
