//! Workflows: the buttons of a project. They are described in `.letterpress.yml` at the root of the repository, or derived from
//! the pipeline file; and the values that a person enters are checked here.
//!
//! It knows nothing about pipelines, files, clocks or randomness. Read in this order: [`model`](Workflow), [`file`],
//! [`derived`], [`inputs`].
//!
//! ```yaml
//! workflows:
//!   - name: release
//!     title: {zh-CN: 发布, en: Release}
//!     description: Builds and publishes the version
//!     pipeline: .drone.yml        # default: the first pipeline file there is
//!     event: promote              # default: that of the version: `tag` of a tag, else `push`
//!     target: production          # of `promote` and `rollback`; `cron` has the name of its schedule in `cron:`
//!     inputs:
//!       - {name: CHANNEL, type: choice, options: [stable, beta], default: stable}
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod derived;
pub mod file;
pub mod inputs;
mod localised;
pub mod schema;

pub use derived::derive;
pub use file::parse;
pub use inputs::{InputError, check_inputs};
pub use localised::Localised;
pub use schema::schema;

use lp_model::EventKind;
use serde::Serialize;

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workflow {
    /// Its name, unique in the file; ASCII letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Its title; empty for a derived one, which the front end names by its event and target.
    pub title: Localised,
    /// One sentence, or empty.
    pub description: Localised,
    /// Whether it comes from the pipeline file alone.
    pub derived: bool,
    /// Path of the pipeline file, or of the folder of its workflows; `None` means the first one there is.
    pub pipeline: Option<String>,
    /// The event that pressing it makes.
    pub event: EventKind,
    /// Whether a version that is a tag makes the event `tag` instead, where the pipeline has something for it.
    pub by_version: bool,
    /// The environment that it goes to.
    pub target: Option<String>,
    /// The schedule that it is for.
    pub cron: Option<String>,
    /// Fields of its form, in the author's order.
    pub inputs: Vec<Input>,
}

/// A field of a form. Its value becomes an environment variable of that name; secrets do not belong here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Name of the variable.
    pub name: String,
    /// What stands before it; empty: the name.
    pub label: Localised,
    /// A sentence under it, or empty.
    pub help: Localised,
    /// What can be entered.
    pub kind: InputType,
    /// Value at first. A boolean without one is `false`.
    pub default: Option<String>,
    /// Whether it must have a value.
    pub required: bool,
    /// Of a choice: what can be chosen.
    pub options: Vec<String>,
    /// Regular expression that the whole value must match.
    pub pattern: Option<String>,
}

/// What can be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// A line of text.
    Text,
    /// One of the options.
    Choice,
    /// `true` or `false`.
    Boolean,
    /// A number, perhaps with a fraction.
    Number,
}

impl InputType {
    /// All types.
    pub const ALL: [InputType; 4] = [Self::Text, Self::Choice, Self::Boolean, Self::Number];

    /// The word for it in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice => "choice",
            Self::Boolean => "boolean",
            Self::Number => "number",
        }
    }

    /// Reads [`InputType::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
