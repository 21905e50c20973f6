//! What the engine needs from the outside, over the store, the vault, git and the clock.

use crate::app::App;
use crate::dto::{ApiError, LogSize, Tag};
use crate::log::excerpts;
use crate::time;
use async_trait::async_trait;
use lp_backend::{Position, Source};
use lp_engine::ports::{Clock, Journal, LogStore, OpenLog, PortError, Ports, SecretSource, SourceProvider, StepLog};
use lp_engine::{Engine, Notice as EngineNotice};
use lp_model::{Checkout, Message, Plan, ProjectId, RunEvent, RunId, RunState, Stage, StepKey, message};
use lp_secret::SecretValue;
use lp_store::{LogPosition, LogWriter, StoreError};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::io::AsyncRead;

/// Everything the engine needs, over a weak reference: the app owns the engine, not the other way round.
pub(crate) fn ports(app: &Arc<App>) -> Ports {
    let outside = Arc::new(Outside { app: Arc::downgrade(app), projects: Mutex::new(HashMap::new()) });
    Ports {
        journal: Arc::clone(&outside) as _,
        logs: Arc::clone(&outside) as _,
        secrets: Arc::clone(&outside) as _,
        sources: outside,
        backends: Arc::clone(&app.engines) as _,
        clock: Arc::new(SystemClock),
    }
}

/// Passes the engine's notices on to the front ends.
pub(crate) fn forward_notices(app: &Arc<App>, engine: &Engine) {
    let mut notices = engine.subscribe();
    let app = Arc::clone(app);
    let tracker = app.tasks.clone();
    tracker.spawn(async move {
        let mut projects: HashMap<RunId, String> = HashMap::new();
        loop {
            tokio::select! {
                notice = notices.recv() => match notice {
                    Ok(EngineNotice::Event { run, event, .. }) => {
                        let project = match projects.get(&run) {
                            Some(project) => project.clone(),
                            None => app.store.run(&run).await.map(|row| row.project.to_string()).unwrap_or_default(),
                        };
                        // The removal of its places is the last that is heard of a run.
                        if matches!(event, RunEvent::RunEnded { .. } | RunEvent::StageDestroyed { .. }) {
                            projects.remove(&run);
                        } else {
                            projects.insert(run.clone(), project.clone());
                        }
                        app.progress.heed(&run, &event);
                        app.tell_of_event(&run, &project, &event);
                        match event {
                            RunEvent::RunEnded { state: RunState::Failed | RunState::Errored | RunState::TimedOut } => {
                                app.tasks.spawn(excerpts::keep(Arc::clone(&app), run));
                            }
                            // With something left its files are not kept yet.
                            RunEvent::StageDestroyed { kept: true, leftovers, .. } if leftovers.is_empty() => {
                                app.ownership.tidy_soon.notify_one();
                            }
                            _ => {}
                        }
                    }
                    Ok(EngineNotice::Progress { run, stage, step, sentence }) => {
                        app.progress.put(&run, stage, step, sentence);
                        app.hub.tell([Tag::Run(run.to_string())]);
                    }
                    Ok(EngineNotice::Log { run, key, lines, bytes }) => {
                        let log = Tag::Log { run: run.to_string(), stage: key.stage.0, step: key.step.0, attempt: key.attempt };
                        app.hub.tell_log(log, LogSize { lines, bytes });
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => app.hub.tell([Tag::Everything]),
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                },
                () = app.ending.cancelled() => return,
            }
        }
    });
}

impl App {
    /// Tells what an event of a run makes stale.
    fn tell_of_event(&self, run: &RunId, project: &str, event: &RunEvent) {
        match event {
            RunEvent::RunStarted | RunEvent::RunEnded { .. } | RunEvent::RunRetried { .. } => self.tell_of_run(run, project, true),
            RunEvent::RunResumed | RunEvent::CancelRequested { .. } | RunEvent::StageDestroyed { .. } => {
                self.tell_of_run(run, project, false);
            }
            // Only its own page shows stages and steps.
            _ => self.hub.tell([Tag::Run(run.to_string())]),
        }
    }

    /// Tells that a run is another one wherever runs are listed; with `moves_queue` those that wait have other places as well.
    pub(crate) fn tell_of_run(&self, run: &RunId, project: &str, moves_queue: bool) {
        let mut stale = vec![Tag::Run(run.to_string()), Tag::Runs, Tag::Projects];
        if !project.is_empty() {
            stale.extend([Tag::RunsOf(project.to_owned()), Tag::Project(project.to_owned())]);
        }
        if moves_queue {
            stale.push(Tag::Queue);
            let queue = self.ownership.engine().map(|engine| engine.queue()).unwrap_or_default();
            stale.extend(queue.into_iter().map(|queued| Tag::Run(queued.run.to_string())));
        }
        self.hub.tell(stale);
    }
}

struct Outside {
    app: Weak<App>,
    /// Whose a run is; read once per run.
    projects: Mutex<HashMap<RunId, ProjectId>>,
}

impl Outside {
    fn app(&self) -> Result<Arc<App>, PortError> {
        self.app.upgrade().ok_or_else(|| PortError::new(message!("the app has ended")))
    }

    async fn project(&self, run: &RunId) -> Result<ProjectId, PortError> {
        if let Some(project) = self.projects.lock().unwrap_or_else(PoisonError::into_inner).get(run) {
            return Ok(project.clone());
        }
        let project = self.app()?.store.run(run).await.map_err(stored)?.project;
        self.projects.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), project.clone());
        Ok(project)
    }
}

/// An error of the store, with what to do about it.
fn stored(error: StoreError) -> PortError {
    let error = ApiError::from(error);
    PortError::new(error.message).hinted(error.hint)
}

fn port_error(problem: impl std::fmt::Display) -> PortError {
    PortError::new(Message::verbatim(problem))
}

#[async_trait]
impl Journal for Outside {
    async fn append(&self, run: &RunId, events: &[RunEvent]) -> Result<(), PortError> {
        let at_ms = time::now_ms();
        let timed: Vec<(i64, RunEvent)> = events.iter().map(|event| (at_ms, event.clone())).collect();
        let app = self.app()?;
        app.store.append_events(run, &timed).await.map_err(stored)?;
        if events.iter().any(|event| matches!(event, RunEvent::RunEnded { .. })) {
            self.projects.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
            app.forget_past_secrets().await;
            let (logs, run) = (app.logs.clone(), run.clone());
            // They cost a little room and nothing else: what cannot be removed stays.
            if let Ok(Err(problem)) = tokio::task::spawn_blocking(move || logs.forget_positions(&run)).await {
                tracing::info!(%problem, "positions of logs stay");
            }
        }
        Ok(())
    }
}

#[async_trait]
impl LogStore for Outside {
    async fn open(&self, run: &RunId, key: StepKey) -> Result<OpenLog, PortError> {
        let logs = self.app()?.logs.clone();
        let run = run.clone();
        let writer =
            tokio::task::spawn_blocking(move || logs.writer(&run, key, time::now_ms())).await.map_err(port_error)?.map_err(stored)?;
        let (lines, bytes, LogPosition { stdout, stderr }) = (writer.lines(), writer.bytes(), writer.position());
        Ok(OpenLog { log: Box::new(FileLog(Some(writer))), position: Position { stdout, stderr }, lines, bytes })
    }
}

/// A log file whose blocking calls run beside the async ones. The writer comes back after each call; it is gone when a call
/// failed or was dropped, and the log then takes no more.
struct FileLog(Option<LogWriter>);

fn closed() -> PortError {
    PortError::new(message!("the log is closed already"))
}

#[async_trait]
impl StepLog for FileLog {
    async fn append(&mut self, bytes: &[u8], upto: Option<Position>) -> Result<(), PortError> {
        let mut writer = self.0.take().ok_or_else(closed)?;
        let bytes = bytes.to_vec();
        let upto = upto.map(|Position { stdout, stderr }| LogPosition { stdout, stderr });
        let appended = tokio::task::spawn_blocking(move || writer.append(&bytes, time::now_ms(), upto).map(|()| writer));
        self.0 = Some(appended.await.map_err(port_error)?.map_err(stored)?);
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), PortError> {
        let writer = self.0.take().ok_or_else(closed)?;
        tokio::task::spawn_blocking(move || writer.finish()).await.map_err(port_error)?.map_err(stored)
    }
}

#[async_trait]
impl SecretSource for Outside {
    async fn secret(&self, run: &RunId, name: &str) -> Result<Option<SecretValue>, PortError> {
        let project = self.project(run).await?;
        self.app()?.secret_value(&project, name).await.map_err(|error| PortError::new(error.message).hinted(error.hint))
    }

    async fn masks(&self, run: &RunId, name: &str) -> Result<Vec<SecretValue>, PortError> {
        let project = self.project(run).await?;
        self.app()?.secret_masks(&project, name).await.map_err(|error| PortError::new(error.message).hinted(error.hint))
    }
}

impl SourceProvider for Outside {
    fn source(&self, run: &RunId, plan: &Plan, stage: &Stage) -> Arc<dyn Source> {
        let (sha, checkout) = (plan.event.commit.sha.clone(), stage.checkout.clone());
        Arc::new(CommitSource { app: self.app.clone(), run: run.clone(), sha, checkout })
    }
}

/// The working copy of a commit, straight from the repository of the project: there nothing is checked out.
struct CommitSource {
    app: Weak<App>,
    run: RunId,
    sha: String,
    /// The repository that the working copy is; `None` for the files alone.
    checkout: Option<Checkout>,
}

#[async_trait]
impl Source for CommitSource {
    async fn open(&self) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        let app = self.app.upgrade().ok_or_else(|| io::Error::other("the app has ended"))?;
        let run = app.store.run(&self.run).await.map_err(io::Error::other)?;
        let project = app.store.project(&run.project).await.map_err(io::Error::other)?;
        let folder = project.path.ok_or_else(|| io::Error::other(format!("the project `{}` has no folder", project.name)))?;
        let (sha, checkout) = (self.sha.clone(), self.checkout.clone());
        let packed = tokio::task::spawn_blocking(move || {
            let repository = lp_git::Repository::open(folder.as_ref())?;
            match checkout {
                Some(checkout) => repository.check_out(&sha, &checkout),
                None => repository.pack(&sha),
            }
        });
        Ok(Box::new(packed.await.map_err(io::Error::other)?.map_err(io::Error::other)?))
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        time::now_ms()
    }
}
