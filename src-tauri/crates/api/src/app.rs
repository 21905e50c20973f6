use crate::dto::{ApiError, FeedPlace, Settings};
use crate::engine::Engines;
use crate::feed::activity::Activities;
use crate::feed::{Hub, Notices};
use crate::options::AppOptions;
use crate::owner::{self, Ownership};
use crate::run::progress::Progress;
use crate::secret::vault_door::VaultDoor;
use crate::settings;
use lp_engine::Engine;
use lp_store::{Logs, Store};
use rustix::process::Resource;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many descriptors the app may use at the most. Each step takes some six, each run some more; beyond this the number of steps at once is
/// the limit. Not all that the system would give: programs of steps on this computer inherit it, and some go through all of them.
const DESCRIPTORS: u64 = 16_384;

/// How long the end of the app waits for the removal of what finished runs have made.
const LAST_CLEAN_UP: Duration = Duration::from_secs(30);

/// The app: one data folder, opened. Desktop and command line hold exactly one; methods are the use cases.
///
/// # Concurrency
/// All methods may be called from any number of tasks. [`App::shutdown`] should be called before the process ends: it leaves runs that
/// are under way to the next owner in order and gives the data folder free. A process that is killed instead loses nothing either.
pub struct App {
    pub(crate) options: AppOptions,
    pub(crate) store: Store,
    /// Tells what this data folder made on an engine from what another one made; also names its key in the system's key store.
    pub(crate) folder_id: String,
    pub(crate) logs: Logs,
    pub(crate) hub: Hub,
    /// Long work of this process.
    pub(crate) activities: Activities,
    pub(crate) engines: Arc<Engines>,
    pub(crate) vault: VaultDoor,
    pub(crate) ownership: Ownership,
    /// How far something is that steps wait for just now.
    pub(crate) progress: Progress,
    /// Background work: who starts it waits for it in `shutdown`.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the app ends.
    pub(crate) ending: CancellationToken,
}

impl App {
    /// Opens the data folder, making it at first. The first process that may ([`AppOptions::drives`]) becomes its owner and goes on with what
    /// an earlier one left: unfinished runs are taken up where they are, and what nobody claims is removed in the background.
    ///
    /// # Errors
    /// `NewerData`, `DiskFull`, `StoreUnavailable`.
    pub async fn open(options: AppOptions) -> Result<Arc<Self>, ApiError> {
        raise_descriptor_limit();
        // Where the folder is that is meant, should it have been moved.
        let options = AppOptions { data_folder: lp_store::folder::resolve(&options.data_folder), ..options };
        let store = Store::open(&options.data_folder).await?;
        let (owner, folder_id) = owner::lock_and_identify(&options.data_folder).await?;
        let owner = owner.filter(|_| options.drives);
        let engines = Arc::new(Engines::open(&options, &folder_id, &settings::stored(&store).await?.engine).await);
        let (hub, tasks, ending) = (Hub::new(), TaskTracker::new(), CancellationToken::new());
        let app = Arc::new(Self {
            activities: Activities::new(hub.clone(), tasks.clone(), ending.clone()),
            logs: Logs::new(&options.data_folder),
            store,
            hub,
            engines,
            vault: VaultDoor::default(),
            ownership: Ownership::default(),
            progress: Progress::default(),
            tasks,
            ending,
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

    /// Listens for what becomes stale from now on.
    pub fn notices(&self) -> Notices {
        self.hub.listen(None)
    }

    /// The same from a place in the feed on, which the listener had reached before; without one from now on. One who missed more than is kept,
    /// or listened to another life of the app, is told that everything is stale.
    pub fn notices_from(&self, place: Option<FeedPlace>) -> Notices {
        self.hub.listen(place)
    }

    /// How many runs this process drives at the moment, waiting ones included. A run of which only what cannot be removed is left keeps nobody.
    pub fn live_runs(&self) -> usize {
        self.ownership.engine().map_or(0, |engine| engine.under_way().len())
    }

    /// Waits until no run is under way here.
    pub async fn wait_idle(&self) {
        let first = |engine: Engine| engine.under_way().first().and_then(|run| engine.run(run));
        // Not by notices: the last one of a run goes out a moment before the engine takes the run off its list.
        while let Some(run) = self.ownership.engine().and_then(first) {
            run.wait().await;
        }
    }

    /// Ends everything in order: what runs that are over have made is removed, runs that are under way are left as they are (their
    /// programs go on, the next owner takes them up), then the data folder is given free. Safe to call twice.
    pub async fn shutdown(&self) {
        self.ending.cancel();
        if let Some(engine) = self.ownership.engine() {
            // What is not removed by then is removed by the next owner.
            let _late = tokio::time::timeout(LAST_CLEAN_UP, self.wait_for_clean_up(&engine)).await;
            engine.suspend().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.engines.end().await;
        self.ownership.give_up();
        self.store.close().await;
    }

    /// Waits until what runs that are over have made is removed.
    async fn wait_for_clean_up(&self, engine: &Engine) {
        for id in engine.live() {
            let is_over = self.store.run(&id).await.is_ok_and(|run| run.state.is_final());
            if is_over && let Some(run) = engine.run(&id) {
                run.wait().await;
            }
        }
    }

    pub(crate) fn apply_settings(&self, settings: &Settings) {
        if let Some(engine) = self.ownership.engine() {
            engine.set_settings(owner::engine_settings(settings));
        }
    }
}

/// Raises the soft limit of open descriptors, which is 1024 on many systems: a few hundred parallel steps need more.
fn raise_descriptor_limit() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_some_and(|now| now < wanted) {
        limit.current = Some(wanted);
        if let Err(problem) = rustix::process::setrlimit(Resource::Nofile, limit) {
            tracing::info!(%problem, "the limit of open files stays as it is");
        }
    }
}
