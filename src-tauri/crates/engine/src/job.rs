//! What the owner of a run starts and waits for: making a place, running a step, removing a place. A job always comes back, also when
//! the backend panics or never answers.

use crate::EngineSettings;
use crate::aside::Asides;
use crate::environment::{StartFacts, resolve};
use crate::messages::{Fact, Notice, Post};
use crate::ports::LogStore;
use crate::progress::Progress;
use crate::scheduler::{BrokenLog, Evidence, Exit};
use crate::secrets::RunSecrets;
use crate::sink::LogSink;
use crate::slots::{Slot, SlotName, Slots};
use async_trait::async_trait;
use futures_util::FutureExt;
use lp_backend::{
    Backend, BackendError, Before, Cancel, CancelHandle, CancelStage, Keep, Notes, SinkError, StageContext, StepContext, StepExit,
};
use lp_model::{EngineId, RunId, Step, StepKey, StepKind};
use lp_secret::masker::Masker;
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How often an engine that does not answer is asked again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// A call that lasts so long after the engine was away shows that it is back.
const BACK_AFTER: Duration = Duration::from_secs(3);

/// How long finding the engine of a stage may take: several may be asked, one after the other, some of them by a log-in.
const PLACE_DEADLINE: Duration = Duration::from_secs(120);

/// How long one such question may take.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// The place of a stage. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site {
    pub backend: Arc<dyn Backend>,
    pub context: StageContext,
    pub started_ms: i64,
    pub asides: Arc<Asides>,
    /// Its right to run beside others of its kind.
    slot: Arc<Mutex<Option<Slot>>>,
}

impl Site {
    pub fn new(backend: Arc<dyn Backend>, context: StageContext, started_ms: i64) -> Self {
        Self { backend, context, started_ms, asides: Arc::new(Asides::new()), slot: Arc::default() }
    }

    /// Keeps its right to run until its steps are over; with `None` others of its kind may run.
    pub fn keep_slot(&self, slot: Option<Slot>) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = slot;
    }

    /// Starts to fetch what its steps need.
    pub fn fetch(&self) {
        let (backend, context, cancel) = (Arc::clone(&self.backend), self.context.clone(), self.asides.cancel());
        self.asides.start(None, async move { backend.fetch(&context, &cancel).await });
    }

    /// Starts to make what a step will run in.
    pub fn make_ahead(&self, step: StepContext) {
        let (backend, context, cancel) = (Arc::clone(&self.backend), self.context.clone(), self.asides.cancel());
        self.asides.start(Some(step.key), async move { backend.make_ahead(&context, &step, &cancel).await });
    }
}

/// How the making of a place goes.
pub(crate) struct PrepareJob {
    pub site: Site,
    pub cancel: Cancel,
    pub settings: Arc<EngineSettings>,
    /// The slot that it still needs, with its limit.
    pub slot: Option<(Slots, SlotName, u32)>,
    /// The engine of the other stages of the run, for a stage whose own is not written down yet.
    pub others_engine: Option<(EngineId, String)>,
    /// Its engine is not written down yet.
    pub is_new: bool,
    /// The place was there and its steps run, or have run, in it.
    pub is_revival: bool,
    /// The engine did answer in this run, so that it is worth waiting for.
    pub is_patient: bool,
    pub masker: Masker,
    pub post: mpsc::UnboundedSender<Post>,
    pub notices: broadcast::Sender<Notice>,
}

impl PrepareJob {
    pub async fn run(mut self) -> Fact {
        let stage = self.site.context.stage.number;
        let failed = |message: String, hint: &str| Fact::PrepareFailed { stage, message, hint: hint.to_owned() };
        if !self.have_slot().await {
            return failed("cancelled".to_owned(), "");
        }
        if let Err(fact) = self.be_placed().await {
            return fact;
        }
        // What runs there is asked to end by name, once it is there again; only a kill stops the way there.
        let (kill, only_kill) = CancelHandle::new(self.cancel.grace);
        let cancel = if self.is_revival { &only_kill } else { &self.cancel };
        let killed = async {
            self.cancel.reached(CancelStage::Kill).await;
            kill.advance(CancelStage::Kill);
            std::future::pending::<Infallible>().await
        };
        let work = async {
            let mut outage = Outage::default();
            loop {
                let began = Instant::now();
                let progress = self.progress();
                let notes = PlaceNotes(&self, &progress);
                let call = self.site.backend.prepare(&self.site.context, &notes, cancel);
                let call = unless_given_up(call, cancel, self.settings.cleanup_deadline);
                let ended = tokio::select! {
                    biased;
                    ended = call => Ok(ended),
                    () = progress.silent(self.settings.prepare_silence) => Err(()),
                };
                break match ended {
                    Ok(Some(Ok(Ok(())))) => Fact::StagePrepared { stage },
                    Ok(Some(Ok(Err(error)))) => {
                        if let BackendError::FilesGone { .. } = error {
                            return Fact::FilesGone { stage, message: error.to_string(), hint: error.hint().to_owned() };
                        }
                        if matches!(error, BackendError::Unreachable { .. }) && self.is_patient {
                            let note = |note| self.post(Fact::StageNoted { stage, note });
                            if outage.wait(began, &self.site, &self.cancel, self.settings.engine_patience, note).await {
                                continue;
                            }
                        }
                        failed(error.to_string(), error.hint())
                    }
                    Ok(Some(Err(panic))) => failed(panic, ""),
                    Ok(None) => failed("the backend did not stop in time".to_owned(), ""),
                    Err(_) => failed(
                        format!("the making of the stage has not got any further for {} s", self.settings.prepare_silence.as_secs()),
                        "check that the container engine and the disk are not overloaded, and run again",
                    ),
                };
            }
        };
        tokio::select! {
            biased;
            fact = work => fact,
            never = killed => match never {},
        }
    }

    /// Waits for the slot, if one is needed. `false` when the wait was cancelled.
    async fn have_slot(&self) -> bool {
        let Some((slots, name, limit)) = &self.slot else { return true };
        let mut waiting = slots.queue(name.clone(), *limit);
        let slot = match waiting.try_recv() {
            Ok(slot) => slot,
            Err(_) => {
                let note = format!("waits: at most {limit} such stages of the project run at the same time");
                self.post(Fact::StageNoted { stage: self.site.context.stage.number, note });
                tokio::select! {
                    biased;
                    () = self.cancel.reached(CancelStage::Ask) => return false,
                    // Whoever holds the slots outlives those who wait.
                    slot = waiting => match slot { Ok(slot) => slot, Err(_) => return false },
                }
            }
        };
        self.site.keep_slot(Some(slot));
        true
    }

    /// Finds the engine that a new stage is on, and has it written down before anything is made there.
    async fn be_placed(&mut self) -> Result<(), Fact> {
        if self.site.context.engine.is_some() && !self.is_new || self.is_revival {
            return Ok(());
        }
        let stage = self.site.context.stage.number;
        let failed = |message: String, hint: &str| Fact::PrepareFailed { stage, message, hint: hint.to_owned() };
        let (engine, name) = match self.others_engine.take() {
            Some(known) => known,
            None => {
                let mut outage = Outage::default();
                loop {
                    let began = Instant::now();
                    let asked = tokio::select! {
                        biased;
                        () = self.cancel.reached(CancelStage::Ask) => return Err(failed("cancelled".to_owned(), "")),
                        asked = timeout(PLACE_DEADLINE, guarded(self.site.backend.engine())) => asked,
                    };
                    let error = match asked {
                        Ok(Ok(Ok(info))) => break (info.id.clone(), info.told()),
                        Ok(Ok(Err(error))) => error,
                        Ok(Err(panic)) => return Err(failed(panic, "")),
                        Err(_) => BackendError::unreachable("no answer in time"),
                    };
                    if matches!(error, BackendError::Unreachable { .. }) && self.is_patient {
                        let note = |note| self.post(Fact::StageNoted { stage, note });
                        if outage.wait(began, &self.site, &self.cancel, self.settings.engine_patience, note).await {
                            continue;
                        }
                    }
                    return Err(failed(error.to_string(), error.hint()));
                }
            }
        };
        let (answer, stored) = oneshot::channel();
        // The inbox outlives every job of its run; an answer that never comes says that the run is being left alone.
        let _ = self.post.send(Post::Placed { stage, engine: engine.clone(), name, answer });
        let left = || failed("the run is not under way any more".to_owned(), "");
        stored.await.map_err(|_| left())?.map_err(|error| failed(error.message, &error.hint))?;
        self.site.context.engine = Some(engine);
        Ok(())
    }

    fn progress(&self) -> Progress {
        let (run, stage) = (self.site.context.run.clone(), self.site.context.stage.number);
        Progress::new(run, stage, None, self.masker.clone(), self.notices.clone())
    }

    fn post(&self, fact: Fact) {
        // The inbox outlives every job of its run.
        let _ = self.post.send(Post::Fact(fact));
    }
}

/// Where the making of a place tells how it goes.
struct PlaceNotes<'a>(&'a PrepareJob, &'a Progress);

#[async_trait]
impl Notes for PlaceNotes<'_> {
    async fn note(&self, note: String) {
        self.0.post(Fact::StageNoted { stage: self.0.site.context.stage.number, note });
    }

    fn progress(&self, sentence: &str) {
        self.1.hear(sentence);
    }
}

/// Removes a place. `is_again`: it was tried before, and comes back until it is done.
pub(crate) async fn destroy(site: Site, keep: Keep, settings: Arc<EngineSettings>, is_again: bool) -> Fact {
    let name = site.context.name();
    site.asides.stop().await;
    let until = Instant::now() + settings.cleanup_deadline;
    let mut last = None;
    let leftovers = loop {
        let call = tokio::time::timeout_at(until, guarded(site.backend.destroy(&site.context, keep)));
        match call.await {
            Ok(Ok(Ok(leftovers))) => break leftovers,
            // It may be about to come back.
            Ok(Ok(Err(error @ BackendError::Unreachable { .. }))) if !is_again && Instant::now() + PROBE_INTERVAL < until => {
                last = Some(format!("`{name}`: {error}"));
                sleep(PROBE_INTERVAL).await;
            }
            Ok(Ok(Err(error))) => break vec![format!("`{name}`: {error}")],
            Ok(Err(panic)) => break vec![format!("`{name}`: {panic}")],
            Err(_) => break vec![last.unwrap_or_else(|| format!("`{name}`: not removed after {} s", settings.cleanup_deadline.as_secs()))],
        }
    };
    Fact::StageDestroyed { stage: site.context.stage.number, leftovers, kept: keep == Keep::Files }
}

/// Everything that one step needs to run.
pub(crate) struct StepJob {
    pub run: RunId,
    pub key: StepKey,
    pub step: Arc<Step>,
    pub before: Before,
    pub site: Site,
    pub facts: StartFacts,
    pub secrets: Arc<RunSecrets>,
    /// Values may be about that an earlier process gave away, so that all of them must be known.
    pub needs_all_secrets: bool,
    pub logs: Arc<dyn LogStore>,
    pub settings: Arc<EngineSettings>,
    pub slots: Slots,
    pub stop: CancelHandle,
    pub cancel: Cancel,
    pub post: mpsc::UnboundedSender<Post>,
    pub notices: broadcast::Sender<Notice>,
}

impl StepJob {
    pub async fn run(self) -> Fact {
        let key = self.key;
        let (exit, evidence) = self.exit().await;
        Fact::StepEnded { key, exit, evidence }
    }

    /// What became of the program, and what was seen beside.
    async fn exit(self) -> (Exit, Evidence) {
        const SECRETS: &str = "open the settings and set the secret again";
        if let Some(message) = self.secrets.unreadable().filter(|_| self.needs_all_secrets) {
            return unseen(Exit::failed(message, SECRETS));
        }
        let environment = match (resolve(&self.step, &self.secrets, &self.facts), self.before) {
            (Ok(environment), _) => environment,
            // It has its environment already.
            (Err(_), Before::Created) => Default::default(),
            (Err(message), Before::Nothing) => return unseen(Exit::failed(message, SECRETS)),
        };
        if self.before == Before::Nothing {
            for note in environment.notes {
                self.note(note);
            }
        }
        let Some(_slot) = self.have_slot().await else { return unseen(Exit::failed("cancelled", "")) };
        let log = match self.logs.open(&self.run, self.key).await {
            Ok(log) => log,
            Err(error) => {
                let error = SinkError::from(error);
                return unseen(Exit::failed(error.to_string(), &error.hint));
            }
        };
        self.site.asides.made(self.key, &self.cancel).await;
        let mut sink = LogSink::new(
            self.run.clone(),
            self.key,
            &self.secrets.masker,
            log,
            self.post.clone(),
            self.notices.clone(),
            self.settings.max_log_bytes,
        );
        let mut context = StepContext { key: self.key, step: Arc::clone(&self.step), env: environment.env, before: self.before };
        let mut outage = Outage::default();
        let ended = loop {
            let began = Instant::now();
            match self.call(&sink, &context, &mut outage).await {
                Some(Ok(Err(error @ BackendError::Unreachable { .. }))) => {
                    let patience = self.settings.engine_patience;
                    if !outage.wait(began, &self.site, &self.cancel, patience, |note| self.note(note)).await {
                        break Some(Ok(Err(error)));
                    }
                    if sink.is_created() {
                        context.before = Before::Created;
                    }
                    sink.go_on().await;
                }
                ended => break ended,
            }
        };
        // Also after a panic or a step that was given up: what it wrote until then is kept.
        let broken_log = sink.finish().await.err().map(|error| BrokenLog { message: error.to_string(), hint: error.hint });
        let exit = match ended {
            Some(Ok(Ok(exit))) => Exit::Program(exit),
            Some(Ok(Err(BackendError::Lost { message, .. }))) => Exit::Lost { message },
            Some(Ok(Err(error))) => Exit::failed(error.to_string(), error.hint()),
            Some(Err(panic)) => Exit::failed(panic, ""),
            None => {
                let message = format!("the step did not end within {} s after it was killed", self.settings.cleanup_deadline.as_secs());
                self.note(message.clone());
                Exit::failed(message, "restart the container engine")
            }
        };
        (exit, Evidence { engine_was_away: outage.was_there(), broken_log })
    }

    /// Waits until one step more may run on this computer; `None` when the wait was cancelled. What others wait for does not wait itself.
    async fn have_slot(&self) -> Option<Option<Slot>> {
        if self.step.detached || self.step.kind == StepKind::Service {
            return Some(None);
        }
        if self.before == Before::Created {
            return Some(Some(self.slots.take(SlotName::steps())));
        }
        let limit = u32::try_from(self.settings.max_steps).unwrap_or(u32::MAX).max(1);
        let mut waiting = self.slots.queue(SlotName::steps(), limit);
        if let Ok(slot) = waiting.try_recv() {
            return Some(Some(slot));
        }
        self.note(format!("waits: at most {limit} steps run at the same time on this computer"));
        tokio::select! {
            biased;
            () = self.cancel.reached(CancelStage::Ask) => None,
            // Whoever holds the slots outlives those who wait.
            slot = waiting => slot.ok().map(Some),
        }
    }

    /// One call of the backend, with the log shown now and then. `None`: it was given up.
    async fn call(
        &self,
        sink: &LogSink,
        context: &StepContext,
        outage: &mut Outage,
    ) -> Option<Result<Result<StepExit, BackendError>, String>> {
        let call = self.site.backend.run_step(&self.site.context, context, sink, &self.cancel);
        let mut call = pin!(unless_given_up(call, &self.cancel, self.settings.cleanup_deadline));
        let mut last = None;
        let back = Instant::now() + BACK_AFTER;
        loop {
            tokio::select! {
                biased;
                ended = &mut call => return ended,
                () = sleep_until(back), if outage.since.is_some() => {
                    outage.since = None;
                    self.note("the container engine answers again".to_owned());
                }
                () = sink.due(last) => {
                    last = Some(Instant::now());
                    if sink.show().await.is_err() {
                        // Nobody could read what it does: `finish` says why it ends.
                        self.stop.advance(CancelStage::Kill);
                    }
                }
            }
        }
    }

    fn note(&self, note: String) {
        // The inbox outlives every step of its run.
        let _ = self.post.send(Post::Fact(Fact::StepNoted { key: self.key, note }));
    }
}

/// A time in which the container engine does not answer.
#[derive(Default)]
struct Outage {
    /// When the one that lasts began; each has the whole patience.
    since: Option<Instant>,
    /// There was one.
    happened: bool,
}

impl Outage {
    fn was_there(&self) -> bool {
        self.happened
    }

    /// A call that was made at `began` found nobody: waits until the engine of the stage answers again. `false` when `patience` is over, counted
    /// from the beginning of this outage, or a cancel ends the waiting.
    async fn wait(&mut self, began: Instant, site: &Site, cancel: &Cancel, patience: Duration, note: impl FnOnce(String)) -> bool {
        let now = Instant::now();
        // An engine that was there for so long went away once more; one that only lets us attach and hangs up did not come back.
        if now - began >= BACK_AFTER {
            self.since = None;
        }
        self.happened = true;
        let is_another = self.since.is_none();
        let since = *self.since.get_or_insert(now);
        if is_another {
            note("the container engine does not answer; waiting for it".to_owned());
        }
        loop {
            let left = patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                return false;
            }
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return false,
                () = sleep(PROBE_INTERVAL.min(left)) => {}
            }
            let probe = timeout(PROBE_DEADLINE, guarded(site.backend.probe(site.context.engine.as_ref())));
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return false,
                answer = probe => if matches!(answer, Ok(Ok(Ok(_)))) { return true },
            }
        }
    }
}

fn unseen(exit: Exit) -> (Exit, Evidence) {
    (exit, Evidence::default())
}

/// Awaits a call to a backend; a panic in it becomes a message.
async fn guarded<T>(call: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(call).catch_unwind().await.map_err(|panic| format!("the backend failed unexpectedly: {}", panic_text(&*panic)))
}

/// Awaits a call to a backend, but not for ever once it was told to end: `None` when `patience` is over after the time at which the
/// program was to be killed.
async fn unless_given_up<T>(call: impl Future<Output = T>, cancel: &Cancel, patience: Duration) -> Option<Result<T, String>> {
    let given_up = async {
        cancel.reached(CancelStage::Ask).await;
        tokio::select! {
            () = sleep(cancel.grace) => {}
            () = cancel.reached(CancelStage::Kill) => {}
        }
        sleep(patience).await;
    };
    tokio::select! {
        biased;
        result = guarded(call) => Some(result),
        () = given_up => None,
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked")
}
