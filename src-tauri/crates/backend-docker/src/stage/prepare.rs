//! Making the place for a stage: its network, its volumes, and the working copy filled from the commit.

use super::StageHandle;
use crate::step::container;
use crate::{DockerBackend, error, labels};
use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use lp_backend::{BackendError, Cancel, StageContext};
use lp_model::VolumeKind;

/// Podman looks at all interfaces of the computer for a free range of addresses, and fails when one vanishes meanwhile, as those of ended
/// containers do: it is asked again.
const INTERFACE_VANISHED: &str = "no such network interface";
const NETWORK_TRIES: u32 = 5;

impl DockerBackend {
    pub(crate) async fn prepare_stage(&self, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        if cancel.is_asked() {
            return Err(BackendError::Cancelled);
        }
        let engine = self.connection.engine().await?;
        // A layout from an earlier life of the stage may be another one by now.
        self.stages.forget(&stage.name());
        // Together, because making a network and its holder takes the engine long and does not need the disk. Both are waited for also when one fails:
        // what is given up in the middle could still appear after `destroy` has looked for it.
        let work = async {
            let handle = self.stage(stage).await?;
            let (network, files) = tokio::join!(self.make_networks(&handle), self.make_volumes(&handle, cancel));
            files.and(network)
        };
        engine.watched(self.heartbeat, work).await
    }

    async fn make_networks(&self, stage: &StageHandle) -> Result<(), BackendError> {
        if stage.layout.network {
            self.make_network(stage).await?;
        }
        if stage.layout.holder() { self.make_holder(stage).await } else { Ok(()) }
    }

    async fn make_network(&self, stage: &StageHandle) -> Result<(), BackendError> {
        let StageHandle { engine, context: stage, .. } = stage;
        let name = stage.name();
        // Asked first: engines used to allow two networks of one name.
        match engine.docker.inspect_network(&name, None).await {
            Ok(_) => return Ok(()),
            Err(missing) if error::is_missing(&missing) => {}
            Err(refused) => return Err(error::call(format!("look for network `{name}`"), &refused)),
        }
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".to_owned()),
            labels: Some(labels::of_stage(&self.owner, stage)),
            ..Default::default()
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match engine.docker.create_network(request.clone()).await {
                Ok(_) => return Ok(()),
                Err(refused) if tries < NETWORK_TRIES && error::message(&refused).contains(INTERFACE_VANISHED) => {}
                Err(refused) => return Err(error::call(format!("create network `{name}`"), &refused)),
            }
        }
    }

    async fn make_volumes(&self, handle: &StageHandle, cancel: &Cancel) -> Result<(), BackendError> {
        let stage = &handle.context;
        for (position, volume) in stage.stage.volumes.iter().enumerate() {
            if volume.kind == VolumeKind::Temp {
                self.make_volume(handle, container::volume_name(stage, position)).await?;
            }
        }
        let has_files = stage.source.is_some() || !stage.stage.workspace.path.trim_matches('/').is_empty();
        if has_files { self.make_working_copy(handle, cancel).await } else { self.make_volume(handle, stage.name()).await }
    }

    /// The call does nothing when the volume is there.
    pub(super) async fn make_volume(&self, stage: &StageHandle, name: String) -> Result<(), BackendError> {
        let StageHandle { engine, context: stage, .. } = stage;
        let request =
            VolumeCreateRequest { name: Some(name.clone()), labels: Some(labels::of_stage(&self.owner, stage)), ..Default::default() };
        match engine.docker.create_volume(request).await {
            Ok(_) => Ok(()),
            Err(refused) => Err(error::call(format!("create volume `{name}`"), &refused)),
        }
    }
}
