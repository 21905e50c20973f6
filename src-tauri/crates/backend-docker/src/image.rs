//! Images: on the machine already, or fetched with progress that a person can follow.

use crate::connect::Engine;
use crate::error;
use async_trait::async_trait;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use futures_util::{StreamExt as _, pin_mut};
use lp_backend::{BackendError, StepSink};
use lp_model::PullPolicy;
use lp_registry::{Credentials, ImageReference};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// At most one note about a fetch in this time.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// How long a registry may take until the first layer begins to move. The engine itself tries again several times.
const FETCH_LIMIT: Duration = Duration::from_secs(600);

/// Finds the login for a registry.
#[async_trait]
pub trait RegistryLogins: Send + Sync {
    /// The login for a host as in an image name (`docker.io`, `harbor.example.com:8443`), or `None` to come without one.
    async fn login(&self, host: &str) -> Option<Credentials>;
}

/// No login for any registry.
pub struct NoLogins;

#[async_trait]
impl RegistryLogins for NoLogins {
    async fn login(&self, _host: &str) -> Option<Credentials> {
        None
    }
}

/// Why a fetch failed, in a form that all who wait for it can have.
#[derive(Debug, Clone)]
enum FetchError {
    Unreachable(String),
    DiskFull(String),
    Refused(String),
}

impl FetchError {
    fn into_backend(self, image: &str) -> BackendError {
        match self {
            Self::Unreachable(message) => BackendError::Unreachable { message },
            Self::DiskFull(message) => BackendError::DiskFull { message },
            Self::Refused(message) => BackendError::Image { image: image.to_owned(), message },
        }
    }
}

type Fetch = Shared<BoxFuture<'static, Result<(), FetchError>>>;

/// A fetch under way. It ends when nobody waits for it any more: dropping the last waiter closes the connection, and with it the engine
/// gives the fetch up.
struct Running {
    fetch: WeakShared<BoxFuture<'static, Result<(), FetchError>>>,
    progress: watch::Receiver<String>,
}

/// Makes sure that images are there. Two steps that need the same image share one fetch.
pub(crate) struct Images {
    logins: Arc<dyn RegistryLogins>,
    /// By engine address and canonical name.
    running: Mutex<HashMap<(String, String), Running>>,
}

impl Images {
    pub fn new(logins: Arc<dyn RegistryLogins>) -> Self {
        Self { logins, running: Mutex::new(HashMap::new()) }
    }

    /// Makes sure that `image` (as written in the file) is on the engine as the policy wants it; returns the name to create a container with.
    pub async fn ensure(&self, engine: &Engine, image: &str, policy: PullPolicy, sink: &dyn StepSink) -> Result<String, BackendError> {
        let reference =
            ImageReference::parse(image).map_err(|error| BackendError::Image { image: image.to_owned(), message: error.to_string() })?;
        let name = reference.canonical();
        let (wants_fetch, may_use_present) = match policy {
            PullPolicy::Always => (true, false),
            PullPolicy::Latest => (reference.is_latest(), true),
            PullPolicy::IfMissing | PullPolicy::Never => (false, true),
        };
        // What is not asked for below is not looked up: it costs a round trip per step.
        let present = if may_use_present { is_present(&engine.docker, image, &name).await? } else { false };
        if present && !wants_fetch {
            return Ok(name);
        }
        if policy == PullPolicy::Never {
            let message = "it is not on this computer, and the step forbids fetching it".to_owned();
            return Err(BackendError::Image { image: image.to_owned(), message });
        }
        match self.fetch(engine, &reference, image, sink).await {
            Ok(()) => Ok(name),
            Err(FetchError::Refused(reason)) if present => {
                sink.note(format!("`{image}` cannot be fetched, the one on this computer is used: {reason}")).await;
                Ok(name)
            }
            Err(error) => Err(error.into_backend(image)),
        }
    }

    /// Joins the fetch under way or begins one, and tells `sink` how it goes.
    async fn fetch(&self, engine: &Engine, reference: &ImageReference, image: &str, sink: &dyn StepSink) -> Result<(), FetchError> {
        let (fetch, mut progress) = self.join(engine, reference, image);
        sink.note(format!("fetching `{image}`")).await;
        pin_mut!(fetch);
        let mut due = Instant::now() + NOTE_EVERY;
        let result = loop {
            let next_note = async {
                tokio::time::sleep_until(due).await;
                if progress.changed().await.is_err() {
                    // The fetch has ended; its result comes by the other branch.
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                result = &mut fetch => break result,
                () = next_note => {}
            }
            let text = progress.borrow_and_update().clone();
            sink.note(text).await;
            due = Instant::now() + NOTE_EVERY;
        };
        if result.is_ok() {
            sink.note(format!("fetched `{image}`")).await;
        }
        result
    }

    fn join(&self, engine: &Engine, reference: &ImageReference, image: &str) -> (Fetch, watch::Receiver<String>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, one| one.fetch.upgrade().is_some_and(|fetch| fetch.peek().is_none()));
        let key = (engine.info.address.clone(), reference.canonical());
        if let Some(one) = running.get(&key)
            && let Some(fetch) = one.fetch.upgrade()
        {
            return (fetch, one.progress.clone());
        }
        let (sender, progress) = watch::channel(String::new());
        let work = fetch_image(engine.patient(FETCH_LIMIT), self.logins.clone(), reference.clone(), image.to_owned(), sender);
        let fetch: Fetch = work.boxed().shared();
        if let Some(weak) = fetch.downgrade() {
            running.insert(key, Running { fetch: weak, progress: progress.clone() });
        }
        (fetch, progress)
    }
}

async fn is_present(docker: &Docker, image: &str, name: &str) -> Result<bool, BackendError> {
    match docker.inspect_image(name).await {
        Ok(_) => Ok(true),
        Err(refused) if error::is_missing(&refused) => Ok(false),
        Err(refused) => Err(error::image(image, &refused)),
    }
}

async fn fetch_image(
    docker: Docker,
    logins: Arc<dyn RegistryLogins>,
    reference: ImageReference,
    image: String,
    progress: watch::Sender<String>,
) -> Result<(), FetchError> {
    let login = logins.login(reference.host()).await.map(|login| DockerCredentials {
        username: Some(login.username),
        password: Some(login.password.expose().to_owned()),
        serveraddress: Some(reference.host().to_owned()),
        ..Default::default()
    });
    let options = CreateImageOptionsBuilder::new().from_image(&reference.name()).tag(reference.version()).build();
    let answers = docker.create_image(Some(options), None, login);
    pin_mut!(answers);
    let mut layers = Layers::default();
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(|refused| match error::image(&image, &refused) {
            BackendError::Unreachable { message } => FetchError::Unreachable(message),
            BackendError::DiskFull { message } => FetchError::DiskFull(message),
            BackendError::Image { message, .. } => FetchError::Refused(message),
            other => FetchError::Refused(other.to_string()),
        })?;
        if layers.take(&answer) {
            let text = layers.sentence(&image);
            progress.send_if_modified(|old| {
                let differs = *old != text;
                *old = text;
                differs
            });
        }
    }
    Ok(())
}

/// What is known of the layers of a fetch.
#[derive(Debug, Default)]
struct Layers {
    /// Fetched and whole size in bytes, by layer id.
    sizes: HashMap<String, (i64, i64)>,
    /// Layers that are being unpacked or are done.
    unpacked: usize,
}

impl Layers {
    /// Takes one line of the engine; says whether it changed anything.
    fn take(&mut self, answer: &CreateImageInfo) -> bool {
        let (Some(id), Some(status)) = (&answer.id, &answer.status) else {
            return false;
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
            _ => return false,
        }
        true
    }

    /// "fetching `node:20`: 34 of 120 MB". The engine learns of layers little by little, so the whole grows.
    fn sentence(&self, image: &str) -> String {
        let (done, whole) = self.sizes.values().fold((0, 0), |(done, whole), layer| (done + layer.0, whole + layer.1));
        if whole > 0 && done == whole {
            return format!("unpacking `{image}`: {} of {} layers", self.unpacked, self.sizes.len());
        }
        let megabytes = |bytes: i64| (bytes + 500_000) / 1_000_000;
        format!("fetching `{image}`: {} of {} MB", megabytes(done), megabytes(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert!(!layers.take(&line("20", "Pulling from library/node", None)));
        assert!(!layers.take(&line("a", "Pulling fs layer", None)));
        layers.take(&line("a", "Downloading", Some((4_000_000, 20_000_000))));
        layers.take(&line("b", "Downloading", Some((30_000_000, 100_000_000))));
        assert_eq!(layers.sentence("node:20"), "fetching `node:20`: 34 of 120 MB");
        layers.take(&line("a", "Download complete", None));
        assert_eq!(layers.sentence("node:20"), "fetching `node:20`: 50 of 120 MB");
        layers.take(&line("b", "Download complete", None));
        layers.take(&line("a", "Pull complete", None));
        assert_eq!(layers.sentence("node:20"), "unpacking `node:20`: 1 of 2 layers");
    }
}
