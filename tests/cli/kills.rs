//! `kill -9` in the middle of a run: the database opens, no run stays running, nothing of ours is left in the engine.

use lp_tests::docker::{labelled, require_engine};
use lp_tests::images::busybox_image;
use lp_tests::press::{Press, Said};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

const PIPELINE: &str = "kind: pipeline
name: default
services:
- name: cache
  image: alpine
  commands: [sleep 600]
steps:
- {name: one, image: alpine, commands: [echo one, sleep 0.3]}
- {name: two, image: alpine, commands: [echo two, sleep 0.3]}
- {name: three, image: alpine, commands: [echo three, sleep 0.3]}
";

/// A small generator whose seed is printed: a failure can be had again.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test]
async fn twenty_kills_leave_nothing_behind() {
    busybox_image().await;
    let docker = require_engine().await;
    let press = Press::new();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    let seed = u64::from(std::process::id()) | 1;
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for kill in 1..=20 {
        let after = Duration::from_millis(dice.throw(5000));
        let mut child = press.command(&["run", &repository]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The moment of the kill is what is random here; nothing is waited for.
        tokio::time::sleep(after).await;
        child.kill().unwrap();
        child.wait().unwrap();

        let said = press.say(&["doctor"]);
        assert_eq!(said.code, 0, "seed {seed}, kill {kill} after {after:?}: {}", said.err);
        let runs = press.say(&["history", "-n", "200", "--format", "json"]).expect(0).json();
        for run in runs["runs"].as_array().unwrap() {
            let state = run["state"].as_str().unwrap();
            assert!(
                state == "interrupted" || state == "passed",
                "seed {seed}, kill {kill} after {after:?}: run {} is {state}",
                run["number"]
            );
        }
        let owner = std::fs::read_to_string(press.data().join("folder-id")).unwrap();
        let left = labelled(&docker, "letterpress.owner", owner.trim()).await;
        assert!(left.is_empty(), "seed {seed}, kill {kill} after {after:?}: {left:?}");
    }
    press.say(&["run", &repository]).expect(0);
}

#[tokio::test]
async fn a_cancelled_run_leaves_nothing_in_the_engine() {
    busybox_image().await;
    let docker = require_engine().await;
    let press = Press::new();
    let pipeline = PIPELINE.replace("[echo one, sleep 0.3]", "[echo here, sleep 600]");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    let mut child = press.command(&["run", &repository]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(output.any(|line| line.unwrap() == "here"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    while output.next().is_some() {}
    Said::from(child.wait_with_output().unwrap()).expect(130).explains(&["one cancelled", "two skipped", "run 1 cancelled"]);
    let owner = std::fs::read_to_string(press.data().join("folder-id")).unwrap();
    assert_eq!(labelled(&docker, "letterpress.owner", owner.trim()).await, Vec::<String>::new());
}
