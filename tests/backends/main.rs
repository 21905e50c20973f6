//! Every backend against the conformance suite, and what is special to one of them.
#![allow(clippy::unwrap_used)]

mod disk_full;
mod docker;
mod engine_gone;
mod fake;
mod host;
mod images;
mod registry;
