//! What happens in a run, as it is stored.

use super::{CancelReason, RunState, SkipReason, StageState, StepOutcome};
use crate::Message;
use crate::ids::{EngineId, StageNumber, StepKey};
use serde::{Deserialize, Serialize};

/// A fact of a run, stored before it is shown. The order in the store is the truth; states are derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RunEvent {
    /// The run left the queue.
    RunStarted,
    /// A stage is about to get its network, volume and working copy.
    StagePreparing {
        /// Which.
        stage: StageNumber,
    },
    /// The engine that the stage is on from now until it is destroyed (write-ahead: nothing was made there yet). Runs of earlier versions of the
    /// app do not tell it.
    StagePlaced {
        /// Which.
        stage: StageNumber,
        /// The engine.
        engine: EngineId,
        /// What a person calls the engine: its name and address, e.g. `Docker (unix:///var/run/docker.sock)`.
        name: Message,
    },
    /// The stage's place is ready.
    StageReady {
        /// Which.
        stage: StageNumber,
    },
    /// A step is about to be started (write-ahead: nothing was done yet).
    StepStarting {
        /// Which.
        key: StepKey,
    },
    /// Its container is made, and its program is about to be started (write-ahead). Without this event its program has never run;
    /// with it, it may have.
    StepCreated {
        /// Which.
        key: StepKey,
    },
    /// Its program runs.
    StepStarted {
        /// Which.
        key: StepKey,
    },
    /// Something a person should know about a step that is not its output (a pull, a retry).
    StepNoted {
        /// Which.
        key: StepKey,
        /// The note, one sentence.
        note: Message,
    },
    /// It ended and its log is complete.
    StepEnded {
        /// Which.
        key: StepKey,
        /// How.
        outcome: StepOutcome,
    },
    /// It will not run.
    StepSkipped {
        /// Which.
        key: StepKey,
        /// Why.
        reason: SkipReason,
    },
    /// Someone or something asked to stop the run.
    CancelRequested {
        /// Why.
        reason: CancelReason,
    },
    /// All steps of a stage are done.
    StageEnded {
        /// Which.
        stage: StageNumber,
        /// Its final state.
        state: StageState,
        /// For `Errored`: what happened. Otherwise empty.
        #[serde(default, skip_serializing_if = "Message::is_empty")]
        message: Message,
        /// What to do about it, or empty.
        #[serde(default, skip_serializing_if = "Message::is_empty")]
        hint: Message,
    },
    /// The stage's containers, network and volumes are removed, but for `leftovers`. With leftovers the stage is still there: the event comes
    /// once more when the rest is removed too.
    StageDestroyed {
        /// Which.
        stage: StageNumber,
        /// What could not be removed, in words: it is tried again until nothing is left.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        leftovers: Vec<Message>,
        /// Its files were kept, so that a failed step can be retried.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        kept: bool,
    },
    /// Another process took the run over after the one that drove it had ended.
    RunResumed,
    /// A person asked to go on from where a finished run went wrong: it waits for its turn again. What is not named here keeps its state.
    RunRetried {
        /// Which attempt of the run begins, from 2.
        attempt: u32,
        /// Stages that begin again as pending, with the files that they have if those were kept.
        stages: Vec<StageNumber>,
        /// Steps that begin again as pending, with the number of their new attempt.
        steps: Vec<StepKey>,
    },
    /// The run is over. Only [`RunEvent::StageDestroyed`] and [`RunEvent::RunRetried`] may follow.
    RunEnded {
        /// Its final state.
        state: RunState,
    },
}
