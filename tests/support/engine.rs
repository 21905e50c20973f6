//! An engine of the test's own that can be ended and started again in every way. Only root can have one.

use lp_backend::Backend as _;
use lp_backend_docker::{DockerBackend, DockerOptions, EngineAddress};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A `dockerd` with a default bridge in a network of its own, away from the machine's.
pub struct RestartableEngine {
    folder: tempfile::TempDir,
    /// Keeps the network while no engine runs.
    network: Child,
    daemon: Option<Child>,
}

impl RestartableEngine {
    /// Starts it.
    ///
    /// # Panics
    /// When the test does not run as root, `dockerd`, `unshare` or `nsenter` is not installed, or it does not answer within a minute.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the engine");
        let network = Command::new("unshare").args(["--net", "sleep", "infinity"]).spawn().expect("`unshare` can be started");
        let mut engine = Self { folder, network, daemon: None };
        engine.begin().await;
        engine
    }

    /// Where it listens.
    pub fn address(&self) -> EngineAddress {
        EngineAddress::new(format!("unix://{}", self.folder.path().join("sock").display()))
    }

    /// Starts it on what it had before; returns when it answers.
    ///
    /// # Panics
    /// When it runs, or does not answer within a minute.
    pub async fn begin(&mut self) {
        assert!(self.daemon.is_none(), "the engine runs already");
        let path = |name: &str| self.folder.path().join(name);
        let log = std::fs::File::options().create(true).append(true).open(path("log")).expect("a file for its log");
        // Without rules for packets: nothing here goes out.
        let daemon = Command::new("nsenter")
            .arg(format!("--net=/proc/{}/ns/net", self.network.id()))
            .args(["dockerd", "--iptables=false", "--ip6tables=false", "--shutdown-timeout=3"])
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
            .expect("`nsenter` can be started (on Debian: apt-get install util-linux)");
        self.daemon = Some(daemon);
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        let answers = async {
            loop {
                beat.tick().await;
                let probe = DockerBackend::new(DockerOptions::new(vec![self.address()], "test"));
                if probe.probe(None).await.is_ok() {
                    break;
                }
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), answers).await.is_err() {
            let log = std::fs::read_to_string(path("log")).unwrap_or_default();
            panic!("the test's own engine does not answer: {log}");
        }
    }

    /// Ends it as a system does that updates it: containers are asked to end, then killed.
    pub async fn end(&mut self) {
        self.signal_and_wait("-TERM").await;
    }

    /// Kills it; its containers run on.
    pub async fn kill(&mut self) {
        self.signal_and_wait("-KILL").await;
        // Its `containerd` dies with it. The files that the dead leave name processes that can be another's by now, or that nobody has
        // buried: the next engine would wait for them.
        for file in ["pid", "exec/containerd/containerd.pid"] {
            let _ = std::fs::remove_file(self.folder.path().join(file));
        }
    }

    /// Stops it in its tracks, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        self.signal(if frozen { "-STOP" } else { "-CONT" });
    }

    fn signal(&self, name: &str) {
        let daemon = self.daemon.as_ref().expect("the engine runs");
        let sent = Command::new("kill").arg(name).arg(daemon.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "a child of ours can be sent a signal");
    }

    async fn signal_and_wait(&mut self, name: &str) {
        self.signal(name);
        let mut daemon = self.daemon.take().expect("the engine runs");
        tokio::task::spawn_blocking(move || daemon.wait()).await.expect("it is waited for").expect("it is a child of ours");
    }
}

impl Drop for RestartableEngine {
    /// Ends it by the polite signal, on which it ends its own children.
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            for signal in ["-CONT", "-TERM"] {
                let _ = Command::new("kill").arg(signal).arg(daemon.id().to_string()).status();
            }
            let _ = daemon.wait();
        }
        let _ = self.network.kill();
        let _ = self.network.wait();
        // One that was killed has left this behind, and its successor does not take it for its own.
        let _ = Command::new("umount").args(["-q", "-l"]).arg(self.folder.path().join("data")).stderr(Stdio::null()).status();
    }
}
