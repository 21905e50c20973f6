//! Where Letterpress remembers: a SQLite database (projects, runs, events, secrets, settings), the log files of steps, and the
//! lock of the data folder.
//!
//! It knows nothing about pipelines, backends, git or a user interface, and it never sees the value of a secret: only sealed bytes.
//! It is the only crate that knows SQL.
//!
//! Read in this order: [`Store`], [`NewRun`], [`Store::append_events`], [`Logs`], [`Lock`], [`StoreError`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod database;
mod error;
pub mod folder;
mod kept;
mod lock;
pub mod logs;
mod note;
#[cfg(test)]
mod plans;
mod private;
mod project;
mod run;
mod run_event;
mod search;
mod secret;
mod setting;
mod stage_run;
mod status;
mod step_run;
mod step_time;
mod words;

pub use database::Store;
pub use error::StoreError;
pub use kept::KeptStage;
pub use lock::{Lock, Owner, Ownership};
pub use logs::{LogPosition, LogReader, LogWriter, Logs};
pub use project::{CleanupPolicy, Project, ProjectKind};
pub use run::{Cause, NewRun, OldRun, PreviousRun, Run, RunAttempt, RunCursor, RunDetail, RunFilter};
pub use run_event::{StoredEvent, Unfinished};
pub use secret::{PastSecret, SecretEntry, SecretGrant};
pub use stage_run::{StagePlace, StageRun};
pub use step_run::StepRun;
