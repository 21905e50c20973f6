//! `letterpress queue`.

use crate::arguments::{Format, Queue};
use crate::exit::ExitCode;
use crate::render;
use crate::say::words;
use lp_api::dto::{ApiError, RunSummary, WaitReason};
use lp_api::{App, Message, message};
use std::sync::Arc;

/// Prints runs that are under way, then those that wait.
pub async fn carry_out(app: &Arc<App>, wanted: &Queue) -> Result<ExitCode, ApiError> {
    let runs = app.queue().await?;
    match wanted.format {
        Format::Json => crate::say::json(&runs),
        Format::Text if runs.is_empty() => tell!("nothing is under way and nothing waits"),
        Format::Text => runs.iter().for_each(|run| say!("{}", words(&line(run)))),
    }
    Ok(ExitCode::Passed)
}

/// `shop #12  queued  waits as number 2: another run to `production` is under way`
fn line(run: &RunSummary) -> Message {
    let state = render::run_state(run.state);
    match run.waiting {
        Some(waiting) => {
            message!("{} #{}  {}  waits as number {}: {}", run.project_name, run.number, state, waiting.position, why(run, waiting.reason))
        }
        None => message!("{} #{}  {}", run.project_name, run.number, state),
    }
}

fn why(run: &RunSummary, reason: WaitReason) -> Message {
    match reason {
        WaitReason::Machine => message!("other runs are under way on this computer"),
        WaitReason::Project => message!("other runs of `{}` are under way", run.project_name),
        WaitReason::Environment => message!("another run to `{}` is under way", run.target),
    }
}
