use lp_api::dto::ApiError;
use lp_api::{App, AppOptions};
use std::sync::{Arc, Mutex, PoisonError};

/// What Tauri keeps for the commands: the app, or why it could not be opened. The window opens in both cases and says so.
pub struct Shell {
    app: Mutex<Result<Arc<App>, ApiError>>,
    /// One try at a time.
    opening: tokio::sync::Mutex<()>,
}

impl Shell {
    /// Opens the user's data folder.
    pub fn open() -> Self {
        Self { app: Mutex::new(tauri::async_runtime::block_on(open())), opening: tokio::sync::Mutex::new(()) }
    }

    /// The app, or the error that every command then answers with.
    pub fn app(&self) -> Result<Arc<App>, ApiError> {
        self.app.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the data folder once more where that failed: its disk was full, or not there yet. Does nothing where it is open.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn open_again(&self) -> Result<(), ApiError> {
        let _one_at_a_time = self.opening.lock().await;
        if self.app().is_ok() {
            return Ok(());
        }
        // On a thread of its own, as at the start: opening reads and migrates files.
        let opening = tauri::async_runtime::spawn_blocking(|| tauri::async_runtime::block_on(open()));
        let opened = opening.await.unwrap_or_else(|_panicked| self.app());
        let answer = opened.as_ref().map(|_app| ()).map_err(Clone::clone);
        *self.app.lock().unwrap_or_else(PoisonError::into_inner) = opened;
        answer
    }
}

async fn open() -> Result<Arc<App>, ApiError> {
    let opened = match AppOptions::from_environment() {
        Ok(options) => App::open(AppOptions { accept_guests: true, ..options }).await,
        Err(error) => Err(error),
    };
    if let Ok(app) = &opened {
        app.watch_engines();
    }
    if let Err(error) = &opened {
        tracing::error!(code = ?error.code, "{}", error.message);
    }
    opened
}
