//! Registries: who we are ([`Credentials`]) for the image that a name ([`ImageReference`], a noun of the model) names.
//!
//! It knows nothing about container engines, pipelines or runs; it reads no file and starts no program: callers hand in text.
//!
//! Read [`Credentials`], then [`docker_config`].
//!
//! Images are fetched with the logins of `docker login`: people have them already. Logins that are kept in the app come when someone needs
//! them.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod credentials;
pub mod docker_config;

pub use credentials::Credentials;
pub use docker_config::{ConfigError, DockerConfig, Helper, HelperError, Login};
pub use lp_model::{ImageReference, image::ReferenceError};
