//! The one window: made, shown, closed.

use crate::shell::Shell;
use tauri::{AppHandle, Manager, RunEvent, WebviewUrl, WebviewWindowBuilder, Window, WindowEvent};

const LABEL: &str = "main";

/// Makes the window.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Letterpress")
        .inner_size(1240.0, 820.0)
        .min_inner_size(820.0, 560.0)
        .build()?;
    Ok(())
}

/// Brings the window to the front: a second start, or the tray.
pub fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        let shown = window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus());
        if let Err(problem) = shown {
            tracing::warn!(%problem, "the window could not be shown");
        }
    }
}

/// Closing the window while runs go on only hides it: they end in peace, then the app ends (see [`end_when_idle`]).
pub fn on_event(window: &Window, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else { return };
    let handle = window.app_handle().clone();
    if live_runs(&handle) > 0 && window.hide().is_ok() {
        api.prevent_close();
        tauri::async_runtime::spawn(end_when_idle(handle));
    }
}

/// Ends the app in order: steps are stopped and everything of theirs removed before the process is gone.
pub fn on_run_event(app: &AppHandle, event: RunEvent) {
    if let RunEvent::Exit = event
        && let Ok(api) = app.state::<Shell>().app()
    {
        tauri::async_runtime::block_on(api.shutdown());
    }
}

fn live_runs(app: &AppHandle) -> usize {
    app.state::<Shell>().app().map(|api| api.live_runs()).unwrap_or(0)
}

/// Waits until no run is under way, then ends the app unless the window was brought back meanwhile.
async fn end_when_idle(app: AppHandle) {
    if let Ok(api) = app.state::<Shell>().app() {
        api.wait_idle().await;
    }
    let hidden = app.get_webview_window(LABEL).is_none_or(|window| !window.is_visible().unwrap_or(false));
    if hidden {
        app.exit(0);
    }
}
