//! What can be made ready before its turn.

use super::progress::index;
use super::{Action, Moves, Scheduler};
use lp_model::{StageNumber, StepState};
use std::sync::Arc;

impl Scheduler {
    /// Asks for what the next steps will run in, while others still run: of steps all of whose needs are under way or over, and that would
    /// run if all goes on as it stands. A detached step waits for nobody for long, so there is nothing to be gained.
    pub(super) fn make_ahead(&mut self, moves: &mut Moves, stage: StageNumber) {
        if self.progress.cancel.is_some() || self.is_reviving(stage) {
            return;
        }
        let plan = Arc::clone(&self.plan);
        for (key, step) in self.keys(stage).into_iter().zip(&plan.stages[index(stage.0)].steps) {
            let steps = &self.progress.stages[index(stage.0)].steps;
            let waits = steps[index(key.step.0)].state == StepState::Pending && !steps[index(key.step.0)].made_ahead;
            let is_near = || step.needs.iter().all(|need| steps[index(need.0)].state != StepState::Pending);
            if !step.detached && waits && is_near() && self.skip_reason(stage, step).is_none() {
                self.progress.stages[index(stage.0)].steps[index(key.step.0)].made_ahead = true;
                moves.actions.push(Action::MakeAhead(key));
            }
        }
    }
}
