use crate::shell::Shell;
use lp_api::dto::{ApiError, SecretEntry, SecretScope};
use tauri::State;

/// Names of all secrets.
#[tauri::command]
pub async fn secret_list(shell: State<'_, Shell>) -> Result<Vec<SecretEntry>, ApiError> {
    shell.app()?.secrets().await
}

/// Sets a secret.
#[tauri::command]
pub async fn secret_set(shell: State<'_, Shell>, scope: SecretScope, name: String, value: String) -> Result<(), ApiError> {
    shell.app()?.set_secret(&scope, &name, value).await
}

/// Removes a secret.
#[tauri::command]
pub async fn secret_remove(shell: State<'_, Shell>, scope: SecretScope, name: String) -> Result<(), ApiError> {
    shell.app()?.remove_secret(&scope, &name).await
}
