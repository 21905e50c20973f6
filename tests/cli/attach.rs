//! Runs that outlive the process that drives them: killed, hung up, attached to, retried, cancelled from elsewhere.

use lp_tests::images::busybox_image;
use lp_tests::press::{Press, Said};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

/// Three steps; the second waits for the gate. Steps on this computer find it by its path, those in containers in a volume of the host.
fn pipeline(gate: &Path, kind: &str) -> String {
    let wait = format!("until [ -e {}/open ]; do sleep 0.05; done", gate.display());
    let volumes = match kind {
        "exec" => String::new(),
        _ => format!("volumes:\n- {{name: gate, host: {{path: {}}}}}\n", gate.display()),
    };
    let image = if kind == "exec" { "" } else { "  image: alpine\n" };
    let step = |name: &str, commands: &str, more: &str| format!("- name: {name}\n{image}  commands: [{commands}]\n{more}");
    let mount = match kind {
        "exec" => String::new(),
        _ => format!("  volumes: [{{name: gate, path: {}}}]\n", gate.display()),
    };
    format!(
        "kind: pipeline\ntype: {kind}\nname: default\n{volumes}steps:\n{}{}{}",
        step("one", "echo one, echo made > made.txt", ""),
        step("two", &format!("echo here, '{wait}', echo two"), &mount),
        step("three", "cat made.txt", "")
    )
}

const ONE: &str = "+ echo one\none\n+ echo made > made.txt\n";
const THREE: &str = "+ cat made.txt\nmade\n";

fn two(gate: &Path) -> String {
    let wait = format!("until [ -e {}/open ]; do sleep 0.05; done", gate.display());
    format!("+ echo here\nhere\n+ {wait}\n+ echo two\ntwo\n")
}

/// Starts a run and waits until its second step has spoken.
fn started(press: &Press, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = press.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap() == "here"), "the run is under way");
    (child, output)
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

fn state(press: &Press) -> String {
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    history["runs"][0]["state"].as_str().unwrap().to_owned()
}

fn logs_are_whole(press: &Press, gate: &Path) {
    for (step, expected) in [("one", ONE), ("two", &two(gate)), ("three", THREE)] {
        assert_eq!(press.say(&["logs", "shop#1", step]).expect(0).out, expected, "log of {step}");
    }
}

/// Kills the process that drives a run, and attaches.
fn a_killed_run_goes_on(press: &Press, kind: &str, more: &[&str], signal: Signal, code: i32) {
    let gate = press.folder().join("gate");
    std::fs::create_dir(&gate).unwrap();
    let repository = press.repository("shop", &[(".drone.yml", &pipeline(&gate, kind))]);
    press.say(&["trust", &repository]).expect(0);
    let (mut child, output) = started(press, &[&["run", repository.as_str()][..], more].concat());
    send(&child, signal);
    assert_eq!(child.wait().unwrap().code().unwrap_or(-1), code);
    drop(output);
    assert_eq!(state(press), "running", "it rests, and who only reads leaves it alone");

    std::fs::write(gate.join("open"), "").unwrap();
    let said = press.say(&["attach", "shop#1"]).expect(0).explains(&["three passed", "run 1 passed"]);
    assert_eq!(said.out, format!("{ONE}{}{THREE}", two(&gate)), "from the beginning");
    logs_are_whole(press, &gate);
    assert_eq!(press.say(&["attach", "shop#1"]).expect(0).out, said.out, "one that is over is shown");
}

#[test]
fn a_run_on_this_computer_survives_kill_9() {
    let press = Press::without_engine();
    a_killed_run_goes_on(&press, "exec", &["--backend", "host"], Signal::KILL, -1);
    assert_eq!(std::fs::read_dir(press.data().join("host")).unwrap().count(), 0, "nothing is left");
}

#[test]
fn a_run_on_this_computer_survives_the_end_of_its_terminal() {
    let press = Press::without_engine();
    a_killed_run_goes_on(&press, "exec", &["--backend", "host"], Signal::HUP, 129);
}

#[tokio::test]
async fn a_run_in_containers_survives_kill_9() {
    busybox_image().await;
    a_killed_run_goes_on(&Press::new(), "docker", &[], Signal::KILL, -1);
}

#[tokio::test]
async fn a_run_in_containers_survives_the_end_of_its_terminal() {
    busybox_image().await;
    a_killed_run_goes_on(&Press::new(), "docker", &[], Signal::HUP, 129);
}

#[test]
fn a_run_is_cancelled_from_another_terminal_and_one_that_rests_as_well() {
    let press = Press::without_engine();
    let gate = press.folder().join("gate");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline(&gate, "exec"))]);
    for (number, killed_first, now) in [(1, false, false), (2, false, true), (3, true, false)] {
        let (mut child, output) = started(&press, &["run", &repository, "--backend", "host"]);
        if killed_first {
            child.kill().unwrap();
        }
        let run = format!("shop#{number}");
        let cancel = [if now { "kill" } else { "cancel" }, run.as_str()];
        press.say(&cancel).expect(0).explains(&[format!("run {number} cancelled").as_str()]);
        output.for_each(drop);
        if !killed_first {
            Said::from(child.wait_with_output().unwrap()).expect(130);
        }
        press.say(&cancel).expect(0).explains(&[format!("run {number} is over already: cancelled").as_str()]);
    }
    assert_eq!(std::fs::read_dir(press.data().join("host")).unwrap().count(), 3, "the files of each are kept for a retry");
}

#[test]
fn a_failed_run_is_retried_from_where_it_went_wrong() {
    let press = Press::without_engine();
    let gate = press.folder().join("gate");
    std::fs::create_dir(&gate).unwrap();
    let fails = pipeline(&gate, "exec").replace("until [ -e", "test -e").replace("/open ]; do sleep 0.05; done", "/open");
    let repository = press.repository("shop", &[(".drone.yml", &fails)]);
    let failed = press.say(&["run", &repository, "--backend", "host"]).expect(1);
    failed.explains(&["two failed", "`letterpress retry shop#1` goes on from `two`"]);
    let again = press.say(&["retry", "shop#1"]).expect(1).explains(&["going on from `two`", "two failed"]);
    assert!(!again.err.contains("not there any more"), "{}", again.err);
    std::fs::write(gate.join("open"), "").unwrap();
    let passed = press.say(&["retry", "shop#1"]).expect(0).explains(&["going on from `two`", "run 1 passed"]);
    assert!(passed.out.ends_with(THREE), "{}", passed.out);
    press.say(&["retry", "shop#1"]).expect(2).explains(&["run 1 has passed", "run it again"]);
    press.say(&["retry", "shop#9"]).expect(2).explains(&["there is no run"]);
    assert_eq!(press.say(&["logs", "shop#1", "one"]).expect(0).out, ONE, "it ran once");
    let first = press.say(&["logs", "shop#1", "two", "--attempt", "1"]).expect(0).out;
    assert!(first.starts_with("+ echo here\nhere\n") && !first.contains("two\ntwo"), "{first}");
}

#[test]
fn the_queue_says_what_is_under_way() {
    let press = Press::without_engine();
    assert_eq!(press.say(&["queue"]).expect(0).out, "nothing is under way and nothing waits\n");
    let gate = press.folder().join("gate");
    std::fs::create_dir(&gate).unwrap();
    let repository = press.repository("shop", &[(".drone.yml", &pipeline(&gate, "exec"))]);
    let (mut child, output) = started(&press, &["run", &repository, "--backend", "host"]);
    assert_eq!(press.say(&["queue"]).expect(0).out, "shop #1  running\n");
    let queue = press.say(&["queue", "--format", "json"]).expect(0).json();
    assert_eq!((queue[0]["number"].as_i64(), queue[0]["state"].as_str()), (Some(1), Some("running")));
    std::fs::write(gate.join("open"), "").unwrap();
    output.for_each(drop);
    assert!(child.wait().unwrap().success());
}
