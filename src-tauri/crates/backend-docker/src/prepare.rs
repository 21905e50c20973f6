//! Making the place for a stage: its network, its volumes, and the working copy filled from the commit.

use crate::connect::Engine;
use crate::{DockerBackend, container, error, labels};
use bollard::models::{ContainerCreateBody, HostConfig, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
    UploadToContainerOptionsBuilder,
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

/// Size of the pieces in which the commit is sent.
const CHUNK: usize = 256 * 1024;

impl DockerBackend {
    pub(crate) async fn prepare_stage(&self, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        if cancel.is_asked() {
            return Err(BackendError::Cancelled);
        }
        let engine = self.connection.engine().await?;
        // Together, because making a network takes the engine long and does not need the disk. Both are waited for also when one fails:
        // what is given up in the middle could still appear after `destroy` has looked for it.
        let work = async {
            let (network, files) = tokio::join!(self.make_network(&engine, stage), self.make_volumes(&engine, stage, cancel));
            files.and(network)
        };
        engine.watched(self.heartbeat, work).await
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
        match engine.docker.create_network(request).await {
            Ok(_) => Ok(()),
            Err(refused) => Err(error::call(format!("create network `{name}`"), &refused)),
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
    /// be told: a volume without a loader is complete (and steps may have changed it: it is not filled again), one with a loader is not.
    async fn make_working_copy(&self, engine: &Engine, stage: &StageContext, cancel: &Cancel) -> Result<(), BackendError> {
        let volume = stage.name();
        let loader = format!("{volume}-source");
        match engine.docker.inspect_volume(&volume).await {
            Ok(_) => {
                if !self.remove_loader(engine, &loader).await? {
                    return Ok(());
                }
                let force = RemoveVolumeOptionsBuilder::new().force(true).build();
                let removed = engine.docker.remove_volume(&volume, Some(force)).await;
                removed.map_err(|refused| error::call(format!("remove volume `{volume}`"), &refused))?;
            }
            Err(missing) if error::is_missing(&missing) => {}
            Err(refused) => return Err(error::call(format!("look for volume `{volume}`"), &refused)),
        }
        self.make_loader(engine, stage, &loader).await?;

        let base = stage.stage.workspace.base.as_str();
        let path = stage.stage.workspace.path.trim_matches('/');
        if !path.is_empty() {
            self.upload(engine, &loader, base, stream::iter([Ok(folders(path))]), cancel).await?;
        }
        if let Some(source) = &stage.source {
            self.upload_source(engine, &loader, &stage.stage.workspace.dir(), source.as_ref(), cancel).await?;
        }
        self.remove_loader(engine, &loader).await?;
        Ok(())
    }

    async fn make_loader(&self, engine: &Engine, stage: &StageContext, loader: &str) -> Result<(), BackendError> {
        let labels = labels::of_stage(&self.owner, stage);
        let body = ContainerCreateBody {
            image: Some(format!("docker.io/{}:{}", EMPTY_IMAGE.0, EMPTY_IMAGE.1)),
            // Never run, but the engine wants something to be there.
            cmd: Some(vec!["/none".to_owned()]),
            labels: Some(labels.clone()),
            host_config: Some(HostConfig {
                mounts: Some(vec![container::working_copy(stage, Some(labels))]),
                network_mode: Some("none".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(loader).build();
        let mut created = engine.docker.create_container(Some(options.clone()), body.clone()).await;
        if created.as_ref().is_err_and(error::is_missing) {
            // One at a time: of two imports at once one would lose its name to the other and lie about.
            let _turn = self.empty_image.lock().await;
            created = engine.docker.create_container(Some(options.clone()), body.clone()).await;
            if created.as_ref().is_err_and(error::is_missing) {
                import_empty_image(engine).await?;
                created = engine.docker.create_container(Some(options), body).await;
            }
        }
        created.map_err(|refused| error::call(format!("create container `{loader}`"), &refused))?;
        Ok(())
    }

    /// Says whether it was there.
    async fn remove_loader(&self, engine: &Engine, loader: &str) -> Result<bool, BackendError> {
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        match engine.docker.remove_container(loader, Some(force)).await {
            Ok(()) => Ok(true),
            Err(missing) if error::is_missing(&missing) => Ok(false),
            Err(refused) => Err(error::call(format!("remove container `{loader}`"), &refused)),
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
        let unreadable = |error: io::Error| BackendError::Source { message: error.to_string() };
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
            Some(message) => Err(BackendError::Source { message }),
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
            return Err(BackendError::Call { action: action.to_owned(), message: error::message(&refused) });
        }
        Err(error::call(action, &refused))
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

/// Imports an archive without entries.
async fn import_empty_image(engine: &Engine) -> Result<(), BackendError> {
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(EMPTY_IMAGE.0).tag(EMPTY_IMAGE.1).build();
    // A tar ends with two blocks of zeros, and an empty one is nothing else.
    let archive = bollard::body_full(Bytes::from_static(&[0; 1024]));
    let imported: Result<Vec<_>, _> = engine.docker.create_image(Some(options), Some(archive), None).try_collect().await;
    imported.map_err(|refused| error::call(format!("import image `{}`", EMPTY_IMAGE.0), &refused))?;
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
