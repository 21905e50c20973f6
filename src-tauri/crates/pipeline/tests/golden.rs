//! Golden pairs in `tests/pipelines`: `NAME.yml` and `NAME.event.json` give `NAME.plan.json` or `NAME.errors.txt`, and
//! `NAME.warnings.txt` when there are warnings or notes.
//!
//! The plan is written without the event (that is the input) and, unless the name begins with `environment`, without those
//! variables that a bare step would have for the same event: what is left is what the file says. To accept new results
//! run the test with `UPDATE_GOLDEN=1` and read the difference.

use lp_model::{BackendKind, Dialect, EventFacts, Plan};
use lp_pipeline::{PipelineFile, compile};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const BARE_08: &str = "pipeline:\n  bare: {image: bare}\n";
const BARE_WP015: &str = "pipeline:\n  bare: {image: bare}\n";
const BARE_WP: &str = "steps:\n  bare: {image: bare}\n";
const BARE_1: &str = "kind: pipeline\nname: default\nsteps:\n- {name: bare, image: bare}\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/pipelines")
}

/// The name tells the place where the file would lie.
fn path(name: &str) -> &'static str {
    if name.contains("wp") { ".woodpecker.yml" } else { ".drone.yml" }
}

fn render(name: &str, plan: &Plan) -> String {
    let mut plan = plan.clone();
    if !name.starts_with("environment") {
        let bare = match plan.dialect {
            Dialect::Drone08 => BARE_08,
            Dialect::Drone1 => BARE_1,
            Dialect::Woodpecker if name.starts_with("wp015") => BARE_WP015,
            Dialect::Woodpecker => BARE_WP,
        };
        let (bare, _) =
            compile(&[PipelineFile { path: path(name), bytes: bare.as_bytes() }], &plan.event).expect("a bare pipeline compiles");
        let common = bare.stages.first().map(|stage| stage.steps[0].environment.clone()).unwrap_or_default();
        for step in plan.stages.iter_mut().flat_map(|stage| &mut stage.steps) {
            step.environment.retain(|name, value| common.get(name) != Some(value));
        }
    }
    let mut value = serde_json::to_value(&plan).expect("a plan is plain data");
    value.as_object_mut().expect("a plan is an object").remove("event");
    serde_json::to_string_pretty(&value).expect("plain data") + "\n"
}

fn lines(diagnostics: &[lp_model::Diagnostic]) -> String {
    diagnostics.iter().map(|d| format!("{d}\n")).collect()
}

#[test]
fn every_pair_gives_what_is_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut names = BTreeSet::new();
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder()).expect("tests/pipelines is there") {
        let file = entry.expect("readable").file_name().into_string().expect("UTF-8");
        if let Some(name) = file.strip_suffix(".yml") {
            names.insert(name.to_owned());
        }
        files.insert(file);
    }
    assert!(names.len() >= 20, "only {} golden cases", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let bytes = std::fs::read(folder().join(format!("{name}.yml"))).expect("readable");
        let event =
            std::fs::read_to_string(folder().join(format!("{name}.event.json"))).unwrap_or_else(|_| panic!("{name}.event.json is missing"));
        let facts: EventFacts = serde_json::from_str(&event).unwrap_or_else(|error| panic!("{name}.event.json: {error}"));
        let results = match compile(&[PipelineFile { path: path(name), bytes: &bytes }], &facts) {
            Ok((plan, warnings)) => {
                check_invariants(name, &plan);
                vec![("plan.json", render(name, &plan)), ("warnings.txt", lines(&warnings))]
            }
            Err(errors) => vec![("errors.txt", lines(&errors))],
        };
        files.remove(&format!("{name}.yml"));
        files.remove(&format!("{name}.event.json"));
        for (kind, text) in results.into_iter().filter(|(_, text)| !text.is_empty()) {
            let file = format!("{name}.{kind}");
            let path = folder().join(&file);
            files.remove(&file);
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            if update && expected != text {
                std::fs::write(&path, &text).expect("writable");
            } else if expected != text {
                wrong.push(format!("--- {file}: written down\n{expected}\n+++ {file}: now\n{text}"));
            }
        }
    }
    // A result that no case gives any more would look like a promise.
    assert!(files.is_empty(), "left over in tests/pipelines: {files:?}");
    assert!(wrong.is_empty(), "{} results differ (UPDATE_GOLDEN=1 accepts them):\n{}", wrong.len(), wrong.join("\n"));
}

/// What the engine relies on, whatever the file says.
fn check_invariants(name: &str, plan: &Plan) {
    for (n, stage) in plan.stages.iter().enumerate() {
        assert_eq!(stage.number.0 as usize, n + 1, "{name}: stages are numbered from 1");
        assert!(stage.needs.iter().all(|need| plan.stage(*need).is_some()), "{name}: every need exists");
        for (m, step) in stage.steps.iter().enumerate() {
            assert_eq!(step.number.0 as usize, m + 1, "{name}: steps are numbered from 1");
            assert!(step.needs.iter().all(|need| stage.step(*need).is_some()), "{name}: every need exists");
            assert!(step.run_on.success || step.run_on.failure, "{name}: a step that never runs is left out");
            assert!(step.mounts.iter().all(|mount| stage.volumes.iter().any(|v| v.name == mount.volume)), "{name}: every volume exists");
            assert!(stage.backend == BackendKind::Host || !step.image.is_empty(), "{name}: every container has an image");
        }
    }
    assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(plan).expect("plain")).expect("reads back"), *plan, "{name}");
}
