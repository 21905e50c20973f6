//! Names of images, as far as the compiler must compare them.

/// Plugins that build images and therefore get all rights in Drone 0.8 without being asked.
pub(crate) const PRIVILEGED_08: [&str; 3] = ["plugins/docker", "plugins/gcr", "plugins/ecr"];
/// The same for Drone 1.x.
pub(crate) const PRIVILEGED_1: [&str; 6] = ["plugins/docker", "plugins/acr", "plugins/ecr", "plugins/gcr", "plugins/heroku", "plugins/gar"];
/// The same for Woodpecker up to 2; 3 has no such list any more.
pub(crate) const PRIVILEGED_WOODPECKER: [&str; 5] =
    ["plugins/docker", "plugins/gcr", "plugins/ecr", "woodpeckerci/plugin-docker-buildx", "codeberg.org/woodpecker-plugins/docker-buildx"];

/// Whether an image is one of `names`, whatever its tag or digest; `docker.io/` and `index.docker.io/` are the default
/// registry and may be written or not.
pub(crate) fn is_one_of(image: &str, names: &[&str]) -> bool {
    let plain = image.strip_prefix("index.docker.io/").or_else(|| image.strip_prefix("docker.io/")).unwrap_or(image);
    let plain = plain.split_once('@').map_or(plain, |(name, _)| name);
    let slash = plain.rfind('/').map_or(0, |at| at + 1);
    let name = plain[slash..].find(':').map_or(plain, |colon| &plain[..slash + colon]);
    names.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_digest_and_default_registry_do_not_matter() {
        for (image, expected) in [
            ("plugins/docker", true),
            ("plugins/docker:18", true),
            ("docker.io/plugins/docker:latest", true),
            ("index.docker.io/plugins/docker@sha256:00", true),
            ("example.com:5000/plugins/docker", false),
            ("plugins/docker-x", false),
            ("docker", false),
        ] {
            assert_eq!(is_one_of(image, &PRIVILEGED_1), expected, "{image}");
        }
    }
}
