//! Scripts in scripts: what a shell hands on to another one, which reads it again as syntax (`sh -c "…"`, `eval …`, `ssh host …`).
//!
//! This shell puts the value of its variable into the text for the other one. So the variable holds the value as the *other* script must write it to
//! mean the value: quoted where it stands bare there, with escapes where it stands in quotes. That works wherever the other shell runs: it needs no
//! variable of ours. Programs that read their arguments as code of other languages are not known here.

use super::reader::{Frame, Here, Item, Reader};
use lp_model::{Message, message};
use std::collections::VecDeque;

/// A script for another shell, in the quotes that are open.
#[derive(Debug)]
pub(super) struct Nested {
    /// How many frames are open inside of its quotes.
    depth: usize,
    /// Its values as that script writes them, in their order.
    written: VecDeque<String>,
}

/// What of a command another shell reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handed {
    /// The next word.
    Word,
    /// Everything that follows.
    Rest,
}

/// Programs whose option `-c` takes a script.
const SHELLS: [&str; 8] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "su"];
/// Words before the name of a command.
const BEFORE: [&str; 14] = ["!", "if", "then", "do", "else", "elif", "while", "until", "command", "exec", "time", "sudo", "env", "nohup"];
/// Options of `ssh` that take the next word.
const SSH_OPTIONS: &str = "BbcDEeFIiJLlmOopQRSWw";

impl Reader {
    /// To be called before a quote opens in a command: when it begins a script for another shell, that is read ahead.
    pub fn enter_nested(&mut self, quote: char) -> Result<(), Message> {
        let depth = self.stack.len() + 1;
        self.nested.retain(|nested| nested.depth < depth);
        if handed(&self.script.text).is_none() {
            return Ok(());
        }
        let inside = self.inside(quote);
        if inside.iter().any(|item| matches!(item, Item::Value { .. })) {
            let written = Self::at_the_beginning(inside).read(None)?.into();
            self.nested.push(Nested { depth, written });
        }
        Ok(())
    }

    /// The value as its place demands when another shell reads it after this one; else the value.
    pub fn for_nested(&mut self, value: &str) -> String {
        let depth = self.stack.len();
        if let Some(nested) = self.nested.iter_mut().find(|nested| nested.depth == depth)
            && matches!(self.stack.last(), Some(Frame::Single | Frame::Double))
            && let Some(written) = nested.written.pop_front()
        {
            return written;
        }
        let bare = matches!(self.stack.last(), Some(Frame::Commands { .. }));
        if bare && handed(&self.script.text) == Some(Handed::Rest) { quoted(value) } else { value.to_owned() }
    }

    /// What stands between the quotes, as the other shell gets it. What this one replaces there is not known, and stands as a letter.
    fn inside(&self, quote: char) -> Vec<Item> {
        let mut items = self.items[self.at + 1..].iter().peekable();
        let mut inside = Vec::new();
        while let Some(item) = items.next() {
            let Item::Char(c) = item else {
                inside.push(item.clone());
                continue;
            };
            match (*c, quote) {
                (c, quote) if c == quote => break,
                ('\\', '"') => match items.next() {
                    Some(Item::Char(next)) if matches!(next, '"' | '\\' | '$' | '`') => inside.push(Item::Char(*next)),
                    Some(Item::Char('\n')) | None => {}
                    Some(next) => inside.extend([item.clone(), next.clone()]),
                },
                ('$', '"') if matches!(items.peek(), Some(Item::Char('(' | '{'))) => {
                    let (open, close) = if matches!(items.peek(), Some(Item::Char('('))) { ('(', ')') } else { ('{', '}') };
                    let mut depth = 0;
                    for item in items.by_ref() {
                        depth += match item {
                            Item::Char(c) if *c == open => 1,
                            Item::Char(c) if *c == close => -1,
                            _ => 0,
                        };
                        if depth == 0 {
                            break;
                        }
                    }
                    inside.push(Item::Char('x'));
                }
                ('`', '"') => {
                    items.by_ref().find(|item| matches!(item, Item::Char('`')));
                    inside.push(Item::Char('x'));
                }
                (c, _) => inside.push(Item::Char(c)),
            }
        }
        inside
    }

    /// In a script for another shell: how the value is written where it stands.
    pub fn literal(&mut self, expression: &str, value: &str) -> Result<String, Message> {
        self.at += 1;
        let (escaped, dollar) = (std::mem::take(&mut self.escaped), std::mem::take(&mut self.dollar));
        self.script.text.push('x');
        let refused = || Err(message!("`{}` stands in a script for another shell, at a place where it cannot be kept a text", expression));
        if escaped || dollar || self.stack.contains(&Frame::Backtick) {
            return refused();
        }
        let double = self.is_double();
        match self.stack.last() {
            Some(Frame::Arithmetic { .. }) if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) => refused(),
            Some(Frame::Arithmetic { .. }) => Ok(value.to_owned()),
            Some(Frame::Escaped) => refused(),
            // A line of it could be the end of the document.
            Some(Frame::Here(_)) if value.contains('\n') => refused(),
            Some(Frame::Here(Here { quoted: true, .. })) => Ok(value.to_owned()),
            Some(Frame::Here(_)) => Ok(escaped_for(value, "\\$`")),
            Some(Frame::Comment) => Ok(value.replace('\n', " ")),
            Some(Frame::Single) => Ok(value.replace('\'', r"'\''")),
            _ if double => Ok(escaped_for(value, "\\$`\"")),
            _ => Ok(quoted(value)),
        }
    }
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

/// What another shell reads of what follows this part of a script.
fn handed(before: &str) -> Option<Handed> {
    let start = before.rfind(['\n', ';', '|', '&', '(', '`']).map_or(0, |at| at + 1);
    let command = &before[start..];
    let words: Vec<&str> = command.split_whitespace().collect();
    let program = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let first = words.iter().position(|word| !BEFORE.contains(word) && !word.contains('='))?;
    if words[first] == "eval" {
        return Some(Handed::Rest);
    }
    if let Some(ssh) = words.iter().position(|word| program(word) == "ssh") {
        let mut rest = words[ssh + 1..].iter();
        while let Some(word) = rest.next() {
            match word.strip_prefix('-') {
                Some(option) if option.len() == 1 && SSH_OPTIONS.contains(option) => {
                    rest.next();
                }
                Some(_) => {}
                // A host that is not at its end yet (`user@"…"`) is none.
                None => return (rest.len() > 0 || command.ends_with(char::is_whitespace)).then_some(Handed::Rest),
            }
        }
        return None;
    }
    let (option, before) = words.split_last().filter(|_| command.ends_with(char::is_whitespace))?;
    let takes_script = option.starts_with('-') && !option.starts_with("--") && option.ends_with('c');
    (takes_script && before.iter().any(|word| SHELLS.contains(&program(word).as_str()))).then_some(Handed::Word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_shell_reads_is_known_by_the_command() {
        for (before, expected) in [
            ("sh -c ", Some(Handed::Word)),
            ("cd a && /bin/bash -lc ", Some(Handed::Word)),
            ("docker exec -i box sh -ec ", Some(Handed::Word)),
            ("su - deploy -c ", Some(Handed::Word)),
            ("eval ", Some(Handed::Rest)),
            ("if A=b eval echo ", Some(Handed::Rest)),
            ("ssh host ", Some(Handed::Rest)),
            ("ssh -p 22 -o StrictHostKeyChecking=no deploy@host cd a ", Some(Handed::Rest)),
            ("ssh -i ", None),
            ("ssh -i key ", None),
            ("ssh deploy@", None),
            ("sh -c", None),
            ("sh script -x ", None),
            ("grep -c ", None),
            ("echo sh; tar -c ", None),
            ("", None),
        ] {
            assert_eq!(handed(before), expected, "{before}");
        }
    }
}
