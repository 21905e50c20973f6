//! One long-lived channel per window: notices say "ask again", never carry output.

use crate::shell::Shell;
use lp_api::dto::{ApiError, Notice};
use tauri::State;
use tauri::ipc::Channel;

/// Sends notices into the channel until the window drops it.
#[tauri::command]
pub async fn notices_subscribe(shell: State<'_, Shell>, channel: Channel<Notice>) -> Result<(), ApiError> {
    let mut notices = shell.app()?.notices();
    tauri::async_runtime::spawn(async move {
        while let Some(notice) = notices.next().await {
            if channel.send(notice).is_err() {
                break;
            }
        }
    });
    Ok(())
}
