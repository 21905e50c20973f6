//! The one window: made, shown, closed.
//!
//! Closing the window during a run hides it, and the app ends when the runs are over; a second start shows the window again. Quitting, a
//! log-out or a crash leave the runs to the next start.

use crate::page::{is_ours, language_script, system_language};
use crate::shell::Shell;
use tauri::{AppHandle, Manager, RunEvent, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Window, WindowEvent};

const LABEL: &str = "main";

/// Makes the window.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Letterpress")
        .inner_size(1240.0, 820.0)
        .min_inner_size(820.0, 560.0)
        // A link or a file that is dropped must not turn the window into a browser.
        .on_navigation(is_ours)
        .initialization_script(language_script(&system_language()))
        // The page names the screen that it shows; the system shows that in its list of windows.
        .on_document_title_changed(|window, title| {
            if let Err(problem) = window.set_title(&title) {
                tracing::warn!(%problem, "the window's title stays");
            }
        })
        .build()?;
    Ok(())
}

/// Enlarges everything in the window, from 0.8 to 2 times the usual size.
pub fn zoom(window: &WebviewWindow, factor: f64) {
    let factor = if factor.is_finite() { factor.clamp(0.8, 2.0) } else { 1.0 };
    if let Err(problem) = window.set_zoom(factor) {
        tracing::warn!(%problem, factor, "the window keeps its size");
    }
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

/// Closing the window while runs go on only hides it: they end in peace, then the app ends (see [`end_when_idle`]). Should it have to end
/// before (a log-out, Quit of the tray, a crash), the next start goes on with them.
pub fn on_event(window: &Window, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else { return };
    let handle = window.app_handle().clone();
    if live_runs(&handle) > 0 && window.hide().is_ok() {
        api.prevent_close();
        tauri::async_runtime::spawn(end_when_idle(handle));
    }
}

/// Ends the app in order: runs that are under way are left as they are, for the next start to go on with.
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
