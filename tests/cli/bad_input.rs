//! Bad input gives a clear message and loses nothing.

use lp_api::dto::Settings;
use lp_tests::disk::SmallDisk;
use lp_tests::docker::{EngineDoor, labelled, require_engine, require_socket};
use lp_tests::images::busybox_image;
use lp_tests::press::{Press, Said, commit};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

const HELLO: &str = "kind: pipeline\nname: default\nsteps:\n- name: hello\n  image: alpine\n  commands: [echo hello]\n";

#[test]
fn a_repository_without_a_pipeline_file() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[("README.md", "no pipeline here")]);
    press.say(&["run", &repository]).expect(2).explains(&["no pipeline file", ".drone.yml"]);
}

#[test]
fn broken_yaml_is_underlined_at_its_place() {
    let press = Press::without_engine();
    let broken = "kind: pipeline\nname: default\nsteps:\n- name: 构建\n  image: alpine\n  commands: {a: [1, 2}\n";
    let repository = press.repository("shop", &[(".drone.yml", broken)]);
    press.say(&["run", &repository]).expect(2).explains(&[".drone.yml:6:", "^", "commands: {a: [1, 2}", "has errors"]);
}

#[test]
fn several_mistakes_are_told_at_once() {
    let press = Press::without_engine();
    let mistakes = "kind: pipeline\nname: default\nsteps:\n- name: a\n  commands: [echo]\n- name: b\n  image: alpine\n  commands: 7\n  depends_on: [nobody]\n";
    let repository = press.repository("shop", &[(".drone.yml", mistakes)]);
    let said = press.say(&["run", &repository]).expect(2);
    assert!(said.err.matches("error[").count() >= 3, "{}", said.err);
}

#[test]
fn a_mistake_in_the_buttons_is_told() {
    let press = Press::without_engine();
    let repository =
        press.repository("shop", &[(".drone.yml", HELLO), (".letterpress.yml", "workflows:\n- title: nameless\n  event: pusch\n")]);
    press.say(&["run", &repository]).expect(2).explains(&[".letterpress.yml", "pusch"]);
}

#[test]
fn an_event_for_which_nothing_runs() {
    let press = Press::without_engine();
    let pipeline = format!("{HELLO}trigger:\n  event: [tag]\n");
    let buttons = "workflows:\n- {name: build, event: push}\n";
    let repository = press.repository("shop", &[(".drone.yml", &pipeline), (".letterpress.yml", buttons)]);
    press.say(&["run", &repository, "--workflow", "build"]).expect(2).explains(&["another workflow or version"]);
}

#[tokio::test]
async fn an_unknown_image() {
    busybox_image().await;
    let press = Press::new();
    let pipeline = HELLO.replace("image: alpine", "image: 127.0.0.1:9/no/such:1");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    press.say(&["run", &repository]).expect(1).explains(&[
        "image `127.0.0.1:9/no/such:1` cannot be had",
        "spelling of the image",
        "run 1 errored",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_stops_in_the_middle() {
    busybox_image().await;
    let press = Press::new();
    let door = EngineDoor::open(&press.folder().join("engine.sock"), require_socket().await);
    let press = Press::with_engine_at(&door.address().url).with_data(press.data());
    let app = press.app(true).await;
    let settings = app.settings().await.unwrap();
    app.set_settings(Settings { engine_patience_s: 3, ..settings }).await.unwrap();
    app.shutdown().await;
    let pipeline = HELLO.replace("[echo hello]", "[echo here, sleep 600]");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    let mut child = press.command(&["run", &repository]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let lines = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(output).lines();
        assert!(lines.any(|line| line.unwrap() == "here"));
        lines
    });
    let mut lines = lines.await.unwrap();
    door.cut();
    let said = tokio::task::spawn_blocking(move || {
        while lines.next().is_some() {}
        Said::from(child.wait_with_output().unwrap())
    });
    said.await.unwrap().expect(1).explains(&["the container engine does not answer", "start Docker", "run 1 errored"]);
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(history["runs"][0]["state"], "errored");
    assert!(press.say(&["logs", "last"]).expect(0).out.contains("here"), "what was written before is there");
    // With the engine back, the next one who owns the data folder sweeps what could not be removed.
    let owner = std::fs::read_to_string(press.data().join("folder-id")).unwrap();
    let left = async || labelled(&require_engine().await, "letterpress.owner", owner.trim()).await;
    assert!(left().await.iter().any(|name| name.starts_with("container ")));
    Press::new().with_data(press.data()).app(true).await.shutdown().await;
    let left = left().await;
    assert!(left.iter().all(|name| name.starts_with("volume ")), "only files may be kept, for a retry: {left:?}");
}

#[test]
fn a_folder_that_is_no_repository_and_one_that_is_not_there() {
    let press = Press::without_engine();
    let plain = tempfile::tempdir().unwrap();
    press.say(&["run", plain.path().to_str().unwrap()]).expect(2).explains(&["is not a git repository", "git init"]);
    press.say(&["run", "/no/such/folder"]).expect(2).explains(&["/no/such/folder"]);
}

#[test]
fn an_empty_repository() {
    let press = Press::without_engine();
    let folder = press.folder().join("empty");
    git2::Repository::init(&folder).unwrap();
    press.say(&["run", folder.to_str().unwrap()]).expect(2).explains(&["no commits yet", "commit something first"]);
}

#[test]
fn an_unknown_version_workflow_or_event() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", HELLO)]);
    press.say(&["run", &repository, "--version", "9.9.9"]).expect(2).explains(&["no version `9.9.9`"]);
    press.say(&["run", &repository, "--workflow", "deploy"]).expect(2).explains(&["no workflow `deploy`", "its workflows are"]);
    press.say(&["run", &repository, "--event", "pusch"]).expect(2).explains(&["`pusch` is no event", "push"]);
}

/// 2 GB of files in a commit: the working copy is made, and the memory of the process stays far below the size.
#[tokio::test]
async fn a_repository_of_two_gigabytes() {
    const FILES: usize = 64;
    const BYTES: usize = 32 << 20;
    const MOST_KB: i64 = 512 << 10;
    busybox_image().await;
    let press = Press::new();
    let pipeline = format!(
        "kind: pipeline\nname: default\nsteps:\n- name: count\n  image: alpine\n  commands:\n  - test $(cat big/* | wc -c) = {}\n  - ls big | wc -l\n",
        FILES * BYTES
    );
    let repository = press.repository("big", &[(".drone.yml", &pipeline)]);
    add_big_files(Path::new(&repository), FILES, BYTES);
    let mut child = press.command(&["run", &repository]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let status = std::path::PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak_kb = 0;
    let mut printed = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
        // Read at each line that the step prints: all of the working copy is packed by then.
        peak_kb = peak_kb.max(high_water_kb(&std::fs::read_to_string(&status).unwrap_or_default()));
        printed.push_str(&line);
        printed.push('\n');
    }
    assert!(child.wait().unwrap().success(), "{printed}");
    assert!(printed.ends_with("\n64\n"), "{printed}");
    assert!(peak_kb > 0 && peak_kb < MOST_KB, "the process took up to {peak_kb} KB");
}

/// Writes blobs and a tree straight into the repository: the files never exist on the disk.
fn add_big_files(repository: &Path, files: usize, bytes: usize) {
    let repository = git2::Repository::open(repository).unwrap();
    let parent = repository.head().unwrap().peel_to_commit().unwrap();
    let mut folder = repository.treebuilder(None).unwrap();
    let mut content = vec![b'.'; bytes];
    for file in 0..files {
        content[..8].copy_from_slice(format!("{file:08}").as_bytes());
        folder.insert(format!("{file:02}.bin"), repository.blob(&content).unwrap(), 0o100_644).unwrap();
    }
    let mut tree = repository.treebuilder(Some(&parent.tree().unwrap())).unwrap();
    tree.insert("big", folder.write().unwrap(), 0o040_000).unwrap();
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let author = parent.author();
    repository.commit(Some("HEAD"), &author, &author, "Add big files", &tree, &[&parent]).unwrap();
}

/// The line `VmHWM: 12345 kB` of a process's status.
fn high_water_kb(status: &str) -> i64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[test]
fn a_full_disk_in_the_middle_of_a_log() {
    let disk = SmallDisk::new(3000);
    let data = disk.path().join("data");
    let press = Press::without_engine().with_data(&data);
    let small = HELLO.replace("name: default\n", "name: default\ntype: exec\n");
    let repository = press.repository("shop", &[(".drone.yml", &small)]);
    press.say(&["run", &repository, "--backend", "host"]).expect(0);
    let big = small.replace("[echo hello]", "['yes a line of some length that fills the disk | head -n 200000', echo never reached]");
    commit(Path::new(&repository), &[(".drone.yml", &big)]);
    let said = press.say(&["run", &repository, "--backend", "host"]).expect(1).explains(&["no space left", "free some disk space"]);
    assert!(!said.out.contains("never reached"), "the step was stopped");
    let runs = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(runs["runs"][1]["state"], "passed", "what was there is still there");
    assert_eq!(runs["runs"][0]["state"], "errored");
    assert_eq!(press.say(&["logs", "shop#1", "hello"]).expect(0).out, "+ echo hello\nhello\n");
}
