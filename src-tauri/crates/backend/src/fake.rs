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
//! An image that begins with `missing` cannot be had.

use crate::{
    Backend, BackendError, Before, Cancel, CancelStage, Claims, EngineInfo, EnvText, Keep, KeptFiles, StageContext, StepContext, StepExit,
    StepSink, SweepReport,
};
use async_trait::async_trait;
use lp_model::{BackendKind, RunId, StageNumber, StepKey, StepNumber};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How places behave. The steps' behaviour stands in their environment.
#[derive(Debug, Clone, Default)]
pub struct FakePlaces {
    /// How long `prepare` takes, where nothing is there yet.
    pub prepare_takes: Duration,
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
    /// What it cannot remove.
    pub leftovers: Vec<String>,
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

struct World {
    /// Time until `base`, and the moment of this process that it was.
    passed: Duration,
    base: Instant,
    calls: Vec<FakeCall>,
    violations: Vec<String>,
    /// By the name of their stage.
    places: BTreeMap<String, Place>,
    /// By the name of their step.
    containers: BTreeMap<String, Container>,
    /// Names of steps that are in `run_step`.
    attached: BTreeSet<String>,
    /// Names of steps whose program was ever started.
    started: BTreeSet<String>,
    /// Steps that ended well, by the name of their stage: what they wrote has to be there for the steps after them.
    done: BTreeSet<(String, StepNumber)>,
    environments: BTreeMap<String, BTreeMap<String, String>>,
    /// Until when the container engine answers nobody.
    away_until: Duration,
}

struct Place {
    run: RunId,
    stage: StageNumber,
    /// Prepared at least in part, and not destroyed. Otherwise only its files were kept.
    is_there: bool,
    ready: bool,
    /// Steps whose programs have run here.
    files: BTreeSet<StepNumber>,
}

struct Container {
    stage: String,
    key: StepKey,
    is_detached: bool,
    script: Script,
    program: Arc<Program>,
    state: Life,
}

#[derive(Debug, Clone, Copy)]
enum Life {
    Created,
    /// Since when.
    Runs(Duration),
    /// From when until when, and how it ended.
    Ended(Duration, Duration, Death),
}

#[derive(Debug, Clone, Copy)]
enum Death {
    Exit(StepExit),
    /// With the container engine.
    Lost,
}

/// What a program does, as times since its start.
struct Program {
    bytes: Vec<u8>,
    chunks: Vec<Chunk>,
    /// `None`: by itself never.
    end: Option<Duration>,
}

struct Chunk {
    at: Duration,
    is_error: bool,
    range: Range<usize>,
}

impl World {
    fn now(&self) -> Duration {
        self.passed + self.base.elapsed()
    }

    fn is_away(&self) -> bool {
        self.now() < self.away_until
    }

    /// Lets programs end whose time has come.
    fn settle(&mut self) {
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

    fn end(&mut self, name: &str, death: Death) {
        self.settle();
        let now = self.now();
        if let Some(container) = self.containers.get_mut(name)
            && let Life::Runs(since) = container.state
        {
            container.state = Life::Ended(since, now, death);
        }
    }
}

impl Default for FakeBackend {
    fn default() -> Self {
        Self::new(BackendKind::Docker, FakePlaces::default())
    }
}

impl FakeBackend {
    /// A backend of that kind. Must be called on a tokio runtime.
    pub fn new(kind: BackendKind, places: FakePlaces) -> Self {
        let world = World {
            passed: Duration::ZERO,
            base: Instant::now(),
            calls: Vec::new(),
            violations: Vec::new(),
            places: BTreeMap::new(),
            containers: BTreeMap::new(),
            attached: BTreeSet::new(),
            started: BTreeSet::new(),
            done: BTreeSet::new(),
            environments: BTreeMap::new(),
            away_until: Duration::ZERO,
        };
        Self { kind, places, world: Mutex::new(world), changes: watch::Sender::new(()) }
    }

    /// The process ends here, with its runtime and its clock: the world's time stands still until [`Self::boot`].
    pub fn halt(&self) {
        let mut world = self.world();
        (world.passed, world.base) = (world.now(), Instant::now());
    }

    /// The next process begins, on a runtime of its own, `later`; programs have run on meanwhile.
    pub fn boot(&self, later: Duration) {
        let mut world = self.world();
        world.passed += later;
        world.base = Instant::now();
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
        self.world().places.iter().filter(|(_, place)| place.is_there).map(|(name, _)| name.clone()).collect()
    }

    /// Names of containers that are there.
    pub fn containers(&self) -> Vec<String> {
        self.world().containers.keys().cloned().collect()
    }

    /// Removes the files that were kept of a stage, as a limit of size or age does.
    pub fn drop_kept(&self, run: &RunId, stage: StageNumber) {
        let mut world = self.world();
        world.places.retain(|_, place| place.is_there || place.run != *run || place.stage != stage);
        let left: BTreeSet<String> = world.places.keys().cloned().collect();
        world.done.retain(|(stage, _)| left.contains(stage));
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
        let container = world.containers.get(container)?;
        let until = match container.state {
            Life::Created => return Some(Vec::new()),
            Life::Runs(since) => now - since,
            Life::Ended(since, end, _) => end - since,
        };
        let chunks = container.program.chunks.iter().take_while(|chunk| chunk.at <= until);
        Some(chunks.flat_map(|chunk| &container.program.bytes[chunk.range.clone()]).copied().collect())
    }

    /// The container engine answers nobody for so long from now on.
    pub fn go_away(&self, time: Duration) {
        let mut world = self.world();
        world.away_until = world.now().saturating_add(time);
        self.changes.send_replace(());
    }

    /// The container engine restarts and is away for so long.
    pub fn restart(&self, what: FakeRestart, away: Duration) {
        let names = self.containers();
        for name in names {
            match what {
                FakeRestart::GoOn => {}
                FakeRestart::Ended => self.world().end(&name, Death::Lost),
                FakeRestart::EndedQuietly => self.world().end(&name, Death::Exit(StepExit::Code(137))),
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

    fn must_answer(&self) -> Result<(), BackendError> {
        match self.world().is_away() {
            true => Err(BackendError::Unreachable { message: "connection refused".into() }),
            false => Ok(()),
        }
    }

    fn has_ready_place(&self, stage: &StageContext) -> bool {
        self.world().places.get(&stage.name()).is_some_and(|place| place.is_there && place.ready)
    }

    /// Makes what a step runs in, unless the same is there already.
    fn create(&self, stage: &StageContext, step: &StepContext) {
        let script = Script::read(step);
        let mut world = self.world();
        let name = stage.step_name(step.key);
        let is_there = world.containers.get(&name).is_some_and(|container| container.script.variables == script.variables);
        if !is_there {
            let program = Arc::new(script.program(step.step.detached));
            let (stage, key, is_detached) = (stage.name(), step.key, step.step.detached);
            let container = Container { stage, key, is_detached, script, program, state: Life::Created };
            world.containers.insert(name, container);
        }
    }

    fn start(&self, stage: &StageContext, step: &StepContext) {
        let name = stage.step_name(step.key);
        let (mut again, mut early, mut lost) = (false, None, None);
        {
            let mut world = self.world();
            world.settle();
            again |= !world.started.insert(name.clone());
            for need in &step.step.needs {
                let other =
                    |container: &&Container| container.stage == stage.name() && container.key.step == *need && !container.is_detached;
                // One that nobody attends any more was given up: how it ends does not count.
                let is_attended = |(name, container): &(&String, &Container)| {
                    other(container) && world.attached.contains(*name) && matches!(container.state, Life::Runs(_))
                };
                early = early.or(world.containers.iter().find(is_attended).map(|(name, _)| name.clone()));
                let has_files = world.places.get(&stage.name()).is_some_and(|place| place.files.contains(need));
                if world.done.contains(&(stage.name(), *need)) && !has_files {
                    lost = Some(*need);
                }
            }
            let now = world.now();
            if let Some(place) = world.places.get_mut(&stage.name()) {
                place.files.insert(step.key.step);
            }
            if let Some(container) = world.containers.get_mut(&name) {
                container.state = Life::Runs(now);
            }
        }
        self.forbid(again, &format!("second start of `{name}`"));
        self.forbid(early.is_some(), &format!("start of `{name}` while {early:?} runs"));
        self.forbid(lost.is_some(), &format!("start of `{name}` without the files of step {lost:?}"));
        self.record("run", &step.step.name);
    }

    async fn run(&self, stage: &StageContext, step: &StepContext, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        let name = stage.step_name(step.key);
        self.must_answer()?;
        if step.before == Before::Created {
            let found = self.world().containers.get(&name).map(|container| container.state);
            let known = self.world().started.contains(&name);
            match found {
                // All was made when the process died, and the engine can tell that it has never run.
                Some(Life::Created) if !known => self.start(stage, step),
                Some(_) => {}
                None => return Err(BackendError::Lost { message: format!("container `{name}` is not there any more") }),
            }
        } else {
            let script = Script::read(step);
            if script.is("STEP_PANIC") {
                panic!("`{}` was told to", step.step.name);
            }
            if let Some(note) = script.text("STEP_NOTE") {
                sink.note(note.to_owned()).await;
            }
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return Ok(StepExit::Killed),
                () = sleep(script.duration("STEP_START_DELAY").unwrap_or_default()) => {}
            }
            if step.step.image.starts_with("missing") {
                return Err(BackendError::Image { image: step.step.image.clone(), message: "no such image".into() });
            }
            if script.is("STEP_START_FAIL") {
                return Err(BackendError::Start { step: step.step.name.clone(), message: "no such file".into() });
            }
            self.must_answer()?;
            let found = self.world().containers.get(&name).map(|container| container.state);
            self.forbid(matches!(found, Some(Life::Runs(_) | Life::Ended(..))), &format!("`{name}` would be started twice"));
            self.create(stage, step);
            sink.created().await?;
            self.must_answer()?;
            self.start(stage, step);
        }
        sink.started().await;
        self.attend(&name, &step.step.name, sink, cancel).await
    }

    /// Follows a program to its end.
    async fn attend(&self, name: &str, shown: &str, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        let lost = || BackendError::Lost { message: format!("container `{name}` is not there any more") };
        let mut changes = self.changes.subscribe();
        let (mut next, mut upto) = (0, sink.position());
        let mut skip = upto;
        let (mut was_asked, mut was_killed, mut kill_at) = (false, false, None);
        loop {
            self.must_answer()?;
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
                return Err(BackendError::Unreachable { message: "connection reset".into() });
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
                    return Err(BackendError::Lost { message: "the container engine was restarted".to_owned() });
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

    fn signal(&self, name: &str, kill: bool) {
        let mut world = self.world();
        let ends = |container: &Container| !container.script.is("STEP_HANG") && (kill || !container.script.is("IGNORE_TERM"));
        if world.containers.get(name).is_some_and(ends) {
            world.end(name, Death::Exit(StepExit::Killed));
        }
    }
}

#[async_trait]
impl Backend for FakeBackend {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    async fn probe(&self) -> Result<EngineInfo, BackendError> {
        self.must_answer()?;
        Ok(EngineInfo {
            name: "Fake".into(),
            version: "1".into(),
            api_version: String::new(),
            address: String::new(),
            platform: "linux/amd64".into(),
            isolated: true,
        })
    }

    async fn prepare(&self, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        self.record("prepare", &stage.stage.name);
        self.must_answer()?;
        let was_ready = {
            let mut world = self.world();
            let place = world.places.entry(stage.name()).or_insert_with(|| Place {
                run: stage.run.clone(),
                stage: stage.stage.number,
                is_there: true,
                ready: false,
                files: BTreeSet::new(),
            });
            place.is_there = true;
            place.ready
        };
        if self.places.prepare_panics {
            panic!("prepare was told to");
        }
        let asked = async {
            match self.places.prepare_is_stubborn {
                true => pending().await,
                false => cancel.reached(CancelStage::Ask).await,
            }
        };
        tokio::select! {
            biased;
            () = asked => return Err(BackendError::Cancelled),
            () = sleep(if was_ready { Duration::ZERO } else { self.places.prepare_takes }) => {}
        }
        self.must_answer()?;
        if let Some(error) = self.places.prepare_error {
            return Err(error());
        }
        if let Some(place) = self.world().places.get_mut(&stage.name()) {
            place.ready = true;
        }
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
        if self.must_answer().is_ok() {
            let is_late = self.world().attached.contains(&name);
            self.forbid(is_late, &format!("make_ahead of `{name}` goes on while it runs"));
            self.create(stage, step);
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

    async fn destroy(&self, stage: &StageContext, keep: Keep) -> Result<Vec<String>, BackendError> {
        self.record("destroy", &stage.stage.name);
        let prefix = format!("{}-", stage.name());
        let still = self.world().attached.iter().find(|name| name.starts_with(&prefix)).cloned();
        self.forbid(still.is_some(), &format!("destroy of `{}` while {still:?} runs", stage.name()));
        self.must_answer()?;
        sleep(self.places.destroy_takes).await;
        self.must_answer()?;
        if let Some(error) = self.places.destroy_error {
            return Err(error());
        }
        {
            let mut world = self.world();
            world.settle();
            world.containers.retain(|_, container| container.stage != stage.name());
            let mut place = world.places.remove(&stage.name());
            if let (Keep::Files, Some(place)) = (keep, &mut place) {
                (place.is_there, place.ready) = (false, false);
            }
            match place {
                Some(place) if keep == Keep::Files => drop(world.places.insert(stage.name(), place)),
                _ => world.done.retain(|(of, _)| *of != stage.name()),
            }
        }
        self.changes.send_replace(());
        self.record("gone", &stage.stage.name);
        Ok(self.places.leftovers.clone())
    }

    async fn sweep(&self, claims: &Claims) -> Result<SweepReport, BackendError> {
        self.must_answer()?;
        let mut world = self.world();
        let mut removed = Vec::new();
        for (name, mut place) in std::mem::take(&mut world.places) {
            if claims.live.contains(&place.run) {
                world.places.insert(name, place);
                continue;
            }
            world.containers.retain(|_, container| container.stage != name);
            let was_there = place.is_there;
            (place.is_there, place.ready) = (false, false);
            if claims.kept.contains(&place.run) {
                world.places.insert(name.clone(), place);
                if !was_there {
                    continue;
                }
            }
            removed.push(name);
        }
        Ok(SweepReport { removed, failed: Vec::new() })
    }

    async fn kept(&self) -> Result<Vec<KeptFiles>, BackendError> {
        self.must_answer()?;
        let world = self.world();
        let kept = world.places.values().filter(|place| !place.is_there);
        Ok(kept.map(|place| KeptFiles { run: place.run.clone(), stage: place.stage, bytes: Some(place.files.len() as u64) }).collect())
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

/// What the environment of a step says.
struct Script {
    key: StepKey,
    variables: BTreeMap<String, String>,
}

impl Script {
    fn read(step: &StepContext) -> Self {
        let variables = step.env.iter().map(|(name, value)| (name.clone(), text_of(value))).collect();
        Self { key: step.key, variables }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn is(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    fn number(&self, name: &str) -> Option<i32> {
        self.text(name).map(|text| text.parse().unwrap_or_else(|_| panic!("step {}: `{name}={text}` is not a number", self.key)))
    }

    fn duration(&self, name: &str) -> Option<Duration> {
        let text = self.text(name)?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().unwrap_or_else(|_| panic!("step {}: `{name}={text}` is not a duration", self.key));
        Some(match &text[digits.len()..] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number * 60),
            unit => panic!("step {}: `{name}={text}` has the unknown unit `{unit}`", self.key),
        })
    }

    fn exit(&self) -> StepExit {
        if self.is("STEP_OOM_KILLED") {
            return StepExit::OutOfMemory;
        }
        match self.number("STEP_SIGNAL") {
            Some(signal) => StepExit::Signal(signal),
            None => StepExit::Code(self.number("STEP_EXIT_CODE").unwrap_or(0)),
        }
    }

    /// After what time nobody answers about it, and for how long.
    fn gone(&self) -> Option<(Duration, Duration)> {
        Some((self.duration("STEP_GONE_AFTER")?, self.duration("STEP_GONE_FOR").unwrap_or(Duration::MAX)))
    }

    fn program(&self, is_detached: bool) -> Program {
        let mut program = Program { bytes: Vec::new(), chunks: Vec::new(), end: None };
        let mut at = Duration::ZERO;
        let mut write = |at: Duration, is_error: bool, text: &[u8]| {
            let from = program.bytes.len();
            program.bytes.extend_from_slice(text);
            program.chunks.push(Chunk { at, is_error, range: from..program.bytes.len() });
        };
        if let Some(line) = self.text("STEP_LOG") {
            write(at, false, format!("{line}\n").as_bytes());
        }
        for line in 1..=self.number("STEP_LOG_LINES").unwrap_or(0) {
            write(at, self.is("STEP_MIX") && line % 2 == 0, format!("line {line}\n").as_bytes());
            at += self.duration("STEP_LOG_PAUSE").unwrap_or_default();
        }
        if let Some(name) = self.text("STEP_ECHO") {
            for byte in self.text(name).unwrap_or("").bytes() {
                write(at, false, &[byte]);
            }
            write(at, false, b"\n");
        }
        if let Some(text) = self.text("STEP_LOG_END") {
            write(at, false, text.as_bytes());
        }
        program.end = match self.text("SLEEP") {
            _ if self.is("STEP_HANG") => None,
            Some("forever") => None,
            None if is_detached => None,
            _ => Some(at + self.duration("SLEEP").unwrap_or_default()),
        };
        program
    }
}

fn text_of(value: &EnvText) -> String {
    match value {
        EnvText::Plain(text) => text.clone(),
        EnvText::Secret(value) => value.expose().to_owned(),
        EnvText::Moment(seconds) => seconds.to_string(),
        EnvText::WorkspaceBase => "(workspace base)".to_owned(),
        EnvText::WorkspaceDir => "(workspace dir)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancelHandle, Position, SinkError};
    use lp_model::{RunOn, Stage, StageNumber, Step, StepKind, StepNumber, Workspace};

    struct Deaf;

    #[async_trait]
    impl StepSink for Deaf {
        async fn created(&self) -> Result<(), SinkError> {
            Ok(())
        }
        async fn started(&self) {}
        async fn note(&self, _: String) {}
        fn position(&self) -> Position {
            Position::default()
        }
        async fn write(&self, _: &[u8], _: Position) -> Result<(), SinkError> {
            Ok(())
        }
    }

    fn stage() -> (StageContext, StepContext) {
        let step = Step::new(1, "build", StepKind::Commands);
        let stage = Stage {
            number: StageNumber(1),
            name: "default".into(),
            backend: BackendKind::Docker,
            needs: vec![],
            run_on: RunOn::default(),
            workspace: Workspace { base: "/w".into(), path: String::new() },
            source: false,
            checkout: None,
            concurrency: None,
            file: String::new(),
            matrix: BTreeMap::new(),
            volumes: vec![],
            steps: vec![step.clone()],
        };
        let run = RunId::parse("r1").expect("a legal id");
        let key = StepKey::first(StageNumber(1), StepNumber(1));
        (
            StageContext { run, stage: Arc::new(stage), source: None },
            StepContext { key, step: Arc::new(step), env: vec![], before: Before::Nothing },
        )
    }

    #[tokio::test(start_paused = true)]
    async fn it_forgets_what_is_destroyed_or_swept() {
        let (stage, step) = stage();
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
        let backend = FakeBackend::default();
        backend.prepare(&stage, &cancel).await.expect("works");
        assert_eq!(backend.run_step(&stage, &step, &Deaf, &cancel).await.expect("works"), StepExit::Code(0));
        assert_eq!(backend.left(), ["lp-r1-1"]);
        assert!(backend.sweep(&Claims { live: vec![stage.run.clone()], kept: vec![] }).await.expect("works").removed.is_empty());
        assert_eq!(backend.sweep(&Claims::default()).await.expect("works").removed, ["lp-r1-1"]);
        assert_eq!(backend.destroy(&stage, Keep::Nothing).await.expect("works"), [""; 0], "gone already counts as removed");
        assert!(backend.left().is_empty());
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "contract: run_step of `lp-r1-1-1-1` without a ready place")]
    async fn a_step_without_a_place_panics() {
        let (stage, step) = stage();
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
        let _ = FakeBackend::default().run_step(&stage, &step, &Deaf, &cancel).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_outlives_the_call_and_is_attached_to() {
        let (stage, mut step) = stage();
        step.env = vec![("SLEEP".into(), EnvText::Plain("10s".into())), ("STEP_LOG".into(), EnvText::Plain("hello".into()))];
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
        let backend = FakeBackend::default();
        backend.prepare(&stage, &cancel).await.expect("works");
        let call = tokio::time::timeout(Duration::from_secs(4), backend.run_step(&stage, &step, &Deaf, &cancel));
        assert!(call.await.is_err(), "dropped after 4 s");
        step.before = Before::Created;
        assert_eq!(backend.run_step(&stage, &step, &Deaf, &cancel).await.expect("works"), StepExit::Code(0));
        assert_eq!(backend.now(), Duration::from_secs(10), "it ran on meanwhile");
        assert_eq!(backend.written("lp-r1-1-1-1").expect("it is there"), b"hello\n");
        assert_eq!(backend.destroy(&stage, Keep::Files).await.expect("works"), [""; 0]);
        assert_eq!(backend.kept().await.expect("works").len(), 1);
        backend.prepare(&stage, &cancel).await.expect("works");
        let lost = backend.run_step(&stage, &step, &Deaf, &cancel).await;
        assert!(matches!(lost, Err(BackendError::Lost { .. })), "{lost:?}");
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "contract: `lp-r1-1-1-1` would be started twice")]
    async fn a_second_start_panics() {
        let (stage, step) = stage();
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
        let backend = FakeBackend::default();
        backend.prepare(&stage, &cancel).await.expect("works");
        backend.run_step(&stage, &step, &Deaf, &cancel).await.expect("works");
        let _ = backend.run_step(&stage, &step, &Deaf, &cancel).await;
    }
}
