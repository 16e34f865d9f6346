//! Counters in the text format of Prometheus. Names and labels are fixed words, so that nothing personal can become one.

use std::fmt::Write;

/// A number with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with the prefix `rundruf_`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// Whether it may fall.
    pub kind: Kind,
    /// Its values; several only with labels.
    pub samples: Vec<Sample>,
}

impl Metric {
    /// Makes a metric of one value without labels.
    pub fn single(name: &'static str, help: &'static str, kind: Kind, value: u64) -> Self {
        Self {
            name,
            help,
            kind,
            samples: vec![Sample { label: None, value }],
        }
    }
}

/// Whether a metric may fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Name and value of the label.
    pub label: Option<(&'static str, &'static str)>,
    /// The value.
    pub value: u64,
}

/// Returns the metrics as text.
pub(super) fn render(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let name = metric.name;
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let _ = writeln!(text, "# HELP {name} {}", metric.help);
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for Sample { label, value } in &metric.samples {
            let _ = match label {
                Some((label, of)) => writeln!(text, "{name}{{{label}=\"{of}\"}} {value}"),
                None => writeln!(text, "{name} {value}"),
            };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_told_in_the_format_of_prometheus() {
        let discards = Metric {
            name: "rundruf_discards_total",
            help: "Packets that were discarded.",
            kind: Kind::Counter,
            samples: [("late", 3), ("replayed", 0)]
                .map(|(reason, value)| Sample {
                    label: Some(("reason", reason)),
                    value,
                })
                .to_vec(),
        };
        let legs = Metric::single("rundruf_legs", "Legs.", Kind::Gauge, 7);
        assert_eq!(
            render(&[discards, legs]),
            "# HELP rundruf_discards_total Packets that were discarded.\n\
             # TYPE rundruf_discards_total counter\n\
             rundruf_discards_total{reason=\"late\"} 3\n\
             rundruf_discards_total{reason=\"replayed\"} 0\n\
             # HELP rundruf_legs Legs.\n\
             # TYPE rundruf_legs gauge\n\
             rundruf_legs 7\n"
        );
    }
}
