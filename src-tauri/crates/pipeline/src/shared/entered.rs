//! Values that a person entered, on their way through the text of a file.
//!
//! The originals put build parameters into the text of the file before it is read as YAML, as they do with facts of the commit. Here
//! parameters come from people who never saw the file: a quote, a `: ` or a `#` in them must not break it, and `{from_secret: X}` must not
//! become a reference. So what is put into the text is a *sealed* value, one word of YAML whatever is in it; after the text was read, the
//! seal is broken ([`open`]): the value stands in its scalar exactly, as a text (a whole `true` or number may serve as such).
//!
//! Three places have a language of their own inside of the scalar, and the value is data there too:
//! scripts (`commands`, and programs like `sh -c …`; see [`shell`](crate::shared::shell)), patterns of conditions (what a pattern could mean is
//! escaped) and `evaluate` (a text of the expression).

use crate::shared::draft::Draft;
use crate::shared::shell::{Script, Variables};
use lp_model::{Code, EnvValue, message};
use lp_yaml::{Entry, Findings, Key, Node, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Around a sealed value; both are for private use, so that no text has them by chance.
const BEGIN: char = '\u{f5a1}';
const END: char = '\u{f5a2}';

/// A piece of a text with sealed values in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Of the file.
    Text(&'t str),
    /// What was entered.
    Entered {
        /// The expression that it stands for, as written: `${NAME}`.
        expression: String,
        /// The value.
        value: String,
    },
}

/// A value as one word of YAML.
pub(crate) fn seal(expression: &str, value: &str) -> String {
    let mut sealed = String::from(BEGIN);
    for (n, text) in [expression, value].into_iter().enumerate() {
        if n > 0 {
            sealed.push('x');
        }
        for byte in text.bytes() {
            sealed.push_str(&format!("{byte:02X}"));
        }
    }
    sealed.push(END);
    sealed
}

/// Whether there are sealed values in a text.
pub(crate) fn has_sealed(text: &str) -> bool {
    text.contains(BEGIN)
}

/// A text as its pieces. What only looks like a seal belongs to the file.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut plain = 0;
    while let Some(at) = rest[plain..].find(BEGIN).map(|at| at + plain) {
        let inside = &rest[at + BEGIN.len_utf8()..];
        let sealed = inside.find(END).and_then(|end| Some((end, unseal(&inside[..end])?)));
        let Some((end, (expression, value))) = sealed else {
            plain = at + BEGIN.len_utf8();
            continue;
        };
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        pieces.push(Piece::Entered { expression, value });
        rest = &inside[end + END.len_utf8()..];
        plain = 0;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn unseal(text: &str) -> Option<(String, String)> {
    let (expression, value) = text.split_once('x')?;
    let read = |hex: &str| -> Option<String> {
        let digits = hex.as_bytes();
        if !digits.len().is_multiple_of(2) {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
        String::from_utf8(bytes?).ok()
    };
    Some((read(expression)?, read(value)?))
}

/// A text with the values in place of their seals.
pub(crate) fn opened(text: &str) -> Cow<'_, str> {
    if !has_sealed(text) {
        return Cow::Borrowed(text);
    }
    let piece = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Entered { value, .. } => value,
    };
    Cow::Owned(pieces(text).into_iter().map(piece).collect())
}

/// In which language a scalar is written, as far as it matters for a value in it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tongue {
    /// None: the value is the text.
    Plain,
    /// A script or a command line; stays sealed until it is known what of it a shell reads.
    Program,
    /// A pattern.
    Pattern,
    /// An expression of `evaluate`.
    Expression,
}

/// Breaks the seals of a document, but for those in scripts and command lines.
pub(crate) fn open(root: &Arc<Node>) -> Arc<Node> {
    node(root, &mut Vec::new(), Tongue::Plain)
}

/// Sections of a file whose entries are containers.
const SECTIONS: [&str; 4] = ["pipeline", "services", "steps", "clone"];

fn node(old: &Arc<Node>, path: &mut Vec<String>, tongue: Tongue) -> Arc<Node> {
    if path.len() > 100 {
        return Arc::clone(old);
    }
    let value = match &old.value {
        Value::Scalar { text, .. } if has_sealed(text) && tongue != Tongue::Program => scalar(text, tongue),
        Value::Scalar { .. } => return Arc::clone(old),
        Value::Seq(items) => {
            path.push(String::new());
            let new = items.iter().map(|item| node(item, path, tongue)).collect();
            path.pop();
            Value::Seq(new)
        }
        Value::Map(entries) => Value::Map(entries.iter().map(|entry| self::entry(entry, path, tongue)).collect()),
    };
    let mut new = Node::clone(old);
    new.value = value;
    Arc::new(new)
}

fn entry(entry: &Entry, path: &mut Vec<String>, tongue: Tongue) -> Entry {
    let key =
        Key { text: opened(&entry.key.text).into_owned(), plain: entry.key.plain && !has_sealed(&entry.key.text), span: entry.key.span };
    let in_container = path.len() == 2 && SECTIONS.contains(&path[0].as_str());
    let in_document = path.is_empty();
    let tongue = match (key.text.as_str(), tongue) {
        ("commands" | "command" | "entrypoint", Tongue::Plain) if in_container => Tongue::Program,
        ("when", Tongue::Plain) if in_container || in_document => Tongue::Pattern,
        ("trigger" | "branches", Tongue::Plain) if in_document => Tongue::Pattern,
        ("evaluate", Tongue::Pattern) => Tongue::Expression,
        // These are words, or maps of exact values.
        ("event" | "status" | "matrix" | "local" | "ignore_message" | "on_empty", Tongue::Pattern) => Tongue::Plain,
        (_, tongue) => tongue,
    };
    path.push(key.text.clone());
    let value = node(&entry.value, path, tongue);
    path.pop();
    Entry { key, value, merged: entry.merged }
}

fn scalar(text: &str, tongue: Tongue) -> Value {
    let pieces = pieces(text);
    let text = match tongue {
        Tongue::Plain | Tongue::Program => opened(text).into_owned(),
        Tongue::Pattern => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => (*text).to_owned(),
                Piece::Entered { value, .. } => literal_pattern(value),
            })
            .collect(),
        Tongue::Expression => expression(&pieces),
    };
    // `detach: ${DETACH}` is meant as a bool; but `1.10`, `null` and `yes` are what was typed.
    let whole = pieces.len() == 1;
    let number = text.len() < 16 && text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    Value::Scalar { plain: whole && (number || text == "true" || text == "false"), text }
}

/// A pattern that matches nothing but this text.
fn literal_pattern(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\' | '!' | '^') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The pieces as an expression, in which a value is a text, or a part of one.
fn expression(pieces: &[Piece<'_>]) -> String {
    let (mut out, mut quote, mut escaped) = (String::new(), None, false);
    for piece in pieces {
        match (piece, quote) {
            (Piece::Text(text), _) => {
                for c in text.chars() {
                    match (c, quote) {
                        _ if escaped => escaped = false,
                        ('\\', Some('"' | '\'')) => escaped = true,
                        (c, Some(open)) if c == open => quote = None,
                        ('"' | '\'' | '`', None) => quote = Some(c),
                        _ => {}
                    }
                    out.push(c);
                }
            }
            (Piece::Entered { value, .. }, None) => {
                let plain = value == "true" || value == "false" || value.parse::<u32>().is_ok();
                if plain {
                    out.push_str(value);
                } else {
                    out.push_str(&format!("\"{}\"", escape(value, '"')));
                }
            }
            // A text in backticks has no escapes.
            (Piece::Entered { value, .. }, Some('`')) => out.push_str(&value.replace('`', "'")),
            (Piece::Entered { value, .. }, Some(open)) => out.push_str(&escape(value, open)),
        }
    }
    out
}

fn escape(text: &str, quote: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote || c == '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Shells by the name of their program.
const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "ksh"];

/// Opens what is left in the command line of a container. The text that a shell is told to run (`sh -c TEXT`) is a script; all else is a word.
pub(crate) fn settle(draft: &mut Draft, findings: &mut Findings<'_>) {
    let lines = [&draft.step.entrypoint, &draft.step.command];
    if !lines.into_iter().flatten().flatten().any(|word| has_sealed(word)) {
        return;
    }
    let mut variables = Variables::default();
    let (mut shell, mut script_next) = (false, false);
    let mut settled = |word: &mut String, findings: &mut Findings<'_>| {
        let plain = opened(word).into_owned();
        let name = plain.rsplit('/').next().unwrap_or_default();
        if script_next {
            script_next = false;
            match Script::read(word, &mut variables) {
                Ok(script) => *word = script.text,
                Err(message) => refuse(message, draft.span, findings),
            }
            return;
        }
        script_next = shell && plain.starts_with('-') && !plain.starts_with("--") && plain.contains('c');
        shell |= SHELLS.contains(&name);
        *word = plain;
    };
    let mut lines = [draft.step.entrypoint.take(), draft.step.command.take()];
    for word in lines.iter_mut().flatten().flatten() {
        settled(word, findings);
    }
    [draft.step.entrypoint, draft.step.command] = lines;
    draft.environment.extend(variables.into_iter().map(|(name, value)| (name, EnvValue::Text(value))));
}

/// A value that cannot be handed to the shell as data where it stands.
pub(crate) fn refuse(why: lp_model::Message, span: lp_model::Span, findings: &mut Findings<'_>) {
    // Without an event nobody knows yet whether a value will be entered there at all.
    let found = match findings.is_for_any_event() {
        true => findings.warning(Code::ValueInScript, span, why),
        false => findings.error(Code::ValueInScript, span, why),
    };
    found.help(message!("use the variable of the shell instead (`$NAME`): every value that is entered is in the environment of the step"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_only_looks_like_a_seal_stays() {
        let text = format!("a {BEGIN}b{END} {BEGIN}");
        assert_eq!(opened(&text), text);
        let both = format!("{BEGIN}{}{END}", seal("${A}", "x"));
        assert_eq!(opened(&both), format!("{BEGIN}x{END}"));
    }

    #[test]
    fn in_an_expression_a_value_is_a_text() {
        let told = |text: &str, value: &str| expression(&pieces(&text.replace('@', &seal("${X}", value))));
        assert_eq!(told("A == \"@\"", "x\" || true || \""), "A == \"x\\\" || true || \\\"\"");
        assert_eq!(told("A == '@'", "it's \\"), "A == 'it\\'s \\\\'");
        assert_eq!(told("A == @", "x"), "A == \"x\"");
        assert_eq!(told("@ || B < @", "true"), "true || B < true");
        assert_eq!(told("B < @", "12"), "B < 12");
    }

    proptest! {
        #[test]
        fn any_value_comes_out_as_it_went_in(value in "\\PC*|[\\x01-\\x7f\n\t\r]*", before in "[a-z${: ]*", after in "[a-z}: ]*") {
            let text = format!("{before}{}{after}", seal("${NAME}", &value));
            prop_assert_eq!(opened(&text).into_owned(), format!("{before}{value}{after}"));
        }
    }
}
