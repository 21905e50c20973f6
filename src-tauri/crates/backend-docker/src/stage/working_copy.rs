//! The working copy of a stage: a volume that is filled from the commit through a container.

use super::StageHandle;
use super::rooted::rooted;
use crate::connect::ContainerEngine;
use crate::creation::remove;
use crate::image::own::OwnImage;
use crate::step::container;
use crate::{DockerBackend, error, labels};
use bollard::models::{ContainerCreateBody, HostConfig, Mount};
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use lp_backend::{BackendError, Cancel, CancelStage, Notes, StageContext};
use lp_model::{Message, message};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;
use tokio_util::io::ReaderStream;

/// For the library, which wants a limit for each call.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Size of the pieces in which the commit is sent.
const CHUNK: usize = 256 * 1024;

/// End of the name of the container that fills the working copy of a stage.
const LOADER_SUFFIX: &str = "-source";

impl DockerBackend {
    /// Fills the volume through a loader: a container that is created and never started. It is removed beside the first step, which need not
    /// wait for it; until then it keeps a person's `docker volume prune` away from the volume.
    ///
    /// Podman gives no labels to a volume that it makes along with a container, and what has none is never removed: there the volume is made before.
    pub(super) async fn make_working_copy(&self, handle: &StageHandle, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError> {
        let StageHandle { engine, context: stage, .. } = handle;
        let loader = format!("{}{LOADER_SUFFIX}", stage.name());
        let mount = container::working_copy(stage, &stage.stage.workspace.base, Some(labels::of_stage(&self.owner, stage)));
        if engine.is_podman() {
            self.make_volume(handle, stage.name()).await?;
        }
        self.make_empty(engine, stage, &loader, Some(mount)).await?;
        self.fill(engine, stage, &loader, notes, cancel).await?;
        self.loader_is_to_go(stage);
        Ok(())
    }

    /// The loader of a stage, if it is there, is of no more use.
    pub(super) fn loader_is_to_go(&self, stage: &StageContext) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{}{LOADER_SUFFIX}", stage.name()));
    }

    /// The stage is destroyed, and its loader with it.
    pub(crate) fn forget_loader(&self, stage: &StageContext) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(&format!("{}{LOADER_SUFFIX}", stage.name()));
    }

    /// Removes the loader of a working copy that is full, if that is still to be done. What fails here is done by `destroy`.
    pub(crate) async fn remove_loader(&self, handle: &StageHandle) {
        let StageHandle { engine, context: stage, .. } = handle;
        let loader = format!("{}{LOADER_SUFFIX}", stage.name());
        if !self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(&loader) {
            return;
        }
        if let Err(error) = self.remove_empty(engine, &loader).await {
            tracing::warn!(loader, "cannot be removed now: {error}");
        }
    }

    /// Makes a container that is never started. One that is there is as good.
    async fn make_empty(
        &self,
        engine: &ContainerEngine,
        stage: &StageContext,
        name: &str,
        mount: Option<Mount>,
    ) -> Result<(), BackendError> {
        let body = ContainerCreateBody {
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
        self.own_images.create(engine, &OwnImage::empty(), name, body).await.map(drop)
    }

    async fn remove_empty(&self, engine: &ContainerEngine, name: &str) -> Result<(), BackendError> {
        remove(&engine.docker, name).await.map_err(|refused| error::call(message!("remove container `{}`", name), &refused))
    }

    /// Sends the folders of the working copy and the files of the commit through the loader, in one call that begins at the loader's root: out of
    /// that no link of the commit can lead ([`super::rooted`]). Podman unpacks past a volume below the folder that it is given, and does not mind links:
    /// there the call begins at the volume.
    async fn fill(
        &self,
        engine: &ContainerEngine,
        stage: &StageContext,
        loader: &str,
        notes: &dyn Notes,
        cancel: &Cancel,
    ) -> Result<(), BackendError> {
        let workspace = &stage.stage.workspace;
        let (target, base, dir) = match engine.is_podman() {
            true => (workspace.base.as_str(), "", workspace.path.clone()),
            false => ("/", workspace.base.as_str(), workspace.dir()),
        };
        let folders = folders(base, &workspace.path);
        let Some(source) = &stage.source else {
            // A tar ends with two blocks of zeros.
            let whole = [&folders[..], &[0; 1024]].concat();
            return self.upload(engine, loader, target, stream::iter([Ok(Bytes::from(whole))]), notes, cancel).await;
        };
        let unreadable = |error: io::Error| unreadable(Message::of_error(&error));
        let mut reader = source.open().await.map_err(unreadable)?;
        // The first piece is read before the engine is called: a repository that cannot be read at all is the usual failure.
        let mut first = vec![0; CHUNK];
        let length = reader.read(&mut first).await.map_err(unreadable)?;
        first.truncate(length);
        let first = stream::iter([Ok(Bytes::from(first))]);

        let failure = Arc::new(Mutex::new(None));
        let seen = failure.clone();
        let files = rooted(&dir, first.chain(ReaderStream::with_capacity(reader, CHUNK))).inspect_err(move |error| {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Message::of_error(error));
        });
        let sent = self.upload(engine, loader, target, stream::iter([Ok(folders)]).chain(files), notes, cancel).await;
        // A source that fails in the middle makes the call fail too; then the source's own words are the reason.
        match failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(message) => Err(self::unreadable(message)),
            None => sent,
        }
    }

    /// Unpacks a tar in a folder of the loader, and tells `notes` of each piece that the engine takes: how long all of it takes depends on the
    /// repository and the line, and has no limit here.
    async fn upload(
        &self,
        engine: &ContainerEngine,
        loader: &str,
        folder: &str,
        tar: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        notes: &dyn Notes,
        cancel: &Cancel,
    ) -> Result<(), BackendError> {
        let action = || message!("copy the files of the commit into the working copy");
        let options = UploadToContainerOptionsBuilder::new().path(folder).build();
        let (sent, mut taken) = watch::channel(0);
        let tar = tar.inspect(move |piece| {
            let length = piece.as_ref().map_or(0, Bytes::len) as u64;
            sent.send_modify(|all| *all += length);
        });
        let patient = engine.patient(NO_LIMIT);
        let telling = async {
            while taken.changed().await.is_ok() {
                notes.progress(message!("copying the files of the commit: {} MB", *taken.borrow_and_update() / 1_000_000));
            }
            // All is sent. The engine still has to write it.
            std::future::pending::<Infallible>().await
        };
        let sent = tokio::select! {
            biased;
            () = cancel.reached(CancelStage::Ask) => return Err(BackendError::Cancelled),
            sent = patient.upload_to_container(loader, Some(options), bollard::body_try_stream(tar)) => sent,
            never = telling => match never {},
        };
        let Err(refused) = sent else { return Ok(()) };
        // An engine that refuses in the middle (a full disk) closes the connection on us, and its reason may be lost with it.
        if error::is_transport(&refused) && engine.docker.ping().await.is_ok() {
            return Err(BackendError::call(action(), error::message(&refused)));
        }
        Err(error::call(action(), &refused))
    }
}

fn unreadable(message: Message) -> BackendError {
    BackendError::source_unreadable(message).hinted(message!("check that the repository is readable and has the commit"))
}

/// The beginning of a tar: the folders of `path` below `base`, outermost first, with names from the root on.
fn folders(base: &str, path: &str) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    let mut folder = base.trim_matches('/').to_owned();
    if !folder.is_empty() {
        folder.push('/');
    }
    for part in path.split('/').filter(|part| !part.is_empty()) {
        folder.push_str(part);
        folder.push('/');
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        builder.append_data(&mut header, &folder, io::empty()).expect("writing to memory cannot fail");
    }
    // Not finished: the files follow.
    Bytes::copy_from_slice(builder.get_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_outermost_first() {
        let names = |base: &str, path: &str| -> Vec<String> {
            let whole = [&folders(base, path)[..], &[0; 1024]].concat();
            let mut archive = tar::Archive::new(&whole[..]);
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
        };
        assert_eq!(names("/drone", "src//中文/a"), ["drone/src/", "drone/src/中文/", "drone/src/中文/a/"]);
        assert_eq!(names("", "src/a"), ["src/", "src/a/"]);
        assert_eq!(names("/drone/src", ""), Vec::<String>::new());
    }
}
