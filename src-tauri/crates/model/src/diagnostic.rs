//! A finding about a user's file: what is wrong, where, and what to do.

use crate::Message;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; the file runs.
    Note,
    /// Probably not what was meant; the file runs.
    Warning,
    /// The file cannot run.
    Error,
}

/// A range in a text. Lines and columns count from 1, columns in characters (not bytes), the end is exclusive;
/// byte offsets count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
    /// First byte.
    pub start_byte: u32,
    /// Byte after the last one.
    pub end_byte: u32,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable text of its [`Code`](crate::Code), e.g. `unknown-key`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub message: Message,
    /// What to do, or nothing when the message says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Message>,
    /// Path of the file in the repository.
    pub file: String,
    /// Where in the file; `None` when the finding is about the whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: severity[code]: message` with the help on a second line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(span) = self.span {
            write!(f, ":{}:{}", span.line, span.column)?;
        }
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, ": {severity}[{}]: {}", self.code, self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}
