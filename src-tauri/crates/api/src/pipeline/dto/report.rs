use crate::dto::Excerpt;
use lp_model::Message;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What becomes of the pipeline files of a project here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReportDto {
    /// The language of the files: `drone08`, `drone1`, `woodpecker`, or `unknown`.
    pub dialect: String,
    /// Its name for people, e.g. `Drone 1.x/2.x`; empty when it is unknown.
    #[serde(rename = "dialectName")]
    pub dialect_name: String,
    /// Why the files were taken for that.
    pub reason: Message,
    /// Paths of the files.
    pub files: Vec<String>,
    /// How much there is of each kind.
    pub counts: ReportCounts,
    /// What there is to say, never nothing: what needs something first, then what is not supported, what is different, and what runs.
    pub entries: Vec<ReportEntry>,
    /// All steps and services in the order of the files; those of a matrix once.
    pub steps: Vec<ReportStep>,
    /// What else there may be to say where the repository of the files was not at hand.
    #[serde(rename = "notLookedAt", default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub not_looked_at: Option<Message>,
}

/// How much there is of each kind in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct ReportCounts {
    /// Steps and services that run as they are.
    pub runs: u32,
    /// Entries about what is needed.
    pub needs: u32,
    /// Entries about what is not supported.
    pub unsupported: u32,
    /// Entries about what is different.
    pub different: u32,
}

/// What a part of a file means for running it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReportEffect {
    /// Something is needed from the user.
    Needs,
    /// It is not supported, or wrong.
    Unsupported,
    /// It means something different here.
    Different,
    /// It runs as it is.
    Runs,
}

/// One thing that a report says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReportEntry {
    /// What it means.
    pub effect: ReportEffect,
    /// Stable code of the finding behind it, e.g. `needs-secret`; `runs-as-is` for what runs.
    pub code: String,
    /// Path of the file.
    pub file: String,
    /// Line from 1; nothing when it is about the whole file.
    pub line: Option<u32>,
    /// Column from 1, in characters.
    pub column: Option<u32>,
    /// What.
    pub title: Message,
    /// What to do.
    pub help: Option<Message>,
    /// The lines around it; none for what runs.
    pub excerpt: Option<Excerpt>,
    /// The name of the secret, where it is about one that must be set.
    pub secret: Option<String>,
}

/// A step or service in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReportStep {
    /// The stage that it belongs to.
    pub stage: String,
    /// Its name.
    pub name: String,
    /// Path of the file.
    pub file: String,
    /// Its first line.
    pub line: u32,
    /// Whether nothing else is said about it.
    pub runs_as_is: bool,
}
