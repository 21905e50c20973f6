//! Images: on the machine already, or fetched with progress that a person can follow. [`pull`] says what a policy means, `progress` what is told of a
//! fetch, `own` makes the images that we need ourselves.

pub(crate) mod own;
mod progress;
pub(crate) mod pull;

use crate::connect::ContainerEngine;
use crate::error;
use async_trait::async_trait;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use futures_util::{StreamExt as _, pin_mut, stream};
use lp_backend::{BackendError, NoNotes, Notes};
use lp_model::{Message, PullPolicy, message};
use lp_registry::{Credentials, ImageReference};
use progress::{Layers, Progress, silence, tell};
use pull::{Pull, WhenThere};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// An image that is there anyway is not waited for longer than this when its registry says nothing: a train, a meeting room, a proxy.
const STAND_IN_AFTER: Duration = Duration::from_secs(20);

/// How many images of a stage are fetched at the same time; the engine fetches several layers of each at once.
const FETCHES_AT_ONCE: usize = 3;

/// For the library, which wants a limit for each call. Who waits for a fetch gives it up when it is silent for too long.
pub(crate) const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Finds the login for a registry.
#[async_trait]
pub trait RegistryLogins: Send + Sync {
    /// The login for the registry of an image, or `None` to come without one.
    async fn login(&self, image: &ImageReference) -> Option<Credentials>;
}

/// No login for any registry.
pub struct NoLogins;

#[async_trait]
impl RegistryLogins for NoLogins {
    async fn login(&self, _image: &ImageReference) -> Option<Credentials> {
        None
    }
}

/// Why a fetch failed, in a form that all who wait for it can have.
#[derive(Debug, Clone)]
enum FetchError {
    Unreachable(Message),
    DiskFull(Message),
    Refused(Message),
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

    /// Fetches images as their policies want it, some at a time, and tells nobody: the steps that need them do.
    pub async fn fetch_all(&self, engine: &ContainerEngine, images: &[(String, PullPolicy)]) -> Result<(), BackendError> {
        let one = |(image, policy): &(String, PullPolicy)| {
            let pull = Pull::of(image, *policy);
            async move {
                let fetched = async { self.ensure(engine, &pull?, &NoNotes).await };
                if let Err(error) = fetched.await {
                    tracing::debug!("an image cannot be fetched ahead: {error}");
                }
            }
        };
        stream::iter(images.iter().map(one)).buffer_unordered(FETCHES_AT_ONCE).collect::<()>().await;
        Ok(())
    }

    /// The login that the app has for the registry of an image.
    pub async fn login(&self, image: &ImageReference) -> Option<Credentials> {
        self.logins.login(image).await
    }

    /// Makes sure that an image is on the engine as its policy wants it.
    pub async fn ensure(&self, engine: &ContainerEngine, pull: &Pull, notes: &dyn Notes) -> Result<(), BackendError> {
        self.ensure_with(engine, pull, None, notes).await
    }

    /// The same with a login of the step's own, which comes before that of the app.
    pub async fn ensure_with(
        &self,
        engine: &ContainerEngine,
        pull: &Pull,
        login: Option<Credentials>,
        notes: &dyn Notes,
    ) -> Result<(), BackendError> {
        let image = pull.image.as_str();
        // What is not asked for below is not looked up: it costs a round trip per step.
        let is_there = match pull.when_there {
            WhenThere::MustBeFetched => false,
            _ => is_present(&engine.docker, image, &pull.name()).await?,
        };
        if is_there && pull.when_there == WhenThere::IsUsed {
            return Ok(());
        }
        if pull.is_forbidden {
            let message = message!("it is not on this computer, and the step forbids fetching it");
            return Err(error::no_image(image, message));
        }
        let stands_in = match pull.when_there {
            WhenThere::StandsInWithoutLogin if is_there => login.is_none() && self.logins.login(&pull.reference).await.is_none(),
            _ => is_there,
        };
        match self.fetch(engine, &pull.reference, image, login, stands_in.then_some(STAND_IN_AFTER), notes).await {
            Ok(()) => Ok(()),
            Err(FetchError::Refused(reason)) if stands_in => {
                notes.note(message!("`{}` cannot be fetched, the one on this computer is used: {}", image, reason)).await;
                Ok(())
            }
            Err(error) => Err(error.into_backend(image)),
        }
    }

    /// Joins the fetch under way or begins one, and tells `notes` how it goes. With `patience` a registry that says nothing at all for that
    /// long counts as refusing.
    async fn fetch(
        &self,
        engine: &ContainerEngine,
        reference: &ImageReference,
        image: &str,
        login: Option<Credentials>,
        patience: Option<Duration>,
        notes: &dyn Notes,
    ) -> Result<(), FetchError> {
        let (fetch, progress) = self.join(engine, reference, image, login);
        let silence = silence(progress.clone(), patience);
        tokio::select! {
            biased;
            result = tell(fetch, progress, notes) => result?,
            () = silence => return Err(FetchError::Refused(message!("the registry does not answer"))),
        }
        notes.note(message!("fetched `{}`", image)).await;
        Ok(())
    }

    /// A fetch with a login of a step's own is shared by nobody: another step may have another one, or none.
    fn join(
        &self,
        engine: &ContainerEngine,
        reference: &ImageReference,
        image: &str,
        login: Option<Credentials>,
    ) -> (Fetch, watch::Receiver<Progress>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, one| one.fetch.upgrade().is_some_and(|fetch| fetch.peek().is_none()));
        let key = (engine.info.address.clone(), reference.canonical());
        let is_own = login.is_some();
        if !is_own
            && let Some(one) = running.get(&key)
            && let Some(fetch) = one.fetch.upgrade()
        {
            return (fetch, one.progress.clone());
        }
        let (sender, progress) = watch::channel(Progress { answered: false, sentence: message!("fetching `{}`", image) });
        let work = fetch_image(engine.patient(NO_LIMIT), self.logins.clone(), reference.clone(), image.to_owned(), login, sender);
        let fetch: Fetch = work.boxed().shared();
        if !is_own && let Some(weak) = fetch.downgrade() {
            running.insert(key, Running { fetch: weak, progress: progress.clone() });
        }
        (fetch, progress)
    }
}

/// A login as the engine wants it.
fn header(reference: &ImageReference, login: Credentials) -> DockerCredentials {
    let server = DockerCredentials { serveraddress: Some(reference.host().to_owned()), ..Default::default() };
    match login {
        Credentials::Password { username, password } => {
            DockerCredentials { username: Some(username), password: Some(password.expose().to_owned()), ..server }
        }
        Credentials::IdentityToken(token) => DockerCredentials { identitytoken: Some(token.expose().to_owned()), ..server },
        Credentials::RegistryToken(token) => DockerCredentials { registrytoken: Some(token.expose().to_owned()), ..server },
    }
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
    own: Option<Credentials>,
    progress: watch::Sender<Progress>,
) -> Result<(), FetchError> {
    let login = match own {
        Some(login) => Some(login),
        None => logins.login(&reference).await,
    };
    let login = login.map(|login| header(&reference, login));
    let options = CreateImageOptionsBuilder::new().from_image(&reference.name()).tag(reference.version()).build();
    let answers = docker.create_image(Some(options), None, login);
    pin_mut!(answers);
    let mut layers = Layers::default();
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(|refused| match error::image(&image, &refused) {
            BackendError::Unreachable { message, .. } => FetchError::Unreachable(message),
            BackendError::DiskFull { message, .. } => FetchError::DiskFull(message),
            BackendError::Image { message, .. } => FetchError::Refused(message),
            other => FetchError::Refused(other.told()),
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
