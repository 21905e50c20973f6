//! How far something is that a step waits for just now (a fetch, a copy): kept in memory as long as it is news, and never stored.

use lp_model::{Message, RunEvent, RunId, StageNumber, StepKey};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sentences by the step that waits; without a step, by the stage whose place is made.
type Sentences = BTreeMap<(RunId, StageNumber, Option<StepKey>), Message>;

/// The newest sentence for each step that waits; without a step, for the making of a stage's place.
#[derive(Default)]
pub(crate) struct Progress(Mutex<Sentences>);

impl Progress {
    /// There is news.
    pub fn put(&self, run: &RunId, stage: StageNumber, step: Option<StepKey>, sentence: Message) {
        self.sentences().insert((run.clone(), stage, step), sentence);
    }

    /// What is told about a step: its own news, else that of its stage.
    pub fn of_step(&self, run: &RunId, key: StepKey) -> Option<Message> {
        let sentences = self.sentences();
        let own = sentences.get(&(run.clone(), key.stage, Some(key)));
        own.or_else(|| sentences.get(&(run.clone(), key.stage, None))).cloned()
    }

    /// What has happened ends the waiting.
    pub fn heed(&self, run: &RunId, event: &RunEvent) {
        let mut sentences = self.sentences();
        match event {
            RunEvent::StepStarted { key } | RunEvent::StepEnded { key, .. } => {
                drop(sentences.remove(&(run.clone(), key.stage, Some(*key))))
            }
            RunEvent::StageReady { stage } => drop(sentences.remove(&(run.clone(), *stage, None))),
            RunEvent::StageEnded { stage, .. } => sentences.retain(|(of, number, _), _| of != run || number != stage),
            _ => {}
        }
    }

    fn sentences(&self) -> MutexGuard<'_, Sentences> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
