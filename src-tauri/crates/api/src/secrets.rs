//! Secrets: set, listed by name, removed. Values go in and come out only for a step.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, SecretEntry, SecretScope};
use crate::time;
use lp_model::ProjectId;
use lp_secret::SecretValue;
use lp_secret::vault::{KeyHome, Vault};
use std::sync::Arc;

/// The vault, opened at its first use: a computer without secrets needs no key.
pub(crate) type VaultCell = tokio::sync::OnceCell<Arc<Vault>>;

/// What the sealed value is bound to, so that a row cannot be passed off as another one.
fn context(project: Option<&ProjectId>, name: &str) -> String {
    format!("{}/{name}", project.map_or("*", |id| id.as_str()))
}

impl App {
    pub(crate) async fn vault(&self) -> Result<Arc<Vault>, ApiError> {
        let open = || async {
            let sealed_values_exist = self.store.has_secrets().await?;
            let file = self.options.data_folder.join("vault.key");
            let home = if self.options.use_os_key_store { KeyHome::system(&self.folder_id, file) } else { KeyHome::file_only(file) };
            Ok::<_, ApiError>(Arc::new(Vault::open(home, sealed_values_exist).await?))
        };
        self.vault.get_or_try_init(open).await.cloned()
    }

    /// Names of all secrets, sorted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn secrets(&self) -> Result<Vec<SecretEntry>, ApiError> {
        Ok(self
            .secret_rows()
            .await?
            .into_iter()
            .map(|row| SecretEntry {
                name: row.name,
                scope: match row.project {
                    Some(project) => SecretScope::Project { project: project.to_string() },
                    None => SecretScope::Everywhere,
                },
                updated: time::to_text(row.updated_ms),
            })
            .collect())
    }

    /// Sets a secret, replacing one of that name and scope.
    ///
    /// # Errors
    /// [`ErrorCode::SecretInvalid`] for a name that is not fit or an empty value; [`ErrorCode::VaultUnavailable`] without a key.
    pub async fn set_secret(&self, scope: &SecretScope, name: &str, value: String) -> Result<(), ApiError> {
        let value = SecretValue::new(value);
        if name.is_empty() || name.len() > 200 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c)) {
            return Err(ApiError::new(ErrorCode::SecretInvalid, format!("`{name}` is no name for a secret"))
                .hint("use letters, digits, `_`, `-`, `.` and `/`, as in the pipeline file"));
        }
        if value.expose().is_empty() {
            return Err(ApiError::new(ErrorCode::SecretInvalid, format!("the value of `{name}` is empty"))
                .hint("remove the secret if it is not needed any more"));
        }
        let project = self.scope_project(scope).await?;
        let sealed = self.vault().await?.seal(&context(project.as_ref(), name), &value);
        Ok(self.store.put_secret(project.as_ref(), name, &sealed, time::now_ms()).await?)
    }

    /// Removes a secret; one that is not there counts as removed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove_secret(&self, scope: &SecretScope, name: &str) -> Result<(), ApiError> {
        let project = self.scope_project(scope).await?;
        self.store.delete_secret(project.as_ref(), name).await?;
        Ok(())
    }

    /// The value for a step of a project: the project's own, else the one for everywhere. The case of the name does not matter, as in
    /// Drone (`drone.md` §1.1.8); one that is written exactly so is preferred.
    pub(crate) async fn secret_value(&self, project: &ProjectId, name: &str) -> Result<Option<SecretValue>, ApiError> {
        for scope in [Some(project), None] {
            let mut names: Vec<String> = self.store.secrets(scope).await?.into_iter().map(|row| row.name).collect();
            names.retain(|known| known.eq_ignore_ascii_case(name));
            names.sort_by_key(|known| known != name);
            let Some(known) = names.first() else { continue };
            if let Some(sealed) = self.store.secret(scope, known).await? {
                return Ok(Some(self.vault().await?.unseal(&context(scope, known), &sealed)?));
            }
        }
        Ok(None)
    }

    /// Those of `names` that have no value for the project.
    pub(crate) async fn missing_secrets(&self, project: &ProjectId, names: Vec<String>) -> Result<Vec<String>, ApiError> {
        let mut known = self.store.secrets(None).await?;
        known.extend(self.store.secrets(Some(project)).await?);
        let is_set = |name: &String| known.iter().any(|row| row.name.eq_ignore_ascii_case(name));
        Ok(names.into_iter().filter(|name| !is_set(name)).collect())
    }

    /// All secrets of all scopes, those for everywhere first.
    async fn secret_rows(&self) -> Result<Vec<lp_store::SecretEntry>, ApiError> {
        let mut rows = self.store.secrets(None).await?;
        for project in self.store.projects().await? {
            rows.extend(self.store.secrets(Some(&project.id)).await?);
        }
        Ok(rows)
    }

    async fn scope_project(&self, scope: &SecretScope) -> Result<Option<ProjectId>, ApiError> {
        match scope {
            SecretScope::Everywhere => Ok(None),
            SecretScope::Project { project } => Ok(Some(self.project_row(project).await?.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppOptions;
    use crate::dto::KeyPlaceWord;

    #[tokio::test]
    async fn a_lost_key_is_said_and_never_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let options = AppOptions::without_engine(folder.path());
        let app = App::open(options.clone()).await.unwrap();
        assert_eq!(app.status().await.unwrap().key_place, KeyPlaceWord::NotYet);
        app.set_secret(&SecretScope::Everywhere, "token", "first-value".into()).await.unwrap();
        assert_eq!(app.status().await.unwrap().key_place, KeyPlaceWord::File);
        app.shutdown().await;

        std::fs::remove_file(folder.path().join("vault.key")).unwrap();
        let app = App::open(options).await.unwrap();
        assert_eq!(app.status().await.unwrap().key_place, KeyPlaceWord::Unavailable);
        let refused = app.set_secret(&SecretScope::Everywhere, "other", "second-value".into()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::VaultUnavailable);
        assert!(!folder.path().join("vault.key").exists());
        app.shutdown().await;
    }
}
