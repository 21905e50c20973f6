//! Use cases: the only place where the crates of Letterpress meet. The window and the command line are adapters over [`App`].
//!
//! It knows nothing about Tauri, windows or terminals.
//!
//! Read in this order: [`App`] and [`AppOptions`], [`dto`], then one module per noun (`projects`, `pipelines`, `prepare`, `runs`,
//! `retry`, `queue`, `logs`, `kept`, `secrets`, `status`, `data`, `activity`), and last what holds them together: `ownership`, `take_up`, `guests`, `engines`, `ports`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod activity;
mod app;
mod choose;
mod convert;
mod data;
pub mod dto;
mod engines;
mod error;
mod event;
mod excerpts;
mod explain;
mod files;
mod follow;
mod grants;
mod guests;
mod image_builds;
mod image_context;
mod kept;
mod linting;
mod logins;
mod logs;
mod naming;
mod notices;
mod options;
mod ownership;
mod pipelines;
mod planning;
mod ports;
mod prepare;
mod press;
mod preview;
mod previous;
mod progress;
mod projects;
mod queue;
mod report;
mod retry;
mod runs;
mod sample;
mod search;
mod secrets;
mod seen;
mod sentences;
mod settings;
mod shortfalls;
mod sources;
mod status;
mod take_up;
#[cfg(test)]
mod testing;
mod time;
mod vault_door;
mod words;

pub use app::App;
pub use data::{move_data, restore_data};
pub use explain::{Explanation, explain};
pub use follow::{Following, LogLines, Progress, StepNews};
pub use image_context::image_context;
pub use linting::{FileLanguage, lint_files};
pub use logins::LoginReport;
pub use logs::LogKey;
pub use lp_model::{Language, Message, message, what};
pub use notices::Notices;
pub use options::AppOptions;
pub use planning::{PlanFormat, PlannedEvent, plan_file};
pub use report::report_files;
pub use search::Searching;
pub use settings::SettingRow;
pub use time::{local_date, local_time, moment};
pub use words::shell_word;
