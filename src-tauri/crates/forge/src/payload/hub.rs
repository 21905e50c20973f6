//! The bodies of Gogs, Gitea, Forgejo and GitHub, which have grown from one root.
//!
//! Gogs and Gitea list the newest commit first, GitHub the oldest. `username` is what older ones of the family call `login`.

use super::{Commit, Deployment, Happening, Payload, PullRequest, Push, RefChange, Release, Repository, is_zero};
use crate::field::Field;
use crate::{Forge, ForgeError};
use lp_model::Person;

pub(super) fn read(body: &Field<'_>, forge: Forge, event: &str) -> Result<Payload, ForgeError> {
    let happening = match event {
        "push" => Happening::Push(Box::new(push(body)?)),
        "create" => Happening::Created(ref_change(body)?),
        "delete" => Happening::Deleted(RefChange { object: None, ..ref_change(body)? }),
        "pull_request" => Happening::PullRequest(Box::new(pull_request(body, forge)?)),
        "release" => Happening::Release(Box::new(release(body)?)),
        "deployment" if forge == Forge::GitHub => Happening::Deployment(deployment(body)?),
        other => Happening::Other(other.to_owned(), body.get("action")?.text()?),
    };
    let of = body.get("repository")?;
    // An organisation may tell of things that belong to no repository.
    let repository = match happening {
        Happening::Other(..) if !of.is_there() => Repository::default(),
        _ => repository(&of)?,
    };
    Ok(Payload { forge, event: event.to_owned(), repository, sender: person(&body.get("sender")?)?, happening })
}

fn repository(field: &Field<'_>) -> Result<Repository, ForgeError> {
    Ok(Repository {
        id: field.get("id")?.number()?,
        path: field.get("full_name")?.filled_text()?,
        default_branch: field.get("default_branch")?.text_or_empty()?,
        link: field.get("html_url")?.text_or_empty()?,
        remote: field.get("clone_url")?.text_or_empty()?,
        private: field.get("private")?.flag()?.unwrap_or_default(),
    })
}

/// A user of the forge, or an author as git knows them with the user that the forge takes them for.
fn person(field: &Field<'_>) -> Result<Person, ForgeError> {
    Ok(Person {
        login: field.first_of(&["login", "username"])?.text_or_empty()?,
        name: field.get("name")?.text_or_empty()?,
        email: field.get("email")?.text_or_empty()?,
        avatar: field.get("avatar_url")?.text_or_empty()?,
    })
}

fn commit(field: &Field<'_>) -> Result<Commit, ForgeError> {
    let mut files = Vec::new();
    for key in ["added", "removed", "modified"] {
        files.extend(field.get(key)?.texts()?);
    }
    Ok(Commit {
        id: field.get("id")?.object()?.unwrap_or_default(),
        message: field.get("message")?.text_or_empty()?,
        link: field.get("url")?.text_or_empty()?,
        author: person(&field.get("author")?)?,
        files,
    })
}

fn push(body: &Field<'_>) -> Result<Push, ForgeError> {
    let object = |key: &str| Ok(body.get(key)?.object()?.unwrap_or_default());
    let head = body.get("head_commit")?;
    let mut push = Push {
        reference: body.get("ref")?.reference()?,
        before: object("before")?,
        after: object("after")?,
        checkout: None,
        commits: body.get("commits")?.items()?.iter().map(commit).collect::<Result<_, _>>()?,
        head: if head.is_there() { Some(commit(&head)?) } else { None },
        total: body.get("total_commits")?.number()?,
        compare: body.first_of(&["compare", "compare_url"])?.text_or_empty()?,
        base: body.get("base_ref")?.text_or_empty()?,
        forced: body.get("forced")?.flag()?,
        tag_message: None,
    };
    // What is gone has no commit, whatever else is said of it.
    if is_zero(&push.after) {
        push.head = None;
    }
    Ok(push)
}

fn ref_change(body: &Field<'_>) -> Result<RefChange, ForgeError> {
    let name = body.get("ref")?.reference()?;
    let is_tag = body.get("ref_type")?.filled_text()? == "tag";
    // Some Gitea send the full reference.
    let short = name.strip_prefix(if is_tag { "refs/tags/" } else { "refs/heads/" }).unwrap_or(&name).to_owned();
    Ok(RefChange { is_tag, name: short, object: body.get("sha")?.object()? })
}

fn pull_request(body: &Field<'_>, forge: Forge) -> Result<PullRequest, ForgeError> {
    let field = body.get("pull_request")?;
    // Gogs has flat names.
    let (head, base) = (field.get("head")?, field.get("base")?);
    let is_flat = forge == Forge::Gogs;
    let (source_branch, target_branch) =
        if is_flat { (field.get("head_branch")?, field.get("base_branch")?) } else { (head.get("ref")?, base.get("ref")?) };
    let (source, target) =
        if is_flat { (field.get("head_repo")?, field.get("base_repo")?) } else { (head.get("repo")?, base.get("repo")?) };
    let number = match field.get("number")?.number()? {
        Some(number) if number > 0 => number,
        _ => body.get("number")?.number()?.unwrap_or_default(),
    };
    // Gitea numbers the repositories beside them; on GitHub the one of a fork that is gone is null.
    let (from, to) =
        (head.get("repo_id")?.number()?.or(source.get("id")?.number()?), base.get("repo_id")?.number()?.or(target.get("id")?.number()?));
    let from_fork = match (from, to) {
        (Some(from), Some(to)) => from != to,
        (None, Some(_)) => true,
        _ => false,
    };
    let own = body.get("repository")?.get("full_name")?.text()?;
    let source_repository = source.get("full_name")?.text()?.or(own.filter(|_| !from_fork));
    let labels = field.get("labels")?.items()?;
    Ok(PullRequest {
        action: body.get("action")?.text_or_empty()?,
        number,
        reference: format!("refs/pull/{number}/head"),
        title: field.get("title")?.text_or_empty()?,
        body: field.get("body")?.text()?,
        link: field.get("html_url")?.text_or_empty()?,
        source_branch: source_branch.reference()?,
        target_branch: target_branch.reference()?,
        head: head.get("sha")?.object()?,
        base: base.get("sha")?.object()?,
        before: body.get("before")?.object()?,
        author: person(&field.get("user")?)?,
        last_commit: None,
        from_fork,
        source_repository,
        merged: field.get("merged")?.flag()?.unwrap_or_default(),
        open: field.get("state")?.text()?.is_none_or(|state| state == "open"),
        draft: if is_flat { None } else { Some(field.get("draft")?.flag()?.unwrap_or_default()) },
        labels: labels.iter().map(|label| label.get("name")?.text_or_empty()).collect::<Result<_, _>>()?,
        changes: Vec::new(),
    })
}

fn release(body: &Field<'_>) -> Result<Release, ForgeError> {
    let field = body.get("release")?;
    Ok(Release {
        action: body.get("action")?.text_or_empty()?,
        tag: field.get("tag_name")?.reference()?,
        title: field.get("name")?.text()?,
        target: field.get("target_commitish")?.text_or_empty()?,
        prerelease: Some(field.get("prerelease")?.flag()?.unwrap_or_default()),
        draft: Some(field.get("draft")?.flag()?.unwrap_or_default()),
        author: person(&field.get("author")?)?,
        commit: None,
        link: field.get("html_url")?.text_or_empty()?,
    })
}

fn deployment(body: &Field<'_>) -> Result<Deployment, ForgeError> {
    let field = body.get("deployment")?;
    Ok(Deployment {
        sha: field.get("sha")?.object()?.unwrap_or_default(),
        reference: field.get("ref")?.reference()?,
        target: field.get("environment")?.text_or_empty()?,
        task: field.get("task")?.text_or_empty()?,
        description: field.get("description")?.text_or_empty()?,
        link: field.get("url")?.text_or_empty()?,
    })
}
