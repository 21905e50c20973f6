//! Runs that go: which may, and their removal.

use super::{parse_id, parse_state, read};
use crate::{Logs, Store, StoreError};
use lp_model::message;
use lp_model::{ProjectId, RunId, RunState};
use std::collections::HashSet;

/// How many rows are read at once.
const PAGE: i64 = 2_000;

/// What has to be known of a run to decide whether it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRun {
    /// Its place in the order in which runs were written down.
    pub key: i64,
    /// Its id.
    pub id: RunId,
    /// Its project.
    pub project: ProjectId,
    /// The project's name.
    pub project_name: String,
    /// Its target environment, or empty.
    pub target: String,
    /// How far it is.
    pub state: RunState,
    /// When it was over, else when it was asked for; milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Whether something of it is still to be removed in its backend: such a run stays until that is done.
    pub is_there: bool,
}

impl Store {
    /// Runs from the newest to the oldest, a part of them at a time: those after `after`, of all projects or one. Empty at the end.
    pub async fn old_runs(&self, project: Option<&ProjectId>, after: Option<&OldRun>) -> Result<Vec<OldRun>, StoreError> {
        let before = after.map_or(i64::MAX, |run| run.key);
        let mut found = Vec::new();
        // Two queries, each with its index, instead of one with a condition that keeps SQLite from both.
        macro_rules! collect {
            ($query:expr) => {
                for row in $query.fetch_all(&self.readers).await? {
                    found.push(OldRun {
                        key: row.key,
                        id: parse_id(&row.id)?,
                        project: ProjectId::parse(&row.project_id).ok_or_else(|| StoreError::unreadable("project id", &row.project_id))?,
                        project_name: row.project_name,
                        target: row.target,
                        state: parse_state(&row.state)?,
                        at_ms: row.ended_ms.unwrap_or(row.created_ms),
                        is_there: row.is_there != 0,
                    });
                }
            };
        }
        match project.map(ProjectId::as_str) {
            None => collect!(sqlx::query!(
                r#"SELECT run.key, run.id, project.id AS project_id, project.name AS project_name, target, state, created_ms, ended_ms,
                       EXISTS (SELECT 1 FROM stage_run WHERE run_key = run.key AND place = 'made') AS "is_there!: i64"
                   FROM run CROSS JOIN project ON project.key = run.project_key
                   WHERE run.key < ?1 ORDER BY run.key DESC LIMIT ?2"#,
                before,
                PAGE
            )),
            Some(id) => collect!(sqlx::query!(
                r#"SELECT run.key, run.id, project.id AS project_id, project.name AS project_name, target, state, created_ms, ended_ms,
                       EXISTS (SELECT 1 FROM stage_run WHERE run_key = run.key AND place = 'made') AS "is_there!: i64"
                   FROM project CROSS JOIN run INDEXED BY run_of_project ON run.project_key = project.key
                   WHERE project.id = ?1 AND run.key < ?2 ORDER BY run.key DESC LIMIT ?3"#,
                id,
                before,
                PAGE
            )),
        }
        Ok(found)
    }

    /// Which of some ids are those of stored runs.
    pub async fn known_runs(&self, ids: &[&RunId]) -> Result<HashSet<RunId>, StoreError> {
        let ids = serde_json::json!(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>()).to_string();
        let query = sqlx::query_scalar!("SELECT run.id FROM json_each(?1) AS wanted CROSS JOIN run ON run.id = wanted.value", ids);
        query.fetch_all(&self.readers).await?.iter().map(|id| parse_id(id)).collect()
    }

    /// Deletes a run that is over, with everything that is stored of it, and its logs. Files that are kept for its retry are claimed by nobody
    /// then: the next sweep removes them. [`StoreError::Conflict`] for a run that is not over, or of which something is still to be removed.
    pub async fn delete_run(&self, id: &RunId, logs: &Logs) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let run = read::read(&mut write, id.as_str()).await?;
        let refused = |message| Err(StoreError::Conflict { what: "deletion", message });
        if !run.state.is_final() {
            return refused(message!("run `{}` is not over", id));
        }
        let query = sqlx::query_scalar!("SELECT count(*) FROM stage_run WHERE run_key = ?1 AND place = 'made'", run.key);
        if query.fetch_one(&mut *write).await? > 0 {
            return refused(message!("run `{}` is still being removed where it ran", id));
        }
        sqlx::query!("DELETE FROM run WHERE key = ?1", run.key).execute(&mut *write).await?;
        write.commit().await?;
        // After the rows: a run whose logs are gone would say nothing about it, logs without a run are found by who looks for them.
        let (logs, id) = (logs.clone(), id.clone());
        tokio::task::spawn_blocking(move || logs.remove(&id)).await.map_err(|panic| StoreError::Database(Box::new(panic)))?
    }
}
