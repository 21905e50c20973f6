//! Links in a commit: which path a path stands for once all symbolic links on its way were followed. Nothing outside of the repository is
//! ever looked at.

use crate::tree::{EntryKind, kind_of};
use crate::{GitError, Repository};
use git2::ObjectType;

/// Most links on one way, as the system itself allows.
const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// To a file, folder or submodule with that path; the same path where no link is on the way.
    At(String, EntryKind),
    /// To nothing. The text is what the last link says, empty when there is no link.
    Missing(String),
    /// Out of the repository; the text is what the link says.
    Outside(String),
    /// In a circle.
    Loop,
}

impl Repository {
    /// Follows the links on the way to a path of a commit, and the one that it may be itself.
    ///
    /// # Errors
    /// `UnknownVersion`, and what reading the repository gives.
    pub fn follow(&self, sha: &str, path: &str) -> Result<Followed, GitError> {
        self.follow_of(sha, path).map_err(|error| self.explained(error))
    }

    fn follow_of(&self, sha: &str, path: &str) -> Result<Followed, GitError> {
        let root = self.git.find_tree(self.commit(sha)?.tree)?;
        let mut ahead: Vec<String> = names(path);
        ahead.reverse();
        let (mut behind, mut trees) = (Vec::<String>::new(), vec![root]);
        let (mut links, mut last) = (0, String::new());
        let mut kind = EntryKind::Folder;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                if behind.pop().is_none() {
                    return Ok(Followed::Outside(last));
                }
                trees.truncate(behind.len() + 1);
                continue;
            }
            let missing = Ok(Followed::Missing(last.clone()));
            // Something that is no folder lies on the way.
            if trees.len() <= behind.len() {
                return missing;
            }
            let Some(tree) = trees.last() else { return missing };
            let Some(entry) = tree.get_name_bytes(name.as_bytes()).map(|entry| entry.to_owned()) else { return missing };
            kind = kind_of(&entry).unwrap_or(EntryKind::Submodule);
            if kind == EntryKind::Link {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(Followed::Loop);
                }
                last = String::from_utf8_lossy(self.git.find_blob(entry.id())?.content()).into_owned();
                if last.starts_with('/') {
                    return Ok(Followed::Outside(last));
                }
                ahead.extend(names(&last).into_iter().rev());
                kind = EntryKind::Folder;
                continue;
            }
            behind.push(name);
            if entry.kind() == Some(ObjectType::Tree) {
                trees.push(self.git.find_tree(entry.id())?);
            }
        }
        Ok(Followed::At(behind.join("/"), kind))
    }
}

fn names(path: &str) -> Vec<String> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn repository(folder: &Path) -> (Repository, String) {
        let git = git2::Repository::init(folder).unwrap();
        std::fs::create_dir_all(folder.join("ci/deep")).unwrap();
        std::fs::write(folder.join("ci/drone.yml"), "x").unwrap();
        for (link, target) in [
            (".drone.yml", "ci/drone.yml"),
            ("ci/deep/again", "../../.drone.yml"),
            (".woodpecker", "ci"),
            ("up", "../elsewhere"),
            ("absolute", "/etc/passwd"),
            ("gone", "ci/none.yml"),
            ("a", "b"),
            ("b", "a"),
            ("file", "ci/drone.yml/x"),
        ] {
            symlink(target, folder.join(link)).unwrap();
        }
        let mut index = git.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let author = git2::Signature::now("Lin Yue", "lin@example.com").unwrap();
        let sha = git.commit(Some("HEAD"), &author, &author, "x", &tree, &[]).unwrap().to_string();
        (Repository::open(folder).unwrap(), sha)
    }

    #[test]
    fn links_are_followed_within_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, sha) = repository(folder.path());
        let file = |path: &str| Followed::At(path.into(), EntryKind::File);
        for (path, expected) in [
            ("ci/drone.yml", file("ci/drone.yml")),
            ("./.drone.yml", file("ci/drone.yml")),
            ("ci/deep/again", file("ci/drone.yml")),
            (".woodpecker/drone.yml", file("ci/drone.yml")),
            (".woodpecker", Followed::At("ci".into(), EntryKind::Folder)),
            (".woodpecker/deep/again", file("ci/drone.yml")),
            ("up", Followed::Outside("../elsewhere".into())),
            ("absolute", Followed::Outside("/etc/passwd".into())),
            ("gone", Followed::Missing("ci/none.yml".into())),
            ("none", Followed::Missing(String::new())),
            ("a", Followed::Loop),
            ("file", Followed::Missing("ci/drone.yml/x".into())),
            ("ci/drone.yml/x", Followed::Missing(String::new())),
        ] {
            assert_eq!(repository.follow(&sha, path).unwrap(), expected, "{path}");
        }
    }
}
