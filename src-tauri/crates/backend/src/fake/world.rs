//! What there is in the world: engines, places, containers, programs.

use super::FakeCall;
use super::script::Script;
use crate::StepExit;
use lp_model::{EngineId, RunId, StageNumber, StepKey, StepNumber};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A thing on an engine: the number of the engine, and the thing's name there.
pub(super) type Name = (usize, String);

pub(super) struct World {
    /// Time until `base`, and the moment of this process that it was.
    pub passed: Duration,
    pub base: Instant,
    pub calls: Vec<FakeCall>,
    pub violations: Vec<String>,
    pub engines: Vec<Engine>,
    /// The engine that stages which begin now are on.
    pub in_use: Option<usize>,
    /// By the name of their stage.
    pub places: BTreeMap<Name, Place>,
    /// By the name of their step.
    pub containers: BTreeMap<Name, Container>,
    /// Names of steps that are in `run_step`.
    pub attached: BTreeSet<String>,
    /// Names of steps whose program was ever started.
    pub started: BTreeSet<String>,
    /// Steps that ended well, by the name of their stage: what they wrote has to be there for the steps after them.
    pub done: BTreeSet<(String, StepNumber)>,
    pub environments: BTreeMap<String, BTreeMap<String, String>>,
    /// Until when nothing can be removed.
    pub resists_until: Duration,
}

pub(super) struct Engine {
    pub id: EngineId,
    /// Until when it answers nobody.
    pub away_until: Duration,
}

pub(super) struct Place {
    pub run: RunId,
    pub stage: StageNumber,
    /// Prepared at least in part, and not destroyed. Otherwise only its files were kept.
    pub is_there: bool,
    /// `prepare` has come to its end.
    pub ready: bool,
    /// Its files are there, complete.
    pub has_files: bool,
    /// Steps whose programs have run in these files.
    pub files: BTreeSet<StepNumber>,
    /// `destroy` could not remove all of it.
    pub half_removed: bool,
}

pub(super) struct Container {
    pub stage: String,
    pub key: StepKey,
    pub is_detached: bool,
    pub script: Script,
    pub program: Arc<Program>,
    pub state: Life,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Life {
    Created,
    /// Since when.
    Runs(Duration),
    /// From when until when, and how it ended.
    Ended(Duration, Duration, Death),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Death {
    Exit(StepExit),
    /// With the container engine.
    Lost,
}

/// What a program does, as times since its start.
pub(super) struct Program {
    pub bytes: Vec<u8>,
    pub chunks: Vec<Chunk>,
    /// `None`: by itself never.
    pub end: Option<Duration>,
}

pub(super) struct Chunk {
    pub at: Duration,
    pub is_error: bool,
    pub range: Range<usize>,
}

impl World {
    pub fn new(engines: usize, resists_until: Duration) -> Self {
        let engine = |number| Engine { id: EngineId::new(format!("fake:{number}")), away_until: Duration::ZERO };
        Self {
            passed: Duration::ZERO,
            base: Instant::now(),
            calls: Vec::new(),
            violations: Vec::new(),
            engines: (0..engines).map(engine).collect(),
            in_use: None,
            places: BTreeMap::new(),
            containers: BTreeMap::new(),
            attached: BTreeSet::new(),
            started: BTreeSet::new(),
            done: BTreeSet::new(),
            environments: BTreeMap::new(),
            resists_until,
        }
    }

    pub fn now(&self) -> Duration {
        self.passed + self.base.elapsed()
    }

    /// Lets programs end whose time has come.
    pub fn settle(&mut self) {
        let now = self.now();
        for container in self.containers.values_mut() {
            let Life::Runs(since) = container.state else { continue };
            if let Some(end) = container.program.end.map(|end| since.saturating_add(end)).filter(|end| *end <= now) {
                let exit = container.script.exit();
                container.state = Life::Ended(since, end, Death::Exit(exit));
                if exit == StepExit::Code(0) {
                    self.done.insert((container.stage.clone(), container.key.step));
                }
            }
        }
    }

    pub fn end(&mut self, name: &Name, death: Death) {
        self.settle();
        let now = self.now();
        if let Some(container) = self.containers.get_mut(name)
            && let Life::Runs(since) = container.state
        {
            container.state = Life::Ended(since, now, death);
        }
    }
}
