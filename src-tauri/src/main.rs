//! The desktop shell: one window around `lp-api`, a tray icon, and nothing else. Commands are adapters: unpack, one call, return.
//!
//! It knows nothing about pipelines, containers, git or SQLite.
//!
//! Read in this order: this file, [`shell`], `commands`, `notices`, `tray`, `window`, `page`.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod notices;
mod page;
mod shell;
mod tray;
mod window;

use shell::Shell;
use tauri::Manager;

fn main() {
    init_tracing();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _arguments, _folder| window::show(app)))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .setup(|app| {
            let shell = Shell::open();
            app.manage(shell);
            app.manage(notices::Forwarder::default());
            window::create(app.handle())?;
            // A desktop without a tray is no reason not to start: everything can be done in the window.
            if let Err(problem) = tray::create(app.handle()) {
                tracing::warn!(%problem, "no tray icon");
            }
            Ok(())
        })
        .on_window_event(window::on_event)
        .invoke_handler(tauri::generate_handler![
            commands::app::app_open,
            commands::app::app_status,
            commands::app::engine_probe,
            commands::app::settings_get,
            commands::app::settings_set,
            commands::app::folder_pick,
            commands::app::window_zoom,
            commands::app::activity_list,
            commands::app::activity_cancel,
            commands::project::project_list,
            commands::project::project_open,
            commands::project::project_remove,
            commands::project::sample_create,
            commands::project::project_set_trusted,
            commands::project::project_set_real_plugins,
            commands::project::project_set_cleanup,
            commands::project::project_detail,
            commands::project::project_compatibility,
            commands::run::run_preview,
            commands::run::run_start,
            commands::run::run_again,
            commands::run::run_cancel,
            commands::run::run_kill,
            commands::run::run_retry,
            commands::run::run_queue,
            commands::run::run_list,
            commands::run::run_detail,
            commands::kept::kept_list,
            commands::kept::kept_remove,
            commands::log::log_summary,
            commands::log::log_range,
            commands::log::log_find,
            commands::log::log_part,
            commands::log::search_start,
            commands::log::log_save,
            commands::secret::secret_list,
            commands::secret::secret_set,
            commands::secret::secret_remove,
            commands::secret::secret_decide,
            notices::notices_subscribe,
        ])
        .build(tauri::generate_context!());
    match app {
        Ok(app) => app.run(window::on_run_event),
        Err(problem) => {
            tracing::error!(%problem, "the window could not be opened");
            std::process::exit(1);
        }
    }
}

/// Diagnostics go to standard error; `LETTERPRESS_LOG` takes filters as `tracing` knows them.
fn init_tracing() {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env("LETTERPRESS_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // Below `info` this library writes request bodies, in which secrets of steps stand.
    let filter = filter.add_directive("bollard=info".parse().expect("a directive"));
    fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
