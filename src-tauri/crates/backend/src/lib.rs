//! The contract between the engine and a place that can run the steps of one stage: the [`Backend`] trait and the types
//! that cross it. Containers, processes and the test double implement it elsewhere.
//!
//! It knows nothing about pipeline files, scheduling, the store or a user interface.
//!
//! Read in this order: [`Backend`], [`StageContext`], [`Files`], [`StepContext`], [`Notes`], [`StepSink`], [`StepExit`], [`BackendError`],
//! [`Cancel`].

mod cancel;
mod context;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
pub mod program_limits;

pub use cancel::{Cancel, CancelHandle, CancelStage};
pub use context::{
    Before, Claims, EngineInfo, EnvText, Files, Keep, KeptFiles, KeptStage, Position, Source, StageContext, StepContext, SweepReport,
};
pub use error::{BackendError, SinkError};

use async_trait::async_trait;
use lp_model::Message;
use lp_model::{BackendKind, EngineId};

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
/// a stage that is not destroyed ([`StageContext::files`] says whether the files of its steps have to be there), and `run_step` again, with [`StepContext::before`] saying whether the program may run already, for a step whose end was not written down. So
/// what a step ran in stays until `destroy`, and dropping the future of `run_step` leaves the program running. A destroyed stage whose
/// files were kept can be prepared again, once `destroy` has left nothing but them: while `destroy` names leftovers it is called again and
/// again, and `prepare` is not.
///
/// # Engines
/// A backend may know several engines of its kind and have one of them *in use* ([`Backend::engine`]). A stage stays where it was begun: its
/// calls carry [`StageContext::engine`], and a backend that reaches only another engine answers [`BackendError::Unreachable`]. It never takes
/// what is missing there for lost, gone or removed.
///
/// # Time
/// A backend holds no limit of its own for work that the engine waits for (a fetch, an upload, the end of a killed program, a removal): it
/// tells [`Notes::progress`] as the work goes on, and whoever calls gives up when that has been silent for too long. Limits for a single
/// answer of an engine (is it there at all?) are the backend's own.
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

    /// Asks now whether an engine answers: that one, or without one the best of those that the backend knows, which is then the one in use.
    /// [`BackendError::Unreachable`] when it does not, or when another one answers in its stead.
    async fn probe(&self, engine: Option<&EngineId>) -> Result<EngineInfo, BackendError>;

    /// The engine in use, that a stage which begins now would be on. Asks only when none is known yet.
    async fn engine(&self) -> Result<EngineInfo, BackendError> {
        self.probe(None).await
    }

    /// Makes the place for a stage: network, volumes, and the working copy, as [`StageContext::files`] says. Tells `notes` how it goes, at the
    /// least each time that some more of the files has been copied. `cancel` ends it early with [`BackendError::Cancelled`].
    async fn prepare(&self, stage: &StageContext, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError>;

    /// Fetches what the steps of the stage will need, all at the same time, until `cancel` is asked. What fails here is not told: the step that
    /// needs it meets it again.
    async fn fetch(&self, _stage: &StageContext, _cancel: &Cancel) {}

    /// Makes what one step will run in, without starting it, while others still run. `step.env` is what it would be started with as things
    /// stand now; if it is another one when it starts, `run_step` makes it anew. What fails here is not told.
    async fn make_ahead(&self, _stage: &StageContext, _step: &StepContext, _cancel: &Cancel) {}

    /// Runs one step and returns when its program has ended *and* its last byte of output was accepted by `sink`.
    ///
    /// It calls `sink.created()` after everything is made and before the program is started (where making is starting: before making),
    /// `sink.started()` once its program runs, `sink.progress()` while something is fetched or waited for, `sink.note()` for what a person
    /// should know also later, and `sink.write()` for output in the order in which the program wrote it, beginning after `sink.position()`,
    /// which is not 0 only for a step that was taken over ([`Before::Created`]). Output that cannot be had any more is told by `sink.gap()`.
    ///
    /// A container that was made ahead or by a process that died and is not there any more, though its program never ran, is made anew.
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

    /// Removes everything of the stage, of all attempts of its steps, but for the files if they are to be kept. Returns what could not be removed,
    /// in words, instead of failing at the first; it is called again then. An empty answer says that the engine was looked at and has nothing
    /// any more.
    async fn destroy(&self, stage: &StageContext, keep: Keep) -> Result<Vec<Message>, BackendError>;

    /// Removes leftovers of runs that nobody claims, found by label or by place. Touches nothing that is not ours.
    async fn sweep(&self, claims: &Claims) -> Result<SweepReport, BackendError>;

    /// Files that were kept on the engine in use.
    async fn kept(&self) -> Result<KeptFiles, BackendError>;
}

/// Where news for people go. The engine implements it.
#[async_trait]
pub trait Notes: Send + Sync {
    /// One sentence for a person that stays with the run: something happened that explains the result. Not output, and not how far something
    /// is. It is stored.
    async fn note(&self, note: Message);

    /// How far a piece of work is (`fetching alpine: 12 of 40 MB`): shown to whoever looks just now, and never stored. Also the sign that the
    /// work goes on: each call, with the same words too, puts off the time at which it is given up. May be called as often as there is news.
    fn progress(&self, sentence: Message);
}

/// Where a step's output and news go. One per step; the engine implements it.
#[async_trait]
pub trait StepSink: Notes {
    /// Everything is made; the program will be started now. Returns once that is written down: on an error it must not be started, and
    /// the backend returns [`BackendError::Sink`]. Not called for a step that was taken over.
    async fn created(&self) -> Result<(), SinkError>;

    /// The program runs now. Called at most once.
    async fn started(&self);

    /// Where the output goes on: what a process before this one has taken. The same at every call.
    fn position(&self) -> Position;

    /// Output as the program wrote it, in chunks of any size, standard output and standard error interleaved in the order of arrival.
    /// `upto` is the position after these bytes. Waits when the writer is slower than the program. On an error the backend kills the step
    /// and returns [`BackendError::Sink`].
    async fn write(&self, bytes: &[u8], upto: Position) -> Result<(), SinkError>;

    /// Some output after what was written last cannot be had any more (a log that was rotated or removed meanwhile). The log says so in a line.
    /// `upto` is the position at which `write` goes on, where the place can tell; else the position stays.
    async fn gap(&self, upto: Option<Position>) -> Result<(), SinkError>;
}

/// Hears nothing: for work that nobody looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNotes;

#[async_trait]
impl Notes for NoNotes {
    async fn note(&self, _note: Message) {}

    fn progress(&self, _sentence: Message) {}
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
