use crate::shell::Shell;
use crate::{tray, window};
use lp_api::dto::{Activity, ApiError, AppStatus, Settings};
use tauri::{AppHandle, State, WebviewWindow};
use tauri_plugin_dialog::DialogExt;

/// Opens the data folder once more where that failed at the start; does nothing where it is open.
#[tauri::command]
pub async fn app_open(shell: State<'_, Shell>) -> Result<(), ApiError> {
    shell.open_again().await
}

/// What there is on this computer.
#[tauri::command]
pub async fn app_status(shell: State<'_, Shell>) -> Result<AppStatus, ApiError> {
    shell.app()?.status().await
}

/// Asks the engines again; takes as long as they need to answer.
#[tauri::command]
pub async fn engine_probe(shell: State<'_, Shell>) -> Result<AppStatus, ApiError> {
    shell.app()?.probe_engines().await
}

/// What the user set.
#[tauri::command]
pub async fn settings_get(shell: State<'_, Shell>) -> Result<Settings, ApiError> {
    shell.app()?.settings().await
}

/// Sets everything anew; returns what was stored, after limits were applied.
#[tauri::command]
pub async fn settings_set(app: AppHandle, shell: State<'_, Shell>, settings: Settings) -> Result<Settings, ApiError> {
    let stored = shell.app()?.set_settings(settings).await?;
    tray::speak(&app, stored.language);
    Ok(stored)
}

/// Enlarges everything in the window; 1 is the usual size.
#[tauri::command]
pub async fn window_zoom(window: WebviewWindow, factor: f64) -> Result<(), ApiError> {
    window::zoom(&window, factor);
    Ok(())
}

/// Long work: what goes on, then what has just ended.
#[tauri::command]
pub async fn activity_list(shell: State<'_, Shell>) -> Result<Vec<Activity>, ApiError> {
    Ok(shell.app()?.activities().await)
}

/// Asks long work to stop; it says so by its state.
#[tauri::command]
pub async fn activity_cancel(shell: State<'_, Shell>, activity: String) -> Result<(), ApiError> {
    shell.app()?.cancel_activity(&activity).await
}

/// Opens the system's dialog for a folder; `null` when nothing was chosen.
#[tauri::command]
pub async fn folder_pick(app: AppHandle, window: WebviewWindow) -> Result<Option<String>, ApiError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Over the window, not behind it.
    app.dialog().file().set_parent(&window).pick_folder(move |folder| {
        let _closed_meanwhile = sender.send(folder);
    });
    let Some(folder) = receiver.await.ok().flatten() else { return Ok(None) };
    match folder.into_path() {
        Ok(path) => lp_api::path_text(&path).map(Some),
        Err(_no_path) => Ok(None),
    }
}
