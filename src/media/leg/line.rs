//! How well a leg's line carries speech, in words that do not swing.
//!
//! Stretches of two seconds are judged, each by the worst of what is known of it: packets that were missing when their sound
//! was due, the hold that evens out their coming, the share of ours that the peer has lost, and a browser of which nothing is
//! heard at all. Two stretches in a row make it worse, and only ten seconds of calm make it better.

use std::time::{Duration, Instant};

use dsp::PlayoutStats;
use sip::rtp::RemoteReport;

use super::{Leg, Transport};
use crate::{
    limit::{LINE_STRETCH, LINE_TOLD_AGAIN},
    media::{
        api::{Event, Quality},
        common::Common,
    },
};

/// Judges one leg's line.
#[derive(Debug)]
pub(super) struct Line {
    /// When the stretch ends that is being judged; none before the first.
    until: Option<Instant>,
    came: u64,
    missing: u64,
    /// How long the sound is held to even out its coming.
    hold: Duration,
    there: There,
    quality: Quality,
    /// How the last stretches were, the latest first.
    recent: [Quality; BETTER],
    /// What was told, and when it is told again.
    told: Option<(Quality, Instant)>,
}

/// What the peer said last of how our packets arrive.
#[derive(Debug)]
struct There {
    report: Option<u32>,
    quality: Quality,
    /// Stretches for which it still counts.
    counts: u8,
}

impl Line {
    /// Makes the judge of a line of which nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            until: None,
            came: 0,
            missing: 0,
            hold: Duration::ZERO,
            there: There {
                report: None,
                quality: Quality::Good,
                counts: 0,
            },
            quality: Quality::Good,
            recent: [Quality::Good; BETTER],
            told: None,
        }
    }

    /// Hears what the playout has counted since it was heard last.
    pub(super) fn note_playout(&mut self, now: &PlayoutStats, before: &PlayoutStats) {
        let since = |count: fn(&PlayoutStats) -> u64| count(now).saturating_sub(count(before));
        self.came += since(|stats| stats.received);
        self.missing += since(|stats| stats.lost).saturating_sub(since(|stats| stats.recovered));
        self.hold = Duration::from_millis(now.target_ms.into());
    }

    /// Hears what the peer reported last; the same report may be told several times and is heard once.
    pub(super) fn note_report(&mut self, report: RemoteReport) {
        if self.there.report.replace(report.number) != Some(report.number) {
            self.there.quality = by_share(u64::from(report.fraction_lost) * 1_000 / 256);
            self.there.counts = REPORT_COUNTS;
        }
    }

    /// Judges the stretch that is over, if one is; returns what is to be told. `silent` is for how long nothing at all has
    /// come of a peer that never falls silent.
    pub(super) fn handle(&mut self, silent: Duration, now: Instant) -> Option<Quality> {
        let until = *self.until.get_or_insert(now + LINE_STRETCH);
        if now < until {
            return None;
        }
        self.until = Some(now + LINE_STRETCH);
        let judged = self.judge(silent);
        self.follow(judged);
        let again = |at: Instant| at <= now;
        let known = match self.told {
            Some((told, at)) => told == self.quality && !again(at),
            None => self.quality == Quality::Good,
        };
        if known {
            return None;
        }
        self.told = Some((self.quality, now + LINE_TOLD_AGAIN));
        Some(self.quality)
    }

    /// Whoever was told knows nothing any more: it is told to others from here on.
    pub(super) const fn forget_told(&mut self) {
        self.told = None;
    }

    fn judge(&mut self, silent: Duration) -> Quality {
        let came = std::mem::take(&mut self.came);
        let missing = std::mem::take(&mut self.missing);
        let here = if came + missing < PACKETS_MIN {
            Quality::Good
        } else {
            let lost = by_share(missing * 1_000 / (came + missing));
            lost.max(by_time(self.hold, HOLD))
        };
        let there = match self.there.counts {
            0 => Quality::Good,
            _ => self.there.quality,
        };
        self.there.counts = self.there.counts.saturating_sub(1);
        here.max(there).max(by_time(silent, SILENT))
    }

    /// Lets the quality follow what was judged: no better than the best of the last few, no worse than the worst of some more.
    fn follow(&mut self, judged: Quality) {
        self.recent.rotate_right(1);
        self.recent[0] = judged;
        let [lately, calmly] = [&self.recent[..WORSE], &self.recent];
        let best = lately.iter().min().copied().unwrap_or_default();
        let worst = calmly.iter().max().copied().unwrap_or_default();
        self.quality = self.quality.clamp(best, worst);
    }
}

impl Leg {
    /// Judges the line, and tells where it carries speech otherwise than before. Outside of a conference nobody sees it.
    pub(super) fn judge_line(&mut self, common: &mut Common, now: Instant) {
        let silent = match &self.transport {
            // Telephones may leave out silence, and some report nothing.
            Transport::Phone(_) => Duration::ZERO,
            Transport::Browser(browser) => browser.secure.silent(now),
        };
        if let Some(quality) = self.line.handle(silent, now)
            && self.conference.is_some()
        {
            let leg = self.id;
            common.tell(Event::Quality { leg, quality });
        }
    }
}

/// By a share that was lost, in a thousandth: what Opus conceals without being noticed, and what it does not conceal.
const fn by_share(permille: u64) -> Quality {
    match permille {
        0..=20 => Quality::Good,
        21..=80 => Quality::Fair,
        81.. => Quality::Poor,
    }
}

/// By a time of which more than the first is not good, and more than the second poor.
fn by_time(time: Duration, (fair, poor): (Duration, Duration)) -> Quality {
    if time > poor {
        Quality::Poor
    } else if time > fair {
        Quality::Fair
    } else {
        Quality::Good
    }
}

/// Packets that say something about a stretch: a quarter of what most send in it. Whoever leaves out silence sends fewer.
const PACKETS_MIN: u64 = 25;

/// Stretches for which a report counts: as long as it is to the next (RFC 3550 §6.2).
const REPORT_COUNTS: u8 = 3;

/// Stretches in a row that make it worse, and better.
const WORSE: usize = 2;
const BETTER: usize = 5;

/// Holds of the jitter buffer: conversations bear the first (ITU-T G.114, with what the rest of the way takes), and the buffer
/// gives up at little more than the second.
const HOLD: (Duration, Duration) = (Duration::from_millis(120), Duration::from_millis(250));

/// Silence of a browser, which asks for its consent to be renewed every five seconds (RFC 7675 §5.1), sound or not.
const SILENT: (Duration, Duration) = (Duration::from_secs(8), Duration::from_secs(12));

#[cfg(test)]
mod tests {
    use super::*;

    /// A line on which time passes by stretches.
    struct Path {
        line: Line,
        now: Instant,
        stats: PlayoutStats,
        reports: u32,
    }

    impl Path {
        fn new() -> Self {
            let mut path = Self {
                line: Line::new(),
                now: t0(),
                stats: PlayoutStats::default(),
                reports: 0,
            };
            assert_eq!(path.line.handle(Duration::ZERO, path.now), None);
            path
        }

        /// Lets a stretch of a hundred packets pass, so many of which are missing.
        fn passes(&mut self, missing: u64) -> Option<Quality> {
            let before = self.stats;
            self.stats.received += 100 - missing;
            self.stats.lost += missing;
            self.line.note_playout(&self.stats, &before);
            self.ends(Duration::ZERO)
        }

        fn reports(&mut self, fraction_lost: u8) {
            self.reports += 1;
            let number = self.reports;
            for _ in 0..5 {
                self.line.note_report(RemoteReport {
                    number,
                    fraction_lost,
                    highest: 0,
                });
            }
        }

        fn ends(&mut self, silent: Duration) -> Option<Quality> {
            self.now += LINE_STRETCH;
            self.line.handle(silent, self.now)
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no time of its own to begin with"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    const FAIR: Option<Quality> = Some(Quality::Fair);
    const POOR: Option<Quality> = Some(Quality::Poor);
    const GOOD: Option<Quality> = Some(Quality::Good);

    #[test]
    fn a_good_line_is_never_spoken_of_at_first() {
        let mut path = Path::new();
        assert!((0..10).all(|_| path.passes(1).is_none()));
    }

    #[test]
    fn worse_is_told_after_four_seconds_and_better_after_ten() {
        let mut path = Path::new();
        let told = [5, 5, 5, 20, 20].map(|missing| path.passes(missing));
        assert_eq!(told, [None, FAIR, None, None, POOR]);
        let told = [0, 0, 0, 0, 0, 0].map(|missing| path.passes(missing));
        assert_eq!(told, [None, None, None, None, GOOD, None]);
    }

    #[test]
    fn what_swings_is_not_told() {
        let mut path = Path::new();
        assert!((0..20).all(|n| path.passes(if n % 2 == 0 { 30 } else { 0 }).is_none()));
        let mut path = Path::new();
        let told = [30, 4].map(|missing| path.passes(missing));
        assert_eq!(told, [None, FAIR], "no worse than both were");
        let swinging = (0..20).map(|n| path.passes(if n % 3 == 0 { 4 } else { 0 }));
        let told: Vec<Quality> = swinging.flatten().collect();
        assert!(
            told.iter().all(|quality| Some(*quality) == FAIR),
            "{told:?}"
        );
    }

    #[test]
    fn it_betters_to_the_worst_of_the_calm() {
        let mut path = Path::new();
        let told = [40, 40].map(|missing| path.passes(missing));
        assert_eq!(told, [None, POOR]);
        let told = [0, 0, 5, 0, 0].map(|missing| path.passes(missing));
        assert_eq!(told, [None, None, None, None, FAIR]);
    }

    #[test]
    fn packets_that_were_made_good_are_not_missing() {
        let mut path = Path::new();
        for _ in 0..5 {
            let before = path.stats;
            path.stats.received += 80;
            path.stats.lost += 20;
            path.stats.recovered += 20;
            path.line.note_playout(&path.stats, &before);
            assert_eq!(path.ends(Duration::ZERO), None);
        }
    }

    #[test]
    fn few_packets_say_nothing() {
        let mut path = Path::new();
        for _ in 0..5 {
            let before = path.stats;
            path.stats.received += 5;
            path.stats.lost += 5;
            path.line.note_playout(&path.stats, &before);
            assert_eq!(path.ends(Duration::ZERO), None);
        }
    }

    #[test]
    fn what_the_peer_loses_counts_as_long_as_its_report_does() {
        let mut path = Path::new();
        path.reports(60);
        let told = [0, 0, 0].map(|missing| path.passes(missing));
        assert_eq!(told, [None, POOR, None]);
        let told = [0, 0, 0, 0, 0].map(|missing| path.passes(missing));
        assert_eq!(told, [None, None, None, None, GOOD]);
        path.reports(3);
        assert!((0..5).all(|_| path.passes(0).is_none()));
    }

    #[test]
    fn packets_that_come_unevenly_make_it_worse() {
        for (target_ms, quality) in [(120, None), (130, FAIR), (260, POOR)] {
            let mut path = Path::new();
            path.stats.target_ms = target_ms;
            let told = [0, 0].map(|missing| path.passes(missing));
            assert_eq!(told, [None, quality], "{target_ms}");
        }
    }

    #[test]
    fn a_browser_that_is_silent_altogether_is_heard_of() {
        let mut path = Path::new();
        let told = [2, 4, 6, 8, 10, 12, 14, 16].map(|s| path.ends(Duration::from_secs(s)));
        assert_eq!(told, [None, None, None, None, None, FAIR, None, POOR]);
    }

    #[test]
    fn it_is_told_again_so_that_what_got_lost_is_made_good() {
        let mut path = Path::new();
        let told: Vec<Quality> = (0..32).filter_map(|_| path.passes(5)).collect();
        assert_eq!(told, [Quality::Fair; 3]);
        path.line.forget_told();
        assert_eq!(path.passes(5), FAIR, "others know nothing of it");
    }
}
