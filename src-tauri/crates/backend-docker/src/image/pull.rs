//! What the pull policy of a step means: the one place that decides it.

use crate::error;
use lp_backend::BackendError;
use lp_model::{ImageReference, PullPolicy};

/// What is done about the image of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pull {
    /// As written in the file.
    pub image: String,
    pub reference: ImageReference,
    pub when_there: WhenThere,
    /// It may not be fetched.
    pub is_forbidden: bool,
}

/// What an image that is on the engine already counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenThere {
    /// It is used, and no registry is asked.
    IsUsed,
    /// A newer one is asked for; where that cannot be had it is used, with a note.
    StandsIn,
    /// The same, but only where there is no login for its registry: who logs in means the image of that registry.
    StandsInWithoutLogin,
    /// For nothing.
    MustBeFetched,
}

impl Pull {
    /// Reads the image's name as it is written in the file.
    pub fn of(image: &str, policy: PullPolicy) -> Result<Self, BackendError> {
        let reference = ImageReference::parse(image).map_err(|refused| error::no_image(image, refused.told()))?;
        let when_there = match policy {
            PullPolicy::Always => WhenThere::MustBeFetched,
            PullPolicy::Refresh => WhenThere::StandsInWithoutLogin,
            PullPolicy::Latest if reference.is_latest() => WhenThere::StandsIn,
            PullPolicy::Latest | PullPolicy::IfMissing | PullPolicy::Never => WhenThere::IsUsed,
        };
        Ok(Self { image: image.to_owned(), reference, when_there, is_forbidden: policy == PullPolicy::Never })
    }

    /// The name to create a container with.
    pub fn name(&self) -> String {
        self.reference.canonical()
    }

    /// Whether the registry is asked although the image is there.
    pub fn asks(&self) -> bool {
        self.when_there != WhenThere::IsUsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy() {
        let table = [
            (PullPolicy::IfMissing, "a:1", WhenThere::IsUsed, false),
            (PullPolicy::IfMissing, "a", WhenThere::IsUsed, false),
            (PullPolicy::Never, "a", WhenThere::IsUsed, true),
            (PullPolicy::Latest, "a:1", WhenThere::IsUsed, false),
            (PullPolicy::Latest, "a", WhenThere::StandsIn, false),
            (PullPolicy::Refresh, "a:1", WhenThere::StandsInWithoutLogin, false),
            (PullPolicy::Refresh, "a", WhenThere::StandsInWithoutLogin, false),
            (PullPolicy::Always, "a:1", WhenThere::MustBeFetched, false),
        ];
        for (policy, image, when_there, is_forbidden) in table {
            let pull = Pull::of(image, policy).unwrap();
            assert_eq!((pull.when_there, pull.is_forbidden), (when_there, is_forbidden), "{policy:?} of {image}");
        }
        assert!(matches!(Pull::of("A", PullPolicy::Latest), Err(BackendError::Image { .. })));
    }
}
