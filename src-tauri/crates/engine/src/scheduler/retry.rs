//! Going on from where a finished run went wrong: what begins again, and what keeps its result.

use super::check::behind;
use super::progress::{StepProgress, index};
use super::{Moves, Scheduler};
use lp_model::{Message, RunEvent, RunState, StageNumber, StageState, Step, StepKey, StepState, message};

/// A run that cannot be retried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum RetryError {
    /// It is not over, or has passed.
    State {
        /// Its state.
        state: RunState,
    },
    /// Something of the attempt before is still there, and might still work beside the retry.
    NotRemoved {
        /// The stage.
        stage: StageNumber,
    },
}

impl RetryError {
    /// Why not.
    pub fn told(&self) -> Message {
        match self {
            Self::State { state } => message!("a run that is `{}` cannot be retried", state.as_str()),
            Self::NotRemoved { stage } => message!("stage {} of the attempt before is still there", stage),
        }
    }
}

impl Scheduler {
    /// Puts a run that did not pass back into the line. Whether something of it is left is the caller's to ask ([`Scheduler::not_removed`]). `kept` are the stages whose files are still there; where they are gone, all steps of the
    /// stage begin again.
    ///
    /// Begin again: stages that did not pass, and those that ran because of them; in them the steps that did not pass (an ignored failure
    /// counts as passed), all that needs one of those, what runs only on failure, and all detached steps.
    pub fn retry(&mut self, kept: &[StageNumber]) -> Result<Moves, RetryError> {
        if !self.progress.run.can_be_retried() {
            return Err(RetryError::State { state: self.progress.run });
        }
        let stages = self.stages_to_retry();
        let steps = stages.iter().flat_map(|&stage| self.steps_to_retry(stage, kept.contains(&stage)));
        let steps = steps.map(|key| StepKey { attempt: key.attempt + 1, ..key }).collect();
        let event = RunEvent::RunRetried { attempt: self.progress.attempt + 1, stages, steps };
        let mut moves = Moves::default();
        self.emit(&mut moves, event);
        Ok(moves)
    }

    fn stages_to_retry(&self) -> Vec<StageNumber> {
        let mut again: Vec<bool> = self.numbers().map(|n| self.stage_state(n) != Some(StageState::Passed)).collect();
        let needs: Vec<Vec<usize>> = self.plan.stages.iter().map(|stage| stage.needs.iter().map(|n| index(n.0)).collect()).collect();
        spread(&mut again, &needs);
        self.numbers().zip(again).filter(|(_, again)| *again).map(|(number, _)| number).collect()
    }

    fn steps_to_retry(&self, stage: StageNumber, files_are_kept: bool) -> Vec<StepKey> {
        let keys = self.keys(stage);
        let progress = &self.progress.stages[index(stage.0)];
        // A stage that passed keeps no files.
        if !files_are_kept || !progress.has_files || progress.state == StageState::Passed {
            return keys;
        }
        let planned = &self.planned_stage(stage).steps;
        let begins_again = |(step, planned): (&StepProgress, &Step)| match step.state {
            // A detached one is started again in any case, but takes others with it only if it could not be started.
            _ if planned.detached => step.counted,
            _ if planned.run_on.failure && !planned.run_on.success => true,
            StepState::Passed => false,
            StepState::Failed | StepState::Errored => step.counted,
            _ => true,
        };
        let mut again: Vec<bool> = progress.steps.iter().zip(planned).map(begins_again).collect();
        let needs: Vec<Vec<usize>> = planned.iter().map(|step| step.needs.iter().map(|n| index(n.0)).collect()).collect();
        spread(&mut again, &needs);
        let chosen = keys.into_iter().zip(again).zip(planned).filter(|((_, again), step)| *again || step.detached);
        chosen.map(|((key, _), _)| key).collect()
    }
}

/// Marks whatever needs something that is marked, each need looked at once.
fn spread(marked: &mut [bool], needs: &[Vec<usize>]) {
    let behind = behind(marked.len(), needs.iter().map(|needs| needs.iter().copied()));
    let mut open: Vec<usize> = (0..marked.len()).filter(|&i| marked[i]).collect();
    while let Some(i) = open.pop() {
        for &next in &behind[i] {
            if !std::mem::replace(&mut marked[next], true) {
                open.push(next);
            }
        }
    }
}
