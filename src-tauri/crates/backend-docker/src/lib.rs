//! Steps as containers of a Docker or Podman engine, over its HTTP API: the [`Backend`] of nearly every pipeline.
//!
//! It knows nothing about pipeline files, scheduling, the store, the vault or a user interface. It starts no program (no
//! `docker` command line) and reads no file and no environment variable: addresses and logins are handed in.
//!
//! What it makes in the engine per stage: one bridge network, one volume with the working copy, one volume per temporary volume, one
//! container per step attempt. All carry the labels of [`labels`], by which they are found again after a crash. The commit's
//! files get into the volume through a container that is created but never started: no bind mount, no clone step, no
//! git credentials inside any container.
//!
//! The HTTP library writes request bodies, which hold secrets of steps, to its log at level `debug`: a program that installs a log
//! subscriber must keep the target `bollard` at `info` or above.
//!
//! Read in this order: [`DockerBackend`], [`connect`], `prepare`, `run`, `output`, `ask`, `clean`; `container` says what is asked of the engine
//! for a step, `image` how images are fetched, `error` what engine errors mean.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod ask;
mod clean;
pub mod connect;
mod container;
mod error;
mod image;
pub mod labels;
mod output;
mod prepare;
mod run;

pub use connect::{EngineAddress, EngineEnvironment};
pub use image::{NoLogins, RegistryLogins};

use async_trait::async_trait;
use connect::Connection;
use image::Images;
use lp_backend::{Backend, BackendError, Cancel, EngineInfo, StageContext, StepContext, StepExit, StepSink, SweepReport};
use lp_model::{BackendKind, RunId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

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
    /// No logins, and a heartbeat of 10 seconds.
    pub fn new(addresses: Vec<EngineAddress>, owner: impl Into<String>) -> Self {
        Self { addresses, owner: owner.into(), logins: Arc::new(NoLogins), heartbeat: Duration::from_secs(10) }
    }
}

/// Runs stages in containers. Connects when it is first used, so that it can be made while no engine runs.
pub struct DockerBackend {
    connection: Connection,
    images: Images,
    /// Held while the empty image is imported.
    empty_image: Mutex<()>,
    owner: String,
    heartbeat: Duration,
}

impl DockerBackend {
    /// A backend over the first engine that answers at one of the addresses.
    pub fn new(options: DockerOptions) -> Self {
        Self {
            connection: Connection::new(options.addresses),
            images: Images::new(options.logins),
            empty_image: Mutex::new(()),
            owner: options.owner,
            heartbeat: options.heartbeat,
        }
    }
}

#[async_trait]
impl Backend for DockerBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Docker
    }

    /// Looks at all addresses again, so that an engine that was started or changed since is found.
    async fn probe(&self) -> Result<EngineInfo, BackendError> {
        Ok((*self.connection.probe().await?.info).clone())
    }

    async fn prepare(&self, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        self.prepare_stage(stage, cancel).await
    }

    async fn run_step(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        self.run_container(stage, step, sink, cancel).await
    }

    async fn destroy(&self, stage: &StageContext) -> Result<Vec<String>, BackendError> {
        self.destroy_stage(stage).await
    }

    async fn sweep(&self, live: &[RunId]) -> Result<SweepReport, BackendError> {
        self.sweep_owned(live).await
    }
}
