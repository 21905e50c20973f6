//! Collects what is wrong with a file, so that a person sees everything at once.

use lp_model::{Code, Diagnostic, Message, Severity, Span, message};

/// More findings of one severity than this help nobody, and a hostile file must not produce a million of them.
const MAX_FINDINGS: usize = 200;

/// Most places that are left open; each finding is compared with all of them.
const MAX_OPEN: usize = 1000;

/// Findings about what a text looks like, which does not depend on a value in it that is not known yet.
const ABOUT_SHAPE: [Code; 4] = [Code::CommandIsList, Code::CommandIsMap, Code::UnknownParameter, Code::UnknownVariable];

/// The findings about one file.
#[derive(Debug)]
pub struct Findings<'a> {
    file: &'a str,
    found: Vec<Diagnostic>,
    /// How many of each severity are kept, in the order of [`Severity`].
    kept: [usize; 3],
    /// How many of each severity were found and not kept, in the order of [`Severity`].
    dropped: [usize; 3],
    needs: bool,
    any_event: bool,
    /// Places whose value is not known yet.
    open: Vec<Span>,
    /// Where a need occurs again that was already noted.
    needed_again: Vec<Span>,
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
        Self {
            file,
            found: Vec::new(),
            kept: [0; 3],
            dropped: [0; 3],
            needs: false,
            any_event: false,
            open: Vec::new(),
            needed_again: Vec::new(),
        }
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
    pub fn error(&mut self, code: Code, span: impl Into<Option<Span>>, message: Message) -> Found<'_> {
        self.add(Severity::Error, code.as_str(), span.into(), message)
    }

    /// Probably not what was meant.
    pub fn warning(&mut self, code: Code, span: impl Into<Option<Span>>, message: Message) -> Found<'_> {
        self.add(Severity::Warning, code.as_str(), span.into(), message)
    }

    /// Worth knowing.
    pub fn note(&mut self, code: Code, span: impl Into<Option<Span>>, message: Message) -> Found<'_> {
        self.add(Severity::Note, code.as_str(), span.into(), message)
    }

    /// Whether what the file needs is noted.
    pub fn notes_needs(&self) -> bool {
        self.needs
    }

    /// Something that the user has to give, and how; nothing to say unless it is asked for.
    pub fn need(&mut self, code: Code, span: Span, words: impl FnOnce() -> (Message, Message)) {
        if !self.needs {
            return;
        }
        let (message, help) = words();
        // What a person has to do is said once.
        if self.found.iter().any(|d| d.code == code.as_str() && d.message == message) {
            if self.needed_again.len() < crate::MAX_BYTES {
                self.needed_again.push(span);
            }
            return;
        }
        self.note(code, span, message).help(help);
    }

    /// Where a need occurs again that was noted elsewhere.
    pub fn needed_again(&self) -> &[Span] {
        &self.needed_again
    }

    /// Whether one more finding of that severity is kept: where finding the words costs time, this is asked first. Without room the finding
    /// counts as left out.
    pub fn has_room(&mut self, severity: Severity) -> bool {
        let full = self.kept[severity as usize] >= MAX_FINDINGS;
        self.dropped[severity as usize] += usize::from(full);
        !full
    }

    /// Whether there is more than what is kept.
    pub fn is_cut(&self) -> bool {
        self.dropped.iter().any(|count| *count > 0)
    }

    fn add(&mut self, severity: Severity, code: &str, span: Option<Span>, message: Message) -> Found<'_> {
        // The same finding comes up once per matrix cell and once per alias of a value: people want it once.
        let known = self.found.iter().any(|d| d.span == span && d.code == code && d.message == message);
        let depends = |span: Span| self.open.iter().any(|open| span.start_byte <= open.start_byte && open.end_byte <= span.end_byte);
        let about_shape = ABOUT_SHAPE.iter().any(|shape| code == shape.as_str());
        if known || (severity != Severity::Note && !about_shape && span.is_some_and(depends)) {
            return Found(None);
        }
        if !self.has_room(severity) {
            return Found(None);
        }
        self.kept[severity as usize] += 1;
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
        self.kept[Severity::Error as usize] > 0
    }

    /// All of them in the order of the file; findings about the whole file first, and last how many more there are.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        let mut more = Vec::new();
        for (severity, message) in [
            (Severity::Error, message!("at least {} more errors are not shown", self.dropped[Severity::Error as usize])),
            (Severity::Warning, message!("at least {} more warnings are not shown", self.dropped[Severity::Warning as usize])),
            (Severity::Note, message!("at least {} more notes are not shown", self.dropped[Severity::Note as usize])),
        ] {
            if self.dropped[severity as usize] > 0 {
                more.push(Diagnostic {
                    code: Code::MoreFindings.as_str().into(),
                    severity,
                    message,
                    help: None,
                    file: self.file.into(),
                    span: None,
                });
            }
        }
        self.found.sort_by_key(|d| d.span.map_or((0, 0), |span| (span.start_byte, span.end_byte)));
        self.found.extend(more);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_finding_counts_once_and_each_severity_has_its_limit() {
        let mut findings = Findings::new("f");
        let at = |n: u32| Span { start_byte: n, ..Span::default() };
        findings.warning(Code::UnknownKey, at(1), message!("x"));
        findings.warning(Code::UnknownKey, at(1), message!("x")).help(message!("never seen"));
        for n in 0..500 {
            findings.warning(Code::UnknownKey, at(n), message!("x"));
        }
        assert!(!findings.has_errors() && findings.is_cut());
        for n in 0..5 {
            findings.error(Code::WrongType, at(n), message!("late")).help(message!("do that"));
        }
        findings.note(Code::NoEvent, None, message!("a note"));
        let all = findings.into_sorted();
        assert_eq!(all.len(), MAX_FINDINGS + 5 + 1 + 1);
        assert_eq!(all.iter().filter(|d| d.help == Some(message!("do that"))).count(), 5, "warnings take no room of errors");
        assert!(all.iter().all(|d| d.help != Some(message!("never seen"))));
        let last = all.last().unwrap();
        assert_eq!((last.code.as_str(), last.message.to_string().as_str()), ("more-findings", "at least 300 more warnings are not shown"));
    }

    #[test]
    fn a_need_is_noted_once_with_all_its_places() {
        let mut findings = Findings::with_needs("f");
        let at = |n: u32| Span { start_byte: n, ..Span::default() };
        for n in 0..3 {
            findings.need(Code::NeedsSecret, at(n), || (message!("x"), message!("y")));
        }
        assert_eq!(findings.needed_again(), [at(1), at(2)]);
        assert_eq!(findings.into_sorted().len(), 1);
    }
}
