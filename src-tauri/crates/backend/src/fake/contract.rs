//! The contract, and what it forbids.

use super::FakeBackend;
use super::script::text_of;
use super::world::Place;
use crate::{
    Backend, BackendError, Before, Cancel, CancelStage, Claims, EngineInfo, Files, Keep, KeptFiles, KeptStage, Notes, StageContext,
    StepContext, StepExit, StepSink, SweepReport,
};
use async_trait::async_trait;
use lp_model::{BackendKind, EngineId};
use lp_model::{Message, message};
use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;
use tokio::time::sleep;

#[async_trait]
impl Backend for FakeBackend {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    async fn probe(&self, engine: Option<&EngineId>) -> Result<EngineInfo, BackendError> {
        if engine.is_none() {
            // The best that answers now, whatever was in use before.
            let before = self.world().in_use.take();
            let found = self.answering(None);
            let mut world = self.world();
            world.in_use = world.in_use.or(before);
            drop(world);
            return found.map(|engine| self.info(engine));
        }
        self.answering(engine).map(|engine| self.info(engine))
    }

    async fn engine(&self) -> Result<EngineInfo, BackendError> {
        let known = self.world().in_use;
        known.map_or_else(|| self.answering(None), Ok).map(|engine| self.info(engine))
    }

    async fn prepare(&self, stage: &StageContext, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError> {
        self.record("prepare", &stage.stage.name);
        let engine = self.answering(stage.engine.as_ref())?;
        let name = (engine, stage.name());
        self.must_be_preparable(engine, stage);
        let is_kept = stage.files == Files::Kept;
        let (has_files, is_ready) =
            self.world().places.get(&name).map_or((false, false), |place| (place.has_files, place.is_there && place.ready));
        if is_kept && !has_files {
            return Err(BackendError::files_gone(message!("volume `{}` is not there", name.1)));
        }
        {
            let mut world = self.world();
            if !is_kept {
                world.places.remove(&name);
                world.containers.retain(|(on, _), container| *on != engine || container.stage != name.1);
                world.done.retain(|(of, _)| *of != name.1);
            }
            let place = world.places.entry(name.clone()).or_insert_with(|| Place {
                run: stage.run.clone(),
                stage: stage.stage.number,
                is_there: true,
                ready: false,
                has_files: false,
                files: BTreeSet::new(),
                half_removed: false,
            });
            place.is_there = true;
        }
        if self.places.prepare_panics {
            panic!("prepare was told to");
        }
        let asked = async {
            match self.places.prepare_is_stubborn {
                true => pending().await,
                false => cancel.reached(CancelStage::Ask).await,
            }
        };
        let work = async {
            let mut left = if is_kept && is_ready { Duration::ZERO } else { self.places.prepare_takes };
            while let Some(every) = self.places.prepare_tells_every.filter(|every| *every < left) {
                sleep(every).await;
                left -= every;
                notes.progress(message!("copying: {} s left", left.as_secs()));
            }
            sleep(left).await;
        };
        tokio::select! {
            biased;
            () = asked => return Err(BackendError::Cancelled),
            () = work => {}
        }
        self.answering(Some(&self.engine_id(engine)))?;
        if let Some(error) = self.places.prepare_error {
            return Err(error());
        }
        let mut world = self.world();
        match world.places.get_mut(&name) {
            // Somebody has removed them meanwhile.
            Some(place) if is_kept && !place.has_files => {
                return Err(BackendError::files_gone(message!("volume `{}` is not there any more", name.1)));
            }
            Some(place) => (place.ready, place.has_files) = (true, true),
            None => {}
        }
        drop(world);
        self.record("ready", &stage.stage.name);
        Ok(())
    }

    async fn fetch(&self, stage: &StageContext, cancel: &Cancel) {
        self.forbid(!self.has_ready_place(stage), &format!("fetch for `{}` without a ready place", stage.name()));
        self.record("fetch", &stage.stage.name);
        tokio::select! {
            () = cancel.reached(CancelStage::Ask) => {}
            () = sleep(self.places.fetch_takes) => {}
        }
    }

    async fn make_ahead(&self, stage: &StageContext, step: &StepContext, cancel: &Cancel) {
        let name = stage.step_name(step.key);
        self.forbid(!self.has_ready_place(stage), &format!("make_ahead of `{name}` without a ready place"));
        let is_late = self.world().attached.contains(&name);
        self.forbid(is_late, &format!("make_ahead of `{name}` while it runs"));
        tokio::select! {
            biased;
            () = cancel.reached(CancelStage::Ask) => return,
            () = sleep(self.places.ahead_takes) => {}
        }
        if let Ok(engine) = self.answering(stage.engine.as_ref()) {
            let is_late = self.world().attached.contains(&name);
            self.forbid(is_late, &format!("make_ahead of `{name}` goes on while it runs"));
            self.create(engine, stage, step);
            self.record("ahead", &step.step.name);
        }
    }

    async fn run_step(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        let name = stage.step_name(step.key);
        self.forbid(!self.has_ready_place(stage), &format!("run_step of `{name}` without a ready place"));
        let is_first = self.world().attached.insert(name.clone());
        self.forbid(!is_first, &format!("run_step of `{name}` while it runs"));
        // Also when the engine drops the future.
        let _leave = Leave { backend: self, name };
        if step.before == Before::Created {
            self.record("attach", &step.step.name);
        } else {
            self.record("start", &step.step.name);
            let shown = step.env.iter().map(|(variable, value)| (variable.clone(), text_of(value)));
            let environment = shown.collect();
            self.world().environments.insert(step.step.name.clone(), environment);
        }
        let exit = self.run(stage, step, sink, cancel).await;
        let verb = if matches!(exit, Err(BackendError::Unreachable { .. })) { "lose" } else { "end" };
        self.record(verb, &step.step.name);
        exit
    }

    async fn destroy(&self, stage: &StageContext, keep: Keep) -> Result<Vec<Message>, BackendError> {
        self.record("destroy", &stage.stage.name);
        let prefix = format!("{}-", stage.name());
        let still = self.world().attached.iter().find(|name| name.starts_with(&prefix)).cloned();
        self.forbid(still.is_some(), &format!("destroy of `{}` while {still:?} runs", stage.name()));
        let engine = self.answering(stage.engine.as_ref())?;
        sleep(self.places.destroy_takes).await;
        self.answering(Some(&self.engine_id(engine)))?;
        if let Some(error) = self.places.destroy_error {
            return Err(error());
        }
        let name = (engine, stage.name());
        let leftovers = {
            let mut world = self.world();
            world.settle();
            let resists = world.now() < world.resists_until;
            if let (true, Some(place)) = (resists, world.places.get_mut(&name)) {
                place.half_removed = true;
                if self.places.leftovers.is_empty() {
                    vec![Message::verbatim(format_args!("`{}` resists", name.1))]
                } else {
                    self.places.leftovers.clone()
                }
            } else {
                world.containers.retain(|(on, _), container| *on != engine || container.stage != name.1);
                let place = world.places.remove(&name);
                match place.filter(|place| keep == Keep::Files && place.has_files) {
                    Some(mut place) => {
                        (place.is_there, place.ready, place.half_removed) = (false, false, false);
                        world.places.insert(name, place);
                    }
                    None => world.done.retain(|(of, _)| *of != name.1),
                }
                Vec::new()
            }
        };
        self.changes.send_replace(());
        self.record("gone", &stage.stage.name);
        Ok(leftovers)
    }

    async fn sweep(&self, claims: &Claims) -> Result<SweepReport, BackendError> {
        let engine = self.answering(None)?;
        let mut world = self.world();
        let mut removed = Vec::new();
        for (name, mut place) in std::mem::take(&mut world.places) {
            if claims.live.contains(&place.run) || name.0 != engine {
                world.places.insert(name, place);
                continue;
            }
            world.containers.retain(|(on, _), container| *on != engine || container.stage != name.1);
            let was_there = place.is_there;
            (place.is_there, place.ready, place.half_removed) = (false, false, false);
            if claims.kept.contains(&place.run) && place.has_files {
                world.places.insert(name.clone(), place);
                if !was_there {
                    continue;
                }
            }
            removed.push(name.1);
        }
        Ok(SweepReport { removed, failed: Vec::new() })
    }

    async fn kept(&self) -> Result<KeptFiles, BackendError> {
        let engine = self.answering(None)?;
        let id = self.engine_id(engine);
        let world = self.world();
        let kept =
            world.places.iter().filter(|((on, _), place)| *on == engine && place.has_files && (!place.is_there || place.half_removed));
        let of = |place: &Place| KeptStage {
            run: place.run.clone(),
            stage: place.stage,
            bytes: Some(place.files.len() as u64),
            is_clean: !place.half_removed,
        };
        Ok(KeptFiles { engine: id, stages: kept.map(|(_, place)| of(place)).collect() })
    }
}

impl FakeBackend {
    fn has_ready_place(&self, stage: &StageContext) -> bool {
        let world = self.world();
        let is_wanted = |engine: usize| stage.engine.as_ref().is_none_or(|id| world.engines[engine].id == *id);
        let mut of_stage = (0..world.engines.len()).filter(|engine| is_wanted(*engine));
        of_stage.any(|engine| world.places.get(&(engine, stage.name())).is_some_and(|place| place.is_there && place.ready))
    }

    /// What the contract forbids of a `prepare`.
    fn must_be_preparable(&self, engine: usize, stage: &StageContext) {
        let name = stage.name();
        let world = self.world();
        let elsewhere = (0..world.engines.len()).any(|other| {
            let place = world.places.get(&(other, name.clone()));
            other != engine && place.is_some_and(|place| place.is_there)
        });
        let half_removed = world.places.get(&(engine, name.clone())).is_some_and(|place| place.half_removed);
        let is_new = !world.places.get(&(engine, name.clone())).is_some_and(|place| place.is_there);
        let remains = world.containers.iter().any(|((on, _), container)| *on == engine && container.stage == name);
        let prefix = format!("{name}-");
        let attended = world.attached.iter().any(|step| step.starts_with(&prefix));
        drop(world);
        self.forbid(elsewhere, &format!("prepare of `{name}`, which is on another engine"));
        self.forbid(half_removed, &format!("prepare of `{name}`, which could not be removed"));
        self.forbid(is_new && remains, &format!("prepare of `{name}` beside containers of an earlier attempt"));
        self.forbid(attended, &format!("prepare of `{name}` while steps of it run"));
    }

    fn info(&self, engine: usize) -> EngineInfo {
        EngineInfo {
            id: self.engine_id(engine),
            name: "Fake".into(),
            version: "1".into(),
            api_version: String::new(),
            address: format!("fake://{engine}"),
            platform: "linux/amd64".into(),
            isolated: true,
        }
    }
}

struct Leave<'a> {
    backend: &'a FakeBackend,
    name: String,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.backend.world().attached.remove(&self.name);
    }
}
