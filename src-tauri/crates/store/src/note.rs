//! Tables `run_note` and `run_excerpt`: what a person, or a log, says about a run. Both are searched.

use crate::run::key_of;
use crate::{Store, StoreError, search};
use lp_model::{RunId, StepKey};

impl Store {
    /// What a person wrote about a run.
    pub async fn run_note(&self, run: &RunId) -> Result<Option<String>, StoreError> {
        let id = run.as_str();
        let query = sqlx::query_scalar!("SELECT text FROM run CROSS JOIN run_note ON run_key = key WHERE id = ?1", id);
        Ok(query.fetch_optional(&self.readers).await?)
    }

    /// Writes about a run, in place of what stood there; an empty text removes it.
    pub async fn put_run_note(&self, run: &RunId, text: &str, actor: &str, now_ms: i64) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let key = key_of(&mut write, run.as_str()).await?;
        let query = if text.is_empty() {
            sqlx::query!("DELETE FROM run_note WHERE run_key = ?1", key)
        } else {
            sqlx::query!(
                "INSERT INTO run_note (run_key, text, actor, written_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (run_key) DO UPDATE SET text = excluded.text, actor = excluded.actor, written_ms = excluded.written_ms",
                key,
                text,
                actor,
                now_ms
            )
        };
        query.execute(&mut *write).await?;
        search::index(&mut write, key).await?;
        Ok(write.commit().await?)
    }

    /// Keeps what the log of a step says about its failure, masked as the log is; in place of what an earlier attempt said.
    pub async fn put_run_excerpt(&self, run: &RunId, step: StepKey, text: &str) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let key = key_of(&mut write, run.as_str()).await?;
        let query = sqlx::query!(
            "INSERT INTO run_excerpt (run_key, stage, step, text) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (run_key, stage, step) DO UPDATE SET text = excluded.text",
            key,
            step.stage.0,
            step.step.0,
            text
        );
        query.execute(&mut *write).await?;
        search::index(&mut write, key).await?;
        Ok(write.commit().await?)
    }
}
