//! Whole pipelines from the text to the end of the run: compiled, carried out by the engine, on the backend in memory and in
//! real containers. Both must end in the same states.
//!
//! The cases are our own ones in `cases` and, where it is present, the scenarios of Woodpecker's own tests in the corpus. The steps use the
//! image `dummy`, which does what their environment says (`dummy` has the table).
#![allow(clippy::unwrap_used)]

mod cases;
mod corpus;
mod dummy;
mod scenario;

use lp_backend::fake::FakeBackend;
use lp_backend::{Backend as _, Claims};
use lp_backend_docker::{DockerBackend, DockerOptions, labels};
use lp_tests::conformance::within;
use lp_tests::world::{Outcome, World};
use lp_tests::{docker, images};
use scenario::Scenario;
use std::sync::Arc;

/// Runs at once in the container engine: enough to be quick, few enough for a small machine.
const RUNS_AT_ONCE: usize = 3;

/// What became of a scenario on the backend in memory, and the times of its steps.
async fn in_memory(scenario: &Scenario) -> Result<(Outcome, String), String> {
    let plan = scenario.plan()?;
    let backend = Arc::new(FakeBackend::default());
    let world = World::new(backend.clone(), 1);
    let outcome = world.run(plan, None).await;
    assert_eq!(backend.violations(), [""; 0], "{}", scenario.name);
    assert_eq!(backend.left(), [""; 0], "{}", scenario.name);
    let verbs = ["start ", "ask ", "kill ", "end "];
    let calls = backend.calls().into_iter().filter(|call| verbs.iter().any(|verb| call.what.starts_with(verb)));
    let times: Vec<String> = calls.map(|call| format!("{}s {}", call.at.as_secs_f64(), call.what)).collect();
    Ok((outcome, times.join(", ")))
}

/// What became of the scenarios in real containers.
async fn in_containers(scenarios: &[Scenario]) -> Vec<Result<Outcome, String>> {
    let image = images::busybox_image().await;
    let engine = docker::require_engine().await;
    let owner = uuid::Uuid::now_v7().to_string();
    let backend = Arc::new(DockerBackend::new(DockerOptions::new(docker::addresses(), owner.as_str())));
    let world = World::new(backend.clone(), RUNS_AT_ONCE);
    let runs = scenarios.iter().map(async |scenario| {
        let mut plan = scenario.plan()?;
        let news = tempfile::tempdir().unwrap();
        dummy::make_real(&mut plan, image, news.path());
        Ok(world.run(plan, Some(news.path())).await)
    });
    let outcomes = within(300, "the scenarios", futures_util::future::join_all(runs)).await;
    // The files of those that did not pass are kept for a retry, until nobody claims them.
    let left = docker::labelled(&engine, labels::OWNER, &owner).await;
    assert!(left.iter().all(|name| name.starts_with("volume ")), "left behind in the engine: {left:?}");
    backend.sweep(&Claims::default()).await.unwrap();
    assert_eq!(docker::labelled(&engine, labels::OWNER, &owner).await, [""; 0], "left behind in the engine");
    outcomes
}

/// Fails with all differences at once.
fn settle(differences: Vec<String>) {
    assert!(differences.is_empty(), "{} scenarios end otherwise:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn our_cases_on_the_backend_in_memory() {
    let mut differences = Vec::new();
    for case in cases::all() {
        let (outcome, times) = in_memory(&case.scenario).await.unwrap_or_else(|refused| panic!("{}: {refused}", case.scenario.name));
        differences.extend(case.difference(&outcome, Some(&times)));
    }
    settle(differences);
}

#[tokio::test]
async fn our_cases_in_containers() {
    let cases = cases::all();
    let scenarios: Vec<Scenario> = cases.iter().map(|case| case.scenario.clone()).collect();
    let outcomes = in_containers(&scenarios).await;
    let pairs = cases.iter().zip(outcomes);
    settle(pairs.filter_map(|(case, outcome)| case.difference(&outcome.expect("it compiled in memory too"), None)).collect());
}

#[tokio::test(start_paused = true)]
async fn woodpeckers_scenarios_on_the_backend_in_memory() {
    let Some(cases) = corpus::all() else { return };
    let mut differences = Vec::new();
    for case in &cases {
        let outcome = in_memory(&case.scenario).await.map(|(outcome, _)| outcome);
        differences.extend(case.differences(&outcome));
    }
    corpus::settle(differences);
}

#[tokio::test]
async fn woodpeckers_scenarios_in_containers() {
    let Some(cases) = corpus::all() else { return };
    let scenarios: Vec<Scenario> = cases.iter().map(|case| case.scenario.clone()).collect();
    let outcomes = in_containers(&scenarios).await;
    corpus::settle(cases.iter().zip(&outcomes).flat_map(|(case, outcome)| case.differences(outcome)).collect());
}
