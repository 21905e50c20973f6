//! From text to tree: events of the YAML parser are put together with limits on nesting and on the expanded weight.

use crate::merge::merge;
use crate::node::{Entry, Key, Node, Value};
use crate::source::{SourceMap, TextIndex, cut, read_text};
use crate::syntax::words;
use crate::typography;
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Tag};
use lp_model::{Code, Diagnostic, Message, Severity, Span, message};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Deepest nesting of lists and maps, aliases written out.
const MAX_HEIGHT: u32 = 100;
/// Largest tree with every alias written out, in bytes: eight times the largest file.
const MAX_WEIGHT: u64 = 8 << 20;
/// What a value weighs besides its text.
const NODE_WEIGHT: u64 = 16;
/// Most entries that `<<` may copy in one document.
const MERGE_BUDGET: u64 = 100_000;

/// Most keys that are reported as occurring twice.
const MAX_DUPLICATES: usize = 50;

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its tree.
    pub root: Arc<Node>,
    /// Its bytes in the file, without the marker lines.
    pub range: Range<usize>,
}

/// Reads all documents of a file, each alone (an anchor does not reach into the next one).
///
/// # Errors
/// What is wrong with any of the documents; one that is broken does not hide the findings of the others.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Document>, Vec<Diagnostic>> {
    let text = read_text(file, bytes)?;
    let index = TextIndex::new(text);
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    for range in cut(text) {
        match parse_part(file, &text[range.clone()], &SourceMap::part(&index, range.clone())) {
            Ok(root) => documents.push(Document { root, range }),
            Err(more) => findings.extend(more),
        }
    }
    if findings.is_empty() { Ok(documents) } else { Err(findings) }
}

/// Reads one document out of a text that `map` leads back to the file.
///
/// # Errors
/// A syntax error, or all keys that occur twice, or the limit that the document breaks.
pub fn parse_part(file: &str, text: &str, map: &SourceMap<'_>) -> Result<Arc<Node>, Vec<Diagnostic>> {
    parse_as(Style::default(), file, text, map).map(|tree| tree.root)
}

/// What the programs that read such files make of YAML in different ways.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// An item `<<: *alias` of a list stands for the items of the list that the alias refers to (Woodpecker), and not for a map merged out
    /// of them.
    pub splices: bool,
    /// Maps at the top of the file whose keys are names: one may occur twice there, and both stand in the tree.
    pub names: &'static [&'static str],
    /// A key that occurs twice in any other map is a warning, and the last one counts (Drone); otherwise an error.
    pub last_counts: bool,
}

/// A document, and what is said of it although it can be read.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Its root.
    pub root: Arc<Node>,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

/// Like [`parse_part`], in the way of one of these programs.
///
/// # Errors
/// As [`parse_part`].
pub fn parse_as(style: Style, file: &str, text: &str, map: &SourceMap<'_>) -> Result<Tree, Vec<Diagnostic>> {
    build(Builder::new(style, file, text, map))
}

fn build(mut builder: Builder<'_>) -> Result<Tree, Vec<Diagnostic>> {
    let (text, map) = (builder.text, builder.map);
    let options = granit_parser::options! { emit_comments: false, block_scalar_eof_without_line_feed: true };
    for item in Parser::new_from_str_with_options(text, options) {
        let step = match item {
            Ok((Event::StreamEnd, _)) => break,
            Ok((Event::DocumentStart(..), _)) if builder.root.is_some() => break,
            Ok((event, span)) => {
                let start = span.start.byte_offset().unwrap_or(0);
                builder.event(event, start..span.end.byte_offset().unwrap_or(start))
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
                    Err(builder.too_deep(map.span(at..at)))
                } else {
                    match typography::near(text, at) {
                        Some(found) => Err(builder.finding(Code::YamlSyntax, found.range, found.message, Some(found.help))),
                        None => {
                            let (message, help) = explain(error.kind(), text, at);
                            Err(builder.finding(Code::YamlSyntax, at..at, message, help))
                        }
                    }
                }
            }
        };
        if let Err(finding) = step {
            builder.findings.push(*finding);
            break;
        }
    }
    if builder.findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(builder.findings);
    }
    let nothing = || Node {
        span: map.span(0..0),
        tag: None,
        value: Value::Scalar { text: String::new(), plain: true },
        weight: NODE_WEIGHT,
        height: 1,
    };
    Ok(Tree { root: builder.root.unwrap_or_else(|| Arc::new(nothing())), warnings: builder.findings })
}

/// The parser's words and a hint for the mistakes that people make most.
fn explain(kind: &ErrorKind, text: &str, at: usize) -> (Message, Option<Message>) {
    let line_start = text[..floor(text, at)].rfind('\n').map_or(0, |n| n + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let next = text[floor(text, at)..].chars().next();
    let indent = line.len() - line.trim_start().len();
    let tab = matches!(
        kind,
        ErrorKind::TabInPlainScalar
            | ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
    );
    let help = if line[..indent].contains('\t') || tab {
        Some(message!("indent with blanks, YAML allows no tabs there"))
    } else if matches!(kind, ErrorKind::UnknownAnchor) {
        Some(message!("a value that begins with `*` refers to an anchor `&name` further up in the same document; put a text into quotes"))
    } else if matches!(next, Some('@' | '`' | '%' | '*' | '&' | '!')) {
        Some(message!("put a value that begins with such a character into quotes"))
    } else if line.trim_start().starts_with("- \"") || line.trim_start().starts_with("- '") {
        Some(message!(
            "a value that begins with a quote ends at the closing one; put the whole line into single quotes, or use a block `|`"
        ))
    } else if line.matches(": ").count() > 1 {
        Some(message!("a value that contains `: ` must stand in quotes"))
    } else {
        None
    };
    (words(kind), help)
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A list or map that is not finished yet.
enum Open {
    Seq(Vec<Arc<Node>>),
    Map { entries: Vec<Entry>, seen: Seen, merged: Vec<Arc<Node>>, key: Option<Key>, alias: bool },
}

/// Finds a key among the entries of a map: one by one in a small map, and almost all are small.
#[derive(Default)]
struct Seen {
    keys: HashMap<String, usize>,
    /// How many entries are in `keys`.
    known: usize,
}

impl Seen {
    const SMALL: usize = 16;

    /// Its place among the entries.
    fn find(&mut self, entries: &[Entry], key: &str) -> Option<usize> {
        if entries.len() <= Self::SMALL {
            return entries.iter().position(|entry| entry.key.text == key);
        }
        for (n, entry) in entries.iter().enumerate().skip(self.known) {
            self.keys.entry(entry.key.text.clone()).or_insert(n);
        }
        self.known = entries.len();
        self.keys.get(key).copied()
    }
}

struct Frame {
    open: Open,
    start: usize,
    anchor: usize,
    tag: Option<String>,
    weight: u64,
    height: u32,
}

struct Builder<'a> {
    file: &'a str,
    text: &'a str,
    map: &'a SourceMap<'a>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Arc<Node>>,
    root: Option<Arc<Node>>,
    findings: Vec<Diagnostic>,
    budget: u64,
    style: Style,
}

type Step = Result<(), Box<Diagnostic>>;

impl<'a> Builder<'a> {
    fn new(style: Style, file: &'a str, text: &'a str, map: &'a SourceMap<'a>) -> Self {
        Self { file, text, map, stack: Vec::new(), anchors: HashMap::new(), root: None, findings: Vec::new(), budget: MERGE_BUDGET, style }
    }

    fn finding(&self, code: Code, range: Range<usize>, message: Message, help: Option<Message>) -> Box<Diagnostic> {
        self.finding_at(code, self.map.span(range), message, help)
    }

    fn finding_at(&self, code: Code, span: Span, message: Message, help: Option<Message>) -> Box<Diagnostic> {
        Box::new(Diagnostic {
            code: code.as_str().into(),
            severity: Severity::Error,
            message,
            help,
            file: self.file.into(),
            span: Some(span),
        })
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) -> Step {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // The parser writes `~` for a value that is not there; nothing stands there in the file either.
                let missing = style == ScalarStyle::Plain && range.is_empty();
                let text = if missing { String::new() } else { text.into_owned() };
                if text.contains('\0') {
                    return Err(self.finding(
                        Code::NulByte,
                        range,
                        message!("the text contains a NUL character, which no program can be given"),
                        None,
                    ));
                }
                let tag = tag.as_deref().map(short_tag);
                let (weight, plain) = (NODE_WEIGHT + text.len() as u64, style == ScalarStyle::Plain);
                let span = self.map.span(range);
                let node = Node { span, tag, value: Value::Scalar { text, plain }, weight, height: 1 };
                self.place(Arc::new(node), anchor, false)
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Open::Seq(Vec::new()), range, anchor, tag.as_deref().map(short_tag)),
            Event::MappingStart(_, anchor, tag) => {
                let open = Open::Map { entries: Vec::new(), seen: Seen::default(), merged: Vec::new(), key: None, alias: false };
                self.open(open, range, anchor, tag.as_deref().map(short_tag))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.finding(
                        Code::AliasLoop,
                        range,
                        message!("the alias stands inside the value that it refers to"),
                        None,
                    ));
                };
                self.place(node, 0, true)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open, range: Range<usize>, anchor: usize, tag: Option<String>) -> Step {
        if self.stack.len() as u32 >= MAX_HEIGHT {
            return Err(self.too_deep(self.map.span(range)));
        }
        self.stack.push(Frame { open, start: range.start, anchor, tag, weight: NODE_WEIGHT, height: 0 });
        Ok(())
    }

    fn close(&mut self, range: Range<usize>) -> Step {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        // A block collection ends where the next thing begins; people see it end with its last line.
        let end = frame.start + self.text.get(frame.start..range.end).map_or(0, |part| part.trim_end().len());
        let span = self.map.span(frame.start..end.max(frame.start));
        if let Some(items) = self.spliced(&frame.open) {
            for item in items {
                self.budget = self.budget.saturating_sub(1);
                if self.budget == 0 {
                    return Err(self.too_large(span));
                }
                self.place(item, 0, true)?;
            }
            return Ok(());
        }
        let (mut weight, mut height) = (frame.weight, frame.height);
        let value = match frame.open {
            Open::Seq(items) => Value::Seq(items),
            Open::Map { mut entries, merged, .. } => {
                let own = entries.len();
                if let Err(span) = merge(&mut entries, merged, &mut self.budget) {
                    let help = Some(message!("`<<` takes an alias of a map, or a list of such aliases"));
                    return Err(self.finding_at(Code::MergeNotMap, span, message!("only a map can be merged with `<<`"), help));
                }
                for entry in &entries[own..] {
                    weight += entry.value.weight + NODE_WEIGHT;
                    height = height.max(entry.value.height);
                }
                if self.budget == 0 {
                    return Err(self.too_large(span));
                }
                Value::Map(entries)
            }
        };
        let node = Arc::new(Node { span, tag: frame.tag, value, weight, height: height + 1 });
        if weight > MAX_WEIGHT {
            return Err(self.too_large(span));
        }
        if node.height > MAX_HEIGHT {
            return Err(self.too_deep(span));
        }
        self.place(node, frame.anchor, false)
    }

    /// The items that a map `<<: *list` (or `<<: [*list, *list]`) in a list stands for, if it is one.
    fn spliced(&self, open: &Open) -> Option<Vec<Arc<Node>>> {
        let Open::Map { entries, merged, alias, .. } = open else { return None };
        let [source] = merged.as_slice() else { return None };
        let in_list = self.stack.last().is_some_and(|frame| matches!(frame.open, Open::Seq(_)));
        if !self.style.splices || !in_list || !entries.is_empty() {
            return None;
        }
        let items = source.items()?;
        if *alias {
            return Some(items.to_vec());
        }
        let lists: Option<Vec<&[Arc<Node>]>> = items.iter().map(|item| item.items()).collect();
        lists.filter(|lists| !lists.is_empty()).map(|lists| lists.concat())
    }

    /// Puts a finished value where it belongs: as item, as key or value of an entry, or as the whole document.
    fn place(&mut self, node: Arc<Node>, anchor: usize, alias: bool) -> Step {
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        let (repeats, last_counts) = (self.in_names(), self.style.last_counts);
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.weight = frame.weight.saturating_add(node.weight);
        frame.height = frame.height.max(node.height);
        if frame.weight > MAX_WEIGHT {
            let span = node.span;
            return Err(self.too_large(span));
        }
        match &mut frame.open {
            Open::Seq(items) => items.push(node),
            Open::Map { entries, seen, merged, key, alias: from_alias } => match key.take() {
                None => {
                    let span = node.span;
                    let Value::Scalar { text, plain } = Arc::unwrap_or_clone(node).value else {
                        let help = Some(message!("a `{{` or `[` at the start of a value must stand in quotes"));
                        return Err(self.finding_at(Code::KeyNotText, span, message!("a key must be a text"), help));
                    };
                    *key = Some(Key { text, plain: plain && !alias, span });
                }
                Some(key) if key.plain && key.text == "<<" => {
                    *from_alias = alias;
                    merged.push(node);
                }
                Some(key) => {
                    if let Some(n) = seen.find(entries, &key.text).filter(|_| !repeats) {
                        let (name, first, span) = (clip(&key.text), entries[n].key.span, key.span);
                        if last_counts {
                            entries[n] = Entry { key, value: node, merged: false };
                        }
                        return self.repeated(&name, first, span);
                    }
                    entries.push(Entry { key, value: node, merged: false });
                }
            },
        }
        Ok(())
    }

    /// Tells of a key that occurs twice.
    fn repeated(&mut self, name: &str, first: Span, span: Span) -> Step {
        let mut finding = if self.style.last_counts {
            let message = message!("the key `{}` occurs twice (first in line {}); the last one counts", name, first.line);
            self.finding_at(Code::DuplicateKey, span, message, Some(message!("remove the one that is not meant")))
        } else {
            let message = message!("the key `{}` occurs twice: first in line {}", name, first.line);
            self.finding_at(Code::DuplicateKey, span, message, Some(message!("keep one of the two")))
        };
        let many = self.findings.len() >= MAX_DUPLICATES;
        if self.style.last_counts {
            finding.severity = Severity::Warning;
            if many {
                return Ok(());
            }
        } else if many {
            // Not the end of the document: people want to see all of them, but not thousands.
            return Err(finding);
        }
        self.findings.push(*finding);
        Ok(())
    }

    /// Whether the innermost open map is one whose keys are names.
    fn in_names(&self) -> bool {
        let [top, _] = self.stack.as_slice() else { return false };
        matches!(&top.open, Open::Map { key: Some(key), .. } if self.style.names.contains(&key.text.as_str()))
    }

    fn too_deep(&self, span: Span) -> Box<Diagnostic> {
        self.finding_at(Code::TooDeep, span, message!("lists and maps are nested deeper than {} levels", MAX_HEIGHT), None)
    }

    fn too_large(&self, span: Span) -> Box<Diagnostic> {
        let help = Some(message!("aliases and merge keys multiply their targets; use fewer of them"));
        self.finding_at(Code::TooLarge, span, message!("the document is too large once its aliases are written out"), help)
    }
}

fn short_tag(tag: &Tag) -> String {
    match tag.core_suffix() {
        Some(suffix) => format!("!!{suffix}"),
        None => match tag.suffix_in_namespace("tag:yaml.org,2002:") {
            Some(suffix) => format!("!!{suffix}"),
            None => tag.original(),
        },
    }
}

/// A text for a message: its first line, not endless.
pub(crate) fn clip(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 60 { format!("{}…", line.chars().take(60).collect::<String>()) } else { line.to_owned() }
}

#[cfg(test)]
mod tests;
