//! Characters that look like those of YAML and are others: what keyboards of Chinese, and what word processors and web pages put in their
//! place. The parser stumbles a line later, where nothing is wrong.

use lp_model::{Message, message};
use std::ops::Range;

/// A character of that kind.
pub(crate) struct Odd {
    /// Where it stands in the text.
    pub range: Range<usize>,
    /// What it is.
    pub message: Message,
    /// What to do.
    pub help: Message,
}

/// How many lines above the one where the parser stumbled are looked at.
const LINES_ABOVE: usize = 2;

/// The first odd character at a place where YAML has a sign, in the line of `at` and those above it.
pub(crate) fn near(text: &str, at: usize) -> Option<Odd> {
    let mut end = at.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[end..].find('\n').map_or(text.len(), |n| end + n);
    let mut start = end;
    for _ in 0..=LINES_ABOVE {
        start = text[..start].rfind('\n').unwrap_or(0);
    }
    let mut from = if start == 0 { 0 } else { start + 1 };
    for line in text[from..end].split('\n') {
        if let Some(odd) = in_line(line, from) {
            return Some(odd);
        }
        from += line.len() + 1;
    }
    None
}

fn in_line(line: &str, from: usize) -> Option<Odd> {
    let mut chars = line.char_indices().peekable();
    // The indentation, with the dashes of lists in it.
    while let Some(&(at, c)) = chars.peek() {
        let range = from + at..from + at + c.len_utf8();
        if is_odd_blank(c) {
            let message =
                message!("the blank at the beginning of this line is the character {}, which YAML does not take for one", code(c));
            return Some(Odd { range, message, help: message!("replace it with ordinary blanks") });
        }
        let behind = line[at + c.len_utf8()..].chars().next();
        if is_odd_dash(c) && behind.is_none_or(|next| next == ' ' || is_odd_blank(next)) {
            let message = message!("the dash at the beginning of this line is the character {}, which makes no list", code(c));
            return Some(Odd { range, message, help: message!("write an ordinary `-` and a blank") });
        }
        match c {
            ' ' | '\t' => {}
            '-' if behind == Some(' ') => {}
            _ => break,
        }
        chars.next();
    }
    let start = chars.peek().map_or(line.len(), |&(at, _)| at);
    sign(&line[start..], from + start)
}

/// A sign behind the indentation: the colon of a key, a bracket or a quote where a value begins, the blank behind a colon.
fn sign(rest: &str, from: usize) -> Option<Odd> {
    if rest.starts_with('#') {
        return None;
    }
    let odd = |at: usize, c: char, plain: char| Odd {
        range: from + at..from + at + c.len_utf8(),
        message: message!("`{}` looks like `{}`, but is the character {}", c.to_string(), plain.to_string(), code(c)),
        help: message!("write an ordinary `{}`", plain.to_string()),
    };
    let key = rest.find([':', '：', '﹕', '꞉']).filter(|&at| !rest[..at].contains([' ', '"', '\'']));
    if let Some(at) = key
        && let Some(c) = rest[at..].chars().next().filter(|&c| c != ':')
    {
        return Some(odd(at, c, ':'));
    }
    let value = key.map_or(0, |at| at + 1);
    for (at, c) in rest[value..].char_indices() {
        if is_odd_blank(c) {
            return Some(Odd {
                range: from + value + at..from + value + at + c.len_utf8(),
                message: message!("the blank in front of this value is the character {}, which YAML does not take for one", code(c)),
                help: message!("replace it with ordinary blanks"),
            });
        }
        if c != ' ' {
            let plain = plain_sign(c)?;
            return Some(odd(value + at, c, plain));
        }
    }
    None
}

/// A character that is in the way where nobody sees it: a blank that YAML does not know, or one without a width.
pub(crate) fn odd_character(text: &str) -> Option<char> {
    text.chars().find(|&c| is_odd_blank(c))
}

/// The number of a character as people look it up: `U+3000`.
fn code(c: char) -> String {
    format!("U+{:04X}", c as u32)
}

fn is_odd_blank(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{2064}' | '\u{3000}' | '\u{3164}' | '\u{feff}' | '\u{ad}')
}

fn is_odd_dash(c: char) -> bool {
    matches!(
        c,
        '\u{2010}'
            ..='\u{2015}'
                | '\u{2212}'
                | '\u{30fc}'
                | '\u{4e00}'
                | '\u{fe58}'
                | '\u{fe63}'
                | '\u{ff0d}'
                | '\u{2022}'
                | '\u{b7}'
                | '\u{30fb}'
    )
}

fn plain_sign(c: char) -> Option<char> {
    Some(match c {
        '［' | '【' => '[',
        '｛' => '{',
        '＂' | '“' | '”' | '„' | '«' | '「' => '"',
        '＇' | '‘' | '’' => '\'',
        '｜' => '|',
        '＞' => '>',
        '＊' => '*',
        '＆' => '&',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::{SourceMap, TextIndex, parse_part};

    fn first(text: &str) -> String {
        let index = TextIndex::new(text);
        parse_part("f", text, &SourceMap::part(&index, 0..text.len())).map_or_else(|found| found[0].to_string(), |_| "fine".to_owned())
    }

    #[test]
    fn the_line_with_the_odd_character_is_named() {
        for (text, expected) in [
            ("steps:\n- name: a\n\u{3000}image: x\n  commands: [ls]\n", "f:3:1:"),
            ("steps:\n- name: a\n\u{a0} image: x\n  commands: [ls]\n", "f:3:1:"),
            ("steps:\n－ name: a\n  image: x\n", "f:2:1:"),
            ("steps:\n— name: a\n  image: x\n", "f:2:1:"),
            ("steps:\n• name: a\n  image: x\n", "f:2:1:"),
            ("steps：\n- name: a\n  image: x\n", "f:1:6:"),
            ("a: ［b, c]\nd: e\n  f: g\n", "f:1:4:"),
            ("a:\u{3000}b\nd: e\n  f: g\n", "f:1:3:"),
        ] {
            let found = first(text);
            assert!(found.starts_with(expected) && found.contains("yaml-syntax"), "{text}: {found}");
        }
        assert_eq!(first("a: 版本　一\nb: “x” － y\n"), "fine");
    }
}
