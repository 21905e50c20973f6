//! What a delivery means for a pipeline: the facts of an event as the program sees them that a dialect was made for.
//!
//! The programs disagree about nearly every forge: who is the author, which branch a pull request has, whether a tag is told by its push or
//! by its creation. A pipeline expects what its own program does, so the dialect of the pipeline decides, in a module of its own.
//!
//! Two things are the same for all of them. `commit.sha` is a commit wherever the delivery tells one: some of the programs take the object
//! of an annotated tag for it, which cannot be told from a commit by its looks; where a delivery tells no commit it is empty, and the
//! reference has to be resolved. And a pull request is from a fork when its repository is another one, by their numbers: Drone compares
//! names, on GitLab those that are shown to people, and takes many own ones for foreign.

mod drone08;
mod drone1;
mod woodpecker;

use crate::facts::Facts;
use crate::payload::{Deployment, Happening, Payload, PullRequest, Push, RefChange};
use crate::skip::asks_to_be_skipped;
use lp_model::{CommitFacts, Dialect, EventFacts, EventKind, Message, Person, PullRequestFacts, RepoFacts, message};

/// What a dialect makes of a delivery.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Why it makes nothing of it.
    pub ignored: Option<Message>,
    /// Whether the message asks that nothing is run.
    pub skip: bool,
    /// The event.
    pub event: Option<Event>,
}

/// An event as a dialect sees it.
#[derive(Debug, Clone)]
pub struct Event {
    /// The dialect's word for it; it has some for which there is no [`EventKind`].
    pub word: &'static str,
    /// Its facts.
    pub facts: EventFacts,
    /// Login of who did it, as the program knows them.
    pub sender: String,
    /// Why nothing can start, although the program would try.
    pub obstacle: Option<Message>,
}

/// What a dialect makes of a delivery.
pub fn seen(dialect: Dialect, payload: &Payload) -> Seen {
    let event = match dialect {
        Dialect::Drone08 => drone08::event(payload),
        Dialect::Drone1 => drone1::event(payload),
        Dialect::Woodpecker => woodpecker::event(payload),
    };
    match event {
        Err(ignored) => Seen { ignored: Some(ignored), skip: false, event: None },
        Ok(event) => {
            let title = event.facts.pull_request.as_ref().map_or("", |it| &it.title);
            let skip = asks_to_be_skipped(dialect, event.facts.kind, &event.facts.commit.message, title);
            Seen { ignored: None, skip, event: Some(event) }
        }
    }
}

/// The name of the program.
fn program(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Drone08 => "Drone 0.8",
        Dialect::Drone1 => "Drone",
        Dialect::Woodpecker => "Woodpecker",
    }
}

fn no_event(dialect: Dialect, event: &str) -> Message {
    message!("{} runs nothing for the event `{}`", program(dialect), event)
}

fn no_action(dialect: Dialect, action: &str) -> Message {
    message!("{} runs nothing when `{}` is done to a pull request", program(dialect), action)
}

fn new_branch() -> Message {
    message!("a new branch is also told by a push, which counts")
}

fn new_tag() -> Message {
    message!("a new tag is also told by a push, which counts")
}

fn gone() -> Message {
    message!("the branch or tag is gone, so there is nothing to run")
}

impl Event {
    /// Of a push: its reference and commit.
    fn of_push(payload: &Payload, push: &Push, word: &'static str, kind: EventKind) -> Self {
        let mut event = Self::empty(payload, word, kind);
        let commit = &mut event.facts.commit;
        push.commit_id().clone_into(&mut commit.sha);
        commit.reference.clone_from(&push.reference);
        push.branch().unwrap_or_default().clone_into(&mut commit.branch);
        if kind == EventKind::Push {
            event.facts.changed_files = Facts::of(payload).changed_files.known().cloned();
        }
        if push.is_deletion() {
            event.obstacle = Some(gone());
        } else if push.is_test() {
            event.obstacle = Some(message!("the forge tried the webhook out: nothing was pushed"));
        }
        event
    }

    /// Of a tag that is told by itself; who made it is its author.
    fn of_tag(payload: &Payload, tag: &RefChange) -> Self {
        let mut event = Self::empty(payload, "tag", EventKind::Tag);
        event.facts.commit = CommitFacts {
            sha: tag.object.clone().unwrap_or_default(),
            reference: format!("refs/tags/{}", tag.name),
            author: login_of(&payload.sender),
            ..CommitFacts::default()
        };
        event
    }

    /// Of a pull request; `action` is what was done, in the words of the dialect.
    fn of_pull_request(payload: &Payload, it: &PullRequest, word: &'static str, action: &str) -> Self {
        let mut event = Self::empty(payload, word, EventKind::PullRequest);
        event.facts.commit = CommitFacts {
            sha: it.head.clone().unwrap_or_default(),
            reference: it.reference.clone(),
            branch: it.target_branch.clone(),
            message: it.title.clone(),
            author: it.author.clone(),
            link: it.link.clone(),
            ..CommitFacts::default()
        };
        event.facts.pull_request = Some(PullRequestFacts {
            number: it.number,
            title: it.title.clone(),
            source_branch: it.source_branch.clone(),
            target_branch: it.target_branch.clone(),
            action: action.to_owned(),
            from_fork: it.from_fork,
        });
        event
    }

    /// Of a deployment. What was asked for may be a branch, a tag or a commit; all programs take it for a branch.
    fn of_deployment(payload: &Payload, it: &Deployment, word: &'static str) -> Self {
        let mut event = Self::empty(payload, word, EventKind::Promote);
        let is_commit = it.sha.starts_with(&it.reference);
        let branch = if is_commit { &payload.repository.default_branch } else { &it.reference };
        event.facts.commit = CommitFacts {
            sha: it.sha.clone(),
            reference: if branch.starts_with("refs/") { branch.clone() } else { format!("refs/heads/{branch}") },
            branch: branch.clone(),
            message: it.description.clone(),
            author: login_of(&payload.sender),
            ..CommitFacts::default()
        };
        event.facts.target = Some(it.target.clone());
        event
    }

    fn empty(payload: &Payload, word: &'static str, kind: EventKind) -> Self {
        let it = &payload.repository;
        let (owner, name) = it.path.rsplit_once('/').unwrap_or(("", &it.path));
        let repo = RepoFacts {
            owner: owner.to_owned(),
            name: name.to_owned(),
            link: it.link.clone(),
            remote: it.remote.clone(),
            default_branch: it.default_branch.clone(),
            private: it.private,
            trusted: false,
            real_plugins: false,
        };
        let facts = EventFacts { repo, ..EventFacts::new(kind) };
        Self { word, facts, sender: payload.sender.login.clone(), obstacle: None }
    }
}

/// Somebody by their login alone.
fn login_of(person: &Person) -> Person {
    Person { login: person.login.clone(), avatar: person.avatar.clone(), ..Person::default() }
}

/// Somebody by login and address.
fn reached(person: &Person) -> Person {
    Person { email: person.email.clone(), ..login_of(person) }
}

/// The branch that a tag of GitHub was made from, where it says so.
fn base_branch(push: &Push) -> Option<&str> {
    push.base.strip_prefix("refs/heads/")
}

/// The page of a tag on a forge of the family of Gogs.
fn tag_page(payload: &Payload, tag: &str) -> String {
    let folder = if payload.forge == crate::Forge::Gogs { "src" } else { "src/tag" };
    format!("{}/{folder}/{tag}", payload.repository.link)
}

/// What no dialect runs anything for.
fn ignored_by_all(dialect: Dialect, payload: &Payload) -> Message {
    match &payload.happening {
        Happening::Deleted(_) => gone(),
        Happening::Created(change) if !change.is_tag => new_branch(),
        _ => no_event(dialect, &payload.event),
    }
}
