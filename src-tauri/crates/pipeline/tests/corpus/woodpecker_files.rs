//! Woodpecker's whole files: real ones, the fixtures of its schema, its samples and its run-time scenarios.

use crate::{SCENARIOS_08, compare_08, corpus, facts, left_out, settle};
use lp_model::{EventKind, Severity, StepKind};
use lp_pipeline::{PipelineFile, compile, lint, outline};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(self::files(&path, endings));
        } else if path.extension().is_some_and(|ending| endings.iter().any(|e| ending == *e)) {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned()
}

fn answer(folder: &Path, file: &str) -> Value {
    let path = folder.join("expected").join(file.replace(".yml", ".json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("an answer")).expect("JSON")
}

#[test]
fn real_files_of_015_run_the_same_steps() {
    let Some(folder) = corpus() else { return };
    let (mut differences, mut compared) = (Vec::new(), 0);
    for path in files(&folder.join("realworld"), &["yml"]) {
        let name = name(&path);
        if !name.contains("__wp015") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("readable");
        let file = PipelineFile { path: ".woodpecker.yml", bytes: &bytes };
        let _ = (lint(&[file]), outline(&[file]));
        let expected = &answer(&folder, &name)["facts"];
        for scenario in SCENARIOS_08 {
            let answer = &expected["scenarios"][scenario];
            let refused =
                answer.is_null() || answer.to_string().contains("parse_error") || answer.to_string().contains("lint_error_trusted");
            compared += 1;
            let difference = match compile(&[file], &facts(scenario)) {
                Ok(_) if refused => Some(format!("refused: {answer}")),
                Ok((plan, _)) => compare_08(&plan, expected, answer, &left_out(&bytes), scenario),
                Err(_) if refused => None,
                Err(errors) => Some(errors.iter().map(|d| format!("\n    {d}")).collect::<String>()),
            };
            if let Some(difference) = difference {
                differences.push((name.clone(), format!("{scenario}: {difference}")));
            }
        }
    }
    assert!(compared >= 50, "only {compared} comparisons");
    settle(
        differences,
        &[
            ("6543__xyaml__wp015.yml", "`when` at the top of the file is obeyed, as in woodpecker 1.0 and later; 0.15 did not look at it"),
            ("Andre601__AdvancedServerList__wp015__renovate.yml", "a list of conditions is taken, as in woodpecker 1.0 and later"),
        ],
    );
}

#[test]
fn real_files_of_today_have_the_same_steps() {
    let Some(folder) = corpus() else { return };
    let (mut differences, mut compared) = (Vec::new(), 0);
    for path in files(&folder.join("realworld"), &["yml"]) {
        let name = name(&path);
        if !name.contains("__wpmap") && !name.contains("__wp__") && !name.ends_with("__wp.yml") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("readable");
        let file = PipelineFile { path: ".woodpecker.yml", bytes: &bytes };
        let expected = &answer(&folder, &name)["facts"];
        compared += 1;
        let outline = match outline(&[file]) {
            Ok(outline) => outline,
            Err(errors) => {
                differences.push((name, errors.iter().map(|d| format!("\n    {d}")).collect::<String>()));
                continue;
            }
        };
        for kind in EventKind::ALL {
            let mut facts = facts("push_master");
            facts.kind = kind;
            if let Err(errors) = compile(&[file], &facts) {
                differences.push((name.clone(), format!("{kind:?}: {}", errors.iter().map(|d| format!("\n    {d}")).collect::<String>())));
            }
        }
        let first = &outline.stages[0].steps;
        for (service, key) in [(false, "steps"), (true, "services")] {
            let now: Vec<(&str, bool)> = first
                .iter()
                .filter(|step| (step.kind == StepKind::Service) == service)
                .map(|step| (step.name.as_str(), step.kind == StepKind::Commands))
                .collect();
            let expected: Vec<(&str, bool)> = expected[key]
                .as_array()
                .into_iter()
                .flatten()
                .map(|step| (step["name"].as_str().unwrap_or_default(), !service && step["commands_count"].as_u64().unwrap_or(0) > 0))
                .collect();
            // The answers hold the names as written, with their variables.
            let same =
                |(now, expected): (&(&str, bool), &(&str, bool))| now == expected || (expected.0.contains("${") && now.1 == expected.1);
            if now.len() != expected.len() || !now.iter().zip(&expected).all(same) {
                differences.push((name.clone(), format!("{expected:?}\n    {now:?}")));
            }
        }
    }
    assert!(compared >= 50, "only {compared} comparisons");
    settle(differences, &[]);
}

#[test]
fn fixtures_of_the_schema_are_judged_alike() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for path in files(&folder.join("schema_woodpecker"), &["yml", "yaml"]) {
        let bytes = std::fs::read(&path).expect("readable");
        let found = lint(&[PipelineFile { path: ".woodpecker.yml", bytes: &bytes }]);
        let errors: Vec<String> = found.iter().filter(|d| d.severity == Severity::Error).map(ToString::to_string).collect();
        let remarks = found.iter().any(|d| d.severity == Severity::Warning);
        let broken = name(&path).contains("broken") || name(&path).contains("invalid");
        // What their schema refuses is at least worth a warning here.
        if broken && errors.is_empty() && !remarks || !broken && !errors.is_empty() {
            let version = path.parent().map(name).unwrap_or_default();
            differences.push((format!("{version}/{}", name(&path)), format!("broken {broken}, here {found:?}")));
        }
    }
    settle(differences, &[]);
}

#[test]
fn scenarios_and_samples_compile() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for part in ["e2e_woodpecker", "samples_woodpecker"] {
        for path in files(&folder.join(part), &["yml", "yaml"]) {
            let bytes = std::fs::read(&path).expect("readable");
            if let Err(errors) = compile(&[PipelineFile { path: ".woodpecker.yml", bytes: &bytes }], &facts("push_master")) {
                let place = path.parent().map(name).unwrap_or_default();
                let errors = errors.iter().map(|d| format!("\n    {d}")).collect::<String>();
                differences.push((format!("{place}/{}", name(&path)), errors));
            }
        }
    }
    settle(
        differences,
        &[
            ("sample_10_windows/pipeline.yml", "a workspace on windows cannot be mounted in a container of linux"),
            ("e2e_woodpecker/17_step_missing_required_depends_on.yaml", "a step needs one that does not exist, which the scenario expects"),
        ],
    );
}
