//! What is said to a person, in two languages.
//!
//! A [`Message`] is a template with holes and what fills them. The English template is written where the message is made and is
//! the key under which the Chinese one stands in `message/zh.txt`. Parts of a message that are words themselves ("`commands` of step
//! `x`") are messages in it, so that they are translated too; names, values and code stay as they are.
//!
//! [`What`] is a message that is not made yet: it borrows everything and costs nothing, so that it can be handed down on the way on
//! which nothing is wrong.

mod chinese;
mod verbs;
mod what;

pub use chinese::catalogue;
pub use verbs::{file_failed, file_problem};
pub use what::{Part, Sayable, Shown, What};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;

/// The languages that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// What a person reads: a sentence or a part of one (lower case, the thing in backticks, no full stop), or a text that is the same in every
/// language, as an engine or a system said it.
///
/// It is kept and sent as JSON: a text is a string, everything else a template with its arguments. So what was stored as a string before
/// there were messages reads back as what it was: a text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string | { template: string, args?: Array<Message> }"))]
pub struct Message(Said);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    /// The same in every language.
    Text(String),
    /// Boxed: errors carry several messages, and are handed up through many functions.
    Sentence(Box<Sentence>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sentence {
    /// English, with a hole `{}` for each argument; `{{` and `}}` stand for the brackets themselves.
    template: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<Message>,
}

impl Default for Message {
    /// Nothing to say.
    fn default() -> Self {
        Self(Said::Text(String::new()))
    }
}

impl Message {
    fn sentence(template: Cow<'static, str>, args: Vec<Self>) -> Self {
        Self(Said::Sentence(Box::new(Sentence { template, args })))
    }

    /// A text that nobody translates: what an engine, a system or a program said. It is not cut, so that a secret in it is masked as a whole.
    pub fn verbatim(text: impl fmt::Display) -> Self {
        Self(Said::Text(text.to_string()))
    }

    /// The message that an error is, or has been made of, wherever it is in the chain of causes.
    pub fn in_error(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).and_then(|inside| inside.downcast_ref());
            if let Some(message) = error.downcast_ref::<Self>().or(inside) {
                return Some(message.clone());
            }
            // What an `io::Error` was made of is not its source; only the source of that is.
            let made_of = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = made_of.map(|made_of| made_of as &(dyn Error + 'static)).or_else(|| error.source());
        }
        None
    }

    /// What an error of the system or of a library says: the message in it, else its own text.
    pub fn of_error(error: &(dyn Error + 'static)) -> Self {
        Self::in_error(error).unwrap_or_else(|| Self::verbatim(error))
    }

    /// Nothing to say.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Said::Text(text) if text.is_empty())
    }

    /// The messages one after the other, with a text (`, `, `; `) between them.
    pub fn joined(messages: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let args: Vec<Self> = messages.into_iter().collect();
        if args.len() < 2 {
            return args.into_iter().next().unwrap_or_default();
        }
        Self::sentence(vec!["{}"; args.len()].join(between).into(), args)
    }

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

    /// The same with each text in it, however deep, replaced: how secrets are masked.
    pub fn with_texts(&self, change: &impl Fn(&str) -> String) -> Self {
        match &self.0 {
            Said::Text(text) => Self(Said::Text(change(text))),
            Said::Sentence(said) => Self::sentence(said.template.clone(), said.args.iter().map(|arg| arg.with_texts(change)).collect()),
        }
    }

    /// The text, where it is nothing but one that nobody translates.
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Said::Text(text) => Some(text),
            Said::Sentence(_) => None,
        }
    }

    /// The first text in it, however deep: the name in "the secret `NAME` must be set".
    pub fn first_text(&self) -> Option<&str> {
        match &self.0 {
            Said::Text(text) => Some(text),
            Said::Sentence(said) => said.args.iter().find_map(Self::first_text),
        }
    }

    fn template(&self) -> &str {
        match &self.0 {
            Said::Text(_) => "",
            Said::Sentence(said) => &said.template,
        }
    }

    /// Whether both say the same but for parts with one of these templates (those that only name a place).
    pub fn same_but_for(&self, other: &Self, parts: &[&str]) -> bool {
        let is_part = |message: &Self| parts.contains(&message.template());
        if is_part(self) && is_part(other) {
            return true;
        }
        match (&self.0, &other.0) {
            (Said::Sentence(said), Said::Sentence(other)) => {
                let mut pairs = said.args.iter().zip(&other.args);
                said.template == other.template
                    && said.args.len() == other.args.len()
                    && pairs.all(|(one, other)| one.same_but_for(other, parts))
            }
            (one, other) => one == other,
        }
    }

    /// The first template in it, itself or a part, that has words and no Chinese.
    pub fn untranslated(&self) -> Option<&str> {
        let Said::Sentence(said) = &self.0 else { return None };
        if chinese::of(&said.template).is_none() && said.template.contains(char::is_alphabetic) {
            return Some(&said.template);
        }
        said.args.iter().find_map(Self::untranslated)
    }

    fn fill(&self, language: Language, out: &mut String) {
        let (template, args) = match &self.0 {
            Said::Text(text) => return out.push_str(text),
            Said::Sentence(said) => (&said.template, &said.args),
        };
        let listed;
        let template: &str = match language {
            Language::En => template,
            Language::Zh => match chinese::of(template) {
                Some(chinese) => chinese,
                None => {
                    listed = chinese_list(template);
                    listed.as_deref().unwrap_or(template)
                }
            },
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
            match args.get(index) {
                Some(Self(Said::Text(text))) => out.push_str(text),
                Some(message) => {
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

/// The template of a list ([`Message::joined`]) with what stands between two of its parts in Chinese.
fn chinese_list(template: &str) -> Option<String> {
    let between: Vec<&str> = template.strip_prefix("{}")?.strip_suffix("{}")?.split("{}").collect();
    let first = *between.first()?;
    let two = chinese::of(&format!("{{}}{first}{{}}")).filter(|_| between.iter().all(|other| *other == first))?;
    let chinese = two.strip_prefix("{}")?.strip_suffix("{}")?;
    Some(vec!["{}"; between.len() + 1].join(chinese))
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

impl fmt::Debug for Message {
    /// As the text that it is in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl From<&Message> for Message {
    fn from(message: &Message) -> Self {
        message.clone()
    }
}

impl From<What<'_>> for Message {
    fn from(what: What<'_>) -> Self {
        what.message()
    }
}

/// A message is the whole of an error where only people look at it: it goes through `io::Error::other` and comes out by [`Message::of_error`].
impl Error for Message {}

impl PartialEq<str> for Message {
    /// Whether it reads so in English.
    fn eq(&self, other: &str) -> bool {
        self.text(Language::En) == other
    }
}

impl PartialEq<&str> for Message {
    /// Whether it reads so in English.
    fn eq(&self, other: &&str) -> bool {
        self == *other
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
    ($($words:tt)*) => {{
        // What it borrows is let go of here, so that it may be made in front of an `await`.
        let made = $crate::what!($($words)*).message();
        made
    }};
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
        assert_eq!(message!("no such {} sentence", 1).untranslated(), Some("no such {} sentence"));
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

    #[test]
    fn a_text_is_kept_as_it_was_before_there_were_messages() {
        let said = Message::verbatim("no route to {host}");
        assert_eq!(serde_json::to_string(&said).expect("plain data"), r#""no route to {host}""#);
        assert_eq!(serde_json::from_str::<Message>(r#""no route to {host}""#).expect("plain data"), said);
        assert_eq!((said.to_string(), said.in_chinese()), ("no route to {host}".to_owned(), "no route to {host}".to_owned()));
        assert_eq!((said.untranslated(), said.is_empty(), Message::default().is_empty()), (None, false, true));
        // A text in a sentence and the same text alone read back as the same thing.
        let whole = message!("{} has no `image`", said);
        let kept = serde_json::to_string(&whole).expect("plain data");
        assert_eq!(kept, r#"{"template":"{} has no `image`","args":["no route to {host}"]}"#);
        assert_eq!(serde_json::from_str::<Message>(&kept).expect("plain data"), whole);
    }

    #[test]
    fn an_error_gives_back_the_message_in_it() {
        let message = message!("{} has no `image`", what!("step `{}`", "a"));
        let error = io::Error::other(io::Error::other(message.clone()));
        assert_eq!(Message::of_error(&error), message);
        assert_eq!(Message::of_error(&io::Error::other("no route")), Message::verbatim("no route"));
    }

    #[test]
    fn texts_are_masked_however_deep_they_are() {
        let message = message!("`{}` of {}", "s3cret", what!("step `{}`", "my s3cret"));
        let masked = message.with_texts(&|text| text.replace("s3cret", "***"));
        assert_eq!(masked, "`***` of step `my ***`");
        let list = |count| Message::joined(vec![message!("a list"); count], ", ");
        assert_eq!((list(0).is_empty(), list(1)), (true, message!("a list")));
        assert_eq!((list(3).to_string(), list(3).in_chinese()), ("a list, a list, a list".to_owned(), "列表，列表，列表".to_owned()));
    }
}
