//! The working copy that the clone steps of Woodpecker leave behind.
//!
//! Where this differs from them: a `depth` that a file names counts also beside the partial clone that is the plugin's default (there `depth`
//! is then ignored: more history than asked for breaks no step).

use crate::shared::clone::{Wishes, depth, of_plugins_git};
use lp_model::{Checkout, EventFacts, EventKind, Head, Submodules};

/// From 1.0 on: plugin-git 2 plugin.go, defaults.go, flags.go: the commit is fetched by its name, alone unless tags are asked for, and
/// the branch is set to it; tags come with the event `tag`.
pub(super) fn checkout(facts: &EventFacts, wishes: &Wishes) -> Checkout {
    let tags = wishes.tags.unwrap_or(facts.kind == EventKind::Tag);
    let partial = wishes.partial.unwrap_or(true) && !tags;
    let mut checkout = Checkout::on_branch(branch_name(facts, wishes));
    checkout.depth = match wishes.depth {
        None if partial => Some(1),
        wish => depth(wish),
    };
    checkout.tags = tags;
    checkout.submodules = match (wishes.recursive.unwrap_or(true), wishes.submodule_partial.unwrap_or(true)) {
        (false, _) => Submodules::AtHand,
        (true, true) => Submodules::FilledShallow,
        (true, false) => Submodules::Filled,
    };
    checkout.lfs = wishes.lfs.unwrap_or(true);
    checkout.open_modes = wishes.umask.unwrap_or(0) == 0;
    checkout
}

/// 0.15: plugin-git 1: as in 0.8, with LFS.
pub(super) fn checkout_early(facts: &EventFacts, wishes: &Wishes) -> Checkout {
    let mut checkout = of_plugins_git(facts, wishes);
    if let Head::Branch(branch) = &mut checkout.head {
        branch_name(facts, wishes).clone_into(branch);
    }
    checkout.lfs = wishes.lfs.unwrap_or(true);
    checkout
}

fn branch_name<'a>(facts: &'a EventFacts, wishes: &'a Wishes) -> &'a str {
    let names = [wishes.branch.as_deref().unwrap_or_default(), &facts.commit.branch, &facts.repo.default_branch];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or("master")
}
