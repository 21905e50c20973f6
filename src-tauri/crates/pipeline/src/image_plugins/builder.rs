//! Which images are plugins that build images, and by whose rules.

use super::auto_tag::Rule;
use lp_model::ImageReference;

/// A plugin that builds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// plugins/docker and what is made of it.
    Docker {
        /// Its rules.
        era: Era,
        /// Where it pushes to.
        cloud: Cloud,
    },
    /// thegeeklab/drone-docker: a fork of plugins/docker without labels of its own.
    GeeklabDocker,
    /// woodpeckerci/plugin-docker-buildx.
    Buildx,
    /// thegeeklab/wp-docker-buildx.
    GeeklabBuildx,
    /// thegeeklab/drone-docker-buildx, given up for the one for Woodpecker.
    GeeklabDroneBuildx,
    /// plugins/kaniko and what is made of it.
    Kaniko(Cloud),
    /// banzaicloud/drone-kaniko, a shell script.
    BanzaiKaniko,
    /// woodpeckerci/plugin-kaniko, a shell script.
    WoodpeckerKaniko,
}

/// The versions of plugins/docker that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// Until 17.x.
    V17,
    /// 18.x.
    V18,
    /// 19.x: as 18.x, but a setting wins over the file `.tags`.
    V19,
    /// 20.x.
    V20,
    /// Since 21.x, and where the image says no version.
    V21,
}

/// The registry that a plugin is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Any.
    None,
    /// Amazon's.
    Ecr,
    /// Google's container registry.
    Gcr,
    /// Google's artifact registry.
    Gar,
    /// Azure's.
    Acr,
    /// Heroku's.
    Heroku,
}

impl Builder {
    /// The plugin that an image is, whatever its tag or digest. A fork or mirror under another name is none.
    pub fn of(image: &str) -> Option<Self> {
        // Nearly every image is none of them, which shows without taking the name apart.
        if !["docker", "ecr", "gcr", "gar", "acr", "heroku", "kaniko"].iter().any(|part| image.contains(part)) {
            return None;
        }
        let reference = ImageReference::parse(image).ok()?;
        let era = Era::of(reference.tag().unwrap_or_default());
        let docker = |cloud| Self::Docker { era, cloud };
        Some(match reference.familiar_name().as_str() {
            "plugins/docker" => docker(Cloud::None),
            "plugins/ecr" => docker(Cloud::Ecr),
            "plugins/gcr" => docker(Cloud::Gcr),
            "plugins/gar" => docker(Cloud::Gar),
            "plugins/acr" => docker(Cloud::Acr),
            "plugins/heroku" => docker(Cloud::Heroku),
            // A fork of the days of Drone 0.8 that many files name.
            "quay.io/ukhomeofficedigital/drone-docker" => Self::Docker { era: Era::V17, cloud: Cloud::None },
            "thegeeklab/drone-docker" | "quay.io/thegeeklab/drone-docker" => Self::GeeklabDocker,
            "woodpeckerci/plugin-docker-buildx" | "codeberg.org/woodpecker-plugins/docker-buildx" => Self::Buildx,
            "thegeeklab/wp-docker-buildx" | "quay.io/thegeeklab/wp-docker-buildx" => Self::GeeklabBuildx,
            "thegeeklab/drone-docker-buildx" | "quay.io/thegeeklab/drone-docker-buildx" => Self::GeeklabDroneBuildx,
            "plugins/kaniko" => Self::Kaniko(Cloud::None),
            "plugins/kaniko-ecr" => Self::Kaniko(Cloud::Ecr),
            "plugins/kaniko-gcr" => Self::Kaniko(Cloud::Gcr),
            "plugins/kaniko-gar" => Self::Kaniko(Cloud::Gar),
            "plugins/kaniko-acr" => Self::Kaniko(Cloud::Acr),
            "banzaicloud/drone-kaniko" => Self::BanzaiKaniko,
            "woodpeckerci/plugin-kaniko" => Self::WoodpeckerKaniko,
            _ => return None,
        })
    }

    /// Its rule for `auto_tag`.
    pub fn rule(self) -> Rule {
        match self {
            Self::Docker { era: Era::V17, .. } => Rule::Docker17,
            Self::Docker { era: Era::V18 | Era::V19, .. } => Rule::Docker18,
            Self::Docker { .. } | Self::GeeklabDocker | Self::GeeklabDroneBuildx | Self::Kaniko(_) => Rule::Docker20,
            Self::Buildx => Rule::Buildx,
            Self::GeeklabBuildx => Rule::Geeklab,
            Self::BanzaiKaniko | Self::WoodpeckerKaniko => Rule::Script,
        }
    }

    /// Whether its settings are read as a shell reads variables, and not as a program in Go reads its flags.
    pub fn is_script(self) -> bool {
        matches!(self, Self::BanzaiKaniko | Self::WoodpeckerKaniko)
    }
}

impl Era {
    /// That of a tag of plugins/docker: `17.12`, `18`, `20.18.4-linux-amd64`; the newest where it begins with no number.
    pub fn of(tag: &str) -> Self {
        let digits: String = tag.strip_prefix('v').unwrap_or(tag).chars().take_while(char::is_ascii_digit).collect();
        match digits.parse::<u32>() {
            Ok(..=17) => Self::V17,
            Ok(18) => Self::V18,
            Ok(19) => Self::V19,
            Ok(20) => Self::V20,
            Ok(_) | Err(_) => Self::V21,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_are_known_by_name_whatever_the_version() {
        let docker = |era| Some(Builder::Docker { era, cloud: Cloud::None });
        for (image, expected) in [
            ("plugins/docker", docker(Era::V21)),
            ("plugins/docker:latest", docker(Era::V21)),
            ("docker.io/plugins/docker:17.12", docker(Era::V17)),
            ("index.docker.io/plugins/docker:18", docker(Era::V18)),
            ("plugins/docker:19.03.8", docker(Era::V19)),
            ("plugins/docker:linux-amd64", docker(Era::V21)),
            ("plugins/ecr:20", Some(Builder::Docker { era: Era::V20, cloud: Cloud::Ecr })),
            (
                "quay.io/thegeeklab/wp-docker-buildx:6@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                Some(Builder::GeeklabBuildx),
            ),
            ("codeberg.org/woodpecker-plugins/docker-buildx:5", Some(Builder::Buildx)),
            ("plugins/kaniko-gcr", Some(Builder::Kaniko(Cloud::Gcr))),
            ("registry.example.com/plugins/docker", None),
            ("docker:dind", None),
            ("plugins/manifest", None),
            ("", None),
        ] {
            assert_eq!(Builder::of(image), expected, "{image}");
        }
    }
}
