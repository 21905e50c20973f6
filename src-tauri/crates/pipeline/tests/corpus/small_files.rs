//! Small files, each about one question.

use crate::events::{facts, untrusted};
use crate::real_drone08::branches;
use crate::steps::{self, Names, Source, groups};
use crate::{Corpus, Report, compile, lines, real_drone1, text};
use lp_model::{Dialect, EnvValue, EventFacts, EventKind};
use lp_pipeline::volume;
use serde_json::Value;
use std::collections::BTreeSet;

pub(crate) fn drone08_and_woodpecker015(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let bytes = text(&case, "yaml").as_bytes();
        for (key, dialect, path) in
            [("drone_0.8", Dialect::Drone08, ".drone.yml"), ("woodpecker_0.15", Dialect::Woodpecker, ".woodpecker.yml")]
        {
            let (name, answer) = (format!("{key} {}", text(&case, "name")), &case[key]);
            let facts = facts("push_master");
            let here = compile(path, bytes, &facts);
            let broken = ["parse_error", "error"].iter().any(|key| answer.get(key).is_some());
            let refused = |key: &str| broken || answer.get(key).is_some();
            let what = format!("refused{}", here.as_ref().err().map(|found| lines(found)).unwrap_or_default());
            report.same(&name, &what, &refused("lint_error_trusted"), &here.is_err());
            let here_untrusted = compile(path, bytes, &untrusted("push_master")).is_err();
            report.same(&name, "refused if not trusted", &refused("lint_error_untrusted"), &here_untrusted);
            branches(&name, &answer["branches_match"], &|facts| compile(path, bytes, facts), report);
            let (Ok((plan, _)), false) = (&here, answer["stages"].is_null()) else { continue };
            let names = Names::new(bytes);
            if answer["branches_match"]["master"] == false {
                report.same(&name, "stages", &0, &plan.stages.len());
                continue;
            }
            let stage = &plan.stages[0];
            let answered = names.expected(&answer["stages"], report);
            report.same(&name, "stages", &answered, &groups(stage));
            let described = |name: &&str| names.is_described(name);
            for step in stage.steps.iter().filter(|step| described(&step.name.as_str())) {
                let source = Source { dialect, facts: &facts, only_own_variables: true };
                steps::compare(report, &name, &answer["steps"][&step.name], step, stage, source);
            }
            let answered = answer["steps"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let here: BTreeSet<&str> = stage.steps.iter().map(|step| step.name.as_str()).filter(described).collect();
            report.same(&name, "steps", &answered.filter(described).collect(), &here);
        }
    }
}

pub(crate) fn drone1(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let answer = &case["drone_1.x"];
        let bytes = text(&case, "yaml").as_bytes();
        let name = text(&case, "name");
        real_drone1::compare_refusals(name, answer, bytes, report);
        let facts = facts("push_master");
        if let Ok((plan, found)) = compile(".drone.yml", bytes, &facts) {
            for (pipeline, answer) in answer["pipelines"].as_object().into_iter().flatten() {
                match plan.stages.iter().find(|stage| stage.name == *pipeline) {
                    Some(stage) => real_drone1::compare_stage(name, answer, (stage, &plan), &found, None, report),
                    None => report.differ(name, "the pipeline does not run"),
                }
            }
        }
    }
}

pub(crate) fn containers(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let yaml = format!("steps:\n  {}\n", text(&case, "from").replace('\n', "\n  "));
        let compile = |kind, branch: &str| {
            let mut facts = facts("push_master");
            (facts.kind, facts.commit.branch) = (kind, branch.to_owned());
            compile(".woodpecker.yml", yaml.as_bytes(), &facts).expect("it compiles").0
        };
        let plan = compile(EventKind::Push, "master");
        let steps = &plan.stages[0].steps;
        let wanted = case["want"].as_array().cloned().unwrap_or_default();
        report.same(&yaml, "number of steps", &wanted.len(), &steps.len());
        for (answer, step) in wanted.iter().zip(steps) {
            report.same(&yaml, "name", &text(answer, "Name"), &step.name.as_str());
            report.same(&yaml, "image", &text(answer, "Image"), &step.image.as_str());
            for (key, value) in answer["Settings"].as_object().into_iter().flatten() {
                let value = match &value["$go"] {
                    // A call that makes a list of its arguments.
                    Value::String(call) => {
                        let arguments = call.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
                        arguments.split(", ").map(|argument| argument.trim_matches('"')).collect::<Vec<_>>().join(",")
                    }
                    _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                };
                let here = step.environment.get(&format!("PLUGIN_{}", key.to_uppercase()));
                report.same(&yaml, key, &Some(&EnvValue::Text(value)), &here);
            }
        }
        let constraints = wanted[0]["When"]["Constraints"].as_array().cloned().unwrap_or_default();
        for (kind, event, branch) in [
            (EventKind::Push, "push", "master"),
            (EventKind::Push, "push", "other"),
            (EventKind::PullRequest, "pull_request", "other"),
            (EventKind::Tag, "tag", "master"),
        ] {
            let holds = |constraint: &Value| {
                let branches = &constraint["Branch"]["Include"];
                text(&constraint["Event"], "0") == event && (branches.is_null() || branch == "master")
            };
            let answer = constraints.is_empty() || constraints.iter().any(holds);
            report.same(&yaml, &format!("runs for {event} on {branch}"), &answer, &!compile(kind, branch).stages.is_empty());
        }
    }
}

pub(crate) fn volumes(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let yaml = format!("steps:\n- name: a\n  image: x\n  volumes:\n  {}\n", text(&case, "yaml").replace('\n', "\n  "));
        let (plan, _) = compile(".woodpecker.yml", yaml.as_bytes(), &facts("push_master")).expect("it compiles");
        let stage = &plan.stages[0];
        let here: Vec<String> = stage.steps[0].mounts.iter().map(|mount| steps::volume(mount, stage)).collect();
        let answer: Vec<String> = case["expected"]["Volumes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|volume| {
                let parts = ["Source", "Destination", "AccessMode"].map(|key| text(volume, key));
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":")
            })
            .collect();
        report.same(&yaml, "volumes", &answer, &here);
    }
}

pub(crate) fn volume_parts(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let from = text(&case, "from");
        let answer = (case["success"] == true).then(|| crate::texts(&case["to"]));
        let here = volume::parts(from).map(|parts| parts.into_iter().map(str::to_owned).collect());
        report.same(from, "parts", &answer, &here);
    }
}

pub(crate) fn concurrency(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let yaml = format!("{}\nsteps:\n- {{name: a, image: x}}\n", text(&case, "yaml"));
        let (plan, _) = compile(".woodpecker.yml", yaml.as_bytes(), &EventFacts::new(EventKind::Push)).expect("it compiles");
        let here = plan.stages[0].concurrency.as_ref();
        let limit = case["expected"]["Limit"].as_u64();
        report.same(&yaml, "limit", &limit, &here.map(|concurrency| u64::from(concurrency.limit)));
        // Where nothing is limited a group means nothing.
        let group = case["expected"]["Group"].as_str().filter(|_| limit.is_some());
        report.same(&yaml, "group", &group, &here.and_then(|concurrency| concurrency.group.as_deref()));
    }
}
