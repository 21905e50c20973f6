//! What 0.8 and Woodpecker 0.15 say of a step, and ours in the same words.

use crate::{Report, texts};
use lp_model::{Dialect, EnvValue, EventFacts, ImageReference, Mount, PullPolicy, RuntimeFact, Stage, Step, StepKind, VolumeKind};
use lp_pipeline::Generation;
use lp_pipeline::dialect::{drone08, woodpecker};
use lp_pipeline::environment::Environment;
use lp_pipeline::script::script;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Names of steps may occur twice.
const NAMES: lp_yaml::Style = lp_yaml::Style { splices: false, names: &["pipeline", "services", "clone"], last_counts: true };

/// Where an answer comes from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub dialect: Dialect,
    pub facts: &'a EventFacts,
    /// Whether the answer leaves out what every step gets.
    pub only_own_variables: bool,
}

/// Compares everything that the answer says of a step.
pub(crate) fn compare(report: &mut Report, case: &str, answer: &Value, step: &Step, stage: &Stage, source: Source<'_>) {
    let case_step = |key: &str| format!("step `{}`: {key}", step.name);
    let or = |key: &str, default: Value| if answer[key].is_null() { default } else { answer[key].clone() };
    let commands = texts(&answer["commands"]);
    let runs_script = step.command.as_deref() == Some(&[script(None, &commands)]);
    if !answer["commands"].is_null() && runs_script {
        // The script is another text, the commands and their shell are the same.
        report.by_rule("script");
    } else {
        report.same(case, &case_step("commands"), &answer["commands"], &Value::Null);
        report.same(case, &case_step("command"), &answer["command"], &json!(step.command));
    }
    report.same(case, &case_step("entrypoint"), &answer["entrypoint"], &json!(step.entrypoint));
    report.same(case, &case_step("detach"), &or("detach", json!(false)), &json!(step.detached));
    report.same(case, &case_step("privileged"), &or("privileged", json!(false)), &json!(step.privileged));
    report.same(case, &case_step("pull"), &or("pull", json!(false)), &json!(step.pull == PullPolicy::Refresh));
    report.same(case, &case_step("on_success"), &answer["on_success"], &json!(step.run_on.success));
    report.same(case, &case_step("on_failure"), &answer["on_failure"], &json!(step.run_on.failure));
    report.same(case, &case_step("image"), &answer["image"], &json!(image(&step.image, source.dialect)));
    report.same(case, &case_step("working_dir"), &answer["working_dir"], &json!(step.working_dir.clone().unwrap_or_default()));
    report.same(case, &case_step("volumes"), &answer["volumes"], &json!(volumes(step, stage)));
    let answer: BTreeMap<String, String> = pairs(&answer["env"]).filter(|(name, _)| !name.starts_with("CI_SCRIPT")).collect();
    report.same(case, &case_step("env"), &answer, &environment(step, stage, source));
}

pub(crate) fn pairs(object: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    object.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
}

/// 0.8 hands the engine the short form, Woodpecker the long one.
pub(crate) fn image(written: &str, dialect: Dialect) -> String {
    let Ok(image) = ImageReference::parse(written) else { return written.to_owned() };
    if dialect == Dialect::Drone08 { image.familiar() } else { image.canonical() }
}

fn volumes(step: &Step, stage: &Stage) -> Vec<String> {
    let mut volumes = vec![format!("P_default:{}", stage.workspace.base)];
    volumes.extend(step.mounts.iter().map(|mount| volume(mount, stage)));
    volumes
}

/// As it is written in the file.
pub(crate) fn volume(mount: &Mount, stage: &Stage) -> String {
    let volume = stage.volumes.iter().find(|volume| volume.name == mount.volume).expect("it is declared");
    let source = match &volume.kind {
        VolumeKind::Host(path) => Some(path.clone()),
        VolumeKind::Temp if !volume.name.starts_with("volume-") => Some(volume.name.clone()),
        _ => None,
    };
    let mode = if mount.read_only { ":ro" } else { "" };
    source.map_or_else(|| format!("{}{mode}", mount.path), |source| format!("{source}:{}{mode}", mount.path))
}

/// What the file itself puts into the environment. The answers were made without any secret.
fn environment(step: &Step, stage: &Stage, source: Source<'_>) -> BTreeMap<String, String> {
    let known: Environment = if source.dialect == Dialect::Drone08 {
        drone08::environment::metadata(source.facts, 1).into_iter().filter(|(_, value)| drone08::environment::is_set(value)).collect()
    } else {
        let known = woodpecker::environment::metadata(source.facts, Generation::Early, "w", 1)
            .into_iter()
            .chain(woodpecker::environment::runtime(Generation::Early));
        known.filter(|(_, value)| *value != EnvValue::Text(String::new())).collect()
    };
    let common = ["SHELL", "CI_WORKSPACE", "DRONE_WORKSPACE"];
    let own = |name: &String| {
        let left_out = source.only_own_variables && common.contains(&name.as_str());
        !(left_out || known.contains_key(name) || source.facts.inputs.contains_key(name))
    };
    let text = |value: &EnvValue| match value {
        EnvValue::Text(text) => Some(text.clone()),
        EnvValue::Runtime(RuntimeFact::WorkspaceDir) => Some(stage.workspace.dir()),
        EnvValue::Secret(_) | EnvValue::Template(_) => None,
        EnvValue::Runtime(fact) => Some(format!("{fact:?}")),
    };
    step.environment.iter().filter(|(name, _)| own(name)).filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

/// The steps in the order in which they start: the services, then what starts together.
pub(crate) fn groups(stage: &Stage) -> Vec<BTreeSet<String>> {
    let mut groups: Vec<(Vec<lp_model::StepNumber>, bool, BTreeSet<String>)> = Vec::new();
    for step in &stage.steps {
        let service = step.kind == StepKind::Service;
        match groups.last_mut() {
            Some((needs, services, names)) if *needs == step.needs && *services == service => {
                names.insert(step.name.clone());
            }
            _ => groups.push((step.needs.clone(), service, [step.name.clone()].into())),
        }
    }
    groups.into_iter().map(|(_, _, names)| names).collect()
}

/// Names that have a meaning of their own in an answer.
pub(crate) struct Names {
    clone: Vec<String>,
    services: BTreeSet<String>,
    steps: Vec<String>,
}

impl Names {
    pub fn new(bytes: &[u8]) -> Self {
        let mut clone = section(bytes, "clone");
        if clone.is_empty() {
            // The step that is there if the file does not say otherwise.
            clone.push("clone".to_owned());
        }
        Self { clone, services: section(bytes, "services").into_iter().collect(), steps: section(bytes, "pipeline") }
    }

    /// The groups of an answer without those that clone, at the beginning. Steps of one group start together, so their order says
    /// nothing. A stage with nothing but services is none here.
    pub fn expected(&self, stages: &Value, report: &mut Report) -> Vec<BTreeSet<String>> {
        let groups = stages.as_array().into_iter().flatten().map(|names| texts(names).into_iter().collect::<BTreeSet<_>>());
        let mut groups: Vec<_> = groups.collect();
        let clone = groups.iter().take(self.clone.len()).take_while(|names| names.iter().all(|name| self.clone.contains(name))).count();
        if groups.drain(..clone).count() > 0 {
            report.by_rule("clone");
        }
        // A stage is there even when none of its services run.
        groups.retain(|names| !names.is_empty());
        if groups.iter().all(|names| names.is_subset(&self.services)) { Vec::new() } else { groups }
    }

    /// Whether the answer describes the step of that name. Of several with one name it mixes all of them.
    pub fn is_described(&self, name: &str) -> bool {
        !self.clone.iter().any(|clone| clone == name) && self.steps.iter().filter(|step| *step == name).count() < 2
    }
}

/// Names under a key at the top of the file.
pub(crate) fn section(bytes: &[u8], key: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let index = lp_yaml::TextIndex::new(&text);
    let root = lp_yaml::parse_as(NAMES, "t", &text, &lp_yaml::SourceMap::part(&index, 0..text.len())).map(|tree| tree.root).ok();
    let node = root.as_ref().and_then(|root| root.get(key));
    node.and_then(|node| node.entries()).unwrap_or_default().iter().map(|entry| entry.key.text.clone()).collect()
}
