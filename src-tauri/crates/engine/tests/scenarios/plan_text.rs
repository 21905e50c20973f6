//! Plans as text, one line per step:
//!
//! ```text
//! stage deploy needs=test on=failure
//!   db service
//!   build SLEEP=1s TOKEN=$token
//!   lint needs=- failure=ignore
//! ```
//!
//! A step needs the one above it unless it says otherwise (`needs=-`: nothing). Keys in capitals are its environment:
//! `$name` is a secret, `@fact` a fact of the moment.

use lp_model::{
    BackendKind, Concurrency, Dialect, EnvValue, EventFacts, EventKind, OnFailure, PLAN_VERSION, Plan, RunOn, RuntimeFact, Stage,
    StageNumber, Step, StepKind, StepNumber, Workspace,
};
use std::collections::BTreeMap;

pub fn plan(text: &str) -> Plan {
    let mut stages: Vec<Stage> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        match words.next().unwrap() {
            "stage" => {
                let name = words.next().unwrap();
                let stage = read_stage(&stages, name, words);
                stages.push(stage);
            }
            name => {
                if stages.is_empty() {
                    let stage = read_stage(&[], "default", [].into_iter());
                    stages.push(stage);
                }
                let stage = stages.last_mut().unwrap();
                let step = read_step(&stage.steps, name, words);
                stage.steps.push(step);
            }
        }
    }
    Plan {
        version: PLAN_VERSION,
        dialect: Dialect::Drone1,
        file: ".drone.yml".into(),
        event: EventFacts::new(EventKind::Push),
        timeout_s: 3600,
        cleanup_on_cancel: false,
        cleanup_timeout_s: lp_model::CLEANUP_TIMEOUT_S,
        left_out: vec![],
        stages,
    }
}

fn read_stage<'a>(earlier: &[Stage], name: &str, words: impl Iterator<Item = &'a str>) -> Stage {
    let mut stage = Stage {
        number: StageNumber(earlier.len() as u32 + 1),
        name: name.into(),
        backend: BackendKind::Docker,
        needs: vec![],
        run_on: RunOn::default(),
        workspace: Workspace { base: "/drone/src".into(), path: String::new() },
        source: true,
        checkout: None,
        concurrency: None,
        file: String::new(),
        matrix: BTreeMap::new(),
        volumes: vec![],
        steps: vec![],
    };
    for word in words {
        match word.split_once('=') {
            Some(("needs", names)) => {
                stage.needs = names.split(',').map(|n| earlier.iter().find(|s| s.name == n).expect("an earlier stage").number).collect();
            }
            Some(("on", on)) => stage.run_on = run_on(on),
            Some(("at_once", limit)) => stage.concurrency = Some(Concurrency { limit: limit.parse().unwrap(), group: None }),
            _ => panic!("`{word}` of stage `{name}`"),
        }
    }
    stage
}

fn read_step<'a>(earlier: &[Step], name: &str, words: impl Iterator<Item = &'a str>) -> Step {
    let mut step = Step::new(earlier.len() as u32 + 1, name, StepKind::Commands);
    step.needs = earlier.last().map(|last| last.number).into_iter().collect();
    for word in words {
        match word.split_once('=') {
            None if word == "service" => (step.kind, step.detached, step.needs) = (StepKind::Service, true, vec![]),
            None if word == "detached" => step.detached = true,
            None if word == "exit78" => step.exit_78_ends_stage = true,
            Some(("needs", "-")) => step.needs.clear(),
            Some(("needs", names)) => step.needs = names.split(',').map(|n| number(earlier, n)).collect(),
            Some(("on", on)) => step.run_on = run_on(on),
            Some(("failure", "ignore")) => step.on_failure = OnFailure::Ignore,
            Some(("failure", "fast")) => step.on_failure = OnFailure::CancelRun,
            Some(("timeout", seconds)) => step.timeout_s = Some(seconds.parse().unwrap()),
            Some(("image", image)) => step.image = image.into(),
            Some((variable, value)) if variable.starts_with(|c: char| c.is_ascii_uppercase()) => {
                step.environment.insert(variable.into(), env_value(value));
            }
            _ => panic!("`{word}` of step `{name}`"),
        }
    }
    step
}

fn number(earlier: &[Step], name: &str) -> StepNumber {
    earlier.iter().find(|step| step.name == name).expect("an earlier step").number
}

fn env_value(text: &str) -> EnvValue {
    if let Some(name) = text.strip_prefix('$') {
        return EnvValue::Secret(name.into());
    }
    match text {
        "@run_status" => EnvValue::Runtime(RuntimeFact::RunStatus),
        "@stage_status" => EnvValue::Runtime(RuntimeFact::StageStatus),
        "@failed_steps" => EnvValue::Runtime(RuntimeFact::FailedSteps),
        "@run_started" => EnvValue::Runtime(RuntimeFact::RunStartedS),
        "@stage_started" => EnvValue::Runtime(RuntimeFact::StageStartedS),
        "@step_started" => EnvValue::Runtime(RuntimeFact::StepStartedS),
        "@machine" => EnvValue::Runtime(RuntimeFact::Machine),
        "@workspace" => EnvValue::Runtime(RuntimeFact::WorkspaceDir),
        text => EnvValue::Text(text.into()),
    }
}

fn run_on(text: &str) -> RunOn {
    RunOn { success: text != "failure", failure: text != "success" }
}
