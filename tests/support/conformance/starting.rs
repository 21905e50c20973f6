//! Starting steps: what cannot start, what runs beside what.

use super::place::{Bench, Place, Sink, in_memory, shell, within};
use lp_backend::{BackendError, CancelHandle, CancelStage, StepExit};
use lp_model::StepKind;
use std::time::Duration;

/// An error that names the program, not an exit code.
pub async fn a_missing_program_cannot_be_started(place: &dyn Place) {
    let mut step = shell(1, "compile", "");
    step.entrypoint = Some(vec!["/no/such/program".into()]);
    step.command = None;
    let bench = Bench::ready(place, vec![step]).await;
    let (exit, heard) = bench.run(1).await;
    match exit {
        Err(BackendError::Start { step, message, .. }) => {
            assert_eq!(step, "compile");
            assert!(message.to_string().contains("/no/such/program"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(heard.started, 0);
    bench.clear(place).await;
}

/// Once, and before any output.
pub async fn started_is_called_once_and_first(place: &dyn Place) {
    let bench = Bench::ready(place, vec![in_memory(shell(1, "a", "echo at once"), &[("STEP_LOG", "at once")])]).await;
    let (_, heard) = bench.run(1).await;
    assert_eq!((heard.started, heard.early_output, heard.text().as_str()), (1, false, "at once\n"));
    bench.clear(place).await;
}

/// Two steps that can only end together.
pub async fn two_steps_run_at_once(place: &dyn Place) {
    let meet = |mine: &str, other: &str| format!("touch {mine}; until test -e {other}; do sleep 0.05; done; echo met");
    let bench = Bench::ready(place, vec![shell(1, "a", &meet("a", "b")), shell(2, "b", &meet("b", "a"))]).await;
    let (a, b) = within(60, "two steps that wait for each other", async { tokio::join!(bench.output(1), bench.output(2)) }).await;
    assert_eq!((a.as_str(), b.as_str()), ("met\n", "met\n"));
    bench.clear(place).await;
}

/// A service answers under its name until the stage ends; a backend without services says so.
pub async fn services_are_found_by_name(place: &dyn Place) {
    let mut service = shell(1, "web", "mkdir -p /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www");
    service.kind = StepKind::Service;
    let ask = "until wget -q -O - http://web:8080/ 2>/dev/null; do sleep 0.1; done";
    let bench = Bench::ready(place, vec![service, shell(2, "ask", ask)]).await;
    let (handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let context = bench.context(1);
    let sink = Sink::new();
    if !place.abilities().services {
        let exit = bench.run_with(&context, &sink, &cancel).await;
        assert!(matches!(exit, Err(BackendError::Unsupported { .. })), "{exit:?}");
        bench.clear(place).await;
        return;
    }
    let (exit, ()) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
        sink.until("the start of the service", |heard| heard.started == 1).await;
        assert_eq!(bench.output(2).await, "hello\n");
        handle.advance(CancelStage::Kill);
    });
    assert_eq!(exit.expect("it was found out"), StepExit::Killed);
    bench.clear(place).await;
}

/// A program that takes more memory than it may is told from one that fails.
pub async fn the_memory_limit_holds(place: &dyn Place) {
    if !place.abilities().memory_limit {
        return;
    }
    // `tail` keeps what it reads until a line ends, which never happens here. The engine's runtime loses the news of a program that is killed
    // while it begins to watch or ends to do so (containerd before 2.3: 2 to 4 of 60 on a busy machine), so this one lives a moment longer.
    let mut step = shell(1, "a", "sleep 1; tail /dev/zero; code=$?; sleep 1; exit $code");
    step.memory_bytes = Some(16 << 20);
    let bench = Bench::ready(place, vec![step, shell(2, "b", "exit 137")]).await;
    let (exit, _) = bench.run(1).await;
    assert_eq!(exit.expect("it was found out"), StepExit::OutOfMemory);
    let (exit, _) = bench.run(2).await;
    assert_eq!(exit.expect("it was found out"), StepExit::Code(137));
    bench.clear(place).await;
}
