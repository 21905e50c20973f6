//! The states of a run, its stages and steps, with the tables of legal moves; and how steps end.

use crate::Message;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// All states.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The word for it in stored data, on the command line and for front ends.
            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }

            /// Reads [`Self::as_str`] back.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some($type::$variant),)+ _ => None }
            }
        }
    };
}

/// State of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Written down, waits for its turn.
    Queued,
    /// Under way.
    Running,
    /// All that had to pass has passed.
    Passed,
    /// A step failed.
    Failed,
    /// We could not run it (no image, engine gone): says nothing about the pipeline.
    Errored,
    /// The user (or a newer run) stopped it.
    Cancelled,
    /// The time limit stopped it.
    TimedOut,
    /// Something in it was lost: the app or the engine ended in the middle of it.
    Interrupted,
}

words!(RunState {
    Queued = "queued",
    Running = "running",
    Passed = "passed",
    Failed = "failed",
    Errored = "errored",
    Cancelled = "cancelled",
    TimedOut = "timed_out",
    Interrupted = "interrupted",
});

impl RunState {
    /// Whether it stays so for ever.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// The state of a run that nothing but its stages decides. One without stages has passed.
    pub fn of_stages(stages: impl IntoIterator<Item = StageState>) -> Self {
        match stages.into_iter().reduce(StageState::merge) {
            None | Some(StageState::Passed | StageState::Skipped) => Self::Passed,
            Some(StageState::Failed) => Self::Failed,
            Some(StageState::Errored) => Self::Errored,
            Some(StageState::Cancelled) => Self::Cancelled,
            Some(StageState::Interrupted) => Self::Interrupted,
            Some(StageState::Pending | StageState::Preparing | StageState::Running) => Self::Running,
        }
    }

    /// Whether a run that ended so can be retried from where it went wrong ([`crate::RunEvent::RunRetried`]).
    pub fn can_be_retried(self) -> bool {
        self.is_final() && self != Self::Passed
    }

    /// Whether a run may go from this state to `next`. [`crate::RunEvent::RunRetried`] is the one way out of a final state and not asked here.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Queued => next != Self::Queued && next != Self::Passed,
            Self::Running => next.is_final(),
            _ => false,
        }
    }
}

/// State of a stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// Waits for other stages.
    Pending,
    /// Its network, volume and working copy are being made.
    Preparing,
    /// Its steps run.
    Running,
    /// All that had to pass has passed.
    Passed,
    /// A step failed.
    Failed,
    /// We could not run it.
    Errored,
    /// Never started, because of the result of other stages or a cancel.
    Skipped,
    /// Stopped.
    Cancelled,
    /// A step in it was lost.
    Interrupted,
}

words!(StageState {
    Pending = "pending",
    Preparing = "preparing",
    Running = "running",
    Passed = "passed",
    Failed = "failed",
    Errored = "errored",
    Skipped = "skipped",
    Cancelled = "cancelled",
    Interrupted = "interrupted",
});

impl StageState {
    /// Whether it stays so for ever.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Preparing | Self::Running)
    }

    /// The state of two stages together: what is still under way counts most, then a cancel, a failure, an error of ours. A skipped
    /// stage says nothing beside one that ran.
    pub fn merge(self, other: Self) -> Self {
        let weight = |state| match state {
            Self::Skipped => 0,
            Self::Passed => 1,
            Self::Errored => 2,
            Self::Failed => 3,
            Self::Interrupted => 4,
            Self::Cancelled => 5,
            Self::Pending => 6,
            Self::Preparing => 7,
            Self::Running => 8,
        };
        if weight(other) > weight(self) { other } else { self }
    }

    /// Whether a stage may go from this state to `next`.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Preparing | Self::Skipped | Self::Cancelled | Self::Interrupted),
            Self::Preparing => matches!(next, Self::Running | Self::Errored | Self::Cancelled | Self::Interrupted),
            Self::Running => next.is_final() && next != Self::Skipped,
            _ => false,
        }
    }
}

/// State of a step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Waits for other steps.
    Pending,
    /// Its image is being fetched, its container made.
    Starting,
    /// Runs.
    Running,
    /// Exit code 0, or a service that was ended with its stage.
    Passed,
    /// Another exit code, or out of memory.
    Failed,
    /// We could not start it or could not find out how it ended.
    Errored,
    /// Did not run: see [`SkipReason`].
    Skipped,
    /// Stopped.
    Cancelled,
    /// It was lost: see [`StepOutcome::Lost`].
    Interrupted,
}

words!(StepState {
    Pending = "pending",
    Starting = "starting",
    Running = "running",
    Passed = "passed",
    Failed = "failed",
    Errored = "errored",
    Skipped = "skipped",
    Cancelled = "cancelled",
    Interrupted = "interrupted",
});

impl StepState {
    /// Whether it stays so for ever.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Starting | Self::Running)
    }

    /// Whether a step may go from this state to `next`.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Starting | Self::Skipped | Self::Cancelled | Self::Interrupted),
            Self::Starting => next == Self::Running || (next.is_final() && next != Self::Skipped),
            Self::Running => next.is_final() && next != Self::Skipped,
            _ => false,
        }
    }
}

/// Why a step or stage did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Something failed before it, and it runs only on success.
    AfterFailure,
    /// Nothing failed, and it runs only on failure.
    NothingFailed,
    /// A step ended the stage early with exit code 78.
    EndedEarly,
    /// The run was cancelled before its turn.
    Cancelled,
    /// The stage could not be prepared.
    StageErrored,
}

/// Why something is stopped, the stronger later: a stronger reason replaces a weaker one, never the other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// A step with `failure: fast` failed.
    StepFailed,
    /// A newer run replaced it.
    Superseded,
    /// The time limit of the step or run.
    TimedOut,
    /// A person pressed Cancel.
    User,
    /// A person pressed Cancel again, or the app must end: no grace time.
    Forced,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum StepOutcome {
    /// The program ended by itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// Exit code 78 of a step that may end its stage early as passed ([`crate::Step::exit_78_ends_stage`]).
    EndedStage,
    /// A signal that we did not send ended it.
    Signalled {
        /// Number of the signal.
        signal: i32,
    },
    /// The machine's memory limit ended it.
    OutOfMemory,
    /// We stopped it.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// A service or detached step that was ended with its stage.
    EndedWithStage,
    /// We could not start it, or could not find out how it ended.
    Errored {
        /// What happened, in the backend's words, without secrets.
        message: Message,
        /// What to do about it, or empty.
        #[serde(default)]
        hint: Message,
    },
    /// The app ended in the middle of it and nobody took it over (runs of earlier versions of the app).
    Interrupted,
    /// What it ran in is gone, or was ended from outside together with the engine: how it would have ended cannot be known. It can be
    /// retried from there.
    Lost {
        /// What happened, without secrets.
        message: Message,
    },
}

impl StepOutcome {
    /// The state that follows from it.
    pub fn state(&self) -> StepState {
        match self {
            Self::Exited { code: 0 } | Self::EndedStage | Self::EndedWithStage => StepState::Passed,
            Self::Exited { .. } | Self::Signalled { .. } | Self::OutOfMemory => StepState::Failed,
            Self::Cancelled { reason: CancelReason::TimedOut } => StepState::Failed,
            Self::Cancelled { .. } => StepState::Cancelled,
            Self::Errored { .. } => StepState::Errored,
            Self::Interrupted | Self::Lost { .. } => StepState::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for &s in RunState::ALL {
            assert_eq!(RunState::parse(s.as_str()), Some(s));
        }
        for &s in StageState::ALL {
            assert_eq!(StageState::parse(s.as_str()), Some(s));
        }
        for &s in StepState::ALL {
            assert_eq!(StepState::parse(s.as_str()), Some(s));
        }
    }

    #[test]
    fn nothing_leaves_a_final_state() {
        for &a in RunState::ALL {
            for &b in RunState::ALL {
                assert!(!(a.is_final() && a.can_become(b)), "{a:?} -> {b:?}");
            }
        }
        for &a in StepState::ALL {
            for &b in StepState::ALL {
                assert!(!(a.is_final() && a.can_become(b)), "{a:?} -> {b:?}");
            }
        }
        for &a in StageState::ALL {
            for &b in StageState::ALL {
                assert!(!(a.is_final() && a.can_become(b)), "{a:?} -> {b:?}");
            }
        }
    }

    #[test]
    fn every_unfinished_state_can_be_interrupted() {
        assert!(RunState::ALL.iter().filter(|s| !s.is_final()).all(|s| s.can_become(RunState::Interrupted)));
        assert!(StageState::ALL.iter().filter(|s| !s.is_final()).all(|s| s.can_become(StageState::Interrupted)));
        assert!(StepState::ALL.iter().filter(|s| !s.is_final()).all(|s| s.can_become(StepState::Interrupted)));
    }

    #[test]
    fn the_stages_together_are_what_the_run_is() {
        use StageState::*;
        for (stages, run) in [
            (&[][..], RunState::Passed),
            (&[Skipped, Skipped], RunState::Passed),
            (&[Passed, Skipped], RunState::Passed),
            (&[Passed, Errored, Skipped], RunState::Errored),
            (&[Errored, Failed, Passed], RunState::Failed),
            (&[Failed, Cancelled], RunState::Cancelled),
            (&[Cancelled, Pending], RunState::Running),
            (&[Passed, Interrupted], RunState::Interrupted),
        ] {
            assert_eq!(RunState::of_stages(stages.iter().copied()), run, "{stages:?}");
            assert_eq!(RunState::of_stages(stages.iter().rev().copied()), run, "{stages:?} the other way round");
        }
    }

    #[test]
    fn reasons_are_ordered_by_strength() {
        use CancelReason::*;
        assert!(StepFailed < Superseded && Superseded < TimedOut && TimedOut < User && User < Forced);
    }
}
