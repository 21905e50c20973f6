//! Secrets: set, used, never shown.

use lp_tests::images::busybox_image;
use lp_tests::press::Press;
use std::io::Write;
use std::process::Stdio;

const VALUE: &str = "correct-horse-battery";

fn set(press: &Press, name: &str, value: &str) {
    let mut child = press.command(&["secret", "set", name]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
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
    set(&press, "token", &format!("{VALUE}\n"));
    let said = press.say(&["run", &repository]).expect(0);
    assert!(said.out.contains("it is right"), "{}", said.out);
    assert!(said.out.contains("********"), "{}", said.out);
    assert!(!said.out.contains(VALUE) && !said.err.contains(VALUE));
    let listed = press.say(&["secret", "list"]).expect(0).out;
    assert!(listed.starts_with("token") && !listed.contains(VALUE), "{listed}");
    no_file_holds(press.data(), VALUE.as_bytes());
    press.say(&["secret", "remove", "token"]).expect(0);
    assert_eq!(press.say(&["secret", "list"]).expect(0).out, "");
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
