//! Files of runs that did not pass, kept so that a retry finds them: measured, limited, removed. The store says what is kept, the backends
//! what there is.

pub(crate) mod dto;
mod tidy;

use crate::app::App;
use crate::dto::{ActivityKind, ApiError, KeptFiles, KeptRun, Settings};
use crate::owner::guests;
use crate::run::parse_run;
use crate::time;
use lp_model::RunId;
use lp_store::KeptStage;
use std::collections::BTreeSet;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MEGABYTE: u64 = 1_000_000;

impl App {
    /// What is kept, and what it takes as it was measured last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn kept_files(&self) -> Result<KeptFiles, ApiError> {
        let mut files = KeptFiles::default();
        for stage in self.store.kept().await? {
            files.bytes += stage.bytes.unwrap_or_default();
            if let Some(known) = files.runs.iter_mut().find(|known| known.run == stage.run.as_str()) {
                known.bytes = known.bytes.zip(stage.bytes).map(|(a, b)| a + b);
                continue;
            }
            files.runs.push(KeptRun {
                run: stage.run.to_string(),
                number: u32::try_from(stage.number).unwrap_or(u32::MAX),
                project_name: stage.project_name,
                project: stage.project.to_string(),
                ended: Some(time::to_text(stage.ended_ms)),
                bytes: stage.bytes,
            });
        }
        files.runs.reverse();
        Ok(files)
    }

    /// Removes the kept files of one run, or of all. Their steps can be retried all the same, but from the first of their stage on.
    ///
    /// # Errors
    /// `RunNotFound`; `NotOwner` when the process that drives runs does not answer.
    pub async fn remove_kept(self: &Arc<Self>, run: Option<&str>) -> Result<KeptFiles, ApiError> {
        if !self.ownership.is_ours() {
            return guests::remove_kept(self, run).await;
        }
        let only = run.map(parse_run).transpose()?;
        let before = self.store.kept().await?;
        for stage in &before {
            if only.as_ref().is_none_or(|only| *only == stage.run) {
                self.store.give_up_kept(&stage.run, stage.stage).await?;
            }
        }
        self.tell_kept(&before).await?;
        let app = Arc::clone(self);
        self.activities.start(ActivityKind::Tidy, |handle| async move { app.sweep(&handle).await }).result().await?;
        self.kept_files().await
    }
}

/// The runs whose files are to go, of stages in the order of their ends: those that are too old, and then the oldest, until the rest is small enough.
fn surplus(kept: &[KeptStage], now_ms: i64, settings: &Settings) -> BTreeSet<RunId> {
    let longest_ms = i64::from(settings.keep_failed_days) * DAY_MS;
    let nothing = settings.keep_failed_days == 0 || settings.keep_failed_mb == 0;
    // By a clock that was set back nothing is too old.
    let mut gone: BTreeSet<RunId> =
        kept.iter().filter(|stage| nothing || now_ms - stage.ended_ms > longest_ms).map(|stage| stage.run.clone()).collect();
    let most = u64::from(settings.keep_failed_mb) * MEGABYTE;
    let mut total: u64 = kept.iter().filter(|stage| !gone.contains(&stage.run)).filter_map(|stage| stage.bytes).sum();
    for stage in kept {
        if total <= most {
            break;
        }
        if gone.insert(stage.run.clone()) {
            total -= kept.iter().filter(|other| other.run == stage.run).filter_map(|other| other.bytes).sum::<u64>();
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::{ProjectId, StageNumber};

    fn kept(run: &str, stage: u32, day: i64, megabytes: Option<u64>) -> KeptStage {
        KeptStage {
            run: RunId::parse(run).unwrap(),
            number: 1,
            project: ProjectId::parse("p").unwrap(),
            project_name: String::new(),
            stage: StageNumber(stage),
            engine: None,
            ended_ms: day * DAY_MS,
            bytes: megabytes.map(|n| n * MEGABYTE),
        }
    }

    #[test]
    fn the_old_and_then_the_oldest_go() {
        let all = [
            kept("a", 1, 1, Some(10)),
            kept("b", 1, 5, Some(40)),
            kept("b", 2, 5, Some(30)),
            kept("c", 1, 6, None),
            kept("d", 1, 7, Some(20)),
        ];
        let gone = |now: i64, days, mb| -> Vec<String> {
            let settings = Settings { keep_failed_days: days, keep_failed_mb: mb, ..Settings::default() };
            surplus(&all, now * DAY_MS, &settings).into_iter().map(|run| run.to_string()).collect()
        };
        assert_eq!(gone(8, 7, 1000), [""; 0]);
        assert_eq!(gone(9, 7, 1000), ["a"]);
        assert_eq!(gone(8, 7, 90), ["a"]);
        assert_eq!(gone(8, 7, 89), ["a", "b"], "both stages of a run go together, and what has no size counts nothing");
        assert_eq!(gone(9, 7, 19), ["a", "b", "c", "d"]);
        assert_eq!(gone(-100, 7, 1000), [""; 0], "the clock was set back");
        assert_eq!(gone(8, 0, 1000).len(), 4);
        assert_eq!(gone(8, 7, 0).len(), 4);
    }
}
