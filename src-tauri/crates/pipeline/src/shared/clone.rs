//! `clone`: which repository the working copy of a stage is. No clone step runs here; what the one of each server would leave behind is
//! written down in the plan ([`Checkout`]), and whoever packs the files of the commit makes it so.

use lp_model::{Checkout, Code, EventFacts, EventKind, Head, Submodules, Tracking, message};
use lp_yaml::{Entry, Findings, Node, decode};

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

/// What is true of clone steps in a language.
pub(crate) struct Form<'k> {
    /// Images whose settings are read.
    pub images: &'k [&'k str],
    /// Keys of a step that are no settings.
    pub keys: &'k [&'k str],
    /// Whether settings may stand beside the other keys too, and not only in `settings`.
    pub beside: bool,
}

/// Reads the entries of `clone`: named clone steps, of which those count whose conditions hold. `None` when there are entries and none
/// counts: nothing is cloned then.
pub(crate) fn read(
    node: &Node,
    form: &Form<'_>,
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
        if !is_git(image, form.images) {
            findings
                .warning(
                    Code::CloneBuiltIn,
                    span,
                    message!("the step `{}` of `clone` is not run: the working copy is made without the image `{}`", name, image),
                )
                .help(message!("what it does beside cloning belongs into a first step"));
        }
        let settings = decode::get(entries, "settings").and_then(|settings| settings.entries()).unwrap_or_default();
        let others: &[Entry] = if form.beside { entries } else { &[] };
        let others = others.iter().filter(|entry| !form.keys.contains(&entry.key.text.as_str()) && entry.key.text != "settings");
        for entry in settings.iter().chain(others) {
            let key = entry.key.text.to_ascii_lowercase().replace('-', "_");
            if !wishes.read(&key, &entry.value) && is_git(image, form.images) {
                findings.warning(
                    Code::CloneBuiltIn,
                    entry.key.span,
                    message!("there is no clone step here: `{}` of `{}` has no effect", entry.key.text, name),
                );
            }
        }
    }
    (counts || !any).then_some(wishes)
}

fn is_git(image: &str, images: &[&str]) -> bool {
    let name = image.split('@').next().unwrap_or(image);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    images.contains(&name)
}

/// How much history a wish asks for.
pub(crate) fn depth(wish: Option<u64>) -> Option<u32> {
    wish.filter(|depth| *depth > 0).map(|depth| u32::try_from(depth).unwrap_or(u32::MAX))
}

/// Whether the commit is that of a tag.
pub(crate) fn is_tag(facts: &EventFacts) -> bool {
    facts.kind == EventKind::Tag || facts.commit.reference.starts_with("refs/tags/")
}

fn is_pull_request(facts: &EventFacts) -> bool {
    let reference = facts.commit.reference.as_str();
    facts.kind == EventKind::PullRequest
        || ["refs/pull/", "refs/pull-request/", "refs/pull-requests/", "refs/merge-requests/"]
            .iter()
            .any(|start| reference.starts_with(start))
}

/// As plugins/git and its heirs: a tag or pull request is checked out as `FETCH_HEAD`; of anything else the branch of its reference is fetched and the
/// new repository's own branch, always `master`, is set to the commit.
// 0.8: plugins/git plugin.go; Woodpecker 0.15: plugin-git 1.
pub(crate) fn of_plugins_git(facts: &EventFacts, wishes: &Wishes) -> Checkout {
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

/// What is known of the server's branches where only this one is fetched.
pub(crate) fn tracking(branch: &str) -> Tracking {
    if branch.is_empty() { Tracking::None } else { Tracking::Branch(branch.to_owned()) }
}
