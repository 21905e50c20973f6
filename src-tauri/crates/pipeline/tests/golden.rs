//! What the cases of `tests/pipelines` become: the findings, and the plan.
//!
//! The plan is written without the event (that is the input), without what a step has if nothing is said, and, unless the case is called
//! `environment`, without those variables that a bare step would have for the same event: what is left is what the file says. To accept new
//! results run the test with `UPDATE_GOLDEN=1` and read the difference.

mod cases;

use cases::Case;
use lp_model::{BackendKind, Dialect, Plan, Step, StepKind};
use lp_pipeline::{PipelineFile, compile};

const BARE_08: &str = "pipeline:\n  bare: {image: bare}\n";
const BARE_WP015: &str = "pipeline:\n  bare: {image: bare}\n";
const BARE_WP: &str = "steps:\n  bare: {image: bare}\n";
const BARE_1: &str = "kind: pipeline\nname: default\nsteps:\n- {name: bare, image: bare}\n";

fn render(case: &Case, plan: &Plan) -> String {
    let mut plan = plan.clone();
    if !case.name.ends_with("/environment") {
        let bare = match plan.dialect {
            Dialect::Drone08 => BARE_08,
            Dialect::Drone1 => BARE_1,
            Dialect::Woodpecker if case.name.starts_with("woodpecker015/") => BARE_WP015,
            Dialect::Woodpecker => BARE_WP,
        };
        let (bare, _) =
            compile(&[PipelineFile { path: case.path, bytes: bare.as_bytes() }], &plan.event).expect("a bare pipeline compiles");
        let common = bare.stages.first().map(|stage| stage.steps[0].environment.clone()).unwrap_or_default();
        for step in plan.stages.iter_mut().flat_map(|stage| &mut stage.steps) {
            step.environment.retain(|name, value| common.get(name) != Some(value));
        }
    }
    let mut value = serde_json::to_value(&plan).expect("a plan is plain data");
    value.as_object_mut().expect("a plan is an object").remove("event");
    let bare = serde_json::to_value(Step::new(0, "", StepKind::Commands)).expect("a step is plain data");
    for stage in value["stages"].as_array_mut().into_iter().flatten() {
        for step in stage["steps"].as_array_mut().into_iter().flatten().filter_map(|step| step.as_object_mut()) {
            step.retain(|key, value| bare.get(key) != Some(value) || matches!(key.as_str(), "name" | "number" | "kind" | "image"));
        }
    }
    serde_json::to_string_pretty(&value).expect("plain data") + "\n"
}

#[test]
fn every_case_gives_what_is_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for case in cases::all() {
        let (plan, found) = match compile(&[case.pipeline()], &case.facts()) {
            Ok((plan, found)) => {
                check_invariants(&case.name, &plan);
                (Some(render(&case, &plan)), found)
            }
            Err(found) => (None, found),
        };
        let findings: String = found.iter().map(|finding| format!("{finding}\n")).collect();
        let results = [("findings", Some(findings).filter(|text| !text.is_empty())), ("plan", plan)];
        let differs = |(info, now): &&(&str, Option<String>)| case.block(info) != now.as_deref();
        let differing: Vec<_> = results.iter().filter(differs).collect();
        if update && !differing.is_empty() {
            case.accept(&results);
            continue;
        }
        for (info, now) in differing {
            let (name, before, none) = (&case.name, case.block(info), "(none)\n");
            let now = now.as_deref().unwrap_or(none);
            wrong.push(format!("--- {name}, {info}: written down\n{}\n+++ {name}, {info}: now\n{now}", before.unwrap_or(none)));
        }
    }
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
