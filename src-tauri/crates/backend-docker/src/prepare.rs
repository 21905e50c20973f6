//! Making the place for a stage: its network, its volumes, and the working copy filled from the commit.

use crate::connect::Engine;
use crate::network::Layout;
use crate::{DockerBackend, container, error, labels};
use bollard::models::{ContainerCreateBody, HostConfig, Mount, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use lp_backend::{BackendError, Cancel, CancelStage, Source, StageContext};
use lp_model::VolumeKind;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

/// An image without a single file, made on the spot: something to hang the volume on while it is filled.
const EMPTY_IMAGE: (&str, &str) = ("letterpress/empty", "1");

/// A repository of many gigabytes on a slow disk takes its time; whether the engine is still there is asked separately.
const UPLOAD_LIMIT: Duration = Duration::from_secs(6 * 60 * 60);

/// How long the engine may take to make a container that somebody else has asked for, and how often it is looked for.
const MAKING_LIMIT: Duration = Duration::from_secs(10);
const MAKING_PAUSE: Duration = Duration::from_millis(20);

/// Podman looks at all interfaces of the computer for a free range of addresses, and fails when one vanishes meanwhile, as those of ended
/// containers do: it is asked again.
const INTERFACE_VANISHED: &str = "no such network interface";
const NETWORK_TRIES: u32 = 5;

/// Size of the pieces in which the commit is sent.
const CHUNK: usize = 256 * 1024;

/// End of the name of the container that fills the working copy of a stage. While it is there the working copy is not complete.
pub(crate) const LOADER_SUFFIX: &str = "-source";

impl DockerBackend {
    pub(crate) async fn prepare_stage(&self, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        if cancel.is_asked() {
            return Err(BackendError::Cancelled);
        }
        let engine = self.connection.engine().await?;
        // Together, because making a network and its holder takes the engine long and does not need the disk. Both are waited for also when one fails:
        // what is given up in the middle could still appear after `destroy` has looked for it.
        let work = async {
            let layout = self.layout(&engine, stage).await?;
            let (network, files) = tokio::join!(self.make_networks(&engine, stage, &layout), self.make_volumes(&engine, stage, cancel));
            files.and(network)
        };
        engine.watched(self.heartbeat, work).await
    }

    async fn make_networks(&self, engine: &Engine, stage: &StageContext, layout: &Layout) -> Result<(), BackendError> {
        if layout.network {
            self.make_network(engine, stage).await?;
        }
        if layout.holder() { self.make_holder(engine, stage, layout).await } else { Ok(()) }
    }

    async fn make_network(&self, engine: &Engine, stage: &StageContext) -> Result<(), BackendError> {
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

    async fn make_volumes(&self, engine: &Engine, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        for (position, volume) in stage.stage.volumes.iter().enumerate() {
            if volume.kind == VolumeKind::Temp {
                self.make_volume(engine, stage, container::volume_name(stage, position)).await?;
            }
        }
        let has_files = stage.source.is_some() || !stage.stage.workspace.path.trim_matches('/').is_empty();
        if has_files { self.make_working_copy(engine, stage, cancel).await } else { self.make_volume(engine, stage, stage.name()).await }
    }

    /// The call does nothing when the volume is there.
    async fn make_volume(&self, engine: &Engine, stage: &StageContext, name: String) -> Result<(), BackendError> {
        let request =
            VolumeCreateRequest { name: Some(name.clone()), labels: Some(labels::of_stage(&self.owner, stage)), ..Default::default() };
        match engine.docker.create_volume(request).await {
            Ok(_) => Ok(()),
            Err(refused) => Err(error::call(format!("create volume `{name}`"), &refused)),
        }
    }

    /// Fills the volume through a loader: a container that is created and never started.
    ///
    /// The volume is made by creating the loader and the loader is removed when the volume is full, so what a crash left behind can
    /// be told: a volume without a loader is complete (and steps may have changed it: it is not filled again), one with a loader is not,
    /// unless a step has run. The same files are sent into that once more. The loader is removed beside the first step, which need not wait
    /// for it.
    ///
    /// Podman gives no labels to a volume that it makes along with a container, and what has none is never removed. There the volume is made
    /// before its loader, and before both another container under the loader's usual name, which says the same by being there.
    async fn make_working_copy(&self, engine: &Engine, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        let volume = stage.name();
        let marker = format!("{volume}{LOADER_SUFFIX}");
        match engine.docker.inspect_volume(&volume).await {
            Ok(_) => match self.is_incomplete(engine, stage).await? {
                (true, _) => {}
                (false, true) => return self.remove_empty(engine, &marker).await,
                (false, false) => return Ok(()),
            },
            Err(missing) if error::is_missing(&missing) => {}
            Err(refused) => return Err(error::call(format!("look for volume `{volume}`"), &refused)),
        }
        let mount = container::working_copy(stage, Some(labels::of_stage(&self.owner, stage)));
        let loader = if engine.is_podman() {
            self.make_empty(engine, stage, &marker, None).await?;
            self.make_volume(engine, stage, volume.clone()).await?;
            format!("{volume}-loader")
        } else {
            marker.clone()
        };
        self.make_empty(engine, stage, &loader, Some(mount)).await?;

        let base = stage.stage.workspace.base.as_str();
        let path = stage.stage.workspace.path.trim_matches('/');
        if !path.is_empty() {
            self.upload(engine, &loader, base, stream::iter([Ok(folders(path))]), cancel).await?;
        }
        if let Some(source) = &stage.source {
            self.upload_source(engine, &loader, &stage.stage.workspace.dir(), source.as_ref(), cancel).await?;
        }
        if loader != marker {
            self.remove_empty(engine, &loader).await?;
            return self.remove_empty(engine, &marker).await;
        }
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(marker);
        Ok(())
    }

    /// The stage is destroyed, and its loader with it.
    pub(crate) fn forget_loader(&self, stage: &StageContext) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(&format!("{}{LOADER_SUFFIX}", stage.name()));
    }

    /// Removes the loader of a working copy that is full, if that is still to be done. What fails here is done by `destroy`.
    pub(crate) async fn remove_loader(&self, engine: &Engine, stage: &StageContext) {
        let loader = format!("{}{LOADER_SUFFIX}", stage.name());
        if !self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(&loader) {
            return;
        }
        if let Err(error) = self.remove_empty(engine, &loader).await {
            tracing::warn!(loader, "cannot be removed now: {error}");
        }
    }

    /// Makes a container that is never started. One that is there is as good.
    async fn make_empty(&self, engine: &Engine, stage: &StageContext, name: &str, mount: Option<Mount>) -> Result<(), BackendError> {
        let body = ContainerCreateBody {
            image: Some(format!("docker.io/{}:{}", EMPTY_IMAGE.0, EMPTY_IMAGE.1)),
            // Never run, but the engine wants something to be there.
            cmd: Some(vec!["/none".to_owned()]),
            labels: Some(labels::of_stage(&self.owner, stage)),
            host_config: Some(HostConfig {
                mounts: mount.map(|mount| vec![mount]),
                network_mode: Some("none".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let mut created = engine.docker.create_container(Some(options.clone()), body.clone()).await;
        if created.as_ref().is_err_and(error::is_missing) {
            // One at a time: of two imports at once one would lose its name to the other and lie about.
            let _turn = self.own_images.lock().await;
            created = engine.docker.create_container(Some(options.clone()), body.clone()).await;
            if created.as_ref().is_err_and(error::is_missing) {
                // A tar ends with two blocks of zeros, and an empty one is nothing else.
                make_image(engine, EMPTY_IMAGE, Bytes::from_static(&[0; 1024])).await?;
                created = engine.docker.create_container(Some(options), body).await;
            }
        }
        match created {
            Ok(_) => Ok(()),
            Err(exists) if error::is_taken(&exists) => wait_until_made(engine, name).await,
            Err(refused) => Err(error::call(format!("create container `{name}`"), &refused)),
        }
    }

    async fn remove_empty(&self, engine: &Engine, name: &str) -> Result<(), BackendError> {
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        match engine.docker.remove_container(name, Some(force)).await {
            Ok(()) => Ok(()),
            Err(missing) if error::is_missing(&missing) => Ok(()),
            Err(refused) => Err(error::call(format!("remove container `{name}`"), &refused)),
        }
    }

    async fn upload_source(
        &self,
        engine: &Engine,
        loader: &str,
        path: &str,
        source: &dyn Source,
        cancel: &Cancel,
    ) -> Result<(), BackendError> {
        let unreadable = |error: io::Error| source_error(error.to_string());
        let mut reader = source.open().await.map_err(unreadable)?;
        // The first piece is read before the engine is called: a repository that cannot be read at all is the usual failure.
        let mut first = vec![0; CHUNK];
        let length = reader.read(&mut first).await.map_err(unreadable)?;
        first.truncate(length);
        let first = stream::iter([Ok(Bytes::from(first))]);

        let failure = Arc::new(Mutex::new(None));
        let seen = failure.clone();
        let rest = ReaderStream::with_capacity(reader, CHUNK).inspect_err(move |error| {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        });
        let sent = self.upload(engine, loader, path, first.chain(rest), cancel).await;
        // A source that fails in the middle makes the call fail too; then the source's own words are the reason.
        match failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(message) => Err(source_error(message)),
            None => sent,
        }
    }

    async fn upload(
        &self,
        engine: &Engine,
        loader: &str,
        path: &str,
        tar: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        cancel: &Cancel,
    ) -> Result<(), BackendError> {
        let options = UploadToContainerOptionsBuilder::new().path(path).build();
        let patient = engine.patient(UPLOAD_LIMIT);
        let sent = tokio::select! {
            biased;
            () = cancel.reached(CancelStage::Ask) => return Err(BackendError::Cancelled),
            sent = patient.upload_to_container(loader, Some(options), bollard::body_try_stream(tar)) => sent,
        };
        let Err(refused) = sent else { return Ok(()) };
        let action = "copy the files of the commit into the working copy";
        // An engine that refuses in the middle (a full disk) closes the connection on us, and its reason may be lost with it.
        if error::is_transport(&refused) && engine.docker.ping().await.is_ok() {
            return Err(BackendError::call(action, error::message(&refused)));
        }
        Err(error::call(action, &refused))
    }
}

/// The repository cannot be read.
fn source_error(message: String) -> BackendError {
    BackendError::source_unreadable(message).hinted("check that the repository is readable and has the commit")
}

/// Waits for a container whose name is taken: the engine may still be making it for a process that has died.
async fn wait_until_made(engine: &Engine, name: &str) -> Result<(), BackendError> {
    let mut left = MAKING_LIMIT;
    loop {
        match engine.docker.inspect_container(name, None).await {
            Ok(_) => return Ok(()),
            Err(missing) if error::is_missing(&missing) && !left.is_zero() => {}
            Err(refused) => return Err(error::call(format!("look for container `{name}`"), &refused)),
        }
        tokio::time::sleep(MAKING_PAUSE).await;
        left = left.saturating_sub(MAKING_PAUSE);
    }
}

/// A tar of the folders of `path`, outermost first.
fn folders(path: &str) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    let mut folder = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        folder.push_str(part);
        folder.push('/');
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        builder.append_data(&mut header, &folder, io::empty()).expect("writing to memory cannot fail");
    }
    builder.into_inner().expect("writing to memory cannot fail").into()
}

/// Makes an image with that name and version of a tar.
pub(crate) async fn make_image(engine: &Engine, (name, version): (&str, &str), archive: Bytes) -> Result<(), BackendError> {
    // The tag stands in the name: Podman before 4.5 ignores it as a parameter of its own.
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(&format!("{name}:{version}")).build();
    let imported: Result<Vec<_>, _> =
        engine.docker.create_image(Some(options), Some(bollard::body_full(archive)), None).try_collect().await;
    imported.map_err(|refused| error::call(format!("import image `{name}`"), &refused))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_outermost_first() {
        let bytes = folders("src//中文/a");
        let mut archive = tar::Archive::new(&bytes[..]);
        let names: Vec<_> = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["src/", "src/中文/", "src/中文/a/"]);
    }
}
