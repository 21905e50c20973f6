//! Ending a program that was asked to end, or that nobody watches any longer.

use super::{StepContainer, ask};
use crate::error;
use bollard::query_parameters::StopContainerOptionsBuilder;
use lp_backend::{BackendError, Cancel, CancelStage};
use lp_model::StepKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the answer to a stop may take beyond the grace time that it grants.
const STOP_MARGIN: Duration = Duration::from_secs(30);

/// How long killing what nobody watches any longer may take: `destroy` does what is left.
const KILL_LIMIT: Duration = Duration::from_secs(20);

impl StepContainer<'_> {
    /// Waits for a cancel and carries it out. Returns only when the engine is gone.
    pub(super) async fn end_when_asked(&self, cancel: &Cancel, killed: &AtomicBool) -> BackendError {
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
        // From here on whoever waits for the step decides how long.
        std::future::pending().await
    }

    /// Asks the program to end and returns when its grace time is over, or earlier when it has ended.
    async fn grant_grace(&self, grace: Duration) {
        // Only images of commands are known to have a shell.
        if self.step.kind == StepKind::Commands && ask::ask_all(&self.stage.engine, self.name).await {
            return tokio::time::sleep(grace).await;
        }
        let grace_s = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptionsBuilder::new().t(i32::try_from(grace_s).unwrap_or(i32::MAX)).build();
        // The engine counts the grace time and kills, so that this happens even when the app ends meanwhile.
        let patient = self.stage.engine.patient(grace + STOP_MARGIN);
        if let Err(refused) = patient.stop_container(self.name, Some(options)).await {
            tracing::warn!(container = self.name, "cannot stop it, killing it: {}", error::message(&refused));
        }
    }

    /// Kills the program, if it runs.
    pub(super) async fn kill(&self) {
        match tokio::time::timeout(KILL_LIMIT, self.docker().kill_container(self.name, None)).await {
            Ok(Ok(())) => {}
            // It is not there, or does not run.
            Ok(Err(refused)) if matches!(error::status(&refused), Some(404 | 409)) => {}
            Ok(Err(refused)) => tracing::warn!(container = self.name, "cannot kill it now: {}", error::message(&refused)),
            Err(_) => tracing::warn!(container = self.name, "cannot kill it now: no answer in time"),
        }
    }
}
