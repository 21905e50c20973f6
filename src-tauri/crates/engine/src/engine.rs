use crate::line::Line;
use crate::ports::Ports;
use crate::run::Owner;
use crate::scheduler::{BadPlan, Fact, Scheduler};
use lp_model::{CancelReason, Plan, RunEvent, RunId, RunState, StepKey};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::task::TaskTracker;

/// How many notices a subscriber may be behind before it loses the oldest.
const NOTICES: usize = 4096;

/// What can be set about the engine, also while it works ([`Engine::set_settings`]).
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// How long a step that was asked to end may take before it is killed.
    pub grace: Duration,
    /// How long the making of a stage's place may take.
    pub prepare_deadline: Duration,
    /// How long the removal of a stage's place may take; also how long a backend may take to end a step that is to be killed.
    pub cleanup_deadline: Duration,
    /// How many runs are under way at once; the others wait in the order in which they were started.
    pub max_runs: usize,
    /// Name of this computer, for steps that ask for it.
    pub machine: String,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(10),
            // Packing and copying the working copy of a repository of several gigabytes takes minutes on a slow disk.
            prepare_deadline: Duration::from_secs(15 * 60),
            cleanup_deadline: Duration::from_secs(60),
            max_runs: 2,
            machine: "localhost".to_owned(),
        }
    }
}

/// News about a run, sent after it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The journal took an event.
    Event {
        /// Of which run.
        run: RunId,
        /// Position of the event in the run, from 1, without gaps.
        seq: u64,
        /// The event.
        event: RunEvent,
    },
    /// The log of a step has grown. At most 30 a second per step, and one when it is complete.
    Log {
        /// Of which run.
        run: RunId,
        /// Of which step.
        key: StepKey,
        /// Complete lines that the log has now.
        lines: u64,
        /// Bytes that it has now.
        bytes: u64,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Its final state.
    pub state: RunState,
    /// What went wrong with the engine itself (events could not be stored), or empty. What went wrong with a stage or step stands in
    /// the events.
    pub message: String,
}

/// A run that is not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The plan could never end.
    #[error("the plan cannot be carried out: {0}")]
    Plan(#[from] BadPlan),
    /// It waits or runs already.
    #[error("run `{0}` is under way already")]
    AlreadyLive(RunId),
    /// The engine is being shut down.
    #[error("the app is about to end")]
    Closed,
}

/// Carries out runs. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

/// What the engine and its runs have in common.
pub(crate) struct Shared {
    pub ports: Ports,
    pub notices: broadcast::Sender<Notice>,
    settings: Mutex<Arc<EngineSettings>>,
    line: Line,
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
        let line = Line::new(settings.max_runs);
        let settings = Mutex::new(Arc::new(settings));
        let (notices, _) = broadcast::channel(NOTICES);
        let runs = Mutex::new(Runs { open: true, live: BTreeMap::new() });
        Self(Arc::new(Shared { ports, notices, settings, line, tasks: TaskTracker::new(), runs }))
    }

    /// Sets everything anew. Runs that begin from now on go by it, those under way keep what they began with. `max_runs` holds for the
    /// line at once: more lets runs that wait begin, fewer only makes the next ones wait; 0 counts as 1.
    pub fn set_settings(&self, settings: EngineSettings) {
        let places = settings.max_runs;
        *self.0.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        // Only now, so that a run that this lets go begins with the new settings.
        self.0.line.set_places(places);
    }

    /// Puts a run in the line; it begins when it is its turn. The caller has stored the run as queued; the first event that the
    /// journal gets is [`RunEvent::RunStarted`] (or [`RunEvent::CancelRequested`]). Must be called on a tokio runtime.
    pub fn start(&self, run: RunId, plan: Arc<Plan>) -> Result<RunHandle, StartError> {
        let scheduler = Scheduler::new(Arc::clone(&plan))?;
        let mut runs = self.0.runs();
        if !runs.open {
            return Err(StartError::Closed);
        }
        if runs.live.contains_key(&run) {
            return Err(StartError::AlreadyLive(run));
        }
        let (post, inbox) = mpsc::unbounded_channel();
        let (announce, end) = watch::channel(None);
        let handle = RunHandle { run: run.clone(), inbox: post.clone(), end };
        runs.live.insert(run.clone(), handle.clone());

        // Here and not in the task, so that runs take their turns in the order in which they were started.
        let turn = self.0.line.queue();
        let leave = Leave { shared: Arc::clone(&self.0), run: run.clone() };
        let owner = Owner::new(Arc::clone(&self.0), run, plan, scheduler, post, inbox);
        self.0.tasks.spawn(async move {
            let end = owner.carry_out(turn).await;
            drop(leave);
            announce.send_replace(Some(end));
        });
        Ok(handle)
    }

    /// The handle of a run that waits or runs.
    pub fn run(&self, run: &RunId) -> Option<RunHandle> {
        self.0.runs().live.get(run).cloned()
    }

    /// All runs that wait or run: what a sweep must leave alone.
    pub fn live(&self) -> Vec<RunId> {
        self.0.runs().live.keys().cloned().collect()
    }

    /// News from now on. A subscriber that falls behind gets [`broadcast::error::RecvError::Lagged`] and should read from the store what
    /// it missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }

    /// Kills all runs, those that wait too, cleans up after them and returns when all is over; takes no new ones from now on.
    pub async fn shutdown(&self) {
        let live: Vec<RunHandle> = {
            let mut runs = self.0.runs();
            runs.open = false;
            runs.live.values().cloned().collect()
        };
        for run in live {
            run.cancel(CancelReason::Forced);
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
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
    inbox: mpsc::UnboundedSender<Fact>,
    end: watch::Receiver<Option<RunEnd>>,
}

impl RunHandle {
    /// Which run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Asks the run to stop. A second [`CancelReason::User`], or [`CancelReason::Forced`], kills. Without effect on a run that is over.
    pub fn cancel(&self, reason: CancelReason) {
        // The inbox is closed only when the run is over.
        let _ = self.inbox.send(Fact::CancelAsked { reason });
    }

    /// Waits for the end of the run, clean-up included.
    pub async fn wait(&self) -> RunEnd {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().expect("waited for it"),
            Err(_) => RunEnd { state: RunState::Errored, message: "the task of the run ended unexpectedly".to_owned() },
        }
    }
}
