//! The end-to-end scenarios of Woodpecker's own tests, with the states that it gives. They are no part of this repository; they are looked
//! for in `LETTERPRESS_CORPUS`, else in a folder `shared/corpus` beside the repository.

use crate::scenario::{Scenario, workflows};
use lp_model::{RunState, StageState, StepState};
use lp_tests::world::Outcome;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where we differ on purpose, for all tests that read the corpus: table, case and reason. Here a case is `SCENARIO: WHAT WOODPECKER SAYS`.
const DEVIATIONS: &str = include_str!("../../src-tauri/crates/pipeline/tests/corpus/deviations.tsv");

pub struct Case {
    pub scenario: Scenario,
    expected: Value,
}

/// All scenarios; `None`, said loudly, when they are not there.
pub fn all() -> Option<Vec<Case>> {
    let folder = match std::env::var_os("LETTERPRESS_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?.join("shared").join("corpus"),
    };
    let folder = folder.join("e2e_woodpecker");
    if !folder.is_dir() {
        eprintln!("\n*** NO CORPUS: {} is not there, nothing was compared. Set LETTERPRESS_CORPUS to its folder. ***\n", folder.display());
        return None;
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let cases: Vec<Case> = paths.iter().filter_map(|path| case(path)).collect();
    assert!(cases.len() >= 17, "only {} scenarios", cases.len());
    Some(cases)
}

fn case(path: &Path) -> Option<Case> {
    let (files, answer) = if path.is_dir() {
        (workflows(path), path.join("scenario.json"))
    } else if path.extension().is_some_and(|ending| ending == "yaml") {
        (vec![(".woodpecker.yaml".to_owned(), std::fs::read(path).unwrap())], path.with_extension("json"))
    } else {
        return None;
    };
    let expected: Value = serde_json::from_slice(&std::fs::read(answer).unwrap()).unwrap();
    assert_eq!(expected["event"], "push", "{}", path.display());
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    Some(Case { scenario: Scenario { name, files }, expected })
}

/// The scenario, what Woodpecker says and what we say.
pub type Difference = (String, String, String);

impl Case {
    /// What we say otherwise.
    pub fn differences(&self, outcome: &Result<Outcome, String>) -> Vec<Difference> {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
        let list = |key: &str| self.expected[key].as_array().into_iter().flatten();
        let mut expected: BTreeSet<String> = [format!("run {}", text(&self.expected, "expected_status"))].into();
        expected.extend(list("expected_workflows").map(|one| format!("workflow {} {}", text(one, "name"), text(one, "status"))));
        expected
            .extend(list("expected_steps").map(|one| format!("step {} {} {}", text(one, "name"), text(one, "status"), one["exit_code"])));
        let mut found = said(outcome);
        // Where their test does not look at the workflows, there is one, and the run's state is its state.
        if self.expected["expected_workflows"].is_null() {
            found.retain(|line| !line.starts_with("workflow "));
        }
        let theirs: Vec<&String> = expected.difference(&found).collect();
        let ours: Vec<&String> = found.difference(&expected).collect();
        let line = |lines: &[&String], at: usize| lines.get(at).map_or_else(|| "nothing".to_owned(), |line| (*line).clone());
        let most = theirs.len().max(ours.len());
        if let (true, Ok(outcome)) = (most > 0, outcome) {
            eprintln!("{}:\n{outcome}{}", self.scenario.name, outcome.logs());
        }
        (0..most).map(|at| (self.scenario.name.clone(), line(&theirs, at), line(&ours, at))).collect()
    }
}

/// An outcome in Woodpecker's words.
fn said(outcome: &Result<Outcome, String>) -> BTreeSet<String> {
    let Ok(outcome) = outcome else { return ["run error".to_owned()].into() };
    let mut lines: BTreeSet<String> = [format!("run {}", run_word(outcome.run))].into();
    for stage in &outcome.stages {
        lines.insert(format!("workflow {} {}", stage.name, stage_word(stage.state)));
        if stage.has_files {
            // Cloning is a step of its own there; here it is a part of making the stage's place.
            lines.insert("step clone success 0".to_owned());
        }
        lines.extend(stage.steps.iter().map(|step| format!("step {} {} {}", step.name, step_word(step.state), step.exit_code)));
    }
    lines
}

fn run_word(state: RunState) -> &'static str {
    match state {
        RunState::Passed => "success",
        RunState::Failed => "failure",
        other => other.as_str(),
    }
}

fn stage_word(state: StageState) -> &'static str {
    match state {
        StageState::Passed => "success",
        StageState::Failed => "failure",
        other => other.as_str(),
    }
}

fn step_word(state: StepState) -> &'static str {
    match state {
        StepState::Passed => "success",
        StepState::Failed => "failure",
        other => other.as_str(),
    }
}

/// Fails with all differences but the listed ones, and for listed ones that have gone.
pub fn settle(differences: Vec<Difference>) {
    let rows = DEVIATIONS.lines().filter_map(|line| line.strip_prefix("e2e_woodpecker\t")?.split_once('\t'));
    let listed: BTreeSet<String> = rows.map(|(case, _)| case.to_owned()).collect();
    let case = |(scenario, theirs, _): &Difference| format!("{scenario}: {theirs}");
    let new: Vec<_> = differences.iter().filter(|difference| !listed.contains(&case(difference))).collect();
    assert!(new.is_empty(), "Woodpecker ends otherwise (scenario, it, we): {new:#?}");
    assert_eq!(differences.iter().map(case).collect::<BTreeSet<_>>(), listed, "remove from deviations.tsv what does not differ any more");
}
