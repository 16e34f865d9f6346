//! `rundruf trunk check`: in sentences, what works on a trunk, what does not, and what to do.
//!
//! It judges how the trunk stands, what was found about its latest calls and which it refused in the last hour, as the running
//! server tells it.

use std::{ops::RangeInclusive, time::Duration};

use serde::Serialize;

use super::trunk::TrunkStanding;
use crate::{
    conference::{event::Language, participant::Protection},
    limit::REFUSALS_JUDGED,
    phone::{CallCodec as Codec, Finding, Findings, Why},
};

/// What is said about a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Remark {
    /// Whether all is well with it.
    pub(super) good: bool,
    /// What it is about.
    pub(super) about: About,
    /// How many calls it is about, if it is about calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calls: Option<usize>,
    /// Of how many of the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<usize>,
    /// Within how many minutes, where it is not about the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) minutes: Option<u64>,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum About {
    /// The way to its server.
    Server,
    /// Nobody has called yet.
    NoCalls,
    /// Calls to numbers that are none of ours.
    UnknownNumbers,
    /// Calls that were too many.
    Full,
    /// How the latest good call was carried.
    Carried {
        #[serde(rename = "codec")]
        codec: Option<Codec>,
        #[serde(rename = "protection")]
        protection: Option<Protection>,
        /// It is known that our sound arrived there.
        both_ways: bool,
    },
    /// Refused, since the signalling can be read on the way.
    Readable,
    /// Refused for what the session description lacks.
    Unacceptable(Why),
    /// No keys for the sound.
    Unshaken,
    /// No sound came.
    NeverHeard,
    /// No sound came from where it was said to come from, but from elsewhere.
    HeardElsewhere,
    /// Sound stopped coming.
    FellSilent,
    /// For a while none came from a peer that was there.
    Paused,
    /// It is answered where it comes from.
    Latched,
    /// Packets are lost on the way here.
    Lost,
    /// Packets are lost on the way there.
    LostThere,
    /// Keys come as sound.
    NoEvents,
    /// Music was taken out.
    Music,
    /// Callers knew no right code.
    NoCode,
}

/// Judges a trunk; `now` is since 1970.
pub(super) fn judge(trunk: &TrunkStanding, now: Duration) -> Vec<Remark> {
    let calls: Vec<&Findings> = trunk.latest.iter().collect();
    let of = calls.len();
    let mut remarks = Vec::new();
    let mut say = |good, about| remarks.push(Remark::new(good, about));
    if let Some(good) = trunk.server.is_good() {
        say(good, About::Server);
    }
    if trunk.came() == 0 {
        say(true, About::NoCalls);
    }
    let refused = trunk.lately.refused(now);
    for (calls, about) in [
        (refused.unknown, About::UnknownNumbers),
        (refused.full, About::Full),
    ] {
        if calls > 0 {
            remarks.push(Remark {
                calls: usize::try_from(calls).ok(),
                minutes: Some(REFUSALS_JUDGED.as_secs() / 60),
                ..Remark::new(false, about)
            });
        }
    }
    let is = |wanted: Finding| move |call: &Findings| call.has(|it| it == wanted);
    let elsewhere = |call: &Findings| is(Finding::NeverHeard)(call) && is(Finding::Strangers)(call);
    let nowhere = |call: &Findings| is(Finding::NeverHeard)(call) && !is(Finding::Strangers)(call);
    let fell_silent =
        |call: &Findings| is(Finding::FellSilent)(call) && !is(Finding::NeverHeard)(call);
    remarks.extend(carried(&calls));
    let mut count = |good, about, matches: &dyn Fn(&Findings) -> bool| {
        let calls = calls.iter().filter(|call| matches(call)).count();
        if calls > 0 {
            remarks.push(Remark {
                calls: Some(calls),
                of: Some(of),
                ..Remark::new(good, about)
            });
        }
    };
    count(false, About::Readable, &is(Finding::Readable));
    for why in Why::ALL {
        count(
            false,
            About::Unacceptable(why),
            &is(Finding::Unacceptable { why }),
        );
    }
    count(false, About::Unshaken, &is(Finding::Unshaken));
    count(false, About::HeardElsewhere, &elsewhere);
    count(false, About::NeverHeard, &nowhere);
    count(false, About::FellSilent, &fell_silent);
    count(false, About::Lost, &is(Finding::Lost));
    count(false, About::LostThere, &is(Finding::LostThere));
    count(true, About::Paused, &is(Finding::Paused));
    count(true, About::Latched, &is(Finding::Latched));
    count(true, About::NoEvents, &is(Finding::NoEvents));
    count(true, About::Music, &is(Finding::Music));
    count(true, About::NoCode, &is(Finding::NoCode));
    remarks
}

/// How the latest call was carried of which sound came.
fn carried(calls: &[&Findings]) -> Option<Remark> {
    let call = calls.iter().rev().find(|call| was_carried(call))?;
    let (mut codec, mut protection) = (None, None);
    for finding in call.iter() {
        if let Finding::Coded { codec: it } = finding {
            codec = Some(it);
        }
        if let Finding::Protected { protection: it } = finding {
            protection = Some(it);
        }
    }
    let carried = About::Carried {
        codec,
        protection,
        both_ways: call.has(|it| it == Finding::HeardThere),
    };
    Some(Remark::new(true, carried))
}

/// Whether a call was carried, and sound came from it.
fn was_carried(call: &Findings) -> bool {
    call.has(|it| matches!(it, Finding::Coded { .. })) && call.has(|it| it == Finding::Came)
}

/// The German beginning of a sentence about so many calls of so many.
fn of_calls_in_german(calls: Option<usize>, of: Option<usize>) -> String {
    match (calls, of) {
        (Some(1), Some(1)) => String::from("Im letzten Anruf"),
        (Some(1), Some(of)) => format!("In einem der letzten {of} Anrufe"),
        (Some(calls), Some(of)) => format!("In {calls} der letzten {of} Anrufe"),
        _ => String::new(),
    }
}

/// The same in English.
fn of_calls_in_english(calls: Option<usize>, of: Option<usize>) -> String {
    match (calls, of) {
        (Some(1), Some(1)) => String::from("In the last call"),
        (Some(1), Some(of)) => format!("In one of the last {of} calls"),
        (Some(calls), Some(of)) => format!("In {calls} of the last {of} calls"),
        _ => String::new(),
    }
}

impl Remark {
    const fn new(good: bool, about: About) -> Self {
        Self {
            good,
            about,
            calls: None,
            of: None,
            minutes: None,
        }
    }

    /// Says it, with what to do; `ports` are those that sound comes to.
    pub(super) fn told(
        &self,
        trunk: &TrunkStanding,
        ports: &RangeInclusive<u16>,
        language: Language,
    ) -> String {
        match language {
            Language::De => self.in_german(trunk, ports),
            Language::En => self.in_english(trunk, ports),
        }
    }

    fn in_german(&self, trunk: &TrunkStanding, ports: &RangeInclusive<u16>) -> String {
        let (first, last) = (ports.start(), ports.end());
        let of = of_calls_in_german(self.calls, self.of);
        match self.about {
            About::Server => format!("Gegenstelle: {}.", trunk.server.told(Language::De, None)),
            About::NoCalls => String::from(
                "Seit dem Start hat niemand angerufen. Rufen Sie eine der Nummern an und prüfen Sie danach noch einmal.",
            ),
            About::UnknownNumbers => unknown_in_german(self.calls.unwrap_or_default()),
            About::Full => full_in_german(self.calls.unwrap_or_default(), trunk.max_calls),
            About::Carried {
                codec,
                protection,
                both_ways,
            } => carried_in_german(codec, protection, both_ways),
            About::Readable => format!(
                "{of} kam die Signalisierung unverschlüsselt, verlangt ist Verschlüsselung. Lassen Sie die Anlage über TLS \
                 anrufen, oder setzen Sie encryption = \"off\", wenn das Netz Ihr eigenes ist."
            ),
            About::Unacceptable(why) => format!("{of} {}", why_in_german(why)),
            About::Unshaken => format!(
                "{of} kam der Austausch der Schlüssel (DTLS) nicht zustande. Lassen Sie UDP {first}-{last} zu dieser Maschine \
                 durch, oder nehmen Sie SDES."
            ),
            About::NeverHeard => format!(
                "{of} kam von Ihrer Anlage kein Ton. Lassen Sie UDP {first}-{last} zu dieser Maschine durch; steht sie hinter \
                 einem Adressumsetzer, nennen Sie external_address."
            ),
            About::HeardElsewhere => format!(
                "{of} kam Ton von einer anderen Adresse, als die Gegenseite genannt hatte, und wurde nicht geglaubt. Setzen Sie \
                 latch = true, mit media_networks, wo er unverschlüsselt ist."
            ),
            About::FellSilent => format!(
                "{of} hörte der Ton von der Gegenseite unterwegs auf. Oft schließt eine Firewall den Weg zu früh."
            ),
            About::Paused => format!(
                "{of} kam zeitweise kein Ton, obwohl die Gegenseite da war. Das ist in Ordnung, wenn sie in Sprechpausen nichts \
                 sendet; sonst schließt eine Firewall den Weg zu früh."
            ),
            About::Lost => format!("{of} ging auf dem Weg hierher mehr als 1 % des Tons verloren."),
            About::LostThere => {
                format!("{of} ging auf dem Weg dorthin mehr als 1 % des Tons verloren.")
            }
            About::Latched => format!(
                "{of} kam der Ton von einer anderen Adresse als genannt und wurde dort beantwortet (latch)."
            ),
            About::NoEvents => format!(
                "{of} waren keine telephone-events vereinbart. Tasten werden am Klang oder aus SIP INFO erkannt; sicherer ist, \
                 RFC 4733 (auch: RFC 2833) dort einzuschalten."
            ),
            About::Music => {
                format!("{of} wurde Wartemusik aus dem Gespräch genommen.")
            }
            About::NoCode => format!("{of} wurde kein richtiger Code eingegeben."),
        }
    }

    fn in_english(&self, trunk: &TrunkStanding, ports: &RangeInclusive<u16>) -> String {
        let (first, last) = (ports.start(), ports.end());
        let of = of_calls_in_english(self.calls, self.of);
        match self.about {
            About::Server => format!("Other side: {}.", trunk.server.told(Language::En, None)),
            About::NoCalls => String::from(
                "Nobody has called since the start. Call one of the numbers, then check again.",
            ),
            About::UnknownNumbers => unknown_in_english(self.calls.unwrap_or_default()),
            About::Full => full_in_english(self.calls.unwrap_or_default(), trunk.max_calls),
            About::Carried {
                codec,
                protection,
                both_ways,
            } => carried_in_english(codec, protection, both_ways),
            About::Readable => format!(
                "{of} the signalling came unencrypted, while encryption is required. Let the exchange call over TLS, or set \
                 encryption = \"off\" where the network is your own."
            ),
            About::Unacceptable(why) => format!("{of} {}", why_in_english(why)),
            About::Unshaken => format!(
                "{of} the exchange of keys (DTLS) did not succeed. Let UDP {first}-{last} pass to this machine, or use SDES."
            ),
            About::NeverHeard => format!(
                "{of} no sound came from your exchange. Let UDP {first}-{last} pass to this machine; if it is behind an address \
                 translator, name its external_address."
            ),
            About::HeardElsewhere => format!(
                "{of} sound came from another address than the other side had named, and was not believed. Set latch = true, with \
                 media_networks where it is not encrypted."
            ),
            About::FellSilent => format!(
                "{of} the sound from the other side stopped in mid-call. Often a firewall closes the way too early."
            ),
            About::Paused => format!(
                "{of} no sound came for a while, though the other side was there. That is all right if it sends nothing while \
                 nobody speaks; otherwise a firewall closes the way too early."
            ),
            About::Lost => format!("{of} more than 1 % of the sound was lost on the way here."),
            About::LostThere => {
                format!("{of} more than 1 % of the sound was lost on the way there.")
            }
            About::Latched => format!(
                "{of} the sound came from another address than named, and was answered there (latch)."
            ),
            About::NoEvents => format!(
                "{of} no telephone-events were agreed upon. Keys are known by their sound or from SIP INFO; safer is to switch \
                 RFC 4733 (also: RFC 2833) on there."
            ),
            About::Music => format!("{of} hold music was taken out of the talk."),
            About::NoCode => format!("{of} no right code was entered."),
        }
    }
}

/// How a call was carried, in German.
fn carried_in_german(
    codec: Option<Codec>,
    protection: Option<Protection>,
    both_ways: bool,
) -> String {
    let codec = codec.map_or("unbekannt", Codec::name);
    let protection = match protection.unwrap_or_default() {
        Protection::None => "nicht verschlüsselt",
        Protection::ToCarrier => "verschlüsselt bis zum Anbieter",
        Protection::ToDevice => "verschlüsselt bis zum Telefon",
    };
    if both_ways {
        format!("Ton in beide Richtungen: {codec}, {protection}.")
    } else {
        format!("Ton kam an: {codec}, {protection}. Ob man uns hört, ist nicht bekannt.")
    }
}

/// The same in English.
fn carried_in_english(
    codec: Option<Codec>,
    protection: Option<Protection>,
    both_ways: bool,
) -> String {
    let codec = codec.map_or("unknown", Codec::name);
    let protection = match protection.unwrap_or_default() {
        Protection::None => "not encrypted",
        Protection::ToCarrier => "encrypted to the carrier",
        Protection::ToDevice => "encrypted to the telephone",
    };
    if both_ways {
        format!("Sound both ways: {codec}, {protection}.")
    } else {
        format!("Sound came: {codec}, {protection}. Whether we are heard is not known.")
    }
}

fn unknown_in_german(calls: usize) -> String {
    let calls = match calls {
        1 => String::from("ging ein Anruf an eine Nummer, die nicht in numbers steht"),
        calls => format!("gingen {calls} Anrufe an Nummern, die nicht in numbers stehen"),
    };
    format!(
        "In der letzten Stunde {calls}. Tragen Sie sie dort so ein, wie gewählt wird, mit Landesvorwahl."
    )
}

fn full_in_german(calls: usize, most: usize) -> String {
    let calls = match calls {
        1 => String::from("wurde ein Anruf"),
        calls => format!("wurden {calls} Anrufe"),
    };
    format!(
        "In der letzten Stunde {calls} abgewiesen, weil es zu viele zugleich waren (max_calls = {most}) oder die Maschine \
         ausgelastet war."
    )
}

fn unknown_in_english(calls: usize) -> String {
    let calls = match calls {
        1 => String::from("one call was to a number that is"),
        calls => format!("{calls} calls were to numbers that are"),
    };
    format!(
        "In the last hour {calls} not in numbers. Enter each there as it is dialled, with the country code."
    )
}

fn full_in_english(calls: usize, most: usize) -> String {
    let calls = match calls {
        1 => String::from("one call was"),
        calls => format!("{calls} calls were"),
    };
    format!(
        "In the last hour {calls} refused because there were too many at a time (max_calls = {most}), or the machine was busy."
    )
}

/// What a session description lacks, as what it is like to the operator.
const fn why_in_german(why: Why) -> &'static str {
    match why {
        Why::Encryption => {
            "bot die Gegenseite keine Verschlüsselung des Tons an. Schalten Sie dort SRTP ein (SDES oder DTLS), oder setzen Sie encryption = \"preferred\"."
        }
        Why::Keys => {
            "waren die angebotenen Schlüssel nicht zu verwenden. Erlauben Sie dort AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM oder AEAD_AES_256_GCM."
        }
        Why::Plain => {
            "verlangte die Gegenseite Verschlüsselung des Tons, die hier ausgeschaltet ist. Setzen Sie encryption = \"required\" oder \"preferred\"."
        }
        Why::Codec => {
            "gab es keinen gemeinsamen Codec. Lassen Sie dort G.711 A-law (PCMA) oder G.722 zu, und prüfen Sie codecs."
        }
        Why::Address => {
            "nannte die Gegenseite für den Ton eine Adresse, an die er nicht geschickt wird, etwa eine private. Nennen Sie das Netz in media_networks, wenn es Ihr eigenes ist."
        }
        Why::Sound => {
            "bot die Gegenseite keinen Ton über RTP an, etwa nur Fax oder Video. Rufen Sie dort als Sprachanruf an, und schalten Sie T.38 für diesen Trunk ab."
        }
        Why::Fit => {
            "passte die Antwort der Gegenseite nicht zu dem, was angeboten war. Prüfen Sie dort, was zwischen beiden die SDP ändert (SIP-ALG, Session Border Controller)."
        }
    }
}

/// The same in English.
const fn why_in_english(why: Why) -> &'static str {
    match why {
        Why::Encryption => {
            "the other side offered no encryption of the sound. Switch SRTP on there (SDES or DTLS), or set encryption = \"preferred\"."
        }
        Why::Keys => {
            "the keys that were offered could not be used. Allow AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM or AEAD_AES_256_GCM there."
        }
        Why::Plain => {
            "the other side demanded encryption of the sound, which is switched off here. Set encryption = \"required\" or \"preferred\"."
        }
        Why::Codec => {
            "there was no codec in common. Allow G.711 A-law (PCMA) or G.722 there, and check codecs."
        }
        Why::Address => {
            "the other side named an address for the sound that none is sent to, such as a private one. Name the network in media_networks if it is your own."
        }
        Why::Sound => {
            "the other side offered no sound over RTP, perhaps fax or video alone. Make it a voice call there, and switch T.38 off for this trunk."
        }
        Why::Fit => {
            "the other side's answer did not fit what was offered. Look there for what changes SDP on its way (SIP ALG, session border controller)."
        }
    }
}
