//! Table `project`.
//!
//! Removing a project takes its trust back: what lies in that folder one day may be another repository.

use crate::{Store, StoreError};
use lp_model::ProjectId;

/// Where a project came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectKind {
    /// A folder of the user.
    Folder,
    /// The sample that comes with the app.
    Sample,
}

impl ProjectKind {
    /// The word for it in stored data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Sample => "sample",
        }
    }
}

/// Whether steps that run on failure still run after a run was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CleanupPolicy {
    /// As the plan says.
    #[default]
    Dialect,
    /// They do.
    Always,
    /// They do not.
    Never,
}

impl CleanupPolicy {
    /// The word for it in stored data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dialect => "dialect",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let policies = [Self::Dialect, Self::Always, Self::Never];
        policies.into_iter().find(|policy| policy.as_str() == word).ok_or_else(|| StoreError::unreadable("clean-up policy", word))
    }
}

/// A git repository that the app knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name for people.
    pub name: String,
    /// Absolute path of its root folder; `None` for a project that has none on this computer.
    pub path: Option<String>,
    /// Where it came from.
    pub kind: ProjectKind,
    /// When it was added, milliseconds since 1970 UTC.
    pub added_ms: i64,
    /// When the user took it off the list, milliseconds since 1970 UTC; its runs stay.
    pub hidden_ms: Option<i64>,
    /// Whether its pipelines may reach this computer.
    pub trusted: bool,
    /// Whether the containers of image plugins run, instead of the engine building by itself.
    pub real_plugins: bool,
    /// What happens after a cancel.
    pub cleanup: CleanupPolicy,
    /// How many seconds that may take; `None`: as the plan says.
    pub cleanup_s: Option<u32>,
}

struct Row {
    id: String,
    name: String,
    path: Option<String>,
    kind: String,
    added_ms: i64,
    hidden_ms: Option<i64>,
    trusted: i64,
    real_plugins: i64,
    cleanup: String,
    cleanup_s: Option<i64>,
}

impl TryFrom<Row> for Project {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ProjectId::parse(&row.id).ok_or_else(|| StoreError::unreadable("project id", &row.id))?,
            name: row.name,
            path: row.path,
            kind: if row.kind == ProjectKind::Sample.as_str() { ProjectKind::Sample } else { ProjectKind::Folder },
            added_ms: row.added_ms,
            hidden_ms: row.hidden_ms,
            trusted: row.trusted != 0,
            real_plugins: row.real_plugins != 0,
            cleanup: CleanupPolicy::parse(&row.cleanup)?,
            cleanup_s: row.cleanup_s.map(u32::try_from).transpose().map_err(|why| StoreError::unreadable("clean-up time", why))?,
        })
    }
}

impl Store {
    /// Adds a project, not trusted, without containers of image plugins and with the dialect's clean-up, or, when one with this path is known already, shows that one again (under
    /// its old id, with its history). One without a path is always new. Returns the project as stored.
    pub async fn add_project(&self, project: &Project) -> Result<Project, StoreError> {
        let (id, kind) = (project.id.as_str(), project.kind.as_str());
        let row = sqlx::query_as!(
            Row,
            "INSERT INTO project (id, name, path, kind, added_ms, hidden_ms) VALUES (?1, ?2, ?3, ?4, ?5, NULL)
             ON CONFLICT (path) DO UPDATE SET hidden_ms = NULL
             RETURNING id, name, path, kind, added_ms, hidden_ms, trusted, real_plugins, cleanup, cleanup_s",
            id,
            project.name,
            project.path,
            kind,
            project.added_ms
        );
        row.fetch_one(&self.writer).await.map_err(|error| StoreError::from(error).about("project"))?.try_into()
    }

    /// A project, hidden or not.
    pub async fn project(&self, id: &ProjectId) -> Result<Project, StoreError> {
        let id = id.as_str();
        let query = sqlx::query_as!(
            Row,
            "SELECT id, name, path, kind, added_ms, hidden_ms, trusted, real_plugins, cleanup, cleanup_s FROM project WHERE id = ?1",
            id
        );
        query.fetch_optional(&self.readers).await?.ok_or_else(|| StoreError::not_found("project", id))?.try_into()
    }

    /// The project with that root folder, hidden or not.
    pub async fn project_at(&self, path: &str) -> Result<Option<Project>, StoreError> {
        let query = sqlx::query_as!(
            Row,
            "SELECT id, name, path, kind, added_ms, hidden_ms, trusted, real_plugins, cleanup, cleanup_s FROM project WHERE path = ?1",
            path
        );
        query.fetch_optional(&self.readers).await?.map(Project::try_from).transpose()
    }

    /// All projects on the list, by name.
    pub async fn projects(&self) -> Result<Vec<Project>, StoreError> {
        let query = sqlx::query_as!(
            Row,
            "SELECT id, name, path, kind, added_ms, hidden_ms, trusted, real_plugins, cleanup, cleanup_s
             FROM project WHERE hidden_ms IS NULL ORDER BY name COLLATE NOCASE, id"
        );
        query.fetch_all(&self.readers).await?.into_iter().map(Project::try_from).collect()
    }

    /// Gives a project another name.
    pub async fn rename_project(&self, id: &ProjectId, name: &str) -> Result<(), StoreError> {
        let id = id.as_str();
        let done = sqlx::query!("UPDATE project SET name = ?2 WHERE id = ?1", id, name).execute(&self.writer).await?;
        found(done.rows_affected(), id)
    }

    /// Says whether the pipelines of a project may reach this computer.
    pub async fn set_project_trusted(&self, id: &ProjectId, trusted: bool) -> Result<(), StoreError> {
        let id = id.as_str();
        let done = sqlx::query!("UPDATE project SET trusted = ?2 WHERE id = ?1", id, trusted).execute(&self.writer).await?;
        found(done.rows_affected(), id)
    }

    /// Says whether the containers of image plugins run in a project.
    pub async fn set_project_real_plugins(&self, id: &ProjectId, on: bool) -> Result<(), StoreError> {
        let id = id.as_str();
        let done = sqlx::query!("UPDATE project SET real_plugins = ?2 WHERE id = ?1", id, on).execute(&self.writer).await?;
        found(done.rows_affected(), id)
    }

    /// Says what happens after a run of a project was cancelled, and how many seconds that may take.
    pub async fn set_project_cleanup(&self, id: &ProjectId, policy: CleanupPolicy, seconds: Option<u32>) -> Result<(), StoreError> {
        let (id, policy) = (id.as_str(), policy.as_str());
        let query = sqlx::query!("UPDATE project SET cleanup = ?2, cleanup_s = ?3 WHERE id = ?1", id, policy, seconds);
        found(query.execute(&self.writer).await?.rows_affected(), id)
    }

    /// Takes a project off the list. Its runs stay; its secrets go, what was decided about secrets of all projects too, it is no longer trusted,
    /// runs no containers of image plugins by itself and follows the dialect's clean-up again: what lies in that folder one day may be something else.
    pub async fn hide_project(&self, id: &ProjectId, now_ms: i64) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        crate::secret::remove_of_project(&mut write, id).await?;
        let id = id.as_str();
        let done = sqlx::query!(
            "UPDATE project SET hidden_ms = ?2, trusted = 0, real_plugins = 0, cleanup = 'dialect', cleanup_s = NULL WHERE id = ?1",
            id,
            now_ms
        );
        found(done.execute(&mut *write).await?.rows_affected(), id)?;
        Ok(write.commit().await?)
    }

    /// Takes the next run number of a project: from 1, never the same one twice. A number that is then not used leaves a gap.
    pub async fn take_run_number(&self, id: &ProjectId) -> Result<u64, StoreError> {
        let id = id.as_str();
        let query = sqlx::query_scalar!(
            r#"UPDATE project SET last_run_number = last_run_number + 1 WHERE id = ?1 RETURNING last_run_number AS "number!: i64""#,
            id
        );
        let number = query.fetch_optional(&self.writer).await?.ok_or_else(|| StoreError::not_found("project", id))?;
        Ok(number.unsigned_abs())
    }
}

fn found(rows: u64, id: &str) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::not_found("project", id)) } else { Ok(()) }
}
