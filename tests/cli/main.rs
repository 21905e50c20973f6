//! The command line as a person uses it: the release binary, real repositories, a real engine.
#![allow(missing_docs, clippy::unwrap_used)]

mod attach;
mod bad_input;
mod chinese;
mod data;
mod events;
mod history;
mod hook;
mod images;
mod inputs;
mod kills;
mod lint;
mod main_job;
mod output;
mod podman;
mod presses;
mod repository;
mod secrets;
mod settings;
mod terminal;
mod together;
mod trust;
mod workflows;
