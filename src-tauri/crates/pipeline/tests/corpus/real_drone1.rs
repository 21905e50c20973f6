//! Real files of Drone 1.x and 2.x.

use crate::events::{SCENARIOS_1, facts, untrusted};
use crate::steps::pairs;
use crate::{RealFile, Report, compile, lines, lint, outline, texts};
use lp_model::{BackendKind, Diagnostic, EnvValue, ImageReference, OnFailure, Plan, PullPolicy, RunOn, Stage, Step, StepKind};
use lp_pipeline::dialect::drone1::environment::{StageFacts, metadata, runner};
use lp_pipeline::script::script;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const PATH: &str = ".drone.yml";

pub(crate) fn compare(file: &RealFile, report: &mut Report) {
    let _ = (lint(PATH, &file.bytes), outline(PATH, &file.bytes));
    compare_refusals(&file.name, &file.answer, &file.bytes, report);
    let source = String::from_utf8_lossy(&file.bytes);
    for scenario in SCENARIOS_1 {
        let (plan, found) = match compile(PATH, &file.bytes, &facts(scenario)) {
            Ok(compiled) => compiled,
            Err(_) => continue,
        };
        let mut answered = BTreeSet::new();
        for (name, pipeline) in file.answer["scenarios"][scenario].as_object().into_iter().flatten() {
            let answer = &file.answer["pipelines"][name];
            if !is_run(answer) {
                report.by_rule(if answer["platform"]["os"] == "windows" { "windows" } else { "types" });
                let told = found.iter().any(|finding| finding.code == "unsupported-type" && format!("{finding:?}").contains(name.as_str()));
                report.same(&file.name, &format!("{name} is told to be left out"), &true, &told);
                continue;
            }
            if pipeline["triggered"] == true {
                answered.extend(texts(&pipeline["steps_run"]).into_iter().map(|step| format!("{name}/{step}")));
            }
            if let Some(stage) = plan.stages.iter().find(|stage| stage.name == *name) {
                let source = (scenario != "push_master" && source.contains("${")).then_some(&*source);
                compare_stage(&file.name, answer, (stage, &plan), &found, source, report);
            }
        }
        let steps = |stage: &Stage| {
            let steps = stage.steps.iter().filter(|step| step.kind != StepKind::Service);
            steps.map(|step| format!("{}/{}", stage.name, step.name)).collect::<Vec<_>>()
        };
        let here: BTreeSet<String> = plan.stages.iter().flat_map(steps).collect();
        report.same(&file.name, &format!("{scenario}: steps"), &answered, &here);
    }
}

/// Pipelines of another type or for another system are left out with a word.
fn is_run(answer: &Value) -> bool {
    matches!(answer["type"].as_str(), None | Some("" | "docker" | "exec")) && answer["platform"]["os"] != "windows"
}

pub(crate) fn compare_refusals(case: &str, answer: &Value, bytes: &[u8], report: &mut Report) {
    let broken = ["parse_error", "manifest_lint_error"].iter().any(|key| answer.get(key).is_some());
    let pipelines: Vec<&Value> = answer["pipelines"].as_object().into_iter().flat_map(|pipelines| pipelines.values()).collect();
    let refused = |key: &str| broken || pipelines.iter().any(|pipeline| is_run(pipeline) && pipeline.get(key).is_some());
    let here = compile(PATH, bytes, &facts("push_master"));
    let what = format!("refused{}", here.as_ref().err().map(|found| lines(found)).unwrap_or_default());
    report.same(case, &what, &refused("lint_error_trusted"), &here.is_err());
    let here = compile(PATH, bytes, &untrusted("push_master"));
    report.same(case, "refused if not trusted", &refused("lint_error_untrusted"), &here.is_err());
    let (resources, Ok(outline)) = (texts(&answer["resources"]), outline(PATH, bytes)) else { return };
    let left_out = pipelines.iter().filter(|pipeline| !is_run(pipeline)).count();
    let answer = resources.iter().filter(|kind| *kind == "Pipeline").count();
    report.same(case, "number of pipelines", &answer, &(outline.stages.len() + left_out));
}

/// Compares everything that the answer says of a pipeline. `source`: the text of the file if variables of the run stand in it and the
/// answer was made for another one.
pub(crate) fn compare_stage(
    case: &str,
    answer: &Value,
    (stage, plan): (&Stage, &Plan),
    found: &[Diagnostic],
    source: Option<&str>,
    report: &mut Report,
) {
    let what = |key: &str| format!("pipeline `{}`: {key}", stage.name);
    report.same(case, &what("kind"), &json!("pipeline"), &answer["kind"]);
    report.same(case, &what("backend"), &(answer["type"] == "exec"), &(stage.backend == BackendKind::Host));
    report.same(case, &what("clone"), &(answer["clone_disable"] != true), &stage.source);
    let limit = stage.concurrency.as_ref().map_or(0, |concurrency| concurrency.limit);
    report.same(case, &what("concurrency"), &answer["concurrency"].as_u64(), &Some(u64::from(limit)));
    let workspace = &answer["workspace"];
    let (base, path) = (workspace["base"].as_str(), workspace["path"].as_str().unwrap_or_default());
    // A path from the root without a base is the base.
    let dir = base.map_or_else(|| if path.starts_with('/') { path.to_owned() } else { join("/drone/src", path) }, |base| join(base, path));
    report.same(case, &what("workspace"), &dir, &stage.workspace.dir());
    let status = texts(&answer["trigger_status"]["include"]);
    let has = |word: &str| status.iter().any(|status| status == word);
    // Without pipelines before it nobody asks for their status.
    let run_on = if status.is_empty() || stage.needs.is_empty() {
        RunOn::default()
    } else {
        RunOn { success: has("success"), failure: has("failure") }
    };
    report.same(case, &what("runs on"), &run_on, &stage.run_on);
    let needs = texts(&answer["depends_on"]);
    let here: BTreeSet<&str> = stage.needs.iter().filter_map(|number| plan.stage(*number)).map(|stage| stage.name.as_str()).collect();
    // What does not run hands its own needs on.
    let all_run = needs.iter().all(|need| plan.stages.iter().any(|stage| stage.name == *need));
    if all_run {
        report.same(case, &what("needs"), &needs.iter().map(String::as_str).collect(), &here);
    }
    let depth = answer["clone_depth"].as_u64().filter(|depth| *depth > 0).and_then(|depth| u32::try_from(depth).ok());
    report.same(case, &what("clone depth"), &depth, &stage.checkout.as_ref().and_then(|checkout| checkout.depth));
    for (key, code) in [("node", "key-without-effect"), ("image_pull_secrets", "key-without-effect")] {
        if !answer[key].is_null() && answer[key] != 0 {
            report.by_rule(if key == "node" { "agents" } else { key });
            report.same(case, &what(key), &true, &found.iter().any(|finding| finding.code == code));
        }
    }
    let platform = |key: &str, default: &str| answer["platform"][key].as_str().unwrap_or(default).to_owned();
    let facts = StageFacts {
        name: stage.name.clone(),
        kind: if answer["type"] == "" { "docker".into() } else { answer["type"].as_str().unwrap_or_default().to_owned() },
        os: platform("os", "linux"),
        arch: platform("arch", "amd64"),
        depends_on: needs,
        ..StageFacts::default()
    };
    let known = metadata(&plan.event, &facts);
    let mut drafts: BTreeMap<&str, &Value> = BTreeMap::new();
    for list in ["services", "steps"] {
        for step in answer[list].as_array().into_iter().flatten() {
            drafts.insert(step["name"].as_str().unwrap_or_default(), step);
        }
    }
    for step in &stage.steps {
        let Some(answer_step) = drafts.get(step.name.as_str()) else {
            report.differ(case, &what(&format!("step `{}` is not in the answer", step.name)));
            continue;
        };
        for name in ["DRONE_STAGE_NAME", "DRONE_STAGE_TYPE", "DRONE_STAGE_OS", "DRONE_STAGE_ARCH", "DRONE_STAGE_DEPENDS_ON"] {
            let known = known.get(name).filter(|value| **value != EnvValue::Text(String::new()));
            report.same(case, &what(name), &known, &step.environment.get(name));
        }
        compare_step(case, answer_step, step, stage, &Known { names: known.keys().cloned().collect(), plan, source }, report);
    }
    compare_needs(case, answer, stage, report);
}

fn join(base: &str, path: &str) -> String {
    lp_model::Workspace { base: base.to_owned(), path: path.to_owned() }.dir()
}

/// What does not depend on the step.
struct Known<'a> {
    names: BTreeSet<String>,
    plan: &'a Plan,
    source: Option<&'a str>,
}

impl Known<'_> {
    /// Whether a key stands in the file with a variable of the run as its value.
    fn depends_on_run(&self, variable: &str) -> bool {
        let key = variable.trim_start_matches("PLUGIN_").to_lowercase();
        self.source.is_some_and(|source| source.lines().any(|line| line.trim().to_lowercase().starts_with(&format!("{key}: ${{"))))
    }
}

fn compare_step(case: &str, answer: &Value, step: &Step, stage: &Stage, known: &Known<'_>, report: &mut Report) {
    let what = |key: &str| format!("step `{}`: {key}", step.name);
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    if known.source.is_none() {
        report.same(case, &what("image"), &text("image"), &step.image);
        let long = ImageReference::parse(&step.image).map_or(step.image.clone(), |image| image.canonical());
        report.same(case, &what("image"), &text("image_expanded"), &long);
    }
    let commands = texts(&answer["commands"]);
    if commands.is_empty() {
        report.same(case, &what("command"), &answer["command"], &json!(step.command));
        report.same(case, &what("entrypoint"), &answer["entrypoint"], &json!(step.entrypoint));
    } else if known.source.is_none() {
        report.by_rule("script");
        report.same(case, &what("commands"), &Some(vec![script(None, &commands)]), &step.command);
    }
    report.same(case, &what("detach"), &(answer["detach"] == true || step.kind == StepKind::Service), &step.detached);
    let failure = if answer["failure"] == "ignore" { OnFailure::Ignore } else { OnFailure::Fail };
    report.same(case, &what("failure"), &failure, &step.on_failure);
    let on = |key: &str, default: bool| answer[key].as_bool().unwrap_or(default);
    let run_on = RunOn { success: on("on_success", true), failure: on("on_failure", false) };
    report.same(case, &what("runs on"), &run_on, &step.run_on);
    let pull = match text("pull").as_str() {
        "always" => PullPolicy::Always,
        "never" => PullPolicy::Never,
        "if-not-exists" => PullPolicy::IfMissing,
        // The answer is the server's, which takes any word; the runner that reads it again knows only these.
        _ => PullPolicy::Latest,
    };
    report.same(case, &what("pull"), &pull, &step.pull);
    let user = answer["user"].as_str().map(str::to_owned);
    report.same(case, &what("user"), &user, &step.user);
    // The server knows only what the file says; that a plugin gets all rights is a matter of the runner.
    if answer["privileged"] == true || !step.privileged {
        report.same(case, &what("privileged"), &(answer["privileged"] == true), &step.privileged);
    } else {
        report.by_rule("privileged plugins");
    }
    let volumes: Vec<String> = step.mounts.iter().map(|mount| format!("{}={}", mount.volume, mount.path)).collect();
    report.same(case, &what("volumes"), &texts(&answer["volumes"]), &volumes);
    compare_environment(case, answer, step, stage, known, report);
}

/// Empty values do not reach the container.
fn compare_environment(case: &str, answer: &Value, step: &Step, stage: &Stage, known: &Known<'_>, report: &mut Report) {
    let secrets = pairs(&answer["env_from_secret"]).map(|(name, secret)| (name, EnvValue::Secret(secret)));
    let texts = pairs(&answer["env"]).filter(|(_, value)| known.source.is_some() || !value.is_empty());
    let answered: BTreeMap<String, EnvValue> = texts.map(|(name, value)| (name, EnvValue::Text(value))).chain(secrets).collect();
    let runner = runner(&known.plan.event, &stage.workspace.path);
    let common = |name: &String| {
        let own = ["DRONE_STEP_NAME", "DRONE_STEP_NUMBER", "DRONE_STEP_STARTED"].contains(&name.as_str());
        own || known.names.contains(name) || runner.contains_key(name) || known.plan.event.inputs.contains_key(name)
    };
    let own = step.environment.iter().filter(|(name, _)| answered.contains_key(*name) || !common(name));
    let here: BTreeMap<String, EnvValue> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    let what = format!("step `{}`: environment", step.name);
    if known.source.is_none() {
        report.same(case, &what, &answered, &here);
    } else {
        let extra: Vec<&String> = here.keys().filter(|name| !answered.contains_key(*name) && !known.depends_on_run(name)).collect();
        report.same(case, &what, &Vec::new(), &extra);
    }
}

/// With `depends_on` anywhere only what is written counts; else each step waits for the one before it.
fn compare_needs(case: &str, answer: &Value, stage: &Stage, report: &mut Report) {
    let steps: Vec<&Value> = answer["steps"].as_array().into_iter().flatten().collect();
    let runs = |name: &str| stage.steps.iter().any(|step| step.name == name);
    let all_run = steps.iter().all(|step| step["name"].as_str().is_some_and(runs));
    if !all_run {
        return;
    }
    for (n, answered) in steps.iter().enumerate() {
        let Some(step) = stage.steps.iter().find(|step| answered["name"] == step.name.as_str()) else { continue };
        let here: BTreeSet<&str> = step.needs.iter().filter_map(|number| stage.step(*number)).map(|step| step.name.as_str()).collect();
        let written = texts(&answered["depends_on"]);
        let expected: BTreeSet<&str> = if answer["graph"] == true {
            written.iter().map(String::as_str).filter(|name| runs(name)).collect()
        } else if n > 0 {
            steps[n - 1]["name"].as_str().into_iter().collect()
        } else {
            stage.steps.iter().filter(|step| step.kind == StepKind::Service).map(|step| step.name.as_str()).collect()
        };
        report.same(case, &format!("step `{}`: needs", step.name), &expected, &here);
    }
}
