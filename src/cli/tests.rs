//! The commands for rooms, over a database of their own.

use clap::CommandFactory;
use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::limit;

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn settings_may_be_named_before_and_after_the_command() {
    for line in [
        "rundruf serve --config a.toml --demo",
        "rundruf --config a.toml serve --demo",
    ] {
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(arguments.config, Some(PathBuf::from("a.toml")));
        assert!(matches!(
            arguments.command,
            Command::Serve(Serve { demo: true })
        ));
    }
}

#[tokio::test]
async fn an_added_room_is_printed_with_codes_and_links() {
    let world = World::new();
    let text = world
        .run("add --title Jour-fixe --language en")
        .await
        .unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    let number = lines[0].strip_prefix("Raum").unwrap().trim();
    let code = lines[1].strip_prefix("Einwahlnummer").unwrap().trim();
    let groups: Vec<_> = code.split(' ').map(str::len).collect();
    assert_eq!(groups, [4, 4, 4], "{code}");
    assert!(code.starts_with(number));
    assert!(lines[3].contains("http://localhost:8080/#"), "{text}");
    assert_eq!(
        world.run("list").await.unwrap(),
        format!("{number}    en  Jour-fixe\n")
    );
}

/// Whoever gets the code needs to know which number to call, where a trunk brings one.
#[tokio::test]
async fn an_added_room_is_printed_with_the_telephone_numbers_that_lead_to_it() {
    let trunk = |second: &str| {
        format!(
            "[[trunk]]\nname = \"a\"\npeers = [\"192.0.2.1\"]\narea = \"30\"\n\
             numbers = [\"+4930123456\", {{ number = \"+4930123457\", room = \"{second}\" }}]"
        )
    };
    let mut world = World::new();
    let room = world.json("add").await["number"].clone();
    let room = room.as_str().unwrap();
    let other = if room == "1234" { "1235" } else { "1234" };
    for (leads_to, more) in [
        (other, vec![]),
        (
            room,
            vec!["Telefonnummer       +49 30 123457 (dort nur die PIN)"],
        ),
    ] {
        let settings = Config::parse(&trunk(leads_to), std::path::Path::new("test.toml"));
        world.config.trunk = settings.unwrap().trunk;
        let text = world.run(&format!("pin {room}")).await.unwrap();
        let lines: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("Telefon"))
            .collect();
        let all: Vec<_> = [vec!["Telefonnummer       +49 30 123456"], more].concat();
        assert_eq!(lines, all, "{text}");
        let pins = world.json(&format!("pin {room}")).await;
        assert_eq!(pins["lines"].as_array().unwrap().len(), all.len());
        assert_eq!(pins["lines"][0]["number"], "+49 30 123456");
    }
}

#[tokio::test]
async fn a_title_is_one_short_line() {
    let world = World::new();
    let cut = "ä".repeat(limit::TITLE_CHARS_MAX);
    for (title, kept) in [
        ("Jour\nfixe\u{202e}\u{7}", "Jour fixe"),
        (&*"ä".repeat(5_000), &*cut),
        ("\u{200b}", ""),
    ] {
        let words = ["rundruf", "room", "add", "--json", "--title", title];
        let added = serde_json::from_str::<Value>(&world.say(&words).await.unwrap()).unwrap();
        let rooms = world.json("list").await;
        let mut rooms = rooms.as_array().unwrap().iter();
        let room = rooms.find(|room| room["number"] == added["number"]);
        assert_eq!(room.unwrap()["title"], kept);
    }
}

#[tokio::test]
async fn new_links_and_pins_replace_only_the_old_ones() {
    let world = World::new();
    let first = world.json("add").await;
    let number = first["number"].as_str().unwrap();
    let links = world.json(&format!("link {number}")).await;
    assert!(links.get("pin").is_none());
    assert_ne!(links["guest_link"], first["guest_link"]);
    assert_ne!(links["moderator_link"], first["moderator_link"]);
    let pins = world.json(&format!("pin {number}")).await;
    assert!(pins.get("guest_link").is_none());
    assert_ne!(pins["pin"], first["pin"]);
    assert_ne!(pins["moderator_pin"], first["moderator_pin"]);
}

#[tokio::test]
async fn a_removed_room_is_not_listed() {
    let world = World::new();
    let added = world.json("add").await;
    let number = added["number"].as_str().unwrap();
    let told = world.run(&format!("remove {number}")).await.unwrap();
    assert_eq!(told, format!("Raum {number} ist entfernt.\n"));
    assert_eq!(world.run("list").await.unwrap(), "");
}

#[tokio::test]
async fn a_room_has_as_many_speakers_as_its_owner_says() {
    let world = World::new();
    let added = world.json("add --speakers 3").await;
    let number = added["number"].as_str().unwrap();
    assert_eq!(world.json("list").await[0]["speakers"], 3);
    let told = world.run(&format!("speakers {number} 8")).await.unwrap();
    let expected = format!("In Raum {number} sind bis zu 8 zugleich zu hören.\n");
    assert_eq!(told, expected);
    assert_eq!(world.json("list").await[0]["speakers"], 8);
    let set = world.json(&format!("speakers {number}")).await;
    assert!(set["speakers"].is_null(), "{set}");
    for line in ["add --speakers 0", "speakers 1234 9"] {
        let line = format!("rundruf room {line}");
        let refused = Arguments::try_parse_from(line.split(' ')).unwrap_err();
        let told = refused.to_string();
        assert!(told.contains("not a number from 1 to 8"), "{told}");
    }
}

#[tokio::test]
async fn a_room_lets_wait_whom_its_owner_says() {
    let world = World::new();
    let added = world.json("add").await;
    let number = added["number"].as_str().unwrap();
    assert_eq!(world.json("list").await[0]["lobby"], "off");
    let told = world.run(&format!("set {number} --lobby guests")).await;
    let expected = format!("In Raum {number} warten Gäste, bis die Leitung sie einlässt.\n");
    assert_eq!(told.unwrap(), expected);
    assert_eq!(world.json("list").await[0]["lobby"], "guests");
    let set = world.json(&format!("set {number} --lobby all")).await;
    assert_eq!(set["lobby"], "all");
    assert!(set.get("protection").is_none(), "{set}");
}

#[tokio::test]
async fn a_room_demands_protection_as_its_owner_says() {
    let world = World::new();
    let added = world.json("add").await;
    let number = added["number"].as_str().unwrap();
    assert_eq!(world.json("list").await[0]["protection"], "none");
    let line = format!("set {number} --protection to-carrier --lobby all");
    let told = world.run(&line).await.unwrap();
    let expected = format!(
        "In Raum {number} warten alle, bis die Leitung sie einlässt.\n\
         Raum {number} nimmt nur Anrufe an, die mindestens bis zum Anbieter verschlüsselt sind.\n"
    );
    assert_eq!(told, expected);
    let listed = world.json("list").await;
    assert_eq!(listed[0]["protection"], "to-carrier");
    assert_eq!(listed[0]["lobby"], "all");
    let set = world.json(&format!("set {number} --protection none")).await;
    assert_eq!(set["protection"], "none");
    assert_eq!(world.json("list").await[0]["lobby"], "all");
    for line in ["set 1234", "set 1234 --protection tls"] {
        let line = format!("rundruf room {line}");
        assert!(Arguments::try_parse_from(line.split(' ')).is_err());
    }
}

#[tokio::test]
async fn a_level_sets_the_protection_that_goes_with_it() {
    let world = World::new();
    let added = world.json("add").await;
    let number = added["number"].as_str().unwrap();
    let listed = async || {
        let listed = world.json("list").await;
        let word = |key: &str| listed[0][key].as_str().unwrap().to_owned();
        (word("level"), word("protection"))
    };
    let is = |level: &str, protection: &str| (level.to_owned(), protection.to_owned());
    assert_eq!(listed().await, is("normal", "none"));
    let line = format!("set {number} --level confidential");
    let told = world.run(&line).await.unwrap();
    let expected = format!(
        "Raum {number} ist vertraulich: Es kommen nur verschlüsselte Anrufe herein, und im Warteraum wird niemand nach \
         dem Namen gefragt.\n\
         Raum {number} nimmt nur Anrufe an, die bis zum Telefon selbst verschlüsselt sind.\n"
    );
    assert_eq!(told, expected);
    assert_eq!(listed().await, is("confidential", "to-device"));
    let lowered = world
        .json(&format!("set {number} --protection to-carrier"))
        .await;
    assert!(lowered.get("level").is_none());
    assert_eq!(listed().await, is("confidential", "to-carrier"));
    for line in [
        "--protection none",
        "--level confidential --protection none",
    ] {
        let refused = world.run(&format!("set {number} {line}")).await;
        let Err(Error::Obstacle(obstacle)) = refused else {
            panic!("{line}: {refused:?}")
        };
        assert!(obstacle.told(Language::De).contains("--level normal"));
        assert_eq!(listed().await, is("confidential", "to-carrier"));
    }
    let set = world.json(&format!("set {number} --level open")).await;
    assert_eq!(
        (&set["level"], &set["protection"]),
        (&json!("open"), &json!("none"))
    );
    let line = format!("set {number} --level confidential --protection to-carrier");
    world.run(&line).await.unwrap();
    assert_eq!(listed().await, is("confidential", "to-carrier"));
}

#[tokio::test]
async fn a_room_is_made_with_a_level_and_what_goes_with_it() {
    let world = World::new();
    let told = world.run("add --level confidential").await.unwrap();
    let number = world.json("list").await[0]["number"]
        .as_str()
        .unwrap()
        .to_owned();
    let expected = format!(
        "Raum {number} ist vertraulich: Es kommen nur verschlüsselte Anrufe herein, und im Warteraum wird niemand nach \
         dem Namen gefragt.\n\
         Raum {number} nimmt nur Anrufe an, die bis zum Telefon selbst verschlüsselt sind.\n"
    );
    assert!(told.ends_with(&expected), "{told}");
    let listed = world.json("list").await;
    assert_eq!(
        (&listed[0]["level"], &listed[0]["protection"]),
        (&json!("confidential"), &json!("to-device"))
    );
    for (line, level) in [
        ("add", "normal"),
        ("add --level open", "open"),
        ("add --level normal", "normal"),
    ] {
        let added = world.json(line).await;
        let listed = world.json("list").await;
        let mut rooms = listed.as_array().unwrap().iter();
        let room = rooms
            .find(|room| room["number"] == added["number"])
            .unwrap();
        assert_eq!(
            (&added["level"], &room["level"]),
            (&json!(level), &json!(level))
        );
        assert_eq!(room["protection"], "none");
    }
}

#[tokio::test]
async fn a_room_lets_be_heard_who_comes_and_goes_as_its_owner_says() {
    let world = World::new();
    let added = world.json("add").await;
    let number = added["number"].as_str().unwrap();
    assert_eq!(world.json("list").await[0]["entry"], "tones");
    assert_eq!(world.json("list").await[0]["quiet_above"], 20);
    let line = format!("set {number} --entry names --quiet-above 5");
    let told = world.run(&line).await.unwrap();
    let expected = format!(
        "In Raum {number} wird genannt, wer kommt und geht.\n\
         Das ist in Raum {number} zu hören, solange nicht mehr als 5 da sind.\n"
    );
    assert_eq!(told, expected);
    let listed = world.json("list").await;
    assert_eq!(listed[0]["entry"], "names");
    assert_eq!(listed[0]["quiet_above"], 5);
    let set = world.json(&format!("set {number} --entry off")).await;
    assert_eq!(set["entry"], "off");
    assert!(set.get("quiet_above").is_none(), "{set}");
}

#[tokio::test]
async fn a_room_shows_digits_as_its_owner_says() {
    let world = World::new();
    let added = world.json("add").await;
    let number = added["number"].as_str().unwrap();
    assert_eq!(world.json("list").await[0]["shows_digits"], false);
    let line = format!("set {number} --digits last-three");
    let told = world.run(&line).await.unwrap();
    assert!(told.contains("die letzten drei Ziffern"));
    assert_eq!(world.json("list").await[0]["shows_digits"], true);
    let set = world.json(&format!("set {number} --digits none")).await;
    assert_eq!(set["digits"], "none");
    assert_eq!(world.json("list").await[0]["shows_digits"], false);
}

#[tokio::test]
async fn a_room_has_the_chat_that_its_owner_says() {
    let world = World::new();
    let added = world.json("add").await;
    let number = added["number"].as_str().unwrap();
    assert_eq!(world.json("list").await[0]["chat"], "all");
    let told = world.run(&format!("set {number} --chat off")).await;
    assert_eq!(told.unwrap(), format!("Raum {number} hat keinen Chat.\n"));
    assert_eq!(world.json("list").await[0]["chat"], "off");
    let set = world.json(&format!("set {number} --chat public")).await;
    assert_eq!(set["chat"], "public");
    let line = format!("rundruf room set {number} --chat on");
    assert!(Arguments::try_parse_from(line.split(' ')).is_err());
}

#[tokio::test]
async fn a_room_speaks_to_people_as_its_owner_says() {
    let world = World::new();
    let added = world.json("add --language de-einfach").await;
    let number = added["number"].as_str().unwrap();
    assert_eq!(world.json("list").await[0]["language"], "de-einfach");
    let told = world.run(&format!("set {number} --language de-du")).await;
    let expected = format!(
        "Wer Raum {number} anruft, hört ab jetzt Deutsch mit du; auch die Seite beginnt damit.\n"
    );
    assert_eq!(told.unwrap(), expected);
    assert_eq!(world.json("list").await[0]["language"], "de-du");
    let set = world.json(&format!("set {number} --language en")).await;
    assert_eq!(set["language"], "en");
    let line = format!("rundruf room set {number} --language fr");
    assert!(Arguments::try_parse_from(line.split(' ')).is_err());
}

#[tokio::test]
async fn a_number_without_a_room_is_said_to_have_none() {
    let world = World::new();
    for command in ["remove", "link", "pin", "speakers"] {
        let refused = world.run(&format!("{command} 1234")).await.unwrap_err();
        assert_eq!(refused.to_string(), "there is no room 1234");
    }
}

#[tokio::test]
async fn the_demo_room_replaces_the_last_one_alone() {
    let world = World::new();
    world.run("add").await.unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..3 {
        let books = Books::open(&world.config, &mut rng).await.unwrap();
        let demo = books.demo_room(Language::De, &mut rng, AT).await.unwrap();
        assert!(demo.demo);
    }
    assert_eq!(world.run("list").await.unwrap().lines().count(), 2);
}

struct World {
    config: Config,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.store.path = folder.path().join("db");
        config.store.key_file = folder.path().join("key");
        Self {
            config,
            _folder: folder,
        }
    }

    async fn run(&self, line: &str) -> Result<String, Error> {
        let line = format!("rundruf room {line}");
        self.say(&line.split(' ').collect::<Vec<_>>()).await
    }

    async fn say(&self, words: &[&str]) -> Result<String, Error> {
        let arguments = Arguments::try_parse_from(words).unwrap();
        let Command::Room(room) = arguments.command else {
            panic!("{words:?} is a command for rooms")
        };
        let mut rng = rand::rng();
        let mut out = Vec::new();
        let books = Books::open(&self.config, &mut rng).await?;
        books
            .run(room, Language::De, &mut rng, AT, &mut out)
            .await?;
        Ok(String::from_utf8(out).unwrap())
    }

    async fn json(&self, line: &str) -> Value {
        let text = self.run(&format!("{line} --json")).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

const AT: Duration = Duration::from_secs(1_800_000_000);
