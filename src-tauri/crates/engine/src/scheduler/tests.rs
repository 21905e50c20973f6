//! Plain tests: facts in, a line of text per move out.

use super::*;
use lp_model::{BackendKind, Dialect, EventFacts, EventKind, PLAN_VERSION, RunOn, StepKind, StepNumber, Workspace};
use std::collections::BTreeMap;

pub(super) fn plan(stages: Vec<Stage>) -> Plan {
    Plan {
        version: PLAN_VERSION,
        dialect: Dialect::Drone1,
        file: ".drone.yml".into(),
        event: EventFacts::new(EventKind::Push),
        timeout_s: 3600,
        cleanup_on_cancel: false,
        stages,
    }
}

pub(super) fn stage(number: u32, needs: &[u32], steps: Vec<Step>) -> Stage {
    Stage {
        number: StageNumber(number),
        name: format!("stage{number}"),
        backend: BackendKind::Docker,
        needs: needs.iter().copied().map(StageNumber).collect(),
        run_on: RunOn::default(),
        workspace: Workspace { base: "/drone/src".into(), path: String::new() },
        source: true,
        concurrency: None,
        file: String::new(),
        matrix: BTreeMap::new(),
        volumes: vec![],
        steps,
    }
}

pub(super) fn step(number: u32, needs: &[u32]) -> Step {
    let mut step = Step::new(number, &format!("step{number}"), StepKind::Commands);
    step.needs = needs.iter().copied().map(StepNumber).collect();
    step
}

pub(super) const ON_FAILURE: RunOn = RunOn { success: false, failure: true };
pub(super) const ALWAYS: RunOn = RunOn { success: true, failure: true };

fn with(mut step: Step, change: impl FnOnce(&mut Step)) -> Step {
    change(&mut step);
    step
}

fn key(stage: u32, step: u32) -> StepKey {
    StepKey::first(StageNumber(stage), StepNumber(step))
}

/// A run whose moves are written down as text.
struct Table(Scheduler);

impl Table {
    fn new(plan: Plan) -> Self {
        Self(Scheduler::new(Arc::new(plan)).unwrap())
    }

    /// Begun, with its first stage ready.
    fn ready(stages: Vec<Stage>) -> Self {
        Self::begun(plan(stages))
    }

    fn begun(plan: Plan) -> Self {
        let mut table = Self::new(plan);
        table.take(Fact::Begun);
        table.take(Fact::StagePrepared { stage: StageNumber(1) });
        table
    }

    fn take(&mut self, fact: Fact) -> Vec<String> {
        let moves = self.0.take(fact);
        moves.events.iter().map(event_text).chain(moves.actions.iter().map(action_text)).collect()
    }

    fn exits(&mut self, stage: u32, step: u32, code: i32) -> Vec<String> {
        self.ends(stage, step, StepOutcome::Exited { code })
    }

    fn ends(&mut self, stage: u32, step: u32, outcome: StepOutcome) -> Vec<String> {
        self.take(Fact::StepEnded { key: key(stage, step), outcome })
    }

    fn starts(&mut self, stage: u32, step: u32) -> Vec<String> {
        self.take(Fact::StepStarted { key: key(stage, step) })
    }

    fn cancel(&mut self, reason: CancelReason) -> Vec<String> {
        self.take(Fact::CancelAsked { reason })
    }

    fn destroyed(&mut self, stage: u32) -> Vec<String> {
        self.take(Fact::StageDestroyed { stage: StageNumber(stage), leftovers: vec![] })
    }
}

fn event_text(event: &RunEvent) -> String {
    match event {
        RunEvent::RunStarted => "run started".into(),
        RunEvent::StagePreparing { stage } => format!("{stage} preparing"),
        RunEvent::StageReady { stage } => format!("{stage} ready"),
        RunEvent::StepStarting { key } => format!("{}.{} starting", key.stage, key.step),
        RunEvent::StepStarted { key } => format!("{}.{} started", key.stage, key.step),
        RunEvent::StepNoted { key, note } => format!("{}.{} noted {note}", key.stage, key.step),
        RunEvent::StepEnded { key, outcome } => format!("{}.{} {}", key.stage, key.step, outcome.state().as_str()),
        RunEvent::StepSkipped { key, reason } => format!("{}.{} skipped {reason:?}", key.stage, key.step),
        RunEvent::CancelRequested { reason } => format!("cancel {reason:?}"),
        RunEvent::StageEnded { stage, state, .. } => format!("{stage} {}", state.as_str()),
        RunEvent::StageDestroyed { stage, .. } => format!("{stage} destroyed"),
        RunEvent::RunEnded { state } => format!("run {}", state.as_str()),
    }
}

fn action_text(action: &Action) -> String {
    let how = |kill: &bool| if *kill { "kill" } else { "ask" };
    match action {
        Action::Prepare(stage) => format!("> prepare {stage}"),
        Action::StopPrepare { stage, kill } => format!("> {} prepare {stage}", how(kill)),
        Action::StartStep(key) => format!("> start {}.{}", key.stage, key.step),
        Action::StopStep { key, kill } => format!("> {} {}.{}", how(kill), key.stage, key.step),
        Action::Destroy(stage) => format!("> destroy {stage}"),
    }
}

#[test]
fn one_step_from_beginning_to_end() {
    let mut run = Table::new(plan(vec![stage(1, &[], vec![step(1, &[])])]));
    assert_eq!(run.take(Fact::Begun), ["run started", "1 preparing", "> prepare 1"]);
    assert_eq!(run.take(Fact::StagePrepared { stage: StageNumber(1) }), ["1 ready", "1.1 starting", "> start 1.1"]);
    assert_eq!(run.starts(1, 1), ["1.1 started"]);
    assert_eq!(run.exits(1, 1, 0), ["1.1 passed", "1 passed", "> destroy 1"]);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run passed"]);
    assert_eq!(run.exits(1, 1, 1), [""; 0], "nothing after the end");
}

#[test]
fn late_and_repeated_facts_change_nothing() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[]), step(2, &[1])])]);
    run.exits(1, 1, 0);
    for fact in [
        Fact::Begun,
        Fact::StagePrepared { stage: StageNumber(1) },
        Fact::StepStarted { key: key(1, 1) },
        Fact::StepEnded { key: key(1, 1), outcome: StepOutcome::OutOfMemory },
        Fact::StepEnded { key: key(9, 9), outcome: StepOutcome::OutOfMemory },
        Fact::StepOverdue { key: key(1, 1) },
        Fact::StepNoted { key: key(1, 1), note: "late".into() },
        Fact::StageDestroyed { stage: StageNumber(1), leftovers: vec![] },
        Fact::PrepareFailed { stage: StageNumber(7), message: String::new(), hint: String::new() },
    ] {
        assert_eq!(run.0.take(fact.clone()), Moves::default(), "{fact:?}");
    }
}

#[test]
fn a_graph_starts_what_is_free() {
    let mut run = Table::new(plan(vec![stage(1, &[], vec![step(1, &[]), step(2, &[]), step(3, &[1, 2]), step(4, &[1])])]));
    run.take(Fact::Begun);
    let ready = run.take(Fact::StagePrepared { stage: StageNumber(1) });
    assert_eq!(ready, ["1 ready", "1.1 starting", "1.2 starting", "> start 1.1", "> start 1.2"]);
    assert_eq!(run.exits(1, 1, 0), ["1.1 passed", "1.4 starting", "> start 1.4"]);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1.3 starting", "> start 1.3"]);
}

#[test]
fn after_a_failure_only_steps_that_want_it_run() {
    let steps = vec![
        step(1, &[]),
        step(2, &[1]),
        with(step(3, &[2]), |s| s.run_on = ON_FAILURE),
        with(step(4, &[3]), |s| s.run_on = ALWAYS),
        step(5, &[4]),
    ];
    let mut run = Table::ready(vec![stage(1, &[], steps.clone())]);
    assert_eq!(run.exits(1, 1, 1), ["1.1 failed", "1.2 skipped AfterFailure", "1.3 starting", "> start 1.3"]);
    let so_far = run.0.so_far(StageNumber(1));
    assert_eq!(so_far, SoFar { run_failing: true, stage_failing: true, failed_steps: vec!["step1".into()] });
    assert_eq!(run.exits(1, 3, 0), ["1.3 passed", "1.4 starting", "> start 1.4"]);
    assert_eq!(run.exits(1, 4, 0), ["1.4 passed", "1.5 skipped AfterFailure", "1 failed", "> destroy 1"]);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run failed"]);

    let mut run = Table::ready(vec![stage(1, &[], steps)]);
    run.exits(1, 1, 0);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1.3 skipped NothingFailed", "1.4 starting", "> start 1.4"]);
}

#[test]
fn a_failure_in_another_branch_counts_at_the_moment_of_starting() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[]), step(2, &[]), step(3, &[2])])]);
    assert_eq!(run.exits(1, 1, 1), ["1.1 failed"], "its sibling goes on");
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1.3 skipped AfterFailure", "1 failed", "> destroy 1"]);
}

#[test]
fn an_ignored_failure_is_shown_and_goes_on() {
    let mut run = Table::ready(vec![stage(1, &[], vec![with(step(1, &[]), |s| s.on_failure = OnFailure::Ignore), step(2, &[1])])]);
    assert_eq!(run.exits(1, 1, 1), ["1.1 failed", "1.2 starting", "> start 1.2"]);
    assert_eq!(run.0.so_far(StageNumber(1)).failed_steps, [""; 0]);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1 passed", "> destroy 1"]);
}

#[test]
fn failing_fast_stops_the_others_and_ends_as_failed() {
    let steps = vec![with(step(1, &[]), |s| s.on_failure = OnFailure::CancelRun), step(2, &[]), step(3, &[2])];
    let mut run = Table::ready(vec![stage(1, &[], steps), stage(2, &[1], vec![step(1, &[])])]);
    let moves = ["1.1 failed", "cancel StepFailed", "1.3 skipped Cancelled", "2.1 skipped Cancelled", "2 skipped", "> ask 1.2"];
    assert_eq!(run.exits(1, 1, 1), moves);
    assert_eq!(run.exits(1, 2, 143), ["1.2 cancelled", "1 failed", "> destroy 1"]);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run failed"]);
}

#[test]
fn exit_78_ends_the_stage_as_passed() {
    let steps = || {
        vec![
            with(step(1, &[]), |s| s.exit_78_ends_stage = true),
            step(2, &[1]),
            with(step(3, &[2]), |s| s.run_on = ALWAYS),
            with(step(4, &[3]), |s| s.run_on = ON_FAILURE),
        ]
    };
    let mut run = Table::ready(vec![stage(1, &[], steps())]);
    assert_eq!(run.exits(1, 1, 78), ["1.1 passed", "1.2 skipped EndedEarly", "1.3 starting", "> start 1.3"]);
    assert_eq!(run.exits(1, 3, 0), ["1.3 passed", "1.4 skipped EndedEarly", "1 passed", "> destroy 1"]);

    let mut plain = steps();
    plain[0].exit_78_ends_stage = false;
    let mut run = Table::ready(vec![stage(1, &[], plain)]);
    assert_eq!(run.exits(1, 1, 78)[0], "1.1 failed");
}

#[test]
fn a_service_is_needed_started_and_ends_with_the_stage() {
    let mut service = Step::new(1, "db", StepKind::Service);
    service.on_failure = OnFailure::CancelRun;
    let stages = vec![stage(1, &[], vec![service, step(2, &[1])])];
    let mut run = Table::ready(stages.clone());
    assert_eq!(run.starts(1, 1), ["1.1 started", "1.2 starting", "> start 1.2"]);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "> kill 1.1"]);
    assert_eq!(run.exits(1, 1, 137), ["1.1 passed", "1 passed", "> destroy 1"]);

    // Its own end in the middle does not count.
    let mut run = Table::ready(stages.clone());
    run.starts(1, 1);
    assert_eq!(run.exits(1, 1, 1), ["1.1 failed"]);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1 passed", "> destroy 1"]);

    // That it cannot be started does.
    let mut service_ignored = stages.clone();
    service_ignored[0].steps[0].on_failure = OnFailure::Fail;
    let mut run = Table::ready(service_ignored);
    let outcome = StepOutcome::Errored { message: "no image".into(), hint: String::new() };
    assert_eq!(run.ends(1, 1, outcome), ["1.1 errored", "1.2 skipped AfterFailure", "1 errored", "> destroy 1"]);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run errored"]);
}

#[test]
fn a_stage_of_detached_steps_alone_starts_and_ends_them() {
    let mut run = Table::new(plan(vec![stage(1, &[], vec![with(step(1, &[]), |s| s.detached = true)])]));
    run.take(Fact::Begun);
    assert_eq!(run.take(Fact::StagePrepared { stage: StageNumber(1) }), ["1 ready", "1.1 starting", "> start 1.1", "> kill 1.1"]);
    assert_eq!(run.exits(1, 1, 137), ["1.1 passed", "1 passed", "> destroy 1"]);
}

#[test]
fn errored_only_when_nothing_failed_before() {
    let errored = || StepOutcome::Errored { message: "gone".into(), hint: String::new() };
    for (first, then, expected) in [
        (StepOutcome::Exited { code: 1 }, errored(), "failed"),
        (errored(), StepOutcome::Exited { code: 1 }, "errored"),
        (StepOutcome::Exited { code: 0 }, errored(), "errored"),
        (StepOutcome::OutOfMemory, StepOutcome::Exited { code: 0 }, "failed"),
        (StepOutcome::Signalled { signal: 11 }, StepOutcome::Exited { code: 0 }, "failed"),
    ] {
        let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[]), step(2, &[])])]);
        run.ends(1, 1, first.clone());
        assert_eq!(run.ends(1, 2, then.clone())[1], format!("1 {expected}"), "{first:?} {then:?}");
        assert_eq!(run.destroyed(1)[1], format!("run {expected}"), "{first:?} {then:?}");
    }
}

#[test]
fn a_stage_that_cannot_be_prepared_is_destroyed_all_the_same() {
    let mut run = Table::new(plan(vec![stage(1, &[], vec![step(1, &[])]), stage(2, &[1], vec![step(1, &[])])]));
    run.take(Fact::Begun);
    let (message, hint) = ("no disk".to_owned(), "buy one".to_owned());
    let moves = run.0.take(Fact::PrepareFailed { stage: StageNumber(1), message: message.clone(), hint: hint.clone() });
    assert_eq!(moves.events[0], RunEvent::StepSkipped { key: key(1, 1), reason: SkipReason::StageErrored });
    assert_eq!(moves.events[1], RunEvent::StageEnded { stage: StageNumber(1), state: StageState::Errored, message, hint });
    assert_eq!(moves.events[2], RunEvent::StepSkipped { key: key(2, 1), reason: SkipReason::AfterFailure });
    assert_eq!(moves.actions, [Action::Destroy(StageNumber(1))]);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run errored"]);
}

#[test]
fn stages_wait_for_stages() {
    let mut on_failure = stage(3, &[1], vec![step(1, &[])]);
    on_failure.run_on = ON_FAILURE;
    // 4 needs the clean-up stage: when that had nothing to do, nothing has gone wrong.
    let one = |number, needs: &[u32]| stage(number, needs, vec![step(1, &[])]);
    let stages = vec![one(1, &[]), one(2, &[1]), on_failure, one(4, &[3])];
    let mut run = Table::ready(stages.clone());
    let moves = run.exits(1, 1, 0);
    assert_eq!(moves[..6], ["1.1 passed", "1 passed", "2 preparing", "3.1 skipped NothingFailed", "3 skipped", "4 preparing"]);
    assert_eq!(moves[6..], ["> destroy 1", "> prepare 2", "> prepare 4"]);

    let mut run = Table::ready(stages);
    let moves = run.exits(1, 1, 1);
    assert_eq!(moves[..5], ["1.1 failed", "1 failed", "2.1 skipped AfterFailure", "2 skipped", "3 preparing"]);
    assert_eq!(moves[5..], ["> destroy 1", "> prepare 3"]);
    run.take(Fact::StagePrepared { stage: StageNumber(3) });
    assert_eq!(run.exits(3, 1, 0)[2], "4 preparing");
}

#[test]
fn a_skipped_stage_passes_a_failure_on() {
    let one = |number, needs: &[u32]| stage(number, needs, vec![step(1, &[])]);
    let mut run = Table::ready(vec![one(1, &[]), one(2, &[1]), one(3, &[2])]);
    let moves = run.exits(1, 1, 1);
    assert!(moves.contains(&"2.1 skipped AfterFailure".into()) && moves.contains(&"3.1 skipped AfterFailure".into()), "{moves:?}");
}

#[test]
fn the_first_cancel_asks_and_the_second_kills() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[]), step(2, &[1])])]);
    run.starts(1, 1);
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "1.2 skipped Cancelled", "> ask 1.1"]);
    assert_eq!(run.cancel(CancelReason::Superseded), [""; 0], "a weaker reason changes nothing");
    assert_eq!(run.cancel(CancelReason::User), ["cancel Forced", "> kill 1.1"]);
    assert_eq!(run.cancel(CancelReason::User), [""; 0]);
    assert_eq!(run.exits(1, 1, 0), ["1.1 cancelled", "1 cancelled", "> destroy 1"], "whether it was complete cannot be known");
    assert_eq!(run.cancel(CancelReason::User), [""; 0], "only the clean-up is left");
    assert_eq!(run.destroyed(1), ["1 destroyed", "run cancelled"]);
}

#[test]
fn errors_that_the_cancel_caused_are_cancelled() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[])])]);
    run.cancel(CancelReason::User);
    let outcome = StepOutcome::Errored { message: "connection closed".into(), hint: String::new() };
    assert_eq!(run.ends(1, 1, outcome), ["1.1 cancelled", "1 cancelled", "> destroy 1"]);
}

#[test]
fn a_service_outlives_the_step_in_its_grace_time() {
    let steps = vec![Step::new(1, "db", StepKind::Service), step(2, &[1])];
    let mut run = Table::ready(vec![stage(1, &[], steps.clone())]);
    run.starts(1, 1);
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "> ask 1.2"]);
    assert_eq!(run.exits(1, 2, 143), ["1.2 cancelled", "> kill 1.1"]);
    assert_eq!(run.exits(1, 1, 137), ["1.1 passed", "1 cancelled", "> destroy 1"]);

    let mut run = Table::ready(vec![stage(1, &[], steps)]);
    run.starts(1, 1);
    assert_eq!(run.cancel(CancelReason::Forced), ["cancel Forced", "> kill 1.1", "> kill 1.2"]);
}

#[test]
fn cancelled_in_the_line_while_preparing_and_in_clean_up() {
    let stages = vec![stage(1, &[], vec![step(1, &[])])];
    let mut run = Table::new(plan(stages.clone()));
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "1.1 skipped Cancelled", "1 skipped", "run cancelled"]);

    let mut run = Table::new(plan(stages.clone()));
    run.take(Fact::Begun);
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "> ask prepare 1"]);
    let failed = Fact::PrepareFailed { stage: StageNumber(1), message: "cancelled".into(), hint: String::new() };
    assert_eq!(run.take(failed), ["1.1 skipped Cancelled", "1 cancelled", "> destroy 1"]);

    // It was ready before it heard of the cancel.
    let mut run = Table::new(plan(stages.clone()));
    run.take(Fact::Begun);
    run.cancel(CancelReason::User);
    let ready = run.take(Fact::StagePrepared { stage: StageNumber(1) });
    assert_eq!(ready, ["1 ready", "1.1 skipped Cancelled", "1 cancelled", "> destroy 1"]);

    let mut run = Table::ready(stages);
    run.exits(1, 1, 0);
    assert_eq!(run.cancel(CancelReason::Forced), [""; 0]);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run passed"]);
}

#[test]
fn the_reason_names_the_end_of_the_run() {
    for (reason, ended, end) in [
        (CancelReason::Superseded, "1.1 cancelled", "run cancelled"),
        (CancelReason::TimedOut, "1.1 failed", "run timed_out"),
        (CancelReason::User, "1.1 cancelled", "run cancelled"),
        (CancelReason::Forced, "1.1 cancelled", "run cancelled"),
    ] {
        let mut run = Table::ready(vec![stage(1, &[], vec![with(step(1, &[]), |s| s.on_failure = OnFailure::Ignore)])]);
        run.cancel(reason);
        assert_eq!(run.exits(1, 1, 1), [ended, "1 cancelled", "> destroy 1"], "{reason:?}");
        assert_eq!(run.destroyed(1)[1], end, "{reason:?}");
    }
}

#[test]
fn an_overdue_step_has_failed() {
    let steps = vec![step(1, &[]), with(step(2, &[1]), |s| s.run_on = ON_FAILURE)];
    let mut run = Table::ready(vec![stage(1, &[], steps)]);
    assert_eq!(run.take(Fact::StepOverdue { key: key(1, 1) }), ["> ask 1.1"]);
    assert_eq!(run.take(Fact::StepOverdue { key: key(1, 1) }), [""; 0]);
    let moves = run.0.take(Fact::StepEnded { key: key(1, 1), outcome: StepOutcome::Exited { code: 143 } });
    let outcome = StepOutcome::Cancelled { reason: CancelReason::TimedOut };
    assert_eq!(moves.events[0], RunEvent::StepEnded { key: key(1, 1), outcome });
    assert_eq!(moves.actions, [Action::StartStep(key(1, 2))]);
    run.exits(1, 2, 0);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run failed"]);
}

#[test]
fn cleaning_up_after_a_cancel() {
    let steps = vec![step(1, &[]), step(2, &[1]), with(step(3, &[2]), |s| s.run_on = ON_FAILURE)];
    let mut cleaning = plan(vec![stage(1, &[], steps)]);
    cleaning.cleanup_on_cancel = true;

    let mut run = Table::begun(cleaning.clone());
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "> ask 1.1"]);
    assert_eq!(run.exits(1, 1, 143), ["1.1 cancelled", "1.2 skipped Cancelled", "1.3 starting", "> start 1.3"]);
    assert!(run.0.so_far(StageNumber(1)).stage_failing);
    assert_eq!(run.exits(1, 3, 0), ["1.3 passed", "1 cancelled", "> destroy 1"]);
    assert_eq!(run.destroyed(1), ["1 destroyed", "run cancelled"]);

    for second in [CancelReason::User, CancelReason::Forced, CancelReason::TimedOut] {
        let mut run = Table::begun(cleaning.clone());
        run.cancel(CancelReason::User);
        let moves = ["cancel Forced", "1.2 skipped Cancelled", "1.3 skipped Cancelled", "> kill 1.1"];
        assert_eq!(run.cancel(second), moves, "{second:?}");
    }
    let mut run = Table::begun(cleaning);
    let moves = ["cancel TimedOut", "1.2 skipped Cancelled", "1.3 skipped Cancelled", "> ask 1.1"];
    assert_eq!(run.cancel(CancelReason::TimedOut), moves, "no time is left for cleaning up");
}

#[test]
fn empty_plans_and_stages_pass() {
    let mut run = Table::new(plan(vec![]));
    assert_eq!(run.take(Fact::Begun), ["run started", "run passed"]);
    let mut run = Table::new(plan(vec![]));
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "run cancelled"]);
    let mut run = Table::new(plan(vec![stage(1, &[], vec![])]));
    run.take(Fact::Begun);
    assert_eq!(run.take(Fact::StagePrepared { stage: StageNumber(1) }), ["1 ready", "1 passed", "> destroy 1"]);
}

#[test]
fn a_plan_that_could_never_end_is_refused() {
    let refused = |stages| Scheduler::new(Arc::new(plan(stages))).unwrap_err().to_string();
    assert_eq!(refused(vec![stage(1, &[], vec![step(1, &[2]), step(2, &[1])])]), "step `step1` waits for itself");
    assert_eq!(refused(vec![stage(1, &[1], vec![])]), "stage `stage1` waits for itself");
    assert_eq!(refused(vec![stage(1, &[], vec![step(1, &[7])])]), "step `step1` needs number 7, which does not exist");
    assert_eq!(refused(vec![stage(1, &[0], vec![])]), "stage `stage1` needs number 0, which does not exist");
    assert_eq!(refused(vec![stage(2, &[], vec![])]), "stage `stage2` is not numbered by its position");
}

#[test]
fn stored_events_that_make_no_sense_are_refused() {
    let plan = Arc::new(plan(vec![stage(1, &[], vec![step(1, &[])])]));
    let replay = |events: &[RunEvent]| Scheduler::replay(Arc::clone(&plan), events).unwrap_err().to_string();
    assert_eq!(replay(&[RunEvent::RunStarted, RunEvent::RunStarted]), "the run cannot go from `running` to `running`");
    assert_eq!(replay(&[RunEvent::StepStarted { key: key(1, 1) }]), "step 1.1.1 cannot go from `pending` to `running`");
    assert_eq!(replay(&[RunEvent::StageReady { stage: StageNumber(4) }]), "the plan has no stage 4");
    assert_eq!(replay(&[RunEvent::StepStarting { key: key(1, 0) }]), "the plan has no step 1.0.1");
}

#[test]
fn an_unfinished_run_can_be_closed_as_interrupted() {
    let steps = vec![step(1, &[]), step(2, &[1]), step(3, &[2])];
    let plan = Arc::new(plan(vec![stage(1, &[], steps), stage(2, &[1], vec![step(1, &[])])]));
    let mut run = Scheduler::new(Arc::clone(&plan)).unwrap();
    let mut events = run.take(Fact::Begun).events;
    events.extend(run.take(Fact::StagePrepared { stage: StageNumber(1) }).events);
    events.extend(run.take(Fact::StepEnded { key: key(1, 1), outcome: StepOutcome::Exited { code: 0 } }).events);

    let closed = Scheduler::replay(Arc::clone(&plan), &events).unwrap().interrupt();
    assert_eq!(
        closed.iter().map(event_text).collect::<Vec<_>>(),
        ["1.2 interrupted", "1.3 interrupted", "1 interrupted", "2.1 interrupted", "2 interrupted", "run interrupted"]
    );
    events.extend(closed);
    let mut again = Scheduler::replay(plan, &events).unwrap();
    assert_eq!(again.run_state(), RunState::Interrupted);
    assert_eq!(again.interrupt(), []);
}
