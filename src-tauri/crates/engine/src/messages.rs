//! All messages of the engine: who sends which to whom. Every task of the engine is in this picture, and so is every channel.
//!
//! ```text
//!            Engine, RunHandle                              whoever subscribed (window, command line)
//!             |            ^                                         ^
//!        Post |            | RunEnd                                  | Notice
//!    (inbox)  |            | (watch)                                 | (broadcast)
//!             v            |                                         |
//!   .--------------------------------.    events, first of all    Journal
//!   |  driver of one run     (run/)   | ------------------------> (then told as Notice::Event)
//!   |                                |
//!   |    Fact  .-----------. Moves   |    Ticket (oneshot)     .--------------------------.
//!   |  ------> | Scheduler | ------> | <---------------------- | Gate: runs, stages of a  |
//!   |          '-----------'         |                         | group and steps that may |
//!   '--------------------------------'                         | only go on so many at a  |
//!      |                      ^
//!      | Action               | Post: Fact, Created, Placed
//!      | (spawns a Job,       | (inbox; Created and Placed
//!      |  or tells one to     |  wait for their answer, a oneshot)
//!      |  end: CancelHandle)  |
//!      v                      |
//!   .--------------------------------.    Ticket (oneshot)     | time                     |
//!   |  jobs of a run        (job/)   | <---------------------- '--------------------------'
//!   |  place made, step, removal     |
//!   '--------------------------------'       pieces (bounded)    .-------------------------.
//!      |                      ^      .-------------------------> | writer of a step's log  | --> StepLog (the file),
//!      | calls                | StepSink, Notes                  |              (sink.rs)  |     Notice::Log
//!      v                      |      '--> Notice::Progress       '-------------------------'
//!   .--------------------------------.
//!   |  Backend                       | <--- asides (aside.rs): fetch and make ahead; they answer nobody
//!   '--------------------------------'
//! ```
//!
//! - [`Post`] is all that a driver hears from the handles of the run and from its jobs, one at a time. Its deadlines are its own: when one is
//!   over, it takes the fact without a post.
//! - [`Fact`] is what the driver gives to the scheduler, [`Moves`] what the scheduler answers: events, and an [`Action`] for each thing to be done.
//! - The owner writes the events of the moves to the journal, and carries the actions out only after that.
//! - Each [`Action`] starts a [`Job`] or speaks to one that is under way. A job ends with the fact that it owes, sent to the same inbox as the
//!   facts before it, so that the end of a step never overtakes its start.
//! - [`Notice`] is what others hear: from the driver once an event is stored, from logs and progress whenever there is something to see. The
//!   sender does not wait for those who listen.
//! - [`RunEnd`] stands in a watch for whoever waits for the end of a run.
//!
//! What is *not* here: [`RunEvent`] belongs to the model, because it is stored; words of one module alone stay in it.

use crate::scheduler::{Evidence, Exit};
use lp_backend::{Before, Keep, SinkError};
use lp_model::{CancelReason, EngineId, Message, RunEvent, RunId, RunState, StageNumber, StepKey};
use tokio::sync::oneshot;

/// What comes into the inbox of a run.
#[derive(Debug)]
pub(crate) enum Post {
    /// From jobs, from [`crate::RunHandle::cancel`], and from the driver itself (what a job that cannot begin would have said).
    Fact(Fact),
    /// From the log of a step ([`lp_backend::StepSink::created`]): a program is about to be started; it waits for the answer, which comes when
    /// that is stored.
    Created {
        /// Which step.
        key: StepKey,
        /// Whether the program may be started.
        answer: oneshot::Sender<Result<(), SinkError>>,
    },
    /// From the job that makes the place of a stage: it is about to be made on an engine; the job waits for the answer, which comes when that
    /// is stored.
    Placed {
        /// Which stage.
        stage: StageNumber,
        /// The engine.
        engine: EngineId,
        /// What a person calls it.
        name: Message,
        /// Whether the place may be made.
        answer: oneshot::Sender<Result<(), SinkError>>,
    },
    /// From [`crate::RunHandle::remove_remains`]: what could not be removed is to be tried again now. The answer is what is left then; none
    /// comes when nothing is.
    RemoveNow(oneshot::Sender<Vec<Message>>),
    /// From [`crate::Engine::shutdown`]: the process is about to end; what cannot be removed is left to the next one.
    LeaveRemains,
    /// From [`crate::Engine::suspend`]: the process is about to end; everything is to be left as it is.
    Suspend,
}

/// Something that happened outside of the scheduler: the driver of the run tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It is the run's turn.
    Begun,
    /// The place of a stage is ready.
    StagePrepared {
        /// Which.
        stage: StageNumber,
    },
    /// A stage is about to be made on that engine; it waits until this is stored.
    StagePlaced {
        /// Which.
        stage: StageNumber,
        /// The engine.
        engine: EngineId,
        /// What a person calls it.
        name: Message,
    },
    /// As [`Fact::PrepareFailed`], because the files that steps have worked on are not there any more.
    FilesGone {
        /// Which.
        stage: StageNumber,
        /// What happened.
        message: Message,
        /// What to do about it, or empty.
        hint: Message,
    },
    /// The place of a stage could not be made, or its making was stopped.
    PrepareFailed {
        /// Which.
        stage: StageNumber,
        /// What happened.
        message: Message,
        /// What to do about it, or empty.
        hint: Message,
    },
    /// A stage waits for something, or there is something else to say about it before its steps run.
    StageNoted {
        /// Which.
        stage: StageNumber,
        /// One sentence.
        note: Message,
    },
    /// All that a step runs in is made; its program will be started once this is stored.
    StepCreated {
        /// Which.
        key: StepKey,
    },
    /// The program of a step runs.
    StepStarted {
        /// Which.
        key: StepKey,
    },
    /// There is something to say about a step.
    StepNoted {
        /// Which.
        key: StepKey,
        /// One sentence.
        note: Message,
    },
    /// A step has ended; what that is called, [`crate::scheduler`] decides.
    StepEnded {
        /// Which.
        key: StepKey,
        /// What became of its program.
        exit: Exit,
        /// What its job has seen beside.
        evidence: Evidence,
    },
    /// The time limit of a step is over.
    StepOverdue {
        /// Which.
        key: StepKey,
    },
    /// Someone wants the run to stop, or its time limit is over.
    CancelAsked {
        /// Why.
        reason: CancelReason,
    },
    /// The time for the clean-up after a cancel is over.
    CleanupOverdue,
    /// What could not be removed of a stage is to be tried again.
    RemovalDue {
        /// Which.
        stage: StageNumber,
    },
    /// What there was of a stage is removed, or was tried to be.
    StageDestroyed {
        /// Which.
        stage: StageNumber,
        /// What could not be removed, in words.
        leftovers: Vec<Message>,
        /// Its files were to stay.
        kept: bool,
    },
}

/// The answer to a fact: events to write down first, then actions to carry out, both in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// To be stored as one.
    pub events: Vec<RunEvent>,
    /// To be done once the events are stored.
    pub actions: Vec<Action>,
}

/// Something to do: the scheduler asks the driver of the run for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make the place of a stage: leads to [`Fact::StagePrepared`] or [`Fact::PrepareFailed`].
    Prepare(StageNumber),
    /// Stop making it.
    StopPrepare {
        /// Which.
        stage: StageNumber,
        /// At once.
        kill: bool,
    },
    /// Start a step, or go on with one whose program may run already: leads to [`Fact::StepEnded`].
    StartStep {
        /// Which.
        key: StepKey,
        /// What was done for it.
        before: Before,
    },
    /// Make what a step will run in, without starting it. Leads to nothing.
    MakeAhead(StepKey),
    /// Tell a step to end. May come again, more urgent.
    StopStep {
        /// Which.
        key: StepKey,
        /// At once, without a grace time.
        kill: bool,
    },
    /// Remove what there is of a stage: leads to [`Fact::StageDestroyed`].
    Destroy {
        /// Which.
        stage: StageNumber,
        /// What is to stay.
        keep: Keep,
    },
}

/// What a job of a run does, and so which fact it owes: if the job panics, the driver of the run says that fact in its stead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Owes [`Fact::StagePrepared`], [`Fact::PrepareFailed`] or [`Fact::FilesGone`].
    Prepare(StageNumber),
    /// Owes [`Fact::StepEnded`].
    Step(StepKey),
    /// Owes [`Fact::StageDestroyed`].
    Destroy(StageNumber, Keep),
}

/// News about a run, sent after it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The journal took an event.
    Event {
        /// Of which run.
        run: RunId,
        /// Position of the event in the run, from 1, without gaps.
        seq: u64,
        /// The event.
        event: RunEvent,
    },
    /// How far something is that a step, or a stage before its steps, waits for. Never stored; at most one a second of each.
    Progress {
        /// Of which run.
        run: RunId,
        /// Of which stage.
        stage: StageNumber,
        /// Of which step; `None`: of the making of the stage's place.
        step: Option<StepKey>,
        /// One sentence for a person, secrets masked.
        sentence: Message,
    },
    /// The log of a step has grown. At most 30 a second per step, and one when it is complete.
    Log {
        /// Of which run.
        run: RunId,
        /// Of which step.
        key: StepKey,
        /// Complete lines that the log has now.
        lines: u64,
        /// Bytes that it has now.
        bytes: u64,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Its final state. Queued or running when the engine was suspended before its end.
    pub state: RunState,
    /// What went wrong with the engine itself (events could not be stored), or empty. What went wrong with a stage or step stands in
    /// the events.
    pub message: Message,
}
