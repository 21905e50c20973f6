//! Values that a person entered, in a script for a shell: the script gets a variable in place of the value, quoted as its place demands,
//! so that the value is one word (or a part of one) whatever is in it, and never becomes syntax.
//!
//! The [`reader`] knows what a POSIX shell knows about quotes, substitutions, arithmetic, comments and here-documents; [`place`] writes the
//! variable as its place demands. Where a variable would not be data (arithmetic evaluates it) or would not be replaced (a here-document with a
//! quoted end) the script is refused. A mistake of the reader about a place costs exactness at most: what a variable holds is never read as
//! syntax by this shell. What this shell hands on to another one (`sh -c`, `eval`, `ssh`) is read by that one too: [`handed`] knows it, [`nested`] writes it.

mod handed;
mod nested;
mod place;
mod reader;

use lp_model::Message;
use reader::Reader;
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

impl Script {
    /// Reads a script with sealed values in it.
    ///
    /// # Errors
    /// Why a value cannot be data where it stands.
    pub fn read(text: &str, variables: &mut Variables) -> Result<Self, Message> {
        let mut reader = Reader::of(text);
        reader.read(Some(variables))?;
        Ok(reader.script)
    }
}

#[cfg(test)]
mod tests;
