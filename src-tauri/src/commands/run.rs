use crate::shell::Shell;
use lp_api::dto::{ApiError, RunDetail, RunFilter, RunPage, RunPreview, RunRequest, RunSummary};
use tauri::State;

/// The workflow and its form as they are at the version, what is wrong with the values, and what would run.
#[tauri::command]
pub async fn run_preview(shell: State<'_, Shell>, request: RunRequest) -> Result<RunPreview, ApiError> {
    shell.app()?.preview(&request).await
}

/// Starts a run and returns its id. Rejects with `changed_since_preview` when what would run is not what `seen` stands for; the same `key` twice is
/// one run.
#[tauri::command]
pub async fn run_start(shell: State<'_, Shell>, request: RunRequest) -> Result<String, ApiError> {
    shell.app()?.start_run(&request).await
}

/// Starts a run with the same version and the same values, and returns its id. The same `key` twice is one run.
#[tauri::command]
pub async fn run_again(shell: State<'_, Shell>, run: String, key: String) -> Result<String, ApiError> {
    shell.app()?.run_again_once(&run, Some(key)).await
}

/// Asks the steps of a run to end; they get their grace time. Asking twice changes nothing.
#[tauri::command]
pub async fn run_cancel(shell: State<'_, Shell>, run: String) -> Result<(), ApiError> {
    shell.app()?.cancel_run(&run).await
}

/// Ends the steps of a run at once; nothing more of the run happens.
#[tauri::command]
pub async fn run_kill(shell: State<'_, Shell>, run: String) -> Result<(), ApiError> {
    shell.app()?.kill_run(&run).await
}

/// The same run goes on from where that attempt went wrong, as its next one; once it did, asking again changes nothing.
#[tauri::command]
pub async fn run_retry(shell: State<'_, Shell>, run: String, attempt: u32) -> Result<(), ApiError> {
    shell.app()?.retry_attempt(&run, attempt).await
}

/// Runs that are under way, then those that wait, in their order.
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
