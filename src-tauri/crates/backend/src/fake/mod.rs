//! A backend in memory: a little *world* of containers that outlives whoever talks to it. Steps do nothing but what their environment says, in
//! the time of tokio's clock (which tests pause), so that a scenario about minutes takes milliseconds. When a call is dropped, and when the
//! process that made it is gone ([`FakeBackend::halt`], [`FakeBackend::boot`]), programs run on; they can be attached to, and their output
//! goes on where it was left. It also watches the engine: a call that the contract forbids panics and is kept
//! in [`FakeBackend::violations`].
//!
//! | variable | effect |
//! |---|---|
//! | `SLEEP=2s` | runs that long (`ms`, `s`, `m`; `forever`, which is what a detached step does by itself) |
//! | `STEP_EXIT_CODE=1` | then ends with that code |
//! | `STEP_SIGNAL=11` | then ends by that signal |
//! | `STEP_OOM_KILLED=true` | then ends by the memory limit |
//! | `STEP_START_DELAY=5s` | takes that long to start |
//! | `STEP_START_FAIL=true` | cannot be started |
//! | `STEP_NOTE=text` | says so before it starts |
//! | `STEP_PROGRESS=1m` | takes that long to start, with a sign of life each second |
//! | `STEP_GAP=true` | what it wrote before it was attached to again cannot be had any more |
//! | `STEP_LOG=text` | writes that line |
//! | `STEP_LOG_LINES=1000` | writes that many lines |
//! | `STEP_LOG_PAUSE=1ms` | waits that long after each of them |
//! | `STEP_MIX=true` | writes every second of them to standard error |
//! | `STEP_ECHO=NAME` | writes the value of that variable, byte by byte, and a line break |
//! | `STEP_LOG_END=text` | writes that last, without a line break |
//! | `IGNORE_TERM=true` | does not end when asked, only when killed |
//! | `STEP_HANG=true` | does not even end when killed |
//! | `STEP_PANIC=true` | the backend panics |
//! | `STEP_GONE_AFTER=1s` | nobody gets an answer about it after that time |
//! | `STEP_GONE_FOR=5s` | but only for so long |
//!
//! There may be several engines on the machine ([`FakePlaces::engines`]), each with its own containers and files; the first that answers is in
//! use. What a person does behind the app's back are the `prune_…` functions; [`FakeBackend::resist`] makes removals fail.
//!
//! An image that begins with `missing` cannot be had.

mod contract;
mod script;
mod steps;
#[cfg(test)]
mod tests;
mod world;

use crate::BackendError;
use lp_model::{BackendKind, EngineId, RunId, StageNumber};
use lp_model::{Message, message};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use world::{Death, Engine, Life, World};

/// How places behave. The steps' behaviour stands in their environment.
#[derive(Debug, Clone, Default)]
pub struct FakePlaces {
    /// How many engines there are; 0 counts as 1.
    pub engines: usize,
    /// How long `prepare` takes, where nothing is there yet.
    pub prepare_takes: Duration,
    /// How often it tells how far it is meanwhile; `None`: never.
    pub prepare_tells_every: Option<Duration>,
    /// What it fails with.
    pub prepare_error: Option<fn() -> BackendError>,
    /// It panics.
    pub prepare_panics: bool,
    /// It goes on when it is cancelled.
    pub prepare_is_stubborn: bool,
    /// How long `fetch` takes.
    pub fetch_takes: Duration,
    /// How long `make_ahead` takes.
    pub ahead_takes: Duration,
    /// How long `destroy` takes.
    pub destroy_takes: Duration,
    /// What it cannot remove until [`FakePlaces::leftovers_until`], in words.
    pub leftovers: Vec<Message>,
    /// From what time of the world on nothing resists any more.
    pub leftovers_until: Duration,
    /// What it fails with.
    pub destroy_error: Option<fn() -> BackendError>,
}

/// One call or event, e.g. `prepare default`, `start build`, `end build`, with the time since the backend was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeCall {
    /// When.
    pub at: Duration,
    /// A verb and the name of a stage or step: `prepare`, `ready`, `fetch`, `ahead`, `start`, `attach`, `run`, `ask`, `kill`, `lose` (the
    /// connection), `end`, `destroy`, `gone`.
    pub what: String,
}

/// What becomes of the programs when the container engine restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FakeRestart {
    /// They go on.
    GoOn,
    /// They end, and the engine knows that it was itself.
    Ended,
    /// They end by a signal, and nobody knows whose.
    EndedQuietly,
    /// What they ran in is gone.
    Gone,
}

/// The backend in memory.
pub struct FakeBackend {
    kind: BackendKind,
    places: FakePlaces,
    world: Mutex<World>,
    /// Wakes those who watch a program.
    changes: watch::Sender<()>,
}

impl Default for FakeBackend {
    fn default() -> Self {
        Self::new(BackendKind::Docker, FakePlaces::default())
    }
}

impl FakeBackend {
    /// A backend of that kind. Must be called on a tokio runtime.
    pub fn new(kind: BackendKind, places: FakePlaces) -> Self {
        let world = World::new(places.engines.max(1), places.leftovers_until);
        Self { kind, places, world: Mutex::new(world), changes: watch::Sender::new(()) }
    }

    /// The process ends here, with its runtime and its clock: the world's time stands still until [`Self::boot`].
    pub fn halt(&self) {
        let mut world = self.world();
        (world.passed, world.base) = (world.now(), Instant::now());
    }

    /// The next process begins, on a runtime of its own, `later`; programs have run on meanwhile. It has no engine in use yet.
    pub fn boot(&self, later: Duration) {
        let mut world = self.world();
        world.passed += later;
        world.base = Instant::now();
        world.in_use = None;
        // What the process before could not remove it may not have been able to write down either.
        world.places.values_mut().for_each(|place| place.half_removed = false);
    }

    /// The time of the world.
    pub fn now(&self) -> Duration {
        self.world().now()
    }

    /// Everything that happened, in order.
    pub fn calls(&self) -> Vec<FakeCall> {
        self.world().calls.clone()
    }

    /// When something happened for the first time, e.g. `start build`.
    pub fn when(&self, what: &str) -> Option<Duration> {
        self.world().calls.iter().find(|call| call.what == what).map(|call| call.at)
    }

    /// Calls that the contract forbids.
    pub fn violations(&self) -> Vec<String> {
        self.world().violations.clone()
    }

    /// Names of stages that were prepared, perhaps in part, and not destroyed.
    pub fn left(&self) -> Vec<String> {
        self.world().places.iter().filter(|(_, place)| place.is_there).map(|((_, name), _)| name.clone()).collect()
    }

    /// Names of containers that are there.
    pub fn containers(&self) -> Vec<String> {
        self.world().containers.keys().map(|(_, name)| name.clone()).collect()
    }

    /// Names of containers whose program runs now.
    pub fn running(&self) -> Vec<String> {
        let mut world = self.world();
        world.settle();
        let runs = world.containers.iter().filter(|(_, container)| matches!(container.state, Life::Runs(_)));
        runs.map(|((_, name), _)| name.clone()).collect()
    }

    /// Removes the files that were kept of a stage, as a limit of size or age does.
    pub fn drop_kept(&self, run: &RunId, stage: StageNumber) {
        self.world().places.retain(|_, place| place.is_there || place.run != *run || place.stage != stage);
    }

    /// A person removes all containers that do not run and that nobody attends, as `docker container prune` does.
    pub fn prune_containers(&self) {
        let mut world = self.world();
        world.settle();
        let World { containers, attached, .. } = &mut *world;
        containers.retain(|(_, name), container| attached.contains(name) || matches!(container.state, Life::Runs(_)));
        drop(world);
        self.changes.send_replace(());
    }

    /// A person removes all files that no container has, as `docker volume prune --all` does.
    pub fn prune_volumes(&self) {
        let mut world = self.world();
        let World { places, containers, .. } = &mut *world;
        for ((engine, name), place) in places.iter_mut() {
            if !containers.iter().any(|((on, _), container)| on == engine && container.stage == *name) {
                place.has_files = false;
                place.files.clear();
            }
        }
        places.retain(|_, place| place.is_there || place.has_files);
    }

    /// A person removes the container of a step by force, whatever it does.
    pub fn remove_container(&self, container: &str) {
        self.world().containers.retain(|(_, name), _| name != container);
        self.changes.send_replace(());
    }

    /// For so long from now on nothing can be removed: programs go on.
    pub fn resist(&self, time: Duration) {
        let mut world = self.world();
        world.resists_until = world.now().saturating_add(time);
    }

    /// The environment that a step was started with, secrets in plain text.
    pub fn environment(&self, step: &str) -> BTreeMap<String, String> {
        self.world().environments.get(step).cloned().unwrap_or_default()
    }

    /// What the program of a step has written until now or its end, by the name of the step's container; `None` when that is not there.
    pub fn written(&self, container: &str) -> Option<Vec<u8>> {
        let mut world = self.world();
        world.settle();
        let now = world.now();
        let container = world.containers.iter().find(|((_, name), _)| name == container).map(|(_, container)| container)?;
        let until = match container.state {
            Life::Created => return Some(Vec::new()),
            Life::Runs(since) => now - since,
            Life::Ended(since, end, _) => end - since,
        };
        let chunks = container.program.chunks.iter().take_while(|chunk| chunk.at <= until);
        Some(chunks.flat_map(|chunk| &container.program.bytes[chunk.range.clone()]).copied().collect())
    }

    /// The engine in use, else the first, answers nobody for so long from now on.
    pub fn go_away(&self, time: Duration) {
        let engine = self.world().in_use.unwrap_or(0);
        self.engine_goes_away(engine, time);
    }

    /// An engine (counted from 0) answers nobody for so long from now on.
    pub fn engine_goes_away(&self, engine: usize, time: Duration) {
        let mut world = self.world();
        let until = world.now().saturating_add(time);
        world.engines[engine].away_until = until;
        drop(world);
        self.changes.send_replace(());
    }

    /// All engines restart, and that in use is away for so long.
    pub fn restart(&self, what: FakeRestart, away: Duration) {
        let names: Vec<_> = self.world().containers.keys().cloned().collect();
        for name in names {
            match what {
                FakeRestart::GoOn => {}
                FakeRestart::Ended => self.world().end(&name, Death::Lost),
                FakeRestart::EndedQuietly => self.world().end(&name, Death::Exit(crate::StepExit::Code(137))),
                FakeRestart::Gone => drop(self.world().containers.remove(&name)),
            }
        }
        self.go_away(away);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, verb: &str, name: &str) {
        let mut world = self.world();
        let at = world.now();
        world.calls.push(FakeCall { at, what: format!("{verb} {name}") });
    }

    fn forbid(&self, is_wrong: bool, what: &str) {
        if is_wrong {
            self.world().violations.push(what.to_owned());
            panic!("contract: {what}");
        }
    }

    /// The engine that a call is for, if it answers. Without a wish it is the one in use, which is found when there is none yet.
    fn answering(&self, wanted: Option<&EngineId>) -> Result<usize, BackendError> {
        let mut world = self.world();
        let now = world.now();
        let answers = |engine: &Engine| engine.away_until <= now;
        let refused = || {
            Err(BackendError::unreachable(Message::verbatim("connection refused"))
                .hinted(message!("start Docker (or Podman) and run again")))
        };
        let engine = match wanted {
            Some(id) => world.engines.iter().position(|engine| engine.id == *id),
            None => world.in_use.or_else(|| world.engines.iter().position(answers)),
        };
        let Some(engine) = engine.filter(|engine| answers(&world.engines[*engine])) else { return refused() };
        world.in_use.get_or_insert(engine);
        Ok(engine)
    }
}
