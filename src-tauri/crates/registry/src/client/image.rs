//! What is known of an image itself: its labels, and what it was made for.

use super::registry::Ask;
use super::transport::Call;
use super::{LARGEST_ANSWER, Manifest, Repository};
use crate::error::{Action, ErrorKind, RegistryError};
use crate::reference::{Digest, Reference};
use lp_model::message;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// What an image is made for, as `linux/arm64/v8`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// E.g. `linux`.
    pub os: String,
    /// In Go's words: `amd64`, `arm64`.
    pub architecture: String,
    /// E.g. `v7`; empty means any.
    pub variant: String,
}

impl Platform {
    /// Reads `os/architecture` or `os/architecture/variant`.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] if !variant.is_empty() => (os, architecture, variant),
            _ => return None,
        };
        let is_named = !os.is_empty() && !architecture.is_empty();
        is_named.then(|| Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.to_owned() })
    }

    fn fits(&self, other: &OfIndex) -> bool {
        let same_variant = self.variant.is_empty() || self.variant == other.variant;
        self.os == other.os && self.architecture == other.architecture && same_variant
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

/// What an image says of itself (image-spec, `config.md`), as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// Digest of the manifest of the platform, which is that of the index only where there is no index.
    pub digest: Digest,
    /// What it is made for.
    pub platform: Platform,
    /// When it was made (RFC 3339), as the builder says; many say nothing, or 1970.
    pub created: String,
    /// Its labels, e.g. `org.opencontainers.image.revision`.
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<OfList>,
}

#[derive(Deserialize)]
struct OfList {
    digest: String,
    #[serde(default)]
    platform: Option<OfIndex>,
}

#[derive(Deserialize)]
struct OfIndex {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

#[derive(Deserialize)]
struct OfImage {
    config: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    config: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default, rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

impl Repository {
    /// What an image says of itself. Of an index the manifest for the platform is read, or the only one that it has.
    ///
    /// # Errors
    /// [`ErrorKind::NoPlatform`], [`ErrorKind::OtherDigest`], [`ErrorKind::BadAnswer`] for what is no image, and the rest of [`RegistryError`].
    pub async fn config(&self, reference: &Reference, platform: &Platform) -> Result<ImageConfig, RegistryError> {
        let mut manifest = self.manifest(reference).await?;
        if manifest.is_index() {
            let digest = self.of_platform(&manifest, platform)?;
            manifest = self.manifest(&Reference::Digest(digest)).await?;
        }
        let image: OfImage = serde_json::from_slice(&manifest.bytes).map_err(|_| self.no_image())?;
        let digest = Digest::parse(&image.config.digest).map_err(|_| self.no_image())?;
        let config: Config = serde_json::from_slice(&self.blob(&digest).await?).map_err(|_| self.no_image())?;
        Ok(ImageConfig {
            digest: manifest.digest,
            platform: Platform { os: config.os, architecture: config.architecture, variant: config.variant },
            created: config.created.unwrap_or_default(),
            labels: config.config.and_then(|config| config.labels).unwrap_or_default(),
        })
    }

    fn of_platform(&self, index: &Manifest, wanted: &Platform) -> Result<Digest, RegistryError> {
        let index: Index = serde_json::from_slice(&index.bytes).map_err(|_| self.no_image())?;
        // Attestations of builders stand among the images, for a platform that nobody has.
        let is_image = |entry: &&OfList| entry.platform.as_ref().is_none_or(|platform| platform.os != "unknown");
        let images: Vec<&OfList> = index.manifests.iter().filter(is_image).collect();
        let fitting = images.iter().find(|entry| entry.platform.as_ref().is_some_and(|platform| wanted.fits(platform)));
        match (fitting, &images[..]) {
            (Some(entry), _) | (None, [entry]) => Digest::parse(&entry.digest).map_err(|_| self.no_image()),
            _ => {
                let name = |platform: &OfIndex| {
                    let OfIndex { os, architecture, variant } = platform;
                    Platform { os: os.clone(), architecture: architecture.clone(), variant: variant.clone() }.to_string()
                };
                let available = images.iter().filter_map(|entry| entry.platform.as_ref().map(name)).take(20).collect();
                Err(self.failed(ErrorKind::NoPlatform { wanted: wanted.to_string(), available }))
            }
        }
    }

    /// A small part of an image, verified. Registries often redirect to a store of another host, which gets nothing of the login.
    async fn blob(&self, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let address = self.registry.address(&format!("v2/{}/blobs/{digest}", self.name))?;
        let ask = Ask {
            call: Call::new(Method::GET, address, LARGEST_ANSWER),
            repository: Some(&self.name),
            scopes: vec![self.scope("pull")],
            action: Action::Pull,
            missing: ErrorKind::NoBlob { digest: digest.to_string() },
            tag: None,
        };
        let answer = self.registry.ask(&ask).await?;
        let found = digest.same_algorithm_of(&answer.body);
        if found == *digest { Ok(answer.body.to_vec()) } else { Err(self.other_digest(digest, &found)) }
    }

    fn no_image(&self) -> RegistryError {
        self.failed(ErrorKind::BadAnswer { reason: message!("it is no image") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_and_written() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(Platform::parse(text).unwrap().to_string(), text);
        }
        for odd in ["", "linux", "linux/", "/amd64", "linux/arm/", "a/b/c/d"] {
            assert_eq!(Platform::parse(odd), None, "{odd}");
        }
    }
}
