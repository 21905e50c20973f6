//! A backend in memory. Steps do nothing but what their environment says, in the time of tokio's clock (which tests pause), so that a
//! scenario about minutes takes milliseconds. It also watches the engine: a call that the contract forbids panics and is kept
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
//! | `STEP_ECHO=NAME` | writes the value of that variable, byte by byte, and a line break |
//! | `STEP_LOG_END=text` | writes that last, without a line break |
//! | `IGNORE_TERM=true` | does not end when asked, only when killed |
//! | `STEP_HANG=true` | does not even end when killed |
//! | `STEP_PANIC=true` | the backend panics |
//! | `STEP_GONE_AFTER=1s` | the engine stops answering after that time |
//!
//! An image that begins with `missing` cannot be had.

use crate::{Backend, BackendError, Cancel, CancelStage, EngineInfo, EnvText, StageContext, StepContext, StepExit, StepSink, SweepReport};
use async_trait::async_trait;
use lp_model::{BackendKind, RunId, StepKey};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How places behave. The steps' behaviour stands in their environment.
#[derive(Debug, Clone, Default)]
pub struct FakePlaces {
    /// How long `prepare` takes.
    pub prepare_takes: Duration,
    /// What it fails with.
    pub prepare_error: Option<fn() -> BackendError>,
    /// It panics.
    pub prepare_panics: bool,
    /// It goes on when it is cancelled.
    pub prepare_is_stubborn: bool,
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
    /// A verb and the name of a stage or step: `prepare`, `ready`, `start`, `run`, `ask`, `kill`, `end`, `destroy`, `gone`.
    pub what: String,
}

/// The backend in memory.
pub struct FakeBackend {
    kind: BackendKind,
    places: FakePlaces,
    born: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<FakeCall>,
    violations: Vec<String>,
    /// Whether the place of a stage is ready, by its name.
    stages: BTreeMap<String, Place>,
    /// Names of steps that are in `run_step`.
    running: BTreeSet<String>,
    environments: BTreeMap<String, BTreeMap<String, String>>,
}

struct Place {
    run: RunId,
    ready: bool,
}

impl Default for FakeBackend {
    fn default() -> Self {
        Self::new(BackendKind::Docker, FakePlaces::default())
    }
}

impl FakeBackend {
    /// A backend of that kind. Must be called on a tokio runtime.
    pub fn new(kind: BackendKind, places: FakePlaces) -> Self {
        Self { kind, places, born: Instant::now(), state: Mutex::default() }
    }

    /// Everything that happened, in order.
    pub fn calls(&self) -> Vec<FakeCall> {
        self.state().calls.clone()
    }

    /// When something happened for the first time, e.g. `start build`.
    pub fn when(&self, what: &str) -> Option<Duration> {
        self.state().calls.iter().find(|call| call.what == what).map(|call| call.at)
    }

    /// Calls that the contract forbids.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Names of stages that were prepared, perhaps in part, and not destroyed.
    pub fn left(&self) -> Vec<String> {
        self.state().stages.keys().cloned().collect()
    }

    /// The environment that a step was started with, secrets in plain text.
    pub fn environment(&self, step: &str) -> BTreeMap<String, String> {
        self.state().environments.get(step).cloned().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, verb: &str, name: &str) {
        let at = self.born.elapsed();
        self.state().calls.push(FakeCall { at, what: format!("{verb} {name}") });
    }

    fn forbid(&self, is_wrong: bool, what: &str) {
        if is_wrong {
            self.state().violations.push(what.to_owned());
            panic!("contract: {what}");
        }
    }

    async fn run(&self, step: &StepContext, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        let name = &step.step.name;
        let script = Script::read(step);
        if script.is("STEP_PANIC") {
            panic!("`{name}` was told to");
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
            return Err(BackendError::Start { step: name.clone(), message: "no such file".into() });
        }
        self.record("run", name);
        sink.started().await;
        script.write(sink).await?;
        if script.is("STEP_HANG") {
            pending::<()>().await;
        }
        let gone = async {
            match script.duration("STEP_GONE_AFTER") {
                Some(time) => sleep(time).await,
                None => pending().await,
            }
        };
        let work = async {
            match script.text("SLEEP") {
                Some("forever") => pending().await,
                None if step.step.detached => pending().await,
                _ => sleep(script.duration("SLEEP").unwrap_or_default()).await,
            }
        };
        tokio::pin!(work);
        tokio::select! {
            biased;
            () = gone => return Err(BackendError::Unreachable { message: "connection reset".into() }),
            () = &mut work => return Ok(script.exit()),
            () = cancel.reached(CancelStage::Ask) => {}
        }
        if cancel.stage() == CancelStage::Ask {
            self.record("ask", name);
            if !script.is("IGNORE_TERM") {
                return Ok(StepExit::Killed);
            }
            tokio::select! {
                biased;
                () = &mut work => return Ok(script.exit()),
                () = cancel.reached(CancelStage::Kill) => {}
                () = sleep(cancel.grace) => {}
            }
        }
        self.record("kill", name);
        Ok(StepExit::Killed)
    }
}

#[async_trait]
impl Backend for FakeBackend {
    fn kind(&self) -> BackendKind {
        self.kind
    }

    async fn probe(&self) -> Result<EngineInfo, BackendError> {
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
        self.state().stages.entry(stage.name()).or_insert(Place { run: stage.run.clone(), ready: false });
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
            () = sleep(self.places.prepare_takes) => {}
        }
        if let Some(error) = self.places.prepare_error {
            return Err(error());
        }
        if let Some(place) = self.state().stages.get_mut(&stage.name()) {
            place.ready = true;
        }
        self.record("ready", &stage.stage.name);
        Ok(())
    }

    async fn run_step(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        let name = stage.step_name(step.key);
        let is_ready = self.state().stages.get(&stage.name()).is_some_and(|place| place.ready);
        self.forbid(!is_ready, &format!("run_step of `{name}` without a ready place"));
        let is_first = self.state().running.insert(name.clone());
        self.forbid(!is_first, &format!("run_step of `{name}` while it runs"));
        // Also when the engine drops the future.
        let _leave = Leave { backend: self, name };
        self.record("start", &step.step.name);
        let shown = step.env.iter().map(|(variable, value)| (variable.clone(), text_of(value).to_owned()));
        let environment = shown.collect();
        self.state().environments.insert(step.step.name.clone(), environment);
        let exit = self.run(step, sink, cancel).await;
        self.record("end", &step.step.name);
        exit
    }

    async fn destroy(&self, stage: &StageContext) -> Result<Vec<String>, BackendError> {
        self.record("destroy", &stage.stage.name);
        let prefix = format!("{}-", stage.name());
        let still = self.state().running.iter().find(|name| name.starts_with(&prefix)).cloned();
        self.forbid(still.is_some(), &format!("destroy of `{}` while {still:?} runs", stage.name()));
        sleep(self.places.destroy_takes).await;
        if let Some(error) = self.places.destroy_error {
            return Err(error());
        }
        self.state().stages.remove(&stage.name());
        self.record("gone", &stage.stage.name);
        Ok(self.places.leftovers.clone())
    }

    async fn sweep(&self, live: &[RunId]) -> Result<SweepReport, BackendError> {
        let mut state = self.state();
        let (dead, alive) = std::mem::take(&mut state.stages).into_iter().partition(|(_, place)| !live.contains(&place.run));
        state.stages = alive;
        let dead: BTreeMap<String, Place> = dead;
        Ok(SweepReport { removed: dead.into_keys().collect(), failed: Vec::new() })
    }
}

struct Leave<'a> {
    backend: &'a FakeBackend,
    name: String,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.backend.state().running.remove(&self.name);
    }
}

/// What the environment of a step says.
struct Script {
    key: StepKey,
    variables: BTreeMap<String, String>,
}

impl Script {
    fn read(step: &StepContext) -> Self {
        let variables = step.env.iter().map(|(name, value)| (name.clone(), text_of(value).to_owned())).collect();
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

    async fn write(&self, sink: &dyn StepSink) -> Result<(), BackendError> {
        if let Some(line) = self.text("STEP_LOG") {
            sink.write(format!("{line}\n").as_bytes()).await?;
        }
        for line in 1..=self.number("STEP_LOG_LINES").unwrap_or(0) {
            sink.write(format!("line {line}\n").as_bytes()).await?;
            if let Some(pause) = self.duration("STEP_LOG_PAUSE") {
                sleep(pause).await;
            }
        }
        if let Some(name) = self.text("STEP_ECHO") {
            for byte in self.text(name).unwrap_or("").bytes() {
                sink.write(&[byte]).await?;
            }
            sink.write(b"\n").await?;
        }
        if let Some(text) = self.text("STEP_LOG_END") {
            sink.write(text.as_bytes()).await?;
        }
        Ok(())
    }
}

fn text_of(value: &EnvText) -> &str {
    match value {
        EnvText::Plain(text) => text,
        EnvText::Secret(value) => value.expose(),
        EnvText::WorkspaceBase => "(workspace base)",
        EnvText::WorkspaceDir => "(workspace dir)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancelHandle, SinkError};
    use lp_model::{RunOn, Stage, StageNumber, Step, StepKind, StepNumber, Workspace};
    use std::sync::Arc;

    struct Deaf;

    #[async_trait]
    impl StepSink for Deaf {
        async fn started(&self) {}
        async fn note(&self, _: String) {}
        async fn write(&self, _: &[u8]) -> Result<(), SinkError> {
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
            concurrency: None,
            file: String::new(),
            matrix: BTreeMap::new(),
            volumes: vec![],
            steps: vec![step.clone()],
        };
        let run = RunId::parse("r1").expect("a legal id");
        let key = StepKey::first(StageNumber(1), StepNumber(1));
        (StageContext { run, stage: Arc::new(stage), source: None }, StepContext { key, step: Arc::new(step), env: vec![] })
    }

    #[tokio::test(start_paused = true)]
    async fn it_forgets_what_is_destroyed_or_swept() {
        let (stage, step) = stage();
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
        let backend = FakeBackend::default();
        backend.prepare(&stage, &cancel).await.expect("works");
        assert_eq!(backend.run_step(&stage, &step, &Deaf, &cancel).await.expect("works"), StepExit::Code(0));
        assert_eq!(backend.left(), ["lp-r1-1"]);
        assert!(backend.sweep(std::slice::from_ref(&stage.run)).await.expect("works").removed.is_empty());
        assert_eq!(backend.sweep(&[]).await.expect("works").removed, ["lp-r1-1"]);
        assert_eq!(backend.destroy(&stage).await.expect("works"), [""; 0], "gone already counts as removed");
        assert!(backend.left().is_empty());
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "contract: run_step of `lp-r1-1-1-1` without a ready place")]
    async fn a_step_without_a_place_panics() {
        let (stage, step) = stage();
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(1));
        let _ = FakeBackend::default().run_step(&stage, &step, &Deaf, &cancel).await;
    }
}
