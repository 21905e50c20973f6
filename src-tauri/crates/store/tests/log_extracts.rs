//! What is read of logs without showing them: their words about a failure, their length.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_store::Logs;

#[test]
fn an_excerpt_has_the_errors_else_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let excerpt = |step: u32, text: &[u8]| {
        let mut log = logs.writer(&run_id("r"), key(step), 1).unwrap();
        log.append(text, 1, None).unwrap();
        log.finish().unwrap();
        logs.reader(&run_id("r"), key(step)).unwrap().excerpt().unwrap()
    };
    assert_eq!(excerpt(1, b""), "");
    assert_eq!(excerpt(2, "one\n\x1b[31merror: 空间不足\x1b[0m\nafter\nERROR twice\r\nend\n".as_bytes()), "error: 空间不足\nERROR twice");
    assert_eq!(excerpt(3, b"1\n2\n3\n4\n5\n6\nlast without an end"), "3\n4\n5\n6\nlast without an end");
    let long = excerpt(4, format!("{}\n", "错".repeat(9_000)).repeat(9).as_bytes());
    assert!(long.len() <= 1_000 && long.lines().all(|line| line.len() <= 300), "{}", long.len());
}

#[test]
fn lines_of_a_finished_log_are_known_without_opening_it() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let (run, key) = (run_id("r"), key(1));
    let mut log = logs.writer(&run, key, 1).unwrap();
    log.append(b"1\n2\n", 1, None).unwrap();
    assert_eq!((logs.lines(&run, key).unwrap(), logs.known_lines(&run, key)), (2, None), "it may grow");
    log.append(b"3\n", 1, None).unwrap();
    log.finish().unwrap();
    assert_eq!((logs.lines(&run, key).unwrap(), logs.known_lines(&run, key)), (3, Some(3)));
    assert_eq!(logs.clone().known_lines(&run, key), Some(3), "clones know the same");
    logs.remove(&run).unwrap();
    assert_eq!(logs.known_lines(&run, key), None);
    assert!(logs.lines(&run, key).is_err());
}
