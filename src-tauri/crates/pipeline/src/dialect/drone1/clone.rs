//! The working copy that the clone step of 1.x leaves behind.

use crate::shared::clone::{Wishes, depth, is_tag, tracking};
use lp_model::{Checkout, EventFacts, EventKind, Head, Tracking};

/// 1.x: drone/git posix/clone, clone-commit, clone-tag, clone-pull-request: the branch is fetched and checked out by its name; without a
/// branch everything is fetched, whatever the depth.
pub(super) fn checkout(facts: &EventFacts, wishes: &Wishes) -> Checkout {
    let branch = facts.commit.branch.as_str();
    if is_tag(facts) {
        return Checkout { depth: depth(wishes.depth), ..Checkout::new(Head::Detached) };
    }
    if branch.is_empty() {
        return Checkout { tracking: Tracking::All, tags: true, ..Checkout::new(Head::Detached) };
    }
    // clone-pull-request: the target branch is checked out, and the commit merged into it.
    let merged_into = (facts.kind == EventKind::PullRequest).then(|| branch.to_owned());
    Checkout { merged_into, tracking: tracking(branch), depth: depth(wishes.depth), ..Checkout::on_branch(branch) }
}
