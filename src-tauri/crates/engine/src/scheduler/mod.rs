//! Decides what happens next in a run: a fact goes in, events and actions come out. Pure: no tokio, no clock, no backend.
//!
//! Whoever drives it gives it one [`Fact`] at a time, writes down the events of the answered [`Moves`], and then carries out its
//! actions in order; each action leads to a later fact. What the rules are:
//!
//! - A step starts when what it needs has ended (of a detached step: has started). Whether it runs or is skipped after a failure is
//!   decided at that moment, by what its *stage* has been through so far, also in branches that it does not depend on.
//! - The first thing that goes wrong and counts is the result of its stage , and the run is what its stages are together
//!   ([`RunState::of_stages`]). What `on_failure: ignore` covers, and what a detached step does after it
//!   has started, does not count.
//! - Detached steps end, killed, when the last other step of their stage has ended.
//! - After exit code 78 of a step that may end its stage early, only steps that run always still run.
//! - A first cancel asks the running steps to end and skips those that wait; a second one kills. Once a step has been told to end,
//!   however it then ends is called by the reason for telling it: whether its work was complete cannot be known.
//! - With [`Plan::cleanup_on_cancel`], steps that run on failure still run after a cancel, but not after a second one and not
//!   when the time is up. When the time is up while they run, they are killed.
//! - A stage that a cancel or the run's time limit cuts short is `cancelled`, unless something went wrong in it before.
//! - A cancelled run ends as `cancelled`, `timed_out`, or, when a step's failure stopped it, as that step's failure.
//!   A cancel that finds no work left to stop changes nothing.
//! - A run is over when the places of all its stages are removed.

mod check;
mod progress;
#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

pub use check::BadPlan;
pub use progress::IllegalMove;

use lp_model::{
    CancelReason, OnFailure, Plan, RunEvent, RunState, SkipReason, Stage, StageNumber, StageState, Step, StepKey, StepOutcome, StepState,
};
use progress::{Place, Progress, StageProgress, Stop, counts, index, planned};
use std::sync::Arc;

/// Something that happened outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It is the run's turn.
    Begun,
    /// The place of a stage is ready.
    StagePrepared {
        /// Which.
        stage: StageNumber,
    },
    /// The place of a stage could not be made, or its making was stopped.
    PrepareFailed {
        /// Which.
        stage: StageNumber,
        /// What happened.
        message: String,
        /// What to do about it, or empty.
        hint: String,
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
        note: String,
    },
    /// A step has ended, as its backend tells it.
    StepEnded {
        /// Which.
        key: StepKey,
        /// How.
        outcome: StepOutcome,
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
    /// What there was of a stage is removed.
    StageDestroyed {
        /// Which.
        stage: StageNumber,
        /// What could not be removed, in words.
        leftovers: Vec<String>,
    },
}

/// Something to do.
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
    /// Start a step: leads to [`Fact::StepEnded`].
    StartStep(StepKey),
    /// Tell a step to end. May come again, more urgent.
    StopStep {
        /// Which.
        key: StepKey,
        /// At once, without a grace time.
        kill: bool,
    },
    /// Remove what there is of a stage: leads to [`Fact::StageDestroyed`].
    Destroy(StageNumber),
}

/// The answer to a fact: events to write down first, then actions to carry out, both in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// To be stored as one.
    pub events: Vec<RunEvent>,
    /// To be done once the events are stored.
    pub actions: Vec<Action>,
}

/// How things stand at one moment, for variables like `DRONE_BUILD_STATUS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoFar {
    /// Something in the run went wrong, or it is being cancelled.
    pub run_failing: bool,
    /// The same of the stage.
    pub stage_failing: bool,
    /// Names of the stage's steps that ended badly, in plan order.
    pub failed_steps: Vec<String>,
}

/// The state of one run and the rules that move it on.
#[derive(Debug, Clone)]
pub struct Scheduler {
    plan: Arc<Plan>,
    progress: Progress,
}

impl Scheduler {
    /// A run that waits for [`Fact::Begun`]. Refuses a plan that could never end.
    pub fn new(plan: Arc<Plan>) -> Result<Self, BadPlan> {
        check::check(&plan)?;
        Ok(Self { progress: Progress::new(&plan), plan })
    }

    /// A run as its stored events tell it.
    pub fn replay(plan: Arc<Plan>, events: &[RunEvent]) -> Result<Self, ReplayError> {
        let mut scheduler = Self::new(plan)?;
        for event in events {
            scheduler.progress.apply(&scheduler.plan, event)?;
        }
        Ok(scheduler)
    }

    /// State of the run.
    pub fn run_state(&self) -> RunState {
        self.progress.run
    }

    /// How things stand for a step of `stage` that starts now.
    pub fn so_far(&self, stage: StageNumber) -> SoFar {
        let cancelled = self.progress.cancel.is_some();
        let progress = self.progress.stage(stage);
        let failed = |i: usize| progress.is_some_and(|p| p.steps[i].counted);
        SoFar {
            run_failing: cancelled || self.progress.trouble.is_some(),
            stage_failing: progress.is_some_and(|p| p.trouble.is_some()),
            failed_steps: self
                .planned_stage(stage)
                .steps
                .iter()
                .enumerate()
                .filter(|(i, _)| failed(*i))
                .map(|(_, s)| s.name.clone())
                .collect(),
        }
    }

    /// Takes in a fact. One that comes too late or twice (a step that ended already) changes nothing.
    pub fn take(&mut self, fact: Fact) -> Moves {
        let mut moves = Moves::default();
        if self.progress.run.is_final() {
            return moves;
        }
        match fact {
            Fact::Begun if self.progress.run == RunState::Queued => self.emit(&mut moves, RunEvent::RunStarted),
            Fact::StagePrepared { stage } if self.stage_state(stage) == Some(StageState::Preparing) => {
                self.emit(&mut moves, RunEvent::StageReady { stage });
            }
            Fact::PrepareFailed { stage, message, hint } if self.stage_state(stage) == Some(StageState::Preparing) => {
                if self.progress.cancel.is_some() {
                    self.end_unstarted(&mut moves, stage, SkipReason::Cancelled, StageState::Cancelled, String::new(), String::new());
                } else {
                    self.end_unstarted(&mut moves, stage, SkipReason::StageErrored, StageState::Errored, message, hint);
                }
                moves.actions.push(Action::Destroy(stage));
            }
            Fact::StepStarted { key } if self.step_state(key) == Some(StepState::Starting) => {
                self.emit(&mut moves, RunEvent::StepStarted { key });
            }
            Fact::StepNoted { key, note } if self.is_active(key) => self.emit(&mut moves, RunEvent::StepNoted { key, note }),
            Fact::StepEnded { key, outcome } if self.is_active(key) => self.end_step(&mut moves, key, outcome),
            Fact::StepOverdue { key } if self.is_active(key) => {
                if let Some(step) = self.progress.step_mut(key).filter(|step| step.stop.is_none()) {
                    step.stop = Some(Stop::Overdue);
                    moves.actions.push(Action::StopStep { key, kill: false });
                }
            }
            Fact::CancelAsked { reason } => self.cancel(&mut moves, reason),
            Fact::StageDestroyed { stage, leftovers } if self.is_to_destroy(stage) => {
                self.emit(&mut moves, RunEvent::StageDestroyed { stage, leftovers });
            }
            _ => {}
        }
        self.advance(&mut moves);
        moves
    }

    /// Closes a run that an earlier process left unfinished and that will not go on: everything unfinished is interrupted.
    /// Returns the events to store; what exists outside is for a sweep to remove.
    pub fn interrupt(&mut self) -> Vec<RunEvent> {
        let mut moves = Moves::default();
        for stage in self.numbers().filter(|&n| self.stage_state(n).is_some_and(|s| !s.is_final())).collect::<Vec<_>>() {
            for key in self.keys(stage).filter(|&key| self.step_state(key).is_some_and(|s| !s.is_final())).collect::<Vec<_>>() {
                self.emit(&mut moves, RunEvent::StepEnded { key, outcome: StepOutcome::Interrupted });
            }
            self.end_stage(&mut moves, stage, StageState::Interrupted, String::new(), String::new());
        }
        if !self.progress.run.is_final() {
            self.emit(&mut moves, RunEvent::RunEnded { state: RunState::Interrupted });
        }
        moves.events
    }

    /// Everything that follows by itself from how things stand.
    fn advance(&mut self, moves: &mut Moves) {
        loop {
            let before = moves.events.len();
            for stage in self.numbers() {
                match self.stage_state(stage) {
                    Some(StageState::Pending) => self.advance_pending(moves, stage),
                    Some(StageState::Running) => self.advance_running(moves, stage),
                    _ => {}
                }
            }
            // The end of one stage may be what an earlier one in the file waited for.
            if moves.events.len() == before {
                break;
            }
        }
        let is_under_way = self.progress.run == RunState::Running || self.progress.cancel.is_some();
        if is_under_way && self.progress.stages.iter().all(|stage| stage.state.is_final() && stage.place != Place::Made) {
            let states = self.progress.stages.iter().map(|stage| stage.state);
            let state = match self.progress.cancel {
                None => RunState::of_stages(states),
                // What the failed step took with it does not count beside it.
                Some(CancelReason::StepFailed) => match RunState::of_stages(states.filter(|state| *state != StageState::Cancelled)) {
                    RunState::Passed => RunState::Failed,
                    trouble => trouble,
                },
                Some(CancelReason::TimedOut) => RunState::TimedOut,
                Some(CancelReason::Superseded | CancelReason::User | CancelReason::Forced) => RunState::Cancelled,
            };
            self.emit(moves, RunEvent::RunEnded { state });
        }
    }

    fn advance_pending(&mut self, moves: &mut Moves, stage: StageNumber) {
        let plan = Arc::clone(&self.plan);
        let Stage { needs, run_on, .. } = &plan.stages[index(stage.0)];
        // A need that was skipped passes on what it waited for itself.
        let failed = needs.iter().any(|&need| self.progress.stage(need).is_some_and(|stage| stage.went_wrong));
        let skip = if self.progress.cancel.is_some() {
            Some(SkipReason::Cancelled)
        } else if self.progress.run != RunState::Running || needs.iter().any(|&n| !self.stage_state(n).is_some_and(StageState::is_final)) {
            return;
        } else if failed {
            (!run_on.failure).then_some(SkipReason::AfterFailure)
        } else {
            (!run_on.success).then_some(SkipReason::NothingFailed)
        };
        match skip {
            Some(reason) => self.end_unstarted(moves, stage, reason, StageState::Skipped, String::new(), String::new()),
            None => {
                self.emit(moves, RunEvent::StagePreparing { stage });
                moves.actions.push(Action::Prepare(stage));
            }
        }
    }

    fn advance_running(&mut self, moves: &mut Moves, stage: StageNumber) {
        let plan = Arc::clone(&self.plan);
        for (key, step) in self.keys(stage).zip(&plan.stages[index(stage.0)].steps) {
            if self.step_state(key) != Some(StepState::Pending) {
                continue;
            }
            let StageProgress { trouble, ended_early, .. } = self.progress.stages[index(stage.0)];
            let failing = trouble.is_some();
            // Steps that still clean up keep their place in the order, so what they need is skipped in its turn and not at once.
            let cancelled = self.progress.cancel.is_some();
            let skip = if cancelled && !self.cleans_up() {
                Some(SkipReason::Cancelled)
            } else if !self.needs_met(key, step) {
                continue;
            } else if cancelled && !step.run_on.failure {
                Some(SkipReason::Cancelled)
            } else if ended_early && !(step.run_on.success && step.run_on.failure) {
                Some(SkipReason::EndedEarly)
            } else if failing {
                (!step.run_on.failure).then_some(SkipReason::AfterFailure)
            } else {
                (!step.run_on.success).then_some(SkipReason::NothingFailed)
            };
            match skip {
                Some(reason) => self.emit(moves, RunEvent::StepSkipped { key, reason }),
                None => {
                    self.emit(moves, RunEvent::StepStarting { key });
                    moves.actions.push(Action::StartStep(key));
                }
            }
        }
        if self.attached_work_is_done(stage) {
            for key in self.keys(stage).filter(|&key| self.is_active(key)).collect::<Vec<_>>() {
                if let Some(step) = self.progress.step_mut(key).filter(|step| step.stop.is_none()) {
                    step.stop = Some(Stop::WithStage);
                    moves.actions.push(Action::StopStep { key, kill: true });
                }
            }
        }
        let progress = &self.progress.stages[index(stage.0)];
        if progress.steps.iter().all(|step| step.state.is_final()) {
            let state = progress.trouble.unwrap_or(StageState::Passed);
            self.end_stage(moves, stage, state, String::new(), String::new());
            moves.actions.push(Action::Destroy(stage));
        }
    }

    fn end_step(&mut self, moves: &mut Moves, key: StepKey, told: StepOutcome) {
        let plan = Arc::clone(&self.plan);
        let (Some(step), Some(progress)) = (planned(&plan, key), self.progress.step(key)) else { return };
        let stop = progress.stop;
        let outcome = match (stop, told) {
            (Some(Stop::Cancel), _) => StepOutcome::Cancelled { reason: self.progress.cancel.unwrap_or(CancelReason::User) },
            (Some(Stop::Overdue), _) => StepOutcome::Cancelled { reason: CancelReason::TimedOut },
            (Some(Stop::WithStage), _) => StepOutcome::EndedWithStage,
            (None, StepOutcome::Exited { code: 78 }) if step.exit_78_ends_stage && !step.detached => StepOutcome::EndedStage,
            (None, told) => told,
        };
        let is_bad = matches!(outcome.state(), StepState::Failed | StepState::Errored);
        let cancels_run = is_bad && stop != Some(Stop::Cancel) && step.on_failure == OnFailure::CancelRun && counts(step, progress.started);
        self.emit(moves, RunEvent::StepEnded { key, outcome });
        if cancels_run {
            self.cancel(moves, CancelReason::StepFailed);
        }
    }

    fn cancel(&mut self, moves: &mut Moves, asked: CancelReason) {
        let has_work = |&n: &StageNumber| self.stage_state(n).is_some_and(|s| !s.is_final()) && !self.attached_work_is_done(n);
        if !self.numbers().any(|n| has_work(&n)) && !self.progress.stages.is_empty() {
            return;
        }
        let reason = match (self.progress.cancel, asked) {
            (Some(CancelReason::User), CancelReason::User) => CancelReason::Forced,
            // The clean-up after a person's cancel is also bound by the time limit.
            (Some(CancelReason::User), CancelReason::TimedOut) => CancelReason::Forced,
            (_, asked) => asked,
        };
        if self.progress.cancel >= Some(reason) {
            return;
        }
        self.emit(moves, RunEvent::CancelRequested { reason });
        let kill = reason == CancelReason::Forced;
        for stage in self.numbers().filter(|&n| self.stage_state(n) == Some(StageState::Preparing)) {
            moves.actions.push(Action::StopPrepare { stage, kill });
        }
        for key in self.progress.active() {
            if self.progress.step(key).is_some_and(|step| step.stop == Some(Stop::Cancel)) {
                moves.actions.push(Action::StopStep { key, kill });
            }
        }
    }

    /// Ends a stage none of whose steps has started.
    fn end_unstarted(&mut self, moves: &mut Moves, stage: StageNumber, why: SkipReason, state: StageState, message: String, hint: String) {
        for key in self.keys(stage) {
            self.emit(moves, RunEvent::StepSkipped { key, reason: why });
        }
        self.end_stage(moves, stage, state, message, hint);
    }

    fn end_stage(&mut self, moves: &mut Moves, stage: StageNumber, state: StageState, message: String, hint: String) {
        self.emit(moves, RunEvent::StageEnded { stage, state, message, hint });
    }

    fn emit(&mut self, moves: &mut Moves, event: RunEvent) {
        self.progress.apply(&self.plan, &event).expect("every event here is guarded by the state that it leaves");
        moves.events.push(event);
    }

    /// Whether steps that run on failure may still start in a cancelled run.
    fn cleans_up(&self) -> bool {
        self.plan.cleanup_on_cancel && !matches!(self.progress.cancel, Some(CancelReason::TimedOut | CancelReason::Forced))
    }

    fn needs_met(&self, key: StepKey, step: &Step) -> bool {
        step.needs.iter().all(|&need| {
            let key = StepKey { step: need, ..key };
            let enough = |step: &Step| step.detached && self.step_state(key) == Some(StepState::Running);
            self.step_state(key).is_some_and(StepState::is_final) || planned(&self.plan, key).is_some_and(enough)
        })
    }

    /// Whether all steps but the detached ones are over. A stage of detached steps alone has none, and ends as soon as they are started.
    fn attached_work_is_done(&self, stage: StageNumber) -> bool {
        let steps = &self.planned_stage(stage).steps;
        let running = matches!(self.stage_state(stage), Some(StageState::Running));
        running && self.keys(stage).zip(steps).all(|(key, step)| step.detached || self.step_state(key).is_some_and(StepState::is_final))
    }

    fn is_to_destroy(&self, stage: StageNumber) -> bool {
        self.progress.stage(stage).is_some_and(|stage| stage.state.is_final() && stage.place == Place::Made)
    }

    fn is_active(&self, key: StepKey) -> bool {
        matches!(self.step_state(key), Some(StepState::Starting | StepState::Running))
    }

    fn stage_state(&self, stage: StageNumber) -> Option<StageState> {
        self.progress.stage(stage).map(|stage| stage.state)
    }

    fn step_state(&self, key: StepKey) -> Option<StepState> {
        self.progress.step(key).map(|step| step.state)
    }

    fn planned_stage(&self, stage: StageNumber) -> &Stage {
        &self.plan.stages[index(stage.0)]
    }

    fn numbers(&self) -> impl Iterator<Item = StageNumber> + use<> {
        (1..=self.plan.stages.len() as u32).map(StageNumber)
    }

    fn keys(&self, stage: StageNumber) -> impl Iterator<Item = StepKey> + use<> {
        let count = self.planned_stage(stage).steps.len() as u32;
        (1..=count).map(move |step| StepKey::first(stage, lp_model::StepNumber(step)))
    }
}

/// Stored events that do not tell a run of that plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The plan itself.
    #[error(transparent)]
    Plan(#[from] BadPlan),
    /// One of the events.
    #[error(transparent)]
    Move(#[from] IllegalMove),
}
