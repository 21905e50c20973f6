//! Runs that another process left under way: gone on with, or closed with a reason.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Tag};
use crate::owner::{not_started, queue_place};
use crate::project::folder_of;
use crate::time;
use lp_engine::{Engine, Past, QueuePlace};
use lp_model::{Message, PLAN_VERSION, Plan, RunId, message};
use lp_store::{StagePlace, StoreError, Unfinished};
use std::sync::Arc;

impl App {
    /// Goes on with a run that could not be taken up with the folder (the store was busy), so that it can be stopped; one that cannot go on is
    /// closed and says why.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) async fn take_up_late(&self, engine: &Engine, id: &RunId) -> Result<(), ApiError> {
        // Whoever starts or retries a run has this: such a run is not ours to take up.
        let _nobody_starts_meanwhile = self.ownership.sweep_or_start.lock().await;
        let Some(left) = self.store.unfinished().await?.into_iter().find(|left| left.id == *id && !left.state.is_final()) else {
            return Ok(());
        };
        if engine.run(id).is_some() {
            return Ok(());
        }
        if let Err(why) = self.take_up(engine, &left).await {
            self.store.interrupt(id, time::now_ms(), &why.message, &why.hint).await?;
            self.hub.tell([Tag::Run(id.to_string()), Tag::Runs, Tag::Projects, Tag::Queue]);
        }
        Ok(())
    }

    /// Goes on with a run that another process drove. The error says why that cannot be, in words for the run's own record.
    pub(crate) async fn take_up(&self, engine: &Engine, left: &Unfinished) -> Result<(), ApiError> {
        if !left.can_be_taken_over {
            let message = message!("an earlier version of letterpress drove this run, and did not write down enough to go on with it");
            return Err(ApiError::new(ErrorCode::NewerData, message).hint(message!("run it again, or retry it from where it stopped")));
        }
        let (plan, past, place) = self.stored_run(&left.id).await?;
        let detail = self.store.run_detail(&left.id).await?;
        let project = self.store.project(&detail.run.project).await?;
        let nothing_is_made = detail.stages.iter().all(|stage| stage.place != StagePlace::Made);
        let folder = folder_of(&project)?;
        if nothing_is_made && !left.state.is_final() && !folder.exists() {
            let message = message!("the folder `{}` of its project is gone", folder.display());
            return Err(ApiError::new(ErrorCode::FolderNotFound, message).hint(message!("put the folder back and retry the run")));
        }
        engine.resume(left.id.clone(), plan, past, place).map(|_| ()).map_err(|refused| not_started(&refused))
    }

    /// Plan, events and place in the queue of a run.
    ///
    /// # Errors
    /// `NewerData` when a newer version wrote them.
    pub(crate) async fn stored_run(&self, id: &RunId) -> Result<(Arc<Plan>, Past, QueuePlace), ApiError> {
        let newer = |what: Message, why: Message| {
            ApiError::new(ErrorCode::NewerData, message!("the {} of this run cannot be read: {}", what, why))
                .hint(message!("install the newest Letterpress, then run it again or retry it"))
        };
        let row = self.store.run(id).await?;
        let unreadable = |what: Message| {
            move |error: StoreError| match error {
                StoreError::Unreadable { .. } => newer(what, error.told()),
                other => other.into(),
            }
        };
        let plan = self.store.plan(id).await.map_err(unreadable(message!("plan")))?;
        if plan.version > PLAN_VERSION {
            return Err(newer(message!("plan"), message!("it is of version {}, this letterpress knows {}", plan.version, PLAN_VERSION)));
        }
        let events = self.store.events(id, 0).await.map_err(unreadable(message!("record")))?;
        let past = Past { events: events.into_iter().map(|stored| (stored.at_ms, stored.event)).collect() };
        let place = queue_place(&row.project, &plan);
        Ok((Arc::new(plan), past, place))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::dto::RunStateWord;
    use crate::testing::{new_run, open, project, request, wait_until_over};
    use lp_model::{RunEvent, RunState};

    pub const PIPELINE: &str = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: hello, commands: [echo hello]}\n";

    /// A run that was written down and never handed to an engine, as by a process that died.
    pub async fn left_behind(app: &Arc<App>, project: &str, id: &str, number: u64, change: impl Fn(&mut Plan)) -> RunId {
        let mut plan = app.prepare(&request(app, project).await, (number, None)).await.unwrap().plan;
        change(&mut plan);
        let new = new_run(id, project, plan);
        app.store.create_run(&new).await.unwrap();
        new.id
    }

    #[tokio::test]
    async fn a_run_that_nobody_drives_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let project = project(&app, folder.path(), PIPELINE).await;
        // As if the store had been busy when the folder was taken over.
        let good = left_behind(&app, &project, "good", 1, |_| {}).await;
        let newer = left_behind(&app, &project, "newer", 2, |plan| plan.version = PLAN_VERSION + 1).await;
        for (run, state) in [(good, RunState::Cancelled), (newer, RunState::Interrupted)] {
            app.cancel_run(run.as_str()).await.unwrap();
            app.wait_idle().await;
            assert_eq!(app.store.run(&run).await.unwrap().state, state);
        }
        app.shutdown().await;
    }

    #[tokio::test]
    async fn what_cannot_go_on_says_why_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let project = project(&app, folder.path(), PIPELINE).await;
        let newer = left_behind(&app, &project, "newer", 1, |plan| plan.version = PLAN_VERSION + 1).await;
        let begun = left_behind(&app, &project, "begun", 2, |_| {}).await;
        let gone = left_behind(&app, &project, "gone", 3, |_| {}).await;
        let stage = lp_model::StageNumber(1);
        // Now, as the time limit of the run counts from there.
        let events = [RunEvent::RunStarted, RunEvent::StagePreparing { stage }].map(|event| (time::now_ms(), event));
        app.store.append_events(&begun, &events).await.unwrap();
        app.shutdown().await;
        std::fs::rename(folder.path().join("shop"), folder.path().join("elsewhere")).unwrap();

        let app = open(folder.path()).await;
        let left = app.ownership.left();
        assert!(left.interrupted.contains(&newer.to_string()) && left.interrupted.contains(&gone.to_string()), "{left:?}");
        for (id, why, hint) in [
            (&newer, "the plan of this run cannot be read: it is of version", "install the newest Letterpress"),
            (&gone, "the folder `", "put the folder back and retry the run"),
        ] {
            let detail = app.run(id.as_str()).await.unwrap();
            assert_eq!(detail.run.state, RunStateWord::Interrupted);
            assert!(detail.run.message.to_string().contains(why), "{}", detail.run.message);
            assert!(detail.stages[0].hint.to_string().contains(hint), "{}", detail.stages[0].hint);
        }
        // Of this one something may be there already: whether its source is needed again turns out when its place is made.
        let begun = wait_until_over(&app, begun.as_str()).await;
        assert_eq!((begun.run.state, begun.resumed), (RunStateWord::Errored, 1), "{begun:?}");
        app.shutdown().await;
    }
}
