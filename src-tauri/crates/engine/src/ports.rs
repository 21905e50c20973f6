//! What the engine needs from the outside: somewhere to write events down, somewhere to put logs, secrets, backends, the time.
//! The `api` crate implements these over the store, the vault and the real backends; tests over memory.

use async_trait::async_trait;
use lp_backend::{Backend, Position, SinkError, Source};
use lp_model::{BackendKind, EngineId, Message, Plan, RunEvent, RunId, Stage, StepKey};
use lp_secret::SecretValue;
use std::sync::Arc;

/// The store did not take it (disk full, file gone). The engine stops the run: nothing is shown that is not stored.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.message)]
pub struct PortError {
    /// What happened, without secrets.
    pub message: Message,
    /// What to do about it, or empty.
    pub hint: Message,
}

impl PortError {
    /// Without a hint.
    pub fn new(message: impl Into<Message>) -> Self {
        Self { message: message.into(), hint: Message::default() }
    }

    /// The same error with what to do about it.
    pub fn hinted(self, hint: impl Into<Message>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

impl From<PortError> for SinkError {
    fn from(error: PortError) -> Self {
        Self { message: error.message, hint: error.hint }
    }
}

/// Where events are written down, in order, before anything is done or shown.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends events of one run in one transaction. When it returns `Ok` they survive a crash of the app.
    /// Called by one task per run, never concurrently for the same run.
    async fn append(&self, run: &RunId, events: &[RunEvent]) -> Result<(), PortError>;
}

/// Where logs of steps go.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Opens the log of a step attempt for appending, creating it when it is not there. What a process that died had appended without
    /// a position is taken back, so that the log and the position tell the same.
    async fn open(&self, run: &RunId, key: StepKey) -> Result<OpenLog, PortError>;
}

/// A log that is open for appending.
pub struct OpenLog {
    /// The log.
    pub log: Box<dyn StepLog>,
    /// How much of the step's output is in it.
    pub position: Position,
    /// Complete lines that are in it.
    pub lines: u64,
    /// Bytes that are in it.
    pub bytes: u64,
}

/// One append-only log.
#[async_trait]
pub trait StepLog: Send {
    /// Appends bytes that are masked already. `upto` says how much of the step's output is in the log after them; `None` when some output is
    /// held back, because it may be the beginning of a secret.
    async fn append(&mut self, bytes: &[u8], upto: Option<Position>) -> Result<(), PortError>;

    /// Writes everything out; after it a reader sees the whole log.
    async fn finish(&mut self) -> Result<(), PortError>;
}

/// Where values of secrets come from.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The value, or `None` when there is no secret of that name for the run's project.
    async fn secret(&self, run: &RunId, name: &str) -> Result<Option<SecretValue>, PortError>;

    /// Values that the run may print under that name besides the one that [`SecretSource::secret`] gives: those that were replaced or removed
    /// since an earlier life or attempt of the run began, and those that the run does not get. They are masked and go nowhere. A source whose
    /// values never change has none.
    async fn masks(&self, _run: &RunId, _name: &str) -> Result<Vec<SecretValue>, PortError> {
        Ok(Vec::new())
    }
}

/// Where the files of the run's commit come from.
pub trait SourceProvider: Send + Sync {
    /// The files for a stage of a run.
    fn source(&self, run: &RunId, plan: &Plan, stage: &Stage) -> Arc<dyn Source>;
}

/// Finds the backend for a kind.
pub trait Backends: Send + Sync {
    /// The backend that reaches an engine, else the one in use: it answers for itself when the engine is another one. `None` when this computer
    /// has none of the kind.
    fn backend(&self, kind: BackendKind, engine: Option<&EngineId>) -> Option<Arc<dyn Backend>>;
}

/// The time of day, passed in so that tests own it.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970 UTC.
    fn now_ms(&self) -> i64;
}

/// Everything the engine needs from the outside, in one bundle.
#[derive(Clone)]
pub struct Ports {
    /// Events.
    pub journal: Arc<dyn Journal>,
    /// Logs.
    pub logs: Arc<dyn LogStore>,
    /// Secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// Files of the commit.
    pub sources: Arc<dyn SourceProvider>,
    /// Places to run in.
    pub backends: Arc<dyn Backends>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}
