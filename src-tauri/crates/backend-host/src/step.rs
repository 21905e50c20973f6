//! One step from its start to its last byte of output.

use crate::folder::{Root, StageFolder};
use crate::kin::{self, Kin, Scope};
use crate::{call_error, environment};
use lp_backend::{BackendError, Cancel, CancelStage, StageContext, StepContext, StepExit, StepSink};
use lp_model::{Step, StepKind};
use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::io::Errno;
use rustix::process::Pid;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const BUFFER_BYTES: usize = 64 * 1024;

/// The most that a pipe can hold (`/proc/sys/fs/pipe-max-size`): what is in it when everything has ended is never more.
const PIPE_BYTES: usize = 1024 * 1024;

/// A filter in the background (`exec > >(tee log)`) still writes when the step's own process has ended: it gets this long before
/// it is ended with everything else that was left running.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A killed process that does not end within this time hangs in the kernel.
const REAP_DEADLINE: Duration = Duration::from_secs(10);

/// Carries out [`lp_backend::Backend::run_step`].
pub(crate) async fn run(
    root: &Root,
    stage: &StageContext,
    step: &StepContext,
    sink: &dyn StepSink,
    cancel: &Cancel,
) -> Result<StepExit, BackendError> {
    check(&step.step)?;
    let folder = root.stage(&stage.name());
    let name = stage.step_name(step.key);
    let kin = Kin::new(root, Scope::Step(name.clone()));
    // Left by an app that crashed: its output is lost with its pipe, so it cannot be taken over. It ends before it starts anew.
    refuse_survivors(&step.step, kin.kill().await?)?;
    if cancel.is_asked() {
        return Ok(StepExit::Killed);
    }

    let (mut child, output) = spawn(root, &folder, stage, step, &name).await?;
    let started = |error: io::Error| start_error(&step.step, &error);
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let pid = pid.ok_or_else(|| started(io::Error::other("it has no process number")))?;
    let main = kin::watch(pid).map_err(started)?;
    let output = Receiver::from_owned_fd(output).map_err(started)?;
    let kin = kin.with_session(pid);
    sink.started().await;
    if !step.step.image.is_empty() {
        sink.note(format!("runs with the programs of this computer instead of image `{}`", step.step.image)).await;
    }
    tracing::debug!(step = %name, pid = pid.as_raw_nonzero().get(), "process started");

    let outcome = attend(&main, &output, &kin, sink, cancel).await;
    if outcome.is_err() {
        // Nothing of the step stays behind, whatever happened; the first error is the one that matters.
        let _ = kin.kill().await;
    }
    // Reaped last: until here nobody else can have its number.
    let status = reap(child.as_mut(), &step.step).await;
    let (by_us, survivors) = outcome?;
    refuse_survivors(&step.step, survivors)?;
    let status = status?;
    Ok(match (by_us, status.code(), status.signal()) {
        (true, _, _) => StepExit::Killed,
        (false, Some(code), _) => StepExit::Code(code),
        (false, None, Some(signal)) => StepExit::Signal(signal),
        (false, None, None) => {
            return Err(call_error("find out how the step ended", &io::Error::other(status.to_string())));
        }
    })
}

/// Refuses what only a container can give.
fn check(step: &Step) -> Result<(), BackendError> {
    let message = match step.kind {
        StepKind::Plugin => format!("needs a container engine: its program is inside the image `{}`", step.image),
        StepKind::Service => format!("needs a container engine: the service is inside the image `{}`", step.image),
        StepKind::Commands => match step.mounts.first() {
            Some(mount) => format!("needs a container engine: it mounts the volume `{}`", mount.volume),
            None => return Ok(()),
        },
    };
    Err(BackendError::Unsupported { step: step.name.clone(), message })
}

/// Starts the step's program with both outputs in one pipe. Gives the child and the reading end.
async fn spawn(
    root: &Root,
    folder: &StageFolder,
    stage: &StageContext,
    step: &StepContext,
    name: &str,
) -> Result<(Box<dyn ChildWrapper>, OwnedFd), BackendError> {
    let start = |message: String| BackendError::Start { step: step.step.name.clone(), message };
    let program: Vec<String> = step.step.entrypoint.iter().chain(&step.step.command).flatten().cloned().collect();
    let (first, arguments) = program.split_first().ok_or_else(|| start("it has no commands".to_owned()))?;
    let workspace = &stage.stage.workspace;
    let folder_of_step = working_folder(folder, stage, &step.step)?;
    let made = folder_of_step.clone();
    // A container engine makes a missing working folder too.
    let made = tokio::task::spawn_blocking(move || std::fs::create_dir_all(made)).await.map_err(io::Error::other).flatten();
    made.map_err(|error| start(format!("working folder `{}`: {error}", folder_of_step.display())))?;

    let (reader, writer) = io::pipe().map_err(|error| call_error("make a pipe", &error))?;
    let second = writer.try_clone().map_err(|error| call_error("make a pipe", &error))?;
    let mut wrap = CommandWrap::with_new(first, |command| {
        command
            .args(arguments)
            .current_dir(&folder_of_step)
            .env_clear()
            .envs(environment::build(std::env::vars_os(), root, folder, workspace, step, name))
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(second);
    });
    wrap.wrap(ProcessSession);
    let child = wrap.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => start(format!("program `{first}` is not on this computer")),
        io::ErrorKind::PermissionDenied => start(format!("program `{first}` may not be executed")),
        io::ErrorKind::ArgumentListTooLong => start("its commands and environment are too long".to_owned()),
        _ => start_error(&step.step, &error),
    })?;
    // The command holds our copies of the writing end: with them open the output would never end.
    drop(wrap);
    Ok((child.into_inner(), OwnedFd::from(reader)))
}

/// The step's working folder on this computer; the working copy when it has none.
fn working_folder(folder: &StageFolder, stage: &StageContext, step: &Step) -> Result<PathBuf, BackendError> {
    let workspace = &stage.stage.workspace;
    let Some(planned) = &step.working_dir else { return Ok(folder.dir(workspace)) };
    folder.map(workspace, planned).ok_or_else(|| BackendError::Start {
        step: step.name.clone(),
        message: format!("its working folder `{planned}` lies outside the workspace `{}`, which only a container can give", workspace.base),
    })
}

/// Passes output on while the step runs, and ends it when it is asked to. True when we ended it; and what could not be ended. When it
/// returns `Ok`, the step's own process has ended and all its output was accepted.
async fn attend(
    main: &AsyncFd<OwnedFd>,
    output: &Receiver,
    kin: &Kin,
    sink: &dyn StepSink,
    cancel: &Cancel,
) -> Result<(bool, Vec<String>), BackendError> {
    let drain = CancellationToken::new();
    let mut output = pin!(pass_on(output, sink, &drain));
    let mut end = pin!(wait_or_end(main, kin, cancel));
    let mut passed = false;
    // Side by side, because a slow log must not keep a cancel waiting.
    let by_us = loop {
        tokio::select! {
            result = &mut output, if !passed => {
                result?;
                passed = true;
            }
            by_us = &mut end => break by_us?,
        }
    };
    if !passed
        && !by_us
        && let Ok(result) = timeout(LAST_WORDS, &mut output).await
    {
        result?;
        passed = true;
    }
    let survivors = kin.kill().await?;
    if !passed {
        drain.cancel();
        output.await?;
    }
    Ok((by_us, survivors))
}

/// Waits for the step's own process, or ends everything when it is cancelled. True when it was cancelled first.
async fn wait_or_end(main: &AsyncFd<OwnedFd>, kin: &Kin, cancel: &Cancel) -> Result<bool, BackendError> {
    tokio::select! {
        biased;
        ended = main.readable() => {
            ended.map_err(|error| call_error("wait for the step", &error))?.retain_ready();
            return Ok(false);
        }
        () = cancel.reached(CancelStage::Ask) => {}
    }
    tokio::select! {
        biased;
        () = cancel.reached(CancelStage::Kill) => {}
        asked = kin.ask() => asked?,
        () = sleep(cancel.grace) => {}
    }
    kin.kill().await?;
    Ok(true)
}

/// Gives output to the sink until all writing ends are closed, or, after `drain`, until the pipe is empty: somebody whom we could not
/// find may hold it open for ever.
async fn pass_on(output: &Receiver, sink: &dyn StepSink, drain: &CancellationToken) -> Result<(), BackendError> {
    let failed = |error: io::Error| call_error("read the output of the step", &error);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        tokio::select! {
            biased;
            ready = output.readable() => ready.map_err(failed)?,
            () = drain.cancelled() => break,
        }
        match output.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => sink.write(&buffer[..length]).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(failed(error)),
        }
    }
    // Straight from the system: the runtime may not have heard yet that there is something to read.
    let mut left = PIPE_BYTES;
    while left > 0 {
        match rustix::io::read(output, &mut buffer) {
            Ok(0) | Err(Errno::AGAIN) => break,
            Ok(length) => {
                sink.write(&buffer[..length]).await?;
                left = left.saturating_sub(length);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(failed(error.into())),
        }
    }
    Ok(())
}

async fn reap(child: &mut dyn ChildWrapper, step: &Step) -> Result<std::process::ExitStatus, BackendError> {
    match timeout(REAP_DEADLINE, child.wait()).await {
        Ok(status) => status.map_err(|error| call_error("find out how the step ended", &error)),
        Err(_) => Err(call_error(&format!("end step `{}`", step.name), &io::Error::other("its process does not react to KILL"))),
    }
}

fn refuse_survivors(step: &Step, survivors: Vec<String>) -> Result<(), BackendError> {
    if survivors.is_empty() {
        return Ok(());
    }
    Err(call_error(&format!("end step `{}`", step.name), &io::Error::other(format!("still there: {}", survivors.join(", ")))))
}

fn start_error(step: &Step, error: &io::Error) -> BackendError {
    BackendError::Start { step: step.name.clone(), message: error.to_string() }
}
