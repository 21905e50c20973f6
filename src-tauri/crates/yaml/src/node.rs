//! The tree of a document.

use lp_model::{Span, What, what};
use std::sync::Arc;

/// One value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands. A value reached through an alias has the place of its anchor.
    pub span: Span,
    /// Explicit tag such as `!!str`, in the short form.
    pub tag: Option<String>,
    /// What it is.
    pub value: Value,
    pub(crate) weight: u64,
    pub(crate) height: u32,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text. Whether `plain` text means a number, a bool or nothing is for [`crate::scalar`] to say.
    Scalar {
        /// The text after YAML escapes, otherwise as written (`1.10` stays `1.10`). Empty for a missing value.
        text: String,
        /// Written without quotes and not as a block.
        plain: bool,
    },
    /// A list.
    Seq(Vec<Arc<Node>>),
    /// A map in the order of the file; entries that came in by `<<` stand at the end.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its value, shared with every alias of it.
    pub value: Arc<Node>,
    /// Whether it came in by `<<`.
    pub merged: bool,
}

/// A key of a map: always a scalar.
#[derive(Debug, Clone)]
pub struct Key {
    /// The text as written.
    pub text: String,
    /// Without quotes.
    pub plain: bool,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// The entries, when it is a map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, when it is a list.
    pub fn items(&self) -> Option<&[Arc<Node>]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The text as written, when it is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value of a key, when it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        self.entries()?.iter().find(|entry| entry.key.text == key).map(|entry| &entry.value)
    }

    /// Whether it says "nothing": an empty plain value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if self.tag.is_none() && crate::scalar::is_null(text))
    }

    /// What kind of value it is, for messages: `a map`, `a list`, `nothing`, `a text`.
    pub fn kind(&self) -> What<'static> {
        match &self.value {
            Value::Map(_) => what!("a map"),
            Value::Seq(_) => what!("a list"),
            Value::Scalar { .. } if self.is_null() => what!("nothing"),
            Value::Scalar { .. } => what!("a text"),
        }
    }

    /// Size of the tree with every alias written out, in bytes (rounded up).
    pub fn weight(&self) -> u64 {
        self.weight
    }
}
