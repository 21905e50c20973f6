//! Runs that are under way or wait, and what they wait for.

use crate::app::App;
use crate::dto::{ApiError, RunSummary, Waiting};
use crate::owner::guests;
use crate::run::convert;
use lp_model::RunId;

/// Most runs of one look at the queue.
const MOST: u32 = 500;

impl App {
    /// Runs that are under way, and after them those that wait, in the order in which they would begin. Where no owner of the data folder
    /// answers, it is not known what they wait for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn queue(&self) -> Result<Vec<RunSummary>, ApiError> {
        if !self.ownership.is_ours()
            && let Ok(queue) = guests::queue(self).await
        {
            return Ok(queue);
        }
        // Those whose place is not known stay in the order in which they came.
        let mut runs = self.run_summaries(&self.store.runs_under_way(MOST).await?).await?;
        runs.sort_by_key(|run| match (&run.waiting, &run.started) {
            (Some(waiting), _) => (1, waiting.position),
            (None, Some(_)) => (0, 0),
            (None, None) => (2, 0),
        });
        Ok(runs)
    }

    /// The place of a run in the queue, when it waits and this process drives it.
    pub(crate) fn waiting(&self, run: &RunId) -> Option<Waiting> {
        let queue = self.ownership.engine()?.queue();
        let (index, queued) = queue.iter().enumerate().find(|(_, queued)| queued.run == *run)?;
        Some(Waiting { position: u32::try_from(index + 1).unwrap_or(u32::MAX), reason: convert::wait_reason(queued.waits_for) })
    }
}

#[cfg(test)]
mod tests {
    use crate::dto::{Cleanup, ErrorCode};
    use crate::dto::{CleanupPolicy, RunStateWord, Settings, StepStateWord, WaitReason};
    use crate::testing::{open, open_to_read, project, request, wait_for};

    #[tokio::test]
    async fn runs_wait_in_order_and_say_for_what_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let gate = folder.path().join("gate");
        let wait = format!("until test -e {}; do sleep 0.05; done", gate.display());
        let pipeline = format!("kind: pipeline\ntype: exec\nname: default\nsteps:\n- {{name: wait, commands: ['{wait}']}}\n");
        let project = project(&app, folder.path(), &pipeline).await;
        app.set_settings(Settings { max_runs: 3, max_runs_per_project: 1, ..Settings::default() }).await.unwrap();
        let request = request(&app, &project).await;
        let mut runs = Vec::new();
        for _ in 0..3 {
            runs.push(app.start_run(&request).await.unwrap());
        }
        wait_for(&app, &runs[0], |detail| detail.stages[0].steps[0].state == StepStateWord::Running).await;
        let told = async |app: &crate::App| -> Vec<_> {
            let queue = app.queue().await.unwrap();
            queue.iter().map(|run| (run.number, run.waiting.map(|waiting| (waiting.position, waiting.reason)))).collect()
        };
        let expected = [(1, None), (2, Some((1, WaitReason::Project))), (3, Some((2, WaitReason::Project)))];
        assert_eq!(told(&app).await, expected);
        // One that only reads asks the owner.
        let reader = open_to_read(folder.path()).await;
        assert_eq!(told(&reader).await, expected);

        app.shutdown().await;
        let numbers: Vec<_> = told(&reader).await.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 3], "while nobody owns the folder they rest");
        let app = open(folder.path()).await;
        assert_eq!(app.status().await.unwrap().resumed_runs, runs);
        wait_for(&app, &runs[0], |detail| detail.stages[0].steps[0].state == StepStateWord::Running).await;
        assert_eq!(told(&app).await, expected, "the same order as before");
        std::fs::write(&gate, "").unwrap();
        for run in &runs {
            let over = wait_for(&app, run, |detail| detail.run.state.is_final()).await;
            assert_eq!(over.run.state, RunStateWord::Passed);
        }
        assert_eq!(told(&app).await, []);
        app.shutdown().await;
        reader.shutdown().await;
    }

    #[tokio::test]
    async fn what_is_set_for_a_project_goes_into_its_plans() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let pipeline = "pipeline:\n  deploy:\n    image: alpine\n    privileged: true\n    commands: [ls]\n";
        let project = project(&app, folder.path(), pipeline).await;
        let request = request(&app, &project).await;
        let refused = app.preview(&request).await.unwrap().refused.unwrap();
        assert_eq!(refused.code, ErrorCode::NotTrusted);
        for words in ["`shop` is not trusted", "`privileged`", "`deploy`"] {
            assert!(refused.message.to_string().contains(words), "`{words}` is missing in: {}", refused.message);
        }
        assert!(refused.hint.to_string().contains("letterpress trust "), "{}", refused.hint);
        assert!(!refused.findings.is_empty());

        assert!(app.set_project_trusted(&project, true).await.unwrap().trusted);
        let plan = app.prepare(&request, (1, None)).await.unwrap().plan;
        assert_eq!((plan.event.repo.trusted, plan.cleanup_on_cancel, plan.cleanup_timeout_s), (true, false, 300));
        let cleanup = Cleanup { policy: CleanupPolicy::Always, seconds: Some(20) };
        assert_eq!(app.set_project_cleanup(&project, cleanup).await.unwrap().cleanup, cleanup);
        let plan = app.prepare(&request, (1, None)).await.unwrap().plan;
        assert_eq!((plan.cleanup_on_cancel, plan.cleanup_timeout_s), (true, 20));
        for seconds in [0, 86_401] {
            let error = app.set_project_cleanup(&project, Cleanup { seconds: Some(seconds), ..cleanup }).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::SettingInvalid);
        }
        app.set_project_trusted(&project, false).await.unwrap();
        assert_eq!(app.preview(&request).await.unwrap().refused.unwrap().code, ErrorCode::NotTrusted);
        app.shutdown().await;
    }
}
