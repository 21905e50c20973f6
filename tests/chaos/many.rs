//! Hundreds of steps that could all run at once, in a process that may open few files.

use crate::left::{assert_engine_is_empty, assert_host_is_empty};
use crate::picture::Picture;
use lp_tests::docker::require_engine;
use lp_tests::images::busybox_image;
use lp_tests::press::{Press, Said};
use std::process::Command;

const STEPS: u32 = 300;

/// All that the process may have open: far less than one descriptor for each of the steps.
const DESCRIPTORS: u32 = 160;

/// The command of a person whose shell allows few open files.
async fn say_with_few_descriptors(press: &Press, arguments: &[&str]) -> Said {
    let letterpress = press.command(arguments);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\"")).arg(letterpress.get_program());
    command.args(letterpress.get_args());
    for (name, value) in letterpress.get_envs() {
        command.env(name, value.expect("the press removes no variable"));
    }
    command.current_dir(press.folder()).stdin(std::process::Stdio::null());
    tokio::task::spawn_blocking(move || command.output().expect("a shell")).await.expect("it does not panic").into()
}

fn pipeline(head: &str, rest: &str) -> String {
    let step = |number| format!("- {{name: s{number}, commands: [\"echo {number}\"]{rest}}}\n");
    format!("kind: pipeline\n{head}name: default\nclone: {{disable: true}}\nsteps:\n{}", (1..=STEPS).map(step).collect::<String>())
}

async fn all_pass(press: &Press, run: &str) {
    let picture = Picture::of(press, run).await;
    assert_eq!(picture.state, "passed");
    for number in 1..=STEPS {
        let log = &picture.step(&format!("s{number}")).log;
        assert!(log.ends_with(&format!("\n{number}\n")), "step {number}: {log}");
    }
}

#[tokio::test]
async fn three_hundred_parallel_steps_in_containers() {
    busybox_image().await;
    let press = Press::new();
    // Without `depends_on` in any step they would wait for one another.
    let text = pipeline("", ", image: alpine, pull: if-not-exists, depends_on: [first]");
    let text = text.replace("steps:\n", "steps:\n- {name: first, image: alpine, pull: if-not-exists, commands: [\"true\"]}\n");
    let repository = press.repository("wide", &[(".drone.yml", &text)]);
    say_with_few_descriptors(&press, &["run", &repository]).await.expect(0);
    all_pass(&press, "wide#1").await;
    assert_engine_is_empty(&require_engine().await, &press, "wide").await;
}

#[tokio::test]
async fn three_hundred_parallel_steps_on_the_host() {
    let press = Press::without_engine();
    let text = pipeline("type: exec\n", ", depends_on: [first]").replace("steps:\n", "steps:\n- {name: first, commands: [\"true\"]}\n");
    let repository = press.repository("wide", &[(".drone.yml", &text)]);
    say_with_few_descriptors(&press, &["run", &repository, "--backend", "host"]).await.expect(0);
    all_pass(&press, "wide#1").await;
    assert_host_is_empty(&press, "wide");
}
