//! What the tests that cross crates have in common.
#![allow(clippy::unwrap_used)]

pub mod claims;
pub mod computer;
pub mod conformance;
pub mod desktop;
pub mod disk;
pub mod docker;
pub mod engine;
pub mod images;
pub mod island;
pub mod podman;
pub mod press;
pub mod registry;
pub mod remote;
pub mod world;
