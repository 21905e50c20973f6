//! Runs: cancelled, killed, listed, shown.

pub(crate) mod convert;
pub(crate) mod dto;
pub(crate) mod follow;
pub(crate) mod prepare;
pub(crate) mod press;
pub(crate) mod preview;
pub(crate) mod previous;
pub(crate) mod progress;
pub(crate) mod queue;
pub(crate) mod retry;
pub(crate) mod seen;
pub(crate) mod sentences;

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, RunDetail, RunFilter, RunPage, RunStateWord, RunSummary, StageDetail};
use crate::owner::guests;
use crate::project::folder_of;
use crate::run::convert::{RunFacts, StepFacts};
use crate::time;
use lp_engine::Past;
use lp_model::{BackendKind, CancelReason, Message, Plan, ProjectId, RunEvent, RunId, RunState, StepKey, StepState, message};
use lp_store::{Run, RunCursor, StageRun, StepRun};
use std::collections::HashMap;
use std::sync::Arc;

/// Longest page of [`App::runs`].
const PAGE: u32 = 200;

impl App {
    /// Asks a run to stop: its steps get their grace time. A second call changes nothing, and a run that is over stays as it is. Where nobody
    /// drives the run, this process takes it up first.
    ///
    /// # Errors
    /// `RunNotFound`; `NotOwner` when the process that drives it does not answer.
    pub async fn cancel_run(self: &Arc<Self>, run: &str) -> Result<(), ApiError> {
        self.stop_run(run, CancelReason::User).await
    }

    /// Kills the steps of a run without a grace time; nothing more of it runs. A second call changes nothing.
    ///
    /// # Errors
    /// As [`App::cancel_run`].
    pub async fn kill_run(self: &Arc<Self>, run: &str) -> Result<(), ApiError> {
        self.stop_run(run, CancelReason::Forced).await
    }

    async fn stop_run(self: &Arc<Self>, run: &str, reason: CancelReason) -> Result<(), ApiError> {
        let id = parse_run(run)?;
        if self.store.run(&id).await?.state.is_final() {
            return Ok(());
        }
        self.try_own().await?;
        match self.ownership.engine() {
            Some(engine) => {
                if engine.run(&id).is_none() {
                    self.take_up_late(&engine, &id).await?;
                }
                if let Some(run) = engine.run(&id) {
                    run.cancel(reason);
                }
                Ok(())
            }
            None => {
                let asked = match reason {
                    CancelReason::Forced => guests::kill(self, run).await,
                    _ => guests::cancel(self, run).await,
                };
                let Err(error) = asked else { return Ok(()) };
                // The owner may have ended in this moment, with the run or without it.
                if self.store.run(&id).await?.state.is_final() {
                    return Ok(());
                }
                self.try_own().await?;
                let engine = self.ownership.engine().ok_or(error)?;
                if let Some(run) = engine.run(&id) {
                    run.cancel(reason);
                }
                Ok(())
            }
        }
    }

    /// A page of the history, newest first.
    ///
    /// # Errors
    /// `RunNotFound` for an `after` that is no run.
    pub async fn runs(&self, filter: &RunFilter) -> Result<RunPage, ApiError> {
        let after = match &filter.after {
            Some(id) => Some(RunCursor::from(&self.store.run(&parse_run(id)?).await?)),
            None => None,
        };
        let wanted = filter_of(filter)?;
        let limit = filter.limit.clamp(1, PAGE);
        let found = self.store.runs(&wanted, after.as_ref(), limit + 1).await?;
        let runs = self.run_summaries(&found[..found.len().min(limit as usize)]).await?;
        let next = (found.len() > limit as usize).then(|| runs.last().map(|run| run.id.clone())).flatten();
        Ok(RunPage { runs, next })
    }

    pub(crate) async fn run_summary(&self, run: &Run) -> Result<RunSummary, ApiError> {
        let mut summaries = self.run_summaries(std::slice::from_ref(run)).await?;
        Ok(summaries.pop().expect("one for each run"))
    }

    /// Runs as lists show them, with what could not be removed of them and what they wait for.
    pub(crate) async fn run_summaries(&self, runs: &[Run]) -> Result<Vec<RunSummary>, ApiError> {
        let mut leftovers = self.store.leftovers(&runs.iter().map(|run| &run.id).collect::<Vec<_>>()).await?;
        let mut summaries = Vec::new();
        for run in runs {
            let mut summary = convert::run_summary(run);
            for (engine, left) in leftovers.remove(&run.id).unwrap_or_default() {
                // It may still work there.
                let left = Message::joined(left, "; ");
                let told = match engine.is_empty() {
                    true => message!("still there, and removed as soon as that is possible: {}", left),
                    false => message!("still there on {}, and removed as soon as that is possible: {}", engine, left),
                };
                summary.message = if summary.message.is_empty() { told } else { message!("{}; {}", summary.message, told) };
            }
            if run.state == RunState::Queued {
                summary.waiting = self.waiting(&run.id);
            }
            summaries.push(summary);
        }
        Ok(summaries)
    }

    /// Everything about one run but its logs.
    ///
    /// # Errors
    /// `RunNotFound`.
    pub async fn run(&self, run: &str) -> Result<RunDetail, ApiError> {
        let id = parse_run(run)?;
        let detail = self.store.run_detail(&id).await?;
        let plan = self.store.plan(&id).await.ok();
        let events = self.store.events(&id, 0).await.unwrap_or_default();
        let seq = events.last().map_or(0, |event| event.seq);
        let past = Past { events: events.into_iter().map(|stored| (stored.at_ms, stored.event)).collect() };
        let notes: HashMap<StepKey, Message> = past
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                RunEvent::StepNoted { key, note } => Some((*key, note.clone())),
                _ => None,
            })
            .collect();
        let resumed = past.events.iter().filter(|(_, event)| *event == RunEvent::RunResumed).count();
        let on_host = detail.run.backend == backend_word(BackendKind::Host);
        let isolated = plan.as_ref().map_or(!on_host, is_isolated);
        let shown = Shown { plan: plan.as_ref(), on_host, notes: &notes };
        let stages = self.stage_details(&id, &detail.stages, &detail.steps, &shown).await;
        let mut attempts = Vec::new();
        if detail.run.attempt > 1 {
            for attempt in self.store.attempts(&id).await.unwrap_or_default() {
                let stages = self.stage_details(&id, &attempt.stages, &attempt.steps, &shown).await;
                attempts.push(convert::attempt(&attempt, stages));
            }
        }
        let summary = self.run_summary(&detail.run).await?;
        let project = self.store.project(&detail.run.project).await?;
        let facts = RunFacts {
            isolated,
            can_run_again: folder_of(&project).is_ok_and(|folder| folder.exists()),
            inputs: self.store.run_inputs(&id).await?,
            retry: self.retry_of(&detail, plan.as_ref(), &past),
            attempts,
            resumed: u32::try_from(resumed).unwrap_or(u32::MAX),
            left_out: plan.as_ref().map(convert::left_out).unwrap_or_default(),
            seq,
        };
        Ok(convert::run_detail(summary, &detail.run, stages, facts))
    }

    /// What is told about a step: while it waits for something, how far that is.
    fn news_of(&self, id: &RunId, key: StepKey, state: StepState, shown: &Shown<'_>) -> Message {
        let waits = matches!(state, StepState::Pending | StepState::Starting);
        let progress = self.progress.of_step(id, key).filter(|_| waits);
        progress.or_else(|| shown.notes.get(&key).cloned()).unwrap_or_default()
    }

    async fn stage_details(&self, id: &RunId, stages: &[StageRun], steps: &[StepRun], shown: &Shown<'_>) -> Vec<StageDetail> {
        let mut details = Vec::new();
        for stage in stages {
            let mut inside = Vec::new();
            for row in steps.iter().filter(|row| row.key.stage == stage.stage) {
                let planned = shown.plan.and_then(|plan| plan.stage(row.key.stage)?.step(row.key.step));
                let facts = StepFacts {
                    image: planned.filter(|_| !shown.on_host).map(|step| step.image.clone()).unwrap_or_default(),
                    failure_ignored: planned.is_some_and(convert::failure_ignored),
                    note: self.news_of(id, row.key, row.state, shown),
                    log_lines: self.log_lines(id, row.key).await,
                };
                inside.push(convert::step_detail(row, facts));
            }
            details.push(convert::stage_detail(stage, inside));
        }
        details
    }
}

/// What the steps of all attempts of a run are shown with.
struct Shown<'a> {
    plan: Option<&'a Plan>,
    on_host: bool,
    notes: &'a HashMap<StepKey, Message>,
}

/// A filter for the store.
///
/// # Errors
/// `BadRequest` for a time that is none, `ProjectNotFound` for a project that can be none.
pub(crate) fn filter_of(filter: &RunFilter) -> Result<lp_store::RunFilter, ApiError> {
    let word = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let moment = |name: &str, text: &Option<String>| {
        let parsed = text.as_deref().map(time::from_text).transpose();
        parsed.map_err(|why| {
            let text = text.as_deref().unwrap_or_default();
            ApiError::new(ErrorCode::BadRequest, message!("`{}` for `{}` is no time: {}", text, name, Message::verbatim(&why)))
                .hint(message!("write a time such as `2026-11-29T08:00:00+08:00`"))
        })
    };
    let project = match &filter.project {
        Some(id) => {
            Some(ProjectId::parse(id).ok_or_else(|| ApiError::new(ErrorCode::ProjectNotFound, message!("there is no project `{}`", id)))?)
        }
        None => None,
    };
    Ok(lp_store::RunFilter {
        project,
        workflow: word(&filter.workflow),
        target: word(&filter.target),
        actor: word(&filter.actor),
        states: filter.states.iter().map(|word| (*word).into()).collect(),
        from_ms: moment("from", &filter.from)?,
        until_ms: moment("until", &filter.until)?,
        text: word(&Some(filter.text.clone())),
    })
}

pub(crate) fn parse_run(text: &str) -> Result<RunId, ApiError> {
    RunId::parse(text).ok_or_else(|| ApiError::new(ErrorCode::RunNotFound, message!("there is no run `{}`", text)))
}

/// Whether all of it runs in containers: a pipeline of type `exec` beside others does not.
pub(crate) fn is_isolated(plan: &Plan) -> bool {
    plan.stages.iter().all(|stage| stage.backend == BackendKind::Docker)
}

pub(crate) fn backend_word(kind: BackendKind) -> &'static str {
    match kind {
        BackendKind::Docker => "docker",
        BackendKind::Host => "host",
    }
}

impl RunStateWord {
    /// Whether a run in this state is over.
    pub fn is_final(self) -> bool {
        RunState::from(self).is_final()
    }
}
