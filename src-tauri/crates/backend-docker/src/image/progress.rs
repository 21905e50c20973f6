//! How a fetch goes, in sentences that a person can follow: not too many of them.

use bollard::models::CreateImageInfo;
use futures_util::pin_mut;
use lp_backend::StepSink;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// At most one note about a fetch in this time.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// How a fetch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    /// Whether the registry has said anything yet.
    pub answered: bool,
    /// For a person.
    pub sentence: String,
}

/// Waits for the fetch and passes on how it goes: at once, and then whenever it changes, but not too often.
pub(super) async fn tell<T>(fetch: impl Future<Output = T>, mut progress: watch::Receiver<Progress>, sink: &dyn StepSink) -> T {
    pin_mut!(fetch);
    let mut told = progress.borrow_and_update().sentence.clone();
    sink.note(told.clone()).await;
    let mut due = Instant::now() + NOTE_EVERY;
    loop {
        let news = async {
            tokio::time::sleep_until(due).await;
            // An error says that the fetch has ended; its result comes by the other branch.
            if progress.wait_for(|now| now.sentence != told).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            result = &mut fetch => return result,
            () = news => {}
        }
        told = progress.borrow_and_update().sentence.clone();
        sink.note(told.clone()).await;
        due = Instant::now() + NOTE_EVERY;
    }
}

/// Ends when the registry has said nothing for that long; without a limit never.
pub(super) async fn silence(mut progress: watch::Receiver<Progress>, limit: Option<Duration>) {
    if let Some(limit) = limit
        && tokio::time::timeout(limit, progress.wait_for(|now| now.answered)).await.is_err()
    {
        return;
    }
    std::future::pending().await
}

/// What is known of the layers of a fetch.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// Fetched and whole size in bytes, by layer id.
    sizes: HashMap<String, (i64, i64)>,
    /// Layers that are being unpacked or are done.
    unpacked: usize,
}

impl Layers {
    /// Takes one line of the engine.
    pub fn take(&mut self, answer: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&answer.id, &answer.status) else {
            return;
        };
        let detail = answer.progress_detail.as_ref();
        match status.as_str() {
            "Downloading" => {
                let current = detail.and_then(|d| d.current).unwrap_or(0);
                let layer = self.sizes.entry(id.clone()).or_default();
                layer.0 = current;
                layer.1 = detail.and_then(|d| d.total).unwrap_or(layer.1).max(current);
            }
            "Download complete" | "Verifying Checksum" => {
                let layer = self.sizes.entry(id.clone()).or_default();
                layer.0 = layer.1;
            }
            "Pull complete" => self.unpacked += 1,
            _ => {}
        }
    }

    /// "fetching `node:20`: 34 of 120 MB". The engine learns of layers little by little, so the whole grows.
    pub fn sentence(&self, image: &str) -> String {
        let (done, whole) = self.sizes.values().fold((0, 0), |(done, whole), layer| (done + layer.0, whole + layer.1));
        if whole == 0 {
            return format!("fetching `{image}`");
        }
        if done == whole {
            return format!("unpacking `{image}`: {} of {} layers", self.unpacked, self.sizes.len());
        }
        let megabytes = |bytes: i64| (bytes + 500_000) / 1_000_000;
        format!("fetching `{image}`: {} of {} MB", megabytes(done), megabytes(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use bollard::models::ProgressDetail;

    fn line(id: &str, status: &str, bytes: Option<(i64, i64)>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: bytes.map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) }),
            ..Default::default()
        }
    }

    #[test]
    fn progress_in_a_sentence() {
        let mut layers = Layers::default();
        layers.take(&line("20", "Pulling from library/node", None));
        layers.take(&line("a", "Pulling fs layer", None));
        assert_eq!(layers.sentence("node:20"), "fetching `node:20`");
        layers.take(&line("a", "Downloading", Some((4_000_000, 20_000_000))));
        layers.take(&line("b", "Downloading", Some((30_000_000, 100_000_000))));
        assert_eq!(layers.sentence("node:20"), "fetching `node:20`: 34 of 120 MB");
        layers.take(&line("a", "Download complete", None));
        assert_eq!(layers.sentence("node:20"), "fetching `node:20`: 50 of 120 MB");
        layers.take(&line("b", "Download complete", None));
        layers.take(&line("a", "Pull complete", None));
        assert_eq!(layers.sentence("node:20"), "unpacking `node:20`: 1 of 2 layers");
    }

    /// Notes with the seconds at which they came.
    struct Notes(Instant, std::sync::Mutex<Vec<(u64, String)>>);

    #[async_trait]
    impl StepSink for Notes {
        async fn created(&self) -> Result<(), lp_backend::SinkError> {
            Ok(())
        }

        async fn started(&self) {}

        fn position(&self) -> lp_backend::Position {
            lp_backend::Position::default()
        }

        async fn note(&self, note: String) {
            self.1.lock().unwrap().push((self.0.elapsed().as_secs(), note));
        }

        async fn write(&self, _bytes: &[u8], _upto: lp_backend::Position) -> Result<(), lp_backend::SinkError> {
            Ok(())
        }
    }

    fn progress(sentence: &str) -> Progress {
        Progress { answered: true, sentence: sentence.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_one_note_in_a_second_and_the_newest() {
        let (sender, receiver) = watch::channel(progress("0"));
        let sink = Notes(Instant::now(), std::sync::Mutex::default());
        let fetch = async {
            for percent in 1..=50 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                sender.send_replace(progress(&percent.to_string()));
            }
            // Nothing new for a while: nothing to say.
            tokio::time::sleep(Duration::from_secs(10)).await;
        };
        tell(fetch, receiver, &sink).await;
        let notes = sink.1.into_inner().unwrap();
        let seconds: Vec<_> = notes.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [0, 1, 2, 3]);
        assert_eq!(notes.first().unwrap().1, "0");
        assert_eq!(notes.last().unwrap().1, "50");
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn only_a_registry_that_says_nothing_is_silent() {
        let mut first = progress("0");
        first.answered = false;
        let (sender, receiver) = watch::channel(first);
        let begin = Instant::now();
        silence(receiver.clone(), Some(LIMIT)).await;
        assert_eq!(begin.elapsed(), LIMIT);
        sender.send_replace(progress("1"));
        for limit in [Some(LIMIT), None] {
            let ended = tokio::time::timeout(Duration::from_secs(3600), silence(receiver.clone(), limit)).await;
            assert!(ended.is_err(), "{limit:?}");
        }
    }
}
