//! Reading a session description (RFC 8866 §9), liberal in line ends, unknown lines and missing `s=` or `t=`.

use super::{Attribute, Connection, Description, Media, Origin};
use crate::{error::DescriptionError, limit};

impl Description {
    /// Parses the body of a message.
    ///
    /// # Errors
    ///
    /// [`DescriptionError`] when a limit is exceeded or the grammar is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptionError> {
        if bytes.len() > limit::DESCRIPTION_BYTES {
            return Err(DescriptionError::TooLong);
        }
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
            .filter(|line| !line.is_empty());
        if lines.next() != Some("v=0") {
            return Err(DescriptionError::Malformed("version"));
        }
        let mut reader = Reader::default();
        for line in lines {
            reader.line(line)?;
        }
        reader.finish()
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    origin: Option<Origin>,
    name: Option<String>,
    connection: Option<Connection>,
    timing: Option<String>,
    attributes: Vec<Attribute>,
    media: Vec<Media>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), DescriptionError> {
        let (kind, value) = split_line(line)?;
        match kind {
            'v' => Err(DescriptionError::Malformed("version repeated")),
            'o' if self.media.is_empty() => {
                self.origin = Some(origin(value).ok_or(DescriptionError::Malformed("origin"))?);
                Ok(())
            }
            's' if self.media.is_empty() => {
                self.name = Some(value.to_owned());
                Ok(())
            }
            't' if self.media.is_empty() && self.timing.is_none() => {
                self.timing = Some(timing(value).ok_or(DescriptionError::Malformed("timing"))?);
                Ok(())
            }
            'c' => {
                let parsed = connection(value).ok_or(DescriptionError::Malformed("connection"))?;
                match self.media.last_mut() {
                    Some(media) => media.connection.get_or_insert(parsed),
                    None => self.connection.get_or_insert(parsed),
                };
                Ok(())
            }
            'a' => {
                let parsed = attribute(value).ok_or(DescriptionError::Malformed("attribute"))?;
                match self.media.last_mut() {
                    Some(media) => media.attributes.push(parsed),
                    None => self.attributes.push(parsed),
                }
                Ok(())
            }
            'm' if self.media.len() >= limit::MEDIA_LINES => Err(DescriptionError::TooManyMedia),
            'm' => {
                self.media
                    .push(media(value).ok_or(DescriptionError::Malformed("media"))?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<Description, DescriptionError> {
        Ok(Description {
            origin: self
                .origin
                .ok_or(DescriptionError::Malformed("origin missing"))?,
            name: self.name.unwrap_or_else(|| "-".to_owned()),
            connection: self.connection,
            timing: self.timing.unwrap_or_else(|| "0 0".to_owned()),
            attributes: self.attributes,
            media: self.media,
        })
    }
}

fn split_line(line: &str) -> Result<(char, &str), DescriptionError> {
    if line.contains(['\r', '\0']) {
        return Err(DescriptionError::Malformed("control character"));
    }
    let mut characters = line.chars();
    match (characters.next(), characters.next()) {
        (Some(kind), Some('=')) if kind.is_ascii_lowercase() => Ok((kind, characters.as_str())),
        _ => Err(DescriptionError::Malformed("line")),
    }
}

fn origin(value: &str) -> Option<Origin> {
    let mut fields = value.split_ascii_whitespace();
    let username = fields.next()?.to_owned();
    let session_id = number(fields.next()?)?;
    let session_version = number(fields.next()?)?;
    let network = fields.next()?;
    let address_type = fields.next()?.to_owned();
    let address = fields.next()?.to_owned();
    (network == "IN" && fields.next().is_none()).then_some(Origin {
        username,
        session_id,
        session_version,
        address: Connection {
            address_type,
            address,
        },
    })
}

/// RFC 8866 bounds neither number of `o=`; what exceeds 64 bits is kept modulo 2^64, which is enough to compare.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.bytes().fold(0_u64, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    }))
}

fn timing(value: &str) -> Option<String> {
    let fields: Vec<&str> = value.split_ascii_whitespace().collect();
    let numeric = |field: &&str| field.bytes().all(|byte| byte.is_ascii_digit());
    (fields.len() == 2 && fields.iter().all(numeric)).then(|| fields.join(" "))
}

fn connection(value: &str) -> Option<Connection> {
    let mut fields = value.split_ascii_whitespace();
    let network = fields.next()?;
    let address_type = fields.next()?.to_owned();
    let address = fields.next()?.to_owned();
    (network == "IN" && fields.next().is_none()).then_some(Connection {
        address_type,
        address,
    })
}

fn attribute(value: &str) -> Option<Attribute> {
    let (name, value) = match value.split_once(':') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (value.trim_ascii_end(), None),
    };
    (!name.is_empty()).then(|| Attribute {
        name: name.to_owned(),
        value,
    })
}

fn media(value: &str) -> Option<Media> {
    let mut fields = value.split_ascii_whitespace();
    let kind = fields.next()?.to_owned();
    let (port, ports) = match fields.next()?.split_once('/') {
        Some((port, ports)) => (port.to_owned(), Some(ports.parse().ok()?)),
        None => (value.split_ascii_whitespace().nth(1)?.to_owned(), None),
    };
    let protocol = fields.next()?.to_owned();
    let formats: Vec<String> = fields.map(str::to_owned).collect();
    if formats.is_empty() {
        return None;
    }
    Some(Media {
        kind,
        port: port.parse().ok()?,
        ports,
        protocol,
        formats,
        connection: None,
        attributes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "v=0\no=a 1 2 IN IP4 192.0.2.2\n";

    fn parse(text: &str) -> Result<Description, DescriptionError> {
        Description::parse(text.as_bytes())
    }

    #[test]
    fn line_ends_unknown_lines_and_missing_lines_are_tolerated() {
        let parsed = parse(&format!(
            "{HEAD}b=AS:64\r\nz=1\n\na=recvonly\nm=audio 4000/2 RTP/AVP 0 8\r\na=x:\n"
        ))
        .unwrap();
        assert_eq!((parsed.name.as_str(), parsed.timing.as_str()), ("-", "0 0"));
        assert_eq!(
            (parsed.media[0].port, parsed.media[0].ports),
            (4000, Some(2))
        );
        assert_eq!(parsed.media[0].attributes[0].value.as_deref(), Some(""));
    }

    #[test]
    fn broken_descriptions_are_refused() {
        for broken in [
            "",
            "v=1\n",
            "o=a 1 2 IN IP4 h\n",
            "v=0\n",
            "v=0\no=a x 2 IN IP4 h\n",
            "v=0\no=a 1 2 IN IP4\n",
        ] {
            assert!(
                matches!(parse(broken), Err(DescriptionError::Malformed(_))),
                "{broken}"
            );
        }
        for broken in [
            "m=audio\n",
            "m=audio 70000 RTP/AVP 0\n",
            "m=audio 1 RTP/AVP\n",
            "c=IN\n",
            "c=X IP4 h\n",
            "t=a b\n",
            "v=0\n",
            "no line\n",
            "a=\n",
            "s=\0\n",
        ] {
            assert!(
                matches!(
                    parse(&format!("{HEAD}{broken}")),
                    Err(DescriptionError::Malformed(_))
                ),
                "{broken}"
            );
        }
    }

    #[test]
    fn limits_are_named() {
        let lines = |count| format!("{HEAD}{}", "m=audio 1 RTP/AVP 0\n".repeat(count));
        assert!(parse(&lines(limit::MEDIA_LINES)).is_ok());
        assert_eq!(
            parse(&lines(limit::MEDIA_LINES + 1)),
            Err(DescriptionError::TooManyMedia)
        );
        let long = format!("{HEAD}a={}", "x".repeat(limit::DESCRIPTION_BYTES));
        assert_eq!(parse(&long), Err(DescriptionError::TooLong));
    }

    fn token() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9.+-]{1,12}"
    }

    fn connections() -> impl Strategy<Value = Connection> {
        (token(), token()).prop_map(|(address_type, address)| Connection {
            address_type,
            address,
        })
    }

    fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
        let attribute = (token(), proptest::option::of("[ -~äλ]{0,20}"));
        proptest::collection::vec(
            attribute.prop_map(|(name, value)| Attribute { name, value }),
            0..5,
        )
    }

    prop_compose! {
        fn medias()(kind in token(), port: u16, ports: Option<u16>, protocol in token(),
            formats in proptest::collection::vec(token(), 1..5),
            connection in proptest::option::of(connections()), attributes in attributes()) -> Media {
            Media { kind, port, ports, protocol, formats, connection, attributes }
        }
    }

    prop_compose! {
        fn descriptions()(username in token(), session_id: u64, session_version: u64, address in connections(),
            name in "[ -~äλ]{0,20}", connection in proptest::option::of(connections()), times: (u64, u64),
            attributes in attributes(), media in proptest::collection::vec(medias(), 0..=limit::MEDIA_LINES)
        ) -> Description {
            let origin = Origin { username, session_id, session_version, address };
            let timing = format!("{} {}", times.0, times.1);
            Description { origin, name, connection, timing, attributes, media }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed_again(description in descriptions()) {
            prop_assert_eq!(Description::parse(description.print().as_bytes()), Ok(description));
        }

        #[test]
        fn any_octets_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(parsed) = Description::parse(&[HEAD.as_bytes(), &bytes].concat()) {
                prop_assert_eq!(Description::parse(parsed.print().as_bytes()), Ok(parsed));
            }
        }
    }
}
