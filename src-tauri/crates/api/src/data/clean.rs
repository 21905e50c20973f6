//! Old runs that go: by age, by number and by size. What would go is said in words before anything does.
//!
//! Whatever the rule: a run that is not over stays, one of a production target stays, and of each target of each project the newest run that passed
//! stays, because it is what somebody goes back to. Runs are looked at from the newest to the oldest, so that one pass knows what stays.

use crate::app::App;
use crate::dto::{ActivityKind, ApiError, CleanReport, CleanRequest, ErrorCode, Tag};
use crate::feed::activity::Handle;
use crate::project::blocking;
use crate::time;
use lp_model::{Message, ProjectId, RunId, RunState, message};
use lp_store::{Logs, OldRun, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MEGABYTE: u64 = 1_000_000;
/// How many folders of logs are looked up at once.
const AT_ONCE: usize = 500;

/// What a rule lets go, decided run by run from the newest on.
struct Rule {
    now_ms: i64,
    longest_ms: Option<i64>,
    most_runs: Option<u32>,
    most_bytes: Option<u64>,
    target: Option<String>,
    /// Production targets by project.
    production: HashMap<ProjectId, BTreeSet<String>>,
    /// Runs that were met, by project.
    met: HashMap<ProjectId, u32>,
    /// Targets of which a run that passed was met.
    passed: HashSet<(ProjectId, String)>,
    /// Bytes of the logs of runs that stay.
    bytes: u64,
}

/// Why a run stays that the rule would let go, or that it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// The rule is not about it.
    Stays,
    /// It is not over, or not removed yet where it ran.
    UnderWay,
    /// Its target is production.
    Production,
    /// It is the newest of its target that passed.
    NewestPassed,
    Goes,
}

impl Rule {
    /// To be asked for each run of the projects that are meant, newest first; `bytes` is what its logs take, where that counts.
    fn judge(&mut self, run: &OldRun, bytes: u64) -> Verdict {
        let newest_passed =
            !run.target.is_empty() && run.state == RunState::Passed && self.passed.insert((run.project.clone(), run.target.clone()));
        if self.target.as_ref().is_some_and(|target| *target != run.target) {
            return Verdict::Stays;
        }
        let met = self.met.entry(run.project.clone()).or_default();
        *met += 1;
        // By a clock that was set back nothing is too old.
        let too_old = self.longest_ms.is_some_and(|longest| self.now_ms - run.at_ms > longest);
        let too_many = self.most_runs.is_some_and(|most| *met > most);
        let too_much = self.most_bytes.is_some_and(|most| self.bytes + bytes > most);
        let verdict = if !(too_old || too_many || too_much) {
            Verdict::Stays
        } else if !run.state.is_final() || run.is_there {
            Verdict::UnderWay
        } else if self.production.get(&run.project).is_some_and(|targets| targets.contains(&run.target.to_lowercase())) {
            Verdict::Production
        } else if newest_passed {
            Verdict::NewestPassed
        } else {
            Verdict::Goes
        };
        if verdict != Verdict::Goes {
            self.bytes += bytes;
        }
        verdict
    }
}

/// What was found.
#[derive(Default)]
struct Found {
    runs: Vec<RunId>,
    bytes: u64,
    first_ms: i64,
    last_ms: i64,
    by_project: BTreeMap<String, usize>,
    kept: BTreeMap<Verdict, usize>,
    total: usize,
}

impl App {
    /// What a rule would remove, and what it would not though it could, in words. Changes nothing.
    ///
    /// # Errors
    /// `BadRequest` for a rule that names no limit; `ProjectNotFound`; when the store cannot be read.
    pub async fn clean_preview(&self, request: &CleanRequest) -> Result<CleanReport, ApiError> {
        let found = self.find_old(request).await?;
        Ok(report(&found))
    }

    /// Removes what a rule lets go: rows, logs and kept files. Runs that came under way since they were found stay. An activity; one that is stopped
    /// has removed whole runs, the newest of those first.
    ///
    /// # Errors
    /// As [`App::clean_preview`]; `Cancelled`.
    pub async fn clean(self: &Arc<Self>, request: &CleanRequest) -> Result<CleanReport, ApiError> {
        let (app, request) = (Arc::clone(self), request.clone());
        self.activities.start(ActivityKind::Clean, |handle| async move { app.clean_up(&request, &handle).await }).result().await
    }

    async fn clean_up(&self, request: &CleanRequest, handle: &Handle) -> Result<CleanReport, ApiError> {
        let found = handle.unless_cancelled(self.find_old(request)).await?;
        let mut removed = 0;
        let outcome = self.remove_runs(&found.runs, &mut removed, handle).await;
        if removed > 0 {
            // Runs of any project, their places in lists, and files that were kept of them.
            self.hub.tell([Tag::Everything]);
            // Files that were kept for a retry are claimed by nobody any more.
            self.ownership.tidy_soon.notify_one();
        }
        outcome?;
        Ok(CleanReport { runs: removed, ..report(&found) })
    }

    async fn remove_runs(&self, runs: &[RunId], removed: &mut u64, handle: &Handle) -> Result<(), ApiError> {
        for (number, run) in runs.iter().enumerate() {
            handle.check()?;
            handle.progress(number as u64, Some(runs.len() as u64));
            match self.store.delete_run(run, &self.logs).await {
                Ok(()) => *removed += 1,
                // A retry was quicker, or another process removed it.
                Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.remove_logs_of_nobody().await
    }

    async fn find_old(&self, request: &CleanRequest) -> Result<Found, ApiError> {
        if request.older_than_days.is_none() && request.keep_runs.is_none() && request.keep_mb.is_none() {
            return Err(ApiError::new(ErrorCode::BadRequest, message!("the rule names no limit"))
                .hint(message!("say after how many days runs go, how many stay, or how many megabytes their logs may take")));
        }
        let project = match &request.project {
            Some(id) => Some(self.project_row(id).await?.id),
            None => None,
        };
        let mut rule = Rule {
            now_ms: time::now_ms(),
            longest_ms: request.older_than_days.map(|days| i64::from(days) * DAY_MS),
            most_runs: request.keep_runs,
            most_bytes: request.keep_mb.map(|megabytes| megabytes.saturating_mul(MEGABYTE)),
            target: request.target.clone(),
            production: HashMap::new(),
            met: HashMap::new(),
            passed: HashSet::new(),
            bytes: 0,
        };
        let mut found = Found { first_ms: i64::MAX, last_ms: i64::MIN, ..Found::default() };
        let mut after: Option<OldRun> = None;
        loop {
            let page = self.store.old_runs(project.as_ref(), after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            for run in &page {
                if !rule.production.contains_key(&run.project) {
                    rule.production.insert(run.project.clone(), self.production_targets_of(&run.project).await?);
                }
            }
            // Where the size is no limit it is asked of those alone that go, to be told.
            let sizes = match rule.most_bytes {
                Some(_) => self.log_sizes(page.iter().map(|run| run.id.clone()).collect()).await?,
                None => vec![0; page.len()],
            };
            let going: Vec<(&OldRun, u64)> = page
                .iter()
                .zip(sizes)
                .filter(|(run, bytes)| {
                    found.total += 1;
                    let verdict = rule.judge(run, *bytes);
                    *found.kept.entry(verdict).or_default() += 1;
                    verdict == Verdict::Goes
                })
                .collect();
            let bytes: u64 = match rule.most_bytes {
                Some(_) => going.iter().map(|(_, bytes)| bytes).sum(),
                None => self.log_sizes(going.iter().map(|(run, _)| run.id.clone()).collect()).await?.iter().sum(),
            };
            found.bytes += bytes;
            for (run, _) in going {
                found.first_ms = found.first_ms.min(run.at_ms);
                found.last_ms = found.last_ms.max(run.at_ms);
                *found.by_project.entry(run.project_name.clone()).or_default() += 1;
                found.runs.push(run.id.clone());
            }
        }
    }

    async fn log_sizes(&self, runs: Vec<RunId>) -> Result<Vec<u64>, ApiError> {
        let logs = self.logs.clone();
        blocking(move || Ok(runs.iter().map(|run| logs.bytes(run)).collect())).await
    }

    /// Removes logs that a process left which was killed between the rows of a run and its logs.
    async fn remove_logs_of_nobody(&self) -> Result<(), ApiError> {
        let logs = self.logs.clone();
        let there = blocking(move || Ok(logs.runs()?)).await?;
        for some in there.chunks(AT_ONCE) {
            let known = self.store.known_runs(&some.iter().collect::<Vec<_>>()).await?;
            let (logs, gone): (Logs, Vec<RunId>) = (self.logs.clone(), some.iter().filter(|run| !known.contains(run)).cloned().collect());
            blocking(move || Ok(gone.iter().try_for_each(|run| logs.remove(run))?)).await?;
        }
        Ok(())
    }
}

/// What was found, in words.
fn report(found: &Found) -> CleanReport {
    let mut messages: Vec<Message> = Vec::new();
    if found.runs.is_empty() {
        messages.push(message!("nothing is removed: the rule lets every run stay"));
    } else {
        let day = |ms| time::to_text(ms).chars().take(10).collect::<String>();
        messages.push(message!(
            "runs to be removed, with their logs and kept files: {} of {}, from {} to {}",
            found.runs.len(),
            found.total,
            day(found.first_ms),
            day(found.last_ms)
        ));
        messages.push(message!("their logs take {} MB", usize::try_from(found.bytes.div_ceil(MEGABYTE)).unwrap_or(usize::MAX)));
        for (project, runs) in &found.by_project {
            messages.push(message!("of `{}`: {}", project, runs));
        }
    }
    let count = |verdict| found.kept.get(&verdict).copied().filter(|count| *count > 0);
    messages.extend(count(Verdict::Production).map(|count| message!("runs that stay because their target is production: {}", count)));
    messages.extend(
        count(Verdict::NewestPassed)
            .map(|count| message!("runs that stay because they are the newest of their target that passed: {}", count)),
    );
    messages.extend(
        count(Verdict::UnderWay)
            .map(|count| message!("runs that stay because they are not over, or not removed yet where they ran: {}", count)),
    );
    CleanReport { runs: found.runs.len() as u64, bytes: found.bytes, words: messages.iter().map(Message::from).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{open, project, request, wait_until_over};

    fn run(number: i64, target: &str, state: RunState) -> OldRun {
        OldRun {
            key: number,
            id: RunId::parse("r").unwrap(),
            project: ProjectId::parse("p").unwrap(),
            project_name: "shop".into(),
            target: target.into(),
            state,
            at_ms: number * DAY_MS,
            is_there: false,
        }
    }

    fn rule(change: impl FnOnce(&mut Rule)) -> Rule {
        let production = [(ProjectId::parse("p").unwrap(), ["production", "prod", "live"].map(str::to_owned).into())].into();
        let mut rule = Rule {
            now_ms: 20 * DAY_MS,
            longest_ms: None,
            most_runs: None,
            most_bytes: None,
            target: None,
            production,
            met: HashMap::new(),
            passed: HashSet::new(),
            bytes: 0,
        };
        change(&mut rule);
        rule
    }

    /// Numbers of the runs that go, of runs of 10 bytes each.
    fn gone(runs: &[OldRun], change: impl FnOnce(&mut Rule)) -> Vec<i64> {
        let mut rule = rule(change);
        runs.iter().filter(|run| rule.judge(run, 10) == Verdict::Goes).map(|run| run.at_ms / DAY_MS).collect()
    }

    #[test]
    fn runs_go_by_age_number_and_size() {
        let runs: Vec<OldRun> = (1..=10).rev().map(|number| run(number, "", RunState::Passed)).collect();
        assert_eq!(gone(&runs, |_| {}), [] as [i64; 0]);
        assert_eq!(gone(&runs, |rule| rule.longest_ms = Some(17 * DAY_MS)), [2, 1]);
        assert_eq!(gone(&runs, |rule| rule.most_runs = Some(7)), [3, 2, 1]);
        assert_eq!(gone(&runs, |rule| rule.most_bytes = Some(85)), [2, 1]);
        assert_eq!(gone(&runs, |rule| (rule.most_runs, rule.most_bytes) = (Some(8), Some(55))), [5, 4, 3, 2, 1]);
        assert_eq!(gone(&runs, |rule| (rule.longest_ms, rule.now_ms) = (Some(DAY_MS), 0)), [] as [i64; 0], "the clock was set back");
    }

    #[test]
    fn production_the_newest_that_passed_and_what_is_under_way_stay() {
        let runs = [
            run(9, "staging", RunState::Failed),
            run(8, "staging", RunState::Passed),
            run(7, "staging", RunState::Passed),
            run(6, "Production", RunState::Passed),
            run(5, "live", RunState::Failed),
            run(4, "", RunState::Running),
            run(3, "", RunState::Passed),
            OldRun { is_there: true, ..run(2, "", RunState::Failed) },
            run(1, "test", RunState::Failed),
        ];
        assert_eq!(gone(&runs, |rule| rule.most_runs = Some(0)), [9, 7, 3, 1]);
        assert_eq!(gone(&runs, |rule| (rule.most_runs, rule.target) = (Some(1), Some("staging".into()))), [7]);
    }

    #[tokio::test]
    async fn a_run_goes_with_its_rows_its_logs_and_its_kept_files() {
        let folder = tempfile::tempdir().unwrap();
        let app = open(folder.path()).await;
        let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: build, commands: [echo hello, exit 3]}\n";
        let project = project(&app, folder.path(), pipeline).await;
        let run = app.start_run(&request(&app, &project).await).await.unwrap();
        wait_until_over(&app, &run).await;
        assert_eq!(app.kept_files().await.unwrap().runs.len(), 1);
        let there = |part: &str| {
            let found = std::fs::read_dir(folder.path().join("data").join(part)).unwrap().flatten();
            found.filter(|entry| entry.file_name().to_string_lossy().contains(&run)).count()
        };
        assert_eq!((there("logs"), there("host")), (1, 1));
        let rule = CleanRequest { keep_runs: Some(0), ..CleanRequest::default() };
        assert_eq!(app.clean_preview(&rule).await.unwrap().runs, 1);
        assert_eq!((there("logs"), app.clean(&rule).await.unwrap().runs), (1, 1), "the preview only looks");
        app.tidy().await;
        assert_eq!((there("logs"), there("host")), (0, 0));
        assert!(app.kept_files().await.unwrap().runs.is_empty());
        assert_eq!(app.run(&run).await.unwrap_err().code, ErrorCode::RunNotFound);
        assert_eq!(app.clean(&CleanRequest::default()).await.unwrap_err().code, ErrorCode::BadRequest);
        app.shutdown().await;
    }

    #[test]
    fn every_sentence_has_its_chinese() {
        let mut found = Found { total: 9, ..Found::default() };
        let nothing = report(&found);
        found.runs.push(RunId::parse("r").unwrap());
        found.by_project.insert("shop".into(), 1);
        found.kept = [Verdict::Production, Verdict::NewestPassed, Verdict::UnderWay].map(|verdict| (verdict, 2)).into();
        for words in nothing.words.iter().chain(&report(&found).words) {
            assert_ne!(words.to_string(), words.in_chinese());
        }
    }
}
