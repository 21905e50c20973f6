//! Messages that are not made yet.

use super::Message;
use std::borrow::Cow;
use std::fmt;

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
            Part::Text(text) => Message::verbatim(short(text)),
            Part::Shown(shown) => Message::verbatim(short(&shown.to_string())),
            Part::What(what) => what.message(),
            Part::Message(message) => (*message).clone(),
        };
        Message::sentence(Cow::Borrowed(self.template), self.parts.iter().map(arg).collect())
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
    /// The same in every language: a count, a path, an id, what the system said.
    Shown(&'a dyn Shown),
    /// Words.
    What(&'a What<'a>),
    /// Words that were made before.
    Message(&'a Message),
}

/// Something that shows itself in the same way in every language.
pub trait Shown: fmt::Display + fmt::Debug {}

impl<T: fmt::Display + fmt::Debug> Shown for T {}

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

impl Sayable for Cow<'_, str> {
    fn part(&self) -> Part<'_> {
        Part::Text(self)
    }
}

impl Sayable for String {
    fn part(&self) -> Part<'_> {
        Part::Text(self)
    }
}

macro_rules! shown {
    ($($kind:ty),*) => {
        $(impl Sayable for $kind {
            fn part(&self) -> Part<'_> {
                Part::Shown(self)
            }
        })*
    };
}

shown!(u16, u32, u64, usize, i32, i64, fmt::Arguments<'_>, std::io::Error, serde_json::Error, std::path::Display<'_>);
shown!(crate::EngineId, crate::ProjectId, crate::RunId, crate::StageNumber, crate::StepNumber, crate::StepKey);

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
