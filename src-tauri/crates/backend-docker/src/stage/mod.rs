//! The place of a stage: `network` says who lives in which namespace, `holder` keeps one alive, `prepare` makes everything, `working_copy` fills the
//! volume (`rooted` renames), `clean` removes everything.

pub(crate) mod clean;
pub(crate) mod holder;
pub(crate) mod network;
pub(crate) mod prepare;
mod rooted;
mod working_copy;

use crate::DockerBackend;
use crate::connect::ContainerEngine;
use holder::FreshFiles;
use lp_backend::{BackendError, StageContext};
use network::Layout;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// What this process knows of a stage, from its `prepare` on: it is the same for all steps and is found out once.
pub(crate) struct StageHandle {
    /// The engine that the stage is on.
    pub engine: ContainerEngine,
    pub context: StageContext,
    pub layout: Layout,
    /// The program of a step was started in it, as far as this process knows.
    pub is_begun: AtomicBool,
    /// The files that all who share the namespace of its holder share, as they were last found fresh.
    pub fresh_files: Mutex<Option<FreshFiles>>,
}

/// The stages that are made and not destroyed, by name.
#[derive(Default)]
pub(crate) struct Stages(Mutex<HashMap<String, Arc<StageHandle>>>);

impl Stages {
    fn find(&self, name: &str) -> Option<Arc<StageHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn keep(&self, handle: Arc<StageHandle>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(handle.context.name(), handle);
    }

    /// Forgets a stage: it is destroyed, or another layout counts for it now.
    pub fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl DockerBackend {
    /// The stage as it was found before, or as it is on its engine.
    pub(crate) async fn stage(&self, context: &StageContext) -> Result<Arc<StageHandle>, BackendError> {
        let is_meant = |handle: &Arc<StageHandle>| context.engine.as_ref().is_none_or(|id| *id == handle.engine.info.id);
        if let Some(handle) = self.stages.find(&context.name()).filter(is_meant) {
            return Ok(handle);
        }
        let engine = self.connection.engine(context.engine.as_ref()).await?;
        let layout = Layout::of(&context.stage, self.abilities(&engine).await?);
        let handle = Arc::new(StageHandle {
            engine,
            context: context.clone(),
            layout,
            is_begun: AtomicBool::new(false),
            fresh_files: Mutex::default(),
        });
        self.stages.keep(handle.clone());
        Ok(handle)
    }

    /// Something of a stage is not there. Before anything is concluded from that its engine is asked who it is: where another one has taken its
    /// address, nothing is known of the stage.
    pub(crate) async fn certain(&self, engine: &ContainerEngine) -> Result<(), BackendError> {
        self.connection.probe(Some(&engine.info.id)).await.map(drop)
    }
}
