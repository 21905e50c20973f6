//! What Drone 0.7 and 0.8 set. Plugins of that time read these names.

use super::when::event_word;
use crate::shared::environment::{
    Environment, author_login, branches, previous_commit, previous_run, pull_request, seconds, set, set_runtime,
};
use crate::shared::when::DEFAULT_PLATFORM;
use lp_model::{EnvValue, EventFacts, RuntimeFact};

/// Everything that is known of the run. The same values serve substitution; values that are empty, `0` or `false` do not get
/// into the environment (see [`is_set`]).
pub fn metadata(facts: &EventFacts, job: u32) -> Environment {
    let mut env = Environment::new();
    let (repo, commit) = (&facts.repo, &facts.commit);
    let event = event_word(facts.kind);
    let login = author_login(facts).to_owned();
    let private = repo.private.to_string();
    let target = facts.target.clone().unwrap_or_default();
    let parent = facts.parent_number.unwrap_or(0).to_string();
    let run = facts.run_number.to_string();
    let tag = facts.tag().unwrap_or_default().to_owned();
    let slug = if repo.owner.is_empty() && repo.name.is_empty() { String::new() } else { repo.slug() };
    let refspec = facts.pull_request.as_ref().map(|_| {
        let (source, target) = branches(facts);
        format!("{source}:{target}")
    });
    let refspec = refspec.unwrap_or_default();
    for (name, text) in [
        ("CI", "drone".to_owned()),
        ("DRONE", "true".into()),
        ("DRONE_ARCH", DEFAULT_PLATFORM.into()),
        ("CI_REPO", slug.clone()),
        ("CI_REPO_NAME", slug.clone()),
        ("CI_REPO_LINK", repo.link.clone()),
        ("CI_REPO_REMOTE", repo.remote.clone()),
        ("CI_REMOTE_URL", repo.remote.clone()),
        ("CI_REPO_PRIVATE", private.clone()),
        ("CI_BUILD_NUMBER", run.clone()),
        ("CI_BUILD_CREATED", seconds(facts)),
        ("CI_BUILD_EVENT", event.into()),
        ("CI_BUILD_LINK", String::new()),
        ("CI_BUILD_TARGET", target.clone()),
        ("CI_PARENT_BUILD_NUMBER", parent.clone()),
        ("CI_COMMIT_SHA", commit.sha.clone()),
        ("CI_COMMIT_REF", commit.reference.clone()),
        ("CI_COMMIT_REFSPEC", refspec.clone()),
        ("CI_COMMIT_BRANCH", commit.branch.clone()),
        ("CI_COMMIT_MESSAGE", commit.message.clone()),
        ("CI_COMMIT_AUTHOR", login.clone()),
        ("CI_COMMIT_AUTHOR_NAME", login.clone()),
        ("CI_COMMIT_AUTHOR_EMAIL", commit.author.email.clone()),
        ("CI_COMMIT_AUTHOR_AVATAR", commit.author.avatar.clone()),
        ("CI_JOB_NUMBER", job.to_string()),
        ("CI_SYSTEM", "drone".into()),
        ("CI_SYSTEM_NAME", "drone".into()),
        ("CI_SYSTEM_ARCH", DEFAULT_PLATFORM.into()),
        ("CI_TAG", tag.clone()),
        ("CI_PULL_REQUEST", pull_request(facts)),
        ("DRONE_REPO", slug),
        ("DRONE_REPO_SCM", "git".into()),
        ("DRONE_REPO_OWNER", repo.owner.clone()),
        ("DRONE_REPO_NAME", repo.name.clone()),
        ("DRONE_REPO_LINK", repo.link.clone()),
        ("DRONE_REPO_BRANCH", repo.default_branch.clone()),
        ("DRONE_REPO_PRIVATE", private),
        // Always "false" in 0.8, whatever the repository is.
        ("DRONE_REPO_TRUSTED", "false".into()),
        ("DRONE_REMOTE_URL", repo.remote.clone()),
        ("DRONE_COMMIT", commit.sha.clone()),
        ("DRONE_COMMIT_SHA", commit.sha.clone()),
        ("DRONE_COMMIT_REF", commit.reference.clone()),
        ("DRONE_COMMIT_REFSPEC", refspec),
        ("DRONE_COMMIT_BRANCH", commit.branch.clone()),
        ("DRONE_COMMIT_LINK", commit.link.clone()),
        ("DRONE_COMMIT_MESSAGE", commit.message.clone()),
        ("DRONE_COMMIT_AUTHOR", login),
        ("DRONE_COMMIT_AUTHOR_EMAIL", commit.author.email.clone()),
        ("DRONE_COMMIT_AUTHOR_AVATAR", commit.author.avatar.clone()),
        ("DRONE_BRANCH", commit.branch.clone()),
        ("DRONE_BUILD_NUMBER", run),
        ("DRONE_BUILD_EVENT", event.into()),
        ("DRONE_BUILD_LINK", String::new()),
        ("DRONE_BUILD_CREATED", seconds(facts)),
        ("DRONE_PARENT_BUILD_NUMBER", parent),
        ("DRONE_JOB_NUMBER", job.to_string()),
        ("DRONE_DEPLOY_TO", target),
        ("DRONE_TAG", tag),
        ("DRONE_PULL_REQUEST", pull_request(facts)),
        ("DRONE_VERSION", String::new()),
    ] {
        set(&mut env, name, text);
    }
    for (name, text) in previous_run(facts, event_word).into_iter().filter(|(name, _)| *name != "PARENT") {
        if matches!(name, "STATUS" | "NUMBER") {
            set(&mut env, &format!("DRONE_PREV_BUILD_{name}"), text.clone());
        }
        set(&mut env, &format!("CI_PREV_BUILD_{name}"), text);
    }
    for (name, text) in previous_commit(facts).into_iter().filter(|(name, _)| *name != "TIMESTAMP") {
        if name == "SHA" {
            set(&mut env, "DRONE_PREV_COMMIT_SHA", text.clone());
        }
        set(&mut env, &format!("CI_PREV_COMMIT_{name}"), text);
    }
    env.extend(runtime());
    env
}

/// What is set when a step starts; nothing can override it.
pub fn runtime() -> Environment {
    let mut env = Environment::new();
    set_runtime(&mut env, &["CI_BUILD_STATUS", "DRONE_BUILD_STATUS"], RuntimeFact::RunStatus);
    set_runtime(&mut env, &["CI_JOB_STATUS", "DRONE_JOB_STATUS"], RuntimeFact::StageStatus);
    set_runtime(&mut env, &["CI_BUILD_STARTED", "DRONE_BUILD_STARTED"], RuntimeFact::RunStartedS);
    set_runtime(&mut env, &["CI_JOB_STARTED", "DRONE_JOB_STARTED"], RuntimeFact::StageStartedS);
    set_runtime(&mut env, &["CI_BUILD_FINISHED", "DRONE_BUILD_FINISHED", "CI_JOB_FINISHED", "DRONE_JOB_FINISHED"], RuntimeFact::NowS);
    set_runtime(&mut env, &["DRONE_MACHINE"], RuntimeFact::Machine);
    env
}

/// Whether a value gets into the environment: 0.8 leaves empty ones, `0` and `false` out, so that scripts can ask
/// `[ -z "$DRONE_TAG" ]` and a file may set such a name itself.
pub fn is_set(value: &EnvValue) -> bool {
    !matches!(value, EnvValue::Text(text) if text.is_empty() || text == "0" || text == "false")
}
