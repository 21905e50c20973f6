//! `when`.

use crate::events::{SCENARIOS_1, SCENARIOS_08, facts};
use crate::{Corpus, Report, text, texts};
use lp_model::{EventFacts, EventKind, RunOn, What, what};
use lp_pipeline::Generation;
use lp_pipeline::dialect::woodpecker::environment as variables;
use lp_pipeline::dialect::woodpecker::when::Reader;
use lp_pipeline::dialect::{drone1, drone08, woodpecker};
use lp_pipeline::environment::Environment;
use lp_pipeline::when::{Conditions, Situation, When};
use lp_yaml::{Findings, Node};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

fn node(yaml: &str) -> Arc<Node> {
    lp_yaml::parse("t", yaml.as_bytes()).expect("YAML").remove(0).root
}

/// `key: conf`, whatever form `conf` has.
fn under(key: &str, conf: &str) -> String {
    let block = !conf.starts_with(['{', '[', '\'', '"']) && conf.contains(": ");
    if block { format!("{key}:\n  {}\n", conf.replace('\n', "\n  ")) } else { format!("{key}: {conf}\n") }
}

fn read(conf: &str, generation: Generation) -> Option<When> {
    let mut findings = Findings::new("t");
    let root = node(&format!("when:\n  {}\n", conf.replace('\n', "\n  ")));
    let when = Reader::new(generation).read(root.get("when").expect("it stands there"), what!("`{}`", "when"), &mut findings);
    (!findings.has_errors()).then_some(when)
}

/// Reads conditions; `None` when they are refused.
type Read = Box<dyn Fn(&str) -> Option<When>>;

fn of_drone(read: fn(&Node, What<'_>, &mut Findings<'_>) -> Conditions) -> Read {
    Box::new(move |conf| {
        let mut findings = Findings::new("t");
        let root = node(&format!("when: {conf}\n"));
        let conditions = read(root.get("when").expect("it stands there"), what!("`{}`", "when"), &mut findings);
        (!findings.has_errors()).then(|| conditions.into())
    })
}

fn generation(report: &Report) -> Generation {
    if report.table().starts_with("wp015") { Generation::Early } else { Generation::Current }
}

fn holds(when: &When, facts: &EventFacts, cell: &[(String, String)]) -> bool {
    let variables = variables::metadata(facts, Generation::Current, "w", 1);
    when.mismatch(&Situation { flavour: &woodpecker::when::FLAVOUR, facts, cell, variables: &variables }).is_none()
}

/// Woodpecker decides the status by the event too.
fn run_on(when: &When, facts: &EventFacts) -> RunOn {
    when.run_on(&Situation { flavour: &woodpecker::when::FLAVOUR, facts, cell: &[], variables: &Environment::new() })
}

pub(crate) fn own(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let conf = text(&case, "when");
        for (key, flavour, read, scenarios) in [
            ("drone_0.8", &drone08::when::FLAVOUR, of_drone(drone08::when::read), &SCENARIOS_08[..]),
            ("drone_1.x", &drone1::when::FLAVOUR, of_drone(drone1::when::read), &SCENARIOS_1[..]),
            ("woodpecker_0.15", &woodpecker::when::FLAVOUR, Box::new(|conf: &str| read(conf, Generation::Early)), &SCENARIOS_08[..]),
        ] {
            let (name, answer) = (format!("{key} {conf}"), &case[key]);
            let when = read(conf);
            report.same(&name, "refused", &answer.get("error").is_some(), &when.is_none());
            let (Some(when), None) = (when, answer.get("error")) else { continue };
            let fits = |scenario: &&&str| {
                let (facts, variables) = (facts(scenario), Environment::new());
                when.mismatch(&Situation { flavour, facts: &facts, cell: &[], variables: &variables }).is_none()
            };
            let here: BTreeSet<String> = scenarios.iter().filter(fits).map(|scenario| (*scenario).to_owned()).collect();
            let answer_runs: BTreeSet<String> = texts(&answer["runs_in"]).into_iter().collect();
            report.same(&name, "runs in", &answer_runs, &here);
            // Where it runs nowhere the table says nothing about the status.
            if let Some(scenario) = answer_runs.first() {
                let facts = facts(scenario);
                let run_on = when.run_on(&Situation { flavour, facts: &facts, cell: &[], variables: &Environment::new() });
                let flags = (answer["on_success"] == true, answer["on_failure"] == true);
                report.same(&name, "on success, on failure", &flags, &(run_on.success, run_on.failure));
            }
        }
    }
}

pub(crate) fn lists(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let mut facts = EventFacts::new(EventKind::Push);
        facts.commit.branch = text(&case, "with").into();
        let when = read(&under("branch", text(&case, "conf")), generation(report));
        let here = when.map(|when| holds(&when, &facts, &[]));
        report.same(&format!("{} {}", text(&case, "conf"), text(&case, "with")), "holds", &case["want"].as_bool(), &here);
    }
}

pub(crate) fn maps(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let with = case["with"].as_object().into_iter().flatten();
        let cell: Vec<(String, String)> = with.map(|(axis, value)| (axis.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
        let when = read(&under("matrix", text(&case, "conf")), generation(report));
        let here = when.map(|when| holds(&when, &EventFacts::new(EventKind::Push), &cell));
        report.same(&format!("{} {}", text(&case, "conf"), case["with"]), "holds", &case["want"].as_bool(), &here);
    }
}

pub(crate) fn paths(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let mut facts = EventFacts::new(EventKind::Push);
        facts.commit.message = text(&case, "message").into();
        facts.changed_files = Some(texts(&case["with"]));
        let when = read(&under("path", text(&case, "conf")), generation(report)).expect("it can be read");
        report.same(&format!("{} {}", text(&case, "conf"), case["with"]), "holds", &(case["want"] == true), &holds(&when, &facts, &[]));
        facts.kind = EventKind::Tag;
        assert!(holds(&when, &facts, &[]), "files say nothing about a tag");
    }
}

pub(crate) fn whole(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let mut facts = facts_of(&case["with"]);
        for (name, value) in case["env"].as_object().into_iter().flatten() {
            facts.inputs.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
        }
        let conf = text(&case, "conf").replace("${CI_REPO_DEFAULT_BRANCH}", &facts.repo.default_branch);
        let here = read(&conf, generation(report)).map(|when| holds(&when, &facts, &[]));
        report.same(&format!("{conf} {}", case["with"]), "holds", &case["want"].as_bool(), &here);
    }
}

/// The words of Woodpecker's own tests for the facts of an event.
fn facts_of(with: &Value) -> EventFacts {
    let go = |value: &Value| value["$go"].as_str().unwrap_or_default().to_owned();
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let curr = &with["Curr"];
    let mut facts = EventFacts::new(match go(&curr["Event"]).as_str() {
        "metadata.EventCron" => EventKind::Cron,
        "metadata.EventManual" => EventKind::Manual,
        "" | "metadata.EventPush" => EventKind::Push,
        other => panic!("unknown event {other}"),
    });
    facts.commit.branch = string(&curr["Commit"]["Branch"]);
    facts.commit.reference = string(&curr["Commit"]["Ref"]);
    facts.cron = curr["Cron"].as_str().map(str::to_owned);
    facts.repo.default_branch = string(&with["Repo"]["Branch"]);
    // 0.15 keeps both in one name; where a test says nothing the name is that of its defaults.
    let name = string(&with["Repo"]["Name"]);
    let (owner, name) = name.split_once('/').map_or((string(&with["Repo"]["Owner"]), name.clone()), |(a, b)| (a.into(), b.into()));
    facts.repo.owner = if owner.is_empty() { "owner".into() } else { owner };
    facts.repo.name = if name.is_empty() { "repo".into() } else { name };
    facts.inputs.insert("CI_SYSTEM_HOST".into(), string(&with["Sys"]["Host"]));
    facts
}

pub(crate) fn status(corpus: &Corpus, report: &mut Report) {
    for case in corpus.cases(report.table()) {
        let here = read(text(&case, "conf"), Generation::Current).map(|when| run_on(&when, &facts("pull_request")));
        let answer = RunOn { success: case["wantSuccess"] == true, failure: case["wantFail"] == true };
        report.same(text(&case, "conf"), "runs on", &Some(answer), &here);
    }
}
