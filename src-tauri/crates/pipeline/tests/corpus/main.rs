//! Agreement with the dialects' own programs: tables of their answers and real files. The corpus is no part of this
//! repository; the test looks for it in `LETTERPRESS_CORPUS`, else in a folder `shared/corpus` beside the repository.

mod drone;
#[path = "../schema/judge.rs"]
mod judge;
mod schema;
mod woodpecker;
mod woodpecker_files;

use lp_model::{EventFacts, EventKind, PullRequestFacts, StepKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) fn corpus() -> Option<PathBuf> {
    let folder = match std::env::var_os("LETTERPRESS_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(4)?.join("shared").join("corpus"),
    };
    if folder.join("tables").is_dir() {
        return Some(folder);
    }
    eprintln!("\n*** NO CORPUS at {}: nothing was compared. Set LETTERPRESS_CORPUS to its folder. ***\n", folder.display());
    None
}

pub(crate) fn cases(folder: &Path, table: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("tables").join(table)).expect("the table is there");
    let table: Value = serde_json::from_str(&text).expect("the table is JSON");
    table["cases"].as_array().expect("a table has cases").clone()
}

pub(crate) fn text<'v>(case: &'v Value, key: &str) -> &'v str {
    case[key].as_str().unwrap_or_default()
}

/// Fails with all differences, except for those that are known and have a reason, and for known ones that have gone.
pub(crate) fn settle(differences: Vec<(String, String)>, known: &[(&str, &str)]) {
    let new: Vec<_> = differences.iter().filter(|(case, _)| !known.iter().any(|(known, _)| known == case)).collect();
    let gone: Vec<_> = known.iter().filter(|(known, _)| !differences.iter().any(|(case, _)| case == known)).collect();
    assert!(new.is_empty(), "{} cases differ:\n{}", new.len(), new.iter().map(|(c, d)| format!("{c}\n    {d}\n")).collect::<String>());
    assert!(gone.is_empty(), "these no longer differ, remove them from the table: {gone:?}");
}

pub(crate) fn facts(scenario: &str) -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.repo.owner = "octocat".into();
    facts.repo.name = "hello-world".into();
    facts.repo.link = "https://github.com/octocat/hello-world".into();
    facts.repo.default_branch = "master".into();
    facts.repo.trusted = true;
    facts.commit.sha = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d".into();
    facts.commit.message = "first commit".into();
    facts.commit.branch = "master".into();
    facts.commit.reference = "refs/heads/master".into();
    facts.run_number = 42;
    facts.inputs.insert("DRONE_SYSTEM_HOST".into(), "drone.example.com".into());
    facts.inputs.insert("CI_SYSTEM_HOST".into(), "ci.example.com".into());
    match scenario {
        "push_master" => {}
        "push_feature" => {
            facts.commit.branch = "feature/foo".into();
            facts.commit.reference = "refs/heads/feature/foo".into();
        }
        "pull_request" => {
            facts.kind = EventKind::PullRequest;
            facts.commit.reference = "refs/pull/7/head".into();
            facts.pull_request = Some(PullRequestFacts {
                number: 7,
                source_branch: "feature/foo".into(),
                target_branch: "master".into(),
                action: "opened".into(),
                ..PullRequestFacts::default()
            });
        }
        "tag" => {
            facts.kind = EventKind::Tag;
            facts.commit.reference = "refs/tags/v1.2.3".into();
        }
        "deployment_production" | "promote_production" => facts.kind = EventKind::Promote,
        "rollback_production" => facts.kind = EventKind::Rollback,
        "cron_nightly" => {
            facts.kind = EventKind::Cron;
            facts.cron = Some("nightly".into());
        }
        "custom" => facts.kind = EventKind::Manual,
        other => panic!("unknown scenario {other}"),
    }
    facts.target = scenario.ends_with("_production").then(|| "production".into());
    facts
}

pub(crate) const SCENARIOS_08: [&str; 5] = ["push_master", "push_feature", "pull_request", "tag", "deployment_production"];
/// The original's word on a small file: whether it refuses it.
pub(crate) fn refused(answer: &Value) -> bool {
    let lint = |value: &Value| value.get("lint_error_trusted").is_some();
    ["parse_error", "error", "lint_error_trusted", "manifest_lint_error"].iter().any(|key| answer.get(key).is_some())
        || answer["pipelines"].as_object().is_some_and(|pipelines| pipelines.values().any(lint))
}

/// Names under `clone` and `services`: the clone step is ours, and a stage with nothing but services is no stage here.
pub(crate) fn left_out(bytes: &[u8]) -> BTreeSet<String> {
    let documents = lp_yaml::parse("t", bytes).unwrap_or_default();
    let sections = ["clone", "services"].into_iter().filter_map(|key| documents.first()?.root.get(key));
    let names = sections.flat_map(|node| node.entries().unwrap_or_default()).map(|entry| entry.key.text.clone());
    names.chain(["clone".to_owned()]).collect()
}

/// Cell by cell (the answers hold the first cells only). `branches` is decided by the server before and stands apart.
pub(crate) fn compare_08(
    plan: &lp_model::Plan,
    facts: &Value,
    answer: &Value,
    left_out: &BTreeSet<String>,
    scenario: &str,
) -> Option<String> {
    let branch = if scenario == "push_feature" { "feature/foo" } else { "master" };
    let kept_out = facts["branches_match"][branch] == false && !matches!(scenario, "tag" | "deployment_production");
    if kept_out || !answer.is_array() {
        let agree = if kept_out { plan.stages.is_empty() } else { answer.is_null() };
        return (!agree).then(|| format!("expected no stage or {answer}, here {} stages", plan.stages.len()));
    }
    for cell in answer.as_array().into_iter().flatten() {
        let axis: std::collections::BTreeMap<String, String> =
            cell["axis"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect();
        // Steps of one stage start together, so their order says nothing; the order of the stages does.
        let strings = |v: &Value| v.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>();
        let expected: Vec<BTreeSet<String>> = cell["stages"].as_array().into_iter().flatten().map(strings).collect();
        let expected: Vec<BTreeSet<String>> =
            expected.into_iter().map(|s| s.difference(left_out).cloned().collect::<BTreeSet<_>>()).filter(|s| !s.is_empty()).collect();
        let now = plan.stages.iter().find(|stage| stage.matrix == axis).map(groups_of).unwrap_or_default();
        let now: Vec<BTreeSet<String>> =
            now.into_iter().map(|s| s.difference(left_out).cloned().collect::<BTreeSet<_>>()).filter(|s| !s.is_empty()).collect();
        if now != expected {
            return Some(format!("cell {axis:?}: {expected:?}\n    {now:?}"));
        }
    }
    None
}

/// Steps with the same needs start together: the groups of 0.8.
pub(crate) fn groups_of(stage: &lp_model::Stage) -> Vec<BTreeSet<String>> {
    let mut groups: Vec<(Vec<lp_model::StepNumber>, BTreeSet<String>)> = Vec::new();
    for step in stage.steps.iter().filter(|step| step.kind != StepKind::Service) {
        match groups.last_mut() {
            Some((needs, names)) if *needs == step.needs => {
                names.insert(step.name.clone());
            }
            _ => groups.push((step.needs.clone(), [step.name.clone()].into())),
        }
    }
    groups.into_iter().map(|(_, names)| names).collect()
}
