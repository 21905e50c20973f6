//! The backend, in which things go wrong on the way there and back.

use crate::world::{Fault, World};
use async_trait::async_trait;
use lp_backend::{
    Backend, BackendError, Before, Cancel, Claims, EngineInfo, Files, Keep, KeptFiles, Notes, Position, SinkError, StageContext,
    StepContext, StepExit, StepSink, SweepReport,
};
use lp_model::Message;
use lp_model::{BackendKind, EngineId, RunEvent, RunId, StepKey, StepOutcome};
use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

pub struct Tap(pub Arc<World>);

impl Tap {
    async fn before(&self, what: &str) -> Result<(), BackendError> {
        self.0.moment(what).await;
        match self.0.fault(what, &[Fault::Refuse, Fault::Refuse, Fault::Refuse, Fault::Panic, Fault::Hang]) {
            // An engine that says more than it should.
            Some(Fault::Refuse) => {
                Err(BackendError::call(Message::verbatim(what), Message::verbatim("refused, TOKEN=s3cr3t-of-the-house")))
            }
            Some(Fault::Panic) => panic!("{what} was told to, with s3cr3t-of-the-house"),
            Some(Fault::Hang) => pending().await,
            None => Ok(()),
        }
    }
}

impl Tap {
    /// Work of steps that counts is never thrown away, and nothing but that has to be there.
    fn expects_the_right_files(&self, stage: &StageContext) {
        let mut worked = BTreeSet::new();
        let (mut engine, mut is_left) = (None, false);
        for event in self.0.events(&stage.run) {
            match event {
                RunEvent::StepCreated { key } | RunEvent::StepEnded { key, outcome: StepOutcome::Exited { code: 0 } } => {
                    worked.insert((key.stage, key.step));
                }
                RunEvent::RunRetried { steps, .. } => {
                    worked.retain(|(stage, step)| !steps.iter().any(|key| (key.stage, key.step) == (*stage, *step)))
                }
                RunEvent::StageDestroyed { stage: of, leftovers, .. } if of == stage.stage.number => is_left = !leftovers.is_empty(),
                RunEvent::StagePlaced { stage: placed, engine: on, .. } if placed == stage.stage.number => engine = Some(on),
                _ => {}
            }
        }
        let has_worked = worked.iter().any(|(of, _)| *of == stage.stage.number);
        if has_worked != (stage.files == Files::Kept) {
            self.0.problem(format!("{} is prepared with {:?}, but steps that count have worked: {has_worked}", stage.name(), stage.files));
        }
        if is_left {
            self.0.problem(format!("{} is prepared while something of an earlier attempt is left", stage.name()));
        }
        if engine.is_none() || engine != stage.engine {
            self.0.problem(format!("{} is prepared on {:?}, but stored is {engine:?}", stage.name(), stage.engine));
        }
    }
}

#[async_trait]
impl Backend for Tap {
    fn kind(&self) -> BackendKind {
        self.0.backend.kind()
    }

    async fn probe(&self, engine: Option<&EngineId>) -> Result<EngineInfo, BackendError> {
        self.before("probe").await?;
        self.0.backend.probe(engine).await
    }

    async fn engine(&self) -> Result<EngineInfo, BackendError> {
        self.before("engine").await?;
        self.0.backend.engine().await
    }

    async fn prepare(&self, stage: &StageContext, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError> {
        self.before("before prepare").await?;
        self.expects_the_right_files(stage);
        self.0.say(|| format!("{} prepare", stage.name()));
        self.0.backend.prepare(stage, notes, cancel).await?;
        self.before("after prepare").await
    }

    async fn fetch(&self, stage: &StageContext, cancel: &Cancel) {
        let _ = self.before("fetch").await;
        self.0.backend.fetch(stage, cancel).await;
    }

    async fn make_ahead(&self, stage: &StageContext, step: &StepContext, cancel: &Cancel) {
        let _ = self.before("make ahead").await;
        self.0.backend.make_ahead(stage, step, cancel).await;
        self.0.moment("made ahead").await;
    }

    async fn run_step(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        self.before("before run_step").await?;
        let name = stage.step_name(step.key);
        self.0.say(|| format!("{name} {}", if step.before == Before::Created { "attach" } else { "start" }));
        if step.before == Before::Created {
            self.0.state().counts.attached += 1;
        }
        // What it has written by the end of this call is what counts, if the call comes to an end.
        self.0.state().outputs.remove(&name);
        let sink = SinkTap { world: &self.0, run: &stage.run, key: step.key, sink };
        let exit = self.0.backend.run_step(stage, step, &sink, cancel).await;
        self.0.say(|| format!("{name} {exit:?}"));
        if let Some(written) = self.0.backend.written(&name) {
            self.0.state().outputs.insert(name, written);
        }
        let exit = exit?;
        // It has ended, but the answer gets lost.
        self.before("after run_step").await?;
        Ok(exit)
    }

    async fn destroy(&self, stage: &StageContext, keep: Keep) -> Result<Vec<Message>, BackendError> {
        self.before("before destroy").await?;
        self.0.say(|| format!("{} destroy {keep:?}", stage.name()));
        let leftovers = self.0.backend.destroy(stage, keep).await?;
        self.before("after destroy").await?;
        Ok(leftovers)
    }

    async fn sweep(&self, claims: &Claims) -> Result<SweepReport, BackendError> {
        self.0.backend.sweep(claims).await
    }

    async fn kept(&self) -> Result<KeptFiles, BackendError> {
        self.0.backend.kept().await
    }
}

struct SinkTap<'a> {
    world: &'a World,
    run: &'a RunId,
    key: StepKey,
    sink: &'a dyn StepSink,
}

#[async_trait]
impl StepSink for SinkTap<'_> {
    async fn created(&self) -> Result<(), SinkError> {
        self.world.moment("before created").await;
        self.sink.created().await?;
        let stored = self.world.events(self.run);
        if !stored.contains(&RunEvent::StepCreated { key: self.key }) {
            self.world.problem(format!("step {} of {} may start, but that is not stored", self.key, self.run));
        }
        self.world.moment("after created").await;
        Ok(())
    }

    async fn started(&self) {
        self.world.moment("before started").await;
        self.sink.started().await;
        self.world.moment("after started").await;
    }

    fn position(&self) -> Position {
        self.sink.position()
    }

    async fn write(&self, bytes: &[u8], upto: Position) -> Result<(), SinkError> {
        self.world.moment("before write").await;
        self.sink.write(bytes, upto).await?;
        self.world.moment("after write").await;
        Ok(())
    }

    async fn gap(&self, upto: Option<Position>) -> Result<(), SinkError> {
        self.world.moment("gap").await;
        self.sink.gap(upto).await
    }
}

#[async_trait]
impl Notes for SinkTap<'_> {
    async fn note(&self, note: Message) {
        self.world.moment("note").await;
        self.sink.note(note).await;
    }

    fn progress(&self, sentence: Message) {
        self.sink.progress(sentence);
    }
}
