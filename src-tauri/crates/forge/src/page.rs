//! Pages of a forge about a repository: where a person looks at a commit, a comparison, a branch, a tag or a pull request.

use crate::{Forge, Site};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A page about a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page<'a> {
    /// The repository itself.
    Repository,
    /// A commit, by its id.
    Commit(&'a str),
    /// What the second has that the first has not: ids, branches or tags.
    Compare(&'a str, &'a str),
    /// A branch.
    Branch(&'a str),
    /// A tag, on GitHub with its release.
    Tag(&'a str),
    /// A pull request, by its number.
    PullRequest(u64),
}

/// The address of a page; `repository` is `owner/name`, on GitLab with all groups.
pub fn page(site: &Site, repository: &str, page: Page<'_>) -> String {
    let folder = |of_gogs: &'static str, of_gitea: &'static str, of_github: &'static str, of_gitlab: &'static str| match site.forge() {
        Forge::Gogs => of_gogs,
        Forge::Gitea | Forge::Forgejo => of_gitea,
        Forge::GitHub => of_github,
        Forge::GitLab => of_gitlab,
    };
    let rest = match page {
        Page::Repository => String::new(),
        Page::Commit(id) => format!("/{}/{}", folder("commit", "commit", "commit", "-/commit"), path(id)),
        Page::Compare(from, to) => {
            format!("/{}/{}...{}", folder("compare", "compare", "compare", "-/compare"), path(from), path(to))
        }
        Page::Branch(name) => format!("/{}/{}", folder("src", "src/branch", "tree", "-/tree"), path(name)),
        Page::Tag(name) => format!("/{}/{}", folder("src", "src/tag", "releases/tag", "-/tags"), path(name)),
        Page::PullRequest(number) => format!("/{}/{number}", folder("pulls", "pulls", "pull", "-/merge_requests")),
    };
    format!("{}/{}{rest}", site.base(), path(repository))
}

/// A name with slashes as a path: each part encoded by itself.
pub(crate) fn path(name: &str) -> String {
    name.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A name as one part of a path, its slashes encoded.
pub(crate) fn part(name: &str) -> String {
    utf8_percent_encode(name, PART).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forge_has_its_pages() {
        let pages = [
            Page::Repository,
            Page::Commit("abc"),
            Page::Compare("v1", "feature/x"),
            Page::Branch("feature/功能#1"),
            Page::Tag("v1.0"),
            Page::PullRequest(7),
        ];
        let branch = "feature/%E5%8A%9F%E8%83%BD%231";
        for (forge, expected) in [
            (Forge::Gogs, ["", "/commit/abc", "/compare/v1...feature/x", &format!("/src/{branch}"), "/src/v1.0", "/pulls/7"]),
            (Forge::Gitea, ["", "/commit/abc", "/compare/v1...feature/x", &format!("/src/branch/{branch}"), "/src/tag/v1.0", "/pulls/7"]),
            (Forge::GitHub, ["", "/commit/abc", "/compare/v1...feature/x", &format!("/tree/{branch}"), "/releases/tag/v1.0", "/pull/7"]),
            (
                Forge::GitLab,
                ["", "/-/commit/abc", "/-/compare/v1...feature/x", &format!("/-/tree/{branch}"), "/-/tags/v1.0", "/-/merge_requests/7"],
            ),
        ] {
            let site = Site::parse(forge, "https://h/git").unwrap();
            for (of, expected) in pages.into_iter().zip(expected) {
                assert_eq!(page(&site, "lin/shop", of), format!("https://h/git/lin/shop{expected}"), "{forge:?}");
                assert!(site.is_own(&page(&site, "lin/shop", of)));
            }
        }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let site = Site::parse(Forge::Gogs, "https://h").unwrap();
        assert_eq!(page(&site, "a/b", Page::Branch("x?y=1#z&100% <>")), "https://h/a/b/src/x%3Fy%3D1%23z%26100%25%20%3C%3E");
        assert_eq!(part("a/b"), "a%2Fb");
    }
}
