//! What the user set, a row in the store for each.

pub(crate) mod dto;

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Settings, Tag};
use lp_model::message;
use lp_store::Store;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is in force; before there is an app, too.
pub(crate) async fn stored(store: &Store) -> Result<Settings, ApiError> {
    Ok(in_force(&store.settings().await?))
}

/// The settings, each from its row of JSON; one without a row, or with one that this version cannot read, is as it is by itself.
fn in_force(rows: &BTreeMap<String, String>) -> Settings {
    let mut settings = Settings::default();
    for name in fields(&settings).keys() {
        let Some(value) = rows.get(name).and_then(|json| serde_json::from_str::<Value>(json).ok()) else { continue };
        let mut changed = fields(&settings);
        changed.insert(name.clone(), value);
        match serde_json::from_value(Value::Object(changed)) {
            Ok(read) => settings = read,
            Err(why) => tracing::warn!(name, %why, "a setting cannot be read"),
        }
    }
    settings
}

fn fields(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("settings are plain data with names"),
    }
}

/// The numbers among the settings, with the least and the most that each may be.
const LIMITS: [(&str, u32, u32); 9] = [
    ("grace_s", 1, 600),
    ("max_runs", 1, 16),
    ("max_runs_per_project", 0, 16),
    ("max_runs_per_environment", 0, 16),
    ("max_steps", 0, 1000),
    ("max_log_mb", 1, 1_000_000),
    ("keep_failed_days", 0, 365),
    ("keep_failed_mb", 0, 1_000_000),
    ("engine_patience_s", 0, 3600),
];

/// A setting as a terminal shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// Its name.
    pub name: String,
    /// What is in force.
    pub value: String,
    /// The same as JSON.
    pub json: Value,
    /// What is in force where nobody sets it.
    pub default: String,
    /// The least and the most that it may be, for a number.
    pub limits: Option<(u32, u32)>,
}

impl App {
    /// All settings by name, in their order in [`Settings`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn setting_rows(&self) -> Result<Vec<SettingRow>, ApiError> {
        let (values, defaults) = (fields(&self.settings().await?), fields(&Settings::default()));
        let text = |fields: &Map<String, Value>, name: &str| match fields.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let row = |name: &String| SettingRow {
            name: name.clone(),
            json: values[name].clone(),
            value: text(&values, name),
            default: text(&defaults, name),
            limits: LIMITS.iter().find(|(limited, ..)| limited == name).map(|(_, least, most)| (*least, *most)),
        };
        Ok(values.keys().map(row).collect())
    }

    /// Fails for a name that is no setting.
    ///
    /// # Errors
    /// [`ErrorCode::InputInvalid`], naming all settings.
    pub fn must_be_setting(&self, name: &str) -> Result<(), ApiError> {
        let known = fields(&Settings::default());
        if known.contains_key(name) {
            return Ok(());
        }
        let names = known.keys().map(String::as_str).collect::<Vec<_>>().join("`, `");
        let error = ApiError::new(ErrorCode::InputInvalid, message!("there is no setting `{}`", name));
        Err(error.hint(message!("the settings are `{}`", names)))
    }

    /// Sets the setting of that name to a value as a person writes it.
    ///
    /// # Errors
    /// [`ErrorCode::InputInvalid`] for a name that is no setting and a value that it cannot have, and as [`App::set_settings`].
    pub async fn set_setting(&self, name: &str, text: &str) -> Result<Settings, ApiError> {
        self.must_be_setting(name)?;
        let mut changed = fields(&self.settings().await?);
        let value = match &changed[name] {
            Value::Number(_) => text.parse::<u32>().map(Value::from).unwrap_or_else(|_| Value::String(text.to_owned())),
            _ => Value::String(text.to_owned()),
        };
        changed.insert(name.to_owned(), value);
        match serde_json::from_value(Value::Object(changed)) {
            Ok(settings) => self.set_settings(settings).await,
            Err(why) => {
                let message = message!("the setting `{}` cannot be `{}`: {}", name, text, why.to_string());
                let help = message!("`letterpress settings` shows what each setting may be");
                Err(ApiError::new(ErrorCode::InputInvalid, message).hint(help))
            }
        }
    }

    /// What is in force: what was set, the defaults for the rest. A value that this version cannot read counts as not set.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn settings(&self) -> Result<Settings, ApiError> {
        stored(&self.store).await
    }

    /// Sets what is different from what is in force.
    ///
    /// # Errors
    /// [`ErrorCode::SettingInvalid`] for a number out of range, [`ErrorCode::EngineInvalid`] or [`ErrorCode::EngineInUse`] for an engine that cannot be used; nothing is changed then.
    pub async fn set_settings(&self, settings: Settings) -> Result<Settings, ApiError> {
        let values = fields(&settings);
        for (name, least, most) in LIMITS {
            let value = values.get(name).and_then(Value::as_u64).unwrap_or_default();
            if !(u64::from(least)..=u64::from(most)).contains(&value) {
                return Err(ApiError::new(
                    ErrorCode::SettingInvalid,
                    message!("`{}` is {}, which is not between {} and {}", name, value, least, most),
                ));
            }
        }
        let before = self.settings().await?;
        self.check_engine(&before.engine, &settings.engine).await?;
        // Only what changes: a row that this version cannot read stays for the one that can.
        let before = fields(&before);
        let changed = fields(&settings).into_iter().filter(|(name, value)| before.get(name) != Some(value));
        self.store.put_settings(&changed.map(|(name, value)| (name, value.to_string())).collect()).await?;
        self.apply_settings(&settings);
        self.choose_engine(&settings.engine).await;
        self.ownership.tidy_soon.notify_one();
        // The engine may be another one, with which steps run or do not.
        self.hub.tell([Tag::Settings, Tag::Status, Tag::Plans]);
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::open;

    #[tokio::test]
    async fn a_value_that_cannot_be_read_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        app.set_settings(Settings { max_runs: 5, grace_s: 30, ..Settings::default() }).await.unwrap();
        // As a newer version may have left them.
        for (name, json) in [("theme", "\"sepia\""), ("max_runs", "not JSON"), ("sounds", "true")] {
            app.store.put_setting(name, json).await.unwrap();
        }
        let expected = Settings { grace_s: 30, ..Settings::default() };
        assert_eq!(app.settings().await.unwrap(), expected);
        app.set_settings(Settings { grace_s: 40, ..expected }).await.unwrap();
        let rows = app.store.settings().await.unwrap();
        let row = |name: &str| rows.get(name).map(String::as_str);
        assert_eq!((row("grace_s"), row("theme"), row("sounds")), (Some("40"), Some("\"sepia\""), Some("true")));
        assert_eq!(row("keep_failed_days"), None, "what nobody set has no row");
        app.shutdown().await;
    }
}
