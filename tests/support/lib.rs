//! What the tests that cross crates have in common.
#![allow(clippy::unwrap_used)]

pub mod conformance;
pub mod desktop;
pub mod docker;
pub mod images;
pub mod press;
