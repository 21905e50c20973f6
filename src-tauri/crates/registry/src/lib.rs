//! Registries: who we are ([`Credentials`]) for the host that an image name ([`ImageReference`], a noun of the model) names.
//!
//! It knows nothing about container engines, pipelines or runs, and it reads no file: callers hand in text.
//!
//! Read [`credentials`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod credentials;

pub use credentials::{ConfigError, Credentials};
pub use lp_model::{ImageReference, image::ReferenceError};
