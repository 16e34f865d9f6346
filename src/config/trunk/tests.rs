//! What settings of trunks may say and what not.

use std::{path::Path, time::Duration};

use super::*;
use crate::{
    conference::event::Language,
    config::{Config, Error},
};

fn parse(keys: &str) -> Result<Trunk, Error> {
    let text = format!("[[trunk]]\nname = \"a\"\npeers = [\"192.0.2.1\"]\n{keys}");
    let mut config = Config::parse(&text, Path::new("test.toml"))?;
    Ok(config.trunk.remove(0))
}

#[test]
fn a_registered_trunk_says_where_and_as_whom() {
    let read = |keys: &str| {
        let text = format!("[[trunk]]\nname = \"a\"\nnumbers = [\"620\"]\n{keys}");
        Config::parse(&text, Path::new("test.toml"))
    };
    let registrar = "registrar = \"sip:fritz.box\"\n";
    let account = "user = \"rundruf\"\npassword_file = \"var/secret\"\n";
    let kind = "kind = \"registered\"\n";
    let trunk = read(&[kind, registrar, account].concat())
        .unwrap()
        .trunk
        .remove(0);
    assert_eq!(trunk.registrar.unwrap().to_string(), "sip:fritz.box");
    assert_eq!(trunk.expires.get(), Duration::from_secs(600));
    for (keys, key) in [
        ([kind, account, ""], "trunk.registrar"),
        ([kind, registrar, ""], "trunk.user"),
        ([registrar, account, ""], "trunk.kind"),
        ([kind, registrar, "expires = 30\n"], "trunk.expires"),
        (
            [kind, "registrar = \"fritz.box\"\n", account],
            "trunk.registrar",
        ),
    ] {
        let error = read(&keys.concat()).unwrap_err();
        for language in [Language::De, Language::En] {
            let told = error.told(language);
            assert!(told.contains(key), "{told}");
            assert!(!told.contains("\"\""), "an example says something: {told}");
        }
    }
}

#[test]
fn what_is_registered_unencrypted_is_exposed() {
    let exposed = |registrar: &str, encryption: &str| {
        let text = format!(
            "[[trunk]]\nname = \"a\"\nnumbers = [\"620\"]\nkind = \"registered\"\nuser = \"u\"\n\
             password_file = \"p\"\nregistrar = \"{registrar}\"\nencryption = \"{encryption}\"\n"
        );
        let config = Config::parse(&text, Path::new("test.toml")).unwrap();
        config.trunk[0].is_exposed()
    };
    assert!(exposed("sip:fritz.box", "off"));
    assert!(!exposed("sip:127.0.0.1", "off"));
    assert!(!exposed("sip:tel.example;transport=tls", "required"));
}

#[test]
fn a_number_is_a_text_or_a_table() {
    let trunk = parse(
        "numbers = [\"rooms\", \"bridge\", \"sound-test\", \"+4930123456\",\n\
         { number = \"+4930123457\", language = \"en\", offers_language = false,\n\
         room = \"4711\" }, { number = \"620\" },\n\
         { number = \"621\", sound_test = true }]\n\
         country = \"49\"\narea = \"30\"\nmax_calls = 60\nsession_expires = 600\n",
    )
    .unwrap();
    let dialled = |number: &str| Dialled {
        number: number.to_owned(),
        language: None,
        offers_language: None,
        room: None,
        sound_test: false,
    };
    let test = Dialled {
        sound_test: true,
        ..dialled("621")
    };
    let fixed = Dialled {
        language: Some(Wording::En),
        offers_language: Some(false),
        room: Some("4711".to_owned()),
        ..dialled("+4930123457")
    };
    assert_eq!(
        trunk.numbers,
        [
            Number::Rooms,
            Number::Bridge,
            Number::SoundTest,
            Number::Dialled(dialled("+4930123456")),
            Number::Dialled(fixed),
            Number::Dialled(dialled("620")),
            Number::Dialled(test),
        ]
    );
    assert!(trunk.offers_language, "where nothing is said");
    assert_eq!(trunk.max_calls.get(), 60);
    let Auto::Set(own) = trunk.session_expires else {
        panic!("the time was given")
    };
    assert_eq!(own.get(), Duration::from_secs(600));
    let usual = parse("numbers = []\n").unwrap();
    assert_eq!(usual.session_expires, Auto::Derived);
    let plan = DialPlan {
        country: "49".to_owned(),
        area: "30".to_owned(),
    };
    assert_eq!(trunk.plan(), plan);
}

#[test]
fn wrong_values_are_answered_with_line_and_key() {
    for (keys, line, key) in [
        ("numbers = [\"many\"]\n", 4, "trunk.numbers"),
        ("numbers = [\"+\"]\n", 4, "trunk.numbers"),
        ("numbers = [7]\n", 4, "trunk.numbers"),
        ("numbers = [\n{ number = \"x\" },\n]\n", 5, "trunk.numbers"),
        (
            "numbers = []\ncertificate = \"*.example.net\"\n",
            5,
            "trunk.certificate",
        ),
        ("numbers = []\ncountry = \"+49\"\n", 5, "trunk.country"),
        ("numbers = []\narea = \"030\"\n", 5, "trunk.area"),
        ("numbers = []\nmax_calls = 0\n", 5, "trunk.max_calls"),
        ("numbers = []\nmax_calls = 2001\n", 5, "trunk.max_calls"),
        (
            "numbers = []\nsession_expires = 89\n",
            5,
            "trunk.session_expires",
        ),
        (
            "numbers = []\nencryption = \"maybe\"\n",
            5,
            "trunk.encryption",
        ),
        ("numbers = []\nprotects = \"me\"\n", 5, "trunk.protects"),
        ("numbers = []\nlatch = 1\n", 5, "trunk.latch"),
        (
            "numbers = []\nmedia_networks = [\"x\"]\n",
            5,
            "trunk.media_networks",
        ),
    ] {
        let error = parse(keys).unwrap_err();
        let Error::Value { place, .. } = &error else {
            panic!("{keys}: {error:?}")
        };
        assert_eq!((place.line, place.key.as_str()), (line, key), "{keys}");
        let told = error.told(Language::De);
        let example = told.split_once("zum Beispiel: ").unwrap().1;
        assert!(!example.is_empty() && !example.starts_with('#'), "{told}");
    }
    let error = parse("numbers = [{ number = \"1\", pin = \"2\" }]\n").unwrap_err();
    assert!(matches!(error, Error::UnknownKey { .. }), "{error:?}");
    let error = parse("numbers = [{ room = \"4711\" }]\n").unwrap_err();
    assert!(matches!(error, Error::MissingKey { .. }), "{error:?}");
}

fn contradiction(keys: &str) -> Contradiction {
    let error = parse(keys).unwrap_err();
    let Error::Contradiction { what, .. } = error else {
        panic!("{keys}: {error:?}")
    };
    what
}

#[test]
fn who_calls_out_has_a_way_and_a_number_of_their_own() {
    let foreign = |number: &str| Contradiction::ForeignCaller(number.into());
    let asked = "sip:192.0.2.1";
    for (number, probe, caller, expected) in [
        ("+4930123456", "", "+4930123456", Contradiction::NoWayOut),
        ("+4930123456", asked, "+4930123457", foreign("+4930123457")),
        ("620", asked, "620", foreign("620")),
    ] {
        let keys =
            format!("numbers = [\"{number}\"]\nprobe = \"{probe}\"\ncalls_as = \"{caller}\"");
        assert_eq!(contradiction(&keys), expected, "{keys}");
    }
}

#[test]
fn contradictions_are_found_at_the_start() {
    let same = |one: &str, other: &str| Contradiction::Same(one.into(), other.into());
    let service = |number: &str| Contradiction::Service(number.into());
    for (keys, expected) in [
        ("numbers = [\"112\"]", service("112")),
        ("numbers = [\"110\"]", service("110")),
        ("numbers = [\"0112\"]", service("0112")),
        ("numbers = [\"+49112\"]", service("+49112")),
        ("numbers = [\"19222\"]", service("19222")),
        (
            "numbers = [{ number = \"+493019222\" }]\narea = \"30\"",
            service("+493019222"),
        ),
        (
            "numbers = [\"+4930123456\", \"030123456\"]",
            same("+4930123456", "030123456"),
        ),
        (
            "numbers = [\"+4930123456\", \"123456\"]\narea = \"30\"",
            same("+4930123456", "123456"),
        ),
        ("numbers = [\"620\", \"620\"]", same("620", "620")),
        (
            "numbers = [\"+49030123456\"]",
            Contradiction::TrunkPrefix("+49030123456".into()),
        ),
        (
            "numbers = [{ number = \"+4930123456\", room = \"47\" }]",
            Contradiction::NoRoom("47".into()),
        ),
        (
            "numbers = [{ number = \"+4930123456\", room = \"0711\" }]",
            Contradiction::NoRoom("0711".into()),
        ),
        (
            "numbers = [{ number = \"620\", room = \"4711\", sound_test = true }]",
            Contradiction::TestInRoom("620".into()),
        ),
        (
            "numbers = [\"rooms\", \"4711\"]",
            Contradiction::Room("4711".into()),
        ),
        (
            "numbers = []\ncountry = \"\"\narea = \"30\"",
            Contradiction::AreaWithoutCountry,
        ),
        (
            "numbers = []\nlatch = true\nencryption = \"off\"",
            Contradiction::LatchWithoutNetworks,
        ),
    ] {
        assert_eq!(contradiction(keys), expected, "{keys}");
    }
    for keys in [
        "numbers = [\"+4930123456\", \"123456\"]",
        "numbers = [\"4711\"]",
        "numbers = [\"rooms\", \"+49304711\"]\narea = \"30\"",
        "numbers = [\"+390612345\"]\ncountry = \"\"",
        "numbers = []\nlatch = true\nencryption = \"preferred\"",
        "numbers = []\nlatch = true\nencryption = \"off\"\nmedia_networks = [\"10.0.0.0/8\"]",
    ] {
        assert!(parse(keys).is_ok(), "{keys}");
    }
}

/// What would have no effect is told at the start, not found out in operation.
#[test]
fn settings_without_effect_are_contradictions() {
    let registered = "numbers = []\nkind = \"registered\"\nregistrar = \"sip:fritz.box\"\nuser = \"u\"\n\
                      password_file = \"p\"\n";
    for (line, key) in [
        ("proxy = \"sip:192.0.2.1\"", "trunk.proxy"),
        ("user = \"620\"", "trunk.user"),
        ("auth_user = \"620\"", "trunk.auth_user"),
        ("password_file = \"p\"", "trunk.password_file"),
        ("realm = \"r\"", "trunk.realm"),
        ("mediasec = true", "trunk.mediasec"),
    ] {
        let found = contradiction(&format!("numbers = []\n{line}"));
        assert_eq!(found, Contradiction::OfRegistered(key));
        assert_eq!(found.key(), key);
    }
    let asked = "probe = \"sip:fritz.box\"";
    assert!(parse(registered).is_ok());
    let probed = contradiction(&format!("{registered}{asked}"));
    assert_eq!(probed, Contradiction::Probed);
    assert!(parse(&format!("numbers = []\n{asked}")).is_ok());
    let withheld = contradiction("numbers = []\nwithheld = true");
    assert_eq!(withheld, Contradiction::WithheldOfNobody);
    let calls = format!(
        "numbers = [\"+4930123456\"]\n{asked}\ncalls_as = \"+4930123456\"\nwithheld = true"
    );
    assert!(parse(&calls).is_ok());
}

#[test]
fn encryption_is_required_unless_something_else_is_said() {
    let trunk = parse("numbers = []\n").unwrap();
    assert_eq!(trunk.encryption, Encryption::Required);
    assert!(!trunk.is_exposed());
    assert!(
        parse("numbers = []\nencryption = \"off\"\n")
            .unwrap()
            .is_exposed()
    );
    assert!(!Trunk::local().is_exposed());
}

#[test]
fn the_settings_of_the_readme_can_be_used() {
    let readme = include_str!("../../../README.md");
    let entries = readme.split("```toml").skip(1);
    for entry in entries {
        let (text, _) = entry.split_once("```").unwrap();
        let config = Config::parse(text, Path::new("README.md")).unwrap();
        if text.contains("[turn]") {
            assert_eq!(config.turn.servers.len(), 1);
        } else if text.contains("[media]") {
            assert_eq!(config.media.listen_tcp.len(), 1);
        } else {
            assert_eq!(config.trunk[0].numbers.len(), 2);
        }
    }
}

#[test]
fn the_trunks_that_the_shipped_settings_leave_out_can_be_used() {
    let shipped = include_str!("../../../deploy/config.toml");
    let (_, commented) = shipped.split_once("\n#[[trunk]]").unwrap();
    let (commented, _) = commented.split_once("\n[").unwrap();
    let lines = commented.lines().filter_map(|line| line.strip_prefix('#'));
    let lines = lines.filter(|line| !line.starts_with(' '));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let config = Config::parse(&format!("[[trunk]]\n{text}"), Path::new("config.toml"));
    let names: Vec<String> = config
        .unwrap()
        .trunk
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(names, ["fritzbox", "carrier", "switchboard"]);
}

#[test]
fn a_contradiction_is_told_with_the_line_of_its_own_trunk() {
    let good = "[[trunk]]\nname = \"a\"\npeers = [\"::1\"]\nnumbers = [\"+491\"]\n";
    let text = format!("{good}{}", good.replace("+491", "112"));
    let error = Config::parse(&text, Path::new("test.toml")).unwrap_err();
    assert_eq!(
        error.told(Language::De),
        "Der Wert von trunk.numbers ist unbrauchbar (Zeile 8 in test.toml): 112 ist eine Notruf- oder \
         Servicenummer und kann keine Einwahlnummer sein; gültig ist zum Beispiel: \"+4930123456\"."
    );
    assert_eq!(
        error.told(Language::En),
        "The value of trunk.numbers cannot be used (line 8 of test.toml): 112 is an emergency or service number \
         and cannot be a dial-in; valid is, for example: \"+4930123456\"."
    );
}
