//! Git repositories as Letterpress needs them: which versions there are, in words; a file at a commit; a commit as a tar stream; and
//! the making of a small repository (the sample project).
//!
//! It never checks out anything, never writes into a repository that it opened, never starts a program (no hooks, no filters), and knows
//! nothing about pipelines, forges or the store. Blocking: async callers use `spawn_blocking`. It is the only crate that knows libgit2.
//!
//! Read in this order: [`Repository`], [`Version`], [`Pack`], [`create`], [`GitError`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod changes;
mod create;
mod error;
mod links;
mod object;
mod pack;
mod packed;
mod repository;
mod tree;
mod version;

pub use changes::{Changes, Since, WhyUnknown};
pub use create::{CommitSpec, FileSpec, TagSpec, create};
pub use error::GitError;
pub use links::Followed;
pub use pack::Pack;
pub use repository::Repository;
pub use tree::{Entry, EntryKind};
pub use version::Version;
