//! Single runs out of many: the newest of a project, of a version, of a branch; and those under way.

use super::read::{self, Row, select_runs};
use super::{Run, parse_state};
use crate::{Project, Store, StoreError};
use lp_model::{EventFacts, ProjectId, RunState};
use std::collections::{BTreeMap, HashMap};

const OF_EACH_PROJECT: &str = select_runs!(
    "FROM project CROSS JOIN run ON run.key = (SELECT max(newest.key) FROM run AS newest WHERE newest.project_key = project.key) \
     WHERE project.hidden_ms IS NULL"
);
const OF_VERSIONS: &str = select_runs!(
    "FROM project CROSS JOIN json_each(?2) AS version \
     CROSS JOIN run ON run.key = (SELECT max(newest.key) FROM run AS newest \
         WHERE newest.project_key = project.key AND newest.version_sha = version.value) \
     WHERE project.id = ?1"
);
const UNDER_WAY: &str = select_runs!(
    "FROM run INDEXED BY run_under_way CROSS JOIN project ON project.key = run.project_key \
     WHERE run.state IN ('queued', 'running') ORDER BY run.queue_number LIMIT ?1"
);

/// The queries that are not checked when they are compiled, for the test of their plans.
#[cfg(test)]
pub(crate) const QUERIES: [&str; 3] = [OF_EACH_PROJECT, OF_VERSIONS, UNDER_WAY];

/// The last run of a branch that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousRun {
    /// Its number in the project.
    pub number: u64,
    /// How it ended.
    pub state: RunState,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it left the queue, milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// When it was over, milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
    /// The facts of its event.
    pub facts: EventFacts,
}

impl Store {
    /// All projects on the list, by name, each with its newest run.
    pub async fn projects_with_newest_run(&self) -> Result<Vec<(Project, Option<Run>)>, StoreError> {
        let runs: Vec<Row> = sqlx::query_as(OF_EACH_PROJECT).fetch_all(&self.readers).await?;
        let mut newest: HashMap<ProjectId, Run> = read::all(runs)?.into_iter().map(|run| (run.project.clone(), run)).collect();
        let with_run = |project: Project| {
            let run = newest.remove(&project.id);
            (project, run)
        };
        Ok(self.projects().await?.into_iter().map(with_run).collect())
    }

    /// The newest run of each of some commits of a project, those that have one.
    pub async fn newest_runs_of_versions(&self, project: &ProjectId, shas: &[&str]) -> Result<Vec<Run>, StoreError> {
        let shas = serde_json::json!(shas).to_string();
        let rows: Vec<Row> = sqlx::query_as(OF_VERSIONS).bind(project.as_str()).bind(shas).fetch_all(&self.readers).await?;
        read::all(rows)
    }

    /// Runs that wait or are under way, in the order in which they went to the queue; at most `limit`.
    pub async fn runs_under_way(&self, limit: u32) -> Result<Vec<Run>, StoreError> {
        read::all(sqlx::query_as(UNDER_WAY).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    /// The values that the newest run of each of some workflows of a project was started with, by workflow; workflows without a run are not
    /// there.
    pub async fn last_inputs(
        &self,
        project: &ProjectId,
        workflows: &[&str],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, StoreError> {
        let (id, workflows) = (project.as_str(), serde_json::json!(workflows).to_string());
        let query = sqlx::query!(
            r#"SELECT run.workflow_name, run_input.name AS "name?", run_input.value AS "value?"
               FROM project CROSS JOIN json_each(?2) AS workflow
               CROSS JOIN run ON run.key = (SELECT max(newest.key) FROM run AS newest
                   WHERE newest.project_key = project.key AND newest.workflow_name = workflow.value)
               LEFT JOIN run_input ON run_input.run_key = run.key
               WHERE project.id = ?1"#,
            id,
            workflows
        );
        let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for row in query.fetch_all(&self.readers).await? {
            found.entry(row.workflow_name).or_default().extend(row.name.zip(row.value));
        }
        Ok(found)
    }

    /// The newest run of a branch of a project that is over. [`StoreError::Unreadable`] when a newer app wrote its facts.
    pub async fn previous_run(&self, project: &ProjectId, branch: &str) -> Result<Option<PreviousRun>, StoreError> {
        let id = project.as_str();
        let query = sqlx::query!(
            "SELECT run.number, run.state, run.created_ms, run.started_ms, run.ended_ms, run_facts.json
             FROM project CROSS JOIN run INDEXED BY run_of_project_by_branch ON run.project_key = project.key AND run.branch = ?2
             CROSS JOIN run_facts ON run_facts.run_key = run.key
             WHERE project.id = ?1 AND run.state NOT IN ('queued', 'running') ORDER BY run.key DESC LIMIT 1",
            id,
            branch
        );
        let Some(row) = query.fetch_optional(&self.readers).await? else { return Ok(None) };
        Ok(Some(PreviousRun {
            number: row.number.unsigned_abs(),
            state: parse_state(&row.state)?,
            created_ms: row.created_ms,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            facts: serde_json::from_str(&row.json).map_err(|why| StoreError::unreadable("event", why))?,
        }))
    }

    /// How long the newest passed runs of a workflow took, in milliseconds, newest first; at most `limit`.
    pub async fn run_times(&self, project: &ProjectId, workflow: &str, limit: u32) -> Result<Vec<u64>, StoreError> {
        let (id, passed) = (project.as_str(), RunState::Passed.as_str());
        let query = sqlx::query_scalar!(
            r#"SELECT max(run.ended_ms - run.started_ms, 0) AS "ms: i64"
               FROM project CROSS JOIN run INDEXED BY run_of_project_by_workflow_and_state
                   ON run.project_key = project.key AND run.workflow_name = ?2 AND run.state = ?3
               WHERE project.id = ?1 ORDER BY run.key DESC LIMIT ?4"#,
            id,
            workflow,
            passed,
            limit
        );
        Ok(query.fetch_all(&self.readers).await?.into_iter().flatten().map(i64::unsigned_abs).collect())
    }
}
