use crate::shell::Shell;
use lp_api::dto::{ApiError, KeptFiles};
use tauri::State;

/// Files of runs that did not pass, kept for a retry.
#[tauri::command]
pub async fn kept_list(shell: State<'_, Shell>) -> Result<KeptFiles, ApiError> {
    shell.app()?.kept_files().await
}

/// Removes those of one run, or all; returns what is left.
#[tauri::command]
pub async fn kept_remove(shell: State<'_, Shell>, run: Option<String>) -> Result<KeptFiles, ApiError> {
    shell.app()?.remove_kept(run.as_deref()).await
}
