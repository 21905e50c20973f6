//! Which objects a clone has: from some commits down, as deep as asked for.

use crate::GitError;
use crate::objects::Objects;
use git2::{ErrorCode, ObjectType, Oid};
use lp_model::message;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Ids of objects; they are hashes already.
pub(crate) type Ids = HashSet<Oid, BuildHasherDefault<FirstBytes>>;

/// The first bytes of an id as its hash.
#[derive(Default, Clone, Copy)]
pub(crate) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>().filter(|_| bytes.len() > 8) {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The objects of a clone.
#[derive(Default)]
pub(crate) struct Reachable {
    /// In the order in which they were found: commits, then trees and files.
    pub order: Vec<Oid>,
    pub ids: Ids,
    /// Commits whose parents are left out.
    pub shallow: Vec<Oid>,
    /// Whether objects are left out that a partial clone does not have.
    pub partial: bool,
}

/// Where the history that is at hand ends.
pub(crate) struct Limits<'a> {
    /// Most commits from each beginning down; `None` is all.
    pub depth: Option<u32>,
    /// Commits of a shallow clone whose parents are not there.
    pub boundary: &'a Ids,
    /// Whether the repository is a partial clone, whose missing objects are no damage.
    pub promised: bool,
}

impl Reachable {
    /// Adds an object; whether it is new.
    pub fn add(&mut self, id: Oid) -> bool {
        let new = self.ids.insert(id);
        if new {
            self.order.push(id);
        }
        new
    }

    /// Everything from these commits down.
    pub fn from(objects: &mut Objects<'_>, tips: &[Oid], limits: &Limits<'_>) -> Result<Self, GitError> {
        let mut reachable = Self::default();
        let mut trees = Vec::new();
        let mut level: Vec<Oid> = tips.iter().copied().filter(|tip| reachable.add(*tip)).collect();
        let mut depth = 1;
        while !level.is_empty() {
            let mut next = Vec::new();
            for id in std::mem::take(&mut level) {
                let commit = objects.read(id)?;
                let (tree, parents) = links(&commit.bytes)
                    .ok_or_else(|| GitError::corrupt(message!("the commit `{}` cannot be read", format_args!("{}", id))))?;
                trees.push(tree);
                // git: `get_shallow_commits` of `shallow.c` marks whatever stands at the last depth, a first commit too.
                if limits.depth.is_some_and(|most| depth >= most) || (limits.boundary.contains(&id) && !parents.is_empty()) {
                    reachable.shallow.push(id);
                    continue;
                }
                next.extend(parents);
            }
            level = next.into_iter().filter(|id| reachable.add(*id)).collect();
            depth += 1;
        }
        reachable.shallow.sort_unstable();
        for tree in trees {
            reachable.add_tree(objects, tree, limits.promised)?;
        }
        Ok(reachable)
    }

    /// Adds a tree and all below it.
    fn add_tree(&mut self, objects: &mut Objects<'_>, tree: Oid, promised: bool) -> Result<(), GitError> {
        let mut next = if self.add(tree) { vec![tree] } else { Vec::new() };
        while let Some(id) = next.pop() {
            let tree = match objects.read(id) {
                Ok(tree) => tree,
                Err(error) if promised && error.code() == ErrorCode::NotFound => {
                    self.partial = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let mut rest = &tree.bytes[..];
            while !rest.is_empty() {
                let (mode, _, below, tail) =
                    tree_entry(rest).ok_or_else(|| GitError::corrupt(message!("the tree `{}` cannot be read", format_args!("{}", id))))?;
                rest = tail;
                // A submodule is a commit of another repository.
                if mode != b"160000" && self.add(below) && matches!(mode, b"40000" | b"040000") {
                    next.push(below);
                }
            }
        }
        Ok(())
    }
}

/// The tree and the parents of a commit. Nothing else of it is read: git goes on with commits whose dates or names make no sense.
pub(crate) fn links(commit: &[u8]) -> Option<(Oid, Vec<Oid>)> {
    let mut lines = commit.split(|byte| *byte == b'\n');
    let id = |line: &[u8], head: &[u8]| Oid::from_str(std::str::from_utf8(line.strip_prefix(head)?).ok()?).ok();
    let tree = id(lines.next()?, b"tree ")?;
    Some((tree, lines.map_while(|line| id(line, b"parent ")).collect()))
}

/// What a tag names, and of which kind that is.
pub(crate) fn tagged(tag: &[u8]) -> Option<(Oid, ObjectType)> {
    let mut lines = tag.split(|byte| *byte == b'\n');
    let id = Oid::from_str(std::str::from_utf8(lines.next()?.strip_prefix(b"object ")?).ok()?).ok()?;
    let kind = ObjectType::from_str(std::str::from_utf8(lines.next()?.strip_prefix(b"type ")?).ok()?)?;
    Some((id, kind))
}

/// Mode, name and id of the first entry of a tree, and what follows it.
#[allow(clippy::type_complexity)] // Four parts in the order in which they lie in the tree.
pub(crate) fn tree_entry(bytes: &[u8]) -> Option<(&[u8], &[u8], Oid, &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let (mode, rest) = (&bytes[..space], &bytes[space + 1..]);
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (id, tail) = rest[end + 1..].split_at_checked(20)?;
    Some((mode, &rest[..end], Oid::from_bytes(id).ok()?, tail))
}
