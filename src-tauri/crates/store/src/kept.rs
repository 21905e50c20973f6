//! Files of stages that did not pass, kept for a retry: what the store knows of them. The files themselves are the backends'.

use crate::{Store, StoreError};
use lp_model::{EngineId, Message, ProjectId, RunId, StageNumber};
use std::collections::HashMap;

/// A stage whose files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptStage {
    /// Of which run; it is over.
    pub run: RunId,
    /// The run's number in its project.
    pub number: u64,
    /// The project.
    pub project: ProjectId,
    /// The project's name.
    pub project_name: String,
    /// Which.
    pub stage: StageNumber,
    /// On which engine; `None` of stages of earlier versions of the app.
    pub engine: Option<EngineId>,
    /// When the run was over, milliseconds since 1970 UTC.
    pub ended_ms: i64,
    /// What the files take, as it was measured last.
    pub bytes: Option<u64>,
}

impl Store {
    /// All stages of finished runs whose files are kept, those that ended first in front.
    pub async fn kept(&self) -> Result<Vec<KeptStage>, StoreError> {
        let query = sqlx::query!(
            r#"SELECT run.id AS "run_id!", run.number AS "number!: i64", project.id AS "project_id!", project.name AS "project_name!",
                   stage AS "stage!: i64", run.ended_ms AS "ended_ms: i64", kept_bytes AS "kept_bytes: i64", engine
               FROM stage_run INDEXED BY stage_run_kept CROSS JOIN run ON run.key = run_key CROSS JOIN project ON project.key = run.project_key
               WHERE place = 'kept' AND run.state NOT IN ('queued', 'running')
               ORDER BY run.ended_ms, run.id, stage"#
        );
        let rows = query.fetch_all(&self.readers).await?;
        rows.into_iter()
            .map(|row| {
                Ok(KeptStage {
                    run: RunId::parse(&row.run_id).ok_or_else(|| StoreError::unreadable("run id", &row.run_id))?,
                    number: row.number.unsigned_abs(),
                    project: ProjectId::parse(&row.project_id).ok_or_else(|| StoreError::unreadable("project id", &row.project_id))?,
                    project_name: row.project_name,
                    stage: StageNumber(u32::try_from(row.stage).map_err(|why| StoreError::unreadable("stage number", why))?),
                    engine: row.engine.map(EngineId::new),
                    ended_ms: row.ended_ms.unwrap_or_default(),
                    bytes: row.kept_bytes.map(i64::unsigned_abs),
                })
            })
            .collect()
    }

    /// What could not be removed of some runs yet: of each run's stages with something left, what a person calls their engine, and what it is
    /// in words. Runs without any are not there.
    pub async fn leftovers(&self, runs: &[&RunId]) -> Result<HashMap<RunId, Vec<(Message, Vec<Message>)>>, StoreError> {
        let ids = serde_json::json!(runs.iter().map(|run| run.as_str()).collect::<Vec<_>>()).to_string();
        let query = sqlx::query!(
            "SELECT run.id, engine_name, leftovers
             FROM json_each(?1) AS wanted CROSS JOIN run ON run.id = wanted.value
             CROSS JOIN stage_run INDEXED BY stage_run_leftovers ON run_key = run.key AND leftovers <> '[]' ORDER BY run.key, stage",
            ids
        );
        let mut found: HashMap<RunId, Vec<(Message, Vec<Message>)>> = HashMap::new();
        for row in query.fetch_all(&self.readers).await? {
            let run = RunId::parse(&row.id).ok_or_else(|| StoreError::unreadable("run id", &row.id))?;
            let left = serde_json::from_str(&row.leftovers).map_err(|why| StoreError::unreadable("leftovers", why))?;
            found.entry(run).or_default().push((crate::words::from_column(&row.engine_name), left));
        }
        Ok(found)
    }

    /// Notes what kept files take.
    pub async fn set_kept_bytes(&self, run: &RunId, stage: StageNumber, bytes: u64) -> Result<(), StoreError> {
        let (run, bytes) = (run.as_str(), i64::try_from(bytes).unwrap_or(i64::MAX));
        let query = sqlx::query!(
            "UPDATE stage_run SET kept_bytes = ?3 WHERE run_key = (SELECT key FROM run WHERE id = ?1) AND stage = ?2",
            run,
            stage.0,
            bytes
        );
        query.execute(&self.writer).await?;
        Ok(())
    }

    /// Gives up kept files of a stage: the next sweep removes what is there. Without effect unless they are kept and the run is over.
    pub async fn give_up_kept(&self, run: &RunId, stage: StageNumber) -> Result<(), StoreError> {
        let run = run.as_str();
        let query = sqlx::query!(
            "UPDATE stage_run SET place = 'left', kept_bytes = NULL
             WHERE run_key = (SELECT key FROM run WHERE id = ?1 AND state NOT IN ('queued', 'running')) AND stage = ?2 AND place = 'kept'",
            run,
            stage.0
        );
        query.execute(&self.writer).await?;
        Ok(())
    }
}
