//! What the owner of a run starts and waits for: making a place, running a step, removing a place. A job always comes back, also when
//! the backend panics or never answers.

use crate::environment::{StartFacts, resolve};
use crate::ports::LogStore;
use crate::scheduler::Fact;
use crate::secrets::RunSecrets;
use crate::sink::LogSink;
use crate::{EngineSettings, Notice};
use futures_util::FutureExt;
use lp_backend::{Backend, BackendError, Cancel, CancelHandle, CancelStage, SinkError, StageContext, StepContext, StepExit};
use lp_model::{RunId, Step, StepKey, StepOutcome};
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{sleep, timeout};

/// The place of a stage. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site {
    pub backend: Arc<dyn Backend>,
    pub context: StageContext,
    pub started_ms: i64,
}

pub(crate) async fn prepare(site: Site, cancel: Cancel, settings: Arc<EngineSettings>) -> Fact {
    let stage = site.context.stage.number;
    let failed = |message: String, hint: &str| Fact::PrepareFailed { stage, message, hint: hint.to_owned() };
    let call = site.backend.prepare(&site.context, &cancel);
    let patient = timeout(settings.prepare_deadline, unless_given_up(call, &cancel, settings.cleanup_deadline));
    match patient.await {
        Ok(Some(Ok(Ok(())))) => Fact::StagePrepared { stage },
        Ok(Some(Ok(Err(error)))) => failed(error.to_string(), error.hint()),
        Ok(Some(Err(panic))) => failed(panic, ""),
        Ok(None) => failed("the backend did not stop in time".to_owned(), ""),
        Err(_) => failed(
            format!("the stage was not ready after {} s", settings.prepare_deadline.as_secs()),
            "check that the container engine and the disk are not overloaded, and run again",
        ),
    }
}

pub(crate) async fn destroy(site: Site, settings: Arc<EngineSettings>) -> Fact {
    let name = site.context.name();
    let leftovers = match timeout(settings.cleanup_deadline, guarded(site.backend.destroy(&site.context))).await {
        Ok(Ok(Ok(leftovers))) => leftovers,
        Ok(Ok(Err(error))) => vec![format!("`{name}`: {error}")],
        Ok(Err(panic)) => vec![format!("`{name}`: {panic}")],
        Err(_) => vec![format!("`{name}`: not removed after {} s", settings.cleanup_deadline.as_secs())],
    };
    Fact::StageDestroyed { stage: site.context.stage.number, leftovers }
}

/// Everything that one step needs to run.
pub(crate) struct StepJob {
    pub run: RunId,
    pub key: StepKey,
    pub step: Arc<Step>,
    pub site: Site,
    pub facts: StartFacts,
    pub secrets: Arc<RunSecrets>,
    pub logs: Arc<dyn LogStore>,
    pub settings: Arc<EngineSettings>,
    pub stop: CancelHandle,
    pub cancel: Cancel,
    pub post: mpsc::UnboundedSender<Fact>,
    pub notices: broadcast::Sender<Notice>,
}

impl StepJob {
    pub async fn run(self) -> Fact {
        Fact::StepEnded { key: self.key, outcome: self.outcome().await }
    }

    async fn outcome(self) -> StepOutcome {
        let environment = match resolve(&self.step, &self.secrets, &self.facts) {
            Ok(environment) => environment,
            Err(message) => return errored(message, "open the settings and set the secret again"),
        };
        for note in environment.notes {
            self.note(note);
        }
        let log = match self.logs.open(&self.run, self.key).await {
            Ok(log) => log,
            Err(error) => return log_failed(&SinkError { message: error.message }),
        };
        let sink = LogSink::new(self.run.clone(), self.key, &self.secrets.masker, log, self.post.clone(), self.notices.clone());
        let context = StepContext { key: self.key, step: Arc::clone(&self.step), env: environment.env };

        let patience = self.settings.cleanup_deadline;
        let mut call =
            pin!(unless_given_up(self.site.backend.run_step(&self.site.context, &context, &sink, &self.cancel), &self.cancel, patience));
        let mut last = None;
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut call => break ended,
                () = sink.due(last) => {
                    last = Some(tokio::time::Instant::now());
                    if sink.show().await.is_err() {
                        // Nobody could read what it does: `finish` below says why it ends.
                        self.stop.advance(CancelStage::Kill);
                    }
                }
            }
        };
        // Also after a panic or a step that was given up: what it wrote until then is kept.
        let finished = sink.finish().await;
        match (ended, finished) {
            (Some(Ok(Err(BackendError::Sink(error)))), _) | (Some(Ok(Ok(_))), Err(error)) => log_failed(&error),
            (Some(Ok(Ok(exit))), Ok(())) => exited(exit),
            (Some(Ok(Err(error))), _) => errored(error.to_string(), error.hint()),
            (Some(Err(panic)), _) => errored(panic, ""),
            (None, _) => {
                let message = format!("the step did not end within {} s after it was killed", patience.as_secs());
                self.note(message.clone());
                errored(message, "restart the container engine")
            }
        }
    }

    fn note(&self, note: String) {
        // The inbox outlives every step of its run.
        let _ = self.post.send(Fact::StepNoted { key: self.key, note });
    }
}

fn exited(exit: StepExit) -> StepOutcome {
    match exit {
        StepExit::Code(code) => StepOutcome::Exited { code },
        StepExit::Signal(signal) => StepOutcome::Signalled { signal },
        StepExit::OutOfMemory => StepOutcome::OutOfMemory,
        // The scheduler, which knows whether and why it was told to end, has its own name for it; this is for when nobody told it.
        StepExit::Killed => errored("the step was stopped from outside".to_owned(), ""),
    }
}

fn errored(message: String, hint: &str) -> StepOutcome {
    StepOutcome::Errored { message, hint: hint.to_owned() }
}

fn log_failed(error: &SinkError) -> StepOutcome {
    errored(error.to_string(), "free some disk space and run again")
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
