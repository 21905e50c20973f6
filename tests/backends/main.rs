//! Every backend against the conformance suite, and what is special to one of them.
#![allow(clippy::unwrap_used)]

mod builds;
mod contexts;
mod disk_full;
mod docker;
mod engine_gone;
mod engine_restart;
mod fake;
mod host;
mod images;
mod podman;
mod registry;
mod remote;
mod rights;
mod versions;
