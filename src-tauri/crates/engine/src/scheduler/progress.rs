//! Where a run stands, as its events tell: its states by the fold of the model, and what only the scheduler asks. The same serves a run under
//! way and one read back from the store, so that nothing about a run is known that cannot be known again.

use lp_model::Message;
use lp_model::run::{RunStanding, Standing, StepStanding, fold};
use lp_model::{
    CancelReason, EngineId, IllegalMove, OnFailure, Plan, RunEvent, RunState, SkipReason, StageNumber, StageState, Step, StepKey,
    StepNumber, StepOutcome, StepState,
};
use std::collections::BTreeSet;

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
    /// Which try of it this is about, from 1.
    pub attempt: u32,
    pub state: StepState,
    /// Its program may have run: only attaching is left, never a start.
    pub created: bool,
    /// Its program has run.
    pub started: bool,
    pub stop: Option<Stop>,
    /// It ended badly, and that counts for its stage.
    pub counted: bool,
    /// It ended its stage early as passed.
    pub ended_stage: bool,
    /// What it will run in was asked for ahead. No event says so: after a crash nothing was.
    pub made_ahead: bool,
}

impl StepProgress {
    fn attempt(attempt: u32) -> Self {
        Self {
            attempt,
            state: StepState::Pending,
            created: false,
            started: false,
            stop: None,
            counted: false,
            ended_stage: false,
            made_ahead: false,
        }
    }

    /// Whether its program may have worked on the files of its stage, with a result that counts.
    pub fn has_used_files(&self) -> bool {
        self.created || self.started
    }

    /// Whether its program has run, as far as the events and the way it ended tell.
    pub fn has_run(&self, outcome: &StepOutcome) -> bool {
        use StepOutcome::{EndedStage, Exited, OutOfMemory, Signalled};
        self.started || matches!(outcome, Exited { .. } | EndedStage | Signalled { .. } | OutOfMemory)
    }
}

/// What exists outside for a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    NotMade,
    /// From the moment at which its making is about to begin.
    Made,
    /// Its removal was tried, and something of it is still there.
    Left,
    Gone,
}

impl Place {
    /// Whether something is still to be removed.
    pub fn is_there(self) -> bool {
        matches!(self, Self::Made | Self::Left)
    }
}

#[derive(Debug, Clone)]
pub(super) struct StageProgress {
    pub state: StageState,
    pub place: Place,
    /// The engine that it is on, with what a person calls it. Not known of stages of earlier versions of the app.
    pub engine: Option<(EngineId, Message)>,
    /// Its removal was asked for. No event says so: after a crash it is asked for again.
    pub destroying: bool,
    /// A process before this one made its place, which is being looked after before its steps go on.
    pub reviving: bool,
    /// Its steps may have left files that a retry goes on with.
    pub has_files: bool,
    /// The first thing that went wrong and counts. It becomes the stage's final state: a step that fails while
    /// others are being stopped, or a cancel of clean-up steps after a failure, does not rewrite what happened first.
    pub trouble: Option<StageState>,
    /// A step has ended it as passed: of the steps that wait, only those that run always still run.
    pub ended_early: bool,
    /// It is over, and a stage that needs it is one "after a failure".
    pub went_wrong: bool,
    /// Positions of the steps whose bad end counts.
    pub failed: BTreeSet<usize>,
    pub steps: Vec<StepProgress>,
}

impl StageProgress {
    fn pending(steps: Vec<StepProgress>) -> Self {
        Self {
            state: StageState::Pending,
            place: Place::NotMade,
            engine: None,
            destroying: false,
            reviving: false,
            has_files: false,
            trouble: None,
            ended_early: false,
            went_wrong: false,
            failed: (0..steps.len()).filter(|&i| steps[i].counted).collect(),
            steps,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub run: RunState,
    /// How often it was begun by a person, from 1.
    pub attempt: u32,
    /// The strongest reason so far.
    pub cancel: Option<CancelReason>,
    /// The first failure or error of any stage.
    pub trouble: Option<RunState>,
    pub stages: Vec<StageProgress>,
}

impl Progress {
    pub fn new(plan: &Plan) -> Self {
        let stages = plan.stages.iter().map(|stage| StageProgress::pending(vec![StepProgress::attempt(1); stage.steps.len()])).collect();
        Self { run: RunState::Queued, attempt: 1, cancel: None, trouble: None, stages }
    }

    pub fn stage(&self, number: StageNumber) -> Option<&StageProgress> {
        self.stages.get(index(number.0))
    }

    /// The step of that key, unless the key is of another attempt than the one that counts now.
    pub fn step(&self, key: StepKey) -> Option<&StepProgress> {
        self.stage(key.stage)?.steps.get(index(key.step.0)).filter(|step| step.attempt == key.attempt)
    }

    pub fn step_mut(&mut self, key: StepKey) -> Option<&mut StepProgress> {
        let step = self.stages.get_mut(index(key.stage.0))?.steps.get_mut(index(key.step.0))?;
        (step.attempt == key.attempt).then_some(step)
    }

    /// Keys of the steps of a stage, in plan order, each with the attempt that counts now.
    pub fn keys(&self, stage: StageNumber) -> Vec<StepKey> {
        let steps = self.stage(stage).map_or(&[][..], |progress| &progress.steps);
        steps.iter().zip(1..).map(|(step, number)| StepKey { stage, step: StepNumber(number), attempt: step.attempt }).collect()
    }

    /// The key of the step at a position of a stage, with the attempt that counts now.
    pub fn key(&self, stage: StageNumber, position: usize) -> StepKey {
        let attempt = self.stages[index(stage.0)].steps[position].attempt;
        StepKey { stage, step: StepNumber(position as u32 + 1), attempt }
    }

    /// Keys of all steps that are starting or running, in plan order.
    pub fn active(&self) -> Vec<StepKey> {
        let is_active = |key: &StepKey| self.step(*key).is_some_and(|s| matches!(s.state, StepState::Starting | StepState::Running));
        (1..=self.stages.len() as u32).flat_map(|stage| self.keys(StageNumber(stage))).filter(is_active).collect()
    }

    /// Takes in one event: moves the states, then notes what else follows from it.
    pub fn apply(&mut self, plan: &Plan, event: &RunEvent) -> Result<(), IllegalMove> {
        fold(self, event)?;
        match event {
            RunEvent::StagePreparing { stage } => self.folded_stage(*stage).place = Place::Made,
            RunEvent::StagePlaced { stage, engine, name } => self.folded_stage(*stage).engine = Some((engine.clone(), name.clone())),
            RunEvent::StageReady { stage } => self.folded_stage(*stage).has_files = true,
            RunEvent::StageEnded { stage, state, .. } => {
                let needs = plan.stages.get(index(stage.0)).map_or(&[][..], |planned| &planned.needs);
                let inherited = needs.iter().any(|&need| self.stage(need).is_some_and(|need| need.went_wrong));
                self.folded_stage(*stage).went_wrong = match state {
                    StageState::Passed => false,
                    StageState::Skipped => inherited,
                    _ => true,
                };
                if *state == StageState::Errored {
                    self.trouble.get_or_insert(RunState::Errored);
                }
            }
            RunEvent::StageDestroyed { stage, kept, leftovers } => {
                let progress = self.folded_stage(*stage);
                progress.place = if leftovers.is_empty() { Place::Gone } else { Place::Left };
                progress.destroying = false;
                progress.has_files &= *kept;
            }
            RunEvent::StepCreated { key } => self.folded_step(*key).created = true,
            RunEvent::StepStarted { key } => self.folded_step(*key).started = true,
            RunEvent::StepSkipped { key, reason: SkipReason::Cancelled } => {
                self.folded_stage(key.stage).trouble.get_or_insert(StageState::Cancelled);
            }
            RunEvent::StepEnded { key, outcome } => self.end_step(plan, *key, outcome),
            RunEvent::CancelRequested { .. } => {
                let forced = self.cancel == Some(CancelReason::Forced);
                for key in self.active() {
                    // A step in its grace time may still need its services, so a first cancel leaves them alone: they end with the stage.
                    let spared = !forced && planned(plan, key).is_some_and(|step| step.detached);
                    if let (false, Some(step)) = (spared, self.step_mut(key)) {
                        step.stop = Some(Stop::Cancel);
                    }
                }
            }
            RunEvent::RunStarted
            | RunEvent::RunEnded { .. }
            | RunEvent::RunResumed
            | RunEvent::RunRetried { .. }
            | RunEvent::StepNoted { .. }
            | RunEvent::StepStarting { .. }
            | RunEvent::StepSkipped { .. } => {}
        }
        Ok(())
    }

    fn end_step(&mut self, plan: &Plan, key: StepKey, outcome: &StepOutcome) {
        let Some(planned) = planned(plan, key) else { return };
        let step = self.folded_step(key);
        let stop = step.stop.take();
        let has_run = step.has_run(outcome);
        // A program that was taken over after the loss of its `StepCreated` has worked as well; a service that the stage took along before it
        // was made has not.
        step.created |= has_run;
        if *outcome == StepOutcome::EndedStage {
            step.ended_stage = true;
            self.folded_stage(key.stage).ended_early = true;
        }
        let cut = stop == Some(Stop::Cancel) && matches!(outcome, StepOutcome::Cancelled { .. });
        let trouble = match outcome.state() {
            // Whether a step happens to run when the run's time is up, or only waits, makes no difference to its stage.
            StepState::Failed | StepState::Cancelled if cut => StageState::Cancelled,
            StepState::Failed => StageState::Failed,
            StepState::Errored => StageState::Errored,
            StepState::Cancelled => StageState::Cancelled,
            StepState::Interrupted => StageState::Interrupted,
            _ => return,
        };
        if !(cut && !planned.detached || counts(planned, has_run)) {
            return;
        }
        self.folded_step(key).counted = true;
        self.folded_stage(key.stage).failed.insert(index(key.step.0));
        self.folded_stage(key.stage).trouble.get_or_insert(trouble);
        match trouble {
            StageState::Failed => self.trouble.get_or_insert(RunState::Failed),
            StageState::Errored => self.trouble.get_or_insert(RunState::Errored),
            StageState::Interrupted => self.trouble.get_or_insert(RunState::Interrupted),
            _ => return,
        };
    }

    /// The stage of an event that was found legal.
    fn folded_stage(&mut self, stage: StageNumber) -> &mut StageProgress {
        self.stages.get_mut(index(stage.0)).expect("the fold has found the stage")
    }

    /// The step of an event that was found legal.
    fn folded_step(&mut self, key: StepKey) -> &mut StepProgress {
        self.step_mut(key).expect("the fold has found the step")
    }
}

impl Standing for Progress {
    fn run_standing(&mut self) -> RunStanding<'_> {
        RunStanding { state: &mut self.run, attempt: self.attempt, cancel: &mut self.cancel }
    }

    fn stage_state(&mut self, stage: StageNumber) -> Option<&mut StageState> {
        self.stages.get_mut(index(stage.0)).map(|stage| &mut stage.state)
    }

    fn step_standing(&mut self, stage: StageNumber, step: StepNumber) -> Option<StepStanding<'_>> {
        let step = self.stages.get_mut(index(stage.0))?.steps.get_mut(index(step.0))?;
        Some(StepStanding { attempt: step.attempt, state: &mut step.state })
    }

    /// All that went wrong or was cancelled is forgotten: a retry names it, or it did not count.
    fn begin_run_again(&mut self, attempt: u32) {
        (self.run, self.attempt, self.cancel, self.trouble) = (RunState::Queued, attempt, None, None);
    }

    fn begin_stage_again(&mut self, stage: StageNumber) {
        let stage = self.folded_stage(stage);
        let steps = std::mem::take(&mut stage.steps);
        let ended_early = steps.iter().any(|step| step.ended_stage);
        // What a process that died could not remove is found again when the place is made, or removed with it.
        let (place, has_files) = (if stage.place.is_there() { Place::Made } else { Place::NotMade }, stage.has_files);
        // With the first step the stage may begin anywhere; the files of steps that passed are where they are.
        let engine = stage.engine.take().filter(|_| steps.iter().any(StepProgress::has_used_files));
        *stage = StageProgress { place, engine, has_files, ended_early, ..StageProgress::pending(steps) };
    }

    fn begin_step_again(&mut self, key: StepKey) {
        let stage = self.folded_stage(key.stage);
        stage.steps[index(key.step.0)] = StepProgress::attempt(key.attempt);
        stage.failed.remove(&index(key.step.0));
    }
}

/// Whether a bad end of the step by itself means anything for its stage. What a detached step does after it has started does not;
/// that it cannot be started does.
pub(super) fn counts(step: &Step, has_run: bool) -> bool {
    step.on_failure != OnFailure::Ignore && !(step.detached && has_run)
}

pub(super) fn planned(plan: &Plan, key: StepKey) -> Option<&Step> {
    plan.stages.get(index(key.stage.0))?.steps.get(index(key.step.0))
}

/// Numbers count from 1; a 0 in damaged data finds nothing.
pub(super) fn index(number: u32) -> usize {
    (number as usize).wrapping_sub(1)
}
