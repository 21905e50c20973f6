//! Tables `secret`, `secret_grant` and `secret_past`: sealed bytes by name, who may have them, and those that are not valid any more but may
//! still be printed. What seals and opens them is elsewhere.
//!
//! A value that is replaced or removed stays in `secret_past` as long as a run that is older than its end is under way, or its files are kept
//! for a retry: such a run may print the value, so it has to be masked there. What only waits to be swept is read by nobody any more. "Older"
//! goes by the order in which runs were stored and not by the clock, which jumps.

use crate::{Store, StoreError};
use lp_model::ProjectId;
use sqlx::{Sqlite, Transaction};

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

/// What was decided about a secret of all projects for one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretGrant {
    /// The project.
    pub project: ProjectId,
    /// The name of the secret as stored.
    pub name: String,
    /// Whether the project's runs get it.
    pub allowed: bool,
}

/// A sealed value that was replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSecret {
    /// Its project; `None` for one of all projects.
    pub project: Option<ProjectId>,
    /// Its name as it was stored.
    pub name: String,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
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

    /// The secrets of all scopes: those of all projects first, then project by project, by name.
    pub async fn all_secrets(&self) -> Result<Vec<SecretEntry>, StoreError> {
        let rows: Vec<(Option<String>, String, i64)> = sqlx::query_as(
            "SELECT secret.project_id, secret.name, secret.updated_ms FROM secret LEFT JOIN project ON project.id = secret.project_id
             ORDER BY secret.project_id IS NOT NULL, project.name COLLATE NOCASE, project.id, secret.name",
        )
        .fetch_all(&self.readers)
        .await?;
        let project = |id: String| ProjectId::parse(&id).ok_or_else(|| StoreError::unreadable("project id", &id));
        rows.into_iter().map(|(id, name, updated_ms)| Ok(SecretEntry { project: id.map(project).transpose()?, name, updated_ms })).collect()
    }

    /// Whether anything sealed is stored, also a value that is only masked any more: then the key must not be made anew.
    pub async fn has_secrets(&self) -> Result<bool, StoreError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM secret UNION ALL SELECT 1 FROM secret_past LIMIT 1").fetch_optional(&self.readers).await?;
        Ok(found.is_some())
    }

    /// Sets or replaces a secret. [`StoreError::Conflict`] when the project is not known.
    pub async fn put_secret(&self, project: Option<&ProjectId>, name: &str, sealed: &[u8], now_ms: i64) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        retire(&mut write, project, name).await?;
        let project = project.map(ProjectId::as_str);
        let query = sqlx::query!(
            "INSERT INTO secret (project_id, name, sealed, updated_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (coalesce(project_id, ''), name) DO UPDATE SET sealed = excluded.sealed, updated_ms = excluded.updated_ms",
            project,
            name,
            sealed,
            now_ms
        );
        query.execute(&mut *write).await.map_err(|error| StoreError::from(error).about("secret"))?;
        Ok(write.commit().await?)
    }

    /// Removes a secret, and what was decided about it: another one of that name is asked about anew. Returns whether it was there.
    pub async fn delete_secret(&self, project: Option<&ProjectId>, name: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        retire(&mut write, project, name).await?;
        let scope = project.map_or("", ProjectId::as_str);
        let query = sqlx::query!("DELETE FROM secret WHERE coalesce(project_id, '') = ?1 AND name = ?2", scope, name);
        let was_there = query.execute(&mut *write).await?.rows_affected() > 0;
        if project.is_none() {
            sqlx::query!("DELETE FROM secret_grant WHERE name = ?1", name).execute(&mut *write).await?;
        }
        write.commit().await?;
        Ok(was_there)
    }

    /// What was decided for a project about secrets of all projects; for all projects when none is named.
    pub async fn secret_grants(&self, project: Option<&ProjectId>) -> Result<Vec<SecretGrant>, StoreError> {
        let wanted = project.map(ProjectId::as_str);
        let query = sqlx::query!(
            "SELECT project_id, name, allowed FROM secret_grant WHERE ?1 IS NULL OR project_id = ?1 ORDER BY name, project_id",
            wanted
        );
        let grant = |id: String, name, allowed| {
            let project = ProjectId::parse(&id).ok_or_else(|| StoreError::unreadable("project id", &id))?;
            Ok(SecretGrant { project, name, allowed })
        };
        query.fetch_all(&self.readers).await?.into_iter().map(|row| grant(row.project_id, row.name, row.allowed != 0)).collect()
    }

    /// Decides for a project about a secret of all projects; `None` takes the decision back.
    pub async fn decide_secret(&self, project: &ProjectId, name: &str, allowed: Option<bool>, now_ms: i64) -> Result<(), StoreError> {
        let id = project.as_str();
        let done = match allowed {
            Some(allowed) => {
                let query = sqlx::query!(
                    "INSERT INTO secret_grant (project_id, name, allowed, decided_ms) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (project_id, name) DO UPDATE SET allowed = excluded.allowed, decided_ms = excluded.decided_ms",
                    id,
                    name,
                    allowed,
                    now_ms
                );
                query.execute(&self.writer).await
            }
            None => sqlx::query!("DELETE FROM secret_grant WHERE project_id = ?1 AND name = ?2", id, name).execute(&self.writer).await,
        };
        done.map_err(|error| StoreError::from(error).about("project"))?;
        Ok(())
    }

    /// Values that the runs of a project may still print though they are not valid any more: its own and those of all projects.
    pub async fn past_secrets(&self, project: &ProjectId) -> Result<Vec<PastSecret>, StoreError> {
        let id = project.as_str();
        let query =
            sqlx::query!("SELECT project_id, name, sealed FROM secret_past WHERE project_id IS NULL OR project_id = ?1 ORDER BY id", id);
        let past = |row: Option<String>, name, sealed| PastSecret { project: row.map(|_| project.clone()), name, sealed };
        Ok(query.fetch_all(&self.readers).await?.into_iter().map(|row| past(row.project_id, row.name, row.sealed)).collect())
    }

    /// Forgets values that no run can print any more. Returns how many.
    pub async fn forget_past_secrets(&self) -> Result<u64, StoreError> {
        let query = sqlx::query!(
            "DELETE FROM secret_past WHERE NOT EXISTS (
                 SELECT 1 FROM (SELECT key FROM run INDEXED BY run_under_way WHERE state IN ('queued', 'running')
                     UNION SELECT run_key FROM stage_run INDEXED BY stage_run_made WHERE place = 'made'
                     UNION SELECT run_key FROM stage_run INDEXED BY stage_run_kept WHERE place = 'kept') AS printing
                 CROSS JOIN run ON run.key = printing.key CROSS JOIN project ON project.key = run.project_key
                 WHERE run.key <= secret_past.upto_run AND (secret_past.project_id IS NULL OR project.id = secret_past.project_id))"
        );
        Ok(query.execute(&self.writer).await?.rows_affected())
    }
}

/// Keeps the value that is about to be replaced or removed for the runs that there are.
async fn retire(write: &mut Transaction<'_, Sqlite>, project: Option<&ProjectId>, name: &str) -> Result<(), StoreError> {
    let scope = project.map_or("", ProjectId::as_str);
    let query = sqlx::query!(
        "INSERT INTO secret_past (project_id, name, sealed, upto_run)
         SELECT project_id, name, sealed, (SELECT coalesce(max(key), 0) FROM run) FROM secret
         WHERE coalesce(project_id, '') = ?1 AND name = ?2",
        scope,
        name
    );
    query.execute(&mut **write).await?;
    Ok(())
}

/// Takes all secrets of a project away, with what was decided for it.
pub(crate) async fn remove_of_project(write: &mut Transaction<'_, Sqlite>, project: &ProjectId) -> Result<(), StoreError> {
    let id = project.as_str();
    let query = sqlx::query!(
        "INSERT INTO secret_past (project_id, name, sealed, upto_run)
         SELECT project_id, name, sealed, (SELECT coalesce(max(key), 0) FROM run) FROM secret WHERE project_id = ?1",
        id
    );
    query.execute(&mut **write).await?;
    sqlx::query!("DELETE FROM secret WHERE project_id = ?1", id).execute(&mut **write).await?;
    sqlx::query!("DELETE FROM secret_grant WHERE project_id = ?1", id).execute(&mut **write).await?;
    Ok(())
}
