//! The container engine of the tests: reaching it, looking at what is in it, and making it disappear.

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder};
use lp_backend::Backend as _;
use lp_backend_docker::{DockerBackend, DockerOptions, EngineAddress, EngineEnvironment};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where the app itself would look for an engine on this machine.
pub fn addresses() -> Vec<EngineAddress> {
    let value = |name: &str| std::env::var(name).ok();
    EngineAddress::candidates(&EngineEnvironment {
        docker_host: value("DOCKER_HOST"),
        docker_tls: value("DOCKER_TLS").is_some_and(|text| !text.is_empty()),
        docker_tls_verify: value("DOCKER_TLS_VERIFY").is_some_and(|text| !text.is_empty()),
        docker_cert_path: value("DOCKER_CERT_PATH"),
        docker_config: value("DOCKER_CONFIG"),
        ssh_config: value("LETTERPRESS_SSH_CONFIG"),
        home: value("HOME"),
        runtime_dir: value("XDG_RUNTIME_DIR"),
        windows: cfg!(windows),
    })
}

/// A client of the engine.
///
/// # Panics
/// When no engine answers: a test that needs one must fail with that reason, never pass silently.
pub async fn require_engine() -> Docker {
    let probe = DockerBackend::new(DockerOptions::new(addresses(), "test"));
    let found = match probe.probe(None).await {
        Ok(found) => found,
        Err(error) => panic!("this test needs a container engine (on Debian: apt-get install docker.io, then start dockerd): {error}"),
    };
    let docker = Docker::connect_with_host(&found.address).expect("the address was just used");
    docker.negotiate_version().await.expect("the engine has just answered")
}

/// Path of the engine's Unix socket.
///
/// # Panics
/// When the engine is not reached over a Unix socket, or not at all.
pub async fn require_socket() -> PathBuf {
    let probe = DockerBackend::new(DockerOptions::new(addresses(), "test"));
    let address = probe.probe(None).await.expect("this test needs a container engine").address;
    let path = address.strip_prefix("unix://").expect("this test needs an engine on a Unix socket");
    PathBuf::from(path)
}

/// Names of the containers, networks and volumes in the engine that carry a label with that value.
pub async fn labelled(docker: &Docker, label: &str, value: &str) -> Vec<String> {
    let filter = HashMap::from([("label".to_owned(), vec![format!("{label}={value}")])]);
    let containers = docker.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(&filter).build()));
    let networks = docker.list_networks(Some(ListNetworksOptionsBuilder::new().filters(&filter).build()));
    let volumes = docker.list_volumes(Some(ListVolumesOptionsBuilder::new().filters(&filter).build()));
    let (containers, networks, volumes) = tokio::try_join!(containers, networks, volumes).expect("the engine lists what it has");
    let mut names: Vec<String> = containers
        .into_iter()
        .flat_map(|container| container.names.unwrap_or_default())
        .map(|name| format!("container {}", name.trim_start_matches('/')))
        .collect();
    names.extend(networks.into_iter().filter_map(|network| network.name).map(|name| format!("network {name}")));
    names.extend(volumes.volumes.into_iter().flatten().map(|volume| format!("volume {}", volume.name)));
    names.sort();
    names
}

/// What the line between a client and the engine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Works,
    /// Connections stay open, nothing gets through: a hung engine.
    Hangs,
    /// Connections are closed, new ones are refused: an engine that has ended.
    Cut,
}

/// A door in front of the engine's socket that tests can shut, so that "the engine is gone" harms nobody else.
pub struct EngineDoor {
    line: watch::Sender<Line>,
    path: PathBuf,
    // Aborts the copying when the door is dropped.
    _tasks: JoinSet<()>,
}

impl EngineDoor {
    /// Opens a door at `path` (a new Unix socket) that leads to `engine`.
    ///
    /// # Panics
    /// When the socket cannot be made.
    pub fn open(path: &Path, engine: PathBuf) -> Self {
        let listener = UnixListener::bind(path).expect("a new socket can be made in a folder of the test");
        let (line, state) = watch::channel(Line::Works);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, engine, state));
        Self { line, path: path.to_owned(), _tasks: tasks }
    }

    /// Address for a backend.
    pub fn address(&self) -> EngineAddress {
        EngineAddress::new(format!("unix://{}", self.path.display()))
    }

    /// From now on the engine hangs: nothing is answered any more.
    pub fn hang(&self) {
        self.line.send_replace(Line::Hangs);
    }

    /// From now on the engine is gone.
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }
}

async fn accept(listener: UnixListener, engine: PathBuf, line: watch::Receiver<Line>) {
    let mut connections = JoinSet::new();
    loop {
        let mut state = line.clone();
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = state.wait_for(|line| *line == Line::Cut) => break,
        };
        if let Ok((client, _)) = accepted {
            connections.spawn(carry(client, engine.clone(), line.clone()));
        }
    }
    // The socket is closed and every connection dropped with it.
}

async fn carry(mut client: UnixStream, engine: PathBuf, mut line: watch::Receiver<Line>) {
    let Ok(mut server) = UnixStream::connect(engine).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        _ = line.wait_for(|line| *line != Line::Works) => {}
    }
    // Both ends stay open and nobody copies, until the line is cut or the door is gone.
    let _ = line.wait_for(|line| *line == Line::Cut).await;
}

/// Waits until an engine that was just started answers; false when it does not within a minute.
pub(crate) async fn answers(address: &EngineAddress) -> bool {
    let probe = DockerBackend::new(DockerOptions::new(vec![address.clone()], "test"));
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let answered = async {
        while probe.probe(None).await.is_err() {
            beat.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.is_ok()
}

/// An engine of the test's own on a small disk in memory, so that the disk can be filled. Only root can have one.
pub struct OwnEngine {
    folder: tempfile::TempDir,
    daemon: std::process::Child,
}

impl OwnEngine {
    /// Starts it with a disk of that size.
    ///
    /// # Panics
    /// When the test does not run as root, `dockerd` is or `unshare` is not installed, or it does not answer within a minute.
    pub async fn start(disk_megabytes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the engine");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("data")).expect("a folder for its disk");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={disk_megabytes}m"), "tmpfs"]).arg(path("data")).status();
        assert!(mounted.is_ok_and(|status| status.success()), "a disk in memory can be mounted only by root");
        let log = std::fs::File::create(path("log")).expect("a file for its log");
        // Without rules for packets: nothing here goes out. And in a network of its own: an engine without a bridge removes the bridge that
        // it finds, which is that of the machine's own engine.
        let daemon = Command::new("unshare")
            .args(["--net", "dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false"])
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .arg("--host")
            .arg(format!("unix://{}", path("sock").display()))
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .expect("`unshare` can be started (on Debian: apt-get install util-linux)");
        let engine = Self { folder, daemon };
        if !answers(&engine.address()).await {
            let log = std::fs::read_to_string(engine.folder.path().join("log")).unwrap_or_default();
            panic!("the test's own engine does not answer: {log}");
        }
        engine
    }

    /// Where it listens.
    pub fn address(&self) -> EngineAddress {
        EngineAddress::new(format!("unix://{}", self.folder.path().join("sock").display()))
    }
}

impl Drop for OwnEngine {
    /// Ends it by the polite signal, on which it ends its own children, and takes its disk away.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg("-TERM").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
        let _ = Command::new("umount").arg("-l").arg(self.folder.path().join("data")).status();
    }
}
