//! Where a run stands: a fold over its events. The same fold serves a run under way and one read back from the store, so that
//! nothing about a run is known that cannot be known again.

use lp_model::{
    CancelReason, OnFailure, Plan, RunEvent, RunState, SkipReason, StageNumber, StageState, Step, StepKey, StepNumber, StepOutcome,
    StepState,
};

/// An event that cannot follow on the ones before it: the stored events are damaged, or from a newer program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalMove {
    /// A move that the tables of the model forbid.
    #[error("{what} cannot go from `{from}` to `{to}`")]
    State {
        /// `the run`, `stage 1`, `step 1.2.1`.
        what: String,
        /// The state it was in.
        from: &'static str,
        /// The state it was to go to.
        to: &'static str,
    },
    /// A stage or step that the plan does not have.
    #[error("the plan has no {what}")]
    Unknown {
        /// `stage 7`, `step 1.9.1`.
        what: String,
    },
}

/// Why a step that still runs was told to end. Decides what its end is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The run is cancelled.
    Cancel,
    /// Its own time limit. The one thing here that no event says: after a crash the clock says it again.
    Overdue,
    /// It is detached, and nothing that it could serve is left.
    WithStage,
}

#[derive(Debug, Clone)]
pub(super) struct StepProgress {
    pub state: StepState,
    /// Its program has run.
    pub started: bool,
    pub stop: Option<Stop>,
    /// It ended badly, and that counts for its stage.
    pub counted: bool,
}

/// What exists outside for a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    NotMade,
    Made,
    Gone,
}

#[derive(Debug, Clone)]
pub(super) struct StageProgress {
    pub state: StageState,
    pub place: Place,
    /// The first thing that went wrong and counts. It becomes the stage's final state: a step that fails while
    /// others are being stopped, or a cancel of clean-up steps after a failure, does not rewrite what happened first.
    pub trouble: Option<StageState>,
    /// A step has ended it as passed: of the steps that wait, only those that run always still run.
    pub ended_early: bool,
    /// It is over, and a stage that needs it is one "after a failure".
    pub went_wrong: bool,
    pub steps: Vec<StepProgress>,
}

#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub run: RunState,
    /// The strongest reason so far.
    pub cancel: Option<CancelReason>,
    /// The first failure or error of any stage.
    pub trouble: Option<RunState>,
    pub stages: Vec<StageProgress>,
}

impl Progress {
    pub fn new(plan: &Plan) -> Self {
        let step = StepProgress { state: StepState::Pending, started: false, stop: None, counted: false };
        let stages = plan
            .stages
            .iter()
            .map(|stage| StageProgress {
                state: StageState::Pending,
                place: Place::NotMade,
                trouble: None,
                ended_early: false,
                went_wrong: false,
                steps: vec![step.clone(); stage.steps.len()],
            })
            .collect();
        Self { run: RunState::Queued, cancel: None, trouble: None, stages }
    }

    pub fn stage(&self, number: StageNumber) -> Option<&StageProgress> {
        self.stages.get(index(number.0))
    }

    pub fn step(&self, key: StepKey) -> Option<&StepProgress> {
        self.stage(key.stage)?.steps.get(index(key.step.0))
    }

    pub fn step_mut(&mut self, key: StepKey) -> Option<&mut StepProgress> {
        self.stages.get_mut(index(key.stage.0))?.steps.get_mut(index(key.step.0))
    }

    /// Keys of all steps that are starting or running, in plan order.
    pub fn active(&self) -> Vec<StepKey> {
        let is_active = |step: &StepProgress| matches!(step.state, StepState::Starting | StepState::Running);
        self.stages
            .iter()
            .zip(1..)
            .flat_map(|(stage, s)| stage.steps.iter().zip(1..).map(move |(step, n)| (step, s, n)))
            .filter(|(step, _, _)| is_active(step))
            .map(|(_, s, n)| StepKey::first(StageNumber(s), StepNumber(n)))
            .collect()
    }

    /// Takes in one event.
    pub fn apply(&mut self, plan: &Plan, event: &RunEvent) -> Result<(), IllegalMove> {
        match event {
            RunEvent::RunStarted => self.move_run(RunState::Running),
            RunEvent::RunEnded { state } => self.move_run(*state),
            RunEvent::StagePreparing { stage } => {
                self.move_stage(*stage, StageState::Preparing)?.place = Place::Made;
                Ok(())
            }
            RunEvent::StageReady { stage } => self.move_stage(*stage, StageState::Running).map(drop),
            RunEvent::StageEnded { stage, state, .. } => {
                let needs = plan.stages.get(index(stage.0)).map_or(&[][..], |planned| &planned.needs);
                let inherited = needs.iter().any(|&need| self.stage(need).is_some_and(|need| need.went_wrong));
                self.move_stage(*stage, *state)?.went_wrong = match state {
                    StageState::Passed => false,
                    StageState::Skipped => inherited,
                    _ => true,
                };
                if *state == StageState::Errored {
                    self.trouble.get_or_insert(RunState::Errored);
                }
                Ok(())
            }
            RunEvent::StageDestroyed { stage, .. } => {
                let progress = self.stages.get_mut(index(stage.0)).ok_or_else(|| unknown_stage(*stage))?;
                progress.place = Place::Gone;
                Ok(())
            }
            RunEvent::StepNoted { key, .. } => self.step(*key).map(drop).ok_or_else(|| unknown_step(*key)),
            RunEvent::StepStarting { key } => self.move_step(*key, StepState::Starting).map(drop),
            RunEvent::StepStarted { key } => {
                self.move_step(*key, StepState::Running)?.started = true;
                Ok(())
            }
            RunEvent::StepSkipped { key, reason } => {
                self.move_step(*key, StepState::Skipped)?;
                if *reason == SkipReason::Cancelled {
                    self.stages[index(key.stage.0)].trouble.get_or_insert(StageState::Cancelled);
                }
                Ok(())
            }
            RunEvent::StepEnded { key, outcome } => self.end_step(plan, *key, outcome),
            RunEvent::CancelRequested { reason } => {
                self.cancel = self.cancel.max(Some(*reason));
                let forced = self.cancel == Some(CancelReason::Forced);
                for key in self.active() {
                    // A step in its grace time may still need its services, so a first cancel leaves them alone: they end with the stage.
                    let spared = !forced && planned(plan, key).is_some_and(|step| step.detached);
                    if let (false, Some(step)) = (spared, self.step_mut(key)) {
                        step.stop = Some(Stop::Cancel);
                    }
                }
                Ok(())
            }
        }
    }

    fn end_step(&mut self, plan: &Plan, key: StepKey, outcome: &StepOutcome) -> Result<(), IllegalMove> {
        let planned = planned(plan, key).ok_or_else(|| unknown_step(key))?;
        let step = self.move_step(key, outcome.state())?;
        let stop = step.stop.take();
        let started = step.started;
        if *outcome == StepOutcome::EndedStage {
            self.stages[index(key.stage.0)].ended_early = true;
        }
        let cut = stop == Some(Stop::Cancel) && matches!(outcome, StepOutcome::Cancelled { .. });
        let trouble = match outcome.state() {
            // Whether a step happens to run when the run's time is up, or only waits, makes no difference to its stage.
            StepState::Failed | StepState::Cancelled if cut => StageState::Cancelled,
            StepState::Failed => StageState::Failed,
            StepState::Errored => StageState::Errored,
            StepState::Cancelled => StageState::Cancelled,
            StepState::Interrupted => StageState::Interrupted,
            _ => return Ok(()),
        };
        if !(cut && !planned.detached || counts(planned, started)) {
            return Ok(());
        }
        let stage = &mut self.stages[index(key.stage.0)];
        stage.steps[index(key.step.0)].counted = true;
        stage.trouble.get_or_insert(trouble);
        match trouble {
            StageState::Failed => self.trouble.get_or_insert(RunState::Failed),
            StageState::Errored => self.trouble.get_or_insert(RunState::Errored),
            _ => return Ok(()),
        };
        Ok(())
    }

    fn move_run(&mut self, next: RunState) -> Result<(), IllegalMove> {
        if !self.run.can_become(next) {
            return Err(IllegalMove::State { what: "the run".into(), from: self.run.as_str(), to: next.as_str() });
        }
        self.run = next;
        Ok(())
    }

    fn move_stage(&mut self, number: StageNumber, next: StageState) -> Result<&mut StageProgress, IllegalMove> {
        let stage = self.stages.get_mut(index(number.0)).ok_or_else(|| unknown_stage(number))?;
        if !stage.state.can_become(next) {
            return Err(IllegalMove::State { what: format!("stage {number}"), from: stage.state.as_str(), to: next.as_str() });
        }
        stage.state = next;
        Ok(stage)
    }

    fn move_step(&mut self, key: StepKey, next: StepState) -> Result<&mut StepProgress, IllegalMove> {
        let step = self.step_mut(key).ok_or_else(|| unknown_step(key))?;
        if !step.state.can_become(next) {
            return Err(IllegalMove::State { what: format!("step {key}"), from: step.state.as_str(), to: next.as_str() });
        }
        step.state = next;
        Ok(step)
    }
}

/// Whether a bad end of the step by itself means anything for its stage. What a detached step does after it has started does not;
/// that it cannot be started does.
pub(super) fn counts(step: &Step, started: bool) -> bool {
    step.on_failure != OnFailure::Ignore && !(step.detached && started)
}

pub(super) fn planned(plan: &Plan, key: StepKey) -> Option<&Step> {
    plan.stages.get(index(key.stage.0))?.steps.get(index(key.step.0))
}

/// Numbers count from 1; a 0 in damaged data finds nothing.
pub(super) fn index(number: u32) -> usize {
    (number as usize).wrapping_sub(1)
}

fn unknown_stage(number: StageNumber) -> IllegalMove {
    IllegalMove::Unknown { what: format!("stage {number}") }
}

fn unknown_step(key: StepKey) -> IllegalMove {
    IllegalMove::Unknown { what: format!("step {key}") }
}
