//! Who of many is heard: the loudest few, with enough patience that nobody is cut in mid-word.
//!
//! ```text
//! nominees of a tick ─┬─ holders      level remembered, fades by 25 dB/s; place kept 500 ms after falling silent
//!                     └─ challengers  take a free place at once; a taken one from a holder that
//!                                       has been silent or steady for 200 ms, or is noise far below: at once
//!                                       speaks, but 6 dB below them for 200 ms: then
//! ```
//!
//! A sound that is steady, as that of a car or a fan, is nobody's speech however loud it is: it may have a free place, but
//! takes none from others, and whoever speaks takes its. A challenger's level is remembered as a holder's is, so that one voice
//! is compared with another and not with what is between its syllables.
//!
//! Where fewer may be heard than are, nobody enters, and those leave who pause, the quietest first; who has not paused
//! after two seconds is cut.
//!
//! Whoever enters does so in the tick they become a nominee, so that the first syllable is whole. The choice depends on
//! levels and ids alone, never on the order of the nominees. Nothing allocates.

use crate::{
    Level,
    limit::{DEFAULT_SPEAKERS, MAX_SPEAKERS},
};

/// One who may be heard in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nominee {
    /// The caller's name for them.
    pub id: u64,
    /// How loud they are in this tick.
    pub level: Level,
    /// That it has been as loud as in this tick for a second or more ([`LineSound::Steady`](crate::LineSound)).
    pub steady: bool,
}

/// Chooses the loudest of the nominees, tick by tick.
#[derive(Debug, Clone)]
pub struct Selector {
    places: usize,
    holders: Few<Holder>,
    challengers: Few<Challenger>,
    /// Ticks in a row with more holders than places.
    crowded: u16,
}

/// One who has a place.
#[derive(Debug, Clone, Copy)]
struct Holder {
    id: u64,
    /// The remembered level, in halves of a dBov.
    level: i16,
    /// Ticks since it was a nominee.
    silent: u16,
    /// Ticks since it was one that is not steady.
    idle: u16,
}

/// One who wants a place that is taken.
#[derive(Debug, Clone, Copy)]
struct Challenger {
    id: u64,
    /// The remembered level, in halves of a dBov.
    level: i16,
    /// Whether it is a nominee in this tick.
    present: bool,
    /// Ticks since it was one that is not steady.
    idle: u16,
    /// Ticks in a row that it was clearly louder than a holder.
    waited: u16,
}

impl Selector {
    /// Makes a selector with [`DEFAULT_SPEAKERS`] free places.
    pub const fn new() -> Self {
        Self {
            places: DEFAULT_SPEAKERS as usize,
            holders: Few::new(Holder::NONE),
            challengers: Few::new(Challenger::NONE),
            crowded: 0,
        }
    }

    /// Sets how many are heard at a time, from 1 to [`MAX_SPEAKERS`]. Of those who have
    /// places already, more than that keep them until they pause.
    pub fn set_places(&mut self, places: u8) {
        self.places = usize::from(places.clamp(1, MAX_SPEAKERS));
    }

    /// Returns how many are heard at a time.
    pub const fn places(&self) -> usize {
        self.places
    }

    /// Judges one tick's nominees, of which no id comes twice.
    pub fn choose(&mut self, nominees: impl IntoIterator<Item = Nominee>) {
        for holder in self.holders.as_mut() {
            holder.level -= FADE;
            holder.silent += 1;
            holder.idle += 1;
        }
        let mut before = std::mem::replace(&mut self.challengers, Few::new(Challenger::NONE));
        for nominee in nominees {
            self.nominate(nominee, &mut before);
        }
        for missing in before.as_ref() {
            self.challenge(missing.after_a_tick());
        }
        self.holders.retain(|holder| holder.silent <= HANGOVER);
        self.thin_out();
        for at in 0..self.challengers.len {
            self.seat(at);
        }
    }

    /// Returns the chosen ids, those that entered last at the end.
    pub fn chosen(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.holders.as_ref().iter().map(|holder| holder.id)
    }

    /// Tells whether an id is chosen.
    pub fn is_chosen(&self, id: u64) -> bool {
        self.holders.as_ref().iter().any(|holder| holder.id == id)
    }

    /// Forgets one who has left or may no more be heard.
    pub fn remove(&mut self, id: u64) {
        self.holders.retain(|holder| holder.id != id);
        self.challengers.retain(|challenger| challenger.id != id);
    }

    /// Takes places from those who pause while there are more of them than may be heard, and from the quietest when that
    /// takes too long.
    fn thin_out(&mut self) {
        if self.holders.len <= self.places {
            self.crowded = 0;
            return;
        }
        self.crowded += 1;
        while self.holders.len > self.places
            && let Some(quietest) = self.quietest()
            && (self.crowded > LONGEST_CROWD || self.holders.items[quietest].idle >= IDLE)
        {
            self.holders.remove(quietest);
        }
    }

    fn nominate(&mut self, nominee: Nominee, before: &mut Few<Challenger>) {
        let level = i16::from(nominee.level.as_dbov()) * 2;
        let mut holders = self.holders.as_mut().iter_mut();
        if let Some(holder) = holders.find(|holder| holder.id == nominee.id) {
            holder.level = holder.level.max(level);
            holder.silent = 0;
            if !nominee.steady {
                holder.idle = 0;
            }
            return;
        }
        let known = before.as_ref().iter().position(|old| old.id == nominee.id);
        let old = known.map(|at| {
            let old = before.items[at].after_a_tick();
            before.remove(at);
            old
        });
        let (remembered, idle) = old.map_or((level, IDLE), |old| (old.level, old.idle));
        self.challenge(Challenger {
            id: nominee.id,
            level: level.max(remembered),
            present: true,
            idle: if nominee.steady { idle } else { 0 },
            waited: old.map_or(0, |old| old.waited),
        });
    }

    /// Puts a challenger in its order. Only the first can win places, and there are no more of those than are kept.
    fn challenge(&mut self, challenger: Challenger) {
        if challenger.present || challenger.idle < IDLE {
            self.challengers.insert_by(challenger, Challenger::precedes);
        }
    }

    /// Gives a challenger a free place, or that of a holder it may displace.
    fn seat(&mut self, at: usize) {
        let challenger = self.challengers.items[at];
        if self.holders.len < self.places {
            if challenger.present {
                self.enter(challenger);
            }
            return;
        }
        let Some(quietest) = self.quietest() else {
            return;
        };
        let holder = self.holders.items[quietest];
        let louder = challenger.level - holder.level;
        let waited = if louder >= LOUDER {
            challenger.waited + 1
        } else {
            0
        };
        self.challengers.items[at].waited = waited;
        let speaks = challenger.present && challenger.idle == 0;
        let idle = holder.idle >= IDLE || (holder.level <= NOISE && louder >= FAR_LOUDER);
        let crowded = self.holders.len > self.places;
        if speaks && !crowded && (idle || waited >= PATIENCE) {
            self.holders.remove(quietest);
            self.enter(challenger);
        }
    }

    fn enter(&mut self, challenger: Challenger) {
        self.holders.push(Holder {
            id: challenger.id,
            level: challenger.level,
            silent: 0,
            idle: challenger.idle,
        });
    }

    /// The holder that would lose its place: one that is silent or steady before one that is not, then the quietest.
    fn quietest(&self) -> Option<usize> {
        let holders = self.holders.as_ref();
        (0..holders.len()).min_by_key(|at| {
            let holder = holders[*at];
            (holder.idle < IDLE, holder.level, holder.id)
        })
    }
}

impl Default for Selector {
    fn default() -> Self {
        Self::new()
    }
}

impl Holder {
    const NONE: Self = Self {
        id: 0,
        level: 0,
        silent: 0,
        idle: 0,
    };
}

impl Challenger {
    const NONE: Self = Self {
        id: 0,
        level: 0,
        present: false,
        idle: 0,
        waited: 0,
    };

    /// What is remembered of it in the next tick, until it is heard again.
    const fn after_a_tick(&self) -> Self {
        Self {
            level: self.level - FADE,
            present: false,
            idle: self.idle.saturating_add(1),
            ..*self
        }
    }

    /// Who speaks comes first, then the louder.
    fn precedes(&self, other: &Self) -> bool {
        let key = |it: &Self| (it.idle < IDLE, it.level, std::cmp::Reverse(it.id));
        key(self) > key(other)
    }
}

/// A list of at most [`MAX_SPEAKERS`] items.
#[derive(Debug, Clone, Copy)]
struct Few<T> {
    items: [T; MAX_SPEAKERS as usize],
    len: usize,
}

impl<T: Copy> Few<T> {
    const fn new(blank: T) -> Self {
        Self {
            items: [blank; MAX_SPEAKERS as usize],
            len: 0,
        }
    }

    fn as_ref(&self) -> &[T] {
        &self.items[..self.len]
    }

    fn as_mut(&mut self) -> &mut [T] {
        &mut self.items[..self.len]
    }

    /// Adds an item where there is room.
    fn push(&mut self, item: T) {
        if let Some(place) = self.items.get_mut(self.len) {
            *place = item;
            self.len += 1;
        }
    }

    /// Adds an item before the first it precedes; the last makes room.
    fn insert_by(&mut self, item: T, precedes: impl Fn(&T, &T) -> bool) {
        let mut items = self.as_ref().iter();
        let at = items.position(|other| precedes(&item, other));
        let at = at.unwrap_or(self.len);
        if at == self.items.len() {
            return;
        }
        self.len = (self.len + 1).min(self.items.len());
        self.items[at..self.len].rotate_right(1);
        self.items[at] = item;
    }

    fn remove(&mut self, at: usize) {
        self.items[at..self.len].rotate_left(1);
        self.len -= 1;
    }

    fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let mut at = 0;
        while at < self.len {
            if keep(&self.items[at]) {
                at += 1;
            } else {
                self.remove(at);
            }
        }
    }
}

/// How fast a holder's remembered level fades, in halves of a dB per tick: 25 dB/s bridge the pauses between syllables.
const FADE: i16 = 1;

/// Ticks that a place is kept after its holder fell silent: 500 ms, longer than the pauses between words.
const HANGOVER: u16 = 25;

/// Ticks of silence, or of nothing but steady sound, after which a holder's place goes to whoever wants it: 200 ms, longer than any pause within a word.
const IDLE: u16 = 10;

/// Ticks for which more may be heard than there are places: two seconds. A turn of speech seldom goes on for longer without
/// a pause of [`IDLE`], and the load that took the places has to be answered some time.
const LONGEST_CROWD: u16 = 100;

/// By how much a challenger must be louder than a holder that speaks, in halves of a dB.
const LOUDER: i16 = 6 * 2;

/// Ticks in a row that it must be so: 200 ms.
const PATIENCE: u16 = 10;

/// Remembered level up to which a holder is the noise of a line, in halves of a dBov.
const NOISE: i16 = -42 * 2;

/// By how much a challenger must rise above such noise to displace it at once, in halves of a dB.
const FAR_LOUDER: i16 = 9 * 2;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_free_place_is_taken_in_the_very_tick() {
        let mut selector = Selector::new();
        tick(&mut selector, &[(1, -45)]);
        assert_eq!(chosen(&selector), [1]);
        tick(&mut selector, &[(1, -20), (2, -60)]);
        assert_eq!(chosen(&selector), [1, 2]);
    }

    #[test]
    fn the_loudest_win_when_all_begin_at_once() {
        let mut selector = Selector::new();
        selector.set_places(3);
        let levels = [(1, -30), (2, -20), (3, -50), (4, -25), (5, -40)];
        tick(&mut selector, &levels);
        assert_eq!(sorted(&selector), [1, 2, 4]);
    }

    #[test]
    fn a_pause_within_a_word_costs_no_place_and_a_long_one_does() {
        let mut selector = full();
        for _ in 1..IDLE {
            tick(&mut selector, &[(2, -25), (9, -27)]);
            assert_eq!(sorted(&selector), [1, 2]);
        }
        tick(&mut selector, &[(2, -25), (9, -27)]);
        assert_eq!(sorted(&selector), [2, 9]);
    }

    #[test]
    fn a_place_is_kept_for_the_hangover_while_nobody_wants_it() {
        let mut selector = full();
        for _ in 0..HANGOVER {
            tick(&mut selector, &[(2, -25)]);
            assert_eq!(sorted(&selector), [1, 2]);
        }
        tick(&mut selector, &[(2, -25)]);
        assert_eq!(sorted(&selector), [2]);
    }

    #[test]
    fn speakers_are_displaced_only_by_the_clearly_louder_and_not_at_once() {
        let mut selector = full();
        for _ in 0..100 {
            tick(&mut selector, &[(1, -25), (2, -25), (9, -20)]);
            assert_eq!(sorted(&selector), [1, 2]);
        }
        for _ in 1..PATIENCE {
            tick(&mut selector, &[(1, -25), (2, -25), (9, -10)]);
            assert_eq!(sorted(&selector), [1, 2]);
        }
        tick(&mut selector, &[(1, -25), (2, -25), (9, -10)]);
        assert_eq!(sorted(&selector), [2, 9]);
        for _ in 0..100 {
            tick(&mut selector, &[(1, -25), (2, -25), (9, -10)]);
            assert_eq!(sorted(&selector), [2, 9], "places go to and fro");
        }
    }

    #[test]
    fn speech_displaces_the_noise_of_open_lines_at_once() {
        let mut selector = Selector::new();
        let noise: Vec<(u64, i8)> = (10..500).map(|id| (id, -60)).collect();
        (0..50).for_each(|_| tick(&mut selector, &noise));
        assert_eq!(chosen(&selector).len(), usize::from(DEFAULT_SPEAKERS));
        let mut all = noise;
        all.push((1, -50));
        tick(&mut selector, &all);
        assert!(selector.is_chosen(1));
    }

    #[test]
    fn steady_sound_gives_its_place_to_whoever_speaks_and_takes_none() {
        for places in [1, 2, 8] {
            let mut selector = Selector::new();
            selector.set_places(places);
            let noise: Vec<_> = (10..20).map(|id| steady(id, -30)).collect();
            (0..100).for_each(|_| selector.choose(noise.iter().copied()));
            assert_eq!(chosen(&selector).len(), usize::from(places));
            // A faint voice, with the pauses of a voice.
            for tick in 0..200 {
                let voice = (tick % 15 < 12).then(|| nominee((&1, &-45)));
                selector.choose(noise.iter().copied().chain(voice));
                assert!(selector.is_chosen(1), "{places} places, tick {tick}");
            }
        }
    }

    #[test]
    fn a_voice_that_is_clearly_louder_is_not_kept_out_by_its_own_syllables() {
        let mut selector = full();
        let mut ticks = 0;
        while !selector.is_chosen(9) && ticks < 50 {
            // Every fourth tick is a dip between two syllables.
            let own = if ticks % 4 == 3 { -40 } else { -12 };
            tick(&mut selector, &[(1, -25), (2, -25), (9, own)]);
            ticks += 1;
        }
        assert_eq!(ticks, i32::from(PATIENCE));
    }

    fn steady(id: u64, level: i8) -> Nominee {
        Nominee {
            steady: true,
            ..nominee((&id, &level))
        }
    }

    #[test]
    fn one_who_claims_to_be_loudest_takes_one_place_and_no_more() {
        let mut selector = full();
        for _ in 0..500 {
            tick(&mut selector, &[(1, -25), (2, -24), (9, 0)]);
        }
        assert_eq!(sorted(&selector), [2, 9]);
    }

    #[test]
    fn there_are_from_one_to_eight_places() {
        let mut selector = Selector::new();
        selector.set_places(0);
        assert_eq!(selector.places(), 1);
        selector.set_places(255);
        assert_eq!(selector.places(), usize::from(MAX_SPEAKERS));
    }

    #[test]
    fn of_fewer_places_those_who_speak_leave_in_their_pauses() {
        let mut selector = trio_for(1);
        for _ in 0..20 {
            tick(&mut selector, &TRIO);
            assert_eq!(sorted(&selector), [1, 2, 3]);
        }
        // The loudest pauses, and leaves although quieter ones speak on.
        for _ in 1..IDLE {
            tick(&mut selector, &[(1, -30), (3, -50)]);
            assert_eq!(sorted(&selector), [1, 2, 3]);
        }
        tick(&mut selector, &[(1, -30), (3, -50)]);
        assert_eq!(sorted(&selector), [1, 3]);
    }

    #[test]
    fn of_those_who_pause_together_the_quietest_leave() {
        let mut selector = trio_for(1);
        for _ in 1..IDLE {
            tick(&mut selector, &[]);
            assert_eq!(sorted(&selector), [1, 2, 3]);
        }
        tick(&mut selector, &[]);
        assert_eq!(sorted(&selector), [2]);
    }

    #[test]
    fn without_a_pause_the_quietest_are_cut_after_two_seconds() {
        let mut selector = trio_for(1);
        for _ in 0..LONGEST_CROWD {
            tick(&mut selector, &TRIO);
            assert_eq!(sorted(&selector), [1, 2, 3]);
        }
        tick(&mut selector, &TRIO);
        assert_eq!(sorted(&selector), [2]);
        // The next time takes as long.
        selector.set_places(3);
        tick(&mut selector, &TRIO);
        selector.set_places(2);
        for _ in 0..LONGEST_CROWD {
            tick(&mut selector, &TRIO);
            assert_eq!(sorted(&selector), [1, 2, 3]);
        }
        tick(&mut selector, &TRIO);
        assert_eq!(sorted(&selector), [1, 2]);
    }

    #[test]
    fn nobody_enters_where_more_are_heard_than_may_be() {
        let mut selector = trio_for(2);
        for _ in 0..LONGEST_CROWD {
            tick(&mut selector, &[(1, -30), (2, -20), (3, -50), (9, 0)]);
            assert_eq!(sorted(&selector), [1, 2, 3]);
        }
        tick(&mut selector, &[(1, -30), (2, -20), (3, -50), (9, 0)]);
        assert_eq!(sorted(&selector), [2, 9], "then the loudest may at once");
    }

    #[test]
    fn one_who_left_has_no_place() {
        let mut selector = full();
        selector.remove(1);
        assert_eq!(sorted(&selector), [2]);
    }

    /// Levels per tick for a dozen ids, mostly silent.
    fn ticks() -> impl Strategy<Value = Vec<BTreeMap<u64, i8>>> {
        let tick = prop::collection::btree_map(0..12_u64, -70..=0_i8, 0..12);
        prop::collection::vec(tick, 1..80)
    }

    proptest! {
        #[test]
        fn places_are_never_exceeded_and_never_idle(ticks in ticks(), places in 1..=8_u8) {
            let mut selector = Selector::new();
            selector.set_places(places);
            let mut last: BTreeMap<u64, usize> = BTreeMap::new();
            for (at, nominees) in ticks.into_iter().enumerate() {
                last.extend(nominees.keys().map(|id| (*id, at)));
                selector.choose(nominees.iter().map(nominee));
                let ids = chosen(&selector);
                let unique: BTreeSet<u64> = ids.iter().copied().collect();
                prop_assert_eq!(unique.len(), ids.len());
                prop_assert!(ids.len() <= usize::from(places));
                let wanted = nominees.len().min(usize::from(places));
                prop_assert!(ids.len() >= wanted, "a place is free and wanted");
                for id in ids {
                    prop_assert!(at - last[&id] <= usize::from(HANGOVER), "a ghost is chosen");
                }
            }
        }

        #[test]
        fn the_order_of_nominees_does_not_matter(ticks in ticks()) {
            let (mut one, mut other) = (Selector::new(), Selector::new());
            one.set_places(3);
            other.set_places(3);
            for nominees in ticks {
                one.choose(nominees.iter().map(nominee));
                other.choose(nominees.iter().rev().map(nominee));
                prop_assert_eq!(chosen(&one), chosen(&other));
            }
        }

        #[test]
        fn nobody_who_speaks_is_cut_by_others_as_loud(
            own in prop::collection::vec((-28..=-20_i8, 1..10_usize), 1..20),
            others in prop::collection::btree_map(10..30_u64, -70..=-28_i8, 0..20),
        ) {
            let mut selector = full();
            for (level, pause) in own {
                let mut all = others.clone();
                all.extend([(1, level), (2, level)]);
                tick(&mut selector, &all.into_iter().collect::<Vec<_>>());
                prop_assert_eq!(sorted(&selector), [1, 2]);
                for _ in 1..pause {
                    selector.choose(others.iter().map(nominee));
                    prop_assert_eq!(sorted(&selector), [1, 2]);
                }
            }
        }
    }

    const TRIO: [(u64, i8); 3] = [(1, -30), (2, -20), (3, -50)];

    /// Three who have begun to speak, of whom so many may go on.
    fn trio_for(places: u8) -> Selector {
        let mut selector = Selector::new();
        tick(&mut selector, &TRIO);
        selector.set_places(places);
        selector
    }

    fn full() -> Selector {
        let mut selector = Selector::new();
        selector.set_places(2);
        tick(&mut selector, &[(1, -25), (2, -24)]);
        selector
    }

    fn tick(selector: &mut Selector, levels: &[(u64, i8)]) {
        selector.choose(levels.iter().map(|(id, level)| nominee((id, level))));
    }

    fn nominee((id, level): (&u64, &i8)) -> Nominee {
        Nominee {
            id: *id,
            level: Level::from_rfc6464(level.unsigned_abs()),
            steady: false,
        }
    }

    fn chosen(selector: &Selector) -> Vec<u64> {
        selector.chosen().collect()
    }

    fn sorted(selector: &Selector) -> Vec<u64> {
        let mut ids = chosen(selector);
        ids.sort_unstable();
        ids
    }
}
