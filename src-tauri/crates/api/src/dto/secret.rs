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
}
