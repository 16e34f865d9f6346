//! Dialogs (RFC 3261 §12): who speaks to whom, in which order, along which route.

use sipx_sip::{Address, HeaderName, Headers, Response, Uri};

use crate::{
    endpoint::{
        Flow, Protocol,
        request::{Incoming, printable, split_quoted},
        write::{Head, written},
    },
    limit,
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
    /// Where the peer's requests come from and ours go to. A peer behind address translation is reachable there and
    /// nowhere else, and nobody can make us send to a third party.
    pub(crate) flow: Flow,
    /// The highest CSeq of the peer.
    pub(crate) remote_cseq: u32,
    /// Whether the call asked for `sips:` (RFC 3261 §12.1.1).
    pub(crate) secure: bool,
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
            remote_cseq: incoming.cseq,
            secure: request.uri.scheme().is_secure(),
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
            remote_cseq: 0,
            secure: head.uri.starts_with(b"sips:"),
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
            flow: self.flow,
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
