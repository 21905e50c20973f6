//! Drone 0.5 to 0.8: one document with `pipeline:` as a map. One stage per matrix cell; the steps of a stage run one after
//! the other, those with the same `group` side by side.

mod container;
pub mod environment;
mod front_end;
mod keys;
pub mod params;
pub mod when;

use crate::dialect::GIT_IMAGES;
use crate::shared::clone;
use crate::shared::compose::Reading;
use crate::shared::draft::{Draft, Order, StageDraft, levels_by_group, matrix_cells, runs_ever, warn_of_duplicates, warn_of_lacking_axes};
use crate::shared::environment::{Environment, set, set_runtime};
use crate::shared::expand::expand;
use crate::shared::extent::{Extent, check_size, few_needs, few_volumes};
use crate::shared::matrix::{Cell, Nothing, axes, cell_name, lacking};
use crate::shared::reasons::Reasons;
use crate::shared::rights::{self, Escalation};
use crate::shared::when::{Mismatch, Situation, When, read_constraint};
use crate::shared::workspace;
use crate::source::Source;
use container::Place;
pub(crate) use front_end::Drone08;
use front_end::EXPANSION;
use lp_model::{
    BackendKind, Checkout, Code, EnvValue, EventFacts, EventKind, RuntimeFact, Stage, StageNumber, Step, StepKind, StepNumber, What,
    message, what,
};
use lp_yaml::{Findings, Node, decode};

/// Where the working copy is mounted if the file does not say.
const BASE: &str = "/drone";
const TOP_KEYS: [&str; 11] =
    ["pipeline", "services", "clone", "workspace", "matrix", "branches", "platform", "labels", "cache", "networks", "volumes"];

/// Images whose plugins got all rights on the machine.
// 0.8: drone server `DRONE_ESCALATE`.
const PRIVILEGED: [&str; 3] = ["plugins/docker", "plugins/gcr", "plugins/ecr"];
/// Most unknown keys at the top that are looked at.
const MAX_UNKNOWN: usize = 200;

/// Compiles the file; findings go to `findings`.
fn compile(source: &Source<'_>, facts: &EventFacts, reasons: &mut Reasons, findings: &mut Findings<'_>) -> Vec<Stage> {
    let Some((drafts, branches)) = read(source, facts, findings) else { return Vec::new() };
    let mut stages = Vec::new();
    // `branches` is about commits that arrive, not about tags and deployments.
    match branches.filter(|_| !matches!(facts.kind, EventKind::Tag | EventKind::Promote | EventKind::Rollback)) {
        Some(mismatch) => reasons.add(what!("the file"), ("", ""), &[mismatch]),
        None => {
            for draft in drafts {
                let number = stages.len() as u32 + 1;
                stages.extend(stage(draft, number, facts, reasons, findings));
            }
        }
    }
    let steps = stages.iter().map(|stage| stage.steps.len()).sum();
    if !check_size(stages.len(), steps, findings) {
        return Vec::new();
    }
    if stages.is_empty() && !findings.has_errors() {
        reasons.warn(when::event_word(facts.kind), facts, findings);
    }
    stages
}

/// Reads one draft per matrix cell, and whether `branches` keeps the event out.
fn read(source: &Source<'_>, facts: &EventFacts, findings: &mut Findings<'_>) -> Option<(Vec<StageDraft>, Option<Mismatch>)> {
    let (part, raw) = source.first("drone 0.8", findings)?;
    let branches = branches(raw, facts, findings);
    let mut drafts: Vec<StageDraft> = Vec::new();
    let mut extent = Extent::default();
    let cells = matrix_cells(raw, part, Nothing::EmptyText, findings)?;
    let axes = axes(&cells);
    for cell in cells {
        let lacking = lacking(&axes, &cell);
        let mut metadata = environment::metadata(facts, drafts.len() as u32 + 1);
        lacking.iter().for_each(|name| set(&mut metadata, name, ""));
        metadata.extend(cell.iter().map(|(name, value)| (name.clone(), EnvValue::Text(value.clone()))));
        let Some(root) = expand(source, part, &EXPANSION, &metadata, facts, findings) else { continue };
        let name = stage_name(&cell, &drafts);
        if !extent.has_room(&root, &metadata, findings) {
            break;
        }
        let read = read_cell(&root, name, cell, metadata, facts, findings).map(|draft| draft.settled(findings));
        warn_of_lacking_axes(source, part, &lacking, read.as_ref(), &when::FLAVOUR, findings);
        drafts.extend(read);
        if !extent.holds(drafts.last(), findings) {
            break;
        }
    }
    Some((drafts, branches))
}

fn stage_name(cell: &Cell, others: &[StageDraft]) -> String {
    let name = if cell.is_empty() { "default".to_owned() } else { cell_name(cell) };
    if others.iter().any(|other| other.name == name) { format!("{name} ({})", others.len() + 1) } else { name }
}

fn branches(root: &Node, facts: &EventFacts, findings: &mut Findings<'_>) -> Option<Mismatch> {
    let entry = root.entries()?.iter().find(|entry| entry.key.text == "branches")?;
    let constraint = read_constraint(&entry.value, &when::FLAVOUR, what!("`{}`", "branches"), findings);
    (!constraint.matches(&when::FLAVOUR, &facts.commit.branch)).then(|| Mismatch {
        key: "branches",
        span: entry.key.span,
        found: Some(facts.commit.branch.clone()),
    })
}

fn read_cell(
    root: &Node,
    name: String,
    cell: Cell,
    metadata: Environment,
    facts: &EventFacts,
    findings: &mut Findings<'_>,
) -> Option<StageDraft> {
    let entries = decode::map(root, what!("the file"), findings)?;
    for entry in entries.iter().filter(|entry| !TOP_KEYS.contains(&entry.key.text.as_str())).take(MAX_UNKNOWN) {
        // Keys that nobody knows are where people put their anchors; a slip of the finger is worth a word.
        if let Some(meant) = lp_yaml::closest(&entry.key.text, &TOP_KEYS) {
            let message = message!("the file has no key `{}`; it is ignored", entry.key.text);
            findings.warning(Code::UnknownKey, entry.key.span, message).help(message!("did you mean `{}`?", meant));
        }
    }
    notes_on_ignored(root, findings);
    // One for windows is left out: there is no machine for it here, and its paths and shell are others.
    let windows = root.get("platform").filter(|node| node.text().is_some_and(|text| text.starts_with("windows")));
    if let Some(node) = windows {
        let message = message!("the file asks for `{}`, which is not run here; it is left out", node.text().unwrap_or_default());
        findings.warning(Code::UnsupportedType, node.span, message);
    }
    let runs = windows.is_none();
    let mut reading = Reading { trusted: facts.repo.trusted, volumes: Vec::new() };
    let (mut checkout, mut workspace) = (None, lp_model::Workspace { base: BASE.into(), path: String::new() });
    let (mut services, mut steps) = (Vec::new(), Vec::new());
    if runs {
        checkout = self::checkout(root, &cell, &metadata, facts, findings);
        workspace = workspace::read(root, BASE, facts, findings);
        services = containers(root, "services", Place::Service, &mut reading, findings);
        steps = containers(root, "pipeline", Place::Step, &mut reading, findings);
    }
    if runs && steps.is_empty() && !findings.has_errors() {
        let span = root.get("pipeline").map(|node| node.span);
        findings.error(Code::NoSteps, span, message!("`pipeline` has no steps"));
    }
    warn_of_duplicates(&services, findings);
    warn_of_duplicates(&steps, findings);
    few_volumes(&reading.volumes, findings);
    let mut stage = StageDraft {
        name,
        span: root.span,
        backend: BackendKind::Docker,
        runs,
        workspace,
        base_refused: false,
        checkout,
        cell,
        concurrency: None,
        volumes: reading.volumes,
        trigger: crate::shared::when::When::default(),
        needs: Vec::new(),
        order: Order::Serial,
        runs_on: None,
        environment: Environment::new(),
        metadata,
        services,
        steps,
    };
    rights::settle(&mut stage, &Escalation { images: &PRIVILEGED, base: BASE, ended: None }, facts, findings);
    Some(stage)
}

/// The working copy; `None` when all clone steps of the file are kept out by their conditions.
fn checkout(root: &Node, cell: &Cell, metadata: &Environment, facts: &EventFacts, findings: &mut Findings<'_>) -> Option<Checkout> {
    let Some(node) = root.get("clone").filter(|node| !node.is_null()) else {
        return Some(clone::of_plugins_git(facts, &clone::Wishes::default()));
    };
    let situation = Situation { flavour: &when::FLAVOUR, facts, cell, variables: metadata };
    let holds = |when: &Node, findings: &mut Findings<'_>| {
        let conditions: When = when::read(when, what!("`{}` of `{}`", "when", "clone"), findings).into();
        conditions.mismatch(&situation).is_none()
    };
    clone::read(node, &clone::Form { images: &GIT_IMAGES, keys: &container::KEYS, beside: true }, holds, findings)
        .map(|wishes| clone::of_plugins_git(facts, &wishes))
}

fn notes_on_ignored(root: &Node, findings: &mut Findings<'_>) {
    for entry in root.entries().unwrap_or_default() {
        let span = entry.key.span;
        match entry.key.text.as_str() {
            "platform" => {
                let other = |text: &&str| *text != crate::shared::when::DEFAULT_PLATFORM && !text.starts_with("windows");
                if let Some(platform) = entry.value.text().filter(other) {
                    findings.note(
                        Code::PlatformIgnored,
                        span,
                        message!("`platform` asks for `{}`; the steps run on this machine", platform),
                    );
                }
            }
            "cache" => {
                findings.warning(Code::KeyWithoutEffect, span, message!("`cache` has no effect here"));
            }
            _ => {}
        }
    }
}

fn containers(root: &Node, section: &str, place: Place, reading: &mut Reading, findings: &mut Findings<'_>) -> Vec<Draft> {
    let Some(node) = root.get(section) else { return Vec::new() };
    if node.items().is_some() {
        findings
            .error(Code::WrongType, node.span, message!("`{}` must be a map of named steps, not a list", section))
            .help(message!("a list of steps belongs to drone 1.x, which begins with `kind: pipeline`"));
        return Vec::new();
    }
    let Some(entries) = decode::map(node, what!("`{}`", section), findings) else { return Vec::new() };
    if !check_size(0, entries.len(), findings) {
        return Vec::new();
    }
    entries.iter().filter_map(|entry| container::read(entry, place, reading, findings)).collect()
}

/// Decides the conditions and draws the edges: all services first, then the groups one after the other.
fn stage(draft: StageDraft, number: u32, facts: &EventFacts, reasons: &mut Reasons, findings: &mut Findings<'_>) -> Option<Stage> {
    if !draft.runs {
        return None;
    }
    let situation = Situation { flavour: &when::FLAVOUR, facts, cell: &draft.cell, variables: &draft.metadata };
    let name = draft.name.clone();
    let mut keep = |drafts: Vec<Draft>, kind: What<'_>| -> Vec<Draft> {
        let fits = |draft: &Draft| match draft.when.mismatch(&situation) {
            None => true,
            Some(mismatch) => {
                reasons.add(what!("{} `{}`", kind, draft.step.name), (&name, &draft.step.name), &mismatch);
                false
            }
        };
        drafts.into_iter().filter(fits).collect()
    };
    let services = keep(draft.services, what!("service"));
    let mut kept = keep(draft.steps, what!("step"));
    kept.retain(|step| runs_ever(step, findings));
    if kept.is_empty() {
        return None;
    }
    let base = Base::new(&draft.metadata, facts, draft.workspace.dir());
    let mut steps: Vec<Step> = Vec::new();
    let mut waits_for: Vec<StepNumber> = Vec::new();
    for service in services {
        let step = finish(service, steps.len() as u32 + 1, &base);
        waits_for.push(step.number);
        steps.push(step);
    }
    let levels = levels_by_group(&kept);
    if !few_needs(&levels, waits_for.len(), findings) {
        return None;
    }
    let mut members: Vec<StepNumber> = Vec::new();
    for (n, draft_step) in kept.into_iter().enumerate() {
        if n > 0 && levels[n] != levels[n - 1] {
            waits_for = std::mem::take(&mut members);
        }
        let mut step = finish(draft_step, steps.len() as u32 + 1, &base);
        step.needs.clone_from(&waits_for);
        members.push(step.number);
        steps.push(step);
    }
    Some(Stage {
        number: StageNumber(number),
        name: draft.name,
        file: String::new(),
        backend: draft.backend,
        needs: Vec::new(),
        run_on: lp_model::RunOn::default(),
        workspace: draft.workspace,
        source: draft.checkout.is_some(),
        checkout: draft.checkout,
        concurrency: draft.concurrency,
        matrix: draft.cell.into_iter().collect(),
        volumes: draft.volumes,
        steps,
    })
}

/// What all steps of a stage share: the environment that the file cannot override, and what comes after everything else.
struct Base {
    known: Environment,
    runtime: Environment,
    dir: String,
}

impl Base {
    fn new(metadata: &Environment, facts: &EventFacts, dir: String) -> Self {
        let set = metadata.iter().filter(|(_, value)| environment::is_set(value));
        let mut known: Environment = set.map(|(name, value)| (name.clone(), value.clone())).collect();
        // A parameter wins over what the server knows by that name. There an empty one, `0` and `false` were left out; what a person gives
        // here arrives whatever it is.
        // 0.8: drone `server/build.go` and cncd's `compiler.go`.
        known.extend(facts.inputs.iter().map(|(name, value)| (name.clone(), EnvValue::Text(value.clone()))));
        set_runtime(&mut known, &["CI_WORKSPACE", "DRONE_WORKSPACE"], RuntimeFact::WorkspaceDir);
        Self { known, runtime: environment::runtime(), dir }
    }
}

/// Puts the environment together: the file cannot override what the run knows, except for names that say nothing; secrets win
/// over everything but the state of the run.
fn finish(draft: Draft, number: u32, base: &Base) -> Step {
    let mut step = draft.step;
    step.number = StepNumber(number);
    let mut env = base.known.clone();
    for (name, value) in draft.environment {
        env.entry(name).or_insert(value);
    }
    env.extend(draft.params);
    if draft.commands {
        set(&mut env, "HOME", "/root");
        set(&mut env, "SHELL", "/bin/sh");
    }
    env.extend(draft.secrets);
    env.extend(base.runtime.iter().map(|(name, value)| (name.clone(), value.clone())));
    step.environment = env;
    // A plugin and a script work in the working copy; a service or detached program keeps the folder of its image.
    if draft.commands || (step.kind == StepKind::Plugin && !step.detached) {
        step.working_dir = Some(base.dir.clone());
    }
    step
}
