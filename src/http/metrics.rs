//! Counters in the text format of Prometheus. Names are fixed words, labels fixed words, small numbers or what the operator
//! calls something of theirs, so that nothing personal can become one.

use std::{fmt::Write, sync::Arc};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What tells it from the metric's others.
    pub label: Option<Label>,
    /// The value.
    pub value: u64,
}

/// A label's name and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// A fixed word.
    Word(&'static str, &'static str),
    /// The number of something of ours.
    Number(&'static str, usize),
    /// What the operator calls something.
    Name(&'static str, Arc<str>),
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
                Some(Label::Word(label, of)) => {
                    writeln!(text, "{name}{{{label}=\"{of}\"}} {value}")
                }
                Some(Label::Number(label, of)) => {
                    writeln!(text, "{name}{{{label}=\"{of}\"}} {value}")
                }
                Some(Label::Name(label, of)) => {
                    let of = escaped(of);
                    writeln!(text, "{name}{{{label}=\"{of}\"}} {value}")
                }
                None => writeln!(text, "{name} {value}"),
            };
        }
    }
    text
}

/// Writes what stands between quotation marks so that it ends there.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_where_its_quotation_marks_do() {
        let sample = |name: &str| Sample {
            label: Some(Label::Name("trunk", name.into())),
            value: 1,
        };
        let up = Metric {
            name: "rundruf_trunk_up",
            help: "Up.",
            kind: Kind::Gauge,
            samples: ["Büro", "a\"} 7\n", "b\\"].map(sample).to_vec(),
        };
        let text = render(&[up]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                r#"rundruf_trunk_up{trunk="Büro"} 1"#,
                r#"rundruf_trunk_up{trunk="a\"} 7\n"} 1"#,
                r#"rundruf_trunk_up{trunk="b\\"} 1"#,
            ]
        );
    }

    #[test]
    fn metrics_are_told_in_the_format_of_prometheus() {
        let discards = Metric {
            name: "rundruf_discards_total",
            help: "Packets that were discarded.",
            kind: Kind::Counter,
            samples: [("late", 3), ("replayed", 0)]
                .map(|(reason, value)| Sample {
                    label: Some(Label::Word("reason", reason)),
                    value,
                })
                .to_vec(),
        };
        let legs = Metric::single("rundruf_legs", "Legs.", Kind::Gauge, 7);
        let full = Metric {
            name: "rundruf_worker_full",
            help: "Full.",
            kind: Kind::Gauge,
            samples: vec![Sample {
                label: Some(Label::Number("worker", 1)),
                value: 1,
            }],
        };
        assert_eq!(
            render(&[discards, legs, full]),
            "# HELP rundruf_discards_total Packets that were discarded.\n\
             # TYPE rundruf_discards_total counter\n\
             rundruf_discards_total{reason=\"late\"} 3\n\
             rundruf_discards_total{reason=\"replayed\"} 0\n\
             # HELP rundruf_legs Legs.\n\
             # TYPE rundruf_legs gauge\n\
             rundruf_legs 7\n\
             # HELP rundruf_worker_full Full.\n\
             # TYPE rundruf_worker_full gauge\n\
             rundruf_worker_full{worker=\"1\"} 1\n"
        );
    }
}
