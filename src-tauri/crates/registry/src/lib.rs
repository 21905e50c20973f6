//! Registries: what an image name in a pipeline file means ([`ImageReference`]) and who we are for the host that it names
//! ([`Credentials`]).
//!
//! It knows nothing about container engines, pipelines or runs, and it reads no file: callers hand in text.
//!
//! Read in this order: [`reference`], [`credentials`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod credentials;
pub mod reference;

pub use credentials::{ConfigError, Credentials};
pub use reference::{ImageReference, ReferenceError};
