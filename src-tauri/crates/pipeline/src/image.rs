//! Plugins that build images and therefore get all rights without being asked.

pub(crate) use lp_model::image::is_one_of;

/// In Drone 0.8.
pub(crate) const PRIVILEGED_08: [&str; 3] = ["plugins/docker", "plugins/gcr", "plugins/ecr"];
/// In Drone 1.x.
pub(crate) const PRIVILEGED_1: [&str; 6] = ["plugins/docker", "plugins/acr", "plugins/ecr", "plugins/gcr", "plugins/heroku", "plugins/gar"];
/// In Woodpecker up to 2; 3 has no such list any more.
pub(crate) const PRIVILEGED_WOODPECKER: [&str; 5] =
    ["plugins/docker", "plugins/gcr", "plugins/ecr", "woodpeckerci/plugin-docker-buildx", "codeberg.org/woodpecker-plugins/docker-buildx"];
