//! What the working copy of a stage is beside the files of its commit: a repository as the clone step of the dialect leaves it.

use serde::{Deserialize, Serialize};

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The repository of a working copy: how much history, which references, what of other repositories. Without anything else said: the whole
/// history of the commit, no tags, no submodules, LFS pointers as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Where `HEAD` is.
    pub head: Head,
    /// Which references of the remote `origin` are there.
    #[serde(default, skip_serializing_if = "Tracking::is_none")]
    pub tracking: Tracking,
    /// Most commits from `HEAD` (and from each reference) down, at least 1; `None` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Whether all tags are there, with what they name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tags: bool,
    /// The branch of a pull request's target into which the clone step merges the commit: the working copy is what the merge gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
    /// What happens with submodules.
    #[serde(default, skip_serializing_if = "Submodules::is_at_hand")]
    pub submodules: Submodules,
    /// Whether LFS files are put in place of their pointers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lfs: bool,
    /// Whether every user of a container may change the files (a clone step with umask 0).
    #[serde(default, skip_serializing_if = "is_false")]
    pub open_modes: bool,
}

impl Checkout {
    /// With `HEAD` on that branch, and nothing else said.
    pub fn on_branch(branch: &str) -> Self {
        Self::new(Head::Branch(branch.to_owned()))
    }

    /// With `HEAD` there, and nothing else said.
    pub fn new(head: Head) -> Self {
        Self {
            head,
            tracking: Tracking::None,
            depth: None,
            tags: false,
            merged_into: None,
            submodules: Submodules::AtHand,
            lfs: false,
            open_modes: false,
        }
    }
}

/// Where `HEAD` is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// On a branch of that name, whose newest commit is that of the run.
    Branch(String),
    /// At the commit, on no branch.
    Detached,
}

/// Which references of the remote `origin` a working copy has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracking {
    /// No one.
    #[default]
    None,
    /// That branch.
    Branch(String),
    /// All branches.
    All,
}

impl Tracking {
    /// Whether there is no reference of the remote.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// What happens with submodules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Submodules {
    /// Their folders are empty; what this computer has of them lies ready for a `git submodule update` of a step.
    #[default]
    AtHand,
    /// They and theirs are checked out, each with its whole history.
    Filled,
    /// They and theirs are checked out, each with its commit alone.
    FilledShallow,
}

impl Submodules {
    /// Whether nothing else was said.
    pub fn is_at_hand(&self) -> bool {
        *self == Self::AtHand
    }

    /// Whether they are checked out.
    pub fn are_filled(self) -> bool {
        matches!(self, Self::Filled | Self::FilledShallow)
    }
}
