//! An engine that ends or hangs at any moment is said to be unreachable, soon, and never hangs a run.

use crate::docker;
use lp_backend::{Backend, BackendError, CancelHandle, CancelStage, Claims, Keep, NoNotes, StepExit};
use lp_backend_docker::{DockerBackend, DockerOptions, EngineAddress};
use lp_tests::conformance::{Bench, Place as _, Sink, TarSource, plan_stage, shell, within};
use lp_tests::docker::{EngineDoor, require_socket};
use lp_tests::podman::Podman;
use std::sync::Arc;
use std::time::Duration;

const HEARTBEAT: Duration = Duration::from_millis(300);

/// A door to the engine, a backend that goes through it, and a folder that lives as long.
async fn behind_a_door() -> (EngineDoor, Arc<DockerBackend>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let door = EngineDoor::open(&folder.path().join("engine.sock"), require_socket().await);
    let mut options = DockerOptions::new(vec![door.address()], uuid::Uuid::now_v7().to_string());
    options.heartbeat = HEARTBEAT;
    (door, Arc::new(DockerBackend::new(options)), folder)
}

fn assert_unreachable<T: std::fmt::Debug>(result: Result<T, BackendError>) {
    assert!(matches!(result, Err(BackendError::Unreachable { .. })), "{result:?}");
}

/// Runs a step through the door, shuts it when the step prints, and expects the bad news; then cleans up by the front entrance.
async fn shut_while_a_step_runs(shut: impl FnOnce(&EngineDoor), cancel_too: Option<CancelStage>) {
    let place = docker::place().await;
    let (door, backend, _folder) = behind_a_door().await;
    let script = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    let bench = Bench::of(backend, &place.image, plan_stage(1, vec![shell(1, "a", script)]), None);
    bench.prepare().await.unwrap();
    let sink = Sink::new();
    let (handle, cancel) = CancelHandle::new(Duration::from_secs(600));
    let context = bench.context(1);
    let (exit, ()) = tokio::join!(within(30, "a step without its engine", bench.run_with(&context, &sink, &cancel)), async {
        sink.until_output("ready").await;
        if let Some(stage) = cancel_too {
            handle.advance(stage);
        }
        shut(&door);
    });
    assert_unreachable(exit);
    assert!(sink.heard().text().contains("ready"));
    Bench { backend: Arc::new(docker::backend()), stage: bench.stage.clone() }.clear(&place).await;
}

#[tokio::test]
async fn it_ends_while_a_step_runs() {
    shut_while_a_step_runs(EngineDoor::cut, None).await;
}

#[tokio::test]
async fn it_hangs_while_a_step_runs() {
    shut_while_a_step_runs(EngineDoor::hang, None).await;
}

#[tokio::test]
async fn it_hangs_while_a_step_is_cancelled() {
    shut_while_a_step_runs(EngineDoor::hang, Some(CancelStage::Ask)).await;
}

#[tokio::test]
async fn it_hangs_while_files_are_sent() {
    let place = docker::place().await;
    let (door, backend, _folder) = behind_a_door().await;
    let source = TarSource::endless(vec![0; 512]);
    // Two steps beside one another, so that there is a network.
    let steps = vec![shell(1, "a", "true"), shell(2, "b", "true")];
    let bench = Bench::of(backend.clone(), &place.image, plan_stage(1, steps), Some(Arc::new(source)));
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let mut prepare = std::pin::pin!(within(60, "prepare", backend.prepare(&bench.stage, &NoNotes, &cancel)));
    let there = [format!("container {}-source", bench.stage.name()), format!("network {}", bench.stage.name())];
    // The upload follows the loader and goes on until it is stopped. The network is made beside it and waited for: what the engine
    // is still making when nobody listens any more would appear after the clean-up. Looked for in lists: the engine does not answer questions
    // about a container that is being filled.
    let both_are_there = within(30, "the loader and the network", async {
        loop {
            let left = place.left_of(&bench.stage).await;
            if there.iter().all(|thing| left.contains(thing)) {
                break;
            }
        }
    });
    tokio::select! {
        prepared = &mut prepare => panic!("it ended with {prepared:?}"),
        () = both_are_there => {}
    }
    door.hang();
    let prepared = prepare.await;
    assert_unreachable(prepared);
    // The door still holds the engine's end of the upload, and the engine does not remove a container while it is being filled.
    door.cut();
    Bench { backend: Arc::new(docker::backend()), stage: bench.stage.clone() }.clear(&place).await;
}

#[tokio::test]
async fn it_is_gone_before_anything_begins() {
    let place = docker::place().await;
    let (door, backend, _folder) = behind_a_door().await;
    backend.probe(None).await.unwrap();
    let bench = Bench::of(backend.clone(), &place.image, plan_stage(1, vec![shell(1, "a", "true")]), None);
    door.cut();
    assert_unreachable(within(10, "probe", backend.probe(None)).await);
    assert_unreachable(within(10, "prepare", bench.prepare()).await);
    assert_unreachable(within(10, "the step", bench.run(1)).await.0);
    assert_unreachable(within(10, "destroy", backend.destroy(&bench.stage, Keep::Nothing)).await);
    assert_unreachable(within(10, "sweep", backend.sweep(&Claims::default())).await);
}

#[tokio::test]
async fn the_first_engine_that_answers_is_used() {
    docker::place().await;
    let (door, _, _folder) = behind_a_door().await;
    let nobody = EngineAddress::new("unix:///nowhere/at/all.sock");
    let backend = DockerBackend::new(DockerOptions::new(vec![nobody, door.address()], "test"));
    assert_eq!(backend.probe(None).await.unwrap().address, door.address().url);
}

/// Docker goes away in the middle and Podman answers: new stages begin there, this one stays where it is.
#[tokio::test]
async fn a_stage_stays_on_its_engine_when_another_one_answers() {
    let place = docker::place().await;
    let podman = Podman::start().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = require_socket().await;
    let door = EngineDoor::open(&folder.path().join("engine.sock"), socket.clone());
    let backend_at = |addresses| {
        let mut options = DockerOptions::new(addresses, uuid::Uuid::now_v7().to_string());
        options.heartbeat = HEARTBEAT;
        Arc::new(DockerBackend::new(options))
    };
    let backend = backend_at(vec![door.address(), podman.address()]);
    let script = "echo ready; until test -e go; do sleep 0.05; done; echo end";
    let stage = plan_stage(1, vec![shell(1, "a", script), shell(2, "b", "touch go")]);
    let mut bench = Bench::of(backend.clone(), &place.image, stage, None);
    let own = backend.engine().await.unwrap();
    assert_eq!(own.name, "Docker");
    bench.stage.engine = Some(own.id.clone());
    bench.prepare().await.unwrap();
    let first = bench.die_at(1, "ready").await;

    door.cut();
    assert_eq!(backend.probe(None).await.unwrap().name, "Podman");
    assert_eq!(backend.engine().await.unwrap().name, "Podman", "in use for what begins");
    assert_unreachable(backend.probe(Some(&own.id)).await);
    assert_unreachable(bench.go_on(1, &first).await.0);
    assert_unreachable(bench.run(2).await.0);
    assert_unreachable(bench.prepare_kept().await);
    assert_unreachable(backend.destroy(&bench.stage, Keep::Nothing).await);

    // The next process finds the engine by who it is, not by its place in the line.
    let address = EngineAddress::new(format!("unix://{}", socket.display()));
    let next = Bench { backend: backend_at(vec![podman.address(), address]), stage: bench.stage.clone() };
    assert_eq!(next.backend.engine().await.unwrap().name, "Podman");
    next.prepare_kept().await.unwrap();
    let ((exit, bytes), _) = tokio::join!(next.go_on(1, &first), next.output(2));
    assert_eq!((exit.unwrap(), String::from_utf8(bytes).unwrap().as_str()), (StepExit::Code(0), "ready\nend\n"));
    next.clear(&place).await;
}
