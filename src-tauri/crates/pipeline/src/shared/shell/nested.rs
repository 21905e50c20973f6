//! Scripts in scripts: what a shell hands on to another one, which reads it again as syntax (`sh -c "…"`, `eval …`, `ssh host …`, `sh <<END`).
//!
//! This shell puts the value of its variable into the text for the other one. So the variable holds the value as the *other* script must write it to
//! mean the value: quoted where it stands bare there, with escapes where it stands in quotes. That works wherever the other shell runs: it needs no
//! variable of ours. A value that is all of the script is the script: there is no other reason to hand it on.
//!
//! What a program writes first and a shell reads later (a file, a variable) is not seen, nor are programs that read code of other languages.

use super::handed::{self, Handed, LOOKED_AT};
use super::reader::{Frame, Here, Item, Reader};
use lp_model::{Message, message};
use std::collections::BTreeMap;

/// A script for another shell that begins in this one.
#[derive(Debug)]
pub(super) struct Nested {
    /// How many frames were open where it began.
    depth: usize,
    /// The first item behind it.
    end: usize,
    /// Its values as that script writes them, by the numbers of their items.
    written: BTreeMap<usize, String>,
}

/// Most scripts in each other.
const MAX_LEVEL: u8 = 8;
/// Most commands behind each other that are looked through for a shell.
const MAX_PIPES: usize = 8;
/// How often a script is read ahead at most.
const READ_AHEAD: usize = 16;

/// What another shell gets, with the number of each item, and the first item behind it.
struct Ahead {
    inside: Vec<(usize, Item)>,
    end: usize,
}

impl Reader {
    /// To be called before the next thing is read: when a script for another shell begins with it, that is read ahead.
    pub fn enter_nested(&mut self) -> Result<(), Message> {
        if !self.has_values || self.escaped || !matches!(self.stack.last(), Some(Frame::Commands { .. } | Frame::Backtick)) {
            return Ok(());
        }
        let no_word = |item: &Item| matches!(item, Item::Char(c) if c.is_whitespace() || ";|&()<>#".contains(*c));
        if !self.script.text.ends_with(char::is_whitespace) || self.items.get(self.at).is_none_or(no_word) {
            return Ok(());
        }
        let (at, depth) = (self.at, self.stack.len());
        self.nested.retain(|nested| at < nested.end);
        if self.nested.iter().any(|nested| nested.depth == depth) {
            return Ok(());
        }
        let handed = handed::handed(&self.script.text);
        if handed.is_none() && !handed::prints(&self.script.text) {
            return Ok(());
        }
        let ahead = self.ahead(handed.unwrap_or(Handed::Rest));
        self.looked_ahead(ahead.end)?;
        if handed.is_some() || self.piped_to_a_shell(ahead.end) { self.nest(ahead) } else { Ok(()) }
    }

    /// To be called when a here-document begins.
    pub fn enter_here(&mut self) -> Result<(), Message> {
        match self.stack.last() {
            Some(Frame::Here(Here { script: true, quoted: false, .. })) if self.has_values => {
                let ahead = self.ahead_here();
                self.looked_ahead(ahead.end)?;
                self.nest(ahead)
            }
            _ => Ok(()),
        }
    }

    /// Whether what is printed up to this item goes into a shell.
    pub fn piped_to_a_shell(&self, end: usize) -> bool {
        let text = |from: usize, stop: &str| -> String {
            let items = self.items.iter().skip(from);
            let chars = items.map(|item| if let Item::Char(c) = item { *c } else { 'x' });
            chars.take(LOOKED_AT).take_while(|c| !stop.contains(*c)).collect()
        };
        let (mut from, mut last) = (end, None);
        for _ in 0..MAX_PIPES {
            let Some(Item::Char('|')) = self.items.get(from) else { break };
            let next = text(from + 1, "|;&\n)");
            if next.is_empty() {
                break;
            }
            from += 1 + next.chars().count();
            last = Some(next);
        }
        last.is_some_and(|command| handed::reads_script(&command))
    }

    /// Counts what was read ahead: a script of nothing but scripts in scripts would be read too often.
    fn looked_ahead(&mut self, end: usize) -> Result<(), Message> {
        self.read_ahead += end - self.at;
        let value = self.items.iter().find_map(|item| if let Item::Value { expression, .. } = item { Some(expression) } else { None });
        match value {
            Some(expression) if self.read_ahead > READ_AHEAD * self.items.len() => Err(refused(expression)),
            _ => Ok(()),
        }
    }

    fn nest(&mut self, ahead: Ahead) -> Result<(), Message> {
        let blank = |item: &Item| matches!(item, Item::Char(c) if c.is_whitespace());
        let mut values = ahead.inside.iter().filter(|(_, item)| matches!(item, Item::Value { .. }));
        let Some((number, Item::Value { expression, value })) = values.next() else {
            self.nested.push(Nested { depth: self.stack.len(), end: ahead.end, written: BTreeMap::new() });
            return Ok(());
        };
        let numbers = std::iter::once(*number).chain(values.map(|(number, _)| *number));
        let written = if ahead.inside.iter().filter(|(_, item)| !blank(item)).count() == 1 {
            vec![value.clone()]
        } else if self.level == MAX_LEVEL {
            return Err(refused(expression));
        } else {
            let inside = ahead.inside.iter().map(|(_, item)| item.clone()).collect();
            Self::at_the_beginning(inside, self.level + 1).read(None)?
        };
        let written = numbers.zip(written).collect();
        self.nested.push(Nested { depth: self.stack.len(), end: ahead.end, written });
        Ok(())
    }

    /// The value that stands here as its place demands when another shell reads it after this one; else the value.
    pub fn for_nested(&mut self, expression: &str, value: &str) -> Result<String, Message> {
        let at = self.at;
        let Some(nested) = self.nested.iter().rev().find(|nested| at < nested.end) else { return Ok(value.to_owned()) };
        if let Some(written) = nested.written.get(&at) {
            return Ok(written.clone());
        }
        // In `${…}` of the script it would be put there as it is. What a command prints is that command's.
        let inner = self.stack.get(nested.depth..).unwrap_or_default();
        let put_there =
            inner.contains(&Frame::Braces) && !inner.iter().any(|frame| matches!(frame, Frame::Commands { .. } | Frame::Backtick));
        if put_there { Err(refused(expression)) } else { Ok(value.to_owned()) }
    }

    /// The next word, or what is left of the command, as another shell gets it. What this one replaces there is not known, and stands as a
    /// letter.
    fn ahead(&self, handed: Handed) -> Ahead {
        let (mut inside, mut at, mut quote) = (Vec::new(), self.at, None);
        while let Some(item) = self.items.get(at) {
            let Item::Char(c) = item else {
                inside.push((at, item.clone()));
                at += 1;
                continue;
            };
            match (quote, *c) {
                (Some(open), c) if c == open => quote = None,
                (Some('\''), c) => inside.push((at, Item::Char(c))),
                (None, '\'' | '"') => quote = Some(*c),
                (_, '\\') => {
                    let next = self.items.get(at + 1);
                    let stays = quote.is_some() && !matches!(next, Some(Item::Char('"' | '\\' | '$' | '`' | '\n')));
                    if stays {
                        inside.push((at, item.clone()));
                    }
                    if let Some(next) = next.filter(|next| !matches!(next, Item::Char('\n'))) {
                        inside.push((at + 1, next.clone()));
                    }
                    at += 1;
                }
                (_, '$' | '`') => match self.behind_expansion(at) {
                    Some(behind) => {
                        inside.push((at, Item::Char('x')));
                        at = behind;
                        continue;
                    }
                    None => inside.push((at, Item::Char('$'))),
                },
                (None, '\n' | ';' | '|' | '(' | ')') => break,
                (None, '&') if !matches!(at.checked_sub(1).and_then(|before| self.items.get(before)), Some(Item::Char('>' | '<'))) => break,
                (None, c) if c.is_whitespace() || "<>&".contains(c) => match handed {
                    Handed::Word => break,
                    Handed::Rest => inside.push((at, Item::Char(' '))),
                },
                (_, c) => inside.push((at, Item::Char(c))),
            }
            at += 1;
        }
        Ahead { inside, end: at }
    }

    /// The here-document that begins here, as the shell that reads it gets it.
    fn ahead_here(&self) -> Ahead {
        let (mut inside, mut at, mut line_begins) = (Vec::new(), self.at, true);
        let Some(Frame::Here(here)) = self.stack.last() else { return Ahead { inside, end: at } };
        while let Some(item) = self.items.get(at) {
            if line_begins && self.end_of(here, at).is_some() {
                break;
            }
            line_begins = false;
            match item {
                Item::Char('\\') => {
                    let next = self.items.get(at + 1);
                    if !matches!(next, Some(Item::Char('\\' | '$' | '`' | '\n'))) {
                        inside.push((at, item.clone()));
                    }
                    if let Some(next) = next.filter(|next| !matches!(next, Item::Char('\n'))) {
                        inside.push((at + 1, next.clone()));
                    }
                    at += 1;
                }
                Item::Char('$' | '`') => match self.behind_expansion(at) {
                    Some(behind) => {
                        inside.push((at, Item::Char('x')));
                        at = behind;
                        continue;
                    }
                    None => inside.push((at, item.clone())),
                },
                Item::Char('\n') => {
                    line_begins = true;
                    inside.push((at, item.clone()));
                }
                other => inside.push((at, other.clone())),
            }
            at += 1;
        }
        Ahead { inside, end: at }
    }

    /// The item behind `$(…)`, `${…}` or backticks that begin at this one.
    fn behind_expansion(&self, at: usize) -> Option<usize> {
        let (open, close) = match (self.items.get(at)?, self.items.get(at + 1)) {
            (Item::Char('`'), _) => {
                let found = self.items.iter().skip(at + 1).position(|item| matches!(item, Item::Char('`')));
                return Some(found.map_or(self.items.len(), |count| at + 2 + count));
            }
            (Item::Char('$'), Some(Item::Char('('))) => ('(', ')'),
            (Item::Char('$'), Some(Item::Char('{'))) => ('{', '}'),
            _ => return None,
        };
        let mut depth = 0;
        for (behind, item) in self.items.iter().enumerate().skip(at + 1) {
            depth += match item {
                Item::Char(c) if *c == open => 1,
                Item::Char(c) if *c == close => -1,
                _ => 0,
            };
            if depth == 0 {
                return Some(behind + 1);
            }
        }
        Some(self.items.len())
    }

    /// In a script for another shell: how the value is written where it stands.
    pub fn literal(&mut self, expression: &str, value: &str) -> Result<String, Message> {
        self.at += 1;
        let (escaped, dollar) = (std::mem::take(&mut self.escaped), std::mem::take(&mut self.dollar));
        self.script.text.push('x');
        if escaped || dollar || self.stack.contains(&Frame::Backtick) {
            return Err(refused(expression));
        }
        let double = self.is_double();
        match self.stack.last() {
            Some(Frame::Arithmetic { .. }) if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(refused(expression))
            }
            Some(Frame::Arithmetic { .. }) => Ok(value.to_owned()),
            Some(Frame::Escaped) => Err(refused(expression)),
            // A line of it could be the end of the document.
            Some(Frame::Here(_)) if value.contains('\n') => Err(refused(expression)),
            Some(Frame::Here(Here { quoted: true, .. })) => Ok(value.to_owned()),
            Some(Frame::Here(_)) => Ok(escaped_for(value, "\\$`")),
            Some(Frame::Comment) => Ok(value.replace('\n', " ")),
            Some(Frame::Single) => Ok(value.replace('\'', r"'\''")),
            _ if double => Ok(escaped_for(value, "\\$`\"")),
            _ => Ok(quoted(value)),
        }
    }
}

fn refused(expression: &str) -> Message {
    message!("`{}` stands in a script for another shell, at a place where it cannot be kept a text", expression)
}

/// A text as one word of a shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn escaped_for(value: &str, special: &str) -> String {
    let mut out = String::new();
    for c in value.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
