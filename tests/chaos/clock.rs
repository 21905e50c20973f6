//! The clock of the computer jumps by days in the middle of a run (a battery that was empty, a time server that answers late): nothing ends
//! too early, nothing takes less than no time, and the history keeps its order. Only the clock of our own processes jumps (`libfaketime`).

use crate::left::assert_engine_is_empty;
use crate::picture::Picture;
use lp_api::dto::RunDetail;
use lp_tests::docker::require_engine;
use lp_tests::images::busybox_image;
use lp_tests::press::{Going, Press, Said};
use std::path::PathBuf;

/// A clock that the test sets.
struct JumpyClock {
    file: PathBuf,
    library: PathBuf,
}

impl JumpyClock {
    fn new(press: &Press) -> Self {
        let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
        let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let library = libraries.find(|path| path.exists()).expect("this test needs libfaketime (apt-get install libfaketime)");
        let clock = Self { file: press.folder().join("clock"), library };
        clock.jump("+0");
        clock
    }

    /// Sets it to so far from the real time: `+3d`, `-2d`.
    fn jump(&self, offset: &str) {
        // In one move, so that nobody reads half of it.
        let half = self.file.with_extension("new");
        std::fs::write(&half, format!("{offset}\n")).unwrap();
        std::fs::rename(half, &self.file).unwrap();
    }

    /// Starts a command that lives by it. As in the real world the clock that only counts goes on as ever.
    fn start(&self, press: &Press, arguments: &[&str]) -> Going {
        let mut command = press.command(arguments);
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
        Going::of(command)
    }
}

/// No time is negative, as data and as text.
fn assert_times_make_sense(detail: &RunDetail, said: &Said) {
    assert!(detail.run.duration_ms().unwrap() >= 0, "{:?}", detail.run);
    for step in detail.stages.iter().flat_map(|stage| &stage.steps) {
        assert!(step.duration_ms().unwrap() >= 0, "{step:?}");
    }
    assert!(!said.err.contains("in -"), "{}", said.err);
}

#[tokio::test]
async fn in_the_middle_of_steps() {
    let press = Press::without_engine();
    let clock = JumpyClock::new(&press);
    let step =
        |name: &str| format!("- name: {name}\n  commands:\n  - echo at {name}\n  - until [ -e \"$GATE/{name}\" ]; do sleep 0.05; done\n");
    let pipeline = format!("kind: pipeline\ntype: exec\nname: default\nsteps:\n{}{}{}", step("a"), step("b"), step("c"));
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    let input = format!("GATE={}", press.folder().display());
    let mut run = clock.start(&press, &["run", &repository, "--backend", "host", "--input", &input]);
    for (name, offset) in [("a", "+3d"), ("b", "-2d"), ("c", "+1h")] {
        run.until_out(&format!("\nat {name}\n")).await;
        clock.jump(offset);
        std::fs::write(press.folder().join(name), "").unwrap();
    }
    let said = run.end().await.expect(0);
    let (picture, detail) = Picture::with_detail(&press, "last").await;
    assert_eq!(picture.state, "passed");
    assert_times_make_sense(&detail, &said);
    let [a, _, c] = &detail.stages[0].steps[..] else { panic!("three steps") };
    assert!(a.ended > c.ended, "the clock really jumped: {a:?} {c:?}");

    // A run that begins before the first one did, by the clock, is all the same the newer one.
    clock.jump("-30d");
    clock.start(&press, &["run", &repository, "--backend", "host", "--input", &input]).end().await.expect(0);
    let history = clock.start(&press, &["history", "--format", "json"]).end().await.expect(0).json();
    let numbers: Vec<u64> = history["runs"].as_array().unwrap().iter().map(|run| run["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 1]);
    assert!(history["runs"][0]["created"].as_str() < history["runs"][1]["created"].as_str(), "the clock really jumped: {history}");
    clock.start(&press, &["logs", "last"]).end().await.expect(0);
    assert_eq!(Picture::with_detail(&press, "last").await.1.run.number, 2);
}

/// Killed on one day, and gone on with two days before.
#[tokio::test]
async fn between_two_processes() {
    busybox_image().await;
    let docker = require_engine().await;
    let press = Press::new();
    let clock = JumpyClock::new(&press);
    let pipeline = r#"kind: pipeline
name: default
steps:
- name: count
  image: alpine
  pull: if-not-exists
  commands:
  - for i in $(seq 1 40); do echo "line $i"; sleep 0.1; done
- name: last
  image: alpine
  pull: if-not-exists
  commands:
  - echo the end
"#;
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    let mut run = clock.start(&press, &["run", &repository]);
    run.until_out("line 5\n").await;
    assert!(run.kill().await);
    clock.jump("-2d");
    let said = clock.start(&press, &["attach", "last"]).end().await.expect(0);
    let (picture, detail) = Picture::with_detail(&press, "last").await;
    assert_eq!(picture.state, "passed");
    assert_times_make_sense(&detail, &said);
    assert!(detail.run.ended < detail.run.started, "the clock really jumped: {:?}", detail.run);
    let expected: String = (1..=40).map(|line| format!("line {line}\n")).collect();
    assert!(picture.step("count").log.ends_with(&expected), "{}", picture.step("count").log);
    assert_engine_is_empty(&docker, &press, "").await;
}
