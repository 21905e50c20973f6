//! What a working copy will lack, found before it is made: so that a person hears of it before the first step does.

use crate::dot_git::{boundary, is_ancestor};
use crate::files::{self, GitLink};
use crate::lfs::{LfsStore, Pointer};
use crate::objects::Objects;
use crate::reachable::links;
use crate::submodules::{Super, modules, top_file};
use crate::tree::EntryKind;
use crate::{GitError, Repository};
use lp_model::Checkout;
use std::io;

/// Most things of one kind that are named one by one.
const NAMED: usize = 20;

/// Something that the clone step of the dialect would have had, and this computer has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shortfall {
    /// The commit of a submodule is in no repository of this computer: its folder stays empty.
    Submodule {
        /// Its folder.
        path: String,
        /// Where it comes from; empty when `.gitmodules` does not say.
        url: String,
    },
    /// A large file is not here: its pointer stays.
    LfsFile {
        /// The file.
        path: String,
    },
    /// A program of the user's git would change the file; no clone in a container has it, and none is run here.
    Filter {
        /// The file.
        path: String,
        /// The filter.
        name: String,
    },
    /// The repository of this computer is a shallow clone: history is missing that the file asks for.
    History,
    /// The clone step of a pull request merges it into its target branch, which is not here, or has nothing in common with it.
    NotMerged {
        /// The branch.
        branch: String,
    },
}

impl Repository {
    /// What the working copy of a commit will lack. Of each kind the first few.
    ///
    /// # Errors
    /// What cannot be read of the commit itself.
    pub fn shortfalls(&self, sha: &str, checkout: &Checkout) -> Result<Vec<Shortfall>, GitError> {
        self.shortfalls_of(sha, checkout).map_err(|error| self.explained(error))
    }

    fn shortfalls_of(&self, sha: &str, checkout: &Checkout) -> Result<Vec<Shortfall>, GitError> {
        let commit = self.commit(sha)?;
        let mut objects = Objects::of(&self.git)?;
        let lfs = LfsStore::of(&self.git);
        let (mut found, mut submodules) = (Vec::new(), Vec::new());
        let (mut pointers, mut filters) = (0, 0);
        if let Some(branch) = &checkout.merged_into
            && !self.can_be_merged(commit.id, branch)?
        {
            found.push(Shortfall::NotMerged { branch: branch.clone() });
        }
        let walked = files::walk(&mut objects, commit.tree, |objects, file| {
            let path = || String::from_utf8_lossy(file.path).into_owned();
            if file.kind == EntryKind::Submodule {
                submodules.push(GitLink { path: file.path.to_vec(), commit: file.id });
            }
            match file.attributes.filter.as_deref() {
                Some("lfs") if checkout.lfs && pointers < NAMED => {
                    let pointer = objects.read(file.id).ok().and_then(|object| Pointer::read(&object.bytes));
                    if pointer.is_some_and(|pointer| lfs.open(&pointer).is_none()) {
                        pointers += 1;
                        found.push(Shortfall::LfsFile { path: path() });
                    }
                }
                Some("lfs") | None => {}
                Some(name) if filters < NAMED => {
                    filters += 1;
                    found.push(Shortfall::Filter { path: path(), name: name.to_owned() });
                }
                Some(_) => {}
            }
            Ok(())
        });
        walked.map_err(git_error)?;
        if checkout.submodules.are_filled() && !submodules.is_empty() {
            let origin = self.origin();
            let superproject = Super { git: &self.git, root: Some(self.root()), origin: origin.as_deref() };
            let known = top_file(&mut objects, commit.tree, b".gitmodules").map(|text| modules(&text)).unwrap_or_default();
            for link in submodules.iter().take(NAMED) {
                let module = known.iter().find(|module| module.path.as_bytes() == link.path);
                if module.is_some_and(|module| module.skipped || superproject.find(module, link.commit).is_some()) {
                    continue;
                }
                let url = module.map(|module| superproject.address(module)).unwrap_or_default();
                found.push(Shortfall::Submodule { path: String::from_utf8_lossy(&link.path).into_owned(), url });
            }
        }
        let boundary = boundary(&self.git);
        let asks_for_more = checkout.depth.is_none_or(|depth| depth > 1);
        if asks_for_more && !boundary.is_empty() && self.ends_early(&mut objects, commit.id, checkout.depth, &boundary) {
            found.push(Shortfall::History);
        }
        Ok(found)
    }

    /// Whether the history ends before the depth is reached because the rest was never fetched.
    fn ends_early(&self, objects: &mut Objects<'_>, commit: git2::Oid, depth: Option<u32>, boundary: &crate::reachable::Ids) -> bool {
        match depth {
            None => boundary.iter().any(|end| is_ancestor(objects, *end, commit, boundary)),
            Some(depth) => {
                let mut level = vec![commit];
                for _ in 1..depth {
                    if level.iter().any(|id| boundary.contains(id)) {
                        return true;
                    }
                    let parents = |id: git2::Oid| objects.read(id).ok().and_then(|commit| links(&commit.bytes)).map(|(_, parents)| parents);
                    level = level.into_iter().filter_map(parents).flatten().collect();
                    level.sort_unstable();
                    level.dedup();
                }
                false
            }
        }
    }
}

fn git_error(error: io::Error) -> GitError {
    match error.downcast::<GitError>() {
        Ok(error) => error,
        Err(error) => GitError::Git { message: error.to_string() },
    }
}
