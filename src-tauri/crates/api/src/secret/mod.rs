//! Secrets: set, listed by name, removed. Values go in and come out only for a step.
//!
//! Names of secrets match in any case, as Drone looks them up; a name that is written exactly so is preferred.

pub(crate) mod dto;
pub(crate) mod grants;
pub(crate) mod vault_door;

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, SecretEntry, SecretGrant, SecretScope, Tag, Uncovered};
use crate::secret::grants::{Origin, undecided};
use crate::time;
use lp_model::{Message, ProjectId, message};
use lp_secret::SecretValue;
use lp_secret::vault::{KeyHome, Vault};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// The largest value in bytes: a program cannot get more in one variable (Linux, `MAX_ARG_STRLEN`).
const LARGEST: usize = 128 * 1024 - 1;

/// What the sealed value is bound to, so that a row cannot be passed off as another one.
fn context(project: Option<&ProjectId>, name: &str) -> String {
    format!("{}/{name}", project.map_or("*", |id| id.as_str()))
}

/// What is wrong with a name. Pipeline files may ask for any text (`from_secret: 密码`), and the original servers store any; kept out is what
/// would be read otherwise than it is written.
fn problem_of_name(name: &str) -> Option<Message> {
    match name {
        "" => Some(message!("give it a name")),
        _ if name.len() > 200 => Some(message!("a name has at most 200 bytes")),
        _ if name != name.trim() => Some(message!("no blanks at its beginning and end")),
        _ if name.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ' || is_invisible(c)) => {
            Some(message!("no line breaks, control characters and invisible characters in it"))
        }
        _ => None,
    }
}

/// Characters without a shape of their own: marks of the reading direction, joiners, byte order marks (Unicode, default ignorable).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl App {
    /// The vault; asked for `anew` also when it refused a moment ago.
    async fn vault(&self, anew: bool) -> Result<Arc<Vault>, ApiError> {
        let open = async || {
            let sealed_values_exist = self.store.has_secrets().await?;
            let file = self.key_file();
            let home = if self.options.use_os_key_store { KeyHome::system(&self.folder_id, file) } else { KeyHome::file_only(file) };
            Ok::<_, ApiError>(Vault::open(home, sealed_values_exist).await?)
        };
        self.vault.pass(Instant::now(), anew, open).await
    }

    /// Where a key file lies or would lie.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.options.data_folder.join("vault.key")
    }

    /// Opens the vault where there are secrets, so that the status says whether it can be: for one who asks just that.
    pub async fn check_key(&self) {
        if self.store.has_secrets().await.unwrap_or(false)
            && let Err(error) = self.vault(true).await
        {
            tracing::debug!(message = %error.message, "the vault cannot be opened");
        }
    }

    /// Names of all secrets, sorted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn secrets(&self) -> Result<Vec<SecretEntry>, ApiError> {
        let projects = self.store.projects().await?;
        let decided = self.store.secret_grants(None).await?;
        let grants = |row: &lp_store::SecretEntry| {
            let of_it = decided.iter().filter(|grant| row.project.is_none() && grant.name == row.name);
            let named = of_it.filter_map(|grant| Some((grant, projects.iter().find(|project| project.id == grant.project)?)));
            let entry = |(grant, project): (&lp_store::SecretGrant, &lp_store::Project)| SecretGrant {
                project: grant.project.to_string(),
                project_name: project.name.clone(),
                allowed: grant.allowed,
            };
            named.map(entry).collect()
        };
        Ok(self
            .secret_rows()
            .await?
            .into_iter()
            .map(|row| SecretEntry {
                grants: grants(&row),
                name: row.name,
                scope: match row.project {
                    Some(project) => SecretScope::Project { project: project.to_string() },
                    None => SecretScope::Everywhere,
                },
                updated: time::to_text(row.updated_ms),
            })
            .collect())
    }

    /// Sets a secret, replacing one of that name and scope. Returns what logs will show of the value, if anything.
    ///
    /// # Errors
    /// [`ErrorCode::SecretInvalid`] for a name that is not fit, an empty value or one that no program could get;
    /// [`ErrorCode::VaultUnavailable`] without a key.
    pub async fn set_secret(&self, scope: &SecretScope, name: &str, value: String) -> Result<Option<Uncovered>, ApiError> {
        let value = SecretValue::new(value);
        if let Some(problem) = problem_of_name(name) {
            return Err(ApiError::new(ErrorCode::SecretInvalid, message!("`{}` is no name for a secret", name))
                .hint(message!("write it as in the pipeline file: {}", problem)));
        }
        if value.expose().is_empty() {
            return Err(ApiError::new(ErrorCode::SecretInvalid, message!("the value of `{}` is empty", name))
                .hint(message!("remove the secret if it is not needed any more")));
        }
        if value.expose().len() > LARGEST || value.expose().contains('\0') {
            return Err(ApiError::new(ErrorCode::SecretInvalid, message!("no program can get the value of `{}` in a variable", name))
                .hint(message!(
                    "a value has at most {} bytes and no NUL; put a larger one into a file and encode it, e.g. with `base64`",
                    LARGEST
                )));
        }
        let project = self.scope_project(scope).await?;
        let sealed = self.vault(true).await?.seal(&context(project.as_ref(), name), &value);
        self.store.put_secret(project.as_ref(), name, &sealed, time::now_ms()).await?;
        self.forget_past_secrets().await;
        self.hub.tell(stale_with(project.as_ref()));
        Ok(lp_secret::uncovered(value.expose()).map(Uncovered::from))
    }

    /// Removes a secret. Returns whether it was there.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove_secret(&self, scope: &SecretScope, name: &str) -> Result<bool, ApiError> {
        let project = self.scope_project(scope).await?;
        let was_there = self.store.delete_secret(project.as_ref(), name).await?;
        self.forget_past_secrets().await;
        self.hub.tell(stale_with(project.as_ref()));
        Ok(was_there)
    }

    /// The value for a step of a project ([`App::origin`]); `None` when there is none, or the project may not have it.
    pub(crate) async fn secret_value(&self, project: &ProjectId, name: &str) -> Result<Option<SecretValue>, ApiError> {
        let (scope, known) = match self.origin(project, name).await? {
            Origin::Own(known) => (Some(project), known),
            Origin::Shared(known, Some(true)) => (None, known),
            Origin::Shared(_, None) => {
                let row = self.store.project(project).await?;
                return Err(undecided(
                    &row.name,
                    row.path.as_deref().unwrap_or_default(),
                    &[name],
                    message!("it is not handed out before"),
                ));
            }
            Origin::Shared(_, Some(false)) | Origin::Nowhere => return Ok(None),
        };
        match self.store.secret(scope, &known).await? {
            Some(sealed) => Ok(Some(self.vault(false).await?.unseal(&context(scope, &known), &sealed)?)),
            None => Ok(None),
        }
    }

    /// Every value that a run of the project may print under a name, whether it gets it or not: its own and that of all projects, as they are
    /// and as they were as long as a run that is older than their end has not left everything behind.
    pub(crate) async fn secret_masks(&self, project: &ProjectId, name: &str) -> Result<Vec<SecretValue>, ApiError> {
        let mut sealed = Vec::new();
        for scope in [Some(project), None] {
            for row in self.store.secrets(scope).await?.into_iter().filter(|row| row.name.eq_ignore_ascii_case(name)) {
                sealed.extend(self.store.secret(scope, &row.name).await?.map(|bytes| (context(scope, &row.name), bytes)));
            }
        }
        let past = self.store.past_secrets(project).await?.into_iter().filter(|past| past.name.eq_ignore_ascii_case(name));
        sealed.extend(past.map(|past| (context(past.project.as_ref(), &past.name), past.sealed)));
        let mut values = Vec::new();
        for (context, bytes) in sealed {
            values.push(self.vault(false).await?.unseal(&context, &bytes)?);
        }
        Ok(values)
    }

    /// Forgets values that no run can print any more. What cannot be forgotten now is the next time.
    pub(crate) async fn forget_past_secrets(&self) {
        if let Err(problem) = self.store.forget_past_secrets().await {
            tracing::info!(%problem, "old values of secrets stay");
        }
    }

    /// All secrets of all scopes, those for everywhere first.
    async fn secret_rows(&self) -> Result<Vec<lp_store::SecretEntry>, ApiError> {
        Ok(self.store.all_secrets().await?)
    }

    /// The project around a folder for a secret, made where it is none yet: also of a repository without a commit.
    ///
    /// # Errors
    /// As [`App::open_project`], but for `EmptyRepository`.
    pub async fn secret_scope(&self, folder: &str) -> Result<SecretScope, ApiError> {
        Ok(SecretScope::Project { project: self.add_repository(folder).await?.id.to_string() })
    }

    async fn scope_project(&self, scope: &SecretScope) -> Result<Option<ProjectId>, ApiError> {
        match scope {
            SecretScope::Everywhere => Ok(None),
            SecretScope::Project { project } => Ok(Some(self.project_row(project).await?.id)),
        }
    }
}

/// What is another one once a secret of this scope is: the list of secrets, where the key lies, and what the runs that may get it would do.
fn stale_with(project: Option<&ProjectId>) -> [Tag; 3] {
    [Tag::Secrets, Tag::Status, project.map_or(Tag::Plans, |project| Tag::Plan(project.to_string()))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppOptions;
    use crate::dto::KeyPlaceWord;
    use crate::secret::vault_door::Known;

    #[tokio::test]
    async fn a_lost_key_is_said_and_never_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let options = AppOptions::without_engine(folder.path());
        let app = App::open(options.clone()).await.unwrap();
        let place = async |app: &App| app.status().await.unwrap().key_place;
        assert_eq!(place(&app).await, KeyPlaceWord::NotYet);
        app.set_secret(&SecretScope::Everywhere, "token", "first-value".into()).await.unwrap();
        assert_eq!(place(&app).await, KeyPlaceWord::File);
        app.shutdown().await;

        let app = App::open(options.clone()).await.unwrap();
        assert_eq!(place(&app).await, KeyPlaceWord::File, "known without opening it");
        assert!(matches!(app.vault.known(), Known::Nothing), "a status opens no vault");
        app.shutdown().await;

        std::fs::remove_file(folder.path().join("vault.key")).unwrap();
        let app = App::open(options).await.unwrap();
        assert_eq!(place(&app).await, KeyPlaceWord::NotFetched);
        let refused = app.set_secret(&SecretScope::Everywhere, "other", "second-value".into()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::VaultUnavailable);
        assert_eq!(place(&app).await, KeyPlaceWord::Unavailable);
        assert!(!folder.path().join("vault.key").exists());
        app.shutdown().await;
    }

    #[tokio::test]
    async fn names_are_those_that_pipeline_files_may_write() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(AppOptions::without_engine(folder.path())).await.unwrap();
        for name in ["token", "密码", "a b", "docker/password", "x:y", "ключ", "TOKEN$"] {
            assert_eq!(app.set_secret(&SecretScope::Everywhere, name, "long-enough".into()).await.unwrap(), None, "{name}");
        }
        for name in ["", " token", "token ", "to\nken", "to\u{202e}ken", "to\u{200b}ken", "\u{1b}[31m", &"x".repeat(201)] {
            let refused = app.set_secret(&SecretScope::Everywhere, name, "long-enough".into()).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::SecretInvalid, "{name:?}");
        }
        let short = app.set_secret(&SecretScope::Everywhere, "pin", "987".into()).await.unwrap();
        assert_eq!(short, Some(Uncovered::TooShort), "what is not hidden is said");
        let large = app.set_secret(&SecretScope::Everywhere, "large", "x".repeat(LARGEST + 1)).await.unwrap_err();
        assert_eq!(large.code, ErrorCode::SecretInvalid);
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_value_that_was_replaced_or_removed_is_masked_while_a_run_may_print_it() {
        use crate::testing::{open, project, request, wait_until_over};
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let pipeline = "kind: pipeline\nname: default\nsteps:\n- name: use\n  image: alpine\n  environment: {TOKEN: {from_secret: token}}\n  commands: ['exit 1']\n";
        let id = project(&app, folder.path(), pipeline).await;
        let scope = SecretScope::Project { project: id.clone() };
        let masks = async || {
            let values = app.secret_masks(&ProjectId::parse(&id).unwrap(), "Token").await.unwrap();
            values.iter().map(|value| value.expose().to_owned()).collect::<Vec<_>>()
        };
        app.set_secret(&scope, "token", "value-one".into()).await.unwrap();
        app.set_secret(&scope, "token", "value-two".into()).await.unwrap();
        assert_eq!(masks().await, ["value-two"], "no run ever had the first");
        // Fails, and so keeps its files for a retry.
        let run = app.start_run(&request(&app, &id).await).await.unwrap();
        wait_until_over(&app, &run).await;
        app.set_secret(&scope, "token", "value-three".into()).await.unwrap();
        assert_eq!(masks().await, ["value-three", "value-two"]);
        app.remove_secret(&scope, "token").await.unwrap();
        assert_eq!(masks().await, ["value-two", "value-three"]);
        app.set_secret(&SecretScope::Everywhere, "TOKEN", "value-four".into()).await.unwrap();
        assert_eq!(masks().await, ["value-four", "value-two", "value-three"], "also one that this project did not get");
        app.remove_kept(Some(&run)).await.unwrap();
        app.forget_past_secrets().await;
        assert_eq!(masks().await, ["value-four"]);
        app.shutdown().await;
    }
}
