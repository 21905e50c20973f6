//! The one fold of the events of a run into its states: which event moves what, and which events cannot follow on the ones before them.
//!
//! Whoever keeps a run (the engine's scheduler in memory, the store in its tables) lends the fold its states by [`Standing`], and adds what is
//! its own (what a program may have done, times and messages) after [`fold`] has found the event legal. So both know the same run, or refuse the
//! same event.

use super::{CancelReason, RunEvent, RunState, StageState, StepState};
use crate::ids::{StageNumber, StepKey, StepNumber};
use crate::{Message, message};

/// An event that cannot follow on the ones before it: the stored events are damaged, or from a newer program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum IllegalMove {
    /// A move that the tables of the states forbid.
    State {
        /// `the run`, `stage 1`, `step 1.2.1`.
        subject: Message,
        /// The state that the subject is in.
        from: &'static str,
        /// The state that the event asks for.
        to: &'static str,
    },
    /// A stage or step that the plan does not have, or an attempt of a step that is not the one under way.
    Unknown {
        /// `stage 7`, `step 1.9.1`.
        subject: Message,
    },
}

impl IllegalMove {
    /// What does not follow on what.
    pub fn told(&self) -> Message {
        match self {
            Self::State { subject, from, to } => message!("{} cannot go from `{}` to `{}`", subject, from, to),
            Self::Unknown { subject } => message!("the plan has no {}", subject),
        }
    }
}

/// Where the run itself is.
#[derive(Debug)]
pub struct RunStanding<'s> {
    /// Its state.
    pub state: &'s mut RunState,
    /// How often a person began it, from 1.
    pub attempt: u32,
    /// The strongest reason to stop it that was given so far.
    pub cancel: &'s mut Option<CancelReason>,
}

/// Where a step is.
#[derive(Debug)]
pub struct StepStanding<'s> {
    /// Its state.
    pub state: &'s mut StepState,
    /// The attempt that this state is of, from 1.
    pub attempt: u32,
}

/// The states of a run, its stages and steps, wherever they are kept.
pub trait Standing {
    /// The run.
    fn run_standing(&mut self) -> RunStanding<'_>;

    /// The state of a stage; `None` when the run has no such stage.
    fn stage_state(&mut self, stage: StageNumber) -> Option<&mut StageState>;

    /// A step, whatever its attempt; `None` when the run has no such step.
    fn step_standing(&mut self, stage: StageNumber, step: StepNumber) -> Option<StepStanding<'_>>;

    /// The run goes back to the queue for that attempt, and nothing has asked to stop it.
    fn begin_run_again(&mut self, attempt: u32);

    /// A stage that is there is pending again. Its steps have begun again by then, those that do.
    fn begin_stage_again(&mut self, stage: StageNumber);

    /// A step that is there is pending again, in the attempt of the key.
    fn begin_step_again(&mut self, key: StepKey);
}

/// Takes one event in. After an error the states are not to be used.
pub fn fold(standing: &mut impl Standing, event: &RunEvent) -> Result<(), IllegalMove> {
    match event {
        RunEvent::RunStarted => move_run(standing, RunState::Running),
        RunEvent::RunEnded { state } => move_run(standing, *state),
        RunEvent::RunResumed => Ok(()),
        RunEvent::RunRetried { attempt, stages, steps } => retry(standing, *attempt, stages, steps),
        RunEvent::CancelRequested { reason } => {
            let cancel = standing.run_standing().cancel;
            *cancel = (*cancel).max(Some(*reason));
            Ok(())
        }
        RunEvent::StagePreparing { stage } => move_stage(standing, *stage, StageState::Preparing),
        RunEvent::StageReady { stage } => move_stage(standing, *stage, StageState::Running),
        RunEvent::StageEnded { stage, state, .. } => move_stage(standing, *stage, *state),
        // Where a stage is and what is left of it is no state: the clean-up goes on behind the end of the run.
        RunEvent::StagePlaced { stage, .. } | RunEvent::StageDestroyed { stage, .. } => stage_of(standing, *stage).map(drop),
        RunEvent::StepStarting { key } => {
            begin_next_attempt(standing, *key);
            move_step(standing, *key, StepState::Starting)
        }
        RunEvent::StepCreated { key } => {
            let state = *step_of(standing, *key)?;
            if state != StepState::Starting {
                return Err(IllegalMove::State { subject: message!("step {}", key), from: state.as_str(), to: "created" });
            }
            Ok(())
        }
        RunEvent::StepStarted { key } => move_step(standing, *key, StepState::Running),
        // A note is for people: one that comes late must not stop a run.
        RunEvent::StepNoted { key, .. } => step_of(standing, *key).map(drop),
        RunEvent::StepEnded { key, outcome } => move_step(standing, *key, outcome.state()),
        RunEvent::StepSkipped { key, .. } => move_step(standing, *key, StepState::Skipped),
    }
}

/// What is named begins again; the rest keeps its state.
fn retry(standing: &mut impl Standing, attempt: u32, stages: &[StageNumber], steps: &[StepKey]) -> Result<(), IllegalMove> {
    let run = standing.run_standing();
    if !run.state.can_be_retried() || attempt <= run.attempt {
        return Err(IllegalMove::State { subject: message!("the run"), from: run.state.as_str(), to: "retried" });
    }
    standing.begin_run_again(attempt);
    for key in steps {
        let is_later = standing.step_standing(key.stage, key.step).is_some_and(|step| step.attempt < key.attempt);
        if !is_later {
            return Err(unknown_step(*key));
        }
        standing.begin_step_again(*key);
    }
    for stage in stages {
        stage_of(standing, *stage)?;
        standing.begin_stage_again(*stage);
    }
    Ok(())
}

/// A step that ended may start in its next attempt without a word about it (runs of earlier versions of the app).
fn begin_next_attempt(standing: &mut impl Standing, key: StepKey) {
    let Some(step) = standing.step_standing(key.stage, key.step) else { return };
    let has_ended = step.state.is_final() && *step.state != StepState::Skipped;
    if has_ended && key.attempt.checked_sub(1) == Some(step.attempt) {
        standing.begin_step_again(key);
    }
}

fn move_run(standing: &mut impl Standing, to: RunState) -> Result<(), IllegalMove> {
    let state = standing.run_standing().state;
    if !state.can_become(to) {
        return Err(IllegalMove::State { subject: message!("the run"), from: state.as_str(), to: to.as_str() });
    }
    *state = to;
    Ok(())
}

fn move_stage(standing: &mut impl Standing, stage: StageNumber, to: StageState) -> Result<(), IllegalMove> {
    let state = stage_of(standing, stage)?;
    if !state.can_become(to) {
        return Err(IllegalMove::State { subject: message!("stage {}", stage), from: state.as_str(), to: to.as_str() });
    }
    *state = to;
    Ok(())
}

fn move_step(standing: &mut impl Standing, key: StepKey, to: StepState) -> Result<(), IllegalMove> {
    let state = step_of(standing, key)?;
    if !state.can_become(to) {
        return Err(IllegalMove::State { subject: message!("step {}", key), from: state.as_str(), to: to.as_str() });
    }
    *state = to;
    Ok(())
}

fn stage_of(standing: &mut impl Standing, stage: StageNumber) -> Result<&mut StageState, IllegalMove> {
    standing.stage_state(stage).ok_or_else(|| IllegalMove::Unknown { subject: message!("stage {}", stage) })
}

/// The state of the step of a key, whose attempt has to be the current one.
fn step_of(standing: &mut impl Standing, key: StepKey) -> Result<&mut StepState, IllegalMove> {
    let step = standing.step_standing(key.stage, key.step).filter(|step| step.attempt == key.attempt);
    step.map(|step| step.state).ok_or_else(|| unknown_step(key))
}

fn unknown_step(key: StepKey) -> IllegalMove {
    IllegalMove::Unknown { subject: message!("step {}", key) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{SkipReason, StepOutcome};
    use std::collections::BTreeMap;

    /// The states alone.
    #[derive(Clone)]
    struct Bare {
        run: RunState,
        attempt: u32,
        cancel: Option<CancelReason>,
        stage: StageState,
        steps: BTreeMap<u32, (u32, StepState)>,
    }

    impl Standing for Bare {
        fn run_standing(&mut self) -> RunStanding<'_> {
            RunStanding { state: &mut self.run, attempt: self.attempt, cancel: &mut self.cancel }
        }

        fn stage_state(&mut self, stage: StageNumber) -> Option<&mut StageState> {
            (stage == STAGE).then_some(&mut self.stage)
        }

        fn step_standing(&mut self, stage: StageNumber, step: StepNumber) -> Option<StepStanding<'_>> {
            let (attempt, state) = self.steps.get_mut(&step.0).filter(|_| stage == STAGE)?;
            Some(StepStanding { state, attempt: *attempt })
        }

        fn begin_run_again(&mut self, attempt: u32) {
            (self.run, self.attempt, self.cancel) = (RunState::Queued, attempt, None);
        }

        fn begin_stage_again(&mut self, _: StageNumber) {
            self.stage = StageState::Pending;
        }

        fn begin_step_again(&mut self, key: StepKey) {
            self.steps.insert(key.step.0, (key.attempt, StepState::Pending));
        }
    }

    const STAGE: StageNumber = StageNumber(1);

    fn key(step: u32, attempt: u32) -> StepKey {
        StepKey { stage: STAGE, step: StepNumber(step), attempt }
    }

    /// A run of one stage and two steps, after some events.
    fn after(events: &[RunEvent]) -> Result<Bare, String> {
        let steps = BTreeMap::from([(1, (1, StepState::Pending)), (2, (1, StepState::Pending))]);
        let mut bare = Bare { run: RunState::Queued, attempt: 1, cancel: None, stage: StageState::Pending, steps };
        for event in events {
            fold(&mut bare, event).map_err(|illegal| illegal.to_string())?;
        }
        Ok(bare)
    }

    fn started() -> Vec<RunEvent> {
        vec![RunEvent::RunStarted, RunEvent::StagePreparing { stage: STAGE }, RunEvent::StageReady { stage: STAGE }]
    }

    /// That first step and stage fail, the second step is skipped.
    fn failed() -> Vec<RunEvent> {
        let (message, hint) = Default::default();
        let mut events = started();
        events.extend([
            RunEvent::StepStarting { key: key(1, 1) },
            RunEvent::StepCreated { key: key(1, 1) },
            RunEvent::StepStarted { key: key(1, 1) },
            RunEvent::StepEnded { key: key(1, 1), outcome: StepOutcome::Exited { code: 1 } },
            RunEvent::StepSkipped { key: key(2, 1), reason: SkipReason::AfterFailure },
            RunEvent::StageEnded { stage: STAGE, state: StageState::Failed, message, hint },
            RunEvent::RunEnded { state: RunState::Failed },
        ]);
        events
    }

    fn refused(events: &[RunEvent], last: RunEvent) -> String {
        let events: Vec<RunEvent> = events.iter().cloned().chain([last]).collect();
        assert!(after(&events[..events.len() - 1]).is_ok(), "what comes before it is legal");
        after(&events).err().unwrap_or_default()
    }

    #[test]
    fn events_move_run_stage_and_steps() {
        let bare = after(&failed()).unwrap();
        assert_eq!((bare.run, bare.stage), (RunState::Failed, StageState::Failed));
        assert_eq!(bare.steps.values().copied().collect::<Vec<_>>(), [(1, StepState::Failed), (1, StepState::Skipped)]);
    }

    #[test]
    fn what_the_tables_forbid_is_refused_with_its_name() {
        let table = [
            (vec![], RunEvent::RunEnded { state: RunState::Passed }, "the run cannot go from `queued` to `passed`"),
            (started(), RunEvent::RunStarted, "the run cannot go from `running` to `running`"),
            (started(), RunEvent::StageReady { stage: STAGE }, "stage 1 cannot go from `running` to `running`"),
            (started(), RunEvent::StepStarted { key: key(2, 1) }, "step 1.2.1 cannot go from `pending` to `running`"),
            (started(), RunEvent::StepCreated { key: key(2, 1) }, "step 1.2.1 cannot go from `pending` to `created`"),
            (started(), RunEvent::StageReady { stage: StageNumber(7) }, "the plan has no stage 7"),
            (started(), RunEvent::StageDestroyed { stage: StageNumber(0), leftovers: vec![], kept: false }, "the plan has no stage 0"),
            (started(), RunEvent::StepNoted { key: key(3, 1), note: Message::default() }, "the plan has no step 1.3.1"),
            (started(), RunEvent::StepStarting { key: key(1, 2) }, "the plan has no step 1.1.2"),
            (failed(), RunEvent::StepStarting { key: key(1, 1) }, "step 1.1.1 cannot go from `failed` to `starting`"),
        ];
        for (events, last, why) in table {
            assert_eq!(refused(&events, last), why);
        }
    }

    #[test]
    fn a_retry_begins_what_it_names_again_and_nothing_else() {
        let retried = |attempt, steps| RunEvent::RunRetried { attempt, stages: vec![STAGE], steps };
        let mut events = failed();
        events.push(RunEvent::CancelRequested { reason: CancelReason::User });
        assert_eq!(refused(&started(), retried(2, vec![])), "the run cannot go from `running` to `retried`");
        assert_eq!(refused(&events, retried(1, vec![])), "the run cannot go from `failed` to `retried`", "an attempt that was");
        assert_eq!(refused(&events, retried(2, vec![key(1, 1)])), "the plan has no step 1.1.1", "an attempt that was");
        events.push(retried(2, vec![key(2, 2)]));
        let bare = after(&events).unwrap();
        assert_eq!((bare.run, bare.attempt, bare.cancel, bare.stage), (RunState::Queued, 2, None, StageState::Pending));
        assert_eq!(bare.steps.values().copied().collect::<Vec<_>>(), [(1, StepState::Failed), (2, StepState::Pending)]);
    }

    #[test]
    fn a_step_that_ended_may_start_in_its_next_attempt() {
        let mut events = started();
        let start = RunEvent::StepStarting { key: key(1, 2) };
        assert_eq!(refused(&events, start.clone()), "the plan has no step 1.1.2", "the first attempt has not ended");
        events.push(RunEvent::StepStarting { key: key(1, 1) });
        events.push(RunEvent::StepEnded { key: key(1, 1), outcome: StepOutcome::Exited { code: 2 } });
        events.push(start);
        assert_eq!(after(&events).unwrap().steps[&1], (2, StepState::Starting));
        assert_eq!(refused(&events, RunEvent::StepStarted { key: key(1, 1) }), "the plan has no step 1.1.1", "of the first attempt");
    }

    #[test]
    fn the_stronger_reason_to_stop_stays() {
        let cancels = [CancelReason::User, CancelReason::StepFailed].map(|reason| RunEvent::CancelRequested { reason });
        assert_eq!(after(&cancels).unwrap().cancel, Some(CancelReason::User));
    }
}
