//! Real files of Drone 0.4 to 0.8; what is common to 0.8 and Woodpecker 0.15.

use crate::events::{SCENARIOS_08, facts, untrusted};
use crate::steps::{self, Names, Source, groups};
use crate::{Compiled, RealFile, Report, compile as compile_file, lines, lint, outline, syntax};
use lp_model::{Dialect, EventFacts, Stage};
use lp_pipeline::matrix::{self, Nothing};
use lp_yaml::Findings;
use serde_json::Value;
use std::collections::BTreeSet;

/// The language of 0.4 is recognised and explained.
pub(crate) fn refused(file: &RealFile, report: &mut Report) {
    let codes = |found: Vec<lp_model::Diagnostic>| found.into_iter().map(|finding| finding.code).collect::<Vec<_>>();
    let here = compile_file(".drone.yml", &file.bytes, &facts("push_master")).map_err(codes).map(drop);
    report.same(&file.name, "refused", &Err(vec!["drone-04".to_owned()]), &here);
}

pub(crate) fn compare(file: &RealFile, report: &mut Report) {
    compare_with(file, Dialect::Drone08, ".drone.yml", report);
}

/// Compares everything that the answer says of the file.
pub(crate) fn compare_with(file: &RealFile, dialect: Dialect, path: &str, report: &mut Report) {
    let _ = (lint(path, &file.bytes), outline(path, &file.bytes));
    let compile = |facts: &EventFacts| compile_file(path, &file.bytes, facts);
    let answer = &file.answer;
    matrix_axes(file, dialect, report);
    branches(&file.name, &answer["branches_match"], &compile, report);
    for key in ["labels", "platform"] {
        // There is no queue of agents that these could choose from.
        if !answer[key].is_null() && answer[key] != "" && answer[key] != "linux/amd64" {
            report.by_rule("agents");
        }
    }
    let names = Names::new(&file.bytes);
    let mut compared = BTreeSet::new();
    for scenario in SCENARIOS_08 {
        let facts = facts(scenario);
        let cells = answer["scenarios"][scenario].as_array().cloned().unwrap_or_default();
        let error = |key: &str| cells.is_empty() || cells.iter().any(|cell| !cell[key].is_null());
        let here = compile(&facts);
        let wrong = error("parse_error") || error("lint_error_trusted");
        let what = |here: &Compiled| here.as_ref().err().map(|found| lines(found)).unwrap_or_default();
        report.same(&file.name, &format!("{scenario}: refused{}", what(&here)), &wrong, &here.is_err());
        if wrong {
            continue;
        }
        let refused = compile(&untrusted(scenario)).is_err();
        report.same(&file.name, &format!("{scenario}: refused if not trusted"), &error("lint_error_untrusted"), &refused);
        let Ok((plan, _)) = here else { continue };
        let branch = if scenario == "push_feature" { "feature/foo" } else { "master" };
        if answer["branches_match"][branch] == false && !matches!(scenario, "tag" | "deployment_production") {
            // The server decides that before, and apart from the rest of the answer.
            report.same(&file.name, &format!("{scenario}: stages"), &0, &plan.stages.len());
            continue;
        }
        for cell in &cells {
            let axis = steps::pairs(&cell["axis"]).collect();
            let stage = plan.stages.iter().find(|stage| stage.matrix == axis);
            let answered = names.expected(&cell["stages"], report);
            report.same(&file.name, &format!("{scenario}: stages of {axis:?}"), &answered, &stage.map(groups).unwrap_or_default());
            let Some(stage) = stage else { continue };
            for (name, image) in steps::pairs(&cell["images"]).filter(|(name, _)| names.is_described(name)) {
                let step = stage.steps.iter().find(|step| step.name == name);
                let here = step.map(|step| steps::image(&step.image, dialect));
                report.same(&file.name, &format!("{scenario}: image of `{name}` in {axis:?}"), &Some(image), &here);
            }
            let source = Source { dialect, facts: &facts, only_own_variables: false };
            compare_steps(file, scenario, (stage, &names), source, &mut compared, report);
        }
    }
    let left: Vec<&String> = answer["steps"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let left: Vec<&&String> = left.iter().filter(|name| names.is_described(name) && !compared.contains(**name)).collect();
    if !left.is_empty() {
        report.differ(&file.name, &format!("these steps of the answer run nowhere: {left:?}"));
    }
}

/// The answer describes a step as it is where it runs first.
fn compare_steps(
    file: &RealFile,
    scenario: &str,
    (stage, names): (&Stage, &Names),
    source: Source<'_>,
    compared: &mut BTreeSet<String>,
    report: &mut Report,
) {
    for step in &stage.steps {
        let answer = &file.answer["steps"][&step.name];
        if answer["first_seen_in"] == scenario && names.is_described(&step.name) && compared.insert(step.name.clone()) {
            steps::compare(report, &file.name, answer, step, stage, source);
        }
    }
}

/// Whether a branch is kept out by `branches`, which the finding says when nothing would run.
pub(crate) fn branches(case: &str, answer: &Value, compile: &dyn Fn(&EventFacts) -> Compiled, report: &mut Report) {
    for (branch, matches) in answer.as_object().into_iter().flatten() {
        let mut facts = facts("push_master");
        facts.commit.branch.clone_from(branch);
        facts.commit.reference = format!("refs/heads/{branch}");
        let Ok((plan, found)) = compile(&facts) else { continue };
        let told = found.iter().any(|finding| finding.code == "nothing-would-run" && format!("{finding:?}").contains("branches"));
        report.same(case, &format!("branch {branch}"), &(*matches == true), &!(plan.stages.is_empty() && told));
    }
}

fn matrix_axes(file: &RealFile, dialect: Dialect, report: &mut Report) {
    let Ok(documents) = lp_yaml::parse("t", &file.bytes) else { return };
    let nothing = if dialect == Dialect::Woodpecker { Nothing::NoValue } else { Nothing::EmptyText };
    let cells = documents.first().map(|document| matrix::cells(&document.root, nothing, &mut Findings::new("t"))).unwrap_or_default();
    let sorted = |mut axes: Vec<Value>| {
        axes.sort_by_key(Value::to_string);
        axes
    };
    let answer = file.answer["matrix_axes"].as_array().cloned().unwrap_or_default();
    report.same(&file.name, "axes", &sorted(answer), &sorted(syntax::axes(&cells)));
}
