use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// For whom a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum SecretScope {
    /// For all projects; a project's own of the same name wins.
    Everywhere,
    /// For one project.
    Project {
        /// Its id.
        project: String,
    },
}

/// A secret in a list: never its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SecretEntry {
    /// Its name.
    pub name: String,
    /// For whom.
    pub scope: SecretScope,
    /// When it was set last, RFC 3339.
    pub updated: String,
    /// Of a secret of all projects: what was decided for which project.
    pub grants: Vec<SecretGrant>,
}

/// What was decided for a project about a secret of all projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SecretGrant {
    /// The project's id.
    pub project: String,
    /// Its name.
    pub project_name: String,
    /// Whether its runs get the secret; else they run as if it were not set.
    pub allowed: bool,
}

/// A secret that a run asks for, and who would get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HandedSecret {
    /// Its name as the pipeline file writes it.
    pub name: String,
    /// Whether it is handed out.
    pub state: SecretState,
    /// The steps that ask for it, in the order of the plan.
    pub receivers: Vec<SecretReceiver>,
}

/// What becomes of a secret that a run asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// It is the project's own.
    Own,
    /// It is one of all projects, and this project may have it.
    Allowed,
    /// It is one of all projects, and nobody has decided about this project: the run does not start.
    Undecided,
    /// It is one of all projects, and this project may not have it: the run goes on without it.
    Refused,
    /// It is not set.
    Missing,
}

/// Who gets a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SecretReceiver {
    /// The step, `STAGE/STEP` where there are several stages.
    pub step: String,
    /// Its image; empty for a step that runs directly on this computer.
    pub image: String,
    /// Whether no container of the image gets it: the engine builds an image of its own with it, or logs in to a registry.
    pub engine: bool,
}

/// What logs will show of a value in spite of masking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Uncovered {
    /// All of it: it has fewer than 4 characters.
    TooShort,
    /// All of it: it is nothing but asterisks.
    Asterisks,
    /// Those of its lines that have fewer than 4 characters.
    ShortLines,
    /// Its encodings: it is larger than 64 KiB.
    Encodings,
}

impl From<lp_secret::Uncovered> for Uncovered {
    fn from(uncovered: lp_secret::Uncovered) -> Self {
        match uncovered {
            lp_secret::Uncovered::TooShort => Self::TooShort,
            lp_secret::Uncovered::Asterisks => Self::Asterisks,
            lp_secret::Uncovered::ShortLines(_) => Self::ShortLines,
            lp_secret::Uncovered::Encodings => Self::Encodings,
        }
    }
}
