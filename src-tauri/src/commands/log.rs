use crate::shell::Shell;
use lp_api::LogKey;
use lp_api::dto::{ApiError, LogCursor, LogHit, LogPart, LogRange, LogSummary, SearchNews, SearchRequest};
use tauri::ipc::Channel;
use tauri::{AppHandle, State, WebviewWindow};
use tauri_plugin_dialog::DialogExt;

/// Size and landmarks of a log.
#[tauri::command]
pub async fn log_summary(shell: State<'_, Shell>, run: String, stage: u32, step: u32, attempt: u32) -> Result<LogSummary, ApiError> {
    shell.app()?.log_summary(&LogKey { run, stage, step, attempt }).await
}

/// Some lines of a log.
#[tauri::command]
pub async fn log_range(
    shell: State<'_, Shell>,
    run: String,
    stage: u32,
    step: u32,
    attempt: u32,
    from: u64,
    count: u32,
) -> Result<LogRange, ApiError> {
    shell.app()?.log_range(&LogKey { run, stage, step, attempt }, from, count).await
}

/// Lines that contain a text.
#[tauri::command]
#[allow(clippy::too_many_arguments)] // they are the fields of one request; Tauri unpacks them by name
pub async fn log_find(
    shell: State<'_, Shell>,
    run: String,
    stage: u32,
    step: u32,
    attempt: u32,
    query: String,
    from: u64,
    limit: u32,
) -> Result<Vec<LogHit>, ApiError> {
    shell.app()?.log_find(&LogKey { run, stage, step, attempt }, &query, from, limit).await
}

/// A piece of a log, from a byte of a line on.
#[tauri::command]
#[allow(clippy::too_many_arguments)] // they are the fields of one request; Tauri unpacks them by name
pub async fn log_part(
    shell: State<'_, Shell>,
    run: String,
    stage: u32,
    step: u32,
    attempt: u32,
    from: LogCursor,
) -> Result<LogPart, ApiError> {
    shell.app()?.log_part(&LogKey { run, stage, step, attempt }, from).await
}

/// Searches in logs; the channel hears what is found until the search is over. Returns the id of the activity that
/// it is, by which it is ended.
#[tauri::command]
pub async fn search_start(shell: State<'_, Shell>, request: SearchRequest, channel: Channel<SearchNews>) -> Result<String, ApiError> {
    let mut searching = shell.app()?.search(&request).await?;
    let id = searching.id.clone();
    // It ends with its last news, when it is cancelled, or when nobody hears it any more.
    tauri::async_runtime::spawn(async move {
        while let Some(news) = searching.next().await {
            if channel.send(news).is_err() {
                break;
            }
        }
    });
    Ok(id)
}

/// Saves a log as a text file where the user says; `None` when the dialog was closed.
#[tauri::command]
#[allow(clippy::too_many_arguments)] // they are the fields of one request; Tauri unpacks them by name
pub async fn log_save(
    app: AppHandle,
    window: WebviewWindow,
    shell: State<'_, Shell>,
    run: String,
    stage: u32,
    step: u32,
    attempt: u32,
) -> Result<Option<String>, ApiError> {
    let key = LogKey { run, stage, step, attempt };
    let name = shell.app()?.log_file_name(&key).await?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog().file().set_parent(&window).set_file_name(name).save_file(move |file| {
        let _closed_meanwhile = sender.send(file);
    });
    let Some(path) = receiver.await.ok().flatten().and_then(|file| file.into_path().ok()) else { return Ok(None) };
    shell.app()?.save_log(&key, &path).await?;
    Ok(Some(path.display().to_string()))
}
