use crate::shell::Shell;
use lp_api::dto::{ApiError, RunDetail, RunFilter, RunPage, RunPreview, RunRequest, RunSummary};
use tauri::State;

/// The form at a version, and what would happen.
#[tauri::command]
pub async fn run_preview(shell: State<'_, Shell>, request: RunRequest) -> Result<RunPreview, ApiError> {
    shell.app()?.preview(&request).await
}

/// Starts a run; returns its id.
#[tauri::command]
pub async fn run_start(shell: State<'_, Shell>, request: RunRequest) -> Result<String, ApiError> {
    shell.app()?.start_run(&request).await
}

/// Starts a run with the same version and the same values; `key` names the press.
#[tauri::command]
pub async fn run_again(shell: State<'_, Shell>, run: String, key: String) -> Result<String, ApiError> {
    shell.app()?.run_again_once(&run, Some(key)).await
}

/// Asks a run to stop: its steps get their grace time.
#[tauri::command]
pub async fn run_cancel(shell: State<'_, Shell>, run: String) -> Result<(), ApiError> {
    shell.app()?.cancel_run(&run).await
}

/// Ends the steps of a run at once.
#[tauri::command]
pub async fn run_kill(shell: State<'_, Shell>, run: String) -> Result<(), ApiError> {
    shell.app()?.kill_run(&run).await
}

/// Goes on from where an attempt of a run went wrong.
#[tauri::command]
pub async fn run_retry(shell: State<'_, Shell>, run: String, attempt: u32) -> Result<(), ApiError> {
    shell.app()?.retry_attempt(&run, attempt).await
}

/// Runs that are under way, then those that wait.
#[tauri::command]
pub async fn run_queue(shell: State<'_, Shell>) -> Result<Vec<RunSummary>, ApiError> {
    shell.app()?.queue().await
}

/// A page of the history.
#[tauri::command]
pub async fn run_list(shell: State<'_, Shell>, filter: RunFilter) -> Result<RunPage, ApiError> {
    shell.app()?.runs(&filter).await
}

/// One run.
#[tauri::command]
pub async fn run_detail(shell: State<'_, Shell>, run: String) -> Result<RunDetail, ApiError> {
    shell.app()?.run(&run).await
}
