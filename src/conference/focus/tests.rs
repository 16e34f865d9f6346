//! The focus as ladders; `model` is the focus after any inputs.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::conference::participant::{Known, clean_name};

mod acts;
mod apart;
mod back;
mod entry;
mod floor;
mod invite;
mod lobby;
mod model;
mod pages;
mod pair;
mod protection;
mod rights;
mod sound;
mod text;

#[test]
fn whoever_comes_in_is_seen_first_and_heard_only_when_they_switch_their_microphone_on() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Moderator, Door::Browser);
    room.act(1, Verb::ToggleMicrophone);
    room.act(1, Verb::ToggleMicrophone);
    insta::assert_snapshot!(room.ladder, @r"
    1 joins
      publish v1: 1
      seats 1:-h
      tell 1 admitted 1
    2 joins
      publish v2: 2
      seats 1:-h 2:-h
      tell 2 admitted 2
    1 asks ToggleMicrophone
      publish v3: 1
      seats 1:sh 2:-h
      tell 1 microphone-on
    1 asks ToggleMicrophone
      publish v4: 1
      seats 1:-h 2:-h
      tell 1 microphone-off
    ");
}

#[test]
fn a_moderator_switches_a_microphone_off_and_only_its_person_switches_it_on_again() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Moderator, Door::Browser);
    room.act(1, Verb::SetMicrophone(true));
    room.ladder.clear();
    room.act(2, Verb::Mute(id(1)));
    room.act(2, Verb::Mute(id(1)));
    room.act(1, Verb::SetMicrophone(true));
    insta::assert_snapshot!(room.ladder, @r"
    2 asks Mute(ParticipantId(0000000000000001))
      publish v4: 1
      seats 1:-h 2:-h
      tell 1 microphone-off-by-moderator
    2 asks Mute(ParticipantId(0000000000000001))
    1 asks SetMicrophone(true)
      publish v5: 1
      seats 1:sh 2:-h
      tell 1 microphone-on
    ");
}

#[test]
fn a_moderator_muting_themself_switches_their_own_microphone() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    room.act(1, Verb::SetMicrophone(true));
    room.act(1, Verb::Mute(id(1)));
    assert!(
        room.ladder.ends_with("  tell 1 microphone-off\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn a_removed_participant_is_out_before_they_are_told() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Moderator, Door::Browser);
    room.ladder.clear();
    room.act(2, Verb::Remove(id(1)));
    room.leave(1);
    room.act(1, Verb::ToggleMicrophone);
    insta::assert_snapshot!(room.ladder, @r"
    2 asks Remove(ParticipantId(0000000000000001))
      publish v3: gone 1
      seats 2:-h
      tell 1 removed
      dismiss 1 Removed
    1 leaves
    1 asks ToggleMicrophone
    ");
}

#[test]
fn the_end_tells_everybody_and_dismisses_them() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Moderator, Door::Browser);
    room.ladder.clear();
    room.act(2, Verb::End);
    room.join(3, Role::Moderator, Door::Browser);
    insta::assert_snapshot!(room.ladder, @r"
    2 asks End
      publish v3: gone 1 2
      seats
      tell 1 ended
      dismiss 1 Ended
      tell 2 ended
      dismiss 2 Ended
      ended
    3 joins
      refuse 3 Over
    ");
}

#[test]
fn a_stopping_server_says_goodbye_to_all() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.ladder.clear();
    room.handle("close", Input::Close);
    room.handle("close", Input::Close);
    insta::assert_snapshot!(room.ladder, @r"
    close
      publish v2: gone 1
      seats
      tell 1 stopping
      dismiss 1 Stopping
      ended
    close
    ");
}

#[test]
fn failing_media_are_apologised_for() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.handle("fail", Input::Fail);
    assert!(
        room.ladder
            .ends_with("  tell 1 fault\n  dismiss 1 Failed\n  ended\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn a_guest_asking_for_what_only_moderators_may_is_refused_and_nothing_changes() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Guest, Door::Browser);
    room.act(2, Verb::SetMicrophone(true));
    for verb in [
        Verb::Mute(id(2)),
        Verb::Remove(id(2)),
        Verb::End,
        Verb::Remove(id(9)),
    ] {
        let before = room.focus.snapshot();
        room.act(1, verb);
        assert!(
            room.ladder.ends_with("  refuse 1 NotAllowed\n"),
            "{}",
            room.ladder
        );
        assert_eq!(room.focus.snapshot(), before);
    }
}

#[test]
fn the_first_to_come_is_what_their_secret_says() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Browser);
    room.act(1, Verb::End);
    assert!(
        room.ladder.ends_with("  refuse 1 NotAllowed\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn requests_about_the_absent_are_refused_and_requests_by_the_absent_ignored() {
    let mut room = Room::new(10);
    room.join(1, Role::Moderator, Door::Browser);
    room.ladder.clear();
    room.act(1, Verb::Mute(id(7)));
    room.act(1, Verb::Remove(id(7)));
    room.act(7, Verb::End);
    insta::assert_snapshot!(room.ladder, @r"
    1 asks Mute(ParticipantId(0000000000000007))
      refuse 1 NotHere
    1 asks Remove(ParticipantId(0000000000000007))
      refuse 1 NotHere
    7 asks End
    ");
}

#[test]
fn a_full_conference_refuses_and_takes_again_when_somebody_left() {
    let mut room = Room::new(2);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Guest, Door::Phone);
    room.join(3, Role::Moderator, Door::Browser);
    assert!(
        room.ladder.ends_with("  refuse 3 Full\n"),
        "{}",
        room.ladder
    );
    room.leave(1);
    room.join(3, Role::Moderator, Door::Browser);
    assert!(
        room.ladder.ends_with("  tell 3 admitted 2\n"),
        "{}",
        room.ladder
    );
}

#[test]
fn joining_twice_is_refused_and_leaving_twice_is_nothing() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(1, Role::Moderator, Door::Phone);
    room.leave(1);
    room.leave(1);
    insta::assert_snapshot!(room.ladder, @r"
    1 joins
      publish v1: 1
      seats 1:-h
      tell 1 admitted 1
    1 joins
      refuse 1 AlreadyHere
    1 leaves
      publish v2: gone 1
      seats
    1 leaves
    ");
}

#[test]
fn a_lost_leg_takes_its_participant_out() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.ladder.clear();
    room.handle("gone", Input::LegGone { leg: leg(1) });
    room.handle("gone", Input::LegGone { leg: leg(1) });
    insta::assert_snapshot!(room.ladder, @r"
    gone
      publish v2: gone 1
      seats
      dismiss 1 Lost
    gone
    ");
}

#[test]
fn a_conference_ends_half_a_minute_after_the_last_left() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    assert_eq!(room.focus.poll_timeout(), None);
    room.leave(1);
    room.pass(Duration::from_millis(29_999));
    assert!(!room.ended());
    room.pass(Duration::from_millis(1));
    assert!(room.ended());
    assert_eq!(room.focus.poll_timeout(), None);
}

#[test]
fn whoever_comes_back_in_time_finds_the_conference_and_gets_an_ordinal_of_their_own() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.leave(1);
    room.pass(Duration::from_secs(29));
    room.join(2, Role::Guest, Door::Phone);
    room.pass(Duration::from_secs(3600));
    assert!(!room.ended());
    assert_eq!(room.entry(2).ordinal, 2);
    room.leave(2);
    room.pass(Duration::from_secs(30));
    assert!(room.ended());
}

#[test]
fn a_conference_nobody_comes_to_ends_too() {
    let mut room = Room::new(10);
    room.pass(LINGER);
    assert!(room.ended());
}

#[test]
fn ordinals_count_each_door_and_stay_when_others_leave() {
    let mut room = Room::new(10);
    room.join(5, Role::Guest, Door::Phone);
    room.join(1, Role::Guest, Door::Browser);
    room.join(3, Role::Guest, Door::Phone);
    room.leave(5);
    room.join(4, Role::Guest, Door::Phone);
    let seen: Vec<_> = room
        .focus
        .snapshot()
        .entries
        .iter()
        .map(|entry| (entry.door, entry.ordinal, entry.id))
        .collect();
    assert_eq!(
        seen,
        [
            (Door::Phone, 2, id(3)),
            (Door::Phone, 3, id(4)),
            (Door::Browser, 1, id(1))
        ]
    );
}

#[test]
fn a_telephone_has_no_name_and_a_browser_the_one_it_gave() {
    let mut room = Room::new(10);
    room.join(1, Role::Guest, Door::Phone);
    room.join(2, Role::Guest, Door::Browser);
    assert_eq!(room.entry(1).name, None);
    assert_eq!(room.entry(2).name, clean_name("Anna 2"));
}

#[test]
fn many_changes_before_a_drain_are_published_once() {
    let mut room = Room::new(10);
    for number in 1..=3 {
        room.focus
            .handle(joining(number, Role::Guest, Door::Phone), room.now);
    }
    room.focus
        .handle(Input::Leave { participant: id(2) }, room.now);
    room.drain();
    assert!(
        room.ladder
            .starts_with("  publish v1: 1 3 gone 2\n  seats 1:-h 3:-h\n"),
        "{}",
        room.ladder
    );
}

/// A conference with what its participants and its mixer were given.
struct Room {
    focus: Focus,
    now: Instant,
    capacity: usize,
    roster: Snapshot,
    seats: Vec<(LegId, Seat)>,
    /// Who waited after the last step, and who moderated inside.
    waited: BTreeSet<ParticipantId>,
    moderated: BTreeSet<ParticipantId>,
    /// What was done, and who was shown it.
    done: Vec<(Done, Vec<ParticipantId>)>,
    ladder: String,
}

impl Room {
    fn new(capacity: usize) -> Self {
        let now = t0();
        let config = FocusConfig {
            capacity,
            ..FocusConfig::default()
        };
        let focus = Focus::new(config, now);
        Self {
            roster: focus.snapshot(),
            focus,
            now,
            capacity,
            seats: Vec::new(),
            waited: BTreeSet::new(),
            moderated: BTreeSet::new(),
            done: Vec::new(),
            ladder: String::new(),
        }
    }

    fn join(&mut self, number: u64, role: Role, door: Door) {
        self.handle(&format!("{number} joins"), joining(number, role, door));
    }

    fn leave(&mut self, number: u64) {
        let participant = id(number);
        self.handle(&format!("{number} leaves"), Input::Leave { participant });
    }

    fn act(&mut self, number: u64, verb: Verb) {
        let by = id(number);
        self.handle(&format!("{number} asks {verb:?}"), Input::Act { by, verb });
    }

    fn speak(&mut self, number: u64) {
        let (leg, speaking) = (leg(number), true);
        self.handle(
            &format!("{number} speaks"),
            Input::Speaking { leg, speaking },
        );
    }

    fn disturb(&mut self, number: u64, disturbance: Option<Disturbance>) {
        let leg = leg(number);
        self.handle(
            &format!("{number} disturbs {disturbance:?}"),
            Input::Disturbs { leg, disturbance },
        );
    }

    fn handle(&mut self, line: &str, input: Input) {
        writeln!(self.ladder, "{line}").unwrap();
        self.focus.handle(input, self.now);
        self.drain();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.focus.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.focus.poll() {
            if let Effect::Done { done, seers } = effect {
                self.done.push((done, seers));
                continue;
            }
            writeln!(self.ladder, "  {}", line(&effect)).unwrap();
            match effect {
                Effect::Publish(delta) => {
                    assert!(self.roster.apply(&delta), "a version is missing")
                }
                Effect::Seats(seats) => self.seats = seats,
                Effect::Announce(_)
                | Effect::Tell { .. }
                | Effect::Write { .. }
                | Effect::Refuse { .. }
                | Effect::Dismiss { .. }
                | Effect::Speakers(_)
                | Effect::Dial { .. }
                | Effect::Done { .. }
                | Effect::OfferPairing { .. }
                | Effect::HearName { .. }
                | Effect::AlarmLifted
                | Effect::OriginalSound { .. }
                | Effect::Ended => {}
            }
        }
    }

    fn entry(&self, number: u64) -> &Participant {
        self.entry_if_any(number)
            .expect("the participant is in the roster")
    }

    fn entry_if_any(&self, number: u64) -> Option<&Participant> {
        let mut entries = self.roster.entries.iter();
        entries.find(|entry| entry.id == id(number))
    }

    fn microphones(&self) -> BTreeSet<ParticipantId> {
        let on = self.roster.entries.iter().filter(|entry| entry.microphone);
        on.map(|entry| entry.id).collect()
    }

    fn inside(&self) -> BTreeSet<ParticipantId> {
        self.those(|entry| entry.is_inside())
    }

    fn those(&self, are: impl Fn(&Participant) -> bool) -> BTreeSet<ParticipantId> {
        let entries = self.roster.entries.iter().filter(|entry| are(entry));
        entries.map(|entry| entry.id).collect()
    }

    fn note_waiting(&mut self) {
        self.waited = self.those(|entry| !entry.is_inside());
        self.moderated = self.those(|entry| entry.is_inside() && entry.role == Role::Moderator);
    }

    fn ended(&self) -> bool {
        self.ladder.ends_with("  ended\n")
    }

    fn check_model(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(&self.roster, &self.focus.snapshot());
        prop_assert!(self.roster.entries.len() <= self.capacity);
        prop_assert!(self.ladder.matches("  ended\n").count() <= 1);
        let seats: BTreeMap<LegId, Seat> = self.seats.iter().copied().collect();
        prop_assert_eq!(seats.len(), self.seats.len(), "a leg has two seats");
        let away = |entry: &&Participant| entry.away;
        for entry in self.roster.entries.iter().filter(away) {
            prop_assert!(!entry.microphone && !entry.original_sound);
            prop_assert!(!seats.contains_key(&entry.leg));
        }
        let inside = self
            .roster
            .entries
            .iter()
            .filter(|entry| entry.is_inside() && !entry.away);
        let addressed = self
            .roster
            .entries
            .iter()
            .filter(|entry| !entry.is_inside() && entry.apart.is_some());
        let seated = inside.clone().count() + addressed.clone().count();
        prop_assert_eq!(seats.len(), seated);
        for entry in inside {
            let seat = seats.get(&entry.leg).copied();
            let connected = entry.status == Status::Connected && entry.apart.is_none();
            let expected = Seat {
                speaks: connected && entry.microphone,
                hears: connected,
                ..Seat::default()
            };
            if entry.apart.is_some() {
                self.check_talk(entry, &seats)?;
            } else {
                prop_assert_eq!(seat, Some(expected));
            }
            prop_assert!(!entry.speaking || expected.speaks && !entry.is_music());
        }
        for entry in self
            .roster
            .entries
            .iter()
            .filter(|entry| !entry.is_inside())
        {
            let talks = entry.apart.is_some();
            prop_assert!(talks || !entry.microphone);
            prop_assert!(!entry.speaking && !entry.floor && entry.hand.is_none());
            prop_assert_eq!(seats.contains_key(&entry.leg), talks);
        }
        Ok(())
    }

    /// Of two who talk alone one moderates and one waits, each is in the other's line, and their channel is nobody else's.
    fn check_talk(
        &self,
        moderator: &Participant,
        seats: &BTreeMap<LegId, Seat>,
    ) -> Result<(), TestCaseError> {
        let other = moderator.apart_with().expect("the whole roster names both");
        let other = self.entry(other.as_u64());
        prop_assert_eq!(other.apart_with(), Some(moderator.id));
        prop_assert_eq!(other.status, Status::Pending);
        prop_assert_eq!(moderator.role, Role::Moderator);
        prop_assert!(!moderator.away && !other.away);
        let own = [moderator.leg, other.leg];
        let channels = |seat: &Seat| seat.speaks_beside | seat.hears_beside;
        let used = own.iter().fold(0, |all, leg| all | channels(&seats[leg]));
        prop_assert!(used.count_ones() <= 1);
        for (leg, seat) in seats {
            let apart = own.contains(leg);
            prop_assert!(!apart || !seat.speaks && !seat.hears);
            prop_assert!(apart || channels(seat) & used == 0);
        }
        Ok(())
    }
}

/// A change of the roster by ids.
fn delta_line(delta: &Delta) -> String {
    let changed: String = delta
        .entries
        .iter()
        .map(|entry| format!(" {}", entry.id.as_u64()))
        .collect();
    let began = delta
        .began
        .iter()
        .map(|id| format!(" {} speaks", id.as_u64()));
    let ceased = delta
        .ceased
        .iter()
        .map(|id| format!(" {} ceases", id.as_u64()));
    let voices: String = began.chain(ceased).collect();
    let gone: String = delta
        .all_gone()
        .map(|id| format!(" {}", id.as_u64()))
        .collect();
    let gone = if gone.is_empty() {
        gone
    } else {
        format!(" gone{gone}")
    };
    format!("publish v{}:{changed}{voices}{gone}", delta.version)
}

fn line(effect: &Effect) -> String {
    match effect {
        Effect::Publish(delta) => delta_line(delta),
        Effect::Seats(seats) => {
            let bit = |set: bool, letter: char| if set { letter } else { '-' };
            let seat = |(leg, seat): &(LegId, Seat)| {
                let beside = [(seat.speaks_beside, 'S'), (seat.hears_beside, 'H')];
                let beside = beside.into_iter().filter(|(channels, _)| *channels != 0);
                format!(
                    " {}:{}{}{}",
                    leg.as_u64(),
                    bit(seat.speaks, 's'),
                    bit(seat.hears, 'h'),
                    beside.map(|(_, letter)| letter).collect::<String>()
                )
            };
            format!("seats{}", seats.iter().map(seat).collect::<String>())
        }
        Effect::Announce(event) => format!("announce {}", words(*event)),
        Effect::Tell { participant, event } => {
            format!("tell {} {}", participant.as_u64(), words(*event))
        }
        Effect::Write { to, post } => text::line(to, post),
        Effect::Refuse {
            participant,
            refusal,
        } => format!("refuse {} {refusal:?}", participant.as_u64()),
        Effect::Dismiss {
            participant,
            leg,
            why,
        } => {
            assert_eq!(participant.as_u64(), leg.as_u64(), "the leg is another's");
            format!("dismiss {} {why:?}", participant.as_u64())
        }
        Effect::OriginalSound { leg, on } => format!("original {} {on}", leg.as_u64()),
        Effect::Speakers(speakers) => format!("speakers {speakers}"),
        Effect::Done { done, .. } => format!("done {:?}", done.act),
        Effect::Dial { by, .. } => format!("dial for {}", by.as_u64()),
        Effect::OfferPairing { participant } => {
            format!("pairing code for {}", participant.as_u64())
        }
        Effect::HearName { leg, whom } => {
            format!("{} hears {:?} {}", leg.as_u64(), whom.door, whom.ordinal)
        }
        Effect::AlarmLifted => "alarm lifted".to_owned(),
        Effect::Ended => "ended".to_owned(),
    }
}

fn words(event: Event) -> String {
    if let Event::Admitted { present } = event {
        format!("admitted {present}")
    } else if let Event::Waiting { known } = event {
        format!("waiting known {known:?}")
    } else if let Event::Waits {
        whom,
        perhaps_removed: true,
    } = event
    {
        let (door, ordinal) = (whom.door, whom.ordinal);
        format!("waits of {door:?} {ordinal}, perhaps removed")
    } else if let Event::Waits { whom, .. } | Event::RemovedLast { whom } = event {
        format!("of {:?} {}", whom.door, whom.ordinal)
    } else if let Event::Came { whom } | Event::Went { whom } = event {
        format!("{} {:?} {}", event.key(), whom.door, whom.ordinal)
    } else {
        event.key().to_owned()
    }
}

fn joining(number: u64, role: Role, door: Door) -> Input {
    Input::Join(newcomer(number, role, door))
}

fn newcomer(number: u64, role: Role, door: Door) -> Newcomer {
    Newcomer {
        participant: id(number),
        leg: leg(number),
        name: clean_name(&format!("Anna {number}")),
        role,
        door,
        protection: match door {
            Door::Phone => Protection::ToCarrier,
            Door::Browser => Protection::ToDevice,
        },
        ending: None,
        claim: None,
        known: Known::default(),
        trust: Trust::Full,
        invited_by: None,
        pairs_with: None,
    }
}

fn id(number: u64) -> ParticipantId {
    ParticipantId::from_u64(number)
}

fn leg(number: u64) -> LegId {
    LegId::from_u64(number)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
