use super::*;
use crate::{
    Backend, Before, CancelHandle, Claims, EnvText, Files, Keep, NoNotes, Notes, Position, SinkError, StageContext, StepContext, StepExit,
    StepSink,
};
use async_trait::async_trait;
use lp_model::Message;
use lp_model::{RunOn, Stage, Step, StepKey, StepKind, StepNumber, Workspace};
use std::sync::Arc;

struct Deaf;

#[async_trait]
impl StepSink for Deaf {
    async fn created(&self) -> Result<(), SinkError> {
        Ok(())
    }
    async fn started(&self) {}
    fn position(&self) -> Position {
        Position::default()
    }
    async fn write(&self, _: &[u8], _: Position) -> Result<(), SinkError> {
        Ok(())
    }
    async fn gap(&self, _: Option<Position>) -> Result<(), SinkError> {
        Ok(())
    }
}

#[async_trait]
impl Notes for Deaf {
    async fn note(&self, _: Message) {}
    fn progress(&self, _: Message) {}
}

fn stage() -> (StageContext, StepContext) {
    let step = Step::new(1, "build", StepKind::Commands);
    let stage = Stage {
        number: StageNumber(1),
        name: "default".into(),
        backend: BackendKind::Docker,
        needs: vec![],
        run_on: RunOn::default(),
        workspace: Workspace { base: "/w".into(), path: String::new() },
        source: false,
        checkout: None,
        concurrency: None,
        file: String::new(),
        matrix: BTreeMap::new(),
        volumes: vec![],
        steps: vec![step.clone()],
    };
    let run = RunId::parse("r1").expect("a legal id");
    let key = StepKey::first(StageNumber(1), StepNumber(1));
    (
        StageContext { run, stage: Arc::new(stage), source: None, engine: None, files: Files::Fresh },
        StepContext { key, step: Arc::new(step), env: vec![], before: Before::Nothing },
    )
}

#[tokio::test(start_paused = true)]
async fn it_forgets_what_is_destroyed_or_swept() {
    let (stage, step) = stage();
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
    let backend = FakeBackend::default();
    backend.prepare(&stage, &NoNotes, &cancel).await.expect("works");
    assert_eq!(backend.run_step(&stage, &step, &Deaf, &cancel).await.expect("works"), StepExit::Code(0));
    assert_eq!(backend.left(), ["lp-r1-1"]);
    assert!(backend.sweep(&Claims { live: vec![stage.run.clone()], kept: vec![] }).await.expect("works").removed.is_empty());
    assert_eq!(backend.sweep(&Claims::default()).await.expect("works").removed, ["lp-r1-1"]);
    assert_eq!(backend.destroy(&stage, Keep::Nothing).await.expect("works"), [""; 0], "gone already counts as removed");
    assert!(backend.left().is_empty());
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "contract: run_step of `lp-r1-1-1-1` without a ready place")]
async fn a_step_without_a_place_panics() {
    let (stage, step) = stage();
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
    let _ = FakeBackend::default().run_step(&stage, &step, &Deaf, &cancel).await;
}

#[tokio::test(start_paused = true)]
async fn a_program_outlives_the_call_and_is_attached_to() {
    let (mut stage, mut step) = stage();
    step.env = vec![("SLEEP".into(), EnvText::Plain("10s".into())), ("STEP_LOG".into(), EnvText::Plain("hello".into()))];
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
    let backend = FakeBackend::default();
    backend.prepare(&stage, &NoNotes, &cancel).await.expect("works");
    let call = tokio::time::timeout(Duration::from_secs(4), backend.run_step(&stage, &step, &Deaf, &cancel));
    assert!(call.await.is_err(), "dropped after 4 s");
    step.before = Before::Created;
    assert_eq!(backend.run_step(&stage, &step, &Deaf, &cancel).await.expect("works"), StepExit::Code(0));
    assert_eq!(backend.now(), Duration::from_secs(10), "it ran on meanwhile");
    assert_eq!(backend.written("lp-r1-1-1-1").expect("it is there"), b"hello\n");
    assert_eq!(backend.destroy(&stage, Keep::Files).await.expect("works"), [""; 0]);
    assert_eq!(backend.kept().await.expect("works").stages.len(), 1);
    stage.files = Files::Kept;
    backend.prepare(&stage, &NoNotes, &cancel).await.expect("works");
    let lost = backend.run_step(&stage, &step, &Deaf, &cancel).await;
    assert!(matches!(lost, Err(BackendError::Lost { .. })), "{lost:?}");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "contract: `lp-r1-1-1-1` would be started twice")]
async fn a_second_start_panics() {
    let (stage, step) = stage();
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
    let backend = FakeBackend::default();
    backend.prepare(&stage, &NoNotes, &cancel).await.expect("works");
    backend.run_step(&stage, &step, &Deaf, &cancel).await.expect("works");
    let _ = backend.run_step(&stage, &step, &Deaf, &cancel).await;
}
