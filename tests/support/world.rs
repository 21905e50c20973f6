//! The engine with everything around it in memory but the backend.

use crate::conformance::TarSource;
use async_trait::async_trait;
use lp_backend::{Backend, Position, Source};
use lp_engine::ports::{Backends, Clock, Journal, LogStore, OpenLog, PortError, Ports, SecretSource, SourceProvider, StepLog};
use lp_engine::{Engine, EngineSettings, QueuePlace};
use lp_model::{
    BackendKind, EngineId, Plan, ProjectId, RunEvent, RunId, RunState, SkipReason, Stage, StageState, StepKey, StepOutcome, StepState,
};
use lp_secret::SecretValue;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// An engine whose ports are in memory.
pub struct World {
    engine: Engine,
    memory: Arc<Memory>,
}

/// How a run ended.
pub struct Outcome {
    /// The run.
    pub run: RunState,
    /// Its stages, in plan order.
    pub stages: Vec<StageOutcome>,
    logs: String,
}

/// How a stage ended.
pub struct StageOutcome {
    /// Its name.
    pub name: String,
    /// Its final state.
    pub state: StageState,
    /// The files of the commit were put into its working copy.
    pub has_files: bool,
    /// Its steps, in plan order.
    pub steps: Vec<StepEnd>,
}

/// How a step ended.
pub struct StepEnd {
    /// Its name.
    pub name: String,
    /// Its final state.
    pub state: StepState,
    /// 0 when there is none; 137 when memory ended it, as a shell would say it.
    pub exit_code: i32,
    /// In words: the code, or why.
    why: String,
}

impl Outcome {
    /// What the steps wrote, for the message of a test that fails.
    pub fn logs(&self) -> &str {
        &self.logs
    }
}

/// `run STATE`, and `STAGE STATE: STEP STATE, …` for each stage.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "run {}", self.run.as_str())?;
        for stage in &self.stages {
            let steps: Vec<String> = stage
                .steps
                .iter()
                .map(|step| format!("{} {} {}", step.name, step.state.as_str(), step.why).trim_end().to_owned())
                .collect();
            writeln!(f, "{} {}: {}", stage.name, stage.state.as_str(), steps.join(", "))?;
        }
        Ok(())
    }
}

impl World {
    /// On that backend, with so many runs at once.
    pub fn new(backend: Arc<dyn Backend>, max_runs: usize) -> Self {
        let memory =
            Arc::new(Memory { backend, born: Instant::now(), events: Mutex::default(), logs: Arc::default(), news: Mutex::default() });
        let ports = Ports {
            journal: memory.clone(),
            logs: memory.clone(),
            secrets: memory.clone(),
            sources: memory.clone(),
            backends: memory.clone(),
            clock: memory.clone(),
        };
        let settings = EngineSettings { max_runs, grace: Duration::from_secs(5), ..EngineSettings::default() };
        Self { engine: Engine::new(ports, settings), memory }
    }

    /// Runs it to its end, clean-up included; returns how it ended, and all events.
    pub async fn run_for_events(&self, plan: Plan) -> (RunState, Vec<RunEvent>) {
        let run = RunId::parse(&uuid::Uuid::now_v7().simple().to_string()).unwrap();
        let place = QueuePlace { project: ProjectId::parse("p").unwrap(), environment: None };
        let end = self.engine.start(run.clone(), Arc::new(plan), place).unwrap().wait().await;
        (end.state, self.memory.events.lock().unwrap().remove(&run).unwrap_or_default())
    }

    /// Runs it to its end, clean-up included. In `news` a file `NAME.started` or `NAME.ended` appears for each step when the engine has
    /// written that down.
    pub async fn run(&self, plan: Plan, news: Option<&Path>) -> Outcome {
        let run = RunId::parse(&uuid::Uuid::now_v7().simple().to_string()).unwrap();
        let plan = Arc::new(plan);
        if let Some(folder) = news {
            self.memory.news.lock().unwrap().insert(run.clone(), (folder.to_owned(), Arc::clone(&plan)));
        }
        let place = QueuePlace { project: ProjectId::parse("p").unwrap(), environment: None };
        let end = self.engine.start(run.clone(), Arc::clone(&plan), place).unwrap().wait().await;
        assert_eq!(end.message, "");
        let events = self.memory.events.lock().unwrap().remove(&run).unwrap_or_default();
        let stages = plan.stages.iter().map(|stage| stage_outcome(stage, &events)).collect();
        let logs = self.memory.logs.lock().unwrap();
        let logs =
            logs.iter().filter(|((of, _), _)| *of == run).map(|((_, key), bytes)| format!("{key}: {}", String::from_utf8_lossy(bytes)));
        Outcome { run: end.state, stages, logs: logs.collect() }
    }
}

fn stage_outcome(stage: &Stage, events: &[RunEvent]) -> StageOutcome {
    let ended = events.iter().find_map(|event| match event {
        RunEvent::StageEnded { stage: number, state, .. } if *number == stage.number => Some(*state),
        _ => None,
    });
    let is_ready = events.contains(&RunEvent::StageReady { stage: stage.number });
    StageOutcome {
        name: stage.name.clone(),
        state: ended.unwrap(),
        has_files: stage.source && is_ready,
        steps: stage.steps.iter().map(|step| step_end(&step.name, StepKey::first(stage.number, step.number), events)).collect(),
    }
}

fn step_end(name: &str, key: StepKey, events: &[RunEvent]) -> StepEnd {
    let found = events.iter().find_map(|event| match event {
        RunEvent::StepEnded { key: of, outcome } if *of == key => Some(match outcome {
            StepOutcome::Exited { code: 0 } | StepOutcome::EndedWithStage => (outcome.state(), 0, String::new()),
            StepOutcome::Exited { code } => (outcome.state(), *code, code.to_string()),
            StepOutcome::OutOfMemory => (outcome.state(), 137, "out of memory".into()),
            StepOutcome::EndedStage => (outcome.state(), 0, "and ended the stage".into()),
            // The words are the backend's own.
            StepOutcome::Errored { .. } => (outcome.state(), 0, String::new()),
            other => (outcome.state(), 0, format!("{other:?}")),
        }),
        RunEvent::StepSkipped { key: of, reason } if *of == key => Some((
            StepState::Skipped,
            0,
            match reason {
                SkipReason::AfterFailure => String::new(),
                SkipReason::NothingFailed => "since nothing failed".into(),
                SkipReason::EndedEarly => "since the stage was ended".into(),
                SkipReason::Cancelled => "since the run was cancelled".into(),
                SkipReason::StageErrored => "since the stage was not made".into(),
            },
        )),
        _ => None,
    });
    let (state, exit_code, why) = found.unwrap();
    StepEnd { name: name.to_owned(), state, exit_code, why }
}

type Logs = Arc<Mutex<BTreeMap<(RunId, StepKey), Vec<u8>>>>;

struct Memory {
    backend: Arc<dyn Backend>,
    born: Instant,
    events: Mutex<BTreeMap<RunId, Vec<RunEvent>>>,
    logs: Logs,
    news: Mutex<BTreeMap<RunId, (PathBuf, Arc<Plan>)>>,
}

#[async_trait]
impl Journal for Memory {
    async fn append(&self, run: &RunId, events: &[RunEvent]) -> Result<(), PortError> {
        self.events.lock().unwrap().entry(run.clone()).or_default().extend_from_slice(events);
        if let Some((folder, plan)) = self.news.lock().unwrap().get(run) {
            for (key, what) in events.iter().filter_map(news_of) {
                let step = plan.stage(key.stage).and_then(|stage| stage.step(key.step)).unwrap();
                std::fs::write(folder.join(format!("{}.{what}", step.name)), "").unwrap();
            }
        }
        Ok(())
    }
}

fn news_of(event: &RunEvent) -> Option<(StepKey, &'static str)> {
    match event {
        RunEvent::StepStarted { key } => Some((*key, "started")),
        RunEvent::StepEnded { key, .. } => Some((*key, "ended")),
        _ => None,
    }
}

struct MemoryLog {
    logs: Logs,
    name: (RunId, StepKey),
}

#[async_trait]
impl LogStore for Memory {
    async fn open(&self, run: &RunId, key: StepKey) -> Result<OpenLog, PortError> {
        Ok(OpenLog {
            log: Box::new(MemoryLog { logs: Arc::clone(&self.logs), name: (run.clone(), key) }),
            position: Position::default(),
            lines: 0,
            bytes: 0,
        })
    }
}

#[async_trait]
impl StepLog for MemoryLog {
    async fn append(&mut self, bytes: &[u8], _upto: Option<Position>) -> Result<(), PortError> {
        self.logs.lock().unwrap().entry(self.name.clone()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl SecretSource for Memory {
    async fn secret(&self, _run: &RunId, _name: &str) -> Result<Option<SecretValue>, PortError> {
        Ok(None)
    }
}

impl SourceProvider for Memory {
    fn source(&self, _run: &RunId, _plan: &Plan, _stage: &Stage) -> Arc<dyn Source> {
        let mut files = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(5);
        files.append_data(&mut header, "README", &b"hello"[..]).unwrap();
        Arc::new(TarSource::new(files.into_inner().unwrap()))
    }
}

impl Backends for Memory {
    fn backend(&self, _kind: BackendKind, _engine: Option<&EngineId>) -> Option<Arc<dyn Backend>> {
        Some(Arc::clone(&self.backend))
    }
}

impl Clock for Memory {
    fn now_ms(&self) -> i64 {
        1_700_000_000_000 + self.born.elapsed().as_millis() as i64
    }
}
