//! The engine on the fake backend with a paused clock: pipelines as text in, states and a timeline as text out.

#![allow(clippy::unwrap_used, missing_docs)]

mod cancel;
mod failures;
mod flow;
mod limits;
mod lives;
mod logs;
mod phases;
mod plan_text;
mod world;
