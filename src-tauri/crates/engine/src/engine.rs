use crate::gate::{Gate, Limits, QueuePlace, Queued};
use crate::messages::{Fact, Notice, Post, RunEnd};
use crate::ports::Ports;
use crate::run::{Beginning, RunDriver};
use crate::scheduler::{BadPlan, ReplayError, RetryError, Scheduler};
use lp_model::{CancelReason, Plan, RunEvent, RunId, RunState, StageNumber};
use lp_model::{Message, message};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;

/// How many notices a subscriber may be behind before it loses the oldest.
const NOTICES: usize = 4096;

/// What can be set about the engine, also while it works ([`Engine::set_settings`]).
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// How long a step that was asked to end may take before it is killed.
    pub grace: Duration,
    /// How long the making of a stage's place may go on without any progress. There is no limit for the whole: a large repository on a slow
    /// line takes its hours.
    pub prepare_silence: Duration,
    /// How long the removal of a stage's place may take; also how long a backend may take to end a step that is to be killed.
    pub cleanup_deadline: Duration,
    /// How long a step waits for a container engine that does not answer any more.
    pub engine_patience: Duration,
    /// How many runs are under way at once; the others wait. Among those that may begin, the next is one of the project that has the fewest
    /// under way. 0 counts as 1.
    pub max_runs: usize,
    /// How many of one project; 0 is no limit.
    pub max_runs_per_project: usize,
    /// How many of one environment of a project; 0 is no limit.
    pub max_runs_per_environment: usize,
    /// How many steps run at once on this computer, of all runs together; services and detached steps do not count, since others wait for them.
    /// 0 counts as 1.
    pub max_steps: usize,
    /// How many bytes the log of one step may have. What a program writes beyond that is read and thrown away, and the log's last line says so: the
    /// program goes on, because how much it prints says nothing about its work.
    pub max_log_bytes: u64,
    /// Name of this computer, for steps that ask for it.
    pub machine: String,
}

impl EngineSettings {
    fn limits(&self) -> Limits {
        let Self { max_runs, max_runs_per_project, max_runs_per_environment, max_steps, .. } = *self;
        Limits { machine: max_runs, project: max_runs_per_project, environment: max_runs_per_environment, steps: max_steps }
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            prepare_silence: Duration::from_secs(5 * 60),
            cleanup_deadline: Duration::from_secs(60),
            engine_patience: Duration::from_secs(5 * 60),
            max_runs: 2,
            max_runs_per_project: 0,
            max_runs_per_environment: 1,
            max_steps: usual_steps(),
            max_log_bytes: 2_000_000_000,
            machine: "localhost".to_owned(),
        }
    }
}

/// Four steps for each processor: enough that they never wait for one another's disk and network, and few enough for a computer's descriptors
/// and memory.
fn usual_steps() -> usize {
    4 * std::thread::available_parallelism().map_or(1, usize::from)
}

/// What is stored of a run: its events, oldest first, each with the time at which it was stored, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// All events of the run.
    pub events: Vec<(i64, RunEvent)>,
}

/// A run that is not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum StartError {
    /// The plan could never end.
    Plan(#[from] BadPlan),
    /// It waits or runs already.
    AlreadyLive(RunId),
    /// What is stored of it does not tell a run of that plan.
    Replay {
        /// Which.
        run: RunId,
        /// Why not.
        error: ReplayError,
    },
    /// It is not over, or has passed.
    Retry(#[from] RetryError),
    /// The engine is being shut down.
    Closed,
}

impl StartError {
    /// Why not.
    pub fn told(&self) -> Message {
        match self {
            Self::Plan(bad) => message!("the plan cannot be carried out: {}", bad.told()),
            Self::AlreadyLive(run) => message!("run `{}` is under way already", run),
            Self::Replay { run, error } => message!(
                "the stored events of run `{}` cannot be read ({}): they are damaged or from a newer version of the app; update the app, or delete the run",
                run,
                error.told()
            ),
            Self::Retry(refusal) => refusal.told(),
            Self::Closed => message!("the app is about to end"),
        }
    }
}

/// Carries out runs. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

/// What the engine and its runs have in common.
pub(crate) struct Shared {
    pub ports: Ports,
    pub notices: broadcast::Sender<Notice>,
    settings: Mutex<Arc<EngineSettings>>,
    pub gate: Gate,
    tasks: TaskTracker,
    runs: Mutex<Runs>,
}

struct Runs {
    open: bool,
    live: BTreeMap<RunId, RunHandle>,
}

impl Engine {
    /// An engine with nothing to do.
    pub fn new(ports: Ports, settings: EngineSettings) -> Self {
        let gate = Gate::new(settings.limits());
        let settings = Mutex::new(Arc::new(settings));
        let (notices, _) = broadcast::channel(NOTICES);
        let runs = Mutex::new(Runs { open: true, live: BTreeMap::new() });
        Self(Arc::new(Shared { ports, notices, settings, gate, tasks: TaskTracker::new(), runs }))
    }

    /// Sets everything anew. Runs that begin from now on go by it, those under way keep what they began with. The numbers of runs and
    /// steps hold at once: more lets those that wait go on, fewer only makes the next ones wait.
    pub fn set_settings(&self, settings: EngineSettings) {
        let limits = settings.limits();
        *self.0.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        // Only now, so that a run that this lets go begins with the new settings.
        self.0.gate.set_limits(limits);
    }

    /// Puts a run in the line; it begins when it is its turn. The caller has stored the run as queued; the first event that the
    /// journal gets is [`RunEvent::RunStarted`] (or [`RunEvent::CancelRequested`]). Must be called on a tokio runtime.
    pub fn start(&self, run: RunId, plan: Arc<Plan>, place: QueuePlace) -> Result<RunHandle, StartError> {
        let scheduler = Scheduler::new(Arc::clone(&plan))?;
        self.own(run, plan, place, scheduler, Beginning::New)
    }

    /// Takes up a run that another process drove until it ended: one that waited goes to the line again (call this for the older runs
    /// first), one that was under way goes on at once, of one that is over what is left is removed. The first event that the journal
    /// gets is [`RunEvent::RunResumed`], unless the run is over. Must be called on a tokio runtime.
    pub fn resume(&self, run: RunId, plan: Arc<Plan>, past: Past, place: QueuePlace) -> Result<RunHandle, StartError> {
        let scheduler = replay(&run, &plan, &past)?;
        self.own(run, plan, place, scheduler, Beginning::Resumed(past))
    }

    /// Puts a run that is over and did not pass, and of which nothing but kept files is left, back into the line, to go on from where it went wrong. `kept` are the stages whose files the
    /// backend still has ([`lp_backend::Backend::kept`]). The first event that the journal gets is [`RunEvent::RunRetried`]. Must be
    /// called on a tokio runtime.
    pub fn retry(&self, run: RunId, plan: Arc<Plan>, past: Past, place: QueuePlace, kept: &[StageNumber]) -> Result<RunHandle, StartError> {
        let mut scheduler = replay(&run, &plan, &past)?;
        let left = scheduler.not_removed();
        let moves = scheduler.retry(kept)?;
        if let Some(stage) = left {
            return Err(StartError::Retry(RetryError::NotRemoved { stage }));
        }
        self.own(run, plan, place, scheduler, Beginning::Retried(past, moves))
    }

    fn own(
        &self,
        run: RunId,
        plan: Arc<Plan>,
        place: QueuePlace,
        scheduler: Scheduler,
        beginning: Beginning,
    ) -> Result<RunHandle, StartError> {
        let mut runs = self.0.runs();
        if !runs.open {
            return Err(StartError::Closed);
        }
        if runs.live.contains_key(&run) {
            return Err(StartError::AlreadyLive(run));
        }
        let (post, inbox) = mpsc::unbounded_channel();
        let (announce_over, over) = watch::channel(None);
        let (announce_settled, settled) = watch::channel(None);
        let handle = RunHandle { run: run.clone(), inbox: post.clone(), over, settled };
        runs.live.insert(run.clone(), handle.clone());
        // Not under the lock: a turn that is given back at once may want it.
        drop(runs);

        let leave = Leave { shared: Arc::clone(&self.0), run: run.clone() };
        // It takes its place in the line here and not in the task, so that runs take their turns in the order in which they were started.
        let driver = RunDriver::new(
            Arc::clone(&self.0),
            run,
            plan,
            scheduler,
            beginning,
            place,
            (post, inbox),
            (announce_over, announce_settled.clone()),
        );
        self.0.tasks.spawn(async move {
            let end = driver.carry_out().await;
            drop(leave);
            announce_settled.send_if_modified(|settled| settled.is_none() && settled.replace(end).is_none());
        });
        Ok(handle)
    }

    /// The runs that wait for their turn, the next one first.
    pub fn queue(&self) -> Vec<Queued> {
        self.0.gate.waiting_runs()
    }

    /// The handle of a run that waits, runs or is being cleaned up.
    pub fn run(&self, run: &RunId) -> Option<RunHandle> {
        self.0.runs().live.get(run).cloned()
    }

    /// All runs that wait, run or are being cleaned up: what a sweep must leave alone.
    pub fn live(&self) -> Vec<RunId> {
        self.0.runs().live.keys().cloned().collect()
    }

    /// The runs that wait, run, or are being cleaned up for the first time: those of [`Self::live`] but for the ones of which only what cannot be
    /// removed is left.
    pub fn under_way(&self) -> Vec<RunId> {
        self.0.runs().live.iter().filter(|(_, handle)| !handle.is_settled()).map(|(run, _)| run.clone()).collect()
    }

    /// News from now on. A subscriber that falls behind gets [`broadcast::error::RecvError::Lagged`] and should read from the store what
    /// it missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }

    /// Leaves all runs as they are, for the next owner of the data to resume: programs and containers go on, nothing is stored that claims
    /// an end. Returns when nothing of this process works for a run any more; takes no new ones from now on.
    pub async fn suspend(&self) {
        for run in self.close() {
            let _ = run.inbox.send(Post::Suspend);
        }
        self.0.tasks.wait().await;
    }

    /// Kills all runs, those that wait too, cleans up after them as far as it goes and returns when all is over; takes no new ones from now on.
    pub async fn shutdown(&self) {
        for run in self.close() {
            run.cancel(CancelReason::Forced);
            let _ = run.inbox.send(Post::LeaveRemains);
        }
        self.0.tasks.wait().await;
    }

    fn close(&self) -> Vec<RunHandle> {
        let mut runs = self.0.runs();
        runs.open = false;
        self.0.tasks.close();
        runs.live.values().cloned().collect()
    }
}

fn replay(run: &RunId, plan: &Arc<Plan>, past: &Past) -> Result<Scheduler, StartError> {
    let events = past.events.iter().map(|(_, event)| event);
    match Scheduler::replay(Arc::clone(plan), events) {
        Ok(scheduler) => Ok(scheduler),
        Err(ReplayError::Plan(bad)) => Err(StartError::Plan(bad)),
        Err(error) => Err(StartError::Replay { run: run.clone(), error }),
    }
}

impl Shared {
    /// What is set now.
    pub fn settings(&self) -> Arc<EngineSettings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        // Nothing under this lock can leave the map half changed.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a run off the list, also when its task panics.
struct Leave {
    shared: Arc<Shared>,
    run: RunId,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.runs().live.remove(&self.run);
    }
}

/// A run that was started. Cheap to clone. Dropping it does nothing to the run.
#[derive(Debug, Clone)]
pub struct RunHandle {
    run: RunId,
    inbox: mpsc::UnboundedSender<Post>,
    over: watch::Receiver<Option<RunEnd>>,
    settled: watch::Receiver<Option<RunEnd>>,
}

impl RunHandle {
    /// Which run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Asks the run to stop. [`CancelReason::Forced`] kills; the same reason twice is asked once. Without effect on a run that is over.
    pub fn cancel(&self, reason: CancelReason) {
        // The inbox is closed only when the run is over.
        let _ = self.inbox.send(Post::Fact(Fact::CancelAsked { reason }));
    }

    /// Waits for the end of the run: its final state is stored. What is left of it may still be being removed.
    pub async fn over(&self) -> RunEnd {
        ended(&self.over).await
    }

    /// Waits for the end of the run, clean-up included, or until the engine is suspended. What cannot be removed now is said in the events by then;
    /// it is tried again and again behind that.
    pub async fn wait(&self) -> RunEnd {
        ended(&self.settled).await
    }

    /// Tries to remove at once what could not be removed of a run that is over. What is still there then, in words; nothing when all is gone.
    pub async fn remove_remains(&self) -> Vec<Message> {
        let (answer, answered) = oneshot::channel();
        // Whoever does not listen or drops the answer has nothing left.
        let _ = self.inbox.send(Post::RemoveNow(answer));
        answered.await.unwrap_or_default()
    }

    /// Waits until nothing of this process works for the run any more.
    pub async fn gone(&self) {
        self.inbox.closed().await;
    }

    /// Whether the run is over, and only what cannot be removed keeps it here.
    pub fn is_settled(&self) -> bool {
        self.settled.borrow().is_some()
    }
}

async fn ended(end: &watch::Receiver<Option<RunEnd>>) -> RunEnd {
    match end.clone().wait_for(Option::is_some).await {
        Ok(end) => end.clone().expect("waited for it"),
        Err(_) => RunEnd { state: RunState::Errored, message: message!("the task of the run ended unexpectedly") },
    }
}
