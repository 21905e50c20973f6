//! A run survives everything: commands that are killed at random moments, engines that die, restart or freeze, disks that fill, clocks that
//! jump, computers that lose their power. The release binary, real repositories, real engines.
//!
//! `LETTERPRESS_KILLS` says how many kills each of the tests with random moments makes, `LETTERPRESS_SEED` with which seed they begin; a
//! failure says which seed it had.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod chance;
mod clock;
mod disk;
mod engine;
mod kills;
mod left;
mod many;
mod picture;
mod power;
mod quit;
mod worlds;
