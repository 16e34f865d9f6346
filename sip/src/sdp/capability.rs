//! Potential configurations of a media line (RFC 5939): what its author can do beside what the line says.
//!
//! ```text
//!   m=audio 4000 RTP/AVP 8                  the line as it stands
//!   a=tcap:1 RTP/SAVP                       another transport, number 1
//!   a=acap:1 crypto:1 AES_CM_… inline:…     another attribute, number 1
//!   a=pcfg:1 t=1 a=1                        both together: answered over RTP/SAVP, with a=acfg:1 t=1 a=1
//! ```
//!
//! A configuration is taken as a whole or not at all: what it must have and we do not understand rules it out. What it only
//! may have is left out instead.

use std::collections::BTreeMap;

use super::{Attribute, Description, Media};
use crate::limit::{CAPABILITIES, CONFIGURATIONS};

/// A media line as its author would have it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Potential {
    /// The line.
    pub(super) media: Media,
    /// What an answer says that takes it (RFC 5939 §3.5.2).
    pub(super) chosen: Attribute,
}

/// Reads the potential configurations of a line, those that its author likes best first (RFC 5939 §3.5.1), [`CONFIGURATIONS`] at
/// most.
pub(super) fn potentials(offer: &Description, media: &Media) -> Vec<Potential> {
    if demands_more(&offer.attributes) || demands_more(&media.attributes) {
        return Vec::new();
    }
    let known = Capabilities::of(offer, media);
    let lines = media.values("pcfg").take(CONFIGURATIONS);
    let mut lines: Vec<Configuration<'_>> = lines.filter_map(Configuration::parse).collect();
    lines.sort_by_key(|line| line.number);
    let all = lines.iter().flat_map(|line| line.of(media, &known));
    all.take(CONFIGURATIONS).collect()
}

/// Tells whether more than RFC 5939 itself must be understood to negotiate (§3.3.2).
fn demands_more(attributes: &[Attribute]) -> bool {
    let demanded = attributes.iter().filter(|one| one.name == "creq");
    let tags = demanded.filter_map(|one| one.value.as_deref());
    tags.flat_map(|tags| tags.split(','))
        .any(|tag| tag.trim_ascii() != "cap-v0")
}

/// What configurations are made of, by number.
struct Capabilities<'a> {
    transports: BTreeMap<u32, &'a str>,
    attributes: BTreeMap<u32, Attribute>,
}

impl<'a> Capabilities<'a> {
    fn of(offer: &'a Description, media: &'a Media) -> Self {
        let at_session = offer.attributes.iter();
        let at_session = at_session.filter(|one| one.name == "tcap");
        let at_session = at_session.filter_map(|one| one.value.as_deref());
        let transports = media.values("tcap").chain(at_session).take(CAPABILITIES);
        let transports = transports.filter_map(|line| {
            let (first, protocols) = line.split_once(' ')?;
            let protocols = protocols.split_ascii_whitespace().take(CAPABILITIES);
            Some((number(first)?..).zip(protocols))
        });
        // Those of the session are no attributes of a line (§3.4.1).
        let attributes = media.values("acap").take(CAPABILITIES);
        let attributes = attributes.filter_map(|line| {
            let (capability, attribute) = line.split_once(' ')?;
            let (name, value) = match attribute.split_once(':') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (attribute, None),
            };
            let name = name.to_owned();
            Some((number(capability)?, Attribute { name, value }))
        });
        Self {
            transports: transports.flatten().collect(),
            attributes: attributes.collect(),
        }
    }

    /// An attribute of this number, if it is one whose meaning we know.
    fn attribute(&self, number: u32) -> Option<&Attribute> {
        let attribute = self.attributes.get(&number)?;
        UNDERSTOOD
            .contains(&attribute.name.as_str())
            .then_some(attribute)
    }
}

/// A line `a=pcfg`.
#[derive(Debug, PartialEq, Eq)]
struct Configuration<'a> {
    number: u32,
    /// The line's own where there is none.
    transports: Vec<u32>,
    /// The line's own attributes are left out (§3.5.1, `-m`).
    alone: bool,
    /// Alternatives of attributes; one of none where there are none.
    attributes: Vec<Attributes>,
    /// The text before the attributes in an answer.
    deleted: &'a str,
}

/// Attributes that are taken together.
#[derive(Debug, PartialEq, Eq, Default)]
struct Attributes {
    needed: Vec<u32>,
    optional: Vec<u32>,
}

impl<'a> Configuration<'a> {
    /// Reads the attribute's value; none where it is malformed or asks for what is unknown.
    fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.split_ascii_whitespace();
        let mut read = Self {
            number: number(fields.next()?)?,
            transports: Vec::new(),
            alone: false,
            attributes: Vec::new(),
            deleted: "",
        };
        for field in fields {
            if let Some(list) = field.strip_prefix("t=") {
                if !read.transports.is_empty() {
                    return None;
                }
                read.transports = list.split('|').map(number).collect::<Option<_>>()?;
            } else if let Some(list) = field.strip_prefix("a=") {
                if !read.attributes.is_empty() {
                    return None;
                }
                read.read_attributes(list)?;
            } else if field.starts_with('+') {
                return None;
            }
        }
        if read.attributes.is_empty() {
            read.attributes.push(Attributes::default());
        }
        Some(read)
    }

    fn read_attributes(&mut self, list: &'a str) -> Option<()> {
        let mut lists = list;
        if list.starts_with('-') {
            // What deletes attributes of the session is left: they hold for other lines, too.
            lists = list.strip_prefix("-m")?;
            self.alone = true;
            self.deleted = if lists.is_empty() { "-m" } else { "-m:" };
            if lists.is_empty() {
                self.attributes.push(Attributes::default());
                return Some(());
            }
            lists = lists.strip_prefix(':')?;
        }
        let lists = lists.split('|').take(CONFIGURATIONS);
        self.attributes = lists.map(Attributes::parse).collect::<Option<_>>()?;
        Some(())
    }

    /// The lines that it makes of one, in order of preference.
    fn of(&self, media: &Media, known: &Capabilities<'_>) -> Vec<Potential> {
        let transports: Vec<(String, &str)> = if self.transports.is_empty() {
            vec![(String::new(), media.protocol.as_str())]
        } else {
            let known =
                |number: &u32| Some((format!(" t={number}"), *known.transports.get(number)?));
            self.transports.iter().filter_map(known).collect()
        };
        let mut lines = Vec::new();
        for (transport, protocol) in transports.iter().take(CONFIGURATIONS) {
            for alternative in &self.attributes {
                let Some((mut attributes, taken)) = alternative.of(known) else {
                    continue;
                };
                let mut line = media.clone();
                line.protocol = (*protocol).to_owned();
                if !self.alone {
                    attributes.append(&mut line.attributes);
                }
                line.attributes = attributes;
                let attributes = match (self.deleted, taken.as_str()) {
                    ("", "") => String::new(),
                    (deleted, taken) => format!(" a={deleted}{taken}"),
                };
                let chosen = format!("{}{transport}{attributes}", self.number);
                lines.push(Potential {
                    media: line,
                    chosen: Attribute::new("acfg", chosen),
                });
            }
        }
        lines
    }
}

impl Attributes {
    /// Reads `1,2,[3]`.
    fn parse(list: &str) -> Option<Self> {
        let (needed, optional) = match list.split_once('[') {
            Some((needed, optional)) => {
                let needed = match needed {
                    "" => "",
                    needed => needed.strip_suffix(',')?,
                };
                (needed, optional.strip_suffix(']')?)
            }
            None => (list, ""),
        };
        let numbers = |list: &str| match list {
            "" => Some(Vec::new()),
            list => list.split(',').map(number).collect(),
        };
        let read = Self {
            needed: numbers(needed)?,
            optional: numbers(optional)?,
        };
        (read != Self::default()).then_some(read)
    }

    /// Returns the attributes, and how an answer names them; none where one that is needed is not understood.
    fn of(&self, known: &Capabilities<'_>) -> Option<(Vec<Attribute>, String)> {
        let needed = self.needed.iter().map(|number| known.attribute(*number));
        let mut attributes: Vec<Attribute> =
            needed.map(|one| one.cloned()).collect::<Option<_>>()?;
        let optional = self.optional.iter();
        let optional: Vec<u32> = optional
            .copied()
            .filter(|number| known.attribute(*number).is_some())
            .collect();
        attributes.extend(
            optional
                .iter()
                .filter_map(|number| known.attribute(*number))
                .cloned(),
        );
        let listed = |numbers: &[u32]| {
            let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
            numbers.join(",")
        };
        let taken = match (listed(&self.needed), listed(&optional)) {
            (needed, optional) if optional.is_empty() => needed,
            (needed, optional) if needed.is_empty() => format!("[{optional}]"),
            (needed, optional) => format!("{needed},[{optional}]"),
        };
        Some((attributes, taken))
    }
}

/// A number of a capability or a configuration: 1 to 2^31-1.
fn number(text: &str) -> Option<u32> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = digits.then(|| text.parse().ok())??;
    (1..1 << 31).contains(&number).then_some(number)
}

/// The attributes whose meaning we know, as far as they matter in a configuration.
const UNDERSTOOD: [&str; 6] = [
    "crypto",
    "setup",
    "fingerprint",
    "rtcp-mux",
    "ptime",
    "maxptime",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What an answer would say of each configuration of a line with these attributes, and over which transport.
    fn chosen(attributes: &str) -> Vec<String> {
        let text = format!(
            "v=0\no=- 1 1 IN IP4 198.51.100.7\ns=-\nt=0 0\n{}",
            attributes.replace('/', "\n").replace('#', "/")
        );
        let offer = Description::parse(text.as_bytes()).unwrap();
        let all = potentials(&offer, &offer.media[0]).into_iter();
        all.map(|one| {
            let value = one.chosen.value.unwrap_or_default();
            format!("{} {value}", one.media.protocol)
        })
        .collect()
    }

    /// A line with two transports and three attributes, the last of which nobody knows.
    fn of(configurations: &str) -> Vec<String> {
        chosen(&format!(
            "m=audio 4000 RTP#AVP 8/a=tcap:1 RTP#SAVP RTP#SAVPF/a=acap:1 crypto:1 x/a=acap:2 rtcp-mux/a=acap:9 key-mgmt:x/{configurations}"
        ))
    }

    #[test]
    fn a_line_has_the_configurations_that_it_lists_the_lowest_number_first() {
        for (line, expected) in [
            ("a=pcfg:1 t=1 a=1", vec!["RTP/SAVP 1 t=1 a=1"]),
            (
                "a=pcfg:7 t=2|1 a=1|2",
                vec![
                    "RTP/SAVPF 7 t=2 a=1",
                    "RTP/SAVPF 7 t=2 a=2",
                    "RTP/SAVP 7 t=1 a=1",
                    "RTP/SAVP 7 t=1 a=2",
                ],
            ),
            (
                "a=pcfg:2 t=1/a=pcfg:1 a=1",
                vec!["RTP/AVP 1 a=1", "RTP/SAVP 2 t=1"],
            ),
            ("a=pcfg:1", vec!["RTP/AVP 1"]),
            ("a=pcfg:1 a=1,[2,9]", vec!["RTP/AVP 1 a=1,[2]"]),
            ("a=pcfg:1 a=[1]", vec!["RTP/AVP 1 a=[1]"]),
            ("a=pcfg:1 a=[9]", vec!["RTP/AVP 1"]),
            ("a=pcfg:1 a=-m:1", vec!["RTP/AVP 1 a=-m:1"]),
            ("a=pcfg:1 a=-m", vec!["RTP/AVP 1 a=-m"]),
            ("a=pcfg:1 t=1 m=4 a=1", vec!["RTP/SAVP 1 t=1 a=1"]),
            ("a=creq:cap-v0/a=pcfg:1 t=1", vec!["RTP/SAVP 1 t=1"]),
            // What is needed and unknown rules a configuration out.
            ("a=pcfg:1 t=3 a=1", vec![]),
            ("a=pcfg:1 t=3|1", vec!["RTP/SAVP 1 t=1"]),
            ("a=pcfg:1 a=9", vec![]),
            ("a=pcfg:1 a=1,9|2", vec!["RTP/AVP 1 a=2"]),
            ("a=pcfg:1 t=1 +x=1", vec![]),
            ("a=pcfg:1 a=-s:1", vec![]),
            ("a=pcfg:1 a=-ms:1", vec![]),
            ("a=creq:cap-v0,med-v0/a=pcfg:1 t=1", vec![]),
        ] {
            assert_eq!(of(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_malformed_is_no_configuration() {
        for line in [
            "a=pcfg",
            "a=pcfg:",
            "a=pcfg:x t=1",
            "a=pcfg:0 t=1",
            "a=pcfg:-1 t=1",
            "a=pcfg:+1 t=1",
            "a=pcfg:2147483648 t=1",
            "a=pcfg:99999999999 t=1",
            "a=pcfg:1 t=",
            "a=pcfg:1 t=1|",
            "a=pcfg:1 t=1,2",
            "a=pcfg:1 t=1 t=2",
            "a=pcfg:1 a=",
            "a=pcfg:1 a=[]",
            "a=pcfg:1 a=1[2]",
            "a=pcfg:1 a=[2],1",
            "a=pcfg:1 a=1,[2",
            "a=pcfg:1 a=1,,2",
            "a=pcfg:1 a=-m1",
            "a=pcfg:1 a=-m:",
            "a=pcfg:1 a=1 a=2",
        ] {
            assert_eq!(of(line), Vec::<String>::new(), "{line}");
        }
        for line in [
            "a=tcap:1/a=pcfg:1 t=1",
            "a=tcap:x RTP#SAVP/a=pcfg:1 t=1",
            "a=acap:1/a=pcfg:1 a=1",
            "a=acap:crypto:1/a=pcfg:1 a=1",
        ] {
            let line = format!("m=audio 4000 RTP#AVP 8/{line}");
            assert_eq!(chosen(&line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn transports_may_be_listed_for_the_session_and_attributes_may_not() {
        let line = "a=tcap:5 RTP#SAVP/a=acap:1 crypto:1 x/m=audio 4000 RTP#AVP 8/a=pcfg:1 t=5";
        assert_eq!(chosen(line), ["RTP/SAVP 1 t=5"]);
        assert_eq!(chosen(&format!("{line} a=1")), Vec::<String>::new());
    }

    #[test]
    fn there_is_an_end_to_configurations() {
        let many: Vec<String> = (1..100)
            .map(|n| format!("a=pcfg:{n} t=1|2|1|2 a=1|2"))
            .collect();
        assert_eq!(of(&many.join("/")).len(), CONFIGURATIONS);
        let wide = format!("a=pcfg:1 t={}", ["1"; 5_000].join("|"));
        assert_eq!(of(&wide).len(), CONFIGURATIONS);
    }
}
