//! The samples of Woodpecker's compiler. They are older than their place: inline parameters, short names of images, as 0.8.

use crate::events::facts;
use crate::steps::{image, pairs, section};
use crate::{Corpus, Report, compile, lines};
use lp_model::{Dialect, EnvValue, StepKind};
use lp_pipeline::script::entrypoint;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const NAMES: [&str; 11] = [
    "sample_1",
    "sample_10_windows",
    "sample_2",
    "sample_3",
    "sample_4",
    "sample_5",
    "sample_6",
    "sample_7_redis",
    "sample_8_network_mode",
    "sample_8_postgres",
    "sample_9_cache",
];

pub(crate) fn compare(corpus: &Corpus, report: &mut Report) {
    for name in NAMES {
        let bytes = corpus.bytes(&format!("samples_woodpecker/{name}/pipeline.yml"));
        let compiled = compile(".drone.yml", &bytes, &facts("push_master"));
        let what = format!("refused{}", compiled.as_ref().err().map(|found| lines(found)).unwrap_or_default());
        report.same(name, &what, &false, &compiled.is_err());
        // One of them has no answer.
        if let (Ok((plan, _)), true) = (compiled, corpus.folder.join(format!("samples_woodpecker/{name}/pipeline.json")).exists()) {
            report.same(name, "runs", &true, &!plan.stages.is_empty());
            let answer = corpus.json(&format!("samples_woodpecker/{name}/pipeline.json"));
            plan.stages.first().into_iter().for_each(|stage| compare_one(name, &answer, &bytes, stage, report));
        }
    }
}

fn compare_one(case: &str, answer: &Value, bytes: &[u8], stage: &lp_model::Stage, report: &mut Report) {
    let clone: BTreeSet<String> = section(bytes, "clone").into_iter().chain(["clone".to_owned()]).collect();
    let stages = answer["pipeline"].as_array().into_iter().flatten();
    // One of the clone steps has no other name than that of its container.
    let is_clone = |step: &Value| step["alias"].as_str().is_none_or(|alias| clone.contains(alias));
    let groups: Vec<Vec<&Value>> = stages
        .map(|stage| stage["steps"].as_array().into_iter().flatten().filter(|step| !is_clone(step)).collect())
        .filter(|group: &Vec<&Value>| !group.is_empty())
        .collect();
    let names = |group: &Vec<&Value>| group.iter().filter_map(|step| step["alias"].as_str()).map(str::to_owned).collect::<BTreeSet<_>>();
    let answered: Vec<BTreeSet<String>> = groups.iter().map(names).collect();
    report.same(case, "stages", &answered, &crate::steps::groups(stage));
    for answer in groups.into_iter().flatten() {
        let Some(step) = stage.steps.iter().find(|step| answer["alias"] == step.name.as_str()) else { continue };
        let what = |key: &str| format!("step `{}`: {key}", step.name);
        report.same(case, &what("image"), &answer["image"].as_str(), &Some(image(&step.image, Dialect::Drone08).as_str()));
        report.same(case, &what("runs commands"), &!answer["entrypoint"].is_null(), &(step.entrypoint == Some(entrypoint())));
        report.same(case, &what("detach"), &(answer["detach"] == true), &step.detached);
        report.same(case, &what("service"), &(answer["detach"] == true), &(step.kind == StepKind::Service));
        report.same(case, &what("on_success"), &(answer["on_success"] == true), &step.run_on.success);
        report.same(case, &what("on_failure"), &(answer["on_failure"] == true), &step.run_on.failure);
        report.same(case, &what("network_mode"), &answer["network_mode"].as_str(), &step.network_mode.as_deref());
        // Where the file names no workspace it was given on the command line.
        if !section(bytes, "workspace").is_empty() {
            report.same(case, &what("working_dir"), &answer["working_dir"].as_str(), &step.working_dir.as_deref());
        }
        // What the run knows was given to the compiler, and differs.
        let own = |name: &str| !name.starts_with("CI") && !name.starts_with("DRONE");
        let answered: BTreeMap<String, String> = pairs(&answer["environment"]).filter(|(name, _)| own(name)).collect();
        let here = step.environment.iter().filter(|(name, _)| own(name)).map(|(name, value)| {
            let text = match value {
                EnvValue::Text(text) => text.clone(),
                // Its value stands in the answer.
                EnvValue::Secret(_) => answered.get(name).cloned().unwrap_or_default(),
                other => format!("{other:?}"),
            };
            (name.clone(), text)
        });
        report.same(case, &what("environment"), &answered, &here.collect());
    }
}
