//! Steps: made, started, followed to their end.

use super::FakeBackend;
use super::script::Script;
use super::world::{Container, Death, Life, Name};
use crate::{BackendError, Before, Cancel, CancelStage, StageContext, StepContext, StepExit, StepSink};
use lp_model::{EngineId, StepKey};
use lp_model::{Message, message};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

impl FakeBackend {
    /// Makes what a step runs in, unless the same is there already.
    pub(super) fn create(&self, engine: usize, stage: &StageContext, step: &StepContext) {
        let script = Script::read(step);
        let mut world = self.world();
        let name = (engine, stage.step_name(step.key));
        let is_there = world.containers.get(&name).is_some_and(|container| container.script.variables == script.variables);
        if !is_there {
            let program = Arc::new(script.program(step.step.detached));
            let (stage, key, is_detached) = (stage.name(), step.key, step.step.detached);
            let container = Container { stage, key, is_detached, script, program, state: Life::Created };
            world.containers.insert(name, container);
        }
    }

    fn start(&self, engine: usize, stage: &StageContext, step: &StepContext) {
        let name = (engine, stage.step_name(step.key));
        let (mut again, mut early, mut lost, mut beside) = (false, None, None, None);
        {
            let mut world = self.world();
            world.settle();
            again |= !world.started.insert(name.1.clone());
            for attempt in 1..step.key.attempt {
                let earlier = stage.step_name(StepKey { attempt, ..step.key });
                let runs = |on: &usize| {
                    let container = world.containers.get(&(*on, earlier.clone()));
                    container.is_some_and(|container| matches!(container.state, Life::Runs(_)))
                };
                if (0..world.engines.len()).any(|on| runs(&on)) {
                    beside = Some(earlier.clone());
                }
            }
            for need in &step.step.needs {
                // One that nobody attends any more was given up: how it ends does not count.
                let is_attended = |attempt: u32| {
                    let other = stage.step_name(StepKey { step: *need, attempt, ..step.key });
                    let found = world.containers.get(&(engine, other.clone()));
                    found.is_some_and(|container| {
                        !container.is_detached && world.attached.contains(&other) && matches!(container.state, Life::Runs(_))
                    })
                };
                early = early.or((1..=step.key.attempt).find(|attempt| is_attended(*attempt)).map(|_| *need));
                let place = world.places.get(&(engine, stage.name()));
                let has_files = place.is_some_and(|place| place.files.contains(need));
                if world.done.contains(&(stage.name(), *need)) && !has_files {
                    lost = Some(*need);
                }
            }
            let now = world.now();
            if let Some(place) = world.places.get_mut(&(engine, stage.name())) {
                place.files.insert(step.key.step);
            }
            if let Some(container) = world.containers.get_mut(&name) {
                container.state = Life::Runs(now);
            }
        }
        let name = name.1;
        self.forbid(again, &format!("second start of `{name}`"));
        self.forbid(beside.is_some(), &format!("start of `{name}` beside {beside:?}"));
        self.forbid(early.is_some(), &format!("start of `{name}` while step {early:?} runs"));
        self.forbid(lost.is_some(), &format!("start of `{name}` without the files of step {lost:?}"));
        self.record("run", &step.step.name);
    }

    pub(super) async fn run(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        let engine = self.answering(stage.engine.as_ref())?;
        let name = (engine, stage.step_name(step.key));
        let mut was_taken_over = false;
        if step.before == Before::Created {
            let found = self.world().containers.get(&name).map(|container| container.state);
            let known = self.world().started.contains(&name.1);
            match found {
                // All was made when the process died, and the engine can tell that it has never run.
                Some(Life::Created) if !known => self.start(engine, stage, step),
                Some(_) => was_taken_over = true,
                None => return Err(BackendError::lost(message!("container `{}` is not there any more", name.1))),
            }
        } else {
            let script = Script::read(step);
            if script.is("STEP_PANIC") {
                panic!("`{}` was told to", step.step.name);
            }
            if let Some(note) = script.text("STEP_NOTE") {
                sink.note(Message::verbatim(note)).await;
            }
            let fetch = async {
                for second in 0..script.duration("STEP_PROGRESS").unwrap_or_default().as_secs() {
                    sink.progress(message!("fetching: {} s", second));
                    sleep(Duration::from_secs(1)).await;
                }
                sleep(script.duration("STEP_START_DELAY").unwrap_or_default()).await;
            };
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return Ok(StepExit::Killed),
                () = fetch => {}
            }
            if step.step.image.starts_with("missing") {
                return Err(
                    BackendError::image(&step.step.image, message!("no such image")).hinted(message!("check the spelling of the image"))
                );
            }
            if script.is("STEP_START_FAIL") {
                return Err(BackendError::start(&step.step.name, message!("no such file")).hinted(message!("check `commands` of the step")));
            }
            self.answering(Some(&self.engine_id(engine)))?;
            let found = self.world().containers.get(&name).map(|container| container.state);
            self.forbid(matches!(found, Some(Life::Runs(_) | Life::Ended(..))), &format!("`{}` would be started twice", name.1));
            let has_files = self.world().places.get(&(engine, stage.name())).is_some_and(|place| place.has_files);
            if !has_files {
                return Err(BackendError::files_gone(message!("volume `{}` is not there any more", stage.name())));
            }
            self.create(engine, stage, step);
            sink.created().await?;
            self.answering(Some(&self.engine_id(engine)))?;
            let is_there = self.world().containers.contains_key(&name);
            if !is_there {
                // Somebody has removed it in this moment: its program never ran.
                self.create(engine, stage, step);
            }
            self.start(engine, stage, step);
        }
        sink.started().await;
        if was_taken_over && Script::read(step).is("STEP_GAP") {
            sink.gap(None).await?;
        }
        self.attend(&name, &step.step.name, sink, cancel).await
    }

    pub(super) fn engine_id(&self, engine: usize) -> EngineId {
        self.world().engines[engine].id.clone()
    }

    /// Follows a program to its end.
    async fn attend(&self, name: &Name, shown: &str, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        let lost = || BackendError::lost(message!("container `{}` is not there any more", name.1));
        let id = self.engine_id(name.0);
        let mut changes = self.changes.subscribe();
        let (mut next, mut upto) = (0, sink.position());
        let mut skip = upto;
        let (mut was_asked, mut was_killed, mut kill_at) = (false, false, None);
        loop {
            self.answering(Some(&id))?;
            let (program, state, now, gone) = {
                let mut world = self.world();
                world.settle();
                let container = world.containers.get(name).ok_or_else(lost)?;
                (Arc::clone(&container.program), container.state, world.now(), container.script.gone())
            };
            let (since, until) = match state {
                Life::Created => return Err(lost()),
                Life::Runs(since) => (since, now - since),
                Life::Ended(since, end, _) => (since, end - since),
            };
            // From when until when nobody answers about it.
            let gone = gone.map(|(after, time)| (since.saturating_add(after), since.saturating_add(after).saturating_add(time)));
            if gone.is_some_and(|(from, to)| from <= now && now < to) {
                return Err(BackendError::unreachable(Message::verbatim("connection reset"))
                    .hinted(message!("start Docker (or Podman) and run again")));
            }
            while let Some(chunk) = program.chunks.get(next).filter(|chunk| chunk.at <= until) {
                let (skipped, counted) = match chunk.is_error {
                    true => (&mut skip.stderr, &mut upto.stderr),
                    false => (&mut skip.stdout, &mut upto.stdout),
                };
                let known = (*skipped).min(chunk.range.len() as u64);
                *skipped -= known;
                *counted += chunk.range.len() as u64 - known;
                let bytes = &program.bytes[chunk.range.start + known as usize..chunk.range.end];
                next += 1;
                if !bytes.is_empty()
                    && let Err(error) = sink.write(bytes, upto).await
                {
                    self.world().end(name, Death::Exit(StepExit::Killed));
                    return Err(error.into());
                }
            }
            match state {
                Life::Ended(_, _, Death::Exit(exit)) => return Ok(exit),
                Life::Ended(_, _, Death::Lost) => {
                    return Err(BackendError::lost(message!("the container engine was restarted")));
                }
                _ => {}
            }
            if cancel.stage() == CancelStage::Ask && !was_asked {
                was_asked = true;
                kill_at = Some(self.world().now() + cancel.grace);
                self.record("ask", shown);
                self.signal(name, false);
                continue;
            }
            if !was_killed && (cancel.stage() == CancelStage::Kill || kill_at.is_some_and(|at| at <= self.world().now())) {
                was_killed = true;
                self.record("kill", shown);
                self.signal(name, true);
                continue;
            }
            let times = [
                program.chunks.get(next).map(|chunk| since.saturating_add(chunk.at)),
                program.end.map(|end| since.saturating_add(end)),
                kill_at.filter(|_| !was_killed),
                gone.map(|(from, _)| from).filter(|from| *from > now),
            ];
            let next_time = times.into_iter().flatten().min();
            let wake = async {
                match next_time {
                    Some(at) => sleep(at.saturating_sub(self.now())).await,
                    None => pending().await,
                }
            };
            let more_urgent = async {
                match cancel.stage() {
                    CancelStage::None => cancel.reached(CancelStage::Ask).await,
                    CancelStage::Ask => cancel.reached(CancelStage::Kill).await,
                    CancelStage::Kill => pending().await,
                }
            };
            tokio::select! {
                biased;
                () = wake => {}
                () = more_urgent => {}
                _ = changes.changed() => {}
            }
        }
    }

    fn signal(&self, name: &Name, kill: bool) {
        let mut world = self.world();
        let ends = |container: &Container| !container.script.is("STEP_HANG") && (kill || !container.script.is("IGNORE_TERM"));
        if world.containers.get(name).is_some_and(ends) {
            world.end(name, Death::Exit(StepExit::Killed));
        }
    }
}
