//! What a page reads is the roster, and it is not more than it can take.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{
    browser::wire::Roster,
    conference::{
        focus::{Effect, Focus, FocusConfig, Input, Newcomer, Trust, Verb},
        participant::{Door, Known, Participant, Protection, Quality, Role},
        roster::{Audience, Entry},
    },
    id::LegId,
    pii::Name,
};

/// Octets of what a page may be told of the roster in any second.
const BYTES_PER_SECOND_MAX: usize = 20_000;
/// Changes of the roster that a page may be told in any second.
const UPDATES_PER_SECOND_MAX: usize = 10;

#[test]
fn a_change_alone_is_told_at_once_and_those_soon_after_it_together() {
    let t0 = t0();
    let mut updates = Updates::new(&Snapshot::default(), t0);
    updates.handle_delta(&delta(1, &[1]));
    assert_eq!(entries(&updates.poll(t0)), [[1]]);
    for (number, version) in [(2, 2), (3, 3), (2, 4)] {
        updates.handle_delta(&delta(version, &[number]));
        assert!(updates.poll(t0 + Duration::from_millis(90)).is_empty());
    }
    let due = t0 + ROSTER_UPDATE_PAUSE;
    assert_eq!(updates.poll_timeout(), Some(due));
    let told = updates.poll(due);
    assert_eq!(entries(&told), [[3, 2]]);
    assert_eq!(json(&told[0])["version"], 4);
    assert_eq!(updates.poll_timeout(), None);
    updates.handle_delta(&delta(5, &[1]));
    assert_eq!(
        entries(&updates.flush(&[], due)),
        [[1]],
        "before other news it does not wait"
    );
}

#[test]
fn what_changes_nothing_for_a_page_is_not_told() {
    let t0 = t0();
    let mut updates = Updates::new(&Snapshot::default(), t0);
    updates.handle_delta(&delta(1, &[]));
    assert!(updates.poll(t0).is_empty());
    let locked = Delta {
        state: ConferenceState {
            locked: true,
            ..ConferenceState::default()
        },
        ..delta(2, &[])
    };
    updates.handle_delta(&locked);
    assert_eq!(updates.poll(t0 + ROSTER_UPDATE_PAUSE).len(), 1);
}

/// A whole roster names those as gone of whom the page still knows, also if their leaving was pending.
#[test]
fn a_whole_roster_leaves_nobody_behind() {
    let t0 = t0();
    let roster = Snapshot {
        entries: vec![entry(1), entry(2)],
        ..Snapshot::default()
    };
    let mut updates = Updates::new(&roster, t0);
    let gone = Delta {
        gone: vec![ParticipantId::from_u64(1)],
        ..delta(1, &[])
    };
    updates.handle_delta(&gone);
    updates.handle_roster(Snapshot {
        version: 9,
        entries: vec![entry(3)],
        ..Snapshot::default()
    });
    let told = json(&updates.poll(t0)[0]);
    assert_eq!(
        told["gone"],
        json!(["0000000000000001", "0000000000000002"])
    );
    assert_eq!(told["version"], 9);
}

#[test]
fn voices_are_ids_and_too_many_of_them_come_later() {
    let t0 = t0();
    let mut updates = Updates::new(&Snapshot::default(), t0);
    let many = VOICES_AT_ONCE_MAX as u64 + 2;
    let began = (0..many).map(ParticipantId::from_u64).collect();
    updates.handle_delta(&Delta {
        began,
        ..delta(1, &[])
    });
    let told: Vec<Value> = updates.poll(t0).iter().map(json).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["began"].as_array().unwrap().len(),
        VOICES_AT_ONCE_MAX
    );
    // One of those that are left has ceased meanwhile.
    updates.handle_delta(&Delta {
        ceased: vec![ParticipantId::from_u64(many - 1)],
        ..delta(2, &[])
    });
    let due = updates.poll_timeout().unwrap();
    let told = json(&updates.poll(due)[0]);
    assert_eq!(
        (told["began"].as_array().unwrap().len(), &told["ceased"][0]),
        (1, &json!(format!("{:016x}", many - 1)))
    );
    assert_eq!(updates.poll_timeout(), None);
}

/// Where the network of all turns bad at once, nobody's network is filled with word of it.
#[test]
fn five_hundred_lines_that_turn_bad_at_once_fit_a_thin_line() {
    let mut room = Churn::new();
    let mut updates = Updates::new(&room.focus.snapshot().seen_by(Audience::Inside), room.now);
    let mut page = Page::new(&room.focus.snapshot().seen_by(Audience::Inside));
    for number in 1..=500 {
        let leg = LegId::from_u64(number);
        let quality = Quality::Poor;
        room.focus.handle(Input::Quality { leg, quality }, room.now);
        while let Some(effect) = room.focus.poll() {
            if let Effect::Publish(delta) = effect {
                updates.handle_delta(&delta.seen_by(Audience::Inside));
            }
        }
    }
    let (mut bytes, mut messages) = (0, 0);
    while let Some(at) = updates.poll_timeout() {
        for message in updates.poll(at.max(room.now)).iter().map(json) {
            bytes += message.to_string().len();
            messages += 1;
            page.read(&message);
        }
        room.now = room.now.max(at);
    }
    assert!(bytes < BYTES_PER_SECOND_MAX, "{bytes}");
    assert!(messages <= UPDATES_PER_SECOND_MAX, "{messages}");
    assert!(
        page.entries
            .values()
            .all(|entry| entry["quality"] == "poor")
    );
}

/// Where hundreds change at once in ways that need their whole line (a moderator raises the rule that mutes them, a network is
/// gone), a page reads it piece by piece; what is told besides does not wait for that.
#[test]
fn five_hundred_lines_that_change_at_once_are_read_piece_by_piece() {
    let everybody: Vec<u32> = (1..=500).collect();
    let start = t0();
    let mut now = start;
    let mut updates = Updates::new(&Snapshot::default(), now);
    updates.handle_delta(&delta(7, &everybody));
    let mut told = Vec::new();
    let (mut bytes, mut second) = (0, now);
    while let Some(at) = updates.poll_timeout() {
        now = now.max(at);
        if now - second >= Duration::from_secs(1) {
            (bytes, second) = (0, now);
        }
        let messages = updates.poll(now);
        bytes += messages
            .iter()
            .map(|one| json(one).to_string().len())
            .sum::<usize>();
        assert!(bytes <= BYTES_PER_SECOND_MAX, "{bytes} bytes");
        assert!(messages.iter().all(|one| json(one)["version"] == 7));
        told.extend(entries(&messages).into_iter().flatten());
    }
    assert_eq!(
        told,
        everybody
            .iter()
            .map(|one| u64::from(*one))
            .collect::<Vec<_>>()
    );
    assert!(now - start <= Duration::from_secs(13), "{:?}", now - start);

    // Before other news those are told whom it concerns.
    updates.handle_delta(&delta(9, &everybody));
    for (those, told) in [([400, 7], 2), ([400, 8], 1), ([400, 8], 0)] {
        let those = those.map(ParticipantId::from_u64);
        let flushed = entries(&updates.flush(&those, now));
        assert_eq!(flushed.iter().flatten().count(), told, "{flushed:?}");
    }
    let (mut told, mut seconds) = (0, now);
    while let Some(at) = updates.poll_timeout() {
        seconds = seconds.max(at);
        told += entries(&updates.poll(seconds)).iter().flatten().count();
    }
    assert_eq!(told, 497);
    assert!(seconds - now >= ROSTER_ENTRY_PAUSE * 450);
}

/// Fails where whoever types faster than the list is told keeps it from being told.
#[test]
fn however_much_is_written_the_list_arrives() {
    let mut now = t0();
    let everybody: Vec<u32> = (1..=500).collect();
    let mut updates = Updates::new(&Snapshot::default(), now);
    updates.handle_delta(&delta(7, &everybody));
    let writer = [ParticipantId::from_u64(1); 2];
    let (mut told, end) = (0, now + Duration::from_secs(13));
    while now < end {
        told += entries(&updates.flush(&writer, now))
            .iter()
            .flatten()
            .count();
        told += entries(&updates.poll(now)).iter().flatten().count();
        now += Duration::from_millis(30);
    }
    assert_eq!(told, 500);
}

#[test]
fn who_is_let_in_reads_at_once_who_is_there() {
    let now = t0();
    let alone = Snapshot {
        entries: vec![entry(1)],
        ..Snapshot::default()
    };
    let mut updates = Updates::new(&alone, now);
    let all = || Snapshot {
        version: 3,
        entries: (1..=500).map(entry).collect(),
        ..Snapshot::default()
    };
    updates.handle_roster(all());
    assert_eq!(entries(&updates.flush(&[], now))[0].len(), 500);
    assert_eq!(updates.poll_timeout(), None);
    // Later a whole roster comes after news that were missed, and most of it is known.
    updates.handle_roster(all());
    let soon = now + ROSTER_UPDATE_PAUSE;
    assert_eq!(updates.poll_timeout(), Some(soon));
    assert_eq!(entries(&updates.poll(soon))[0].len(), ENTRIES_AT_ONCE_MAX);
}

/// Five hundred people, a hundred microphones on, everybody behind one of them speaking in sentences, and each second
/// five who come, five who go, and some who switch their microphone or raise a hand.
#[test]
fn five_hundred_people_and_churn_fit_a_thin_line() {
    for (audience, own) in [(Audience::Inside, 2), (Audience::Moderators, 1)] {
        let mut room = Churn::new();
        let mut page = Page::new(&room.focus.snapshot().seen_by(audience));
        let mut updates = Updates::new(&room.focus.snapshot().seen_by(audience), room.now);
        let seconds = 10;
        let mut uncoalesced = 0_u64;
        for second in 0..seconds {
            let (mut bytes, mut changes) = (0, 0);
            for tick in 0..50 {
                for delta in room.tick(second * 50 + tick) {
                    let seen = delta.seen_by(audience);
                    uncoalesced += json(&ServerMessage::from(&seen)).to_string().len() as u64;
                    updates.handle_delta(&seen);
                }
                for message in updates.poll(room.now) {
                    let message = json(&message);
                    bytes += message.to_string().len();
                    changes += usize::from(message["type"] == "delta");
                    page.read(&message);
                }
            }
            assert!(bytes <= BYTES_PER_SECOND_MAX, "{audience:?}: {bytes} bytes");
            assert!(
                changes <= UPDATES_PER_SECOND_MAX,
                "{audience:?}: {changes} changes"
            );
            // It is a page with something to read.
            assert!(bytes > BYTES_PER_SECOND_MAX / 10, "{bytes} bytes");
        }
        assert!(
            uncoalesced > seconds * BYTES_PER_SECOND_MAX as u64,
            "{uncoalesced} bytes need no merging"
        );
        while let Some(due) = updates.poll_timeout() {
            for message in updates.poll(due) {
                page.read(&json(&message));
            }
        }
        let end = Page::new(&room.focus.snapshot().seen_by(audience));
        assert_eq!(page.entries, end.entries);
        assert!(page.entries.contains_key(&format!("{own:016x}")));
    }
}

/// A conference in which much happens, the same every time.
struct Churn {
    focus: Focus,
    now: Instant,
    /// The next to come, and the next to go.
    next: u64,
    last: u64,
}

impl Churn {
    fn new() -> Self {
        let now = t0();
        let mut room = Self {
            focus: Focus::new(FocusConfig::default(), now),
            now,
            next: 1,
            last: 150,
        };
        for _ in 0..500 {
            room.comes();
        }
        for number in 1..=100 {
            room.act(number, Verb::SetMicrophone(true));
        }
        while room.focus.poll().is_some() {}
        room
    }

    fn comes(&mut self) {
        let number = self.next;
        self.next += 1;
        let newcomer = Newcomer {
            participant: ParticipantId::from_u64(number),
            leg: LegId::from_u64(number),
            name: Some(Name::new(format!("Annegret Musterfrau {number}"))),
            role: if number == 1 {
                Role::Moderator
            } else {
                Role::Guest
            },
            door: if number.is_multiple_of(2) {
                Door::Browser
            } else {
                Door::Phone
            },
            protection: Protection::ToDevice,
            known: Known::default(),
            ending: None,
            claim: None,
            trust: Trust::Full,
            invited_by: None,
            pairs_with: None,
        };
        self.focus.handle(Input::Join(newcomer), self.now);
    }

    fn act(&mut self, number: u64, verb: Verb) {
        let by = ParticipantId::from_u64(number);
        self.focus.handle(Input::Act { by, verb }, self.now);
    }

    /// Lets 20 ms pass; returns what was published, drained after every input as a conference's task does it.
    fn tick(&mut self, tick: u64) -> Vec<Delta> {
        self.now += Duration::from_millis(20);
        let mut deltas = Vec::new();
        // A hundred people begin or cease about twice a second, four in each tick.
        for voice in 0..4 {
            let number = 1 + (tick * 4 + voice) % 100;
            let speaking = ((tick * 4 + voice) / 100).is_multiple_of(2);
            let leg = LegId::from_u64(number);
            self.focus
                .handle(Input::Speaking { leg, speaking }, self.now);
            self.drain(&mut deltas);
        }
        match tick % 10 {
            0 => self.comes(),
            3 => {
                let participant = ParticipantId::from_u64(self.last);
                self.last += 1;
                self.focus.handle(Input::Leave { participant }, self.now);
            }
            4 => {
                let leg = LegId::from_u64(1 + tick % 97);
                let quality = [Quality::Good, Quality::Fair, Quality::Poor]
                    [usize::try_from(tick % 3).unwrap()];
                self.focus.handle(Input::Quality { leg, quality }, self.now);
            }
            5 => self.act(101 + tick % 37, Verb::ToggleMicrophone),
            7 => self.act(101 + tick % 41, Verb::ToggleHand),
            _ => {}
        }
        self.drain(&mut deltas);
        deltas
    }

    fn drain(&mut self, deltas: &mut Vec<Delta>) {
        while let Some(effect) = self.focus.poll() {
            if let Effect::Publish(delta) = effect {
                deltas.push(delta);
            }
        }
    }
}

/// A page as far as it knows the roster.
struct Page {
    entries: BTreeMap<String, Value>,
}

impl Page {
    fn new(roster: &Snapshot) -> Self {
        let roster = serde_json::to_value(Roster::from(roster)).unwrap();
        let mut page = Self {
            entries: BTreeMap::new(),
        };
        page.learn(&roster["entries"]);
        page
    }

    fn learn(&mut self, entries: &Value) {
        for entry in entries.as_array().unwrap() {
            let id = entry["id"].as_str().unwrap().to_owned();
            self.entries.insert(id, entry.clone());
        }
    }

    fn read(&mut self, message: &Value) {
        if message["type"] == "delta" {
            for gone in message["gone"].as_array().unwrap() {
                self.entries.remove(gone.as_str().unwrap());
            }
            return self.learn(&message["entries"]);
        }
        if message["type"] == "quality" {
            for quality in ["good", "fair", "poor"] {
                for id in message[quality].as_array().unwrap() {
                    if let Some(entry) = self.entries.get_mut(id.as_str().unwrap()) {
                        entry["quality"] = json!(quality);
                    }
                }
            }
            return;
        }
        for (list, speaking) in [("began", true), ("ceased", false)] {
            for id in message[list].as_array().unwrap() {
                if let Some(entry) = self.entries.get_mut(id.as_str().unwrap()) {
                    entry["speaking"] = json!(speaking);
                }
            }
        }
    }
}

fn json(message: &ServerMessage) -> Value {
    serde_json::to_value(message).unwrap()
}

/// Whom each message tells anew.
fn entries(messages: &[ServerMessage]) -> Vec<Vec<u64>> {
    let ordinals = |message: Value| {
        let entries = message["entries"].as_array().unwrap().clone();
        let ordinals = entries
            .iter()
            .map(|entry| entry["ordinal"].as_u64().unwrap());
        ordinals.collect()
    };
    messages.iter().map(json).map(ordinals).collect()
}

fn delta(version: u64, numbers: &[u32]) -> Delta {
    Delta {
        version,
        entries: numbers.iter().map(|number| entry(*number)).collect(),
        ..Delta::default()
    }
}

fn entry(number: u32) -> Entry {
    Participant::guest(number, Door::Browser)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
