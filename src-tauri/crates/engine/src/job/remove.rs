//! The removal of a stage's place.

use super::{Site, guarded};
use crate::EngineSettings;
use crate::deadlines::{PROBE_INTERVAL, Work};
use crate::messages::Fact;
use lp_backend::{BackendError, Keep};
use lp_model::message;
use std::sync::Arc;
use tokio::time::{Instant, sleep};

/// Removes a place. `is_again`: it was tried before, and comes back until it is done.
pub(crate) async fn destroy(site: Site, keep: Keep, settings: Arc<EngineSettings>, is_again: bool) -> Fact {
    let name = site.context.name();
    site.asides.stop(Work::StopHeadStarts.time(&settings)).await;
    let limit = Work::Remove.time(&settings);
    let until = Instant::now() + limit;
    let mut last = None;
    let leftovers = loop {
        let call = tokio::time::timeout_at(until, guarded(site.backend.destroy(&site.context, keep)));
        match call.await {
            Ok(Ok(Ok(leftovers))) => break leftovers,
            // It may be about to come back.
            Ok(Ok(Err(error @ BackendError::Unreachable { .. }))) if !is_again && Instant::now() + PROBE_INTERVAL < until => {
                last = Some(message!("`{}`: {}", name, error.told()));
                sleep(PROBE_INTERVAL).await;
            }
            Ok(Ok(Err(error))) => break vec![message!("`{}`: {}", name, error.told())],
            Ok(Err(panic)) => break vec![message!("`{}`: {}", name, panic)],
            Err(_) => break vec![last.unwrap_or_else(|| message!("`{}`: not removed after {} s", name, limit.as_secs()))],
        }
    };
    Fact::StageDestroyed { stage: site.context.stage.number, leftovers, kept: keep == Keep::Files }
}
