//! Files of stages that did not pass, kept for a retry: what the store knows of them. The files themselves are the backends'.

use crate::{Store, StoreError};
use lp_model::{EngineId, RunId, StageNumber};

/// A stage whose files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptStage {
    /// Of which run; it is over.
    pub run: RunId,
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
            r#"SELECT run_id AS "run_id!", stage AS "stage!: i64", run.ended_ms AS "ended_ms: i64", kept_bytes AS "kept_bytes: i64", engine
               FROM stage_run JOIN run ON run.id = run_id
               WHERE place = 'kept' AND run.state NOT IN ('queued', 'running')
               ORDER BY run.ended_ms, run_id, stage"#
        );
        let rows = query.fetch_all(&self.readers).await?;
        rows.into_iter()
            .map(|row| {
                Ok(KeptStage {
                    run: RunId::parse(&row.run_id).ok_or_else(|| StoreError::unreadable("run id", &row.run_id))?,
                    stage: StageNumber(u32::try_from(row.stage).map_err(|why| StoreError::unreadable("stage number", why))?),
                    engine: row.engine.map(EngineId::new),
                    ended_ms: row.ended_ms.unwrap_or_default(),
                    bytes: row.kept_bytes.map(i64::unsigned_abs),
                })
            })
            .collect()
    }

    /// What could not be removed of a run yet: of each stage with something left, what a person calls its engine, and what it is in words.
    pub async fn leftovers(&self, run: &RunId) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let run = run.as_str();
        let query =
            sqlx::query!("SELECT engine_name, leftovers FROM stage_run WHERE run_id = ?1 AND leftovers <> '[]' ORDER BY stage", run);
        let rows = query.fetch_all(&self.readers).await?;
        let left = |text: &str| serde_json::from_str(text).map_err(|why| StoreError::unreadable("leftovers", why));
        rows.into_iter().map(|row| Ok((row.engine_name, left(&row.leftovers)?))).collect()
    }

    /// Notes what kept files take.
    pub async fn set_kept_bytes(&self, run: &RunId, stage: StageNumber, bytes: u64) -> Result<(), StoreError> {
        let (run, bytes) = (run.as_str(), i64::try_from(bytes).unwrap_or(i64::MAX));
        let query = sqlx::query!("UPDATE stage_run SET kept_bytes = ?3 WHERE run_id = ?1 AND stage = ?2", run, stage.0, bytes);
        query.execute(&self.writer).await?;
        Ok(())
    }

    /// Gives up kept files of a stage: the next sweep removes what is there. Without effect unless they are kept and the run is over.
    pub async fn give_up_kept(&self, run: &RunId, stage: StageNumber) -> Result<(), StoreError> {
        let run = run.as_str();
        let query = sqlx::query!(
            "UPDATE stage_run SET place = 'left', kept_bytes = NULL
             WHERE run_id = ?1 AND stage = ?2 AND place = 'kept'
                AND (SELECT state FROM run WHERE id = ?1) NOT IN ('queued', 'running')",
            run,
            stage.0
        );
        query.execute(&self.writer).await?;
        Ok(())
    }
}
