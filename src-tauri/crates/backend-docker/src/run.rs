//! Running one step: image, container, output, end. The only place that knows the order in which the engine is asked.
//!
//! A container is made, attached to, and only then started, so that not a byte is missed; it stays until its stage is destroyed, so that a
//! process that goes on after this one has died can attach to it, or read its log and its exit code.

use crate::ahead::{Made, settled};
use crate::connect::Engine;
use crate::fate::End;
use crate::holder::{self, Fate};
use crate::network::{Layout, Place};
use crate::output::{pump, quiet_after_exit};
use crate::takeover::{LastBytes, Manner, news};
use crate::time::Moment;
use crate::{DockerBackend, ask, container, error, image};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use lp_backend::{BackendError, Before, Cancel, CancelStage, Position, StageContext, StepContext, StepExit, StepSink};
use lp_model::StepKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// A killed program is gone in a moment. One that is not hangs in the kernel, and waiting longer does not help.
const END_AFTER_KILL: Duration = Duration::from_secs(60);

/// How long the answer to a stop may take beyond the grace time that it grants.
const STOP_MARGIN: Duration = Duration::from_secs(30);

/// Exit code of a program that was killed, and how often and how far apart the engine is then asked whether memory was the reason.
const KILLED: i64 = 137;
const OOM_ASKS: u32 = 10;
const OOM_PAUSE: Duration = Duration::from_millis(100);

/// How long killing what nobody watches any longer may take: `destroy` does what is left.
const KILL_LIMIT: Duration = Duration::from_secs(20);

type Output = BoxStream<'static, Result<LogOutput, Error>>;

/// Where the output of a program comes from.
enum Source {
    /// A connection that was there before the program.
    Attached(Output),
    /// The engine's log of a program that was started by an earlier process; and, if it still runs, its output from now on.
    Log { live: Option<Output> },
}

/// The container of one step attempt, while it is being run.
struct Running<'a> {
    engine: &'a Engine,
    stage: &'a StageContext,
    layout: &'a Layout,
    /// Of the container.
    name: &'a str,
    /// As in the file.
    step: &'a str,
    kind: StepKind,
}

impl DockerBackend {
    pub(crate) async fn run_container(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        if cancel.is_asked() && step.before == Before::Nothing {
            return Ok(StepExit::Killed);
        }
        let engine = self.connection.engine().await?;
        let layout = self.layout(&engine, stage).await?;
        let name = stage.step_name(step.key);
        let running = Running { engine: &engine, stage, layout: &layout, name: &name, step: &step.step.name, kind: step.step.kind };

        let work = async {
            let begun = match step.before {
                Before::Nothing => self.begin(&running, step, sink, cancel).await?,
                Before::Created => Some(self.take_over(&running, step, sink).await?),
            };
            match begun {
                Some(source) => self.follow(&running, source, sink, cancel).await,
                None => Ok(StepExit::Killed),
            }
        };
        // Beside the step, which need not wait for it.
        let work = async { tokio::join!(work, self.remove_loader(&engine, stage)).0 };
        let ended = engine.watched(self.heartbeat, work).await;
        // What cannot be watched any longer must not go on working. An engine that does not answer would only delay the bad news, and what
        // runs on it can be attached to when it answers again.
        if !matches!(ended, Ok(_) | Err(BackendError::Unreachable { .. } | BackendError::Lost { .. } | BackendError::Image { .. })) {
            running.kill().await;
        }
        ended
    }

    /// Makes the container of a step before its turn. Whatever prevents it is met again by the step.
    pub(crate) async fn make_container_ahead(&self, stage: &StageContext, step: &StepContext) -> Result<(), BackendError> {
        let engine = self.connection.engine().await?;
        let layout = self.layout(&engine, stage).await?;
        let (named, _) = image::Images::named(&step.step.image, step.step.pull)?;
        let name = stage.step_name(step.key);
        let slot = self.ahead.slot(&name);
        let mut slot = slot.lock().await;
        let Some(image) = image::id_of(&engine.docker, &named).await else { return Ok(()) };
        let body = container::of_step(stage, step, layout.place(step.step.number), &named, &self.owner, engine.is_podman());
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        if engine.docker.create_container(Some(options), body.clone()).await.is_ok() {
            *slot = Some(Made { env: step.env.clone(), body, image });
        }
        Ok(())
    }

    /// Gets a program that never ran to run, with its output in our hands; `None` when a cancel came first.
    async fn begin(
        &self,
        running: &Running<'_>,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<Option<Source>, BackendError> {
        let Some(exists) = self.container_of(running, step, sink, cancel).await? else { return Ok(None) };
        if exists != Existing::Made {
            sink.started().await;
            return Ok(Some(running.log(exists == Existing::Runs).await?));
        }
        if cancel.is_asked() {
            return Ok(None);
        }
        // Together, because both take a moment and neither starts the program.
        let (created, attached) = tokio::join!(sink.created(), running.attach());
        created?;
        let attached = attached?;
        running.start().await?;
        sink.started().await;
        Ok(Some(Source::Attached(attached)))
    }

    /// The container of a program that never ran, made now or ahead; `None` when a cancel came first.
    async fn container_of(
        &self,
        running: &Running<'_>,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<Option<Existing>, BackendError> {
        let made = self.ahead.take(running.name).await;
        let (named, asks) = image::Images::named(&step.step.image, step.step.pull)?;
        // A container that is made needs no image any more, unless a newer one is wanted.
        if made.is_none() || asks {
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return Ok(None),
                image = self.images.ensure(running.engine, &step.step.image, step.step.pull, sink) => image?,
            };
        }
        let place = running.layout.place(step.step.number);
        let shares = *place == Place::Shared;
        let is_new_holder = shares && self.freshen_holder(running.engine, running.stage, running.layout).await?;
        let body = |step: &StepContext| container::of_step(running.stage, step, place, &named, &self.owner, running.engine.is_podman());
        if let Some(made) = made {
            let as_made = StepContext { env: settled(&step.env, &made.env), ..step.clone() };
            // One that was made for the namespace of an earlier holder would look for that.
            let same = !is_new_holder && body(&as_made) == made.body;
            if same && (!asks || image::id_of(&running.engine.docker, &named).await.is_some_and(|now| now == made.image)) {
                return Ok(Some(Existing::Made));
            }
            running.remove().await?;
        }
        running.create(&step.step.image, body(step)).await.map(Some)
    }

    /// Attaches to a program that may run already or have ended. One that was never started is started now: between writing down that it
    /// will be and asking the engine for it the process can have died.
    async fn take_over(&self, running: &Running<'_>, step: &StepContext, sink: &dyn StepSink) -> Result<Source, BackendError> {
        let lost = |what: &str| Err(BackendError::lost(format!("the container of step `{}` {what}", running.step)));
        let Some(found) = running.inspect().await? else { return lost("is gone") };
        let state = found.state.unwrap_or_default();
        match state.status {
            Some(ContainerStateStatusEnum::CREATED) => {
                if *running.layout.place(step.step.number) == Place::Shared {
                    self.freshen_holder(running.engine, running.stage, running.layout).await?;
                }
                let attached = running.attach().await?;
                // An engine that is just doing what the dead process had asked for takes this for the same wish.
                running.start().await?;
                sink.started().await;
                Ok(Source::Attached(attached))
            }
            Some(ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::REMOVING) => lost("is being removed"),
            _ => {
                sink.started().await;
                running.log(state.running.unwrap_or(false)).await
            }
        }
    }

    /// Copies the output until the program has ended, and ends it when `cancel` asks for it.
    async fn follow(&self, running: &Running<'_>, source: Source, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        let (exited, has_exited) = watch::channel(false);
        let killed = AtomicBool::new(false);
        let ending = async {
            let code = async {
                let code = running.exit_code().await?;
                exited.send_replace(true);
                Ok::<i64, BackendError>(code)
            };
            let output = async {
                match source {
                    Source::Attached(output) => pump(output, Position::default(), sink, has_exited.clone()).await.map(|_| ()),
                    Source::Log { live } => running.read_log(live, sink, has_exited.clone()).await,
                }
            };
            let (code, ()) = tokio::try_join!(code, output)?;
            Ok::<i64, BackendError>(code)
        };
        let code = tokio::select! {
            biased;
            ended = ending => ended?,
            error = running.end_when_asked(cancel, &killed, has_exited.clone()) => return Err(error),
        };
        if killed.load(Ordering::Relaxed) {
            return Ok(StepExit::Killed);
        }
        if code == 0 {
            return Ok(StepExit::Code(0));
        }
        let Some(state) = running.final_state(code).await? else {
            // Where it is gone already (destroyed under a service) nobody can tell more.
            return Ok(StepExit::Code(i32::try_from(code).unwrap_or(i32::MAX)));
        };
        if state.oom_killed.unwrap_or(false) {
            return Ok(StepExit::OutOfMemory);
        }
        if running.end(code, &state).await?.came_with_the_engine() {
            let message = format!("the container engine ended or was started again while step `{}` ran", running.step);
            return Err(BackendError::lost(message));
        }
        Ok(StepExit::Code(i32::try_from(code).unwrap_or(i32::MAX)))
    }
}

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

impl Running<'_> {
    fn docker(&self) -> &Docker {
        &self.engine.docker
    }

    async fn inspect(&self) -> Result<Option<ContainerInspectResponse>, BackendError> {
        match self.docker().inspect_container(self.name, None).await {
            Ok(found) => Ok(Some(found)),
            Err(missing) if error::is_missing(&missing) => Ok(None),
            Err(refused) => Err(error::call(format!("look for container `{}`", self.name), &refused)),
        }
    }

    /// Makes the container. One of that name that was never started is thrown away: an earlier process made it, and nobody knows of what.
    /// One that runs or has run is taken: it must not run twice, whatever was written down.
    async fn create(&self, image: &str, body: ContainerCreateBody) -> Result<Existing, BackendError> {
        let options = || Some(CreateContainerOptionsBuilder::new().name(self.name).build());
        // Not given up on a cancel: it takes milliseconds, and what is made behind our back would outlive `destroy`.
        let mut created = self.docker().create_container(options(), body.clone()).await;
        if created.as_ref().is_err_and(error::is_taken) {
            match self.inspect().await? {
                Some(found) if never_started(&found) => self.remove().await?,
                Some(found) => {
                    let runs = found.state.and_then(|state| state.running).unwrap_or(false);
                    return Ok(if runs { Existing::Runs } else { Existing::Ended });
                }
                None => {}
            }
            created = self.docker().create_container(options(), body).await;
        }
        match created {
            Ok(_) => Ok(Existing::Made),
            Err(missing) if error::is_missing(&missing) => Err(error::image(image, &missing)),
            Err(refused) => Err(error::start(self.step, &refused)),
        }
    }

    /// The output from now on. Reading the engine's log afterwards is several times slower.
    async fn attach(&self) -> Result<Output, BackendError> {
        let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
        let attached = self.docker().attach_container(self.name, Some(options)).await;
        // Podman prepares the program already now, and says here what is wrong with it.
        Ok(attached.map_err(|refused| error::start(self.step, &refused))?.output)
    }

    async fn start(&self) -> Result<(), BackendError> {
        self.docker().start_container(self.name, None).await.map_err(|refused| error::start(self.step, &refused))
    }

    /// The log of a program that runs or has run. Not an attach with `logs`: between the old and the new output that loses some.
    async fn log(&self, runs: bool) -> Result<Source, BackendError> {
        Ok(Source::Log { live: if runs { Some(self.attach().await?) } else { None } })
    }

    /// Copies what is new in the log to the sink, until the program has ended.
    async fn read_log(&self, live: Option<Output>, sink: &dyn StepSink, mut exited: watch::Receiver<bool>) -> Result<(), BackendError> {
        let heard = LastBytes::default();
        let forgets = !self.engine.is_podman();
        let log = |follow, position, end| {
            let options = LogsOptionsBuilder::new().follow(follow).stdout(true).stderr(true).timestamps(true).build();
            news(self.docker().logs(self.name, Some(options)), Manner { position, forgets, end })
        };
        let mut position = sink.position();
        if let Some(mut live) = live {
            // Nothing of this is passed on: only what comes last is of interest.
            let listen = async {
                while let Some(Ok(chunk)) = live.next().await {
                    heard.see(&chunk);
                }
            };
            let listen = async {
                tokio::select! {
                    () = listen => {}
                    () = quiet_after_exit(exited.clone()) => {}
                }
                Ok(())
            };
            let follow = pump(Box::pin(log(true, position, None)), position, sink, exited.clone());
            (position, ()) = tokio::try_join!(follow, listen)?;
        }
        // An error says that asking for the end has failed, which is told by who asked.
        if exited.wait_for(|exited| *exited).await.is_err() {
            return Ok(());
        }
        pump(Box::pin(log(false, position, Some(heard))), position, sink, exited).await.map(|_| ())
    }

    async fn exit_code(&self) -> Result<i64, BackendError> {
        let mut answers = std::pin::pin!(self.docker().wait_container(self.name, None));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // The library's way to say that the code is not 0.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(refused)) => Err(error::call(format!("wait for container `{}`", self.name), &refused)),
            None => Err(error::gone("the connection was closed while the step ran")),
        }
    }

    /// The state of a program that has ended, `None` when it is gone. On a busy machine the engine hears of the memory limit after the end of the
    /// program, so one that looks killed is asked about for a moment.
    async fn final_state(&self, code: i64) -> Result<Option<ContainerState>, BackendError> {
        for asked in 1.. {
            let Some(state) = self.inspect().await?.and_then(|found| found.state) else { break };
            if code != KILLED || asked == OOM_ASKS || state.oom_killed.unwrap_or(false) {
                return Ok(Some(state));
            }
            tokio::time::sleep(OOM_PAUSE).await;
        }
        Ok(None)
    }

    /// All that tells whether it ended by itself.
    async fn end(&self, code: i64, state: &ContainerState) -> Result<End, BackendError> {
        let moment = |text: &Option<String>| text.as_deref().and_then(Moment::parse);
        let holder = async {
            match self.layout.holder() {
                true => holder::fate(self.engine, self.stage).await,
                false => Ok(Fate::None),
            }
        };
        // The default bridge is as old as the engine's process. Podman has none.
        let bridge = async { if self.engine.is_podman() { None } else { self.docker().inspect_network("bridge", None).await.ok() } };
        let (holder, bridge) = tokio::join!(holder, bridge);
        let engine_since = bridge.and_then(|bridge| moment(&bridge.created));
        Ok(End { code, started: moment(&state.started_at), ended: moment(&state.finished_at), engine_since, holder: holder? })
    }

    /// Waits for a cancel and carries it out. Never returns while the program may still end as asked; the error says that it does not end.
    async fn end_when_asked(&self, cancel: &Cancel, killed: &AtomicBool, mut has_exited: watch::Receiver<bool>) -> BackendError {
        cancel.reached(CancelStage::Ask).await;
        killed.store(true, Ordering::Relaxed);
        if cancel.stage() == CancelStage::Ask {
            tokio::select! {
                () = self.grant_grace(cancel.grace) => {}
                () = cancel.reached(CancelStage::Kill) => {}
            }
        }
        // Also after a stop: one that failed is made up for, and killing what has ended is refused without harm.
        if let Err(refused) = self.docker().kill_container(self.name, None).await
            && error::is_transport(&refused)
        {
            return error::unreachable(&refused);
        }
        let ended = tokio::time::timeout(END_AFTER_KILL, has_exited.wait_for(|exited| *exited)).await.is_ok();
        if ended {
            // From here on only the sink may still take its time.
            std::future::pending::<()>().await;
        }
        BackendError::call(format!("kill the program of step `{}`", self.step), "it does not end")
    }

    /// Asks the program to end and returns when its grace time is over, or earlier when it has ended.
    async fn grant_grace(&self, grace: Duration) {
        // Only images of commands are known to have a shell.
        if self.kind == StepKind::Commands && ask::ask_all(self.engine, self.name).await {
            return tokio::time::sleep(grace).await;
        }
        let grace_s = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
        let options = StopContainerOptionsBuilder::new().t(i32::try_from(grace_s).unwrap_or(i32::MAX)).build();
        // The engine counts the grace time and kills, so that this happens even when the app ends meanwhile.
        let patient = self.engine.patient(grace + STOP_MARGIN);
        if let Err(refused) = patient.stop_container(self.name, Some(options)).await {
            tracing::warn!(container = self.name, "cannot stop it, killing it: {}", error::message(&refused));
        }
    }

    /// Removes a container that was made and never started.
    async fn remove(&self) -> Result<(), BackendError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.docker().remove_container(self.name, Some(options)).await {
            Ok(()) => Ok(()),
            Err(missing) if error::is_missing(&missing) => Ok(()),
            Err(refused) => Err(error::call(format!("remove container `{}`", self.name), &refused)),
        }
    }

    /// Kills the program, if it runs.
    async fn kill(&self) {
        match tokio::time::timeout(KILL_LIMIT, self.docker().kill_container(self.name, None)).await {
            Ok(Ok(())) => {}
            // It is not there, or does not run.
            Ok(Err(refused)) if matches!(error::status(&refused), Some(404 | 409)) => {}
            Ok(Err(refused)) => tracing::warn!(container = self.name, "cannot kill it now: {}", error::message(&refused)),
            Err(_) => tracing::warn!(container = self.name, "cannot kill it now: no answer in time"),
        }
    }
}

fn never_started(found: &ContainerInspectResponse) -> bool {
    let status = found.state.as_ref().and_then(|state| state.status);
    matches!(status, Some(ContainerStateStatusEnum::CREATED))
}
