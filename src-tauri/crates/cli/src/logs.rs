//! `letterpress logs`.

use crate::arguments::Logs;
use crate::exit::ExitCode;
use lp_api::dto::{ApiError, ErrorCode, StepDetail};
use lp_api::{App, LogKey};
use std::io::Write;
use std::sync::Arc;

/// Prints the log of one step byte for byte as it is stored; of all steps with a heading each.
pub async fn carry_out(app: &Arc<App>, wanted: Logs) -> Result<ExitCode, ApiError> {
    let run = app.find_run(&wanted.run, ".").await?;
    let detail = app.run(&run).await?;
    let all: Vec<(u32, &StepDetail)> =
        detail.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (stage.number, step))).collect();
    let chosen: Vec<_> = match &wanted.step {
        None => all.clone(),
        Some(text) => all.iter().copied().filter(|(_, step)| step.name == *text || step.number.to_string() == *text).collect(),
    };
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|(_, step)| step.name.as_str()).collect();
        return Err(ApiError {
            code: ErrorCode::StepNotFound,
            message: format!("run {} has no step `{}`", detail.run.number, wanted.step.unwrap_or_default()),
            hint: format!("its steps are: {}", names.join(", ")),
            findings: vec![],
        });
    }
    for (stage, step) in chosen {
        if wanted.step.is_none() {
            say!("── {} ──", step.name);
        }
        let key = LogKey { run: run.clone(), stage, step: step.number, attempt: step.attempt };
        app.copy_log(&key, |bytes| std::io::stdout().write_all(bytes)).await?;
    }
    let _reader_gone = std::io::stdout().flush();
    Ok(ExitCode::Passed)
}
