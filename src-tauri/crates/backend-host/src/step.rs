//! One step from its start, or from where another process left it, to its last byte of output.

use crate::carrier::{Carrier, Found};
use crate::folder::{Root, StageFolder};
use crate::output;
use crate::process_tree::{ProcessTree, Scope};
use crate::records::Records;
use crate::{blocking, call_error};
use lp_backend::program_limits::startable;
use lp_backend::{BackendError, Before, Cancel, CancelStage, StageContext, StepContext, StepExit, StepSink};
use lp_model::{Message, message};
use lp_model::{Step, StepKind};
use std::io;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A filter in the background (`exec > >(tee log)`) still writes when the step's own process has ended: it gets this long before
/// it is ended with everything else that was left running.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Carries out [`lp_backend::Backend::run_step`].
pub(crate) async fn run(
    root: &Root,
    stage: &StageContext,
    step: &StepContext,
    sink: &dyn StepSink,
    cancel: &Cancel,
) -> Result<StepExit, BackendError> {
    check(&step.step)?;
    let (step, notes) = startable(stage, step)?;
    let step = &step;
    let folder = root.stage(&stage.name());
    let all = ProcessTree::new(root, Scope::Step(stage.step_name(step.key)));
    // Looked for whatever was said: a loss of power can take back what was written down of a step, and its program must not run twice.
    let found = match (Carrier::find(root, &folder, stage, step).await?, step.before) {
        (Found::Nothing, Before::Nothing) => Found::NeverStarted,
        (Found::Nothing, Before::Created) => Found::Lost(message!("nothing is left of step `{}` on this computer", step.step.name)),
        (found, _) => found,
    };
    let mut carrier = match found {
        Found::Carrier(carrier) => *carrier,
        Found::Lost(message) => {
            refuse_survivors(&step.step, all.kill().await?)?;
            return if cancel.is_asked() { Ok(StepExit::Killed) } else { Err(BackendError::lost(message)) };
        }
        Found::NeverStarted | Found::Nothing => {
            refuse_survivors(&step.step, all.kill().await?)?;
            if cancel.is_asked() {
                return Ok(StepExit::Killed);
            }
            let is_told = step.before == Before::Created;
            if !is_told {
                forget(&folder, stage.step_name(step.key)).await?;
            }
            for note in notes {
                sink.note(note).await;
            }
            let carrier = Carrier::start(root, &folder, stage, step, sink, is_told).await?;
            if !step.step.image.is_empty() {
                sink.note(message!("runs with the programs of this computer instead of image `{}`", step.step.image)).await;
            }
            carrier
        }
    };
    if carrier.has_started() {
        sink.started().await;
    }
    tracing::debug!(step = %stage.step_name(step.key), before = ?step.before, "step under way");

    let outcome = attend(&carrier, &step.step, sink, cancel).await;
    let end = match outcome {
        Ok(end) => end,
        Err(error) => {
            // Nothing of the step stays behind, whatever happened; the first error is the one that matters.
            let _ = carrier.kill_all().await;
            return Err(error);
        }
    };
    let reaped = carrier.reap(end.was_cut).await;
    refuse_survivors(&step.step, end.survivors)?;
    if end.by_us {
        return Ok(StepExit::Killed);
    }
    reaped?;
    how_it_ended(&carrier, &step.step, cancel).await
}

/// Refuses what only a container can give.
fn check(step: &Step) -> Result<(), BackendError> {
    let message = match step.kind {
        StepKind::Plugin => message!("needs a container engine: its program is inside the image `{}`", step.image),
        StepKind::Service => message!("needs a container engine: the service is inside the image `{}`", step.image),
        StepKind::Commands => match step.mounts.first() {
            Some(mount) => message!("needs a container engine: it mounts the volume `{}`", mount.volume),
            None => return Ok(()),
        },
    };
    Err(BackendError::unsupported(&step.name, message).hinted(message!("start a container engine and run again")))
}

/// Removes what a process that died has made for a step whose program it had not started yet.
async fn forget(folder: &StageFolder, step_name: String) -> Result<(), BackendError> {
    let folder = folder.clone();
    blocking(message!("remove the records of the step"), move || Records::remove(&folder, &step_name)).await
}

/// How the watch over a step came to its end.
struct End {
    /// We ended it.
    by_us: bool,
    /// In words, what could not be ended.
    survivors: Vec<Message>,
    /// Somebody whom we could not find still holds the output open.
    was_cut: bool,
}

/// Passes output on while the step runs, and ends it when it is asked to. When it returns `Ok`, the step's own process has ended and all
/// its output was accepted.
async fn attend(carrier: &Carrier, step: &Step, sink: &dyn StepSink, cancel: &Cancel) -> Result<End, BackendError> {
    let records = carrier.records().clone();
    let file = blocking(message!("open the output of the step"), move || match records.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    });
    let Some(file) = file.await? else {
        return Err(BackendError::lost(message!("the output of step `{}` was removed", step.name)));
    };
    let complete = CancellationToken::new();
    let end = async {
        let by_us = tokio::select! {
            biased;
            error = carrier.output_failed() => return Err(error),
            by_us = wait_or_end(carrier, cancel) => by_us?,
        };
        if !by_us && let Ok(ended) = timeout(LAST_WORDS, carrier.output_ended()).await {
            ended?;
        }
        let survivors = carrier.tree().await?.kill().await?;
        let was_cut = carrier.drain_output().await?;
        complete.cancel();
        Ok(End { by_us, survivors, was_cut })
    };
    // Side by side, because a slow log must not keep a cancel waiting.
    let ((), end) = tokio::try_join!(output::follow(file, sink, &complete), end)?;
    Ok(end)
}

/// Waits for the step's own process, or ends everything when it is cancelled. True when it was cancelled first.
async fn wait_or_end(carrier: &Carrier, cancel: &Cancel) -> Result<bool, BackendError> {
    tokio::select! {
        biased;
        ended = carrier.ended() => {
            ended?;
            return Ok(false);
        }
        () = cancel.reached(CancelStage::Ask) => {}
    }
    let records = carrier.records().clone();
    // Only for who takes over if we die in the middle of this: not worth failing for.
    let _ = blocking(message!("write down that the step is cancelled"), move || records.set_asked()).await;
    let tree = carrier.tree().await?;
    tokio::select! {
        biased;
        () = cancel.reached(CancelStage::Kill) => {}
        asked = tree.ask() => asked?,
        () = sleep(cancel.grace) => {}
    }
    carrier.tree().await?.kill().await?;
    carrier.end_supervisor().await?;
    Ok(true)
}

async fn how_it_ended(carrier: &Carrier, step: &Step, cancel: &Cancel) -> Result<StepExit, BackendError> {
    // By a process before this one.
    if carrier.records().is_asked() {
        return Ok(StepExit::Killed);
    }
    let Some(exit) = carrier.exit().await? else {
        if cancel.is_asked() {
            return Ok(StepExit::Killed);
        }
        let message = if carrier.is_of_this_boot() {
            message!("what watched over step `{}` was ended from outside", step.name)
        } else {
            message!("this computer was restarted while step `{}` was under way", step.name)
        };
        return Err(BackendError::lost(message));
    };
    if !carrier.has_started() {
        return Err(crate::not_started(&step.name, message!("its start could not be written down")));
    }
    Ok(if exit.by_signal { StepExit::Signal(exit.code - 128) } else { StepExit::Code(exit.code) })
}

fn refuse_survivors(step: &Step, survivors: Vec<Message>) -> Result<(), BackendError> {
    if survivors.is_empty() {
        return Ok(());
    }
    Err(call_error(message!("end step `{}`", step.name), &io::Error::other(message!("still there: {}", Message::joined(survivors, ", ")))))
}
