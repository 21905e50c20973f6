//! Doing things twice, removing everything, and leaving others alone.

use super::place::{Bench, Place, Sink, TarSource, in_memory, plan_stage, shell};
use lp_backend::{BackendError, CancelHandle, Claims, Keep, StepExit};
use lp_model::EngineId;
use lp_model::Message;
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
    bench.prepare_kept().await.expect("the second time");
    assert_eq!(bench.output(2).await, "new\n");
    bench.clear(place).await;
}

/// A stage that begins anew begins with the files of the commit, whatever is there, and nothing of the earlier beginning goes on.
pub async fn beginning_anew_brings_the_files_of_the_commit(place: &dyn Place) {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    builder.append_data(&mut header, "file", &b"old\n"[..]).expect("writing to memory cannot fail");
    let source = TarSource::new(builder.into_inner().expect("writing to memory cannot fail"));
    let script = "cat file; echo new > file; touch more; echo ready; sleep 1000";
    let steps = vec![shell(1, "a", script), shell(2, "b", "cat file; ls")];
    let bench = Bench::new(place, steps, Some(Arc::new(source)));
    bench.prepare().await.expect("the first time");
    bench.die_at(1, "ready").await;
    bench.prepare().await.expect("the second time");
    assert_eq!(bench.output(2).await, "old\nfile\n");
    let first = bench.run_context(&bench.context_after(1)).await.0;
    assert!(matches!(first, Err(BackendError::Lost { .. })), "{first:?}");
    bench.clear(place).await;
}

/// A stage on whose files steps have worked never goes on without them.
pub async fn files_that_are_gone_are_said_to_be_gone(place: &dyn Place) {
    let bench = Bench::ready(place, vec![shell(1, "a", "echo x > x"), shell(2, "b", "cat x")]).await;
    assert_eq!(bench.output(1).await, "");
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.expect("it reaches the place"), Vec::<Message>::new());
    let again = bench.prepare_kept().await;
    assert!(matches!(again, Err(BackendError::FilesGone { .. })), "{again:?}");
    assert_eq!(place.left_of(&bench.stage).await, Vec::<String>::new(), "nothing is made in their stead");
    bench.clear(place).await;
}

/// A stage stays on the engine where it was begun: what another one does not have is neither gone nor lost nor removed.
pub async fn a_stage_of_another_engine_is_not_looked_for_here(place: &dyn Place) {
    let mut bench = Bench::new(place, vec![shell(1, "a", "true")], None);
    bench.stage.engine = Some(bench.backend.probe(None).await.expect("the place answers").id);
    bench.prepare().await.expect("its own engine");
    let own = bench.stage.engine.replace(EngineId::new("another"));
    let unreachable = |what: &str, error: Option<BackendError>| {
        assert!(matches!(error, Some(BackendError::Unreachable { .. })), "{what}: {error:?}");
    };
    // As the next process does, which knows nothing of the stage.
    let next = Bench { backend: place.backend_of_the_next_process(), stage: bench.stage.clone() };
    unreachable("probe", next.backend.probe(next.stage.engine.as_ref()).await.err());
    unreachable("prepare", next.prepare().await.err());
    unreachable("go on", next.prepare_kept().await.err());
    unreachable("run", next.run(1).await.0.err());
    unreachable("take over", next.run_context(&next.context_after(1)).await.0.err());
    unreachable("destroy", next.backend.destroy(&next.stage, Keep::Nothing).await.err());
    bench.stage.engine = own;
    assert_eq!(bench.output(1).await, "");
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
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.expect("nothing is there"), Vec::<Message>::new());
    bench.prepare().await.expect("it can be prepared");
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.expect("everything is there"), Vec::<Message>::new());
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
    assert_eq!(report.failed, Vec::<Message>::new());
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
