//! Woodpecker 0.15, 2 and 3: each file is one workflow, and one stage per combination of its matrix. The steps run one after
//! the other, or, as soon as one of them has `depends_on`, level by level.
//!
//! Woodpecker 2 and 3 are one generation: a file does not say for which version it was written. What version 3 removed still works, with a
//! warning.

mod clone;
mod document;
pub mod environment;
mod front_end;
mod keys;
pub mod params;
mod step;
pub mod when;
mod workflows;

use crate::shared::draft::{Draft, StageDraft, levels_by_group, matrix_cells, runs_ever, warn_of_lacking_axes};
use crate::shared::environment::{Environment, set, set_runtime};
use crate::shared::expand::expand;
use crate::shared::extent::{Extent, check_size, few_needs};
use crate::shared::graph::order;
use crate::shared::matrix::{Nothing, axes, cell_name, lacking};
use crate::shared::reasons::Reasons;
use crate::shared::when::{Mismatch, Situation};
use crate::source::{AllFindings, Source, Sources};
use lp_model::{
    Code, EnvValue, EventFacts, MissingSecret, RuntimeFact, Stage, StageNumber, Step, StepKind, StepNumber, What, Workspace, message, what,
};
use lp_yaml::{Findings, Node};
use std::collections::HashSet;
use std::sync::Arc;
use workflows::Planned;

use front_end::EXPANSION;
pub(crate) use front_end::Woodpecker;

/// Which age of the language a file is written in: where its steps stand tells. Version 2 and 3 are not told apart: what 3
/// removed still works, with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// 0.15 and before: `pipeline:`.
    Early,
    /// 1.0 and later: `steps:`.
    Current,
}

/// A file that was read.
struct Read {
    generation: Generation,
    workflow: String,
    drafts: Vec<StageDraft>,
    /// Whether `branches` keeps the event out.
    branches: Option<Mismatch>,
}

/// Compiles the workflows of all files.
fn compile(sources: &Sources<'_>, facts: &EventFacts, reasons: &mut Reasons, findings: &mut AllFindings<'_>) -> Vec<Stage> {
    let reads = read(sources, facts, findings);
    let several = sources.all().len() > 1;
    let mut planned: Vec<Planned> = Vec::new();
    for (n, read) in reads.into_iter().enumerate() {
        let Some(read) = read else { continue };
        let (named, alone) = (what!("workflow `{}`", read.workflow), what!("the workflow"));
        let label = if several { named } else { alone };
        reasons.now_in(if several { sources.all()[n].path } else { "" });
        if let Some(mismatch) = read.branches {
            reasons.add(label, (&read.workflow, ""), &[mismatch]);
            continue;
        }
        for mut draft in read.drafts.into_iter().filter(|draft| draft.runs) {
            let needs = std::mem::take(&mut draft.needs);
            let Some(mut stage) = stage(draft, read.generation, label, facts, reasons, &mut findings.files[n]) else { continue };
            if several {
                sources.all()[n].path.clone_into(&mut stage.file);
            }
            planned.push(Planned { workflow: read.workflow.clone(), needs, stage });
        }
    }
    let stages = workflows::connect(planned, several, reasons, findings);
    if !check_size(stages.len(), stages.iter().map(|stage| stage.steps.len()).sum(), &mut findings.whole) {
        return Vec::new();
    }
    if stages.is_empty() && !findings.has_errors() {
        reasons.warn(when::event_word(facts.kind), facts, &mut findings.whole);
    }
    stages
}

/// Reads all files; of one with errors there may be nothing.
fn read(sources: &Sources<'_>, facts: &EventFacts, findings: &mut AllFindings<'_>) -> Vec<Option<Read>> {
    let mut names = HashSet::new();
    let mut extent = Extent::default();
    let mut reads = Vec::new();
    for (source, findings) in sources.all().iter().zip(&mut findings.files) {
        reads.push(read_file(source, &mut names, &mut extent, facts, findings));
    }
    workflows::check(&reads, findings);
    reads
}

/// Reads one draft per combination of the matrix. `names` are those of the stages so far.
fn read_file(
    source: &Source<'_>,
    names: &mut HashSet<String>,
    extent: &mut Extent,
    facts: &EventFacts,
    findings: &mut Findings<'_>,
) -> Option<Read> {
    let (part, raw) = source.first("woodpecker", findings)?;
    let generation = generation(raw);
    let branches = document::branches(raw, generation, facts, findings);
    let workflow = workflow_name(source.path);
    let mut drafts: Vec<StageDraft> = Vec::new();
    let cells = matrix_cells(raw, part, Nothing::NoValue, findings)?;
    let axes = axes(&cells);
    for cell in cells {
        let lacking = lacking(&axes, &cell);
        let number = names.len() as u32 + 1;
        let mut metadata = environment::metadata(facts, generation, &workflow, number);
        lacking.iter().for_each(|name| set(&mut metadata, name, ""));
        metadata.extend(cell.iter().map(|(name, value)| (name.clone(), EnvValue::Text(value.clone()))));
        // Nothing of a workflow for windows is read, its variables neither.
        let root = if document::windows(raw).is_some() {
            Some(Arc::clone(raw))
        } else {
            expand(source, part, &EXPANSION, &metadata, facts, findings)
        };
        let Some(root) = root else { continue };
        if !extent.has_room(&root, &metadata, findings) {
            break;
        }
        let mut name = if cell.is_empty() { workflow.clone() } else { format!("{workflow} {}", cell_name(&cell)) };
        if !names.insert(name.clone()) {
            name = format!("{name} ({number})");
            names.insert(name.clone());
        }
        let read = document::read(&root, generation, name, cell, metadata, facts, findings).map(|draft| draft.settled(findings));
        warn_of_lacking_axes(source, part, &lacking, read.as_ref(), &when::FLAVOUR, findings);
        drafts.extend(read);
        if !extent.holds(drafts.last(), findings) {
            break;
        }
    }
    if generation == Generation::Current {
        document::deprecated_variables(&source.index, part.range.clone(), findings);
    }
    Some(Read { generation, workflow, drafts, branches })
}

/// The age of a file, by where its steps stand.
fn generation(root: &Node) -> Generation {
    if root.get("steps").is_none() && root.get("pipeline").is_some() { Generation::Early } else { Generation::Current }
}

/// The name of the file without its folder, a leading dot and its ending.
fn workflow_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path).trim_start_matches('.');
    file.strip_suffix(".yml").or_else(|| file.strip_suffix(".yaml")).unwrap_or(file).to_owned()
}

/// Decides the conditions and draws the edges: all services first, then level after level. The stage has no number yet.
fn stage(
    draft: StageDraft,
    generation: Generation,
    label: What<'_>,
    facts: &EventFacts,
    reasons: &mut Reasons,
    findings: &mut Findings<'_>,
) -> Option<Stage> {
    let situation = Situation { flavour: &when::FLAVOUR, facts, cell: &draft.cell, variables: &draft.metadata };
    if let Some(mismatch) = draft.trigger.mismatch(&situation) {
        reasons.add(label, (&draft.name, ""), &mismatch);
        return None;
    }
    let run_on = document::run_on(&draft, &situation);
    let name = draft.name.clone();
    let mut keep = |drafts: Vec<Draft>, kind: What<'_>| -> Vec<Draft> {
        let mut kept = Vec::new();
        for mut draft in drafts {
            match draft.when.mismatch(&situation) {
                None => {
                    draft.step.run_on = draft.when.run_on(&situation);
                    kept.push(draft);
                }
                Some(mismatch) => reasons.add(what!("{} `{}`", kind, draft.step.name), (&name, &draft.step.name), &mismatch),
            }
        }
        kept
    };
    let services = keep(draft.services, what!("service"));
    let mut kept = keep(draft.steps, what!("step"));
    kept.retain(|step| runs_ever(step, findings));
    if kept.is_empty() {
        return None;
    }
    let levels = levels(&kept, findings)?;
    if !few_needs(&levels, services.len(), findings) {
        return None;
    }
    let base = Base::new(generation, draft.metadata, facts, &draft.workspace);
    let mut steps: Vec<Step> = Vec::new();
    for service in services {
        let mut step = finish(service, steps.len() as u32 + 1, &base);
        // They start with the stage and end with it, whatever happens in between.
        step.run_on = lp_model::RunOn::default();
        steps.push(step);
    }
    let first = steps.len() as u32 + 1;
    let started: Vec<StepNumber> = steps.iter().map(|step| step.number).collect();
    let mut members: Vec<Vec<StepNumber>> = vec![Vec::new(); levels.iter().max().map_or(0, |&level| level + 1)];
    for (n, &level) in levels.iter().enumerate() {
        members[level].push(StepNumber(first + n as u32));
    }
    for (n, draft) in kept.into_iter().enumerate() {
        let mut step = finish(draft, first + n as u32, &base);
        step.needs = levels[n].checked_sub(1).map_or_else(|| started.clone(), |before| members[before].clone());
        steps.push(step);
    }
    Some(Stage {
        number: StageNumber(0),
        file: String::new(),
        name: draft.name,
        backend: draft.backend,
        needs: Vec::new(),
        run_on,
        workspace: draft.workspace,
        source: draft.checkout.is_some(),
        checkout: draft.checkout,
        concurrency: draft.concurrency,
        matrix: draft.cell.into_iter().collect(),
        volumes: draft.volumes,
        steps,
    })
}

/// The level of each step. With any `depends_on` (an empty one too) a step is one level behind the last of those that it needs,
/// and waits for everything on earlier levels; else the groups of old files count. `None` when the graph has no order.
fn levels(steps: &[Draft], findings: &mut Findings<'_>) -> Option<Vec<usize>> {
    if steps.iter().all(|step| step.needs.is_none()) {
        return Some(levels_by_group(steps));
    }
    let positions = document::positions(steps);
    let mut complete = true;
    let mut needs: Vec<Vec<usize>> = Vec::new();
    for step in steps {
        let mut list = Vec::new();
        for dependency in step.needs.iter().flatten() {
            match positions.get(dependency.name.as_str()) {
                Some(&at) => list.push(at),
                None if dependency.optional => {}
                None => {
                    complete = false;
                    let message = message!("step `{}` needs `{}`, which does not run for this event", step.step.name, dependency.name);
                    findings
                        .error(Code::MissingDependency, dependency.span, message)
                        .help(message!("write `- {{name: {}, optional: true}}`, or give both steps the same `when`", dependency.name));
                }
            }
        }
        needs.push(list);
    }
    if !complete {
        return None;
    }
    let order = order(&needs).ok()?;
    let mut levels = vec![0; steps.len()];
    for node in order {
        levels[node] = needs[node].iter().map(|&need| levels[need] + 1).max().unwrap_or(0);
    }
    Some(levels)
}

/// What all steps of a stage share.
struct Base<'f> {
    generation: Generation,
    facts: &'f EventFacts,
    /// What is known of the run.
    known: Environment,
    runtime: Environment,
    workspace: &'f Workspace,
}

impl<'f> Base<'f> {
    fn new(generation: Generation, metadata: Environment, facts: &'f EventFacts, workspace: &'f Workspace) -> Self {
        let mut known = metadata;
        known.retain(|_, value| !matches!(value, EnvValue::Text(text) if text.is_empty()));
        set_runtime(&mut known, &["CI_WORKSPACE"], RuntimeFact::WorkspaceDir);
        Self { generation, facts, known, runtime: environment::runtime(generation), workspace }
    }
}

/// Puts the environment together. From 1.0 on the file may override what is known of the run; in 0.15 it may not.
fn finish(draft: Draft, number: u32, base: &Base<'_>) -> Step {
    let mut step = draft.step;
    step.number = StepNumber(number);
    let mut env = base.known.clone();
    if draft.commands {
        set(&mut env, "SHELL", "/bin/sh");
    }
    match base.generation {
        Generation::Early => {
            if draft.commands {
                set(&mut env, "HOME", "/root");
            }
            for (name, value) in draft.environment {
                env.entry(name).or_insert(value);
            }
            env.extend(draft.params);
        }
        Generation::Current => {
            env.extend(draft.params);
            env.extend(draft.environment);
        }
    }
    env.extend(draft.secrets);
    // 0.15 left such a variable out, as drone does.
    if base.generation == Generation::Current && env.values().any(|value| !value.secret_names().is_empty()) {
        step.missing_secret = MissingSecret::Error;
    }
    env.extend(base.runtime.iter().map(|(name, value)| (name.clone(), value.clone())));
    if base.generation == Generation::Current {
        set(&mut env, "CI_STEP_NAME", &step.name);
        set(&mut env, "CI_STEP_NUMBER", number.to_string());
        let kind = match step.kind {
            StepKind::Service => "service",
            _ if draft.plugin => "plugin",
            _ => "commands",
        };
        set(&mut env, "CI_STEP_TYPE", kind);
        if draft.plugin {
            env.extend(environment::plugin(base.facts, number));
        }
    }
    step.environment = env;
    // A service or detached program keeps the folder of its image.
    if draft.commands || (step.kind != StepKind::Service && !step.detached) {
        step.working_dir = step.working_dir.take().or_else(|| Some(step.workspace(base.workspace).dir()));
    }
    step
}
