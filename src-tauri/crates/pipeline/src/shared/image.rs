//! Images: which registries want a login.

use lp_model::image::{DEFAULT_HOST, ImageReference};

pub(crate) use lp_model::image::is_one_of;

/// Registries from which anyone may take most images.
const PUBLIC_HOSTS: [&str; 10] = [
    DEFAULT_HOST,
    "codeberg.org",
    "gcr.io",
    "ghcr.io",
    "k8s.gcr.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "quay.io",
    "registry.gitlab.com",
    "registry.k8s.io",
];

/// The registry of an image, when it is one that usually wants to know who asks.
pub(crate) fn host_with_login(image: &str) -> Option<String> {
    let reference = ImageReference::parse(image).ok()?;
    let host = reference.host();
    let local = host.split(':').next() == Some("localhost") || host.starts_with("127.");
    (!local && !PUBLIC_HOSTS.contains(&host)).then(|| host.to_owned())
}
