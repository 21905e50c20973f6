//! One `kind: pipeline` document.

use super::step::{self, Setting};
use super::{Named, check_edges, clone, when};
use crate::dialect::drone1::environment::StageFacts;
use crate::shared::clone::Wishes;
use crate::shared::draft::{Draft, Order, StageDraft, demand_trust, from_secret};
use crate::shared::environment::Environment;
use crate::shared::extent::{check_size, few_volumes};
use crate::shared::rights::{self, Escalation};
use crate::shared::when::When;
use crate::shared::workspace;
use lp_model::{BackendKind, Code, Concurrency, EnvValue, EventFacts, Span, Volume, VolumeKind, What, Workspace, message, what};
use lp_yaml::{Entry, Findings, Node, decode};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) const KEYS: [&str; 16] = [
    "kind",
    "type",
    "name",
    "version",
    "platform",
    "node",
    "clone",
    "concurrency",
    "depends_on",
    "trigger",
    "workspace",
    "environment",
    "services",
    "steps",
    "volumes",
    "image_pull_secrets",
];
pub(super) const PLATFORM_KEYS: [&str; 4] = ["os", "arch", "variant", "version"];
pub(super) const CLONE_KEYS: [&str; 5] = ["disable", "depth", "retries", "skip_verify", "trace"];
pub(super) const CONCURRENCY_KEYS: [&str; 1] = ["limit"];
pub(super) const VOLUME_KEYS: [&str; 7] = ["name", "host", "temp", "claim", "config_map", "secret", "downward_api"];
/// Where the working copy is mounted if the file does not say.
const BASE: &str = "/drone/src";
/// Images whose plugins got all rights on the machine.
// 1.x: drone-runner-docker `command/daemon/config.go`, `DRONE_RUNNER_PRIVILEGED_IMAGES`.
const PRIVILEGED: [&str; 6] = ["plugins/docker", "plugins/acr", "plugins/ecr", "plugins/gcr", "plugins/heroku", "plugins/gar"];
/// Names that the runner keeps for itself.
const RESERVED_VOLUMES: [&str; 3] = ["workspace", "_workspace", "_docker_socket"];

/// What the document says of itself, without judging it; also for a document whose variables are not replaced yet.
pub(super) fn facts(root: &Node, number: u32) -> StageFacts {
    let text = |node: &Node, key: &str| node.get(key).and_then(|n| n.text()).filter(|t| !t.is_empty()).map(str::to_owned);
    let platform = |key: &str| root.get("platform").and_then(|node| text(node, key));
    let depends_on = root.get("depends_on").and_then(|node| node.items()).unwrap_or_default();
    StageFacts {
        name: text(root, "name").unwrap_or_else(|| "default".into()),
        number,
        kind: text(root, "type").unwrap_or_else(|| "docker".into()),
        os: platform("os").unwrap_or_else(|| "linux".into()),
        arch: platform("arch").unwrap_or_else(|| "amd64".into()),
        variant: platform("variant").unwrap_or_default(),
        version: platform("version").unwrap_or_default(),
        depends_on: depends_on.iter().filter_map(|item| item.text().map(str::to_owned)).collect(),
    }
}

/// Whether the document as written is none that runs here: of another kind, of a type that is not run, or for windows.
pub(super) fn is_left_out(raw: &Node) -> bool {
    let plain = |text: &str| !text.contains('$');
    let text = |node: Option<&Arc<Node>>| node.and_then(|node| node.text()).filter(|text| plain(text)).map(str::to_owned);
    let Some(kind) = text(raw.get("kind")) else { return false };
    let other_type = text(raw.get("type")).is_some_and(|text| !matches!(text.as_str(), "" | "docker" | "exec"));
    let windows = text(raw.get("platform").and_then(|platform| platform.get("os"))).is_some_and(|os| os == "windows");
    kind != "pipeline" || other_type || windows
}

/// Reads the pipeline; `None` when it is no map. One of a type that is not run stays as a name without steps, so that others may
/// depend on it.
pub(super) fn read(root: &Node, metadata: Environment, event: &EventFacts, findings: &mut Findings<'_>) -> Option<StageDraft> {
    let entries = decode::map(root, what!("the pipeline"), findings)?;
    let name_node = decode::get(entries, "name");
    let name = name_node.and_then(|node| decode::text(node, what!("`{}`", "name"), findings)).unwrap_or_else(|| "default".into());
    let span = name_node.map_or(root.span, |node| node.span);
    let label = what!("pipeline `{}`", name);
    let backend = backend(entries, label, findings).filter(|_| !is_for_windows(entries, label, findings));
    let trusted = event.repo.trusted;
    let mut stage = StageDraft {
        name: name.clone(),
        span,
        backend: backend.unwrap_or(BackendKind::Docker),
        runs: backend.is_some(),
        workspace: Workspace { base: BASE.into(), path: String::new() },
        base_refused: false,
        checkout: Some(clone::checkout(event, &Wishes::default())),
        cell: Vec::new(),
        concurrency: None,
        volumes: Vec::new(),
        trigger: When::default(),
        needs: Vec::new(),
        order: Order::Serial,
        runs_on: None,
        environment: Environment::new(),
        metadata,
        services: Vec::new(),
        steps: Vec::new(),
    };
    let Some(backend) = backend else {
        let depends_on = decode::get(entries, "depends_on");
        let names = depends_on.and_then(|node| decode::texts(node, what!("`{}`", "depends_on"), findings));
        stage.needs = step::needs(names.unwrap_or_default());
        return Some(stage);
    };
    decode::unknown_keys(entries, &KEYS, label, findings);
    for entry in entries {
        read_key(entry, label, event, &mut stage, findings);
    }
    let setting = Setting { trusted, backend, workspace: &stage.workspace, volumes: &stage.volumes };
    let mut services = steps(entries, "services", &setting, findings);
    for service in &mut services {
        service.step.detached = true;
    }
    let steps = steps(entries, "steps", &setting, findings);
    if steps.is_empty() && !findings.has_errors() {
        let span = decode::get(entries, "steps").map_or(span, |node| node.span);
        findings.error(Code::NoSteps, span, message!("{} has no steps", label));
    }
    (stage.services, stage.steps) = (services, steps);
    settle_order(&mut stage);
    check_steps(&stage, label, findings);
    rights::settle(&mut stage, &Escalation { images: &PRIVILEGED, base: BASE, ended: None }, event, findings);
    Some(stage)
}

fn backend(entries: &[Entry], label: What<'_>, findings: &mut Findings<'_>) -> Option<BackendKind> {
    let Some(node) = decode::get(entries, "type") else { return Some(BackendKind::Docker) };
    match decode::text(node, what!("`{}`", "type"), findings).unwrap_or_default().as_str() {
        "" | "docker" => Some(BackendKind::Docker),
        "exec" => Some(BackendKind::Host),
        other => {
            findings
                .warning(
                    Code::UnsupportedType,
                    node.span,
                    message!("{} has the type `{}`, which is not run here; it is left out", label, other),
                )
                .help(message!("`docker` and `exec` are run"));
            None
        }
    }
}

/// A pipeline for windows is left out, so that nothing in it (paths of drives, another shell) keeps the others from running.
fn is_for_windows(entries: &[Entry], label: What<'_>, findings: &mut Findings<'_>) -> bool {
    let Some(os) = decode::get(entries, "platform").and_then(|platform| platform.get("os")) else { return false };
    let windows = os.text() == Some("windows");
    if windows {
        findings.warning(Code::UnsupportedType, os.span, message!("{} is for windows, which is not run here; it is left out", label));
    }
    windows
}

fn read_key(entry: &Entry, label: What<'_>, event: &EventFacts, stage: &mut StageDraft, findings: &mut Findings<'_>) {
    let node = &entry.value;
    let what = what!("`{}` of {}", entry.key.text, label);
    match entry.key.text.as_str() {
        "platform" => platform(node, entry.key.span, what, findings),
        "clone" => read_clone(node, what, event, stage, findings),
        "concurrency" => {
            if let Some(entries) = decode::map(node, what, findings) {
                decode::unknown_keys(entries, &CONCURRENCY_KEYS, what, findings);
                let limit = decode::get(entries, "limit");
                let limit = limit.and_then(|limit| decode::number(limit, what!("`{}` of {}", "limit", what), findings));
                // A limit of 0 is none.
                stage.concurrency = limit
                    .filter(|limit| *limit > 0)
                    .map(|limit| Concurrency { limit: u32::try_from(limit).unwrap_or(u32::MAX), group: None });
            }
        }
        "depends_on" => stage.needs = step::needs(decode::texts(node, what, findings).unwrap_or_default()),
        "trigger" => stage.trigger = when::read(node, what, findings).into(),
        "workspace" => read_workspace(node, what, stage, findings),
        "environment" => stage.environment = environment(node, what, findings),
        "volumes" => volumes(node, what, event.repo.trusted, stage, findings),
        "image_pull_secrets" => {
            findings.need(Code::NeedsLogin, entry.key.span, || {
                let help = message!("log in to the registry once on this computer with `docker login`");
                (message!("{} is the login of a registry; here the logins of this computer count", what), help)
            });
            findings
                .warning(Code::KeyWithoutEffect, entry.key.span, message!("{} is not read", what))
                .help(message!("log in to the registry once on this computer with `docker login`"));
        }
        "node" => {
            findings.note(Code::KeyWithoutEffect, entry.key.span, message!("{} chooses a machine; the steps run on this one", what));
        }
        _ => {}
    }
}

fn platform(node: &Node, span: Span, what: What<'_>, findings: &mut Findings<'_>) {
    let Some(entries) = decode::map(node, what, findings) else { return };
    decode::unknown_keys(entries, &PLATFORM_KEYS, what, findings);
    let text = |key: &str, default: &str| decode::get(entries, key).and_then(|n| n.text()).unwrap_or(default).to_owned();
    let asked = format!("{}/{}", text("os", "linux"), text("arch", "amd64"));
    if asked != crate::shared::when::DEFAULT_PLATFORM {
        findings.note(Code::PlatformIgnored, span, message!("{} asks for `{}`; the steps run on this machine", what, asked));
    }
}

fn read_clone(node: &Node, what: What<'_>, event: &EventFacts, stage: &mut StageDraft, findings: &mut Findings<'_>) {
    let Some(entries) = decode::map(node, what, findings) else { return };
    decode::unknown_keys(entries, &CLONE_KEYS, what, findings);
    let disable = decode::get(entries, "disable");
    let disabled = disable.and_then(|disable| decode::boolean(disable, what!("`{}` in {}", "disable", what), findings)) == Some(true);
    for (key, variable) in [("skip_verify", "GIT_SSL_NO_VERIFY"), ("trace", "GIT_TRACE")] {
        if decode::get(entries, key).is_some_and(|node| node.text() == Some("true")) {
            crate::shared::environment::set(&mut stage.metadata, variable, "true");
        }
    }
    let depth = decode::get(entries, "depth");
    let depth = depth.and_then(|depth| decode::number(depth, what!("`{}` in {}", "depth", what), findings));
    let wishes = Wishes { depth, ..Wishes::default() };
    stage.checkout = (!disabled).then(|| clone::checkout(event, &wishes));
}

/// An absolute path without a base is the base; otherwise the path lies below it.
// 1.x: drone-runner-docker `engine/compiler/workspace.go`, and `compiler.go` for the bases that are not taken.
fn read_workspace(node: &Node, what: What<'_>, stage: &mut StageDraft, findings: &mut Findings<'_>) {
    let Some(entries) = decode::map(node, what, findings) else { return };
    decode::unknown_keys(entries, &workspace::KEYS, what, findings);
    let mut text = |key: &str| {
        let node = decode::get(entries, key)?;
        Some((decode::text(node, what!("`{}` in {}", key, what), findings)?, node.span))
    };
    let (base, path) = (text("base"), text("path"));
    let (base, path) = match (base, path) {
        (None, Some((path, span))) if path.starts_with('/') => (Some((path, span)), None),
        (base, path) => (base, path),
    };
    if let Some((base, span)) = base {
        if !workspace::is_absolute(&base, span, findings) {
            return;
        }
        if workspace::is_restricted(&base) {
            stage.base_refused = true;
            findings.warning(Code::WorkspaceBase, span, message!("drone keeps `{}` free; the working copy lies at `{}`", base, BASE));
        } else {
            stage.workspace.base = base;
        }
    }
    if let Some((path, span)) = path {
        workspace::set_path(&mut stage.workspace, path, span, findings);
    }
}

/// `NAME: value` or `NAME: {from_secret: name}`.
pub(super) fn environment(node: &Node, what: What<'_>, findings: &mut Findings<'_>) -> Environment {
    let mut environment = Environment::new();
    for entry in decode::map(node, what, findings).unwrap_or_default() {
        let value = match from_secret(&entry.value, findings) {
            Some(secret) => secret,
            None => EnvValue::Text(decode::text(&entry.value, what!("`{}` in {}", entry.key.text, what), findings).unwrap_or_default()),
        };
        environment.insert(entry.key.text.clone(), value);
    }
    environment
}

fn volumes(node: &Node, what: What<'_>, trusted: bool, stage: &mut StageDraft, findings: &mut Findings<'_>) {
    for item in decode::list(node, what, findings).unwrap_or_default() {
        let Some(entries) = decode::map(item, what!("an item of {}", what), findings) else { continue };
        decode::unknown_keys(entries, &VOLUME_KEYS, what!("an item of {}", what), findings);
        let Some(name) = decode::get(entries, "name").and_then(|n| decode::text(n, what!("`{}` of a volume", "name"), findings)) else {
            if decode::lacks(entries, "name") {
                findings.error(Code::MissingName, item.span, message!("an item of {} has no `name`", what));
            }
            continue;
        };
        if RESERVED_VOLUMES.contains(&name.as_str()) {
            findings.error(Code::ReservedName, item.span, message!("the volume name `{}` is reserved", name));
        }
        let label = what!("volume `{}`", name);
        let kind = if let Some(host) = decode::get(entries, "host") {
            demand_trust(trusted, what!("{} of the machine", label), item.span, findings);
            let path = decode::map(host, what!("`{}` of {}", "host", label), findings).and_then(|host| decode::get(host, "path"));
            let path = path.and_then(|path| decode::text(path, what!("`{}` of {}", "path", label), findings));
            if !path.as_ref().is_some_and(|path| path.starts_with('/')) {
                findings.error(Code::InvalidVolume, item.span, message!("`host` of {} needs an absolute `path`", label));
            }
            VolumeKind::Host(path.unwrap_or_default())
        } else if let Some(temp) = decode::get(entries, "temp") {
            let memory = temp.get("medium").and_then(|node| node.text()) == Some("memory");
            if memory {
                demand_trust(trusted, what!("{} in memory", label), item.span, findings);
            }
            if memory { VolumeKind::Memory } else { VolumeKind::Temp }
        } else {
            findings
                .error(Code::InvalidVolume, item.span, message!("{} has neither `temp` nor `host`", label))
                .help(message!("write `temp: {{}}` for an empty one"));
            VolumeKind::Temp
        };
        stage.volumes.push(Volume { name, kind });
        if !few_volumes(&stage.volumes, findings) {
            return;
        }
    }
}

fn steps(entries: &[Entry], section: &str, setting: &Setting<'_>, findings: &mut Findings<'_>) -> Vec<Draft> {
    let Some(node) = decode::get(entries, section) else { return Vec::new() };
    if node.entries().is_some() {
        findings
            .error(Code::WrongType, node.span, message!("`{}` must be a list of steps, not a map", section))
            .help(message!("write `- name: …` for each step"));
        return Vec::new();
    }
    let Some(items) = decode::list(node, what!("`{}`", section), findings) else { return Vec::new() };
    if !check_size(0, items.len(), findings) {
        return Vec::new();
    }
    items.iter().filter_map(|item| step::read(item, section == "services", setting, findings)).collect()
}

/// A graph as soon as one step names others, even if that is only the clone step. `clone` is no step of the plan: the files are there before
/// any step starts. Where the file has a step of that name, that one is meant.
// 1.x: drone-runner-docker `engine/compiler/util.go` `isGraph` and `removeCloneDeps`.
fn settle_order(stage: &mut StageDraft) {
    let steps = || stage.services.iter().chain(&stage.steps);
    if steps().any(|step| step.needs.as_ref().is_some_and(|needs| !needs.is_empty())) {
        stage.order = Order::Graph;
    }
    if steps().any(|step| step.step.name == "clone") {
        return;
    }
    for needs in stage.services.iter_mut().chain(&mut stage.steps).filter_map(|step| step.needs.as_mut()) {
        needs.retain(|need| need.name != "clone");
    }
}

fn check_steps(stage: &StageDraft, label: What<'_>, findings: &mut Findings<'_>) {
    let all: Vec<&Draft> = stage.services.iter().chain(&stage.steps).collect();
    let mut names: HashMap<&str, u32> = HashMap::new();
    for draft in &all {
        let name = &draft.step.name;
        if name.is_empty() {
            continue;
        }
        if let Some(first) = names.get(name.as_str()) {
            let message = message!("{} has two steps called `{}`: the other one is in line {}", label, name, *first);
            findings.error(Code::DuplicateStep, draft.span, message);
        } else {
            names.insert(name, draft.step.line);
        }
        if name == "clone" && stage.checkout.is_some() {
            findings
                .error(Code::ReservedName, draft.span, message!("the step name `clone` is reserved"))
                .help(message!("choose another name, or write `clone: {{disable: true}}` in the pipeline"));
        }
    }
    let nodes: Vec<Named<'_>> = all.iter().map(|draft| (draft.step.name.as_str(), draft.needs.as_deref().unwrap_or_default())).collect();
    check_edges(&nodes, true, findings);
}
