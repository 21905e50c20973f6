//! The keys of a step, one by one.

use super::super::{Generation, params};
use super::{DEPENDENCY_KEYS, DOCKER_KEYS, Parts, Setting};
use crate::shared::compose::{self, add_volume, environment_list, mount, secrets, words};
use crate::shared::draft::{Dependency, Draft, Lines, commands, demand_trust, image, need_secret};
use crate::shared::environment::Environment;
use lp_model::{Code, OnFailure, PullPolicy, VolumeKind, What, message, what};
use lp_yaml::{Entry, Findings, Node, Schema, Value, decode, scalar};

pub(super) fn read_key(
    entry: &Entry,
    label: What<'_>,
    setting: &mut Setting,
    draft: &mut Draft,
    parts: &mut Parts,
    findings: &mut Findings<'_>,
) {
    let (node, span, key) = (&*entry.value, entry.key.span, entry.key.text.as_str());
    let what = what!("`{}` of {}", key, label);
    let generation = setting.generation;
    let texts = |findings: &mut Findings<'_>| -> Vec<String> {
        decode::text_or_texts(node, what, findings).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
    };
    if !node.is_null() && needs_trust(key, node) {
        demand_trust(setting.reading.trusted, what, span, findings);
    }
    match key {
        "image" => draft.step.image = image(node, what, findings),
        "pull" => {
            let always = decode::boolean(node, what, findings) == Some(true);
            draft.step.pull = if always { PullPolicy::Refresh } else { PullPolicy::IfMissing };
        }
        "commands" => parts.script = Some((commands(node, Lines::ListOrText, label, findings), span)),
        "entrypoint" => {
            draft.step.entrypoint = words(node, what, findings).filter(|words| !words.is_empty());
            parts.entrypoint = draft.step.entrypoint.is_some().then_some(span);
        }
        "directory" => parts.directory = decode::text(node, what, findings),
        "settings" => {
            parts.settings = node.entries().is_some_and(|entries| !entries.is_empty()).then_some(span);
            draft.params.extend(values(node, generation, params::variable, what, findings));
        }
        "environment" => draft.environment = environment(node, generation, what, findings),
        "secrets" => {
            if generation == Generation::Current {
                setting.before_3 = true;
                findings
                    .warning(Code::DeprecatedKey, span, message!("{} is gone from woodpecker 3; here it works as before", what))
                    .help(message!("write `environment: {{NAME: {{from_secret: name}}}}`"));
            }
            draft.secrets = secrets(node, what, findings);
        }
        "when" => draft.when = setting.conditions.read(node, what, findings),
        "depends_on" => draft.needs = Some(dependencies(node, what, findings)),
        "group" => {
            if generation == Generation::Current {
                setting.before_3 = true;
                findings
                    .warning(Code::DeprecatedKey, span, message!("{} is gone from woodpecker 3; here it works as before", what))
                    .help(message!("use `depends_on` to let steps run side by side"));
            }
            draft.group = decode::text(node, what, findings).filter(|group| !group.is_empty());
        }
        "failure" => draft.step.on_failure = failure(node, what, findings),
        "detach" => draft.step.detached |= decode::boolean(node, what, findings) == Some(true),
        "privileged" => draft.step.privileged |= decode::boolean(node, what, findings) == Some(true),
        "volumes" => {
            for (text, span) in decode::text_or_texts(node, what, findings).unwrap_or_default() {
                mount(&text, span, draft, &mut setting.reading, findings);
            }
        }
        "tmpfs" => {
            for path in texts(findings) {
                let path = path.split(':').next().unwrap_or_default().to_owned();
                add_volume(VolumeKind::Memory, None, path, false, draft, &mut setting.reading);
            }
        }
        "dns" => draft.step.dns = texts(findings),
        "dns_search" => draft.step.dns_search = texts(findings),
        "extra_hosts" => draft.step.extra_hosts = texts(findings),
        "network_mode" => draft.step.network_mode = decode::text(node, what, findings),
        "devices" => {
            findings.warning(Code::KeyWithoutEffect, span, message!("{} has no effect here", what));
        }
        "backend_options" => backend_options(node, what, draft, findings),
        // `name` is read before; `ports` publishes nothing with Docker either: containers reach each other anyway.
        _ => {}
    }
}

fn needs_trust(key: &str, node: &Node) -> bool {
    match key {
        "privileged" => node.text().is_some_and(|text| scalar::bool_of(text) == Some(true)),
        "network_mode" => node.text() != Some("none"),
        "volumes" | "devices" | "tmpfs" | "dns" | "dns_search" | "extra_hosts" | "networks" | "shm_size" | "sysctls" | "ipc_mode" => true,
        _ => false,
    }
}

pub(super) fn read_old_key(entry: &Entry, label: What<'_>, setting: &Setting, draft: &mut Draft, findings: &mut Findings<'_>) {
    let (node, span, key) = (&*entry.value, entry.key.span, entry.key.text.as_str());
    let what = what!("`{}` of {}", key, label);
    if !node.is_null() && needs_trust(key, node) {
        demand_trust(setting.reading.trusted, what, span, findings);
    }
    if setting.generation == Generation::Current && matches!(key, "command" | "shm_size" | "mem_limit") {
        findings.warning(Code::DeprecatedKey, span, message!("{} is gone from woodpecker 3; here it works as before", what));
    }
    match key {
        "command" => draft.step.command = words(node, what, findings),
        "shm_size" => draft.step.shm_bytes = decode::bytes(node, what, findings).filter(|bytes| *bytes > 0),
        "mem_limit" => draft.step.memory_bytes = decode::bytes(node, what, findings).filter(|bytes| *bytes > 0),
        "auth_config" => {
            findings
                .warning(Code::CredentialsInFile, span, message!("{} is not used; everyone who can read the repository can read it", what))
                .help(message!("log in to the registry once on this computer with `docker login`"));
        }
        _ => {
            findings.warning(Code::KeyWithoutEffect, span, message!("{} has no effect here", what));
        }
    }
}

/// `docker: {user}`; the options of other backends say nothing here.
fn backend_options(node: &Node, what: What<'_>, draft: &mut Draft, findings: &mut Findings<'_>) {
    for entry in decode::map(node, what, findings).unwrap_or_default() {
        if entry.key.text != "docker" {
            findings.note(Code::KeyWithoutEffect, entry.key.span, message!("`{}` in {} is for another backend", entry.key.text, what));
            continue;
        }
        let Some(options) = decode::map(&entry.value, what!("`{}` in {}", "docker", what), findings) else { continue };
        decode::unknown_keys(options, &DOCKER_KEYS, what!("`{}` in {}", "docker", what), findings);
        if let Some(user) = decode::get(options, "user") {
            draft.step.user = decode::text(user, what!("`{}` in {}", "user", what), findings).filter(|user| !user.is_empty());
        }
    }
}

fn values(node: &Node, generation: Generation, variable: fn(&str) -> String, what: What<'_>, findings: &mut Findings<'_>) -> Environment {
    let entries = decode::map(node, what, findings).unwrap_or_default();
    if findings.notes_needs() {
        need_secrets(node, findings);
    }
    entries.iter().filter_map(|entry| Some((variable(&entry.key.text), params::value(&entry.value, generation)?))).collect()
}

/// Secrets at any depth of a value.
pub(super) fn need_secrets(node: &Node, findings: &mut Findings<'_>) {
    if let Some(secret) = node.get("from_secret")
        && let Some(name) = secret.text().filter(|name| !name.is_empty())
    {
        return need_secret(name, secret.span, findings);
    }
    let inner = node.items().unwrap_or_default().iter().chain(node.entries().unwrap_or_default().iter().map(|entry| &entry.value));
    for value in inner {
        need_secrets(value, findings);
    }
}

fn environment(node: &Node, generation: Generation, what: What<'_>, findings: &mut Findings<'_>) -> Environment {
    let nested = |entry: &Entry| !matches!(entry.value.value, Value::Scalar { .. });
    if let Value::Seq(_) = node.value {
        if generation == Generation::Current {
            findings
                .warning(
                    Code::DeprecatedForm,
                    node.span,
                    message!("{} is a list, which woodpecker 3 refuses; here it works as before", what),
                )
                .help(message!("write a map: `NAME: value`"));
        }
        return environment_list(node, what, findings);
    }
    if generation == Generation::Early && !node.entries().unwrap_or_default().iter().any(nested) {
        return compose::environment(node, "woodpecker 0.15", Schema::Drone08, what, findings);
    }
    values(node, generation, str::to_owned, what, findings)
}

fn failure(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> OnFailure {
    match decode::text(node, what, findings).as_deref() {
        None | Some("" | "fail") => OnFailure::Fail,
        Some("ignore") => OnFailure::Ignore,
        Some("cancel") => OnFailure::CancelRun,
        Some(word) => {
            findings
                .error(Code::UnknownWord, node.span, message!("{} is `{}`, which means nothing", what, word))
                .help(message!("the words are `fail`, `ignore` and `cancel`"));
            OnFailure::Fail
        }
    }
}

/// A name, or a list of names and of `{name, optional}`.
pub(in crate::dialect::woodpecker) fn dependencies(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Vec<Dependency> {
    if let Value::Scalar { .. } = node.value {
        let name = decode::text(node, what, findings);
        return name.map(|name| Dependency { name, span: node.span, optional: false }).into_iter().collect();
    }
    let mut dependencies = Vec::new();
    for item in decode::list(node, what, findings).unwrap_or_default() {
        let label = what!("an item of {}", what);
        if item.entries().is_none() {
            dependencies.extend(decode::text(item, label, findings).map(|name| Dependency { name, span: item.span, optional: false }));
            continue;
        }
        let Some(entries) = decode::map(item, label, findings) else { continue };
        decode::unknown_keys(entries, &DEPENDENCY_KEYS, label, findings);
        let optional =
            decode::get(entries, "optional").and_then(|node| decode::boolean(node, what!("`{}` in {}", "optional", what), findings));
        match decode::get(entries, "name").and_then(|node| decode::text(node, what!("`{}` in {}", "name", what), findings)) {
            Some(name) => dependencies.push(Dependency { name, span: item.span, optional: optional == Some(true) }),
            None if !decode::lacks(entries, "name") => {}
            None => {
                findings.error(Code::MissingName, item.span, message!("{} has no `name`", label));
            }
        }
    }
    dependencies
}
