//! The container engine dies, restarts, freezes or stays away in the middle of a step.

use crate::left::assert_engine_is_empty;
use crate::picture::Picture;
use lp_api::dto::{Settings, StepStateWord, Tag};
use lp_tests::docker::{EngineDoor, require_socket};
use lp_tests::images::busybox_image_in;
use lp_tests::island::Island;
use lp_tests::press::{Press, Said};
use std::time::{Duration, Instant};

/// The second step runs for ever unless it runs for the second time.
pub const PIPELINE: &str = r#"kind: pipeline
name: default
steps:
- name: before
  image: alpine
  pull: if-not-exists
  commands:
  - echo before >> ran
- name: during
  image: alpine
  pull: if-not-exists
  commands:
  - echo during >> ran
  - echo under way
  - test $(grep -c during ran) -gt 1 || sleep 600
- name: after
  image: alpine
  pull: if-not-exists
  commands:
  - cat ran
- name: sorry
  image: alpine
  pull: if-not-exists
  when: {status: [failure]}
  commands:
  - echo sorry for that
"#;

/// How long the engine is frozen.
const FROZEN: Duration = Duration::from_secs(30);

/// An engine of the test's own with the image of the steps, a person who uses it, and a repository.
pub async fn on_an_island(pipeline: &str, options: &[&str]) -> (Island, Press, String) {
    let island = Island::rise(options).await;
    busybox_image_in(&island.docker()).await;
    let press = Press::with_engine_at(&island.url());
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    (island, press, repository)
}

/// The run ended because its second step was lost, and this was said.
pub async fn assert_lost(press: &Press, said: Said) {
    let said = said.expect(1).explains(&[
        "during interrupted (lost)",
        "error: step `during`: ",
        "`letterpress retry shop#1` goes on from `during`",
        "after skipped",
        "run 1 interrupted",
    ]);
    assert!(said.out.contains("\nsorry for that\n"), "the step that runs on failure ran: {}", said.out);
    let picture = Picture::of(press, "last").await;
    assert_eq!(picture.state, "interrupted");
    assert_eq!(picture.step("before").state, StepStateWord::Passed);
    assert_eq!(picture.step("during").state, StepStateWord::Interrupted);
    assert_eq!(picture.step("sorry").state, StepStateWord::Passed);
    assert!(picture.step("during").log.ends_with("\nunder way\n+ test $(grep -c during ran) -gt 1 || sleep 600\n"));
}

/// A retry goes on from the lost step, over the files that the run had, and leaves nothing behind.
pub async fn assert_retry_passes(press: &Press, run: &str) {
    let said = press.start(&["retry", run]).end().await.expect(0);
    assert!(said.out.ends_with("before\nduring\nduring\n"), "what was before is not run again: {}", said.out);
    let picture = Picture::of(press, run).await;
    assert_eq!(picture.state, "passed");
    assert_eq!((picture.step("before").attempt, picture.step("during").attempt), (1, 2));
}

#[tokio::test]
async fn it_is_killed_and_started_again() {
    let (mut island, press, repository) = on_an_island(PIPELINE, &[]).await;
    let mut run = press.start(&["run", &repository]);
    run.until_out("under way").await;
    let begin = Instant::now();
    island.kill_engine().await;
    run.until_err("waiting for it").await;
    println!("the loss of the engine was said after {:.1?}", begin.elapsed());
    island.start_engine().await;
    println!("the engine answered again after {:.1?}", begin.elapsed());
    let said = run.end().await;
    println!("the run was over after {:.1?}", begin.elapsed());
    assert_lost(&press, said).await;
    assert_retry_passes(&press, "last").await;
    assert_engine_is_empty(&island.docker(), &press, "").await;
}

#[tokio::test]
async fn it_is_restarted_politely() {
    let (mut island, press, repository) = on_an_island(PIPELINE, &[]).await;
    let mut run = press.start(&["run", &repository]);
    run.until_out("under way").await;
    let begin = Instant::now();
    island.stop_engine().await;
    island.start_engine().await;
    println!("the restart took {:.1?}", begin.elapsed());
    assert_lost(&press, run.end().await).await;
    assert_retry_passes(&press, "last").await;
    assert_engine_is_empty(&island.docker(), &press, "").await;
}

/// Of an engine that is set so, containers survive a restart, and so does the run.
#[tokio::test]
async fn it_keeps_its_containers_over_a_restart() {
    let lines = "- for i in $(seq 1 100); do echo \"line $i\"; sleep 0.1; done\n";
    let pipeline = PIPELINE.replace("- test $(grep -c during ran) -gt 1 || sleep 600\n", lines);
    let (mut island, press, repository) = on_an_island(&pipeline, &["--live-restore"]).await;
    let mut run = press.start(&["run", &repository]);
    run.until_out("line 20\n").await;
    island.kill_engine().await;
    run.until_err("waiting for it").await;
    island.start_engine().await;
    let said = run.end().await.expect(0);
    assert!(said.out.ends_with("before\nduring\n"), "{}", said.out);
    let expected: String = (1..=100).map(|line| format!("line {line}\n")).collect();
    let picture = Picture::of(&press, "last").await;
    assert!(picture.step("during").log.ends_with(&expected), "{}", picture.step("during").log);
    assert_engine_is_empty(&island.docker(), &press, "").await;
}

#[tokio::test]
async fn it_freezes_for_half_a_minute() {
    let lines = "- for i in $(seq 1 100); do echo \"line $i\"; echo \"err $i\" >&2; sleep 0.1; done\n";
    let pipeline = PIPELINE.replace("- test $(grep -c during ran) -gt 1 || sleep 600\n", lines);
    let (island, press, repository) = on_an_island(&pipeline, &[]).await;
    let mut run = press.start(&["run", &repository]);
    run.until_out("line 20\n").await;
    let begin = Instant::now();
    island.freeze_engine();
    // How long it lasts is what this is about; the news must come in that time.
    let (said_so, ()) = tokio::join!(
        async {
            run.until_err("waiting for it").await;
            begin.elapsed()
        },
        tokio::time::sleep(FROZEN)
    );
    assert!(said_so < FROZEN, "that the engine does not answer was said only after {said_so:?}");
    island.thaw_engine();
    let said = run.end().await.expect(0);
    println!("frozen for {FROZEN:?}: said after {said_so:.1?}, the run was over after {:.1?}", begin.elapsed());
    assert!(said.out.ends_with("before\nduring\n"), "{}", said.out);
    let picture = Picture::of(&press, "last").await;
    let expected: String = (1..=100).map(|line| format!("line {line}\n")).chain((1..=100).map(|line| format!("err {line}\n"))).collect();
    assert!(picture.step("during").log.ends_with(&expected), "{}", picture.step("during").log);
    assert_engine_is_empty(&island.docker(), &press, "").await;
}

#[tokio::test]
async fn it_stays_away() {
    let (mut island, press, repository) = on_an_island(PIPELINE, &[]).await;
    let app = press.app(false).await;
    let settings = app.settings().await.unwrap();
    app.set_settings(Settings { engine_patience_s: 3, ..settings }).await.unwrap();
    app.shutdown().await;
    let mut run = press.start(&["run", &repository]);
    run.until_out("under way").await;
    let begin = Instant::now();
    island.kill_engine().await;
    let said = run.end().await.expect(1);
    println!("the run gave up after {:.1?}", begin.elapsed());
    said.explains(&["the container engine does not answer; waiting for it", "start Docker", "run 1 errored"]);
    let picture = Picture::of(&press, "last").await;
    assert_eq!(picture.step("during").state, StepStateWord::Errored);
    assert!(picture.step("during").log.contains("\nunder way\n"), "what was written before is there");
    island.start_engine().await;
    assert_retry_passes(&press, "last").await;
    assert_engine_is_empty(&island.docker(), &press, "").await;
}

/// A window that stays open learns by itself that the engine went, and that it came.
#[tokio::test]
async fn an_open_window_is_told_that_it_went_and_came() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let engine = require_socket().await;
    let press = Press::with_engine_at(&format!("unix://{}", socket.display()));
    let app = press.app(true).await;
    assert!(!app.status().await.unwrap().engines.iter().any(|engine| engine.answers));
    let mut notices = app.notices();
    app.watch_engines();
    for comes in [true, false, true] {
        let door = comes.then(|| EngineDoor::open(&socket, engine.clone()));
        let told = async {
            loop {
                let answers = app.status().await.unwrap().engines.iter().any(|engine| engine.answers);
                if answers == comes {
                    return;
                }
                while !notices.next().await.unwrap().is_about(&Tag::Status) {}
            }
        };
        tokio::time::timeout(Duration::from_secs(60), told).await.expect("it is told");
        drop(door);
        // A Unix socket stays where it was when nobody listens to it any more.
        let _gone = std::fs::remove_file(&socket);
    }
    app.shutdown().await;
}
