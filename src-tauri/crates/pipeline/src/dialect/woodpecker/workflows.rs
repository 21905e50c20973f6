//! The workflows of one run: which of them wait for which.
//!
//! The workflows of Woodpecker are one pipeline: a folder compiles to one plan with a stage per workflow, so that one run shows and cancels
//! them all. One file of a folder can be run alone; it then runs without the workflows that it depends on, and a warning says so. Only all
//! of them together keep their order.

use super::Read;
use crate::shared::draft::Dependency;
use crate::shared::graph::order;
use crate::shared::reasons::Reasons;
use crate::source::AllFindings;
use lp_model::{Code, RunOn, Stage, StageNumber, message, what};
use lp_yaml::closest;
use std::collections::HashMap;

/// A stage whose conditions hold, before it is known which others run.
pub(super) struct Planned {
    /// Its workflow; the stages of a matrix share it.
    pub workflow: String,
    pub needs: Vec<Dependency>,
    pub stage: Stage,
}

/// What holds for any event: names that no file has, two files of one name, circles. A file that is read alone may name others.
pub(super) fn check(reads: &[Option<Read>], findings: &mut AllFindings<'_>) {
    if reads.len() < 2 {
        alone(reads, findings);
        return;
    }
    let names: Vec<&str> = reads.iter().map(|read| read.as_ref().map_or("", |read| read.workflow.as_str())).collect();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut needs: Vec<Vec<usize>> = vec![Vec::new(); reads.len()];
    for (n, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = positions.insert(name, n) {
            let message = message!("the workflow is called `{}` like that of `{}`; both run", name, findings.files[first].file());
            findings.files[n].warning(Code::DuplicateWorkflow, None, message);
        }
    }
    for (n, read) in reads.iter().enumerate() {
        // All stages of a matrix have the same dependencies, but for what the matrix puts into their names.
        for dependency in read.iter().flat_map(|read| &read.drafts).flat_map(|draft| &draft.needs) {
            if let Some(&at) = positions.get(dependency.name.as_str()) {
                needs[n].push(at);
                continue;
            }
            let meant = closest(&dependency.name, &names);
            if dependency.optional && meant.is_none() {
                continue;
            }
            let message = match dependency.optional {
                true => message!("`{}` is no workflow of this folder", dependency.name),
                false => message!("`{}` is no workflow of this folder, so this one does not run", dependency.name),
            };
            let found = findings.files[n].warning(Code::MissingWorkflow, dependency.span, message);
            match meant {
                Some(meant) => found.help(message!("did you mean `{}`?", meant)),
                None => found.help(message!("write `- {{name: {}, optional: true}}` to run without it", dependency.name)),
            }
        }
    }
    if let Err(circle) = order(&needs) {
        let path: Vec<&str> = circle.iter().chain(circle.first()).map(|&n| names[n]).collect();
        let message = message!("these depend on each other in a circle: {}", path.join(" → "));
        let span = circle.first().and_then(|&n| reads[n].as_ref()?.drafts.first()?.needs.first()).map(|dependency| dependency.span);
        findings.files[circle.first().copied().unwrap_or_default()].error(Code::DependencyCycle, span, message);
    }
}

/// A file that is run without the others of its folder.
fn alone(reads: &[Option<Read>], findings: &mut AllFindings<'_>) {
    let Some(draft) = reads.iter().flatten().flat_map(|read| &read.drafts).next() else { return };
    let Some(first) = draft.needs.first() else { return };
    let names: Vec<&str> = draft.needs.iter().map(|dependency| dependency.name.as_str()).collect();
    let message = message!("`depends_on` names workflows of other files ({}); this file runs without them here", names.join(", "));
    findings
        .only()
        .warning(Code::OtherWorkflows, first.span, message)
        .help(message!("run the folder of the workflows to run them all in their order"));
}

/// Leaves out what needs a workflow that does not run, numbers the rest and draws the edges.
pub(super) fn connect(mut planned: Vec<Planned>, several: bool, reasons: &mut Reasons, findings: &AllFindings<'_>) -> Vec<Stage> {
    if findings.has_errors() {
        return Vec::new();
    }
    if several {
        leave_out(&mut planned, reasons);
    }
    let mut numbers: HashMap<String, Vec<StageNumber>> = HashMap::new();
    for (n, stage) in planned.iter().enumerate() {
        numbers.entry(stage.workflow.clone()).or_default().push(StageNumber(n as u32 + 1));
    }
    let mut stages = Vec::new();
    for (n, Planned { needs, mut stage, .. }) in planned.into_iter().enumerate() {
        stage.number = StageNumber(n as u32 + 1);
        stage.needs = needs.iter().filter_map(|dependency| numbers.get(&dependency.name)).flatten().copied().collect();
        stage.needs.sort_unstable();
        stage.needs.dedup();
        if stage.needs.is_empty() {
            // Without anything that could fail before it, a workflow for the case of failure runs too.
            stage.run_on = RunOn::default();
        }
        stages.push(stage);
    }
    stages
}

/// Leaves out the stages that cannot do without a workflow that does not run, and those that need these. Each dependency is looked at
/// once, and once more when its workflow falls away.
fn leave_out(planned: &mut Vec<Planned>, reasons: &mut Reasons) {
    let mut running: HashMap<&str, usize> = HashMap::new();
    let mut dependants: HashMap<&str, Vec<usize>> = HashMap::new();
    for (n, stage) in planned.iter().enumerate() {
        *running.entry(stage.workflow.as_str()).or_default() += 1;
        for need in stage.needs.iter().filter(|need| !need.optional) {
            dependants.entry(need.name.as_str()).or_default().push(n);
        }
    }
    let mut keep = vec![true; planned.len()];
    let mut open: Vec<usize> = (0..planned.len()).rev().collect();
    while let Some(n) = open.pop() {
        let stage = &planned[n];
        let runs = |name: &str| running.get(name).is_some_and(|count| *count > 0);
        let Some(missing) = stage.needs.iter().find(|need| !need.optional && !runs(&need.name)).filter(|_| keep[n]) else { continue };
        keep[n] = false;
        reasons.now_in(&stage.stage.file);
        reasons.needs(what!("workflow `{}`", stage.workflow), &stage.stage.name, &missing.name, missing.span);
        if let Some(count) = running.get_mut(stage.workflow.as_str()) {
            *count -= 1;
            if *count == 0 {
                open.extend(dependants.get(stage.workflow.as_str()).into_iter().flatten());
            }
        }
    }
    let mut keep = keep.into_iter();
    planned.retain(|_| keep.next().unwrap_or(true));
}
