//! The contract between the engine and a place that can run the steps of one stage: the [`Backend`] trait and the types
//! that cross it. Containers, processes and the test double implement it elsewhere.
//!
//! It knows nothing about pipeline files, scheduling, the store or a user interface.
//!
//! Read in this order: [`Backend`], [`StageContext`], [`StepContext`], [`StepSink`], [`StepExit`], [`BackendError`], [`Cancel`].

mod cancel;
mod context;
mod error;
#[cfg(feature = "fake")]
pub mod fake;

pub use cancel::{Cancel, CancelHandle, CancelStage};
pub use context::{EngineInfo, EnvText, Source, StageContext, StepContext, SweepReport};
pub use error::{BackendError, SinkError};

use async_trait::async_trait;
use lp_model::{BackendKind, RunId};

/// A place that can run the steps of one stage.
///
/// # Call order
/// The engine calls [`prepare`](Backend::prepare) once per stage, then [`run_step`](Backend::run_step) for its steps (several at a time),
/// then [`destroy`](Backend::destroy), always: also after a failed or cancelled `prepare`. It never calls `run_step` before `prepare` has
/// returned `Ok` or after `destroy`.
///
/// # Names
/// Everything that a backend makes is named after run, stage, step and attempt ([`StageContext::name`], [`StageContext::step_name`]) and,
/// where the engine has labels, labelled with the run's id. Every method is idempotent by name: what is there already is used, what is
/// gone already counts as removed. `run_step` on a step whose container exists attaches to it.
///
/// # Concurrency and cancelling
/// All methods may be called from several tasks at once, for different stages and for different steps of one stage. Dropping a returned
/// future must not lose track of what was made: a following `destroy` still finds it by name.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Which kind of place this is.
    fn kind(&self) -> BackendKind;

    /// Asks whether the place answers. [`BackendError::Unreachable`] when it does not.
    async fn probe(&self) -> Result<EngineInfo, BackendError>;

    /// Makes the place for a stage: network, volumes, and the working copy filled from `stage.source`.
    /// `cancel` ends it early with [`BackendError::Cancelled`].
    async fn prepare(&self, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError>;

    /// Runs one step and returns when its program has ended *and* its last byte of output was accepted by `sink`.
    ///
    /// It calls `sink.started()` once its program runs, `sink.note()` for what a person should know (a pull), and
    /// `sink.write()` for output in the order in which the program wrote it.
    ///
    /// On [`CancelStage::Ask`] it asks the program to end (TERM) and waits at most the grace time, then kills; on [`CancelStage::Kill`] it
    /// kills at once. It then still returns `Ok` with how the program ended ([`StepExit::Killed`] when the backend ended it).
    async fn run_step(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError>;

    /// Removes everything of the stage. Returns what could not be removed, in words, instead of failing at the first.
    async fn destroy(&self, stage: &StageContext) -> Result<Vec<String>, BackendError>;

    /// Removes leftovers of runs that are not in `live`, found by label or by place. Touches nothing that is not ours.
    async fn sweep(&self, live: &[RunId]) -> Result<SweepReport, BackendError>;
}

/// Where a step's output and news go. One per step; the engine implements it.
#[async_trait]
pub trait StepSink: Send + Sync {
    /// The program runs now. Called at most once.
    async fn started(&self);

    /// One sentence for a person: what is being fetched or waited for. Not output.
    async fn note(&self, note: String);

    /// Output as the program wrote it, in chunks of any size, standard output and standard error interleaved in the order of arrival.
    /// Waits when the writer is slower than the program. On an error the backend kills the step and returns [`BackendError::Sink`].
    async fn write(&self, bytes: &[u8]) -> Result<(), SinkError>;
}

/// How a program ended. Not finding out is a [`BackendError`] instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepExit {
    /// By itself, with an exit code (`128 + n` where the engine only knows that signal `n` ended it).
    Code(i32),
    /// By a signal that we did not send.
    Signal(i32),
    /// By the memory limit.
    OutOfMemory,
    /// Because `cancel` asked for it.
    Killed,
}
