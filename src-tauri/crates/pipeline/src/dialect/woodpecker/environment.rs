//! What Woodpecker sets: the names of 0.15, or the names of 2 and 3 together (a file does not tell these two apart).

use super::Generation;
use super::when::event_word;
use crate::shared::environment::{Environment, author_login, previous_commit, previous_run, pull_request, seconds, set, set_runtime};
use crate::shared::params::json_text;
use crate::shared::when::DEFAULT_PLATFORM;
use lp_model::{EnvValue, EventFacts, RuntimeFact};

/// Longest list of changed files that gets into the environment.
const MAX_FILES: usize = 500;

/// Everything that is known of the run and the workflow, the inputs included; the same values serve substitution and
/// expressions. Empty values do not get into the environment.
pub fn metadata(facts: &EventFacts, generation: Generation, workflow: &str, number: u32) -> Environment {
    let mut env = common(facts);
    match generation {
        Generation::Early => early(facts, number, &mut env),
        Generation::Current => current(facts, workflow, number, &mut env),
    }
    env.extend(runtime(generation));
    env.extend(facts.inputs.iter().map(|(name, value)| (name.clone(), EnvValue::Text(value.clone()))));
    env
}

fn event(facts: &EventFacts) -> &'static str {
    event_word(facts.kind)
}

/// Source and target branch of a pull request; nothing for anything else.
fn pull_branches(facts: &EventFacts) -> (String, String) {
    facts.pull_request.as_ref().map(|pr| (pr.source_branch.clone(), pr.target_branch.clone())).unwrap_or_default()
}

fn slug(facts: &EventFacts) -> String {
    if facts.repo.owner.is_empty() && facts.repo.name.is_empty() { String::new() } else { facts.repo.slug() }
}

fn set_all<const N: usize>(env: &mut Environment, values: [(&str, String); N]) {
    for (name, text) in values {
        set(env, name, text);
    }
}

fn common(facts: &EventFacts) -> Environment {
    let (repo, commit) = (&facts.repo, &facts.commit);
    let (source, target) = pull_branches(facts);
    let refspec = if facts.pull_request.is_some() { format!("{source}:{target}") } else { String::new() };
    let mut env = Environment::new();
    set_all(
        &mut env,
        [
            ("CI", "woodpecker".into()),
            ("CI_REPO", slug(facts)),
            ("CI_REPO_OWNER", repo.owner.clone()),
            ("CI_REPO_NAME", repo.name.clone()),
            ("CI_REPO_SCM", "git".into()),
            ("CI_REPO_DEFAULT_BRANCH", repo.default_branch.clone()),
            ("CI_REPO_PRIVATE", repo.private.to_string()),
            ("CI_REPO_TRUSTED", repo.trusted.to_string()),
            ("CI_COMMIT_SHA", commit.sha.clone()),
            ("CI_COMMIT_REF", commit.reference.clone()),
            ("CI_COMMIT_REFSPEC", refspec),
            ("CI_COMMIT_BRANCH", commit.branch.clone()),
            ("CI_COMMIT_SOURCE_BRANCH", source),
            ("CI_COMMIT_TARGET_BRANCH", target),
            ("CI_COMMIT_TAG", facts.tag().unwrap_or_default().into()),
            ("CI_COMMIT_PULL_REQUEST", pull_request(facts)),
            ("CI_COMMIT_MESSAGE", commit.message.clone()),
            ("CI_COMMIT_AUTHOR", author_login(facts).into()),
            ("CI_COMMIT_AUTHOR_EMAIL", commit.author.email.clone()),
            ("CI_COMMIT_AUTHOR_AVATAR", commit.author.avatar.clone()),
            ("CI_SYSTEM_NAME", "woodpecker".into()),
            ("CI_SYSTEM_HOST", String::new()),
            ("CI_SYSTEM_VERSION", String::new()),
        ],
    );
    for (name, text) in previous_commit(facts).into_iter().filter(|(name, _)| !matches!(*name, "AUTHOR_NAME" | "TIMESTAMP")) {
        // The commit before this one on its branch is known also where no run was.
        let text = if name == "SHA" && text.is_empty() { commit.before.clone() } else { text };
        set(&mut env, &format!("CI_PREV_COMMIT_{name}"), text);
    }
    for name in ["SOURCE_BRANCH", "TARGET_BRANCH"] {
        set(&mut env, &format!("CI_PREV_COMMIT_{name}"), "");
    }
    env
}

fn current(facts: &EventFacts, workflow: &str, number: u32, env: &mut Environment) {
    let (repo, commit) = (&facts.repo, &facts.commit);
    let (https, ssh) =
        if repo.remote.starts_with("http") { (repo.remote.clone(), String::new()) } else { (String::new(), repo.remote.clone()) };
    let clone = if https.is_empty() { ssh.clone() } else { https };
    let timestamp = if commit.time_ms == 0 { String::new() } else { (commit.time_ms / 1000).to_string() };
    let previous_author = previous_commit(facts).into_iter().find(|(name, _)| *name == "AUTHOR").map(|(_, text)| text).unwrap_or_default();
    set_all(
        env,
        [
            ("CI_REPO_REMOTE_ID", String::new()),
            ("CI_REPO_URL", repo.link.clone()),
            ("CI_REPO_CLONE_URL", clone),
            ("CI_REPO_CLONE_SSH_URL", ssh),
            ("CI_REPO_TRUSTED_NETWORK", repo.trusted.to_string()),
            ("CI_REPO_TRUSTED_VOLUMES", repo.trusted.to_string()),
            ("CI_REPO_TRUSTED_SECURITY", repo.trusted.to_string()),
            ("CI_COMMIT_URL", commit.link.clone()),
            ("CI_COMMIT_TIMESTAMP", timestamp),
            ("CI_COMMIT_PULL_REQUEST_LABELS", String::new()),
            ("CI_COMMIT_PULL_REQUEST_MILESTONE", String::new()),
            ("CI_COMMIT_PULL_REQUEST_DRAFT", String::new()),
            ("CI_COMMIT_PRERELEASE", String::new()),
            ("CI_PIPELINE_NUMBER", facts.run_number.to_string()),
            ("CI_PIPELINE_PARENT", facts.parent_number.unwrap_or(0).to_string()),
            ("CI_PIPELINE_EVENT", event(facts).into()),
            ("CI_PIPELINE_EVENT_REASON", facts.pull_request.as_ref().map(|pr| pr.action.clone()).unwrap_or_default()),
            ("CI_PIPELINE_URL", String::new()),
            ("CI_PIPELINE_FORGE_URL", commit.link.clone()),
            ("CI_PIPELINE_DEPLOY_TARGET", facts.target.clone().unwrap_or_default()),
            ("CI_PIPELINE_DEPLOY_TASK", String::new()),
            ("CI_PIPELINE_RELEASE_TITLE", String::new()),
            ("CI_PIPELINE_RELEASE_PRE", String::new()),
            ("CI_PIPELINE_CREATED", seconds(facts)),
            ("CI_PIPELINE_FILES", files(facts)),
            ("CI_PIPELINE_AUTHOR", author_login(facts).into()),
            ("CI_PIPELINE_AVATAR", commit.author.avatar.clone()),
            ("CI_PIPELINE_RERUNS", String::new()),
            ("CI_WORKFLOW_NAME", workflow.into()),
            ("CI_WORKFLOW_NUMBER", number.to_string()),
            ("CI_SYSTEM_URL", String::new()),
            ("CI_SYSTEM_PLATFORM", DEFAULT_PLATFORM.into()),
            ("CI_FORGE_TYPE", String::new()),
            ("CI_FORGE_URL", String::new()),
            ("CI_PREV_COMMIT_URL", facts.previous.as_ref().map(|run| run.commit.link.clone()).unwrap_or_default()),
            ("CI_PREV_PIPELINE_DEPLOY_TARGET", facts.previous.as_ref().and_then(|run| run.target.clone()).unwrap_or_default()),
            ("CI_PREV_PIPELINE_AUTHOR", previous_author),
            ("CI_STEP_URL", String::new()),
        ],
    );
    for (name, text) in previous_run(facts, event_word).into_iter().filter(|(name, _)| *name != "LINK") {
        set(env, &format!("CI_PREV_PIPELINE_{name}"), text);
    }
    for name in ["EVENT_REASON", "URL", "FORGE_URL", "DEPLOY_TASK", "AVATAR"] {
        set(env, &format!("CI_PREV_PIPELINE_{name}"), "");
    }
    for (name, text) in previous_commit(facts).into_iter().filter(|(name, _)| *name == "TIMESTAMP") {
        set(env, &format!("CI_PREV_COMMIT_{name}"), text);
    }
}

/// The changed files as a JSON list, where they are known and not too many.
fn files(facts: &EventFacts) -> String {
    match &facts.changed_files {
        Some(files) if files.len() <= MAX_FILES => format!("[{}]", files.iter().map(|file| json_text(file)).collect::<Vec<_>>().join(",")),
        _ => String::new(),
    }
}

fn early(facts: &EventFacts, number: u32, env: &mut Environment) {
    let (repo, commit) = (&facts.repo, &facts.commit);
    let (source, target_branch) = pull_branches(facts);
    let deploy = facts.target.clone().unwrap_or_default();
    let parent = facts.parent_number.unwrap_or(0).to_string();
    let tag = facts.tag().unwrap_or_default().to_owned();
    set_all(
        env,
        [
            ("CI_REPO_LINK", repo.link.clone()),
            ("CI_REPO_REMOTE", repo.remote.clone()),
            ("CI_BUILD_NUMBER", facts.run_number.to_string()),
            ("CI_BUILD_PARENT", parent.clone()),
            ("CI_BUILD_EVENT", event(facts).into()),
            ("CI_BUILD_LINK", String::new()),
            ("CI_BUILD_DEPLOY_TARGET", deploy.clone()),
            ("CI_BUILD_CREATED", seconds(facts)),
            ("CI_JOB_NUMBER", number.to_string()),
            ("CI_COMMIT_LINK", commit.link.clone()),
            ("CI_SYSTEM_LINK", String::new()),
            ("CI_SYSTEM_ARCH", DEFAULT_PLATFORM.into()),
            // Names that 0.15 kept for files of its ancestor.
            ("CI_ARCH", DEFAULT_PLATFORM.into()),
            ("CI_BRANCH", commit.branch.clone()),
            ("CI_BUILD_TARGET", deploy.clone()),
            ("CI_COMMIT", commit.sha.clone()),
            ("CI_COMMIT_AUTHOR_NAME", author_login(facts).into()),
            ("CI_DEPLOY_TO", deploy),
            ("CI_PARENT_BUILD_NUMBER", parent),
            ("CI_PULL_REQUEST", pull_request(facts)),
            ("CI_REMOTE_URL", repo.remote.clone()),
            ("CI_REPO_BRANCH", repo.default_branch.clone()),
            ("CI_SOURCE_BRANCH", source),
            ("CI_TARGET_BRANCH", target_branch),
            ("CI_SYSTEM", "woodpecker".into()),
            ("CI_TAG", tag),
            ("CI_PREV_COMMIT_LINK", String::new()),
        ],
    );
    for (name, text) in previous_run(facts, event_word).into_iter().filter(|(name, _)| *name != "PARENT") {
        set(env, &format!("CI_PREV_BUILD_{name}"), text);
    }
}

/// What is set when a step starts; nothing can override it.
pub fn runtime(generation: Generation) -> Environment {
    let mut env = Environment::new();
    match generation {
        Generation::Early => {
            set_runtime(&mut env, &["CI_BUILD_STATUS"], RuntimeFact::RunStatus);
            set_runtime(&mut env, &["CI_JOB_STATUS"], RuntimeFact::StageStatus);
            set_runtime(&mut env, &["CI_BUILD_STARTED"], RuntimeFact::RunStartedS);
            set_runtime(&mut env, &["CI_JOB_STARTED"], RuntimeFact::StageStartedS);
            set_runtime(&mut env, &["CI_BUILD_FINISHED", "CI_JOB_FINISHED"], RuntimeFact::NowS);
        }
        Generation::Current => {
            set_runtime(&mut env, &["CI_PIPELINE_STATUS"], RuntimeFact::RunStatus);
            set_runtime(&mut env, &["CI_STEP_STATUS"], RuntimeFact::StageStatus);
            set_runtime(&mut env, &["CI_PIPELINE_STARTED"], RuntimeFact::RunStartedS);
            set_runtime(&mut env, &["CI_STEP_STARTED"], RuntimeFact::StepStartedS);
            set_runtime(&mut env, &["CI_PIPELINE_FINISHED", "CI_STEP_FINISHED"], RuntimeFact::NowS);
        }
    }
    env
}

/// What a plugin gets besides, so that plugins made for Drone work.
pub fn plugin(facts: &EventFacts, number: u32) -> Environment {
    let (repo, commit) = (&facts.repo, &facts.commit);
    let (source, target) = pull_branches(facts);
    let pull = pull_request(facts);
    let (run, parent) = (facts.run_number.to_string(), facts.parent_number.unwrap_or(0).to_string());
    let mut env = Environment::new();
    set_all(
        &mut env,
        [
            ("DRONE_BRANCH", commit.branch.clone()),
            ("DRONE_PULL_REQUEST", pull.clone()),
            ("PULLREQUEST_DRONE_PULL_REQUEST", if pull.is_empty() { "0".into() } else { pull }),
            ("DRONE_TAG", facts.tag().unwrap_or_default().into()),
            ("DRONE_SOURCE_BRANCH", source),
            ("DRONE_TARGET_BRANCH", target),
            ("DRONE_BUILD_NUMBER", run),
            ("DRONE_BUILD_PARENT", parent),
            ("DRONE_BUILD_EVENT", event(facts).into()),
            ("DRONE_BUILD_CREATED", seconds(facts)),
            ("DRONE_COMMIT", commit.sha.clone()),
            ("DRONE_COMMIT_SHA", commit.sha.clone()),
            ("DRONE_COMMIT_BEFORE", commit.before.clone()),
            ("DRONE_COMMIT_REF", commit.reference.clone()),
            ("DRONE_COMMIT_BRANCH", commit.branch.clone()),
            ("DRONE_COMMIT_LINK", commit.link.clone()),
            ("DRONE_COMMIT_MESSAGE", commit.message.clone()),
            ("DRONE_COMMIT_AUTHOR", author_login(facts).into()),
            ("DRONE_COMMIT_AUTHOR_NAME", author_login(facts).into()),
            ("DRONE_COMMIT_AUTHOR_EMAIL", commit.author.email.clone()),
            ("DRONE_COMMIT_AUTHOR_AVATAR", commit.author.avatar.clone()),
            ("DRONE_REPO", slug(facts)),
            ("DRONE_REPO_OWNER", repo.owner.clone()),
            ("DRONE_REPO_NAME", repo.name.clone()),
            ("DRONE_REPO_LINK", repo.link.clone()),
            ("DRONE_REPO_BRANCH", repo.default_branch.clone()),
            ("DRONE_REPO_PRIVATE", repo.private.to_string()),
            ("DRONE_REPO_SCM", "git".into()),
            ("DRONE_REMOTE_URL", repo.remote.clone()),
            ("DRONE_GIT_HTTP_URL", repo.remote.clone()),
            ("DRONE_SYSTEM_HOST", facts.inputs.get("CI_SYSTEM_HOST").cloned().unwrap_or_default()),
            ("DRONE_STEP_NUMBER", number.to_string()),
        ],
    );
    env.retain(|_, value| !matches!(value, EnvValue::Text(text) if text.is_empty()));
    set_runtime(&mut env, &["DRONE_BUILD_STATUS"], RuntimeFact::RunStatus);
    set_runtime(&mut env, &["DRONE_BUILD_STARTED"], RuntimeFact::RunStartedS);
    env
}
