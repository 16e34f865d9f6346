//! How much a leg's peer says it loses of what we send, in three classes that do not swing.

use dsp::LossClass;

/// The class of one path.
#[derive(Debug)]
pub(super) struct PathLoss {
    class: LossClass,
    /// Looks in a row at which a lower class would have done.
    calm: u8,
}

impl PathLoss {
    /// Makes the class of a path of which nothing is known.
    pub(super) const fn new() -> Self {
        Self {
            class: LossClass::Low,
            calm: 0,
        }
    }

    /// Hears the share that the peer reported last, in 1/256 (RFC 3550 §6.4.1); a report may be heard several times.
    pub(super) fn handle(&mut self, lost: u8) {
        let class = match lost {
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

/// Looks, a second apart, before a class is left downwards: three reports or so.
const CALM: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_counts_at_once_and_calm_after_a_while() {
        let mut path = PathLoss::new();
        let classes: Vec<LossClass> = [0, 2, 3, 19, 20, 255]
            .into_iter()
            .map(|lost| {
                path.handle(lost);
                path.class()
            })
            .collect();
        let [low, medium, high] = [LossClass::Low, LossClass::Medium, LossClass::High];
        assert_eq!(classes, [low, low, medium, medium, high, high]);
        for _ in 1..CALM {
            path.handle(0);
            assert_eq!(path.class(), high);
        }
        path.handle(0);
        assert_eq!(path.class(), low);
    }

    #[test]
    fn one_bad_report_begins_the_calm_anew() {
        let mut path = PathLoss::new();
        path.handle(HIGH);
        for lost in [0, 0, HIGH, 0] {
            path.handle(lost);
        }
        assert_eq!((path.class(), path.calm), (LossClass::High, 1));
    }
}
