//! What must hold in any world.

use crate::plans::SECRETS;
use crate::world::{Run, World};
use lp_backend::{Backend, Claims};
use lp_engine::Past;
use lp_engine::scheduler::Scheduler;
use lp_model::{RunEvent, RunState, StageNumber, StageState, StepKey, StepNumber, StepOutcome, StepState};
use lp_secret::SecretValue;
use lp_secret::masker::Masker;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is stored, folded together again.
pub fn replayed(run: &Run, past: &Past) -> Result<Scheduler, String> {
    let events = past.events.iter().map(|(_, event)| event);
    Scheduler::replay(Arc::clone(&run.plan), events).map_err(|error| format!("{} cannot be replayed: {error}", run.id))
}

pub fn at_the_end(world: &World) -> Result<(), String> {
    if let Some(violation) = world.backend.violations().first() {
        return Err(format!("contract: {violation}"));
    }
    for run in &world.runs {
        let events = world.events(&run.id);
        let scheduler = replayed(run, &world.past(&run.id))?;
        if !scheduler.is_clean() {
            return Err(format!("{} is not over", run.id));
        }
        one_end_per_attempt(run, &events)?;
        in_order(run, &events)?;
        let known: Vec<SecretValue> = secrets(run).into_iter().map(|(_, value)| SecretValue::new(value)).collect();
        logs(world, run, &events, &Masker::new(&known))?;
        no_secrets(world, run, &events)?;
        count(world, scheduler.run_state(), &events);
    }
    released(world)
}

/// The secrets that a plan names: those that a run knows.
fn secrets(run: &Run) -> Vec<(&'static str, &'static str)> {
    let names = run.plan.secret_names();
    SECRETS.into_iter().filter(|(name, _)| names.iter().any(|named| named == name)).collect()
}

fn one_end_per_attempt(run: &Run, events: &[RunEvent]) -> Result<(), String> {
    let attempts: Vec<&[RunEvent]> = events.split(|event| matches!(event, RunEvent::RunRetried { .. })).collect();
    for (attempt, events) in attempts.iter().enumerate() {
        let ends = events.iter().filter(|event| matches!(event, RunEvent::RunEnded { .. })).count();
        if ends != 1 {
            return Err(format!("attempt {} of {} ended {ends} times", attempt + 1, run.id));
        }
        let after = events.iter().skip_while(|event| !matches!(event, RunEvent::RunEnded { .. })).skip(1);
        if let Some(event) = after.into_iter().find(|event| !matches!(event, RunEvent::StageDestroyed { .. })) {
            return Err(format!("{} went on after its end: {event:?}", run.id));
        }
    }
    Ok(())
}

/// No step and no stage begins before what it needs, and no attempt of a step begins twice, or without a retry that names it.
fn in_order(run: &Run, events: &[RunEvent]) -> Result<(), String> {
    let mut steps: BTreeMap<(StageNumber, StepNumber), StepState> = BTreeMap::new();
    let mut stages: BTreeMap<StageNumber, StageState> = BTreeMap::new();
    let mut named: BTreeMap<(StageNumber, StepNumber), u32> = BTreeMap::new();
    let mut begun = BTreeSet::new();
    let mut created = BTreeSet::new();
    for event in events {
        match event {
            RunEvent::RunRetried { stages: again, steps: keys, .. } => {
                stages.retain(|stage, _| !again.contains(stage));
                for key in keys {
                    steps.remove(&(key.stage, key.step));
                    named.insert((key.stage, key.step), key.attempt);
                }
            }
            RunEvent::StagePreparing { stage } => {
                let needs = &run.plan.stage(*stage).expect("a stage of the plan").needs;
                if let Some(need) = needs.iter().find(|need| !stages.get(need).is_some_and(|state| state.is_final())) {
                    return Err(format!("stage {stage} of {} began before stage {need} had ended", run.id));
                }
            }
            RunEvent::StageEnded { stage, state, .. } => drop(stages.insert(*stage, *state)),
            RunEvent::StepStarting { key } => {
                if !begun.insert(*key) {
                    return Err(format!("step {key} of {} began twice", run.id));
                }
                if key.attempt != named.get(&(key.stage, key.step)).copied().unwrap_or(1) {
                    return Err(format!("step {key} of {} is an attempt that nobody asked for", run.id));
                }
                let stage = run.plan.stage(key.stage).expect("a stage of the plan");
                for need in &stage.step(key.step).expect("a step of the plan").needs {
                    let state = steps.get(&(key.stage, *need)).copied().unwrap_or(StepState::Pending);
                    let detached = stage.step(*need).expect("a step of the plan").detached;
                    if !(state.is_final() || detached && state == StepState::Running) {
                        return Err(format!("step {key} of {} began before step {need}", run.id));
                    }
                }
                steps.insert((key.stage, key.step), StepState::Starting);
            }
            RunEvent::StepCreated { key } if !created.insert(*key) => {
                return Err(format!("step {key} of {} was created twice", run.id));
            }
            RunEvent::StepStarted { key } => drop(steps.insert((key.stage, key.step), StepState::Running)),
            RunEvent::StepEnded { key, outcome } => drop(steps.insert((key.stage, key.step), outcome.state())),
            RunEvent::StepSkipped { key, .. } => drop(steps.insert((key.stage, key.step), StepState::Skipped)),
            _ => {}
        }
    }
    Ok(())
}

/// The log of a program that ended by itself is what it wrote, byte for byte, with the secrets masked. Of one that was stopped or lost it is a
/// beginning of that.
fn logs(world: &World, run: &Run, events: &[RunEvent], masker: &Masker) -> Result<(), String> {
    for event in events {
        let RunEvent::StepEnded { key, outcome } = event else { continue };
        let mut state = world.state();
        let Some(written) = state.outputs.get(&format!("lp-{}-{}-{}-{}", run.id, key.stage, key.step, key.attempt)).cloned() else {
            continue;
        };
        if state.hurt_logs.contains(&(run.id.clone(), *key)) {
            continue;
        }
        let log = state.logs.get(&(run.id.clone(), *key)).map(|log| log.bytes.clone()).unwrap_or_default();
        let whole = masked(masker, &written);
        use StepOutcome::{EndedStage, Exited, OutOfMemory, Signalled};
        let is_whole = matches!(outcome, Exited { .. } | EndedStage | Signalled { .. } | OutOfMemory);
        state.counts.logs_compared += u64::from(is_whole);
        state.counts.secrets_masked += u64::from(whole != written);
        if is_whole && log != whole {
            return Err(differ("the log", run, *key, &log, &whole));
        }
        // What was held back as the beginning of a secret may have been masked as a whole there, and written out as it was here.
        let common = log.iter().zip(&whole).take_while(|(a, b)| a == b).count();
        let longest = SECRETS.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
        if !is_whole && common + longest < log.len() {
            return Err(differ("the beginning of the log", run, *key, &log, &whole));
        }
    }
    Ok(())
}

fn differ(what: &str, run: &Run, key: StepKey, log: &[u8], whole: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{what} of step {key} of {} is {:?}, not {:?}", run.id, text(log), text(whole))
}

fn masked(masker: &Masker, bytes: &[u8]) -> Vec<u8> {
    let (mut stream, mut out) = (masker.stream(), Vec::new());
    stream.push(bytes, &mut out);
    stream.finish(&mut out);
    out
}

/// Nothing is there any more but files that were said to be kept, on whatever engine.
fn released(world: &World) -> Result<(), String> {
    if let Some(stage) = world.backend.left().into_iter().next() {
        return Err(format!("{stage} was left behind, and nobody says so"));
    }
    if let Some(container) = world.backend.containers().into_iter().next() {
        return Err(format!("{container} was left behind, and nobody says so"));
    }
    // A sweep finds the rest.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    world.backend.boot(std::time::Duration::from_secs(3600));
    let swept = runtime.block_on(world.backend.sweep(&Claims::default()));
    match swept {
        Ok(_) if world.backend.left().is_empty() && world.backend.containers().is_empty() => Ok(()),
        swept => Err(format!("a sweep leaves {:?} and {:?} behind: {swept:?}", world.backend.left(), world.backend.containers())),
    }
}

fn no_secrets(world: &World, run: &Run, events: &[RunEvent]) -> Result<(), String> {
    let state = world.state();
    let texts = format!("{events:?}{}", state.told.get(&run.id).map_or("", String::as_str));
    for (name, value) in secrets(run) {
        if texts.contains(value) && !state.blind.contains(&run.id) {
            return Err(format!("the secret `{name}` stands in an event of {}", run.id));
        }
        let holds = |bytes: &[u8]| bytes.windows(value.len()).any(|window| window == value.as_bytes());
        if let Some(((_, key), _)) = state.logs.iter().find(|((of, _), log)| *of == run.id && holds(&log.bytes)) {
            return Err(format!("the secret `{name}` stands in the log of step {key} of {}", run.id));
        }
    }
    Ok(())
}

fn count(world: &World, end: RunState, events: &[RunEvent]) {
    let counts = &mut world.state().counts;
    match end {
        RunState::Passed => counts.passed += 1,
        RunState::Failed => counts.failed += 1,
        RunState::Errored => counts.errored += 1,
        RunState::Interrupted => counts.interrupted += 1,
        _ => counts.cancelled += 1,
    }
    for event in events {
        match event {
            RunEvent::StepStarting { .. } => counts.steps += 1,
            RunEvent::StageDestroyed { leftovers, .. } if !leftovers.is_empty() => counts.leftovers += 1,
            RunEvent::StageEnded { message, .. } if message.to_string().starts_with("the files that") => counts.files_missed += 1,
            RunEvent::StepEnded { outcome: StepOutcome::Lost { .. }, .. } => counts.lost += 1,
            RunEvent::StepNoted { note, .. } if note.to_string().starts_with("waits:") => counts.waited_for_slot += 1,
            _ => {}
        }
    }
}
