//! Output and exit.

use super::place::{Bench, Place, Sink, in_memory, shell, within};
use lp_backend::{BackendError, CancelHandle, StepExit};
use std::time::Duration;

/// The code of the program is the step's.
pub async fn exit_codes_are_reported(place: &dyn Place) {
    let codes = [0, 1, 78, 255];
    let step = |(code, number): (&i32, u32)| {
        in_memory(shell(number, &format!("s{number}"), &format!("exit {code}")), &[("STEP_EXIT_CODE", &code.to_string())])
    };
    let bench = Bench::ready(place, codes.iter().zip(1..).map(step).collect()).await;
    for (code, number) in codes.into_iter().zip(1..) {
        let (exit, heard) = bench.run(number).await;
        assert_eq!(exit.expect("it was found out"), StepExit::Code(code));
        assert_eq!(heard.text(), "");
    }
    bench.clear(place).await;
}

/// A signal from elsewhere is no cancel.
pub async fn a_signal_is_told_from_an_exit_code(place: &dyn Place) {
    let bench = Bench::ready(place, vec![in_memory(shell(1, "a", "sh -c 'kill -9 $$'; exit $?"), &[("STEP_SIGNAL", "9")])]).await;
    let (exit, _) = bench.run(1).await;
    let exit = exit.expect("it was found out");
    assert!(matches!(exit, StepExit::Code(137) | StepExit::Signal(9)), "{exit:?}");
    bench.clear(place).await;
}

/// NUL, bytes that are no UTF-8, escape sequences, carriage returns, and no newline at the end.
pub async fn bytes_pass_unchanged(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", r"printf 'a\000b\377\376\r\n\033[31m\344\270\255\n\n  end'")]).await;
    let (exit, heard) = bench.run(1).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert_eq!(heard.bytes, b"a\0b\xff\xfe\r\n\x1b[31m\xe4\xb8\xad\n\n  end");
    bench.clear(place).await;
}

/// Nothing is dropped and nothing is reordered when a program prints faster than anyone reads.
pub async fn ten_megabytes_arrive_whole(place: &dyn Place) {
    const LINES: usize = 200_000;
    let bench =
        Bench::ready(place, vec![shell(1, "a", &format!("awk 'BEGIN {{ for (i = 1; i <= {LINES}; i++) printf \"%052d\\n\", i }}'"))]).await;
    let (exit, heard) = bench.run(1).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert_eq!(heard.bytes.len(), LINES * 53);
    let text = heard.text();
    let mut expected = 1;
    for line in text.lines() {
        assert_eq!(line.trim_start_matches('0').parse(), Ok(expected), "after {} lines", expected - 1);
        expected += 1;
    }
    assert_eq!(expected - 1, LINES);
    bench.clear(place).await;
}

/// A line longer than every buffer on the way.
pub async fn a_long_line_arrives_whole(place: &dyn Place) {
    const LENGTH: usize = 16 << 20;
    let script = format!("head -c {LENGTH} /dev/zero | tr '\\000' x; echo; echo end");
    let bench = Bench::ready(place, vec![shell(1, "a", &script)]).await;
    let (exit, heard) = bench.run(1).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
    assert_eq!(heard.bytes.len(), LENGTH + 5);
    assert!(heard.bytes[..LENGTH].iter().all(|b| *b == b'x'));
    assert!(heard.bytes.ends_with(b"\nend\n"));
    bench.clear(place).await;
}

/// Standard output and standard error.
pub async fn both_streams_arrive(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "echo out; echo err >&2")]).await;
    let text = bench.output(1).await;
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["err", "out"]);
    bench.clear(place).await;
}

/// A program that asks a question sees the end of its input instead of waiting for ever.
pub async fn standard_input_is_empty(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "cat; read answer; echo \"read: $?\"")]).await;
    assert_eq!(bench.output(1).await, "read: 1\n");
    bench.clear(place).await;
}

/// The step ends with its program, whatever that left behind with the output still open.
pub async fn a_background_child_does_not_hold_the_step(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "sleep 1000 & echo done")]).await;
    let text = within(30, "a step with a background child", bench.output(1)).await;
    assert_eq!(text, "done\n");
    bench.clear(place).await;
}

/// A full disk for the log ends the step with that reason; the program does not go on unseen.
pub async fn a_log_that_cannot_be_written_ends_the_step(place: &dyn Place) {
    let bench = Bench::ready(place, vec![in_memory(shell(1, "a", "while :; do echo more; done"), &[("STEP_LOG_LINES", "10000")])]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let exit = bench.run_with(&bench.context(1), &Sink::full_after(1000), &cancel).await;
    assert!(matches!(exit, Err(BackendError::Sink(_))), "{exit:?}");
    bench.clear(place).await;
}
