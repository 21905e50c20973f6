//! The ports of the engine, in which things go wrong.

use crate::plans::SECRETS;
use crate::tap::Tap;
use crate::world::{Fault, World};
use async_trait::async_trait;
use lp_backend::{Backend, Position, Source};
use lp_engine::ports::{Backends, Clock, Journal, LogStore, OpenLog, PortError, Ports, SecretSource, SourceProvider, StepLog};
use lp_model::Message;
use lp_model::{BackendKind, EngineId, Plan, RunEvent, RunId, Stage, StepKey};
use lp_secret::SecretValue;
use std::sync::Arc;
use tokio::io::AsyncRead;

pub struct Outside(pub Arc<World>);

pub fn ports(world: &Arc<World>) -> Ports {
    let outside = || Arc::new(Outside(Arc::clone(world)));
    Ports { journal: outside(), logs: outside(), secrets: outside(), sources: outside(), backends: outside(), clock: outside() }
}

fn full() -> PortError {
    PortError::new(Message::verbatim("the disk is full"))
}

#[async_trait]
impl Journal for Outside {
    async fn append(&self, run: &RunId, events: &[RunEvent]) -> Result<(), PortError> {
        let world = &self.0;
        world.moment("before journal").await;
        match world.fault("journal", &[Fault::Refuse, Fault::Refuse, Fault::Refuse, Fault::Panic]) {
            Some(Fault::Refuse) => return Err(full()),
            Some(Fault::Panic) => panic!("the journal was told to"),
            _ => {}
        }
        world.say(|| format!("{run} {events:?}"));
        let now = world.now_ms();
        world.state().journal.entry(run.clone()).or_default().extend(events.iter().map(|event| (now, event.clone())));
        world.moment("after journal").await;
        Ok(())
    }
}

#[async_trait]
impl LogStore for Outside {
    async fn open(&self, run: &RunId, key: StepKey) -> Result<OpenLog, PortError> {
        let world = &self.0;
        world.moment("log open").await;
        let name = (run.clone(), key);
        if let Some(fault) = world.fault("log open", &[Fault::Refuse, Fault::Panic]) {
            world.state().hurt_logs.insert(name);
            match fault {
                Fault::Panic => panic!("opening the log was told to"),
                _ => return Err(full()),
            }
        }
        let mut state = world.state();
        let log = state.logs.entry(name.clone()).or_default();
        let (length, position) = log.mark;
        log.bytes.truncate(length);
        let (lines, bytes) = (log.bytes.iter().filter(|byte| **byte == b'\n').count() as u64, length as u64);
        Ok(OpenLog { log: Box::new(OneLog { world: Arc::clone(world), name }), position, lines, bytes })
    }
}

struct OneLog {
    world: Arc<World>,
    name: (RunId, StepKey),
}

#[async_trait]
impl StepLog for OneLog {
    async fn append(&mut self, bytes: &[u8], upto: Option<Position>) -> Result<(), PortError> {
        let world = Arc::clone(&self.world);
        world.moment("before log append").await;
        if world.fault("log append", &[Fault::Refuse]).is_some() {
            world.state().hurt_logs.insert(self.name.clone());
            return Err(full());
        }
        world.state().logs.entry(self.name.clone()).or_default().bytes.extend_from_slice(bytes);
        // The bytes are there, how much of the output they are is not said yet.
        world.moment("within log append").await;
        if let Some(upto) = upto {
            let mut state = world.state();
            let log = state.logs.entry(self.name.clone()).or_default();
            log.mark = (log.bytes.len(), upto);
        }
        world.moment("after log append").await;
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), PortError> {
        self.world.moment("log finish").await;
        match self.world.fault("log finish", &[Fault::Refuse]) {
            Some(_) => Err(full()),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl SecretSource for Outside {
    async fn secret(&self, run: &RunId, name: &str) -> Result<Option<SecretValue>, PortError> {
        self.0.moment("secret").await;
        if self.0.fault("secret", &[Fault::Refuse]).is_some() {
            self.0.state().blind.insert(run.clone());
            return Err(PortError::new(Message::verbatim("the vault is locked")));
        }
        Ok(SECRETS.iter().find(|(known, _)| *known == name).map(|(_, value)| SecretValue::new(*value)))
    }
}

struct NoFiles;

#[async_trait]
impl Source for NoFiles {
    async fn open(&self) -> std::io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        Ok(Box::new(tokio::io::empty()))
    }
}

impl SourceProvider for Outside {
    fn source(&self, _run: &RunId, _plan: &Plan, _stage: &Stage) -> Arc<dyn Source> {
        Arc::new(NoFiles)
    }
}

impl Backends for Outside {
    fn backend(&self, _kind: BackendKind, _engine: Option<&EngineId>) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Tap(Arc::clone(&self.0))))
    }
}

impl Clock for Outside {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }
}
