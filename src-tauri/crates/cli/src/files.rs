//! `letterpress lint`, `plan` and `schema`: for who writes the files. They need no data folder.

use crate::arguments::{Format, Lint, Plan, PlanFormat, Schema, SchemaName};
use crate::exit::ExitCode;
use crate::language::Language;
use crate::render;
use crate::run::parse_inputs;
use crate::say::to_terminal;
use lp_api::dto::{ApiError, Linted, LintedFile};
use lp_api::{FileLanguage, Message, PlannedEvent, lint_files, message};

/// Prints all findings on standard output, for people file by file.
pub fn lint(wanted: &Lint, language: Language) -> Result<ExitCode, ApiError> {
    let (linted, unreadable) = lint_files(&wanted.paths, language.into());
    match wanted.format {
        Format::Json => crate::say::json(&linted),
        Format::Text => print(&linted, language),
    }
    for error in &unreadable {
        render::error(error, language);
    }
    Ok(match linted.errors + if wanted.strict { linted.warnings } else { 0 } {
        _ if !unreadable.is_empty() => ExitCode::BadUsage,
        0 => ExitCode::Passed,
        _ => ExitCode::Failed,
    })
}

fn print(linted: &Linted, language: Language) {
    for file in &linted.files {
        say!("{}", headline(file, language));
        let findings: Vec<_> = linted.findings.iter().filter(|finding| finding.file == file.file).collect();
        for finding in &findings {
            say!("");
            say!("{}", render::finding(&finding.shown, language, to_terminal(&std::io::stdout())));
        }
        if !findings.is_empty() {
            say!("");
        }
    }
    if !linted.files.is_empty() {
        say!("{}", counts(linted, language));
    }
}

/// Which language a file is written in, and why it was taken for that.
fn headline(file: &LintedFile, language: Language) -> String {
    let name = match file.dialect {
        Some("drone08") => "drone 0.8",
        Some("drone1") => "drone 1.x/2.x",
        Some("woodpecker") => "woodpecker",
        Some(_) => "letterpress",
        None => return format!("{}: {}", file.file, language.words(&message!("not a pipeline"))),
    };
    format!("{}: {name}: {}", file.file, file.reason.as_deref().unwrap_or_default())
}

fn counts(linted: &Linted, language: Language) -> String {
    let number = |count: u32, one: Message, several: Message| (count > 0).then_some(if count == 1 { one } else { several });
    let (errors, warnings, notes) = (linted.errors, linted.warnings, linted.notes);
    let kinds = [
        number(errors, message!("{} error", errors), message!("{} errors", errors)),
        number(warnings, message!("{} warning", warnings), message!("{} warnings", warnings)),
        number(notes, message!("{} note", notes), message!("{} notes", notes)),
    ];
    let found = kinds.into_iter().flatten().reduce(|found, more| message!("{}, {}", found, more));
    let found = found.unwrap_or_else(|| message!("nothing found"));
    let files = linted.files.len();
    language.words(&if files == 1 { message!("{} in {} file", found, files) } else { message!("{} in {} files", found, files) })
}

/// Prints the plan on standard output, warnings on standard error.
pub fn plan(wanted: Plan, language: Language) -> Result<ExitCode, ApiError> {
    let event = PlannedEvent {
        event: wanted.event,
        branch: wanted.branch,
        tag: wanted.tag,
        target: wanted.target,
        message: wanted.message,
        cron: wanted.cron,
        pull_request: wanted.pull_request,
        source: wanted.source,
        action: wanted.action,
        changed_files: Some(wanted.changed_files).filter(|files| !files.is_empty()),
        inputs: parse_inputs(&wanted.inputs)?,
        trusted: wanted.trusted,
    };
    let format = match wanted.format {
        PlanFormat::Yaml => lp_api::PlanFormat::Yaml,
        PlanFormat::Json => lp_api::PlanFormat::Json,
    };
    let (text, warnings) = lp_api::plan_file(&wanted.file, &event, format, language.into())?;
    render::findings(&warnings, language);
    crate::say::document(&text);
    Ok(ExitCode::Passed)
}

/// Prints a schema.
pub fn schema(wanted: &Schema) -> ExitCode {
    let word = match wanted.of {
        SchemaName::Drone08 => "drone08",
        SchemaName::Drone1 => "drone1",
        SchemaName::Woodpecker => "woodpecker",
        SchemaName::Workflow => "workflow",
    };
    let language = FileLanguage::ALL.into_iter().find(|language| language.word() == word);
    crate::say::document(language.map_or("", FileLanguage::schema));
    ExitCode::Passed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linted(errors: u32, warnings: u32, notes: u32, files: usize) -> Linted {
        let file = LintedFile { file: "a".into(), dialect: None, reason: None };
        Linted { version: 1, files: vec![file; files], findings: vec![], errors, warnings, notes }
    }

    #[test]
    fn the_last_line_counts() {
        assert_eq!(counts(&linted(2, 1, 0, 1), Language::En), "2 errors, 1 warning in 1 file");
        assert_eq!(counts(&linted(0, 0, 3, 2), Language::En), "3 notes in 2 files");
        assert_eq!(counts(&linted(0, 0, 0, 1), Language::En), "nothing found in 1 file");
        assert_eq!(counts(&linted(2, 1, 0, 1), Language::Zh), "1 个文件：2 个错误，1 个警告");
    }

    #[test]
    fn the_first_line_names_the_language_and_the_reason() {
        let file = |dialect, reason: Option<&str>| LintedFile { file: "a".into(), dialect, reason: reason.map(str::to_owned) };
        assert_eq!(headline(&file(Some("drone1"), Some("line 1 has `kind:`")), Language::En), "a: drone 1.x/2.x: line 1 has `kind:`");
        assert_eq!(headline(&file(None, None), Language::En), "a: not a pipeline");
        assert_eq!(headline(&file(None, None), Language::Zh), "a: 不是流水线");
        for language in FileLanguage::ALL {
            assert!(!headline(&file(Some(language.word()), None), Language::En).contains("not a pipeline"));
        }
    }
}
