//! One item of `steps:` or `services:` in 1.x.

use super::document::environment;
use super::when;
use crate::shared::draft::{Dependency, Draft, Lines, commands, demand_trust, from_secret, image, run_commands};
use crate::shared::environment::Environment;
use crate::shared::params;
use lp_model::{
    BackendKind, Code, EnvValue, Mount, OnFailure, PullPolicy, Severity, Span, Step, StepKind, Volume, What, Workspace, message, what,
};
use lp_yaml::{Entry, Findings, Node, Schema, closest, decode, scalar};
use std::sync::Arc;

pub(super) const KEYS: [&str; 29] = [
    "name",
    "image",
    "commands",
    "command",
    "entrypoint",
    "settings",
    "environment",
    "depends_on",
    "when",
    "failure",
    "detach",
    "pull",
    "privileged",
    "user",
    "working_dir",
    "shell",
    "network_mode",
    "dns",
    "dns_search",
    "extra_hosts",
    "shm_size",
    "devices",
    "volumes",
    "mem_limit",
    "memswap_limit",
    "build",
    "push",
    "ports",
    "resources",
];
pub(super) const MOUNT_KEYS: [&str; 2] = ["name", "path"];
/// What holds for the whole pipeline while its steps are read.
pub(super) struct Setting<'a> {
    pub trusted: bool,
    pub backend: BackendKind,
    pub workspace: &'a Workspace,
    pub volumes: &'a [Volume],
}

/// The parameter of a plugin that a path of keys leads to.
pub(super) fn parameter(path: &[&str]) -> Option<String> {
    match path {
        ["steps" | "services", _, "settings", name, ..] => Some((*name).to_owned()),
        _ => None,
    }
}

/// Reads one step or service.
pub(super) fn read(node: &Node, service: bool, setting: &Setting<'_>, findings: &mut Findings<'_>) -> Option<Draft> {
    let section = if service { what!("service") } else { what!("step") };
    let entries = decode::map(node, what!("a {}", section), findings)?;
    let name_node = decode::get(entries, "name");
    let name = name_node.and_then(|node| decode::text(node, what!("`{}` of a {}", "name", section), findings)).unwrap_or_default();
    let span = name_node.map_or(node.span, |node| node.span);
    if decode::lacks(entries, "name") {
        findings.error(Code::MissingName, node.span, message!("a {} has no `name`", section));
    }
    let label = if name.is_empty() { what!("the {} in line {}", section, node.span.line) } else { what!("{} `{}`", section, name) };
    let kind = if service { StepKind::Service } else { StepKind::Plugin };
    let mut draft = Draft::new(Step::new(0, &name, kind), span, node.span);
    draft.step.line = node.span.line;
    draft.step.pull = PullPolicy::Latest;
    draft.step.exit_78_ends_stage = true;
    let mut script = None;
    for entry in entries {
        if KEYS.contains(&entry.key.text.as_str()) {
            read_key(entry, label, setting, &mut draft, &mut script, findings);
        } else {
            unknown(entry, label, findings);
        }
    }
    if let Some((commands, span)) = script {
        if !commands.is_empty() && (draft.step.entrypoint.is_some() || draft.step.command.is_some()) {
            findings.warning(
                Code::KeyWithoutEffect,
                span,
                message!("{} has `commands`, so its `entrypoint` and `command` are ignored", label),
            );
        }
        run_commands(&mut draft, None, &commands, span, findings);
        if draft.commands && !service {
            draft.step.kind = StepKind::Commands;
        }
    }
    check_image(&mut draft, entries, label, setting, span, findings);
    // Secrets have the last word in the environment, also over variables that the run sets.
    for list in [&mut draft.environment, &mut draft.params] {
        let (secrets, texts) = std::mem::take(list).into_iter().partition(|(_, value)| matches!(value, EnvValue::Secret(_)));
        *list = texts;
        draft.secrets.extend::<Environment>(secrets);
    }
    Some(draft)
}

fn unknown(entry: &Entry, label: What<'_>, findings: &mut Findings<'_>) {
    if !findings.has_room(Severity::Warning) {
        return;
    }
    let key = &entry.key.text;
    let found = findings.warning(Code::UnknownKey, entry.key.span, message!("{} has no key `{}`; it is ignored", label, key));
    match (key.as_str(), closest(key, &KEYS)) {
        ("secrets", _) => found.help(message!("that is drone 0.8; write `environment: {{NAME: {{from_secret: name}}}}`")),
        ("group", _) => found.help(message!("that is drone 0.8; use `depends_on` to let steps run side by side")),
        (_, Some(meant)) => found.help(message!("did you mean `{}`?", meant)),
        _ => found.help(message!("parameters of a plugin belong under `settings`: `settings: {{{}: …}}`", key)),
    }
}

fn check_image(draft: &mut Draft, entries: &[Entry], label: What<'_>, setting: &Setting<'_>, span: Span, findings: &mut Findings<'_>) {
    if setting.backend == BackendKind::Host {
        draft.step.image = String::new();
        // Commands of a wrong shape have been reported already.
        let empty = |node: &Arc<Node>| node.is_null() || node.items().is_some_and(|items| items.iter().all(|item| item.is_null()));
        if !draft.commands && decode::get(entries, "commands").is_none_or(empty) {
            findings.error(
                Code::MissingCommands,
                span,
                message!("{} has no `commands`, and a pipeline of the type `exec` runs nothing else", label),
            );
        }
        return;
    }
    if decode::lacks(entries, "image") {
        let found = findings.error(Code::MissingImage, span, message!("{} has no `image`", label));
        if decode::get(entries, "build").is_some() {
            found.help(message!("`build` in a step was part of early 1.0 only; use a plugin that builds images"));
        }
    }
}

fn read_key(
    entry: &Entry,
    label: What<'_>,
    setting: &Setting<'_>,
    draft: &mut Draft,
    script: &mut Option<(Vec<String>, Span)>,
    findings: &mut Findings<'_>,
) {
    let (node, span, key) = (&*entry.value, entry.key.span, entry.key.text.as_str());
    let what = what!("`{}` of {}", key, label);
    let texts = |findings: &mut Findings<'_>| -> Vec<String> {
        decode::texts(node, what, findings).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
    };
    if !node.is_null() && needs_trust(key, node) {
        demand_trust(setting.trusted, what, span, findings);
    }
    match key {
        "name" => {}
        "image" => draft.step.image = image(node, what, findings),
        "commands" => *script = Some((commands(node, Lines::List, label, findings), span)),
        "command" => draft.step.command = Some(texts(findings)).filter(|list| !list.is_empty()),
        "entrypoint" => draft.step.entrypoint = Some(texts(findings)).filter(|list| !list.is_empty()),
        "settings" => draft.params = settings(node, what, findings),
        "environment" => draft.environment = environment(node, what, findings),
        "depends_on" => draft.needs = decode::texts(node, what, findings).map(needs),
        "when" => {
            let conditions = when::read(node, what, findings);
            draft.step.run_on = conditions.run_on(&when::FLAVOUR);
            draft.when = conditions.into();
        }
        "failure" => draft.step.on_failure = failure(node, what, findings),
        "detach" => draft.step.detached |= decode::boolean(node, what, findings) == Some(true),
        "pull" => draft.step.pull = pull(node, what, findings),
        "privileged" => draft.step.privileged = decode::boolean(node, what, findings) == Some(true),
        "user" => draft.step.user = decode::text(node, what, findings),
        "working_dir" => {
            draft.step.working_dir = decode::text(node, what, findings)
                .filter(|dir| !dir.is_empty())
                .map(|dir| if dir.starts_with('/') { dir } else { Workspace { base: setting.workspace.dir(), path: dir }.dir() });
        }
        "network_mode" => draft.step.network_mode = decode::text(node, what, findings),
        "dns" => draft.step.dns = texts(findings),
        "dns_search" => draft.step.dns_search = texts(findings),
        "extra_hosts" => draft.step.extra_hosts = texts(findings),
        "shm_size" => draft.step.shm_bytes = decode::bytes(node, what, findings).filter(|bytes| *bytes > 0),
        "mem_limit" => draft.step.memory_bytes = decode::bytes(node, what, findings).filter(|bytes| *bytes > 0),
        "volumes" => mounts(node, what, setting, draft, findings),
        _ => {
            findings.warning(Code::KeyWithoutEffect, span, message!("{} has no effect here", what));
        }
    }
}

fn needs_trust(key: &str, node: &Node) -> bool {
    match key {
        "privileged" => node.text().is_some_and(|text| scalar::bool_of(text) == Some(true)),
        "devices" | "dns" | "dns_search" | "extra_hosts" | "network_mode" | "shm_size" => true,
        _ => false,
    }
}

/// Names of steps or pipelines.
pub(super) fn needs(names: Vec<(String, Span)>) -> Vec<Dependency> {
    names.into_iter().map(|(name, span)| Dependency { name, span, optional: false }).collect()
}

/// `PLUGIN_…`; only a value that is itself `{from_secret: name}` is a secret, deeper ones are handed on as they are.
fn settings(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Environment {
    let mut settings = Environment::new();
    for entry in decode::map(node, what, findings).unwrap_or_default() {
        let value = from_secret(&entry.value, findings).or_else(|| params::value(&entry.value, Schema::Drone1).map(EnvValue::Text));
        if let Some(value) = value {
            settings.insert(params::variable(&entry.key.text), value);
        }
    }
    settings
}

fn failure(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> OnFailure {
    let Some(word) = decode::text(node, what, findings) else { return OnFailure::Fail };
    match word.as_str() {
        "" | "always" => OnFailure::Fail,
        "ignore" => OnFailure::Ignore,
        "fast" | "fast-fail" | "fail-fast" => OnFailure::CancelRun,
        _ => {
            findings
                .warning(Code::UnknownWord, node.span, message!("{} is `{}`, which means nothing", what, word))
                .help(message!("the words are `ignore`, `always` and `fast`"));
            OnFailure::Fail
        }
    }
}

fn pull(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> PullPolicy {
    let Some(word) = decode::text(node, what, findings) else { return PullPolicy::Latest };
    match word.as_str() {
        "always" => PullPolicy::Always,
        "never" => PullPolicy::Never,
        "if-not-exists" => PullPolicy::IfMissing,
        "" | "default" => PullPolicy::Latest,
        _ => {
            findings
                .warning(Code::UnknownWord, node.span, message!("{} is `{}`, which drone 1.x ignores", what, word))
                .help(message!("the words are `always`, `never` and `if-not-exists`"));
            PullPolicy::Latest
        }
    }
}

fn mounts(node: &Node, what: What<'_>, setting: &Setting<'_>, draft: &mut Draft, findings: &mut Findings<'_>) {
    for item in decode::list(node, what, findings).unwrap_or_default() {
        if item.text().is_some() {
            findings
                .error(Code::WrongType, item.span, message!("an item of {} must be a map, not a text", what))
                .help(message!("declare the volume under `volumes` of the pipeline and write `- {{name: …, path: …}}` here"));
            continue;
        }
        let Some(entries) = decode::map(item, what!("an item of {}", what), findings) else { continue };
        decode::unknown_keys(entries, &MOUNT_KEYS, what!("an item of {}", what), findings);
        let mut text = |key: &str| decode::get(entries, key).and_then(|node| decode::text(node, what!("`{}` in {}", key, what), findings));
        let (name, path) = (text("name").unwrap_or_default(), text("path").unwrap_or_default());
        // Looking for the name that was meant costs a look at all of them: not for more findings than are kept.
        if !setting.volumes.iter().any(|volume| volume.name == name) && findings.has_room(Severity::Error) {
            let known: Vec<&str> = setting.volumes.iter().map(|volume| volume.name.as_str()).collect();
            let found = findings.error(Code::UnknownVolume, item.span, message!("the pipeline has no volume `{}`", name));
            match closest(&name, &known) {
                Some(meant) => found.help(message!("did you mean `{}`?", meant)),
                None => found.help(message!("add `- {{name: {}, temp: {{}}}}` under `volumes` of the pipeline", name)),
            }
        }
        if !path.starts_with('/') || path == "/run/drone" || path.starts_with("/run/drone/") {
            findings.error(
                Code::InvalidVolume,
                item.span,
                message!("`path` in {} must be an absolute path, and not below `/run/drone`", what),
            );
        }
        draft.step.mounts.push(Mount { volume: name, path, read_only: false });
    }
}
