//! The ladder, down and up, against loads that are told and loads that answer to the effort.

use proptest::prelude::*;

use super::*;

#[test]
fn under_load_the_least_missed_is_given_up_first() {
    let mut world = World::new();
    let steps = world.run(secs(30), |_| 0.95);
    assert_eq!(
        efforts(&steps),
        [(0, true, 8), (0, false, 8), (0, false, 3), (0, false, 2)]
    );
    for pair in steps.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= LOAD_REDUCE_DWELL, "{pair:?}");
    }
}

#[test]
fn each_step_has_a_load_of_its_own_and_voices_go_last() {
    for (share, steps) in [
        (0.6, 0),
        (0.68, 1),
        (0.75, 2),
        (0.83, 2),
        (0.88, 3),
        (0.95, 4),
    ] {
        let mut world = World::new();
        world.run(secs(120), |_| share);
        assert_eq!(world.load.state().reduced, steps, "{share}");
    }
}

#[test]
fn no_voice_is_given_up_before_the_doors_are_shut() {
    let mut world = World::new();
    world.legs = 1_000;
    for percent in 60u8..100 {
        world.run(secs(5), |_| f32::from(percent) / 100.0);
        if world.load.effort().speakers < Effort::FULL.speakers {
            assert!(!world.load.admits(), "{percent}");
        }
    }
    assert!(world.load.effort().speakers < Effort::FULL.speakers);
}

#[test]
fn many_who_come_at_once_cost_nobody_a_voice() {
    let mut world = World::new();
    // Four seconds in which a thousand join, then what a thousand cost.
    world.run(secs(4), |at| {
        if at.as_millis() % 300 < 200 {
            0.99
        } else {
            0.4
        }
    });
    assert_eq!(world.load.state().reduced, 2);
    assert_eq!(world.load.effort().speakers, Effort::FULL.speakers);
    world.run(secs(25), |_| 0.45);
    assert_eq!(world.load.effort(), Effort::FULL);
}

#[test]
fn in_calm_everything_comes_back_in_reverse_order() {
    let mut world = World::new();
    world.run(secs(30), |_| 0.95);
    let steps = world.run(secs(120), |_| 0.2);
    assert_eq!(
        efforts(&steps),
        [(0, false, 3), (0, false, 8), (0, true, 8), (5, true, 8)]
    );
    for pair in steps.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= LOAD_RESTORE_AFTER, "{pair:?}");
    }
    assert_eq!(world.load.effort(), Effort::FULL);
}

#[test]
fn between_calm_and_near_nothing_changes() {
    let mut world = World::new();
    world.run(secs(3), |_| 0.75);
    let before = world.load.effort();
    assert_ne!(before, Effort::FULL);
    for share in [0.5, 0.58, 0.63] {
        assert_eq!(world.run(secs(600), |_| share), [], "{share}");
    }
    assert_eq!(world.load.effort(), before);
}

#[test]
fn a_hiccup_of_the_machine_gives_nothing_up() {
    let mut world = World::new();
    // A tenth of a second in which the worker did not get its core, every two seconds and a bit.
    let steps = world.run(secs(600), |at| {
        let within = at.as_millis() % 2_300;
        if within < 100 { 1.0 } else { 0.3 }
    });
    assert_eq!(steps, []);
    assert!(world.load.state().peak_permille > 800);
    assert!(world.load.admits());
}

#[test]
fn repeated_peaks_give_something_up_though_the_mean_is_low() {
    let mut world = World::new();
    let steps = world.run(secs(10), |at| {
        if at.as_millis() % 400 < 100 {
            0.95
        } else {
            0.1
        }
    });
    assert!(world.load.state().share_permille < LOAD_REDUCE_PERMILLE[0]);
    assert!(!steps.is_empty());
    assert!(!world.load.admits());
}

#[test]
fn peaks_that_are_over_give_nothing_more_up() {
    let mut world = World::new();
    assert_eq!(world.run(secs(1), |_| 0.95).len(), 1);
    assert_eq!(world.run(secs(9), |_| 0.2), []);
}

#[test]
fn a_load_between_two_steps_does_not_make_the_effort_swing() {
    let mut world = World::new();
    // Complexity 5 is too much, complexity 0 is calm.
    let costs = [0.7, 0.35, 0.3, 0.3, 0.3];
    let steps = world.answer(secs(3_600), &costs);
    assert!(steps.len() < 30, "{} steps in an hour", steps.len());
    let late = steps.iter().filter(|(at, _)| *at > secs(1_800));
    assert!(late.count() <= 8, "{steps:?}");
}

#[test]
fn a_worker_whose_last_leg_has_left_rests_at_once() {
    let mut world = World::new();
    world.run(secs(30), |_| 0.9);
    assert!(!world.load.admits());
    world.load.handle_round(ms(20), 0, world.now);
    assert_eq!(world.load.state(), State::default());
    assert_eq!(world.load.effort(), Effort::FULL);
    assert!(world.load.admits());
    // It may sleep for long; what wakes it is no load.
    world.now += secs(3_600);
    world.load.handle_round(ms(1), 0, world.now);
    assert_eq!(world.run(secs(60), |_| 0.3), []);
}

#[test]
fn a_long_gap_between_two_rounds_counts_for_its_length() {
    let mut world = World::new();
    world.run(secs(1), |_| 0.9);
    world.now += secs(60);
    world.load.handle_round(secs(6), 100, world.now);
    let state = world.load.state();
    assert_eq!(state.peak_permille, 100);
    assert!(state.share_permille < 200, "{state:?}");
}

#[test]
fn a_full_worker_refuses_until_there_is_room_again() {
    let mut world = World::new();
    world.legs = 1_000;
    world.run(secs(10), |_| 0.78);
    assert!(world.load.state().reduced > 0);
    world.run(secs(10), |_| 0.95);
    assert!(!world.load.admits());
    // Voices are given up, and not back yet though there would be room.
    assert_eq!(world.load.state().reduced, 4);
    world.run(secs(5), |_| 0.6);
    assert!(!world.load.admits());
    world.run(secs(20), |_| 0.6);
    assert!(world.load.admits());
}

#[test]
fn room_is_refused_and_given_at_different_loads() {
    let mut world = World::new();
    world.legs = 1_000;
    world.run(secs(3), |_| 0.81);
    assert!(!world.load.admits());
    world.run(secs(3), |_| 0.77);
    assert!(!world.load.admits());
    let mut world = World::new();
    world.legs = 1_000;
    world.run(secs(3), |_| 0.77);
    assert!(world.load.admits());
}

#[test]
fn legs_that_came_too_lately_to_be_measured_count() {
    let mut world = World::new();
    world.legs = 1_000;
    world.run(secs(10), |_| 0.5);
    assert!(world.load.admits());
    world.load.handle_round(Duration::ZERO, 1_200, world.now);
    assert!(world.load.admits());
    world.load.handle_round(Duration::ZERO, 1_600, world.now);
    assert!(!world.load.admits());
}

#[test]
fn the_first_legs_of_a_worker_are_not_charged_its_own_work() {
    let mut world = World::new();
    world.legs = 2;
    world.run(secs(10), |_| 0.05);
    world.load.handle_round(Duration::ZERO, 402, world.now);
    assert!(world.load.admits());
}

#[test]
fn the_gauges_say_what_holds() {
    let mut world = World::new();
    world.legs = 1_000;
    world.run(secs(30), |_| 0.95);
    let mut counters = Counters::default();
    world.load.report(&mut counters);
    let gauges = [
        Counter::LoadPermille,
        Counter::LoadPeakPermille,
        Counter::EffortReduced,
        Counter::LoadFull,
    ];
    assert_eq!(gauges.map(|gauge| counters.of(gauge)), [950, 950, 4, 1]);
}

#[test]
fn openings_have_a_burst_and_then_a_rate() {
    let start = t0();
    let mut openings = Openings::new(start);
    let burst = (0..1_000).filter(|_| openings.take(start)).count();
    assert_eq!(burst, LEG_OPENINGS_BURST as usize);
    let later = start + secs(1);
    let more = (0..1_000).filter(|_| openings.take(later)).count();
    assert_eq!(more, LEG_OPENINGS_PER_SECOND as usize);
    let rested = start + secs(3_600);
    let burst = (0..1_000).filter(|_| openings.take(rested)).count();
    assert_eq!(burst, LEG_OPENINGS_BURST as usize);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_the_load_steps_are_single_and_apart(
        shares in prop::collection::vec((0.0f32..1.3, 1u64..40), 1..40),
    ) {
        let mut world = World::new();
        let mut steps = Vec::new();
        for (share, seconds) in shares {
            steps.extend(world.run(secs(seconds), |_| share));
        }
        let mut before: (Duration, usize) = (Duration::ZERO, 0);
        for (n, (at, step)) in steps.into_iter().enumerate() {
            prop_assert!(step.abs_diff(before.1) == 1);
            let apart = if step > before.1 { LOAD_REDUCE_DWELL } else { LOAD_RESTORE_AFTER };
            prop_assert!(n == 0 || at - before.0 >= apart, "{at:?} after {:?}", before.0);
            before = (at, step);
        }
    }

    #[test]
    fn whatever_the_steps_save_a_steady_demand_settles(
        demand in 0.1f32..1.2,
        savings in prop::collection::vec(0.0f32..0.5, 4),
    ) {
        let mut costs = vec![demand];
        for saving in savings {
            costs.push(costs[costs.len() - 1] * (1.0 - saving));
        }
        let mut world = World::new();
        world.answer(secs(3_600), &costs);
        let steps = world.answer(secs(3_600), &costs);
        prop_assert!(steps.len() <= 16, "{} steps in the second hour: {costs:?}", steps.len());
    }

    #[test]
    fn calm_brings_everything_back_from_anywhere(
        shares in prop::collection::vec((0.0f32..1.2, 1u64..30), 0..20),
    ) {
        let mut world = World::new();
        for (share, seconds) in shares {
            world.run(secs(seconds), |_| share);
        }
        world.run(LOAD_RESTORE_AFTER_MAX * 6, |_| 0.3);
        prop_assert_eq!(world.load.effort(), Effort::FULL);
        prop_assert!(world.load.admits());
    }
}

/// A worker whose rounds are told in simulated time.
struct World {
    load: Load,
    start: Instant,
    now: Instant,
    legs: u64,
}

/// A change of the step: when, and to which.
type Step = (Duration, usize);

impl World {
    fn new() -> Self {
        let start = t0();
        Self {
            load: Load::new(start),
            start,
            now: start,
            legs: 100,
        }
    }

    /// Runs rounds of a tick with the share of the core that `share` says for a time; returns the steps taken.
    fn run(&mut self, duration: Duration, share: impl Fn(Duration) -> f32) -> Vec<Step> {
        self.rounds(duration, |at, _| share(at))
    }

    /// Runs rounds that cost what the step in force costs.
    fn answer(&mut self, duration: Duration, costs: &[f32]) -> Vec<Step> {
        self.rounds(duration, |_, step| costs[step])
    }

    fn rounds(&mut self, duration: Duration, share: impl Fn(Duration, usize) -> f32) -> Vec<Step> {
        let end = self.now + duration;
        let mut steps = Vec::new();
        while self.now < end {
            let before = self.load.ladder.step;
            let at = self.now - self.start;
            self.now += ROUND;
            let busy = ROUND.mul_f32(share(at, before));
            self.load.handle_round(busy, self.legs, self.now);
            if self.load.ladder.step != before {
                steps.push((self.now - self.start, self.load.ladder.step));
            }
        }
        steps
    }
}

fn efforts(steps: &[Step]) -> Vec<(u8, bool, u8)> {
    let told = |(_, step): &Step| {
        let Effort {
            complexity,
            noise_suppression,
            speakers,
        } = LADDER[*step];
        (complexity.as_u8(), noise_suppression, speakers)
    };
    steps.iter().map(told).collect()
}

const ROUND: Duration = ms(20);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}
