//! Manifests: found, read, given another tag, deleted.

use super::registry::Ask;
use super::transport::{Answer, Call};
use super::{LARGEST_ANSWER, Repository};
use crate::error::{Action, ErrorKind, RateLimits, RegistryError};
use crate::reference::{Digest, Reference, Tag};
use bytes::Bytes;
use lp_model::{Message, message};
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::Value;

pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// All of them, always: a registry that is asked for one kind may answer 404, or change the manifest and its digest.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// By which registries tell the digest of what they give.
const DIGEST_HEADER: &str = "docker-content-digest";

/// What a tag or digest is, without the manifest itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its digest.
    pub digest: Digest,
    /// As the registry says; empty when it does not.
    pub media_type: String,
    /// Of the manifest, not of the image. In bytes.
    pub size: Option<u64>,
    /// What the registry tells of its limits; empty for most.
    pub limits: RateLimits,
}

/// A manifest, in the very bytes that its digest is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Verified against the bytes.
    pub digest: Digest,
    /// Its kind.
    pub media_type: String,
    /// Never written anew: that would change the digest.
    pub bytes: Bytes,
}

impl Manifest {
    /// Whether it lists manifests for several platforms.
    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), OCI_INDEX | DOCKER_LIST)
    }
}

impl Repository {
    /// What a tag or digest is. It is asked without reading the manifest, which Docker Hub does not count as a pull; where the registry tells no digest then, the manifest
    /// is read.
    ///
    /// # Errors
    /// [`ErrorKind::NoManifest`], [`ErrorKind::NoRepository`] and the rest of [`RegistryError`].
    pub async fn find(&self, reference: &Reference) -> Result<Found, RegistryError> {
        let answer = self.ask_manifest(Method::HEAD, reference).await?;
        let size = answer.header(CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
        let (told, limits) = (answer.header(DIGEST_HEADER).map(Digest::parse), RateLimits::read(&answer.headers));
        match told {
            Some(Ok(digest)) => {
                self.expect(reference, &digest)?;
                Ok(Found { digest, media_type: media_type(&answer), size, limits })
            }
            _ => {
                let manifest = self.manifest(reference).await?;
                let size = Some(manifest.bytes.len() as u64);
                Ok(Found { digest: manifest.digest, media_type: manifest.media_type, size, limits })
            }
        }
    }

    /// Reads a manifest, and verifies it: against the digest that was asked for, and against the one that the registry tells.
    ///
    /// # Errors
    /// [`ErrorKind::OtherDigest`], [`ErrorKind::NoManifest`], [`ErrorKind::NoRepository`] and the rest of [`RegistryError`].
    pub async fn manifest(&self, reference: &Reference) -> Result<Manifest, RegistryError> {
        let answer = self.ask_manifest(Method::GET, reference).await?;
        let told = answer.header(DIGEST_HEADER).and_then(|text| Digest::parse(text).ok());
        let expected = match reference {
            Reference::Digest(digest) => Some(digest),
            Reference::Tag(_) => told.as_ref(),
        };
        let digest = expected.map_or_else(|| Digest::of(&answer.body), |expected| expected.same_algorithm_of(&answer.body));
        for other in [expected, told.as_ref()].into_iter().flatten() {
            let found = other.same_algorithm_of(&answer.body);
            if found != *other {
                return Err(self.other_digest(other, &found));
            }
        }
        let mut media_type = media_type(&answer);
        if ![OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].contains(&media_type.as_str())
            && let Some(inside) =
                serde_json::from_slice::<Value>(&answer.body).ok().and_then(|body| body["mediaType"].as_str().map(str::to_owned))
        {
            media_type = inside;
        }
        Ok(Manifest { digest, media_type, bytes: answer.body })
    }

    /// Gives an image another tag in the same repository, without moving data: its very bytes are put under the tag, so that the digest stays, which is checked. A tag that
    /// was there moves.
    ///
    /// # Errors
    /// [`ErrorKind::ImmutableTag`], [`ErrorKind::Denied`], [`ErrorKind::OtherDigest`] when the registry took something else, and the rest of [`RegistryError`].
    pub async fn put_tag(&self, manifest: &Manifest, tag: &Tag) -> Result<(), RegistryError> {
        let address = self.registry.address(&format!("v2/{}/manifests/{tag}", self.name))?;
        let ask = Ask {
            call: Call::new(Method::PUT, address, LARGEST_ANSWER).with_body(&manifest.media_type, manifest.bytes.clone()),
            repository: Some(&self.name),
            scopes: vec![self.scope("pull,push")],
            action: Action::Push,
            missing: ErrorKind::NoRepository,
            tag: Some(tag.as_str()),
        };
        let answer = self.registry.ask(&ask).await?;
        let told = answer.header(DIGEST_HEADER).and_then(|text| Digest::parse(text).ok());
        let found = match told {
            Some(digest) => digest,
            None => self.find(&Reference::Tag(tag.clone())).await?.digest,
        };
        // The registry may count in another algorithm.
        let same = found.same_algorithm_of(&manifest.bytes) == found;
        if same { Ok(()) } else { Err(self.other_digest(&manifest.digest, &found)) }
    }

    /// Deletes an image: its manifest and every tag that points to it ([`deletion_told`]). Only by digest: what a tag points to may have changed since a person looked.
    ///
    /// # Errors
    /// [`ErrorKind::DeleteOff`], [`ErrorKind::NoManifest`], [`ErrorKind::ImmutableTag`], [`ErrorKind::Denied`] and the rest of [`RegistryError`].
    pub async fn delete(&self, digest: &Digest) -> Result<(), RegistryError> {
        let address = self.registry.address(&format!("v2/{}/manifests/{digest}", self.name))?;
        let ask = Ask {
            call: Call::new(Method::DELETE, address, LARGEST_ANSWER),
            repository: Some(&self.name),
            scopes: vec![self.scope("delete,pull")],
            action: Action::Delete,
            missing: ErrorKind::NoManifest { reference: digest.to_string() },
            tag: None,
        };
        self.registry.ask(&ask).await.map(drop)
    }

    async fn ask_manifest(&self, method: Method, reference: &Reference) -> Result<Answer, RegistryError> {
        let address = self.registry.address(&format!("v2/{}/manifests/{reference}", self.name))?;
        let ask = Ask {
            call: Call::new(method, address, LARGEST_ANSWER).accepting(ACCEPTED),
            repository: Some(&self.name),
            scopes: vec![self.scope("pull")],
            action: Action::Pull,
            missing: ErrorKind::NoManifest { reference: reference.to_string() },
            tag: None,
        };
        self.registry.ask(&ask).await
    }

    fn expect(&self, reference: &Reference, found: &Digest) -> Result<(), RegistryError> {
        match reference {
            Reference::Digest(expected) if expected != found => Err(self.other_digest(expected, found)),
            _ => Ok(()),
        }
    }

    pub(super) fn other_digest(&self, expected: &Digest, found: &Digest) -> RegistryError {
        self.failed(ErrorKind::OtherDigest { expected: expected.to_string(), found: found.to_string() })
    }
}

/// What a person must know before an image is deleted: registries delete by digest, and every tag that points to it goes too.
pub fn deletion_told(digest: &Digest, tags: &[String]) -> Message {
    if tags.is_empty() {
        return message!("deletes the image `{}` and every tag that points to it", digest.as_str());
    }
    message!("deletes the image `{}` and every tag that points to it: {}", digest.as_str(), tags.join(", "))
}

/// Without parameters.
fn media_type(answer: &Answer) -> String {
    let text = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
