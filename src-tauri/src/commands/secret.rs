use crate::shell::Shell;
use lp_api::dto::{ApiError, SecretEntry, SecretScope, Uncovered};
use tauri::State;

/// Names of all secrets.
#[tauri::command]
pub async fn secret_list(shell: State<'_, Shell>) -> Result<Vec<SecretEntry>, ApiError> {
    shell.app()?.secrets().await
}

/// Sets a secret; returns what logs will show of it, or `null`.
#[tauri::command]
pub async fn secret_set(shell: State<'_, Shell>, scope: SecretScope, name: String, value: String) -> Result<Option<Uncovered>, ApiError> {
    shell.app()?.set_secret(&scope, &name, value).await
}

/// Removes a secret.
#[tauri::command]
pub async fn secret_remove(shell: State<'_, Shell>, scope: SecretScope, name: String) -> Result<(), ApiError> {
    shell.app()?.remove_secret(&scope, &name).await.map(|_was_there| ())
}

/// Decides whether a project may have a secret of all projects; `null` takes the decision back.
#[tauri::command]
pub async fn secret_decide(shell: State<'_, Shell>, project: String, name: String, allowed: Option<bool>) -> Result<(), ApiError> {
    shell.app()?.decide_secret(&project, &name, allowed).await.map(|_stored| ())
}
