//! How much a leg's peer says it loses of what we send, in three classes that do not swing.

use dsp::LossClass;
use sip::rtp::RemoteReport;

/// The class of one path.
#[derive(Debug)]
pub(super) struct PathLoss {
    class: LossClass,
    /// Reports in a row at which a lower class would have done.
    calm: u8,
    /// The number of the report heard last.
    heard: Option<u32>,
}

impl PathLoss {
    /// Makes the class of a path of which nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            class: LossClass::Low,
            calm: 0,
            heard: None,
        }
    }

    /// Hears what the peer reported last; the same report may be told several times and is heard once.
    pub(super) fn handle(&mut self, report: RemoteReport) {
        if self.heard.replace(report.number) == Some(report.number) {
            return;
        }
        let class = match report.fraction_lost {
            0..MEDIUM => LossClass::Low,
            MEDIUM..HIGH => LossClass::Medium,
            HIGH.. => LossClass::High,
        };
        if class < self.class {
            self.calm += 1;
        } else {
            self.calm = 0;
        }
        if class > self.class || self.calm >= CALM {
            self.class = class;
            self.calm = 0;
        }
    }

    /// Returns the class.
    pub(super) const fn class(&self) -> LossClass {
        self.class
    }
}

/// 1.2 %, in 1/256: encodings for the class below carry nothing that makes up for loss.
const MEDIUM: u8 = 3;

/// 8 %, in 1/256.
const HIGH: u8 = 20;

/// Reports before a class is left downwards: of five seconds each (RFC 3550 §6.2), fifteen in all.
const CALM: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_counts_at_once_and_calm_after_a_while() {
        let mut path = Path::new();
        let classes = [0, 2, 3, 19, 20, 255].map(|lost| path.hears(lost));
        let [low, medium, high] = [LossClass::Low, LossClass::Medium, LossClass::High];
        assert_eq!(classes, [low, low, medium, medium, high, high]);
        for _ in 1..CALM {
            assert_eq!(path.hears(0), high);
        }
        assert_eq!(path.hears(0), low);
    }

    #[test]
    fn one_bad_report_begins_the_calm_anew() {
        let mut path = Path::new();
        let classes = [HIGH, 0, 0, HIGH, 0, 0].map(|lost| path.hears(lost));
        assert_eq!(classes, [LossClass::High; 6]);
    }

    #[test]
    fn a_report_is_heard_once_however_often_it_is_told() {
        let mut path = Path::new();
        path.hears(HIGH);
        path.hears(0);
        for _ in 0..100 {
            path.is_told_again(0);
        }
        assert_eq!(path.loss.class(), LossClass::High);
    }

    struct Path {
        loss: PathLoss,
        reports: u32,
    }

    impl Path {
        fn new() -> Self {
            Self {
                loss: PathLoss::new(),
                reports: 0,
            }
        }

        fn hears(&mut self, fraction_lost: u8) -> LossClass {
            self.reports += 1;
            self.is_told_again(fraction_lost);
            self.loss.class()
        }

        fn is_told_again(&mut self, fraction_lost: u8) {
            let number = self.reports;
            self.loss.handle(RemoteReport {
                number,
                fraction_lost,
                highest: 0,
            });
        }
    }
}
