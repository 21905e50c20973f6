//! The output of a step on its way: from the program through a pipe to a file, by a pump that needs no app, and from there to the sink.
//!
//! The program does not get the file itself: `echo > /dev/stderr` would empty it.

use crate::process_tree::{self, Process, Watch};
use crate::{blocking, call_error};
use lp_backend::{BackendError, Position, StepSink};
use lp_model::message;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const BUFFER_BYTES: usize = 128 * 1024;

/// How soon it is looked for more when something has just come; doubled with each look in vain.
const SHORTEST_PAUSE: Duration = Duration::from_millis(4);

/// How late a line of a quiet step may be seen: ten looks a second cost nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What a pump that has nothing to do for so long has done.
const QUIET: Duration = Duration::from_millis(20);

/// A pump that is still busy after this time writes for somebody whom we could not find, or hangs in the kernel.
const PUMP_DEADLINE: Duration = Duration::from_secs(10);

/// Gives the file to the sink from the sink's position on, until it is `complete` and read to its end.
pub(crate) async fn follow(file: File, sink: &dyn StepSink, complete: &CancellationToken) -> Result<(), BackendError> {
    let file = Arc::new(file);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut upto = Position { stdout: sink.position().stdout, stderr: 0 };
    let mut pause = SHORTEST_PAUSE;
    loop {
        // Asked before reading: what came until then is read.
        let is_complete = complete.is_cancelled();
        let from = file.clone();
        let (read, length) = blocking(message!("read the output of the step"), move || {
            let length = from.read_at(&mut buffer, upto.stdout)?;
            Ok((buffer, length))
        })
        .await?;
        buffer = read;
        if length > 0 {
            upto.stdout += length as u64;
            sink.write(&buffer[..length], upto).await?;
            pause = SHORTEST_PAUSE;
        } else if is_complete {
            return Ok(());
        } else {
            tokio::select! {
                () = complete.cancelled() => {}
                () = sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
            }
        }
    }
}

/// Waits until the pump has passed everything on, and ends it if somebody whom we could not find holds the pipe open: then it
/// gives true.
pub(crate) async fn drain(pump: Process, watch: &Watch) -> Result<bool, BackendError> {
    let deadline = Instant::now() + PUMP_DEADLINE;
    let mut was_quiet = false;
    loop {
        if let Ok(ended) = timeout(QUIET, process_tree::end_of(watch)).await {
            return ended.map(|()| false);
        }
        let is_quiet = blocking(message!("look at the output of the step"), move || Ok(is_quiet(pump))).await?;
        if (is_quiet && was_quiet) || Instant::now() > deadline {
            process_tree::kill(watch)?;
            return match timeout(PUMP_DEADLINE, process_tree::end_of(watch)).await {
                Ok(ended) => ended.map(|()| true),
                Err(_) => Err(call_error(
                    message!("end the output of the step"),
                    &io::Error::other(message!("its process does not react to KILL")),
                )),
            };
        }
        was_quiet = is_quiet;
    }
}

/// It waits, and there is nothing in the pipe.
fn is_quiet(pump: Process) -> bool {
    let path = format!("/proc/{}/fd/0", pump.pid().as_raw_nonzero());
    let pipe = OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed()).open(path);
    pipe.is_ok_and(|pipe| rustix::io::ioctl_fionread(&pipe) == Ok(0)) && pump.is_asleep()
}
