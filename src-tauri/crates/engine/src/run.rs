//! One task owns one run: it alone feeds the scheduler, writes the journal and starts jobs.

use crate::engine::Shared;
use crate::environment::{StartFacts, resolve};
use crate::job::{self, PrepareJob, Site, StepJob};
use crate::line::{QueuePlace, Turn};
use crate::messages::{Action, Fact, Job, Moves, Notice, Post, RunEnd};
use crate::ports::PortError;
use crate::scheduler::{BrokenLog, Evidence, Exit, Scheduler};
use crate::secrets::RunSecrets;
use crate::slots::{Slot, SlotName};
use crate::{EngineSettings, Past};
use lp_backend::{Before, CancelHandle, CancelStage, Keep, SinkError, StageContext, StepContext};
use lp_model::{BackendKind, CancelReason, Plan, RunEvent, RunId, RunState, Stage, StageNumber, StepKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

/// How a run comes to its owner.
pub(crate) enum Beginning {
    New,
    /// With what is stored of it.
    Resumed(Past),
    /// The same, and what the retry begins with.
    Retried(Past, Moves),
}

/// How soon what could not be removed is tried again at first (then after twice the time, and so on), and how rarely at the most.
const REMOVE_AGAIN: Duration = Duration::from_secs(1);
const REMOVE_AGAIN_AT_MOST: Duration = Duration::from_secs(30);

pub(crate) struct Owner {
    shared: Arc<Shared>,
    /// What was set when the run began: one run goes by one grace time and one set of deadlines.
    settings: Arc<EngineSettings>,
    run: RunId,
    plan: Arc<Plan>,
    scheduler: Scheduler,
    /// Unbounded, so that a job never waits for the owner: only a handful of facts per step go through it, no output.
    inbox: mpsc::UnboundedReceiver<Post>,
    post: mpsc::UnboundedSender<Post>,
    beginning: Beginning,
    place: QueuePlace,
    /// Its place in the line, until it is its turn; then its turn, until it is over.
    waiting: Option<oneshot::Receiver<Turn>>,
    turn: Option<Turn>,
    suspended: bool,
    leaves_remains: bool,
    /// What is left of stages that could not be removed, and how often that was tried.
    remains: BTreeMap<StageNumber, (Vec<String>, u32)>,
    /// Who waits for the next try.
    ask_remains: Vec<oneshot::Sender<Vec<String>>>,
    over: watch::Sender<Option<RunEnd>>,
    settled: watch::Sender<Option<RunEnd>>,
    jobs: JoinSet<()>,
    /// What each job owes, to know what is missing when it panics.
    tasks: HashMap<Id, Job>,
    preparing: BTreeMap<StageNumber, CancelHandle>,
    running: BTreeMap<StepKey, CancelHandle>,
    sites: BTreeMap<StageNumber, Site>,
    /// Stages that are being removed.
    removing: BTreeSet<StageNumber>,
    /// Slots of stages that ran already when the run came to this owner, until their sites are made.
    slots: BTreeMap<StageNumber, Slot>,
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

impl Owner {
    /// Takes the place of the run in the line at once.
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
            RunState::Queued => waiting = Some(shared.line.queue(run.clone(), place.clone())),
            RunState::Running => turn = Some(shared.line.take(place.clone())),
            // Its clean-up takes nobody's turn.
            _ => {}
        }
        // Taken here and not when their places are looked after, so that nobody gets in between.
        let running = plan.stages.iter().filter(|stage| scheduler.is_running(stage.number));
        let slot = |stage: &Stage| Some((stage.number, shared.slots.take(slot_name(&place, stage)?)));
        let slots = running.filter_map(slot).collect();
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
            removing: BTreeSet::new(),
            slots,
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

    /// The whole life of the run in this process, from the line to the end of the clean-up.
    pub async fn carry_out(mut self) -> RunEnd {
        let is_resumed = matches!(self.beginning, Beginning::Resumed(_));
        match std::mem::replace(&mut self.beginning, Beginning::New) {
            Beginning::New => {}
            Beginning::Resumed(past) => {
                self.remember(past);
                if self.scheduler.run_state() == RunState::Queued {
                    let moves = self.scheduler.resume();
                    self.carry(moves).await;
                }
            }
            Beginning::Retried(past, moves) => {
                self.remember(past);
                self.carry(moves).await;
            }
        }
        self.tell_whether_over();
        self.wait_for_turn(is_resumed).await;
        // A run that is over in the line has nothing to drive and goes straight on to its clean-up.
        while !self.is_done() {
            let next = self.deadlines.iter().map(|(at, _)| *at).min();
            tokio::select! {
                biased;
                Some(post) = self.inbox.recv() => self.receive(post).await,
                Some(joined) = self.jobs.join_next_with_id() => self.join(joined).await,
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.fire().await,
            }
        }
        if self.suspended { self.leave().await } else { self.close().await }
    }

    /// Waits until it is the run's turn and begins it, or goes on with it. A run that is cancelled meanwhile leaves the line at once: its place
    /// there lives as long as this wait.
    async fn wait_for_turn(&mut self, is_resumed: bool) {
        let (shared, run, plan, waiting) = (Arc::clone(&self.shared), self.run.clone(), Arc::clone(&self.plan), self.waiting.take());
        let waits = waiting.is_some();
        let mut ready = pin!(async {
            let turn = match waiting {
                // The line has no end that could be dropped before this run's turn: the engine, which holds it, outlives its runs.
                Some(waiting) => waiting.await.ok(),
                None => None,
            };
            (turn, RunSecrets::read(&*shared.ports.secrets, &run, &plan).await)
        });
        while !(self.is_done() || waits && self.scheduler.run_state().is_final()) {
            tokio::select! {
                biased;
                Some(post) = self.inbox.recv() => self.receive(post).await,
                Some(joined) = self.jobs.join_next_with_id() => self.join(joined).await,
                (turn, secrets) = &mut ready => {
                    self.turn = self.turn.take().or(turn);
                    self.secrets = Arc::new(secrets);
                    match self.scheduler.run_state() {
                        RunState::Queued => self.begin().await,
                        _ if is_resumed => {
                            let moves = self.scheduler.resume();
                            self.carry(moves).await;
                        }
                        _ => {}
                    }
                    return;
                }
            }
        }
    }

    fn is_done(&self) -> bool {
        let leaves = self.leaves_remains && self.scheduler.is_settled() && self.removing.is_empty();
        self.suspended || self.scheduler.is_clean() || leaves
    }

    async fn begin(&mut self) {
        self.settings = self.shared.settings();
        self.take(Fact::Begun).await;
    }

    /// Takes over what earlier processes have stored: when things began, and how much of a time limit is left.
    fn remember(&mut self, past: Past) {
        self.has_past = true;
        self.seq = past.events.len() as u64;
        // In the order of the store, so that what a retry has taken back is taken back here too.
        for (at_ms, event) in &past.events {
            self.watch(*at_ms, event);
        }
    }

    async fn receive(&mut self, post: Post) {
        match post {
            Post::Fact(fact) => self.take(fact).await,
            Post::Created { key, answer } => {
                self.take(Fact::StepCreated { key }).await;
                let may_start = match &self.lost {
                    Some(error) => Err(error.clone().into()),
                    None if self.scheduler.is_created(key) => Ok(()),
                    None => Err(SinkError { message: "the step is not under way any more".to_owned(), hint: String::new() }),
                };
                // Nobody listens to it when the job was given up.
                let _ = answer.send(may_start);
            }
            Post::Placed { stage, engine, name, answer } => {
                self.take(Fact::StagePlaced { stage, engine: engine.clone(), name }).await;
                let may_begin = match &self.lost {
                    Some(error) => Err(error.clone().into()),
                    None if self.scheduler.is_placed_on(stage, &engine) => Ok(()),
                    None => Err(SinkError { message: "the stage is not under way any more".to_owned(), hint: String::new() }),
                };
                if let (Ok(()), Some(site)) = (&may_begin, self.sites.get_mut(&stage)) {
                    site.context.engine = Some(engine);
                }
                let _ = answer.send(may_begin);
            }
            Post::RemoveNow(answer) => {
                self.ask_remains.push(answer);
                for stage in self.remains.keys().copied().collect::<Vec<_>>() {
                    self.take(Fact::RemovalDue { stage }).await;
                }
                self.answer_about_remains();
            }
            Post::LeaveRemains => self.leaves_remains = true,
            Post::Suspend => self.suspended = true,
        }
    }

    async fn take(&mut self, fact: Fact) {
        let fact = self.masked(fact);
        self.remember_remains(&fact);
        let moves = self.scheduler.take(fact);
        self.carry(moves).await;
        self.answer_about_remains();
    }

    /// What could not be removed is tried again after a while: at first soon, for an engine that is just coming back.
    fn remember_remains(&mut self, fact: &Fact) {
        let Fact::StageDestroyed { stage, leftovers, .. } = fact else { return };
        self.removing.remove(stage);
        if leftovers.is_empty() {
            self.remains.remove(stage);
            return;
        }
        let (told, tries) = self.remains.entry(*stage).or_default();
        told.clone_from(leftovers);
        let pause = REMOVE_AGAIN.saturating_mul(1 << (*tries).min(5)).min(REMOVE_AGAIN_AT_MOST);
        *tries += 1;
        self.deadlines.push((Instant::now() + pause, Fact::RemovalDue { stage: *stage }));
    }

    fn answer_about_remains(&mut self) {
        if self.removing.is_empty() {
            let left: Vec<String> = self.remains.values().flat_map(|(told, _)| told.clone()).collect();
            for answer in self.ask_remains.drain(..) {
                // Whoever asked may have gone.
                let _ = answer.send(left.clone());
            }
        }
    }

    async fn carry(&mut self, moves: Moves) {
        self.record(moves.events).await;
        self.tell_whether_over();
        for action in moves.actions {
            self.act(action);
        }
    }

    /// Once the run's final state is stored, others may go on: only the clean-up is left.
    fn tell_whether_over(&mut self) {
        if !self.scheduler.run_state().is_final() {
            return;
        }
        self.turn = None;
        if self.lost.is_some() {
            return;
        }
        let end = RunEnd { state: self.scheduler.run_state(), message: String::new() };
        if self.over.borrow().is_none() {
            self.over.send_replace(Some(end.clone()));
        }
        if self.scheduler.is_settled() && self.settled.borrow().is_none() {
            self.settled.send_replace(Some(end));
        }
    }

    /// Stores events, then tells about them.
    async fn record(&mut self, events: Vec<RunEvent>) {
        if events.is_empty() {
            return;
        }
        let now_ms = self.shared.ports.clock.now_ms();
        for event in &events {
            self.watch(now_ms, event);
        }
        if self.lost.is_none() {
            match self.shared.ports.journal.append(&self.run, &events).await {
                Ok(()) => {
                    self.fetch(&events);
                    return self.tell(events);
                }
                Err(error) => {
                    tracing::error!(run = %self.run, %error, "events cannot be stored, the run is stopped");
                    self.lost = Some(error);
                    self.send(Fact::CancelAsked { reason: CancelReason::Forced });
                }
            }
        }
        self.unstored.extend(events);
    }

    /// Stages that have just become ready begin to fetch what their steps need.
    fn fetch(&self, stored: &[RunEvent]) {
        for event in stored {
            if let RunEvent::StageReady { stage } = event
                && let Some(site) = self.sites.get(stage)
            {
                site.fetch();
            }
        }
    }

    fn tell(&mut self, events: Vec<RunEvent>) {
        for event in events {
            self.seq += 1;
            // An error only says that nobody listens.
            let _ = self.shared.notices.send(Notice::Event { run: self.run.clone(), seq: self.seq, event });
        }
    }

    /// Sets and removes what an event, stored at that time, has to do with time and handles.
    fn watch(&mut self, at_ms: i64, event: &RunEvent) {
        match event {
            RunEvent::RunStarted => {
                self.started_ms = at_ms;
                if self.plan.timeout_s > 0 {
                    self.add_deadline(at_ms, self.plan.timeout_s, Fact::CancelAsked { reason: CancelReason::TimedOut });
                }
            }
            RunEvent::StepStarted { key } => {
                let step = self.plan.stage(key.stage).and_then(|stage| stage.step(key.step));
                if let Some(limit) = step.and_then(|step| step.timeout_s) {
                    self.add_deadline(at_ms, limit, Fact::StepOverdue { key: *key });
                }
            }
            RunEvent::StepEnded { key: ended, .. } => {
                self.running.remove(ended);
                self.deadlines.retain(|(_, fact)| !matches!(fact, Fact::StepOverdue { key } if key == ended));
            }
            RunEvent::StagePreparing { stage } => {
                self.stage_started_ms.insert(*stage, at_ms);
            }
            RunEvent::StageReady { stage } => {
                self.was_ready = true;
                self.preparing.remove(stage);
            }
            RunEvent::StageEnded { stage, .. } => {
                self.preparing.remove(stage);
                if let Some(site) = self.sites.get(stage) {
                    site.keep_slot(None);
                }
            }
            RunEvent::CancelRequested { .. } => {
                let is_first = !self.deadlines.iter().any(|(_, fact)| *fact == Fact::CleanupOverdue);
                if is_first && self.plan.cleanup_on_cancel && self.plan.cleanup_timeout_s > 0 {
                    let limit = self.plan.cleanup_timeout_s.saturating_add(self.settings.grace.as_secs());
                    self.add_deadline(at_ms, limit, Fact::CleanupOverdue);
                }
            }
            // Whatever the time limits were, they were those of the attempt that is over.
            RunEvent::RunEnded { .. } => self.deadlines.retain(|(_, fact)| matches!(fact, Fact::RemovalDue { .. })),
            _ => {}
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            // Nothing is begun that is not stored.
            Action::Prepare(stage) if self.lost.is_some() => {
                self.send(Fact::PrepareFailed { stage, message: String::new(), hint: String::new() })
            }
            Action::StartStep { key, .. } if self.lost.is_some() => {
                let exit = Exit::failed("not started: its start could not be stored", "");
                self.send(Fact::StepEnded { key, exit, evidence: Evidence::default() });
            }
            Action::MakeAhead(_) if self.lost.is_some() => {}
            Action::Prepare(stage) => self.prepare(stage),
            Action::MakeAhead(key) => self.make_ahead(key),
            Action::StartStep { key, before } => self.start_step(key, before),
            Action::StopPrepare { stage, kill } => advance(self.preparing.get(&stage), kill),
            Action::StopStep { key, kill } => advance(self.running.get(&key), kill),
            // Nothing was made yet.
            Action::Destroy { stage, .. } if !self.scheduler.is_placed(stage) => {
                self.sites.remove(&stage);
                self.send(Fact::StageDestroyed { stage, leftovers: Vec::new(), kept: false });
            }
            Action::Destroy { stage, keep } => match self.site(stage) {
                Ok(site) => {
                    let (settings, is_again) = (Arc::clone(&self.settings), self.remains.contains_key(&stage));
                    self.sites.remove(&stage);
                    self.deadlines.retain(|(_, fact)| *fact != Fact::RemovalDue { stage });
                    self.removing.insert(stage);
                    self.spawn(Job::Destroy(stage, keep), job::destroy(site, keep, settings, is_again));
                }
                // What there is of it can only be removed when its backend is there again: a sweep does that.
                Err((message, _)) => {
                    let leftovers = if self.was_ready { vec![message] } else { Vec::new() };
                    self.send(Fact::StageDestroyed { stage, leftovers, kept: keep == Keep::Files });
                }
            },
        }
    }

    /// The place of a stage; `Err` is what to say when there is no backend for it, and what to do.
    fn site(&mut self, number: StageNumber) -> Result<Site, (String, String)> {
        if let Some(site) = self.sites.get(&number) {
            return Ok(site.clone());
        }
        let ports = &self.shared.ports;
        let stage = self.plan.stage(number).expect("the scheduler knows the plan");
        let engine = self.scheduler.engine(number).map(|(engine, _)| engine.clone());
        let Some(backend) = ports.backends.backend(stage.backend, engine.as_ref()) else {
            let (message, hint) = match stage.backend {
                BackendKind::Docker => ("no container engine was found on this computer", "start Docker (or Podman) and run again"),
                BackendKind::Host => ("steps cannot run on this computer itself", "allow it in the settings and run again"),
            };
            return Err((message.to_owned(), hint.to_owned()));
        };
        let source = stage.source.then(|| ports.sources.source(&self.run, &self.plan, stage));
        let context =
            StageContext { run: self.run.clone(), stage: Arc::new(stage.clone()), source, engine, files: self.scheduler.files(number) };
        let started_ms = self.stage_started_ms.get(&number).copied().unwrap_or_else(|| ports.clock.now_ms());
        let site = Site::new(backend, context, started_ms);
        site.keep_slot(self.slots.remove(&number));
        self.sites.insert(number, site.clone());
        Ok(site)
    }

    fn prepare(&mut self, number: StageNumber) {
        let site = match self.site(number) {
            Ok(site) => site,
            Err((message, hint)) => return self.send(Fact::PrepareFailed { stage: number, message, hint }),
        };
        let stage = Arc::clone(&site.context.stage);
        let is_revival = self.scheduler.is_reviving(number);
        let limit = stage.concurrency.as_ref().filter(|_| !is_revival).map(|concurrency| concurrency.limit);
        let slot = slot_name(&self.place, &stage).zip(limit).map(|(name, limit)| (self.shared.slots.clone(), name, limit));
        let (handle, cancel) = CancelHandle::new(self.settings.grace);
        self.preparing.insert(number, handle);
        let is_new = !self.scheduler.has_engine(number);
        let job = PrepareJob {
            others_engine: self.scheduler.engine(number).filter(|_| is_new).cloned(),
            is_new,
            site,
            cancel,
            settings: Arc::clone(&self.settings),
            slot,
            is_revival,
            is_patient: self.was_ready,
            masker: self.secrets.masker.clone(),
            post: self.post.clone(),
            notices: self.shared.notices.clone(),
        };
        self.spawn(Job::Prepare(number), job.run());
    }

    fn make_ahead(&mut self, key: StepKey) {
        let Some(site) = self.sites.get(&key.stage) else { return };
        let Some(step) = site.context.stage.step(key.step).cloned().map(Arc::new) else { return };
        // What is wrong with its environment is said when it starts.
        let Ok(environment) = resolve(&step, &self.secrets, &self.start_facts(key, site)) else { return };
        site.make_ahead(StepContext { key, step, env: environment.env, before: Before::Nothing });
    }

    fn start_facts(&self, key: StepKey, site: &Site) -> StartFacts {
        StartFacts {
            so_far: self.scheduler.so_far(key.stage),
            run_started_ms: self.started_ms,
            stage_started_ms: site.started_ms,
            now_ms: self.shared.ports.clock.now_ms(),
            machine: self.settings.machine.clone(),
        }
    }

    fn start_step(&mut self, key: StepKey, before: Before) {
        let Some(site) = self.sites.get(&key.stage).cloned() else { return };
        let Some(step) = site.context.stage.step(key.step).cloned().map(Arc::new) else { return };
        let (stop, cancel) = CancelHandle::new(self.settings.grace);
        self.running.insert(key, stop.clone());
        let job = StepJob {
            run: self.run.clone(),
            key,
            step,
            before,
            facts: self.start_facts(key, &site),
            site,
            secrets: Arc::clone(&self.secrets),
            needs_all_secrets: self.has_past,
            logs: Arc::clone(&self.shared.ports.logs),
            settings: Arc::clone(&self.settings),
            slots: self.shared.slots.clone(),
            stop,
            cancel,
            post: self.post.clone(),
            notices: self.shared.notices.clone(),
        };
        self.spawn(Job::Step(key), job.run());
    }

    fn spawn(&mut self, job: Job, work: impl Future<Output = Fact> + Send + 'static) {
        let post = self.post.clone();
        // The result goes the same way as the facts before it, so that the end of a step never overtakes its start.
        let task = self.jobs.spawn(async move {
            let _ = post.send(Post::Fact(work.await));
        });
        self.tasks.insert(task.id(), job);
    }

    /// A job is over. If it has panicked, its fact is still owed.
    async fn join(&mut self, joined: Result<(Id, ()), JoinError>) {
        let (id, error) = match joined {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let job = self.tasks.remove(&id);
        let (Some(job), Some(error)) = (job, error) else { return };
        let message = format!("the engine failed unexpectedly: {error}");
        self.take(match job {
            Job::Prepare(stage) => Fact::PrepareFailed { stage, message, hint: String::new() },
            Job::Step(key) => Fact::StepEnded { key, exit: Exit::failed(message, ""), evidence: Evidence::default() },
            Job::Destroy(stage, keep) => Fact::StageDestroyed { stage, leftovers: vec![message], kept: keep == Keep::Files },
        })
        .await;
    }

    async fn fire(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.deadlines).into_iter().partition(|(at, _)| *at <= now);
        self.deadlines = later;
        let due: Vec<(Instant, Fact)> = due;
        for (_, fact) in due {
            self.take(fact).await;
        }
    }

    /// The run is final in the scheduler's eyes; this makes it so in the store.
    async fn close(mut self) -> RunEnd {
        while self.jobs.join_next().await.is_some() {}
        let Some(lost) = self.lost.take() else {
            return RunEnd { state: self.scheduler.run_state(), message: String::new() };
        };
        let mut events = std::mem::take(&mut self.unstored);
        let mut state = self.scheduler.run_state();
        for event in &mut events {
            // Unless its end was stored before the store refused something.
            if let RunEvent::RunEnded { state: told } = event {
                (*told, state) = (RunState::Errored, RunState::Errored);
            }
        }
        match self.shared.ports.journal.append(&self.run, &events).await {
            Ok(()) => self.tell(events),
            Err(error) => tracing::error!(run = %self.run, %error, "the end of the run cannot be stored either"),
        }
        let end = RunEnd { state, message: lost.message };
        self.over.send_if_modified(|over| over.is_none() && over.replace(end.clone()).is_none());
        end
    }

    /// Lets go of everything, as if the process had died in this moment.
    async fn leave(mut self) -> RunEnd {
        self.jobs.shutdown().await;
        for site in self.sites.values() {
            site.asides.abandon().await;
        }
        let state = self.scheduler.run_state();
        let end = RunEnd { state, message: "the app ended; the run goes on when it is opened again".to_owned() };
        self.over.send_if_modified(|over| over.is_none() && over.replace(end.clone()).is_none());
        end
    }

    /// `seconds` after a time of the store.
    fn add_deadline(&mut self, from_ms: i64, seconds: u64, fact: Fact) {
        // A clock that was set back gives the whole time once more.
        let passed_ms = self.shared.ports.clock.now_ms().saturating_sub(from_ms).max(0).unsigned_abs();
        let left = Duration::from_secs(seconds).saturating_sub(Duration::from_millis(passed_ms));
        // A limit beyond what the clock can hold is none.
        if let Some(at) = Instant::now().checked_add(left) {
            self.deadlines.push((at, fact));
        }
    }

    fn send(&self, fact: Fact) {
        self.post.send(Post::Fact(fact)).expect("the owner holds the receiver");
    }

    /// The one place where texts enter the events, and so the one place where secrets are taken out of them.
    fn masked(&self, fact: Fact) -> Fact {
        let mask = |text: String| self.secrets.masker.mask_text(&text);
        match fact {
            Fact::PrepareFailed { stage, message, hint } => Fact::PrepareFailed { stage, message: mask(message), hint },
            Fact::FilesGone { stage, message, hint } => Fact::FilesGone { stage, message: mask(message), hint },
            Fact::StepNoted { key, note } => Fact::StepNoted { key, note: mask(note) },
            Fact::StageNoted { stage, note } => Fact::StageNoted { stage, note: mask(note) },
            Fact::StepEnded { key, exit, evidence } => {
                let exit = match exit {
                    Exit::Failed { message, hint } => Exit::Failed { message: mask(message), hint },
                    Exit::Lost { message } => Exit::Lost { message: mask(message) },
                    exit @ (Exit::Program(_) | Exit::NeverStarted) => exit,
                };
                let mask_log = |BrokenLog { message, hint }| BrokenLog { message: mask(message), hint };
                Fact::StepEnded { key, exit, evidence: Evidence { broken_log: evidence.broken_log.map(mask_log), ..evidence } }
            }
            Fact::StageDestroyed { stage, leftovers, kept } => {
                Fact::StageDestroyed { stage, leftovers: leftovers.into_iter().map(mask).collect(), kept }
            }
            other => other,
        }
    }
}

/// What a stage is counted under, if only so many such stages may run at the same time.
fn slot_name(place: &QueuePlace, stage: &Stage) -> Option<SlotName> {
    stage.concurrency.as_ref().map(|concurrency| SlotName::new(&place.project, &stage.name, concurrency))
}

fn advance(handle: Option<&CancelHandle>, kill: bool) {
    if let Some(handle) = handle {
        handle.advance(if kill { CancelStage::Kill } else { CancelStage::Ask });
    }
}
