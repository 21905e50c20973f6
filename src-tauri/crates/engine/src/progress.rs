//! How far a piece of work is: passed on to whoever looks, and the sign of life by which the engine tells slow from stuck. The one place that
//! decides how often people hear of it.

use crate::messages::Notice;
use lp_model::Message;
use lp_model::{RunId, StageNumber, StepKey};
use lp_secret::masker::Masker;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};

/// At most one notice a second.
const NOTICE_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Progress {
    run: RunId,
    stage: StageNumber,
    step: Option<StepKey>,
    masker: Masker,
    notices: broadcast::Sender<Notice>,
    heard: Mutex<Heard>,
}

struct Heard {
    /// When something was told last.
    last: Instant,
    /// What people were told last, and when.
    shown: Option<(Instant, Message)>,
}

impl Progress {
    pub fn new(run: RunId, stage: StageNumber, step: Option<StepKey>, masker: Masker, notices: broadcast::Sender<Notice>) -> Self {
        let heard = Mutex::new(Heard { last: Instant::now(), shown: None });
        Self { run, stage, step, masker, notices, heard }
    }

    /// The work goes on.
    pub fn hear(&self, sentence: Message) {
        let now = Instant::now();
        let mut heard = self.heard();
        heard.last = now;
        let is_news = heard.shown.as_ref().is_none_or(|(at, shown)| now - *at >= NOTICE_INTERVAL && *shown != sentence);
        if !is_news {
            return;
        }
        let masked = sentence.with_texts(&|text| self.masker.mask_text(text));
        heard.shown = Some((now, sentence));
        drop(heard);
        // An error only says that nobody listens.
        let _ = self.notices.send(Notice::Progress { run: self.run.clone(), stage: self.stage, step: self.step, sentence: masked });
    }

    /// Ends when nothing was heard for so long.
    pub async fn silent(&self, limit: Duration) {
        loop {
            let until = self.heard().last.checked_add(limit);
            match until {
                Some(until) if Instant::now() < until => sleep_until(until).await,
                Some(_) => return,
                // A limit beyond what the clock can hold is none.
                None => std::future::pending().await,
            }
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
