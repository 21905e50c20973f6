//! A working copy is a repository: steps that ask git get the answers of a clone.

use lp_tests::press::Press;

/// The commands of a step that asks what real files ask.
const COMMANDS: &str =
    "[git describe --tags --always, git log -1 --format=%an, git status --porcelain, git diff-index HEAD, git rev-parse HEAD]";

#[test]
fn a_step_of_each_dialect_can_ask_git() {
    for (dialect, file, pipeline) in [
        ("0.8", ".drone.yml", format!("pipeline:\n  ask:\n    image: alpine\n    commands: {COMMANDS}\n")),
        ("1.x", ".drone.yml", format!("kind: pipeline\nname: default\nsteps:\n- name: ask\n  image: alpine\n  commands: {COMMANDS}\n")),
        ("woodpecker", ".woodpecker.yml", format!("when: {{event: push}}\nsteps:\n- name: ask\n  image: alpine\n  commands: {COMMANDS}\n")),
    ] {
        let press = Press::without_engine();
        let repository = press.repository("shop", &[(file, &pipeline), ("a.txt", "one\n")]);
        let sha = std::process::Command::new("git").args(["-C", &repository, "rev-parse", "HEAD"]).output().expect("the test needs git");
        let sha = String::from_utf8_lossy(&sha.stdout).trim().to_owned();
        let said = press.say(&["run", &repository, "--backend", "host"]).expect(0);
        let answers: Vec<&str> = said.out.lines().filter(|line| !line.starts_with("+ ")).collect();
        assert_eq!(answers.len(), 3, "{dialect}: nothing is changed:\n{}", said.out);
        assert!(sha.starts_with(answers[0]) && answers[2] == sha, "{dialect}: {}", said.out);
    }
}
