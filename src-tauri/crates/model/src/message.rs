//! What is said to a person, in two languages.
//!
//! A [`Message`] is a template with holes and what fills them. The English template is written where the message is made and is
//! the key under which the Chinese one stands in `message/zh.txt`. Parts of a message that are words themselves ("`commands` of step
//! `x`") are messages in it, so that they are translated too; names, values and code stay as they are.
//!
//! [`What`] is a message that is not made yet: it borrows everything and costs nothing, so that it can be handed down on the way on
//! which nothing is wrong.

mod chinese;

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The languages that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// A sentence or a part of one: lower case, the thing in backticks, no full stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// English, with a hole `{}` for each argument; `{{` and `}}` stand for the brackets themselves.
    template: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<Arg>,
}

/// What fills a hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Arg {
    /// The same in every language.
    Text(String),
    Message(Message),
}

impl Message {
    /// The message in a language; English where there is no translation.
    pub fn text(&self, language: Language) -> String {
        let mut out = String::new();
        self.fill(language, &mut out);
        out
    }

    /// The message in Chinese.
    pub fn in_chinese(&self) -> String {
        self.text(Language::Zh)
    }

    /// The English template.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// Whether both say the same but for parts with one of these templates (those that only name a place).
    pub fn same_but_for(&self, other: &Self, parts: &[&str]) -> bool {
        let is_part = |message: &Self| parts.contains(&message.template());
        if is_part(self) && is_part(other) {
            return true;
        }
        let same = |(one, other): (&Arg, &Arg)| match (one, other) {
            (Arg::Message(one), Arg::Message(other)) => one.same_but_for(other, parts),
            (one, other) => one == other,
        };
        self.template == other.template && self.args.len() == other.args.len() && self.args.iter().zip(&other.args).all(same)
    }

    /// The first template in it, itself or a part, that has no Chinese.
    pub fn untranslated(&self) -> Option<&str> {
        if chinese::of(&self.template).is_none() {
            return Some(&self.template);
        }
        self.args.iter().find_map(|arg| if let Arg::Message(message) = arg { message.untranslated() } else { None })
    }

    fn fill(&self, language: Language, out: &mut String) {
        let template = match language {
            Language::En => &*self.template,
            Language::Zh => chinese::of(&self.template).unwrap_or(&self.template),
        };
        let mut next = 0;
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let bracket = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(bracket) {
                out.push_str(bracket);
                rest = behind;
                continue;
            }
            let Some((hole, behind)) = rest.split_once('}') else { continue };
            let index = hole.parse().unwrap_or(next);
            next = index + 1;
            rest = behind;
            match self.args.get(index) {
                Some(Arg::Text(text)) => out.push_str(text),
                Some(Arg::Message(message)) => {
                    let part = message.text(language);
                    // The template parts names from words by a blank; between two Chinese words stands none.
                    if part.starts_with(is_han) && out.strip_suffix(' ').is_some_and(|out| out.ends_with(is_han)) {
                        out.pop();
                    }
                    if part.ends_with(is_han) {
                        rest = behind.strip_prefix(' ').filter(|rest| rest.starts_with(is_han)).unwrap_or(behind);
                    }
                    out.push_str(&part);
                }
                None => {}
            }
        }
        out.push_str(rest);
    }
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

impl fmt::Display for Message {
    /// In English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::En))
    }
}

/// A message that borrows its parts; made with [`what!`](crate::what), or with [`message!`](crate::message) and kept.
#[derive(Debug, Clone, Copy)]
pub struct What<'a> {
    /// As in [`Message`].
    pub template: &'static str,
    /// What fills the holes.
    pub parts: &'a [Part<'a>],
}

impl What<'_> {
    /// The message.
    pub fn message(&self) -> Message {
        let arg = |part: &Part<'_>| match part {
            Part::Text(text) => Arg::Text(short(text)),
            Part::Number(number) => Arg::Text(number.to_string()),
            Part::What(what) => Arg::Message(what.message()),
            Part::Message(message) => Arg::Message((*message).clone()),
        };
        Message { template: Cow::Borrowed(self.template), args: self.parts.iter().map(arg).collect() }
    }
}

/// Longest text in a hole, in bytes. A name in a hostile file may have a megabyte, and hundreds of messages may name it.
const MAX_TEXT: usize = 500;

fn short(text: &str) -> String {
    if text.len() <= MAX_TEXT { text.to_owned() } else { format!("{}…", &text[..text.floor_char_boundary(MAX_TEXT)]) }
}

/// What fills a hole of a [`What`].
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// The same in every language.
    Text(&'a str),
    /// A count, a line.
    Number(u64),
    /// Words.
    What(&'a What<'a>),
    /// Words that were made before.
    Message(&'a Message),
}

/// What may stand in a message.
pub trait Sayable {
    /// As part of one.
    fn part(&self) -> Part<'_>;
}

impl Sayable for str {
    fn part(&self) -> Part<'_> {
        Part::Text(self)
    }
}

impl Sayable for String {
    fn part(&self) -> Part<'_> {
        Part::Text(self)
    }
}

impl Sayable for u32 {
    fn part(&self) -> Part<'_> {
        Part::Number(u64::from(*self))
    }
}

impl Sayable for usize {
    fn part(&self) -> Part<'_> {
        Part::Number(*self as u64)
    }
}

impl Sayable for What<'_> {
    fn part(&self) -> Part<'_> {
        Part::What(self)
    }
}

impl Sayable for Message {
    fn part(&self) -> Part<'_> {
        Part::Message(self)
    }
}

impl<T: Sayable + ?Sized> Sayable for &T {
    fn part(&self) -> Part<'_> {
        (**self).part()
    }
}

/// A [`What`]: ``what!("`{}` of {}", key, label)``. Nothing is copied until it is said.
#[macro_export]
macro_rules! what {
    ($template:literal $(, $part:expr)* $(,)?) => {
        $crate::What { template: $template, parts: &[$($crate::message::Sayable::part(&$part)),*] }
    };
}

/// A [`Message`]: ``message!("step `{}` needs `{}`", step, need)``. The template must stand in the Chinese catalogue too.
#[macro_export]
macro_rules! message {
    ($($words:tt)*) => { $crate::what!($($words)*).message() };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_said_in_both_languages_with_its_parts() {
        let step = what!("step `{}`", "构建");
        let what = what!("`{}` of {}", "image", step);
        let message = message!("{} must be {}, not {}", what, what!("a list"), what!("a text"));
        assert_eq!(message.to_string(), "`image` of step `构建` must be a list, not a text");
        assert_eq!(message.in_chinese(), "步骤 `构建` 的 `image` 应为列表，而不是文本");
        assert_eq!(message.untranslated(), None);
        let whole = message!("{} has no key `{}`; it is ignored", what!("the file"), "stpes");
        assert_eq!(whole.in_chinese(), "文件没有字段 `stpes`，已忽略");
    }

    #[test]
    fn brackets_and_holes_without_anything_to_fill_them_do_no_harm() {
        let message = message!("`${{{}}}` {{}} {}", "NAME");
        assert_eq!(message.to_string(), "`${NAME}` {} ");
        assert_eq!(message.untranslated(), Some("`${{{}}}` {{}} {}"));
        assert_eq!(message!("} {").to_string(), " ");
    }

    #[test]
    fn a_name_of_a_megabyte_does_not_make_a_message_of_a_megabyte() {
        let message = message!("{} has no `image`", what!("step `{}`", "构".repeat(1 << 20)));
        let shown = message.to_string();
        assert!(shown.len() < 600 && shown.ends_with("构…` has no `image`"), "{shown}");
    }

    #[test]
    fn a_message_can_be_kept() {
        let message = message!("{} has no `image`", what!("step `{}`", "a"));
        let kept = serde_json::to_string(&message).expect("plain data");
        assert_eq!(kept, r#"{"template":"{} has no `image`","args":[{"template":"step `{}`","args":["a"]}]}"#);
        assert_eq!(serde_json::from_str::<Message>(&kept).expect("plain data"), message);
    }
}
