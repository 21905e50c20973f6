//! Drone 0.7 and 0.8: on Gitea a tag is told twice and both times run, as a tag and as a push; on GitLab nothing is filtered, so that
//! labels, closed merge requests and deleted branches make builds, the last of which fail for want of a commit.
// drone v0.8.10 `remote/{gogs,gitea,github,gitlab}`.

use super::{Event, base_branch, gone, ignored_by_all, login_of, no_action, reached, tag_page};
use crate::Forge;
use crate::facts::done_to_pull_request;
use crate::payload::{Happening, Payload, PullRequest, Push};
use lp_model::{Dialect, EventKind, Message, Person};

/// The event, or why there is none.
pub(super) fn event(payload: &Payload) -> Result<Event, Message> {
    match &payload.happening {
        Happening::Push(push) => of_push(payload, push),
        Happening::Created(change) if change.is_tag && payload.forge.is_of_gogs() => {
            let mut event = Event::of_tag(payload, change);
            let commit = &mut event.facts.commit;
            commit.branch.clone_from(&commit.reference);
            // What the program itself puts there.
            commit.message = format!("created tag {}", change.name);
            commit.link = tag_page(payload, &change.name);
            Ok(event)
        }
        Happening::PullRequest(it) => of_pull_request(payload, it),
        Happening::Deployment(it) => {
            let mut event = Event::of_deployment(payload, it, "deployment");
            event.facts.commit.link.clone_from(&it.link);
            Ok(event)
        }
        _ => Err(ignored_by_all(Dialect::Drone08, payload)),
    }
}

fn of_push(payload: &Payload, push: &Push) -> Result<Event, Message> {
    if push.is_deletion() && payload.forge == Forge::GitHub {
        return Err(gone());
    }
    let is_tag = push.tag().is_some() && !payload.forge.is_of_gogs();
    let (word, kind) = if is_tag { ("tag", EventKind::Tag) } else { ("push", EventKind::Push) };
    let mut event = Event::of_push(payload, push, word, kind);
    let commit = &mut event.facts.commit;
    commit.author = reached(&payload.sender);
    if push.tag().is_some() {
        commit.branch.clone_from(&push.reference);
    }
    match payload.forge {
        Forge::Gogs | Forge::Gitea | Forge::Forgejo => {
            commit.message = push.commits.first().map(|first| first.message.clone()).unwrap_or_default();
            commit.link.clone_from(&push.compare);
        }
        Forge::GitHub => {
            let newest = push.newest().cloned().unwrap_or_default();
            commit.author.email = newest.author.email;
            commit.message = newest.message;
            commit.link = newest.link;
            if let Some(branch) = base_branch(push).filter(|_| is_tag) {
                branch.clone_into(&mut commit.branch);
            }
        }
        Forge::GitLab => {
            // The list holds commits, so that of an annotated tag, whose object is looked for, nothing is known.
            let newest = push.commit(&push.after).cloned().unwrap_or_default();
            commit.author.login.clone_from(&payload.sender.name);
            commit.author.email = newest.author.email;
            commit.message = newest.message;
            event.sender = String::new();
        }
    }
    Ok(event)
}

fn of_pull_request(payload: &Payload, it: &PullRequest) -> Result<Event, Message> {
    let action = done_to_pull_request(it);
    if payload.forge != Forge::GitLab {
        if !matches!(action, "opened" | "synchronized") || !it.open {
            return Err(no_action(Dialect::Drone08, action));
        }
        let mut event = Event::of_pull_request(payload, it, "pull_request", action);
        event.facts.commit.author = login_of(&it.author);
        return Ok(event);
    }
    let mut event = Event::of_pull_request(payload, it, "pull_request", action);
    let commit = &mut event.facts.commit;
    let last = it.last_commit.clone().unwrap_or_default();
    commit.branch.clone_from(&it.source_branch);
    commit.message = last.message;
    commit.author = Person { login: last.author.name, email: last.author.email, ..Person::default() };
    event.sender = String::new();
    Ok(event)
}
