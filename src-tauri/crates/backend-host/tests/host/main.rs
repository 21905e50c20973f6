//! The host backend with real processes. Scripts say by their output how far they are; nothing here waits for time to pass.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cancel;
mod stages;
mod steps;
mod support;
mod survival;
