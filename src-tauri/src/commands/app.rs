use crate::shell::Shell;
use lp_api::dto::{ApiError, AppStatus, Settings};
use tauri::{AppHandle, State};
use tauri_plugin_dialog::DialogExt;

/// What there is on this computer.
#[tauri::command]
pub async fn app_status(shell: State<'_, Shell>) -> Result<AppStatus, ApiError> {
    shell.app()?.status().await
}

/// Asks the engines again.
#[tauri::command]
pub async fn engine_probe(shell: State<'_, Shell>) -> Result<AppStatus, ApiError> {
    shell.app()?.probe_engines().await
}

/// What the user set.
#[tauri::command]
pub async fn settings_get(shell: State<'_, Shell>) -> Result<Settings, ApiError> {
    shell.app()?.settings().await
}

/// Sets everything anew; returns what is in force.
#[tauri::command]
pub async fn settings_set(shell: State<'_, Shell>, settings: Settings) -> Result<Settings, ApiError> {
    shell.app()?.set_settings(settings).await
}

/// The system's dialog for a folder.
#[tauri::command]
pub async fn folder_pick(app: AppHandle) -> Result<Option<String>, ApiError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog().file().pick_folder(move |folder| {
        let _closed_meanwhile = sender.send(folder);
    });
    let folder = receiver.await.ok().flatten();
    Ok(folder.map(|folder| folder.to_string()))
}
