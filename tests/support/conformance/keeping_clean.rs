//! Doing things twice, removing everything, and leaving others alone.

use super::place::{Bench, Place, Sink, TarSource, in_memory, plan_stage, shell};
use lp_backend::{CancelHandle, Claims, Keep, StepExit};
use std::sync::Arc;
use std::time::Duration;

/// The second `prepare` (after a crash) finds the place ready and does not undo what steps have done in it.
pub async fn preparing_twice_keeps_what_steps_did(place: &dyn Place) {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    builder.append_data(&mut header, "file", &b"old\n"[..]).expect("writing to memory cannot fail");
    let source = TarSource::new(builder.into_inner().expect("writing to memory cannot fail"));
    let steps = vec![shell(1, "a", "cat file; echo new > file"), shell(2, "b", "cat file")];
    let bench = Bench::new(place, steps, Some(Arc::new(source)));
    bench.prepare().await.expect("the first time");
    assert_eq!(bench.output(1).await, "old\n");
    bench.prepare().await.expect("the second time");
    assert_eq!(bench.output(2).await, "new\n");
    bench.clear(place).await;
}

/// Also when a step is still running and files are read-only.
pub async fn destroying_leaves_nothing(place: &dyn Place) {
    let script = "mkdir d && touch d/f && chmod 500 d && chmod 400 d/f; (trap '' TERM; sleep 1000) & trap '' TERM; echo ready; sleep 1000";
    let bench =
        Bench::ready(place, vec![in_memory(shell(1, "a", script), &[("STEP_LOG", "ready"), ("SLEEP", "forever")]), shell(2, "b", "true")])
            .await;
    assert_eq!(bench.output(2).await, "");
    let sink = Sink::new();
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let context = bench.context(1);
    // Dropped in the middle: what the backend made must still be found.
    tokio::select! {
        exit = bench.run_with(&context, &sink, &cancel) => panic!("it ended with {exit:?}"),
        () = sink.until_output("ready") => {}
    }
    assert_ne!(place.left_of(&bench.stage).await, Vec::<String>::new(), "the stage is there before it is destroyed");
    bench.clear(place).await;
}

/// Idempotent, and right after a failed or never begun `prepare`.
pub async fn destroying_twice_or_too_early_is_no_error(place: &dyn Place) {
    let bench = Bench::new(place, vec![shell(1, "a", "true")], None);
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.expect("nothing is there"), Vec::<String>::new());
    bench.prepare().await.expect("it can be prepared");
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.expect("everything is there"), Vec::<String>::new());
    bench.clear(place).await;
}

/// Live runs and other data folders are left alone.
pub async fn a_sweep_removes_only_our_dead_runs(place: &dyn Place) {
    let live = Bench::ready(place, vec![in_memory(shell(1, "a", "echo live"), &[("STEP_LOG", "live")])]).await;
    let dead = Bench::ready(place, vec![shell(1, "a", "true")]).await;
    let step = in_memory(shell(1, "a", "echo stranger"), &[("STEP_LOG", "stranger")]);
    let stranger = Bench::of(place.neighbour(), &place.image(), plan_stage(1, vec![step]), None);
    stranger.prepare().await.expect("it can be prepared");

    let report = place.backend().sweep(&Claims { live: vec![live.stage.run.clone()], kept: vec![] }).await.expect("the place answers");
    assert_eq!(report.failed, Vec::<String>::new());
    assert!(report.removed.iter().any(|name| name.contains(dead.stage.run.as_str())), "{report:?}");
    assert_eq!(place.left_of(&dead.stage).await, Vec::<String>::new());
    assert_eq!(live.output(1).await, "live\n");
    let (exit, heard) = stranger.run(1).await;
    assert_eq!((exit.expect("it was found out"), heard.text().as_str()), (StepExit::Code(0), "stranger\n"));

    let again = place.backend().sweep(&Claims { live: vec![live.stage.run.clone()], kept: vec![] }).await.expect("the place answers");
    assert_eq!(again.removed, Vec::<String>::new());
    live.clear(place).await;
    stranger.clear(place).await;
}
