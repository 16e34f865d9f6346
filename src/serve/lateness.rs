//! How late the media workers' ticks begin, as metrics.

use crate::{
    http::{Kind, Label, Metric, Sample},
    media::lateness::Lateness,
    server::Server,
};

/// Gathers how late the media workers' ticks begin. From about 5 ms on callers may hear it.
pub(super) fn metrics(server: &Server) -> [Metric; 3] {
    let each: Vec<Lateness> = server.pool().lateness().collect();
    let mut all = Lateness::default();
    each.iter().for_each(|lateness| all.merge(lateness));
    let of_workers = |name, help, kind, value: fn(Lateness) -> u64| Metric {
        name,
        help,
        kind,
        samples: each
            .iter()
            .enumerate()
            .map(|(worker, lateness)| Sample {
                label: Some(Label::Number("worker", worker)),
                value: value(*lateness),
            })
            .collect(),
    };
    let within = all.within().map(|(bound, value)| Sample {
        label: Some(Label::Word("le", bound)),
        value,
    });
    [
        Metric {
            name: "rundruf_tick_lateness_seconds_bucket",
            help: "Ticks of all media workers that began no later than this.",
            kind: Kind::Counter,
            samples: within.collect(),
        },
        of_workers(
            "rundruf_worker_tick_overruns_total",
            "Ticks that began 5 ms late or ended after the next was due, which can be heard.",
            Kind::Counter,
            |of| of.overruns(),
        ),
        of_workers(
            "rundruf_worker_tick_lateness_most_microseconds",
            "How late the latest tick since the last asking began.",
            Kind::Gauge,
            |mut of| u64::try_from(of.take_most().as_micros()).unwrap_or(u64::MAX),
        ),
    ]
}
