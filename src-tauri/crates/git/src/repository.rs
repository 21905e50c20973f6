use crate::dot_git::boundary;
use crate::reachable::Ids;
use crate::{GitError, trouble};
use git2::{BranchType, ErrorCode, Oid};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// Branches that are looked through, the default one first, then those with the newest commits: a repository with thousands of old
/// branches must not make the list of versions slow.
const BRANCHES: usize = 100;

/// A repository on this computer, open for reading. Not for use by several threads at once: open it again, that is cheap.
pub struct Repository {
    pub(crate) git: git2::Repository,
    root: PathBuf,
}

/// A branch and its newest commit.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub name: String,
    pub tip: Oid,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens the repository that `path` lies in: its root, a folder in it, a work tree, a bare repository, or a `.git` folder.
    /// A repository without any commit is [`GitError::Empty`].
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let start = fs::canonicalize(path).map_err(|source| GitError::io("open", path, source))?;
        let shown = || path.display().to_string();
        if !start.is_dir() {
            return Err(GitError::NotARepository { path: shown() });
        }
        // libgit2 takes what it may not list for what is not there.
        fs::read_dir(&start).map_err(|source| GitError::io("list", path, source))?;
        let no_ceiling: [&Path; 0] = [];
        let git_dir = git2::Repository::discover_path(&start, no_ceiling).map_err(|error| {
            if let Some(moved) = trouble::moved(&start) {
                return moved;
            }
            let inside = start.join(".git");
            match error.code() {
                ErrorCode::NotFound if inside.exists() => trouble::opening(&inside, &error),
                ErrorCode::NotFound => GitError::NotARepository { path: shown() },
                _ => trouble::opening(&inside, &error),
            }
        })?;
        let git = open_for_reading(&git_dir)?;
        let root = root_of(&start, &git_dir);
        let repository = Self { git, root };
        if !repository.has_commits().map_err(|error| repository.explained(error))? {
            return Err(GitError::Empty { path: repository.root.display().to_string() });
        }
        Ok(repository)
    }

    /// The folder that the user knows: the one that `.git` lies in, or the bare repository itself. Absolute, links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The default branch: what the remote `origin` says; else `main` or `master` where they exist; else the current one; else the one with
    /// the newest commit.
    pub fn default_branch(&self) -> Result<String, GitError> {
        let branches = self.branches().map_err(|error| self.explained(error))?;
        Ok(branches.first().map(|branch| branch.name.clone()).unwrap_or_default())
    }

    /// The error with its cause, where libgit2 only knows that something is not there.
    pub(crate) fn explained(&self, error: GitError) -> GitError {
        trouble::reading(&self.git, error)
    }

    /// Clone address of the remote `origin`, without user name and password.
    pub fn origin(&self) -> Option<String> {
        let remote = self.git.find_remote("origin").ok()?;
        remote.url().ok().map(without_credentials)
    }

    /// The branches with the newest commits, without repetition, the default branch first. One that exists only on the remote `origin` goes by its
    /// name there.
    pub(crate) fn branches(&self) -> Result<Vec<Branch>, GitError> {
        let mut branches: Vec<(i64, Branch)> = Vec::new();
        for kind in [BranchType::Local, BranchType::Remote] {
            for found in self.git.branches(Some(kind))? {
                let (branch, _) = found?;
                // A branch whose commit is missing is left out here; asking for it by name says what is wrong.
                let Some(target) = branch.get().resolve().ok().and_then(|branch| branch.target()) else { continue };
                let Ok(Some(commit)) = self.peel(target) else { continue };
                let Ok(commit) = self.read_commit(commit) else { continue };
                let name = String::from_utf8_lossy(branch.name_bytes()?).into_owned();
                let name = match kind {
                    BranchType::Local => name,
                    BranchType::Remote => match name.strip_prefix("origin/") {
                        Some(name) if name != "HEAD" => name.to_owned(),
                        _ => continue,
                    },
                };
                if !branches.iter().any(|(_, known)| known.name == name) {
                    branches.push((commit.time_s, Branch { name, tip: commit.id }));
                }
            }
        }
        branches.sort_by(|(a_time, a), (b_time, b)| b_time.cmp(a_time).then_with(|| a.name.cmp(&b.name)));
        let candidates = [self.symbolic("refs/remotes/origin/HEAD", "refs/remotes/origin/")];
        let usual = ["main", "master"].map(|name| Some(name.to_owned()));
        let current = [self.symbolic("HEAD", "refs/heads/")];
        let first = candidates
            .into_iter()
            .chain(usual)
            .chain(current)
            .flatten()
            .find_map(|name| branches.iter().position(|(_, branch)| branch.name == name));
        if let Some(first) = first {
            let default = branches.remove(first);
            branches.insert(0, default);
        }
        branches.truncate(BRANCHES);
        Ok(branches.into_iter().map(|(_, branch)| branch).collect())
    }

    /// The branch that a commit is on: the first in the order of [`Repository::branches`] that has it. Where the history that is at hand ends (a
    /// shallow clone, also seen from a linked work tree), the search ends.
    pub(crate) fn branch_of(&self, commit: Oid) -> Result<Option<String>, GitError> {
        let boundary = boundary(&self.git);
        // What one branch has been looked through for need not be looked at again for the next: it does not lead to the commit.
        let mut seen = Ids::default();
        for branch in self.branches()? {
            let mut next = vec![branch.tip];
            while let Some(id) = next.pop() {
                if id == commit {
                    return Ok(Some(branch.name));
                }
                if seen.insert(id)
                    && !boundary.contains(&id)
                    && let Ok(commit) = self.read_commit(id)
                {
                    next.extend(commit.parents);
                }
            }
        }
        Ok(None)
    }

    /// The branch that is checked out, also when it has no commit yet.
    pub(crate) fn current_branch(&self) -> Option<String> {
        self.symbolic("HEAD", "refs/heads/")
    }

    fn symbolic(&self, reference: &str, prefix: &str) -> Option<String> {
        let reference = self.git.find_reference(reference).ok()?;
        let target = reference.symbolic_target_bytes()?;
        Some(String::from_utf8_lossy(target).strip_prefix(prefix)?.to_owned())
    }

    fn has_commits(&self) -> Result<bool, GitError> {
        let mut broken = None;
        for reference in self.git.references()? {
            let reference = reference?;
            // A symbolic one counts by what it leads to; where that is nothing, as for a remote whose branch is gone, it says nothing.
            let Some(target) = reference.resolve().ok().and_then(|reference| reference.target()) else { continue };
            match self.peel(target).and_then(|commit| commit.map(|id| self.read_commit(id)).transpose()) {
                Ok(Some(_)) => return Ok(true),
                Ok(None) => {}
                Err(error) => broken = Some(error),
            }
        }
        // A detached HEAD counts: the current commit needs no name.
        let head = self.git.find_reference("HEAD").ok().and_then(|head| head.target());
        match head.map(|id| self.peel(id)) {
            Some(Ok(Some(_))) => Ok(true),
            Some(Err(error)) => Err(error),
            _ => broken.map_or(Ok(false), Err),
        }
    }
}

/// Opens a `.git` folder as if it were bare. We only read objects and references, so we need no work tree; and libgit2 then does not ask
/// who owns the folder (`safe.directory`): that question protects from hooks, filters and other programs named in a stranger's
/// configuration, and none is ever run here. A shared folder or one on another disk just opens.
pub(crate) fn open_for_reading(git_dir: &Path) -> Result<git2::Repository, GitError> {
    KNOWN_EXTENSIONS.call_once(know_extensions);
    git2::Repository::open_bare(git_dir).map_err(|error| trouble::opening(git_dir, &error))
}

static KNOWN_EXTENSIONS: Once = Once::new();

/// Makes libgit2 open repositories whose settings name an extension that asks nothing of a reader: `partialClone` (git until 2.23 wrote it; what was
/// never fetched is told when it is needed).
#[expect(unsafe_code, reason = "a setting of the whole process, made once before the first repository is opened for reading")]
fn know_extensions() {
    // A failure shows when such a repository is opened.
    let _ = unsafe { git2::opts::set_extensions(&["partialclone"]) };
}

fn root_of(start: &Path, git_dir: &Path) -> PathBuf {
    // Without the slash at its end, which would lead through a link.
    let named: PathBuf = git_dir.components().collect();
    let git_dir = fs::canonicalize(git_dir).unwrap_or_else(|_| git_dir.to_owned());
    // The folder that the user knows is the one that `.git` lies in, also where that is a link.
    if named.ends_with(".git")
        && named.is_symlink()
        && let Some(parent) = named.parent()
    {
        return parent.to_owned();
    }
    if git_dir.ends_with(".git")
        && let Some(parent) = git_dir.parent()
    {
        return parent.to_owned();
    }
    // A work tree or submodule has a file `.git` that leads elsewhere.
    let linked = start.ancestors().find(|folder| folder.join(".git").is_file());
    linked.map_or(git_dir, Path::to_owned)
}

/// The address without what must stay secret: a password in any address, and the user of one that is reached by http, who is often a token.
/// The user of an ssh address belongs to it: without one ssh takes the local user.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // `git@host:path` has no password. A path of this computer has neither.
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    let user = user.split(':').next().unwrap_or_default();
    let keeps_user = scheme.to_ascii_lowercase().split('+').any(|part| part == "ssh");
    if keeps_user && !user.is_empty() { format!("{scheme}://{user}@{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_password() {
        for (url, clean) in [
            ("https://me:pass@host.test/a/b.git", "https://host.test/a/b.git"),
            ("https://token@host.test:8443/a@b", "https://host.test:8443/a@b"),
            ("http://me:p@ss@host.test/a", "http://host.test/a"),
            ("ssh://git@host.test/a", "ssh://git@host.test/a"),
            ("ssh://git:secret@host.test:10022/shop/cart.git", "ssh://git@host.test:10022/shop/cart.git"),
            ("git+ssh://git@host.test/a", "git+ssh://git@host.test/a"),
            ("SSH://git@[::1]:22/a", "SSH://git@[::1]:22/a"),
            ("https://me:pw@[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
            ("git@host.test:a/b.git", "git@host.test:a/b.git"),
            ("git@[::1]:shop/cart.git", "git@[::1]:shop/cart.git"),
            ("/srv/git/a.git", "/srv/git/a.git"),
            ("/srv/a@b/c.git", "/srv/a@b/c.git"),
            ("https://host.test?user=a@b", "https://host.test?user=a@b"),
        ] {
            assert_eq!(without_credentials(url), clean);
        }
    }
}
