//! One pattern: `*` and `?` stay within a part of the path, `**` crosses any number of them, classes and `\` as in a regular expression.
//!
//! The original turns a pattern into the text of a regular expression, letter by letter, so a star inside of brackets becomes part of the
//! class that they make. Such a text is made here too and read by a small reader of its own, and a match costs the length of the
//! pattern times the length of the path, whatever they are.

use std::iter::Peekable;
use std::str::Chars;

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// The path is the text.
    Exact,
    /// The path begins with it.
    Prefix(String),
    /// The path ends with it, or is all of it but its slash.
    Suffix(String),
    /// Piece by piece.
    Pieces(Vec<Piece>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// One character of a set.
    One(Set),
    /// Any number of characters of a set.
    Many(Set),
    /// Nothing, or anything that ends with a slash.
    Folders,
    /// The beginning of the path.
    Start,
}

/// Characters, or all others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Set {
    fn of(c: char) -> Self {
        Self { ranges: vec![(c, c)], negated: false }
    }

    fn but(c: char) -> Self {
        Self { ranges: vec![(c, c)], negated: true }
    }

    fn has(&self, c: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != self.negated
    }
}

impl Pattern {
    /// One that matches a path and nothing else.
    pub(super) fn exactly(path: &str) -> Self {
        Self { text: path.to_owned(), kind: Kind::Exact }
    }

    /// Reads a pattern that is not empty; `None` for one that is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        if !is_glob(text) {
            return None;
        }
        Some(Self { text: text.to_owned(), kind: kind(text)? })
    }

    /// Whether the path is matched.
    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.kind {
            Kind::Exact => path == self.text,
            Kind::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Kind::Suffix(suffix) => path.ends_with(suffix.as_str()) || suffix.strip_prefix('/').is_some_and(|rest| rest == path),
            Kind::Pieces(pieces) => run(pieces, path),
        }
    }

    /// Whether something below that folder may be matched, as far as the beginning of the pattern tells.
    pub(super) fn may_match_below(&self, folder: &str) -> bool {
        let special = self.text.find(['*', '?', '[', '\\', '^']).unwrap_or(self.text.len());
        let fixed = &self.text[..special];
        let whole = special == self.text.len();
        let below = format!("{folder}/");
        // The folder itself and what is around it bring everything in it back.
        fixed.starts_with(&below)
            || (!whole && below.starts_with(fixed))
            || (whole && (folder == fixed || below.starts_with(&format!("{fixed}/"))))
    }
}

/// Whether Go's `filepath.Match` takes it for a pattern, which the original asks first.
fn is_glob(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            '[' if !class_is_glob(&mut chars) => return false,
            _ => {}
        }
    }
    true
}

fn class_is_glob(chars: &mut Peekable<Chars<'_>>) -> bool {
    chars.next_if_eq(&'^');
    let mut members = 0;
    loop {
        if members > 0 && chars.next_if_eq(&']').is_some() {
            return true;
        }
        for end in [false, true] {
            if end && chars.next_if_eq(&'-').is_none() {
                break;
            }
            match chars.next() {
                None | Some('-' | ']') => return false,
                Some('\\') if chars.next().is_none() => return false,
                Some(_) => {}
            }
        }
        members += 1;
    }
}

/// What kind of pattern it is, and for one of pieces its regular expression, read.
fn kind(text: &str) -> Option<Kind> {
    let mut expression = String::new();
    let mut kind = Kind::Exact;
    let pieces = Kind::Pieces(Vec::new());
    let mut chars = text.chars().peekable();
    let mut n = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_some() {
                    expression.push_str("(.*/)?");
                    kind = pieces.clone();
                } else if kind == Kind::Exact {
                    kind = Kind::Prefix(text[..text.len().saturating_sub(2)].to_owned());
                } else {
                    expression.push_str(".*");
                    kind = pieces.clone();
                }
                if n == 0 {
                    kind = Kind::Suffix(text[2..].to_owned());
                }
            }
            '*' => {
                expression.push_str("[^/]*");
                kind = pieces.clone();
            }
            '?' => {
                expression.push_str("[^/]");
                kind = pieces.clone();
            }
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => expression.extend(['\\', c]),
            '\\' => {
                expression.push('\\');
                expression.extend(chars.next());
                kind = pieces.clone();
            }
            '[' | ']' => {
                expression.push(c);
                kind = pieces.clone();
            }
            c => expression.push(c),
        }
        n += 1;
    }
    match kind {
        Kind::Pieces(_) => Some(Kind::Pieces(read_expression(&expression)?)),
        other => Some(other),
    }
}

/// Reads the regular expression: only what [`kind`] makes can stand in it.
fn read_expression(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("(.*/)?") {
            pieces.push(Piece::Folders);
            rest = behind;
            continue;
        }
        if let Some(behind) = rest.strip_prefix(".*") {
            pieces.push(Piece::Many(Set::but('\n')));
            rest = behind;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '^' => pieces.push(Piece::Start),
            '\\' => {
                let c = rest.chars().next()?;
                rest = &rest[c.len_utf8()..];
                pieces.push(Piece::One(escaped(c)?));
            }
            '[' => {
                let (set, behind) = read_class(rest)?;
                rest = behind;
                match rest.strip_prefix('*') {
                    Some(behind) => {
                        pieces.push(Piece::Many(set));
                        rest = behind;
                    }
                    None => pieces.push(Piece::One(set)),
                }
            }
            c => pieces.push(Piece::One(Set::of(c))),
        }
    }
    Some(pieces)
}

/// What a letter behind a `\` means: punctuation itself, some letters a class or a control character, others nothing.
fn escaped(c: char) -> Option<Set> {
    let ranges: &[(char, char)] = match c.to_ascii_lowercase() {
        'd' => &[('0', '9')],
        's' => &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')],
        'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => &[],
    };
    if !ranges.is_empty() {
        return Some(Set { ranges: ranges.to_vec(), negated: c.is_ascii_uppercase() });
    }
    match c {
        'a' => Some(Set::of('\u{7}')),
        'f' => Some(Set::of('\u{c}')),
        't' => Some(Set::of('\t')),
        'n' => Some(Set::of('\n')),
        'r' => Some(Set::of('\r')),
        'v' => Some(Set::of('\u{b}')),
        '_' => None,
        c if c.is_ascii_punctuation() => Some(Set::of(c)),
        _ => None,
    }
}

/// Reads a class behind its `[`; gives what is behind its `]`.
fn read_class(text: &str) -> Option<(Set, &str)> {
    let (negated, mut rest) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        let c = rest.chars().next()?;
        if c == ']' && !first {
            return Some((Set { ranges, negated }, &rest[1..]));
        }
        first = false;
        let (low, behind) = member(rest)?;
        rest = behind;
        let end = rest.strip_prefix('-').filter(|behind| !behind.starts_with(']'));
        match (low, end) {
            (Ok(low), Some(behind)) => {
                let (high, behind) = member(behind)?;
                let high = high.ok().filter(|high| *high >= low)?;
                ranges.push((low, high));
                rest = behind;
            }
            (Ok(low), None) => ranges.push((low, low)),
            (Err(set), _) if !set.negated => ranges.extend(set.ranges),
            (Err(_), _) => return None,
        }
    }
}

/// A member of a class: a character, or the set that an escaped letter means; with what is behind it.
fn member(text: &str) -> Option<(Result<char, Set>, &str)> {
    let c = text.chars().next()?;
    let rest = &text[c.len_utf8()..];
    if c != '\\' {
        return Some((Ok(c), rest));
    }
    let c = rest.chars().next()?;
    let set = escaped(c)?;
    let rest = &rest[c.len_utf8()..];
    match set.ranges[..] {
        [(low, high)] if low == high && !set.negated => Some((Ok(low), rest)),
        _ => Some((Err(set), rest)),
    }
}

/// Whether the pieces match the whole path: for each piece the places that it may end at, all at once.
fn run(pieces: &[Piece], path: &str) -> bool {
    let path: Vec<char> = path.chars().collect();
    let mut places = vec![false; path.len() + 1];
    places[0] = true;
    for piece in pieces {
        let mut next = vec![false; path.len() + 1];
        match piece {
            Piece::One(set) => {
                for (n, c) in path.iter().enumerate() {
                    next[n + 1] = places[n] && set.has(*c);
                }
            }
            Piece::Many(set) => {
                let mut going = false;
                for n in 0..=path.len() {
                    going = places[n] || (going && n > 0 && set.has(path[n - 1]));
                    next[n] = going;
                }
            }
            Piece::Folders => {
                let mut going = false;
                for n in 0..=path.len() {
                    // A line break is the one character that a point does not match.
                    let behind_slash = going && n > 0 && path[n - 1] == '/';
                    going = places[n] || (going && (n == 0 || path[n - 1] != '\n'));
                    next[n] = places[n] || behind_slash;
                }
            }
            Piece::Start => next[0] = places[0],
        }
        if !next.contains(&true) {
            return false;
        }
        places = next;
    }
    places[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oddities_of_the_original_are_kept() {
        let matches = |pattern: &str, path: &str| Pattern::read(pattern).expect("a pattern").matches(path);
        for (pattern, path, expected) in [
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a**", "abc/d", true),
            ("[^a]b", "/b", true),
            ("[^a]b", "ab", false),
            // A star in a class: the class of `[`, `^`, `/`, any number of times, then the bracket.
            ("[*]", "[^/]", true),
            ("[*]", "x", false),
            ("a\\db", "a7b", true),
            ("a\\*b", "a*b", true),
            ("*^b", "x^b", false),
            ("x^b", "x^b", true),
            ("中?", "中文", true),
            ("**", "a/b", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        for pattern in ["[", "[]", "[a", "[a-]", "[-a]", "a\\", "a\\zb"] {
            assert_eq!(Pattern::read(pattern), None, "{pattern}");
        }
    }
}
