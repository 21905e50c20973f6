//! What may move next, kept up to date with each event, so that a fact costs as much as what follows from it and not as much as the run is long.
//!
//! The frontier only names candidates; the rules in [`super`] decide about them, and in which order. It is made anew from the states when a run
//! is replayed or retried.

use super::check::behind;
use super::progress::{Progress, index};
use lp_model::{Plan, RunEvent, Stage, StageNumber, StepKey, StepState};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who waits for whom: the same for all lives of a run.
#[derive(Debug)]
struct Graph {
    /// Of each stage, the stages that need it.
    stages: Vec<Vec<usize>>,
    /// Of each stage, of each of its steps, the steps that need it.
    steps: Vec<Vec<Vec<usize>>>,
}

#[derive(Debug, Clone)]
pub(super) struct Frontier {
    graph: Arc<Graph>,
    stages: Vec<StageFrontier>,
    /// Stages that are to be looked at, because something happened that concerns them.
    touched: BTreeSet<usize>,
    /// Stages that are not over.
    open: usize,
}

#[derive(Debug, Clone, Default)]
struct StageFrontier {
    /// How many stages that it needs are not over.
    needs: usize,
    steps: Vec<StepFrontier>,
    /// Pending steps that wait for nothing.
    free: BTreeSet<usize>,
    /// Pending steps that are not detached, all of whose needs are under way or over, and that nothing was made ahead for.
    near: BTreeSet<usize>,
    /// `near` has grown, or what is said of its steps may have changed.
    near_is_news: bool,
    /// Steps that are starting or running.
    active: BTreeSet<usize>,
    /// Steps that are pending.
    pending: usize,
    /// Steps that are not over: all, and those that are not detached.
    open: usize,
    attached_open: usize,
    /// Something went wrong in it, and whether it has ended early: what `near` was last judged by.
    judged_by: (bool, bool),
}

#[derive(Debug, Clone, Default)]
struct StepFrontier {
    /// How many of its needs still hold it back.
    held_back_by: usize,
    /// How many of its needs are pending.
    far_from: usize,
    /// It holds nobody back any more.
    lets_go: bool,
    /// It is not pending any more.
    has_begun: bool,
    is_over: bool,
}

impl Frontier {
    pub fn new(plan: &Plan, progress: &Progress) -> Self {
        let stages = behind(plan.stages.len(), plan.stages.iter().map(|stage| stage.needs.iter().map(|need| index(need.0))));
        let of_stage =
            |stage: &Stage| behind(stage.steps.len(), stage.steps.iter().map(|step| step.needs.iter().map(|need| index(need.0))));
        let graph = Arc::new(Graph { stages, steps: plan.stages.iter().map(of_stage).collect() });
        let mut frontier = Self { graph, stages: Vec::new(), touched: BTreeSet::new(), open: 0 };
        frontier.read(plan, progress);
        frontier
    }

    /// Everything anew from the states.
    fn read(&mut self, plan: &Plan, progress: &Progress) {
        self.open = plan.stages.len();
        self.stages = plan
            .stages
            .iter()
            .map(|stage| StageFrontier {
                needs: stage.needs.len(),
                steps: stage
                    .steps
                    .iter()
                    .map(|step| StepFrontier { held_back_by: step.needs.len(), far_from: step.needs.len(), ..StepFrontier::default() })
                    .collect(),
                free: (0..stage.steps.len()).filter(|&i| stage.steps[i].needs.is_empty()).collect(),
                near: (0..stage.steps.len()).filter(|&i| stage.steps[i].needs.is_empty() && !stage.steps[i].detached).collect(),
                pending: stage.steps.len(),
                open: stage.steps.len(),
                attached_open: stage.steps.iter().filter(|step| !step.detached).count(),
                near_is_news: true,
                ..StageFrontier::default()
            })
            .collect();
        for (i, stage) in progress.stages.iter().enumerate() {
            for (j, step) in stage.steps.iter().enumerate() {
                self.step_is(plan, i, j, step.state);
                if step.made_ahead {
                    self.stages[i].near.remove(&j);
                }
            }
            if stage.state.is_final() {
                self.stage_is_over(i);
            }
        }
        self.touch_all();
    }

    /// Takes in an event that the states have taken in.
    pub fn follow(&mut self, plan: &Plan, progress: &Progress, event: &RunEvent) {
        match event {
            RunEvent::RunRetried { .. } => self.read(plan, progress),
            RunEvent::RunStarted | RunEvent::RunResumed | RunEvent::CancelRequested { .. } => self.touch_all(),
            RunEvent::StageReady { stage } => self.touch(*stage),
            RunEvent::StageEnded { stage, .. } => self.stage_is_over(index(stage.0)),
            RunEvent::StepStarting { key } => self.step_moved(plan, progress, *key, StepState::Starting),
            RunEvent::StepStarted { key } => self.step_moved(plan, progress, *key, StepState::Running),
            RunEvent::StepSkipped { key, .. } => self.step_moved(plan, progress, *key, StepState::Skipped),
            RunEvent::StepEnded { key, outcome } => self.step_moved(plan, progress, *key, outcome.state()),
            RunEvent::RunEnded { .. }
            | RunEvent::StagePreparing { .. }
            | RunEvent::StagePlaced { .. }
            | RunEvent::StageDestroyed { .. }
            | RunEvent::StepCreated { .. }
            | RunEvent::StepNoted { .. } => {}
        }
    }

    /// A stage is to be looked at, for a reason that no event tells.
    pub fn touch(&mut self, stage: StageNumber) {
        self.touched.insert(index(stage.0));
        self.stages[index(stage.0)].near_is_news = true;
    }

    /// The next stage behind `after` that is to be looked at; it counts as looked at with that.
    pub fn next_touched(&mut self, after: usize) -> Option<usize> {
        let next = self.touched.range(after..).next().copied()?;
        self.touched.remove(&next);
        Some(next)
    }

    /// Whether a stage is to be looked at.
    pub fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Whether all stages are over.
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// Whether all stages that a stage needs are over.
    pub fn stage_is_free(&self, stage: StageNumber) -> bool {
        self.stages[index(stage.0)].needs == 0
    }

    /// The first step from number `after` (from 0) on that is pending and waits for nothing.
    pub fn next_free(&self, stage: StageNumber, after: usize) -> Option<usize> {
        self.stages[index(stage.0)].free.range(after..).next().copied()
    }

    /// Whether some steps of a stage are pending and wait for nothing.
    pub fn has_free(&self, stage: StageNumber) -> bool {
        !self.stages[index(stage.0)].free.is_empty()
    }

    pub fn has_pending(&self, stage: StageNumber) -> bool {
        self.stages[index(stage.0)].pending > 0
    }

    /// The steps that something could be made ahead for, if anything about them is new since the last time.
    pub fn news_of_near(&mut self, stage: StageNumber) -> Vec<usize> {
        let stage = &mut self.stages[index(stage.0)];
        if std::mem::take(&mut stage.near_is_news) { stage.near.iter().copied().collect() } else { Vec::new() }
    }

    /// Something is being made ahead for a step.
    pub fn made_ahead(&mut self, key: StepKey) {
        self.stages[index(key.stage.0)].near.remove(&index(key.step.0));
    }

    /// The steps of a stage that are starting or running, in plan order.
    pub fn active(&self, stage: StageNumber) -> impl Iterator<Item = usize> + '_ {
        self.stages[index(stage.0)].active.iter().copied()
    }

    /// Whether all steps of a stage are over: of all, and of those that are not detached.
    pub fn steps_are_over(&self, stage: StageNumber) -> (bool, bool) {
        let stage = &self.stages[index(stage.0)];
        (stage.open == 0, stage.attached_open == 0)
    }

    fn touch_all(&mut self) {
        self.touched = (0..self.stages.len()).collect();
        for stage in &mut self.stages {
            stage.near_is_news = true;
        }
    }

    fn stage_is_over(&mut self, stage: usize) {
        self.open -= 1;
        for &next in &self.graph.stages[stage] {
            self.stages[next].needs -= 1;
            if self.stages[next].needs == 0 {
                self.touched.insert(next);
            }
        }
    }

    fn step_moved(&mut self, plan: &Plan, progress: &Progress, key: StepKey, state: StepState) {
        let stage = index(key.stage.0);
        self.step_is(plan, stage, index(key.step.0), state);
        self.touched.insert(stage);
        let now = &progress.stages[stage];
        let judged_by = (now.trouble.is_some(), now.ended_early);
        if std::mem::replace(&mut self.stages[stage].judged_by, judged_by) != judged_by {
            self.stages[stage].near_is_news = true;
        }
    }

    fn step_is(&mut self, plan: &Plan, stage: usize, step: usize, state: StepState) {
        let is_detached = plan.stages[stage].steps[step].detached;
        let behind = &self.graph.steps[stage][step];
        let of = &mut self.stages[stage];
        if state != StepState::Pending && !std::mem::replace(&mut of.steps[step].has_begun, true) {
            of.pending -= 1;
            of.free.remove(&step);
            of.near.remove(&step);
            for &next in behind {
                of.steps[next].far_from -= 1;
                if of.steps[next].far_from == 0 && !of.steps[next].has_begun && !plan.stages[stage].steps[next].detached {
                    of.near.insert(next);
                    of.near_is_news = true;
                }
            }
        }
        match state {
            StepState::Starting | StepState::Running => of.active.insert(step),
            _ => of.active.remove(&step),
        };
        let lets_go = state.is_final() || is_detached && state == StepState::Running;
        if lets_go && !std::mem::replace(&mut of.steps[step].lets_go, true) {
            for &next in behind {
                of.steps[next].held_back_by -= 1;
                if of.steps[next].held_back_by == 0 && !of.steps[next].has_begun {
                    of.free.insert(next);
                }
            }
        }
        if state.is_final() && !std::mem::replace(&mut of.steps[step].is_over, true) {
            of.open -= 1;
            of.attached_open -= usize::from(!is_detached);
        }
    }

    /// Whether what is kept here is what the states say.
    #[cfg(test)]
    pub fn agrees(&self, plan: &Plan, progress: &Progress) -> Result<(), String> {
        let mut anew = Self { graph: Arc::clone(&self.graph), stages: Vec::new(), touched: BTreeSet::new(), open: 0 };
        anew.read(plan, progress);
        let facts = |frontier: &Self| -> Vec<_> {
            let of = |stage: &StageFrontier| {
                (
                    stage.needs,
                    stage.free.clone(),
                    stage.near.clone(),
                    stage.active.clone(),
                    (stage.pending, stage.open, stage.attached_open),
                )
            };
            frontier.stages.iter().map(of).collect()
        };
        let (kept, told) = ((self.open, facts(self)), (anew.open, facts(&anew)));
        if kept == told { Ok(()) } else { Err(format!("kept {kept:?}, but the states say {told:?}")) }
    }
}
