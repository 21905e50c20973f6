//! The forges that are known.

/// A program that keeps repositories and tells what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forge {
    /// Gogs.
    Gogs,
    /// Gitea.
    Gitea,
    /// Forgejo, which began as Gitea and speaks like it.
    Forgejo,
    /// GitHub and GitHub Enterprise.
    GitHub,
    /// GitLab.
    GitLab,
}

impl Forge {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Gogs, Self::Gitea, Self::Forgejo, Self::GitHub, Self::GitLab];

    /// The word for it on the command line and in data.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gogs => "gogs",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|forge| forge.word() == word)
    }

    /// Its name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gogs => "Gogs",
            Self::Gitea => "Gitea",
            Self::Forgejo => "Forgejo",
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
        }
    }

    /// The header that names the event of a delivery.
    pub(crate) fn event_header(self) -> &'static str {
        match self {
            Self::Gogs => "X-Gogs-Event",
            Self::Gitea => "X-Gitea-Event",
            Self::Forgejo => "X-Forgejo-Event",
            Self::GitHub => "X-GitHub-Event",
            Self::GitLab => "X-Gitlab-Event",
        }
    }

    /// The headers that name a delivery, the best first. GitLab's retries keep the first one.
    pub(crate) fn id_headers(self) -> &'static [&'static str] {
        match self {
            Self::Gogs => &["X-Gogs-Delivery"],
            Self::Gitea => &["X-Gitea-Delivery"],
            Self::Forgejo => &["X-Forgejo-Delivery"],
            Self::GitHub => &["X-GitHub-Delivery"],
            Self::GitLab => &["Idempotency-Key", "X-Gitlab-Event-UUID"],
        }
    }

    /// Whether it is Gitea or a program of its family: they sign the payload of a form, not the form.
    pub(crate) fn is_of_gogs(self) -> bool {
        matches!(self, Self::Gogs | Self::Gitea | Self::Forgejo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for forge in Forge::ALL {
            assert_eq!(Forge::parse(forge.word()), Some(forge));
            assert!(forge.event_header().to_lowercase().contains(forge.word()));
        }
        assert_eq!(Forge::parse("GitHub"), None);
    }
}
