//! Who drives the runs of a data folder: the one process that holds its lock. It alone starts runs, marks those of a dead
//! process as interrupted, and sweeps.

use crate::app::App;
use crate::dto::{ApiError, ErrorCode, Notice, Settings};
use crate::{guests, ports, time};
use lp_engine::{Engine, EngineSettings};
use lp_store::{Lock, Owner};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an engine may take to finish what a process asked of it before it died.
const LATE_ARRIVALS: Duration = Duration::from_millis(1500);
/// How often one who waits for the data folder asks again.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// What comes with owning the data folder.
#[derive(Default)]
pub(crate) struct Ownership {
    held: Mutex<Option<Held>>,
    /// Runs that were found unfinished when the folder was taken over.
    interrupted: Mutex<Vec<String>>,
    /// Held while a sweep goes on and while a run is handed to the engine: a sweep must not meet a run that has just begun.
    pub(crate) sweep_or_start: tokio::sync::Mutex<()>,
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

    pub fn give_up(&self) {
        drop(self.held().take());
    }

    pub fn interrupted(&self) -> Vec<String> {
        self.interrupted.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    EngineSettings {
        grace: Duration::from_secs(settings.grace_s.into()),
        max_runs: settings.max_runs as usize,
        machine: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        ..EngineSettings::default()
    }
}

impl App {
    /// Becomes the owner if nobody is. Returns whether this process is the owner now.
    pub(crate) async fn try_own(self: &Arc<Self>) -> Result<bool, ApiError> {
        if self.ownership.is_ours() {
            return Ok(true);
        }
        let lp_store::Ownership::Owner(owner) = Lock::try_own(&self.options.data_folder)? else { return Ok(false) };
        self.own(owner).await?;
        Ok(true)
    }

    /// Takes over: what a dead process left unfinished is marked, an engine is made, guests are let in, leftovers are swept.
    pub(crate) async fn own(self: &Arc<Self>, owner: Owner) -> Result<(), ApiError> {
        let interrupted = self.store.interrupt_unfinished(&[], time::now_ms()).await?;
        let after_a_crash = !interrupted.is_empty();
        *self.ownership.interrupted.lock().unwrap_or_else(PoisonError::into_inner) = interrupted.iter().map(ToString::to_string).collect();
        let engine = Engine::new(ports::ports(self), engine_settings(&self.settings().await?));
        ports::forward_notices(self, &engine);
        *self.ownership.held() = Some(Held { engine, _owner: owner });
        if self.options.accept_guests {
            guests::listen(self)?;
        }
        let app = Arc::clone(self);
        self.tasks.spawn(async move {
            app.sweep().await;
            if after_a_crash {
                // What an engine was about to make when the process died appears a moment later.
                tokio::time::sleep(LATE_ARRIVALS).await;
                app.sweep().await;
            }
        });
        self.hub.tell(Notice::Status);
        Ok(())
    }

    /// Waits in the background until the data folder is free.
    pub(crate) fn own_later(self: &Arc<Self>) {
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
                    Err(error) => tracing::warn!(message = error.message, "the data folder cannot be taken over"),
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

    /// Removes what runs of this data folder left behind that are not under way.
    pub(crate) async fn sweep(&self) {
        let _no_start_meanwhile = self.ownership.sweep_or_start.lock().await;
        let live = self.ownership.engine().map(|engine| engine.live()).unwrap_or_default();
        for backend in self.engines.all() {
            match backend.sweep(&live).await {
                Ok(report) if report.removed.is_empty() && report.failed.is_empty() => {}
                Ok(report) => tracing::info!(removed = ?report.removed, failed = ?report.failed, "swept"),
                Err(problem) => tracing::info!(%problem, "not swept"),
            }
        }
    }

    pub(crate) fn must_own(&self) -> Result<Engine, ApiError> {
        self.ownership.engine().ok_or_else(|| {
            ApiError::new(ErrorCode::NotOwner, "another letterpress drives the runs of this data folder")
                .hint("wait until it ends; this happens by itself")
        })
    }
}
