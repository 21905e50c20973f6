//! What goes wrong in a step, a stage, the backend or the store.

use crate::plan_text::plan;
use crate::world::{Setup, World, key, run, run_id, run_plan, run_with};
use lp_backend::BackendError;
use lp_backend::fake::FakePlaces;
use lp_engine::EngineSettings;
use lp_model::Message;
use lp_model::{RunEvent, RunState, StageNumber};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn after_a_failure_only_steps_that_want_it_run() {
    run("build STEP_EXIT_CODE=3
         test
         mail on=failure
         tidy on=always")
    .await
    .expect(
        "run failed
         default failed: build failed 3, test skipped, mail passed, tidy passed
         0s start build, 0s end build, 0s start mail, 0s end mail, 0s start tidy, 0s end tidy",
    );
}

#[tokio::test(start_paused = true)]
async fn an_ignored_failure_changes_nothing() {
    run("lint STEP_EXIT_CODE=1 failure=ignore
         test
         mail on=failure")
    .await
    .expect(
        "run passed
         default passed: lint failed 1, test passed, mail skipped NothingFailed",
    );
}

#[tokio::test(start_paused = true)]
async fn failing_fast_stops_what_runs() {
    run("a SLEEP=1s STEP_EXIT_CODE=1 failure=fast
         b SLEEP=5m needs=-
         c needs=b
         stage other needs=default
           d")
    .await
    .expect(
        "run failed
         default failed: a failed 1, b cancelled StepFailed, c skipped Cancelled
         other skipped: d skipped Cancelled
         0s start a, 0s start b, 1s end a, 1s ask b, 1s end b",
    );
}

#[tokio::test(start_paused = true)]
async fn memory_signals_and_starts() {
    run("a STEP_OOM_KILLED=true").await.expect("run failed\n default failed: a failed OutOfMemory");
    run("a STEP_SIGNAL=11").await.expect("run failed\n default failed: a failed Signalled { signal: 11 }");
    let report = run("a STEP_START_FAIL=true
                      b
                      mail on=failure")
    .await;
    report.expect("run errored\n default errored: a errored, b skipped, mail passed");
    let (message, hint) = report.error(key(1, 1));
    assert_eq!(message, "step `a` cannot be started: no such file");
    assert!(hint.to_string().starts_with("check `commands`"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_image_says_which_and_what_to_do() {
    let report = run("a image=missing/tool:1").await;
    report.expect("run errored\n default errored: a errored");
    let (message, hint) = report.error(key(1, 1));
    assert_eq!(message, "image `missing/tool:1` cannot be had: no such image");
    assert!(hint.to_string().starts_with("check the spelling of the image"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn a_service_without_an_image_is_an_error_of_the_stage() {
    run("db service image=missing/db
         test needs=db")
    .await
    .expect("run errored\n default errored: db errored, test skipped");
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_cannot_be_prepared() {
    let error = || BackendError::call(Message::verbatim("create network `x`"), Message::verbatim("refused"));
    let places = FakePlaces { prepare_error: Some(error), ..FakePlaces::default() };
    let report = run_with(Setup { places, ..Setup::default() }, "a", |_| {}).await.1;
    report.expect("run errored\n default errored: a skipped StageErrored");
    assert_eq!(report.stage_error(), ("create network `x` failed: refused".into(), String::new()));
    assert!(report.calls.iter().any(|(_, what)| what == "destroy default"));
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_takes_for_ever_to_prepare() {
    let places = FakePlaces { prepare_takes: Duration::from_secs(3000), ..FakePlaces::default() };
    let report = run_with(Setup { places, ..Setup::default() }, "a", |_| {}).await.1;
    report.expect("run errored\n default errored: a skipped StageErrored");
    assert_eq!(report.stage_error().0, "the making of the stage has not got any further for 300 s");
}

#[tokio::test(start_paused = true)]
async fn a_computer_without_a_container_engine() {
    let report = run_with(Setup { has_no_backend: true, ..Setup::default() }, "a", |_| {}).await.1;
    report.expect("run errored\n default errored: a skipped StageErrored");
    assert_eq!(report.stage_error().1, "start Docker (or Podman) and run again");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_panics_is_an_error() {
    let (world, report) = run_with(
        Setup::default(),
        "a STEP_PANIC=true
         mail on=failure",
        |_| {},
    )
    .await;
    report.expect("run errored\n default errored: a errored, mail passed");
    assert_eq!(report.error(key(1, 1)).0, "the backend failed unexpectedly: `a` was told to");
    assert!(world.memory.is_finished(&run_id("r1"), key(1, 1)));

    let places = FakePlaces { prepare_panics: true, ..FakePlaces::default() };
    let report = run_with(Setup { places, ..Setup::default() }, "a", |_| {}).await.1;
    report.expect("run errored\n default errored: a skipped StageErrored");
    assert_eq!(report.stage_error().0, "the backend failed unexpectedly: prepare was told to");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_our_own_ports_leaves_nothing_hanging() {
    let report = run_with(Setup { opening_logs_panics: true, ..Setup::default() }, "a\n mail on=failure", |_| {}).await.1;
    report.expect("run errored\n default errored: a errored, mail errored");
    assert!(report.error(key(1, 1)).0.starts_with("the engine failed unexpectedly"), "{:?}", report.error(key(1, 1)));

    let world = World::new(Setup { journal_panics_at: Some(3), ..Setup::default() });
    let run = world.start("r1", &plan("a SLEEP=1s"));
    let end = run.wait().await;
    assert_eq!((end.state, end.message.to_string().as_str()), (RunState::Errored, "the task of the run ended unexpectedly"));
    assert!(world.engine.live().is_empty());
    assert_eq!(world.backend.left(), ["lp-r1-1"], "this is for the next sweep");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_removed_is_written_down() {
    let leftovers_until = Duration::from_secs(100);
    let places = FakePlaces { leftovers: vec![Message::verbatim("volume `x` is in use")], leftovers_until, ..FakePlaces::default() };
    let (world, report) = run_with(Setup { places, ..Setup::default() }, "a", |_| {}).await;
    assert_eq!((report.end.state, &report.left[..]), (RunState::Passed, &["lp-r1-1".to_owned()][..]), "its end does not wait for that");
    assert_eq!(report.leftovers(), ["volume `x` is in use"]);
    assert_eq!((world.engine.live().len(), world.engine.under_way().len()), (1, 0), "a sweep must leave it alone, and nobody waits for it");
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert!(world.engine.live().is_empty() && world.backend.left().is_empty(), "it is tried again until nothing is left");
    let told: Vec<RunEvent> = world.memory.events(&run_id("r1")).into_iter().skip(report.events.len()).collect();
    let gone = RunEvent::StageDestroyed { stage: StageNumber(1), leftovers: vec![], kept: false };
    assert_eq!(told, [gone], "that the same is still there is told once");

    let places = FakePlaces { destroy_error: Some(|| BackendError::unreachable(Message::verbatim("eof"))), ..FakePlaces::default() };
    let report = run_with(Setup { places, ..Setup::default() }, "a", |_| {}).await.1;
    assert_eq!(report.end.state, RunState::Passed);
    assert_eq!(report.leftovers(), ["`lp-r1-1`: the container engine does not answer: eof"]);

    let places = FakePlaces { destroy_takes: Duration::from_secs(3600), ..FakePlaces::default() };
    let report = run_with(Setup { places, ..Setup::default() }, "a", |_| {}).await.1;
    assert_eq!(report.end.state, RunState::Passed);
    assert_eq!(report.leftovers(), ["`lp-r1-1`: not removed after 60 s"]);
}

const PIPELINE: &str = "db service
                        a SLEEP=1s STEP_LOG=hello
                        b SLEEP=1s
                        mail on=failure
                        stage next needs=default
                          c";

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_at_any_moment_stops_the_run() {
    let healthy = run(PIPELINE).await;
    let mut appends = 0;
    loop {
        // It stays broken: nothing more is begun, everything is removed, and the handle says why.
        let setup = Setup { journal_fails: appends..usize::MAX, ..Setup::default() };
        let (world, report) = run_plan(setup, plan(PIPELINE), |_| {}).await;
        if report.end.message.is_empty() {
            assert_eq!(report.events, healthy.events, "it failed at no moment at all");
            break;
        }
        // Unless only the removal of its place could not be stored.
        let stored_end = report.events.iter().find_map(|event| match event {
            RunEvent::RunEnded { state } => Some(*state),
            _ => None,
        });
        let end = (stored_end.unwrap_or(RunState::Errored), "the disk is full");
        assert_eq!((report.end.state, report.end.message.to_string().as_str()), end, "append {appends}");
        assert_eq!(report.left, [""; 0], "append {appends}");
        assert_eq!(report.events[..], healthy.events[..report.events.len()], "append {appends}");
        let stored = |verb: &str| world.backend.calls().iter().filter(|call| call.what.starts_with(verb)).count();
        let starting = report.events.iter().filter(|event| matches!(event, RunEvent::StepStarting { .. })).count();
        assert_eq!(stored("start "), starting, "append {appends}: nothing is started that is not stored");

        // It comes back: the end is written down after all.
        let setup = Setup { journal_fails: appends..appends + 1, ..Setup::default() };
        let report = run_plan(setup, plan(PIPELINE), |_| {}).await.1;
        let state = stored_end.unwrap_or(RunState::Errored);
        assert_eq!(report.end.state, state, "append {appends}");
        let ends: Vec<_> = report.events.iter().filter(|event| matches!(event, RunEvent::RunEnded { .. })).collect();
        assert_eq!(ends, [&RunEvent::RunEnded { state }], "append {appends}");
        assert_eq!(report.left, [""; 0], "append {appends}");
        appends += 1;
    }
    assert!(appends > 8, "{appends}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_stops_what_runs_at_once() {
    let pipeline = "a SLEEP=1s
                    b needs=- SLEEP=50m IGNORE_TERM=true";
    // RunStarted with StagePreparing, StagePlaced, StageReady with two StepStarting, two StepCreated, two StepStarted; then the end of `a`.
    let setup = Setup { journal_fails: 7..usize::MAX, ..Setup::default() };
    let (world, report) = run_with(setup, pipeline, |_| {}).await;
    assert_eq!(report.end.state, RunState::Errored);
    assert_eq!(world.backend.when("kill b"), Some(Duration::from_secs(1)));
    assert_eq!(world.backend.when("gone default"), Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_cannot_be_written_ends_the_step() {
    let setup = Setup { log_room: Some(100), ..Setup::default() };
    let report = run_with(
        setup,
        "a STEP_LOG_LINES=1000 STEP_LOG_PAUSE=10ms SLEEP=1m
         b",
        |_| {},
    )
    .await
    .1;
    report.expect("run errored\n default errored: a errored, b skipped");
    assert_eq!(
        report.error(key(1, 1)),
        ("the log cannot be written: the disk is full".into(), "free some disk space and run again".into())
    );
    assert!(report.calls.last().unwrap().0 < Duration::from_secs(1), "at once: {:?}", report.calls);

    // It says one thing and then nothing for a long time.
    let setup = Setup { log_room: Some(3), ..Setup::default() };
    let report = run_with(setup, "a STEP_LOG=hello SLEEP=1m", |_| {}).await.1;
    report.expect(
        "run errored
         default errored: a errored
         0s start a, 0s kill a, 0s end a",
    );

    let setup = Setup { log_room: Some(0), ..Setup::default() };
    let report = run_with(setup, "a", |_| {}).await.1;
    report.expect("run errored\n default errored: a errored");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_does_not_even_end_when_killed_is_given_up() {
    let mut plan = plan("a STEP_HANG=true STEP_LOG=hello");
    plan.timeout_s = 5;
    let settings = EngineSettings { cleanup_deadline: Duration::from_secs(20), ..EngineSettings::default() };
    let (world, report) = run_plan(Setup { settings, ..Setup::default() }, plan, |_| {}).await;
    // 5 s limit, 10 s grace, 20 s patience.
    report.expect("run timed_out\n default cancelled: a failed TimedOut");
    assert_eq!(world.backend.when("destroy default"), Some(Duration::from_secs(35)));
    assert_eq!(report.notes(), ["the step did not end within 20 s after it was killed"]);
    assert_eq!(world.log("r1", key(1, 1)), "hello\n");
}
