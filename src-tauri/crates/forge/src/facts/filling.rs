//! Which facts each kind of happening gives.

use super::{Fact, Facts, filled};
use crate::Forge;
use crate::payload::{Deployment, Happening, Payload, PullRequest, Push, RefChange, Release};
use lp_model::Person;

/// Gogs and its family list no more commits than these (`FEED_MAX_COMMIT_NUM`), and Gogs does not say how many there are.
const LISTED_BY_GOGS: usize = 5;
/// GitHub lists no more than these.
const LISTED_BY_GITHUB: usize = 2048;
/// GitLab lists no more than these.
const LISTED_BY_GITLAB: usize = 20;

/// What the payload says.
pub(super) fn facts_of(payload: &Payload) -> Facts {
    let forge = payload.forge;
    let mut facts = Facts {
        repository: payload.repository.path.clone(),
        sender: filled(&payload.sender.login),
        // Of Gogs it is left out: no dialect decides anything by it there.
        default_branch: if forge == Forge::Gogs { Fact::Silent } else { Fact::Is(payload.repository.default_branch.clone()) },
        ..Facts::default()
    };
    match &payload.happening {
        Happening::Push(push) => facts.push(forge, push, &payload.sender),
        Happening::Created(change) => facts.ref_change("created", change),
        Happening::Deleted(change) => facts.ref_change("deleted", change),
        Happening::PullRequest(pull_request) => facts.pull_request(forge, pull_request, &payload.sender),
        Happening::Release(release) => facts.release(forge, release),
        Happening::Deployment(deployment) => facts.deployment(deployment),
        Happening::Other(event, action) => {
            facts.event.clone_from(event);
            facts.action = Fact::of(action.clone());
        }
    }
    facts
}

impl Facts {
    /// Sets whom a change belongs to: branch or tag.
    fn named(&mut self, tag: Option<&str>, branch: Option<&str>) {
        self.event = if tag.is_some() { "tag" } else { "push" }.to_owned();
        if let Some(tag) = tag {
            self.tag = Fact::Is(tag.to_owned());
        } else if let Some(branch) = branch {
            self.branch = Fact::Is(branch.to_owned());
        }
    }

    fn push(&mut self, forge: Forge, push: &Push, sender: &Person) {
        self.named(push.tag(), push.branch());
        let action = match push.tag() {
            _ if push.is_deletion() => "deleted",
            _ if push.is_test() => "test",
            _ if push.is_new() => "created",
            Some(_) => "updated",
            None => "pushed",
        };
        self.action = Fact::Is(action.to_owned());
        self.reference = Fact::Is(push.reference.clone());
        self.before = if push.is_new() { Fact::Nothing } else { Fact::Is(push.before.clone()) };
        let commit = push.commit_id();
        self.after = if push.is_deletion() { Fact::Nothing } else { Fact::Is(commit.to_owned()) };
        if push.tag().is_some() && !push.is_deletion() && push.after != commit {
            self.tag_object = Fact::Is(push.after.clone());
            self.tag_message = push.tag_message.clone().filter(|text| !text.is_empty()).map_or(Fact::Silent, Fact::Is);
        }
        self.title = Fact::Nothing;
        let newest = push.newest();
        self.message = Fact::of(newest.map(|commit| commit.message.clone()));
        // GitLab knows no user for the author of a commit.
        if forge != Forge::GitLab {
            self.author = newest.map_or(Fact::Nothing, |commit| filled(&commit.author.login));
        }
        self.author_name = newest.map_or(Fact::Nothing, |commit| filled(&commit.author.name));
        self.author_email = newest.map_or(Fact::Nothing, |commit| filled(&commit.author.email));
        if forge != Forge::Gogs {
            self.sender_name = Fact::Is(sender.name.clone());
        }
        self.commits_in_payload = Fact::Is(push.commits.len());
        self.commits_total = Fact::of(push.total);
        self.forced = push.forced.map_or(Fact::Silent, Fact::Is);
        if push.branch().is_some() && !push.is_deletion() {
            let files = push.files();
            if is_whole(forge, push) {
                self.changed_files = Fact::Is(files);
            } else {
                self.changed_files = Fact::AskForge;
                self.changed_files_in_payload = Fact::Is(files);
            }
        }
    }

    fn ref_change(&mut self, action: &str, change: &RefChange) {
        let RefChange { is_tag, name, object } = change;
        self.named(is_tag.then_some(name.as_str()), Some(name));
        self.action = Fact::Is(action.to_owned());
        self.reference = Fact::Is(format!("refs/{}/{name}", if *is_tag { "tags" } else { "heads" }));
        self.before = Fact::Nothing;
        self.after = match (action, object) {
            ("deleted", _) => Fact::Nothing,
            (_, Some(object)) => Fact::Is(object.clone()),
            (_, None) => Fact::AskForge,
        };
        self.message = Fact::Nothing;
        self.title = Fact::Nothing;
    }

    fn pull_request(&mut self, forge: Forge, it: &PullRequest, sender: &Person) {
        self.event = "pull_request".to_owned();
        self.action = Fact::Is(done_to_pull_request(it).to_owned());
        self.number = Fact::Is(it.number);
        self.reference = Fact::Is(it.reference.clone());
        self.source_branch = Fact::Is(it.source_branch.clone());
        self.target_branch = Fact::Is(it.target_branch.clone());
        self.branch = Fact::Is(it.target_branch.clone());
        self.before = Fact::of(it.before.clone());
        self.after = it.head.clone().map_or_else(|| Fact::AskGit(it.reference.clone()), Fact::Is);
        self.base_commit = it.base.clone().map_or(Fact::Silent, Fact::Is);
        self.title = Fact::Is(it.title.clone());
        self.is_fork = Fact::Is(it.from_fork);
        self.source_repository = Fact::of(it.source_repository.clone());
        self.merged = Fact::Is(it.merged);
        self.changed_files = Fact::AskForge;
        if forge == Forge::GitLab {
            let commit = it.last_commit.as_ref();
            self.message = Fact::of(commit.map(|commit| commit.message.clone()));
            self.author = Fact::Nothing;
            self.author_name = commit.map_or(Fact::Nothing, |commit| filled(&commit.author.name));
            self.author_email = commit.map_or(Fact::Nothing, |commit| filled(&commit.author.email));
            self.sender_name = Fact::Is(sender.name.clone());
        } else {
            self.message = Fact::Is(it.title.clone());
            self.author = filled(&it.author.login);
            self.body = Fact::of(it.body.clone());
        }
        if forge != Forge::Gogs {
            self.draft = Fact::of(it.draft);
            self.labels = Fact::Is(it.labels.clone());
        }
    }

    fn release(&mut self, forge: Forge, release: &Release) {
        self.event = "release".to_owned();
        self.action = Fact::Is(
            match release.action.as_str() {
                "create" => "published",
                "update" => "updated",
                "delete" => "deleted",
                other => other,
            }
            .to_owned(),
        );
        self.tag = Fact::Is(release.tag.clone());
        self.reference = Fact::Is(format!("refs/tags/{}", release.tag));
        self.before = Fact::Nothing;
        self.title = Fact::of(release.title.clone());
        self.prerelease = Fact::of(release.prerelease);
        if forge == Forge::GitLab {
            let commit = release.commit.as_ref();
            self.after = commit.map_or(Fact::AskForge, |commit| Fact::Is(commit.id.clone()));
            self.message = Fact::of(commit.map(|commit| commit.message.clone()));
            self.author_name = commit.map_or(Fact::Nothing, |commit| filled(&commit.author.name));
            self.author_email = commit.map_or(Fact::Nothing, |commit| filled(&commit.author.email));
            // Its deliveries of releases name nobody.
            self.sender = Fact::Nothing;
            return;
        }
        self.after = Fact::AskForge;
        self.branch = filled(&release.target);
        self.draft = Fact::of(release.draft);
        self.author = filled(&release.author.login);
        if forge != Forge::Gogs {
            self.message = Fact::Nothing;
        }
    }

    fn deployment(&mut self, deployment: &Deployment) {
        self.event = "deployment".to_owned();
        self.action = Fact::Is("created".to_owned());
        self.reference = Fact::Is(deployment.reference.clone());
        self.before = Fact::Nothing;
        self.after = Fact::Is(deployment.sha.clone());
        self.message = filled(&deployment.description);
        self.title = Fact::Nothing;
        self.author = Fact::Nothing;
        self.deploy_to = Fact::Is(deployment.target.clone());
        self.deploy_task = Fact::Is(deployment.task.clone());
    }
}

/// Whether the listed commits are all that the push brought, so that their files are those that changed. A new branch, a forced push and a
/// test say nothing about what changed.
fn is_whole(forge: Forge, push: &Push) -> bool {
    let most = match forge {
        Forge::GitHub => LISTED_BY_GITHUB,
        Forge::GitLab => LISTED_BY_GITLAB,
        Forge::Gogs | Forge::Gitea | Forge::Forgejo => LISTED_BY_GOGS,
    };
    let all_listed = match push.total {
        Some(total) => u64::try_from(push.commits.len()).is_ok_and(|listed| listed == total),
        None => push.commits.len() < most,
    };
    all_listed && !push.is_new() && !push.is_test() && push.forced != Some(true)
}

/// What was done to a pull request, in the words of Gitea.
pub(crate) fn done_to_pull_request(it: &PullRequest) -> &str {
    match it.action.as_str() {
        "closed" | "close" if it.merged => "merged",
        "closed" | "close" => "closed",
        "merge" => "merged",
        "open" => "opened",
        "reopen" => "reopened",
        "synchronize" => "synchronized",
        "label_updated" | "label_cleared" | "unlabeled" => "labeled",
        "update" if it.before.is_some() => "synchronized",
        "update" if it.changes.iter().any(|change| change == "labels") => "labeled",
        "update" => "edited",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_may_be_cut_is_not_taken_for_whole() {
        let push = |commits: usize, total: Option<u64>| Push {
            before: "1".repeat(40),
            after: "2".repeat(40),
            commits: vec![crate::Commit::default(); commits],
            total,
            ..Push::default()
        };
        for (forge, listed, total, whole) in [
            (Forge::Gogs, 4, None, true),
            (Forge::Gogs, 5, None, false),
            (Forge::Gitea, 5, Some(5), true),
            (Forge::Gitea, 5, Some(6), false),
            (Forge::GitHub, 25, None, true),
            (Forge::GitLab, 20, Some(25), false),
        ] {
            assert_eq!(is_whole(forge, &push(listed, total)), whole, "{forge:?} {listed} {total:?}");
        }
        assert!(!is_whole(Forge::GitHub, &Push { forced: Some(true), ..push(1, None) }));
        assert!(!is_whole(Forge::Gogs, &Push { before: "0".repeat(40), ..push(1, None) }));
    }
}
