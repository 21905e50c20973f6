//! Logs piece by piece: whatever their lines are, the pieces are the file.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_store::Logs;
use lp_store::logs::LogCursor;
use proptest::prelude::*;

/// Lengths of lines: most are short, a few as long as what no terminal shows.
fn length_of_a_line() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..200_usize, 3 => 200..70_000_usize, 1 => 70_000..2_000_000_usize, 1 => Just(16 << 20)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_that_is_walked_by_cursors_is_the_file(
        lengths in proptest::collection::vec(length_of_a_line(), 1..12),
        most in prop_oneof![4..64_usize, 1_000..2_000_000_usize],
        ends_in_a_line: bool,
        letter in prop_oneof![Just("x"), Just("构"), Just("\u{ff}"), Just("😀")],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let logs = Logs::new(dir.path());
        let mut writer = logs.writer(&run_id("r"), key(1), 0).unwrap();
        // Few bytes at a time are for short logs only.
        let lengths: Vec<usize> = if most < 100 { lengths.into_iter().map(|length| length % 900).collect() } else { lengths };
        let lines: Vec<String> = lengths.iter().map(|length| letter.repeat(length / letter.len())).collect();
        let mut whole = lines.join("\n").into_bytes();
        whole.push(b'\n');
        // Not all of it is UTF-8.
        whole.extend_from_slice(b"\xff\xfe\xff\xff\xff");
        if !ends_in_a_line {
            whole.push(b'\n');
        }
        writer.append(&whole, 0, None).unwrap();
        let mut reader = logs.reader(&run_id("r"), key(1)).unwrap();
        let (mut walked, mut from, mut before) = (Vec::new(), Some(LogCursor::default()), None);
        while let Some(cursor) = from {
            prop_assert!(before < Some(cursor), "it goes on");
            before = Some(cursor);
            let part = reader.part(cursor, most).unwrap();
            prop_assert!(part.bytes.len() <= most.max(4));
            walked.extend(part.bytes);
            from = part.next;
        }
        prop_assert!(walked == whole, "byte for byte");
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            let part = reader.part(LogCursor { line: number as u64, byte: 0 }, 4).unwrap();
            prop_assert!(line.as_bytes().starts_with(part.bytes.split(|&byte| byte == b'\n').next().unwrap()), "line {} begins where it does", number);
        }
    }
}
