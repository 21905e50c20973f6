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
pub mod program_limits;

pub use cancel::{Cancel, CancelHandle, CancelStage};
pub use context::{Before, Claims, EngineInfo, EnvText, Keep, KeptFiles, Position, Source, StageContext, StepContext, SweepReport};
pub use error::{BackendError, SinkError};

use async_trait::async_trait;
use lp_model::BackendKind;

/// A place that can run the steps of one stage.
///
/// # Call order
/// The engine calls [`prepare`](Backend::prepare) once per stage, then [`run_step`](Backend::run_step) for its steps (several at a time),
/// then [`destroy`](Backend::destroy), always: also after a failed or cancelled `prepare`. It never calls `run_step` before `prepare` has
/// returned `Ok` or after `destroy`. Beside them, between `prepare` and `destroy`, it may call [`fetch`](Backend::fetch) and
/// [`make_ahead`](Backend::make_ahead), whose work is never more than a head start.
///
/// # Lives
/// The process that calls may die at any moment and another one goes on, from what the first has written down: it calls `prepare` again for
/// a stage that is not destroyed (which finds what is there and mends what is missing, but never touches files that steps have changed), and
/// `run_step` again, with [`StepContext::before`] saying whether the program may run already, for a step whose end was not written down. So
/// what a step ran in stays until `destroy`, and dropping the future of `run_step` leaves the program running. A destroyed stage whose
/// files were kept can be prepared again.
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

    /// Makes the place for a stage: network, volumes, and the working copy filled from `stage.source`, unless its files are there.
    /// `cancel` ends it early with [`BackendError::Cancelled`].
    async fn prepare(&self, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError>;

    /// Fetches what the steps of the stage will need, all at the same time, until `cancel` is asked. What fails here is not told: the step that
    /// needs it meets it again.
    async fn fetch(&self, _stage: &StageContext, _cancel: &Cancel) {}

    /// Makes what one step will run in, without starting it, while others still run. `step.env` is what it would be started with as things
    /// stand now; if it is another one when it starts, `run_step` makes it anew. What fails here is not told.
    async fn make_ahead(&self, _stage: &StageContext, _step: &StepContext, _cancel: &Cancel) {}

    /// Runs one step and returns when its program has ended *and* its last byte of output was accepted by `sink`.
    ///
    /// It calls `sink.created()` after everything is made and before the program is started, `sink.started()` once its program runs,
    /// `sink.note()` for what a person should know (a pull), and `sink.write()` for output in the order in which the program wrote it,
    /// beginning after `sink.position()`, which is not 0 only for a step that was taken over ([`Before::Created`]).
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

    /// Removes everything of the stage, but for the files if they are to be kept. Returns what could not be removed, in words, instead of
    /// failing at the first.
    async fn destroy(&self, stage: &StageContext, keep: Keep) -> Result<Vec<String>, BackendError>;

    /// Removes leftovers of runs that nobody claims, found by label or by place. Touches nothing that is not ours.
    async fn sweep(&self, claims: &Claims) -> Result<SweepReport, BackendError>;

    /// Files that were kept, of all runs, also those that nobody claims.
    async fn kept(&self) -> Result<Vec<KeptFiles>, BackendError> {
        Ok(Vec::new())
    }
}

/// Where a step's output and news go. One per step; the engine implements it.
#[async_trait]
pub trait StepSink: Send + Sync {
    /// Everything is made; the program will be started now. Returns once that is written down: on an error it must not be started, and
    /// the backend returns [`BackendError::Sink`]. Not called for a step that was taken over.
    async fn created(&self) -> Result<(), SinkError>;

    /// The program runs now. Called at most once.
    async fn started(&self);

    /// Where the output goes on: what a process before this one has taken. The same at every call.
    fn position(&self) -> Position;

    /// One sentence for a person: what is being fetched or waited for. Not output.
    async fn note(&self, note: String);

    /// Output as the program wrote it, in chunks of any size, standard output and standard error interleaved in the order of arrival.
    /// `upto` is the position after these bytes. Waits when the writer is slower than the program. On an error the backend kills the step
    /// and returns [`BackendError::Sink`].
    async fn write(&self, bytes: &[u8], upto: Position) -> Result<(), SinkError>;
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
