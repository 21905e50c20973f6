//! One run, and what belongs to it.

use super::{Cause, Run, RunDetail, parse_attempt, parse_cancel, parse_id, parse_state};
use crate::{Store, StoreError, stage_run, step_run};
use lp_model::{EventFacts, Plan, ProjectId, RunId};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// A query for rows of runs, from the part behind its columns; in it, `run` and `project` are joined.
macro_rules! select_runs {
    ($from:literal) => {
        concat!(
            "SELECT run.key, run.id, project.id AS project_id, project.name AS project_name, run.number, run.workflow_name, run.workflow_title, \
             run.event, run.target, run.branch, run.cause, run.version_name, run.version_title, run.version_author, run.version_ms, \
             run.version_sha, run.version_ref, run.backend, run.actor, (SELECT id FROM run AS parent WHERE parent.key = run.parent_key) AS parent, \
             run.state, run.cancel_reason, run.created_ms, run.started_ms, run.ended_ms, run.message, run.attempt ",
            $from
        )
    };
}
pub(super) use select_runs;

const BY_ID: &str = select_runs!("FROM run CROSS JOIN project ON project.key = run.project_key WHERE run.id = ?1");
const BY_NUMBER: &str =
    select_runs!("FROM project CROSS JOIN run ON run.project_key = project.key AND run.number = ?2 WHERE project.id = ?1");

const BY_PRESS: &str = select_runs!(
    "FROM run_press CROSS JOIN run ON run.key = run_press.run_key CROSS JOIN project ON project.key = run.project_key WHERE run_press.press = ?1"
);

/// The queries that are not checked when they are compiled, for the test of their plans.
#[cfg(test)]
pub(crate) const QUERIES: [&str; 3] = [BY_ID, BY_NUMBER, BY_PRESS];

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    key: i64,
    id: String,
    project_id: String,
    project_name: String,
    number: i64,
    workflow_name: String,
    workflow_title: String,
    event: String,
    target: String,
    branch: String,
    cause: String,
    version_name: String,
    version_title: String,
    version_author: String,
    version_ms: Option<i64>,
    version_sha: String,
    version_ref: String,
    backend: String,
    actor: String,
    parent: Option<String>,
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
            key: row.key,
            id: parse_id(&row.id)?,
            project: ProjectId::parse(&row.project_id).ok_or_else(|| StoreError::unreadable("project id", &row.project_id))?,
            project_name: row.project_name,
            number: row.number.unsigned_abs(),
            workflow_name: row.workflow_name,
            workflow_title: row.workflow_title,
            event: row.event,
            target: row.target,
            branch: row.branch,
            cause: Cause::parse(&row.cause)?,
            version_name: row.version_name,
            version_title: row.version_title,
            version_author: row.version_author,
            version_ms: row.version_ms,
            version_sha: row.version_sha,
            version_ref: row.version_ref,
            backend: row.backend,
            actor: row.actor,
            parent: row.parent.as_deref().map(parse_id).transpose()?,
            state: parse_state(&row.state)?,
            cancel_reason: parse_cancel(row.cancel_reason.as_deref())?,
            created_ms: row.created_ms,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            message: crate::words::from_column(&row.message),
            attempt: parse_attempt(row.attempt)?,
        })
    }
}

pub(super) fn all(rows: Vec<Row>) -> Result<Vec<Run>, StoreError> {
    rows.into_iter().map(Run::try_from).collect()
}

/// The key of a run.
pub(crate) async fn key_of(connection: &mut SqliteConnection, id: &str) -> Result<i64, StoreError> {
    let key = sqlx::query_scalar!("SELECT key FROM run WHERE id = ?1", id).fetch_optional(connection).await?;
    key.ok_or_else(|| StoreError::not_found("run", id))
}

pub(super) async fn read(connection: &mut SqliteConnection, id: &str) -> Result<Run, StoreError> {
    let row: Option<Row> = sqlx::query_as(BY_ID).bind(id).fetch_optional(connection).await?;
    row.ok_or_else(|| StoreError::not_found("run", id))?.try_into()
}

impl Store {
    /// One run without its stages.
    pub async fn run(&self, id: &RunId) -> Result<Run, StoreError> {
        let mut connection = self.readers.acquire().await?;
        read(&mut connection, id.as_str()).await
    }

    /// The run of a project with that number.
    pub async fn run_by_number(&self, project: &ProjectId, number: u64) -> Result<Run, StoreError> {
        let stored = i64::try_from(number).unwrap_or(i64::MAX);
        let row: Option<Row> = sqlx::query_as(BY_NUMBER).bind(project.as_str()).bind(stored).fetch_optional(&self.readers).await?;
        row.ok_or_else(|| StoreError::not_found("run", number))?.try_into()
    }

    /// The run that a press has started, while it is stored.
    pub async fn run_of_press(&self, press: &str) -> Result<Option<Run>, StoreError> {
        let row: Option<Row> = sqlx::query_as(BY_PRESS).bind(press).fetch_optional(&self.readers).await?;
        row.map(Run::try_from).transpose()
    }

    /// One run with its stages and steps, all of one moment.
    pub async fn run_detail(&self, id: &RunId) -> Result<RunDetail, StoreError> {
        let mut moment = self.readers.begin().await?;
        let run = read(&mut moment, id.as_str()).await?;
        let stages = stage_run::read(&mut moment, run.key).await?;
        let steps = step_run::read(&mut moment, run.key).await?;
        moment.commit().await?;
        Ok(RunDetail { run, stages, steps })
    }

    /// The plan of a run. [`StoreError::Unreadable`] when a newer app wrote it: the rest of the run can be shown all the same.
    pub async fn plan(&self, id: &RunId) -> Result<Plan, StoreError> {
        let id = id.as_str();
        let query = sqlx::query!(
            "SELECT run_plan.json AS plan, run_facts.json AS facts
             FROM run CROSS JOIN run_plan ON run_plan.run_key = run.key CROSS JOIN run_facts ON run_facts.run_key = run.key WHERE run.id = ?1",
            id
        );
        let row = query.fetch_optional(&self.readers).await?.ok_or_else(|| StoreError::not_found("run", id))?;
        let unreadable = |why| StoreError::unreadable("plan", why);
        let mut plan: serde_json::Value = serde_json::from_str(&row.plan).map_err(unreadable)?;
        if let Some(plan) = plan.as_object_mut().filter(|plan| !plan.contains_key("event")) {
            plan.insert("event".to_owned(), serde_json::from_str(&row.facts).map_err(unreadable)?);
        }
        serde_json::from_value(plan).map_err(unreadable)
    }

    /// The event facts of a run. [`StoreError::Unreadable`] as [`Store::plan`].
    pub async fn event_facts(&self, id: &RunId) -> Result<EventFacts, StoreError> {
        let id = id.as_str();
        let query = sqlx::query_scalar!("SELECT json FROM run CROSS JOIN run_facts ON run_key = key WHERE id = ?1", id);
        let text = query.fetch_optional(&self.readers).await?.ok_or_else(|| StoreError::not_found("run", id))?;
        serde_json::from_str(&text).map_err(|why| StoreError::unreadable("event", why))
    }

    /// The values of the form that a run was started with, by name.
    pub async fn run_inputs(&self, id: &RunId) -> Result<BTreeMap<String, String>, StoreError> {
        let id = id.as_str();
        let query = sqlx::query!("SELECT name, value FROM run CROSS JOIN run_input ON run_key = key WHERE id = ?1 ORDER BY name", id);
        Ok(query.fetch_all(&self.readers).await?.into_iter().map(|row| (row.name, row.value)).collect())
    }
}
