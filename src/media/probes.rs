//! Which legs are decoded though nobody hears them: to compare what they claim with what they say, or because nothing is
//! known of them yet.
//!
//! Each costs a decoding, so there are only so many in a round, of which a large conference, all of whose legs tick in one
//! round, may use what others left. A probe goes to the legs of a conference that have wanted one for the longest.

use crate::limit::{PROBES_MAX, PROBES_PER_ROUND};

/// How many legs may be decoded now.
#[derive(Debug, Default)]
pub(super) struct Probes {
    probes: u8,
    looks: u8,
    queue: ProbeQueue,
    refused: bool,
}

/// For how many ticks the legs of a conference have to want a probe until it is their turn: so long that those who have
/// are no more than there are probes, wherever in the row they sit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ProbeQueue(u16);

impl Probes {
    /// Begins a round.
    pub(super) const fn begin_round(&mut self) {
        restock(&mut self.probes);
        restock(&mut self.looks);
    }

    /// Begins the tick of a conference, or of the hall.
    pub(super) const fn begin_tick(&mut self, queue: ProbeQueue) {
        self.queue = queue;
        self.refused = false;
    }

    /// Returns the queue after that tick: longer where a leg was refused, and shorter where none was.
    pub(super) const fn end_tick(&self) -> ProbeQueue {
        let ProbeQueue(ticks) = self.queue;
        ProbeQueue(if self.refused {
            ticks.saturating_add(1)
        } else {
            ticks.saturating_sub(1)
        })
    }

    /// Takes a probe for a leg that has wanted one for so many ticks, if it does; tells whether it has one.
    pub(super) fn take(&mut self, waited: Option<u16>) -> bool {
        if waited.is_none_or(|waited| waited < self.queue.0) {
            return false;
        }
        self.refused |= self.probes == 0;
        take(&mut self.probes)
    }

    /// Takes the decoding of a leg of which nothing is known; tells whether there was one left.
    pub(super) const fn take_look(&mut self) -> bool {
        take(&mut self.looks)
    }
}

const fn restock(left: &mut u8) {
    let more = left.saturating_add(PROBES_PER_ROUND);
    *left = if more < PROBES_MAX { more } else { PROBES_MAX };
}

const fn take(left: &mut u8) -> bool {
    let may = *left > 0;
    *left = left.saturating_sub(1);
    may
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_want_probes_have_them_in_turn() {
        // So many want one whenever they have waited for eight ticks, in the order of their seats.
        const WANT: usize = 500;
        let (mut probes, mut queue) = (Probes::default(), ProbeQueue::default());
        let mut waiting = vec![0_u16; WANT];
        let mut longest = 0;
        for tick in 0..3_000 {
            (0..10).for_each(|_| probes.begin_round());
            probes.begin_tick(queue);
            let mut had = 0;
            for waited in &mut waiting {
                *waited += 1;
                if probes.take(waited.checked_sub(8)) {
                    *waited = 0;
                    had += 1;
                }
            }
            queue = probes.end_tick();
            assert!(had <= PROBES_MAX);
            if tick > 1_000 {
                longest = longest.max(*waiting.iter().max().unwrap());
            }
        }
        let fair = WANT / usize::from(PROBES_MAX);
        assert!(usize::from(longest) <= 2 * fair, "{longest} of {fair}");
    }

    #[test]
    fn nobody_who_wants_none_has_one_and_what_is_saved_is_bounded() {
        let mut probes = Probes::default();
        assert!(!probes.take_look(), "no round has begun");
        (0..1_000).for_each(|_| probes.begin_round());
        probes.begin_tick(ProbeQueue::default());
        assert!(!probes.take(None));
        let looks = (0..1_000).filter(|_| probes.take_look()).count();
        assert_eq!(looks, usize::from(PROBES_MAX));
        let had = (0..1_000).filter(|_| probes.take(Some(0))).count();
        assert_eq!(had, usize::from(PROBES_MAX));
    }
}
