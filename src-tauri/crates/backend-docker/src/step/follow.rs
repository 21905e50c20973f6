//! The second half of a step: its output until it has ended, and how it ended.

use super::evidence::EndEvidence;
use super::output::{pump, quiet_after_exit};
use super::takeover::{LastBytes, Manner, news};
use super::{Output, OutputSource, StepContainer};
use crate::error;
use crate::stage::holder;
use crate::time::Moment;
use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::{EventsOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt as _;
use lp_backend::{BackendError, Cancel, Position, StepExit, StepSink};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Exit code of a program that was killed, and how long the engine is then listened to for the word that memory was the reason.
const KILLED: i64 = 137;
const OOM_PATIENCE: Duration = Duration::from_secs(1);

impl StepContainer<'_> {
    /// Copies the output until the program has ended, and ends it when `cancel` asks for it.
    pub(super) async fn follow(&self, source: OutputSource, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        let (exited, has_exited) = watch::channel(false);
        let killed = AtomicBool::new(false);
        let ending = async {
            let code = async {
                let code = self.exit_code().await?;
                exited.send_replace(true);
                Ok::<i64, BackendError>(code)
            };
            let output = async {
                match source {
                    OutputSource::Attached(output) => pump(output, Position::default(), sink, has_exited.clone()).await.map(|_| ()),
                    OutputSource::Log { live } => self.read_log(live, sink, has_exited.clone()).await,
                }
            };
            let (code, ()) = tokio::try_join!(code, output)?;
            Ok::<i64, BackendError>(code)
        };
        let code = tokio::select! {
            biased;
            ended = ending => ended?,
            error = self.end_when_asked(cancel, &killed) => return Err(error),
        };
        if killed.load(Ordering::Relaxed) {
            return Ok(StepExit::Killed);
        }
        if code == 0 {
            return Ok(StepExit::Code(0));
        }
        // A program that was ended with its container looks like one that was killed, and nobody can tell the two apart.
        let Some(state) = self.final_state(code).await? else { return Err(self.lost("was removed while its program ran")) };
        if state.oom_killed.unwrap_or(false) {
            return Ok(StepExit::OutOfMemory);
        }
        if self.end(code, &state).await?.came_with_the_engine() {
            let message = format!("the container engine ended or was started again while step `{}` ran", self.step.name);
            return Err(BackendError::lost(message));
        }
        Ok(StepExit::Code(i32::try_from(code).unwrap_or(i32::MAX)))
    }
    /// Copies what is new in the log to the sink, until the program has ended.
    async fn read_log(&self, live: Option<Output>, sink: &dyn StepSink, mut exited: watch::Receiver<bool>) -> Result<(), BackendError> {
        let heard = LastBytes::default();
        let forgets = !self.stage.engine.is_podman();
        let is_short = Arc::new(AtomicBool::new(false));
        let log = |follow, position, end| {
            let options = LogsOptionsBuilder::new().follow(follow).stdout(true).stderr(true).timestamps(true).build();
            news(self.docker().logs(self.name, Some(options)), Manner { position, forgets, end, is_short: is_short.clone() })
        };
        let mut position = sink.position();
        if let Some(mut live) = live {
            // Nothing of this is passed on: only what comes last is of interest.
            let listen = async {
                while let Some(Ok(chunk)) = live.next().await {
                    heard.see(&chunk);
                }
            };
            let listen = async {
                tokio::select! {
                    () = listen => {}
                    () = quiet_after_exit(exited.clone()) => {}
                }
                Ok(())
            };
            let follow = pump(Box::pin(log(true, position, None)), position, sink, exited.clone());
            (position, ()) = tokio::try_join!(follow, listen)?;
        }
        // An error says that asking for the end has failed, which is told by who asked.
        if exited.wait_for(|exited| *exited).await.is_err() {
            return Ok(());
        }
        pump(Box::pin(log(false, position, Some(heard))), position, sink, exited).await?;
        // The log is shorter than what was taken of it: somebody has emptied it, and what was printed in between is gone.
        if is_short.load(Ordering::Relaxed) {
            sink.gap(None).await?;
        }
        Ok(())
    }

    async fn exit_code(&self) -> Result<i64, BackendError> {
        let mut answers = std::pin::pin!(self.docker().wait_container(self.name, None));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // The library's way to say that the code is not 0.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(missing)) if error::is_missing(&missing) => Err(self.lost("was removed while its program ran")),
            Some(Err(refused)) => Err(error::call(format!("wait for container `{}`", self.name), &refused)),
            None => Err(error::gone("the connection was closed while the step ran")),
        }
    }

    /// The state of a program that has ended, `None` when it is gone. That it was killed because of its memory limit the engine hears from its
    /// runtime apart from the end and often after it; Docker 20.10 then writes it only into its events, later versions also into the state. So
    /// a program that looks killed is listened for in the events since its start, and a moment longer.
    async fn final_state(&self, code: i64) -> Result<Option<ContainerState>, BackendError> {
        let state = async || Ok::<_, BackendError>(self.inspect().await?.and_then(|found| found.state));
        let Some(first) = state().await? else { return Ok(None) };
        if code != KILLED || first.oom_killed.unwrap_or(false) {
            return Ok(Some(first));
        }
        let filters = HashMap::from([("container", vec![self.name]), ("event", vec!["oom"])]);
        let since = first.started_at.as_deref().unwrap_or_default();
        let options = EventsOptionsBuilder::new().since(since).filters(&filters).build();
        let heard = async {
            let mut events = std::pin::pin!(self.docker().events(Some(options)));
            match events.next().await {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => std::future::pending().await,
            }
        };
        if tokio::time::timeout(OOM_PATIENCE, heard).await.is_ok() {
            return Ok(Some(ContainerState { oom_killed: Some(true), ..first }));
        }
        state().await
    }

    /// All that tells whether it ended by itself.
    async fn end(&self, code: i64, state: &ContainerState) -> Result<EndEvidence, BackendError> {
        let moment = |text: &Option<String>| text.as_deref().and_then(Moment::parse);
        // The default bridge is as old as the engine's process. Podman has none.
        let bridge = async { if self.stage.engine.is_podman() { None } else { self.docker().inspect_network("bridge", None).await.ok() } };
        let (holder, bridge) = tokio::join!(holder::fate(self.stage), bridge);
        let engine_since = bridge.and_then(|bridge| moment(&bridge.created));
        Ok(EndEvidence { code, started: moment(&state.started_at), ended: moment(&state.finished_at), engine_since, holder: holder? })
    }
}
