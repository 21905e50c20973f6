//! Runs that outlive the process that drove them, the container engine that they run in, and their own failure.

use crate::plan_text::plan;
use crate::world::{Setup, World, after, key, place, run, run_id, run_plan, run_with};
use lp_backend::Backend;
use lp_backend::fake::{FakePlaces, FakeRestart};
use lp_engine::scheduler::Scheduler;
use lp_engine::{EngineSettings, Past, StartError};
use lp_model::{CancelReason, Plan, RunEvent, RunState, StageNumber};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// How often the program of a step was started.
fn starts(world: &World, step: &str) -> usize {
    world.backend.calls().iter().filter(|call| call.what == format!("run {step}")).count()
}

const PIPELINE: &str = "db service
                        a SLEEP=1s STEP_LOG_LINES=20 STEP_LOG_PAUSE=100ms STEP_MIX=true TOKEN=$token STEP_ECHO=TOKEN
                        b SLEEP=1s STEP_EXIT_CODE=3
                        c
                        mail on=failure SLEEP=1s
                        stage two needs=default on=always
                          d SLEEP=1s STEP_LOG=hello";

#[tokio::test(start_paused = true)]
async fn the_next_process_goes_on_at_any_moment() {
    let half = Duration::from_millis(500);
    let places = || FakePlaces { prepare_takes: half, ahead_takes: half, destroy_takes: half, ..FakePlaces::default() };
    let plan = plan(PIPELINE);
    let mut resumed = 0;
    for moment in 0..100 {
        let setup = Setup { places: places(), secrets: vec![("token", "hunter22")], ..Setup::default() };
        let world = World::new(setup);
        let before = world.start("r1", &plan);
        sleep(Duration::from_millis(100 * moment)).await;
        let world = world.next_process().await;
        let stored = world.past("r1").events.len();
        let is_clean = before.wait().await.state == RunState::Failed;
        // Programs run on meanwhile.
        sleep(Duration::from_millis(300)).await;
        assert_eq!(world.past("r1").events.len(), stored, "nothing is stored while nobody drives it");
        let end = world.resume("r1", &plan).wait().await;
        assert_eq!(end.state, RunState::Failed, "moment {moment}");
        world.report(&plan, "r1", end).expect(
            "run failed
             default failed: db passed EndedWithStage, a passed, b failed 3, c skipped, mail passed
             two passed: d passed",
        );
        for step in ["db", "a", "b", "mail", "d"] {
            assert_eq!(starts(&world, step), 1, "moment {moment}, step {step}");
        }
        let lines: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        assert_eq!(world.log("r1", key(1, 2)), format!("{lines}********\n"), "moment {moment}");
        assert_eq!(world.log("r1", key(2, 1)), "hello\n", "moment {moment}");
        resumed += usize::from(!is_clean);
    }
    assert!((60..100).contains(&resumed), "at {resumed} moments it was not over");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_engine_takes_nothing_and_touches_nothing() {
    let world = World::new(Setup::default());
    let run = world.start("r1", &plan("a SLEEP=1m"));
    sleep(seconds(1)).await;
    world.engine.suspend().await;
    assert!(world.engine.live().is_empty());
    let end = run.wait().await;
    assert_eq!(
        (end.state, end.message.to_string().as_str()),
        (RunState::Running, "the app ended; the run goes on when it is opened again")
    );
    assert_eq!(run.over().await, end);
    assert_eq!(world.backend.containers(), ["lp-r1-1-1-1"]);
    assert!(!world.backend.calls().iter().any(|call| ["kill a", "ask a", "destroy default"].contains(&call.what.as_str())));
    let refused = world.engine.start(run_id("r2"), Arc::new(plan("a")), place("p")).unwrap_err();
    assert_eq!(refused, StartError::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_line_survives_the_process() {
    let world = World::new(Setup { settings: EngineSettings { max_runs: 1, ..EngineSettings::default() }, ..Setup::default() });
    let plans = [plan("a SLEEP=10s"), plan("b SLEEP=1s"), plan("c SLEEP=1s")];
    for (name, plan) in ["r1", "r2", "r3"].iter().zip(&plans) {
        world.start(name, plan);
    }
    sleep(seconds(4)).await;
    let world = world.next_process().await;
    let runs: Vec<_> = ["r1", "r2", "r3"].iter().zip(&plans).map(|(name, plan)| world.resume(name, plan)).collect();
    assert_eq!(world.engine.queue().iter().map(|queued| queued.run.as_str()).collect::<Vec<_>>(), ["r2", "r3"]);
    for run in runs {
        assert_eq!(run.wait().await.state, RunState::Passed);
    }
    let started = |step: &str| world.backend.when(&format!("run {step}")).unwrap().as_secs();
    assert_eq!([started("a"), started("b"), started("c")], [0, 10, 11]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_and_time_limits_hold_in_the_next_process() {
    let stubborn = plan("a SLEEP=1m IGNORE_TERM=true");
    let world = World::new(Setup::default());
    world.start("r1", &stubborn);
    sleep(seconds(1)).await;
    world.engine.run(&run_id("r1")).unwrap().cancel(CancelReason::User);
    sleep(seconds(1)).await;
    let world = world.next_process().await;
    let end = world.resume("r1", &stubborn).wait().await;
    world.report(&stubborn, "r1", end).expect("run cancelled\n default cancelled: a cancelled User");
    assert_eq!(world.backend.when("kill a"), Some(seconds(12)), "the grace time of 10 s, from when it was asked again");

    let mut limited = plan("a SLEEP=1m");
    limited.timeout_s = 10;
    for (plan, expected) in [
        (limited, "run timed_out\n default cancelled: a failed TimedOut"),
        (plan("a SLEEP=1m timeout=10"), "run failed\n default failed: a failed TimedOut"),
    ] {
        let world = World::new(Setup::default());
        world.start("r1", &plan);
        sleep(seconds(4)).await;
        let world = world.next_process().await;
        sleep(seconds(3)).await;
        let end = world.resume("r1", &plan).wait().await;
        world.report(&plan, "r1", end).expect(expected);
        assert_eq!(world.backend.when("ask a"), Some(seconds(10)), "counted from the first start");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_and_makes_no_sense_is_refused_with_words() {
    let world = World::new(Setup::default());
    let plan = Arc::new(plan("a"));
    let past = || Past { events: vec![(0, RunEvent::StageReady { stage: StageNumber(1) })] };
    let refused = world.engine.resume(run_id("r1"), Arc::clone(&plan), past(), place("p")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the stored events of run `r1` cannot be read (stage 1 cannot go from `pending` to `running`): they are damaged or from a newer \
         version of the app; update the app, or delete the run"
    );
    let refused = world.engine.retry(run_id("r1"), Arc::clone(&plan), Past::default(), place("p"), &[]).unwrap_err();
    assert_eq!(refused.to_string(), "a run that is `queued` cannot be retried");
    assert!(world.engine.live().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_container_engine_goes_away_and_comes_back() {
    let (world, report) = run_with(
        Setup::default(),
        "a STEP_LOG_LINES=20 STEP_LOG_PAUSE=1s STEP_GONE_AFTER=5s STEP_GONE_FOR=10s
         b",
        |_| {},
    )
    .await;
    report.expect("run passed\n default passed: a passed, b passed");
    assert_eq!(report.notes(), ["the container engine does not answer; waiting for it", "the container engine answers again"]);
    assert_eq!(starts(&world, "a"), 1);
    assert_eq!(world.log("r1", key(1, 1)), (1..=20).map(|n| format!("line {n}\n")).collect::<String>());
    assert_eq!(world.backend.when("end a"), Some(seconds(20)));
}

#[tokio::test(start_paused = true)]
async fn the_container_engine_stays_away() {
    let report = run("a SLEEP=1m STEP_LOG=hello STEP_GONE_AFTER=5s
                      b")
    .await;
    report.expect("run errored\n default errored: a errored, b skipped");
    assert_eq!(report.error(key(1, 1)).1, "start Docker (or Podman) and run again");
    assert_eq!(report.calls.iter().find(|(_, what)| what == "destroy default").unwrap().0, seconds(5 + 300));

    // A cancel ends the waiting.
    let cancel = |run: &_| after(seconds(30), run, |run| run.cancel(CancelReason::User));
    let report = run_with(Setup::default(), "a SLEEP=10m STEP_GONE_AFTER=5s", cancel).await.1;
    report.expect("run cancelled\n default cancelled: a cancelled User");
    assert_eq!(report.calls.iter().find(|(_, what)| what == "destroy default").unwrap().0, seconds(30));
}

#[tokio::test(start_paused = true)]
async fn what_ends_with_the_container_engine_is_lost_and_not_failed() {
    let pipeline = "a SLEEP=1m
                    b
                    mail on=failure";
    for (what, message) in [
        (FakeRestart::Ended, "the container engine was restarted"),
        (FakeRestart::EndedQuietly, "the container engine ended it when it was itself restarted"),
        (FakeRestart::Gone, "container `lp-r1-1-1-1` is not there any more"),
    ] {
        let world = World::new(Setup::default());
        let plan = plan(pipeline);
        let run = world.start("r1", &plan);
        sleep(seconds(5)).await;
        world.backend.restart(what, seconds(3));
        let end = run.wait().await;
        let lost = format!("Lost {{ message: {message:?} }}");
        let expected = format!("run interrupted\n default interrupted: a interrupted {lost}, b skipped, mail passed");
        world.report(&plan, "r1", end).expect(&expected);
    }
    run("a SLEEP=1s STEP_EXIT_CODE=137").await.expect("run failed\n default failed: a failed 137");
}

/// The engine goes away while a step runs, and the run gives up: the program goes on there.
async fn left_behind_on_an_engine(away: Duration) -> (World, Plan) {
    let plan = plan("a SLEEP=1s\nb SLEEP=9999m STEP_LOG=deploying");
    let world = World::new(Setup::default());
    let run = world.start("r1", &plan);
    sleep(seconds(3)).await;
    world.backend.go_away(away);
    assert_eq!(run.wait().await.state, RunState::Errored);
    assert_eq!(world.backend.running(), ["lp-r1-1-2-1"], "nobody could stop it");
    (world, plan)
}

#[tokio::test(start_paused = true)]
async fn what_runs_on_behind_an_outage_is_removed_as_soon_as_the_engine_is_back() {
    let (world, _) = left_behind_on_an_engine(seconds(1000)).await;
    let back = seconds(1003);
    sleep(back.saturating_sub(world.backend.now()) + seconds(31)).await;
    assert!(world.backend.containers().is_empty() && world.engine.live().is_empty(), "{:?}", world.backend.containers());
    assert_eq!(world.backend.kept().await.unwrap().stages.len(), 1, "its files are kept");
}

#[tokio::test(start_paused = true)]
async fn a_retry_never_begins_beside_an_earlier_attempt() {
    let (world, plan) = left_behind_on_an_engine(seconds(1000)).await;
    let refused = world.engine.retry(run_id("r1"), Arc::new(plan.clone()), world.past("r1"), place("p"), &[StageNumber(1)]).unwrap_err();
    assert_eq!(refused.to_string(), "stage 1 of the attempt before is still there");
    let run = world.engine.run(&run_id("r1")).unwrap();
    assert_eq!(run.remove_remains().await, ["`lp-r1-1`: the container engine does not answer: connection refused"]);
    // Also the next process does not begin it before the rest is removed.
    let world = world.next_process().await;
    let refused = world.engine.retry(run_id("r1"), Arc::new(plan.clone()), world.past("r1"), place("p"), &[StageNumber(1)]).unwrap_err();
    assert_eq!(refused.to_string(), "stage 1 of the attempt before is still there");
    let run = world.resume("r1", &plan);
    run.wait().await;
    sleep(seconds(1100)).await;
    assert_eq!(run.remove_remains().await, [""; 0]);
    assert!(world.backend.containers().is_empty() && world.engine.live().is_empty());
    let run = world.retry("r1", &plan).await;
    sleep(seconds(3)).await;
    assert_eq!(world.backend.running(), ["lp-r1-1-2-2"]);
    run.cancel(CancelReason::Forced);
    run.wait().await;
    assert_eq!(world.backend.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_app_does_not_wait_for_what_cannot_be_removed() {
    let (world, plan) = left_behind_on_an_engine(seconds(100_000)).await;
    world.engine.shutdown().await;
    let last = world.past("r1").events.pop().unwrap().1;
    assert!(matches!(&last, RunEvent::StageDestroyed { leftovers, .. } if !leftovers.is_empty()), "{last:?}");
    assert!(!Scheduler::replay(Arc::new(plan), world.past("r1").events.iter().map(|(_, event)| event)).unwrap().is_clean());
}

#[tokio::test(start_paused = true)]
async fn steps_do_not_go_on_without_the_files_of_the_steps_before_them() {
    let plan = plan("a SLEEP=1s\nb STEP_START_DELAY=1m\nc");
    let world = World::new(Setup::default());
    world.start("r1", &plan);
    sleep(seconds(3)).await;
    let world = world.next_process().await;
    world.backend.prune_containers();
    world.backend.prune_volumes();
    let end = world.resume("r1", &plan).wait().await;
    assert_eq!(starts(&world, "b"), 0, "it was not started in an empty working copy");
    let report = world.report(&plan, "r1", end);
    report.expect(
        "run interrupted
         default interrupted: a passed, b interrupted Lost { message: \"the files that the steps before have made are gone: volume `lp-r1-1` is not there\" }, c skipped StageErrored",
    );
    let end = world.retry("r1", &plan).await.wait().await;
    world.report(&plan, "r1", end).expect("run passed\n default passed: a passed, b passed, c passed");
    assert_eq!(starts(&world, "a"), 2, "the stage begins with its first step");
}

#[tokio::test(start_paused = true)]
async fn kept_files_that_vanish_before_a_retry_uses_them_are_missed() {
    let plan = plan("a\nb STEP_EXIT_CODE=1");
    let world = World::new(Setup::default());
    let end = world.start("r1", &plan).wait().await;
    assert_eq!(end.state, RunState::Failed);
    world.backend.prune_volumes();
    // Whoever retries could not ask, and takes them as there.
    let retried = world.engine.retry(run_id("r1"), Arc::new(plan.clone()), world.past("r1"), place("p"), &[StageNumber(1)]).unwrap();
    let end = retried.wait().await;
    assert_eq!(end.state, RunState::Errored);
    let (message, hint) = world.report(&plan, "r1", end).stage_error();
    assert_eq!(message, "the files that the steps before have made are gone: volume `lp-r1-1` is not there");
    assert_eq!(hint, "retry the run: the stage begins with its first step");
    let end = world.retry("r1", &plan).await.wait().await;
    assert_eq!(end.state, RunState::Failed);
    assert_eq!(starts(&world, "a"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stage_stays_on_its_engine_whichever_answers_first() {
    let two = FakePlaces { engines: 2, ..FakePlaces::default() };
    let plan = plan("a SLEEP=10s\nb\nstage next needs=default\n  c");
    let world = World::new(Setup { places: two, ..Setup::default() });
    world.backend.engine_goes_away(0, seconds(2));
    let run = world.start("r1", &plan);
    sleep(seconds(3)).await;
    // The other one is back, and is now the first that answers; and that of the run goes away for a while.
    assert_eq!(world.backend.probe(None).await.unwrap().id.as_str(), "fake:0");
    world.backend.engine_goes_away(1, seconds(60));
    let end = run.wait().await;
    world.report(&plan, "r1", end).expect("run passed\n default passed: a passed, b passed\n next passed: c passed");
    let placed = world.memory.events(&run_id("r1")).into_iter().filter_map(|event| match event {
        RunEvent::StagePlaced { engine, name, .. } => Some(format!("{engine} {name}")),
        _ => None,
    });
    assert_eq!(placed.collect::<Vec<_>>(), ["fake:1 Fake (fake://1)", "fake:1 Fake (fake://1)"]);
}

#[tokio::test(start_paused = true)]
async fn each_outage_has_the_whole_patience() {
    let plan = plan("a SLEEP=1000s");
    let world = World::new(Setup::default());
    let run = world.start("r1", &plan);
    sleep(seconds(1)).await;
    world.backend.go_away(seconds(60));
    sleep(seconds(310)).await;
    world.backend.go_away(seconds(200));
    assert_eq!(run.wait().await.state, RunState::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_output_is_said_in_the_log() {
    let plan = plan("a SLEEP=10s STEP_GAP=true STEP_LOG=one");
    let world = World::new(Setup::default());
    world.start("r1", &plan);
    sleep(seconds(3)).await;
    let world = world.next_process().await;
    assert_eq!(world.resume("r1", &plan).wait().await.state, RunState::Passed);
    assert_eq!(world.log("r1", key(1, 1)), "one\n(some output is missing here: it was not there any more when it was read)\n");
}

#[tokio::test(start_paused = true)]
async fn a_lost_step_is_retried_from_there() {
    let plan = plan(
        "db service
         a SLEEP=1s
         b SLEEP=5s STEP_LOG=hello
         c
         stage next needs=default
           d",
    );
    for files_are_kept in [true, false] {
        let world = World::new(Setup::default());
        let run = world.start("r1", &plan);
        sleep(seconds(3)).await;
        world.backend.restart(FakeRestart::Gone, Duration::ZERO);
        assert_eq!(run.wait().await.state, RunState::Interrupted);
        assert_eq!(world.backend.left(), [""; 0]);
        assert_eq!(world.backend.kept().await.unwrap().stages.len(), 1);
        if !files_are_kept {
            world.backend.drop_kept(&run_id("r1"), StageNumber(1));
        }
        let end = world.retry("r1", &plan).await.wait().await;
        world.report(&plan, "r1", end).expect(
            "run passed
             default passed: db passed EndedWithStage, a passed, b passed, c passed
             next passed: d passed",
        );
        let counts = ["a", "b", "c", "d"].map(|step| starts(&world, step));
        assert_eq!(counts, if files_are_kept { [1, 2, 1, 1] } else { [2, 2, 1, 1] });
        assert_eq!(world.log("r1", lp_model::StepKey { attempt: 2, ..key(1, 3) }), "hello\n");
        assert!(world.backend.kept().await.unwrap().stages.is_empty(), "it passed: nobody needs its files");
        let refused = world.engine.retry(run_id("r1"), Arc::new(plan.clone()), world.past("r1"), place("p"), &[]).unwrap_err();
        assert_eq!(refused.to_string(), "a run that is `passed` cannot be retried");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_survives_the_process_too() {
    let plan = plan("a SLEEP=1s\n b SLEEP=5s");
    let world = World::new(Setup::default());
    let run = world.start("r1", &plan);
    sleep(seconds(2)).await;
    run.cancel(CancelReason::Forced);
    assert_eq!(run.wait().await.state, RunState::Cancelled);
    world.retry("r1", &plan).await;
    sleep(seconds(2)).await;
    let world = world.next_process().await;
    let end = world.resume("r1", &plan).wait().await;
    world.report(&plan, "r1", end).expect("run passed\n default passed: a passed, b passed");
    assert_eq!(["a", "b"].map(|step| starts(&world, step)), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_over_before_what_is_left_of_it_is_removed() {
    let places = FakePlaces { destroy_takes: seconds(30), ..FakePlaces::default() };
    let settings = EngineSettings { max_runs: 1, ..EngineSettings::default() };
    let world = World::new(Setup { places, settings, ..Setup::default() });
    let (first, second) = (plan("a SLEEP=1s"), plan("b SLEEP=1s"));
    let run = world.start("r1", &first);
    let next = world.start("r2", &second);
    assert_eq!(run.over().await.state, RunState::Passed);
    assert_eq!(world.backend.now(), seconds(1));
    assert_eq!(world.engine.live(), [run_id("r1"), run_id("r2")], "a sweep must leave it alone");
    assert_eq!(next.over().await.state, RunState::Passed);
    assert_eq!(world.backend.now(), seconds(2), "the next one did not wait for the clean-up");
    let again = world.engine.retry(run_id("r1"), Arc::new(first.clone()), world.past("r1"), place("p"), &[]).unwrap_err();
    assert_eq!(again.to_string(), "a run that is `passed` cannot be retried");
    let end = run.wait().await;
    assert_eq!(world.backend.now(), seconds(31));
    world.report(&first, "r1", end);

    // The process ends in the middle of the clean-up: the next one does it.
    let world = World::new(Setup { places: FakePlaces { destroy_takes: seconds(30), ..FakePlaces::default() }, ..Setup::default() });
    world.start("r1", &first);
    sleep(seconds(5)).await;
    let world = world.next_process().await;
    assert_eq!(world.backend.left(), ["lp-r1-1"]);
    let run = world.resume("r1", &first);
    assert_eq!(run.over().await.state, RunState::Passed);
    let end = run.wait().await;
    assert_eq!(end.state, RunState::Passed);
    world.report(&first, "r1", end).expect("run passed\n default passed: a passed");
    assert!(!world.memory.events(&run_id("r1")).contains(&RunEvent::RunResumed), "it was over");
}

#[tokio::test(start_paused = true)]
async fn the_clean_up_after_a_cancel_has_a_time_of_its_own() {
    let mut plan = plan(
        "a SLEEP=1m
         tidy on=failure SLEEP=1m",
    );
    (plan.cleanup_on_cancel, plan.cleanup_timeout_s) = (true, 5);
    let cancel = |run: &_| after(seconds(2), run, |run| run.cancel(CancelReason::User));
    run_plan(Setup::default(), plan.clone(), cancel).await.1.expect(
        "run cancelled
         default cancelled: a cancelled User, tidy cancelled Forced
         0s start a, 2s ask a, 2s end a, 2s start tidy, 17s kill tidy, 17s end tidy",
    );

    // Also when another process does it.
    let world = World::new(Setup::default());
    let run = world.start("r1", &plan);
    sleep(seconds(2)).await;
    run.cancel(CancelReason::User);
    sleep(seconds(3)).await;
    let world = world.next_process().await;
    let end = world.resume("r1", &plan).wait().await;
    world.report(&plan, "r1", end).expect("run cancelled\n default cancelled: a cancelled User, tidy cancelled Forced");
    assert_eq!(world.backend.when("kill tidy"), Some(seconds(17)));
}

#[tokio::test(start_paused = true)]
async fn what_comes_next_is_made_ahead() {
    let places = FakePlaces { fetch_takes: seconds(60), ..FakePlaces::default() };
    let pipeline = "a SLEEP=5s
                    b
                    c
                    mail on=failure";
    let (world, report) = run_with(Setup { places, ..Setup::default() }, pipeline, |_| {}).await;
    report.expect(
        "run passed
         default passed: a passed, b passed, c passed, mail skipped NothingFailed
         0s start a, 5s end a, 5s start b, 5s end b, 5s start c, 5s end c",
    );
    assert_eq!(world.backend.when("fetch default"), Some(Duration::ZERO));
    assert_eq!(world.backend.when("ahead b"), Some(Duration::ZERO));
    assert_eq!(world.backend.when("ahead mail"), None);
    assert!(world.backend.when("destroy default").unwrap() < seconds(6), "nobody waits for what is of no use any more");

    // The step waits for whoever is just making its container.
    let places = FakePlaces { ahead_takes: seconds(8), ..FakePlaces::default() };
    let report = run_with(Setup { places, ..Setup::default() }, "a SLEEP=5s\n b", |_| {}).await.1;
    report.expect(
        "run passed
         default passed: a passed, b passed
         0s start a, 5s end a, 8s start b, 8s end b",
    );
    // But not for ever.
    let places = FakePlaces { ahead_takes: seconds(3000), ..FakePlaces::default() };
    let report = run_with(Setup { places, ..Setup::default() }, "a SLEEP=5s\n b", |_| {}).await.1;
    report.expect(
        "run passed
         default passed: a passed, b passed
         0s start a, 5s end a, 35s start b, 35s end b",
    );
}
