//! The ports in memory, and a report of a run as text.

use crate::plan_text::plan;
use async_trait::async_trait;
use lp_backend::fake::{FakeBackend, FakePlaces};
use lp_backend::{Backend, Position, Source};
use lp_engine::ports::{Backends, Clock, Journal, LogStore, OpenLog, PortError, Ports, SecretSource, SourceProvider, StepLog};
use lp_engine::scheduler::Scheduler;
use lp_engine::{Engine, EngineSettings, Notice, Past, QueuePlace, RunEnd, RunHandle};
use lp_model::Message;
use lp_model::{BackendKind, EngineId, Plan, ProjectId, RunEvent, RunId, SkipReason, Stage, StageNumber, StepKey, StepNumber, StepOutcome};
use lp_secret::SecretValue;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// What differs from a world in which everything works.
#[derive(Default)]
pub struct Setup {
    pub places: FakePlaces,
    pub settings: EngineSettings,
    pub secrets: Vec<(&'static str, &'static str)>,
    /// A secret that is there but cannot be read.
    pub unreadable: Option<&'static str>,
    /// Calls of the journal that fail, counted from 0.
    pub journal_fails: Range<usize>,
    /// A call of the journal that panics, counted from 0.
    pub journal_panics_at: Option<usize>,
    pub opening_logs_panics: bool,
    /// Logs take only so many bytes.
    pub log_room: Option<usize>,
    pub has_no_backend: bool,
}

pub struct World {
    pub engine: Engine,
    pub backend: Arc<FakeBackend>,
    pub memory: Arc<Memory>,
    news: Mutex<broadcast::Receiver<Notice>>,
    /// What engines before this one have told.
    told: Mutex<Vec<Notice>>,
}

pub struct Memory {
    setup: Setup,
    born: Instant,
    backend: Arc<FakeBackend>,
    appends: Mutex<usize>,
    events: Mutex<BTreeMap<RunId, Vec<(i64, RunEvent)>>>,
    logs: Arc<Logs>,
}

/// Logs and which of them are complete.
#[derive(Default)]
struct Logs {
    bytes: Mutex<BTreeMap<(RunId, StepKey), Vec<u8>>>,
    /// Length of the log and how much of the output is in it, as last told together.
    marks: Mutex<BTreeMap<(RunId, StepKey), (usize, Position)>>,
    finished: Mutex<BTreeSet<(RunId, StepKey)>>,
}

pub fn run_id(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

pub fn key(stage: u32, step: u32) -> StepKey {
    StepKey::first(StageNumber(stage), StepNumber(step))
}

/// A place in the line of a project.
pub fn place(project: &str) -> QueuePlace {
    QueuePlace { project: ProjectId::parse(project).unwrap(), environment: None }
}

fn ports(memory: &Arc<Memory>) -> Ports {
    Ports {
        journal: memory.clone(),
        logs: memory.clone(),
        secrets: memory.clone(),
        sources: memory.clone(),
        backends: memory.clone(),
        clock: memory.clone(),
    }
}

impl World {
    pub fn new(setup: Setup) -> Self {
        let backend = Arc::new(FakeBackend::new(BackendKind::Docker, setup.places.clone()));
        let settings = setup.settings.clone();
        let memory = Arc::new(Memory {
            setup,
            born: Instant::now(),
            backend: Arc::clone(&backend),
            appends: Mutex::default(),
            events: Mutex::default(),
            logs: Arc::default(),
        });
        let engine = Engine::new(ports(&memory), settings);
        let news = Mutex::new(engine.subscribe());
        Self { engine, backend, memory, news, told: Mutex::default() }
    }

    /// The same world with another engine, as after the end of the app in which the first one worked.
    pub async fn next_process(self) -> Self {
        self.engine.suspend().await;
        let told = self.notices();
        let engine = Engine::new(ports(&self.memory), self.memory.setup.settings.clone());
        let news = Mutex::new(engine.subscribe());
        Self { engine, backend: self.backend, memory: self.memory, news, told: Mutex::new(told) }
    }

    pub fn start(&self, name: &str, plan: &Plan) -> RunHandle {
        self.engine.start(run_id(name), Arc::new(plan.clone()), place("p")).unwrap()
    }

    pub fn resume(&self, name: &str, plan: &Plan) -> RunHandle {
        self.engine.resume(run_id(name), Arc::new(plan.clone()), self.past(name), place("p")).unwrap()
    }

    /// With the files that the backend kept.
    pub async fn retry(&self, name: &str, plan: &Plan) -> RunHandle {
        let kept = self.backend.kept().await.unwrap();
        let kept: Vec<StageNumber> = kept.stages.into_iter().filter(|kept| kept.run == run_id(name)).map(|kept| kept.stage).collect();
        self.engine.retry(run_id(name), Arc::new(plan.clone()), self.past(name), place("p"), &kept).unwrap()
    }

    pub fn past(&self, name: &str) -> Past {
        Past { events: self.memory.events.lock().unwrap().get(&run_id(name)).cloned().unwrap_or_default() }
    }

    /// Everything that was told until now.
    fn notices(&self) -> Vec<Notice> {
        let mut told = self.told.lock().unwrap();
        let mut news = self.news.lock().unwrap();
        while let Ok(notice) = news.try_recv() {
            told.push(notice);
        }
        told.clone()
    }

    /// What is known of a run that is over. Checks what must hold for every run.
    pub fn report(&self, plan: &Plan, name: &str, end: RunEnd) -> Report {
        let run = run_id(name);
        let events = self.memory.events(&run);
        assert_eq!(self.backend.violations(), [""; 0]);
        let notices = self.notices();
        let told = notices.iter().filter_map(|notice| match notice {
            Notice::Event { run: of, seq, event } if *of == run => Some((*seq, event.clone())),
            _ => None,
        });
        let stored: Vec<(u64, RunEvent)> = (1..).zip(events.iter().cloned()).collect();
        assert_eq!(told.collect::<Vec<_>>(), stored, "what is told is what is stored");
        let replayed = Scheduler::replay(Arc::new(plan.clone()), &events).unwrap();
        if stored.iter().any(|(_, event)| matches!(event, RunEvent::RunEnded { .. })) {
            assert_eq!(replayed.run_state(), end.state);
        }
        let calls = self.backend.calls().iter().map(|call| (call.at, call.what.clone())).collect();
        Report { plan: plan.clone(), run, end, events, calls, notices, left: self.backend.left() }
    }

    pub fn log(&self, name: &str, key: StepKey) -> String {
        self.memory.log(&run_id(name), key)
    }
}

/// Runs one pipeline in a world in which everything works.
pub async fn run(text: &str) -> Report {
    run_with(Setup::default(), text, |_| {}).await.1
}

/// Runs one pipeline in that world; `meanwhile` may do something after the start.
pub async fn run_with(setup: Setup, text: &str, meanwhile: impl FnOnce(&RunHandle)) -> (World, Report) {
    run_plan(setup, plan(text), meanwhile).await
}

pub async fn run_plan(setup: Setup, plan: Plan, meanwhile: impl FnOnce(&RunHandle)) -> (World, Report) {
    let world = World::new(setup);
    let handle = world.start("r1", &plan);
    meanwhile(&handle);
    let end = handle.wait().await;
    let report = world.report(&plan, "r1", end);
    (world, report)
}

/// Does something to a run after a time of the paused clock.
pub fn after(time: Duration, run: &RunHandle, act: impl FnOnce(RunHandle) + Send + 'static) {
    let run = run.clone();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        act(run);
    });
}

pub struct Report {
    plan: Plan,
    run: RunId,
    pub end: RunEnd,
    pub events: Vec<RunEvent>,
    pub calls: Vec<(Duration, String)>,
    pub notices: Vec<Notice>,
    pub left: Vec<String>,
}

impl Report {
    /// `run STATE`, a line `STAGE STATE: STEP STATE, …` for each stage, and the times at which steps were started, asked, killed and ended.
    #[track_caller]
    pub fn expect(&self, expected: &str) -> &Self {
        assert_eq!(self.left, [""; 0], "left behind");
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let found = self.text();
        // Where the timeline does not matter it may be left out.
        let found: Vec<&str> = found.iter().map(String::as_str).take(expected.len().max(self.plan.stages.len() + 1)).collect();
        assert_eq!(found, expected, "{:?}", self.events);
        self
    }

    fn text(&self) -> Vec<String> {
        let mut lines = vec![format!("run {}", self.end.state.as_str())];
        for stage in &self.plan.stages {
            let state = self.events.iter().rev().find_map(|event| match event {
                RunEvent::StageEnded { stage: number, state, .. } if *number == stage.number => Some(state.as_str()),
                _ => None,
            });
            let steps: Vec<String> = stage.steps.iter().map(|step| format!("{} {}", step.name, self.step(stage, step.number))).collect();
            lines.push(format!("{} {}: {}", stage.name, state.unwrap_or("unfinished"), steps.join(", ")));
        }
        let verbs = ["start ", "ask ", "kill ", "end "];
        let calls = self.calls.iter().filter(|(_, what)| verbs.iter().any(|verb| what.starts_with(verb)));
        lines.push(calls.map(|(at, what)| format!("{}s {what}", at.as_secs_f64())).collect::<Vec<_>>().join(", "));
        lines
    }

    fn step(&self, stage: &Stage, step: StepNumber) -> String {
        let is_it = |key: &StepKey| (key.stage, key.step) == (stage.number, step);
        let text = self.events.iter().rev().find_map(|event| match event {
            RunEvent::StepEnded { key, outcome } if is_it(key) => Some(match outcome {
                StepOutcome::Exited { code: 0 } | StepOutcome::Errored { .. } => outcome.state().as_str().to_owned(),
                StepOutcome::Exited { code } => format!("{} {code}", outcome.state().as_str()),
                StepOutcome::Cancelled { reason } => format!("{} {reason:?}", outcome.state().as_str()),
                other => format!("{} {other:?}", outcome.state().as_str()),
            }),
            RunEvent::StepSkipped { key, reason } if is_it(key) => Some(match reason {
                SkipReason::AfterFailure => "skipped".into(),
                other => format!("skipped {other:?}"),
            }),
            _ => None,
        });
        text.unwrap_or_else(|| "unfinished".into())
    }

    /// Message and hint of a step that errored.
    pub fn error(&self, wanted: StepKey) -> (String, String) {
        let found = self.events.iter().find_map(|event| match event {
            RunEvent::StepEnded { key, outcome: StepOutcome::Errored { message, hint } } if *key == wanted => {
                Some((message.to_string(), hint.to_string()))
            }
            _ => None,
        });
        found.unwrap()
    }

    /// Message and hint of the first stage that errored.
    pub fn stage_error(&self) -> (String, String) {
        let found = self.events.iter().find_map(|event| match event {
            RunEvent::StageEnded { message, hint, .. } if !message.is_empty() => Some((message.to_string(), hint.to_string())),
            _ => None,
        });
        found.unwrap()
    }

    pub fn notes(&self) -> Vec<String> {
        let note = |event: &RunEvent| match event {
            RunEvent::StepNoted { note, .. } => Some(note.to_string()),
            _ => None,
        };
        self.events.iter().filter_map(note).collect()
    }

    pub fn leftovers(&self) -> Vec<String> {
        let leftovers = |event: &RunEvent| match event {
            RunEvent::StageDestroyed { leftovers, .. } => leftovers.iter().map(Message::to_string).collect(),
            _ => vec![],
        };
        self.events.iter().flat_map(leftovers).collect()
    }

    /// Lines and bytes of the notices about logs of this run.
    pub fn log_notices(&self) -> Vec<(u64, u64)> {
        let log = |notice: &Notice| match notice {
            Notice::Log { run, lines, bytes, .. } if *run == self.run => Some((*lines, *bytes)),
            _ => None,
        };
        self.notices.iter().filter_map(log).collect()
    }
}

impl Memory {
    pub fn events(&self, run: &RunId) -> Vec<RunEvent> {
        self.events.lock().unwrap().get(run).into_iter().flatten().map(|(_, event)| event.clone()).collect()
    }

    pub fn log(&self, run: &RunId, key: StepKey) -> String {
        String::from_utf8(self.logs.bytes.lock().unwrap().get(&(run.clone(), key)).cloned().unwrap_or_default()).unwrap()
    }

    pub fn is_finished(&self, run: &RunId, key: StepKey) -> bool {
        self.logs.finished.lock().unwrap().contains(&(run.clone(), key))
    }
}

#[async_trait]
impl Journal for Memory {
    async fn append(&self, run: &RunId, events: &[RunEvent]) -> Result<(), PortError> {
        let call = {
            let mut appends = self.appends.lock().unwrap();
            *appends += 1;
            *appends - 1
        };
        tokio::task::yield_now().await;
        assert_ne!(self.setup.journal_panics_at, Some(call), "it was told to");
        if self.setup.journal_fails.contains(&call) {
            return Err(
                PortError::new(Message::verbatim("the disk is full")).hinted(Message::verbatim("free some disk space and run again"))
            );
        }
        let now = self.now_ms();
        self.events.lock().unwrap().entry(run.clone()).or_default().extend(events.iter().map(|event| (now, event.clone())));
        Ok(())
    }
}

struct MemoryLog {
    logs: Arc<Logs>,
    name: (RunId, StepKey),
    room: usize,
}

#[async_trait]
impl LogStore for Memory {
    async fn open(&self, run: &RunId, key: StepKey) -> Result<OpenLog, PortError> {
        assert!(!self.setup.opening_logs_panics, "it was told to");
        if self.setup.log_room == Some(0) {
            return Err(
                PortError::new(Message::verbatim("the disk is full")).hinted(Message::verbatim("free some disk space and run again"))
            );
        }
        let room = self.setup.log_room.unwrap_or(usize::MAX);
        let name = (run.clone(), key);
        let (length, position) = self.logs.marks.lock().unwrap().get(&name).copied().unwrap_or_default();
        let mut logs = self.logs.bytes.lock().unwrap();
        let log = logs.entry(name.clone()).or_default();
        log.truncate(length);
        let (lines, bytes) = (log.iter().filter(|byte| **byte == b'\n').count() as u64, length as u64);
        Ok(OpenLog { log: Box::new(MemoryLog { logs: Arc::clone(&self.logs), name, room }), position, lines, bytes })
    }
}

#[async_trait]
impl StepLog for MemoryLog {
    async fn append(&mut self, bytes: &[u8], upto: Option<Position>) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        let mut logs = self.logs.bytes.lock().unwrap();
        let log = logs.entry(self.name.clone()).or_default();
        if log.len() + bytes.len() > self.room {
            return Err(
                PortError::new(Message::verbatim("the disk is full")).hinted(Message::verbatim("free some disk space and run again"))
            );
        }
        log.extend_from_slice(bytes);
        if let Some(upto) = upto {
            self.logs.marks.lock().unwrap().insert(self.name.clone(), (log.len(), upto));
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), PortError> {
        self.logs.finished.lock().unwrap().insert(self.name.clone());
        Ok(())
    }
}

#[async_trait]
impl SecretSource for Memory {
    async fn secret(&self, _run: &RunId, name: &str) -> Result<Option<SecretValue>, PortError> {
        if self.setup.unreadable == Some(name) {
            return Err(PortError::new(Message::verbatim("the key is gone")));
        }
        Ok(self.setup.secrets.iter().find(|(known, _)| *known == name).map(|(_, value)| SecretValue::new(*value)))
    }
}

struct NoFiles;

#[async_trait]
impl Source for NoFiles {
    async fn open(&self) -> std::io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        Ok(Box::new(tokio::io::empty()))
    }
}

impl SourceProvider for Memory {
    fn source(&self, _run: &RunId, _plan: &Plan, _stage: &Stage) -> Arc<dyn Source> {
        Arc::new(NoFiles)
    }
}

impl Backends for Memory {
    fn backend(&self, _kind: BackendKind, _engine: Option<&EngineId>) -> Option<Arc<dyn Backend>> {
        (!self.setup.has_no_backend).then(|| self.backend.clone() as Arc<dyn Backend>)
    }
}

impl Clock for Memory {
    fn now_ms(&self) -> i64 {
        1_700_000_000_000 + self.born.elapsed().as_millis() as i64
    }
}
