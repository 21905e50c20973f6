//! `letterpress history`.

use crate::arguments::{Format, History};
use crate::exit::ExitCode;
use crate::render;
use lp_api::App;
use lp_api::dto::{ApiError, RunFilter, RunSummary};
use std::sync::Arc;

/// Prints runs, newest first.
pub async fn carry_out(app: &Arc<App>, wanted: History) -> Result<ExitCode, ApiError> {
    let project = match &wanted.folder {
        Some(folder) => Some(app.find_project(folder).await?.id),
        None => None,
    };
    let filter = RunFilter { project, text: wanted.text, limit: wanted.limit.clamp(1, 200), ..RunFilter::default() };
    let page = app.runs(&filter).await?;
    match wanted.format {
        Format::Json => say!("{}", serde_json::to_string_pretty(&page).expect("plain data")),
        Format::Text if page.runs.is_empty() => say!("no runs yet; start one with `letterpress run`"),
        Format::Text => page.runs.iter().for_each(|run| say!("{}", line(run))),
    }
    Ok(ExitCode::Passed)
}

/// `shop #12  passed  1.1.0  Build and test  2026-11-23 14:20  41 s  Fix the cart total`
fn line(run: &RunSummary) -> String {
    let title = run.workflow_title.get("en").or_else(|| run.workflow_title.get("")).unwrap_or(&run.workflow);
    let version = if run.version_name.is_empty() { &run.version_time[..run.version_time.len().min(10)] } else { &run.version_name };
    let created: String = run.created.chars().take(16).collect::<String>().replace('T', " ");
    let took = run.duration_ms().map(render::duration).unwrap_or_default();
    format!(
        "{} #{}  {}  {version}  {title}  {created}  {took}  {}",
        run.project_name,
        run.number,
        render::run_state(run.state),
        run.version_title
    )
}
