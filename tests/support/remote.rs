//! Engines that are reached over a network, on this machine: a dockerd with TLS on a port, and a server for ssh in front of a socket.

use crate::docker::answers;
use bollard::{API_DEFAULT_VERSION, Docker};
use lp_backend_docker::{EngineAddress, Tls};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;

/// A port that nobody listens on.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of this machine");
    listener.local_addr().expect("it was just bound").port()
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
}

/// Ends a process of ours by the polite signal, on which it ends its own children.
fn end(process: &mut Child) {
    let _ = Command::new("kill").arg("-TERM").arg(process.id().to_string()).status();
    let _ = process.wait();
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the folder of the test is writable");
}

/// An authority of the tests, which signs certificates.
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// A new one with its files in a new folder.
    ///
    /// # Panics
    /// When `openssl` is not installed or fails.
    pub fn new(folder: PathBuf) -> Self {
        fs::create_dir(&folder).expect("a new folder");
        let authority = Self { folder };
        run(authority.openssl(&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority"]).args([
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            "key.pem",
            "-out",
            "ca.pem",
        ]));
        authority
    }

    fn openssl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(&self.folder);
        command
    }

    /// A folder with `ca.pem`, `cert.pem` and `key.pem`, as an engine or one who calls it needs it.
    ///
    /// # Panics
    /// When `openssl` fails.
    pub fn certificates(&self, name: &str, use_for: &str) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir(&folder).expect("a new folder");
        let file = |file: &str| format!("{name}/{file}");
        write(&self.folder.join(file("extensions")), &format!("subjectAltName=IP:127.0.0.1\nextendedKeyUsage={use_for}\n"));
        run(self.openssl(&["req", "-newkey", "rsa:2048", "-nodes", "-subj", &format!("/CN={name}")]).args([
            "-keyout",
            &file("key.pem"),
            "-out",
            &file("request"),
        ]));
        run(self
            .openssl(&["x509", "-req", "-in", &file("request"), "-CA", "ca.pem", "-CAkey", "key.pem", "-CAcreateserial", "-days", "2"])
            .args(["-extfile", &file("extensions"), "-out", &file("cert.pem")]));
        fs::copy(self.folder.join("ca.pem"), folder.join("ca.pem")).expect("the folder is writable");
        folder
    }
}

/// A dockerd of the test's own on a port of 127.0.0.1 that wants certificates. Only root can have one.
pub struct TlsEngine {
    folder: tempfile::TempDir,
    port: u16,
    client: PathBuf,
    bridge: String,
    daemon: Child,
}

impl TlsEngine {
    /// Starts it, with a bridge and addresses of its own: an engine without a bridge removes the one of the machine's own engine.
    ///
    /// # Panics
    /// When the test does not run as root, `dockerd`, `ip` or `openssl` is not installed, or it does not answer within a minute.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the engine");
        let path = |name: &str| folder.path().join(name);
        let authority = Authority::new(path("authority"));
        let server = authority.certificates("server", "serverAuth");
        let client = authority.certificates("client", "clientAuth");
        // The last bytes of an id are random.
        let [.., high, low] = *uuid::Uuid::now_v7().as_bytes();
        let (bridge, net) = (format!("lpt{high:02x}{low:02x}"), format!("10.{}.{low}", 128 + high / 2));
        run(Command::new("ip").args(["link", "add", "name", &bridge, "type", "bridge"]));
        run(Command::new("ip").args(["address", "add", &format!("{net}.1/28"), "dev", &bridge]));
        let port = free_port();
        let log = fs::File::create(path("log")).expect("a file for its log");
        let daemon = Command::new("dockerd")
            .args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--userland-proxy=false"])
            .args(["--bridge", &bridge])
            .args(["--default-address-pool", &format!("base={net}.0/24,size=28")])
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .args(["--tlsverify", "--host", &format!("tcp://127.0.0.1:{port}")])
            // The door by which the test looks into it.
            .args(["--host", &format!("unix://{}", path("sock").display())])
            .arg("--tlscacert")
            .arg(server.join("ca.pem"))
            .arg("--tlscert")
            .arg(server.join("cert.pem"))
            .arg("--tlskey")
            .arg(server.join("key.pem"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("this test needs dockerd (on Debian: apt-get install docker.io)");
        let engine = Self { folder, port, client, bridge, daemon };
        if !answers(&engine.address()).await {
            panic!("the test's own engine does not answer: {}", engine.log());
        }
        engine
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `tcp://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// The folder with the certificates that it accepts.
    pub fn certificates(&self) -> &Path {
        &self.client
    }

    /// A folder of the test that goes away with the engine.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client that does not come by TLS.
    ///
    /// # Panics
    /// When the engine does not answer.
    pub async fn client(&self) -> Docker {
        let socket = format!("unix://{}", self.folder.path().join("sock").display());
        let docker = Docker::connect_with_local(&socket, 120, API_DEFAULT_VERSION).expect("the socket is there");
        docker.negotiate_version().await.expect("it has just answered")
    }

    /// Where and how it is reached.
    pub fn address(&self) -> EngineAddress {
        let tls = Tls { folder: self.client.clone(), verify: true };
        EngineAddress { tls: Some(tls), ..EngineAddress::new(self.url()) }
    }
}

impl Drop for TlsEngine {
    fn drop(&mut self) {
        end(&mut self.daemon);
        let _ = Command::new("ip").args(["link", "delete", &self.bridge]).status();
    }
}

/// A server for ssh on a port of 127.0.0.1, with keys of its own, that lets in the user of the test and only by a key. Nothing of
/// the user's own ssh is read or written: everything stands in the file of [`SshServer::config`].
pub struct SshServer {
    folder: tempfile::TempDir,
    port: u16,
    user: String,
    daemon: Child,
}

impl SshServer {
    /// Starts it.
    ///
    /// # Panics
    /// When `sshd` or `ssh-keygen` is not installed, or it does not answer within a minute.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// The same with a text before the key of its one user, as `command="…"`.
    ///
    /// # Panics
    /// As [`SshServer::start`].
    pub async fn start_with(key_options: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let path = |name: &str| folder.path().join(name);
        let user = String::from_utf8(Command::new("id").arg("-un").output().expect("`id` can be started").stdout).expect("a name");
        let user = user.trim().to_owned();
        for key in ["host", "user", "other"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(key)));
        }
        let key = |name: &str| fs::read_to_string(path(&format!("{name}.pub"))).expect("it was just made");
        write(&path("authorized_keys"), &format!("{key_options} {}", key("user")));
        let port = free_port();
        write(&path("known_hosts"), &format!("[127.0.0.1]:{port} {}", key("host")));
        write(&path("changed_hosts"), &format!("[127.0.0.1]:{port} {}", key("other")));
        write(&path("no_hosts"), "");
        let client = |name: &str, hosts: &str, identity: &str| {
            let (hosts, identity) = (path(hosts), path(identity));
            let text = format!(
                "IdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {}\nGlobalKnownHostsFile none\n",
                identity.display(),
                hosts.display()
            );
            write(&path(name), &text);
        };
        client("config", "known_hosts", "user");
        client("config_unknown", "no_hosts", "user");
        client("config_changed", "changed_hosts", "user");
        client("config_stranger", "known_hosts", "other");
        let server = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nAllowUsers {user}\n",
            path("host").display(),
            path("authorized_keys").display()
        );
        write(&path("sshd_config"), &server);
        // Where a server that runs as root locks itself up; the package leaves it to the system's start.
        if user == "root" {
            fs::create_dir_all("/run/sshd").expect("root may make a folder");
        }
        let log = fs::File::create(path("log")).expect("a file for its log");
        // It starts itself anew for each connection, by the path that it was called with.
        let daemon = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("this test needs sshd (on Debian: apt-get install openssh-server openssh-client)");
        let server = Self { folder, port, user, daemon };
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        let listens = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
                beat.tick().await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), listens).await.is_err() {
            panic!("the test's own sshd does not listen: {}", server.log());
        }
        server
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The settings for `ssh` with which one gets in.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// Settings with which one does not: `unknown` (host), `changed` (key of the host), `stranger` (a key that it does not know).
    pub fn bad_config(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("config_{name}"))
    }

    /// `ssh://user@127.0.0.1:port`, and the socket when one is named.
    pub fn url(&self, socket: Option<&Path>) -> String {
        let socket = socket.map(|path| path.display().to_string()).unwrap_or_default();
        format!("ssh://{}@127.0.0.1:{}{socket}", self.user, self.port)
    }

    /// Where and how an engine behind it is reached.
    pub fn address(&self, socket: &Path) -> EngineAddress {
        EngineAddress { ssh_config: Some(self.config()), ..EngineAddress::new(self.url(Some(socket))) }
    }

    /// From now on it is gone, with all connections.
    pub fn cut(&mut self) {
        let mut all = vec![self.daemon.id()];
        all.extend(children(self.daemon.id()));
        for process in all {
            let _ = Command::new("kill").arg("-KILL").arg(process.to_string()).status();
        }
        let _ = self.daemon.wait();
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        end(&mut self.daemon);
    }
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let is_child = |process: &u32| {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // After the name in brackets: state, then the parent.
        text.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok()) == Some(parent)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}
