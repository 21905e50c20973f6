//! The first half of a step: from nothing, or from what an earlier process has left, to a program whose output is in our hands.

use super::head_start::{Made, settled};
use super::{Output, OutputSource, StepContainer, container};
use crate::creation::{Creation, create, remove};
use crate::image;
use crate::image::pull::Pull;
use crate::stage::network::Namespace;
use crate::{DockerBackend, error, labels};
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{AttachContainerOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions};
use futures_util::future::join_all;
use lp_backend::program_limits::startable;
use lp_backend::{BackendError, Cancel, CancelStage, StageContext, StepContext, StepSink};
use lp_model::message;
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

/// The container of a program that never ran.
struct Found {
    exists: Existing,
    /// All that was asked for.
    body: ContainerCreateBody,
    /// It was made before its turn, so that nothing is known yet of the namespace that it shares.
    is_ahead: bool,
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
        let Some(Found { exists, body, is_ahead }) = self.container_of(container, step, sink, cancel).await? else { return Ok(None) };
        if exists != Existing::Made {
            sink.started().await;
            return Ok(Some(container.log(exists == Existing::Runs).await?));
        }
        if cancel.is_asked() {
            return Ok(None);
        }
        // Together, because each takes a moment and none starts the program.
        let freshened = async { if is_ahead { self.freshen_for(container).await } else { Ok(false) } };
        let (created, attached, volumes, is_new_holder) =
            tokio::join!(sink.created(), container.attach(), container.check_volumes(), freshened);
        created?;
        volumes?;
        let output = if is_new_holder? {
            // It was made for the namespace of the holder before.
            container.remove().await?;
            None
        } else {
            let started = match attached {
                Ok(output) => container.start_attached(output).await,
                Err(refused) => Err(refused),
            };
            match started {
                // Its program has not run, and somebody has removed it: `docker system prune` takes every container that does not run.
                Err(missing) if error::is_missing(&missing) && container.inspect().await?.is_none() => None,
                other => Some(other),
            }
        };
        let output = match output {
            Some(output) => output,
            None => {
                let made = container.make(&step.step.image, &body).await?;
                if made != Existing::Made {
                    sink.started().await;
                    return Ok(Some(container.log(made == Existing::Runs).await?));
                }
                container.check_volumes().await?;
                let output = container.attach().await.map_err(|refused| error::start(&step.step.name, &refused))?;
                container.start_attached(output).await
            }
        };
        let output = output.map_err(|refused| error::start(&step.step.name, &refused))?;
        sink.started().await;
        Ok(Some(OutputSource::Attached(output)))
    }

    /// Makes sure that the namespace which the program shares is as the engine made it. Says whether it is another one now.
    async fn freshen_for(&self, container: &StepContainer<'_>) -> Result<bool, BackendError> {
        let shares = *container.stage.layout.namespace(container.step.number) == Namespace::Shared;
        if shares { self.freshen_holder(container.stage).await } else { Ok(false) }
    }

    /// The container of a program that never ran, made now or ahead, and what was asked for; `None` when a cancel came first.
    async fn container_of(
        &self,
        container: &StepContainer<'_>,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<Option<Found>, BackendError> {
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
        let body = |step: &StepContext| container::of_step(stage, step, &pull.name(), &self.owner);
        if let Some(made) = made {
            let as_made = StepContext { env: settled(&step.env, &made.env), ..step.clone() };
            if body(&as_made) == made.body
                && (!pull.asks() || image::id_of(container.docker(), &pull.name()).await.is_some_and(|now| now == made.image))
            {
                return Ok(Some(Found { exists: Existing::Made, body: made.body, is_ahead: true }));
            }
            container.remove().await?;
        }
        self.freshen_for(container).await?;
        let body = body(step);
        Ok(Some(Found { exists: container.make(&step.step.image, &body).await?, body, is_ahead: false }))
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
                if self.freshen_for(container).await? {
                    // Not by force: the engine may be just doing what the dead process had asked for.
                    let options = RemoveContainerOptionsBuilder::new().v(true).build();
                    if container
                        .docker()
                        .remove_container(container.name, Some(options))
                        .await
                        .is_err_and(|refused| !error::is_missing(&refused))
                    {
                        sink.started().await;
                        return container.log(true).await;
                    }
                    let pull = Pull::of(&step.step.image, step.step.pull)?;
                    let body = container::of_step(container.stage, step, &pull.name(), &self.owner);
                    if container.make(&step.step.image, &body).await? != Existing::Made {
                        return Err(container.lost(message!("was made by somebody else")));
                    }
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
            Some(ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::REMOVING) => Err(container.lost(message!("is being removed"))),
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
