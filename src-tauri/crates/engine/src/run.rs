//! One task owns one run: it alone feeds the scheduler, writes the journal and starts jobs.

use crate::engine::Shared;
use crate::environment::StartFacts;
use crate::job::{self, Site, StepJob};
use crate::line::Turn;
use crate::ports::PortError;
use crate::scheduler::{Action, Fact, Scheduler};
use crate::secrets::RunSecrets;
use crate::{EngineSettings, Notice, RunEnd};
use lp_backend::{CancelHandle, CancelStage, StageContext};
use lp_model::{BackendKind, CancelReason, Plan, RunEvent, RunId, RunState, StageNumber, StepKey, StepOutcome};
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

pub(crate) struct Owner {
    shared: Arc<Shared>,
    /// What was set when the run began: one run goes by one grace time and one set of deadlines.
    settings: Arc<EngineSettings>,
    run: RunId,
    plan: Arc<Plan>,
    scheduler: Scheduler,
    /// Unbounded, so that a job never waits for the owner: only a handful of facts per step go through it, no output.
    inbox: mpsc::UnboundedReceiver<Fact>,
    post: mpsc::UnboundedSender<Fact>,
    jobs: JoinSet<()>,
    /// What a job stands for, to know what is missing when it panics.
    tasks: HashMap<Id, Job>,
    preparing: BTreeMap<StageNumber, CancelHandle>,
    running: BTreeMap<StepKey, CancelHandle>,
    sites: BTreeMap<StageNumber, Site>,
    deadlines: Vec<(Instant, Fact)>,
    secrets: Arc<RunSecrets>,
    started_ms: i64,
    /// Number of stored events.
    seq: u64,
    /// Set once the journal refused: from then on the run is only brought to an end.
    lost: Option<PortError>,
    /// What the journal should have: its last chance is at the end.
    unstored: Vec<RunEvent>,
}

enum Job {
    Prepare(StageNumber),
    Step(StepKey),
    Destroy(StageNumber),
}

impl Owner {
    pub fn new(
        shared: Arc<Shared>,
        run: RunId,
        plan: Arc<Plan>,
        scheduler: Scheduler,
        post: mpsc::UnboundedSender<Fact>,
        inbox: mpsc::UnboundedReceiver<Fact>,
    ) -> Self {
        Self {
            settings: shared.settings(),
            shared,
            run,
            plan,
            scheduler,
            inbox,
            post,
            jobs: JoinSet::new(),
            tasks: HashMap::new(),
            preparing: BTreeMap::new(),
            running: BTreeMap::new(),
            sites: BTreeMap::new(),
            deadlines: Vec::new(),
            secrets: Arc::new(RunSecrets::none()),
            started_ms: 0,
            seq: 0,
            lost: None,
            unstored: Vec::new(),
        }
    }

    /// The whole life of the run, from the line to the end of the clean-up. `turn` is its place in the line.
    pub async fn carry_out(mut self, turn: oneshot::Receiver<Turn>) -> RunEnd {
        let (shared, run, plan) = (Arc::clone(&self.shared), self.run.clone(), Arc::clone(&self.plan));
        let mut ready = pin!(async {
            // The line has no end that could be dropped before this run's turn: the engine, which holds it, outlives its runs.
            let turn = turn.await.ok();
            (turn, RunSecrets::read(&*shared.ports.secrets, &run, &plan).await)
        });
        let mut held = None;
        while !self.is_over() {
            tokio::select! {
                biased;
                Some(fact) = self.inbox.recv() => self.take(fact).await,
                (turn, secrets) = &mut ready => {
                    held = turn;
                    self.secrets = Arc::new(secrets);
                    self.begin().await;
                    break;
                }
            }
        }
        while !self.is_over() {
            let next = self.deadlines.iter().map(|(at, _)| *at).min();
            tokio::select! {
                biased;
                Some(fact) = self.inbox.recv() => self.take(fact).await,
                Some(joined) = self.jobs.join_next_with_id() => self.join(joined).await,
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.fire().await,
            }
        }
        let end = self.close().await;
        drop(held);
        end
    }

    fn is_over(&self) -> bool {
        self.scheduler.run_state().is_final()
    }

    async fn begin(&mut self) {
        self.settings = self.shared.settings();
        self.started_ms = self.shared.ports.clock.now_ms();
        if self.plan.timeout_s > 0 {
            self.add_deadline(self.plan.timeout_s, Fact::CancelAsked { reason: CancelReason::TimedOut });
        }
        self.take(Fact::Begun).await;
    }

    async fn take(&mut self, fact: Fact) {
        let moves = self.scheduler.take(self.masked(fact));
        self.record(moves.events).await;
        for action in moves.actions {
            self.act(action);
        }
    }

    /// Stores events, then tells about them.
    async fn record(&mut self, events: Vec<RunEvent>) {
        if events.is_empty() {
            return;
        }
        for event in &events {
            self.watch(event);
        }
        if self.lost.is_none() {
            match self.shared.ports.journal.append(&self.run, &events).await {
                Ok(()) => return self.tell(events),
                Err(error) => {
                    tracing::error!(run = %self.run, %error, "events cannot be stored, the run is stopped");
                    self.lost = Some(error);
                    self.send(Fact::CancelAsked { reason: CancelReason::Forced });
                }
            }
        }
        self.unstored.extend(events);
    }

    fn tell(&mut self, events: Vec<RunEvent>) {
        for event in events {
            self.seq += 1;
            // An error only says that nobody listens.
            let _ = self.shared.notices.send(Notice::Event { run: self.run.clone(), seq: self.seq, event });
        }
    }

    /// Sets and removes what an event has to do with time and handles.
    fn watch(&mut self, event: &RunEvent) {
        match event {
            RunEvent::StepStarted { key } => {
                let step = self.plan.stage(key.stage).and_then(|stage| stage.step(key.step));
                if let Some(limit) = step.and_then(|step| step.timeout_s) {
                    self.add_deadline(limit, Fact::StepOverdue { key: *key });
                }
            }
            RunEvent::StepEnded { key: ended, .. } => {
                self.running.remove(ended);
                self.deadlines.retain(|(_, fact)| !matches!(fact, Fact::StepOverdue { key } if key == ended));
            }
            RunEvent::StageReady { stage } | RunEvent::StageEnded { stage, .. } => {
                self.preparing.remove(stage);
            }
            _ => {}
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            // Nothing is begun that is not stored.
            Action::Prepare(stage) if self.lost.is_some() => {
                self.send(Fact::PrepareFailed { stage, message: String::new(), hint: String::new() })
            }
            Action::StartStep(key) if self.lost.is_some() => {
                let outcome =
                    StepOutcome::Errored { message: "not started: its start could not be stored".to_owned(), hint: String::new() };
                self.send(Fact::StepEnded { key, outcome });
            }
            Action::Prepare(stage) => self.prepare(stage),
            Action::StartStep(key) => self.start_step(key),
            Action::StopPrepare { stage, kill } => advance(self.preparing.get(&stage), kill),
            Action::StopStep { key, kill } => advance(self.running.get(&key), kill),
            Action::Destroy(stage) => match self.sites.remove(&stage) {
                Some(site) => {
                    let settings = Arc::clone(&self.settings);
                    self.spawn(Job::Destroy(stage), job::destroy(site, settings));
                }
                None => self.send(Fact::StageDestroyed { stage, leftovers: Vec::new() }),
            },
        }
    }

    fn prepare(&mut self, number: StageNumber) {
        let Some(stage) = self.plan.stage(number) else { return };
        let ports = &self.shared.ports;
        let Some(backend) = ports.backends.backend(stage.backend) else {
            let (message, hint) = match stage.backend {
                BackendKind::Docker => ("no container engine was found on this computer", "start Docker (or Podman) and run again"),
                BackendKind::Host => ("steps cannot run on this computer itself", "allow it in the settings and run again"),
            };
            let (message, hint) = (message.to_owned(), hint.to_owned());
            return self.send(Fact::PrepareFailed { stage: number, message, hint });
        };
        let source = stage.source.then(|| ports.sources.source(&self.run, &self.plan, stage));
        let context = StageContext { run: self.run.clone(), stage: Arc::new(stage.clone()), source };
        let site = Site { backend, context, started_ms: ports.clock.now_ms() };
        let (handle, cancel) = CancelHandle::new(self.settings.grace);
        self.preparing.insert(number, handle);
        self.sites.insert(number, site.clone());
        let settings = Arc::clone(&self.settings);
        self.spawn(Job::Prepare(number), job::prepare(site, cancel, settings));
    }

    fn start_step(&mut self, key: StepKey) {
        let Some(site) = self.sites.get(&key.stage).cloned() else { return };
        let Some(step) = site.context.stage.step(key.step).cloned().map(Arc::new) else { return };
        let (stop, cancel) = CancelHandle::new(self.settings.grace);
        self.running.insert(key, stop.clone());
        let facts = StartFacts {
            so_far: self.scheduler.so_far(key.stage),
            run_started_ms: self.started_ms,
            stage_started_ms: site.started_ms,
            now_ms: self.shared.ports.clock.now_ms(),
            machine: self.settings.machine.clone(),
        };
        let job = StepJob {
            run: self.run.clone(),
            key,
            step,
            site,
            facts,
            secrets: Arc::clone(&self.secrets),
            logs: Arc::clone(&self.shared.ports.logs),
            settings: Arc::clone(&self.settings),
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
            let _ = post.send(work.await);
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
            Job::Step(key) => Fact::StepEnded { key, outcome: StepOutcome::Errored { message, hint: String::new() } },
            Job::Destroy(stage) => Fact::StageDestroyed { stage, leftovers: vec![message] },
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
        if let Some(RunEvent::RunEnded { state }) = events.last_mut() {
            *state = RunState::Errored;
        }
        match self.shared.ports.journal.append(&self.run, &events).await {
            Ok(()) => self.tell(events),
            Err(error) => tracing::error!(run = %self.run, %error, "the end of the run cannot be stored either"),
        }
        RunEnd { state: RunState::Errored, message: lost.message }
    }

    fn add_deadline(&mut self, seconds: u64, fact: Fact) {
        // A limit beyond what the clock can hold is none.
        if let Some(at) = Instant::now().checked_add(Duration::from_secs(seconds)) {
            self.deadlines.push((at, fact));
        }
    }

    fn send(&self, fact: Fact) {
        self.post.send(fact).expect("the owner holds the receiver");
    }

    /// The one place where texts enter the events, and so the one place where secrets are taken out of them.
    fn masked(&self, fact: Fact) -> Fact {
        let mask = |text: String| self.secrets.masker.mask_text(&text);
        match fact {
            Fact::PrepareFailed { stage, message, hint } => Fact::PrepareFailed { stage, message: mask(message), hint },
            Fact::StepNoted { key, note } => Fact::StepNoted { key, note: mask(note) },
            Fact::StepEnded { key, outcome: StepOutcome::Errored { message, hint } } => {
                Fact::StepEnded { key, outcome: StepOutcome::Errored { message: mask(message), hint } }
            }
            Fact::StageDestroyed { stage, leftovers } => {
                Fact::StageDestroyed { stage, leftovers: leftovers.into_iter().map(mask).collect() }
            }
            other => other,
        }
    }
}

fn advance(handle: Option<&CancelHandle>, kill: bool) {
    if let Some(handle) = handle {
        handle.advance(if kill { CancelStage::Kill } else { CancelStage::Ask });
    }
}
