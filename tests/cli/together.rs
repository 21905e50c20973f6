//! Two processes on one data folder: one drives, the other waits or reads.

use lp_tests::press::Press;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn a_second_run_waits_for_the_first_and_both_pass() {
    let press = Press::without_engine();
    let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- name: wait\n  commands:\n  - echo here\n  - until [ -e \"$GATE\" ]; do sleep 0.05; done\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    let gate = press.folder().join("gate");
    let input = format!("GATE={}", gate.display());
    let arguments = ["run", &repository, "--backend", "host", "--input", &input];

    let mut first = press.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap() == "here"), "the first run is under way");
    let mut second = press.command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut second_says = BufReader::new(second.stderr.take().unwrap()).lines();
    assert!(second_says.any(|line| line.unwrap().contains("waiting until it ends")), "the second one says that it waits");
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "one who waits has written nothing");
    assert_eq!(history["runs"][0]["state"], "running", "one who reads touches nothing in flight");

    std::fs::write(&gate, "").unwrap();
    drop(output);
    assert!(first.wait().unwrap().success());
    while second_says.next().is_some() {}
    assert!(second.wait().unwrap().success());
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(history["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn interrupt_cancels_within_the_grace_time_and_gives_130() {
    let press = Press::without_engine();
    let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- name: wait\n  commands:\n  - echo here\n  - sleep 600\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    let mut child =
        press.command(&["run", &repository, "--backend", "host"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap() == "here"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    while output.next().is_some() {}
    let said = lp_tests::press::Said::from(child.wait_with_output().unwrap()).expect(130).explains(&["cancelling", "run 1 cancelled"]);
    drop(said);
    assert_eq!(std::fs::read_dir(press.data().join("host")).unwrap().count(), 1, "the working copy is kept for a retry");
}
