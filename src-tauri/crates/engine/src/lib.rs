//! The engine: carries out a [`lp_model::Plan`] on backends. A pure [`scheduler`] (fact in, moves out) decides; a driver on
//! tokio does.
//!
//! It knows nothing about pipeline files and nothing about SQLite: events and logs leave through the traits in [`ports`].
//!
//! Read in this order: [`ports`], [`scheduler`], [`Engine`], [`RunHandle`], [`Notice`]; inside, `messages` (all tasks and who
//! tells whom what, in one picture), `gate` (who waits for whom), `deadlines` (how long anything may take), `run` (one task drives a run), `job`
//! (what it starts), `aside` (what only gives a head start), `sink` (the way of a log line).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aside;
mod deadlines;
mod engine;
mod environment;
mod gate;
mod job;
mod messages;
mod progress;
mod run;
mod secrets;
mod sink;

pub mod ports;
pub mod scheduler;

pub use engine::{Engine, EngineSettings, Past, RunHandle, StartError};
pub use gate::{QueuePlace, Queued, WaitsFor};
pub use job::is_silence;
pub use messages::{Notice, RunEnd};
