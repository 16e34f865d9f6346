//! What the settings of a trunk must not say together, nor those of keys and of TURN, and how an operator is told.

use crate::conference::{
    event::Language,
    keyplan::{Control, Problem},
};

/// What the settings of a trunk, of keys or of TURN must not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// The trunk has neither addresses nor a certificate.
    Nobody,
    /// It registers without saying where.
    NoRegistrar,
    /// It registers without user or password.
    NoAccount,
    /// It says where to register but is a peer.
    PeerRegisters,
    /// It is a peer and has a setting, by its key, that says how it registers.
    OfRegistered(&'static str),
    /// It registers, and a server is named that a peer would be asked at.
    Probed,
    /// A number is to be withheld, but no call is made over it.
    WithheldOfNobody,
    /// Sound may be coded with nothing.
    NoCodec,
    /// Calls are to be made over it, but it has no server to make them to.
    NoWayOut,
    /// Moderators may have people called, but over no trunk.
    NobodyCalls,
    /// Calls are to be made as a number that is not its own.
    ForeignCaller(String),
    /// An area code stands in no country.
    AreaWithoutCountry,
    /// Unencrypted sound would be sent to wherever anybody sends some from.
    LatchWithoutNetworks,
    /// A number has both the country code and the 0 in its place: `+49030123456`.
    TrunkPrefix(String),
    /// A number is one of need or of a service, such as 112.
    Service(String),
    /// What a number is to lead to cannot be the number of a room.
    NoRoom(String),
    /// A number leads to a room and to the sound test.
    TestInRoom(String),
    /// A number might be a room's, while every room's number leads to its room.
    Room(String),
    /// Keys cannot ask for this.
    Keys(Control, Problem),
    /// Two numbers are the same or can be dialled the same way.
    Same(String, String),
    /// There is no way round firewalls like this.
    Turn(TurnProblem),
}

/// What the settings of TURN must not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnProblem {
    /// There are more servers than this.
    TooMany(usize),
    /// A server is reached unencrypted, and not on this machine.
    Plain(String),
    /// There are servers without a secret, or a secret without servers.
    Half,
}

impl Contradiction {
    /// The key that it stands at.
    pub(super) const fn key(&self) -> &'static str {
        match self {
            Self::Nobody => "trunk.peers",
            Self::NoRegistrar => "trunk.registrar",
            Self::NoAccount => "trunk.user",
            Self::PeerRegisters => "trunk.kind",
            Self::OfRegistered(key) => key,
            Self::Probed => "trunk.probe",
            Self::WithheldOfNobody => "trunk.withheld",
            Self::NoCodec => "trunk.codecs",
            Self::NoWayOut | Self::ForeignCaller(_) => "trunk.calls_as",
            Self::NobodyCalls => "dial_out.enabled",
            Self::AreaWithoutCountry => "trunk.area",
            Self::LatchWithoutNetworks => "trunk.latch",
            Self::Keys(control, _) => control.setting(),
            Self::Turn(TurnProblem::TooMany(_) | TurnProblem::Plain(_)) => "turn.servers",
            Self::Turn(TurnProblem::Half) => "turn.secret_file",
            Self::TrunkPrefix(_)
            | Self::Service(_)
            | Self::NoRoom(_)
            | Self::TestInRoom(_)
            | Self::Room(_)
            | Self::Same(..) => "trunk.numbers",
        }
    }

    /// Says what is wrong, and what would be right.
    pub(super) fn told(&self, language: Language) -> String {
        match language {
            Language::En => self.in_english(),
            Language::De => self.in_german(),
        }
    }

    fn in_english(&self) -> String {
        match self {
            Self::Nobody => String::from(
                "nobody could call in; give addresses or the name in a certificate, for example: \
                 peers = [\"192.0.2.7\"] or certificate = \"sbc.example.net\"",
            ),
            Self::NoRegistrar => String::from(
                "a registered trunk needs a registrar, for example: registrar = \"sip:fritz.box\"",
            ),
            Self::NoAccount => String::from(
                "a registered trunk needs an account, for example: user = \"rundruf\" and \
                 password_file = \"var/fritzbox.password\"",
            ),
            Self::PeerRegisters => {
                String::from("who registers needs kind = \"registered\"; a peer has no registrar")
            }
            Self::OfRegistered(_) => String::from(OF_REGISTERED[EN]),
            Self::Probed => String::from(PROBED[EN]),
            Self::WithheldOfNobody => String::from(WITHHELD_OF_NOBODY[EN]),
            Self::NoCodec => String::from(
                "without a codec there is no sound, for example: codecs = [\"g722\", \"pcma\"]",
            ),
            Self::NoWayOut => String::from(
                "calls are made to a server; name the registrar, or that of a peer, for example: \
                 probe = \"sip:192.0.2.7\"",
            ),
            Self::NobodyCalls => String::from(
                "no trunk says as which number calls are made, for example: calls_as = \"+4930123456\"",
            ),
            Self::ForeignCaller(number) => format!(
                "{number} is not among the numbers of this trunk in full; valid is, for example: \
                 numbers = [\"+4930123456\"] and calls_as = \"+4930123456\""
            ),
            Self::AreaWithoutCountry => String::from(
                "an area code needs its country, for example: country = \"49\" and area = \"30\"",
            ),
            Self::LatchWithoutNetworks => String::from(
                "unencrypted sound is sent where it comes from only within networks that are named, for example: \
                 media_networks = [\"198.51.100.0/24\"]",
            ),
            Self::TrunkPrefix(number) => format!(
                "{number} has the 0 that stands in place of the country code beside it; valid is, for example: \
                 \"+4930123456\""
            ),
            Self::Service(number) => format!(
                "{number} is an emergency or service number and cannot be a dial-in; valid is, for example: \
                 \"+4930123456\""
            ),
            Self::NoRoom(room) => format!(
                "{room} cannot be the number of a room; valid is, for example: \
                 {{ number = \"+4930123456\", room = \"4711\" }}"
            ),
            Self::TestInRoom(number) => format!(
                "{number} leads either to a room or to the sound test; valid is, for example: \
                 {{ number = \"+4930123456\", sound_test = true }}"
            ),
            Self::Room(number) => format!(
                "{number} could be the number of a room, and \"rooms\" leads those to their rooms; write the number in \
                 full, for example \"+4930123456\", or leave \"rooms\" out"
            ),
            Self::Keys(control, problem) => keys_in_english(*control, problem),
            Self::Same(one, other) => format!(
                "{one} and {other} can be dialled the same way; leave one of them out, or correct country and area"
            ),
            Self::Turn(problem) => turn_in_english(problem),
        }
    }

    fn in_german(&self) -> String {
        match self {
            Self::Nobody => String::from(
                "niemand könnte anrufen; nennen Sie Adressen oder den Namen in einem Zertifikat, zum Beispiel: \
                 peers = [\"192.0.2.7\"] oder certificate = \"sbc.example.net\"",
            ),
            Self::NoRegistrar => String::from(
                "ein angemeldeter Trunk braucht einen Registrar, zum Beispiel: registrar = \"sip:fritz.box\"",
            ),
            Self::NoAccount => String::from(
                "ein angemeldeter Trunk braucht ein Konto, zum Beispiel: user = \"rundruf\" und \
                 password_file = \"var/fritzbox.password\"",
            ),
            Self::PeerRegisters => String::from(
                "wer sich anmeldet, braucht kind = \"registered\"; ein Peer hat keinen Registrar",
            ),
            Self::OfRegistered(_) => String::from(OF_REGISTERED[DE]),
            Self::Probed => String::from(PROBED[DE]),
            Self::WithheldOfNobody => String::from(WITHHELD_OF_NOBODY[DE]),
            Self::NoCodec => String::from(
                "ohne Codec gibt es keinen Ton, zum Beispiel: codecs = [\"g722\", \"pcma\"]",
            ),
            Self::NoWayOut => String::from(
                "angerufen wird über einen Server; nennen Sie den Registrar oder den eines Peers, zum Beispiel: \
                 probe = \"sip:192.0.2.7\"",
            ),
            Self::NobodyCalls => String::from(
                "kein Trunk sagt, als welche Nummer angerufen wird, zum Beispiel: calls_as = \"+4930123456\"",
            ),
            Self::ForeignCaller(number) => format!(
                "{number} ist keine vollständige Nummer dieses Trunks; gültig ist zum Beispiel: \
                 numbers = [\"+4930123456\"] und calls_as = \"+4930123456\""
            ),
            Self::AreaWithoutCountry => String::from(
                "eine Ortsvorwahl braucht ihr Land, zum Beispiel: country = \"49\" und area = \"30\"",
            ),
            Self::LatchWithoutNetworks => String::from(
                "unverschlüsselter Ton wird nur innerhalb genannter Netze dorthin geschickt, woher er kommt, zum \
                 Beispiel: media_networks = [\"198.51.100.0/24\"]",
            ),
            Self::TrunkPrefix(number) => format!(
                "{number} hat neben der Landesvorwahl auch die 0, die an ihrer Stelle steht; gültig ist zum Beispiel: \
                 \"+4930123456\""
            ),
            Self::Service(number) => format!(
                "{number} ist eine Notruf- oder Servicenummer und kann keine Einwahlnummer sein; gültig ist zum \
                 Beispiel: \"+4930123456\""
            ),
            Self::NoRoom(room) => format!(
                "{room} kann keine Raumnummer sein; gültig ist zum Beispiel: \
                 {{ number = \"+4930123456\", room = \"4711\" }}"
            ),
            Self::TestInRoom(number) => format!(
                "{number} führt entweder in einen Raum oder zur Klangprobe; gültig ist zum Beispiel: \
                 {{ number = \"+4930123456\", sound_test = true }}"
            ),
            Self::Room(number) => format!(
                "{number} könnte eine Raumnummer sein, und \"rooms\" führt diese in ihre Räume; schreiben Sie die Nummer \
                 vollständig, zum Beispiel \"+4930123456\", oder lassen Sie \"rooms\" weg"
            ),
            Self::Keys(control, problem) => keys_in_german(*control, problem),
            Self::Same(one, other) => format!(
                "{one} und {other} lassen sich gleich wählen; lassen Sie eine davon weg oder berichtigen Sie country und \
                 area"
            ),
            Self::Turn(problem) => turn_in_german(problem),
        }
    }
}

/// The usual keys of a control as they stand in the settings.
fn usual(control: Control) -> String {
    let keys: Vec<String> = control
        .usual()
        .iter()
        .map(|keys| format!("\"{keys}\""))
        .collect();
    format!("[{}]", keys.join(", "))
}

fn keys_in_english(control: Control, problem: &Problem) -> String {
    let usual = usual(control);
    match problem {
        Problem::None => format!("it needs keys, for example: {usual}"),
        Problem::TooMany => format!("these are too many; valid are, for example: {usual}"),
        Problem::Malformed(keys) => format!(
            "\"{keys}\" is neither a star and one to three digits nor the same digit twice; valid are, for example: \
             {usual}"
        ),
        Problem::Intercepted(keys) => format!(
            "\"{keys}\" does not reach us: many telephone systems take *1 to *4, **, ## and *# for themselves; valid are, for \
             example: {usual}"
        ),
        Problem::Clash(one, other) => format!(
            "{one} and {other} are the same or one begins the other, so that nobody could tell which is meant; give each its own"
        ),
    }
}

fn keys_in_german(control: Control, problem: &Problem) -> String {
    let usual = usual(control);
    match problem {
        Problem::None => format!("hier fehlen Tasten, zum Beispiel: {usual}"),
        Problem::TooMany => format!("das sind zu viele; gültig ist zum Beispiel: {usual}"),
        Problem::Malformed(keys) => format!(
            "\"{keys}\" ist weder Stern mit ein bis drei Ziffern noch zweimal dieselbe Ziffer; gültig ist zum Beispiel: \
             {usual}"
        ),
        Problem::Intercepted(keys) => format!(
            "\"{keys}\" erreicht uns nicht: Viele Telefonanlagen fangen *1 bis *4, **, ## und *# selbst ab; gültig ist zum \
             Beispiel: {usual}"
        ),
        Problem::Clash(one, other) => format!(
            "{one} und {other} sind gleich, oder eine beginnt die andere, so dass niemand wüsste, was gemeint ist; geben Sie \
             jeder eine eigene"
        ),
    }
}

fn turn_in_english(problem: &TurnProblem) -> String {
    match problem {
        TurnProblem::TooMany(most) => {
            format!("these are too many; name {most} at most, since browsers ask all of them")
        }
        TurnProblem::Plain(uri) => format!(
            "{uri} would be reached unencrypted, which only this machine may be; valid is, for example: {TURN_SERVERS}"
        ),
        TurnProblem::Half => format!(
            "TURN servers and their secret belong together, for example: {TURN_SERVERS} and {TURN_SECRET}"
        ),
    }
}

fn turn_in_german(problem: &TurnProblem) -> String {
    match problem {
        TurnProblem::TooMany(most) => {
            format!(
                "das sind zu viele; nennen Sie höchstens {most}, denn Browser fragen jeden davon"
            )
        }
        TurnProblem::Plain(uri) => format!(
            "{uri} würde unverschlüsselt erreicht, das darf nur diese Maschine; gültig ist zum Beispiel: {TURN_SERVERS}"
        ),
        TurnProblem::Half => format!(
            "TURN-Server und ihr Geheimnis gehören zusammen, zum Beispiel: {TURN_SERVERS} und {TURN_SECRET}"
        ),
    }
}

/// What has no effect, in English and German.
const OF_REGISTERED: [&str; 2] = [
    "on a peer this has no effect, since it does not register; leave it out, or write kind = \"registered\" with \
        registrar, user and password_file",
    "bei einem Peer hat das keine Wirkung, denn er meldet sich nicht an; lassen Sie es weg, oder schreiben Sie \
        kind = \"registered\" mit registrar, user und password_file",
];
const PROBED: [&str; 2] = [
    "a registered trunk is asked at its registrar anyway, and this has no effect; leave it out, or write \
        kind = \"peer\"",
    "ein angemeldeter Trunk wird ohnehin bei seinem Registrar gefragt, und das hat keine Wirkung; lassen Sie es \
        weg, oder schreiben Sie kind = \"peer\"",
];
const WITHHELD_OF_NOBODY: [&str; 2] = [
    "no call is made over this trunk whose number could be withheld; leave it out, or say as which number calls \
        are made, for example: calls_as = \"+4930123456\"",
    "über diesen Trunk wird niemand angerufen, dem die Nummer unterdrückt würde; lassen Sie es weg, oder sagen \
        Sie, als welche Nummer angerufen wird, zum Beispiel: calls_as = \"+4930123456\"",
];
/// What names TURN servers and their secret.
const TURN_SERVERS: &str = "servers = [\"turns:conf.example.de:5349?transport=tcp\"]";
const TURN_SECRET: &str = "secret_file = \"var/turn.secret\"";
const EN: usize = 0;
const DE: usize = 1;
