//! What crosses to the front ends: the window (as JSON over the bridge) and `--format json` of the command line.
//! Ids and times cross as strings (times in RFC 3339, UTC), durations as numbers of milliseconds, counts as numbers.
//! TypeScript types are generated from these by ts-rs into `ui/src/api/types/`; a test fails when they are stale.

mod activity;
mod app;
mod data;
mod error;
mod images;
mod lint;
mod log;
mod notice;
mod preview;
mod project;
mod report;
mod run;
mod search;
mod secret;

pub use activity::{Activity, ActivityKind, ActivityState, ActivityUnit};
pub use app::{AppStatus, DiskStatus, EngineStatus, KeptFiles, KeptRun, KeyPlaceWord, Language, Settings, Theme};
pub use data::{BackupMade, CleanReport, CleanRequest, DataSize};
pub use error::{ApiError, ErrorCode, Excerpt, Finding, FindingSeverity};
pub use images::{ImageContext, LeftOutPath, SentFile};
pub use lint::{Linted, LintedFile, LintedFinding, LintedPlace, LintedPosition, LintedRange};
pub use log::{LogCursor, LogHit, LogMark, LogMarkKind, LogPart, LogRange, LogSummary, LogTime};
pub use lp_model::Message;
pub use notice::{FeedPlace, LogSize, Notice, Tag};
pub use preview::{LeftOut, Missing, MissingKind, PlannedRun, PlannedStage, PlannedStep, RunPreview, Sentence};
pub use project::{
    Cleanup, CleanupPolicy, Input, InputKind, InputProblem, Localised, ProjectDetail, ProjectKind, ProjectSummary, Version, Workflow,
};
pub use report::{ReportCounts, ReportDto, ReportEffect, ReportEntry, ReportStep};
pub use run::{
    AskedEvent, Attempt, Retry, RunDetail, RunFilter, RunPage, RunRequest, RunStateWord, RunSummary, StageDetail, StageStateWord,
    StepDetail, StepStateWord, WaitReason, Waiting,
};
pub use search::{SearchEnd, SearchNews, SearchPlace, SearchRequest, SearchScope};
pub use secret::{HandedSecret, SecretEntry, SecretGrant, SecretReceiver, SecretScope, SecretState, Uncovered};
