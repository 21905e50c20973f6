//! One step, from its environment to what became of its program.

use super::outage::Outage;
use super::{Site, unless_given_up};
use crate::EngineSettings;
use crate::deadlines::{BACK_AFTER, Work};
use crate::environment::{StartFacts, resolve};
use crate::gate::{Gate, Ticket, Traveller};
use crate::messages::{Fact, Notice, Post};
use crate::ports::{LogStore, OpenLog};
use crate::scheduler::{BrokenLog, Evidence, Exit};
use crate::secrets::RunSecrets;
use crate::sink::{LogPlace, LogSink};
use lp_backend::{BackendError, Before, Cancel, CancelHandle, CancelStage, SinkError, StepContext, StepExit};
use lp_model::{Message, RunId, Step, StepKey, StepKind, message};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

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
    pub gate: Gate,
    /// Where the writers of the run's logs are counted.
    pub writers: TaskTracker,
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
        let secrets = || message!("open the settings and set the secret again");
        if let Some(message) = self.secrets.unreadable().filter(|_| self.needs_all_secrets) {
            return unseen(Exit::failed(message, secrets()));
        }
        let environment = match (resolve(&self.step, &self.secrets, &self.facts), self.before) {
            (Ok(environment), _) => environment,
            // Its program has its environment already; what is built again needs it anew.
            (Err(_), Before::Created) if self.step.build_image.is_none() => Default::default(),
            (Err(message), _) => return unseen(Exit::failed(message, secrets())),
        };
        if self.before == Before::Nothing {
            for note in environment.notes {
                self.note(note);
            }
        }
        let Some(_ticket) = self.have_ticket().await else { return unseen(Exit::failed(message!("cancelled"), Message::default())) };
        let log = match self.logs.open(&self.run, self.key).await {
            Ok(log) => log,
            Err(error) => {
                let error = SinkError::from(error);
                return unseen(Exit::failed(error.told(), error.hint));
            }
        };
        self.site.asides.made(self.key, &self.cancel, Work::MakeAhead.time(&self.settings)).await;
        let mut sink = LogSink::new(self.log_place(log), &self.writers);
        let mut context = StepContext { key: self.key, step: Arc::clone(&self.step), env: environment.env, before: self.before };
        let mut outage = Outage::default();
        let ended = loop {
            let began = Instant::now();
            match self.call(&sink, &context, &mut outage).await {
                Some(Ok(Err(error @ BackendError::Unreachable { .. }))) => {
                    if !outage.wait(began, &self.site, &self.cancel, &self.settings, |note| self.note(note)).await {
                        break Some(Ok(Err(error)));
                    }
                    if sink.is_created() {
                        context.before = Before::Created;
                    }
                    sink.go_on();
                }
                ended => break ended,
            }
        };
        // Also after a panic or a step that was given up: what it wrote until then is kept.
        let broken_log = sink.finish().await.err().map(|error| BrokenLog { message: error.told(), hint: error.hint });
        let exit = match ended {
            Some(Ok(Ok(exit))) => Exit::Program(exit),
            Some(Ok(Err(BackendError::Lost { message, .. }))) => Exit::Lost { message },
            Some(Ok(Err(error))) => Exit::failed(error.told(), error.hint()),
            Some(Err(panic)) => Exit::failed(panic, Message::default()),
            None => {
                let message =
                    message!("the step did not end within {} s after it was killed", Work::EndAfterKill.time(&self.settings).as_secs());
                self.note(message.clone());
                Exit::failed(message, message!("restart the container engine"))
            }
        };
        (exit, Evidence { engine_was_away: outage.was_there(), broken_log })
    }

    /// Waits until one step more may run on this computer; `None` when the wait was cancelled. What others wait for does not wait itself.
    async fn have_ticket(&self) -> Option<Option<Ticket>> {
        if self.step.detached || self.step.kind == StepKind::Service {
            return Some(None);
        }
        if self.before == Before::Created {
            return Some(Some(self.gate.take(Traveller::Step)));
        }
        let mut waiting = self.gate.queue(Traveller::Step);
        if let Ok(ticket) = waiting.try_recv() {
            return Some(Some(ticket));
        }
        self.note(message!("waits: at most {} steps run at the same time on this computer", self.gate.steps()));
        tokio::select! {
            biased;
            () = self.cancel.reached(CancelStage::Ask) => None,
            // The gate outlives those who wait.
            ticket = waiting => ticket.ok().map(Some),
        }
    }

    fn log_place(&self, log: OpenLog) -> LogPlace {
        LogPlace {
            run: self.run.clone(),
            key: self.key,
            masker: self.secrets.masker.clone(),
            log,
            limit: self.settings.max_log_bytes,
            post: self.post.clone(),
            notices: self.notices.clone(),
            stop: self.stop.clone(),
        }
    }

    /// One call of the backend. `None`: it was given up.
    async fn call(
        &self,
        sink: &LogSink,
        context: &StepContext,
        outage: &mut Outage,
    ) -> Option<Result<Result<StepExit, BackendError>, Message>> {
        let call = self.site.backend.run_step(&self.site.context, context, sink, &self.cancel);
        let mut call = pin!(unless_given_up(call, &self.cancel, Work::EndAfterKill.time(&self.settings)));
        if outage.since.is_some() {
            tokio::select! {
                biased;
                ended = &mut call => return ended,
                () = sleep(BACK_AFTER) => {}
            }
            outage.since = None;
            self.note(message!("the container engine answers again"));
        }
        call.await
    }

    fn note(&self, note: Message) {
        // The inbox outlives every step of its run.
        let _ = self.post.send(Post::Fact(Fact::StepNoted { key: self.key, note }));
    }
}

fn unseen(exit: Exit) -> (Exit, Evidence) {
    (exit, Evidence::default())
}
