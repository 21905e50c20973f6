//! Table `secret`: sealed bytes by name. What seals and opens them is elsewhere.

use crate::{Store, StoreError};
use lp_model::ProjectId;

/// A secret without its bytes, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretEntry {
    /// Its project; `None` for one of all projects.
    pub project: Option<ProjectId>,
    /// Its name, as pipeline files use it.
    pub name: String,
    /// When it was last set, milliseconds since 1970 UTC.
    pub updated_ms: i64,
}

impl Store {
    /// The sealed bytes of exactly this scope: a project does not see the global ones here.
    pub async fn secret(&self, project: Option<&ProjectId>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let scope = project.map_or("", ProjectId::as_str);
        let query = sqlx::query_scalar!("SELECT sealed FROM secret WHERE coalesce(project_id, '') = ?1 AND name = ?2", scope, name);
        Ok(query.fetch_optional(&self.readers).await?)
    }

    /// The secrets of one scope, by name.
    pub async fn secrets(&self, project: Option<&ProjectId>) -> Result<Vec<SecretEntry>, StoreError> {
        let scope = project.map_or("", ProjectId::as_str);
        let query = sqlx::query!("SELECT name, updated_ms FROM secret WHERE coalesce(project_id, '') = ?1 ORDER BY name", scope);
        let rows = query.fetch_all(&self.readers).await?;
        let entry = |name, updated_ms| SecretEntry { project: project.cloned(), name, updated_ms };
        Ok(rows.into_iter().map(|row| entry(row.name, row.updated_ms)).collect())
    }

    /// Whether any secret is stored, also one of a project that was removed from the list: then the key must not be made anew.
    pub async fn has_secrets(&self) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM secret LIMIT 1").fetch_optional(&self.readers).await?;
        Ok(found.is_some())
    }

    /// Sets or replaces a secret. [`StoreError::Conflict`] when the project is not known.
    pub async fn put_secret(&self, project: Option<&ProjectId>, name: &str, sealed: &[u8], now_ms: i64) -> Result<(), StoreError> {
        let project = project.map(ProjectId::as_str);
        let query = sqlx::query!(
            "INSERT INTO secret (project_id, name, sealed, updated_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (coalesce(project_id, ''), name) DO UPDATE SET sealed = excluded.sealed, updated_ms = excluded.updated_ms",
            project,
            name,
            sealed,
            now_ms
        );
        query.execute(&self.writer).await.map_err(|error| StoreError::from(error).about("secret"))?;
        Ok(())
    }

    /// Removes a secret; returns whether it was there.
    pub async fn delete_secret(&self, project: Option<&ProjectId>, name: &str) -> Result<bool, StoreError> {
        let scope = project.map_or("", ProjectId::as_str);
        let query = sqlx::query!("DELETE FROM secret WHERE coalesce(project_id, '') = ?1 AND name = ?2", scope, name);
        Ok(query.execute(&self.writer).await?.rows_affected() > 0)
    }
}
