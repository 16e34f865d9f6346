//! What the network is like: how long packets take, relative to each other, over the last seconds, and whether it loses.
//!
//! Transit is arrival minus the time at which the packet's sound ends, since no sender has it before; in microseconds on a
//! timeline whose zero means nothing, so only differences count. Sound is wanted from its beginning, though: what is told
//! here is for packets as long as the longest of late, and packets of changing length are no jitter. The window forgets, so
//! that the estimate follows drifting clocks and lets an old burst of jitter go.

/// The fastest and the two slowest transits of the last three to four seconds.
#[derive(Debug, Clone)]
pub(crate) struct Transits {
    buckets: [Bucket; BUCKETS],
    current: usize,
    /// When the current bucket began.
    since: i64,
}

impl Transits {
    pub(crate) const fn new() -> Self {
        Self {
            buckets: [Bucket::EMPTY; BUCKETS],
            current: 0,
            since: 0,
        }
    }

    /// Learns the transit of a packet of so much sound that arrived at `now`.
    pub(crate) fn learn(&mut self, transit: i64, duration: i64, now: i64) {
        if now - self.since >= BUCKETS as i64 * BUCKET {
            *self = Self::new();
            self.since = now;
        }
        while now - self.since >= BUCKET {
            self.since += BUCKET;
            self.current = (self.current + 1) % BUCKETS;
            self.buckets[self.current] = Bucket::EMPTY;
        }
        let bucket = &mut self.buckets[self.current];
        bucket.learn(transit);
        bucket.longest = bucket.longest.max(duration);
        bucket.grid = gcd(bucket.grid, duration);
    }

    /// Returns how long after its beginning was sent the fastest packet came.
    pub(crate) fn fastest(&self) -> Option<i64> {
        let fastest = self.buckets.iter().map(|bucket| bucket.fastest).min();
        let fastest = fastest.filter(|&fastest| fastest != i64::MAX)?;
        Some(fastest + self.longest())
    }

    /// Returns the same of the slowest but for one: a single outlier in the window is not worth waiting for.
    pub(crate) fn slow(&self) -> Option<i64> {
        let mut all = Bucket::EMPTY;
        for bucket in &self.buckets {
            bucket.slowest.iter().for_each(|&slow| all.learn(slow));
        }
        let [slowest, second] = all.slowest;
        let slow = if second == i64::MIN { slowest } else { second };
        (slow != i64::MIN).then_some(slow + self.longest())
    }

    /// Returns what all packets and ticks of so many microseconds are multiples of.
    pub(crate) fn grid(&self, tick: i64) -> i64 {
        let grids = self.buckets.iter().map(|bucket| bucket.grid);
        grids.fold(tick, gcd)
    }

    fn longest(&self) -> i64 {
        let longest = self.buckets.iter().map(|bucket| bucket.longest);
        longest.max().unwrap_or(0)
    }
}

/// Whether it pays to wait for the copies in later packets.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    pub(crate) carried: bool,
    pub(crate) wanted: bool,
    last_loss: Option<i64>,
    until: i64,
    /// How far back copies go that came as packets of their own, in timestamp units.
    reach: i64,
}

impl Copies {
    /// Learns whether something was lost: two losses within the memory are a lossy path, one is an accident.
    pub(crate) fn learn(&mut self, lost: bool, now: i64) {
        if lost {
            let repeated = self.last_loss.is_some_and(|last| now - last < LOSS_MEMORY);
            if self.carried && repeated {
                self.until = now + LOSS_MEMORY;
            }
            self.last_loss = Some(now);
        }
        self.wanted = now < self.until;
        if !self.wanted {
            self.reach = 0;
        }
    }

    /// Hears of a copy of what was sent so many timestamp units before.
    pub(crate) fn reach(&mut self, units: i64) {
        self.reach = self.reach.max(units);
    }

    /// Returns for how many timestamp units copies are worth waiting, where packets last `duration`.
    pub(crate) fn wait(&self, duration: i64) -> i64 {
        if self.wanted {
            self.reach.clamp(duration, MAX_WAIT * duration)
        } else {
            0
        }
    }

    pub(crate) fn forget(&mut self) {
        *self = Self {
            carried: self.carried,
            ..Self::default()
        };
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    fastest: i64,
    /// The slowest first.
    slowest: [i64; 2],
    /// The longest packet.
    longest: i64,
    /// The greatest common divisor of the packets' lengths.
    grid: i64,
}

impl Bucket {
    const EMPTY: Self = Self {
        fastest: i64::MAX,
        slowest: [i64::MIN; 2],
        longest: 0,
        grid: 0,
    };

    fn learn(&mut self, transit: i64) {
        self.fastest = self.fastest.min(transit);
        if transit > self.slowest[0] {
            self.slowest = [transit, self.slowest[0]];
        } else if transit > self.slowest[1] {
            self.slowest[1] = transit;
        }
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Packets that copies are waited for at most, as many as concealment lasts.
const MAX_WAIT: i64 = 3;

/// Microseconds for which a loss is remembered.
const LOSS_MEMORY: i64 = 5_000_000;

const BUCKETS: usize = 5;

/// Microseconds of one bucket.
const BUCKET: i64 = 800_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(transits: &[(i64, i64)]) -> Transits {
        let mut all = Transits::new();
        transits
            .iter()
            .for_each(|&(transit, now)| all.learn(transit, 0, now));
        all
    }

    #[test]
    fn one_outlier_does_not_count_and_two_do() {
        let calm: Vec<_> = (0..100).map(|n| (5 + n % 3, n * 20_000)).collect();
        assert_eq!(learnt(&calm).slow(), Some(7));
        let mut all = learnt(&calm);
        all.learn(900, 0, 2_000_000);
        assert_eq!(all.slow(), Some(7));
        all.learn(800, 0, 2_020_000);
        assert_eq!(all.slow(), Some(800));
        assert_eq!(all.fastest(), Some(5));
    }

    #[test]
    fn the_window_forgets() {
        let mut all = learnt(&[(900, 0), (900, 1), (3, 2)]);
        all.learn(50, 0, 6 * BUCKET);
        assert_eq!((all.fastest(), all.slow()), (Some(50), Some(50)));
        for step in 0..6 {
            all.learn(60 + step, 0, (7 + step) * BUCKET);
        }
        assert_eq!(all.fastest(), Some(61));
    }

    #[test]
    fn packets_are_as_slow_as_the_longest() {
        let mut all = Transits::new();
        for (number, duration) in [10, 60, 20].into_iter().enumerate() {
            all.learn(5, duration, number as i64);
        }
        assert_eq!((all.fastest(), all.slow()), (Some(65), Some(65)));
        assert_eq!(all.grid(20), 10);
        all.learn(5, 20, 6 * BUCKET);
        assert_eq!((all.fastest(), all.slow()), (Some(25), Some(25)));
        assert_eq!(all.grid(20), 20);
    }

    #[test]
    fn two_losses_near_each_other_make_copies_wanted_for_a_while() {
        let mut copies = Copies {
            carried: true,
            ..Copies::default()
        };
        let mut wanted = |lost, now| {
            copies.learn(lost, now);
            copies.wanted
        };
        assert!(!wanted(true, 0));
        assert!(!wanted(true, LOSS_MEMORY));
        assert!(wanted(true, LOSS_MEMORY + 1));
        assert!(wanted(false, 2 * LOSS_MEMORY));
        assert!(!wanted(false, 2 * LOSS_MEMORY + 1));
    }

    #[test]
    fn nothing_learnt_is_nothing_known() {
        assert_eq!(
            (Transits::new().fastest(), Transits::new().slow()),
            (None, None)
        );
    }
}
