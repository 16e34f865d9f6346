//! Dialogs (RFC 3261 §12): who speaks to whom, in which order, along which route.

use std::net::SocketAddr;

use bytes::{BufMut, BytesMut};
use sipx_sip::{Address, HeaderName, Headers, Request, Uri};

use crate::{
    endpoint::{
        Flow, Protocol,
        request::{Incoming, split_quoted},
        write::{Wire, finish, put},
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
            routes: routes(request)?,
            local_cseq: 0,
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
        let scheme = if self.secure { "sips" } else { "sip" };
        let transport = match flow.protocol {
            Protocol::Udp => "",
            Protocol::Tcp => ";transport=tcp",
            // `sips:` says it already, and there the parameter would name what carries TLS (RFC 3261 §26.2.2).
            Protocol::Tls if self.secure => "",
            Protocol::Tls => ";transport=tls",
        };
        format!("<{scheme}:{}{transport}>", written(flow.advertised)).into_bytes()
    }

    /// Writes our next request (RFC 3261 §12.2.1.1), with further header fields.
    pub(crate) fn request(
        &mut self,
        method: &str,
        branch: &str,
        fields: &[(&str, Vec<u8>)],
        agent: &str,
    ) -> Wire {
        self.local_cseq += 1;
        let strict = self.routes.first().filter(|route| !route.loose);
        let mut out = BytesMut::with_capacity(1_024);
        out.put_slice(method.as_bytes());
        out.put_u8(b' ');
        out.put_slice(strict.map_or(&self.target, |first| &first.uri));
        out.put_slice(b" SIP/2.0\r\n");
        let via = format!(
            "SIP/2.0/{} {};branch={branch};rport",
            self.flow.protocol.via(),
            written(self.flow.advertised)
        );
        put(&mut out, "Via", via.as_bytes());
        put(&mut out, "Max-Forwards", b"70");
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            put(&mut out, "Route", &route.text);
        }
        if strict.is_some() {
            put(
                &mut out,
                "Route",
                &[b"<".as_slice(), &self.target, b">"].concat(),
            );
        }
        put(&mut out, "From", &self.local);
        put(&mut out, "To", &self.remote);
        put(&mut out, "Call-ID", &self.id.call_id);
        put(
            &mut out,
            "CSeq",
            format!("{} {method}", self.local_cseq).as_bytes(),
        );
        for (name, value) in fields {
            put(&mut out, name, value);
        }
        put(&mut out, "User-Agent", agent.as_bytes());
        finish(&mut out, None);
        Wire::new(out.freeze())
    }
}

/// Our address as the peer must read it: IPv4 behind a socket for both families as IPv4, IPv6 without a zone.
fn written(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
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

/// The route set: Record-Route in the order of the request (RFC 3261 §12.1.1).
fn routes(request: &Request) -> Option<Vec<Route>> {
    let mut routes = Vec::new();
    for header in request.headers.get_all(&HeaderName::RecordRoute) {
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
