//! One entry of `pipeline:` or `services:` in 0.8. Keys that are not known are parameters of the plugin.

use super::{params, when};
use crate::shared::compose::{Reading, add_volume, environment, mount, secrets, words};
use crate::shared::draft::{Draft, Lines, commands, demand_trust, image, run_commands};
use crate::shared::params::variable;
use lp_model::{Code, EnvValue, PullPolicy, Severity, Span, Step, StepKind, VolumeKind, What, message, what};
use lp_yaml::{Entry, Findings, Node, Schema, Typed, Value, closest, decode, scalar};

/// Keys with a meaning; everything else is a parameter.
pub(crate) const KEYS: [&str; 35] = [
    "image",
    "name",
    "commands",
    "command",
    "entrypoint",
    "environment",
    "secrets",
    "pull",
    "group",
    "detach",
    "privileged",
    "when",
    "volumes",
    "devices",
    "tmpfs",
    "dns",
    "dns_search",
    "extra_hosts",
    "network_mode",
    "ipc_mode",
    "sysctls",
    "networks",
    "shm_size",
    "mem_limit",
    "memswap_limit",
    "mem_swappiness",
    "cpu_quota",
    "cpu_shares",
    "cpuset",
    "labels",
    "auth_config",
    "cap_add",
    "cap_drop",
    "isolation",
    "ulimits",
];

/// Most parameters of one step that are reported as misplaced.
const MAX_REPORTED: usize = 20;

/// In which section a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Step,
    Service,
}

/// Reads one container.
pub(super) fn read(entry: &Entry, place: Place, reading: &mut Reading, findings: &mut Findings<'_>) -> Option<Draft> {
    let label = match place {
        Place::Step => what!("step `{}`", entry.key.text),
        Place::Service => what!("service `{}`", entry.key.text),
    };
    let entries = decode::map(&entry.value, label, findings)?;
    let name = decode::get(entries, "name").and_then(|node| decode::text(node, what!("`{}` of {}", "name", label), findings));
    let kind = if place == Place::Step { StepKind::Plugin } else { StepKind::Service };
    let mut draft = Draft::new(Step::new(0, &name.unwrap_or_else(|| entry.key.text.clone()), kind), entry.key.span, entry.value.span);
    draft.step.line = entry.key.span.line;
    let mut unknown: Vec<&Entry> = Vec::new();
    let mut script = None;
    for item in entries {
        let key = item.key.text.as_str();
        if KEYS.contains(&key) {
            read_key(item, key, label, &mut draft, &mut script, reading, findings);
        } else {
            unknown.push(item);
        }
    }
    finish(entry, label, place, draft, script, &unknown, findings)
}

fn finish(
    entry: &Entry,
    label: What<'_>,
    place: Place,
    mut draft: Draft,
    script: Option<(Vec<String>, Span)>,
    unknown: &[&Entry],
    findings: &mut Findings<'_>,
) -> Option<Draft> {
    if decode::lacks(entry.value.entries().unwrap_or_default(), "image") {
        let found = findings.error(Code::MissingImage, entry.key.span, message!("{} has no `image`", label));
        if let Some(slip) = unknown.iter().find(|item| closest(&item.key.text, &["image"]).is_some()) {
            found.help(message!("did you mean `image` in line {}?", slip.key.span.line));
        }
    }
    let has_script = script.as_ref().is_some_and(|(commands, _)| !commands.is_empty());
    let started_only = place == Place::Service || draft.step.detached;
    if !started_only && (draft.step.entrypoint.is_some() || draft.step.command.is_some()) {
        let key = if draft.step.entrypoint.is_some() { "entrypoint" } else { "command" };
        findings
            .error(
                Code::CommandNotAllowed,
                entry.key.span,
                message!("{} may not set `{}`: only services and detached steps may", label, key),
            )
            .help(message!("use `commands`"));
    }
    if has_script {
        for item in unknown.iter().take(MAX_REPORTED) {
            let found = findings.error(
                Code::CommandsAndParameters,
                item.key.span,
                message!("{} has `commands`, so it takes no plugin parameter `{}`", label, item.key.text),
            );
            match closest(&item.key.text, &KEYS) {
                Some(meant) => found.help(message!("did you mean `{}`?", meant)),
                None => found.help(message!("a step either runs commands or is a plugin with parameters")),
            }
        }
    } else if !started_only {
        for item in unknown {
            if let Some(text) = params::value(&item.value) {
                draft.params.insert(variable(&item.key.text), EnvValue::Text(text));
            }
            if let Some(meant) =
                closest(&item.key.text, &["commands", "environment", "secrets", "when"]).filter(|_| findings.has_room(Severity::Warning))
            {
                findings
                    .warning(
                        Code::ParameterLikeKey,
                        item.key.span,
                        message!("`{}` of {} is handed to the plugin as a parameter", item.key.text, label),
                    )
                    .help(message!("did you mean `{}`?", meant));
            }
        }
    }
    if let Some((commands, span)) = script {
        run_commands(&mut draft, None, &commands, span, findings);
        if draft.commands && place == Place::Step {
            draft.step.kind = StepKind::Commands;
        }
    }
    Some(draft)
}

fn read_key(
    item: &Entry,
    key: &str,
    label: What<'_>,
    draft: &mut Draft,
    script: &mut Option<(Vec<String>, Span)>,
    reading: &mut Reading,
    findings: &mut Findings<'_>,
) {
    let (node, span) = (&*item.value, item.key.span);
    let what = what!("`{}` of {}", key, label);
    let texts = |findings: &mut Findings<'_>| -> Vec<String> {
        decode::text_or_texts(node, what, findings).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
    };
    if !node.is_null() && needs_trust(key, node) {
        demand_trust(reading.trusted, what, span, findings);
    }
    match key {
        "name" => {}
        "image" => draft.step.image = image(node, what, findings),
        "commands" => {
            tell_refused_commands(node, findings);
            *script = Some((commands(node, Lines::ListOrText, label, findings), span));
        }
        "command" => draft.step.command = words(node, what, findings),
        "entrypoint" => draft.step.entrypoint = words(node, what, findings),
        "environment" => draft.environment = environment(node, "drone 0.8", Schema::Drone08, what, findings),
        "secrets" => draft.secrets = secrets(node, what, findings),
        "pull" => {
            if decode::boolean(node, what, findings) == Some(true) {
                draft.step.pull = PullPolicy::Refresh;
            }
        }
        "group" => draft.group = decode::text(node, what, findings).filter(|group| !group.is_empty()),
        "detach" => draft.step.detached |= decode::boolean(node, what, findings) == Some(true),
        "privileged" => draft.step.privileged |= decode::boolean(node, what, findings) == Some(true),
        "when" => {
            let conditions = when::read(node, what, findings);
            draft.step.run_on = conditions.run_on(&when::FLAVOUR);
            draft.when = conditions.into();
        }
        "volumes" => {
            for (text, span) in decode::text_or_texts(node, what, findings).unwrap_or_default() {
                mount(&text, span, draft, reading, findings);
            }
        }
        "tmpfs" => {
            for path in texts(findings) {
                let path = path.split(':').next().unwrap_or_default().to_owned();
                add_volume(VolumeKind::Memory, None, path, false, draft, reading);
            }
        }
        "dns" => draft.step.dns = texts(findings),
        "dns_search" => draft.step.dns_search = texts(findings),
        "extra_hosts" => draft.step.extra_hosts = texts(findings),
        "network_mode" => draft.step.network_mode = decode::text(node, what, findings),
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

/// 0.8 refuses a command that YAML does not read as a text.
fn tell_refused_commands(node: &Node, findings: &mut Findings<'_>) {
    for item in node.items().unwrap_or_default() {
        let Value::Scalar { text, .. } = &item.value else { continue };
        if !matches!(scalar::typed(item, Schema::Drone08), Some(Typed::Text(_))) {
            findings
                .warning(
                    Code::CommandNotText,
                    item.span,
                    message!("drone 0.8 refuses the command `{}`, which YAML does not read as a text", text),
                )
                .help(message!("write it in quotes: `- \"{}\"`", text));
        }
    }
}

/// The parameter of a plugin that a path of keys leads to.
pub(super) fn parameter(path: &[&str]) -> Option<String> {
    match path {
        ["pipeline", _, name, ..] if !KEYS.contains(name) && !matches!(*name, "settings" | "depends_on") => Some((*name).to_owned()),
        _ => None,
    }
}

fn needs_trust(key: &str, node: &Node) -> bool {
    match key {
        "privileged" => node.text().is_some_and(|text| scalar::bool_of(text) == Some(true)),
        "volumes" | "devices" | "tmpfs" | "dns" | "dns_search" | "extra_hosts" | "network_mode" | "ipc_mode" | "sysctls" | "networks"
        | "shm_size" => true,
        _ => false,
    }
}
