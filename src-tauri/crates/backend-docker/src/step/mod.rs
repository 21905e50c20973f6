//! Running one step: image, container, output, end. The order in which the engine is asked stands in [`DockerBackend::run_container`] and, for its first
//! half, in `begin`.
//!
//! A container is made, attached to, and only then started, so that not a byte is missed; it stays until its stage is destroyed, so that a
//! process that goes on after this one has died can attach to it, or read its log and its exit code.
//!
//! Read in this order: `begin`, `follow`, `stop` (with `ask`), `evidence`; `container` says what is asked of the engine for a step, `head_start` what is made
//! before its turn, `output` and `takeover` how output comes.

mod ask;
mod begin;
pub(crate) mod container;
mod evidence;
mod follow;
pub(crate) mod head_start;
mod output;
mod ownership;
mod stop;
mod takeover;

use crate::stage::StageHandle;
use crate::{DockerBackend, error};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::ContainerInspectResponse;
use futures_util::stream::BoxStream;
use lp_backend::program_limits::startable;
use lp_backend::{BackendError, Before, Cancel, StageContext, StepContext, StepExit, StepSink};
use lp_model::Step;
use lp_model::{Message, message};
use std::sync::atomic::Ordering;

type Output = BoxStream<'static, Result<LogOutput, Error>>;

/// Where the output of a program comes from.
enum OutputSource {
    /// A connection that was there before the program.
    Attached(Output),
    /// The engine's log of a program that was started by an earlier process; and, if it still runs, its output from now on.
    Log { live: Option<Output> },
}

/// The container of one step attempt, while it is being run.
struct StepContainer<'a> {
    stage: &'a StageHandle,
    /// Of the container.
    name: &'a str,
    step: &'a Step,
}

impl DockerBackend {
    pub(crate) async fn run_container(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        if cancel.is_asked() && step.before == Before::Nothing {
            return Ok(StepExit::Killed);
        }
        let (step, notes) = startable(stage, step)?;
        let stage = self.stage(stage).await?;
        let name = stage.context.step_name(step.key);
        let container = StepContainer { stage: &stage, name: &name, step: &step.step };
        if step.before == Before::Nothing {
            for note in notes {
                sink.note(note).await;
            }
        }
        let work = async {
            let begun = match step.before {
                Before::Nothing => self.begin(&container, &step, sink, cancel).await?,
                Before::Created => Some(self.take_over(&container, &step, sink).await?),
            };
            stage.is_begun.store(true, Ordering::Relaxed);
            match begun {
                Some(source) => container.follow(source, sink, cancel).await,
                None => Ok(StepExit::Killed),
            }
        };
        // Beside the step, which need not wait for it.
        let work = async { tokio::join!(work, self.remove_loader(&stage)).0 };
        let ended = match stage.engine.watched(self.heartbeat, work).await {
            // Where another engine has taken the place of this one, nothing is known of the step.
            Err(lost @ (BackendError::Lost { .. } | BackendError::FilesGone { .. })) => {
                Err(self.certain(&stage.engine).await.err().unwrap_or(lost))
            }
            ended => ended,
        };
        // What cannot be watched any longer must not go on working. An engine that does not answer would only delay the bad news, and what
        // runs on it can be attached to when it answers again.
        if !matches!(
            ended,
            Ok(_)
                | Err(BackendError::Unreachable { .. }
                    | BackendError::Lost { .. }
                    | BackendError::FilesGone { .. }
                    | BackendError::Image { .. })
        ) {
            container.kill().await;
        }
        ended
    }
}

impl StepContainer<'_> {
    fn docker(&self) -> &Docker {
        &self.stage.engine.docker
    }

    async fn inspect(&self) -> Result<Option<ContainerInspectResponse>, BackendError> {
        match self.docker().inspect_container(self.name, None).await {
            Ok(found) => Ok(Some(found)),
            Err(missing) if error::is_missing(&missing) => Ok(None),
            Err(refused) => Err(error::call(message!("look for container `{}`", self.name), &refused)),
        }
    }

    /// What happened to the container, so that nobody can know how its program ended.
    fn lost(&self, what: Message) -> BackendError {
        BackendError::lost(message!("the container of step `{}` {}", self.step.name, what))
    }
}
