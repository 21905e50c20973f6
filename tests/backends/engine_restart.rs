//! An engine that is ended, killed or frozen and comes back: what ran on it is lost and said to be, never failed, and never started twice; and the
//! stage goes on in the same place.

use lp_backend::{BackendError, CancelHandle, Claims, Keep, StepExit};
use lp_backend_docker::{DockerBackend, DockerOptions};
use lp_model::Message;
use lp_tests::conformance::{Bench, Sink, plan_stage, shell, then, within};
use lp_tests::engine::RestartableEngine;
use lp_tests::images;
use std::sync::Arc;
use std::time::Duration;

/// The engine with an image for steps in it.
async fn engine_with_image() -> (RestartableEngine, &'static str) {
    let engine = RestartableEngine::start().await;
    let image = images::busybox_image().await;
    let client = bollard::Docker::connect_with_host(&engine.address().url).unwrap().negotiate_version().await.unwrap();
    images::import_busybox(&client, image).await;
    (engine, image)
}

fn backend(engine: &RestartableEngine) -> Arc<DockerBackend> {
    let mut options = DockerOptions::new(vec![engine.address()], "test");
    options.heartbeat = Duration::from_millis(500);
    Arc::new(DockerBackend::new(options))
}

/// Steps that share a namespace: the first is caught in the middle, the second shows that the place still works.
fn row() -> Vec<lp_model::Step> {
    vec![
        shell(1, "a", "echo ran >> ran; echo ready; sleep 600"),
        then(shell(2, "b", "cat ran; wget -q -O - http://b:1/ 2>/dev/null || echo mine")),
    ]
}

/// One step alone, on the default bridge.
fn alone() -> Vec<lp_model::Step> {
    vec![shell(1, "a", "echo ready; sleep 600")]
}

/// A program that ends in its own way when the engine asks it to.
fn polite() -> Vec<lp_model::Step> {
    vec![shell(1, "a", "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.1; done"), then(shell(2, "b", "true"))]
}

enum Way {
    Ended,
    Killed,
}

/// Runs step 1 until it is ready, takes the engine away and brings it back; the step must be lost, for the process that was there (if it
/// was) and for the next one, which then prepares and goes on.
async fn restart_under(steps: Vec<lp_model::Step>, way: Way, somebody_listens: bool) {
    let (mut engine, image) = engine_with_image().await;
    let bench = Bench::of(backend(&engine), image, plan_stage(1, steps), None);
    bench.prepare().await.unwrap();
    let first = if somebody_listens {
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        let sink = Sink::new();
        let context = bench.context(1);
        let (exit, ()) = tokio::join!(bench.run_with(&context, &sink, &cancel), async {
            sink.until_output("ready").await;
            match way {
                Way::Ended => engine.end().await,
                Way::Killed => engine.kill().await,
            }
        });
        assert!(matches!(exit, Err(BackendError::Unreachable { .. } | BackendError::Lost { .. })), "{exit:?}");
        sink.heard()
    } else {
        let heard = bench.die_at(1, "ready").await;
        match way {
            Way::Ended => engine.end().await,
            Way::Killed => engine.kill().await,
        }
        heard
    };
    engine.begin().await;

    // First as the same process would go on, which does not prepare again, then as a new one.
    let again = Bench { backend: backend(&engine), stage: bench.stage.clone() };
    for bench in [&bench, &again] {
        let (exit, bytes) = bench.go_on(1, &first).await;
        assert!(matches!(exit, Err(BackendError::Lost { .. })), "{exit:?}");
        assert!(bytes.starts_with(b"ready\n"), "{bytes:?}");
        if bench.stage.stage.steps.len() > 1 {
            let mut context = bench.context(2);
            context.key.attempt += u32::from(std::ptr::eq(bench, &again));
            let (exit, heard) = bench.run_context(&context).await;
            assert_eq!(exit.unwrap(), StepExit::Code(0), "{}", heard.text());
            assert!(["", "ran\nmine\n"].contains(&heard.text().as_str()), "{}", heard.text());
        }
        bench.prepare_kept().await.unwrap();
    }
    let leftovers = again.backend.destroy(&again.stage, Keep::Nothing).await.unwrap();
    assert_eq!(leftovers, Vec::<Message>::new());
    assert_eq!(again.backend.sweep(&Claims::default()).await.unwrap(), Default::default());
}

#[tokio::test]
async fn it_ends_while_a_row_of_steps_runs() {
    restart_under(row(), Way::Ended, true).await;
}

#[tokio::test]
async fn it_ends_while_nobody_listens() {
    restart_under(row(), Way::Ended, false).await;
}

#[tokio::test]
async fn it_is_killed_while_a_row_of_steps_runs() {
    restart_under(row(), Way::Killed, true).await;
}

#[tokio::test]
async fn it_is_killed_under_a_single_step() {
    restart_under(alone(), Way::Killed, true).await;
}

#[tokio::test]
async fn it_ends_under_a_single_step_while_nobody_listens() {
    restart_under(alone(), Way::Ended, false).await;
}

#[tokio::test]
async fn a_program_that_ends_as_the_engine_asks_is_lost_too() {
    restart_under(polite(), Way::Ended, true).await;
}

#[tokio::test]
async fn it_freezes_and_goes_on_while_a_step_runs() {
    let (engine, image) = engine_with_image().await;
    let script = "echo ready; until test -e go; do sleep 0.05; done; echo end; exit 7";
    let steps = vec![shell(1, "a", script), shell(2, "b", "touch go")];
    let bench = Bench::of(backend(&engine), image, plan_stage(1, steps), None);
    bench.prepare().await.unwrap();
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let sink = Sink::new();
    let context = bench.context(1);
    let (exit, ()) = tokio::join!(within(30, "a frozen engine", bench.run_with(&context, &sink, &cancel)), async {
        sink.until_output("ready").await;
        engine.freeze(true);
    });
    assert!(matches!(exit, Err(BackendError::Unreachable { .. })), "{exit:?}");
    engine.freeze(false);
    let first = sink.heard();
    let ((exit, bytes), _) = tokio::join!(bench.go_on(1, &first), bench.output(2));
    assert_eq!(exit.unwrap(), StepExit::Code(7));
    assert_eq!(bytes, b"ready\nend\n");
    assert_eq!(bench.backend.destroy(&bench.stage, Keep::Nothing).await.unwrap(), Vec::<Message>::new());
}
