//! What several plugins read in the same way: build arguments, labels, logins.

use super::settings::Settings;
use lp_model::{BuildImage, BuildLogin, BuildValue, DOCKER_HUB, Later, message};

/// Variables that say who builds what, in the order in which a plugin looks for them.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The commit.
    pub sha: &'static [&'static str],
    /// The reference.
    pub reference: &'static [&'static str],
    /// The default branch.
    pub branch: &'static [&'static str],
    /// Address of the repository to clone.
    pub remote: &'static [&'static str],
    /// Page of the repository.
    pub link: &'static [&'static str],
}

/// As plugins for Drone look for them.
pub const DRONE: Facts = Facts {
    sha: &["DRONE_COMMIT_SHA"],
    reference: &["DRONE_COMMIT_REF"],
    branch: &["DRONE_REPO_BRANCH"],
    remote: &["DRONE_REMOTE_URL"],
    link: &["PLUGIN_REPO_LINK", "DRONE_REPO_LINK"],
};

/// As plugins for Woodpecker look for them, which know Drone's names too.
pub const WOODPECKER: Facts = Facts {
    sha: &["CI_COMMIT_SHA", "DRONE_COMMIT_SHA"],
    reference: &["CI_COMMIT_REF", "DRONE_COMMIT_REF"],
    branch: &["CI_REPO_DEFAULT_BRANCH", "CI_REPO_BRANCH", "DRONE_REPO_BRANCH"],
    remote: &["CI_REMOTE_URL", "DRONE_REMOTE_URL"],
    link: &["CI_REPO_LINK", "CI_REPO_URL", "DRONE_REPO_LINK"],
};

/// The proxies of the step, which plugins with a docker command hand on.
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "no_proxy"];

/// Arguments as they are given: `NAME=value`, or `NAME` for the variable of the step with that name.
pub fn arguments(items: &[String], settings: &Settings<'_>, build: &mut BuildImage) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        names.push(item.clone());
        match item.split_once('=') {
            Some((name, value)) => {
                build.build_args.insert(name.to_owned(), BuildValue::text(value));
            }
            None => match settings.of_environment(item) {
                Some(value) => {
                    build.build_args.insert(item.clone(), value);
                }
                None if item.is_empty() => {}
                None => build.remarks.push(message!(
                    "the build argument `{}` has no value and is left out: a list is split at every comma, and no variable has this name",
                    item.clone()
                )),
            },
        }
    }
    names
}

/// Arguments by the names of variables, and the proxies: each name and its upper case, unless an argument that is there already begins with
/// the same letters.
pub fn arguments_from_environment(names: &[String], mut given: Vec<String>, settings: &Settings<'_>, build: &mut BuildImage) {
    for name in names.iter().map(String::as_str).chain(PROXIES) {
        let upper = name.to_uppercase();
        let full = |name: &str| settings.of_environment(name).filter(|value| value.as_text() != Some(""));
        let Some(value) = full(name).or_else(|| full(&upper)) else { continue };
        if given.iter().any(|one| one.starts_with(name) || one.starts_with(&upper)) {
            continue;
        }
        for name in [name, &upper] {
            given.push(name.to_owned());
            build.build_args.insert(name.to_owned(), value.clone());
        }
    }
}

/// Labels as they are given: `NAME=value`, or `NAME` with an empty value.
pub fn labels(items: &[String], prefix: &str, build: &mut BuildImage) {
    for item in items.iter().filter(|item| !item.is_empty()) {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        let name = format!("{prefix}{name}");
        build.automatic_labels.retain(|automatic| *automatic != name);
        build.labels.insert(name, BuildValue::text(value));
    }
}

/// A label that the plugin makes by itself.
pub fn automatic_label(name: &str, value: BuildValue, build: &mut BuildImage) {
    build.automatic_labels.push(name.to_owned());
    build.labels.insert(name.to_owned(), value);
}

/// The moment of the build.
pub fn build_time() -> BuildValue {
    BuildValue::Later(Later::BuildTime {})
}

/// Names of the settings of one login.
#[derive(Debug, Clone, Copy)]
pub struct LoginNames {
    /// The registry.
    pub registry: &'static [&'static str],
    /// The user.
    pub username: &'static [&'static str],
    /// The password.
    pub password: &'static [&'static str],
}

/// The login of plugins with a docker command.
pub const LOGIN: LoginNames = LoginNames {
    registry: &["PLUGIN_REGISTRY", "DOCKER_REGISTRY"],
    username: &["PLUGIN_USERNAME", "DOCKER_USERNAME"],
    password: &["PLUGIN_PASSWORD", "DOCKER_PASSWORD"],
};

/// A login, where there is a password.
pub fn login(names: LoginNames, settings: &Settings<'_>) -> Option<BuildLogin> {
    let password = settings.hidden(names.password)?;
    let full = |value: BuildValue| Some(value).filter(|value| value.as_text() != Some(""));
    let registry = settings.value(names.registry).and_then(full).unwrap_or_else(|| BuildValue::text(DOCKER_HUB));
    let username = settings.value(names.username).unwrap_or_else(|| BuildValue::text(""));
    Some(BuildLogin { registry, username, password, may_be_base64: false })
}

/// Puts the host of a registry before a repository that does not begin with it. `None` where one of them is known only later.
pub fn with_registry(registry: &str, repository: &BuildValue) -> Option<BuildValue> {
    let repository = repository.as_text()?;
    let registry = host(registry);
    if repository.is_empty() || repository.starts_with(&format!("{registry}/")) {
        return Some(BuildValue::text(repository));
    }
    Some(BuildValue::text(format!("{registry}/{}", repository.trim_start_matches('/'))))
}

/// The host of a registry that may be written as an address; Docker Hub's key is its host.
pub fn host(registry: &str) -> &str {
    if registry == DOCKER_HUB {
        return "index.docker.io";
    }
    registry.split_once("://").map_or(registry, |(_, rest)| rest).trim_end_matches('/')
}
