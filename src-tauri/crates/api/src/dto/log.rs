use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Size and landmarks of a step's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogSummary {
    /// Lines so far (a last line without a newline counts).
    #[ts(type = "number")]
    pub lines: u64,
    /// Bytes so far.
    #[ts(type = "number")]
    pub bytes: u64,
    /// Whether nothing more will come.
    pub complete: bool,
    /// Commands, errors and warnings, in order of lines; at most 10 000.
    pub marks: Vec<LogMark>,
}

/// Kind of a landmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LogMarkKind {
    /// A command of the file begins.
    Command,
    /// Looks like an error.
    Error,
    /// Looks like a warning.
    Warning,
}

/// A landmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogMark {
    /// Line, from 0.
    #[ts(type = "number")]
    pub line: u64,
    /// Kind.
    pub kind: LogMarkKind,
}

/// Some lines of a log, as the program wrote them (ANSI colours kept, secrets masked, invalid UTF-8 replaced).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogRange {
    /// Number of the first line, from 0.
    #[ts(type = "number")]
    pub from: u64,
    /// The lines without their newline; lines longer than 16 KB are cut.
    pub lines: Vec<String>,
    /// Indices into `lines` of those that were cut.
    pub cut: Vec<u32>,
    /// Lines in the whole log at that moment.
    #[ts(type = "number")]
    pub total: u64,
}

/// A place where a search matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogHit {
    /// Line, from 0.
    #[ts(type = "number")]
    pub line: u64,
    /// The line as stored (ANSI colours kept), cut to 2 KB.
    pub text: String,
}
