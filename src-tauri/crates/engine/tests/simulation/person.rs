//! One process of the app, and the person in front of it.

use crate::check;
use crate::ports::ports;
use crate::world::{End, Run, World};
use lp_backend::fake::FakeRestart;
use lp_engine::scheduler::Scheduler;
use lp_engine::{Engine, Notice, RunEnd, RunHandle, StartError};
use lp_model::{CancelReason, RunEvent, RunState, StageNumber};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What nobody in this world could wait for: a month.
const FOR_EVER: Duration = Duration::from_secs(31 * 24 * 3600);

/// No world may need more attempts to take up its runs: whatever makes them fail runs out.
const RESUMES: u64 = 300;

/// How often a run is retried at most.
const RETRIES: usize = 2;

pub async fn one_process(world: &Arc<World>, process: usize) -> Result<End, String> {
    world.boot(process);
    world.say(|| format!("process {process}"));
    let end = tokio::select! {
        biased;
        () = world.died.notified() => Ok(End::NextProcess),
        end = timeout(FOR_EVER, live(world)) => end.unwrap_or_else(|_| Err(format!("something hangs: {:?}", unfinished(world)))),
    };
    world.backend.halt();
    let problems = std::mem::take(&mut world.state().problems);
    match problems.into_iter().next() {
        Some(problem) => Err(problem),
        None => end,
    }
}

async fn live(world: &Arc<World>) -> Result<End, String> {
    let engine = Engine::new(ports(world), world.settings());
    let mut listener = tokio::task::JoinSet::new();
    listener.spawn(listen(Arc::clone(world), engine.subscribe()));
    let mut handles = BTreeMap::new();
    for run in &world.runs {
        if world.state().journal.contains_key(&run.id) {
            take_up(world, &engine, run, &mut handles)?;
        }
    }
    loop {
        if world.is_dead() {
            std::future::pending::<()>().await;
        }
        let choice = world.state().dice.below(13);
        let pause = world.state().dice.pick(&[1u64, 50, 300, 1000, 5000, 60_000]);
        let anyone = world.state().dice.below(world.runs.len() as u64) as usize;
        match choice {
            0..=3 => sleep(Duration::from_millis(pause)).await,
            4 if world.chance(300) => {
                if let Some(handle) = handles.get(&world.runs[anyone].id) {
                    let reason =
                        world.state().dice.pick(&[CancelReason::User, CancelReason::User, CancelReason::Superseded, CancelReason::Forced]);
                    world.say(|| format!("cancel {} {reason:?}", world.runs[anyone].id));
                    world.state().counts.cancels += 1;
                    RunHandle::cancel(handle, reason);
                }
            }
            5 if world.chance(100) => world.die(),
            6 if world.chance(100) => {
                world.say(|| "suspend".to_owned());
                world.state().counts.suspends += 1;
                engine.suspend().await;
                if !engine.live().is_empty() {
                    return Err("runs are live in a suspended engine".to_owned());
                }
                return Ok(End::NextProcess);
            }
            7 if world.chance(100) => {
                let how = world.state().dice.pick(&[FakeRestart::GoOn, FakeRestart::Ended, FakeRestart::EndedQuietly, FakeRestart::Gone]);
                let away = world.state().dice.pick(&[0, 500, 20_000, 400_000]);
                world.say(|| format!("the container engine restarts: {how:?}, away for {away} ms"));
                world.state().counts.engine_restarts += 1;
                world.backend.restart(how, Duration::from_millis(away));
            }
            8 if world.chance(100) => {
                let away = world.state().dice.pick(&[1, 500, 20_000, 200_000, 700_000]);
                world.say(|| format!("the container engine is away for {away} ms"));
                world.state().counts.outages += 1;
                world.backend.go_away(Duration::from_millis(away));
            }
            10 if world.chance(150) => interfere(world),
            9 => {
                let settings = world.settings();
                engine.set_settings(settings);
            }
            _ => {
                let left = act(world, &engine, &mut handles).await?;
                if !left {
                    break;
                }
            }
        }
    }
    if !engine.queue().is_empty() || !engine.live().is_empty() {
        return Err(format!("all is over, but {:?} wait and {:?} live", engine.queue(), engine.live()));
    }
    engine.shutdown().await;
    drop(engine);
    listener.join_all().await;
    Ok(End::AllOver)
}

/// Does what is to be done next for some run: starts it, waits for it, takes it up, retries it. `false`: there is nothing more to do.
async fn act(world: &Arc<World>, engine: &Engine, handles: &mut BTreeMap<lp_model::RunId, RunHandle>) -> Result<bool, String> {
    let first = world.state().dice.below(world.runs.len() as u64) as usize;
    for i in 0..world.runs.len() {
        let run = &world.runs[(first + i) % world.runs.len()];
        if let Some(handle) = handles.get(&run.id) {
            let patience = Duration::from_millis(world.state().dice.pick(&[1, 400, 10_000, 3_600_000]));
            if let Ok(end) = timeout(patience, handle.wait()).await {
                ended(world, run, &end)?;
                if world.state().dice.happens(300) {
                    // Someone who wants to retry it now.
                    let left = handle.remove_remains().await;
                    world.say(|| format!("{} is still there: {left:?}", run.id));
                }
                if timeout(patience, handle.gone()).await.is_ok() {
                    handles.remove(&run.id);
                } else if engine.retry(run.id.clone(), Arc::clone(&run.plan), world.past(&run.id), run.place.clone(), &[]).is_ok() {
                    return Err(format!("{} is retried while something of it is left", run.id));
                }
            }
            return Ok(true);
        }
        let past = world.past(&run.id);
        if past.events.is_empty() {
            world.say(|| format!("start {}", run.id));
            let started = engine.start(run.id.clone(), Arc::clone(&run.plan), run.place.clone());
            handles.insert(run.id.clone(), started.map_err(|error| error.to_string())?);
            // The caller has stored it as queued.
            world.state().journal.entry(run.id.clone()).or_default();
            return Ok(true);
        }
        let scheduler = check::replayed(run, &past)?;
        if !scheduler.is_clean() {
            // The journal refused its end, or panicked.
            take_up(world, engine, run, handles)?;
            return Ok(true);
        }
        let retries = past.events.iter().filter(|(_, event)| matches!(event, RunEvent::RunRetried { .. })).count();
        if scheduler.run_state().can_be_retried() && retries < RETRIES && world.state().dice.happens(500) {
            return retry(world, engine, run, handles).await.map(|()| true);
        }
    }
    Ok(false)
}

/// Somebody does something behind the back of the app.
fn interfere(world: &World) {
    let what = world.state().dice.below(6);
    let time = Duration::from_millis(world.state().dice.pick(&[1, 500, 20_000, 200_000, 700_000]));
    match what {
        0 => {
            let engine = world.state().dice.below(world.engines as u64) as usize;
            world.say(|| format!("engine {engine} goes away for {time:?}"));
            world.backend.engine_goes_away(engine, time);
        }
        1 => {
            world.say(|| format!("nothing can be removed for {time:?}"));
            world.backend.resist(time);
        }
        2 | 3 => {
            world.say(|| format!("a person prunes {}", if what == 2 { "containers" } else { "containers and files" }));
            world.state().counts.pruned += 1;
            world.backend.prune_containers();
            if what == 3 {
                world.backend.prune_volumes();
            }
        }
        4 => {
            let running = world.backend.running();
            if !running.is_empty() {
                let which = world.state().dice.below(running.len() as u64) as usize;
                world.say(|| format!("a person removes {}", running[which]));
                world.backend.remove_container(&running[which]);
            }
        }
        _ => {
            world.say(|| format!("the clock is set back by {time:?}"));
            let mut state = world.state();
            state.clock_back_ms += time.as_millis() as i64;
            state.counts.clocks_set_back += 1;
        }
    }
}

fn take_up(world: &Arc<World>, engine: &Engine, run: &Run, handles: &mut BTreeMap<lp_model::RunId, RunHandle>) -> Result<(), String> {
    let past = world.past(&run.id);
    if check::replayed(run, &past)?.is_clean() && !past.events.is_empty() {
        return Ok(());
    }
    world.say(|| format!("resume {}", run.id));
    world.state().counts.resumes += 1;
    if world.counts().resumes > RESUMES {
        return Err(format!("{} is taken up again and again", run.id));
    }
    let resumed = engine.resume(run.id.clone(), Arc::clone(&run.plan), past, run.place.clone());
    handles.insert(run.id.clone(), resumed.map_err(|error| error.to_string())?);
    Ok(())
}

async fn retry(world: &Arc<World>, engine: &Engine, run: &Run, handles: &mut BTreeMap<lp_model::RunId, RunHandle>) -> Result<(), String> {
    use lp_backend::Backend;
    if world.state().dice.happens(300) {
        world.say(|| format!("the files of {} are dropped", run.id));
        world.state().counts.kept_files_dropped += 1;
        for stage in &run.plan.stages {
            world.backend.drop_kept(&run.id, stage.number);
        }
    }
    // Only the engine that a stage is on can tell that its files are gone.
    let Ok(found) = world.backend.kept().await else { return Ok(()) };
    let events = world.events(&run.id);
    let does_not_ask = world.state().dice.happens(200);
    let was_kept = |stage: StageNumber| {
        let last = events.iter().rev().find_map(|event| match event {
            RunEvent::StageDestroyed { stage: of, kept, .. } if *of == stage => Some(*kept),
            _ => None,
        });
        let engine = events.iter().rev().find_map(|event| match event {
            RunEvent::StagePlaced { stage: of, engine, .. } if *of == stage => Some(engine),
            _ => None,
        });
        let is_listed = found.stages.iter().any(|kept| kept.run == run.id && kept.stage == stage);
        last == Some(true) && (is_listed || engine != Some(&found.engine) || does_not_ask)
    };
    let kept: Vec<StageNumber> = run.plan.stages.iter().map(|stage| stage.number).filter(|stage| was_kept(*stage)).collect();
    world.say(|| format!("retry {} with {kept:?}", run.id));
    world.state().counts.retries += 1;
    let place = run.place.clone();
    match engine.retry(run.id.clone(), Arc::clone(&run.plan), world.past(&run.id), place, &kept) {
        Ok(handle) => drop(handles.insert(run.id.clone(), handle)),
        Err(StartError::AlreadyLive(_)) => {}
        Err(error) => return Err(error.to_string()),
    }
    Ok(())
}

/// A run is over in the eyes of whoever waited for it.
fn ended(world: &World, run: &Run, end: &RunEnd) -> Result<(), String> {
    world.say(|| format!("{} ended {end:?}", run.id));
    if end.state == RunState::Queued || end.state == RunState::Running {
        return Err(format!("{} ended as {:?}", run.id, end.state));
    }
    let scheduler = check::replayed(run, &world.past(&run.id))?;
    let is_stored = scheduler.run_state() == end.state;
    if !is_stored && end.message.is_empty() {
        return Err(format!("{} ended as {:?}, stored is {:?}", run.id, end.state, scheduler.run_state()));
    }
    Ok(())
}

/// Hears everything that is told, and holds it against what is stored at that moment.
async fn listen(world: Arc<World>, mut notices: tokio::sync::broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(Notice::Event { run, seq, event }) => {
                let stored =
                    world.state().journal.get(&run).and_then(|events| events.get(seq as usize - 1)).map(|(_, event)| event.clone());
                if stored.as_ref() != Some(&event) {
                    world.problem(format!("told as event {seq} of {run}: {event:?}, stored: {stored:?}"));
                }
                world.state().told.entry(run).or_default().push_str(&format!("{event:?}\n"));
            }
            Ok(Notice::Log { .. } | Notice::Progress { .. }) => {}
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn unfinished(world: &World) -> Vec<String> {
    let state = |run: &Run| Scheduler::replay(Arc::clone(&run.plan), &world.events(&run.id)).map(|scheduler| scheduler.run_state());
    world.runs.iter().map(|run| format!("{} {:?} {:?}", run.id, state(run), world.events(&run.id).last())).collect()
}
