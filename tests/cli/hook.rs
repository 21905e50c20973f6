//! `letterpress hook explain`, with the deliveries that we wrote.

use lp_tests::press::Press;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// The file of a delivery.
fn delivery(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src-tauri/crates/forge/tests/deliveries");
    folder.join(format!("{name}.json")).display().to_string()
}

const DRONE: &str = "kind: pipeline\nname: test\nsteps:\n- {name: a, image: alpine}\n- {name: b, image: alpine, when: {branch: dev}}\n---\nkind: pipeline\nname: release\ntrigger: {event: tag}\nsteps:\n- {name: c, image: alpine}\n";

#[test]
fn a_delivery_is_explained_as_one_document() {
    let press = Press::without_engine();
    let file = delivery("gitea-tag-push");
    let said = press.say(&["hook", "explain", &file, "--secret", "open sesame", "--dialect", "drone1", "--format", "json"]).expect(0);
    let json = said.json();
    assert_eq!(said.err, "");
    assert_eq!(
        (&json["version"], &json["forge"], &json["verified"], &json["skip"]),
        (&1.into(), &"gitea".into(), &true.into(), &false.into())
    );
    assert!(json["ignored"].is_null() && json["not_verified"].is_null());
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(json["facts"], written["facts"]);
    assert_eq!((&json["seen"]["word"], &json["seen"]["facts"]["kind"]), (&"tag".into(), &"tag".into()));
    // Another dialect, and no secret.
    let json = press.say(&["hook", "explain", &file, "--dialect", "woodpecker", "--format", "json"]).expect(0).json();
    assert_eq!(json["ignored"], "the push of a tag is also told as its creation, which counts");
    assert_eq!((&json["verified"], &json["seen"]), (&false.into(), &serde_json::Value::Null));
    assert!(json["not_verified"].as_str().unwrap().contains("no secret"), "{json}");
    assert!(!Path::new(press.data()).exists(), "nothing was written");
}

#[test]
fn the_pipelines_of_the_project_start_or_say_why_not() {
    let press = Press::without_engine();
    let project = press.repository("shop", &[(".drone.yml", DRONE)]);
    let explain = |name: &str, more: &[&str]| {
        let file = delivery(name);
        let words = ["hook", "explain", &file, "--project", &project, "--secret", "open sesame"];
        press.say(&[&words, more].concat()).expect(0)
    };
    explain("github-push-form", &[])
        .prints(&["verified: who sent it knows the secret", "for `drone1` it is the event `push`", "test starts"])
        .prints(&["release does not start: `event` does not hold (line 9): it is `push`"])
        .explains(&["b left out: `branch` does not hold"]);
    explain("gogs-tag-form", &[]).prints(&["release starts", "refs/tags/v1.0"]);
    explain("gogs-push", &[]).prints(&["nothing starts: its message asks that nothing is run"]);
    explain("gogs-branch-gone", &[]).prints(&["ignored for `drone1`: the branch or tag is gone"]);
    let json = explain("github-ping", &["--format", "json"]).json();
    let starts: Vec<_> = json["workflows"].as_array().unwrap().iter().map(|one| (&one["name"], &one["starts"])).collect();
    assert_eq!(starts, [(&"test".into(), &false.into()), (&"release".into(), &false.into())]);
    explain("github-push-form", &["--language", "zh"]).prints(&["已验证：发送者知道密钥", "test 会启动", "release 不会启动：`event`"]);
}

#[test]
fn a_delivery_may_come_by_standard_input_and_its_secret_by_the_environment() {
    let press = Press::without_engine();
    let mut command = press.command(&["hook", "explain", "--forge", "gitlab"]);
    let key = "whsec_YSBrZXkgb2YgdGhpcnR5LXR3byBieXRlcywgbmVhcmw=";
    command.env("LETTERPRESS_HOOK_SECRET", key).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = std::fs::read(delivery("gitlab-tag-signed")).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("\nverified: ") && out.contains("refs/tags/v2"), "{out}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!out.contains("whsec_"), "{out}");
}

#[test]
fn what_is_no_delivery_is_told_and_steers_no_terminal() {
    let press = Press::without_engine();
    let write = |text: &str| std::fs::write(press.folder().join("d.json"), text).unwrap();
    press.say(&["hook", "explain", "none.json"]).expect(2).explains(&["`none.json` cannot be read"]);
    write("{");
    press.say(&["hook", "explain", "d.json"]).expect(2).explains(&["the document is no JSON (line 1, column 1)"]);
    write(r#"{"headers": {"X-Gogs-Event": "push"}, "body_raw": "{\"ref\": 7}"}"#);
    press.say(&["hook", "explain", "d.json"]).expect(2).explains(&["the field `ref` of the delivery of Gogs must be a text, not a number"]);
    press.say(&["hook", "explain", "d.json", "--forge", "gitlab"]).expect(2).explains(&["is not one of GitLab", "`X-Gitlab-Event`"]);
    press.say(&["hook", "explain", "d.json", "--dialect", "drone"]).expect(2);
    let hostile = serde_json::json!({
        "headers": {"X-GitHub-Event": "ping\u{1b}]0;title\u{7}"},
        "body_raw": "{\"action\": \"\\u001b[2J\\u202e\", \"repository\": {\"full_name\": \"a/b\"}}"
    });
    write(&hostile.to_string());
    for format in ["text", "json"] {
        let said = press.say(&["hook", "explain", "d.json", "--format", format]).expect(0);
        assert!(!said.out.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{}", said.out);
    }
}
