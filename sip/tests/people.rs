//! What an INVITE says of who calls whom, and what is made of header fields that lie, repeat or contradict themselves.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod world;

use sip::{Asked, Event, Scheme, Target, limit::NAME_CHARS, redact::Pii};
use world::{Message, SDP, endpoint, t0, udp};

/// What the endpoint makes of an INVITE with these lines in its head.
fn asked(extra: &str) -> Asked {
    changed(extra, |text| text).expect("an INVITE that is taken")
}

/// The same of one that is changed; none where it is refused.
fn changed(extra: &str, change: impl Fn(String) -> String) -> Option<Asked> {
    let extra = format!("Contact: <sip:anna@198.51.100.7>\r\n{extra}");
    let invite = Message {
        extra: &extra,
        body: SDP,
        ..Message::new("INVITE", 1, "a")
    };
    let mut endpoint = endpoint();
    endpoint.handle_datagram(udp(), change(invite.text()).as_bytes(), t0());
    let Event::Invite { asked, .. } = endpoint.poll_event()? else {
        return None;
    };
    Some(*asked)
}

fn from(from: &str) -> Asked {
    changed("", |text| {
        text.replace(
            "\"Anna Canary\" <sip:+4930123456@198.51.100.7>;tag=phone",
            &format!("{from};tag=phone"),
        )
    })
    .unwrap()
}

fn user(target: &Target) -> Option<&str> {
    target.user.as_ref().map(|user| user.expose().as_str())
}

fn asserted(extra: &str) -> Option<String> {
    let caller = changed(extra, |text| text)?.asserted?;
    Some(caller.number?.into_inner())
}

fn called_party(extra: &str) -> Option<String> {
    user(&changed(extra, |text| text)?.called_party?).map(str::to_owned)
}

#[test]
fn everybody_named_is_told() {
    let asked = asked(
        "P-Called-Party-ID: <sip:+49309999@example.net;user=phone>;npi=1\r\n\
         P-Asserted-Identity: \"Anna\" <sip:+4930123456@example.net>, <tel:+49-30-123456>\r\n",
    );
    assert_eq!(user(&asked.target), Some("4711"));
    assert_eq!(
        user(asked.called_party.as_ref().unwrap()),
        Some("+49309999")
    );
    assert_eq!(user(asked.to.as_ref().unwrap()), Some("4711"));
    let identity = asked.asserted.as_ref().unwrap();
    assert_eq!(identity.number.as_ref().unwrap().expose(), "+4930123456");
    assert_eq!(identity.name.as_ref().unwrap().expose(), "Anna");
    assert!(!asked.private);
    let bare = asked.clone().without_assertions();
    assert_eq!((&bare.called_party, &bare.asserted), (&None, &None));
    assert_eq!((bare.target, bare.to), (asked.target, asked.to));
}

#[test]
fn what_is_not_there_is_not_told() {
    let asked = asked("");
    assert_eq!((asked.called_party, asked.asserted), (None, None));
    assert!(!asked.private);
}

#[test]
fn parameters_of_a_number_are_no_part_of_it() {
    for (uri, number, context) in [
        ("sip:+4930123;npdi;rn=1@h;user=phone", "+4930123", None),
        ("sip:123;phone-context=+49-30@h", "123", Some("+4930")),
        (
            "sip:123;Phone-Context=example.net@h",
            "123",
            Some("example.net"),
        ),
        ("tel:12-3;isub=1;phone-context=+4930", "123", Some("+4930")),
        ("sips:%34711:secret@h:5061", "4711", None),
    ] {
        let asked = changed("", |text| {
            text.replace("INVITE sip:4711@192.0.2.1", &format!("INVITE {uri}"))
        })
        .unwrap();
        assert_eq!(user(&asked.target), Some(number), "{uri}");
        let told = asked
            .target
            .context
            .as_ref()
            .map(|told| told.expose().as_str());
        assert_eq!(told, context, "{uri}");
    }
    let twice = "INVITE sip:123;phone-context=+4930;phone-context=+4940@h";
    let asked = changed("", |text| text.replace("INVITE sip:4711@192.0.2.1", twice)).unwrap();
    assert_eq!(
        user(&asked.target),
        None,
        "nobody knows which number that is"
    );
    assert_eq!(asked.target.scheme, Scheme::Sip);
}

#[test]
fn an_identity_is_one_however_its_field_is_written() {
    for field in [
        "P-Asserted-Identity: <sip:+491@h>\r\n",
        "P-Asserted-Identity : <sip:+491@h>\r\n",
        "P-Asserted-Identity\t:\t<sip:+491@h>\r\n",
        "p-ASSERTED-identity:<sip:+491@h>\r\n",
        "P-Asserted-Identity:\r\n <sip:+491@h>\r\n",
        "P-Asserted-Identity: \"a\r\n b\" <sip:+491@h>\r\n",
    ] {
        assert_eq!(asserted(field).as_deref(), Some("+491"), "{field:?}");
    }
    for field in [
        "P-Called-Party-ID : <sip:+491@h>\r\n",
        "p-called-party-id:\r\n\t<sip:+491@h>\r\n",
    ] {
        assert_eq!(called_party(field).as_deref(), Some("+491"), "{field:?}");
    }
}

#[test]
fn of_identities_that_contradict_each_other_none_is_taken() {
    for fields in [
        // What is left when a proxy removes the caller's own field only in the form that it knows.
        "P-Asserted-Identity : <sip:+491@h>\r\nP-Asserted-Identity: <sip:+492@h>\r\n",
        "P-Asserted-Identity: <sip:+491@h>\r\np-asserted-identity\t: <tel:+492>\r\n",
        "P-Asserted-Identity: <sip:+491@h>, <sip:+492@h>\r\n",
        "P-Asserted-Identity: <sip:+491@h>, <sips:+491@h>\r\n",
        "P-Asserted-Identity: <tel:+491>, <tel:+491>\r\n",
        "P-Asserted-Identity: <sip:+491@h>, <tel:+491>, <tel:+492>\r\n",
        "P-Asserted-Identity: <http://h>\r\n",
        "P-Asserted-Identity: <sip:+491@h\r\n",
        "P-Asserted-Identity: sip:+491@h, x\r\n",
        "P-Asserted-Identity: \r\n",
        "X-P-Asserted-Identity: <sip:+491@h>\r\n",
        "P-Asserted-Identity-X: <sip:+491@h>\r\n",
        "P-Preferred-Identity: <sip:+491@h>\r\n",
        "Subject: x\r\n P-Asserted-Identity: <sip:+491@h>\r\n",
        "Subject: x\rP-Asserted-Identity: <sip:+491@h>\r\n",
    ] {
        assert_eq!(asserted(fields), None, "{fields:?}");
    }
    for fields in [
        "P-Called-Party-ID: <sip:+491@h>\r\nP-Called-Party-ID : <sip:+492@h>\r\n",
        "P-Called-Party-ID: <sip:+491@h>\r\np-called-party-id: <sip:+491@h>\r\n",
        "P-Called-Party-ID: <sip:+491@h>, <sip:+492@h>\r\n",
        "P-Called-Party-ID: <urn:isbn:1>\r\n",
        "P-Called-Party-ID: <>\r\n",
        "P-Called-Party-ID:\r\n",
        "Subject: x\r\n P-Called-Party-ID: <sip:+491@h>\r\n",
    ] {
        assert_eq!(called_party(fields), None, "{fields:?}");
    }
    let one_each = "P-Asserted-Identity: <sip:anna@h>, <tel:+491>\r\n";
    assert_eq!(asserted(one_each).as_deref(), Some("+491"));
}

#[test]
fn names_that_are_asserted_are_cleaned_like_others() {
    let asked = asked("P-Asserted-Identity: \"A\u{202e}n\u{200b}na\" <sip:+491@h>\r\n");
    let name = asked.asserted.unwrap().name.unwrap();
    assert_eq!(name.expose(), "Anna");
}

#[test]
fn hostile_names_become_one_short_line() {
    let long = "Zi\u{301}lpzalp ".repeat(1_000);
    let cut: String = long.chars().take(NAME_CHARS).collect();
    for (name, expected) in [
        ("\u{202e}gnp.annA\u{202c}", Some("gnp.annA")),
        ("An\u{200b}\u{feff}na\u{2028}\u{85}", Some("Anna")),
        (
            "<script>alert(1)</script>",
            Some("<script>alert(1)</script>"),
        ),
        (
            "Robert'); DROP TABLE room;--",
            Some("Robert'); DROP TABLE room;--"),
        ),
        ("\\\"quoted\\\"", Some("\"quoted\"")),
        ("\u{2066}\u{200f}", None),
        (long.as_str(), Some(cut.trim_end())),
    ] {
        let lines = format!("P-Asserted-Identity: \"{name}\" <sip:+491@h>\r\n");
        let asserted = asked(&lines).asserted.unwrap().name;
        let said = from(&format!("\"{name}\" <sip:+491@h>")).caller.name;
        for told in [asserted, said] {
            let told = told.map(Pii::into_inner);
            assert_eq!(told.as_deref(), expected);
        }
    }
    // What the grammar does not allow within quotes makes no message, or no name with it in.
    for control in ["\u{1b}[2J", "\u{7}", "\0", "\r\n log: forged", "\n"] {
        let invite = |text: String| text.replace("Anna Canary", &format!("An{control}na"));
        let name = changed("", invite).and_then(|asked| asked.caller.name);
        let name = name.map(Pii::into_inner).unwrap_or_default();
        assert!(!name.contains(char::is_control), "{name:?}");
    }
}

#[test]
fn who_wishes_to_be_anonymous_is() {
    for fields in [
        "Privacy: id\r\n",
        "Privacy: user;id;critical\r\n",
        "Privacy : HEADER\r\n",
        "Privacy: none;id\r\n",
        "Privacy: none\r\nPrivacy: id\r\n",
        "Privacy: unheard-of\r\n",
        "Privacy: \r\n",
    ] {
        assert!(asked(fields).private, "{fields:?}");
    }
    assert!(!asked("Privacy: none\r\n").private);
    for header in [
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
        "<sip:+4930123@Anonymous.Invalid>",
        "\"anonymous\" <sip:unavailable@unknown.invalid>",
    ] {
        let asked = from(header);
        assert!(asked.private, "{header}");
        assert_eq!((asked.caller.number, asked.caller.name), (None, None));
    }
    let asked = from("\"Anonymous\" <sip:Anonymous@carrier.example>");
    assert!(asked.private, "as carriers say it without a Privacy header");
    assert_eq!((asked.caller.number, asked.caller.name), (None, None));
    let asked = from("<sip:+4930123@invalid.example>");
    assert!(!asked.private);
}

#[test]
fn what_is_asked_is_never_printed() {
    let asked = asked(
        "P-Called-Party-ID: <sip:+49301@h>\r\nP-Asserted-Identity: \"Anna\" <sip:+49302@h>\r\n",
    );
    let printed = format!("{asked:?} {asked:#?}");
    for canary in ["4711", "+49", "4930", "Anna"] {
        assert!(!printed.contains(canary), "{canary} in {printed}");
    }
}
