use crate::dto::{ApiError, Message};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Long work: who looks at it sees how far it is and may stop it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Activity {
    /// Names it, also among those of other processes.
    pub id: String,
    /// What is done.
    pub kind: ActivityKind,
    /// How it stands.
    pub state: ActivityState,
    /// How much of it is done.
    #[ts(type = "number")]
    pub done: u64,
    /// How much there is; `None` as long as that is not known.
    #[ts(type = "number | null")]
    pub total: Option<u64>,
    /// What `done` and `total` count.
    pub unit: ActivityUnit,
    /// When it began, RFC 3339.
    pub began: String,
    /// When it ended, RFC 3339.
    pub ended: Option<String>,
    /// What came of it, where that is more than that it is done.
    pub result: Option<Message>,
    /// Why it did not come to its end: for `failed` and `cancelled`.
    pub error: Option<ApiError>,
}

/// Kinds of long work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// Kept files are measured, and what nobody claims is removed.
    Tidy,
    /// The data folder is measured.
    Measure,
    /// The data folder is copied into a file.
    Backup,
    /// Old runs are removed.
    Clean,
    /// Logs are searched.
    Search,
}

impl ActivityKind {
    /// What its progress counts.
    pub fn unit(self) -> ActivityUnit {
        match self {
            Self::Tidy => ActivityUnit::Engines,
            Self::Clean => ActivityUnit::Runs,
            Self::Measure | Self::Backup | Self::Search => ActivityUnit::Bytes,
        }
    }
}

/// What progress counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ActivityUnit {
    /// Bytes.
    Bytes,
    /// Runs.
    Runs,
    /// Places where steps run.
    Engines,
}

/// How long work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ActivityState {
    /// It goes on.
    Running,
    /// It was asked to stop and has not yet.
    Cancelling,
    /// It came to its end.
    Done,
    /// It could not be done.
    Failed,
    /// It was stopped.
    Cancelled,
}

impl ActivityState {
    /// Whether it is over.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}
