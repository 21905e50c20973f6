use crate::dto::ApiError;
use crate::dto::LogHit;
use crate::dto::RunFilter;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which logs are searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum SearchScope {
    /// That of one attempt of a step.
    Step {
        /// The run's id.
        run: String,
        /// The stage's number.
        stage: u32,
        /// The step's number.
        step: u32,
        /// The attempt.
        attempt: u32,
    },
    /// Those of one run.
    Run {
        /// The run's id.
        run: String,
    },
    /// Those of the runs that a filter lets through, newest first ([`RunFilter::after`] and [`RunFilter::limit`] say nothing here).
    All {
        /// The filter.
        filter: RunFilter,
    },
}

/// What is looked for in logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SearchRequest {
    /// Where.
    pub scope: SearchScope,
    /// A text, in which the case of letters does not matter.
    pub text: String,
    /// The text is a regular expression.
    pub regex: bool,
}

/// The log that hits are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SearchPlace {
    /// The run's id.
    pub run: String,
    /// Its number in the project.
    pub number: u32,
    /// The project's name.
    pub project_name: String,
    /// When the run was asked for, RFC 3339.
    pub created: String,
    /// The stage's number.
    pub stage: u32,
    /// The step's number.
    pub step: u32,
    /// The attempt.
    pub attempt: u32,
    /// What the step is called, `STAGE/STEP` where there are several stages; empty when the run does not tell any more.
    pub step_name: String,
}

/// What a search says while it goes on, in this order: hits and progress, and at last its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SearchNews {
    /// Lines of one log, in order; those of a long log come in several parts.
    Hits {
        /// Where.
        place: SearchPlace,
        /// The lines.
        hits: Vec<LogHit>,
    },
    /// How far it is.
    Progress {
        /// Runs that were looked through.
        runs: u32,
        /// Bytes that were looked through.
        #[ts(type = "number")]
        bytes: u64,
    },
    /// It is over.
    Ended {
        /// Why.
        end: SearchEnd,
        /// For `failed`: what went wrong.
        error: Option<ApiError>,
    },
}

/// Why a search is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// Everything was looked through.
    Complete,
    /// There are more hits than a search gives (10 000).
    Limit,
    /// Nobody wants it any more.
    Cancelled,
    /// A log or the history could not be read.
    Failed,
}
