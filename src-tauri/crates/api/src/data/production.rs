//! Which targets of a project are production: their runs are never removed by a rule.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode};
use lp_model::{ProjectId, message};
use std::collections::BTreeSet;

/// Production in every project.
const ALWAYS: [&str; 2] = ["production", "prod"];
/// Most targets of a project, and the longest name of one.
const MOST: usize = 100;
const LONGEST: usize = 200;

fn key(project: &ProjectId) -> String {
    format!("production_targets.{project}")
}

impl App {
    /// The targets of a project that are production, in small letters; `production` and `prod` always are.
    ///
    /// # Errors
    /// `ProjectNotFound`; when the store cannot be read.
    pub async fn production_targets(&self, project: &str) -> Result<BTreeSet<String>, ApiError> {
        let project = self.project_row(project).await?;
        self.production_targets_of(&project.id).await
    }

    pub(super) async fn production_targets_of(&self, project: &ProjectId) -> Result<BTreeSet<String>, ApiError> {
        let mut targets: BTreeSet<String> = ALWAYS.map(str::to_owned).into();
        match self.store.setting(&key(project)).await?.map(|json| serde_json::from_str::<BTreeSet<String>>(&json)) {
            Some(Ok(set)) => targets.extend(set),
            // What may be production is not removed because it cannot be read.
            Some(Err(why)) => {
                let message = message!("which targets of the project `{}` are production cannot be read: {}", project, why);
                return Err(
                    ApiError::new(ErrorCode::StoreUnavailable, message).hint(message!("set them anew with `letterpress data protect`"))
                );
            }
            None => {}
        }
        Ok(targets)
    }

    /// Says which targets of a project are production, beside those that always are.
    ///
    /// # Errors
    /// `ProjectNotFound`; `SettingInvalid` for more than 100 names, or one that is empty or longer than 200 characters.
    pub async fn set_production_targets(&self, project: &str, targets: &[String]) -> Result<BTreeSet<String>, ApiError> {
        let row = self.project_row(project).await?;
        if targets.len() > MOST || targets.iter().any(|target| target.trim().is_empty() || target.chars().count() > LONGEST) {
            let message = message!("there may be {} production targets of 1 to {} characters each", MOST, LONGEST);
            return Err(ApiError::new(ErrorCode::SettingInvalid, message));
        }
        let targets: BTreeSet<String> = targets.iter().map(|target| target.trim().to_lowercase()).collect();
        self.store.put_setting(&key(&row.id), &serde_json::json!(targets).to_string()).await?;
        self.production_targets_of(&row.id).await
    }
}
