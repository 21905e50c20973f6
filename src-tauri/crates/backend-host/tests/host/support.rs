//! A stage in a temporary folder, a sink that collects, and ways to wait for something without sleeping.

use async_trait::async_trait;
use lp_backend::{
    Backend, BackendError, Before, Cancel, CancelHandle, EnvText, Files, NoNotes, Notes, Position, SinkError, Source, StageContext,
    StepContext, StepExit, StepSink,
};
use lp_backend_host::HostBackend;
use lp_model::Message;
use lp_model::{BackendKind, RunId, RunOn, Stage, StageNumber, Step, StepKey, StepKind, StepNumber, Workspace};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
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
        bench.backend.prepare(&bench.stage, &NoNotes, &never().1).await.unwrap();
        bench
    }

    /// Path in the stage's working copy.
    pub fn work(&self, path: &str) -> PathBuf {
        self.root.join(self.stage.name()).join("work").join(path)
    }

    /// A file of the records of the first attempt of step 1.
    pub fn record(&self, name: &str) -> PathBuf {
        let step = format!("steps/{}-1-1.1", self.stage.name());
        self.root.join(self.stage.name()).join(step).join(name)
    }

    /// Opens the gate at which a script waits: it reads a line from that pipe in the working copy.
    pub async fn open(&self, gate: &str) {
        let gate = self.work(gate);
        tokio::task::spawn_blocking(move || fs::write(gate, "\n")).await.unwrap().unwrap();
    }

    /// Runs a script to its end.
    pub async fn run(&self, script: &str) -> (Result<StepExit, BackendError>, String) {
        self.run_step(&step(1, script)).await
    }

    /// Runs a step to its end, as the first attempt that was not made yet: what ran once is taken over and not run again.
    pub async fn run_step(&self, step: &StepContext) -> (Result<StepExit, BackendError>, String) {
        let mut step = step.clone();
        let records = |step: &StepContext| format!("{}/steps/{}.1", self.stage.name(), self.stage.step_name(step.key));
        while self.root.join(records(&step)).exists() {
            step.key.attempt += 1;
        }
        self.run_attempt(&step).await
    }

    /// Runs this very attempt to its end.
    pub async fn run_attempt(&self, step: &StepContext) -> (Result<StepExit, BackendError>, String) {
        let sink = Collected::default();
        let exit = self.backend.run_step(&self.stage, step, &sink, &never().1).await;
        (exit, sink.text())
    }

    /// Prepares the stage as one on whose files steps have worked.
    pub async fn prepare_kept(&self) {
        let stage = StageContext { files: Files::Kept, ..self.stage.clone() };
        self.backend.prepare(&stage, &NoNotes, &never().1).await.unwrap();
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

    /// The process that listens dies: nobody follows the step any more.
    pub async fn abandon(self) -> Vec<u8> {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.sink.bytes()
    }

    pub async fn end(self) -> (Result<StepExit, BackendError>, String) {
        (self.task.await.unwrap(), self.sink.text())
    }
}

/// Keeps the output; may be made to wait or to fail.
#[derive(Default)]
pub struct Collected {
    pub output: Mutex<Vec<u8>>,
    pub notes: Mutex<Vec<Message>>,
    pub creations: Mutex<u32>,
    pub starts: Mutex<u32>,
    pub changed: Notify,
    /// One permit per write, when it is there.
    pub permits: Option<Semaphore>,
    pub fails: bool,
    /// What a sink before this one has taken.
    pub from: u64,
    /// It never answers that the step is written down as created.
    pub is_dead: bool,
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
    async fn created(&self) -> Result<(), SinkError> {
        *self.creations.lock().unwrap() += 1;
        self.changed.notify_waiters();
        if self.is_dead {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn started(&self) {
        *self.starts.lock().unwrap() += 1;
    }

    fn position(&self) -> Position {
        Position { stdout: self.from, stderr: 0 }
    }

    async fn write(&self, bytes: &[u8], upto: Position) -> Result<(), SinkError> {
        if self.fails {
            return Err(SinkError { message: Message::verbatim("disk full"), hint: Message::default() });
        }
        {
            let mut output = self.output.lock().unwrap();
            output.extend_from_slice(bytes);
            assert_eq!(upto, Position { stdout: self.from + output.len() as u64, stderr: 0 });
        }
        self.changed.notify_waiters();
        if let Some(permits) = &self.permits {
            permits.acquire().await.unwrap().forget();
        }
        Ok(())
    }

    async fn gap(&self, _upto: Option<Position>) -> Result<(), SinkError> {
        Ok(())
    }
}

#[async_trait]
impl Notes for Collected {
    async fn note(&self, note: Message) {
        self.notes.lock().unwrap().push(note);
    }

    fn progress(&self, _sentence: Message) {}
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
        checkout: None,
        concurrency: None,
        file: String::new(),
        matrix: BTreeMap::new(),
        volumes: vec![],
        steps: vec![],
    };
    let source = source.map(|bytes| Arc::new(Archive(bytes)) as Arc<dyn Source>);
    StageContext { run: run_id(run), stage: Arc::new(stage), source, engine: None, files: Files::Fresh }
}

/// A step that gives a script to the shell.
pub fn step(number: u32, script: &str) -> StepContext {
    step_of(number, |step| {
        step.entrypoint = Some(vec!["/bin/sh".into(), "-c".into()]);
        step.command = Some(vec![script.into()]);
    })
}

/// The same step for a process that takes it over.
pub fn taken_over(step: &StepContext) -> StepContext {
    StepContext { before: Before::Created, ..step.clone() }
}

/// Any step of kind commands.
pub fn step_of(number: u32, change: impl FnOnce(&mut Step)) -> StepContext {
    let mut step = Step::new(number, "build", StepKind::Commands);
    change(&mut step);
    StepContext { key: StepKey::first(StageNumber(1), StepNumber(number)), step: Arc::new(step), env: vec![], before: Before::Nothing }
}

pub fn plain(name: &str, value: &str) -> (String, EnvText) {
    (name.into(), EnvText::Plain(value.into()))
}

/// Whether a process has ended: it is gone, or nobody has reaped it yet.
pub fn has_ended(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.map_or(true, |stat| stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X'])))
}

/// Waits until a process has ended, whoever has started it.
pub async fn ended(pid: Pid) {
    // An error means that it is gone already.
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let wait = move || poll(&mut [PollFd::new(&handle, PollFlags::IN)], None);
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}
