//! Event facts, made in one place: a plan, a preview, a run and a run again that are about the same version and event have the same facts.
//!
//! | event | reference | branch |
//! | --- | --- | --- |
//! | push, manual, cron | that of the branch; none for a commit on no branch | the one that was named or is checked out, else one that has the commit |
//! | tag | the tag | one that has the commit, or none |
//! | promote, rollback | the version's tag, else the branch | likewise |
//! | pull request | `refs/pull/N/head` | the one that it goes to |
//!
//! A commit that is on no branch is on none: it is never taken for one of the default branch, which deployments are guarded by.

use crate::dto::{ApiError, AskedEvent, ErrorCode};
use lp_git::{Changes, Repository, Since, WhyUnknown};
use lp_model::{CommitFacts, Dialect, EventFacts, EventKind, Message, PullRequestFacts, RepoFacts, message};

/// What a version is, before something happens to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ground {
    pub repo: RepoFacts,
    pub commit: CommitFacts,
    /// The tag that leads to the commit.
    pub tag: Option<String>,
}

/// The kind of event that is asked for: the one that is named, or the one that the other facts belong to; `None` when nothing is said.
/// `tag` is one that was named beside it.
///
/// # Errors
/// `BadRequest` for a word that is no event, and for facts that would be looked at by nobody.
pub(crate) fn kind(asked: &AskedEvent, tag: &str) -> Result<Option<EventKind>, ApiError> {
    let of_pull_request = asked.pull_request.is_some() || !asked.source.is_empty() || !asked.action.is_empty();
    let given = [
        ("--tag", !tag.is_empty(), &[EventKind::Tag, EventKind::Promote, EventKind::Rollback][..]),
        ("--target", !asked.target.is_empty(), &[EventKind::Promote, EventKind::Rollback]),
        ("--cron", !asked.cron.is_empty(), &[EventKind::Cron]),
        ("--pull-request`, `--source` and `--action", of_pull_request, &[EventKind::PullRequest]),
    ];
    let given: Vec<_> = given.into_iter().filter(|(_, given, _)| *given).collect();
    let kind = match asked.kind.as_str() {
        "" => given.iter().map(|(_, _, kinds)| kinds[0]).next_back(),
        word => Some(EventKind::parse(word).ok_or_else(|| no_event(word))?),
    };
    match given.iter().find(|(_, _, kinds)| kind.is_some_and(|kind| !kinds.contains(&kind))) {
        Some((flag, _, kinds)) => {
            let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let message = message!("`{}` says nothing about the event `{}`", flag, kind.unwrap_or(EventKind::Push).as_str());
            Err(ApiError::new(ErrorCode::BadRequest, message).hint(message!("events with it: {}", words.join(", "))))
        }
        None => Ok(kind),
    }
}

/// The error for a word that is no event.
pub(crate) fn no_event(word: &str) -> ApiError {
    let words: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    ApiError::new(ErrorCode::BadRequest, message!("`{}` is no event", word)).hint(message!("events are: {}", words.join(", ")))
}

/// The facts of an event of that kind, and what a person should know about them.
///
/// # Errors
/// `InputInvalid` for a tag event of a version without a tag.
pub(crate) fn facts(ground: &Ground, kind: EventKind, asked: &AskedEvent) -> Result<(EventFacts, Vec<Message>), ApiError> {
    let mut facts = EventFacts::new(kind);
    let mut notes = Vec::new();
    facts.repo = ground.repo.clone();
    facts.commit = ground.commit.clone();
    if !asked.branch.is_empty() && kind != EventKind::PullRequest {
        facts.commit.branch.clone_from(&asked.branch);
    }
    let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let of_tag = ground.tag.as_ref().map(|tag| format!("refs/tags/{tag}"));
    let of_branch = filled(&facts.commit.branch).map(|branch| format!("refs/heads/{branch}"));
    facts.commit.reference = match kind {
        EventKind::Tag => of_tag.ok_or_else(|| {
            ApiError::new(ErrorCode::InputInvalid, message!("the event `tag` is for tags, and this version has none"))
                .hint(message!("pick a version with a tag"))
        })?,
        EventKind::Promote | EventKind::Rollback => of_tag.or(of_branch).unwrap_or_default(),
        EventKind::Push | EventKind::Manual | EventKind::Cron => of_branch.unwrap_or_default(),
        EventKind::PullRequest => {
            let pull_request = pull_request(ground, asked);
            facts.commit.branch.clone_from(&pull_request.target_branch);
            let reference = format!("refs/pull/{}/head", pull_request.number);
            notes.push(message!(
                "the run is as one of pull request {}, from `{}` to `{}`",
                pull_request.number.to_string(),
                pull_request.source_branch,
                pull_request.target_branch
            ));
            facts.pull_request = Some(pull_request);
            reference
        }
    };
    facts.target = filled(&asked.target).filter(|_| matches!(kind, EventKind::Promote | EventKind::Rollback));
    facts.cron = filled(&asked.cron).filter(|_| kind == EventKind::Cron);
    if facts.commit.branch.is_empty() && kind != EventKind::Tag {
        notes.push(message!("the commit is on no branch, so what is only for certain branches does not run"));
    }
    Ok((facts, notes))
}

/// A pull request goes from the branch of the version to the default branch, if nothing else is said.
fn pull_request(ground: &Ground, asked: &AskedEvent) -> PullRequestFacts {
    let or = |text: &String, other: &str| if text.is_empty() { other.to_owned() } else { text.clone() };
    let default_branch = or(&ground.repo.default_branch, "main");
    PullRequestFacts {
        number: asked.pull_request.map_or(1, u64::from),
        title: ground.commit.message.lines().next().unwrap_or_default().to_owned(),
        source_branch: or(&asked.source, &ground.commit.branch),
        target_branch: or(&asked.branch, &default_branch),
        action: or(&asked.action, "opened"),
        from_fork: false,
    }
}

/// What is asked for when the event of a run is to happen again.
pub(crate) fn again(facts: &EventFacts) -> AskedEvent {
    let pull_request = facts.pull_request.as_ref();
    AskedEvent {
        kind: facts.kind.as_str().to_owned(),
        branch: facts.commit.branch.clone(),
        target: facts.target.clone().unwrap_or_default(),
        cron: facts.cron.clone().unwrap_or_default(),
        pull_request: pull_request.and_then(|pull_request| u32::try_from(pull_request.number).ok()),
        source: pull_request.map(|pull_request| pull_request.source_branch.clone()).unwrap_or_default(),
        action: pull_request.map(|pull_request| pull_request.action.clone()).unwrap_or_default(),
    }
}

/// Fills in which files changed, where somebody may ask; returns why they are not known. Blocks.
///
/// # Errors
/// What reading the repository gives.
pub(crate) fn add_changed_files(repository: &Repository, dialect: Dialect, facts: &mut EventFacts) -> Result<Option<Message>, ApiError> {
    // Drone never looked at them, and Woodpecker looks at them where commits arrive.
    let since = match (&facts.pull_request, facts.kind) {
        _ if dialect != Dialect::Woodpecker => return Ok(None),
        (Some(pull_request), EventKind::PullRequest) => Since::Branch(&pull_request.target_branch),
        (_, EventKind::Push) => Since::Push(&facts.commit.before),
        _ => return Ok(None),
    };
    Ok(match repository.changed_files(&facts.commit.sha, since)? {
        Changes::Files(files) => {
            facts.changed_files = Some(files);
            None
        }
        Changes::Unknown(why) => Some(match why {
            WhyUnknown::NotFetched => {
                message!("the commit before this one is not in this clone, which is not complete; `git fetch --unshallow` completes it")
            }
            WhyUnknown::NoBranch(branch) => message!("there is no branch `{}` to compare with", branch),
            WhyUnknown::Unrelated => message!("the two branches have no commit in common"),
            WhyUnknown::TooMany => message!("there are too many"),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(branch: &str, tag: Option<&str>) -> Ground {
        let mut ground = Ground { tag: tag.map(str::to_owned), ..Ground::default() };
        ground.repo.default_branch = "main".into();
        ground.commit.branch = branch.into();
        ground.commit.message = "title\n\ntext".into();
        ground
    }

    fn told(ground: &Ground, kind: EventKind, asked: &AskedEvent) -> String {
        match facts(ground, kind, asked) {
            Ok((facts, notes)) => {
                let parts = [facts.target, facts.cron, facts.pull_request.map(|it| format!("{}>{}", it.source_branch, it.target_branch))];
                let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.len()) };
                format!("{} {} {}{notes}", facts.commit.reference, facts.commit.branch, parts.into_iter().flatten().collect::<String>())
            }
            Err(error) => error.message.to_string(),
        }
    }

    #[test]
    fn every_event_has_its_reference_and_branch() {
        use EventKind::*;
        let all = AskedEvent { target: "qa".into(), cron: "nightly".into(), ..AskedEvent::default() };
        for (branch, tag, kind, expected) in [
            ("main", None, Push, "refs/heads/main main "),
            ("main", Some("v1"), Push, "refs/heads/main main "),
            ("main", Some("v1"), Tag, "refs/tags/v1 main "),
            ("", Some("v1"), Tag, "refs/tags/v1  "),
            ("main", None, Tag, "the event `tag` is for tags, and this version has none"),
            ("main", Some("v1"), Promote, "refs/tags/v1 main qa"),
            ("main", None, Rollback, "refs/heads/main main qa"),
            ("main", Some("v1"), Cron, "refs/heads/main main nightly"),
            ("", None, Manual, "   (1)"),
            ("", None, Push, "   (1)"),
            ("fix", None, PullRequest, "refs/pull/1/head main fix>main (1)"),
        ] {
            assert_eq!(told(&ground(branch, tag), kind, &all), expected, "{branch} {tag:?} {kind:?}");
        }
    }

    #[test]
    fn an_event_can_happen_again() {
        for kind in EventKind::ALL {
            let asked = AskedEvent {
                target: "qa".into(),
                cron: "nightly".into(),
                source: "fix".into(),
                pull_request: Some(7),
                ..AskedEvent::default()
            };
            let ground = ground("dev", Some("v1"));
            let (first, _) = facts(&ground, kind, &asked).unwrap();
            let (second, _) = facts(&ground, kind, &again(&first)).unwrap();
            assert_eq!(first, second);
        }
    }
}
