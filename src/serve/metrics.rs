//! What `/metrics` tells.

use super::TrunkLabels;
use sip::rtp::Discard;

use crate::{
    browser::tcp::Ways,
    http::{Kind, Label, Metric, Sample},
    media::{Counter, Counters},
    phone::{self, TrunkCounts},
    server::{Server, census::Census},
};

/// Gathers what is counted, for whoever runs the machine.
pub fn metrics(server: &Server, door: &phone::Counts, labels: &TrunkLabels) -> Vec<Metric> {
    let census = server.census();
    let media = server.pool().counters();
    let gauge = |name, help, value| Metric::single(name, help, Kind::Gauge, value);
    let counter = |name, help, value| Metric::single(name, help, Kind::Counter, value);
    let happened = Counter::ALL
        .into_iter()
        .filter(|counter| !counter.is_gauge())
        .map(|counter| (counter.name(), media.of(counter)));
    let discarded = Discard::ALL
        .into_iter()
        .map(|reason| (reason.name(), media.discarded(reason)));
    let mut metrics = vec![
        gauge(
            "rundruf_participants",
            "Participants.",
            census.participants(),
        ),
        gauge("rundruf_conferences", "Conferences.", census.conferences()),
        gauge(
            "rundruf_legs",
            "Legs on media workers.",
            media.of(Counter::Legs),
        ),
        counter(
            "rundruf_admitted_total",
            "Participants admitted.",
            census.admitted(),
        ),
        by_kind(
            "rundruf_media_total",
            "What happened on media workers.",
            happened,
        ),
        by_kind(
            "rundruf_packets_discarded_total",
            "Media packets of no use.",
            discarded,
        ),
        by_kind(
            "rundruf_sip_total",
            "What happened at the telephone door.",
            at_the_door(door),
        ),
    ];
    metrics.push(counter(
        "rundruf_names_not_spoken_total",
        "Times somebody was called by their number because their name was no sound in time.",
        census.unspoken_names(),
    ));
    metrics.extend(codes(server.census()));
    metrics.extend(workers(server));
    metrics.extend(super::lateness::metrics(server));
    metrics.extend(by_trunk(&door.trunks, labels));
    metrics
}

/// Gathers what became of connections that bring browsers' sound by TCP.
pub(super) fn of_tcp(ways: &Ways) -> [Metric; 2] {
    let open = ["unproved", "proved"].into_iter().zip(ways.connections());
    let samples = open.map(|(word, count)| Sample {
        label: Some(Label::Word("kind", word)),
        value: u64::try_from(count).unwrap_or(u64::MAX),
    });
    [
        Metric {
            name: "rundruf_ice_tcp_connections",
            help: "Connections for browsers' sound by TCP, of those that have proved whose they are and of those that have not.",
            kind: Kind::Gauge,
            samples: samples.collect(),
        },
        by_kind(
            "rundruf_ice_tcp_total",
            "What became of them, and packets left out for browsers that take too few.",
            ways.happened(),
        ),
    ]
}

fn at_the_door(door: &phone::Counts) -> [(&'static str, u64); 12] {
    let sip = &door.sip;
    [
        ("requests", sip.requests),
        ("responses", sip.responses),
        ("malformed", sip.malformed),
        ("dropped", sip.dropped),
        ("retransmissions", sip.retransmissions),
        ("stray", sip.stray),
        ("overloaded", sip.overloaded),
        ("silenced", sip.silenced),
        ("closed", sip.closed),
        ("strangers", door.strangers),
        ("refused", door.refused),
        ("off_route", door.off_route),
    ]
}

/// Gathers what became of codes that let nobody in.
fn codes(census: &Census) -> [Metric; 2] {
    let counter = |name, help, value| Metric::single(name, help, Kind::Counter, value);
    [
        counter(
            "rundruf_wrong_codes_total",
            "Codes judged wrong.",
            census.wrong_codes(),
        ),
        counter(
            "rundruf_unjudged_codes_total",
            "Codes answered as wrong though guests might have them, because too many before them were wrong.",
            census.unjudged_codes(),
        ),
    ]
}

/// Gathers what tells the trunks apart.
fn by_trunk(trunks: &[TrunkCounts], labels: &TrunkLabels) -> impl Iterator<Item = Metric> {
    type Count = fn(&TrunkCounts) -> u64;
    let rows: [(_, _, _, Count); 6] = [
        (
            "rundruf_trunk_calls",
            "Calls on the trunk.",
            Kind::Gauge,
            |of| of.calls,
        ),
        (
            "rundruf_trunk_taken_total",
            "Calls that were taken and have ended.",
            Kind::Counter,
            |of| of.taken,
        ),
        (
            "rundruf_trunk_unknown_total",
            "Calls to numbers that lead nowhere, answered 404.",
            Kind::Counter,
            |of| of.unknown,
        ),
        (
            "rundruf_trunk_full_total",
            "Calls beyond what the trunk or the server may have, answered 503.",
            Kind::Counter,
            |of| of.full,
        ),
        (
            "rundruf_trunk_unusable_total",
            "Calls without a codec or a protection in common, answered 488.",
            Kind::Counter,
            |of| of.unusable,
        ),
        (
            "rundruf_trunk_refused_total",
            "Calls refused for other reasons.",
            Kind::Counter,
            |of| of.other,
        ),
    ];
    // Of trunks whose server nobody asks it is not known whether they are up.
    let standing = trunks.iter().enumerate();
    let kept = standing.filter(|(_, of)| of.standing != phone::Standing::Unasked);
    let up = Metric {
        name: "rundruf_trunk_up",
        help: "Whether the trunk's server knows us, or answers.",
        kind: Kind::Gauge,
        samples: kept
            .map(|(trunk, of)| Sample {
                label: Some(labels.of(trunk)),
                value: u64::from(of.standing == phone::Standing::Up),
            })
            .collect(),
    };
    let counted = rows.into_iter().map(|(name, help, kind, count)| Metric {
        name,
        help,
        kind,
        samples: trunks
            .iter()
            .enumerate()
            .map(|(trunk, counts)| Sample {
                label: Some(labels.of(trunk)),
                value: count(counts),
            })
            .collect(),
    });
    counted.chain(Some(up).filter(|up| !up.samples.is_empty()))
}

/// Gathers what tells the media workers apart.
fn workers(server: &Server) -> impl Iterator<Item = Metric> {
    [
        (
            "rundruf_worker_legs",
            "Legs on the media worker.",
            Counter::Legs,
        ),
        (
            "rundruf_worker_load_permille",
            "Share of its core the media worker uses, smoothed.",
            Counter::LoadPermille,
        ),
        (
            "rundruf_worker_load_peak_permille",
            "The largest share over 100 ms of the latest two seconds.",
            Counter::LoadPeakPermille,
        ),
        (
            "rundruf_worker_effort_reduced",
            "Steps by which the media worker's effort is reduced, 0 to 4.",
            Counter::EffortReduced,
        ),
        (
            "rundruf_worker_full",
            "1 while the media worker takes no further legs.",
            Counter::LoadFull,
        ),
    ]
    .into_iter()
    .map(|(name, help, counter)| {
        let sample = |(worker, counters): (usize, Counters)| Sample {
            label: Some(Label::Number("worker", worker)),
            value: counters.of(counter),
        };
        Metric {
            name,
            help,
            kind: Kind::Gauge,
            samples: server.pool().each().enumerate().map(sample).collect(),
        }
    })
}

/// Makes one counter of many, told apart by the label `kind`.
fn by_kind(
    name: &'static str,
    help: &'static str,
    values: impl IntoIterator<Item = (&'static str, u64)>,
) -> Metric {
    let sample = |(kind, value)| Sample {
        label: Some(Label::Word("kind", kind)),
        value,
    };
    Metric {
        name,
        help,
        kind: Kind::Counter,
        samples: values.into_iter().map(sample).collect(),
    }
}
