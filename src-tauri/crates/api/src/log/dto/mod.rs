mod search;

pub use search::{SearchEnd, SearchNews, SearchPlace, SearchRequest, SearchScope};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which log: one attempt of one step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct LogKey {
    /// The run's id.
    pub run: String,
    /// The stage's number.
    pub stage: u32,
    /// The step's number.
    pub step: u32,
    /// The attempt.
    pub attempt: u32,
}

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
    /// Commands, errors and warnings, in order of lines; at most 10 000 of each.
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
    /// Of a command: the line behind the last one that it has printed so far.
    #[ts(type = "number | null")]
    pub end: Option<u64>,
}

/// Some lines of a log, as the program wrote them (ANSI colours kept, secrets masked, invalid UTF-8 replaced).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogRange {
    /// Number of the first line, from 0.
    #[ts(type = "number")]
    pub from: u64,
    /// The lines without their newline; lines longer than 16 KB are cut.
    pub lines: Vec<String>,
    /// Indices into `lines` of those that were cut: [`LogPart`] gives all of them.
    pub cut: Vec<u32>,
    /// The line after them, while there is one.
    #[ts(type = "number | null")]
    pub next: Option<u64>,
    /// When they began, up to a second before: from which of `lines` on which time holds.
    pub times: Vec<LogTime>,
    /// Lines in the whole log at that moment.
    #[ts(type = "number")]
    pub total: u64,
}

/// When lines of a range began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogTime {
    /// Index of the first of them in the range.
    pub index: u32,
    /// RFC 3339.
    pub time: String,
}

/// A place in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogCursor {
    /// Line, from 0.
    #[ts(type = "number")]
    pub line: u64,
    /// Byte of the line, from 0.
    #[ts(type = "number")]
    pub byte: u64,
}

/// A piece of the text of a log, line feeds included (ANSI colours kept, secrets masked, invalid UTF-8 replaced).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogPart {
    /// The text.
    pub text: String,
    /// Where it goes on; `None` at the end.
    pub next: Option<LogCursor>,
}

/// A line in which a search matched, without control sequences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogHit {
    /// Line, from 0.
    #[ts(type = "number")]
    pub line: u64,
    /// The end of what stands before the match, at most 120 bytes.
    pub before: String,
    /// What matched first, at most 400 bytes of it.
    pub found: String,
    /// The beginning of what follows, at most 120 bytes.
    pub after: String,
}

impl From<&lp_store::logs::Hit> for LogHit {
    fn from(hit: &lp_store::logs::Hit) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { line: hit.line, before: text(&hit.before), found: text(&hit.found), after: text(&hit.after) }
    }
}
