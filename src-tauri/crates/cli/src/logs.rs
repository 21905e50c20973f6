//! `letterpress logs`.

use crate::arguments::Logs;
use crate::exit::ExitCode;
use lp_api::dto::{ApiError, ErrorCode, LogKey, StageDetail, StepDetail};
use lp_api::{App, message};
use std::io::Write;
use std::sync::Arc;

/// Prints the log of one step byte for byte as it is stored; of several steps (all of them, or the same one of several stages) with a heading
/// each.
pub async fn carry_out(app: &Arc<App>, wanted: Logs) -> Result<ExitCode, ApiError> {
    let run = app.find_run(&wanted.run, ".").await?;
    let detail = app.run(&run).await?;
    let all: Vec<(&StageDetail, &StepDetail)> =
        detail.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (stage, step))).collect();
    let chosen: Vec<_> = match &wanted.step {
        None => all.clone(),
        Some(text) => all.iter().copied().filter(|(stage, step)| is_meant(text, stage, step)).collect(),
    };
    if let (true, None) = (chosen.is_empty(), &wanted.step) {
        mention!("run {} has no steps yet", detail.run.number);
        return Ok(ExitCode::Passed);
    }
    if chosen.is_empty() {
        let names: Vec<String> = all.iter().map(|(stage, step)| detail.label(stage, step)).collect();
        return Err(ApiError {
            code: ErrorCode::StepNotFound,
            message: message!("run {} has no step `{}`", detail.run.number, wanted.step.clone().unwrap_or_default()),
            hint: message!("its steps are: {}", names.join(", ")),
            findings: vec![],
        });
    }
    let headings = wanted.step.is_none() || chosen.len() > 1;
    for (stage, step) in chosen {
        if headings {
            say!("── {} ──", detail.label(stage, step));
        }
        let key = LogKey { run: run.clone(), stage: stage.number, step: step.number, attempt: wanted.attempt.unwrap_or(step.attempt) };
        app.copy_log(&key, |bytes| std::io::stdout().write_all(bytes)).await?;
    }
    let _reader_gone = std::io::stdout().flush();
    Ok(ExitCode::Passed)
}

/// By name or number, alone or after that of the stage.
fn is_meant(text: &str, stage: &StageDetail, step: &StepDetail) -> bool {
    let (stage_number, step_number) = (stage.number.to_string(), step.number.to_string());
    let steps = [&step.name, &step_number];
    let stages = [&stage.name, &stage_number];
    steps.iter().any(|step| *step == text) || stages.iter().any(|stage| steps.iter().any(|step| text == format!("{stage}/{step}")))
}
