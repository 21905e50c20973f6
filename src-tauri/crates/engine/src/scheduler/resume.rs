//! Taking up a run whose process died, from what its events tell.
//!
//! A program that may have been started is only ever attached to; one that was not is started. What was asked for and not done (a place, its
//! removal, a stop) is asked for again.

use super::progress::{Stop, index};
use super::{Action, Evidence, Exit, Moves, Scheduler};
use lp_backend::Before;
use lp_model::Message;
use lp_model::{CancelReason, RunEvent, RunState, SkipReason, StageNumber, StageState, StepKey, StepState};

impl Scheduler {
    /// What is to be done to go on with a run that was replayed. Called once, before any fact. Of a run that waits for its turn nothing is to
    /// be done before it has it; of one that is over only what is left is removed.
    pub fn resume(&mut self) -> Moves {
        let mut moves = Moves::default();
        if !self.progress.run.is_final() {
            self.emit(&mut moves, RunEvent::RunResumed);
        }
        for stage in self.numbers() {
            match self.stage_state(stage) {
                Some(StageState::Preparing) => {}
                Some(StageState::Running) => self.progress.stages[index(stage.0)].reviving = true,
                Some(state) if state.is_final() => {
                    self.destroy(&mut moves, stage);
                    continue;
                }
                _ => continue,
            }
            moves.actions.push(Action::Prepare(stage));
            if let Some(reason) = self.progress.cancel {
                moves.actions.push(Action::StopPrepare { stage, kill: reason == CancelReason::Forced });
            }
        }
        if self.progress.run == RunState::Running {
            self.advance(&mut moves);
        }
        moves
    }

    pub(crate) fn is_reviving(&self, stage: StageNumber) -> bool {
        self.progress.stage(stage).is_some_and(|progress| progress.reviving)
    }

    /// The place of a running stage is there: its steps go on.
    pub(super) fn revive(&mut self, moves: &mut Moves, stage: StageNumber) {
        self.progress.stages[index(stage.0)].reviving = false;
        self.frontier.touch(stage);
        for key in self.active_in(stage) {
            let Some(step) = self.progress.step(key) else { continue };
            match (step.created, step.stop) {
                // Nobody has to start it, only to be told to end.
                (false, Some(_)) => self.end_step(moves, key, Exit::NeverStarted, Evidence::default()),
                (created, stop) => {
                    let before = if created { Before::Created } else { Before::Nothing };
                    moves.actions.push(Action::StartStep { key, before });
                    if let Some(stop) = stop {
                        let kill = stop == Stop::WithStage || self.progress.cancel == Some(CancelReason::Forced);
                        moves.actions.push(Action::StopStep { key, kill });
                    }
                }
            }
        }
    }

    /// The place of a running stage cannot be had again: how its steps ended, or would have, cannot be known.
    pub(super) fn bury(&mut self, moves: &mut Moves, stage: StageNumber, message: Message, hint: Message) {
        self.progress.stages[index(stage.0)].reviving = false;
        let cancelled = self.progress.cancel.is_some();
        // Without its files what comes next has lost its work, too, whether it was begun or not.
        let files_gone = !self.progress.stages[index(stage.0)].has_files;
        for key in self.active_in(stage) {
            let was_created = self.progress.step(key).is_some_and(|step| step.created);
            let exit = match was_created || files_gone {
                true => Exit::Lost { message: message.clone() },
                false => Exit::failed(message.clone(), hint.clone()),
            };
            self.end_step(moves, key, exit, Evidence::default());
        }
        let reason = if cancelled { SkipReason::Cancelled } else { SkipReason::StageErrored };
        for key in self.keys(stage) {
            if self.step_state(key) == Some(StepState::Pending) {
                self.emit(moves, RunEvent::StepSkipped { key, reason });
            }
        }
        let state = self.progress.stages[index(stage.0)].trouble.unwrap_or(StageState::Errored);
        // A stage that was cancelled needs no other reason.
        let (message, hint) = if state == StageState::Cancelled { Default::default() } else { (message, hint) };
        self.end_stage(moves, stage, state, message, hint);
    }

    fn active_in(&self, stage: StageNumber) -> Vec<StepKey> {
        self.frontier.active(stage).map(|step| self.progress.key(stage, step)).collect()
    }
}
