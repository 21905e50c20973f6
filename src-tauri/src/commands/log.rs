use crate::shell::Shell;
use lp_api::dto::{ApiError, LogCursor, LogHit, LogKey, LogPart, LogRange, LogSummary, SearchNews, SearchRequest};
use tauri::ipc::Channel;
use tauri::{AppHandle, State, WebviewWindow};
use tauri_plugin_dialog::DialogExt;

/// Size and landmarks of a log.
#[tauri::command]
pub async fn log_summary(shell: State<'_, Shell>, log: LogKey) -> Result<LogSummary, ApiError> {
    shell.app()?.log_summary(&log).await
}

/// At most `count` lines from `from` on, and no more than 400 and 256 KB: ask on from `next`.
#[tauri::command]
pub async fn log_range(shell: State<'_, Shell>, log: LogKey, from: u64, count: u32) -> Result<LogRange, ApiError> {
    shell.app()?.log_range(&log, from, count).await
}

/// Lines that contain a text.
#[tauri::command]
pub async fn log_find(shell: State<'_, Shell>, log: LogKey, query: String, from: u64, limit: u32) -> Result<Vec<LogHit>, ApiError> {
    shell.app()?.log_find(&log, &query, from, limit).await
}

/// A piece of a log, from a byte of a line on, and where it goes on: all pieces together are the log, however long its lines are.
#[tauri::command]
pub async fn log_part(shell: State<'_, Shell>, log: LogKey, from: LogCursor) -> Result<LogPart, ApiError> {
    shell.app()?.log_part(&log, from).await
}

/// Searches in logs; the listener hears what is found, and at last the end. Returns the id of the activity that the search is.
#[tauri::command]
pub async fn search_start(shell: State<'_, Shell>, request: SearchRequest, listener: Channel<SearchNews>) -> Result<String, ApiError> {
    let mut searching = shell.app()?.search(&request).await?;
    let id = searching.id.clone();
    // It ends with its last news, when it is cancelled, or when nobody hears it any more.
    tauri::async_runtime::spawn(async move {
        while let Some(news) = searching.next().await {
            if listener.send(news).is_err() {
                break;
            }
        }
    });
    Ok(id)
}

/// Opens the system's dialog and saves a log as a text file there; returns the path, `null` when nothing was chosen.
#[tauri::command]
pub async fn log_save(app: AppHandle, window: WebviewWindow, shell: State<'_, Shell>, log: LogKey) -> Result<Option<String>, ApiError> {
    let name = shell.app()?.log_file_name(&log).await?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog().file().set_parent(&window).set_file_name(name).save_file(move |file| {
        let _closed_meanwhile = sender.send(file);
    });
    let Some(path) = receiver.await.ok().flatten().and_then(|file| file.into_path().ok()) else { return Ok(None) };
    shell.app()?.save_log(&log, &path).await?;
    Ok(Some(path.display().to_string()))
}
