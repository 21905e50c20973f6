//! Removing what we made: of one stage, or everything that no live run claims.

use super::StageHandle;
use crate::build::record::Record;
use crate::connect::ContainerEngine;
use crate::creation;
use crate::{DockerBackend, error, labels};
use bollard::models::{ContainerSummaryStateEnum, Volume, VolumeCreateRequest};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptions, ListVolumesOptionsBuilder, RemoveImageOptions,
    RemoveVolumeOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::stream::{self, StreamExt as _};
use lp_backend::{BackendError, Claims, Keep, KeptFiles, KeptStage, StageContext, SweepReport};
use lp_model::{Message, message};
use lp_model::{RunId, StageNumber};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// End of the name of the volume that says that the files of a stage are whole.
const MARK_SUFFIX: &str = "-whole";

/// How often everything is looked for again while something resists: a network is busy until its last container is really gone.
const ROUNDS: u32 = 3;

/// Between two rounds.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

/// How many things are removed at the same time: more would only keep steps of other runs waiting.
const REMOVALS_AT_ONCE: usize = 4;

/// For one answer: the engine looks at every file of every volume to tell their sizes.
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
    /// A name of ours for an image that a step has built.
    Record,
}

impl Kind {
    fn word(self) -> Message {
        match self {
            Self::Container => message!("container"),
            Self::Network => message!("network"),
            Self::Volume => message!("volume"),
            Self::Record => message!("image"),
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
    /// A container that runs.
    runs: bool,
}

impl From<Record> for Thing {
    fn from(Record { name, run, stage }: Record) -> Self {
        Self { kind: Kind::Record, id: name.clone(), name, run, stage, is_started_step: false, runs: false }
    }
}

impl Thing {
    fn stage(&self) -> (String, String) {
        (self.run.clone(), self.stage.clone())
    }

    fn is_mark(&self) -> bool {
        self.kind == Kind::Volume && self.name.ends_with(MARK_SUFFIX)
    }
}

impl DockerBackend {
    pub(crate) async fn destroy_stage(&self, stage: &StageContext, keep: Keep) -> Result<Vec<Message>, BackendError> {
        let handle = self.stage(stage).await?;
        let left = handle.engine.watched(self.heartbeat, self.remove_stage(&handle, keep)).await?;
        if left.is_empty() {
            self.stages.forget(&stage.name());
        }
        Ok(left)
    }

    /// Removes everything of a stage, or all but its files; what is left, in words.
    pub(super) async fn remove_stage(&self, stage: &StageHandle, keep: Keep) -> Result<Vec<Message>, BackendError> {
        let number = stage.context.stage.number.to_string();
        let wanted = [(labels::RUN, stage.context.run.as_str()), (labels::STAGE, number.as_str())];
        let mut left = Vec::new();
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(ROUND_PAUSE).await;
            }
            let mut things = list(&stage.engine, &wanted).await?;
            if stage.context.stage.steps.iter().any(|step| step.build_image.is_some()) {
                let of_stage = |record: &Record| record.run == stage.context.run.as_str() && record.stage == number;
                things.extend(self.find_records(&stage.engine).await?.into_iter().filter(of_stage).map(Thing::from));
            }
            if things.is_empty() {
                // Or is this not the engine that the stage is on?
                self.certain(&stage.engine).await?;
                return Ok(Vec::new());
            }
            if keep == Keep::Files {
                let is_begun = stage.is_begun.load(Ordering::Relaxed);
                self.spare_files(&stage.engine, &mut things, |_| true, |_| is_begun).await?;
            }
            left = remove_all(&stage.engine, things).await?.failed;
            if left.is_empty() {
                break;
            }
        }
        Ok(left)
    }

    pub(crate) async fn sweep_owned(&self, claims: &Claims) -> Result<SweepReport, BackendError> {
        let engine = self.connection.engine(None).await?;
        let wanted = [(labels::OWNER, self.owner.as_str())];
        let work = async {
            let mut things = list(&engine, &wanted).await?;
            things.extend(self.find_records(&engine).await?.into_iter().map(Thing::from));
            things.retain(|thing| claims.live.iter().all(|run| run.as_str() != thing.run));
            let kept = |thing: &Thing| claims.kept.iter().any(|run| run.as_str() == thing.run);
            self.spare_files(&engine, &mut things, kept, |_| false).await?;
            remove_all(&engine, things).await
        };
        engine.watched(self.heartbeat, work).await
    }

    pub(crate) async fn kept_files(&self) -> Result<KeptFiles, BackendError> {
        let engine = self.connection.engine(None).await?;
        let wanted = [(labels::OWNER, self.owner.as_str())];
        let work = async {
            let things = list(&engine, &wanted).await?;
            let mut stages = kept_of(&things, |_| None);
            if stages.is_empty() {
                self.certain(&engine).await?;
            } else {
                let sizes = volume_sizes(&engine).await?;
                stages = kept_of(&things, |name| sizes.get(name).copied());
            }
            Ok(KeptFiles { engine: engine.info.id.clone(), stages })
        };
        engine.watched(self.heartbeat, work).await
    }

    /// Takes the files of stages that are to be kept from what is to be removed.
    ///
    /// Files are worth keeping when a program has been started in them, and only then are they known to be complete. A container that has run tells it, or
    /// who has started one; and because containers go first, a *mark* is left before: an empty volume beside the files, with which they stand
    /// and fall. That no mark is there says nothing good, so whatever a person removes meanwhile, half a working copy is never taken for a whole one.
    async fn spare_files(
        &self,
        engine: &ContainerEngine,
        things: &mut Vec<Thing>,
        kept: impl Fn(&Thing) -> bool,
        known_begun: impl Fn(&Thing) -> bool,
    ) -> Result<(), BackendError> {
        let marked = stages(things, Thing::is_mark);
        let begun = stages(things, |thing| kept(thing) && (thing.is_started_step || known_begun(thing)));
        let with_files = stages(things, |thing| thing.kind == Kind::Volume && !thing.is_mark());
        for (run, stage) in begun.difference(&marked).filter(|stage| with_files.contains(*stage)) {
            let labels = [(labels::OWNER, &self.owner), (labels::RUN, run), (labels::STAGE, stage)];
            let request = VolumeCreateRequest {
                name: Some(format!("lp-{run}-{stage}{MARK_SUFFIX}")),
                labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()),
                ..Default::default()
            };
            engine.docker.create_volume(request).await.map_err(|refused| error::call(message!("mark files that are kept"), &refused))?;
        }
        things.retain(|thing| {
            let stage = thing.stage();
            let is_whole = with_files.contains(&stage) && (marked.contains(&stage) || begun.contains(&stage));
            !matches!(thing.kind, Kind::Volume | Kind::Record) || !kept(thing) || !is_whole
        });
        Ok(())
    }
}

/// The stages of those things, by run and number.
fn stages(things: &[Thing], of: impl Fn(&Thing) -> bool) -> BTreeSet<(String, String)> {
    things.iter().filter(|thing| of(thing)).map(Thing::stage).collect()
}

/// Files of destroyed stages, in the order of their names; `size` knows sizes of volumes by name.
fn kept_of(things: &[Thing], size: impl Fn(&str) -> Option<u64>) -> Vec<KeptStage> {
    let marked = stages(things, Thing::is_mark);
    let live = stages(things, |thing| thing.runs);
    let unclean = stages(things, |thing| thing.kind != Kind::Volume);
    let mut kept: BTreeMap<(RunId, StageNumber), KeptStage> = BTreeMap::new();
    let is_kept = |thing: &&Thing| thing.kind == Kind::Volume && marked.contains(&thing.stage()) && !live.contains(&thing.stage());
    for thing in things.iter().filter(is_kept).filter(|thing| !thing.is_mark()) {
        let (Some(run), Ok(number)) = (RunId::parse(&thing.run), thing.stage.parse()) else { continue };
        let (stage, bytes) = (StageNumber(number), size(&thing.name));
        let new = || KeptStage { run: run.clone(), stage, bytes, is_clean: !unclean.contains(&thing.stage()) };
        kept.entry((run.clone(), stage))
            .and_modify(|all| all.bytes = all.bytes.zip(bytes).map(|(all, bytes)| all + bytes))
            .or_insert_with(new);
    }
    kept.into_values().collect()
}

/// Sizes of volumes by name.
async fn volume_sizes(engine: &ContainerEngine) -> Result<HashMap<String, u64>, BackendError> {
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
    let listed = listed.map_err(|refused| error::call(message!("ask for the sizes of volumes"), &refused))?;
    let size_of = |volume: Volume| Some((volume.name, u64::try_from(volume.usage_data?.size).ok()?));
    Ok(listed.volumes.into_iter().flatten().filter_map(size_of).collect())
}

/// Everything that carries the labels. They are compared here once more: of volumes Podman (4.3) lists those that carry any of them.
async fn list(engine: &ContainerEngine, wanted: &[(&str, &str)]) -> Result<Vec<Thing>, BackendError> {
    let docker = &engine.docker;
    let filter = &labels::filter(wanted);
    let containers = docker.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(filter).build()));
    let networks = docker.list_networks(Some(ListNetworksOptionsBuilder::new().filters(filter).build()));
    let volumes = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(filter).build()));
    let (containers, networks, volumes) =
        tokio::try_join!(containers, networks, volumes).map_err(|refused| error::call(message!("list what runs have left"), &refused))?;

    let label = |labels: Option<&HashMap<String, String>>, name: &str| labels.and_then(|l| l.get(name)).cloned().unwrap_or_default();
    let thing = |kind, id, name, labels: Option<&HashMap<String, String>>| {
        let is_wanted = wanted.iter().all(|(name, value)| label(labels, name) == *value);
        let (run, stage) = (label(labels, labels::RUN), label(labels, labels::STAGE));
        is_wanted.then_some(Thing { kind, id, name, run, stage, is_started_step: false, runs: false })
    };
    let mut things = Vec::new();
    for container in containers {
        let Some(id) = container.id else { continue };
        let name = container.names.iter().flatten().next().map_or(id.clone(), |name| name.trim_start_matches('/').to_owned());
        let of_step = container.labels.as_ref().is_some_and(|labels| labels.contains_key(labels::STEP));
        let is_started_step = of_step && container.state != Some(ContainerSummaryStateEnum::CREATED);
        let runs = container.state == Some(ContainerSummaryStateEnum::RUNNING);
        things.extend(thing(Kind::Container, id, name, container.labels.as_ref()).map(|thing| Thing { is_started_step, runs, ..thing }));
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

/// Removes containers first, because they hold on to the rest, and marks before the files that they speak of. Goes on past what resists; fails only
/// when the engine is gone.
async fn remove_all(engine: &ContainerEngine, things: Vec<Thing>) -> Result<SweepReport, BackendError> {
    let mut report = SweepReport::default();
    let (containers, rest): (Vec<_>, Vec<_>) = things.into_iter().partition(|thing| thing.kind == Kind::Container);
    let (marks, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(Thing::is_mark);
    for group in [containers, marks, rest] {
        let mut removals = stream::iter(group.into_iter().map(|thing| remove(engine, thing))).buffer_unordered(REMOVALS_AT_ONCE);
        while let Some((thing, result)) = removals.next().await {
            match result {
                Ok(()) => report.removed.push(thing.name),
                Err(refused) if error::is_transport(&refused) => return Err(error::unreachable(&refused)),
                Err(refused) => report.failed.push(message!("{} `{}`: {}", thing.kind.word(), thing.name, error::message(&refused))),
            }
        }
    }
    Ok(report)
}

/// What is gone already counts as removed.
async fn remove(engine: &ContainerEngine, thing: Thing) -> (Thing, Result<(), bollard::errors::Error>) {
    let docker = &engine.docker;
    let result = match thing.kind {
        Kind::Container => match creation::remove(docker, &thing.id).await {
            Err(refused) if error::status(&refused) == Some(409) => wait_until_gone(engine, &thing.id).await.ok_or(refused),
            other => other,
        },
        Kind::Network => docker.remove_network(&thing.id).await,
        // Where it is the last name of the image, the image goes with it.
        Kind::Record => docker.remove_image(&thing.id, None::<RemoveImageOptions>, None).await.map(drop),
        Kind::Volume => docker.remove_volume(&thing.id, Some(RemoveVolumeOptionsBuilder::new().force(true).build())).await,
    };
    match result {
        Err(missing) if error::is_missing(&missing) => (thing, Ok(())),
        other => (thing, other),
    }
}

/// "Removal is already in progress": a step that ended in this moment removes its container itself. `None` when it stays.
async fn wait_until_gone(engine: &ContainerEngine, id: &str) -> Option<()> {
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
        let (name, run, stage) = (name.to_owned(), run.to_owned(), stage.to_owned());
        Thing { kind, id: name.clone(), name, run, stage, is_started_step: false, runs: false }
    }

    #[test]
    fn kept_files_are_those_with_a_mark_and_no_program() {
        let running = Thing { runs: true, ..thing(Kind::Container, "lp-r1-4-1-1", "r1", "4") };
        let things = [
            thing(Kind::Volume, "lp-r1-1", "r1", "1"),
            thing(Kind::Volume, "lp-r1-1-volume-1", "r1", "1"),
            thing(Kind::Volume, "lp-r1-1-whole", "r1", "1"),
            // Without a mark: half a copy, for all that is known.
            thing(Kind::Volume, "lp-r1-2", "r1", "2"),
            // Something could not be removed yet.
            thing(Kind::Volume, "lp-r1-3", "r1", "3"),
            thing(Kind::Volume, "lp-r1-3-whole", "r1", "3"),
            thing(Kind::Network, "lp-r1-3", "r1", "3"),
            // A retry that goes on there.
            thing(Kind::Volume, "lp-r1-4", "r1", "4"),
            thing(Kind::Volume, "lp-r1-4-whole", "r1", "4"),
            running,
            thing(Kind::Volume, "lp-r2-1", "r2", "1"),
            thing(Kind::Volume, "lp-r2-1-whole", "r2", "1"),
            // Its files are gone.
            thing(Kind::Volume, "lp-r3-1-whole", "r3", "1"),
            thing(Kind::Volume, "odd", "r3", "x"),
        ];
        let kept = kept_of(&things, |name| if name.starts_with("lp-r1") { Some(10) } else { None });
        let words: Vec<_> = kept.iter().map(|one| format!("{} {} {:?} {}", one.run, one.stage, one.bytes, one.is_clean)).collect();
        assert_eq!(words, ["r1 1 Some(20) true", "r1 3 Some(10) false", "r2 1 None true"]);
    }
}
