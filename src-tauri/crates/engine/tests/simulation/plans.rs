//! Random plans.

use crate::dice::Dice;
use lp_model::{
    BackendKind, Concurrency, Dialect, EnvValue, EventFacts, EventKind, OnFailure, PLAN_VERSION, Plan, RunOn, RuntimeFact, Stage,
    StageNumber, Step, StepKind, StepNumber, Workspace,
};
use std::collections::BTreeMap;

/// Names and values of the secrets of this world. One begins as another one does, and some have several lines.
pub const SECRETS: [(&str, &str); 3] =
    [("token", "s3cr3t-of-the-house"), ("short", "s3cr3t"), ("key", "-----BEGIN-----\nMIIEpAIBAAKCAQEA7\n-----END-----")];

pub fn any_plan(dice: &mut Dice) -> Plan {
    let count = dice.pick(&[1, 1, 1, 2, 2, 3]);
    let mut stages = Vec::new();
    for number in 1..=count {
        stages.push(any_stage(dice, number));
    }
    Plan {
        version: PLAN_VERSION,
        dialect: Dialect::Drone1,
        file: ".drone.yml".into(),
        event: EventFacts::new(EventKind::Push),
        timeout_s: dice.pick(&[3600, 3600, 3600, 60, 7]),
        cleanup_on_cancel: dice.happens(500),
        cleanup_timeout_s: dice.pick(&[300, 300, 20, 0]),
        left_out: vec![],
        stages,
    }
}

fn any_stage(dice: &mut Dice, number: u32) -> Stage {
    let steps = dice.pick(&[0, 1, 2, 3, 3, 4, 5]);
    Stage {
        number: StageNumber(number),
        name: format!("stage{number}"),
        file: String::new(),
        backend: BackendKind::Docker,
        needs: (1..number).filter(|_| dice.happens(600)).map(StageNumber).collect(),
        run_on: run_on(dice),
        workspace: Workspace { base: "/drone/src".into(), path: String::new() },
        source: dice.happens(700),
        checkout: None,
        concurrency: dice
            .happens(300)
            .then(|| Concurrency { limit: 1 + dice.below(2) as u32, group: dice.happens(500).then(|| "deploy".to_owned()) }),
        matrix: BTreeMap::new(),
        volumes: vec![],
        steps: (1..=steps).map(|step| any_step(dice, number, step)).collect(),
    }
}

fn any_step(dice: &mut Dice, stage: u32, number: u32) -> Step {
    let mut step = Step::new(number, &format!("s{stage}-{number}"), StepKind::Commands);
    if dice.happens(150) {
        step.detached = true;
        if dice.happens(500) {
            step.kind = StepKind::Service;
        }
    }
    step.needs = match dice.below(4) {
        // A chain, a graph, a group.
        0 | 1 => (number > 1).then(|| StepNumber(number - 1)).into_iter().collect(),
        2 => (1..number).filter(|_| dice.happens(500)).map(StepNumber).collect(),
        _ => vec![],
    };
    step.run_on = run_on(dice);
    step.on_failure = dice.pick(&[OnFailure::Fail, OnFailure::Fail, OnFailure::Fail, OnFailure::Ignore, OnFailure::CancelRun]);
    step.exit_78_ends_stage = dice.happens(300);
    step.timeout_s = dice.happens(150).then(|| dice.pick(&[2, 30]));
    let mut set = |name: &str, value: &str| drop(step.environment.insert(name.into(), EnvValue::Text(value.into())));
    match dice.below(20) {
        0..=5 => {}
        6..=9 => set("SLEEP", "1s"),
        10..=12 => set("SLEEP", "20s"),
        13..=15 => set("SLEEP", "300ms"),
        16 => set("SLEEP", "10m"),
        17 => set("SLEEP", "forever"),
        _ => set("STEP_START_DELAY", "2s"),
    }
    match dice.below(30) {
        0..=2 => set("STEP_EXIT_CODE", "1"),
        3 | 4 => set("STEP_EXIT_CODE", "78"),
        5 => set("STEP_SIGNAL", "11"),
        6 => set("STEP_OOM_KILLED", "true"),
        7 => set("STEP_START_FAIL", "true"),
        8 => set("STEP_PANIC", "true"),
        _ => {}
    }
    if dice.happens(300) {
        let lines = dice.pick(&["1", "5", "40"]);
        set("STEP_LOG_LINES", lines);
        if dice.happens(500) {
            set("STEP_MIX", "true");
        }
        if dice.happens(600) {
            set("STEP_LOG_PAUSE", "200ms");
        }
    }
    if dice.happens(200) {
        set("STEP_LOG_END", "the end, without a line break: s3cr");
    }
    if dice.happens(200) {
        set("STEP_NOTE", "fetching with s3cr3t-of-the-house");
    }
    if dice.happens(100) {
        set("IGNORE_TERM", "true");
    }
    if dice.happens(15) {
        set("STEP_HANG", "true");
    }
    if dice.happens(400) {
        let (name, _) = dice.pick(&SECRETS);
        set("STEP_ECHO", "VALUE");
        step.environment.insert("VALUE".into(), EnvValue::Secret(name.into()));
    }
    if dice.happens(100) {
        step.environment.insert("STATUS".into(), EnvValue::Runtime(RuntimeFact::StageStatus));
        step.environment.insert("NOW".into(), EnvValue::Runtime(RuntimeFact::NowS));
    }
    if dice.happens(20) {
        step.image = "missing/tool:1".into();
    }
    step
}

fn run_on(dice: &mut Dice) -> RunOn {
    match dice.below(8) {
        0..=5 => RunOn::default(),
        6 => RunOn { success: false, failure: true },
        _ => RunOn { success: true, failure: true },
    }
}
