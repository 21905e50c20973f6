//! Plain tests: facts in, a line of text per move out.

use super::*;
use lp_backend::StepExit;
use lp_model::Message;
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
        cleanup_timeout_s: lp_model::CLEANUP_TIMEOUT_S,
        left_out: vec![],
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
        checkout: None,
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

pub(super) fn exit_code(code: i32) -> Exit {
    Exit::Program(StepExit::Code(code))
}

pub(super) fn ended(key: StepKey, exit: Exit) -> Fact {
    Fact::StepEnded { key, exit, evidence: Evidence::default() }
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
        texts(&self.0.take(fact)).into_iter().filter(|text| !text.starts_with("> make ahead")).collect()
    }

    fn exits(&mut self, stage: u32, step: u32, code: i32) -> Vec<String> {
        self.ends(stage, step, exit_code(code))
    }

    fn ends(&mut self, stage: u32, step: u32, exit: Exit) -> Vec<String> {
        self.take(ended(key(stage, step), exit))
    }

    fn starts(&mut self, stage: u32, step: u32) -> Vec<String> {
        self.take(Fact::StepStarted { key: key(stage, step) })
    }

    fn cancel(&mut self, reason: CancelReason) -> Vec<String> {
        self.take(Fact::CancelAsked { reason })
    }

    fn destroyed(&mut self, stage: u32) -> Vec<String> {
        self.take(Fact::StageDestroyed { stage: StageNumber(stage), leftovers: vec![], kept: false })
    }
}

fn texts(moves: &Moves) -> Vec<String> {
    moves.events.iter().map(event_text).chain(moves.actions.iter().map(action_text)).collect()
}

fn event_text(event: &RunEvent) -> String {
    match event {
        RunEvent::RunStarted => "run started".into(),
        RunEvent::StagePreparing { stage } => format!("{stage} preparing"),
        RunEvent::StagePlaced { stage, engine, .. } => format!("{stage} on {engine}"),
        RunEvent::StageReady { stage } => format!("{stage} ready"),
        RunEvent::StepStarting { key } => format!("{}.{} starting", key.stage, key.step),
        RunEvent::StepCreated { key } => format!("{}.{} created", key.stage, key.step),
        RunEvent::StepStarted { key } => format!("{}.{} started", key.stage, key.step),
        RunEvent::StepNoted { key, note } => format!("{}.{} noted {note}", key.stage, key.step),
        RunEvent::StepEnded { key, outcome } => format!("{}.{} {}", key.stage, key.step, outcome.state().as_str()),
        RunEvent::StepSkipped { key, reason } => format!("{}.{} skipped {reason:?}", key.stage, key.step),
        RunEvent::CancelRequested { reason } => format!("cancel {reason:?}"),
        RunEvent::StageEnded { stage, state, .. } => format!("{stage} {}", state.as_str()),
        RunEvent::StageDestroyed { stage, kept, .. } => format!("{stage} destroyed{}", if *kept { ", files kept" } else { "" }),
        RunEvent::RunResumed => "run resumed".into(),
        RunEvent::RunRetried { attempt, stages, steps } => {
            let stages: Vec<_> = stages.iter().map(ToString::to_string).collect();
            let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
            format!("attempt {attempt}: stages {}, steps {}", stages.join(" "), steps.join(" "))
        }
        RunEvent::RunEnded { state } => format!("run {}", state.as_str()),
    }
}

fn action_text(action: &Action) -> String {
    let how = |kill: &bool| if *kill { "kill" } else { "ask" };
    match action {
        Action::Prepare(stage) => format!("> prepare {stage}"),
        Action::StopPrepare { stage, kill } => format!("> {} prepare {stage}", how(kill)),
        Action::StartStep { key, before } => {
            let verb = if *before == Before::Created { "attach" } else { "start" };
            format!("> {verb} {}.{}", key.stage, key.step)
        }
        Action::MakeAhead(key) => format!("> make ahead {}.{}", key.stage, key.step),
        Action::StopStep { key, kill } => format!("> {} {}.{}", how(kill), key.stage, key.step),
        Action::Destroy { stage, keep: Keep::Nothing } => format!("> destroy {stage}"),
        Action::Destroy { stage, keep: Keep::Files } => format!("> destroy {stage}, keep files"),
    }
}

#[test]
fn one_step_from_beginning_to_end() {
    let mut run = Table::new(plan(vec![stage(1, &[], vec![step(1, &[])])]));
    assert_eq!(run.take(Fact::Begun), ["run started", "1 preparing", "> prepare 1"]);
    assert_eq!(run.take(Fact::StagePrepared { stage: StageNumber(1) }), ["1 ready", "1.1 starting", "> start 1.1"]);
    assert_eq!(run.starts(1, 1), ["1.1 started"]);
    assert_eq!(run.exits(1, 1, 0), ["1.1 passed", "1 passed", "run passed", "> destroy 1"]);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);
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
        ended(key(1, 1), Exit::Program(StepExit::OutOfMemory)),
        ended(key(9, 9), Exit::Program(StepExit::OutOfMemory)),
        Fact::StepOverdue { key: key(1, 1) },
        Fact::StepNoted { key: key(1, 1), note: Message::verbatim("late") },
        Fact::StageDestroyed { stage: StageNumber(1), leftovers: vec![], kept: false },
        Fact::PrepareFailed { stage: StageNumber(7), message: Message::default(), hint: Message::default() },
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
    assert_eq!(run.exits(1, 4, 0), ["1.4 passed", "1.5 skipped AfterFailure", "1 failed", "run failed", "> destroy 1, keep files"]);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);

    let mut run = Table::ready(vec![stage(1, &[], steps)]);
    run.exits(1, 1, 0);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1.3 skipped NothingFailed", "1.4 starting", "> start 1.4"]);
}

#[test]
fn a_failure_in_another_branch_counts_at_the_moment_of_starting() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[]), step(2, &[]), step(3, &[2])])]);
    assert_eq!(run.exits(1, 1, 1), ["1.1 failed"], "its sibling goes on");
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1.3 skipped AfterFailure", "1 failed", "run failed", "> destroy 1, keep files"]);
}

#[test]
fn an_ignored_failure_is_shown_and_goes_on() {
    let mut run = Table::ready(vec![stage(1, &[], vec![with(step(1, &[]), |s| s.on_failure = OnFailure::Ignore), step(2, &[1])])]);
    assert_eq!(run.exits(1, 1, 1), ["1.1 failed", "1.2 starting", "> start 1.2"]);
    assert_eq!(run.0.so_far(StageNumber(1)).failed_steps, [""; 0]);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1 passed", "run passed", "> destroy 1"]);
}

#[test]
fn failing_fast_stops_the_others_and_ends_as_failed() {
    let steps = vec![with(step(1, &[]), |s| s.on_failure = OnFailure::CancelRun), step(2, &[]), step(3, &[2])];
    let mut run = Table::ready(vec![stage(1, &[], steps), stage(2, &[1], vec![step(1, &[])])]);
    let moves = ["1.1 failed", "cancel StepFailed", "1.3 skipped Cancelled", "2.1 skipped Cancelled", "2 skipped", "> ask 1.2"];
    assert_eq!(run.exits(1, 1, 1), moves);
    assert_eq!(run.exits(1, 2, 143), ["1.2 cancelled", "1 failed", "run failed", "> destroy 1, keep files"]);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);
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
    assert_eq!(run.exits(1, 3, 0), ["1.3 passed", "1.4 skipped EndedEarly", "1 passed", "run passed", "> destroy 1"]);

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
    assert_eq!(run.exits(1, 1, 137), ["1.1 passed", "1 passed", "run passed", "> destroy 1"]);

    // Its own end in the middle does not count.
    let mut run = Table::ready(stages.clone());
    run.starts(1, 1);
    assert_eq!(run.exits(1, 1, 1), ["1.1 failed"]);
    assert_eq!(run.exits(1, 2, 0), ["1.2 passed", "1 passed", "run passed", "> destroy 1"]);

    // That it cannot be started does.
    let mut service_ignored = stages.clone();
    service_ignored[0].steps[0].on_failure = OnFailure::Fail;
    let mut run = Table::ready(service_ignored);
    let exit = Exit::failed(Message::verbatim("no image"), Message::default());
    assert_eq!(run.ends(1, 1, exit), ["1.1 errored", "1.2 skipped AfterFailure", "1 errored", "run errored", "> destroy 1, keep files"]);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);
}

#[test]
fn a_stage_of_detached_steps_alone_starts_and_ends_them() {
    let mut run = Table::new(plan(vec![stage(1, &[], vec![with(step(1, &[]), |s| s.detached = true)])]));
    run.take(Fact::Begun);
    assert_eq!(run.take(Fact::StagePrepared { stage: StageNumber(1) }), ["1 ready", "1.1 starting", "> start 1.1", "> kill 1.1"]);
    assert_eq!(run.exits(1, 1, 137), ["1.1 passed", "1 passed", "run passed", "> destroy 1"]);
}

#[test]
fn errored_only_when_nothing_failed_before() {
    let errored = || Exit::failed(Message::verbatim("gone"), Message::default());
    for (first, then, expected) in [
        (exit_code(1), errored(), "failed"),
        (errored(), exit_code(1), "errored"),
        (exit_code(0), errored(), "errored"),
        (Exit::Program(StepExit::OutOfMemory), exit_code(0), "failed"),
        (Exit::Program(StepExit::Signal(11)), exit_code(0), "failed"),
    ] {
        let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[]), step(2, &[])])]);
        run.ends(1, 1, first.clone());
        let moves = run.ends(1, 2, then.clone());
        assert_eq!(moves[1..3], [format!("1 {expected}"), format!("run {expected}")], "{first:?} {then:?}");
    }
}

#[test]
fn a_stage_that_cannot_be_prepared_is_destroyed_all_the_same() {
    let mut run = Table::new(plan(vec![stage(1, &[], vec![step(1, &[])]), stage(2, &[1], vec![step(1, &[])])]));
    run.take(Fact::Begun);
    let (message, hint) = (Message::verbatim("no disk"), Message::verbatim("buy one"));
    let moves = run.0.take(Fact::PrepareFailed { stage: StageNumber(1), message: message.clone(), hint: hint.clone() });
    assert_eq!(moves.events[0], RunEvent::StepSkipped { key: key(1, 1), reason: SkipReason::StageErrored });
    assert_eq!(moves.events[1], RunEvent::StageEnded { stage: StageNumber(1), state: StageState::Errored, message, hint });
    assert_eq!(moves.events[2], RunEvent::StepSkipped { key: key(2, 1), reason: SkipReason::AfterFailure });
    assert_eq!(moves.actions, [Action::Destroy { stage: StageNumber(1), keep: Keep::Nothing }]);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);
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
    assert_eq!(moves[5..], ["> destroy 1, keep files", "> prepare 3"]);
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
fn a_cancel_asks_once_and_only_a_kill_kills() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[]), step(2, &[1])])]);
    run.starts(1, 1);
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "1.2 skipped Cancelled", "> ask 1.1"]);
    assert_eq!(run.cancel(CancelReason::Superseded), [""; 0], "a weaker reason changes nothing");
    assert_eq!(run.cancel(CancelReason::User), [""; 0], "a second press changes nothing");
    assert_eq!(run.cancel(CancelReason::Forced), ["cancel Forced", "> kill 1.1"]);
    assert_eq!(run.cancel(CancelReason::Forced), [""; 0]);
    assert_eq!(run.cancel(CancelReason::User), [""; 0]);
    assert_eq!(
        run.exits(1, 1, 0),
        ["1.1 cancelled", "1 cancelled", "run cancelled", "> destroy 1, keep files"],
        "whether it was complete cannot be known"
    );
    assert_eq!(run.cancel(CancelReason::User), [""; 0], "only the clean-up is left");
    assert_eq!(run.destroyed(1), ["1 destroyed"]);
}

#[test]
fn errors_that_the_cancel_caused_are_cancelled() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[])])]);
    run.cancel(CancelReason::User);
    let exit = Exit::failed(Message::verbatim("connection closed"), Message::default());
    assert_eq!(run.ends(1, 1, exit), ["1.1 cancelled", "1 cancelled", "run cancelled", "> destroy 1, keep files"]);
}

#[test]
fn a_service_outlives_the_step_in_its_grace_time() {
    let steps = vec![Step::new(1, "db", StepKind::Service), step(2, &[1])];
    let mut run = Table::ready(vec![stage(1, &[], steps.clone())]);
    run.starts(1, 1);
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "> ask 1.2"]);
    assert_eq!(run.exits(1, 2, 143), ["1.2 cancelled", "> kill 1.1"]);
    assert_eq!(run.exits(1, 1, 137), ["1.1 passed", "1 cancelled", "run cancelled", "> destroy 1, keep files"]);

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
    let failed = Fact::PrepareFailed { stage: StageNumber(1), message: Message::verbatim("cancelled"), hint: Message::default() };
    assert_eq!(run.take(failed), ["1.1 skipped Cancelled", "1 cancelled", "run cancelled", "> destroy 1"]);

    // It was ready before it heard of the cancel.
    let mut run = Table::new(plan(stages.clone()));
    run.take(Fact::Begun);
    run.cancel(CancelReason::User);
    let ready = run.take(Fact::StagePrepared { stage: StageNumber(1) });
    assert_eq!(ready, ["1 ready", "1.1 skipped Cancelled", "1 cancelled", "run cancelled", "> destroy 1, keep files"]);

    let mut run = Table::ready(stages);
    run.exits(1, 1, 0);
    assert_eq!(run.cancel(CancelReason::Forced), [""; 0]);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);
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
        assert_eq!(run.exits(1, 1, 1), [ended, "1 cancelled", end, "> destroy 1, keep files"], "{reason:?}");
    }
}

#[test]
fn an_overdue_step_has_failed() {
    let steps = vec![step(1, &[]), with(step(2, &[1]), |s| s.run_on = ON_FAILURE)];
    let mut run = Table::ready(vec![stage(1, &[], steps)]);
    assert_eq!(run.take(Fact::StepOverdue { key: key(1, 1) }), ["> ask 1.1"]);
    assert_eq!(run.take(Fact::StepOverdue { key: key(1, 1) }), [""; 0]);
    let moves = run.0.take(exit_fact(1, 1, 143));
    let outcome = lp_model::StepOutcome::Cancelled { reason: CancelReason::TimedOut };
    assert_eq!(moves.events[0], RunEvent::StepEnded { key: key(1, 1), outcome });
    assert_eq!(moves.actions, [Action::StartStep { key: key(1, 2), before: Before::Nothing }]);
    run.exits(1, 2, 0);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);
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
    assert_eq!(run.exits(1, 3, 0), ["1.3 passed", "1 cancelled", "run cancelled", "> destroy 1, keep files"]);
    assert_eq!(run.destroyed(1), ["1 destroyed"]);

    for second in [CancelReason::Forced, CancelReason::TimedOut] {
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
    assert_eq!(run.take(Fact::StagePrepared { stage: StageNumber(1) }), ["1 ready", "1 passed", "run passed", "> destroy 1"]);
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

/// What `Scheduler::take` answers, head starts included.
fn all_moves(run: &mut Table, fact: Fact) -> Vec<String> {
    texts(&run.0.take(fact))
}

fn created(run: &mut Table, stage: u32, step: u32) -> Vec<String> {
    run.take(Fact::StepCreated { key: key(stage, step) })
}

#[test]
fn the_run_is_over_before_its_place_is_removed() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[])])]);
    run.exits(1, 1, 1);
    assert_eq!(run.0.run_state(), RunState::Failed);
    assert!(!run.0.is_clean());
    assert_eq!(run.cancel(CancelReason::Forced), [""; 0]);
    let moves = run.take(Fact::StageDestroyed { stage: StageNumber(1), leftovers: vec![], kept: true });
    assert_eq!(moves, ["1 destroyed, files kept"]);
    assert!(run.0.is_clean());
    assert_eq!(run.destroyed(1), [""; 0], "once");
}

#[test]
fn a_program_may_be_started_once_that_is_written_down() {
    let mut run = Table::ready(vec![stage(1, &[], vec![step(1, &[])])]);
    assert!(!run.0.is_created(key(1, 1)));
    assert_eq!(created(&mut run, 1, 1), ["1.1 created"]);
    assert!(run.0.is_created(key(1, 1)));
    assert_eq!(created(&mut run, 1, 1), [""; 0]);
    run.exits(1, 1, 0);
    assert!(!run.0.is_created(key(1, 1)), "it has ended");
}

#[test]
fn what_would_run_next_is_made_ahead_once() {
    let steps = || {
        vec![
            Step::new(1, "db", StepKind::Service),
            step(2, &[]),
            step(3, &[2]),
            step(4, &[3]),
            with(step(5, &[2]), |s| s.run_on = ON_FAILURE),
            with(step(6, &[2]), |s| s.run_on = ALWAYS),
        ]
    };
    let mut run = Table::new(plan(vec![stage(1, &[], steps())]));
    run.take(Fact::Begun);
    let moves = all_moves(&mut run, Fact::StagePrepared { stage: StageNumber(1) });
    assert_eq!(moves[3..], ["> start 1.1", "> start 1.2", "> make ahead 1.3", "> make ahead 1.6"]);
    assert_eq!(all_moves(&mut run, Fact::StepStarted { key: key(1, 2) }), ["1.2 started"]);
    let ended = exit_fact(1, 2, 0);
    let moves = all_moves(&mut run, ended);
    assert_eq!(moves[4..], ["> start 1.3", "> start 1.6", "> make ahead 1.4"]);

    // After a failure it is what runs on failure; after a cancel nothing.
    let mut failing = steps();
    failing.push(with(step(7, &[5]), |s| s.run_on = ON_FAILURE));
    let mut run = Table::ready(vec![stage(1, &[], failing)]);
    let ended = exit_fact(1, 2, 1);
    let moves = all_moves(&mut run, ended);
    assert_eq!(moves.last().unwrap(), "> make ahead 1.7");
    let mut run = Table::new(plan(vec![stage(1, &[], steps())]));
    run.take(Fact::Begun);
    run.cancel(CancelReason::User);
    let moves = all_moves(&mut run, Fact::StagePrepared { stage: StageNumber(1) });
    assert!(!moves.iter().any(|text| text.contains("ahead")), "{moves:?}");
}

#[test]
fn the_clean_up_has_a_time_of_its_own() {
    let steps = vec![step(1, &[]), with(step(2, &[1]), |s| s.run_on = ON_FAILURE)];
    let mut cleaning = plan(vec![stage(1, &[], steps)]);
    cleaning.cleanup_on_cancel = true;
    let mut run = Table::begun(cleaning);
    assert_eq!(run.take(Fact::CleanupOverdue), [""; 0], "nobody cleans up");
    run.cancel(CancelReason::User);
    run.exits(1, 1, 143);
    assert_eq!(run.take(Fact::CleanupOverdue), ["cancel Forced", "> kill 1.2"]);
    assert_eq!(run.take(Fact::CleanupOverdue), [""; 0]);
    assert_eq!(run.exits(1, 2, 137), ["1.2 cancelled", "1 cancelled", "run cancelled", "> destroy 1, keep files"]);
}

#[test]
fn a_lost_step_is_no_failure_but_runs_what_runs_on_failure() {
    let steps = vec![step(1, &[]), step(2, &[1]), with(step(3, &[2]), |s| s.run_on = ON_FAILURE)];
    let mut run = Table::ready(vec![stage(1, &[], steps)]);
    let lost = Exit::Lost { message: Message::verbatim("gone") };
    assert_eq!(run.ends(1, 1, lost), ["1.1 interrupted", "1.2 skipped AfterFailure", "1.3 starting", "> start 1.3"]);
    assert!(run.0.so_far(StageNumber(1)).run_failing);
    assert_eq!(run.exits(1, 3, 0), ["1.3 passed", "1 interrupted", "run interrupted", "> destroy 1, keep files"]);
}

/// The same run in another process, and what that one does first.
fn next_process(run: &Table, plan: &Plan, events: &[RunEvent]) -> (Table, Vec<String>) {
    let mut again = Scheduler::replay(Arc::new(plan.clone()), events).unwrap();
    assert_eq!(again.run_state(), run.0.run_state());
    let moves = texts(&again.resume());
    (Table(again), moves)
}

#[test]
fn a_run_goes_on_in_the_next_process_from_wherever_it_was() {
    let steps = vec![Step::new(1, "db", StepKind::Service), step(2, &[]), step(3, &[]), step(4, &[2, 3])];
    let plan = plan(vec![stage(1, &[], steps), stage(2, &[1], vec![step(1, &[])])]);
    let mut run = Table::new(plan.clone());
    let mut events = vec![];
    let (_, moves) = next_process(&run, &plan, &events);
    assert_eq!(moves, ["run resumed"], "it waits for its turn");

    events.extend(run.0.take(Fact::Begun).events);
    let (mut next, moves) = next_process(&run, &plan, &events);
    assert_eq!(moves, ["run resumed", "> prepare 1"]);
    assert_eq!(next.take(Fact::StagePrepared { stage: StageNumber(1) })[0], "1 ready");

    events.extend(run.0.take(Fact::StagePrepared { stage: StageNumber(1) }).events);
    events.extend(run.0.take(Fact::StepCreated { key: key(1, 2) }).events);
    events.extend(run.0.take(exit_fact(1, 3, 0)).events);
    let (mut next, moves) = next_process(&run, &plan, &events);
    assert_eq!(moves, ["run resumed", "> prepare 1"]);
    let moves = texts(&next.0.take(Fact::StagePrepared { stage: StageNumber(1) }));
    assert_eq!(moves, ["> start 1.1", "> attach 1.2", "> make ahead 1.4"], "a program that may run is never started");
    assert_eq!(next.exits(1, 2, 0), ["1.2 passed", "1.4 starting", "> start 1.4"]);

    events.extend(run.0.take(Fact::CancelAsked { reason: CancelReason::User }).events);
    let (mut next, moves) = next_process(&run, &plan, &events);
    assert_eq!(moves, ["run resumed", "> prepare 1", "> ask prepare 1"]);
    let moves = next.take(Fact::StagePrepared { stage: StageNumber(1) });
    assert_eq!(moves, ["> start 1.1", "> attach 1.2", "> ask 1.2"], "the cancel still holds; the service outlives what needs it");

    events.extend(run.0.take(exit_fact(1, 2, 143)).events);
    events.extend(run.0.take(exit_fact(1, 1, 137)).events);
    let (mut next, moves) = next_process(&run, &plan, &events);
    assert_eq!(moves, ["> destroy 1, keep files"], "it is over; only the clean-up is left");
    assert_eq!(next.destroyed(1), ["1 destroyed"]);
    assert!(next.0.is_clean());
}

#[test]
fn a_step_that_was_told_to_end_and_never_started_is_not_started_to_be_ended() {
    let plan = plan(vec![stage(1, &[], vec![step(1, &[])])]);
    let mut run = Table::new(plan.clone());
    let mut events = vec![];
    for fact in [Fact::Begun, Fact::StagePrepared { stage: StageNumber(1) }, Fact::CancelAsked { reason: CancelReason::User }] {
        events.extend(run.0.take(fact).events);
    }
    let (mut next, _) = next_process(&run, &plan, &events);
    let moves = next.take(Fact::StagePrepared { stage: StageNumber(1) });
    assert_eq!(moves, ["1.1 cancelled", "1 cancelled", "run cancelled", "> destroy 1, keep files"]);
}

#[test]
fn a_place_that_is_not_there_any_more_loses_what_may_have_run_in_it() {
    let steps = vec![step(1, &[]), step(2, &[]), step(3, &[1]), with(step(4, &[3]), |s| s.run_on = ON_FAILURE)];
    let plan = plan(vec![stage(1, &[], steps)]);
    let mut run = Table::new(plan.clone());
    let mut events = vec![];
    for fact in [Fact::Begun, Fact::StagePrepared { stage: StageNumber(1) }, Fact::StepCreated { key: key(1, 1) }] {
        events.extend(run.0.take(fact).events);
    }
    let (mut next, _) = next_process(&run, &plan, &events);
    let failed =
        Fact::PrepareFailed { stage: StageNumber(1), message: Message::verbatim("no engine"), hint: Message::verbatim("start it") };
    assert_eq!(
        next.take(failed),
        [
            "1.1 interrupted",
            "1.2 errored",
            "1.3 skipped StageErrored",
            "1.4 skipped StageErrored",
            "1 interrupted",
            "run interrupted",
            "> destroy 1, keep files"
        ]
    );
}

/// A run of that plan which is over, with the facts that make it so.
fn over(plan: &Plan, facts: Vec<Fact>) -> Scheduler {
    let mut run = Scheduler::new(Arc::new(plan.clone())).unwrap();
    let mut events = run.take(Fact::Begun).events;
    for fact in facts {
        events.extend(run.take(fact).events);
    }
    for stage in &plan.stages {
        events.extend(run.take(Fact::StageDestroyed { stage: stage.number, leftovers: vec![], kept: true }).events);
    }
    assert!(run.run_state().is_final());
    Scheduler::replay(Arc::new(plan.clone()), &events).unwrap()
}

fn ready_fact(stage: u32) -> Fact {
    Fact::StagePrepared { stage: StageNumber(stage) }
}

fn exit_fact(stage: u32, step: u32, code: i32) -> Fact {
    ended(key(stage, step), exit_code(code))
}

#[test]
fn a_retry_goes_on_from_what_went_wrong() {
    let steps = vec![
        Step::new(1, "db", StepKind::Service),
        step(2, &[1]),
        with(step(3, &[2]), |s| s.on_failure = OnFailure::Ignore),
        step(4, &[3]),
        step(5, &[4]),
        with(step(6, &[5]), |s| s.run_on = ON_FAILURE),
        with(step(7, &[2]), |s| s.run_on = ON_FAILURE),
        step(8, &[2]),
    ];
    let plan = plan(vec![stage(1, &[], vec![step(1, &[])]), stage(2, &[1], steps), stage(3, &[2], vec![step(1, &[])])]);
    let facts = vec![
        ready_fact(1),
        exit_fact(1, 1, 0),
        ready_fact(2),
        Fact::StepStarted { key: key(2, 1) },
        exit_fact(2, 2, 0),
        exit_fact(2, 3, 1),
        exit_fact(2, 8, 0),
        exit_fact(2, 4, 1),
        exit_fact(2, 6, 0),
        exit_fact(2, 1, 137),
    ];
    let kept = [StageNumber(2)];
    let mut run = Table(over(&plan, facts.clone()));
    let moves = texts(&run.0.retry(&kept).unwrap());
    assert_eq!(moves, ["attempt 2: stages 2 3, steps 2.1.2 2.4.2 2.5.2 2.6.2 2.7.2 3.1.2"], "the ignored failure counts as passed");
    assert_eq!(run.0.run_state(), RunState::Queued);
    assert_eq!(run.take(Fact::Begun), ["run started", "2 preparing", "> prepare 2"]);
    let moves = run.take(ready_fact(2));
    assert_eq!(moves, ["2 ready", "2.1 starting", "2.4 starting", "2.7 skipped NothingFailed", "> start 2.1", "> start 2.4"]);
    assert_eq!(run.exits(2, 4, 0), [""; 0], "that is a fact of the first attempt");
    let second = |step: u32| StepKey { attempt: 2, ..key(2, step) };
    let passed = |step: u32| ended(second(step), exit_code(0));
    assert_eq!(run.take(passed(4)), ["2.4 passed", "2.5 starting", "> start 2.5"]);
    assert_eq!(run.take(passed(5)), ["2.5 passed", "2.6 skipped NothingFailed", "> kill 2.1"]);
    assert_eq!(run.take(passed(1))[..3], ["2.1 passed", "2 passed", "3 preparing"]);

    // Without its files a stage begins from its first step.
    let moves = texts(&over(&plan, facts).retry(&[]).unwrap());
    assert_eq!(moves, ["attempt 2: stages 2 3, steps 2.1.2 2.2.2 2.3.2 2.4.2 2.5.2 2.6.2 2.7.2 2.8.2 3.1.2"]);
}

#[test]
fn a_retry_forgets_the_cancel_and_begins_what_ran_because_of_the_failure_again() {
    let mut notify = stage(2, &[1], vec![step(1, &[])]);
    notify.run_on = ALWAYS;
    let plan_of = |stages| plan(stages);
    let failed = plan_of(vec![stage(1, &[], vec![step(1, &[])]), notify]);
    let facts = vec![ready_fact(1), exit_fact(1, 1, 1), ready_fact(2), exit_fact(2, 1, 0)];
    let moves = texts(&over(&failed, facts).retry(&[StageNumber(1), StageNumber(2)]).unwrap());
    assert_eq!(moves, ["attempt 2: stages 1 2, steps 1.1.2 2.1.2"]);

    let cancelled = plan_of(vec![stage(1, &[], vec![step(1, &[]), step(2, &[1])])]);
    let facts = vec![ready_fact(1), exit_fact(1, 1, 0), Fact::CancelAsked { reason: CancelReason::User }, exit_fact(1, 2, 143)];
    let mut run = Table(over(&cancelled, facts));
    assert_eq!(texts(&run.0.retry(&[StageNumber(1)]).unwrap()), ["attempt 2: stages 1, steps 1.2.2"]);
    run.take(Fact::Begun);
    assert_eq!(run.take(ready_fact(1)), ["1 ready", "1.2 starting", "> start 1.2"]);
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "> ask 1.2"], "it can be cancelled anew");
}

#[test]
fn only_a_run_that_is_over_and_did_not_pass_can_be_retried() {
    let plan = plan(vec![stage(1, &[], vec![step(1, &[])])]);
    let refused = over(&plan, vec![ready_fact(1), exit_fact(1, 1, 0)]).retry(&[]).unwrap_err();
    assert_eq!(refused.to_string(), "a run that is `passed` cannot be retried");
    assert!(Scheduler::new(Arc::new(plan.clone())).unwrap().retry(&[]).is_err());
    let retried = RunEvent::RunRetried { attempt: 2, stages: vec![], steps: vec![] };
    assert_eq!(Scheduler::replay(Arc::new(plan), &[retried]).unwrap_err().to_string(), "the run cannot go from `queued` to `retried`");
}

#[test]
fn what_keeps_its_result_in_a_retry_is_not_skipped_when_the_stage_does_not_begin() {
    let plan = plan(vec![stage(1, &[], vec![step(1, &[]), step(2, &[1])])]);
    let facts = vec![ready_fact(1), exit_fact(1, 1, 0), exit_fact(1, 2, 1)];
    let mut run = Table(over(&plan, facts));
    run.0.retry(&[StageNumber(1)]).unwrap();
    assert_eq!(run.cancel(CancelReason::User), ["cancel User", "1.2 skipped Cancelled", "1 skipped", "run cancelled"]);
    // Its files are still there for the next one.
    assert_eq!(texts(&run.0.retry(&[StageNumber(1)]).unwrap()), ["attempt 3: stages 1, steps 1.2.3"]);
}
