//! Secrets: set, used, never shown.

use lp_tests::images::busybox_image;
use lp_tests::press::{Press, Said, commit};
use std::io::Write;
use std::process::Stdio;

const VALUE: &str = "correct-horse-battery";

fn set(press: &Press, arguments: &[&str], value: &str) -> Said {
    let arguments = [&["secret", "set"], arguments].concat();
    let mut child = press.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    Said::from(child.wait_with_output().unwrap()).expect(0)
}

#[tokio::test]
async fn a_secret_reaches_its_step_and_no_file_of_ours() {
    busybox_image().await;
    let press = Press::new();
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- name: use\n  image: alpine\n  environment:\n    TOKEN: {from_secret: token}\n  commands:\n  - test \"$TOKEN\" = correct-horse-battery && echo it is right\n  - echo $TOKEN | sed 's/-/-/'\n  - echo $TOKEN | cut -c 1-9; echo $TOKEN | base64\n";
    // The value stands in the test's own pipeline text once; what is checked is that the *output* is masked.
    let pipeline = pipeline.replace("test \"$TOKEN\" = correct-horse-battery", "test ${#TOKEN} = 21");
    let pipeline = pipeline.replace("${#TOKEN}", "$(echo -n $TOKEN | wc -c)");
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    press.say(&["run", &repository]).explains(&["the secret `token` is not set"]);
    set(&press, &["token", "--project", &repository], &format!("{VALUE}\n"));
    let said = press.say(&["run", &repository]).expect(0);
    assert!(said.out.contains("it is right"), "{}", said.out);
    assert!(said.out.contains("********"), "{}", said.out);
    assert!(!said.out.contains(VALUE) && !said.err.contains(VALUE));
    let listed = press.say(&["secret", "list"]).expect(0).out;
    assert!(listed.starts_with("token  shop") && !listed.contains(VALUE), "{listed}");
    no_file_holds(press.data(), VALUE.as_bytes());
    press.say(&["secret", "remove", "token", "--project", &repository]).expect(0);
    assert_eq!(press.say(&["secret", "list"]).expect(0).out, "");
}

/// Prints how long the value is, and the value.
const USES_TOKEN: &str = "kind: pipeline\nname: default\nsteps:\n- name: use\n  image: alpine\n  environment: {TOKEN: {from_secret: token}}\n  commands: ['printf %s \"$TOKEN\" | wc -c', 'echo \"<$TOKEN>\"']\n";

#[test]
fn a_secret_of_all_projects_needs_a_yes_for_each() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", USES_TOKEN)]);
    let run = ["run", &repository, "--backend", "host"];
    set(&press, &["token", "--everywhere"], VALUE).explains(&["all projects", "letterpress secret allow"]);
    let allow = ["secret", "allow", "token", "--project", &repository];
    press.say(&run).expect(2).explains(&["`shop`", "`token`", "letterpress secret allow token --project", "letterpress secret deny token"]);
    assert_eq!(press.say(&["history"]).expect(0).out, "no runs yet; start one with `letterpress run`\n");
    press.say(&allow).expect(0).explains(&["`shop`", "`token`"]);
    assert!(press.say(&run).expect(0).out.contains("<********>"));
    assert!(press.say(&["secret", "list"]).expect(0).out.contains("all projects (allowed for `shop`)"));
    press.say(&["secret", "deny", "token", "--project", &repository]).expect(0);
    assert!(press.say(&run).expect(0).out.contains("<>"), "it runs without it");
    press.say(&["secret", "forget", "token", "--project", &repository]).expect(0);
    press.say(&run).expect(2).explains(&["letterpress secret allow"]);
    let other = press.repository("other", &[(".drone.yml", USES_TOKEN)]);
    press.say(&allow).expect(0);
    press.say(&["run", &other, "--backend", "host"]).expect(2).explains(&["`other`"]);
    let plan = press.say(&["plan", &repository]).expect(0).out;
    assert!(plan.starts_with("# the secret `token` goes to `use` (image alpine)\n"), "{plan}");
}

#[test]
fn inside_a_project_a_secret_is_that_projects_and_a_file_stays_whole() {
    let press = Press::without_engine();
    let folder = press.folder().join("shop");
    std::fs::create_dir(&folder).unwrap();
    // Before the first commit.
    git2::Repository::init(&folder).unwrap();
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END KEY-----\n";
    let mut child = press.command(&["secret", "set", "token"]).current_dir(&folder).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    commit(&folder, &[(".drone.yml", USES_TOKEN)]);
    let said = press.say(&["run", &folder.display().to_string(), "--backend", "host"]).expect(0);
    assert!(said.out.contains(&format!("{}\n", key.len())), "the last line end is there: {}", said.out);
    assert!(!said.out.contains("MIIEv"), "{}", said.out);
    let listed = press.say(&["secret", "list"]).expect(0).out;
    assert!(listed.starts_with("token  shop  "), "{listed}");
    let removed = press.command(&["secret", "remove", "token"]).current_dir(&folder).output().unwrap();
    Said::from(removed).expect(0).explains(&["`shop`"]);
    assert_eq!(press.say(&["secret", "list"]).expect(0).out, "");
}

#[test]
fn a_name_may_be_chinese_and_a_short_value_is_warned_about() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", &USES_TOKEN.replace("from_secret: token", "from_secret: 密码"))]);
    press.say(&["run", &repository, "--backend", "host"]).explains(&["letterpress secret set 密码"]);
    set(&press, &["密码", "--project", &repository], "一二三四");
    assert!(press.say(&["run", &repository, "--backend", "host"]).expect(0).out.contains("<********>"));
    set(&press, &["pin", "--project", &repository], "987").explains(&["logs show this value", "fewer than 4 characters"]);
    let said = set(&press, &["long", "--project", &repository], "long enough");
    assert!(!said.err.contains("logs show"), "{}", said.err);
}

fn no_file_holds(folder: &std::path::Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            no_file_holds(&entry.path(), bytes);
        } else if kind.is_file() {
            let content = std::fs::read(entry.path()).unwrap();
            assert!(!content.windows(bytes.len()).any(|part| part == bytes), "{} holds the secret", entry.path().display());
        }
    }
}
