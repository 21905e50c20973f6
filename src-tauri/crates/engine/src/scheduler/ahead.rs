//! What can be made ready before its turn.

use super::progress::index;
use super::{Action, Moves, Scheduler};
use lp_model::StageNumber;
use std::sync::Arc;

impl Scheduler {
    /// Asks for what the next steps will run in, while others still run: of steps all of whose needs are under way or over, and that would
    /// run if all goes on as it stands. A detached step waits for nobody for long, so there is nothing to be gained.
    pub(super) fn make_ahead(&mut self, moves: &mut Moves, stage: StageNumber) {
        if self.progress.cancel.is_some() || self.is_reviving(stage) {
            return;
        }
        let plan = Arc::clone(&self.plan);
        for next in self.frontier.news_of_near(stage) {
            let steps = &plan.stages[index(stage.0)].steps;
            if self.skip_reason(stage, &steps[next]).is_none() {
                let key = self.progress.key(stage, next);
                self.progress.stages[index(stage.0)].steps[next].made_ahead = true;
                self.frontier.made_ahead(key);
                moves.actions.push(Action::MakeAhead(key));
            }
        }
    }
}
