//! Pairing codes: six digits by which a telephone becomes the sound of a page, once, within five minutes.
//!
//! They are drawn at random, known to the page that asked and to this memory alone, and begin as no room's number does. A
//! wrong one is a wrong PIN to the [`Guard`]: of the room where it is known which, and else of caller, trunk and server, with a
//! count of its own past which none is judged until callers have named a room by calling its number or coming in with its code.

use std::{sync::PoisonError, time::Instant};

use rand::{RngExt, rngs::StdRng};

use super::{Admission, Error, Judged, Server, caller::Caller, conference, guard::Stand};
use crate::{
    conference::{focus::Trust, participant::Role},
    id::{ParticipantId, RoomId},
    limit::{PAIRING_MAX, PAIRINGS_MAX},
    pii::Secret,
};

/// The codes that are open.
pub(super) struct Pairings {
    rng: StdRng,
    offers: Vec<Offer>,
}

/// A code that somebody's page shows.
struct Offer {
    code: Secret<String>,
    room: RoomId,
    person: ParticipantId,
    until: Instant,
}

impl Pairings {
    /// Begins with none; they are drawn from `rng`.
    pub(super) const fn new(rng: StdRng) -> Self {
        Self {
            rng,
            offers: Vec::new(),
        }
    }

    /// Draws a code for somebody's page in place of the one that it had; none where too many are open.
    pub(super) fn offer(
        &mut self,
        room: RoomId,
        person: ParticipantId,
        now: Instant,
    ) -> Option<Secret<String>> {
        self.void(person);
        self.offers.retain(|offer| now < offer.until);
        if self.offers.len() >= PAIRINGS_MAX {
            return None;
        }
        let code = loop {
            let code = draw(&mut self.rng);
            if self.offers.iter().all(|offer| offer.code != code) {
                break code;
            }
        };
        self.offers.push(Offer {
            code: code.clone(),
            room,
            person,
            until: now + PAIRING_MAX,
        });
        Some(code)
    }

    /// Takes a code back: its page shows it no more.
    pub(super) fn void(&mut self, person: ParticipantId) {
        self.offers.retain(|offer| offer.person != person);
    }

    /// Takes a code that somebody typed; returns whose it is and where. Where the room is known it counts there alone.
    ///
    /// All open codes are compared, each in constant time.
    fn redeem(
        &mut self,
        code: &Secret<String>,
        room: Option<RoomId>,
        now: Instant,
    ) -> Option<(RoomId, ParticipantId)> {
        self.offers.retain(|offer| now < offer.until);
        let fits = |offer: &Offer| room.is_none_or(|room| room == offer.room);
        let right = self
            .offers
            .iter()
            .enumerate()
            .fold(None, |found, (at, offer)| {
                if offer.code == *code && fits(offer) {
                    Some(at)
                } else {
                    found
                }
            });
        let Offer { room, person, .. } = self.offers.swap_remove(right?);
        Some((room, person))
    }
}

impl std::fmt::Debug for Pairings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pairings").finish_non_exhaustive()
    }
}

/// Draws a code: 95 to 98 and four digits.
fn draw(rng: &mut StdRng) -> Secret<String> {
    Secret::new(rng.random_range(950_000..=989_999_u32).to_string())
}

/// Where a pairing code is typed.
#[derive(Debug, Clone)]
pub enum TypedAt {
    /// Where it could be of any room.
    Anywhere,
    /// After a room's number was called, of whose room it must be.
    Number(Secret<String>),
    /// In the conference of this room.
    Inside(RoomId),
}

impl Server {
    /// Judges a pairing code.
    ///
    /// # Errors
    ///
    /// Fails where the database does.
    pub async fn check_pairing(
        &self,
        code: &Secret<String>,
        typed_at: TypedAt,
        caller: &Caller,
    ) -> Result<Judged, Error> {
        let (number, room) = match typed_at {
            TypedAt::Anywhere => (None, None),
            TypedAt::Number(number) => {
                let room = self.rooms().by_number(number.expose()).await?;
                (Some(number.expose().clone()), room)
            }
            TypedAt::Inside(id) => {
                let room = self.rooms().by_id(id).await?;
                (
                    Some(
                        room.as_ref()
                            .map_or_else(String::new, |room| room.number.clone()),
                    ),
                    room,
                )
            }
        };
        let number = number.as_deref();
        let known = number.is_none() || room.is_some();
        let room = room.map(|room| room.id);
        let wall = self.inner.wall.since_epoch();
        let stand = self.guard(|guard, now| match number {
            Some(number) => guard.count(number, caller, wall, now),
            None => guard.count_pairing(caller, wall, now),
        });
        let redeemed = (known && !stand.refuses(Role::Guest))
            .then(|| self.pairings(|pairings, now| pairings.redeem(code, room, now)))
            .flatten();
        let admission = self.sound_of(redeemed).await?;
        match (&admission, number) {
            (Some(_), Some(number)) => {
                // Who has typed a code is not known as somebody who was let in by the room's PIN.
                self.guard(|guard, now| guard.right(number, caller, Trust::Doubtful, now));
            }
            (Some(_), None) => self.guard(|guard, now| guard.right_pairing(caller, now)),
            (None, number) => {
                self.wrong_code(number.unwrap_or_default(), room, stand)
                    .await
            }
        }
        let Stand { delay, .. } = stand;
        Ok(Judged { admission, delay })
    }

    fn pairings<R>(&self, ask: impl FnOnce(&mut Pairings, Instant) -> R) -> R {
        let pairings = self.inner.pairings.lock();
        let mut pairings = pairings.unwrap_or_else(PoisonError::into_inner);
        ask(&mut pairings, conference::clock())
    }

    /// The right to be somebody's sound.
    async fn sound_of(
        &self,
        redeemed: Option<(RoomId, ParticipantId)>,
    ) -> Result<Option<Admission>, Error> {
        let Some((room, person)) = redeemed else {
            return Ok(None);
        };
        let room = self.rooms().by_id(room).await?;
        Ok(room.map(|room| Admission {
            pairs_with: Some(person),
            ..self.admission(&room, Role::Guest)
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use rand::SeedableRng;

    use super::*;
    use crate::conference::ivr::{PAIRING_LENGTH, begins_pairing};

    #[expect(
        clippy::disallowed_methods,
        reason = "the base instant of a simulated run"
    )]
    fn t0() -> Instant {
        Instant::now()
    }

    fn pairings() -> Pairings {
        Pairings::new(StdRng::seed_from_u64(1))
    }

    const ROOM: RoomId = RoomId::from_u64(1);
    const ELSEWHERE: RoomId = RoomId::from_u64(2);

    fn person(id: usize) -> ParticipantId {
        ParticipantId::from_u64(id as u64)
    }

    #[test]
    fn a_code_is_right_once_and_for_five_minutes() {
        let (mut pairings, now) = (pairings(), t0());
        let code = pairings.offer(ROOM, person(1), now).unwrap();
        assert_eq!(pairings.redeem(&code, None, now), Some((ROOM, person(1))));
        assert_eq!(pairings.redeem(&code, None, now), None, "once");
        let code = pairings.offer(ROOM, person(1), now).unwrap();
        let late = now + PAIRING_MAX;
        let barely = late - Duration::from_millis(1);
        assert_eq!(pairings.redeem(&code, None, late), None);
        let code = pairings.offer(ROOM, person(1), now).unwrap();
        assert_eq!(
            pairings.redeem(&code, None, barely),
            Some((ROOM, person(1)))
        );
    }

    #[test]
    fn a_new_code_voids_the_one_before_and_who_is_gone_has_none() {
        let (mut pairings, now) = (pairings(), t0());
        let first = pairings.offer(ROOM, person(1), now).unwrap();
        let second = pairings.offer(ROOM, person(1), now).unwrap();
        assert_eq!(pairings.redeem(&first, None, now), None);
        pairings.void(person(1));
        assert_eq!(pairings.redeem(&second, None, now), None);
    }

    #[test]
    fn where_the_room_is_known_a_code_of_another_is_wrong_and_stays_open() {
        let (mut pairings, now) = (pairings(), t0());
        let code = pairings.offer(ROOM, person(1), now).unwrap();
        assert_eq!(pairings.redeem(&code, Some(ELSEWHERE), now), None);
        let right = pairings.redeem(&code, Some(ROOM), now);
        assert_eq!(right, Some((ROOM, person(1))));
    }

    #[test]
    fn no_more_are_open_than_may_be_and_all_differ() {
        let (mut pairings, now) = (pairings(), t0());
        let codes: BTreeSet<String> = (0..PAIRINGS_MAX)
            .map(|id| {
                pairings
                    .offer(ROOM, person(id), now)
                    .unwrap()
                    .expose()
                    .clone()
            })
            .collect();
        assert_eq!(codes.len(), PAIRINGS_MAX);
        assert!(pairings.offer(ROOM, person(PAIRINGS_MAX), now).is_none());
        // Who has one gets another in its place, and time makes room.
        assert!(pairings.offer(ROOM, person(0), now).is_some());
        let later = now + PAIRING_MAX;
        assert!(pairings.offer(ROOM, person(PAIRINGS_MAX), later).is_some());
    }

    #[test]
    fn nothing_of_a_code_is_printed() {
        let (mut pairings, now) = (pairings(), t0());
        let code = pairings.offer(ROOM, person(1), now).unwrap();
        let printed = format!("{pairings:?} {code:?}");
        assert!(!printed.contains(code.expose()), "{printed}");
    }

    #[test]
    fn a_code_begins_as_no_room_number_does_and_is_spread_over_all_there_are() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut begins = BTreeSet::new();
        for _ in 0..10_000 {
            let code = draw(&mut rng);
            assert_eq!(code.expose().len(), PAIRING_LENGTH);
            assert!(begins_pairing(code.expose()));
            begins.insert(code.expose()[..4].to_owned());
        }
        assert_eq!(begins.len(), 400);
    }
}
