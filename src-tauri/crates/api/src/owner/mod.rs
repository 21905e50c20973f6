//! Who drives the runs of a data folder: the one process that holds its lock. It alone starts runs, takes up those that another process
//! left, and sweeps. While nobody owns the folder its runs rest: programs that were started go on, and what comes after them waits for
//! the next owner.
//!
//! A terminal command that drove runs and ends (killed, hung up, or because its own run is over) leaves the others resting; the window,
//! `letterpress run` or `letterpress attach` takes them up. Commands that only look or set something never own the folder: they would take
//! runs up only to leave them again.
//!
//! A sweep after a crash looks twice: what an engine was about to make when the process died appears a moment later.

pub(crate) mod guests;
pub(crate) mod ports;
pub(crate) mod take_up;

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Settings, Tag};
use crate::run::parse_run;
use crate::time;
use lp_engine::scheduler::RetryError;
use lp_engine::{Engine, EngineSettings, QueuePlace, StartError};
use lp_model::{Plan, ProjectId, message};
use lp_store::{Lock, Owner};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long an engine may take to finish what a process asked of it before it died.
const LATE_ARRIVALS: Duration = Duration::from_millis(1500);
/// How often leftovers are looked for while the app runs.
const SWEEP_AGAIN: Duration = Duration::from_secs(60 * 60);
/// How often the owner looks whether another process has written into the data folder.
const LOOK_FOR_OTHERS: Duration = Duration::from_millis(500);
/// How often one who waits for the data folder asks again.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// What comes with owning the data folder.
#[derive(Default)]
pub(crate) struct Ownership {
    held: Mutex<Option<Held>>,
    /// Runs that were found unfinished when the folder was taken over.
    left: Mutex<Left>,
    /// Asks for a look at what is kept before its hour has come.
    pub(crate) tidy_soon: Notify,
    /// Held while a sweep goes on and while a run is handed to the engine: a sweep must not meet a run that has just begun.
    pub(crate) sweep_or_start: tokio::sync::Mutex<()>,
    /// Held from the number of a new run until the run is written: a press that comes twice at once uses one number.
    pub(crate) numbering: tokio::sync::Mutex<()>,
    /// Tells a sweep that a run wants to begin.
    pub(crate) give_way: Notify,
    /// Somebody sees to it that another owner is heard.
    pub(crate) hears_owner: AtomicBool,
}

/// Runs that were found unfinished.
#[derive(Debug, Clone, Default)]
pub(crate) struct Left {
    /// Those that go on.
    pub resumed: Vec<String>,
    /// Those that cannot.
    pub interrupted: Vec<String>,
}

struct Held {
    engine: Engine,
    /// Last, so that the lock is given free after everything else.
    _owner: Owner,
}

impl Ownership {
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine, while this process is the owner.
    pub fn engine(&self) -> Option<Engine> {
        self.held().as_ref().map(|held| held.engine.clone())
    }

    /// Whether this process is the owner.
    pub fn is_ours(&self) -> bool {
        self.held().is_some()
    }

    /// The right to hand a new run to the engine. A sweep that goes on gives way, and is done later: what it was removing belongs to other runs.
    pub async fn may_begin(&self) -> tokio::sync::MutexGuard<'_, ()> {
        if let Ok(right) = self.sweep_or_start.try_lock() {
            return right;
        }
        self.give_way.notify_waiters();
        self.sweep_or_start.lock().await
    }

    pub fn give_up(&self) {
        drop(self.held().take());
    }

    pub fn left(&self) -> Left {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Tries to lock the data folder, and reads its id (the first owner makes one).
pub(crate) async fn lock_and_identify(folder: &Path) -> Result<(Option<Owner>, String), ApiError> {
    loop {
        if let lp_store::Ownership::Owner(owner) = Lock::try_own(folder)? {
            let id = owner.folder_id(&uuid::Uuid::now_v7().simple().to_string())?;
            return Ok((Some(owner), id));
        }
        if let Some(id) = Lock::folder_id(folder)? {
            return Ok((None, id));
        }
        // The very first owner is just about to write it.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn engine_settings(settings: &Settings) -> EngineSettings {
    let usual = EngineSettings::default();
    EngineSettings {
        grace: Duration::from_secs(settings.grace_s.into()),
        max_runs: settings.max_runs as usize,
        max_runs_per_project: settings.max_runs_per_project as usize,
        max_runs_per_environment: settings.max_runs_per_environment as usize,
        max_steps: if settings.max_steps == 0 { usual.max_steps } else { settings.max_steps as usize },
        max_log_bytes: u64::from(settings.max_log_mb) * 1_000_000,
        engine_patience: Duration::from_secs(settings.engine_patience_s.into()),
        machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        ..usual
    }
}

/// Where a run waits: a run to an environment beside others to the same one of its project.
pub(crate) fn queue_place(project: &ProjectId, plan: &Plan) -> QueuePlace {
    QueuePlace { project: project.clone(), environment: plan.event.target.clone().filter(|target| !target.is_empty()) }
}

/// Why the engine did not take a run.
pub(crate) fn not_started(refused: &StartError) -> ApiError {
    let message = refused.told();
    match refused {
        StartError::Plan(_) => {
            ApiError::new(ErrorCode::Internal, message).hint(message!("this is a defect of Letterpress; please report it"))
        }
        StartError::AlreadyLive(_) => ApiError::new(ErrorCode::RunUnderWay, message).hint(message!("wait until it is over, or cancel it")),
        StartError::Replay { .. } => {
            ApiError::new(ErrorCode::NewerData, message).hint(message!("install the newest Letterpress, or run it again"))
        }
        StartError::Retry(RetryError::NotRemoved { .. }) => ApiError::new(ErrorCode::RunUnderWay, message)
            .hint(message!("wait until it is removed, then retry; or run again, which begins anew")),
        StartError::Retry(RetryError::State { .. }) => {
            ApiError::new(ErrorCode::NothingToRetry, message).hint(message!("“Run again” starts a new run of the same version"))
        }
        StartError::Closed => ApiError::new(ErrorCode::NotOwner, message).hint(message!("start Letterpress again")),
    }
}

impl App {
    /// Becomes the owner if nobody is. Returns whether this process is the owner now.
    pub(crate) async fn try_own(self: &Arc<Self>) -> Result<bool, ApiError> {
        if self.ownership.is_ours() {
            return Ok(true);
        }
        if !self.options.drives || self.ending.is_cancelled() {
            return Ok(false);
        }
        let lp_store::Ownership::Owner(owner) = Lock::try_own(&self.options.data_folder)? else { return Ok(false) };
        self.own(owner).await?;
        Ok(true)
    }

    /// Takes over: an engine is made, what a process before this one left unfinished goes on, guests are let in, leftovers are swept, now
    /// and every hour.
    pub(crate) async fn own(self: &Arc<Self>, owner: Owner) -> Result<(), ApiError> {
        let unfinished = self.store.unfinished().await?;
        // Runs that are taken up may be on it.
        self.engines.hold_podman().await;
        let engine = Engine::new(ports::ports(self), engine_settings(&self.settings().await?));
        ports::forward_notices(self, &engine);
        let mut left = Left::default();
        for run in &unfinished {
            match self.take_up(&engine, run).await {
                Ok(()) => left.resumed.extend((!run.state.is_final()).then(|| run.id.to_string())),
                Err(why) if matches!(why.code, ErrorCode::NewerData | ErrorCode::FolderNotFound | ErrorCode::Internal) => {
                    match self.store.interrupt(&run.id, time::now_ms(), &why.message, &why.hint).await {
                        Ok(()) => left.interrupted.extend((!run.state.is_final()).then(|| run.id.to_string())),
                        Err(problem) => tracing::warn!(run = %run.id, %problem, "a run that cannot go on is not marked so"),
                    }
                }
                // Such as a store that is busy: says nothing about the run, which waits for the next owner.
                Err(problem) => tracing::warn!(run = %run.id, problem = %problem.message, "a run is not taken up"),
            }
        }
        *self.ownership.left.lock().unwrap_or_else(PoisonError::into_inner) = left;
        *self.ownership.held() = Some(Held { engine, _owner: owner });
        guests::listen(self)?;
        self.watch_others().await;
        let app = Arc::clone(self);
        self.tasks.spawn(async move {
            app.tidy().await;
            if !unfinished.is_empty() {
                // What an engine was about to make when the process died appears a moment later.
                tokio::select! {
                    () = app.ending.cancelled() => return,
                    () = tokio::time::sleep(LATE_ARRIVALS) => {}
                }
                app.tidy().await;
            }
            loop {
                tokio::select! {
                    () = app.ending.cancelled() => return,
                    () = app.ownership.tidy_soon.notified() => {}
                    () = tokio::time::sleep(SWEEP_AGAIN) => {}
                }
                app.tidy().await;
            }
        });
        // Other runs are driven here now, and what was told elsewhere meanwhile was not heard.
        self.hub.tell([Tag::Everything]);
        Ok(())
    }

    /// Tells that everything is stale when another process has written: a terminal that sets, trusts, adds or removes something. SQLite is asked,
    /// not the terminal, so that nothing is missed of one that is killed, is of another version, or does not reach the socket. The owner alone
    /// looks: whoever is its guest hears it in the owner's feed, in which the events of runs come one by one.
    async fn watch_others(self: &Arc<Self>) {
        // Before anybody is told that this process is the owner: what is written from now on is news.
        let mut before = self.store.writes_of_others().await.ok();
        let app = Arc::clone(self);
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = app.ending.cancelled() => return,
                    () = tokio::time::sleep(LOOK_FOR_OTHERS) => {}
                }
                match app.store.writes_of_others().await {
                    Ok(now) => {
                        if before.replace(now).is_some_and(|before| before != now) {
                            // Limits that a terminal sets count for what waits here.
                            if let Ok(settings) = app.settings().await {
                                app.apply_settings(&settings);
                            }
                            app.hub.tell([Tag::Everything]);
                        }
                    }
                    Err(problem) => tracing::info!(%problem, "whether others have written is not known"),
                }
            }
        });
    }

    /// Waits in the background until the data folder is free, and until then hands on what its owner tells.
    pub(crate) fn own_later(self: &Arc<Self>) {
        guests::hear_owner(self);
        let app = Arc::clone(self);
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = app.ending.cancelled() => return,
                    () = tokio::time::sleep(ASK_AGAIN) => {}
                }
                match app.try_own().await {
                    Ok(false) => {}
                    Ok(true) => return,
                    Err(error) => tracing::warn!(message = %error.message, "the data folder cannot be taken over"),
                }
            }
        });
    }

    /// For a front end that wants to run something: returns when this process is the owner, or when the owner takes runs from
    /// others. Calls `wait` once when it has to wait for neither.
    ///
    /// # Errors
    /// When the data folder cannot be locked.
    pub async fn own_or_reach_owner(self: &Arc<Self>, wait: impl FnOnce()) -> Result<(), ApiError> {
        let mut wait = Some(wait);
        loop {
            if self.try_own().await? || guests::owner_answers(self).await {
                return Ok(());
            }
            if let Some(wait) = wait.take() {
                wait();
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Whether another process drives the runs of this data folder.
    pub fn is_driven_elsewhere(&self) -> bool {
        !self.ownership.is_ours() && matches!(Lock::try_own(&self.options.data_folder), Ok(lp_store::Ownership::Busy { .. }))
    }

    /// Fails for a run that is not over, is this process's to drive, and is not driven: it was stopped because nothing more of it could be
    /// written down, not even that.
    pub(crate) async fn must_be_driven(&self, run: &str) -> Result<(), ApiError> {
        let id = parse_run(run)?;
        let Some(engine) = self.ownership.engine() else { return Ok(()) };
        // In this order: a run that is over has its end in the store before the engine lets go of it.
        if engine.run(&id).is_some() || self.store.run(&id).await?.state.is_final() {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::StoreUnavailable, message!("the run was stopped: what happens in it cannot be written down"))
            .hint(message!("free some disk space where the data folder is, then go on with it by `letterpress attach`")))
    }

    pub(crate) fn must_own(&self) -> Result<Engine, ApiError> {
        self.ownership.engine().ok_or_else(|| {
            ApiError::new(ErrorCode::NotOwner, message!("another letterpress drives the runs of this data folder"))
                .hint(message!("wait until it ends; this happens by itself"))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::dto::RunStateWord;
    use crate::owner::take_up::tests::{PIPELINE, left_behind};
    use crate::testing::{open, open_to_read, project, wait_for};

    #[tokio::test]
    async fn one_that_only_reads_takes_nothing_up() {
        let folder = tempfile::tempdir().unwrap();
        let reader = open_to_read(folder.path()).await;
        assert!(!reader.ownership.is_ours() && !reader.is_driven_elsewhere());
        let owner = open(folder.path()).await;
        assert!(reader.is_driven_elsewhere());
        let project = project(&owner, folder.path(), PIPELINE).await;
        let waits = left_behind(&owner, &project, "waits", 1, |_| {}).await;
        owner.shutdown().await;
        let mut following = reader.follow(waits.as_str());
        let crate::Progress::Changed(detail) = following.next().await.unwrap() else { panic!("first the state") };
        assert_eq!(detail.run.state, RunStateWord::Queued);
        assert!(!reader.try_own().await.unwrap());
        // It can be cancelled by whoever may drive it.
        let owner = open(folder.path()).await;
        let over = wait_for(&owner, waits.as_str(), |detail| detail.run.state.is_final()).await;
        assert_eq!(over.run.state, RunStateWord::Passed);
        reader.shutdown().await;
        owner.shutdown().await;
    }
}
