//! Collects what is wrong with a file, so that a person sees everything at once.

use lp_model::{Diagnostic, Message, Severity, Span};

/// More findings than this help nobody, and a hostile file must not produce a million of them.
const MAX_FINDINGS: usize = 200;

/// Most places that are left open; each finding is compared with all of them.
const MAX_OPEN: usize = 1000;

/// The findings about one file.
#[derive(Debug)]
pub struct Findings<'a> {
    file: &'a str,
    found: Vec<Diagnostic>,
    needs: bool,
    any_event: bool,
    /// Places whose value is not known yet.
    open: Vec<Span>,
}

/// A finding that was just added, to be given a help text.
#[derive(Debug)]
pub struct Found<'f>(Option<&'f mut Diagnostic>);

impl Found<'_> {
    /// Adds what to do about it.
    pub fn help(self, message: Message) {
        if let Some(diagnostic) = self.0 {
            diagnostic.help = Some(message);
        }
    }
}

impl<'a> Findings<'a> {
    /// None yet, about the file with that path.
    pub fn new(file: &'a str) -> Self {
        Self { file, found: Vec::new(), needs: false, any_event: false, open: Vec::new() }
    }

    /// None yet; also what a file needs from its user will be noted.
    pub fn with_needs(file: &'a str) -> Self {
        Self { needs: true, ..Self::new(file) }
    }

    /// The same for a file that is read without an event: what depends on a value that is not known yet is not judged.
    pub fn for_any_event(self) -> Self {
        Self { any_event: true, ..self }
    }

    /// Whether the file is read without an event.
    pub fn is_for_any_event(&self) -> bool {
        self.any_event
    }

    /// A place whose value is not known yet: nothing is found about a value with it.
    pub fn leave_open(&mut self, place: Span) {
        if self.open.len() < MAX_OPEN {
            self.open.push(place);
        }
    }

    /// The path of the file.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// The file cannot run.
    pub fn error(&mut self, code: &str, span: impl Into<Option<Span>>, message: Message) -> Found<'_> {
        self.add(Severity::Error, code, span.into(), message)
    }

    /// Probably not what was meant.
    pub fn warning(&mut self, code: &str, span: impl Into<Option<Span>>, message: Message) -> Found<'_> {
        self.add(Severity::Warning, code, span.into(), message)
    }

    /// Worth knowing.
    pub fn note(&mut self, code: &str, span: impl Into<Option<Span>>, message: Message) -> Found<'_> {
        self.add(Severity::Note, code, span.into(), message)
    }

    /// Whether what the file needs is noted.
    pub fn notes_needs(&self) -> bool {
        self.needs
    }

    /// Something that the user has to give, and how; nothing to say unless it is asked for.
    pub fn need(&mut self, code: &str, span: Span, words: impl FnOnce() -> (Message, Message)) {
        if self.needs {
            let (message, help) = words();
            self.note(code, span, message).help(help);
        }
    }

    /// Whether only a first error would still be taken: no need to look for more warnings.
    pub fn is_full(&self) -> bool {
        self.found.len() >= MAX_FINDINGS
    }

    fn add(&mut self, severity: Severity, code: &str, span: Option<Span>, message: Message) -> Found<'_> {
        // The same finding comes up once per matrix cell and once per alias of a value: people want it once.
        let known = self.found.iter().any(|d| d.span == span && d.code == code && d.message == message);
        // What a text looks like (a command that is a map) does not depend on a value in it.
        let depends = |span: Span| self.open.iter().any(|open| span.start_byte <= open.start_byte && open.end_byte <= span.end_byte);
        let about_shape = code.starts_with("command-is-") || code.starts_with("unknown-variable") || code == "unknown-parameter";
        if severity != Severity::Note && !about_shape && span.is_some_and(depends) {
            return Found(None);
        }
        let full = self.is_full() && (severity != Severity::Error || self.has_errors());
        if known || full {
            return Found(None);
        }
        self.found.push(Diagnostic { code: code.into(), severity, message, help: None, file: self.file.into(), span });
        Found(self.found.last_mut())
    }

    /// Takes findings over that were made elsewhere.
    pub fn extend(&mut self, more: Vec<Diagnostic>) {
        for diagnostic in more {
            let help = diagnostic.help;
            let found = self.add(diagnostic.severity, &diagnostic.code, diagnostic.span, diagnostic.message);
            if let Some(help) = help {
                found.help(help);
            }
        }
    }

    /// Whether one of them keeps the file from running.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// All of them in the order of the file; findings about the whole file first.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| d.span.map_or((0, 0), |span| (span.start_byte, span.end_byte)));
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::message;

    #[test]
    fn the_same_finding_counts_once_and_an_error_is_never_dropped() {
        let mut findings = Findings::new("f");
        let at = |n: u32| Span { start_byte: n, ..Span::default() };
        findings.warning("w", at(1), message!("x"));
        findings.warning("w", at(1), message!("x")).help(message!("never seen"));
        for n in 0..500 {
            findings.warning("w", at(n), message!("x"));
        }
        assert!(!findings.has_errors());
        findings.error("e", None, message!("late")).help(message!("do that"));
        let all = findings.into_sorted();
        assert_eq!(all.len(), MAX_FINDINGS + 1);
        assert!(all.iter().any(|d| d.help == Some(message!("do that"))));
        assert!(all.iter().all(|d| d.help != Some(message!("never seen"))));
    }
}
