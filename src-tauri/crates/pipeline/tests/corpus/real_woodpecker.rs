//! Real files of Woodpecker: 0.15 with the answers of its program; of later ones only the structure is known, as it is written.

use crate::events::facts;
use crate::{RealFile, Report, compile, lines, lint, outline, real_drone08, texts};
use lp_model::{Dialect, EventKind, OnFailure, PullPolicy, Stage, Step, StepKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const PATH: &str = ".woodpecker.yml";

pub(crate) fn compare_015(file: &RealFile, report: &mut Report) {
    real_drone08::compare_with(file, Dialect::Woodpecker, PATH, report);
    let facts = facts("push_master");
    if let Ok((plan, _)) = compile(PATH, &file.bytes, &facts) {
        for stage in &plan.stages {
            report.same(&file.name, "skip_clone", &(file.answer["skip_clone"] == true), &!stage.source);
        }
    }
}

/// Steps as they are written. A step is looked at in the first build in which it runs.
pub(crate) fn compare_structure(file: &RealFile, report: &mut Report) {
    let (answer, name) = (&file.answer, &file.name);
    let outline = match outline(PATH, &file.bytes) {
        Ok(outline) => outline,
        Err(found) => return report.differ(name, &format!("it is refused:{}", lines(&found))),
    };
    report.same(name, "documents", &answer["documents"].as_u64(), &Some(lp_yaml::cut(&String::from_utf8_lossy(&file.bytes)).len() as u64));
    if !answer["labels"].is_null() || !answer["platform"].is_null() {
        report.by_rule("agents");
    }
    let windows = |platform: &Value| platform.as_str().is_some_and(|platform| platform.starts_with("windows"));
    if windows(&answer["labels"]["platform"]) || windows(&answer["platform"]) {
        report.by_rule("windows");
        let told = lint(PATH, &file.bytes).iter().any(|finding| finding.code == "unsupported-type");
        return report.same(name, "it is told to be left out", &(true, 0), &(told, outline.stages.len()));
    }
    if !answer["clone"].is_null() {
        report.by_rule("clone");
    }
    // Each combination of the matrix has the same steps; in which order they run is a matter of chance.
    let cells = cells(&answer["matrix"]);
    report.same(name, "stages", &cells.max(1), &outline.stages.len());
    let steps = &outline.stages[0].steps;
    for (key, service) in [("services", true), ("steps", false)] {
        let answered: Vec<&Value> = answer[key].as_array().into_iter().flatten().collect();
        let here: Vec<_> = steps.iter().filter(|step| (step.kind == StepKind::Service) == service).collect();
        report.same(name, key, &answered.len(), &here.len());
        for (answer, step) in answered.iter().zip(here) {
            let as_written = |key: &str| answer[key].as_str().filter(|text| !text.contains("${")).map(str::to_owned);
            if let Some(written) = as_written("name") {
                report.same(name, "name", &written, &step.name);
            }
            if let Some(written) = as_written("image") {
                report.same(name, "image", &written, &step.image);
            }
            let runs_commands = !service && answer["commands_count"].as_u64().unwrap_or(0) > 0;
            report.same(name, "runs commands", &runs_commands, &(step.kind == StepKind::Commands));
        }
    }
    compare_running(file, report);
}

fn cells(matrix: &Value) -> usize {
    if let Some(include) = matrix["include"].as_array() {
        return include.len();
    }
    matrix.as_object().into_iter().flatten().map(|(_, values)| values.as_array().map_or(1, Vec::len)).product::<usize>()
        * usize::from(!matrix.is_null())
}

fn compare_running(file: &RealFile, report: &mut Report) {
    let name = &file.name;
    let mut seen: BTreeMap<(bool, String), (Stage, Step)> = BTreeMap::new();
    for kind in EventKind::ALL {
        for branch in ["master", "main"] {
            let mut facts = facts("push_master");
            (facts.kind, facts.commit.branch, facts.repo.default_branch) = (kind, branch.into(), branch.into());
            facts.target = Some("production".into());
            match compile(PATH, &file.bytes, &facts) {
                Err(found) => report.differ(name, &format!("{kind:?} on {branch} is refused:{}", lines(&found))),
                Ok((plan, _)) => {
                    for stage in plan.stages {
                        for step in &stage.steps {
                            seen.entry((step.kind == StepKind::Service, step.name.clone()))
                                .or_insert_with(|| (stage.clone(), step.clone()));
                        }
                    }
                }
            }
        }
    }
    for (key, service) in [("services", true), ("steps", false)] {
        for answer in file.answer[key].as_array().into_iter().flatten() {
            if let Some((stage, step)) = seen.get(&(service, answer["name"].as_str().unwrap_or_default().to_owned())) {
                compare_step(file, answer, step, stage, report);
            }
        }
    }
}

fn compare_step(file: &RealFile, answer: &Value, step: &Step, stage: &Stage, report: &mut Report) {
    let (case, source) = (&file.name, String::from_utf8_lossy(&file.bytes));
    let what = |key: &str| format!("step `{}`: {key}", step.name);
    // The answers count an item `<<: *list` as one.
    if let Some(count) = answer["commands_count"].as_u64().filter(|_| !source.contains("- <<: *")) {
        let script = step.command.iter().flatten().next().cloned().unwrap_or_default();
        report.same(case, &what("commands"), &count, &(script.matches("\nprintf '%s\\n' '+ ").count() as u64));
    }
    let set = |names: Vec<String>| -> Vec<String> { names.into_iter().filter(|name| !step.environment.contains_key(name)).collect() };
    // Nothing is set by a variable that says nothing for this event.
    let says_something = |key: &String| key != "<<" && !source.lines().any(|line| line.trim().starts_with(&format!("{key}: ${{")));
    // Names as in the file; secrets of the old form are listed by name, or by source and target.
    let secrets = answer["secrets"].as_array().into_iter().flatten();
    let secrets = secrets.filter_map(|secret| secret.as_str().or_else(|| secret["target"].as_str())).map(str::to_uppercase).collect();
    report.same(case, &what("secrets that are not set"), &Vec::new(), &set(secrets));
    report.same(case, &what("variables that are not set"), &Vec::new(), &set(names(&answer["environment_keys"])));
    let settings = texts(&answer["settings_keys"]).into_iter().filter(says_something);
    let settings = settings.map(|key| format!("PLUGIN_{}", key.to_uppercase().replace(['-', '.'], "_"))).collect();
    report.same(case, &what("settings that are not set"), &Vec::new(), &set(settings));
    if step.kind != StepKind::Service {
        let plugin = step.environment.get("CI_STEP_TYPE") == Some(&lp_model::EnvValue::Text("plugin".into()));
        let no_program = answer["commands_count"].is_null()
            && !texts(&answer["keys"]).iter().any(|key| ["entrypoint", "environment", "secrets"].contains(&key.as_str()));
        report.same(case, &what("is a plugin"), &no_program, &plugin);
    }
    let failure = match answer["failure"].as_str() {
        Some("ignore") => OnFailure::Ignore,
        Some("cancel") => OnFailure::CancelRun,
        _ => OnFailure::Fail,
    };
    report.same(case, &what("failure"), &failure, &step.on_failure);
    let always = answer["pull"] == "true";
    report.same(case, &what("pull"), &always, &(step.pull == PullPolicy::Refresh));
    report.same(case, &what("privileged"), &(answer["privileged"] == "true" || answer["privileged"] == true), &step.privileged);
    report.same(case, &what("volumes"), &answer["volumes"].as_array().map_or(0, Vec::len), &step.mounts.len());
    if let Some(folder) = answer["directory"].as_str().filter(|folder| !folder.contains("${")) {
        let told = format!("{:?} {:?}", step.command, step.working_dir).contains(folder);
        report.same(case, &what("directory"), &true, &told);
    }
    // A step waits for everything on earlier levels, so for what it needs too.
    let before = before(stage, step);
    let needs = match &answer["depends_on"] {
        Value::String(one) => vec![one.clone()],
        list => texts(list),
    };
    let missing: Vec<&String> =
        needs.iter().filter(|need| stage.steps.iter().any(|other| other.name == **need) && !before.contains(need.as_str())).collect();
    report.same(case, &what("does not wait for"), &Vec::new(), &missing);
}

/// Also of `NAME=value`, as older files write it.
fn names(list: &Value) -> Vec<String> {
    texts(list).iter().map(|item| item.split('=').next().unwrap_or_default().to_owned()).filter(|name| name != "<<").collect()
}

/// Everything that has ended before the step starts.
fn before<'s>(stage: &'s Stage, step: &'s Step) -> BTreeSet<&'s str> {
    let mut names = BTreeSet::new();
    let mut open = vec![step];
    while let Some(step) = open.pop() {
        for need in step.needs.iter().filter_map(|number| stage.step(*number)) {
            if names.insert(need.name.as_str()) {
                open.push(need);
            }
        }
    }
    names
}
