use crate::commit::{Commit, tagged_at};
use crate::order::TagOrder;
use crate::repository::Branch;
use crate::{GitError, Repository};
use git2::{ErrorCode, Oid};
use lp_model::message;
use lp_model::{CommitFacts, Person};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

/// A commit in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Full object id, hexadecimal.
    pub sha: String,
    /// First line of the message.
    pub title: String,
    /// Who wrote it.
    pub author_name: String,
    /// E-mail address of the author.
    pub author_email: String,
    /// Commit time, milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// The tag by which it was found.
    pub tag: Option<String>,
    /// Branches that it is on, the default one first, as far as they were looked through for the list.
    pub branches: Vec<String>,
    /// The reference that an event names it by: `refs/tags/x`, `refs/heads/x`, or empty for a commit on no branch.
    pub reference: String,
}

/// A tag and its commit.
struct Tag {
    name: String,
    commit: Oid,
    /// When the tag was made; of a lightweight one, when its commit was.
    time_s: i64,
}

impl Repository {
    /// Versions to choose from: first the tags, the latest first, at most `limit`; then the newest `limit` commits of all branches without
    /// those that were listed as tags. A commit with several tags appears once for each.
    pub fn versions(&self, limit: usize) -> Result<Vec<Version>, GitError> {
        self.versions_of(limit).map_err(|error| self.explained(error))
    }

    fn versions_of(&self, limit: usize) -> Result<Vec<Version>, GitError> {
        let tags = self.tags()?;
        let branches = self.branches()?;
        let commits = self.newest_commits(&branches, limit)?;
        let on: HashMap<Oid, &Vec<String>> = commits.iter().map(|(id, on)| (*id, on)).collect();
        let mut versions = Vec::new();
        for tag in tags.iter().take(limit) {
            let commit = self.read_commit(tag.commit)?;
            let mut version = describe(&commit, format!("refs/tags/{}", tag.name));
            version.branches = on.get(&tag.commit).map(|on| on.to_vec()).unwrap_or_default();
            version.tag = Some(tag.name.clone());
            versions.push(version);
        }
        let tagged: HashSet<Oid> = tags.iter().take(limit).map(|tag| tag.commit).collect();
        for (id, on) in commits.iter().filter(|(id, _)| !tagged.contains(id)) {
            let commit = self.read_commit(*id)?;
            let mut version = describe(&commit, on.first().map(|branch| format!("refs/heads/{branch}")).unwrap_or_default());
            version.branches.clone_from(on);
            versions.push(version);
        }
        Ok(versions)
    }

    /// The commit that is checked out, with its branch.
    pub fn head(&self) -> Result<Version, GitError> {
        self.resolve("HEAD")
    }

    /// The version of that name: `HEAD`, a tag, a branch, a full reference, or at least four digits of a commit's id, in this order.
    pub fn resolve(&self, text: &str) -> Result<Version, GitError> {
        self.resolve_of(text).map_err(|error| self.explained(error))
    }

    fn resolve_of(&self, text: &str) -> Result<Version, GitError> {
        let text = text.trim();
        let unknown = || GitError::UnknownVersion { text: text.to_owned() };
        if text == "HEAD" {
            let Some(commit) = self.commit_at("HEAD")? else {
                return Err(match self.current_branch() {
                    Some(branch) => GitError::NoCommitYet { branch },
                    None => unknown(),
                });
            };
            let branch = self.current_branch().map_or_else(|| self.branch_of(commit.id), |branch| Ok(Some(branch)))?;
            return Ok(on_branch(&commit, branch));
        }
        let tag = text.strip_prefix("refs/tags/").unwrap_or(text);
        if let Some(commit) = self.commit_at(&format!("refs/tags/{tag}"))? {
            let mut version = describe(&commit, format!("refs/tags/{tag}"));
            version.branches.extend(self.branch_of(commit.id)?);
            version.tag = Some(tag.to_owned());
            return Ok(version);
        }
        let branch = text.strip_prefix("refs/heads/").unwrap_or(text);
        for reference in [format!("refs/heads/{branch}"), format!("refs/remotes/origin/{branch}")] {
            if let Some(commit) = self.commit_at(&reference)? {
                return Ok(on_branch(&commit, Some(branch.to_owned())));
            }
        }
        if text.starts_with("refs/")
            && let Some(commit) = self.commit_at(text)?
        {
            return Ok(describe(&commit, text.to_owned()));
        }
        if !(4..=40).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let object = self.git.odb()?.exists_prefix(git2::Oid::from_str(&format!("{text:0<40}"))?, text.len());
        let object = object.map_err(|error| match error.code() {
            ErrorCode::NotFound => unknown(),
            ErrorCode::Ambiguous => GitError::Ambiguous { text: text.to_owned() },
            _ => error.into(),
        })?;
        // A tag or file that begins like that is no version.
        let Some(commit) = self.peel(object)?.filter(|commit| *commit == object) else { return Err(unknown()) };
        let commit = self.read_commit(commit)?;
        Ok(on_branch(&commit, self.branch_of(commit.id)?))
    }

    /// The commit with that full id by its tag, the latest where it has several; `None` when no tag leads exactly to it.
    pub fn tagged(&self, sha: &str) -> Result<Option<Version>, GitError> {
        let commit = self.commit_id(sha)?;
        let tags = self.tags().map_err(|error| self.explained(error))?;
        let tag = tags.into_iter().find(|tag| tag.commit == commit);
        tag.map(|tag| self.resolve(&format!("refs/tags/{}", tag.name))).transpose()
    }

    /// What the compiler may know about a version: message, author, the first parent as the commit before, the branch (of a tag: one that has the
    /// tagged commit).
    pub fn commit_facts(&self, version: &Version) -> Result<CommitFacts, GitError> {
        self.commit_facts_of(version).map_err(|error| self.explained(error))
    }

    fn commit_facts_of(&self, version: &Version) -> Result<CommitFacts, GitError> {
        let commit = self.commit(&version.sha)?;
        let branch = match version.reference.strip_prefix("refs/heads/") {
            Some(branch) => branch.to_owned(),
            None => self.branch_of(commit.id)?.unwrap_or_default(),
        };
        let name = version.author_name.clone();
        Ok(CommitFacts {
            sha: version.sha.clone(),
            before: commit.parents.first().map(|id| id.to_string()).unwrap_or_default(),
            reference: version.reference.clone(),
            branch,
            message: commit.message.trim_end().to_owned(),
            author: Person { login: name.clone(), name, email: version.author_email.clone(), avatar: String::new() },
            link: String::new(),
            time_ms: version.time_ms,
        })
    }

    /// The commit with that full id.
    pub(crate) fn commit(&self, sha: &str) -> Result<Commit, GitError> {
        self.read_commit(self.commit_id(sha)?)
    }

    /// The full id, if there is such a commit.
    pub(crate) fn commit_id(&self, sha: &str) -> Result<Oid, GitError> {
        let unknown = || GitError::UnknownVersion { text: sha.to_owned() };
        let id = Oid::from_str(sha).ok().filter(|id| !id.is_zero()).ok_or_else(unknown)?;
        match self.git.odb()?.read_header(id) {
            Ok((_, git2::ObjectType::Commit)) => Ok(id),
            Ok(_) => Err(unknown()),
            // A file of another user is not found either.
            Err(error) if error.code() == ErrorCode::NotFound => Err(match crate::trouble::reading(&self.git, error.into()) {
                GitError::MissingObject { .. } | GitError::PartialClone { .. } => unknown(),
                trouble => trouble,
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// A commit that the repository names.
    pub(crate) fn read_commit(&self, id: Oid) -> Result<Commit, GitError> {
        let odb = self.git.odb()?;
        let object = odb.read(id)?;
        Commit::read(id, object.data()).ok_or_else(|| GitError::corrupt(message!("the commit `{}` cannot be read", format_args!("{}", id))))
    }

    /// The commit that an object is or, as a tag (of a tag …), names; `None` when it leads to a file or folder.
    pub(crate) fn peel(&self, mut id: Oid) -> Result<Option<Oid>, GitError> {
        let odb = self.git.odb()?;
        let mut seen = HashSet::new();
        loop {
            let object = odb.read(id)?;
            match object.kind() {
                git2::ObjectType::Commit => return Ok(Some(id)),
                git2::ObjectType::Tag if seen.insert(id) => match crate::reachable::tagged(object.data()) {
                    Some((next, _)) => id = next,
                    None => return Ok(None),
                },
                _ => return Ok(None),
            }
        }
    }

    /// The commit that a reference leads to; `None` when there is no such reference, or when it names something else (a tagged file).
    fn commit_at(&self, reference: &str) -> Result<Option<Commit>, GitError> {
        if !git2::Reference::is_valid_name(reference) {
            return Ok(None);
        }
        let found = match self.git.find_reference(reference).and_then(|found| found.resolve()) {
            Ok(found) => found,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(target) = found.target() else { return Ok(None) };
        self.peel(target)?.map(|id| self.read_commit(id)).transpose()
    }

    /// All tags that lead to commits, the latest first; of one moment, the higher number first (`1.10` before `1.9`).
    fn tags(&self) -> Result<Vec<Tag>, GitError> {
        let odb = self.git.odb()?;
        let mut tags = Vec::new();
        for reference in self.git.references_glob("refs/tags/*")? {
            let reference = reference?;
            let Some(target) = reference.resolve().ok().and_then(|reference| reference.target()) else { continue };
            // Tags may name trees and files; such are no versions. Nor is one whose commit is not there.
            let Ok(Some(commit)) = self.peel(target) else { continue };
            let made = odb.read(target).ok().filter(|tag| tag.kind() == git2::ObjectType::Tag).and_then(|tag| tagged_at(tag.data()));
            let Some(time_s) = made.or_else(|| self.read_commit(commit).ok().map(|commit| commit.time_s)) else { continue };
            let name = String::from_utf8_lossy(reference.name_bytes()).trim_start_matches("refs/tags/").to_owned();
            tags.push(Tag { name, commit, time_s });
        }
        tags.sort_by_cached_key(|tag| Reverse((tag.time_s, TagOrder::of(&tag.name))));
        Ok(tags)
    }

    /// The newest commits of the branches, each with the branches that it is on. The walk goes down all branches at once, always from the
    /// newest commit that was not visited, so it never reads more than it returns.
    fn newest_commits(&self, branches: &[Branch], limit: usize) -> Result<Vec<(Oid, Vec<String>)>, GitError> {
        let mut on: HashMap<Oid, BTreeSet<usize>> = HashMap::new();
        let mut next: BinaryHeap<(i64, Oid)> = BinaryHeap::new();
        for (number, branch) in branches.iter().enumerate() {
            let known = on.entry(branch.tip).or_default();
            if known.is_empty() {
                next.push((self.read_commit(branch.tip)?.time_s, branch.tip));
            }
            known.insert(number);
        }
        let mut order = Vec::new();
        while order.len() < limit
            && let Some((_, id)) = next.pop()
        {
            order.push(id);
            let here = on.get(&id).cloned().unwrap_or_default();
            for parent in self.read_commit(id)?.parents {
                // The history of a shallow clone ends with parents that are not there.
                let Ok(commit) = self.read_commit(parent) else { continue };
                let known = on.entry(parent).or_default();
                if known.is_empty() {
                    next.push((commit.time_s, parent));
                }
                known.extend(&here);
            }
        }
        let names = |id: &Oid| on[id].iter().map(|&number| branches[number].name.clone()).collect();
        Ok(order.iter().map(|id| (*id, names(id))).collect())
    }
}

fn describe(commit: &Commit, reference: String) -> Version {
    Version {
        sha: commit.id.to_string(),
        title: commit.title(),
        author_name: commit.author_name.trim().to_owned(),
        author_email: commit.author_email.trim().to_owned(),
        time_ms: commit.time_s.saturating_mul(1_000),
        tag: None,
        branches: Vec::new(),
        reference,
    }
}

fn on_branch(commit: &Commit, branch: Option<String>) -> Version {
    let mut version = describe(commit, branch.as_ref().map(|branch| format!("refs/heads/{branch}")).unwrap_or_default());
    version.branches.extend(branch);
    version
}
