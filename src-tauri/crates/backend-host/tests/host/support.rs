//! A stage in a temporary folder, a sink that collects, and ways to wait for something without sleeping.

use async_trait::async_trait;
use lp_backend::{Backend, BackendError, Cancel, CancelHandle, EnvText, SinkError, Source, StageContext, StepContext, StepExit, StepSink};
use lp_backend_host::HostBackend;
use lp_model::{BackendKind, RunId, RunOn, Stage, StageNumber, Step, StepKey, StepKind, StepNumber, Workspace};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncRead;
use tokio::sync::{Notify, Semaphore};

/// Longer than any test takes: who waits for it has lost.
pub const LONG: Duration = Duration::from_secs(3600);

/// A backend in a temporary folder with one prepared stage.
pub struct Bench {
    pub backend: HostBackend,
    pub stage: StageContext,
    pub root: PathBuf,
    _temp: TempDir,
}

impl Bench {
    pub async fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap().join("host");
        let bench = Self { backend: HostBackend::new(root.clone()), stage: stage("run-1", None), root, _temp: temp };
        bench.backend.prepare(&bench.stage, &never().1).await.unwrap();
        bench
    }

    /// Path in the stage's working copy.
    pub fn work(&self, path: &str) -> PathBuf {
        self.root.join(self.stage.name()).join("work").join(path)
    }

    /// Runs a script to its end.
    pub async fn run(&self, script: &str) -> (Result<StepExit, BackendError>, String) {
        self.run_step(&step(1, script)).await
    }

    /// Runs a step to its end.
    pub async fn run_step(&self, step: &StepContext) -> (Result<StepExit, BackendError>, String) {
        let sink = Collected::default();
        let exit = self.backend.run_step(&self.stage, step, &sink, &never().1).await;
        (exit, sink.text())
    }

    /// Starts a step in a task of its own.
    pub fn start(&self, step: StepContext, grace: Duration) -> Running {
        self.start_with(step, grace, Arc::new(Collected::default()))
    }

    pub fn start_with(&self, step: StepContext, grace: Duration, sink: Arc<Collected>) -> Running {
        start_on(&self.backend, &self.stage, step, grace, sink)
    }
}

/// Starts a step of any stage in a task of its own.
pub fn start_on(backend: &HostBackend, stage: &StageContext, step: StepContext, grace: Duration, sink: Arc<Collected>) -> Running {
    let (handle, cancel) = CancelHandle::new(grace);
    let (backend, stage, to) = (backend.clone(), stage.clone(), sink.clone());
    let task = tokio::spawn(async move { backend.run_step(&stage, &step, &*to, &cancel).await });
    Running { task, sink, cancel: handle }
}

/// A step that runs.
pub struct Running {
    pub task: tokio::task::JoinHandle<Result<StepExit, BackendError>>,
    pub sink: Arc<Collected>,
    pub cancel: CancelHandle,
}

impl Running {
    /// Waits for `WORD NUMBER` on a line of the output and gives the number.
    pub async fn number(&self, word: &str) -> Pid {
        loop {
            let changed = self.sink.changed.notified();
            let text = self.sink.text();
            let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some(found) = complete.lines().find_map(|line| line.strip_prefix(word)?.trim().parse().ok()) {
                return Pid::from_raw(found).unwrap();
            }
            changed.await;
        }
    }

    pub async fn end(self) -> (Result<StepExit, BackendError>, String) {
        (self.task.await.unwrap(), self.sink.text())
    }
}

/// Keeps the output; may be made to wait or to fail.
#[derive(Default)]
pub struct Collected {
    pub output: Mutex<Vec<u8>>,
    pub notes: Mutex<Vec<String>>,
    pub starts: Mutex<u32>,
    pub changed: Notify,
    /// One permit per write, when it is there.
    pub permits: Option<Semaphore>,
    pub fails: bool,
}

impl Collected {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.output.lock().unwrap().clone()
    }
}

#[async_trait]
impl StepSink for Collected {
    async fn started(&self) {
        *self.starts.lock().unwrap() += 1;
    }

    async fn note(&self, note: String) {
        self.notes.lock().unwrap().push(note);
    }

    async fn write(&self, bytes: &[u8]) -> Result<(), SinkError> {
        if self.fails {
            return Err(SinkError { message: "disk full".into() });
        }
        self.output.lock().unwrap().extend_from_slice(bytes);
        self.changed.notify_waiters();
        if let Some(permits) = &self.permits {
            permits.acquire().await.unwrap().forget();
        }
        Ok(())
    }
}

/// A tar archive as a source.
pub struct Archive(pub Vec<u8>);

#[async_trait]
impl Source for Archive {
    async fn open(&self) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        Ok(Box::new(io::Cursor::new(self.0.clone())))
    }
}

/// A cancel that never comes.
pub fn never() -> (CancelHandle, Cancel) {
    CancelHandle::new(LONG)
}

pub fn run_id(id: &str) -> RunId {
    RunId::parse(id).unwrap()
}

pub fn stage(run: &str, source: Option<Vec<u8>>) -> StageContext {
    let stage = Stage {
        number: StageNumber(1),
        name: "default".into(),
        backend: BackendKind::Host,
        needs: vec![],
        run_on: RunOn::default(),
        workspace: Workspace { base: "/drone/src".into(), path: String::new() },
        source: source.is_some(),
        concurrency: None,
        file: String::new(),
        matrix: BTreeMap::new(),
        volumes: vec![],
        steps: vec![],
    };
    let source = source.map(|bytes| Arc::new(Archive(bytes)) as Arc<dyn Source>);
    StageContext { run: run_id(run), stage: Arc::new(stage), source }
}

/// A step that gives a script to the shell.
pub fn step(number: u32, script: &str) -> StepContext {
    step_of(number, |step| {
        step.entrypoint = Some(vec!["/bin/sh".into(), "-c".into()]);
        step.command = Some(vec![script.into()]);
    })
}

/// Any step of kind commands.
pub fn step_of(number: u32, change: impl FnOnce(&mut Step)) -> StepContext {
    let mut step = Step::new(number, "build", StepKind::Commands);
    change(&mut step);
    StepContext { key: StepKey::first(StageNumber(1), StepNumber(number)), step: Arc::new(step), env: vec![] }
}

pub fn plain(name: &str, value: &str) -> (String, EnvText) {
    (name.into(), EnvText::Plain(value.into()))
}

/// Whether a process has ended: it is gone, or nobody has reaped it yet.
pub fn has_ended(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.map_or(true, |stat| stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X'])))
}

/// Waits until a child of this process has ended, and leaves it to be reaped by who started it.
pub async fn ended(pid: Pid) {
    let wait = move || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    // An error means that it is reaped already.
    let _ = tokio::task::spawn_blocking(wait).await.unwrap();
}
