//! The document of a workflow: everything but its steps.

use super::step::{self, Setting};
use super::when::Reader;
use super::{Generation, clone, when};
use crate::dialect::GIT_IMAGES;
use crate::shared::clone::{Form, Wishes, read as wishes};
use crate::shared::compose::Reading;
use crate::shared::draft::{Dependency, Draft, Order, StageDraft, warn_of_duplicates};
use crate::shared::environment::Environment;
use crate::shared::extent::{check_size, few_volumes};
use crate::shared::graph::order;
use crate::shared::matrix::Cell;
use crate::shared::rights::{self, Escalation};
use crate::shared::when::{DEFAULT_PLATFORM, Mismatch, Situation, When, read_constraint};
use crate::shared::workspace;
use lp_model::{BackendKind, Checkout, Code, Concurrency, EventFacts, EventKind, RunOn, Severity, Span, What, message, what};
use lp_yaml::{Entry, Findings, Node, TextIndex, Value, decode};
use std::collections::HashMap;
use std::ops::Range;

pub(super) const KEYS: [&str; 17] = [
    "steps",
    "pipeline",
    "services",
    "clone",
    "skip_clone",
    "workspace",
    "when",
    "branches",
    "platform",
    "labels",
    "depends_on",
    "runs_on",
    "matrix",
    "concurrency",
    "variables",
    "networks",
    "volumes",
];
pub(super) const CONCURRENCY_KEYS: [&str; 2] = ["limit", "group"];
/// Where the working copy is mounted if the file does not say.
pub(super) const BASE: &str = "/woodpecker";
/// Images whose plugins got all rights on the machine up to version 2; 3 has no such list any more.
// `shared/constant/constant.go` `PrivilegedPlugins` of 0.15, 1 and 2, all together.
const PRIVILEGED: [&str; 6] = [
    "plugins/docker",
    "plugins/gcr",
    "plugins/ecr",
    "woodpeckerci/plugin-docker",
    "woodpeckerci/plugin-docker-buildx",
    "codeberg.org/woodpecker-plugins/docker-buildx",
];
/// Most unknown keys at the top that are looked at.
const MAX_UNKNOWN: usize = 200;
/// Variables that version 3 renamed.
const RENAMED: [(&str, &str); 3] = [
    ("CI_COMMIT_PRERELEASE", "CI_PIPELINE_RELEASE_PRE"),
    ("CI_COMMIT_AUTHOR_AVATAR", "CI_PIPELINE_AVATAR"),
    ("CI_PREV_COMMIT_AUTHOR_AVATAR", "CI_PREV_PIPELINE_AVATAR"),
];

/// Whether `branches` keeps the event out. It is about commits that arrive, not about tags and deployments.
pub(super) fn branches(root: &Node, generation: Generation, facts: &EventFacts, findings: &mut Findings<'_>) -> Option<Mismatch> {
    let entry = root.entries()?.iter().find(|entry| entry.key.text == "branches")?;
    if generation == Generation::Current {
        findings
            .warning(Code::DeprecatedKey, entry.key.span, message!("woodpecker 3 ignores `branches`; here it decides, as before"))
            .help(message!("write `when: {{branch: …}}` at the top of the file"));
    }
    let constraint = read_constraint(&entry.value, &when::FLAVOUR, what!("`{}`", "branches"), findings);
    let arrives = !matches!(facts.kind, EventKind::Tag | EventKind::Promote | EventKind::Rollback);
    (arrives && !constraint.matches(&when::FLAVOUR, &facts.commit.branch)).then(|| Mismatch {
        key: "branches",
        span: entry.key.span,
        found: Some(facts.commit.branch.clone()),
    })
}

/// Variables with a new name, wherever they are used.
pub(super) fn deprecated_variables(index: &TextIndex<'_>, part: Range<usize>, findings: &mut Findings<'_>) {
    let text = &index.text()[part.clone()];
    for (old, new) in RENAMED {
        for (at, _) in text.match_indices(old) {
            let before = text[..at].trim_end_matches('{').ends_with('$');
            let after = text[at + old.len()..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
            if before && !after && findings.has_room(Severity::Note) {
                let span = index.span(part.start + at..part.start + at + old.len());
                findings.note(Code::DeprecatedVariable, span, message!("`{}` is called `{}` since woodpecker 3", old, new));
            }
        }
    }
}

/// Reads the workflow for one combination of the matrix.
pub(super) fn read(
    root: &Node,
    generation: Generation,
    name: String,
    cell: Cell,
    metadata: Environment,
    facts: &EventFacts,
    findings: &mut Findings<'_>,
) -> Option<StageDraft> {
    let entries = decode::map(root, what!("the file"), findings)?;
    for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.text.as_str())).take(MAX_UNKNOWN) {
        decode::unknown_key(entry, &KEYS, what!("the file"), findings);
    }
    let workspace = workspace::read(root, BASE, facts, findings);
    let mut stage = StageDraft {
        name,
        span: root.span,
        backend: BackendKind::Docker,
        runs: true,
        workspace: workspace.clone(),
        base_refused: false,
        checkout: None,
        cell,
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
    if let Some((span, platform)) = windows(root) {
        let message = message!("the workflow asks for `{}`, which is not run here; it is left out", platform);
        findings.warning(Code::UnsupportedType, span, message);
        stage.runs = false;
        return Some(stage);
    }
    let reading = Reading { trusted: facts.repo.trusted, volumes: Vec::new() };
    let mut setting = Setting { generation, workspace, reading, conditions: Reader::new(generation), before_3: false };
    for entry in entries {
        read_key(entry, &mut setting, &mut stage, findings);
    }
    stage.checkout = checkout(root, &mut setting, &stage, facts, findings);
    stage.services = containers(root, "services", true, &mut setting, findings);
    let section = if generation == Generation::Early { "pipeline" } else { "steps" };
    stage.steps = containers(root, section, false, &mut setting, findings);
    stage.volumes = setting.reading.volumes;
    few_volumes(&stage.volumes, findings);
    if stage.steps.is_empty() && !findings.has_errors() {
        let span = root.get(section).map_or(root.span, |node| node.span);
        findings.error(Code::NoSteps, span, message!("`{}` has no steps", section));
    }
    // A file does not say for which version it was written, but what 3 refuses was written for an older one.
    let ended = (generation == Generation::Current && !setting.before_3).then_some("woodpecker 3");
    rights::settle(&mut stage, &Escalation { images: &PRIVILEGED, base: BASE, ended }, facts, findings);
    warn_of_duplicates(&stage.steps, findings);
    check_dependencies(&stage.steps, findings);
    if generation == Generation::Current {
        note_missing_events(&stage, findings);
    }
    Some(stage)
}

fn read_key(entry: &Entry, setting: &mut Setting, stage: &mut StageDraft, findings: &mut Findings<'_>) {
    let (node, span) = (&*entry.value, entry.key.span);
    match entry.key.text.as_str() {
        "when" => {
            stage.trigger = setting.conditions.read(node, what!("`{}` of the file", "when"), findings);
            // Woodpecker: `pipeline/frontend/yaml/constraint/constraint.go` `Match` looks at it in steps only.
            if let Some(span) = stage.trigger.forget_matrix() {
                findings
                    .warning(Code::ConditionWithoutEffect, span, message!("woodpecker does not look at `matrix` in `when` of the file"))
                    .help(message!("write it in `when` of the steps"));
            }
        }
        "pipeline" if setting.generation == Generation::Current => {
            findings.warning(Code::KeyWithoutEffect, span, message!("the file has `steps`, so `pipeline` is ignored"));
        }
        "platform" => {
            platform(node, span, what!("`{}`", "platform"), findings);
        }
        "labels" => {
            for label in node.entries().unwrap_or_default().iter().filter(|label| label.key.text == "platform") {
                platform(&label.value, label.key.span, what!("`{}`", "labels"), findings);
            }
        }
        "depends_on" => stage.needs = step::dependencies(node, what!("`{}` of the file", "depends_on"), findings),
        "runs_on" => {
            let words = decode::text_or_texts(node, what!("`{}`", "runs_on"), findings).unwrap_or_default();
            for (word, span) in &words {
                if !matches!(word.as_str(), "success" | "failure") {
                    findings.warning(Code::UnknownWord, *span, message!("`runs_on` is `{}`, which means nothing", word));
                }
            }
            let names = |wanted: &str| words.iter().any(|(word, _)| word == wanted);
            stage.runs_on = Some(RunOn { success: names("success"), failure: names("failure") });
        }
        "concurrency" => stage.concurrency = concurrency(node, findings),
        "networks" | "volumes" => {
            findings.warning(Code::KeyWithoutEffect, span, message!("`{}` at the top of the file has no effect", entry.key.text));
        }
        _ => {}
    }
}

/// Whether the workflow is for windows: nothing in it is read then, so that its paths and commands keep no other one from running.
pub(super) fn windows(root: &Node) -> Option<(Span, String)> {
    let label = root.get("labels").and_then(|labels| labels.get("platform"));
    let asked = [root.get("platform"), label].into_iter().flatten();
    asked.filter_map(|node| Some((node.span, node.text()?.to_owned()))).find(|(_, platform)| platform.starts_with("windows"))
}

/// The working copy; `None` when the file skips the clone step, or all its clone steps are kept out by their conditions.
fn checkout(root: &Node, setting: &mut Setting, stage: &StageDraft, facts: &EventFacts, findings: &mut Findings<'_>) -> Option<Checkout> {
    let skip = root.get("skip_clone").and_then(|node| decode::boolean(node, what!("`{}`", "skip_clone"), findings));
    if skip == Some(true) {
        return None;
    }
    let wishes = match root.get("clone").filter(|node| !node.is_null()) {
        None => Wishes::default(),
        Some(node) => {
            let situation = Situation { flavour: &when::FLAVOUR, facts, cell: &stage.cell, variables: &stage.metadata };
            let holds = |when: &Node, findings: &mut Findings<'_>| {
                let when = setting.conditions.read(when, what!("`{}` of `{}`", "when", "clone"), findings);
                when.mismatch(&situation).is_none()
            };
            let form = Form { images: &GIT_IMAGES, keys: &step::KEYS, beside: setting.generation == Generation::Early };
            wishes(node, &form, holds, findings)?
        }
    };
    Some(match setting.generation {
        Generation::Early => clone::checkout_early(facts, &wishes),
        Generation::Current => clone::checkout(facts, &wishes),
    })
}

fn platform(node: &Node, span: Span, what: What<'_>, findings: &mut Findings<'_>) {
    if let Some(platform) = node.text().filter(|text| !text.is_empty() && *text != DEFAULT_PLATFORM) {
        findings.note(Code::PlatformIgnored, span, message!("{} asks for `{}`; the steps run on this machine", what, platform));
    }
}

/// A number, or `{limit, group}`. A limit of 0 is none.
fn concurrency(node: &Node, findings: &mut Findings<'_>) -> Option<Concurrency> {
    let what = what!("`{}`", "concurrency");
    let (limit, group) = if let Value::Scalar { .. } = node.value {
        (decode::number(node, what, findings), None)
    } else {
        let entries = decode::map(node, what, findings)?;
        decode::unknown_keys(entries, &CONCURRENCY_KEYS, what, findings);
        if decode::get(entries, "limit").is_none() {
            findings.warning(Code::MissingLimit, node.span, message!("`concurrency` has no `limit`"));
        }
        let limit =
            decode::get(entries, "limit").and_then(|limit| decode::number(limit, what!("`{}` of `{}`", "limit", "concurrency"), findings));
        (
            limit,
            decode::get(entries, "group").and_then(|group| decode::text(group, what!("`{}` of `{}`", "group", "concurrency"), findings)),
        )
    };
    let limit = u32::try_from(limit?).unwrap_or(u32::MAX);
    (limit > 0).then(|| Concurrency { limit, group: group.filter(|group| !group.is_empty()) })
}

/// Steps or services: a map by name, or a list of maps with `name`.
fn containers(root: &Node, section: &str, service: bool, setting: &mut Setting, findings: &mut Findings<'_>) -> Vec<Draft> {
    let Some(node) = root.get(section) else { return Vec::new() };
    let count = node.entries().map_or(0, <[Entry]>::len).max(node.items().map_or(0, <[_]>::len));
    if !check_size(0, count, findings) {
        return Vec::new();
    }
    if let Some(items) = node.items() {
        if setting.generation == Generation::Early {
            findings
                .error(Code::WrongType, node.span, message!("`{}` must be a map of named steps, not a list", section))
                .help(message!("call it `steps`: a list of steps came with woodpecker 1.0"));
            return Vec::new();
        }
        let item =
            |(n, item): (usize, &std::sync::Arc<Node>)| step::read(item, &format!("step-{n}"), item.span, service, setting, findings);
        return items.iter().enumerate().filter_map(item).collect();
    }
    let entries = decode::map(node, what!("`{}`", section), findings).unwrap_or_default();
    entries.iter().filter_map(|entry| step::read(&entry.value, &entry.key.text, entry.key.span, service, setting, findings)).collect()
}

/// Where the steps stand by name; of several with the same name the last counts.
pub(super) fn positions(steps: &[Draft]) -> HashMap<&str, usize> {
    steps.iter().enumerate().map(|(n, step)| (step.step.name.as_str(), n)).collect()
}

/// A dependency must stand in the file (optional ones too are looked at for slips), and none may need itself in a circle.
fn check_dependencies(steps: &[Draft], findings: &mut Findings<'_>) {
    let names: Vec<&str> = steps.iter().map(|step| step.step.name.as_str()).collect();
    let positions = positions(steps);
    for step in steps {
        for dependency in step.needs.iter().flatten() {
            if positions.contains_key(dependency.name.as_str()) || !findings.has_room(Severity::Error) {
                continue;
            }
            let message = message!("step `{}` needs `{}`, which is no step of this file", step.step.name, dependency.name);
            let meant = lp_yaml::closest(&dependency.name, &names);
            let found = match (dependency.optional, meant) {
                (true, None) => continue,
                (true, Some(_)) => findings.warning(Code::UnknownStep, dependency.span, message),
                (false, _) => findings.error(Code::UnknownStep, dependency.span, message),
            };
            if let Some(meant) = meant {
                found.help(message!("did you mean `{}`?", meant));
            }
        }
    }
    let position = |dependency: &Dependency| positions.get(dependency.name.as_str()).copied();
    let needs: Vec<Vec<usize>> = steps.iter().map(|step| step.needs.iter().flatten().filter_map(position).collect()).collect();
    if let Err(circle) = order(&needs) {
        let span = circle.first().map(|&node| steps[node].span);
        let mut path: Vec<&str> = circle.iter().map(|&node| names[node]).collect();
        path.extend(path.first().copied());
        findings.error(Code::DependencyCycle, span, message!("these depend on each other in a circle: {}", path.join(" → ")));
    }
}

/// A workflow that says nowhere for which events it runs, runs for all of them: version 3 calls that a bad habit.
fn note_missing_events(stage: &StageDraft, findings: &mut Findings<'_>) {
    let names_event = |when: &When| when.names(&[crate::shared::when::Subject::Event]);
    if names_event(&stage.trigger) {
        return;
    }
    if let Some(step) = stage.steps.iter().find(|step| !names_event(&step.when)) {
        findings
            .note(Code::NoEvent, step.span, message!("step `{}` names no event, so it runs for all of them", step.step.name))
            .help(message!("add `when: {{event: push}}` to the step or to the top of the file"));
    }
}

/// For which results of the workflows that it needs the workflow runs: `runs_on`, or `status` of those conditions that hold.
pub(super) fn run_on(stage: &StageDraft, situation: &Situation<'_>) -> RunOn {
    let run_on = stage.runs_on.unwrap_or_else(|| stage.trigger.run_on(situation));
    if run_on.success || run_on.failure { run_on } else { RunOn::default() }
}
