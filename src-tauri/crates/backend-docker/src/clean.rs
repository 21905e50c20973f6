//! Removing what we made: of one stage, or everything that no live run claims.

use crate::connect::Engine;
use crate::{DockerBackend, error, labels};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use lp_backend::{BackendError, StageContext, SweepReport};
use lp_model::RunId;
use std::collections::HashMap;
use std::time::Duration;

/// Time to remove the things of one stage or of one sweep. Never shortened by a cancel.
const CLEAN_LIMIT: Duration = Duration::from_secs(90);

/// How often everything is looked for again while something resists: a network is busy until its last container is really gone.
const ROUNDS: u32 = 3;

/// Between two rounds.
const ROUND_PAUSE: Duration = Duration::from_millis(300);

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
}

impl DockerBackend {
    pub(crate) async fn destroy_stage(&self, stage: &StageContext) -> Result<Vec<String>, BackendError> {
        let engine = self.connection.engine().await?;
        let number = stage.stage.number.to_string();
        let filter = labels::filter(&[(labels::RUN, stage.run.as_str()), (labels::STAGE, &number)]);
        let work = async {
            let mut report = SweepReport::default();
            for round in 0..ROUNDS {
                if round > 0 {
                    tokio::time::sleep(ROUND_PAUSE).await;
                }
                let things = list(&engine, &filter).await?;
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

    pub(crate) async fn sweep_owned(&self, live: &[RunId]) -> Result<SweepReport, BackendError> {
        let engine = self.connection.engine().await?;
        let filter = labels::filter(&[(labels::OWNER, &self.owner)]);
        let work = async {
            let mut things = list(&engine, &filter).await?;
            things.retain(|thing| live.iter().all(|run| run.as_str() != thing.run));
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

/// Everything that carries the labels.
async fn list(engine: &Engine, filter: &HashMap<String, Vec<String>>) -> Result<Vec<Thing>, BackendError> {
    let docker = &engine.docker;
    let containers = docker.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(filter).build()));
    let networks = docker.list_networks(Some(ListNetworksOptionsBuilder::new().filters(filter).build()));
    let volumes = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(filter).build()));
    let (containers, networks, volumes) =
        tokio::try_join!(containers, networks, volumes).map_err(|refused| error::call("list what runs have left", &refused))?;

    let run_of = |labels: Option<&HashMap<String, String>>| labels.and_then(|l| l.get(labels::RUN)).cloned().unwrap_or_default();
    let mut things = Vec::new();
    for container in containers {
        let Some(id) = container.id else { continue };
        let name = container.names.iter().flatten().next().map_or(id.clone(), |name| name.trim_start_matches('/').to_owned());
        things.push(Thing { kind: Kind::Container, id, name, run: run_of(container.labels.as_ref()) });
    }
    for network in networks {
        let Some(id) = network.id else { continue };
        let name = network.name.unwrap_or_else(|| id.clone());
        things.push(Thing { kind: Kind::Network, id, name, run: run_of(network.labels.as_ref()) });
    }
    for volume in volumes.volumes.into_iter().flatten() {
        let run = run_of(Some(&volume.labels));
        things.push(Thing { kind: Kind::Volume, id: volume.name.clone(), name: volume.name, run });
    }
    Ok(things)
}

/// Removes containers first, because they hold on to the rest. Goes on past what resists; fails only when the engine is gone.
async fn remove_all(engine: &Engine, things: Vec<Thing>) -> Result<SweepReport, BackendError> {
    let mut report = SweepReport::default();
    let (containers, rest): (Vec<_>, Vec<_>) = things.into_iter().partition(|thing| thing.kind == Kind::Container);
    for group in [containers, rest] {
        for (thing, result) in join_all(group.into_iter().map(|thing| remove(engine, thing))).await {
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
        Kind::Container => {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let removed = docker.remove_container(&thing.id, Some(options)).await;
            match removed {
                Err(refused) if error::status(&refused) == Some(409) => wait_until_gone(engine, &thing.id).await.ok_or(refused),
                other => other,
            }
        }
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
