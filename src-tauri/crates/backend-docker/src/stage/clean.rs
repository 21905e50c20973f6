//! Removing what we made: of one stage, or everything that no live run claims.

use super::working_copy::LOADER_SUFFIX;
use crate::connect::Engine;
use crate::creation;
use crate::{DockerBackend, error, labels};
use bollard::models::{ContainerSummaryStateEnum, Volume};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptions, ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::stream::{self, StreamExt as _};
use lp_backend::{BackendError, Claims, Keep, KeptFiles, StageContext, SweepReport};
use lp_model::{RunId, StageNumber};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// Time to remove the things of one stage or of one sweep. Never shortened by a cancel.
const CLEAN_LIMIT: Duration = Duration::from_secs(90);

/// How often everything is looked for again while something resists: a network is busy until its last container is really gone.
const ROUNDS: u32 = 3;

/// Between two rounds.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

/// How many things are removed at the same time: more would only keep steps of other runs waiting.
const REMOVALS_AT_ONCE: usize = 4;

/// The engine looks at every file of every volume to tell their sizes.
const SIZES_LIMIT: Duration = Duration::from_secs(300);

/// The newest version 1.x of the API in which sizes are a list of volumes. The library reads only what later ones made of it, but it reads lists
/// of volumes; so that call is sent to the address of the other, in this version.
const NEWEST_OLD_SIZES: u32 = 51;

/// How long a removal that someone else has begun may take.
const OTHER_REMOVAL_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Network,
    Volume,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

/// A thing of ours in an engine.
#[derive(Debug, Clone)]
struct Thing {
    kind: Kind,
    /// What the engine is called with: an id where names need not be unique.
    id: String,
    name: String,
    run: String,
    stage: String,
    /// The container of a step whose program was started.
    is_started_step: bool,
}

impl DockerBackend {
    /// Whether the working copy of a stage, which is there, is still to be filled; and whether its loader is there.
    ///
    /// Asked by a list, because that knows of a container from before its volumes are made, by which one that is just being made for a process
    /// that has died is seen, too.
    pub(crate) async fn is_incomplete(&self, engine: &Engine, stage: &StageContext) -> Result<(bool, bool), BackendError> {
        let number = stage.stage.number.to_string();
        let things = list(engine, &[(labels::RUN, stage.run.as_str()), (labels::STAGE, number.as_str())]).await?;
        let loading = things.iter().any(|thing| thing.name.ends_with(LOADER_SUFFIX));
        Ok((loading && !things.iter().any(|thing| thing.is_started_step), loading))
    }

    pub(crate) async fn destroy_stage(&self, stage: &StageContext, keep: Keep) -> Result<Vec<String>, BackendError> {
        let engine = self.connection.engine().await?;
        let number = stage.stage.number.to_string();
        let wanted = [(labels::RUN, stage.run.as_str()), (labels::STAGE, number.as_str())];
        let work = async {
            let mut report = SweepReport::default();
            for round in 0..ROUNDS {
                if round > 0 {
                    tokio::time::sleep(ROUND_PAUSE).await;
                }
                let mut things = list(&engine, &wanted).await?;
                if keep == Keep::Files {
                    spare_files(&mut things, |_| true);
                }
                report = remove_all(&engine, things).await?;
                if report.failed.is_empty() {
                    break;
                }
            }
            Ok(report.failed)
        };
        match tokio::time::timeout(CLEAN_LIMIT, engine.watched(self.heartbeat, work)).await {
            Ok(result) => result,
            Err(_) => Ok(vec![format!("everything of `{}`: the engine was too slow", stage.name())]),
        }
    }

    pub(crate) async fn sweep_owned(&self, claims: &Claims) -> Result<SweepReport, BackendError> {
        let engine = self.connection.engine().await?;
        let wanted = [(labels::OWNER, self.owner.as_str())];
        let work = async {
            let mut things = list(&engine, &wanted).await?;
            things.retain(|thing| claims.live.iter().all(|run| run.as_str() != thing.run));
            spare_files(&mut things, |thing| claims.kept.iter().any(|run| run.as_str() == thing.run));
            remove_all(&engine, things).await
        };
        match tokio::time::timeout(CLEAN_LIMIT, engine.watched(self.heartbeat, work)).await {
            Ok(result) => result,
            Err(_) => {
                Ok(SweepReport { removed: Vec::new(), failed: vec!["leftovers of earlier runs: the engine was too slow".to_owned()] })
            }
        }
    }
}

impl DockerBackend {
    pub(crate) async fn kept_files(&self) -> Result<Vec<KeptFiles>, BackendError> {
        let engine = self.connection.engine().await?;
        let wanted = [(labels::OWNER, self.owner.as_str())];
        let work = async {
            let things = list(&engine, &wanted).await?;
            if kept_of(&things, |_| None).is_empty() {
                return Ok(Vec::new());
            }
            let sizes = volume_sizes(&engine).await?;
            Ok(kept_of(&things, |name| sizes.get(name).copied()))
        };
        engine.watched(self.heartbeat, work).await
    }
}

/// Takes the files of stages that are kept from what is to be removed. A working copy that was never complete is no use to anybody: that
/// of a stage whose loader is still there and of which no step has run.
fn spare_files(things: &mut Vec<Thing>, kept: impl Fn(&Thing) -> bool) {
    let stages = |of: &dyn Fn(&&Thing) -> bool| -> BTreeSet<(String, String)> {
        things.iter().filter(of).map(|thing| (thing.run.clone(), thing.stage.clone())).collect()
    };
    let loading = stages(&|thing| thing.name.ends_with(LOADER_SUFFIX));
    let begun = stages(&|thing| thing.is_started_step);
    things.retain(|thing| {
        let stage = (thing.run.clone(), thing.stage.clone());
        thing.kind != Kind::Volume || !kept(thing) || (loading.contains(&stage) && !begun.contains(&stage))
    });
}

/// Files of destroyed stages, in the order of their names; `size` knows sizes of volumes by name.
fn kept_of(things: &[Thing], size: impl Fn(&str) -> Option<u64>) -> Vec<KeptFiles> {
    let mut stages: BTreeMap<(RunId, StageNumber), Option<u64>> = BTreeMap::new();
    for thing in things.iter().filter(|thing| thing.kind == Kind::Volume) {
        let alive = things.iter().any(|other| other.kind != Kind::Volume && other.run == thing.run && other.stage == thing.stage);
        let (Some(run), Ok(stage)) = (RunId::parse(&thing.run), thing.stage.parse()) else { continue };
        if alive {
            continue;
        }
        let bytes = size(&thing.name);
        stages.entry((run, StageNumber(stage))).and_modify(|all| *all = all.zip(bytes).map(|(all, bytes)| all + bytes)).or_insert(bytes);
    }
    stages.into_iter().map(|((run, stage), bytes)| KeptFiles { run, stage, bytes }).collect()
}

/// Sizes of volumes by name.
async fn volume_sizes(engine: &Engine) -> Result<HashMap<String, u64>, BackendError> {
    let minor = engine.info.api_version.split_once('.').and_then(|(_, minor)| minor.parse().ok()).unwrap_or(NEWEST_OLD_SIZES);
    let path = format!("/v1.{}/system/df?type=volume", minor.min(NEWEST_OLD_SIZES));
    let asking = engine.patient(SIZES_LIMIT).with_request_modifier(move |mut request| {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = path.parse().ok();
        if let Ok(uri) = parts.try_into() {
            *request.uri_mut() = uri;
        }
        request
    });
    let listed = asking.list_volumes(None::<ListVolumesOptions>).await;
    let listed = listed.map_err(|refused| error::call("ask for the sizes of volumes", &refused))?;
    let size_of = |volume: Volume| Some((volume.name, u64::try_from(volume.usage_data?.size).ok()?));
    Ok(listed.volumes.into_iter().flatten().filter_map(size_of).collect())
}

/// Everything that carries the labels. They are compared here once more: of volumes Podman (4.3) lists those that carry any of them.
async fn list(engine: &Engine, wanted: &[(&str, &str)]) -> Result<Vec<Thing>, BackendError> {
    let docker = &engine.docker;
    let filter = &labels::filter(wanted);
    let containers = docker.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(filter).build()));
    let networks = docker.list_networks(Some(ListNetworksOptionsBuilder::new().filters(filter).build()));
    let volumes = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(filter).build()));
    let (containers, networks, volumes) =
        tokio::try_join!(containers, networks, volumes).map_err(|refused| error::call("list what runs have left", &refused))?;

    let label = |labels: Option<&HashMap<String, String>>, name: &str| labels.and_then(|l| l.get(name)).cloned().unwrap_or_default();
    let thing = |kind, id, name, labels: Option<&HashMap<String, String>>| {
        let is_wanted = wanted.iter().all(|(name, value)| label(labels, name) == *value);
        let (run, stage) = (label(labels, labels::RUN), label(labels, labels::STAGE));
        is_wanted.then_some(Thing { kind, id, name, run, stage, is_started_step: false })
    };
    let mut things = Vec::new();
    for container in containers {
        let Some(id) = container.id else { continue };
        let name = container.names.iter().flatten().next().map_or(id.clone(), |name| name.trim_start_matches('/').to_owned());
        let of_step = container.labels.as_ref().is_some_and(|labels| labels.contains_key(labels::STEP));
        let is_started_step = of_step && container.state != Some(ContainerSummaryStateEnum::CREATED);
        things.extend(thing(Kind::Container, id, name, container.labels.as_ref()).map(|thing| Thing { is_started_step, ..thing }));
    }
    for network in networks {
        let Some(id) = network.id else { continue };
        let name = network.name.unwrap_or_else(|| id.clone());
        things.extend(thing(Kind::Network, id, name, network.labels.as_ref()));
    }
    for volume in volumes.volumes.into_iter().flatten() {
        things.extend(thing(Kind::Volume, volume.name.clone(), volume.name, Some(&volume.labels)));
    }
    Ok(things)
}

/// Removes containers first, because they hold on to the rest; of them the loaders first, which say that files are not complete as long as
/// no step says that they are. Goes on past what resists; fails only when the engine is gone.
async fn remove_all(engine: &Engine, things: Vec<Thing>) -> Result<SweepReport, BackendError> {
    let mut report = SweepReport::default();
    let (containers, rest): (Vec<_>, Vec<_>) = things.into_iter().partition(|thing| thing.kind == Kind::Container);
    let (loaders, containers): (Vec<_>, Vec<_>) = containers.into_iter().partition(|thing| thing.name.ends_with(LOADER_SUFFIX));
    for group in [loaders, containers, rest] {
        let mut removals = stream::iter(group.into_iter().map(|thing| remove(engine, thing))).buffer_unordered(REMOVALS_AT_ONCE);
        while let Some((thing, result)) = removals.next().await {
            match result {
                Ok(()) => report.removed.push(thing.name),
                Err(refused) if error::is_transport(&refused) => return Err(error::unreachable(&refused)),
                Err(refused) => report.failed.push(format!("{} `{}`: {}", thing.kind.word(), thing.name, error::message(&refused))),
            }
        }
    }
    Ok(report)
}

/// What is gone already counts as removed.
async fn remove(engine: &Engine, thing: Thing) -> (Thing, Result<(), bollard::errors::Error>) {
    let docker = &engine.docker;
    let result = match thing.kind {
        Kind::Container => match creation::remove(docker, &thing.id).await {
            Err(refused) if error::status(&refused) == Some(409) => wait_until_gone(engine, &thing.id).await.ok_or(refused),
            other => other,
        },
        Kind::Network => docker.remove_network(&thing.id).await,
        Kind::Volume => docker.remove_volume(&thing.id, Some(RemoveVolumeOptionsBuilder::new().force(true).build())).await,
    };
    match result {
        Err(missing) if error::is_missing(&missing) => (thing, Ok(())),
        other => (thing, other),
    }
}

/// "Removal is already in progress": a step that ended in this moment removes its container itself. `None` when it stays.
async fn wait_until_gone(engine: &Engine, id: &str) -> Option<()> {
    let options = WaitContainerOptionsBuilder::new().condition("removed").build();
    let mut answers = std::pin::pin!(engine.docker.wait_container(id, Some(options)));
    tokio::time::timeout(OTHER_REMOVAL_LIMIT, answers.next()).await.ok()?;
    let still_there = engine.docker.inspect_container(id, None).await.is_ok();
    (!still_there).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(kind: Kind, name: &str, run: &str, stage: &str) -> Thing {
        Thing { kind, id: name.to_owned(), name: name.to_owned(), run: run.to_owned(), stage: stage.to_owned(), is_started_step: false }
    }

    #[test]
    fn only_whole_files_of_kept_runs_are_spared() {
        let all = || {
            vec![
                thing(Kind::Container, "lp-r1-1-1-1", "r1", "1"),
                thing(Kind::Network, "lp-r1-1", "r1", "1"),
                thing(Kind::Volume, "lp-r1-1", "r1", "1"),
                thing(Kind::Volume, "lp-r1-1-volume-1", "r1", "1"),
                // Its working copy was being filled.
                thing(Kind::Container, "lp-r1-2-source", "r1", "2"),
                thing(Kind::Volume, "lp-r1-2", "r1", "2"),
                thing(Kind::Volume, "lp-r2-1", "r2", "1"),
                // It was full, and only its loader not removed yet.
                thing(Kind::Container, "lp-r1-3-source", "r1", "3"),
                Thing { is_started_step: true, ..thing(Kind::Container, "lp-r1-3-1-1", "r1", "3") },
                thing(Kind::Volume, "lp-r1-3", "r1", "3"),
            ]
        };
        let mut things = all();
        spare_files(&mut things, |thing| thing.run == "r1");
        let names: Vec<_> = things.iter().map(|thing| format!("{} {}", thing.kind.word(), thing.name)).collect();
        assert_eq!(
            names,
            [
                "container lp-r1-1-1-1",
                "network lp-r1-1",
                "container lp-r1-2-source",
                "volume lp-r1-2",
                "volume lp-r2-1",
                "container lp-r1-3-source",
                "container lp-r1-3-1-1"
            ]
        );
    }

    #[test]
    fn kept_files_are_those_of_stages_without_anything_else() {
        let things = [
            thing(Kind::Volume, "lp-r1-1", "r1", "1"),
            thing(Kind::Volume, "lp-r1-1-volume-1", "r1", "1"),
            thing(Kind::Volume, "lp-r1-2", "r1", "2"),
            thing(Kind::Container, "lp-r1-2-1-1", "r1", "2"),
            thing(Kind::Volume, "lp-r2-1", "r2", "1"),
            thing(Kind::Volume, "odd", "r3", "x"),
        ];
        let kept = kept_of(&things, |name| if name.starts_with("lp-r1") { Some(10) } else { None });
        let words: Vec<_> = kept.iter().map(|one| format!("{} {} {:?}", one.run, one.stage, one.bytes)).collect();
        assert_eq!(words, ["r1 1 Some(20)", "r2 1 None"]);
    }
}
