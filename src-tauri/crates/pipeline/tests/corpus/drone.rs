//! Drone 0.8 and 1.x.

use crate::{SCENARIOS_08, cases, compare_08, corpus, facts, left_out, refused, settle, text};
use lp_model::{Dialect, EnvValue, StepKind, what};
use lp_pipeline::environment::Environment;
use lp_pipeline::substitute::{Backslashes, substitute};
use lp_pipeline::when::{Conditions, Situation};
use lp_pipeline::{PipelineFile, compile, lint, matrix, outline, params};
use lp_yaml::{Findings, Schema};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn substitution_agrees() {
    let Some(folder) = corpus() else { return };
    let value = |name: &str| match name {
        "DRONE_BRANCH" => Some("feature/foo".to_owned()),
        "DRONE_COMMIT_SHA" => Some("7fd1a60b01f91b314f59955a4e4d4e80d8edf11d".into()),
        "DRONE_BUILD_NUMBER" => Some("42".into()),
        "DRONE_COMMIT_MESSAGE" => Some("first commit".into()),
        _ => None,
    };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_substitution_oracle.json") {
        for (key, backslashes) in [("drone_0.8", Backslashes::Eat), ("drone_1.x_woodpecker", Backslashes::Keep)] {
            let now = substitute(text(&case, "text"), backslashes, &value).ok().map(|done| done.text);
            let expected = case[key]["text"].as_str().map(str::to_owned);
            if now != expected {
                differences.push((format!("{key} {}", text(&case, "text")), format!("{expected:?}, here {now:?}")));
            }
        }
    }
    settle(differences, &[("drone_0.8 ${DRONE_COMMIT_SHA:100:2}", "0.8 crashes on it; here it is empty, as in 1.x")]);

    let mut differences = Vec::new();
    for case in cases(&folder, "envsubst_eval.json") {
        let value = |name: &str| case["params"][name].as_str().map(str::to_owned);
        let now = substitute(text(&case, "input"), Backslashes::Keep, &value).map(|done| done.text).unwrap_or_default();
        if now != text(&case, "output") {
            differences.push((text(&case, "input").to_owned(), format!("{:?}, here {now:?}", text(&case, "output"))));
        }
    }
    settle(differences, &[]);
}

#[test]
fn plugin_parameters_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_params_oracle.json") {
        let yaml = text(&case, "yaml_value");
        for (key, schema) in [("drone_0.8", Schema::Drone08), ("drone_1.x", Schema::Drone1)] {
            let now = match lp_yaml::parse("t", format!("    k: {yaml}\n").as_bytes()) {
                Err(_) => Err(()),
                Ok(documents) => Ok(documents[0].root.get("k").and_then(|node| params::value(node, schema))),
            };
            let expected = if case[key].get("error").is_some() { Err(()) } else { Ok(case[key]["PLUGIN_K"].as_str().map(str::to_owned)) };
            if now != expected {
                differences.push((format!("{key} {yaml}"), format!("{expected:?}, here {now:?}")));
            }
        }
    }
    settle(differences, &[]);
}

const SCENARIOS_1: [&str; 8] =
    ["push_master", "push_feature", "pull_request", "tag", "promote_production", "rollback_production", "cron_nightly", "custom"];

#[test]
fn conditions_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_when_oracle.json") {
        let when = text(&case, "when");
        let root = lp_yaml::parse("t", format!("when: {when}\n").as_bytes()).expect("YAML").remove(0).root;
        let node = root.get("when").expect("it stands there");
        for (key, dialect, scenarios) in
            [("drone_0.8", Dialect::Drone08, &SCENARIOS_08[..]), ("drone_1.x", Dialect::Drone1, &SCENARIOS_1[..])]
        {
            let mut findings = Findings::new("t");
            let conditions = Conditions::read(node, dialect, what!("`{}`", "when"), &mut findings);
            let error = case[key].get("error").is_some();
            if findings.has_errors() != error {
                differences.push((format!("{key} {when}"), format!("error {error}, here {:?}", findings.into_sorted())));
                continue;
            }
            if error {
                continue;
            }
            let fits = |scenario: &&&str| {
                conditions.mismatch(&Situation { dialect, facts: &facts(scenario), cell: &[], variables: &Environment::new() }).is_none()
            };
            let now: BTreeSet<&str> = scenarios.iter().filter(fits).copied().collect();
            let expected: BTreeSet<&str> = case[key]["runs_in"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
            if now != expected {
                differences.push((format!("{key} {when}"), format!("{expected:?}, here {now:?}")));
            }
            let run_on = conditions.run_on(dialect);
            let flags = (case[key]["on_success"] == true, case[key]["on_failure"] == true);
            // Where it runs nowhere the table says nothing about the status.
            if !expected.is_empty() && flags != (run_on.success, run_on.failure) {
                differences.push((format!("{key} {when}"), format!("success and failure {flags:?}, here {run_on:?}")));
            }
        }
    }
    settle(differences, &[]);
}

#[test]
fn matrices_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_matrix_oracle.json") {
        let root = lp_yaml::parse("t", text(&case, "yaml").as_bytes()).expect("YAML").remove(0).root;
        let mut findings = Findings::new("t");
        let cells = matrix::cells(&root, &mut findings);
        let expected = &case["drone_0.8"];
        let now = if findings.has_errors() { None } else { Some(cells.iter().filter(|cell| !cell.is_empty()).count() as u64) };
        if now != expected["count"].as_u64() {
            differences.push((text(&case, "name").to_owned(), format!("{expected}, here {cells:?}")));
        }
        if let (Some(axes), Some(_)) = (expected["axes"].as_array(), now) {
            let mut shown: Vec<Value> = cells
                .iter()
                .map(|cell| cell.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect::<serde_json::Map<_, _>>().into())
                .collect();
            shown.sort_by_key(ToString::to_string);
            let mut axes = axes.clone();
            axes.sort_by_key(ToString::to_string);
            if shown != axes {
                differences.push((text(&case, "name").to_owned(), format!("{axes:?}, here {shown:?}")));
            }
        }
    }
    settle(differences, &[]);
}

#[test]
fn small_files_are_refused_where_the_original_refuses() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for (table, key) in [("own_structure_oracle.json", "drone_0.8"), ("own_structure_1x_oracle.json", "drone_1.x")] {
        for case in cases(&folder, table) {
            let now = compile(&[PipelineFile { path: ".drone.yml", bytes: text(&case, "yaml").as_bytes() }], &facts("push_master"));
            let expected = refused(&case[key]);
            if now.is_err() != expected {
                differences.push((format!("{key} {}", text(&case, "name")), format!("refused {expected}, here {now:?}")));
            }
        }
    }
    settle(
        differences,
        &[
            ("drone_0.8 commands with bool", "accepted with a warning that says how drone 0.8 reads it"),
            ("drone_0.8 commands with int", "accepted with a warning that says how drone 0.8 reads it"),
            ("drone_0.8 env map bool", "accepted with a warning that says how drone 0.8 reads it"),
            ("drone_0.8 secrets mixed", "names and pairs in one list are clear enough"),
            ("drone_0.8 duplicate step names", "a key that occurs twice is an error everywhere"),
            ("drone_1.x kind unknown", "a file without any pipeline would run nothing without a word"),
            ("drone_1.x undeclared volume", "the runner's linter refuses it, the server's does not"),
            ("drone_1.x platform bad", "the platform is ignored with a note"),
            ("drone_1.x build/push (1.0 only)", "a step without an image cannot run"),
        ],
    );
}

#[test]
fn real_files_run_the_same_steps() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    let mut compared = 0;
    let mut names: Vec<_> =
        std::fs::read_dir(folder.join("realworld")).expect("real files").map(|e| e.expect("readable").file_name()).collect();
    names.sort();
    for name in names {
        let name = name.into_string().expect("UTF-8");
        let old = name.contains("__08");
        if !old && !name.contains("__1x") {
            continue;
        }
        let bytes = std::fs::read(folder.join("realworld").join(&name)).expect("readable");
        let file = PipelineFile { path: ".drone.yml", bytes: &bytes };
        let _ = (lint(&[file]), outline(&[file]));
        let expected = folder.join("expected").join(name.replace(".yml", ".json"));
        let expected: Value = serde_json::from_str(&std::fs::read_to_string(expected).expect("an answer")).expect("JSON");
        for &scenario in if old { &SCENARIOS_08[..] } else { &SCENARIOS_1[..] } {
            let answer = &expected["facts"]["scenarios"][scenario];
            let now = compile(&[file], &facts(scenario));
            compared += 1;
            let difference = match (now, old) {
                (Ok((plan, _)), true) => compare_08(&plan, &expected["facts"], answer, &left_out(&bytes), scenario),
                (Ok((plan, _)), false) => compare_1(&plan, &expected["facts"]["pipelines"], answer),
                (Err(errors), _) if answer.is_null() || answer.to_string().contains("_error") => {
                    drop(errors);
                    None
                }
                (Err(errors), _) => Some(errors.iter().map(|d| format!("\n    {d}")).collect::<String>()),
            };
            if let Some(difference) = difference {
                differences.push((name.clone(), format!("{scenario}: {difference}")));
            }
        }
    }
    assert!(compared > 300, "only {compared} comparisons");
    settle(
        differences,
        &[
            ("UKHomeOffice__rotm__08.yml", "a step name occurs twice"),
            ("UKHomeOffice__rotm__08__ed81d17.yml", "step names occur twice"),
            ("nextcloud__circles__08__ed62f57.yml", "a step name occurs twice"),
            ("nextcloud__deck__1x.yml", "`---` is missing between two pipelines, so all keys occur twice"),
        ],
    );
}

/// Pipelines of a type that is not run here are left out with a warning.
fn compare_1(plan: &lp_model::Plan, pipelines: &Value, answer: &Value) -> Option<String> {
    let mut expected = BTreeSet::new();
    for (name, pipeline) in answer.as_object().into_iter().flatten() {
        let runs = matches!(pipelines[name]["type"].as_str(), None | Some("" | "docker" | "exec"));
        if runs && pipeline["triggered"] == true {
            let steps = pipeline["steps_run"].as_array().into_iter().flatten().filter_map(Value::as_str);
            expected.extend(steps.map(|step| format!("{name}/{step}")));
        }
    }
    let steps = plan.stages.iter().flat_map(|stage| {
        stage.steps.iter().filter(|step| step.kind != StepKind::Service).map(|step| format!("{}/{}", stage.name, step.name))
    });
    let now: BTreeSet<String> = steps.collect();
    (now != expected).then(|| format!("missing {:?}, too many {:?}", expected.difference(&now), now.difference(&expected)))
}

#[test]
fn a_secret_of_a_real_plugin_step_is_a_name_in_the_plan() {
    let text = "kind: pipeline\nsteps:\n- name: push\n  image: plugins/docker\n  settings: {password: {from_secret: pw}, repo: a/b}\n";
    let (plan, _) = compile(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }], &facts("push_master")).expect("it compiles");
    assert_eq!(plan.stages[0].steps[0].environment["PLUGIN_PASSWORD"], EnvValue::Secret("pw".into()));
    assert_eq!(plan.secret_names(), ["pw"]);
}
