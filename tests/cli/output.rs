//! What a step prints is what is in its log, byte for byte, and only secrets are replaced.

use lp_tests::images::busybox_image;
use lp_tests::press::Press;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const LONG: usize = 16 << 20;

/// Lines of 16 MB, bytes that are no text, NUL, a progress bar, a secret in the middle of all that, and no line feed at the end.
const SCRIPT: &str = "head -c 16777216 /dev/zero | tr '\\000' x
echo
printf 'a\\000b\\377\\376\\n'
printf '10%%\\r50%%\\r100%%\\r\\n'
printf \"before \\302$TOKEN\\000 after\\n\"
head -c 16777216 /dev/zero | tr '\\000' y
printf '\\nno line feed'
";

fn expected() -> Vec<u8> {
    let mut bytes = b"+ sh print.sh\n".to_vec();
    bytes.resize(bytes.len() + LONG, b'x');
    bytes.extend_from_slice(b"\na\0b\xff\xfe\n10%\r50%\r100%\r\nbefore \xc2********\0 after\n");
    bytes.resize(bytes.len() + LONG, b'y');
    bytes.extend_from_slice(b"\nno line feed");
    bytes
}

fn logs_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| if path.is_dir() { logs_below(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect()
}

fn bytes_are_kept(press: &Press, place: &str) {
    let pipeline = "kind: pipeline\nname: default\nsteps:\n- name: print\n  image: alpine\n  pull: if-not-exists\n  environment: {TOKEN: {from_secret: token}}\n  commands: [sh print.sh]\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline), ("print.sh", SCRIPT)]);
    let mut child = press.command(&["secret", "set", "token", "--project", &repository]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct-horse-battery").unwrap();
    assert!(child.wait().unwrap().success());
    press.say(&["run", &repository, "--backend", place]).expect(0);
    let logs = logs_below(&press.data().join("logs"));
    assert_eq!(logs.len(), 1, "{logs:?}");
    let (found, expected) = (std::fs::read(&logs[0]).unwrap(), expected());
    let differs = found.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!((found.len(), differs), (expected.len(), None));
}

#[tokio::test]
async fn every_byte_is_in_the_log_of_a_container() {
    busybox_image().await;
    bytes_are_kept(&Press::new(), "docker");
}

#[test]
fn every_byte_is_in_the_log_of_a_step_on_this_computer() {
    bytes_are_kept(&Press::without_engine(), "host");
}
