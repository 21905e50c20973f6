//! Where engines may listen.

use lp_model::{Message, message};
use std::path::PathBuf;

/// A place where an engine may listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineAddress {
    /// `unix:///var/run/docker.sock`, `tcp://host:2376`, `ssh://user@host:22`, `npipe:////./pipe/docker_engine`. An `ssh` address may go
    /// on with the path of the engine's socket over there.
    pub url: String,
    /// How a `tcp` address is secured; plain when not given. An `https` address without it is judged by the system's certificates.
    pub tls: Option<Tls>,
    /// File that `ssh` reads its settings from instead of the user's own.
    pub ssh_config: Option<PathBuf>,
    /// Why nothing can be there, when that is known already (a context that does not exist): it is not asked, and this is its problem.
    pub problem: Option<Message>,
}

/// How a connection is secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Folder with `ca.pem` (who must have signed the engine's certificate; the system's authorities when it is missing), and `cert.pem` and
    /// `key.pem` (what we show to the engine; nothing when both are missing).
    pub folder: PathBuf,
    /// Whether the engine must prove who it is.
    pub verify: bool,
}

/// The values of the process environment that say where engines listen, read by the caller.
#[derive(Debug, Clone, Default)]
pub struct EngineEnvironment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// Whether `DOCKER_TLS` is set and not empty: the connection is secured, the engine need not prove who it is.
    pub docker_tls: bool,
    /// Whether `DOCKER_TLS_VERIFY` is set and not empty.
    pub docker_tls_verify: bool,
    /// `DOCKER_CERT_PATH`.
    pub docker_cert_path: Option<String>,
    /// `DOCKER_CONFIG`.
    pub docker_config: Option<String>,
    /// File that `ssh` reads its settings from instead of the user's own.
    pub ssh_config: Option<String>,
    /// Home folder of the user.
    pub home: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<String>,
    /// Whether this is Windows, where engines listen on named pipes.
    pub windows: bool,
}

impl EngineEnvironment {
    /// The folder of the `docker` command, with its `config.json`, its contexts and its certificates.
    pub fn docker_folder(&self) -> Option<PathBuf> {
        set(&self.docker_config).map(PathBuf::from).or_else(|| set(&self.home).map(|home| PathBuf::from(home).join(".docker")))
    }

    /// An address as `DOCKER_HOST` means it: with the certificates that the environment names.
    pub fn address(&self, url: &str) -> EngineAddress {
        let folder = || set(&self.docker_cert_path).map(PathBuf::from).or_else(|| self.docker_folder());
        let tls = if self.docker_tls || self.docker_tls_verify {
            folder().map(|folder| Tls { folder, verify: self.docker_tls_verify })
        } else {
            None
        };
        EngineAddress { tls, ssh_config: set(&self.ssh_config).map(PathBuf::from), ..EngineAddress::new(url.trim()) }
    }
}

/// The address without its password, if there is one.
fn without_password(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (user, place) = rest.split_once('/').map_or(rest, |(authority, _)| authority).rsplit_once('@')?;
    let (name, _) = user.split_once(':')?;
    let path = &rest[user.len() + 1 + place.len()..];
    Some(format!("{scheme}://{name}@{place}{path}"))
}

fn set(value: &Option<String>) -> Option<String> {
    value.clone().filter(|text| !text.trim().is_empty())
}

impl EngineAddress {
    /// An address without TLS. One with a password in it cannot be used, and the password goes no further: addresses are shown and stored.
    pub fn new(url: impl Into<String>) -> Self {
        let url = url.into();
        let without = without_password(&url);
        let problem = without.is_some().then(|| message!("a password cannot be part of an address; use a key, or certificates"));
        Self { url: without.unwrap_or(url), tls: None, ssh_config: None, problem }
    }

    /// A place of which only the name is known, and why nothing can be there.
    pub fn unusable(name: impl Into<String>, problem: Message) -> Self {
        Self { problem: Some(problem), ..Self::new(name) }
    }

    /// What stands before `://`.
    pub(super) fn scheme(&self) -> &str {
        self.url.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// Where to look for an engine, best first. `DOCKER_HOST` is an order: when it is set, nothing else is tried.
    /// Otherwise Docker comes before Podman, and the system's engine before the user's own, as the `docker` command does it.
    pub fn candidates(environment: &EngineEnvironment) -> Vec<Self> {
        if let Some(host) = set(&environment.docker_host) {
            return vec![environment.address(&host)];
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
            docker_host: Some(" tcp://10.0.0.1:2376".into()),
            home: Some("/home/ann".into()),
            runtime_dir: Some("/run/user/1000".into()),
            ..Default::default()
        };
        let tls = |environment: &EngineEnvironment| EngineAddress::candidates(environment)[0].tls.clone();
        let in_folder = |folder: &str, verify| Some(Tls { folder: folder.into(), verify });
        assert_eq!(urls(&environment), ["tcp://10.0.0.1:2376"]);
        assert_eq!(tls(&environment), None);
        environment.docker_tls = true;
        assert_eq!(tls(&environment), in_folder("/home/ann/.docker", false));
        environment.docker_tls_verify = true;
        assert_eq!(tls(&environment), in_folder("/home/ann/.docker", true));
        environment.docker_config = Some("/config".into());
        assert_eq!(tls(&environment), in_folder("/config", true));
        environment.docker_cert_path = Some("/certs".into());
        assert_eq!(tls(&environment), in_folder("/certs", true));
    }

    #[test]
    fn a_password_goes_no_further() {
        let address = EngineAddress::new("ssh://ann:hunter2@build:22/run/docker.sock");
        assert_eq!(address.url, "ssh://ann@build:22/run/docker.sock");
        assert!(address.problem.unwrap().to_string().contains("use a key"));
        for url in ["ssh://ann@build:22/a:b@c", "tcp://[::1]:2376", "unix:///a:b@c", "npipe:////./pipe/docker_engine"] {
            assert_eq!((EngineAddress::new(url).url.as_str(), EngineAddress::new(url).problem), (url, None));
        }
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
}
