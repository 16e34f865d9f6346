//! What is said of the trunks of a running server.

use clap::Parser;
use serde_json::Value;

use super::*;
use crate::{
    cli::{Arguments, Command},
    conference::participant::Protection,
    phone::{CallCodec, Finding, Findings, Why},
    store::write_private,
};

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn settings(folder: &Path) -> Config {
    let text = "[[trunk]]\nname = \"carrier\"\npeers = [\"192.0.2.1\"]\nmax_calls = 60\n\
                numbers = [\"rooms\", \"+491\", { number = \"+492\", language = \"en\", room = \"4711\" }]\n";
    let mut config = Config::parse(text, Path::new("test.toml")).unwrap();
    config.store.path = folder.join("db");
    config
}

fn counts() -> Counts {
    Counts {
        strangers: 7,
        trunks: vec![TrunkCounts {
            calls: 3,
            taken: 17,
            unknown: 5,
            full: 1,
            unusable: 2,
            ..TrunkCounts::default()
        }],
        ..Counts::default()
    }
}

fn say(config: &Config, line: &str, language: Language) -> Result<String, Error> {
    let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
    let Command::Trunk(trunk) = arguments.command else {
        panic!("{line} is a command for trunks")
    };
    let mut out = Vec::new();
    run(&trunk, config, language, NOW, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_trunks_of_a_running_server_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let mut standing = Standing::new(&config.trunk);
    standing.update(&counts(), &[], NOW - Duration::from_secs(180));
    standing.update(&counts(), &[], NOW);
    write_private(&config.store.trunks_file(), standing.to_json().as_bytes()).unwrap();
    let told = |language| say(&config, "rundruf trunk list", language).unwrap();
    assert_eq!(
        told(Language::De),
        "carrier\n  \
         Nummern         rooms, +491, +492 (en → 4711)\n  \
         Anrufe          3 von höchstens 60; 17 beendet\n  \
         abgewiesen      5 an unbekannte Nummern, 1 wegen Überlast, 2 ohne gemeinsamen Codec oder Schutz, 0 sonst\n  \
         letzter Anruf   vor 3 min\n\
         Von Adressen, die auf keinem Trunk stehen: 7 (ohne Antwort)\n"
    );
    assert_eq!(
        told(Language::En),
        "carrier\n  \
         numbers         rooms, +491, +492 (en → 4711)\n  \
         calls           3 of at most 60; 17 ended\n  \
         refused         5 to unknown numbers, 1 for overload, 2 without a codec or protection in common, 0 otherwise\n  \
         last call       3 min ago\n\
         From addresses that are on no trunk: 7 (without an answer)\n"
    );
    let json = say(&config, "rundruf trunk list --json", Language::De).unwrap();
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["trunks"][0]["unknown"], 5);
    assert_eq!(value["trunks"][0]["last_call"], NOW.as_secs() - 180);
}

#[test]
fn it_is_said_whether_the_server_is_registered_and_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let mut standing = Standing::new(&config.trunk);
    standing.trunks[0].registers = true;
    let mut told = |standing_now, registrations, language| {
        let mut counts = counts();
        let trunk = &mut counts.trunks[0];
        trunk.standing = standing_now;
        (trunk.registrations, trunk.expires) = (registrations, Duration::from_secs(600));
        standing.update(&counts, &[], NOW - Duration::from_secs(60));
        write_private(&config.store.trunks_file(), standing.to_json().as_bytes()).unwrap();
        let listed = say(&config, "rundruf trunk list", language).unwrap();
        listed.lines().nth(1).unwrap().to_owned()
    };
    use phone::Standing as Now;
    for (now, registrations, german, english) in [
        (
            Now::Up,
            1,
            "  Anmeldung       besteht, noch 9 min lang",
            "  registration    registered, for another 9 min",
        ),
        (
            Now::Refused(403),
            1,
            "  Anmeldung       mit 403 abgelehnt: Konto und Nummer prüfen",
            "  registration    refused with 403: check the account and the number",
        ),
        (
            Now::Down(Fault::WrongName),
            1,
            "  Anmeldung       das Zertifikat des Servers gehört zu einem anderen Namen",
            "  registration    the server's certificate is for another name",
        ),
        (
            Now::Locating,
            1,
            "  Anmeldung       Server wird gesucht",
            "  registration    looking for the server",
        ),
    ] {
        assert_eq!(told(now, registrations, Language::De), german);
        assert_eq!(told(now, registrations, Language::En), english);
    }
}

/// What is said when a trunk is checked, and how that ends.
fn check(config: &Config, line: &str, language: Language) -> (String, Result<(), Error>) {
    check_at(NOW, config, line, language)
}

fn check_at(
    now: Duration,
    config: &Config,
    line: &str,
    language: Language,
) -> (String, Result<(), Error>) {
    let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
    let Command::Trunk(trunk) = arguments.command else {
        panic!("{line} is a command for trunks")
    };
    let mut out = Vec::new();
    let end = run(&trunk, config, language, now, &mut out);
    (String::from_utf8(out).unwrap(), end)
}

fn call(findings: &[Finding]) -> Findings {
    let mut call = Findings::default();
    findings.iter().for_each(|finding| call.note(*finding));
    call
}

fn write(standing: &Standing, config: &Config) {
    write_private(&config.store.trunks_file(), standing.to_json().as_bytes()).unwrap();
}

#[test]
fn what_works_and_what_does_not_is_said_in_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let mut standing = Standing::new(&config.trunk);
    write(&standing, &config);
    let (told, end) = check(&config, "rundruf trunk check", Language::En);
    assert_eq!(
        told,
        "carrier\n  fine    Nobody has called since the start. Call one of the numbers, then check again.\n"
    );
    end.unwrap();

    let coded = Finding::Coded {
        codec: CallCodec::G722,
    };
    let protected = Finding::Protected {
        protection: Protection::ToCarrier,
    };
    let mut latest = Latest::default();
    latest.add(call(&[coded, protected, Finding::Came]));
    latest.add(call(&[coded, Finding::NoEvents, Finding::NeverHeard]));
    latest.add(call(&[coded, Finding::FellSilent, Finding::NeverHeard]));
    let mut counts = counts();
    counts.trunks[0].full = 0;
    standing.update(&counts, &[latest.clone()], NOW);
    write(&standing, &config);
    let (told, end) = check(&config, "rundruf trunk check carrier", Language::De);
    assert_eq!(
        told,
        "carrier\n  \
         Fehler  In der letzten Stunde gingen 5 Anrufe an Nummern, die nicht in numbers stehen. Tragen Sie sie dort so ein, wie \
         gewählt wird, mit Landesvorwahl.\n  \
         gut     Ton kam an: G.722, verschlüsselt bis zum Anbieter. Ob man uns hört, ist nicht bekannt.\n  \
         Fehler  In 2 der letzten 3 Anrufe kam von Ihrer Anlage kein Ton. Lassen Sie UDP 20000-29999 zu dieser \
         Maschine durch; steht sie hinter einem Adressumsetzer, nennen Sie external_address.\n  \
         gut     In einem der letzten 3 Anrufe waren keine telephone-events vereinbart. Tasten werden am Klang oder aus \
         SIP INFO erkannt; sicherer ist, RFC 4733 (auch: RFC 2833) dort einzuschalten.\n"
    );
    assert!(matches!(
        end,
        Err(Error::Obstacle(Obstacle::Trunks(TrunksError::Faults(2))))
    ));
    let (told, _) = check(&config, "rundruf trunk check carrier", Language::En);
    for sentence in [
        "  fine    Sound came: G.722, encrypted to the carrier. Whether we are heard is not known.\n",
        "  fine    In one of the last 3 calls no telephone-events were agreed upon. ",
    ] {
        assert!(told.contains(sentence), "{told}");
    }
    let (json, end) = check(&config, "rundruf trunk check --json", Language::De);
    let value: Value = serde_json::from_str(&json).unwrap();
    let remarks = value[0]["remarks"].as_array().unwrap();
    let silent = remarks
        .iter()
        .find(|it| it["about"] == "never-heard")
        .unwrap();
    assert_eq!(
        (&silent["good"], &silent["calls"]),
        (&json!(false), &json!(2))
    );
    assert!(end.is_err());
    let (_, end) = check(&config, "rundruf trunk check other", Language::De);
    let Err(Error::Obstacle(obstacle)) = end else {
        panic!("there is no such trunk")
    };
    assert_eq!(
        obstacle.told(Language::De),
        "Einen solchen Trunk gibt es nicht. Es gibt: carrier."
    );
}

/// Both ways are said only of a call in which it is known that we were heard; of one from which nothing came neither.
#[test]
fn sound_both_ways_is_said_where_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let coded = Finding::Coded {
        codec: CallCodec::Pcma,
    };
    let told = |latest: &[&[Finding]], language| {
        let mut standing = Standing::new(&config.trunk);
        for findings in latest {
            standing.trunks[0].latest.add(call(findings));
        }
        standing.update(&counts(), &[standing.trunks[0].latest.clone()], NOW);
        write(&standing, &config);
        check(&config, "rundruf trunk check", language).0
    };
    let heard: &[Finding] = &[coded, Finding::Came, Finding::HeardThere];
    let short: &[Finding] = &[coded];
    for calls in [&[heard][..], &[heard, short]] {
        let german = told(calls, Language::De);
        assert!(
            german.contains("Ton in beide Richtungen: G.711, nicht verschlüsselt.\n"),
            "{german}"
        );
        assert!(told(calls, Language::En).contains("Sound both ways: G.711, not encrypted.\n"));
    }
    assert!(!told(&[short], Language::De).contains("Ton"));
}

/// A call that was dialled wrongly, or one too many, is a fault for an hour, not until the next start.
#[test]
fn what_was_refused_is_a_fault_for_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let mut standing = Standing::new(&config.trunk);
    let mut counts = Counts {
        trunks: vec![TrunkCounts {
            unknown: 1,
            full: 2,
            ..TrunkCounts::default()
        }],
        ..Counts::default()
    };
    standing.update(&counts, &[], NOW);
    let minute = Duration::from_secs(60);
    counts.trunks[0].unknown = 2;
    standing.update(&counts, &[], NOW + 40 * minute);
    write(&standing, &config);
    let at = |minutes, line, language| check_at(NOW + minutes * minute, &config, line, language);
    let (told, end) = at(40, "rundruf trunk check", Language::De);
    assert_eq!(
        told,
        "carrier\n  \
         Fehler  In der letzten Stunde gingen 2 Anrufe an Nummern, die nicht in numbers stehen. Tragen Sie sie dort so ein, \
         wie gewählt wird, mit Landesvorwahl.\n  \
         Fehler  In der letzten Stunde wurden 2 Anrufe abgewiesen, weil es zu viele zugleich waren (max_calls = 60) oder die \
         Maschine ausgelastet war.\n"
    );
    assert!(end.is_err());
    let (told, end) = at(60, "rundruf trunk check", Language::En);
    assert_eq!(
        told,
        "carrier\n  \
         wrong   In the last hour one call was to a number that is not in numbers. Enter each there as it is dialled, with \
         the country code.\n"
    );
    assert!(end.is_err());
    let (json, _) = at(60, "rundruf trunk check --json", Language::En);
    let remark = &serde_json::from_str::<Value>(&json).unwrap()[0]["remarks"][0];
    assert_eq!(
        (&remark["calls"], &remark["minutes"]),
        (&json!(1), &json!(60))
    );
    let (told, end) = at(100, "rundruf trunk check", Language::En);
    assert_eq!(told, "carrier\n");
    end.unwrap();
}

#[test]
fn everything_that_may_be_found_is_said_in_both_languages_with_a_full_stop() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let mut standing = Standing::new(&config.trunk);
    standing.trunks[0].server = ServerStanding::Silent;
    let mut latest = Latest::default();
    for finding in [
        Finding::Readable,
        Finding::Unshaken,
        Finding::FellSilent,
        Finding::Lost,
        Finding::LostThere,
        Finding::Latched,
        Finding::NoEvents,
        Finding::Music,
        Finding::NoCode,
    ] {
        latest.add(call(&[finding]));
    }
    for why in Why::ALL {
        latest.add(call(&[Finding::Unacceptable { why }]));
    }
    latest.add(call(&[
        Finding::NeverHeard,
        Finding::Strangers,
        Finding::Paused,
    ]));
    standing.trunks[0].latest = latest;
    write(&standing, &config);
    for language in [Language::De, Language::En] {
        let (told, _) = check(&config, "rundruf trunk check", language);
        assert_eq!(told.lines().skip(1).count(), 19, "{told}");
        for line in told.lines().skip(1) {
            assert!(line.ends_with('.') && line.contains(' '), "{line}");
        }
    }
}

#[test]
fn presets_are_printed_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let (told, end) = check(&config, "rundruf trunk preset 3cx", Language::De);
    assert_eq!(told, Preset::ThreeCx.text());
    end.unwrap();
}

#[test]
fn without_a_server_it_is_said_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let mut killed = Standing::new(&config.trunk);
    killed.pid = u32::MAX;
    for left in [None, Some(killed.to_json()), Some("{".to_owned())] {
        if let Some(left) = left {
            write_private(&config.store.trunks_file(), left.as_bytes()).unwrap();
        }
        let Err(Error::Obstacle(obstacle)) = say(&config, "rundruf trunk list", Language::De)
        else {
            panic!("something was listed")
        };
        let told = obstacle.told(Language::De);
        assert!(
            told.contains("trunks.json") && told.contains("rundruf serve"),
            "{told}"
        );
    }
}

#[test]
fn times_are_told_in_units_that_fit() {
    let spans = [0, 119, 180, 7_200, 1_000_000].map(span);
    assert_eq!(spans, ["0 s", "119 s", "3 min", "2 h", "11 d"]);
}
