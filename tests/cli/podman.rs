//! A computer with Podman and without any engine that answers: Letterpress starts Podman's service itself. The real Podman, in a place where Docker's
//! socket cannot be seen.

use lp_tests::images;
use lp_tests::podman::{Podman, command_in};
use lp_tests::press::{Press, Said};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Hides the socket of the machine's Docker from the command that follows.
const WITHOUT_DOCKER: &str = "if [ -e /var/run/docker.sock ]; then mount --bind /dev/null /var/run/docker.sock; fi; exec \"$@\"";

/// The command in such a place; its process becomes Letterpress's own.
fn command(press: &Press, bin: &Path, arguments: &[&str]) -> Command {
    let plain = press.command(arguments);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", WITHOUT_DOCKER, "sh"]).arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR"] {
        command.env_remove(name);
    }
    let path = std::env::var("PATH").expect("there is a path");
    command.current_dir(press.folder()).env("PATH", format!("{}:{path}", bin.display()));
    command
}

fn say(press: &Press, bin: &Path, arguments: &[&str]) -> Said {
    command(press, bin, arguments).output().expect("`unshare` can be started (on Debian: apt-get install util-linux)").into()
}

/// Name of a small image that the tests' own Podman has.
async fn image() -> String {
    let podman = Podman::start().await;
    images::busybox_image_in(&podman.client().await).await.to_owned()
}

#[tokio::test]
async fn where_no_engine_answers_steps_run_in_podman_whose_service_comes_and_goes_with_the_app() {
    let image = image().await;
    let (press, bin) = (Press::new(), tempfile::tempdir().unwrap());
    command_in(bin.path());
    let pipeline =
        format!("kind: pipeline\nname: default\nsteps:\n- {{name: hello, image: {image}, commands: [echo hello from a container]}}\n");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    let socket = press.data().join("podman/podman.sock");

    let status = say(&press, bin.path(), &["doctor", "--format", "json"]).expect(0).json();
    let used = status["engines"].as_array().unwrap().iter().find(|engine| engine["used"] == true && engine["answers"] == true).unwrap();
    assert_eq!((&used["name"], &used["started_by_app"]), (&"Podman".into(), &true.into()), "{used}");
    assert_eq!(used["address"], format!("unix://{}", socket.display()));
    assert!(!socket.exists(), "it ended with the command");

    let said = say(&press, bin.path(), &["doctor"]).expect(0);
    assert!(said.out.contains("letterpress has started the service of Podman"), "{}", said.out);

    let said = say(&press, bin.path(), &["run", &repository]).expect(0);
    assert!(said.out.contains("hello from a container"), "{}", said.out);
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(history["runs"][0]["state"], "passed");
    assert!(!socket.exists() && !press.data().join("podman/podman.pid").exists());
}

#[tokio::test]
async fn a_service_that_a_killed_letterpress_left_is_used_by_the_next_one_and_ends_with_it() {
    let image = image().await;
    let (press, bin) = (Press::new(), tempfile::tempdir().unwrap());
    command_in(bin.path());
    let pipeline =
        format!("kind: pipeline\nname: default\nsteps:\n- {{name: wait, image: {image}, commands: [echo begun, sleep 3, echo over]}}\n");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    let socket = press.data().join("podman/podman.sock");
    let mut killed = command(&press, bin.path(), &["run", &repository]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut printed = BufReader::new(killed.stdout.take().unwrap()).lines();
    assert!(printed.any(|line| line.unwrap() == "begun"), "the run is under way");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(socket.exists(), "the service goes on, and so does the container");
    let said = say(&press, bin.path(), &["attach", "last"]).expect(0);
    assert!(said.out.contains("over"), "{}", said.out);
    assert!(!socket.exists());
}
