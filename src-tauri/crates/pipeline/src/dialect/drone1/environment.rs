//! What Drone 1.x and 2.x set.

use super::version::{calver, semver};
use super::when::event_word;
use crate::shared::environment::{Environment, author_login, branches, number, pull_request, seconds, set, set_runtime};
use lp_model::{EventFacts, EventKind, RuntimeFact};

/// What is known of a stage when its file is read.
#[derive(Debug, Clone, Default)]
pub struct StageFacts {
    /// Name of the pipeline.
    pub name: String,
    /// Position in the file, from 1.
    pub number: u32,
    /// `docker` or `exec`.
    pub kind: String,
    /// Operating system that the pipeline names, else `linux`.
    pub os: String,
    /// Architecture that the pipeline names, else `amd64`.
    pub arch: String,
    /// Variant that the pipeline names.
    pub variant: String,
    /// `version` of the platform, or empty.
    pub version: String,
    /// Names of the pipelines that it depends on.
    pub depends_on: Vec<String>,
}

/// Everything that is known of the run and the stage; the same values serve substitution.
pub fn metadata(facts: &EventFacts, stage: &StageFacts) -> Environment {
    let mut env = Environment::new();
    let (repo, commit) = (&facts.repo, &facts.commit);
    let event = event_word(facts.kind);
    let login = author_login(facts).to_owned();
    let (source, target_branch) = branches(facts);
    let target = facts.target.clone().unwrap_or_default();
    let tag = facts.tag().unwrap_or_default().to_owned();
    let run = number(facts.run_number);
    let parent = facts.parent_number.map(number).unwrap_or_default();
    let slug = if repo.owner.is_empty() && repo.name.is_empty() { String::new() } else { repo.slug() };
    let (http, ssh) =
        if repo.remote.starts_with("http") { (repo.remote.clone(), String::new()) } else { (String::new(), repo.remote.clone()) };
    let pull_title = facts.pull_request.as_ref().map(|pr| pr.title.clone()).unwrap_or_default();
    let action = facts.pull_request.as_ref().map(|pr| pr.action.clone()).unwrap_or_default();
    let private = repo.private.to_string();
    let trigger = if facts.kind == EventKind::Cron { "@cron".to_owned() } else { login.clone() };
    for (name, text) in [
        ("DRONE", "true".to_owned()),
        ("CI", "true".into()),
        ("DRONE_REPO", slug.clone()),
        ("DRONE_REPO_SCM", "git".into()),
        ("DRONE_REPO_OWNER", repo.owner.clone()),
        ("DRONE_REPO_NAMESPACE", repo.owner.clone()),
        ("DRONE_REPO_NAME", repo.name.clone()),
        ("DRONE_REPO_LINK", repo.link.clone()),
        ("DRONE_REPO_BRANCH", repo.default_branch.clone()),
        ("DRONE_REPO_VISIBILITY", if repo.private { "private" } else { "public" }.into()),
        ("DRONE_REPO_PRIVATE", private.clone()),
        ("DRONE_REMOTE_URL", repo.remote.clone()),
        ("DRONE_GIT_HTTP_URL", http),
        ("DRONE_GIT_SSH_URL", ssh),
        ("DRONE_STAGE_KIND", "pipeline".into()),
        ("DRONE_STAGE_TYPE", stage.kind.clone()),
        ("DRONE_STAGE_NAME", stage.name.clone()),
        ("DRONE_STAGE_NUMBER", stage.number.to_string()),
        ("DRONE_STAGE_OS", stage.os.clone()),
        ("DRONE_STAGE_ARCH", stage.arch.clone()),
        ("DRONE_STAGE_VARIANT", stage.variant.clone()),
        ("DRONE_STAGE_VERSION", stage.version.clone()),
        ("DRONE_STAGE_DEPENDS_ON", stage.depends_on.join(",")),
        ("DRONE_CARD_PATH", "/dev/stdout".into()),
        ("DRONE_BRANCH", commit.branch.clone()),
        ("DRONE_SOURCE_BRANCH", source),
        ("DRONE_TARGET_BRANCH", target_branch),
        ("DRONE_COMMIT", commit.sha.clone()),
        ("DRONE_COMMIT_SHA", commit.sha.clone()),
        ("DRONE_COMMIT_BEFORE", commit.before.clone()),
        ("DRONE_COMMIT_AFTER", commit.sha.clone()),
        ("DRONE_COMMIT_REF", commit.reference.clone()),
        ("DRONE_COMMIT_BRANCH", commit.branch.clone()),
        ("DRONE_COMMIT_LINK", commit.link.clone()),
        ("DRONE_COMMIT_MESSAGE", commit.message.clone()),
        ("DRONE_COMMIT_AUTHOR", login.clone()),
        ("DRONE_COMMIT_AUTHOR_NAME", commit.author.name.clone()),
        ("DRONE_COMMIT_AUTHOR_EMAIL", commit.author.email.clone()),
        ("DRONE_COMMIT_AUTHOR_AVATAR", commit.author.avatar.clone()),
        ("DRONE_BUILD_NUMBER", run.clone()),
        ("DRONE_BUILD_PARENT", parent.clone()),
        ("DRONE_BUILD_EVENT", event.into()),
        ("DRONE_BUILD_ACTION", action),
        ("DRONE_BUILD_DEBUG", "false".into()),
        ("DRONE_BUILD_CREATED", seconds(facts)),
        ("DRONE_BUILD_TRIGGER", trigger),
        ("DRONE_BUILD_LINK", String::new()),
        ("DRONE_DEPLOY_TO", target.clone()),
        ("DRONE_DEPLOY_ID", String::new()),
        ("DRONE_FAILED_STAGES", String::new()),
        ("DRONE_PULL_REQUEST", pull_request(facts)),
        ("DRONE_PULL_REQUEST_TITLE", pull_title),
        ("DRONE_TAG", tag.clone()),
        ("CI_REPO", slug.clone()),
        ("CI_REPO_NAME", slug),
        ("CI_REPO_LINK", repo.link.clone()),
        ("CI_REPO_REMOTE", repo.remote.clone()),
        ("CI_REPO_PRIVATE", private),
        ("CI_REMOTE_URL", repo.remote.clone()),
        ("CI_BUILD_NUMBER", run),
        ("CI_PARENT_BUILD_NUMBER", parent),
        ("CI_BUILD_CREATED", seconds(facts)),
        ("CI_BUILD_EVENT", event.into()),
        ("CI_BUILD_LINK", String::new()),
        ("CI_BUILD_TARGET", target),
        ("CI_COMMIT_SHA", commit.sha.clone()),
        ("CI_COMMIT_REF", commit.reference.clone()),
        ("CI_COMMIT_BRANCH", commit.branch.clone()),
        ("CI_COMMIT_MESSAGE", commit.message.clone()),
        ("CI_COMMIT_AUTHOR", login),
        ("CI_COMMIT_AUTHOR_NAME", commit.author.name.clone()),
        ("CI_COMMIT_AUTHOR_EMAIL", commit.author.email.clone()),
        ("CI_COMMIT_AUTHOR_AVATAR", commit.author.avatar.clone()),
    ] {
        set(&mut env, name, text);
    }
    if !tag.is_empty() {
        semver(&tag, &mut env);
        calver(&tag, &mut env);
    }
    env.extend(runtime());
    env
}

/// What is known only when a step starts.
pub fn runtime() -> Environment {
    let mut env = Environment::new();
    set_runtime(&mut env, &["CI_BUILD_STATUS", "DRONE_BUILD_STATUS"], RuntimeFact::RunStatus);
    set_runtime(&mut env, &["DRONE_STAGE_STATUS"], RuntimeFact::StageStatus);
    set_runtime(&mut env, &["CI_BUILD_STARTED", "DRONE_BUILD_STARTED"], RuntimeFact::RunStartedS);
    set_runtime(&mut env, &["DRONE_STAGE_STARTED"], RuntimeFact::StageStartedS);
    set_runtime(&mut env, &["CI_BUILD_FINISHED", "DRONE_BUILD_FINISHED", "DRONE_STAGE_FINISHED"], RuntimeFact::NowS);
    set_runtime(&mut env, &["DRONE_STAGE_MACHINE"], RuntimeFact::Machine);
    set_runtime(&mut env, &["DRONE_FAILED_STEPS"], RuntimeFact::FailedSteps);
    env
}

/// What the runner adds for a step: git's identity and where the working copy lies. Not part of substitution.
pub fn runner(facts: &EventFacts, workspace_path: &str) -> Environment {
    let mut env = Environment::new();
    let author = &facts.commit.author;
    let name = if author.name.is_empty() { "drone" } else { &author.name };
    let email = if author.email.is_empty() { "noreply@drone" } else { &author.email };
    for (key, text) in [
        ("GIT_AUTHOR_NAME", name),
        ("GIT_AUTHOR_EMAIL", email),
        ("GIT_COMMITTER_NAME", name),
        ("GIT_COMMITTER_EMAIL", email),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("DRONE_WORKSPACE_PATH", workspace_path),
    ] {
        set(&mut env, key, text);
    }
    set_runtime(&mut env, &["DRONE_WORKSPACE"], RuntimeFact::WorkspaceDir);
    set_runtime(&mut env, &["DRONE_WORKSPACE_BASE"], RuntimeFact::WorkspaceBase);
    env
}

/// Whether the runner sets this name again when a step starts, so that the file cannot override it.
pub fn is_fixed(name: &str) -> bool {
    matches!(name, "DRONE_BRANCH" | "DRONE_COMMIT" | "DRONE_FAILED_STEPS" | "DRONE_FAILED_STAGES")
        || ["DRONE_STAGE_", "DRONE_STEP_", "DRONE_BUILD_", "DRONE_COMMIT_"].iter().any(|prefix| name.starts_with(prefix))
}
