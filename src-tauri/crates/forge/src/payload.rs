//! What the body of a delivery says, read into types. Two ways of speaking are known: the one of GitHub, which Gogs and its family took
//! over, and the one of GitLab.

mod gitlab;
mod hub;

use crate::field::{Field, parse};
use crate::{Delivery, Forge, ForgeError};
use lp_model::Person;

/// A commit id of zeros stands for no commit.
pub(crate) fn is_zero(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

/// A read delivery.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Who sent it.
    pub forge: Forge,
    /// The event as the forge calls it.
    pub event: String,
    /// The repository that it is about.
    pub repository: Repository,
    /// Who did it; nothing is known of them where all is empty.
    pub sender: Person,
    /// What happened.
    pub happening: Happening,
}

/// A repository on a forge.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    /// Number that survives a new name.
    pub id: Option<u64>,
    /// `owner/name`; on GitLab groups may have groups.
    pub path: String,
    /// The default branch, empty for an empty repository.
    pub default_branch: String,
    /// Web address, as the forge believes it to be.
    pub link: String,
    /// Clone address by http, likewise. Never use it: whoever forges a delivery chooses it.
    pub remote: String,
    /// Whether only some people may read it.
    pub private: bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A reference moved, was made or is gone.
    Push(Box<Push>),
    /// A branch or tag was made, told by itself.
    Created(RefChange),
    /// A branch or tag is gone, told by itself.
    Deleted(RefChange),
    /// Something about a pull request.
    PullRequest(Box<PullRequest>),
    /// Something about a release.
    Release(Box<Release>),
    /// A deployment was asked for (GitHub).
    Deployment(Deployment),
    /// Nothing that a pipeline can wait for; what the forge calls it, and what was done.
    Other(String, Option<String>),
}

/// A push of one reference.
#[derive(Debug, Clone, Default)]
pub struct Push {
    /// Full reference.
    pub reference: String,
    /// Object before, zeros for a new reference.
    pub before: String,
    /// Object after: a commit, or the object of an annotated tag; zeros for one that is gone.
    pub after: String,
    /// The commit, where the forge tells it apart from the object (GitLab).
    pub checkout: Option<String>,
    /// Those that are listed: all, some, or none, in the order of the forge.
    pub commits: Vec<Commit>,
    /// The newest, where the forge tells it by itself.
    pub head: Option<Commit>,
    /// How many there are, where the forge tells it.
    pub total: Option<u64>,
    /// Web address of the comparison, or empty.
    pub compare: String,
    /// Full reference of the branch that a new tag or branch was made from (GitHub), or empty.
    pub base: String,
    /// Whether it was forced, where the forge tells it (GitHub).
    pub forced: Option<bool>,
    /// Text of an annotated tag (GitLab).
    pub tag_message: Option<String>,
}

/// A commit as a delivery lists it.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The whole message.
    pub message: String,
    /// Web address, or empty.
    pub link: String,
    /// Who wrote it.
    pub author: Person,
    /// Paths that were added, removed or modified.
    pub files: Vec<String>,
}

/// A branch or tag that was made or is gone.
#[derive(Debug, Clone)]
pub struct RefChange {
    /// Whether it is a tag.
    pub is_tag: bool,
    /// Its name without `refs/…`.
    pub name: String,
    /// The object: a commit, or the object of an annotated tag; nothing where the forge leaves it out.
    pub object: Option<String>,
}

/// A pull request, on GitLab a merge request.
#[derive(Debug, Clone, Default)]
pub struct PullRequest {
    /// What was done, as the forge says it.
    pub action: String,
    /// Its number.
    pub number: u64,
    /// Full reference of its head.
    pub reference: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: Option<String>,
    /// Web address.
    pub link: String,
    /// Branch that it comes from.
    pub source_branch: String,
    /// Branch that it goes to.
    pub target_branch: String,
    /// Newest commit; Gogs does not tell it.
    pub head: Option<String>,
    /// Newest commit of the target.
    pub base: Option<String>,
    /// The head before new commits arrived, where the forge tells it.
    pub before: Option<String>,
    /// Who opened it; on GitLab nobody tells.
    pub author: Person,
    /// The head, where the forge tells more of it than its id (GitLab).
    pub last_commit: Option<Commit>,
    /// Whether it comes from another repository.
    pub from_fork: bool,
    /// `owner/name` of that; nothing when it is gone.
    pub source_repository: Option<String>,
    /// Whether it was merged.
    pub merged: bool,
    /// Whether it is open.
    pub open: bool,
    /// Whether it is a draft, where the forge has such.
    pub draft: Option<bool>,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// What an update changed (GitLab), of `labels`, `title` and others.
    pub changes: Vec<String>,
}

/// A release.
#[derive(Debug, Clone, Default)]
pub struct Release {
    /// What was done, as the forge says it.
    pub action: String,
    /// Its tag.
    pub tag: String,
    /// Its title.
    pub title: Option<String>,
    /// The branch or commit that its tag would be made from, or empty.
    pub target: String,
    /// Whether it is a prerelease, where the forge has such.
    pub prerelease: Option<bool>,
    /// Whether it is a draft, likewise.
    pub draft: Option<bool>,
    /// Who made it; nobody tells on GitLab.
    pub author: Person,
    /// Its commit (GitLab).
    pub commit: Option<Commit>,
    /// Web address.
    pub link: String,
}

/// A deployment that was asked for.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    /// The commit.
    pub sha: String,
    /// Branch, tag or commit, as it was asked for.
    pub reference: String,
    /// Target environment.
    pub target: String,
    /// What is to be done there.
    pub task: String,
    /// Text, or empty.
    pub description: String,
    /// Address of it in the forge's API.
    pub link: String,
}

impl Payload {
    /// Reads a delivery. What it says is only worth something when it is verified.
    ///
    /// # Errors
    /// All of [`ForgeError`].
    pub fn read(delivery: &Delivery<'_>, forge: Forge) -> Result<Self, ForgeError> {
        let event = delivery.event(forge)?;
        let json = parse(&delivery.json()?)?;
        let body = Field::root(&json, forge);
        match forge {
            Forge::GitLab => gitlab::read(&body, event),
            _ => hub::read(&body, forge, event),
        }
    }
}

impl Push {
    /// Whether the reference is gone.
    pub fn is_deletion(&self) -> bool {
        is_zero(&self.after)
    }

    /// Whether the reference is new.
    pub fn is_new(&self) -> bool {
        is_zero(&self.before)
    }

    /// Whether nothing moved: forges try a webhook out with such a one.
    pub fn is_test(&self) -> bool {
        self.before == self.after && !self.is_deletion()
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.reference.strip_prefix("refs/tags/")
    }

    /// The branch.
    pub fn branch(&self) -> Option<&str> {
        self.reference.strip_prefix("refs/heads/")
    }

    /// The listed commit of that id.
    pub fn commit(&self, id: &str) -> Option<&Commit> {
        self.commits.iter().find(|commit| commit.id == id)
    }

    /// The newest commit: told by itself, else the listed one that the reference leads to.
    pub fn newest(&self) -> Option<&Commit> {
        let id = self.checkout.as_deref().unwrap_or(&self.after);
        self.head.as_ref().or_else(|| self.commit(id))
    }

    /// The id of the newest commit; that of an object may be one of a tag.
    pub fn commit_id(&self) -> &str {
        match (&self.checkout, &self.head) {
            (Some(checkout), _) => checkout,
            (None, Some(head)) if self.tag().is_some() => &head.id,
            _ => &self.after,
        }
    }

    /// Paths of the listed commits, each once. With no list those of the newest commit.
    pub fn files(&self) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let listed: Vec<&Commit> = if self.commits.is_empty() { self.head.iter().collect() } else { self.commits.iter().collect() };
        let files = listed.into_iter().flat_map(|commit| &commit.files);
        files.filter(|file| seen.insert(file.as_str())).cloned().collect()
    }
}
