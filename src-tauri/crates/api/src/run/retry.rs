//! Going on from where a finished run went wrong: same plan, same version, and what passed is not run again.
//!
//! A run that was planned while its project was trusted needs that trust again: its plan may hold what an untrusted project may not have.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Retry};
use crate::owner::guests;
use crate::owner::not_started;
use crate::project::folder_of;
use crate::run::parse_run;
use crate::words::shell_word;
use lp_engine::scheduler::{RetryError, Scheduler};
use lp_engine::{Notice as EngineNotice, Past, RunHandle};
use lp_model::{Message, Plan, RunEvent, RunId, RunState, StageNumber, message};
use lp_store::{RunDetail, StagePlace};
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

impl App {
    /// Goes on from where a run went wrong; it then waits for its turn again, as its next attempt.
    ///
    /// # Errors
    /// `RunNotFound`; `NothingToRetry` for a run that has passed, `RunUnderWay` for one that is not over; `NotTrusted` when its project was
    /// trusted then and is not any more; `FolderNotFound` when the project is gone; `NewerData`.
    pub async fn retry_run(&self, run: &str) -> Result<(), ApiError> {
        self.retry(run, None).await
    }

    /// Goes on from where an attempt went wrong. Once that attempt was retried, by an earlier press, nothing happens.
    ///
    /// # Errors
    /// As [`App::retry_run`].
    pub async fn retry_attempt(&self, run: &str, attempt: u32) -> Result<(), ApiError> {
        let id = parse_run(run)?;
        if self.is_behind(&id, attempt).await? {
            return Ok(());
        }
        match self.retry(run, Some(attempt)).await {
            // The same press came twice at once.
            Err(error) if error.code == ErrorCode::RunUnderWay && self.is_behind(&id, attempt).await? => Ok(()),
            other => other,
        }
    }

    /// Whether a run has gone on with a later attempt.
    async fn is_behind(&self, id: &RunId, attempt: u32) -> Result<bool, ApiError> {
        Ok(self.store.run(id).await?.attempt > attempt)
    }

    async fn retry(&self, run: &str, attempt: Option<u32>) -> Result<(), ApiError> {
        if !self.ownership.is_ours() {
            return guests::retry(self, run, attempt).await;
        }
        let engine = self.must_own()?;
        let id = parse_run(run)?;
        let before = self.store.run(&id).await?;
        may_be_retried(before.state, before.number)?;
        // A moment after its end it is still being cleaned up; its files are kept only after that.
        if let Some(being_removed) = engine.run(&id) {
            being_removed.wait().await;
            let left = being_removed.remove_remains().await;
            if !left.is_empty() {
                return Err(self.still_there(&id, &left).await);
            }
            being_removed.gone().await;
        }
        let project = self.store.project(&before.project).await?;
        let folder = folder_of(&project)?;
        if !folder.exists() {
            return Err(ApiError::new(ErrorCode::FolderNotFound, message!("the folder `{}` of the project is gone", folder.display()))
                .hint(message!("put the folder back, or open the project where it is now and run it there")));
        }
        let (plan, past, place) = self.stored_run(&id).await?;
        if plan.event.repo.real_plugins && !project.real_plugins {
            return Err(ApiError::new(
                ErrorCode::NotTrusted,
                message!("`{}` does not run the containers of its plugins any more, and this run was planned while it did", project.name),
            )
            .hint(message!("start a new run")));
        }
        if plan.event.repo.trusted && !project.trusted {
            return Err(ApiError::new(
                ErrorCode::NotTrusted,
                message!("`{}` is not trusted any more, and this run was planned while it was", project.name),
            )
            .hint(message!("run it again, or trust the project: `letterpress trust {}`", shell_word(&folder.display().to_string()))));
        }
        self.must_be_decided(&project, &plan).await?;
        let _no_sweep_meanwhile = self.ownership.sweep_or_start.lock().await;
        // The same press that came a moment earlier may be done by now, its attempt begun and over.
        if let Some(attempt) = attempt
            && self.is_behind(&id, attempt).await?
        {
            return Ok(());
        }
        let kept = self.stages_with_files(&id, &plan).await?;
        let mut notices = engine.subscribe();
        let handle = engine.retry(id.clone(), plan, past, place, &kept).map_err(|refused| match refused {
            // Someone else was quicker.
            lp_engine::StartError::Retry(RetryError::State { state }) => {
                may_be_retried(state, before.number).err().unwrap_or_else(|| not_started(&refused))
            }
            _ => not_started(&refused),
        })?;
        // Whoever asks for the run next must see that it is not over any more.
        self.until_retried(&id, &mut notices, &handle).await
    }

    /// Something of the attempt before might go on working beside the next one.
    async fn still_there(&self, id: &RunId, left: &[Message]) -> ApiError {
        let on = self
            .store
            .leftovers(&[id])
            .await
            .unwrap_or_default()
            .into_values()
            .flatten()
            .map(|(engine, _)| engine)
            .find(|name| !name.is_empty());
        let left = Message::joined(left.iter().cloned(), "; ");
        let said = match on {
            Some(engine) => message!("the attempt before is still there on {}: {}", engine, left),
            None => message!("the attempt before is still there: {}", left),
        };
        ApiError::new(ErrorCode::RunUnderWay, said).hint(message!(
            "see to it that the container engine answers and nothing holds this back, then retry; or run again, which begins anew"
        ))
    }

    async fn until_retried(&self, id: &RunId, notices: &mut broadcast::Receiver<EngineNotice>, handle: &RunHandle) -> Result<(), ApiError> {
        loop {
            tokio::select! {
                notice = notices.recv() => match notice {
                    Ok(EngineNotice::Event { run, event: RunEvent::RunRetried { .. }, .. }) if run == *id => return Ok(()),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) if !self.store.run(id).await?.state.is_final() => return Ok(()),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(ApiError::new(ErrorCode::Internal, message!("the app is about to end"))),
                },
                end = handle.wait() => {
                    // A short run may be over already, with its notice still on its way.
                    if end.message.is_empty() {
                        return Ok(());
                    }
                    return Err(ApiError::new(ErrorCode::StoreUnavailable, end.message).hint(message!("see whether there is room on the disk, and try again")));
                }
            }
        }
    }

    /// Stages of a run whose files are there.
    async fn stages_with_files(&self, id: &RunId, plan: &Plan) -> Result<Vec<StageNumber>, ApiError> {
        let mut kept = Vec::new();
        let stages = self.store.run_detail(id).await?.stages.into_iter().filter(|stage| stage.place == StagePlace::Kept);
        for (number, engine) in stages.map(|stage| (stage.stage, stage.engine)) {
            let kind = plan.stage(number).map(|stage| stage.backend);
            let mut gone = false;
            for backend in self.engines.all().into_iter().filter(|backend| Some(backend.kind()) == kind) {
                // A place that gives no answer now, or is another engine, is met again when the stage is prepared, with its own words.
                let Ok(found) = backend.kept().await else { continue };
                let there = found.stages.iter().any(|there| there.run == *id && there.stage == number);
                gone |= !there && engine.as_ref() == Some(&found.engine);
            }
            if !gone {
                kept.push(number);
            }
        }
        Ok(kept)
    }

    /// What a retry of a run would do.
    pub(crate) fn retry_of(&self, detail: &RunDetail, plan: Option<&Plan>, past: &Past) -> Retry {
        let impossible = Retry { possible: false, from_step: String::new(), files_kept: false };
        let Some(plan) = plan.filter(|_| detail.run.state.can_be_retried()) else { return impossible };
        // One whose place is still being removed keeps its files as well.
        let is_kept = |stage: &&lp_store::StageRun| matches!(stage.place, StagePlace::Kept | StagePlace::Made);
        let kept: Vec<StageNumber> = detail.stages.iter().filter(is_kept).map(|stage| stage.stage).collect();
        let events = past.events.iter().map(|(_, event)| event);
        // The scheduler's own answer, so that what is said before and what is done then are the same.
        let Ok(moves) = Scheduler::replay(Arc::new(plan.clone()), events).map(|mut scheduler| scheduler.retry(&kept)) else {
            return impossible;
        };
        let events = moves.map(|moves| moves.events).unwrap_or_default();
        let steps = events.iter().find_map(|event| match event {
            RunEvent::RunRetried { steps, .. } => Some(steps),
            _ => None,
        });
        let Some((steps, first)) = steps.and_then(|steps| Some((steps, steps.first()?))) else { return impossible };
        let names = plan.stage(first.stage).and_then(|stage| Some((&stage.name, &stage.step(first.step)?.name)));
        let from_step = match names {
            Some((stage, step)) if plan.stages.len() > 1 => format!("{stage}/{step}"),
            Some((_, step)) => step.clone(),
            None => String::new(),
        };
        // Where no step keeps its result the stage begins on the files of the commit.
        let named = steps.iter().filter(|key| key.stage == first.stage).count();
        let all = plan.stage(first.stage).map_or(0, |stage| stage.steps.len());
        Retry { possible: true, from_step, files_kept: kept.contains(&first.stage) && named < all }
    }
}

fn may_be_retried(state: RunState, number: u64) -> Result<(), ApiError> {
    if !state.is_final() {
        return Err(ApiError::new(ErrorCode::RunUnderWay, message!("run {} is not over yet", number))
            .hint(message!("wait until it is over, or cancel it first")));
    }
    if !state.can_be_retried() {
        return Err(ApiError::new(ErrorCode::NothingToRetry, message!("run {} has passed: there is nothing to retry", number))
            .hint(message!("to run the same version once more, run it again")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dto::{LogKey, RunStateWord, StepStateWord};
    use crate::testing::{open, project, request, wait_for, wait_until_nothing_goes_on, wait_until_over};
    use std::path::Path;

    fn pipeline(gate: &Path) -> String {
        let gate = gate.display();
        format!(
            "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {{name: make, commands: ['echo made > made.txt']}}\n\
             - {{name: check, commands: ['cat made.txt', 'test -e {gate}']}}\n- {{name: tell, commands: ['echo told']}}\n"
        )
    }

    #[tokio::test]
    async fn a_retry_goes_on_from_the_failed_step_and_the_first_attempt_stays_readable() {
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate");
        let app = open(folder.path()).await;
        let project = project(&app, folder.path(), &pipeline(&gate)).await;
        let run = app.start_run(&request(&app, &project).await).await.unwrap();
        wait_until_over(&app, &run).await;
        let failed = app.run(&run).await.unwrap();
        assert_eq!((failed.run.state, failed.run.attempt), (RunStateWord::Failed, 1));
        assert_eq!(failed.retry, Retry { possible: true, from_step: "check".into(), files_kept: true });
        assert_eq!(app.kept_files().await.unwrap().runs.len(), 1);

        std::fs::write(&gate, "").unwrap();
        app.retry_run(&run).await.unwrap();
        let passed = wait_until_over(&app, &run).await;
        assert_eq!((passed.run.state, passed.run.attempt), (RunStateWord::Passed, 2));
        let steps = |detail: &crate::dto::StageDetail| -> Vec<_> {
            detail.steps.iter().map(|step| (step.name.clone(), step.attempt, step.state)).collect()
        };
        let step = |name: &str, attempt, state| (name.to_owned(), attempt, state);
        assert_eq!(
            steps(&passed.stages[0]),
            [step("make", 1, StepStateWord::Passed), step("check", 2, StepStateWord::Passed), step("tell", 2, StepStateWord::Passed)]
        );
        let [before] = passed.attempts.as_slice() else { panic!("one attempt before: {:?}", passed.attempts) };
        assert_eq!((before.number, before.state), (1, RunStateWord::Failed));
        assert_eq!(
            steps(&before.stages[0]),
            [step("make", 1, StepStateWord::Passed), step("check", 1, StepStateWord::Failed), step("tell", 1, StepStateWord::Skipped)]
        );
        for attempt in [1, 2] {
            let key = LogKey { run: run.clone(), stage: 1, step: 2, attempt };
            let lines = app.log_range(&key, 0, 10).await.unwrap().lines;
            assert_eq!(lines[..2], ["+ cat made.txt", "made"], "of attempt {attempt}");
        }
        assert_eq!(app.kept_files().await.unwrap().runs, [], "a retry that passed drops them");
        let error = app.retry_run(&run).await.unwrap_err();
        assert_eq!((error.code, error.hint.is_empty()), (ErrorCode::NothingToRetry, false));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn files_go_when_none_may_be_kept_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let project = project(&app, folder.path(), &pipeline(&folder.path().join("gate"))).await;
        let run = app.start_run(&request(&app, &project).await).await.unwrap();
        wait_until_over(&app, &run).await;
        assert!(app.run(&run).await.unwrap().retry.files_kept);
        let host = folder.path().join("data/host");
        assert_eq!(std::fs::read_dir(&host).unwrap().count(), 1);
        app.set_settings(crate::dto::Settings { keep_failed_days: 0, ..Default::default() }).await.unwrap();
        wait_for(&app, &run, |detail| !detail.retry.files_kept).await;
        // It was tidying up that gave them up, and it goes on to remove them.
        wait_until_nothing_goes_on(&app).await;
        assert_eq!(std::fs::read_dir(&host).unwrap().count(), 0, "they are removed as well");
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_run_that_is_under_way_is_not_retried_and_one_without_files_begins_its_stage_again() {
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate");
        let app = open(folder.path()).await;
        let waits = pipeline(&gate).replace("test -e", "until test -e").replace("gate']", "gate; do sleep 0.05; done', 'false']");
        let project = project(&app, folder.path(), &waits).await;
        let run = app.start_run(&request(&app, &project).await).await.unwrap();
        wait_for(&app, &run, |detail| detail.stages[0].steps[1].state == StepStateWord::Running).await;
        let error = app.retry_run(&run).await.unwrap_err();
        assert_eq!((error.code, error.message.to_string().as_str()), (ErrorCode::RunUnderWay, "run 1 is not over yet"));
        std::fs::write(&gate, "").unwrap();
        wait_until_over(&app, &run).await;
        assert_eq!(app.remove_kept(Some(&run)).await.unwrap().runs, []);
        let failed = app.run(&run).await.unwrap();
        assert_eq!(failed.retry, Retry { possible: true, from_step: "make".into(), files_kept: false });
        app.retry_run(&run).await.unwrap();
        let again = wait_until_over(&app, &run).await;
        assert_eq!(again.run.state, RunStateWord::Failed);
        assert!(again.stages[0].steps[..2].iter().all(|step| step.attempt == 2), "{again:?}");
        app.shutdown().await;
    }
}
