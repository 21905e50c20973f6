//! The files of a pipeline, read once: their text, their documents, and the trees of these as written, before variables are
//! replaced. Everything else works on them, so that a file is parsed no oftener than needed.

use crate::PipelineFile;
use crate::detect::{self, Detected};
use crate::dialect::{FrontEnd, front_end};
use lp_model::{Code, Diagnostic, Severity, Span, message};
use lp_yaml::{Findings, Node, SourceMap, Style, TextIndex, Tree, cut, end_marker, parse_as, read_text};
use std::ops::Range;
use std::sync::Arc;

/// Reads what any of the dialects reads.
const LENIENT: Style = Style { splices: true, names: &["pipeline", "steps", "services", "clone"], last_counts: true };

/// One document of a file.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its bytes in the file, without the marker lines.
    pub range: Range<usize>,
    /// Its tree as written; a file may be no YAML before its variables are replaced.
    pub raw: Result<Arc<Node>, Vec<Diagnostic>>,
    /// What is said of the tree although it can be read.
    pub warnings: Vec<Diagnostic>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub path: &'a str,
    pub index: TextIndex<'a>,
    pub parts: Vec<Part>,
    pub detected: Detected,
    /// The line behind which the dialect reads nothing, if documents stand there.
    pub end: Option<Span>,
}

impl<'a> Source<'a> {
    /// Reads the file and tells its dialect.
    ///
    /// # Errors
    /// The file is no text, or no pipeline.
    pub fn read(file: &PipelineFile<'a>) -> Result<Self, Vec<Diagnostic>> {
        let text = read_text(file.path, file.bytes)?;
        let index = TextIndex::new(text);
        // Only `<<` in a list, and keys that occur twice, are read differently by the dialects.
        let splicing = text.contains("<<");
        let parse = |range: Range<usize>, style: Style| match parse_as(
            style,
            file.path,
            &text[range.clone()],
            &SourceMap::part(&index, range.clone()),
        ) {
            Ok(Tree { root, warnings }) => Part { range, raw: Ok(root), warnings },
            Err(found) => Part { range, raw: Err(found), warnings: Vec::new() },
        };
        let mut parts: Vec<Part> = Vec::new();
        // One more than may be compiled, so that it is noticed.
        for range in cut(text).into_iter().take(crate::MAX_STAGES + 1) {
            parts.push(parse(range, Style { splices: splicing, ..Style::default() }));
        }
        // A key that occurs twice is not wrong everywhere, and hides nothing of what tells the dialects apart.
        let repeats = parts.iter().any(|part| part.raw.is_err());
        if repeats {
            parts = parts.into_iter().map(|part| if part.raw.is_err() { parse(part.range, LENIENT) } else { part }).collect();
        }
        let detected = detect::of(file.path, &index, &parts)?;
        let front = front_end(detected.dialect);
        if repeats || (splicing && !front.style().splices) {
            parts = parts.into_iter().map(|part| parse(part.range, front.style())).collect();
        }
        let mut end = None;
        if front.ends_at_marker()
            && let Some(marker) = end_marker(text)
        {
            let before = parts.len();
            parts.retain(|part| part.range.start < marker.start);
            end = (parts.len() < before).then(|| index.span(marker));
        }
        Ok(Self { path: file.path, index, parts, detected, end })
    }

    /// Who reads it.
    pub fn front_end(&self) -> &'static dyn FrontEnd {
        front_end(self.detected.dialect)
    }

    /// The text of a document.
    pub fn text(&self, part: &Part) -> &'a str {
        &self.index.text()[part.range.clone()]
    }

    /// Reads a text that was made of a document.
    ///
    /// # Errors
    /// As the parser's.
    pub fn parse(&self, text: &str, map: &SourceMap<'_>) -> Result<Tree, Vec<Diagnostic>> {
        parse_as(self.front_end().style(), self.path, text, map)
    }

    /// The first document and its tree as written, of those dialects that read no other: for what counts as written
    /// (matrix values: `1.10` must stay `1.10`).
    pub fn first(&self, program: &str, findings: &mut Findings<'_>) -> Option<(&Part, &Arc<Node>)> {
        let part = self.parts.first()?;
        if let Some(second) = self.parts.get(1) {
            let message = message!("{} reads only the first document of a file", program);
            findings.warning(Code::SecondDocument, self.index.span(second.range.start..second.range.start), message);
        }
        match &part.raw {
            Ok(raw) => Some((part, raw)),
            Err(more) => {
                findings.extend(more.clone());
                None
            }
        }
    }
}

/// All files of a pipeline, at least one. Several are the workflows of Woodpecker, sorted by name.
#[derive(Debug)]
pub(crate) struct Sources<'a>(Vec<Source<'a>>);

impl<'a> Sources<'a> {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with any of them; there is none, or several that are no workflows of Woodpecker.
    pub fn read(files: &[PipelineFile<'a>]) -> Result<Self, Vec<Diagnostic>> {
        let (mut sources, mut errors) = (Vec::new(), Vec::new());
        for file in files {
            match Source::read(file) {
                Ok(source) => sources.push(source),
                Err(more) => errors.extend(more),
            }
        }
        sources.sort_by(|a, b| a.path.cmp(b.path));
        if sources.len() > 1 {
            for source in sources.iter().filter(|source| !source.front_end().joins_files()) {
                let mut findings = Findings::new(source.path);
                findings
                    .error(
                        Code::MixedDialects,
                        None,
                        message!("only workflows of woodpecker can make up a pipeline together, and this file is none"),
                    )
                    .help(message!("move it out of the folder, or run it alone"));
                errors.extend(findings.into_sorted());
            }
        }
        if files.is_empty() {
            let mut findings = Findings::new("");
            findings.error(Code::NoPipeline, None, message!("there is no pipeline file"));
            errors = findings.into_sorted();
        }
        if errors.iter().any(|d| d.severity == Severity::Error) { Err(errors) } else { Ok(Self(sources)) }
    }

    pub fn all(&self) -> &[Source<'a>] {
        &self.0
    }

    /// The only file of the dialects that know but one.
    pub fn only(&self) -> &Source<'a> {
        &self.0[0]
    }

    pub fn detected(&self) -> &Detected {
        &self.only().detected
    }

    /// Who reads them.
    pub fn front_end(&self) -> &'static dyn FrontEnd {
        self.only().front_end()
    }

    /// What a person calls the whole: the file, or the folder of the files.
    pub fn path(&self) -> &'a str {
        let first = self.only().path;
        if self.0.len() == 1 { first } else { first.rfind('/').map_or(first, |end| &first[..end]) }
    }
}

/// The findings about the files of a pipeline, and those about all of them together.
#[derive(Debug)]
pub(crate) struct AllFindings<'a> {
    pub whole: Findings<'a>,
    pub files: Vec<Findings<'a>>,
}

impl<'a> AllFindings<'a> {
    pub fn new(sources: &Sources<'a>) -> Self {
        Self { whole: Findings::new(sources.path()), files: sources.all().iter().map(|source| Findings::new(source.path)).collect() }
    }

    /// While files are read without an event.
    pub fn for_any_event(sources: &Sources<'a>) -> Self {
        let files = sources.all().iter().map(|source| Findings::new(source.path).for_any_event()).collect();
        Self { files, ..Self::new(sources) }
    }

    /// Likewise, with what the files need from their user.
    pub fn with_needs(sources: &Sources<'a>) -> Self {
        let files = sources.all().iter().map(|source| Findings::with_needs(source.path).for_any_event()).collect();
        Self { files, ..Self::new(sources) }
    }

    /// Those about the only file.
    pub fn only(&mut self) -> &mut Findings<'a> {
        &mut self.files[0]
    }

    pub fn has_errors(&self) -> bool {
        self.whole.has_errors() || self.files.iter().any(Findings::has_errors)
    }

    /// All of them: about the whole first, then file after file.
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        self.whole.into_sorted().into_iter().chain(self.files.into_iter().flat_map(Findings::into_sorted)).collect()
    }
}
