//! Answers to wishes by their keys, for guests who did not hear them.

use super::wire::Answer;
use crate::dto::ApiError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How long an answer is kept: a guest gives up much earlier.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// How many answers are kept at the most; the oldest go first.
const MOST: usize = 1000;

type Outcome = Result<Answer, ApiError>;

/// The answers that were given, and those that are being worked out.
#[derive(Default)]
pub(super) struct Answers(Mutex<VecDeque<Kept>>);

struct Kept {
    key: String,
    since: Instant,
    outcome: Arc<OnceCell<Outcome>>,
}

impl Answers {
    /// The answer to the wish of that key: the first who asks has it done, everyone after waits for the same answer.
    pub async fn once(&self, key: &str, work: impl Future<Output = Outcome>) -> Outcome {
        let outcome = self.of(key);
        outcome.get_or_init(|| work).await.clone()
    }

    fn of(&self, key: &str) -> Arc<OnceCell<Outcome>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while all.front().is_some_and(|oldest| now.duration_since(oldest.since) > KEPT_FOR) {
            all.pop_front();
        }
        if let Some(known) = all.iter().find(|known| known.key == key) {
            return Arc::clone(&known.outcome);
        }
        if all.len() == MOST {
            all.pop_front();
        }
        let outcome = Arc::new(OnceCell::new());
        all.push_back(Kept { key: key.to_owned(), since: now, outcome: Arc::clone(&outcome) });
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_wish_is_done_once_for_its_key_as_long_as_that_is_kept() {
        let (answers, done) = (Answers::default(), AtomicU32::new(0));
        let work = async || Ok(Answer::Run(done.fetch_add(1, Ordering::Relaxed).to_string()));
        let (one, same) = tokio::join!(answers.once("a", work()), answers.once("a", work()));
        assert_eq!((one.unwrap(), same.unwrap()), (Answer::Run("0".into()), Answer::Run("0".into())));
        assert_eq!(answers.once("b", work()).await.unwrap(), Answer::Run("1".into()));
        assert_eq!(answers.once("a", work()).await.unwrap(), Answer::Run("0".into()));
        tokio::time::advance(KEPT_FOR + Duration::from_secs(1)).await;
        assert_eq!(answers.once("a", work()).await.unwrap(), Answer::Run("2".into()));
        for number in 0..MOST {
            answers.once(&number.to_string(), async { Ok(Answer::Done) }).await.unwrap();
        }
        assert_eq!(answers.once("a", work()).await.unwrap(), Answer::Run("3".into()), "the oldest went");
    }
}
