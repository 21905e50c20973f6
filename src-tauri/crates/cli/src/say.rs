//! Everything that is printed, but for the output of steps, goes through here.
//!
//! *Nothing foreign steers the terminal.* Titles of commits, names of steps, branches, tags, authors, files and the errors about them come from a
//! repository: whoever writes there must not move the cursor, colour or title the terminal, write its clipboard, begin a line of their own or
//! turn the reading direction. So the writer lets only what this module itself calls ink ([`Painted`], [`Styled`]) through as it is; every other
//! control character becomes visible ([`clean`]). A text that runs from right to left is kept apart by [`name`]. The output of steps keeps its
//! own sequences and does not come here.
//!
//! *Nothing panics.* The macros of the standard library do when the reader has gone (`| head`), and whoever was about to clean up after a run
//! would not get to it.

use crate::language::Language;
use lp_api::Message;
use std::cell::Cell;
use std::fmt::{Arguments, Display, Formatter, Write as _};
use std::io::{ErrorKind, IsTerminal, Write};

/// Writes a line to standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::say::out(format_args!($($text)*)) };
}

/// Writes a line to standard error.
macro_rules! remark {
    ($($text:tt)*) => { $crate::say::err(format_args!($($text)*)) };
}

/// Writes a sentence to standard output, in the language that this process speaks: ``tell!("run {} has no steps yet", number)``. The template
/// must stand in the Chinese catalogue.
macro_rules! tell {
    ($($words:tt)*) => { say!("{}", $crate::say::words(&lp_api::message!($($words)*))) };
}

/// Writes a sentence to standard error, likewise.
macro_rules! mention {
    ($($words:tt)*) => { remark!("{}", $crate::say::words(&lp_api::message!($($words)*))) };
}

/// Writes a line to standard output; a reader that went away is fine, a full disk is said.
pub fn out(text: Arguments<'_>) {
    to_out(&(cleaned(text, Breaks::Visible) + "\n"));
}

/// Writes a line to standard error.
pub fn err(text: Arguments<'_>) {
    let _nobody_reads = std::io::stderr().write_all((cleaned(text, Breaks::Visible) + "\n").as_bytes());
}

/// Writes the beginning of a line to standard error.
pub fn ask(text: Arguments<'_>) {
    let _nobody_reads = std::io::stderr().write_all(cleaned(text, Breaks::Visible).as_bytes());
}

/// Writes a text of several lines to standard output. Its line breaks must be ours.
pub fn document(text: &str) {
    to_out(&cleaned(format_args!("{text}"), Breaks::Kept));
}

/// Writes a text of several lines to standard error. Its line breaks must be ours.
pub fn usage(text: &str) {
    let _nobody_reads = std::io::stderr().write_all(cleaned(format_args!("{text}"), Breaks::Kept).as_bytes());
}

/// Writes JSON to standard output. What is not to be shown is escaped, so that the values stay what they are; sentences are said in the language
/// that this process speaks.
pub fn json(value: &impl serde::Serialize) {
    escaped(&match with_sentences_said(value) {
        Some(said) => serde_json::to_string_pretty(&said).expect("plain data"),
        None => serde_json::to_string_pretty(value).expect("plain data"),
    });
}

/// The same on one line, for documents that follow each other.
pub fn json_line(value: &impl serde::Serialize) {
    escaped(&match with_sentences_said(value) {
        Some(said) => said.to_string(),
        None => serde_json::to_string(value).expect("plain data"),
    });
}

/// The document with a text for each sentence; `None` when it has none.
fn with_sentences_said(value: &impl serde::Serialize) -> Option<serde_json::Value> {
    let mut value = serde_json::to_value(value).expect("plain data");
    say_messages(&mut value).then_some(value)
}

fn escaped(text: &str) {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_hidden(c) {
            safe.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe += &format!("\\u{unit:04x}"));
        }
    }
    to_out(&(safe + "\n"));
}

/// Puts a text in the place of each sentence, and says whether there was any. A sentence is an object with a template and nothing else but its
/// arguments.
fn say_messages(value: &mut serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Array(values) => say_each(values.iter_mut()),
        Value::Object(fields) if fields.contains_key("template") && fields.keys().all(|key| key == "template" || key == "args") => {
            let message = serde_json::from_value::<Message>(value.clone());
            message.is_ok_and(|message| {
                *value = Value::String(Language::spoken().words(&message));
                true
            })
        }
        Value::Object(fields) => say_each(fields.values_mut()),
        _ => false,
    }
}

/// The same for each of them: all are gone through, also behind the first sentence.
fn say_each<'a>(values: impl Iterator<Item = &'a mut serde_json::Value>) -> bool {
    let mut is_any = false;
    for value in values {
        is_any |= say_messages(value);
    }
    is_any
}

fn to_out(text: &str) {
    if let Err(problem) = std::io::stdout().write_all(text.as_bytes())
        && problem.kind() != ErrorKind::BrokenPipe
    {
        mention!("error: standard output cannot be written: {}", problem);
    }
}

/// Whether a character steers a terminal or the reading direction, or cannot be seen though it changes what is read.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with everything hidden made visible: `\n`, `\t`, `\x1b`, `\u{202e}`.
pub fn clean(text: &str) -> String {
    cleaned(format_args!("{text}"), Breaks::Visible)
}

/// A foreign name or title: kept apart from what stands around it when it has letters that run from right to left.
pub fn name(text: &str) -> Name<'_> {
    Name(text)
}

/// A size for a person: `4.2 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// A sentence in the language that this process speaks. The texts in it are foreign: each is cleaned, and kept apart as by [`name`].
pub fn words(message: &Message) -> Styled {
    let apart = |text: &str| {
        let text = clean(text);
        if text.chars().any(runs_leftwards) { format!("\u{2068}{text}\u{2069}") } else { text }
    };
    Styled(Language::spoken().words(&message.with_texts(&apart)))
}

/// See [`name`].
pub struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if !self.0.chars().any(runs_leftwards) {
            return f.write_str(self.0);
        }
        ink(|| f.write_str("\u{2068}"))?;
        f.write_str(self.0)?;
        ink(|| f.write_str("\u{2069}"))
    }
}

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and their kin (Unicode, bidirectional classes R and AL).
fn runs_leftwards(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// A text in a colour, where colours are seen and wanted.
pub struct Painted<T> {
    code: &'static str,
    text: T,
}

/// A text in a colour (the parameters of `ESC [ … m`) when standard error is a terminal.
pub fn paint<T: Display>(code: &'static str, text: T) -> Painted<T> {
    let code = if to_terminal(&std::io::stderr()) { code } else { "" };
    Painted { code, text }
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if self.code.is_empty() {
            return self.text.fmt(f);
        }
        ink(|| write!(f, "\x1b[{}m", self.code))?;
        self.text.fmt(f)?;
        ink(|| f.write_str("\x1b[0m"))
    }
}

/// A text that was made with colours and line breaks of our own out of cleaned parts.
pub struct Styled(pub String);

impl Display for Styled {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        ink(|| f.write_str(&self.0))
    }
}

/// Whether colours can be seen, and are wanted.
pub fn to_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

thread_local! {
    /// What is written at the moment is ours.
    static IS_INK: Cell<bool> = const { Cell::new(false) };
}

fn ink<R>(write: impl FnOnce() -> R) -> R {
    let before = IS_INK.replace(true);
    let done = write();
    IS_INK.set(before);
    done
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Breaks {
    Kept,
    Visible,
}

fn cleaned(text: Arguments<'_>, breaks: Breaks) -> String {
    let mut border = Border { out: String::new(), breaks };
    // A text takes everything; an implementation of `Display` that fails leaves what it wrote before.
    let _ = border.write_fmt(text);
    border.out
}

/// The writer that makes hidden characters visible.
struct Border {
    out: String,
    breaks: Breaks,
}

impl std::fmt::Write for Border {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if IS_INK.get() {
            self.out.push_str(text);
            return Ok(());
        }
        for c in text.chars() {
            match c {
                '\n' if self.breaks == Breaks::Kept => self.out.push(c),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c if is_hidden(c) && c.is_ascii() => write!(self.out, "\\x{:02x}", u32::from(c))?,
                c if is_hidden(c) => write!(self.out, "\\u{{{:x}}}", u32::from(c))?,
                c => self.out.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_steers_nothing() {
        for (text, expected) in [
            ("Fix the cart 修复", "Fix the cart 修复"),
            ("a \x1b[31mred \x1b]0;title\x07 \x1b[2J", "a \\x1b[31mred \\x1b]0;title\\x07 \\x1b[2J"),
            ("a\r\nforged", "a\\r\\nforged"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("1.0\u{202e}0.2", "1.0\\u{202e}0.2"),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}"),
            ("\u{200b}\u{7f}\u{0}", "\\u{200b}\\x7f\\x00"),
            // Joiners shape words of Persian and pictures, and turn nothing.
            ("می\u{200c}خواهم 👩\u{200d}💻", "می\u{200c}خواهم 👩\u{200d}💻"),
        ] {
            assert_eq!(clean(text), expected);
        }
    }

    #[test]
    fn only_our_own_ink_passes() {
        let painted = Painted { code: "1", text: "a\x1b[0m" };
        assert_eq!(cleaned(format_args!("{painted}\x1b"), Breaks::Visible), "\x1b[1ma\\x1b[0m\x1b[0m\\x1b");
        assert_eq!(cleaned(format_args!("{}", name("שלום\u{202e}")), Breaks::Visible), "\u{2068}שלום\\u{202e}\u{2069}");
        assert_eq!(cleaned(format_args!("{}|{}", name("shop"), Styled("a\nb".into())), Breaks::Visible), "shop|a\nb");
    }
}
