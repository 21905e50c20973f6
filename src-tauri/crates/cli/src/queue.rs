//! `letterpress queue`.

use crate::arguments::{Format, Queue};
use crate::exit::ExitCode;
use crate::render;
use lp_api::App;
use lp_api::dto::{ApiError, RunSummary, WaitReason};
use std::sync::Arc;

/// Prints runs that are under way, then those that wait.
pub async fn carry_out(app: &Arc<App>, wanted: &Queue) -> Result<ExitCode, ApiError> {
    let runs = app.queue().await?;
    match wanted.format {
        Format::Json => crate::say::json(&runs),
        Format::Text if runs.is_empty() => say!("nothing is under way and nothing waits"),
        Format::Text => runs.iter().for_each(|run| say!("{}", line(run))),
    }
    Ok(ExitCode::Passed)
}

/// `shop #12  queued  waits as number 2: another run to `production` is under way`
fn line(run: &RunSummary) -> String {
    let name = format!("{} #{}  {}", crate::say::clean(&run.project_name), run.number, render::run_state(run.state));
    match run.waiting {
        Some(waiting) => format!("{name}  waits as number {}: {}", waiting.position, why(run, waiting.reason)),
        None => name,
    }
}

fn why(run: &RunSummary, reason: WaitReason) -> String {
    match reason {
        WaitReason::Machine => "other runs are under way on this computer".to_owned(),
        WaitReason::Project => format!("other runs of `{}` are under way", run.project_name),
        WaitReason::Environment => format!("another run to `{}` is under way", run.target),
    }
}
