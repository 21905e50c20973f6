//! Registries: what an image's name ([`ImageReference`], a noun of the model) means there, who we are ([`Credentials`]), and what is asked of them.
//!
//! It knows nothing about container engines, pipelines, runs and clocks of days; it reads no file and starts no program: callers hand in text.
//!
//! One client speaks `/v2` with every registry; Harbor's own API is asked only for what `/v2` lacks. What is proven is asked for: the right to push, not whether
//! something answers; a digest is compared with the bytes. The login goes to the registry and to the login service that it names, and nowhere else: not to the next
//! page at another host, not where a part of an image is stored, and without encryption only to hosts on a list.
//!
//! Read [`Client`], [`Registry`], [`Repository`], [`RegistryError`]; then [`harbor`], [`mirrors`]; for logins [`Credentials`], then [`docker_config`].
//!
//! Images are fetched with the logins of `docker login`: people have them already. Logins that are kept in the app come when someone needs
//! them.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod client;
mod credentials;
pub mod docker_config;
mod error;
pub mod harbor;
pub mod host;
pub mod mirrors;
mod reference;

pub use client::{
    Client, ClientOptions, Found, ImageConfig, LARGEST_ANSWER, Manifest, Platform, Proxy, PushProof, Registry, Repository, Tags,
    deletion_told,
};
pub use credentials::Credentials;
pub use docker_config::{ConfigError, DockerConfig, Helper, HelperError, Login};
pub use error::{Action, Asker, ErrorKind, RateLimits, RegistryError};
pub use harbor::Harbor;
pub use lp_model::{ImageReference, image::ReferenceError};
pub use reference::{Digest, Reference, Tag};
