//! Whether the media of a line is protected, and how: keys in the description (SDES, RFC 4568), DTLS (RFC 5763), or not.
//!
//! A line over `RTP/AVP` may bring keys all the same (RFC 8643) and is then answered as it came, with keys; or it may bring them
//! for another transport that it can do, too (RFC 5939), which is then answered over that one. Where DTLS is
//! offered, we are its client: so nobody's ClientHello is ever read.

use super::{
    Attribute, Description, HashName, Media, Refusal,
    crypto::{CryptoLine, Keyring},
    fingerprint::{FINGERPRINT, fingerprints},
};
use crate::{
    limit::{ASSOCIATION_NAME_MAX, CRYPTO_LINES},
    rtp::srtp::{Keys, Profile},
};

/// What protection a peer's media must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// All media is protected; what is not is refused.
    #[default]
    Required,
    /// Media is protected where the peer can.
    Preferred,
    /// Media is not protected.
    Off,
}

/// What we bring along for protected media.
#[derive(Debug, Clone, Copy)]
pub struct Keying<'a> {
    /// What is asked of the peer.
    pub policy: Policy,
    /// Our keys for SDES.
    pub ring: &'a Keyring,
    /// The SHA-256 digest of our certificate for DTLS as SDP writes it, `AB:CD:…`; none where DTLS is not spoken.
    pub fingerprint: Option<&'a str>,
    /// How the session's media is protected before this negotiation.
    pub current: &'a Security,
    /// The carrier has negotiated with us by `mediasec` how media is protected, and wants lines with keys to say so.
    pub mediasec: bool,
}

impl Keying<'_> {
    /// What a line with keys in its description says besides (3GPP TS 24.229 §6.1.2): that it is to be protected as far as the
    /// edge of the access network. Without it carriers take such a line for one that is protected from end to end.
    fn to_access_edge(self) -> Option<Attribute> {
        self.mediasec
            .then(|| Attribute::new(ACCESS_EDGE, "requested"))
    }
}

/// How the media of a session is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Plain,
    /// By keys that the descriptions brought.
    Sdes(Box<Sdes>),
    /// By keys that a DTLS handshake yields, in which we are the client.
    Dtls(Box<DtlsPeer>),
}

/// Keys that the descriptions brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdes {
    /// The cipher.
    pub profile: Profile,
    /// For what we send.
    pub ours: Keys,
    /// For what the peer sends.
    pub theirs: Keys,
}

/// Whom a DTLS handshake has to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DtlsPeer {
    /// The peer's certificate fingerprints; one must match.
    pub fingerprints: Vec<(HashName, Vec<u8>)>,
    /// What the peer calls the association, if it does: another name asks for another handshake (RFC 8842 §4).
    pub association: Option<String>,
}

impl Security {
    /// Tells whether media is protected.
    pub const fn is_protected(&self) -> bool {
        !matches!(self, Self::Plain)
    }
}

/// What a transport protocol says of protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    /// Plain RTP, unless keys come with it.
    Avp,
    /// SRTP, with keys from wherever.
    Savp,
    /// SRTP with keys from DTLS.
    Tls,
}

impl Transport {
    fn of(media: &Media) -> Result<Self, Refusal> {
        match media.protocol.as_str() {
            // Feedback messages (AVPF, SAVPF) are tolerated and not used.
            AVP | "RTP/AVPF" => Ok(Self::Avp),
            SAVP | "RTP/SAVPF" => Ok(Self::Savp),
            TLS | "UDP/TLS/RTP/SAVPF" => Ok(Self::Tls),
            _ => Err(Refusal::NoCommonTransport),
        }
    }
}

/// Chooses how a line of the peer's offer is protected, and returns with it what our answer says of that.
pub(super) fn choose(
    peer: &Description,
    media: &Media,
    keying: &Keying<'_>,
) -> Result<(Security, Vec<Attribute>), Refusal> {
    let transport = Transport::of(media)?;
    if keying.policy == Policy::Off {
        return match transport {
            Transport::Avp => Ok((Security::Plain, Vec::new())),
            Transport::Savp | Transport::Tls => Err(Refusal::Protected),
        };
    }
    if let Some(fingerprint) = keying.fingerprint
        && let Some(peer) = dtls_server(peer, media)
    {
        let attributes = dtls_attributes("active", fingerprint);
        return Ok((Security::Dtls(Box::new(peer)), attributes.into()));
    }
    if transport != Transport::Tls
        && let Some(theirs) = crypto_lines(media).find_map(Result::ok)
    {
        let (tag, profile) = (theirs.tag, theirs.profile);
        let ours = keying.ring.of(profile).clone();
        let line = CryptoLine {
            tag,
            profile,
            keys: ours.clone(),
        };
        let security = Security::Sdes(Box::new(Sdes {
            profile,
            ours,
            theirs: theirs.keys,
        }));
        let mut attributes = vec![Attribute::new(CRYPTO, line.print())];
        attributes.extend(keying.to_access_edge());
        return Ok((security, attributes));
    }
    match (transport, keying.policy) {
        (Transport::Avp, Policy::Required) => Err(Refusal::Unprotected),
        (Transport::Avp, Policy::Preferred | Policy::Off) => Ok((Security::Plain, Vec::new())),
        (Transport::Savp | Transport::Tls, _) => Err(Refusal::NoCommonKeying),
    }
}

/// What our offer says, in a session that has this line already: its protocol and the attributes of protection. A session over
/// DTLS stays with it, since the peer keeps the association.
pub(super) fn offered(
    keying: &Keying<'_>,
    session: Option<&Media>,
) -> (&'static str, Vec<Attribute>) {
    if let (Security::Dtls(_), Some(fingerprint)) = (keying.current, keying.fingerprint) {
        return (TLS, dtls_attributes("actpass", fingerprint).into());
    }
    let protocol = match (keying.policy, keying.current) {
        (Policy::Off, _) => return (AVP, Vec::new()),
        // A line that is protected without a doubt stays so in the middle of a call.
        (Policy::Preferred, Security::Sdes(_)) if is_savp(session) => SAVP,
        (Policy::Preferred, Security::Plain | Security::Sdes(_) | Security::Dtls(_)) => AVP,
        (Policy::Required, _) => SAVP,
    };
    let lines = (1..).zip(Profile::ALL).map(|(tag, profile)| {
        let keys = keying.ring.of(profile).clone();
        Attribute::new(CRYPTO, CryptoLine { tag, profile, keys }.print())
    });
    (protocol, lines.chain(keying.to_access_edge()).collect())
}

/// Reads how the peer's answer to our offer has it.
pub(super) fn concluded(
    asked: &Media,
    answer: &Description,
    media: &Media,
    keying: &Keying<'_>,
) -> Result<Security, Refusal> {
    let transport = Transport::of(media)?;
    if asked.has(FINGERPRINT) {
        let peer = dtls_server(answer, media).or_else(|| kept(keying.current, answer, media));
        let peer = peer.ok_or(Refusal::NoCommonKeying)?;
        return Ok(Security::Dtls(Box::new(peer)));
    }
    if asked.has(CRYPTO)
        && let Some(theirs) = crypto_lines(media).next()
    {
        let theirs = theirs.map_err(|_| Refusal::NoCommonKeying)?;
        let is_ours = |line: CryptoLine| (line.tag, line.profile) == (theirs.tag, theirs.profile);
        if !crypto_lines(asked).flatten().any(is_ours) {
            return Err(Refusal::Mismatch);
        }
        return Ok(Security::Sdes(Box::new(Sdes {
            profile: theirs.profile,
            ours: keying.ring.of(theirs.profile).clone(),
            theirs: theirs.keys,
        })));
    }
    match (transport, keying.policy) {
        (Transport::Savp | Transport::Tls, _) => Err(Refusal::NoCommonKeying),
        (Transport::Avp, _) if is_savp(Some(asked)) => Err(Refusal::Unprotected),
        (Transport::Avp, Policy::Required) => Err(Refusal::Unprotected),
        (Transport::Avp, Policy::Preferred | Policy::Off) => Ok(Security::Plain),
    }
}

/// Whether a line is for SRTP and nothing else.
fn is_savp(media: Option<&Media>) -> bool {
    media.is_some_and(|media| matches!(Transport::of(media), Ok(Transport::Savp)))
}

/// Reads the lines with keys, in order.
fn crypto_lines(
    media: &Media,
) -> impl Iterator<Item = Result<CryptoLine, super::crypto::Unusable>> {
    let lines = media.values(CRYPTO).take(CRYPTO_LINES);
    lines.map(CryptoLine::parse)
}

/// Reads the certificate of a peer that can be the server of a DTLS handshake (RFC 5763 §5, RFC 4145 §4).
fn dtls_server(peer: &Description, media: &Media) -> Option<DtlsPeer> {
    let attribute = |attributes: &[Attribute]| {
        let setup = attributes.iter().find(|line| line.name == SETUP)?;
        setup.value.clone()
    };
    let setup = attribute(&media.attributes).or_else(|| attribute(&peer.attributes))?;
    if !matches!(setup.trim_ascii(), "actpass" | "passive") {
        return None;
    }
    dtls_peer(peer, media)
}

/// Reads the certificate of a peer, whoever is to begin.
fn dtls_peer(peer: &Description, media: &Media) -> Option<DtlsPeer> {
    let association = media.values(ASSOCIATION).next().map(str::trim_ascii);
    let association = association.filter(|name| name.len() <= ASSOCIATION_NAME_MAX);
    let fingerprints = fingerprints(peer, media);
    (!fingerprints.is_empty()).then(|| DtlsPeer {
        fingerprints,
        association: association.map(str::to_owned),
    })
}

/// The association that there is, if the peer goes on with it: then nobody has to begin, whatever it says of that.
fn kept(current: &Security, answer: &Description, media: &Media) -> Option<DtlsPeer> {
    let Security::Dtls(before) = current else {
        return None;
    };
    dtls_peer(answer, media).filter(|peer| *peer == **before)
}

fn dtls_attributes(setup: &str, fingerprint: &str) -> [Attribute; 2] {
    [
        Attribute::new(SETUP, setup),
        Attribute::new(FINGERPRINT, format!("sha-256 {fingerprint}")),
    ]
}

/// Plain RTP.
const AVP: &str = "RTP/AVP";
/// SRTP with keys in the description.
const SAVP: &str = "RTP/SAVP";
/// SRTP with keys from DTLS (RFC 5764).
const TLS: &str = "UDP/TLS/RTP/SAVP";
/// The attribute with a key (RFC 4568).
const CRYPTO: &str = "crypto";
/// The attribute that says how far protection reaches (3GPP TS 24.229 §7.5.2).
const ACCESS_EDGE: &str = "3ge2ae";
/// The attribute that names an association (RFC 8842 §5).
const ASSOCIATION: &str = "tls-id";
/// The attribute that says who begins (RFC 4145).
const SETUP: &str = "setup";

#[cfg(test)]
#[path = "security_tests.rs"]
mod tests;
