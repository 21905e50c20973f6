//! Values that a person entered, in a script for a shell: the script gets a variable in place of the value, quoted as its place demands,
//! so that the value is one word (or a part of one) whatever is in it, and never becomes syntax.
//!
//! The reader knows what a POSIX shell knows about quotes, substitutions, arithmetic, comments and here-documents. Where a variable would
//! not be data (arithmetic evaluates it) or would not be replaced (a here-document with a quoted end) the script is refused. A mistake of
//! the reader about a place costs exactness at most: what a variable holds is never read as syntax.

use crate::shared::entered::{Piece, pieces};
use lp_model::{Message, message};
use std::collections::BTreeMap;

/// Begins the names of the variables.
const PREFIX: &str = "LETTERPRESS_INPUT_";

/// The variables that the scripts of a step need, by their values.
#[derive(Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, usize>);

impl Variables {
    /// The name of the variable that holds a value.
    fn name(&mut self, value: &str) -> String {
        let next = self.0.len() + 1;
        let number = *self.0.entry(value.to_owned()).or_insert(next);
        format!("{PREFIX}{number}")
    }

    /// Names and values.
    pub fn into_iter(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter().map(|(value, number)| (format!("{PREFIX}{number}"), value))
    }
}

/// A script without sealed values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// What the shell reads.
    pub text: String,
    /// What a person sees of it: the values themselves.
    pub shown: String,
    /// Expressions that stand as a word without quotes although their values have blanks: the original would have made several words.
    pub joined: Vec<String>,
}

/// A character of the script, or a value.
enum Item {
    Char(char),
    Value { expression: String, value: String },
}

/// What is open.
#[derive(Debug, PartialEq)]
enum Frame {
    /// Commands; `closing` is the number of round brackets that end them, 0 for the whole script.
    Commands {
        closing: u32,
    },
    Double,
    Single,
    /// `$'…'`.
    Escaped,
    Backtick,
    /// `$((…))`, with the number of open brackets.
    Arithmetic {
        open: u32,
    },
    /// `${…}`.
    Braces,
    Comment,
    Here(Here),
}

/// A here-document.
#[derive(Debug, Clone, PartialEq)]
struct Here {
    end: String,
    quoted: bool,
    /// Whether tabs in front of a line do not count.
    tabs: bool,
}

impl Script {
    /// Reads a script with sealed values in it.
    ///
    /// # Errors
    /// Why a value cannot be data where it stands.
    pub fn read(text: &str, variables: &mut Variables) -> Result<Self, Message> {
        let mut items = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => items.extend(text.chars().map(Item::Char)),
                Piece::Entered { expression, value } => items.push(Item::Value { expression, value }),
            }
        }
        let mut reader = Reader {
            items,
            at: 0,
            stack: vec![Frame::Commands { closing: 0 }],
            waiting: Vec::new(),
            escaped: false,
            dollar: false,
            script: Script { text: String::new(), shown: String::new(), joined: Vec::new() },
        };
        while reader.at < reader.items.len() {
            reader.step(variables)?;
        }
        Ok(reader.script)
    }
}

struct Reader {
    items: Vec<Item>,
    at: usize,
    stack: Vec<Frame>,
    /// Here-documents whose bodies begin with the next line.
    waiting: Vec<Here>,
    /// Whether the last character was a backslash that takes the next one.
    escaped: bool,
    /// Whether the last character was a `$` of which nothing has come yet.
    dollar: bool,
    script: Script,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        match self.items.get(self.at + ahead) {
            Some(Item::Char(c)) => Some(*c),
            _ => None,
        }
    }

    fn push(&mut self, c: char) {
        self.script.text.push(c);
        self.script.shown.push(c);
        self.at += 1;
    }

    /// Takes so many characters as they are.
    fn copy(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(c) = self.peek(0) {
                self.push(c);
            }
        }
    }

    fn step(&mut self, variables: &mut Variables) -> Result<(), Message> {
        if let Some(Frame::Here(here)) = self.stack.last()
            && (self.script.text.is_empty() || self.script.text.ends_with('\n'))
            && let Some(length) = self.end_of(here)
        {
            self.copy(length);
            self.stack.pop();
            self.begin_waiting();
            return Ok(());
        }
        match self.items.get(self.at) {
            Some(Item::Value { expression, value }) => {
                let (expression, value) = (expression.clone(), value.clone());
                self.value(&expression, &value, variables)
            }
            Some(Item::Char(c)) => {
                let c = *c;
                self.char(c)
            }
            None => Ok(()),
        }
    }

    /// How long the line is that ends the here-document, if this is it.
    fn end_of(&self, here: &Here) -> Option<usize> {
        let line: Option<String> = self.items[self.at..]
            .iter()
            .take_while(|item| !matches!(item, Item::Char('\n')))
            .map(|item| if let Item::Char(c) = item { Some(*c) } else { None })
            .collect();
        let line = line?;
        let bare = if here.tabs { line.trim_start_matches('\t') } else { &line };
        (bare == here.end).then(|| line.chars().count())
    }

    fn begin_waiting(&mut self) {
        if !self.waiting.is_empty() {
            let here = self.waiting.remove(0);
            self.stack.push(Frame::Here(here));
        }
    }

    fn char(&mut self, c: char) -> Result<(), Message> {
        let dollar = std::mem::take(&mut self.dollar);
        if std::mem::take(&mut self.escaped) {
            self.push(c);
            return Ok(());
        }
        let next = self.peek(1);
        let word_starts = self.script.text.chars().next_back().is_none_or(|before| before.is_whitespace() || ";|&()".contains(before));
        match self.stack.last_mut() {
            Some(Frame::Single) => {
                if c == '\'' {
                    self.stack.pop();
                }
            }
            Some(Frame::Comment) => {
                if c == '\n' {
                    self.stack.pop();
                    self.push(c);
                    self.begin_waiting();
                    return Ok(());
                }
            }
            Some(Frame::Escaped) => match c {
                '\\' => self.escaped = true,
                '\'' => {
                    self.stack.pop();
                }
                _ => {}
            },
            Some(Frame::Here(Here { quoted: true, .. })) => {}
            Some(Frame::Double | Frame::Here(_)) => match (c, next) {
                ('\\', _) => self.escaped = true,
                ('"', _) if self.stack.last() == Some(&Frame::Double) => {
                    self.stack.pop();
                }
                ('$' | '`', _) => return self.expansion(c),
                _ => {}
            },
            Some(Frame::Braces) => match c {
                '\\' => self.escaped = true,
                '}' => {
                    self.stack.pop();
                }
                '\'' if !self.is_double() => self.stack.push(Frame::Single),
                '"' => self.stack.push(Frame::Double),
                '$' | '`' => return self.expansion(c),
                _ => {}
            },
            Some(Frame::Arithmetic { open }) => match c {
                '(' => *open += 1,
                ')' => {
                    *open -= 1;
                    if *open == 0 {
                        self.stack.pop();
                    }
                }
                '$' | '`' => return self.expansion(c),
                _ => {}
            },
            Some(Frame::Commands { .. } | Frame::Backtick) | None => match (c, next) {
                ('\\', _) => self.escaped = true,
                ('\'', _) => self.stack.push(if dollar { Frame::Escaped } else { Frame::Single }),
                ('"', _) => self.stack.push(Frame::Double),
                ('`', _) if self.stack.last() == Some(&Frame::Backtick) => {
                    self.stack.pop();
                }
                ('$' | '`', _) => return self.expansion(c),
                ('#', _) if word_starts => self.stack.push(Frame::Comment),
                ('(', Some('(')) => {
                    self.copy(2);
                    self.stack.push(Frame::Arithmetic { open: 2 });
                    return Ok(());
                }
                ('(', _) => {
                    if let Some(Frame::Commands { closing }) = self.stack.last_mut()
                        && *closing > 0
                    {
                        *closing += 1;
                    }
                }
                (')', _) => {
                    if let Some(Frame::Commands { closing }) = self.stack.last_mut()
                        && *closing > 0
                    {
                        *closing -= 1;
                        if *closing == 0 {
                            self.stack.pop();
                        }
                    }
                }
                ('<', Some('<')) if self.peek(2) == Some('<') => {
                    self.copy(3);
                    return Ok(());
                }
                ('<', Some('<')) => return self.here(),
                ('\n', _) => {
                    self.push(c);
                    self.begin_waiting();
                    return Ok(());
                }
                _ => {}
            },
        }
        self.push(c);
        Ok(())
    }

    /// `$(`, `$((`, `${` and backticks; a `$` before anything else is remembered.
    fn expansion(&mut self, c: char) -> Result<(), Message> {
        match (c, self.peek(1), self.peek(2)) {
            ('`', ..) if self.stack.last() == Some(&Frame::Backtick) => {
                self.stack.pop();
                self.copy(1);
            }
            ('`', ..) => {
                self.stack.push(Frame::Backtick);
                self.copy(1);
            }
            (_, Some('('), Some('(')) => {
                self.stack.push(Frame::Arithmetic { open: 2 });
                self.copy(3);
            }
            (_, Some('('), _) => {
                self.stack.push(Frame::Commands { closing: 1 });
                self.copy(2);
            }
            (_, Some('{'), _) => {
                self.stack.push(Frame::Braces);
                self.copy(2);
            }
            // The number of the process.
            (_, Some('$'), _) => self.copy(2),
            _ => {
                self.copy(1);
                self.dollar = true;
            }
        }
        Ok(())
    }

    /// The end of a here-document behind `<<`.
    fn here(&mut self) -> Result<(), Message> {
        self.copy(2);
        let tabs = self.peek(0) == Some('-');
        if tabs {
            self.copy(1);
        }
        while self.peek(0).is_some_and(|c| c == ' ' || c == '\t') {
            self.copy(1);
        }
        let (mut end, mut quoted, mut quote) = (String::new(), false, None);
        loop {
            if let Some(Item::Value { expression, .. }) = self.items.get(self.at) {
                return Err(message!("`{}` cannot be the end of a here-document", expression));
            }
            match self.peek(0) {
                Some(c) if Some(c) == quote => {
                    quote = None;
                    self.copy(1);
                }
                Some(c) if quote.is_some() && c != '\n' => {
                    end.push(c);
                    self.copy(1);
                }
                Some(c @ ('\'' | '"')) => {
                    (quoted, quote) = (true, Some(c));
                    self.copy(1);
                }
                Some('\\') => {
                    quoted = true;
                    self.copy(1);
                }
                Some(c) if !c.is_whitespace() && !";&|<>()".contains(c) => {
                    end.push(c);
                    self.copy(1);
                }
                _ => break,
            }
        }
        if !end.is_empty() {
            self.waiting.push(Here { end, quoted, tabs });
        }
        Ok(())
    }

    /// Whether what is open stands inside of double quotes (or of a here-document, which is like them).
    fn is_double(&self) -> bool {
        self.stack.iter().rev().find(|frame| **frame != Frame::Braces).is_some_and(|frame| matches!(frame, Frame::Double | Frame::Here(_)))
    }

    fn value(&mut self, expression: &str, value: &str, variables: &mut Variables) -> Result<(), Message> {
        self.at += 1;
        self.script.shown.push_str(value);
        let (escaped, dollar) = (std::mem::take(&mut self.escaped), std::mem::take(&mut self.dollar));
        let in_backticks = self.stack.contains(&Frame::Backtick);
        if in_backticks && self.stack.iter().any(|frame| matches!(frame, Frame::Double | Frame::Here(_))) {
            return Err(message!("`{}` stands in backticks inside of quotes, where shells do not agree on what a value means", expression));
        }
        if dollar {
            // A `$` in front of a value is a dollar, and not the begin of a name made of the value.
            self.script.text.pop();
            self.script.text.push_str("\\$");
        }
        let reference = if value.is_empty() { String::new() } else { format!("${{{}}}", variables.name(value)) };
        let double = self.is_double();
        let text = match self.stack.last() {
            Some(Frame::Arithmetic { .. }) => {
                let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(message!("`{}` stands in arithmetic (`((…))`), and its value is no whole number", expression));
                }
                value.to_owned()
            }
            Some(Frame::Here(Here { quoted: true, end, .. })) => {
                return Err(message!(
                    "`{}` stands in a here-document whose end `{}` is quoted, so the shell replaces nothing in it",
                    expression,
                    end
                ));
            }
            Some(Frame::Escaped) => return Err(message!("`{}` stands in `$'…'`, which not every shell knows", expression)),
            Some(Frame::Comment) => reference,
            Some(Frame::Single) => format!("'\"{reference}\"'"),
            _ if double => {
                if escaped {
                    // The backslash stays one.
                    self.script.text.push('\\');
                }
                reference
            }
            _ => {
                if escaped {
                    // It would take the quote; in front of a letter it says nothing.
                    self.script.text.pop();
                }
                if value.contains(char::is_whitespace) && !self.script.joined.iter().any(|known| known == expression) {
                    self.script.joined.push(expression.to_owned());
                }
                format!("\"{reference}\"")
            }
        };
        self.script.text.push_str(&text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
