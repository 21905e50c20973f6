//! Woodpecker 3: a tag is told by its creation on Gitea and by its push on GitHub and GitLab; the author of anything is who did it. It has
//! no part for Gogs any more: deliveries of that are seen as those of Gitea.
// woodpecker v3 `server/forge/{gitea,github,gitlab}`.

use super::{Event, base_branch, gone, ignored_by_all, login_of, no_action, no_event, reached, tag_page};
use crate::Forge;
use crate::payload::{Happening, Payload, PullRequest, Push, Release};
use lp_model::{CommitFacts, Dialect, EventKind, Message, message};

/// What is done to a pull request without new commits, in the words of all forges but GitLab.
const METADATA: [&str; 9] =
    ["edited", "label_updated", "label_cleared", "labeled", "unlabeled", "milestoned", "demilestoned", "assigned", "unassigned"];

/// The event, or why there is none.
pub(super) fn event(payload: &Payload) -> Result<Event, Message> {
    match &payload.happening {
        Happening::Push(push) => of_push(payload, push),
        Happening::Created(change) if change.is_tag && payload.forge.is_of_gogs() => {
            let mut event = Event::of_tag(payload, change);
            event.facts.commit.author = reached(&payload.sender);
            event.facts.commit.link = tag_page(payload, &change.name);
            Ok(event)
        }
        Happening::PullRequest(it) => of_pull_request(payload, it),
        Happening::Release(it) => of_release(payload, it),
        Happening::Deployment(it) => {
            let mut event = Event::of_deployment(payload, it, "deployment");
            event.facts.commit.link.clone_from(&it.link);
            Ok(event)
        }
        _ => Err(ignored_by_all(Dialect::Woodpecker, payload)),
    }
}

fn of_push(payload: &Payload, push: &Push) -> Result<Event, Message> {
    let is_tag = push.tag().is_some();
    if payload.forge.is_of_gogs() && is_tag {
        return Err(message!("the push of a tag is also told as its creation, which counts"));
    }
    if push.is_deletion() {
        return Err(gone());
    }
    if payload.forge == Forge::GitLab && !is_tag && push.total == Some(0) {
        return Err(message!("Woodpecker runs nothing for a push without new commits"));
    }
    let (word, kind) = if is_tag { ("tag", EventKind::Tag) } else { ("push", EventKind::Push) };
    let mut event = Event::of_push(payload, push, word, kind);
    let commit = &mut event.facts.commit;
    // Its server takes the commit before from its own history; where there is none, this is the same.
    if !push.is_new() {
        commit.before.clone_from(&push.before);
    }
    commit.author = reached(&payload.sender);
    match payload.forge {
        Forge::Gogs | Forge::Gitea | Forge::Forgejo => {
            if let Some(told) = push.commits.first().or(push.head.as_ref()) {
                commit.message.clone_from(&told.message);
                commit.link.clone_from(if push.commits.len() > 1 { &push.compare } else { &told.link });
            }
        }
        Forge::GitHub => {
            let newest = push.newest().cloned().unwrap_or_default();
            if commit.author.login.is_empty() {
                commit.author.login = newest.author.login;
            }
            commit.author.email = newest.author.email;
            commit.message = newest.message;
            commit.link = newest.link;
            if is_tag {
                commit.branch = base_branch(push).unwrap_or(&push.reference).to_owned();
            }
        }
        Forge::GitLab => {
            let newest = push.newest().cloned().unwrap_or_default();
            commit.author.email = newest.author.email;
            commit.message = newest.message;
            if let Some(tag) = push.tag() {
                commit.link = format!("{}/-/tags/{tag}", payload.repository.link);
            }
            event.sender = String::new();
        }
    }
    Ok(event)
}

fn of_pull_request(payload: &Payload, it: &PullRequest) -> Result<Event, Message> {
    let is_gitlab = payload.forge == Forge::GitLab;
    let word = match it.action.as_str() {
        "open" | "reopen" if is_gitlab => "pull_request",
        "close" | "merge" if is_gitlab => "pull_request_closed",
        "update" if is_gitlab && it.before.is_some() => "pull_request",
        "update" if is_gitlab && !it.changes.is_empty() => "pull_request_metadata",
        "update" if is_gitlab => return Err(message!("nothing was changed that Woodpecker runs anything for")),
        "opened" | "synchronized" | "synchronize" | "reopened" if !is_gitlab => "pull_request",
        "closed" if !is_gitlab => "pull_request_closed",
        action if !is_gitlab && METADATA.contains(&action) => "pull_request_metadata",
        action => return Err(no_action(Dialect::Woodpecker, action)),
    };
    let reason = if word == "pull_request_metadata" { it.action.as_str() } else { "" };
    let mut event = Event::of_pull_request(payload, it, word, reason);
    let commit = &mut event.facts.commit;
    if is_gitlab {
        // The branch that it comes from, other than on all other forges.
        commit.branch.clone_from(&it.source_branch);
        let last = it.last_commit.clone().unwrap_or_default();
        commit.message = last.message;
        commit.author = login_of(&payload.sender);
        commit.author.email = last.author.email;
        event.sender = String::new();
    } else {
        commit.author.name = String::new();
        commit.author.email = if payload.forge.is_of_gogs() { payload.sender.email.clone() } else { String::new() };
    }
    if word != "pull_request" {
        event.obstacle = Some(unknown_here(word));
    }
    Ok(event)
}

fn of_release(payload: &Payload, it: &Release) -> Result<Event, Message> {
    if payload.forge == Forge::GitHub && it.action != "released" {
        return Err(message!("GitHub tells a release several times; Woodpecker counts the delivery with `released`"));
    }
    if it.tag.is_empty() {
        return Err(no_event(Dialect::Woodpecker, &payload.event));
    }
    // There is no kind of its own for it; what can be known of it is what can be known of its tag.
    let mut event = Event::empty(payload, "release", EventKind::Tag);
    let of_commit = it.commit.clone().unwrap_or_default();
    let mut author = reached(&it.author);
    if payload.forge == Forge::GitLab {
        // Nobody is named but the author of the commit.
        author.email.clone_from(&of_commit.author.email);
        event.sender = of_commit.author.name;
    }
    event.facts.commit = CommitFacts {
        sha: of_commit.id,
        reference: format!("refs/tags/{}", it.tag),
        branch: it.target.clone(),
        author,
        link: it.link.clone(),
        ..CommitFacts::default()
    };
    event.obstacle = Some(unknown_here("release"));
    Ok(event)
}

fn unknown_here(word: &str) -> Message {
    message!("Woodpecker has the event `{}`; here nothing starts for it", word)
}
