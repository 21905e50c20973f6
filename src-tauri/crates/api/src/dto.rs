//! What crosses to the front ends: the window (as JSON over the bridge) and `--format json` of the command line.
//! Ids and times cross as strings (times in RFC 3339, UTC), durations as numbers of milliseconds, counts as numbers.
//! TypeScript types are generated from these by ts-rs into `ui/src/api/types/`; a test fails when they are stale.

pub use crate::data::dto::{BackupMade, CleanReport, CleanRequest, DataSize};
pub use crate::data::kept::dto::{KeptFiles, KeptRun};
pub use crate::delivery::dto::{ExplainedDelivery, ExplainedWorkflow, SeenEvent};
pub use crate::engine::dto::{AppStatus, DiskStatus, EngineStatus, KeyPlaceWord};
pub use crate::error::dto::{ApiError, ErrorCode, Excerpt, Finding, FindingSeverity};
pub use crate::feed::activity::dto::{Activity, ActivityKind, ActivityState, ActivityUnit};
pub use crate::feed::dto::{FeedPlace, LogSize, Notice, Tag};
pub use crate::image::dto::{ImageContext, LeftOutPath, SentFile};
pub use crate::log::dto::{LogCursor, LogHit, LogKey, LogMark, LogMarkKind, LogPart, LogRange, LogSummary, LogTime};
pub use crate::log::dto::{SearchEnd, SearchNews, SearchPlace, SearchRequest, SearchScope};
pub use crate::pipeline::dto::{Linted, LintedFile, LintedFinding, LintedPlace, LintedPosition, LintedRange};
pub use crate::pipeline::dto::{ReportCounts, ReportDto, ReportEffect, ReportEntry, ReportStep};
pub use crate::project::dto::{
    Cleanup, CleanupPolicy, Input, InputKind, InputProblem, Localised, ProjectDetail, ProjectKind, ProjectSummary, Version, Workflow,
};
pub use crate::run::dto::{
    AskedEvent, Attempt, Retry, RunDetail, RunFilter, RunPage, RunRequest, RunStateWord, RunSummary, StageDetail, StageStateWord,
    StepDetail, StepStateWord, WaitReason, Waiting,
};
pub use crate::run::dto::{LeftOut, Missing, MissingKind, PlannedRun, PlannedStage, PlannedStep, RunPreview, Sentence};
pub use crate::secret::dto::{HandedSecret, SecretEntry, SecretGrant, SecretReceiver, SecretScope, SecretState, Uncovered};
pub use crate::settings::dto::{Language, Settings, Theme};
pub use lp_model::Message;
