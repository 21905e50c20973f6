//! Random plans, random worlds: whatever happens in whatever order, a run ends once, in order, and leaves nothing behind.

use super::tests::{ALWAYS, ON_FAILURE, ended, exit_code, plan, stage, step};
use super::*;
use lp_backend::StepExit;
use lp_model::Message;
use lp_model::{RunOn, StepNumber};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
struct StepShape {
    needs: u8,
    run_on: u8,
    on_failure: u8,
    detached: bool,
    exit_78: bool,
}

fn step_shape() -> impl Strategy<Value = StepShape> {
    (any::<u8>(), 0u8..6, 0u8..5, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
        .prop_map(|(needs, run_on, on_failure, detached, exit_78)| StepShape { needs, run_on, on_failure, detached, exit_78 })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let stages = prop::collection::vec((any::<u8>(), 0u8..6, prop::collection::vec(step_shape(), 0..6)), 0..4);
    (stages, any::<bool>()).prop_map(|(shapes, cleanup_on_cancel)| {
        let stages = shapes.into_iter().zip(1..).map(|((needs, on, shapes), number)| {
            let steps = shapes.into_iter().zip(1..).map(|(shape, number)| {
                let mut step = step(number, &earlier(shape.needs, number));
                step.run_on = run_on(shape.run_on);
                step.on_failure = [OnFailure::Fail, OnFailure::Fail, OnFailure::Fail, OnFailure::Ignore, OnFailure::CancelRun]
                    [usize::from(shape.on_failure)];
                step.detached = shape.detached;
                step.exit_78_ends_stage = shape.exit_78;
                step
            });
            let mut stage = stage(number, &earlier(needs, number), steps.collect());
            stage.run_on = run_on(on);
            stage
        });
        Plan { cleanup_on_cancel, ..plan(stages.collect()) }
    })
}

/// Some of the numbers before `number`.
fn earlier(bits: u8, number: u32) -> Vec<u32> {
    (1..number).filter(|n| bits & (1 << (n % 8)) != 0).collect()
}

fn run_on(choice: u8) -> RunOn {
    match choice {
        0..3 => RunOn::default(),
        3 => ON_FAILURE,
        4 => ALWAYS,
        _ => RunOn { success: false, failure: false },
    }
}

/// What is under way outside.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Open {
    Prepare(StageNumber),
    Start(StepKey),
    Step(StepKey),
    Destroy(StageNumber),
}

/// The outside world, which also watches over the rules.
struct World {
    scheduler: Scheduler,
    plan: Arc<Plan>,
    open: Vec<Open>,
    events: Vec<RunEvent>,
    begun: BTreeSet<StepKey>,
    ahead: BTreeSet<StepKey>,
    prepared: BTreeSet<StageNumber>,
    destroyed: BTreeSet<StageNumber>,
}

impl World {
    fn take(&mut self, fact: Fact) {
        let moves = self.scheduler.take(fact);
        self.scheduler.frontier.agrees(&self.plan, &self.scheduler.progress).unwrap();
        for event in &moves.events {
            self.check_event(event);
            self.events.push(event.clone());
        }
        for action in moves.actions {
            match action {
                Action::Prepare(stage) => {
                    assert!(self.prepared.insert(stage), "stage {stage} prepared twice");
                    self.open.push(Open::Prepare(stage));
                }
                Action::StartStep { key, .. } => {
                    assert!(self.begun.insert(key), "step {key} started twice");
                    assert!(self.prepared.contains(&key.stage) && !self.destroyed.contains(&key.stage), "step {key} without a place");
                    self.open.push(Open::Start(key));
                }
                Action::MakeAhead(key) => {
                    assert!(!self.begun.contains(&key) && self.ahead.insert(key), "step {key} is made ahead when it has started, or twice");
                }
                Action::Destroy { stage, .. } => {
                    assert!(self.destroyed.insert(stage), "stage {stage} destroyed twice");
                    let busy = self.open.iter().any(|open| matches!(open, Open::Start(key) | Open::Step(key) if key.stage == stage));
                    assert!(!busy, "stage {stage} destroyed while a step runs");
                    self.open.push(Open::Destroy(stage));
                }
                Action::StopStep { key, .. } => {
                    assert!(self.open.iter().any(|open| matches!(open, Open::Start(k) | Open::Step(k) if *k == key)), "{key} does not run");
                }
                Action::StopPrepare { stage, .. } => assert!(self.open.contains(&Open::Prepare(stage)), "{stage} is not being prepared"),
            }
        }
    }

    fn check_event(&self, event: &RunEvent) {
        if let RunEvent::StepStarting { key } = event {
            let step = planned(&self.plan, *key).unwrap();
            for &need in &step.needs {
                let need = StepKey { step: need, ..*key };
                let detached = planned(&self.plan, need).unwrap().detached;
                let met = self.events.iter().any(|event| match event {
                    RunEvent::StepEnded { key, .. } | RunEvent::StepSkipped { key, .. } => *key == need,
                    RunEvent::StepStarted { key } => *key == need && detached,
                    _ => false,
                });
                assert!(met, "step {key} starts before {need}");
                self.check_over_behind(need);
            }
        }
        if let RunEvent::StagePreparing { stage } = event {
            for need in &self.plan.stage(*stage).unwrap().needs {
                let met = self.events.iter().any(|event| matches!(event, RunEvent::StageEnded { stage, .. } if stage == need));
                assert!(met, "stage {stage} is prepared before {need} has ended");
            }
        }
    }

    /// What a skipped step waited for must be over too, or a step behind it would overtake.
    fn check_over_behind(&self, key: StepKey) {
        if !self.events.iter().any(|event| matches!(event, RunEvent::StepSkipped { key: skipped, .. } if *skipped == key)) {
            return;
        }
        for &need in &planned(&self.plan, key).unwrap().needs {
            let need = StepKey { step: need, ..key };
            let is_under_way = self.open.iter().any(|open| matches!(open, Open::Start(k) | Open::Step(k) if *k == need));
            let detached = planned(&self.plan, need).unwrap().detached;
            assert!(detached || !is_under_way, "something overtakes step {need}");
            self.check_over_behind(need);
        }
    }

    /// Something of what is under way goes on.
    fn go_on(&mut self, which: usize, how: u8) {
        let open = self.open.swap_remove(which);
        let exit = || match how % 8 {
            0..4 => exit_code(0),
            4 => exit_code(78),
            5 => exit_code(1),
            6 => Exit::Program(StepExit::OutOfMemory),
            _ => Exit::failed(Message::verbatim("gone"), Message::default()),
        };
        let fact = match open {
            Open::Prepare(stage) if how % 8 == 7 => {
                Fact::PrepareFailed { stage, message: Message::verbatim("gone"), hint: Message::default() }
            }
            Open::Prepare(stage) => Fact::StagePrepared { stage },
            Open::Start(key) if how >= 32 => {
                self.open.push(Open::Step(key));
                Fact::StepStarted { key }
            }
            Open::Start(key) | Open::Step(key) => ended(key, exit()),
            Open::Destroy(stage) => Fact::StageDestroyed { stage, leftovers: vec![], kept: how.is_multiple_of(2) },
        };
        self.take(fact);
    }

    fn check_end(&self) {
        assert!(self.scheduler.run_state().is_final());
        assert_eq!(self.prepared, self.destroyed);
        assert_eq!(self.events.iter().filter(|event| matches!(event, RunEvent::RunEnded { .. })).count(), 1);
        let mut after = self.events.iter().skip_while(|event| !matches!(event, RunEvent::RunEnded { .. })).skip(1);
        assert!(after.all(|event| matches!(event, RunEvent::StageDestroyed { .. })));
        for stage in &self.scheduler.progress.stages {
            assert!(stage.state.is_final());
            assert!(stage.steps.iter().all(|step| step.state.is_final()));
        }
        let passed = self.scheduler.run_state() == RunState::Passed;
        let is_fine = |s: &progress::StageProgress| matches!(s.state, StageState::Passed | StageState::Skipped);
        assert_eq!(passed, self.scheduler.progress.stages.iter().all(is_fine) && self.scheduler.progress.cancel.is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_once_and_in_order(
        plan in any_plan(),
        world in prop::collection::vec((any::<Index>(), any::<u8>(), 0u8..40), 200),
    ) {
        let plan = Arc::new(plan);
        let mut run = World {
            scheduler: Scheduler::new(Arc::clone(&plan)).unwrap(),
            plan: Arc::clone(&plan),
            open: vec![],
            events: vec![],
            begun: BTreeSet::new(),
            ahead: BTreeSet::new(),
            prepared: BTreeSet::new(),
            destroyed: BTreeSet::new(),
        };
        let mut begun = false;
        for (which, how, extra) in world {
            if run.scheduler.is_clean() {
                break;
            }
            match extra {
                0 => run.take(Fact::CancelAsked { reason: CancelReason::User }),
                1 => run.take(Fact::CancelAsked { reason: CancelReason::TimedOut }),
                2 => run.take(Fact::CancelAsked { reason: CancelReason::Forced }),
                3 => run.take(Fact::StepOverdue { key: StepKey::first(StageNumber(1), StepNumber(u32::from(how % 6))) }),
                _ if !begun => {
                    begun = true;
                    run.take(Fact::Begun);
                }
                _ => {
                    prop_assert!(!run.open.is_empty(), "nothing is under way and the run is not over: {:?}", run.events);
                    run.go_on(which.index(run.open.len()), how);
                }
            }
            // What is stored is all that there is to know.
            let again = Scheduler::replay(Arc::clone(&plan), &run.events).unwrap();
            prop_assert_eq!(known(&again), known(&run.scheduler));
        }
        run.check_end();
    }
}

/// Everything but why running steps were told to end, which a replay finds out again.
fn known(scheduler: &Scheduler) -> String {
    let Progress { run, attempt, cancel, trouble, stages } = &scheduler.progress;
    let stages = stages.iter().map(|stage| {
        let steps: Vec<_> = stage.steps.iter().map(|step| (step.state, step.attempt, step.created, step.started, step.counted)).collect();
        (stage.state, stage.place, stage.trouble, stage.went_wrong, stage.has_files, steps)
    });
    format!("{run:?} {attempt} {cancel:?} {trouble:?} {:?}", stages.collect::<Vec<_>>())
}
