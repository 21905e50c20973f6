//! One entry of `steps:`, `pipeline:` or `services:`.

mod read;

use super::document::BASE;
use super::{Generation, params};
use crate::dialect::woodpecker::when::Reader;
use crate::shared::compose::Reading;
use crate::shared::draft::{Draft, run_commands};
use crate::shared::script::script;
use base64::Engine as _;
use lp_model::{Code, EnvValue, Span, Step, StepKind, What, Workspace, message, what};
use lp_yaml::{Entry, Findings, Node, closest, decode};
pub(super) use read::dependencies;
use read::{need_secrets, read_key, read_old_key};

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
        let found = findings.error(Code::MissingImage, span, message!("{} has no `image`", label));
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
        if findings.notes_needs() {
            need_secrets(&entry.value, findings);
        }
        if let Some(value) = params::value(&entry.value, generation) {
            draft.params.entry(params::variable(key)).or_insert(value);
        }
        let message = message!("`{}` of {} is handed to the plugin as a parameter", key, label);
        match closest(key, &KEYS) {
            Some(meant) => {
                findings.warning(Code::ParameterLikeKey, entry.key.span, message).help(message!("did you mean `{}`?", meant));
            }
            None => {
                findings
                    .note(Code::ParameterLikeKey, entry.key.span, message)
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
                Code::CommandsAndParameters,
                entry.key.span,
                message!("{} has `commands`, so it takes no parameter `{}`", label, key),
            )
        } else {
            findings.warning(Code::UnknownKey, entry.key.span, message!("{} has no key `{}`; it is ignored", label, key))
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
                .error(
                    Code::CommandNotAllowed,
                    draft.span,
                    message!("{} may not set `{}`: only services and detached steps may", label, key),
                )
                .help(message!("use `commands`"));
        }
        return;
    }
    let Some(settings) = parts.settings else { return };
    let has_script = parts.script.as_ref().is_some_and(|(commands, _)| !commands.is_empty());
    for (key, present) in [("commands", has_script), ("entrypoint", parts.entrypoint.is_some())] {
        if present {
            findings.error(Code::SettingsAndProgram, settings, message!("{} cannot have both `{}` and `settings`", label, key)).help(
                message!(
                    "a step either runs what the file says, or is a plugin that its settings steer; use `environment` with `commands`"
                ),
            );
        }
    }
    if !draft.environment.is_empty() && !has_script && parts.entrypoint.is_none() {
        findings
            .warning(
                Code::SettingsAndEnvironment,
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
