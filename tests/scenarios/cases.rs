//! Our own cases: `cases/NAME.yml`, or a folder `cases/NAME` with the workflows of Woodpecker, and `cases/NAME.expected` with the states in
//! which run, stages and steps end, and the times of the steps in memory (`at …`) where they say something.

use crate::scenario::{Scenario, workflows};
use lp_tests::world::Outcome;
use std::path::Path;

pub struct Case {
    pub scenario: Scenario,
    states: String,
    times: Option<String>,
}

pub fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/cases");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str().unwrap().strip_suffix(".expected")?.to_owned()))
        .collect();
    names.sort();
    let cases: Vec<Case> = names.iter().map(|name| case(&folder, name)).collect();
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, 2 * cases.len(), "each case has a file (or folder) and what is expected of it");
    cases
}

fn case(folder: &Path, name: &str) -> Case {
    let several = folder.join(name);
    // The name tells the place where the file would lie.
    let path = if name.starts_with("wp") { ".woodpecker.yml" } else { ".drone.yml" };
    let files = match several.is_dir() {
        true => workflows(&several),
        false => vec![(path.to_owned(), std::fs::read(folder.join(format!("{name}.yml"))).unwrap())],
    };
    let expected = std::fs::read_to_string(folder.join(format!("{name}.expected"))).unwrap();
    let lines: Vec<&str> = expected.lines().filter(|line| !line.starts_with('#')).collect();
    let (times, states): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.starts_with("at "));
    let states = states.iter().map(|line| format!("{line}\n")).collect();
    let times = times.first().map(|line| line["at ".len()..].to_owned());
    Case { scenario: Scenario { name: name.to_owned(), files }, states, times }
}

impl Case {
    /// What is otherwise than expected.
    pub fn difference(&self, outcome: &Outcome, times: Option<&str>) -> Option<String> {
        let states = outcome.to_string();
        let late = times.is_some() && self.times.as_deref().is_some_and(|expected| Some(expected) != times);
        if states == self.states && !late {
            return None;
        }
        let expected = self.times.as_deref().map(|times| format!("at {times}\n")).unwrap_or_default();
        let found = times.map(|times| format!("at {times}\n")).unwrap_or_default();
        Some(format!("--- {}: expected\n{}{expected}+++ found\n{states}{found}{}", self.scenario.name, self.states, outcome.logs()))
    }
}
