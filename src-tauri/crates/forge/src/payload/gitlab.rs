//! The bodies of GitLab. The event is told twice: by the header in words, by `object_kind` in the body; the body is what is signed.
//!
//! Commits are listed oldest first, at most 20. `after` of an annotated tag is the object of the tag, `checkout_sha` its commit.

use super::{Commit, Happening, Payload, PullRequest, Push, Release, Repository};
use crate::field::Field;
use crate::{Forge, ForgeError};
use lp_model::Person;

/// What GitLab calls the visibility of a project that everybody may read.
const PUBLIC: u64 = 20;

pub(super) fn read(body: &Field<'_>, event: &str) -> Result<Payload, ForgeError> {
    let kind = body.get("object_kind")?.filled_text()?;
    let happening = match kind.as_str() {
        "push" | "tag_push" => Happening::Push(Box::new(push(body)?)),
        "merge_request" => Happening::PullRequest(Box::new(merge_request(body)?)),
        "release" => Happening::Release(Box::new(release(body)?)),
        other => Happening::Other(other.to_owned(), None),
    };
    let sender = match kind.as_str() {
        "push" | "tag_push" => Person {
            login: body.get("user_username")?.text_or_empty()?,
            name: body.get("user_name")?.text_or_empty()?,
            email: body.get("user_email")?.text_or_empty()?,
            avatar: body.get("user_avatar")?.text_or_empty()?,
        },
        _ => {
            let user = body.get("user")?;
            Person {
                login: user.get("username")?.text_or_empty()?,
                name: user.get("name")?.text_or_empty()?,
                email: user.get("email")?.text_or_empty()?,
                avatar: user.get("avatar_url")?.text_or_empty()?,
            }
        }
    };
    let of = body.get("project")?;
    // A group may tell of things that belong to no project.
    let repository = match happening {
        Happening::Other(..) if !of.is_there() => Repository::default(),
        _ => project(&of)?,
    };
    Ok(Payload { forge: Forge::GitLab, event: event.to_owned(), repository, sender, happening })
}

fn project(field: &Field<'_>) -> Result<Repository, ForgeError> {
    Ok(Repository {
        id: field.get("id")?.number()?,
        path: field.get("path_with_namespace")?.filled_text()?,
        default_branch: field.get("default_branch")?.text_or_empty()?,
        link: field.get("web_url")?.text_or_empty()?,
        remote: field.get("git_http_url")?.text_or_empty()?,
        private: field.get("visibility_level")?.number()?.is_some_and(|level| level < PUBLIC),
    })
}

fn commit(field: &Field<'_>) -> Result<Commit, ForgeError> {
    let mut files = Vec::new();
    for key in ["added", "removed", "modified"] {
        files.extend(field.get(key)?.texts()?);
    }
    let author = field.get("author")?;
    Ok(Commit {
        id: field.get("id")?.object()?.unwrap_or_default(),
        message: field.get("message")?.text_or_empty()?,
        link: field.get("url")?.text_or_empty()?,
        author: Person { name: author.get("name")?.text_or_empty()?, email: author.get("email")?.text_or_empty()?, ..Person::default() },
        files,
    })
}

fn push(body: &Field<'_>) -> Result<Push, ForgeError> {
    let object = |key: &str| Ok(body.get(key)?.object()?.unwrap_or_default());
    Ok(Push {
        reference: body.get("ref")?.reference()?,
        before: object("before")?,
        after: object("after")?,
        checkout: body.get("checkout_sha")?.object()?,
        commits: body.get("commits")?.items()?.iter().map(commit).collect::<Result<_, _>>()?,
        total: body.get("total_commits_count")?.number()?,
        tag_message: body.get("message")?.text()?,
        ..Push::default()
    })
}

fn merge_request(body: &Field<'_>) -> Result<PullRequest, ForgeError> {
    let field = body.get("object_attributes")?;
    let last_commit = field.get("last_commit")?;
    let last_commit = if last_commit.is_there() { Some(commit(&last_commit)?) } else { None };
    let number = field.get("iid")?.number()?.unwrap_or_default();
    let action = field.get("action")?.text_or_empty()?;
    let labels = body.get("labels")?.items()?;
    let changes = body.get("changes")?;
    let mut changed = Vec::new();
    for key in ["labels", "title", "description", "milestone_id", "assignees", "reviewers", "draft"] {
        if changes.get(key)?.is_there() {
            changed.push(key.to_owned());
        }
    }
    Ok(PullRequest {
        number,
        reference: format!("refs/merge-requests/{number}/head"),
        title: field.get("title")?.text_or_empty()?,
        body: field.get("description")?.text()?,
        link: field.get("url")?.text_or_empty()?,
        source_branch: field.get("source_branch")?.reference()?,
        target_branch: field.get("target_branch")?.reference()?,
        head: last_commit.as_ref().map(|commit| commit.id.clone()).filter(|id| !id.is_empty()),
        base: None,
        before: field.get("oldrev")?.object()?,
        author: Person::default(),
        last_commit,
        from_fork: field.get("source_project_id")?.number()? != field.get("target_project_id")?.number()?,
        source_repository: field.get("source")?.get("path_with_namespace")?.text()?,
        merged: action == "merge" || field.get("state")?.text()?.as_deref() == Some("merged"),
        open: field.get("state")?.text()?.is_none_or(|state| state == "opened"),
        draft: Some(field.first_of(&["draft", "work_in_progress"])?.flag()?.unwrap_or_default()),
        labels: labels.iter().map(|label| label.get("title")?.text_or_empty()).collect::<Result<_, _>>()?,
        changes: changed,
        action,
    })
}

fn release(body: &Field<'_>) -> Result<Release, ForgeError> {
    let field = body.get("commit")?;
    Ok(Release {
        action: body.get("action")?.text_or_empty()?,
        tag: body.get("tag")?.reference()?,
        title: body.get("name")?.text()?,
        commit: if field.is_there() { Some(commit(&field)?) } else { None },
        link: body.get("url")?.text_or_empty()?,
        ..Release::default()
    })
}
