//! The working copy of a commit as a stream.

use crate::dot_git::DotGit;
use crate::files::{self, Written};
use crate::lfs::LfsStore;
use crate::merge::merge;
use crate::objects::Objects;
use crate::out::{Out, failed};
use crate::reachable::links;
use crate::repository::open_for_reading;
use crate::stream::{Pack, Pipe};
use crate::submodules::{self, Place, Super, top_file};
use crate::{GitError, Repository, trouble};
use git2::Oid;
use lp_model::Checkout;
use lp_model::message;
use std::io;
use std::path::{Path, PathBuf};

/// Everything that is needed to write a working copy, for the thread that does it.
struct Order {
    git_dir: PathBuf,
    root: PathBuf,
    origin: Option<String>,
    commit: Oid,
    /// The repository that it is; `None` for the files alone.
    checkout: Option<Checkout>,
}

impl Repository {
    /// Begins to pack the files of a commit, given by its full id. To be called where a tokio runtime is at hand (also inside
    /// `spawn_blocking`).
    pub fn pack(&self, sha: &str) -> Result<Pack, GitError> {
        self.begin(sha, None)
    }

    /// Begins to pack a commit, given by its full id, as a working copy with its repository. Likewise.
    pub fn check_out(&self, sha: &str, checkout: &Checkout) -> Result<Pack, GitError> {
        self.begin(sha, Some(checkout.clone()))
    }

    fn begin(&self, sha: &str, checkout: Option<Checkout>) -> Result<Pack, GitError> {
        let commit = self.commit_id(sha)?;
        let (git_dir, root) = (self.git.path().to_owned(), self.root().to_owned());
        let order = Order { git_dir, root, origin: self.origin(), commit, checkout };
        Ok(Pack::begin(move |pipe| order.write(pipe)))
    }
}

impl Order {
    fn write(&self, pipe: &mut Pipe) -> io::Result<()> {
        // A repository of its own: libgit2's are not shared between threads.
        let git = open_for_reading(&self.git_dir).map_err(failed)?;
        self.write_from(&git, pipe).map_err(|error| trouble::streaming(&git, error))
    }

    fn write_from(&self, git: &git2::Repository, pipe: &mut Pipe) -> io::Result<()> {
        let into = self.checkout.as_ref().and_then(|checkout| checkout.merged_into.as_deref());
        let merged = into.map_or(Ok(None), |branch| merge(git, self.commit, branch)).map_err(failed)?;
        let commit_id = merged.map_or(self.commit, |merged| merged.commit);
        let mut objects = Objects::of(git).map_err(failed)?;
        let commit = objects.read(commit_id).map_err(failed)?;
        let damaged = || failed(GitError::corrupt(message!("the commit `{}` cannot be read", format_args!("{}", commit_id))));
        let (tree, _) = links(&commit.bytes).ok_or_else(damaged)?;
        let open_modes = self.checkout.as_ref().is_some_and(|checkout| checkout.open_modes);
        let mut out = Out::new(pipe, seconds(&commit.bytes), open_modes);
        let lfs = self.checkout.as_ref().filter(|checkout| checkout.lfs).map(|_| LfsStore::of(git));
        let Written { index, links } = files::write(&mut out, &mut objects, tree, b"", lfs.as_ref())?;
        if let Some(checkout) = &self.checkout {
            let root: Option<&Path> = (!git_is_bare(git)).then_some(&self.root);
            let superproject = Super { git, root, origin: self.origin.as_deref() };
            let rules = if links.is_empty() { None } else { top_file(&mut objects, tree, b".gitmodules") };
            let place = Place { dot_git: b".git", work_tree: b"" };
            let sections = submodules::write(&mut out, &superproject, &place, rules.as_deref(), &links, checkout.submodules, 0)?;
            let dot_git = DotGit {
                folder: b".git",
                commit: commit_id,
                upstream: merged.map(|merged| merged.tip),
                head: &checkout.head,
                tracking: &checkout.tracking,
                depth: checkout.depth,
                tags: checkout.tags,
                origin: self.origin.as_deref(),
                work_tree: None,
                sections: &sections,
                index: Some(index),
            };
            dot_git.write(&mut out, git, &mut objects)?;
        }
        out.finish()
    }
}

fn git_is_bare(git: &git2::Repository) -> bool {
    git.config().ok().and_then(|config| config.get_bool("core.bare").ok()).unwrap_or(false)
}

/// When a commit was made, in seconds since 1970; 0 for a date that makes no sense.
fn seconds(commit: &[u8]) -> u64 {
    let line = commit.split(|byte| *byte == b'\n').find(|line| line.starts_with(b"committer "));
    let line = line.map(String::from_utf8_lossy).unwrap_or_default();
    let seconds = line.rsplit(' ').nth(1).and_then(|seconds| seconds.parse::<u64>().ok()).unwrap_or_default();
    // The last second that a tar header and an index can name.
    if seconds > u64::from(u32::MAX) - 1 { 0 } else { seconds }
}
