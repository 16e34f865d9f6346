//! SIP as text for the telephones of tests: written by hand and apart from the product's, so that both cannot share a
//! mistake. Reads only what our server sends.

use std::net::SocketAddr;

/// A message as read.
#[derive(Debug, Clone)]
pub struct Message {
    pub start: String,
    fields: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    /// Reads a datagram.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("the server writes UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head ends");
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once(':').expect("a field has a name");
            (name.trim().to_ascii_lowercase(), value.trim().to_owned())
        };
        Self {
            start,
            fields: lines.map(field).collect(),
            body: body.to_owned(),
        }
    }

    /// All values of a field.
    pub fn fields<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_ascii_lowercase();
        self.fields
            .iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a field.
    pub fn field(&self, name: &str) -> &str {
        self.fields(name)
            .next()
            .unwrap_or_else(|| panic!("{} has no {name}", self.start))
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        let code = self.start.strip_prefix("SIP/2.0 ")?.split(' ').next()?;
        Some(code.parse().expect("a status is a number"))
    }

    /// The method of a request.
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap()
    }

    /// Number and method of CSeq.
    pub fn cseq(&self) -> (u32, &str) {
        let (number, method) = self.field("CSeq").split_once(' ').unwrap();
        (number.parse().unwrap(), method)
    }

    /// The branch of the topmost Via.
    pub fn branch(&self) -> &str {
        parameter(self.field("Via"), "branch").expect("a Via has a branch")
    }

    /// The URI of Contact.
    pub fn contact(&self) -> Option<String> {
        let contact = self.fields("Contact").next()?;
        let (_, rest) = contact.split_once('<')?;
        Some(rest.split_once('>')?.0.to_owned())
    }
}

fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        (key.trim() == name).then_some(value)
    })
}

/// What all requests of one call have in common.
#[derive(Debug, Clone)]
pub struct Dialog {
    pub local: SocketAddr,
    pub call_id: String,
    pub from: String,
    pub to: String,
    pub target: String,
    /// Further lines in the head of every INVITE.
    pub lines: String,
}

impl Dialog {
    /// Writes a request.
    pub fn request(&self, method: &str, cseq: u32, branch: &str, body: &str) -> Vec<u8> {
        let Self {
            local,
            call_id,
            from,
            to,
            target,
            lines,
        } = self;
        let of = if method == "ACK" || method == "CANCEL" {
            String::new()
        } else {
            format!("Contact: <sip:phone@{local}>\r\n")
        };
        let lines = if method == "INVITE" { lines } else { "" };
        let kind = match method {
            _ if body.is_empty() => "",
            "INFO" => "Content-Type: application/dtmf-relay\r\n",
            _ => "Content-Type: application/sdp\r\n",
        };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{of}{lines}{kind}\
             User-Agent: telephone of a test\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// Writes a response to a request.
pub fn response(request: &Message, status: u16, reason: &str) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {status} {reason}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        for value in request.fields(name) {
            text += &format!("{name}: {value}\r\n");
        }
    }
    text += "Content-Length: 0\r\n\r\n";
    text.into_bytes()
}

/// What an answer or offer says of audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    pub remote: SocketAddr,
    pub payload_types: Vec<u8>,
    pub direction: String,
    /// The ports of all lines.
    pub ports: Vec<u16>,
}

/// Reads the audio line of a session description.
pub fn audio(sdp: &str) -> Audio {
    let value = |prefix: &str| sdp.lines().find_map(|line| line.strip_prefix(prefix));
    let address = value("c=IN IP4 ").expect("a connection").parse().unwrap();
    let ports: Vec<u16> = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("m=")?.split(' ').nth(1)?.parse().ok())
        .collect();
    let mut line = value("m=audio ").expect("an audio line").split(' ');
    let port = line.next().unwrap().parse().unwrap();
    let payload_types = line.skip(1).map(|number| number.parse().unwrap()).collect();
    let direction = ["sendrecv", "sendonly", "recvonly", "inactive"]
        .into_iter()
        .find(|name| sdp.contains(&format!("a={name}\r\n")));
    Audio {
        remote: SocketAddr::new(address, port),
        payload_types,
        direction: direction.unwrap_or("sendrecv").to_owned(),
        ports,
    }
}
