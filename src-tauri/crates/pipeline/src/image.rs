//! Images: which registries want a login, and which plugins build images and therefore get all rights without being asked.

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

/// In Drone 0.8.
pub(crate) const PRIVILEGED_08: [&str; 3] = ["plugins/docker", "plugins/gcr", "plugins/ecr"];
/// In Drone 1.x.
pub(crate) const PRIVILEGED_1: [&str; 6] = ["plugins/docker", "plugins/acr", "plugins/ecr", "plugins/gcr", "plugins/heroku", "plugins/gar"];
/// In Woodpecker up to 2; 3 has no such list any more.
pub(crate) const PRIVILEGED_WOODPECKER: [&str; 5] =
    ["plugins/docker", "plugins/gcr", "plugins/ecr", "woodpeckerci/plugin-docker-buildx", "codeberg.org/woodpecker-plugins/docker-buildx"];
