//! What the user set, as JSON values in the store.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Notice, Settings};
use lp_store::Store;

const KEY: &str = "settings";

/// What is in force; before there is an app, too.
pub(crate) async fn stored(store: &Store) -> Result<Settings, ApiError> {
    let stored = store.setting(KEY).await?;
    Ok(stored.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

impl App {
    /// What is in force: what was set, the defaults for the rest. A value that this version cannot read counts as not set.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn settings(&self) -> Result<Settings, ApiError> {
        stored(&self.store).await
    }

    /// Sets everything anew.
    ///
    /// # Errors
    /// [`ErrorCode::InputInvalid`] for a number out of range or an engine that cannot be used; nothing is changed then.
    pub async fn set_settings(&self, settings: Settings) -> Result<Settings, ApiError> {
        let limits = [
            ("grace_s", settings.grace_s, 1, 600),
            ("max_runs", settings.max_runs, 1, 16),
            ("max_runs_per_project", settings.max_runs_per_project, 0, 16),
            ("max_runs_per_environment", settings.max_runs_per_environment, 0, 16),
            ("max_steps", settings.max_steps, 0, 1000),
            ("keep_failed_days", settings.keep_failed_days, 0, 365),
            ("keep_failed_mb", settings.keep_failed_mb, 0, 1_000_000),
            ("engine_patience_s", settings.engine_patience_s, 0, 3600),
        ];
        for (name, value, least, most) in limits {
            if !(least..=most).contains(&value) {
                return Err(ApiError::new(
                    ErrorCode::InputInvalid,
                    format!("`{name}` is {value}, which is not between {least} and {most}"),
                ));
            }
        }
        self.check_engine(&self.settings().await?.engine, &settings.engine).await?;
        let json = serde_json::to_string(&settings).expect("plain data");
        self.store.put_setting(KEY, &json).await?;
        self.apply_settings(&settings);
        self.choose_engine(&settings.engine).await;
        self.ownership.tidy_soon.notify_one();
        self.hub.tell(Notice::Status);
        Ok(settings)
    }
}
