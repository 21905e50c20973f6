//! From bytes to text, from text to documents, and from an offset to the line and column that a person sees.

use lp_model::{Code, Diagnostic, Message, Severity, Span, message};
use std::cell::Cell;
use std::ops::Range;

/// Largest file that is read, in bytes. The largest known pipeline file (generated) has about 200 KB.
pub const MAX_BYTES: usize = 1 << 20;

/// Checks that the bytes are a text that YAML can hold.
///
/// # Errors
/// One diagnostic: too large, UTF-16, not UTF-8 (with the place of the first bad byte), or a NUL byte.
pub fn read_text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, Vec<Diagnostic>> {
    if bytes.len() > MAX_BYTES {
        let message = message!("the file has {} bytes, more than the {} that are read", bytes.len(), MAX_BYTES);
        return Err(vec![finding(file, Code::FileTooLarge, message, None, None)]);
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let help = message!("save the file as UTF-8");
        return Err(vec![finding(file, Code::NotUtf8, message!("the file is written in UTF-16"), None, Some(help))]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.valid_up_to();
            let head = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
            let span = TextIndex::new(head).span(valid..valid);
            let message = message!("byte {} is not valid UTF-8", format!("{:#04x}", bytes[valid]));
            return Err(vec![finding(file, Code::NotUtf8, message, Some(span), Some(message!("save the file as UTF-8")))]);
        }
    };
    if let Some(at) = text.find('\0') {
        let span = TextIndex::new(text).span(at..at + 1);
        return Err(vec![finding(file, Code::NulByte, message!("the file contains a NUL byte, so it is no text"), Some(span), None)]);
    }
    Ok(text)
}

fn finding(file: &str, code: Code, message: Message, span: Option<Span>, help: Option<Message>) -> Diagnostic {
    Diagnostic { code: code.as_str().into(), severity: Severity::Error, message, help, file: file.into(), span }
}

/// Cuts a text into its documents: byte ranges between the lines that start with `---`. A line that starts with `...`
/// ends a document early. Parts with nothing but comments, blanks and directives are left out.
pub fn cut(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut ended, mut at) = (bom(text), None, 0);
    for line in text.split_inclusive('\n') {
        let begin = if at == 0 { bom(text) } else { 0 };
        let body = &line[begin.min(line.len())..];
        let marker = |mark: &str| body.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if marker("---") {
            parts.push(start..ended.take().unwrap_or(at).max(start));
            start = at + begin + 3;
        } else if ended.is_none() && marker("...") {
            ended = Some(at);
        }
        at += line.len();
    }
    parts.push(start..ended.unwrap_or(text.len()).max(start));
    parts.retain(|part| {
        text[part.clone()].lines().map(str::trim_start).any(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with('%'))
    });
    parts
}

/// The first line that ends a document without beginning the next one: `...`. Drone 1.x reads nothing behind it.
pub fn end_marker(text: &str) -> Option<Range<usize>> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("...").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            return Some(at..at + 3);
        }
        at += line.len();
    }
    None
}

fn bom(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// Finds line and column of a byte offset without walking through the text each time (a file may be one long line).
#[derive(Debug)]
pub struct TextIndex<'a> {
    text: &'a str,
    // Where each line begins.
    lines: Vec<usize>,
    // Number of characters before each block of `BLOCK` bytes; none for a text whose characters are all one byte long.
    blocks: Vec<usize>,
    // The line that was found last: who reads a file asks for one place after the other.
    last: Cell<usize>,
}

const BLOCK: usize = 64;

impl<'a> TextIndex<'a> {
    /// Reads through the text once.
    pub fn new(text: &'a str) -> Self {
        let mut lines = vec![bom(text)];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let mut blocks = Vec::new();
        if !text.is_ascii() {
            let mut characters = 0;
            for block in text.as_bytes().chunks(BLOCK) {
                blocks.push(characters);
                characters += begun(block);
            }
        }
        Self { text, lines, blocks, last: Cell::new(0) }
    }

    /// The whole text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Line and column, both from 1, columns in characters.
    pub fn place(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.text.len());
        let line = self.line(offset);
        (line as u32 + 1, self.characters(self.lines[line], offset) as u32 + 1)
    }

    /// A byte range as people see it.
    pub fn span(&self, range: Range<usize>) -> Span {
        let (start, end) = (range.start, range.end.max(range.start));
        let (line, column) = self.place(start);
        let same_line = self.lines.get(line as usize).is_none_or(|&next| end < next);
        let (end_line, end_column) =
            if same_line && start >= self.lines[0] { (line, column + self.characters(start, end) as u32) } else { self.place(end) };
        Span { line, column, end_line, end_column, start_byte: start as u32, end_byte: end as u32 }
    }

    /// Number of the line, from 0.
    fn line(&self, offset: usize) -> usize {
        let last = self.last.get();
        let is_in = |line: usize| {
            self.lines.get(line).is_some_and(|&start| start <= offset) && self.lines.get(line + 1).is_none_or(|&next| offset < next)
        };
        let near = [last, last + 1].into_iter().find(|&line| is_in(line));
        let line = near.unwrap_or_else(|| self.lines.partition_point(|&start| start <= offset).saturating_sub(1));
        self.last.set(line);
        line
    }

    /// How many characters begin between two offsets, 0 when they stand the other way round.
    fn characters(&self, from: usize, to: usize) -> usize {
        let to = to.min(self.text.len());
        if from >= to {
            return 0;
        }
        if self.blocks.is_empty() {
            return to - from;
        }
        let bytes = self.text.as_bytes();
        if to - from <= 2 * BLOCK {
            return begun(&bytes[from..to]);
        }
        let before = |offset: usize| {
            let block = (offset / BLOCK).min(self.blocks.len() - 1);
            self.blocks[block] + begun(&bytes[block * BLOCK..offset])
        };
        before(to) - before(from)
    }
}

/// How many characters begin in these bytes.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

/// A stretch of a text that is parsed, and where it stands in the file.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Where the stretch begins in the parsed text, in bytes.
    pub at: usize,
    /// Where it comes from in the file, in bytes.
    pub source: Range<usize>,
    /// Whether the bytes are the same in both; otherwise the stretch stands for the whole source range (a substituted
    /// variable).
    pub verbatim: bool,
}

/// Leads from an offset in the parsed text back to the file, also after variables were substituted in between.
#[derive(Debug)]
pub struct SourceMap<'a> {
    index: &'a TextIndex<'a>,
    pieces: Vec<Piece>,
    // The piece that was found last, as in the index.
    last: Cell<usize>,
}

impl<'a> SourceMap<'a> {
    /// For a part of the file that is parsed as it stands.
    pub fn part(index: &'a TextIndex<'a>, part: Range<usize>) -> Self {
        Self::pieces(index, vec![Piece { at: 0, source: part, verbatim: true }])
    }

    /// For a text made of pieces of the file, in the order of the parsed text.
    pub fn pieces(index: &'a TextIndex<'a>, pieces: Vec<Piece>) -> Self {
        Self { index, pieces, last: Cell::new(0) }
    }

    /// Where a range of the parsed text stands in the file.
    pub fn span(&self, range: Range<usize>) -> Span {
        let start = self.offset(range.start, false);
        let end = if range.end > range.start { self.offset(range.end, true) } else { start };
        self.index.span(start..end.max(start))
    }

    fn offset(&self, offset: usize, end: bool) -> usize {
        // An end that falls on the border between two pieces belongs to the first of them.
        let probe = if end { offset.saturating_sub(1) } else { offset };
        let last = self.last.get();
        let is_in = |n: usize| {
            self.pieces.get(n).is_some_and(|piece| piece.at <= probe) && self.pieces.get(n + 1).is_none_or(|next| probe < next.at)
        };
        let near = [last, last + 1].into_iter().find(|&n| is_in(n));
        let n = near.unwrap_or_else(|| self.pieces.partition_point(|piece| piece.at <= probe).saturating_sub(1));
        self.last.set(n);
        let Some(piece) = self.pieces.get(n) else { return 0 };
        match (piece.verbatim, end) {
            (true, _) => (piece.source.start + offset.saturating_sub(piece.at)).min(piece.source.end),
            (false, false) => piece.source.start,
            (false, true) => piece.source.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        cut(text).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn documents_are_cut_at_marker_lines_only() {
        assert_eq!(texts("a: 1\n---\nb: 2\n"), ["a: 1\n", "\nb: 2\n"]);
        assert_eq!(texts("# head\n---\na: 1\n...\nrubbish [\n---\nb: 1"), ["\na: 1\n", "\nb: 1"]);
        assert_eq!(texts("--- {a: 1}\n"), [" {a: 1}\n"]);
        assert_eq!(texts("a: |\n  ---\n  x\n---x: 1\n"), ["a: |\n  ---\n  x\n---x: 1\n"]);
        assert_eq!(texts("\u{feff}---\na: 1"), ["\na: 1"]);
        assert!(texts("# nothing\n\n---\n").is_empty());
        assert!(texts("").is_empty());
    }

    #[test]
    fn places_count_characters_and_survive_long_lines() {
        let text = format!("中文: x\r\n{}y", "é".repeat(500));
        let index = TextIndex::new(&text);
        assert_eq!(index.place("中文: ".len()), (1, 5));
        assert_eq!(index.place(text.len() - 1), (2, 501));
        assert_eq!(index.place(text.len()), (2, 502));
        let even = "a".repeat(BLOCK);
        assert_eq!(TextIndex::new(&even).place(BLOCK), (1, BLOCK as u32 + 1));
        assert_eq!(TextIndex::new("").place(0), (1, 1));
        assert_eq!(TextIndex::new("\u{feff}ab").place(4), (1, 2));
    }

    #[test]
    fn a_substituted_stretch_leads_back_to_its_expression() {
        // `x: ${A} y` with A=12345
        let source = "x: ${A} y";
        let index = TextIndex::new(source);
        let pieces = vec![
            Piece { at: 0, source: 0..3, verbatim: true },
            Piece { at: 3, source: 3..7, verbatim: false },
            Piece { at: 8, source: 7..9, verbatim: true },
        ];
        let map = SourceMap::pieces(&index, pieces);
        let whole = map.span(3..10);
        assert_eq!((whole.column, whole.end_column), (4, 10));
        let inside = map.span(4..6);
        assert_eq!((inside.column, inside.end_column), (4, 8));
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let show = |bytes: &[u8]| read_text("f.yml", bytes).unwrap_err()[0].to_string();
        assert!(show(b"a: \xff").starts_with("f.yml:1:4: error[not-utf8]"));
        assert!(show(b"a:\n \0").starts_with("f.yml:2:2: error[nul-byte]"));
        assert!(show(&[0xff, 0xfe, b'a', 0]).contains("UTF-16"));
        assert!(show(&vec![b'a'; MAX_BYTES + 1]).contains("file-too-large"));
    }
}
