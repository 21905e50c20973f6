//! Runs: previewed, started, repeated, cancelled, listed, shown.

use crate::app::App;
use crate::convert::{self, RunFacts, StepFacts};
use crate::dto::{
    ApiError, ErrorCode, RunDetail, RunFilter, RunPage, RunPreview, RunRequest, RunStateWord, RunSummary, SecretState, StageDetail,
};
use crate::event;
use crate::guests;
use crate::ownership::{not_started, queue_place};
use crate::prepare::Prepared;
use crate::projects::{blocking, folder_of};
use crate::time;
use lp_engine::Past;
use lp_model::{BackendKind, CancelReason, Plan, ProjectId, RunEvent, RunId, RunState, StepKey, StepState};
use lp_store::{Cause, NewRun, Run, RunCursor, StageRun, StepRun};
use std::collections::HashMap;
use std::sync::Arc;

/// Longest page of [`App::runs`].
const PAGE: u32 = 200;
/// From how many passed runs the usual time comes, and how many there must be.
const USUAL_FROM: u32 = 20;
const USUAL_LEAST: usize = 3;

impl App {
    /// What would happen if the request were carried out.
    ///
    /// # Errors
    /// Everything that would keep it from running: files with errors, a value that is not allowed, nothing to run.
    pub async fn preview(&self, request: &RunRequest) -> Result<RunPreview, ApiError> {
        let prepared = self.prepare(request, (0, None)).await?;
        let secrets = self.handed_secrets(&prepared.project.id, &prepared.plan).await?;
        let missing = secrets.iter().filter(|secret| secret.state == SecretState::Missing);
        let backend = prepared.backend();
        Ok(RunPreview {
            stages: convert::planned(&prepared.plan),
            left_out: convert::left_out(&prepared.plan),
            event: prepared.plan.event.kind.as_str().to_owned(),
            backend: backend_word(backend).to_owned(),
            isolated: is_isolated(&prepared.plan),
            needs_consent: prepared.needs_consent,
            missing_secrets: missing.map(|secret| secret.name.clone()).collect(),
            secrets,
            usual_ms: self.usual_ms(&prepared.project.id, &prepared.workflow.name).await?,
            findings: prepared.findings,
        })
    }

    /// Median time of the last passed runs of a workflow.
    async fn usual_ms(&self, project: &ProjectId, workflow: &str) -> Result<Option<u64>, ApiError> {
        let mut times = self.store.run_times(project, workflow, USUAL_FROM).await?;
        times.sort_unstable();
        Ok((times.len() >= USUAL_LEAST).then(|| times[times.len() / 2]))
    }

    /// Starts a run and returns its id. A process that does not own the data folder lets the owner do it.
    ///
    /// # Errors
    /// As [`App::preview`]; `NoEngine` when steps would run on this computer without consent, or cannot.
    pub async fn start_run(&self, request: &RunRequest) -> Result<String, ApiError> {
        if !self.ownership.is_ours() {
            return guests::start(self, request).await;
        }
        self.start_with(request, None).await
    }

    /// Starts a run with the same workflow, version and values as another one.
    ///
    /// # Errors
    /// `RunNotFound`, and as [`App::start_run`].
    pub async fn run_again(&self, run: &str) -> Result<String, ApiError> {
        if !self.ownership.is_ours() {
            return guests::again(self, run).await;
        }
        let before = self.store.run(&parse_run(run)?).await?;
        let plan = self.store.plan(&before.id).await.ok();
        let tag = plan.as_ref().and_then(|plan| plan.event.tag());
        let version = self.version_again(&before, tag).await?;
        let request = RunRequest {
            project: before.project.to_string(),
            workflow: before.workflow_name.clone(),
            version,
            event: plan.as_ref().map(|plan| event::again(&plan.event)),
            inputs: self.store.run_inputs(&before.id).await?,
            // Whoever agreed to that run on this computer agrees to the same again.
            allow_host: !plan.as_ref().map_or(before.backend != backend_word(BackendKind::Host), is_isolated),
            on_host: false,
        };
        self.start_with(&request, Some(&before)).await
    }

    /// The version of a run, by its tag as long as that leads to the same commit: a commit may have several.
    async fn version_again(&self, run: &Run, tag: Option<&str>) -> Result<String, ApiError> {
        let Some(reference) = tag.map(|tag| format!("refs/tags/{tag}")) else { return Ok(run.version_sha.clone()) };
        let (folder, sha) = (folder_of(&self.store.project(&run.project).await?)?, run.version_sha.clone());
        blocking(move || {
            let found = lp_git::Repository::open(&folder)?.resolve(&reference);
            Ok(if found.is_ok_and(|version| version.sha == sha) { reference } else { sha })
        })
        .await
    }

    async fn start_with(&self, request: &RunRequest, parent: Option<&Run>) -> Result<String, ApiError> {
        let engine = self.must_own()?;
        // A first pass without a number, so that a request that cannot run uses none up.
        let first = self.prepare(request, (0, None)).await?;
        self.check(&first, request)?;
        let project = first.project;
        self.must_be_decided(&project, &first.plan).await?;
        let number = self.store.take_run_number(&project.id).await?;
        let prepared = self.prepare(request, (number, parent.map(|run| run.number))).await?;
        self.check(&prepared, request)?;

        let id = RunId::parse(&uuid::Uuid::now_v7().simple().to_string()).expect("a UUID is a legal id");
        let title = convert::localised(&prepared.workflow.title);
        let new = NewRun {
            id: id.clone(),
            project: project.id.clone(),
            workflow_name: prepared.workflow.name.clone(),
            workflow_title: serde_json::to_string(&title).expect("plain data"),
            version_name: prepared.version.tag.clone().unwrap_or_default(),
            version_title: prepared.version.title.clone(),
            backend: backend_word(prepared.backend()).to_owned(),
            cause: Cause::of_press(prepared.plan.event.kind, parent.is_some()),
            actor: self.options.actor.clone(),
            parent: parent.map(|run| run.id.clone()),
            created_ms: prepared.plan.event.created_ms,
            plan: prepared.plan.clone(),
        };
        let _no_sweep_meanwhile = self.ownership.may_begin().await;
        self.store.create_run(&new).await?;
        let place = queue_place(&project.id, &prepared.plan);
        if let Err(refused) = engine.start(id.clone(), Arc::new(prepared.plan), place) {
            self.store.append_events(&id, &[(time::now_ms(), RunEvent::RunEnded { state: RunState::Errored })]).await?;
            return Err(not_started(&refused));
        }
        self.tell_of_run(&id, project.id.as_str(), true);
        Ok(id.to_string())
    }

    fn check(&self, prepared: &Prepared, request: &RunRequest) -> Result<(), ApiError> {
        if prepared.needs_consent && !request.allow_host {
            return Err(self.no_engine("or agree that the steps run directly on this computer, not isolated"));
        }
        Ok(())
    }

    /// Asks a run to stop: its steps get their grace time. A second call kills. A run that is over stays as it is. Where nobody drives the
    /// run, this process takes it up first.
    ///
    /// # Errors
    /// `RunNotFound`; `NotOwner` when the process that drives it does not answer.
    pub async fn cancel_run(self: &Arc<Self>, run: &str) -> Result<(), ApiError> {
        self.stop_run(run, CancelReason::User).await
    }

    /// Kills the steps of a run without a grace time; nothing more of it runs.
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
                let on = if engine.is_empty() { String::new() } else { format!(" on {engine}") };
                let told = format!("still there{on}, and removed as soon as that is possible: {}", left.join("; "));
                summary.message = if summary.message.is_empty() { told } else { format!("{}; {told}", summary.message) };
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
        let notes: HashMap<StepKey, String> = past
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
    fn news_of(&self, id: &RunId, key: StepKey, state: StepState, shown: &Shown<'_>) -> String {
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
    notes: &'a HashMap<StepKey, String>,
}

/// A filter for the store.
///
/// # Errors
/// `BadRequest` for a time that is none, `ProjectNotFound` for a project that can be none.
fn filter_of(filter: &RunFilter) -> Result<lp_store::RunFilter, ApiError> {
    let word = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let moment = |name: &str, text: &Option<String>| {
        let parsed = text.as_deref().map(time::from_text).transpose();
        parsed.map_err(|why| {
            let text = text.as_deref().unwrap_or_default();
            ApiError::new(ErrorCode::BadRequest, format!("`{text}` for `{name}` is no time: {why}"))
                .hint("write a time such as `2026-11-29T08:00:00+08:00`")
        })
    };
    let project = match &filter.project {
        Some(id) => {
            Some(ProjectId::parse(id).ok_or_else(|| ApiError::new(ErrorCode::ProjectNotFound, format!("there is no project `{id}`")))?)
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
    RunId::parse(text).ok_or_else(|| ApiError::new(ErrorCode::RunNotFound, format!("there is no run `{text}`")))
}

/// Whether all of it runs in containers: a pipeline of type `exec` beside others does not.
fn is_isolated(plan: &Plan) -> bool {
    plan.stages.iter().all(|stage| stage.backend == BackendKind::Docker)
}

fn backend_word(kind: BackendKind) -> &'static str {
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
