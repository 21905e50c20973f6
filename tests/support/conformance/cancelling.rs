//! Cancelling: asked, killed, before the start, in the middle of `prepare`.

use super::place::{Bench, Place, Sink, TarSource, in_memory, shell, within};
use lp_backend::{BackendError, CancelHandle, CancelStage, NoNotes, StepExit};
use lp_model::Step;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Longer than any test runs: who waits for it fails.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A program that ignores the polite signal.
fn stubborn() -> Step {
    let script = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    in_memory(shell(1, "a", script), &[("STEP_LOG", "ready"), ("SLEEP", "forever"), ("IGNORE_TERM", "true")])
}

/// Runs step 1, does something when it has printed "ready", and returns how it ended, its output and how long the end took.
async fn interrupt(bench: &Bench, grace: Duration, act: impl FnOnce(&CancelHandle)) -> (StepExit, String, Duration) {
    let (handle, cancel) = CancelHandle::new(grace);
    let sink = Sink::new();
    let context = bench.context(1);
    let (exit, asked) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
        sink.until_output("ready").await;
        act(&handle);
        Instant::now()
    });
    (exit.expect("it was found out"), sink.heard().text(), asked.elapsed())
}

/// The polite signal arrives, and what the program prints on its way out is kept.
pub async fn an_asked_program_ends_in_its_own_way(place: &dyn Place) {
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
    let bench = Bench::ready(place, vec![shell(1, "a", script)]).await;
    let (exit, text, _) = interrupt(&bench, FOR_EVER, |handle| handle.advance(CancelStage::Ask)).await;
    assert_eq!(exit, StepExit::Killed);
    // Some shells say too, on the other stream and so before or after it, that the program they waited for was ended.
    assert!(text.starts_with("ready\n") && text.contains("bye\n"), "{text}");
    bench.clear(place).await;
}

/// What the shell waits for hears the polite signal too, also where the shell does not (the first process of a container): an ordinary
/// program ends at once, and its script with it.
pub async fn programs_below_the_shell_are_asked_too(place: &dyn Place) {
    // The program itself says when it is there: asked a moment before, it would be the shell alone that is asked.
    let script = "set -e\nsh -c 'echo ready; exec sleep 600'\necho never\n";
    let step = in_memory(shell(1, "a", script), &[("STEP_LOG", "ready"), ("SLEEP", "forever")]);
    let bench = Bench::ready(place, vec![step]).await;
    let (exit, text, _) = interrupt(&bench, FOR_EVER, |handle| handle.advance(CancelStage::Ask)).await;
    assert_eq!(exit, StepExit::Killed);
    assert!(text.starts_with("ready\n") && !text.contains("never"), "{text}");
    bench.clear(place).await;
}

/// The grace time is granted and then over.
pub async fn a_stubborn_program_is_killed_after_the_grace_time(place: &dyn Place) {
    let bench = Bench::ready(place, vec![stubborn()]).await;
    let grace = Duration::from_secs(2);
    let (exit, _, took) = interrupt(&bench, grace, |handle| handle.advance(CancelStage::Ask)).await;
    assert_eq!(exit, StepExit::Killed);
    // The place may count from a moment before we do.
    assert!(took >= grace - Duration::from_millis(500), "killed after {took:?} already");
    bench.clear(place).await;
}

/// No grace time at all.
pub async fn killed_at_once(place: &dyn Place) {
    let bench = Bench::ready(place, vec![stubborn()]).await;
    let (exit, _, _) = interrupt(&bench, FOR_EVER, |handle| handle.advance(CancelStage::Kill)).await;
    assert_eq!(exit, StepExit::Killed);
    bench.clear(place).await;
}

/// The second click wins over a long grace time.
pub async fn a_second_cancel_does_not_wait_for_the_grace_time(place: &dyn Place) {
    let script = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.1; done";
    let bench = Bench::ready(place, vec![shell(1, "a", script)]).await;
    let (handle, cancel) = CancelHandle::new(FOR_EVER);
    let sink = Sink::new();
    let context = bench.context(1);
    let (exit, ()) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
        sink.until_output("ready").await;
        handle.advance(CancelStage::Ask);
        sink.until_output("asked").await;
        handle.advance(CancelStage::Kill);
    });
    assert_eq!(exit.expect("it was found out"), StepExit::Killed);
    bench.clear(place).await;
}

/// Cancelled before it began: nothing runs, and it is no error.
pub async fn a_cancelled_step_is_not_started(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "echo ran")]).await;
    for stage in [CancelStage::Ask, CancelStage::Kill] {
        let (handle, cancel) = CancelHandle::new(FOR_EVER);
        handle.advance(stage);
        let sink = Sink::new();
        let exit = bench.run_with(&bench.context(1), &sink, &cancel).await;
        assert_eq!(exit.expect("it was found out"), StepExit::Killed);
        assert_eq!((sink.heard().started, sink.heard().text().as_str()), (0, ""));
    }
    bench.clear(place).await;
}

/// Also while the files of the commit are on their way, however long that takes.
pub async fn prepare_can_be_cancelled(place: &dyn Place) {
    let bench = Bench::new(place, vec![shell(1, "a", "true")], Some(Arc::new(TarSource::endless(vec![0; 512]))));
    let (handle, cancel) = CancelHandle::new(FOR_EVER);
    let (prepared, ()) = tokio::join!(within(60, "a cancelled prepare", bench.backend.prepare(&bench.stage, &NoNotes, &cancel)), async {
        // Wherever in `prepare` this lands, it has to work.
        tokio::task::yield_now().await;
        handle.advance(CancelStage::Ask);
    });
    assert!(matches!(prepared, Err(BackendError::Cancelled)), "{prepared:?}");
    bench.clear(place).await;
}
