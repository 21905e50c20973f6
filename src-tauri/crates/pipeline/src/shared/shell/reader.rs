//! Goes through a script as a shell does, as far as it matters for where a value stands.

use super::handed::{LOOKED_AT, reads_script};
use super::nested::Nested;
use super::{Script, Variables};
use crate::shared::entered::{Piece, pieces};
use lp_model::{Message, message};
use std::collections::VecDeque;

/// A character of the script, or a value.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Char(char),
    Value { expression: String, value: String },
}

/// What is open.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
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
pub(super) struct Here {
    pub end: String,
    pub quoted: bool,
    /// Whether tabs in front of a line do not count.
    tabs: bool,
    /// Whether another shell reads it.
    pub script: bool,
}

/// Goes through a script and knows at every character what is open.
pub(super) struct Reader {
    pub items: Vec<Item>,
    pub at: usize,
    pub stack: Vec<Frame>,
    /// Here-documents whose bodies begin with the next line.
    waiting: VecDeque<Here>,
    /// Whether the last character was a backslash that takes the next one.
    pub escaped: bool,
    /// Whether the last character was a `$` of which nothing has come yet.
    pub dollar: bool,
    pub script: Script,
    /// Scripts for other shells that have begun.
    pub nested: Vec<Nested>,
    /// How many scripts this one stands in.
    pub level: u8,
    pub has_values: bool,
    /// How many items were looked at before their turn.
    pub read_ahead: usize,
}

impl Reader {
    /// At the beginning of a script with sealed values in it.
    pub fn of(text: &str) -> Self {
        let mut items = Vec::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => items.extend(text.chars().map(Item::Char)),
                Piece::Entered { expression, value } => items.push(Item::Value { expression, value }),
            }
        }
        Self::at_the_beginning(items, 0)
    }

    /// At the beginning of these, in so many other scripts.
    pub fn at_the_beginning(items: Vec<Item>, level: u8) -> Self {
        Self {
            has_values: items.iter().any(|item| matches!(item, Item::Value { .. })),
            level,
            read_ahead: 0,
            items,
            at: 0,
            stack: vec![Frame::Commands { closing: 0 }],
            waiting: VecDeque::new(),
            escaped: false,
            dollar: false,
            script: Script { text: String::new(), shown: String::new(), joined: Vec::new() },
            nested: Vec::new(),
        }
    }

    /// Reads it to its end. Without `variables` it is a script for another shell: what its values are written as is collected instead.
    pub fn read(&mut self, mut variables: Option<&mut Variables>) -> Result<Vec<String>, Message> {
        let mut written = Vec::new();
        while self.at < self.items.len() {
            written.extend(self.step(variables.as_deref_mut())?);
        }
        Ok(written)
    }

    pub fn peek(&self, ahead: usize) -> Option<char> {
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

    /// Takes the next thing; returns how a value is written for another shell, if it was one.
    fn step(&mut self, variables: Option<&mut Variables>) -> Result<Option<String>, Message> {
        if let Some(Frame::Here(here)) = self.stack.last()
            && (self.script.text.is_empty() || self.script.text.ends_with('\n'))
            && let Some(length) = self.end_of(here, self.at)
        {
            self.copy(length);
            self.stack.pop();
            self.begin_waiting()?;
            return Ok(None);
        }
        self.enter_nested()?;
        match self.items.get(self.at).cloned() {
            Some(Item::Value { expression, value }) => {
                let written = self.for_nested(&expression, &value)?;
                match variables {
                    Some(variables) => self.value(&expression, &value, &written, variables).map(|()| None),
                    None => self.literal(&expression, &written).map(Some),
                }
            }
            Some(Item::Char(c)) => self.char(c).map(|()| None),
            None => Ok(None),
        }
    }

    /// How long the line is that ends the here-document, if the one from there on is it.
    pub fn end_of(&self, here: &Here, from: usize) -> Option<usize> {
        let line: Option<String> = self.items[from..]
            .iter()
            .take_while(|item| !matches!(item, Item::Char('\n')))
            .map(|item| if let Item::Char(c) = item { Some(*c) } else { None })
            .collect();
        let line = line?;
        let bare = if here.tabs { line.trim_start_matches('\t') } else { &line };
        (bare == here.end).then(|| line.chars().count())
    }

    fn begin_waiting(&mut self) -> Result<(), Message> {
        let Some(here) = self.waiting.pop_front() else { return Ok(()) };
        self.stack.push(Frame::Here(here));
        self.enter_here()
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
                    return self.begin_waiting();
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
                    return self.begin_waiting();
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
        let mut script = self.has_values && reads_script(&self.script.text);
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
            let line =
                self.items.iter().enumerate().skip(self.at).take(LOOKED_AT).take_while(|(_, item)| !matches!(item, Item::Char('\n')));
            let pipe = line.filter(|(_, item)| matches!(item, Item::Char('|'))).map(|(at, _)| at).next();
            script |= self.has_values && pipe.is_some_and(|at| self.piped_to_a_shell(at));
            self.waiting.push_back(Here { end, quoted, tabs, script });
        }
        Ok(())
    }
}
