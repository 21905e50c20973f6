//! Tidying up: what is kept is measured, what is too old or too much is given up, and what nobody claims is removed. An activity, which ends with the
//! app and is gone on with by the next owner.
//!
//! Measuring may take minutes (an engine looks at every file of every volume) and is done beside everything else. Only the removal needs that no run
//! begins meanwhile, and it gives way to one that wants to.

use super::surplus;
use crate::app::App;
use crate::dto::{ActivityKind, ApiError, ErrorCode, Tag};
use crate::feed::activity::Handle;
use crate::time;
use lp_backend::{Claims, KeptFiles};
use lp_model::RunId;
use lp_store::KeptStage;
use std::collections::BTreeSet;
use std::sync::Arc;

impl App {
    /// Tidies up, and returns when that is done or was stopped.
    pub(crate) async fn tidy(self: &Arc<Self>) {
        let app = Arc::clone(self);
        let work = self.activities.start(ActivityKind::Tidy, |handle| async move {
            app.prune_kept(&handle).await?;
            app.sweep(&handle).await
        });
        let id = work.id().to_owned();
        match work.result().await {
            Ok(()) => {}
            Err(error) if error.code == ErrorCode::Cancelled => tracing::info!(activity = id, "tidying up was stopped"),
            Err(error) => tracing::warn!(activity = id, message = %error.message, "not tidied up"),
        }
    }

    /// Measures what is kept and gives up what is gone, too old or too much.
    async fn prune_kept(&self, handle: &Handle) -> Result<(), ApiError> {
        let before = self.store.kept().await?;
        let found = self.measure_kept(&before, handle).await?;
        // From here on there are only rows, which a retry must not find half changed.
        let _no_retry_meanwhile = self.ownership.sweep_or_start.lock().await;
        let now = self.store.kept().await?;
        // What is kept only since it was measured was not looked for.
        let measured = |stage: &&KeptStage| before.iter().any(|known| (&known.run, known.stage) == (&stage.run, stage.stage));
        for stage in now.iter().filter(measured) {
            for found in &found {
                let there = found.stages.iter().find(|there| (&there.run, there.stage) == (&stage.run, stage.stage));
                match there {
                    // Only the engine that a stage is on can tell that its files are gone. Where that is not known they go by age and size.
                    None if stage.engine.as_ref() != Some(&found.engine) => {}
                    Some(there) if there.bytes.is_some() && there.bytes != stage.bytes => {
                        self.store.set_kept_bytes(&stage.run, stage.stage, there.bytes.unwrap_or_default()).await?;
                    }
                    Some(_) => {}
                    // Someone has removed them by hand.
                    None => self.store.give_up_kept(&stage.run, stage.stage).await?,
                }
            }
        }
        let kept = self.store.kept().await?;
        let surplus = surplus(&kept, time::now_ms(), &self.settings().await?);
        for stage in kept.iter().filter(|stage| surplus.contains(&stage.run)) {
            self.store.give_up_kept(&stage.run, stage.stage).await?;
        }
        self.tell_kept(&before).await
    }

    /// What each place that answers says of the files that are kept. Where none are, nobody is asked.
    async fn measure_kept(&self, kept: &[KeptStage], handle: &Handle) -> Result<Vec<KeptFiles>, ApiError> {
        let mut measured = Vec::new();
        if kept.is_empty() {
            return Ok(measured);
        }
        let places = self.engines.all();
        for (number, place) in places.iter().enumerate() {
            handle.progress(number as u64, Some(places.len() as u64));
            match handle.unless_cancelled(async { Ok(place.kept().await) }).await? {
                Ok(found) => measured.push(found),
                Err(problem) => tracing::info!(%problem, "kept files are not measured"),
            }
        }
        Ok(measured)
    }

    /// Tells what is kept differently than before. How a run is retried depends on it.
    pub(super) async fn tell_kept(&self, before: &[KeptStage]) -> Result<(), ApiError> {
        let after = self.store.kept().await?;
        let gone = before.iter().filter(|stage| !after.contains(stage));
        let came = after.iter().filter(|stage| !before.contains(stage));
        let changed: BTreeSet<String> = gone.chain(came).map(|stage| stage.run.to_string()).collect();
        if !changed.is_empty() {
            self.hub.tell(std::iter::once(Tag::Kept).chain(changed.into_iter().map(Tag::Run)));
        }
        Ok(())
    }

    /// Removes what no run claims, place by place. Gives way to a run that wants to begin, and is then done again soon.
    pub(super) async fn sweep(&self, handle: &Handle) -> Result<(), ApiError> {
        let places = self.engines.all();
        for (number, place) in places.iter().enumerate() {
            handle.progress(number as u64, Some(places.len() as u64));
            // Before the right is there, so that nobody asks in vain.
            let mut wanted = std::pin::pin!(self.ownership.give_way.notified());
            wanted.as_mut().enable();
            let _no_start_meanwhile = handle.unless_cancelled(async { Ok(self.ownership.sweep_or_start.lock().await) }).await?;
            let claims = self.claims().await?;
            let swept = tokio::select! {
                swept = handle.unless_cancelled(async { Ok(place.sweep(&claims).await) }) => swept?,
                () = wanted => {
                    self.ownership.tidy_soon.notify_one();
                    return Ok(());
                }
            };
            match swept {
                Ok(report) if report.removed.is_empty() && report.failed.is_empty() => {}
                Ok(report) => tracing::info!(removed = ?report.removed, failed = ?report.failed, "swept"),
                Err(problem) => tracing::info!(%problem, "not swept"),
            }
        }
        Ok(())
    }

    /// What must not be removed. Without knowing it, nothing may be.
    async fn claims(&self) -> Result<Claims, ApiError> {
        let mut live = self.ownership.engine().map(|engine| engine.live()).unwrap_or_default();
        // One that could not be taken up is the next owner's.
        live.extend(self.store.unfinished().await?.into_iter().map(|run| run.id));
        let kept: BTreeSet<RunId> = self.store.kept().await?.into_iter().map(|stage| stage.run).collect();
        Ok(Claims { live, kept: kept.into_iter().collect() })
    }
}

#[cfg(test)]
mod tests;
