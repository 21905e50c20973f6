use crate::dto::{ApiError, Settings};
use crate::engines::Engines;
use crate::notices::{Hub, Notices};
use crate::options::AppOptions;
use crate::ownership::{self, Ownership};
use crate::secrets::VaultCell;
use lp_store::{Logs, Store};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The app: one data folder, opened. Desktop and command line hold exactly one; methods are the use cases.
///
/// # Concurrency
/// All methods may be called from any number of tasks. [`App::shutdown`] must be called before the process ends: it stops
/// the runs, removes what they made and gives the data folder free.
pub struct App {
    pub(crate) options: AppOptions,
    pub(crate) store: Store,
    /// Tells what this data folder made on an engine from what another one made; also names its key in the system's key store.
    pub(crate) folder_id: String,
    pub(crate) logs: Logs,
    pub(crate) hub: Hub,
    pub(crate) engines: Arc<Engines>,
    pub(crate) vault: VaultCell,
    pub(crate) ownership: Ownership,
    /// Background work: who starts it waits for it in `shutdown`.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the app ends.
    pub(crate) ending: CancellationToken,
}

impl App {
    /// Opens the data folder, making it at first. The first process becomes its owner and tidies up what an earlier one left:
    /// unfinished runs are marked as interrupted, and their containers, networks, volumes and processes removed in the background.
    ///
    /// # Errors
    /// `NewerData`, `DiskFull`, `StoreUnavailable`.
    pub async fn open(options: AppOptions) -> Result<Arc<Self>, ApiError> {
        let store = Store::open(&options.data_folder).await?;
        let (owner, folder_id) = ownership::lock_and_identify(&options.data_folder).await?;
        let engines = Arc::new(Engines::new(&options, &folder_id));
        let app = Arc::new(Self {
            logs: Logs::new(&options.data_folder),
            store,
            hub: Hub::new(),
            engines,
            vault: VaultCell::new(),
            ownership: Ownership::default(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            folder_id,
            options,
        });
        match owner {
            Some(owner) => app.own(owner).await?,
            None if app.options.accept_guests => app.own_later(),
            None => {}
        }
        Ok(app)
    }

    /// Listens for what changes.
    pub fn notices(&self) -> Notices {
        self.hub.listen()
    }

    /// How many runs this process drives at the moment, waiting ones included.
    pub fn live_runs(&self) -> usize {
        self.ownership.engine().map_or(0, |engine| engine.live().len())
    }

    /// Waits until no run is under way here.
    pub async fn wait_idle(&self) {
        let first = |engine: lp_engine::Engine| engine.live().first().and_then(|run| engine.run(run));
        // Not by notices: the last one of a run goes out a moment before the engine takes the run off its list.
        while let Some(run) = self.ownership.engine().and_then(first) {
            run.wait().await;
        }
    }

    /// Ends everything in order: runs are stopped at once and what they made is removed, then the data folder is given free.
    /// Safe to call twice.
    pub async fn shutdown(&self) {
        self.ending.cancel();
        if let Some(engine) = self.ownership.engine() {
            engine.shutdown().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.ownership.give_up();
        self.store.close().await;
    }

    pub(crate) fn apply_settings(&self, settings: &Settings) {
        if let Some(engine) = self.ownership.engine() {
            engine.set_settings(ownership::engine_settings(settings));
        }
    }
}
