use lp_model::{Diagnostic, Message, Severity, Span};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Why a use case did not happen. Front ends branch on `code` only; `message` and `hint` are for people and hold no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ApiError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// What and which one.
    pub message: Message,
    /// What to do, or empty.
    pub hint: Message,
    /// For `pipeline_invalid` and `workflow_invalid`: every finding in the file. Empty otherwise.
    pub findings: Vec<Finding>,
}

/// Kinds of failure, stable over versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The folder does not exist or cannot be read.
    FolderNotFound,
    /// The folder is no git repository.
    NotARepository,
    /// The repository has no commit yet.
    EmptyRepository,
    /// The repository is damaged or cannot be read.
    RepositoryUnreadable,
    /// No pipeline file in the version.
    PipelineMissing,
    /// The pipeline file has errors: see `findings`.
    PipelineInvalid,
    /// `.letterpress.yml` has errors: see `findings`.
    WorkflowInvalid,
    /// Nothing in the pipeline would run for this event.
    NothingWouldRun,
    /// The pipeline wants more than a project may have that is not trusted: see `findings`.
    NotTrusted,
    /// The run has passed: there is nothing to retry.
    NothingToRetry,
    /// The run is not over yet.
    RunUnderWay,
    /// What would run is not what was shown: see `findings`, look at the new preview, and press again.
    ChangedSincePreview,
    /// A setting, of the app or of a project, may not have this value.
    SettingInvalid,
    /// What was named is no container engine.
    EngineInvalid,
    /// The container engine cannot be changed while runs are under way.
    EngineInUse,
    /// A step runs only in a container, and it was asked to run on this computer.
    NeedsContainer,
    /// The pull request cannot be merged into the branch that it goes to.
    MergeConflict,
    /// A file outside of the data folder cannot be written.
    FileNotWritten,
    /// A value of the form is missing or not allowed; the message says which.
    InputInvalid,
    /// No container engine answers, and the steps may not run on this computer without consent.
    NoEngine,
    /// No such project.
    ProjectNotFound,
    /// No such workflow.
    WorkflowNotFound,
    /// No such version.
    VersionNotFound,
    /// No such run.
    RunNotFound,
    /// No such step, or it has no log.
    StepNotFound,
    /// The name of a secret is not allowed, or its value is empty.
    SecretInvalid,
    /// The run asks for a secret of all projects, and nobody has decided whether this project may have it.
    SecretNotAllowed,
    /// The key of the vault is missing or unreadable.
    VaultUnavailable,
    /// Another Letterpress owns the data folder; this one may only read.
    NotOwner,
    /// The data folder was written by a newer Letterpress.
    NewerData,
    /// No room left on the disk.
    DiskFull,
    /// The data folder cannot be read or written.
    StoreUnavailable,
    /// The call makes no sense (for the command line: wrong usage).
    BadRequest,
    /// Long work was stopped by somebody, or by the end of the app.
    Cancelled,
    /// A defect of ours.
    Internal,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant.
    Warning,
    /// The file cannot run.
    Error,
}

/// A finding about a file, with the lines to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Finding {
    /// Stable code, e.g. `unknown-key`.
    pub code: String,
    /// How bad.
    pub severity: FindingSeverity,
    /// What.
    pub message: Message,
    /// What to do.
    pub help: Option<Message>,
    /// Path in the repository.
    pub file: String,
    /// Where, with the text around it; `None` when it is about the whole file.
    pub excerpt: Option<Excerpt>,
}

/// Some lines of a file with a range to underline. Lines and columns count from 1, columns in characters, the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Excerpt {
    /// Number of the first line in `lines`.
    pub first_line: u32,
    /// The text.
    pub lines: Vec<String>,
    /// First line to underline.
    pub line: u32,
    /// First column to underline.
    pub column: u32,
    /// Last line to underline.
    pub end_line: u32,
    /// Column after the last one to underline.
    pub end_column: u32,
}

impl Excerpt {
    /// The lines around a range of a text: two before, two after; long lines are cut behind the range.
    pub fn new(span: Span, text: &str) -> Self {
        const AROUND: u32 = 2;
        const LONGEST: u32 = 200;
        const BEHIND: u32 = 40;
        const LONGEST_OF_ALL: u32 = 4000;
        // A byte order mark is no part of the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let longest = (span.column.max(span.end_column) + BEHIND).clamp(LONGEST, LONGEST_OF_ALL);
        let first_line = span.line.saturating_sub(AROUND).max(1);
        let last_line = span.end_line.max(span.line).min(span.line + AROUND) + AROUND;
        let lines = text
            .lines()
            .skip(first_line as usize - 1)
            .take((last_line - first_line + 1) as usize)
            .map(|line| line.chars().take(longest as usize).collect())
            .collect();
        Self { first_line, lines, line: span.line, column: span.column, end_line: span.end_line, end_column: span.end_column }
    }
}

impl Finding {
    /// Adds the lines around the range from the text of the file.
    pub fn new(diagnostic: &Diagnostic, text: &str) -> Self {
        Self {
            code: diagnostic.code.clone(),
            severity: match diagnostic.severity {
                Severity::Note => FindingSeverity::Note,
                Severity::Warning => FindingSeverity::Warning,
                Severity::Error => FindingSeverity::Error,
            },
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            file: diagnostic.file.clone(),
            excerpt: diagnostic.span.map(|span| Excerpt::new(span, text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, column: u32) -> Excerpt {
        Excerpt::new(Span { line: 1, column, end_line: 1, end_column: column + 1, ..Span::default() }, text)
    }

    #[test]
    fn columns_count_in_the_lines_that_are_shown() {
        assert_eq!(excerpt("\u{feff}a: 构\r\nb\r\n", 4).lines, ["a: 构", "b"]);
        let long = format!("{}构{}", "x".repeat(999), "y".repeat(9999));
        let shown = excerpt(&long, 1000);
        assert_eq!(shown.lines[0].chars().nth(shown.column as usize - 1), Some('构'));
        assert!(shown.lines[0].len() < 1100, "the rest of the line is cut");
        // A range that nobody can scroll to is not worth a megabyte.
        assert_eq!(excerpt(&"x".repeat(1_000_000), 900_000).lines[0].len(), 4000);
    }
}
