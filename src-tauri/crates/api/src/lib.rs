//! Use cases: the only place where the crates of Letterpress meet. The window and the command line are adapters over [`App`].
//!
//! It knows nothing about Tauri, windows or terminals.
//!
//! Read in this order: [`App`] and [`AppOptions`], [`dto`], then one module per noun (`projects`, `pipelines`, `prepare`, `runs`,
//! `retry`, `queue`, `logs`, `kept`, `secrets`, `status`), and last what holds them together: `ownership`, `guests`, `engines`, `ports`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod app;
mod choose;
mod convert;
pub mod dto;
mod engines;
mod error;
mod event;
mod files;
mod follow;
mod guests;
mod kept;
mod linting;
mod logins;
mod logs;
mod notices;
mod options;
mod ownership;
mod pipelines;
mod planning;
mod ports;
mod prepare;
mod previous;
mod projects;
mod queue;
mod report;
mod retry;
mod runs;
mod sample;
mod secrets;
mod settings;
mod status;
#[cfg(test)]
mod testing;
mod time;

pub use app::App;
pub use follow::{Following, LogLines, Progress};
pub use linting::{FileLanguage, lint_files};
pub use logins::LoginReport;
pub use logs::LogKey;
pub use lp_model::Language;
pub use notices::Notices;
pub use options::AppOptions;
pub use planning::{PlanFormat, PlannedEvent, plan_file};
pub use report::report_files;
