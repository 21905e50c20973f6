//! Building an image as what a step does, by the engine itself instead of in a container with all rights: the action
//! [`lp_model::BuildImage`] of a plan.
//!
//! The engine gets the folder of the working copy as a stream ([`context`]), builds by its classic builder, or by BuildKit where the Dockerfile needs it
//! ([`dockerfile`], [`trace`]), and pushes the image under each of its names ([`push`]). What was built is given a name of ours before anything
//! is pushed ([`record`]): the next attempt of the step, and the next process after one that died, find it there and only push.
//!
//! A build is no program that runs twice by accident: it makes an image out of files, and the same again out of the same files. So where a process has
//! died in the middle the next one builds again, with all layers that were finished, while a container that is gone would be lost.

mod context;
mod dockerfile;
mod log;
mod logins;
mod push;
pub(crate) mod record;
mod request;
mod resolved;
mod trace;
mod trouble;

use crate::image::pull::Pull;
use crate::stage::StageHandle;
use crate::step::container;
use crate::{DockerBackend, error};
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use context::{Context, Reader, absolute};
use dockerfile::Dockerfile;
use futures_util::stream;
use log::Log;
use lp_backend::{BackendError, Before, Cancel, CancelStage, StageContext, StepContext, StepExit, StepSink};
use lp_model::{BuildImage, ImageReference, Instead, Message, PullPolicy, message};
use push::{Pushed, push};
use request::Request;
use resolved::{Resolved, Values};
use std::path::Path;
use std::sync::atomic::Ordering;

/// How a build ends that does not end well.
enum Stop {
    /// The step has failed; why stands in its log.
    Failed,
    /// The engine has.
    Backend(BackendError),
}

impl<E: Into<BackendError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Backend(error.into())
    }
}

/// A step that builds, while it does.
struct Building<'a> {
    stage: &'a StageHandle,
    step: &'a StepContext,
    build: &'a BuildImage,
    /// Of the container through which the working copy is read.
    container: &'a str,
    /// The working folder of the step.
    folder: &'a str,
    log: Log<'a>,
}

impl DockerBackend {
    /// As [`lp_backend::Backend::run_step`], for a step that builds an image.
    pub(crate) async fn run_build(
        &self,
        stage: &StageContext,
        step: &StepContext,
        build: &BuildImage,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        if cancel.is_asked() {
            return Ok(StepExit::Killed);
        }
        let stage = self.stage(stage).await?;
        let workspace = step.step.workspace(&stage.context.stage.workspace);
        let (dir, container) = (workspace.dir(), stage.context.step_name(step.key));
        let folder = step.step.working_dir.clone().unwrap_or_else(|| dir.clone());
        let work = async {
            let values = Values::of(&step.env, &workspace.base, &dir);
            let log = Log::new(sink);
            let mut building = Building { stage: &stage, step, build, container: &container, folder: &folder, log };
            match self.build(&mut building, &values).await {
                Ok(()) => Ok(StepExit::Code(0)),
                Err(Stop::Failed) => Ok(StepExit::Code(1)),
                Err(Stop::Backend(error)) => Err(error),
            }
        };
        // Beside the step, which need not wait for it.
        let work = async { tokio::join!(work, self.remove_loader(&stage)).0 };
        tokio::select! {
            biased;
            // The engine gives up what nobody waits for any more.
            () = cancel.reached(CancelStage::Ask) => Ok(StepExit::Killed),
            ended = stage.engine.watched(self.heartbeat, work) => ended,
        }
    }

    async fn build(&self, building: &mut Building<'_>, values: &Values<'_>) -> Result<(), Stop> {
        let Building { stage, step, build, folder, .. } = *building;
        let sink = building.log.sink;
        if step.before == Before::Nothing {
            sink.created().await?;
        }
        stage.is_begun.store(true, Ordering::Relaxed);
        sink.started().await;
        match &build.instead {
            Some(Instead::Passes(reason)) => {
                sink.note(message!("nothing is built: {}", reason.clone())).await;
                return Ok(());
            }
            Some(Instead::Fails(reason)) => return building.fail(reason.clone()).await,
            None => {}
        }
        self.make_reader(building).await?;
        let reader = Reader { engine: &stage.engine, container: building.container };
        let tags = match &build.tags_file {
            Some(file) => reader.file(&absolute(folder, &file.path)).await?.map(|text| file.read(&String::from_utf8_lossy(&text))),
            None => None,
        };
        let resolved = match Resolved::of(build, values, tags) {
            Ok(resolved) => resolved,
            Err(wrong) => return building.fail(wrong).await,
        };
        let root = absolute(folder, &build.context);
        if !building.sees(&root) {
            return building.fail(message!("`{}` is no folder of the working copy", root)).await;
        }
        let mut path = absolute(folder, &build.dockerfile);
        let mut text = reader.file(&path).await?;
        if text.is_none() && build.dockerfile_in_context {
            path = absolute(&root, &build.dockerfile);
            text = reader.file(&path).await?;
        }
        let Some(text) = text else { return building.fail(message!("there is no file `{}`", path)).await };
        let record = self.record_name(&stage.context, step.key, &resolved.fingerprint(build, &text));
        let before = if step.before == Before::Created || step.key.attempt > 1 {
            crate::image::id_of(&stage.engine.docker, &record).await
        } else {
            None
        };
        let image = match before {
            Some(image) => {
                sink.note(message!("the image was built before, from the same files: only what is left is done")).await;
                image
            }
            None => {
                let context = match Context::of(&reader, root, &path, &text).await? {
                    Ok(context) => context,
                    Err(wrong) => return building.fail(wrong).await,
                };
                let image = self.build_of(building, &reader, &resolved, &context, &text).await?;
                record::tag(&stage.engine, &image, &record).await?;
                image
            }
        };
        for name in &resolved.names {
            record::tag(&stage.engine, &image, &name.canonical()).await?;
        }
        if build.push {
            self.push_all(building, &resolved, &image).await?;
        }
        Ok(())
    }

    /// Makes the container through which the working copy is read, with all volumes that the step would have.
    async fn make_reader(&self, building: &Building<'_>) -> Result<(), BackendError> {
        let Building { stage, step, container, .. } = building;
        let body = container::reader(&stage.context, step, &self.owner);
        self.own_images.create(&stage.engine, &crate::image::own::OwnImage::empty(), container, body).await.map(drop)
    }

    /// Builds, and returns the id of the image.
    async fn build_of(
        &self,
        building: &mut Building<'_>,
        reader: &Reader<'_>,
        resolved: &Resolved,
        context: &Context,
        dockerfile: &[u8],
    ) -> Result<String, Stop> {
        let Building { stage, build, step, .. } = *building;
        let engine = &stage.engine;
        let sink = building.log.sink;
        let read = Dockerfile::read(&String::from_utf8_lossy(dockerfile), &resolved.build_args);
        let mut request = Request::new(build, resolved, context);
        if let Some((line, needs)) = read.needs_buildkit.as_ref().filter(|_| !engine.is_podman()) {
            if !request.by_buildkit() {
                let why =
                    message!("line {} of `{}` (`{}`) needs BuildKit, which does not squash layers", *line, build.dockerfile, needs.clone());
                return Err(BackendError::unsupported(&step.step.name, why).into());
            }
            sink.note(message!("built by BuildKit, because of line {} of `{}`: `{}`", *line, build.dockerfile, needs.clone())).await;
        }
        if build.squash {
            match engine.docker.info().await {
                Ok(info) if info.experimental_build == Some(true) => request.squash(),
                Ok(_) => {
                    sink.note(message!("the engine does not squash layers (it is not experimental): the layers stay as they are")).await
                }
                Err(refused) => return Err(error::call(message!("ask the engine what it can do"), &refused).into()),
            }
        }
        let policy = if build.pull { PullPolicy::Refresh } else { PullPolicy::IfMissing };
        for image in &read.images {
            // A name that is none is told by the builder, with its line.
            let Ok(pull) = Pull::of(image, policy) else { continue };
            let login = resolved.logins.of_image(&pull.reference);
            self.images.ensure_with(engine, &pull, login, sink).await?;
        }
        let cached = self.caches(building, resolved).await;
        if !engine.is_podman() {
            request.cache_from(cached);
        }
        request.logins(&self.images, &read.images, &resolved.logins).await;
        request.send(engine, reader, context, &mut building.log).await
    }

    /// Images whose layers may be used again, fetched. Where one of them is on the engine already, its own cache knows more than any of them, and it
    /// would not look at that cache any longer: then none is named.
    async fn caches(&self, building: &Building<'_>, resolved: &Resolved) -> Vec<String> {
        let (engine, sink) = (&building.stage.engine, building.log.sink);
        let mut fetched = Vec::new();
        for image in &building.build.cache_from {
            let Ok(pull) = Pull::of(image, PullPolicy::IfMissing) else { continue };
            if crate::image::id_of(&engine.docker, &pull.name()).await.is_some() {
                return Vec::new();
            }
            match self.images.ensure_with(engine, &pull, resolved.logins.of_image(&pull.reference), sink).await {
                Ok(()) => fetched.push(pull.name()),
                Err(error) => sink.note(message!("`{}` is no cache for this build: {}", image.clone(), error.told())).await,
            }
        }
        fetched
    }

    async fn push_all(&self, building: &mut Building<'_>, resolved: &Resolved, image: &str) -> Result<(), Stop> {
        let engine = &building.stage.engine;
        let sink = building.log.sink;
        let mut all: Vec<(&ImageReference, Pushed)> = Vec::new();
        for name in &resolved.names {
            let login = match resolved.logins.of_image(name) {
                Some(login) => Some(login),
                None => self.images.login(name).await,
            };
            match push(engine, name, login, &mut building.log).await? {
                Ok(pushed) => {
                    sink.note(message!("pushed `{}` as `{}`", name.familiar(), pushed.digest.clone())).await;
                    all.push((name, pushed));
                }
                Err(said) => {
                    let why = trouble::meaning(&said).unwrap_or_else(|| Message::verbatim(&said));
                    sink.note(message!("`{}` was not pushed: {}", name.familiar(), why)).await;
                    sink.note(message!("the image is built and stays on the engine: a retry only pushes it")).await;
                    return Err(Stop::Failed);
                }
            }
        }
        if let Some((name, other)) = all.iter().find(|(_, pushed)| pushed.digest != all[0].1.digest) {
            let first = all[0].0.familiar();
            sink.note(message!("`{}` is another image at its registry (`{}`) than `{}`", name.familiar(), other.digest.clone(), first))
                .await;
        }
        if let Some(path) = &building.build.artifact_file {
            self.write_artifact(building, path, image, &all).await?;
        }
        Ok(())
    }

    /// Writes what was pushed into the working copy, in the form of the plugins.
    async fn write_artifact(
        &self,
        building: &Building<'_>,
        path: &str,
        image: &str,
        pushed: &[(&ImageReference, Pushed)],
    ) -> Result<(), BackendError> {
        let images: Vec<_> =
            pushed.iter().map(|(name, pushed)| serde_json::json!({"image": name.familiar(), "digest": pushed.digest})).collect();
        let registry = pushed.first().map_or("", |(name, _)| name.host());
        let text = serde_json::json!({
            "kind": "docker/v1",
            "data": {"registryType": "Docker", "registryUrl": registry, "imageId": image, "images": images},
        });
        let whole = absolute(building.folder, path);
        let (folder, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
        let tar = [&context::member(name, text.to_string().as_bytes())[..], &[0; 1024]].concat();
        let folder = if folder.is_empty() { "/" } else { folder };
        let options = UploadToContainerOptionsBuilder::new().path(folder).build();
        let body = bollard::body_try_stream(stream::iter([Ok(tar.into())]));
        let sent = building.stage.engine.docker.upload_to_container(building.container, Some(options), body).await;
        sent.map_err(|refused| error::call(message!("write `{}`", whole), &refused))
    }
}

impl Building<'_> {
    /// Whether a path lies in one of the volumes of the step: what else is there is the engine's own.
    fn sees(&self, path: &str) -> bool {
        let step = &self.step.step;
        let base = step.workspace(&self.stage.context.stage.workspace).base;
        let mounted = step.mounts.iter().map(|mount| mount.path.as_str());
        let is_in = |volume: &str| Path::new(path).starts_with(absolute("/", volume));
        mounted.chain([base.as_str()]).any(is_in)
    }

    /// Ends the step as failed, for a reason that a person reads.
    async fn fail(&mut self, why: Message) -> Result<(), Stop> {
        self.log.line(&why.to_string()).await?;
        self.log.sink.note(why).await;
        Err(Stop::Failed)
    }
}
