//! Images: on the machine already, or fetched with progress that a person can follow.

use crate::connect::Engine;
use crate::error;
use async_trait::async_trait;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use futures_util::{StreamExt as _, pin_mut, stream};
use lp_backend::{BackendError, NoNotes, Notes};
use lp_model::PullPolicy;
use lp_registry::{Credentials, ImageReference};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// At most one note about a fetch in this time.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// An image that is there anyway is not waited for longer than this when its registry says nothing: a train, a meeting room, a proxy.
const STAND_IN_AFTER: Duration = Duration::from_secs(20);

/// How many images of a stage are fetched at the same time; the engine fetches several layers of each at once.
const FETCHES_AT_ONCE: usize = 3;

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
            Self::Unreachable(message) => error::gone(message),
            Self::DiskFull(message) => BackendError::disk_full(message),
            Self::Refused(message) => error::no_image(image, message),
        }
    }
}

type Fetch = Shared<BoxFuture<'static, Result<(), FetchError>>>;

/// A fetch under way. It ends when nobody waits for it any more: dropping the last waiter closes the connection, and with it the engine
/// gives the fetch up.
struct Running {
    fetch: WeakShared<BoxFuture<'static, Result<(), FetchError>>>,
    progress: watch::Receiver<Progress>,
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

    /// The name to create a container with, and whether the policy asks the registry although the image is there.
    pub fn named(image: &str, policy: PullPolicy) -> Result<(String, bool), BackendError> {
        let reference = parsed(image)?;
        let asks = match policy {
            PullPolicy::Always => true,
            PullPolicy::Latest => reference.is_latest(),
            PullPolicy::IfMissing | PullPolicy::Never => false,
        };
        Ok((reference.canonical(), asks))
    }

    /// Fetches images as their policies want it, some at a time, and tells nobody: the steps that need them do.
    pub async fn fetch_all(&self, engine: &Engine, images: &[(String, PullPolicy)]) -> Result<(), BackendError> {
        let one = |(image, policy): &(String, PullPolicy)| {
            let (image, policy) = (image.clone(), *policy);
            async move {
                if let Err(error) = self.ensure(engine, &image, policy, &NoNotes).await {
                    tracing::debug!(image, "cannot be fetched ahead: {error}");
                }
            }
        };
        stream::iter(images.iter().map(one)).buffer_unordered(FETCHES_AT_ONCE).collect::<()>().await;
        Ok(())
    }

    /// Makes sure that `image` (as written in the file) is on the engine as the policy wants it; returns the name to create a container with.
    pub async fn ensure(&self, engine: &Engine, image: &str, policy: PullPolicy, sink: &dyn Notes) -> Result<String, BackendError> {
        let reference = parsed(image)?;
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
            return Err(error::no_image(image, message));
        }
        match self.fetch(engine, &reference, image, present.then_some(STAND_IN_AFTER), sink).await {
            Ok(()) => Ok(name),
            Err(FetchError::Refused(reason)) if present => {
                sink.note(format!("`{image}` cannot be fetched, the one on this computer is used: {reason}")).await;
                Ok(name)
            }
            Err(error) => Err(error.into_backend(image)),
        }
    }

    /// Joins the fetch under way or begins one, and tells `sink` how it goes. With `patience` a registry that says nothing at all for that
    /// long counts as refusing.
    async fn fetch(
        &self,
        engine: &Engine,
        reference: &ImageReference,
        image: &str,
        patience: Option<Duration>,
        sink: &dyn Notes,
    ) -> Result<(), FetchError> {
        let (fetch, progress) = self.join(engine, reference, image);
        let silence = silence(progress.clone(), patience);
        tokio::select! {
            biased;
            result = tell(fetch, progress, sink) => result?,
            () = silence => return Err(FetchError::Refused("the registry does not answer".to_owned())),
        }
        sink.note(format!("fetched `{image}`")).await;
        Ok(())
    }

    fn join(&self, engine: &Engine, reference: &ImageReference, image: &str) -> (Fetch, watch::Receiver<Progress>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, one| one.fetch.upgrade().is_some_and(|fetch| fetch.peek().is_none()));
        let key = (engine.info.address.clone(), reference.canonical());
        if let Some(one) = running.get(&key)
            && let Some(fetch) = one.fetch.upgrade()
        {
            return (fetch, one.progress.clone());
        }
        let (sender, progress) = watch::channel(Progress { answered: false, sentence: format!("fetching `{image}`") });
        let work = fetch_image(engine.patient(FETCH_LIMIT), self.logins.clone(), reference.clone(), image.to_owned(), sender);
        let fetch: Fetch = work.boxed().shared();
        if let Some(weak) = fetch.downgrade() {
            running.insert(key, Running { fetch: weak, progress: progress.clone() });
        }
        (fetch, progress)
    }
}

fn parsed(image: &str) -> Result<ImageReference, BackendError> {
    ImageReference::parse(image).map_err(|error| error::no_image(image, error.to_string()))
}

/// How a fetch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Progress {
    /// Whether the registry has said anything yet.
    answered: bool,
    /// For a person.
    sentence: String,
}

/// Waits for the fetch and passes on how it goes: at once, and then whenever it changes, but not too often.
async fn tell<T>(fetch: impl Future<Output = T>, mut progress: watch::Receiver<Progress>, sink: &dyn Notes) -> T {
    pin_mut!(fetch);
    let mut told = progress.borrow_and_update().sentence.clone();
    sink.progress(&told);
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
        sink.progress(&told);
        due = Instant::now() + NOTE_EVERY;
    }
}

/// Ends when the registry has said nothing for that long; without a limit never.
async fn silence(mut progress: watch::Receiver<Progress>, limit: Option<Duration>) {
    if let Some(limit) = limit
        && tokio::time::timeout(limit, progress.wait_for(|now| now.answered)).await.is_err()
    {
        return;
    }
    std::future::pending().await
}

/// Id of the image that a name stands for on this engine now, if any.
pub(crate) async fn id_of(docker: &Docker, name: &str) -> Option<String> {
    docker.inspect_image(name).await.ok()?.id
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
    progress: watch::Sender<Progress>,
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
            BackendError::Unreachable { message, .. } => FetchError::Unreachable(message),
            BackendError::DiskFull { message, .. } => FetchError::DiskFull(message),
            BackendError::Image { message, .. } => FetchError::Refused(message),
            other => FetchError::Refused(other.to_string()),
        })?;
        layers.take(&answer);
        let now = Progress { answered: true, sentence: layers.sentence(&image) };
        progress.send_if_modified(|before| {
            let differs = *before != now;
            *before = now;
            differs
        });
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
    /// Takes one line of the engine.
    fn take(&mut self, answer: &CreateImageInfo) {
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
    fn sentence(&self, image: &str) -> String {
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

    /// What was told, with the seconds at which it came.
    struct Told(Instant, Mutex<Vec<(u64, String)>>);

    #[async_trait::async_trait]
    impl Notes for Told {
        async fn note(&self, note: String) {
            self.progress(&note);
        }

        fn progress(&self, sentence: &str) {
            self.1.lock().unwrap().push((self.0.elapsed().as_secs(), sentence.to_owned()));
        }
    }

    fn progress(sentence: &str) -> Progress {
        Progress { answered: true, sentence: sentence.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn at_most_one_note_in_a_second_and_the_newest() {
        let (sender, receiver) = watch::channel(progress("0"));
        let sink = Told(Instant::now(), Mutex::default());
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

    #[tokio::test(start_paused = true)]
    async fn only_a_registry_that_says_nothing_is_silent() {
        let mut first = progress("0");
        first.answered = false;
        let (sender, receiver) = watch::channel(first);
        let begin = Instant::now();
        silence(receiver.clone(), Some(STAND_IN_AFTER)).await;
        assert_eq!(begin.elapsed(), STAND_IN_AFTER);
        sender.send_replace(progress("1"));
        for limit in [Some(STAND_IN_AFTER), None] {
            let ended = tokio::time::timeout(Duration::from_secs(3600), silence(receiver.clone(), limit)).await;
            assert!(ended.is_err(), "{limit:?}");
        }
    }
}
