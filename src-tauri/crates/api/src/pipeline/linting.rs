//! `letterpress lint`: all findings about files on the disk that hold for any event.

use crate::dto::{ApiError, Linted, LintedFile, LintedFinding};
use crate::pipeline::files::{DiskFile, Group, groups, inputs_around};
use lp_model::{Diagnostic, Dialect, Language, Message, message};
use lp_pipeline::PipelineFile;
use std::path::{Path, PathBuf};

/// The languages that files are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileLanguage {
    /// A pipeline file.
    Pipeline(Dialect),
    /// `.letterpress.yml`.
    Workflow,
}

impl FileLanguage {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Pipeline(Dialect::Drone08), Self::Pipeline(Dialect::Drone1), Self::Pipeline(Dialect::Woodpecker), Self::Workflow];

    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pipeline(Dialect::Drone08) => "drone08",
            Self::Pipeline(Dialect::Drone1) => "drone1",
            Self::Pipeline(Dialect::Woodpecker) => "woodpecker",
            Self::Workflow => "workflow",
        }
    }

    /// The JSON schema for editors.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Pipeline(dialect) => lp_pipeline::schema(dialect),
            Self::Workflow => lp_workflow::schema(),
        }
    }
}

/// All findings about the files that the paths stand for, in a language, and what could not be read.
pub fn lint_files(paths: &[PathBuf], language: Language) -> (Linted, Vec<ApiError>) {
    let (groups, unreadable) = groups(paths);
    let mut linted = Linted { version: 1, files: Vec::new(), findings: Vec::new(), errors: 0, warnings: 0, notes: 0 };
    for group in &groups {
        match group {
            Group::Workflows(file) => {
                let diagnostics = match lp_workflow::parse(&file.path, &file.bytes) {
                    Ok((_, warnings)) => warnings,
                    Err(diagnostics) => diagnostics,
                };
                let reason = Some(message!("the file is called `.letterpress.yml`"));
                add(file, Some(FileLanguage::Workflow), reason, &diagnostics, language, &mut linted);
            }
            Group::Pipeline(files) => {
                let all: Vec<PipelineFile<'_>> = files.iter().map(|file| PipelineFile { path: &file.path, bytes: &file.bytes }).collect();
                let diagnostics = lp_pipeline::lint(&all, &inputs_of_files(files));
                for (file, one) in files.iter().zip(&all).filter(|(file, _)| file.asked) {
                    let detected = lp_pipeline::detect(&[*one]).ok();
                    let (written_in, reason) = detected.map(|one| (FileLanguage::Pipeline(one.dialect), one.reason)).unzip();
                    add(file, written_in, reason, &diagnostics, language, &mut linted);
                }
            }
        }
    }
    let count = |severity: &str| linted.findings.iter().filter(|finding| finding.severity == severity).count() as u32;
    (linted.errors, linted.warnings, linted.notes) = (count("error"), count("warning"), count("note"));
    (linted, unreadable)
}

/// The fields of the forms of the project that these files belong to.
fn inputs_of_files(files: &[DiskFile]) -> lp_pipeline::Inputs {
    files.first().map(|file| inputs_around(Path::new(&file.shown))).unwrap_or_default()
}

fn add(
    file: &DiskFile,
    written_in: Option<FileLanguage>,
    reason: Option<Message>,
    diagnostics: &[Diagnostic],
    language: Language,
    linted: &mut Linted,
) {
    let text = String::from_utf8_lossy(&file.bytes);
    let reason = reason.map(|reason| reason.text(language));
    linted.files.push(LintedFile { file: file.shown.clone(), dialect: written_in.map(FileLanguage::word), reason });
    let own = diagnostics.iter().filter(|diagnostic| diagnostic.file == file.path);
    linted.findings.extend(own.map(|diagnostic| LintedFinding::new(diagnostic, &file.shown, &text, language)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_document_is_the_one_of_the_manual() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".drone.yml");
        std::fs::write(&file, "kind: pipeline\nsteps:\n- {name: 构建🚀, image: x, commands: make}\n").unwrap();
        let (linted, unreadable) = lint_files(std::slice::from_ref(&file), Language::En);
        assert!(unreadable.is_empty());
        let expected = json!({
            "version": 1,
            "files": [{ "file": file, "dialect": "drone1", "reason": "line 1 has `kind:`" }],
            "findings": [{
                "file": file,
                "code": "wrong-type",
                "severity": "error",
                "message": "`commands` of step `构建🚀` must be a list, not a text",
                "help": "put a `- ` in front of the command, on a line of its own",
                "range": { "start": { "line": 2, "character": 35 }, "end": { "line": 2, "character": 39 } },
                "place": { "line": 3, "column": 35, "end_line": 3, "end_column": 39 }
            }],
            "errors": 1,
            "warnings": 0,
            "notes": 0
        });
        assert_eq!(serde_json::to_value(&linted).unwrap(), expected);
    }

    #[test]
    fn the_buttons_and_their_pipelines_are_looked_at_together() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".drone.yml"), "pipeline:\n  a: {imgae: x}\n").unwrap();
        std::fs::write(folder.path().join(".letterpress.yml"), "workflows:\n- {nmae: a}\n").unwrap();
        let (linted, unreadable) = lint_files(&[folder.path().to_owned()], Language::Zh);
        assert!(unreadable.is_empty());
        let dialects: Vec<_> = linted.files.iter().map(|file| file.dialect).collect();
        assert_eq!(dialects, [Some("workflow"), Some("drone08")]);
        let codes: Vec<_> = linted.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["missing-name", "missing-image"]);
        assert_eq!((linted.errors, linted.warnings), (2, 0));
        assert_eq!(linted.files[0].reason.as_deref(), Some("文件名是 `.letterpress.yml`"));
    }

    #[test]
    fn what_a_form_asks_for_is_no_mistake() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(".drone.yml"),
            "pipeline:\n  a: {image: 'box:${BOX_TAG}', commands: [ls]}\n  b: {image: plug, tag: '${BOX_TAG}'}\n",
        )
        .unwrap();
        std::fs::write(folder.path().join(".letterpress.yml"), "workflows:\n- {name: a, inputs: [{name: BOX_TAG}]}\n").unwrap();
        for path in [folder.path().to_owned(), folder.path().join(".drone.yml")] {
            let (linted, unreadable) = lint_files(&[path], Language::En);
            assert!(unreadable.is_empty());
            assert_eq!(linted.findings.iter().map(|finding| &finding.code).collect::<Vec<_>>(), Vec::<&String>::new());
        }
    }

    #[test]
    fn a_file_that_is_no_pipeline_has_no_dialect() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.yml");
        std::fs::write(&file, [0xff, 0xfe, 0, 0]).unwrap();
        let (linted, unreadable) = lint_files(&[file, folder.path().join("none.yml")], Language::En);
        assert_eq!((linted.files[0].dialect, linted.errors), (None, 1));
        assert_eq!(unreadable.len(), 1);
    }

    #[test]
    fn every_language_has_a_schema() {
        for language in FileLanguage::ALL {
            assert!(language.schema().starts_with("{\n  \"$schema\""), "{}", language.word());
        }
    }
}
