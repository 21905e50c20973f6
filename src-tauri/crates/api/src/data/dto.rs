use lp_model::Message;
use serde::{Deserialize, Serialize};

/// What the data folder takes, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSize {
    /// The folder.
    pub folder: String,
    /// The database.
    pub database: u64,
    /// The logs of all runs.
    pub logs: u64,
    /// Copies from before upgrades and restores; they may be removed by hand.
    pub copies: u64,
    /// Files of steps that ran on this computer, keys, the sample.
    pub other: u64,
    /// All of it.
    pub total: u64,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMade {
    /// The file.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Which runs are old. A run goes that is beyond any of the limits; at least one must be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CleanRequest {
    /// Only runs of this project (its id).
    pub project: Option<String>,
    /// Only runs with this target environment.
    pub target: Option<String>,
    /// Runs that were over longer ago than so many days go.
    pub older_than_days: Option<u32>,
    /// So many of the newest runs of each project stay.
    pub keep_runs: Option<u32>,
    /// The logs of the runs that stay may take so many megabytes together.
    pub keep_mb: Option<u64>,
}

/// What a rule removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanReport {
    /// How many runs.
    pub runs: u64,
    /// What their logs take, in bytes.
    pub bytes: u64,
    /// All of it in words, and what stays though it is beyond a limit.
    pub words: Vec<Message>,
}
