//! Table `run`: what was asked for, and the cached status of the whole.
//!
//! The order of the queue is a number that is counted, not a time: clocks jump. A retry goes to the end of the queue.

use crate::status::RunStatus;
use crate::{StageRun, StepRun, Store, StoreError, stage_run, step_run};
use lp_model::{CancelReason, EventFacts, Plan, ProjectId, RunId, RunState};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// A run as it is asked for. Its number is `event.run_number`, taken before with [`Store::take_run_number`], because it stands in the plan.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id (UUID v7), made by the caller.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// Name of the workflow.
    pub workflow_name: String,
    /// Title of the workflow as shown when it was started.
    pub workflow_title: String,
    /// The version in words: a tag, or a branch and a date.
    pub version_name: String,
    /// First line of the commit's message.
    pub version_title: String,
    /// The compiled plan; its `event` is what is stored as the event facts.
    pub plan: Plan,
    /// Where it runs, in words: `docker`, `host`.
    pub backend: String,
    /// Who started it.
    pub actor: String,
    /// The run that this one repeats.
    pub parent: Option<RunId>,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// A run without its plan, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// Its number in the project, from 1.
    pub number: u64,
    /// Name of the workflow.
    pub workflow_name: String,
    /// Title of the workflow when it was started.
    pub workflow_title: String,
    /// The version in words.
    pub version_name: String,
    /// First line of the commit's message.
    pub version_title: String,
    /// The commit.
    pub version_sha: String,
    /// The reference of the event, e.g. `refs/tags/1.1.0`.
    pub version_ref: String,
    /// Where it runs.
    pub backend: String,
    /// Who started it.
    pub actor: String,
    /// Values of the form.
    pub inputs: BTreeMap<String, String>,
    /// The run that this one repeats, while it is still stored.
    pub parent: Option<RunId>,
    /// How far it is.
    pub state: RunState,
    /// Why someone asked to stop it, the strongest reason.
    pub cancel_reason: Option<CancelReason>,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it left the queue, milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// When it was over, milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
    /// What stopped it, or empty.
    pub message: String,
    /// Which attempt this is, from 1; times and message are of this one.
    pub attempt: u32,
}

/// An attempt of a run that was retried later, as it was at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAttempt {
    /// Which one, from 1.
    pub number: u32,
    /// How it ended.
    pub state: RunState,
    /// When it left the queue, milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// When it was over, milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
    /// What stopped it, or empty.
    pub message: String,
    /// Its stages in order.
    pub stages: Vec<StageRun>,
    /// The steps of all stages in order. One that was not run in this attempt is here with the attempt before.
    pub steps: Vec<StepRun>,
}

/// A run with its stages and steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// Its stages in order.
    pub stages: Vec<StageRun>,
    /// The steps of all stages in order.
    pub steps: Vec<StepRun>,
}

/// Where a page of runs ended: give it back for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCursor {
    /// [`Run::id`] of the last row.
    pub id: RunId,
}

impl From<&Run> for RunCursor {
    fn from(run: &Run) -> Self {
        Self { id: run.id.clone() }
    }
}

/// Which runs to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only those of this project.
    pub project: Option<ProjectId>,
    /// Only those in one of these states; empty: in any.
    pub states: Vec<RunState>,
    /// Only those with this text in version, workflow, person or message, or with this number (`7` or `#7`).
    pub text: Option<String>,
}

/// What `run.journal` says about runs that this version writes.
pub(crate) const JOURNAL: i64 = 2;
/// Longest page of [`Store::runs`].
const PAGE: u32 = 500;

struct Row {
    id: String,
    project_id: String,
    number: i64,
    workflow_name: String,
    workflow_title: String,
    version_name: String,
    version_title: String,
    version_sha: String,
    version_ref: String,
    inputs: String,
    backend: String,
    actor: String,
    parent_run: Option<String>,
    state: String,
    cancel_reason: Option<String>,
    created_ms: i64,
    started_ms: Option<i64>,
    ended_ms: Option<i64>,
    message: String,
    attempt: i64,
}

impl TryFrom<Row> for Run {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: parse_id(&row.id)?,
            project: ProjectId::parse(&row.project_id).ok_or_else(|| StoreError::unreadable("project id", &row.project_id))?,
            number: row.number.unsigned_abs(),
            workflow_name: row.workflow_name,
            workflow_title: row.workflow_title,
            version_name: row.version_name,
            version_title: row.version_title,
            version_sha: row.version_sha,
            version_ref: row.version_ref,
            backend: row.backend,
            actor: row.actor,
            inputs: serde_json::from_str(&row.inputs).map_err(|why| StoreError::unreadable("inputs", why))?,
            parent: row.parent_run.as_deref().map(parse_id).transpose()?,
            state: parse_state(&row.state)?,
            cancel_reason: parse_cancel(row.cancel_reason.as_deref())?,
            created_ms: row.created_ms,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            message: row.message,
            attempt: parse_attempt(row.attempt)?,
        })
    }
}

fn parse_id(text: &str) -> Result<RunId, StoreError> {
    RunId::parse(text).ok_or_else(|| StoreError::unreadable("run id", text))
}

pub(crate) fn parse_attempt(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|why| StoreError::unreadable("attempt", why))
}

pub(crate) fn parse_state(word: &str) -> Result<RunState, StoreError> {
    RunState::parse(word).ok_or_else(|| StoreError::unreadable("run state", word))
}

pub(crate) fn parse_cancel(json: Option<&str>) -> Result<Option<CancelReason>, StoreError> {
    json.map(serde_json::from_str).transpose().map_err(|why| StoreError::unreadable("cancel reason", why))
}

pub(crate) async fn update_status(connection: &mut SqliteConnection, run: &str, status: &RunStatus) -> Result<(), StoreError> {
    let state = status.state.as_str();
    let cancel = status.cancel_reason.as_ref().map(serde_json::to_string).transpose();
    let cancel = cancel.map_err(|why| StoreError::unreadable("cancel reason", why))?;
    let query = sqlx::query!(
        "UPDATE run SET state = ?2, cancel_reason = ?3, started_ms = ?4, ended_ms = ?5, message = ?6, attempt = ?7 WHERE id = ?1",
        run,
        state,
        cancel,
        status.started_ms,
        status.ended_ms,
        status.message,
        status.attempt
    );
    query.execute(connection).await?;
    Ok(())
}

/// Puts a run at the end of the queue.
pub(crate) async fn queue_again(connection: &mut SqliteConnection, run: &str) -> Result<(), StoreError> {
    let query =
        sqlx::query!("UPDATE run SET queue_number = (SELECT max(queue_number) + 1 FROM run), journal = ?2 WHERE id = ?1", run, JOURNAL);
    query.execute(connection).await?;
    Ok(())
}

impl Store {
    /// Writes a run down as queued, with all its stages and steps as pending. [`StoreError::Conflict`] when the number is taken or the
    /// project is not known.
    pub async fn create_run(&self, new: &NewRun) -> Result<(), StoreError> {
        let (id, project, parent) = (new.id.as_str(), new.project.as_str(), new.parent.as_ref().map(RunId::as_str));
        let facts = &new.plan.event;
        let number = i64::try_from(facts.run_number).map_err(|why| StoreError::unreadable("run number", why))?;
        let event = serde_json::to_string(facts).map_err(|why| StoreError::unreadable("event", why))?;
        let plan = serde_json::to_string(&new.plan).map_err(|why| StoreError::unreadable("plan", why))?;
        let inputs = serde_json::to_string(&facts.inputs).map_err(|why| StoreError::unreadable("inputs", why))?;
        let state = RunState::Queued.as_str();

        let mut write = self.write().await?;
        let query = sqlx::query!(
            "INSERT INTO run (id, project_id, number, workflow_name, workflow_title, version_name, version_title, version_sha, version_ref,
                 event, plan, inputs, backend, actor, parent_run, state, created_ms, journal, queue_number)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                 (SELECT coalesce(max(queue_number), 0) + 1 FROM run))",
            id,
            project,
            number,
            new.workflow_name,
            new.workflow_title,
            new.version_name,
            new.version_title,
            facts.commit.sha,
            facts.commit.reference,
            event,
            plan,
            inputs,
            new.backend,
            new.actor,
            parent,
            state,
            new.created_ms,
            JOURNAL
        );
        query.execute(&mut *write).await.map_err(|error| StoreError::from(error).about("run"))?;
        stage_run::insert(&mut write, id, &new.plan).await?;
        step_run::insert(&mut write, id, &new.plan).await?;
        Ok(write.commit().await?)
    }

    /// Runs, newest first, at most `limit` (and never more than 500), after `after`.
    pub async fn runs(&self, filter: &RunFilter, after: Option<&RunCursor>, limit: u32) -> Result<Vec<Run>, StoreError> {
        let project = filter.project.as_ref().map(ProjectId::as_str);
        let words: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        let states = (!words.is_empty()).then(|| serde_json::json!(words).to_string());
        let text = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let number = text.and_then(|text| text.trim_start_matches('#').parse::<i64>().ok());
        let pattern = text.map(like_pattern);
        let after = after.map(|cursor| cursor.id.as_str());
        let limit = i64::from(limit.min(PAGE));
        // One checked query for all filters: a filter that is not set is NULL. In the order in which they were written down: by the clock, which
        // may have been set back since, a new run could be older than its predecessor.
        let query = sqlx::query_as!(
            Row,
            r"SELECT id, project_id, number, workflow_name, workflow_title, version_name, version_title, version_sha, version_ref, inputs,
                  backend, actor, parent_run, state, cancel_reason, created_ms, started_ms, ended_ms, message, attempt
              FROM run
              WHERE (?1 IS NULL OR project_id = ?1)
                AND (?2 IS NULL OR state IN (SELECT value FROM json_each(?2)))
                AND (?3 IS NULL OR number = ?4 OR version_name LIKE ?3 ESCAPE '\' OR version_title LIKE ?3 ESCAPE '\'
                     OR workflow_name LIKE ?3 ESCAPE '\' OR workflow_title LIKE ?3 ESCAPE '\' OR actor LIKE ?3 ESCAPE '\'
                     OR message LIKE ?3 ESCAPE '\')
                AND (?5 IS NULL OR rowid < (SELECT rowid FROM run WHERE id = ?5))
              ORDER BY rowid DESC LIMIT ?6",
            project,
            states,
            pattern,
            number,
            after,
            limit
        );
        query.fetch_all(&self.readers).await?.into_iter().map(Run::try_from).collect()
    }

    /// One run without its stages.
    pub async fn run(&self, id: &RunId) -> Result<Run, StoreError> {
        let mut connection = self.readers.acquire().await?;
        read(&mut connection, id.as_str()).await
    }

    /// The run of a project with that number.
    pub async fn run_by_number(&self, project: &ProjectId, number: u64) -> Result<Run, StoreError> {
        let (project, stored) = (project.as_str(), i64::try_from(number).unwrap_or(i64::MAX));
        let id = sqlx::query_scalar!("SELECT id FROM run WHERE project_id = ?1 AND number = ?2", project, stored);
        let id = id.fetch_optional(&self.readers).await?.ok_or_else(|| StoreError::not_found("run", number))?;
        self.run(&parse_id(&id)?).await
    }

    /// One run with its stages and steps, all of one moment.
    pub async fn run_detail(&self, id: &RunId) -> Result<RunDetail, StoreError> {
        let id = id.as_str();
        let mut moment = self.readers.begin().await?;
        let run = read(&mut moment, id).await?;
        let stages = stage_run::read(&mut moment, id).await?;
        let steps = step_run::read(&mut moment, id).await?;
        moment.commit().await?;
        Ok(RunDetail { run, stages, steps })
    }

    /// The plan of a run. [`StoreError::Unreadable`] when a newer app wrote it: the rest of the run can be shown all the same.
    pub async fn plan(&self, id: &RunId) -> Result<Plan, StoreError> {
        let id = id.as_str();
        let text = sqlx::query_scalar!("SELECT plan FROM run WHERE id = ?1", id).fetch_optional(&self.readers).await?;
        let text = text.ok_or_else(|| StoreError::not_found("run", id))?;
        serde_json::from_str(&text).map_err(|why| StoreError::unreadable("plan", why))
    }

    /// The event facts of a run.
    pub async fn event_facts(&self, id: &RunId) -> Result<EventFacts, StoreError> {
        let id = id.as_str();
        let text = sqlx::query_scalar!("SELECT event FROM run WHERE id = ?1", id).fetch_optional(&self.readers).await?;
        let text = text.ok_or_else(|| StoreError::not_found("run", id))?;
        serde_json::from_str(&text).map_err(|why| StoreError::unreadable("event", why))
    }

    /// Deletes a run that is over, with its events. Its log files are the caller's to remove ([`crate::Logs::remove`]).
    pub async fn delete_run(&self, id: &RunId) -> Result<(), StoreError> {
        let id = id.as_str();
        let mut write = self.write().await?;
        let run = read(&mut write, id).await?;
        if !run.state.is_final() {
            return Err(StoreError::Conflict { what: "deletion", message: format!("run `{id}` is not over") });
        }
        sqlx::query!("DELETE FROM run WHERE id = ?1", id).execute(&mut *write).await?;
        Ok(write.commit().await?)
    }
}

async fn read(connection: &mut SqliteConnection, id: &str) -> Result<Run, StoreError> {
    let query = sqlx::query_as!(
        Row,
        "SELECT id, project_id, number, workflow_name, workflow_title, version_name, version_title, version_sha, version_ref, inputs,
             backend, actor, parent_run, state, cancel_reason, created_ms, started_ms, ended_ms, message, attempt
         FROM run WHERE id = ?1",
        id
    );
    query.fetch_optional(connection).await?.ok_or_else(|| StoreError::not_found("run", id))?.try_into()
}

/// The text anywhere, with the wildcards of LIKE taken literally.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
