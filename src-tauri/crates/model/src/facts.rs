//! Event facts: everything the compiler may know about what happened. They come from a trigger (or from the person who
//! presses Run) and hold no secret.

use crate::run::RunState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happened. The names that a pipeline file uses depend on the dialect (`drone.md` §2.11); the compiler translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Commits were pushed to a branch.
    Push,
    /// A pull request was opened or updated.
    PullRequest,
    /// A tag was made.
    Tag,
    /// A version is moved to a target (`promote` in 1.x, `deployment` in 0.8 and Woodpecker).
    Promote,
    /// An older version is brought back to a target.
    Rollback,
    /// A schedule is due.
    Cron,
    /// A person pressed the button without any of the above (`custom` in 1.x, `manual` in Woodpecker).
    Manual,
}

impl EventKind {
    /// All kinds, in the order in which help texts name them.
    pub const ALL: [EventKind; 7] = [Self::Push, Self::PullRequest, Self::Tag, Self::Promote, Self::Rollback, Self::Cron, Self::Manual];

    /// The word for it on the command line and in stored data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::PullRequest => "pull_request",
            Self::Tag => "tag",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Cron => "cron",
            Self::Manual => "manual",
        }
    }

    /// Reads [`EventKind::as_str`] back; also `deployment` and `custom`, the dialects' own words.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "deployment" => Some(Self::Promote),
            "custom" => Some(Self::Manual),
            _ => Self::ALL.into_iter().find(|k| k.as_str() == text),
        }
    }
}

/// An event that a pipeline file could react to: what a button is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// What happens.
    pub kind: EventKind,
    /// Target environment of a promotion or roll back, where the file names it; name of the schedule of a cron event, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// A person as git or a forge knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Login on the forge; the name where there is no forge.
    pub login: String,
    /// Full name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Address of a picture, or empty.
    pub avatar: String,
}

/// The repository of the project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepoFacts {
    /// Owner or organisation.
    pub owner: String,
    /// Name without the owner.
    pub name: String,
    /// Web address, or empty for a folder on this computer.
    pub link: String,
    /// Clone address without credentials, or empty.
    pub remote: String,
    /// The default branch, e.g. `main`.
    pub default_branch: String,
    /// Whether only some people may read it.
    pub private: bool,
    /// Whether the user trusts the project (privileged steps, host volumes).
    pub trusted: bool,
    /// Whether the user wants the containers of image plugins to run, instead of the engine building by itself.
    #[serde(skip_serializing_if = "is_false")]
    pub real_plugins: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl RepoFacts {
    /// `owner/name`.
    pub fn slug(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// The commit that is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommitFacts {
    /// Full object id, hexadecimal.
    pub sha: String,
    /// The commit before it (push), or empty.
    pub before: String,
    /// Full reference: `refs/heads/x`, `refs/tags/x`, `refs/pull/7/head`.
    pub reference: String,
    /// Branch: the pushed one, the target of a pull request; for a tag what the forge says.
    pub branch: String,
    /// The whole message.
    pub message: String,
    /// Who wrote it.
    pub author: Person,
    /// Web address of the commit or the comparison, or empty.
    pub link: String,
    /// Commit time, milliseconds since 1970 UTC.
    pub time_ms: i64,
}

/// The pull request of a [`EventKind::PullRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PullRequestFacts {
    /// Its number on the forge.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Branch it comes from.
    pub source_branch: String,
    /// Branch it goes to.
    pub target_branch: String,
    /// `opened`, `synchronized`, or empty.
    pub action: String,
    /// Whether it comes from another repository, whose writers need not be trusted by this one.
    pub from_fork: bool,
}

/// The run of the same branch before this one, as far as its steps may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousRun {
    /// Its number in the project.
    pub number: u64,
    /// Number of the run that it repeated or promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_number: Option<u64>,
    /// What had happened.
    pub kind: EventKind,
    /// Target environment of a promotion or roll back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How it ended.
    pub state: RunState,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it began, milliseconds since 1970 UTC.
    #[serde(default)]
    pub started_ms: i64,
    /// When it was over, milliseconds since 1970 UTC.
    #[serde(default)]
    pub ended_ms: i64,
    /// On which commit.
    pub commit: CommitFacts,
}

/// All facts of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFacts {
    /// What happened.
    pub kind: EventKind,
    /// Where.
    #[serde(default)]
    pub repo: RepoFacts,
    /// On which commit.
    #[serde(default)]
    pub commit: CommitFacts,
    /// Of a pull request event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestFacts>,
    /// Target environment of a promotion or roll back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Name of the schedule of a cron event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Values of the form, `--input k=v`, build parameters. No secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Names of the secrets that are set for the project, so that a mistake about one can be told. Not stored: they change.
    #[serde(skip)]
    pub known_secrets: Vec<String>,
    /// Paths that changed, where the trigger knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_files: Option<Vec<String>>,
    /// Number of the run in its project, from 1.
    #[serde(default)]
    pub run_number: u64,
    /// Number of the run that this one repeats or promotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_number: Option<u64>,
    /// The run before this one on the same branch, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Box<PreviousRun>>,
    /// When the run was asked for, milliseconds since 1970 UTC.
    #[serde(default)]
    pub created_ms: i64,
}

impl EventFacts {
    /// Facts with everything empty but the kind; tests and callers fill in what they know.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            repo: RepoFacts::default(),
            commit: CommitFacts::default(),
            pull_request: None,
            target: None,
            cron: None,
            inputs: BTreeMap::new(),
            known_secrets: Vec::new(),
            changed_files: None,
            run_number: 0,
            parent_number: None,
            previous: None,
            created_ms: 0,
        }
    }

    /// The tag name when the reference is a tag.
    pub fn tag(&self) -> Option<&str> {
        self.commit.reference.strip_prefix("refs/tags/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_its_own_word_back() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::parse("deployment"), Some(EventKind::Promote));
        assert_eq!(EventKind::parse("Push"), None);
    }
}
