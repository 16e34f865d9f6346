//! Handshakes between our settings and foreign ones, in memory.

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rustls::{
    ClientConnection, Connection, Error, ServerConnection, SupportedCipherSuite,
    client::WebPkiServerVerifier,
    crypto::aws_lc_rs::{ALL_CIPHER_SUITES, cipher_suite},
    pki_types::ServerName,
};
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock, System};

/// A certificate authority with its folder.
pub(crate) struct Office {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate of an [`Office`] is to say.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) uris: &'a [&'a str],
    pub(crate) expired: bool,
    pub(crate) usages: &'a [ExtendedKeyUsagePurpose],
}

impl Office {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("authority.pem"), own.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { folder, issuer }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    pub(crate) fn authorities(&self) -> Authorities {
        Authorities::read(&self.file()).unwrap()
    }

    /// Issues a certificate for DNS names and addresses.
    pub(crate) fn issue(&self, names: &[&str]) -> Arc<Identity> {
        self.issue_as(&Wanted {
            names,
            ..Wanted::default()
        })
    }

    pub(crate) fn issue_as(&self, wanted: &Wanted<'_>) -> Arc<Identity> {
        let files = [
            self.folder.path().join("c.pem"),
            self.folder.path().join("k.pem"),
        ];
        self.write(wanted, &files);
        let [certificate, key] = files;
        Arc::new(Identity::load_or_create(&certificate, &key, &[]).unwrap())
    }

    pub(crate) fn write(&self, wanted: &Wanted<'_>, [certificate, key]: &[PathBuf; 2]) {
        let names: Vec<String> = wanted.names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let uris = wanted.uris.iter();
        params
            .subject_alt_names
            .extend(uris.map(|uri| SanType::URI((*uri).try_into().unwrap())));
        params.extended_key_usages = wanted.usages.to_vec();
        if wanted.expired {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let pair = KeyPair::generate().unwrap();
        let signed = params.signed_by(&pair, &self.issuer).unwrap();
        fs::write(certificate, signed.pem()).unwrap();
        fs::write(key, pair.serialize_pem()).unwrap();
    }
}

pub(crate) fn client(name: &str, office: &Office) -> ClientAuthority {
    ClientAuthority {
        name: ServerName::try_from(name.to_owned()).unwrap(),
        authorities: office.authorities(),
    }
}

/// Lets two ends speak until neither has anything to say; the first error is the result.
fn shake(
    client: ClientConnection,
    server: ServerConnection,
) -> Result<(Connection, Connection), Error> {
    let (mut client, mut server) = (Connection::from(client), Connection::from(server));
    let mut wire = Vec::new();
    while client.wants_write() || server.wants_write() {
        pass(&mut client, &mut server, &mut wire)?;
        pass(&mut server, &mut client, &mut wire)?;
    }
    Ok((client, server))
}

fn pass(from: &mut Connection, to: &mut Connection, wire: &mut Vec<u8>) -> Result<(), Error> {
    wire.clear();
    while from.wants_write() {
        from.write_tls(wire).unwrap();
    }
    let mut rest = wire.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}

fn serving(identity: &Arc<Identity>) -> ServerConnection {
    let server = SipServer::new(identity, Vec::new()).unwrap();
    ServerConnection::new(server.config(Demand::Nothing)).unwrap()
}

fn asking(identity: &Arc<Identity>, authorities: &Authorities, name: &str) -> ClientConnection {
    let config = sip_client_config(identity, authorities).unwrap();
    ClientConnection::new(config, ServerName::try_from(name.to_owned()).unwrap()).unwrap()
}

/// A foreign client that offers what it is given and believes the office.
fn foreign(
    suites: &[SupportedCipherSuite],
    groups: &[&'static dyn SupportedKxGroup],
    office: &Office,
) -> ClientConnection {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: suites.to_vec(),
        kx_groups: groups.to_vec(),
        ..aws_lc_rs::default_provider()
    });
    let verifier =
        WebPkiServerVerifier::builder_with_provider(office.authorities().0, Arc::clone(&provider))
            .build()
            .unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_webpki_verifier(verifier)
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), "example.net".try_into().unwrap()).unwrap()
}

#[test]
fn the_service_is_asked_for_and_must_prove_its_name() {
    let (office, other) = (Office::new(), Office::new());
    let wanted = |names, uris| Wanted {
        names,
        uris,
        ..Wanted::default()
    };
    let expired = Wanted {
        expired: true,
        ..wanted(&["example.net"], &[])
    };
    let cases = [
        ("its name", wanted(&["example.net"], &[]), true),
        ("its name in capitals", wanted(&["EXAMPLE.net"], &[]), true),
        ("its domain", wanted(&[], &["sip:example.net"]), true),
        (
            "a name beside",
            wanted(&["sbc7.carrier.example"], &["sip:example.net"]),
            true,
        ),
        (
            "the target's name",
            wanted(&["sbc7.carrier.example"], &[]),
            false,
        ),
        (
            "a user of it",
            wanted(&[], &["sip:alice@example.net"]),
            false,
        ),
        (
            "a wildcard",
            wanted(&["*.net", "*.example.net"], &[]),
            false,
        ),
        ("out of date", expired, false),
    ];
    let us = other.issue(&["rundruf.example"]);
    for (what, wanted, believed) in cases {
        let server = serving(&office.issue_as(&wanted));
        let shaken = shake(asking(&us, &office.authorities(), "example.net"), server);
        assert_eq!(shaken.is_ok(), believed, "{what}: {:?}", shaken.err());
        if let Ok((_, Connection::Server(server))) = shaken {
            assert_eq!(server.server_name(), Some("example.net"), "{what}");
        }
    }
    let unknown = serving(&other.issue(&["example.net"]));
    let shaken = shake(asking(&us, &office.authorities(), "example.net"), unknown);
    assert!(shaken.is_err(), "nobody vouched for it");
    let literal = serving(&office.issue(&["192.0.2.7"]));
    shake(asking(&us, &office.authorities(), "192.0.2.7"), literal).unwrap();
}

#[test]
fn only_recommended_suites_and_groups_are_spoken() {
    let office = Office::new();
    let us = office.issue(&["example.net"]);
    let groups = aws_lc_rs::ALL_KX_GROUPS;
    for suite in ALL_CIPHER_SUITES {
        let client = foreign(&[*suite], groups, &office);
        let expected = SIP_SUITES.contains(&suite.suite())
            && !format!("{:?}", suite.suite()).contains("_RSA_");
        let shaken = shake(client, serving(&us));
        assert_eq!(shaken.is_ok(), expected, "{suite:?}");
    }
    let suites = [
        cipher_suite::TLS13_AES_128_GCM_SHA256,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ];
    let names = SIP_GROUPS.map(SupportedKxGroup::name);
    for group in groups {
        let shaken = shake(foreign(&suites, &[*group], &office), serving(&us));
        assert_eq!(
            shaken.is_ok(),
            names.contains(&group.name()),
            "{:?}",
            group.name()
        );
    }
}

#[test]
fn browsers_choose_among_more() {
    let office = Office::new();
    let us = office.issue(&["example.net"]);
    let suite = cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    let client = foreign(&[suite], &[kx_group::X25519], &office);
    let server = ServerConnection::new(web_server_config(&us).unwrap()).unwrap();
    shake(client, server).unwrap();
}

#[test]
fn who_calls_in_is_known_by_certificate() {
    let (office, other) = (Office::new(), Office::new());
    let us = other.issue(&["rundruf.example"]);
    let clients = [
        ("sbc.example", &office),
        ("sbc.example", &other),
        ("pbx.example", &office),
    ];
    let clients = clients.map(|(name, office)| client(name, office));
    let sip = SipServer::new(&us, clients.to_vec()).unwrap();
    let connect = |caller: &Arc<Identity>, demand| {
        let server = ServerConnection::new(sip.config(demand)).unwrap();
        let client = asking(caller, &other.authorities(), "rundruf.example");
        let (_, server) = shake(client, server)?;
        let chain = server.peer_certificates().unwrap_or_default();
        Ok::<_, Error>(sip.known(chain, System.since_epoch()))
    };
    let wanted = |names, usages| Wanted {
        names,
        usages,
        ..Wanted::default()
    };
    let own = [ExtendedKeyUsagePurpose::ClientAuth];
    let public = [ExtendedKeyUsagePurpose::ServerAuth];
    for usages in [&own[..], &public, &[]] {
        let caller = office.issue_as(&wanted(&["sbc.example"], usages));
        assert_eq!(connect(&caller, Demand::Must), Ok(vec![0]));
        assert_eq!(connect(&caller, Demand::Wish), Ok(vec![0]));
        assert_eq!(
            connect(&caller, Demand::Nothing),
            Ok(vec![]),
            "it was not asked"
        );
    }
    let both = office.issue(&["sbc.example", "pbx.example"]);
    assert_eq!(connect(&both, Demand::Must), Ok(vec![0, 2]));
    let mail = [ExtendedKeyUsagePurpose::EmailProtection];
    let expired = Wanted {
        expired: true,
        ..wanted(&["sbc.example"], &[])
    };
    for refused in [
        wanted(&["else.example"], &[]),
        wanted(&["sbc.example"], &mail),
        expired,
    ] {
        let caller = office.issue_as(&refused);
        connect(&caller, Demand::Must).unwrap_err();
        assert_eq!(connect(&caller, Demand::Wish), Ok(vec![]));
    }
}

#[test]
fn a_renewed_certificate_is_shown_to_those_who_come_next() {
    let office = Office::new();
    let us = office.issue(&["old.example"]);
    let config = SipServer::new(&us, Vec::new())
        .unwrap()
        .config(Demand::Nothing);
    let web = web_server_config(&us).unwrap();
    let connect = |name| {
        let server = ServerConnection::new(Arc::clone(&config)).unwrap();
        shake(asking(&us, &office.authorities(), name), server)
    };
    let (_, mut before) = connect("old.example").unwrap();
    office.issue(&["new.example"]);
    us.reload().unwrap();
    let web = ServerConnection::new(web).unwrap();
    shake(asking(&us, &office.authorities(), "new.example"), web).unwrap();
    connect("old.example").unwrap_err();
    connect("new.example").unwrap();
    before.send_close_notify();
    assert!(before.wants_write(), "who is connected stays connected");
}

#[test]
fn a_file_of_authorities_must_hold_some() {
    let office = Office::new();
    let file = office.folder.path().join("empty.pem");
    fs::write(&file, "").unwrap();
    Authorities::read(&file).unwrap_err();
    Authorities::read(&office.folder.path().join("missing.pem")).unwrap_err();
}
