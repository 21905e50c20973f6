use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Files of runs that did not pass, kept for a retry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeptFiles {
    /// The runs, newest first.
    pub runs: Vec<KeptRun>,
    /// What all of them take, in bytes, as far as it is known.
    #[ts(type = "number")]
    pub bytes: u64,
}

/// A run whose files are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeptRun {
    /// Its id.
    pub run: String,
    /// Its number in the project.
    pub number: u32,
    /// The project's id.
    pub project: String,
    /// The project's name.
    pub project_name: String,
    /// When it ended, RFC 3339.
    pub ended: Option<String>,
    /// What its files take, in bytes; `None` where the engine cannot say.
    #[ts(type = "number | null")]
    pub bytes: Option<u64>,
}
