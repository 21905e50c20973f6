//! One entry of `pipeline:` or `services:` in 0.8. Keys that are not known are parameters of the plugin.

use crate::draft::{Draft, commands, demand_trust, run_commands};
use crate::environment::Environment;
use crate::image::{PRIVILEGED_08, is_one_of};
use crate::params;
use crate::when::Conditions;
use lp_model::{Dialect, EnvValue, Mount, PullPolicy, Span, Step, StepKind, Volume, VolumeKind};
use lp_yaml::{Entry, Findings, Node, Schema, Typed, Value, closest, decode, scalar};

/// Keys with a meaning; everything else is a parameter.
const KEYS: [&str; 35] = [
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

/// What holds for the whole file while its containers are read.
#[derive(Debug)]
pub(super) struct Reading {
    pub trusted: bool,
    pub volumes: Vec<Volume>,
}

/// Reads one container.
pub(super) fn read(entry: &Entry, place: Place, reading: &mut Reading, findings: &mut Findings<'_>) -> Option<Draft> {
    let section = if place == Place::Step { "step" } else { "service" };
    let label = format!("{section} `{}`", entry.key.text);
    let entries = decode::map(&entry.value, &label, findings)?;
    let name = decode::get(entries, "name").and_then(|node| decode::text(node, &format!("`name` of {label}"), findings));
    let kind = if place == Place::Step { StepKind::Plugin } else { StepKind::Service };
    let mut draft = Draft {
        step: Step::new(0, &name.unwrap_or_else(|| entry.key.text.clone()), kind),
        span: entry.key.span,
        environment: Environment::new(),
        params: Environment::new(),
        secrets: Environment::new(),
        when: Conditions::default(),
        group: None,
        depends_on: Vec::new(),
        commands: false,
    };
    draft.step.line = entry.key.span.line;
    let mut unknown: Vec<&Entry> = Vec::new();
    let mut script = None;
    for item in entries {
        let key = item.key.text.as_str();
        if KEYS.contains(&key) {
            read_key(item, key, &label, &mut draft, &mut script, reading, findings);
        } else {
            unknown.push(item);
        }
    }
    finish(entry, &label, place, draft, script, &unknown, findings)
}

fn finish(
    entry: &Entry,
    label: &str,
    place: Place,
    mut draft: Draft,
    script: Option<(Vec<String>, Span)>,
    unknown: &[&Entry],
    findings: &mut Findings<'_>,
) -> Option<Draft> {
    if draft.step.image.is_empty() {
        let found = findings.error("missing-image", entry.key.span, format!("{label} has no `image`"));
        if let Some(slip) = unknown.iter().find(|item| closest(&item.key.text, &["image"]).is_some()) {
            found.help(format!("did you mean `image` in line {}?", slip.key.span.line));
        }
    }
    let has_script = script.as_ref().is_some_and(|(commands, _)| !commands.is_empty());
    let started_only = place == Place::Service || draft.step.detached;
    if !started_only && (draft.step.entrypoint.is_some() || draft.step.command.is_some()) {
        let key = if draft.step.entrypoint.is_some() { "entrypoint" } else { "command" };
        findings
            .error("command-not-allowed", entry.key.span, format!("{label} may not set `{key}`: only services and detached steps may"))
            .help("use `commands`");
    }
    if has_script {
        for item in unknown.iter().take(MAX_REPORTED) {
            let found = findings.error(
                "commands-and-parameters",
                item.key.span,
                format!("{label} has `commands`, so it takes no plugin parameter `{}`", item.key.text),
            );
            match closest(&item.key.text, &KEYS) {
                Some(meant) => found.help(format!("did you mean `{meant}`?")),
                None => found.help("a step either runs commands or is a plugin with parameters"),
            }
        }
    } else if !started_only {
        for item in unknown {
            if let Some(text) = params::value(&item.value, Schema::Drone08) {
                draft.params.insert(params::variable(&item.key.text), EnvValue::Text(text));
            }
            if let Some(meant) = closest(&item.key.text, &["commands", "environment", "secrets", "when"]).filter(|_| !findings.is_full()) {
                findings
                    .warning(
                        "parameter-like-key",
                        item.key.span,
                        format!("`{}` of {label} is handed to the plugin as a parameter", item.key.text),
                    )
                    .help(format!("did you mean `{meant}`?"));
            }
        }
    }
    if let Some((commands, span)) = script {
        run_commands(&mut draft, &commands, span, findings);
        if draft.commands && place == Place::Step {
            draft.step.kind = StepKind::Commands;
        }
    }
    if is_one_of(&draft.step.image, &PRIVILEGED_08) && place == Place::Step {
        if draft.commands {
            let message = format!(
                "drone 0.8 ignores the `commands` of {label}, because its image is a plugin with all rights; here they run, without those rights"
            );
            findings.warning("commands-in-privileged-plugin", entry.key.span, message);
        } else {
            draft.step.privileged = true;
        }
    }
    draft.step.run_on = draft.when.run_on(Dialect::Drone08);
    Some(draft)
}

fn read_key(
    item: &Entry,
    key: &str,
    label: &str,
    draft: &mut Draft,
    script: &mut Option<(Vec<String>, Span)>,
    reading: &mut Reading,
    findings: &mut Findings<'_>,
) {
    let (node, span) = (&*item.value, item.key.span);
    let what = format!("`{key}` of {label}");
    let texts = |findings: &mut Findings<'_>| -> Vec<String> {
        decode::text_or_texts(node, &what, findings).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
    };
    if !node.is_null() && needs_trust(key, node) {
        demand_trust(reading.trusted, &what, span, findings);
    }
    match key {
        "name" => {}
        "image" => draft.step.image = decode::text(node, &what, findings).unwrap_or_default(),
        "commands" => *script = Some((commands(node, Dialect::Drone08, label, findings), span)),
        "command" => draft.step.command = words(node, &what, findings),
        "entrypoint" => draft.step.entrypoint = words(node, &what, findings),
        "environment" => draft.environment = environment(node, &what, findings),
        "secrets" => draft.secrets = secrets(node, &what, findings),
        "pull" => {
            if decode::boolean(node, &what, findings) == Some(true) {
                draft.step.pull = PullPolicy::Always;
            }
        }
        "group" => draft.group = decode::text(node, &what, findings).filter(|group| !group.is_empty()),
        "detach" => draft.step.detached |= decode::boolean(node, &what, findings) == Some(true),
        "privileged" => draft.step.privileged |= decode::boolean(node, &what, findings) == Some(true),
        "when" => draft.when = Conditions::read(node, Dialect::Drone08, &what, findings),
        "volumes" => {
            for (text, span) in decode::text_or_texts(node, &what, findings).unwrap_or_default() {
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
        "network_mode" => draft.step.network_mode = decode::text(node, &what, findings),
        "shm_size" => draft.step.shm_bytes = decode::bytes(node, &what, findings).filter(|bytes| *bytes > 0),
        "mem_limit" => draft.step.memory_bytes = decode::bytes(node, &what, findings).filter(|bytes| *bytes > 0),
        "auth_config" => {
            findings
                .warning("credentials-in-file", span, format!("{what} is not used; everyone who can read the repository can read it"))
                .help("add the registry with its user and password in the settings");
        }
        _ => {
            findings.warning("key-without-effect", span, format!("{what} has no effect here"));
        }
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

/// A command line: a list, or a text that is split like a shell splits it.
fn words(node: &Node, what: &str, findings: &mut Findings<'_>) -> Option<Vec<String>> {
    match &node.value {
        Value::Scalar { text, .. } => {
            let words = split(text);
            if words.is_none() {
                findings.error("open-quote", node.span, format!("a quote in {what} is not closed"));
            }
            words.filter(|words| !words.is_empty())
        }
        _ => Some(decode::texts(node, what, findings)?.into_iter().map(|(text, _)| text).collect()),
    }
}

fn split(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.push(chars.next()?),
            (c, Some(q)) if c == q => quote = None,
            (c, Some(_)) => word.push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                open = true;
            }
            (c, None) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (c, None) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    quote.is_none().then_some(words)
}

/// A map, or a list of `NAME=value`. 0.8 refuses values that YAML reads as numbers or bools; we take the text as written.
fn environment(node: &Node, what: &str, findings: &mut Findings<'_>) -> Environment {
    let mut environment = Environment::new();
    if let Value::Seq(_) = node.value {
        for (text, _) in decode::texts(node, what, findings).unwrap_or_default() {
            let (name, value) = text.split_once('=').unwrap_or((&text, ""));
            environment.insert(name.to_owned(), EnvValue::Text(value.to_owned()));
        }
        return environment;
    }
    for entry in decode::map(node, what, findings).unwrap_or_default() {
        let name = &entry.key.text;
        let value = decode::text(&entry.value, &format!("`{name}` in {what}"), findings).unwrap_or_default();
        if matches!(scalar::typed(&entry.value, Schema::Drone08), Some(typed) if !matches!(typed, Typed::Text(_) | Typed::Null | Typed::Binary(_)))
        {
            findings
                .warning(
                    "environment-not-text",
                    entry.value.span,
                    format!("drone 0.8 refuses `{value}` as value of `{name}`, because YAML does not read it as a text"),
                )
                .help(format!("write it in quotes: `{name}: \"{value}\"`"));
        }
        environment.insert(name.clone(), EnvValue::Text(value));
    }
    environment
}

/// Names, or `{source, target}`; the variable is the target (or the name) in upper case.
fn secrets(node: &Node, what: &str, findings: &mut Findings<'_>) -> Environment {
    let mut secrets = Environment::new();
    for item in decode::list(node, what, findings).unwrap_or_default() {
        if let Some(name) = item.text() {
            secrets.insert(name.to_uppercase(), EnvValue::Secret(name.to_owned()));
            continue;
        }
        let Some(entries) = decode::map(item, &format!("an item of {what}"), findings) else { continue };
        decode::unknown_keys(entries, &["source", "target"], &format!("an item of {what}"), findings);
        let mut text = |key: &str| decode::get(entries, key).and_then(|node| decode::text(node, &format!("`{key}` in {what}"), findings));
        match (text("source"), text("target")) {
            (Some(source), target) => {
                secrets.insert(target.unwrap_or_else(|| source.clone()).to_uppercase(), EnvValue::Secret(source));
            }
            (None, _) => {
                findings.error("missing-source", item.span, format!("an item of {what} has no `source`"));
            }
        }
    }
    secrets
}

/// `host:container[:mode]`, `name:container[:mode]` or `container`.
fn mount(text: &str, span: Span, draft: &mut Draft, reading: &mut Reading, findings: &mut Findings<'_>) {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, path, mode) = match parts[..] {
        [path] => (None, path, ""),
        [source, path] => (Some(source), path, ""),
        [source, path, mode] => (Some(source), path, mode),
        _ => (None, "", ""),
    };
    if !path.starts_with('/') {
        findings
            .error("invalid-volume", span, format!("`{text}` is no volume"))
            .help("write `/path/on/the/machine:/path/in/the/container`");
        return;
    }
    let kind = match source {
        Some(source) if source.starts_with('/') => VolumeKind::Host(source.to_owned()),
        Some(source) => {
            findings.warning("named-volume", span, format!("the volume `{source}` is empty at the start of every run"));
            VolumeKind::Temp
        }
        None => VolumeKind::Temp,
    };
    let name = source.filter(|_| kind == VolumeKind::Temp);
    add_volume(kind, name, path.to_owned(), mode.split(',').any(|m| m == "ro"), draft, reading);
}

/// Steps share a folder of the machine and a named volume; any other volume is their own.
fn add_volume(kind: VolumeKind, name: Option<&str>, path: String, read_only: bool, draft: &mut Draft, reading: &mut Reading) {
    let shared = |volume: &&Volume| match &kind {
        VolumeKind::Host(_) => volume.kind == kind,
        _ => name.is_some_and(|name| volume.name == name),
    };
    let name = match reading.volumes.iter().find(shared) {
        Some(volume) => volume.name.clone(),
        None => {
            let name = name.map_or_else(|| format!("volume-{}", reading.volumes.len() + 1), str::to_owned);
            reading.volumes.push(Volume { name: name.clone(), kind });
            name
        }
    };
    draft.step.mounts.push(Mount { volume: name, path, read_only });
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn command_lines_are_split_like_a_shell_does() {
        for (text, expected) in [
            ("redis-server --x \"a b\"", Some(vec!["redis-server", "--x", "a b"])),
            ("a '' b\\ c 'd\"e'", Some(vec!["a", "", "b c", "d\"e"])),
            ("", Some(vec![])),
            ("a 'b", None),
        ] {
            assert_eq!(split(text), expected.map(|w| w.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }
}
