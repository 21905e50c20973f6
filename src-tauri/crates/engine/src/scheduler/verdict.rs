//! How a step ended: the one place that judges. A backend and the step's job report ([`Exit`], [`Evidence`]), the scheduler knows what it had
//! told the step ([`Told`]), and [`verdict`] puts a name to it.
//!
//! The rules, the first that applies:
//!
//! | the step was told to end | how its program ended | the step |
//! | --- | --- | --- |
//! | by a cancel, by its time limit | anyhow | is cancelled, for that reason: whether its work was complete cannot be known |
//! | with its stage | anyhow | has ended with its stage |
//! | no | what it ran in is gone | is lost |
//! | no | it could not be started, or how it ended cannot be found out | has errored |
//! | no | and its log is not whole | has errored: nobody could read what it did |
//! | no | as by TERM or KILL, and the engine was away meanwhile | is lost: the engine took it along |
//! | no | because a cancel asked for it | has errored: somebody else stopped it |
//! | no | with code 78, and may end its stage | has ended its stage |
//! | no | by itself | ended as its program did |
//!
//! Whether the *engine* ended a program that looks as if it had ended by itself, a backend alone can see: it reports that as lost.

use lp_backend::StepExit;
use lp_model::{CancelReason, Message, Step, StepOutcome, message};

/// What became of the program of a step, as its job reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It ended.
    Program(StepExit),
    /// What it ran in is gone.
    Lost {
        /// What happened.
        message: Message,
    },
    /// It could not be started, or how it ended cannot be found out.
    Failed {
        /// What happened.
        message: Message,
        /// What to do about it, or empty.
        hint: Message,
    },
    /// A process that died had not started it, and it was told to end before the next process could.
    NeverStarted,
}

impl Exit {
    /// With a message and what to do about it.
    pub(crate) fn failed(message: impl Into<Message>, hint: Message) -> Self {
        Self::Failed { message: message.into(), hint }
    }
}

/// What a job has seen beside the end of the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The container engine did not answer for a while, with the step under way.
    pub engine_was_away: bool,
    /// Why the log of the step is not whole, if it is not.
    pub broken_log: Option<BrokenLog>,
}

/// A log that does not have all that a program wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenLog {
    /// What happened.
    pub message: Message,
    /// What to do about it, or empty.
    pub hint: Message,
}

/// Why a step that still ran was told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The run is cancelled.
    Cancel(CancelReason),
    /// Its own time limit is over.
    Overdue,
    /// It is detached, and nothing that it could serve is left.
    WithStage,
}

/// How `step` ended. `told` is `None` when it was not told to end.
pub(super) fn verdict(step: &Step, exit: Exit, evidence: Evidence, told: Option<Told>) -> StepOutcome {
    match told {
        Some(Told::Cancel(reason)) => return StepOutcome::Cancelled { reason },
        Some(Told::Overdue) => return StepOutcome::Cancelled { reason: CancelReason::TimedOut },
        Some(Told::WithStage) => return StepOutcome::EndedWithStage,
        None => {}
    }
    let exit = match exit {
        Exit::Program(exit) => exit,
        Exit::Lost { message } => return StepOutcome::Lost { message },
        Exit::Failed { message, hint } => return StepOutcome::Errored { message, hint },
        Exit::NeverStarted => return StepOutcome::Interrupted,
    };
    if let Some(BrokenLog { message, hint }) = evidence.broken_log {
        return StepOutcome::Errored { message, hint };
    }
    match exit {
        // What an engine that is restarted does to the programs in it.
        StepExit::Code(137 | 143) | StepExit::Signal(9 | 15) if evidence.engine_was_away => {
            StepOutcome::Lost { message: message!("the container engine ended it when it was itself restarted") }
        }
        StepExit::Killed => StepOutcome::Errored { message: message!("the step was stopped from outside"), hint: Message::default() },
        StepExit::Code(78) if step.exit_78_ends_stage && !step.detached => StepOutcome::EndedStage,
        StepExit::Code(code) => StepOutcome::Exited { code },
        StepExit::Signal(signal) => StepOutcome::Signalled { signal },
        StepExit::OutOfMemory => StepOutcome::OutOfMemory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::StepKind;

    const AWAY: Evidence = Evidence { engine_was_away: true, broken_log: None };

    fn plain() -> Step {
        Step::new(1, "build", StepKind::Commands)
    }

    fn quiet() -> Evidence {
        Evidence::default()
    }

    fn torn() -> Evidence {
        Evidence {
            engine_was_away: true,
            broken_log: Some(BrokenLog { message: Message::verbatim("disk full"), hint: Message::verbatim("free some") }),
        }
    }

    fn code(code: i32) -> Exit {
        Exit::Program(StepExit::Code(code))
    }

    fn errored(message: &str, hint: &str) -> StepOutcome {
        StepOutcome::Errored { message: Message::verbatim(message), hint: Message::verbatim(hint) }
    }

    fn taken_along() -> StepOutcome {
        StepOutcome::Lost { message: message!("the container engine ended it when it was itself restarted") }
    }

    #[test]
    fn what_nobody_told_to_end_is_called_by_how_it_ended() {
        let (signal, memory, killed) =
            (|n| Exit::Program(StepExit::Signal(n)), Exit::Program(StepExit::OutOfMemory), Exit::Program(StepExit::Killed));
        let gone = Exit::Lost { message: Message::verbatim("gone") };
        let failed = Exit::failed(Message::verbatim("no image"), Message::verbatim("check the spelling"));
        let table = [
            (code(0), quiet(), StepOutcome::Exited { code: 0 }),
            (code(3), quiet(), StepOutcome::Exited { code: 3 }),
            (code(78), quiet(), StepOutcome::Exited { code: 78 }),
            (code(137), quiet(), StepOutcome::Exited { code: 137 }),
            (signal(15), quiet(), StepOutcome::Signalled { signal: 15 }),
            (memory.clone(), quiet(), StepOutcome::OutOfMemory),
            (
                killed.clone(),
                quiet(),
                StepOutcome::Errored { message: message!("the step was stopped from outside"), hint: Message::default() },
            ),
            (gone.clone(), quiet(), StepOutcome::Lost { message: Message::verbatim("gone") }),
            (failed.clone(), quiet(), errored("no image", "check the spelling")),
            (Exit::NeverStarted, quiet(), StepOutcome::Interrupted),
            // The engine was away: only what looks as if it had been ended by somebody else is in doubt.
            (code(0), AWAY, StepOutcome::Exited { code: 0 }),
            (code(1), AWAY, StepOutcome::Exited { code: 1 }),
            (code(137), AWAY, taken_along()),
            (code(143), AWAY, taken_along()),
            (signal(9), AWAY, taken_along()),
            (signal(15), AWAY, taken_along()),
            (signal(11), AWAY, StepOutcome::Signalled { signal: 11 }),
            (memory.clone(), AWAY, StepOutcome::OutOfMemory),
            (
                killed.clone(),
                AWAY,
                StepOutcome::Errored { message: message!("the step was stopped from outside"), hint: Message::default() },
            ),
            // A program whose log is not whole did nothing that counts; without an end of its own the log says nothing new.
            (code(0), torn(), errored("disk full", "free some")),
            (code(137), torn(), errored("disk full", "free some")),
            (killed, torn(), errored("disk full", "free some")),
            (memory, torn(), errored("disk full", "free some")),
            (gone, torn(), StepOutcome::Lost { message: Message::verbatim("gone") }),
            (failed, torn(), errored("no image", "check the spelling")),
            (Exit::NeverStarted, torn(), StepOutcome::Interrupted),
        ];
        for (exit, evidence, expected) in table {
            assert_eq!(verdict(&plain(), exit.clone(), evidence.clone(), None), expected, "{exit:?}, {evidence:?}");
        }
    }

    #[test]
    fn what_was_told_to_end_is_called_by_the_reason_however_it_ended() {
        let may_end_stage = Step { exit_78_ends_stage: true, ..plain() };
        let told = [
            (Told::Cancel(CancelReason::User), StepOutcome::Cancelled { reason: CancelReason::User }),
            (Told::Cancel(CancelReason::StepFailed), StepOutcome::Cancelled { reason: CancelReason::StepFailed }),
            (Told::Overdue, StepOutcome::Cancelled { reason: CancelReason::TimedOut }),
            (Told::WithStage, StepOutcome::EndedWithStage),
        ];
        for (told, expected) in told {
            let exits = [
                code(0),
                code(78),
                code(137),
                Exit::Program(StepExit::Killed),
                Exit::Lost { message: Message::verbatim("gone") },
                Exit::failed(Message::verbatim("no image"), Message::default()),
                Exit::NeverStarted,
            ];
            for exit in exits {
                for evidence in [quiet(), AWAY, torn()] {
                    assert_eq!(verdict(&may_end_stage, exit.clone(), evidence, Some(told)), expected, "{exit:?}, {told:?}");
                }
            }
        }
    }

    #[test]
    fn code_78_ends_the_stage_of_a_step_that_may_end_it() {
        let may = Step { exit_78_ends_stage: true, ..plain() };
        let detached = Step { detached: true, ..may.clone() };
        let end = |step: &Step, exit, evidence| verdict(step, exit, evidence, None);
        assert_eq!(end(&may, code(78), quiet()), StepOutcome::EndedStage);
        assert_eq!(end(&may, code(78), AWAY), StepOutcome::EndedStage);
        assert_eq!(end(&may, code(78), torn()), errored("disk full", "free some"));
        assert_eq!(end(&may, code(77), quiet()), StepOutcome::Exited { code: 77 });
        assert_eq!(end(&detached, code(78), quiet()), StepOutcome::Exited { code: 78 }, "its stage does not wait for it");
    }
}
