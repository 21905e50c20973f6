//! Disks that fill up in the middle of a run: it is said what is missing, nothing that was stored is lost, and with room again a retry passes.

use crate::engine::assert_retry_passes;
use crate::left::assert_engine_is_empty;
use crate::picture::Picture;
use lp_api::dto::StepStateWord;
use lp_tests::disk::SmallDisk;
use lp_tests::docker::require_engine;
use lp_tests::images::busybox_image;
use lp_tests::press::Press;

/// `PRINT` prints more than there is room for.
const PIPELINE: &str = r#"kind: pipeline
name: default
steps:
- name: before
  image: alpine
  pull: if-not-exists
  commands:
  - echo before >> ran
  - echo this stays
- name: during
  image: alpine
  pull: if-not-exists
  commands:
  - echo during >> ran
  - PRINT
- name: after
  image: alpine
  pull: if-not-exists
  commands:
  - cat ran
"#;

fn assert_before_is_whole(picture: &Picture) {
    assert_eq!(picture.step("before").state, StepStateWord::Passed);
    assert_eq!(picture.step("before").log, "+ echo before >> ran\n+ echo this stays\nthis stays\n");
}

#[tokio::test]
async fn in_the_folder_of_the_logs() {
    const PRINT: &str = "yes a line of some length that fills the disk | head -n 40000";
    busybox_image().await;
    let docker = require_engine().await;
    let press = Press::new();
    press.say(&["doctor"]).expect(0);
    let logs = press.data().join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let disk = SmallDisk::at(&logs, 3500);
    disk.fill_but(1000);
    let repository = press.repository("shop", &[(".drone.yml", &PIPELINE.replace("PRINT", PRINT))]);
    let said = press.start(&["run", &repository]).end().await.expect(1);
    said.explains(&["step `during`", "no space left", "free some disk space", "run 1 errored"]);
    let picture = Picture::of(&press, "last").await;
    assert_before_is_whole(&picture);
    assert_eq!(picture.step("during").state, StepStateWord::Errored);
    let whole = format!("+ echo during >> ran\n+ {PRINT}\n{}", "a line of some length that fills the disk\n".repeat(40_000));
    let there = &picture.step("during").log;
    assert!(there.len() > 500_000 && whole.starts_with(there.as_str()), "what fitted is there as it was written: {} bytes", there.len());

    disk.make_room();
    assert_retry_passes(&press, "last").await;
    let picture = Picture::of(&press, "last").await;
    assert_before_is_whole(&picture);
    assert!(picture.step("during").log == whole, "the second attempt's log has {} bytes", picture.step("during").log.len());
    assert_engine_is_empty(&docker, &press, "").await;
}

/// Nothing can be written down any more: neither output nor events.
#[tokio::test]
async fn in_the_data_folder() {
    const PRINT: &str = "test $(grep -c during ran) -gt 1 || for i in $(seq 1 6000); do printf 'line %d %0500d\\n' $i 0; sleep 0.1; done";
    busybox_image().await;
    let docker = require_engine().await;
    let disk = SmallDisk::new(6000);
    let press = Press::new().with_data(&disk.path().join("data"));
    let repository = press.repository("shop", &[(".drone.yml", &PIPELINE.replace("PRINT", PRINT))]);
    let mut run = press.start(&["run", &repository]);
    run.until_out("\nline 5 ").await;
    disk.fill_but(0);
    let said = run.end().await.expect(1);
    said.explains(&["no space left", "free some disk space"]);

    disk.make_room();
    // What could not be written down is written now, by whoever comes next.
    press.start(&["attach", "last"]).end().await.expect(1);
    let picture = Picture::of(&press, "last").await;
    assert_before_is_whole(&picture);
    let expected: String = (1..=5).map(|line| format!("\nline {line} {:0500}", 0)).collect();
    assert!(picture.step("during").log.contains(&expected), "{}", picture.step("during").log);
    assert_retry_passes(&press, "last").await;
    assert_engine_is_empty(&docker, &press, "").await;
}
