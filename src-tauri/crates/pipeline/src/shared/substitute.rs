//! `${NAME}` in a pipeline file, replaced in the *text* before it is read as YAML, as Drone does. So a value may break the
//! YAML, and a wrong expression in a comment counts too; `$NAME` without braces is left to the shell. What a person entered is put
//! in sealed, so that it breaks nothing (see `entered`).

use crate::shared::entered::seal;
use crate::shared::glob;
use lp_model::{Message, message};
use lp_yaml::Piece;
use std::ops::Range;

/// Largest text that substitution may make out of one document, in bytes.
const MAX_OUTPUT: usize = 4 << 20;
/// Most bytes of values that the expressions of one document may look at, and most work in removing patterns from them (bytes of the
/// value times bytes of the pattern): a megabyte of expressions over a long value would take minutes.
const MAX_READ: usize = 8 << 20;
const MAX_WORK: usize = 4 << 20;
/// Longest value that `#` and `%` are applied to, in bytes.
const MAX_TRIMMED: usize = 16 << 10;
/// Most wrong expressions that are told.
const MAX_WRONG: usize = 50;
/// Deepest nesting of expressions.
const MAX_DEPTH: usize = 16;

/// What happens to `\\` and `\/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backslashes {
    /// They stay (1.x).
    Keep,
    /// They become `\` and `/`, wherever they stand (0.8).
    Eat,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A fact of the commit or the run: its text becomes text of the file, as in the originals.
    Fact(String),
    /// What a person entered: data, whatever is in it.
    Entered(String),
    /// Nothing yet, while a file is read without an event; there will be a value. The expression stands for itself.
    Later,
}

/// An expression that was replaced.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// The first name in it.
    pub name: String,
    /// Its place in the old text.
    pub source: Range<usize>,
    /// Its value in the new text.
    pub at: Range<usize>,
    /// Whether the value is sealed.
    pub sealed: bool,
    /// Whether the expression stands for itself.
    pub later: bool,
}

/// A text after substitution.
#[derive(Debug, Clone, Default)]
pub struct Substituted {
    /// The new text.
    pub text: String,
    /// Leads from the new text back to the old one.
    pub pieces: Vec<Piece>,
    /// Names in `${NAME}` that have no value, with their places in the old text; not those inside comment lines.
    pub unknown: Vec<(String, Range<usize>)>,
    /// All expressions that were replaced, in the order of the text.
    pub replaced: Vec<Replaced>,
}

/// A wrong expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadExpression {
    /// Its place in the old text.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: Message,
}

/// Replaces all expressions. `value` gives the value of a name, `None` for a name that nobody knows (it becomes empty). A value of
/// several lines is put in quotes with escapes, as Drone does, so that it does not tear the YAML apart.
///
/// # Errors
/// All wrong expressions.
pub fn substitute(text: &str, backslashes: Backslashes, value: &dyn Fn(&str) -> Option<Known>) -> Result<Substituted, Vec<BadExpression>> {
    let mut out = Substituted::default();
    let mut wrong = Vec::new();
    let bytes = text.as_bytes();
    let mut reader = Reader { text, value, unknown: Vec::new(), read: 0, work: 0, first: String::new() };
    let (mut at, mut plain) = (0, 0);
    while at < bytes.len() {
        let (len, piece) = match (bytes[at], bytes.get(at + 1)) {
            (b'$', Some(b'$')) => (2, Some("$".to_owned())),
            (b'\\', Some(&next @ (b'\\' | b'/'))) if backslashes == Backslashes::Eat => (2, Some(char::from(next).to_string())),
            (b'$', Some(b'{')) => match reader.outermost(at) {
                Ok((found, end)) => {
                    let expression = &text[at..end];
                    let (sealed, later) = (found.origin != Origin::File, found.origin == Origin::Later);
                    let new = match found.origin {
                        Origin::File => found.text,
                        Origin::Entered => seal(expression, &found.text),
                        Origin::Later => seal(expression, expression),
                    };
                    let start = out.text.len() + (at - plain);
                    let name = std::mem::take(&mut reader.first);
                    out.replaced.push(Replaced { name, source: at..end, at: start..start + new.len(), sealed, later });
                    (end - at, Some(new))
                }
                Err(message) => {
                    wrong.push(BadExpression { range: at..reader.visible_end(at), message });
                    if wrong.len() >= MAX_WRONG {
                        return Err(wrong);
                    }
                    (2, None)
                }
            },
            _ => (1, None),
        };
        if let Some(new) = piece {
            out.literal(text, plain..at);
            out.pieces.push(Piece { at: out.text.len(), source: at..at + len, verbatim: false });
            out.text.push_str(&new);
            plain = at + len;
        }
        at += len;
        if out.text.len() > MAX_OUTPUT {
            let message = message!("the text grows beyond {} bytes by substitution", MAX_OUTPUT);
            return Err(vec![BadExpression { range: at..at, message }]);
        }
    }
    out.literal(text, plain..text.len());
    out.unknown = reader.unknown.into_iter().filter(|(_, range)| !in_comment(text, range.start)).collect();
    if wrong.is_empty() { Ok(out) } else { Err(wrong) }
}

impl Substituted {
    fn literal(&mut self, text: &str, range: Range<usize>) {
        if !range.is_empty() || self.pieces.is_empty() {
            self.pieces.push(Piece { at: self.text.len(), source: range.clone(), verbatim: true });
            self.text.push_str(&text[range]);
        }
    }
}

fn in_comment(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |n| n + 1);
    text[line..at].trim_start().starts_with('#')
}

/// What a backslash in an argument does.
// envsubst: `parse/parse.go`, the modes with and without `scanEscape`.
#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    /// It is a character like any other.
    None,
    /// In a replacement it takes the meaning from a slash or backslash behind it, and is left out itself.
    Replacement,
}

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// Of the file, or a fact.
    File,
    /// A person entered it, or a part of it.
    Entered,
    /// It is not known yet.
    Later,
}

/// A text and where it comes from.
struct Made {
    text: String,
    origin: Origin,
}

impl Made {
    fn map(self, change: impl FnOnce(&str) -> String) -> Self {
        Self { text: change(&self.text), origin: self.origin }
    }

    fn with(self, other: Origin) -> Self {
        Self { origin: self.origin.max(other), ..self }
    }
}

struct Reader<'a> {
    text: &'a str,
    value: &'a dyn Fn(&str) -> Option<Known>,
    unknown: Vec<(String, Range<usize>)>,
    read: usize,
    work: usize,
    /// The first name of the outermost expression.
    first: String,
}

impl Reader<'_> {
    fn peek(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// End of a wrong expression as far as a person sees it: its closing brace or the end of the line.
    fn visible_end(&self, start: usize) -> usize {
        let rest = &self.text[start..];
        let line = rest.find('\n').unwrap_or(rest.len());
        start + rest[..line].find('}').map_or(line, |brace| brace + 1)
    }

    /// Reads an expression that begins there, and is not part of another one.
    fn outermost(&mut self, at: usize) -> Result<(Made, usize), Message> {
        self.first.clear();
        self.expression(at + 2, 0)
    }

    /// Reads an expression from behind its `${`; returns its value and the offset behind its `}`.
    fn expression(&mut self, start: usize, depth: usize) -> Result<(Made, usize), Message> {
        if depth > MAX_DEPTH {
            return Err(message!("expressions are nested too deep"));
        }
        if self.read > MAX_READ || self.work > MAX_WORK {
            return Err(message!("the expressions before this one already take too long"));
        }
        if self.peek(start) == Some(b'#') && self.peek(start + 1) != Some(b'}') {
            let (name, at) = self.name(start + 1)?;
            let (value, _) = self.lookup(&name);
            return self.closed(value.map(|text| text.len().to_string()), at);
        }
        let (name, at) = self.name(start)?;
        let (value, known) = self.lookup(&name);
        let operator = self.peek(at).ok_or_else(|| message!("the closing `}}` is missing"))?;
        if operator == b'}' {
            if !known && self.unknown.len() < 50 {
                self.unknown.push((name, start - 2..at + 1));
            }
            return Ok((value, at + 1));
        }
        let twice = self.peek(at + 1) == Some(operator);
        match operator {
            b'^' if twice => self.closed(value.map(str::to_uppercase), at + 2),
            b',' if twice => self.closed(value.map(str::to_lowercase), at + 2),
            b'^' => self.closed(value.map(|text| first(text, |c| c.to_uppercase().collect())), at + 1),
            b',' => self.closed(value.map(|text| first(text, |c| c.to_lowercase().collect())), at + 1),
            b'=' => self.default(value, at + 1, depth),
            b':' if matches!(self.peek(at + 1), Some(b'-' | b'=' | b'?' | b'+')) => self.default(value, at + 2, depth),
            b':' => self.substring(&value, at + 1, depth),
            b'#' | b'%' => {
                let (pattern, end) = self.argument(at + 1 + usize::from(twice), b"}", Escapes::None, depth)?;
                self.work += value.text.len().saturating_mul(pattern.text.len());
                let text = trim(&value.text, &pattern.text, operator == b'#', twice)?;
                Ok((Made { text, origin: value.origin }.with(pattern.origin), end + 1))
            }
            b'/' => self.replace(&value, at + 1, depth),
            _ => Err(message!("`{}` is no operator here", self.text[at..].chars().next().unwrap_or('?').to_string())),
        }
    }

    fn name(&self, start: usize) -> Result<(String, usize), Message> {
        // envsubst: `parse/scan.go` `acceptIdent`, any letter and digit of Unicode.
        let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
        let len: usize = self.text[start..].chars().take_while(is_part).map(char::len_utf8).sum();
        if len == 0 {
            return Err(message!("a name must follow `${{`"));
        }
        Ok((self.text[start..start + len].to_owned(), start + len))
    }

    /// The value of a name, and whether there is one.
    fn lookup(&mut self, name: &str) -> (Made, bool) {
        if self.first.is_empty() {
            name.clone_into(&mut self.first);
        }
        let (text, origin, known) = match (self.value)(name) {
            Some(Known::Fact(text)) if text.contains('\n') => (quote(&text), Origin::File, true),
            Some(Known::Fact(text)) => (text, Origin::File, true),
            Some(Known::Entered(text)) => (text, Origin::Entered, true),
            Some(Known::Later) => (String::new(), Origin::Later, false),
            None => (String::new(), Origin::File, false),
        };
        self.read += text.len();
        (Made { text, origin }, known)
    }

    fn closed(&self, value: Made, at: usize) -> Result<(Made, usize), Message> {
        if self.peek(at) == Some(b'}') { Ok((value, at + 1)) } else { Err(message!("the closing `}}` is missing")) }
    }

    fn default(&mut self, value: Made, at: usize, depth: usize) -> Result<(Made, usize), Message> {
        // `:+` and `:?` behave like `:-`: a known fault of the original that files have come to rely on.
        let (default, end) = self.argument(at, b"}", Escapes::None, depth)?;
        // A value that comes later may be nothing as well, and then the default counts; without one the expression waits.
        let takes_default = value.text.is_empty() && (value.origin != Origin::Later || !default.text.is_empty());
        Ok((if takes_default { default } else { value }, end + 1))
    }

    fn substring(&mut self, value: &Made, at: usize, depth: usize) -> Result<(Made, usize), Message> {
        let (position, at) = self.argument(at, b":}", Escapes::None, depth)?;
        let mut origin = value.origin.max(position.origin);
        let (count, end) = if self.peek(at) == Some(b':') {
            let (count, at) = self.argument(at + 1, b"}", Escapes::None, depth)?;
            origin = origin.max(count.origin);
            (Some(count.text), at + 1)
        } else {
            (None, at + 1)
        };
        let made = |text: String| Ok((Made { text, origin }, end));
        let Ok(position) = position.text.parse::<usize>() else { return made(value.text.clone()) };
        let limit = match count.map(|count| count.parse::<usize>()) {
            None => usize::MAX,
            Some(Ok(count)) => count,
            Some(Err(_)) => return made(value.text.clone()),
        };
        // The original counts bytes; a piece of a character would be no text any more.
        let stop = position.saturating_add(limit);
        made(value.text.char_indices().filter(|(n, _)| (position..stop).contains(n)).map(|(_, c)| c).collect())
    }

    fn replace(&mut self, value: &Made, at: usize, depth: usize) -> Result<(Made, usize), Message> {
        let (mode, at) = match self.peek(at) {
            Some(mode @ (b'/' | b'#' | b'%')) => (mode, at + 1),
            _ => (b'1', at),
        };
        let (pattern, slash) = self.argument(at, b"/}", Escapes::Replacement, depth)?;
        if self.peek(slash) != Some(b'/') {
            return Err(message!("the second `/` of the replacement is missing"));
        }
        let (new, end) = self.argument(slash + 1, b"}", Escapes::Replacement, depth)?;
        let origin = value.origin.max(pattern.origin).max(new.origin);
        let (value, pattern, new) = (value.text.as_str(), pattern.text, new.text);
        let replaced = match mode {
            _ if pattern.is_empty() => value.to_owned(),
            b'/' => {
                if value.matches(&pattern).count().saturating_mul(new.len()) > MAX_OUTPUT {
                    return Err(message!("the result is too large"));
                }
                value.replace(&pattern, &new)
            }
            b'#' => value.strip_prefix(&pattern).map_or_else(|| value.to_owned(), |rest| format!("{new}{rest}")),
            b'%' => value.strip_suffix(&pattern).map_or_else(|| value.to_owned(), |rest| format!("{rest}{new}")),
            _ => value.replacen(&pattern, &new, 1),
        };
        Ok((Made { text: replaced, origin }, end + 1))
    }

    /// Reads up to one of `stops` and returns its offset. Expressions inside are replaced; `\/` is a slash that does not stop.
    fn argument(&mut self, start: usize, stops: &[u8], escapes: Escapes, depth: usize) -> Result<(Made, usize), Message> {
        let (mut out, mut at) = (Made { text: String::new(), origin: Origin::File }, start);
        loop {
            match (self.peek(at), self.peek(at + 1)) {
                (None, _) => return Err(message!("the closing `}}` is missing")),
                (Some(byte), _) if stops.contains(&byte) => return Ok((out, at)),
                (Some(b'\\'), Some(next @ (b'/' | b'\\'))) if escapes == Escapes::Replacement => {
                    out.text.push(char::from(next));
                    at += 2;
                }
                (Some(b'$'), Some(b'{')) => {
                    let (inner, end) = self.expression(at + 2, depth + 1)?;
                    out.text.push_str(&inner.text);
                    out.origin = out.origin.max(inner.origin);
                    at = end;
                }
                _ => {
                    let c = self.text[at..].chars().next().unwrap_or_default();
                    out.text.push(c);
                    at += c.len_utf8();
                }
            }
            if out.text.len() > MAX_OUTPUT {
                return Err(message!("the result is too large"));
            }
        }
    }
}

fn first(value: &str, change: impl Fn(char) -> String) -> String {
    let mut chars = value.chars();
    chars.next().map_or_else(String::new, |c| change(c) + chars.as_str())
}

/// Removes the shortest (or longest) prefix or suffix that matches the pattern.
fn trim(value: &str, pattern: &str, prefix: bool, longest: bool) -> Result<String, Message> {
    if value.len() > MAX_TRIMMED {
        return Err(message!("the value is too long to remove a pattern from it"));
    }
    let cut = glob::cuts(pattern, value, prefix).map(|(shortest_cut, longest_cut)| if longest { longest_cut } else { shortest_cut });
    Ok(match cut {
        Some(cut) if prefix => value[cut..].to_owned(),
        Some(cut) => value[..cut].to_owned(),
        None => value.to_owned(),
    })
}

/// Go's `%q`: a text in double quotes with escapes, printable characters as they are.
pub fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\x{:02x}", c as u32)),
            '\u{80}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
