//! Identifiers as newtypes, so that a run is never passed where a project is meant.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an id that was made elsewhere (a UUID in simple form). Returns `None` unless it consists of
            /// 1 to 64 ASCII letters, digits and dashes, because ids become names of containers, folders and labels.
            pub fn parse(text: &str) -> Option<Self> {
                let legal = !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                legal.then(|| Self(text.to_owned()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A project: a git repository that the app knows.
    ProjectId
);
text_id!(
    /// One execution of a plan. Sorts by time of creation (UUID v7), which the caller generates.
    RunId
);

/// Which container engine, or which computer and data folder, a stage is on: an opaque text by which a place is recognised after a restart,
/// whatever address it is reached at. A backend makes it ([`EngineId::new`]) and nobody else reads anything out of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EngineId(String);

impl EngineId {
    /// The id that an engine gives itself, e.g. `docker:7TZQ:…`. It begins with the kind of the engine, so that two kinds never share one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Position of a stage in its plan, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageNumber(pub u32);

/// Position of a step in its stage, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepNumber(pub u32);

impl fmt::Display for StageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for StepNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One try of one step of a run: what names a container, a log file, a row. Attempts count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepKey {
    /// Which stage.
    pub stage: StageNumber,
    /// Which step of it.
    pub step: StepNumber,
    /// Which try, from 1.
    pub attempt: u32,
}

impl StepKey {
    /// The first attempt of a step.
    pub fn first(stage: StageNumber, step: StepNumber) -> Self {
        Self { stage, step, attempt: 1 }
    }
}

impl fmt::Display for StepKey {
    /// `stage.step.attempt`, e.g. `1.3.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.stage, self.step, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_fit_for_a_container_name() {
        assert!(RunId::parse("0199a2-AB").is_some());
        for bad in ["", "a/b", "a b", "../x", "中", &"a".repeat(65)] {
            assert!(RunId::parse(bad).is_none(), "{bad:?}");
        }
    }
}
