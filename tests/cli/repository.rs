//! A working copy is a repository: steps that ask git get the answers of a clone.

use lp_tests::images;
use lp_tests::press::{Press, Said, commit};
use std::path::Path;
use std::process::Command;

/// A file of each dialect whose one step runs these commands in that image: dialect, path, text.
fn files(image: &str, commands: &str) -> [(&'static str, &'static str, String); 3] {
    let old = format!("pipeline:\n  ask:\n    image: {image}\n    commands: {commands}\n");
    let new = format!("kind: pipeline\nname: default\nsteps:\n- name: ask\n  image: {image}\n  commands: {commands}\n");
    let woodpecker = format!("when: {{event: push}}\nsteps:\n- name: ask\n  image: {image}\n  commands: {commands}\n");
    [("0.8", ".drone.yml", old), ("1.x", ".drone.yml", new), ("woodpecker", ".woodpecker.yml", woodpecker)]
}

/// What git says in a repository, without the line break at its end.
fn git(repository: &str, arguments: &[&str]) -> String {
    let output = Command::new("git").args(["-C", repository]).args(arguments).output().expect("the test needs git");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The lines that the programs of a run wrote, without those that name a command.
fn answers(said: &Said) -> Vec<&str> {
    said.out.lines().filter(|line| !line.starts_with("+ ")).collect()
}

#[test]
fn a_step_of_each_dialect_can_ask_git() {
    let commands =
        "[git describe --tags --always, git log -1 --format=%an, git status --porcelain, git diff-index HEAD, git rev-parse HEAD]";
    for (dialect, file, pipeline) in files("alpine", commands) {
        let press = Press::without_engine();
        let repository = press.repository("shop", &[(file, &pipeline), ("a.txt", "one\n")]);
        let sha = git(&repository, &["rev-parse", "HEAD"]);
        let said = press.say(&["run", &repository, "--backend", "host"]).expect(0);
        let answers = answers(&said);
        assert_eq!(answers.len(), 3, "{dialect}: nothing is changed:\n{}", said.out);
        assert!(sha.starts_with(answers[0]) && answers[2] == sha, "{dialect}: {}", said.out);
    }
}

/// The repository of the sample project, cloned as a person would, with a pipeline file of the test's own on top.
fn clone_of_sample(press: &Press, name: &str, options: &[&str], file: &str, pipeline: &str) -> String {
    press.say(&["run", "sample", "--backend", "host"]).expect(0);
    let folder = press.folder().join(name).display().to_string();
    let address = format!("file://{}", press.data().join("sample/letterpress-sample").display());
    git(".", &[&["clone", "--quiet"], options, &[&address, &folder]].concat());
    let path = Path::new(&folder);
    // The sample has a file of its own.
    for other in [".drone.yml", ".woodpecker.yml", ".letterpress.yml"] {
        if path.join(other).exists() {
            git(&folder, &["rm", "--quiet", other]);
        }
    }
    commit(path, &[(file, pipeline)]);
    folder
}

#[tokio::test]
async fn a_container_of_each_dialect_can_ask_git_on_the_sample_and_on_a_shallow_clone() {
    let image = images::node_image().await;
    let commands = "[git describe --tags --always, 'git log -1 --format=%H', git log -1, git status --porcelain]";
    for (dialect, file, pipeline) in files(image, commands) {
        for (kind, options) in [("whole", &[][..]), ("shallow", &["--depth", "2"])] {
            let press = Press::new();
            let repository = clone_of_sample(&press, kind, options, file, &pipeline);
            let sha = git(&repository, &["rev-parse", "HEAD"]);
            let said = press.say(&["run", &repository]).expect(0);
            let answers = answers(&said);
            assert!(answers.len() > 4 && answers[1] == sha && answers[2] == format!("commit {sha}"), "{dialect}, {kind}:\n{}", said.out);
            assert!(
                answers.last().is_some_and(|line| line.trim() == "Test the press"),
                "{dialect}, {kind}: nothing is changed:\n{}",
                said.out
            );
            // 0.8 and Woodpecker fetch no tags for a push unless the file asks for them; 1.x has those of the history.
            let described = if dialect == "1.x" { git(&repository, &["describe", "--tags", "--always"]) } else { String::new() };
            let is_right = answers[0] == described || sha.starts_with(answers[0]);
            assert!(is_right, "{dialect}, {kind}: `{}` is neither `{described}` nor `{sha}`", answers[0]);
        }
    }
}

#[tokio::test]
async fn git_serves_a_step_that_does_not_run_as_root() {
    let image = images::node_image().await;
    let commands = "[id -u, git log -1 --format=%an, git describe --always, git config user.name]";
    // Beside settings that the step has itself.
    let own = "environment: {GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: user.name, GIT_CONFIG_VALUE_0: Lin}";
    for (file, pipeline) in [
        (
            ".drone.yml",
            format!(
                "kind: pipeline\nname: default\nsteps:\n- name: ask\n  image: {image}\n  user: '1000:1000'\n  {own}\n  commands: {commands}\n"
            ),
        ),
        (
            ".woodpecker.yml",
            format!(
                "when: {{event: push}}\nsteps:\n- name: ask\n  image: {image}\n  backend_options: {{docker: {{user: '1000:1000'}}}}\n  {own}\n  commands: {commands}\n"
            ),
        ),
    ] {
        let press = Press::new();
        let repository = press.repository("shop", &[(file, &pipeline)]);
        let sha = git(&repository, &["rev-parse", "HEAD"]);
        let said = press.say(&["run", &repository]).expect(0);
        let answers = answers(&said);
        assert!(matches!(answers[..], ["1000", "Lin Yue", short, "Lin"] if sha.starts_with(short)), "{file}:\n{}", said.out);
    }
}

#[test]
fn what_a_report_did_not_look_at_is_said_and_what_asks_the_server_is_told() {
    let press = Press::without_engine();
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- {name: a, image: box, commands: [git fetch --tags]}\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    let said = press.say(&["lint", "--report", &repository]).expect(0);
    for text in ["`git fetch` asks `origin`, and a step has no login for it here [needs-remote]", "was not looked at"] {
        assert!(said.out.contains(text), "{}", said.out);
    }
    let alone = pipeline.replace("steps:", "clone: {disable: true}\nsteps:");
    let repository = press.repository("alone", &[(".drone.yml", &alone)]);
    let said = press.say(&["lint", "--report", &repository]).expect(0);
    assert!(!said.out.contains("was not looked at"), "nothing of the repository is used:\n{}", said.out);
}
