//! `letterpress settings`.

use crate::arguments::{ChangeSettings, Format};
use crate::exit::ExitCode;
use crate::say::words;
use lp_api::dto::ApiError;
use lp_api::{App, SettingRow, message};
use std::sync::Arc;

/// Changes a setting where a value is given, then prints the setting that is named, or all of them.
pub async fn carry_out(app: &Arc<App>, wanted: &ChangeSettings) -> Result<ExitCode, ApiError> {
    if let Some(name) = &wanted.name {
        app.must_be_setting(name)?;
        if let Some(value) = &wanted.value {
            app.set_setting(name, value).await?;
        }
    }
    let rows = app.setting_rows().await?;
    let rows = rows.iter().filter(|row| wanted.name.as_ref().is_none_or(|name| *name == row.name));
    match wanted.format {
        Format::Json => {
            let values: serde_json::Map<_, _> = rows.map(|row| (row.name.clone(), row.json.clone())).collect();
            crate::say::json(&values);
        }
        Format::Text => rows.for_each(|row| say!("{}", line(row))),
    }
    Ok(ExitCode::Passed)
}

/// `max_runs                  4  (1 to 16, by itself 2)`
fn line(row: &SettingRow) -> String {
    let shown = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let default = shown(&row.default);
    let about = match row.limits {
        Some((least, most)) => message!("{} to {}, by itself {}", least, most, default),
        None => message!("by itself {}", default),
    };
    format!("{:<25} {}  ({})", row.name, shown(&row.value), words(&about))
}
