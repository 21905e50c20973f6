//! Where a forge is: the address that a person types, cut to the part that all others begin with.
//!
//! Forges are often installed below a path (`https://host/git/`), and the addresses in their answers are often wrong behind a proxy: what the
//! person typed counts. Credentials in an address are dropped, never kept or shown.

use crate::Forge;
use lp_model::{Message, message};
use url::Url;

/// Why a text is no address of a forge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(Message);

impl AddressError {
    /// What is wrong, for people.
    pub fn told(&self) -> &Message {
        &self.0
    }
}

/// A forge at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    forge: Forge,
    /// Without a slash at the end, credentials, query and fragment.
    base: String,
}

impl Site {
    /// Reads the address of a forge; `https://` is added where nothing says how to reach it.
    ///
    /// # Errors
    /// A text that is no address by http or https.
    pub fn parse(forge: Forge, text: &str) -> Result<Self, AddressError> {
        Ok(Self { forge, base: base(text)? })
    }

    /// The addresses at which the forge of a pasted address may be, the longest first: people paste that of a repository. Each is tried by
    /// asking for a version.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn candidates(text: &str) -> Result<Vec<String>, AddressError> {
        let whole = base(text)?;
        let host = whole.find("://").map_or(0, |at| at + 3);
        let mut candidates = vec![whole.clone()];
        let mut rest = whole.as_str();
        while let Some((shorter, _)) = rest.rsplit_once('/').filter(|(shorter, _)| shorter.len() > host) {
            candidates.push(shorter.to_owned());
            rest = shorter;
        }
        Ok(candidates)
    }

    /// The forge.
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// Its web address, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address that the paths of its API begin with, without a slash at the end.
    pub fn api(&self) -> String {
        match self.forge {
            Forge::Gogs | Forge::Gitea | Forge::Forgejo => format!("{}/api/v1", self.base),
            Forge::GitLab => format!("{}/api/v4", self.base),
            Forge::GitHub => match self.base.split_once("://").map(|(_, host)| host.trim_start_matches("www.")) {
                Some("github.com") => "https://api.github.com".to_owned(),
                // GitHub Enterprise Cloud with data residency.
                Some(host) if host.ends_with(".ghe.com") => format!("https://api.{host}"),
                _ => format!("{}/api/v3", self.base),
            },
        }
    }

    /// Whether an address leads to this forge: only such ones of its answers are opened or asked.
    pub fn is_own(&self, address: &str) -> bool {
        let (Ok(ours), Ok(theirs)) = (Url::parse(&self.base), Url::parse(address)) else { return false };
        let below = theirs.path().strip_prefix(ours.path().trim_end_matches('/'));
        ours.origin() == theirs.origin()
            && matches!(theirs.scheme(), "http" | "https")
            && theirs.username().is_empty()
            && theirs.password().is_none()
            && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }
}

fn base(text: &str) -> Result<String, AddressError> {
    let text = text.trim();
    let wrong = || AddressError(message!("this is no address of a forge; write e.g. `https://git.example.com`"));
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&text).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError(message!("a forge is asked by http or https, not by `{}`", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) || url.set_username("").is_err() || url.set_password(None).is_err() {
        return Err(wrong());
    }
    url.set_query(None);
    url.set_fragment(None);
    let base = url.as_str().trim_end_matches('/');
    Ok(base.strip_suffix(".git").unwrap_or(base).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(forge: Forge, text: &str) -> Site {
        Site::parse(forge, text).unwrap()
    }

    #[test]
    fn what_is_typed_becomes_the_base_and_the_api() {
        use Forge::*;
        for (forge, text, base, api) in [
            (Gogs, "git.example.com", "https://git.example.com", "https://git.example.com/api/v1"),
            (Gogs, " http://host:3000/git/ ", "http://host:3000/git", "http://host:3000/git/api/v1"),
            (Gitea, "https://me:token@h/?a=b#c", "https://h", "https://h/api/v1"),
            (Forgejo, "https://Codeberg.org", "https://codeberg.org", "https://codeberg.org/api/v1"),
            (GitLab, "https://h/gitlab", "https://h/gitlab", "https://h/gitlab/api/v4"),
            (GitHub, "github.com", "https://github.com", "https://api.github.com"),
            (GitHub, "https://ghe.example.com", "https://ghe.example.com", "https://ghe.example.com/api/v3"),
            (GitHub, "https://acme.ghe.com", "https://acme.ghe.com", "https://api.acme.ghe.com"),
            (Gogs, "http://[::1]:3000", "http://[::1]:3000", "http://[::1]:3000/api/v1"),
        ] {
            let site = site(forge, text);
            assert_eq!((site.base(), site.api().as_str()), (base, api), "{text}");
        }
        for text in ["", "ftp://h", "file:///etc", "https://", "javascript:alert(1)//://", "ssh://git@h/a"] {
            let error = Site::parse(Gogs, text).unwrap_err();
            assert_eq!(error.told().untranslated(), None);
            assert!(!error.to_string().contains("token"));
        }
    }

    #[test]
    fn a_pasted_repository_is_cut_back() {
        let candidates = Site::candidates("https://me:secret@h/git/lin/shop.git").unwrap();
        assert_eq!(candidates, ["https://h/git/lin/shop", "https://h/git/lin", "https://h/git", "https://h"]);
        assert_eq!(Site::candidates("h").unwrap(), ["https://h"]);
    }

    #[test]
    fn only_its_own_addresses_are_its_own() {
        let site = site(Forge::Gitea, "https://h/git");
        for (address, own) in [
            ("https://h/git/a/b", true),
            ("https://h:443/git", true),
            ("http://h/git/a", false),
            ("https://h/gitea/a", false),
            ("https://h.evil/git/a", false),
            ("https://u@h/git/a", false),
            ("https://h/git/../x", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(site.is_own(address), own, "{address}");
        }
    }
}
