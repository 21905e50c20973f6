//! How a fetch goes, in sentences that a person can follow.

use bollard::models::CreateImageInfo;
use futures_util::pin_mut;
use lp_backend::Notes;
use lp_model::{Message, message};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;

/// How a fetch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    /// Whether the registry has said anything yet.
    pub answered: bool,
    /// For a person.
    pub sentence: Message,
}

/// Waits for the fetch and tells how it goes, whenever that changes.
pub(super) async fn tell<T>(fetch: impl Future<Output = T>, mut progress: watch::Receiver<Progress>, notes: &dyn Notes) -> T {
    pin_mut!(fetch);
    notes.progress(progress.borrow_and_update().sentence.clone());
    loop {
        let news = async {
            // An error says that the fetch has ended; its result comes by the other branch.
            if progress.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            result = &mut fetch => return result,
            () = news => {}
        }
        notes.progress(progress.borrow_and_update().sentence.clone());
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
    pub fn sentence(&self, image: &str) -> Message {
        let (done, whole) = self.sizes.values().fold((0, 0), |(done, whole), layer| (done + layer.0, whole + layer.1));
        if whole == 0 {
            return message!("fetching `{}`", image);
        }
        if done == whole {
            return message!("unpacking `{}`: {} of {} layers", image, self.unpacked, self.sizes.len());
        }
        let megabytes = |bytes: i64| (bytes + 500_000) / 1_000_000;
        message!("fetching `{}`: {} of {} MB", image, megabytes(done), megabytes(whole))
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

    #[derive(Default)]
    struct Told(std::sync::Mutex<Vec<String>>);

    #[async_trait]
    impl Notes for Told {
        async fn note(&self, note: Message) {
            panic!("how far a fetch is is nothing to keep: {note}");
        }

        fn progress(&self, sentence: Message) {
            self.0.lock().unwrap().push(sentence.to_string());
        }
    }

    fn progress(sentence: &str) -> Progress {
        Progress { answered: true, sentence: Message::verbatim(sentence) }
    }

    #[tokio::test(start_paused = true)]
    async fn each_change_is_told_and_nothing_else() {
        let (sender, receiver) = watch::channel(progress("0"));
        let told = Told::default();
        let fetch = async {
            for percent in 1..=3 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                sender.send_replace(progress(&percent.to_string()));
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        };
        tell(fetch, receiver, &told).await;
        assert_eq!(told.0.into_inner().unwrap(), ["0", "1", "2", "3"]);
    }

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn only_a_registry_that_says_nothing_is_silent() {
        let mut first = progress("0");
        first.answered = false;
        let (sender, receiver) = watch::channel(first);
        let begin = tokio::time::Instant::now();
        silence(receiver.clone(), Some(LIMIT)).await;
        assert_eq!(begin.elapsed(), LIMIT);
        sender.send_replace(progress("1"));
        for limit in [Some(LIMIT), None] {
            let ended = tokio::time::timeout(Duration::from_secs(3600), silence(receiver.clone(), limit)).await;
            assert!(ended.is_err(), "{limit:?}");
        }
    }
}
