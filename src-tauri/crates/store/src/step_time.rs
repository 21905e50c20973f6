//! Table `step_time`: how long steps took that passed. Kept apart from the runs, so that the usual time of a step is read without them, and
//! stays when they are deleted.

use crate::{Store, StoreError};
use lp_model::ProjectId;
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// How many times of a step are kept, the newest.
const KEPT: i64 = 50;

/// Which step of which workflow, over all runs. Names, because numbers change with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepPlace<'a> {
    /// Row of the project.
    pub project: i64,
    /// Name of the workflow.
    pub workflow: &'a str,
    /// Name of the stage.
    pub stage: &'a str,
    /// Name of the step.
    pub step: &'a str,
}

/// Notes how long a step took that has passed.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    place: &StepPlace<'_>,
    run: i64,
    started_ms: i64,
    ended_ms: i64,
) -> Result<(), StoreError> {
    // A clock that was set back must not make the time less than nothing.
    let ms = (ended_ms - started_ms).max(0);
    let StepPlace { project, workflow, stage, step } = *place;
    let query = sqlx::query!(
        "INSERT INTO step_time (project_key, workflow_name, stage_name, step_name, run_key, ms, ended_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET ms = excluded.ms, ended_ms = excluded.ended_ms",
        project,
        workflow,
        stage,
        step,
        run,
        ms,
        ended_ms
    );
    query.execute(&mut *connection).await?;
    let query = sqlx::query!(
        "DELETE FROM step_time WHERE project_key = ?1 AND workflow_name = ?2 AND stage_name = ?3 AND step_name = ?4 AND run_key <= (
             SELECT run_key FROM step_time WHERE project_key = ?1 AND workflow_name = ?2 AND stage_name = ?3 AND step_name = ?4
             ORDER BY run_key DESC LIMIT 1 OFFSET ?5)",
        project,
        workflow,
        stage,
        step,
        KEPT
    );
    query.execute(connection).await?;
    Ok(())
}

impl Store {
    /// How long each step of a workflow took in its newest passed runs, in milliseconds, newest first; by the names of stage and step.
    pub async fn step_times(&self, project: &ProjectId, workflow: &str) -> Result<BTreeMap<(String, String), Vec<u64>>, StoreError> {
        let id = project.as_str();
        let query = sqlx::query!(
            "SELECT stage_name, step_name, ms FROM project CROSS JOIN step_time ON project_key = key AND workflow_name = ?2
             WHERE id = ?1 ORDER BY stage_name, step_name, run_key DESC",
            id,
            workflow
        );
        let mut times: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
        for row in query.fetch_all(&self.readers).await? {
            times.entry((row.stage_name, row.step_name)).or_default().push(row.ms.unsigned_abs());
        }
        Ok(times)
    }
}
