//! Finding an engine and agreeing with it on a version of its API.

use crate::error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use lp_backend::{BackendError, EngineInfo};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Time for a call that does no long work. Creating a container on a busy machine takes seconds; a minute means trouble.
const CALL_LIMIT_S: u64 = 60;

/// How long one address may take to say who it is.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Where an engine may listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineAddress {
    /// `unix:///var/run/docker.sock`, `tcp://host:2376`, `npipe:////./pipe/docker_engine`.
    pub url: String,
    /// Folder with `ca.pem`, `cert.pem` and `key.pem` for a TLS connection.
    pub certificates: Option<PathBuf>,
}

/// The values of the process environment that say where engines listen, read by the caller.
#[derive(Debug, Clone, Default)]
pub struct EngineEnvironment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` is set and not empty.
    pub docker_tls_verify: bool,
    /// `DOCKER_CERT_PATH`.
    pub docker_cert_path: Option<String>,
    /// Home folder of the user.
    pub home: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<String>,
    /// Whether this is Windows, where engines listen on named pipes.
    pub windows: bool,
}

impl EngineAddress {
    /// An address without TLS.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), certificates: None }
    }

    /// Where to look for an engine, best first. `DOCKER_HOST` is an order: when it is set, nothing else is tried.
    /// Otherwise Docker comes before Podman, and the system's engine before the user's own, as the `docker` command does it.
    pub fn candidates(environment: &EngineEnvironment) -> Vec<Self> {
        let set = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        if let Some(host) = set(&environment.docker_host) {
            let folder = || set(&environment.docker_cert_path).or_else(|| set(&environment.home).map(|home| format!("{home}/.docker")));
            let certificates = if environment.docker_tls_verify { folder().map(PathBuf::from) } else { None };
            return vec![Self { url: host.trim().to_owned(), certificates }];
        }
        if environment.windows {
            return ["docker_engine", "podman-machine-default"].map(|pipe| Self::new(format!("npipe:////./pipe/{pipe}"))).to_vec();
        }
        let mut sockets = vec!["/var/run/docker.sock".to_owned()];
        let runtime_dir = set(&environment.runtime_dir);
        if let Some(folder) = &runtime_dir {
            sockets.push(format!("{folder}/docker.sock"));
        }
        if let Some(home) = set(&environment.home) {
            // Docker Desktop (current, older Linux), OrbStack, Colima, Rancher Desktop.
            for path in [
                ".docker/run/docker.sock",
                ".docker/desktop/docker.sock",
                ".orbstack/run/docker.sock",
                ".colima/default/docker.sock",
                ".rd/docker.sock",
            ] {
                sockets.push(format!("{home}/{path}"));
            }
        }
        sockets.push("/run/podman/podman.sock".to_owned());
        if let Some(folder) = &runtime_dir {
            sockets.push(format!("{folder}/podman/podman.sock"));
        }
        sockets.into_iter().map(|path| Self::new(format!("unix://{path}"))).collect()
    }

    /// A client for the address. It says only whether the address makes sense; nothing is sent yet.
    fn client(&self) -> Result<Docker, String> {
        let scheme = self.url.split_once("://").map_or("", |(scheme, _)| scheme);
        let docker = match (scheme, &self.certificates) {
            ("unix", _) if cfg!(unix) => self.local_client(),
            ("npipe", _) if cfg!(windows) => self.local_client(),
            ("tcp" | "http" | "https", Some(folder)) => {
                let file = |name: &str| folder.join(name);
                Docker::connect_with_ssl(&self.url, &file("key.pem"), &file("cert.pem"), &file("ca.pem"), CALL_LIMIT_S, API_DEFAULT_VERSION)
            }
            ("tcp" | "http", None) => Docker::connect_with_http(&self.url, CALL_LIMIT_S, API_DEFAULT_VERSION),
            _ => return Err("this kind of address is not supported".to_owned()),
        };
        docker.map(|docker| docker.with_request_modifier(mend_login_header)).map_err(|error| error::message(&error))
    }

    fn local_client(&self) -> Result<Docker, bollard::errors::Error> {
        Docker::connect_with_local(&self.url, CALL_LIMIT_S, API_DEFAULT_VERSION)
    }
}

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
pub(crate) struct Engine {
    pub docker: Docker,
    pub info: Arc<EngineInfo>,
}

impl Engine {
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
                Err(_) => return BackendError::Unreachable { message: format!("no answer from {}", self.info.address) },
            }
        }
    }
}

/// The engine in use. One at a time; found again on every [`Connection::probe`].
pub(crate) struct Connection {
    addresses: Vec<EngineAddress>,
    current: Mutex<Option<Engine>>,
}

impl Connection {
    pub fn new(addresses: Vec<EngineAddress>) -> Self {
        Self { addresses, current: Mutex::new(None) }
    }

    /// The engine found before, or the first that answers now.
    pub async fn engine(&self) -> Result<Engine, BackendError> {
        // The lock is held while looking, so that ten steps that start together look once.
        let mut current = self.current.lock().await;
        match &*current {
            Some(engine) => Ok(engine.clone()),
            None => {
                let engine = self.find().await?;
                *current = Some(engine.clone());
                Ok(engine)
            }
        }
    }

    /// Looks again. Where nothing answers the engine in use is kept: it may come back, and what we made is there.
    pub async fn probe(&self) -> Result<Engine, BackendError> {
        let engine = self.find().await?;
        *self.current.lock().await = Some(engine.clone());
        Ok(engine)
    }

    async fn find(&self) -> Result<Engine, BackendError> {
        let mut reasons = Vec::new();
        for address in &self.addresses {
            let answer = match address.client() {
                Ok(docker) => {
                    tokio::time::timeout(PROBE_LIMIT, ask(docker, &address.url)).await.unwrap_or_else(|_| Err("no answer".to_owned()))
                }
                Err(reason) => Err(reason),
            };
            match answer {
                Ok(engine) => return Ok(engine),
                Err(reason) => reasons.push(format!("`{}`: {reason}", address.url)),
            }
        }
        let message = if reasons.is_empty() { "no address of an engine is known".to_owned() } else { reasons.join("; ") };
        Err(BackendError::Unreachable { message })
    }
}

async fn ask(docker: Docker, url: &str) -> Result<Engine, String> {
    let docker = docker.negotiate_version().await.map_err(|error| error::message(&error))?;
    let version = docker.version().await.map_err(|error| error::message(&error))?;
    let is_podman = version.components.iter().flatten().any(|component| component.name.contains("Podman"));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let info = EngineInfo {
        name: if is_podman { "Podman" } else { "Docker" }.to_owned(),
        version: text(&version.version),
        api_version: docker.client_version().to_string(),
        address: url.to_owned(),
        platform: format!("{}/{}", text(&version.os), text(&version.arch)),
        isolated: true,
    };
    Ok(Engine { docker, info: Arc::new(info) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(environment: &EngineEnvironment) -> Vec<String> {
        EngineAddress::candidates(environment).into_iter().map(|address| address.url).collect()
    }

    #[test]
    fn docker_host_is_an_order() {
        let mut environment = EngineEnvironment {
            docker_host: Some("tcp://10.0.0.1:2376".into()),
            home: Some("/home/ann".into()),
            runtime_dir: Some("/run/user/1000".into()),
            ..Default::default()
        };
        assert_eq!(urls(&environment), ["tcp://10.0.0.1:2376"]);
        assert_eq!(EngineAddress::candidates(&environment)[0].certificates, None);
        environment.docker_tls_verify = true;
        assert_eq!(EngineAddress::candidates(&environment)[0].certificates, Some("/home/ann/.docker".into()));
        environment.docker_cert_path = Some("/certs".into());
        assert_eq!(EngineAddress::candidates(&environment)[0].certificates, Some("/certs".into()));
    }

    #[test]
    fn the_usual_places() {
        let environment = EngineEnvironment {
            docker_host: Some(" ".into()),
            home: Some("/home/ann".into()),
            runtime_dir: Some("/run/user/1000".into()),
            ..Default::default()
        };
        let found = urls(&environment);
        assert_eq!(found[..2], ["unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock"]);
        assert_eq!(found[found.len() - 2..], ["unix:///run/podman/podman.sock", "unix:///run/user/1000/podman/podman.sock"]);
        let bare = urls(&EngineEnvironment::default());
        assert_eq!(bare, ["unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"]);
        let windows = urls(&EngineEnvironment { windows: true, ..Default::default() });
        assert_eq!(windows[0], "npipe:////./pipe/docker_engine");
    }

    #[tokio::test]
    async fn nothing_there_names_every_place() {
        let addresses = ["unix:///nowhere/a.sock", "ssh://build@host", "tcp://127.0.0.1:9"].map(EngineAddress::new).to_vec();
        let error = Connection::new(addresses).engine().await.err().unwrap().to_string();
        for part in ["`unix:///nowhere/a.sock`: ", "`ssh://build@host`: this kind of address is not supported", "`tcp://127.0.0.1:9`: "] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
    }
}
