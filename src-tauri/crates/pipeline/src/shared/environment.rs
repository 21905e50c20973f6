//! The variables that a step finds in its environment, and their values for substitution.

use lp_model::{CommitFacts, EnvValue, EventFacts, EventKind, Person, PreviousRun, RunState, RuntimeFact};
use std::collections::BTreeMap;

/// Variables with their values; empty texts stand for names that are known but say nothing for this event.
pub type Environment = BTreeMap<String, EnvValue>;

pub(crate) fn set(environment: &mut Environment, name: &str, text: impl Into<String>) {
    environment.insert(name.to_owned(), EnvValue::Text(text.into()));
}

pub(crate) fn set_runtime(environment: &mut Environment, names: &[&str], fact: RuntimeFact) {
    for name in names {
        environment.insert((*name).to_owned(), EnvValue::Runtime(fact));
    }
}

/// The value of a variable as substitution sees it: what is known only later has the value that it has at the very beginning.
pub(crate) fn early_text(value: &EnvValue, facts: &EventFacts) -> String {
    match value {
        EnvValue::Text(text) => text.clone(),
        EnvValue::Secret(_) | EnvValue::Template(_) => String::new(),
        EnvValue::Runtime(RuntimeFact::RunStatus | RuntimeFact::StageStatus) => "success".into(),
        EnvValue::Runtime(RuntimeFact::RunStartedS | RuntimeFact::StageStartedS | RuntimeFact::StepStartedS | RuntimeFact::NowS) => {
            seconds(facts)
        }
        EnvValue::Runtime(_) => String::new(),
    }
}

/// When the run was asked for, in seconds since 1970.
pub(crate) fn seconds(facts: &EventFacts) -> String {
    (facts.created_ms / 1000).to_string()
}

/// A number, or nothing for 0.
pub(crate) fn number(value: u64) -> String {
    if value == 0 { String::new() } else { value.to_string() }
}

/// What is said of the run before this one: the last part of a variable's name and its text, all empty without one.
pub(crate) fn previous_run(facts: &EventFacts, event_word: fn(EventKind) -> &'static str) -> [(&'static str, String); 8] {
    let previous = facts.previous.as_deref();
    let text = |take: &dyn Fn(&PreviousRun) -> String| previous.map(take).unwrap_or_default();
    let seconds = |ms: i64| if ms == 0 { String::new() } else { (ms / 1000).to_string() };
    [
        ("NUMBER", text(&|run| run.number.to_string())),
        ("PARENT", text(&|run| number(run.parent_number.unwrap_or_default()))),
        ("EVENT", text(&|run| event_word(run.kind).to_owned())),
        ("STATUS", text(&|run| status_word(run.state).to_owned())),
        ("CREATED", text(&|run| seconds(run.created_ms))),
        ("STARTED", text(&|run| seconds(run.started_ms))),
        ("FINISHED", text(&|run| seconds(run.ended_ms))),
        // There is no server that shows it.
        ("LINK", String::new()),
    ]
}

/// What is said of the commit of the run before this one, likewise.
pub(crate) fn previous_commit(facts: &EventFacts) -> [(&'static str, String); 10] {
    let commit = facts.previous.as_deref().map(|run| &run.commit);
    let text = |take: &dyn Fn(&CommitFacts) -> String| commit.map(take).unwrap_or_default();
    let login = |person: &Person| if person.login.is_empty() { person.name.clone() } else { person.login.clone() };
    [
        ("SHA", text(&|commit| commit.sha.clone())),
        ("REF", text(&|commit| commit.reference.clone())),
        ("REFSPEC", String::new()),
        ("BRANCH", text(&|commit| commit.branch.clone())),
        ("MESSAGE", text(&|commit| commit.message.clone())),
        ("AUTHOR", text(&|commit| login(&commit.author))),
        ("AUTHOR_NAME", text(&|commit| login(&commit.author))),
        ("AUTHOR_EMAIL", text(&|commit| commit.author.email.clone())),
        ("AUTHOR_AVATAR", text(&|commit| commit.author.avatar.clone())),
        ("TIMESTAMP", text(&|commit| if commit.time_ms == 0 { String::new() } else { (commit.time_ms / 1000).to_string() })),
    ]
}

/// The end of a run as all languages call it.
fn status_word(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "pending",
        RunState::Running => "running",
        RunState::Passed => "success",
        RunState::Failed => "failure",
        RunState::Errored => "error",
        RunState::Cancelled | RunState::TimedOut | RunState::Interrupted => "killed",
    }
}

/// The number of the pull request: from the facts, else out of `refs/pull/7/head`.
pub(crate) fn pull_request(facts: &EventFacts) -> String {
    if let Some(pull_request) = &facts.pull_request {
        return number(pull_request.number);
    }
    let reference = facts.commit.reference.as_str();
    let tail = ["refs/pull/", "refs/pull-requests/", "refs/merge-requests/"].iter().find_map(|prefix| reference.strip_prefix(prefix));
    let digits = tail.and_then(|tail| tail.split('/').next()).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    match (facts.kind, digits) {
        (EventKind::PullRequest, Some(digits)) => digits.to_owned(),
        _ => String::new(),
    }
}

/// Source and target branch of a pull request; of anything else the branch is both.
pub(crate) fn branches(facts: &EventFacts) -> (String, String) {
    match &facts.pull_request {
        Some(pull_request) => (pull_request.source_branch.clone(), pull_request.target_branch.clone()),
        None => (facts.commit.branch.clone(), facts.commit.branch.clone()),
    }
}

/// The author as a forge names them; git alone knows only a name.
pub(crate) fn author_login(facts: &EventFacts) -> &str {
    let author = &facts.commit.author;
    if author.login.is_empty() { &author.name } else { &author.login }
}

/// The host of an address like `https://host/a/b`, `git@host:a/b` or `ssh://git@host:22/a/b`.
pub(crate) fn host(address: &str) -> Option<&str> {
    let rest = match address.split_once("://") {
        Some((_, rest)) => rest.split('/').next()?,
        None => address.split_once(':').filter(|(host, _)| host.contains('@'))?.0,
    };
    let host = rest.rsplit('@').next()?;
    let host = host.split(':').next()?;
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (address, expected) in [
            ("https://github.com/a/b", Some("github.com")),
            ("https://me:pw@git.example.com:3000/a/b.git", Some("git.example.com")),
            ("git@gogs.example.com:a/b.git", Some("gogs.example.com")),
            ("ssh://git@h:22/a/b", Some("h")),
            ("/home/me/b", None),
            ("", None),
            ("file:///x", None),
        ] {
            assert_eq!(host(address), expected, "{address}");
        }
    }

    #[test]
    fn the_number_of_a_pull_request_comes_from_facts_or_reference() {
        let mut facts = EventFacts::new(EventKind::PullRequest);
        facts.commit.reference = "refs/pull/7/head".into();
        assert_eq!(pull_request(&facts), "7");
        facts.kind = EventKind::Push;
        assert_eq!(pull_request(&facts), "");
    }
}
