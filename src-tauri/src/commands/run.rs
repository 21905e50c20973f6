use crate::shell::Shell;
use lp_api::dto::{ApiError, InputProblem, RunDetail, RunFilter, RunPage, RunPreview, RunRequest, RunSummary};
use tauri::State;

/// What would happen.
#[tauri::command]
pub async fn run_preview(shell: State<'_, Shell>, request: RunRequest) -> Result<RunPreview, ApiError> {
    shell.app()?.preview(&request).await
}

/// What is wrong with the values of the form.
#[tauri::command]
pub async fn run_input_problems(shell: State<'_, Shell>, request: RunRequest) -> Result<Vec<InputProblem>, ApiError> {
    shell.app()?.input_problems(&request).await
}

/// Starts a run; returns its id.
#[tauri::command]
pub async fn run_start(shell: State<'_, Shell>, request: RunRequest) -> Result<String, ApiError> {
    shell.app()?.start_run(&request).await
}

/// Starts a run with the same version and the same values.
#[tauri::command]
pub async fn run_again(shell: State<'_, Shell>, run: String) -> Result<String, ApiError> {
    shell.app()?.run_again(&run).await
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

/// Goes on from where a run went wrong.
#[tauri::command]
pub async fn run_retry(shell: State<'_, Shell>, run: String) -> Result<(), ApiError> {
    shell.app()?.retry_run(&run).await
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
