//! What the user set, as JSON values in the store.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Notice, Settings};

const KEY: &str = "settings";

impl App {
    /// What is in force: what was set, the defaults for the rest. A value that this version cannot read counts as not set.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn settings(&self) -> Result<Settings, ApiError> {
        let stored = self.store.setting(KEY).await?;
        Ok(stored.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
    }

    /// Sets everything anew.
    ///
    /// # Errors
    /// [`ErrorCode::InputInvalid`] for a number out of range; nothing is changed then.
    pub async fn set_settings(&self, settings: Settings) -> Result<Settings, ApiError> {
        let in_range = |name: &str, value: u32, most: u32| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            Err(ApiError::new(ErrorCode::InputInvalid, format!("`{name}` is {value}, which is not between 1 and {most}")))
        };
        in_range("grace_s", settings.grace_s, 600)?;
        in_range("max_runs", settings.max_runs, 16)?;
        let json = serde_json::to_string(&settings).expect("plain data");
        self.store.put_setting(KEY, &json).await?;
        self.apply_settings(&settings);
        self.hub.tell(Notice::Status);
        Ok(settings)
    }
}
