//! The compatibility report in a terminal: grouped by what it means, each with its place.

use crate::arguments::{Format, Lint};
use crate::exit::ExitCode;
use crate::language::Language;
use crate::say::clean;
use lp_api::dto::{ApiError, ReportDto, ReportEffect};
use lp_api::{Message, message};
use std::fmt::Write;

/// Prints the report. Whatever it says, that is what was asked for.
pub fn carry_out(wanted: &Lint, language: Language) -> Result<ExitCode, ApiError> {
    let report = lp_api::report_files(&wanted.paths)?;
    match wanted.format {
        Format::Json => crate::say::json(&report),
        Format::Text => crate::say::document(&text(&report, language)),
    }
    Ok(ExitCode::Passed)
}

/// The report for people.
fn text(report: &ReportDto, language: Language) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(report, language, &mut text);
    text
}

fn write(report: &ReportDto, language: Language, out: &mut String) -> std::fmt::Result {
    let files = clean(&report.files.join(", "));
    if report.dialect_name.is_empty() {
        writeln!(out, "{files}: {}", clean(&language.words(&report.reason)))?;
    } else {
        writeln!(out, "{files}: {}: {}", report.dialect_name, clean(&language.words(&report.reason)))?;
    }
    for effect in [ReportEffect::Needs, ReportEffect::Unsupported, ReportEffect::Different, ReportEffect::Runs] {
        let entries: Vec<_> = report.entries.iter().filter(|entry| entry.effect == effect).collect();
        if entries.is_empty() {
            continue;
        }
        let count = match effect {
            ReportEffect::Needs => report.counts.needs,
            ReportEffect::Unsupported => report.counts.unsupported,
            ReportEffect::Different => report.counts.different,
            ReportEffect::Runs => report.counts.runs,
        };
        writeln!(out, "\n{}", language.words(&title(effect, count)))?;
        for entry in entries {
            let place = match (entry.line, entry.column) {
                (Some(line), Some(column)) if effect != ReportEffect::Runs => format!("{}:{line}:{column}", entry.file),
                (Some(line), _) => format!("{}:{line}", entry.file),
                _ => entry.file.clone(),
            };
            writeln!(out, "  {}: {} [{}]", clean(&place), clean(&language.words(&entry.title)), entry.code)?;
            if let Some(help) = &entry.help {
                writeln!(out, "    {}: {}", language.words(&message!("help")), clean(&language.words(help)))?;
            }
        }
    }
    if let Some(words) = &report.not_looked_at {
        writeln!(out, "\n{}", clean(&language.words(words)))?;
    }
    Ok(())
}

fn title(effect: ReportEffect, count: u32) -> Message {
    match effect {
        ReportEffect::Needs => message!("needs something from you ({})", count),
        ReportEffect::Unsupported => message!("is not supported here ({})", count),
        ReportEffect::Different => message!("means something different here ({})", count),
        ReportEffect::Runs if count == 1 => message!("runs as it is ({} step)", count),
        ReportEffect::Runs => message!("runs as it is ({} steps)", count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_api::dto::{ReportCounts, ReportEntry};

    #[test]
    fn a_report_is_grouped_by_what_it_means() {
        let entry = |effect, code: &str, title: Message, help: Option<Message>| ReportEntry {
            effect,
            code: code.into(),
            file: ".drone.yml".into(),
            line: Some(7),
            column: Some(3),
            title,
            help,
            excerpt: None,
            secret: None,
        };
        let report = ReportDto {
            dialect: "drone1".into(),
            dialect_name: "Drone 1.x/2.x".into(),
            reason: message!("line {} has `{}:`", 1, "kind"),
            files: vec![".drone.yml".into()],
            counts: ReportCounts { runs: 1, needs: 1, ..ReportCounts::default() },
            entries: vec![
                entry(
                    ReportEffect::Needs,
                    "needs-secret",
                    message!("the secret `{}` must be set", "t"),
                    Some(message!("did you mean `{}`?", "u")),
                ),
                entry(ReportEffect::Runs, "runs-as-is", message!("it runs as it is"), None),
            ],
            steps: vec![],
            not_looked_at: Some(Message::verbatim("the repository was not looked at")),
        };
        assert_eq!(
            text(&report, Language::En),
            ".drone.yml: Drone 1.x/2.x: line 1 has `kind:`\n\nneeds something from you (1)\n  .drone.yml:7:3: the secret `t` must be set [needs-secret]\n    help: did you mean `u`?\n\nruns as it is (1 step)\n  .drone.yml:7: it runs as it is [runs-as-is]\n\nthe repository was not looked at\n"
        );
        assert!(
            text(&report, Language::Zh)
                .contains("需要您处理（1 项）\n  .drone.yml:7:3: 需要设置密钥 `t` [needs-secret]\n    建议: 是不是想写 `u`？\n")
        );
    }
}
