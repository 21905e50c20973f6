//! Use cases: the only place where the crates of Letterpress meet. The window and the command line are adapters over [`App`].
//!
//! It knows nothing about Tauri, windows or terminals.
//!
//! A room for each noun, with its use cases and its DTOs ([`dto`] gathers those): `project`, `pipeline` (its files, before anything runs), `run`,
//! `log`, `secret`, `data` and `settings`. What they stand on: `feed` (notices, long work), `engine` (where steps can run) and `owner` (the one
//! process that drives runs, and its guests).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod app;
mod data;
mod delivery;
pub mod dto;
mod engine;
mod error;
mod feed;
mod image;
mod log;
mod options;
mod owner;
mod pipeline;
mod project;
mod run;
mod secret;
mod settings;
#[cfg(test)]
mod testing;
mod time;
mod words;

pub use app::App;
pub use data::{move_data, restore_data};
pub use delivery::{AskedDelivery, LARGEST_DELIVERY_FILE, explain_delivery};
pub use engine::logins::LoginReport;
pub use feed::Notices;
pub use image::context::image_context;
pub use log::search::Searching;
pub use lp_model::{Language, Message, message, what};
pub use options::AppOptions;
pub use pipeline::explain::{Explanation, explain};
pub use pipeline::linting::{FileLanguage, lint_files};
pub use pipeline::planning::{PlanFormat, PlannedEvent, plan_file};
pub use pipeline::report::report_files;
pub use project::path_text;
pub use run::follow::{Following, LogLines, Progress, StepNews};
pub use settings::SettingRow;
pub use time::{local_date, local_time, moment};
pub use words::shell_word;
