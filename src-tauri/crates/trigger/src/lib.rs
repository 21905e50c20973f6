//! What turns the world into facts of events: schedules.
//!
//! It knows nothing about pipelines, runs and the store, and reads no clock: whoever asks says what time it is.
//!
//! Read in this order: [`cron`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cron;
