//! What a job does while the container engine does not answer.

use super::{Site, guarded};
use crate::EngineSettings;
use crate::deadlines::{BACK_AFTER, PROBE_INTERVAL, Work};
use lp_backend::{Cancel, CancelStage};
use lp_model::{Message, message};
use tokio::time::{Instant, sleep, timeout};

/// What is noted when an engine goes silent.
fn silence() -> Message {
    message!("the container engine does not answer; waiting for it")
}

/// Whether a note of a step says that its container engine is silent and waited for.
pub fn is_silence(note: &Message) -> bool {
    // By its words: earlier versions of the app have stored a text.
    *note == *silence().to_string()
}

/// A time in which the container engine does not answer.
#[derive(Default)]
pub(super) struct Outage {
    /// When the one that lasts began; each has the whole patience.
    pub since: Option<Instant>,
    /// There was one.
    happened: bool,
}

impl Outage {
    pub fn was_there(&self) -> bool {
        self.happened
    }

    /// A call that was made at `began` found nobody: waits until the engine of the stage answers again. `false` when the patience is over, counted
    /// from the beginning of this outage, or a cancel ends the waiting.
    pub async fn wait(
        &mut self,
        began: Instant,
        site: &Site,
        cancel: &Cancel,
        settings: &EngineSettings,
        note: impl FnOnce(Message),
    ) -> bool {
        let now = Instant::now();
        // An engine that was there for so long went away once more; one that only lets us attach and hangs up did not come back.
        if now - began >= BACK_AFTER {
            self.since = None;
        }
        self.happened = true;
        let is_another = self.since.is_none();
        let since = *self.since.get_or_insert(now);
        if is_another {
            note(silence());
        }
        loop {
            let left = Work::Outage.time(settings).saturating_sub(since.elapsed());
            if left.is_zero() {
                return false;
            }
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return false,
                () = sleep(PROBE_INTERVAL.min(left)) => {}
            }
            let probe = timeout(Work::Probe.time(settings), guarded(site.backend.probe(site.context.engine.as_ref())));
            tokio::select! {
                biased;
                () = cancel.reached(CancelStage::Ask) => return false,
                answer = probe => if matches!(answer, Ok(Ok(Ok(_)))) { return true },
            }
        }
    }
}
