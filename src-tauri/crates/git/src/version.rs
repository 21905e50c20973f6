use crate::repository::Branch;
use crate::{GitError, Repository};
use git2::{Commit, ErrorCode, Oid};
use lp_model::{CommitFacts, Person};
use std::cmp::Ordering;
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
        let tags = self.tags()?;
        let branches = self.branches()?;
        let commits = self.newest_commits(&branches, limit)?;
        let on: HashMap<Oid, &Vec<String>> = commits.iter().map(|(id, on)| (*id, on)).collect();
        let mut versions = Vec::new();
        for tag in tags.iter().take(limit) {
            let commit = self.git.find_commit(tag.commit)?;
            let mut version = describe(&commit, format!("refs/tags/{}", tag.name));
            version.branches = on.get(&tag.commit).map(|on| on.to_vec()).unwrap_or_default();
            version.tag = Some(tag.name.clone());
            versions.push(version);
        }
        let tagged: HashSet<Oid> = tags.iter().take(limit).map(|tag| tag.commit).collect();
        for (id, on) in commits.iter().filter(|(id, _)| !tagged.contains(id)) {
            let commit = self.git.find_commit(*id)?;
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
        let text = text.trim();
        let unknown = || GitError::UnknownVersion { text: text.to_owned() };
        if text == "HEAD" {
            let head = self.git.head().map_err(|error| match error.code() {
                ErrorCode::UnbornBranch | ErrorCode::NotFound => unknown(),
                _ => error.into(),
            })?;
            let commit = head.peel_to_commit()?;
            let branch = self.current_branch().map_or_else(|| self.branch_of(commit.id()), |branch| Ok(Some(branch)))?;
            return Ok(on_branch(&commit, branch));
        }
        let tag = text.strip_prefix("refs/tags/").unwrap_or(text);
        if let Some(commit) = self.commit_at(&format!("refs/tags/{tag}"))? {
            let mut version = describe(&commit, format!("refs/tags/{tag}"));
            version.branches.extend(self.branch_of(commit.id())?);
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
        let commit = self.git.find_commit_by_prefix(text).map_err(|error| match error.code() {
            ErrorCode::NotFound => unknown(),
            ErrorCode::Ambiguous => GitError::Ambiguous { text: text.to_owned() },
            _ => error.into(),
        })?;
        Ok(on_branch(&commit, self.branch_of(commit.id())?))
    }

    /// The commit with that full id by its tag, the latest where it has several; `None` when no tag leads exactly to it.
    pub fn tagged(&self, sha: &str) -> Result<Option<Version>, GitError> {
        let commit = self.commit(sha)?;
        let tag = self.tags()?.into_iter().find(|tag| tag.commit == commit.id());
        tag.map(|tag| self.resolve(&format!("refs/tags/{}", tag.name))).transpose()
    }

    /// What the compiler may know about a version: message, author, the first parent as the commit before, the branch (of a tag: one that has the
    /// tagged commit).
    pub fn commit_facts(&self, version: &Version) -> Result<CommitFacts, GitError> {
        let commit = self.commit(&version.sha)?;
        let branch = match version.reference.strip_prefix("refs/heads/") {
            Some(branch) => branch.to_owned(),
            None => self.branch_of(commit.id())?.unwrap_or_default(),
        };
        let name = version.author_name.clone();
        Ok(CommitFacts {
            sha: version.sha.clone(),
            before: commit.parent_id(0).map(|id| id.to_string()).unwrap_or_default(),
            reference: version.reference.clone(),
            branch,
            message: String::from_utf8_lossy(commit.message_bytes()).trim_end().to_owned(),
            author: Person { login: name.clone(), name, email: version.author_email.clone(), avatar: String::new() },
            link: String::new(),
            time_ms: version.time_ms,
        })
    }

    /// The commit with that full id.
    pub(crate) fn commit(&self, sha: &str) -> Result<Commit<'_>, GitError> {
        let unknown = || GitError::UnknownVersion { text: sha.to_owned() };
        let id = Oid::from_str(sha).map_err(|_| unknown())?;
        self.git.find_commit(id).map_err(|error| if error.code() == ErrorCode::NotFound { unknown() } else { error.into() })
    }

    /// The commit that a reference leads to; `None` when there is no such reference, or when it names something else (a tagged file).
    fn commit_at(&self, reference: &str) -> Result<Option<Commit<'_>>, GitError> {
        if !git2::Reference::is_valid_name(reference) {
            return Ok(None);
        }
        let found = match self.git.find_reference(reference) {
            Ok(found) => found,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match found.peel_to_commit() {
            Ok(commit) => Ok(Some(commit)),
            Err(error) if matches!(error.code(), ErrorCode::InvalidSpec | ErrorCode::Peel) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All tags that lead to commits, the latest first; of one moment, the higher number first (`1.10` before `1.9`).
    fn tags(&self) -> Result<Vec<Tag>, GitError> {
        let mut tags = Vec::new();
        for reference in self.git.references_glob("refs/tags/*")? {
            let reference = reference?;
            // Tags may name trees and files; such are no versions.
            let Ok(commit) = reference.peel_to_commit() else { continue };
            let made = reference.peel_to_tag().ok().and_then(|tag| tag.tagger().map(|tagger| tagger.when().seconds()));
            let name = String::from_utf8_lossy(reference.name_bytes()).trim_start_matches("refs/tags/").to_owned();
            tags.push(Tag { name, commit: commit.id(), time_s: made.unwrap_or_else(|| commit.time().seconds()) });
        }
        tags.sort_by(|a, b| b.time_s.cmp(&a.time_s).then_with(|| by_number(&b.name, &a.name)));
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
                next.push((self.git.find_commit(branch.tip)?.time().seconds(), branch.tip));
            }
            known.insert(number);
        }
        let mut order = Vec::new();
        while order.len() < limit
            && let Some((_, id)) = next.pop()
        {
            order.push(id);
            let here = on.get(&id).cloned().unwrap_or_default();
            for parent in self.git.find_commit(id)?.parent_ids() {
                // The history of a shallow clone ends with parents that are not there.
                let Ok(commit) = self.git.find_commit(parent) else { continue };
                let known = on.entry(parent).or_default();
                if known.is_empty() {
                    next.push((commit.time().seconds(), parent));
                }
                known.extend(&here);
            }
        }
        let names = |id: &Oid| on[id].iter().map(|&number| branches[number].name.clone()).collect();
        Ok(order.iter().map(|id| (*id, names(id))).collect())
    }
}

fn describe(commit: &Commit<'_>, reference: String) -> Version {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let author = commit.author();
    Version {
        sha: commit.id().to_string(),
        title: commit.summary_bytes().map(text).unwrap_or_default(),
        author_name: text(author.name_bytes()),
        author_email: text(author.email_bytes()),
        time_ms: commit.time().seconds().saturating_mul(1_000),
        tag: None,
        branches: Vec::new(),
        reference,
    }
}

fn on_branch(commit: &Commit<'_>, branch: Option<String>) -> Version {
    let mut version = describe(commit, branch.as_ref().map(|branch| format!("refs/heads/{branch}")).unwrap_or_default());
    version.branches.extend(branch);
    version
}

/// Compares names with the numbers in them as numbers. A name that goes on with a letter or dash after the other's end is the lower one, as
/// in semantic versions: `1.0.0-rc.1` comes before `1.0.0`.
fn by_number(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.trim_start_matches('v'), b.trim_start_matches('v'));
    loop {
        let (digits_a, digits_b) = (digits(a), digits(b));
        if !digits_a.is_empty() && !digits_b.is_empty() {
            let plain = |text: &str| text.trim_start_matches('0').to_owned();
            let (x, y) = (plain(digits_a), plain(digits_b));
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[digits_a.len()..], &b[digits_b.len()..]);
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(more)) => return if more == '-' || more.is_alphabetic() { Ordering::Greater } else { Ordering::Less },
            (Some(more), None) => return if more == '-' || more.is_alphabetic() { Ordering::Less } else { Ordering::Greater },
            (Some(x), Some(y)) if x != y => return x.cmp(&y),
            _ => (a, b) = (rest_a.as_str(), rest_b.as_str()),
        }
    }
}

fn digits(text: &str) -> &str {
    &text[..text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_people_read_them() {
        let rising =
            ["0.9", "1.0.0-alpha", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.1", "1.9", "v1.10", "1.10.1", "2", "release-7", "release-12"];
        for pair in rising.windows(2) {
            assert_eq!(by_number(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(by_number(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(by_number("v1.02", "1.2"), Ordering::Equal);
    }
}
