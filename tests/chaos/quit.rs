//! Front ends that end in the middle of a run leave it to the next one.

use crate::left::assert_engine_is_empty;
use crate::picture::Picture;
use lp_api::Progress;
use lp_api::dto::{RunRequest, StepStateWord};
use lp_tests::conformance::within;
use lp_tests::docker::require_engine;
use lp_tests::images::busybox_image;
use lp_tests::press::Press;
use rustix::process::Signal;

/// The first step takes five seconds.
const PIPELINE: &str = r#"kind: pipeline
name: default
steps:
- name: wait
  image: alpine
  pull: if-not-exists
  commands:
  - echo wait >> ran
  - echo under way
  - for i in $(seq 1 50); do echo "line $i"; sleep 0.1; done
- name: last
  image: alpine
  pull: if-not-exists
  commands:
  - echo last >> ran
  - cat ran
"#;

fn assert_as_if_nothing_had_happened(picture: &Picture) {
    assert_eq!(picture.state, "passed");
    let expected: String = (1..=50).map(|line| format!("line {line}\n")).collect();
    assert!(picture.step("wait").log.ends_with(&expected), "{}", picture.step("wait").log);
    assert!(picture.step("last").log.ends_with("+ cat ran\nwait\nlast\n"), "{}", picture.step("last").log);
    assert!(picture.steps.iter().all(|step| step.state == StepStateWord::Passed && step.attempt == 1));
}

/// The terminal is closed.
#[tokio::test]
async fn a_hang_up() {
    busybox_image().await;
    let docker = require_engine().await;
    let press = Press::new();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    let mut run = press.start(&["run", &repository]);
    run.until_out("line 5\n").await;
    run.signal(Signal::HUP);
    run.end().await.expect(129);
    let said = press.start(&["attach", "last"]).end().await.expect(0).explains(&["run 1 passed"]);
    assert!(said.out.contains("line 1\n") && said.out.contains("line 50\n"), "from the beginning to the end: {}", said.out);
    assert_as_if_nothing_had_happened(&Picture::of(&press, "last").await);
    assert_engine_is_empty(&docker, &press, "").await;
}

/// What the window does when it is closed, and when it is opened again: the use cases in one process, twice.
#[tokio::test]
async fn the_app_is_closed_and_opened_again() {
    busybox_image().await;
    let docker = require_engine().await;
    let press = Press::new();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    let app = press.app(true).await;
    let project = app.open_project(&repository).await.unwrap();
    let workflow = app.choose_workflow(&project.id, "", None, None).await.unwrap();
    let request = RunRequest {
        project: project.id,
        workflow,
        version: String::new(),
        inputs: Default::default(),
        allow_host: false,
        on_host: false,
        event: None,
        seen: None,
        key: None,
    };
    let run = app.start_run(&request).await.unwrap();
    let mut following = app.follow(&run);
    within(60, "the first lines", async {
        loop {
            if let Progress::Lines(lines) = following.next().await.unwrap()
                && lines.lines.iter().any(|line| line == "line 5")
            {
                break;
            }
        }
    })
    .await;
    drop(following);
    within(30, "the app", app.shutdown()).await;

    let app = press.app(true).await;
    let mut following = app.follow(&run);
    within(60, "the run", async { while !matches!(following.next().await.unwrap(), Progress::Ended(_)) {} }).await;
    drop(following);
    app.wait_idle().await;
    app.shutdown().await;
    assert_as_if_nothing_had_happened(&Picture::of(&press, &run).await);
    assert_engine_is_empty(&docker, &press, "").await;
}
