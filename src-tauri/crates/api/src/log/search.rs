//! Searches in logs: of a step, a run, or all runs, as tasks that tell what they find while they go on and can be cancelled at any line.

use crate::app::App;
use crate::dto::{ActivityKind, ApiError, LogHit, LogKey, SearchEnd, SearchNews, SearchPlace, SearchRequest, SearchScope};
use crate::feed::activity::{Activities, Handle};
use crate::run::{filter_of, parse_run};
use crate::time;
use lp_model::{RunId, StepKey};
use lp_store::logs::Pattern;
use lp_store::{Logs, Run, RunCursor, RunDetail, StoreError};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most hits of one search.
const MOST_HITS: usize = 10_000;
/// News that wait for who listens: a search is not faster than it is heard.
const WAITING: usize = 64;
/// Runs that are read from the history at once.
const PAGE: u32 = 200;
/// Progress is told after so many runs.
const RUNS_PER_PROGRESS: u32 = 20;

/// A search that goes on. It ends when this is dropped.
pub struct Searching {
    /// Of the activity that it is: [`App::cancel_activity`] ends it.
    pub id: String,
    news: mpsc::Receiver<SearchNews>,
    activities: Activities,
}

impl Searching {
    /// What comes next; the last is [`SearchNews::Ended`], then `None`.
    pub async fn next(&mut self) -> Option<SearchNews> {
        self.news.recv().await
    }
}

impl Drop for Searching {
    fn drop(&mut self) {
        self.activities.cancel(&self.id);
    }
}

impl App {
    /// Begins a search.
    ///
    /// # Errors
    /// `BadRequest` for a text or an expression that cannot be looked for, `RunNotFound` for a run that is none. What goes wrong later ends
    /// the search with [`SearchEnd::Failed`].
    pub async fn search(self: &Arc<Self>, request: &SearchRequest) -> Result<Searching, ApiError> {
        let pattern = if request.regex { Pattern::expression(&request.text)? } else { Pattern::text(&request.text)? };
        let what = match &request.scope {
            SearchScope::Step { run, stage, step, attempt } => {
                let (id, key) = LogKey { run: run.clone(), stage: *stage, step: *step, attempt: *attempt }.parse()?;
                What::One(Box::new(self.store.run(&id).await?), Some(key))
            }
            SearchScope::Run { run } => What::One(Box::new(self.store.run(&parse_run(run)?).await?), None),
            SearchScope::All { filter } => What::All(Box::new(filter_of(filter)?)),
        };
        let (tell, news) = mpsc::channel(WAITING);
        let app = Arc::clone(self);
        let work = |handle: Handle| async move { Work { app, pattern, handle, tell, hits: 0, runs: 0, bytes: 0 }.carry_out(what).await };
        let started = self.activities.start(ActivityKind::Search, work);
        Ok(Searching { id: started.id().to_owned(), news, activities: self.activities.clone() })
    }
}

enum What {
    One(Box<Run>, Option<StepKey>),
    All(Box<lp_store::RunFilter>),
}

/// Why a search stops before everything was looked through.
enum Stop {
    End(SearchEnd),
    Failed(ApiError),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

struct Work {
    app: Arc<App>,
    pattern: Pattern,
    handle: Handle,
    tell: mpsc::Sender<SearchNews>,
    hits: usize,
    runs: u32,
    bytes: u64,
}

impl Work {
    async fn carry_out(mut self, what: What) -> Result<(), ApiError> {
        let done = match what {
            What::One(run, key) => self.run(&run, key).await,
            What::All(filter) => self.all(&filter).await,
        };
        let (end, error) = match done {
            Ok(()) => (SearchEnd::Complete, None),
            Err(Stop::End(end)) => (end, None),
            Err(Stop::Failed(error)) => (SearchEnd::Failed, Some(error)),
        };
        // Also to one who has cancelled it and still listens; whoever went away hears nothing.
        let last = [SearchNews::Progress { runs: self.runs, bytes: self.bytes }, SearchNews::Ended { end, error: error.clone() }];
        for news in last {
            let _went_away = self.tell.send(news).await;
        }
        match (end, error) {
            (SearchEnd::Cancelled, _) => self.handle.check(),
            (_, Some(error)) => Err(error),
            _ => Ok(()),
        }
    }

    async fn all(&mut self, filter: &lp_store::RunFilter) -> Result<(), Stop> {
        let mut after: Option<RunCursor> = None;
        loop {
            let page = self.app.store.runs(filter, after.as_ref(), PAGE).await?;
            for run in &page {
                match self.run(run, None).await {
                    // One that was removed meanwhile has nothing to be found.
                    Err(Stop::Failed(error)) if error.code == crate::dto::ErrorCode::RunNotFound => {}
                    other => other?,
                }
                if self.runs.is_multiple_of(RUNS_PER_PROGRESS) {
                    self.say(SearchNews::Progress { runs: self.runs, bytes: self.bytes }).await?;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => after = Some(last.into()),
                _ => return Ok(()),
            }
        }
    }

    /// Looks through the logs of a run, or through one of them.
    async fn run(&mut self, run: &Run, only: Option<StepKey>) -> Result<(), Stop> {
        if self.handle.is_cancelled() {
            return Err(Stop::End(SearchEnd::Cancelled));
        }
        let (found, mut heard) = mpsc::channel(WAITING);
        let (logs, id, pattern, handle) = (self.app.logs.clone(), run.id.clone(), self.pattern.clone(), self.handle.clone());
        let scanning = tokio::task::spawn_blocking(move || scan(&logs, &id, only, &pattern, &handle, &found));
        let mut names: Option<RunDetail> = None;
        let mut stop = None;
        while let Some((key, hits)) = heard.recv().await {
            if names.is_none() {
                names = Some(self.app.store.run_detail(&run.id).await?);
            }
            let place = place(run, names.as_ref(), key);
            let room = MOST_HITS - self.hits;
            self.hits += hits.len().min(room);
            let is_over = hits.len() > room;
            if let Err(stopped) = self.say(SearchNews::Hits { place, hits: hits.into_iter().take(room).collect() }).await {
                stop = Some(stopped);
                break;
            }
            if is_over {
                stop = Some(Stop::End(SearchEnd::Limit));
                break;
            }
        }
        // Nobody hears it any more: it stops by itself.
        drop(heard);
        let scanned = scanning.await.map_err(ApiError::broken)?;
        if let Some(stop) = stop {
            return Err(stop);
        }
        self.bytes += scanned?;
        self.runs += 1;
        self.handle.progress(self.bytes, None);
        if self.handle.is_cancelled() { Err(Stop::End(SearchEnd::Cancelled)) } else { Ok(()) }
    }

    async fn say(&self, news: SearchNews) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.handle.cancelled() => Err(Stop::End(SearchEnd::Cancelled)),
            told = self.tell.send(news) => told.map_err(|_| Stop::End(SearchEnd::Cancelled)),
        }
    }
}

/// Hits in the log of a step attempt.
type FoundIn = (StepKey, Vec<LogHit>);

/// Looks through the logs of a run; returns how many bytes that were. Blocks.
fn scan(
    logs: &Logs,
    run: &RunId,
    only: Option<StepKey>,
    pattern: &Pattern,
    handle: &Handle,
    found: &mpsc::Sender<FoundIn>,
) -> Result<u64, StoreError> {
    let keys = match only {
        Some(key) => vec![key],
        None => logs.steps(run)?,
    };
    let stops = || handle.is_cancelled() || found.is_closed();
    let mut bytes = 0;
    for key in keys {
        let mut reader = match logs.reader_unless(&stops, run, key) {
            Err(StoreError::NotFound { .. }) => continue,
            Err(StoreError::Stopped) => return Ok(bytes),
            other => other?,
        };
        let mut next = Some(0);
        while let Some(from) = next.filter(|_| !stops()) {
            let part = reader.find(pattern, from, &stops)?;
            (next, bytes) = (part.next, bytes + part.bytes);
            let hits: Vec<LogHit> = part.hits.iter().map(LogHit::from).collect();
            if !hits.is_empty() && found.blocking_send((key, hits)).is_err() {
                return Ok(bytes);
            }
        }
    }
    Ok(bytes)
}

fn place(run: &Run, detail: Option<&RunDetail>, key: StepKey) -> SearchPlace {
    let stages = detail.map_or(&[][..], |detail| &detail.stages);
    let step = detail.and_then(|detail| detail.steps.iter().find(|row| row.key.stage == key.stage && row.key.step == key.step));
    let stage = stages.iter().find(|stage| stage.stage == key.stage).filter(|_| stages.len() > 1);
    let step_name = match (stage, step) {
        (Some(stage), Some(step)) => format!("{}/{}", stage.name, step.name),
        (_, step) => step.map(|step| step.name.clone()).unwrap_or_default(),
    };
    SearchPlace {
        run: run.id.to_string(),
        number: u32::try_from(run.number).unwrap_or(u32::MAX),
        project_name: run.project_name.clone(),
        created: time::to_text(run.created_ms),
        stage: key.stage.0,
        step: key.step.0,
        attempt: key.attempt,
        step_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dto::{ActivityState, ErrorCode, RunFilter};
    use crate::testing::{new_run, open, project, request};
    use lp_model::{RunEvent, RunState};
    use std::path::Path;

    /// So many runs that are over, each with a log of two lines, the second of which names it.
    async fn with_runs(folder: &Path, count: u64) -> (Arc<App>, Vec<RunId>) {
        let app = open(folder).await;
        let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: say, commands: ['true']}\n";
        let project = project(&app, folder, pipeline).await;
        let prepared = app.prepare(&request(&app, &project).await, (1, None)).await.unwrap();
        let mut ids = Vec::new();
        for number in 1..=count {
            let mut plan = prepared.plan.clone();
            plan.event.run_number = number;
            let id = RunId::parse(&format!("run-{number}")).unwrap();
            app.store.create_run(&new_run(id.as_str(), prepared.project.id.as_str(), plan)).await.unwrap();
            app.store.append_events(&id, &[(0, RunEvent::RunEnded { state: RunState::Errored })]).await.unwrap();
            let key = app.logs_key();
            let mut writer = app.logs.writer(&id, key, 0).unwrap();
            writer.append(format!("+ true\nthe needle of run {number}\n").as_bytes(), 0, None).unwrap();
            writer.finish().unwrap();
            ids.push(id);
        }
        (app, ids)
    }

    impl App {
        fn logs_key(&self) -> StepKey {
            StepKey::first(lp_model::StageNumber(1), lp_model::StepNumber(1))
        }
    }

    fn all(text: &str) -> SearchRequest {
        SearchRequest { scope: SearchScope::All { filter: RunFilter::default() }, text: text.into(), regex: false }
    }

    /// Everything that a search says: hits as text, and its end.
    async fn heard(app: &Arc<App>, request: &SearchRequest) -> (Vec<String>, SearchEnd, u32) {
        let mut searching = app.search(request).await.unwrap();
        let (mut hits, mut last, mut looked_through) = (Vec::new(), None, 0);
        while let Some(news) = searching.next().await {
            match news {
                SearchNews::Hits { place, hits: found } => {
                    let text = |hit: &LogHit| {
                        format!(
                            "{}#{} {} {}: {}[{}]{}",
                            place.project_name, place.number, place.step_name, hit.line, hit.before, hit.found, hit.after
                        )
                    };
                    hits.extend(found.iter().map(text));
                }
                SearchNews::Progress { runs, .. } => looked_through = runs,
                SearchNews::Ended { end, .. } => last = Some(end),
            }
        }
        (hits, last.unwrap(), looked_through)
    }

    #[tokio::test]
    async fn a_search_over_a_thousand_runs_streams_and_is_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let (app, ids) = with_runs(folder.path(), 1_000).await;
        let (hits, end, runs) = heard(&app, &all("NEEDLE")).await;
        assert_eq!((hits.len(), end, runs), (1_000, SearchEnd::Complete, 1_000));
        assert_eq!(hits[0], "shop#1000 say 1: the [needle] of run 1000", "the newest first");
        assert_eq!(heard(&app, &all("run 77")).await.0.len(), 11, "77 and 770 to 779");
        let regex = SearchRequest { regex: true, ..all("run 9{2,3}$") };
        let (hits, ..) = heard(&app, &regex).await;
        assert_eq!(hits, ["shop#999 say 1: the needle of [run 999]", "shop#99 say 1: the needle of [run 99]"]);

        // It is not ahead of who listens by more than what waits, and a cancel ends it there.
        let mut searching = app.search(&all("needle")).await.unwrap();
        assert!(matches!(searching.next().await, Some(SearchNews::Hits { .. })));
        app.cancel_activity(&searching.id).await.unwrap();
        let (mut more, mut end) = (0, None);
        while let Some(news) = searching.next().await {
            match news {
                SearchNews::Hits { .. } => more += 1,
                SearchNews::Ended { end: why, .. } => end = Some(why),
                SearchNews::Progress { .. } => {}
            }
        }
        assert!(end == Some(SearchEnd::Cancelled) && more < 200, "{more} more came: {end:?}");
        // Its last news comes a moment before the activity is at its end.
        let mut notices = app.notices();
        let listed = loop {
            let listed = app.activities().await.into_iter().find(|activity| activity.id == searching.id).unwrap();
            if listed.state.is_final() {
                break listed;
            }
            notices.next().await;
        };
        assert_eq!((listed.kind, listed.state), (ActivityKind::Search, ActivityState::Cancelled));

        let of_run = SearchRequest { scope: SearchScope::Run { run: ids[6].to_string() }, ..all("needle") };
        assert_eq!(heard(&app, &of_run).await.0, ["shop#7 say 1: the [needle] of run 7"]);
        let of_step = SearchScope::Step { run: ids[6].to_string(), stage: 1, step: 2, attempt: 1 };
        assert_eq!(heard(&app, &SearchRequest { scope: of_step, ..all("needle") }).await, (vec![], SearchEnd::Complete, 1));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn what_cannot_be_looked_for_is_told_at_once_and_much_has_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let (app, ids) = with_runs(folder.path(), 1).await;
        for wrong in [SearchRequest { regex: true, ..all("(") }, all(""), all(&"x".repeat(10_000))] {
            let error = app.search(&wrong).await.err().unwrap();
            assert_eq!((error.code, error.hint.is_empty()), (ErrorCode::BadRequest, false), "{error:?}");
        }
        let none = SearchRequest { scope: SearchScope::Run { run: "none".into() }, ..all("x") };
        assert_eq!(app.search(&none).await.err().unwrap().code, ErrorCode::RunNotFound);

        let key = StepKey { attempt: 2, ..app.logs_key() };
        let mut writer = app.logs.writer(&ids[0], key, 0).unwrap();
        writer.append("again\n".repeat(MOST_HITS + 5).as_bytes(), 0, None).unwrap();
        let (hits, end, _) = heard(&app, &all("again")).await;
        assert_eq!((hits.len(), end), (MOST_HITS, SearchEnd::Limit));
        app.shutdown().await;
    }
}
