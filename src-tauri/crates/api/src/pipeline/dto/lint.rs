//! What `letterpress lint --format json` prints. Editors and CI read it: keys are added, never changed or removed, and the README shows it.

use crate::dto::Finding;
use lp_model::{Diagnostic, Language, Severity, Span};
use serde::Serialize;

/// The findings about some files: one JSON document.
#[derive(Debug, Clone, Serialize)]
pub struct Linted {
    /// Version of this format.
    pub version: u32,
    /// The files that were read, in the order in which they were named.
    pub files: Vec<LintedFile>,
    /// All findings, file by file, in the order of the file; those about a whole file first.
    pub findings: Vec<LintedFinding>,
    /// How many of them are errors.
    pub errors: u32,
    /// How many of them are warnings.
    pub warnings: u32,
    /// How many of them are notes.
    pub notes: u32,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LintedFile {
    /// Its path as it was named.
    pub file: String,
    /// `drone08`, `drone1`, `woodpecker`, `workflow` (`.letterpress.yml`), or nothing for a file that is none of these. The same words name
    /// the schemas.
    pub dialect: Option<&'static str>,
    /// Why it was taken for that.
    pub reason: Option<String>,
}

/// A finding about a file.
#[derive(Debug, Clone, Serialize)]
pub struct LintedFinding {
    /// Path of the file as it was named.
    pub file: String,
    /// Stable code, e.g. `unknown-key`.
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// What.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where, as the language server protocol counts; nothing when it is about the whole file.
    pub range: Option<LintedRange>,
    /// Where, as people count: line and column from 1, columns in characters, the end is exclusive.
    pub place: Option<LintedPlace>,
    /// The same for a terminal, with the lines around it.
    #[serde(skip)]
    pub shown: Finding,
}

/// A range as the language server protocol counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LintedRange {
    /// Its beginning.
    pub start: LintedPosition,
    /// The position after its last character.
    pub end: LintedPosition,
}

/// A position as the language server protocol counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LintedPosition {
    /// Line from 0.
    pub line: u32,
    /// UTF-16 units from the beginning of the line.
    pub character: u32,
}

/// A range as people count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LintedPlace {
    /// Its first line, from 1.
    pub line: u32,
    /// Its first column, from 1, in characters.
    pub column: u32,
    /// Its last line.
    pub end_line: u32,
    /// The column after its last character.
    pub end_column: u32,
}

impl LintedFinding {
    /// A finding in the file that was named `file`, with the text of the file.
    pub(crate) fn new(diagnostic: &Diagnostic, file: &str, text: &str, language: Language) -> Self {
        let shown = Finding { file: file.to_owned(), ..Finding::new(diagnostic, text) };
        Self {
            file: file.to_owned(),
            code: diagnostic.code.clone(),
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            message: diagnostic.message.text(language),
            help: diagnostic.help.as_ref().map(|help| help.text(language)),
            range: diagnostic.span.map(|span| range(span, text)),
            place: diagnostic.span.map(|span| LintedPlace {
                line: span.line,
                column: span.column,
                end_line: span.end_line,
                end_column: span.end_column,
            }),
            shown,
        }
    }
}

fn range(span: Span, text: &str) -> LintedRange {
    // A byte order mark belongs to no line: editors take it off before they count.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let position = |line: u32, column: u32| {
        let before = text.split('\n').nth(line as usize - 1).unwrap_or_default().chars().take(column as usize - 1);
        LintedPosition { line: line - 1, character: before.map(|c| c.len_utf16() as u32).sum() }
    };
    LintedRange { start: position(span.line.max(1), span.column.max(1)), end: position(span.end_line.max(1), span.end_column.max(1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_counts_utf16_and_people_count_characters() {
        let span = Span { line: 2, column: 5, end_line: 2, end_column: 7, ..Span::default() };
        let at = |line, character| LintedPosition { line, character };
        for text in ["a\n构🚀 : xy\n", "\u{feff}a\r\n构🚀 : xy\r\n"] {
            assert_eq!(range(span, text), LintedRange { start: at(1, 5), end: at(1, 7) }, "{text:?}");
        }
        let first = Span { line: 1, column: 2, end_line: 2, end_column: 1, ..Span::default() };
        assert_eq!(range(first, "\u{feff}ab\nc"), LintedRange { start: at(0, 1), end: at(1, 0) });
        // The end of a file lies behind its last line.
        let last = Span { line: 3, column: 1, end_line: 3, end_column: 1, ..Span::default() };
        assert_eq!(range(last, "ab\nc\n"), LintedRange { start: at(2, 0), end: at(2, 0) });
    }
}
