//! Making the place for a stage: its network, its volumes, and the working copy filled from the commit.

use super::StageHandle;
use crate::step::container;
use crate::{DockerBackend, error, labels};
use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use lp_backend::{BackendError, Cancel, Files, Keep, Notes, StageContext};
use lp_model::VolumeKind;
use lp_model::{Message, message};

/// Podman looks at all interfaces of the computer for a free range of addresses, and fails when one vanishes meanwhile, as those of ended
/// containers do: it is asked again.
const INTERFACE_VANISHED: &str = "no such network interface";
const NETWORK_TRIES: u32 = 5;

impl DockerBackend {
    pub(crate) async fn prepare_stage(&self, stage: &StageContext, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError> {
        if cancel.is_asked() {
            return Err(BackendError::Cancelled);
        }
        // A layout from an earlier life of the stage may be another one by now.
        self.stages.forget(&stage.name());
        let handle = self.stage(stage).await?;
        // Together, because making a network and its holder takes the engine long and does not need the disk. Both are waited for also when one fails:
        // what is given up in the middle could still appear after `destroy` has looked for it.
        let work = async {
            match stage.files {
                Files::Fresh => self.make_room(&handle).await?,
                Files::Kept => self.find_files(&handle).await?,
            }
            let (network, files) = tokio::join!(self.make_networks(&handle), self.make_volumes(&handle, notes, cancel));
            files.and(network)
        };
        handle.engine.watched(self.heartbeat, work).await
    }

    /// Removes what there is of a stage that begins with the files of the commit: it may be half of them, or changed, or belong to an earlier attempt.
    ///
    /// Everything that a program can have changed hangs on the volumes, so where none is there nothing else is looked for: containers keep their volumes.
    async fn make_room(&self, stage: &StageHandle) -> Result<(), BackendError> {
        if self.missing_volumes(stage).await?.len() == volumes(&stage.context).count() {
            return Ok(());
        }
        let left = self.remove_stage(stage, Keep::Nothing).await?;
        if left.is_empty() {
            return Ok(());
        }
        let action = message!("remove what was left of `{}`", stage.context.name());
        Err(BackendError::call(action, Message::joined(left, "; ")).hinted(message!("remove it by hand and retry")))
    }

    /// Makes sure that the files are there on which steps have worked.
    async fn find_files(&self, stage: &StageHandle) -> Result<(), BackendError> {
        let missing = self.missing_volumes(stage).await?;
        if missing.is_empty() {
            self.loader_is_to_go(&stage.context);
            return Ok(());
        }
        self.certain(&stage.engine).await?;
        Err(BackendError::files_gone(message!("volume `{}` is not there", missing.join("`, `"))))
    }

    /// Names of the stage's volumes that are not there.
    async fn missing_volumes(&self, stage: &StageHandle) -> Result<Vec<String>, BackendError> {
        let mut missing = Vec::new();
        for name in volumes(&stage.context) {
            match stage.engine.docker.inspect_volume(&name).await {
                Ok(_) => {}
                Err(refused) if error::is_missing(&refused) => missing.push(name),
                Err(refused) => return Err(error::call(message!("look for volume `{}`", name), &refused)),
            }
        }
        Ok(missing)
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
            Err(refused) => return Err(error::call(message!("look for network `{}`", name), &refused)),
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
                Err(refused) if tries < NETWORK_TRIES && error::message(&refused).to_string().contains(INTERFACE_VANISHED) => {}
                Err(refused) => return Err(error::call(message!("create network `{}`", name), &refused)),
            }
        }
    }

    async fn make_volumes(&self, handle: &StageHandle, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError> {
        let stage = &handle.context;
        if stage.files == Files::Kept {
            return Ok(());
        }
        let working_copy = stage.name();
        for name in volumes(stage).filter(|name| *name != working_copy) {
            self.make_volume(handle, name).await?;
        }
        let has_files = stage.source.is_some() || !stage.stage.workspace.path.trim_matches('/').is_empty();
        if has_files { self.make_working_copy(handle, notes, cancel).await } else { self.make_volume(handle, working_copy).await }
    }

    /// The call does nothing when the volume is there.
    pub(super) async fn make_volume(&self, stage: &StageHandle, name: String) -> Result<(), BackendError> {
        let StageHandle { engine, context: stage, .. } = stage;
        let request =
            VolumeCreateRequest { name: Some(name.clone()), labels: Some(labels::of_stage(&self.owner, stage)), ..Default::default() };
        match engine.docker.create_volume(request).await {
            Ok(_) => Ok(()),
            Err(refused) => Err(error::call(message!("create volume `{}`", name), &refused)),
        }
    }
}

/// Names of the volumes of a stage: its working copy, and its temporary ones.
fn volumes(stage: &StageContext) -> impl Iterator<Item = String> {
    let temporary = stage.stage.volumes.iter().enumerate().filter(|(_, volume)| volume.kind == VolumeKind::Temp);
    std::iter::once(stage.name()).chain(temporary.map(|(position, _)| container::volume_name(stage, position)))
}
