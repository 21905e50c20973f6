//! Drone 1 and 2: a tag is told by its push, but on Gogs, which sends none; the author of a push is the author of its newest commit.
// go-scm `scm/driver/*/webhook.go`, drone v2 `service/hook/parser/parse.go`.

use super::{Event, base_branch, gone, ignored_by_all, login_of, new_tag, no_action, no_event, reached};
use crate::Forge;
use crate::facts::done_to_pull_request;
use crate::payload::{Happening, Payload, PullRequest, Push, RefChange};
use lp_model::{Dialect, EventKind, Message, Person};

/// The event, or why there is none.
pub(super) fn event(payload: &Payload) -> Result<Event, Message> {
    match &payload.happening {
        Happening::Push(push) => of_push(payload, push),
        Happening::Created(change) if change.is_tag => of_tag(payload, change),
        Happening::PullRequest(it) => of_pull_request(payload, it),
        Happening::Deployment(it) => Ok(Event::of_deployment(payload, it, "promote")),
        _ => Err(ignored_by_all(Dialect::Drone1, payload)),
    }
}

fn of_push(payload: &Payload, push: &Push) -> Result<Event, Message> {
    if push.is_deletion() {
        return Err(gone());
    }
    let (word, kind) = if push.tag().is_some() { ("tag", EventKind::Tag) } else { ("push", EventKind::Push) };
    let mut event = Event::of_push(payload, push, word, kind);
    let commit = &mut event.facts.commit;
    let sender = &payload.sender;
    match payload.forge {
        Forge::Gogs | Forge::Gitea | Forge::Forgejo => {
            // The newest is the first; without a list nothing is known of it.
            let first = push.commits.first();
            commit.message = first.map(|first| first.message.clone()).unwrap_or_default();
            commit.author = first.map_or_else(|| reached(sender), |first| first.author.clone());
            if payload.forge != Forge::Gogs && first.is_some() {
                commit.before.clone_from(&push.before);
            }
            commit.link.clone_from(&push.compare);
        }
        Forge::GitHub => {
            let newest = push.newest();
            commit.message = newest.map(|newest| newest.message.clone()).unwrap_or_default();
            commit.author = newest.map(|newest| newest.author.clone()).unwrap_or_default();
            commit.before.clone_from(&push.before);
            commit.link.clone_from(&push.compare);
            if let Some(branch) = base_branch(push).filter(|_| push.tag().is_some()) {
                branch.clone_into(&mut commit.branch);
            }
        }
        Forge::GitLab => {
            let newest = push.newest();
            commit.message = newest.map(|newest| newest.message.clone()).unwrap_or_default();
            commit.author = sender.clone();
            commit.before.clone_from(&push.before);
            commit.link = newest.map(|newest| newest.link.clone()).unwrap_or_default();
        }
    }
    if commit.author.avatar.is_empty() {
        commit.author.avatar.clone_from(&sender.avatar);
    }
    Ok(event)
}

fn of_tag(payload: &Payload, tag: &RefChange) -> Result<Event, Message> {
    if payload.forge != Forge::Gogs {
        return Err(new_tag());
    }
    let mut event = Event::of_tag(payload, tag);
    event.facts.commit.branch.clone_from(&tag.name);
    event.facts.commit.author = reached(&payload.sender);
    Ok(event)
}

fn of_pull_request(payload: &Payload, it: &PullRequest) -> Result<Event, Message> {
    let action = match (payload.forge, it.action.as_str()) {
        // Every update counts, also one that only changes a label.
        (Forge::GitLab, "update") => "synchronized",
        _ => done_to_pull_request(it),
    };
    match action {
        "opened" | "synchronized" => {}
        "" => return Err(no_event(Dialect::Drone1, &payload.event)),
        other => return Err(no_action(Dialect::Drone1, other)),
    }
    let mut event = Event::of_pull_request(payload, it, "pull_request", action);
    let commit = &mut event.facts.commit;
    if let Some(body) = it.body.as_ref().filter(|body| !body.is_empty()) {
        commit.message.clone_from(body);
    }
    match payload.forge {
        Forge::GitHub => commit.before = it.base.clone().unwrap_or_default(),
        Forge::GitLab => commit.author = Person { name: payload.sender.name.clone(), ..login_of(&payload.sender) },
        Forge::Gogs | Forge::Gitea | Forge::Forgejo => {}
    }
    Ok(event)
}
