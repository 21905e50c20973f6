use lp_api::dto::ApiError;
use lp_api::{App, AppOptions};
use std::sync::Arc;

/// What Tauri keeps for the commands: the app, or why it could not be opened. The window opens in both cases and says so.
pub struct Shell {
    app: Result<Arc<App>, ApiError>,
}

impl Shell {
    /// Opens the user's data folder.
    pub fn open() -> Self {
        let app = AppOptions::from_environment()
            .and_then(|options| tauri::async_runtime::block_on(App::open(AppOptions { accept_guests: true, ..options })));
        if let Err(error) = &app {
            tracing::error!(code = ?error.code, "{}", error.message);
        }
        Self { app }
    }

    /// The app, or the error that every command then answers with.
    pub fn app(&self) -> Result<&Arc<App>, ApiError> {
        self.app.as_ref().map_err(Clone::clone)
    }
}
