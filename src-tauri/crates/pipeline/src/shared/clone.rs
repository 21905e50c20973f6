//! `clone`: which repository the working copy of a stage is. No clone step runs here; what the one of each dialect would leave behind is
//! written down in the plan ([`Checkout`]), and whoever packs the files of the commit makes it so.
//!
//! Where this differs from the clone steps of the originals: a `depth` that a Woodpecker file names counts also beside the partial clone that is
//! its plugin's default (there `depth` is then ignored: more history than asked for breaks no step); the working copy of a pull request
//! is its commit, never a merge made on the spot.

use crate::shared::when::event_word;
use lp_model::{Checkout, Dialect, EventFacts, EventKind, Head, Submodules, Tracking, message};
use lp_yaml::{Entry, Findings, Node, decode};

/// Images whose settings are read: the clone steps of the dialects, which all understand the same words.
const GIT_IMAGES: [&str; 7] = [
    "plugins/git",
    "plugins/drone-git",
    "drone/git",
    "woodpeckerci/plugin-git",
    "docker.io/woodpeckerci/plugin-git",
    "quay.io/woodpeckerci/plugin-git",
    "codeberg.org/woodpecker-plugins/git",
];
/// Settings that steer the fetching from a server: nothing is fetched here.
const ABOUT_FETCHING: [&str; 15] = [
    "attempts",
    "backoff",
    "backoff_attempts",
    "custom_cert",
    "custom_ssl_path",
    "custom_ssl_url",
    "home",
    "partial",
    "retries",
    "safe_directory",
    "skip_verify",
    "ssh_key",
    "submodule_partial",
    "trace",
    "use_ssh",
];

/// What a file says about its clone step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Commits of history; 0 is all.
    pub depth: Option<u64>,
    pub tags: Option<bool>,
    pub recursive: Option<bool>,
    pub lfs: Option<bool>,
    pub partial: Option<bool>,
    pub submodule_partial: Option<bool>,
    pub umask: Option<u64>,
    pub branch: Option<String>,
}

impl Wishes {
    /// Reads one setting; whether it is known.
    fn read(&mut self, key: &str, node: &Node) -> bool {
        let flag = || node.text().and_then(|text| text.parse().ok());
        let number = || node.text().and_then(|text| text.parse().ok());
        match key {
            "depth" => self.depth = number(),
            "tags" => self.tags = flag(),
            "recursive" => self.recursive = flag(),
            "lfs" => self.lfs = flag(),
            "partial" => self.partial = flag(),
            "submodule_partial" | "submodules_partial" => self.submodule_partial = flag(),
            "umask" => self.umask = number(),
            "branch" => self.branch = node.text().map(str::to_owned),
            _ => return ABOUT_FETCHING.contains(&key),
        }
        true
    }
}

/// Reads the entries of `clone` as Drone 0.8 and Woodpecker have it: named clone steps, of which those count whose conditions hold. `None` when
/// there are entries and none counts: nothing is cloned then. `keys` are those of a step that are no settings; settings stand in `settings`
/// or, where `beside` says so, beside the other keys.
pub(crate) fn read(
    node: &Node,
    keys: &[&str],
    beside: bool,
    mut holds: impl FnMut(&Node, &mut Findings<'_>) -> bool,
    findings: &mut Findings<'_>,
) -> Option<Wishes> {
    let mut wishes = Wishes::default();
    let named = node.entries().unwrap_or_default().iter().map(|entry| (entry.key.text.clone(), entry.key.span, &*entry.value));
    let listed = node.items().unwrap_or_default().iter().map(|item| {
        let name = item.get("name").and_then(|name| name.text()).unwrap_or("clone");
        (name.to_owned(), item.span, &**item)
    });
    let (mut any, mut counts) = (false, false);
    for (name, span, step) in named.chain(listed) {
        let Some(entries) = step.entries() else { continue };
        any = true;
        if let Some(when) = decode::get(entries, "when")
            && !holds(when, findings)
        {
            continue;
        }
        counts = true;
        let image = decode::get(entries, "image").and_then(|image| image.text()).unwrap_or("plugins/git");
        if !is_git(image) {
            findings
                .warning(
                    "clone-built-in",
                    span,
                    message!("the step `{}` of `clone` is not run: the working copy is made without the image `{}`", name, image),
                )
                .help(message!("what it does beside cloning belongs into a first step"));
        }
        let settings = decode::get(entries, "settings").and_then(|settings| settings.entries()).unwrap_or_default();
        let others: &[Entry] = if beside { entries } else { &[] };
        let others = others.iter().filter(|entry| !keys.contains(&entry.key.text.as_str()) && entry.key.text != "settings");
        for entry in settings.iter().chain(others) {
            let key = entry.key.text.to_ascii_lowercase().replace('-', "_");
            if !wishes.read(&key, &entry.value) && is_git(image) {
                findings.warning(
                    "clone-built-in",
                    entry.key.span,
                    message!("there is no clone step here: `{}` of `{}` has no effect", entry.key.text, name),
                );
            }
        }
    }
    (counts || !any).then_some(wishes)
}

fn is_git(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or(image);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    GIT_IMAGES.contains(&name)
}

fn depth(wish: Option<u64>) -> Option<u32> {
    wish.filter(|depth| *depth > 0).map(|depth| u32::try_from(depth).unwrap_or(u32::MAX))
}

fn is_tag(facts: &EventFacts) -> bool {
    facts.kind == EventKind::Tag || facts.commit.reference.starts_with("refs/tags/")
}

fn is_pull_request(facts: &EventFacts) -> bool {
    let reference = facts.commit.reference.as_str();
    facts.kind == EventKind::PullRequest
        || ["refs/pull/", "refs/pull-request/", "refs/pull-requests/", "refs/merge-requests/"]
            .iter()
            .any(|start| reference.starts_with(start))
}

/// 0.8: plugins/git plugin.go: a tag or pull request is checked out as `FETCH_HEAD`; of anything else the branch of its reference is fetched and the
/// new repository's own branch, always `master`, is set to the commit.
pub(crate) fn drone08(facts: &EventFacts, wishes: &Wishes) -> Checkout {
    let mut checkout = if is_tag(facts) || is_pull_request(facts) {
        Checkout::new(Head::Detached)
    } else {
        let branch = facts.commit.reference.strip_prefix("refs/heads/").unwrap_or(&facts.commit.branch);
        Checkout { tracking: tracking(branch), ..Checkout::on_branch("master") }
    };
    checkout.depth = depth(wishes.depth);
    checkout.tags = wishes.tags.unwrap_or(false);
    if wishes.recursive.unwrap_or(true) {
        checkout.submodules = Submodules::Filled;
    }
    checkout
}

/// 1.x: drone/git posix/clone, clone-commit, clone-tag, clone-pull-request: the branch is fetched and checked out by its name; without a
/// branch everything is fetched, whatever the depth.
pub(crate) fn drone1(facts: &EventFacts, wishes: &Wishes) -> Checkout {
    let branch = facts.commit.branch.as_str();
    if is_tag(facts) {
        return Checkout { depth: depth(wishes.depth), ..Checkout::new(Head::Detached) };
    }
    if branch.is_empty() {
        return Checkout { tracking: Tracking::All, tags: true, ..Checkout::new(Head::Detached) };
    }
    Checkout { tracking: tracking(branch), depth: depth(wishes.depth), ..Checkout::on_branch(branch) }
}

/// Woodpecker from 1.0 on: plugin-git 2 plugin.go, defaults.go, flags.go: the commit is fetched by its name, alone unless tags are asked for, and
/// the branch is set to it; tags come with the event `tag`.
pub(crate) fn woodpecker(facts: &EventFacts, wishes: &Wishes) -> Checkout {
    let tags = wishes.tags.unwrap_or(event_word(Dialect::Woodpecker, facts.kind) == "tag");
    let partial = wishes.partial.unwrap_or(true) && !tags;
    let mut checkout = Checkout::on_branch(woodpecker_branch(facts, wishes));
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

/// Woodpecker 0.15: plugin-git 1: as in 0.8, with LFS.
pub(crate) fn woodpecker_early(facts: &EventFacts, wishes: &Wishes) -> Checkout {
    let mut checkout = drone08(facts, wishes);
    if let Head::Branch(branch) = &mut checkout.head {
        woodpecker_branch(facts, wishes).clone_into(branch);
    }
    checkout.lfs = wishes.lfs.unwrap_or(true);
    checkout
}

fn woodpecker_branch<'a>(facts: &'a EventFacts, wishes: &'a Wishes) -> &'a str {
    let names = [wishes.branch.as_deref().unwrap_or_default(), &facts.commit.branch, &facts.repo.default_branch];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or("master")
}

fn tracking(branch: &str) -> Tracking {
    if branch.is_empty() { Tracking::None } else { Tracking::Branch(branch.to_owned()) }
}
