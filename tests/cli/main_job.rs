//! The main job from a terminal.

use lp_tests::images::busybox_image;
use lp_tests::press::Press;

const PIPELINE: &str = "kind: pipeline
type: docker
name: default
steps:
- name: build
  image: alpine
  commands:
  - mkdir out
  - echo made by $MAKER > out/made.txt
- name: check
  image: alpine
  commands:
  - cat out/made.txt
  - cat 说明/读我.txt
- name: tell
  image: alpine
  commands:
  - echo something failed
  when:
    status: [failure]
";

const BUTTONS: &str = "workflows:
- name: build
  title: {zh-CN: 构建, en: Build}
  event: push
  inputs:
  - {name: MAKER, type: text, default: nobody}
";

fn files(pipeline: &str) -> Vec<(&str, &str)> {
    vec![(".drone.yml", pipeline), (".letterpress.yml", BUTTONS), ("说明/读我.txt", "你好，活版\n")]
}

#[tokio::test]
async fn a_run_in_containers_prints_its_steps_and_stands_in_the_history() {
    busybox_image().await;
    let press = Press::new();
    let repository = press.repository("店铺", &files(PIPELINE));
    let said = press.say(&["run", &repository, "--event", "push", "--input", "MAKER=Lin Yue"]).expect(0);
    for line in ["+ cat out/made.txt", "made by Lin Yue", "你好，活版"] {
        assert!(said.out.lines().any(|printed| printed == line), "`{line}` is missing in:\n{}", said.out);
    }
    assert!(!said.out.contains("something failed"), "a step that waits for a failure ran:\n{}", said.out);

    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(history["runs"][0]["state"], "passed");
    assert_eq!(history["runs"][0]["number"], 1);
    assert_eq!(history["runs"][0]["version_author"], "Lin Yue");
    let log = press.say(&["logs", "店铺#1", "check"]).expect(0).out;
    assert_eq!(log, "+ cat out/made.txt\nmade by Lin Yue\n+ cat 说明/读我.txt\n你好，活版\n");
    let last = press.say(&["logs", "last", "2"]).expect(0).out;
    assert_eq!(last, log);
}

#[tokio::test]
async fn a_failing_step_gives_exit_code_1_and_lets_the_failure_step_run() {
    busybox_image().await;
    let press = Press::new();
    let repository = press.repository("shop", &files(&PIPELINE.replace("mkdir out", "exit 7")));
    let said = press.say(&["run", &repository]).expect(1).explains(&["build failed with exit code 7", "check skipped", "run 1 failed"]);
    assert!(said.out.contains("something failed"), "the step for failures ran:\n{}", said.out);
}

#[test]
fn the_sample_runs_on_this_computer_where_no_engine_answers() {
    let press = Press::without_engine();
    let said = press.say(&["run", "sample", "--version", "1.1.0"]).expect(0).explains(&["not isolated", "run 1 passed"]);
    assert!(said.out.contains("index.html"), "the built files are listed:\n{}", said.out);
    press.say(&["doctor"]).expect(3);
}

#[test]
fn steps_know_how_the_run_before_theirs_ended() {
    let press = Press::without_engine();
    let tell = "echo before me: $DRONE_PREV_BUILD_NUMBER $DRONE_PREV_BUILD_STATUS";
    let pipeline = format!("pipeline:\n  tell:\n    image: alpine\n    commands: ['{tell}', 'test -n \"$DRONE_PREV_COMMIT_SHA\"']\n");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    press.say(&["run", &repository, "--backend", "host"]).expect(1);
    let said = press.say(&["run", &repository, "--backend", "host"]).expect(0);
    assert!(said.out.lines().any(|line| line == "before me: 1 failure"), "{}", said.out);
}

#[test]
fn other_projects_run_on_this_computer_only_when_asked_to() {
    let press = Press::without_engine();
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- name: hello\n  image: alpine\n  commands: [echo hello]\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    press.say(&["run", &repository]).expect(3).explains(&["no container engine answers", "--backend host"]);
    press.say(&["run", &repository, "--backend", "docker"]).expect(3);
    assert_eq!(press.say(&["history", "--format", "json"]).expect(0).json()["runs"].as_array().unwrap().len(), 0, "nothing was started");
    let said = press.say(&["run", &repository, "--backend", "host"]).expect(0).explains(&["not isolated"]);
    assert_eq!(said.out, "+ echo hello\nhello\n");
}

#[test]
fn bad_usage_is_told_from_a_failed_run() {
    let press = Press::without_engine();
    press.say(&["run", "--no-such-flag"]).expect(2);
    press.say(&["run", ".", "--input", "novalue"]).expect(2).explains(&["NAME=VALUE"]);
    press.say(&["logs", "12"]).expect(2).explains(&["there is no run `12`"]);
    press.say(&["--help"]).expect(0);
    assert!(press.say(&["--help"]).out.contains("130 cancelled"), "exit codes are documented");
}

#[test]
fn a_file_on_the_disk_is_linted_and_planned_without_a_data_folder() {
    let press = Press::without_engine();
    let repository = press.repository("店铺", &files(PIPELINE));
    press.say(&["lint", &repository]).expect(0);
    let plan = press.say(&["plan", &repository, "--event", "tag", "--tag", "1.0.0"]).expect(0).out;
    assert!(plan.contains("name: check") && plan.contains("reference: refs/tags/1.0.0"), "{plan}");
    let plan = press.say(&["plan", &repository, "--format", "json"]).expect(0).json();
    assert_eq!(plan["stages"][0]["steps"].as_array().unwrap().len(), 3);
    // What is linted is the file as it is on the disk, not as it was committed.
    std::fs::write(std::path::Path::new(&repository).join(".drone.yml"), "kind: pipeline\nsteps: 7\n").unwrap();
    let said = press.say(&["lint", &repository]).expect(1).out;
    for text in [".drone.yml: drone 1.x/2.x: line 1 has `kind:`", ".drone.yml:2:8", "^", "1 error in 2 files"] {
        assert!(said.contains(text), "`{text}` is missing in:\n{said}");
    }
    press.say(&["plan", &repository]).expect(2).explains(&["has errors"]);
    assert!(!press.data().exists(), "nothing was written");
}
