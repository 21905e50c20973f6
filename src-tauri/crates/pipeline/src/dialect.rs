//! The dialects: a folder for each, with everything that is true of it alone, and a [`FrontEnd`] by which the rest of the crate
//! speaks to it.
//!
//! Why so: where a rule stands tells whose it is. The crate asks the front end that [`detect`](crate::detect()) chose and never compares
//! dialects; `shared` does not know that there are any: what differs is handed to it as data ([`when::Flavour`] and the like). A new
//! dialect is a folder, a value of [`Dialect`] and a line of [`FRONT_ENDS`].

pub mod drone08;
pub mod drone1;
pub mod woodpecker;

use crate::detect::Evidence;
use crate::shared::draft::{StageDraft, secret_missing_from_environment};
use crate::shared::reasons::Reasons;
use crate::shared::when;
use crate::source::{AllFindings, Sources};
use lp_model::{Dialect, EventFacts, Message, Stage};
use lp_yaml::Style;

/// The keys that may stand at a place of a file, by the JSON pointer of their `properties` in the schema.
pub(crate) type Keys = Vec<(&'static str, Vec<&'static str>)>;

/// How sure a front end is that a file is written for it, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// The file has a key of the dialect, which others have too.
    Possible,
    /// Another key beside it is the dialect's own.
    Likely,
    /// The file is called like those of the dialect, or uses a form that only the dialect has.
    Named,
    /// The file says so itself.
    Marked,
}

/// One dialect: from the text of its files to stages.
pub(crate) trait FrontEnd: std::fmt::Debug + Sync {
    /// Which dialect it is.
    fn dialect(&self) -> Dialect;

    /// Whether a file is written for it, and why, in words that a person can check in the file.
    fn detect(&self, evidence: &Evidence<'_>) -> Option<(Certainty, Message)>;

    /// How it reads YAML.
    fn style(&self) -> Style;

    /// Whether it reads nothing behind a line `...`.
    fn ends_at_marker(&self) -> bool {
        false
    }

    /// Whether several files make up one pipeline.
    fn joins_files(&self) -> bool {
        false
    }

    /// Reads everything that the files describe, whatever the event, each stage with the path of its file.
    fn read<'a>(&self, sources: &Sources<'a>, facts: &EventFacts, findings: &mut AllFindings<'_>) -> Vec<(&'a str, StageDraft)>;

    /// The stages that run for the event. What is left out goes to `reasons`.
    fn compile(&self, sources: &Sources<'_>, facts: &EventFacts, reasons: &mut Reasons, findings: &mut AllFindings<'_>) -> Vec<Stage>;

    /// How it decides conditions.
    fn when(&self) -> &'static when::Flavour;

    /// What follows when a secret is not set.
    fn without_secret(&self, _sources: &Sources<'_>) -> Message {
        secret_missing_from_environment()
    }

    /// Every key that it knows.
    fn keys(&self) -> Keys;

    /// The JSON schema of a document.
    fn schema(&self) -> &'static str;
}

/// Images of clone steps whose settings are read: those of all dialects, which all understand the same words.
pub(crate) const GIT_IMAGES: [&str; 7] = [
    "plugins/git",
    "plugins/drone-git",
    "drone/git",
    "woodpeckerci/plugin-git",
    "docker.io/woodpeckerci/plugin-git",
    "quay.io/woodpeckerci/plugin-git",
    "codeberg.org/woodpecker-plugins/git",
];
/// All front ends, in the order of [`Dialect`].
pub(crate) const FRONT_ENDS: [&dyn FrontEnd; 3] = [&drone08::Drone08, &drone1::Drone1, &woodpecker::Woodpecker];

/// The front end of a dialect.
pub(crate) fn front_end(dialect: Dialect) -> &'static dyn FrontEnd {
    FRONT_ENDS[dialect as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_front_end() {
        for (n, front) in FRONT_ENDS.into_iter().enumerate() {
            assert_eq!(front.dialect() as usize, n);
        }
        // A new value has to be added here, and to the table.
        match Dialect::Drone08 {
            Dialect::Drone08 | Dialect::Drone1 | Dialect::Woodpecker => {}
        }
        for dialect in [Dialect::Drone08, Dialect::Drone1, Dialect::Woodpecker] {
            assert_eq!(front_end(dialect).dialect(), dialect);
        }
    }
}
