//! Debian's `docker-registry` as a registry of a test's own: with a password, and a certificate that nobody knows.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The only user.
pub const USER: &str = "ann";
/// Of that user.
pub const PASSWORD: &str = "hunter2";

/// The line of `htpasswd -B` for them.
const HTPASSWD: &str = "ann:$2y$05$Lry19eRtd/KB4eeMtvIywumHhDKAla2YfFeNmshrulLHt1rptmUO2\n";

/// The running registry. It ends, and its images go, when it is dropped.
pub struct Registry {
    folder: tempfile::TempDir,
    child: Child,
    /// Host and port as in the name of an image.
    pub host: String,
}

impl Registry {
    /// On the loopback interface, where an engine takes any certificate.
    ///
    /// # Panics
    /// When `docker-registry` or `openssl` is not installed, or it does not start.
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// On another address of this computer, where an engine looks at the certificate.
    ///
    /// # Panics
    /// As [`Registry::start`].
    pub fn start_at(address: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the registry");
        let path = folder.path();
        std::fs::write(path.join("htpasswd"), HTPASSWD).expect("our own folder");
        let names = format!("subjectAltName=IP:{address}");
        openssl(
            path,
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=test",
                "-addext",
                &names,
                "-keyout",
                "key",
                "-out",
                "crt",
            ],
        );
        let at = |name: &str| path.join(name).display().to_string();
        let config = serde_json::json!({
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": at("storage")}, "delete": {"enabled": true}},
            "http": {"addr": format!("{address}:0"), "secret": "x", "tls": {"certificate": at("crt"), "key": at("key")}},
            "auth": {"htpasswd": {"realm": "test", "path": at("htpasswd")}},
        });
        // JSON is YAML.
        std::fs::write(path.join("config.yml"), config.to_string()).expect("our own folder");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path.join("config.yml")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("`docker-registry` can be started (on Debian: apt-get install docker-registry)");
        let mut lines = BufReader::new(child.stderr.take().expect("it was asked for")).lines();
        let (mark, mut said) = (format!("listening on {address}:"), String::new());
        let port: String = loop {
            let Some(Ok(line)) = lines.next() else { panic!("docker-registry ended: {said}") };
            if let Some((_, rest)) = line.split_once(&mark) {
                break rest.chars().take_while(char::is_ascii_digit).collect();
            }
            said.push_str(&line);
        };
        // Ends when the child does.
        std::thread::spawn(move || lines.for_each(drop));
        Self { folder, child, host: format!("{address}:{port}") }
    }

    /// The digest that a tag of a repository means, as the registry keeps it.
    pub fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        let link = format!("storage/docker/registry/v2/repositories/{repository}/_manifests/tags/{tag}/current/link");
        std::fs::read_to_string(self.folder.path().join(link)).ok()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("`openssl` is installed");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}
