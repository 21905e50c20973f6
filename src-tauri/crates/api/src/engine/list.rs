//! Which engines there may be, and which of them is used: a pure function of what the user chose, what the environment says and the
//! contexts.
//!
//! An engine that is chosen in the settings comes before the environment; without a choice the order is that of the `docker` command. The
//! choice cannot change while runs are under way: the stages of one run must not end up on two engines.

use super::contexts::{Context, Contexts, DEFAULT};
use lp_backend_docker::{EngineAddress, EngineEnvironment};

/// An engine of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What the setting has to be for it to be used: the name of its context, else its address.
    pub choice: String,
    /// Name of its context, or empty.
    pub context: String,
    /// Of its context, or empty.
    pub description: String,
    pub address: EngineAddress,
    /// Whether it is used when it is the first of those that answers.
    pub used: bool,
}

impl Entry {
    fn of_address(address: EngineAddress, used: bool) -> Self {
        Self { choice: address.url.clone(), context: String::new(), description: String::new(), address, used }
    }

    fn of_context(context: Context, used: bool) -> Self {
        let Context { name, description, address } = context;
        Self { choice: name.clone(), context: name, description, address, used }
    }
}

/// Whether a choice is an address; else it is the name of a context, in which these cannot stand.
pub(super) fn is_address(choice: &str) -> bool {
    choice.contains("://")
}

/// All engines, those that are used first and best first.
///
/// `choice` is the setting. When it is empty, the engine is found as the `docker` command does it: by `DOCKER_HOST`, by the context that
/// `DOCKER_CONTEXT` names, by the one that `docker context use` has chosen, and in the usual places.
///
/// `own` is where an engine would listen that the app starts itself: the last resort of one who chose nothing.
pub(super) fn entries(
    choice: &str,
    environment: &EngineEnvironment,
    docker_context: Option<&str>,
    contexts: &Contexts,
    own: Option<&EngineAddress>,
) -> Vec<Entry> {
    let ordered = environment.docker_host.as_deref().is_some_and(|host| !host.trim().is_empty());
    let context = docker_context.or(contexts.current.as_deref()).filter(|name| *name != DEFAULT);
    let is_automatic = choice.is_empty();

    let mut all = Vec::new();
    match choice {
        "" => {}
        address if is_address(address) => add(&mut all, Entry::of_address(environment.address(address), true)),
        name => add(&mut all, Entry::of_context(contexts.named(name), true)),
    }
    match context {
        Some(name) if !ordered => add(&mut all, Entry::of_context(contexts.named(name), is_automatic)),
        _ => {
            for address in EngineAddress::candidates(environment) {
                add(&mut all, Entry::of_address(address, is_automatic));
            }
            if let Some(own) = own.filter(|_| is_automatic && !ordered) {
                add(&mut all, Entry::of_address(own.clone(), true));
            }
        }
    }
    for context in &contexts.all {
        add(&mut all, Entry::of_context(context.clone(), false));
    }
    all
}

/// One place is listed once; its name is that of its context.
fn add(all: &mut Vec<Entry>, entry: Entry) {
    let same = |other: &&mut Entry| {
        let same_place = other.address.url == entry.address.url && other.address.tls == entry.address.tls;
        other.choice == entry.choice || (same_place && (other.context.is_empty() || entry.context.is_empty()))
    };
    match all.iter_mut().find(same) {
        Some(known) if known.context.is_empty() && !entry.context.is_empty() => {
            let used = known.used;
            *known = Entry { used, ..entry };
        }
        Some(_) => {}
        None => all.push(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: &str, url: &str) -> Context {
        Context { name: name.into(), description: String::new(), address: EngineAddress::new(url) }
    }

    fn contexts(current: Option<&str>) -> Contexts {
        let all = vec![context("build", "ssh://ann@build"), context("desktop", "unix:///home/ann/.docker/desktop/docker.sock")];
        Contexts { all, current: current.map(str::to_owned) }
    }

    /// The choices of the list, those that are used with a star.
    fn list(choice: &str, host: Option<&str>, docker_context: Option<&str>, current: Option<&str>) -> Vec<String> {
        let environment = EngineEnvironment { docker_host: host.map(str::to_owned), ..Default::default() };
        let entries = entries(choice, &environment, docker_context, &contexts(current), None);
        entries.into_iter().map(|entry| format!("{}{}", if entry.used { "*" } else { "" }, entry.choice)).collect()
    }

    #[test]
    fn the_order_of_the_docker_command() {
        let (docker, podman) = ("unix:///var/run/docker.sock", "unix:///run/podman/podman.sock");
        let used = |text: &str| format!("*{text}");
        assert_eq!(list("", None, None, None), [&used(docker), &used(podman), "build", "desktop"]);
        assert_eq!(list("", Some("tcp://a:1"), Some("build"), Some("desktop")), ["*tcp://a:1", "build", "desktop"]);
        assert_eq!(list("", None, Some("build"), Some("desktop")), ["*build", "desktop"]);
        assert_eq!(list("", None, None, Some("desktop")), ["*desktop", "build"]);
        assert_eq!(list("", None, Some("default"), Some("desktop")), [&used(docker), &used(podman), "build", "desktop"]);
        assert_eq!(list("", None, Some("gone"), None), ["*gone", "build", "desktop"]);
    }

    #[test]
    fn a_choice_comes_before_everything() {
        let (docker, podman) = ("unix:///var/run/docker.sock", "unix:///run/podman/podman.sock");
        assert_eq!(list("desktop", None, None, None), ["*desktop", docker, podman, "build"]);
        assert_eq!(list("desktop", Some("tcp://a:1"), None, None), ["*desktop", "tcp://a:1", "build"]);
        assert_eq!(list("ssh://other", None, None, None), ["*ssh://other", docker, podman, "build", "desktop"]);
        assert_eq!(list("gone", None, None, None), ["*gone", docker, podman, "build", "desktop"]);
    }

    #[test]
    fn an_engine_that_the_app_starts_is_the_last_resort_of_one_who_chose_nothing() {
        let own = EngineAddress::new("unix:///run/user/1/letterpress/podman.sock");
        let is_used = |choice: &str, host: Option<&str>, context: Option<&str>| {
            let environment = EngineEnvironment { docker_host: host.map(str::to_owned), ..Default::default() };
            let entries = entries(choice, &environment, context, &contexts(None), Some(&own));
            entries.iter().rfind(|entry| entry.used).is_some_and(|last| last.address == own)
        };
        assert!(is_used("", None, None));
        assert!(!is_used("desktop", None, None) && !is_used("", Some("tcp://a:1"), None) && !is_used("", None, Some("build")));
    }

    #[test]
    fn a_place_is_listed_once() {
        let environment = EngineEnvironment { home: Some("/home/ann".into()), ..Default::default() };
        let entries = entries("", &environment, None, &contexts(None), None);
        let named: Vec<_> = entries.iter().filter(|entry| entry.address.url.ends_with("desktop/docker.sock")).collect();
        let [one] = named[..] else { panic!("{named:?}") };
        assert_eq!((one.choice.as_str(), one.context.as_str(), one.used), ("desktop", "desktop", true));
        // In the place where it was looked for, not at the end.
        assert!(entries.iter().position(|entry| entry.choice == "desktop") < entries.iter().position(|entry| entry.choice == "build"));
    }
}
