//! Guessing (BSI KONF.11.4): how many wrong PINs a room, a caller, a trunk and the whole server take, over all calls.
//!
//! ```text
//!                          wrong ones at once, and per hour     past it
//!   room number            30                                   the PINs that many have lead to the waiting room; alarm
//!   room number, further   90                                   those that guests have are answered as wrong ones are
//!   room number, at last   900                                  those that moderators have, too; PINs of one's own
//!                                                               lead to the waiting room
//!   caller                 9                                    the verdict takes 2 s, 4 s, at most 8 s
//!   trunk                  600                                  the verdict takes 8 s, for calls over that trunk
//!   server                 3,000                                the verdict takes 8 s, for all calls
//!   pairing codes, server  90                                   those typed before a room is known are answered as wrong ones
//! ```
//!
//! Guessing at many rooms makes no room doubt its guests: they would be shut out by what is done to others, and their moderators
//! could do nothing about it. It is slowed down for each call, not for all: over 400 lines full of guessers 126,000 an hour were
//! tried when it was measured. Each room judges its first thirty of an hour at their full worth, so that with 200 rooms it is one in
//! 17,000 that a PIN of 10^8 is found in such an hour.
//!
//! Past ninety the PIN that moderators have is judged on, so that nobody can shut a room's moderators out by thirty calls: it
//! leads to the waiting room, or into a room with nobody inside, and a moderator who trusts newcomers again lets guests in as
//! before. What does a guesser learn by it? A wrong PIN, a right one of guests and any PIN of a room that does not exist have the
//! same answer after the same work and delay, so they learn no more of guests' PINs, nor that there is a room. That the PIN
//! of moderators is right they learn by getting it right, as before ninety: of 900 tries at once and 900 an hour, each
//! one in 10^8, so in a day of it one room in 4,400, with an alarm that its moderators hear all the while; until then no answer says
//! anything but that this one PIN is none. Past nine hundred it is answered as a wrong one, too.
//!
//! A number without a room is counted like any other, so that nothing can be told apart. Who was let in before with a
//! number of theirs, and who has a PIN of their own, is not kept waiting by the guessing of others, unless there is so much of
//! it that such a PIN may have been guessed; no right PIN of somebody's own is ever answered as a wrong one. Callers without a
//! number share nothing. Each try is counted before it is judged, so that many at once are not judged too often, and a
//! right one is taken back. What is counted is in memory, by marks whose key lasts a day; a restart forgets it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rand::rngs::StdRng;

use super::caller::{Caller, Marks};
use crate::{
    conference::{
        focus::Trust,
        participant::{Mark, Role},
    },
    id::RoomId,
    limit::{
        GUARD_ENTRIES_MAX, WRONG_PAIRINGS, WRONG_PIN_DELAY, WRONG_PIN_DELAY_MAX,
        WRONG_PINS_OF_CALLER, WRONG_PINS_OF_ROOM, WRONG_PINS_OF_ROOM_JUDGED,
        WRONG_PINS_OF_ROOM_TRUSTED, WRONG_PINS_OF_SERVER, WRONG_PINS_OF_TRUNK,
    },
};

/// What a try is worth, before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    /// A PIN that guests share is answered as a wrong one, whatever it is.
    pub(super) unjudged: bool,
    /// One that moderators share, too.
    unjudged_for_all: bool,
    /// What such a PIN is worth if it is right.
    pub(super) trust: Trust,
    /// What a person's own PIN is worth if it is right.
    pub(super) own: Trust,
    /// The verdict waits for so long.
    pub(super) delay: Duration,
}

impl Stand {
    /// Tells whether a right PIN that many have with this role is to be answered as a wrong one.
    pub(super) fn refuses(self, role: Role) -> bool {
        match role {
            Role::Guest => self.unjudged,
            Role::Moderator => self.unjudged_for_all,
        }
    }
}

/// All counts.
pub(super) struct Guard {
    marks: Marks,
    day: u64,
    rng: StdRng,
    rooms: Table<String>,
    further: Table<String>,
    trusted: Table<String>,
    callers: Table<Mark>,
    trunks: Table<usize>,
    all: Table<()>,
    pairings: Table<()>,
    /// Who was let in, and where.
    admitted: BTreeSet<(Mark, String)>,
    /// The numbers of rooms whose PINs are guessed.
    guessed: BTreeMap<RoomId, String>,
}

impl Guard {
    /// Begins with nothing counted; keys of marks come from `rng`.
    pub(super) fn new(mut rng: StdRng) -> Self {
        Self {
            marks: Marks::random(&mut rng),
            day: 0,
            rng,
            rooms: Table::new(WRONG_PINS_OF_ROOM),
            further: Table::new(WRONG_PINS_OF_ROOM_JUDGED),
            trusted: Table::new(WRONG_PINS_OF_ROOM_TRUSTED),
            callers: Table::new(WRONG_PINS_OF_CALLER),
            trunks: Table::new(WRONG_PINS_OF_TRUNK),
            all: Table::new(WRONG_PINS_OF_SERVER),
            pairings: Table::new(WRONG_PAIRINGS),
            admitted: BTreeSet::new(),
            guessed: BTreeMap::new(),
        }
    }

    /// Counts a try as a wrong one and says what it is worth. `wall` is the time since 1970-01-01 00:00 UTC.
    pub(super) fn count(
        &mut self,
        number: &str,
        caller: &Caller,
        wall: Duration,
        now: Instant,
    ) -> Stand {
        self.turn_of_day(wall);
        let mark = self.mark(caller);
        let number = number.to_owned();
        let over = mark.map_or(0, |mark| self.callers.beyond(&mark, now));
        // A number is no proof where no carrier vouches for it: who guesses with it is trusted no more.
        let trusted =
            over == 0 && mark.is_some_and(|mark| self.admitted.contains(&(mark, number.clone())));
        let unjudged = self.further.is_full(&number, now);
        let strained = unjudged || self.rooms.is_full(&number, now);
        let slowed = self.trunks.is_full(&caller.trunk, now) || self.all.is_full(&(), now);
        let guessed = self.trusted.is_full(&number, now);
        self.rooms.count(number.clone(), now);
        self.trusted.count(number.clone(), now);
        if !unjudged {
            self.further.count(number, now);
        }
        if let Some(mark) = mark {
            self.callers.count(mark, now);
        }
        self.trunks.count(caller.trunk, now);
        self.all.count((), now);
        Stand {
            unjudged: unjudged && !trusted,
            unjudged_for_all: guessed && !trusted,
            trust: match (trusted, strained) {
                (true, _) => Trust::Full,
                (false, true) => Trust::Doubtful,
                (false, false) => Trust::Shared,
            },
            own: if guessed && !trusted {
                Trust::Doubtful
            } else {
                Trust::Full
            },
            delay: match slowed && !trusted {
                true => WRONG_PIN_DELAY_MAX,
                false => delay(over),
            },
        }
    }

    /// Counts a pairing code that is typed before a room is known as a wrong one and says what it is worth.
    pub(super) fn count_pairing(&mut self, caller: &Caller, wall: Duration, now: Instant) -> Stand {
        self.turn_of_day(wall);
        let mark = self.mark(caller);
        let over = mark.map_or(0, |mark| self.callers.beyond(&mark, now));
        let slowed = self.trunks.is_full(&caller.trunk, now) || self.all.is_full(&(), now);
        let unjudged = self.pairings.is_full(&(), now);
        if let Some(mark) = mark {
            self.callers.count(mark, now);
        }
        self.trunks.count(caller.trunk, now);
        self.all.count((), now);
        self.pairings.count((), now);
        Stand {
            unjudged,
            unjudged_for_all: unjudged,
            trust: Trust::Doubtful,
            own: Trust::Doubtful,
            delay: if slowed {
                WRONG_PIN_DELAY_MAX
            } else {
                delay(over)
            },
        }
    }

    /// Takes back what was counted for such a code that was right.
    pub(super) fn right_pairing(&mut self, caller: &Caller, now: Instant) {
        if let Some(mark) = self.mark(caller) {
            self.callers.take_back(&mark, now);
        }
        self.trunks.take_back(&caller.trunk, now);
        self.all.take_back(&(), now);
        self.pairings.take_back(&(), now);
    }

    /// Takes back what was counted for a try that was right. Who may have guessed it is not known as somebody who was let in: they
    /// would come past the waiting room by calling again.
    pub(super) fn right(&mut self, number: &str, caller: &Caller, trust: Trust, now: Instant) {
        let number = number.to_owned();
        self.rooms.take_back(&number, now);
        self.further.take_back(&number, now);
        self.trusted.take_back(&number, now);
        self.trunks.take_back(&caller.trunk, now);
        self.all.take_back(&(), now);
        if let Some(mark) = self.mark(caller) {
            self.callers.take_back(&mark, now);
            if trust != Trust::Doubtful && self.admitted.len() < GUARD_ENTRIES_MAX {
                self.admitted.insert((mark, number));
            }
        }
    }

    /// Tells of a wrong try; returns whether the room's PINs are being guessed, and whether that is new.
    pub(super) fn wrong(&mut self, number: &str, room: RoomId, now: Instant) -> (bool, bool) {
        let guessed = self.rooms.is_full(&number.to_owned(), now);
        let fresh = guessed && self.guessed.insert(room, number.to_owned()).is_none();
        (guessed, fresh)
    }

    /// Forgets what was counted against a room's guests, because its moderator trusts newcomers again. How many PINs of
    /// moderators are judged, and what somebody's own is worth, is limited as before, for a moderator may be one who has guessed.
    pub(super) fn lift(&mut self, room: RoomId) {
        if let Some(number) = self.guessed.remove(&room) {
            self.rooms.forget(&number);
            self.further.forget(&number);
        }
    }

    fn mark(&self, caller: &Caller) -> Option<Mark> {
        caller.number.as_ref().map(|number| self.marks.of(number))
    }

    /// Draws another key each day (UTC) and forgets what the last one was for.
    fn turn_of_day(&mut self, wall: Duration) {
        let day = wall.as_secs() / DAY;
        if self.day != day {
            self.day = day;
            self.marks = Marks::random(&mut self.rng);
            self.callers.clear();
            self.admitted.clear();
        }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// Counts by key that run dry by themselves, in an hour when full. Of each key stands when it will be dry.
#[derive(Debug)]
struct Table<K> {
    most: u32,
    dry_at: BTreeMap<K, Instant>,
}

impl<K: Ord + Clone> Table<K> {
    const fn new(most: u32) -> Self {
        Self {
            most,
            dry_at: BTreeMap::new(),
        }
    }

    /// Time in which one is forgotten.
    fn period(&self) -> Duration {
        HOUR / self.most
    }

    fn level(&self, key: &K, now: Instant) -> u32 {
        let dry_at = self.dry_at.get(key).copied().unwrap_or(now);
        let left = dry_at.saturating_duration_since(now).as_micros();
        let level = left.div_ceil(self.period().as_micros());
        u32::try_from(level).unwrap_or(u32::MAX)
    }

    fn is_full(&self, key: &K, now: Instant) -> bool {
        self.level(key, now) >= self.most
    }

    /// How many there are beyond the most.
    fn beyond(&self, key: &K, now: Instant) -> u32 {
        (self.level(key, now) + 1).saturating_sub(self.most)
    }

    fn count(&mut self, key: K, now: Instant) {
        let period = self.period();
        if !self.dry_at.contains_key(&key) && self.dry_at.len() >= GUARD_ENTRIES_MAX {
            self.make_room(now);
        }
        let dry_at = self.dry_at.entry(key).or_insert(now);
        // Beyond twice the most nothing is added, so that a flood is forgotten in two hours.
        let highest = now + HOUR + HOUR;
        *dry_at = ((*dry_at).max(now) + period).min(highest);
    }

    fn take_back(&mut self, key: &K, now: Instant) {
        let period = self.period();
        if let Some(dry_at) = self.dry_at.get_mut(key) {
            *dry_at = dry_at.checked_sub(period).map_or(now, |at| at.max(now));
        }
    }

    fn forget(&mut self, key: &K) {
        self.dry_at.remove(key);
    }

    fn clear(&mut self) {
        self.dry_at.clear();
    }

    /// Drops what is dry, or else what will be dry first.
    fn make_room(&mut self, now: Instant) {
        self.dry_at.retain(|_, dry_at| now < *dry_at);
        if self.dry_at.len() < GUARD_ENTRIES_MAX {
            return;
        }
        let first = self.dry_at.iter().min_by_key(|(_, dry_at)| **dry_at);
        if let Some(key) = first.map(|(key, _)| key.clone()) {
            self.dry_at.remove(&key);
        }
    }
}

/// How long a verdict waits for a caller who is so many tries beyond their limit.
fn delay(beyond: u32) -> Duration {
    match beyond.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => WRONG_PIN_DELAY
            .saturating_mul(1 << doublings.min(8))
            .min(WRONG_PIN_DELAY_MAX),
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

/// Seconds of a day.
const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::pii::Pii;

    const WALL: Duration = Duration::from_secs(1_800_000_000);

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    fn guard() -> Guard {
        Guard::new(StdRng::seed_from_u64(1))
    }

    fn caller(number: u32, trunk: usize) -> Caller {
        Caller {
            number: (number > 0).then(|| Pii::new(format!("+49301{number}"))),
            trunk,
            ..Caller::default()
        }
    }

    impl Stand {
        fn is_doubtful(self) -> bool {
            self.trust == Trust::Doubtful
        }
    }

    #[test]
    fn past_thirty_a_room_doubts_and_past_ninety_it_does_not_judge() {
        let (mut guard, now) = (guard(), t0());
        let mut stands = (1..=180).map(|n| guard.count("4711", &caller(n, 0), WALL, now));
        let doubtful = stands
            .by_ref()
            .take(30)
            .filter(|stand| stand.is_doubtful())
            .count();
        assert_eq!(doubtful, 0);
        let rest: Vec<Stand> = stands.collect();
        assert!(rest.iter().all(|stand| stand.is_doubtful()));
        let judged = rest.iter().filter(|stand| !stand.unjudged).count();
        assert_eq!(judged, 60);
        // Another room, and one that does not exist, are as they were.
        assert!(!guard.count("4712", &caller(1, 0), WALL, now).is_doubtful());
        // An hour later a third of a hundred is forgotten, which is as many as are judged at once.
        let later = now + HOUR;
        assert!(!guard.count("4711", &caller(1, 0), WALL, later).unjudged);
    }

    /// A PIN of one's own is not locked out, but where it may have been guessed it leads in unseen no more.
    #[test]
    fn past_nine_hundred_a_pin_of_ones_own_is_doubted_of_who_was_not_here_before() {
        let (mut guard, now) = (guard(), t0());
        let member = caller(1, 0);
        guard.count("4711", &member, WALL, now);
        guard.right("4711", &member, Trust::Shared, now);
        let own =
            |guard: &mut Guard, who: &Caller, room: &str| guard.count(room, who, WALL, now).own;
        let doubted: Vec<bool> = (0..1_000)
            .map(|_| own(&mut guard, &caller(0, 0), "4711") == Trust::Doubtful)
            .collect();
        assert_eq!(doubted.iter().position(|doubted| *doubted), Some(900));
        assert!(doubted[900..].iter().all(|doubted| *doubted));
        assert_eq!(own(&mut guard, &member, "4711"), Trust::Full);
        assert_eq!(own(&mut guard, &caller(2, 0), "4712"), Trust::Full);
        let later = now + HOUR;
        let stand = guard.count("4711", &caller(2, 0), WALL, later);
        assert_eq!(stand.own, Trust::Full);
    }

    #[test]
    fn who_was_let_in_before_is_not_kept_waiting_by_others() {
        let (mut guard, now) = (guard(), t0());
        let member = caller(1, 0);
        guard.count("4711", &member, WALL, now);
        guard.right("4711", &member, Trust::Shared, now);
        for n in 2..=200 {
            guard.count("4711", &caller(n, 0), WALL, now);
        }
        let stand = guard.count("4711", &member, WALL, now);
        assert_eq!((stand.trust, stand.unjudged), (Trust::Full, false));
        for n in 2..=200 {
            guard.count("4712", &caller(n, 0), WALL, now);
        }
        // In another room they are somebody like any other.
        assert!(guard.count("4712", &member, WALL, now).is_doubtful());
        // A mark lasts a day.
        let tomorrow = WALL + Duration::from_secs(DAY);
        assert!(guard.count("4711", &member, tomorrow, now).is_doubtful());
    }

    #[test]
    fn who_may_have_guessed_is_not_trusted_at_the_next_call() {
        let (mut guard, now) = (guard(), t0());
        let thief = caller(7, 0);
        let mut calls = |trust| {
            for _ in 0..40 {
                guard.count("4711", &caller(0, 0), WALL, now);
            }
            guard.count("4711", &thief, WALL, now);
            guard.right("4711", &thief, trust, now);
            guard.count("4711", &thief, WALL, now).trust
        };
        assert_eq!(calls(Trust::Doubtful), Trust::Doubtful);
        assert_eq!(calls(Trust::Full), Trust::Full);
    }

    /// The number of a member is easily had, and where no carrier vouches for it, easily used.
    #[test]
    fn who_guesses_with_the_number_of_a_member_is_trusted_no_more() {
        let (mut guard, now) = (guard(), t0());
        let member = caller(1, 0);
        guard.count("4711", &member, WALL, now);
        guard.right("4711", &member, Trust::Shared, now);
        let stands: Vec<Stand> = (0..200)
            .map(|_| guard.count("4711", &member, WALL, now))
            .collect();
        let trusted = stands.iter().filter(|stand| stand.trust == Trust::Full);
        assert_eq!(
            trusted.count(),
            usize::try_from(WRONG_PINS_OF_CALLER).unwrap()
        );
        assert!(stands.iter().skip(100).all(|stand| stand.unjudged));
    }

    #[test]
    fn a_caller_who_guesses_waits_longer_and_longer_and_the_nameless_share_nothing() {
        let (mut guard, now) = (guard(), t0());
        let mut waits = |number: u32, room: u32| {
            let stand = guard.count(&room.to_string(), &caller(number, 0), WALL, now);
            stand.delay.as_secs()
        };
        let delays: Vec<u64> = (0..14).map(|room| waits(1, room)).collect();
        assert_eq!(delays, [0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 8, 8, 8]);
        assert_eq!(waits(2, 99), 0);
        assert!((0..100).all(|room| waits(0, room) == 0));
    }

    /// What is done to other rooms slows the verdict down, and keeps nobody out of this one.
    #[test]
    fn a_trunk_and_the_server_that_are_full_of_guessing_are_slow_and_doubt_nobody() {
        let (mut guard, now) = (guard(), t0());
        let member = caller(1, 1);
        guard.count("9", &member, WALL, now);
        guard.right("9", &member, Trust::Shared, now);
        let mut try_at = |number: u32, who: &Caller| {
            let stand = guard.count(&number.to_string(), who, WALL, now);
            assert!(!stand.is_doubtful() && !stand.unjudged, "{number}");
            stand.delay
        };
        for n in 0..600 {
            assert_eq!(try_at(1_000 + n, &caller(0, 1)), Duration::ZERO, "{n}");
        }
        assert_eq!(try_at(9, &caller(0, 1)), WRONG_PIN_DELAY_MAX);
        assert_eq!(try_at(9, &member), Duration::ZERO, "who was here before");
        assert_eq!(try_at(9, &caller(0, 2)), Duration::ZERO);
        for n in 0..2_400 {
            let trunk = usize::try_from(3 + n % 5).unwrap();
            try_at(2_000 + n, &caller(0, trunk));
        }
        assert_eq!(try_at(9, &caller(0, 9)), WRONG_PIN_DELAY_MAX);
    }

    #[test]
    fn right_ones_are_not_counted() {
        let (mut guard, now) = (guard(), t0());
        for n in 1..=500 {
            let stand = guard.count("4711", &caller(n, 0), WALL, now);
            assert!(!stand.is_doubtful(), "{n}");
            guard.right("4711", &caller(n, 0), Trust::Shared, now);
        }
    }

    /// Guests' PINs are judged anew; those of moderators were never cut off, and are limited by what was tried in all.
    #[test]
    fn a_lifted_alarm_lets_guests_in_again_and_leaves_the_last_limit() {
        let (mut guard, now) = (guard(), t0());
        let room = RoomId::from_u64(1);
        for n in 1..=30 {
            guard.count("4711", &caller(n, 0), WALL, now);
        }
        assert_eq!(guard.wrong("4711", room, now), (true, true));
        assert_eq!(guard.wrong("4711", room, now), (true, false));
        guard.lift(room);
        assert!(!guard.count("4711", &caller(99, 0), WALL, now).is_doubtful());
        let judged = |guard: &mut Guard, tries: u32, role| {
            let stands = (0..tries).map(|_| guard.count("4711", &caller(0, 0), WALL, now));
            stands.filter(|stand| !stand.refuses(role)).count()
        };
        assert_eq!(judged(&mut guard, 200, Role::Guest), 89);
        assert_eq!(guard.wrong("4711", room, now), (true, true));
        guard.lift(room);
        assert_eq!(judged(&mut guard, 200, Role::Guest), 90);
        // 31 and twice 200 were tried before.
        assert_eq!(judged(&mut guard, 600, Role::Moderator), 900 - 431);
    }

    /// By thirty calls nobody shuts moderators out; what they have shared leads to the waiting room from then on.
    #[test]
    fn past_ninety_a_moderators_pin_is_doubted_and_past_nine_hundred_it_is_not_judged() {
        let (mut guard, now) = (guard(), t0());
        let stands: Vec<Stand> = (0..1_000)
            .map(|_| guard.count("4711", &caller(0, 0), WALL, now))
            .collect();
        let refused = |role| stands.iter().position(|stand| stand.refuses(role));
        assert_eq!(refused(Role::Guest), Some(90));
        assert_eq!(refused(Role::Moderator), Some(900));
        assert!(stands[30..].iter().all(|stand| stand.is_doubtful()));
    }

    #[test]
    fn the_tables_are_bounded_and_keep_what_is_full() {
        let (mut table, now) = (Table::<u32>::new(30), t0());
        for _ in 0..40 {
            table.count(7, now);
        }
        for key in 100..10_600 {
            table.count(key, now);
        }
        assert_eq!(table.dry_at.len(), GUARD_ENTRIES_MAX);
        assert!(table.is_full(&7, now));
        assert!(!table.is_full(&7, now + HOUR));
    }

    /// A wrong pairing code is a wrong PIN of its caller, and beyond a number of all together none is judged.
    #[test]
    fn pairing_codes_are_guessed_as_seldom_as_pins() {
        let (mut guard, now) = (guard(), t0());
        let one = caller(1, 0);
        for _ in 0..WRONG_PINS_OF_CALLER {
            assert_eq!(guard.count_pairing(&one, WALL, now).delay, Duration::ZERO);
        }
        assert_eq!(guard.count_pairing(&one, WALL, now).delay, WRONG_PIN_DELAY);
        assert!(guard.count("4711", &one, WALL, now).delay > WRONG_PIN_DELAY);
        let stranger = caller(0, 0);
        let judged = (0..2 * WRONG_PAIRINGS).take_while(|_| {
            !guard
                .count_pairing(&stranger, WALL, now)
                .refuses(Role::Guest)
        });
        let so_far = WRONG_PINS_OF_CALLER + 1;
        assert_eq!(judged.count(), (WRONG_PAIRINGS - so_far) as usize);
        // A right one is taken back, and rooms are not concerned.
        guard.right_pairing(&stranger, now);
        guard.right_pairing(&stranger, now);
        assert!(
            !guard
                .count_pairing(&stranger, WALL, now)
                .refuses(Role::Guest)
        );
        assert!(
            !guard
                .count("4712", &stranger, WALL, now)
                .refuses(Role::Guest)
        );
    }
}
