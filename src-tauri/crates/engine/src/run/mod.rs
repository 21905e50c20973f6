//! One task owns one run, its driver: it alone feeds the scheduler, writes the journal and starts jobs.
//!
//! `life` (the phases that a run goes through), `inbox` (what the driver hears), `journal` (what it writes down, and what follows from that),
//! `act` (what it starts).

mod act;
mod inbox;
mod journal;
mod life;

use crate::engine::Shared;
use crate::gate::{Group, QueuePlace, Ticket, Traveller};
use crate::job::Site;
use crate::messages::{Fact, Job, Moves, Post, RunEnd};
use crate::ports::PortError;
use crate::scheduler::Scheduler;
use crate::secrets::RunSecrets;
use crate::{EngineSettings, Past};
use lp_backend::CancelHandle;
use lp_model::Message;
use lp_model::{Plan, RunEvent, RunId, RunState, Stage, StageNumber, StepKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// How a run comes to its driver.
pub(crate) enum Beginning {
    New,
    /// With what is stored of it.
    Resumed(Past),
    /// The same, and what the retry begins with.
    Retried(Past, Moves),
}

pub(crate) struct RunDriver {
    shared: Arc<Shared>,
    /// What was set when the run began: one run goes by one grace time and one set of deadlines.
    settings: Arc<EngineSettings>,
    run: RunId,
    plan: Arc<Plan>,
    scheduler: Scheduler,
    /// Unbounded, so that a job never waits for the driver: only a handful of facts per step go through it, no output.
    inbox: mpsc::UnboundedReceiver<Post>,
    post: mpsc::UnboundedSender<Post>,
    beginning: Beginning,
    place: QueuePlace,
    /// Its place in the queue, until the run waits for its turn.
    waiting: Option<oneshot::Receiver<Ticket>>,
    /// Its turn, until the run is over.
    turn: Option<Ticket>,
    suspended: bool,
    leaves_remains: bool,
    /// What is left of stages that could not be removed, and how often that was tried.
    remains: BTreeMap<StageNumber, (Vec<Message>, u32)>,
    /// Who waits for the next try.
    ask_remains: Vec<oneshot::Sender<Vec<Message>>>,
    over: watch::Sender<Option<RunEnd>>,
    settled: watch::Sender<Option<RunEnd>>,
    jobs: JoinSet<()>,
    /// What each job owes, to know what is missing when it panics.
    tasks: HashMap<Id, Job>,
    preparing: BTreeMap<StageNumber, CancelHandle>,
    running: BTreeMap<StepKey, CancelHandle>,
    sites: BTreeMap<StageNumber, Site>,
    /// Steps whose head start was asked for, and those that wait for theirs.
    ahead: BTreeSet<StepKey>,
    wait_ahead: BTreeSet<StepKey>,
    /// Stages that are being removed.
    removing: BTreeSet<StageNumber>,
    /// Tickets of stages that ran already when the run came to this driver, until their sites are made.
    tickets: BTreeMap<StageNumber, Ticket>,
    /// Where the writers of the run's logs are counted.
    writers: TaskTracker,
    deadlines: Vec<(Instant, Fact)>,
    secrets: Arc<RunSecrets>,
    /// Earlier processes or attempts may have given values of secrets away.
    has_past: bool,
    started_ms: i64,
    /// When the places of stages were first made, as stored.
    stage_started_ms: BTreeMap<StageNumber, i64>,
    /// A place was ready in this run, so there is an engine to wait for when it does not answer.
    was_ready: bool,
    /// Number of stored events.
    seq: u64,
    /// Set once the journal refused: from then on the run is only brought to an end.
    lost: Option<PortError>,
    /// What the journal should have: its last chance is at the end.
    unstored: Vec<RunEvent>,
}

impl RunDriver {
    /// Takes the place of the run in the queue at once.
    #[expect(clippy::too_many_arguments, reason = "called once")]
    pub fn new(
        shared: Arc<Shared>,
        run: RunId,
        plan: Arc<Plan>,
        scheduler: Scheduler,
        beginning: Beginning,
        place: QueuePlace,
        (post, inbox): (mpsc::UnboundedSender<Post>, mpsc::UnboundedReceiver<Post>),
        (over, settled): (watch::Sender<Option<RunEnd>>, watch::Sender<Option<RunEnd>>),
    ) -> Self {
        let (mut waiting, mut turn) = (None, None);
        match scheduler.run_state() {
            RunState::Queued => waiting = Some(shared.gate.queue(Traveller::Run(run.clone(), place.clone()))),
            RunState::Running => turn = Some(shared.gate.take(Traveller::Run(run.clone(), place.clone()))),
            // Its clean-up takes nobody's turn.
            _ => {}
        }
        // Taken here and not when their places are looked after, so that nobody gets in between.
        let running = plan.stages.iter().filter(|stage| scheduler.is_running(stage.number));
        let ticket = |stage: &Stage| {
            let (group, limit) = group(&place, stage)?;
            Some((stage.number, shared.gate.take(Traveller::Stage(group, limit))))
        };
        let tickets = running.filter_map(ticket).collect();
        Self {
            settings: shared.settings(),
            shared,
            run,
            plan,
            scheduler,
            inbox,
            post,
            beginning,
            place,
            waiting,
            turn,
            suspended: false,
            leaves_remains: false,
            remains: BTreeMap::new(),
            ask_remains: Vec::new(),
            over,
            settled,
            jobs: JoinSet::new(),
            tasks: HashMap::new(),
            preparing: BTreeMap::new(),
            running: BTreeMap::new(),
            sites: BTreeMap::new(),
            ahead: BTreeSet::new(),
            wait_ahead: BTreeSet::new(),
            removing: BTreeSet::new(),
            tickets,
            writers: TaskTracker::new(),
            deadlines: Vec::new(),
            secrets: Arc::new(RunSecrets::none()),
            has_past: false,
            started_ms: 0,
            stage_started_ms: BTreeMap::new(),
            was_ready: false,
            seq: 0,
            lost: None,
            unstored: Vec::new(),
        }
    }
}

/// What a stage is counted under, if only so many such stages may run at the same time.
fn group(place: &QueuePlace, stage: &Stage) -> Option<(Group, u32)> {
    stage.concurrency.as_ref().map(|concurrency| (Group::new(&place.project, &stage.name, concurrency), concurrency.limit))
}
