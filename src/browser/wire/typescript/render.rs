//! The shapes as TypeScript.

use std::fmt::Write;

use super::{Kind, Shape, TYPES};

/// Renders all types as TypeScript.
pub(super) fn typescript() -> String {
    let mut text = String::from(HEAD);
    for (name, shape) in TYPES {
        let _ = match shape {
            Shape::Words(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                writeln!(text, "\nexport type {name} = {};", words.join(" | "))
            }
            Shape::Fields(fields) => {
                let fields: String = fields
                    .iter()
                    .map(|(field, kind)| format!("  {}: {};\n", quoted(field), name_of(*kind)))
                    .collect();
                writeln!(text, "\nexport type {name} = {{\n{fields}}};")
            }
            Shape::Messages(messages) => {
                let messages: String = messages
                    .iter()
                    .map(|(tag, fields)| {
                        let fields: String = fields
                            .iter()
                            .map(|(field, kind)| format!("; {field}: {}", name_of(*kind)))
                            .collect();
                        format!("\n  | {{ type: \"{tag}\"{fields} }}")
                    })
                    .collect();
                writeln!(text, "\nexport type {name} ={messages};")
            }
        };
    }
    text
}

/// A field's name, in quotes where it is none of the language's.
fn quoted(field: &str) -> String {
    match field.contains('-') {
        true => format!("\"{field}\""),
        false => field.to_owned(),
    }
}

fn name_of(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Id => String::from("string"),
        Kind::Number => String::from("number"),
        Kind::Flag => String::from("boolean"),
        Kind::Named(name) => String::from(name),
        Kind::Nullable(inner) => format!("{} | null", name_of(*inner)),
        Kind::List(inner) => format!("{}[]", name_of(*inner)),
    }
}

const HEAD: &str = "//! The messages between browser and server: JSON over one WebSocket, subprotocol \"rundruf.1\".\n\
    //! Generated from src/browser/wire.rs by `RUNDRUF_BLESS=1 cargo test wire`; never edited.\n";
