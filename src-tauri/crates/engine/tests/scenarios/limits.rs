//! Time limits and the number of runs.

use crate::plan_text::plan;
use crate::world::{Setup, World, key, run, run_id, run_plan};
use lp_engine::{EngineSettings, StartError};
use lp_model::{CancelReason, RunEvent, RunState};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_run_out_of_time() {
    let mut plan = plan(
        "a SLEEP=1s
         b SLEEP=1m IGNORE_TERM=true
         c
         mail on=failure",
    );
    plan.timeout_s = 5;
    run_plan(Setup::default(), plan, |_| {}).await.1.expect(
        "run timed_out
         default cancelled: a passed, b failed TimedOut, c skipped Cancelled, mail skipped Cancelled
         0s start a, 1s end a, 1s start b, 5s ask b, 15s kill b, 15s end b",
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_out_of_time_has_failed() {
    run("a SLEEP=1m timeout=5 STEP_START_DELAY=2s
         b
         mail on=failure")
    .await
    .expect(
        "run failed
         default failed: a failed TimedOut, b skipped, mail passed
         0s start a, 7s ask a, 7s end a, 7s start mail, 7s end mail",
    );
    run("a SLEEP=1m timeout=5 failure=ignore
         b")
    .await
    .expect("run passed\n default passed: a failed TimedOut, b passed");
    run("a SLEEP=4s timeout=5
         b SLEEP=9s")
    .await
    .expect("run passed\n default passed: a passed, b passed");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_or_beyond_all_time_is_none() {
    for timeout_s in [0, u64::MAX] {
        let mut plan = plan("a SLEEP=200m");
        plan.timeout_s = timeout_s;
        run_plan(Setup::default(), plan, |_| {}).await.1.expect("run passed\n default passed: a passed");
    }
}

#[tokio::test(start_paused = true)]
async fn runs_wait_for_their_turn_in_order() {
    let settings = EngineSettings { max_runs: 1, ..EngineSettings::default() };
    let world = World::new(Setup { settings, ..Setup::default() });
    let runs: Vec<_> = (1..=4).map(|n| world.start(&format!("r{n}"), &plan(&format!("step{n} SLEEP=1s")))).collect();
    runs[2].cancel(CancelReason::User);
    assert_eq!(runs[2].wait().await.state, RunState::Cancelled);
    assert!(!world.memory.events(&run_id("r3")).contains(&RunEvent::RunStarted));
    for n in [0, 1, 3] {
        assert_eq!(runs[n].wait().await.state, RunState::Passed);
    }
    let started = |n: u64| world.backend.when(&format!("start step{n}"));
    assert_eq!(started(1), Some(Duration::ZERO));
    assert_eq!(started(2), Some(Duration::from_secs(1)));
    assert_eq!(started(3), None);
    assert_eq!(started(4), Some(Duration::from_secs(2)));
}

/// Real threads and real time: what a paused clock on one thread cannot show.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_runs_on_many_threads() {
    let settings = EngineSettings { max_runs: 8, ..EngineSettings::default() };
    let world = World::new(Setup { settings, ..Setup::default() });
    let text = "db service
         a SLEEP=1ms STEP_LOG_LINES=50
         b needs=- STEP_LOG_LINES=50
         c needs=a,b STEP_EXIT_CODE=1
         mail on=failure
         stage two
           d STEP_LOG_LINES=50
         stage three needs=default,two on=always
           e";
    // Every third is cancelled, and would never end by itself.
    let plans = [plan(&text.replace("1ms", "forever")), plan(text), plan(text)];
    let start = |n: usize| {
        let run = world.start(&format!("run{n}"), &plans[n % 3]);
        if n.is_multiple_of(3) {
            run.cancel(CancelReason::User);
        }
        run
    };
    let runs: Vec<_> = (0..60).map(start).collect();
    for (n, run) in runs.iter().enumerate() {
        let state = run.wait().await.state;
        assert_eq!(state, if n.is_multiple_of(3) { RunState::Cancelled } else { RunState::Failed }, "{}", run.run());
        let events = world.memory.events(run.run());
        let again = lp_engine::scheduler::Scheduler::replay(Arc::new(plans[n % 3].clone()), &events).unwrap();
        assert_eq!(again.run_state(), state);
        if !n.is_multiple_of(3) {
            let starts = events.iter().filter(|event| matches!(event, RunEvent::StepStarted { .. })).count();
            assert_eq!(starts, 7, "no end of a step overtakes its start");
            assert_eq!(world.log(run.run().as_str(), key(1, 3)).lines().count(), 50);
        }
    }
    assert_eq!(world.backend.violations(), [""; 0]);
    assert_eq!(world.backend.left(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_started_once() {
    let world = World::new(Setup::default());
    let plan = Arc::new(plan("a SLEEP=1s"));
    let run = world.engine.start(run_id("r1"), Arc::clone(&plan)).unwrap();
    let again = world.engine.start(run_id("r1"), Arc::clone(&plan)).unwrap_err();
    assert_eq!(again, StartError::AlreadyLive(run_id("r1")));
    assert_eq!(world.engine.live(), [run_id("r1")]);
    assert_eq!(world.engine.run(&run_id("r1")).unwrap().wait().await, run.wait().await);
    assert!(world.engine.run(&run_id("r1")).is_none());
    run.cancel(CancelReason::User);
    assert_eq!(run.wait().await.state, RunState::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_could_never_end_is_not_started() {
    let mut plan = plan("a\n b");
    plan.stages[0].steps[0].needs = vec![lp_model::StepNumber(2)];
    let refused = World::new(Setup::default()).engine.start(run_id("r1"), Arc::new(plan)).unwrap_err();
    assert_eq!(refused.to_string(), "the plan cannot be carried out: step `a` waits for itself");
}
