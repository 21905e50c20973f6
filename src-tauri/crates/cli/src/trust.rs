//! `letterpress trust`.

use crate::arguments::Trust;
use crate::exit::ExitCode;
use lp_api::App;
use lp_api::dto::ApiError;
use std::sync::Arc;

/// Trusts a project, or takes the trust back.
pub async fn carry_out(app: &Arc<App>, wanted: &Trust) -> Result<ExitCode, ApiError> {
    let project = app.open_project(&wanted.folder).await?;
    let project = app.set_project_trusted(&project.id, !wanted.off).await?;
    if project.trusted {
        mention!("`{}` is trusted: its pipelines may reach this computer; `letterpress trust --off` takes that back", project.name);
    } else {
        mention!("`{}` is not trusted: its pipelines stay inside their containers", project.name);
    }
    Ok(ExitCode::Passed)
}
