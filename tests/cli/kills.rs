//! `kill -9` in the middle of a run, as a person meets it: the run goes on, and can be followed, cancelled or left alone. (Kills at random
//! moments, and everything that must be the same after them, are in `tests/chaos`.)

use lp_tests::docker::{labelled, require_engine};
use lp_tests::images::busybox_image;
use lp_tests::press::Press;
use rustix::process::Signal;

/// The first step takes a while.
const PIPELINE: &str = "kind: pipeline
name: default
services:
- name: cache
  image: alpine
  commands: [sleep 600]
steps:
- {name: one, image: alpine, commands: [echo here, sleep 4, echo still here]}
- {name: two, image: alpine, commands: [echo two]}
";

/// Nothing is left in the engine, but the files of a run that did not pass, a volume and its mark: those are kept for a retry, and go when they are
/// told to.
async fn assert_nothing_left(press: &Press, files_kept: bool) {
    let owner = std::fs::read_to_string(press.data().join("folder-id")).unwrap();
    let left = labelled(&require_engine().await, "letterpress.owner", owner.trim()).await;
    assert_eq!((left.len(), left.iter().all(|name| name.starts_with("volume "))), (if files_kept { 2 } else { 0 }, true), "{left:?}");
    let app = press.app(true).await;
    app.remove_kept(None).await.unwrap();
    app.shutdown().await;
    assert_eq!(labelled(&require_engine().await, "letterpress.owner", owner.trim()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_killed_run_is_followed_again_from_its_beginning() {
    busybox_image().await;
    let press = Press::new();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    let mut run = press.start(&["run", &repository]);
    run.until_out("\nhere\n").await;
    assert!(run.kill().await);
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(history["runs"][0]["state"], "running", "the run goes on, and one who only reads changes nothing");
    let said = press.start(&["attach", "last"]).end().await.expect(0).explains(&["✓ one passed", "✓ two passed", "run 1 passed"]);
    let lines: Vec<&str> = said.out.lines().filter(|line| !line.starts_with('+')).collect();
    assert_eq!(lines, ["here", "still here", "two"]);
    assert_nothing_left(&press, false).await;
}

#[tokio::test]
async fn a_killed_run_can_be_cancelled() {
    busybox_image().await;
    let press = Press::new();
    let repository = press.repository("shop", &[(".drone.yml", &PIPELINE.replace("sleep 4", "sleep 600"))]);
    let mut run = press.start(&["run", &repository]);
    run.until_out("\nhere\n").await;
    assert!(run.kill().await);
    let mut attached = press.start(&["attach", "last"]);
    attached.until_out("\nhere\n").await;
    attached.signal(Signal::INT);
    attached.end().await.expect(130).explains(&["one cancelled", "two skipped", "run 1 cancelled"]);
    assert_nothing_left(&press, true).await;
}

#[tokio::test]
async fn a_cancelled_run_leaves_nothing_in_the_engine() {
    busybox_image().await;
    let press = Press::new();
    let repository = press.repository("shop", &[(".drone.yml", &PIPELINE.replace("sleep 4", "sleep 600"))]);
    let mut run = press.start(&["run", &repository]);
    run.until_out("\nhere\n").await;
    run.signal(Signal::INT);
    run.end().await.expect(130).explains(&["one cancelled", "two skipped", "run 1 cancelled"]);
    assert_nothing_left(&press, true).await;
}
