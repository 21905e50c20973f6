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
//! - A cancel asks the running steps to end and skips those that wait, once however often it comes; to kill is another request
//!   ([`CancelReason::Forced`]). Once a step has been told to end,
//!   however it then ends is called by the reason for telling it (all of that: [`verdict`]).
//! - With [`Plan::cleanup_on_cancel`], steps that run on failure still run after a cancel, but not after a kill and not
//!   when the time is up. When the time is up while they run, they are killed.
//! - A stage that a cancel or the run's time limit cuts short is `cancelled`, unless something went wrong in it before.
//! - The clean-up after a cancel has a time of its own ([`Plan::cleanup_timeout_s`]); when it is over, what still runs is killed.
//! - A cancelled run ends as `cancelled`, `timed_out`, or, when a step's failure stopped it, as that step's failure.
//!   A cancel that finds no work left to stop changes nothing.
//! - A run is over when all its stages have ended. The removal of their places goes on behind that, again and again while something resists or
//!   the engine is away; the files of one that was begun and did not pass are kept for a retry, which has to wait until nothing else is left.
//! - What a step will run in is made ahead when all that it waits for is under way and it would run if all goes on as it stands.
//!
//! A run whose process died is folded together again from its stored events and taken up (`resume`); one that ended badly begins again
//! from where it went wrong (`retry`).

mod ahead;
mod check;
mod frontier;
mod progress;
#[cfg(test)]
mod property;
mod resume;
mod retry;
#[cfg(test)]
mod tests;
mod verdict;

pub use check::BadPlan;
pub use retry::RetryError;
pub use verdict::{BrokenLog, Evidence, Exit};

pub use crate::messages::{Action, Fact, Moves};

use lp_backend::{Before, Files, Keep};
use lp_model::Message;
use lp_model::{
    CancelReason, EngineId, IllegalMove, OnFailure, Plan, RunEvent, RunState, SkipReason, Stage, StageNumber, StageState, Step, StepKey,
    StepState,
};

use frontier::Frontier;
use progress::{Place, Progress, StageProgress, StepProgress, Stop, counts, index, planned};
use std::sync::Arc;
use verdict::Told;

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
    frontier: Frontier,
}

impl Scheduler {
    /// A run that waits for [`Fact::Begun`]. Refuses a plan that could never end.
    pub fn new(plan: Arc<Plan>) -> Result<Self, BadPlan> {
        check::check(&plan)?;
        let progress = Progress::new(&plan);
        Ok(Self { frontier: Frontier::new(&plan, &progress), progress, plan })
    }

    /// A run as its stored events tell it.
    pub fn replay<'e>(plan: Arc<Plan>, events: impl IntoIterator<Item = &'e RunEvent>) -> Result<Self, ReplayError> {
        let mut scheduler = Self::new(plan)?;
        for event in events {
            scheduler.progress.apply(&scheduler.plan, event)?;
        }
        scheduler.frontier = Frontier::new(&scheduler.plan, &scheduler.progress);
        Ok(scheduler)
    }

    /// State of the run.
    pub fn run_state(&self) -> RunState {
        self.progress.run
    }

    /// Whether the run is over and nothing of it is left to be removed.
    pub fn is_clean(&self) -> bool {
        self.progress.run.is_final() && self.not_removed().is_none()
    }

    /// Whether the steps of a stage run, or may run.
    pub fn is_running(&self, stage: StageNumber) -> bool {
        self.stage_state(stage) == Some(StageState::Running)
    }

    /// The engine that a stage is on, with what a person calls it. Of a stage that begins, the engine of the others of its kind: the stages of one
    /// run do not end up on two engines.
    pub fn engine(&self, stage: StageNumber) -> Option<&(EngineId, Message)> {
        let kind = self.planned_stage(stage).backend;
        let others = self
            .plan
            .stages
            .iter()
            .zip(&self.progress.stages)
            .filter(|(planned, progress)| planned.backend == kind && progress.state != StageState::Pending);
        let own = self.progress.stage(stage).and_then(|stage| stage.engine.as_ref());
        own.or_else(|| others.into_iter().find_map(|(_, progress)| progress.engine.as_ref()))
    }

    /// Whether the engine of a stage is written down.
    pub fn has_engine(&self, stage: StageNumber) -> bool {
        self.progress.stage(stage).is_some_and(|stage| stage.engine.is_some())
    }

    /// Whether a stage is being made on that engine, and that is written down.
    pub fn is_placed_on(&self, stage: StageNumber, engine: &EngineId) -> bool {
        let on_it = |progress: &StageProgress| progress.engine.as_ref().is_some_and(|(known, _)| known == engine);
        self.progress.stage(stage).is_some_and(|progress| progress.state == StageState::Preparing && on_it(progress))
    }

    /// Whether something may have been made for a stage on its engine.
    pub fn is_placed(&self, stage: StageNumber) -> bool {
        self.progress.stage(stage).is_some_and(|stage| stage.engine.is_some() || stage.has_files)
    }

    /// The first stage of which something is still there or being removed, of a run that is over.
    pub fn not_removed(&self) -> Option<StageNumber> {
        self.numbers().find(|stage| self.progress.stage(*stage).is_some_and(|stage| stage.place.is_there()))
    }

    /// Whether the run is over, and all that is still there of it is what could not be removed and was said to be.
    pub fn is_settled(&self) -> bool {
        self.progress.run.is_final() && self.progress.stages.iter().all(|stage| stage.place != Place::Made)
    }

    /// What the making of the place of a stage has to find: the files that programs have worked on, as soon as one of this attempt was made
    /// ready to run, or a retry keeps the result of one.
    pub fn files(&self, stage: StageNumber) -> Files {
        match self.progress.stage(stage).is_some_and(|stage| stage.steps.iter().any(StepProgress::has_used_files)) {
            true => Files::Kept,
            false => Files::Fresh,
        }
    }

    /// Whether the program of a step may be started: that it is about to be stands in the events, and it has not ended.
    pub fn is_created(&self, key: StepKey) -> bool {
        self.is_active(key) && self.progress.step(key).is_some_and(|step| step.created)
    }

    /// How things stand for a step of `stage` that starts now.
    pub fn so_far(&self, stage: StageNumber) -> SoFar {
        let cancelled = self.progress.cancel.is_some();
        let progress = self.progress.stage(stage);
        let steps = &self.planned_stage(stage).steps;
        let failed = progress.into_iter().flat_map(|progress| &progress.failed);
        SoFar {
            run_failing: cancelled || self.progress.trouble.is_some(),
            stage_failing: progress.is_some_and(|p| p.trouble.is_some()),
            failed_steps: failed.map(|&i| steps[i].name.clone()).collect(),
        }
    }

    /// Takes in a fact. One that comes too late or twice (a step that ended already) changes nothing.
    pub fn take(&mut self, fact: Fact) -> Moves {
        let mut moves = Moves::default();
        if self.progress.run.is_final() {
            // Only the clean-up is left.
            self.clean_up(&mut moves, fact);
            return moves;
        }
        match fact {
            Fact::Begun if self.progress.run == RunState::Queued => self.emit(&mut moves, RunEvent::RunStarted),
            Fact::StagePrepared { stage } if self.stage_state(stage) == Some(StageState::Preparing) => {
                self.emit(&mut moves, RunEvent::StageReady { stage });
            }
            Fact::StagePrepared { stage } if self.is_reviving(stage) => self.revive(&mut moves, stage),
            Fact::FilesGone { stage, message, hint } => {
                if let Some(progress) = self.progress.stages.get_mut(index(stage.0)) {
                    progress.has_files = false;
                }
                return self.take(Fact::PrepareFailed { stage, message, hint });
            }
            Fact::PrepareFailed { stage, message, hint } if self.is_reviving(stage) => self.bury(&mut moves, stage, message, hint),
            Fact::PrepareFailed { stage, message, hint } if self.stage_state(stage) == Some(StageState::Preparing) => {
                if self.progress.cancel.is_some() {
                    self.end_unstarted(
                        &mut moves,
                        stage,
                        SkipReason::Cancelled,
                        StageState::Cancelled,
                        Message::default(),
                        Message::default(),
                    );
                } else {
                    self.end_unstarted(&mut moves, stage, SkipReason::StageErrored, StageState::Errored, message, hint);
                }
            }
            Fact::StageNoted { stage, note } if matches!(self.stage_state(stage), Some(StageState::Preparing | StageState::Running)) => {
                // Notes are about steps: it is the next one that waits.
                let waits = |key: &StepKey| self.step_state(*key).is_some_and(|state| !state.is_final());
                if let Some(key) = self.keys(stage).into_iter().find(waits) {
                    self.emit(&mut moves, RunEvent::StepNoted { key, note });
                }
            }
            Fact::StepCreated { key } if self.step_state(key) == Some(StepState::Starting) && !self.is_created(key) => {
                self.emit(&mut moves, RunEvent::StepCreated { key });
            }
            Fact::StepStarted { key } if self.step_state(key) == Some(StepState::Starting) => {
                self.emit(&mut moves, RunEvent::StepStarted { key });
            }
            Fact::StepNoted { key, note } if self.is_active(key) => self.emit(&mut moves, RunEvent::StepNoted { key, note }),
            Fact::StepEnded { key, exit, evidence } if self.is_active(key) => self.end_step(&mut moves, key, exit, evidence),
            Fact::StepOverdue { key } if self.is_active(key) => {
                if let Some(step) = self.progress.step_mut(key).filter(|step| step.stop.is_none()) {
                    step.stop = Some(Stop::Overdue);
                    moves.actions.push(Action::StopStep { key, kill: false });
                }
            }
            Fact::CancelAsked { reason } => self.cancel(&mut moves, reason),
            Fact::CleanupOverdue if self.cleans_up() => self.cancel(&mut moves, CancelReason::Forced),
            Fact::StagePlaced { stage, engine, name } if self.stage_state(stage) == Some(StageState::Preparing) => {
                self.emit(&mut moves, RunEvent::StagePlaced { stage, engine, name });
            }
            fact @ (Fact::StageDestroyed { .. } | Fact::RemovalDue { .. }) => self.clean_up(&mut moves, fact),
            _ => {}
        }
        self.advance(&mut moves);
        moves
    }

    /// The removal of a place has gone on, or is to be tried again. That the same is still there is told once.
    fn clean_up(&mut self, moves: &mut Moves, fact: Fact) {
        match fact {
            Fact::StageDestroyed { stage, leftovers, .. } if self.is_left(stage) && !leftovers.is_empty() => {
                self.progress.stages[index(stage.0)].destroying = false;
            }
            Fact::StageDestroyed { stage, leftovers, kept } if self.is_to_destroy(stage) => {
                self.emit(moves, RunEvent::StageDestroyed { stage, leftovers, kept });
            }
            Fact::RemovalDue { stage } => self.destroy(moves, stage),
            _ => {}
        }
    }

    fn is_left(&self, stage: StageNumber) -> bool {
        self.progress.stage(stage).is_some_and(|stage| stage.place == Place::Left)
    }

    /// Everything that follows by itself from how things stand.
    fn advance(&mut self, moves: &mut Moves) {
        // Round after round in the order of the file: the end of one stage may be what an earlier one waited for.
        while self.frontier.is_touched() {
            let mut after = 0;
            while let Some(next) = self.frontier.next_touched(after) {
                after = next + 1;
                let stage = self.plan.stages[next].number;
                match self.stage_state(stage) {
                    Some(StageState::Pending) => self.advance_pending(moves, stage),
                    Some(StageState::Running) => self.advance_running(moves, stage),
                    _ => {}
                }
            }
        }
        let is_under_way = self.progress.run == RunState::Running || self.progress.cancel.is_some();
        if is_under_way && self.frontier.is_over() {
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
        } else if self.progress.run != RunState::Running || !self.frontier.stage_is_free(stage) {
            return;
        } else if failed {
            (!run_on.failure).then_some(SkipReason::AfterFailure)
        } else {
            (!run_on.success).then_some(SkipReason::NothingFailed)
        };
        match skip {
            Some(reason) => self.end_unstarted(moves, stage, reason, StageState::Skipped, Message::default(), Message::default()),
            None => {
                self.emit(moves, RunEvent::StagePreparing { stage });
                moves.actions.push(Action::Prepare(stage));
            }
        }
    }

    fn advance_running(&mut self, moves: &mut Moves, stage: StageNumber) {
        // Steps that still clean up keep their place in the order, so what they need is skipped in its turn and not at once.
        if self.progress.cancel.is_some() && !self.cleans_up() && self.frontier.has_pending(stage) {
            for key in self.keys(stage) {
                if self.step_state(key) == Some(StepState::Pending) {
                    self.decide(moves, key);
                }
            }
        }
        let mut after = 0;
        while let Some(next) = self.frontier.next_free(stage, after) {
            after = next + 1;
            self.decide(moves, self.progress.key(stage, next));
        }
        if self.frontier.has_free(stage) {
            // One that stands before the one it waited for has its turn in the next round.
            self.frontier.touch(stage);
        }
        self.make_ahead(moves, stage);
        if self.attached_work_is_done(stage) {
            for next in self.frontier.active(stage).collect::<Vec<_>>() {
                let key = self.progress.key(stage, next);
                if let Some(step) = self.progress.step_mut(key).filter(|step| step.stop.is_none()) {
                    step.stop = Some(Stop::WithStage);
                    moves.actions.push(Action::StopStep { key, kill: true });
                }
            }
        }
        if self.frontier.steps_are_over(stage).0 {
            let state = self.progress.stages[index(stage.0)].trouble.unwrap_or(StageState::Passed);
            self.end_stage(moves, stage, state, Message::default(), Message::default());
        }
    }

    /// Starts or skips a step whose turn it is.
    fn decide(&mut self, moves: &mut Moves, key: StepKey) {
        let plan = Arc::clone(&self.plan);
        let Some(step) = planned(&plan, key) else { return };
        match self.skip_reason(key.stage, step) {
            Some(reason) => self.emit(moves, RunEvent::StepSkipped { key, reason }),
            None => {
                self.emit(moves, RunEvent::StepStarting { key });
                moves.actions.push(Action::StartStep { key, before: Before::Nothing });
            }
        }
    }

    /// Why a step whose turn it is does not run, as things stand.
    fn skip_reason(&self, stage: StageNumber, step: &Step) -> Option<SkipReason> {
        let StageProgress { trouble, ended_early, .. } = self.progress.stages[index(stage.0)];
        if self.progress.cancel.is_some() && !(self.cleans_up() && step.run_on.failure) {
            Some(SkipReason::Cancelled)
        } else if ended_early && !(step.run_on.success && step.run_on.failure) {
            Some(SkipReason::EndedEarly)
        } else if trouble.is_some() {
            (!step.run_on.failure).then_some(SkipReason::AfterFailure)
        } else {
            (!step.run_on.success).then_some(SkipReason::NothingFailed)
        }
    }

    fn end_step(&mut self, moves: &mut Moves, key: StepKey, exit: Exit, evidence: Evidence) {
        let plan = Arc::clone(&self.plan);
        let (Some(step), Some(progress)) = (planned(&plan, key), self.progress.step(key)) else { return };
        let stop = progress.stop;
        let told = stop.map(|stop| match stop {
            Stop::Cancel => Told::Cancel(self.progress.cancel.unwrap_or(CancelReason::User)),
            Stop::Overdue => Told::Overdue,
            Stop::WithStage => Told::WithStage,
        });
        let outcome = verdict::verdict(step, exit, evidence, told);
        let is_bad = matches!(outcome.state(), StepState::Failed | StepState::Errored | StepState::Interrupted);
        let counts = counts(step, progress.has_run(&outcome));
        let cancels_run = is_bad && stop != Some(Stop::Cancel) && step.on_failure == OnFailure::CancelRun && counts;
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
            // The clean-up after a person's cancel is also bound by the time limit.
            (Some(CancelReason::User), CancelReason::TimedOut) => CancelReason::Forced,
            (_, asked) => asked,
        };
        if self.progress.cancel >= Some(reason) {
            return;
        }
        self.emit(moves, RunEvent::CancelRequested { reason });
        let kill = reason == CancelReason::Forced;
        for stage in self.numbers().filter(|&n| self.stage_state(n) == Some(StageState::Preparing) || self.is_reviving(n)) {
            moves.actions.push(Action::StopPrepare { stage, kill });
        }
        for key in self.progress.active() {
            if self.progress.step(key).is_some_and(|step| step.stop == Some(Stop::Cancel)) {
                moves.actions.push(Action::StopStep { key, kill });
            }
        }
    }

    /// Ends a stage none of whose steps has started in this attempt of the run.
    fn end_unstarted(
        &mut self,
        moves: &mut Moves,
        stage: StageNumber,
        why: SkipReason,
        state: StageState,
        message: Message,
        hint: Message,
    ) {
        // In a retry some have kept their result.
        for key in self.keys(stage).into_iter().filter(|&key| self.step_state(key) == Some(StepState::Pending)).collect::<Vec<_>>() {
            self.emit(moves, RunEvent::StepSkipped { key, reason: why });
        }
        self.end_stage(moves, stage, state, message, hint);
    }

    fn end_stage(&mut self, moves: &mut Moves, stage: StageNumber, state: StageState, message: Message, hint: Message) {
        self.emit(moves, RunEvent::StageEnded { stage, state, message, hint });
        self.destroy(moves, stage);
    }

    /// Asks for the removal of a stage's place, once.
    fn destroy(&mut self, moves: &mut Moves, stage: StageNumber) {
        if !self.is_to_destroy(stage) {
            return;
        }
        let progress = &mut self.progress.stages[index(stage.0)];
        if !std::mem::replace(&mut progress.destroying, true) {
            let is_of_use = progress.has_files && progress.state != StageState::Passed;
            moves.actions.push(Action::Destroy { stage, keep: if is_of_use { Keep::Files } else { Keep::Nothing } });
        }
    }

    fn emit(&mut self, moves: &mut Moves, event: RunEvent) {
        self.progress.apply(&self.plan, &event).expect("every event here is guarded by the state that it leaves");
        self.frontier.follow(&self.plan, &self.progress, &event);
        moves.events.push(event);
    }

    /// Whether the run is cancelled, and steps that run on failure may still start.
    pub fn cleans_up(&self) -> bool {
        let leaves_time = |cancel| !matches!(cancel, CancelReason::TimedOut | CancelReason::Forced);
        self.plan.cleanup_on_cancel && self.progress.cancel.is_some_and(leaves_time)
    }

    /// Whether all steps but the detached ones are over. A stage of detached steps alone has none, and ends as soon as they are started.
    fn attached_work_is_done(&self, stage: StageNumber) -> bool {
        self.is_running(stage) && self.frontier.steps_are_over(stage).1
    }

    fn is_to_destroy(&self, stage: StageNumber) -> bool {
        self.progress.stage(stage).is_some_and(|stage| stage.state.is_final() && stage.place.is_there())
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

    /// Keys of the steps of a stage in plan order, each with its current attempt.
    fn keys(&self, stage: StageNumber) -> Vec<StepKey> {
        self.progress.keys(stage)
    }
}

/// Stored events that do not tell a run of that plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum ReplayError {
    /// The plan itself.
    Plan(#[from] BadPlan),
    /// One of the events.
    Move(#[from] IllegalMove),
}

impl ReplayError {
    /// What does not fit.
    pub fn told(&self) -> Message {
        match self {
            Self::Plan(bad) => bad.told(),
            Self::Move(illegal) => illegal.told(),
        }
    }
}
