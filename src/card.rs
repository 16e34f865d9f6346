//! The card: what `rundruf serve --demo` tells a newcomer, and `ready.json`: the same for scripts.

use std::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
};

use serde::Serialize;

use crate::{
    browser::call_in::{CallIn, Line},
    conference::{event::Language, participant::Role},
    config::{Auto, Config},
    pii::Secret,
    server::secrets::{Keys, code_in_groups},
    store::Room,
};

mod line;

/// Where the server can be reached, as people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// What links begin with.
    pub web: String,
    /// How people come in by telephone.
    pub call_in: CallIn,
}

impl Reach {
    /// Derives what the settings leave open from the addresses that are, or would be, bound.
    ///
    /// Plain http on localhost comes first: there a browser shows no warning of a self-signed certificate, and still
    /// lets the page use the microphone.
    pub fn new(
        config: &Config,
        https: Option<SocketAddr>,
        http: Option<SocketAddr>,
        sip: Option<SocketAddr>,
    ) -> Self {
        let web = match (&config.web.public_url, http, https) {
            (Auto::Set(url), _, _) => url.as_str().to_owned(),
            (Auto::Derived, Some(http), _) => format!("http://localhost:{}", http.port()),
            (Auto::Derived, None, Some(https)) => {
                let ip = https.ip();
                if ip.is_loopback() || ip.is_unspecified() {
                    format!("https://localhost:{}", https.port())
                } else {
                    format!("https://{https}")
                }
            }
            (Auto::Derived, None, None) => String::from("https://localhost"),
        };
        let sip_host = match (&config.sip.public_host, sip) {
            (Auto::Set(host), _) => host.as_str().to_owned(),
            (Auto::Derived, Some(sip)) if sip.ip().is_unspecified() => {
                format!("localhost:{}", sip.port())
            }
            (Auto::Derived, Some(sip)) => sip.to_string(),
            (Auto::Derived, None) => String::from("localhost"),
        };
        Self {
            web,
            call_in: CallIn {
                sip_host,
                lines: line::lines(&config.trunk),
            },
        }
    }
}

/// Everything that lets people into a room; whoever holds it may print it.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The room's number.
    pub number: String,
    /// The guests' PIN.
    pub guest_pin: Secret<String>,
    /// The moderators' PIN.
    pub moderator_pin: Secret<String>,
    /// The guests' link.
    pub guest_link: Secret<String>,
    /// The moderators' link.
    pub moderator_link: Secret<String>,
}

impl Invitation {
    /// Derives a room's secrets.
    pub fn new(keys: &Keys, room: &Room, reach: &Reach) -> Self {
        // The token stands in the fragment, which browsers neither send nor tell other sites.
        let link = |role| Secret::new(format!("{}/#{}", reach.web, keys.link(room, role).expose()));
        Self {
            number: room.number.clone(),
            guest_pin: keys.pin(room, Role::Guest),
            moderator_pin: keys.pin(room, Role::Moderator),
            guest_link: link(Role::Guest),
            moderator_link: link(Role::Moderator),
        }
    }

    /// Returns a role's dial-in code in groups.
    pub fn code(&self, role: Role) -> Secret<String> {
        let pin = match role {
            Role::Guest => &self.guest_pin,
            Role::Moderator => &self.moderator_pin,
        };
        code_in_groups(&self.number, pin)
    }
}

/// What a newcomer needs to know.
#[derive(Debug)]
pub struct Card<'a> {
    /// How to get in.
    pub invitation: &'a Invitation,
    /// Where the server can be reached.
    pub reach: &'a Reach,
    /// Where sound is received.
    pub media: &'a [IpAddr],
    /// The settings; the shipped file shows the defaults.
    pub settings: &'a str,
}

impl Card<'_> {
    /// Writes the card.
    pub fn render(&self, language: Language) -> String {
        let words = Words::of(language);
        let invitation = self.invitation;
        let bridge = self.reach.call_in.sip("bridge");
        let room = self.reach.call_in.sip(&invitation.number);
        let browser = rows(&[
            (words.guest, invitation.guest_link.expose()),
            (words.moderator, invitation.moderator_link.expose()),
        ]);
        let lines = lines(self.reach, &invitation.number, language);
        let phone = lines
            + &rows(&[
                (words.address, &bridge),
                (words.guest_code, invitation.code(Role::Guest).expose()),
                (
                    words.moderator_code,
                    invitation.code(Role::Moderator).expose(),
                ),
            ]);
        let baresip =
            format!("baresip -e \"/uanew <sip:demo@localhost>;regint=0\" -e \"/dial {bridge}\"");
        let softphone = rows(&[
            ("baresip", &baresip),
            ("Linphone", &words.linphone.replace("{bridge}", &bridge)),
            (
                words.any_phone,
                &words.any_phone_does.replace("{room}", &room),
            ),
        ]);
        let media: Vec<_> = self.media.iter().map(IpAddr::to_string).collect();
        format!(
            "\n  {}\n\n  {}\n{browser}\n  {}\n{phone}\n  {}\n{softphone}\n  {}\n    {}\n    {}\n\n  {} {}\n  {}\n\n",
            words.title,
            words.browser,
            words.phone,
            words.softphone,
            words.media,
            media.join(", "),
            words.media_why,
            words.settings,
            self.settings,
            words.stop,
        )
    }
}

/// Writes the telephone numbers at which people come into a room, a row each.
fn lines(reach: &Reach, room: &str, language: Language) -> String {
    let lines = reach.call_in.lines_of(room);
    let said: Vec<_> = lines.map(|line| said(line, language)).collect();
    let label = Words::of(language).line;
    let labelled: Vec<_> = said.iter().map(|said| (label, said.as_str())).collect();
    rows(&labelled)
}

/// A telephone number as people are told it, with what is typed there if that is not the whole code.
pub fn said(line: &Line, language: Language) -> String {
    match (&line.room, language) {
        (None, _) => line.number.clone(),
        (Some(_), Language::De) => format!("{} (dort nur die PIN)", line.number),
        (Some(_), Language::En) => format!("{} (only the PIN there)", line.number),
    }
}

/// Writes labels and values in two columns.
fn rows(rows: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (label, value) in rows {
        let _ = writeln!(text, "    {label:LABEL_WIDTH$}{value}");
    }
    text
}

/// The card's words in one language.
struct Words {
    title: &'static str,
    browser: &'static str,
    guest: &'static str,
    moderator: &'static str,
    phone: &'static str,
    line: &'static str,
    address: &'static str,
    guest_code: &'static str,
    moderator_code: &'static str,
    softphone: &'static str,
    linphone: &'static str,
    any_phone: &'static str,
    any_phone_does: &'static str,
    media: &'static str,
    media_why: &'static str,
    settings: &'static str,
    stop: &'static str,
}

impl Words {
    const fn of(language: Language) -> &'static Self {
        match language {
            Language::De => &DE,
            Language::En => &EN,
        }
    }
}

const DE: Words = Words {
    title: "Rundruf läuft. Hier ist ein Raum zum Ausprobieren.",
    browser: "Im Browser",
    guest: "Gast-Link",
    moderator: "Link der Leitung",
    phone: "Mit dem Telefon: anrufen, dann die Einwahlnummer tippen",
    line: "Telefonnummer",
    address: "SIP-Adresse",
    guest_code: "Einwahlnummer",
    moderator_code: "… der Leitung",
    softphone: "Mit einem Softphone auf diesem Rechner, ohne Konto",
    linphone: "{bridge} ins Suchfeld tippen und anrufen",
    any_phone: "jedes andere",
    any_phone_does: "ebenso; unter {room} genügt die PIN (die letzten 8 Ziffern)",
    media: "Ton wird empfangen auf",
    media_why: "(nicht nur auf Loopback, weil Firefox dort keine Verbindung anbietet)",
    settings: "Einstellungen:",
    stop: "Beenden mit Strg-C.",
};

const EN: Words = Words {
    title: "Rundruf is running. Here is a room to try it.",
    browser: "In the browser",
    guest: "Guest link",
    moderator: "Moderator link",
    phone: "By telephone: call, then key in the code",
    line: "telephone number",
    address: "SIP address",
    guest_code: "Dial-in number",
    moderator_code: "… for moderators",
    softphone: "With a softphone on this machine, without an account",
    linphone: "type {bridge} into the search field and call",
    any_phone: "any other",
    any_phone_does: "likewise; at {room} the PIN (the last 8 digits) suffices",
    media: "Sound is received on",
    media_why: "(not on loopback alone, because Firefox offers no connection there)",
    settings: "Settings:",
    stop: "Stop with Ctrl-C.",
};

/// Column of the values, in characters after the indent.
const LABEL_WIDTH: usize = 20;

/// What scripts are told once every socket is open.
#[derive(Serialize)]
pub struct Ready<'a> {
    pid: u32,
    web: &'a str,
    sip_udp: Option<SocketAddr>,
    sip_tcp: Option<SocketAddr>,
    sip_tls: Option<SocketAddr>,
    rooms: Vec<ReadyRoom<'a>>,
}

#[derive(Serialize)]
struct ReadyRoom<'a> {
    number: &'a str,
    pin: &'a str,
    moderator_pin: &'a str,
    guest_link: &'a str,
    moderator_link: &'a str,
}

impl<'a> Ready<'a> {
    /// Gathers what is told.
    pub fn new(
        reach: &'a Reach,
        [sip_udp, sip_tcp, sip_tls]: [Option<SocketAddr>; 3],
        invitations: &'a [Invitation],
    ) -> Self {
        let rooms = invitations.iter().map(|invitation| ReadyRoom {
            number: &invitation.number,
            pin: invitation.guest_pin.expose(),
            moderator_pin: invitation.moderator_pin.expose(),
            guest_link: invitation.guest_link.expose(),
            moderator_link: invitation.moderator_link.expose(),
        });
        Self {
            pid: std::process::id(),
            web: &reach.web,
            sip_udp,
            sip_tcp,
            sip_tls,
            rooms: rooms.collect(),
        }
    }

    /// Renders the file's content; it holds secrets, so it belongs into a private file.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("strings and numbers can be written as JSON");
        text.push('\n');
        text
    }
}

impl std::fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::event::Wording;

    #[test]
    fn the_card_tells_a_newcomer_everything() {
        let (invitation, reach) = (invitation(), reach());
        let media = ["127.0.0.1", "192.0.2.7"].map(|ip| ip.parse().unwrap());
        let card = Card {
            invitation: &invitation,
            reach: &reach,
            media: &media,
            settings: "deploy/config.toml",
        };
        for language in [Language::De, Language::En] {
            let text = card.render(language);
            for told in [
                "http://localhost:8080/#guest",
                "http://localhost:8080/#moderator",
                "sip:bridge@127.0.0.1:5060",
                "sip:4711@127.0.0.1:5060",
                "+49 30 123456",
                "4711 2468 1357",
                "4711 8765 4321",
                "baresip",
                "Linphone",
                "127.0.0.1, 192.0.2.7",
                "Firefox",
                "deploy/config.toml",
            ] {
                assert!(text.contains(told), "{told} is missing:\n{text}");
            }
            assert!(!text.contains('{'), "{text}");
            assert!(
                text.lines().all(|line| line.chars().count() <= 110),
                "{text}"
            );
        }
        assert_ne!(card.render(Language::De), card.render(Language::En));
    }

    #[test]
    fn scripts_are_told_the_same() {
        let (invitations, reach) = ([invitation()], reach());
        let sip = Some("127.0.0.1:5060".parse().unwrap());
        let json = Ready::new(&reach, [sip; 3], &invitations).to_json();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["pid"], std::process::id());
        assert_eq!(read["web"], "http://localhost:8080");
        assert_eq!(read["sip_udp"], "127.0.0.1:5060");
        assert_eq!(read["sip_tcp"], "127.0.0.1:5060");
        assert_eq!(read["rooms"][0]["number"], "4711");
        assert_eq!(read["rooms"][0]["pin"], "24681357");
        assert_eq!(
            read["rooms"][0]["guest_link"],
            "http://localhost:8080/#guest"
        );
    }

    #[test]
    fn addresses_are_told_as_people_can_use_them() {
        let address = |text: &str| Some(text.parse().unwrap());
        let config = Config::default();
        for (https, http, sip, web, host) in [
            (
                "127.0.0.1:8443",
                Some("127.0.0.1:81"),
                "127.0.0.1:5060",
                "http://localhost:81",
                "127.0.0.1:5060",
            ),
            (
                "0.0.0.0:443",
                None,
                "0.0.0.0:5060",
                "https://localhost:443",
                "localhost:5060",
            ),
            (
                "192.0.2.1:443",
                None,
                "[2001:db8::1]:5060",
                "https://192.0.2.1:443",
                "[2001:db8::1]:5060",
            ),
        ] {
            let reach = Reach::new(
                &config,
                address(https),
                http.and_then(address),
                address(sip),
            );
            assert_eq!(
                (reach.web.as_str(), reach.call_in.sip_host.as_str()),
                (web, host)
            );
        }
    }

    #[test]
    fn settings_decide_what_is_told() {
        let text =
            "[web]\npublic_url = \"https://example.org\"\n[sip]\npublic_host = \"sip.example.org\"";
        let config = Config::parse(text, std::path::Path::new("test.toml")).unwrap();
        let reach = Reach::new(&config, None, None, None);
        assert_eq!(reach.web, "https://example.org");
        assert_eq!(reach.call_in.sip("4711"), "sip:4711@sip.example.org");
    }

    fn invitation() -> Invitation {
        let secret = |text: &str| Secret::new(String::from(text));
        Invitation {
            number: String::from("4711"),
            guest_pin: secret("24681357"),
            moderator_pin: secret("87654321"),
            guest_link: secret("http://localhost:8080/#guest"),
            moderator_link: secret("http://localhost:8080/#moderator"),
        }
    }

    fn reach() -> Reach {
        Reach {
            web: String::from("http://localhost:8080"),
            call_in: CallIn {
                sip_host: String::from("127.0.0.1:5060"),
                lines: vec![Line {
                    number: String::from("+49 30 123456"),
                    language: Wording::De,
                    room: Some(String::from("4711")),
                }],
            },
        }
    }
}
