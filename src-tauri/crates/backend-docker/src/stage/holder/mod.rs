//! The holder: a container that does nothing but keep a network namespace alive for steps that share it ([`DockerBackend::make_holder`]), and that is
//! as the engine made it when a step starts ([`DockerBackend::freshen_holder`]). Its program stands in `program`.

mod program;

use super::StageHandle;
use super::network::{Abilities, is_host_name};
use crate::connect::ContainerEngine;
use crate::creation::remove;
use crate::step::container;
use crate::time::Moment;
use crate::{DockerBackend, error, labels};
use bollard::models::{ContainerCreateBody, ContainerState, EndpointSettings, HostConfig, NetworkingConfig};
use bollard::query_parameters::{ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder};
use futures_util::StreamExt as _;
use lp_backend::{BackendError, StageContext};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Files that all who share a namespace share, too. The engine writes them before the holder starts.
const SHARED_FILES: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"];
const SHARED_FOLDER: &str = "/etc";

/// An archive of them that is longer has been blown up by a step, in bytes.
const LONGEST_ARCHIVE: usize = 1 << 20;

/// Name of the holder of a stage.
pub(crate) fn name(stage: &StageContext) -> String {
    format!("{}-holder", stage.name())
}

/// What became of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The stage has none.
    None,
    /// It is not there.
    Gone,
    /// It has ended, at that moment if the engine can say.
    Ended(Option<Moment>),
    /// It runs since then; the second is when it ended before, if it ever did.
    Runs(Option<Moment>, Option<Moment>),
}

/// The shared files of a holder as the engine made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FreshFiles {
    /// When that holder began.
    since: Moment,
    hash: [u8; 32],
}

impl DockerBackend {
    /// What the engine can do for the layout of a stage.
    pub(crate) async fn abilities(&self, engine: &ContainerEngine) -> Result<Abilities, BackendError> {
        // Podman writes the hosts file of a shared namespace anew for each who joins, and removes no holder before all who ever joined are
        // removed: what a step changed there could not be taken back.
        let can_run = !engine.is_podman() && program::image(&engine.info.platform).is_some();
        let holder = can_run && !self.holders_fail.load(Ordering::Relaxed);
        let known = self.bridge.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((address, bridge)) = known
            && address == engine.info.address
        {
            return Ok(Abilities { bridge, holder });
        }
        // Podman's default network has another name, but it is what `bridge` means there.
        let bridge = engine.is_podman()
            || match engine.docker.inspect_network("bridge", None).await {
                Ok(_) => true,
                Err(missing) if error::is_missing(&missing) => false,
                Err(refused) => return Err(error::call("look for the default network", &refused)),
            };
        *self.bridge.lock().unwrap_or_else(PoisonError::into_inner) = Some((engine.info.address.clone(), bridge));
        Ok(Abilities { bridge, holder })
    }

    /// Makes sure that the holder runs. Where it cannot be made to, that is remembered and everybody gets a namespace of his own: slower, not
    /// less right.
    pub(crate) async fn make_holder(&self, stage: &StageHandle) -> Result<(), BackendError> {
        match self.start_holder(stage).await {
            Err(BackendError::Call { action, message, .. }) => {
                tracing::warn!(action, "the holder of a network cannot be used: {message}");
                self.holders_fail.store(true, Ordering::Relaxed);
                self.stages.forget(&stage.context.name());
                Ok(())
            }
            other => other,
        }
    }

    async fn start_holder(&self, stage: &StageHandle) -> Result<(), BackendError> {
        let engine = &stage.engine;
        let name = name(&stage.context);
        let Some(image) = program::image(&engine.info.platform) else { return Ok(()) };
        // One that is there already may run or not: starting what runs is no error.
        self.own_images.create(engine, &image, &name, body(stage, &self.owner)).await?;
        engine.docker.start_container(&name, None).await.map_err(|refused| error::call(format!("start container `{name}`"), &refused))
    }

    /// Makes sure before a step starts that its namespace is there and as the engine made it.
    ///
    /// The hosts file, the resolver's file and the host name's are shared with the namespace. What one step writes into them is not for
    /// the next one, so a holder whose files were changed is replaced: no step runs in its namespace now, because those who share one are
    /// never awaited at the same time. Says whether it was replaced.
    pub(crate) async fn freshen_holder(&self, stage: &StageHandle) -> Result<bool, BackendError> {
        let (fate, files) = tokio::join!(fate(stage), shared_files(stage));
        match fate? {
            Fate::Runs(Some(since), _) => {
                let found = files.map(|hash| FreshFiles { since, hash });
                let known = || stage.fresh_files.lock().unwrap_or_else(PoisonError::into_inner);
                if found.is_some() && *known() == found {
                    return Ok(false);
                }
                if are_older(stage, since).await {
                    *known() = found;
                    return Ok(false);
                }
                let name = name(&stage.context);
                remove(&stage.engine.docker, &name).await.map_err(|refused| error::call(format!("remove container `{name}`"), &refused))?;
                self.start_holder(stage).await.map(|()| true)
            }
            Fate::Runs(None, _) | Fate::None => Ok(false),
            // The engine was restarted, or someone removed it.
            Fate::Ended(_) | Fate::Gone => self.start_holder(stage).await.map(|()| true),
        }
    }
}

/// Hash of the shared files with their rights, `None` when the engine does not give them. The holder has nothing else in their folder, and one archive
/// is a third of what asking the engine for three files costs; its times are whole seconds, which do not tell a file that was
/// just made from one that was just changed.
async fn shared_files(stage: &StageHandle) -> Option<[u8; 32]> {
    if !stage.layout.holder() {
        return None;
    }
    let options = DownloadFromContainerOptionsBuilder::new().path(SHARED_FOLDER).build();
    let mut archive = std::pin::pin!(stage.engine.docker.download_from_container(&name(&stage.context), Some(options)));
    let (mut hash, mut length) = (Sha256::new(), 0);
    while let Some(piece) = archive.next().await {
        let piece = piece.ok()?;
        length += piece.len();
        if length > LONGEST_ARCHIVE {
            return None;
        }
        hash.update(&piece);
    }
    Some(hash.finalize().into())
}

/// Whether the engine wrote the shared files before the holder began, and nobody since.
async fn are_older(stage: &StageHandle, began: Moment) -> bool {
    let name = name(&stage.context);
    let changed_at = async |path: &str| {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        let found = stage.engine.docker.get_container_archive_info(&name, Some(options)).await;
        found.ok().and_then(|found| found.modification_time).as_deref().and_then(Moment::parse)
    };
    let [hosts, resolver, host_name] = SHARED_FILES;
    let (hosts, resolver, host_name) = tokio::join!(changed_at(hosts), changed_at(resolver), changed_at(host_name));
    [hosts, resolver, host_name].into_iter().flatten().all(|changed| changed <= began)
}

/// What became of the holder of a stage.
pub(crate) async fn fate(stage: &StageHandle) -> Result<Fate, BackendError> {
    if !stage.layout.holder() {
        return Ok(Fate::None);
    }
    let name = name(&stage.context);
    match stage.engine.docker.inspect_container(&name, None).await {
        Ok(found) => Ok(fate_of(&found.state.unwrap_or_default())),
        Err(missing) if error::is_missing(&missing) => Ok(Fate::Gone),
        Err(refused) => Err(error::call(format!("look for container `{name}`"), &refused)),
    }
}

fn fate_of(state: &ContainerState) -> Fate {
    let moment = |text: &Option<String>| text.as_deref().and_then(Moment::parse);
    match state.running {
        Some(true) => Fate::Runs(moment(&state.started_at), moment(&state.finished_at)),
        _ => Fate::Ended(moment(&state.finished_at)),
    }
}

fn body(stage: &StageHandle, owner: &str) -> ContainerCreateBody {
    let StageHandle { context: stage, layout, .. } = stage;
    let names: Vec<String> = layout.sharing().iter().filter(|name| is_host_name(name)).cloned().collect();
    let networking = layout.network.then(|| {
        let endpoint = EndpointSettings { aliases: Some(names.clone()), ..Default::default() };
        NetworkingConfig { endpoints_config: Some(HashMap::from([(stage.name(), endpoint)])) }
    });
    ContainerCreateBody {
        cmd: Some(vec![program::PATH.to_owned()]),
        labels: Some(labels::of_stage(owner, stage)),
        host_config: Some(HostConfig {
            network_mode: Some(if layout.network { stage.name() } else { "bridge".to_owned() }),
            extra_hosts: (!layout.network).then(|| names.iter().map(|name| format!("{name}:127.0.0.1")).collect()),
            log_config: Some(container::log_config(false)),
            cap_drop: Some(vec!["ALL".to_owned()]),
            ..Default::default()
        }),
        networking_config: networking,
        ..Default::default()
    }
}
