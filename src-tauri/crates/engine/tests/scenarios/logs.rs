//! What steps say, and what may not be said.

use crate::plan_text::plan;
use crate::world::{Setup, World, key, run, run_id, run_with};
use lp_backend::BackendError;
use lp_backend::fake::FakePlaces;
use lp_engine::EngineSettings;
use lp_model::Message;
use std::time::Duration;

fn secrets() -> Setup {
    Setup { secrets: vec![("token", "hunter22-and-more"), ("other", "swordfish")], ..Setup::default() }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_masked_however_it_is_cut() {
    // The second step does not get the secret but knows it all the same.
    let pipeline = "a TOKEN=$token STEP_ECHO=TOKEN
                    b OTHER=$other COPY=hunter22-and-more STEP_ECHO=COPY";
    let (world, report) = run_with(secrets(), pipeline, |_| {}).await;
    report.expect("run passed\n default passed: a passed, b passed");
    assert_eq!(world.backend.environment("a")["TOKEN"], "hunter22-and-more");
    assert_eq!(world.log("r1", key(1, 1)), "********\n");
    assert_eq!(world.log("r1", key(1, 2)), "********\n");
}

#[tokio::test(start_paused = true)]
async fn what_only_began_like_a_secret_is_there_in_the_end() {
    let world = World::new(secrets());
    let run = world.start("r1", &plan("a TOKEN=$token STEP_LOG=start STEP_LOG_END=hunter22 SLEEP=1m"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.log("r1", key(1, 1)), "start\n", "it could still become one");
    run.wait().await;
    assert_eq!(world.log("r1", key(1, 1)), "start\nhunter22");
}

#[tokio::test(start_paused = true)]
async fn notes_and_errors_are_masked() {
    let pipeline = "a TOKEN=$token STEP_NOTE=fetching-hunter22-and-more image=missing-hunter22-and-more";
    let report = run_with(secrets(), pipeline, |_| {}).await.1;
    assert_eq!(report.notes(), ["fetching-********"]);
    assert_eq!(report.error(key(1, 1)).0, "image `missing-********` cannot be had: no such image");

    let error = || BackendError::call(Message::verbatim("login"), Message::verbatim("swordfish is wrong"));
    let places = FakePlaces {
        prepare_error: Some(error),
        leftovers: vec![Message::verbatim("swordfish")],
        leftovers_until: Duration::MAX,
        ..FakePlaces::default()
    };
    let report = run_with(Setup { places, ..secrets() }, "a OTHER=$other", |_| {}).await.1;
    assert_eq!(report.stage_error().0, "login failed: ******** is wrong");
    assert_eq!(report.leftovers(), ["********"]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_is_noted_and_not_set() {
    let (world, report) = run_with(secrets(), "a GONE=$gone PLAIN=x", |_| {}).await;
    report.expect("run passed\n default passed: a passed");
    assert_eq!(report.notes(), ["there is no secret `gone`, so `GONE` is not set"]);
    assert_eq!(world.backend.environment("a").into_iter().collect::<Vec<_>>(), [("PLAIN".to_owned(), "x".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_read_stops_only_the_steps_that_want_it() {
    let setup = Setup { unreadable: Some("token"), ..secrets() };
    let report = run_with(setup, "a\n b TOKEN=$token\n c on=failure", |_| {}).await.1;
    report.expect("run errored\n default errored: a passed, b errored, c passed");
    assert_eq!(report.error(key(1, 2)).0, "secret `token` cannot be read: the key is gone");
}

#[tokio::test(start_paused = true)]
async fn a_line_is_there_while_the_step_still_runs() {
    let world = World::new(Setup::default());
    let run = world.start("r1", &plan("a STEP_LOG=hello SLEEP=1m"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.log("r1", key(1, 1)), "hello\n");
    assert!(!world.memory.is_finished(&run_id("r1"), key(1, 1)));
    run.wait().await;
    assert!(world.memory.is_finished(&run_id("r1"), key(1, 1)));
}

#[tokio::test(start_paused = true)]
async fn notices_about_a_log_are_few_and_the_last_one_is_right() {
    let report = run("a STEP_LOG_LINES=2000 STEP_LOG_PAUSE=1ms").await;
    let notices = report.log_notices();
    assert!((40..=62).contains(&notices.len()), "30 a second for 2 s: {}", notices.len());
    assert!(notices.windows(2).all(|pair| pair[0] <= pair[1]), "they only grow");
    let bytes: usize = (1..=2000).map(|n| format!("line {n}\n").len()).sum();
    assert_eq!(notices.last(), Some(&(2000, bytes as u64)));
}

#[tokio::test(start_paused = true)]
async fn a_flood_arrives_complete_and_in_order() {
    let (world, report) = run_with(secrets(), "a TOKEN=$token STEP_LOG_LINES=100000", |_| {}).await;
    report.expect("run passed\n default passed: a passed");
    let log = world.log("r1", key(1, 1));
    assert!(log.lines().zip(1..).all(|(line, n)| line == format!("line {n}")));
    assert_eq!(log.lines().count(), 100_000);
}

#[tokio::test(start_paused = true)]
async fn a_log_has_a_limit_and_says_so_in_its_last_line() {
    let settings = EngineSettings { max_log_bytes: 2_000_020, ..EngineSettings::default() };
    let plan = plan("a STEP_LOG_LINES=400000 SLEEP=10s");
    let world = World::new(Setup { settings, ..Setup::default() });
    world.start("r1", &plan);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let world = world.next_process().await;
    let end = world.resume("r1", &plan).wait().await;
    world.report(&plan, "r1", end).expect("run passed\n default passed: a passed");
    let log = world.log("r1", key(1, 1));
    let told = "(this log has reached its limit of 2 MB: what the program writes from here on is not kept)\n";
    assert!(log.trim_end().ends_with(told.trim_end()), "{}", &log[log.len() - 200..]);
    assert_eq!(log.matches("(this log").count(), 1, "the next process does not say it again");
    assert!(log.starts_with("line 1\nline 2\n") && log.len() < 2_000_200, "{}", log.len());
}
