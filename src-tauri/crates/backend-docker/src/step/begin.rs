//! The first half of a step: from nothing, or from what an earlier process has left, to a program whose output is in our hands.

use lp_model::message;
use super::head_start::{Made, settled};
use super::{Output, OutputSource, StepContainer, container};
use crate::creation::{Creation, create, remove};
use crate::image;
use crate::image::pull::Pull;
use crate::stage::network::Namespace;
use crate::{DockerBackend, error, labels};
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{AttachContainerOptionsBuilder, RemoveVolumeOptions};
use futures_util::future::join_all;
use lp_backend::program_limits::startable;
use lp_backend::{BackendError, Cancel, CancelStage, StageContext, StepContext, StepSink};
use std::collections::HashMap;

/// What the container of a step is before it is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// Made and never started.
    Made,
    /// Its program runs.
    Runs,
    /// Its program has ended.
    Ended,
}

impl DockerBackend {
    /// Makes the container of a step before its turn. Whatever prevents it is met again by the step.
    pub(crate) async fn make_container_ahead(&self, stage: &StageContext, step: &StepContext) -> Result<(), BackendError> {
        let (step, _) = startable(stage, step)?;
        let stage = self.stage(stage).await?;
        let pull = Pull::of(&step.step.image, step.step.pull)?;
        let name = stage.context.step_name(step.key);
        let slot = self.head_start.slot(&name);
        let mut slot = slot.lock().await;
        let Some(image) = image::id_of(&stage.engine.docker, &pull.name()).await else { return Ok(()) };
        let body = container::of_step(&stage, &step, &pull.name(), &self.owner);
        if let Ok(Creation::Made) = create(&stage.engine, &name, &body).await {
            *slot = Some(Made { env: step.env, body, image });
        }
        Ok(())
    }

    /// Gets a program that never ran to run, with its output in our hands; `None` when a cancel came first.
    pub(super) async fn begin(
        &self,
        container: &StepContainer<'_>,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<Option<OutputSource>, BackendError> {
        let Some((exists, body)) = self.container_of(container, step, sink, cancel).await? else { return Ok(None) };
        if exists != Existing::Made {
            sink.started().await;
            return Ok(Some(container.log(exists == Existing::Runs).await?));
        }
        if cancel.is_asked() {
            return Ok(None);
        }
        // Together, because each takes a moment and none starts the program.
        let (created, attached, volumes) = tokio::join!(sink.created(), container.attach(), container.check_volumes());
        created?;
        volumes?;
        let output = match attached {
            Ok(output) => container.start_attached(output).await,
            Err(refused) => Err(refused),
        };
        let output = match output {
            // Its program has not run, and somebody has removed it: `docker system prune` takes every container that does not run.
            Err(missing) if error::is_missing(&missing) && container.inspect().await?.is_none() => {
                let made = container.make(&step.step.image, &body).await?;
                if made != Existing::Made {
                    sink.started().await;
                    return Ok(Some(container.log(made == Existing::Runs).await?));
                }
                container.check_volumes().await?;
                let output = container.attach().await.map_err(|refused| error::start(&step.step.name, &refused))?;
                container.start_attached(output).await
            }
            other => other,
        };
        let output = output.map_err(|refused| error::start(&step.step.name, &refused))?;
        sink.started().await;
        Ok(Some(OutputSource::Attached(output)))
    }

    /// The container of a program that never ran, made now or ahead, and what was asked for; `None` when a cancel came first.
    async fn container_of(
        &self,
        container: &StepContainer<'_>,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<Option<(Existing, ContainerCreateBody)>, BackendError> {
        let stage = container.stage;
        let made = self.head_start.take(container.name).await;
        let pull = Pull::of(&step.step.image, step.step.pull)?;
        // A container that is made needs no image any more, unless a newer one is wanted.
        if made.is_none() || pull.asks() {
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return Ok(None),
                had = self.images.ensure(&stage.engine, &pull, sink) => had?,
            };
        }
        let shares = *stage.layout.namespace(step.step.number) == Namespace::Shared;
        let is_new_holder = shares && self.freshen_holder(stage).await?;
        let body = |step: &StepContext| container::of_step(stage, step, &pull.name(), &self.owner);
        if let Some(made) = made {
            let as_made = StepContext { env: settled(&step.env, &made.env), ..step.clone() };
            // One that was made for the namespace of an earlier holder would look for that.
            let same = !is_new_holder && body(&as_made) == made.body;
            if same && (!pull.asks() || image::id_of(container.docker(), &pull.name()).await.is_some_and(|now| now == made.image)) {
                return Ok(Some((Existing::Made, made.body)));
            }
            container.remove().await?;
        }
        let body = body(step);
        Ok(Some((container.make(&step.step.image, &body).await?, body)))
    }

    /// Attaches to a program that may run already or have ended. One that was never started is started now: between writing down that it
    /// will be and asking the engine for it the process can have died.
    pub(super) async fn take_over(
        &self,
        container: &StepContainer<'_>,
        step: &StepContext,
        sink: &dyn StepSink,
    ) -> Result<OutputSource, BackendError> {
        let Some(found) = container.inspect().await? else { return Err(container.lost(message!("is gone"))) };
        let state = found.state.unwrap_or_default();
        match state.status {
            Some(ContainerStateStatusEnum::CREATED) => {
                if *container.stage.layout.namespace(step.step.number) == Namespace::Shared {
                    self.freshen_holder(container.stage).await?;
                }
                let refused = |refused: Error| match error::is_missing(&refused) {
                    true => container.lost(message!("was removed")),
                    false => error::start(&step.step.name, &refused),
                };
                container.check_volumes().await?;
                let attached = container.attach().await.map_err(refused)?;
                // An engine that is just doing what the dead process had asked for takes this for the same wish.
                let attached = container.start_attached(attached).await.map_err(|refused| error::start(&step.step.name, &refused))?;
                sink.started().await;
                Ok(OutputSource::Attached(attached))
            }
            Some(ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::REMOVING) => Err(container.lost("is being removed")),
            _ => {
                sink.started().await;
                container.log(state.running.unwrap_or(false)).await
            }
        }
    }
}

impl StepContainer<'_> {
    /// Makes the container. One of that name that was never started is thrown away: an earlier process made it, and nobody knows of what.
    /// One that runs or has run is taken: it must not run twice, whatever was written down.
    async fn make(&self, image: &str, body: &ContainerCreateBody) -> Result<Existing, BackendError> {
        let refused = |refused: Error| match error::is_missing(&refused) {
            true => error::image(image, &refused),
            false => error::start(&self.step.name, &refused),
        };
        loop {
            // Not given up on a cancel: it takes milliseconds, and what is made behind our back would outlive `destroy`.
            match create(&self.stage.engine, self.name, body).await.map_err(refused)? {
                Creation::Made => return Ok(Existing::Made),
                Creation::There(found) if never_started(&found) => self.remove().await?,
                Creation::There(found) => {
                    let runs = found.state.and_then(|state| state.running).unwrap_or(false);
                    return Ok(if runs { Existing::Runs } else { Existing::Ended });
                }
            }
        }
    }

    /// Makes sure that the volumes of a container that was not started yet are those of its stage. An engine makes a volume that is not there along with
    /// the container, empty and without our labels: somebody has removed the files, and the program must not run without them.
    async fn check_volumes(&self) -> Result<(), BackendError> {
        let stage = &self.stage.context;
        let names = container::volumes_of_step(stage, self.step);
        let find = |name: String| async move { (self.docker().inspect_volume(&name).await, name) };
        for (found, name) in join_all(names.into_iter().map(find)).await {
            let labels = match found {
                Ok(found) => found.labels,
                Err(missing) if error::is_missing(&missing) => HashMap::new(),
                Err(refused) => return Err(error::call(message!("look for volume `{}`", name), &refused)),
            };
            if labels.get(labels::RUN).map(String::as_str) == Some(stage.run.as_str()) {
                continue;
            }
            self.remove().await?;
            // Nobody would find it by a label.
            let removed = self.docker().remove_volume(&name, None::<RemoveVolumeOptions>).await;
            if let Err(refused) = removed.or_else(|refused| if error::is_missing(&refused) { Ok(()) } else { Err(refused) }) {
                tracing::warn!(volume = name, "cannot be removed: {}", error::message(&refused));
            }
            return Err(BackendError::files_gone(message!("volume `{}` was removed", name)));
        }
        Ok(())
    }

    /// The output from now on. Reading the engine's log afterwards is several times slower. Podman prepares the program already now, and refuses here what
    /// is wrong with it.
    async fn attach(&self) -> Result<Output, Error> {
        let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
        Ok(self.docker().attach_container(self.name, Some(options)).await?.output)
    }

    /// Starts the program whose output is `attached`.
    async fn start_attached(&self, attached: Output) -> Result<Output, Error> {
        self.docker().start_container(self.name, None).await.map(|()| attached)
    }

    /// The log of a program that runs or has run. Not an attach with `logs`: between the old and the new output that loses some.
    async fn log(&self, runs: bool) -> Result<OutputSource, BackendError> {
        let attached = async { self.attach().await.map_err(|refused| error::start(&self.step.name, &refused)) };
        Ok(OutputSource::Log { live: if runs { Some(attached.await?) } else { None } })
    }

    /// Removes a container that was made and never started.
    async fn remove(&self) -> Result<(), BackendError> {
        remove(self.docker(), self.name).await.map_err(|refused| error::call(message!("remove container `{}`", self.name), &refused))
    }
}

fn never_started(found: &ContainerInspectResponse) -> bool {
    let status = found.state.as_ref().and_then(|state| state.status);
    matches!(status, Some(ContainerStateStatusEnum::CREATED))
}
