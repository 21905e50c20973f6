//! Running one step: image, container, output, end. The only place that knows the order in which the engine is asked.

use crate::connect::Engine;
use crate::output::pump;
use crate::{DockerBackend, ask, container, error};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use lp_backend::{BackendError, Cancel, CancelStage, StageContext, StepContext, StepExit, StepSink};
use lp_model::StepKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// A killed program is gone in a moment. One that is not hangs in the kernel, and waiting longer does not help.
const END_AFTER_KILL: Duration = Duration::from_secs(60);

/// How long the answer to a stop may take beyond the grace time that it grants.
const STOP_MARGIN: Duration = Duration::from_secs(30);

/// Exit code of a program that was killed, and how often and how far apart the engine is then asked whether memory was the reason.
const KILLED: i64 = 137;
const OOM_ASKS: u32 = 10;
const OOM_PAUSE: Duration = Duration::from_millis(100);

/// Clean-up after a step has a limit of its own: `destroy` does what is left.
const REMOVE_LIMIT: Duration = Duration::from_secs(20);

type Output = BoxStream<'static, Result<LogOutput, Error>>;

/// The container of one step attempt, while it is being run.
struct Running<'a> {
    engine: &'a Engine,
    /// Of the container.
    name: &'a str,
    /// As in the file.
    step: &'a str,
    kind: StepKind,
}

impl DockerBackend {
    pub(crate) async fn run_container(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        if cancel.is_asked() {
            return Ok(StepExit::Killed);
        }
        let engine = self.connection.engine().await?;
        let name = stage.step_name(step.key);
        let running = Running { engine: &engine, name: &name, step: &step.step.name, kind: step.step.kind };

        let work = async {
            match self.begin(&running, stage, step, sink, cancel).await? {
                Some(output) => self.follow(&running, output, sink, cancel).await.map(Some),
                None => Ok(None),
            }
        };
        let ended = engine.watched(self.heartbeat, work).await;
        let stays = match &ended {
            // A service stays until the stage is destroyed; everything else is gone when its log is complete.
            Ok(Some(_)) => step.step.kind == StepKind::Service,
            Ok(None) => false,
            // Asking an engine that does not answer would only delay the bad news.
            Err(BackendError::Unreachable { .. }) => true,
            // What cannot be watched any longer must not go on working.
            Err(_) => false,
        };
        if !stays {
            running.remove().await;
        }
        Ok(ended?.unwrap_or(StepExit::Killed))
    }

    /// Gets the program to run with its output in our hands; `None` when a cancel came first.
    async fn begin(
        &self,
        running: &Running<'_>,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<Option<Output>, BackendError> {
        match running.inspect().await? {
            None => {
                let image = tokio::select! {
                    biased;
                    () = cancel.reached(CancelStage::Ask) => return Ok(None),
                    image = self.images.ensure(running.engine, &step.step.image, step.step.pull, sink) => image?,
                };
                let body = container::of_step(stage, step, &image, &self.owner, running.engine.is_podman());
                let options = CreateContainerOptionsBuilder::new().name(running.name).build();
                // Not given up on a cancel: it takes milliseconds, and what is made behind our back would outlive `destroy`.
                let created = running.engine.docker.create_container(Some(options), body).await;
                created.map_err(|refused| match error::is_missing(&refused) {
                    true => error::image(&step.step.image, &refused),
                    false => error::start(running.step, &refused),
                })?;
            }
            Some(found) if never_started(&found) => {}
            // We were here before, in an earlier life of the app: it runs or has ended, and the engine has the whole log.
            Some(_) => {
                sink.started().await;
                return Ok(Some(running.log()));
            }
        }
        if cancel.is_asked() {
            return Ok(None);
        }
        let output = running.attach_and_start().await?;
        sink.started().await;
        Ok(Some(output))
    }

    /// Copies the output until the program has ended, and ends it when `cancel` asks for it.
    async fn follow(&self, running: &Running<'_>, output: Output, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        let (exited, has_exited) = watch::channel(false);
        let killed = AtomicBool::new(false);
        let ending = async {
            let code = async {
                let code = running.exit_code().await?;
                exited.send_replace(true);
                Ok::<i64, BackendError>(code)
            };
            let (code, ()) = tokio::try_join!(code, pump(output, sink, has_exited.clone()))?;
            Ok::<i64, BackendError>(code)
        };
        let code = tokio::select! {
            biased;
            ended = ending => ended?,
            error = running.end_when_asked(cancel, &killed, has_exited.clone()) => return Err(error),
        };
        if killed.load(Ordering::Relaxed) {
            return Ok(StepExit::Killed);
        }
        if code != 0 && running.was_out_of_memory(code).await? {
            return Ok(StepExit::OutOfMemory);
        }
        Ok(StepExit::Code(i32::try_from(code).unwrap_or(i32::MAX)))
    }
}

impl Running<'_> {
    fn docker(&self) -> &Docker {
        &self.engine.docker
    }

    async fn inspect(&self) -> Result<Option<ContainerInspectResponse>, BackendError> {
        match self.docker().inspect_container(self.name, None).await {
            Ok(found) => Ok(Some(found)),
            Err(missing) if error::is_missing(&missing) => Ok(None),
            Err(refused) => Err(error::call(format!("look for container `{}`", self.name), &refused)),
        }
    }

    /// Attached before it is started, so that not a byte is missed; reading the engine's log afterwards is several times slower.
    async fn attach_and_start(&self) -> Result<Output, BackendError> {
        let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
        let attached = self.docker().attach_container(self.name, Some(options)).await;
        let attached = attached.map_err(|refused| error::call(format!("attach to container `{}`", self.name), &refused))?;
        self.docker().start_container(self.name, None).await.map_err(|refused| error::start(self.step, &refused))?;
        Ok(attached.output)
    }

    /// The whole log from the beginning until the program ends. Not an attach with `logs`: between the old and the new output that loses some.
    /// The engine's log is exact but for one byte: it ends the last line when the program did not.
    fn log(&self) -> Output {
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
        self.docker().logs(self.name, Some(options)).boxed()
    }

    async fn exit_code(&self) -> Result<i64, BackendError> {
        let mut answers = std::pin::pin!(self.docker().wait_container(self.name, None));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // The library's way to say that the code is not 0.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(refused)) => Err(error::call(format!("wait for container `{}`", self.name), &refused)),
            None => Err(BackendError::Unreachable { message: "the connection was closed while the step ran".to_owned() }),
        }
    }

    /// Whether the memory limit ended the program. On a busy machine the engine hears of that after the end of the program, so one that
    /// looks killed is asked about for a moment.
    async fn was_out_of_memory(&self, code: i64) -> Result<bool, BackendError> {
        for asked in 1.. {
            // Where it is gone already (destroyed under a service) nobody can tell.
            let Some(state) = self.inspect().await?.and_then(|found| found.state) else { break };
            if state.oom_killed.unwrap_or(false) {
                return Ok(true);
            }
            if code != KILLED || asked == OOM_ASKS {
                break;
            }
            tokio::time::sleep(OOM_PAUSE).await;
        }
        Ok(false)
    }

    /// Waits for a cancel and carries it out. Never returns while the program may still end as asked; the error says that it does not end.
    async fn end_when_asked(&self, cancel: &Cancel, killed: &AtomicBool, mut has_exited: watch::Receiver<bool>) -> BackendError {
        cancel.reached(CancelStage::Ask).await;
        killed.store(true, Ordering::Relaxed);
        if cancel.stage() == CancelStage::Ask {
            tokio::select! {
                () = self.grant_grace(cancel.grace) => {}
                () = cancel.reached(CancelStage::Kill) => {}
            }
        }
        // Also after a stop: one that failed is made up for, and killing what has ended is refused without harm.
        if let Err(refused) = self.docker().kill_container(self.name, None).await
            && error::is_transport(&refused)
        {
            return error::unreachable(&refused);
        }
        let ended = tokio::time::timeout(END_AFTER_KILL, has_exited.wait_for(|exited| *exited)).await.is_ok();
        if ended {
            // From here on only the sink may still take its time.
            std::future::pending::<()>().await;
        }
        BackendError::Call { action: format!("kill the program of step `{}`", self.step), message: "it does not end".to_owned() }
    }

    /// Asks the program to end and returns when its grace time is over, or earlier when it has ended.
    async fn grant_grace(&self, grace: Duration) {
        // Only images of commands are known to have a shell.
        if self.kind == StepKind::Commands && ask::ask_all(self.engine, self.name).await {
            return tokio::time::sleep(grace).await;
        }
        let grace_s = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptionsBuilder::new().t(i32::try_from(grace_s).unwrap_or(i32::MAX)).build();
        // The engine counts the grace time and kills, so that this happens even when the app ends meanwhile.
        let patient = self.engine.patient(grace + STOP_MARGIN);
        if let Err(refused) = patient.stop_container(self.name, Some(options)).await {
            tracing::warn!(container = self.name, "cannot stop it, killing it: {}", error::message(&refused));
        }
    }

    /// Removes the container with the anonymous volumes that its image asked for. What fails here is done by `destroy`.
    async fn remove(&self) {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match tokio::time::timeout(REMOVE_LIMIT, self.docker().remove_container(self.name, Some(options))).await {
            Ok(Ok(())) => {}
            Ok(Err(missing)) if error::is_missing(&missing) => {}
            Ok(Err(refused)) => tracing::warn!(container = self.name, "cannot remove it now: {}", error::message(&refused)),
            Err(_) => tracing::warn!(container = self.name, "cannot remove it now: no answer in time"),
        }
    }
}

fn never_started(found: &ContainerInspectResponse) -> bool {
    let status = found.state.as_ref().and_then(|state| state.status);
    matches!(status, Some(ContainerStateStatusEnum::CREATED))
}
