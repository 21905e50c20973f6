//! What a terminal shows: text of others steers nothing, times are local, lines are seen while they grow, and old output is called so.

use lp_tests::press::{Press, Said};
use std::path::Path;

/// Steers a terminal in every way that a name can: colours, titles, the clipboard, a line of its own, the reading direction.
const HOSTILE: &str = "x\x1b[31m\x1b]52;c;aGk=\x07\u{9b}2J\r\u{202e}y\u{2066}z\u{200f}";

/// Nothing but text, line feeds, and the marks that keep a name apart.
fn is_harmless(said: &Said) {
    for (stream, text) in [("out", &said.out), ("err", &said.err)] {
        let bad = text.chars().find(|c| {
            c.is_control() && *c != '\n' || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}')
        });
        assert!(bad.is_none(), "{bad:?} in {stream}: {text:?}");
    }
}

/// A repository in which everything that can be hostile is.
fn hostile(press: &Press) -> String {
    let escaped: String =
        HOSTILE.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }).collect();
    let quoted = format!("\"{escaped}\"");
    let pipeline = format!(
        "kind: pipeline\nname: {quoted}\nsteps:\n- name: {quoted}\n  image: alpine\n  environment: {{A: {{from_secret: {quoted}}}}}\n  commands: ['true']\n- name: fails\n  image: alpine\n  commands: [exit 3]\n{quoted}: 1\n"
    );
    let folder = press.folder().join("sh\x1b[32mop\u{202e}");
    std::fs::create_dir_all(&folder).unwrap();
    let repository = git2::Repository::init(&folder).unwrap();
    std::fs::write(folder.join(".drone.yml"), pipeline).unwrap();
    let mut index = repository.index().unwrap();
    index.add_path(Path::new(".drone.yml")).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let author = git2::Signature::new("Li\u{202e}n\x1b[1m", "lin@example.com", &git2::Time::new(1_760_000_000, 480)).unwrap();
    let commit = repository.commit(Some("HEAD"), &author, &author, &format!("{HOSTILE} שלום\n"), &tree, &[]).unwrap();
    let commit = repository.find_object(commit, None).unwrap();
    repository.tag_lightweight("1.0\u{202e}0.2", &commit, false).unwrap();
    folder.display().to_string()
}

#[test]
fn names_from_a_repository_steer_no_terminal() {
    let press = Press::without_engine();
    let repository = hostile(&press);
    // The run's output is the program's own and keeps its bytes; these steps print only what the shell traces.
    let run = press.say(&["run", &repository, "--backend", "host"]).expect(1);
    assert!(run.err.contains("x\\x1b[31m"), "what is hidden is shown: {}", run.err);
    is_harmless(&run);
    for arguments in [
        &["run", &repository, "--version", "no\x1b[31mpe\u{202e}"][..],
        &["run", &repository, "--workflow", HOSTILE],
        &["run", &repository, "--input", HOSTILE],
        &["run", &repository, HOSTILE],
        &["attach", "last"],
        &["retry", "last"],
        &["cancel", "last"],
        &["kill", "last"],
        &["search", "."],
        &["search", HOSTILE, "--regex"],
        &["search", ".", "--regex", "--format", "json"],
        &["run", &repository, "--key", HOSTILE],
        &["history"],
        &["history", "--format", "json"],
        &["history", &repository],
        &["history", HOSTILE],
        &["history", "--project", HOSTILE],
        &["history", "--from", HOSTILE],
        &["data", "size"],
        &["data", "clean", "--keep", "0"],
        &["data", "protect", HOSTILE],
        &["data", "restore", HOSTILE],
        &["queue"],
        &["logs", "last"],
        &["logs", "last", HOSTILE],
        &["logs", HOSTILE],
        &["lint", &repository],
        &["lint", &repository, "--format", "json"],
        &["lint", &repository, "--report"],
        &["lint", &repository, "--report", "--format", "json"],
        &["lint", HOSTILE],
        &["plan", &repository],
        &["plan", &repository, "--format", "json"],
        &["plan", &repository, "--event", HOSTILE],
        &["secret", "set", HOSTILE],
        &["secret", "allow", HOSTILE, "--project", &repository],
        &["secret", "list"],
        &["secret", "remove", HOSTILE, "--project", &repository],
        &["trust", &repository],
        &["doctor"],
        &["doctor", "--format", "json"],
        &[HOSTILE],
    ] {
        is_harmless(&press.say(arguments));
    }
    let history = press.say(&["history"]).expect(0).out;
    assert_eq!(history.lines().count(), 1, "one line a run: {history:?}");
    assert!(history.contains("\u{2068}") && history.contains("\u{2069}"), "a title that runs leftwards is kept apart: {history:?}");
    let title = &press.say(&["history", "--format", "json"]).expect(0).json()["runs"][0]["version_title"];
    assert!(title.as_str().is_some_and(|title| title.contains('\x1b') && title.contains('\u{202e}')), "JSON keeps the values: {title}");
}

const SLOW: &str = "kind: pipeline\nname: default\nsteps:\n- name: dots\n  image: alpine\n  commands: ['printf \"%s%s\" o ne', 'while test ! -e \"$GO\"; do sleep 0.05; done', 'echo two']\n  environment: {GO: PATH}\n";

#[tokio::test]
async fn a_line_is_seen_while_it_grows() {
    let press = Press::without_engine();
    let go = press.folder().join("go");
    let repository = press.repository("shop", &[(".drone.yml", &SLOW.replace("PATH", &go.display().to_string()))]);
    let mut going = press.start(&["run", &repository, "--backend", "host"]);
    // The program waits for us: without a line end there is no other news. What the shell traces does not have the word.
    going.until_out("one").await;
    std::fs::write(&go, "").unwrap();
    let said = going.end().await.expect(0);
    let lines: Vec<&str> = said.out.lines().filter(|line| line.contains("one") && !line.starts_with('+')).collect();
    assert_eq!(lines.len(), 1, "nothing twice: {}", said.out);
    assert!(said.out.ends_with("two\n"), "{}", said.out);
}

#[test]
fn output_of_an_earlier_attempt_is_called_so() {
    let press = Press::without_engine();
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- {name: a, image: alpine, commands: [echo old output]}\n- {name: b, image: alpine, commands: [exit 3]}\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    let first = press.say(&["run", &repository, "--backend", "host"]).expect(1);
    assert!(!first.err.contains("earlier attempt"), "{}", first.err);
    let again = press.say(&["retry", "shop#1"]).expect(1).explains(&["a: output of an earlier attempt", "a passed in an earlier attempt"]);
    assert!(!again.err.contains("▸ a"), "it does not run again: {}", again.err);
    assert!(again.err.contains("▸ b") && !again.err.contains("b failed in an earlier"), "{}", again.err);
}

#[test]
fn times_are_those_of_the_zone_and_json_keeps_utc() {
    let press = Press::without_engine();
    let repository = press
        .repository("shop", &[(".drone.yml", "kind: pipeline\nname: default\nsteps:\n- {name: a, image: alpine, commands: ['true']}\n")]);
    press.say(&["run", &repository, "--backend", "host"]).expect(0);
    let history = |zone: &str| String::from_utf8(press.command(&["history"]).env("TZ", zone).output().unwrap().stdout).unwrap();
    // A POSIX rule needs no table of zones; its sign is the other way round.
    assert!(history("CST-8").contains(" +08:00  "), "{}", history("CST-8"));
    assert!(history("XYZ3:30").contains(" -03:30  "), "{}", history("XYZ3:30"));
    assert_ne!(history("CST-8"), history("UTC0"));
    let json = press.command(&["history", "--format", "json"]).env("TZ", "CST-8").output().unwrap();
    assert!(Said::from(json).json()["runs"][0]["created"].as_str().is_some_and(|time| time.ends_with('Z')));
}

#[test]
fn without_an_engine_it_is_said_what_to_do() {
    let press = Press::without_engine();
    let repository = press
        .repository("shop", &[(".drone.yml", "kind: pipeline\nname: default\nsteps:\n- {name: a, image: alpine, commands: ['true']}\n")]);
    press.say(&["run", &repository]).expect(3).explains(&["no container engine answers", "--backend host"]);
}

#[tokio::test]
async fn the_computer_itself_is_meant_also_where_an_engine_answers() {
    lp_tests::images::busybox_image().await;
    let press = Press::new();
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- {name: a, image: alpine, commands: ['test -e PATH && echo here']}\n";
    let repository = press.repository("shop", &[(".drone.yml", &pipeline.replace("PATH", &press.folder().display().to_string()))]);
    let said = press.say(&["run", &repository, "--backend", "host"]).expect(0).explains(&["not isolated"]);
    assert!(said.out.contains("here"), "{}", said.out);
    let plugin = "kind: pipeline\nname: default\nsteps:\n- {name: publish, image: plugins/docker}\n";
    let repository = press.repository("plugin", &[(".drone.yml", plugin)]);
    press.say(&["run", &repository, "--backend", "host"]).expect(2).explains(&["`publish`", "cannot run directly on this computer"]);
}
