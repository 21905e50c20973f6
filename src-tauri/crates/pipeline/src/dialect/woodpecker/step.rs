//! One entry of `steps:`, `pipeline:` or `services:`.

use super::document::BASE;
use super::{Generation, params};
use crate::dialect::woodpecker::when::Reader;
use crate::shared::compose::{self, Reading, add_volume, environment_list, mount, secrets, words};
use crate::shared::draft::{Dependency, Draft, Lines, commands, demand_trust, image, need_secret, run_commands};
use crate::shared::environment::Environment;
use crate::shared::script::script;
use base64::Engine as _;
use lp_model::{EnvValue, OnFailure, PullPolicy, Span, Step, StepKind, VolumeKind, What, Workspace, message, what};
use lp_yaml::{Entry, Findings, Node, Schema, Value, closest, decode, scalar};

pub(super) const KEYS: [&str; 24] = [
    "name",
    "image",
    "pull",
    "commands",
    "entrypoint",
    "directory",
    "settings",
    "environment",
    "secrets",
    "when",
    "depends_on",
    "group",
    "failure",
    "detach",
    "privileged",
    "volumes",
    "ports",
    "dns",
    "dns_search",
    "extra_hosts",
    "network_mode",
    "devices",
    "tmpfs",
    "backend_options",
];
/// Keys that version 3 removed, besides `secrets` and `group`; those of limits belonged to the server in the end.
pub(super) const OLD_KEYS: [&str; 18] = [
    "command",
    "networks",
    "shm_size",
    "mem_limit",
    "memswap_limit",
    "mem_swappiness",
    "cpu_quota",
    "cpu_shares",
    "cpuset",
    "ulimits",
    "sysctls",
    "cap_add",
    "cap_drop",
    "isolation",
    "ipc_mode",
    "labels",
    "auth_config",
    "local",
];

pub(super) const DEPENDENCY_KEYS: [&str; 2] = ["name", "optional"];
pub(super) const DOCKER_KEYS: [&str; 1] = ["user"];

/// The parameter of a plugin that a path of keys leads to.
pub(super) fn parameter(path: &[&str]) -> Option<String> {
    match path {
        ["steps" | "pipeline" | "services", _, "settings", name, ..] => Some((*name).to_owned()),
        ["pipeline", _, name, ..] if !KEYS.contains(name) && !OLD_KEYS.contains(name) => Some((*name).to_owned()),
        _ => None,
    }
}

/// What holds for the whole file while its steps are read.
#[derive(Debug)]
pub(super) struct Setting {
    pub generation: Generation,
    pub workspace: Workspace,
    pub reading: Reading,
    pub conditions: Reader,
    /// Whether the file uses a key that version 3 refuses.
    pub before_3: bool,
}

/// What a step is made of besides its draft, until all keys are read.
#[derive(Default)]
struct Parts {
    script: Option<(Vec<String>, Span)>,
    directory: Option<String>,
    settings: Option<Span>,
    entrypoint: Option<Span>,
}

/// Reads one step or service, called `name` if it does not say otherwise.
pub(super) fn read(
    node: &Node,
    name: &str,
    span: Span,
    service: bool,
    setting: &mut Setting,
    findings: &mut Findings<'_>,
) -> Option<Draft> {
    let section = if service { what!("service") } else { what!("step") };
    let entries = decode::map(node, what!("{} `{}`", section, name), findings)?;
    let own = decode::get(entries, "name").and_then(|node| Some((decode::text(node, what!("`{}`", "name"), findings)?, node.span)));
    let (name, span) = own.filter(|(name, _)| !name.is_empty()).unwrap_or_else(|| (name.to_owned(), span));
    let label = what!("{} `{}`", section, name);
    let mut draft = Draft::new(Step::new(0, &name, if service { StepKind::Service } else { StepKind::Plugin }), span, node.span);
    draft.step.line = span.line;
    let mut parts = Parts::default();
    let mut unknown: Vec<&Entry> = Vec::new();
    for entry in entries {
        let key = entry.key.text.as_str();
        if KEYS.contains(&key) {
            read_key(entry, label, setting, &mut draft, &mut parts, findings);
        } else if OLD_KEYS.contains(&key) {
            read_old_key(entry, label, setting, &mut draft, findings);
        } else {
            unknown.push(entry);
        }
    }
    if decode::lacks(entries, "image") {
        let found = findings.error("missing-image", span, message!("{} has no `image`", label));
        if let Some(slip) = unknown.iter().find(|entry| closest(&entry.key.text, &["image"]).is_some()) {
            found.help(message!("did you mean `image` in line {}?", slip.key.span.line));
        }
    }
    let unknown = take_parameters(unknown, &mut draft, label, &parts, setting.generation, findings);
    check_unknown(&unknown, label, &parts, setting.generation, findings);
    check_together(&draft, label, &parts, setting.generation, findings);
    Some(settle(draft, parts, setting, findings))
}

/// 0.15 still took the parameters of a plugin beside its image, as drone did: keys without a meaning of a step without commands. Gives back
/// those that are none.
// 0.15: `pipeline/frontend/yaml/container.go`, `Vargs`.
fn take_parameters<'e>(
    unknown: Vec<&'e Entry>,
    draft: &mut Draft,
    label: What<'_>,
    parts: &Parts,
    generation: Generation,
    findings: &mut Findings<'_>,
) -> Vec<&'e Entry> {
    let has_script = parts.script.as_ref().is_some_and(|(commands, _)| !commands.is_empty());
    let plugin = !has_script && draft.step.kind != StepKind::Service && !draft.step.detached;
    if generation != Generation::Early || !plugin {
        return unknown;
    }
    for entry in unknown {
        let key = &entry.key.text;
        if let Some(value) = params::value(&entry.value, generation) {
            draft.params.entry(params::variable(key)).or_insert(value);
        }
        let message = message!("`{}` of {} is handed to the plugin as a parameter", key, label);
        match closest(key, &KEYS) {
            Some(meant) => {
                findings.warning("parameter-like-key", entry.key.span, message).help(message!("did you mean `{}`?", meant));
            }
            None => {
                findings
                    .note("parameter-like-key", entry.key.span, message)
                    .help(message!("woodpecker 1.0 and later want it under `settings`"));
            }
        }
    }
    Vec::new()
}

fn check_unknown(unknown: &[&Entry], label: What<'_>, parts: &Parts, generation: Generation, findings: &mut Findings<'_>) {
    let has_script = parts.script.as_ref().is_some_and(|(commands, _)| !commands.is_empty());
    for entry in unknown.iter().take(20) {
        let key = &entry.key.text;
        let found = if generation == Generation::Early && has_script {
            findings.error(
                "commands-and-parameters",
                entry.key.span,
                message!("{} has `commands`, so it takes no parameter `{}`", label, key),
            )
        } else {
            findings.warning("unknown-key", entry.key.span, message!("{} has no key `{}`; it is ignored", label, key))
        };
        match closest(key, &KEYS) {
            Some(meant) => found.help(message!("did you mean `{}`?", meant)),
            None => found.help(message!("parameters of a plugin belong under `settings`: `settings: {{{}: …}}`", key)),
        }
    }
}

/// What a step may not have at the same time.
fn check_together(draft: &Draft, label: What<'_>, parts: &Parts, generation: Generation, findings: &mut Findings<'_>) {
    let started_only = draft.step.kind == StepKind::Service || draft.step.detached;
    if generation == Generation::Early {
        if !started_only && (draft.step.entrypoint.is_some() || draft.step.command.is_some()) {
            let key = if draft.step.entrypoint.is_some() { "entrypoint" } else { "command" };
            findings
                .error("command-not-allowed", draft.span, message!("{} may not set `{}`: only services and detached steps may", label, key))
                .help(message!("use `commands`"));
        }
        return;
    }
    let Some(settings) = parts.settings else { return };
    let has_script = parts.script.as_ref().is_some_and(|(commands, _)| !commands.is_empty());
    for (key, present) in [("commands", has_script), ("entrypoint", parts.entrypoint.is_some())] {
        if present {
            findings.error("settings-and-program", settings, message!("{} cannot have both `{}` and `settings`", label, key)).help(
                message!(
                    "a step either runs what the file says, or is a plugin that its settings steer; use `environment` with `commands`"
                ),
            );
        }
    }
    if !draft.environment.is_empty() && !has_script && parts.entrypoint.is_none() {
        findings
            .warning(
                "settings-and-environment",
                settings,
                message!("{} has both `environment` and `settings`, so it is no plugin any more", label),
            )
            .help(message!("give the plugin everything under `settings`"));
    }
}

fn settle(mut draft: Draft, parts: Parts, setting: &Setting, findings: &mut Findings<'_>) -> Draft {
    let service = draft.step.kind == StepKind::Service;
    let own_program = draft.step.entrypoint.is_some();
    let folder = parts.directory.as_deref().filter(|directory| !directory.is_empty());
    let has_script = parts.script.as_ref().is_some_and(|(commands, _)| !commands.is_empty());
    let bare = !has_script && !own_program && draft.step.command.is_none();
    match parts.script {
        Some((commands, _)) if has_script && own_program => {
            // The program of the file finds the commands where the original puts them.
            let packed = base64::engine::general_purpose::STANDARD.encode(script(folder, &commands));
            draft.params.insert("CI_SCRIPT".into(), EnvValue::Text(packed));
        }
        Some((commands, span)) => run_commands(&mut draft, folder, &commands, span, findings),
        None => {}
    }
    if has_script && !service {
        draft.step.kind = StepKind::Commands;
    }
    let steered = bare && !service && draft.environment.is_empty() && draft.secrets.is_empty();
    draft.plugin = steered && setting.generation == Generation::Current;
    // `pipeline/frontend/yaml/compiler/convert.go` `pluginWorkspaceBase`: a plugin sees the working copy where no file can put it over its
    // programs.
    draft.step.workspace_base = (draft.plugin && setting.workspace.base != BASE).then(|| BASE.to_owned());
    if let Some(folder) = folder.filter(|_| !has_script) {
        let base = Workspace { base: draft.step.workspace(&setting.workspace).dir(), path: folder.to_owned() };
        draft.step.working_dir = Some(if folder.starts_with('/') { folder.to_owned() } else { base.dir() });
    }
    draft
}

fn read_key(entry: &Entry, label: What<'_>, setting: &mut Setting, draft: &mut Draft, parts: &mut Parts, findings: &mut Findings<'_>) {
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
                    .warning("deprecated-key", span, message!("{} is gone from woodpecker 3; here it works as before", what))
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
                    .warning("deprecated-key", span, message!("{} is gone from woodpecker 3; here it works as before", what))
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
            findings.warning("key-without-effect", span, message!("{} has no effect here", what));
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

fn read_old_key(entry: &Entry, label: What<'_>, setting: &Setting, draft: &mut Draft, findings: &mut Findings<'_>) {
    let (node, span, key) = (&*entry.value, entry.key.span, entry.key.text.as_str());
    let what = what!("`{}` of {}", key, label);
    if !node.is_null() && needs_trust(key, node) {
        demand_trust(setting.reading.trusted, what, span, findings);
    }
    if setting.generation == Generation::Current && matches!(key, "command" | "shm_size" | "mem_limit") {
        findings.warning("deprecated-key", span, message!("{} is gone from woodpecker 3; here it works as before", what));
    }
    match key {
        "command" => draft.step.command = words(node, what, findings),
        "shm_size" => draft.step.shm_bytes = decode::bytes(node, what, findings).filter(|bytes| *bytes > 0),
        "mem_limit" => draft.step.memory_bytes = decode::bytes(node, what, findings).filter(|bytes| *bytes > 0),
        "auth_config" => {
            findings
                .warning("credentials-in-file", span, message!("{} is not used; everyone who can read the repository can read it", what))
                .help(message!("log in to the registry once on this computer with `docker login`"));
        }
        _ => {
            findings.warning("key-without-effect", span, message!("{} has no effect here", what));
        }
    }
}

/// `docker: {user}`; the options of other backends say nothing here.
fn backend_options(node: &Node, what: What<'_>, draft: &mut Draft, findings: &mut Findings<'_>) {
    for entry in decode::map(node, what, findings).unwrap_or_default() {
        if entry.key.text != "docker" {
            findings.note("key-without-effect", entry.key.span, message!("`{}` in {} is for another backend", entry.key.text, what));
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
fn need_secrets(node: &Node, findings: &mut Findings<'_>) {
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
                .warning("deprecated-form", node.span, message!("{} is a list, which woodpecker 3 refuses; here it works as before", what))
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
                .error("unknown-word", node.span, message!("{} is `{}`, which means nothing", what, word))
                .help(message!("the words are `fail`, `ignore` and `cancel`"));
            OnFailure::Fail
        }
    }
}

/// A name, or a list of names and of `{name, optional}`.
pub(super) fn dependencies(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Vec<Dependency> {
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
                findings.error("missing-name", item.span, message!("{} has no `name`", label));
            }
        }
    }
    dependencies
}
