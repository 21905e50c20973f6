//! What crosses to the front ends: the window (as JSON over the bridge) and `--format json` of the command line.
//! Ids and times cross as strings (times in RFC 3339, UTC), durations as numbers of milliseconds, counts as numbers.
//! TypeScript types are generated from these by ts-rs into `ui/src/api/types/`; a test fails when they are stale.

mod activity;
mod app;
mod data;
mod error;
mod lint;
mod log;
mod notice;
mod project;
mod report;
mod run;
mod secret;
mod words;

pub use activity::{Activity, ActivityKind, ActivityState, ActivityUnit};
pub use app::{AppStatus, DiskStatus, EngineStatus, KeptFiles, KeptRun, KeyPlaceWord, Language, Settings, Theme};
pub use data::{BackupMade, CleanReport, CleanRequest, DataSize};
pub use error::{ApiError, ErrorCode, Excerpt, Finding, FindingSeverity};
pub use lint::{Linted, LintedFile, LintedFinding, LintedPlace, LintedPosition, LintedRange};
pub use log::{LogHit, LogMark, LogMarkKind, LogRange, LogSummary};
pub use notice::{FeedPlace, LogSize, Notice, Tag};
pub use project::{
    Cleanup, CleanupPolicy, Input, InputKind, InputProblem, Localised, ProjectDetail, ProjectKind, ProjectSummary, Version, Workflow,
};
pub use report::{ReportCounts, ReportDto, ReportEffect, ReportEntry, ReportStep};
pub use run::{
    AskedEvent, Attempt, LeftOut, PlannedStage, PlannedStep, Retry, RunDetail, RunFilter, RunPage, RunPreview, RunRequest, RunStateWord,
    RunSummary, StageDetail, StageStateWord, StepDetail, StepStateWord, WaitReason, Waiting,
};
pub use secret::{HandedSecret, SecretEntry, SecretGrant, SecretReceiver, SecretScope, SecretState, Uncovered};
pub use words::Words;
