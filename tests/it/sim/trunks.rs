//! The trunks of a world unless a test says otherwise, and the telephone door of them.

use std::{collections::BTreeMap, time::Duration};

use rundruf::{
    conference::event::Wording,
    dscp::Dscp,
    phone::{Called, DialPlan, Dialled, DoorConfig, MediaRules, Names, Policy, Trunk},
};

use super::world::SERVER;

/// The telephone door of these trunks, without TLS.
pub fn door_config(trunks: Vec<Trunk>) -> DoorConfig {
    DoorConfig {
        media: Vec::new(),
        dscp: Dscp::NONE,
        dial_out: None,
        names: Names::listed(BTreeMap::new()),
        udp: vec![SERVER],
        tcp: Vec::new(),
        tls: Vec::new(),
        server: None,
        user_agent: "Rundruf".to_owned(),
        trunks,
    }
}

/// A trunk that lists every address.
pub fn everybody() -> Trunk {
    Trunk {
        peers: vec!["0.0.0.0/0".parse().unwrap()],
        client: None,
        numbers: vec![
            Called::Rooms,
            Called::Bridge,
            Called::Number(Dialled::new("+4930555000")),
        ],
        language: Wording::De,
        offers_language: false,
        plan: DialPlan::default(),
        max_calls: 100,
        session_expires: Duration::from_secs(1_800),
        media: MediaRules {
            policy: Policy::Off,
            ..MediaRules::default()
        },
        upkeep: None,
        outward: None,
    }
}
