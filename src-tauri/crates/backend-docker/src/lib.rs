//! Steps as containers of a Docker or Podman engine, over its HTTP API: the [`Backend`] of nearly every pipeline.
//!
//! It knows nothing about pipeline files, scheduling, the store, the vault or a user interface. It reads no environment variable and no
//! file but the certificates that an address names, and starts no program but `ssh` for an engine that is reached by it: addresses and
//! logins are handed in.
//!
//! What it makes in the engine per stage: one volume with the working copy, one volume per temporary volume, one container per step
//! attempt; a bridge network and a holder of a shared network namespace where `network` says so. All carry the labels of [`labels`], by which
//! they are found again after a crash, and stay until the stage is destroyed. The commit's files get into the volume through a container
//! that is created but never started: no bind mount, no clone step, no git credentials inside any container.
//!
//! The HTTP library writes request bodies, which hold secrets of steps, to its log at level `debug`: a program that installs a log
//! subscriber must keep the target `bollard` at `info` or above.
//!
//! Read in this order: [`DockerBackend`], [`connect`], `stage` (its place, from `prepare` to `clean`), `step` (one step from its container to its end), `image`
//! (how images are fetched), `build` (steps that build images), `archive` (tar streams), `creation` (one container by its name), `error` (what engine errors mean).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod archive;
mod build;
pub mod connect;
mod creation;
mod error;
mod image;
pub mod labels;
mod stage;
mod step;
mod time;

pub use connect::{EngineAddress, EngineEnvironment, Tls, Tried};
pub use image::{NoLogins, RegistryLogins};

use async_trait::async_trait;
use connect::Connection;
use image::Images;
use image::own::OwnImages;
use lp_backend::{
    Backend, BackendError, Cancel, CancelStage, Claims, EngineInfo, Keep, KeptFiles, Notes, StageContext, StepContext, StepExit, StepSink,
    SweepReport,
};
use lp_model::Message;
use lp_model::{BackendKind, EngineId, PullPolicy};
use stage::Stages;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use step::head_start::HeadStart;

/// What a [`DockerBackend`] is made of.
pub struct DockerOptions {
    /// Where an engine may be, best first (see [`EngineAddress::candidates`]). The first that answers is used.
    pub addresses: Vec<EngineAddress>,
    /// Id of the data folder. A sweep touches only what carries it, so that two data folders on one machine leave each other alone.
    pub owner: String,
    /// Logins for registries.
    pub logins: Arc<dyn RegistryLogins>,
    /// How often the engine is asked whether it is still there while work goes on. It counts as gone after two unanswered asks,
    /// each of which waits this long.
    pub heartbeat: Duration,
}

impl DockerOptions {
    /// No logins, and a heartbeat of 5 seconds: that an engine hangs is said within a quarter of a minute.
    pub fn new(addresses: Vec<EngineAddress>, owner: impl Into<String>) -> Self {
        Self { addresses, owner: owner.into(), logins: Arc::new(NoLogins), heartbeat: Duration::from_secs(5) }
    }
}

/// Runs stages in containers. Connects when it is first used, so that it can be made while no engine runs.
pub struct DockerBackend {
    connection: Connection,
    images: Images,
    own_images: OwnImages,
    stages: Stages,
    /// Whether the engine at that address has a default bridge.
    bridge: std::sync::Mutex<Option<(String, bool)>>,
    /// A holder could not be started: this process does without.
    holders_fail: AtomicBool,
    head_start: HeadStart,
    /// Names of containers that have filled a working copy and are still to be removed.
    loaded: std::sync::Mutex<HashSet<String>>,
    owner: String,
    heartbeat: Duration,
}

impl DockerBackend {
    /// A backend over the first engine that answers at one of the addresses.
    pub fn new(options: DockerOptions) -> Self {
        Self {
            connection: Connection::new(options.addresses),
            images: Images::new(options.logins),
            own_images: OwnImages::default(),
            stages: Stages::default(),
            bridge: std::sync::Mutex::default(),
            holders_fail: AtomicBool::new(false),
            head_start: HeadStart::default(),
            loaded: std::sync::Mutex::default(),
            owner: options.owner,
            heartbeat: options.heartbeat,
        }
    }
}

impl DockerBackend {
    /// Whether that engine was met at one of our addresses.
    pub fn has_met(&self, engine: &EngineId) -> bool {
        self.connection.has_met(engine)
    }

    /// The addresses that were tried in vain when an engine was last looked for. Empty when one was found.
    pub fn tried(&self) -> Vec<Tried> {
        self.connection.tried()
    }
}

#[async_trait]
impl Backend for DockerBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Docker
    }

    /// Looks at all addresses again, so that an engine that was started or changed since is found.
    async fn probe(&self, engine: Option<&EngineId>) -> Result<EngineInfo, BackendError> {
        Ok((*self.connection.probe(engine).await?.info).clone())
    }

    async fn engine(&self) -> Result<EngineInfo, BackendError> {
        Ok((*self.connection.engine(None).await?.info).clone())
    }

    async fn prepare(&self, stage: &StageContext, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError> {
        self.prepare_stage(stage, notes, cancel).await
    }

    async fn fetch(&self, stage: &StageContext, cancel: &Cancel) {
        // A step that builds runs no container of its image.
        let steps = stage.stage.steps.iter().filter(|step| step.build_image.is_none());
        let mut images: Vec<_> = steps.map(|step| (step.image.clone(), step.pull)).collect();
        images.retain(|(_, policy)| *policy != PullPolicy::Never);
        let mut seen = HashSet::new();
        images.retain(|image| seen.insert(image.clone()));
        let work = async {
            let engine = self.connection.engine(stage.engine.as_ref()).await?;
            engine.watched(self.heartbeat, self.images.fetch_all(&engine, &images)).await
        };
        tokio::select! {
            biased;
            () = cancel.reached(CancelStage::Ask) => {}
            done = work => if let Err(error) = done {
                tracing::debug!("images cannot be fetched ahead: {error}");
            }
        }
    }

    async fn make_ahead(&self, stage: &StageContext, step: &StepContext, cancel: &Cancel) {
        if cancel.is_asked() || step.step.build_image.is_some() {
            return;
        }
        if let Err(error) = self.make_container_ahead(stage, step).await {
            tracing::debug!("a container cannot be made ahead: {error}");
        }
    }

    async fn run_step(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        match &step.step.build_image {
            Some(build) => self.run_build(stage, step, build, sink, cancel).await,
            None => self.run_container(stage, step, sink, cancel).await,
        }
    }

    async fn destroy(&self, stage: &StageContext, keep: Keep) -> Result<Vec<Message>, BackendError> {
        self.head_start.forget(&stage.name());
        self.forget_loader(stage);
        self.destroy_stage(stage, keep).await
    }

    async fn sweep(&self, claims: &Claims) -> Result<SweepReport, BackendError> {
        self.sweep_owned(claims).await
    }

    /// Sizes may take the engine seconds.
    async fn kept(&self) -> Result<KeptFiles, BackendError> {
        self.kept_files().await
    }
}
