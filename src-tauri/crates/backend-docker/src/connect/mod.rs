//! Finding an engine and agreeing with it on a version of its API.
//!
//! [`address`](EngineAddress) says where, `ssh` and `tls` make the connections that the HTTP library does not (over `transport`), `version` agrees,
//! `reason` says in words why an address does not answer, `raw` calls what the library cannot.
//!
//! The agreed version of the API is in the path of every call: the library could negotiate a version and then does not send it. Oldest 1.41
//! (Docker 20.10, Podman 3), newest that of the library; anything else is refused with both versions.
//!
//! Each call to the engine of this computer has a connection of its own, although keeping connections would save a tenth of our computing:
//! an engine that is being ended still answers on old connections, and a step that it ended would then count as failed instead of lost.

mod address;
pub(crate) mod raw;
mod reason;
mod ssh;
mod tls;
mod transport;
mod version;

pub use address::{EngineAddress, EngineEnvironment, Tls};

use crate::error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use lp_backend::{BackendError, EngineInfo};
use lp_model::{EngineId, Message, message};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use version::ApiVersion;

/// Time for a call that does no long work. Creating a container on a busy machine takes seconds; a minute means trouble.
const CALL_LIMIT_S: u64 = 60;

/// How long one address may take to say that an engine is there: on this computer or in its network, and where one has to log in first.
const PROBE_LIMIT: Duration = Duration::from_secs(5);
const LOGIN_PROBE_LIMIT: Duration = Duration::from_secs(20);

/// How long one that has said so may take to say what it is, and which one: Podman starts several programs for each of the answers, which takes
/// many seconds while the computer is busy.
const IDENTITY_LIMIT: Duration = Duration::from_secs(60);

/// For how long an engine that answers at the same address in the same version is taken for the one that it was. Nothing is concluded from what is
/// missing on it without asking again.
const IDENTITY_LASTS: Duration = Duration::from_secs(60);

/// The engine reads a login as URL-safe base64 and silently ignores one that is not; the library writes the other alphabet, which differs
/// for some passwords only.
fn mend_login_header(mut request: BollardRequest) -> BollardRequest {
    if let Some(value) = request.headers_mut().get_mut("X-Registry-Auth")
        && let Ok(text) = value.to_str()
        && let Ok(mended) = text.replace('+', "-").replace('/', "_").parse()
    {
        *value = mended;
        value.set_sensitive(true);
    }
    request
}

/// An engine that has answered. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ContainerEngine {
    pub docker: Docker,
    pub info: Arc<EngineInfo>,
    /// When it said which one it is.
    identified: Instant,
}

impl ContainerEngine {
    /// A Docker that was not asked who it is.
    #[cfg(test)]
    pub fn unasked(docker: Docker) -> Self {
        let text = String::new;
        let (id, name) = (EngineId::new("docker:test"), "Docker".to_owned());
        let info = EngineInfo {
            id,
            name,
            version: text(),
            api_version: text(),
            address: text(),
            platform: "linux/amd64".to_owned(),
            isolated: true,
        };
        Self { docker, info: Arc::new(info), identified: Instant::now() }
    }

    pub fn is_podman(&self) -> bool {
        self.info.name == "Podman"
    }

    /// The same engine with another time for a call to be answered.
    pub fn patient(&self, limit: Duration) -> Docker {
        self.docker.clone().with_timeout(limit)
    }

    /// Does the work unless the engine goes away meanwhile: a hung engine keeps its connections open, and a program may rightly
    /// print nothing for hours, so waiting for an answer cannot tell.
    pub async fn watched<T>(&self, every: Duration, work: impl Future<Output = Result<T, BackendError>>) -> Result<T, BackendError> {
        tokio::select! {
            biased;
            result = work => result,
            error = self.gone(every) => Err(error),
        }
    }

    /// Ends only when the engine is gone: refuses connections, or leaves two asks in a row unanswered.
    async fn gone(&self, every: Duration) -> BackendError {
        let mut missed = 0;
        loop {
            tokio::time::sleep(every).await;
            match tokio::time::timeout(every, self.docker.ping()).await {
                Ok(Err(error)) if error::is_transport(&error) => return error::unreachable(&error),
                Ok(_) => missed = 0,
                Err(_) if missed == 0 => missed = 1,
                Err(_) => return error::gone(message!("no answer from {}", self.info.address)),
            }
        }
    }
}

/// An address at which no engine was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// As it was given.
    pub address: String,
    /// Why, and what to do about it where that is known.
    pub reason: Message,
    /// There is nothing at all: no socket.
    pub is_absent: bool,
}

/// The engines that were found: the one in use, and those that stages are on.
pub(crate) struct Connection {
    addresses: Vec<EngineAddress>,
    found: Mutex<Found>,
    /// What came of the newest look in vain.
    tried: std::sync::Mutex<Vec<Tried>>,
}

#[derive(Default)]
struct Found {
    /// Which of them stages begin on.
    used: Option<EngineId>,
    engines: HashMap<EngineId, ContainerEngine>,
}

impl Connection {
    pub fn new(addresses: Vec<EngineAddress>) -> Self {
        Self { addresses, found: Mutex::default(), tried: std::sync::Mutex::default() }
    }

    /// That engine, or the one in use: as it was found before, else as it is found now.
    pub async fn engine(&self, wanted: Option<&EngineId>) -> Result<ContainerEngine, BackendError> {
        // The lock is held while looking, so that ten steps that start together look once.
        let mut found = self.found.lock().await;
        match wanted.or(found.used.as_ref()).and_then(|id| found.engines.get(id)) {
            Some(engine) => Ok(engine.clone()),
            None => self.look(&mut found, wanted).await,
        }
    }

    /// Asks now: for that engine, wherever it listens, or for the first that answers, which is in use from then on. Where nothing answers the engine in
    /// use is kept: it may come back.
    pub async fn probe(&self, wanted: Option<&EngineId>) -> Result<ContainerEngine, BackendError> {
        self.look(&mut *self.found.lock().await, wanted).await
    }

    async fn look(&self, found: &mut Found, wanted: Option<&EngineId>) -> Result<ContainerEngine, BackendError> {
        // For a certain engine the identity is what is asked for.
        let known = |address: &EngineAddress| {
            let recent = |engine: &&ContainerEngine| engine.info.address == address.url && engine.identified.elapsed() < IDENTITY_LASTS;
            found.engines.values().find(recent).filter(|_| wanted.is_none()).cloned()
        };
        let engine = self.find(wanted, known).await?;
        let id = engine.info.id.clone();
        if wanted.is_none() {
            found.used = Some(id.clone());
        }
        found.engines.insert(id, engine.clone());
        Ok(engine)
    }

    /// Whether that engine was met at one of our addresses. While one is being looked for it is not known.
    pub fn has_met(&self, engine: &EngineId) -> bool {
        self.found.try_lock().is_ok_and(|found| found.engines.contains_key(engine))
    }

    async fn find(
        &self,
        wanted: Option<&EngineId>,
        known: impl Fn(&EngineAddress) -> Option<ContainerEngine>,
    ) -> Result<ContainerEngine, BackendError> {
        let mut tried = Vec::new();
        for address in &self.addresses {
            let (reason, is_absent) = match ask(address, known(address)).await {
                Ok(engine) if wanted.is_none_or(|wanted| *wanted == engine.info.id) => {
                    self.tried.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    return Ok(engine);
                }
                Ok(other) => (message!("{} answers, which is another engine than the one that this is on", other.info.told()), false),
                Err(refusal) => refusal,
            };
            tried.push(Tried { address: address.url.clone(), reason, is_absent });
        }
        let reasons = tried.iter().map(|one| message!("`{}`: {}", one.address, one.reason));
        let message = if tried.is_empty() { message!("no address of an engine is known") } else { Message::joined(reasons, "; ") };
        // Where an engine is there and cannot be used the reason says what to do.
        let is_refused = tried.iter().any(|one| !one.is_absent);
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = tried;
        let error = error::gone(message);
        Err(if is_refused { error.hinted(message!("mend what is said of the address, or start the engine, and run again")) } else { error })
    }

    /// The addresses that were tried in vain when an engine was last looked for, each with its reason.
    pub fn tried(&self) -> Vec<Tried> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Asks an address who is there; else why nobody is, and whether there is nothing at all.
async fn ask(address: &EngineAddress, known: Option<ContainerEngine>) -> Result<ContainerEngine, (Message, bool)> {
    if let Some(problem) = &address.problem {
        return Err((problem.clone(), false));
    }
    let docker = client(address)?;
    let limit = if address.scheme() == "ssh" { LOGIN_PROBE_LIMIT } else { PROBE_LIMIT };
    let meeting = async {
        let is_there = tokio::time::timeout(limit, docker.ping()).await.map_err(|_| Refusal::Silence(limit))?;
        is_there.map_err(Refusal::Error)?;
        let met =
            tokio::time::timeout(IDENTITY_LIMIT, meet(docker, &address.url)).await.unwrap_or(Err(Refusal::Silence(IDENTITY_LIMIT)))?;
        let same = known.filter(|known| met.is_same(known));
        match same {
            Some(known) => Ok(met.identified(known.info.id.clone(), known.identified)),
            None => {
                let id = tokio::time::timeout(IDENTITY_LIMIT, identity(&met.docker, &met.info.name)).await;
                let id = id.unwrap_or(Err(bollard::errors::Error::RequestTimeoutError)).map_err(Refusal::Error)?;
                Ok(met.identified(id, Instant::now()))
            }
        }
    };
    meeting.await.map_err(|refusal| match refusal {
        Refusal::Error(error) => (reason::of(address, &error), reason::is_absent(&error)),
        Refusal::Silence(limit) => (message!("no answer within {} seconds", limit.as_secs()), false),
        Refusal::Version(message) => (message, false),
    })
}

/// Why an address gives no engine.
enum Refusal {
    Error(bollard::errors::Error),
    Silence(Duration),
    Version(Message),
}

/// A client for the address, else why not (as [`ask`]). It says only whether the address makes sense; nothing is sent yet.
fn client(address: &EngineAddress) -> Result<Docker, (Message, bool)> {
    let made = match (address.scheme(), &address.tls) {
        ("unix", _) if cfg!(unix) => Docker::connect_with_local(&address.url, CALL_LIMIT_S, API_DEFAULT_VERSION),
        ("npipe", _) if cfg!(windows) => Docker::connect_with_local(&address.url, CALL_LIMIT_S, API_DEFAULT_VERSION),
        ("ssh", _) => transport::client(ssh::Ssh::new(address).map_err(|problem| (problem, false))?, "ssh://docker"),
        ("tcp" | "http", Some(_)) | ("https", _) => {
            let (connector, url) = tls::connector(address).map_err(|problem| (problem, false))?;
            transport::client(connector, &url)
        }
        ("tcp" | "http", None) => Docker::connect_with_http(&address.url, CALL_LIMIT_S, API_DEFAULT_VERSION),
        _ => return Err((message!("this kind of address is not supported; use `unix://`, `tcp://` or `ssh://`"), false)),
    };
    made.map_err(|error| (reason::of(address, &error), reason::is_absent(&error)))
}

/// An engine that has said what it is, but not which one.
struct Met {
    docker: Docker,
    /// With an id that means nothing yet.
    info: EngineInfo,
}

impl Met {
    fn is_same(&self, known: &ContainerEngine) -> bool {
        (&self.info.name, &self.info.version, &self.info.platform) == (&known.info.name, &known.info.version, &known.info.platform)
    }

    fn identified(self, id: EngineId, identified: Instant) -> ContainerEngine {
        ContainerEngine { docker: self.docker, info: Arc::new(EngineInfo { id, ..self.info }), identified }
    }
}

async fn meet(docker: Docker, url: &str) -> Result<Met, Refusal> {
    // Without a version in its path, which every engine understands.
    let version = docker.version().await.map_err(Refusal::Error)?;
    let is_podman = version.components.iter().flatten().any(|component| component.name.contains("Podman"));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let name = if is_podman { "Podman" } else { "Docker" };
    let named = format!("{name} {}", text(&version.version));
    let agreed = version::agree(named.trim(), &text(&version.api_version), version.min_api_version.as_deref()).map_err(Refusal::Version)?;
    let info = EngineInfo {
        id: EngineId::new(""),
        name: name.to_owned(),
        version: text(&version.version),
        api_version: agreed.to_string(),
        address: url.to_owned(),
        platform: format!("{}/{}", text(&version.os), text(&version.arch)),
        isolated: true,
    };
    let docker = docker.with_request_modifier(move |request| say_version(mend_login_header(request), agreed));
    Ok(Met { docker, info })
}

/// By what an engine is recognised, whatever its address. Docker has an id of its own beside its data; Podman makes a new one at each call,
/// so that there it is the computer and the folder of the data.
async fn identity(docker: &Docker, name: &str) -> Result<EngineId, bollard::errors::Error> {
    let info = docker.info().await?;
    let text = |value: Option<String>| value.unwrap_or_default();
    // Docker's id is that of a key in `/etc/docker`, which all engines of a computer may share: the folder of the data tells them apart.
    let root = text(info.docker_root_dir);
    Ok(EngineId::new(match name {
        "Podman" => format!("podman:{}:{root}", text(info.name)),
        _ => format!("docker:{}:{root}", text(info.id)),
    }))
}

/// The library does not send the version that it could negotiate, which leaves the choice to the engine: a newer one would answer in a way that
/// we do not know.
fn say_version(mut request: BollardRequest, agreed: ApiVersion) -> BollardRequest {
    let mut parts = request.uri().clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
    if let Ok(versioned) = format!("/v{agreed}{path}").parse() {
        parts.path_and_query = Some(versioned);
        if let Ok(uri) = parts.try_into() {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_there_names_every_place() {
        let mut addresses = ["unix:///nowhere/a.sock", "fd://3", "tcp://127.0.0.1:9"].map(EngineAddress::new).to_vec();
        addresses.push(EngineAddress::unusable("build", Message::verbatim("there is no such context")));
        let connection = Connection::new(addresses);
        let error = connection.engine(None).await.err().unwrap().to_string();
        let absent: Vec<_> = connection.tried().into_iter().map(|one| one.is_absent).collect();
        assert_eq!(absent, [true, false, false, false]);
        let parts = [
            "`unix:///nowhere/a.sock`: no socket at `/nowhere/a.sock`",
            "`fd://3`: this kind of address is not supported; use",
            "`tcp://127.0.0.1:9`: connection refused",
            "`build`: there is no such context",
        ];
        for part in parts {
            assert!(error.contains(part), "{part} is not in {error}");
        }
    }
}
