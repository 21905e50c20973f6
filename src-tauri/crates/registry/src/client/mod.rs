//! One client for every registry that speaks `/v2` (OCI distribution-spec 1.1).

mod answer;
mod challenge;
mod image;
mod manifest;
mod options;
pub(crate) mod paging;
mod push;
mod registry;
mod tags;
mod token;
pub(crate) mod transport;
mod trust;

pub use image::{ImageConfig, Platform};
pub use manifest::{Found, Manifest, deletion_told};
pub use options::{ClientOptions, Proxy};
pub use push::PushProof;
pub use registry::Registry;
pub use tags::Tags;

pub(crate) use registry::Ask;
pub(crate) use token::basic;

use crate::error::RegistryError;
use crate::{Credentials, host};
use lp_model::ImageReference;
use lp_model::image::ReferenceError;
use std::sync::Arc;
use transport::Transport;

/// Largest manifest or page of tags that is read, in bytes: what registries must take (distribution-spec, "Pushing Manifests").
pub const LARGEST_ANSWER: usize = 4 << 20;

/// Reaches registries. It holds connections and no logins; clones share the connections.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<Transport>,
}

impl Client {
    /// Reads the authorities of the system and those of the options.
    ///
    /// # Errors
    /// [`ErrorKind::BadAuthority`](crate::ErrorKind::BadAuthority).
    pub fn new(options: &ClientOptions) -> Result<Self, RegistryError> {
        Ok(Self { transport: Arc::new(options::transport(options)?) })
    }

    /// A registry as somebody, or as nobody. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ReferenceError`] when the text is no host.
    pub fn registry(&self, host: &str, login: Option<Credentials>) -> Result<Registry, ReferenceError> {
        let host = host::parse(host)?;
        let no_host = || ReferenceError::Part { name: host.clone(), part: host.clone() };
        let base = self.transport.base(&host).ok_or_else(no_host)?;
        Ok(Registry::new(self.transport.clone(), host, base, login))
    }

    /// The repository of an image.
    ///
    /// # Errors
    /// [`ReferenceError`] when its host is none, e.g. for its port.
    pub fn repository(&self, image: &ImageReference, login: Option<Credentials>) -> Result<Repository, ReferenceError> {
        self.registry(image.host(), login)?.repository(image.repository())
    }
}

/// A repository of images at a registry: what is asked of it stands in the methods.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(crate) registry: Registry,
    pub(crate) name: String,
}

impl Repository {
    /// Its name at the host, e.g. `library/nginx`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The registry in which it is.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The right to it, as tokens have it (docker/distribution, "Token Scope Documentation").
    fn scope(&self, actions: &str) -> String {
        format!("repository:{}:{actions}", self.name)
    }
}
