//! `letterpress lint` and `letterpress plan`: for who writes the file. They need no data folder.

use crate::arguments::{Format, Lint, Plan, PlanFormat};
use crate::exit::ExitCode;
use crate::language::Language;
use crate::render;
use crate::run::parse_inputs;
use lp_api::PlannedEvent;
use lp_api::dto::{ApiError, FindingSeverity};

/// Prints all findings; ends with "bad file" when one is an error.
pub fn lint(wanted: &Lint, language: Language) -> Result<ExitCode, ApiError> {
    let findings = lp_api::lint_file(&wanted.file)?;
    match wanted.format {
        Format::Json => say!("{}", serde_json::to_string_pretty(&findings).expect("plain data")),
        Format::Text => render::findings(&findings, language),
    }
    let errors = findings.iter().filter(|finding| finding.severity == FindingSeverity::Error).count();
    if wanted.format == Format::Text {
        remark!("{errors} errors, {} warnings and notes", findings.len() - errors);
    }
    Ok(if errors > 0 { ExitCode::BadUsage } else { ExitCode::Passed })
}

/// Prints the plan on standard output, warnings on standard error.
pub fn plan(wanted: Plan, language: Language) -> Result<ExitCode, ApiError> {
    let event = PlannedEvent {
        event: wanted.event,
        branch: wanted.branch,
        tag: wanted.tag,
        target: wanted.target,
        inputs: parse_inputs(&wanted.inputs)?,
    };
    let format = match wanted.format {
        PlanFormat::Yaml => lp_api::PlanFormat::Yaml,
        PlanFormat::Json => lp_api::PlanFormat::Json,
    };
    let (text, warnings) = lp_api::plan_file(&wanted.file, &event, format)?;
    render::findings(&warnings, language);
    crate::say::out(format_args!("{text}"));
    Ok(ExitCode::Passed)
}
