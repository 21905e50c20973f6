//! The commit that a pull request makes of its branch and the one that it goes to, where the clone step merges them. It is made in memory:
//! nothing is ever written into the repository of this computer.
//!
//! `git merge` of the commit into a copy of the target branch decides what comes out: nothing to merge is the commit itself, a commit that is in
//! the branch already is the branch, histories without anything in common are not merged.

use crate::dot_git::{boundary, is_ancestor};
use crate::objects::Objects;
use crate::repository::open_for_reading;
use crate::{GitError, Repository};
use git2::{ErrorCode, ObjectType, Oid};

/// Before every other place of objects: what is made here goes into memory.
const IN_MEMORY: i32 = 1_000;
/// Most files that a conflict names.
const NAMED: usize = 5;

/// What a merge comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The commit to check out. It may be known to the repository handle alone that it was made with.
    pub commit: Oid,
    /// The newest commit of the branch that it goes to.
    pub tip: Oid,
}

/// Merges a commit into a branch of this computer; `None` when there is no such branch here, or the two have nothing in common.
pub(crate) fn merge(git: &git2::Repository, commit: Oid, branch: &str) -> Result<Option<Merged>, GitError> {
    let Some(tip) = target(git, branch) else { return Ok(None) };
    let mut objects = Objects::of(git)?;
    let ends = boundary(git);
    if is_ancestor(&mut objects, tip, commit, &ends) {
        return Ok(Some(Merged { commit, tip }));
    }
    if is_ancestor(&mut objects, commit, tip, &ends) {
        return Ok(Some(Merged { commit: tip, tip }));
    }
    match git.merge_base(tip, commit) {
        Ok(_) => {}
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let odb = git.odb()?;
    odb.add_new_mempack_backend(IN_MEMORY)?;
    let mut index = git.merge_commits(&git.find_commit(tip)?, &git.find_commit(commit)?, None)?;
    if index.has_conflicts() {
        let mut files: Vec<String> = Vec::new();
        for conflict in index.conflicts()?.flatten() {
            let Some(side) = conflict.our.or(conflict.their).or(conflict.ancestor) else { continue };
            let path = String::from_utf8_lossy(&side.path).into_owned();
            if !files.contains(&path) {
                files.push(path);
            }
        }
        let more = files.len().saturating_sub(NAMED);
        files.truncate(NAMED);
        return Err(GitError::Conflict { branch: branch.to_owned(), files, more });
    }
    let tree = index.write_tree_to(git)?;
    let text = commit_text(tree, tip, commit, time_of(&mut objects, tip).max(time_of(&mut objects, commit)), branch);
    Ok(Some(Merged { commit: odb.write(ObjectType::Commit, text.as_bytes())?, tip }))
}

/// The newest commit of a branch, as this computer knows it.
pub(crate) fn target(git: &git2::Repository, branch: &str) -> Option<Oid> {
    let names = [format!("refs/heads/{branch}"), format!("refs/remotes/origin/{branch}")];
    names.iter().find_map(|name| git.find_reference(name).ok()?.resolve().ok()?.target())
}

/// The words of git, by the person that the runner names where nobody is named. The same commits give the same merge.
fn commit_text(tree: Oid, tip: Oid, commit: Oid, time_s: i64, branch: &str) -> String {
    let person = format!("drone <noreply@drone> {time_s} +0000");
    // git: `fmt-merge-msg.c` leaves the name of the usual branches out.
    let into = if matches!(branch, "main" | "master") { String::new() } else { format!(" into {branch}") };
    format!("tree {tree}\nparent {tip}\nparent {commit}\nauthor {person}\ncommitter {person}\n\nMerge commit '{commit}'{into}\n")
}

fn time_of(objects: &mut Objects<'_>, commit: Oid) -> i64 {
    let read = objects.read(commit).ok().and_then(|object| crate::commit::Commit::read(commit, &object.bytes));
    read.map_or(0, |commit| commit.time_s)
}

impl Repository {
    /// Whether a commit can be merged into a branch here. Nothing is kept of it.
    ///
    /// # Errors
    /// `Conflict`, and what reading the repository gives.
    pub(crate) fn can_be_merged(&self, commit: Oid, branch: &str) -> Result<bool, GitError> {
        // A handle of its own, with the merge in its memory.
        let git = open_for_reading(self.git.path())?;
        merge(&git, commit, branch).map(|merged| merged.is_some())
    }
}
