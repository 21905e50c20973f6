//! A Podman of the tests' own: its images, containers, volumes, networks and locks lie in a folder of the build, and nothing of the
//! machine's own Podman is touched.

use crate::docker::answers;
use crate::images;
use bollard::{API_DEFAULT_VERSION, Docker};
use lp_backend_docker::EngineAddress;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Settings that hold on every machine: the runtime that Docker brings along, no systemd, locks in files, names resolved by Podman's own
/// server.
const SETTINGS: &str = r#"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
[network]
network_backend = "netavark"
"#;

/// The runtime without the limits that Podman sets when it runs as root: they are higher than a machine that is a container itself
/// may have, and its API does not read others from the settings.
const RUNTIME: &str = r#"#!/bin/sh
for word; do
  case "$before" in
    --bundle | -b) file=$word/config.json ;;
    --process) file=$word ;;
    *) file= ;;
  esac
  [ -z "$file" ] || sed -i 's/,"rlimits":\[[^]]*\]//' "$file"
  before=$word
done
exec runc "$@"
"#;

/// Its API on a socket, until this is dropped.
pub struct Podman {
    folder: tempfile::TempDir,
    service: Child,
}

impl Podman {
    /// Starts it. Several at once share their images and containers.
    ///
    /// # Panics
    /// When `podman` is not installed or does not answer within a minute.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the socket");
        let log = fs::File::create(folder.path().join("log")).expect("a file for its log");
        let service = Command::new(command_in(folder.path()))
            .current_dir(folder.path())
            .args(["system", "service", "--time=0"])
            .arg(format!("unix://{}", folder.path().join("sock").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("this test needs Podman (on Debian: apt-get install podman netavark aardvark-dns runc)");
        let podman = Self { folder, service };
        if !answers(&podman.address()).await {
            panic!("the tests' own Podman does not answer: {}", read(&podman.folder.path().join("log")));
        }
        podman
    }

    /// Where it listens.
    pub fn address(&self) -> EngineAddress {
        EngineAddress::new(format!("unix://{}", self.folder.path().join("sock").display()))
    }

    /// The folder that it was started in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client of it.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn client(&self) -> Docker {
        let docker = Docker::connect_with_local(&self.address().url, 120, API_DEFAULT_VERSION).expect("the address was just used");
        docker.negotiate_version().await.expect("it has just answered")
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg("-TERM").arg(self.service.id().to_string()).status();
        let _ = self.service.wait();
    }
}

/// Makes a command `podman` in that folder, whose images, containers, volumes, networks and locks are the tests' own. They are kept between runs of
/// the tests, because of the images.
pub fn command_in(folder: &Path) -> PathBuf {
    let storage = std::path::absolute(images::cache_folder().with_file_name("lp-test-podman")).expect("there is a current folder");
    fs::create_dir_all(&storage).expect("the target folder is writable");
    let executable = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text).expect("the folder is writable");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        file
    };
    // Under its own name: Podman knows by it how the runtime says what went wrong.
    let runtime = executable("runc", RUNTIME);
    let settings = folder.join("containers.conf");
    let text = format!("{SETTINGS}[engine.runtimes]\nrunc = [\"{}\"]\n", runtime.display());
    fs::write(&settings, text).expect("the folder is writable");
    let parts: Vec<String> =
        [("root", "root"), ("runroot", "run"), ("tmpdir", "tmp"), ("volumepath", "volumes"), ("network-config-dir", "networks")]
            .iter()
            .map(|(option, part)| format!("--{option} '{}'", storage.join(part).display()))
            .collect();
    // The storage without a mount that would outlive the service, and keep the folder from being removed. The machine's own Podman, not this one.
    let script = format!(
        "#!/bin/sh\nexport PATH='{}' CONTAINERS_CONF='{}'\nexec podman {} --storage-opt overlay.skip_mount_home=true \"$@\"\n",
        std::env::var("PATH").unwrap_or_default(),
        settings.display(),
        parts.join(" ")
    );
    executable("podman", &script)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
