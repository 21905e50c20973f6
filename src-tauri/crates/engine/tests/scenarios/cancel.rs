//! Stopping runs.

use crate::plan_text::plan;
use crate::world::{Setup, World, after, place, run_id, run_plan, run_with};
use lp_backend::fake::FakePlaces;
use lp_engine::{Notice, StartError};
use lp_model::{CancelReason, RunEvent, RunState};
use std::sync::Arc;
use std::time::Duration;

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_step_ends_within_its_grace_time() {
    let pipeline = "a SLEEP=1m
                    b
                    mail on=failure";
    let cancel = |run: &_| after(seconds(2), run, |run| run.cancel(CancelReason::User));
    run_with(Setup::default(), pipeline, cancel).await.1.expect(
        "run cancelled
         default cancelled: a cancelled User, b skipped Cancelled, mail skipped Cancelled
         0s start a, 2s ask a, 2s end a",
    );
}

#[tokio::test(start_paused = true)]
async fn a_stubborn_step_is_killed_after_it() {
    let cancel = |run: &_| after(seconds(2), run, |run| run.cancel(CancelReason::User));
    run_with(Setup::default(), "a SLEEP=1m IGNORE_TERM=true", cancel).await.1.expect(
        "run cancelled
         default cancelled: a cancelled User
         0s start a, 2s ask a, 12s kill a, 12s end a",
    );
}

#[tokio::test(start_paused = true)]
async fn a_kill_after_a_cancel_kills_at_once_and_a_second_cancel_does_not() {
    let cancel = |run: &_| {
        after(seconds(2), run, |run| run.cancel(CancelReason::User));
        after(seconds(3), run, |run| run.cancel(CancelReason::User));
        after(seconds(4), run, |run| run.cancel(CancelReason::Forced));
    };
    run_with(Setup::default(), "a SLEEP=1m IGNORE_TERM=true", cancel).await.1.expect(
        "run cancelled
         default cancelled: a cancelled Forced
         0s start a, 2s ask a, 4s kill a, 4s end a",
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_being_started_can_be_cancelled() {
    let cancel = |run: &_| after(seconds(2), run, |run| run.cancel(CancelReason::User));
    run_with(Setup::default(), "a STEP_START_DELAY=1m", cancel).await.1.expect(
        "run cancelled
         default cancelled: a cancelled User
         0s start a, 2s end a",
    );
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_is_being_prepared_can_be_cancelled() {
    for prepare_is_stubborn in [false, true] {
        let places = FakePlaces { prepare_takes: seconds(300), prepare_is_stubborn, ..FakePlaces::default() };
        let cancel = |run: &_| after(seconds(2), run, |run| run.cancel(CancelReason::User));
        let (world, report) = run_with(Setup { places, ..Setup::default() }, "a", cancel).await;
        report.expect(
            "run cancelled
             default cancelled: a skipped Cancelled",
        );
        let expected = if prepare_is_stubborn { 2 + 10 + 60 } else { 2 };
        assert_eq!(world.backend.when("destroy default"), Some(seconds(expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn services_stay_until_the_cancelled_step_has_ended() {
    let cancel = |run: &_| after(seconds(2), run, |run| run.cancel(CancelReason::User));
    let pipeline = "db service
                    a SLEEP=5s IGNORE_TERM=true";
    run_with(Setup::default(), pipeline, cancel).await.1.expect(
        "run cancelled
         default cancelled: db passed EndedWithStage, a cancelled User
         0s start db, 0s start a, 2s ask a, 5s end a, 5s kill db, 5s end db",
    );
}

#[tokio::test(start_paused = true)]
async fn clean_up_steps_run_after_a_first_cancel() {
    let mut plan = plan(
        "a SLEEP=1m
         b
         tidy on=failure SLEEP=3s",
    );
    plan.cleanup_on_cancel = true;
    let once = |run: &_| after(seconds(2), run, |run| run.cancel(CancelReason::User));
    run_plan(Setup::default(), plan.clone(), once).await.1.expect(
        "run cancelled
         default cancelled: a cancelled User, b skipped Cancelled, tidy passed
         0s start a, 2s ask a, 2s end a, 2s start tidy, 5s end tidy",
    );
    let killed = |run: &_| {
        after(seconds(2), run, |run| run.cancel(CancelReason::User));
        after(seconds(3), run, |run| run.cancel(CancelReason::Forced));
    };
    run_plan(Setup::default(), plan, killed).await.1.expect(
        "run cancelled
         default cancelled: a cancelled User, b skipped Cancelled, tidy cancelled Forced
         0s start a, 2s ask a, 2s end a, 2s start tidy, 3s kill tidy, 3s end tidy",
    );
}

#[tokio::test(start_paused = true)]
async fn cancelling_at_every_event_leaves_nothing_behind() {
    let pipeline = "db service
                    a SLEEP=1s STEP_LOG=x
                    b SLEEP=1s needs=db IGNORE_TERM=true
                    c needs=a,b STEP_EXIT_CODE=1
                    mail on=failure SLEEP=1s
                    stage two
                      d SLEEP=2s
                    stage three needs=two,default on=always
                      e SLEEP=1s";
    for cleanup_on_cancel in [false, true] {
        let mut plan = plan(pipeline);
        plan.cleanup_on_cancel = cleanup_on_cancel;
        for reasons in
            [&[CancelReason::User][..], &[CancelReason::User, CancelReason::Forced], &[CancelReason::Forced], &[CancelReason::TimedOut]]
        {
            let mut at = 0;
            loop {
                let world = World::new(Setup::default());
                let mut news = world.engine.subscribe();
                let run = world.start("r1", &plan);
                let mut seen = 0;
                let reached = loop {
                    if seen == at {
                        break true;
                    }
                    match news.recv().await.unwrap() {
                        Notice::Event { event: RunEvent::RunEnded { .. }, .. } => break false,
                        Notice::Event { .. } => seen += 1,
                        Notice::Log { .. } | Notice::Progress { .. } => {}
                    }
                };
                for reason in reasons {
                    run.cancel(*reason);
                }
                let end = run.wait().await;
                let case = format!("event {at}, {reasons:?}, clean-up {cleanup_on_cancel}");
                let report = world.report(&plan, "r1", end);
                assert_eq!(report.left, [""; 0], "{case}");
                assert_eq!(report.end.message, "", "{case}");
                assert!(world.engine.live().is_empty(), "{case}");
                let cancelled = report.events.iter().any(|event| matches!(event, RunEvent::CancelRequested { .. }));
                let expected = match reasons[0] {
                    _ if !cancelled => RunState::Failed,
                    CancelReason::TimedOut => RunState::TimedOut,
                    _ => RunState::Cancelled,
                };
                assert_eq!(report.end.state, expected, "{case}");
                if !reached {
                    break;
                }
                at += 1;
            }
            assert!(at > 25, "{at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_everything() {
    let world = World::new(Setup::default());
    let plan = plan("a SLEEP=1m IGNORE_TERM=true");
    let runs: Vec<_> = ["r1", "r2", "r3"].iter().map(|name| world.start(name, &plan)).collect();
    tokio::time::sleep(seconds(1)).await;
    world.engine.shutdown().await;
    for run in &runs {
        assert_eq!(run.wait().await.state, RunState::Cancelled, "{}", run.run());
    }
    assert_eq!(world.backend.left(), [""; 0]);
    assert!(world.engine.live().is_empty());
    let refused = world.engine.start(run_id("r4"), Arc::new(plan), place("p")).unwrap_err();
    assert_eq!(refused, StartError::Closed);
}
