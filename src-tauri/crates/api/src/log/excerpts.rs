//! What the logs of a failed run say, kept with the run so that it is found by these words.

use crate::app::App;
use crate::dto::ApiError;
use crate::project::blocking;
use lp_model::{RunId, StepState};
use std::sync::Arc;

/// Most steps of a run whose logs are looked at.
const MOST: usize = 10;

/// Keeps a few lines of each step that failed. A log that cannot be read costs its words, nothing else.
pub(crate) async fn keep(app: Arc<App>, run: RunId) {
    if let Err(problem) = keep_all(&app, &run).await {
        tracing::info!(%run, problem = %problem.message, "the words of a failure are not kept");
    }
}

async fn keep_all(app: &App, run: &RunId) -> Result<(), ApiError> {
    let steps = app.store.run_detail(run).await?.steps;
    for step in steps.into_iter().filter(|step| step.state == StepState::Failed).take(MOST) {
        let (logs, id) = (app.logs.clone(), run.clone());
        let excerpt = blocking(move || Ok(logs.reader(&id, step.key)?.excerpt()?)).await;
        if let Some(text) = excerpt.ok().filter(|text| !text.is_empty()) {
            app.store.put_run_excerpt(run, step.key, &text).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::dto::RunFilter;
    use crate::testing::{open, project, request, wait_until_over};

    #[tokio::test]
    async fn a_failed_run_is_found_by_what_its_log_says() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: build, commands: ['echo \"error: 磁盘空间不足 ENOSPC\"', exit 3]}\n";
        let project = project(&app, folder.path(), pipeline).await;
        let run = app.start_run(&request(&app, &project).await).await.unwrap();
        wait_until_over(&app, &run).await;
        app.shutdown().await;
        let app = open(folder.path()).await;
        for text in ["空间", "enospc"] {
            let found = app.runs(&RunFilter { text: text.into(), limit: 9, ..RunFilter::default() }).await.unwrap();
            assert_eq!(found.runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), [run.as_str()], "{text}");
        }
        app.shutdown().await;
    }
}
