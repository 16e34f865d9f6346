//! The focus as a model: after any inputs, the legs in the mix are the legs inside, nobody waits with a seat unless a moderator talks
//! with them alone, and nobody's
//! microphone is opened by another.

use proptest::prelude::*;

use super::*;
use crate::{
    conference::{
        participant::Mark,
        policy::{Lobby, Reason},
    },
    id::SeatId,
};

#[derive(Debug, Clone)]
enum Step {
    Input(Box<Input>),
    Pass(u64),
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        4 => any::<bool>().prop_map(Verb::SetMicrophone),
        4 => Just(Verb::ToggleMicrophone),
        2 => any::<bool>().prop_map(Verb::SetOriginalSound),
        4 => (0_u64..6).prop_map(|n| Verb::Mute(id(n))),
        2 => (0_u64..6).prop_map(|n| Verb::Remove(id(n))),
        1 => (0_u64..6).prop_map(|n| Verb::Ban(id(n))),
        4 => (0_u64..6).prop_map(|n| Verb::Admit(id(n))),
        4 => (0_u64..6).prop_map(|n| Verb::TalkWith(id(n))),
        1 => (0_u64..6).prop_map(|n| Verb::TurnAway(id(n), Reason::ComeLater)),
        2 => lobby().prop_map(Verb::SetLobby),
        4 => (0_usize..64, 0_u64..6).prop_map(|(index, n)| {
            let verbs = Verb::samples(id(n));
            verbs[index % verbs.len()].clone()
        }),
        1 => Just(Verb::End),
    ]
}

fn lobby() -> impl Strategy<Value = Lobby> {
    prop_oneof![Just(Lobby::Off), Just(Lobby::Guests), Just(Lobby::All)]
}

fn trust() -> impl Strategy<Value = Trust> {
    prop_oneof![8 => Just(Trust::Full), 8 => Just(Trust::Shared), 1 => Just(Trust::Doubtful)]
}

/// Telephones by one of a few numbers, or by none.
fn known() -> impl Strategy<Value = Known> {
    let caller = prop_oneof![Just(None), (0_u64..3).prop_map(|mark| Some(Mark(mark)))];
    (caller, any::<bool>()).prop_map(|(caller, vouched)| Known {
        person: None,
        caller,
        vouched,
        seat: None,
    })
}

fn disturbance() -> impl Strategy<Value = Option<Disturbance>> {
    prop_oneof![
        Just(None),
        Just(Some(Disturbance::SteadyNoise)),
        Just(Some(Disturbance::Echo)),
        Just(Some(Disturbance::Music)),
    ]
}

fn quality() -> impl Strategy<Value = Quality> {
    prop_oneof![
        Just(Quality::Good),
        Just(Quality::Fair),
        Just(Quality::Poor)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let role = prop_oneof![Just(Role::Guest), Just(Role::Moderator)];
    let door = prop_oneof![Just(Door::Phone), Just(Door::Browser)];
    prop_oneof![
        60 => (0_u64..6, role, door, known(), trust()).prop_map(|(n, role, door, known, trust)| {
            let newcomer = newcomer(n, role, door);
            // Each comes back to the own seat, by a page.
            let seat = (door == Door::Browser).then(|| SeatId::from_u64(n));
            let known = Known { seat, ..known };
            Step::Input(Box::new(Input::Join(Newcomer { known, trust, ..newcomer })))
        }),
        20 => (0_u64..6, 0_u64..6, known()).prop_map(|(n, person, known)| {
            let newcomer = newcomer(n, Role::Guest, Door::Phone);
            let pairs_with = Some(id(person));
            Step::Input(Box::new(Input::Join(Newcomer { known, pairs_with, ..newcomer })))
        }),
        10 => (0_u64..6, 0_u64..6).prop_map(|(n, person)| {
            Step::Input(Box::new(Input::Pair { telephone: id(n), person: id(person) }))
        }),
        2 => Just(Step::Input(Box::new(Input::Guessed))),
        10 => (0_u64..6).prop_map(|n| Step::Input(Box::new(Input::Leave { participant: id(n) }))),
        20 => (0_u64..6).prop_map(|n| Step::Input(Box::new(Input::Lose { participant: id(n) }))),
        5 => (0_u64..6).prop_map(|n| Step::Input(Box::new(Input::GiveWay { seat: SeatId::from_u64(n) }))),
        60 => (0_u64..6, verb()).prop_map(|(n, verb)| Step::Input(Box::new(Input::Act { by: id(n), verb }))),
        20 => (0_u64..6, any::<bool>()).prop_map(|(n, held)| Step::Input(Box::new(Input::Hold { leg: leg(n), held }))),
        20 => (0_u64..6, any::<bool>())
            .prop_map(|(n, speaking)| Step::Input(Box::new(Input::Speaking { leg: leg(n), speaking }))),
        20 => (0_u64..6, disturbance())
            .prop_map(|(n, disturbance)| Step::Input(Box::new(Input::Disturbs { leg: leg(n), disturbance }))),
        20 => (0_u64..6, quality())
            .prop_map(|(n, quality)| Step::Input(Box::new(Input::Quality { leg: leg(n), quality }))),
        5 => (0_u64..6).prop_map(|n| Step::Input(Box::new(Input::LegGone { leg: leg(n) }))),
        1 => Just(Step::Input(Box::new(Input::Close))),
        10 => (0_u64..40).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn the_legs_in_the_mix_are_the_legs_in_the_roster(steps in prop::collection::vec(step(), 0..80)) {
        let mut room = Room::new(4);
        for step in steps {
            let microphones = room.microphones();
            let inside = room.inside();
            // A telephone asks for the person whose sound it is.
            let person = match &step {
                Step::Input(input) => {
                    let by = if let Input::Act { by, .. } = &**input { Some(*by) } else { None };
                    by.map(|by| room.focus.pairs.person_of(by).unwrap_or(by))
                }
                Step::Pass(_) => None,
            };
            match step.clone() {
                Step::Input(input) => room.handle("input", *input),
                Step::Pass(seconds) => room.pass(Duration::from_secs(seconds)),
            }
            room.check_model()?;
            for id in room.microphones().difference(&microphones) {
                let own = person == Some(*id);
                prop_assert!(own, "{id} was opened by {step:?}");
            }
            // Nobody comes from the waiting room but by a moderator's word.
            for id in room.inside().difference(&inside).filter(|id| room.waited.contains(id)) {
                let admitted = person.is_some_and(|person| room.moderated.contains(&person));
                prop_assert!(admitted, "{id} was let in by {step:?}");
            }
            room.note_waiting();
        }
    }
}
