//! Log files: appended, killed, torn, read while written, and long.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_store::logs::{LogPosition, Mark, MarkKind};
use lp_store::{LogReader, Logs, StoreError};
use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

fn texts(reader: &mut LogReader, from: u64, count: usize) -> Vec<String> {
    let range = reader.range(from, count, usize::MAX).unwrap();
    range.lines.into_iter().map(|line| String::from_utf8(line.bytes).unwrap()).collect()
}

fn numbered(from: u64, to: u64) -> String {
    (from..to).map(|n| format!("line {n}\n")).collect()
}

/// After so many bytes of standard output.
fn at(stdout: usize) -> Option<LogPosition> {
    Some(LogPosition { stdout: stdout as u64, stderr: 0 })
}

/// What a reader knows, to be compared between an index that was kept and one that was lost.
fn knowledge(logs: &Logs) -> (u64, u64, Vec<Mark>, Vec<String>) {
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    let summary = reader.summary();
    let marks = reader.marks().to_vec();
    let middle = texts(&mut reader, summary.lines / 2, 3);
    (summary.lines, summary.bytes, marks, middle)
}

#[test]
fn a_log_is_read_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let missing = logs.reader(&run_id("r"), key(1));
    assert!(matches!(missing, Err(StoreError::NotFound { what: "log", .. })), "{missing:?}");

    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    assert_eq!(logs.reader(&run_id("r"), key(1)).unwrap().summary().lines, 0);
    // One line in three pieces, then a line feed alone.
    for (piece, lines) in [("+ npm", 1), (" 安", 1), ("装\n", 1), ("\n", 2), ("half", 3)] {
        writer.append(piece.as_bytes(), 5, None).unwrap();
        assert_eq!(logs.reader(&run_id("r"), key(1)).unwrap().summary().lines, lines, "after {piece:?}");
        assert_eq!(writer.lines(), lines);
    }
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    assert!(!reader.summary().finished);
    assert!(reader.ends_in_a_line().unwrap());
    assert_eq!(texts(&mut reader, 0, 10), ["+ npm 安装", "", "half"]);
    assert_eq!(reader.marks(), [Mark { line: 0, kind: MarkKind::Command }]);
    writer.append(b"-done: error: no", 6, None).unwrap();
    writer.finish().unwrap();
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    assert_eq!(texts(&mut reader, 2, 10), ["half-done: error: no"]);
    assert!(reader.summary().finished);
    assert_eq!(reader.marks().last(), Some(&Mark { line: 2, kind: MarkKind::Error }));
    let mut copy = Vec::new();
    assert_eq!(reader.copy_to(&mut copy).unwrap(), reader.summary().bytes);
    assert_eq!(String::from_utf8(copy).unwrap(), "+ npm 安装\n\nhalf-done: error: no");
    logs.remove(&run_id("r")).unwrap();
    logs.remove(&run_id("r")).unwrap();
    assert!(logs.reader(&run_id("r"), key(1)).is_err());
}

#[test]
fn ranges_begin_anywhere_and_end_where_they_should() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    for block in 0..5 {
        writer.append(numbered(block * 300, (block + 1) * 300).as_bytes(), block as i64 * 1_000, None).unwrap();
    }
    writer.finish().unwrap();
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    for from in [0, 1, 255, 256, 257, 511, 512, 700, 1_499] {
        assert_eq!(texts(&mut reader, from, 1), [format!("line {from}")]);
    }
    let all = reader.range(0, usize::MAX, usize::MAX).unwrap();
    assert_eq!((all.lines.len(), all.next), (1_000, Some(1_000)));
    let rest = reader.range(1_000, 1_000, usize::MAX).unwrap();
    assert_eq!((rest.lines.len(), rest.lines[499].number, rest.next), (500, 1_499, None));
    let small = reader.range(10, 100, 20).unwrap();
    assert_eq!((small.lines.len(), small.next), (3, Some(13)));
    assert!(reader.range(1_500, 10, usize::MAX).unwrap().lines.is_empty());
    assert!(reader.range(u64::MAX, 10, usize::MAX).unwrap().lines.is_empty());
    let times = [0, 299, 300, 600, 1_499, 1_500].map(|line| reader.time_ms(line));
    assert_eq!(times, [Some(0), Some(0), Some(1_000), Some(2_000), Some(4_000), None]);
}

#[test]
fn a_very_long_line_is_cut_between_characters() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    let long = format!("xx{}", "中".repeat(1 << 20));
    writer.append(format!("before\n{long}\nafter").as_bytes(), 0, None).unwrap();
    drop(writer);
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    let range = reader.range(0, 10, usize::MAX).unwrap();
    assert_eq!(range.lines.len(), 3);
    let line = &range.lines[1];
    assert_eq!((line.bytes.len(), line.bytes.len() as u64 + line.cut), (16 * 1024 - 2, long.len() as u64));
    assert!(std::str::from_utf8(&line.bytes).is_ok());
    assert_eq!(range.lines[2].bytes, b"after");
}

#[test]
fn a_writer_goes_on_where_a_killed_one_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let whole = format!("{}error: no\nhalf a line that goes on\nend\n", numbered(0, 700));
    let path = logs.path(&run_id("r"), key(1));
    let index = path.with_extension("idx");
    // Killed after any part of the log, with an index that has got any part of its way, or has rubbish at its end.
    let cuts = [0, 1, 30, whole.len() / 2, whole.len() - 20, whole.len()];
    for cut in cuts {
        for index_keeps in [0, 31, 32, 64, 70, usize::MAX] {
            for rubbish in [false, true] {
                logs.remove(&run_id("r")).unwrap();
                let mut writer = logs.writer(&run_id("r"), key(1), 1).unwrap();
                writer.append(&whole.as_bytes()[..cut], 1, at(cut)).unwrap();
                drop(writer);
                let mut bytes = fs::read(&index).unwrap();
                bytes.truncate(index_keeps);
                if rubbish {
                    bytes.extend([7; 50]);
                }
                fs::write(&index, bytes).unwrap();

                let case = format!("cut {cut}, index {index_keeps}, rubbish {rubbish}");
                let torn = logs.reader(&run_id("r"), key(1)).unwrap().summary();
                assert_eq!((torn.bytes, torn.finished), (cut as u64, false), "{case}");
                let mut writer = logs.writer(&run_id("r"), key(1), 2).unwrap();
                assert_eq!((writer.bytes(), writer.position().stdout), (cut as u64, cut as u64), "{case}");
                writer.append(&whole.as_bytes()[cut..], 2, at(whole.len())).unwrap();
                assert_eq!(writer.lines(), 703, "{case}");
                writer.finish().unwrap();
                let kept = knowledge(&logs);
                assert_eq!(kept.2, [Mark { line: 700, kind: MarkKind::Error }], "{case}");
                assert_eq!(kept.3, ["line 351", "line 352", "line 353"], "{case}");
                fs::remove_file(&index).unwrap();
                assert_eq!(knowledge(&logs), kept, "{case}");
            }
        }
    }
}

#[test]
fn an_index_of_other_bytes_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    writer.append(numbered(0, 1_000).as_bytes(), 0, None).unwrap();
    writer.finish().unwrap();
    let path = logs.path(&run_id("r"), key(1));
    // The file system lost the end of the log, but not of the index.
    File::options().write(true).open(&path).unwrap().set_len(3_000).unwrap();
    let summary = logs.reader(&run_id("r"), key(1)).unwrap().summary();
    let lines = fs::read(&path).unwrap().iter().filter(|&&b| b == b'\n').count() as u64 + 1;
    assert_eq!((summary.lines, summary.bytes, summary.finished), (lines, 3_000, false));
    // The same length, other lines.
    fs::write(&path, "x".repeat(3_000)).unwrap();
    assert_eq!(logs.reader(&run_id("r"), key(1)).unwrap().summary().lines, 1);
    // Nothing of it is what the position speaks of: it comes again.
    assert_eq!(logs.writer(&run_id("r"), key(1), 0).unwrap().lines(), 0);
}

#[test]
fn what_no_position_was_told_for_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let open = || logs.writer(&run_id("r"), key(1), 0).unwrap();
    let mut writer = open();
    assert_eq!(writer.position(), LogPosition::default());
    // Of `secret=hunter2`, so much was held back that nothing could be told.
    writer.append(b"one\n", 0, at(4)).unwrap();
    writer.append(b"secret=", 0, None).unwrap();
    assert_eq!(writer.position().stdout, 4);
    drop(writer);
    let mut writer = open();
    assert_eq!((writer.bytes(), writer.lines(), writer.position()), (4, 1, at(4).unwrap()));
    writer.append(b"secret=", 0, None).unwrap();
    let both = LogPosition { stdout: 19, stderr: 7 };
    writer.append(b"******\n", 0, Some(both)).unwrap();
    drop(writer);
    let writer = open();
    assert_eq!((writer.bytes(), writer.position()), (18, both), "a later position covers what came before it");
    let path = logs.path(&run_id("r"), key(1));
    assert_eq!(fs::read_to_string(path).unwrap(), "one\nsecret=******\n");
}

#[test]
fn a_killed_writer_leaves_a_log_that_goes_on_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let path = logs.path(&run_id("r"), key(1));
    let positions = path.with_extension("pos");
    let whole = format!("{}error: no\nhalf a line", numbered(0, 700));
    let chunks: Vec<&[u8]> = whole.as_bytes().chunks(1_000).collect();
    let position = |chunks: usize| (chunks * 1_000).min(whole.len());
    // Killed after some chunks: the log may have bytes more or (after a power cut) less, the positions may be torn or gone.
    type Damage = fn(&Path, &Path);
    let damages: [(&str, Damage); 5] = [
        ("none", |_, _| {}),
        ("half a chunk more in the log", |log, _| {
            let mut file = File::options().append(true).open(log).unwrap();
            std::io::Write::write_all(&mut file, b"half a chu").unwrap();
        }),
        ("the log is shorter", |log, _| {
            let file = File::options().write(true).open(log).unwrap();
            file.set_len(file.metadata().unwrap().len().saturating_sub(1_500)).unwrap();
        }),
        ("a torn slot", |_, positions| {
            let mut bytes = fs::read(positions).unwrap();
            bytes[3] ^= 1;
            bytes[60] ^= 1;
            fs::write(positions, bytes).unwrap();
        }),
        ("no positions", |_, positions| fs::remove_file(positions).unwrap()),
    ];
    for (name, damage) in damages {
        for killed_after in [0, 1, 2, 5, chunks.len()] {
            logs.remove(&run_id("r")).unwrap();
            let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
            for (number, chunk) in chunks[..killed_after].iter().enumerate() {
                writer.append(chunk, 0, at(position(number + 1))).unwrap();
            }
            drop(writer);
            damage(&path, &positions);
            let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
            // The backend goes on with the bytes behind the position.
            let from = writer.position().stdout;
            assert!(name != "none" || from == position(killed_after) as u64, "{name} after {killed_after}: {from}");
            assert!(from == writer.bytes(), "{name} after {killed_after}");
            writer.append(&whole.as_bytes()[from as usize..], 0, at(whole.len())).unwrap();
            writer.finish().unwrap();
            assert!(fs::read(&path).unwrap() == whole.as_bytes(), "{name} after {killed_after}: another log");
            let summary = logs.reader(&run_id("r"), key(1)).unwrap().summary();
            assert_eq!((summary.lines, summary.finished), (702, true), "{name} after {killed_after}");
        }
    }
}

#[test]
fn a_log_that_is_complete_is_opened_again_only_while_its_run_is_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    writer.append(b"all\n", 0, at(4)).unwrap();
    writer.finish().unwrap();
    // Killed before the end of the step was written down.
    let writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    assert_eq!((writer.bytes(), writer.position().stdout), (4, 4));
    writer.finish().unwrap();
    assert!(logs.reader(&run_id("r"), key(1)).unwrap().summary().finished);

    logs.forget_positions(&run_id("r")).unwrap();
    logs.forget_positions(&run_id("another")).unwrap();
    let refused = logs.writer(&run_id("r"), key(1), 0).err();
    assert!(matches!(refused, Some(StoreError::Conflict { what: "output", .. })), "{refused:?}");
    assert_eq!(texts(&mut logs.reader(&run_id("r"), key(1)).unwrap(), 0, 9), ["all"]);
}

#[test]
fn a_million_lines_open_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    let line = |n: u64| format!("{n:07} {}\n", "x".repeat(71));
    for block in 0..1_000 {
        let text: String = (block * 1_000..(block + 1) * 1_000).map(line).collect();
        writer.append(text.as_bytes(), block as i64, None).unwrap();
    }
    // Not finished: the worst case, with a tail to be scanned.
    drop(writer);
    let timed = |_| {
        let start = Instant::now();
        let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
        assert_eq!((reader.summary().lines, reader.summary().bytes), (1_000_000, 80_000_000));
        for from in [0, 499_999, 999_990] {
            let range = reader.range(from, 10, usize::MAX).unwrap();
            assert_eq!(range.lines.len(), 10);
            assert!(range.lines[9].bytes.starts_with(format!("{:07}", from + 9).as_bytes()));
        }
        start.elapsed()
    };
    // The best of a few, against the machine being busy with something else; about 2 ms against 200.
    let with_index = (0..5).map(timed).min().unwrap();
    fs::remove_file(logs.path(&run_id("r"), key(1)).with_extension("idx")).unwrap();
    let with_scan = timed(0);
    assert!(with_index * 10 < with_scan, "with the index {with_index:?}, with a scan {with_scan:?}");
}

#[test]
fn marks_of_one_kind_have_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    writer.append("error: again\n".repeat(30_000).as_bytes(), 0, None).unwrap();
    writer.append(b"+ true\n", 0, None).unwrap();
    writer.finish().unwrap();
    let reader = logs.reader(&run_id("r"), key(1)).unwrap();
    assert_eq!(reader.marks().len(), 10_001);
    assert_eq!(reader.marks().last(), Some(&Mark { line: 30_000, kind: MarkKind::Command }));
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    let disk = TinyDisk::mount(512);
    let logs = Logs::new(&disk.path);
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    writer.append(b"first\n", 0, at(6)).unwrap();
    disk.fill_but(0);
    let chunk = "0123456789abcdef".repeat(8 * 1024);
    let refused = writer.append(chunk.as_bytes(), 1, at(6 + chunk.len()));
    assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");
    assert_eq!((length(&logs), writer.bytes(), writer.position().stdout), (6, 6, 6));
    // Another process finds the same.
    drop(writer);
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    assert_eq!((writer.bytes(), writer.position().stdout), (6, 6));
    let refused = writer.append(chunk.as_bytes(), 1, at(6 + chunk.len()));
    assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");
    disk.free();
    writer.append(b"second\n", 2, at(13)).unwrap();
    drop(writer);
    let writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    assert_eq!((writer.bytes(), writer.position().stdout), (13, 13));
    writer.finish().unwrap();
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    assert_eq!(texts(&mut reader, 0, 10), ["first", "second"]);
    assert!(reader.summary().finished);
}

#[test]
fn a_chunk_that_is_taken_back_while_someone_reads_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    writer.append(b"kept\n", 1, None).unwrap();
    let mut whole = logs.reader(&run_id("r"), key(1)).unwrap();
    assert!(!whole.ends_in_a_line().unwrap());
    writer.append(b"half of a chunk\nthat found no room", 2, None).unwrap();
    let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
    // What the writer does when the disk is full in the middle of a chunk.
    File::options().write(true).open(logs.path(&run_id("r"), key(1))).unwrap().set_len(5).unwrap();
    assert!(reader.ends_in_a_line().unwrap(), "what was there is not settled");
    assert_eq!(texts(&mut reader, 0, 10), ["kept"]);
}

fn length(logs: &Logs) -> u64 {
    let path = logs.path(&run_id("r"), key(1));
    fs::metadata(Path::new(&path)).unwrap().len()
}

#[test]
fn of_a_long_progress_bar_the_last_state_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::new(dir.path());
    let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
    // Longer than a shown line, and than the reader's buffer.
    let bar = |from: u32, upto: u32| (from..upto).map(|number| format!("\rfetching {number:06}")).collect::<String>();
    writer.append(format!("{}\n", bar(0, 20_000)).as_bytes(), 0, None).unwrap();
    writer.append(format!("{}\r\n", bar(0, 20_000)).as_bytes(), 0, None).unwrap();
    writer.append(format!("{}\n", "x".repeat(40_000)).as_bytes(), 0, None).unwrap();
    writer.append(b"1 %\r2 %\n", 0, None).unwrap();
    writer.finish().unwrap();
    let lines = logs.reader(&run_id("r"), key(1)).unwrap().range(0, 10, 1 << 20).unwrap().lines;
    let shown: Vec<String> = lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect();
    assert_eq!(shown[0], "fetching 019999");
    assert_eq!(shown[1].trim_end(), "fetching 019999");
    assert!(shown[2].starts_with("xxx") && lines[2].cut > 0);
    assert_eq!(shown[3], "1 %\r2 %", "a short line is whole");
}
