//! Results as pictures: bars beside each other, for light and dark pages, without fonts from elsewhere.

use std::{fmt::Write, fs, path::PathBuf};

use clap::ValueEnum;

use crate::{
    Done,
    result::{Figures, Scene, folder},
    scenario::Name,
    search::{End, Found},
    verdict::{DELAY_P50_MAX, DELAY_P99_MAX, RATIO_MAX, RESIDENT_MAX_KB, SHARE_MIN},
};

/// A picture of horizontal bars, in groups.
#[derive(Debug)]
struct Chart {
    title: &'static str,
    /// What the bars measure and what a mark says.
    note: String,
    unit: &'static str,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    label: String,
    /// How long it was measured, and what it is not worth.
    below: String,
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    series: Series,
    label: &'static str,
    value: f64,
    /// Where the bar that is to be met lies.
    mark: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Series {
    Floor,
    Server,
    /// A second figure of the server's.
    Tail,
}

/// Draws what has been measured, in this run or an earlier one; returns the files.
pub(crate) fn draw_all() -> Done<Vec<PathBuf>> {
    let scenes: Vec<Scene> = Name::value_variants()
        .iter()
        .filter_map(|name| Scene::load(name.scenario().name))
        .collect();
    let charts = [
        ("cpu", cpu(&scenes)),
        ("largest", largest(&scenes)),
        ("delay", delay(&scenes)),
        ("lateness", lateness(&scenes)),
        ("memory", memory(&scenes)),
        ("janus", janus(&scenes)),
    ];
    let mut files = Vec::new();
    for (name, chart) in charts {
        if !chart.groups.is_empty() {
            let file = folder()?.join(format!("{name}.svg"));
            fs::write(&file, chart.draw())?;
            files.push(file);
        }
    }
    Ok(files)
}

fn cpu(scenes: &[Scene]) -> Chart {
    let groups = scenes.iter().map(|scene| {
        let mut bars = vec![bar(Series::Floor, "floor", scene.floor.cpu_ms, None)];
        if let Ok(server) = &scene.server {
            // A floor that is none marks nothing.
            let mark = scene
                .floor_is_valid()
                .then_some(RATIO_MAX * scene.floor.cpu_ms);
            bars.push(bar(Series::Server, "server", server.cpu_ms, mark));
        }
        let doubt = match scene.floor_is_valid() {
            true => "",
            false => " · not comparable",
        };
        group(scene, bars, doubt)
    });
    Chart {
        title: "CPU time per leg",
        note: format!("ms per second and leg; the mark is {RATIO_MAX} × the floor"),
        unit: "ms/s",
        groups: groups.collect(),
    }
}

fn largest(scenes: &[Scene]) -> Chart {
    let measured = scenes.iter().filter_map(|scene| {
        let largest = scene.largest.as_ref()?;
        let (floor, server) = (&largest.floor, &largest.server);
        let is_known = floor.end == End::Program && floor.confirmed;
        let mark = is_known.then_some(SHARE_MIN * floor.people as f64);
        let bars = vec![
            found(Series::Floor, ["floor", "floor ≥"], floor, None),
            found(Series::Server, ["server", "server ≥"], server, mark),
        ];
        let doubt = if is_known { "" } else { " · not comparable" };
        Some(group(scene, bars, doubt))
    });
    Chart {
        title: "Most people in one room, on one core",
        note: format!("without loss or overrun; the mark is {SHARE_MIN} × the floor"),
        unit: "people",
        groups: measured.collect(),
    }
}

fn delay(scenes: &[Scene]) -> Chart {
    let measured = scenes.iter().filter_map(|scene| {
        let server = scene.server.as_ref().ok()?;
        let (p50, p99) = server.delay_ms?;
        let doubt = match server.generator_is_late() {
            true => " · not valid",
            false => "",
        };
        let bars = vec![
            bar(Series::Server, "p50", p50, Some(DELAY_P50_MAX)),
            bar(Series::Tail, "p99", p99, Some(DELAY_P99_MAX)),
        ];
        Some(group(scene, bars, doubt))
    });
    Chart {
        title: "Delay added",
        note: format!(
            "from a packet in to the packet with its sound out; marks at {DELAY_P50_MAX} and {DELAY_P99_MAX} ms"
        ),
        unit: "ms",
        groups: measured.collect(),
    }
}

fn lateness(scenes: &[Scene]) -> Chart {
    let milliseconds = |us: u64| us as f64 / 1e3;
    let measured = scenes.iter().filter_map(|scene| {
        let (_, p99, max) = scene.server.as_ref().ok()?.late_us;
        let bars = vec![
            bar(Series::Server, "p99", milliseconds(p99), Some(LATE_MS)),
            bar(Series::Tail, "max", milliseconds(max), Some(LATE_MS)),
        ];
        Some(group(scene, bars, ""))
    });
    Chart {
        title: "How late ticks begin",
        note: format!(
            "p99 as an upper bound; the mark at {LATE_MS} ms is where a tick has overrun"
        ),
        unit: "ms",
        groups: measured.collect(),
    }
}

fn memory(scenes: &[Scene]) -> Chart {
    let kilobytes = |figures: &Figures| figures.resident_bytes / 1e3;
    let groups = scenes.iter().map(|scene| {
        let mut bars = vec![bar(Series::Floor, "floor", kilobytes(&scene.floor), None)];
        if let Ok(server) = &scene.server {
            let mark = RESIDENT_MAX_KB + scene.codec_bytes.1 / 1e3;
            bars.push(bar(Series::Server, "server", kilobytes(server), Some(mark)));
        }
        group(scene, bars, "")
    });
    Chart {
        title: "Memory per leg",
        note: format!("resident, codecs included; the mark is {RESIDENT_MAX_KB} kB and a decoder"),
        unit: "kB",
        groups: groups.collect(),
    }
}

fn janus(scenes: &[Scene]) -> Chart {
    let measured = scenes.iter().filter_map(|scene| {
        let beside = scene.beside.as_ref()?;
        let bars = vec![
            bar(Series::Floor, "Janus", beside.janus.cpu_ms, None),
            bar(Series::Server, "server", beside.server.cpu_ms, None),
        ];
        Some(Group {
            label: format!("{} · {}", scene.name, beside.people),
            ..group(scene, bars, "")
        })
    });
    Chart {
        title: "CPU time per leg beside Janus",
        note: "ms per second and leg, AudioBridge, plain RTP; browsers: Opus without SRTP"
            .to_owned(),
        unit: "ms/s",
        groups: measured.collect(),
    }
}

/// Draws what a search found, which is only a bound where the program did not end it.
fn found(series: Series, labels: [&'static str; 2], found: &Found, mark: Option<f64>) -> Bar {
    let [exact, bound] = labels;
    let label = if found.end == End::Program {
        exact
    } else {
        bound
    };
    bar(series, label, found.people as f64, mark)
}

const fn bar(series: Series, label: &'static str, value: f64, mark: Option<f64>) -> Bar {
    Bar {
        series,
        label,
        value,
        mark,
    }
}

fn group(scene: &Scene, bars: Vec<Bar>, doubt: &str) -> Group {
    Group {
        label: format!("{} · {}", scene.name, scene.people),
        below: format!("{} × {} s{doubt}", scene.rounds, scene.seconds),
        bars,
    }
}

impl Chart {
    /// Draws the chart as a document of its own.
    fn draw(&self) -> String {
        let most = self.groups.iter().flat_map(|group| &group.bars);
        let most = most.map(|bar| bar.value.max(bar.mark.unwrap_or(0.0)));
        let scale = BAR_ROOM / most.fold(f64::MIN_POSITIVE, f64::max);
        let rows: usize = self.groups.iter().map(|group| group.bars.len()).sum();
        let height = HEAD + rows as f64 * ROW + self.groups.len() as f64 * GAP + FOOT;
        let mut out = String::new();
        self.head(&mut out, height);
        let mut y = HEAD;
        for group in &self.groups {
            let middle = y + group.bars.len() as f64 * ROW / 2.0;
            text(&mut out, "group", LABEL_X, middle - 3.5, &group.label);
            text(&mut out, "below", LABEL_X, middle + 11.5, &group.below);
            for bar in &group.bars {
                self.bar(&mut out, bar, y, scale);
                y += ROW;
            }
            y += GAP;
        }
        out.push_str("</svg>\n");
        out
    }

    fn head(&self, out: &mut String, height: f64) {
        let title = escape(self.title);
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\" rx=\"12\"/>\n"
        );
        text(out, "title", LABEL_X, 40.0, self.title);
        text(out, "note", LABEL_X, 61.0, &self.note);
    }

    fn bar(&self, out: &mut String, bar: &Bar, y: f64, scale: f64) {
        let class = match bar.series {
            Series::Floor => "floor",
            Series::Server => "server",
            Series::Tail => "tail",
        };
        let width = (bar.value * scale).max(1.5);
        let top = y + (ROW - BAR) / 2.0;
        let baseline = y + ROW / 2.0 + 4.0;
        text(out, "series", BAR_X - 10.0, baseline, bar.label);
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{BAR_X}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"3\"/>"
        );
        let mut end = BAR_X + width;
        if let Some(mark) = bar.mark {
            let x = BAR_X + mark * scale;
            let (from, to) = (y + 0.5, y + ROW - 0.5);
            // Its margin cuts it out of a bar that goes on behind it.
            for class in ["margin", "mark"] {
                let _ = writeln!(
                    out,
                    "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"/>"
                );
            }
            // The number stands behind whichever ends last, unless it fits well before the mark.
            if x > end - 4.0 && x < end + NUMBER_ROOM {
                end = x;
            }
        }
        let number = format!("{} {}", number(bar.value), self.unit);
        text(out, "number", end + 8.0, baseline, &number);
    }
}

fn text(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let text = escape(text);
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Writes a number with about three digits.
fn number(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}

const WIDTH: f64 = 760.0;
/// Room for title and note, and below the last group.
const HEAD: f64 = 88.0;
const FOOT: f64 = 14.0;
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;
const GAP: f64 = 14.0;
const LABEL_X: f64 = 28.0;
const BAR_X: f64 = 240.0;
/// Length of the longest bar; the rest is for its number.
const BAR_ROOM: f64 = 400.0;
/// Width of a number with its unit.
const NUMBER_ROOM: f64 = 88.0;
/// An overrun.
const LATE_MS: f64 = 5.0;
const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;fill:#1d2733}\
.page{fill:#fbfaf7}.title{font-size:19px;font-weight:600}.note{font-size:12.5px;fill:#65717f}\
.group{font-size:13.5px;font-weight:600}.series{font-size:12px;fill:#65717f;text-anchor:end}.below{font-size:11px;fill:#65717f}\
.number{font-size:12px;font-variant-numeric:tabular-nums}\
.floor{fill:#b9c2cb}.server{fill:#2f7f79}.tail{fill:#8cbdb7}.mark{stroke:#c2622d;stroke-width:2}\
.margin{stroke:#fbfaf7;stroke-width:6}\
@media(prefers-color-scheme:dark){text{fill:#e4e8ec}.page{fill:#171c22}.note,.series,.below{fill:#96a2af}\
.floor{fill:#4a5560}.server{fill:#55b3aa}.tail{fill:#2f6f6a}.mark{stroke:#e58a52}\
.margin{stroke:#171c22}}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::tests::scene;

    #[test]
    fn the_longest_bar_fills_its_room_and_numbers_have_units() {
        let picture = cpu(&[scene(0.25, 0.5)]).draw();
        assert!(
            picture.contains("class=\"server\" x=\"240\" y=\"114.0\" width=\"400.0\""),
            "{picture}"
        );
        assert!(
            picture.contains("class=\"floor\" x=\"240\" y=\"92.0\" width=\"200.0\""),
            "{picture}"
        );
        // 1.6 × 0.25 of 0.5 is four fifths of the room.
        assert!(picture.contains("x1=\"560.0\""), "{picture}");
        assert!(picture.contains(">0.500 ms/s<"), "{picture}");
        assert!(picture.contains(">3 × 10 s<"), "{picture}");
        assert!(picture.ends_with("</svg>\n"));
    }

    #[test]
    fn text_cannot_break_the_document() {
        let chart = Chart {
            title: "a < b & \"c\"",
            note: String::new(),
            unit: "",
            groups: Vec::new(),
        };
        let picture = chart.draw();
        assert!(picture.contains("a &lt; b &amp; &quot;c&quot;"));
        assert!(!picture.contains("a < b"));
    }
}
