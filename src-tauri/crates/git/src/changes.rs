//! Which files a commit changed: what conditions by path are decided by.
//!
//! The originals get the list from the forge (of a push the files of its commits, of a pull request those of its commits too). The difference
//! of two trees says the same without one: renamed files with their old and new names, a merge by what it brought to the branch.

use crate::commit::Commit;
use crate::{GitError, Repository};
use git2::{DiffOptions, ErrorCode, Oid, Tree};

/// Most files that are listed; more are [`Changes::Unknown`]. A monorepo that is reformatted has some ten thousand.
const MAX_FILES: usize = 100_000;

/// What a commit is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since<'a> {
    /// The commit that the branch had before, by its full id; empty or unknown: the first parent.
    Push(&'a str),
    /// The point where the commit's branch left this branch.
    Branch(&'a str),
}

/// The files that a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Their paths in the repository, sorted.
    Files(Vec<String>),
    /// They cannot be known.
    Unknown(WhyUnknown),
}

/// Why changed files are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyUnknown {
    /// The commit to compare with is not in this shallow or partial clone.
    NotFetched,
    /// There is no such branch.
    NoBranch(String),
    /// The histories have nothing in common.
    Unrelated,
    /// More files than are listed.
    TooMany,
}

impl Repository {
    /// The files that a commit (its full id) changed. Of a first commit these are all of its files.
    ///
    /// # Errors
    /// `UnknownVersion` for a commit that is not there; what reading the repository gives.
    pub fn changed_files(&self, sha: &str, since: Since<'_>) -> Result<Changes, GitError> {
        self.changed_files_of(sha, since).map_err(|error| self.explained(error))
    }

    fn changed_files_of(&self, sha: &str, since: Since<'_>) -> Result<Changes, GitError> {
        let commit = self.commit(sha)?;
        let before = match since {
            Since::Push(before) => match self.known(before) {
                Some(before) if before.id != commit.id => Ok(Some(before)),
                _ => self.first_parent(&commit),
            },
            Since::Branch(branch) => self.left_branch(&commit, branch)?,
        };
        let before = match before {
            Ok(before) => before,
            Err(why) => return Ok(Changes::Unknown(why)),
        };
        let old = before.map(|before| self.git.find_tree(before.tree)).transpose();
        match (old, self.git.find_tree(commit.tree)) {
            (Ok(old), Ok(new)) => self.difference(old.as_ref(), &new),
            (Err(error), _) | (_, Err(error)) if error.code() == ErrorCode::NotFound => Ok(Changes::Unknown(WhyUnknown::NotFetched)),
            (Err(error), _) | (_, Err(error)) => Err(error.into()),
        }
    }

    /// The commit with that id, if the text is one and it is here.
    fn known(&self, id: &str) -> Option<Commit> {
        Oid::from_str(id).ok().filter(|id| !id.is_zero()).and_then(|id| self.read_commit(id).ok())
    }

    /// The first parent; `None` for a first commit. A shallow clone ends with commits whose parents are not here, and must not take them for
    /// first ones: what the commit itself says counts, not what the library makes of the end.
    fn first_parent(&self, commit: &Commit) -> Result<Option<Commit>, WhyUnknown> {
        let Some(parent) = commit.parents.first() else { return Ok(None) };
        self.read_commit(*parent).map(Some).map_err(|_| WhyUnknown::NotFetched)
    }

    /// Where the commit's branch left another one.
    fn left_branch(&self, commit: &Commit, branch: &str) -> Result<Result<Option<Commit>, WhyUnknown>, GitError> {
        let Some(tip) = crate::merge::target(&self.git, branch) else { return Ok(Err(WhyUnknown::NoBranch(branch.to_owned()))) };
        match self.git.merge_base(commit.id, tip) {
            Ok(base) => Ok(Ok(Some(self.read_commit(base)?))),
            Err(error) if error.code() == ErrorCode::NotFound => {
                let ends_early = !crate::dot_git::boundary(&self.git).is_empty();
                Ok(Err(if ends_early { WhyUnknown::NotFetched } else { WhyUnknown::Unrelated }))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn difference(&self, old: Option<&Tree<'_>>, new: &Tree<'_>) -> Result<Changes, GitError> {
        let mut options = DiffOptions::new();
        // Only the names matter, and a file that merely looks changed in its time is not one here.
        options.skip_binary_check(true).include_typechange(true).ignore_submodules(false);
        let difference = match self.git.diff_tree_to_tree(old, Some(new), Some(&mut options)) {
            Ok(difference) => difference,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(Changes::Unknown(WhyUnknown::NotFetched)),
            Err(error) => return Err(error.into()),
        };
        if difference.deltas().len() > MAX_FILES {
            return Ok(Changes::Unknown(WhyUnknown::TooMany));
        }
        let path = |delta: git2::DiffDelta<'_>| {
            let bytes = delta.new_file().path_bytes().or_else(|| delta.old_file().path_bytes())?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        let mut files: Vec<String> = difference.deltas().filter_map(path).collect();
        files.sort();
        files.dedup();
        Ok(Changes::Files(files))
    }

    /// Whether a name is that of a tag and of a branch at once.
    pub fn is_tag_and_branch(&self, name: &str) -> bool {
        let exists = |prefix: &str| {
            let reference = format!("{prefix}{name}");
            git2::Reference::is_valid_name(&reference) && self.git.find_reference(&reference).is_ok()
        };
        exists("refs/tags/") && (exists("refs/heads/") || exists("refs/remotes/origin/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=Lin Yue",
                "-c",
                "user.email=lin@example.com",
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.autocrlf=false",
            ])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(folder: &Path, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "-q", "-m", "x"]);
        git(folder, &["rev-parse", "HEAD"])
    }

    fn files(folder: &Path, sha: &str, since: Since<'_>) -> Result<Vec<String>, WhyUnknown> {
        match Repository::open(folder).unwrap().changed_files(sha, since).unwrap() {
            Changes::Files(files) => Ok(files),
            Changes::Unknown(why) => Err(why),
        }
    }

    #[test]
    fn a_push_changes_what_its_commits_changed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        git(folder, &["init", "-q", "-b", "main"]);
        let first = commit(folder, &[("a", "1"), ("frontend/中文 x", "1"), ("b", "1")]);
        assert_eq!(files(folder, &first, Since::Push("")).unwrap(), ["a", "b", "frontend/中文 x"]);
        let second = commit(folder, &[("a", "2")]);
        assert_eq!(files(folder, &second, Since::Push("")).unwrap(), ["a"]);
        git(folder, &["mv", "b", "backend"]);
        git(folder, &["rm", "-q", "a"]);
        let third = commit(folder, &[]);
        assert_eq!(files(folder, &third, Since::Push("")).unwrap(), ["a", "b", "backend"]);
        assert_eq!(files(folder, &third, Since::Push(&first)).unwrap(), ["a", "b", "backend"]);
        // What is not known, or nothing, is as if nothing had been said.
        assert_eq!(files(folder, &third, Since::Push(&"0".repeat(40))).unwrap(), ["a", "b", "backend"]);
        assert_eq!(files(folder, &third, Since::Push(&third)).unwrap(), ["a", "b", "backend"]);
    }

    #[test]
    fn a_merge_changes_what_it_brought_and_a_pull_request_what_its_branch_did() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        git(folder, &["init", "-q", "-b", "main"]);
        commit(folder, &[("a", "1")]);
        git(folder, &["checkout", "-q", "-b", "feature"]);
        commit(folder, &[("f/1", "1")]);
        let tip = commit(folder, &[("f/2", "1")]);
        git(folder, &["checkout", "-q", "main"]);
        commit(folder, &[("a", "2")]);
        assert_eq!(files(folder, &tip, Since::Branch("main")).unwrap(), ["f/1", "f/2"]);
        assert_eq!(files(folder, &tip, Since::Branch("none")), Err(WhyUnknown::NoBranch("none".into())));
        git(folder, &["merge", "-q", "--no-ff", "-m", "merge", "feature"]);
        let merge = git(folder, &["rev-parse", "HEAD"]);
        assert_eq!(files(folder, &merge, Since::Push("")).unwrap(), ["f/1", "f/2"]);
        git(folder, &["checkout", "-q", "--orphan", "other"]);
        let alone = commit(folder, &[("o", "1")]);
        assert_eq!(files(folder, &alone, Since::Branch("main")), Err(WhyUnknown::Unrelated));
    }

    #[test]
    fn the_end_of_a_shallow_clone_is_no_first_commit() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        std::fs::create_dir(&source).unwrap();
        git(&source, &["init", "-q", "-b", "main"]);
        commit(&source, &[("a", "1")]);
        let tip = commit(&source, &[("b", "1")]);
        git(folder.path(), &["clone", "-q", "--depth", "1", &format!("file://{}", source.display()), "shallow"]);
        let shallow = folder.path().join("shallow");
        assert_eq!(files(&shallow, &tip, Since::Push("")), Err(WhyUnknown::NotFetched));
        git(&shallow, &["fetch", "-q", "--unshallow"]);
        assert_eq!(files(&shallow, &tip, Since::Push("")).unwrap(), ["b"]);
    }

    #[test]
    fn a_name_may_be_a_tag_and_a_branch() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        git(folder, &["init", "-q", "-b", "main"]);
        commit(folder, &[("a", "1")]);
        git(folder, &["tag", "v1"]);
        let repository = || Repository::open(folder).unwrap();
        assert!(!repository().is_tag_and_branch("v1") && !repository().is_tag_and_branch("main"));
        git(folder, &["branch", "v1"]);
        assert!(repository().is_tag_and_branch("v1") && !repository().is_tag_and_branch("no name\n"));
    }
}
