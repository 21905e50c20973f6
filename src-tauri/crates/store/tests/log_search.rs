//! Searches in a log.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_store::logs::Pattern;
use lp_store::{Logs, StoreError};
use std::cell::Cell;

fn numbered(from: u64, to: u64) -> String {
    (from..to).map(|n| format!("line {n}\n")).collect()
}

#[test]
fn a_search_is_bounded_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    writer.append(numbered(0, 5_000).as_bytes(), 0, None).unwrap();
    writer.append("\x1b[31mRo\x1b[0mt 中文 a+b\n".as_bytes(), 0, None).unwrap();
    drop(writer);
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    let mut hits = Vec::new();
    let mut from = Some(0);
    while let Some(start) = from {
        let found = reader.find(&Pattern::text("LINE").unwrap(), start, &|| false).unwrap();
        assert!(found.hits.len() <= 1_000);
        hits.extend(found.hits.into_iter().map(|hit| hit.line));
        from = found.next;
    }
    assert_eq!(hits, (0..5_000).collect::<Vec<u64>>());
    let mut lines = |text: &str, from| -> Vec<u64> {
        let found = reader.find(&Pattern::text(text).unwrap(), from, &|| false).unwrap();
        found.hits.into_iter().map(|hit| hit.line).collect()
    };
    for text in ["rot", "中文", "a+b"] {
        assert_eq!(lines(text, 17), [5_000], "{text}");
    }
    assert_eq!(lines("line 4999", 0), [4_999]);
    assert!(lines("rot", u64::MAX).is_empty());
    let found = reader.find(&Pattern::expression("^line 4[0-9]{3}$").unwrap(), 0, &|| false).unwrap();
    assert_eq!((found.hits.len(), found.hits[0].line, found.next), (1_000, 4_000, Some(5_000)));
    let stopped = reader.find(&Pattern::text("line").unwrap(), 0, &|| true).unwrap();
    assert_eq!((stopped.hits.len(), stopped.next), (0, Some(0)), "nobody wants it any more");
}

/// Says that it is time to stop when it is asked for the last time of so many.
fn at_question(last: u32, asked: &Cell<u32>) -> impl Fn() -> bool {
    move || {
        asked.set(asked.get() + 1);
        asked.get() >= last
    }
}

#[test]
fn a_line_without_an_end_can_be_left_in_the_middle() {
    const LENGTH: u64 = 24 << 20;
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    writer.append(b"a first line\n", 0, None).unwrap();
    drop(writer);
    // Bytes without a line feed that take no room on the disk, and of which the index knows nothing.
    let log = std::fs::File::options().write(true).open(logs.path(&run_id("r"), key(1))).unwrap();
    log.set_len(LENGTH).unwrap();

    let asked = Cell::new(0);
    let opened = logs.reader_unless(&at_question(3, &asked), &run_id("r"), key(1));
    assert!(matches!(opened, Err(StoreError::Stopped)) && asked.get() == 3, "{opened:?} after {} questions", asked.get());

    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    assert_eq!(reader.summary().bytes, LENGTH);
    let asked = Cell::new(0);
    let found = reader.find(&Pattern::text("first").unwrap(), 0, &at_question(4, &asked)).unwrap();
    assert_eq!((found.hits.len(), found.next, asked.get()), (1, Some(1), 4), "it stands at the line that it left");
    // The same on the way to the line that is asked for.
    let asked = Cell::new(0);
    let found = reader.find(&Pattern::text("first").unwrap(), 2, &at_question(2, &asked)).unwrap();
    assert_eq!((found.hits.len(), found.next, asked.get()), (0, Some(2), 2));
    // Who does not stop it gets to the end.
    let found = reader.find(&Pattern::text("first").unwrap(), 0, &|| false).unwrap();
    assert_eq!((found.hits.len(), found.next), (1, None));
}
