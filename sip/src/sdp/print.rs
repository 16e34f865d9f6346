//! Writing a session description in the order of RFC 8866 §5, lines ended by CRLF.

use std::fmt::{self, Write};

use super::{Attribute, Connection, Description, Media};

impl Description {
    /// Prints the description as a message body. It holds addresses: the text is for the wire only.
    pub fn print(&self) -> String {
        let mut out = String::with_capacity(512);
        self.write(&mut out)
            .expect("writing into a string cannot fail");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let origin = &self.origin;
        write!(out, "v=0\r\no={} ", origin.username)?;
        write!(out, "{} {} ", origin.session_id, origin.session_version)?;
        write!(
            out,
            "IN {} {}\r\n",
            origin.address.address_type, origin.address.address
        )?;
        write!(out, "s={}\r\n", self.name)?;
        write_connection(out, self.connection.as_ref())?;
        write!(out, "t={}\r\n", self.timing)?;
        write_attributes(out, &self.attributes)?;
        self.media
            .iter()
            .try_for_each(|media| write_media(out, media))
    }
}

fn write_media(out: &mut String, media: &Media) -> fmt::Result {
    write!(out, "m={} {}", media.kind, media.port)?;
    if let Some(ports) = media.ports {
        write!(out, "/{ports}")?;
    }
    write!(out, " {}", media.protocol)?;
    for format in &media.formats {
        write!(out, " {format}")?;
    }
    out.push_str("\r\n");
    write_connection(out, media.connection.as_ref())?;
    write_attributes(out, &media.attributes)
}

fn write_connection(out: &mut String, connection: Option<&Connection>) -> fmt::Result {
    match connection {
        Some(connection) => write!(
            out,
            "c=IN {} {}\r\n",
            connection.address_type, connection.address
        ),
        None => Ok(()),
    }
}

fn write_attributes(out: &mut String, attributes: &[Attribute]) -> fmt::Result {
    attributes
        .iter()
        .try_for_each(|attribute| match &attribute.value {
            Some(value) => write!(out, "a={}:{value}\r\n", attribute.name),
            None => write!(out, "a={}\r\n", attribute.name),
        })
}
