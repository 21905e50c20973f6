//! Drone 1.x and 2.x: documents with `kind:`. Each pipeline is a stage; its steps run in file order, or as a graph once one
//! of them has `depends_on`.

mod clone;
mod document;
pub mod environment;
mod front_end;
mod keys;
mod step;
mod version;
pub mod when;

use crate::shared::draft::{Dependency, Draft, Order, StageDraft};
use crate::shared::environment::{Environment, set, set_runtime};
use crate::shared::expand::expand;
use crate::shared::extent::{Extent, check_size, too_many_needs};
use crate::shared::graph::{bridge, order, positions};
use crate::shared::reasons::Reasons;
use crate::shared::when::Situation;
use crate::source::Source;
use environment::StageFacts;
use front_end::EXPANSION;
use lp_model::{
    Code, EnvValue, EventFacts, RuntimeFact, Severity, Stage, StageNumber, Step, StepKind, StepNumber, Workspace, message, what,
};
use lp_yaml::{Findings, Node, decode};
use std::sync::Arc;

pub(crate) use front_end::Drone1;

/// Compiles the file; findings go to `findings`.
fn compile(source: &Source<'_>, facts: &EventFacts, reasons: &mut Reasons, findings: &mut Findings<'_>) -> Vec<Stage> {
    let drafts = read(source, facts, findings);
    if findings.has_errors() {
        return Vec::new();
    }
    let places = positions(drafts.iter().map(|draft| draft.name.as_str()));
    let needs: Vec<Vec<usize>> =
        drafts.iter().map(|draft| draft.needs.iter().filter_map(|need| places.get(need.name.as_str()).copied()).collect()).collect();
    let mut planned: Vec<Option<Stage>> = drafts.into_iter().map(|draft| stage(draft, facts, reasons, findings)).collect();
    let keep: Vec<bool> = planned.iter().map(Option::is_some).collect();
    let Some(bridged) = bridge(&needs, &keep) else {
        too_many_needs(findings);
        return Vec::new();
    };
    let mut numbers = vec![0; keep.len()];
    let mut next = 0;
    for (number, kept) in numbers.iter_mut().zip(&keep) {
        next += u32::from(*kept);
        *number = next;
    }
    for (n, stage) in planned.iter_mut().enumerate() {
        if let Some(stage) = stage {
            stage.number = StageNumber(numbers[n]);
            stage.needs = bridged[n].iter().map(|&need| StageNumber(numbers[need])).collect();
            if stage.needs.is_empty() {
                // `trigger.status` is about the pipelines before it; where none is left, none is asked.
                // 1.x: drone `operator/manager/teardown.go` looks at it only when another pipeline of the build has ended.
                stage.run_on = lp_model::RunOn::default();
            }
        }
    }
    let stages: Vec<Stage> = planned.into_iter().flatten().collect();
    if !check_size(stages.len(), stages.iter().map(|stage| stage.steps.len()).sum(), findings) {
        return Vec::new();
    }
    if stages.is_empty() {
        reasons.warn(when::event_word(facts.kind), facts, findings);
    }
    stages
}

/// Reads all pipelines of the file.
fn read(source: &Source<'_>, facts: &EventFacts, findings: &mut Findings<'_>) -> Vec<StageDraft> {
    let mut drafts: Vec<StageDraft> = Vec::new();
    let mut pipelines = 0;
    let mut extent = Extent::default();
    if !check_size(source.parts.len(), 0, findings) {
        return drafts;
    }
    if let Some(span) = source.end {
        findings.warning(Code::SecondDocument, span, message!("drone reads nothing behind the line `...`"));
    }
    for part in &source.parts {
        // The values of the stage's own variables (`${DRONE_STAGE_NAME}`) stand in the text as written.
        let stage = part.raw.as_ref().map(|root| document::facts(root, pipelines + 1)).unwrap_or_default();
        let mut metadata = environment::metadata(facts, &stage);
        // Parameters win over what is known of the run, but only in substitution.
        let mut known = metadata.clone();
        known.extend(facts.inputs.iter().map(|(name, value)| (name.clone(), EnvValue::Text(value.clone()))));
        let root = match &part.raw {
            // The runner replaces variables in the documents that it runs: those of another shell (`${env:PATH}`) are none of ours.
            Ok(raw) if document::is_left_out(raw) => {
                findings.extend(part.warnings.clone());
                Some(Arc::clone(raw))
            }
            _ => expand(source, part, &EXPANSION, &known, facts, findings),
        };
        let Some(root) = root else { continue };
        if !kind(&root, findings) {
            continue;
        }
        if !extent.has_room(&root, &metadata, findings) {
            break;
        }
        pipelines += 1;
        let stage = StageFacts { number: pipelines, ..document::facts(&root, pipelines) };
        metadata.extend(environment::metadata(facts, &stage));
        drafts.extend(document::read(&root, metadata, facts, findings).map(|draft| draft.settled(findings)));
        if !extent.holds(drafts.last(), findings) {
            break;
        }
    }
    if pipelines == 0 && !findings.has_errors() {
        findings.error(Code::NoPipeline, None, message!("no document of the file has `kind: pipeline`"));
    }
    check_stages(&drafts, findings);
    drafts
}

/// Whether the document is a pipeline; others are ignored, some with a word.
fn kind(root: &Arc<Node>, findings: &mut Findings<'_>) -> bool {
    let Some(entries) = root.entries() else {
        findings.error(Code::WrongType, root.span, message!("a document must be a map with `kind`, not {}", root.kind()));
        return false;
    };
    let Some(node) = decode::get(entries, "kind") else {
        findings
            .error(Code::MissingKind, entries.first().map_or(root.span, |entry| entry.key.span), message!("the document has no `kind`"))
            .help(message!("begin it with `kind: pipeline`"));
        return false;
    };
    let Some(kind) = decode::text(node, what!("`{}`", "kind"), findings) else {
        findings.error(Code::MissingKind, node.span, message!("`kind` says nothing"));
        return false;
    };
    match kind.as_str() {
        "pipeline" => return true,
        "signature" | "cron" | "registry" => {}
        "secret" => {
            findings.note(Code::SecretDocument, node.span, message!("secrets are not read from the file; set them in the settings"));
        }
        "template" => {
            findings.warning(Code::TemplateNotSupported, node.span, message!("templates are not expanded, the document is left out"));
        }
        _ => {
            let found = findings.warning(
                Code::UnknownKind,
                node.span,
                message!("documents of the kind `{}` are not known, this one is left out", kind),
            );
            if let Some(meant) = lp_yaml::closest(&kind, &["pipeline", "secret", "signature", "template", "cron", "registry"]) {
                found.help(message!("did you mean `{}`?", meant));
            }
        }
    }
    false
}

fn check_stages(drafts: &[StageDraft], findings: &mut Findings<'_>) {
    let places = positions(drafts.iter().map(|draft| draft.name.as_str()));
    for (n, draft) in drafts.iter().enumerate() {
        if places[draft.name.as_str()] < n {
            findings.error(Code::DuplicatePipeline, draft.span, message!("another pipeline is called `{}` too", draft.name));
        }
    }
    let nodes: Vec<Named<'_>> = drafts.iter().map(|draft| (draft.name.as_str(), draft.needs.as_slice())).collect();
    check_edges(&nodes, false, findings);
}

/// The name of a step or pipeline and what it waits for.
type Named<'d> = (&'d str, &'d [Dependency]);

/// Reports unknown names, forward references and circles.
fn check_edges(nodes: &[Named<'_>], steps: bool, findings: &mut Findings<'_>) {
    let names: Vec<&str> = nodes.iter().map(|(name, _)| *name).collect();
    let places = positions(names.iter().copied());
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (n, (name, needs)) in nodes.iter().enumerate() {
        let what = if steps { what!("step `{}`", name) } else { what!("pipeline `{}`", name) };
        for Dependency { name: need, span, .. } in *needs {
            match places.get(need.as_str()).copied() {
                // Looking for the name that was meant costs a look at all of them.
                None if !findings.has_room(Severity::Error) => {}
                None => {
                    let found =
                        findings.error(Code::UnknownDependency, *span, message!("{} depends on `{}`, which does not exist", what, need));
                    if let Some(meant) = lp_yaml::closest(need, &names) {
                        found.help(message!("did you mean `{}`?", meant));
                    }
                }
                Some(at) => {
                    if at > n {
                        let message = message!("{} depends on `{}`, which stands further down; drone refuses that", what, need);
                        findings.warning(Code::ForwardDependency, *span, message);
                    }
                    edges[n].push(at);
                }
            }
        }
    }
    if let Err(circle) = order(&edges) {
        let path: Vec<&str> = circle.iter().chain(circle.first()).map(|&n| names[n]).collect();
        let span = circle.first().and_then(|&n| nodes[n].1.first()).map(|need| need.span);
        findings.error(Code::DependencyCycle, span, message!("these depend on each other in a circle: {}", path.join(" → ")));
    }
}

/// Decides the conditions of a stage and draws its edges; numbers of stages come later.
fn stage(draft: StageDraft, facts: &EventFacts, reasons: &mut Reasons, findings: &mut Findings<'_>) -> Option<Stage> {
    if !draft.runs {
        return None;
    }
    let situation = Situation { flavour: &when::FLAVOUR, facts, cell: &[], variables: &draft.metadata };
    if let Some(mismatch) = draft.trigger.mismatch(&situation) {
        reasons.add(what!("pipeline `{}`", draft.name), (&draft.name, ""), &mismatch);
        return None;
    }
    let run_on = draft.trigger.run_on(&situation);
    let services = draft.services.len();
    let all: Vec<Draft> = draft.services.into_iter().chain(draft.steps).collect();
    let mut keep = Vec::new();
    for step in &all {
        let mismatch = step.when.mismatch(&situation);
        if let Some(mismatch) = &mismatch {
            reasons.add(what!("step `{}`", step.step.name), (&draft.name, &step.step.name), mismatch);
        }
        let run_on = step.step.run_on;
        if mismatch.is_none() && !run_on.success && !run_on.failure {
            findings.warning(Code::NeverRuns, step.span, message!("step `{}` never runs: its `status` allows nothing", step.step.name));
        }
        keep.push(mismatch.is_none() && (run_on.success || run_on.failure));
    }
    if !keep[services..].contains(&true) {
        return None;
    }
    let Some(needs) = bridge(&edges(&all, services, draft.order), &keep) else {
        too_many_needs(findings);
        return None;
    };
    let mut numbers = vec![0; all.len()];
    let mut next = 0;
    for (number, kept) in numbers.iter_mut().zip(&keep) {
        next += u32::from(*kept);
        *number = next;
    }
    let base = Base::new(draft.environment, draft.metadata, facts, &draft.workspace);
    let mut steps = Vec::new();
    for (n, step) in all.into_iter().enumerate().filter(|(n, _)| keep[*n]) {
        let mut step = finish(step, numbers[n], &base);
        step.needs = needs[n].iter().map(|&need| StepNumber(numbers[need])).collect();
        steps.push(step);
    }
    Some(Stage {
        number: StageNumber(0),
        name: draft.name,
        file: String::new(),
        backend: draft.backend,
        needs: Vec::new(),
        run_on,
        workspace: draft.workspace,
        source: draft.checkout.is_some(),
        checkout: draft.checkout,
        concurrency: draft.concurrency,
        matrix: std::collections::BTreeMap::new(),
        volumes: draft.volumes,
        steps,
    })
}

/// Who waits for whom. In order: services at once, each step after the one before it, the first after the start of all services. In a
/// graph: only what is written, services wait for nothing.
fn edges(all: &[Draft], services: usize, order: Order) -> Vec<Vec<usize>> {
    if order == Order::Graph {
        let places = positions(all.iter().map(|step| step.step.name.as_str()));
        let place = |need: &Dependency| places.get(need.name.as_str()).copied();
        return all.iter().map(|step| step.needs.iter().flatten().filter_map(place).collect()).collect();
    }
    (0..all.len())
        .map(|n| match n.checked_sub(services) {
            None => Vec::new(),
            Some(0) => (0..services).collect(),
            Some(_) => vec![n - 1],
        })
        .collect()
}

/// What all steps of a stage share.
struct Base {
    /// The environment before the step says anything; nothing in it is empty.
    environment: Environment,
    /// What the step cannot override.
    fixed: Environment,
    dir: String,
}

impl Base {
    /// Lowest precedence first.
    fn new(stage: Environment, metadata: Environment, facts: &EventFacts, workspace: &Workspace) -> Self {
        let fixed = metadata.iter().filter(|(name, value)| !is_empty(value) && environment::is_fixed(name));
        let fixed = fixed.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut environment: Environment = facts.inputs.iter().map(|(name, value)| (name.clone(), EnvValue::Text(value.clone()))).collect();
        environment.extend(stage);
        environment.extend(metadata.into_iter().filter(|(_, value)| !is_empty(value)));
        environment.extend(environment::runner(facts, &workspace.path));
        environment.retain(|_, value| !is_empty(value));
        Self { environment, fixed, dir: workspace.dir() }
    }
}

/// Puts the environment together, lowest precedence first; what is empty in the end is not set.
fn finish(draft: Draft, number: u32, base: &Base) -> Step {
    let mut step = draft.step;
    step.number = StepNumber(number);
    let mut env = base.environment.clone();
    env.extend(draft.environment.into_iter().chain(draft.params).filter(|(name, _)| !base.fixed.contains_key(name)));
    set(&mut env, "DRONE_STEP_NAME", &step.name);
    set(&mut env, "DRONE_STEP_NUMBER", number.to_string());
    set_runtime(&mut env, &["DRONE_STEP_STARTED"], RuntimeFact::StepStartedS);
    env.extend(draft.secrets);
    env.retain(|_, value| !is_empty(value));
    step.environment = env;
    // A service without commands keeps the folder of its image.
    let needs_folder = draft.commands || step.kind != StepKind::Service;
    step.working_dir = step.working_dir.take().or_else(|| needs_folder.then(|| base.dir.clone()));
    step
}

fn is_empty(value: &EnvValue) -> bool {
    matches!(value, EnvValue::Text(text) if text.is_empty())
}
